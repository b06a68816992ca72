"""Exercises of lesson 05: preprocessing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from musiclab.encoding import FIRST_PITCH, HOLD, REST, EventEncoding
from musiclab.exercises import Exercise, Mistake, Wrong, describe, expect, same
from musiclab.score import Score, pitch_name

# --- 5.1 Count the events ---------------------------------------------------------------------------


def _count_events(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def counts(score: Score, events: int) -> None:
        got = answer(score)
        call = f"count_events of a score with {len(score)} notes"
        expect(np.ndim(got) == 0, f"{call} is {describe(got)}; it should be one number. How many are they?")
        if got == len(score) != events:
            raise Wrong(f"{call} at {events} onsets is {got}. You count notes; notes that begin together are one event.")
        if got == len(np.unique(score.notes["pitch"])) != events:
            raise Wrong(f"{call} is {got}, it should be {events}. You count different pitches; each return is a new event.")
        same(got, events, call)

    # Two pitches only, so that counting pitches is noticed.
    onsets = np.cumsum(rng.integers(1, 5, rng.integers(6, 20))) / 4
    melody = [(onset, 0.25, int(pitch)) for onset, pitch in zip(onsets, rng.choice([60, 67], len(onsets)), strict=True)]
    counts(Score(melody), len(onsets))
    yield "counts each note of a melody"
    chords = melody + [(onset, 0.25, 72 + k) for onset in onsets[::2] for k in range(rng.integers(1, 4))]
    counts(Score(chords), len(onsets))
    yield "counts a chord as one event"
    # A bass note that is held through the whole piece and begins with its first note.
    counts(Score([*chords, (onsets[0], 20.0, 40, 1)]), len(onsets))
    yield "counts a held note only where it begins"
    counts(Score([]), 0)
    yield "finds no event in an empty score"


# --- 5.2 Two maps that never change -----------------------------------------------------------------


def _make_maps(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    # So many names that the order of a set of them does depend on the order in which they went in.
    pairs = [tuple(sorted(rng.choice(np.arange(36, 97), 2, replace=False).tolist())) for _ in range(160)]
    names = [pitch_name(p) for p in range(36, 97)] + [".".join(map(pitch_name, pair)) for pair in pairs]
    names = [names[i] for i in rng.permutation(len(names))]
    notes = names + [names[i] for i in rng.integers(0, len(names), 300)]
    different = len(set(notes))

    def maps(given: list[str]) -> tuple[dict, dict]:
        got = answer(given)
        if isinstance(got, dict):
            raise Wrong("make_maps returned one dictionary. Return two: note_to_int, int_to_note.")
        pair = isinstance(got, tuple | list) and len(got) == 2 and all(isinstance(one, dict) for one in got)
        expect(pair, f"make_maps returned {describe(got)}; it should return two dictionaries: note_to_int, int_to_note.")
        return got[0], got[1]

    to_int, to_note = maps(notes)
    expect(set(to_note) != set(notes), "the two maps have changed places. Return note_to_int first, then int_to_note.")
    strange = sorted(set(to_int) ^ set(notes), key=str)
    if strange:
        where = "lacks" if strange[0] in notes else "has"
        raise Wrong(f"note_to_int should have each name of the notes and nothing else, but it {where} {strange[0]!r}.")
    wrong = sorted(set(range(different)) - {int(number) for number in to_int.values()})
    if wrong:
        raise Wrong(f"{different} names need the numbers 0 to {different - 1}, each once. No name has the number {wrong[0]}.")
    yield "gives the names the numbers from 0 up, each once"
    lost = [name for name in notes if to_note.get(to_int[name]) != name]
    if lost:
        number = to_int[lost[0]]
        raise Wrong(f"the way back fails: {lost[0]!r} has the number {number}, and {number} has {to_note.get(number)!r}.")
    yield "leads back from every number to its name"
    for _ in range(5):
        shuffled, _ = maps([notes[i] for i in rng.permutation(len(notes))])
        moved = [name for name in names if shuffled[name] != to_int[name]]
        if moved:
            name = moved[0]
            raise Wrong(
                f"the numbers depend on the order of the notes: {name!r} is {to_int[name]} in one order and {shuffled[name]} in"
                " another, though the names are the same. Bring the names into a fixed order before you number them."
            )
    yield "gives the same numbers whatever the order of the notes"


def _maps_of_a_set(notes: Sequence[str]) -> tuple[dict, dict]:
    names = list(set(notes))
    return {name: i for i, name in enumerate(names)}, dict(enumerate(names))


def _maps_by_appearance(notes: Sequence[str]) -> tuple[dict, dict]:
    names = list(dict.fromkeys(notes))
    return {name: i for i, name in enumerate(names)}, dict(enumerate(names))


def _maps_with_gaps(notes: Sequence[str]) -> tuple[dict, dict]:
    ordered = sorted(notes)  # not made unique: a later repeat of a name overwrites its number
    return {name: i for i, name in enumerate(ordered)}, dict(enumerate(ordered))


# --- 5.3 Read the grid ------------------------------------------------------------------------------

Row = tuple[float, float, int]


def _rows(tokens: Sequence[int]) -> list[Row]:
    rows: list[Row] = []
    for step, token in enumerate(tokens):
        if token >= FIRST_PITCH:
            rows.append((step / 4, 0.25, int(token) - FIRST_PITCH))
        elif token == HOLD:
            onset, duration, pitch = rows[-1]
            rows[-1] = (onset, duration + 0.25, pitch)
    return rows


def _random_tokens(rng: np.random.Generator, events: int, *, holds: bool, rests: bool) -> list[int]:
    tokens: list[int] = []
    for _ in range(events):
        if rests and rng.random() < 0.4:
            tokens += [REST] * int(rng.integers(1, 4))
        tokens.append(FIRST_PITCH + int(rng.integers(48, 84)))
        tokens += [HOLD] * (int(rng.integers(1, 5)) if holds else 0)
    return tokens


def _grid_rows(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def reads(tokens: list[int]) -> None:
        wanted = _rows(tokens)
        got = answer(list(tokens))
        what = f"read_grid({describe(tokens, 50)})"
        expect(isinstance(got, list | tuple | np.ndarray), f"{what} is {describe(got)}; it should be a list of rows.")
        for row in got:
            three = isinstance(row, list | tuple | np.ndarray) and len(row) == 3
            expect(three, f"{what} has the row {describe(row)}; a row is (onset, duration, pitch).")
            numbers = all(isinstance(value, int | float | np.number) for value in row)
            expect(numbers, f"{what} has the row {describe(row)}; its three items should be numbers.")
        got = [tuple(float(value) for value in row) for row in got]
        _explain_rows(got, wanted, tokens, what)
        same(got, [tuple(map(float, row)) for row in wanted], what)

    reads(_random_tokens(rng, int(rng.integers(3, 8)), holds=False, rests=False))
    yield "reads notes of one step"
    reads([*_random_tokens(rng, int(rng.integers(3, 6)), holds=True, rests=False), FIRST_PITCH + 60])
    yield "lets HOLD lengthen a note"
    reads([REST, REST, *_random_tokens(rng, 4, holds=False, rests=True), REST, FIRST_PITCH + 60])
    yield "leaves room for a rest"
    reads(_random_tokens(rng, 3, holds=True, rests=True))
    yield "keeps the last note, to its end"
    for _ in range(20):
        tokens = _random_tokens(rng, int(rng.integers(0, 20)), holds=bool(rng.integers(2)), rests=True)
        reads(tokens + [REST] * int(rng.integers(0, 3)))
    yield "reads twenty random tunes"


def _explain_rows(got: list[tuple], wanted: list[Row], tokens: list[int], what: str) -> None:
    """Recognise the usual slips and name them."""
    if not wanted or len(got) == 0 != len(wanted):
        return
    if len(got) == len(wanted) - 1 and got == [tuple(map(float, row)) for row in wanted[:-1]]:
        raise Wrong(f"{what}: the last note is missing. No other note comes after it to close it, so close it after the loop.")
    if len(got) > len(wanted):
        rule = "Only a pitch begins a row; HOLD and REST begin none."
        raise Wrong(f"{what} has {len(got)} rows, it should have {len(wanted)}. {rule}")
    if len(got) != len(wanted):
        return
    mine, right = np.array(got, dtype=float), np.array(wanted, dtype=float)
    if np.array_equal(mine[:, 2], right[:, 2] + FIRST_PITCH):
        raise Wrong(f"{what}: the pitches are {FIRST_PITCH} too high. Token {FIRST_PITCH} is pitch 0.")
    if len(mine) and np.allclose(mine[:, 0], right[:, 0] * 4) and not np.allclose(mine[:, 0], right[:, 0]):
        raise Wrong(f"{what}: onsets are counted in steps. A step is a quarter of a quarter length: divide by 4.")
    if np.array_equal(mine[:, [0, 2]], right[:, [0, 2]]) and not np.allclose(mine[:, 1], right[:, 1]):
        if (mine[:, 1] == 0.25).all():
            raise Wrong(f"{what}: each note is one step long. Each HOLD after a note makes it one step longer.")
        if REST in tokens and (mine[:, 1] >= right[:, 1]).all():
            raise Wrong(f"{what}: a note goes on through the rest after it. A REST ends the note before it.")


def _rows_without_last(tokens: Sequence[int]) -> list[Row]:
    rows, start, pitch = [], 0, None
    for step, token in enumerate(tokens):
        if token != HOLD:
            if pitch is not None:
                rows.append((start / 4, (step - start) / 4, pitch))
            start, pitch = step, int(token) - FIRST_PITCH if token >= FIRST_PITCH else None
    return rows


def _rows_through_rests(tokens: Sequence[int]) -> list[Row]:
    starts = [step for step, token in enumerate(tokens) if token >= FIRST_PITCH]
    ends = [*starts[1:], len(tokens)]
    return [(a / 4, (b - a) / 4, int(tokens[a]) - FIRST_PITCH) for a, b in zip(starts, ends, strict=True)]


# --- 5.4 Windows that stay inside their piece -------------------------------------------------------


def _piece_windows(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def cuts(pieces: list[list[int]], length: int) -> None:
        inputs = [p[i : i + length] for p in pieces for i in range(len(p) - length)]
        targets = [p[i + length] for p in pieces for i in range(len(p) - length)]
        got = answer([list(p) for p in pieces], length)
        what = f"piece_windows(pieces of {', '.join(str(len(p)) for p in pieces)} tokens, {length})"
        pair = isinstance(got, tuple | list) and len(got) == 2 and all(hasattr(one, "__len__") for one in got)
        expect(pair, f"{what} is {describe(got)}; it should be two lists: all windows, and all targets.")
        mine, nexts = [[int(t) for t in window] for window in got[0]], [int(t) for t in got[1]]
        _explain_windows(mine, nexts, pieces, length, what)
        expect(len(mine) == len(inputs), f"{what} gives {len(mine)} windows, it should give {len(inputs)}.")
        for number, (window, wanted) in enumerate(zip(mine, inputs, strict=True)):
            same(window, wanted, f"window {number} of {what}")
        same(nexts, targets, f"the list of targets of {what}")

    # Numbers that occur once, so that a window tells which piece it is from.
    def fresh(*lengths: int) -> list[list[int]]:
        numbers = rng.permutation(sum(lengths) + 10).tolist()
        return [[numbers.pop() for _ in range(length)] for length in lengths]

    length = int(rng.integers(3, 7))
    cuts(fresh(length + int(rng.integers(3, 12))), length)
    yield "cuts one piece into all its windows, each with the token after it"
    cuts(fresh(*(length + rng.integers(2, 9, 3)).tolist()), length)
    yield "never takes a window from two pieces"
    cuts(fresh(length - 1, length, length + 1, 0, length + 4), length)
    yield "takes nothing from a piece that is too short"
    for _ in range(20):
        length = int(rng.integers(1, 9))
        cuts(fresh(*rng.integers(0, 25, rng.integers(1, 6)).tolist()), length)
    yield "does so for twenty random collections"


def _explain_windows(mine: list[list[int]], nexts: list[int], pieces: list[list[int]], length: int, what: str) -> None:
    """Recognise the usual slips and name them."""
    expect(len(mine) == len(nexts), f"{what} gives {len(mine)} windows and {len(nexts)} targets; each window needs one.")
    owner = {token: number for number, piece in enumerate(pieces) for token in piece}
    for window, target in zip(mine, nexts, strict=True):
        expect(len(window) == length, f"{what} gives the window {describe(window)}; it should have {length} tokens.")
        homes = {owner.get(token) for token in window}
        if len(homes) > 1:
            raise Wrong(f"{what}: the window {describe(window)} takes tokens from two pieces. Cut each piece on its own.")
        if owner.get(target) not in homes:
            start = f"{what}: the target {target} is from another piece than its window {describe(window)}."
            raise Wrong(f"{start} Cut each piece on its own.")
        if target == window[-1]:
            raise Wrong(f"{what}: the target {target} is the last token of its window. The target is the token after it.")
    right = [(p[i : i + length], p[i + length]) for p in pieces for i in range(len(p) - length)]
    missing = [pair for pair in right if pair[0] not in mine]
    if missing and len(mine) < len(right):
        window, target = missing[0]
        raise Wrong(
            f"{what} gives {len(mine)} windows, it should give {len(right)}."
            f" The window {describe(window)} with the target {target} is missing."
        )


def _windows_across(pieces: Sequence[Sequence[int]], length: int) -> tuple[list, list]:
    tokens = [token for piece in pieces for token in piece]
    starts = range(len(tokens) - length)
    return [tokens[i : i + length] for i in starts], [tokens[i + length] for i in starts]


def _windows_too_few(pieces: Sequence[Sequence[int]], length: int) -> tuple[list, list]:
    places = [(piece, i) for piece in pieces for i in range(len(piece) - length - 1)]
    return [p[i : i + length] for p, i in places], [p[i + length] for p, i in places]


def _windows_apart(pieces: Sequence[Sequence[int]], length: int) -> tuple[list, list]:
    places = [(piece, i) for piece in pieces for i in range(0, len(piece) - length, length)]
    return [p[i : i + length] for p, i in places], [p[i + length] for p, i in places]


# --- 5.5 Your own measure of loss -------------------------------------------------------------------


def _loss_measure(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def value(before: Score, after: Score, what: str) -> float:
        got = answer(before, after)
        number = isinstance(got, int | float | np.number) and not isinstance(got, bool) and np.isfinite(got)
        expect(number, f"loss is {describe(got)} for {what}; it should be a number.")
        expect(-1e-9 <= got <= 1 + 1e-9, f"loss is {float(got):g} for {what}; it should lie between 0 and 1.")
        return float(got)

    def changed(score: Score, field: str, by: float, notes: Sequence[int]) -> Score:
        rows = score.notes.copy()
        rows[field][list(notes)] = rows[field][list(notes)] + by
        return Score(rows)

    count = int(rng.integers(12, 30))
    onsets = np.cumsum(rng.integers(2, 5, count)) / 4
    before = Score([(onset, 0.25, int(pitch)) for onset, pitch in zip(onsets, rng.integers(50, 80, count), strict=True)])
    got = value(before, before, "a piece and itself")
    expect(abs(got) < 1e-9, f"loss is {got:g} for a piece and itself; nothing is lost, so it should be 0.")
    yield "is 0 if nothing is lost"
    got = value(before, Score([]), "a piece of which no note is left")
    expect(abs(got - 1) < 1e-9, f"loss is {got:g} if no note is left; it should be 1.")
    yield "is 1 if nothing is left"
    order = rng.permutation(count)
    fewer = [Score(before.notes[np.sort(order[k:])]) for k in range(count)]
    losses = [value(before, after, f"a piece that lost {k} of {count} notes") for k, after in enumerate(fewer)]
    for k in range(1, count):
        words = f"loss is {losses[k]:g} with {k} of {count} notes gone and {losses[k - 1]:g} with {k - 1} gone"
        expect(losses[k] > losses[k - 1], f"{words}; each further note should make it larger.")
    yield "grows with each note that goes"
    some = rng.choice(count, count // 3, replace=False).tolist()
    for name, field, by in (("pitches", "pitch", 1), ("durations", "duration", 0.25), ("onsets", "onset", 0.25)):
        got = value(before, changed(before, field, by, some), f"a piece with {len(some)} {name} changed")
        expect(got > 1e-9, f"loss is 0 though {len(some)} of {count} {name} have changed. Your measure does not look at {name}.")
        yield f"notices changed {name}"
    all_of_it = value(before, changed(before, "pitch", 1, range(count)), "a piece with all pitches changed")
    some_of_it = value(before, changed(before, "pitch", 1, some), "a piece with some pitches changed")
    words = f"loss is {all_of_it:g} with all pitches wrong and {some_of_it:g} with a third of them wrong"
    expect(all_of_it > some_of_it, f"{words}; more damage should count more.")
    yield "counts more damage as more"


def _sets_of_notes(before: Score, after: Score, fields: list[str]) -> float:
    mine, other = ({tuple(note) for note in score.notes[fields].tolist()} for score in (before, after))
    return 1 - len(mine & other) / len(mine) if mine else 0.0


def _counting_only(before: Score, after: Score) -> float:
    return 1 - len(after) / len(before)


def _without_durations(before: Score, after: Score) -> float:
    return _sets_of_notes(before, after, ["onset", "pitch"])


def _lost_notes(before: Score, after: Score) -> int:
    return len(before) - len(after)


def _by_encoding(before: Score, after: Score) -> float:
    encoding = EventEncoding()
    return float(not np.array_equal(encoding.encode(before), encoding.encode(after)))


def _no_way_back(notes: Sequence[str]) -> Any:
    return {name: i for i, name in enumerate(sorted(set(notes)))}


EXERCISES = [
    Exercise(
        id="5.1",
        title="Count the events",
        name="count_events",
        hints=(
            "Two notes belong to one event if they begin at the same time. Which field of score.notes says when a note begins?",
            'np.unique(values) keeps one of each value. Use it on score.notes["onset"].',
        ),
        test=_count_events,
        mistakes=(
            Mistake(lambda score: len(score), "You count notes"),
            Mistake(lambda score: len(np.unique(score.notes["pitch"])), "You count different pitches"),
            Mistake(lambda score: len(set(score.notes["duration"].tolist())), "it should be"),
            Mistake(lambda score: int(score.duration / 0.25), "it should be"),
        ),
    ),
    Exercise(
        id="5.2",
        title="Two maps that never change",
        name="make_maps",
        hints=(
            "set(notes) has each name once, in no fixed order. What gives a set of names an order that is always the same?",
            "names = sorted(set(notes)). Then enumerate(names) yields 0 and the first name, 1 and the second, and so on.",
            "note_to_int = {name: number for number, name in enumerate(names)}; for int_to_note change the sides.",
        ),
        test=_make_maps,
        mistakes=(
            Mistake(_maps_of_a_set, "depend on the order of the notes"),
            Mistake(_maps_by_appearance, "depend on the order of the notes"),
            Mistake(_maps_with_gaps, "No name has the number"),
            Mistake(_no_way_back, "Return two"),
            Mistake(lambda notes: _maps_of_a_set(notes)[::-1], "changed places"),
        ),
    ),
    Exercise(
        id="5.3",
        title="Read the grid",
        name="read_grid",
        hints=(
            "Go through the tokens with for step, token in enumerate(tokens). There are three cases: a pitch, HOLD, REST.",
            "A pitch appends the row (step / 4, 0.25, token - 3). What does HOLD do to the last row of the list?",
            "HOLD: onset, duration, pitch = rows[-1], then rows[-1] = (onset, duration + 0.25, pitch). REST does nothing.",
        ),
        test=_grid_rows,
        mistakes=(
            Mistake(_rows_without_last, "the last note is missing"),
            Mistake(_rows_through_rests, "A REST ends the note"),
            Mistake(lambda tokens: [(i / 4, 0.25, t - 3) for i, t in enumerate(tokens) if t >= 3], "Each HOLD after a note"),
            Mistake(lambda tokens: [(i / 4, 0.25, t - 3) for i, t in enumerate(tokens)], "HOLD and REST begin none"),
            Mistake(lambda tokens: [(onset, length, pitch + 3) for onset, length, pitch in _rows(tokens)], "too high"),
            Mistake(lambda tokens: [(onset * 4, length * 4, pitch) for onset, length, pitch in _rows(tokens)], "divide by 4"),
        ),
    ),
    Exercise(
        id="5.4",
        title="Windows that stay inside their piece",
        name="piece_windows",
        hints=(
            "Two loops: the outer one over the pieces, the inner one over the places in one piece where a window may start.",
            "In a piece of n tokens a window may start at 0, 1, ... up to n - length - 1: its target must still be in the piece.",
            "for start in range(len(piece) - length): window piece[start : start + length], its target piece[start + length].",
        ),
        test=_piece_windows,
        mistakes=(
            Mistake(_windows_across, "Cut each piece on its own"),
            Mistake(_windows_too_few, "is missing"),
            Mistake(_windows_apart, "is missing"),
            Mistake(
                lambda pieces, length: (w := _windows_across(pieces[:1], length)[0], [one[-1] for one in w]),
                "is the last token of its window",
            ),
        ),
    ),
    Exercise(
        id="5.5",
        title="Your own measure of loss",
        name="loss",
        hints=(
            "Begin with a question: what share of the notes of `before` is in `after`, with onset, duration and pitch the same?",
            'set(score.notes[["onset", "duration", "pitch"]].tolist()) is a set of tuples, and a & b is what two sets share.',
            "That measure sees a note that is a little too late as lost. Can you make a small change cost less than a large one?",
        ),
        test=_loss_measure,
        mistakes=(
            Mistake(_counting_only, "does not look at pitches"),
            Mistake(_without_durations, "does not look at durations"),
            Mistake(_lost_notes, "between 0 and 1"),
            Mistake(_by_encoding, "each further note should make it larger"),
        ),
    ),
]
