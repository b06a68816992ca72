"""Music for you: answers are learned from, stored when asked, corrected at a word, and deleted for good."""

import html
import json
import re

import numpy as np
import pytest
from lab import find_browser, open_page, server, write_notebook

from musiclab import load_bundle
from musiclab.taste import FEATURES, ProfileError, Taste, delete_profile, features
from musiclab.widgets import taste as module
from musiclab.widgets.taste import MusicForYou

NAMES = [feature.name for feature in FEATURES]


@pytest.fixture(scope="module", autouse=True)
def small():
    """Few pieces, so that a widget is there at once."""
    patch = pytest.MonkeyPatch()
    for name, count in (("POOL", 16), ("USUAL", 48), ("CANDIDATES", 48)):
        patch.setattr(module, name, count)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def melody():
    return load_bundle("melody")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "me.json"


def widget(melody, path=None, **settings):
    return MusicForYou(melody, path, least=0, **settings)


def take_the_livelier(you, times):
    speed = NAMES.index("speed")
    for _ in range(times):
        a, b = (features(score)[speed] for score in you.pieces)
        (you.left if a > b else you.right).click()


def test_choices_are_learned_and_no_piece_comes_twice(melody):
    you = widget(melody)
    shown = []
    for _ in range(12):  # more than one pool has
        shown += you.pieces
        take_the_livelier(you, 1)
    assert len(set(shown)) == 24
    assert [e.kind for e in you.taste.evidence] == ["choice"] * 12
    assert you.taste.mean[0] == max(abs(you.taste.mean)) and "like it lively rather than calm" in you.text
    liked = you.taste.evidence[0].liked
    assert liked in shown[:2] and features(liked)[0] == max(features(score)[0] for score in shown[:2])


def test_left_and_right_are_what_is_heard(melody):
    from musiclab import show

    you = widget(melody)
    assert [s["data"] for s in you.pair.sounds] == [show.sound(score).data for score in you.pieces]
    assert [s["name"] for s in you.pair.sounds] == ["Left piece", "Right piece"]
    left, right = you.pieces
    you.right.click()
    assert (you.taste.evidence[0].liked, you.taste.evidence[0].other) == (right, left)
    sides = [np.argmax([features(score)[0] for score in you.pieces])]
    for _ in range(8):
        you.left.click()
        sides.append(np.argmax([features(score)[0] for score in you.pieces]))
    assert 0 < sum(sides) < 9, "the livelier one is not always on the same side"


def test_neither_is_a_skip_of_both_and_a_second_hearing_a_replay(melody):
    you = widget(melody)
    a, b = you.pieces
    you.pair.plays = [3, 3]
    you.neither.click()
    assert [(e.kind, e.liked, e.other) for e in you.taste.evidence] == [("skip", None, a), ("skip", None, b)]
    assert you.pair.plays == [0, 0], "counted for each pair by itself"
    c, d = you.pieces
    you.pair.plays = [1, 4]
    you.left.click()
    assert [(e.kind, e.liked, e.other) for e in you.taste.evidence[2:]] == [("choice", c, d), ("replay", d, None)]
    assert "1 choice, 1 replay and 2 skips" in you.text


def test_keys_answer_for_the_pair_that_was_heard(melody):
    you = widget(melody)
    left, number = you.pieces[0], you.pair.number
    send = lambda **message: you.pair._handle_custom_msg(message, [])  # noqa: E731
    send(kind="answer", answer=0, pair=number)
    assert you.taste.evidence[0].liked is left
    send(kind="answer", answer=0, pair=number)
    send(kind="other")
    assert len(you.taste.evidence) == 1, "a key that was pressed twice is about a pair that is gone"
    send(kind="answer", answer="x", pair=you.pair.number)
    assert "That did not work" in you.text


def test_nobody_answers_before_listening(melody):
    you = MusicForYou(melody, least=60)
    you.left.click()
    assert you.taste.evidence == [] and "Listen first" in you.text


def test_the_own_word_counts_and_is_taken_back(melody):
    you = widget(melody)
    take_the_livelier(you, 6)
    you.menus["speed"].value = -2.5
    assert you.taste.mean[0] < -2 and "you said that you like it calm" in you.text and "calm" in you.beliefs.value
    you.menus["speed"].value = "learn"
    assert you.taste.mean[0] > 0 and you.taste.corrections == {}


def test_the_bars_stand_where_the_beliefs_are(melody):
    you = widget(melody)
    take_the_livelier(you, 8)
    lefts = [float(x) for x in re.findall(r"calc\(([\d.]+)%", you.beliefs.value)]
    widths = [float(x) for x in re.findall(r"width:([\d.]+)%", you.beliefs.value)]
    assert len(lefts) == len(widths) == 8
    assert np.allclose(lefts, 50 + you.taste.mean / 6 * 100, atol=0.06)
    assert widths[0] <= 4 * np.sqrt(you.taste.covariance[0, 0]) / 6 * 100 + 0.1
    for sentence in you.taste.words()[1:]:
        assert sentence in you.beliefs.value, "never bars alone"


