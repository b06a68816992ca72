# Worked answers of lesson 10.
import numpy as np

from musiclab import load_folder
from musiclab.bundle import DATA
from musiclab.own import train_own


# %% 10.1 A skyline
def skyline(notes):
    """Return the highest note of each onset, cut where the next one begins."""
    highest = {}
    for onset, duration, pitch in sorted(notes, key=lambda note: (note[2], note[1])):  # the highest comes last, and stays
        highest[onset] = (onset, duration, pitch)
    line = [highest[onset] for onset in sorted(highest)]
    nexts = [onset for onset, _, _ in line[1:]] + [float("inf")]
    return [(onset, min(duration, nexts[k] - onset), pitch) for k, (onset, duration, pitch) in enumerate(line)]


# %% 10.2 No leak
def share(groups, part, rng):
    """Return which pieces are held out: whole groups, at least this share of the pieces."""
    held = np.zeros(len(groups), dtype=bool)
    for group in rng.permutation(np.unique(groups)):
        if held.mean() >= part:
            break
        held |= groups == group
    return held


# %% 10.3 Mix
def mixture(new, old, ratio, rng):
    """Return all new pieces, and enough old ones: ratio times as many steps."""
    added, wanted = [], ratio * sum(map(len, new))
    for k in rng.permutation(len(old)):
        if sum(map(len, added)) >= wanted:
            break
        added.append(old[k])
    return [*new, *added]


# %% 10.4 A model of your own
# The course's six hymn tunes, from scratch. They are few, so it is a small model, and it learns little.
my_model = train_own(load_folder(DATA / "tunes" / "hymns", progress=False), "hymns", units=(32,), epochs=30, progress=False)
