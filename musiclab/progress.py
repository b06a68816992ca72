"""What you have done so far: exercises and quiz questions, in a file of your own.

The file is plain JSON. In a notebook it is ``work/progress.json`` beside the notebook. The environment variable
``MUSICLAB_PROGRESS`` names another file, or says "off"; outside of a notebook nothing is recorded unless it names one.

Two files, from two computers, are merged by `merge`. In which order, how often, and what was merged before does not matter,
because every field is joined by an operation that has these three properties:

- ``tries`` counts for each session (each start of Python) by itself, under a random name, and the larger count of a session
  wins. A sum would count twice what is in both files, the larger of two totals would lose what was done at the other computer.
- ``hints``, and ``held`` with ``of``, are the largest; what was seen or reached stays so.
- ``solved``, ``solution`` (when each happened first) and ``first`` are the earliest time, ``last`` is the latest.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Entry", "Results", "export", "keep_copy", "merge", "merge_into", "parse", "progress_path", "read", "record"]

FORMAT = 1
PATIENCE = 5.0  # seconds that somebody waits for another notebook to finish writing
LITTER = 60.0  # seconds after which half a file is one that a crash left
MOST_BYTES = 5_000_000  # a whole course is some 20,000

try:
    _START = Path.cwd()  # a kernel begins in the folder of its notebook; a lesson may go elsewhere later
except OSError:  # the folder is gone
    _START = Path()
_TIME = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z")
_ID = re.compile(r"[0-9]{1,2}\.[0-9]{1,3}")
_encode = json.JSONEncoder(sort_keys=True).encode
_KINDS = {"check": "exercises", "hint": "exercises", "solution": "exercises", "quiz": "quiz"}


@dataclass(frozen=True)
class Entry:
    """What is known of one exercise or one question.

    Attributes
    ----------
    tries : dict of str to int
        Answers that were given, for each session.
    hints : int
        How many of the hints were seen.
    held, of : int
        The best attempt: how many properties held, of how many.
    solution, solved : str
        When the worked solution was seen, and when the answer was right, for the first time; "" if never. Times are UTC,
        as "2026-03-01T09:30:00Z".
    first, last : str
        When anything was done with it.
    """

    tries: Mapping[str, int] = field(default_factory=dict)
    hints: int = 0
    held: int = 0
    of: int = 0
    solution: str = ""
    solved: str = ""
    first: str = ""
    last: str = ""

    @property
    def tried(self) -> int:
        """How many answers were given, in all sessions together."""
        return sum(self.tries.values())

    @property
    def after_solution(self) -> bool:
        """Whether the worked solution was seen before the answer was right."""
        return bool(self.solved and self.solution) and self.solution <= self.solved


@dataclass(frozen=True)
class Results:
    """What a progress file holds: an `Entry` for each exercise ("5.1") and each question ("5.1", from 1) that was touched."""

    exercises: Mapping[str, Entry] = field(default_factory=dict)
    quiz: Mapping[str, Entry] = field(default_factory=dict)


# --- joining --------------------------------------------------------------------------------------------


def merge(a: Results, b: Results) -> Results:
    """Join what two files hold. Commutative, associative and idempotent."""
    return Results(_merge_entries(a.exercises, b.exercises), _merge_entries(a.quiz, b.quiz))


def _merge_entries(a: Mapping[str, Entry], b: Mapping[str, Entry]) -> dict[str, Entry]:
    return {**a, **b, **{key: _merge_entry(a[key], b[key]) for key in a.keys() & b.keys()}}


def _merge_entry(a: Entry, b: Entry) -> Entry:
    held, of = max((a.held, a.of), (b.held, b.of))
    return Entry(
        tries={session: max(a.tries.get(session, 0), b.tries.get(session, 0)) for session in {**a.tries, **b.tries}},
        hints=max(a.hints, b.hints),
        held=held,
        of=of,
        solution=_earliest(a.solution, b.solution),
        solved=_earliest(a.solved, b.solved),
        first=_earliest(a.first, b.first),
        last=max(a.last, b.last),
    )


def _earliest(a: str, b: str) -> str:
    return min(filter(None, (a, b)), default="")


# --- the file's text ------------------------------------------------------------------------------------


class _Newer(ValueError):
    """A file that a later version of the course wrote. It is not damaged."""


def parse(data: bytes) -> Results:
    """Read the content of a progress file. Raises ValueError, with the reason, if it is none."""
    if len(data) > MOST_BYTES:
        raise ValueError(f"no progress file has more than {MOST_BYTES:,} bytes")
    try:
        plain = json.loads(data.decode("utf-8-sig"))  # some editors put a mark before what they save
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON ({error})") from None
    if not isinstance(plain, dict) or not _whole(plain.get("format")):
        raise ValueError("it does not begin as a progress file does")
    if plain["format"] > FORMAT:
        raise _Newer("a newer version of the course wrote it. Update the course")
    if unknown := plain.keys() - {"format", "exercises", "quiz"}:
        raise ValueError(f"it has a part that is unknown: {min(unknown)}")
    return Results(_entries(plain, "exercises"), _entries(plain, "quiz"))


def _entries(plain: dict[str, Any], kind: str) -> dict[str, Entry]:
    found = plain.get(kind, {})
    if not isinstance(found, dict):
        raise ValueError(f'its part "{kind}" is no table')
    return {key: _entry(f"{kind} {key}", key, value) for key, value in found.items()}


_COUNTS, _MOMENTS = ("hints", "held", "of"), ("solution", "solved", "first", "last")
_NAMES = {"tries", *_COUNTS, *_MOMENTS}


def _entry(where: str, key: str, value: Any) -> Entry:
    if not _ID.fullmatch(key) or not isinstance(value, dict) or not _NAMES.issuperset(value):
        raise ValueError(f"{where} is no entry")
    tries = value.get("tries", {})
    if not isinstance(tries, dict) or not all(map(_whole, tries.values())):
        raise ValueError(f"the tries of {where} are no whole numbers")
    for name in _COUNTS:
        if name in value and not _whole(value[name]):
            raise ValueError(f'"{name}" of {where} is no whole number')
    for name in _MOMENTS:
        if name in value and not (isinstance(value[name], str) and _TIME.fullmatch(value[name])):
            raise ValueError(f'"{name}" of {where} is no time')
    return Entry(**value)


def _whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1_000_000_000  # not isinstance, for True is an int, too


def _format(results: Results) -> bytes:
    """Write the content of a progress file: a line for each entry, sorted, without what is empty."""
    parts = []
    for kind in ("exercises", "quiz"):
        entries = getattr(results, kind)
        keys = sorted(entries, key=lambda key: [int(number) for number in key.split(".")])
        lines = [f'  "{key}": {_encode(_short(entries[key]))}' for key in keys]
        parts.append(f' "{kind}": {{\n' + ",\n".join(lines) + "\n }" if lines else f' "{kind}": {{}}')
    return (f'{{\n "format": {FORMAT},\n' + ",\n".join(parts) + "\n}\n").encode()


def _short(entry: Entry) -> dict[str, Any]:
    return {name: value for name, value in vars(entry).items() if value}


# --- the file -------------------------------------------------------------------------------------------


def progress_path() -> Path | None:
    """Where progress is recorded, or None if it is not."""
    own = os.environ.get("MUSICLAB_PROGRESS", "").strip()
    if own:
        return None if own.lower() == "off" else _START / Path(own).expanduser()
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return _START / "work" / "progress.json" if hasattr(shell, "kernel") else None


def read(path: str | os.PathLike[str]) -> Results:
    """Read a progress file; one that is not there holds nothing.

    Raises
    ------
    ValueError
        If it is damaged, or of a newer version of the course. The message says what is wrong.
    OSError
        If it cannot be read.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            return parse(file.read(MOST_BYTES + 1))  # what is larger need not fit into memory
    except FileNotFoundError:
        return Results()
    except _Newer as error:
        raise _Newer(f"{path.name} cannot be used, for {error}.") from None
    except ValueError as error:
        raise ValueError(f"{path.name} is damaged: {error}.") from None


