"""Count how long the lessons take, and write the figures into TEACHING.md: ``python tools/minutes.py``.

The method stands in TEACHING.md under "How the minutes are counted". Run this again when a lesson or a plan has changed.
In the plans the last column is made here; the column before it holds the minutes for talk.
"""

from __future__ import annotations

import importlib
import re
from functools import cache
from pathlib import Path

import jupytext

ROOT = Path(__file__).resolve().parent.parent
TEACHING = ROOT / "TEACHING.md"
WORDS_A_MINUTE = 150
LINES_A_MINUTE = 20
MINUTES_A_CELL = 0.75
WARM_UP, USUAL, OPEN = 5, 8, 15
OPENING, CLOSE = "0", "quiz"


@cache
def counted(lesson: str) -> tuple[dict[str, int], dict[str, int]]:
    """Return the minutes of each section of a lesson ("05"), and of each of its exercises.

    Section "0" is what stands before section 1, and "quiz" the quiz with the recap. An unnumbered section counts with the
    one before it.
    """
    (path,) = (ROOT / "notebooks" / "source").glob(f"{lesson}_*.py")
    minutes: dict[str, float] = {OPENING: 0.0}
    exercises: dict[str, int] = {}
    section, museum, last = OPENING, False, ""
    for cell in jupytext.read(path).cells:
        if cell.cell_type == "code":
            minutes[section] += 0 if _is_exercise(cell.source) else _of_code(cell.source)
            continue
        for block in re.split(r"(?m)^(?=##+ )", cell.source):
            section, museum = _section(block, section, museum)
            minutes[section] = minutes.get(section, 0.0) + len(re.sub(r"[|#*`$\\{}]", " ", block).split()) / WORDS_A_MINUTE
            if found := re.match(r"### Exercise (\d+\.\d+) · (.*)", block):
                exercises[found[1]] = _of_exercise(found[2])
                last = last if museum else found[1]
    if last:
        exercises[last] = OPEN  # in every lesson the last one outside the museum is open-ended
    minutes[CLOSE] = minutes.get(CLOSE, 0.0) + len(_questions(lesson))
    return {name: max(1, round(value)) for name, value in minutes.items()}, exercises


def _section(block: str, section: str, museum: bool) -> tuple[str, bool]:
    """Return the section in which a block of text stands, and whether that is the museum."""
    if found := re.match(r"## (\d+) · (.*)", block):
        return found[1], "museum" in found[2].lower()
    if re.match(r"## (Quiz|In this lesson|Where to read|Next)", block):
        return CLOSE, False
    return section, museum


def _is_exercise(source: str) -> bool:
    """Tell whether a cell is a stub or a check: their time is counted with the exercise."""
    return source.startswith("check(") or bool(re.search(r'(?m)^(    \.\.\.|\w+ = \.\.\.|    "\w+": \.\.\.,)$', source))


def _of_code(source: str) -> float:
    return MINUTES_A_CELL + sum(1 for line in source.splitlines() if line.strip()) / LINES_A_MINUTE


def _of_exercise(title: str) -> int:
    return WARM_UP if "(warm-up)" in title else OPEN if "(open)" in title else USUAL


def _questions(lesson: str) -> tuple:
    return importlib.import_module(f"musiclab.lessons.quiz_{lesson}").QUIZ


def lesson_table(lesson: str) -> str:
    """Return a lesson's minutes as a table."""
    sections, exercises = counted(lesson)
    head = ["section", *sections, "in all"]
    row = ["minutes", *map(str, sections.values()), f"**{sum(sections.values())}**"]
    listed = ", ".join(f"{name} ({minutes})" for name, minutes in exercises.items())
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), row)]
    return "\n".join([*lines, "", f"Exercises: {listed}; in all **{sum(exercises.values())}**."])


def plan_minutes(what: str, exercises: str) -> int:
    """Add up a plan's row: sections as in "05: 1–3, quiz; 06: 1", exercises as in "5.1 5.2"."""
    total = 0
    for part in filter(None, (part.strip() for part in what.split(";"))):
        lesson, _, names = part.partition(":")
        sections, _ = counted(lesson.strip())
        total += sum(sections[name] for name in named_sections(names))
    for number in re.findall(r"\d+\.\d+", exercises):
        total += counted(f"{int(number.split('.')[0]):02d}")[1][number]
    return total


def named_sections(names: str) -> list[str]:
    """Spell out "1–3, quiz" as "1", "2", "3", "quiz"."""
    found = []
    for name in (name.strip() for name in names.split(",")):
        first, _, last = name.partition("–")
        found += [str(n) for n in range(int(first), int(last) + 1)] if last else [name]
    return found


def with_minutes(text: str) -> str:
    """Return the text of TEACHING.md with every figure counted anew."""
    block = r"(?s)(<!-- minutes (\d\d) -->\n)(?:(?!<!-- ).)*(?=<!-- /minutes -->)"
    text = re.sub(block, lambda m: f"{m[1]}{lesson_table(m[2])}\n", text)
    return re.sub(r"(?s)<!-- plan .*?<!-- /plan -->", lambda m: "\n".join(_plan_line(line) for line in m[0].split("\n")), text)


def _plan_line(line: str) -> str:
    """Write the last column of a plan's row: when | what | exercises | talk | minutes."""
    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    if len(cells) != 5 or not cells[3].isdigit():
        return line
    cells[4] = str(plan_minutes(cells[1], cells[2]) + int(cells[3]))
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Write the figures."""
    TEACHING.write_text(with_minutes(TEACHING.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
