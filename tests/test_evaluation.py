"""Measures of music: on pieces made by hand, and under changes that must not matter."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from strategies import scores

from musiclab.evaluation import changes_of, copied_runs, grid_of, parallels
from musiclab.score import Score


@pytest.mark.parametrize(
    ("chords", "fifths", "octaves"),
    [
        ([(67, 60), (69, 62)], 1, 0),  # a fifth to a fifth, upwards
        ([(79, 60), (81, 62)], 1, 0),  # an octave wider
        ([(72, 60), (74, 62)], 0, 1),
        ([(60, 60), (62, 62)], 0, 1),  # unisons
        ([(67, 60), (67, 60)], 0, 0),  # nobody moves
        ([(67, 60), (67, 62)], 0, 0),  # one moves
        ([(67, 60), (57, 62)], 0, 0),  # in opposite directions
        ([(64, 60), (69, 62)], 0, 0),  # a third to a fifth
        ([(67, 60), (0, 0), (69, 62)], 0, 0),  # a rest between
    ],
)
def test_parallels(chords, fifths, octaves):
    found = parallels(np.array(chords))
    assert (found["fifths"], found["octaves"]) == (fifths, octaves)
    assert parallels(np.repeat(chords, 3, axis=0)) == found  # however long a chord is held


def test_all_pairs_of_voices_count():
    assert parallels(np.array([(72, 67, 60), (74, 69, 62)])) == {"fifths": 1, "octaves": 1, "changes": 1}


def test_parallels_are_music21s():
    """Against music21's own pairs of voices, on chords with many fifths and octaves, some crossed."""
    from music21.note import Note
    from music21.voiceLeading import VoiceLeadingQuartet

    rng = np.random.default_rng(0)
    # C, D, E, G and A alone: music21 hears a fifth only where one is written, and spells chance numbers as it likes.
    low = 12 * rng.integers(4, 6, 600) + rng.choice([0, 2, 4, 7, 9], 600)
    grid = np.stack([low + rng.choice([7, 12, 19, 24, -5, -7], 600), low], axis=1)
    grid = grid[np.isin(grid[:, 0] % 12, [0, 2, 4, 7, 9])]
    wanted = {"fifths": 0, "octaves": 0}
    for (a, b), (c, d) in itertools.pairwise(grid):
        quartet = VoiceLeadingQuartet(*(Note(int(p)) for p in (a, c, b, d)))
        if (c - a) * (d - b) <= 0 or a == b or c == d:  # music21 finds no parallel unisons
            continue
        wanted["fifths"] += quartet.parallelFifth()
        wanted["octaves"] += quartet.parallelOctave()
    found = [
        parallels(np.array(pair)) for pair in itertools.pairwise(grid) if pair[0][0] != pair[0][1] and pair[1][0] != pair[1][1]
    ]
    assert {name: sum(f[name] for f in found) for name in wanted} == wanted and min(wanted.values()) > 0


@given(scores(min_size=1, voices=4))
def test_the_grid_is_what_sounds(score):
    grid = grid_of(score)
    for voice in range(4):
        mine = [n for n in score.notes if n["voice"] == voice]
        assert set(grid[:, voice]) - {0} <= {n["pitch"] for n in mine}
    assert parallels(grid)["changes"] <= len(grid)


def plainly_copied(piece, other):
    """Find the longest common run of chords in any key, by trying all places and keys."""
    best = 0
    for i in range(len(piece)):
        for j in range(len(other)):
            n, shift = 0, int(other[j, 0]) - int(piece[i, 0])
            while i + n < len(piece) and j + n < len(other) and np.array_equal(piece[i + n] + shift, other[j + n]):
                n += 1
            best = max(best, n)
    return best


def test_the_longest_copy_is_what_a_plain_search_finds():
    rng = np.random.default_rng(4)
    training = [np.cumsum(rng.integers(-1, 2, (60, 2)), axis=0) + 60 for _ in range(4)]
    pieces = [np.cumsum(rng.integers(-1, 2, (40, 2)), axis=0) + 62 for _ in range(5)]
    pieces[0][5:25] = training[2][30:50] + 7
    found = copied_runs(pieces, training)
    wanted = [max(plainly_copied(changes_of(p), changes_of(t)) for t in training) for p in pieces]
    assert [max(n, 1) for n in wanted] == [max(n, 1) for n in found.tolist()]


def test_a_copy_is_found_in_any_key_and_at_any_speed():
    rng = np.random.default_rng(0)
    training = [rng.integers(50, 80, (30, 4)) for _ in range(3)]
    assert copied_runs([np.repeat(training[1][4:16] + 3, 2, axis=0)], training).tolist() == [12]
    assert copied_runs([training[1][4:16] + [0, 0, 1, 0]], training)[0] < 4


def test_an_empty_score_has_an_empty_grid():
    assert grid_of(Score([])).shape == (0, 4)
