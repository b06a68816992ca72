"""The quiz widget: driven through every lesson's quiz, restored from the progress file, and silent about its answers."""

import html
import json
import re
import sys
import threading
import types

import pytest
from ipywidgets.widgets.widget import _instances
from lab import find_browser, open_page, server, write_notebook
from test_quiz import right_answer, wrong_answers

from musiclab import Score, progress
from musiclab.progress import read
from musiclab.quiz import Choice, Listen, Number, Option, Several, questions_of, quizzes
from musiclab.widgets.quiz import Quiz

MADE = []


def _sounds():
    MADE.append("sounds")
    return Score([(0, 1, 60), (1, 1, 62)], title="The secret tune"), Score([(0, 1, 64)], key="G major")


QUIZ = (
    Choice(
        "Which is `<b>`?",
        (
            Option("Wrong & wronger", "Because it is not."),
            Option("The one", "Because it is.", right=True),
            Option("Other", "No, no."),
        ),
    ),
    Several("Which two?", (Option("A", "A why.", right=True), Option("B", "B why."), Option("C", "C why.", right=True))),
    Number("A half?", 0.5, "The whole, halved.", unit="nats", slips=((2, "Upside down."),)),
    Listen("Which is lower?", _sounds, (Option("A", "Middle C.", right=True), Option("B", "It is an E."))),
    Number("How many percent?", 25, "A quarter.", unit="%"),
)


@pytest.fixture(autouse=True)
def path(monkeypatch, tmp_path):
    module = types.ModuleType("musiclab.lessons.quiz_96")
    module.QUIZ = QUIZ
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(progress, "_sessions", {})
    path = tmp_path / "work" / "progress.json"
    monkeypatch.setenv("MUSICLAB_PROGRESS", str(path))
    MADE.clear()
    return path


def said(quiz, question):
    """What is said to the answer of a question, without its markup."""
    return html.unescape(re.sub(r"<[^>]+>", " ", quiz.said[question - 1].replace("<br>", "\n"))).strip()


def press(quiz, kind, question, given=None):
    """What the page sends when a button is pressed."""
    quiz._handle_custom_msg({"kind": kind, "question": question - 1, "given": given}, [])


def state_of(make):
    """Make a widget; return it, and all that is sent to the page for it."""
    before = set(_instances)
    made = make()
    return made, json.dumps([w.get_state() for key, w in list(_instances.items()) if key not in before], default=str)


# --- the quizzes of the course --------------------------------------------------------------------------


@pytest.mark.parametrize("lesson", quizzes())
def test_all_wrong_and_then_all_right(lesson, path):
    quiz, questions = Quiz(lesson), questions_of(lesson)
    assert len(quiz.asked) == len(questions) and not any(quiz.right)
    for number, question in enumerate(questions, 1):
        for answer in [a for a in wrong_answers(question) if a != set()][:3]:
            quiz.answer(number, answer)
            assert said(quiz, number).startswith("✗ Not yet. ") and len(said(quiz, number)) > 15
    assert not any(quiz.right) and f"0 of {len(questions)} right." in quiz.text
    assert not any(entry.solved for entry in read(path).quiz.values())
    for number, question in enumerate(questions, 1):
        quiz.answer(number, right_answer(question))
        assert said(quiz, number).startswith("✓ Right. ")
    assert all(quiz.right) and f"{len(questions)} of {len(questions)} right." in quiz.text
    found = read(path).quiz
    assert sorted(found) == sorted(f"{lesson}.{n}" for n in range(1, len(questions) + 1))
    assert all(entry.solved and entry.tried >= 2 for entry in found.values())
    again = Quiz(lesson)
    assert all(again.right) and said(again, 1) == "✓ You had this right before."


def _words(question):
    """All that must not be in the page before an answer: whys, and the value of a number."""
    if isinstance(question, Number):
        return [question.why, *(words for _, words in question.slips)]
    return [option.why for option in question.options]


