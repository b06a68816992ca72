"""The gradient explorer of lesson 03: what it shows is what pushing a state shows, over the whole range of its sliders."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from ipywidgets import HTML

from musiclab.lstm import LSTM, sigmoid
from musiclab.widgets.gradients import RHYTHM, GradientExplorer, first_below, lstm_reach, rnn_reach, rnn_states

PUSH = 1e-5


def size(columns):
    """Of the matrix whose columns these are: by how much it lengthens, root mean square over all directions."""
    return np.sqrt((np.array(columns) ** 2).sum() / len(columns))


def rnn_by_pushing(W_ih, W_hh, xs, lag):
    """Push each unit of the state `lag` steps before the end, and see what becomes of the last state."""

    def end(h):
        for x in xs[len(xs) - lag :]:
            h = np.tanh(W_ih @ x + W_hh @ h)
        return h

    then = rnn_states(W_ih, W_hh, xs)[-1 - lag]
    return size([(end(then + e) - end(then - e)) / (2 * PUSH) for e in PUSH * np.eye(len(W_hh))])


def lstm_by_pushing(layer, xs, lag):
    gates = layer.forward(xs)
    h, c, rest = gates.h[-1 - lag], gates.c[-1 - lag], xs[len(xs) - lag :]

    def end(c):
        return layer.forward(rest, h, c).c[-1]

    return size([(end(c + e) - end(c - e)) / (2 * PUSH) for e in PUSH * np.eye(layer.units)])


# --- the two functions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("radius", [0.3, 0.9, 1.5, 3.0])
def test_reach_of_a_plain_network_is_what_pushing_shows(radius):
    rng = np.random.default_rng(0)
    W_hh = radius * np.linalg.qr(rng.normal(size=(6, 6)))[0]
    W_ih, xs = rng.normal(size=(6, 2)), rng.normal(size=(40, 2))
    reach = rnn_reach(W_hh, rnn_states(W_ih, W_hh, xs), 12)
    for lag in (1, 2, 5, 12):
        assert reach[lag] == pytest.approx(rnn_by_pushing(W_ih, W_hh, xs, lag), rel=1e-5, abs=1e-10)


def test_without_tanh_it_is_the_power_of_the_matrix():
    rng = np.random.default_rng(1)
    W_hh = rng.normal(size=(5, 5))
    reach = rnn_reach(W_hh, np.zeros((9, 5)), 9)  # at h = 0 the slope of tanh is 1
    assert reach == pytest.approx([np.linalg.norm(np.linalg.matrix_power(W_hh, k)) / np.sqrt(5) for k in range(10)])
    turned = np.linalg.qr(rng.normal(size=(5, 5)))[0]  # changes no length
    assert rnn_reach(1.1 * turned, np.zeros((50, 5)), 50) == pytest.approx(1.1 ** np.arange(51))


def test_a_saturated_step_lets_nothing_through():
    hs = np.full((5, 3), 0.5)
    hs[1] = 1.0  # the second step
    reach = rnn_reach(np.eye(3), hs, 5)
    assert reach == pytest.approx([1, 0.75, 0.75**2, 0.75**3, 0, 0])


@pytest.mark.parametrize("bias", [-2.0, 1.0, 4.0])
def test_reach_of_an_lstm_is_what_pushing_shows(bias):
    rng = np.random.default_rng(2)
    layer = LSTM.random(2, 5, rng, dtype=np.float64)
    layer = replace(layer, b_if=np.full(5, bias), W_hg=3 * layer.W_hg)  # with strong ways through h, too
    xs = rng.normal(size=(30, 2))
    reach = lstm_reach(layer, xs, 15)
    for lag in (1, 2, 6, 15):
        assert reach[lag] == pytest.approx(lstm_by_pushing(layer, xs, lag), rel=1e-4, abs=1e-10)


def test_an_lstm_whose_gates_are_fixed_keeps_the_power_of_its_forget_gate():
    layer = LSTM(**{name: np.zeros_like(w) for name, w in vars(LSTM.random(1, 4, np.random.default_rng(0), dtype=float)).items()})
    for bias in (-1.0, 0.0, 3.0):
        fixed = replace(layer, b_if=np.full(4, bias))
        assert lstm_reach(fixed, np.ones((21, 1)), 20) == pytest.approx(sigmoid(np.array(bias)) ** np.arange(21))


def test_directions_measure_along_themselves_and_estimate_the_whole():
    rng = np.random.default_rng(3)
    layer = LSTM.random(1, 40, rng)  # float32, as in a bundle
    xs = rng.normal(size=(20, 1))
    whole = lstm_reach(layer, xs, 10)
    assert lstm_reach(layer, xs, 10, np.eye(40)) == pytest.approx(whole)
    turned = np.linalg.qr(rng.normal(size=(40, 40)))[0]
    assert lstm_reach(layer, xs, 10, turned) == pytest.approx(whole, rel=1e-4)  # any 40 at right angles are all of it
    assert lstm_reach(layer, xs, 10, turned[:10]) == pytest.approx(whole, rel=0.2)


def test_no_further_back_than_there_are_states():
    hs, layer = np.zeros((4, 3)), LSTM.random(1, 3, np.random.default_rng(0))
    assert len(rnn_reach(np.eye(3), hs, 4)) == 5 and rnn_reach(np.eye(3), hs, 0).tolist() == [1]
    assert len(lstm_reach(layer, np.zeros((5, 1)), 4)) == 5
    for wrong in (5, -1):
        with pytest.raises(ValueError, match="look back over 0 to 4 steps"):
            rnn_reach(np.eye(3), hs, wrong)
        with pytest.raises(ValueError, match="look back over 0 to 4 steps"):
            lstm_reach(layer, np.zeros((5, 1)), wrong)


def test_first_below():
    assert first_below([1, 0.5, 0.009, 0.5, 0.001]) == 2
    assert first_below([1, 0.5, 0.2]) is None
    assert first_below([1, 0.5, 0.2], 0.5) == 2


# --- the widget -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def explorer():
    return GradientExplorer()


def consistent(explorer):
    """Whatever the sliders say: values, picture and words tell of the same networks."""
    steps = explorer.steps.value
    for reach in (explorer.rnn, explorer.lstm):
        assert reach.shape == (steps + 1,) and reach[0] == 1
        assert np.isfinite(reach).all() and (reach >= 0).all()
    assert 0 < explorer.forget < 1
    assert "data:image/png;base64,iVBOR" in explorer.image.value and len(explorer.image.value) < 60_000
    assert f'{explorer.text}" style' in explorer.image.value, "in the alt text"
    for words in (f"radius {explorer.radius.value:.1f}", f"forget bias {explorer.forget_bias.value:.1f}", f"over {steps} steps"):
        assert words in explorer.text
    assert explorer.line.value == explorer.text  # no sign in it that HTML would have to escape
    for reach in (explorer.rnn, explorer.lstm):
        below = first_below(reach)
        assert (f"below 1 % after {below} steps" if below is not None else f"not below 1 % in {steps} steps") in explorer.text


def test_over_the_whole_range_of_each_slider(explorer):
    for slider in (explorer.radius, explorer.steps, explorer.forget_bias):
        before, pictures = slider.value, set()
        values = np.unique(np.append(np.arange(slider.min, slider.max, 3 * slider.step), slider.max))
        for value in values.tolist():
            slider.value = value
            consistent(explorer)
            pictures.add(explorer.image.value.partition("src=")[2])
        assert len(pictures) == len(values)  # each setting has its picture
        slider.value = before


@pytest.mark.parametrize(("radius", "steps", "bias"), [(0.5, 8, -2.0), (1.0, 16, 1.0), (1.6, 24, 4.0)])
def test_it_shows_what_pushing_shows(radius, steps, bias):
    explorer = GradientExplorer(radius=radius, steps=steps, forget_bias=bias)
    xs = np.resize(np.array(RHYTHM, dtype=float), 32 + steps)[:, None]
    W_ih, W_hh, layer = explorer._W_ih, radius * explorer._W_hh, replace(explorer._layer, b_if=np.full(16, bias))
    assert np.abs(np.linalg.eigvals(W_hh)).max() == pytest.approx(radius)
    for lag in (1, 7, steps):
        assert explorer.rnn[lag] == pytest.approx(rnn_by_pushing(W_ih, W_hh, xs, lag), rel=1e-4, abs=1e-9)
        assert explorer.lstm[lag] == pytest.approx(lstm_by_pushing(layer, xs, lag), rel=1e-4, abs=1e-9)
    assert explorer.forget == pytest.approx(layer.forward(xs).f[-steps:].mean())


def test_a_larger_radius_reaches_further_and_so_does_a_larger_forget_gate(explorer):
    """The gate alone decides for c; with tanh in the way the radius does so on the whole, not at every place."""
    plain = []
    for radius in np.linspace(explorer.radius.min, explorer.radius.max, 8):
        explorer.radius.value = radius
        plain.append(np.log(explorer.rnn).mean())
    assert (np.diff(plain) > 0).all() and plain[-1] > 0 > plain[0]
    gated, forget = [], []
    for bias in np.linspace(explorer.forget_bias.min, explorer.forget_bias.max, 8):
        explorer.forget_bias.value = bias
        gated.append(np.log(explorer.lstm).mean())
        forget.append(explorer.forget)
    assert (np.diff(forget) > 0).all() and (np.diff(gated[:6]) > 0).all() and gated[-1] > -0.5 > gated[0]


def test_the_way_to_a_setting_does_not_matter():
    one, other = GradientExplorer(radius=0.7, steps=40, forget_bias=2.0), GradientExplorer()
    for slider, values in ((other.forget_bias, (6, -2, 2)), (other.radius, (2, 0.7)), (other.steps, (128, 8, 40))):
        for value in values:
            slider.value = value
    assert np.array_equal(one.rnn, other.rnn) and np.array_equal(one.lstm, other.lstm)
    assert one.image.value == other.image.value and one.text == other.text


def test_a_value_outside_is_brought_to_the_edge(explorer):
    explorer.radius.value = 50
    assert explorer.radius.value == explorer.radius.max
    explorer.steps.value = -3
    assert explorer.steps.value == explorer.steps.min
    consistent(explorer)


def test_sliders_have_names_and_wait_until_they_are_let_go(explorer):
    sliders = explorer.children[:3]
    assert sliders == (explorer.radius, explorer.steps, explorer.forget_bias)
    assert len({slider.description for slider in sliders}) == 3
    assert not any(slider.continuous_update or slider.disabled for slider in sliders)
    assert isinstance(explorer.line, HTML) and isinstance(explorer.image, HTML)


def test_where_widgets_do_not_run_the_text_is_there(explorer):
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/plain"] == explorer.text == repr(explorer)
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_a_slider_may_be_moved_in_another_thread(explorer):
    errors = []

    def move():
        try:
            explorer.steps.value = 48
            explorer.radius.value = 1.3
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=move)
    thread.start()
    thread.join(60)
    assert not errors and not thread.is_alive()
    consistent(explorer)
