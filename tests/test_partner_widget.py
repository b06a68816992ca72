"""The composing partner's widgets: driven from Python, and played in a real browser where there is one."""

import re
import threading

import pytest
from lab import find_browser, open_page, server, write_notebook
from strategies import weights_for

from musiclab import partner
from musiclab.bundle import Bundle
from musiclab.encoding import GridEncoding
from musiclab.evaluation.copying import CopyIndex
from musiclab.files import read_score
from musiclab.score import Score
from musiclab.widgets import keyboard as module
from musiclab.widgets.keyboard import BANK, BANK_SECONDS, KEYS, Keyboard
from musiclab.widgets.partner import ComposingPartner

BEAT = 60 / 96
PLAYED = [(k * BEAT, (k + 0.9) * BEAT, p, 80) for k, p in enumerate((67, 69, 71, 72, 74, 72, 71, 69))]


@pytest.fixture
def untrained():
    """Random weights: it writes nonsense, but by the same rules."""
    return Bundle("mine", weights_for(GridEncoding(), units=8, seed=0), GridEncoding(), {"kind": "stream"}, {})


@pytest.fixture
def composing(untrained):
    return ComposingPartner(melody=untrained, index=CopyIndex([Score([(0, 1, 60), (1, 1, 62)], title="<Old> tune")]))


def consistent(widget):
    """Piece, player, suggestions, rows and text tell of the same music."""
    score = widget.draft.score
    assert (widget.player is None) == (score is None)
    assert score is None or (widget.player.score == score and widget.player.text in widget.text)
    assert len(widget.rows.children) == len(widget.suggestions)
    for number, (row, suggestion) in enumerate(zip(widget.rows.children, widget.suggestions, strict=True), 1):
        assert f"{number}. {suggestion.words}" in widget.text
        assert [part.description for part in row.children[:2]] == ["Hear", "Take"]
        assert f"{suggestion.nats:.2f} nats" in row.children[2].value and "<Old>" not in row.children[2].value
    assert widget.keyboard.text in widget.text


# --- the piano ------------------------------------------------------------------------------------------


def test_a_phrase_played_from_code_is_a_phrase():
    piano, heard, sent = Keyboard(), [], []
    piano.on_phrase(heard.append)
    piano.send = lambda content, buffers=None: sent.append(content)
    assert "Nothing has been played" in piano.text
    piano.play(PLAYED[::-1])
    assert heard == [PLAYED] and piano.phrase == [list(note) for note in PLAYED]
    assert "8 notes" in piano.text and repr(piano) == piano.text
    assert sent[0]["kind"] == "play" and sent[0]["notes"][1] == pytest.approx([BEAT, 0.9 * BEAT, 69, 80])


def test_what_the_browser_sends_is_a_phrase_and_nonsense_is_refused_in_words():
    piano, heard = Keyboard(), []
    piano.on_phrase(heard.append)
    piano._handle_custom_msg({"kind": "phrase", "notes": [list(note) for note in PLAYED]}, [])
    assert heard == [PLAYED]
    for notes in ([], [[0, 0, 60, 80]], [[0, 1, 200, 80]], [[0, 1, 60, 0]], [[float("nan"), 1, 60, 80]], [[-1, 1, 60, 80]]):
        piano.remark = ""
        piano._handle_custom_msg({"kind": "phrase", "notes": notes}, [])
        assert piano.remark.startswith("That did not work"), notes
        with pytest.raises(ValueError, match=r"notes|give seconds"):
            piano.play(notes)
    with pytest.raises(ValueError, match=r"note 0, .*give four numbers"):
        piano.play([(0, 1, 60)])
    assert heard == [PLAYED]


def test_a_piano_has_a_metre_and_a_tempo_that_its_metronome_can_click():
    with pytest.raises(ValueError, match="time signature 0/0"):
        Keyboard(time_signature=(0, 0))
    for tempo in (20, 300):
        with pytest.raises(ValueError, match=r"30 to 240 .*replace\(piece, tempo=96\)"):
            ComposingPartner(Score([(0, 1, 60)], tempo=tempo))


