"""Pictures of what was measured: sets side by side, bars against bars, sureness against success, wishes against music."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from musiclab.show.picture import BLACK, COLOURS, GRID, INK, PAPER, Picture, count, new_axes, printable, write_title

__all__ = ["calibration", "course", "intervals", "response", "similarity"]

#: Marks of the sets, one after the other: never colour alone.
_MARKS = "osD^vPX*"


def intervals(
    rows: Mapping[str, Mapping[str, tuple[float, float, float]]],
    measures: Sequence[str],
    *,
    real: str,
    units: Mapping[str, str] | None = None,
    title: str = "",
) -> Picture:
    """Draw measures side by side: for each set the mean and its interval, against the band of the real pieces.

    Parameters
    ----------
    rows : mapping
        Measure -> set -> (mean, low, high), as `evaluation.Comparison.rows` has it.
    measures : sequence of str
        Which of them to draw, five at most.
    real : str
        The set whose interval is drawn as a band through all rows.
    units : mapping, optional
        Measure -> unit, as `evaluation.Comparison.units` has it.
    title : str

    Returns
    -------
    Picture
        Its ``axes`` are a list, one for each measure.

    Raises
    ------
    ValueError
        If a measure or the set is not there, or there are more than five measures, or none.
    """
    if not 1 <= len(measures) <= 5 or isinstance(measures, str):
        raise ValueError(f"measures={measures!r}: give a list of one to five names.")
    for name in measures:
        if name not in rows or real not in rows[name]:
            raise ValueError(f"there is no measure {name!r} of a set {real!r}; the measures are {', '.join(rows)}.")
    sets = list(rows[measures[0]])
    figure, axes = new_axes(min(2.2 + 2.0 * len(measures), 11.0), 1.1 + 0.3 * len(sets), len(measures))
    for ax, name in zip(axes, measures, strict=True):
        _, low, high = rows[name][real]
        ax.axvspan(low, high, color="#dddddd", zorder=0)
        for y, which in enumerate(sets):
            mean, low, high = rows[name][which]
            colour = COLOURS[y % len(COLOURS)]
            ax.plot([low, high], [y, y], color=colour, lw=2, zorder=2)
            ax.plot([mean], [y], color=colour, marker=_MARKS[y % len(_MARKS)], ms=6, zorder=3)
        ax.set_title(printable(name), fontsize=9, color=BLACK, parse_math=False)
        ax.set_xlabel(printable((units or {}).get(name, "")), fontsize=8, color=INK, parse_math=False)
        ax.xaxis.set_major_locator(MaxNLocator(3))
        ax.grid(True, axis="x", color=GRID, lw=0.5)
    axes[0].set_yticks(range(len(sets)), [printable(which) for which in sets])
    axes[0].set_ylim(len(sets) - 0.5, -0.5)
    figure.suptitle(printable(title), fontsize=11, color=BLACK, x=0.01, ha="left", parse_math=False)
    text = f"{title or 'Measures'}: {', '.join(measures)}; for each the mean and interval of {', '.join(sets)}."
    figures = "; ".join(
        f"{name}: " + ", ".join("{} {:.3g} ({:.3g} to {:.3g})".format(which, *rows[name][which]) for which in sets)
        for name in measures
    )
    return Picture(figure, axes, text, f"{text} {figures}.")


def similarity(matrix: np.ndarray, *, title: str = "Self-similarity") -> Picture:
    """Draw how alike each bar is to each other: the darker, the more.

    Parameters
    ----------
    matrix : float array (bars, bars)
        From 0, nothing alike, to 1, the same; as `evaluation.self_similarity` returns it.
    title : str

    Returns
    -------
    Picture

    Raises
    ------
    ValueError
        If the array is not square.
    """
    if np.ndim(matrix) != 2 or np.shape(matrix)[0] != np.shape(matrix)[1] or not np.size(matrix):
        raise ValueError(f"the matrix has the shape {np.shape(matrix)}; it must have a row and a column for each bar.")
    bars = len(matrix)
    figure, (ax,) = new_axes(3.6, 3.4)
    ax.imshow(matrix, cmap="Greys", vmin=0, vmax=1, extent=(0.5, bars + 0.5, bars + 0.5, 0.5), interpolation="nearest")
    ax.set(xlabel="bar", ylabel="bar")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(6, integer=True))
        axis.label.set_color(INK)
    write_title(ax, title)
    same = [(a + 1, b + 1) for a in range(bars) for b in range(a + 1, bars) if matrix[a, b] > 0.999]
    words = (
        f"the same: {', '.join(f'{a} and {b}' for a, b in same[:12])}{' …' if len(same) > 12 else ''}"
        if same
        else "no two the same"
    )
    return Picture(figure, ax, f"{title}: {count(bars, 'bar')} against each other, {words}.")


def calibration(
    said: np.ndarray, came: np.ndarray, counts: np.ndarray, *, title: str = "How sure, and how often right"
) -> Picture:
    """Draw how often a model is right against how sure it was. On the diagonal it knows how sure it may be.

    Parameters
    ----------
    said, came, counts : arrays (bins,)
        As `evaluation.calibration` returns them.
    title : str

    Returns
    -------
    Picture
    """
    filled = np.asarray(counts) > 0
    figure, (ax,) = new_axes(4.4, 3.4)
    ax.plot([0, 1], [0, 1], color="#707070", ls=":", lw=1.4)
    ax.plot(np.asarray(said)[filled], np.asarray(came)[filled], color=COLOURS[0], marker="o", lw=1.5)
    for x, y, n in zip(np.asarray(said)[filled], np.asarray(came)[filled], np.asarray(counts)[filled], strict=True):
        ax.annotate(f"{n:,}", (x, y), xytext=(6, -10), textcoords="offset points", fontsize=7, color=INK)
    ax.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="how sure", ylabel="how often right")
    ax.xaxis.label.set_color(INK)
    ax.yaxis.label.set_color(INK)
    ax.grid(True, color=GRID, lw=0.5)
    ax.set_facecolor(PAPER)
    write_title(ax, title)
    text = f"{title}: a line of {count(int(filled.sum()), 'point')} beside the diagonal."
    pairs = "; ".join(
        f"{x:.2f} sure, {y:.2f} right" for x, y in zip(np.asarray(said)[filled], np.asarray(came)[filled], strict=True)
    )
    return Picture(figure, ax, text, f"{text} {pairs}.")


def course(levels: Mapping[str, np.ndarray], *, title: str = "", most: int = 8) -> Picture:
    """Draw how measures go through a piece, bar by bar.

    Parameters
    ----------
    levels : mapping of str to array (bars,)
        Name of a measure -> its level in each bar, from 1 to `most`. Five measures at most.
    title : str
    most : int

    Returns
    -------
    Picture
        Its ``axes`` are a list, one for each measure.

    Raises
    ------
    ValueError
        If there is no measure, or more than five.
    """
    figure, axes = _panels(levels, title)
    for ax, (name, values) in zip(axes, levels.items(), strict=True):
        bars = np.arange(1, len(values) + 1)
        ax.step(bars, values, where="mid", color=COLOURS[0], lw=1.8)
        ax.set(ylim=(0.5, most + 0.5), xlabel="bar")
        ax.set_title(printable(name), fontsize=9, color=BLACK, parse_math=False)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.grid(True, axis="y", color=GRID, lw=0.5)
    axes[0].set_ylabel("level")
    highest = ", ".join(f"{name} highest in bar {int(np.argmax(values)) + 1}" for name, values in levels.items())
    return Picture(figure, axes, f"{title or 'Measures'}, bar by bar: {', '.join(levels)}; {highest}.")


def response(pairs: Mapping[str, tuple[np.ndarray, np.ndarray]], *, title: str = "", most: int = 8) -> Picture:
    """Draw what was asked for against what came: one panel for each wish, one dot for each piece.

    Parameters
    ----------
    pairs : mapping of str to (array (pieces,), array (pieces,))
        Name of a wish -> the levels that were wanted and those that were measured, from 1 to `most`. Five wishes at most.
    title : str
    most : int

    Returns
    -------
    Picture
        Its ``axes`` are a list, one for each wish. The line is the mean of what came.

    Raises
    ------
    ValueError
        If there is no wish, or more than five.
    """
    figure, axes = _panels(pairs, title)
    shifted = np.random.default_rng(0)  # dots on whole numbers would hide each other
    for ax, (name, (wanted, came)) in zip(axes, pairs.items(), strict=True):
        ax.plot([1, most], [1, most], color="#707070", ls=":", lw=1.2)
        x, y = (np.asarray(v) + shifted.uniform(-0.25, 0.25, len(v)) for v in (wanted, came))
        ax.plot(x, y, "o", color=COLOURS[0], ms=3, alpha=0.5)
        asked = np.unique(wanted)
        ax.plot(asked, [np.mean(np.asarray(came)[wanted == level]) for level in asked], color=COLOURS[1], lw=2)
        ax.set(xlim=(0.4, most + 0.6), ylim=(0.4, most + 0.6), xlabel="wanted")
        ax.set_title(printable(name), fontsize=9, color=BLACK, parse_math=False)
        ax.set_xticks(range(1, most + 1))
    axes[0].set_ylabel("came")
    text = f"{title or 'What was wanted and what came'}: {', '.join(pairs)}, a dot for each piece, and the mean."
    return Picture(figure, axes, text)


def _panels(named: Mapping[str, object], title: str) -> tuple[Figure, list[Axes]]:
    """Make axes side by side, one for each name."""
    if not 1 <= len(named) <= 5:
        raise ValueError(f"there are {len(named)} measures to draw; give one to five.")
    figure, axes = new_axes(min(1.0 + 2.3 * len(named), 11.0), 2.7, len(named))
    figure.suptitle(printable(title), fontsize=11, color=BLACK, x=0.01, ha="left", parse_math=False)
    return figure, axes
