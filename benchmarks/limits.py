"""Limits: what the machine itself can do, whoever writes the program.

    python benchmarks/limits.py

Training is mostly products of matrices, and reading and rendering mostly move memory. A figure near one of these
limits cannot get much better. `training.py` compares itself with the first.
"""

from __future__ import annotations

import time
from statistics import median

import numpy as np
from table import row, spread

ROUNDS = 9
SIZE = 2048  # rows and columns: enough to keep all cores busy, and still three matrices in 48 MiB
BLOCK = 256 * 2**20  # bytes: no cache holds it


def product_rate(rounds: int = 3) -> float:
    """Return the floating-point operations a second of a product of two float32 matrices, the median of some rounds."""
    a = np.random.default_rng(0).random((SIZE, SIZE), dtype=np.float32)
    out = np.empty_like(a)
    return 2 * SIZE**3 / median(_seconds(lambda: np.matmul(a, a, out=out)) for _ in range(rounds))


def copy_rate(rounds: int = 3) -> float:
    """Return the bytes a second that one core reads and writes while it copies; each copied byte counts twice."""
    a = np.ones(BLOCK, dtype=np.uint8)
    out = np.ones_like(a)  # written to, so that the system has really given the memory
    return 2 * BLOCK / median(_seconds(lambda: np.copyto(out, a)) for _ in range(rounds))


def _seconds(call) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def main() -> None:
    """Print both rates."""
    product_rate(), copy_rate()  # the first round starts threads
    products = [product_rate() / 1e9 for _ in range(ROUNDS)]
    copies = [copy_rate() / 1e9 for _ in range(ROUNDS)]
    row(f"limit: product of two {SIZE} x {SIZE} float32 matrices, NumPy, all cores", f"{spread(products, '.0f')} GFLOP/s")
    row("limit: memory read and written by np.copyto, one core", f"{spread(copies, '.1f')} GB/s")


if __name__ == "__main__":
    main()
