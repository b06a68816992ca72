"""The chorale model: Keras against NumPy, and what a chain of choices must fulfil."""

import numpy as np
import pytest

from musiclab.bundle import Bundle, BundleError, load_bundle
from musiclab.dataset import Piece, VoiceBatches, voice_ranges
from musiclab.encoding import END, FIRST_PITCH, HOLD, REST, ChoraleEncoding, GridEncoding
from musiclab.models import chorale_model, keras, model_of, weights_of
from musiclab.voices import Voices, opinion_sizes

ENCODING = ChoraleEncoding()
SMALL = {"units": (12, 8), "head": 10, "depth": 2, "embedding": 8, "dropout": 0.3, "seed": 1}


def stirred(model, rng):
    """Give every weight some chance, those that begin at zero, too."""
    for weight in model.trainable_variables:
        weight.assign(keras.ops.convert_to_numpy(weight) + rng.normal(0, 0.2, weight.shape))
    return model


def pieces(rng, lengths=(30, 21, 44)):
    found = []
    for steps in lengths:
        tokens = rng.integers(FIRST_PITCH + 5, FIRST_PITCH + 40, (steps, 4))
        tokens = np.where(rng.random((steps, 4)) < 0.5, HOLD, tokens)
        tokens[rng.random((steps, 4)) < 0.05] = REST
        tokens[0] = FIRST_PITCH + 20
        for t in range(1, steps):  # nothing is held after a rest
            tokens[t] = np.where((tokens[t] == HOLD) & (tokens[t - 1] == REST), REST, tokens[t])
        found.append(Piece(tokens.astype(np.int32)))
    return found


def log_softmax(logits):
    logits = logits.astype(np.float64)
    return logits - np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1, keepdims=True)) - logits.max(-1, keepdims=True)


def test_numpy_says_what_keras_says():
    rng = np.random.default_rng(3)
    model = stirred(chorale_model(ENCODING, **SMALL), rng)
    inputs, targets, _ = next(VoiceBatches(pieces(rng), ENCODING, shuffle=False).epoch(0))
    wanted = log_softmax(keras.ops.convert_to_numpy(model(inputs)))  # (pieces, steps, voices, size)
    voices = Voices(weights_of(model), ENCODING, len(targets))
    for t in range(targets.shape[1]):
        voices.listen(inputs["past"][:, t])
        for voice in range(4):
            assert np.allclose(voices.log_probabilities(voice), wanted[:, t, voice], atol=2e-4)
            voices.choose(voice, targets[:, t, voice])
    voices.reset(1)  # whole pieces at once do not ask for as many states
    voices.listen_through(inputs["past"])
    for voice in range(4):
        at_once = voices.log_probabilities(voice).reshape(wanted[:, :, voice].shape)
        assert np.allclose(at_once, wanted[:, :, voice], atol=2e-4)
        voices.choose(voice, targets[:, :, voice].reshape(-1))


def test_a_voice_sees_those_above_it_and_no_other():
    rng = np.random.default_rng(0)
    model = stirred(chorale_model(ENCODING, **SMALL), rng)
    inputs, _, _ = next(VoiceBatches(pieces(rng), ENCODING, shuffle=False).epoch(0))
    before = keras.ops.convert_to_numpy(model(inputs))
    for changed in range(4):
        now = inputs["now"].copy()
        now[:, 7, changed] = np.where(now[:, 7, changed] == HOLD, FIRST_PITCH + 3, HOLD)
        after = keras.ops.convert_to_numpy(model({"past": inputs["past"], "now": now}))
        differs = np.abs(before - after).max(axis=(0, 3)) > 1e-6  # (steps, voices)
        assert differs[7].tolist() == [voice > changed for voice in range(4)]
        assert not np.delete(differs, 7, axis=0).any()  # later steps learn of it by `past`, which is unchanged here


def test_a_transposed_piece_has_transposed_opinions():
    """With the opinions on tokens and on absolute pitch silenced, a piece is as likely in another key."""
    rng = np.random.default_rng(5)
    model = stirred(chorale_model(ENCODING, **SMALL), rng)
    for name in ("sounding", "sounding_class", "chosen", "chosen_class"):
        layer = model.get_layer(name)
        layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    for voice in range(4):
        kernel, bias = model.get_layer(f"opinions_{voice}").get_weights()
        kernel[:, : ENCODING.size], bias[: ENCODING.size] = 0, 0
        model.get_layer(f"opinions_{voice}").set_weights([kernel, bias])
    here = pieces(rng)
    there = [Piece(ENCODING.transpose(p.tokens, 3)) for p in here]
    chosen = []
    for some in (here, there):
        inputs, targets, weights = next(VoiceBatches(some, ENCODING, shuffle=False).epoch(0))
        logits = keras.ops.convert_to_numpy(model(inputs))
        chosen.append((np.take_along_axis(logits, targets[..., None], -1)[..., 0])[(weights > 0) & (targets != END)])
    assert np.allclose(*chosen, atol=1e-4)


