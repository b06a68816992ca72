"""Likelihood: what the models say themselves, and listeners whose sureness is known."""

import math

import numpy as np
import pytest
from strategies import tune, weights_for

from musiclab.bundle import Bundle, BundleError, load_bundle
from musiclab.encoding import END, FIRST_PITCH, ChoraleEncoding, EventEncoding, GridEncoding
from musiclab.evaluation import (
    Heard,
    calibration,
    calibration_error,
    hear,
    likelihood,
    nats_by_kind,
    nats_per_note,
    nats_per_step,
    perplexity,
)
from musiclab.past import LEAP, NOBODY
from musiclab.score import Score
from musiclab.voices import opinion_sizes

TUNES = [
    tune([60, 62, 64, 65, 67, 69, 71, 72], 0.5, title="scale"),
    tune([67, 64, 60], 1.0, time_signature=(3, 4)),
    Score([(0, 0.5, 62), (1, 1.5, 66), (3, 1, 69), (4.25, 0.25, 62)]),  # with rests
]


@pytest.fixture(scope="module")
def melody():
    return load_bundle("melody")


@pytest.fixture(scope="module")
def chorale():
    """A small chorale model with random weights, under the names and in the shapes of `models.chorale_model`."""
    encoding, units, head, length = ChoraleEncoding(), 8, 10, 6
    voices, layout = encoding.voices, encoding.layout
    pitches = {name: voices * 129 for name in ("sounding", "chosen")} | {"move": voices * (2 * LEAP + 2), "kind": FIRST_PITCH + 1}
    names = ("sounding_class", "chosen_class", "degree_home", "degree_tonic")
    shapes = {name: (rows, length) for name, rows in (pitches | dict.fromkeys(names, voices * (NOBODY + 1))).items()}
    known = ("held", "position", "metre", "mode", "echo length", "echo step", "own length", "own step", "interval")
    shapes |= {name.replace(" ", "_"): (math.prod(layout[name]), 2) for name in known}
    tables = {"trust_echo": "echo length", "trust_own": "own length", "length": "bar"}
    shapes |= {name: (math.prod(layout[column]), 1) for name, column in tables.items()}
    shapes = {f"{name}/embeddings": shape for name, shape in shapes.items()}
    features = voices * length + 2 * sum(layout[name][0] for name in known)
    shapes |= {"lstm_0/kernel": (features, 4 * units), "lstm_0/recurrent_kernel": (units, 4 * units), "lstm_0/bias": (4 * units,)}
    for voice in range(voices):
        opinions = sum(opinion_sizes(encoding, voice))
        layers = {
            "hidden_{}": (units + features + voice * length, head),
            "hidden_{}_1": (head, head),
            "opinions_{}": (head, opinions),
        }
        for name, shape in layers.items():
            shapes |= {f"{name.format(voice)}/kernel": shape, f"{name.format(voice)}/bias": shape[1:]}
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}
    return Bundle("chance", weights, encoding, {"kind": "chorale"})


def four_voices(seed, quarters):
    rng = np.random.default_rng(seed)
    pitches = rng.integers(0, 8, (4, 2 * quarters)) + [[67], [60], [55], [45]]
    notes = [(o / 2, 0.5, int(p), v) for v, row in enumerate(pitches) for o, p in enumerate(row)]
    return Score([note for note in notes if rng.random() > 0.1])


# --- one voice ---------------------------------------------------------------------------------------


def test_a_melody_surprises_as_the_stream_says(melody):
    for score, heard in zip(TUNES, hear(melody, TUNES), strict=True):
        tokens = melody.encoding.encode(score)
        rows = melody.encoding.inputs(tokens, score.time_signature)
        wanted = melody.stream().nats(rows, np.append(tokens, END))  # (steps + 1,)
        assert heard.tokens.shape == heard.nats.shape == heard.surest.shape == heard.right.shape == (len(tokens), 1)
        assert np.array_equal(heard.tokens[:, 0], tokens)
        assert np.allclose(heard.nats[:, 0], wanted[:-1], atol=1e-6)  # the END is not counted
        stream = melody.stream()
        for t, row in enumerate(rows[:-1]):
            p = np.exp(stream.step(row).astype(float))
            assert heard.surest[t, 0] == pytest.approx(p.max(), abs=1e-6) and heard.right[t, 0] == (p.argmax() == tokens[t])


