"""TEACHING.md: each lesson has its part, what it names exists, and its minutes add up."""

from __future__ import annotations

import ast
import builtins
import importlib.util
import keyword
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import minutes
import pytest

from musiclab import show
from musiclab.exercises import exercises_of

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
SOURCES = {path.name[:2]: path for path in sorted((ROOT / "notebooks" / "source").glob("[0-9][0-9]_*.py"))}
PARTS = {part[7:9]: part for part in re.split(r"(?m)^## ", TEXT) if part.startswith("Lesson ")}
BLOCKS = re.findall(r"(?ms)^```(\w*)\n(.*?)^```", TEXT)
PROSE = re.sub(r"(?ms)^```.*?^```", "", TEXT)
TICKED = sorted(set(re.findall(r"`([^`\n]+)`", PROSE)))
# Of other programs: what they are is not ours to check.
FOREIGN = {"tanh", "jupyterhub_config.py", "source", "source/lesson05/05_preprocessing.ipynb", "submitted/ada/lesson05"}


# --- the lessons ------------------------------------------------------------------------------------


def test_every_lesson_has_its_part_in_order() -> None:
    assert list(PARTS) == list(SOURCES)


@pytest.mark.parametrize("lesson", SOURCES)
def test_a_part_has_what_a_teacher_needs(lesson: str) -> None:
    part = PARTS[lesson]
    for heading in ("**Prepare.**", "**Discuss.**", "**Short of time.**"):
        assert part.count(heading) == 1, heading
    questions = re.split(r"\s·\s", part.split("**Discuss.**")[1].split("\n\n")[0])
    assert 3 <= len(questions) <= 5
    ideas = re.findall(r"(?m)^\| \"[^|]+\" \| [^|]*\?[^|]* \|$", part)
    assert 3 <= len(ideas) <= 6, ideas
    words = len(re.sub(r"(?s)<!-- minutes.*?<!-- /minutes -->", "", part).split())
    assert words < 420, f"{words} words: longer than a teacher will read"


@pytest.mark.parametrize("lesson", SOURCES)
def test_the_title_is_the_lessons(lesson: str) -> None:
    title = re.search(rf"(?m)^# # {lesson} · (.*)$", SOURCES[lesson].read_text(encoding="utf-8"))[1]
    assert re.search(rf"(?m)^\*\*{re.escape(title.rstrip('.?'))}[.?]\*\*", PARTS[lesson]), title


@pytest.mark.parametrize("lesson", SOURCES)
def test_the_sections_that_a_part_names_exist(lesson: str) -> None:
    sections, _ = minutes.counted(lesson)
    part = re.sub(r"(?s)<!-- minutes.*?<!-- /minutes -->", "", PARTS[lesson])
    named = [
        number for row in re.findall(r"[Ss]ections? ((?:\d+(?:, | and | to )?)+)", part) for number in re.findall(r"\d+", row)
    ]
    assert named and set(named) <= set(sections), set(named) - set(sections)


def test_every_link_within_the_page_leads_somewhere() -> None:
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"(?m)^#+ (.*)$", PROSE)}
    links = re.findall(r"\]\(#([^)]+)\)", PROSE)
    assert links and set(links) <= anchors
    for target in re.findall(r"\]\(([^)#:]+)\)", PROSE):
        assert (ROOT / target).exists(), target


# --- minutes ----------------------------------------------------------------------------------------


def test_the_minutes_are_those_that_are_counted() -> None:
    assert minutes.with_minutes(TEXT) == TEXT, "run tools/minutes.py"


def test_counting_writes_its_own_blocks_and_nothing_else() -> None:
    text = "<!-- minutes 00 -->\n<!-- /minutes -->\nkept\n<!-- minutes 01 -->\nold\n<!-- /minutes -->\n| 1 | 00: 1 | | 5 | 0 |\n"
    new = minutes.with_minutes(text)
    assert new.count("| section |") == 2 and "kept" in new and "old" not in new and "| 5 | 0 |" in new
    assert minutes.with_minutes(new) == new
    plan = minutes.with_minutes("<!-- plan x -->\n| 1 | 00: 1; 01: 2 | 0.1 | 5 | 0 |\n<!-- /plan -->")
    wanted = minutes.counted("00")[0]["1"] + minutes.counted("01")[0]["2"] + minutes.USUAL + 5
    assert f"| 5 | {wanted} |" in plan


