"""Growth: how time and memory grow with the corpus, the piece, the batch and the units.

    python benchmarks/growth.py

Whatever the course does with music should take ten times as long for ten times as much of it, and ten times the memory,
but not more. Each case is measured at several sizes, and its exponent taken between the two largest: work that grows
tenfold and takes time 10^1.0 has grown as it should, 10^2.0 would be quadratic. The curves go to docs/growth.png.

Every size runs in a process of its own. Its memory is the peak of that process, less the peak after its imports and a
call at the smallest size (which loads what is loaded late); the music that the case works on is part of it. Its time is
the median of several calls, in turns with calls at the next smaller size, so that a busy machine disturbs both alike. The
music is made up.
"""

from __future__ import annotations

import importlib
import math
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from table import at_most, row, spread
from tqdm import tqdm

from musiclab.baselines import Markov
from musiclab.bundle import load_bundle
from musiclab.corpus import MELODY_CORPORA, load_corpus, load_folder
from musiclab.dataset import Batches, encode_pieces, split_pieces, suits_a_melody_model
from musiclab.encoding import END, GridEncoding
from musiclab.files import read_score, write_midi
from musiclab.generation import sample_tokens
from musiclab.score import NOTE, Score

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "growth.png"
GRID = GridEncoding()
FASTER = 1.1  # the exponent that is wanted at most
LEAST = 8.0  # MiB: below it, what a process had freed before is part of the answer

Call = Callable[[], Any]


# --- made-up music -----------------------------------------------------------------------------------


