"""What an answer that is run again cannot reach: limits, name spaces and an audit hook, for good once they are set.

What holds on each system
-------------------------
Everywhere: an empty environment, an own temporary folder as home and as the place to work in, nothing printed, a limit
on time, and an audit hook that refuses sockets, other programs, processes, and writing outside that folder. (One helper is
allowed, the one that reads music files for the course.)

On Linux and macOS, also limits on processor time, memory, open files and the size of files. (macOS does not keep the
limit on memory.) On Linux, where the system allows it, also name spaces of its own for the network and for processes:
there is no network at all, and whatever the answer started ends with it. On Windows there are no limits but that on
time. On Windows and macOS every answer starts a Python of its own, which takes a second or two.

What it is not
--------------
A wall. The answer and the check run in one process, and Python lets code in one process change all of it. Accidents
stop here, and idle cheating: a printed verdict, an edited output, an endless loop, a deleted folder. Somebody who sets out
to break it can: by looking for the judge in the frames of other threads, or by writing where the hook is not told the place
(from C, through ctypes; beside an open folder, with dir_fd; as a named pipe). And an answer can read what the user can.
Use it for the work of people whom you know, or on a computer that holds
nothing of value.
"""

from __future__ import annotations

import ctypes
import multiprocessing.util
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["OPEN_FILES", "die_with_parent", "limit", "lock", "move_apart", "what_holds"]

MEMORY = 2 * 2**30  # bytes that an answer may take beyond what the process starts with
MEMORY_TRAINING = 8 * 2**30  # TensorFlow reserves far more than it uses
FILE_SIZE = 64 * 2**20
OPEN_FILES = 256
PROCESSES = 512

_CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
_PR_SET_PDEATHSIG = 1


# --- limits of the system ---------------------------------------------------------------------------


def move_apart() -> bool:
    """Move this process into a network without any connection, and its children into name spaces of their own.

    Returns False where the system does not have or not allow that. Then sockets are refused by the audit hook alone.
    """
    return bool(_libc(lambda libc: libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWPID) == 0))


def die_with_parent() -> None:
    """Have Linux end this process as soon as the one that started it ends."""
    _libc(lambda libc: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))


def what_holds() -> str:
    """Say in a sentence what keeps answers from the network and from other processes on this system."""
    if not hasattr(os, "fork"):
        return (
            "Answers ran without limits on memory, which Windows does not have; Python refused them sockets and other processes."
        )
    # In a copy of a process of its own: only a process with one thread can move, and there is no way back.
    code = "import os; from musiclab.classroom.locks import move_apart as move\n"
    code += "if not os.fork(): os._exit(not move())\n"
    code += "raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))"
    path = {"PYTHONPATH": os.pathsep.join(place or os.getcwd() for place in sys.path)}
    if subprocess.run([sys.executable, "-c", code], env=os.environ | path, check=False).returncode == 0:
        return "Answers ran in name spaces of their own: without a network, and with nothing left of them afterwards."
    return "Answers ran under limits, and Python refused them sockets and processes; this system allows no more than that."


def _libc(call: Callable[[Any], Any]) -> Any:
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            return call(ctypes.CDLL(None, use_errno=True))
    return None


def limit(seconds: float, *, trains: bool) -> None:
    """Limit what an answer may take of the computer."""
    try:
        import resource
    except ImportError:
        return  # Windows
    memory = MEMORY_TRAINING if trains else MEMORY
    with suppress(OSError, ValueError):  # of its start only Linux can say how much it is
        memory += int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = {"CPU": int(2 * seconds), "AS": memory, "FSIZE": FILE_SIZE, "NOFILE": OPEN_FILES, "CORE": 0}
    if os.getpid() == 1:  # in its own name space; otherwise all that the user runs would count
        limits["NPROC"] = PROCESSES
    for name, value in limits.items():
        with suppress(OSError, ValueError, AttributeError):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


# --- the audit hook ---------------------------------------------------------------------------------

_REFUSED = (
    ("socket.", "the network is out of reach"),
    ("os.fork", "no other processes"),
    ("os.posix_spawn", "no other programs"),
    ("os.spawn", "no other programs"),
    ("os.system", "no other programs"),
    ("os.exec", "no other programs"),
    ("os.startfile", "no other programs"),
    ("os.kill", "no signals to other processes"),
    ("signal.pthread_kill", "no signals to other processes"),
    ("pty.spawn", "no other programs"),
    ("_winapi.CreateProcess", "no other programs"),
    ("webbrowser.open", "no other programs"),
)
# Event -> the places of the paths among its arguments, and of the folder that each is relative to.
_WRITES = {
    "os.remove": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)),
    "os.rmdir": ((0, 1),),
    "os.mkdir": ((0, 2),),
    "os.link": ((0, 2), (1, 3)),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.utime": ((0, 3),),
    "os.setxattr": ((0, None),),
    "os.removexattr": ((0, None),),
    "shutil.rmtree": ((0, 1),),
    "sqlite3.connect": ((0, None),),
}
_HELPER = ["-P", "-m", "musiclab.reader"]


def lock(folder: str) -> None:
    """Refuse, from now on and for good, what an answer has no business with. The reading of files is left open."""
    home = os.path.realpath(folder) + os.sep
    helping = threading.local()  # .now: this thread is starting the helper that reads music

    def hook(event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
            if writes and path != os.devnull:
                _stay_inside(home, path, -1)
        elif event in _WRITES:
            for place, relative in _WRITES[event]:
                at = arguments[relative] if relative is not None and relative < len(arguments) else -1
                _stay_inside(home, arguments[place], at)
        elif event == "subprocess.Popen":
            helping.now = list(arguments[1])[1:4] == _HELPER and arguments[0] == sys.executable
            if not helping.now:
                raise PermissionError("refused while an answer is judged again: no other programs")
        elif event.startswith("os.posix_spawn") and getattr(helping, "now", False):
            helping.now = False
        else:
            for name, reason in _REFUSED:
                if event.startswith(name) and event != "socket.gethostname":
                    raise PermissionError(f"refused while an answer is judged again: {reason}")

    # The one way to start a process that tells no audit hook.
    multiprocessing.util.spawnv_passfds = _no_process
    sys.addaudithook(hook)


def _no_process(*arguments: Any) -> None:
    raise PermissionError("refused while an answer is judged again: no other processes")


def _stay_inside(home: str, path: Any, at: Any) -> None:
    """Raise PermissionError if a path that is about to be written leads out of the answer's folder."""
    if isinstance(path, int):
        return  # an open file: it was looked at when it was opened
    path = os.fsdecode(path)
    if isinstance(at, int) and at >= 0 and not os.path.isabs(path):
        path = os.path.join(_folder_of(at), path)
    parent, name = os.path.split(os.path.abspath(path))
    real = os.path.join(os.path.realpath(parent), name)
    for place in (real, os.path.realpath(real)):  # the entry itself, and what it is a link to
        if not (place + os.sep).startswith(home):
            raise PermissionError(f"refused while an answer is judged again: writing outside its own folder ({path})")


def _folder_of(descriptor: int) -> str:
    """Return the path of an open folder."""
    if sys.platform == "darwin":
        import fcntl

        return os.fsdecode(fcntl.fcntl(descriptor, 50, bytes(1024)).rstrip(b"\0"))  # F_GETPATH
    return os.readlink(f"/proc/self/fd/{descriptor}")
