"""FastLSTM is Keras's LSTM in everything but speed: results, gradients, settings, files; and its memory is safe."""

import gc
import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musiclab import layers, lstm, products
from musiclab.layers import FastLSTM
from musiclab.models import keras, stream_model

tf = pytest.importorskip("tensorflow")

CASES = {
    "one step of one sequence": (1, 1, 1, 1),
    "a block and a bit": (3, layers.BLOCK + 3, 5, 4),
    "whole blocks": (2, 2 * layers.BLOCK, 4, 7),
    "parts on two cores": (64, 21, 6, 9),
    "parts of different size": (67, 10, 3, 5),
    "products in blocks": (64, layers.BLOCK + 3, 128, 256),
}


def pair(units, **words):
    """The same layer twice, ours and Keras's; biases and states are not left at zero."""
    ours, stock = FastLSTM(units, **words), keras.layers.LSTM(units, **words)

    def build(shape, seed=0):
        rng = np.random.default_rng(seed)
        for layer in (ours, stock):
            layer.build(shape)
        ours.set_weights([rng.normal(0, 0.4, weight.shape) for weight in ours.get_weights()])
        stock.set_weights(ours.get_weights())
        return ours, stock

    return build


def results_and_gradients(layer, x, states=(), **words):
    """All that a layer returns, and the gradients of something that looks at all of it, by input, states and weights."""
    x, *states = (tf.constant(value, layer.compute_dtype) for value in (x, *states))
    weights = [weight.value for weight in layer.trainable_weights]
    with tf.GradientTape() as tape:
        tape.watch([x, *states])
        results = layer(x, **({"initial_state": list(states)} if states else {}), **words)
        results = list(results) if isinstance(results, list | tuple) else [results]
        loss = sum(tf.reduce_sum(tf.sin(3 * result + n)) for n, result in enumerate(results))
    gradients = tape.gradient(loss, [x, *states, *weights])
    return [result.numpy() for result in results], [gradient.numpy() for gradient in gradients]


def assert_equal(ours, stock, tolerance=1e-5):
    """Results to `tolerance`; gradients, which are sums over all steps, to `tolerance` of the largest of their array."""
    for one, other in zip(ours[0], stock[0], strict=True):
        assert one.shape == other.shape and one.dtype == other.dtype
        assert np.abs(one - other).max() <= tolerance
    for one, other in zip(ours[1], stock[1], strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).max() <= tolerance * max(1, np.abs(other).max())


def is_fast(layer, x, **words):
    """Whether a call goes through the loop of the module."""
    calls, forward = [], layers._forward
    layers._forward = lambda *given: calls.append(1) or forward(*given)
    try:
        layer(tf.constant(x, layer.compute_dtype), **words)
    finally:
        layers._forward = forward
    return bool(calls)


@pytest.fixture(autouse=True, params=["the cores of this machine", "three cores"])
def cores(request, monkeypatch):
    """Parts of the batch, whatever the machine: some run on three cores with as few as two sequences each."""
    if request.param == "three cores":
        monkeypatch.setattr(layers.cores, "count", lambda: 3)
        monkeypatch.setattr(layers, "PART", 1)


@pytest.fixture(autouse=True)
def small_products(monkeypatch):
    """As on processors that have loops for small products."""
    monkeypatch.setattr(products.cores, "family", lambda: "SkylakeX")
    products._block.cache_clear()
    yield
    products._block.cache_clear()


# --- the same as Keras ------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", CASES.values(), ids=CASES)
@pytest.mark.parametrize("sequences", [True, False])
def test_results_and_gradients_are_those_of_keras(shape, sequences):
    batch, steps, inputs, units = shape
    rng = np.random.default_rng(1)
    x, states = rng.normal(0, 2, (batch, steps, inputs)), rng.normal(0, 1, (2, batch, units))
    ours, stock = pair(units, return_sequences=sequences, return_state=True)(x.shape)
    assert is_fast(ours, x)
    assert_equal(results_and_gradients(ours, x), results_and_gradients(stock, x))
    assert_equal(results_and_gradients(ours, x, states), results_and_gradients(stock, x, states))


