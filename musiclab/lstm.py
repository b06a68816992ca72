"""The LSTM in NumPy: its equations, gate by gate, their gradients, and an engine that runs a trained model.

With x the input, h the hidden state, c the cell state, σ the logistic function and * elementwise::

    i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)        input gate
    f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)        forget gate
    g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)     cell candidate
    o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)        output gate
    c_t = f_t * c_{t-1} + i_t * g_t                       cell state
    h_t = o_t * tanh(c_t)                                 hidden state

`LSTM` computes just that, with these names: `LSTM.step` once, `LSTM.forward` along a sequence, and
`LSTM.backward` the gradients, from the last step back to the first. `forward_stack` and `backward_stack` do
it for layers on top of one another. Keras stores the same weights in three arrays: `kernel` (inputs, 4 units)
and `recurrent_kernel` (units, 4 units), with the gates side by side in the order i, f, c, o (its c is g
here), and one bias, the sum of the two above.

`Stream` runs a whole trained model (embeddings, LSTM layers, output) for sampling. It is written for
speed, and tested to equal both `LSTM` and Keras.

All of it computes in the type of the weights, float32 or float64, whatever the type of the inputs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from musiclab.products import WIDEST, Factor, spaced

__all__ = ["LSTM", "Gates", "Gradients", "Stream", "Streams", "backward_stack", "forward_stack", "log_softmax", "sigmoid"]


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


class Gradients(NamedTuple):
    """Derivatives of a loss with respect to all that goes into a layer; each has the shape of what it belongs to."""

    weights: LSTM  #: sixteen, under the names of the weights
    xs: np.ndarray  #: of the inputs, (..., steps, inputs)
    h: np.ndarray  #: of the hidden state to begin with, (..., units)
    c: np.ndarray  #: of the cell state to begin with, (..., units)


@dataclass(frozen=True, eq=False)
class LSTM:
    """One LSTM layer. W_i? are (units, inputs), W_h? (units, units), the biases (units,).

    ``vars(layer)`` is the dictionary of all sixteen. Raises ValueError if they do not fit together, or are
    not all float32 or all float64.
    """

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

    def __post_init__(self) -> None:
        shapes = {"W_i": (self.units, self.inputs), "W_h": (self.units, self.units)}
        for name, weight in vars(self).items():
            shape = shapes.get(name[:3], (self.units,))
            if weight.shape != shape:
                raise ValueError(
                    f"{name} has shape {weight.shape}, not {shape}: W_ii has {self.inputs} inputs, b_ii {self.units} units."
                )
            if weight.dtype != self.dtype or self.dtype not in (np.float32, np.float64):
                raise ValueError(f"{name} is {weight.dtype}, W_ii {self.dtype}: make all sixteen float32 or all float64.")

    @classmethod
    def from_keras(cls, kernel: np.ndarray, recurrent_kernel: np.ndarray, bias: np.ndarray) -> LSTM:
        """Copy the weights of a Keras layer. The second bias is zero: Keras keeps only the sum."""
        inputs = [w.T.copy() for w in np.split(kernel, 4, axis=1)]  # four of (units, inputs), in the order i, f, g, o
        hidden = [w.T.copy() for w in np.split(recurrent_kernel, 4, axis=1)]  # four of (units, units)
        biases = [b.copy() for b in np.split(bias, 4)]  # four of (units,)
        return cls(*inputs, *hidden, *biases, *(np.zeros_like(b) for b in biases))

    def to_keras(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the three arrays of a Keras layer: ``keras_layer.set_weights(layer.to_keras())``.

        Returns
        -------
        kernel : array (inputs, 4 units)
        recurrent_kernel : array (units, 4 units)
        bias : array (4 units,)
            Sum of the two. (For gradients this is twice the gradient of Keras's bias: see `backward`.)
        """
        kernel = np.concatenate([self.W_ii.T, self.W_if.T, self.W_ig.T, self.W_io.T], axis=1)
        recurrent_kernel = np.concatenate([self.W_hi.T, self.W_hf.T, self.W_hg.T, self.W_ho.T], axis=1)
        bias = np.concatenate([self.b_ii + self.b_hi, self.b_if + self.b_hf, self.b_ig + self.b_hg, self.b_io + self.b_ho])
        return kernel, recurrent_kernel, bias

    @classmethod
    def random(cls, inputs: int, units: int, rng: np.random.Generator, *, dtype: DTypeLike = np.float32) -> LSTM:
        """Draw the weights of a layer that has not learned yet, in the way that Keras does.

        W_i? come evenly from the interval of Glorot and Bengio (2010); W_h? are parts of one matrix with
        orthogonal rows (Saxe et al., 2014), which keeps lengths as they are; the biases are zero, but 1 at
        the forget gate (Jozefowicz et al., 2015): to begin with, the cell keeps most of what it holds.
        """
        limit = np.sqrt(6 / (inputs + 4 * units))
        kernel = rng.uniform(-limit, limit, (inputs, 4 * units))
        q, r = np.linalg.qr(rng.normal(size=(4 * units, units)))  # q (4 units, units) has orthogonal columns of length 1
        recurrent_kernel = (q * np.sign(np.diag(r))).T  # the signs make every such matrix equally likely
        bias = np.repeat([0.0, 1.0, 0.0, 0.0], units)  # i, f, g, o
        return cls.from_keras(*(w.astype(dtype) for w in (kernel, recurrent_kernel, bias)))

    @property
    def units(self) -> int:
        """Size of the hidden state and of the cell state."""
        return len(self.b_ii)

    @property
    def inputs(self) -> int:
        """Size of the input at one step."""
        return self.W_ii.shape[-1]

    @property
    def dtype(self) -> np.dtype:
        """Type of the weights, and so of all that is computed with them."""
        return self.W_ii.dtype

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
        x, h, c = (np.asarray(values, dtype=self.dtype) for values in (x, h, c))
        i = sigmoid(x @ self.W_ii.T + self.b_ii + h @ self.W_hi.T + self.b_hi)
        f = sigmoid(x @ self.W_if.T + self.b_if + h @ self.W_hf.T + self.b_hf)
        g = np.tanh(x @ self.W_ig.T + self.b_ig + h @ self.W_hg.T + self.b_hg)
        o = sigmoid(x @ self.W_io.T + self.b_io + h @ self.W_ho.T + self.b_ho)
        c = f * c + i * g
        h = o * np.tanh(c)
        return Gates(i, f, g, o, c, h)

    def forward(
        self, xs: np.ndarray, h: np.ndarray | None = None, c: np.ndarray | None = None, *, mask: np.ndarray | None = None
    ) -> Gates:
        """Go through whole sequences.

        Parameters
        ----------
        xs : array (..., steps, inputs)
            One sequence, or a batch of them: (batch, steps, inputs).
        h, c : array (..., units), optional
            States to begin with; zero if left out.
        mask : bool array (..., steps), optional
            True where a step is real. A step that is not, such as the padding after a short sequence, leaves
            both states as they were. So does Keras, save that before the first real step its output is 0,
            where h here is the state to begin with.

        Returns
        -------
        Gates
            Six arrays (..., steps, units). The states after all are ``gates.h[..., -1, :]`` and
            ``gates.c[..., -1, :]``.

        Raises
        ------
        ValueError
            For arrays whose shapes do not fit.
        """
        xs, h, c, mask = self._arranged(xs, h, c, mask)
        whole = Gates(*(np.empty((*mask.shape, self.units), dtype=self.dtype) for _ in Gates._fields))
        for t in range(xs.shape[-2]):
            now = self.step(xs[..., t, :], h, c)
            real = mask[..., t, None]  # (..., 1)
            c, h = np.where(real, now.c, c), np.where(real, now.h, h)
            for values, value in zip(whole, now._replace(c=c, h=h), strict=True):
                values[..., t, :] = value
        return whole

    def backward(
        self,
        xs: np.ndarray,
        gates: Gates,
        dh: np.ndarray,
        h: np.ndarray | None = None,
        c: np.ndarray | None = None,
        *,
        mask: np.ndarray | None = None,
        dh_end: np.ndarray | None = None,
        dc_end: np.ndarray | None = None,
    ) -> Gradients:
        """Go back through whole sequences: from the gradients of all h to the gradients of all that made them.

        In the code ``dy`` is the derivative of the loss with respect to y, the gradient of y for short, and has the
        shape of y. Each line is the chain rule on one equation: if y = a * b, then a small change of a changes y by
        b times as much, and y changes the loss: da = dy * b.

        Parameters
        ----------
        xs, h, c, mask
            As they were given to `forward`.
        gates : Gates
            What `forward` returned.
        dh : array (..., steps, units)
            Gradient of each h, as far as the loss looks at it directly, and not by way of later steps.
        dh_end, dc_end : array (..., units), optional
            Gradients of the states after the last step, if more was computed from them; zero if left out.

        Returns
        -------
        Gradients
            The two biases of a gate are added to each other, so they have the same gradient. Their sum, the
            bias of Keras, has it too.

        Raises
        ------
        ValueError
            For arrays whose shapes do not fit.
        """
        xs, h, c, mask = self._arranged(xs, h, c, mask)
        dh = np.asarray(dh, dtype=self.dtype)
        if dh.shape != gates.h.shape:
            raise ValueError(f"dh has shape {dh.shape}, not {gates.h.shape} as gates.h has.")
        i, f, g, o = gates[:4]  # (..., steps, units)
        hs = np.concatenate([h[..., None, :], gates.h], axis=-2)  # (..., 1 + steps, units): hs[t] is the state before
        cs = np.concatenate([c[..., None, :], gates.c], axis=-2)  # step t, and hs[t + 1] the one after it
        dz_i, dz_f, dz_g, dz_o = (np.empty_like(i) for _ in range(4))  # of the sums inside σ and tanh

        # What the later steps say of the states after step t. After the last step, that is what came from outside.
        dh_later, dc_later = self._full(dh_end, h.shape), self._full(dc_end, c.shape)
        for t in reversed(range(xs.shape[-2])):
            now = (..., t, slice(None))
            real = mask[..., t, None]  # (..., 1)

            # h_t acts on the loss in two ways, directly and through step t + 1. The gradients of both add up.
            dh_t = dh[now] + dh_later
            # h_t = o_t * tanh(c_t). The slope of tanh is 1 - tanh². c_t too acts in two ways: through h_t and through c_{t+1}.
            tanh_c = np.tanh(cs[..., t + 1, :])
            do = dh_t * tanh_c
            dc_t = dc_later + dh_t * o[now] * (1 - tanh_c**2)
            # c_t = f_t * c_{t-1} + i_t * g_t
            df = dc_t * cs[now]
            di = dc_t * g[now]
            dg = dc_t * i[now]
            # Through σ, whose slope is σ(1 - σ), and through tanh. A step that is not real has no part in the loss.
            dz_i[now] = np.where(real, di * i[now] * (1 - i[now]), 0)
            dz_f[now] = np.where(real, df * f[now] * (1 - f[now]), 0)
            dz_g[now] = np.where(real, dg * (1 - g[now] ** 2), 0)
            dz_o[now] = np.where(real, do * o[now] * (1 - o[now]), 0)

            # To the states before the step. c_{t-1} is in c_t times f_t and nothing else: no matrix, no σ, no tanh stands
            # in its way. Where f is near 1 the gradient goes back undiminished, step after step. This is the
            # LSTM's cure for the vanishing gradient. h_{t-1} is in all four sums, and goes back through four matrices.
            # A step that is not real did not touch the states: both gradients go past it.
            dc_later = np.where(real, dc_t * f[now], dc_later)
            dh_before = dz_i[now] @ self.W_hi + dz_f[now] @ self.W_hf + dz_g[now] @ self.W_hg + dz_o[now] @ self.W_ho
            dh_later = np.where(real, dh_before, dh_t)

        dxs = dz_i @ self.W_ii + dz_f @ self.W_if + dz_g @ self.W_ig + dz_o @ self.W_io  # (..., steps, inputs)
        # The same weights act at every step, so their gradients add up over all steps and sequences: z = W x gives
        # dW = dz x^T for one of them, and one product of matrices with a row for each gives the sum.
        dzs = [dz.reshape(-1, self.units) for dz in (dz_i, dz_f, dz_g, dz_o)]  # (all steps, units)
        all_xs = xs.reshape(-1, self.inputs)  # (all steps, inputs)
        all_hs = hs[..., :-1, :].reshape(-1, self.units)  # (all steps, units): the state before each step
        weights = LSTM(
            *(dz.T @ all_xs for dz in dzs),  # W_ii, W_if, W_ig, W_io: (units, inputs)
            *(dz.T @ all_hs for dz in dzs),  # W_hi, W_hf, W_hg, W_ho: (units, units)
            *(dz.sum(axis=0) for dz in dzs),  # b_ii, b_if, b_ig, b_io: (units,)
            *(dz.sum(axis=0) for dz in dzs),  # b_hi, b_hf, b_hg, b_ho: (units,)
        )
        return Gradients(weights, dxs, h=dh_later, c=dc_later)

    def _arranged(
        self, xs: np.ndarray, h: np.ndarray | None, c: np.ndarray | None, mask: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Give all four their type and full shape, and fill in those left out."""
        xs = np.asarray(xs, dtype=self.dtype)
        if xs.ndim < 2 or xs.shape[-1] != self.inputs:
            raise ValueError(f"xs has shape {xs.shape}, not (steps, {self.inputs}) or (batch, steps, {self.inputs}).")
        h, c = (self._full(state, (*xs.shape[:-2], self.units)) for state in (h, c))
        mask = np.asarray(np.ones(xs.shape[:-1]) if mask is None else mask, dtype=bool)
        if mask.shape != xs.shape[:-1]:
            raise ValueError(f"the mask has shape {mask.shape}, not {xs.shape[:-1]}: a truth value for each step.")
        return xs, h, c, mask

    def _full(self, values: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
        """Copy values to an array of this shape and of the layer's type; zero for what was left out."""
        return np.broadcast_to(np.asarray(0 if values is None else values, dtype=self.dtype), shape).copy()


def forward_stack(
    layers: Sequence[LSTM],
    xs: np.ndarray,
    states: Sequence[tuple[np.ndarray, np.ndarray]] | None = None,
    *,
    mask: np.ndarray | None = None,
) -> list[Gates]:
    """Go through layers on top of one another: each reads the hidden states of the one below.

    Parameters
    ----------
    layers : sequence of LSTM
        The lowest first. Each has as many inputs as the one below has units.
    xs : array (..., steps, inputs)
        Inputs of the lowest.
    states : sequence of (h, c), optional
        States to begin with, two arrays (..., units) a layer; zero if left out.
    mask : bool array (..., steps), optional
        As in `LSTM.forward`, the same for all layers.

    Returns
    -------
    list of Gates
        Those of each layer. The result of the stack is the last one's h.
    """
    gates: list[Gates] = []
    states = [(None, None)] * len(layers) if states is None else states
    for layer, (h, c) in zip(layers, states, strict=True):
        gates.append(layer.forward(gates[-1].h if gates else xs, h, c, mask=mask))
    return gates


def backward_stack(
    layers: Sequence[LSTM],
    xs: np.ndarray,
    gates: Sequence[Gates],
    dh: np.ndarray,
    states: Sequence[tuple[np.ndarray, np.ndarray]] | None = None,
    *,
    mask: np.ndarray | None = None,
) -> list[Gradients]:
    """Go back through layers on top of one another, from the highest down.

    Parameters
    ----------
    layers, xs, states, mask
        As they were given to `forward_stack`.
    gates : sequence of Gates
        What it returned.
    dh : array (..., steps, units)
        Gradient of each h of the highest layer.

    Returns
    -------
    list of Gradients
        Those of each layer, the lowest first. The gradient of the inputs of the stack is the first one's xs.
    """
    states = [(None, None)] * len(layers) if states is None else states
    gradients: list[Gradients] = []
    for n in reversed(range(len(layers))):
        inputs = gates[n - 1].h if n else xs
        gradients.append(layers[n].backward(inputs, gates[n], dh, *states[n], mask=mask))
        dh = gradients[-1].xs  # the inputs of this layer are the hidden states of the one below
    return gradients[::-1]


class _Weights(NamedTuple):
    """What a step multiplies, made once from the weights of a trained stream model.

    The embedding of each token is multiplied with the first layer's kernel, so that a lookup takes the place of a product.
    The gates are put in the order o, i, f, g, so that the three with a σ lie together. And because
    σ(x) = (tanh(x/2) + 1)/2, those three are halved, so that one call of tanh serves all four.
    """

    tables: list[np.ndarray]  #: for each column of inputs (values, 4 units); the first one's rows contain the first bias
    recurrent: list[np.ndarray]  #: for each layer (units, 4 units)
    above: list[tuple[np.ndarray, np.ndarray]]  #: for each layer kernel and bias of the next one, for the last of the output

    @classmethod
    def of(cls, weights: Mapping[str, np.ndarray]) -> _Weights:
        embeddings = _numbered(weights, "embedding_{}/embeddings")
        kernels = _numbered(weights, "lstm_{}/kernel")
        biases = [_packed(w) for w in _numbered(weights, "lstm_{}/bias")]
        # The first kernel has one block of rows for each embedding.
        blocks = np.split(kernels[0], np.cumsum([e.shape[1] for e in embeddings])[:-1])
        tables = [_packed(e @ block) for e, block in zip(embeddings, blocks, strict=True)]
        tables[0] = tables[0] + biases[0]
        recurrent = [_packed(w) for w in _numbered(weights, "lstm_{}/recurrent_kernel")]
        layers = zip(map(_packed, kernels[1:]), biases[1:], strict=True)
        return cls(tables, recurrent, [*layers, (weights["dense/kernel"], weights["dense/bias"])])


class Stream:
    """A trained stream model, one step at a time, with the interface of the baselines.

    Parameters
    ----------
    weights : mapping of str to array
        As `models.weights_of` names them: "embedding_0/embeddings", "lstm_0/kernel", …, "dense/bias".
        The type of all, float32 or float64, is that of the results.
    """

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        self._tables, self._recurrent, self._above = _Weights.of(weights)
        self.reset()

    @property
    def size(self) -> int:
        """Size of the vocabulary."""
        return len(self._above[-1][1])

    def reset(self) -> None:
        """Forget: set all states to zero, as at the start of a piece."""
        self._h = [np.zeros(len(w), dtype=w.dtype) for w in self._recurrent]
        self._c = [np.zeros_like(h) for h in self._h]

    def step(self, row: np.ndarray) -> np.ndarray:
        """Take one row of inputs, int array (columns,); return the next token's log-probabilities (size,)."""
        z = self._h[0] @ self._recurrent[0]  # (4 units,)
        for table, value in zip(self._tables, row, strict=True):
            z += table[value]
        h = self._advance(0, z)
        for layer, (kernel, bias) in enumerate(self._above[:-1], start=1):
            z = h @ kernel
            z += bias
            z += self._h[layer] @ self._recurrent[layer]
            h = self._advance(layer, z)
        kernel, bias = self._above[-1]
        return log_softmax(h @ kernel + bias)

    def log_probabilities(self, inputs: np.ndarray) -> np.ndarray:
        """Go through a piece from the start: int array (steps, columns) to float array (steps, size)."""
        self.reset()
        return np.stack([self.step(row) for row in inputs])

    def nats(self, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the surprise at each target of a piece, float array (steps,)."""
        return -self.log_probabilities(inputs)[np.arange(len(targets)), targets]

    def _advance(self, layer: int, z: np.ndarray) -> np.ndarray:
        """Turn the sums of a layer, (4 units,), into its new states."""
        units = len(z) // 4
        gates = np.tanh(z, out=z)
        gates[: 3 * units] *= 0.5
        gates[: 3 * units] += 0.5
        o, i, f, g = gates[:units], gates[units : 2 * units], gates[2 * units : 3 * units], gates[3 * units :]
        c = self._c[layer]
        c *= f
        c += i * g
        self._h[layer] = o * np.tanh(c)
        return self._h[layer]


class Streams:
    """Many streams of a trained model, each with states of its own, all one step at a time.

    A step does what `Stream` does, for all of them at once: what was a vector there is here a matrix with a row for each
    stream. So each weight that is fetched from memory serves all streams, and a step costs little more than its products of
    matrices. For this, two things are arranged in another way than there; `benchmarks/README.md` has the measurements.

    *One product a layer.* h goes to two places: to the layer above, and to its own layer in the next step. Both
    matrices stand side by side, and the sums for the next step wait there for its inputs. A last
    row holds the biases, and each h ends with a 1 for it. `musiclab.products` says how the product is taken.

    *One block for each gate.* The gates of a layer are five blocks (streams, units) in the order o, i, f, g, and c: so σ
    acts on three of them at once, and i * g and f * c are one multiplication. All memory is used again in each step.

    Parameters
    ----------
    weights : mapping of str to array
        As for `Stream`.
    count : int
        How many streams.
    """

    def __init__(self, weights: Mapping[str, np.ndarray], count: int) -> None:
        self._tables, recurrent, above = _Weights.of(weights)
        self._numbers = np.arange(len(self._tables[0]))
        self._factors, self._sizes = [], [len(bias) for _, bias in above]
        for own, (kernel, bias) in zip(recurrent, above, strict=True):
            inner, columns = len(own) + 1, own.shape[1] + kernel.shape[1]
            both = spaced(inner, WIDEST * -(-columns // WIDEST), own.dtype)  # a few unused columns, to make whole blocks
            both[:-1, :columns] = np.concatenate([own, kernel], axis=1)
            both[-1, own.shape[1] : columns] = bias
            self._factors.append(Factor(both))
        self.reset(count)

    @property
    def multiplications(self) -> int:
        """How many a step takes for each stream, in the products of matrices and with their unused columns."""
        return sum(math.prod(factor.shape) for factor in self._factors)

    def reset(self, count: int) -> None:
        """Begin `count` new streams: all states are zero, as at the start of a piece."""
        self._x = np.empty((count, self._tables[0].shape[1]), dtype=self._tables[0].dtype)
        self._layers = [_Layer.new(factor, count) for factor in self._factors]

    def keep(self, which: np.ndarray) -> None:
        """Go on with some of the streams alone, those where `which`, a bool array (streams,), is True."""
        self._x = self._x[: which.sum()]
        self._layers = [layer.kept(which) for layer in self._layers]

    def step(self, columns: Sequence[np.ndarray | int]) -> np.ndarray:
        """Go one step.

        Parameters
        ----------
        columns : sequence of (int array (streams,) or int)
            The columns of the rows that `Stream` takes. The first is an array; in place of each other one may stand the
            one number that all streams have in common, which costs less.

        Returns
        -------
        float array (streams, size)
            The next token's log-probabilities.
        """
        return log_softmax(self.logits(columns))

    def logits(self, columns: Sequence[np.ndarray | int]) -> np.ndarray:
        """Go one step as `step` does, and return logits (streams, size), which are valid until the next step or `keep`.

        A row of them differs from the log-probabilities by the same number everywhere.
        """
        tokens, *context = columns
        # "clip" is several times as fast as NumPy's check of the numbers, so they are checked by a look at a small array.
        tokens = self._numbers.take(tokens)
        x = self._tables[0].take(tokens, axis=0, out=self._x, mode="clip")  # (streams, 4 units)
        rest = [table[value] for table, value in zip(self._tables[1:], context, strict=True)]
        if rest:
            x += sum(rest[1:], rest[0])
        for layer, factor, size in zip(self._layers, self._factors, self._sizes, strict=True):
            x = layer.advance(x, factor)[:, :size]
        return x


class _Layer(NamedTuple):
    """The memory of one layer of `Streams`. What a step leaves for the next one: gates[4] and sums[:, : 4 * units]."""

    h: np.ndarray  #: (streams, units + 1): the hidden state and a 1
    sums: np.ndarray  #: (streams, 4 units + those of the layer above): the products of h
    gates: np.ndarray  #: (5, streams, units): o, i, f, g and c
    products: np.ndarray  #: (2, streams, units): i * g and f * c

    @classmethod
    def new(cls, factor: Factor, count: int) -> _Layer:
        (inner, columns), units, dtype = factor.shape, factor.shape[0] - 1, factor.dtype
        h, sums = spaced(count, inner, dtype), spaced(count, columns, dtype)
        h[:, -1] = 1
        return cls(h, sums, np.zeros((5, count, units), dtype), np.empty((2, count, units), dtype))

    def kept(self, which: np.ndarray) -> _Layer:
        """Move the states of some streams to the front, and return that part of the memory."""
        count = which.sum()
        self.sums[:count] = self.sums[which]
        self.gates[4, :count] = self.gates[4, which]
        return _Layer(self.h[:count], self.sums[:count], self.gates[:, :count], self.products[:, :count])

    def advance(self, x: np.ndarray, factor: Factor) -> np.ndarray:
        """Take what comes from below, (streams, 4 units), and return what goes to the layer above and unused columns."""
        h, sums, gates, products = self
        units, half = gates.shape[-1], gates.dtype.type(0.5)
        z, sigmas = gates[:4], gates[:3]
        np.add(_blocks(x), _blocks(sums[:, : 4 * units]), out=z)
        np.tanh(z, out=z)
        sigmas *= half
        sigmas += half
        np.multiply(gates[1:3], gates[3:], out=products)  # i * g and f * c
        c = np.add(*products, out=gates[4])
        np.multiply(gates[0], np.tanh(c, out=products[0]), out=h[:, :-1])
        factor.multiply(h, sums)
        return sums[:, 4 * units :]


def _blocks(rows: np.ndarray) -> np.ndarray:
    """Look at an array (streams, 4 units) as (4, streams, units)."""
    return rows.reshape(len(rows), 4, -1).swapaxes(0, 1)


def _packed(array: np.ndarray) -> np.ndarray:
    """Put the gates of a Keras array (…, 4 units) in the order o, i, f, g and halve the three with a σ."""
    i, f, g, o = np.split(array, 4, axis=-1)
    return np.ascontiguousarray(np.concatenate([o / 2, i / 2, f / 2, g], axis=-1))


def _numbered(weights: Mapping[str, np.ndarray], name: str) -> list[np.ndarray]:
    """Collect the weights whose names differ in a running number."""
    found = []
    while name.format(len(found)) in weights:
        found.append(weights[name.format(len(found))])
    return found