def test_an_error_of_whoever_listens_is_said():
    piano = Keyboard()
    piano.on_phrase(lambda notes: 1 / 0)
    piano._handle_custom_msg({"kind": "phrase", "notes": [list(PLAYED[0])]}, [])
    assert "division by zero" in piano.remark


def test_the_browser_gets_a_sound_for_every_key_there_is():
    piano, sent = Keyboard(), []
    piano.send = lambda content, buffers=None: sent.append((content, buffers))
    piano._handle_custom_msg({"kind": "bank"}, [])
    ((words, (data,)),) = sent
    assert words["kind"] == "bank" and len(data) == 2 * words["frames"] * len(words["pitches"]) < 2_000_000
    assert words["frames"] == BANK_SECONDS * words["rate"] and words["pitches"] == list(BANK)
    reach = range(Keyboard.lowest.min, Keyboard.lowest.max + KEYS)
    assert max(min(abs(pitch - near) for near in BANK) for pitch in reach) <= 3, "faster or slower by three semitones at most"


def test_a_score_is_heard_at_its_own_tempo():
    piano, sent = Keyboard(), []
    piano.send = lambda content, buffers=None: sent.append(content)
    piano.let_hear(Score([(0, 1, 60), (1, 2, 62, 0, 50)], tempo=60))
    assert sent == [{"kind": "play", "notes": [[0, 1, 60, 80], [1, 2, 62, 50]]}] and piano.phrase == []


def test_the_programs_of_the_browser_are_there_and_ask_nobody():
    for file in (Keyboard._esm, Keyboard._css):
        text = str(file)
        assert len(text) > 500 and not re.search(r"https?://", text)
    assert module.KEYS == 30


# --- the partner ----------------------------------------------------------------------------------------


def test_turn_by_turn_the_piece_grows_and_every_step_can_be_undone(composing, untrained):
    consistent(composing)
    composing.keyboard.metronome = True
    composing.keyboard.play(PLAYED)
    assert composing.draft.score.notes["onset"].tolist() == list(range(8)) and composing.draft.score.tempo == 96
    consistent(composing)
    for button, what in ((composing.continue_, "continuations"), (composing.vary, "variations of bars 1 to 1")):
        before = composing.draft
        button.click()
        assert what in composing.text and composing.draft == before
        consistent(composing)
        wanted = composing.suggestions[1].piece
        composing.rows.children[1].children[1].click()
        assert composing.draft.score == wanted and composing.draft.undo().score == before.score and composing.suggestions == []
        consistent(composing)
        composing.undo.click()
        assert composing.draft.score == before.score
        composing.redo.click()
        assert composing.draft.score == wanted
        consistent(composing)


def test_hear_plays_the_new_music_alone_and_changes_nothing(composing):
    composing.keyboard.play(PLAYED)
    composing.continue_.click()
    heard = []
    composing.keyboard.let_hear = heard.append
    before = composing.draft
    composing.rows.children[0].children[0].click()
    assert heard == [composing.suggestions[0].new] and composing.draft == before and len(composing.suggestions) > 1


def test_in_a_duet_the_likeliest_answer_comes_at_once():
    duet = ComposingPartner(seed=1)
    duet.duet.value = True
    heard = []
    duet.keyboard.let_hear = heard.append
    for turn in (1, 2):
        before = duet.draft
        duet.keyboard.metronome = True
        duet.keyboard.play(PLAYED)
        score = duet.draft.score
        assert len(score) == 16 * turn and score.duration == 16 * turn and len(heard) == turn
        assert "Answered" in duet.text
        mine = duet.draft.undo()
        assert len(mine.score) == 16 * turn - 8 and mine.undo().score == before.score
        (best, *_) = partner.answer(duet._melody, mine.score, 16.0 * (turn - 1), seed=turn)
        assert score == best.piece and heard[-1] == best.new
    consistent(duet)


