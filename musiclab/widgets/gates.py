"""The two widgets of lesson 04: a gate explorer, and a memory explorer.

`GateExplorer` is one unit of an LSTM whose input, states and weights are sliders. `MemoryExplorer` shows how long a
value in the cell survives under a given forget gate.
"""

from __future__ import annotations

import math

import numpy as np
from ipywidgets import HTML, Dropdown, FloatSlider, HBox, IntSlider, Layout, VBox

from musiclab.lstm import LSTM, Gates
from musiclab.show.picture import COLOURS, GRID, INK, Picture, count, new_axes, write_title
from musiclab.widgets.described import Described

__all__ = ["GateExplorer", "MemoryExplorer"]

#: The letter of each gate in the names of its weights, and what the menu calls it.
GATES = {"i": "input gate i", "f": "forget gate f", "g": "cell candidate g", "o": "output gate o"}

# The weights to begin with, as (W_i?, W_h?, b). The forget gate has a bias of 1.
START = {"i": (1.0, 0.5, 0.0), "f": (0.0, 0.0, 1.0), "g": (1.0, -0.5, 0.0), "o": (0.5, 1.0, 0.0)}

REACH = 4.0  # of the sliders for x and the weights; a σ of 4 times 4 is as good as 1
CELL_REACH = 5.0  # of the slider for c


def _slider(name: str, value: float, reach: float, tip: str) -> FloatSlider:
    return FloatSlider(
        value=value,
        min=-reach,
        max=reach,
        step=0.1,
        description=name,
        tooltip=tip,
        readout_format=".1f",
        layout=Layout(width="270px"),
    )


class GateExplorer(Described):
    """One unit of an LSTM, with sliders for what goes in and for the weights.

    A menu chooses the gate whose three weights the sliders show. The two biases of a gate are one slider: only their
    sum matters. Below stand the six values as numbers and as bars, with each equation filled in.

    Attributes
    ----------
    x, h, c : FloatSlider
        The input, and the states before the step.
    gate : Dropdown
        "i", "f", "g" or "o".
    w_x, w_h, b : FloatSlider
        The weights of the chosen gate: W_i?, W_h?, and the sum of its two biases.
    weights : dict of str to (float, float, float)
        Those of all four gates.
    gates : Gates
        The six values, floats.
    table : HTML
    text : str
        All of it in words.
    """

    def __init__(self) -> None:
        self.weights = dict(START)
        self.x = _slider("x", 1.0, REACH, "input at this step")
        self.h = _slider("h", 0.5, 1.0, "hidden state before the step")
        self.c = _slider("c", 1.0, CELL_REACH, "cell state before the step")
        self.gate = Dropdown(options=[(name, letter) for letter, name in GATES.items()], value="i", description="weights of")
        self.w_x, self.w_h, self.b = (
            _slider("", value, REACH, tip) for value, tip in zip(START["i"], ("times x", "times h", "biases"), strict=True)
        )
        self.table = HTML()
        self._busy = False
        left = VBox([HTML("<b>what goes in</b>"), self.x, self.h, self.c])
        right = VBox([self.gate, self.w_x, self.w_h, self.b])
        super().__init__([HBox([left, right], layout=Layout(flex_flow="row wrap")), self.table])
        self.gate.observe(lambda _: self._choose(), names="value")
        for slider in (self.w_x, self.w_h, self.b):
            slider.observe(lambda _: self._weigh(), names="value")
        for slider in (self.x, self.h, self.c):
            slider.observe(lambda _: self._show(), names="value")
        self._choose()

    def layer(self) -> LSTM:
        """Return the unit as a layer of `musiclab.lstm`, with one input and one unit."""
        return LSTM(
            **{f"W_i{k}": np.array([[w_x]]) for k, (w_x, _, _) in self.weights.items()},
            **{f"W_h{k}": np.array([[w_h]]) for k, (_, w_h, _) in self.weights.items()},
            **{f"b_i{k}": np.array([b]) for k, (_, _, b) in self.weights.items()},
            **{f"b_h{k}": np.zeros(1) for k in self.weights},
        )

    def _choose(self) -> None:
        """Let the three sliders show the weights of the chosen gate."""
        letter = self.gate.value
        self._busy = True  # three sliders move, and their gate's weights are to change with none of them
        try:
            for slider, value, name in zip(
                (self.w_x, self.w_h, self.b), self.weights[letter], (f"W_i{letter}", f"W_h{letter}", f"b_{letter}"), strict=True
            ):
                slider.description, slider.value = name, value
        finally:
            self._busy = False
        self._show()

    def _weigh(self) -> None:
        if not self._busy:
            self.weights[self.gate.value] = (self.w_x.value, self.w_h.value, self.b.value)
            self._show()

    def _show(self) -> None:
        x, h, c = self.x.value, self.h.value, self.c.value
        self.gates = Gates(*(float(value[0]) for value in self.layer().step(np.array([x]), np.array([h]), np.array([c]))))
        i, f, g, o, new_c, new_h = self.gates
        rows = []
        for letter, value in zip("ifgo", (i, f, g, o), strict=True):
            w_x, w_h, b = self.weights[letter]
            squash = "tanh" if letter == "g" else "σ"
            names = f"{squash}(W_i{letter} x + W_h{letter} h + b_{letter})"
            filled = f"{squash}({_n(w_x)} · {_n(x)} + {_n(w_h)} · {_n(h)} + {_n(b)}) = {squash}({w_x * x + w_h * h + b:.2f})"
            rows.append((GATES[letter], letter, names, filled, value, 1.0))
        rows.append(("cell state c", "c", "f c + i g", f"{f:.3f} · {_n(c)} + {i:.3f} · {_n(g, 3)}", new_c, CELL_REACH + 1))
        rows.append(("hidden state h", "h", "o tanh(c)", f"{o:.3f} · tanh({_n(new_c, 3).strip('()')})", new_h, 1.0))
        self.table.value = _table(rows)
        values = ", ".join(f"{name} {value:.3f}" for name, value in zip("ifgoch", self.gates, strict=True))
        self.text = (
            f"Gate explorer (sliders for x, h, c and for the weights of one gate at a time). At x {x:.1f}, h {h:.1f}, c {c:.1f}:"
            f" {values}."
        )