@given(st.integers(1, 70), st.integers(1, 20), st.integers(1, 5), st.integers(1, 5), st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_whatever_the_shape(batch, steps, inputs, units, seed):
    x = np.random.default_rng(seed).normal(0, 2, (batch, steps, inputs))
    ours, stock = pair(units, return_sequences=True, return_state=True)(x.shape, seed)
    assert_equal(results_and_gradients(ours, x), results_and_gradients(stock, x))


def test_a_batch_of_no_sequences_gives_no_results_and_no_gradients():
    x = np.zeros((0, layers.BLOCK + 3, 3), dtype="float32")
    ours, stock = pair(4, return_sequences=True, return_state=True)(x.shape)
    (hs, h, c), (dx, *dweights) = results_and_gradients(ours, x)
    assert hs.shape == (0, layers.BLOCK + 3, 4) and h.shape == c.shape == (0, 4) and dx.shape == x.shape
    assert [gradient.shape for gradient in dweights] == [weight.shape for weight in stock.trainable_weights]
    assert not any(gradient.any() for gradient in dweights)


def test_gradients_are_those_of_the_numpy_lstm_in_float64():
    """Another oracle, derived by hand in lesson 04, and twelve digits."""
    rng = np.random.default_rng(2)
    x, dh = rng.normal(size=(6, 19, 3)), rng.normal(size=(6, 19, 4))
    layer = FastLSTM(4, return_sequences=True, dtype="float64")
    layer.build(x.shape)
    by_hand = lstm.LSTM.from_keras(*layer.get_weights())
    gates = by_hand.forward(x)
    wanted = by_hand.backward(x, gates, dh)
    with tf.GradientTape() as tape:
        tape.watch(xs := tf.constant(x))
        hs = layer(xs)
    dx, dkernel, drecurrent, dbias = tape.gradient(
        hs, [xs, *(weight.value for weight in layer.trainable_weights)], output_gradients=tf.constant(dh)
    )
    kernel, recurrent, bias = wanted.weights.to_keras()
    for one, other in ((hs, gates.h), (dx, wanted.xs), (dkernel, kernel), (drecurrent, recurrent), (dbias, bias / 2)):
        assert np.abs(one.numpy() - other).max() <= 1e-12 * max(1, np.abs(other).max())


def test_values_that_saturate_every_gate_stay_finite():
    x = np.random.default_rng(3).normal(0, 1e4, (4, 12, 3))
    ours, stock = pair(5, return_sequences=True)(x.shape)
    one, other = results_and_gradients(ours, x), results_and_gradients(stock, x)
    assert all(np.isfinite(value).all() for value in itertools.chain(*one))
    assert_equal(one, other)


@pytest.mark.parametrize(
    "words",
    [{"go_backwards": True}, {"go_backwards": True, "return_sequences": True}, {"return_sequences": True, "return_state": True}],
    ids=str,
)
def test_the_other_arguments_of_keras(words):
    x = np.random.default_rng(4).normal(size=(5, 11, 3))
    ours, stock = pair(4, **words)(x.shape)
    assert is_fast(ours, x)
    assert_equal(results_and_gradients(ours, x), results_and_gradients(stock, x))


def test_a_stateful_layer_goes_on_where_it_stopped():
    x = np.random.default_rng(5).normal(size=(3, 12, 2)).astype("float32")
    ours, _ = pair(4, return_sequences=True, stateful=True)((3, 6, 2))
    whole = FastLSTM(4, return_sequences=True)
    whole.build(x.shape)
    whole.set_weights(ours.get_weights())
    halves = np.concatenate([ours(x[:, :6]).numpy(), ours(x[:, 6:]).numpy()], axis=1)
    assert np.abs(halves - whole(x).numpy()).max() <= 1e-6


def test_in_both_directions_at_once():
    x = np.random.default_rng(6).normal(size=(4, 9, 3)).astype("float32")
    ours = keras.layers.Bidirectional(FastLSTM(5, return_sequences=True))
    stock = keras.layers.Bidirectional(keras.layers.LSTM(5, return_sequences=True))
    stock.build(x.shape)
    ours.build(x.shape)
    ours.set_weights(stock.get_weights())
    assert np.abs(ours(x).numpy() - stock(x).numpy()).max() <= 1e-6


# --- where it gives way to Keras ----------------------------------------------------------------------

OTHERS = {
    "activation is not tanh": {"activation": "relu"},
    "recurrent_activation is not sigmoid": {"recurrent_activation": "hard_sigmoid"},
    "there is no bias": {"use_bias": False},
    "unroll is set": {"unroll": True},
    "it computes in float16": {"dtype": "mixed_float16"},
}


@pytest.mark.parametrize(("reason", "words"), OTHERS.items(), ids=OTHERS)
def test_a_setting_that_it_does_not_know_is_left_to_keras(reason, words):
    x = np.random.default_rng(7).normal(size=(3, 7, 2)).astype("float32")
    ours, stock = pair(4, return_sequences=True, **words)(x.shape)
    assert ours.why_not_fast() == reason
    assert not is_fast(ours, x)
    assert np.array_equal(ours(x).numpy(), stock(x).numpy())


def test_dropout_inside_the_layer_is_left_to_keras():
    layer = FastLSTM(4, dropout=0.5, recurrent_dropout=0.1)
    assert layer.why_not_fast() == "dropout is used and recurrent_dropout is used"
    assert not is_fast(layer, np.ones((2, 3, 4)), training=True)


def test_masked_steps_are_left_to_keras():
    x = np.random.default_rng(8).normal(size=(3, 7, 2)).astype("float32")
    mask = np.arange(7) < np.array([[7], [2], [5]])
    ours, stock = pair(4, return_sequences=True)(x.shape)
    assert "steps are masked" in ours.why_not_fast(mask) and not is_fast(ours, x, mask=tf.constant(mask))
    assert np.array_equal(ours(x, mask=tf.constant(mask)).numpy(), stock(x, mask=tf.constant(mask)).numpy())


def test_a_gpu_is_left_to_keras_and_cudnn(monkeypatch):
    monkeypatch.setattr(layers, "devices", lambda: ["gpu:0"])
    layer = FastLSTM(4)
    assert layer.why_not_fast() == "there is a GPU"
    assert not is_fast(layer, np.ones((2, 3, 4)))


# --- an ordinary layer --------------------------------------------------------------------------------


def test_it_is_saved_and_loaded_as_any_layer(tmp_path):
    x = np.random.default_rng(9).normal(size=(3, 7, 2)).astype("float32")
    model = keras.Sequential([keras.Input((None, 2)), FastLSTM(5, return_sequences=True), FastLSTM(4, go_backwards=True)])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert [type(layer) for layer in again.layers] == [FastLSTM, FastLSTM]
    assert np.array_equal(again(x).numpy(), model(x).numpy())
    assert json.dumps(again.layers[1].get_config()) == json.dumps(model.layers[1].get_config())


def test_weights_go_to_keras_and_back_under_the_same_names():
    ours, stock = pair(4)((None, None, 3))
    assert [w.path.split("/", 1)[1] for w in ours.weights] == [w.path.split("/", 1)[1] for w in stock.weights]
    assert isinstance(ours, keras.layers.LSTM) and ours.get_config() == stock.get_config() | {"name": ours.name}


@pytest.mark.parametrize("eagerly", [False, True])
def test_training_follows_the_same_path_as_with_keras(eagerly):
    rng = np.random.default_rng(10)
    x = rng.integers(0, 9, (16, 12))
    losses = []
    for kind in (FastLSTM, keras.layers.LSTM):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [keras.Input((None,)), keras.layers.Embedding(9, 4), kind(8, return_sequences=True), kind(6, return_sequences=True)]
            + [keras.layers.Dense(9)]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.1), loss, run_eagerly=eagerly, jit_compile="auto")
        losses.append([float(model.train_on_batch(x, x)) for _ in range(15)])  # running means
    assert losses[0][-1] < losses[0][0] - 0.3
    assert np.allclose(*losses, atol=2e-5)


