"""The gradient explorer of lesson 03: how far back the gradient reaches, in a plain network and in an LSTM.

The *reach* over k steps is the size of the derivative of the memory now with respect to the memory k steps ago. The
memory is h in a plain recurrent network, and the cell state c in an LSTM. The derivative is a matrix, units by units; its
size here is ``norm / sqrt(units)``, the root of the mean square by which it lengthens a direction, so that the reach over 0
steps is 1. Nothing is drawn from a formula: the derivatives are computed, step by step, for networks that read a rhythm.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
from ipywidgets import HTML, FloatSlider, IntSlider, Layout

from musiclab.lstm import LSTM
from musiclab.show.picture import COLOURS, GRID, INK, Picture, new_axes, write_title
from musiclab.widgets.described import Described

__all__ = ["RHYTHM", "GradientExplorer", "first_below", "lstm_reach", "rnn_reach", "rnn_states"]

#: The 3-2 clave, two bars in steps of an eighth: 1 is a stroke, 0 is none.
RHYTHM = (1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0)

UNITS = 16
WARM_UP = 32  # steps before those that are measured, so that the states are no longer those of the start
FLOOR = 1e-12  # where the picture ends


def rnn_states(W_ih: np.ndarray, W_hh: np.ndarray, xs: np.ndarray) -> np.ndarray:
    """Run a plain recurrent network, h_t = tanh(W_ih x_t + W_hh h_{t-1}), from h = 0.

    Parameters
    ----------
    W_ih : array (units, inputs)
    W_hh : array (units, units)
    xs : array (steps, inputs)

    Returns
    -------
    array (steps, units)
        h after each step.
    """
    h, hs = np.zeros(len(W_hh)), []
    for x in xs:
        h = np.tanh(W_ih @ x + W_hh @ h)
        hs.append(h)
    return np.array(hs)


def rnn_reach(W_hh: np.ndarray, hs: np.ndarray, lags: int) -> np.ndarray:
    """Return the reach of a plain recurrent network from its last step back over 0 to `lags` steps.

    One step multiplies with ``diag(1 - h_t²) W_hh``, the slope of tanh times the weights.

    Parameters
    ----------
    W_hh : array (units, units)
    hs : array (steps, units)
        The states after each step; more steps than `lags`, or as many.
    lags : int

    Returns
    -------
    array (lags + 1,)
        Size of the derivative of the last h with respect to the h that lies 0, 1, … steps before it.

    Raises
    ------
    ValueError
        If there are fewer steps than lags.
    """
    _check(len(hs), lags)
    derivative = np.eye(len(W_hh))
    reach = [1.0]
    for h in hs[::-1][:lags]:
        derivative = derivative @ ((1 - h**2)[:, None] * W_hh)
        reach.append(_size(derivative))
    return np.array(reach)


def lstm_reach(layer: LSTM, xs: np.ndarray, lags: int, directions: np.ndarray | None = None) -> np.ndarray:
    """Return the reach of an LSTM's cell state from its last step back over 0 to `lags` steps.

    The derivative counts every way from c to c, through the hidden states as well as along the cell.

    Parameters
    ----------
    layer : LSTM
    xs : array (steps, inputs)
        What it reads, from states of zero; more steps than `lags`.
    lags : int
    directions : array (n, units), optional
        Rows of length 1. With it the reach is measured along these alone, which for a large layer and random directions
        is a good estimate and takes less time. Otherwise it is exact.

    Returns
    -------
    array (lags + 1,)

    Raises
    ------
    ValueError
        If there are not more steps than lags.
    """
    _check(len(xs) - 1, lags)
    xs = np.asarray(xs, dtype=layer.dtype)
    gates = layer.forward(xs)
    dc = np.asarray(np.eye(layer.units) if directions is None else directions, dtype=layer.dtype)
    dh = np.zeros_like(dc)
    nothing = np.zeros((len(dc), 1, layer.units), dtype=layer.dtype)  # the loss looks at no h of its own
    reach = [1.0]
    for t in range(len(xs) - 1, len(xs) - 1 - lags, -1):
        # One step back, for all directions at once: the same step is put beside itself once for each.
        step = type(gates)(*(np.broadcast_to(values[t], nothing.shape) for values in gates))
        x = np.broadcast_to(xs[t], (len(dc), 1, layer.inputs))
        back = layer.backward(x, step, nothing, gates.h[t - 1], gates.c[t - 1], dh_end=dh, dc_end=dc)
        dh, dc = back.h, back.c
        reach.append(float(np.sqrt((dc.astype(np.float64) ** 2).sum(axis=1).mean())))
    return np.array(reach)


def first_below(reach: Sequence[float] | np.ndarray, share: float = 0.01) -> int | None:
    """Return the first number of steps over which the reach is below `share`, or None if it never is."""
    below = np.flatnonzero(np.asarray(reach) < share)
    return int(below[0]) if len(below) else None


class GradientExplorer(Described):
    """Move three sliders and see how far back the gradient reaches.

    Two networks with 16 units read the rhythm of lesson 03, the clave. Their weights are random, always the same; the
    sliders change what matters. Each change computes both anew.

    Parameters
    ----------
    radius : float
        Spectral radius of W_hh of the plain network, 0.1 to 2: the factor by which W_hh alone, used again and again,
        comes to lengthen what it is given.
    steps : int
        How far to look back, 8 to 128.
    forget_bias : float
        Bias of the LSTM's forget gate, -2 to 6.

    Attributes
    ----------
    radius, steps, forget_bias : FloatSlider, IntSlider, FloatSlider
        ``explorer.radius.value = 1.5`` does what the mouse or the arrow keys do.
    rnn, lstm : array (steps + 1,)
        Reach over 0, 1, … steps.
    forget : float
        Mean of the forget gate over the steps and units measured.
    text : str
        The result in words; it stands for the widget where widgets do not run.
    image, line : HTML
        The picture, and the same text.
    """

    def __init__(self, *, radius: float = 1.0, steps: int = 64, forget_bias: float = 1.0) -> None:
        rng = np.random.default_rng(3)
        W_hh = rng.normal(size=(UNITS, UNITS))
        self._W_hh = W_hh / np.abs(np.linalg.eigvals(W_hh)).max()  # of spectral radius 1
        self._W_ih = rng.normal(0, 0.5, size=(UNITS, 1))
        self._layer = LSTM.random(1, UNITS, rng, dtype=np.float64)
        self.radius = _slider(FloatSlider, "W_hh radius", radius, 0.1, 2.0, 0.1)
        self.steps = _slider(IntSlider, "steps back", steps, 8, 128, 8)
        self.forget_bias = _slider(FloatSlider, "forget bias", forget_bias, -2.0, 6.0, 0.5)
        self.image, self.line = HTML(), HTML()
        super().__init__([self.radius, self.steps, self.forget_bias, self.line, self.image])
        self._show()
        for slider in (self.radius, self.steps, self.forget_bias):
            slider.observe(lambda _: self._show(), names="value")

    @property
    def text(self) -> str:
        """What the networks do at these settings."""
        plain, lstm = (_words(reach, self.steps.value) for reach in (self.rnn, self.lstm))
        return (
            f"Gradient explorer (three sliders). Plain network, W_hh of radius {self.radius.value:.1f}: {plain}. "
            f"LSTM, forget bias {self.forget_bias.value:.1f}, forget gate {self.forget:.2f} on average: {lstm}."
        )

    def _show(self) -> None:
        lags = self.steps.value
        xs = np.resize(np.array(RHYTHM, dtype=np.float64), WARM_UP + lags)[:, None]
        W_hh = self.radius.value * self._W_hh
        self.rnn = rnn_reach(W_hh, rnn_states(self._W_ih, W_hh, xs), lags)
        self._layer.b_if[:] = self.forget_bias.value
        self.lstm = lstm_reach(self._layer, xs, lags)
        self.forget = float(self._layer.forward(xs).f[-lags:].mean())
        self.line.value = html.escape(self.text)
        self.image.value = self._draw().html()

    def _draw(self) -> Picture:
        figure, (axes,) = new_axes(6.6, 3.3)
        lags = np.arange(self.steps.value + 1)
        axes.axhline(1, color=GRID, lw=1)
        axes.axhline(0.01, color=GRID, lw=1, ls="--")
        axes.text(lags[-1], 0.012, "1 %", color=INK, fontsize=8, ha="right")
        name = f"radius {self.radius.value:.1f} to the power of the steps"
        axes.plot(lags, self.radius.value ** lags.astype(float), color="#707070", ls=":", lw=1.2, label=name)
        axes.plot(lags, self.rnn, color=COLOURS[1], ls="--", marker="s", markevery=8, ms=4, lw=1.6, label="plain network: h to h")
        axes.plot(lags, self.lstm, color=COLOURS[0], ls="-", marker="o", markevery=8, ms=4, lw=1.6, label="LSTM: c to c")
        axes.set(yscale="log", ylim=(FLOOR, 1e6), xlim=(0, lags[-1]))
        axes.set_xlabel("steps back", fontsize=9, color=INK)
        axes.legend(fontsize=8, frameon=False, loc="lower left")
        write_title(axes, "How far back the gradient reaches")
        return Picture(figure, axes, f"How far back the gradient reaches, on a logarithmic scale. {self.text}")


def _slider(kind: type, description: str, value: float, low: float, high: float, step: float) -> Any:
    # Not while the handle is being dragged: each change computes two networks.
    return kind(
        value,
        min=low,
        max=high,
        step=step,
        description=description,
        continuous_update=False,
        layout=Layout(width="26em"),
        style={"description_width": "initial"},  # the usual width cuts "W_hh radius"
    )


def _words(reach: np.ndarray, steps: int) -> str:
    below = first_below(reach)
    when = f"below 1 % after {below} steps" if below is not None else f"not below 1 % in {steps} steps"
    return f"reach over {steps} steps {_rounded(reach[-1])}, {when}"


def _rounded(value: float) -> str:
    """Write a size so that another processor writes the same."""
    return f"{value:.2f}" if 0.01 <= value < 100 else f"about 10^{np.log10(value):.0f}" if value > 0 else "0"


def _size(matrix: np.ndarray) -> float:
    return float(np.linalg.norm(matrix) / np.sqrt(len(matrix)))


def _check(most: int, lags: int) -> None:
    if not 0 <= lags <= most:
        raise ValueError(f"lags={lags}: with these states one can look back over 0 to {most} steps.")