def merge_into(path: str | os.PathLike[str], more: Results) -> str:
    """Merge results into a file, under a lock, so that two notebooks lose nothing of each other.

    A damaged file is put aside first, as progress.damaged-1.json. Returns a sentence about that, or "".

    Raises
    ------
    OSError
        If the file cannot be read or written, or somebody else holds it for longer than `PATIENCE`.
    ValueError
        If the file is of a newer version of the course.
    """
    path = Path(path).resolve()  # a link stays one
    _make_folder(path.parent)
    with _locked(path):
        try:
            there, said = read(path), ""
        except _Newer:
            raise
        except ValueError as error:
            aside = _put_aside(path)
            there, said = Results(), f"{error} It is kept as {aside.name}, and a new {path.name} begins."
        _replace(path, _format(merge(there, more)))
    return said


def export(path: str | os.PathLike[str], name: str) -> Path:
    """Copy a progress file to progress_NAME.json beside it, for the teacher, and return the copy's path.

    Raises
    ------
    ValueError
        If the name has characters that a file's name should not have, if there is nothing to copy, or if there is a copy of
        this name that holds what this file does not.
    OSError
        If it cannot be read or written.
    """
    path, name = Path(path), "_".join(name.split())
    if not re.fullmatch(r"[\w-]{1,60}", name):
        raise ValueError("A name for the file needs letters, digits, - and _, at most 60 of them.")
    if not path.exists():
        raise ValueError("There is nothing to export: no exercise and no question has been answered yet.")
    copy, mine = path.with_name(f"progress_{name}.json"), read(path)
    if merge(mine, read(copy)) != mine:
        raise ValueError(f"{copy.name} is there already and holds other progress than yours. Choose another name.")
    _replace(copy, _format(mine))
    return copy


def keep_copy(path: str | os.PathLike[str]) -> Path | None:
    """Copy a progress file to progress.before-1.json beside it, and return the copy's path; None if there is no file."""
    path = Path(path)
    if not path.exists():
        return None
    copy = _free_name(path, "before")
    _replace(copy, path.read_bytes())
    return copy


