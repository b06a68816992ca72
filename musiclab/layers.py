"""A Keras LSTM layer that trains fast on a CPU.

`FastLSTM` is `keras.layers.LSTM` with another way through the time steps: on TensorFlow without a GPU it goes
forwards and backwards in NumPy. Everywhere else, and wherever it does not know a setting, it is Keras's own.
Arguments, weights and results are the same. These are the reasons for its speed; `benchmarks/README.md` has the
measurements that led to them.

*As TensorFlow has them.* A sequence is a row, a feature a column, so that nothing is turned round on its way in and out.
Rows of matrices are kept an odd multiple of 16 numbers apart: a power of two apart, as they would be with 256 units, they
compete for the same places in the cache, and a product takes a third longer.

*Small products.* A step multiplies only a few rows with the weights. `musiclab.products` has a way to do that without the
copies that a library makes of both.

*What does not have to wait, does not.* Only the product with h needs the step before. The product with the
inputs is taken for several steps at once; the slopes of the gates likewise; and the gradients of the weights
are one product over all steps of all sequences, in place of one a step and a sum.

*Nothing is put together or taken apart.* The gates of a step are blocks in the order ``o, i, f, g``, and after them the
cell state ``c`` before the step. So σ acts on the first three at once, the two products of the cell, ``i * g`` and
``f * c``, are one, and the three gates that the cell's gradient goes to are neighbours.

*Each core takes a part of the batch*, and no core waits for another within a sequence: see `musiclab.cores`.

*No fresh memory.* The first write to a page of new memory costs more than all that is computed with it. The large
arrays come from a pool, and go back to it as soon as TensorFlow has let go of them.

The equations are those of `musiclab.lstm`; its `LSTM.backward` explains the way back line by line.
"""

from __future__ import annotations

import itertools
import math
import threading
import weakref
from typing import Any

import numpy as np

from musiclab import cores
from musiclab.backend import devices, keras
from musiclab.products import Factor, spaced, spacing

__all__ = ["FastLSTM"]

#: Steps whose input products, and whose slopes, are computed at once. More no longer fit into a core's cache.
BLOCK = 8

#: Sequences that a core gets at least. With fewer, a product of matrices takes hardly less time than with four.
PART = 4


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


# --- how things lie in memory -------------------------------------------------------------------------


