"""Exercises of lesson 05: preprocessing."""

from __future__ import annotations

from collections import Counter
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
        for slip, text in _SLIPS_IN_EVENTS:
            told = f"{call} is {got}, it should be {events}. {text}"
            expect(not got == slip(score) != events, told)
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


def _all_edges(score: Score) -> int:
    notes = score.notes
    return len(np.union1d(notes["onset"], notes["onset"] + notes["duration"]))


def _by_field(score: Score, field: str) -> int:
    return len(np.unique(score.notes[["onset", field]]))


def _gaps(score: Score) -> int:
    return int((np.diff(score.notes["onset"]) > 0).sum())


def _whole_onsets(score: Score) -> int:
    return len(np.unique(score.notes["onset"].astype(int)))


_SLIPS_IN_EVENTS: tuple[tuple[Callable[[Score], int], str], ...] = (
    (_all_edges, "You count the ends of notes, too; an event is where notes begin."),
    (_whole_onsets, "You make whole numbers of the onsets; 0.25 and 0.5 are two."),
    (_gaps, "You count the steps from one onset to the next; the first onset has none before it."),
    (lambda score: _gaps(score) + 1, "An empty score has no onset, and no event."),
    (lambda score: _by_field(score, "duration"), "A long note and a short one that begin together are one event."),
    (lambda score: _by_field(score, "voice"), "Notes of two voices that begin together are one event."),
)


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
    wrong = sorted(set(range(different)) - set(to_int.values()))
    if wrong:
        raise Wrong(f"{different} names need the numbers 0 to {different - 1}, each once. No name has the number {wrong[0]}.")
    yield "gives the names the numbers from 0 up, each once"
    lost = [name for name in notes if to_note.get(to_int[name]) != name]
    if lost:
        number = to_int[lost[0]]
        raise Wrong(f"the way back fails: {lost[0]!r} has the number {number}, and {number} has {to_note.get(number)!r}.")
    extra = sorted(set(to_note) - set(range(different)), key=str)
    told = (
        f"int_to_note has {extra[:1]} too many: {different} names have the numbers 0 to {different - 1}, and it needs no other."
    )
    expect(not extra, told)
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


def _maps_in_halves(notes: Sequence[str]) -> tuple[dict, dict]:
    """Number the names 0.5, 1.5, 2.5, ..."""
    names = sorted(set(notes))
    return {name: i + 0.5 for i, name in enumerate(names)}, {i + 0.5: name for i, name in enumerate(names)}


def _maps_from_one(notes: Sequence[str]) -> tuple[dict, dict]:
    names = sorted(set(notes))
    return {name: i for i, name in enumerate(names, 1)}, dict(enumerate(names, 1))


def _way_back_of_all(notes: Sequence[str]) -> tuple[dict, dict]:
    """Make the way back of the notes themselves, repeats and all."""
    names = sorted(set(notes))
    return {name: i for i, name in enumerate(names)}, dict(enumerate([*names, *notes]))


def _maps_with_gaps(notes: Sequence[str]) -> tuple[dict, dict]:
    ordered = sorted(notes)  # not made unique: a later repeat of a name overwrites its number
    return {name: i for i, name in enumerate(ordered)}, dict(enumerate(ordered))


# --- 5.3 Read the grid ------------------------------------------------------------------------------

