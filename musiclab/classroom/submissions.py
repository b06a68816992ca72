"""What students hand in: their notebooks and progress files, read with care, and what is known of each student.

Whatever is wrong with a file becomes a sentence among the student's remarks; the other files are still read.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from musiclab.classroom.answers import Statement, lesson_of, statements_of
from musiclab.exercises import lessons
from musiclab.progress import Results, merge, read

__all__ = ["STATUSES", "ClassroomError", "Notebook", "Result", "Student", "student_folders", "submission", "within"]

STATUSES = ("solved", "wrong", "not attempted", "not re-run", "no notebook")
MAX_BYTES = 50 * 2**20  # of a notebook; with all its outputs a lesson has less than one
MAX_CODE = 2**20  # of its code cells together


class ClassroomError(Exception):
    """What stands in the way, as a sentence for the teacher."""


@dataclass(frozen=True)
class Result:
    """What became of one exercise of one student.

    Attributes
    ----------
    exercise : str
    status : str
        One of `STATUSES`.
    held, of : int
        How many of the exercise's properties hold.
    reason : str
        Why it is not solved.
    notebook : str
        The file that it was taken from, below the student's folder.
    """

    exercise: str
    status: str
    held: int = 0
    of: int = 0
    reason: str = ""
    notebook: str = ""


@dataclass
class Student:
    """A student's results, in the order of the exercises; what could not be used; and what the progress files say."""

    name: str
    results: list[Result] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    said: Results = field(default_factory=Results)


@dataclass(frozen=True)
class Notebook:
    """The code of a student's notebook, cut into statements."""

    file: Path
    name: str
    lesson: int
    sources: list[str]
    statements: list[Statement]
    cells: dict[int, str]
    broken: dict[int, str]


# --- a class of students ------------------------------------------------------------------------------


def student_folders(folder: Path) -> list[Path]:
    """Return the folders of the students, sorted. Raises `ClassroomError` if there are none."""
    if not folder.is_dir():
        raise ClassroomError(f"{_readable(folder)} is not a folder. Give the folder that holds a folder for each student.")
    found = sorted(place for place in folder.iterdir() if place.is_dir() and not place.name.startswith((".", "__")))
    if not found:
        raise ClassroomError(f"{_readable(folder)} holds no folder. Make one for each student, named after the student.")
    return found


def _readable(name: str | Path) -> str:
    """Show a name that need not be valid text, nor be meant for a terminal."""
    text = os.fsencode(name).decode("utf-8", errors="replace")
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def within(path: Path, home: Path) -> bool:
    """Tell whether a path stays in a folder when all links are followed; it need not be one that can exist."""
    try:
        # Unlike Path.resolve, which Python 3.11 and 3.12 have raise an error where links go round in a circle.
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(home))
    except ValueError:
        return False


def submission(place: Path) -> tuple[Student, list[Notebook]]:
    """Read the folder of a student: what is known so far, and the notebooks, the newest first."""
    student = Student(_readable(place.name))
    if place.is_symlink():
        student.remarks.append("the folder is a link and was not followed; put the student's own folder here.")
        return student, []
    notebooks = _notebooks(place, student)
    student.said = _progress_of(place, student)
    return student, notebooks


# --- reading what a student hands in ------------------------------------------------------------------


def _files(place: Path, suffix: str, student: Student) -> list[Path]:
    """Find files of a student. Links that lead out of the folder are left alone, with a remark; so are Jupyter's copies."""
    found = []

    def closed(error: OSError) -> None:
        if suffix == ".ipynb":
            where = _readable(os.path.relpath(error.filename, place))
            student.remarks.append(f"the folder {where} cannot be read ({error.strerror}).")

    for folder, folders, names in os.walk(place, onerror=closed):
        linked = [name for name in folders if Path(folder, name).is_symlink()]
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")) and name not in linked)
        for name in sorted(names):
            path = Path(folder, name)
            if not name.lower().endswith(suffix):
                continue
            if path.is_symlink() and not within(path, place):
                student.remarks.append(f"{_readable(path.relative_to(place))} is a link to elsewhere and was not read.")
            elif os.path.isfile(path):
                found.append(path)
        if suffix == ".ipynb":
            student.remarks += [
                f"{_readable(Path(folder, n).relative_to(place))} is a link and was not followed." for n in linked
            ]
    return found


def _notebooks(place: Path, student: Student) -> list[Notebook]:
    """Read a student's notebooks, the newest first; what cannot be used gets a remark."""
    notebooks = []
    for file in sorted(_files(place, ".ipynb", student), key=_age):
        name = _readable(file.relative_to(place))
        try:
            sources = _code_cells(file)
        except _Unusable as error:
            student.remarks.append(f"{name} {error}")
            continue
        lesson = lesson_of(sources)
        if lesson is None or lesson not in lessons():
            if file.name[:2].isdigit():
                student.remarks.append(f"{name} has no check of an exercise, and was left out.")
            continue
        if not file.name.startswith(f"{lesson:02d}"):
            student.remarks.append(f"{name} was taken for lesson {lesson:02d}, for its checks are of that lesson.")
        notebooks.append(Notebook(file, name, lesson, sources, *statements_of(sources)))
    for lesson in sorted({notebook.lesson for notebook in notebooks}):
        names = [notebook.name for notebook in notebooks if notebook.lesson == lesson]
        if len(names) > 1:
            listed = ", ".join(names)
            student.remarks.append(f"lesson {lesson:02d} is there {len(names)} times ({listed}): what any of them solves counts.")
    return notebooks


def _age(file: Path) -> tuple[float, str]:
    try:
        return -file.stat().st_mtime, str(file)
    except OSError:
        return 0, str(file)


class _Unusable(Exception):
    """Why a notebook cannot be used: the end of a sentence that begins with its name."""


def _code_cells(file: Path) -> list[str]:
    """Return the text of a notebook's code cells."""
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise _Unusable(f"has {size / 1e6:.0f} MB and was not read: clear its outputs (at most {MAX_BYTES / 1e6:.0f} MB).")
        plain = json.loads(file.read_bytes())
    except OSError as error:
        raise _Unusable(f"cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError, MemoryError):
        raise _Unusable("is no notebook, or a damaged one: it is not valid JSON. Ask for another copy.") from None
    cells = plain.get("cells") if isinstance(plain, dict) else None
    if not isinstance(cells, list):
        raise _Unusable("has no cells as a notebook of today does. Open it in JupyterLab and save it.")
    texts = [_text(cell.get("source")) for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    if sum(map(len, texts)) > MAX_CODE:
        raise _Unusable("has more than a million characters of code and was left out. Are there data among the code?")
    return texts


def _text(source: Any) -> str:
    """Return the text of a cell, which the format allows to be a list of lines."""
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return source.encode("utf-8", "replace").decode() if isinstance(source, str) else ""


def _progress_of(place: Path, student: Student) -> Results:
    said = Results()
    for file in _files(place, ".json", student):
        if not file.name.startswith("progress") or file.name.startswith(("progress.before-", "progress.damaged-")):
            continue  # (what the course itself put aside is out of date, or cannot be read)
        try:
            said = merge(said, read(file))
        except (OSError, ValueError) as error:
            student.remarks.append(f"its progress file was not used: {error}")
    return said
