"""The quizzes: every right answer is right, every wrong one is told why, and none gives the right one away."""

import itertools
import math
import re
import sys
import time
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musiclab.exercises import lessons
from musiclab.quiz import Choice, Listen, Number, Option, Several, questions_of, quizzes, read_number, reply
from musiclab.score import Score

QUIZZES = {lesson: questions_of(lesson) for lesson in quizzes()}
ALL = [pytest.param(q, id=f"{lesson}.{n}") for lesson, quiz in QUIZZES.items() for n, q in enumerate(quiz, 1)]
each_quiz = pytest.mark.parametrize("quiz", QUIZZES.values(), ids=[f"{lesson:02d}" for lesson in QUIZZES])
each_question = pytest.mark.parametrize("question", ALL)


def right_numbers(question):
    return {n for n, option in enumerate(question.options) if option.right}


def right_answer(question):
    if isinstance(question, Number):
        return question.value
    return right_numbers(question) if isinstance(question, Several) else min(right_numbers(question))


def wrong_answers(question):
    if isinstance(question, Number):
        away = 2 * question.within + max(1e-3, abs(question.value) / 100)
        return [
            question.value + away,
            question.value - away,
            -question.value - away,
            1e9,
            *(value for value, _ in question.slips),
        ]
    numbers = range(len(question.options))
    if isinstance(question, Several):
        every = (set(some) for size in range(len(numbers) + 1) for some in itertools.combinations(numbers, size))
        return [some for some in every if some != right_numbers(question)]
    return [n for n in numbers if n not in right_numbers(question)]


# --- the questions of the course ------------------------------------------------------------------------


def test_every_lesson_has_a_quiz():
    assert quizzes() == lessons()


@each_quiz
def test_a_quiz_is_short_and_of_several_kinds(quiz):
    assert 5 <= len(quiz) <= 7
    assert len({type(question) for question in quiz}) >= 3
    assert len({question.ask for question in quiz}) == len(quiz)


@each_quiz
def test_the_place_of_the_right_answer_varies(quiz):
    places = [right_answer(question) for question in quiz if isinstance(question, Choice | Listen)]
    assert len(places) < 2 or len(set(places)) > 1, places


@each_question
def test_right_is_right_and_wrong_is_wrong_with_words(question):
    right, why = reply(question, right_answer(question))
    assert right and why.strip()
    wrong = wrong_answers(question)
    assert wrong
    for answer in wrong:
        right, why = reply(question, answer)
        assert not right and why.strip(), answer


@each_question
def test_each_option_says_why_and_no_two_are_alike(question):
    assert question.ask.strip().endswith(("?", ".", ":", ".)"))
    if isinstance(question, Number):
        assert question.why.strip() and all(words.strip() for _, words in question.slips)
        values = [value for value, _ in question.slips]
        assert len(set(values)) == len(values) and all(math.isfinite(value) for value in [question.value, *values])
        return
    for words in ([option.words for option in question.options], [option.why for option in question.options]):
        plain = [" ".join(each.replace("`", "").lower().split()).removesuffix(".") for each in words]
        assert all(plain) and len(set(plain)) == len(plain), words


@each_question
def test_no_wrong_answer_is_told_the_right_one(question):
    """Nor does anything that is said to a wrong answer name the right option word for word."""
    if isinstance(question, Number):
        secrets = [f"{question.value:g} {question.unit}".strip()] if question.unit else []
    else:
        secrets = [option.words.rstrip(".") for option in question.options if option.right and len(option.words) > 1]
    for answer in wrong_answers(question):
        if isinstance(question, Several):
            said = " ".join(question.options[n].why for n in answer - right_numbers(question))
        else:
            said = reply(question, answer)[1]
        for secret in secrets:
            assert not re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", said, re.IGNORECASE), (secret, said)


@each_question
def test_what_is_heard_is_short_music_and_soon_there(question):
    if not isinstance(question, Listen):
        return
    start = time.process_time()
    scores = question.sounds()
    assert time.process_time() - start < 10, "reading the bundles included"
    assert 1 <= len(scores) <= 26 and all(isinstance(score, Score) and len(score) for score in scores)
    assert all(score.duration * 60 / score.tempo < 30 for score in scores)
    assert scores == question.sounds(), "the same each time"
    letters = [option.words for option in question.options]
    if all(re.fullmatch("[A-Z]", letter) for letter in letters):
        assert set(letters) <= {chr(ord("A") + n) for n in range(len(scores))}, "no choice of a sound that is not there"


# --- the machinery --------------------------------------------------------------------------------------

OPTIONS = (Option("One", "Why one.", right=True), Option("Two", "Why two."), Option("Three", "Why three.", right=True))


def test_check_boxes_say_what_is_wrong_and_not_what_is_right():
    question = Several("Which?", OPTIONS)
    assert reply(question, {0, 2}) == (True, "One: Why one.\nThree: Why three.")
    assert reply(question, [0, 1, 2]) == (False, "Two: Why two.")
    assert reply(question, (0, 1)) == (False, "Two: Why two.\n1 more belongs to the answer.")
    assert reply(question, {1}) == (False, "Two: Why two.\n2 more belong to the answer.")
    assert reply(question, {2}) == (False, "1 more belongs to the answer.")
    assert reply(question, set()) == (False, "2 more belong to the answer.")


