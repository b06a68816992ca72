"""The Keras models: shapes, arguments that keep the fast kernel, weights by name, one seed one model."""

import subprocess
import sys

import numpy as np
import pytest

from musiclab.models import keras, original_model, set_weights, stream_model, weights_of


def layers_of(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


def test_the_original_model_is_that_of_the_recipe():
    model = original_model(100, 37)
    lstm, dropout, dense = model.layers
    assert (lstm.units, dropout.rate, dense.units, dense.activation.__name__) == (256, 0.2, 37, "softmax")
    assert model.input_shape == (None, 100, 1) and model.output_shape == (None, 37)
    assert np.allclose(np.array(model(np.zeros((2, 100, 1)))).sum(axis=1), 1, atol=1e-5)


def test_a_stream_model_reads_and_writes_the_shapes_it_says():
    model = stream_model((11, 5, 3), 7, embedding=8, units=(6, 4))
    assert np.array(model(np.zeros((2, 9, 3), dtype=np.int32))).shape == (2, 9, 7)
    assert [layer.units for layer in layers_of(model, keras.layers.LSTM)] == [6, 4]
    assert [(e.input_dim, e.output_dim) for e in layers_of(model, keras.layers.Embedding)] == [(11, 8), (5, 2), (3, 2)]


def test_a_stream_model_does_not_look_ahead():
    model = stream_model((11,), 11, embedding=8, units=(6,))
    inputs = np.arange(10, dtype=np.int32).reshape(1, 10, 1)
    changed = inputs.copy()
    changed[0, 6:] = 0
    before, after = np.array(model(inputs)), np.array(model(changed))
    assert np.allclose(before[0, :6], after[0, :6], atol=1e-6)
    assert not np.allclose(before[0, 6:], after[0, 6:], atol=1e-4)


def test_every_lstm_keeps_to_the_arguments_of_the_fast_kernel():
    for model in (original_model(10, 5), stream_model((5, 4), 5, units=(8, 8))):
        for layer in layers_of(model, keras.layers.LSTM):
            words = layer.get_config()
            assert (words["activation"], words["recurrent_activation"], words["use_bias"]) == ("tanh", "sigmoid", True)
            assert (words["recurrent_dropout"], words["unroll"]) == (0.0, False)


def test_dropout_stands_around_every_layer_and_rests_outside_training():
    model = stream_model((5,), 5, units=(8, 8), dropout=0.4)
    assert [layer.rate for layer in layers_of(model, keras.layers.Dropout)] == [0.4] * 3
    inputs = np.ones((1, 4, 1), dtype=np.int32)
    assert np.array_equal(np.array(model(inputs, training=False)), np.array(model(inputs, training=False)))
    assert not np.array_equal(np.array(model(inputs, training=True)), np.array(model(inputs, training=True)))


def test_the_seed_decides_the_weights():
    weights = [weights_of(stream_model((5,), 5, embedding=4, units=(3,), seed=seed)) for seed in (0, 0, 1)]
    assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not np.array_equal(weights[0]["lstm_0/kernel"], weights[2]["lstm_0/kernel"])


def test_weights_have_the_same_names_in_every_model_and_go_there_and_back():
    one, other = (stream_model((5, 3), 5, embedding=4, units=(3, 2), seed=seed) for seed in (0, 1))
    weights = weights_of(one)
    assert sorted(weights) == sorted(
        ["embedding_0/embeddings", "embedding_1/embeddings", "dense/kernel", "dense/bias"]
        + [f"lstm_{n}/{part}" for n in (0, 1) for part in ("kernel", "recurrent_kernel", "bias")]
    )
    set_weights(other, weights)
    assert all(np.array_equal(weights_of(other)[name], weights[name]) for name in weights)
    inputs = np.zeros((1, 4, 2), dtype=np.int32)
    assert np.array_equal(np.array(one(inputs)), np.array(other(inputs)))
    assert set(weights_of(original_model(4, 5))) == {
        *(f"lstm_0/{p}" for p in ("kernel", "recurrent_kernel", "bias")),
        "dense/kernel",
        "dense/bias",
    }


def test_a_weight_that_does_not_fit_is_named():
    model = stream_model((5,), 5, embedding=4, units=(3,))
    weights = weights_of(model)
    with pytest.raises(ValueError, match="'dense/bias' is only in the model"):
        set_weights(model, {name: w for name, w in weights.items() if name != "dense/bias"})
    with pytest.raises(ValueError, match="'lstm_1/bias' is only in the file"):
        set_weights(model, {**weights, "lstm_1/bias": np.zeros(8)})
    with pytest.raises(ValueError, match=r"'dense/bias' has shape \(6,\), but the model wants \(5,\)"):
        set_weights(model, {**weights, "dense/bias": np.zeros(6, dtype=np.float32)})


def test_importing_the_models_prints_nothing():
    done = subprocess.run(
        [sys.executable, "-c", "from musiclab.models import keras"], capture_output=True, text=True, timeout=100
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_fails_while_output_is_held_back_is_shown_after_all(capfd):
    import os

    from musiclab.backend import _quiet_start

    with _quiet_start():
        os.write(2, b"chatter")
    assert capfd.readouterr().err == ""
    with pytest.raises(RuntimeError), _quiet_start():
        os.write(2, b"the reason")
        raise RuntimeError
    assert capfd.readouterr().err == "the reason"
