"""The listening room: one trial at a time, every vote on the disk, and nothing to be seen before the end."""

import base64
import io
import json
import re
import threading
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from lab import find_browser, open_page, server, write_notebook
from test_listening import SETS, make, right_votes

from musiclab.listening import ListeningTest, Vote, add_votes, read_votes
from musiclab.score import Score
from musiclab.widgets import listening
from musiclab.widgets.listening import ListeningRoom, trial_sounds


@pytest.fixture(scope="module", params=["pairs", "single"])
def test(request):
    return ListeningTest(SETS, real="Bach", kind=request.param, trials=4, quarters=4)


@pytest.fixture
def pairs():
    return ListeningTest(SETS, real="Bach", trials=4, quarters=4)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "votes.jsonl"


def enter(room, name):
    room.name.value = name
    room.start.click()
    return room


def answer(room, choices):
    """Vote for the first or the second choice."""
    for choice in choices:
        (room.button_b if choice else room.button_a).click()


def state(room):
    """Everything of the widget, and of all in it, that a notebook stores or a page shows."""
    widgets, found = [room], []
    while widgets:
        widget = widgets.pop()
        found.append(
            {k: v for k, v in widget.get_state().items() if not k.startswith("_") and k not in ("layout", "style", "children")}
        )
        widgets += getattr(widget, "children", ())
    return json.dumps(found, default=str)


# --- votes ----------------------------------------------------------------------------------------------


def test_each_vote_is_stored_before_the_next_trial(test, path):
    room = enter(ListeningRoom(test, path, least=0), " Ada ")
    for number, choice in enumerate((0, 1, 1, 0), 1):
        assert room.trial == number and f"Trial {number} of 4" in room.text and f"Trial {number} of 4" in room.sounds.value
        answer(room, [choice])
        vote = read_votes(path)[-1]
        assert (vote.test, vote.listener, vote.trial, vote.vote) == (test.fingerprint, "Ada", number, test.choices[choice])
    assert room.trial is None and len(read_votes(path)) == 4


def test_the_result_comes_after_the_last_trial_and_not_before(pairs, path):
    right = [vote == "B" for vote in right_votes(pairs)]
    room = enter(ListeningRoom(pairs, path, least=0), "Ada")
    for choice in right:
        assert not room.result.value and not re.search(" of [24] right|told|evidence", room.text)
        answer(room, [choice])
    assert "4 of 4 right (100 %" in room.text and "<caption>" in room.result.value and room.sounds.value == ""
    assert room.button_a.disabled and room.button_b.disabled
    answer(room, [0, 1])
    assert len(read_votes(path)) == 4, "there is nothing left to vote on"
    room.next_listener.click()
    assert not room.result.value and "right" not in room.text, "the next one does not see it"


def test_nothing_that_a_notebook_stores_depends_on_the_truth(test, path, monkeypatch):
    """A room whose test holds other answers looks the same, trial for trial; only the result differs."""
    turned = ListeningTest(SETS, real="Bach", kind=test.kind, trials=4, quarters=4)
    other = dict(zip(test.choices, test.choices[::-1], strict=True))
    turned._trials = tuple(replace(t, sets=t.sets[::-1], right=other[t.right]) for t in turned._trials)
    rooms = [enter(ListeningRoom(t, path.with_name(f"{i}"), least=0), "Ada") for i, t in enumerate((test, turned))]
    *choices, last = [vote == test.choices[1] for vote in right_votes(test)]
    for choice in choices:
        assert state(rooms[0]) == state(rooms[1]) and rooms[0].text == rooms[1].text
        assert not re.search("model|shuffled", re.sub('base64,[^"]*', "", state(rooms[0])) + rooms[0].text)
        for room in rooms:
            answer(room, [choice])
    for room in rooms:
        answer(room, [last])
    assert "4 of 4 right" in rooms[0].text and "0 of 4 right" in rooms[1].text, "so the answers did differ"


