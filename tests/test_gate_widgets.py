"""Lesson 04: its widgets over their whole range, its pictures, and whether its own checks catch a wrong gate."""

from __future__ import annotations

import contextlib
import itertools
import math
import re
import threading
import xml.etree.ElementTree as ET
from pathlib import Path

import jupytext
import numpy as np
import pytest
from ipywidgets import Button, Dropdown, FloatSlider, IntSlider

from musiclab import Score, show
from musiclab.bundle import DATA
from musiclab.files import read_score
from musiclab.lstm import LSTM
from musiclab.show import gates
from musiclab.widgets.gates import GateExplorer, MemoryExplorer

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
SOURCE = NOTEBOOKS / "source" / "04_the_lstm_gate_by_gate.py"

# --- the gate explorer --------------------------------------------------------------------------------


def by_hand(x, h, c, weights):
    """The six lines for one unit, in plain Python."""
    z = {k: w_x * x + w_h * h + b for k, (w_x, w_h, b) in weights.items()}
    i, f, o = (1 / (1 + math.exp(-z[k])) for k in "ifo")
    g = math.tanh(z["g"])
    c = f * c + i * g
    return i, f, g, o, c, o * math.tanh(c)


def tells_the_truth(explorer):
    """Whatever was moved: attributes, table, text and sliders tell of the same unit."""
    x, h, c = explorer.x.value, explorer.h.value, explorer.c.value
    assert explorer.weights[explorer.gate.value] == (explorer.w_x.value, explorer.w_h.value, explorer.b.value)
    wanted = by_hand(x, h, c, explorer.weights)
    assert np.isfinite(explorer.gates).all()
    assert explorer.gates == pytest.approx(wanted, abs=1e-12)
    one = LSTM(
        **{f"{kind}{k}": np.array([[explorer.weights[k][n]]]) for k in "ifgo" for n, kind in enumerate(("W_i", "W_h"))},
        **{f"b_i{k}": np.array([explorer.weights[k][2] - 7]) for k in "ifgo"},  # the two biases are one slider
        **{f"b_h{k}": np.array([7.0]) for k in "ifgo"},
    )
    step = one.step(np.array([x]), np.array([h]), np.array([c]))
    assert explorer.gates == pytest.approx([v.item() for v in step], abs=1e-9)
    i, f, g, o, new_c, new_h = wanted
    shown = [float(v) for v in re.findall(r"<b>(-?[\d.]+)</b>", explorer.table.value)]
    assert shown == pytest.approx([i, f, g, o, new_c, new_h], abs=6e-4)
    for name, value in zip("ifgoch", wanted, strict=True):
        assert f"{name} {value:.3f}".replace("-0.000", "0.000") in explorer.text.replace("-0.000", "0.000")
    widths = [float(w) for w in re.findall(r"left:[\d.]+%;width:([\d.]+)%", explorer.table.value)]
    assert len(widths) == 6 and all(0 <= width <= 50 for width in widths)


def test_the_explorer_is_right_over_the_whole_range_of_every_slider():
    explorer = GateExplorer()
    tells_the_truth(explorer)
    inputs, weights = (explorer.x, explorer.h, explorer.c), (explorer.w_x, explorer.w_h, explorer.b)
    for gate in "ifgo":
        explorer.gate.value = gate
        for slider in (*inputs, *weights):
            before = slider.value
            for value in np.linspace(slider.min, slider.max, 9):
                slider.value = float(value)
                tells_the_truth(explorer)
            slider.value = before
    for corner in itertools.product(*((s.min, s.max) for s in inputs)):
        for gate, end in itertools.product("ifgo", (0, 1)):
            explorer.gate.value = gate
            for slider in weights:
                slider.value = (slider.min, slider.max)[end]
            for slider, value in zip(inputs, corner, strict=True):
                slider.value = value
            tells_the_truth(explorer)


def test_choosing_a_gate_shows_its_weights_and_changes_none():
    explorer = GateExplorer()
    for k, gate in enumerate("fogi"):
        explorer.gate.value = gate
        explorer.w_x.value, explorer.w_h.value, explorer.b.value = 0.1 * k, -0.2 * k, 1.5 - k
    wanted = dict(explorer.weights)
    assert len(set(wanted.values())) == 4
    for gate in "iofgfo":
        explorer.gate.value = gate
        assert explorer.weights == wanted
        tells_the_truth(explorer)
        assert [s.description for s in (explorer.w_x, explorer.w_h, explorer.b)] == [f"W_i{gate}", f"W_h{gate}", f"b_{gate}"]


