"""The panel that shows what you have done: a row for each lesson, its exercises and its quiz, and what comes next."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipywidgets import HTML, Button, FileUpload, HBox, Layout, Text

from musiclab.exercises import Exercise, exercises_of, lessons, properties
from musiclab.progress import Entry, Results, export, keep_copy, merge, merge_into, parse, progress_path, read
from musiclab.quiz import questions_of, quizzes
from musiclab.widgets.described import Described

__all__ = ["Lesson", "Progress", "state", "survey"]

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
BAR = 10  # marks


@dataclass(frozen=True)
class Lesson:
    """A lesson, and how far somebody is in it.

    Attributes
    ----------
    number : int
    title : str
    exercises : tuple of (Exercise, Entry)
    questions : tuple of Entry
        One for each question of the quiz.
    """

    number: int
    title: str
    exercises: tuple[tuple[Exercise, Entry], ...]
    questions: tuple[Entry, ...]

    @property
    def solved(self) -> int:
        """How many exercises are solved."""
        return sum(bool(entry.solved) for _, entry in self.exercises)

    @property
    def right(self) -> int:
        """How many questions were answered rightly."""
        return sum(bool(entry.solved) for entry in self.questions)

    @property
    def last(self) -> str:
        """When something was done in it, "" if never."""
        return max((entry.last for entry in [*(entry for _, entry in self.exercises), *self.questions]), default="")

    def next(self) -> str:
        """Name the first thing that is left to do, "" if there is none."""
        for exercise, entry in self.exercises:
            if not entry.solved:
                return f"exercise {exercise.id}, {exercise.title}"
        left = len(self.questions) - self.right
        return f"the quiz of lesson {self.number:02d}, {left} {'question' if left == 1 else 'questions'} left" if left else ""


def survey(results: Results) -> list[Lesson]:
    """Lay what a progress file holds beside what the course has."""
    asked = quizzes()
    return [
        Lesson(
            number,
            _title(number),
            tuple((exercise, results.exercises.get(exercise.id, Entry())) for exercise in exercises_of(number)),
            _asked(number, results.quiz) if number in asked else (),
        )
        for number in lessons()
    ]


def _asked(lesson: int, quiz: Mapping[str, Entry]) -> tuple[Entry, ...]:
    return tuple(quiz.get(f"{lesson}.{number}", Entry()) for number in range(1, len(questions_of(lesson)) + 1))


def _title(number: int) -> str:
    """Return a lesson's title, as its notebook is named."""
    names = [path.stem[3:] for path in sorted(NOTEBOOKS.glob(f"{number:02d}_*.ipynb"))]
    return names[0].replace("_", " ").capitalize().replace("lstm", "LSTM") if names else f"Lesson {number:02d}"


def state(exercise: Exercise, entry: Entry) -> str:
    """Say in words how far somebody is with an exercise."""
    if entry.solved:
        words = "solved after seeing the solution" if entry.after_solution else "solved"
    elif entry.tried:
        words = f"{entry.held} of {entry.of or properties(exercise)} properties"
    else:
        words = "not attempted"
    hints = f"{entry.hints} {'hint' if entry.hints == 1 else 'hints'}" if entry.hints else ""
    seen = "solution seen" if entry.solution and not entry.solved else ""
    more = ", ".join(filter(None, (hints, seen)))
    return f"{words} ({more})" if more else words


