"""Which voice has the melody: on music whose melody is known, for it was hidden on purpose."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from strategies import scores

from musiclab.bundle import DATA
from musiclab.corpus import load_corpus
from musiclab.files import read_score
from musiclab.melody import extract_melody, find_melody, one_at_a_time
from musiclab.score import Score

TUNES = sorted((DATA / "tunes").rglob("*.abc"))


def rows(score):
    return score.notes[["onset", "duration", "pitch"]].tolist()


def with_voice(score, voice):
    notes = score.notes.copy()
    notes["voice"] = voice
    return notes


def together(*parts, **words):
    return Score(np.concatenate([with_voice(part, voice) for voice, part in enumerate(parts)]), **words)


def chords(duration, low=48):
    """A chord of three notes on every quarter."""
    return Score([(t, 1.0, low + step) for t in range(int(duration)) for step in (0, 4, 7)])


def broken_chords(duration, low=48):
    """An Alberti bass in eighths."""
    return Score([(n / 2, 0.5, low + (0, 7, 4, 7)[n % 4]) for n in range(int(2 * duration))])


# --- what holds for any music -----------------------------------------------------------------------------


@given(scores(min_size=1))
def test_a_melody_is_one_voice_with_one_note_at_a_time(score):
    melody = extract_melody(score)
    assert melody.voices == (0,) and len(melody) >= 1
    ends = melody.notes["onset"] + melody.notes["duration"]
    assert (ends[:-1] <= melody.notes["onset"][1:] + 1e-9).all()
    assert (melody.title, melody.tempo, melody.time_signature, melody.key) == (
        *(score.title, score.tempo, score.time_signature, score.key),
    )
    source = score.voice(find_melody(score).voice)
    assert set(zip(melody.notes["onset"], melody.notes["pitch"], strict=True)) <= set(
        zip(source.notes["onset"], source.notes["pitch"], strict=True)
    )


@given(scores(min_size=1))
def test_a_melody_is_its_own_melody(score):
    melody = extract_melody(score)
    assert rows(extract_melody(melody)) == rows(melody)


@pytest.mark.parametrize("path", TUNES, ids=lambda path: path.stem)
def test_a_tune_is_its_own_melody_with_its_rests(path):
    tune = read_score(path)
    assert extract_melody(tune) == tune
    assert "all there is" in find_melody(tune).reason


def test_no_notes_no_melody():
    with pytest.raises(ValueError, match="no melody"):
        extract_melody(Score([]))


# --- the right voice ------------------------------------------------------------------------------------


def test_the_soprano_of_a_chorale_is_found_whatever_its_number():
    rng = np.random.default_rng(0)
    chorales = load_corpus("bach-chorales", progress=False)
    for chorale in chorales[::6]:
        order = rng.permutation(4)
        notes = chorale.notes.copy()
        notes["voice"] = order[notes["voice"]]
        found = find_melody(replace(chorale, notes=notes))
        assert found.voice == order[0], chorale.title
        assert rows(found.score) == rows(chorale.voice(0))


@pytest.mark.parametrize("path", TUNES, ids=lambda path: path.stem)
@pytest.mark.parametrize("accompany", [chords, broken_chords])
def test_a_tune_above_an_accompaniment_of_its_own_voice(path, accompany):
    tune = read_score(path)
    found = find_melody(together(accompany(tune.duration), tune))
    assert found.voice == 1 and rows(found.score) == rows(tune)


@pytest.mark.parametrize("path", TUNES, ids=lambda path: path.stem)
@pytest.mark.parametrize("accompany", [chords, broken_chords])
def test_a_tune_above_an_accompaniment_in_the_same_voice(path, accompany):
    tune = read_score(path)
    tune = tune.transpose(12 * round((74 - np.median(tune.notes["pitch"])) / 12))
    piano = together(accompany(tune.duration))
    piano = Score(np.concatenate([piano.notes, tune.notes]))
    found = {tuple(row) for row in find_melody(piano).score.notes[["onset", "pitch"]].tolist()}
    truth = {tuple(row) for row in tune.notes[["onset", "pitch"]].tolist()}
    assert len(found & truth) >= 0.95 * len(truth)
    assert len(found & truth) >= 0.85 * len(found)
    assert "highest note" in find_melody(piano).reason


def test_without_the_rule_for_what_lies_far_below_rests_would_fill_up(monkeypatch):
    tune = Score([(4 * bar + beat, 1.0, 76 + beat) for bar in range(8) for beat in range(3)])
    piano = Score(np.concatenate([tune.notes, broken_chords(32).notes]))
    assert rows(extract_melody(piano)) == rows(tune)
    monkeypatch.setattr("musiclab.melody.FAR_BELOW", 128)
    assert len(extract_melody(piano)) > len(tune)


def test_a_few_high_notes_are_an_ornament():
    tune = Score([(n, 1.0, 60 + n % 12) for n in range(64)])
    bells = Score([(16 * n, 0.5, 90) for n in range(4)])
    found = find_melody(together(bells, tune))
    assert found.voice == 1 and "lies highest" in found.reason


def test_a_line_goes_before_higher_chords():
    tune = Score([(n, 1.0, 60 + n % 12) for n in range(64)])
    found = find_melody(together(chords(64, low=76), tune))
    assert found.voice == 1
    assert "one note at a time throughout" in found.reason and "of the voices that have" in found.reason


def test_a_bass_is_no_melody_where_there_is_another_voice():
    bass = Score([(n, 1.0, 36 + n % 5) for n in range(64)])
    found = find_melody(together(bass, chords(64, low=60)))
    assert found.voice == 1 and "holds chords" in found.reason
    assert set(found.score.notes["pitch"]) == {67}
    assert find_melody(bass).voice == 0, "alone it is all there is"


def test_what_a_track_is_called_counts():
    low, high = (Score([(n, 1.0, pitch + n % 5) for n in range(64)]) for pitch in (60, 72))
    both = together(high, low)
    assert find_melody(both).voice == 0
    for name in ("Melody", "LEAD VOCALS", "Singstimme", "melodia", "Vox"):
        found = find_melody(both, ["Flute", name])
        assert found.voice == 1 and "called" in found.reason, name
    for name in ("Backing vocals", "voice 1", "Strings", "", "Solid lead pad"):
        assert find_melody(both, ["Flute", name]).voice == 0, name


def test_part_of_a_word_is_no_name():
    low, high = (Score([(n, 1.0, pitch + n % 5) for n in range(64)]) for pitch in (60, 72))
    both = together(high, low)
    for above, below in (
        *[("Sopran", "Unterstimme"), ("Flöte", "Begleitstimme"), ("Flute", "Closing chords"), ("Violin", "Crossing")],
        *[("Violin", "Vocal bass"), ("Violin", "Gegenmelodie"), ("Violin", "Invoice"), ("Violin", "Leading tone")],
    ):
        assert find_melody(both, [above, below]).voice == 0, below
    for name in ("Vocal1", "lead_vox", "Oberstimme", "Gesang", "sopran", "Melodie 2"):
        assert find_melody(both, ["Violin", name]).voice == 1, name


# --- the line within a voice ----------------------------------------------------------------------------


def test_of_a_chord_the_highest_note_is_taken_also_when_it_is_struck_late():
    assert rows(extract_melody(Score([(0, 1, 60), (0.02, 1, 64), (0.04, 1, 72), (1, 1, 71), (1.03, 1, 55)]))) == [
        (0.04, 0.96, 72),
        (1.0, 1.0, 71),
    ]


def test_legato_is_one_line_upwards_and_downwards():
    """Each key is let go a little after the next is pressed."""
    line = Score([(n, 1.05, pitch) for n, pitch in enumerate((60, 62, 64, 62, 60, 67, 55))])
    melody = find_melody(line)
    assert melody.score.notes["pitch"].tolist() == [60, 62, 64, 62, 60, 67, 55]
    assert melody.score.notes["duration"].tolist() == pytest.approx([1.0] * 6 + [1.05])


def test_what_moves_below_a_held_note_is_left_out():
    held = Score([(0, 4, 72), (0, 1, 60), (1, 1, 64), (2, 1, 67), (3, 1, 64), (4, 1, 74)])
    assert rows(extract_melody(held)) == [(0.0, 4.0, 72), (4.0, 1.0, 74)]


def test_one_at_a_time():
    assert one_at_a_time(Score([(0, 1, 60), (2, 1, 62)])) == 1
    assert one_at_a_time(Score([(0, 2, 60), (1, 2, 62)])) == pytest.approx(2 / 3)
    assert one_at_a_time(Score([(0, 1, 60), (0, 1, 62)])) == 0
    assert one_at_a_time(Score([(0, 1.05, 60), (1, 1, 62)])) == 1, "legato"
    assert np.isnan(one_at_a_time(Score([])))
