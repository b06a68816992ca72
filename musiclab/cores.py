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
from contextlib import suppress
from typing import Any

import numpy as np  # noqa: F401  (so that its library is loaded, and can be found)
from threadpoolctl import ThreadpoolController

__all__ = ["count", "family", "in_parts"]

_blas = ThreadpoolController().select(user_api="blas")  # NumPy's library for products of matrices
_count = max((library["num_threads"] for library in _blas.info()), default=os.cpu_count() or 1)
_libraries = sorted(_blas.info(), key=lambda library: "numpy" not in library["filepath"])  # NumPy's own before others
_family = next((library.get("architecture", "") for library in _libraries), "")
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


def family() -> str:
    """Name of the processors for which NumPy's library has chosen its loops, such as "SkylakeX" or "Haswell"; "" if unknown."""
    return _family


def in_parts(function: Callable[..., Any], *arguments: Iterable[Any]) -> list[Any]:
    """Call the function once for each part, at the same time, and return the results in order, as `map` does.

    `arguments` are iterables with an item for each part. Until the last part has ended, NumPy takes each product of
    matrices on one core. If there are as many parts as cores, each is kept on its own, on Linux, and so is what it starts.
    The error of a part, or an interruption, is raised here, but only then: no part goes on with the data of a caller who has
    left. Called within a part, it takes its own parts one after the other.
    """
    if getattr(_here, "in_a_part", False):
        return list(map(function, *arguments))
    with _turn, _blas.limit(limits=1):
        parts = list(zip(*arguments, strict=True))
        allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
        places = [{core} for core in sorted(allowed)] if len(allowed) == len(parts) else [allowed] * len(parts)
        futures = [_threads.submit(_part, function, *given, allowed) for given in zip(parts, places, strict=True)]
        try:
            return [future.result() for future in futures]
        finally:
            _end(futures)


def _part(function: Callable[..., Any], items: tuple[Any, ...], place: set[int], allowed: set[int]) -> Any:
    """Do a part, on the cores of `place`.

    When threads wake each other after a pause, Linux often puts two of them on one core and leaves another idle for tens of
    milliseconds. Where there is a part for every core, each gets its own. Where there are fewer, the system knows
    better: some cores are halves of one.
    """
    _here.in_a_part = True
    if place == allowed:
        return function(*items)
    _keep_on(place)
    try:
        return function(*items)
    finally:
        if os.sched_getaffinity(0) == place:  # and nobody has moved it since
            _keep_on(allowed)


def _keep_on(cores: set[int]) -> None:
    """Keep this thread on some cores, if the system lets us: it is only for speed."""
    with suppress(OSError):
        os.sched_setaffinity(0, cores)


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
