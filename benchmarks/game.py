"""Game music: does it follow what is wanted, how fast is it written, and is it ever late?

    python benchmarks game

All of it on one core. The music follows if the order of what was wanted is the order of what is measured in it: 96 pieces of 8
bars, each with four levels drawn at random, for three seeds. The ten minutes change their scene at random bars, and now
and then take back a bar, as the widget does when a scene changes. Writing a bar and playing it must together be quicker than
the bar before it sounds, or the music stops.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before NumPy is loaded

import time  # noqa: E402

import numpy as np  # noqa: E402
from table import at_least, at_most, row, spread  # noqa: E402

from musiclab.bundle import load_bundle  # noqa: E402
from musiclab.character import NAMES  # noqa: E402
from musiclab.game import BAR, SCENES, Stream, Tape, followed, loop, rank_correlation  # noqa: E402
from musiclab.show.sound import RATE  # noqa: E402

MINUTES = 10


def main() -> None:
    bundle = load_bundle("scenes")
    answers = [followed(bundle, seed=seed) for seed in range(3)]
    for name in NAMES:
        found = [rank_correlation(*answer[name]) for answer in answers]
        row(f"{name}: rank correlation of what was wanted and what came", spread(found), **at_least(0.8, float(np.median(found))))
    unasked = followed(bundle, firmness=0, tries=1)
    largest = max((abs(rank_correlation(*pair)), name) for name, pair in unasked.items())
    row("the same, if the model is not told: the largest", f"{largest[0]:.2f} ({largest[1]})")
    told = followed(bundle, firmness=1, tries=1)
    row("the same, told alone", ", ".join(f"{name} {rank_correlation(*pair):.2f}" for name, pair in told.items()))

    chance = np.random.default_rng(0)
    names = list(SCENES)
    stream, tape = Stream(bundle, SCENES["explore"], seed=0), Tape()
    music = length = work = late = latest = 0.0
    sounds_for = float("inf")  # seconds that the bar before lasts
    while music < 60 * MINUTES:
        started = time.process_time()
        if music and chance.random() < 0.2:  # another scene while a bar waits: it is taken back, late in the bar that sounds
            stream.scene = SCENES[names[chance.integers(len(names))]]
            stream.take_back()
            music -= length
            sounds_for = max(0.15, chance.random() * sounds_for)
        bar = stream.next_bar()
        length = len(tape.play(bar.score)) / RATE
        took = time.process_time() - started
        late += took > sounds_for
        latest = max(latest, took / sounds_for)
        sounds_for = BAR * 60 / bar.scene.tempo
        music, work = music + length, work + took
    ratio = music / work
    row(f"{MINUTES} minutes written and played: times as fast as it sounds", f"{ratio:.0f}", **at_least(20, ratio), front=True)
    row(f"{MINUTES} minutes: bars that came too late", f"{late:.0f}", **at_most(0, late))
    row("the slowest bar, of the time that is left while the one before it sounds", f"{100 * latest:.0f} %")
    started = time.process_time()
    loop(bundle, SCENES["victory"], 8, seed=0)
    row("a loop of 8 bars", f"{time.process_time() - started:.1f} s")


if __name__ == "__main__":
    main()