def _n(value: float, digits: int = 1) -> str:
    """Write a number for a formula: a negative one in brackets."""
    text = f"{value:.{digits}f}"
    return f"({text})" if text.startswith("-") else text


def _table(rows: list[tuple[str, str, str, str, float, float]]) -> str:
    """Write the six equations, filled in, with a bar for each value."""
    cell = 'style="padding:1px 8px;text-align:left;white-space:nowrap"'
    head = "".join(f'<th scope="col" {cell}>{name}</th>' for name in ("", "equation, and with the numbers", "value", ""))
    body = "".join(
        f'<tr><th scope="row" {cell}>{name}</th><td {cell}>{letter} = {names}<br>= {filled}</td>'
        f"<td {cell}><b>{value:.3f}</b></td><td {cell}>{_bar(value / reach)}</td></tr>"
        for name, letter, names, filled, value, reach in rows
    )
    return f'<table style="font-family:monospace;line-height:1.35"><tr>{head}</tr>{body}</table>'


def _bar(share: float) -> str:
    """Draw a number from -1 to 1 as a bar to the left or the right of a middle line."""
    width = min(50.0, 50.0 * abs(share))
    left = 50.0 - width if share < 0 else 50.0
    return (
        f'<div aria-hidden="true" style="position:relative;width:120px;height:12px;background:#eee">'
        f'<div style="position:absolute;left:50%;width:1px;height:12px;background:{INK}"></div>'
        f'<div style="position:absolute;left:{left:.1f}%;width:{width:.1f}%;height:12px;background:{COLOURS[0]}"></div></div>'
    )


class MemoryExplorer(Described):
    """How much of a value in the cell is left after some steps, if the forget gate stays at one value.

    Parameters
    ----------
    bar : int
        Steps in a bar, drawn as lines: 12 in 6/8, 16 in 4/4.

    Attributes
    ----------
    f : FloatSlider
        The forget gate, 0 to 1.
    steps : IntSlider
        How many steps go by, 1 to 192.
    left : float
        The share that is left: f to the power of steps.
    half_life : float
        Steps until half is left; 0 for f = 0, infinite for f = 1.
    curve, words : HTML
    text : str
    """

    def __init__(self, *, bar: int = 12) -> None:
        self.bar = int(bar)
        self.f = FloatSlider(
            value=0.9, min=0.0, max=1.0, step=0.005, description="f", readout_format=".3f", layout=Layout(width="420px")
        )
        self.steps = IntSlider(value=48, min=1, max=192, description="steps", layout=Layout(width="420px"))
        self.words = HTML()
        self.curve = HTML()
        super().__init__([self.f, self.steps, self.words, self.curve])
        for slider in (self.f, self.steps):
            slider.observe(lambda _: self._show(), names="value")
        self._show()

    @property
    def left(self) -> float:
        """The share of the value that is left after all steps."""
        return float(self.f.value**self.steps.value)

    @property
    def half_life(self) -> float:
        """Steps until half of the value is left."""
        f = self.f.value
        return 0.0 if f <= 0 else math.inf if f >= 1 else math.log(0.5) / math.log(f)

    def _show(self) -> None:
        f, steps, half = self.f.value, self.steps.value, self.half_life
        lasts = (
            "it never fades"
            if half == math.inf
            else "it is gone at once"
            if half == 0
            else f"half of it is gone after {half:.1f} steps, {half / self.bar:.1f} bars"
        )
        after = f"{count(steps, 'step')} ({steps / self.bar:.1f} bars)"
        result = f"With f = {f:.3f}, {self.left:.1%} of a value is left after {after}: {lasts}."
        self.words.value = result
        self.text = f"Memory explorer (sliders for the forget gate and the number of steps). {result}"
        self.curve.value = self._draw().html()

    def _draw(self) -> Picture:
        f, steps = self.f.value, self.steps.value
        figure, (ax,) = new_axes(5.6, 2.2)
        t = np.arange(steps + 1)
        ax.plot(t, f**t, color=COLOURS[0], lw=1.8, marker="o" if steps <= 24 else "", ms=4)
        ax.axhline(0.5, color="#707070", ls=":", lw=1.0)
        for line in range(self.bar, steps + 1, self.bar):
            ax.axvline(line, color=GRID, lw=0.6)
        ax.set(xlim=(0, steps), ylim=(-0.03, 1.05), yticks=(0, 0.5, 1))
        ax.set_xlabel(f"steps (a line every {self.bar}: a bar)", color=INK, fontsize=9)
        write_title(ax, "What is left of a value in the cell", f"f = {f:.3f}")
        return Picture(figure, ax, f"What is left of a value in the cell, falling from 1 over {steps} steps with f = {f:.3f}.")