Row = tuple[float, float, int]
_ROW = "(onset, duration, pitch)"


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
    reads([FIRST_PITCH + 60, HOLD, FIRST_PITCH, HOLD, HOLD, FIRST_PITCH + 127])
    yield "reads the lowest and the highest pitch"
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
    if FIRST_PITCH in tokens and 0 in [row[2] for row in wanted] and 0 not in [row[2] for row in got]:
        raise Wrong(
            f"{what} has no note of pitch 0. Token {FIRST_PITCH} is a pitch, the lowest: a token of {FIRST_PITCH} or more."
        )
    if len(got) > len(wanted):
        rule = "Only a pitch begins a row; HOLD and REST begin none."
        raise Wrong(f"{what} has {len(got)} rows, it should have {len(wanted)}. {rule}")
    if len(got) < len(wanted):
        missing = [row for row in wanted if (row[0], row[2]) not in [(mine[0], mine[2]) for mine in got]]
        first = f" No row is there for pitch {missing[0][2]} at onset {missing[0][0]:g}." if missing else ""
        raise Wrong(f"{what} has {len(got)} of {len(wanted)} rows.{first}")
    mine, right = np.array(got, dtype=float), np.array(wanted, dtype=float)
    if len(got) > 1 and any(
        np.allclose(mine[:, order], right) for order in ([0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0])
    ):
        raise Wrong(f"{what} has the row {describe(got[0])}: the numbers are right, their order is not. A row is {_ROW}.")
    if np.array_equal(mine[:, 2], right[:, 2] + FIRST_PITCH):
        raise Wrong(f"{what}: the pitches are {FIRST_PITCH} too high. Token {FIRST_PITCH} is pitch 0.")
    if len(mine) and np.allclose(mine[:, 0], right[:, 0] * 4) and not np.allclose(mine[:, 0], right[:, 0]):
        raise Wrong(f"{what}: onsets are counted in steps. A step is a quarter of a quarter length: divide by 4.")
    if np.array_equal(mine[:, [0, 2]], right[:, [0, 2]]) and not np.allclose(mine[:, 1], right[:, 1]):
        if np.allclose(mine[:, 1], right[:, 1] * 4):
            raise Wrong(f"{what}: durations are counted in steps. A step is a quarter of a quarter length: divide by 4.")
        if np.allclose(mine[:, 1], right[:, 0] + right[:, 1]):
            raise Wrong(f"{what}: the second number of a row is where the note ends. It should be its duration, end minus onset.")
        if (mine[:, 1] == 0.25).all():
            raise Wrong(f"{what}: each note is one step long. Each HOLD after a note makes it one step longer.")
        if REST in tokens and (mine[:, 1] >= right[:, 1]).all():
            raise Wrong(f"{what}: a note goes on through the rest after it. A REST ends the note before it.")
    early = np.flatnonzero(mine[:, 0] < right[:, 0] - 1e-9)
    if len(early) and np.array_equal(mine[:, 2], right[:, 2]):
        note = f"note {early[0]} begins at {mine[early[0], 0]:g}, it should be {right[early[0], 0]:g}"
        raise Wrong(f"{what}: {note}. Each token before it takes one step, HOLD and REST as well.")


def _rows_without_last(tokens: Sequence[int]) -> list[Row]:
    rows, start, pitch = [], 0, None
    for step, token in enumerate(tokens):
        if token != HOLD:
            if pitch is not None:
                rows.append((start / 4, (step - start) / 4, pitch))
            start, pitch = step, int(token) - FIRST_PITCH if token >= FIRST_PITCH else None
    return rows


def _rows_of_a_clock(tokens: Sequence[int], ticks: set[int]) -> list[Row]:
    """Keep a clock that goes on with each note and with the other tokens in `ticks` alone."""
    now = np.cumsum([token >= FIRST_PITCH or token in ticks for token in tokens]) - 1
    starts = [int(step) for step, token in enumerate(tokens) if token >= FIRST_PITCH]
    return [(now[step] / 4, *row[1:]) for step, row in zip(starts, _rows(tokens), strict=True)]


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
        _explain_shape(got[0], got[1], what)
        mine, nexts = [[int(t) for t in window] for window in got[0]], [int(t) for t in got[1]]
        _explain_windows(mine, nexts, pieces, length, what)
        told = f"{what} gives {len(mine)} windows, it should give {len(inputs)}. A window may come more than once: keep each."
        expect(len(mine) == len(inputs), told)
        told = f"{what} gives the right windows in another order. Begin with the first of the first piece."
        expect(mine == inputs or sorted(mine) != sorted(inputs), told)
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
    cuts([fresh(2)[0] * (length + 2)], length)
    yield "keeps a window as often as it comes"
    for _ in range(20):
        length = int(rng.integers(1, 9))
        cuts(fresh(*rng.integers(0, 25, rng.integers(1, 6)).tolist()), length)
    yield "does so for twenty random collections"


