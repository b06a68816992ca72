"""Baselines: the simple models that a network has to beat.

All models of the course, these and the LSTM alike, are used in the same two ways:

``nats(inputs, targets)``
    How surprised the model is by each token of a piece: −ln of the probability that it gave to it. The
    mean over a piece is its loss in nats per step; e to the power of it is the perplexity.
``reset()`` and ``step(row)``
    Go through a piece one step at a time: `step` takes one row of inputs and returns the logarithms of the
    next token's probabilities. That is all that sampling needs.

`inputs` are the rows of `encoding.Encoding.inputs`: column 0 is the previous token.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["Markov", "Uniform"]


class Uniform:
    """Every token is as likely as any other: ln(size) nats a step. Knows nothing, is never wrong by much."""

    def __init__(self, size: int) -> None:
        self.size = size

    def nats(self, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the surprise at each target, float array (steps,)."""
        return np.full(len(targets), np.log(self.size))

    def reset(self) -> None:
        """Begin a new piece: there is nothing to forget."""

    def step(self, row: np.ndarray) -> np.ndarray:
        """Return the log-probabilities of the next token, float array (size,)."""
        return np.full(self.size, -np.log(self.size))


class Markov:
    """Count which token followed the last `order` tokens; guess accordingly.

    Order 0 looks at nothing and knows only how frequent each token is (the *unigram* model). A long context
    says more, but most long contexts were never seen. So every order from 0 up is counted, and each is
    blended with the next shorter one by Witten and Bell's rule: after a context that was followed by d
    different tokens in n visits, ::

        p(token) = (count + d * p_shorter(token)) / (n + d)

    The rule is Witten & Bell, "The zero-frequency problem", IEEE Trans. Information Theory 37 (1991); the
    shortest model of all is uniform.

    Parameters
    ----------
    size : int
        Size of the vocabulary.
    order : int
        Number of tokens looked back on.
    columns : sequence of int
        Columns of the inputs, beside the previous token, that belong to every context of order 1 and up;
        for a grid, ``[1, 2]`` is the position in the bar and the metre.
    """

    def __init__(self, size: int, order: int, columns: Sequence[int] = ()) -> None:
        if order < 0:
            raise ValueError(f"order={order}: it must be 0 or more.")
        self.size, self.order, self.columns = size, order, tuple(columns)
        self._tables: list[tuple[np.ndarray, ...]] = []
        self.reset()

    def fit(self, pieces: Sequence[tuple[np.ndarray, np.ndarray]]) -> Markov:
        """Count all pieces, each given as (inputs, targets). Returns the model itself."""
        targets = np.concatenate([targets for _, targets in pieces])  # (N,) over all pieces
        keys = np.concatenate([self._keys(inputs) for inputs, _ in pieces])  # (N, order + 1)
        self._tables = []
        for order in range(self.order + 1):
            pairs, one_of_each, counts = np.unique(_mix(keys[:, order], targets), return_index=True, return_counts=True)
            # Different tokens after each context: the distinct pairs, counted by their context.
            contexts, place, distinct = np.unique(keys[one_of_each, order], return_inverse=True, return_counts=True)
            visits = np.bincount(place, weights=counts).astype(int)
            self._tables.append((pairs, counts, contexts, visits, distinct))
        return self

    def shortened(self, order: int) -> Markov:
        """Return the model of a lower order; it was counted along with this one."""
        model = Markov(self.size, order, self.columns)
        model._tables = self._tables[: order + 1]
        return model

    def nats(self, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the surprise at each target, float array (steps,)."""
        return -np.log(self._probability(self._keys(inputs), targets))

    def reset(self) -> None:
        """Begin a new piece."""
        self._past = np.zeros((0, 0), dtype=np.int64)

    def step(self, row: np.ndarray) -> np.ndarray:
        """Return the log-probabilities of the next token, float array (size,)."""
        row = np.asarray(row)[None]
        self._past = np.concatenate([self._past, row])[-max(self.order, 1) :] if self._past.size else row
        keys = self._keys(self._past)[-1:]  # (1, order + 1)
        return np.log(self._probability(keys, np.arange(self.size)))

    def _keys(self, inputs: np.ndarray) -> np.ndarray:
        """Give each step's context of each order a number: uint64 array (steps, order + 1).

        Before the first token of a piece stands END, and before that END again.
        """
        previous = inputs[:, 0].astype(np.uint64)
        keys = np.zeros((len(inputs), self.order + 1), dtype=np.uint64)
        if self.order:
            start = np.zeros(len(inputs), dtype=np.uint64)
            for column in self.columns:
                start = _mix(start, inputs[:, column])
            keys[:, 1] = _mix(start, previous)
        for order in range(2, self.order + 1):
            older = np.concatenate([np.zeros(order - 1, dtype=np.uint64), previous[: len(previous) - order + 1]])
            keys[:, order] = _mix(keys[:, order - 1], older[: len(inputs)])
        return keys

    def _probability(self, keys: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the probability of each target (n,) after its context, a row of keys (n, order + 1), or one row for all."""
        if not self._tables:
            raise ValueError("this Markov model has counted nothing yet; call fit(pieces) first.")
        probability = np.full(len(targets), 1.0 / self.size)
        for order, (pairs, counts, contexts, visits, distinct) in enumerate(self._tables):
            n, d = _look_up(contexts, keys[:, order], visits, distinct)
            if not n.any():  # longer ones were not seen either
                break
            (count,) = _look_up(pairs, _mix(keys[:, order], targets), counts)
            probability = np.where(n > 0, (count + d * probability) / np.maximum(n + d, 1), probability)
        return probability


def _mix(keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Number the pairs (key, value): a 64-bit hash, in which two of a few million differ for all we care."""
    mixed = (keys ^ (values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(32))


def _look_up(keys: np.ndarray, wanted: np.ndarray, *columns: np.ndarray) -> list[np.ndarray]:
    """Return from each column the value that belongs to each wanted key, 0 for a key that is not there."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    there = keys[place] == wanted
    return [np.where(there, values[place], 0) for values in columns]