def test_a_model_without_weights_is_as_surprised_as_dice():
    encoding = GridEncoding()
    weights = {name: np.zeros_like(array) for name, array in weights_for(encoding).items()}
    bundle = Bundle("dice", weights, encoding, {"kind": "stream"})
    assert perplexity(hear(bundle, TUNES)) == pytest.approx(encoding.size, rel=1e-5)
    for heard in hear(bundle, TUNES):
        assert np.allclose(heard.nats, np.log(encoding.size), atol=1e-5)
        assert np.allclose(heard.surest, 1 / encoding.size, atol=1e-6)


def test_a_model_of_events_listens_too():
    encoding = EventEncoding()
    bundle = Bundle("events", weights_for(encoding), encoding, {"kind": "stream"})
    heard = hear(bundle, TUNES)[0]
    assert heard.tokens.shape == (len(encoding.encode(TUNES[0])), 1)
    assert nats_per_note(bundle, heard) == pytest.approx(heard.nats.sum() / 8)
    with pytest.raises(ValueError, match="tokens of events are not of these kinds"):
        nats_by_kind(bundle, heard)


def test_titles_tempo_and_company_do_not_matter(melody):
    alone = hear(melody, TUNES[:1])[0]
    other = hear(melody, [TUNES[2], Score(TUNES[0].notes, title="x", tempo=30, key="D major")])[1]
    assert all(np.array_equal(a, b) for a, b in zip(alone, other, strict=True))


def test_figures_of_a_piece(melody):
    for score, heard in zip(TUNES, hear(melody, TUNES), strict=True):
        kinds = nats_by_kind(melody, heard)
        counts = {"note": len(score), "held": 0, "rest": 0}
        counts["held"] = round(4 * score.notes["duration"].sum()) - len(score)
        counts["rest"] = round(4 * score.duration) - counts["held"] - counts["note"]
        assert set(kinds) == {kind for kind, count in counts.items() if count}
        total = sum(counts[kind] * nats for kind, nats in kinds.items())
        assert total / sum(counts.values()) == pytest.approx(nats_per_step(heard)[0])
        assert total / len(score) == pytest.approx(nats_per_note(melody, heard))


# --- several voices ----------------------------------------------------------------------------------


def test_pieces_side_by_side_are_heard_as_each_alone(chorale, monkeypatch):
    scores = [four_voices(seed, quarters) for seed, quarters in enumerate((5, 9, 2, 7, 9, 1))]
    wanted = []
    for score in scores:
        tokens, voices = chorale.encoding.encode(score), chorale.voices(1)
        rows = chorale.encoding.inputs(tokens, score.time_signature)
        nats, surest, right = (np.zeros(tokens.shape) for _ in range(3))
        for t, step in enumerate(tokens):
            voices.listen(rows[t : t + 1])
            for voice, token in enumerate(step):
                p = np.exp(voices.log_probabilities(voice)[0].astype(float))
                nats[t, voice], surest[t, voice], right[t, voice] = -np.log(p[token]), p.max(), p.argmax() == token
                voices.choose(voice, np.array([token]))
        wanted.append((tokens, nats, surest, right))
    for together in (1, 2, 4, 64):
        monkeypatch.setattr(likelihood, "_TOGETHER", together)
        monkeypatch.setattr(likelihood.cores, "count", lambda: 1)
        found = hear(chorale, scores)
        for heard, (tokens, nats, surest, right) in zip(found, wanted, strict=True):
            assert np.array_equal(heard.tokens, tokens) and np.array_equal(heard.right, right) and heard.right.dtype == bool
            assert np.allclose(heard.nats, nats, atol=1e-5) and np.allclose(heard.surest, surest, atol=1e-5)
    assert nats_per_step(found[0]) == pytest.approx(wanted[0][1].mean(axis=0), abs=1e-5)
    assert nats_per_note(chorale, found[0]) == pytest.approx(wanted[0][1].sum() / len(scores[0]), abs=1e-4)
    kinds = nats_by_kind(chorale, found[0])
    assert min(kinds.values()) <= found[0].nats.mean() <= max(kinds.values()) and set(kinds) == {"note", "held", "rest"}


