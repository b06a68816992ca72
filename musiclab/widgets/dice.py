"""The dice game of lesson 01: bars printed in 1793, two dice, and a waltz nobody has heard before.

The print (Köchel Anh. C 30.01, published under Mozart's name; whether he had a hand in it is not known) has 176
numbered bars of 3/8 for piano, and a table. For each of the 16 bars of a waltz you throw two dice; the row of their
sum and the column of the bar give the number of the printed bar to play. The notes are in ``data/dice_waltz.abc``.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ipywidgets import HTML, Button, GridBox, Layout

from musiclab import show
from musiclab.bundle import DATA
from musiclab.files import read_score
from musiclab.score import Score
from musiclab.widgets.described import Described

__all__ = ["BARS", "TABLE", "DiceGame", "printed_bars", "waltz"]

#: Bars of a waltz.
BARS = 16

#: The number table of the print: a row for each sum of the dice from 2 to 12, a column for each bar of the waltz.
TABLE = (
    (96, 22, 141, 41, 105, 122, 11, 30, 70, 121, 26, 9, 112, 49, 109, 14),
    (32, 6, 128, 63, 146, 46, 134, 81, 117, 39, 126, 56, 174, 18, 116, 83),
    (69, 95, 158, 13, 153, 55, 110, 24, 66, 139, 15, 132, 73, 58, 145, 79),
    (40, 17, 113, 85, 161, 2, 159, 100, 90, 176, 7, 34, 67, 160, 52, 170),
    (148, 74, 163, 45, 80, 97, 36, 107, 25, 143, 64, 125, 76, 136, 1, 93),
    (104, 157, 27, 167, 154, 68, 118, 91, 138, 71, 150, 29, 101, 162, 23, 151),
    (152, 60, 171, 53, 99, 133, 21, 127, 16, 155, 57, 175, 43, 168, 89, 172),
    (119, 84, 114, 50, 140, 86, 169, 94, 120, 88, 48, 166, 51, 115, 72, 111),
    (98, 142, 42, 156, 75, 129, 62, 123, 65, 77, 19, 82, 137, 38, 149, 8),
    (3, 87, 165, 61, 135, 47, 147, 33, 102, 4, 31, 164, 144, 59, 173, 78),
    (54, 130, 10, 103, 28, 37, 106, 5, 35, 20, 108, 92, 12, 124, 44, 131),
)


@functools.cache
def printed_bars() -> tuple[Score, ...]:
    """Read the print: bar number n is ``printed_bars()[n - 1]``, and the 177th is the second ending of bar 8."""
    whole = read_score(DATA / "dice_waltz.abc")
    count = round(whole.duration / whole.bar_length)
    return tuple(whole.slice(n * whole.bar_length, (n + 1) * whole.bar_length) for n in range(count))


def waltz(sums: Sequence[int], *, repeats: bool = False) -> Score:
    """Put together the waltz that the dice name.

    Parameters
    ----------
    sums : sequence of 16 int
        What the two dice show together, 2 to 12, for each bar.
    repeats : bool
        Play both halves twice, as printed: 32 bars. Bar 8 is then the first ending the first time, which leads
        back, and the second ending the second time, which leads on. Without repeats only the second is played.

    Returns
    -------
    Score
        Voice 0 is the right hand, voice 1 the left.

    Raises
    ------
    ValueError
        If there are not 16 sums, or one lies outside 2 to 12.
    """
    sums = [int(total) for total in sums]
    if len(sums) != BARS or not all(2 <= total <= 12 for total in sums):
        raise ValueError(f"a waltz needs {BARS} sums of two dice, each from 2 to 12; these are {sums}.")
    numbers = [TABLE[total - 2][bar] for bar, total in enumerate(sums)]
    second_ending = len(printed_bars())
    first, back, on, second = numbers[:7], [numbers[7]], [second_ending], numbers[8:]
    order = first + back + first + on + second + second if repeats else first + on + second
    bars = [printed_bars()[number - 1] for number in order]
    notes = np.concatenate([bar.notes for bar in bars])
    notes["onset"] += np.repeat(np.arange(len(bars)) * bars[0].bar_length, [len(bar) for bar in bars])
    return replace(bars[0], notes=notes, title="Dice waltz")


class DiceGame(Described):
    """Throw the dice with buttons, and hear the waltz.

    One button throws the dice for all bars; each bar has a button that throws for it alone. A table shows what was
    thrown and which printed bar that is; below it the waltz is played.

    Parameters
    ----------
    seed : int, optional
        Same seed, same throws. Without one they are new each time.

    Attributes
    ----------
    rolls : tuple of 16 (int, int)
        What the two dice show for each bar.
    sums, numbers : tuple of 16 int
        Their sums, and the numbers of the printed bars.
    score : Score
        The waltz, 16 bars.
    text : str
        The game in words; it stands for the widget where widgets do not run.
    roll_button, bar_buttons : Button, tuple of 16 Button
        ``game.roll_button.click()`` throws all dice, ``game.bar_buttons[4].click()`` those of bar 5.
    player : widget
        Plays `score`.
    """

    def __init__(self, *, seed: int | None = None) -> None:
        self._rng = np.random.default_rng(seed)
        self.rolls = self._throw(BARS)
        self.roll_button = Button(description="Throw the dice for all 16 bars", layout=Layout(width="max-content"))
        self.roll_button.on_click(lambda _: self._roll_all())
        self.bar_buttons = tuple(self._bar_button(bar) for bar in range(BARS))
        buttons = GridBox(self.bar_buttons, layout=Layout(grid_template_columns="repeat(8, 6em)", margin="4px 0"))
        self.table = HTML()
        self.player = show.player(self.score, labels=["right hand", "left hand"])
        super().__init__([self.roll_button, buttons, self.table, self.player])
        self._show()

    def _bar_button(self, bar: int) -> Button:
        button = Button(description=f"bar {bar + 1}", tooltip=f"Throw again for bar {bar + 1}", layout=Layout(width="auto"))
        button.on_click(lambda _: self._roll_one(bar))
        return button

    @property
    def sums(self) -> tuple[int, ...]:
        """What the two dice show together, for each bar."""
        return tuple(sum(roll) for roll in self.rolls)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The number of the printed bar, for each bar."""
        return tuple(TABLE[total - 2][bar] for bar, total in enumerate(self.sums))

    @property
    def score(self) -> Score:
        """The waltz as it stands."""
        return waltz(self.sums)

    @property
    def text(self) -> str:
        """The game in words."""
        bars = ", ".join(
            f"{bar}: {one}+{two} is {number}"
            for bar, ((one, two), number) in enumerate(zip(self.rolls, self.numbers, strict=True), 1)
        )
        return f"Dice game (buttons throw the dice, a player plays the waltz). Bar: dice, number in the print. {bars}."

    def _throw(self, times: int) -> tuple[tuple[int, int], ...]:
        return tuple((int(one), int(two)) for one, two in self._rng.integers(1, 7, size=(times, 2)))

    def _roll_all(self) -> None:
        self.rolls = self._throw(BARS)
        self._show()

    def _roll_one(self, bar: int) -> None:
        self.rolls = (*self.rolls[:bar], *self._throw(1), *self.rolls[bar + 1 :])
        self._show()

    def _show(self) -> None:
        dice = [f"{one}+{two}" for one, two in self.rolls]
        halves = [
            _half(bars, dice[bars.start : bars.stop], self.sums[bars.start : bars.stop], self.numbers[bars.start : bars.stop])
            for bars in (range(8), range(8, BARS))
        ]
        self.table.value = "".join(halves)
        if self.player.score != self.score:
            self.player.score = self.score


def _half(bars: range, *rows: Sequence[object]) -> str:
    """Write what was thrown for half the waltz as an HTML table."""
    names = ("dice", "sum", "number in the print")
    head = "".join(f'<th scope="col" style="padding:0 8px">{bar + 1}</th>' for bar in bars)
    body = "".join(
        f'<tr><th scope="row" style="text-align:left">{name}</th>'
        + "".join(f'<td style="text-align:center;padding:0 8px">{cell}</td>' for cell in row)
        + "</tr>"
        for name, row in zip(names, rows, strict=True)
    )
    return f'<table><tr><th scope="row" style="text-align:left">bar</th>{head}</tr>{body}</table>'
