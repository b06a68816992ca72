"""For a teacher: collect the notebooks of a class and see who has solved what.

    python -m musiclab.classroom collect FOLDER [--csv FILE] [--train]

FOLDER holds one folder for each student; its name is the student's. Anywhere in it lie the student's notebooks, and perhaps
progress files.

What counts is run again, here: each answer is taken out of its notebook, together with the statements above that it
needs, and judged anew with new inputs. Stored outputs and progress files count for nothing: both can be edited. What a
progress file says of hints and of worked solutions seen is printed beside the results, as the student's own word.

What becomes of an answer
-------------------------
solved, wrong, not attempted : judged anew.
not re-run : it was not judged, and the reason says why: it trains a model (that is done with ``--train`` only, for a minute
    or so each), it takes longer than a minute, it comes out of a widget that somebody has to play, or it needs an ``await``
    outside of a function.
    Open the notebook and look.
no notebook : the student has no notebook of the lesson that can be read.

Good to know
------------
- The lesson is known from the checks in a notebook, not from its name. If there are two of a lesson, an exercise
  counts that either of them solves.
- The answer is what the last ``check("5.1", ...)`` of the notebook is given.
- The rooms in which answers run stop accidents and idle cheating, not an attacker: see `musiclab.classroom.locks`.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from musiclab.classroom.answers import TRAINING, Answer, Statement, awaits, calls, find_answer, needed
from musiclab.classroom.report import table, write_csv
from musiclab.classroom.room import Room
from musiclab.classroom.submissions import ClassroomError, Notebook, Result, Student, student_folders, submission, within
from musiclab.exercises import Exercise, exercises_of, lessons, properties

__all__ = ["ClassroomError", "Result", "Student", "collect", "table", "write_csv"]

MAX_FILES = 50 * 2**20  # of what an answer reads, together
SECONDS_TO_MAKE = 60  # for the statements that an answer needs
SECONDS_TO_TRAIN = 180
MOST_ROOMS = 8  # each takes about half a gigabyte


def collect(folder: str | os.PathLike[str], *, train: bool = False, progress: bool = True) -> list[Student]:
    """Judge every answer of a class anew.

    Parameters
    ----------
    folder : str or path
        A folder for each student lies in it.
    train : bool
        Run also the answers that train a model.
    progress : bool
        Show a progress bar, if it takes longer than two seconds.

    Raises
    ------
    ClassroomError
        If there is no such folder, or no student in it.
    """
    students, work = [], []
    for place in student_folders(Path(folder)):
        student, notebooks = submission(place)
        students.append(student)
        for lesson in lessons():
            mine = [notebook for notebook in notebooks if notebook.lesson == lesson]
            for exercise in exercises_of(lesson):
                student.results.append(_blank(exercise, "no notebook"))
                work.append((student, len(student.results) - 1, exercise, mine, place))
    _judge_all(work, train, progress)
    return students


def _blank(exercise: Exercise, status: str, reason: str = "", notebook: str = "") -> Result:
    return Result(exercise.id, status, 0, properties(exercise), reason, notebook)


# --- judging ----------------------------------------------------------------------------------------


def _judge_all(work: Sequence[tuple], train: bool, progress: bool) -> None:
    """Judge in as many rooms as there are cores, each answer in the next that is free."""
    from tqdm.auto import tqdm

    judging = [item for item in work if item[3]]
    count = max(1, min(_cores(), MOST_ROOMS, len(judging)))
    cache = _filled_cache(progress) if judging else ""
    rooms = [Room(cache) for _ in range(count)]
    free: SimpleQueue[Room] = SimpleQueue()
    for room in rooms:
        free.put(room)

    def one(item: tuple) -> None:
        student, place, exercise, notebooks, folder = item
        room = free.get()
        try:
            student.results[place] = _best(_judge(room.judge, exercise, n, folder, train) for n in notebooks)
        except Exception as error:  # a fault of ours, or of the disk: it must not cost the others their results
            reason = f"could not be judged, {type(error).__name__}: {error}"
            student.results[place] = _blank(exercise, "not re-run", reason, notebooks[0].name)
        finally:
            free.put(room)

    pool = ThreadPoolExecutor(count)
    try:
        done = pool.map(one, judging)
        list(tqdm(done, "Judging", len(judging), disable=not progress, delay=2, file=sys.stderr, unit=" answers"))
    finally:  # also after Ctrl-C: the rooms end at once, and with them the answers that they are at
        pool.shutdown(wait=False, cancel_futures=True)
        for room in rooms:
            room.close()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _filled_cache(progress: bool) -> str:
    """Return the folder of the corpora, with those in it that checks compare with: a room cannot read them itself."""
    from musiclab.corpus import cache_folder, load_corpus

    for name in ("fiddle-tunes", "bach-chorales"):
        load_corpus(name, progress=progress)
    return str(cache_folder().resolve())


def _best(results: Iterable[Result]) -> Result:
    """Take the first that is solved; if there is none, the one that got furthest."""
    best = None
    for result in results:
        if best is None or _rank(result) > _rank(best):
            best = result
        if best.status == "solved":
            break
    assert best is not None
    return best


def _rank(result: Result) -> tuple[int, int]:
    order = ("no notebook", "not attempted", "wrong", "not re-run", "solved")
    return order.index(result.status), result.held


def _judge(judge: Callable[[dict], dict], exercise: Exercise, notebook: Notebook, folder: Path, train: bool) -> Result:
    """Judge the answer of one notebook; without a room if that can be seen from its text."""
    answer = find_answer(notebook.statements, exercise.id, exercise.name)
    if broken := _broken(notebook, exercise, answer):
        return _blank(exercise, "wrong", broken, notebook.name)
    if answer is None or answer.stub:
        return _blank(exercise, "not attempted", "", notebook.name)
    result, run = None, None
    for generous in (False, True):  # once more with what might have changed the answer, if it is not right without
        before, run = run, needed(notebook.statements, answer, generous=generous)
        if run == before:
            break
        if (trained := _training(run)) and not train:
            reason = f"trains a model; use --train, or open the notebook (code cells {trained})"
            return result or _blank(exercise, "not re-run", reason, notebook.name)
        if waiting := [s.cell for s in run if awaits(s.node)]:
            reason = f"needs an await outside of a function; open the notebook (code cell {waiting[0]})"
            return result or _blank(exercise, "not re-run", reason, notebook.name)
        said = judge(_job(exercise, notebook, answer, run, folder, bool(trained)))
        reason = said["reason"]
        if said["status"] == "wrong" and (widget := _widget(run, notebook)):
            said, reason = {"status": "not re-run"}, f"comes out of the widget {widget}, which nobody plays here ({reason})"
        held = said.get("held", 0)
        new = Result(exercise.id, said["status"], held, max(held, properties(exercise)), reason, notebook.name)
        result = new if result is None else _best([result, new])
        if result.status in ("solved", "not re-run"):
            break
    assert result is not None
    return result


def _broken(notebook: Notebook, exercise: Exercise, answer: Answer | None) -> str:
    """Say which cell is no Python, if that is where the answer seems to be."""
    if answer is not None and not answer.stub:
        return ""
    for number, wrong in notebook.broken.items():
        if re.search(rf"\b{exercise.name}\b", notebook.sources[number - 1]):
            return f"code cell {number} is not valid Python: {wrong}"
    return ""


def _training(run: Sequence[Statement]) -> str:
    """Name the cells that train a model."""
    return ", ".join(sorted({str(s.cell) for s in run if not s.is_fixed and calls(s.node) & set(TRAINING)}, key=int))


def _widget(run: Sequence[Statement], notebook: Notebook) -> str:
    """Name a widget that the answer needs: something that is made of a class from musiclab.widgets."""
    made = {name for s in run if not s.is_fixed for name in calls(s.node)}
    for statement in notebook.statements:
        if isinstance(statement.node, ast.ImportFrom) and (statement.node.module or "").startswith("musiclab.widgets"):
            for name in sorted(made & statement.binds):
                if name[0].isupper():
                    return name
    return ""


def _job(
    exercise: Exercise, notebook: Notebook, answer: Answer, run: Sequence[Statement], folder: Path, trains: bool
) -> dict[str, Any]:
    return {
        "exercise": exercise.id,
        "seconds": exercise.seconds,
        "making": SECONDS_TO_TRAIN if trains else SECONDS_TO_MAKE,
        "cells": {number: notebook.cells[number] for number in sorted({s.cell for s in run})},
        "run": [(s.cell, s.index) for s in run],
        "answer": ast.unparse(answer.code),
        "files": _files_read(run, notebook.file.parent, folder),
        "trains": trains,
    }


def _files_read(run: Sequence[Statement], beside: Path, folder: Path) -> dict[str, str]:
    """Find the student's files that the statements name, as ``"work/my_piece.mid"`` or as ``Path("work")``."""
    found: dict[str, str] = {}
    room = MAX_FILES
    names = {n.value for s in run for n in ast.walk(s.node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    for name in sorted(names):
        if not name.strip() or Path(name).is_absolute() or ".." in Path(name).parts or Path(name) == Path():
            continue
        for file in _files_at(beside / name):
            if within(file, folder) and file.stat().st_size <= room:
                room -= file.stat().st_size
                found[str(file.relative_to(beside))] = os.path.realpath(file)
    return found


def _files_at(place: Path) -> list[Path]:
    """Return the file at a place, or the files in the folder there; most texts of a notebook name neither."""
    # os.path, for pathlib raises an error for names that no file can have: too long, or not to be encoded.
    inside = sorted(place.rglob("*")) if os.path.isdir(place) else [place]
    return [file for file in inside if os.path.isfile(file)]
