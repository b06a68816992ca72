"""JupyterHub for a class: the course lies once on the server, and each student works on copies in the own home.

A school writes a configuration of its own, which reads this one and adds how its people log in::

    load_subconfig("/opt/musiclab/tools/hub/jupyterhub_config.py")
    c.Authenticator.allowed_users = {"ada", "bela"}
    c.Authenticator.admin_users = {"teacher"}

TEACHING.md says what to install before. Each student needs an account on the server, for the rights of files keep
the students apart. `tools/hub/student.py` makes a student's folder when the server of the student starts.
"""

import os
from pathlib import Path

COURSE = Path(__file__).resolve().parents[2]
CORES = min(2, os.cpu_count() or 1)  # each student's share: the times that the lessons name are those of two cores
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")

c = get_config()  # noqa: F821  (JupyterHub gives it)

c.Spawner.cmd = [str(COURSE / ".venv/bin/python"), str(COURSE / "tools/hub/student.py")]
c.Spawner.notebook_dir = "~/musiclab"
c.Spawner.default_url = "/lab/tree/notebooks/00_start_here.ipynb"
c.Spawner.environment = {
    # Without a limit every student's programs would start a thread for each core of the server.
    **dict.fromkeys(THREADS, str(CORES)),
    # Several students on one graphics card: each takes what is needed, not all of it.
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
}
# A class begins all at once, and the first start of each copies the lessons.
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120
