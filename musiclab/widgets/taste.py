"""The widget of lesson 13: two pieces, one choice after the other, and what is believed about you, for you to correct.

Nothing is written to the disk before you press Save; from then on each choice is, before the next pair comes.
"""

from __future__ import annotations

import html
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from ipywidgets import HTML, Button, Dropdown, GridBox, HBox, Layout, VBox

from musiclab import show
from musiclab.bundle import Bundle
from musiclab.score import Score
from musiclab.taste import FEATURES, Taste, delete_profile, made_for, unsteered
from musiclab.widgets.described import Described

__all__ = ["MusicForYou", "Pair"]

POOL = 64  # pieces to choose from; as many are written anew when fewer than a quarter are left
USUAL = 256  # pieces that say what is usual
CANDIDATES = 256  # from which one is drawn for you
SIDES = ("Left", "Right")
LEARN = "learn"  # value of a menu for "no word of mine"; a menu whose value is None shows nothing

_ESM = """
function render({ model, el }) {
  const box = document.createElement("div");
  box.className = "musiclab-pair";
  box.setAttribute("data-lm-suppress-shortcuts", "true");
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", "Two pieces. Keys: 1 and 2 play, l takes the left one, r the right one, n neither");
  box.tabIndex = 0;
  box.style.padding = "4px";
  el.append(box);
  let audios = [], addresses = [];
  const toggle = (audio) => audio && (audio.paused ? audio.play().catch(() => {}) : audio.pause());
  function show() {
    addresses.forEach((address) => URL.revokeObjectURL(address));
    const sounds = model.get("sounds");
    addresses = sounds.map((sound) => URL.createObjectURL(new Blob([sound.data], { type: sound.mime })));
    audios = sounds.map((sound, side) => {
      const audio = document.createElement("audio");
      audio.controls = true;
      audio.src = addresses[side];
      audio.setAttribute("aria-label", sound.name);
      audio.setAttribute("controlslist", "nodownload noplaybackrate");
      audio.addEventListener("play", () => {
        for (const other of audios) if (other !== audio) other.pause();
        if (audio.currentTime > 1) return;  // going on after a pause is no replay
        const plays = [...model.get("plays")];
        plays[side] += 1;
        model.set("plays", plays);
        model.save_changes();
      });
      return audio;
    });
    box.replaceChildren(...sounds.map((sound, side) => {
      const row = document.createElement("div");
      row.style.cssText = "display:flex;align-items:center;gap:8px";
      const name = document.createElement("b");
      name.style.width = "4em";
      name.textContent = sound.name.split(" ")[0];
      row.append(name, audios[side]);
      return row;
    }));
  }
  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const choice = { l: 0, r: 1, n: 2 }[event.key.toLowerCase()];
    if (event.key === "1" || event.key === "2") toggle(audios[event.key - 1]);
    else if (choice !== undefined && !event.repeat) model.send({ kind: "answer", answer: choice, pair: model.get("number") });
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  model.on("change:sounds", show);
  show();
  return () => { audios.forEach((audio) => audio.pause()); addresses.forEach((address) => URL.revokeObjectURL(address)); };
}
export default { render };
"""


class Pair(anywidget.AnyWidget):
    """Two sounds beside their names. Keys, when it has the focus: 1 and 2 play, l, r and n answer.

    Attributes
    ----------
    sounds : list of dict
        "name", "mime", "data" of each.
    number : int
        Counts the pairs, so that an answer that comes late is not taken for one to the next pair.
    plays : list of int
        How often each was played from its beginning.
    """

    _esm = _ESM
    sounds = traitlets.List().tag(sync=True)
    number = traitlets.Int(0).tag(sync=True)
    plays = traitlets.List([0, 0]).tag(sync=True)