def _put_aside(path: Path) -> Path:
    aside = _free_name(path, "damaged")
    os.rename(path, aside)
    return aside


def _free_name(path: Path, word: str) -> Path:
    number = 1
    while (free := path.with_name(f"{path.stem}.{word}-{number}{path.suffix}")).exists():
        number += 1
    return free


def _make_folder(folder: Path) -> None:
    """Make the file's folder, and not those above it: where they were renamed, nobody would look into new ones."""
    try:
        folder.mkdir(exist_ok=True)
    except FileNotFoundError:
        gone = f"its folder {folder.parent.name} is no longer there. If it was renamed or moved, restart the kernel"
        raise FileNotFoundError(errno.ENOENT, gone) from None


def _replace(path: Path, data: bytes) -> None:
    """Write beside the file, to the disk, and put it in its place: a crash leaves the old file or the new one, never half of one.

    That the folder is not synchronised too costs at most the last record after a power cut, and saves its time.
    """
    _sweep(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _move(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _move(temporary: Path, path: Path) -> None:
    """Replace a file. On Windows that fails as long as somebody reads it, which takes them a moment."""
    for _ in range(20 if os.name == "nt" else 0):
        try:
            os.replace(temporary, path)
            return
        except PermissionError:
            time.sleep(0.01)
    os.replace(temporary, path)


def _sweep(path: Path) -> None:
    """Remove what a crash left of earlier attempts."""
    for remains in path.parent.glob(f".{path.name}.*.tmp"):
        with suppress(OSError):
            if time.time() - remains.stat().st_mtime > LITTER:
                remains.unlink()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a file's lock. The system ends it with its process, however that ends, so that none is ever left over."""
    with open(path.with_name(f".{path.name}.lock"), "ab") as file:
        end = time.monotonic() + PATIENCE
        while not _try_lock(file.fileno()):
            if time.monotonic() > end:
                raise TimeoutError(errno.EAGAIN, "another notebook is writing it")
            time.sleep(0.002)
        try:
            yield
        finally:
            _unlock(file.fileno())


if os.name == "nt":
    import msvcrt

    def _try_lock(number: int) -> bool:
        os.lseek(number, 0, os.SEEK_SET)
        try:
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(number: int) -> None:
        os.lseek(number, 0, os.SEEK_SET)
        msvcrt.locking(number, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(number: int) -> bool:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        return True

    def _unlock(number: int) -> None:
        with suppress(OSError):
            fcntl.flock(number, fcntl.LOCK_UN)


# Some network disks know no locks. What is written is whole all the same; two notebooks that write in the same moment are rare.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL}


# --- recording ------------------------------------------------------------------------------------------


@dataclass
class _Session:
    """What this process knows of one file: its own counts, what could not be written yet, and what it has said of that."""

    name: str = field(default_factory=lambda: secrets.token_hex(4))
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    unsaved: Results = field(default_factory=Results)
    told: set[str] = field(default_factory=set)


_sessions: dict[tuple[int, Path], _Session] = {}  # of process and file: a process that was split off counts for itself
_one_at_a_time = threading.Lock()


def record(kind: str, id: str, passed: bool = False, *, held: int = 0, of: int = 0, hints: int = 0) -> str:
    """Record what was done. It never raises: a lesson goes on also where nothing can be written.

    What cannot be written is kept, and written with the next record.

    Parameters
    ----------
    kind : str
        "check", "hint" or "solution" of an exercise, or "quiz": an answer to a question.
    id : str
        Lesson and number, "5.1".
    passed : bool
        Whether the answer is right.
    held, of : int
        How many properties held, of how many.
    hints : int
        How many of the hints have been seen.

    Returns
    -------
    str
        What the student has to know: that it could not be written and why, each thing once. Mostly "".
    """
    path = progress_path()
    if path is None:
        return ""
    with _one_at_a_time:
        session = _sessions.setdefault((os.getpid(), path), _Session())
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        entry = Entry(
            tries=_counted(session, kind, id),
            hints=hints,
            held=held,
            of=of,
            solution=now if kind == "solution" else "",
            solved=now if passed else "",
            first=now,
            last=now,
        )
        session.unsaved = merge(session.unsaved, Results(**{_KINDS[kind]: {id: entry}}))
        return _save(path, session)


def _counted(session: _Session, kind: str, id: str) -> dict[str, int]:
    if kind not in ("check", "quiz"):
        return {}
    session.counts[kind, id] = session.counts.get((kind, id), 0) + 1
    return {session.name: session.counts[kind, id]}


def _save(path: Path, session: _Session) -> str:
    try:
        said = merge_into(path, session.unsaved)
    except Exception as error:  # of any kind: a student's answer is checked also where the file is in a bad way
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        said = f"Your progress could not be recorded in {path.name}: {reason.rstrip('.')}. Everything else works as before."
        if said in session.told:
            return ""
        session.told.add(said)
        return said
    session.unsaved = Results()
    session.told.clear()
    return said
