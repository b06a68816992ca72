"""Copying: against a plain search, and on copies that were put there."""

import numpy as np
import pytest

from musiclab.evaluation import changes_of, copied_runs, grid_of, longest_copy, seen_runs
from musiclab.score import Score


def walk(rng, chords, voices=4, silence=0.0, steps=2):
    """A score of chords of one to four sixteenths in which each voice moves by chance; some notes may be rests."""
    lengths = rng.integers(1, 5, chords) / 4
    onsets = np.cumsum(lengths) - lengths
    pitches = np.cumsum(rng.integers(-steps, steps + 1, (chords, voices)), axis=0) + [72, 65, 58, 50][:voices]
    rows = zip(onsets, lengths, pitches, rng.random((chords, voices)) < silence, strict=True)
    return Score([(o, d, int(p), v) for o, d, row, quiet in rows for v, p in enumerate(row) if not quiet[v]])


def with_copy(rng, piece, start, end, semitones, stretch):
    """A piece that begins and ends by itself, and in between is `piece` from `start` to `end`, in another key and tempo."""
    before, copy, after = walk(rng, 9), piece.slice(start, end).transpose(semitones), walk(rng, 9)
    notes = [before.notes, copy.notes.copy(), after.notes.copy()]
    notes[1]["onset"] = notes[1]["onset"] * stretch + before.duration
    notes[1]["duration"] *= stretch
    notes[2]["onset"] += before.duration + copy.duration * stretch
    return Score(np.concatenate(notes)), before.duration, before.duration + copy.duration * stretch


def chords_of(score):
    """What sounds together, chord after chord; rests in all voices are no chords, nor are repeated ones."""
    found = []
    for row in changes_of(grid_of(score)).tolist():
        if any(row) and (not found or found[-1] != row):
            found.append(row)
    return found


def in_any_key(chords):
    top = next(p for p in chords[0] if p)
    return [[p - top if p else None for p in row] for row in chords]


def plainly_longest(piece, training):
    """Find the longest common run of chords in any key, by trying all places."""
    mine, best = chords_of(piece), 1
    for other in map(chords_of, training):
        for i in range(len(mine)):
            for j in range(len(other)):
                n = best + 1  # a run that is longer than the best one
                while i + n <= len(mine) and j + n <= len(other) and in_any_key(mine[i : i + n]) == in_any_key(other[j : j + n]):
                    best, n = n, n + 1
    return best


@pytest.mark.parametrize(("voices", "silence"), [(4, 0.0), (1, 0.0), (2, 0.0), (1, 0.3), (4, 0.3)])
def test_the_longest_copy_is_what_a_plain_search_finds(voices, silence):
    rng = np.random.default_rng(voices)
    steps = 1 if voices > 1 else 2
    training = [walk(rng, 40, voices, silence, steps) for _ in range(3)]
    pieces = [walk(rng, 25, voices, silence, steps) for _ in range(4)] + [training[1].slice(9, 14).transpose(2)]
    grids = [grid_of(score) for score in training]
    for piece in pieces:
        wanted = plainly_longest(piece, training)
        assert longest_copy(piece, training).chords == wanted
        assert copied_runs([grid_of(piece)], grids).tolist() == [wanted]


@pytest.mark.parametrize("silence", [0.0, 0.4])
@pytest.mark.parametrize("voices", [1, 2, 4])
def test_what_is_called_a_copy_is_one(voices, silence):
    """Cut out of both scores and transposed, it is the same chords: so it is in truth, rests and all."""
    rng = np.random.default_rng(0)
    for _ in range(12):
        piece, training = walk(rng, 20, voices, silence), [walk(rng, 30, voices, silence) for _ in range(3)]
        copy = longest_copy(piece, training)
        mine = chords_of(piece.slice(*copy.here))
        theirs = chords_of(training[copy.piece].slice(*copy.there).transpose(copy.semitones))
        if copy.chords > 1:
            assert mine == theirs and len(mine) == copy.chords


@pytest.mark.parametrize(("semitones", "stretch"), [(0, 1), (3, 2), (-5, 0.5)])
def test_a_copy_is_found_where_it_was_put(semitones, stretch):
    rng = np.random.default_rng(5)
    training = [walk(rng, 60) for _ in range(4)]
    if stretch < 1:  # halves of what lies on the grid must lie on it, too
        training = [Score([(2 * o, 2 * d, p, v) for o, d, p, v, _ in score.notes.tolist()]) for score in training]
    begins = np.unique(training[2].notes["onset"])
    start, end = begins[20], begins[45]
    piece, first, last = with_copy(rng, training[2], start, end, semitones, stretch)
    copy = longest_copy(piece, training)
    assert (copy.piece, copy.semitones) == (2, semitones)
    # The places meet, but for a chord at either side that may by chance go on as in the training piece.
    assert copy.here[0] == pytest.approx(first, abs=1) and copy.here[1] == pytest.approx(last, abs=1)
    assert copy.there[0] == pytest.approx(start, abs=2) and copy.there[1] == pytest.approx(end, abs=2)
    assert chords_of(piece.slice(*copy.here)) == chords_of(training[2].slice(*copy.there).transpose(semitones))
    assert copied_runs([grid_of(piece)], [grid_of(s) for s in training]).tolist() == [copy.chords]
    assert 24 <= copy.chords <= 27


