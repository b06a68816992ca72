"""Does fine-tuning learn a style without forgetting the old one?: ``python benchmarks/fine_tuning.py``.

The melody bundle is moved towards the course's blues tunes, with the settings that `own.fine_tune` has by itself. Each seed is
another split into tunes to learn from, to decide by and to test on. Both kinds are measured on test pieces alone: the blues that
were held out, and all old tunes that the bundle has never seen; the ends of pieces do not count. The standard error is that of
drawing other test pieces of the same kind. ``fine_tuning.md`` has the figures, and what was tried.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Sequence

import numpy as np

from musiclab.bundle import DATA, Bundle, load_bundle
from musiclab.corpus import load_folder
from musiclab.evaluation import hear
from musiclab.own import fine_tune, share_out
from musiclab.score import Score
from musiclab.splits import old_sides


def nats(bundle: Bundle, scores: Sequence[Score]) -> np.ndarray:
    """Return the surprise of each piece, summed over its steps, and its steps: float array (pieces, 2)."""
    return np.array([(heard.nats.sum(), heard.nats.size) for heard in hear(bundle, scores)])


def change(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """Return by how many percent the mean surprise at a step changed, and the standard error of that (bootstrap over pieces)."""
    drawn = np.random.default_rng(0).integers(0, len(before), (2000, len(before)))
    drawn[0] = np.arange(len(before))
    changes = 100 * (after[drawn, 0].sum(axis=1) / before[drawn, 0].sum(axis=1) - 1)
    return changes[0], changes[1:].std()


def main() -> None:
    """Fine-tune with each seed and print the table."""
    parser = argparse.ArgumentParser(description="Measure what fine-tuning learns and what it forgets.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[5, 6, 7, 8, 9])
    melody, blues = load_bundle("melody"), load_folder(DATA / "tunes/blues", progress=False)
    old = old_sides(melody)
    old_before = nats(melody, old["test"])
    print(f"The old kind: {len(old['test'])} test pieces, {old_before[:, 1].sum():.0f} steps.\n")
    print("| seed | yours, % (pieces) | old, % | way gone | epochs | processor, s |\n|---|---|---|---|---|---|", flush=True)
    found = []
    for seed in parser.parse_args().seeds:
        yours = share_out(blues, seed)["test"]
        started = time.process_time()
        with contextlib.redirect_stdout(sys.stderr):  # the line that training prints for each epoch
            mine = fine_tune(melody, blues, "mine", seed=seed, progress=False)
        seconds = time.process_time() - started
        (new, new_error), (kept, kept_error) = (
            change(nats(melody, yours), nats(mine, yours)),
            change(old_before, nats(mine, old["test"])),
        )
        found.append((new, kept))
        told = mine.card["training"]
        print(
            f"| {seed} | {new:+.1f} ± {new_error:.1f} ({len(yours)}) | {kept:+.1f} ± {kept_error:.1f} | {told['way gone']}"
            f" | {told['epochs']} | {seconds:.0f} |",
            flush=True,
        )
    for name, values in zip(("yours", "old"), np.array(found).T, strict=True):
        print(f"\n{name}: mean {values.mean():+.1f} %, from {values.min():+.1f} to {values.max():+.1f}")


if __name__ == "__main__":
    main()
