"""The player: from Python, and in a real browser where there is one."""

import gzip
import json
import re
import time
from base64 import b64encode
from itertools import pairwise
from pathlib import Path

import pytest
from lab import find_browser, open_page, server, write_notebook
from strategies import tune

from musiclab import read_score, show
from musiclab.score import Score

DATA = Path(__file__).parent.parent / "data"
ODE = read_score(DATA / "tunes/ode_to_joy.abc").slice(0, 32)  # eight bars at 120: sixteen seconds

# --- from Python ------------------------------------------------------------------------------------------


def test_it_holds_what_the_browser_needs():
    player = show.player(ODE)
    piece = player.piece
    assert gzip.decompress(piece["svg"]).decode() == show.notation(ODE).svg and piece["text"] == player.text
    assert piece["notes"] == [[n[0], n[1], n[2], n[3]] for n in ODE.notes.tolist()]
    assert (piece["duration"], piece["bar"], piece["bars"], piece["beat"], piece["tempo"]) == (32, 4, 8, 1, 120)
    assert [place[0] for place in piece["places"]] == sorted({*ODE.notes["onset"].tolist(), 32.0})
    rest = {name: value for name, value in piece.items() if name != "svg"}
    assert json.loads(json.dumps(rest)) == rest, "nothing that a notebook could not store"


def test_labels_stand_before_the_staves():
    duet = Score([(0, 4, 72, 0), (0, 4, 60, 1)])
    player = show.player(duet, labels=["flute", "lute"])
    assert gzip.decompress(player.piece["svg"]).decode() == show.notation(duet, labels=["flute", "lute"]).svg
    assert player.piece["svg"] != show.player(duet).piece["svg"]
    with pytest.raises(ValueError, match="list of 2 names"):
        show.player(duet, labels=["flute"])


def test_another_score_replaces_the_first():
    player = show.player(ODE)
    first = player.piece
    player.score = tune([60, 62, 64], title="Other")
    assert player.score.title == "Other" and "Other: 3 notes" in player.text
    assert player.piece["id"] != first["id"] and len(player.sound.samples) < 3 * player.sound.rate
    player.score = ODE
    assert player.piece == first


def test_asked_for_the_sound_it_sends_it(monkeypatch):
    player, sent = show.player(ODE), []
    monkeypatch.setattr(player, "send", lambda content, buffers: sent.append((content, buffers)))
    player._handle_custom_msg({"kind": "sound", "id": player.piece["id"]}, [])
    player._handle_custom_msg({"kind": "other"}, [])
    ((content, (data,)),) = sent
    assert content == {"kind": "sound", "id": player.piece["id"], "mime": "audio/mpeg"} and data == player.sound.data


