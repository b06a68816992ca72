"""Exercises of lesson 02: music as data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import chain, count

import numpy as np

from musiclab.exercises import Exercise, Mistake, Wrong, describe, expect, same
from musiclab.score import Score

# --- 2.1 From name to number ------------------------------------------------------------------------

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SIGNS = {"": 0, "#": 1, "-": -1, "##": 2, "--": -2}


def _slips_of_a_name(name: str, number: int) -> dict[int, str]:
    """What a typical slip would make of this name, and what to say to it."""
    letter, signs, octave = name[0], name[1:-1], int(name[-1])
    raised = _SIGNS[signs]
    if not raised:
        return {
            number - 12: "C4 is 60, so there are five octaves below it, not four: the octave adds 12 * (octave + 1).",
            12 * (octave + 1) + 2 * "CDEFGAB".index(letter): "from E to F and from B to C is one semitone, not two.",
            12 * (octave + 1) + (_STEPS[letter] - 9) % 12: "an octave begins at C, not at A.",
            _STEPS[letter]: "the octave has no part in it yet.",
        }
    missing = "what does # add?" if raised > 0 else f"the sign {signs} is still missing. (A flat is written -, not b.)"
    found = {number - raised: missing, number - 2 * raised: "# is one key higher, - is one key lower."}
    if abs(raised) == 2:
        found[number - raised // 2] = "two signs count twice."
    if not 0 <= _STEPS[letter] + raised < 12:
        found[number - (12 if raised > 0 else -12)] = f"the figure goes with the letter {letter}, not with the key."
    return found


def _midi_number(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def names(octaves: list[int], signs: list[str]) -> list[tuple[str, int]]:
        """Every letter once in each octave, with one of the signs, and its number."""
        chosen = [(letter, str(rng.choice(signs)), octave) for octave in octaves for letter in rng.permutation(list(_STEPS))]
        return [(f"{a}{sign}{octave}", 12 * (octave + 1) + _STEPS[a] + _SIGNS[sign]) for a, sign, octave in chosen]

    def right(name: str, number: int) -> None:
        try:
            got = answer(name)
        except (KeyError, ValueError) as error:  # from a list of all names, in which not every letter has every sign
            if name[1:-1] and (isinstance(error, KeyError) or "is not in list" in str(error)):
                what = f'midi_number("{name}") raised {type(error).__name__}: is {name[:-1]} missing in your list of names?'
                raise Wrong(f"{what} Any letter can have any sign; take the number of {name[0]} and add the signs.") from None
            if "invalid literal for int()" in str(error):
                what = f'midi_number("{name}") raised ValueError: {error}'
                raise Wrong(
                    f"{what}. The octave is the last character of the name, name[-1], whatever stands before it."
                ) from None
            raise
        for slip, why in _slips_of_a_name(name, number).items():
            wrong = isinstance(got, int | float) and not isinstance(got, bool) and got == slip != number
            expect(not wrong, f'midi_number("{name}") is {describe(got)}, it should be {number}: {why}')
        same(got, number)

    for name, number in names([4], [""]):
        right(name, number)
    yield "the white keys from C4 to B4"
    for name, number in names(list(range(9)), [""]):
        right(name, number)
    yield "the white keys in every octave"
    for name, number in names([2, 5], ["#"]):
        right(name, number)
    yield "sharps"
    for name, number in [*names([3, 6], ["-"]), ("C-4", 59), ("B#3", 60)]:
        right(name, number)
    yield "flats, also where the octave ends: C-4 is B3"
    for name, number in names([1, 7], ["##", "--"]):
        right(name, number)
    yield "double sharps and double flats"


def _from_a_list(name: str) -> int:
    """A wrong answer: the names of the keys on a piano, and no others."""
    keys = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
    flats = {"D-": "C#", "E-": "D#", "G-": "F#", "A-": "G#", "B-": "A#"}
    return 12 * (int(name[-1]) + 1) + keys.index(flats.get(name[:-1], name[:-1]))


def _wrapped(name: str) -> int:
    """A wrong answer: the octave of the key, not of the letter."""
    return 12 * (int(name[-1]) + 1) + (_STEPS[name[0]] + name.count("#") - name.count("-")) % 12


# --- 2.2 The way back -------------------------------------------------------------------------------


def _write_number(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def right(value: int) -> None:
        got = answer(value)
        if isinstance(got, list | tuple | bytearray | np.ndarray):
            raise Wrong(f"write_number({value}) is {describe(got)}; bytes({describe(list(got))}) makes bytes of it.")
        missing = ": does your function end with return?" if got is None else "; it should be bytes."
        expect(isinstance(got, bytes), f"write_number({value}) is {describe(got)}{missing}")
        expect(len(got) > 0, f"write_number({value}) is empty; each number, 0 too, takes at least one byte.")
        shown = got.hex(" ").upper() if len(got) < 12 else f"{len(got)} bytes"
        ends = [place for place, byte in enumerate(got) if byte < 128]
        expect(ends, f"write_number({value}) is {shown}, which never ends: the last byte must be below 128.")
        where = "all bytes but the last one must be 128 or more"
        expect(ends[0] == len(got) - 1, f"write_number({value}) is {shown}; a reader stops at byte {ends[0] + 1}: {where}.")
        read = 0
        for byte in got:
            read = 128 * read + byte % 128
        backwards = sum(byte % 128 * 128**place for place, byte in enumerate(got))
        order = (
            " Is the largest part in front?"
            if backwards == value
            else " A byte holds 7 bits: 0 to 127, and from 128 on takes two."
        )
        expect(read == value, f"write_number({value}) is {shown}, which reads as {read}.{order}")
        expect(len(got) == 1 or got[0] != 128, f"write_number({value}) is {shown}; a first byte 80 adds nothing, leave it out.")

    for value in (0, 127, *rng.integers(1, 127, 10).tolist()):
        right(value)
    yield "one byte, from 0 to 127"
    for value in (128, 16_383, *rng.integers(128, 16_384, 20).tolist()):
        right(value)
    yield "two bytes, from 128 to 16,383"
    for value in (16_384, 2**21 - 1, 2**21, 2**28 - 1, *rng.integers(2**14, 2**28, 20).tolist()):
        right(value)
    yield "three and four bytes, as far as MIDI goes"


def _backwards(value: int) -> bytes:
    """A wrong answer: the smallest part first."""
    parts = [value % 128]
    while value := value // 128:
        parts.append(value % 128)
    return bytes([128 + part for part in parts[:-1]] + parts[-1:])


def _from_above(value: int, limit: int = 128) -> bytes:
    """Right with a limit of 128: the first number that takes another byte."""
    parts = [value % 128]
    while value >= limit:
        value //= 128
        parts.insert(0, 128 + value % 128)
    return bytes(parts)


def _unmarked(value: int) -> bytes:
    """A wrong answer: no byte says that another follows."""
    parts = [value % 128]
    while value := value // 128:
        parts.insert(0, value % 128)
    return bytes(parts)


def _always_four(value: int) -> bytes:
    """A wrong answer: four bytes for every number."""
    return bytes([128 + (value >> shift) % 128 for shift in (21, 14, 7)] + [value % 128])


# --- 2.3 Quantise -----------------------------------------------------------------------------------


def _slip_of_a_grid(times: np.ndarray, steps: int, got: np.ndarray) -> str:
    """Say which typical slip gives these numbers; "" if none does."""
    slips = (
        (np.floor(times * steps) / steps, " That is the next line below. Move to the nearest."),
        (np.ceil(times * steps) / steps, " That is the next line above. Move to the nearest."),
        (np.round(times * steps), " Those are steps. Divide by steps, to count in quarters again."),
        (np.round(times, steps), " np.round(times, n) rounds to n decimals, and that is another grid."),
        (np.round(times), " That is a grid of one line a quarter, whatever steps is."),
        (np.round(times * 4) / 4, " That is a grid of four lines a quarter, whatever steps is."),
        (np.round(np.round(times * steps) / steps, 2), " After the grid do not round again."),
    )
    return next((words for array, words in slips if np.allclose(got.astype(float), array, rtol=0, atol=1e-6)), "")


def _quantise(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def grid(steps: int) -> np.ndarray:
        return np.cumsum(rng.integers(1, 2 * steps, 24)) / steps

    def right(times: np.ndarray, steps: int, wanted: np.ndarray) -> None:
        try:
            got = answer(times.copy(), steps)
        except TypeError as error:
            if "__round__" not in str(error):
                raise
            raise Wrong(f"quantise raised TypeError: {error}. round takes one number; np.round takes an array.") from None
        if got is None:
            raise Wrong("quantise is None: does your function end with return?")
        array = np.asarray(got)
        expect(array.shape == times.shape, f"quantise returned {describe(got)} for {len(times)} times; return as many.")
        wrong = np.flatnonzero(~np.isclose(array.astype(float), wanted, rtol=0, atol=1e-6))
        if len(wrong):
            i = wrong[0]
            result = f"moved {times[i]:.3f} to {float(array[i]):.3f}, it should be {wanted[i]:.3f}"
            raise Wrong(
                f"with {steps} line{'s' if steps > 1 else ''} a quarter it {result}.{_slip_of_a_grid(times, steps, array)}"
            )

    lines = grid(1)
    right(lines + rng.uniform(-0.45, 0.45, 24), 1, lines)
    yield "one line a quarter: the nearest whole number"
    for steps in (4, 2, 8):
        lines = grid(steps)
        right(lines + rng.uniform(-0.45, 0.45, 24) / steps, steps, lines)
    yield "two, four and eight lines a quarter"
    lines = grid(3)
    right(lines + rng.uniform(-0.45, 0.45, 24) / 3, 3, lines)
    yield "triplets: three lines a quarter"
    lines = grid(12)
    right(lines, 12, lines)
    yield "what lies on a line stays there"


# --- 2.4 The same tune ------------------------------------------------------------------------------


def _tune(rng: np.random.Generator) -> Score:
    """Make up a melody of 8 to 19 notes with some rests."""
    durations = rng.choice([0.25, 0.5, 1.0, 1.5], rng.integers(8, 20))
    onsets = np.cumsum(durations + 0.5 * rng.integers(0, 2, len(durations))) - durations
    return Score(list(zip(onsets, durations, rng.integers(52, 80, len(durations)), strict=True)), key="C major")


def _changed(score: Score, field: str, place: int, value: float) -> Score:
    notes = score.notes.copy()
    notes[field][place] += value
    return replace(score, notes=notes)


def _same_tune(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def says(a: Score, b: Score, wanted: bool, what: str) -> None:
        try:
            got = answer(a, b)
        except ValueError as error:
            if "broadcast" not in str(error):
                raise
            words = f"for {what} it raised ValueError: {error}. == needs arrays of one length"
            raise Wrong(f"{words}; np.array_equal says False where the lengths differ.") from None
        if isinstance(got, list | tuple):
            raise Wrong(f"for {what} it returned {describe(got)}; return one truth value: all(...) makes one of a list.")
        if isinstance(got, np.ndarray) and got.size > 1:
            raise Wrong(f"for {what} it returned {describe(got)}; return one truth value: np.array_equal or .all() makes one.")
        same(got, wanted, f"for {what} the answer")

    tunes = [_tune(rng) for _ in range(8)]
    shifts = [int(k) for k in rng.choice([-13, -12, -7, -5, -1, 1, 4, 12, 20], 8)]
    for tune, shift in zip(tunes, shifts, strict=True):
        says(tune, tune, True, "a tune and itself")
        says(
            tune, tune.transpose(shift), True, f"a tune and the same {abs(shift)} semitones {'higher' if shift > 0 else 'lower'}"
        )
    yield "a tune in another key"
    for tune, shift in zip(tunes, shifts, strict=True):
        other = replace(tune.transpose(shift), title="Another title", tempo=90.0, key=None)
        says(tune, _changed(other, "velocity", 2, 20), True, "a tune with another title, tempo and velocity")
    yield "title, tempo and velocity do not matter"
    for tune, shift in zip(tunes, shifts, strict=True):
        place = int(rng.integers(0, len(tune)))
        wrong = _changed(tune.transpose(shift), "pitch", place, 1)
        says(tune, wrong, False, f"two tunes that differ in the pitch of note {place}")
        mirror = tune.notes.copy()
        mirror["pitch"] = 131 - tune.notes["pitch"].astype(int)  # 52 to 79 becomes 79 to 52
        if len(np.unique(tune.notes["pitch"])) > 1:
            says(tune, replace(tune, notes=mirror), False, "a tune and its mirror image, which falls where the tune rises,")
    yield "one wrong pitch is noticed, the first and the last too"
    for tune in tunes:
        says(tune, _changed(tune, "duration", int(rng.integers(0, len(tune))), -0.125), False, "two tunes with another duration")
        says(tune, _changed(tune, "onset", len(tune) - 1, 0.25), False, "two tunes of which one has another onset")
    yield "another rhythm is noticed"
    for tune in tunes:
        says(tune, replace(tune, notes=tune.notes[:-1]), False, "a tune and the same without its last note")
        says(replace(tune, notes=tune.notes[:-2]), tune, False, "a tune and the same with two notes more")
    yield "so is a missing note"


def _steps(score: Score) -> np.ndarray:
    return np.diff(score.notes["pitch"].astype(int))


def _pitches_alone(a: Score, b: Score) -> bool:
    return len(a) == len(b) and len(np.unique(a.notes["pitch"].astype(int) - b.notes["pitch"])) == 1


def _rhythm_alone(a: Score, b: Score) -> bool:
    return all(np.array_equal(a.notes[name], b.notes[name]) for name in ("onset", "duration"))


def _upside_down(a: Score, b: Score) -> bool:
    return _rhythm_alone(a, b) and np.array_equal(np.abs(_steps(a)), np.abs(_steps(b)))


def _zipped(a: Score, b: Score) -> bool:
    pairs = [(_steps(a), _steps(b)), *((a.notes[name], b.notes[name]) for name in ("onset", "duration"))]
    return all(one == other for mine, yours in pairs for one, other in zip(mine, yours, strict=False))


def _in_an_octave(a: Score, b: Score) -> bool:
    return any(k + int(a.notes["pitch"][0]) <= 127 and a.transpose(k).notes.tolist() == b.notes.tolist() for k in range(12))


# --- 2.5 What makes a melody? -----------------------------------------------------------------------

_TUNES, _SHUFFLES = 12, 10
_PAIRS = _TUNES * _SHUFFLES
_NEEDED = 2 * _PAIRS // 3
# Every second one ends lower than it begins. Most that the network writes end higher, and then to rise would be a melody.
_SEEDS = (0, 21, 1, 24, 2, 34, 4, 35, 5, 38, 8, 52)


@lru_cache(maxsize=1)
def _written() -> tuple[Score, ...]:
    """Let the network write tunes of three bars, once: that takes longer than all that a check does with them."""
    from musiclab.bundle import load_bundle
    from musiclab.generation import generate

    model, tunes, seeds = load_bundle("melody"), [], chain(_SEEDS, count(100))
    while len(tunes) < _TUNES:
        tune = generate(model, length=12, seed=next(seeds), stop=False)
        if len(tune) >= 8 and len(np.unique(tune.notes["pitch"])) >= 5:
            tunes.append(tune)
    return tuple(tunes)


def _measure(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def number(score: Score) -> float:
        got = answer(score)
        if isinstance(got, np.ndarray | np.generic):
            got = got.item() if got.size == 1 else got
        good = isinstance(got, int | float) and not isinstance(got, bool) and abs(got) < 1e300 and math.isfinite(got)
        ending = ": does your function end with return?" if got is None else "; return one ordinary number."
        expect(good, f"for a score of {len(score)} notes it returned {describe(got)}{ending}")
        return float(got)

    tunes = [tune.transpose(int(rng.integers(-5, 6))) for tune in _written()]
    values = [number(tune) for tune in tunes]
    expect(number(tunes[0]) == values[0], "asked twice about one and the same score it returned two different numbers.")
    yield "returns a number"
    for tune, value in zip(tunes, values, strict=True):
        shift = int(rng.choice([-7, -3, 2, 5, 6]))
        other = number(tune.transpose(shift))
        close = math.isclose(value, other, rel_tol=1e-6, abs_tol=1e-9)
        differs = f"a tune has the value {value:.6g}, and moved by {shift} semitones {other:.6g}"
        expect(close, f"{differs}. Use intervals, not pitches.")
    yield "the same in every key"
    higher = equal = 0
    for tune, value in zip(tunes * _SHUFFLES, values * _SHUFFLES, strict=True):
        notes = tune.notes.copy()
        while np.array_equal(notes["pitch"], tune.notes["pitch"]):
            notes["pitch"] = rng.permutation(tune.notes["pitch"])
        shuffled = number(replace(tune, notes=notes))
        is_equal = math.isclose(value, shuffled, rel_tol=1e-9, abs_tol=1e-12)
        higher, equal = higher + (value > shuffled and not is_equal), equal + is_equal
    if equal > _PAIRS // 2:
        raise Wrong("shuffling the pitches does not change your number. Use the order of the notes: what comes after what?")
    rest = _PAIRS - higher - equal
    if rest >= _NEEDED:
        raise Wrong(f"it is lower for the tune in {rest} of {_PAIRS} cases: you found something. Put a minus in front of it.")
    what = f"it is higher for the tune than for the shuffled tune in {higher} of {_PAIRS} cases"
    as_bytes = np.mean(np.abs(values)) > 60  # a semitone down is 255 then
    hint = " The numbers are large: are there .astype(int) where you subtract pitches?" if as_bytes else ""
    expect(higher >= _NEEDED, f"{what}, and should be in {_NEEDED}.{hint}")
    yield f"tells a tune from its shuffled self in at least {_NEEDED} of {_PAIRS} cases"


def _sizes(score: Score) -> np.ndarray:
    return np.abs(_steps(score))


EXERCISES = [
    Exercise(
        id="2.1",
        title="From name to number",
        name="midi_number",
        hints=(
            "The letter, the signs and the octave each add something. C4 is 60 and C5 is 72: what does an octave add?",
            'A dictionary counts semitones from C: {"C": 0, "D": 2, "E": 4, ...}. name[0] is the letter, name[-1] the octave.',
            'The octave adds 12 * (int(name[-1]) + 1); name.count("#") and name.count("-") count the signs.',
        ),
        test=_midi_number,
        mistakes=(
            Mistake(
                lambda name: 12 * int(name[-1]) + _STEPS[name[0]] + name.count("#") - name.count("-"), "five octaves below it"
            ),
            Mistake(lambda name: 60 + _STEPS[name[0]], "it should be"),
            Mistake(lambda name: 12 * (int(name[-1]) + 1) + _STEPS[name[0]], "what does # add?"),
            Mistake(lambda name: 12 * (int(name[-1]) + 1) + _STEPS[name[0]] + name.count("#"), "the sign - is still missing"),
            Mistake(
                lambda name: 12 * (int(name[-1]) + 1) + _STEPS[name[0]] + name.count("#") - name.count("b"), "written -, not b"
            ),
            Mistake(
                lambda name: 12 * (int(name[-1]) + 1) + _STEPS[name[0]] + ("#" in name) - ("-" in name), "two signs count twice"
            ),
            Mistake(lambda name: 12 * (int(name[-1]) + 1) + 2 * "CDEFGAB".index(name[0]), "one semitone, not two"),
            Mistake(lambda name: 12 * (int(name[-1]) + 1) + (_STEPS[name[0]] - 9) % 12, "begins at C, not at A"),
            Mistake(_wrapped, "the figure goes with the letter"),
            Mistake(_from_a_list, "Any letter can have any sign"),
            Mistake(lambda name: 12 * (int(name[1:]) + 1) + _STEPS[name[0]], "The octave is the last character"),
            Mistake(lambda name: name, "is a text, it should be a number"),
        ),
    ),
    Exercise(
        id="2.2",
        title="The way back",
        name="write_number",
        hints=(
            "value % 128 is the part for the last byte. What is left for the bytes before it is value // 128.",
            "Collect the parts in a list, the last one first, until nothing is left; then turn the list round.",
            "All parts but the last one get 128 added: bytes([128 + part for part in parts[:-1]] + parts[-1:]).",
        ),
        test=_write_number,
        mistakes=(
            Mistake(lambda value: value.to_bytes(4, "big"), "a reader stops at byte 1"),
            Mistake(
                lambda value: bytes([value]) if value < 128 else bytes([128 + value // 128, value % 128]), "raised ValueError"
            ),
            Mistake(_backwards, "Is the largest part in front?"),
            Mistake(lambda value: _from_above(value, 129), "from 128 on takes two"),
            Mistake(lambda value: bytes([128 + byte % 128 for byte in _unmarked(value)]), "which never ends"),
            Mistake(lambda value: print(end=""), "does your function end with return?"),
            Mistake(_unmarked, "all bytes but the last one must be 128 or more"),
            Mistake(_always_four, "leave it out"),
            Mistake(lambda value: [value % 128], "makes bytes of it"),
            Mistake(lambda value: bytes([value % 128]), "which reads as"),
            Mistake(lambda value: _unmarked(value) if value else b"", "takes at least one byte"),
        ),
    ),
    Exercise(
        id="2.3",
        title="Quantise",
        name="quantise",
        hints=(
            "np.round moves to the nearest whole number. Which whole number is nearest if you count in steps, not in quarters?",
            "Multiply by steps, round, and divide by steps again.",
        ),
        test=_quantise,
        mistakes=(
            Mistake(lambda times, steps: np.round(times), "lines a quarter"),
            Mistake(lambda times, steps: np.floor(times * steps) / steps, "the next line below"),
            Mistake(lambda times, steps: np.ceil(times * steps) / steps, "the next line above"),
            Mistake(lambda times, steps: np.round(times, steps), "rounds to n decimals"),
            Mistake(lambda times, steps: round(times * steps) / steps, "np.round takes an array"),
            Mistake(lambda times, steps: np.round(np.round(times * steps) / steps, 2), "do not round again"),
            Mistake(lambda times, steps: np.round(times * steps), "Divide by steps"),
            Mistake(lambda times, steps: np.round(times / steps) * steps, "lines a quarter"),
            Mistake(lambda times, steps: np.round(times * 4) / 4, "with 1 line a quarter"),
            Mistake(lambda times, steps: np.unique(np.round(times * steps) / steps)[:3], "return as many"),
        ),
    ),
    Exercise(
        id="2.4",
        title="The same tune",
        name="same_tune",
        hints=(
            'Compare the arrays a.notes["onset"] and b.notes["onset"], and the durations; np.array_equal sees different lengths.',
            "Of the pitches the intervals have to be equal: np.diff of the pitches, as in the cell with the minuet.",
            'Write .astype(int) behind a.notes["pitch"] (pitches are stored in bytes, and there 60 - 62 would be 254); '
            "return all three comparisons joined by `and`.",
        ),
        test=_same_tune,
        mistakes=(
            Mistake(lambda a, b: a == b, "semitones"),
            Mistake(lambda a, b: len(a) == len(b), "the pitch of note"),
            Mistake(_pitches_alone, "another duration"),
            Mistake(_rhythm_alone, "the pitch of note"),
            Mistake(_in_an_octave, "for a tune"),
            Mistake(_upside_down, "its mirror image"),
            Mistake(lambda a, b: (_steps(a) == _steps(b)).all() and _rhythm_alone(a, b), "where the lengths differ"),
            Mistake(
                lambda a, b: [one == other for one, other in zip(_steps(a), _steps(b), strict=False)], "one truth value: all"
            ),
            Mistake(_zipped, "without its last note"),
            Mistake(lambda a, b: np.isin(a.notes["pitch"], b.notes["pitch"]), "return one truth value"),
        ),
    ),
    Exercise(
        id="2.5",
        title="What makes a melody?",
        name="measure",
        hints=(
            "Print the intervals of a tune and of the same pitches shuffled, side by side. Which are larger?",
            'np.abs(np.diff(score.notes["pitch"].astype(int))) are the sizes of the intervals, whatever their direction. '
            ".astype(int) comes first, for pitches are stored in bytes and 60 - 62 would be 254.",
            "Their mean is smaller for a tune. The measure has to be higher, so put a minus in front.",
        ),
        test=_measure,
        mistakes=(
            Mistake(lambda score: float(np.mean(score.notes["pitch"])), "Use intervals, not pitches"),
            Mistake(lambda score: _sizes(score).mean(), "Put a minus in front of it"),
            Mistake(lambda score: _steps(score).mean(), "and should be in"),
            Mistake(lambda score: -np.abs(np.diff(score.notes["pitch"])).mean(), ".astype(int)"),
            Mistake(lambda score: np.random.default_rng().random(), "asked twice about one and the same score"),
            Mistake(lambda score: len(score), "Use the order of the notes"),
            Mistake(lambda score: -int(np.ptp(score.notes["pitch"].astype(int))), "Use the order of the notes"),
            Mistake(_sizes, "return one ordinary number"),
        ),
    ),
]
