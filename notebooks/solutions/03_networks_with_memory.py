"""Worked answers to lesson 03."""

import numpy as np


# %% 3.1 How wide a window?
def window_needed(rhythm):
    """The first window for which no run of steps is followed by two different things."""
    around = list(rhythm) + list(rhythm)
    for window in range(1, len(rhythm)):
        runs = [(tuple(around[i : i + window]), around[i + window]) for i in range(len(rhythm))]
        if len({run for run, _ in runs}) == len(set(runs)):
            return window


# %% 3.2 A memory made by hand
def delay(k):
    """A row of k + 1 units; at each step all that they hold moves on by one."""
    W_ih = np.eye(k + 1, 1)  # the input goes into unit 0
    W_hh = np.eye(k + 1, k=-1)  # unit i takes over what unit i - 1 held
    W_hy = np.eye(k + 1)[-1:]  # the output listens to unit k
    return W_ih, W_hh, W_hy


# %% 3.3 Clip by length
def clip(slopes, limit):
    """All slopes times one factor, so that together they are no longer than the limit."""
    length = np.sqrt(sum((slope**2).sum() for slope in slopes.values()))
    scale = limit / length if length > limit else 1
    return {name: slope * scale for name, slope in slopes.items()}


# %% 3.4 A matrix that forgets nothing
def long_memory(units, rng):
    """An orthogonal matrix: it turns and mirrors, and changes no length. np.eye(units) would do as well."""
    return np.linalg.qr(rng.normal(size=(units, units)))[0]


# %% 3.5 A rhythm that needs memory
# The figure x.. five times and one stroke; then the same again, with silence in the place of the stroke.
figure = [1, 0, 0] * 5
my_rhythm = [*figure, 1, *figure, 0]
