"""Several voices: every sample is valid, what is fixed stays, and a seed is a seed."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_voices import ENCODING, SMALL, stirred

from musiclab.bundle import Bundle, BundleError, load_bundle
from musiclab.encoding import END, HOLD, REST
from musiclab.evaluation import grid_of
from musiclab.generation import generate, generate_many
from musiclab.harmony import given_tokens, write_voices
from musiclab.models import chorale_model, weights_of
from musiclab.score import Score

MELODY = Score([(0, 1, 67, 0), (1, 1, 69, 0), (2, 2, 71, 0), (4, 0.5, 72, 0), (4.5, 0.5, 71, 0), (5, 3, 69, 0)], title="Mine")


MODEL = stirred(chorale_model(ENCODING, **SMALL), np.random.default_rng(0))
BUNDLE = Bundle("mine", weights_of(MODEL), ENCODING, {"kind": "chorale", **SMALL})


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), temperature=st.sampled_from([0.2, 1.0, 5.0]), top_k=st.sampled_from([None, 1, 7]))
def test_every_sample_is_valid(seed, temperature, top_k):
    tokens = write_voices(BUNDLE.voices(), ENCODING, 40, temperature=temperature, top_k=top_k, seed=seed)[0]
    assert (tokens != END).all() and len(tokens) <= 40
    sounding = np.zeros(4, dtype=bool)
    for step in tokens:
        assert not ((step == HOLD) & ~sounding).any()
        sounding = (step > HOLD) | (sounding & (step == HOLD))
    assert np.array_equal(
        ENCODING.encode(ENCODING.decode(tokens))[: len(tokens)], tokens[: len(ENCODING.encode(ENCODING.decode(tokens)))]
    )


def test_the_same_seed_is_the_same_music_and_another_one_is_not():
    assert generate(BUNDLE, 8, seed=5) == generate(BUNDLE, 8, seed=5)
    assert generate(BUNDLE, 8, seed=5) != generate(BUNDLE, 8, seed=6)


def test_many_pieces_do_not_disturb_each_other():
    three, five = (write_voices(BUNDLE.voices(), ENCODING, 30, count=count, seed=9) for count in (3, 5))
    for a, b in zip(three, five, strict=False):
        assert np.array_equal(a, b)
    assert len({piece.tobytes() for piece in five}) == 5


@pytest.mark.parametrize("voice", range(4))
def test_a_fixed_voice_stays(voice):
    low = [0, -5, -10, -24][voice]
    melody = MELODY.transpose(low)
    score = generate(BUNDLE, fixed={voice: melody}, seed=1)
    mine = score.notes[score.notes["voice"] == voice]
    for field in ("onset", "duration", "pitch"):
        assert np.array_equal(mine[field], melody.notes[field])
    assert score.duration <= melody.duration
    assert len(set(score.notes["voice"])) == 4
    assert score.title == "Mine"


def test_what_comes_decides_what_is_written_before():
    """Two melodies that differ in their end alone, and the same random numbers: another piece has survived."""
    other = Score([*MELODY.notes[:-1].tolist(), (5, 3, 62, 0)])
    beginnings = []
    for melody in (MELODY, other):
        given = given_tokens({0: melody}, ENCODING)
        beginnings.append([write_voices(BUNDLE.voices(), ENCODING, 0, given=given, seed=seed)[0][:20] for seed in range(4)])
    assert any(not np.array_equal(a, b) for a, b in zip(*beginnings, strict=True))


def test_a_gap_is_filled_and_the_rest_stays():
    whole = generate(BUNDLE, fixed={0: MELODY}, seed=1)
    parts = {v: Score(whole.notes[whole.notes["voice"] == v]) for v in range(4)}
    gaps = {1: (2, 4), 2: (2, 4)}
    mended = [generate(BUNDLE, fixed=parts, gaps=gaps, seed=seed) for seed in range(4)]
    before = ENCODING.encode(whole)
    for score in mended:
        after = ENCODING.encode(score)
        outside = np.ones(before.shape, dtype=bool)
        outside[8:16, 1:3] = False
        outside[16, 1:3] = False  # a note that began in the gap begins anew at its end
        steps = min(len(before), len(after))
        assert np.array_equal(before[:steps][outside[:steps]], after[:steps][outside[:steps]])
    assert len({ENCODING.encode(score).tobytes() for score in mended}) > 1


def test_a_note_that_begins_in_a_gap_and_goes_on_begins_at_its_end():
    long = Score([(0, 1, 60, 0), (1, 4, 64, 0)])
    tokens = given_tokens({0: long}, ENCODING, {0: (0.5, 2)})
    assert (tokens[2:8, 0] == ENCODING.size).all()
    assert ENCODING.vocabulary[tokens[8, 0]] == "E4" and (tokens[9:, 0] == HOLD).all()


def test_a_prompt_stands_at_the_beginning():
    prompt = generate(BUNDLE, fixed={0: MELODY}, seed=1)
    score = generate(BUNDLE, 4, prompt=prompt, seed=3)
    tokens, before = ENCODING.encode(score), ENCODING.encode(prompt)
    assert np.array_equal(tokens[: len(before)], before)
    assert not (tokens[len(before)] == HOLD).any()  # nor are the prompt's last notes made longer
    assert score.duration > prompt.duration


def test_a_piece_of_many_is_written_alone_with_its_own_seed():
    many = generate_many(BUNDLE, 3, 6, seed=4)
    alone = [generate(BUNDLE, 6, seed=np.random.SeedSequence(4, spawn_key=(k,))) for k in range(3)]
    assert many == alone and many[1] != many[2]


def test_a_melody_off_the_grid_is_reported():
    triplets = Score([(0, 1 / 3, 67, 0), (1 / 3, 1 / 3, 69, 0), (2 / 3, 1 / 3, 71, 0), (1, 1, 72, 0)])
    with pytest.warns(UserWarning, match="voice 0 does not lie on the encoding's grid: 2 of its 4 notes"):
        generate(BUNDLE, fixed={0: triplets}, seed=0)


def test_one_seed_for_many_gives_as_many():
    assert len(generate_many(BUNDLE, 3, fixed={0: MELODY}, seed=0)) == 3


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({}, ValueError, "how much to write"),
        ({"length": 4, "fixed": {0: MELODY}}, ValueError, "leave out length"),
        ({"fixed": {}}, ValueError, "holds no voice"),
        ({"fixed": {4: MELODY}}, ValueError, "voices are 0"),
        ({"fixed": {0: Score([])}}, ValueError, "no notes"),
        ({"fixed": {0: Score([(0, 1, 60, 0), (0, 1, 64, 1)])}}, ValueError, "2 voices"),
        ({"fixed": {0: Score([(0, 1, 60, 0), (0, 1, 64, 0)])}}, ValueError, "cannot be sung"),
        ({"fixed": {0: MELODY.transpose(40)}}, ValueError, "Transpose"),
        ({"length": 4, "gaps": {0: (0, 1)}}, ValueError, "give fixed"),
        ({"fixed": {0: MELODY}, "gaps": {1: (0, 1)}}, ValueError, "a voice of `fixed`"),
        ({"fixed": {0: MELODY}, "gaps": {0: (2, 1)}}, ValueError, "start before its end"),
        ({"fixed": {0: MELODY}, "gaps": {0: (9, 12)}}, ValueError, "before that of the music, 8"),
        ({"fixed": MELODY}, TypeError, "fixed={0: melody}"),
    ],
)
def test_what_cannot_be_is_said(words, error, message):
    with pytest.raises(error, match=message):
        generate(BUNDLE, **words)


def test_a_melody_model_has_nothing_to_fix():
    with pytest.raises(BundleError, match="one voice"):
        generate(load_bundle("melody"), 4, fixed={0: MELODY})


def test_not_all_voices_are_silent_for_long():
    """A model that likes nothing better than silence must sing all the same."""
    weights = {name: array.copy() for name, array in BUNDLE.weights.items()}
    for voice in range(ENCODING.voices):
        weights[f"opinions_{voice}/bias"][REST] = 8.0
    for score in generate_many(replace(BUNDLE, weights=weights), 4, 40, seed=0, temperature=0.6):
        silent = ~grid_of(score).any(axis=1)
        longest = max(len(list(run)) for is_silent, run in itertools.groupby([True, *silent]) if is_silent)
        assert len(score) and silent.mean() > 0.5 and longest <= 13  # twelve steps, and the True before them