def test_the_phrase_that_is_answered_is_the_last_one():
    duet = ComposingPartner(seed=1)
    duet.keyboard.metronome = True
    duet.keyboard.play(PLAYED)
    duet.keyboard.play(PLAYED[:4])
    duet.answer.click()
    assert {(s.start, s.end) for s in duet.suggestions} == {(12, 16)}


def test_the_same_requests_the_same_music(untrained):
    one, same = (ComposingPartner(melody=untrained, seed=4) for _ in range(2))
    for widget in (one, same):
        widget.keyboard.play(PLAYED)
        widget.continue_.click()
        widget.take(0)
        first = widget.draft
        widget.undo.click()
        widget.continue_.click()
        widget.take(0)
        assert widget.draft.score != first.score, "ask again, and it is another"
    assert one.draft == same.draft


def test_a_piece_to_begin_with_brings_its_tempo_and_metre(untrained):
    piece = Score([(k, 1, 60 + k) for k in range(6)], tempo=72, time_signature=(3, 4))
    widget = ComposingPartner(piece, melody=untrained)
    assert widget.keyboard.tempo == 72 and widget.keyboard.time_signature == [3, 4] and widget.draft.score == piece
    consistent(widget)


def test_without_a_metronome_a_short_phrase_is_read_at_the_tempo_set_and_that_is_said(composing):
    rough = [(on + 0.021 * (k % 3), off + 0.03, p, v) for k, (on, off, p, v) in enumerate(PLAYED)]
    composing.keyboard.play(rough)
    assert "So it was read at the tempo set" in composing.text and len(composing.draft.score) == 8
    consistent(composing)


def test_the_key_stays_from_turn_to_turn_and_can_be_chosen(composing):
    composing.keyboard.metronome = True
    composing.keyboard.play(PLAYED)
    found = composing.draft.score.key
    assert composing.key.value == found == partner.key_name(Score(composing.draft.score.notes))
    composing.keyboard.play([(on, off, 61 + k, v) for k, (on, off, _, v) in enumerate(PLAYED)])
    assert composing.draft.score.key == composing.key.value == found
    before = composing.draft
    composing.key.value = "E- major"
    assert composing.draft.score.key == "E- major" and composing.draft.undo().score == before.score
    composing.continue_.click()
    assert {s.key for s in composing.suggestions} == {"E- major"} and "E flat major" in composing.text
    composing.undo.click()
    assert composing.key.value == found and composing.draft.score == before.score
    consistent(composing)


def test_what_cannot_be_done_is_said_and_leaves_the_piece(composing, monkeypatch):
    for button in (composing.answer, composing.continue_, composing.ending, composing.vary, composing.harmonise):
        button.click()
        assert "there is no note yet" in composing.text and composing.draft.score is None
    composing.undo.click()
    assert "nothing to undo" in composing.message.value
    composing.keyboard.play(PLAYED)
    before = composing.draft
    composing.first_bar.value = composing.last_bar.value = 7
    composing.vary.click()
    assert "the piece has bars 1 to" in composing.text
    composing.duet.value = True
    monkeypatch.setattr(partner, "answer", lambda *args, **more: 1 / 0)
    composing.keyboard.play(PLAYED)
    assert "It is in the piece, but there is no answer: division by zero" in composing.text
    assert composing.draft.undo().score == before.score and len(composing.draft.score) == 2 * len(before.score)
    consistent(composing)


def test_a_phrase_in_a_metre_that_the_model_does_not_know_is_in_the_piece_all_the_same():
    duet = ComposingPartner(time_signature=(5, 4))
    duet.duet.value = duet.keyboard.metronome = True
    duet.keyboard.play(PLAYED)
    assert duet.draft.score.notes["pitch"].tolist() == [note[2] for note in PLAYED]
    assert "It is in the piece, but there is no answer" in duet.text and "not trained on music in 5/4" in duet.text
    consistent(duet)
    duet.undo.click()
    assert duet.draft.score is None


