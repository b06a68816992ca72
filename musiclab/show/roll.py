"""The piano roll: time to the right, pitch upwards, a bar of colour for each note.

It is what a sequencer shows, and what a network on a grid sees. Staff notation says how to play a piece; a piano
roll says what sounds when.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullFormatter

from musiclab.score import Score, pitch_name
from musiclab.show.picture import (
    COLOURS,
    GRID,
    INK,
    Picture,
    check_bars,
    check_labels,
    count,
    describe,
    headline,
    new_axes,
    printable,
    write_title,
)

__all__ = ["piano_roll"]

WHITE_KEYS = (0, 2, 4, 5, 7, 9, 11)
WIDTH = 9.0  # inches
MOST_LABELS = 18  # bar numbers along the time axis
MOST_WHITE_KEYS = 24  # semitones over which every white key is named


@dataclass(frozen=True)
class _Style:
    """How the notes of one voice look: enough beside the colour that a grey copy can still be read."""

    colour: str
    height: float  # in semitones
    filled: bool
    hatch: str | None = None


# Full, hollow, striped, thin: four shapes for the four voices of a chorale.
_SHAPES = ((0.86, True, None), (0.80, False, None), (0.86, False, "//////"), (0.46, True, None))
# Two scores in one roll: a thin full bar inside a hollow one is a note that both have.
_FIRST = _Style(COLOURS[0], 0.50, True)
_SECOND = _Style(COLOURS[1], 0.96, False)


def piano_roll(
    score: Score,
    other: Score | None = None,
    *,
    labels: Sequence[str] | None = None,
    bars: tuple[int, int] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Picture:
    """Draw a score as a piano roll, or two scores one over the other.

    Parameters
    ----------
    score : Score
    other : Score, optional
        A second score to compare with: the first one's notes are drawn full, this one's hollow.
    labels : sequence of str, optional
        Names for the legend: of the voices, highest first; with `other`, of the two scores.
    bars : (int, int), optional
        The first and the last bar to show, counted from 1. Otherwise the whole piece.
    title : str, optional
        Instead of the score's own.
    ax : matplotlib Axes, optional
        Where to draw. Otherwise a new figure is made.

    Returns
    -------
    Picture
        Its ``axes`` have quarter lengths on the x axis (labelled with the numbers of the bars) and MIDI pitches on
        the y axis, and hold one collection of rectangles for each voice, or for each score.

    Raises
    ------
    ValueError
        If `bars` are not bars of this piece, or `labels` do not match.
    """
    layers = _layers(score, other, labels)
    first, last = _shown_bars(score, other, bars)
    window = ((first - 1) * score.bar_length, last * score.bar_length)
    layers = [(_sounding(notes, window), style, label) for notes, style, label in layers]
    low, high = _pitch_range([notes for notes, _, _ in layers])
    if ax is None:
        row = 0.125 if high - low <= MOST_WHITE_KEYS else 0.095  # inches; named white keys need room for their names
        figure, (ax,) = new_axes(WIDTH, min(0.75 + row * (high - low), 6.0))
    else:
        figure = ax.get_figure(root=True)
    _draw_keys(ax, low, high)
    _draw_bars(ax, score, window)
    pixels = ax.get_window_extent().width / (window[1] - window[0])  # in a quarter length
    for notes, style, label in layers:
        ax.add_collection(_rectangles(notes, style, label, pixels), autolim=False)
    ax.set_xlim(window)
    ax.set_ylim(low - 0.5, high + 0.5)
    if len(layers) > 1:
        _draw_legend(ax, layers)
    if not any(len(notes) for notes, _, _ in layers):
        ax.text(0.5, 0.5, "no notes", transform=ax.transAxes, ha="center", va="center", fontsize=12, color=INK)
    write_title(ax, score.title if title is None else title, headline(score))
    return Picture(figure, ax, _words(score, other, layers, bars, title))


def _layers(score: Score, other: Score | None, labels: Sequence[str] | None) -> list[tuple[np.ndarray, _Style, str]]:
    """List what is drawn, lowest layer first: notes, style and name."""
    if other is not None:
        names = check_labels(labels, ["first", "second"], "scores")
        return [(score.notes, _FIRST, names[0]), (other.notes, _SECOND, names[1])]
    names = check_labels(labels, [f"voice {voice}" for voice in score.voices], "voices")
    return [(score.voice(v).notes, _voice_style(v), name) for v, name in zip(score.voices, names, strict=True)]


def _voice_style(voice: int) -> _Style:
    """Pair each of the eight colours with another shape in every round, so that 32 voices differ."""
    height, filled, hatch = _SHAPES[(voice + voice // len(COLOURS)) % len(_SHAPES)]
    return _Style(COLOURS[voice % len(COLOURS)], height, filled, hatch)


def _shown_bars(score: Score, other: Score | None, bars: tuple[int, int] | None) -> tuple[int, int]:
    """Return the first and the last bar to show, counted from 1."""
    end = max(score.duration, other.duration if other is not None else 0.0)
    total = max(1, math.ceil(end / score.bar_length - 1e-9))
    return (1, total) if bars is None else check_bars(bars, total)


def _sounding(notes: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """Keep the notes of which a part lies in the window."""
    return notes[(notes["onset"] < window[1]) & (notes["onset"] + notes["duration"] > window[0])]


def _pitch_range(layers: list[np.ndarray]) -> tuple[int, int]:
    """Return the lowest and the highest pitch to show: those of the notes, a little air, an octave at least."""
    pitches = [int(p) for notes in layers for p in notes["pitch"]] or [60, 72]
    low, high = min(pitches) - 1, max(pitches) + 1
    missing = max(0, 13 - (high - low))
    return max(0, low - missing // 2), min(127, high + missing - missing // 2)


def _rectangles(notes: np.ndarray, style: _Style, label: str, pixels: float) -> PolyCollection:
    """Make one rectangle for each note, in the order of the notes."""
    left, right = notes["onset"], notes["onset"] + notes["duration"]
    half = style.height / 2
    bottom, top = notes["pitch"] - half, notes["pitch"] + half
    corners = np.stack([left, bottom, left, top, right, top, right, bottom], axis=1).reshape(-1, 4, 2)  # (notes, 4, 2)
    # A line around a note that is three pixels long would be all there is to see.
    shortest = pixels * float(notes["duration"].min()) if len(notes) else 0.0
    line = min(0.8 if style.filled else 1.3, 0.12 * shortest)
    collection = PolyCollection(
        corners,
        **_colours(style),
        linewidths=line,
        hatch=style.hatch if shortest > 6 else None,
        label=printable(label),
        zorder=3,
    )
    collection.set_hatch_linewidth(0.9)
    return collection


def _colours(style: _Style) -> dict[str, Any]:
    """Return the colours of a note's face and edge."""
    if style.filled:  # a darker edge, or the repeated notes of a voice would run into one long note
        return {"facecolor": style.colour, "edgecolor": tuple(0.5 * part for part in to_rgb(style.colour))}
    return {"facecolor": "none" if style is _SECOND else f"{style.colour}30", "edgecolor": style.colour}


