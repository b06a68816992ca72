"""The room in which a student's answer is run again: a process of its own, that copies itself for each answer.

Seen from outside, `Room.judge` takes what has to run and returns what became of it. Seen from inside, the room loads the
course once; each answer gets a copy of it, which locks itself in (`musiclab.classroom.locks` says what that means, and
what it does not), runs the statements, and judges. The result comes back over a pipe, with a word that only the copy
and the room know; what an answer prints goes nowhere.
"""

from __future__ import annotations

import ast
import json
import linecache
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from musiclab.classroom.locks import OPEN_FILES, die_with_parent, limit, lock, move_apart

__all__ = ["Room", "serve"]

_PATIENCE = 5  # for a check to end after its own limit on time
_WORDS = 2000  # characters of a reason
_READY = "ready"
_START = 300  # a cold disk may take its time


# --- seen from outside ------------------------------------------------------------------------------


class Room:
    """A process that runs answers, one at a time. `judge` never raises what an answer does, and always comes back.

    Parameters
    ----------
    cache : str
        Where the corpora lie that were read before.
    forks : bool
        Whether to keep the process and let it copy itself for each answer. Windows cannot, and libraries of macOS do not
        survive it.
    """

    def __init__(self, cache: str, *, forks: bool = sys.platform == "linux") -> None:
        self._cache, self._forks = cache, forks
        self._process: subprocess.Popen | None = None
        self._folder = ""
        self._closed = False

    def judge(self, job: dict[str, Any]) -> dict[str, Any]:
        """Run a job, and return what became of it: "status", "reason", and for a verdict "held".

        A job has "exercise" (its number), "cells" (number of the cell -> text), "run" (pairs of cell and statement),
        "answer" (the expression that is checked), "files" (path below the folder -> file to copy), "trains", and two limits on
        time: "making" for the statements, and the exercise's own "seconds".
        """
        seconds = _seconds(job)
        for _ in range(2):  # a second one only if the room itself was at fault
            if self._closed:
                break
            try:
                process = self._process or self._open()
                token = secrets.token_hex(16)
                process.stdin.write(json.dumps(job | {"token": token}).encode() + b"\n")
                process.stdin.flush()
                answer = _line_of(process, token, seconds + _START if self._forks else seconds)
            except TimeoutError:
                self._leave()
                return _too_long(job)
            except OSError:
                self._leave()
                continue
            if not self._forks:
                self._leave()
            if answer:
                return json.loads(answer)
            self._leave()
            if not self._forks:  # this process was the answer's own
                return {"status": "wrong", "reason": "the answer ended the program before the check was over"}
        return {"status": "not re-run", "reason": "had no process to run in: the system is out of memory or of processes"}

    def close(self) -> None:
        """End the process and all that it started, for good."""
        self._closed = True
        self._leave()

    def _leave(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            _end(process.pid)
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                with suppress(OSError):  # what was not sent is lost with it
                    stream.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Room:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _open(self) -> subprocess.Popen:
        self._folder = tempfile.mkdtemp(prefix="musiclab-room-")
        # -I: neither the environment nor the folder decides what is imported. The path is that of this process.
        code = f"import sys; sys.path[:] = {[p or os.getcwd() for p in sys.path]!r}; from musiclab.classroom import room; "
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-c", f"{code}room.serve({self._forks})"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(self._folder, self._cache),
            cwd=self._folder,
            start_new_session=True,
        )
        self._process = process
        if not _line_of(process, _READY, _START):
            raise OSError("the room did not open")
        return process


def _seconds(job: dict[str, Any]) -> float:
    """How long a job may take from its beginning: to make the answer, and to check it."""
    return job["making"] + job["seconds"] + _PATIENCE


def _too_long(job: dict[str, Any]) -> dict[str, Any]:
    cells = ", ".join(str(cell) for cell in sorted({cell for cell, _ in job["run"]}))
    reason = f"needs more than {job['making']:g} s to be made again (code cells {cells})"
    return {"status": "not re-run", "reason": reason}


