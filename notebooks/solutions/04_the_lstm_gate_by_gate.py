"""Worked answers to lesson 04."""

import numpy as np


# %% 4.1 The forget gate
def my_forget_gate(x, h, W):
    """Compute the forget gate."""
    z = x @ W["W_if"].T + W["b_if"] + h @ W["W_hf"].T + W["b_hf"]
    return 1 / (1 + np.exp(-z))


# %% 4.2 One whole step
def sum_of(gate, x, h, W):
    """Return what stands in the brackets of a gate."""
    return x @ W[f"W_i{gate}"].T + W[f"b_i{gate}"] + h @ W[f"W_h{gate}"].T + W[f"b_h{gate}"]


def my_step(x, h, c, W):
    """Compute one step: the four gates, then the two new states."""
    i, f, o = (1 / (1 + np.exp(-sum_of(gate, x, h, W))) for gate in "ifo")
    g = np.tanh(sum_of("g", x, h, W))
    c = f * c + i * g
    h = o * np.tanh(c)
    return i, f, g, o, c, h


# %% 4.3 Into Keras's order
def my_to_keras(W):
    """Put the sixteen weights into Keras's three arrays."""
    kernel = np.concatenate([W[f"W_i{gate}"].T for gate in "ifgo"], axis=1)
    recurrent_kernel = np.concatenate([W[f"W_h{gate}"].T for gate in "ifgo"], axis=1)
    bias = np.concatenate([W[f"b_i{gate}"] + W[f"b_h{gate}"] for gate in "ifgo"])
    return kernel, recurrent_kernel, bias


# %% 4.4 Back through the forget gate
def my_forget_gradient(dc, c_before, f, x, h):
    """Return the gradients of W_if, of W_hf, and of either bias."""
    df = dc * c_before  # c_t = f * c_{t-1} + i * g
    dz = df * f * (1 - f)  # f = σ(z)
    return np.outer(dz, x), np.outer(dz, h), dz  # z = W_if x + b_if + W_hf h + b_hf


# %% 4.5 What else does it remember?
# There are many answers. This one: how high the tune has been so far.
def look_for(rows):
    """Return the highest pitch so far."""
    highest, so_far = np.zeros(len(rows)), 0
    for t, token in enumerate(rows[:, 0]):
        so_far = max(so_far, token - 3) if token >= 3 else so_far  # tokens from 3 on are pitches
        highest[t] = so_far
    return highest
