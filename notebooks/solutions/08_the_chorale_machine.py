# Worked answers of lesson 08.
import numpy as np

from musiclab import generate, load_bundle
from musiclab.widgets.harmonise import hymns


# %% 8.1 Who is on top?
def crossings(pitches):
    """Count the steps in which a voice sounds above the voice over it."""
    upper, lower = pitches[:, :-1], pitches[:, 1:]
    crossed = (lower > upper) & (upper > 0)  # a lower voice above a silent one crosses nobody
    return int(crossed.any(axis=1).sum())


# %% 8.2 The chain
def chain(p_s, p_a, p_b):
    """Return the joint probability of every chord of three voices."""
    return p_s[:, None, None] * p_a[:, :, None] * p_b  # (s, 1, 1) * (s, a, 1) * (s, a, b)


# %% 8.3 A figure without padding
def mean_nats(log_p, lengths):
    """Return the mean surprise over voices and real steps, padding left out."""
    real = [piece[:length] for piece, length in zip(log_p, lengths, strict=True)]
    return float(-np.concatenate(real).mean())


# %% 8.4 A chorale to keep
# There are many. This one is the first, in the order of the seeds, with all the properties.
def sixteenths(score):
    """Return what sounds in each voice on a grid of sixteenths: int array (steps, 4), 0 for silence."""
    pitches = np.zeros((round(score.duration * 4), 4), dtype=int)
    for onset, duration, pitch, voice, _ in score.notes.tolist():
        pitches[round(onset * 4) : round((onset + duration) * 4), voice] = pitch
    return pitches


def parallels(pitches):
    """Count the fifths and octaves in which two voices move on in the same direction."""
    before, after = pitches[:-1], pitches[1:]
    found = 0
    for a in range(4):
        for b in range(a + 1, 4):
            step_a, step_b = after[:, a] - before[:, a], after[:, b] - before[:, b]
            sung = (before[:, [a, b]] > 0).all(axis=1) & (after[:, [a, b]] > 0).all(axis=1)
            size, next_size = (before[:, a] - before[:, b]) % 12, (after[:, a] - after[:, b]) % 12
            found += int((sung & (step_a * step_b > 0) & (size == next_size) & np.isin(size, (0, 7))).sum())
    return found


def worth_keeping(score):
    """Look for clean voices and a triad on its root at the end."""
    pitches = sixteenths(score)
    last = set(((pitches[-1] - pitches[-1, 3]) % 12).tolist())
    moves = np.concatenate([np.abs(np.diff(score.voice(v).notes["pitch"].astype(int))) for v in range(4)])
    return (
        crossings(pitches) <= len(pitches) / 20
        and parallels(pitches) <= 3
        and last in ({0, 4, 7}, {0, 3, 7}, {0, 4}, {0, 3})
        and (moves <= 2).mean() >= 0.6
    )


chorale = load_bundle("chorale")
tries = (generate(chorale, fixed={0: hymns()["Old Hundredth"]}, temperature=0.6, seed=seed) for seed in range(100))
my_chorale = next(score for score in tries if worth_keeping(score))
