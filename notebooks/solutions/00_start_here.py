"""Worked answers to lesson 00."""

import numpy as np

# %% 0.1 A waltz
from musiclab import generate, load_bundle

melody = load_bundle("melody")
waltz = next(
    tune
    for tune in (generate(melody, length=48, time_signature=(3, 4), seed=seed) for seed in range(100))
    if tune.duration >= 8 * tune.bar_length
)


# %% 0.2 How long is it?
def seconds_long(score):
    """A quarter lasts 60 / tempo seconds."""
    return score.duration * 60 / score.tempo


# %% 0.3 High and low
from musiclab.score import pitch_name


def lowest_and_highest(score):
    """The smallest and the largest MIDI number, by name."""
    pitches = score.notes["pitch"]
    return pitch_name(int(pitches.min())), pitch_name(int(pitches.max()))


# %% 0.4 Choose for yourself
def choose(scores):
    """Keep the tune with the smallest leaps; among equals, the one whose notes come first in order."""
    return min(scores, key=lambda score: (abs(np.diff(score.notes["pitch"].astype(int))).sum(), score.notes.tolist()))
