"""Score: what it refuses, that nothing changes it, and the algebra of its methods."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import KEYS, METRES, notes, scores

from musiclab.score import NOTE, Score, pitch_name

CHORD = [(0.0, 1.0, 60, 0, 80), (0.0, 1.0, 64, 0, 80), (0.0, 2.0, 48, 1, 70), (1.5, 0.5, 62, 0, 90)]


def rows(score):
    return [tuple(note) for note in score.notes.tolist()]


# --- it cannot be changed -------------------------------------------------------------------------------


def test_the_notes_cannot_be_written():
    score = Score(CHORD)
    with pytest.raises(ValueError, match="read-only"):
        score.notes["pitch"] = 0
    with pytest.raises(ValueError, match="read-only"):
        score.notes[0] = score.notes[1]


def test_the_fields_cannot_be_set():
    with pytest.raises(FrozenInstanceError):
        Score(CHORD).tempo = 60.0


def test_the_array_given_is_copied_and_stays_writable():
    given_notes = np.array(CHORD, dtype=NOTE)
    score = Score(given_notes)
    before = rows(score)
    given_notes["pitch"] = 1
    assert rows(score) == before
    assert given_notes.flags.writeable


@pytest.mark.parametrize(
    "change", [lambda s: s.transpose(0), lambda s: s.slice(0, 9), lambda s: s.voice(0), lambda s: Score(s.notes)]
)
def test_no_method_shares_memory_with_the_original(change):
    score = Score(CHORD)
    assert not np.shares_memory(change(score).notes, score.notes)
    assert not change(score).notes.flags.writeable


# --- order, equality, hash ------------------------------------------------------------------------------


@given(st.lists(notes(), max_size=12), st.randoms(use_true_random=False))
def test_the_order_in_which_notes_are_given_does_not_matter(given_notes, random):
    shuffled = list(given_notes)
    random.shuffle(shuffled)
    assert Score(given_notes) == Score(shuffled)
    assert hash(Score(given_notes)) == hash(Score(shuffled))


@given(scores())
def test_notes_are_sorted_by_onset_then_voice_then_falling_pitch(score):
    keys = [(onset, voice, -pitch) for onset, _, pitch, voice, _ in rows(score)]
    assert keys == sorted(keys)


@given(scores())
def test_an_array_and_its_tuples_make_the_same_score(score):
    words = {"title": score.title, "tempo": score.tempo, "time_signature": score.time_signature, "key": score.key}
    assert Score(rows(score), **words) == score == Score(score.notes, **words)
    assert len({score, Score(rows(score), **words)}) == 1


def test_voice_and_velocity_have_defaults():
    assert rows(Score([(0, 1, 60), (1, 1, 60, 3)])) == [(0, 1, 60, 0, 80), (1, 1, 60, 3, 80)]


def test_every_field_counts_for_equality():
    score = Score(CHORD)
    others = [
        Score(CHORD[1:]),
        Score([(0, 1, 60, 0, 81), *CHORD[1:]]),
        Score([(0, 1.25, 60, 0, 80), *CHORD[1:]]),
        Score([(0.25, 1, 60, 0, 80), *CHORD[1:]]),
        Score([(0, 1, 60, 1, 80), *CHORD[1:]]),
        Score([(0, 1, 61, 0, 80), *CHORD[1:]]),
        Score(CHORD, title="x"),
        Score(CHORD, tempo=90),
        Score(CHORD, time_signature=(3, 4)),
        Score(CHORD, key="C major"),
    ]
    assert all(score != other for other in others)
    assert score != CHORD


def test_minus_zero_is_zero_for_equality_and_hash():
    assert Score([(-0.0, 1, 60)]) == Score([(0.0, 1, 60)])
    assert hash(Score([(-0.0, 1, 60)])) == hash(Score([(0.0, 1, 60)]))


# --- what is refused ------------------------------------------------------------------------------------

GOOD = (0.0, 1.0, 60, 0, 80)
BAD = [
    (-0.25, 1.0, 60, 0, 80),
    (float("nan"), 1.0, 60, 0, 80),
    (float("inf"), 1.0, 60, 0, 80),
    (0.0, 0.0, 60, 0, 80),
    (0.0, -1.0, 60, 0, 80),
    (0.0, float("nan"), 60, 0, 80),
    (0.0, float("inf"), 60, 0, 80),
    (0.0, 1.0, 128, 0, 80),
    (0.0, 1.0, -1, 0, 80),
    (0.0, 1.0, 256 + 60, 0, 80),  # would wrap around to 60 in a uint8
    (0.0, 1.0, 60.5, 0, 80),
    (0.0, 1.0, float("nan"), 0, 80),
    (0.0, 1.0, float("inf"), 0, 80),
    (0.0, 1.0, 60, 256, 80),
    (0.0, 1.0, 60, -1, 80),
    (0.0, 1.0, 60, -0.5, 80),
    (0.0, 1.0, 60, 0, 128),
    (0.0, 1.0, 60, 0, 256 + 80),
    (0.0, 1.0, 60, 0, -1),
]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_a_note_out_of_range_is_refused_and_named(bad):
    with pytest.raises(ValueError) as error:
        Score([GOOD, GOOD, bad, GOOD, bad])
    message = str(error.value)
    assert message.startswith("note 2 (")
    for name, value in zip(("onset", "duration", "pitch", "voice", "velocity"), bad, strict=True):
        assert f"{name} {value}" in message


@pytest.mark.parametrize("bad", [b for b in BAD if all(float(v).is_integer() and 0 <= v < 256 for v in b[2:])], ids=str)
def test_an_array_is_checked_like_tuples(bad):
    with pytest.raises(ValueError, match=r"^note 1 \(onset"):
        Score(np.array([GOOD, bad], dtype=NOTE))


@pytest.mark.parametrize("bad", [(), (0.0,), (0.0, 1.0), (0.0, 1.0, 60, 0, 80, 1)])
def test_a_tuple_of_the_wrong_length_is_named(bad):
    with pytest.raises(ValueError, match=f"note 1 has {len(bad)} fields"):
        Score([GOOD, bad])


@pytest.mark.parametrize("metre", [(0, 4), (-1, 4), (4, 3), (4, 0), (4, 128)])
def test_an_impossible_time_signature_is_refused(metre):
    with pytest.raises(ValueError, match=f"time signature {metre[0]}/{metre[1]}"):
        Score([], time_signature=metre)


@pytest.mark.parametrize("tempo", [0, -1, float("nan"), float("inf")])
def test_an_impossible_tempo_is_refused(tempo):
    with pytest.raises(ValueError, match="tempo"):
        Score([], tempo=tempo)


# --- transpose ------------------------------------------------------------------------------------------


@given(scores(), st.integers(-140, 140))
def test_transposing_there_and_back_is_the_identity(score, semitones):
    pitches = score.notes["pitch"].astype(int) + semitones
    if len(pitches) and not (0 <= pitches.min() and pitches.max() <= 127):
        with pytest.raises(ValueError, match=f"transposing by {semitones} .* outside 0-127"):
            score.transpose(semitones)
        return
    moved = score.transpose(semitones)
    assert sorted(moved.notes["pitch"].tolist()) == sorted(pitches.tolist())
    assert moved.transpose(-semitones) == score
    assert (moved.title, moved.tempo, moved.time_signature) == (score.title, score.tempo, score.time_signature)


@given(st.sampled_from(KEYS), st.integers(-30, 30))
def test_the_key_moves_with_the_notes(key, semitones):
    def tonic(key):
        name = key.split()[0]
        return ("C D EF G A B".index(name[0]) + name.count("#") - name.count("-")) % 12

    moved = Score([], key=key).transpose(semitones).key
    assert tonic(moved) == (tonic(key) + semitones) % 12
    assert moved.split()[1] == key.split()[1]


def test_keys_are_spelt_as_a_musician_would():
    assert Score([], key="C major").transpose(1).key == "D- major"
    assert Score([], key="A minor").transpose(-3).key == "F# minor"
    assert Score([], key="D dorian").transpose(2).key == "E dorian"
    assert Score([]).transpose(1).key is None


@pytest.mark.parametrize("key", ["", "H major", "C", "nonsense"])
def test_a_key_that_is_none_is_named_when_it_has_to_move(key):
    with pytest.raises(ValueError, match="write tonic and mode"):
        Score([], key=key).transpose(1)


def test_half_a_semitone_is_refused():
    with pytest.raises(TypeError):
        Score(CHORD).transpose(1.5)


# --- slice, voice, duration -----------------------------------------------------------------------------


def slow_slice(score, start, end):
    """Cut note by note."""
    kept = []
    for onset, duration, pitch, voice, velocity in rows(score):
        first, last = max(onset, start), min(onset + duration, end)
        if last > first:
            kept.append((first - start, last - first, pitch, voice, velocity))
    return kept


@given(scores(), st.integers(0, 60), st.integers(0, 60))
def test_slice_equals_cutting_note_by_note(score, a, b):
    start, end = sorted((a / 4, b / 4))
    piece, expected = score.slice(start, end), Score(slow_slice(score, start, end))
    assert len(piece) == len(expected)
    for field in ("pitch", "voice", "velocity"):
        assert sorted(piece.notes[field]) == sorted(expected.notes[field])
    for field in ("onset", "duration"):
        assert np.allclose(np.sort(piece.notes[field]), np.sort(expected.notes[field]), atol=1e-9)


@given(scores(min_size=1))
def test_slicing_the_whole_piece_changes_nothing_to_the_last_bit(score):
    assert score.slice(0, score.duration) == score
    assert score.slice(0, float("inf")) == score


@given(scores(), st.integers(0, 48))
def test_the_two_sides_of_a_cut_join_to_the_whole(score, at):
    at /= 4
    left, right = score.slice(0, at), score.slice(at, float("inf"))
    assert left.duration <= at
    sounding = sum(note[1] for note in rows(score))
    assert np.isclose(sum(n[1] for n in rows(left)) + sum(n[1] for n in rows(right)), sounding)
    across = sum(1 for onset, duration, *_ in rows(score) if onset < at < onset + duration)
    assert len(left) + len(right) == len(score) + across


def test_a_slice_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match=r"slice\(2, 1\)"):
        Score(CHORD).slice(2, 1)


@given(scores())
def test_the_voices_part_the_notes(score):
    parts = [score.voice(n) for n in score.voices]
    assert all(len(part) and part.voices == (n,) for part, n in zip(parts, score.voices, strict=True))
    assert list(score.voices) == sorted({note[3] for note in rows(score)})
    joined = Score([note for part in parts for note in rows(part)])
    assert np.array_equal(joined.notes, score.notes)
    assert len(score.voice(200)) == 0


@given(scores())
def test_duration_is_the_end_of_the_note_that_ends_last(score):
    assert score.duration == max((onset + duration for onset, duration, *_ in rows(score)), default=0.0)


@given(st.sampled_from(METRES))
def test_a_bar_has_the_length_that_its_signature_says(metre):
    assert Score([], time_signature=metre).bar_length == {
        (2, 4): 2, (3, 4): 3, (4, 4): 4, (6, 8): 3, (9, 8): 4.5, (5, 4): 5, (2, 2): 4, (3, 8): 1.5, (7, 8): 3.5, (12, 8): 6,
    }[metre]  # fmt: skip


def test_repr_and_pitch_names_are_for_people():
    text = repr(Score(CHORD, title="Air", key="C major"))
    assert all(fact in text for fact in ("'Air'", "4 notes", "2 quarter lengths", "4/4", "C major"))
    assert "0 notes" in repr(Score([])) and "\n" not in text
    assert [pitch_name(p) for p in (0, 59, 60, 61, 127)] == ["C-1", "B3", "C4", "C#4", "G9"]
