"""The LSTM in NumPy: its equations, gate by gate, and an engine that runs a trained model step by step.

With x the input, h the hidden state, c the cell state, σ the logistic function and * elementwise::

    i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)        input gate
    f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)        forget gate
    g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)     cell candidate
    o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)        output gate
    c_t = f_t * c_{t-1} + i_t * g_t                       cell state
    h_t = o_t * tanh(c_t)                                 hidden state

`LSTM` computes just that, with these names. Keras stores the same weights in three arrays: `kernel`
(inputs, 4 units) and `recurrent_kernel` (units, 4 units), with the gates side by side in the order i, f,
c, o (its c is g here), and one bias, the sum of the two above.

`Stream` runs a whole trained model (embeddings, LSTM layers, output) for sampling. It is written for
speed, and tested to equal both `LSTM` and Keras.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

__all__ = ["LSTM", "Gates", "Stream", "log_softmax", "sigmoid"]


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Logistic function 1 / (1 + e^-x), written with tanh so that no large x overflows."""
    return 0.5 * np.tanh(0.5 * x) + 0.5


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Turn logits into log-probabilities along the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


class Gates(NamedTuple):
    """All that an LSTM computes in one step, or, stacked along the time axis, in many."""

    i: np.ndarray
    f: np.ndarray
    g: np.ndarray
    o: np.ndarray
    c: np.ndarray
    h: np.ndarray