def test_a_suggestion_that_is_not_there_is_not_taken(composing):
    with pytest.raises(ValueError, match="no suggestions; ask for some"):
        composing.take(0)
    composing.keyboard.play(PLAYED)
    composing.continue_.click()
    before = composing.draft
    for number in (-1, 4, 9):
        with pytest.raises(ValueError, match="there are 4 suggestions; give 0 to 3"):
            composing.take(number)
    assert composing.draft == before and len(composing.suggestions) == 4


def test_it_saves_and_overwrites_nothing(composing, tmp_path):
    composing.path.value = str(tmp_path / "duet.musicxml")
    composing.save.click()
    assert "Play a phrase first" in composing.text and not list(tmp_path.iterdir())
    composing.keyboard.metronome = True
    composing.keyboard.play(PLAYED)
    composing.save.click()
    assert read_score(tmp_path / "duet.musicxml").notes["pitch"].tolist() == [note[2] for note in PLAYED]
    composing.save.click()
    assert "exists already and stays as it is; choose another name" in composing.text and "overwrite=True" not in composing.text
    for name, said in ((" ", "write a file name first, such as my_piece.musicxml"), ("duet.txt", "ends in .musicxml or .mid")):
        composing.path.value = str(tmp_path / name) if name.strip() else name
        composing.save.click()
        assert said in composing.text
    assert [file.name for file in tmp_path.iterdir()] == ["duet.musicxml"]
    composing.path.value = str(tmp_path / "duet.mid")
    composing.save.click()
    assert read_score(tmp_path / "duet.mid").tempo == 96


def test_every_control_has_a_name_and_is_reached_by_the_keyboard(composing):
    controls = [part for row in composing.children[1:3] for part in row.children]
    assert all(part.description and not part.disabled for part in controls)
    assert 'aria-live="polite"' in composing.message.value


def test_where_widgets_do_not_run_the_whole_text_is_there(composing):
    composing.keyboard.play(PLAYED)
    composing.continue_.click()
    bundle = composing._repr_mimebundle_()
    assert bundle["text/plain"] == composing.text == repr(composing)
    data, _ = composing.keyboard._repr_mimebundle_()
    assert data["text/plain"] == composing.keyboard.text


def test_a_press_may_come_from_another_thread(composing):
    composing.keyboard.play(PLAYED)
    thread = threading.Thread(target=composing.continue_.click)
    thread.start()
    thread.join(120)
    assert not thread.is_alive() and len(composing.suggestions) == 4
    consistent(composing)


# --- in a browser ---------------------------------------------------------------------------------------

CELLS = (
    "from musiclab.widgets.partner import ComposingPartner\npartner = ComposingPartner(seed=1, tempo=120)\n"
    "partner.duet.value = True\npartner",
    "partner.keyboard",
    "from musiclab.widgets.keyboard import Keyboard\npiano = Keyboard(tempo=240)\npiano.metronome = True\npiano",
)
READY = "() => document.querySelectorAll('.musiclab-piano[data-sound=ready]').length === 3"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    if find_browser() is None:
        pytest.skip("there is no Chromium or Chrome on this computer; the piano was not played in a browser")
    root, home = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("home")
    write_notebook(root / "partner.ipynb", *CELLS)
    with server(root, home) as address, open_page(address, "partner.ipynb", has_touch=True) as opened:
        opened.run_all(len(CELLS), timeout=240)
        opened.address = address
        opened.page.wait_for_function(READY, timeout=60_000)
        yield opened


def piano(lab, number=0):
    return lab.page.locator(".musiclab-piano").nth(number)


def key(lab, pitch, number=0):
    return piano(lab, number).locator(f"[data-pitch='{pitch}']")


