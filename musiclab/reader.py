"""The helper process that parses files; seen from outside, and, run with ``python -m musiclab.reader``, from inside.

Files come from anywhere, and parsers hang, crash and run out of memory on damaged ones. So they work in a process
of their own, under a limit on time and memory. The helper stays for the next file; when it fails, it is replaced
and the file gets the blame.

A message is a line of JSON, with a score's notes in base64. Nothing in it can run code.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import numpy as np

from musiclab.formats import MAX_BYTES, MusicFileError, brief, scores_and_facts, scores_from_bytes
from musiclab.score import NOTE, Score

MEMORY = 768 * 2**20  # bytes that the helper may take beyond what it starts with (Linux only)
_OUT_OF_MEMORY = 77  # exit status of the helper
_SHARE = 0.9  # of the time limit is for parsing; the rest is for starting a helper and for ending one that is full of notes


def _line(message: dict) -> bytes:
    return json.dumps(message).encode() + b"\n"


# --- seen from outside -----------------------------------------------------------------------------------


class _Helper:
    """The process that parses. It takes one file at a time and is thrown away when anything goes wrong."""

    def __init__(self) -> None:
        # -P and PYTHONPATH: the helper must import this package, and no file of the user's that is called, say, random.py.
        places = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
        # One thread for linear algebra, of which there is none: each would reserve memory under the limit.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places)), "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-P", "-m", "musiclab.reader", str(MEMORY)]
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        # Unbuffered, so that a fork never inherits half a message.
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=null, bufsize=0, env=environment)
        self.has_served = False
        self._receive(60)  # its greeting

    def ask(self, request: dict, timeout: float) -> dict:
        self.process.stdin.write(_line(request))
        answer = self._receive(timeout)
        self.has_served = True
        return answer

    def _receive(self, timeout: float) -> dict:
        """Wait for a message. A timer kills the process, which ends the wait: this works on every system."""
        timer = threading.Timer(timeout, self.process.kill)
        timer.start()
        answer = bytearray()
        try:
            while not answer.endswith(b"\n"):
                if not (part := self.process.stdout.read(2**20)):
                    raise TimeoutError if timer.finished.is_set() else EOFError
                answer += part
            return json.loads(answer)
        finally:
            timer.cancel()

    def close(self) -> int:
        """End the process; return its exit status (negative: the signal that ended it)."""
        for stream in (self.process.stdin, self.process.stdout):
            stream.close()
        try:
            self.process.wait(0.2)  # with its input closed it ends by itself, unless it is busy
        except subprocess.TimeoutExpired:
            self.process.kill()
        return self.process.wait()


_helper: _Helper | None = None
_lock = threading.Lock()


def read(path: str, kind: str, *, timeout: float, max_notes: int, drums: bool) -> list[Score]:
    """Have the helper parse a file, given by its full path. Raises MusicFileError, without the file's name."""
    return _scores(_ask({"path": path, "kind": kind, "max_notes": max_notes, "drums": drums, "timeout": timeout}))


def inspect(path: str, kind: str, *, timeout: float, max_notes: int) -> tuple[list[Score], dict[str, Any]]:
    """Have the helper parse a file and tell what `formats.scores_and_facts` does. Otherwise as `read`."""
    answer = _ask({"path": path, "kind": kind, "max_notes": max_notes, "facts": True, "timeout": timeout})
    return _scores(answer), answer["facts"]


def _ask(request: dict) -> dict:
    with _lock:
        answer = _exchange(request, request["timeout"])
    if "error" in answer:
        raise MusicFileError(answer["error"])
    return answer


def _scores(answer: dict) -> list[Score]:
    return [Score(np.frombuffer(b64decode(words.pop("notes")), NOTE), **words) for words in answer["scores"]]


def _exchange(request: dict, timeout: float) -> dict:
    """Send and receive. A helper that fails is replaced; one that had served before gets a second try, as a new one."""
    global _helper
    deadline = None
    while True:
        if _helper is None or _helper.process.poll() is not None:
            _drop_helper()
            try:
                _helper = _Helper()
            except (OSError, EOFError) as error:
                reason = f"the process that reads files did not start ({error or 'it ended at once'})"
                advice = "Try again; if that does not help, install musiclab anew."
                raise MusicFileError(f"was not read: {reason}. {advice}") from None
        had_served = _helper.has_served
        deadline = deadline or time.monotonic() + _SHARE * timeout  # after the start, which is not the file's fault
        try:
            return _helper.ask(request, deadline - time.monotonic())
        except TimeoutError:
            _drop_helper()
            advice = f"Split it into smaller pieces, or give it more time: timeout={3 * timeout:g}."
            raise MusicFileError(f"was not read within {timeout:g} seconds. {advice}") from None
        except (EOFError, OSError):
            status = _drop_helper()
            if had_served:
                continue
            if status == _OUT_OF_MEMORY:
                raise MusicFileError(f"needs more than {MEMORY // 2**20} MB of memory. Split it into smaller pieces.") from None
            raise MusicFileError("is so damaged that it crashed the program that reads it. Use another copy of it.") from None
        except BaseException:  # the user's Ctrl-C: the answer would be taken for that of the next file
            _drop_helper()
            raise


def _drop_helper() -> int:
    global _helper
    helper, _helper = _helper, None
    return helper.close() if helper else 0


def _forget_helper() -> None:
    """After a fork: the helper belongs to the parent, and another thread may have held the lock."""
    global _helper, _lock
    if _helper is not None:
        _helper.process.stdin.close()
        _helper.process.stdout.close()
        _helper.process.returncode = 0  # not our child: never wait for it
    _helper, _lock = None, threading.Lock()


atexit.register(_drop_helper)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_helper)


# --- seen from inside ------------------------------------------------------------------------------------


def _serve(memory: int) -> None:
    """Answer requests until the input ends."""
    # Libraries print. Whatever they print must not get between the messages.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then drops us
    _limit_memory(memory)
    output.write(_line({"ready": True}))
    output.flush()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if hasattr(signal, "alarm"):  # should the parent be gone, nobody else ends us
            signal.alarm(int(request["timeout"]) + 10)
        try:
            output.write(_line(_answer(request)))
            output.flush()
        except MemoryError:
            os._exit(_OUT_OF_MEMORY)


def _limit_memory(memory: int) -> None:
    """Allow that many more bytes of address space than are in use now. Only Linux can say how many those are."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, OSError, ValueError):
        pass  # the time limit still holds


def _answer(request: dict) -> dict:
    try:
        with open(request["path"], "rb") as file:
            data = file.read(MAX_BYTES + 1)
        kind, most = request["kind"], request["max_notes"]
        if request.get("facts"):
            scores, facts = scores_and_facts(data, kind, max_notes=most)
        else:
            scores, facts = scores_from_bytes(data, kind, max_notes=most, drums=request["drums"]), None
    except MusicFileError as error:
        return {"error": str(error)}
    except MemoryError:
        raise
    except Exception as error:
        wrong = f"is damaged or breaks the rules of its format ({brief(error)})."
        return {"error": f"{wrong} Export it again, or use another copy."}
    words = ("title", "tempo", "time_signature", "key")
    notes = [{"notes": b64encode(score.notes.tobytes()).decode()} for score in scores]
    rows = [{name: getattr(s, name) for name in words} | n for s, n in zip(scores, notes, strict=True)]
    return {"scores": rows, "facts": facts}


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
