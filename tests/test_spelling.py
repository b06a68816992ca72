"""Spelling: pitches and keys as written music has them, and as music21 has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import tune

from musiclab.files import to_music21
from musiclab.score import Score
from musiclab.spelling import key_signature, signature_of, spelled


@given(st.integers(0, 127), st.integers(-7, 7))
def test_a_spelling_names_its_pitch(pitch, signature):
    letter, sharps, octave = spelled(pitch, signature)
    assert {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[letter] + sharps + 12 * (octave + 1) == pitch
    assert -2 <= sharps <= 2


def test_the_notes_of_a_key_need_no_accidental_and_music21_spells_them_alike():
    from music21 import key as keys

    for name in ("C", "G", "D", "A", "E", "B", "F#", "C#", "F", "B-", "E-", "A-", "D-", "G-", "C-"):
        scale = keys.Key(name)
        signature = signature_of(Score([], key=f"{name} major"))
        assert signature == scale.sharps
        for pitch in scale.getPitches(f"{name}4", f"{name}5"):
            letter, sharps, octave = spelled(pitch.midi, signature)
            assert (letter, sharps, octave) == (pitch.step, int(pitch.alter), pitch.octave)


@pytest.mark.parametrize(
    ("key", "sharps"), [("A minor", 0), ("E- minor", -6), ("D dorian", 0), ("G mixolydian", 0), ("B- lydian", -1)]
)
def test_signatures_of_modes(key, sharps):
    assert signature_of(Score([], key=key)) == sharps


def test_without_a_key_the_signature_is_the_one_that_fits():
    assert signature_of(tune([62, 64, 66, 67, 69, 71, 73, 74])) == 2  # D major
    assert signature_of(tune([60, 62, 64, 65, 67])) == 0
    assert signature_of(tune([63, 65, 67, 68, 70, 72, 74], key="H what")) == -3


@pytest.mark.parametrize("key", [None, "", "H major", "C what", "G# major", "C? major", "-"])
def test_what_is_no_key_has_no_signature(key):
    assert key_signature(key) is None


def test_music21_gets_the_spelling_too():
    flats = tune([63, 65, 67, 68, 70, 61, 66], key="E- major")
    names = [note.pitch.nameWithOctave for note in to_music21(flats).flatten().notes]
    assert names == ["E-4", "F4", "G4", "A-4", "B-4", "D-4", "G-4"]
    low = to_music21(tune([0, 1, 11, 12], key="D- major")).flatten().notes
    assert [(n.pitch.midi, n.pitch.name) for n in low] == [(0, "C"), (1, "D-"), (11, "C-"), (12, "C")]
