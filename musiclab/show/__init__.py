"""show: everything that a lesson puts before your eyes and ears.

As the last line of a cell, what these functions return shows itself, with the same in words for those who do not see it
(its ``text``). A score by itself is shown as `display` shows it.

==================  =====================================================
`notation`          a score as staff notation
`piano_roll`        the notes of a score (or of two) against bars
`sound`             a score as a piano plays it; `save_audio` writes a file
`player`            all three together, with a cursor
`display`           notation, with sound beneath
`curves`            the loss of a training, epoch by epoch, with baselines
`probabilities`     what a model thinks will come next
`intervals`         measures of sets of pieces, against the real ones
`similarity`        each bar against each other
`calibration`       how sure a model was, and how often right
`course`            measures through a piece, bar by bar
`response`          what was wanted of a model, against what came
`describe`          a score in one sentence
`progress`          how far a loop is, and how long it will still take
`gates`             the module with the pictures of an LSTM's gates
==================  =====================================================
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from musiclab.score import Score
from musiclab.show.measures import calibration, course, intervals, response, similarity
from musiclab.show.notation import Engraving, notation
from musiclab.show.picture import Picture, describe
from musiclab.show.player import Player, player
from musiclab.show.plots import curves, probabilities
from musiclab.show.roll import piano_roll
from musiclab.show.sound import Sound, SoundError, save_audio, sound

__all__ = [
    "Engraving",
    "Picture",
    "Player",
    "Sound",
    "SoundError",
    "calibration",
    "course",
    "curves",
    "describe",
    "display",
    "intervals",
    "live_curves",
    "notation",
    "piano_roll",
    "player",
    "probabilities",
    "progress",
    "response",
    "save_audio",
    "similarity",
    "sound",
]


def display(score: Score) -> None:
    """Show a score as notation, with its sound beneath."""
    from IPython.display import display as show_now

    show_now(notation(score))
    if len(score):
        show_now(sound(score))


def live_curves(title: str = "Training", unit: str = "nats per token") -> Callable[[list[dict[str, float]]], None]:
    """Show a picture of the loss that grows as a model trains: ``train(model, …, watch=show.live_curves())``.

    Parameters
    ----------
    title, unit : str
        As for `curves`.

    Returns
    -------
    callable
        Takes the history so far, and draws it in place of the last picture.
    """
    from IPython.display import display as show_now
    from ipywidgets import HTML

    place = HTML()

    def draw(history: list[dict[str, float]]) -> None:
        place.value = curves(history, title=title, unit=unit).html()
        if len(history) == 1:
            show_now(place)

    return draw


Item = TypeVar("Item")


def progress(items: Sequence[Item], label: str) -> Iterable[Item]:
    """Show a progress bar for a loop: ``for step in show.progress(range(1000), "Training"):``."""
    from tqdm.auto import tqdm

    # The text ends the same in every run, so that a stored notebook does not change with the computer's speed.
    form = "{l_bar}{bar}| {n_fmt}/{total_fmt} · {remaining} left"
    return tqdm(items, desc=label, bar_format=form, file=sys.stdout)