def test_keys_go_down_by_mouse_finger_and_computer_keyboard(lab):
    second = piano(lab, 1)
    box = key(lab, 64, 1).bounding_box()
    lab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 10)
    lab.page.mouse.down()
    assert "down" in key(lab, 64, 1).get_attribute("class")
    lab.page.mouse.move(box["x"] + 1.5 * box["width"], box["y"] + box["height"] - 10, steps=4)  # it slides to the next key
    assert "down" in key(lab, 65, 1).get_attribute("class") and "down" not in key(lab, 64, 1).get_attribute("class")
    lab.page.mouse.up()
    assert second.locator(".down").count() == 0
    keys = second.locator(".musiclab-keys")
    keys.focus()
    cells = lab.page.locator(".jp-Cell").count()
    for letter, pitch in (("a", 60), ("w", 61), ("d", 64), ("k", 72)):
        lab.page.keyboard.down(letter)
        assert "down" in key(lab, pitch, 1).get_attribute("class"), letter
        lab.page.keyboard.up(letter)
    lab.page.keyboard.press("ArrowRight")
    lab.page.keyboard.press("ArrowRight")
    lab.page.keyboard.down("Space")
    assert "down" in key(lab, 61, 1).get_attribute("class")
    lab.page.keyboard.up("Space")
    lab.page.keyboard.press("b")  # would add a cell
    assert lab.page.locator(".jp-Cell").count() == cells
    lab.page.keyboard.press("Escape")
    assert "Forgotten" in second.inner_text() and second.locator(".down").count() == 0


def test_octaves_go_up_and_down_and_every_key_has_a_name(lab):
    second = piano(lab, 1)
    names = second.locator(".musiclab-key").evaluate_all("keys => keys.map(key => key.getAttribute('aria-label'))")
    assert len(names) == KEYS and names[0] == "C4" and names[1] == "C#4" and names[-1] == "F6"
    second.locator(".musiclab-keys").focus()
    lab.page.keyboard.press("x")
    lab.page.wait_for_function(
        "() => document.querySelectorAll('.musiclab-piano')[1].querySelector('[data-pitch=\"72\"]').style.left === '0%'"
    )
    lab.page.keyboard.press("z")
    lab.page.wait_for_function(
        "() => document.querySelectorAll('.musiclab-piano')[1].querySelector('[data-pitch=\"60\"]') !== null"
    )
    loose = second.locator("button:not([data-lm-suppress-shortcuts]), input:not([data-lm-suppress-shortcuts])")
    assert loose.count() == 0, "JupyterLab would take its keys for commands"


def test_midi_is_asked_for_at_a_press_and_a_browser_without_says_so(lab):
    lab.page.evaluate(
        "() => { Object.defineProperty(navigator, 'requestMIDIAccess', { value: undefined, configurable: true }); }"
    )
    piano(lab, 1).get_by_role("button", name="MIDI keyboard").click()
    assert "no Web MIDI" in piano(lab, 1).inner_text()
    lab.page.evaluate(
        """() => { const input = { name: "Test keys" }; window.testInput = input;
                   Object.defineProperty(navigator, 'requestMIDIAccess',
                       { value: async () => ({ inputs: new Map([["1", input]]) }), configurable: true }); }"""
    )
    piano(lab, 1).get_by_role("button", name="MIDI keyboard").click()
    lab.page.get_by_text("Listening to Test keys").wait_for(timeout=10_000)
    lab.page.evaluate("() => window.testInput.onmidimessage({ data: [0x90, 67, 99], timeStamp: performance.now() })")
    assert "down" in key(lab, 67, 1).get_attribute("class")
    lab.page.evaluate("() => window.testInput.onmidimessage({ data: [0x90, 67, 0], timeStamp: performance.now() })")
    assert piano(lab, 1).locator(".down").count() == 0
    piano(lab, 1).locator(".musiclab-keys").focus()
    lab.page.keyboard.press("Escape")