def test_with_one_voice_nobody_is_heard():
    alone = ChoraleEncoding(voices=1)
    model = chorale_model(alone, **SMALL)
    batch = next(VoiceBatches([Piece(p.tokens[:, :1]) for p in pieces(np.random.default_rng(0))], alone, shuffle=False).epoch(0))[
        0
    ]
    assert opinion_sizes(alone, 0) == opinion_sizes(ENCODING, 0)
    other = {**batch, "now": np.full_like(batch["now"], HOLD)}
    assert np.array_equal(keras.ops.convert_to_numpy(model(batch)), keras.ops.convert_to_numpy(model(other)))


def test_batches_hold_every_target_once():
    some = pieces(np.random.default_rng(2))
    batches = VoiceBatches(some, ENCODING, batch_size=2)
    weighed = 0
    for inputs, targets, weights in batches.epoch(0):
        assert np.array_equal(inputs["now"], targets)
        weighed += weights.sum()
    assert weighed == batches.steps == sum(len(p.tokens) * 4 + 1 for p in some)


def test_pieces_are_moved_only_within_the_voices_ranges():
    rng = np.random.default_rng(2)
    some = pieces(rng, (25, 31, 19, 40))
    ranges = voice_ranges(some, ENCODING)
    batches = VoiceBatches(some[:1], ENCODING, ranges=ranges + [[-2, 3]], batch_size=1)
    assert len(batches.shifts[0]) >= 6 and 0 in batches.shifts[0]
    for number in range(12):
        _, targets, _ = next(batches.epoch(number))
        inside = voice_ranges([Piece(targets[0][: len(some[0].tokens)])], ENCODING)
        assert (inside[:, 0] >= ranges[:, 0] - 2).all() and (inside[:, 1] <= ranges[:, 1] + 3).all()


@pytest.fixture
def bundle(tmp_path):
    model = stirred(chorale_model(ENCODING, **SMALL), np.random.default_rng(0))
    return Bundle("mine", weights_of(model), ENCODING, {"kind": "chorale", **SMALL})


def test_a_bundle_comes_back_from_its_file(bundle, tmp_path):
    loaded = load_bundle(bundle.save(tmp_path / "mine.bundle"))
    assert isinstance(loaded.encoding, ChoraleEncoding)
    again = weights_of(model_of(loaded))
    assert all(np.array_equal(again[name], value) for name, value in bundle.weights.items())
    loaded.voices(3)


def test_a_bundle_whose_weights_do_not_fit_is_refused(bundle, tmp_path):
    weights = {**bundle.weights, "hidden_2/kernel": bundle.weights["hidden_2/kernel"][:-3]}
    broken = Bundle("mine", weights, ENCODING, bundle.model).save(tmp_path / "broken.bundle")
    with pytest.raises(BundleError, match="do not fit together"):
        load_bundle(broken)
    for name in ("echo_step/embeddings", "move/embeddings", "opinions_3/kernel"):
        short = {**bundle.weights, name: bundle.weights[name][..., :-1] if "kernel" in name else bundle.weights[name][:-1]}
        if "kernel" in name:
            short["opinions_3/bias"] = short["opinions_3/bias"][:-1]
        with pytest.raises(BundleError, match="do not fit together"):
            load_bundle(Bundle("mine", short, ENCODING, bundle.model).save(tmp_path / "short.bundle", overwrite=True))
    fewer = {name: value for name, value in bundle.weights.items() if name != "kind/embeddings"}
    with pytest.raises(BundleError, match="lacks weights"):
        load_bundle(Bundle("mine", fewer, ENCODING, bundle.model).save(tmp_path / "fewer.bundle"))


def test_one_voice_and_four_are_not_confused(bundle):
    with pytest.raises(BundleError, match="voices together"):
        bundle.stream()
    with pytest.raises(BundleError, match="writes one voice"):
        load_bundle("melody").voices()
    assert not isinstance(GridEncoding(4), ChoraleEncoding)


@pytest.mark.parametrize("count", [1, 2])
def test_a_piece_alone_can_be_trained_on(count):
    """TensorFlow once folded a constant to a wrong shape where a batch holds a single piece."""
    some = pieces(np.random.default_rng(0), (20,) * count)
    model = chorale_model(ENCODING, **SMALL)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    inputs, targets, weights = next(VoiceBatches(some, ENCODING).epoch(0))
    assert model.predict_on_batch(inputs).shape == (*targets.shape, ENCODING.size)
    assert np.isfinite(model.train_on_batch(inputs, targets, sample_weight=weights))
