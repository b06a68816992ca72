"""Work for all cores: the same function for several parts, each on a core of its own.

NumPy's library for products of matrices would by itself use all cores for every product. For a long row of small
products that is the slower way: the cores wait for one another at each of them, and if anything else runs on the
computer, they wait long. Here each core goes through the whole row with its own part of the data instead.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["count", "in_parts"]

_turn = threading.Lock()  # two callers at once would get in each other's way, and in that of the limit below


@functools.cache
def _blas() -> ThreadpoolController:
    """Find NumPy's library for products of matrices."""
    return ThreadpoolController().select(user_api="blas")


@functools.cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count(), thread_name_prefix="musiclab")


@functools.cache
def count() -> int:
    """Number of cores that NumPy uses, which an environment variable such as OPENBLAS_NUM_THREADS may limit."""
    return max((library["num_threads"] for library in _blas().info()), default=1)


def in_parts(function: Callable[..., Any], *arguments: Iterable[Any]) -> list[Any]:
    """Call the function once for each part, at the same time, and return the results in order, as `map` does.

    `arguments` are iterables with an item for each part. An error in a part is raised here. Meanwhile NumPy takes
    each product of matrices on one core.
    """
    threads = _threads()  # made before the limit, which it would count as the number of cores
    with _turn, _blas().limit(limits=1):
        return list(threads.map(function, *arguments))
