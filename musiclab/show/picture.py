"""What all figures share: the display object, the paper, the words.

Figures are made without pyplot. Its list of open figures is one for the whole process, and breaks when a widget's
callback draws in a thread of its own; and a figure that is not on that list is shown once, not twice.
"""

from __future__ import annotations

import html
import math
import operator
from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

from musiclab.score import Score, pitch_name

__all__ = ["Picture", "describe"]

PAPER, INK, BLACK, GRID = "#ffffff", "#333333", "#000000", "#c8c8c8"
#: Okabe and Ito's colours, which the colour-blind can tell apart; without the yellow, too pale for white paper.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#56b4e9", "#e69f00", "#000000", "#882255")
DPI = 100

# Off the screen, but not `display: none`, which would hide it from screen readers too.
_HIDDEN = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap"


class Picture:
    """A figure that shows itself in a notebook, and says in words what is to be seen.

    Attributes
    ----------
    figure : matplotlib Figure
    axes : matplotlib Axes, or a list of them
        Draw more upon it before the picture is shown: ``picture.axes.axvline(8)``.
    text : str
        What the picture shows, without any figure that another computer might round differently: this is what
        the notebook tests compare.
    alt : str
        The text, with the figures. It becomes the alt text where a notebook is exported as a page.
    """

    def __init__(self, figure: Figure, axes: Axes | list[Axes], text: str, alt: str | None = None) -> None:
        self.figure, self.axes, self.text, self.alt = figure, axes, text, alt or text

    @property
    def png(self) -> bytes:
        """The image. The same figure gives the same bytes in every process."""
        target = BytesIO()
        self.figure.savefig(target, format="png", dpi=DPI, facecolor=PAPER, metadata={"Software": None})
        return target.getvalue()

    def html(self) -> str:
        """Return the image as HTML, for a widget. (The widget for images has no alt text.)"""
        source = f"data:image/png;base64,{b64encode(self.png).decode('ascii')}"
        return f'<img alt="{html.escape(self.alt)}" style="max-width:100%" src="{source}">'

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        data = {"image/png": b64encode(self.png).decode("ascii"), "text/plain": self.text}
        return data, {"image/png": {"alt": self.alt}}

    def _ipython_display_(self) -> None:
        """Show the image, and then its text out of sight: JupyterLab gives an image no alt text."""
        from IPython.display import publish_display_data

        publish_display_data(*self._repr_mimebundle_())
        words = f'<span style="{_HIDDEN}">{html.escape(self.text)}</span>'
        publish_display_data({"text/html": words})


def describe(score: Score) -> str:
    """Say in one sentence what a score holds: title, notes, bars, key, range, voices.

    Examples
    --------
    >>> describe(Score([(0, 1, 60), (1, 1, 67)], title="Two notes", key="C major"))
    'Two notes: 2 notes in 1 bar of 4/4, C major, from C4 to G4.'
    """
    title = score.title or "Untitled"
    if not len(score):
        return f"{title}: no notes."
    pitches = score.notes["pitch"]
    low, high = pitch_name(int(pitches.min())), pitch_name(int(pitches.max()))
    bars = count(math.ceil(score.duration / score.bar_length - 1e-9), "bar")
    parts = [
        f"{count(len(score), 'note')} in {bars} of {score.time_signature[0]}/{score.time_signature[1]}",
        *([key_name(score.key)] if score.key else []),
        f"from {low} to {high}" if low != high else f"all {low}",
        *([count(len(score.voices), "voice")] if len(score.voices) > 1 else []),
    ]
    return f"{title}: {', '.join(parts)}."


def count(number: int, noun: str) -> str:
    """Return "1 note", "2 notes"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def key_name(key: str, *, signs: bool = False) -> str:
    """Spell a key as people do: "B- major" becomes "B flat major", or "B♭ major" with `signs`."""
    tonic, _, mode = key.partition(" ")
    flat, sharp = ("♭", "♯") if signs else (" flat", " sharp")
    return f"{tonic[:1]}{tonic[1:].replace('-', flat).replace('#', sharp)} {mode}".strip()


def headline(score: Score) -> str:
    """Return key, metre and tempo, as they stand at the right above a piece."""
    beats, unit = score.time_signature
    return " · ".join([*([key_name(score.key, signs=True)] if score.key else []), f"{beats}/{unit}", f"♩ = {score.tempo:.4g}"])


def check_labels(labels: Sequence[str] | None, default: list[str], what: str) -> list[str]:
    """Return the names to write, or raise ValueError if their number does not match."""
    if labels is None:
        return default
    if isinstance(labels, str) or len(labels) != len(default):
        raise ValueError(f"labels={labels!r}: give a list of {len(default)} names, one for each of the {what}.")
    return [str(label) for label in labels]


def check_bars(bars: tuple[int, int], total: int) -> tuple[int, int]:
    """Return the first and the last bar to show, counted from 1, or raise ValueError if the piece has no such bars."""
    try:
        first, last = (operator.index(bar) for bar in bars)
    except (TypeError, ValueError):
        raise ValueError(f"bars={bars!r}: give two whole numbers, the first and the last bar to show.") from None
    if not 1 <= first <= last <= total:
        raise ValueError(f"bars=({first}, {last}): give the first and the last bar to show, from 1 to {total}.")
    return first, last


def new_axes(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Make a figure of `width` by `height` inches with axes side by side.

    Every colour is stated: a plot style for dark screens would otherwise write white on our white paper.
    """
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER, layout="constrained")
    row = list(figure.subplots(1, columns, sharey=True, squeeze=False)[0])
    for axes in row:
        axes.set_facecolor(PAPER)
        axes.set_axisbelow(True)
        axes.grid(visible=False)
        axes.tick_params(which="both", colors=INK, labelsize=9)
        for side, spine in axes.spines.items():
            spine.set_color(INK)
            spine.set_visible(side in ("left", "bottom"))
    return figure, row


def write_title(axes: Axes, text: str, aside: str = "") -> None:
    """Write a title above the axes at the left, smaller words at the right."""
    # Titles come from files. A "$" in one is a dollar, not the beginning of a formula.
    axes.set_title(printable(text), loc="left", fontsize=11, color=BLACK, parse_math=False)
    axes.set_title(printable(aside), loc="right", fontsize=9, color=INK, parse_math=False)


def printable(text: str) -> str:
    """Put a box for each character that the font has not: matplotlib would warn in the middle of a lesson."""
    font = get_font(findfont(FontProperties()))
    return "".join(c if c.isprintable() and font.get_char_index(ord(c)) else "□" for c in text)