def test_a_piece_is_made_and_says_why(melody):
    you = widget(melody)
    you.make.click()
    assert "I know nothing of you yet" in you.text
    first = you.made
    you.menus["speed"].value = 2.5
    you.make.click()
    assert you.made != first and you._player.score == you.made and "made for you: it is lively" in you.text
    assert features(you.made)[0] > np.mean([features(score)[0] for score in you._usual])
    assert you._player in you._made_box.children and you._made_box in you.children


# --- the file -------------------------------------------------------------------------------------------


def test_nothing_is_written_before_save_and_everything_after(melody, path):
    you = widget(melody, path)
    you.left.click()
    assert not path.exists() and "Not saved yet: press Save" in you.text
    you.save.click()
    assert Taste.load(path).evidence == you.taste.evidence
    you.right.click()
    you.menus["mode"].value = 1.25
    assert Taste.load(path).evidence == you.taste.evidence and Taste.load(path).corrections == {"mode": 1.25}
    assert widget(melody).save.disabled


def test_whoever_comes_back_goes_on_where_they_stopped(melody, path):
    you = widget(melody, path)
    take_the_livelier(you, 4)
    you.menus["mode"].value = -1.25
    you.save.click()
    judged = {score for e in you.taste.evidence for score in (e.liked, e.other)}
    again = widget(melody, path)
    assert "Welcome back; your profile holds 4 choices, 0 replays and 0 skips" in again.text
    assert np.allclose(again.taste.mean, you.taste.mean) and again.menus["mode"].value == -1.25
    assert not judged & set(again.pieces)
    again.left.click()
    assert len(Taste.load(path).evidence) == 5


def test_a_word_that_was_written_into_the_file_is_shown(melody, path):
    you = widget(melody, path)
    you.save.click()
    plain = json.loads(path.read_text())
    path.write_text(json.dumps(plain | {"corrections": {"climb": 0.7}}))
    assert widget(melody, path).menus["climb"].label == "+0.7, as in your file"


def shown(you):
    return [button for button in (you.delete, you.yes, you.no) if button.layout.display != "none"]


def test_each_menu_shows_what_holds(melody):
    """A menu whose value is None has no index, and is blank."""
    you = widget(melody)
    assert [menu.label for menu in you.menus.values()] == ["learn it from my choices"] * 8
    assert [menu.index for menu in you.menus.values()] == [0] * 8


def test_delete_asks_and_then_nothing_is_left(melody, path):
    you = widget(melody, path)
    take_the_livelier(you, 3)
    you.menus["speed"].value = 2.5
    you.save.click(), you.make.click()
    you.delete.click()
    assert path.exists() and shown(you) == [you.yes, you.no]
    you.no.click()
    assert path.exists() and len(you.taste.evidence) == 3 and shown(you) == [you.delete]
    you.delete.click(), you.yes.click()
    assert list(path.parent.iterdir()) == [] and "me.json is deleted" in you.text
    assert you.taste.evidence == [] and not you.taste.mean.any() and you.menus["speed"].value == "learn" and you.made is None
    you.left.click()
    assert not path.exists(), "nothing is saved again by itself"


def test_delete_without_a_file_forgets(melody):
    you = widget(melody)
    you.left.click(), you.delete.click(), you.yes.click()
    assert you.taste.evidence == [] and "what was in memory is forgotten" in you.text


def test_a_profile_that_was_deleted_elsewhere_does_not_come_back(melody, path):
    you = widget(melody, path)
    you.left.click(), you.save.click()
    delete_profile(path)
    for act in (you.left.click, lambda: setattr(you.menus["speed"], "value", 1.25)):
        act()
        assert not path.exists()
    assert "Not saved yet: press Save" in you.text
    you.save.click()
    path.unlink()
    you.left.click()
    assert not path.exists() and "Your file is gone, so nothing was saved; press Save to write a new one." in you.text
    you.save.click()
    path.unlink()
    you.delete.click(), you.yes.click()
    assert you.taste.evidence == [] and "Your file was gone already" in you.text and shown(you) == [you.delete]


def test_two_widgets_on_one_file_lose_nothing_in_silence(melody, path):
    one = widget(melody, path)
    one.left.click(), one.save.click()
    two = widget(melody, path)
    two.left.click()
    held = path.read_bytes()
    one.left.click()
    assert path.read_bytes() == held and "Nothing was saved: me.json was changed elsewhere" in one.text
    one.save.click()
    assert Taste.load(path).evidence == one.taste.evidence, "who was told may replace it"
    path.unlink()
    three, four = widget(melody, path), widget(melody, path)
    three.left.click(), three.save.click(), four.right.click()
    held = path.read_bytes()
    four.save.click()
    assert path.read_bytes() == held and "was changed elsewhere" in four.text
    four.save.click()
    assert Taste.load(path).evidence == four.taste.evidence


