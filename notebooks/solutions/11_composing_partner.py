# Worked answers of lesson 11.
import numpy as np

from musiclab import Score, load_bundle
from musiclab.partner import Draft, answer, ending


# %% 11.1 Where the answer begins
def answer_place(start, end, bar):
    """Return when the answer to a phrase begins: whole bars after the phrase began, as soon as it is over."""
    return start + np.ceil((end - start) / bar) * bar


# %% 11.2 What two melodies share
def shared_notes(a, b):
    """Return how many notes the longest run has that stands in both melodies, in any key."""
    a, b = np.diff(a), np.diff(b)
    longest = 0
    for i in range(len(a)):
        for j in range(len(b)):
            n = 0
            while i + n < len(a) and j + n < len(b) and a[i + n] == b[j + n]:
                n += 1
            longest = max(longest, n)
    return longest + 1


# %% 11.3 Weighed candidates
def resample(log_weights, count, rng):
    """Draw candidates, each as often as its weight says; return their places."""
    p = np.exp(log_weights - np.max(log_weights))
    return rng.choice(len(p), count, p=p / p.sum())


# %% 11.4 A piece of your own
model = load_bundle("melody")
notes = [(0, 1.5, 64), (1.5, 0.5, 65), (2, 1, 67), (3, 1, 64), (4, 1, 65), (5, 1, 62), (6, 2, 64)]
my_phrase = Score(notes, tempo=100, key="C major")
my_draft = Draft().add(my_phrase)
my_draft = my_draft.put(answer(model, my_draft.score, seed=4)[1].piece)
my_draft = my_draft.put(ending(model, my_draft.score, seed=4)[0].piece)
my_piece = my_draft.score
