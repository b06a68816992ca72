"""The quiz at a lesson's end: its questions below each other, and to each answer why it is right or not.

The answers stay in Python until they are given, so that nobody finds them in the page or in the stored notebook.
"""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

import anywidget
import traitlets
from ipywidgets import HTML, Button, Checkbox, Layout, RadioButtons, VBox, Widget

from musiclab import show
from musiclab.progress import Entry, progress_path, read, record
from musiclab.quiz import Choice, Listen, Number, Option, Question, Several, questions_of, read_number, reply
from musiclab.widgets.described import Described

__all__ = ["NumberField", "QuestionBox", "Quiz"]

TRIES = 2  # wrong answers after which the right one can be shown

# Who starts one sound stops the others, of all questions.
ONE_AT_A_TIME = "for (const other of document.querySelectorAll('.musiclab-quiz audio')) if (other !== this) other.pause()"

# Long options go over several lines; ipywidgets would print them over each other, or cut them short.
_STYLE = (
    "<style>.musiclab-quiz .widget-radio, .musiclab-quiz .widget-radio-box label, .musiclab-quiz .widget-checkbox, "
    ".musiclab-quiz .widget-checkbox label {height: auto; white-space: normal; line-height: 1.45}"
    ".musiclab-quiz .widget-radio-box label {display: flex; flex-direction: row-reverse; justify-content: flex-end; "
    "align-items: flex-start; margin-bottom: 3px}"
    ".musiclab-quiz .widget-radio-box input, .musiclab-quiz .widget-checkbox input {flex: none}"
    ".musiclab-quiz .widget-html-content {line-height: 1.45}</style>"
)

_ESM = """
function render({ model, el }) {
  const label = document.createElement("label"), field = document.createElement("input");
  field.type = "text";
  field.inputMode = "text";
  field.value = model.get("value");
  field.style.cssText = "width:10em;margin:0 6px";
  label.setAttribute("data-lm-suppress-shortcuts", "true");
  label.append("Your number", field, model.get("unit"));
  el.append(label);
  field.addEventListener("change", () => { model.set("value", field.value); model.save_changes(); });
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") model.send({ kind: "enter", value: field.value });
  });
  model.on("change:value", () => { field.value = model.get("value"); });
}
export default { render };
"""


class NumberField(anywidget.AnyWidget):
    """A field for a number. Enter sends what stands in it, so that nothing that was typed last arrives after the key.

    Attributes
    ----------
    value : str
        What was typed.
    unit : str
        Stands behind the field.
    """

    _esm = _ESM
    value = traitlets.Unicode("").tag(sync=True)
    unit = traitlets.Unicode("").tag(sync=True)


