"""show: what is drawn is what the score holds, and it is said in words as well."""

import hashlib
import json
import subprocess
import sys
import threading
import time
import warnings
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from musiclab import show
from musiclab.score import Score
from musiclab.show.picture import COLOURS, key_name, printable
from musiclab.show.plots import _spread

TUNE = Score([(0, 1, 60), (1, 0.5, 64), (1.5, 0.5, 67), (4, 4, 72)], title="Tune", key="C major")
CHORALE = Score([(i, 1, 72 - 7 * v + i % 3, v) for v in range(4) for i in range(12)], title="Chorale", time_signature=(3, 4))
HISTORY = [{"epoch": i + 1, "loss": 3 * 0.7**i, "valid": 3 * 0.7**i + 0.05 * i, "seconds": 1.0} for i in range(10)]


def drawn(axes: Axes) -> dict[str, list[tuple[float, float, float]]]:
    """Read the notes back from the axes: label -> (onset, duration, pitch) of each rectangle."""
    found = {}
    for collection in axes.collections:
        if isinstance(collection, PolyCollection) and not collection.get_label().startswith("_"):
            boxes = [path.get_extents() for path in collection.get_paths()]
            found[collection.get_label()] = [(b.x0, b.width, (b.y0 + b.y1) / 2) for b in boxes]
            assert all(0 < b.height < 1 for b in boxes), "a note keeps to its row"
    return found


def rows(score: Score) -> list[tuple[float, float, float]]:
    return [(n["onset"], n["duration"], float(n["pitch"])) for n in score.notes]


def pixels(picture) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(BytesIO(picture.png)).convert("RGB"))


# --- piano roll ------------------------------------------------------------------------------------------


notes = st.tuples(
    st.integers(0, 64).map(lambda n: n / 4), st.integers(1, 16).map(lambda n: n / 4), st.integers(0, 127), st.integers(0, 15)
)


@settings(max_examples=20, deadline=None)
@given(st.lists(notes, max_size=30))
def test_each_rectangle_is_a_note_and_each_note_a_rectangle(rows_of_notes):
    score = Score(rows_of_notes)
    picture = show.piano_roll(score)
    found = drawn(picture.axes)
    assert list(found) == [f"voice {v}" for v in score.voices]
    for voice in score.voices:
        assert np.allclose(found[f"voice {voice}"], rows(score.voice(voice)))
    if len(score):
        low, high = picture.axes.get_ylim()
        assert low < score.notes["pitch"].min() and score.notes["pitch"].max() < high
        left, right = picture.axes.get_xlim()
        assert left == 0 and score.duration <= right < score.duration + score.bar_length


def test_time_axis_counts_bars():
    axes = show.piano_roll(CHORALE).axes
    assert axes.get_xticks().tolist() == [0, 3, 6, 9]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["1", "2", "3", "4"]


def test_time_axis_of_a_long_piece_stays_readable():
    axes = show.piano_roll(Score([(i, 1, 60) for i in range(1000)])).axes
    numbers = [int(t.get_text()) for t in axes.get_xticklabels()]
    assert 8 <= len(numbers) <= 18 and numbers[0] == 1
    assert [(n - 1) * 4.0 for n in numbers] == axes.get_xticks().tolist()


@pytest.mark.parametrize("low, high", [(60, 60), (60, 72), (40, 80), (0, 127), (127, 127), (0, 0)])
def test_pitch_axis_names_its_pitches(low, high):
    axes = show.piano_roll(Score([(0, 1, low), (1, 1, high)])).axes
    labels = {int(y): t.get_text() for y, t in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)}
    assert labels and all(-1 <= y <= 128 for y in labels)
    bottom, top = axes.get_ylim()
    for c in (p for p in range(0, 128, 12) if bottom < p < top):
        assert labels[c] == f"C{c // 12 - 1}"
    step = np.diff(sorted(labels)).min(initial=12)
    assert step * axes.get_window_extent().height / (top - bottom) > 7, "names do not run into each other"


def test_voices_differ_in_more_than_colour():
    picture = show.piano_roll(CHORALE, labels=["soprano", "alto", "tenor", "bass"])
    voices = [c for c in picture.axes.collections if isinstance(c, PolyCollection) and c.get_label()[0] != "_"]
    shapes = {(c.get_hatch(), len(c.get_paths()[0]) and round(c.get_paths()[0].get_extents().height, 2)) for c in voices}
    assert len(shapes) == 4
    assert [t.get_text() for t in picture.axes.get_legend().get_texts()] == ["soprano", "alto", "tenor", "bass"]


