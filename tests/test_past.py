"""What a model of several voices is told: against music21, against plain searches, and against itself in other keys."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musiclab.corpus import load_corpus
from musiclab.encoding import FIRST_PITCH, HOLD, REST, ChoraleEncoding
from musiclab.past import ECHOES, LEAP, NOBODY, Past, columns
from musiclab.score import Score

ENCODING = ChoraleEncoding()
LAYOUT = ENCODING.layout


def named(rows):
    """Split rows (steps, columns) by name."""
    ends = np.cumsum([count for count, _ in LAYOUT.values()])
    return dict(zip(LAYOUT, np.split(rows, ends[:-1], axis=-1), strict=True))


def token(pitch):
    return pitch - ENCODING.lowest + FIRST_PITCH


@pytest.fixture(scope="module")
def chorales():
    return load_corpus("bach-chorales")[:12]


def random_tokens(rng, steps=60, kinds=4):
    """Four voices that move among few pitches, so that much is heard twice."""
    rows, sounding = [], np.zeros(4, bool)
    for _ in range(steps):
        row = rng.choice([REST, HOLD, *(token(p) for p in (60, 62, 64)[: kinds - 1])], size=4)
        row[~sounding & (row == HOLD)] = REST
        sounding = (row >= FIRST_PITCH) | (sounding & (row == HOLD))
        rows.append(row)
    return np.array(rows, dtype=np.int32)


def test_every_number_is_in_its_columns_range(chorales):
    for score in chorales:
        rows = ENCODING.inputs(ENCODING.encode(score), score.time_signature)
        assert rows.shape == (len(ENCODING.encode(score)) + 1, len(ENCODING.input_sizes))
        assert (rows >= 0).all() and (rows < np.array(ENCODING.input_sizes)).all()


def test_what_sounds_is_what_the_score_says(chorales):
    score = chorales[3]
    rows = named(ENCODING.inputs(ENCODING.encode(score), score.time_signature))
    for t in range(1, len(rows["sounding"])):
        time = (t - 0.5) / ENCODING.steps_per_quarter  # in the middle of the step before
        for voice in range(4):
            mine = score.notes[score.notes["voice"] == voice]
            now = mine[(mine["onset"] < time) & (mine["onset"] + mine["duration"] > time)]
            assert rows["sounding"][t, voice] == (1 + now["pitch"][0] if len(now) else 0)
            if len(now):
                assert rows["held"][t, voice] == min(31, t - round(now["onset"][0] * ENCODING.steps_per_quarter))


def test_the_key_is_music21s():
    """The profiles and their correlation, against another implementation, on whole pieces."""
    from music21 import note, stream
    from music21.analysis.discrete import KrumhanslKessler

    rng = np.random.default_rng(1)
    for _ in range(8):
        pitches = rng.choice(12, p=rng.dirichlet(np.full(12, 0.5)), size=40) + 60
        part = stream.Stream([note.Note(int(p), quarterLength=0.25) for p in pitches])
        wanted = KrumhanslKessler().getSolution(part)
        past = Past(1, ENCODING.lowest, FIRST_PITCH, HOLD)
        for pitch in pitches:
            past.see([token(pitch)])
        assert (past.tonic, ["major", "minor"][past.mode]) == (wanted.tonic.pitchClass, wanted.mode)


def test_home_is_the_first_bass_note():
    score = Score([(0, 4, 72, 0), (1, 3, 64, 1), (2, 2, 50, 3), (4, 1, 43, 3)])
    rows = named(ENCODING.inputs(ENCODING.encode(score), (4, 4)))
    assert rows["home"][:9, 0].tolist() == [NOBODY] * 9  # the bass begins in step 8, and is known from step 9 on
    assert set(rows["home"][9:, 0]) == {50 % 12}


def plain_echo(marks, t):
    """Find the echo before step t by looking everywhere: (length number, step that followed)."""
    for number in range(len(ECHOES), 0, -1):
        length = ECHOES[number - 1]
        if length > t:
            continue
        for place in range(t - 4, length - 1, -4):
            if marks[place - length : place] == marks[t - length : t]:
                return number, place
    return 0, None


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), steps=st.integers(1, 150))
def test_the_echo_is_what_a_search_through_everything_finds(seed, steps):
    tokens = random_tokens(np.random.default_rng(seed), steps)
    rows = named(ENCODING.inputs(tokens, (4, 4)))
    sounding = rows["sounding"][1:]
    marks = [tuple(zip(sounding[t], tokens[t] != HOLD, strict=True)) for t in range(steps)]
    for t in range(steps + 1):
        length, place = plain_echo(marks, t)
        assert rows["echo length"][t, 0] == length
        assert rows["echo token"][t].tolist() == (tokens[place].tolist() if length else [0] * 4)
        for voice in range(4):
            length, place = plain_echo([mark[voice] for mark in marks], t)
            assert rows["own length"][t, voice] == length
            assert rows["own token"][t, voice] == (tokens[place, voice] if length else 0)


def test_an_echo_says_which_step_it_would_be():
    notes = [(b * 4 + i, 1, 60 + step + shift, 0) for b, shift in enumerate((0, 0)) for i, step in enumerate((0, 2, 4, 5))]
    rows = named(ENCODING.inputs(ENCODING.encode(Score(notes)), (4, 4)))
    # In the second bar, before its second note, D: the echo says a whole tone up from the C that sounds.
    assert rows["own step"][20, 0] == 4 + LEAP + 2
    assert rows["own step"][21, 0] == HOLD


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), shift=st.integers(-8, 8))
def test_in_another_key_only_the_names_of_pitches_change(seed, shift):
    tokens = random_tokens(np.random.default_rng(seed))
    here = named(ENCODING.inputs(tokens, (4, 4)))
    there = named(ENCODING.inputs(ENCODING.transpose(tokens, shift), (4, 4)))
    for name in ("position", "metre", "held", "interval", "mode", "echo length", "echo step", "own length", "own step"):
        assert np.array_equal(here[name], there[name]), name
    for name in ("home", "tonic"):
        assert np.array_equal(np.where(here[name] == NOBODY, NOBODY, (here[name] + shift) % 12), there[name])


def test_nothing_of_the_step_itself_is_told(chorales):
    """Whatever comes at step t or later, row t stays the same."""
    tokens = ENCODING.encode(chorales[0])[:80]
    other = tokens.copy()
    other[40:] = token(70)
    assert np.array_equal(ENCODING.inputs(tokens, (4, 4))[:41], ENCODING.inputs(other, (4, 4))[:41])
    assert not np.array_equal(ENCODING.inputs(tokens, (4, 4))[41], ENCODING.inputs(other, (4, 4))[41])


def test_with_one_voice_there_is_no_interval():
    assert columns(1, 55)["interval"][0] == 0
    alone = ChoraleEncoding(voices=1)
    assert alone.inputs(np.array([30, HOLD, HOLD]), (4, 4)).shape == (4, len(alone.input_sizes))