class Quiz(Described):
    """The quiz of a lesson.

    Answer a question and press its Check button, or Enter in a field for a number. You are told why the answer is right or
    not. A wrong one may be given anew; after two, "Show the answer" appears. Answers are recorded in your progress file, and a
    question that you had right before says so.

    Parameters
    ----------
    lesson : int
        Its number.

    Attributes
    ----------
    boxes : tuple of QuestionBox
        One for each question.
    right : tuple of bool
        Which questions have been answered rightly, today or before.
    title : str
        What stands for the quiz where widgets do not run. It is the same for everybody.
    text : str
        The questions in words, without the answers, and how many were right.

    Raises
    ------
    ValueError
        If the lesson has no quiz.
    """

    def __init__(self, lesson: int) -> None:
        questions = questions_of(lesson)
        self.title = f"Quiz of lesson {lesson:02d}: {len(questions)} questions."
        known, looks, self._summary = _known(), _Looks(), HTML()
        self.boxes = tuple(
            QuestionBox(question, lesson, number, looks, known.get(f"{lesson}.{number}"), self._sum_up)
            for number, question in enumerate(questions, 1)
        )
        super().__init__([*self.boxes, self._summary])
        self.add_class("musiclab-quiz")
        self._sum_up()

    @property
    def right(self) -> tuple[bool, ...]:
        """Which questions have been answered rightly."""
        return tuple(box.right for box in self.boxes)

    @property
    def text(self) -> str:
        """The quiz in words."""
        return "\n".join([f"{self.title} {sum(self.right)} of {len(self.boxes)} right.", *(box.text for box in self.boxes)])

    def answer(self, question: int, given: int | float | str | Collection[int]) -> None:
        """Answer a question, as its controls do.

        Parameters
        ----------
        question : int
            From 1.
        given : int, collection of int, float or str
            The number of an option, from 0; those of all options to tick; or the number asked for, as a number or as typed.

        Raises
        ------
        ValueError
            If there is no such question or option.
        """
        if question not in range(1, len(self.boxes) + 1):
            raise ValueError(f"There is no question {question}; there are questions 1 to {len(self.boxes)}.")
        self.boxes[question - 1].answer(given)

    def _sum_up(self) -> None:
        self._summary.value = f"{_STYLE}<p><b>{sum(self.right)} of {len(self.boxes)} right.</b></p>"

    def __repr__(self) -> str:
        return self.title

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Show the widget. The text that is stored with it says nothing of what somebody has answered."""
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": self.title}


def _known() -> dict[str, Entry]:
    """Return what the progress file holds of questions. What is wrong with that file is said when it is written."""
    path = progress_path()
    with suppress(OSError, ValueError):
        return dict(read(path).quiz) if path else {}
    return {}


class _Looks:
    """Layouts and styles that all controls of a quiz share: each of its own would be larger than all the words."""

    def __init__(self) -> None:
        self.wide, self.button = Layout(width="auto"), Layout(width="max-content")
        self._styles: dict[type, Any] = {}

    def __call__(self, kind: type[Widget], layout: Layout | None = None, **settings: Any) -> Any:
        """Make a control; the first of its kind gives its style to the others."""
        style = {"style": self._styles[kind]} if kind in self._styles else {}
        made = kind(layout=layout or self.wide, **style, **settings)
        if hasattr(made, "style"):
            self._styles.setdefault(kind, made.style)
        return made


class QuestionBox(VBox):
    """A question, the controls to answer it, and what is said to the answer.

    Attributes
    ----------
    question : Question
    control : RadioButtons, tuple of Checkbox, or NumberField
    check : Button
        ``box.check.click()`` checks what the control says.
    show : Button or None
        Shows the answer. It is there after two wrong ones.
    play : Button or None
        Makes the sounds, and plays the first.
    feedback, players : HTML
    right : bool
    """

    def __init__(
        self, question: Question, lesson: int, number: int, looks: _Looks, known: Entry | None, changed: Callable[[], None]
    ) -> None:
        self.question, self._lesson, self._number, self._looks, self._changed = question, lesson, number, looks, changed
        self.right, self._shown, self._wrong = bool(known and known.solved), False, 0
        self._last: object = None  # the same answer again is no new try
        self._sounds: list[show.Sound] = []
        self.feedback, self.players, self.play, self.show = looks(HTML), None, None, None
        self.check = looks(Button, looks.button, description="Check", tooltip=f"Check your answer to question {number}")
        self.check.on_click(self._safely(self._check))
        self.control = self._make_control()
        controls = self.control if isinstance(self.control, tuple) else (self.control,)
        ask = looks(HTML, value=f"<p><b>Question {number}.</b> {_marked(question.ask)}</p>")
        super().__init__([ask, *self._listening(), *controls, self.check, self.feedback], layout=looks.wide)
        if known and known.solved:
            self._say(f"✓ Answered {'earlier today' if known.solved[:10] == _today() else 'on an earlier day'}.")

    def _make_control(self) -> Any:
        question, looks = self.question, self._looks
        if isinstance(question, Number):
            field = NumberField(unit=question.unit, layout=looks.wide)
            field.on_msg(self._safely(self._enter))
            return field
        labels = [option.words.replace("`", "") for option in question.options]
        if isinstance(question, Several):
            return tuple(looks(Checkbox, description=label, indent=False) for label in labels)
        return looks(RadioButtons, options=[(label, k) for k, label in enumerate(labels)], value=None)

    def _listening(self) -> list[Widget]:
        if not isinstance(self.question, Listen):
            return []
        self.play = self._looks(
            Button, self._looks.button, description="▶ Play", tooltip=f"Play the music of question {self._number}"
        )
        self.play.on_click(self._safely(self._play))
        self.players = self._looks(HTML)
        return [self.play, self.players]

    @property
    def text(self) -> str:
        """The question in words."""
        question = self.question
        head = f"{self._number}. {question.ask}{' (right)' if self.right else ''}"
        if isinstance(question, Number):
            return f"{head}\n   A field for a number{', ' + question.unit if question.unit else ''}."
        heard = ["   A button that plays the music."] if isinstance(question, Listen) else []
        kind = "Tick" if isinstance(question, Several) else "Choose"
        return "\n".join([head, *heard, *(f"   {kind} {k}: {option.words}" for k, option in enumerate(question.options))])

    def answer(self, given: int | float | str | Collection[int]) -> None:
        """Set the control and press Check."""
        if isinstance(self.question, Number):
            self.control.value = given if isinstance(given, str) else repr(float(given))
        elif isinstance(self.question, Several):
            ticked = {self._option(number) for number in given}
            for number, box in enumerate(self.control):
                box.value = number in ticked
        else:
            self.control.value = self._option(given)
        self.check.click()

    def _option(self, number: Any) -> int:
        if number not in range(len(self.question.options)):
            raise ValueError(
                f"Question {self._number} has no option {number}; they have the numbers 0 to {len(self.question.options) - 1}."
            )
        return int(number)

    def _safely(self, action: Callable[..., None]) -> Callable[..., None]:
        """Let the question say what went wrong: nobody sees an error in a callback."""

        def act(*arguments: Any) -> None:
            try:
                action(*arguments)
            except Exception as error:
                self._say(f"That did not work: {error} ({type(error).__name__})")

        return act

    def _enter(self, _: Any, message: Any, __: Any) -> None:
        if isinstance(message, dict) and message.get("kind") == "enter":
            self.control.value = str(message.get("value", ""))
            self._check()

    def _given(self) -> int | float | frozenset[int] | None:
        """Return what the control says, None if nothing. Raises ValueError for a number that cannot be read."""
        if isinstance(self.question, Number):
            return read_number(self.control.value, self.question.unit) if self.control.value.strip() else None
        if isinstance(self.question, Several):
            return frozenset(number for number, box in enumerate(self.control) if box.value) or None
        return self.control.value

    def _check(self, *_: Any) -> None:
        try:
            given = self._given()
        except ValueError as error:
            self._say(str(error))
            return
        if given is None:
            what = {Number: "Write a number", Several: "Tick what is right"}.get(type(self.question), "Choose an answer")
            self._say(f"{what} first.")
            return
        right, why = reply(self.question, given)
        words = f"✓ Right. {why}" if right else f"✗ Not yet. {why}"
        if given != self._last:
            words += self._count(right)
        self._last = given
        self._say(words)

    def _count(self, right: bool) -> str:
        """Record a new answer and return what is to be said of that. What comes after the right one is curiosity."""
        if self.right or self._shown:
            return ""
        self.right, self._wrong = right, self._wrong + (not right)
        if self._wrong == TRIES and self.show is None:
            self._offer()
        self._changed()
        said = record("quiz", f"{self._lesson}.{self._number}", right)
        return f"\n{said}" if said else ""

    def _offer(self) -> None:
        self.show = self._looks(
            Button, self._looks.button, description="Show the answer", tooltip=f"Show the answer to question {self._number}"
        )
        self.show.on_click(self._safely(self._show))
        self.children = [*self.children, self.show]

    def _show(self, *_: Any) -> None:
        self._shown = True
        self._say(f"The answer: {_answer(self.question)}")

    def _play(self, *_: Any) -> None:
        if not self._sounds:
            before = self.feedback.value
            self._say("The music is being made …")
            self._sounds = [show.sound(score) for score in self.question.sounds()]
            self.feedback.value = before
        self.players.value = ""  # the same words again would not begin anew
        self.players.value = _players(self._sounds, self._number)

    def _say(self, words: str) -> None:
        self.feedback.value = f'<span role="status" aria-live="polite">{_marked(words)}</span>'


def _answer(question: Question) -> str:
    """Say which answer is right, and why."""
    if isinstance(question, Number):
        whole = question.value == round(question.value)
        return f"{question.value:{'.0f' if whole else '.4g'}}{' ' + question.unit if question.unit else ''}. {question.why}"
    right = [option for option in question.options if option.right]
    return "\n".join(_said(option) for option in right) if isinstance(question, Several | Choice | Listen) else ""


def _said(option: Option) -> str:
    return f"{option.words.rstrip('.')}. {option.why}"


def _players(sounds: list[show.Sound], number: int) -> str:
    """Write the audio elements. They are named by letters alone, for what a sound says of itself may be the answer."""
    rows = []
    for place, sound in enumerate(sounds):
        letter = chr(ord("A") + place) if len(sounds) > 1 else ""
        start = {"autoplay": "autoplay"} if place == 0 else {}
        sound.text = f"Sound {letter} of question {number}" if letter else f"Sound of question {number}"
        element = sound.html(onplay=ONE_AT_A_TIME, controlslist="nodownload noplaybackrate", **start)
        rows.append(f'<div style="display:flex;align-items:center;gap:8px"><b>{letter}</b>{element}</div>')
    return f'<div data-lm-suppress-shortcuts="true">{"".join(rows)}</div>'


def _marked(words: str) -> str:
    """Write words as HTML, with `code` between backticks."""
    lines = html.escape(words).replace("\n", "<br>")
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", lines)


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())
