"""Start one student's server on a shared machine. JupyterHub runs this as the student; see jupyterhub_config.py.

The student's folder is ``~/musiclab``. It holds copies of the lessons, and links to what the lessons only read. A copy
that is there is never written over: whoever wants to begin a lesson afresh deletes or renames the notebook and starts
the server again. What the lessons write (the folder ``work``, with the progress file) lies beside the copies.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from musiclab.__main__ import ROOT, lab_arguments, trust, write_settings
from musiclab.corpus import cache_folder

# A kernel takes half a gigabyte or more. One whose notebook no page shows any more ends after half an hour.
CULL = ("--MappingKernelManager.cull_idle_timeout=1800", "--MappingKernelManager.cull_interval=120")
READ_ONLY = ("data", "benchmarks")  # the lessons name them as ../data and ../benchmarks
SHARED_CACHE = ROOT / "build" / "cache"  # filled by prepare.py


def make_folder(course: Path, folder: Path) -> list[Path]:
    """Make a student's folder, or add what it lacks; return the notebooks that are new."""
    notebooks = folder / "notebooks"
    (notebooks / "work").mkdir(parents=True, exist_ok=True)
    for name in READ_ONLY:
        link(folder / name, course / name)
    new = []
    for lesson in sorted((course / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        if not os.path.lexists(notebooks / lesson.name):
            unfinished = notebooks / f".{lesson.name}.unfinished"
            shutil.copyfile(lesson, unfinished)
            os.replace(unfinished, notebooks / lesson.name)
            new.append(notebooks / lesson.name)
    return new


def link(place: Path, target: Path) -> None:
    """Let `place` be a link to `target`. A student's own file or folder of that name stays."""
    if place.is_symlink():
        if place.resolve() == target.resolve():
            return
        place.unlink()  # the course has moved
    if place.exists():
        print(f"{place} is no link to {target}: the lessons read what is there.", file=sys.stderr)
    else:
        place.symlink_to(target)


def link_cache(shared: Path, own: Path) -> None:
    """Give the student the corpora that are already read. What a student reads besides is kept in the own cache."""
    own.mkdir(parents=True, exist_ok=True)
    for old in own.glob("*.npz"):
        if old.is_symlink() and not old.exists():
            old.unlink()  # the shared cache was filled anew
    corpora = sorted(shared.glob("*.npz"))
    if not corpora:
        print(f"{shared} is empty: run tools/hub/prepare.py, or each student waits for the corpora.", file=sys.stderr)
    for corpus in corpora:
        if not os.path.lexists(own / corpus.name):
            (own / corpus.name).symlink_to(corpus)


def server_command(folder: Path, settings: Path, more: list[str]) -> list[str]:
    """Return the command of the student's server, with the lab settings of the course."""
    # What begins with ServerApp (port, folder, browser) is for JupyterHub to say.
    lab = [argument for argument in lab_arguments(folder, settings, 0, True) if argument.startswith(("--LabApp", "--LanguageS"))]
    return [sys.executable, "-m", "jupyterhub.singleuser", *lab, *CULL, *more]


def main() -> None:
    """Make the folder and become the server."""
    os.umask(0o077)  # what a student writes is the student's own
    folder = Path.home() / "musiclab"
    try:
        make_folder(ROOT, folder)
        link_cache(SHARED_CACHE, cache_folder())
        settings = write_settings(Path(jupyter_runtime_dir()) / "musiclab-settings")
    except OSError as error:
        sys.exit(f"The course could not be put into {folder} ({error}). Is the disk or the student's quota full?")
    trust(sorted((folder / "notebooks").glob("[0-9][0-9]_*.ipynb")))
    command = server_command(folder, settings, sys.argv[1:])
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