class Progress(Described):
    """Your progress, lesson by lesson.

    Each row opens to the exercises of its lesson. Below stands what comes next. What is shown is read when the panel appears, and
    again at "Read again".

    Attributes
    ----------
    rows : HTML
        The lessons, each with its exercises.
    again : Button
        Reads the file again.
    name : Text
        Your name, for the copy.
    export : Button
        Writes progress_NAME.json beside your file, for a teacher.
    upload : FileUpload
        Takes a progress file of yours from another computer, and merges it.
    message : HTML
        What was done, or why it was not. Screen readers say it when it changes.
    lessons : list of Lesson
    text : str
        All of it in words. What is stored in the notebook is `title`, which is the same for everybody.
    """

    title = "Your progress, lesson by lesson. Run this cell to see it."

    def __init__(self) -> None:
        self.lessons: list[Lesson] = []
        self.rows, self.message = HTML(), HTML()
        wide = Layout(width="max-content")
        self.again = Button(description="Read again", tooltip="Read your progress file again", layout=wide)
        # Sent as a whole: letter by letter, the last ones may arrive later than the press of Export.
        self.name = Text(description="Your name", placeholder="for the copy", continuous_update=False)
        self.export = Button(description="Export", tooltip="Copy your progress to a file for your teacher", layout=wide)
        self.upload = FileUpload(accept=".json", multiple=False, description="Merge a file", layout=wide)
        self.upload.tooltip = "Choose a progress file of yours from another computer"
        row = Layout(flex_flow="row wrap")
        super().__init__([self.rows, HBox([self.again, self.name, self.export, self.upload], layout=row), self.message])
        self._say("")
        self._safely(self._read)()
        self.again.on_click(self._safely(self._read_again))
        self.export.on_click(self._safely(self._export))
        self.upload.observe(self._safely(self._merge), "value")

    @property
    def text(self) -> str:
        """The panel in words."""
        lines = [line for lesson in self.lessons for line in _lines(lesson)]
        return "\n".join(filter(None, [*lines, _next(self.lessons), self._message]))

    def __repr__(self) -> str:
        return self.title

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Show the panel. The text that is stored with it says nothing of what somebody has done."""
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": self.title}

    def _safely(self, action: Callable[[], None]) -> Callable[..., None]:
        """Let the panel say what went wrong: nobody sees an error in a callback."""

        def act(*_: Any) -> None:
            try:
                action()
            except ValueError as error:  # those are sentences
                self._say(str(error))
            except OSError as error:
                self._say(f"The file cannot be read or written: {error.strerror or error}.")
            except Exception as error:
                self._say(f"That did not work: {error} ({type(error).__name__})")

        return act

    def _read(self) -> None:
        path = progress_path()
        try:
            results = read(path) if path else Results()
        except (OSError, ValueError):
            self._draw(Results())
            raise
        self._draw(results)
        if path is None:
            self._say("Nothing is recorded here: MUSICLAB_PROGRESS says off, or this is no notebook.")

    def _read_again(self) -> None:
        self._say("Read again.")
        self._read()

    def _draw(self, results: Results) -> None:
        self.lessons = survey(results)
        rows = "".join(_row(lesson) for lesson in self.lessons)
        self.rows.value = f'<div style="line-height:1.5">{rows}<p><b>{html.escape(_next(self.lessons))}</b></p></div>'

    def _export(self) -> None:
        copy = export(self._own_path(), self.name.value)
        self._say(f"Written: {copy.parent.name}/{copy.name}.")

    def _merge(self) -> None:
        if not self.upload.value:  # it was emptied
            return
        file = self.upload.value[0]
        name = file["name"]
        path = self._own_path()
        try:
            more = parse(bytes(file["content"]))
        except ValueError as error:
            raise ValueError(f"{name} was not merged, for {error}.") from None
        finally:
            self.upload.value = ()  # the same file may be chosen again
        kept = self._kept_before(path, more)
        said = merge_into(path, more)
        self._read()
        self._say(" ".join(filter(None, (f"{name} is merged into {path.name}.", kept, said))))

    def _kept_before(self, path: Path, more: Results) -> str:
        """Keep what was there before a merge, which nothing can take apart again. Somebody may have chosen a friend's file."""
        with suppress(ValueError):  # a damaged file is put aside in any case
            before = read(path)
            if merge(before, more) != before and (copy := keep_copy(path)):
                return f"If that was not yours, delete {path.name} and rename {copy.name} to it: it is your progress from before."
        return ""

    def _own_path(self) -> Path:
        path = progress_path()
        if path is None:
            raise ValueError("Nothing is recorded here, so there is no file: MUSICLAB_PROGRESS says off, or this is no notebook.")
        return path

    def _say(self, words: str) -> None:
        self._message = words
        self.message.value = f'<span role="status" aria-live="polite">{html.escape(words)}</span>'


def _next(lessons: list[Lesson]) -> str:
    """Say what to do next: in the lesson that was worked at last, then in those behind it, then in those before."""
    if not lessons:
        return ""
    begun = max(range(len(lessons)), key=lambda k: lessons[k].last) if any(lesson.last for lesson in lessons) else 0
    left = [todo for lesson in lessons[begun:] + lessons[:begun] if (todo := lesson.next())]
    return f"Next: {left[0]}." if left else "All is done: every exercise is solved, every question answered."


def _lines(lesson: Lesson) -> list[str]:
    return [_headline(lesson), *(f"   {e.id} {e.title}: {state(e, entry)}" for e, entry in lesson.exercises)]


def _headline(lesson: Lesson) -> str:
    done = f"{lesson.solved} of {len(lesson.exercises)} exercises solved"
    asked = f", {lesson.right} of {len(lesson.questions)} questions right" if lesson.questions else ""
    return f"{lesson.number:02d} {lesson.title}: {done}{asked}"


def _row(lesson: Lesson) -> str:
    """Write a lesson as something that opens: a keyboard's Enter and Space do it, too."""
    total = len(lesson.exercises) + len(lesson.questions)
    full = BAR * (lesson.solved + lesson.right) // total if total else 0
    bar = f'<span aria-hidden="true" style="font-family:monospace">{"■" * full}{"□" * (BAR - full)}</span>'
    items = "".join(f"<li>{html.escape(f'{e.id} {e.title}: {state(e, entry)}')}</li>" for e, entry in lesson.exercises)
    summary = f"<summary>{bar} {html.escape(_headline(lesson))}</summary>"
    return f'<details data-lm-suppress-shortcuts="true">{summary}<ul style="margin:0 0 6px">{items}</ul></details>'
