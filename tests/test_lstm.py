"""The LSTM in NumPy: gate by gate equal to its equations, to Keras, and to the engine that samples."""

from math import exp, tanh

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musiclab.lstm import LSTM, Stream, log_softmax, sigmoid
from musiclab.models import keras, stream_model, weights_of

RNG = np.random.default_rng(0)


def keras_layer(inputs, units, scale=1.0):
    """A Keras LSTM whose every weight, the biases too, is random."""
    layer = keras.layers.LSTM(units, return_sequences=True, return_state=True)
    layer.build((None, None, inputs))
    for weight in layer.weights:
        weight.assign(RNG.normal(0, scale / 2, weight.shape))
    return layer


def randomised(model):
    for weight in model.trainable_variables:
        weight.assign(RNG.normal(0, 1.0, weight.shape))
    return model


def softmax(logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# --- LSTM -----------------------------------------------------------------------------------------------


def test_one_step_is_the_six_equations_number_by_number():
    shapes = [(2, 3)] * 4 + [(2, 2)] * 4 + [(2,)] * 8
    layer = LSTM(*(RNG.normal(size=shape) for shape in shapes))
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


@pytest.mark.parametrize("units", [1, 7, 32])
def test_whole_sequences_equal_keras(units):
    layer = keras_layer(5, units)
    mine = LSTM.from_keras(*(np.array(w) for w in layer.get_weights()))
    xs = RNG.normal(size=(3, 20, 5)).astype(np.float32)
    hs, h, c = (np.array(value) for value in layer(xs))
    gates = mine.forward(xs)
    assert mine.units == units
    assert np.abs(gates.h - hs).max() < 1e-6
    assert np.abs(gates.h[:, -1] - h).max() < 1e-6
    assert np.abs(gates.c[:, -1] - c).max() < 2e-6


def test_given_states_are_where_it_begins():
    layer = keras_layer(4, 6)
    mine = LSTM.from_keras(*(np.array(w) for w in layer.get_weights()))
    xs = RNG.normal(size=(2, 9, 4)).astype(np.float32)
    h0, c0 = RNG.normal(size=(2, 2, 6)).astype(np.float32)
    hs = np.array(layer(xs, initial_state=[h0, c0])[0])
    assert np.abs(mine.forward(xs, h0, c0).h - hs).max() < 1e-6
    assert np.abs(mine.forward(xs).h - hs).max() > 1e-2


@settings(max_examples=20)
@given(st.integers(0, 12), st.integers(0, 12))
def test_going_on_from_the_states_is_going_through_at_once(first, second):
    mine = LSTM.from_keras(*(np.array(w, dtype=np.float64) for w in LAYER.get_weights()))
    xs = np.random.default_rng(first * 13 + second).normal(size=(first + second, 3))
    whole, left = mine.forward(xs), mine.forward(xs[:first])
    states = (left.h[-1], left.c[-1]) if first else (None, None)
    right = mine.forward(xs[first:], *states)
    for one, a, b in zip(whole, left, right, strict=True):
        assert one.shape == (first + second, 4)
        assert np.allclose(one, np.concatenate([a, b]), atol=1e-12)


LAYER = keras_layer(3, 4)


def test_sigmoid_and_log_softmax_do_not_overflow():
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]
        assert np.allclose(log_softmax(np.array([[1000.0, 0.0], [0.0, 0.0]])), [[0.0, -1000.0], np.log([0.5, 0.5])])
    x = np.linspace(-6, 6, 13)
    assert np.allclose(sigmoid(x), 1 / (1 + np.exp(-x)), atol=1e-15)


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
