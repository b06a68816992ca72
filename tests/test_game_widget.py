"""The game of lesson 12: driven from code, and in a browser."""

import re

import numpy as np
import pytest
from lab import find_browser, open_page, server, write_notebook

from musiclab.bundle import load_bundle
from musiclab.game import BAR, SCENES, Scene
from musiclab.show.sound import RATE
from musiclab.widgets.game import Game


@pytest.fixture(scope="module")
def bundle():
    return load_bundle("scenes")


@pytest.fixture
def game(bundle, monkeypatch):
    """Make a game whose messages to the browser are kept in `game.sent`."""
    game = Game(bundle=bundle, seed=1)
    game.sent = []
    monkeypatch.setattr(game.stage, "send", lambda content, buffers=None: game.sent.append((content, buffers)))
    return game


EXPLORE = SCENES["explore"]


def says(game, **message):
    """Let the browser say something."""
    game.stage._handle_custom_msg(message, [])


def test_a_bar_is_sent_as_sound_and_notes(game):
    says(game, kind="more")
    ((content, (samples,)),) = game.sent
    frames = round(BAR * 60 / SCENES["explore"].tempo * RATE)
    assert (content["kind"], content["number"], content["scene"], content["rate"]) == ("bar", 1, "explore", RATE)
    left, right = np.frombuffer(samples, "<i2").reshape(2, frames)
    assert np.abs(left).max() > 1000 and not np.array_equal(left, right)
    assert len(content["notes"]) == len(game.bars[-1].score)
    assert "Bar 1: explore" in game.text


def bars_of(game):
    """What was sent: number and scene of each bar."""
    return [(content["number"], content["scene"]) for content, _ in game.sent if content["kind"] == "bar"]


def test_the_bar_that_waits_is_written_anew_when_the_browser_asks(game):
    for message in ({"kind": "more"}, {"kind": "begun", "number": 1}, {"kind": "more"}):
        says(game, **message)
    game.scene.value = "battle"
    assert game.sent[-1][0] == {"kind": "changed", "scene": "battle"}
    says(game, kind="again", number=2)
    assert bars_of(game) == [(1, "explore"), (2, "explore"), (2, "battle")]
    assert [bar.number for bar in game.bars] == [1, 2]
    says(game, kind="begun", number=2)
    says(game, kind="more")
    assert bars_of(game)[-1] == (3, "battle")


def test_however_often_the_scene_changes_nothing_is_written_before_it_is_asked_for(game):
    says(game, kind="more")
    for name in ("battle", "danger", "victory") * 5:
        game.scene.value = name
    assert bars_of(game) == [(1, "explore")]
    says(game, kind="begun", number=1)
    says(game, kind="more")
    assert bars_of(game) == [(1, "explore"), (2, "victory")]


@pytest.mark.parametrize("number", [1, 3])
def test_a_bar_that_has_begun_or_is_not_the_last_is_not_taken_back(game, number):
    for message in ({"kind": "more"}, {"kind": "begun", "number": 1}, {"kind": "more"}):
        says(game, **message)
    says(game, kind="again", number=number)
    assert game.sent[-1][0] == {"kind": "kept"}
    assert len(bars_of(game)) == 2 and len(game.bars) == 2


def test_the_replaced_bar_sounds_as_if_the_other_had_never_been(bundle, game):
    for message in ({"kind": "more"}, {"kind": "begun", "number": 1}, {"kind": "more"}):
        says(game, **message)
    game.scene.value = "battle"
    says(game, kind="again", number=2)
    plain = Game(bundle=bundle, seed=1)
    sent = []
    plain.stage.send = lambda content, buffers=None: sent.append((content, buffers))
    plain.advance()
    plain.scene.value = "battle"
    plain.advance()
    assert game.sent[-1] == sent[-1]


def test_a_bar_that_was_not_heard_before_stop_is_written_again(bundle, game):
    for message in ({"kind": "more"}, {"kind": "begun", "number": 1}, {"kind": "more"}, {"kind": "stopped", "number": 2}):
        says(game, **message)
    assert [bar.number for bar in game.bars] == [1]
    says(game, kind="more")
    assert bars_of(game)[-1] == (2, "explore")


def test_the_dial_changes_the_tension_and_a_scene_sets_the_dial(game):
    game.tension.value = 0.9
    assert game.advance().scene == Scene(**{**vars(SCENES["explore"]), "tension": 0.9})
    game.scene.value = "victory"
    assert game.tension.value == SCENES["victory"].tension
    assert game.advance().scene == SCENES["victory"]


def test_keys_choose_scenes_and_unknown_words_do_nothing(game):
    says(game, kind="scene", name="danger")
    assert game.scene.value == "danger" and game.stage.scene == "danger"
    for message in ({"kind": "scene", "name": "kitchen"}, {"kind": "what"}, {}):
        says(game, **message)
    assert game.scene.value == "danger" and not bars_of(game)


def test_what_goes_wrong_is_said(game, monkeypatch):
    monkeypatch.setattr(game._stream, "next_bar", lambda: 1 / 0)
    says(game, kind="more")
    assert "No bar was written: division by zero" in game.text and "division by zero" in game.message.value
    assert game.sent[-1][0] == {"kind": "failed"}


def test_scenes_of_ones_own(bundle):
    mine = {name: Scene(name, energy=energy) for name, energy in (("sea", 0.1), ("storm", 0.9))}
    game = Game(mine, bundle=bundle)
    assert game.scene.options == ("sea", "storm") and "sea, storm" in game.text
    assert game.advance().scene.name == "sea"


@pytest.mark.parametrize(
    ("scenes", "words"),
    [({}, "one scene at least"), ([EXPLORE], "a dict"), ({"a": EXPLORE}, "is called 'explore'"), ({"a": 1}, "a dict")],
)
def test_scenes_that_are_none_are_refused(bundle, scenes, words):
    with pytest.raises(ValueError, match=words):
        Game(scenes, bundle=bundle)


@pytest.mark.skipif(find_browser() is None, reason="there is no Chromium on this machine")
def test_in_a_browser_the_music_plays_on_and_follows(tmp_path):
    notebook = write_notebook(tmp_path / "game.ipynb", "from musiclab.widgets.game import Game\nplay = Game(seed=3)\nplay")
    with server(tmp_path, tmp_path / "home") as address, open_page(address, notebook.name) as page:
        page.run_all(1)
        box = page.page.locator(".musiclab-game")
        box.wait_for()
        page.page.get_by_role("button", name="Play").click()
        page.page.wait_for_function(
            "document.querySelector('.musiclab-game [role=status]').textContent.includes('bar 2')", timeout=20_000
        )
        box.focus()
        page.page.keyboard.press("3")
        page.page.wait_for_function(
            "document.querySelector('.musiclab-game [role=status]').textContent.includes('battle')", timeout=20_000
        )
        heard = int(re.search(r"bar (\d+)", box.locator("[role=status]").text_content())[1])
        assert heard <= 4, "the next bar, or the one after it if the key came just before a bar line"
        assert 0 < float(box.get_attribute("data-latency")) < 2  # bars; on a quiet computer about 1 at most
        for key in "1234" * 5:
            page.page.keyboard.press(key)
            page.page.wait_for_timeout(60)
        page.page.wait_for_function(
            "document.querySelector('.musiclab-game [role=status]').textContent.includes('victory')", timeout=20_000
        )
        page.page.wait_for_timeout(1500)
        assert int(box.get_attribute("data-underruns")) == 0
        page.page.get_by_role("button", name="Stop").click()
        assert not page.strangers(address) and not page.errors
