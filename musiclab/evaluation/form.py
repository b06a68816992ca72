"""Form: does a piece come back to what it has said? Measures of repeats are plain counts of the course's own."""

from __future__ import annotations

import numpy as np

from musiclab.evaluation.grid import change_steps, grid_of
from musiclab.score import Score

__all__ = ["longest_repeat", "repeated_bars", "self_similarity"]


def self_similarity(score: Score) -> np.ndarray:
    """Compare each bar with each other: float array (bars, bars), from 0, nothing alike, to 1, the same.

    Two bars are alike in the share of sixteenths, over all voices that sing in either of them, in which the same pitch
    sounds. The diagonal is 1. After Foote, "Visualizing Music and Audio using Self-Similarity" (1999), who compares sound.
    """
    bars = _bars(score)
    bars = bars.reshape(len(bars), bars.shape[1] * bars.shape[2])
    found = np.ones((len(bars), len(bars)))
    for number, bar in enumerate(bars):  # not all pairs at once: for a piece of thousands of bars that would take gigabytes
        alike = ((bars == bar) & (bar > 0)).sum(axis=1)
        sounding = ((bars > 0) | (bar > 0)).sum(axis=1)
        found[number] = np.where(sounding > 0, alike / np.maximum(sounding, 1), 1.0)
    return found


def repeated_bars(score: Score) -> float:
    """Return how many of the bars stood there before, in percent: the same pitches in all voices, sixteenth for sixteenth.

    Silent bars do not count, and a note that is struck again looks like one that is held.
    """
    bars = [bar.tobytes() for bar in _bars(score) if bar.any()]
    return 100 * (1 - len(set(bars)) / len(bars)) if bars else np.nan


def longest_repeat(score: Score) -> float:
    """Return the longest passage that comes twice in a piece, in quarter lengths: all voices, not transposed, no overlap.

    Notes that are merely held do not make a passage long: from one change to the next counts as long as it is the first time.
    """
    grid = grid_of(score)
    if not len(grid):
        return np.nan
    begins = change_steps(grid)
    age = np.arange(len(grid)) - np.repeat(begins, np.diff(np.append(begins, len(grid))))  # steps since the last change
    # (steps,): equal rows that have sounded for as long have equal numbers. So a held note is not like itself a step later.
    codes = np.unique(np.column_stack([grid, age]), axis=0, return_inverse=True)[1].reshape(-1)
    longest = 0
    for lag in range(1, len(codes)):
        if lag <= longest or len(codes) - lag <= longest:
            continue  # a passage and its repetition would overlap, or no longer fit
        longest = max(longest, min(lag, _longest_run(codes[lag:] == codes[:-lag])))
    return longest / 4


def _bars(score: Score) -> np.ndarray:
    """Return the grid of a score bar by bar, the last one filled up with silence: int array (bars, steps, voices)."""
    grid, width = grid_of(score), max(round(score.bar_length * 4), 1)
    missing = -len(grid) % width
    return np.concatenate([grid, np.zeros((missing, grid.shape[1]), grid.dtype)]).reshape(-1, width, grid.shape[1])


def _longest_run(true: np.ndarray) -> int:
    """Return the length of the longest row of True."""
    false = np.flatnonzero(np.concatenate([[True], ~true, [True]]))
    return int(np.diff(false).max()) - 1
