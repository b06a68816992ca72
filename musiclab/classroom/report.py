"""The results of a class as a table to read and as a file for a spreadsheet."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from musiclab.classroom.submissions import Student
from musiclab.exercises import lessons

__all__ = ["table", "write_csv"]


def table(students: Sequence[Student]) -> str:
    """Write the class as a table: solved of all for each lesson, the total, and what the progress files say."""
    numbers = lessons()
    heads = ["student", *(f"{n:02d}" for n in numbers), "solved", "hints", "solutions"]
    rows = [[s.name, *(_share(s, n) for n in numbers), _share(s, None), *_own_word(s)] for s in students]
    widths = [max(len(row[k]) for row in [heads, *rows]) for k in range(len(heads))]
    lines = [
        "  ".join(c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(r, widths, strict=True)))
        for r in [heads, *rows]
    ]
    lines += [
        "",
        "Solved of all, judged anew; - stands for a lesson without a notebook, + for answers that were not run again.",
        "Hints and worked solutions seen are the student's own word: a progress file can be edited. ? stands for no file.",
    ]
    return "\n".join([*lines, *_remarks(students)])


def _share(student: Student, lesson: int | None) -> str:
    mine = [r for r in student.results if lesson in (None, int(r.exercise.split(".")[0]))]
    if all(r.status == "no notebook" for r in mine):
        return "-" if lesson is not None else f"0/{len(mine)}"
    more = sum(r.status == "not re-run" for r in mine)
    return f"{sum(r.status == 'solved' for r in mine)}{f'+{more}' if more else ''}/{len(mine)}"


def _own_word(student: Student) -> tuple[str, str]:
    entries = student.said.exercises.values()
    if not entries:
        return "?", "?"
    return str(sum(e.hints for e in entries)), str(sum(bool(e.solution) for e in entries))


def _remarks(students: Sequence[Student]) -> list[str]:
    """List what was wrong with the files, and what was not run again, each exercise with its students."""
    lines = [f"{s.name}: {remark}" for s in students for remark in s.remarks]
    whose: dict[tuple[str, str], list[str]] = {}
    for student in students:
        for result in student.results:
            if result.status == "not re-run":
                whose.setdefault((result.exercise, result.reason.split(" (")[0]), []).append(student.name)
    for (exercise, reason), names in whose.items():
        who = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        lines.append(f"{exercise} of {who} was not run again: it {reason}.")
    return ["", *lines] if lines else []


def write_csv(students: Sequence[Student], path: str | os.PathLike[str]) -> None:
    """Write a line for each student and exercise. A spreadsheet opens it: UTF-8 with a mark, and nothing that it would run."""
    path = Path(path)
    rows = [(s.name, r.exercise, r.status, r.held, r.of, r.reason, r.notebook) for s in students for r in s.results]
    # Written in full beside it, then moved: a table that was there stays until the new one is whole.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8-sig", errors="replace", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["student", "exercise", "verdict", "held", "of", "reason", "notebook"])
            writer.writerows([[_harmless(item) for item in row] for row in rows])
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _harmless(item: Any) -> Any:
    """Keep a spreadsheet from taking a text for a formula, and give no line break or control character to a table."""
    if not isinstance(item, str):
        return item
    item = "".join(letter for letter in " ".join(item.split()) if letter.isprintable())
    return f"'{item}" if item.startswith(("=", "+", "-", "@")) else item