class MusicForYou(Described):
    """Choose between two pieces, see what is believed about your taste, correct it, and have a piece made for you.

    "Neither" counts as a skip of both; a piece that you played more than once counts as replayed. What is believed stands below,
    as bars and in words. A menu beside each takes your own word for it.

    Parameters
    ----------
    bundle : Bundle
        The model that writes the pieces.
    path : path, optional
        The file of your profile. If it is there, you go on where you stopped; if not, it is made when you press Save. Without a
        path nothing can be saved. If something else deletes or changes it, nothing more is saved until you press Save.
    seed : int
        Same seed and same answers, same pieces.
    least : float
        Seconds that a pair must have been there for an answer to count: no double click answers for a pair that nobody heard.
        0 to drive the widget from Python; it may be set later.

    Attributes
    ----------
    taste : Taste
    pieces : (Score, Score)
        The pair, left and right.
    pair : Pair
        Plays them; ``widget.pair.plays = [2, 1]`` says from Python that the left one was played twice.
    left, right, neither : Button
        ``widget.left.click()`` takes the left piece.
    menus : dict of str to Dropdown
        One for each feature: ``widget.menus["speed"].value = 0.0`` says that speed does not matter,
        "learn" takes the word back.
    make : Button
        Makes a piece for you.
    made : Score or None
        The last one.
    save, delete, yes, no : Button
        Delete asks; yes and no answer.
    message, beliefs : HTML
    text : str
        All of it in words.

    Raises
    ------
    ProfileError
        If the file at `path` is no profile, or damaged.
    """

    def __init__(self, bundle: Bundle, path: str | os.PathLike[str] | None = None, *, seed: int = 0, least: float = 1.0) -> None:
        self._bundle, self._path, self._seed, self.least = bundle, None if path is None else Path(path), seed, least
        self._usual = unsteered(bundle, USUAL, seed=seed)
        self._stored = self._path is not None and self._path.exists()
        self.taste = Taste.load(self._path) if self._stored else Taste(self._usual)
        self._known = self._in_file()  # what the file held when this widget last read, wrote or spoke of it
        self._pool: list[Score] = []
        self._drawn, self._made_count = 0, 0
        self.made: Score | None = None
        self._player: show.Player | None = None
        self._about_made = ""
        self._build()
        self._ask()
        welcome = f"Welcome back; your profile holds {self.taste.counted()}."
        self._say(welcome if self._stored else "Play both, then choose.")

    def _build(self) -> None:
        """Make the controls and tie them to what they do."""
        self.pair = Pair()
        self.left, self.right = (_button(side, f"I like the {side.lower()} one better") for side in SIDES)
        self.neither = _button("Neither", "I want to hear neither again")
        self.make = _button("Make one for me", "Write a piece that you will probably like")
        self.save = _button("Save", "Write your profile into its file, and each answer from now on", disabled=self._path is None)
        self.delete = _button("Delete my profile", "Forget everything about you; asks first")
        self.yes, self.no = _button("Yes, delete it", "It cannot be brought back"), _button("No, keep it", "Nothing is deleted")
        self.message, self.beliefs = HTML(), HTML()
        self.menus = {feature.name: self._menu(feature.name) for feature in FEATURES}
        for button, action in (
            (self.left, lambda: self._answer(0)),
            (self.right, lambda: self._answer(1)),
            (self.neither, lambda: self._answer(2)),
            (self.make, self._make),
            (self.save, self._save),
            (self.delete, self._ask_whether),
            (self.yes, self._delete),
            (self.no, lambda: self._keep("Nothing was deleted.")),
        ):
            button.on_click(self._safely(action))
        self.pair.on_msg(self._safely(self._key))
        # Nothing is taken out of the page or put anew, only hidden: who works by keyboard keeps their place.
        self._hide(self.yes, self.no)
        self._made_box = VBox([])
        super().__init__([])
        self._lay_out()

    def _lay_out(self) -> None:
        answers = HBox([self.left, self.right, self.neither])
        menus = GridBox(list(self.menus.values()), layout=Layout(grid_template_columns="repeat(auto-fill, 21em)"))
        task = HTML("<p>Which of the two do you like better? There is no right answer.</p>")
        words = HTML("<p>Correct me: what you say here outweighs what I have learned.</p>")
        buttons = HBox([self.make, self.save, self.delete, self.yes, self.no])
        self.children = (task, self.pair, answers, self.message, buttons, self._made_box, self.beliefs, words, menus)

    def _hide(self, *hidden: Button) -> None:
        """Hide some of the buttons that have to do with deleting, and show the others."""
        for button in (self.delete, self.yes, self.no):
            button.layout.display = "none" if button in hidden else None

    def _menu(self, name: str) -> Dropdown:
        feature = next(feature for feature in FEATURES if feature.name == name)
        options: list[tuple[str, float | str]] = [
            ("learn it from my choices", LEARN),
            (f"very {feature.low}", -2.5),
            (feature.low, -1.25),
            ("it does not matter", 0.0),
            (feature.high, 1.25),
            (f"very {feature.high}", 2.5),
        ]
        said = self.taste.corrections.get(name, LEARN)
        if said not in [value for _, value in options]:  # somebody changed the file by hand
            options.append((f"{said:+g}, as in your file", said))
        menu = Dropdown(options=options, value=said, description=name, layout=Layout(width="20em"))
        menu.observe(self._safely(lambda: self._correct(name)), "value")
        return menu

    @property
    def text(self) -> str:
        """The widget in words."""
        controls = (
            "two sounds; buttons for left, right and neither, to make a piece, to save and to delete; a menu for each belief"
        )
        return "\n".join(filter(None, [f"Music for you ({controls}). {self._message}", self._about_made, *self.taste.words()]))

    # --- what the controls do ---

    def _safely(self, action: Callable[..., None]) -> Callable[..., None]:
        """Let the widget say what went wrong: nobody sees an error in a callback."""

        def act(*given: Any) -> None:
            try:
                action(given[1]) if action == self._key else action()
            except Exception as error:
                self._say(f"That did not work: {error} ({type(error).__name__})")

        return act

    def _key(self, message: dict[str, Any]) -> None:
        """Take an answer by key, if it is about this pair."""
        if message.get("kind") == "answer" and message.get("pair") == self.pair.number:
            self._answer(int(message["answer"]))

    def _answer(self, answer: int) -> None:
        if time.monotonic() - self._since < self.least:
            self._say("Listen first, then choose.")
            return
        if answer == 2:
            for score in self.pieces:
                self.taste.skip(score)
        else:
            self.taste.choose(self.pieces[answer], self.pieces[1 - answer])
            for score, plays in zip(self.pieces, self.pair.plays, strict=True):
                if plays > 1:
                    self.taste.replay(score)
        done = "You took neither" if answer == 2 else f"You took the {SIDES[answer].lower()} one"
        self._ask()
        self._noted(done)

    def _in_file(self) -> bytes | None:
        """Return what the file holds; None if there is none."""
        return self._path.read_bytes() if self._path is not None and self._path.exists() else None

    def _noted(self, done: str) -> None:
        """Store what was learned, if it is to be stored, and say so."""
        if not self._stored or self._path is None:
            self._say(f"{done}. Not saved yet{': press Save' if self._path is not None else ''}.")
        elif (now := self._in_file()) is None:  # deleted by somebody who wants it gone: it must not come back by itself
            self._stored, self._known = False, None
            self._say(f"{done}. Your file is gone, so nothing was saved; press Save to write a new one.")
        elif now != self._known:
            self._stored, self._known = False, now
            self._say(f"{done}. Nothing was saved: {self._changed()}")
        else:
            self._write(self._path)
            self._say(f"{done}; saved.")

    def _changed(self) -> str:
        name = "" if self._path is None else self._path.name
        return f"{name} was changed elsewhere. Press Save to replace it, or run the cell again to go on from it."

    def _write(self, path: Path) -> None:
        self.taste.save(path)
        self._stored, self._known = True, self._in_file()

    def _ask(self) -> None:
        """Show the pair that tells most among pieces that were not judged yet, in an order by chance."""
        judged = {score for e in self.taste.evidence for score in (e.liked, e.other)}
        self._pool = [score for score in self._pool if score not in judged]
        while len(self._pool) < POOL // 4:
            self._drawn += 1
            fresh = unsteered(self._bundle, POOL, seed=self._seed + 1000 * self._drawn)
            self._pool += [score for score in fresh if score not in judged]
        a, b = self.taste.next_pair(self._pool)
        turn = np.random.default_rng([self._seed, len(self.taste.evidence)]).random() < 0.5
        self.pieces = (b, a) if turn else (a, b)
        sounds = [show.sound(score) for score in self.pieces]
        self.pair.number += 1
        self.pair.plays = [0, 0]
        self.pair.sounds = [
            {"name": f"{side} piece", "mime": sound.mime, "data": sound.data} for side, sound in zip(SIDES, sounds, strict=True)
        ]
        self._since = time.monotonic()
        self.beliefs.value = _bars(self.taste)

    def _correct(self, name: str) -> None:
        word = self.menus[name].value
        self.taste.correct(name, None if word == LEARN else word)
        self.beliefs.value = _bars(self.taste)
        said = "You corrected what I believe about" if name in self.taste.corrections else "I learn again from your choices about"
        self._noted(f"{said} {name}")

    def _make(self) -> None:
        self._made_count += 1
        seed = self._seed + 7919 * self._made_count + len(self.taste.evidence)  # another piece each time
        (self.made,) = made_for(self._bundle, self.taste, 1, candidates=CANDIDATES, seed=seed)
        utility, _ = self.taste.utility(self.made)
        self._about_made = f"Piece {self._made_count} made for you: {_why(self.taste, self.made)}."
        if self._player is None:
            self._player = show.player(self.made)
            self._made_box.children = (self._player,)
        else:
            self._player.score = self.made
        self._say(self._about_made if utility > 0 or not self.taste.evidence else f"{self._about_made} It is a guess.")

    def _save(self) -> None:
        if self._path is None:
            raise ValueError("there is no file to save to; give MusicForYou a path")
        if (now := self._in_file()) is not None and now != self._known:
            self._known = now
            self._say(f"Nothing was saved: {self._changed()}")
            return
        self._write(self._path)
        self._say(f"Saved as {self._path.name}; each answer from now on is, too.")

    def _ask_whether(self) -> None:
        self._hide(self.delete)
        self.no.focus()
        self._say("Delete everything that is known about your taste? It cannot be brought back.")

    def _keep(self, words: str) -> None:
        self._hide(self.yes, self.no)
        self.delete.focus()
        self._say(words)

    def _delete(self) -> None:
        words = "Nothing was on the disk; what was in memory is forgotten."
        if self._stored and self._path is not None:
            if self._path.exists():
                words = delete_profile(self._path)
            else:
                words = "Your file was gone already; what was in memory is forgotten."
        self._stored, self._known = False, None
        self.taste = Taste(self._usual)
        for menu in self.menus.values():
            menu.value = LEARN
        self.made, self._player, self._about_made = None, None, ""
        self._made_box.children = ()
        self._ask()
        self._keep(words)

    def _say(self, words: str) -> None:
        self._message = words
        self.message.value = f'<span role="status" aria-live="polite">{html.escape(words)}</span>'


