"""The quiz at a lesson's end: its questions below each other, and to each answer why it is right or not.

The answers stay in Python until they are given, so that nobody finds them in the page or in the stored notebook. The page is one
widget with the browser's own controls: ipywidgets' radio buttons belong to no group, so that no arrow key moves between them, and
the fifty widgets of a quiz would be stored in the notebook with all that they do not use.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import anywidget
import traitlets

from musiclab import show
from musiclab.progress import Entry, progress_path, read, record
from musiclab.quiz import Listen, Number, Option, Question, Several, questions_of, read_number, reply

__all__ = ["Asked", "Quiz"]

TRIES = 2  # wrong answers after which the right one can be shown

_ESM = """
const make = (name, parent, properties) => {
  const node = Object.assign(document.createElement(name), properties);
  parent.append(node);
  return node;
};
const button = (parent, words, title) =>
  make("button", parent, { type: "button", textContent: words, title, className: "jupyter-button widget-button" });

// The controls of a question: read() what they say, write() into them.
function controls(question, parent, name) {
  if (question.kind === "number") {
    const label = make("label", parent, {});
    label.append("Your number ");
    const field = make("input", label, { type: "text", autocomplete: "off", maxLength: 60 });
    label.append(question.unit);
    return { read: () => field.value, write: (given) => { field.value = given; } };
  }
  const inputs = question.options.map((words) => {
    const label = make("label", parent, {}), input = make("input", label, { type: question.kind, name });
    make("span", label, { innerHTML: words });
    return input;
  });
  const ticked = () => inputs.flatMap((input, place) => (input.checked ? [place] : []));
  if (question.kind === "checkbox")
    return { read: ticked, write: (given) => inputs.forEach((input, place) => { input.checked = given.includes(place); }) };
  const choose = (given) => inputs.forEach((input, place) => { input.checked = given === place; });
  return { read: () => ticked()[0] ?? null, write: choose };
}

function ask(model, root, place, name) {
  const question = model.get("questions")[place], number = place + 1;
  const form = make("form", root, {}), box = make("fieldset", form, {});
  make("legend", box, { innerHTML: question.ask });
  const play = question.sounds && button(box, "▶ Play", `Play the music of question ${number}`);
  const players = make("div", box, {});
  const { read, write } = controls(question, box, name);
  button(box, "Check", `Check your answer to question ${number}`).type = "submit";  // so that Enter checks, too
  const said = make("p", box, { role: "status" });
  const reveal = button(box, "Show the answer", `Show the answer to question ${number}`);
  let waiting = 0;

  const draw = () => {
    said.innerHTML = model.get("said")[place];
    reveal.hidden = !model.get("offered")[place];
  };
  const drawSounds = () => {
    if (players.innerHTML === "") players.innerHTML = model.get("sounds")[place];
  };
  const playFirst = () => {
    const first = players.querySelector("audio");
    if (first) { first.currentTime = 0; first.play().catch(() => {}); }
    return first;
  };
  const send = (message) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      said.textContent = "Nothing answers. If another cell is running, wait for its end. If not, run the cell of this quiz.";
    }, 3000);
    Promise.resolve().then(() => model.send({ ...message, question: place })).catch(() => {});
  };
  const store = () => {
    const all = [...model.get("given")];
    all[place] = read();
    model.set("given", all);
    model.save_changes();
  };

  form.addEventListener("change", store);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    store();
    send({ kind: "check", given: read() });  // what stands there now: what is stored may arrive later
  });
  reveal.addEventListener("click", () => send({ kind: "show" }));
  if (play) play.addEventListener("click", () => playFirst() || send({ kind: "play" }));
  const updates = {
    "change:said": draw,
    "change:offered": draw,
    "change:given": () => write(model.get("given")[place]),
    "change:sounds": () => { if (players.innerHTML === "") { drawSounds(); playFirst(); } },
    "msg:custom": (message) => { if (message.question === place) { clearTimeout(waiting); draw(); } },
  };
  for (const [event, action] of Object.entries(updates)) model.on(event, action);
  write(model.get("given")[place]);
  draw();
  drawSounds();
  return () => {
    clearTimeout(waiting);
    for (const [event, action] of Object.entries(updates)) model.off(event, action);
  };
}

