"""The composing partner of lesson 11: play a phrase, and a model answers it, turn by turn, while the notation grows."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ipywidgets import HTML, BoundedIntText, Button, Checkbox, Dropdown, HBox, Layout, Text, VBox

from musiclab import partner, show
from musiclab.bundle import Bundle, load_bundle
from musiclab.evaluation.copying import CopyIndex
from musiclab.partner import Draft, Suggestion
from musiclab.score import Score
from musiclab.widgets.described import Described
from musiclab.widgets.harmonise import VOICES
from musiclab.widgets.keyboard import Keyboard, Note

__all__ = ["ComposingPartner"]

#: What the menu says as long as there is no piece.
FROM_NOTES = "from the notes"

_KEYS = [str(Score([], key=f"C {mode}").transpose(tonic).key) for mode in ("major", "minor") for tonic in range(12)]


class ComposingPartner(Described):
    """Compose with a model.

    Play a phrase on the piano. In a duet the model answers at once; else choose what it shall do. Its suggestions are ranked by
    likelihood, each with how much of it lies in the key and how much of it a known tune has as well; hear them, and take one, or
    none. Nothing that you played is ever changed unless you ask for other bars, and each step can be undone.

    Parameters
    ----------
    piece : Score, optional
        To begin with.
    melody, chorale : Bundle, optional
        The models that write one voice and four; the course's own, if left out.
    index : CopyIndex, optional
        Tunes to compare suggestions with.
    tempo : float
    time_signature : (int, int)
    seed : int
        Each request draws with another seed, counted up from this one: the same requests, the same music.

    Attributes
    ----------
    keyboard : Keyboard
    duet : Checkbox
        Whether each phrase is answered at once, by the likeliest answer.
    key : Dropdown
        Of the piece. It is found in the first phrase; where that is wrong, choose another.
    answer, continue_, ending, harmonise, vary, undo, redo, save : Button
        ``partner.answer.click()`` asks for answers, and so on.
    first_bar, last_bar : BoundedIntText
        What `vary` writes anew.
    path : Text
        Where `save` writes; the end of the name says what, .mid or .musicxml.
    draft : Draft
        The piece in work.
    suggestions : list of Suggestion
        Of the last request, the likeliest first. ``take(0)`` takes the first into the piece.
    message : HTML
        What was done, or why it was not. Screen readers say it when it changes.
    player : widget
        Notation, roll and sound of the piece.
    text : str
        All of it in words.
    """

    def __init__(
        self,
        piece: Score | None = None,
        *,
        melody: Bundle | None = None,
        chorale: Bundle | None = None,
        index: CopyIndex | None = None,
        tempo: float = 96.0,
        time_signature: tuple[int, int] = (4, 4),
        seed: int = 0,
    ) -> None:
        self._melody, self._chorale = melody or load_bundle("melody"), chorale
        self._index, self._seed = index, seed
        self.draft, self.suggestions = Draft(piece), []
        if piece is not None:
            tempo, time_signature = piece.tempo, piece.time_signature
        self.keyboard = Keyboard(tempo=tempo, time_signature=time_signature)
        self.duet = Checkbox(value=False, description="Duet: answer each phrase at once", indent=False)
        self.key = Dropdown(options=self._keys(), description="key", layout=Layout(width="190px"))
        self.key.style.description_width = "initial"
        self.answer = self._button("Answer", "Answer the last phrase, in its rhythm and key", self._ask_answer)
        self.continue_ = self._button("Continue", "Go on for four bars", self._ask_continue)
        self.ending = self._button("Ending", "Come to an end within eight bars", self._ask_ending)
        self.harmonise = self._button("Harmonise", "Write three voices under the melody", self._ask_harmonise)
        self.first_bar, self.last_bar = (
            BoundedIntText(value=1, min=1, max=999, description=words, layout=Layout(width="130px")) for words in ("bars", "to")
        )
        for field in (self.first_bar, self.last_bar):
            field.style.description_width = "initial"
        self.vary = self._button("Vary", "Write these bars anew; the others stay", self._ask_vary)
        self.undo = self._button("Undo", "Take the last step back", lambda: self._step(self.draft.undo, "Undone."))
        self.redo = self._button("Redo", "Bring back what was undone", lambda: self._step(self.draft.redo, "Done again."))
        self.path = Text(value="my_piece.musicxml", description="file", placeholder="my_piece.mid")
        self.save = self._button("Save", "Write the piece to this file", self._save)
        self.message, self.rows, self._place = HTML(), VBox(), VBox()
        self.player: show.Player | None = None
        wrap = Layout(flex_flow="row wrap")
        asking = HBox([self.duet, self.key, self.answer, self.continue_, self.ending, self.harmonise], layout=wrap)
        changing = HBox([self.first_bar, self.last_bar, self.vary, self.undo, self.redo, self.path, self.save], layout=wrap)
        super().__init__([self.keyboard, asking, changing, self.message, self.rows, self._place])
        self._say("Play a phrase, and ask for an answer." if piece is None else "Ask, or play on.")
        self._show_piece()
        self.key.observe(self._safely(self._set_key), "value")
        self.keyboard.on_phrase(lambda notes: self._safely(lambda: self._hear(notes))())

    @property
    def text(self) -> str:
        """The partner in words."""
        controls = "buttons to answer, continue, end, harmonise, vary bars, undo, redo and save; a piano; a player"
        piece = "No piece yet." if self.player is None else self.player.text
        ranked = [f"{number}. {s.words}" for number, s in enumerate(self.suggestions, 1)]
        return "\n".join([f"Composing partner ({controls}). {self._message}", *ranked, self.keyboard.text, piece])

    def take(self, number: int) -> None:
        """Take a suggestion into the piece; the first has number 0. Raises ValueError if there is none of this number."""
        if not self.suggestions:
            raise ValueError("there are no suggestions; ask for some first.")
        if not 0 <= number < len(self.suggestions):
            raise ValueError(f"there are {len(self.suggestions)} suggestions; give 0 to {len(self.suggestions) - 1}.")
        chosen = self.suggestions[number]
        self._put(self.draft.put(chosen.piece), f"Suggestion {number + 1} is in the piece now.")

    # --- what is asked for ------------------------------------------------------------------------------

    def _hear(self, notes: list[Note]) -> None:
        """Take a phrase from the piano into the piece, and in a duet answer it before anything else is done."""
        phrase, words = self._read(notes)
        draft = self.draft.add(phrase)
        if not self.duet.value:
            self._put(draft, words)
            return
        self.draft = draft
        try:
            found = self._answers()
        except Exception as error:  # whatever the model says, what was played stays
            self._put(draft, f"{words} It is in the piece, but there is no answer: {error}")
            return
        if not found:
            self._put(draft, f"{words} No answer closed on the tonic; play on, or ask again.")
            return
        self.keyboard.let_hear(found[0].new)
        self._put(draft.put(found[0].piece), f"{words} Answered: {found[0].words}.")

    def _read(self, notes: list[Note]) -> tuple[Score, str]:
        """Bring what was played to the grid: by the metronome, or by the beats in it, or, where it is short, by the tempo set."""
        tempo, metre = self.keyboard.tempo, tuple(self.keyboard.time_signature)
        try:
            found = partner.as_phrase(notes, tempo, time_signature=metre, metronome=self.keyboard.metronome)
            return found.score, found.words
        except ValueError as error:
            if self.keyboard.metronome:
                raise
            found = partner.as_phrase(notes, tempo, time_signature=metre)
            return found.score, f"{error} So it was read at the tempo set. {found.words}"

    def _piece(self) -> Score:
        if self.draft.score is None:
            raise ValueError("there is no note yet. Play a phrase first.")
        return self.draft.score

    def _next_seed(self) -> int:
        self._seed += 1
        return self._seed - 1

    def _answers(self) -> list[Suggestion]:
        before = next((score for score in reversed(self.draft.past) if score is not None), None)
        start = 0.0 if before is None or before.duration >= self._piece().duration else before.duration
        return partner.answer(self._melody, self._piece(), start, index=self._index, seed=self._next_seed())

    def _ask_answer(self) -> None:
        self._offer(self._answers(), "answers", "No candidate closed on the tonic.")

    def _ask_continue(self) -> None:
        found = partner.continue_phrase(self._melody, self._piece(), index=self._index, seed=self._next_seed())
        self._offer(found, "continuations of four bars", "No candidate had a note in it.")

    def _ask_ending(self) -> None:
        found = partner.ending(self._melody, self._piece(), index=self._index, seed=self._next_seed())
        self._offer(found, "endings", "The model expected no end on the tonic within eight bars.")

    def _ask_harmonise(self) -> None:
        found = partner.harmonise(self._choir(), self._piece(), seed=self._next_seed())
        self._offer(found, "harmonisations", "Nothing was written.")

    def _ask_vary(self) -> None:
        bars = self.first_bar.value, self.last_bar.value
        several = len(self._piece().voices) > 1
        bundle, index = (self._choir(), None) if several else (self._melody, self._index)
        found = partner.vary(bundle, self._piece(), *bars, index=index, seed=self._next_seed())
        self._offer(found, f"variations of bars {bars[0]} to {bars[1]}", "All candidates were what stands there already.")

    def _choir(self) -> Bundle:
        if self._chorale is None:
            self._say("Loading the chorale model …")
            self._chorale = load_bundle("chorale")
        return self._chorale

    def _offer(self, found: list[Suggestion], what: str, none: str) -> None:
        """Show suggestions, each with two buttons."""
        self.suggestions = found
        self._clear_rows()
        rows = []
        for number, suggestion in enumerate(found):
            words = HTML(f"{number + 1}. {html.escape(suggestion.words)}", layout=Layout(flex="1 1 300px"))
            hear = self._button("Hear", f"Hear suggestion {number + 1}", lambda new=suggestion.new: self.keyboard.let_hear(new))
            take = self._button("Take", f"Take suggestion {number + 1} into the piece", lambda n=number: self._press_take(n))
            rows.append(HBox([hear, take, words], layout=Layout(flex_flow="row wrap")))
        self.rows.children = rows
        self._say(f"{len(found)} {what}, the likeliest first." if found else f"{none} Ask again, or play on.")

    def _press_take(self, number: int) -> None:
        """Take a suggestion; its button goes, and with it the focus, which is where it can be taken back then."""
        self.take(number)
        self.undo.focus()

    # --- the piece --------------------------------------------------------------------------------------

    def _keys(self) -> list[tuple[str, str]]:
        """List what the menu offers: words, and the key as a score names it."""
        now = FROM_NOTES if self.draft.score is None else partner.key_name(self.draft.score)
        return [(key.replace("-", " flat"), key) for key in dict.fromkeys([now, *_KEYS])]

    def _set_key(self) -> None:
        """Write the piece in the key that was chosen."""
        if self.draft.score is None or self.key.value in (FROM_NOTES, partner.key_name(self.draft.score)):
            return
        self._put(self.draft.put(replace(self.draft.score, key=self.key.value)), f"The key is {self.key.label} now.")

    def _step(self, to: Callable[[], Draft], words: str) -> None:
        self._put(to(), words)

    def _put(self, draft: Draft, words: str) -> None:
        """Make a draft the piece in work. Suggestions for the last one no longer fit."""
        self.draft, self.suggestions = draft, []
        self._clear_rows()
        self._show_piece()
        self._say(words)

    def _show_piece(self) -> None:
        score = self.draft.score
        self.key.options = self._keys()  # the first of them is chosen, and it is the piece's
        if score is None:
            self.player = None
            self._place.children = ()
            return
        labels = [VOICES[v] for v in score.voices] if 1 < len(score.voices) and score.voices[-1] < len(VOICES) else None
        if self.player is not None and labels == self._labels:
            self.player.score = score
            return
        self._labels = labels  # the player cannot change the names of its voices
        self.player = show.player(score, labels=labels)
        self._place.children = (self.player,)

    def _save(self) -> None:
        name = self.path.value.strip()
        if not name:
            raise ValueError("write a file name first, such as my_piece.musicxml.")
        path = Path(name).expanduser()
        if path.exists():
            raise ValueError(f"{path} exists already and stays as it is; choose another name.")
        self.draft.save(path)
        self._say(f"Saved as {path}.")

    # --- words ------------------------------------------------------------------------------------------

    def _clear_rows(self) -> None:
        gone, self.rows.children = self.rows.children, ()  # out of the page first: what is closed there leaves errors in its log
        for row in gone:
            for part in row.children:
                part.close()
            row.close()

    def _button(self, words: str, tip: str, action: Callable[[], None]) -> Button:
        button = Button(description=words, tooltip=tip, layout=Layout(width="max-content"))
        button.on_click(self._safely(action))
        return button

    def _safely(self, action: Callable[[], None]) -> Callable[..., None]:
        """Let the widget say what went wrong, for nobody sees an error in a callback; the piece stays as it was."""

        def act(*_: Any) -> None:
            before = self.draft
            try:
                action()
            except Exception as error:
                self.draft = before
                self._say(f"That did not work: {error}")

        return act

    def _say(self, words: str) -> None:
        self._message = words
        self.message.value = f'<span role="status" aria-live="polite">{html.escape(words)}</span>'