def test_whoever_comes_back_goes_on_where_they_stopped(test, path):
    answer(enter(ListeningRoom(test, path, least=0), "Ada"), [0, 1])
    again = ListeningRoom(test, path, least=0)
    assert again.name.value == "Ada" and "go on as Ada" in again.text
    again.start.click()
    assert again.trial == 3 and "Welcome back, Ada" in again.text
    answer(again, [1, 1])
    assert [vote.trial for vote in read_votes(path)] == [1, 2, 3, 4]
    finished = ListeningRoom(test, path, least=0)
    assert finished.name.value == ""
    assert "All 4 trials are answered" in enter(finished, "Ada").text and finished.trial is None and finished.result.value


def test_a_crash_in_the_middle_of_a_line_costs_one_vote(test, path):
    answer(enter(ListeningRoom(test, path, least=0), "Ada"), [0, 1])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.warns(UserWarning, match="line 2 is half a vote"):
        room = ListeningRoom(test, path, least=0)
    assert enter(room, "Ada").trial == 2
    answer(room, [1, 1, 1])
    assert [vote.trial for vote in read_votes(path)] == [1, 2, 3, 4] and room.result.value


def test_another_test_in_the_same_file_does_not_count(test, path):
    add_votes(path, [Vote("another", "Ada", n, test.choices[0]) for n in (1, 2)])
    room = ListeningRoom(test, path, least=0)
    assert room.name.value == "" and enter(room, "Ada").trial == 1


def test_one_listener_after_the_other(test, path):
    room = enter(ListeningRoom(test, path, least=0), "Ada")
    answer(room, [0, 1])
    room.next_listener.click()
    assert room.listener is None and room.sounds.value == "" and room.name.value == "" and room.button_a.disabled
    answer(room, [0])
    assert len(read_votes(path)) == 2, "nobody is listening"
    answer(enter(room, "Bert"), [1, 1, 1, 1])
    enter(room, "Ada")
    assert room.trial == 3 and room.result.value == "", "and Bert's result is gone"
    answer(room, [0, 0])
    votes = read_votes(path)
    assert [(v.listener, v.trial) for v in votes if v.listener == "Ada"] == [("Ada", n) for n in (1, 2, 3, 4)]
    assert len(votes) == 8


def test_a_listener_sees_their_own_result_alone(pairs, path):
    room = ListeningRoom(pairs, path, least=0)
    right = [vote == "B" for vote in right_votes(pairs)]
    answer(enter(room, "Ada"), right)
    answer(enter(room, "Bert"), [not choice for choice in right])
    assert "In all 0 of 4 right" in room.text and "listeners" not in room.text and "Ada" not in room.text + room.result.value


def test_pressing_start_again_changes_nothing(test, path):
    room = enter(ListeningRoom(test, path, least=0), "Ada")
    answer(room, [0])
    sounds = room.sounds.value
    room.start.click()
    assert room.trial == 2 and room.sounds.value == sounds and "You are listening, Ada" in room.text


def test_without_a_name_nothing_begins(test, path):
    room = enter(ListeningRoom(test, path, least=0), "  ")
    assert room.trial is None and "Write your name first" in room.text


def test_a_double_click_does_not_vote_on_music_that_nobody_heard(test, path, monkeypatch):
    now = 100.0
    monkeypatch.setattr(listening.time, "monotonic", lambda: now)
    room = enter(ListeningRoom(test, path), "Ada")
    answer(room, [0])
    assert room.trial == 1 and "Listen first" in room.text and read_votes(path) == []
    now += 1
    answer(room, [0, 0])
    assert room.trial == 2 and len(read_votes(path)) == 1


# --- what goes wrong ------------------------------------------------------------------------------------


def test_an_error_in_a_button_is_said(test, path):
    room = enter(ListeningRoom(test, path, least=0), "Ada")
    path.unlink()
    path.mkdir()
    answer(room, [0])
    assert "That did not work" in room.text and "IsADirectoryError" in room.message.value
    path.rmdir()
    answer(room, [0])
    assert room.trial == 2


def test_a_broken_file_shows_at_once(test, path):
    path.write_text("hello\n")
    with pytest.raises(ValueError, match=r"votes\.jsonl, line 1 is no vote"):
        ListeningRoom(test, path)
    assert path.read_text() == "hello\n"
    with pytest.raises(OSError):
        ListeningRoom(test, path.parent)


