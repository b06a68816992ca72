"""The harmoniser of lesson 08 and its tunes, with a model of random weights, and with the trained one."""

import re
import threading
from dataclasses import replace

import numpy as np
import pytest

from musiclab.bundle import DATA, Bundle, load_bundle
from musiclab.encoding import ChoraleEncoding, GridEncoding
from musiclab.files import scores_from_abc
from musiclab.score import Score
from musiclab.widgets.harmonise import OWN, VOICES, Harmoniser, hymns

FILES = sorted((DATA / "tunes" / "hymns").glob("*.abc"))
TONICS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@pytest.fixture(scope="module")
def untrained():
    """A bundle of random weights: it writes nonsense, but by the same rules."""
    from musiclab.models import chorale_model, weights_of

    encoding, settings = ChoraleEncoding(), {"units": (8,), "head": 8, "depth": 1, "embedding": 8, "seed": 0}
    model = chorale_model(encoding, **settings)
    return Bundle("chorale", weights_of(model), encoding, {"kind": "chorale", **settings}, {"metres": ["3/4", "4/4"]})


def melody(pitches=(67, 69, 71, 72, 71, 69, 67, 67), **words):
    return Score([(i, 1.0, p) for i, p in enumerate(pitches)], **words)


def consistent(harmoniser):
    """The tune is untouched, and score, player and text tell of the same music."""
    tune, score = harmoniser.tunes[harmoniser.tune.value], harmoniser.score
    fields = ["onset", "duration", "pitch"]
    assert np.array_equal(score.voice(0).notes[fields], tune.notes[fields])
    assert (score.title, score.time_signature, score.tempo) == (tune.title, tune.time_signature, tune.tempo)
    assert set(score.voices) <= {0, 1, 2, 3}
    assert harmoniser.player.score is score and harmoniser.children[-1] is harmoniser.player
    assert harmoniser.tune.value in harmoniser.text and harmoniser.player.text in harmoniser.text


# --- the widget -----------------------------------------------------------------------------------------


def test_every_tune_is_harmonised_and_kept(untrained):
    harmoniser = Harmoniser(bundle=untrained)
    assert list(harmoniser.tune.options) == list(hymns())
    for title in harmoniser.tune.options:
        harmoniser.tune.value = title
        harmoniser.button.click()
        consistent(harmoniser)


def test_same_choices_same_music_and_each_choice_counts(untrained):
    one, same = (Harmoniser(bundle=untrained, seed=3) for _ in range(2))
    assert one.score == same.score
    before = one.score
    one.button.click()
    assert one.score == before
    one.seed.value = 4
    assert one.score == before, "nothing is written before the button is pressed"
    one.button.click()
    assert one.score != before
    one.seed.value, one.temperature.value = 3, 1.4
    one.button.click()
    assert one.score != before and "temperature 1.4 with seed 3" in one.text


def test_a_tune_of_your_own_comes_first(untrained):
    harmoniser = Harmoniser(melody(), bundle=untrained)
    assert harmoniser.tune.value == harmoniser.tune.options[0] == OWN
    consistent(harmoniser)
    titled = Harmoniser(melody(title="Stille Nacht"), bundle=untrained)
    assert titled.tune.options[0] == "Stille Nacht" and len(titled.tune.options) == len(hymns())
    consistent(titled)


@pytest.mark.parametrize(
    ("tune", "words"),
    [
        (melody(time_signature=(6, 8)), "not trained on music in 6/8; choose one of 3/4, 4/4"),
        (melody(pitches=(100, 101)), "Transpose the melody"),
        (replace(melody(), notes=np.zeros(0, melody().notes.dtype)), "has no notes"),
        (Score([(0, 1, 72, 0), (0, 1, 67, 1)]), r"score\.voice\(0\)"),
    ],
)
def test_a_tune_that_cannot_be_harmonised_says_why(untrained, tune, words):
    with pytest.raises(ValueError, match=words):
        Harmoniser(tune, bundle=untrained)


def test_a_failure_of_the_button_is_said_and_leaves_the_music(untrained):
    harmoniser = Harmoniser(melody(), bundle=untrained)
    before = harmoniser.score
    harmoniser.tunes[OWN] = melody(time_signature=(6, 8))
    harmoniser.button.click()
    assert harmoniser.score == before == harmoniser.player.score
    assert "Nothing was written" in harmoniser.text and "6/8" in harmoniser.message.value