def test_a_phrase_is_answered_turn_by_turn_and_the_notation_grows(lab):
    first = piano(lab, 0)
    first.locator(".musiclab-keys").focus()
    for letter in "asdfgfds":
        lab.page.keyboard.down(letter)
        lab.page.wait_for_timeout(220)
        lab.page.keyboard.up(letter)
    lab.page.keyboard.press("Enter")
    output = lab.page.locator(".jp-CodeCell").nth(0)
    output.get_by_text("Answered:").wait_for(timeout=60_000)
    lab.page.wait_for_selector(".musiclab-player .musiclab-play:enabled", timeout=60_000)
    before = output.locator(".musiclab-player").get_attribute("aria-label")
    output.get_by_role("button", name="Continue").click()
    output.get_by_text("continuations of four bars").wait_for(timeout=60_000)
    assert output.get_by_role("button", name="Take").count() == 4
    output.get_by_role("button", name="Take").first.click()
    output.get_by_text("Suggestion 1 is in the piece now").wait_for(timeout=60_000)
    changed = "before => document.querySelector('.musiclab-player').getAttribute('aria-label') !== before"
    lab.page.wait_for_function(changed, arg=before, timeout=60_000)


def test_after_a_suggestion_is_taken_by_the_keyboard_the_next_key_can_take_it_back(lab):
    output = lab.page.locator(".jp-CodeCell").nth(0)
    output.get_by_role("button", name="Continue").click()
    output.get_by_role("button", name="Take").first.wait_for(timeout=60_000)
    output.get_by_role("button", name="Take").first.focus()
    lab.page.keyboard.press("Enter")
    lab.page.wait_for_function("() => document.activeElement.textContent === 'Undo'", timeout=60_000)
    output.get_by_text("Suggestion 1 is in the piece now").wait_for(timeout=60_000)
    lab.page.keyboard.press("Enter")
    output.get_by_text("Undone.").wait_for(timeout=60_000)


def test_a_metronome_that_was_turned_on_in_python_clicks_as_soon_as_the_browser_allows_sound(lab):
    lab.page.evaluate(
        """() => { window.clicks = 0;
                   window.OscillatorNode = class extends OscillatorNode {
                       constructor(...words) { super(...words); window.clicks++; } }; }"""
    )
    third = piano(lab, 2)
    assert third.get_by_role("button", name="Metronome: on").get_attribute("aria-pressed") == "true"
    third.locator(".musiclab-keys").focus()
    assert lab.page.evaluate("() => window.clicks") == 0
    lab.page.keyboard.press("a")
    lab.page.wait_for_function("() => window.clicks >= 3", timeout=20_000)
    lab.page.keyboard.press("Escape")
    third.get_by_role("button", name="Metronome: on").click()
    third.get_by_role("button", name="Metronome: off").wait_for(timeout=20_000)
    before = lab.page.evaluate("() => window.clicks")
    lab.page.wait_for_timeout(700)
    assert lab.page.evaluate("() => window.clicks") == before


def test_a_rest_of_a_bar_ends_the_turn(lab):
    output = lab.page.locator(".jp-CodeCell").nth(0)
    piano(lab, 0).locator(".musiclab-keys").focus()
    for letter in "asd":
        lab.page.keyboard.down(letter)
        lab.page.wait_for_timeout(200)
        lab.page.keyboard.up(letter)
    output.get_by_text(re.compile("Answered:|No answer")).wait_for(timeout=60_000)
    assert "Your phrase has 3 notes" in piano(lab, 0).inner_text() or "The piano" in piano(lab, 0).inner_text()


def test_nothing_left_the_machine_and_nothing_went_wrong(lab):
    assert lab.strangers(lab.address) == []
    assert [error for error in lab.errors if not re.search(r"favicon|ResizeObserver", error)] == []
