"""Many streams at once: each is the same as one alone, as Keras, and as the piece that `generate` writes."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musiclab import cores, generate, generate_many, generation, load_bundle
from musiclab.bundle import Bundle
from musiclab.encoding import EventEncoding, GridEncoding
from musiclab.generation import distribution, sample_many
from musiclab.lstm import Stream, Streams
from musiclab.models import keras, stream_model, weights_of

SIZES = (13, 5, 3)


def weights_for(units, sizes=SIZES, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    weights = weights_of(stream_model(sizes, sizes[0], embedding=8, units=units))
    return {name: rng.normal(0, 0.5, weight.shape).astype(dtype) for name, weight in weights.items()}


def rows_for(streams, steps, sizes=SIZES, seed=0):
    return np.random.default_rng(seed).integers(0, sizes, (streams, steps, len(sizes)))


def run(model, rows):
    """Read (streams, steps, columns) and return (streams, steps, size)."""
    model.reset(len(rows))
    return np.stack([model.step(list(step.T)) for step in rows.swapaxes(0, 1)], axis=1)


# --- the engine -------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", [(16,), (7, 9), (8, 8, 5)], ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize("streams", [1, 3, 70])
def test_each_stream_is_what_it_would_be_alone(units, dtype, tolerance, streams):
    weights, rows = weights_for(units, dtype=dtype), rows_for(streams, 25)
    together, alone = run(Streams(weights, 1), rows), Stream(weights)
    assert together.dtype == dtype
    for one, own in zip(together, rows, strict=True):
        assert np.abs(one - alone.log_probabilities(own)).max() <= tolerance


def test_the_streams_are_those_of_keras():
    model = stream_model(SIZES, SIZES[0], embedding=8, units=(16, 12), seed=3)
    rows = rows_for(9, 30)
    exact = keras.ops.convert_to_numpy(keras.ops.log_softmax(model(rows.astype("int32"))))
    assert np.abs(run(Streams(weights_of(model), 1), rows) - exact).max() <= 1e-5


@given(st.lists(st.lists(st.booleans(), min_size=12, max_size=12), min_size=1, max_size=4), st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_streams_that_go_on_do_not_feel_those_that_ended(ends, seed):
    weights, rows = weights_for((6, 5)), rows_for(12, len(ends) * 3, seed=seed)
    whole, model, going = run(Streams(weights, 1), rows), Streams(weights, 12), np.arange(12)
    for t in range(rows.shape[1]):
        if t and t % 3 == 0:
            stays = np.array(ends[t // 3])[going]
            model.keep(stays)
            going = going[stays]
            if not len(going):
                return
        assert np.abs(model.step(list(rows[going, t].T)) - whole[going, t]).max() <= 1e-5


def test_a_column_that_all_have_in_common_may_be_one_number():
    weights, rows = weights_for((6,)), rows_for(5, 1)[:, 0]
    rows[:, 1:] = 2
    model = Streams(weights, 5)
    wanted = model.step(list(rows.T))
    model.reset(5)
    assert np.array_equal(model.step([rows[:, 0], 2, 2]), wanted)


def test_a_token_outside_the_vocabulary_is_refused():
    with pytest.raises(IndexError):
        Streams(weights_for((6,)), 2).step([np.array([0, 13]), 0, 0])


def test_what_a_step_returned_is_not_written_over_by_the_next():
    model = Streams(weights_for((6,)), 4)
    first = model.step([np.arange(4), 1, 1])
    kept = first.copy()
    model.step([np.arange(4), 2, 2])
    assert np.array_equal(first, kept)


# --- many pieces ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def melody():
    return load_bundle("melody")


def as_alone(bundle, count, length, seed, **words):
    return [generate(bundle, length, seed=np.random.SeedSequence(seed, spawn_key=(k,)), **words) for k in range(count)]


@pytest.mark.parametrize(
    "words",
    [{}, {"temperature": 0.8, "top_p": 0.9}, {"top_k": 3}, {"stop": False}, {"time_signature": (6, 8)}],
    ids=str,
)
def test_each_piece_is_the_one_that_generate_writes_by_itself(melody, words):
    many = generate_many(melody, 20, 24, seed=5, **words)
    alone = as_alone(melody, 20, 24, 5, **words)
    # Rounding may tip a draw once in some millions; here are ten thousand at most.
    assert many == alone
    assert len({score.notes.tobytes() for score in many}) == 20


def test_a_prompt_is_continued_by_all(melody):
    prompt = generate(melody, 8, seed=1, stop=False)
    many = generate_many(melody, 6, 16, prompt=prompt, seed=2)
    assert many == as_alone(melody, 6, 16, 2, prompt=prompt)
    assert all(score.slice(0, 7) == many[0].slice(0, 7) for score in many)
    assert len({score.notes.tobytes() for score in many}) == 6


def test_the_number_of_pieces_and_of_cores_changes_none_of_them(melody, monkeypatch):
    monkeypatch.setattr(generation, "_WORTH_A_CORE", 1)  # so that as few pieces as these are divided
    monkeypatch.setattr(cores, "count", lambda: 1)
    many = generate_many(melody, 50, 16, seed=7)
    assert len(many) == 50 and generate_many(melody, 3, 16, seed=7) == many[:3]
    for count in (2, 3):
        monkeypatch.setattr(cores, "count", lambda count=count: count)
        assert generate_many(melody, 50, 16, seed=7) == many
    assert generate_many(melody, 50, 16, seed=8) != many


@pytest.mark.parametrize(
    ("units", "pieces", "count", "parts"),
    [
        ((256,), 64, 8, 1),  # its products are too short for a second core
        ((256,), 65, 8, 2),  # too many for the cache of one
        ((256,), 512, 8, 8),
        ((512, 512), 64, 2, 2),
        ((512, 512), 64, 8, 4),  # no fewer than 16 in a part
        ((512, 512), 15, 8, 1),
        ((512, 512), 200, 2, 4),
    ],
)
def test_pieces_are_divided_where_another_core_gains_time(monkeypatch, units, pieces, count, parts):
    encoding, made = GridEncoding(), []
    model = Streams(weights_for(units, sizes=encoding.input_sizes), 1)
    monkeypatch.setattr(cores, "count", lambda: count)
    monkeypatch.setattr(cores, "in_parts", lambda write, chances: made.extend(map(len, chances)) or [])
    sample_many(model, encoding, pieces, 1)
    assert len(made) == parts and sum(made) == pieces and max(made) - min(made) <= 1


def test_music_for_free_polyphony_is_written_by_many_too():
    """Here a token need not take time, so pieces end at different steps."""
    encoding = EventEncoding()
    weights = weights_for((12,), sizes=encoding.input_sizes if len(encoding.input_sizes) > 1 else (encoding.size,))
    weights["dense/kernel"], weights["dense/bias"] = np.zeros((12, encoding.size)), np.zeros(encoding.size)
    settings = {"kind": "stream", "embedding": 8, "units": (12,), "dropout": 0.0, "seed": 0}
    bundle = Bundle("noise", weights, encoding, settings)
    scores = generate_many(bundle, 8, 12, seed=0)
    assert scores == as_alone(bundle, 8, 12, 0)
    assert len({len(score) for score in scores}) > 1


def test_every_piece_ends_by_itself_or_reaches_its_length(melody):
    encoding = melody.encoding
    pieces = sample_many(melody.streams(1), encoding, 30, 16, seed=3)
    lengths = [encoding.quarters[tokens].sum() for tokens in pieces]
    assert max(lengths) == 16 and all(length <= 16 for length in lengths)
    unstopped = sample_many(melody.streams(1), encoding, 30, 16, seed=3, stop=False)
    assert [len(tokens) for tokens in unstopped] == [64] * 30
    assert [len(tokens) for tokens in sample_many(melody.streams(1), encoding, 3, 0)] == [0] * 3


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_that_means_nothing_is_refused(melody, count):
    with pytest.raises(ValueError, match=r"count=-?\d: it must be 1"):
        generate_many(melody, count, 8)


@pytest.mark.parametrize("count", [2.0, True, "2", None], ids=repr)
def test_a_count_that_is_no_whole_number_is_refused(melody, count):
    with pytest.raises(TypeError, match=r"count=.*: it must be 1 piece or more, a whole number"):
        generate_many(melody, count, 8)


def test_a_seed_that_is_no_whole_number_from_0_up_is_refused(melody):
    with pytest.raises(ValueError, match="seed=-1: it must be 0 or more, a whole number; or None"):
        generate_many(melody, 2, 8, seed=-1)
    for seed in (1.5, True, "1", [1]):
        with pytest.raises(TypeError, match=r"seed=.*: it must be 0 or more, a whole number; or None"):
            generate_many(melody, 2, 8, seed=seed)
    assert generate_many(melody, np.int64(2), 8, seed=np.uint8(7)) == generate_many(melody, 2, 8, seed=7)
    assert len(generate_many(melody, 2, 8)) == 2


def test_the_errors_are_those_of_generate(melody):
    with pytest.raises(ValueError, match="temperature=0"):
        generate_many(melody, 2, 8, temperature=0)
    with pytest.raises(ValueError, match="it must be above 0 quarter lengths"):
        generate_many(melody, 2, -1)
    with pytest.raises(TypeError, match="wants a bundle"):
        generate_many("melody", 2, 8)
    with warnings.catch_warnings(), pytest.raises(ValueError, match="was not trained on music in 7/8"):
        warnings.simplefilter("error")
        generate_many(melody, 2, 8, time_signature=(7, 8))


# --- the sampling controls, for many at once --------------------------------------------------------


def slow_distribution(logits, temperature, top_k, top_p, allowed):
    """One row, written out as the docstring says it."""
    logits = np.where(allowed, np.asarray(logits, dtype=np.float64), -np.inf)
    p = np.exp((logits - logits.max()) / temperature)
    order = sorted(range(len(p)), key=lambda n: (-p[n], n))
    kept = order if top_k is None else order[:top_k]
    p = np.array([p[n] if n in kept else 0.0 for n in range(len(p))])
    p /= p.sum()
    if top_p is not None and top_p < 1:
        reached, kept = 0.0, []
        for n in order:
            if reached >= top_p - 1e-12:
                break
            kept.append(n)
            reached += p[n]
        p = np.array([p[n] if n in kept else 0.0 for n in range(len(p))])
    return p / p.sum()


@given(
    st.integers(1, 6),
    st.sampled_from([0.5, 1.0, 2.0]),
    st.none() | st.integers(1, 9),
    st.none() | st.sampled_from([0.05, 0.33, 0.62, 0.91, 1.0]),
    st.booleans(),
    st.integers(0, 2**32),
)
@settings(max_examples=200, deadline=None)
def test_each_row_is_bent_as_by_itself_and_as_written_out(rows, temperature, top_k, top_p, ties, seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (rows, 8))
    if ties:
        logits = np.round(logits)
    allowed = rng.random((rows, 8)) < 0.6
    allowed[:, 0] = True
    words = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    together = distribution(logits, allowed=allowed, **words)
    for row, mask, p in zip(logits, allowed, together, strict=True):
        assert np.array_equal(distribution(row, allowed=mask, **words), p)
        if not (ties and top_p):  # with ties a sum may meet top_p exactly, and rounding decides
            assert np.allclose(p, slow_distribution(row, temperature, top_k, top_p, mask), atol=1e-12)


def test_a_grid_has_no_effect_of_its_own():
    """Whatever is drawn can be decoded: the tokens of many pieces follow the grammar, step by step."""
    encoding = GridEncoding()
    weights = weights_for((8,), sizes=tuple(encoding.input_sizes))
    for tokens in sample_many(Streams(weights, 1), encoding, 33, 8, seed=1, temperature=3.0):
        before = np.append(0, tokens[:-1])
        assert encoding.allowed[before, tokens].all()