@pytest.mark.parametrize("lesson", [*quizzes(), 96])
def test_nothing_in_the_page_tells_the_answers(lesson):
    quiz, state = state_of(lambda: Quiz(lesson))
    for question in questions_of(lesson):
        for words in _words(question):
            assert json.dumps(words, ensure_ascii=True)[1:-1] not in state and html.escape(words) not in state, words
    assert len(state) < 12_000, "half of it is the script of the page; of ipywidgets' own controls it would be 33,000"
    assert "<audio" not in state and "base64" not in state, "no sound before Play"
    # What is right makes no difference: with the marks moved the page is the same, but for its random names.
    moved, again = state_of(lambda: _with_marks_moved(lesson))
    assert _nameless(again) == _nameless(state)
    assert quiz.title == moved.title


def _with_marks_moved(lesson):
    def moved(question):
        if isinstance(question, Number):
            return Number(question.ask, question.value + 1, "Other words.", question.unit)
        rights = [option.right for option in question.options]
        options = tuple(Option(o.words, o.why[::-1], r) for o, r in zip(question.options, rights[1:] + rights[:1], strict=True))
        more = [question.sounds] if isinstance(question, Listen) else []
        return type(question)(question.ask, *more, options)

    module, before = sys.modules[f"musiclab.lessons.quiz_{lesson:02d}"], questions_of(lesson)
    module.QUIZ = tuple(moved(question) for question in before)
    try:
        return Quiz(lesson)
    finally:
        module.QUIZ = before


def _nameless(state):
    return re.sub(r"IPY_MODEL_\w+|jupyter-\w+|anywidget-\w+", "", state)


# --- one question of each kind --------------------------------------------------------------------------


def test_a_choice():
    quiz, sent = Quiz(96), []
    quiz.observe(lambda change: sent.append(change["new"][0]), "said")
    assert quiz.given[0] is None and quiz.questions[0]["options"][0] == "Wrong &amp; wronger"
    press(quiz, "check", 1)
    assert said(quiz, 1) == "Choose an answer first." and not quiz.offered[0]
    press(quiz, "check", 1, 0)
    assert said(quiz, 1) == "✗ Not yet. Because it is not."
    press(quiz, "check", 1, 1)
    assert said(quiz, 1) == "✓ Right. Because it is." and quiz.right == (True, False, False, False, False)
    press(quiz, "check", 1, 2)
    assert said(quiz, 1) == "✗ Not yet. No, no." and quiz.right[0], "what was right stays so"
    assert quiz.summary == "1 of 5 right."
    assert [words[:6] for words in sent] == ["Choose", "✗ Not ", "✓ Righ", "✗ Not "], "the page is told of each"


def test_check_boxes():
    quiz = Quiz(96)
    press(quiz, "check", 2, [])
    assert said(quiz, 2) == "Tick what is right first."
    quiz.answer(2, [1, 0])
    assert said(quiz, 2) == "✗ Not yet. B: B why.\n1 more belongs to the answer."
    assert quiz.given == [None, [0, 1], "", None, ""], "the controls of the page show what was answered"
    press(quiz, "check", 2, [2, 0])
    assert said(quiz, 2) == "✓ Right. A: A why.\nC: C why."


@pytest.mark.parametrize("typed", ["0.5", "0,5", "1/2", "50 %", "50%", " .5 nats"])
def test_a_number(typed, path):
    quiz = Quiz(96)
    press(quiz, "check", 3, "  ")
    assert said(quiz, 3) == "Write a number first."
    quiz.answer(3, "half")
    assert said(quiz, 3) == '"half" cannot be read. Write a number, as 12, 0.5 or 1/2.' and not path.exists()
    quiz.answer(3, 2)
    assert said(quiz, 3) == "✗ Not yet. Upside down."
    quiz.answer(3, typed)
    assert said(quiz, 3) == "✓ Right. The whole, halved." and quiz.right[2]
    quiz.answer(5, "25 %")
    assert quiz.right[4]