def plan_rows(name: str) -> list[list[str]]:
    plan = re.search(rf"(?s)<!-- plan {name} -->\n(.*?)<!-- /plan -->", TEXT)[1]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in plan.splitlines()[2:]]


@pytest.mark.parametrize(("name", "count", "most", "in_all"), [("90", 5, 90, 90), ("day", 4, 90, 360), ("term", 15, 90, 1350)])
def test_a_plan_fits_into_its_time(name: str, count: int, most: int, in_all: int) -> None:
    rows = plan_rows(name)
    assert [row[0] for row in rows] == [str(number) for number in range(1, count + 1)]
    sums = [int(row[4]) for row in rows]
    assert all(minutes.plan_minutes(row[1], row[2]) + int(row[3]) == total for row, total in zip(rows, sums, strict=True))
    assert max(sums) <= most and 0.75 * in_all < sum(sums) <= in_all, (sums, sum(sums))
    assert all(int(row[3]) >= 3 for row in rows), "no time to talk"


def test_the_term_goes_through_the_lessons_in_order_and_repeats_nothing() -> None:
    taken = [
        (int(part.split(":")[0]), name)
        for row in plan_rows("term")
        for part in row[1].split(";")
        for name in minutes.named_sections(part.split(":")[1])
    ]
    assert len(taken) == len(set(taken))
    in_order = [lesson for lesson, name in taken if (lesson, name) != (14, "8")]  # the project is given out before the end
    assert in_order == sorted(in_order)


def test_counting_finds_sections_exercises_and_museums() -> None:
    sections, exercises = minutes.counted("05")
    headings = re.findall(r"(?m)^# ## (\d+) · ", SOURCES["05"].read_text(encoding="utf-8"))
    assert list(sections) == ["0", *headings, "quiz"]
    assert list(exercises) == [exercise.id for exercise in exercises_of(5)]
    assert exercises["5.5"] == minutes.OPEN and exercises["5.8"] == minutes.USUAL  # the museum is not open-ended
    assert minutes.named_sections("1–3, 7, quiz") == ["1", "2", "3", "7", "quiz"]


# --- what it names ----------------------------------------------------------------------------------


def test_every_exercise_that_it_names_exists() -> None:
    known = {exercise.id for lesson in SOURCES for exercise in exercises_of(int(lesson))}
    plain = re.sub(r"(?s)<!-- minutes.*?<!-- /minutes -->", "", re.sub(r"`[^`\n]+`", "", PROSE))
    plain = re.sub(r"3\.11, 3\.12 or 3\.13|\d+\.\d+ GB", "", plain)
    named = set(re.findall(r"\b\d+\.\d+\b", plain))
    assert named and named <= known, named - known
    assert set(re.findall(r"\"(\d+\.\d+)\"", TEXT)) <= known


def test_the_example_of_a_class_has_as_many_exercises_as_there_are() -> None:
    (block,) = [block for language, block in BLOCKS if language == "text"]
    in_all = sum(len(exercises_of(int(lesson))) for lesson in SOURCES)
    assert set(re.findall(r"/(\d+)", block)) == {str(len(exercises_of(5))), str(in_all)}


@cache
def python_texts() -> tuple[str, ...]:
    """Return the text of the package, the tools and the lessons."""
    places = [*ROOT.glob("musiclab/**/*.py"), *ROOT.glob("tools/**/*.py"), *SOURCES.values()]
    return tuple(path.read_text(encoding="utf-8") for path in places)


@cache
def defined() -> frozenset[str]:
    """Every name that the package, the tools and the lessons define or import."""
    names = set(dir(builtins)) | set(keyword.kwlist)
    for text in python_texts():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.arg):
                names.add(node.arg)
            elif isinstance(node, ast.alias):
                names.add((node.asname or node.name).split(".")[0])
    return frozenset(names)