def test_the_equations_have_the_numbers_filled_in():
    explorer = GateExplorer()
    explorer.x.value, explorer.h.value, explorer.gate.value = -1.5, 0.3, "g"
    explorer.w_x.value, explorer.w_h.value, explorer.b.value = 2.0, -0.7, 0.4
    assert "tanh(2.0 · (-1.5) + (-0.7) · 0.3 + 0.4) = tanh(-2.81)" in explorer.table.value
    assert explorer.table.value.count("= σ(") >= 3


# --- the memory explorer ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def memory():
    return MemoryExplorer(bar=12)


def test_the_memory_explorer_is_right_over_its_whole_range(memory):
    for f, steps in itertools.product((0.0, 0.005, 0.1, 0.5, 0.9, 0.995, 1.0), (1, 2, 12, 191, 192)):
        memory.f.value, memory.steps.value = f, steps
        kept = 1.0
        for _ in range(steps):  # a cell to which nothing is added
            kept = f * kept
        assert memory.left == pytest.approx(kept, abs=1e-12)
        if 0 < f < 1:
            assert f**memory.half_life == pytest.approx(0.5)
        assert f"f = {f:.3f}" in memory.text and f"{kept:.1%}" in memory.text and memory.words.value in memory.text
        assert not re.search(r"\bnan\b|\binf\b", memory.text)
        assert "data:image/png;base64,iVBOR" in memory.curve.value and len(memory.curve.value) < 50_000
        assert f'over {steps} steps with f = {f:.3f}." style' in memory.curve.value, "in the alt text"
    memory.f.value = 0.0
    assert memory.half_life == 0 and "gone at once" in memory.text
    memory.f.value = 1.0
    assert memory.half_life == math.inf and "never fades" in memory.text


def test_the_curve_is_the_value_at_each_step(memory):
    memory.f.value, memory.steps.value = 0.8, 20
    line = memory._draw().axes.lines[0]
    assert np.allclose(line.get_xdata(), range(21))
    assert np.allclose(line.get_ydata(), np.cumprod([1.0] + [0.8] * 20))


@pytest.mark.parametrize("make", [GateExplorer, MemoryExplorer])
def test_a_widget_has_words_and_works_by_keyboard_and_from_another_thread(make):
    widget = make()
    controls = [w for w in all_of(widget) if isinstance(w, FloatSlider | IntSlider | Dropdown | Button)]
    assert len(controls) >= 2 and all(w.description and not w.disabled for w in controls)
    assert len({w.description for w in controls}) == len(controls)
    bundle = widget._repr_mimebundle_()
    assert bundle["text/plain"] == repr(widget) == widget.text and "application/vnd.jupyter.widget-view+json" in bundle
    slider, before = next(w for w in controls if isinstance(w, FloatSlider)), widget.text
    thread = threading.Thread(target=lambda: setattr(slider, "value", slider.min))
    thread.start()
    thread.join(30)
    assert widget.text != before


def all_of(widget):
    return [widget, *(inner for child in getattr(widget, "children", ()) for inner in all_of(child))]


# --- the pictures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "function"), [("σ", lambda z: 1 / (1 + np.exp(-z))), ("tanh", np.tanh)])
def test_squash_puts_each_unit_on_the_curve(name, function):
    sums = np.array([-7.0, 0.0, 2.5])
    picture = gates.squash(sums, name)
    points = [line.get_xydata()[0] for line in picture.axes.lines if line.get_label().startswith("unit")]
    assert np.allclose(points, np.stack([sums, function(sums)], axis=1))
    low, high = picture.axes.get_xlim()
    assert low < -7 < high
    assert "3 units" in picture.text and f"{name}(2.50)" in picture.text


def test_squash_refuses_what_it_cannot_draw():
    with pytest.raises(ValueError, match="choose one of σ, tanh"):
        gates.squash([1.0], "relu")
    with pytest.raises(ValueError, match="1 to 8 units"):
        gates.squash(np.zeros(9), "σ")


def test_parts_draws_every_number():
    values = {"old": [1.0, -2.0], "new": [0.5, 0.0]}
    picture = gates.parts(values)
    assert [[bar.get_width() for bar in ax.patches] for ax in picture.axes] == [[1.0, 0.5], [-2.0, 0.0]]
    assert "Unit 1: old 1.000, new 0.500; unit 2: old -2.000, new 0.000." in picture.text


