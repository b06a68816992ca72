# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %%
import numpy as np


# %% 6.1 Count the weights
def count_weights(inputs, units, outputs):
    """Count the weights of LSTM layers, one after the other, and a Dense layer at the end."""
    total = 0
    for u in units:
        total += 4 * u * (inputs + u + 1)  # four gates; each unit has a weight for every input, every unit, and a bias
        inputs = u  # the next layer reads what this one writes
    return total + outputs * (inputs + 1)


# %% 6.2 Perplexity
def perplexity(pieces):
    """Return e to the power of the mean surprise over all steps of all pieces."""
    return float(np.exp(np.concatenate(pieces).mean()))


# %% 6.3 A mean without padding
def mean_loss(losses, weights):
    """Return the mean loss over all targets; padding has the weight 0."""
    return float((losses * weights).sum() / weights.sum())


# %% 6.4 Stop early
def early_stop(valid, patience):
    """Return the epoch at which training stops and the epoch whose weights are kept, both counted from 1."""
    best = 0
    for epoch, loss in enumerate(valid):
        if loss < valid[best]:
            best = epoch
        if epoch - best == patience:
            break
    return epoch + 1, best + 1


# %% 6.6 Shuffle once
def split_tunes(families, seed):
    """Return the numbers of the tunes for training and of those for the test."""
    order = np.random.default_rng(seed).permutation(np.unique(families))  # shuffled once; both sides are cut from it
    in_test = np.isin(families, order[: round(len(order) / 5)])
    return np.flatnonzero(~in_test).tolist(), np.flatnonzero(in_test).tolist()


# %% 6.7 The first END counts
def pooled_loss(batches):
    """Return the mean loss over all targets of all batches; what follows the first END of a row is padding."""
    total, count = 0.0, 0
    for losses, targets in batches:
        ends = targets == 0
        real = ends.cumsum(axis=1) - ends == 0  # no END stands before this place
        total += losses[real].sum()
        count += real.sum()
    return float(total / count)


# %% [markdown]
# Exercise 6.5 stands last because it trains. There is no single answer to it. This model has 64 units and no dropout:
# in so few epochs it has no time to learn the tunes by heart, and the high learning rate takes it far in few updates.

# %% 6.5 A model of your own
from musiclab import GridEncoding, load_corpus
from musiclab.dataset import Batches, encode_pieces
from musiclab.models import stream_model
from musiclab.training import train

grid = GridEncoding()
pieces = encode_pieces(load_corpus("fiddle-tunes", progress=False)[:160], grid)
my_model = stream_model(grid.input_sizes, grid.size, embedding=24, units=(64,), dropout=0.0, seed=1)
train(my_model, Batches(pieces, grid, batch_size=8, semitones=(-3, 3)), epochs=9, learning_rate=1.2e-2, progress=False)