@dataclass(frozen=True)
class LSTM:
    """One LSTM layer. W_i? are (units, inputs), W_h? (units, units), the biases (units,)."""

    W_ii: np.ndarray
    W_if: np.ndarray
    W_ig: np.ndarray
    W_io: np.ndarray
    W_hi: np.ndarray
    W_hf: np.ndarray
    W_hg: np.ndarray
    W_ho: np.ndarray
    b_ii: np.ndarray
    b_if: np.ndarray
    b_ig: np.ndarray
    b_io: np.ndarray
    b_hi: np.ndarray
    b_hf: np.ndarray
    b_hg: np.ndarray
    b_ho: np.ndarray

    @classmethod
    def from_keras(cls, kernel: np.ndarray, recurrent_kernel: np.ndarray, bias: np.ndarray) -> LSTM:
        """Take over the weights of a Keras layer. The second bias is zero: Keras keeps only the sum."""
        inputs = [w.T for w in np.split(kernel, 4, axis=1)]  # four of (units, inputs), in the order i, f, g, o
        hidden = [w.T for w in np.split(recurrent_kernel, 4, axis=1)]  # four of (units, units)
        biases = np.split(bias, 4)  # four of (units,)
        return cls(*inputs, *hidden, *biases, *(np.zeros_like(b) for b in biases))

    @property
    def units(self) -> int:
        """Size of the hidden state and of the cell state."""
        return len(self.b_ii)

    def step(self, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> Gates:
        """Compute one step.

        Parameters
        ----------
        x : array (..., inputs)
        h, c : array (..., units)
            Hidden and cell state before the step.

        Returns
        -------
        Gates
            Six arrays (..., units); the last two are the states after the step.
        """
        i = sigmoid(x @ self.W_ii.T + self.b_ii + h @ self.W_hi.T + self.b_hi)
        f = sigmoid(x @ self.W_if.T + self.b_if + h @ self.W_hf.T + self.b_hf)
        g = np.tanh(x @ self.W_ig.T + self.b_ig + h @ self.W_hg.T + self.b_hg)
        o = sigmoid(x @ self.W_io.T + self.b_io + h @ self.W_ho.T + self.b_ho)
        c = f * c + i * g
        h = o * np.tanh(c)
        return Gates(i, f, g, o, c, h)

    def forward(self, xs: np.ndarray, h: np.ndarray | None = None, c: np.ndarray | None = None) -> Gates:
        """Go through whole sequences.

        Parameters
        ----------
        xs : array (..., steps, inputs)
        h, c : array (..., units), optional
            States to begin with; zero if left out.

        Returns
        -------
        Gates
            Six arrays (..., steps, units).
        """
        states = np.zeros((*xs.shape[:-2], self.units), dtype=xs.dtype)
        h, c = states if h is None else h, states if c is None else c
        steps = []
        for t in range(xs.shape[-2]):
            steps.append(self.step(xs[..., t, :], h, c))
            c, h = steps[-1].c, steps[-1].h
        if not steps:
            return Gates(*(np.zeros((*xs.shape[:-1], self.units), dtype=xs.dtype),) * 6)
        return Gates(*(np.stack(values, axis=-2) for values in zip(*steps, strict=True)))


class Stream:
    """A trained stream model, one step at a time, with the interface of the baselines.

    Three things are done once, here, instead of at every step. The embedding of each token is multiplied
    with the first layer's kernel, so that a lookup takes the place of a product. The gates are put in the
    order i, f, o, g, so that the three with a σ lie together. And because σ(x) = (tanh(x/2) + 1)/2, those
    three are halved in the weights, so that one call of tanh serves all four.

    Parameters
    ----------
    weights : mapping of str to array
        As `models.weights_of` names them: "embedding_0/embeddings", "lstm_0/kernel", …, "dense/bias".
    """

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        embeddings = _numbered(weights, "embedding_{}/embeddings")
        kernels = _numbered(weights, "lstm_{}/kernel")
        self._recurrent = [_packed(w) for w in _numbered(weights, "lstm_{}/recurrent_kernel")]
        self._biases = [_packed(w) for w in _numbered(weights, "lstm_{}/bias")]
        # The first kernel has one block of rows for each embedding: tables of (values, 4 units).
        blocks = np.split(kernels[0], np.cumsum([e.shape[1] for e in embeddings])[:-1])
        self._tables = [_packed(e @ block) for e, block in zip(embeddings, blocks, strict=True)]
        self._tables[0] = self._tables[0] + self._biases[0]
        self._kernels = [_packed(kernel) for kernel in kernels[1:]]
        self._out, self._out_bias = weights["dense/kernel"], weights["dense/bias"]
        self.reset()

    @property
    def size(self) -> int:
        """Size of the vocabulary."""
        return len(self._out_bias)

    def reset(self) -> None:
        """Forget: set all states to zero, as at the start of a piece."""
        self._h = [np.zeros(len(w), dtype=w.dtype) for w in self._recurrent]
        self._c = [np.zeros_like(h) for h in self._h]

    def step(self, row: np.ndarray) -> np.ndarray:
        """Take one row of inputs, int array (columns,); return the next token's log-probabilities (size,)."""
        z = self._tables[0][row[0]] + self._recurrent_part(0)  # (4 units,)
        for table, value in zip(self._tables[1:], row[1:], strict=True):
            z += table[value]
        h = self._advance(0, z)
        for layer, kernel in enumerate(self._kernels, start=1):
            h = self._advance(layer, h @ kernel + self._biases[layer] + self._recurrent_part(layer))
        return log_softmax(h @ self._out + self._out_bias)

    def log_probabilities(self, inputs: np.ndarray) -> np.ndarray:
        """Go through a piece from the start: int array (steps, columns) to float array (steps, size)."""
        self.reset()
        return np.stack([self.step(row) for row in inputs])

    def nats(self, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the surprise at each target of a piece, float array (steps,)."""
        return -self.log_probabilities(inputs)[np.arange(len(targets)), targets]

    def _recurrent_part(self, layer: int) -> np.ndarray:
        return self._h[layer] @ self._recurrent[layer]

    def _advance(self, layer: int, z: np.ndarray) -> np.ndarray:
        """Turn the sums of a layer, (4 units,), into its new states."""
        units = len(z) // 4
        gates = np.tanh(z, out=z)
        gates[: 3 * units] *= 0.5
        gates[: 3 * units] += 0.5
        i, f, o, g = gates[:units], gates[units : 2 * units], gates[2 * units : 3 * units], gates[3 * units :]
        c = self._c[layer]
        c *= f
        c += i * g
        self._h[layer] = o * np.tanh(c)
        return self._h[layer]


def _packed(array: np.ndarray) -> np.ndarray:
    """Put the gates of a Keras array (…, 4 units) in the order i, f, o, g and halve the three with a σ."""
    i, f, g, o = np.split(np.asarray(array, dtype=np.float32), 4, axis=-1)
    return np.ascontiguousarray(np.concatenate([i / 2, f / 2, o / 2, g], axis=-1))


def _numbered(weights: Mapping[str, np.ndarray], name: str) -> list[np.ndarray]:
    """Collect the weights whose names differ in a running number."""
    found = []
    while name.format(len(found)) in weights:
        found.append(weights[name.format(len(found))])
    return found
