"""The exercises of lesson 01, Background."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from numbers import Real
from typing import Any

import numpy as np

from musiclab.exercises import Exercise, Mistake, Wrong, describe, expect, same
from musiclab.score import Score


def _slipped(got: Any, wanted: float, slips: tuple[tuple[float, str], ...], what: str) -> None:
    """Stop with a typical slip's own words if that is what the answer is. Whatever else it is, `same` has to judge."""
    number = isinstance(got, Real) and not isinstance(got, bool) and abs(got) < 1e9
    for slip, why in slips:
        if number and math.isclose(got, slip) and not math.isclose(wanted, slip, abs_tol=1e-9):
            raise Wrong(f"{what} is {describe(got)}, it should be {wanted:.6g}: {why}")


def _chance(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    throws = [one + two for one, two in product(range(1, 7), repeat=2)]

    def right(total: int) -> None:
        ways = throws.count(total)
        unordered = sum(one + two == total for one in range(1, 7) for two in range(one, 7))
        twice = (
            f"1 and {total - 1}, and {total - 1} and 1, are two throws"
            if 2 < total < 8
            else "6 and 5, and 5 and 6, are two throws"
        )
        slips = (
            (float(ways), "that is the number of ways. Which share of all 36 throws is it?"),
            (100 * ways / 36, "that is in percent. A probability lies between 0 and 1."),
            (unordered / 36, f"the dice are two: {twice}."),
            (unordered / 21, f"the dice are two: {twice}. So there are 36, not 21."),
            (ways / 12, "there are 6 · 6 throws, not 6 + 6."),
        )
        got = answer(total)
        _slipped(got, ways / 36, slips, f"chance({total})")
        same(got, ways / 36)

    first = answer(7)
    # Two counts of thrown dice are equal now and then, seven of them are not.
    expect(
        all(answer(7) == first for _ in range(6)),
        "chance(7) is not the same when it is asked twice. Count all throws, do not throw.",
    )
    right(2)
    yield "a 2 comes in one of 36 throws"
    for total in rng.permutation(np.arange(3, 13)).tolist():
        right(total)
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
    def right(line: list, followers: dict, wanted: float, slips: tuple[tuple[float, str], ...] = ()) -> None:
        what = f"surprise({describe(line, 40)}, {describe(followers, 40)})"
        try:
            got = answer(list(line), {item: list(choices) for item, choices in followers.items()})
        except KeyError as error:
            missing = error.args[0]
            if missing not in line or missing in followers:
                raise
            words = f"{what} raised KeyError: {missing!r} has no entry in followers."
            if math.isfinite(wanted):
                raise Wrong(f"{words} Which of the two items of a step is to be looked up, and which counted?") from None
            raise Wrong(f"{words} Nothing was ever seen after it, so the surprise is infinite.") from None
        except (ValueError, ZeroDivisionError) as error:
            if math.isfinite(wanted):
                raise
            words = f"{what} raised {type(error).__name__}: one of its steps never occurred, and there is no logarithm of 0"
            raise Wrong(f'{words}. Return float("inf") where p is 0.') from None
        _slipped(got, wanted, slips, what)
        same(got, wanted, what)

    right(["A", "B", "A"], {"A": ["B"], "B": ["A", "A"]}, 0.0)
    yield "no surprise where there was no choice"
    slips = (
        (math.log(5) / 2, "it divided by 2 items. There is one step fewer than items: divide by the steps."),
        (math.log2(5), "those are bits. For nats take the natural logarithm, np.log."),
        (-math.log(5), "the sign is missing: ln p is negative or 0, the surprise is -ln p."),
        (math.log(2), "C stands four times in the list and B once, so they are not equally likely."),
        (0.2, "that is p. The surprise is -ln p."),
    )
    right(["A", "B"], {"A": ["B", "C", "C", "C", "C"]}, math.log(5), slips)
    yield "ln 5 for a chance of one in five"
    for _ in range(10):
        notes = [(int(p), 0.5) for p in rng.integers(60, 64, 40)]
        followers = _counted([notes])
        line = notes[: int(rng.integers(4, 40))]
        shares = [followers[a].count(b) / len(followers[a]) for a, b in pairwise(line)]
        total = -sum(map(math.log, shares))
        slips = (
            (total, "that is the sum over the steps, not the mean."),
            (total / len(line), "divide by the steps, of which there is one fewer than items."),
            (-math.log(np.mean(shares)), "that is the surprise at the mean p. Take -ln p at each step first, then the mean."),
        )
        right(line, followers, total / len(shares), slips)
    yield "the mean over the steps of a melody"
    right(["A", "B", "C"], {"A": ["B"], "B": ["A"]}, math.inf)
    yield "infinite for a step that never occurred"
    right(["A", "B", "C"], {"A": ["B"]}, math.inf)
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
    def right(slope: _Slope, start: float, rate: float, steps: int) -> None:
        what = f"descend({slope}, {start:.6g}, {rate:.6g}, {steps})"
        try:
            got = answer(slope, start, rate, steps)
        except TypeError as error:
            if "_Slope" not in str(error):
                raise
            raise Wrong(f"{what} calculated with slope itself. slope is a function: slope(x) is the slope at x.") from None

        def after(count: int, sign: int = -1, factor: float = rate) -> float:
            x = start
            for _ in range(count):
                x += sign * factor * slope(x)
            return x

        from_start = start
        for _ in range(steps):
            from_start = start - rate * slope(from_start)
        slips = (
            (after(steps, sign=1), "it went uphill. Go against the slope."),
            (after(steps, factor=1), "it took the whole slope. Each step subtracts rate times the slope."),
            (after(steps + 1), "that is one step too many."),
            (after(steps - 1), "that is one step too few."),
            (after(1), "that is the place after the first step. Is there a loop, and does the return stand behind it?"),
            (start - rate * steps * slope(start), "each step has to take the slope of the place where it begins."),
            (from_start, "each step has to begin at the place that the last one reached, not at the start."),
        )
        _slipped(got, after(steps), slips if steps else (), what)
        if isinstance(got, list | tuple | np.ndarray):
            raise Wrong(f"{what} is {describe(got, 40)}; return the place where you end, one number.")
        same(got, after(steps), what)

    start, rate = float(rng.uniform(1, 5)), float(rng.uniform(0.05, 0.3))
    right(_Slope(2), start, rate, 1)
    yield "one step, against the slope"
    for _ in range(5):
        bottom, steepness, steps = float(rng.uniform(-5, 5)), float(rng.uniform(0.5, 2)), int(rng.integers(3, 30))
        right(_Slope(steepness, bottom), start, rate, steps)
    yield "many steps, with the slope of the place where it is"
    right(_Slope(2), start, rate, 0)
    yield "no step, no change"
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
        try:
            got = answer(list(tunes), np.random.default_rng(seed))
        except TypeError as error:
            if "'Score'" not in str(error) or "+" not in str(error):
                raise
            raise Wrong(
                "it added scores with +, which they cannot do. Collect the rows of all bars and make one Score."
            ) from None
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
        if piled:
            why = " All its notes begin in bar 1: move those of each bar to where that bar begins."
        elif bars < 8 and len(np.unique(got.notes["onset"])) < len(got):
            why = " Its bars lie on one another: bar n, counted from 0, begins at n * tunes[0].bar_length."
        else:
            why = " Take bars 1 to 8 only." if bars > 8 else " Which bar begins at 0, and which is the last?"
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


def _steps_of_one(tunes: list[Score], rng: np.random.Generator) -> Score:
    size, rows = tunes[0].bar_length, []
    for n in range(8):
        bar = tunes[rng.integers(len(tunes))].slice(n * size, (n + 1) * size)
        rows += [(n + onset, duration, pitch) for onset, duration, pitch, *_ in bar.notes.tolist()]
    return Score(rows, time_signature=tunes[0].time_signature)


def _other_rng(tunes: list[Score], rng: np.random.Generator) -> Score:
    own, size = np.random.default_rng(), tunes[0].bar_length
    return _glue([tunes[own.integers(len(tunes))].slice(n * size, (n + 1) * size) for n in range(8)], tunes[0])


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


def _at_the_mean_share(line: list, followers: dict) -> float:
    return -math.log(np.mean([followers[a].count(b) / len(followers[a]) for a, b in pairwise(line)]))


def _no_entry(line: list, followers: dict) -> float:
    shares = [followers[a].count(b) / len(followers[a]) for a, b in pairwise(line)]
    return math.inf if 0 in shares else -float(np.mean(np.log(shares)))


def _returns_in_the_loop(slope: Callable, start: float, rate: float, steps: int) -> float:
    for _ in range(steps):
        return start - rate * slope(start)
    return start


def _always_from_the_start(slope: Callable, start: float, rate: float, steps: int) -> float:
    x = start
    for _ in range(steps):
        x = start - rate * slope(x)
    return x


def _all_places(slope: Callable, start: float, rate: float, steps: int) -> list[float]:
    places = [start]
    for _ in range(steps):
        places.append(places[-1] - rate * slope(places[-1]))
    return places


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
            Mistake(lambda total: 6 - abs(total - 7), "Which share of all 36 throws"),
            Mistake(lambda total: sum(a + b == total for a in range(1, 7) for b in range(a, 7)) / 36, "are two throws"),
            Mistake(lambda total: sum(a + b == total for a in range(1, 7) for b in range(a, 7)) / 21, "36, not 21"),
            Mistake(lambda total: 100 * max(0, 6 - abs(total - 7)) / 36, "in percent"),
            Mistake(lambda total: np.mean(np.random.default_rng().integers(1, 7, (999, 2)).sum(1) == total), "do not throw"),
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
            Mistake(_sum_of_surprise, "that is the sum over the steps"),
            Mistake(_mean_over_items, "divide by the steps"),
            Mistake(_breaks_on_new, "no logarithm of 0"),
            Mistake(_no_entry, "Nothing was ever seen after it"),
            Mistake(lambda line, followers: _breaks_on_new(line[::-1], followers), "which counted"),
            Mistake(_at_the_mean_share, "Take -ln p at each step first"),
            Mistake(lambda line, followers: _breaks_on_new(line, followers) / math.log(2), "those are bits"),
            Mistake(lambda line, followers: -_breaks_on_new(line, followers), "the sign is missing"),
            Mistake(
                lambda line, followers: _breaks_on_new(line, {a: [*set(b)] for a, b in followers.items()}),
                "four times in the list",
            ),
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
            Mistake(_uphill, "it went uphill"),
            Mistake(_first_slope_only, "the slope of the place where it begins"),
            Mistake(lambda slope, start, rate, steps: start - rate * slope(start), "after the first step"),
            Mistake(_returns_in_the_loop, "does the return stand behind it"),
            Mistake(_always_from_the_start, "not at the start"),
            Mistake(_all_places, "one number"),
            Mistake(lambda slope, start, rate, steps: start - rate * slope * steps, "slope is a function"),
            Mistake(lambda slope, start, rate, steps: start - slope(start), "it took the whole slope"),
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
            Mistake(_steps_of_one, "Its bars lie on one another"),
            Mistake(
                lambda tunes, rng: sum((tune.slice(0, tune.bar_length) for tune in tunes[1:]), start=tunes[0]),
                "added scores with +",
            ),
            Mistake(_any_bar, "of none of the tunes"),
            Mistake(_other_rng, "Draw from `rng` alone"),
            Mistake(_no_chance, "the same piece each time"),
            Mistake(_whole_tune, "all eight bars come from one tune"),
        ),
    ),
]
