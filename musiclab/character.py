"""The character of music in four numbers for each bar: how busy it is, how tense, how high, and how bright.

A model that shall follow a scene of a game must be told what is wanted, and it can only be told what can be measured: in
training it reads these numbers off the bar that it learns to write, and so it finds out what they mean.

==========  ============================================================================  ==================
name        what is measured                                                              unit
==========  ============================================================================  ==================
`energy`    notes begun, all voices together                                              a quarter
`tension`   dissonance of what sounds together, and share of notes foreign to the key     none; mostly 0–1
`register`  mean pitch of what sounds                                                     MIDI pitch
`mode`      how much better a major key fits than a minor one, within four bars           correlation, −2 to 2
==========  ============================================================================  ==================
"""

from __future__ import annotations

import itertools

import numpy as np

from musiclab.past import KEYS, SILENT

__all__ = ["NAMES", "character", "dissonance"]

NAMES = ("energy", "tension", "register", "mode")

#: How dissonant two pitches are, by the interval between them in semitones, modulo 12: what Huron (1994) gives for the interval
#: classes of the dissonances, with the sign turned round. Consonances count 0.
ROUGHNESS = np.array([0, 1.428, 0.582, 0, 0, 0, 0.453, 0, 0, 0, 0.582, 1.428])

#: Degrees that belong to a major and to a minor key: of minor those of the natural, the harmonic and the melodic scale.
SCALES = np.zeros((2, 12), dtype=bool)
SCALES[0, [0, 2, 4, 5, 7, 9, 11]] = True
SCALES[1, [0, 2, 3, 5, 7, 8, 9, 10, 11]] = True
_FOREIGN = ~np.stack([np.roll(scale, tonic) for scale in SCALES for tonic in range(12)])  # (keys, pitch classes), as `KEYS`


def character(sounding: np.ndarray, begun: np.ndarray, bar: int, steps_per_quarter: int = 4) -> np.ndarray:
    """Measure the character of each bar.

    Parameters
    ----------
    sounding : int array (steps, voices)
        What sounds in each step: 1 + MIDI pitch, or 0 for silence.
    begun : bool array (steps, voices)
        Where a note begins.
    bar : int
        Steps in a bar. The last bar may be shorter.
    steps_per_quarter : int

    Returns
    -------
    float array (bars, 4)
        A column for each of `NAMES`. A bar of silence has the register of the one before it.
    """
    starts = np.arange(0, len(sounding), bar)
    if not len(starts):
        return np.zeros((0, len(NAMES)))
    lengths = np.diff(np.append(starts, len(sounding)))  # (bars,), in steps
    sounds = sounding > SILENT
    energy = np.add.reduceat(begun.sum(axis=1), starts) / lengths * steps_per_quarter

    ones = np.zeros((len(sounding), 12))
    for voice in range(sounding.shape[1]):
        ones[np.flatnonzero(sounds[:, voice]), (sounding[sounds[:, voice], voice] - 1) % 12] += 1
    classes = np.add.reduceat(ones, starts)  # (bars, 12): steps in which each pitch class sounds
    total = np.maximum(classes.sum(axis=1), 1)
    key = _fit(_around(classes, 1)).argmax(axis=1)  # (bars,)
    foreign = (classes * _FOREIGN[key]).sum(axis=1) / total
    tension = np.add.reduceat(dissonance(sounding), starts) / lengths + foreign

    heights = np.add.reduceat(np.where(sounds, sounding - 1, 0).sum(axis=1), starts)
    counts = np.add.reduceat(sounds.sum(axis=1), starts)
    register = _carried_on(np.where(counts > 0, heights / np.maximum(counts, 1), np.nan))
    fit = _fit(_around(classes, 4))  # (bars, keys)
    mode = fit[:, :12].max(axis=1) - fit[:, 12:].max(axis=1)
    return np.stack([energy, tension, register, mode], axis=1)


def dissonance(sounding: np.ndarray) -> np.ndarray:
    """Return how dissonant each step is: the mean of `ROUGHNESS` over the pairs of voices that sound, float array (steps,).

    Parameters
    ----------
    sounding : int array (steps, voices)
        1 + MIDI pitch, or 0 for silence.
    """
    rough, pairs = np.zeros(len(sounding)), np.zeros(len(sounding))
    for a, b in itertools.combinations(sounding.T, 2):
        both = (a > SILENT) & (b > SILENT)
        rough += np.where(both, ROUGHNESS[abs(a - b) % 12], 0)
        pairs += both
    return rough / np.maximum(pairs, 1)


def _around(classes: np.ndarray, reach: int) -> np.ndarray:
    """Add up each bar with the bars before and after it, so many on each side: one bar alone has no key. (bars, 12)."""
    sums = np.pad(classes.cumsum(axis=0), ((1, 0), (0, 0)))
    bar = np.arange(len(classes))
    return sums[np.minimum(bar + reach + 1, len(classes))] - sums[np.maximum(bar - reach, 0)]


def _fit(classes: np.ndarray) -> np.ndarray:
    """Correlate how long each pitch class sounds, (bars, 12), with the profiles of all keys: (bars, 24), major ones first."""
    spread = classes.std(axis=1, keepdims=True)
    return np.where(spread > 0, classes @ KEYS.T / 12 / np.maximum(spread, 1e-9), 0.0)


def _carried_on(values: np.ndarray) -> np.ndarray:
    """Fill gaps (nan) with the value before, and those at the beginning with the first; all 60 if there is none."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return np.full(len(values), 60.0)
    last = np.searchsorted(known, np.arange(len(values)), side="right") - 1
    return values[known[np.maximum(last, 0)]]
