# Worked answers of lesson 07.
import numpy as np

from musiclab import generate, load_bundle


# %% 7.1 Find the loop
def period(notes):
    """Return the smallest p such that every note equals the one p places before it."""
    for p in range(1, len(notes)):
        if notes[p:] == notes[:-p]:
            return p
    return len(notes)


# %% 7.2 Temperature
def with_temperature(log_p, temperature):
    """Return the probabilities at this temperature."""
    scaled = log_p / temperature
    p = np.exp(scaled - scaled.max())  # the largest becomes 1, so the sum is never 0
    return p / p.sum()


# %% 7.3 Top-p
def keep_top_p(p, limit):
    """Keep the likeliest tokens that together reach the limit."""
    order = np.argsort(-p)  # the likeliest first
    before = np.cumsum(p[order]) - p[order]  # what the likelier tokens reach without this one
    kept = p.copy()
    kept[order[before >= limit]] = 0.0
    return kept / kept.sum()


# %% 7.4 Draw from probabilities
def draw(p, u):
    """Return the token in whose stretch of the line from 0 to 1 the number u lies."""
    total = 0.0
    for token in range(len(p)):
        total += p[token]
        if total > u:
            return token
    return int(np.flatnonzero(p)[-1])  # rounding may leave the last sum a little below 1


# %% 7.6 Feed what training fed
def write_on(predict, window, count, size):
    """Return `count` tokens that go on after the window; the network reads tokens divided by `size`."""
    tokens = list(window)  # whole numbers
    for _ in range(count):
        x = np.array(tokens[-len(window) :]) / size  # scaled here and nowhere else
        tokens.append(int(np.argmax(predict(x))))
    return tokens[len(window) :]


# %% 7.7 The vocabulary of the training
def numbers_of(names, vocabulary):
    """Return the number that each name had in training."""
    place = {name: number for number, name in enumerate(vocabulary)}
    unknown = [name for name in names if name not in place]
    if unknown:
        raise ValueError(f"the model never saw {unknown[0]!r}: it has {len(vocabulary)} names, and no place for another")
    return [place[name] for name in names]


# %% 7.8 A choice that is a draw
def choose(p, rng):
    """Return a token, each as often as its probability says."""
    return int(rng.choice(len(p), p=p))


# %% [markdown]
# Exercise 7.5 stands last because it writes many tunes.

# %% 7.5 A tune to keep
# There are many. This one is the first, in the order of the seeds, with all the properties.
MAJOR = [0, 2, 4, 5, 7, 9, 11]


def worth_keeping(tune):
    """Look for a tune of 8 to 32 bars that stays in the major scale of its last note."""
    if not len(tune) or not 8 <= tune.duration / tune.bar_length <= 32:
        return False
    pitches = tune.notes["pitch"].astype(int)
    bar_lines = np.arange(0, tune.duration, tune.bar_length)
    return (
        pitches.min() >= 55
        and pitches.max() <= 88
        and np.isin((pitches - pitches[-1]) % 12, MAJOR).mean() >= 0.9
        and np.isin(bar_lines, tune.notes["onset"]).mean() >= 0.75
    )


melody = load_bundle("melody")
tunes = (generate(melody, 64, temperature=0.8, seed=seed) for seed in range(1000))
my_tune = next(tune for tune in tunes if worth_keeping(tune))
