"""Datasets: nothing leaks between the sides of a split, between pieces, or from padding into a figure."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import METRES, scores, tune

from musiclab import dataset
from musiclab.dataset import (
    Batches,
    Piece,
    duplicate_groups,
    encode_pieces,
    split_pieces,
    suits_a_melody_model,
    transposed,
    windows,
)
from musiclab.encoding import END, EventEncoding, GridEncoding, NoteNameEncoding
from musiclab.score import Score

SIDES = ("train", "valid", "test")


def melodies(count, length=30, seed=0):
    """Melodies that have nothing to do with one another."""
    rng = np.random.default_rng(seed)
    return [tune(rng.integers(55, 80, length).tolist()) for _ in range(count)]


def sides_of(split):
    return {int(piece): side for side in SIDES for piece in getattr(split, side)}


# --- windows --------------------------------------------------------------------------------------------

token_lists = st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=6)


@given(token_lists, st.integers(1, 6))
def test_windows_are_every_run_within_a_piece_and_none_across_two(pieces, length):
    inputs, targets = windows([Piece(np.array(p, dtype=np.int32)) for p in pieces], length)
    expected = [(p[i : i + length], p[i + length]) for p in pieces for i in range(len(p) - length)]
    assert list(zip(inputs.tolist(), targets.tolist(), strict=True)) == expected
    assert inputs.shape == (len(expected), length)
    assert inputs.dtype == targets.dtype == np.int32


# --- near-duplicates ------------------------------------------------------------------------------------


def test_transposed_shortened_and_varied_melodies_are_one_group():
    base = melodies(40)
    varied = base[1].notes.copy()
    varied["pitch"][7] += 1
    pieces = [
        *base,
        base[0].transpose(7),
        tune(varied["pitch"].tolist()),
        base[2].slice(0, 10),  # the first 20 of 30 notes
        tune(base[3].notes["pitch"].tolist(), length=2.0),  # another rhythm, the same melody
    ]
    groups = duplicate_groups(pieces)
    assert groups[40:].tolist() == groups[:4].tolist()
    assert len(set(groups.tolist())) == 40


def test_belonging_together_is_passed_on():
    rng = np.random.default_rng(1)
    a, b, c = (rng.integers(50, 80, length).tolist() for length in (15, 30, 15))
    groups = duplicate_groups([tune(a + b), tune(c), tune(b + c), tune(rng.integers(50, 80, 40).tolist())])
    assert groups[0] == groups[1] == groups[2] != groups[3]


def test_a_melody_found_in_very_many_pieces_is_still_one_melody():
    groups = duplicate_groups([melodies(1)[0].transpose(i % 12 - 6) for i in range(150)])
    assert len(set(groups.tolist())) == 1


def test_short_and_empty_pieces_are_grouped_by_all_they_have():
    groups = duplicate_groups([tune([60, 62]), tune([65, 67]), tune([60, 61]), tune([60]), tune([70]), tune([])])
    assert groups[0] == groups[1] != groups[2]
    assert groups[3] == groups[4]


def piano(seed, length=40):
    """A melody in voice 0 over broken chords that go on below it in voice 1, both at random."""
    rng = np.random.default_rng(seed)
    melody, bass = rng.integers(60, 85, length).tolist(), rng.integers(36, 48, length).tolist()
    rows = [(float(k), 1.0, pitch, 0, 90) for k, pitch in enumerate(melody)]
    return Score([*rows, *[(k + n / 4, 0.25, bass[k] + (0, 7, 4, 7)[n], 1, 60) for k in range(length) for n in range(4)]])


def handled(score, change):
    """Change each note, a list of onset, duration, pitch, voice and velocity."""
    return Score([tuple(change(list(row))) for row in score.notes.tolist()])


def other_order(score):
    return handled(score, lambda row: [*row[:3], 1 - row[3], row[4]])


def one_track(score):
    return handled(score, lambda row: [*row[:3], 0, row[4]])


def split_at_middle_c(score):
    """As a program does that knows of no hands: what lies low is for the left one."""
    return handled(score, lambda row: [*row[:3], int(row[2] < 64), row[4]])


def with_intro(score):
    intro = [(k / 4, 0.25, 40 + k % 5, 1, 70) for k in range(64)]
    return Score([*intro, *handled(score, lambda row: [row[0] + 16, *row[1:]]).notes.tolist()])


def played(score):
    """As somebody plays it: chords below the melody in the same track, no two keys struck or let go at one moment."""
    rng = np.random.default_rng(1)
    chords = [[on, d, p - below, 0, v] for on, d, p, voice, v in score.notes.tolist() if not voice for below in (0, 4, 9)]
    low = [row for row in score.notes.tolist() if row[3] == 1]
    return Score([(row[0] + rng.uniform(0, 0.03), row[1] * rng.uniform(0.95, 1.05), *row[2:]) for row in [*chords, *low]])


@pytest.mark.parametrize("change", [other_order, one_track, split_at_middle_c, with_intro, played, lambda score: score])
@pytest.mark.parametrize("semitones", [0, -3])
def test_a_piano_piece_is_found_again_however_its_notes_are_handed_out(change, semitones):
    base = [piano(seed) for seed in range(8)]
    again = [change(score).transpose(semitones) for score in base[:4]]
    assert duplicate_groups([*base, *again]).tolist() == [*range(8), *range(4)]
    assert duplicate_groups([*again, *base]).tolist() == [*range(4), *range(8)]


def test_the_same_accompaniment_makes_no_two_pieces_the_same():
    low = piano(0).notes[piano(0).notes["voice"] == 1].tolist()
    pieces = [Score([*piano(seed).voice(0).notes.tolist(), *low]) for seed in range(8)]
    assert duplicate_groups(pieces).tolist() == [*range(8)]
    assert duplicate_groups([played(piece) for piece in pieces]).tolist() == [*range(8)]


def test_the_skyline_of_a_tune_adds_nothing_and_that_of_chords_counts():
    base = melodies(6)
    chords = [Score([(on, d, p - below) for on, d, p, *_ in score.notes.tolist() for below in (0, 5, 12)]) for score in base[:3]]
    assert duplicate_groups([*base, *chords]).tolist() == [*range(6), *range(3)]


@pytest.mark.parametrize("name", ["bach-chorales", "irish-tunes"])
def test_the_skyline_joins_no_two_pieces_of_the_corpora(corpora, name, monkeypatch):
    """Their melodies lie in voice 0, and what else sounds does not make them others."""
    groups = duplicate_groups(corpora[name])
    monkeypatch.setattr(dataset, "_is_one_line", lambda score: True)
    assert np.array_equal(groups, duplicate_groups(corpora[name]))


@pytest.mark.parametrize("length", [0, -1])
@pytest.mark.parametrize("pieces", [[], [tune([60, 62, 64])]], ids=["no piece", "a piece"])
def test_a_fingerprint_of_nothing_is_refused(pieces, length):
    with pytest.raises(ValueError, match=rf"length={length}: a fingerprint must have 1 interval or more"):
        duplicate_groups(pieces, length=length)


def test_the_real_corpora_hold_near_duplicates(corpora):
    pieces = corpora["scottish-tunes"] + corpora["irish-tunes"]
    groups = duplicate_groups(pieces)
    doubled = len(pieces) - len(set(groups.tolist()))
    assert 10 < doubled < len(pieces) / 4


# --- the split ------------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=40),
    st.floats(0, 0.9),
    st.floats(0, 0.9),
    st.integers(0, 5),
)
def test_a_split_is_disjoint_complete_repeatable_and_keeps_copies_together(kinds, valid, test, seed):
    """`kinds` says which melody each piece is; equal kinds are transposed copies of one melody."""
    assume(valid + test < 1)
    base = melodies(13)
    pieces = [base[kind].transpose(i % 5) for i, kind in enumerate(kinds)]
    wanted = 1 + (valid > 0) + (test > 0)
    if len(set(kinds)) < wanted:
        with pytest.raises(ValueError, match=f"{len(pieces)} pieces form {len(set(kinds))} groups .* needs at least {wanted}"):
            split_pieces(pieces, valid=valid, test=test, seed=seed)
        return
    split = split_pieces(pieces, valid=valid, test=test, seed=seed)
    assert sorted(np.concatenate([split.train, split.valid, split.test])) == list(range(len(pieces)))
    assert all(np.array_equal(np.sort(getattr(split, side)), getattr(split, side)) for side in SIDES)
    side_of = sides_of(split)
    assert all(len({side_of[i] for i, k in enumerate(kinds) if k == kind}) == 1 for kind in kinds)
    assert len(split.train) > 0
    assert (len(split.valid) > 0) == (valid > 0)
    assert (len(split.test) > 0) == (test > 0)
    again = split_pieces(pieces, valid=valid, test=test, seed=seed)
    assert all(np.array_equal(getattr(split, side), getattr(again, side)) for side in SIDES)


@pytest.mark.parametrize(("valid", "test"), [(0.1, 0.1), (0.25, 0.05), (0.0, 0.3), (0.2, 0.0)])
def test_the_sides_have_the_shares_asked_for(valid, test):
    split = split_pieces(melodies(400), valid=valid, test=test)
    assert abs(len(split.valid) - 400 * valid) <= 1
    assert abs(len(split.test) - 400 * test) <= 1


def test_another_seed_is_another_split():
    splits = [split_pieces(melodies(60), seed=seed).test.tolist() for seed in range(3)]
    assert len({tuple(s) for s in splits}) == 3


@pytest.mark.parametrize(("valid", "test"), [(-0.1, 0.1), (0.1, -0.1), (0.5, 0.5), (0.9, 0.2), (1.0, 0.0)])
def test_shares_that_leave_nothing_to_train_on_are_refused(valid, test):
    with pytest.raises(ValueError, match="leave something to train on"):
        split_pieces(melodies(9), valid=valid, test=test)


def test_no_piece_is_no_split():
    with pytest.raises(ValueError, match="0 pieces"):
        split_pieces([])


# --- batches --------------------------------------------------------------------------------------------

piece_lists = st.lists(st.tuples(scores(min_size=0, max_size=10, voices=1), st.sampled_from(METRES)), min_size=1, max_size=9)


def taken_apart(encoding, batch):
    """Return each row of a batch as (tokens, inputs), cut where its weights end."""
    for inputs, targets, weights in zip(*batch, strict=True):
        length = int(weights.sum())
        assert weights[:length].all() and not weights[length:].any()
        assert targets[length - 1] == END
        assert not inputs[length:].any() and (targets[length:] == END).all()
        yield targets[: length - 1], inputs[:length]


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("encoding", [GridEncoding(), EventEncoding()], ids=["grid", "events"])
@given(pieces=piece_lists, batch_size=st.integers(1, 4), epoch=st.integers(0, 3))
def test_an_epoch_holds_every_piece_once_whole_with_the_inputs_of_its_own_metre(encoding, shuffle, pieces, batch_size, epoch):
    pieces = [Piece(encoding.encode(score), metre) for score, metre in pieces]
    batches = Batches(pieces, encoding, batch_size=batch_size, shuffle=shuffle)
    found, steps, count = [], 0, 0
    for batch in batches.epoch(epoch):
        inputs, targets, weights = batch
        assert len(inputs) <= batch_size and inputs.shape[:2] == targets.shape == weights.shape
        assert inputs.shape[1] % 16 == 0 and inputs.shape[1] - weights.sum(axis=1).max() < 16
        assert (inputs.dtype, targets.dtype, weights.dtype) == (np.int32, np.int32, np.float32)
        steps += int(weights.sum())
        count += 1
        found += [(tokens.tolist(), rows.tolist()) for tokens, rows in taken_apart(encoding, batch)]
    expected = [(p.tokens.tolist(), encoding.inputs(p.tokens, p.time_signature).tolist()) for p in pieces]
    assert sorted(found) == sorted(expected)
    assert steps == batches.steps == sum(len(p.tokens) + 1 for p in pieces)
    assert count == len(batches)


def test_the_same_seed_and_epoch_are_the_same_batches_and_others_are_not():
    encoding = GridEncoding()
    pieces = encode_pieces(melodies(40, length=12), encoding)

    def epoch(seed, number):
        batches = Batches(pieces, encoding, batch_size=4, semitones=(-6, 5), seed=seed)
        return [array.tobytes() for batch in batches.epoch(number) for array in batch]

    assert epoch(0, 7) == epoch(0, 7)
    others = [epoch(0, 7), epoch(0, 8), epoch(1, 7), epoch(1, 8)]
    assert all(a != b for i, a in enumerate(others) for b in others[:i])


def test_each_epoch_puts_pieces_together_anew():
    encoding = GridEncoding()
    pieces = encode_pieces(melodies(64, length=16), encoding)
    number_of = {piece.tokens.tobytes(): i for i, piece in enumerate(pieces)}
    batches = Batches(pieces, encoding, batch_size=8)
    partners = []
    for epoch in range(2):
        groups = [[number_of[t.tobytes()] for t, _ in taken_apart(encoding, b)] for b in batches.epoch(epoch)]
        order = [piece for group in groups for piece in group]
        assert order != sorted(order)
        partners.append({frozenset(group) for group in groups})
    assert partners[0] != partners[1]


def test_transposition_is_one_shift_a_piece_within_the_range_and_all_are_used():
    encoding = GridEncoding()
    pieces = encode_pieces(melodies(60, length=12), encoding)
    by_intervals = {np.diff(p.tokens[::2]).tobytes(): p for p in pieces}
    seen = set()
    for epoch in range(4):
        for batch in Batches(pieces, encoding, semitones=(-3, 2)).epoch(epoch):
            for tokens, _ in taken_apart(encoding, batch):
                original = by_intervals[np.diff(tokens[::2]).tobytes()]
                shift = int(tokens[0] - original.tokens[0])
                assert np.array_equal(tokens, encoding.transpose(original.tokens, shift))
                seen.add(shift)
    assert seen == set(range(-3, 3))


def test_without_shuffling_pieces_come_by_length():
    encoding = GridEncoding()
    pieces = encode_pieces([tune([60] * n) for n in (9, 3, 7, 5, 1)], encoding)
    lengths = [
        len(t)
        for batch in Batches(pieces, encoding, batch_size=2, shuffle=False).epoch()
        for t, _ in taken_apart(encoding, batch)
    ]
    assert all(a <= b for a, b in pairwise(lengths))


def test_batches_of_several_voices_have_a_column_for_each():
    encoding = GridEncoding(voices=4)
    chorale = encode_pieces([tune([60, 62]), tune([64])], encoding)
    ((inputs, targets, weights),) = Batches(chorale, encoding).epoch()
    assert inputs.shape == (2, 16, 7) and targets.shape == (2, 16, 4) and weights.shape == (2, 16)
    assert np.array_equal(inputs[0, 1:3, :4], targets[0, :2])


def test_batches_of_nothing_are_refused():
    with pytest.raises(ValueError, match="no piece"):
        Batches([], GridEncoding())


def test_transposing_a_piece_keeps_its_metre():
    encoding = NoteNameEncoding(["C4", "C#4", "D4"])
    piece = Piece(encoding.encode(tune([60, 61])), (3, 4))
    moved = transposed(piece, encoding, 1)
    assert encoding.decode(moved.tokens).notes["pitch"].tolist() == [61, 62]
    assert moved.time_signature == (3, 4)
    assert transposed(piece, encoding, 0) == piece


def test_a_piece_that_cannot_be_moved_that_far_is_named_at_once():
    grid = GridEncoding()
    pieces = encode_pieces([tune([60]), tune([125])], grid)
    with pytest.raises(ValueError, match="piece 1 cannot be moved by 5 semitones"):
        Batches(pieces, grid, semitones=(-5, 5))


# --- what the shipped melody model learns from ------------------------------------------------------------


def test_a_melody_to_learn_from_lies_on_the_grid_in_bars_and_has_a_fair_length():
    grid = GridEncoding()
    good = tune([60, 62, 64, 65] * 8, length=1.0)
    assert suits_a_melody_model(good, grid)
    for bad in (
        tune([60] * 12, length=1.0),  # three bars
        tune([60] * 4 * 65, length=1.0),  # sixty-five
        tune([60] * 60, length=1 / 3),  # triplets
        tune([60] * 30, length=1.0, time_signature=(7, 8)),  # a metre the encoding does not tell apart
        tune([60] * 12, length=3.0),  # bar lines that nothing begins at
    ):
        assert not suits_a_melody_model(bad, grid)
