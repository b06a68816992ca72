# Worked answers of lesson 12.
import numpy as np

from musiclab.game import Scene


# %% 12.1 Energy
def energy(score):
    """Return the notes begun per quarter, in each bar."""
    bar, onsets = score.bar_length, score.notes["onset"]
    bars = int(np.ceil(score.duration / bar - 1e-9))
    return [float(((onsets >= b * bar) & (onsets < (b + 1) * bar)).sum() / bar) for b in range(bars)]


# %% 12.2 Does it follow?
def agreement(a, b):
    """Return the correlation of the ranks; equal numbers share their mean rank."""

    def ranks(values):
        values = np.asarray(values)
        below = (values[:, None] > values).sum(axis=1)
        equal = (values[:, None] == values).sum(axis=1)
        return below + (equal + 1) / 2

    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


# %% 12.3 Push
def pushed(untold, told, firmness):
    """Return probabilities, pushed from the untold model towards the told one and beyond."""
    logits = untold + firmness * (told - untold)
    p = np.exp(logits - logits.max())
    return p / p.sum()


# %% 12.4 On time
def bar_starts(tempos, rate):
    """Return the frame with which each bar of four quarters begins."""
    seconds, starts = 0.0, []
    for tempo in tempos:
        starts.append(round(seconds * rate))
        seconds += 240 / tempo
    return starts


# %% 12.5 Scenes of your own
my_scenes = {
    scene.name: scene
    for scene in (
        Scene("harbour", energy=0.15, tension=0.1, register=0.8, mode=0.9, tempo=84, loudness=58),
        Scene("chase", energy=0.95, tension=0.8, register=0.3, mode=0.1, tempo=150, loudness=90),
    )
}