def test_batches_of_any_length_pass_through_one_model():
    model = stream_model((9,), 9, embedding=4, units=(6, 6), dropout=0.0)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for batch, steps in ((4, 16), (64, 9), (1, 33), (6, 5)):
        x = np.random.default_rng(batch).integers(0, 9, (batch, steps, 1))
        assert np.isfinite(model.train_on_batch(x, x[..., 0]))
        assert np.array(model(x)).shape == (batch, steps, 9)


def test_a_model_may_be_saved_while_its_layer_cannot_be_compiled_with_xla():
    model = keras.Sequential([keras.Input((None, 2)), FastLSTM(3)])
    with pytest.warns(UserWarning, match="doesn't support `jit_compile=True`"):
        model.compile("sgd", "mse", jit_compile=True)
    assert np.isfinite(model.train_on_batch(np.ones((2, 4, 2)), np.ones((2, 3))))


# --- memory -------------------------------------------------------------------------------------------


def test_results_that_somebody_holds_are_never_written_over():
    """The memory of a call is used again only when its results, and the tape that needs them, are gone."""
    rng = np.random.default_rng(11)
    xs = [tf.constant(rng.normal(size=(6, 11, 3)), "float32") for _ in range(3)]
    layer = FastLSTM(5, return_sequences=True)
    layer.build(xs[0].shape)

    def gradient(tape, x, hs):
        return tape.gradient(hs, x).numpy()

    alone = []
    for x in xs:
        with tf.GradientTape() as tape:
            tape.watch(x)
            hs = layer(x)
        alone.append((hs.numpy().copy(), gradient(tape, x, hs)))
        del hs, tape
    together = []
    for x in xs:
        tape = tf.GradientTape(persistent=True)
        with tape:
            tape.watch(x)
            together.append((tape, x, layer(x)))
    for _ in range(2):  # a persistent tape can be asked twice
        for (tape, x, hs), (wanted, dx) in zip(together, alone, strict=True):
            assert np.array_equal(gradient(tape, x, hs), dx)
            assert np.array_equal(hs.numpy(), wanted)