def test_sixteen_voices_all_look_different():
    score = Score([(v, 1, 100 - v, v) for v in range(16)])
    picture = show.piano_roll(score)
    voices = [c for c in picture.axes.collections if isinstance(c, PolyCollection) and c.get_label()[0] != "_"]
    looks = {(c.get_hatch(), c.get_facecolor().tobytes(), round(c.get_paths()[0].get_extents().height, 2)) for c in voices}
    assert len(looks) == 16 and len(picture.axes.get_legend().get_texts()) == 16
    assert "16 voices" in picture.text


def test_one_voice_needs_no_legend():
    assert show.piano_roll(TUNE).axes.get_legend() is None


def test_overlay_shows_both_scores_and_counts_what_they_share():
    other = Score([*rows(TUNE)[:3], (4, 4, 71)])
    other = Score([(o, d, int(p)) for o, d, p in other.notes[["onset", "duration", "pitch"]].tolist()], title="Other")
    picture = show.piano_roll(TUNE, other, labels=("written", "played"))
    found = drawn(picture.axes)
    assert found == {"written": rows(TUNE), "played": rows(other)}
    assert "In both: 3 notes." in picture.text and "Other: 4 notes" in picture.text
    hollow = picture.axes.collections[-1]
    assert hollow.get_label() == "played" and not len(hollow.get_facecolor())


def test_overlay_reaches_to_the_end_of_the_longer_score():
    long = Score([(0, 20, 50)])
    assert show.piano_roll(TUNE, long).axes.get_xlim() == show.piano_roll(long, TUNE).axes.get_xlim() == (0, 20)


def test_zoom_shows_the_bars_asked_for():
    picture = show.piano_roll(CHORALE, bars=(2, 3))
    assert picture.axes.get_xlim() == (3, 9)
    assert [t.get_text() for t in picture.axes.get_xticklabels()] == ["2", "3"]
    assert len(drawn(picture.axes)["voice 0"]) == 6
    assert picture.text.endswith("Shown: bars 2 to 3, with 24 notes.")


@pytest.mark.parametrize("bars", [(0, 1), (3, 2), (1, 5), (5, 5)])
def test_zoom_outside_the_piece_says_how_far_it_goes(bars):
    with pytest.raises(ValueError, match="from 1 to 4"):
        show.piano_roll(CHORALE, bars=bars)


@pytest.mark.parametrize("labels", [["a", "b"], "abcd", []])
def test_labels_must_match(labels):
    with pytest.raises(ValueError, match="list of 4 names"):
        show.piano_roll(CHORALE, labels=labels)


def test_empty_score_and_one_note():
    empty = show.piano_roll(Score([], title="Silence"))
    assert empty.text == "Piano roll. Silence: no notes." and drawn(empty.axes) == {}
    assert any(t.get_text() == "no notes" for t in empty.axes.texts) and empty.png
    one = show.piano_roll(Score([(0, 0.25, 61)]))
    assert drawn(one.axes) == {"voice 0": [(0, 0.25, 61)]} and "1 note in 1 bar of 4/4, all C#4" in one.text
    assert show.piano_roll(TUNE, Score([])).png


def test_a_long_piece_is_drawn_in_time_and_size():
    import time

    rng = np.random.default_rng(0)
    score = Score([(i / 4, 0.5, int(p), i % 4) for i, p in enumerate(rng.integers(30, 90, 8000))])
    started = time.perf_counter()
    assert len(show.piano_roll(score).png) < 120_000
    assert time.perf_counter() - started < 10


def test_axes_of_ones_own():
    figure = Figure()
    axes = figure.add_subplot()
    picture = show.piano_roll(TUNE, ax=axes)
    assert picture.axes is axes and picture.figure is figure and drawn(axes)["voice 0"] == rows(TUNE)


# --- words -----------------------------------------------------------------------------------------------


def test_describe():
    assert show.describe(TUNE) == "Tune: 4 notes in 2 bars of 4/4, C major, from C4 to C5."
    assert show.describe(CHORALE).endswith("48 notes in 4 bars of 3/4, from D#3 to D5, 4 voices.")
    assert show.describe(Score([])) == "Untitled: no notes."


@pytest.mark.parametrize(
    "key, words, signs",
    [("C major", "C major", "C major"), ("B- major", "B flat major", "B♭ major"), ("f# minor", "f sharp minor", "f♯ minor")],
)
def test_key_name(key, words, signs):
    assert key_name(key) == words and key_name(key, signs=True) == signs


def test_titles_from_files_do_no_harm():
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a missing glyph is a warning, and a warning is noise in a lesson
        for title in ("$x^2", "a\nb 曲 \\frac № 𝄞 100 % {x}"):
            score = Score([(0, 1, 60), (0, 1, 50, 1)], title=title)
            roll = show.piano_roll(score, labels=[title, "_hidden"])
            bars = show.probabilities({title: [0.5, 0.5]}, [title, "b"], title=title)
            for picture in (roll, bars, show.curves(HISTORY, title=title, baselines={title: 1.0}, unit=title)):
                assert title in picture.text and picture.png
    assert printable("曲 No. 1 é ♭") == "□ No. 1 é ♭"