def _draw_keys(ax: Axes, low: int, high: int) -> None:
    """Name the pitches and shade the rows of the black keys, as the keyboard lies beside a sequencer's roll."""
    named = _named_pitches(low, high)
    ax.set_yticks(named, [pitch_name(p) for p in named], fontsize=7.5)  # E and F, and B and C, lie in rows side by side
    ax.set_ylabel("pitch", color=INK, fontsize=9)
    black = [p for p in range(low, high + 1) if p % 12 not in WHITE_KEYS]
    ax.barh(black, 1.0, height=1.0, left=0.0, transform=ax.get_yaxis_transform(), color="#f1f1f1", linewidth=0, zorder=0)
    for tick, pitch in zip(ax.get_yticklabels(), named, strict=True):
        tick.set_fontweight("bold" if pitch % 12 == 0 else "normal")
    octaves = [p - 0.5 for p in range(low, high + 2) if p % 12 == 0]
    ax.hlines(octaves, 0, 1, transform=ax.get_yaxis_transform(), color=GRID, lw=0.8)


def _named_pitches(low: int, high: int) -> list[int]:
    """Choose the pitches to name: all white keys where there is room, then C, E and G, then C alone."""
    span = high - low
    steps = WHITE_KEYS if span <= MOST_WHITE_KEYS else (0, 4, 7) if span <= 50 else (0, 7) if span <= 70 else (0,)
    return [p for p in range(low, high + 1) if p % 12 in steps]


