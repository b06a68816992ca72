"""What the lessons make one wait for: every cell timed, the time to the first sound, and where TensorFlow comes in.

    python benchmarks/lessons.py           # every lesson that stands
    python benchmarks/lessons.py 01 05     # some

The lessons run in order, in the class profile, one after the other, in a folder of their own, and share a corpus cache
that is empty at first: so a cell that is the first to read a corpus is timed with the reading, as a newcomer meets it.
The time of a cell goes from the kernel's word that it begins to its word that it is idle.

The first sound is timed after that, when all bytecode has been compiled: from the start of the first cell of the first
lesson to the first output that can be heard, in a kernel that has just started, with an empty and with a full cache.
"""

from __future__ import annotations

import html
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from table import at_most, row, spread

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tools"))
from notebooks import SECONDS_A_CELL, read_source, sources  # noqa: E402

ROUNDS = 3
LESSON, COURSE, SILENT, SOUND = 90, 720, 20, 10  # seconds: for a lesson, for all, for a cell without a bar, to the first sound
SLOWEST = 10
TRAINING = ("06",)  # lessons that need Keras from their first cell on

HAS_TENSORFLOW = '"tensorflow" in __import__("sys").modules'
NEEDS_TENSORFLOW = r"keras|tensorflow|musiclab\.(models|training|own)"  # in the source of a cell: Keras, or what trains
TELLS_WHAT_IS_LEFT = r"<\d+:\d\d|\d:\d\d\sleft"  # beside a progress bar: tqdm's own words, and the course's


@dataclass(frozen=True)
class Cell:
    """A code cell that has run."""

    lesson: str  # "05"
    number: int  # among the code cells, from 1
    source: str
    seconds: float
    sounds: float | None  # seconds from its start to its first sound
    bar: str  # the words beside its progress bar; empty without one
    tensorflow: bool  # whether TensorFlow is loaded when it ends

    def __str__(self) -> str:
        """Number and first line, imports passed over."""
        lines = [line for line in self.source.splitlines() if re.match(r"\w", line)]
        line = next((line for line in lines if not line.startswith(("import ", "from "))), lines[0])
        return f"{self.lesson}, cell {self.number}: `{line[:60]}`"