def _explain_shape(windows: Any, targets: Any, what: str) -> None:
    """Say what is wrong if these are no list of lists of tokens, and no list of tokens."""
    flat = [window for window in windows if not hasattr(window, "__len__")]
    lists = [target for target in targets if hasattr(target, "__len__")]
    told = f"{what} gives the targets as the first list, and the windows as the second. Return the windows first."
    expect(not (flat and lists), told)
    expect(not flat, f"{what} has {describe(flat[:1])[1:-1]} among the windows; a window is a list of tokens.")
    nested = [window for window in windows if any(hasattr(token, "__len__") for token in window)]
    told = f"{what} has a list inside a window. Put the windows of all pieces in one list, and not in a list for each piece."
    expect(not nested, told)
    expect(not lists, f"{what} has the target {describe(lists[:1])[1:-1]}; a target is one token, piece[place], and no list.")


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
            f" The window {describe(window)} with the target {target} is missing, from piece {owner[target]} (the first is 0)."
        )


def _right_windows(pieces: Sequence[Sequence[int]], length: int) -> tuple[list, list]:
    places = [(piece, i) for piece in pieces for i in range(len(piece) - length)]
    return [p[i : i + length] for p, i in places], [p[i + length] for p, i in places]


def _targets_in_lists(pieces: Sequence[Sequence[int]], length: int) -> tuple[list, list]:
    windows, targets = _right_windows(pieces, length)
    return windows, [[target] for target in targets]


def _windows_by_piece(pieces: Sequence[Sequence[int]], length: int) -> tuple[list, list]:
    parts = [_right_windows([piece], length) for piece in pieces]
    return [windows for windows, _ in parts], [targets for _, targets in parts]


