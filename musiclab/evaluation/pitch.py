"""Pitch: how wide a piece reaches, which notes it uses, how its melodies move. No measure here looks at time.

Range, histograms and intervals are compared by Yang & Lerch, "On the evaluation of generative models in music" (2020). That
melodies move mostly by step is Huron's principle of pitch proximity: "Tone and Voice" (2001).
"""

from __future__ import annotations

import numpy as np

from musiclab.past import KEYS
from musiclab.score import Score

__all__ = [
    "interval_histogram",
    "key_of",
    "leaps",
    "pitch_class_entropy",
    "pitch_class_histogram",
    "pitch_range",
    "scale_consistency",
    "small_steps",
]

#: Widest interval that `interval_histogram` tells apart, in semitones; wider ones count as this wide.
WIDEST = 12

_MAJOR = np.isin(np.arange(12), [0, 2, 4, 5, 7, 9, 11])
_SCALES = np.stack([np.roll(_MAJOR, tonic) for tonic in range(12)])  # (12, 12)


def pitch_range(score: Score) -> float:
    """Return the distance from the lowest note to the highest, in semitones, 0 to 127; nan without a note."""
    pitches = score.notes["pitch"].astype(int)
    return float(pitches.max() - pitches.min()) if len(pitches) else np.nan


def pitch_class_histogram(score: Score) -> np.ndarray:
    """Return which share of the notes lies in each pitch class, C first: float array (12,) that sums to 1, or is 0 throughout."""
    counts = np.bincount(score.notes["pitch"] % 12, minlength=12)
    return counts / max(counts.sum(), 1)


def pitch_class_entropy(score: Score) -> float:
    """Return the entropy of `pitch_class_histogram` in bits: 0 for one pitch class alone, log2(12) = 3.58 for all alike.

    As muspy defines it (Dong et al., "MusPy", ISMIR 2020). It does not look at the order of notes, so it cannot tell a piece
    from the same notes shuffled.
    """
    return entropy(pitch_class_histogram(score)) if len(score) else np.nan


def scale_consistency(score: Score) -> float:
    """Return the share of notes that lie in the one scale that fits best, in percent.

    Of the twelve major scales; the natural minor ones have the same notes. As muspy defines it, after Mogren, "C-RNN-GAN"
    (2016).
    """
    return 100 * float((_SCALES @ pitch_class_histogram(score)).max()) if len(score) else np.nan


def key_of(score: Score) -> tuple[int, str]:
    """Return the key that the notes fit best: pitch class of the tonic, and "major" or "minor".

    How long each pitch class sounds is correlated with how well each degree fits a key, by the profiles of Krumhansl and
    Kessler (1982). What the score says of its key is not looked at. Raises ValueError for a score without notes.
    """
    if not len(score):
        raise ValueError("a score without notes is in no key.")
    sounding = np.bincount(score.notes["pitch"] % 12, weights=score.notes["duration"], minlength=12)
    best = int((KEYS @ sounding).argmax())  # the profiles are standardised, so this orders the keys as the correlation does
    return best % 12, ("major", "minor")[best // 12]


def interval_histogram(score: Score) -> np.ndarray:
    """Return how often each melodic interval occurs: int array (25,), from an octave down (or more) to an octave up.

    An interval leads from a note to the next of its voice, also across a rest; of notes that begin together the highest counts.
    """
    return np.bincount(np.clip(_intervals(score), -WIDEST, WIDEST) + WIDEST, minlength=2 * WIDEST + 1)


def small_steps(score: Score) -> float:
    """Return how many of the melodic moves are steps, one or two semitones, in percent. A repeated note is no move.

    nan for a piece in which nothing moves.
    """
    moves = np.abs(_intervals(score))
    moves = moves[moves > 0]
    return 100 * float((moves <= 2).mean()) if len(moves) else np.nan


def leaps(score: Score) -> float:
    """Return how many of the melodic moves are leaps of a fourth or more, in percent. A repeated note is no move.

    nan for a piece in which nothing moves.
    """
    moves = np.abs(_intervals(score))
    moves = moves[moves > 0]
    return 100 * float((moves > 4).mean()) if len(moves) else np.nan


def _intervals(score: Score) -> np.ndarray:
    """Return all melodic intervals in semitones, voice after voice: int array (n,)."""
    notes = score.notes[np.argsort(score.notes["voice"], kind="stable")]  # by voice, then onset; the highest of a chord first
    same_chord = (notes["voice"][1:] == notes["voice"][:-1]) & (notes["onset"][1:] == notes["onset"][:-1])
    notes = notes[np.append(True, ~same_chord)] if len(notes) else notes
    intervals = np.diff(notes["pitch"].astype(int))
    return intervals[notes["voice"][1:] == notes["voice"][:-1]]


def entropy(shares: np.ndarray) -> float:
    """Return the entropy of shares that sum to 1, in bits."""
    shares = shares[shares > 0]
    return float(-(shares * np.log2(shares)).sum()) + 0.0  # no -0.0
