"""The exercises of lesson 03, Networks with memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from musiclab.exercises import Exercise, Mistake, Wrong, describe, expect, same

CLAVE = [1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0]


# --- 3.1 ----------------------------------------------------------------------------------------------


def _needed(rhythm: list[int]) -> int:
    """Try one window after the other, on a text in which the rhythm goes round."""
    text = "".join(map(str, rhythm)) * 3
    n = len(rhythm)
    for window in range(1, n):
        followers: dict[str, set[str]] = {}
        for i in range(n):
            followers.setdefault(text[i : i + window], set()).add(text[i + window])
        if all(len(found) == 1 for found in followers.values()):
            return window
    return max(1, n - 1)


def _window_needed(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def right(rhythm: list[int], wanted: int) -> None:
        what = f"window_needed({describe(rhythm, 60)})"
        try:
            got = answer(list(rhythm))
        except (IndexError, TypeError) as error:
            if isinstance(error, IndexError):
                ways = "The rhythm goes round: after the last step comes the first again, as in rhythm + rhythm."
            else:
                ways = "A list cannot be a key of a dict or a member of a set: make a tuple of it."
                if "unhashable" not in str(error):
                    raise
            raise Wrong(f"{what} raised {type(error).__name__}: {error}. {ways}") from None
        if got is None:
            raise Wrong(f"{what} is None: does every way through your function end with return?")
        for slip, why in (
            (_longest_rest(rhythm), "to see the longest rest is not enough: what stands before it may come twice."),
            (_without_going_round(rhythm), "the rhythm goes round, and a window may reach over its end."),
            (_all_different(rhythm), "a run of steps may come twice, if the same follows each time."),
        ):
            slipped = isinstance(got, int) and not isinstance(got, bool) and got == slip != wanted
            expect(not slipped, f"{what} is {got}, it should be {wanted}: {why}")
        same(got, wanted)

    right([1, 0], 1)
    for rest in rng.permutation(np.arange(1, 20)).tolist()[:5]:
        right([1] + [0] * rest, rest)
    yield "one stroke and a rest: the whole rest"
    for _ in range(5):
        right(np.roll(CLAVE, rng.integers(16)).tolist(), 9)
    yield "the clave, wherever it begins"
    for _ in range(30):
        rhythm = rng.integers(0, 2, rng.integers(3, 20)).tolist()
        right(rhythm, _needed(rhythm))
    yield "any rhythm"
    right([0] * 6, 1)
    right([1, 0, 0] * 4, 2)
    yield "also one that is the same again and again"


def _all_different(rhythm: list[int]) -> int:
    """Return the window from which on all runs differ; of a rhythm that is the same again and again, its length."""
    around, n = rhythm * 2, len(rhythm)
    return next((w for w in range(1, n) if len({tuple(around[i : i + w]) for i in range(n)}) == n), n)


def _without_going_round(rhythm: list[int]) -> int:
    for window in range(1, len(rhythm)):
        found: dict[tuple, set] = {}
        for i in range(len(rhythm) - window):
            found.setdefault(tuple(rhythm[i : i + window]), set()).add(rhythm[i + window])
        if all(len(after) == 1 for after in found.values()):
            return window
    return len(rhythm)


def _with_lists(rhythm: list[int]) -> int:
    return len({rhythm[i:] for i in range(len(rhythm))})


def _over_the_end(rhythm: list[int]) -> int:
    followers: dict[tuple, int] = {}
    for i in range(len(rhythm)):
        followers[tuple(rhythm[i : i + 1])] = rhythm[i + 1]
    return len(followers)


def _longest_rest(rhythm: list[int]) -> int:
    return max(1, max(len(rest) for rest in ("".join(map(str, rhythm)) * 2).split("1")))


# --- 3.2 ----------------------------------------------------------------------------------------------


def _said(weights: Any, xs: np.ndarray) -> np.ndarray:
    """Run a network without tanh and biases: what it says at each step."""
    W_ih, W_hh, W_hy = weights
    h, ys = np.zeros(len(W_hh)), []
    for x in xs:
        h = W_ih[:, 0] * x + W_hh @ h
        ys.append(float(W_hy[0] @ h))
    return np.array(ys)


def _delay(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    lengths = [1, 2, *rng.permutation(np.arange(3, 17)).tolist()[:4]]
    for k in lengths:
        got = answer(k)
        expect(isinstance(got, tuple | list) and len(got) == 3, f"delay({k}) is {describe(got)}; return three arrays.")
        try:
            W_ih, W_hh, W_hy = (np.asarray(weight, dtype=float) for weight in got)
        except (TypeError, ValueError):
            raise Wrong(f"delay({k}) is {describe(got)}; return three arrays of numbers.") from None
        expect(W_hh.ndim == 2 and W_hh.shape[0] == W_hh.shape[1], f"delay({k}): W_hh has the shape {W_hh.shape}; make it square.")
        units = len(W_hh)
        shapes = W_ih.shape == (units, 1) and W_hy.shape == (1, units)
        found = f"W_ih has the shape {W_ih.shape}, W_hh {W_hh.shape}, W_hy {W_hy.shape}"
        expect(shapes, f"delay({k}): {found}. They should be (units, 1), (units, units) and (1, units).")
    yield "three arrays that fit together"
    for k in lengths:
        weights = [np.asarray(weight, dtype=float) for weight in answer(k)]
        xs = np.array([1.0] + [0.0] * (k + 5))
        said = _said(weights, xs)
        when = np.flatnonzero(np.abs(said) > 1e-9).tolist()
        where = f"it answers at step{'s' if len(when) > 1 else ''} {', '.join(map(str, when))}" if when else "it never answers"
        # Nothing has arrived, or at the wrong unit.
        why = (
            ""
            if when
            else " W_hh[i, j] says how much of unit j goes into unit i at the next step. Which unit does W_hy listen to?"
        )
        expect(when == [k], f"delay({k}) gets a single 1 at step 0. It should answer at step {k}, but {where}.{why}")
    yield "one stroke comes back at the right step"
    for k in lengths:
        weights = [np.asarray(weight, dtype=float) for weight in answer(k)]
        xs = rng.normal(size=3 * k + 10).round(2)
        same(_said(weights, xs), np.concatenate([np.zeros(k), xs[:-k]]), f"delay({k}), what it says for random inputs,")
    yield "a whole melody comes back"


def _shift(units: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.eye(units, 1), np.eye(units, k=-1), np.eye(units)[-1:]


# --- 3.3 ----------------------------------------------------------------------------------------------


def _length(arrays: dict[str, np.ndarray]) -> float:
    return float(np.sqrt(sum((np.asarray(array, dtype=float) ** 2).sum() for array in arrays.values())))


def _slip_of_a_clip(given: dict[str, np.ndarray], got: dict[str, np.ndarray], limit: float) -> str:
    """Say which typical slip gives slopes like these."""
    before, after = _length(given), _length(got)
    values = np.concatenate([np.ravel(given[name]) for name in given])
    largest = max(np.abs(np.asarray(got[name], dtype=float)).max() for name in got)
    arrays = [float(np.linalg.norm(array)) for array in given.values()]
    cases = (
        (before, "Nothing was shrunk."),
        (1.0, "The length is 1, whatever the limit is."),
        (limit / before, "Was the square root forgotten? The length is the root of the sum of the squares."),
        (before * limit / sum(arrays), "Lengths do not add up. Add the squares of all numbers, and take the root of that."),
        (np.sqrt(sum(min(limit, length) ** 2 for length in arrays)), "It looks as if each array was clipped by itself."),
        (
            before * limit / np.abs(values).sum(),
            "Add the squares of all numbers, not their sizes, and take the root of the sum.",
        ),
        (before * limit / np.abs(values).max(), "The length is not the largest number."),
    )
    for value, words in cases:
        if np.isclose(after, value):
            return f" {words}"
    return " It looks as if each number was clipped by itself." if np.isclose(largest, limit) else ""


def _clip(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def slopes() -> dict[str, np.ndarray]:
        return {"W_hh": rng.normal(0, 3, (3, 3)).round(2), "W_ih": rng.normal(0, 1, (3, 1)).round(2), "b_h": np.ones(3)}

    def clipped(given: dict[str, np.ndarray], limit: float) -> dict[str, np.ndarray]:
        got = answer({name: array.copy() for name, array in given.items()}, limit)
        named = isinstance(got, dict) and set(got) == set(given)
        expect(named, f"it returned {describe(got)}; return a dict with the same names.")
        for name, array in given.items():
            same(np.shape(got[name]), array.shape, f"the shape of {name}")
        return got

    for limit in (1.0, *rng.uniform(1.5, 3, 3).tolist()):
        given = slopes()
        got = clipped(given, limit)
        length, wrong = _length(given), not np.isclose(_length(got), limit, rtol=1e-6)
        words = f"the length of all slopes together was {length:.3f}, and with limit {limit:.6g} it is {_length(got):.6g}"
        if wrong and length > limit:
            raise Wrong(f"{words}, it should be {limit:.6g}.{_slip_of_a_clip(given, got, limit)}")
    yield "what is too long gets the length of the limit"
    for _ in range(3):
        given, limit = slopes(), float(rng.uniform(0.5, 3))
        got, scale = clipped(given, limit), min(1, limit / _length(given))
        for name, array in given.items():
            same(got[name], array * scale, f"{name} (all slopes have to shrink by the same factor, to keep the direction)")
    yield "the direction stays"
    for _ in range(3):
        given = slopes()
        got = clipped(given, 2 * _length(given))
        for name, array in given.items():
            same(got[name], array, f"{name}, with a limit twice as large as the length,")
    yield "what is short enough stays as it is"
    given = {"W_hh": np.zeros((2, 2)), "b_h": np.zeros(2)}
    got = clipped(given, 1.0)
    for name, array in given.items():
        same(got[name], array, f"{name}, where all slopes are 0,")
    yield "slopes of zero stay zero"


def _each_alone(slopes: dict[str, np.ndarray], limit: float) -> dict[str, np.ndarray]:
    return {name: s * min(1, limit / max(1e-12, np.linalg.norm(s))) for name, s in slopes.items()}


def _always(slopes: dict[str, np.ndarray], limit: float) -> dict[str, np.ndarray]:
    return {name: s * limit / max(1e-12, _length(slopes)) for name, s in slopes.items()}


def _divides_by_zero(slopes: dict[str, np.ndarray], limit: float) -> dict[str, np.ndarray]:
    return {name: s * min(1, limit / _length(slopes)) for name, s in slopes.items()}


def _in_place(slopes: dict[str, np.ndarray], limit: float) -> dict[str, np.ndarray]:
    scale = min(1, limit / max(1e-12, _length(slopes)))
    for s in slopes.values():
        s *= scale
    return slopes


# --- 3.4 ----------------------------------------------------------------------------------------------


def _long_memory(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    sizes = [2, *rng.permutation(np.arange(3, 25)).tolist()[:4]]
    matrices = []
    for units in sizes:
        got = answer(units, np.random.default_rng(int(rng.integers(1_000_000))))
        two = isinstance(got, tuple) and len(got) == 2
        expect(not two, f"long_memory({units}, rng) is two things. np.linalg.qr returns Q and R: which of them only turns?")
        shape = None if got is None else np.shape(got)
        words = "is None: does your function end with return?" if got is None else f"has the shape {shape}"
        expect(shape == (units, units), f"long_memory({units}, rng) {words}; the shape should be {(units, units)}.")
        matrix = np.asarray(got, dtype=float)
        expect(np.isfinite(matrix), f"long_memory({units}, rng) holds values that are no numbers.")
        matrices.append(matrix)
    yield "a matrix, units by units"
    stretched = [np.linalg.svd(np.linalg.matrix_power(matrix, 100), compute_uv=False) for matrix in matrices]
    for units, sizes_after in zip(sizes, stretched, strict=True):
        longest = sizes_after[0]
        message = f"long_memory({units}, rng): after 100 steps one direction is {longest:.3g} times as long as before"
        expect(longest <= 2, f"{message}. At most 2 is allowed.")
        expect(longest >= 0.5, f"{message}, and that is the longest. At least 0.5 is asked for.")
    yield "after 100 steps nothing has exploded, and not everything has vanished"
    for units, sizes_after in zip(sizes, stretched, strict=True):
        shortest = sizes_after[-1]
        message = f"long_memory({units}, rng): after 100 steps one direction is only {shortest:.3g} times as long as before"
        expect(shortest >= 0.5, f"{message}. What lies in it is forgotten.")
    yield "nothing has vanished, in any direction"


def _radius_one(units: int, rng: np.random.Generator) -> np.ndarray:
    W_hh = rng.normal(size=(units, units))
    return W_hh / np.abs(np.linalg.eigvals(W_hh)).max()


# --- 3.5 ----------------------------------------------------------------------------------------------

WINDOW, LEAST = 8, 0.1


def _least_loss(rhythm: list[int], window: int) -> float:
    around = rhythm * 2 if len(rhythm) > window else rhythm * (window + 2)
    pairs = Counter((tuple(around[i : i + window]), around[i + window]) for i in range(len(rhythm)))
    seen = Counter()
    for (run, _), count in pairs.items():
        seen[run] += count
    return sum(-count * np.log(count / seen[run]) for (run, _), count in pairs.items()) / len(rhythm)


def _my_rhythm(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    steps = answer.tolist() if isinstance(answer, np.ndarray) else answer
    expect(isinstance(steps, list | tuple), f"`my_rhythm` is {describe(answer)}; make it a list of 0 and 1.")
    steps = list(steps)
    expect(all(isinstance(s, int | float) and s in (0, 1) for s in steps), "`my_rhythm` may hold 0 and 1 only.")
    steps = [int(s) for s in steps]
    expect(8 <= len(steps) <= 32, f"`my_rhythm` has {len(steps)} steps; it should have 8 to 32.")
    expect(sum(steps) >= 4, f"`my_rhythm` has {sum(steps)} strokes; it should have at least 4.")
    yield "8 to 32 steps, with at least 4 strokes"
    periods = [d for d in range(1, len(steps)) if len(steps) % d == 0 and steps == steps[:d] * (len(steps) // d)]
    expect(not periods, f"`my_rhythm` is the same {periods[0] if periods else 0} steps again and again. Write it down once.")
    yield "it is not a shorter one played several times"
    loss = _least_loss(steps, WINDOW)
    message = f"a network that sees the last {WINDOW} steps can get down to {loss:.2f} nats a step in your rhythm"
    expect(loss >= LEAST, f"{message}; it should not get below {LEAST}.")
    yield f"a window of {WINDOW} steps is not enough for it"


EXERCISES = [
    Exercise(
        id="3.1",
        title="How wide a window?",
        name="window_needed",
        hints=(
            "For a given window, put into a dict what follows each run of that many steps. When is nothing unsure?",
            "It goes round: look at `around = rhythm + rhythm`, and at the runs that begin at 0 to len(rhythm) - 1.",
            "Try the windows 1, 2, 3, …; return the first for which as many runs as (run, next step) pairs are different.",
        ),
        test=_window_needed,
        mistakes=(
            Mistake(_longest_rest, "to see the longest rest is not enough"),
            Mistake(_without_going_round, "may reach over its end"),
            Mistake(_all_different, "if the same follows each time"),
            Mistake(_with_lists, "make a tuple of it"),
            Mistake(_over_the_end, "rhythm + rhythm"),
            Mistake(lambda rhythm: next((w for w in range(2, len(rhythm)) if _needed(rhythm) == w), None), "end with return?"),
            Mistake(lambda rhythm: len(rhythm) - 1, "it should be 9"),
            Mistake(lambda rhythm: _needed(rhythm) + 1, "is 2, it should be 1"),
        ),
    ),
    Exercise(
        id="3.2",
        title="A memory made by hand",
        name="delay",
        hints=(
            "Unit 0 takes the input. At each step unit 1 takes over what unit 0 held, unit 2 what unit 1 held, and so on.",
            "`W_hh[i, j]` says how much of unit j goes into unit i at the next step. Unit k is the one to listen to.",
            "k + 1 units; W_ih is 1 for unit 0; W_hh is np.eye(k + 1, k=-1); W_hy is 1 for the last unit.",
        ),
        test=_delay,
        mistakes=(
            Mistake(lambda k: _shift(k), "but it answers at step"),
            Mistake(lambda k: (np.eye(k + 1, 1), np.eye(k + 1, k=1), np.eye(k + 1)[-1:]), "Which unit does W_hy listen to?"),
            Mistake(lambda k: (np.eye(k + 1, 1), np.roll(np.eye(k + 1), 1, axis=0), np.eye(k + 1)[-1:]), "it answers at steps"),
            Mistake(lambda k: (np.eye(k + 1, 1), 2 * np.eye(k + 1, k=-1), np.eye(k + 1)[-1:]), "for random inputs"),
            Mistake(lambda k: (np.eye(k + 1, k=-1), np.eye(k + 1, 1), np.eye(k + 1)[-1:]), "make it square"),
            Mistake(lambda k: (np.eye(k + 1, 1)[:, 0], np.eye(k + 1, k=-1), np.eye(k + 1)[-1]), "They should be (units, 1)"),
            Mistake(lambda k: (np.eye(k + 1, 1), np.eye(k + 1, k=-1) + np.eye(k + 1), np.eye(k + 1)[-1:]), "it answers at steps"),
        ),
    ),
    Exercise(
        id="3.3",
        title="Clip by length",
        name="clip",
        hints=(
            "First the length of all slopes together: the square root of the sum of all squares, over all arrays.",
            "If it is above the limit, multiply every array with limit / length; otherwise with 1.",
            "Return a new dict: {name: slope * scale for name, slope in slopes.items()}, and mind a length of 0.",
        ),
        test=_clip,
        mistakes=(
            Mistake(_each_alone, "each array was clipped by itself"),
            Mistake(
                lambda slopes, limit: {n: np.clip(s, -limit, limit) for n, s in slopes.items()},
                "each number was clipped by itself",
            ),
            Mistake(
                lambda slopes, limit: {n: s * limit / _length(slopes) ** 2 for n, s in slopes.items()}, "square root forgotten"
            ),
            Mistake(lambda slopes, limit: {n: s / _length(slopes) for n, s in slopes.items()}, "whatever the limit is"),
            Mistake(lambda slopes, limit: slopes, "Nothing was shrunk"),
            Mistake(lambda slopes, limit: [s * limit / _length(slopes) for s in slopes.values()], "return a dict"),
            Mistake(_always, "with a limit twice as large as the length"),
            Mistake(_in_place, "changed its input"),
            Mistake(
                lambda slopes, limit: {n: s * min(1, limit / _length(slopes)) for n, s in slopes.items()}, "division by zero"
            ),
        ),
    ),
    Exercise(
        id="3.4",
        title="A matrix that forgets nothing",
        name="long_memory",
        hints=(
            "Which movements of space change no length? Use one of them.",
            "Turning does not, nor does exchanging the axes. And there is one matrix that does nothing at all.",
            "`np.linalg.qr(rng.normal(size=(units, units)))[0]` is a random matrix that only turns and mirrors.",
        ),
        test=_long_memory,
        mistakes=(
            Mistake(_radius_one, "after 100 steps"),
            Mistake(lambda units, rng: rng.normal(size=(units, units)), "after 100 steps one direction is"),
            Mistake(lambda units, rng: 0.9 * np.eye(units), "At least 0.5 is asked for"),
            Mistake(lambda units, rng: np.eye(units + 1), "the shape"),
            Mistake(lambda units, rng: np.linalg.qr(rng.normal(size=(units, units))), "which of them only turns"),
            Mistake(lambda units, rng: np.ones((units, units)) / units, "What lies in it is forgotten"),
            Mistake(lambda units, rng: np.eye(units) + 0.1 * np.eye(units, k=1), "At most 2 is allowed"),
        ),
    ),
    Exercise(
        id="3.5",
        title="A rhythm that needs memory",
        name="my_rhythm",
        hints=(
            "A window is blind inside a figure that comes again, if it goes on differently after it.",
            "Write a figure of 8 steps or more, and again with another ending. `least_loss(my_rhythm, 8)` tells how far you are.",
            "Make the figure itself out of repetitions: x..x..x..x.., and count how often the window cannot tell where it is.",
        ),
        test=_my_rhythm,
        mistakes=(
            Mistake(CLAVE, "it should not get below 0.1"),
            Mistake([1, 0, 0, 1, 0, 0, 1, 0] * 2, "is the same 8 steps again and again"),
            Mistake([1] + [0] * 15, "has 1 strokes"),
            Mistake("x..x..x.", "make it a list of 0 and 1"),
            Mistake([1, 0, 2, 0, 1, 0, 1, 1, 0], "0 and 1 only"),
            Mistake([1, 0, 0] * 12, "it should have 8 to 32"),
            Mistake([1, 0, 0, 0] * 7 + [1, 0, 0, 1], "it should not get below 0.1"),
            Mistake([CLAVE, CLAVE], "0 and 1 only"),
        ),
    ),
]
