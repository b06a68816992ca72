"""A Keras LSTM layer that trains fast on a CPU.

`FastLSTM` is `keras.layers.LSTM` with another way through the time steps: on TensorFlow without a GPU it goes
forwards and backwards in NumPy. Everywhere else, and wherever it does not know a setting, it is Keras's own.
Arguments, weights and results are the same. These are the reasons for its speed; `benchmarks/README.md` has the
measurements that led to them.

*Sequences side by side.* In all arrays here features are rows and sequences are columns. With a large matrix of weights
on the left and a few dozen columns on the right, a product runs at nine tenths of the machine's speed or more;
the other way round, as in most frameworks, at about three quarters.

*What does not have to wait, does not.* Only the product with h needs the step before. The product with the
inputs is taken for several steps at once; the slopes of the gates likewise; and the gradients of the weights
are one product over all steps of all sequences, in place of one a step and a sum.

*Nothing is put together or taken apart.* The gates stand under one another as ``o, i, f, g``, and under them the cell
state ``c`` before the step. So σ acts on the first three at once, the two products of the cell, ``i * g`` and
``f * c``, are one, and the three gates that the cell's gradient goes to are neighbours.

*Each core takes a part of the batch*, and no core waits for another within a sequence: see `musiclab.cores`.

*No fresh memory.* The first write to a page of new memory costs more than all that is computed with it. The large
arrays come from a pool, and go back to it as soon as TensorFlow has let go of them.

The equations are those of `musiclab.lstm`; its `LSTM.backward` explains the way back line by line.
"""

from __future__ import annotations

import math
import threading
import weakref
from typing import Any

import numpy as np

from musiclab import cores
from musiclab.backend import devices, keras

__all__ = ["FastLSTM"]

#: Steps whose input products, and whose slopes, are computed at once. More no longer fit into a core's cache.
BLOCK = 8

#: Sequences that a core gets at least. With fewer columns, products of matrices lose more than another core brings.
PART = 8


# --- memory --------------------------------------------------------------------------------------------


