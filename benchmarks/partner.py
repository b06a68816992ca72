"""The composing partner: how long it lets you wait, and whether it does what it was asked.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/partner.py

The wait is that from the end of a phrase of four bars, played with the metronome, to ranked suggestions with their originality:
the phrase is brought to the grid, 48 candidates are drawn, and the best are looked up among all tunes of the training split. It
is measured on one core, for a first phrase and for one in a duet of 24 bars.

What it does is measured on phrases that are the beginnings of held-out tunes; the yardstick is how these tunes go on themselves.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before NumPy is loaded

import time  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from statistics import median  # noqa: E402

import numpy as np  # noqa: E402
from table import at_least, at_most, row  # noqa: E402

from musiclab.bundle import load_bundle  # noqa: E402
from musiclab.evaluation import bootstrap_means  # noqa: E402
from musiclab.evaluation.copying import CopyIndex  # noqa: E402
from musiclab.partner import (  # noqa: E402
    Draft,
    Suggestion,
    answer,
    as_phrase,
    continue_phrase,
    ending,
    key_name,
    share_in_key,
    tonic_of,
)
from musiclab.score import Score  # noqa: E402

TIMES, TUNES = 50, 100


def phrases(tunes: Sequence[Score], count: int) -> list[tuple[Score, Score]]:
    """Return the first four bars of tunes of eight bars or more, and the four that follow: pairs of scores."""
    pairs = []
    for tune in tunes:
        bar = tune.bar_length
        first, rest = tune.slice(0, 4 * bar), tune.slice(4 * bar, 8 * bar)
        if tune.duration >= 7 * bar and len(first) and len(rest) and rest.notes["onset"][0] < bar:
            pairs.append((first, rest))
    return [pairs[k] for k in np.random.default_rng(0).permutation(len(pairs))[:count]]


def played(score: Score) -> list[tuple[float, float, int, int]]:
    """Play a phrase a little unevenly: seconds down and up, pitch, velocity."""
    second, late = 60 / score.tempo, np.random.default_rng(0).normal(0, 0.01, len(score))
    onsets = np.maximum(score.notes["onset"] * second + late, 0)
    lengths = np.maximum(score.notes["duration"] * second * 0.85, 0.02)
    return [(float(on), float(on + d), p, 80) for on, d, p in zip(onsets, lengths, score.notes["pitch"].tolist(), strict=True)]


def waits(
    pairs: Sequence[tuple[Score, Score]], respond: Callable[[Draft, Score], Sequence[Suggestion]], before: int
) -> tuple[list[float], list[float]]:
    """Return the seconds from the end of each phrase to its suggestions, after so many phrases of the same tune.

    Twice: of the clock, and of the processor, which other programs on the machine do not lengthen.
    """
    clock, processor = [], []
    for phrase, rest in pairs:
        draft, notes = Draft(), played(phrase)
        for number in range(before):
            draft = draft.add((phrase, rest)[number % 2])
        started = time.perf_counter(), time.process_time()
        score = as_phrase(notes, phrase.tempo, time_signature=phrase.time_signature).score
        respond(draft.add(score), score)
        clock.append(time.perf_counter() - started[0])
        processor.append(time.process_time() - started[1])
    return clock, processor


def mean(values: Sequence[float], form: str = ".1f") -> str:
    """Return the mean with its 95 % interval over the phrases."""
    low, high = np.percentile(bootstrap_means(np.asarray(values, dtype=float)), [2.5, 97.5])
    return f"{np.mean(values):{form}} ({low:{form}} to {high:{form}})"


def main() -> None:
    """Print the figures."""
    from musiclab.splits import melody_sides

    melody = load_bundle("melody")
    sides = melody_sides(melody.encoding)
    started = time.perf_counter()
    index = CopyIndex(sides["train"])
    row(f"making the index of {len(sides['train']):,} tunes, once", f"{time.perf_counter() - started:.1f} s")

    pairs = phrases(sides["test"], TUNES)
    quick = pairs[:TIMES]

    def respond(draft: Draft, phrase: Score) -> list[Suggestion]:
        return answer(melody, draft.score, draft.score.duration - phrase.duration, index=index, seed=0)

    waits(quick[:3], respond, 0)
    for before, what in ((0, "a first phrase of 4 bars"), (5, "a phrase of 4 bars, after 20 others")):
        clock, processor = waits(quick, respond, before)
        name = f"from the end of {what} to its ranked answers, one core: median and worst of {len(clock)}"
        row(name, f"{median(clock):.3f}, {max(clock):.3f} s", **at_most(0.3, max(clock), " s"), front=True)
        row(f"{name}, seconds of the processor", f"{median(processor):.3f}, {max(processor):.3f} s")

    real: dict[str, list[float]] = {"in key": [], "interval": [], "tonic": [], "copy": []}
    ours: dict[str, list[float]] = {name: [] for name in (*real, "asked", "answered", "found")}
    for phrase, rest in pairs:
        key, last = key_name(phrase), int(phrase.notes["pitch"][-1])
        goes_on = continue_phrase(melody, phrase, 4, index=index, seed=0)
        ends, answers = (request(melody, phrase, index=index, seed=0) for request in (ending, answer))
        for name, scores in ((real, [rest]), (ours, [s.new for s in goes_on])):
            name["in key"].append(100 * np.mean([share_in_key(score, key) for score in scores]))
            name["interval"].append(np.mean([abs(int(score.notes["pitch"][0]) - last) for score in scores]))
            name["tonic"].append(100 * np.mean([score.notes["pitch"][-1] % 12 == tonic_of(key) for score in scores]))
            name["copy"].append(np.mean([index.longest(score).chords for score in scores]))
        ours["found"].append(100 * bool(ends))
        ours["asked"] += [100 * np.mean([s.new.notes["pitch"][-1] % 12 == tonic_of(key) for s in ends])] if ends else []
        ours["answered"].append(100 * bool(answers))
    about = f"{len(pairs)} phrases from held-out tunes"
    row(f"{about}: notes of the tunes' own next 4 bars in the phrase's key", f"{mean(real['in key'])} %")
    bar = at_least(np.mean(real["in key"]) - 2, np.mean(ours["in key"]))
    bar["wanted"] = "at most 2 less"
    row(f"{about}: notes of 4 suggested bars in the phrase's key", f"{mean(ours['in key'])} %", **bar)
    row(f"{about}: from their last note to the tunes' next one", f"{mean(real['interval'])} semitones")
    row(f"{about}: from their last note to the first suggested one", f"{mean(ours['interval'])} semitones")
    row(f"{about}: tunes that are on the tonic 4 bars later", f"{mean(real['tonic'], '.0f')} %")
    row(f"{about}: suggestions that are on the tonic 4 bars later, no end asked for", f"{mean(ours['tonic'], '.0f')} %")
    row(f"{about}: suggestions on the tonic where an end is asked for", f"{mean(ours['asked'], '.0f')} %")
    row(f"{about}: those for which an end is found", f"{np.mean(ours['found']):.0f} %")
    row(f"{about}: those for which an answer on the tonic is found", f"{np.mean(ours['answered']):.0f} %")
    row(f"{about}: longest run that the tunes' own next 4 bars share with the training tunes", f"{mean(real['copy'])} notes")
    row(f"{about}: longest run that 4 suggested bars share with them", f"{mean(ours['copy'])} notes")


if __name__ == "__main__":
    main()