TUNE = Score([(k * 0.5, 0.5, 60 + k % 5) for k in range(32)], title="A <tune>")  # four bars of eighths


def curves_of(engraving):
    """Return the corner points of each curve: lists of (x, y)."""
    svg = ET.fromstring(engraving.svg)
    paths = [p.get("d") for p in svg.iter("{http://www.w3.org/2000/svg}path") if p.get("stroke-width") == "2"]
    found = []
    for path in paths:
        x, y = map(int, re.match(r"M(\d+) (\d+)", path).groups())
        points = [(x, y)]
        for kind, number in re.findall(r"([VH])(\d+)", path):
            x, y = (int(number), y) if kind == "H" else (x, int(number))
            points.append((x, y))
        found.append(points)
    return found


def test_each_step_stands_under_its_note_and_at_its_height():
    values = np.linspace(0, 1, 64)
    engraving = gates.under_notation(TUNE, {"f": values, "c": 10 * values - 5}, bars=(1, 4))
    f, c = curves_of(engraving)
    assert len(f) == len(c) == 1 + 2 * 64
    plain = show.notation(TUNE, bars=(1, 4))
    for place in plain.places:  # a note at every second step
        at = 2 * round(place.onset * 4)
        assert abs(f[at][0] - place.x) <= 1
    xs = [x for x, _ in f]
    assert xs == sorted(xs) and xs == [x for x, _ in c] and max(xs) <= engraving.width
    for points in (f, c):  # from the lowest to the highest, in a straight line, beneath the notation
        heights = [y for _, y in points][1::2]
        assert heights[0] > heights[-1] and np.allclose(np.diff(heights), np.diff(heights).mean(), atol=1.1)
        assert min(heights) > plain.height and max(heights) < engraving.height
    assert engraving.text.endswith("2 curves step by step: f, c.") and plain.text in engraving.text


