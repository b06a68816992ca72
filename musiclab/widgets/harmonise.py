"""The harmoniser of lesson 08: choose a hymn tune, or bring your own, and the chorale model writes three voices under it.

The tunes lie in ``data/tunes/hymns``. Bach set three of them, too, and the model has met settings of his in training; the other
three are not among his chorales.
"""

from __future__ import annotations

import functools
from dataclasses import replace

from ipywidgets import HTML, BoundedIntText, Button, Dropdown, FloatSlider, HBox, Layout

from musiclab import show
from musiclab.bundle import DATA, Bundle, load_bundle
from musiclab.files import read_score
from musiclab.generation import generate
from musiclab.score import Score
from musiclab.widgets.described import Described

__all__ = ["VOICES", "Harmoniser", "hymns"]

#: The four voices of a choir, from the highest down.
VOICES = ("soprano", "alto", "tenor", "bass")

#: What the menu calls a tune that was brought along and has no title.
OWN = "your own tune"


@functools.cache
def hymns() -> dict[str, Score]:
    """Read the hymn tunes: title -> score of one voice."""
    scores = [read_score(path) for path in sorted((DATA / "tunes" / "hymns").glob("*.abc"))]
    return {score.title: score for score in scores}


class Harmoniser(Described):
    """Three voices for a tune, at the press of a button.

    A menu chooses the tune; a slider and a field set the temperature and the seed. The button writes: the same choices give
    the same music. The tune itself stays as it is.

    Parameters
    ----------
    melody : Score, optional
        A tune of your own, of one voice, in 4/4 or 3/4. It stands first in the menu.
    bundle : Bundle, optional
        The model; ``load_bundle("chorale")`` if left out.
    temperature : float
    seed : int

    Attributes
    ----------
    tune : Dropdown
        Its value is the title of a tune.
    temperature : FloatSlider
    seed : BoundedIntText
    button : Button
        ``harmoniser.button.click()`` writes.
    message : HTML
        What was written, or why nothing could be. Screen readers say it when it changes.
    score : Score
        The last chorale that was written, four voices.
    player : widget
        Plays `score`.
    text : str
        All of it in words.

    Raises
    ------
    ValueError
        For a melody that the model cannot harmonise; the message says why.
    """

    def __init__(
        self, melody: Score | None = None, *, bundle: Bundle | None = None, temperature: float = 0.8, seed: int = 1
    ) -> None:
        self._bundle = load_bundle("chorale") if bundle is None else bundle
        self.tunes = dict(hymns())
        if melody is not None:
            title = melody.title or OWN
            self.tunes = {title: replace(melody, title=title)} | {
                name: tune for name, tune in self.tunes.items() if name != title
            }
        self.tune = Dropdown(options=list(self.tunes), description="tune", layout=Layout(width="340px"))
        self.temperature = FloatSlider(
            value=temperature, min=0.2, max=1.6, step=0.1, description="temperature", readout_format=".1f"
        )
        self.temperature.style.description_width = "initial"
        self.seed = BoundedIntText(value=seed, min=0, max=9999, description="seed", layout=Layout(width="170px"))
        self.button = Button(description="Harmonise", tooltip="Write alto, tenor and bass for the tune")
        self.message = HTML()
        self.score = self._write()
        self.player = self._new_player()
        row = HBox([self.tune, self.temperature, self.seed, self.button], layout=Layout(flex_flow="row wrap"))
        super().__init__([row, self.message, self.player])
        self._say(f"Written for {self._choices()}.")
        self.button.on_click(lambda _: self._harmonise())

    @property
    def text(self) -> str:
        """The widget in words."""
        voices = ", ".join(self._shown)
        controls = "menu for the tune, temperature, seed, a button; a player"
        return f"Harmoniser ({controls}). {self._message} Voices: {voices}. {self.player.text}"

    def _choices(self) -> str:
        return f"{self.tune.value} at temperature {self.temperature.value:.1f} with seed {self.seed.value}"

    def _write(self) -> Score:
        melody = self.tunes[self.tune.value]
        return generate(self._bundle, fixed={0: melody}, temperature=self.temperature.value, seed=self.seed.value)

    def _harmonise(self) -> None:
        """Write anew; if that cannot be, say why and leave the music as it was."""
        self._say("Writing …")
        try:
            self.score = self._write()
        except ValueError as error:
            self._say(f"Nothing was written: {error}")
            return
        if self._labels() == self._shown:
            self.player.score = self.score
        else:  # a voice is silent throughout, or sings again: the player cannot change the names of its voices
            self.player = self._new_player()
            self.children = (*self.children[:-1], self.player)
        self._say(f"Written for {self._choices()}.")

    def _new_player(self) -> show.Player:
        self._shown = self._labels()
        return show.player(self.score, labels=self._shown)

    def _labels(self) -> list[str]:
        return [VOICES[voice] for voice in self.score.voices]

    def _say(self, words: str) -> None:
        self._message = words
        safe = words.replace("&", "&amp;").replace("<", "&lt;")
        self.message.value = f'<span role="status" aria-live="polite">{safe}</span>'
