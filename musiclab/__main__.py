"""``python -m musiclab``: open the course in JupyterLab.

It trusts the course's notebooks (an untrusted one shows no notation, sound or widgets until its cells have run), gives
JupyterLab the settings that the lessons need, and opens lesson 00. Nothing is written into the user's own Jupyter
settings, except the signatures of the trusted notebooks, and nothing is asked of the internet.
"""

import argparse
import errno
import importlib.util
import json
import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIRST_LESSON = "notebooks/00_start_here.ipynb"
USUAL_PORT = 8888
PORTS_TO_TRY = 50

OVERRIDES = {
    # No popup about news, and no question to the internet whether there are any.
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    # Widget events in order, in the kernel's main thread: elsewhere engraving and figures come out empty.
    "@jupyterlab/apputils-extension:kernels-settings": {"commsOverSubshells": "disabled"},
    # A progress bar that is saved without its state would come back as an error message.
    "@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True},
    # The course needs no further extensions; their list would be fetched from a package index.
    "@jupyterlab/extensionmanager-extension:plugin": {"enabled": False},
}
# Beside the settings, JupyterLab reads this: nothing was built here, so nothing needs to be built again.
PAGE_CONFIG = {"buildAvailable": False, "buildCheck": False}


class LaunchError(Exception):
    """What keeps the course from opening, as the sentence that the user reads."""


def find_lesson(root: Path = ROOT) -> Path:
    """Return the first lesson's path, or say why there is none.

    Parameters
    ----------
    root : Path
        The folder of the course.

    Returns
    -------
    Path
        The notebook to open.
    """
    lesson = root / FIRST_LESSON
    if not lesson.is_file():
        raise LaunchError(
            f"{lesson} is missing: the lessons are not part of the installed package. Get the whole course "
            "(git clone), and start it there with `make lab`, or after `pip install -e .` with `python -m musiclab`."
        )
    return lesson


def port_problem(port: int) -> str:
    """Say why a port of this machine cannot be used; an empty string when it can."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                if os.name != "nt":  # as the server does; on Windows it would let two programs share the port
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except PermissionError:
            return f"Port {port} is reserved for the system"
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"Port {port} is in use by another program"
            # Anything else is an address family that this machine does not have.
    return ""


def choose_port(asked: int | None) -> int:
    """Return the port to listen on: the one asked for, or else the first free one from 8888 on.

    Parameters
    ----------
    asked : int or None
        The user's own choice, which is never replaced in silence.

    Returns
    -------
    int
        A port that was free a moment ago.
    """
    if asked is not None:
        if not 1 <= asked <= 65535:
            raise LaunchError(f"{asked} is no port: choose one from 1024 to 65535.")
        if problem := port_problem(asked):
            raise LaunchError(f"{problem}: choose another (--port, or make lab PORT=...), or none to get one that is free.")
        return asked
    for port in range(USUAL_PORT, USUAL_PORT + PORTS_TO_TRY):
        if not port_problem(port):
            if port != USUAL_PORT:
                print(f"Port {USUAL_PORT} is in use; using {port} instead.")
            return port
    raise LaunchError(f"The ports {USUAL_PORT} to {port} are all in use: name a free one with --port (make lab PORT=...).")


def write_settings(folder: Path) -> Path:
    """Write the lab settings of the course into a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("overrides.json", OVERRIDES), ("page_config.json", PAGE_CONFIG)):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return folder


def is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, which is made if it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def replace_unwritable_homes(scratch: Path) -> list[str]:
    """Point Jupyter to a scratch folder wherever its own cannot be written.

    Parameters
    ----------
    scratch : Path
        A folder that lives as long as the server.

    Returns
    -------
    list of str
        The folders that were replaced.
    """
    from jupyter_core import paths

    homes = {
        "JUPYTER_CONFIG_DIR": paths.jupyter_config_dir,
        "JUPYTER_DATA_DIR": paths.jupyter_data_dir,
        "JUPYTER_RUNTIME_DIR": paths.jupyter_runtime_dir,
        "IPYTHONDIR": lambda: os.environ.get("IPYTHONDIR") or str(Path.home() / ".ipython"),
    }
    replaced = []
    for variable, home in homes.items():
        folder = home()
        if not is_writable(Path(folder)):
            os.environ[variable] = str(scratch / variable.lower())
            replaced.append(folder)
    return replaced


def trust(notebooks: Sequence[Path]) -> list[Path]:
    """Sign the notebooks that do not carry a valid signature, in the user's own signature store.

    Parameters
    ----------
    notebooks : sequence of Path
        The course's notebooks.

    Returns
    -------
    list of Path
        Those that were signed now: at the first start all, later the changed ones.
    """
    import nbformat
    from nbformat.sign import NotebookNotary

    notary = NotebookNotary()
    signed = []
    for path in notebooks:
        try:
            notebook = nbformat.read(path, as_version=4)
        except Exception as error:  # a damaged notebook must not keep the others from opening
            again = f"git checkout {path.parent.name}/{path.name}"
            print(f"{path.name} cannot be read ({type(error).__name__}): get it again with `{again}`.")
            continue
        if not notary.check_signature(notebook):
            notary.sign(notebook)
            signed.append(path)
    notary.store.close()
    return signed


def lab_arguments(root: Path, settings: Path, port: int, browser: bool) -> list[str]:
    """Return the command line for JupyterLab."""
    arguments = [
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/tree/{FIRST_LESSON}",
        f"--LabApp.app_settings_dir={settings}",
        "--LabApp.extension_manager=readonly",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LanguageServerManager.autodetect=False",  # it would run npm at each start to look for language servers
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.answer_yes=True",  # Ctrl-C ends the course without a question
        "--ServerApp.log_level=ERROR",  # what remains is the address and real errors
        "--LabApp.log_level=ERROR",
    ]
    if not browser:
        arguments.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        print("Running as root, as containers do; on your own computer, better start the course as yourself.")
        arguments.append("--allow-root")
    return arguments


def open_course(port: int | None, browser: bool) -> None:
    """Open the course and return when the server ends."""
    lesson = find_lesson()
    if importlib.util.find_spec("jupyterlab") is None:
        raise LaunchError('JupyterLab is not installed for this Python: run `make lab`, or first `pip install -e ".[test]"`.')
    chosen = choose_port(port)
    with tempfile.TemporaryDirectory(prefix="musiclab-", ignore_cleanup_errors=True) as folder:
        scratch = Path(folder)
        if replaced := replace_unwritable_homes(scratch):
            print(f"Not writable: {', '.join(replaced)}; what Jupyter keeps there lasts until you end the course.")
        trust(sorted(lesson.parent.glob("[0-9][0-9]_*.ipynb")))
        arguments = lab_arguments(ROOT, write_settings(scratch / "settings"), chosen, browser)
        opens = "opens in your browser" if browser else "waits at the address below"
        print(f"Lesson 00 {opens}; Ctrl-C here ends the course.", flush=True)
        from jupyterlab.labapp import LabApp

        LabApp.launch_instance(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the launcher and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m musiclab", description="Open the course in JupyterLab.")
    parser.add_argument("--no-browser", action="store_true", help="print the address instead of opening a browser")
    parser.add_argument("--port", type=int, help=f"the port to use (default: the first free one from {USUAL_PORT} on)")
    options = parser.parse_args(arguments)
    try:
        open_course(options.port, browser=not options.no_browser)
    except LaunchError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