def test_what_goes_wrong_is_said_and_costs_nothing(melody, path):
    you = widget(melody, path)
    you.save.click()
    path.unlink(), path.mkdir()
    you.left.click()
    assert "That did not work" in you.text and len(you.taste.evidence) == 1
    path.rmdir()
    you.left.click(), you.save.click()
    assert len(Taste.load(path).evidence) == 2
    path.write_text("hello")
    with pytest.raises(ProfileError, match=r"me\.json is damaged"):
        widget(melody, path)
    assert path.read_text() == "hello"


# --- words and access -----------------------------------------------------------------------------------


def test_text_is_the_whole_and_the_same_each_time(melody):
    texts = []
    for _ in range(2):
        you = widget(melody, seed=3)
        you.left.click(), you.neither.click(), you.make.click()
        texts.append(you.text)
    assert texts[0] == texts[1] == repr(you) == you._repr_mimebundle_()["text/plain"]
    assert all(line in texts[0] for line in you.taste.words())


def test_every_control_has_a_name(melody):
    you = widget(melody)
    buttons = (you.left, you.right, you.neither, you.make, you.save, you.delete, you.yes, you.no)
    assert all(button.description and button.tooltip for button in buttons)
    assert [menu.description for menu in you.menus.values()] == NAMES
    assert 'aria-live="polite"' in you.message.value
    you._say("<b>&")
    assert html.escape("<b>&") in you.message.value


# --- in a browser ---------------------------------------------------------------------------------------

CELL = """from musiclab import load_bundle
from musiclab.widgets import taste
taste.POOL, taste.USUAL, taste.CANDIDATES = 16, 48, 48
you = taste.MusicForYou(load_bundle("melody"), "me.json", least=0)
you"""


def test_by_keyboard_alone_from_the_first_pair_to_the_deleted_file(tmp_path):
    if find_browser() is None:
        pytest.skip("there is no Chromium or Chrome on this computer; the widget was not tried in a browser")
    root, home = tmp_path / "root", tmp_path / "home"
    root.mkdir(), home.mkdir()
    write_notebook(root / "you.ipynb", CELL)
    with server(root, home) as address, open_page(address, "you.ipynb") as lab:
        lab.run_all(1)
        page, press = lab.page, lab.page.keyboard.press
        focused = "e => e.ownerDocument.activeElement === e"
        pair = page.locator(".musiclab-pair")
        pair.wait_for(timeout=60_000)

        def wait_for(words):
            page.get_by_role("status").filter(has_text=words).wait_for(timeout=60_000)

        def push(name):
            button = page.get_by_role("button", name=name, exact=True)
            button.focus()
            press("Space")

        pair.focus()
        playing = "k => document.querySelectorAll('.musiclab-pair audio')[k].currentTime > 0.3"
        for _ in range(2):  # twice from the beginning, which is a replay
            page.evaluate("document.querySelectorAll('.musiclab-pair audio')[0].currentTime = 0")
            press("1")
            page.wait_for_function(playing, arg=0, timeout=15_000)
            press("1")
        press("2")
        page.wait_for_function(playing, arg=1, timeout=15_000)
        assert page.locator(".musiclab-pair audio").nth(0).evaluate("e => e.paused"), "one at a time"
        press("l")
        wait_for("You took the left one. Not saved yet")
        assert pair.evaluate(focused), "where the next answer is given, too"
        assert "1 choice, 1 replay and 0 skips" in page.locator("table caption").inner_text()
        press("n")
        wait_for("You took neither")
        push("Save")
        wait_for("Saved as me.json")
        assert len(Taste.load(root / "me.json").evidence) == 4
        push("Make one for me")
        wait_for("made for you")
        page.locator(".musiclab-player, [class*=musiclab-player]").first.wait_for(timeout=30_000)
        page.screenshot(path=str(tmp_path / "widget.png"), full_page=True)
        delete, yes, no = (
            page.get_by_role("button", name=name, exact=True) for name in ("Delete my profile", "Yes, delete it", "No, keep it")
        )
        holds_the_focus = "name => document.activeElement.textContent === name"
        push("Delete my profile")
        wait_for("cannot be brought back")
        page.wait_for_function(holds_the_focus, arg="No, keep it", timeout=15_000)
        assert yes.is_visible() and not delete.is_visible()
        press("Enter")
        wait_for("Nothing was deleted")
        page.wait_for_function(holds_the_focus, arg="Delete my profile", timeout=15_000)
        assert not yes.is_visible() and not no.is_visible()
        press("Enter")
        page.wait_for_function(holds_the_focus, arg="No, keep it", timeout=15_000)
        press("Shift+Tab")
        press("Enter")
        wait_for("me.json is deleted")
        page.wait_for_function(holds_the_focus, arg="Delete my profile", timeout=15_000)
        assert not (root / "me.json").exists()
        assert lab.strangers(address) == []
        assert not [error for error in lab.errors if "musiclab" in error or "TypeError" in error]
