# Worked answers of lesson 09.
import numpy as np

from musiclab.evaluation import grid_of


# %% 9.1 Steps
def small_steps(pitches):
    """Return the share of a melody's moves that are one or two semitones wide."""
    moves = [abs(pitches[k + 1] - pitches[k]) for k in range(len(pitches) - 1) if pitches[k + 1] != pitches[k]]
    return sum(move <= 2 for move in moves) / len(moves) if moves else 0.0


# %% 9.2 An interval of your own
def interval(values, rng):
    """Return the 95 % bootstrap interval of the mean of the values."""
    places = rng.integers(0, len(values), (2000, len(values)))  # a row for each drawn set
    means = values[places].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return low, high


# %% 9.3 The longest copy
def longest_run(melody, other):
    """Return the length in notes of the longest run that both melodies share, in any key."""
    best = 0
    for i in range(len(melody)):
        for j in range(len(other)):
            n = 0
            while i + n < len(melody) and j + n < len(other) and melody[i + n] - melody[i] == other[j + n] - other[j]:
                n += 1
            best = max(best, n)
    return best


# %% 9.4 Your measure
# One of many: in how many sixteenths do two voices clash? A voice that is silent clashes with nobody.
def my_measure(score):
    """Return the share of sixteenths in which two voices sound a second, a seventh or a tritone."""
    pitches = grid_of(score).astype(int)  # (steps, 4), 0 for silence
    clash = np.zeros(len(pitches), dtype=bool)
    for a in range(4):
        for b in range(a + 1, 4):
            both = (pitches[:, a] > 0) & (pitches[:, b] > 0)
            clash |= both & np.isin((pitches[:, a] - pitches[:, b]) % 12, [1, 2, 6, 10, 11])
    return clash.mean()
