"""The lessons as files: executed to the end, equal to their source, within the rules. nbval runs them."""

from __future__ import annotations

import importlib.util
import io
import json
import re
from base64 import b64decode
from itertools import pairwise
from pathlib import Path

import nbformat
import numpy as np
import pytest
import soundfile

from musiclab.exercises import exercises_of, find_exercise

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
SOURCES = sorted((ROOT / "notebooks" / "source").glob("[0-9][0-9]_*.py"))

spec = importlib.util.spec_from_file_location("notebooks_tool", ROOT / "tools" / "notebooks.py")
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def is_stub(cell):
    return cell.metadata.get("nbgrader", {}).get("solution", False)


def told_cells(notebook):
    """Return the code cells without the stubs: a stub and the check below it are one step to a reader."""
    return [cell for cell in code_cells(notebook) if not is_stub(cell)]


def test_every_lesson_has_a_source_and_every_source_a_lesson():
    assert [path.stem for path in LESSONS] == [path.stem for path in SOURCES]
    assert LESSONS


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson(request):
    return request.param, nbformat.read(request.param, as_version=4)


def test_the_notebook_is_its_source(lesson):
    path, notebook = lesson
    source = tool.read_source(ROOT / "notebooks" / "source" / f"{path.stem}.py")

    def kept(cell):
        return cell.cell_type, cell.source, cell.id, cell.metadata.get("tags", []), cell.metadata.get("nbgrader")

    assert [kept(cell) for cell in notebook.cells] == [kept(cell) for cell in source.cells], "run `make notebooks`"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_exercise_is_a_stub_and_a_check_that_nbgrader_knows(path):
    notebook = tool.read_source(path)
    marked = [cell.metadata.nbgrader for cell in notebook.cells if "nbgrader" in cell.metadata]
    number = int(path.name[:2])
    ids = [exercise.id.replace(".", "-") for exercise in exercises_of(number)]
    assert [mark.grade_id for mark in marked] == [f"{name}-{part}" for name in ids for part in ("answer", "check")]
    for above, cell in pairwise(notebook.cells):
        if not cell.metadata.get("nbgrader", {}).get("grade"):
            assert not re.search(r"^check\(", cell.source, re.M) or cell.cell_type == "markdown", "a check begins its cell"
            continue
        name, said = re.fullmatch(r'check\("([\d.]+)", (\w+)\)', cell.source).groups()
        assert find_exercise(name).name == said
        assert re.search(rf"^(def {said}\(|{said} = )", above.source, re.M), "the stub stands right above its check"
        plain = {"schema_version": 3, "task": False, "grade_id": name.replace(".", "-")}
        answer, check = ({**plain, "grade_id": f"{plain['grade_id']}-{part}"} for part in ("answer", "check"))
        assert above.metadata.nbgrader == {**answer, "solution": True, "grade": False, "locked": False}
        assert cell.metadata.nbgrader == {**check, "solution": False, "grade": True, "locked": True, "points": 1}


def test_a_check_without_a_stub_is_refused(tmp_path):
    (tmp_path / "05_x.py").write_text('# %%\nx = 1\n\n# %% [markdown]\n# Words.\n\n# %%\ncheck("5.1", x)\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r'check\("5.1", ...\) has to be the stub'):
        tool.read_source(tmp_path / "05_x.py")


def test_every_code_cell_was_executed_in_order_and_none_failed(lesson):
    _, notebook = lesson
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    assert not [output.text for cell in cells for output in cell.outputs if output.get("name") == "stderr"]


def test_few_outputs_are_left_uncompared_and_those_assert_their_property(lesson):
    _, notebook = lesson
    cells = told_cells(notebook)
    tags = {tag for cell in cells for tag in cell.metadata.get("tags", [])}
    assert tags <= {"nbval-ignore-output", "raises-exception"}
    ignored = [cell for cell in cells if "nbval-ignore-output" in cell.metadata.get("tags", [])]
    assert len(ignored) <= len(cells) / 10
    for cell in ignored:
        assert re.search(r"^\s*assert ", cell.source, re.MULTILINE), cell.source


def test_comparison_is_not_vacuous(lesson):
    # nbval passes a cell that has no stored output, so every cell has to have one. A stub has the check below it.
    _, notebook = lesson
    assert not [cell.source for cell in told_cells(notebook) if not cell.outputs]


def test_cells_are_short_and_prose_keeps_pace_with_code(lesson):
    path, notebook = lesson
    cells = code_cells(notebook)
    too_long = [cell.source for cell in cells if len(cell.source.splitlines()) > 30]
    assert not too_long, too_long[0]
    prose = sum(cell.cell_type == "markdown" for cell in notebook.cells)
    assert 0.7 <= prose / len(told_cells(notebook)) <= 1.6, path.name
    assert not [cell.source for cell in cells if cell.source.rstrip().endswith(";")]


def test_a_notebook_is_small_and_names_no_machine(lesson):
    path, notebook = lesson
    assert path.stat().st_size < 1_000_000
    text = json.dumps(notebook)
    assert not re.search(r"/(home|root|tmp|Users)/|0x[0-9a-f]{8,}", text)


def test_pictures_have_a_description(lesson):
    _, notebook = lesson
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                assert len(output.data.get("text/plain", "")) > 20 and "<Figure" not in output.data["text/plain"], cell.source


def test_stored_sounds_are_mp3_and_not_silent(lesson):
    """nbval does not compare the bytes of a sound (tests/nbval.cfg), so what is stored is listened to here."""
    path, notebook = lesson
    pages = [output.get("data", {}).get("text/html", "") for cell in code_cells(notebook) for output in cell.outputs]
    elements = [page for page in pages if "<audio" in page]
    assert elements, f"{path.stem} is silent"
    for element in elements:
        data = re.search(r'src="data:audio/mpeg;base64,([A-Za-z0-9+/=]+)"', element)
        samples, _ = soundfile.read(io.BytesIO(b64decode(data[1])))
        assert 0.1 < np.abs(samples).max() < 1
