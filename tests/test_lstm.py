"""The LSTM in NumPy: gate by gate equal to its equations, to Keras, and to the engine that samples.

Its gradients have three judges: differences of the loss, TensorFlow's tape, and the mask itself (a step that
is masked must count as little as one that is left out).
"""

from itertools import pairwise
from math import exp, tanh

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musiclab.lstm import LSTM, Gates, Gradients, Stream, backward_stack, forward_stack, log_softmax, sigmoid
from musiclab.models import keras, stream_model, weights_of

RNG = np.random.default_rng(0)
TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def random_layer(inputs, units, rng=RNG, dtype="float64", scale=0.5):
    """An LSTM whose every weight, both biases too, is random."""
    shapes = [(units, inputs)] * 4 + [(units, units)] * 4 + [(units,)] * 8
    return LSTM(*(rng.normal(0, scale, shape).astype(dtype) for shape in shapes))


def keras_layer(layer):
    """The Keras layer with the weights of one of ours."""
    twin = keras.layers.LSTM(layer.units, return_sequences=True, return_state=True, dtype=str(layer.dtype))
    twin.build((None, None, layer.inputs))
    twin.set_weights(layer.to_keras())
    return twin


def randomised(model):
    for weight in model.trainable_variables:
        weight.assign(RNG.normal(0, 1.0, weight.shape))
    return model


def softmax(logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def largest(array):
    return np.abs(array).max(initial=0)


def assert_close(mine, expected, tolerance, measure=None):
    """Compare arrays, by default with the largest number of the expected one as the measure; 0 must be 0."""
    mine, expected = np.asarray(mine), np.asarray(expected)
    assert mine.shape == expected.shape
    assert largest(mine - expected) <= tolerance * (largest(expected) if measure is None else measure)


# --- one step, and sequences of them ----------------------------------------------------------------------


def test_one_step_is_the_six_equations_number_by_number():
    layer = random_layer(3, 2, scale=1.0)
    x, h, c = RNG.normal(size=3), RNG.normal(size=2), RNG.normal(size=2)
    gates = layer.step(x, h, c)
    for unit in range(layer.units):
        z = {
            gate: sum(getattr(layer, f"W_i{gate}")[unit, k] * x[k] for k in range(3))
            + getattr(layer, f"b_i{gate}")[unit]
            + sum(getattr(layer, f"W_h{gate}")[unit, k] * h[k] for k in range(2))
            + getattr(layer, f"b_h{gate}")[unit]
            for gate in "ifgo"
        }
        i, f, o = (1 / (1 + exp(-z[gate])) for gate in "ifo")
        g = tanh(z["g"])
        c_new = f * c[unit] + i * g
        expected = (i, f, g, o, c_new, o * tanh(c_new))
        assert np.allclose([values[unit] for values in gates], expected, rtol=1e-12)


@pytest.mark.parametrize("units", [1, 7, 32, 256])
def test_whole_sequences_equal_keras(units):
    mine = random_layer(5, units, dtype="float32", scale=min(0.5, 1 / np.sqrt(units)))
    xs = RNG.normal(size=(3, 20, 5)).astype(np.float32)
    hs, h, c = (np.array(value) for value in keras_layer(mine)(xs))
    gates = mine.forward(xs)
    assert mine.units == units
    assert np.abs(gates.h - hs).max() < 1e-6
    assert np.abs(gates.h[:, -1] - h).max() < 1e-6
    assert np.abs(gates.c[:, -1] - c).max() < 1e-6 * max(1, np.abs(c).max())
    assert np.abs(hs).max() > 0.2  # and not because all is small


def test_given_states_are_where_it_begins():
    mine = random_layer(4, 6, dtype="float32")
    xs = RNG.normal(size=(2, 9, 4)).astype(np.float32)
    h0, c0 = RNG.normal(size=(2, 2, 6)).astype(np.float32)
    hs = np.array(keras_layer(mine)(xs, initial_state=[h0, c0])[0])
    assert np.abs(mine.forward(xs, h0, c0).h - hs).max() < 1e-6
    assert np.abs(mine.forward(xs).h - hs).max() > 1e-2
    assert np.abs(mine.forward(xs, h0).h - hs).max() > 1e-2


@settings(max_examples=20)
@given(st.integers(0, 12), st.integers(0, 12))
def test_going_on_from_the_states_is_going_through_at_once(first, second):
    rng = np.random.default_rng(first * 13 + second)
    mine, xs = random_layer(3, 4, rng), rng.normal(size=(first + second, 3))
    whole, left = mine.forward(xs), mine.forward(xs[:first])
    states = (left.h[-1], left.c[-1]) if first else (None, None)
    right = mine.forward(xs[first:], *states)
    for one, a, b in zip(whole, left, right, strict=True):
        assert one.shape == (first + second, 4)
        assert np.allclose(one, np.concatenate([a, b]), atol=1e-12)


def test_the_gates_of_a_batch_are_those_of_each_sequence_and_of_each_step():
    mine, xs = random_layer(3, 4), RNG.normal(size=(2, 5, 7, 3))  # any number of axes before (steps, inputs)
    gates = mine.forward(xs)
    for a, b in np.ndindex(2, 5):
        h, c = np.zeros(4), np.zeros(4)
        alone = mine.forward(xs[a, b])
        for t in range(7):
            step = mine.step(xs[a, b, t], h, c)
            h, c = step.h, step.c
            for values, one, now in zip(gates, alone, step, strict=True):
                assert np.allclose(values[a, b, t], now, rtol=1e-12)
                assert np.allclose(one[t], now, rtol=1e-12)


def test_sigmoid_and_log_softmax_do_not_overflow():
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]
        assert np.allclose(log_softmax(np.array([[1000.0, 0.0], [0.0, 0.0]])), [[0.0, -1000.0], np.log([0.5, 0.5])])
    x = np.linspace(-6, 6, 13)
    assert np.allclose(sigmoid(x), 1 / (1 + np.exp(-x)), atol=1e-15)