def _parts(batch: int) -> list[slice]:
    """Divide the sequences as evenly as possible: a part for each core, but none with fewer than `PART`, save a lone one."""
    count = max(1, min(cores.count(), batch // PART))
    return [slice(batch * part // count, batch * (part + 1) // count) for part in range(count)]


def _shapes(inputs: int, units: int, steps: int, batch: int) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of what the way back needs: the three arrays of `_views`, with all of their memory."""
    return (steps + 1, batch, spacing(inputs + 1 + units)), (steps + 1, 5, batch, units), (steps, batch, units)


def _views(memory: np.ndarray, inputs: int, units: int, steps: int, part: slice) -> tuple[np.ndarray, ...]:
    """Find in one long array what a part keeps for the way back.

    Returns
    -------
    rows : array (steps + 1, batch, inputs + 1 + units)
        What the weights are multiplied with at each step: x, 1, and the h before it. After the last step only h has a
        meaning.
    gates : array (steps + 1, 5, batch, units)
        o, i, f, g, and the c before the step. After the last step only c has a meaning.
    tanh_cs : array (steps, batch, units)
        Of the c after each step.
    """
    a_sequence = sum(map(math.prod, _shapes(inputs, units, steps, 1)))
    shapes = _shapes(inputs, units, steps, part.stop - part.start)
    ends = np.cumsum([part.start * a_sequence, *map(math.prod, shapes)])
    views = [memory[a:b].reshape(shape) for (a, b), shape in zip(itertools.pairwise(ends), shapes, strict=True)]
    return views[0][..., : inputs + 1 + units], *views[1:]


def _flat(array: np.ndarray) -> np.ndarray:
    """Look at an array (steps, batch, columns) as a matrix with a row for each sequence at each step."""
    steps, batch, columns = array.shape
    return np.lib.stride_tricks.as_strided(array, (steps * batch, columns), array.strides[1:])


def _blocks(rows: np.ndarray) -> np.ndarray:
    """Look at an array (batch, 4 units) as (4, batch, units)."""
    return rows.reshape(len(rows), 4, rows.shape[1] // 4).swapaxes(0, 1)


# --- forwards ---------------------------------------------------------------------------------------


def _forward(
    xs: np.ndarray, h: np.ndarray, c: np.ndarray, kernel: np.ndarray, bias: np.ndarray, recurrent_kernel: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Go through the sequences.

    Parameters
    ----------
    xs : array (batch, steps, inputs)
    h, c : array (batch, units)
    kernel, bias, recurrent_kernel : arrays (inputs, 4 units), (4 units,), (units, 4 units)
        As Keras has them.

    Returns
    -------
    hs : array (batch, steps, units)
    c : array (batch, units)
        After the last step.
    memory : array (numbers,)
        What the way back needs, see `_views`.
    """
    (batch, steps, inputs), units = xs.shape, h.shape[1]
    weights = _packed(kernel, bias, recurrent_kernel)
    of_x, of_h = Factor(weights[: inputs + 1]), Factor(weights[inputs + 1 :])
    hs, last_c = _pool.array((batch, steps, units), xs.dtype), _pool.array(c.shape, xs.dtype)
    memory = _pool.array((sum(map(math.prod, _shapes(inputs, units, steps, batch))),), xs.dtype)

    def go(part: slice) -> None:
        views = _views(memory, inputs, units, steps, part)
        _forward_part(of_x, of_h, xs[part], h[part], c[part], hs[part], last_c[part], *views)

    cores.in_parts(go, _parts(batch))
    return hs, last_c, memory


def _packed(kernel: np.ndarray, bias: np.ndarray, recurrent_kernel: np.ndarray) -> np.ndarray:
    """Put the weights for x, 1 (the bias) and h under one another, and the gates in the order o, i, f, g.

    The columns of o, i, f are halved: σ(z) = (tanh(z/2) + 1)/2.
    """
    inputs, units = len(kernel), len(recurrent_kernel)
    weights = spaced(inputs + 1 + units, 4 * units, kernel.dtype)
    for rows, given in ((slice(inputs), kernel), (inputs, bias), (slice(inputs + 1, None), recurrent_kernel)):
        np.multiply(given[..., 3 * units :], 0.5, out=weights[rows, :units])
        np.multiply(given[..., : 2 * units], 0.5, out=weights[rows, units : 3 * units])
        weights[rows, 3 * units :] = given[..., 2 * units : 3 * units]
    return weights


def _forward_part(
    of_x: Factor,
    of_h: Factor,
    xs: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    hs: np.ndarray,
    last_c: np.ndarray,
    rows: np.ndarray,
    gates: np.ndarray,
    tanh_cs: np.ndarray,
) -> None:
    """Do it for the sequences of one part. Writes to the last five."""
    (batch, steps, inputs), units = xs.shape, h.shape[1]
    half = xs.dtype.type(0.5)
    ahead, sums = (spaced(count * batch, 4 * units, xs.dtype) for count in (BLOCK, 1))
    products = np.empty((2, batch, units), dtype=xs.dtype)
    rows[..., inputs] = 1
    rows[0, :, inputs + 1 :] = h
    gates[0, 4] = c
    for start in range(0, steps, BLOCK):
        block = rows[start : min(start + BLOCK, steps)]  # (up to BLOCK, batch, inputs + 1 + units)
        block[..., :inputs] = xs[:, start : start + BLOCK].swapaxes(0, 1)
        of_x.multiply(_flat(block[..., : inputs + 1]), ahead[: len(block) * batch])
        for n in range(len(block)):
            t = start + n
            now, z = gates[t], gates[t, :4]  # (5, batch, units), (4, batch, units)
            of_h.multiply(block[n, :, inputs + 1 :], sums)
            np.add(_blocks(sums), _blocks(ahead[n * batch : (n + 1) * batch]), out=z)
            np.tanh(z, out=z)
            sigmas = z[:3]
            sigmas *= half
            sigmas += half
            np.multiply(now[1:3], now[3:], out=products)  # i * g and f * c
            c = np.add(*products, out=gates[t + 1, 4])
            np.tanh(c, out=tanh_cs[t])
            np.multiply(now[0], tanh_cs[t], out=rows[t + 1, :, inputs + 1 :])  # h
        hs[:, start : start + BLOCK] = rows[start + 1 : start + 1 + BLOCK, :, inputs + 1 :].swapaxes(0, 1)
    last_c[:] = gates[steps, 4]


# --- backwards --------------------------------------------------------------------------------------


def _backward(dhs: np.ndarray, dh: np.ndarray, dc: np.ndarray, weights: np.ndarray, memory: np.ndarray) -> tuple[np.ndarray, ...]:
    """Go back, from the gradients of what `_forward` made to the gradients of what it was given.

    Parameters
    ----------
    dhs : array (batch, steps, units)
        Of every h.
    dh, dc : array (batch, units)
        Of the states after the last step.
    weights : array (4 units, inputs + units)
        For x and h, turned round: the gates under one another in Keras's order.
    memory : array (numbers,)
        As `_forward` returned it.

    Returns
    -------
    dxs : array (batch, steps, inputs)
    dh, dc : array (batch, units)
        Of the states before the first step.
    dkernel, dbias, drecurrent_kernel : arrays (inputs, 4 units), (4 units,), (units, 4 units)
    """
    (batch, steps, units), dtype, inputs = dhs.shape, dhs.dtype, weights.shape[1] - dhs.shape[2]
    turned = spaced(*weights.shape, dtype)
    turned[:units], turned[units:] = weights[3 * units :], weights[: 3 * units]  # in the order o, i, f, g
    of_x, of_h = Factor(turned[:, :inputs]), Factor(turned[:, inputs:])
    parts = _parts(batch)
    dxs, first_dh, first_dc = (_pool.array(shape, dtype) for shape in ((batch, steps, inputs), dh.shape, dc.shape))
    dweights = _pool.array((len(parts), inputs + 1 + units, spacing(4 * units)), dtype)[..., : 4 * units]

    def go(part: slice, dweights: np.ndarray) -> None:
        views, results = _views(memory, inputs, units, steps, part), (dxs[part], first_dh[part], first_dc[part])
        _backward_part(of_x, of_h, dhs[part], dh[part], dc[part], *views, dweights, *results)

    cores.in_parts(go, parts, dweights)
    total = _pool.array((inputs + 1 + units, 4 * units), dtype)  # in Keras's order again
    np.sum(dweights[:, :, units:], axis=0, out=total[:, : 3 * units])
    np.sum(dweights[:, :, :units], axis=0, out=total[:, 3 * units :])
    return dxs, first_dh, first_dc, total[:inputs], total[inputs], total[inputs + 1 :]


def _backward_part(
    of_x: Factor,
    of_h: Factor,
    dhs: np.ndarray,
    dh: np.ndarray,
    dc: np.ndarray,
    rows: np.ndarray,
    gates: np.ndarray,
    tanh_cs: np.ndarray,
    dweights: np.ndarray,
    dxs: np.ndarray,
    first_dh: np.ndarray,
    first_dc: np.ndarray,
) -> None:
    """Do it for the sequences of one part. Writes to the last four."""
    (batch, steps, units), inputs = dhs.shape, dxs.shape[2]
    dzs = _pool.array((steps, batch, spacing(4 * units)), dc.dtype)[..., : 4 * units]  # of the sums inside σ and tanh
    dh, dc, product = dh.copy(), dc.copy(), np.empty_like(dc)
    slopes = np.empty((BLOCK, 4, batch, units), dtype=dc.dtype)
    slopes_c = np.empty((BLOCK, batch, units), dtype=dc.dtype)
    dx = np.empty((BLOCK, batch, inputs), dtype=dc.dtype)
    for start in reversed(range(0, steps, BLOCK)):
        block = dzs[start : start + BLOCK]  # (up to BLOCK, batch, 4 units)
        size = len(block)
        _slopes(gates[start : start + size], tanh_cs[start : start + size], slopes[:size], slopes_c[:size])
        for n in reversed(range(size)):
            t, dz = start + n, _blocks(block[n])  # (4, batch, units)
            dh += dhs[:, t]
            dc += np.multiply(dh, slopes_c[n], out=product)
            np.multiply(dh, slopes[n, 0], out=dz[0])
            np.multiply(dc, slopes[n, 1:], out=dz[1:])
            dc *= gates[t, 2]
            of_h.multiply(block[n], dh)
        of_x.multiply(_flat(block), _flat(dx[:size]))
        dxs[:, start : start + size] = dx[:size].swapaxes(0, 1)
    np.matmul(_flat(rows[:steps]).T, _flat(dzs), out=dweights)
    first_dh[:], first_dc[:] = dh, dc


def _slopes(gates: np.ndarray, tanh_cs: np.ndarray, slopes: np.ndarray, slopes_c: np.ndarray) -> None:
    """Compute for some steps how steeply results depend on sums: the part of the gradient that is known beforehand.

    Writes to `slopes`, array (steps, 4, batch, units): of h by the sum of o, and of c by the sums of i, f, g; and
    to `slopes_c`, array (steps, batch, units): of h by c.
    """
    o, i = gates[:, 0], gates[:, 1]  # (steps, batch, units)
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

    @tf.custom_gradient
    def apply(xs: Any, h: Any, c: Any, kernel: Any, bias: Any, recurrent_kernel: Any) -> Any:
        given = (xs, h, c, kernel, bias, recurrent_kernel)
        hs, last_c, memory = tf.numpy_function(_forward, given, [xs.dtype] * 3)
        hs.set_shape([*xs.shape[:2], h.shape[-1]])
        last_c.set_shape(c.shape)

        def gradient(dhs: Any, dh: Any, dc: Any) -> list[Any]:
            weights = tf.transpose(tf.concat([kernel, recurrent_kernel], axis=0))
            gradients = tf.numpy_function(_backward, (dhs, dh, dc, weights, memory), [xs.dtype] * 6)
            for one, of in zip(gradients, given, strict=True):
                one.set_shape(of.shape)
            return gradients

        return (hs, hs[:, -1], last_c), gradient

    return apply(*(tf.convert_to_tensor(tensor) for tensor in tensors))  # of variables, their values
