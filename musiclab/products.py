"""Products of a few rows with a large matrix: what an LSTM does at every step, with a row for each sequence.

A library for products of matrices first copies both into an order that suits its innermost loop. With hundreds of rows
the copy is soon earned back. With 32 it takes a fifth of the time, with 4 more than half. For *small* products OpenBLAS,
which comes with NumPy, has other loops that read the matrices where they lie; among PC processors those with AVX-512 have
them. There a product is done in blocks, each just small enough. `benchmarks/README.md` has the measurements.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import DTypeLike

from musiclab import cores

__all__ = ["Factor", "spaced", "spacing"]

#: Multiplications in a small product, at most: OpenBLAS's own bound (github.com/OpenMathLib/OpenBLAS, pull request 3335).
SMALL = 100**3

#: Columns of a block: at most; at least, if that can be had; and at least anyway. The processor's long registers hold 16.
WIDEST, NARROW, NARROWEST = 64, 32, 16

#: Rows of a block, at least, if there are as many: with fewer, each number of the matrix is fetched for too little work.
LOWEST = 4

#: Families of processors, as OpenBLAS calls them, that are known to gain.
_HAVE_SMALL = ("SkylakeX", "Cooperlake", "SapphireRapids")


def spacing(columns: int) -> int:
    """Return how far apart the rows of a matrix are to lie: an odd multiple of 16 numbers, so never a power of two.

    A power of two apart, as with 256 columns, rows compete for the same places in the cache.
    """
    return 16 * (-(-columns // 16) | 1)


def spaced(rows: int, columns: int, dtype: DTypeLike) -> np.ndarray:
    """Make a matrix of zeros whose rows lie so."""
    return np.zeros((rows, spacing(columns)), dtype=dtype)[:, :columns]


class Factor:
    """A matrix that others are multiplied by, many times.

    Parameters
    ----------
    matrix : array (inner, columns)
        It may no longer change: it is copied when that is needed, in another order for each of at most a few widths of
        blocks. So the first product takes longer than the others.
    """

    def __init__(self, matrix: np.ndarray) -> None:
        self._matrix, self.shape, self.dtype = matrix, matrix.shape, matrix.dtype
        self._panels: dict[int, np.ndarray] = {}

    def multiply(self, a: np.ndarray, out: np.ndarray) -> None:
        """Multiply rows by the matrix.

        Parameters
        ----------
        a : array (rows, inner)
        out : array (rows, columns)
            ``a @ matrix`` is written to it.

        Raises
        ------
        ValueError
            If the shapes do not fit.
        """
        inner, columns = self.shape
        if (block := _block(len(a), inner, columns)) is None:
            np.matmul(a, self._matrix, out=out)
            return
        if a.shape != (len(a), inner) or out.shape != (len(a), columns):
            raise ValueError(f"a {a.shape} times a matrix {self.shape} does not fit into {out.shape}.")
        height, width = block
        if width not in self._panels:  # as one block after the other, so that each can be read in one go
            self._panels[width] = self._matrix.reshape(inner, -1, width).swapaxes(0, 1).copy()  # (wide, inner, width)
        a = a.reshape(-1, 1, height, inner)  # (tall, 1, height, inner)
        blocks = out.reshape(len(a), height, -1, width)  # (tall, height, wide, width): a view, for axes are only split
        np.matmul(a, self._panels[width], out=blocks.swapaxes(1, 2))  # (tall, wide, height, width)


@functools.cache
def _block(rows: int, inner: int, columns: int) -> tuple[int, int] | None:
    """Choose the blocks of a product.

    Returns
    -------
    (height, width) or None
        They divide `rows` and `columns`. Those of at least `NARROW` columns come first; of these the highest; and of these
        the widest that fills long registers. None if the product is best computed as a whole.
    """
    if cores.family() not in _HAVE_SMALL or rows < 2 or rows * inner * columns <= SMALL:
        return None  # (a single row has loops of its own)
    heights = [rows // n for n in range(1, rows // min(rows, LOWEST) + 1) if rows % n == 0]
    widths = [width for width in range(WIDEST, NARROWEST - 1, -1) if columns % width == 0]
    widths.sort(key=lambda width: width % NARROWEST > 0)  # those that fill long registers first
    for narrowest in (NARROW, NARROWEST):
        for height in heights:
            for width in widths:
                if width >= narrowest and height * inner * width <= SMALL:
                    return height, width
    return None
