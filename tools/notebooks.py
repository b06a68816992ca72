"""Execute the lessons and write them as notebooks: source/NN_title.py -> NN_title.ipynb.

    python tools/notebooks.py            # all lessons
    python tools/notebooks.py 05 07      # some

What people edit is the text in notebooks/source. This script runs it from top to bottom in a new kernel and
stores the outputs, without anything that differs from run to run: no times, no random identifiers.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
SOURCES = NOTEBOOKS / "source"

# How the cell begins that checks an exercise.
CHECK = re.compile(r'check\("(\d+)\.(\d+)",')

# One cell may take longer than a lesson should, so that a slow computer still gets through.
SECONDS_A_CELL = 600


def sources(numbers: list[str]) -> list[Path]:
    """Return the lessons with these numbers, or all."""
    return [path for path in sorted(SOURCES.glob("[0-9][0-9]_*.py")) if not numbers or path.name[:2] in numbers]


def read_source(path: Path) -> NotebookNode:
    """Read a percent script as a notebook without outputs, with the metadata that every lesson has."""
    notebook = jupytext.read(path)
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{path.name[:2]}-{number:03d}"
        cell.metadata = NotebookNode({key: value for key, value in cell.metadata.items() if key == "tags"})
    mark_exercises(notebook)
    return notebook


def mark_exercises(notebook: NotebookNode) -> None:
    """Tell nbgrader which cells are the student's and which are the course's.

    A cell that begins with ``check("5.1", ...)`` gives a point and is locked; the cell above it is the answer.
    """
    for above, cell in pairwise(notebook.cells):
        found = CHECK.match(cell.source) if cell.cell_type == "code" else None
        if found is None:
            continue
        name = f"{found[1]}-{found[2]}"
        if above.cell_type != "code" or CHECK.match(above.source):
            raise ValueError(f'{cell.id}: the cell above check("{found[1]}.{found[2]}", ...) has to be the stub of its answer.')
        above.metadata.nbgrader = _grading(f"{name}-answer", solution=True)
        cell.metadata.nbgrader = _grading(f"{name}-check", grade=True, locked=True, points=1)


def _grading(grade_id: str, **more: bool | int) -> NotebookNode:
    """Return nbgrader's metadata, version 3."""
    plain = {"grade": False, "grade_id": grade_id, "locked": False, "schema_version": 3, "solution": False, "task": False}
    return NotebookNode(plain | more)


def execute(notebook: NotebookNode) -> None:
    """Run all cells in a new kernel, in the folder where the notebook will lie, as somebody who has solved nothing yet."""
    client = NotebookClient(
        notebook,
        timeout=SECONDS_A_CELL,
        kernel_name="python3",
        store_widget_state=True,
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    )
    with tempfile.TemporaryDirectory() as folder:
        client.execute(env={**os.environ, "MUSICLAB_PROGRESS": str(Path(folder) / "progress.json")})


def normalise(notebook: NotebookNode) -> None:
    """Take out what differs from run to run."""
    notebook.metadata.language_info = NotebookNode(name="python")
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            _join_streams(cell)
    _number_widgets(notebook)


def _join_streams(cell: NotebookNode) -> None:
    """Join what a cell printed: how the text was cut into messages is chance."""
    joined: list[NotebookNode] = []
    for output in cell.outputs:
        if output.output_type == "stream" and joined and joined[-1].get("name") == output.name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    cell.outputs = joined


def _number_widgets(notebook: NotebookNode) -> None:
    """Give the widgets numbers in the place of random identifiers, and forget those that no cell shows."""
    widgets = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json")
    if widgets is None:
        return
    shown = {view["model_id"] for view in _widget_views(notebook)}
    reached, waiting = [], [key for key in widgets.state if key in shown]
    while waiting:
        key = waiting.pop(0)
        if key not in reached:
            reached.append(key)
            waiting += re.findall(r"IPY_MODEL_([0-9a-f]{32})", json.dumps(widgets.state[key]))
    names = {key: f"{number:032x}" for number, key in enumerate(reached, start=1)}
    text = json.dumps({key: widgets.state[key] for key in reached})
    for key, name in names.items():
        text = text.replace(key, name)
    widgets.state = nbformat.from_dict(json.loads(text))
    for view in _widget_views(notebook):
        view["model_id"] = names.get(view["model_id"], view["model_id"])
    if not reached:
        del notebook.metadata["widgets"]


def _widget_views(notebook: NotebookNode) -> list[NotebookNode]:
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    kind = "application/vnd.jupyter.widget-view+json"
    return [output.data[kind] for output in outputs if kind in output.get("data", {})]


def main(numbers: list[str]) -> int:
    """Write the notebooks; return how many failed."""
    failed = 0
    for path in sources(numbers):
        started = time.perf_counter()
        notebook = read_source(path)
        try:
            execute(notebook)
        except Exception as error:  # any failure of a lesson is reported, and the others still run
            print(f"{path.name}: {error}", file=sys.stderr)
            failed += 1
            continue
        normalise(notebook)
        target = NOTEBOOKS / f"{path.stem}.ipynb"
        nbformat.write(notebook, target)
        cells = sum(cell.cell_type == "code" for cell in notebook.cells)
        print(f"{target.name}: {cells} code cells, {time.perf_counter() - started:.0f} s, {target.stat().st_size // 1024} KiB")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