# --- the display object ----------------------------------------------------------------------------------


def test_picture_shows_itself_with_words():
    picture = show.piano_roll(TUNE)
    data, about = picture._repr_mimebundle_()
    assert b64decode(data["image/png"]) == picture.png and picture.png[:4] == b"\x89PNG"
    assert data["text/plain"] == repr(picture) == picture.text and "0x" not in picture.text
    assert about == {"image/png": {"alt": picture.alt}}


def test_picture_says_its_words_where_alt_texts_are_not_shown(monkeypatch):
    import IPython.display

    published = []
    monkeypatch.setattr(IPython.display, "publish_display_data", lambda data, metadata=None: published.append(data))
    show.piano_roll(Score([(0, 1, 60)], title="<b>&"))._ipython_display_()
    image, words = published
    assert set(image) == {"image/png", "text/plain"} and set(words) == {"text/html"}
    assert "&lt;b&gt;&amp;: 1 note" in words["text/html"] and "position:absolute" in words["text/html"]


def test_picture_shows_what_was_drawn_upon_it():
    picture = show.piano_roll(TUNE)
    before = picture.png
    picture.axes.axvline(2.0, color="red")
    assert picture.png != before


def test_a_dark_plot_style_changes_nothing():
    import matplotlib.style

    plain = [picture.png for picture in samples()]
    with matplotlib.style.context("dark_background"):
        dark = samples()
        assert [picture.png == png for picture, png in zip(dark, plain, strict=True)] == [True] * len(plain)
    for picture in dark:
        image = pixels(picture)
        assert (image[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all(), "white paper to the corners"


SCRIPT = """
import hashlib, json, sys
sys.path.insert(0, "tests")
import test_show
assert "matplotlib.pyplot" not in sys.modules
print(json.dumps([hashlib.sha256(p.png).hexdigest() for p in test_show.samples()]))
"""


def samples():
    mixed = {"temperature 0.5": [0.8, 0.15, 0.05], "temperature 1": [0.6, 0.25, 0.15]}
    return [
        show.piano_roll(CHORALE),
        show.piano_roll(TUNE, CHORALE, labels=("a", "b")),
        show.curves(HISTORY, baselines={"uniform": 4.8, "Markov": 1.1}),
        show.probabilities(mixed, ["C4", "HOLD", "REST"], top=2),
    ]


def test_images_are_the_same_in_every_process(request):
    here = [hashlib.sha256(p.png).hexdigest() for p in samples()]
    there = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, cwd=request.config.rootpath
    )
    assert json.loads(there.stdout) == here


def test_images_are_small():
    assert max(len(p.png) for p in samples()) < 60_000


def test_drawing_in_threads():
    """Widget callbacks run in a thread of their own, several at a time."""
    expected, results = show.piano_roll(CHORALE).png, []
    threads = [threading.Thread(target=lambda: results.append(show.piano_roll(CHORALE).png)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


# --- curves ----------------------------------------------------------------------------------------------


def test_curves_draw_the_history():
    picture = show.curves(HISTORY, baselines={"uniform": 4.8})
    lines = {line.get_label(): line for line in picture.axes.lines}
    for column, name in (("loss", "training"), ("valid", "held-out")):
        assert lines[name].get_xdata().tolist() == list(range(1, 11))
        assert np.allclose(lines[name].get_ydata(), [row[column] for row in HISTORY])
    looks = {(lines[n].get_linestyle(), lines[n].get_marker()) for n in ("training", "held-out")}
    assert len(looks) == 2, "told apart without colour"
    assert any(line.get_ydata() == [4.8, 4.8] for line in picture.axes.lines if len(line.get_ydata()) == 2)
    words = [t.get_text() for t in picture.axes.texts]
    assert "uniform  4.80" in words and any(w.startswith("best held-out") for w in words)
    low, high = picture.axes.get_ylim()
    assert low < min(row["loss"] for row in HISTORY) and high > 4.8


def test_curves_say_which_lines_there_are_and_keep_numbers_to_the_alt_text():
    picture = show.curves(HISTORY, baselines={"uniform": 4.8}, title="My training")
    assert picture.text == "My training. Loss in nats per token over 10 epochs: training, held-out, uniform."
    best = min(HISTORY, key=lambda row: row["valid"])
    assert f"held-out: {HISTORY[-1]['valid']:.3f}." in picture.alt
    assert f"Best held-out: {best['valid']:.3f} in epoch {best['epoch']}." in picture.alt


@pytest.mark.parametrize("history", [[], HISTORY[:1], [{"epoch": 1, "loss": 2.0}], [{"epoch": 1, "loss": float("nan")}]])
def test_curves_of_little(history):
    picture = show.curves(history, baselines={"uniform": 4.8})
    assert picture.png and f"over {len(history)} epoch" in picture.text


@given(st.lists(st.floats(0, 10), max_size=8))
def test_names_at_the_ends_keep_apart_and_in_order(values):
    places = _spread(values, 0.5)
    assert len(places) == len(values)
    assert (np.diff(sorted(places)) >= 0.5 - 1e-9).all()
    order = np.argsort(values, kind="stable")
    assert list(order) == list(np.argsort(np.array(places), kind="stable"))
    if len(values) == 1:
        assert places == values


# --- probabilities ---------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40).filter(lambda p: sum(p) > 0.01), st.integers(1, 15))
def test_bars_are_the_most_likely_tokens(weights, top):
    p = np.array(weights) / np.sum(weights)
    names = [f"token {i}" for i in range(len(p))]
    (axes,) = show.probabilities(p, names, top=top).axes
    widths = [bar.get_width() for bar in axes.patches]
    labels = [t.get_text() for t in axes.get_yticklabels()]
    shown = min(top, len(p))
    assert np.allclose(widths[:shown], np.sort(p)[::-1][:shown])
    assert all(np.isclose(p[int(label.split()[1])], width) for label, width in zip(labels[:shown], widths, strict=False))
    assert np.isclose(sum(widths), 1.0, atol=1e-6)
    assert len(labels) == len(widths) == shown + (len(p) > top)


def test_several_distributions_share_order_and_scale():
    picture = show.probabilities({"as it is": [0.5, 0.3, 0.2], "top-k 2": [0.625, 0.375, 0]}, ["C4", "D4", "E4"])
    left, right = picture.axes
    assert [b.get_width() for b in left.patches] == [0.5, 0.3, 0.2]
    assert [b.get_width() for b in right.patches] == [0.625, 0.375, 0]
    assert left.get_xlim() == right.get_xlim()
    assert [a.get_title() for a in picture.axes] == ["as it is", "top-k 2"]
    assert "0" in [t.get_text() for t in right.texts], "what is cut off is said to be 0"
    assert "2 distributions (as it is, top-k 2), led by C4, D4, E4" in picture.text
    assert "top-k 2: C4 0.625" in picture.alt and "0.625" not in picture.text


@pytest.mark.parametrize(
    "p, names, message",
    [
        ([0.5, 0.4], None, "whose sum is 1"),
        ([1.5, -0.5], None, "numbers from 0 to 1"),
        ([[0.5, 0.5]], None, "shape"),
        ([], None, "shape"),
        ([float("nan"), 1.0], None, "sum nan"),
        ([0.5, 0.5], ["a"], "1 names for 2 tokens"),
        ({"a": [1.0], "b": [0.5, 0.5]}, None, "same tokens"),
        ({}, None, "at least one"),
    ],
)
def test_what_is_no_distribution_is_refused(p, names, message):
    with pytest.raises(ValueError, match=message):
        show.probabilities(p, names)


# --- colours ---------------------------------------------------------------------------------------------


def test_colours_stand_out_on_white():
    from matplotlib.colors import to_rgb

    assert len(set(COLOURS)) == len(COLOURS) == 8
    for colour in COLOURS:
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
        assert 1.05 / (np.dot(linear, (0.2126, 0.7152, 0.0722)) + 0.05) > 2.0


def test_a_progress_bar_goes_through_the_loop_and_ends_the_same_at_any_speed(capsys):
    ends = set()
    for pause in (0.0, 0.06):
        done = []
        for item in show.progress("abc", "Training"):
            done.append(item)
            time.sleep(pause)
        *before, end = capsys.readouterr().out.split("\r")
        ends.add(end)
        assert done == ["a", "b", "c"] and "0/3 · ? left" in before[1]
    assert len(ends) == 1
    assert end.startswith("Training: 100%|") and end.rstrip().endswith("| 3/3 · 00:00 left")


def test_live_curves_show_the_last_epoch_in_one_place(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    draw = show.live_curves(title="Mine", unit="nats per note")
    history, pages = [], []
    for epoch in (1, 2, 3):
        history.append({"epoch": epoch, "loss": 3.0 / epoch, "valid": 4.0 / epoch})
        draw(history)
        pages.append(shown[0].value)
    assert len(shown) == 1 and len(set(pages)) == 3
    assert "Mine" in pages[-1] and "held-out: 1.333" in pages[-1]