def test_nobody_is_heard_where_there_is_nobody(chorale, melody):
    assert hear(chorale, []) == hear(melody, []) == []


def test_one_voice_is_nothing_for_a_choir_and_a_strange_metre_is_warned_of(chorale, melody):
    with pytest.raises(ValueError, match=r"piece 1 \(Solo\) has one voice, and the bundle 'chance' has learned to hear 4\."):
        hear(chorale, [four_voices(0, 4), Score([(0, 1, 60)], title="Solo")])
    tune = [(k, 1, 60 + k) for k in range(5)]
    with pytest.warns(UserWarning, match="1 of 2 pieces are in a metre that the bundle 'melody' has not learned; it knows .*4/4"):
        hear(melody, [Score(tune), Score(tune, time_signature=(5, 4))])


def test_what_cannot_be_heard_is_named(chorale, melody):
    with pytest.raises(ValueError, match=r"piece 1 \(deep\) has no note that chorale can hold\."):
        hear(chorale, [four_voices(0, 2), Score([(0, 1, 20)], title="deep")])
    with pytest.raises(ValueError, match=r"piece 0 \(no title\)"):
        hear(melody, [Score([(0, 1, 60, 3)])])
    original = Bundle("tutorial", {}, GridEncoding(), {"kind": "original", "window": 100})
    with pytest.raises(BundleError, match="original recipe"):
        hear(original, TUNES)


# --- calibration -------------------------------------------------------------------------------------


def listener(rng, steps, boast=lambda said: said):
    """A listener whose likeliest token comes as often as it thinks, and who says `boast` of what it thinks."""
    thinks = rng.uniform(0.1, 1, (steps, 4))
    right = rng.random((steps, 4)) < thinks
    return Heard(np.zeros((steps, 4), dtype=int), -np.log(thinks), boast(thinks), right)


def test_a_listener_who_knows_how_sure_it_may_be_has_no_error():
    rng = np.random.default_rng(0)
    heard = [listener(rng, 4000) for _ in range(3)]
    said, came, counts = calibration(heard)
    assert counts.sum() == 48000 and counts[0] == 0 and np.isnan(said[0]) and np.isnan(came[0])
    assert np.allclose(said[1:], came[1:], atol=0.03)
    assert np.allclose(said[1:], np.arange(0.15, 1, 0.1), atol=0.01)  # uniform in each bin
    assert calibration_error(heard) < 0.012


@pytest.mark.parametrize("boast", [np.sqrt, np.square, np.ones_like])
def test_one_who_is_too_sure_or_not_sure_enough_is_found_out(boast):
    """For thoughts that are uniform from 0.1 to 1 the error is the mean distance of what is said and what is thought."""
    thinks = np.linspace(0.1, 1, 10001)
    wanted = np.abs(boast(thinks) - thinks).mean()
    assert wanted > 0.15
    assert calibration_error([listener(np.random.default_rng(1), 20000, boast)]) == pytest.approx(wanted, abs=0.012)


def test_calibration_by_hand():
    surest, right = np.array([[0.9], [0.6], [0.8], [1.0]]), np.array([[True], [True], [False], [True]])
    heard = Heard(np.zeros((4, 1), dtype=int), np.zeros((4, 1)), surest, right)
    said, came, counts = calibration([heard], bins=2)
    assert counts.tolist() == [0, 4] and said[1] == pytest.approx(0.825) and came[1] == 0.75
    assert calibration_error([heard], bins=2) == pytest.approx(0.075)
    assert calibration([heard])[2].tolist() == [0, 0, 0, 0, 0, 0, 1, 0, 1, 2]


def test_perplexity_is_over_all_tokens_alike():
    """Two tokens of ln 2 and one of ln 4: not the mean of the pieces' means, which would be e to the power of 1.5 ln 2."""
    pieces = [
        Heard(*(np.full((steps, 1), value) for value in (0, nats, 0.5, True))) for steps, nats in ((2, np.log(2)), (1, np.log(4)))
    ]
    assert perplexity(pieces) == pytest.approx(2 ** (4 / 3)) and perplexity(pieces[:1]) == pytest.approx(2)
    for of in (perplexity, calibration, calibration_error):
        with pytest.raises(ValueError, match="nothing was heard"):
            of([])
