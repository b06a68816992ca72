"""Pictures of the inside of an LSTM: from a sum to a gate, what a state is made of, and gates under the notation."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

import numpy as np

from musiclab.score import Score
from musiclab.show.notation import Engraving, notation
from musiclab.show.picture import BLACK, COLOURS, GRID, INK, PAPER, Picture, count, new_axes, printable, write_title

__all__ = ["parts", "squash", "under_notation"]

# What squeezes a sum: its curve, the lowest and the highest value.
_FUNCTIONS = {"σ": (lambda z: 0.5 * np.tanh(0.5 * z) + 0.5, 0.0, 1.0), "tanh": (np.tanh, -1.0, 1.0)}
_MARKERS = "osD^v<>P"


def squash(z: Sequence[float] | np.ndarray, function: str, *, title: str = "From the sum to the gate") -> Picture:
    """Draw the curve of σ or tanh, and on it the sum of each unit.

    Parameters
    ----------
    z : array (units,)
        The sums of at most eight units.
    function : str
        "σ" or "tanh".
    title : str

    Raises
    ------
    ValueError
        For another function, or more units than the picture can tell apart.
    """
    z = np.asarray(z, dtype=np.float64)
    if function not in _FUNCTIONS:
        raise ValueError(f"function={function!r}: choose one of {', '.join(_FUNCTIONS)}.")
    if z.ndim != 1 or not 1 <= len(z) <= len(_MARKERS):
        raise ValueError(f"z has shape {z.shape}: give the sums of 1 to {len(_MARKERS)} units.")
    curve, low, high = _FUNCTIONS[function]
    figure, (ax,) = new_axes(5.6, 2.5)
    reach = max(5.0, 1.15 * float(np.abs(z).max()))
    grid = np.linspace(-reach, reach, 201)
    ax.plot(grid, curve(grid), color=INK, lw=1.6, zorder=2)
    for level in (low, (low + high) / 2, high):
        ax.axhline(level, color=GRID, lw=0.6, zorder=1)
    ends = []
    for unit, (sum_, marker) in enumerate(zip(z.tolist(), _MARKERS, strict=False)):
        value, colour = float(curve(sum_)), COLOURS[unit]
        ax.plot([sum_, sum_, -reach], [low, value, value], color=colour, lw=1.0, ls=":", zorder=2)
        name = f"unit {unit + 1}: {function}({sum_:.2f}) = {value:.3f}"
        ax.plot(sum_, value, marker, ms=8, mfc=PAPER, mec=colour, mew=2, zorder=3, ls="none", label=printable(name))
        ends.append(name)
    ax.set_xlim(-reach, reach)
    ax.set_xlabel("the sum", color=INK, fontsize=9)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), frameon=False, fontsize=9, labelcolor=INK)
    write_title(ax, title)
    text = f"{title}. The curve of {function}, from {low:g} to {high:g}, and on it {count(len(z), 'unit')}: {'; '.join(ends)}."
    return Picture(figure, ax, text)


def parts(values: Mapping[str, Sequence[float] | np.ndarray], *, title: str = "What it is made of") -> Picture:
    """Draw numbers that belong together as bars, one panel for each unit.

    Parameters
    ----------
    values : dict of str to array (units,)
        Such as ``{"f * c": f * c, "i * g": i * g, "new c": f * c + i * g}``, drawn from top to bottom.
    title : str

    Returns
    -------
    Picture
        Its ``axes`` are a list, one for each unit.
    """
    table = np.array([np.asarray(row, dtype=np.float64) for row in values.values()])  # (parts, units)
    figure, row = new_axes(min(9.0, 1.6 + 2.9 * table.shape[1]), 0.85 + 0.34 * len(values), table.shape[1])
    reach = 1.45 * max(1e-9, float(np.abs(table).max()))
    for unit, ax in enumerate(row):
        bars = ax.barh(range(len(values)), table[:, unit], height=0.66, color=COLOURS[unit % len(COLOURS)], zorder=2)
        bars[-1].set(hatch="////", edgecolor=PAPER, linewidth=0)  # the last is what the others lead to
        for y, value in enumerate(table[:, unit].tolist()):
            ax.annotate(
                f"{value:.3f}",
                (value, y),
                xytext=(4 if value >= 0 else -4, 0),
                textcoords="offset points",
                va="center",
                ha="left" if value >= 0 else "right",
                fontsize=9,
                color=INK,
            )
        ax.axvline(0, color=INK, lw=0.8)
        ax.set_xlim(-reach, reach)
        ax.set_title(f"unit {unit + 1}", fontsize=10, color=BLACK)
        ax.tick_params(axis="y", length=0)
    row[0].set_yticks(range(len(values)), [printable(name) for name in values])
    for label in row[0].get_yticklabels():
        label.set_parse_math(False)
    row[0].set_ylim(len(values) - 0.45, -0.55)
    figure.suptitle(printable(title), fontsize=11, color=BLACK, x=0.01, ha="left")
    words = "; ".join(
        f"unit {unit + 1}: " + ", ".join(f"{name} {value:.3f}" for name, value in zip(values, column, strict=True))
        for unit, column in enumerate(table.T.tolist())
    )
    return Picture(figure, row, f"{title}. Bars, a panel for each unit. {words[:1].upper()}{words[1:]}.")


# --- under the notation ---------------------------------------------------------------------------------

PANEL, GAP, HEAD = 56, 26, 20  # pixels: height of a panel, room between two, room above the first


def under_notation(
    score: Score,
    lines: Mapping[str, Sequence[float] | np.ndarray],
    *,
    bars: tuple[int, int],
    steps_per_quarter: int = 4,
    title: str | None = None,
) -> Engraving:
    """Engrave some bars and draw what happens in a network beneath them, each step under its note.

    Parameters
    ----------
    score : Score
    lines : dict of str to array (steps,)
        A name and a value for each step, from the start of the piece. Each gets a panel of its own. Its scale runs
        from 0 to 1 or from -1 to 1 if all that is shown lies there; otherwise from the lowest to the highest whole
        number.
    bars : (int, int)
        The first and the last bar to show, counted from 1. They have to fit on one line of music.
    steps_per_quarter : int
    title : str, optional
        Instead of the score's own.

    Raises
    ------
    ValueError
        If the bars need more than one line, or `lines` do not reach to their end.
    """
    engraving = notation(score, bars=bars, title=title)
    places = engraving.places
    if len({place.top for place in places}) > 1:
        raise ValueError(f"bars={bars} need more than one line of music; show fewer of them.")
    first, last = (round(b * score.bar_length * steps_per_quarter) for b in (bars[0] - 1, bars[1]))
    onsets, xs = [p.onset for p in places], [p.x for p in places]
    edges = np.interp(np.arange(first, last + 1) / steps_per_quarter, onsets, xs)  # (steps + 1,): where each step begins
    panels = []
    for number, (name, values) in enumerate(lines.items()):
        shown = np.asarray(values, dtype=np.float64)[first:last]
        if len(shown) < last - first:
            raise ValueError(f"{name!r} has {len(values)} steps, and bar {bars[1]} ends after {last}.")
        top = engraving.height + HEAD + number * (PANEL + GAP)
        panels.append(_panel(name, shown, edges, top, COLOURS[number % len(COLOURS)]))
    every = np.arange(bars[0] - 1, bars[1]) * score.bar_length
    height = engraving.height + HEAD + len(panels) * (PANEL + GAP)
    ruled = "".join(f"M{x:.0f} {engraving.height - 4}V{height - GAP + 6}" for x in np.interp(every, onsets, xs) - 4)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{engraving.width}" height="{height}"'
        f' viewBox="0 0 {engraving.width} {height}" font-family="sans-serif" font-size="12">'
        f'<rect width="{engraving.width}" height="{height}" fill="{PAPER}"/>{engraving.svg}'
        f'<path d="{ruled}" stroke="#707070" stroke-dasharray="3 3" fill="none"/>{"".join(panels)}</svg>'
    )
    names = ", ".join(lines)
    text = f"{engraving.text} Beneath it, aligned with the notes, {count(len(lines), 'curve')} step by step: {names}."
    return Engraving(svg, text, places, engraving.width, height)


def _panel(name: str, values: np.ndarray, edges: np.ndarray, top: int, colour: str) -> str:
    """Draw one curve as steps, with its name above and the ends of its scale at the left."""
    low, high = _scale(values)
    left, right = round(edges[0]) - 5, round(edges[-1])

    def y(value: float) -> int:
        return round(top + PANEL * (high - value) / (high - low))

    levels = sorted({low, high} | ({0.0} if low < 0 < high else set()))
    rules = "".join(f"M{left} {y(level)}H{right}" for level in levels)
    ticks = "".join(f'<text x="{left - 5}" y="{y(v) + 4}" fill="{INK}" text-anchor="end">{v:g}</text>' for v in levels)
    heights = [y(value) for value in values.tolist()]
    path = f"M{edges[0]:.0f} {heights[0]}" + "".join(
        f"V{height}H{edge:.0f}" for height, edge in zip(heights, edges[1:], strict=True)
    )
    label = f'<text x="6" y="{top - 9}" fill="{BLACK}" font-weight="bold">{html.escape(name)}</text>'
    curve = f'<path d="{path}" stroke="{colour}" stroke-width="2" fill="none"/>'
    return f'<path d="{rules}" stroke="{GRID}" fill="none"/>{ticks}{label}{curve}'


def _scale(values: np.ndarray) -> tuple[float, float]:
    """Choose the ends of a scale."""
    low, high = float(values.min()), float(values.max())
    for ends in ((0.0, 1.0), (-1.0, 1.0)):
        if ends[0] <= low and high <= ends[1]:
            return ends
    return float(math.floor(low)), float(max(math.ceil(high), math.floor(low) + 1))
