"""The questions of a lesson's quiz, and what is said to each answer.

A quiz is a tuple ``QUIZ`` in ``musiclab/lessons/quiz_05.py``. It stands here and not in the notebook, so that nobody reads
the answers by accident. `musiclab.widgets.quiz.Quiz` shows it. How to write one::

    from musiclab.quiz import Choice, Listen, Number, Option, Several

    QUIZ = (
        Choice(
            "How many tokens does a bar of 4/4 have on a grid of sixteenths?",
            (
                Option("4", "That is the number of quarters. Each of them has four steps."),
                Option("16", "Four quarters, four steps each.", right=True),
            ),
        ),
        Number("And a bar of 3/4?", 12, "Three quarters, four steps each.", slips=((16, "That is a bar of 4/4."),)),
    )

Every option says why it is right or wrong, so that a wrong guess teaches, too.
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from musiclab.score import Score

__all__ = ["Choice", "Listen", "Number", "Option", "Question", "Several", "questions_of", "quizzes", "read_number", "reply"]


@dataclass(frozen=True)
class Option:
    """Something to choose: its words, what is said to whoever chose it, and whether it is right."""

    words: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Choice:
    """A question with one right answer among several."""

    ask: str
    options: tuple[Option, ...]

    def __post_init__(self) -> None:
        if len(self.options) < 2 or sum(option.right for option in self.options) != 1:
            raise ValueError(f"A choice needs two options or more and one right one: {self.ask!r}")


@dataclass(frozen=True)
class Several:
    """A question with check boxes: any number of options may be right, but not none."""

    ask: str
    options: tuple[Option, ...]

    def __post_init__(self) -> None:
        if len(self.options) < 2 or not any(option.right for option in self.options):
            raise ValueError(f"Check boxes need two options or more, and a right one: {self.ask!r}")


@dataclass(frozen=True)
class Number:
    """A question whose answer is a number.

    Parameters
    ----------
    ask : str
    value : float
    why : str
        What is said to the right answer. A wrong one that is no known slip hears whether it is too large or too small, and
        a share where percent are asked for hears that.
    unit : str
    within : float
        How far from `value` an answer may be, absolutely.
    slips : tuple of (float, str)
        Typical wrong numbers and what is said to each.
    """

    ask: str
    value: float
    why: str
    unit: str = ""
    within: float = 0.0
    slips: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Listen:
    """A question about music that is played: `sounds` makes the scores, A, B, …; one of the options is right."""

    ask: str
    sounds: Callable[[], tuple[Score, ...]]
    options: tuple[Option, ...]

    def __post_init__(self) -> None:
        if len(self.options) < 2 or sum(option.right for option in self.options) != 1:
            raise ValueError(f"A choice needs two options or more and one right one: {self.ask!r}")


Question = Choice | Several | Number | Listen


def quizzes() -> list[int]:
    """Return the numbers of the lessons that have a quiz."""
    return sorted(int(path.stem[-2:]) for path in (Path(__file__).parent / "lessons").glob("quiz_[0-9][0-9].py"))


def questions_of(lesson: int) -> tuple[Question, ...]:
    """Return the questions of a lesson. Raises ValueError if it has no quiz."""
    module = f"musiclab.lessons.quiz_{lesson:02d}"
    try:
        return tuple(importlib.import_module(module).QUIZ)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
    raise ValueError(f"Lesson {lesson:02d} has no quiz.")


def reply(question: Question, given: object) -> tuple[bool, str]:
    """Judge an answer.

    Parameters
    ----------
    question : Question
    given : int, collection of int, or float
        The number of the option that was chosen (counted from 0), the numbers of all that were ticked, or a number.

    Returns
    -------
    bool
        Whether the answer is right.
    str
        Why. For check boxes: a line for each option that was ticked wrongly, and how many right ones are not ticked; if all is
        right, a line for each right one.
    """
    if isinstance(question, Number):
        return _number(question, float(given))
    if isinstance(question, Several):
        return _several(question, set(given))
    option = question.options[int(given)]
    return option.right, option.why


def _number(question: Number, given: float) -> tuple[bool, str]:
    if _is_near(given, question.value, question.within):
        return True, question.why
    if question.unit == "%" and _is_near(100 * given, question.value, question.within):
        return False, f"The question asks for percent: {given:.4g} is {100 * given:.4g} %."
    near = [words for value, words in question.slips if _is_near(given, value, question.within)]
    return False, near[0] if near else f"That is too {'large' if given > question.value else 'small'}."


def _is_near(given: float, value: float, within: float) -> bool:
    return abs(given - value) <= within + 1e-9 * max(1.0, abs(value))  # nobody answers for what floats round


def _several(question: Several, ticked: set[int]) -> tuple[bool, str]:
    right = {number for number, option in enumerate(question.options) if option.right}
    if ticked == right:
        return True, _whys(question, right)
    lines = [_whys(question, ticked - right)] if ticked - right else []
    if missing := len(right - ticked):
        lines.append(f"{missing} more {'belongs' if missing == 1 else 'belong'} to the answer.")
    return False, "\n".join(lines)


def _whys(question: Several, numbers: set[int]) -> str:
    return "\n".join(f"{question.options[n].words}: {question.options[n].why}" for n in sorted(numbers))


# --- numbers as people write them -----------------------------------------------------------------------

_PLAIN = r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[+-]?\d+)?"
_NUMBER = re.compile(rf"({_PLAIN})(?:\s*/\s*({_PLAIN}))?\s*(%?)", re.IGNORECASE)
_GROUPED = re.compile(r"(?<=\d)[\s_'’](?=\d{3}(?!\d))")


def read_number(words: str, unit: str = "") -> float:
    """Read a number as people write it: 0.5 or 0,5, 1/2, 50 %, 12 000, with the unit or without.

    Parameters
    ----------
    words : str
    unit : str
        Of the question. Where it is "%", 50 % is 50, elsewhere a half.

    Raises
    ------
    ValueError
        If no number can be read; the message says how to write one.
    """
    text = _without_unit(words.strip().replace("−", "-"), unit)
    text = _GROUPED.sub("", text)
    found = _NUMBER.fullmatch(text)
    if not found:
        raise ValueError(f'"{words.strip()}" cannot be read. Write a number, as 12, 0.5 or 1/2.')
    if re.search(r"(?<!\d)[1-9]\d{0,2},\d{3}(?!\d)", text):
        plain = text.replace(",", "")
        raise ValueError(f'"{words.strip()}" can be read in two ways. Write {plain} or {text.replace(",", ".")}.')
    upper, lower = (float((part or "1").replace(",", ".")) for part in found.group(1, 2))
    if lower == 0 or not math.isfinite(upper / lower):
        raise ValueError(f'"{words.strip()}" is no number that can be used.')
    return upper / lower / (100 if found[3] and unit != "%" else 1)


def _without_unit(text: str, unit: str) -> str:
    """Take the unit away, or its beginning: "12 s" and "12 second" are as good as "12 seconds"."""
    words = re.search(r"(?<![a-z])[a-z][a-z ]*$", text, re.IGNORECASE)
    return text[: words.start()].strip() if words and unit.lower().startswith(words[0].lower()) else text