def test_a_copy_is_found_in_any_key_and_at_any_speed_in_a_grid():
    rng = np.random.default_rng(0)
    training = [rng.integers(50, 80, (30, 4)) for _ in range(3)]
    assert copied_runs([np.repeat(training[1][4:16] + 3, 2, axis=0)], training).tolist() == [12]
    assert copied_runs([training[1][4:16] + [0, 0, 1, 0]], training)[0] < 4  # each voice moves alike, but they stand otherwise


def test_a_run_does_not_go_on_in_the_next_training_piece():
    rng = np.random.default_rng(2)
    piece = walk(rng, 30)
    middle = np.unique(piece.notes["onset"])[15]
    halves = [piece.slice(0, middle), piece.slice(middle, piece.duration)]
    assert longest_copy(piece, [piece]).chords == len(chords_of(piece))
    assert longest_copy(piece, halves).chords == max(len(chords_of(half)) for half in halves)


def test_a_melody_with_gaps_is_no_copy_of_every_other_melody_with_gaps():
    """Notes with rests between them: not the rests make a tune."""
    ours, other = (Score([(i, 0.5, p) for i, p in enumerate(ps)]) for ps in ([60, 71, 62, 55, 80], [60, 62, 64, 65, 67]))
    assert longest_copy(ours, [other]).chords == 1
    assert longest_copy(other, [Score([(i, 1, p) for i, p in enumerate([70, 72, 74, 75, 77])])]).chords == 5


def test_outer_voices_alone_must_stand_alike_too():
    """Without inner voices: the same moves, but the bass lies elsewhere."""
    ours, other = (
        Score([(i, 1, p + 70, 0) for i, p in enumerate(moves)] + [(i, 1, bass - p, 3) for i, p in enumerate(moves)])
        for moves, bass in (([0, 2, 3, 1, 6], 50), ([0, 2, 3, 1, 6], 47))
    )
    assert longest_copy(ours, [other]).chords == 1
    assert longest_copy(ours, [ours.transpose(2)]).chords == 5


def test_one_chord_is_no_copy():
    long, short = Score([(i, 1, p) for i, p in enumerate([60, 62, 64])]), Score([(0, 4, 60)])
    for piece, training in ((short, [long]), (long, [short]), (long, [Score([(0, 1, 60), (1, 1, 61)])])):
        assert longest_copy(piece, training).chords == 1
        assert copied_runs([grid_of(piece)], [grid_of(s) for s in training]).tolist() == [1]


def test_without_training_pieces_nothing_is_copied():
    grid = grid_of(Score([(i, 1, p) for i, p in enumerate([60, 62, 64, 60, 62])]))
    assert copied_runs([grid], [])[0] <= 1 and copied_runs([], [grid]).shape == (0,)
    assert seen_runs([grid], []).tolist() == [0] and np.isnan(seen_runs([grid[:1]], [grid])[0])


@pytest.mark.parametrize(("piece", "training"), [([], [[(0, 1, 60)]]), ([(0, 1, 60)], []), ([(0, 1, 60)], [[], []])])
def test_there_must_be_notes_to_compare(piece, training):
    with pytest.raises(ValueError, match="without notes has nothing to compare"):
        longest_copy(Score(piece), [Score(notes) for notes in training])


@pytest.mark.parametrize("length", [2, 3, 4])
def test_seen_runs_are_what_a_plain_search_sees(length):
    rng = np.random.default_rng(length)
    training, pieces = ([walk(rng, 40, 2, steps=1) for _ in range(4)] for _ in "ab")
    known = [in_any_key(c[i : i + length]) for c in map(chords_of, training) for i in range(len(c) - length + 1)]
    found = seen_runs([grid_of(s) for s in pieces], [grid_of(s) for s in training], length)
    for share, chords in zip(found, map(chords_of, pieces), strict=True):
        runs = [in_any_key(chords[i : i + length]) for i in range(len(chords) - length + 1)]
        assert share == pytest.approx(100 * np.mean([run in known for run in runs]))
    assert 0 < found.mean() < 100


def test_seen_runs_know_keys_and_limits():
    grid = np.array([[60], [62], [64], [60], [67]])
    assert seen_runs([grid + 5, grid[::-1], grid[:3]], [grid]).tolist()[:2] == [100, 0]
    assert np.isnan(seen_runs([grid[:3]], [grid])).all()  # three chords are no run of four
    with pytest.raises(ValueError, match="length=1: a run must have 2 chords or more"):
        seen_runs([grid], [grid], length=1)