# --- weights ------------------------------------------------------------------------------------------------


@TYPES
def test_weights_go_to_keras_and_come_back(dtype):
    mine = random_layer(3, 4, dtype=dtype)
    kernel, recurrent_kernel, bias = mine.to_keras()
    assert (kernel.shape, recurrent_kernel.shape, bias.shape) == ((3, 16), (4, 16), (16,))
    back = LSTM.from_keras(kernel, recurrent_kernel, bias)
    for name, weight in vars(back).items():
        gate = name[-1]
        sums = {"b_i": getattr(mine, f"b_i{gate}") + getattr(mine, f"b_h{gate}"), "b_h": np.zeros(4)}
        assert np.array_equal(weight, sums.get(name[:3], getattr(mine, name))), name
        assert weight.dtype == dtype
    assert all(np.array_equal(a, b) for a, b in zip(back.to_keras(), (kernel, recurrent_kernel, bias), strict=True))


def test_a_layer_has_weights_of_its_own():
    arrays = random_layer(3, 4).to_keras()
    before = [array.copy() for array in arrays]
    for weight in vars(LSTM.from_keras(*arrays)).values():
        weight += 1.0
    assert all(np.array_equal(array, old) for array, old in zip(arrays, before, strict=True))


@TYPES
def test_random_weights_are_drawn_as_keras_draws_them(dtype):
    mine = LSTM.random(40, 30, np.random.default_rng(1), dtype=dtype)
    twin = keras.layers.LSTM(30, dtype=dtype)
    twin.build((None, None, 40))
    for ours, theirs in zip(mine.to_keras(), twin.get_weights(), strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    (kernel, recurrent, bias), (their_kernel, their_recurrent, their_bias) = mine.to_keras(), twin.get_weights()
    assert np.array_equal(bias, their_bias)
    # 4800 numbers spread evenly: their ends and their spread are known well.
    assert np.isclose(np.abs(kernel).max(), np.abs(their_kernel).max(), rtol=5e-3)
    assert np.isclose(kernel.std(), their_kernel.std(), rtol=0.03)
    assert np.isclose(kernel.min(), -kernel.max(), rtol=5e-3)
    for matrix in (recurrent, their_recurrent):
        assert np.allclose(matrix @ matrix.T, np.eye(30), atol=1e-5)
    assert abs(recurrent.mean()) < 0.01
    again = LSTM.random(40, 30, np.random.default_rng(1), dtype=dtype)
    other = LSTM.random(40, 30, np.random.default_rng(2), dtype=dtype)
    assert np.array_equal(mine.W_ho, again.W_ho) and not np.array_equal(mine.W_ho, other.W_ho)


def test_random_orthogonal_matrices_favour_no_sign():
    """Without the correction of signs, QR gives a first row whose first number is nearly always negative."""
    firsts = [LSTM.random(1, 2, np.random.default_rng(seed)).W_hi[0, 0] for seed in range(200)]
    assert 60 < sum(first > 0 for first in firsts) < 140


def test_weights_that_do_not_fit_together_are_refused_by_name():
    weights = vars(random_layer(3, 4))
    with pytest.raises(ValueError, match=r"W_hg has shape \(4, 3\), not \(4, 4\): W_ii has 3 inputs, b_ii 4 units"):
        LSTM(**{**weights, "W_hg": weights["W_ig"]})
    with pytest.raises(ValueError, match=r"b_ho has shape \(1,\)"):
        LSTM(**{**weights, "b_ho": np.zeros(1)})
    with pytest.raises(ValueError, match="W_io is float32, W_ii float64"):
        LSTM(**{**weights, "W_io": weights["W_io"].astype(np.float32)})
    with pytest.raises(ValueError, match="W_ii is int64"):
        LSTM(**{name: weight.astype(np.int64) for name, weight in weights.items()})


@TYPES
@pytest.mark.parametrize("given_type", ["float32", "float64", "int64"])
def test_the_type_of_the_weights_is_the_type_of_everything(dtype, given_type):
    layers = [LSTM.random(3, 4, RNG, dtype=dtype), LSTM.random(4, 5, RNG, dtype=dtype)]
    xs, mask = (3 * RNG.normal(size=(2, 6, 3))).astype(given_type), RNG.random((2, 6)) < 0.7
    states = [tuple(RNG.normal(size=(2, 2, units)).astype(given_type)) for units in (4, 5)]
    dh, ends = RNG.normal(size=(2, 6, 5)).astype(given_type), states[1]
    gates = forward_stack(layers, xs, states, mask=mask)
    gradients = backward_stack(layers, xs, gates, dh, states, mask=mask)
    gradients.append(layers[1].backward(gates[0].h, gates[1], dh, dh_end=ends[0], dc_end=ends[1]))
    arrays = [*layers[0].step(xs[:, 0], *states[0]), *layers[0].forward(xs[:, :0])]
    arrays += [values for each in gates for values in each]
    arrays += [values for each in gradients for values in (*vars(each.weights).values(), each.xs, each.h, each.c)]
    assert {str(values.dtype) for values in arrays} == {dtype}
    assert {str(f(np.ones(3, dtype=dtype)).dtype) for f in (sigmoid, log_softmax)} == {dtype}


def test_shapes_that_do_not_fit_are_refused():
    mine = random_layer(3, 4)
    xs = np.zeros((2, 6, 3))
    gates = mine.forward(xs)
    with pytest.raises(ValueError, match=r"xs has shape \(2, 6, 4\), not \(steps, 3\) or \(batch, steps, 3\)"):
        mine.forward(np.zeros((2, 6, 4)))
    with pytest.raises(ValueError, match="xs has shape"):
        mine.forward(np.zeros(3))
    with pytest.raises(ValueError, match=r"the mask has shape \(6,\), not \(2, 6\)"):
        mine.forward(xs, mask=np.ones(6, dtype=bool))
    with pytest.raises(ValueError, match="broadcast"):
        mine.forward(xs, np.zeros((3, 4)))
    with pytest.raises(ValueError, match=r"dh has shape \(2, 4\), not \(2, 6, 4\)"):
        mine.backward(xs, gates, np.zeros((2, 4)))
    with pytest.raises(ValueError):
        forward_stack([mine, random_layer(4, 4)], xs, [(np.zeros(4), np.zeros(4))])
    with pytest.raises(ValueError, match="xs has shape"):
        forward_stack([mine, mine], xs)


# --- against differences ------------------------------------------------------------------------------------


def differences(loss, array, step=1e-5):
    """The gradient of ``loss()`` by an array, one number at a time: how much the loss changes with it."""
    gradient = np.empty_like(array)
    for place in np.ndindex(array.shape):
        kept = array[place]
        array[place] = kept + step
        above = loss()
        array[place] = kept - step
        gradient[place] = (above - loss()) / (2 * step)
        array[place] = kept
    return gradient


@pytest.mark.parametrize("masked", [False, True], ids=["all-real", "masked"])
def test_every_gradient_is_what_differences_say(masked):
    rng = np.random.default_rng(5)
    mine, xs = random_layer(2, 3, rng), rng.normal(size=(2, 5, 2))
    h, c, dh_end, dc_end = rng.normal(size=(4, 2, 3))
    dh, mask = rng.normal(size=(2, 5, 3)), None
    if masked:
        mask = np.array([[True, True, False, True, False], [False, True, False, False, True]])

    def loss():
        gates = mine.forward(xs, h, c, mask=mask)
        return (dh * gates.h).sum() + (dh_end * gates.h[:, -1]).sum() + (dc_end * gates.c[:, -1]).sum()

    gates = mine.forward(xs, h, c, mask=mask)
    gradients = mine.backward(xs, gates, dh, h, c, mask=mask, dh_end=dh_end, dc_end=dc_end)
    for name, weight in vars(mine).items():
        assert_close(getattr(gradients.weights, name), differences(loss, weight), 1e-6)
    for mine_says, array in ((gradients.xs, xs), (gradients.h, h), (gradients.c, c)):
        assert_close(mine_says, differences(loss, array), 1e-6)


def test_every_gradient_of_a_stack_is_what_differences_say():
    rng = np.random.default_rng(6)
    layers = [random_layer(2, 3, rng), random_layer(3, 2, rng), random_layer(2, 2, rng)]
    xs, dh = rng.normal(size=(2, 4, 2)), rng.normal(size=(2, 4, 2))
    states = [tuple(rng.normal(size=(2, 2, layer.units))) for layer in layers]
    mask = np.array([[True, True, True, False], [True, False, True, True]])

    def loss():
        return (dh * forward_stack(layers, xs, states, mask=mask)[-1].h).sum()

    gradients = backward_stack(layers, xs, forward_stack(layers, xs, states, mask=mask), dh, states, mask=mask)
    for layer, (h, c), mine_say in zip(layers, states, gradients, strict=True):
        for name, weight in vars(layer).items():
            assert_close(getattr(mine_say.weights, name), differences(loss, weight), 1e-6)
        assert_close(mine_say.h, differences(loss, h), 1e-6)
        assert_close(mine_say.c, differences(loss, c), 1e-6)
    assert_close(gradients[0].xs, differences(loss, xs), 1e-6)


# --- against Keras and TensorFlow's tape --------------------------------------------------------------------


def tape_of(layers, xs, dh, states, mask=None, ends=None):
    """Run the Keras twins; return hidden states and final states of the last, and TensorFlow's gradients of each."""
    import tensorflow as tf

    twins = [keras_layer(layer) for layer in layers]
    x = tf.constant(xs)
    starts = [[tf.constant(h), tf.constant(c)] for h, c in states]
    with tf.GradientTape() as tape:
        tape.watch([x, starts])
        out = x
        for twin, start in zip(twins, starts, strict=True):
            out, h, c = twin(out, initial_state=start, mask=None if mask is None else tf.constant(mask))
        loss = tf.reduce_sum(out * dh)
        if ends is not None:
            loss += tf.reduce_sum(h * ends[0]) + tf.reduce_sum(c * ends[1])
    wanted = [x, starts, [[w.value for w in twin.trainable_weights] for twin in twins]]
    return (out, h, c), tape.gradient(loss, wanted, unconnected_gradients="zero")


def keras_gradients(gradients):
    """Our gradients as Keras has them: that by the sum of two biases is that by either."""
    weights = gradients.weights
    kernel, recurrent_kernel, _ = weights.to_keras()
    return kernel, recurrent_kernel, np.concatenate([weights.b_ii, weights.b_if, weights.b_ig, weights.b_io])


@pytest.mark.parametrize("units", [8, 64])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
def test_every_gradient_is_what_the_tape_says(dtype, tolerance, units):
    rng = np.random.default_rng(units)
    mine = random_layer(5, units, rng, dtype, scale=1 / np.sqrt(units))
    xs, dh = rng.normal(size=(4, 25, 5)).astype(dtype), rng.normal(size=(4, 25, units)).astype(dtype)
    h, c, *ends = rng.normal(size=(4, 4, units)).astype(dtype)
    mask = np.arange(25) < np.array([[25], [20], [3], [0]])  # padding on the right; the last is padding alone
    _, (by_x, by_states, by_weights) = tape_of([mine], xs, dh, [(h, c)], ends=ends)
    gradients = mine.backward(xs, mine.forward(xs, h, c), dh, h, c, dh_end=ends[0], dc_end=ends[1])
    for ours, theirs in zip(keras_gradients(gradients), by_weights[0], strict=True):
        assert_close(ours, theirs, tolerance)
    assert_close(gradients.xs, by_x, tolerance)
    assert_close(gradients.h, by_states[0][0], tolerance)
    assert_close(gradients.c, by_states[0][1], tolerance)
    for gate in "ifgo":
        assert np.array_equal(getattr(gradients.weights, f"b_i{gate}"), getattr(gradients.weights, f"b_h{gate}"))
    masked = mine.backward(xs, mine.forward(xs, h, c, mask=mask), dh, h, c, mask=mask)
    assert not np.allclose(masked.weights.W_hi, gradients.weights.W_hi, rtol=0.1)
    assert not masked.xs[~mask].any()


@st.composite
def situations(draw):
    """A stack of layers, a batch of sequences of some kind of mask, and a loss."""
    dtype = draw(st.sampled_from(["float32", "float64"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = draw(st.lists(st.integers(1, 9), min_size=2, max_size=4))  # the inputs, then the units of each layer
    batch, steps = draw(st.integers(1, 4)), draw(st.integers(1, 9))
    layers = [random_layer(a, b, rng, dtype) for a, b in pairwise(sizes)]
    kind = draw(st.sampled_from(["none", "right", "any"]))
    mask = {
        "none": None,
        "right": np.arange(steps) < rng.integers(0, steps + 1, size=(batch, 1)),
        "any": rng.random((batch, steps)) < 0.6,
    }[kind]
    xs, dh = (rng.normal(size=(batch, steps, n)).astype(dtype) for n in (sizes[0], sizes[-1]))
    zero = draw(st.booleans())
    states = [tuple(rng.normal(0, 0 if zero else 1, size=(2, batch, n)).astype(dtype)) for n in sizes[1:]]
    return layers, xs, dh, states, mask, zero


@settings(max_examples=50)
@given(situations())
def test_layers_masks_and_gradients_equal_keras(situation):
    layers, xs, dh, states, mask, zero = situation
    forwards, backwards = (1e-6, 1e-5) if layers[0].dtype == np.float32 else (1e-13, 1e-12)
    # Before the first real step, Keras puts out 0 where we keep the state to begin with; a loss looks at neither.
    started = np.logical_or.accumulate(np.ones(xs.shape[:2], bool) if mask is None else mask, axis=1)[..., None]
    dh = dh * started
    (out, h, c), (by_x, by_states, by_weights) = tape_of(layers, xs, dh, states, mask)
    gates = forward_stack(layers, xs, None if zero else states, mask=mask)
    last = gates[-1]
    assert np.abs(np.where(started, last.h, 0) - out).max() <= forwards
    assert np.abs(last.h[:, -1] - h).max() <= forwards * max(1, np.abs(h).max())  # a state to begin with may be above 1
    assert np.abs(last.c[:, -1] - c).max() <= forwards * max(1, np.abs(c).max())
    gradients = backward_stack(layers, xs, gates, dh, None if zero else states, mask=mask)
    # 1 - f loses digits where f is near 1, in Keras as here. So in float32 the measure is the largest gradient of all.
    every = [by_x, *(array for group in (*by_states, *by_weights) for array in group)]
    measure = max(map(largest, every)) if layers[0].dtype == np.float32 else None
    for n, gradient in enumerate(gradients):
        for ours, theirs in zip(keras_gradients(gradient), by_weights[n], strict=True):
            assert_close(ours, theirs, backwards, measure)
        assert_close(gradient.h, by_states[n][0], backwards, measure)
        assert_close(gradient.c, by_states[n][1], backwards, measure)
    assert_close(gradients[0].xs, by_x, backwards, measure)


def test_what_keras_puts_out_before_the_first_real_step_is_the_one_difference():
    mine = random_layer(2, 3, dtype="float32")
    xs = RNG.normal(size=(1, 4, 2)).astype(np.float32)
    h0, c0 = RNG.normal(size=(2, 1, 3)).astype(np.float32)
    mask = np.array([[False, False, True, False]])
    theirs = np.array(keras_layer(mine)(xs, initial_state=[h0, c0], mask=mask)[0])
    gates = mine.forward(xs, h0, c0, mask=mask)
    assert np.array_equal(gates.h[:, :2], np.stack([h0, h0], axis=1)) and not theirs[:, :2].any()
    assert np.abs(gates.h[:, 2:] - theirs[:, 2:]).max() < 1e-6
    without = mine.forward(xs, mask=mask).h  # with states of zero there is no difference
    assert np.abs(without - np.array(keras_layer(mine)(xs, mask=mask)[0])).max() < 1e-6


# --- masks, on their own ------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(0, 1000))
def test_a_masked_step_counts_as_little_as_one_left_out(mask, seed):
    rng, mask = np.random.default_rng(seed), np.array(mask)
    mine, xs, dh = random_layer(3, 4, rng), rng.normal(size=(len(mask), 3)), rng.normal(size=(len(mask), 4))
    h, c = rng.normal(size=(2, 4))
    gates, short = mine.forward(xs, h, c, mask=mask), mine.forward(xs[mask], h, c)
    for values, kept in zip(gates, short, strict=True):
        assert np.allclose(values[mask], kept, rtol=1e-12)
    before = np.concatenate([[h], gates.h])[:-1]
    assert np.array_equal(gates.h[~mask], before[~mask])
    # What the loss says of a state that is only repeated, it says of the step that made it.
    owner = np.cumsum(mask)  # 0 stands for the states to begin with
    moved = np.stack([dh[owner == n].sum(axis=0) for n in range(owner[-1] + 1)])
    long_way, short_way = mine.backward(xs, gates, dh, h, c, mask=mask), mine.backward(xs[mask], short, moved[1:], h, c)
    for name, gradient in vars(long_way.weights).items():
        assert np.allclose(gradient, getattr(short_way.weights, name), rtol=1e-10, atol=1e-13)
    assert np.allclose(long_way.xs[mask], short_way.xs, rtol=1e-10, atol=1e-13)
    assert not long_way.xs[~mask].any()
    assert np.allclose(long_way.h, short_way.h + moved[0], rtol=1e-10, atol=1e-13)
    assert np.allclose(long_way.c, short_way.c, rtol=1e-10, atol=1e-13)


def test_the_gradients_of_a_batch_are_the_sums_over_its_sequences():
    mine, xs, dh = random_layer(3, 4), RNG.normal(size=(5, 7, 3)), RNG.normal(size=(5, 7, 4))
    together = mine.backward(xs, mine.forward(xs), dh)
    apart = [mine.backward(x, mine.forward(x), d) for x, d in zip(xs, dh, strict=True)]
    for name, gradient in vars(together.weights).items():
        assert np.allclose(gradient, sum(getattr(each.weights, name) for each in apart), rtol=1e-10)
    for part in ("xs", "h", "c"):
        assert np.allclose(getattr(together, part), np.stack([getattr(each, part) for each in apart]), rtol=1e-10)


@settings(max_examples=20)
@given(st.integers(0, 8), st.integers(0, 8))
def test_going_back_in_two_pieces_is_going_back_at_once(first, second):
    rng = np.random.default_rng(first * 9 + second)
    mine, xs, dh = random_layer(3, 4, rng), rng.normal(size=(2, first + second, 3)), rng.normal(size=(2, first + second, 4))
    h, c = rng.normal(size=(2, 2, 4))
    left = mine.forward(xs[:, :first], h, c)
    states = (left.h[:, -1], left.c[:, -1]) if first else (h, c)
    later = mine.backward(xs[:, first:], mine.forward(xs[:, first:], *states), dh[:, first:], *states)
    sooner = mine.backward(xs[:, :first], left, dh[:, :first], h, c, dh_end=later.h, dc_end=later.c)
    whole = mine.backward(xs, mine.forward(xs, h, c), dh, h, c)
    assert np.allclose(np.concatenate([sooner.xs, later.xs], axis=1), whole.xs, atol=1e-12)
    assert np.allclose(sooner.h, whole.h, atol=1e-12) and np.allclose(sooner.c, whole.c, atol=1e-12)
    for name, gradient in vars(whole.weights).items():
        assert np.allclose(gradient, getattr(sooner.weights, name) + getattr(later.weights, name), atol=1e-12)


def test_an_open_forget_gate_carries_the_gradient_back_undiminished():
    """The constant error carousel: with f = 1 and the other gates shut to h, c's gradient comes through whole."""
    weights = {name: np.zeros_like(weight) for name, weight in vars(random_layer(1, 2)).items()}
    open_gate = LSTM(**{**weights, "b_if": np.full(2, 50.0)})
    closed = LSTM(**{**weights, "b_if": np.zeros(2)})  # f = 0.5
    xs, dc_end = np.zeros((100, 1)), np.array([1.0, -2.0])
    for layer, share in ((open_gate, 1.0), (closed, 0.5**100)):
        gates = layer.forward(xs)
        gradients = layer.backward(xs, gates, np.zeros((100, 2)), dc_end=dc_end)
        assert np.allclose(gradients.c, share * dc_end, rtol=1e-12, atol=0)


@pytest.mark.parametrize("steps", [0, 1, 6])
def test_going_back_changes_nothing_that_it_was_given(steps):
    mine, xs, dh = random_layer(3, 4), RNG.normal(size=(2, steps, 3)), RNG.normal(size=(2, steps, 4))
    h, c, dh_end, dc_end = RNG.normal(size=(4, 2, 4))
    gates = mine.forward(xs, h, c)
    given_arrays = [xs, dh, h, c, dh_end, dc_end, *gates, *vars(mine).values()]
    before = [array.copy() for array in given_arrays]
    gradients = mine.backward(xs, gates, dh, h, c, dh_end=dh_end, dc_end=dc_end)
    assert isinstance(gates, Gates) and isinstance(gradients, Gradients)
    assert all(np.array_equal(array, old) for array, old in zip(given_arrays, before, strict=True))
    held = [*vars(gradients.weights).values(), gradients.xs, gradients.h, gradients.c]
    for array in held:  # each gradient can be changed without a change to another
        array += 1.0
    assert all(np.array_equal(array, old) for array, old in zip(given_arrays, before, strict=True))
    assert not any(np.shares_memory(a, b) for n, a in enumerate(held) for b in held[:n])


# --- Stream ---------------------------------------------------------------------------------------------


def slow_stream(weights, layers, columns, inputs):
    """The model put together from embeddings, `LSTM` and a dense layer."""
    x = np.concatenate([weights[f"embedding_{c}/embeddings"][inputs[:, c]] for c in range(columns)], axis=1)
    for n in range(layers):
        x = LSTM.from_keras(*(weights[f"lstm_{n}/{part}"] for part in ("kernel", "recurrent_kernel", "bias"))).forward(x).h
    return softmax(x @ weights["dense/kernel"] + weights["dense/bias"])


@pytest.mark.parametrize("input_sizes", [(11,), (11, 5, 3, 4)], ids=["tokens", "tokens-and-context"])
@pytest.mark.parametrize("units", [(24,), (16, 12), (8, 16, 12)], ids=str)
def test_stream_lstm_and_keras_give_the_same_probabilities(units, input_sizes):
    model = randomised(stream_model(input_sizes, 11, embedding=8, units=units))
    weights = weights_of(model)
    inputs = np.stack([RNG.integers(0, size, 40) for size in input_sizes], axis=1).astype(np.int32)
    keras_says = softmax(np.array(model(inputs[None], training=False))[0])
    stream = Stream(weights)
    stream_says = np.exp(stream.log_probabilities(inputs))
    assert stream.size == 11
    assert np.abs(stream_says - keras_says).max() < 1e-5
    assert np.abs(slow_stream(weights, len(units), len(input_sizes), inputs) - keras_says).max() < 1e-5
    assert keras_says.max() > 0.3  # and not because all is even


@TYPES
def test_stream_computes_in_the_type_of_the_weights(dtype):
    weights = weights_of(randomised(stream_model((11, 5), 11, embedding=8, units=(8, 12))))
    weights = {name: weight.astype(dtype) for name, weight in weights.items()}
    inputs = np.stack([RNG.integers(0, size, 30) for size in (11, 5)], axis=1)
    says = Stream(weights).log_probabilities(inputs)
    assert says.dtype == dtype
    assert np.abs(np.exp(says) - slow_stream(weights, 2, 2, inputs)).max() < (1e-5 if dtype == "float32" else 1e-12)


@pytest.fixture(scope="module")
def stream():
    return Stream(weights_of(randomised(stream_model((9, 4), 9, embedding=8, units=(12, 10)))))


def rows(steps, seed=1):
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(0, 9, steps), rng.integers(0, 4, steps)], axis=1)


def test_reset_forgets_everything(stream):
    first = stream.log_probabilities(rows(30))
    stream.log_probabilities(rows(17, seed=2))
    assert np.array_equal(stream.log_probabilities(rows(30)), first)
    stream.reset()
    assert np.array_equal(np.stack([stream.step(row) for row in rows(30)]), first)


def test_what_a_step_returned_is_not_changed_by_the_next(stream):
    stream.reset()
    first = stream.step(rows(2)[0])
    kept = first.copy()
    stream.step(rows(2)[1])
    assert np.array_equal(first, kept)


def test_two_streams_of_the_same_weights_do_not_disturb_each_other():
    weights = weights_of(randomised(stream_model((9, 4), 9, embedding=8, units=(12,))))
    before = {name: w.copy() for name, w in weights.items()}
    a, b = Stream(weights), Stream(weights)
    alone = Stream(weights).log_probabilities(rows(20))
    mixed = []
    for row, other in zip(rows(20), rows(20, seed=3), strict=True):
        mixed.append(a.step(row))
        b.step(other)
    assert np.array_equal(np.stack(mixed), alone)
    assert all(np.array_equal(weights[name], before[name]) for name in weights)


def test_the_past_counts(stream):
    one, other = rows(30), rows(30)
    other[0, 0] = (other[0, 0] + 1) % 9
    assert not np.array_equal(stream.log_probabilities(one)[5], stream.log_probabilities(other)[5])


def test_nats_are_minus_the_log_probability_of_each_target(stream):
    inputs, targets = rows(25), np.random.default_rng(4).integers(0, 9, 25)
    expected = [-stream.log_probabilities(inputs)[t, target] for t, target in enumerate(targets)]
    assert np.array_equal(stream.nats(inputs, targets), expected)
    assert np.allclose(np.exp(stream.log_probabilities(inputs)).sum(axis=1), 1, atol=1e-5)


def test_a_row_with_a_column_too_few_is_refused(stream):
    with pytest.raises(ValueError):
        stream.step(np.array([1]))
