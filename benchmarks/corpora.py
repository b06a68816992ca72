"""Corpora: reading on one core and on two, and loading from the cache.

    python benchmarks/corpora.py

Each measurement runs in a new process with an empty cache of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from statistics import median

from table import at_least, row, spread

ROUNDS = 3
NAMES = ("irish-tunes", "folk-songs", "bach-chorales")

# Reads every score of the corpus, so that nothing is left to be done later.
PROGRAM = """
import sys, time
from musiclab.corpus import load_corpus
def load():
    started = time.perf_counter()
    scores = list(load_corpus({name!r}, jobs={jobs}, progress=False))
    return time.perf_counter() - started
print(load(), load())
"""


def measure(name: str, jobs: int) -> tuple[float, float]:
    """Return the seconds of a first load, which reads the files, and of a second one, from the cache."""
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(name=name, jobs=jobs)],
            env=os.environ | {"MUSICLAB_CACHE": folder},
            capture_output=True,
            text=True,
            check=True,
        )
    first, second = map(float, result.stdout.split())
    return first, second


def main() -> None:
    """Print the ratios; each row has a figure for each corpus."""
    runs = {name: [(measure(name, 1), measure(name, 2)) for _ in range(ROUNDS)] for name in NAMES}
    cores = [[one / two for (one, _), (two, _) in rounds] for rounds in runs.values()]
    cache = [[two / cached for _, (two, cached) in rounds] for rounds in runs.values()]
    seconds = [[one for (one, _), _ in rounds] for rounds in runs.values()]
    what = f"reading a corpus ({', '.join(NAMES)})"
    row(f"{what} on one core", words(seconds, ".1f") + " s")
    row(f"{what}, one core / two", words(cores, ".2f"), **at_least(1.6, min(map(median, cores))), front=True)
    row(f"{what}, two cores / from the cache", words(cache, ".0f"), **at_least(50, min(map(median, cache))), front=True)


def words(figures: list[list[float]], form: str) -> str:
    """Put the spread of each corpus in a row."""
    return "; ".join(spread(figure, form) for figure in figures)


if __name__ == "__main__":
    main()