def test_numbers_have_a_margin_and_known_slips():
    question = Number("How many?", 12, "Twelve.", within=0.5, slips=((16, "That is 4/4."),))
    assert [reply(question, x)[0] for x in (11.4, 11.5, 12, 12.5, 12.6)] == [False, True, True, True, False]
    assert reply(question, 12) == (True, "Twelve.")
    assert reply(question, 16.4) == (False, "That is 4/4.")
    assert reply(question, 17) == (False, "That is too large.") and reply(question, -3) == (False, "That is too small.")
    third = Number("A third?", 1 / 3, "Yes.")
    assert reply(third, 1 / 3)[0] and not reply(third, 0.333)[0]
    assert not reply(third, math.nan)[0]


@pytest.mark.parametrize("typed", ["0.27", "0,27", "27/100"])
def test_a_share_where_percent_are_asked_for_is_told_so(typed):
    question = Number("How many percent?", 27, "Yes.", unit="%", within=0.6, slips=((0, "Not never."),))
    assert reply(question, read_number(typed, "%")) == (False, "The question asks for percent: 0.27 is 27 %.")
    assert reply(question, 0) == (False, "Not never.") and reply(question, read_number("27 %", "%"))[0]
    assert reply(Number("Which?", 27, "Yes.", unit="s"), 0.27) == (False, "That is too small.")


@pytest.mark.parametrize(("rights", "kind"), [(0, Choice), (2, Choice), (0, Listen), (2, Listen), (0, Several)])
def test_a_question_without_its_right_answer_cannot_be_written(rights, kind):
    options = tuple(Option(str(n), "Why.", right=n < rights) for n in range(3))
    more = [lambda: ()] if kind is Listen else []
    with pytest.raises(ValueError, match="Which"):
        kind("Which?", *more, options)


def test_a_lesson_without_a_quiz():
    with pytest.raises(ValueError, match=r"^Lesson 77 has no quiz\.$"):
        questions_of(77)


def test_a_broken_quiz_is_not_called_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "musiclab.lessons.quiz_77", types.ModuleType("empty"))
    with pytest.raises(AttributeError):
        questions_of(77)


# --- numbers as people write them -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "unit", "number"),
    [
        ("12", "", 12),
        (" 12 ", "", 12),
        ("-3", "", -3),
        ("−3", "", -3),
        ("+3", "", 3),
        ("0.5", "", 0.5),
        ("0,5", "", 0.5),
        (".5", "", 0.5),
        (",5", "", 0.5),
        ("5.", "", 5),
        ("1/2", "", 0.5),
        ("1 / 3", "", 1 / 3),
        ("-1/4", "", -0.25),
        ("0,5/2", "", 0.25),
        ("50 %", "", 0.5),
        ("50%", "", 0.5),
        ("50 %", "%", 50),
        ("50", "%", 50),
        ("12,5 %", "%", 12.5),
        ("0,125", "", 0.125),
        ("1.125", "", 1.125),
        ("1e-3", "", 0.001),
        ("12 000", "", 12000),
        ("12 000", "", 12000),
        ("1 234 567", "", 1234567),
        ("12'000", "", 12000),
        ("12_000", "", 12000),
        ("12 tokens", "tokens", 12),
        ("12tokens", "tokens", 12),
        ("1 Token", "tokens", 1),
        ("0.5 nats", "nats", 0.5),
        ("0.5 nats", "nats a step", 0.5),
        ("16 s", "seconds", 16),
        ("440 hz", "Hz", 440),
    ],
)
def test_a_number_as_people_write_it(words, unit, number):
    assert read_number(words, unit) == pytest.approx(number, rel=1e-12)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "x",
        "twelve",
        "1 1/2",
        "1/0",
        "1//2",
        "1/2/3",
        "--1",
        "1.2.3",
        "12 34",
        "inf",
        "nan",
        "1e999",
        "%",
        "12 apples",
        "12 okens",
        "0x10",
        "²",
    ],
)
def test_what_cannot_be_read_says_so(words):
    with pytest.raises(ValueError, match=r'^"'):
        read_number(words, "tokens")


def test_a_comma_with_two_meanings_is_asked_about():
    with pytest.raises(ValueError, match=r'"1,059" can be read in two ways\. Write 1059 or 1\.059\.'):
        read_number("1,059")
    assert read_number("1,0590") == read_number("1.059") == 1.059


@given(st.one_of(st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False)))
def test_what_python_writes_is_read(number):
    assert read_number(repr(number)) == number


@given(st.text(alphabet="0123456789.,/%e+-− '_x", max_size=12))
def test_any_text_is_a_number_or_a_sentence(words):
    try:
        assert np.isfinite(read_number(words))
    except ValueError as error:
        assert str(error).startswith('"')
