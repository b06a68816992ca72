"""Worked answers to lesson 02."""

import numpy as np


# %% 2.1 From name to number
def midi_number(name):
    """Add up the octave, the letter and the signs."""
    steps = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    return 12 * (int(name[-1]) + 1) + steps[name[0]] + name.count("#") - name.count("-")


# %% 2.2 The way back
def write_number(value):
    """Take seven bits at a time, from the end; all bytes but the last one say that another follows."""
    parts = [value % 128]
    while value >= 128:
        value //= 128
        parts.insert(0, 128 + value % 128)
    return bytes(parts)


# %% 2.3 Quantise
def quantise(times, steps):
    """Count in steps, round, and count in quarters again."""
    return np.round(np.asarray(times) * steps) / steps


# %% 2.4 The same tune
def same_tune(a, b):
    """The rhythm and the intervals are the same."""
    same_rhythm = all(np.array_equal(a.notes[name], b.notes[name]) for name in ("onset", "duration"))
    return same_rhythm and np.array_equal(*(np.diff(score.notes["pitch"].astype(int)) for score in (a, b)))


# %% 2.5 What makes a melody?
def measure(score):
    """A melody moves by small intervals: the mean interval, with a minus. (One of several answers.)"""
    return -float(np.abs(np.diff(score.notes["pitch"].astype(int))).mean())