def _draw_bars(ax: Axes, score: Score, window: tuple[float, float]) -> None:
    """Rule the bar lines and number the bars; where few are shown, rule the beats as well."""
    bar, beat = score.bar_length, 4.0 / score.time_signature[1]
    first, last = round(window[0] / bar), round(window[1] / bar)
    step = 1
    while (last - first) / step > MOST_LABELS:
        step *= 2
    # Numbered at round numbers of bars before them, so that phrases of four and eight bars stand out.
    numbered = [b for b in range(first, last) if b % step == 0]
    ax.set_xticks([b * bar for b in numbered], [str(b + 1) for b in numbered])
    ruled = np.arange(first, last + 1, 1 if last - first <= 4 * MOST_LABELS else step) * bar
    ax.vlines(ruled, 0, 1, transform=ax.get_xaxis_transform(), color="#9a9a9a", lw=0.8, zorder=1)
    beats = np.arange(window[0], window[1], beat) if (window[1] - window[0]) / beat <= 72 else []
    ax.xaxis.set_minor_locator(FixedLocator(beats))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(axis="x", which="minor", length=0)
    ax.grid(True, axis="x", which="minor", color=GRID, lw=0.5, ls=":")
    ax.set_xlabel("bar", color=INK, fontsize=9)


def _draw_legend(ax: Axes, layers: list[tuple[np.ndarray, _Style, str]]) -> None:
    """Name the layers at the right. The samples have the notes' shapes, whatever became of those at this size."""
    samples = [_sample(style, label) for _, style, label in layers]
    legend = ax.legend(
        handles=samples,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.02),
        frameon=False,
        fontsize=9 if len(layers) <= 10 else 7,
        labelcolor=INK,
        handlelength=2.2,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _sample(style: _Style, label: str) -> Patch | Line2D:
    """Make one entry of the legend; matplotlib would draw all rectangles equally high there."""
    if style.height < 0.6:
        return Line2D([], [], color=style.colour, lw=3.5, solid_capstyle="butt", label=printable(label))
    patch = Patch(label=printable(label), hatch=style.hatch, lw=0.8 if style.filled else 1.3, **_colours(style))
    patch.set_hatch_linewidth(0.9)
    return patch


def _words(
    score: Score,
    other: Score | None,
    layers: list[tuple[np.ndarray, _Style, str]],
    bars: tuple[int, int] | None,
    title: str | None,
) -> str:
    """Say what is to be seen."""
    words = "Piano roll. " + describe(score if title is None else replace(score, title=title))
    if other is not None:
        both = count(len(_keys(score) & _keys(other)), "note")
        words += f" Compared as {layers[0][2]} (full) with {layers[1][2]} (hollow): {describe(other)} In both: {both}."
    if bars is not None:
        shown = sum(len(notes) for notes, _, _ in layers)
        words += f" Shown: bars {bars[0]} to {bars[1]}, with {count(shown, 'note')}."
    return words


def _keys(score: Score) -> set[tuple[float, float, int]]:
    """Return what makes a note the same in two scores: onset, duration and pitch."""
    rounded = (np.round(score.notes[name].astype(float), 6).tolist() for name in ("onset", "duration", "pitch"))
    return set(zip(*rounded, strict=True))
