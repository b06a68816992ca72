# Worked answers of lesson 13.
import numpy as np


# %% 13.1 The chance of a choice
def chance(weights, a, b):
    """Return the probability of taking a rather than b, by the model of Bradley and Terry."""
    return float(1 + np.tanh(weights @ (a - b) / 2)) / 2


# %% 13.2 Belief on a grid
def posterior(differences, grid):
    """Return the belief about one weight on a grid, after choices with these differences."""
    logs = -(grid**2) / 2
    for d in differences:
        logs = logs - np.logaddexp(0, -grid * d)  # the logarithm of σ(grid * d)
    p = np.exp(logs - logs.max())
    return p / p.sum()


# %% 13.3 Steer
def steered(utilities, strength):
    """Return the probability of drawing each candidate: proportional to exp(strength * utility)."""
    p = np.exp(strength * (utilities - utilities.max()))
    return p / p.sum()


# %% 13.4 A feature of your own
# How often does a melody stay on its note?
def my_feature(score):
    """Return the share of moves that are none: the next note has the same pitch."""
    moves = np.diff(score.notes["pitch"].astype(int))
    return float((moves == 0).mean()) if len(moves) else 0.0