def _each_window_once(pieces: Sequence[Sequence[int]], length: int) -> tuple[list, list]:
    pairs = {tuple(window): target for window, target in zip(*_right_windows(pieces, length), strict=True)}
    return [list(window) for window in pairs], list(pairs.values())


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
    turned = " You return the share that is kept: take 1 minus it." if abs(got - 1) < 1e-9 else ""
    expect(abs(got) < 1e-9, f"loss is {got:g} for a piece and itself; nothing is lost, so it should be 0.{turned}")
    yield "is 0 if nothing is lost"
    got = value(before, Score([]), "a piece of which no note is left")
    told = (
        f"loss is {got:g} if no note is left; it should be 1. Count what is missing, too: zip stops where the shorter one ends."
    )
    expect(abs(got - 1) < 1e-9, told)
    yield "is 1 if nothing is left"
    order = rng.permutation(count)
    fewer = [Score(before.notes[np.sort(order[k:])]) for k in range(count)]
    losses = [value(before, after, f"a piece that lost {k} of {count} notes") for k, after in enumerate(fewer)]
    for k in range(1, count):
        words = f"loss is {losses[k]:g} with {k} of {count} notes gone and {losses[k - 1]:g} with {k - 1} gone"
        expect(losses[k] > losses[k - 1], f"{words}; each further note should make it larger.")
    yield "grows with each note that goes"
    some = rng.choice(count, count // 3, replace=False).tolist()

    def notices(name: str, field: str, by: float) -> None:
        got = value(before, changed(before, field, by, some), f"a piece with {len(some)} {name} changed")
        told = f"loss is 0 though {len(some)} of {count} {name} have changed. Your measure does not look at {name}"
        expect(got > 1e-9, f"{told}, or does not keep them with their notes.")

    notices("pitches", "pitch", 1)
    yield "notices changed pitches"
    notices("durations", "duration", 0.25)
    yield "notices changed durations"
    notices("onsets", "onset", 0.25)
    yield "notices changed onsets"
    all_of_it = value(before, changed(before, "pitch", 1, range(count)), "a piece with all pitches changed")
    some_of_it = value(before, changed(before, "pitch", 1, some), "a piece with some pitches changed")
    words = f"loss is {all_of_it:g} with all pitches wrong and {some_of_it:g} with a third of them wrong"
    expect(all_of_it > some_of_it, f"{words}; more damage should count more.")
    yield "counts more damage as more"


def _sets_of_notes(before: Score, after: Score, fields: list[str]) -> float:
    mine, other = ({tuple(note) for note in score.notes[fields].tolist()} for score in (before, after))
    return 1 - len(mine & other) / len(mine) if mine else 0.0


_FIELDS = ["onset", "duration", "pitch"]


def _in_pairs(before: Score, after: Score) -> float:
    pairs = zip(before.notes.tolist(), after.notes.tolist(), strict=False)
    return sum(one != other for one, other in pairs) / len(before)


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


# --- 5.6 The most similar place ---------------------------------------------------------------------


def _most_similar(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def finds(window: np.ndarray, others: np.ndarray) -> None:
        got, counts = answer(window.copy(), others.copy()), (others == window).sum(axis=1)
        what = f"most_similar({window.tolist()}, {describe(others.tolist(), 60)})"
        number = isinstance(got, int | np.integer) and not isinstance(got, bool)
        expect(number, f"{what} is {describe(got)}; it should be the number of a window, a whole number.")
        expect(0 <= got < len(others), f"{what} is {got}; the windows have the numbers 0 to {len(others) - 1}.")
        best = int(counts.argmax())
        found = f"{what} is {got}. Window {got} has the same name in {counts[got]} places"
        better = f"{found}, window {best} in {counts[best]}. Count the places that agree"
        expect(counts[got] == counts[best], f"{better}; how far apart two numbers are says nothing.")
        expect(got == best, f"{found}, and so has window {best}, which comes before it. Of equals take the first.")

    for _ in range(3):
        window, others = rng.integers(0, 33, 6), rng.integers(0, 33, (9, 6))
        others[rng.integers(9)] = window
        finds(window, others)
    yield "finds a window that is quite the same"
    for _ in range(5):
        window = rng.permutation(np.arange(1, 32))[:6]
        others = np.tile(window, (7, 1)) + rng.choice([-1, 1], (7, 6))  # near in number, the same in no place
        one = int(rng.integers(7))
        others[one] = window
        others[one, rng.integers(6)] += 40  # the same in all places but one
        finds(window, others)
    yield "counts places that agree, and not how far apart the numbers are"
    window = rng.permutation(33)[:6]
    finds(window, np.stack([np.roll(window, 1), window[::-1], np.where(np.arange(6) < 3, window, 40)]))
    yield "compares place by place"
    for _ in range(5):
        window, others = rng.integers(0, 4, 8), rng.integers(0, 4, (99, 8))
        others[11::4] = np.where(np.arange(8) == rng.integers(8), 9, window)  # so many that no sort keeps the first by luck
        finds(window, others)
    yield "takes the first of equals"
    for _ in range(5):
        window, others, order = rng.integers(0, 12, 8), rng.integers(0, 12, (40, 8)), rng.permutation(12)
        finds(window, others)
        finds(order[window], order[others])
    yield "gives the same answer when the names are numbered anew"


def _nearest(window: np.ndarray, others: np.ndarray) -> int:
    return int(np.abs(others - window).sum(axis=1).argmin())


def _same_names_anywhere(window: np.ndarray, others: np.ndarray) -> int:
    return int(np.argmax([len(set(window.tolist()) & set(other.tolist())) for other in others]))


def _last_of_equals(window: np.ndarray, others: np.ndarray) -> int:
    return len(others) - 1 - int((others == window).sum(axis=1)[::-1].argmax())


# --- 5.7 Chords that keep their octave --------------------------------------------------------------

_LETTERS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def _name_chord(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def name(pitches: Sequence[int]) -> str:
        got = answer(list(pitches))
        expect(isinstance(got, str), f"name_chord({list(pitches)}) is {describe(got)}; a name is a text.")
        return got

    def differ(one: Sequence[int], other: Sequence[int], why: str) -> None:
        same_name = name(one)
        told = f"{list(one)} and {list(other)} are both named {same_name!r}. {why}"
        expect(same_name != name(other), f"{told} Who reads the name cannot know which of the two was meant.")

    def chord() -> list[int]:
        return sorted(rng.choice(np.arange(40, 80), int(rng.integers(3, 6)), replace=False).tolist())

    for _ in range(5):
        pitches = chord()
        differ(pitches, [p + 1 for p in pitches], "The second is a semitone higher.")
    yield "gives other letters another name"
    for pitches in (*(chord() for _ in range(5)), [48, 64, 72]):  # the last three clash in a set: it is shown as they came
        for other in (pitches[::-1], rng.permutation(pitches).tolist()):
            told = f"{pitches} is named {name(pitches)!r}, and {other} {name(other)!r}: the same notes, in another order."
            expect(name(pitches) == name(other), f"{told} One chord needs one name: sort the pitches.")
    yield "gives one chord one name, in whatever order its notes come"
    for _ in range(5):
        pitches = chord()
        differ(pitches, [p + 12 for p in pitches], "The second is an octave higher: the same letters, other octaves.")
        differ(pitches, [*pitches[:-1], pitches[-1] + 12], "Only the top note has moved, by an octave.")
        differ(pitches, [pitches[0] - 12, *pitches[1:]], "Only the lowest note has moved, by an octave.")
    differ([40, 44, 51, 79], [40, 45, 50, 79], "The lowest and the highest note are the same, and not what lies between.")
    yield "keeps the octave of every note"
    pitches = chord()
    twice = [*pitches, pitches[0]]
    told = f"{pitches} is named {name(pitches)!r}, and {twice} {name(twice)!r}. A pitch that two voices play at once is one note."
    expect(name(pitches) == name(twice), told)
    yield "takes a pitch that two voices play as one note"
    differ([1, 2], [12], "Something must stand between the pitches.")
    known: dict[str, list[int]] = {}
    for _ in range(300):
        pitches = sorted(rng.choice(128, int(rng.integers(1, 7)), replace=False).tolist())
        other = known.setdefault(name(pitches), pitches)
        expect(other == pitches, f"{other} and {pitches} are both named {name(pitches)!r}. Two chords need two names.")
    yield "never gives two chords the same name"


def _short_name(pitches: Sequence[int]) -> str:
    return ".".join(sorted({_LETTERS[p % 12] for p in pitches}))


def _bass_and_letters(pitches: Sequence[int]) -> str:
    """Keep the octave of the lowest note, and of the others how far they lie above it, within an octave."""
    return ".".join([str(min(pitches)), *(str(step) for step in sorted({(p - min(pitches)) % 12 for p in pitches}))])


def _intervals_only(pitches: Sequence[int]) -> str:
    return ".".join(str(p - min(pitches)) for p in sorted(set(pitches)))


# --- 5.8 Figures that stay inside their tune --------------------------------------------------------

Figure = tuple[int, ...]


def _count_figures(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def counts(tunes: list[list[int]], length: int) -> None:
        wanted, got = _figures(tunes, length), answer([list(tune) for tune in tunes], length)
        what = f"count_figures(tunes of {', '.join(str(len(tune)) for tune in tunes)} notes, {length})"
        expect(isinstance(got, dict), f"{what} is {describe(got)}; it should be a dictionary, or a Counter.")
        for figure in got:
            fits = isinstance(figure, tuple) and len(figure) == length
            expect(fits, f"{what} has the figure {describe(figure)}; a figure is a tuple of {length} pitches.")
        for figure in got:
            expect(figure in wanted, f"{what} has the figure {figure}, which stands in no tune. Count each tune on its own.")
        for figure, count in wanted.items():
            told = f"{what} lacks the figure {figure}, which stands in a tune. No figure inside a tune may be left out."
            expect(figure in got, told)
            told = f"{what} has counted the figure {figure} and found {describe(got[figure])}, it should be {count}."
            expect(got[figure] == count, told)

    def tune(notes: int) -> list[int]:
        return np.clip(67 + np.cumsum(rng.integers(-3, 4, notes)), 50, 90).tolist()

    counts([rng.permutation(np.arange(60, 72)).tolist()], 4)
    yield "finds every figure of one tune"
    counts([[60, 64, 67] * 5 + [60]], 3)
    yield "counts a figure as often as it comes"
    up, down = list(range(60, 72)), list(range(71, 59, -1))
    counts([up, down, up], 4)  # tunes that go on where the last one stopped: no leap shows the seam
    counts([up[:6], up[6:], up], 4)  # what lies across the seam stands in the third tune, too
    yield "takes no figure from two tunes, even where one goes on like the other"
    counts([up, [76, 60, 77, 59, 78, 60], down], 3)  # a tune with leaps of more than an octave
    yield "keeps the leaps that a tune has"
    counts([tune(3), tune(4), [], tune(9)], 4)
    yield "finds nothing in a tune that is too short"
    for _ in range(10):
        counts([tune(int(n)) for n in rng.integers(0, 30, int(rng.integers(1, 7)))], int(rng.integers(1, 7)))
    yield "does so for ten random books"


def _figures(tunes: Sequence[Sequence[Any]], length: int) -> Counter[Figure]:
    return Counter(tuple(tune[i : i + length]) for tune in tunes for i in range(len(tune) - length + 1))


def _across_tunes(tunes: Sequence[Sequence[int]], length: int) -> Counter[Figure]:
    return _figures([[pitch for tune in tunes for pitch in tune]], length)


def _with_a_mark_between(tunes: Sequence[Sequence[int]], length: int) -> Counter[Figure]:
    return _figures([[pitch for tune in tunes for pitch in [*tune, 0]]], length)


def _without_leaps(tunes: Sequence[Sequence[int]], length: int) -> Counter[Figure]:
    """Take a leap of more than an octave for a seam."""
    found = _across_tunes(tunes, length)
    return Counter({figure: n for figure, n in found.items() if np.abs(np.diff(figure)).max(initial=0) <= 12})


def _without_false_ones(tunes: Sequence[Sequence[int]], length: int) -> Counter[Figure]:
    """Leave out what stands in no tune, as the diagnosis does; what stands in one may be counted at a seam all the same."""
    inside = _figures(tunes, length)
    return Counter({figure: n for figure, n in _across_tunes(tunes, length).items() if figure in inside})


def _once_a_tune(tunes: Sequence[Sequence[int]], length: int) -> Counter[Figure]:
    return Counter(figure for tune in tunes for figure in _figures([tune], length))


def _last_figure_lost(tunes: Sequence[Sequence[int]], length: int) -> Counter[Figure]:
    return _figures([tune[:-1] for tune in tunes], length)


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
            Mistake(_all_edges, "You count the ends of notes"),
            Mistake(_whole_onsets, "0.25 and 0.5 are two"),
            Mistake(_gaps, "the first onset has none before it"),
            Mistake(lambda score: _gaps(score) + 1, "An empty score"),
            Mistake(lambda score: _by_field(score, "duration"), "A long note and a short one"),
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
            Mistake(_maps_from_one, "No name has the number 0"),
            Mistake(_maps_in_halves, "No name has the number 0"),
            Mistake(_way_back_of_all, "too many"),
            Mistake(lambda notes: (_maps_of_a_set(notes)[0], dict(enumerate(notes))), "the way back fails"),
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
            Mistake(lambda tokens: _rows(tokens)[1:], "No row is there for pitch"),
            Mistake(lambda tokens: _rows(tokens)[:1], "No row is there for pitch"),
            Mistake(lambda tokens: [row for row in _rows(tokens) if row[2] > 0], "the lowest"),
            Mistake(lambda tokens: _rows_of_a_clock(tokens, {HOLD}), "HOLD and REST as well"),
            Mistake(lambda tokens: _rows_of_a_clock(tokens, {REST}), "HOLD and REST as well"),
            Mistake(
                lambda tokens: [(onset, length * 4, pitch) for onset, length, pitch in _rows(tokens)], "durations are counted"
            ),
            Mistake(lambda tokens: [(onset, onset + length, pitch) for onset, length, pitch in _rows(tokens)], "end minus onset"),
            Mistake(lambda tokens: [(pitch, onset, length) for onset, length, pitch in _rows(tokens)], "their order is not"),
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
            Mistake(lambda pieces, length: _right_windows(pieces[:1], length), "from piece 1"),
            Mistake(lambda pieces, length: _right_windows(pieces, length)[::-1], "Return the windows first"),
            Mistake(lambda pieces, length: _right_windows(pieces[::-1], length), "in another order"),
            Mistake(_targets_in_lists, "and no list"),
            Mistake(_windows_by_piece, "in one list"),
            Mistake(_each_window_once, "keep each"),
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
            Mistake(lambda before, after: 1 - _sets_of_notes(before, after, _FIELDS), "take 1 minus it"),
            Mistake(_in_pairs, "zip stops where the shorter one ends"),
            Mistake(lambda before, after: 100 * _sets_of_notes(before, after, _FIELDS), "between 0 and 1"),
            Mistake(
                lambda before, after: float(np.mean([_sets_of_notes(before, after, [f]) for f in _FIELDS])), "with their notes"
            ),
            Mistake(_by_encoding, "each further note should make it larger"),
        ),
    ),
    Exercise(
        id="5.6",
        title="The most similar place",
        name="most_similar",
        hints=(
            "Number the names in another way, and your answer must stay. What can you ask about two numbers that survives this?",
            "Whether they are equal. others == window is an array of truth values, one for each place of each window.",
            "Add them up along axis 1. argmax gives the place of the largest sum, and of equal ones the first.",
        ),
        test=_most_similar,
        mistakes=(
            Mistake(_nearest, "how far apart two numbers are says nothing"),
            Mistake(lambda window, others: _nearest(window / 33, others / 33), "how far apart two numbers are says nothing"),
            Mistake(lambda window, others: int(((others - window) ** 2).sum(axis=1).argmin()), "Count the places that agree"),
            Mistake(_same_names_anywhere, "Count the places that agree"),
            Mistake(_last_of_equals, "take the first"),
            Mistake(lambda window, others: int(np.argsort(-(others == window).sum(axis=1))[0]), "take the first"),
        ),
    ),
    Exercise(
        id="5.7",
        title="Chords that keep their octave",
        name="name_chord",
        hints=(
            "Could you write the chord down again from its name alone? Then the name has lost nothing.",
            "p % 12 throws the octave away. The pitch number has both in one: 60 is C4, 72 is C5.",
            'set() makes repeats one, sorted() gives an order, str() makes texts, and ".".join() puts dots between them.',
        ),
        test=_name_chord,
        mistakes=(
            Mistake(_short_name, "the same letters, other octaves"),
            Mistake(_bass_and_letters, "Only the top note has moved"),
            Mistake(_intervals_only, "The second is a semitone higher"),
            Mistake(lambda pitches: str(set(pitches)), "sort the pitches"),
            Mistake(lambda pitches: f"{min(pitches)} to {max(pitches)}, {sum(set(pitches))}", "not what lies between"),
            Mistake(lambda pitches: ".".join(map(str, pitches)), "sort the pitches"),
            Mistake(lambda pitches: ".".join(map(str, sorted(pitches))), "is one note"),
            Mistake(lambda pitches: "".join(map(str, sorted(set(pitches)))), "Something must stand between"),
        ),
    ),
    Exercise(
        id="5.8",
        title="Figures that stay inside their tune",
        name="count_figures",
        hints=(
            "Whatever you put between two tunes, or filter out afterwards: the seam is there because the tunes were joined.",
            "Two loops: for tune in tunes, and in it for start in range(len(tune) - length + 1).",
            "Counter(), and for each figure: counter[tuple(tune[start : start + length])] += 1.",
        ),
        test=_count_figures,
        mistakes=(
            Mistake(_across_tunes, "Count each tune on its own"),
            Mistake(_with_a_mark_between, "stands in no tune"),
            Mistake(_without_leaps, "Count each tune on its own"),
            Mistake(_once_a_tune, "has counted the figure"),
            Mistake(_without_false_ones, "has counted the figure"),
            Mistake(_last_figure_lost, "No figure inside a tune may be left out"),
        ),
    ),
]