def test_shown_it_is_a_plain_audio_element_first(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.publish_display_data", lambda data, metadata=None: shown.append(data))
    player = show.player(ODE)
    player._ipython_display_()
    plain, widget = shown
    assert f'data-musiclab="{player.piece["id"]}"' in plain["text/html"] and plain["text/html"].startswith("<audio controls")
    assert "application/vnd.jupyter.widget-view+json" in widget
    assert widget["text/plain"] == repr(player) == f"Player. {player.text}", "no model id, which would be another each time"


@pytest.mark.parametrize(
    "score", [Score([]), Score([(0, 0.25, 60)]), Score([(i, 1, 30 + 5 * v, v) for v in range(16) for i in range(4)])]
)
def test_silence_one_note_and_sixteen_voices(score):
    piece = show.player(score).piece
    assert piece["duration"] >= score.bar_length and piece["bars"] >= 1 and len(piece["places"]) >= 1


def stored(player) -> int:
    """How many bytes a shown player takes in a notebook, its program among them."""
    state = json.dumps(player.get_state(), default=lambda data: b64encode(data).decode("ascii"))
    return len(state) + len(json.dumps(player.sound.html()))


def test_what_is_stored_is_small():
    dense = Score([(i / 2, 0.5, 74 - 7 * v - i % 5, v) for v in range(4) for i in range(120)])  # 30 seconds of eighths
    chorale = Score([(i, 1, 74 - 7 * v - i % 5, v) for v in range(4) for i in range(60)], tempo=120)
    worst = Score(
        [(i / 4, 0.25, 74 - 7 * v - (3 * i + v) % 7, v) for v in range(4) for i in range(400)]
    )  # 50 seconds, 32 notes each
    assert stored(show.player(chorale)) < stored(show.player(dense)) < stored(show.player(worst)) < 200 * 1024
    assert len(json.dumps(show.notation(worst).svg)) + len(json.dumps(show.sound(worst).html())) < 200 * 1024


def test_of_a_long_piece_it_holds_what_it_plays():
    piece = show.player(tune([60 + i % 12 for i in range(600)], 0.5, tempo=60)).piece
    assert piece["duration"] == pytest.approx(48, abs=0.2) and max(note[0] for note in piece["notes"]) < 48.2
    assert "The first 48 s of 300" in piece["remark"]


def test_the_beat_is_that_of_the_notation():
    beats = {
        metre: show.player(tune([60] * 8, time_signature=metre)).piece["beat"]
        for metre in [(4, 4), (6, 8), (9, 16), (2, 2), (7, 8)]
    }
    assert beats == {(4, 4): 1, (6, 8): 1.5, (9, 16): 0.75, (2, 2): 2, (7, 8): 1}


# --- in a browser -----------------------------------------------------------------------------------------

CELLS = (
    f"from musiclab import read_score, show\ntune = read_score({str(DATA / 'tunes/ode_to_joy.abc')!r}).slice(0, 32)\n"
    "show.player(tune)",
    "import ipywidgets\ninner = show.player(tune.slice(0, 8))\nbutton = ipywidgets.Button(description='other tune')\n"
    "button.on_click(lambda _: setattr(inner, 'score', tune.slice(16, 32).transpose(3)))\nipywidgets.VBox([button, inner])",
    "import time\ntime.sleep(6)  # the player above asks for its sound, and the kernel is busy\ntune.slice(0, 8)",
    "from musiclab.widgets.dice import DiceGame\nfrom musiclab.widgets.gates import GateExplorer, MemoryExplorer\n"
    "from musiclab.widgets.gradients import GradientExplorer\n"
    "ipywidgets.VBox([DiceGame(seed=1), GateExplorer(), MemoryExplorer(), GradientExplorer()])",
)
PLAYERS = 3  # one by itself, one in a box, one in the dice game
ALL_READY = "n => document.querySelectorAll('.musiclab-play:enabled').length === n"
NOT_SILENT = """async (audio) => {
    const data = await (await fetch(audio.src)).arrayBuffer();
    const decoded = await new OfflineAudioContext(1, 16000, 16000).decodeAudioData(data);
    const samples = decoded.getChannelData(0);
    const level = (from, to) =>
        Math.sqrt(samples.slice(from * 16000, to * 16000).reduce((s, x) => s + x * x, 0) / (16000 * (to - from)));
    return [decoded.duration, level(0, 1), level(8, 9), samples.reduce((m, x) => Math.max(m, Math.abs(x)), 0)];
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    if find_browser() is None:
        pytest.skip("there is no Chromium or Chrome on this computer; the player was not tried in a browser")
    root, home = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("home")
    write_notebook(root / "player.ipynb", *CELLS)
    with server(root, home) as address, open_page(address, "player.ipynb") as opened:
        opened.run_all(len(CELLS))
        opened.address = address
        opened.page.wait_for_function(ALL_READY, arg=PLAYERS, timeout=20_000)
        yield opened


@pytest.fixture
def first(lab):
    """The first player, at rest and at its beginning."""
    player = lab.page.locator(".musiclab-player").first
    yield player
    player.evaluate("p => { const a = p.querySelector('audio'); a.pause(); a.currentTime = 0; a.playbackRate = 1; }")
    player.press("Escape")


def at(player) -> float:
    return player.locator("audio").evaluate("a => a.currentTime")


def cursors(player) -> tuple[float, float]:
    """Where the cursors stand on roll and notation."""
    roll = player.locator(".musiclab-roll line").last.evaluate("line => Number(line.getAttribute('x1'))")
    return roll, player.locator(".musiclab-cursor").evaluate("cursor => parseFloat(cursor.style.left)")


def test_it_plays_and_both_cursors_run(lab, first):
    before = cursors(first)
    first.get_by_role("button", name="Play").click()
    lab.page.wait_for_timeout(1500)
    middle, time_there = cursors(first), at(first)
    assert time_there > 0.5
    assert middle[0] > before[0] + 20 and middle[1] > before[1]
    lab.page.wait_for_timeout(700)
    assert at(first) > time_there + 0.3 and cursors(first)[0] > middle[0]
    first.get_by_role("button", name="Pause").click()
    stopped = at(first)
    lab.page.wait_for_timeout(300)
    assert at(first) == stopped
    first.get_by_role("button", name="Stop").click()
    assert at(first) == 0


def test_a_sound_that_came_late_is_no_longer_missed(lab):
    assert not any("No sound yet" in remark for remark in lab.page.locator(".musiclab-remark").all_inner_texts())


def test_what_it_plays_is_not_silence(lab):
    for player in lab.page.locator(".musiclab-player audio").all():
        duration, beginning, later, peak = player.evaluate(NOT_SILENT)
        assert beginning > 0.01 and peak < 1
        assert duration == pytest.approx(16.1, abs=0.2) and later > 0.01 if duration > 5 else duration > 3


def test_slider_click_and_keys_seek(lab, first):
    slider = first.get_by_label("Position")
    slider.fill("16")
    assert at(first) == pytest.approx(8, abs=0.05) and "bar 5 of 8" in first.inner_text()
    assert slider.get_attribute("aria-valuetext") == "bar 5 of 8, beat 1"
    first.focus()
    for key, seconds in (("Home", 0), ("ArrowRight", 0.5), ("Shift+ArrowRight", 2.5), ("ArrowLeft", 2.0)):
        lab.page.keyboard.press(key)
        assert at(first) == pytest.approx(seconds, abs=0.05), key
    box = first.locator(".musiclab-roll").bounding_box()
    lab.page.mouse.click(box["x"] + box["width"] * (34 + 838 / 2) / 880, box["y"] + box["height"] / 2)
    assert at(first) == pytest.approx(8, abs=0.3)
    page = first.locator(".musiclab-page")
    place = show.notation(ODE).places[0]
    scale = page.bounding_box()["width"] / 880
    page.click(position={"x": place.x * scale, "y": (place.top + place.bottom) / 2 * scale})
    assert at(first) == 0


def test_space_plays_and_jupyterlab_does_not_mind(lab, first):
    cells = lab.page.locator(".jp-Cell").count()
    first.focus()
    lab.page.keyboard.press("Space")
    lab.page.wait_for_timeout(600)
    assert at(first) > 0.1
    lab.page.keyboard.press("Space")
    assert first.locator("audio").evaluate("a => a.paused")
    for part in (first, first.get_by_role("button", name="Play"), first.get_by_label("Position"), first.get_by_label("Tempo")):
        part.focus()
        for key in "bdd":  # would add a cell, and delete one
            lab.page.keyboard.press(key)
        assert lab.page.locator(".jp-Cell").count() == cells


def test_every_part_works_by_keyboard(lab, first):
    first.get_by_label("Tempo").focus()
    lab.page.keyboard.press("ArrowRight")
    assert "105 %" in first.inner_text()
    lab.page.keyboard.press("ArrowLeft")
    assert "100 %" in first.inner_text() and at(first) == 0
    first.get_by_label("Position").focus()
    lab.page.keyboard.press("ArrowRight")
    assert at(first) == pytest.approx(0.5, abs=0.05), "a beat, as everywhere in the player"
    lab.page.keyboard.press("Space")
    lab.page.wait_for_timeout(400)
    assert at(first) > 0.6
    lab.page.keyboard.press("Space")
    assert first.locator("audio").evaluate("a => a.paused")
    first.get_by_label("loop").focus()
    lab.page.keyboard.press("Space")
    assert first.get_by_label("loop").is_checked() and first.locator("audio").evaluate("a => a.paused")
    lab.page.keyboard.press("Space")


def test_a_selection_is_repeated(lab, first):
    box = first.locator(".musiclab-roll").bounding_box()
    x = lambda bar: box["x"] + box["width"] * (34 + 838 * bar / 8) / 880  # noqa: E731
    lab.page.mouse.move(x(2), box["y"] + 30)
    lab.page.mouse.down()
    lab.page.mouse.move(x(2.5), box["y"] + 30)
    lab.page.mouse.move(x(3), box["y"] + 30)
    lab.page.mouse.up()
    assert "Loop from bar 3 to bar 3" in first.inner_text()
    assert at(first) == pytest.approx(4, abs=0.1)
    first.get_by_role("button", name="Play").click()
    seen = []
    for _ in range(14):
        lab.page.wait_for_timeout(250)
        seen.append(at(first))
    assert max(seen) < 6.3 and min(seen) > 3.9 and any(b < a for a, b in pairwise(seen)), seen


def test_the_ends_of_a_loop_can_be_set_by_keyboard(lab, first):
    first.get_by_label("Position").fill("4")
    first.focus()
    lab.page.keyboard.press("[")
    first.get_by_label("Position").fill("8")
    first.focus()
    lab.page.keyboard.press("]")
    assert "Loop from bar 2 to bar 2" in first.inner_text() and first.get_by_label("loop").is_checked()
    lab.page.keyboard.press("Escape")
    assert "Loop" not in first.inner_text() and not first.get_by_label("loop").is_checked()


def test_a_loop_of_the_whole_piece_begins_again_after_its_end(lab, first):
    first.get_by_label("loop").check()
    first.get_by_label("Position").fill("31")
    first.get_by_role("button", name="Play").click()
    lab.page.wait_for_function("document.querySelector('.musiclab-player audio').currentTime < 5", timeout=5000)
    assert not first.locator("audio").evaluate("a => a.paused")


def test_tempo_changes_the_speed(lab, first):
    first.get_by_label("Tempo").fill("50")
    assert "50 %" in first.inner_text()
    first.get_by_role("button", name="Play").click()
    lab.page.wait_for_timeout(300)
    a, started = at(first), time.perf_counter()
    lab.page.wait_for_timeout(1500)
    assert (at(first) - a) / (time.perf_counter() - started) == pytest.approx(0.5, abs=0.15)
    first.get_by_label("Tempo").fill("100")


def test_who_wants_less_motion_gets_a_cursor_that_steps(lab, first):
    def places():
        first.get_by_role("button", name="Play").click()
        seen = set()
        for _ in range(30):
            lab.page.wait_for_timeout(50)
            seen.add(round(cursors(first)[0], 3))
        beats = at(first) / 0.5
        first.get_by_role("button", name="Stop").click()
        return len(seen), beats

    seen, beats = places()
    assert seen > 2 * beats, "otherwise it glides"
    lab.page.emulate_media(reduced_motion="reduce")
    seen, beats = places()
    assert beats / 2 < seen <= beats + 2, "one place for each beat"
    lab.page.emulate_media(reduced_motion="no-preference")


def test_inside_another_widget_it_plays_and_changes_its_music(lab):
    inner = lab.page.locator(".musiclab-player").nth(1)
    before = inner.locator("audio").evaluate("a => a.src")
    assert before.startswith("blob:"), "it asked the kernel"
    lab.page.get_by_role("button", name="other tune").click()
    lab.page.wait_for_function("document.querySelectorAll('.musiclab-player')[1].textContent.includes('of 4')", timeout=15_000)
    lab.page.wait_for_function(ALL_READY, arg=PLAYERS, timeout=15_000)
    assert inner.locator("audio").evaluate("a => a.src") != before
    assert "F major" in inner.get_attribute("aria-label")


def test_a_bare_score_shows_notation_and_an_audio_element(lab):
    last = lab.page.locator(".jp-CodeCell").nth(2)
    drawing = last.locator("svg[role=img]")
    assert drawing.get_attribute("aria-label").startswith("Staff notation on one staff")
    width = drawing.evaluate("svg => svg.getBoundingClientRect().width")
    assert width <= last.locator(".jp-OutputArea-output").first.evaluate("e => e.getBoundingClientRect().width"), (
        "nothing is cut off"
    )
    assert last.locator("audio").is_visible() and last.locator("audio").evaluate(NOT_SILENT)[1] > 0.01


def test_every_widget_of_the_lessons_appears_and_answers(lab):
    cell = lab.page.locator(".jp-CodeCell").nth(3)
    assert cell.get_by_text("javascript error").count() == 0
    pictures = cell.locator("img[src^='data:image/png']")
    assert pictures.count() == 2 and all(picture.get_attribute("alt") for picture in pictures.all())
    waltz = cell.locator(".musiclab-player audio").evaluate("a => a.src")
    cell.get_by_role("button", name="bar 16").click()
    cell.get_by_role("button", name="Throw the dice").click()
    lab.page.wait_for_function(f"document.querySelectorAll('.musiclab-player audio')[2].src !== '{waltz}'", timeout=15_000)
    before = pictures.first.get_attribute("src")
    cell.locator(".noUi-handle").last.scroll_into_view_if_needed()
    steps = cell.locator(".widget-hslider", has_text="steps").first.locator(".noUi-handle")
    steps.focus()
    steps.press("ArrowRight")
    changed = "before => document.querySelectorAll(\"img[src^='data:image/png']\")[0].src !== before"
    lab.page.wait_for_function(changed, arg=before, timeout=15_000)


def test_the_plain_audio_element_gives_way(lab):
    plain = lab.page.locator("audio[data-musiclab]")
    assert plain.count() == 1 and not plain.is_visible()


def test_nothing_left_the_machine_and_nothing_went_wrong(lab):
    assert lab.strangers(lab.address) == []
    assert [error for error in lab.errors if not re.search(r"favicon|ResizeObserver", error)] == []


def test_saved_and_opened_again_without_running_it_still_plays(lab):
    lab.page.get_by_role("menuitem", name="File", exact=True).click()
    lab.page.get_by_text("Save Notebook", exact=True).click()
    lab.page.wait_for_function("!document.querySelector('.jp-mod-dirty')", timeout=15_000)
    lab.page.reload()
    lab.page.wait_for_selector(".musiclab-play:enabled", timeout=60_000)
    player = lab.page.locator(".musiclab-player").first
    player.get_by_role("button", name="Play").click()
    lab.page.wait_for_timeout(1200)
    assert at(player) > 0.3