def phrase(steps: int, rng: np.random.Generator) -> np.ndarray:
    """Walk at random over a scale, for so many sixteenths: NOTE array (n,)."""
    lengths = rng.choice([1, 2, 2, 2, 4, 4], size=steps)
    starts = np.cumsum(lengths) - lengths
    starts = starts[starts < steps]
    degrees = np.cumsum(rng.choice([-2, -1, -1, 0, 1, 1, 2], size=len(starts))) + rng.integers(14)
    degrees = np.abs((degrees + 14) % 28 - 14)  # turned back at both ends of two octaves
    notes = np.zeros(len(starts), NOTE)
    notes["onset"], notes["duration"] = starts / 4, np.diff(starts, append=steps) / 4
    notes["pitch"] = 60 + 12 * (degrees // 7) + np.array([0, 2, 4, 5, 7, 9, 11])[degrees % 7]
    notes["velocity"] = 80
    return notes


def corpus(pieces: int) -> list[Score]:
    """Make tunes of 8 to 32 bars, from phrases of four that come again; every tenth is a variant of an earlier one."""
    rng = np.random.default_rng(0)
    scores: list[Score] = []
    for number in range(pieces):
        if number % 10 == 9:
            notes = scores[rng.integers(number)].notes.copy()
            notes["pitch"][rng.integers(len(notes), size=2)] += 1
            notes["pitch"] += rng.integers(6, dtype=np.uint8)
        else:
            count = int(rng.integers(2, 9))
            phrases = [phrase(64, rng) for _ in range(-(-count // 2))]
            parts = [phrases[k].copy() for k in rng.integers(len(phrases), size=count)]
            for place, part in enumerate(parts):
                part["onset"] += 16.0 * place
            notes = np.concatenate(parts)
        scores.append(Score(notes, title=f"Tune {number}"))
    return scores


def piece(steps: int) -> Score:
    """Make one tune of so many sixteenths."""
    return Score(phrase(steps, np.random.default_rng(0)))


# --- the cases: from a size and a folder to the work, and the call that does it -----------------------


def encoding_a_corpus(pieces: int, _: Path) -> tuple[float, Call]:
    scores = corpus(pieces)
    return sum(map(len, scores)), lambda: encode_pieces(scores, GRID)


def sorting(count: float) -> float:
    """Return the work of sorting so many things."""
    return count * math.log2(count)


def splitting(pieces: int, _: Path) -> tuple[float, Call]:
    scores = corpus(pieces)
    return sorting(sum(map(len, scores))), lambda: split_pieces(scores, valid=0.1, test=0.1)


def making_batches(pieces: int, _: Path) -> tuple[float, Call]:
    encoded = encode_pieces(corpus(pieces), GRID)
    return sum(len(p.tokens) for p in encoded), lambda: Batches(encoded, GRID, semitones=(-6, 5))


def an_epoch(pieces: int, folder: Path) -> tuple[float, Call]:
    work, make = making_batches(pieces, folder)
    batches = make()
    return work, lambda: sum(1 for _ in batches.epoch(0))


def counting(pieces: int, _: Path) -> tuple[float, Call]:
    encoded = encode_pieces(corpus(pieces), GRID)
    rows = [(GRID.inputs(p.tokens, p.time_signature), np.append(p.tokens, END)) for p in encoded]
    return sorting(sum(len(targets) for _, targets in rows)), lambda: Markov(GRID.size, 4, (1, 2)).fit(rows)


def fill_the_cache(pieces: int, folder: Path) -> None:
    """Write a corpus as MIDI files and read it for the first time, for `loading`."""
    os.environ["MUSICLAB_CACHE"] = str(folder / "cache")
    home = folder / str(pieces)
    home.mkdir()
    for number, score in enumerate(corpus(pieces)):
        write_midi(score, home / f"{number:05}.mid")
    load_folder(home, jobs=1, progress=False)  # no more processes: they would keep this one from ending


def loading(pieces: int, folder: Path) -> tuple[float, Call]:
    os.environ["MUSICLAB_CACHE"] = str(folder / "cache")
    home = folder / str(pieces)
    return sum(map(len, load_folder(home, progress=False))), lambda: list(load_folder(home, progress=False))


def encoding_a_piece(steps: int, _: Path) -> tuple[float, Call]:
    score = piece(steps)
    return steps, lambda: GRID.encode(score)


def decoding(steps: int, _: Path) -> tuple[float, Call]:
    tokens = GRID.encode(piece(steps))
    return steps, lambda: GRID.decode(tokens)


def writing(steps: int, folder: Path) -> tuple[float, Call]:
    score = piece(steps)
    return steps, lambda: write_midi(score, folder / f"{steps}.mid", overwrite=True)


def reading(steps: int, folder: Path) -> tuple[float, Call]:
    path = write_midi(piece(steps), folder / f"{steps}.mid", overwrite=True)
    return steps, lambda: read_score(path)


def drawing(steps: int, _: Path) -> tuple[float, Call]:
    from musiclab import show

    score = piece(steps)
    return steps, lambda: show.piano_roll(score).png


def playing(steps: int, _: Path) -> tuple[float, Call]:
    from musiclab import show

    score = piece(steps)
    return steps, lambda: show.sound(score)


def rendering(steps: int, _: Path) -> tuple[float, Call]:
    from musiclab.show.sound import render

    score = piece(steps)
    return steps, lambda: render(score)


def scoring(steps: int, _: Path) -> tuple[float, Call]:
    stream = load_bundle("melody").stream()
    inputs = GRID.inputs(GRID.encode(piece(steps)), (4, 4))
    return steps, lambda: stream.log_probabilities(inputs)


def sampling(steps: int, _: Path) -> tuple[float, Call]:
    stream = load_bundle("melody").stream()
    return steps, lambda: sum(1 for _ in sample_tokens(stream, GRID, steps / 4, stop=False, seed=0))


def training_step(batch: int, steps: int, units: int, inputs: int = 64) -> tuple[float, Call]:
    """One step of gradient descent of one layer. The work is in FLOPs: two a weight and step forwards, four backwards."""
    from musiclab.backend import keras
    from musiclab.layers import FastLSTM

    model = keras.Sequential([keras.Input((None, inputs)), FastLSTM(units, return_sequences=True)])
    model.compile(optimizer="sgd", loss="mse")
    rng = np.random.default_rng(0)
    xs, ys = (rng.random((batch, steps, width), dtype=np.float32) for width in (inputs, units))
    return 6.0 * batch * steps * 4 * units * (inputs + units), lambda: float(model.train_on_batch(xs, ys))


def training_by_length(steps: int, _: Path) -> tuple[float, Call]:
    _, call = training_step(1, steps, 64)
    return steps, call


def training_by_batch(batch: int, _: Path) -> tuple[float, Call]:
    return training_step(batch, 128, 256)


def training_by_units(units: int, _: Path) -> tuple[float, Call]:
    return training_step(32, 128, units)


def multiplying(units: int, _: Path) -> tuple[float, Call]:
    """The 128 products with h alone, on one core: what NumPy makes of matrices of these sizes."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    rng = np.random.default_rng(0)
    weights, h = rng.random((4 * units, units), dtype=np.float32), rng.random((units, 32), dtype=np.float32)
    out = np.empty((4 * units, 32), dtype=np.float32)
    return 2.0 * 128 * 4 * units * units * 32, lambda: [np.matmul(weights, h, out=out) for _ in range(128)]


@dataclass(frozen=True)
class Case:
    """What is measured, at which sizes, and in which row of the picture it is drawn."""

    name: str
    prepare: Callable[[int, Path], tuple[float, Call]]
    sizes: tuple[int, ...]
    place: int
    needs: str = "musiclab"  # the module to import beforehand
    clock: Callable[[], float] = time.process_time  # what else the machine does counts little
    note: str = ""
    ours: bool = True  # otherwise it shows what the machine does: there is nothing to reach, and it is not drawn


PIECES, STEPS, UNITS = (10, 100, 1_000, 10_000), (100, 1_000, 10_000, 100_000), (32, 64, 128, 256, 512, 1_024)
SORTS = "it sorts, so the work is n log n"
CACHE = "compare np.matmul: large weights do not fit into a cache"
LIMITED = "it plays the first 48 s: all of 100 steps, and no more of 100,000 than of 1,000"
CASES = (
    Case("encode_pieces", encoding_a_corpus, PIECES, 0),
    Case("split_pieces", splitting, PIECES, 0, note=SORTS),
    Case("making Batches", making_batches, PIECES, 0),
    Case("an epoch of Batches", an_epoch, PIECES, 0),
    Case("Markov.fit, order 4", counting, PIECES, 0, note=SORTS),
    Case("load_folder, cached", loading, PIECES, 0, "symusic"),
    Case("encode", encoding_a_piece, STEPS, 1),
    Case("decode", decoding, STEPS, 1),
    Case("write_midi", writing, STEPS, 1, "symusic"),
    Case("read_score", reading, STEPS, 1, "symusic", time.perf_counter, "a process of its own parses; its memory is not counted"),
    Case("piano_roll", drawing, STEPS, 1, "musiclab.show"),
    Case("sound, at most 48 s", playing, STEPS, 1, "musiclab.show", note=LIMITED),
    Case("render", rendering, STEPS[:3], 1, "musiclab.show"),
    Case("Stream.log_probabilities", scoring, STEPS, 2),
    Case("sample_tokens", sampling, STEPS, 2),
    Case("a step of FastLSTM(64)", training_by_length, STEPS, 2, "musiclab.layers", time.perf_counter),
    Case("FastLSTM(256), batch 1 to 256", training_by_batch, (1, 4, 16, 64, 256), 3, "musiclab.layers", time.perf_counter),
    Case("FastLSTM(32 to 1,024), batch 32", training_by_units, UNITS, 3, "musiclab.layers", time.perf_counter, CACHE),
    Case("np.matmul of the same sizes", multiplying, UNITS, 3, ours=False),
)


# --- measuring, each time in a new process -------------------------------------------------------------


class Point(NamedTuple):
    """One size of one case."""

    work: float
    seconds: float
    ratio: float  # of the seconds to those of the next smaller size
    memory: float  # MiB


def peak() -> float:
    """Return the most memory that this process has held at once, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes or kibibytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def forget_peak() -> None:
    """Let the peak be what is held now, where the system can do that: importing takes more for a moment."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def measure(number: int, size: int, folder: Path) -> Point:
    """Measure a case at a size: the memory of the first call, and the time of those after it."""
    case = CASES[number]
    smaller = case.sizes[max(0, case.sizes.index(size) - 1)]
    importlib.import_module(case.needs)
    case.prepare(case.sizes[0], folder)[1]()
    forget_peak()
    before = peak()
    work, call = case.prepare(size, folder)
    call()
    memory = peak() - before
    _, other = case.prepare(smaller, folder)
    other()

    def seconds(call: Call) -> float:
        started = case.clock()
        call()
        return case.clock() - started

    rounds: list[tuple[float, float]] = []
    while len(rounds) < 3 or (len(rounds) < 15 and np.sum(rounds) < 1):
        rounds.append((seconds(call), seconds(other)))
    ours, others = np.array(rounds).T
    return Point(work, float(np.median(ours)), float(np.median(ours / others)), memory)


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a new process. This one stays small meanwhile: a child's peak begins at its parent's size."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def exponents(points: Sequence[Point]) -> dict[str, float]:
    """Return the exponents of growth between the two largest sizes, of time and, where it is enough to tell, of memory."""
    small, large = points[-2:]
    work = math.log(large.work / small.work)
    time_only = {"time": math.log(large.ratio) / work}
    return time_only if small.memory < LEAST else time_only | {"memory": math.log(large.memory / small.memory) / work}


def report(case: Case, points: Sequence[Point]) -> None:
    """Print the row of a case."""
    known = exponents(points)
    small, large = points[-2:]
    row(
        f"{case.name}, {case.sizes[-2]:,} to {case.sizes[-1]:,}: exponent of growth",
        f"{', '.join(f'{name} {value:.2f}' for name, value in known.items())}"
        f" ({small.seconds:.2g} to {large.seconds:.2g} s, {small.memory:.0f} to {large.memory:.0f} MiB)",
        **(at_most(FASTER, max(known.values())) if case.ours else {}),
        note=case.note,
    )


# --- what the batches cost ------------------------------------------------------------------------------


def report_batches() -> None:
    """Print how much of the melody model's batches is padding, and how long a batch takes beside its training step."""
    from musiclab.models import keras, stream_model

    scores = [score for name in MELODY_CORPORA for score in load_corpus(name) if suits_a_melody_model(score, GRID)]
    pieces = encode_pieces(scores, GRID)
    model = stream_model(GRID.input_sizes, GRID.size, embedding=64, units=(256,))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
    model.compile(optimizer=keras.optimizers.Adam(2e-3, clipnorm=1.0), loss=loss)
    for size in (32, 64):
        batches = Batches(pieces, GRID, batch_size=size, semitones=(-6, 5))
        real, all_steps = np.sum([(weights.sum(), weights.size) for *_, weights in batches.epoch(0)], axis=0)
        padding = 100 * (1 - real / all_steps)
        row(f"padding in batches of {size}, {len(pieces):,} tunes", f"{padding:.1f} %", **at_most(10, padding, " %"))
        shares, epoch = [], batches.epoch(0)
        for _ in tqdm(range(20), f"Training on batches of {size}", leave=False):
            started = time.perf_counter()
            inputs, targets, weights = next(epoch)
            made = time.perf_counter()
            float(model.train_on_batch(inputs, targets, sample_weight=weights))
            shares.append(100 * (made - started) / (time.perf_counter() - made))
        shares = shares[5:]  # the first ones compile
        what = f"making a batch of {size}, share of the time of training on it (256 units)"
        row(what, f"{spread(shares)} %", **at_most(3, float(np.median(shares)), " %"))


# --- the picture ----------------------------------------------------------------------------------------

# The title of each row of the picture, and what its x axis counts.
PLACES = (
    ("A corpus", "pieces"),
    ("One piece: in, out and shown", "steps (sixteenth notes)"),
    ("One piece: the models", "steps (sixteenth notes)"),
    ("A training step, 128 notes", "GFLOP"),
)
MARKERS = "os^DvPX*"


def in_seconds(value: float) -> str:
    """Write a power of ten as a time: 0.001 is "1 ms"."""
    units = {"s": 1, "ms": 1e3, "µs": 1e6, "ns": 1e9}
    unit = next((unit for unit, factor in units.items() if value * factor > 0.9), "ns")
    return f"{value * units[unit]:,g} {unit}"


def draw(results: Sequence[tuple[Case, Sequence[Point]]]) -> None:
    """Draw the curves, time at the left and memory at the right, and write them to docs/growth.png."""
    from matplotlib.figure import Figure
    from PIL import Image

    from musiclab.show.picture import COLOURS, INK

    figure = Figure(figsize=(10, 11.5), dpi=100, layout="constrained")
    axes = figure.subplots(len(PLACES), 2, sharex="row")
    for place, (title, unit) in enumerate(PLACES):
        left, right = axes[place]
        mine = [(case, points) for case, points in results if case.place == place and case.ours]
        for (case, points), colour, marker in zip(mine, COLOURS, MARKERS, strict=False):
            xs = [point.work / 1e9 for point in points] if unit == "GFLOP" else case.sizes
            style = {"color": colour, "marker": marker, "ms": 6, "mfc": "white", "mew": 1.5, "lw": 1.5, "label": case.name}
            left.plot(xs, [point.seconds for point in points], **style)
            # Less than a mebibyte is lost among what the process had freed before.
            right.plot(xs, [point.memory if point.memory >= 1 else math.nan for point in points], **style)
        for ax, of in ((left, "time"), (right, "memory")):
            ax.set(xscale="log", yscale="log")
            ax.set_title(f"{title}: {of}", loc="left", fontsize=11)
            ax.set_xlabel(unit, fontsize=9, color=INK)
            ax.tick_params(labelsize=9, colors=INK)
            ax.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
            ax.yaxis.set_major_formatter(lambda value, _, of=of: in_seconds(value) if of == "time" else f"{value:,g} MiB")
            ax.yaxis.set_minor_formatter("")  # without it an axis of less than two decades gets numbers in another style
            rule(ax)
        right.legend(loc="upper left", bbox_to_anchor=(1.0, 1.03), frameon=False, fontsize=9, labelcolor=INK)
    drawn = BytesIO()
    figure.savefig(drawn)
    # A palette of 64 colours: a third of the size, and no difference to see.
    Image.open(drawn).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(PICTURE, optimize=True)


def rule(axes: Any) -> None:
    """Draw dashed lines, a decade apart, along which time or memory would grow just as the work does."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    decades = range(math.floor(math.log10(low / right)), math.ceil(math.log10(high / left)) + 1)
    for decade in decades:
        label = "as the work grows" if decade == decades[-1] else None
        ends = [left * 10.0**decade, right * 10.0**decade]
        axes.plot([left, right], ends, color="#a0a0a0", lw=0.9, ls=(0, (5, 4)), zorder=0, label=label)
    axes.set(xlim=(left, right), ylim=(low, high))


def main() -> None:
    """Measure every case at every size, print the rows and draw the picture."""
    jobs = [(number, size) for number, case in enumerate(CASES) for size in case.sizes]
    points: dict[tuple[int, int], Point] = {}
    with tempfile.TemporaryDirectory() as name, tqdm(total=len(PIECES) + len(jobs), leave=False) as bar:
        for size in PIECES:
            bar.set_description(f"Reading {size} files")
            alone(fill_the_cache, size, Path(name))
            bar.update()
        for number, size in jobs:
            bar.set_description(f"{CASES[number].name}, {size}")
            points[number, size] = alone(measure, number, size, Path(name))
            bar.update()
    results = [(case, [points[number, size] for size in case.sizes]) for number, case in enumerate(CASES)]
    for case, of_case in results:
        report(case, of_case)
    report_batches()
    draw(results)


if __name__ == "__main__":
    main()
