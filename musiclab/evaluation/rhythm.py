"""Rhythm: how many notes there are, how long they last, where in the bar they begin.

Notes and their lengths are compared by Yang & Lerch, "On the evaluation of generative models in music" (2020). How often notes
begin in each place of the bar was counted in scores by Palmer & Krumhansl, "Mental Representations for Musical Meter" (1990).
"""

from __future__ import annotations

import numpy as np

from musiclab.evaluation.pitch import entropy
from musiclab.score import Score

__all__ = [
    "DURATIONS",
    "duration_entropy",
    "duration_histogram",
    "groove_consistency",
    "notes_on_beats",
    "onset_density",
    "onset_positions",
]

#: Durations that `duration_histogram` tells apart, in quarter lengths. A note counts for the nearest, by ratio.
DURATIONS = (0.25, 1 / 3, 0.5, 2 / 3, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)

#: Steps in a quarter on which onsets are compared: enough for sixteenths and for triplets of eighths.
STEPS = 12


def onset_density(score: Score) -> float:
    """Return how many notes begin in a quarter length, all voices together: above 0, with no upper limit; nan without a note."""
    return len(score) / score.duration if len(score) else np.nan


def duration_histogram(score: Score) -> np.ndarray:
    """Return which share of the notes has each of the `DURATIONS`: float array (10,) that sums to 1, or is 0 throughout."""
    log_ratios = np.abs(np.log(score.notes["duration"])[:, None] - np.log(DURATIONS))  # (notes, durations)
    counts = np.bincount(log_ratios.argmin(axis=1), minlength=len(DURATIONS)) if len(score) else np.zeros(len(DURATIONS))
    return counts / max(counts.sum(), 1)


def duration_entropy(score: Score) -> float:
    """Return the entropy of `duration_histogram` in bits: 0 if all notes are equally long, log2(10) = 3.32 at most."""
    return entropy(duration_histogram(score)) if len(score) else np.nan


def onset_positions(score: Score, slots: int = 16) -> np.ndarray:
    """Return which share of the notes begins in each part of the bar: float array (slots,) that sums to 1, or is 0 throughout."""
    place = np.floor(score.notes["onset"] % score.bar_length / score.bar_length * slots + 1e-6).astype(int) % slots
    counts = np.bincount(place, minlength=slots)
    return counts / max(counts.sum(), 1)


def notes_on_beats(score: Score) -> float:
    """Return how many of the notes begin on a beat, in percent. The time signature's lower number says how long a beat is.

    So in 6/8 each eighth is a beat. nan without a note.
    """
    beats = score.notes["onset"] * score.time_signature[1] / 4
    return 100 * float((np.abs(beats - np.rint(beats)) < 1e-6).mean()) if len(score) else np.nan


def groove_consistency(score: Score) -> float:
    """Return how alike neighbouring bars are in where notes begin, in percent.

    For each pair of neighbouring bars: in which share of all steps (twelve a quarter) both have an onset, or neither has.
    After Wu & Yang, "The Jazz Transformer on the Front Line" (ISMIR 2020), and muspy, which also counts a bar in which a note is
    only held, and an empty one after a piece that ends on a bar line. Most steps are empty in any music, so even bars that have
    nothing in common reach 80 or 90: compare, and do not read the figure by itself. nan for a piece of one bar.
    """
    width = round(score.bar_length * STEPS)
    steps = np.floor(score.notes["onset"] * STEPS + 0.5).astype(int)
    bars = np.zeros((-(-(steps.max(initial=-1) + 1) // width), width), dtype=bool)
    bars.reshape(-1)[steps] = True
    return 100 * float((bars[1:] == bars[:-1]).mean()) if len(bars) > 1 else np.nan
