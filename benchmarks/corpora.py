"""Corpora: reading on one core and on two, and loading from the cache.

    python benchmarks/corpora.py

Each measurement runs in a new process with an empty cache of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import numpy as np

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
    """Print the ratios."""
    for name in NAMES:
        runs = [(measure(name, 1), measure(name, 2)) for _ in range(ROUNDS)]
        one = np.array([one for (one, _), _ in runs])
        two = np.array([two for _, (two, _) in runs])
        cached = np.array([cached for pair in runs for _, cached in pair])
        print(
            f"{name}: read {np.median(one):.1f} s on one core; one core / two: {np.median(one / two):.2f} (bar: 1.6);"
            f" reading on two / cached: {np.median(two) / np.median(cached):.0f} (bar: 50); cached {np.median(cached):.3f} s"
        )


if __name__ == "__main__":
    main()