@pytest.mark.parametrize("ticked", TICKED)
def test_what_stands_in_backticks_exists(ticked: str) -> None:
    if ticked in FOREIGN or commands_problem(ticked) == "":
        return
    if re.fullmatch(r"[A-Z]+(_[A-Z]+)+(=\S+)?", ticked):  # an environment variable
        assert any(f'"{ticked.split("=")[0]}"' in text for text in python_texts()), ticked
    elif re.fullmatch(r"musiclab(\.\w+)+", ticked):
        assert importlib.util.find_spec(ticked), ticked
    elif not any((base / ticked).exists() for base in (ROOT, ROOT / "notebooks")) and not is_written_by_the_course(ticked):
        nodes = list(ast.walk(ast.parse(ticked, mode="eval")))
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        assert names and names <= defined(), (ticked, names - defined())
        if ticked.startswith("show."):
            assert hasattr(show, ticked[5:].split("(")[0]), ticked


def is_written_by_the_course(name: str) -> bool:
    """Whether a lesson, the package or a tool writes this file or folder: git does not know it."""
    if name in ("work", "build/student"):
        return True
    last = Path(name).name
    return bool(re.fullmatch(r"\w+\.(mid|json|jsonl)", last)) and any(last in text for text in python_texts())


def commands_problem(line: str) -> str:
    """Say what is wrong with a command of ours; nothing if all is well; "other" if it is no command of ours."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return "other"
    words = [word.removeprefix("/opt/musiclab/") for word in words]
    while words and re.match("[A-Z_]+=", words[0]):
        words = words[1:]
    if words and words[0] == "chmod":
        return "" if (ROOT / words[-1]).exists() else f"there is no {words[-1]}"
    if not words or words[0] not in ("make", "python", ".venv/bin/python", "pip", "git"):
        return "other"
    if words[0] == "make":
        targets = re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"))
        return "" if len(words) > 1 and words[1] in targets else f"make has no {words[1:]}"
    if words[0] in ("pip", "git"):
        return ""
    if words[1] == "-c":
        names = {node.id for node in ast.walk(ast.parse(words[2])) if isinstance(node, ast.Name)}
        return "" if names <= defined() else f"unknown: {names - defined()}"
    if words[1] == "-m":
        if words[2] in ("jupyterhub", "ipykernel"):
            return ""
        return options_problem(words[2], words[3:])
    return "" if (ROOT / words[1]).is_file() else f"there is no {words[1]}"


def options_problem(module: str, words: list[str]) -> str:
    """Compare subcommand and options with what the command itself says of them."""
    sub = [word for word in words[:1] if not word.startswith("-")]
    said = subprocess.run([sys.executable, "-m", module, *sub, "--help"], capture_output=True, text=True, cwd=ROOT)
    if said.returncode:
        return f"{module} {sub}: {said.stderr}"
    missing = [word for word in words if word.startswith("-") and word not in said.stdout]
    return f"{module} has no {missing}" if missing else ""


def test_the_commands_in_blocks_exist() -> None:
    ours = 0
    for language, block in BLOCKS:
        if language == "sh":
            for line in block.replace("\\\n", " ").splitlines():
                problem = commands_problem(line)
                assert problem in ("", "other"), (line, problem)
                ours += problem == ""
    assert ours >= 5


def test_the_python_in_blocks_names_what_exists() -> None:
    hub = {"c", "load_subconfig"}
    for language, block in BLOCKS:
        if language == "python":
            names = {node.id for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Name)}
            bound = {
                node.id for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            }
            assert names - bound <= defined() | hub, names - bound - defined()


def test_it_speaks_plainly() -> None:
    assert not re.search(r"\w!", PROSE), "an exclamation mark"
    assert not re.search(r"\b(simply|just|easily|powerful|great|obviously)\b", PROSE)
    assert max(map(len, TEXT.splitlines())) <= 200