function render({ model, el }) {
  const root = make("div", el, { className: "musiclab-quiz" }), name = `quiz-${Math.random().toString(36).slice(2)}`;
  root.addEventListener("keydown", (event) => event.stopPropagation());  // or an arrow key would go to the next cell
  root.addEventListener("play", ({ target }) => {  // who starts one sound stops the others, of all quizzes
    for (const other of document.querySelectorAll(".musiclab-quiz audio")) if (other !== target) other.pause();
  }, true);
  const ends = model.get("questions").map((_, place) => ask(model, root, place, `${name}-${place}`));
  const summary = make("p", root, {});
  const sumUp = () => { summary.innerHTML = `<b>${model.get("summary")}</b>`; };
  model.on("change:summary", sumUp);
  sumUp();
  return () => { ends.forEach((end) => end()); model.off("change:summary", sumUp); };
}
export default { render };
"""

_CSS = """
.musiclab-quiz { padding: 2px; line-height: 1.45; overflow-wrap: anywhere; color: var(--jp-ui-font-color1, inherit); }
.musiclab-quiz fieldset { border: 0; margin: 0 0 16px; padding: 0; min-width: 0; }
.musiclab-quiz legend { padding: 0; margin-bottom: 4px; }
.musiclab-quiz label { display: flex; align-items: flex-start; gap: 6px; margin: 3px 0; }
.musiclab-quiz input { flex: none; margin: 3px 0 0; }
.musiclab-quiz input[type="text"] { width: 10em; margin: -4px 0 0; padding: 3px 6px; color: inherit;
  background: var(--jp-layout-color1, inherit); border: 1px solid var(--jp-border-color1, #888); }
.musiclab-quiz :is(input, button):focus-visible { outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: 1px; }
.musiclab-quiz button { width: max-content; }
.musiclab-quiz button[hidden] { display: none; }
.musiclab-quiz p { margin: 4px 0; }
"""


class Quiz(anywidget.AnyWidget):
    """The quiz of a lesson.

    Answer a question and press its Check button, or Enter. You are told why the answer is right or not. A wrong one may be given
    anew; after two, "Show the answer" appears. Answers are recorded in your progress file, and a question that you had right
    before says so.

    Parameters
    ----------
    lesson : int
        Its number.

    Attributes
    ----------
    asked : tuple of Asked
        One for each question.
    right : tuple of bool
        Which questions have been answered rightly, today or before.
    title : str
        What stands for the quiz where widgets do not run. It is the same for everybody.
    text : str
        The questions in words, without the answers, and how many were right.
    questions : list of dict
        What the page shows of each question.
    given, said, sounds, offered : list
        For each question: what the controls say, what is said to the answer, the players, and whether the answer can be shown.
    summary : str

    Raises
    ------
    ValueError
        If the lesson has no quiz.
    """

    _esm = _ESM
    _css = _CSS
    questions = traitlets.List().tag(sync=True)
    given = traitlets.List().tag(sync=True)
    said = traitlets.List().tag(sync=True)
    sounds = traitlets.List().tag(sync=True)
    offered = traitlets.List().tag(sync=True)
    summary = traitlets.Unicode().tag(sync=True)

    def __init__(self, lesson: int) -> None:
        questions, known = questions_of(lesson), _known()
        self.title = f"Quiz of lesson {lesson:02d}: {len(questions)} questions."
        self.asked = tuple(Asked(q, f"{lesson}.{n}", known.get(f"{lesson}.{n}", Entry())) for n, q in enumerate(questions, 1))
        super().__init__(
            questions=[_shown(question, number) for number, question in enumerate(questions, 1)],
            given=[_nothing(question) for question in questions],
            said=[_marked(asked.before()) for asked in self.asked],
            sounds=[""] * len(questions),
            offered=[False] * len(questions),
            summary=self._sum(),
        )
        self.on_msg(self._hear)

    @property
    def right(self) -> tuple[bool, ...]:
        """Which questions have been answered rightly."""
        return tuple(asked.right for asked in self.asked)

    @property
    def text(self) -> str:
        """The quiz in words."""
        return "\n".join([f"{self.title} {self._sum()}", *(asked.text(number) for number, asked in enumerate(self.asked, 1))])

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
        if question not in range(1, len(self.asked) + 1):
            raise ValueError(f"There is no question {question}; there are questions 1 to {len(self.asked)}.")
        place = question - 1
        self._put("given", place, _as_controls_say(self.asked[place].question, given))
        self._hear(self, {"kind": "check", "question": place, "given": self.given[place]}, [])

    def _hear(self, _: Any, message: dict[str, Any], __: Any) -> None:
        """Do what a button asks for. The question says what went wrong, for nobody sees an error in a callback."""
        place = message["question"]
        try:
            if message["kind"] == "play":
                self._play(place)
            elif message["kind"] == "show":
                self._say(place, self.asked[place].show())
            else:
                self._check(place, message["given"])
        except Exception as error:
            self._say(place, f"That did not work: {error} ({type(error).__name__})")
        self.send({"question": place})  # the page waits for it

    def _check(self, place: int, given: Any) -> None:
        asked = self.asked[place]
        words = asked.check(given)
        self._put("offered", place, asked.wrong >= TRIES)
        self.summary = self._sum()
        self._say(place, words)

    def _play(self, place: int) -> None:
        before = self.said[place]
        self._say(place, "The music is being made …")
        scores = self.asked[place].question.sounds()
        self._put("sounds", place, _players([show.sound(score) for score in scores], place + 1))
        self._put("said", place, before)

    def _say(self, place: int, words: str) -> None:
        self._put("said", place, _marked(words))

    def _put(self, name: str, place: int, value: Any) -> None:
        """Change one item of a list that the page has: a new list, or nobody would notice."""
        items = list(getattr(self, name))
        items[place] = value
        setattr(self, name, items)

    def _sum(self) -> str:
        return f"{sum(self.right)} of {len(self.asked)} right."

    def __repr__(self) -> str:
        return self.title

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Show the widget. The text that is stored with it says nothing of what somebody has answered."""
        return super()._repr_mimebundle_(**kwargs)[0] | {"text/plain": self.title}


def _known() -> dict[str, Entry]:
    """Return what the progress file holds of questions. What is wrong with that file is said when it is written."""
    path = progress_path()
    with suppress(OSError, ValueError):
        return dict(read(path).quiz) if path else {}
    return {}


class Asked:
    """A question, and what came of it. It returns what is to be said, and knows nothing of the page.

    Attributes
    ----------
    question : Question
    right : bool
        Whether it was answered rightly, today or before.
    wrong : int
        How many wrong answers were given.
    """

    def __init__(self, question: Question, id: str, known: Entry) -> None:
        self.question, self.right, self.wrong = question, bool(known.solved), 0
        self._id, self._revealed = id, False
        self._last: object = None  # the same answer again is no new try

    def before(self) -> str:
        """Say whether it was right before; nothing was answered yet."""
        return "✓ You had this right before." if self.right else ""

    def check(self, given: Any) -> str:
        """Judge what the controls say, and record it if it is new."""
        try:
            answer = self._answer(given)
        except ValueError as error:
            return str(error)
        if answer is None:
            what = {Number: "Write a number", Several: "Tick what is right"}.get(type(self.question), "Choose an answer")
            return f"{what} first."
        right, why = reply(self.question, answer)
        words = f"✓ Right. {why}" if right else f"✗ Not yet. {why}"
        if answer != self._last:
            words += self._count(right)
        self._last = answer
        return words

    def show(self) -> str:
        """Say which answer is right. From then on an answer counts for nothing."""
        self._revealed = True
        return f"The answer: {_answer(self.question)}"

    def text(self, number: int) -> str:
        """Return the question in words."""
        question = self.question
        head = f"{number}. {question.ask}{' (right)' if self.right else ''}"
        if isinstance(question, Number):
            return f"{head}\n   A field for a number{', ' + question.unit if question.unit else ''}."
        heard = ["   A button that plays the music."] if isinstance(question, Listen) else []
        kind = "Tick" if isinstance(question, Several) else "Choose"
        return "\n".join([head, *heard, *(f"   {kind} {k}: {option.words}" for k, option in enumerate(question.options))])

    def _answer(self, given: Any) -> int | float | frozenset[int] | None:
        """Return the answer, None if nothing was given. Raises ValueError for a number that cannot be read."""
        if isinstance(self.question, Number):
            return read_number(given, self.question.unit) if given.strip() else None
        return (frozenset(given) or None) if isinstance(self.question, Several) else given

    def _count(self, right: bool) -> str:
        """Record a new answer and return what is to be said of that. What comes after the right one is curiosity."""
        if self.right or self._revealed:
            return ""
        self.right, self.wrong = right, self.wrong + (not right)
        said = record("quiz", self._id, right)
        return f"\n{said}" if said else ""


def _answer(question: Question) -> str:
    """Say which answer is right, and why."""
    if isinstance(question, Number):
        whole = question.value == round(question.value)
        return f"{question.value:{'.0f' if whole else '.4g'}}{' ' + question.unit if question.unit else ''}. {question.why}"
    return "\n".join(_said(option) for option in question.options if option.right)


def _said(option: Option) -> str:
    return f"{option.words.rstrip('.')}. {option.why}"


def _shown(question: Question, number: int) -> dict[str, Any]:
    """Return what the page shows of a question. Nothing in it depends on the answer."""
    ask = f"<b>Question {number}.</b> {_marked(question.ask)}"
    if isinstance(question, Number):
        return {"kind": "number", "ask": ask, "unit": question.unit}
    kind = "checkbox" if isinstance(question, Several) else "radio"
    options = [_marked(option.words) for option in question.options]
    return {"kind": kind, "ask": ask, "options": options, "sounds": isinstance(question, Listen)}


def _nothing(question: Question) -> Any:
    """Return what the controls say before anybody touched them."""
    return "" if isinstance(question, Number) else [] if isinstance(question, Several) else None


def _as_controls_say(question: Question, given: Any) -> Any:
    """Return an answer as the controls would say it. Raises ValueError for an option that is not there."""
    if isinstance(question, Number):
        return given if isinstance(given, str) else repr(float(given))
    several = isinstance(question, Several)
    for number in given if several else [given]:
        if number not in range(len(question.options)):
            raise ValueError(f"There is no option {number}; they have the numbers 0 to {len(question.options) - 1}.")
    return sorted(map(int, given)) if several else int(given)


def _players(sounds: list[show.Sound], number: int) -> str:
    """Write the audio elements. They are named by letters alone, for what a sound says of itself may be the answer."""
    rows = []
    for place, sound in enumerate(sounds):
        letter = chr(ord("A") + place) if len(sounds) > 1 else ""
        sound.text = f"Sound {letter} of question {number}" if letter else f"Sound of question {number}"
        element = sound.html(controlslist="nodownload noplaybackrate")
        rows.append(f'<div style="display:flex;align-items:center;gap:8px"><b>{letter}</b>{element}</div>')
    return "".join(rows)


def _marked(words: str) -> str:
    """Write words as HTML, with `code` between backticks."""
    lines = html.escape(words).replace("\n", "<br>")
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", lines)