def test_sounds_are_made_when_somebody_wants_to_hear_them():
    quiz = Quiz(96)
    assert MADE == [] and quiz.sounds == [""] * 5 and [q.get("sounds", False) for q in quiz.questions].index(True) == 3
    press(quiz, "play", 4)
    page = quiz.sounds[3]
    assert MADE == ["sounds"] and page.count("<audio") == 2 and page.index("<b>A") < page.index("<b>B")
    assert "autoplay" not in page, "the page starts it; in one that is opened anew nothing would ask for it"
    assert 'aria-label="Sound A of question 4"' in page and 'aria-label="Sound B of question 4"' in page
    assert not re.search("secret|major|2 notes", page), "what a sound says of itself may be the answer"
    assert said(quiz, 4) == "", "that it is being made is said no longer"
    again = Quiz(96)
    again.answer(4, 1)
    press(again, "play", 4)
    assert said(again, 4) == "✗ Not yet. It is an E.", "what was said of the answer stays"


def test_the_page_is_told_that_it_was_heard():
    quiz, sent = Quiz(96), []
    quiz.send = sent.append
    press(quiz, "check", 2, [0])
    press(quiz, "show", 3)
    assert sent == [{"question": 1}, {"question": 2}]


def test_the_right_answer_is_shown_after_two_wrong_ones_and_counts_for_nothing(path):
    quiz = Quiz(96)
    quiz.answer(1, 0)
    quiz.answer(1, 0)
    assert not any(quiz.offered), "the same answer again is no new try"
    quiz.answer(1, 2)
    assert quiz.offered == [True, False, False, False, False] and "The one" not in said(quiz, 1)
    press(quiz, "show", 1)
    assert said(quiz, 1) == "The answer: The one. Because it is." and not quiz.right[0]
    quiz.answer(1, 1)
    assert not quiz.right[0] and "0 of 5 right" in quiz.text
    entry = read(path).quiz["96.1"]
    assert entry.tried == 2 and not entry.solved
    assert not Quiz(96).right[0]
    for number, wrong, words in (
        (2, ([1], [0]), "The answer: A. A why.\nC. C why."),
        (3, (1, 2), "The answer: 0.5 nats. The whole, halved."),
    ):
        for answer in wrong:
            quiz.answer(number, answer)
        press(quiz, "show", number)
        assert said(quiz, number) == words


# --- the progress file ----------------------------------------------------------------------------------


def test_what_was_right_on_an_earlier_day_is_right(path):
    path.parent.mkdir()
    entry = {"solved": "2025-03-01T09:30:00Z", "tries": {"a": 2}}
    path.write_text(json.dumps({"format": 1, "quiz": {"96.2": entry, "96.1": {"tries": {"a": 5}}}}))
    quiz = Quiz(96)
    assert quiz.right == (False, True, False, False, False) and said(quiz, 2) == "✓ You had this right before."
    assert "(right)" in quiz.text and "1 of 5 right" in quiz.text and said(quiz, 1) == ""
    quiz.answer(2, [1])
    assert quiz.right[1] and read(path).quiz["96.2"].tried == 2, "what comes after is curiosity"


def test_what_is_stored_in_the_notebook_is_the_same_for_everybody(path, monkeypatch):
    first = Quiz(96)
    stored = first._repr_mimebundle_()
    for answer in (0, 2, 1):
        first.answer(1, answer)
    second = Quiz(96)
    assert second.right[0] and second.text != first.title
    for quiz in (first, second):
        assert quiz._repr_mimebundle_()["text/plain"] == stored["text/plain"] == repr(quiz) == "Quiz of lesson 96: 5 questions."
    assert "application/vnd.jupyter.widget-view+json" in stored
    monkeypatch.setenv("MUSICLAB_PROGRESS", "off")
    assert not any(Quiz(96).right)