class _Pool:
    """Memory that is used again."""

    def __init__(self) -> None:
        self.free: list[np.ndarray] = []
        self.lock = threading.Lock()

    def array(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Return an array with chance contents. When it and all views of it are gone, its memory comes back here."""
        size = max(1, math.prod(shape)) * dtype.itemsize
        with self.lock:  # blocks may come back meanwhile; they go to the end of the list and disturb no place in it
            places = sorted((len(block), place) for place, block in enumerate(self.free))
            fitting = [place for length, place in places if length >= size]
            if fitting:
                block = self.free.pop(fitting[0])
            else:  # the new one replaces the smallest, so that there are never more than once were in use together
                for _, place in places[:1]:
                    del self.free[place]
                block = _aligned(size)
        owner = np.frombuffer(memoryview(block)[:size], dtype)  # the base of the array, and of every view of it that is ever made
        weakref.finalize(owner, self.free.append, block)
        return owner[: math.prod(shape)].reshape(shape)


def _aligned(size: int) -> np.ndarray:
    """Allocate bytes at an address that TensorFlow takes over without copying: a multiple of 64."""
    block = np.empty(size + 64, dtype=np.uint8)
    start = -block.ctypes.data % 64
    return block[start : start + size]


_pool = _Pool()


# --- forwards ---------------------------------------------------------------------------------------


def _forward(xs: np.ndarray, weights: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, ...]:
    """Go through the sequences.

    Parameters
    ----------
    xs : array (parts, inputs, steps, batch)
        With ``batch`` sequences in each part.
    weights : array (4 units, inputs + 1 + units)
        For x, 1 (the bias) and h, with the rows of the gates o, i, f halved: σ(z) = (tanh(z/2) + 1)/2.
    h, c : array (parts, units, batch)

    Returns
    -------
    hs : array (parts, steps, units, batch)
    rows : array (parts, inputs + 1 + units, steps, batch)
        What the weights are multiplied with at each step: x, 1, and the h before it.
    gates : array (parts, steps + 1, 5, units, batch)
        o, i, f, g, and the c before the step. After the last step only c has a meaning.
    tanh_cs : array (parts, steps, units, batch)
        Of the c after each step.
    """
    (parts, inputs, steps, batch), units = xs.shape, h.shape[1]
    shapes = ((steps, units), (inputs + 1 + units, steps), (steps + 1, 5, units), (steps, units))
    hs, rows, gates, tanh_cs = (_pool.array((parts, *shape, batch), xs.dtype) for shape in shapes)
    cores.in_parts(_forward_part, [weights] * parts, xs, h, c, hs, rows, gates, tanh_cs)
    return hs, rows, gates, tanh_cs


def _forward_part(
    weights: np.ndarray,
    xs: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    hs: np.ndarray,
    rows: np.ndarray,
    gates: np.ndarray,
    tanh_cs: np.ndarray,
) -> None:
    """Do it for one part: the shapes are those of `_forward` without their first axis. Writes to the last four."""
    (inputs, steps, batch), units = xs.shape, len(h)
    of_x, of_h = weights[:, : inputs + 1], weights[:, inputs + 1 :]
    half = xs.dtype.type(0.5)
    ahead = np.empty((4 * units, BLOCK * batch), dtype=xs.dtype)
    products = np.empty((2, units, batch), dtype=xs.dtype)
    rows[:inputs], rows[inputs] = xs, 1
    gates[0, 4] = c
    for t in range(steps):
        if t % BLOCK == 0:
            block = rows[: inputs + 1, t : t + BLOCK].reshape(inputs + 1, -1)  # (inputs + 1, up to BLOCK * batch)
            z_x = np.matmul(of_x, block, out=ahead[:, : block.shape[1]]).reshape(4, units, -1, batch)
        now, z = gates[t], gates[t, :4]  # (5, units, batch), (4, units, batch)
        rows[inputs + 1 :, t] = h
        np.matmul(of_h, h, out=z.reshape(4 * units, batch))
        z += z_x[:, :, t % BLOCK]
        np.tanh(z, out=z)
        sigmas = z[:3]
        sigmas *= half
        sigmas += half
        np.multiply(now[1:3], now[3:], out=products)  # i * g and f * c
        c = np.add(*products, out=gates[t + 1, 4])
        np.tanh(c, out=tanh_cs[t])
        h = np.multiply(now[0], tanh_cs[t], out=hs[t])


# --- backwards --------------------------------------------------------------------------------------


def _backward(
    dhs: np.ndarray,
    dh: np.ndarray,
    dc: np.ndarray,
    weights: np.ndarray,
    rows: np.ndarray,
    gates: np.ndarray,
    tanh_cs: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Go back, from the gradients of what `_forward` made to the gradients of what it was given.

    Parameters
    ----------
    dhs : array (parts, steps, units, batch)
        Of every h.
    dh, dc : array (parts, units, batch)
        Of the states after the last step.
    weights : array (inputs + 1 + units, 4 units)
        Not halved.
    rows, gates, tanh_cs
        As `_forward` returned them.

    Returns
    -------
    dweights : array (parts, inputs + 1 + units, 4 units)
        The sum over the parts is still to be taken.
    dxs : array (parts, inputs, steps, batch)
    dh, dc : array (parts, units, batch)
        Of the states before the first step.
    """
    (parts, steps, units, batch), dtype, inputs = dhs.shape, dhs.dtype, rows.shape[1] - 1 - dhs.shape[2]
    dweights = _pool.array((parts, *weights.shape), dtype)
    dxs = _pool.array((parts, inputs, steps, batch), dtype)
    dzs = _pool.array((parts, 4, units, steps, batch), dtype)  # of the sums inside σ and tanh
    dh, dc = dh.copy(), dc.copy()
    cores.in_parts(_backward_part, [weights] * parts, dhs, rows, gates, tanh_cs, dweights, dxs, dzs, dh, dc)
    return dweights, dxs, dh, dc


def _backward_part(
    weights: np.ndarray,
    dhs: np.ndarray,
    rows: np.ndarray,
    gates: np.ndarray,
    tanh_cs: np.ndarray,
    dweights: np.ndarray,
    dxs: np.ndarray,
    dzs: np.ndarray,
    dh: np.ndarray,
    dc: np.ndarray,
) -> None:
    """Do it for one part: the shapes are those of `_backward` without their first axis. Writes to the last five."""
    (steps, units, batch), inputs = dhs.shape, len(dxs)
    of_x, of_h = weights[:inputs], weights[inputs + 1 :]
    product = np.empty_like(dc)
    slopes = np.empty((BLOCK, 4, units, batch), dtype=dc.dtype)
    slopes_c = np.empty((BLOCK, units, batch), dtype=dc.dtype)
    for start in reversed(range(0, steps, BLOCK)):
        end = min(start + BLOCK, steps)
        _slopes(gates[start:end], tanh_cs[start:end], slopes[: end - start], slopes_c[: end - start])
        for t in reversed(range(start, end)):
            slope, dz = slopes[t - start], dzs[:, :, t]  # (4, units, batch)
            dh += dhs[t]
            dc += np.multiply(dh, slopes_c[t - start], out=product)
            np.multiply(dh, slope[0], out=dz[0])
            np.multiply(dc, slope[1:], out=dz[1:])
            dc *= gates[t, 2]
            np.matmul(of_h, dz.reshape(4 * units, batch), out=dh)
    all_dz = dzs.reshape(4 * units, steps * batch)
    np.matmul(of_x, all_dz, out=dxs.reshape(inputs, steps * batch))
    np.matmul(rows.reshape(len(rows), steps * batch), all_dz.T, out=dweights)


def _slopes(gates: np.ndarray, tanh_cs: np.ndarray, slopes: np.ndarray, slopes_c: np.ndarray) -> None:
    """Compute for some steps how steeply results depend on sums: the part of the gradient that is known beforehand.

    Writes to `slopes`, array (steps, 4, units, batch): of h by the sum of o, and of c by the sums of i, f, g; and
    to `slopes_c`, array (steps, units, batch): of h by c.
    """
    o, i = gates[:, 0], gates[:, 1]  # (steps, units, batch)
    np.square(gates[:, :4], out=slopes)
    np.subtract(gates[:, :3], slopes[:, :3], out=slopes[:, :3])  # of σ: σ - σ²
    np.subtract(1, slopes[:, 3], out=slopes[:, 3])  # of tanh: 1 - tanh²
    slopes[:, 0] *= tanh_cs  # h = o * tanh(c)
    slopes[:, 1:3] *= gates[:, 3:]  # c = i * g + f * c
    slopes[:, 3] *= i
    np.square(tanh_cs, out=slopes_c)
    np.subtract(1, slopes_c, out=slopes_c)
    slopes_c *= o


# --- the layer --------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable(package="musiclab")
class FastLSTM(keras.layers.LSTM):
    """`keras.layers.LSTM`, faster on a CPU.

    It takes the same arguments and has the same weights under the same names. On TensorFlow's CPU, with tanh and
    sigmoid, a bias, no dropout inside the layer and no mask, it runs the loop of this module; in all other cases
    Keras's, which on a GPU is NVIDIA's cuDNN kernel. On TensorFlow it cannot be compiled with XLA, exported for use
    without Python, or differentiated twice; for these, give its weights to a `keras.layers.LSTM`.
    """

    def __init__(self, *arguments: Any, **words: Any) -> None:
        super().__init__(*arguments, **words)
        if keras.backend.backend() == "tensorflow":
            self.supports_jit = False

    def why_not_fast(self, mask: Any = None) -> str:
        """Say why this layer runs Keras's loop here, or "" if it runs its own."""
        reasons = {
            f"the backend is {keras.backend.backend()}": keras.backend.backend() != "tensorflow",
            "there is a GPU": not all(device.lower().startswith("cpu") for device in devices()),
            "activation is not tanh": self.activation is not keras.activations.tanh,
            "recurrent_activation is not sigmoid": self.recurrent_activation is not keras.activations.sigmoid,
            "there is no bias": not self.use_bias,
            "dropout is used": self.dropout > 0,
            "recurrent_dropout is used": self.recurrent_dropout > 0,
            "unroll is set": self.unroll,
            f"it computes in {self.compute_dtype}": self.compute_dtype not in ("float32", "float64"),
            "steps are masked": mask is not None,
        }
        return " and ".join(reason for reason, holds in reasons.items() if holds)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Go through the steps, (batch, steps, inputs), and return what Keras asks for: the last h, every h, [h, c]."""
        if self.why_not_fast(mask):
            return super().inner_loop(sequences, initial_state, mask, training=training)
        if self.go_backwards:
            sequences = keras.ops.flip(sequences, axis=1)
        hs, h, c = _lstm(sequences, *initial_state, self.cell.kernel, self.cell.bias, self.cell.recurrent_kernel)
        return h, hs, [h, c]


def _lstm(*tensors: Any) -> tuple[Any, Any, Any]:
    """Make the NumPy functions a part of TensorFlow's graph, with their gradient.

    Takes the sequences (batch, steps, inputs), h and c (batch, units), and Keras's kernel, bias and recurrent kernel;
    returns hs (batch, steps, units), and the last h and c.
    """
    import tensorflow as tf

    def parted(x: Any, axes: list[int]) -> Any:
        """Split the batch into parts, the new axis 0, and bring the others into this order."""
        batch, parts = tf.shape(x)[0], tf.range(1, cores.count() + 1)
        parts = tf.reduce_max(tf.where((batch % parts == 0) & (batch >= PART * parts), parts, 1))
        return tf.transpose(tf.reshape(x, tf.concat([[parts, batch // parts], tf.shape(x)[1:]], axis=0)), axes)

    def joined(x: Any, axes: list[int]) -> Any:
        """Bring the axes into this order, and make the first two, parts and batch, one."""
        x = tf.transpose(x, axes)
        return tf.reshape(x, tf.concat([[-1], tf.shape(x)[2:]], axis=0))

    @tf.custom_gradient
    def apply(xs: Any, h: Any, c: Any, kernel: Any, bias: Any, recurrent_kernel: Any) -> Any:
        dtype, inputs, units = xs.dtype, kernel.shape[0], recurrent_kernel.shape[0]
        weights = tf.concat([kernel, bias[None], recurrent_kernel], axis=0)  # (inputs + 1 + units, 4 units)
        weights = tf.roll(weights, units, axis=1)  # from Keras's i, f, g, o to o, i, f, g
        halved = weights * tf.repeat(tf.constant([0.5, 0.5, 0.5, 1.0], dtype), units)
        given = (parted(xs, [0, 3, 2, 1]), tf.transpose(halved), parted(h, [0, 2, 1]), parted(c, [0, 2, 1]))
        hs, rows, gates, tanh_cs = tf.numpy_function(_forward, given, [dtype] * 4)
        hs.set_shape([None, None, units, None])
        gates.set_shape([None, None, 5, units, None])
        last_c = joined(gates[:, -1, 4], [0, 2, 1])  # (batch, units)
        all_h = tf.ensure_shape(joined(hs, [0, 3, 1, 2]), [xs.shape[0], xs.shape[1], units])  # (batch, steps, units)

        def gradient(dhs: Any, dh: Any, dc: Any) -> tuple[Any, ...]:
            given = (parted(dhs, [0, 2, 3, 1]), parted(dh, [0, 2, 1]), parted(dc, [0, 2, 1]), weights, rows, gates, tanh_cs)
            dweights, dxs, dh, dc = tf.numpy_function(_backward, given, [dtype] * 4)
            dweights.set_shape([None, inputs + 1 + units, 4 * units])
            dxs.set_shape([None, inputs, None, None])
            for state in (dh, dc):
                state.set_shape([None, units, None])
            dweights = tf.roll(tf.reduce_sum(dweights, axis=0), -units, axis=1)
            dkernel, dbias, drecurrent = tf.split(dweights, [inputs, 1, units])
            states = (joined(state, [0, 2, 1]) for state in (dh, dc))
            return joined(dxs, [0, 3, 2, 1]), *states, dkernel, dbias[0], drecurrent

        return (all_h, all_h[:, -1], last_c), gradient

    return apply(*(tf.convert_to_tensor(tensor) for tensor in tensors))  # of variables, their values