def _environment(folder: str, cache: str) -> dict[str, str]:
    """Return the few variables that programs cannot do without, and those of the course."""
    kept = ("SYSTEMROOT", "LANG", "LC_ALL", "LC_CTYPE")  # Python does not start without the first on Windows
    own = {
        **dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), folder),
        "PATH": os.defpath,
        "MUSICLAB_CACHE": cache,
        "MUSICLAB_PROGRESS": "off",
        "MPLBACKEND": "Agg",
        "CUDA_VISIBLE_DEVICES": "-1",  # several rooms would not share a graphics card
        "TF_CPP_MIN_LOG_LEVEL": "3",
        **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),  # a room has one core
    }
    return {name: os.environ[name] for name in kept if name in os.environ} | own


def _line_of(process: subprocess.Popen, token: str, seconds: float) -> bytes:
    """Read the line that begins with a token, and return the rest of it; b"" if the process ends first.

    A timer kills the process, which works on every system.
    """
    late = threading.Event()

    def stop() -> None:
        late.set()
        _end(process.pid)
        process.kill()

    timer = threading.Timer(seconds, stop)
    timer.start()
    try:
        line = b"\n"
        while line and not line.startswith(token.encode()):
            line = process.stdout.readline(2**20)
    finally:
        timer.cancel()
    if late.is_set():
        raise TimeoutError
    return line[len(token) :]


