"""Worked answers to lesson 01."""

from itertools import pairwise

import numpy as np

from musiclab import Score


# %% 1.1 Loaded by nature
def chance(total):
    """Count the throws of two dice that show the total, among all 36."""
    ways = sum(one + two == total for one in range(1, 7) for two in range(1, 7))
    return ways / 36


# %% 1.2 How surprised?
def surprise(line, followers):
    """At each step look up how often it came; the mean of -ln p."""
    nats = []
    for item, following in pairwise(line):
        choices = followers.get(item, [])
        if following not in choices:
            return float("inf")
        nats.append(-np.log(choices.count(following) / len(choices)))
    return float(np.mean(nats))


# %% 1.3 Downhill
def descend(slope, start, rate, steps):
    """Step against the slope, again and again; the slope is that of the place reached."""
    x = start
    for _ in range(steps):
        x = x - rate * slope(x)
    return x


# %% 1.4 Your own dice game
def my_game(tunes, rng):
    """For each bar throw three times, and keep the bar whose first note lies nearest to the last note so far."""
    size, rows = tunes[0].bar_length, []
    for n in range(8):
        cuts = [tunes[rng.integers(len(tunes))].slice(n * size, (n + 1) * size) for _ in range(3)]
        cuts = [cut for cut in cuts if len(cut)] or cuts
        last = rows[-1][2] if rows else 72
        bar = min(cuts, key=lambda cut: abs(int(cut.notes["pitch"][0]) - last) if len(cut) else 0)
        rows += [(n * size + note["onset"], note["duration"], int(note["pitch"])) for note in bar.notes]
    return Score(rows, time_signature=tunes[0].time_signature)
