"""The game of lesson 12: four scenes, a dial for the tension, and music that follows, for as long as you like.

Python writes the bars and plays them (`musiclab.game`). The browser gets them one bar ahead and sets each exactly
where the last one ends. When the scene changes it asks for the bar that waits there, unheard, to be written anew, if there is
still time; and for one at a time, however often the scene changes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from ipywidgets import HTML, FloatSlider, Layout, ToggleButtons

from musiclab.bundle import Bundle, load_bundle
from musiclab.game import BAR, SCENES, Bar, Scene, Stream, Tape
from musiclab.show.sound import RATE
from musiclab.widgets.described import Described

__all__ = ["Game"]

_HERE = Path(__file__).parent


class _Stage(anywidget.AnyWidget):
    """The browser's half: play and stop, a picture of the scene, the notes of the bar.

    Attributes
    ----------
    underruns : int
        Bars that came too late, since the page was opened.
    latency : float
        Bars from the last change of scene to the first bar of the new one; -1 before there was one.
    """

    _esm = _HERE / "game.js"
    _css = _HERE / "game.css"
    scenes = traitlets.List().tag(sync=True)
    scene = traitlets.Unicode().tag(sync=True)
    underruns = traitlets.Int(0).tag(sync=True)
    latency = traitlets.Float(-1.0).tag(sync=True)


class Game(Described):
    """A small game whose music follows it.

    Buttons (or the keys 1 to 4, with the focus on the picture) choose the scene, a slider its tension. The music changes with the
    next bar line.

    Parameters
    ----------
    scenes : mapping of str to Scene, optional
        `game.SCENES` if left out.
    bundle : Bundle, optional
        The model; ``load_bundle("scenes")`` if left out.
    seed : int

    Attributes
    ----------
    scene : ToggleButtons
        Set its value, the name of a scene.
    tension : FloatSlider
        From 0 to 1. Choosing a scene sets it to that of the scene.
    stage : widget
        What plays in the browser.
    bars : list of Bar
        What was written and not taken back; the last eight of it.
    message : HTML
    text : str
        All of it in words.
    """

    def __init__(self, scenes: Mapping[str, Scene] | None = None, *, bundle: Bundle | None = None, seed: int = 1) -> None:
        self._scenes = _checked(SCENES if scenes is None else scenes)
        first = next(iter(self._scenes.values()))
        self._stream = Stream(load_bundle("scenes") if bundle is None else bundle, first, seed=seed)
        self._tape, self._tape_before = Tape(), Tape()
        self._begun = 0  # number of the last bar that the browser has begun to play
        self.bars: list[Bar] = []
        self.scene = ToggleButtons(options=list(self._scenes), value=first.name, description="scene")
        self.tension = FloatSlider(
            value=first.tension, min=0, max=1, step=0.05, description="tension", continuous_update=False, readout_format=".2f"
        )
        self.message = HTML()
        self.stage = _Stage(scenes=list(self._scenes), scene=first.name, layout=Layout(width="100%"))
        super().__init__([self.scene, self.tension, self.stage, self.message])
        self.scene.observe(self._choose, "value")
        self.tension.observe(lambda _: self._change(), "value")
        self.stage.on_msg(self._answer)
        self._say(f"{first.name}; no bar has been written yet.")

    @property
    def text(self) -> str:
        """The widget in words."""
        return f"Game (buttons for {', '.join(self._scenes)}; a slider for the tension; play and stop). {self._message}"

    def advance(self) -> Bar:
        """Write the next bar and send it to the browser, as happens whenever a bar begins to play."""
        self._tape_before = copy.copy(self._tape)
        bar = self._stream.next_bar()
        self.bars = [*self.bars, bar][-8:]
        samples = self._tape.play(bar.score)
        self.stage.send(
            {
                "kind": "bar",
                "number": bar.number,
                "scene": bar.scene.name,
                "returns": bar.returns,
                "rate": RATE,
                "seconds": BAR * 60 / bar.scene.tempo,
                "notes": [[o, d, p, v] for o, d, p, v, _ in bar.score.notes.tolist()],
            },
            buffers=[np.rint(samples.T * 32767).astype("<i2").tobytes()],  # the left channel, then the right one
        )
        theme = ", its theme" if bar.returns else ""
        self._say(f"Bar {bar.number}: {bar.scene.name}{theme}, tension {bar.scene.tension:.2f}.")
        return bar

    def _choose(self, change: dict[str, Any]) -> None:
        """Begin another scene."""
        self.stage.scene = change["new"]
        tension = self._scenes[change["new"]].tension
        if self.tension.value == tension:
            self._change()
        else:
            self.tension.value = tension  # which changes the stream, too

    def _change(self) -> None:
        """Let the next bar be of the scene that is chosen, and tell the browser, which knows what has been heard."""
        self._stream.scene = replace(self._scenes[self.scene.value], tension=self.tension.value)
        self.stage.send({"kind": "changed", "scene": self.scene.value})

    def _take_back(self, number: int) -> bool:
        """Take back the bar of this number, if it is the last and has not begun."""
        if not self.bars or self.bars[-1].number != number or number <= self._begun:
            return False
        self._stream.take_back()
        self._tape = self._tape_before
        self.bars.pop()
        return True

    def _answer(self, _: Any, message: dict[str, Any], buffers: list) -> None:
        """Do what the browser asks for; say so, to the player as well as to the browser, if it cannot be done."""
        kind = message.get("kind")
        try:
            if kind == "begun":
                self._begun = int(message["number"])
            elif kind == "more" or (kind == "again" and self._take_back(int(message["number"]))):
                self.advance()
            elif kind == "again":
                self.stage.send({"kind": "kept"})
            elif kind == "stopped":  # the bar that waits will not be heard
                self._take_back(int(message["number"]))
            elif kind == "scene" and message.get("name") in self._scenes:
                self.scene.value = message["name"]
        except Exception as error:  # a callback's error would otherwise be lost in a log that nobody reads
            self._say(f"No bar was written: {error}")
            self.stage.send({"kind": "failed"})

    def _say(self, words: str) -> None:
        self._message = words
        safe = words.replace("&", "&amp;").replace("<", "&lt;")
        self.message.value = f"<span>{safe}</span>"


def _checked(scenes: Mapping[str, Scene]) -> dict[str, Scene]:
    """Return scenes by their names; refuse what are none."""
    if not isinstance(scenes, Mapping) or not scenes or not all(isinstance(scene, Scene) for scene in scenes.values()):
        raise ValueError("give the scenes as a dict, name -> Scene, with one scene at least.")
    for name, scene in scenes.items():
        if scene.name != name:
            raise ValueError(f"the scene under {name!r} is called {scene.name!r}; give it one name, for themes are kept by it.")
    return dict(scenes)