def test_a_file_that_cannot_be_written_is_said_once_and_costs_nothing(path):
    path.parent.write_text("in the way")
    quiz = Quiz(96)
    quiz.answer(1, 1)
    assert said(quiz, 1).startswith("✓ Right. Because it is.\nYour progress could not be recorded") and quiz.right[0]
    quiz.answer(3, "1/2")
    assert said(quiz, 3) == "✓ Right. The whole, halved."


def test_a_damaged_file_is_put_aside(path):
    path.parent.mkdir()
    path.write_text("{")
    quiz = Quiz(96)
    quiz.answer(1, 1)
    assert "progress.damaged-1.json" in said(quiz, 1) and (path.parent / "progress.damaged-1.json").read_text() == "{"


# --- words, access, trouble -----------------------------------------------------------------------------


def test_the_text_is_the_questions_in_words_without_the_answers():
    quiz = Quiz(96)
    for words in [QUIZ[0].ask, "Choose 1: The one", "Tick 2: C", "A field for a number, nats.", "A button that plays the music."]:
        assert words in quiz.text
    quiz.answer(1, 0)
    for question in QUIZ:
        assert not [why for why in _words(question) if why in quiz.text]
    assert quiz.text.startswith("Quiz of lesson 96: 5 questions. 0 of 5 right.\n")


def test_a_lesson_without_a_quiz_is_a_sentence():
    with pytest.raises(ValueError, match=r"^Lesson 97 has no quiz\.$"):
        Quiz(97)


@pytest.mark.parametrize(
    ("question", "given", "words"),
    [(0, 0, "questions 1 to 5"), (6, 0, "questions 1 to 5"), (1, 3, "numbers 0 to 2"), (1, -1, "0 to 2"), (2, [0, 3], "0 to 2")],
)
def test_an_answer_that_is_not_there_is_a_sentence(question, given, words, path):
    with pytest.raises(ValueError, match=words):
        Quiz(96).answer(question, given)
    assert not path.exists()


def test_words_are_shown_as_they_are():
    quiz = Quiz(96)
    assert quiz.questions[0]["ask"] == "<b>Question 1.</b> Which is <code>&lt;b&gt;</code>?"
    quiz._say(0, "<script> & `<i>`\nx")
    assert quiz.said[0] == "&lt;script&gt; &amp; <code>&lt;i&gt;</code><br>x"


def test_right_and_wrong_are_told_apart_without_colour():
    quiz = Quiz(96)
    for number, question in enumerate(QUIZ, 1):
        quiz.answer(number, wrong_answers(question)[-1])
        assert said(quiz, number)[0] == "✗"
        quiz.answer(number, right_answer(question))
        assert said(quiz, number)[0] == "✓"


def test_trouble_is_said_and_never_raised():
    object.__setattr__(QUIZ[3], "sounds", lambda: 1 / 0)
    try:
        quiz = Quiz(96)
        press(quiz, "play", 4)
        assert "That did not work: division by zero (ZeroDivisionError)" in said(quiz, 4)
    finally:
        object.__setattr__(QUIZ[3], "sounds", _sounds)
    press(quiz, "play", 4)
    assert quiz.sounds[3].count("<audio") == 2, "and may be tried again"


def test_a_press_may_come_from_another_thread():
    quiz = Quiz(96)
    thread = threading.Thread(target=quiz.answer, args=(1, 1))
    thread.start()
    thread.join(60)
    assert not thread.is_alive() and quiz.right[0]


# --- in a browser ---------------------------------------------------------------------------------------

