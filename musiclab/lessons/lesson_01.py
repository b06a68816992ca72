"""The exercises of lesson 01, Background."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np

from musiclab.exercises import Exercise, Mistake, Wrong, expect, same
from musiclab.score import Score


def _chance(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    throws = [one + two for one, two in product(range(1, 7), repeat=2)]
    same(answer(2), 1 / 36)
    yield "a 2 comes in one of 36 throws"
    for total in rng.permutation(np.arange(2, 13)).tolist():
        same(answer(total), throws.count(total) / 36)
    yield "right for every total from 2 to 12"
    for total in (0, 1, 13, int(rng.integers(14, 100)), -int(rng.integers(1, 50))):
        same(answer(total), 0)
    yield "0 for a total that two dice cannot show"


def _counted(lines: list[list]) -> dict:
    followers = defaultdict(list)
    for line in lines:
        for item, following in pairwise(line):
            followers[item].append(following)
    return dict(followers)


def _surprise(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    same(answer(["A", "B", "A"], {"A": ["B"], "B": ["A", "A"]}), 0.0)
    yield "no surprise where there was no choice"
    got = answer(["A", "B"], {"A": ["B", "C", "C", "C"]})
    by_items = isinstance(got, float) and math.isclose(got, math.log(4) / 2)
    expect(not by_items, 'for ["A", "B"] it divided by 2 items. There is one step fewer than items: divide by the steps.')
    same(got, math.log(4))
    yield "ln 4 for a chance of one in four"
    for _ in range(10):
        notes = [(int(p), 0.5) for p in rng.integers(60, 64, 40)]
        followers = _counted([notes])
        steps = list(pairwise(notes[: int(rng.integers(3, 40))]))
        line = [steps[0][0], *(after for _, after in steps)]
        wanted = -np.mean([math.log(followers[a].count(b) / len(followers[a])) for a, b in steps])
        same(answer(list(line), {item: list(choices) for item, choices in followers.items()}), float(wanted))
    yield "the mean over the steps of a melody"
    same(answer(["A", "B", "C"], {"A": ["B"], "B": ["A"]}), math.inf)
    yield "infinite for a step that never occurred"
    same(answer(["A", "B", "C"], {"A": ["B"]}), math.inf)
    yield "and for one that follows an item which was never seen"


@dataclass(frozen=True)
class _Slope:
    """The slope of a valley, which a message shows as a student could type it."""

    steepness: float
    bottom: float = 0.0

    def __call__(self, x: float) -> float:
        return self.steepness * (x - self.bottom)

    def __repr__(self) -> str:
        place = f"(x {'-' if self.bottom > 0 else '+'} {abs(self.bottom):.6g})" if self.bottom else "x"
        return f"lambda x: {self.steepness:.6g} * {place}"


def _descend(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    start, rate = float(rng.uniform(1, 5)), float(rng.uniform(0.05, 0.3))
    same(answer(_Slope(2), start, rate, 1), start - rate * 2 * start)
    yield "one step, against the slope"
    same(answer(_Slope(2), start, rate, 0), start)
    yield "no step, no change"
    for _ in range(5):
        bottom, steepness, steps = float(rng.uniform(-5, 5)), float(rng.uniform(0.5, 2)), int(rng.integers(2, 30))
        wanted = bottom + (start - bottom) * (1 - rate * steepness) ** steps  # what the steps come to, in one formula
        same(answer(_Slope(steepness, bottom), start, rate, steps), wanted)
    yield "many steps, with the slope of the place where it is"
    asked: list[float] = []
    answer(lambda x: asked.append(x) or 1.0, 0.0, 1.0, 7)
    same(len(asked), 7, "over 7 steps, the number of times that the slope was asked for")
    yield "asks for the slope once a step"


def _my_game(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def tune(bars: int, meter: tuple[int, int]) -> Score:
        """Make up a tune in eighths; no bar occurs twice in all the tunes."""
        steps = round(bars * 8 * meter[0] / meter[1])
        return Score([(i / 2, 0.5, int(p)) for i, p in enumerate(rng.integers(48, 85, steps))], time_signature=meter)

    def bars_of(score: Score, count: int) -> list[list[tuple[Any, ...]]]:
        cut = [score.slice(n * score.bar_length, (n + 1) * score.bar_length) for n in range(count)]
        return [[tuple(note)[:3] for note in bar.notes.tolist()] for bar in cut]

    def play(tunes: list[Score], seed: int) -> Score:
        got = answer(list(tunes), np.random.default_rng(seed))
        if not isinstance(got, Score):
            raise Wrong(f"it returned {type(got).__name__}, not a Score. Score(list of (onset, duration, pitch)) makes one.")
        return got

    pools = [[tune(int(rng.integers(8, 13)), meter) for _ in range(12)] for meter in ((4, 4), (3, 4), (6, 8))]
    results = []
    for tunes in pools:
        got = play(tunes, int(rng.integers(1000)))
        meter, wanted = ("{}/{}".format(*score.time_signature) for score in (got, tunes[0]))
        expect(meter == wanted, f"of tunes in {wanted} it made one in {meter}. Score takes time_signature=.")
        bars = got.duration / got.bar_length
        piled = len(got) > 0 and got.notes["onset"].max() < got.bar_length
        why = " All its notes begin in bar 1: move those of each bar to where that bar begins." if piled else ""
        made = f"{bars:g} bar{'s' if abs(bars - 1) > 1e-6 else ''}"
        expect(abs(bars - 8) < 1e-6, f"of tunes in {meter} it made {made}, and it should be 8.{why}")
        results.append(got)
    yield "eight bars, in the metre of the tunes"
    for tunes, got in zip(pools, results, strict=True):
        sources = [bars_of(one, 8) for one in tunes]
        for n, bar in enumerate(bars_of(got, 8)):
            from_here = any(source[n] == bar for source in sources)
            expect(from_here, f"bar {n + 1} is bar {n + 1} of none of the tunes.")
    yield "each bar stands at its own place in one of the tunes"
    tunes = pools[0]
    expect(play(tunes, 1) == play(tunes, 1), "with the same rng it made two different pieces. Draw from `rng` alone.")
    yield "the same rng gives the same piece"
    different = {play(tunes, seed) for seed in range(12)}
    expect(len(different) > 1, "twelve different rng gave the same piece each time. Let chance have a part in it.")
    yield "another rng gives another piece"
    sources = [bars_of(one, 8) for one in tunes]
    from_one = [any(source == bars_of(piece, 8) for source in sources) for piece in different]
    expect(not all(from_one), "all eight bars come from one tune. Choose for each bar anew.")
    yield "the bars come from several tunes"


def _whole_tune(tunes: list[Score], rng: np.random.Generator) -> Score:
    one = tunes[rng.integers(len(tunes))]
    return one.slice(0, 8 * one.bar_length)


def _glue(pieces: list[Score], like: Score) -> Score:
    rows = [
        (n * like.bar_length + o, d, p) for n, bar in enumerate(pieces) for o, d, p in bar.notes[["onset", "duration", "pitch"]]
    ]
    return Score(rows, time_signature=like.time_signature)


def _piled_up(tunes: list[Score], rng: np.random.Generator) -> Score:
    size, rows = tunes[0].bar_length, []
    for n in range(8):
        bar = tunes[rng.integers(len(tunes))].slice(n * size, (n + 1) * size)
        rows += [tuple(note)[:3] for note in bar.notes.tolist()]
    return Score(rows, time_signature=tunes[0].time_signature)


def _any_bar(tunes: list[Score], rng: np.random.Generator) -> Score:
    size = tunes[0].bar_length
    bars = []
    for _ in range(8):
        n = int(rng.integers(8))
        bars.append(tunes[rng.integers(len(tunes))].slice(n * size, (n + 1) * size))
    return _glue(bars, tunes[0])


def _no_chance(tunes: list[Score], rng: np.random.Generator) -> Score:
    size = tunes[0].bar_length
    return _glue([tunes[n].slice(n * size, (n + 1) * size) for n in range(8)], tunes[0])


def _forgets_the_step(line: list, followers: dict) -> float:
    return float(-np.mean([math.log(followers[a].count(b) / len(followers)) for a, b in pairwise(line)]))


def _sum_of_surprise(line: list, followers: dict) -> float:
    return -sum(math.log(followers[a].count(b) / len(followers[a])) for a, b in pairwise(line))


def _mean_over_items(line: list, followers: dict) -> float:
    return _sum_of_surprise(line, followers) / len(line)


def _breaks_on_new(line: list, followers: dict) -> float:
    return float(np.mean([-math.log(followers[a].count(b) / len(followers[a])) for a, b in pairwise(line)]))


def _uphill(slope: Callable, start: float, rate: float, steps: int) -> float:
    for _ in range(steps):
        start = start + rate * slope(start)
    return start


def _first_slope_only(slope: Callable, start: float, rate: float, steps: int) -> float:
    return start - steps * rate * slope(start)


EXERCISES = [
    Exercise(
        id="1.1",
        title="Loaded by nature",
        name="chance",
        hints=(
            "There are 6 · 6 = 36 throws, all equally likely. How many of them show a 2, a 3, a 7?",
            "Go through the throws with two loops, one for each die, and count those whose sum is `total`.",
            "ways = sum(one + two == total for one in range(1, 7) for two in range(1, 7)); the rest is a division.",
        ),
        test=_chance,
        mistakes=(
            Mistake(lambda total: 1 / 11, "it should be 0.0277778"),
            Mistake(lambda total: 6 - abs(total - 7), "it should be 0.0277778"),
            Mistake(lambda total: (6 - abs(total - 7)) / 36, "it should be 0"),
            Mistake(lambda total: (total - 1) / 36, "it should be"),
        ),
    ),
    Exercise(
        id="1.2",
        title="How surprised?",
        name="surprise",
        hints=(
            "`pairwise(line)` gives each item with the one that follows it; `followers[item]` is a list, and lists have `count`.",
            "p = followers[a].count(b) / len(followers[a]), and the surprise at this step is -np.log(p). Return the mean "
            "over the steps: a line has one step fewer than items.",
            "If p is 0, or if a is not in followers at all, return float('inf'). For such an a `followers.get(a, [])` is empty.",
        ),
        test=_surprise,
        mistakes=(
            Mistake(_forgets_the_step, "should be"),
            Mistake(_sum_of_surprise, "it should be"),
            Mistake(_mean_over_items, "divide by the steps"),
            Mistake(_breaks_on_new, "ValueError"),
            Mistake(lambda line, followers: math.inf, "is inf, it should be 0"),
        ),
    ),
    Exercise(
        id="1.3",
        title="Downhill",
        name="descend",
        hints=(
            "Keep the place in a variable `x`, which begins at `start`. A loop runs `steps` times.",
            "In the loop: x = x - rate * slope(x). After it: return x.",
        ),
        test=_descend,
        mistakes=(
            Mistake(_uphill, "(lambda x: 2 * x,"),
            Mistake(_first_slope_only, "it should be"),
            Mistake(lambda slope, start, rate, steps: start - rate * slope(start), "it should be"),
        ),
    ),
    Exercise(
        id="1.4",
        title="Your own dice game",
        name="my_game",
        hints=(
            "For each n from 0 to 7 choose a tune. With size = tune.bar_length, its bar is tune.slice(n * size, (n + 1) * size).",
            "A cut begins at onset 0. Move its notes to where bar n begins, by adding n * tune.bar_length to each onset.",
            "Collect rows (onset, duration, pitch) of all bars; then Score(rows, time_signature=tunes[0].time_signature).",
        ),
        test=_my_game,
        mistakes=(
            Mistake(lambda tunes, rng: tunes[rng.integers(len(tunes))], "it should be 8"),
            Mistake(lambda tunes, rng: [tune.slice(0, 4) for tune in tunes[:8]], "it returned list, not a Score"),
            Mistake(_piled_up, "1 bar, and it should be 8. All its notes begin in bar 1"),
            Mistake(_any_bar, "of none of the tunes"),
            Mistake(_no_chance, "the same piece each time"),
            Mistake(_whole_tune, "all eight bars come from one tune"),
        ),
    ),
]
