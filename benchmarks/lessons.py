"""What the lessons make one wait for: every cell timed, the time to the first sound, and where TensorFlow comes in.

    python benchmarks/lessons.py           # every lesson that stands
    python benchmarks/lessons.py 01 05     # some

The lessons run in order, in the class profile, one after the other, in a folder of their own, and share a corpus cache
that is empty at first: so a cell that reads a corpus for the first time is timed with the reading, as a newcomer meets
it. The time of a cell goes from the kernel's word that it begins to its word that it is idle.

The first sound is timed after that, when all bytecode has been compiled, from the start of the first cell of the first
lesson, in a kernel that has just started: with an empty cache and with the one that the lessons filled.
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

from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from table import row, spread

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tools"))
from notebooks import SECONDS_A_CELL, read_source, sources  # noqa: E402

ROUNDS = 3
LESSON, CELL, SOUND = 90, 20, 10  # seconds: the bars for a lesson, for a cell without a progress bar, to the first sound
TRAINING = ("06",)  # what needs Keras from its first cell on
HAS_TENSORFLOW = '"tensorflow" in __import__("sys").modules'


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

    @property
    def first_line(self) -> str:
        """What it begins with, imports passed over."""
        lines = [line for line in self.source.splitlines() if line.strip() and not line.startswith((" ", ")", "#", "@"))]
        return next((line for line in lines if not line.startswith(("import ", "from "))), lines[0])

    @property
    def tells_what_is_left(self) -> bool:
        """Whether its progress bar says how long it will take: "00:03<00:12" or "00:12 left"."""
        return bool(re.search(r"<\d+:\d\d|\d:\d\d\sleft", self.bar))

    def __str__(self) -> str:
        return f"lesson {self.lesson} cell {self.number} ({self.first_line[:60]})"


class Listener(NotebookClient):
    """Runs a notebook and remembers when each cell first made itself heard."""

    heard: dict[int, datetime]  # by the cell's place in the notebook

    def process_message(self, msg, cell, cell_index):
        """See NotebookClient."""
        if "<audio" in msg["content"].get("data", {}).get("text/html", ""):
            self.heard.setdefault(cell_index, msg["header"]["date"])
        return super().process_message(msg, cell, cell_index)


def run(lesson: Path, cache: Path, cells: int | None = None) -> list[Cell]:
    """Run a lesson, or its first code cells, in a folder of its own; return its code cells.

    After each of them another one asks whether TensorFlow has been loaded.
    """
    notebook = read_source(lesson)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"][:cells]
    notebook.cells = [cell for pair in code for cell in (pair, new_code_cell(HAS_TENSORFLOW))]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "data").symlink_to(ROOT / "data")
        (work := Path(folder) / "notebooks").mkdir()
        client = Listener(
            notebook,
            timeout=SECONDS_A_CELL,
            kernel_name="python3",
            extra_arguments=["--log-level=ERROR"],
            store_widget_state=True,
            resources={"metadata": {"path": str(work)}},
        )
        client.heard = {}
        client.execute(env=os.environ | {"MUSICLAB_CACHE": str(cache)})
    timed = []
    for place, (cell, answer) in enumerate(zip(notebook.cells[::2], notebook.cells[1::2], strict=True)):
        began, ended = (_moment(cell, event) for event in ("iopub.execute_input", "iopub.status.idle"))
        heard = client.heard.get(2 * place)
        timed.append(
            Cell(
                lesson=lesson.name[:2],
                number=place + 1,
                source=cell.source,
                seconds=(ended - began).total_seconds(),
                sounds=(heard.replace(tzinfo=None) - began).total_seconds() if heard else None,
                bar=_bar(cell, client.widget_state),
                tensorflow=answer.outputs[0].data["text/plain"] == "True",
            )
        )
    return timed


def _moment(cell: NotebookNode, event: str) -> datetime:
    return datetime.fromisoformat(cell.metadata.execution[event].removesuffix("Z"))


def _bar(cell: NotebookNode, widgets: dict[str, dict]) -> str:
    """Return the words beside the progress bar that a cell shows, whether as a widget or as text."""
    kind = "application/vnd.jupyter.widget-view+json"
    for output in cell.outputs:
        if output.output_type == "stream" and re.search(r"\d+%\|", output.text):
            return output.text
        state = widgets.get(output.get("data", {}).get(kind, {}).get("model_id"), {})
        parts = [widgets[child.removeprefix("IPY_MODEL_")] for child in state.get("children", ())]
        if any(part["_model_name"] == "FloatProgressModel" for part in parts):
            return html.unescape(" ".join(str(part["value"]) for part in parts))
    return ""


def first_sound(lesson: Path, cell: int, cache: Path) -> float:
    """Return the seconds from the start of a lesson to its first sound, which that cell makes."""
    cells = run(lesson, cache, cell)
    return sum(before.seconds for before in cells[:-1]) + (cells[-1].sounds or float("nan"))


def report(lessons: dict[str, list[Cell]]) -> None:
    """Print what was measured of the cells."""
    for name, cells in lessons.items():
        total = sum(cell.seconds for cell in cells)
        row(f"lesson {name}, {len(cells)} code cells, corpora read when first needed", f"{total:.1f} s", f"at most {LESSON} s", total <= LESSON)
    cells = sorted((cell for cells in lessons.values() for cell in cells), key=lambda cell: -cell.seconds)
    for place, cell in enumerate(cells[:10], 1):
        bar = "with a progress bar" if cell.bar else "without a progress bar"
        row(f"slowest cell {place}: {cell}", f"{cell.seconds:.1f} s, {bar}")
    silent = [cell for cell in cells if cell.seconds > CELL and not cell.tells_what_is_left]
    named = "; ".join(f"{cell}, {cell.seconds:.0f} s" for cell in silent)
    row(f"cells over {CELL} s without a progress bar that tells the time left", named or "none", "none", not silent)
    for name, cells in lessons.items():
        loading = next((cell for cell in cells if cell.tensorflow), None)
        if loading is None:
            row(f"lesson {name} loads TensorFlow", "never", "only where a Keras model is trained or shown", True)
            continue
        says_so = re.search("keras|tensorflow|musiclab.training", loading.source) is not None
        reached = says_so and (loading.number > 1 or name in TRAINING)
        row(f"lesson {name} loads TensorFlow", f"at cell {loading.number} of {len(cells)}, which imports it: {says_so}", "only where a Keras model is trained or shown", reached)


def main(numbers: list[str]) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "full"
        lessons = {path.name[:2]: run(path, full) for path in sources(numbers)}
        report(lessons)
        first, *_ = sources(numbers)
        sounding = next(cell.number for cell in lessons[first.name[:2]] if cell.sounds is not None)
        caches = {"empty": [Path(folder) / f"empty {number}" for number in range(ROUNDS)], "full": [full] * ROUNDS}
        taken = {name: [first_sound(first, sounding, cache) for cache in several] for name, several in caches.items()}
        for name, seconds in taken.items():
            what = f"from the start of lesson {first.name[:2]} to the first sound, corpus cache {name}"
            row(what, f"{spread(seconds)} s", f"at most {SOUND} s", max(seconds) <= SOUND)


if __name__ == "__main__":
    main(sys.argv[1:])