CELL = """import sys, types
from musiclab import Score
from musiclab.quiz import Choice, Listen, Number, Option, Several
module = types.ModuleType("musiclab.lessons.quiz_96")
sound = lambda: (Score([(k, 1, 60 + k) for k in range(4)]), Score([(0, 4, 70)]))
module.QUIZ = (
    Choice("Which?", (Option("The first", "No."), Option("The second", "Yes.", right=True))),
    Several("Which two?", (Option("One", "W.", right=True), Option("Two", "W2.", right=True), Option("Three", "W3."))),
    Number("A half?", 0.5, "Half."),
    Listen("How many?", sound, (Option("One by one", "Stairs.", right=True), Option("All", "None."))),
)
sys.modules[module.__name__] = module
from musiclab.widgets.quiz import Quiz
Quiz(96)"""


def ticked(page):
    """Which radio buttons and check boxes of the page are ticked."""
    return page.evaluate("[...document.querySelectorAll('.musiclab-quiz input:not([type=text])')].map(input => input.checked)")


def test_by_keyboard_alone(tmp_path, path):
    if find_browser() is None:
        pytest.skip("there is no Chromium or Chrome on this computer; the quiz was not tried in a browser")
    root, home = tmp_path / "root", tmp_path / "home"
    root.mkdir(), home.mkdir()
    write_notebook(root / "quiz.ipynb", CELL, "1")
    with server(root, home) as address, open_page(address, "quiz.ipynb") as lab:
        lab.run_all(2)
        page, press = lab.page, lab.page.keyboard.press
        page.get_by_text("Question 4.").wait_for(timeout=60_000)

        def wait_for(words, question):
            status = page.get_by_role("group", name=f"Question {question}.").get_by_role("status")
            status.filter(has_text=words).wait_for(timeout=30_000)

        page.get_by_role("radio").first.focus()
        press("Space")
        press("Tab")
        press("Enter")
        wait_for("✗ Not yet. No.", 1)
        press("Shift+Tab")
        press("ArrowDown")  # as in every group of radio buttons: to the next one, which is then chosen
        assert ticked(page)[:2] == [False, True]
        press("Enter")
        wait_for("✓ Right. Yes.", 1)
        assert ticked(page)[:2] == [False, True] and page.evaluate("document.activeElement.type") == "radio"
        press("Tab")
        press("Tab")  # to the first check box
        press("Space")
        press("Tab")
        press("Space")
        press("Tab")
        press("Tab")
        press("Enter")
        wait_for("✓ Right. One: W.", 2)
        press("Tab")
        page.keyboard.type("7")
        press("Enter")
        wait_for("✗ Not yet. That is too large.", 3)
        press("Backspace")
        page.keyboard.type("1/2")
        press("Enter")
        wait_for("✓ Right. Half.", 3)
        assert page.evaluate("document.activeElement.value") == "1/2", "Enter leaves the field in the field"
        press("Tab")
        press("Tab")
        press("Enter")  # Play
        page.wait_for_function("() => document.querySelectorAll('.musiclab-quiz audio').length === 2", timeout=30_000)
        page.wait_for_function("() => document.querySelector('.musiclab-quiz audio').currentTime > 0.2", timeout=15_000)
        page.evaluate("document.querySelectorAll('.musiclab-quiz audio')[1].play()")
        page.wait_for_function("() => document.querySelector('.musiclab-quiz audio').paused", timeout=15_000)
        press("Enter")  # Play again begins anew, and stops the other one
        page.wait_for_function("() => document.querySelectorAll('.musiclab-quiz audio')[1].paused", timeout=15_000)
        page.get_by_text("3 of 4 right.").wait_for(timeout=15_000)
        page.screenshot(path=str(tmp_path / "quiz.png"), full_page=True)
        found = read(path).quiz
        assert [bool(found[f"96.{n}"].solved) for n in (1, 2, 3)] == [True, True, True] and "96.4" not in found
        assert (found["96.1"].tried, found["96.2"].tried, found["96.3"].tried) == (2, 1, 2)
        assert lab.strangers(address) == []
        assert not [error for error in lab.errors if "musiclab" in error or "TypeError" in error]
