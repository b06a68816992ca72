"""Work for all cores: the same function for several parts, each on a core of its own.

NumPy's library for products of matrices would by itself use all cores for every product. For a long row of small
products that is the slower way: the cores wait for one another at each of them, and if anything else runs on the
computer, they wait long. Here each core goes through the whole row with its own part of the data instead.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import numpy as np  # noqa: F401  (so that its library is loaded, and can be found)
from threadpoolctl import ThreadpoolController

__all__ = ["count", "in_parts"]

_blas = ThreadpoolController().select(user_api="blas")  # NumPy's library for products of matrices
_count = max((library["num_threads"] for library in _blas.info()), default=os.cpu_count() or 1)
_here = threading.local()


def _prepare() -> None:
    global _threads, _turn
    _threads = ThreadPoolExecutor(_count, thread_name_prefix="musiclab")
    _turn = threading.Lock()  # two callers at once would get in each other's way, and in that of the limit below


_prepare()
if hasattr(os, "register_at_fork"):  # a forked process has the lock as it was, but none of the threads
    os.register_at_fork(after_in_child=_prepare)


def count() -> int:
    """Number of cores that NumPy uses, which an environment variable such as OPENBLAS_NUM_THREADS may limit."""
    return _count


def in_parts(function: Callable[..., Any], *arguments: Iterable[Any]) -> list[Any]:
    """Call the function once for each part, at the same time, and return the results in order, as `map` does.

    `arguments` are iterables with an item for each part. Until the last part has ended, NumPy takes each product of
    matrices on one core. The error of a part, or an interruption, is raised here, but only then: no part goes on with
    the data of a caller who has left. Called within a part, it takes its own parts one after the other.
    """
    if getattr(_here, "in_a_part", False):
        return list(map(function, *arguments))
    with _turn, _blas.limit(limits=1):
        futures = [_threads.submit(_part, function, items) for items in zip(*arguments, strict=True)]
        try:
            return [future.result() for future in futures]
        finally:
            _end(futures)


def _part(function: Callable[..., Any], items: tuple[Any, ...]) -> Any:
    _here.in_a_part = True
    return function(*items)


def _end(futures: list[Future]) -> None:
    """Cancel what has not begun, and wait for the rest, even if somebody presses Ctrl-C a second time."""
    for future in futures:
        future.cancel()
    while True:
        try:
            wait(futures)
            return
        except KeyboardInterrupt:
            continue