def _end(pid: int) -> None:
    """Kill a process and those of its group."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


# --- seen from inside -------------------------------------------------------------------------------


def serve(forks: bool) -> None:
    """Take jobs, a line each, and answer with a line each, until the input ends."""
    jobs, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):  # whatever prints must not get between the answers
        os.dup2(null, number)
    _say(answers, _READY, "")
    for line in jobs:
        job = json.loads(line)
        token = job.pop("token")
        if forks:
            _warm(int(job["exercise"].split(".")[0]))
            result = _in_a_copy(job)
        else:
            limit(_seconds(job), trains=job["trains"])
            box: list[dict[str, Any]] = []
            _run(job, tempfile.gettempdir(), box.append)
            result = box[-1]
        _say(answers, token, json.dumps(result))


def _say(stream: Any, token: str, text: str) -> None:
    stream.write(f"{token}{text}\n".encode())
    stream.flush()


@cache
def _warm(lesson: int) -> None:
    """Load what every copy needs for a lesson, and let its checks prepare their music, so that the copies need not."""
    from musiclab.exercises import exercises_of, judge

    for exercise in exercises_of(lesson):
        for mistake in exercise.mistakes:
            judge(exercise, mistake.answer)


def _in_a_copy(job: dict[str, Any]) -> dict[str, Any]:
    """Run a job in a copy of this process, which ends with it, and say how it ended if it did not say so itself."""
    folder = tempfile.mkdtemp(prefix="answer-")
    reading, writing = os.pipe()
    token = secrets.token_hex(16)
    pid = os.fork()
    if not pid:
        with suppress(BaseException):
            _copy(job, folder, writing, token)
        os._exit(70)
    os.close(writing)
    try:
        said = _listen(reading, job, token)
        status = _end_of(pid)
    finally:
        os.close(reading)
        shutil.rmtree(folder, ignore_errors=True)
    if said and said[-1]["status"] != "checking":
        return said[-1]
    if status is not None:
        return {"status": "wrong", "reason": f"the answer ended the program before the check was over ({_how(status)})"}
    if not said:
        return _too_long(job)
    return {"status": "wrong", "reason": f"the check took longer than {job['seconds']:g} s and could not be stopped"}


def _end_of(pid: int) -> int | None:
    """Give a copy a moment to end, and kill what is left of it; return how it ended, None if it had to be killed."""
    status, last = None, time.monotonic() + 0.5
    while status is None and time.monotonic() < last:
        done, code = os.waitpid(pid, os.WNOHANG)
        if done:
            status = code
        else:
            time.sleep(0.002)
    _end(pid)
    if status is None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return status


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    number = code - 128 if code > 128 else -code  # a copy in its own name space reports a signal so
    return signal.Signals(number).name if number in set(signal.Signals) else f"exit status {code}"


def _listen(reading: int, job: dict[str, Any], token: str) -> list[dict[str, Any]]:
    """Collect what a copy says, until it has said its result or is silent for good; only what bears the token counts."""
    said: list[dict[str, Any]] = []
    rest, end = b"", time.monotonic() + job["making"]
    while (left := end - time.monotonic()) > 0 and select.select([reading], [], [], left)[0]:
        part = os.read(reading, 2**16)
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if line.startswith(token.encode()):
                said.append(json.loads(line[len(token) :]))
                end = time.monotonic() + job["seconds"] + _PATIENCE
        if not part or (said and said[-1]["status"] != "checking") or len(rest) > 2**20:
            break
    return said


def _copy(job: dict[str, Any], folder: str, writing: int, token: str) -> None:
    """Be the copy: in a session and, where allowed, in name spaces of its own."""
    os.setsid()
    os.dup2(writing, 3)
    os.closerange(4, OPEN_FILES)  # the room's own pipes are not for answers
    if move_apart() and (inner := os.fork()):
        os.close(3)
        os.closerange(0, 3)
        _, status = os.waitpid(inner, 0)
        code = os.waitstatus_to_exitcode(status)
        os._exit(code if code >= 0 else 128 - code)
    die_with_parent()

    def say(message: dict[str, Any]) -> None:
        os.write(3, token.encode() + json.dumps(message).encode() + b"\n")

    limit(_seconds(job), trains=job["trains"])
    _run(job, folder, say)
    os._exit(0)


# --- running an answer ------------------------------------------------------------------------------


def _run(job: dict[str, Any], folder: str, say: Callable[[dict[str, Any]], None]) -> None:
    """Make the answer, then check it. Everything that an answer can do wrong becomes a message."""
    from musiclab.exercises import find_exercise, is_stub, judge

    exercise = replace(find_exercise(job["exercise"]), seconds=job["seconds"])
    _copy_files(job["files"], folder)
    os.chdir(folder)
    os.environ.update(dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), folder))
    tempfile.tempdir = folder
    lock(folder)
    try:
        answer = _make(job)
        untouched = is_stub(answer)
    except BaseException as error:  # the answer may raise anything, even SystemExit
        say({"status": "wrong", "reason": _explain(error)[:_WORDS]})
        return
    if untouched:
        say({"status": "not attempted", "reason": ""})
        return
    say({"status": "checking"})
    verdict = judge(exercise, answer)
    say({"status": "solved" if verdict.passed else "wrong", "held": len(verdict.held), "reason": verdict.reason[:_WORDS]})


def _copy_files(files: dict[str, str], folder: str) -> None:
    for name, source in files.items():
        target = Path(folder, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _make(job: dict[str, Any]) -> Any:
    """Run the statements, each under the name of its cell, and return what the answer's expression gives."""
    namespace: dict[str, Any] = {"__name__": "__main__", "display": lambda *shown, **how: None}
    bodies = {}
    for number, source in job["cells"].items():
        name = f"<code cell {number}>"
        bodies[number] = (name, ast.parse(source).body)
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    for number, index in job["run"]:
        name, body = bodies[str(number)]
        exec(compile(ast.Module([body[index]], []), name, "exec"), namespace)
    return eval(compile(ast.parse(job["answer"], mode="eval"), "<check>", "eval"), namespace)


def _explain(error: BaseException) -> str:
    """Say what was raised while the answer was made, and in which line of which cell."""
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    where, step = "", error.__traceback__
    while step:
        name = step.tb_frame.f_code.co_filename
        if name.startswith("<code cell"):
            line = linecache.getline(name, step.tb_lineno).strip()
            where = f" in {name.strip('<>')}, line {step.tb_lineno}: {line}"
        step = step.tb_next
    return f"{what}{where}"
