"""The listening room of lesson 09: one hears, one votes, and does not see what is right.

It plays sound alone, for notation would let people read. `trial_sounds` makes the excerpts of a trial so that nothing but the
music tells them apart: in one channel, of one length, with one loudness, from the first note on and faded out at the end.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from ipywidgets import HTML, Button, HBox, Layout, Text

from musiclab.listening import ListeningTest, Vote, add_votes, read_votes, report
from musiclab.score import Score
from musiclab.show.picture import count
from musiclab.show.sound import PEAK, RATE, Sound, render
from musiclab.widgets.described import Described

__all__ = ["ListeningRoom", "trial_sounds"]

LOUDNESS = 0.1  # root mean square of all excerpts; a piano's peaks are then mostly below what a file can hold
FADE = 1.0  # seconds at the end: where a piece goes on, and where it closes, it sounds alike

# Two at a time would be noise: who starts one stops the other.
ONE_AT_A_TIME = (
    "for (const other of this.closest('.musiclab-excerpts').querySelectorAll('audio')) if (other !== this) other.pause()"
)


def trial_sounds(test: ListeningTest, trial: int) -> list[Sound]:
    """Play the excerpts of a trial, counted from 1: two sounds of a pair, or one.

    All excerpts of a test last as long and have the same root mean square: a tenth of what a file can hold, or less if one of
    them has peaks that need more room.
    """
    scores = test.excerpts(trial)
    names = [f"Excerpt {letter}" for letter in "AB"] if len(scores) == 2 else ["The excerpt"]
    samples = [_played(score, test.seconds) for score in scores]
    return [
        Sound(sound * np.float32(_loudness(test) / _level(sound)), f"{name} of trial {trial}", [])
        for sound, name in zip(samples, names, strict=True)
    ]


@functools.lru_cache(maxsize=4)
def _loudness(test: ListeningTest) -> float:
    """Return the root mean square that fits all excerpts of a test."""
    samples = [_played(score, test.seconds) for trial in range(1, test.trials + 1) for score in test.excerpts(trial)]
    return min([LOUDNESS, *(PEAK * _level(sound) / float(np.abs(sound).max()) for sound in samples)])


def _level(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def _played(score: Score, seconds: float) -> np.ndarray:
    """Play a score from its first note on: float32 (frames, 1)."""
    frames = round(seconds * RATE)
    first = round(float(score.notes["onset"][0]) * 60 / score.tempo * RATE)
    notes = score.notes.copy()
    notes["voice"] = 0  # or the number of voices would decide between one channel and two
    mono = render(replace(score, notes=notes))[first : first + frames]
    mono = np.pad(mono, ((0, frames - len(mono)), (0, 0)))
    fade = min(frames, round(FADE * RATE))
    mono[frames - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    return mono


class ListeningRoom(Described):
    """A listening test for one listener after the other.

    Give a name, press Start, hear, vote. Each vote is on the disk before the next trial begins; whoever comes back to the same
    test and file goes on where they stopped. After the last trial a listener sees their own result, and nobody sees anything
    before.

    Parameters
    ----------
    test : ListeningTest
    path : path
        The file of votes. It is made if it is not there.
    least : float
        Seconds a trial must have been there for a vote to count, so that no double click votes on music that nobody heard. 0
        to drive the room from Python.

    Attributes
    ----------
    name : Text
        The listener's name.
    start : Button
        Begins, or goes on.
    sounds : HTML
        The players of this trial, and of no other.
    button_a, button_b : Button
        ``room.button_a.click()`` votes for A, or for "real".
    next_listener : Button
        Makes room for another name. It may be pressed before the last trial, too.
    message : HTML
        What was done, or why it was not. Screen readers say it when it changes.
    result : HTML
        A listener's own result, after the last trial.
    listener : str or None
        Who is listening.
    trial : int or None
        Which trial is on, from 1; None before the first and after the last.
    text : str
        All of it in words.

    Raises
    ------
    ValueError
        If the file holds a line that is no vote; the message says where.
    OSError
        If the file cannot be read or written.
    """

    def __init__(self, test: ListeningTest, path: str | os.PathLike[str], *, least: float = 1.0) -> None:
        self._test, self._path, self._least = test, Path(path), least
        self.listener: str | None = None
        self.trial: int | None = None
        _loudness(test)  # takes a moment, and nobody is waiting yet
        if self._path.exists():
            read_votes(self._path)
        add_votes(self._path, [])  # what cannot be read or written shows now, and not when somebody has listened
        wide = Layout(width="max-content")
        # Sent as a whole: letter by letter, the last ones may arrive later than the press of Start.
        self.name = Text(description="Your name", placeholder="any name, but always the same", continuous_update=False)
        self.start = Button(description="Start", tooltip="Begin with the test, or go on", layout=wide)
        self.next_listener = Button(description="Next listener", tooltip="Make room for another name", layout=wide, disabled=True)
        self.sounds = HTML()
        labels = [f"{choice} is real" if test.kind == "pairs" else choice for choice in test.choices]
        self.button_a, self.button_b = (
            Button(description=label, tooltip=f"Vote: {label}", layout=wide, disabled=True) for label in labels
        )
        self.message, self.result = HTML(), HTML()
        who = HBox([self.name, self.start, self.next_listener], layout=Layout(flex_flow="row wrap"))
        buttons = HBox([self.button_a, self.button_b])
        super().__init__([HTML(f"<p>{_safe(self._task())}</p>"), who, self.sounds, buttons, self.message, self.result])
        self._outcome = ""
        self._leave()
        for button, action in (
            (self.start, self._begin),
            (self.next_listener, self._leave),
            (self.button_a, lambda: self._vote(0)),
            (self.button_b, lambda: self._vote(1)),
        ):
            button.on_click(self._safely(action))

    @property
    def text(self) -> str:
        """The room in words."""
        controls = "a field for your name, buttons to start, to vote and for the next listener, sound and no notation"
        return " ".join(filter(None, [f"Listening room ({controls}).", self._task(), self._message, self._outcome]))

    def _task(self) -> str:
        test = self._test
        length = f"{test.seconds:.0f} seconds"
        if test.kind == "pairs":
            what = f"Each of {count(test.trials, 'trial')} plays two excerpts of {length}. One is real ({test.real}): A or B?"
        else:
            what = f"Each of {count(test.trials, 'trial')} plays an excerpt of {length}. Is it real ({test.real})?"
        return f"{what} If you cannot tell, guess. This is test {test.fingerprint}."

    def _safely(self, action: Callable[[], None]) -> Callable[[Button], None]:
        """Let a button say what went wrong: nobody sees an error in a callback."""

        def press(_: Button) -> None:
            try:
                action()
            except Exception as error:
                self._say(f"That did not work: {error} ({type(error).__name__})")

        return press

    def _begin(self) -> None:
        if not self.name.value.strip():
            self._say("Write your name first.")
            return
        listener = Vote("-", self.name.value, 1, "-").listener  # as it stands in the file
        if listener == self.listener and self.trial is not None:
            self._say(f"You are listening, {listener}: trial {self.trial} of {self._test.trials}.")
            return
        self._close()
        self.listener = listener
        self.next_listener.disabled = False
        answered = self._answered()
        self._go_on(f"Welcome back, {listener}." if answered else f"Welcome, {listener}.")

    def _leave(self) -> None:
        """Forget the listener. The name of the last one who has not finished stays in the field."""
        self._close()
        back = self.listener is None and self._unfinished()
        self.listener, self.name.value, self.next_listener.disabled = None, back or "", True
        self._say("Write your name and press Start." if not back else f"Press Start to go on as {back}, or write another name.")

    def _vote(self, choice: int) -> None:
        if self.trial is None or self.listener is None:
            return
        if time.monotonic() - self._since < self._least:
            self._say(f"Listen first, then vote. This is trial {self.trial} of {self._test.trials}.")
            return
        vote = Vote(self._test.fingerprint, self.listener, self.trial, self._test.choices[choice])
        add_votes(self._path, [vote])
        self._go_on(f"Your vote on trial {self.trial} is stored.")

    def _go_on(self, words: str) -> None:
        """Show the first trial without a vote, or the result if there is none."""
        answered, test = self._answered(), self._test
        left = [trial for trial in range(1, test.trials + 1) if trial not in answered]
        if not left:
            self._close()
            result = report(test, [vote for vote in read_votes(self._path) if vote.listener == self.listener])
            self._outcome, self.result.value = str(result).replace("\n", " "), result._repr_html_()
            self._say(f"{words} All {test.trials} trials are answered. Thank you, {self.listener}.")
            return
        self.sounds.value = _players(trial_sounds(test, left[0]), f"Trial {left[0]} of {test.trials}")
        self.trial, self._since = left[0], time.monotonic()
        self.button_a.disabled = self.button_b.disabled = False
        self._say(f"{words} Trial {self.trial} of {test.trials}: listen, then vote.")

    def _close(self) -> None:
        """Take trial and result away."""
        self.trial = None
        self.sounds.value = self.result.value = self._outcome = ""
        self.button_a.disabled = self.button_b.disabled = True

    def _answered(self) -> set[int]:
        votes = read_votes(self._path) if self._path.exists() else []
        return {vote.trial for vote in votes if (vote.test, vote.listener) == (self._test.fingerprint, self.listener)}

    def _unfinished(self) -> str | None:
        """Return the listener of the last vote on this test, if trials are left to them."""
        votes = [vote for vote in read_votes(self._path) if vote.test == self._test.fingerprint]
        last = votes[-1].listener if votes else None
        return last if len({vote.trial for vote in votes if vote.listener == last}) < self._test.trials else None

    def _say(self, words: str) -> None:
        self._message = words
        self.message.value = f'<span role="status" aria-live="polite">{_safe(words)}</span>'


def _safe(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;")


def _players(sounds: list[Sound], heading: str) -> str:
    """Write the audio elements of a trial, each with its letter."""
    letters = "AB" if len(sounds) == 2 else " "
    audio = [sound.html(onplay=ONE_AT_A_TIME, controlslist="nodownload noplaybackrate") for sound in sounds]
    rows = "".join(
        f'<div style="display:flex;align-items:center;gap:8px"><b>{letter}</b>{element}</div>'
        for letter, element in zip(letters, audio, strict=True)
    )
    return f'<div class="musiclab-excerpts" data-lm-suppress-shortcuts="true"><b>{heading}</b>{rows}</div>'