def test_a_voice_that_falls_silent_changes_the_names_in_the_player(untrained, monkeypatch):
    harmoniser = Harmoniser(melody(), bundle=untrained)
    trio = melody()
    monkeypatch.setattr("musiclab.widgets.harmonise.generate", lambda *args, **kwargs: trio)
    harmoniser.button.click()
    assert harmoniser.player.score == trio and harmoniser.children[-1] is harmoniser.player


def test_every_control_has_a_name_and_is_reached_by_the_keyboard(untrained):
    harmoniser = Harmoniser(bundle=untrained)
    controls = harmoniser.children[0].children
    assert [c.description for c in controls] == ["tune", "temperature", "seed", "Harmonise"]
    assert not any(c.disabled for c in controls)
    assert 'aria-live="polite"' in harmoniser.message.value


def test_titles_cannot_write_into_the_page(untrained):
    harmoniser = Harmoniser(melody(title="<b>&"), bundle=untrained)
    assert "<b>" not in harmoniser.message.value


def test_where_widgets_do_not_run_the_whole_text_is_there(untrained):
    harmoniser = Harmoniser(bundle=untrained)
    bundle = harmoniser._repr_mimebundle_()
    assert bundle["text/plain"] == harmoniser.text == repr(harmoniser)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert all(VOICES[voice] in harmoniser.text for voice in harmoniser.score.voices)


def test_a_press_may_come_from_another_thread(untrained):
    harmoniser, errors = Harmoniser(bundle=untrained), []

    def press():
        try:
            harmoniser.seed.value = 7
            harmoniser.button.click()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=press)
    thread.start()
    thread.join(60)
    assert not errors and not thread.is_alive()
    consistent(harmoniser)


def test_with_the_trained_model_the_voices_are_a_choir():
    harmoniser = Harmoniser()
    assert harmoniser._bundle.card == load_bundle("chorale").card
    for title in harmoniser.tune.options:
        harmoniser.tune.value = title
        harmoniser.button.click()
        consistent(harmoniser)
        means = [harmoniser.score.voice(v).notes["pitch"].mean() for v in range(4)]
        assert means == sorted(means, reverse=True), title
        for voice, (low, high) in enumerate(((57, 81), (53, 74), (48, 69), (36, 64))):
            pitches = harmoniser.score.voice(voice).notes["pitch"]
            assert low <= pitches.min() and pitches.max() <= high, (title, VOICES[voice])


# --- the tunes ------------------------------------------------------------------------------------------


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def text(request):
    return request.param.read_text(encoding="utf-8")


def read(text) -> Score:
    (score,) = scores_from_abc(text)
    return score


def test_there_are_hymns_in_both_metres_and_no_title_or_number_comes_twice():
    assert {tune.time_signature for tune in hymns().values()} == {(3, 4), (4, 4)}
    assert len(hymns()) == len(FILES) == 6
    texts = [p.read_text(encoding="utf-8") for p in (*FILES, *(DATA / "tunes").glob("*.abc"))]
    numbers = [re.search(r"^X:(\d+)$", text, re.MULTILINE)[1] for text in texts]
    assert len(set(numbers)) == len(numbers)


def test_hymn_lies_in_a_soprano_on_the_grid_and_closes_on_its_tonic(text):
    score = read(text)
    assert 60 <= score.notes["pitch"].min() and score.notes["pitch"].max() <= 79
    assert score.voices == (0,) and len(score) >= 30
    assert not any(value for name, value in GridEncoding().loss_report(score).items() if name != "notes")
    assert score.notes["pitch"][-1] % 12 == TONICS[score.key[0]]


def test_every_bar_of_a_hymn_is_full(text):
    lines = text.splitlines()
    key = next(i for i, line in enumerate(lines) if line.startswith("K:"))
    header, body = "\n".join(lines[: key + 1]), " ".join(lines[key + 1 :])
    assert set(body) <= set("abcdefgABCDEFG^=/0123456789-| ]") and body.endswith("|]")
    score, bars = read(text), body.removesuffix("|]").split("|")
    upbeat = (score.bar_length - score.notes["onset"][0]) % score.bar_length
    ends = [read(f"{header}\n{'|'.join(bars[:n]).rstrip(' -')} |").duration for n in range(1, len(bars) + 1)]
    assert ends[:-1] == [score.bar_length * n for n in range(1, len(bars))]
    assert ends[-1] == score.bar_length * len(bars) - upbeat


def test_readme_states_metre_and_key_of_each_hymn():
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for path in FILES:
        score = read(path.read_text(encoding="utf-8"))
        row = next(line for line in readme.splitlines() if line.startswith(f"| `tunes/hymns/{path.name}`"))
        assert f"{score.time_signature[0]}/{score.time_signature[1]}, {score.key}" in row and "CC0" in row
