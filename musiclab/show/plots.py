"""Plots of training and of sampling."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from musiclab.show.picture import BLACK, COLOURS, GRID, INK, PAPER, Picture, count, new_axes, printable, write_title

__all__ = ["curves", "probabilities"]

# Column of the history -> its name, and how it looks in colour and without.
_LINES = {
    "loss": ("training", {"color": COLOURS[0], "ls": "-", "marker": "o"}),
    "valid": ("held-out", {"color": COLOURS[1], "ls": "--", "marker": "s"}),
}


def curves(
    history: Sequence[Mapping[str, float]],
    *,
    baselines: Mapping[str, float] | None = None,
    title: str = "Training",
    unit: str = "nats per token",
    ax: Axes | None = None,
) -> Picture:
    """Draw the loss of a training, epoch by epoch.

    Parameters
    ----------
    history : list of dict
        As `training.train` returns it: "epoch", "loss", and "valid" if there was a held-out set.
    baselines : dict of str to float, optional
        Name and loss of what the model should beat, drawn as level lines.
    title, unit : str
    ax : matplotlib Axes, optional
        Where to draw. Otherwise a new figure is made.

    Returns
    -------
    Picture
    """
    if ax is None:
        figure, (ax,) = new_axes(7.5, 3.6)
    else:
        figure = ax.get_figure(root=True)
    baselines = dict(baselines or {})
    ends = [_draw_line(ax, history, column) for column in _LINES]
    ends = [end for end in ends if end is not None]
    for name, value in baselines.items():
        ax.axhline(value, color="#707070", ls=":", lw=1.4, zorder=1)
        ends.append((name, float(value), INK))
    if not history:
        ax.text(0.5, 0.5, "no epoch finished yet", transform=ax.transAxes, ha="center", va="center", color=INK)
        ax.set(xlim=(0, 1), yticks=[])
    best = _mark_best(ax, history)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12, min_n_ticks=1))
    ax.grid(True, axis="y", color=GRID, lw=0.5)
    ax.set_xlabel("epoch", color=INK, fontsize=9)
    ax.set_ylabel(printable(f"loss, {unit}"), color=INK, fontsize=9)
    write_title(ax, title, "lower is better")
    _write_ends(ax, ends)
    text = f"{title}. Loss in {unit} over {count(len(history), 'epoch')}: {', '.join(name for name, _, _ in ends) or 'nothing'}."
    return Picture(figure, ax, text, text + "".join(f" {name}: {value:.3f}." for name, value, _ in ends) + best)


def _draw_line(ax: Axes, history: Sequence[Mapping[str, float]], column: str) -> tuple[str, float, str] | None:
    """Draw one column of the history; return its name, last value and colour, or None if it is empty."""
    rows = [(row["epoch"], row[column]) for row in history if column in row and math.isfinite(row[column])]
    if not rows:
        return None
    name, style = _LINES[column]
    epochs, losses = zip(*rows, strict=True)
    every = max(1, len(rows) // 15)  # markers that touch are a thick line
    ax.plot(epochs, losses, **style, lw=1.8, ms=5, markevery=every, mfc=PAPER, mew=1.4, label=name, zorder=3)
    return name, float(losses[-1]), style["color"]


def _mark_best(ax: Axes, history: Sequence[Mapping[str, float]]) -> str:
    """Ring the epoch whose weights are kept; return the words for it."""
    rows = [row for row in history if math.isfinite(row.get("valid", math.nan))]
    if len(rows) < 2:
        return ""
    best = min(rows, key=lambda row: row["valid"])
    ax.plot(best["epoch"], best["valid"], "o", ms=11, mfc="none", mec=BLACK, mew=1.2, zorder=4)
    words = f"best held-out: {best['valid']:.3f} in epoch {best['epoch']:.0f}"
    place = {"xytext": (0, 16), "textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": 9, "color": BLACK}
    low, high = rows[0]["epoch"], rows[-1]["epoch"]
    # Near an edge the words would leave the axes, or meet those at the ends of the lines.
    share = (best["epoch"] - low) / (high - low)
    place["ha"] = "left" if share < 0.2 else "right" if share > 0.7 else "center"
    ax.annotate(words, (best["epoch"], best["valid"]), **place, zorder=5)
    return f" {words.capitalize()}."


def _write_ends(ax: Axes, ends: list[tuple[str, float, str]]) -> None:
    """Name each line at its right end, with room between the names of lines that end close together."""
    ax.margins(y=0.08)
    ax.autoscale_view()
    low, high = ax.get_ylim()
    places = _spread([value for _, value, _ in ends], 0.062 * (high - low))
    for (name, value, colour), y in zip(ends, places, strict=True):
        ax.annotate(
            printable(f"{name}  {value:.2f}"),
            xy=(1.0, value),
            xytext=(1.03, y),
            xycoords=ax.get_yaxis_transform(),
            textcoords=ax.get_yaxis_transform(),
            color=colour,
            fontsize=9,
            va="center",
            parse_math=False,
            arrowprops={"arrowstyle": "-", "color": "#a0a0a0", "lw": 0.6, "shrinkA": 0, "shrinkB": 0},
            annotation_clip=False,
        )


def _spread(values: Sequence[float], gap: float) -> list[float]:
    """Move values apart until any two differ by `gap`, each as little as its group allows."""
    groups: list[list[int]] = []  # of neighbours that push each other, lowest first
    for i in sorted(range(len(values)), key=lambda i: values[i]):
        groups.append([i])
        while len(groups) > 1 and _bottom(groups[-1], values, gap) < _bottom(groups[-2], values, gap) + gap * len(groups[-2]):
            groups[-2:] = [groups[-2] + groups[-1]]
    places = [0.0] * len(values)
    for group in groups:
        for k, i in enumerate(group):
            places[i] = _bottom(group, values, gap) + k * gap
    return places


def _bottom(group: list[int], values: Sequence[float], gap: float) -> float:
    """Return the place of the lowest of a group that is centred on its values."""
    return sum(values[i] for i in group) / len(group) - gap * (len(group) - 1) / 2


def probabilities(
    p: Sequence[float] | np.ndarray | Mapping[str, Sequence[float] | np.ndarray],
    names: Sequence[str] | None = None,
    *,
    top: int = 12,
    title: str = "What comes next",
) -> Picture:
    """Draw the most likely next tokens as bars; several distributions side by side.

    Parameters
    ----------
    p : array (size,), or dict of str to array (size,)
        A distribution over the tokens, or several with their names, such as
        ``{"temperature 0.5": p, "temperature 1": q}``.
    names : sequence of str, optional
        The name of each token: ``encoding.vocabulary``. Otherwise the tokens' numbers.
    top : int
        How many tokens to show, by their probability in the first distribution. All others share one bar.
    title : str

    Returns
    -------
    Picture
        Its ``axes`` are a list, one for each distribution, with the most likely token at y = 0.

    Raises
    ------
    ValueError
        If something is no distribution, or there are not as many names as tokens.
    """
    panels = {name: _check_distribution(q) for name, q in (p.items() if isinstance(p, Mapping) else [("", p)])}
    if not panels or len({len(q) for q in panels.values()}) != 1:
        raise ValueError("give at least one distribution, and all over the same tokens.")
    first = next(iter(panels.values()))
    names = [str(n) for n in (range(len(first)) if names is None else names)]
    if len(names) != len(first) or top < 1:
        has = f"{len(names)} names for {len(first)} tokens, top={top}"
        raise ValueError(f"{has}: there must be one name for each token, and top must be 1 or more.")
    order = np.argsort(-first, kind="stable")[:top]
    rest = len(first) - len(order)
    rows = [names[i] for i in order] + ([f"{count(rest, 'other')}"] if rest else [])
    figure, row = new_axes(min(3.4 + 2.6 * len(panels), 11.0) if len(panels) > 1 else 6.0, 1.0 + 0.235 * len(rows), len(panels))
    longest = max(max(q[order].max(), 1 - q[order].sum() if rest else 0) for q in panels.values())
    for k, (axes, (label, q)) in enumerate(zip(row, panels.items(), strict=True)):
        values = [float(q[i]) for i in order] + ([max(0.0, 1.0 - float(q[order].sum()))] if rest else [])
        _draw_distribution(axes, values, COLOURS[k % len(COLOURS)], longest, bool(rest))
        axes.set_title(printable(label), fontsize=10, color=BLACK, parse_math=False)
        axes.tick_params(axis="y", length=0)
    row[0].set_yticks(range(len(rows)), [printable(r) for r in rows])
    for text in row[0].get_yticklabels():
        text.set_parse_math(False)
    row[0].set_ylim(len(rows) - 0.4, -0.6)
    figure.suptitle(printable(title), fontsize=11, color=BLACK, x=0.01, ha="left", parse_math=False)
    return Picture(figure, row, *_probability_words(panels, [names[i] for i in order], order, title))


def _check_distribution(p: Sequence[float] | np.ndarray) -> np.ndarray:
    q = np.asarray(p, dtype=np.float64)
    if q.ndim != 1 or not len(q) or not (q >= 0).all() or abs(q.sum() - 1) > 1e-3:
        has = f"shape {q.shape}, sum {q.sum():g}"
        raise ValueError(f"{has}: a distribution is one row of numbers from 0 to 1 whose sum is 1.")
    return q


def _draw_distribution(axes: Axes, values: list[float], colour: str, longest: float, rest: bool) -> None:
    bars = axes.barh(range(len(values)), values, height=0.72, color=colour, edgecolor=colour, zorder=2)
    if rest:  # not a token: hollow
        bars[-1].set(facecolor=PAPER, hatch="////", linewidth=1.0)
    for y, value in enumerate(values):
        words = "0" if value == 0 else "< 0.1 %" if value < 0.001 else f"{100 * value:.1f} %"
        axes.text(value + 0.015 * longest, y, words, va="center", fontsize=8, color=INK)
    axes.set_xlim(0, 1.28 * longest)  # room for the figures
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.grid(True, axis="x", color=GRID, lw=0.5)
    axes.set_xlabel("probability", color=INK, fontsize=9)


def _probability_words(panels: Mapping[str, np.ndarray], names: list[str], order: np.ndarray, title: str) -> tuple[str, str]:
    """Return the text without and with the probabilities."""
    several = f" in {len(panels)} distributions ({', '.join(panels)})" if len(panels) > 1 else ""
    text = f"{title}. Bars for the {count(len(names), 'most likely token')}{several}, led by {', '.join(names[:3])}."
    figures = "; ".join(
        (f"{label}: " if label else "") + ", ".join(f"{name} {q[i]:.3f}" for name, i in zip(names, order, strict=True))
        for label, q in panels.items()
    )
    return text, f"{text} {figures}."