def _button(words: str, tooltip: str, *, disabled: bool = False) -> Button:
    return Button(description=words, tooltip=tooltip, layout=Layout(width="max-content"), disabled=disabled)


def _why(taste: Taste, score: Score) -> str:
    """Name what in a piece speaks for it most, or that nothing is known."""
    x = taste.standard(score)
    order = np.argsort(-(x * taste.mean))[:3]
    words = [FEATURES[k].high if x[k] > 0 else FEATURES[k].low for k in order if x[k] * taste.mean[k] > 0.1]
    return f"it is {', '.join(words)}" if words else "as the model writes, for I know nothing of you yet"


def _bars(taste: Taste) -> str:
    """Draw what is believed: for each feature a band of two standard deviations to either side, a mark at the mean, and words."""
    reach = 3.0  # of the picture, in logits to either side
    rows = []
    for feature, mean, sentence, deviation in zip(
        FEATURES, taste.mean, taste.words()[1:], np.sqrt(np.diag(taste.covariance)), strict=True
    ):
        low, at, high = (
            100 * (np.clip(value, -reach, reach) + reach) / (2 * reach)
            for value in (mean - 2 * deviation, mean, mean + 2 * deviation)
        )
        bar = (
            '<div aria-hidden="true" style="position:relative;width:180px;height:14px;background:#f2f2f2;outline:1px solid #ccc">'
            f'<div style="position:absolute;left:{low:.1f}%;width:{high - low:.1f}%;top:4px;height:6px;background:#56b4e9"></div>'
            '<div style="position:absolute;left:50%;top:0;height:14px;border-left:1px dashed #707070"></div>'
            f'<div style="position:absolute;left:calc({at:.1f}% - 2px);top:0;width:4px;height:14px;background:#000"></div></div>'
        )
        cell = '<td style="text-align:{};padding:0 8px;white-space:nowrap">{}</td>'
        ends = cell.format("right", feature.low), cell.format("left", feature.high)
        rows.append(f'<tr>{ends[0]}<td>{bar}</td>{ends[1]}<td style="text-align:left">{sentence}</td></tr>')
    caption = f"<caption>What I believe about you. {taste.words()[0]} Mark: what is most probable; band: how sure.</caption>"
    return f"<table>{caption}{''.join(rows)}</table>"
