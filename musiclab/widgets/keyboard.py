"""A piano on the screen: played by mouse, finger, computer keyboard, or a MIDI keyboard where the browser has Web MIDI.

`keyboard.js` is its other half, in the browser. There the notes sound at once, without asking anybody; to Python comes a
phrase when it is over, after a rest of a bar or at the press of a button. A phrase is a list of notes (seconds at which the key
went down, seconds at which it came up, pitch, velocity); with the metronome, 0 is a bar line, else the first note.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from musiclab.score import Score, pitch_name
from musiclab.show.sound import RATE, render

__all__ = ["KEYS", "Keyboard", "Note"]

_HERE = Path(__file__).parent

#: A note as it is played: seconds down, seconds up, pitch, velocity.
Note = tuple[float, float, int, int]

#: Keys on the screen: two and a half octaves.
KEYS = 30

# Every fourth pitch is recorded for the browser, which plays the others a little faster or slower.
BANK = range(34, 100, 4)
BANK_SECONDS = 2.0

MOST_NOTES = 1000  # of a phrase


@functools.cache
def _bank() -> bytes:
    """Play the notes of the bank, one after the other: 16-bit samples."""
    tones = [render(Score([(0, BANK_SECONDS, pitch, 0, 100)], tempo=60))[: round(BANK_SECONDS * RATE), 0] for pitch in BANK]
    return np.rint(np.concatenate(tones) * 32767).astype("<i2").tobytes()


class Keyboard(anywidget.AnyWidget):
    """A piano to play phrases on.

    Keys: click or touch them. With the focus on the piano, the row ``a s d f …`` plays white keys and ``w e t y u …`` black ones;
    z and x go an octave down and up; Enter ends your turn, Escape takes back what you have played of the phrase. The arrows walk
    from key to key, and the space bar plays the one that has the focus.

    Parameters
    ----------
    tempo : float
        Of the metronome, in quarters a minute, 30 to 240.
    time_signature : (int, int)

    Raises
    ------
    ValueError
        For another tempo, or what is no metre.

    Attributes
    ----------
    tempo : float
    time_signature : list of int
    metronome : bool
        Whether it is on. The browser turns it on and off.
    lowest : int
        Pitch of the key at the left.
    phrase : list of Note
        The last phrase that was played.
    remark : str
        What the piano has to say; screen readers say it when it changes.
    """

    _esm = _HERE / "keyboard.js"
    _css = _HERE / "keyboard.css"
    tempo = traitlets.Float(96.0, min=30.0, max=240.0).tag(sync=True)
    time_signature = traitlets.List(traitlets.Int(), [4, 4]).tag(sync=True)
    metronome = traitlets.Bool(False).tag(sync=True)
    lowest = traitlets.Int(60, min=36, max=72).tag(sync=True)
    phrase = traitlets.List().tag(sync=True)
    remark = traitlets.Unicode("").tag(sync=True)
    count = traitlets.Int(KEYS).tag(sync=True)

    def __init__(self, tempo: float = 96.0, time_signature: tuple[int, int] = (4, 4)) -> None:
        lowest, highest = Keyboard.tempo.min, Keyboard.tempo.max
        if not lowest <= tempo <= highest:
            raise ValueError(
                f"tempo={tempo:g}: the metronome goes from {lowest:g} to {highest:g} quarters a minute. Of a piece, set another:"
                " dataclasses.replace(piece, tempo=96)."
            )
        Score([], time_signature=time_signature)  # raises ValueError for what is no metre
        super().__init__(tempo=tempo, time_signature=list(time_signature))
        self._callbacks: list[Callable[[list[Note]], None]] = []
        self.on_msg(self._received)

    def on_phrase(self, callback: Callable[[list[Note]], None]) -> None:
        """Have a function called with each phrase when it is over."""
        self._callbacks.append(callback)

    def play(self, notes: Sequence[Note]) -> None:
        """Play a phrase from code: what happens is what happens when a person has played it, and it is heard.

        Raises ValueError for notes that nobody could play.
        """
        phrase = _checked(notes)
        self.send({"kind": "play", "notes": [[on, off - on, pitch, velocity] for on, off, pitch, velocity in phrase]})
        self._finish(phrase)

    def let_hear(self, score: Score) -> None:
        """Let the piano play a score by itself, at the score's tempo; nothing is recorded."""
        second = 60 / score.tempo
        notes = [[onset * second, duration * second, p, v] for onset, duration, p, _, v in score.notes.tolist()]
        self.send({"kind": "play", "notes": notes})

    @property
    def text(self) -> str:
        """The piano in words."""
        highest = pitch_name(self.lowest + self.count - 1)
        controls = "a metronome, a button for a MIDI keyboard, a button that ends your turn"
        found = f" The last phrase has {len(self.phrase)} notes." if self.phrase else " Nothing has been played yet."
        return f"Piano of {self.count} keys, {pitch_name(self.lowest)} to {highest}, tempo {self.tempo:g} ({controls}).{found}"

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**(data or {}), "text/plain": self.text}, metadata

    def _finish(self, phrase: list[Note]) -> None:
        self.phrase = [list(note) for note in phrase]
        for callback in self._callbacks:
            callback(phrase)

    def _received(self, _: Any, message: dict, buffers: list) -> None:
        """Answer the browser. Nobody sees an error in a callback, so it is said."""
        try:
            if message.get("kind") == "bank":
                words = {"kind": "bank", "pitches": list(BANK), "frames": round(BANK_SECONDS * RATE), "rate": RATE}
                self.send(words, buffers=[_bank()])
            elif message.get("kind") == "phrase":
                self._finish(_checked(message["notes"]))
        except Exception as error:
            self.remark = f"That did not work: {error} ({type(error).__name__})"


def _checked(notes: Sequence[Any]) -> list[Note]:
    """Return notes as tuples of numbers, in the order of their beginnings."""
    if not 0 < len(notes) <= MOST_NOTES:
        raise ValueError(f"a phrase has 1 to {MOST_NOTES} notes, and this one has {len(notes)}.")
    phrase = []
    for number, note in enumerate(notes):
        if len(note) != 4:
            raise ValueError(f"note {number}, {tuple(note)}: give four numbers: seconds down, seconds up, pitch, velocity.")
        on, off, pitch, velocity = note
        good = np.isfinite(on) and np.isfinite(off) and 0 <= on < off and 0 <= pitch <= 127 and 0 < velocity <= 127
        if not good:
            raise ValueError(
                f"note {number}, {tuple(note)}: give seconds down, a later moment up, a pitch, and a velocity of 1 to 127."
            )
        phrase.append((float(on), float(off), int(pitch), int(velocity)))
    return sorted(phrase)
