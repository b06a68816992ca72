"""The character of a bar, on music whose answers are known, and against definitions written in another way."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musiclab.character import NAMES, ROUGHNESS, character, dissonance
from musiclab.dataset import Piece, VoiceBatches, parts_of
from musiclab.encoding import LEVELS, CharacterEncoding, encoding_from_settings
from musiclab.score import Score

ENCODING = CharacterEncoding(np.zeros((4, LEVELS - 1)))
BAR = 16


def measured(notes, **words):
    """Measure a score of notes (onset, duration, pitch, voice)."""
    return ENCODING.character(ENCODING.encode(Score(notes)), words.get("time_signature", (4, 4)))


def scale(pitches, voice=0):
    return [(i / 2, 0.5, pitch, voice) for i, pitch in enumerate(pitches)]


@st.composite
def quartets(draw):
    """Four voices of three bars, each note a quarter or an eighth, within the cello's and the violin's range."""
    notes = []
    for voice in range(4):
        onset = 0.0
        while onset < 12:
            length = draw(st.sampled_from([0.5, 1.0, 2.0]))
            if draw(st.integers(0, 5)):
                notes.append((onset, min(length, 12 - onset), draw(st.integers(45, 80)), voice))
            onset += length
    return notes or [(0.0, 1.0, 60, 0)]


def test_a_held_chord_is_calm_and_consonant():
    (energy, tension, register, mode), *_ = measured([(0, 4, p, v) for v, p in enumerate((72, 67, 64, 48))])
    assert energy == 1.0  # four notes in four quarters
    assert tension == 0.0
    assert register == pytest.approx((72 + 67 + 64 + 48) / 4)
    assert mode > 0


@pytest.mark.parametrize(
    ("interval", "rough"), [(1, 1.428), (2, 0.582), (6, 0.453), (11, 1.428), (13, 1.428), (7, 0), (4, 0), (12, 0)]
)
def test_two_notes_are_as_rough_as_their_interval(interval, rough):
    assert dissonance(np.array([[61, 61 + interval]])).tolist() == [rough]


def test_silence_is_not_rough_and_keeps_the_register():
    bars = measured([(0, 4, 70, 0), (8, 4, 50, 0)])
    assert bars[:, NAMES.index("register")].tolist() == [70, 70, 50]
    assert bars[1, :2].tolist() == [0, 0]
    assert character(np.zeros((32, 4), int), np.zeros((32, 4), bool), BAR)[:, 2].tolist() == [60, 60]  # nothing but silence
    assert character(np.zeros((0, 4), int), np.zeros((0, 4), bool), BAR).shape == (0, 4)


def test_a_note_outside_the_key_is_tense_and_one_in_it_is_not():
    inside = measured(scale([60, 62, 64, 65, 67, 69, 71, 72]))
    outside = measured(
        scale([60, 62, 64, 66, 67, 69, 71, 72]) + [(4 + o, d, p, v) for o, d, p, v in scale([60, 64, 67, 65, 62, 59, 60, 67])]
    )
    assert inside[0, 1] == 0
    assert outside[0, 1] == pytest.approx(1 / 8)  # one eighth of the bar


def test_mode_tells_major_from_minor():
    major = measured(scale([60, 64, 67, 72, 65, 62, 59, 60]))[0, 3]
    minor = measured(scale([60, 63, 67, 72, 65, 62, 59, 60]))[0, 3]
    assert major > 0.1
    assert minor < -0.1


@given(notes=quartets(), semitones=st.integers(-9, 12))
@settings(max_examples=25, deadline=None)
def test_another_key_changes_the_register_alone(notes, semitones):
    before = measured(notes)
    after = measured([(o, d, p + semitones, v) for o, d, p, v in notes])
    assert np.allclose(after - before, [0, 0, semitones, 0])


@given(notes=quartets())
@settings(max_examples=25, deadline=None)
def test_the_measures_are_what_the_table_says(notes):
    score = Score(notes)
    for number, bar in enumerate(measured(notes)):
        part = score.slice(4 * number, 4 * number + 4).notes
        begun = ((score.notes["onset"] >= 4 * number) & (score.notes["onset"] < 4 * number + 4)).sum()
        length = 4.0 if 4 * number + 4 <= score.duration else score.duration - 4 * number
        assert bar[0] == pytest.approx(begun / length)
        if len(part):
            assert bar[2] == pytest.approx(np.average(part["pitch"], weights=part["duration"]))


@given(notes=quartets())
@settings(max_examples=10, deadline=None)
def test_dissonance_is_the_mean_over_pairs(notes):
    score = Score(notes)
    moments = np.arange(48) / 4 + 0.125
    sounding = np.zeros((48, 4), int)
    wanted = []
    for t, moment in enumerate(moments):
        now = [n for n in score.notes.tolist() if n[0] <= moment < n[0] + n[1]]
        for _, _, pitch, voice, _ in now:
            sounding[t, voice] = pitch + 1
        pairs = [ROUGHNESS[abs(a[2] - b[2]) % 12] for a, b in itertools.combinations(now, 2)]
        wanted.append(np.mean(pairs) if pairs else 0)
    assert np.allclose(dissonance(sounding), wanted)


# --- as columns that a model reads ------------------------------------------------------------------------


def test_levels_part_the_bars_evenly():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4000, 4))
    edges = np.quantile(values, np.arange(1, LEVELS) / LEVELS, axis=0).T
    levels = CharacterEncoding(edges).levels(values)
    assert {int(n) for n in np.unique(levels)} == set(range(1, LEVELS + 1))
    for column, of in zip(levels.T, values.T, strict=True):
        assert np.allclose(np.bincount(column)[1:], 500, atol=2)
        assert (np.diff(column[np.argsort(of)]) >= 0).all()


def test_the_place_between_the_levels():
    encoding = CharacterEncoding(np.tile(np.arange(7.0), (4, 1)))
    values = np.tile(np.array([-9, -1, -0.5, 0, 0.5, 5.5, 6, 99])[:, None], (1, 4))
    wanted = [0.5, 0.5, 1, 1.5, 2, 7, 7.5, 8.5]
    assert np.allclose(encoding.places_between(values).T, wanted)
    inside = np.random.default_rng(0).uniform(-1, 7, (200, 4))
    assert (np.abs(encoding.places_between(inside) - encoding.levels(inside)) <= 0.5 + 1e-9).all()


def test_a_model_is_told_the_character_of_the_bar_it_writes():
    rng = np.random.default_rng(1)
    notes = [(o, 0.5, int(p), 0) for o, p in zip(np.arange(0, 11.5, 0.5), rng.integers(50, 80, 23), strict=True)]
    probe = ENCODING.character(ENCODING.encode(Score(notes)), (4, 4))
    encoding = CharacterEncoding(np.sort(rng.normal(probe.mean(axis=0)[:, None], 3, (4, LEVELS - 1)), axis=1))
    tokens = encoding.encode(Score(notes))
    rows = encoding.inputs(tokens, (4, 4))
    levels = encoding.levels(encoding.character(tokens, (4, 4)))
    for n, name in enumerate(NAMES):
        told = rows[:, encoding.places[f"wanted {name}"]][:, 0]
        assert told[: len(tokens)].tolist() == np.repeat(levels[:, n], BAR)[: len(tokens)].tolist()
        assert told[-1] == 0  # of the end nothing is wanted
    assert (rows[:, :3] == encoding.place(0, len(rows), (4, 4))[:, :3]).all()
    assert len(encoding.input_sizes) == rows.shape[1]
    assert (rows.max(axis=0) < encoding.input_sizes).all()


def test_the_edges_travel_with_the_encoding():
    edges = np.arange(28.0).reshape(4, 7)
    again = encoding_from_settings(CharacterEncoding(edges).settings())
    assert (again.edges == edges).all()
    assert again.settings() == CharacterEncoding(edges).settings()


@pytest.mark.parametrize("edges", [np.zeros((3, 7)), np.zeros((4, 6)), -np.arange(28.0).reshape(4, 7)])
def test_edges_that_are_none_are_refused(edges):
    with pytest.raises(ValueError, match="4 rows of 7 rising values"):
        CharacterEncoding(edges)


# --- in batches -------------------------------------------------------------------------------------------


def told(batches, epoch=0):
    """Return for each piece of an epoch whether it was told its character."""
    places = slice(3, 3 + len(NAMES))
    return [bool(piece.any()) for inputs, _, _ in batches.epoch(epoch) for piece in inputs["past"][:, :, places]]


def many_pieces(count=400):
    encoding = CharacterEncoding(np.tile(np.arange(7.0), (4, 1)))
    tokens = encoding.encode(Score([(0, 2, 60), (2, 2, 64)]))
    return VoiceBatches([Piece(tokens)] * count, encoding, untold=0.25, seed=3), encoding


def test_so_many_pieces_are_not_told_and_others_in_each_epoch():
    batches, encoding = many_pieces()
    first, second = told(batches, 0), told(batches, 1)
    assert first == told(batches, 0) != second
    for epoch in (first, second):
        assert 0.15 < 1 - np.mean(epoch) < 0.35  # a quarter, within four standard errors
    assert all(told(VoiceBatches(batches.pieces, encoding)))
    assert not any(told(VoiceBatches(batches.pieces, encoding, untold=1.0)))


def test_not_being_told_changes_nothing_else():
    batches, encoding = many_pieces(8)
    (with_it, targets, weights), (without, same, also) = (
        next(VoiceBatches(batches.pieces, encoding, untold=share, shuffle=False).epoch(0)) for share in (0.0, 1.0)
    )
    changed = (with_it["past"] != without["past"]).any(axis=(0, 1))
    assert np.flatnonzero(changed).tolist() == [3, 4, 5, 6]
    assert np.array_equal(with_it["now"], without["now"]) and np.array_equal(targets, same) and np.array_equal(weights, also)


@given(bars=st.integers(1, 7), length=st.integers(1, 120))
@settings(deadline=None)
def test_parts_put_together_are_the_piece_save_a_short_rest(bars, length):
    score = Score([(k / 4, 0.25, 60 + k % 12) for k in range(length)], time_signature=(3, 4), title="Scale")
    parts = parts_of(score, bars)
    assert all(part.time_signature == (3, 4) and part.title == "Scale" and part.duration <= 3 * bars for part in parts)
    again = [(o + 3 * bars * n, *rest) for n, part in enumerate(parts) for o, *rest in part.notes.tolist()]
    assert again == score.notes.tolist()[: len(again)]
    lost = length / 4 - 3 * bars * len(parts)
    assert lost < 3 * bars / 4
