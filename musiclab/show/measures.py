"""Pictures of what was measured: sets of pieces side by side, bars against bars, sureness against success."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from musiclab.show.picture import BLACK, COLOURS, GRID, INK, PAPER, Picture, count, new_axes, printable, write_title

__all__ = ["calibration", "intervals", "similarity"]

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
