"""The lessons in a real JupyterLab in a real browser: run, exercises done wrong and right, every widget moved, sound, time.

`make test` opens two lessons, `make test-browser` all of them (MUSICLAB_LESSONS=all, or the numbers of some: "05 11").
"""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

import nbformat
import pytest
from lab import find_browser, open_page, server

from musiclab import exercises

ROOT = Path(__file__).resolve().parent.parent
EVERY = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
WANTED = os.environ.get("MUSICLAB_LESSONS", "00 13").split()
LESSONS = EVERY if WANTED == ["all"] else [stem for stem in EVERY if stem[:2] in WANTED]

# A lesson may take 90 s in a kernel on a quiet machine. Here a browser draws beside it, perhaps other tests run, too.
SECONDS = 180
ERRORS = "[data-mime-type='application/vnd.jupyter.error'], [data-mime-type='application/vnd.jupyter.stderr']"
LOUDEST = """async (audio) => {
    const data = await (await fetch(audio.src)).arrayBuffer();
    const decoded = await new OfflineAudioContext(1, 16000, 16000).decodeAudioData(data);
    return decoded.getChannelData(0).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
}"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Serve a copy of the lessons as in a fresh clone, but without outputs: what is seen was made here and now."""
    if find_browser() is None:
        pytest.skip("there is no Chromium or Chrome on this computer; the lessons were not opened in a browser")
    root, home = tmp_path_factory.mktemp("course"), tmp_path_factory.mktemp("home")
    shutil.copytree(ROOT / "notebooks", root / "notebooks", ignore=shutil.ignore_patterns("work", "source", ".*"))
    shutil.copytree(ROOT / "data", root / "data")
    shutil.copytree(ROOT / "benchmarks", root / "benchmarks", ignore=shutil.ignore_patterns("*.py"))  # for lesson 08
    for path in (root / "notebooks").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, path)
    with server(root, home) as address:
        yield root, address


@pytest.fixture(params=LESSONS, scope="module")
def lesson(request, course):
    """A lesson after Run All Cells."""
    root, address = course
    cells = nbformat.read(root / "notebooks" / f"{request.param}.ipynb", as_version=4).cells
    with open_page(address, f"notebooks/{request.param}.ipynb") as opened:
        started = time.monotonic()
        opened.run_all(sum(cell.cell_type == "code" for cell in cells), timeout=600)
        opened.seconds, opened.cells = time.monotonic() - started, cells
        opened.address, opened.number = address, request.param[:2]
        yield opened


def wait_until_idle(lesson, seconds: float = 90) -> None:
    lesson.page.wait_for_timeout(150)  # until the kernel has heard of it
    lesson.page.get_by_text("| Idle").wait_for(timeout=1000 * seconds)


def went_wrong(lesson) -> list[str]:
    """What the page complains of: errors in outputs, and in the browser's log."""
    shown = [text for text in lesson.page.locator(ERRORS).all_text_contents() if text.strip()]
    return shown + [error for error in lesson.errors if not re.search(r"favicon|ResizeObserver", error)]


def test_it_runs_to_the_end_in_time_and_asks_nobody(lesson):
    print(f"lesson {lesson.number}: {lesson.seconds:.0f} s in the browser")
    assert went_wrong(lesson) == []
    assert lesson.strangers(lesson.address) == []
    assert lesson.seconds < SECONDS


def exercise_cells(lesson) -> tuple[exercises.Exercise, int]:
    """The lesson's first exercise, and which cell is its stub; its check stands in the next one."""
    for number, cell in enumerate(lesson.cells):
        if found := re.match(r'check\("(\d+\.\d+)"', cell.source):
            return exercises.find_exercise(found[1]), number - 1
    raise AssertionError("there is no exercise")


def type_and_check(lesson, number: int, code: str) -> str:
    """Write code into a cell, run it and the next one by keyboard; return what the second one says."""
    cells = lesson.page.locator(".jp-Notebook .jp-Cell")
    cells.nth(number).scroll_into_view_if_needed()
    cells.nth(number).locator(".cm-content").click()
    lesson.page.keyboard.press("Control+a")
    lesson.page.keyboard.insert_text(code)
    lesson.page.keyboard.press("Shift+Enter")
    lesson.page.keyboard.press("Shift+Enter")
    wait_until_idle(lesson)
    return cells.nth(number + 1).locator(".jp-OutputArea-output").text_content()


def test_an_exercise_is_not_attempted_then_wrong_then_right(lesson):
    exercise, number = exercise_cells(lesson)
    check = lesson.page.locator(".jp-Notebook .jp-Cell").nth(number + 1)
    assert "not attempted yet" in check.locator(".jp-OutputArea-output").text_content()
    is_function = lesson.cells[number].source.lstrip().startswith("def ")
    wrong = f"def {exercise.name}(*given, **named):\n    return 'nonsense'" if is_function else f"{exercise.name} = 'nonsense'"
    said = type_and_check(lesson, number, wrong)
    assert "✗" in said and f'hint("{exercise.id}") helps' in said
    _, _, right = exercises._solution_text(exercise)
    said = type_and_check(lesson, number, right)
    assert "✗" not in said and re.search(r"propert(y|ies) holds?\.", said), said
    assert went_wrong(lesson) == []


def test_every_widget_moves(lesson):
    moved = 0
    for kind, move in {
        ".noUi-handle": lambda part: part.press("ArrowRight"),
        ".widget-dropdown select:enabled": lambda part: part.press("ArrowDown"),
        ".widget-radio input:enabled": lambda part: part.check(),
        ".widget-checkbox input:enabled": lambda part: part.click(),
        ".musiclab-quiz input:enabled": lambda part: part.press("Space"),
        ".jupyter-button:not(.widget-upload):enabled": lambda part: part.press("Enter"),
    }.items():
        parts = lesson.page.locator(f".jp-OutputArea {kind}")
        for place in range(min(parts.count(), 40)):  # a hundred options of a quiz need not all be tried
            part = parts.nth(place)
            if part.count() and part.is_visible() and part.is_enabled():  # what was there a moment ago may be gone
                part.focus()
                move(part)
                wait_until_idle(lesson)
                moved += 1
    print(f"lesson {lesson.number}: {moved} parts of widgets moved")
    assert moved >= 3  # those of the quiz, at least
    assert went_wrong(lesson) == []


def test_what_it_plays_is_not_silence(lesson):
    sounds = lesson.page.locator("audio[src^='data:'], audio[src^='blob:']")
    for place in range(min(sounds.count(), 5)):
        assert 0.02 < sounds.nth(place).evaluate(LOUDEST) <= 1.05
    print(f"lesson {lesson.number}: {sounds.count()} sounds")