def trained(model, x, times):
    for _ in range(times):
        model.train_on_batch(x, x[..., 0])


def test_a_step_of_training_needs_no_new_memory(monkeypatch):
    monkeypatch.setattr(layers, "_pool", layers._Pool())
    made = []
    aligned = layers._aligned
    monkeypatch.setattr(layers, "_aligned", lambda size: made.append(size) or aligned(size))
    model = stream_model((9,), 9, embedding=4, units=(16, 16), dropout=0.0)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = np.random.default_rng(12).integers(0, 9, (6, 40, 1))
    trained(model, x, 4)
    assert made
    made.clear()
    trained(model, x, 6)
    trained(model, x[:, :25], 6)  # shorter ones fit into the same memory
    # On a busy computer a thread of TensorFlow may let go of an array a moment late, once. What leaks does so at every step.
    assert len(made) <= 2


def test_memory_goes_back_to_the_pool_and_only_then_out_again():
    pool, one = layers._Pool(), np.dtype("float32")
    first = pool.array((10, 10), one)
    address = first.ctypes.data
    assert address % 64 == 0 and first.shape == (10, 10) and first.dtype == one
    second = pool.array((10, 10), one)
    assert second.ctypes.data != address
    del first
    third = pool.array((5, 5), one)
    assert third.ctypes.data == address
    view = third[1:, 2]  # whoever still has a part of it has it all
    del second, third
    gc.collect()
    assert len(pool.free) == 1
    assert pool.array((5, 5), one).ctypes.data != address
    del view
    assert len(pool.free) == 2
    assert pool.array((0, 5), one).shape == (0, 5)
    assert pool.array((100, 100), one).size == 10_000  # too large for both: the new one takes the place of one
    assert len(pool.free) == 2