def test_names_cannot_write_into_the_page(test, path):
    room = enter(ListeningRoom(test, path, least=0), "<b>&")
    answer(room, [0] * 4)
    assert "<b>&" not in room.message.value + room.result.value and "<b>&" in room.text


# --- the sound ------------------------------------------------------------------------------------------


def uneven():
    """Sets that differ in all that a recording could give away: upbeat, voices, density, ends."""
    rng = np.random.default_rng(0)
    chords = [[(3 + i, 1, int(p), v) for i in range(40) for v, p in enumerate(rng.integers(48, 76, 4))] for _ in range(4)]
    lines = [[(2 * i, 0.5, int(rng.integers(40, 90)), 0, 20) for i in range(20)] for _ in range(4)]
    return {"Bach": [Score(n) for n in chords], "model": [Score(n, tempo=200) for n in lines]}


@pytest.mark.parametrize("kind", ["pairs", "single"])
def test_all_sounds_are_as_long_and_as_loud_and_begin_at_once(kind):
    test = ListeningTest(uneven(), real="Bach", kind=kind, trials=4, quarters=16)
    sounds = [sound for n in range(1, 5) for sound in trial_sounds(test, n)]
    samples = [sound.samples[:, 0] for sound in sounds]
    assert {sound.samples.shape for sound in sounds} == {(round(9.6 * sounds[0].rate), 1)}
    levels = [20 * np.log10(np.sqrt(np.mean(x.astype(float) ** 2))) for x in samples]
    assert np.ptp(levels) < 1 and max(np.abs(x).max() for x in samples) <= 0.8901
    assert all(np.argmax(np.abs(x) > 0.01) < 0.1 * sounds[0].rate for x in samples)
    assert all(np.abs(x[-100:]).max() < 0.01 for x in samples)
    played = [soundfile.read(io.BytesIO(sound.data)) for sound in sounds]
    assert {x.shape for x, _ in played} == {played[0][0].shape}, "and so it is in the files"
    assert np.ptp([20 * np.log10(np.sqrt(np.mean(x**2))) for x, _ in played]) < 1
    assert {sound.mime for sound in sounds} == {"audio/mpeg"}


def test_sparse_music_stays_within_what_a_file_can_hold():
    clicks = [Score([(0, 0.1, 60), (15.5, 0.1, 60 + k)]) for k in (1, 2)]
    whole = [Score([(i, 1, 60) for i in range(16)])]
    test = ListeningTest({"Bach": clicks, "model": whole}, real="Bach", trials=2, quarters=16)
    samples = [sound.samples for n in (1, 2) for sound in trial_sounds(test, n)]
    assert max(np.abs(x).max() for x in samples) == pytest.approx(0.89, abs=1e-3)
    assert np.ptp([np.sqrt(np.mean(x**2)) for x in samples]) < 1e-4, "and all are softer by as much"


def test_only_this_trials_sounds_are_kept_and_they_are_its(test, path):
    room = enter(ListeningRoom(test, path, least=0), "Ada")
    for number in (1, 2):
        sources = re.findall(r'src="data:audio/mpeg;base64,([^"]*)"', room.sounds.value)
        assert [base64.b64decode(s) for s in sources] == [sound.data for sound in trial_sounds(test, number)]
        assert len(sources) == len(test.excerpts(number))
        answer(room, [0])


def test_the_state_is_small(path):
    room = enter(ListeningRoom(make(), path, least=0), "Ada")
    assert 20_000 < len(state(room)) < 150_000


# --- words and access -----------------------------------------------------------------------------------


def test_the_players_say_nothing_of_the_music(test, path):
    room = enter(ListeningRoom(test, path, least=0), "Ada")
    labels = re.findall('aria-label="([^"]*)"', room.sounds.value)
    assert labels == (["Excerpt A of trial 1", "Excerpt B of trial 1"] if test.kind == "pairs" else ["The excerpt of trial 1"])
    assert "svg" not in room.sounds.value and "<div></div>" not in room.sounds.value