def test_later_bars_show_their_own_steps():
    values = np.where(np.arange(64) // 16 == 2, 1.0, 0.0)  # 1 in the third bar alone
    for first, last, wanted in ((3, 3, {1}), (1, 2, {0}), (2, 3, {0, 1})):
        (points,) = curves_of(gates.under_notation(TUNE, {"v": values}, bars=(first, last)))
        heights = {y for _, y in points[1:]}
        assert len(heights) == len(wanted)


def test_the_same_picture_in_every_call_and_what_cannot_be_drawn_is_refused():
    one, two = (gates.under_notation(TUNE, {"o": np.zeros(64)}, bars=(1, 2)) for _ in range(2))
    assert one.svg == two.svg and "&lt;tune&gt;" in one.svg
    with pytest.raises(ValueError, match="has 10 steps, and bar 2 ends after 32"):
        gates.under_notation(TUNE, {"o": np.zeros(10)}, bars=(1, 2))
    long = read_score(DATA / "tunes" / "greensleeves.abc")
    with pytest.raises(ValueError, match="more than one line"):
        gates.under_notation(long, {"o": np.zeros(300)}, bars=(1, 17))


# --- the lesson's own checks --------------------------------------------------------------------------

CELLS = [cell.source for cell in jupytext.read(SOURCE).cells if cell.cell_type == "code"]


def cell_with(words):
    (found,) = [cell for cell in CELLS if words in cell]
    return found


@pytest.fixture(scope="module")
def lesson():
    """The names that a student has after running the lesson up to the finite differences."""
    names = {"__name__": "__main__"}
    with contextlib.chdir(NOTEBOOKS):
        for cell in CELLS[: CELLS.index(cell_with("def loss(W):")) + 1]:
            exec(compile(cell, "<lesson 04>", "exec"), names)
    return names


def wrong(lesson, definition, right, mistake, *checks):
    """Run a cell with a mistake in it and then the cells that are to notice."""
    cell = cell_with(definition)
    assert cell.count(right) == 1, f"the lesson does not say {right} once"
    names = dict(lesson)
    with contextlib.chdir(NOTEBOOKS):
        exec(compile(cell.replace(right, mistake), "<lesson 04, wrong>", "exec"), names)
        for check in checks:
            exec(compile(cell_with(check), "<lesson 04>", "exec"), names)


GATES = [("i", "input_gate", "input gate"), ("f", "forget_gate", "forget gate"), ("g", "candidate", "cell candidate")]
GATES += [("o", "output_gate", "output gate")]


def mistakes_of(k, function):
    """Typical slips in the cell of one gate."""
    other = "i" if k == "o" else "o"
    squash, not_squash = ("np.tanh", "sigmoid") if k == "g" else ("sigmoid", "np.tanh")
    yield f'W["W_i{k}"]', f'W["W_i{other}"]'  # the gates in another order
    yield f'W["W_h{k}"].T', f'W["W_h{other}"].T'
    yield f' + W["b_i{k}"]', ""  # a bias forgotten
    yield f' + W["b_h{k}"]', ""
    yield f'W["b_h{k}"]', f'W["b_h{other}"]'
    yield f'W["W_h{k}"].T', f'W["W_h{k}"]'  # not transposed, and square, so nothing crashes
    yield f'h @ W["W_h{k}"].T', "0"
    yield f"return {squash}(", f"return {not_squash}("
    yield f"return {squash}(", "return ("


WRONG = [
    (f"def sum_{k}(", right, mistake, f'agree("{name}", ')
    for k, function, name in GATES
    for right, mistake in mistakes_of(k, function)
]
WRONG += [
    ("def cell_state(", "return f * c + i * g", f"return {mistake}", 'agree("cell state", ')
    for mistake in ("i * c + f * g", "f * c + g", "c + i * g", "f * c", "np.tanh(f * c + i * g)", "f * c - i * g")
]
WRONG += [
    ("def hidden_state(", "return o * np.tanh(c)", f"return {mistake}", 'agree("hidden state", ')
    for mistake in ("o * c", "np.tanh(c)", "np.tanh(o * c)", "o * sigmoid(c)")
]


@pytest.mark.parametrize(("definition", "right", "mistake", "check"), WRONG)
def test_a_wrong_gate_is_caught_by_the_lessons_own_check(lesson, definition, right, mistake, check):
    with pytest.raises(AssertionError, match="they differ by"):
        wrong(lesson, definition, right, mistake, check)


def test_the_right_gates_pass_where_the_wrong_ones_are_caught(lesson):
    for check in sorted({check for *_, check in WRONG}):
        exec(compile(cell_with(check), "<lesson 04>", "exec"), dict(lesson))


@pytest.mark.parametrize(
    ("right", "mistake"),
    [
        ("c, h = np.where(real, new_c, c), np.where(real, new_h, h)", "c, h = new_c, new_h"),
        ("else mask[..., t, None]", "else True"),
    ],
)
def test_a_sequence_that_ignores_the_mask_is_caught(lesson, right, mistake):
    with pytest.raises(AssertionError, match="they differ by"):
        wrong(lesson, "def lstm(xs, W, mask=None):", right, mistake)


@pytest.mark.parametrize("mistake", ["h, c = steps[-1][4:]", "c, _ = steps[-1][4:]", "_, h = steps[-1][4:]"])
def test_a_sequence_that_loses_a_state_is_caught(lesson, mistake):
    with pytest.raises(AssertionError, match="they differ by"):
        wrong(lesson, "def lstm(xs, W):", "c, h = steps[-1][4:]", mistake)


@pytest.mark.parametrize(
    ("right", "mistake"),
    [
        (" + dh_later", ""),
        (" + dc_later", ""),
        ("dc_later = dc * f[t]", "dc_later = dc"),
        ("dc * g[t] * i[t] * (1 - i[t])", "dc * g[t]"),
        ("c_before[t] * f[t]", "c[t] * f[t]"),
        ("(1 - g[t] ** 2)", "(1 - g[t]) * g[t]"),
        ("dh * tanh_c * o[t]", "dh * c[t] * o[t]"),
        ("* (1 - tanh_c**2)", ""),
        ("for gate in \"ifgo\")\n    dW", "for gate in \"ifg\")\n    dW"),
        ("dz[gate].T @ h_before", "dz[gate].T @ h"),
    ],
)  # fmt: skip
def test_a_wrong_gradient_is_caught_by_finite_differences(lesson, right, mistake):
    with pytest.raises(AssertionError):
        wrong(lesson, "def backward(xs, W, values, dh_of_loss):", right, mistake, "def loss(W):")


def test_the_judge_is_not_content_with_nonsense(lesson):
    agree, good = lesson["agree"], np.zeros((3, 4))
    agree("the same", good, good.copy())
    for bad in (np.full((3, 4), np.nan), good[:2], good[0], good + 1.1e-6, np.where(np.eye(3, 4), np.inf, 0)):
        with pytest.raises(AssertionError):
            agree("something else", bad, good)
