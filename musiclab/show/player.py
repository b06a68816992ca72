"""The player: notation and piano roll with a cursor that runs over both while the music sounds.

It is a widget (`player.js` is its other half, in the browser), and it needs neither a network nor, once it is shown, the
kernel. Its sound stands above it as a plain audio element. The player takes it from there and hides it; where widgets
do not run, on a page that was exported for one, the audio element is what remains.
"""

from __future__ import annotations

import gzip
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from musiclab.score import Score
from musiclab.show.mei import beat_of
from musiclab.show.notation import notation
from musiclab.show.sound import Sound, sound

__all__ = ["Player", "player"]

_HERE = Path(__file__).parent


class Player(anywidget.AnyWidget):
    """Music to see and hear: play, pause, stop, seek, loop, tempo, all of it by mouse and by keyboard.

    It may stand in other widgets, as any widget may. Set `score` and it shows other music.

    Attributes
    ----------
    score : Score
    sound : Sound
    text : str
        What is to be seen and heard, in words.
    """

    _esm = _HERE / "player.js"
    _css = _HERE / "player.css"
    piece = traitlets.Dict().tag(sync=True)

    def __init__(self, score: Score, *, labels: Sequence[str] | None = None) -> None:
        self._labels = labels
        super().__init__(piece=self._piece_of(score))
        self.on_msg(self._answer)

    @property
    def score(self) -> Score:
        """The music that it plays."""
        return self._score

    @score.setter
    def score(self, score: Score) -> None:
        self.piece = self._piece_of(score)

    @property
    def text(self) -> str:
        """What is to be seen and heard, in words."""
        return self.piece["text"]

    def _piece_of(self, score: Score) -> dict[str, Any]:
        """Engrave and play a score; return what the browser needs to know of it."""
        self._score = score
        self.sound: Sound = sound(score)
        engraving = notation(score, labels=self._labels)
        bar = score.bar_length
        length = min(score.duration, self.sound.seconds * score.tempo / 60)
        return {
            # Of the notes and not of the sound file, which another kind of computer may write a little differently.
            "id": hashlib.sha256(repr((score.notes.tolist(), score.tempo)).encode()).hexdigest()[:16],
            "text": engraving.text,
            "remark": " ".join(self.sound.remarks),
            "svg": gzip.compress(engraving.svg.encode(), mtime=0),  # a quarter of its size, in every notebook
            "size": [engraving.width, engraving.height],
            "places": [list(place) for place in engraving.places],
            "notes": [[round(o, 4), round(d, 4), p, v] for o, d, p, v, _ in score.notes.tolist() if o < length],
            "duration": max(length, bar),
            "bar": bar,
            "bars": max(1, math.ceil(length / bar - 1e-9)),
            "beat": beat_of(score.time_signature),
            "tempo": score.tempo,
        }

    def _answer(self, _: Any, message: dict, buffers: list) -> None:
        """Send the sound to a player that found none on its page."""
        if message.get("kind") == "sound":
            self.send({"kind": "sound", "id": self.piece["id"], "mime": self.sound.mime}, buffers=[self.sound.data])

    def __repr__(self) -> str:
        return f"Player. {self.text}"

    def _ipython_display_(self) -> None:
        """Show the plain audio element, and below it the player, which replaces it."""
        from IPython.display import publish_display_data

        publish_display_data({"text/html": self.sound.html(**{"data-musiclab": self.piece["id"]}), "text/plain": self.sound.text})
        bundle = self._repr_mimebundle_()
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        publish_display_data({**data, "text/plain": repr(self)}, metadata)


def player(score: Score, *, labels: Sequence[str] | None = None) -> Player:
    """Show a score as notation and piano roll, with sound, and a cursor that follows it; `labels` are those of `notation`.

    Keys, when the player has the focus: space plays and pauses, the arrows go on and back by a beat (with Shift by a
    bar), Home and End to the ends, [ and ] set the ends of a loop, l turns it on and off, Escape ends it.
    """
    return Player(score, labels=labels)