def test_every_control_has_a_name(test, path):
    room = ListeningRoom(test, path)
    buttons = [room.start, room.next_listener, room.button_a, room.button_b]
    wanted = ["A is real", "B is real"] if test.kind == "pairs" else ["real", "not real"]
    assert [b.description for b in buttons] == ["Start", "Next listener", *wanted] and room.name.description == "Your name"
    assert 'aria-live="polite"' in room.message.value
    enter(room, "Ada")
    assert not any(b.disabled for b in buttons)


def test_text_is_the_whole_and_the_same_each_time(test, path):
    texts = []
    for n in (1, 2):
        room = enter(ListeningRoom(test, path.with_name(f"{n}"), least=0), "Ada")
        answer(room, [0, 0])
        texts.append(room.text)
    assert texts[0] == texts[1] == repr(room) == room._repr_mimebundle_()["text/plain"]
    assert f"This is test {test.fingerprint}." in texts[0] and "Trial 3 of 4" in texts[0] and "Bach" in texts[0]


def test_a_press_may_come_from_another_thread(test, path):
    room, errors = enter(ListeningRoom(test, path, least=0), "Ada"), []

    def press():
        try:
            answer(room, [0, 1, 0, 1])
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=press)
    thread.start()
    thread.join(60)
    assert not errors and room.result.value


# --- in a browser ---------------------------------------------------------------------------------------

CELL = """import numpy as np
from musiclab.listening import ListeningTest
from musiclab.score import Score
from musiclab.widgets.listening import ListeningRoom
rng = np.random.default_rng(0)
tune = lambda: Score([(i, 1, int(p)) for i, p in enumerate(rng.integers(55, 75, 12))])
sets = {name: [tune() for _ in range(3)] for name in ("Bach", "model")}
room = ListeningRoom(ListeningTest(sets, real="Bach", trials=2, quarters=12), "votes.jsonl", least=0)
room"""


def test_by_keyboard_alone_from_the_name_to_the_result(tmp_path):
    if find_browser() is None:
        pytest.skip("there is no Chromium or Chrome on this computer; the listening room was not tried in a browser")
    root, home = tmp_path / "root", tmp_path / "home"
    root.mkdir(), home.mkdir()
    write_notebook(root / "room.ipynb", CELL)
    with server(root, home) as address, open_page(address, "room.ipynb") as lab:
        lab.run_all(1)
        page, press = lab.page, lab.page.keyboard.press
        focused = "e => e.ownerDocument.activeElement === e"
        name = page.get_by_label("Your name")
        name.wait_for()

        def tab_to(target, key="Tab"):
            for count in range(1, 30):
                press(key)
                if target.evaluate(focused):
                    return count
            raise AssertionError("the keyboard does not reach it")

        def wait_for(words):
            page.get_by_role("status").filter(has_text=words).wait_for(timeout=15_000)

        name.focus()
        page.keyboard.type("Ada")
        tab_to(page.get_by_role("button", name="Start", exact=True))
        press("Space")
        wait_for("Trial 1 of 2")
        a, b = page.locator(".musiclab-excerpts audio").all()
        tab_to(a)
        press("Space")
        page.wait_for_function("document.querySelectorAll('.musiclab-excerpts audio')[0].currentTime > 0.3", timeout=5000)
        tab_to(b)
        press("Space")
        page.wait_for_function("document.querySelectorAll('.musiclab-excerpts audio')[1].currentTime > 0.3", timeout=5000)
        assert a.evaluate("e => e.paused"), "one at a time"
        vote = page.get_by_role("button", name="B is real")
        tab_to(vote)
        press("Space")
        wait_for("Your vote on trial 1 is stored")
        assert vote.evaluate(focused), "where the next vote is given, too"
        assert page.locator(".musiclab-excerpts audio").count() == 2
        press("Enter")
        wait_for("All 2 trials are answered")
        assert page.locator("table caption").count() == 1
        assert page.locator(".jp-Cell").count() == 1 and lab.strangers(address) == []
    assert [(v.listener, v.trial, v.vote) for v in read_votes(root / "votes.jsonl")] == [("Ada", 1, "B"), ("Ada", 2, "B")]