class Listener(NotebookClient):
    """Runs a notebook and remembers when each cell first made itself heard."""

    def __init__(self, notebook: NotebookNode, **settings: Any) -> None:
        super().__init__(notebook, **settings)
        self.heard: dict[int, datetime] = {}  # by the cell's place in the notebook

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Look for an audio element, and do what a NotebookClient does."""
        if "<audio" in msg["content"].get("data", {}).get("text/html", ""):
            self.heard.setdefault(cell_index, msg["header"]["date"].replace(tzinfo=None))
        return super().process_message(msg, cell, cell_index)


def run(lesson: Path, cache: Path, cells: int | None = None) -> list[Cell]:
    """Run a lesson, or its first few code cells. After each of them another one asks whether TensorFlow has been loaded."""
    notebook = read_source(lesson)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"][:cells]
    questions = [new_code_cell(HAS_TENSORFLOW) for _ in code]
    notebook.cells = [cell for pair in zip(code, questions, strict=True) for cell in pair]
    with tempfile.TemporaryDirectory() as folder:
        for beside in ("data", "benchmarks"):  # what lessons read
            (Path(folder) / beside).symlink_to(ROOT / beside)
        (place := Path(folder) / "notebooks").mkdir()
        client = Listener(
            notebook,
            timeout=SECONDS_A_CELL,
            kernel_name="python3",
            extra_arguments=["--log-level=ERROR"],
            store_widget_state=True,
            resources={"metadata": {"path": str(place)}},
        )
        client.execute(env=os.environ | {"MUSICLAB_CACHE": str(cache)})
    timed = []
    for number, (cell, question) in enumerate(zip(code, questions, strict=True), 1):
        moments = (cell.metadata.execution[f"iopub.{event}"] for event in ("execute_input", "status.idle"))
        began, ended = (datetime.fromisoformat(moment.removesuffix("Z")) for moment in moments)
        heard = client.heard.get(notebook.cells.index(cell))
        timed.append(
            Cell(
                lesson=lesson.name[:2],
                number=number,
                source=cell.source,
                seconds=(ended - began).total_seconds(),
                sounds=(heard - began).total_seconds() if heard else None,
                bar=bar_of(cell, client.widget_state),
                tensorflow=question.outputs[0].data["text/plain"] == "True",
            )
        )
    return timed


def bar_of(cell: NotebookNode, widgets: dict[str, dict[str, Any]]) -> str:
    """Return the words beside the progress bars that a cell shows, as widgets (tqdm's are a box of three) or as text."""
    words = [output.text for output in cell.outputs if output.output_type == "stream" and re.search(r"\d%\|", output.text)]
    for output in cell.outputs:
        view = output.get("data", {}).get("application/vnd.jupyter.widget-view+json", {})
        children = widgets.get(view.get("model_id"), {}).get("children", ())
        parts = [widgets[child.removeprefix("IPY_MODEL_")] for child in children]
        if any(part["_model_name"] == "FloatProgressModel" for part in parts):
            words += [html.unescape(str(part["value"])) for part in parts]
    return " ".join(words)


def report(lessons: dict[str, list[Cell]]) -> None:
    """Print what was measured of the cells."""
    totals = {name: sum(cell.seconds for cell in cells) for name, cells in lessons.items()}
    words = "; ".join(f"{name} {total:.0f}" for name, total in totals.items())
    row("each lesson, corpora read where they are first needed", f"{words} s", **at_most(LESSON, max(totals.values()), " s"))
    row(f"these {len(lessons)} lessons together", f"{sum(totals.values()):.0f} s", **at_most(COURSE, sum(totals.values()), " s"))
    cells = sorted((cell for cells in lessons.values() for cell in cells), key=lambda cell: -cell.seconds)
    for place, cell in enumerate(cells[:SLOWEST], 1):
        row(f"slowest cell, place {place}: lesson {cell}", f"{cell.seconds:.1f} s, {'a' if cell.bar else 'no'} progress bar")
    silent = [cell for cell in cells if cell.seconds > SILENT and not re.search(TELLS_WHAT_IS_LEFT, cell.bar)]
    named = "; ".join(f"{cell.lesson}, cell {cell.number}" for cell in silent)
    what = f"cells of more than {SILENT} s without a progress bar that tells the time left"
    row(what, named or "none", "none", not silent)
    loading = {name: next((cell for cell in cells if cell.tensorflow), None) for name, cells in lessons.items()}
    words = "; ".join(f"{name} {f'{cell.number} of {len(lessons[name])}' if cell else 'never'}" for name, cell in loading.items())
    fine = all(
        re.search(NEEDS_TENSORFLOW, cell.source) and (cell.number > 1 or name in TRAINING)
        for name, cell in loading.items()
        if cell
    )
    row("the cell of each lesson that loads TensorFlow", words, "one that names it, and but for training not the first", fine)


def first_sound(lesson: Path, cell: int, cache: Path) -> float:
    """Return the seconds from the start of a lesson to its first sound, which this cell makes."""
    *before, last = run(lesson, cache, cell)
    return sum(cell.seconds for cell in before) + (last.sounds or float("nan"))


def main(numbers: list[str]) -> None:
    """Print the figures."""
    paths = sources(numbers)
    with tempfile.TemporaryDirectory() as folder:
        full, lessons = Path(folder) / "full", {}
        for path in paths:
            cells = lessons[path.name[:2]] = run(path, full)
            print(f"{path.stem}: {sum(cell.seconds for cell in cells):.0f} s", flush=True)
        report(lessons)
        sounding = next(cell.number for cell in lessons[paths[0].name[:2]] if cell.sounds is not None)
        for name in ("empty", "full"):
            caches = [full if name == "full" else Path(folder) / f"empty {number}" for number in range(ROUNDS)]
            taken = [first_sound(paths[0], sounding, cache) for cache in caches]
            what = f"from the start of lesson {paths[0].name[:2]} to the first sound, the corpus cache {name}"
            row(what, f"{spread(taken)} s", **at_most(SOUND, max(taken), " s"), front=name == "empty")


if __name__ == "__main__":
    main(sys.argv[1:])
