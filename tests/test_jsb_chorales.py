"""benchmarks/jsb_chorales.py: its figures are what they say, on made-up chorales. Nothing is trained."""

import math
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))  # at the end: nothing there can stand in the way
import jsb_chorales as jsb

from musiclab.baselines import Markov
from musiclab.encoding import END, HOLD, REST, ChoraleEncoding
from musiclab.models import chorale_model

ENCODING = ChoraleEncoding()


def chorale(steps: int, seed: int = 0) -> np.ndarray:
    """Four voices that hold their notes for a while, with some silence: int array (steps, 4)."""
    rng = np.random.default_rng(seed)
    pitches = np.array([70, 64, 58, 48]) + rng.integers(0, 6, (steps, 4))
    pitches[rng.random((steps, 4)) < 0.1] = 0
    for step in range(1, steps):
        pitches[step] = np.where(rng.random(4) < 0.6, pitches[step - 1], pitches[step])
    return pitches


def corpus(length: int = 60) -> dict[str, list[np.ndarray]]:
    return {side: [chorale(length + n, 10 * n + i) for n in range(3)] for i, side in enumerate(jsb.SIDES)}


# --- the file -----------------------------------------------------------------------------------------


def test_a_chorale_is_decoded_to_the_pitches_that_it_was_encoded_from():
    for pitches in (chorale(48), np.array([[0, 0, 60, 50], [0, 70, 60, 50], [81, 70, 0, 52], [81, 0, 0, 52]])):
        sounding = np.zeros_like(pitches)
        for note in ENCODING.decode(jsb.as_piece(pitches, ENCODING).tokens.ravel()).notes:
            start, end = (round(4 * float(x)) for x in (note["onset"], note["onset"] + note["duration"]))
            sounding[start:end, note["voice"]] = note["pitch"]
        assert np.array_equal(sounding, pitches)


def test_equal_pitches_are_one_note_and_silence_is_rest():
    tokens = jsb.as_piece(np.array([[60, 0, 50, 40], [60, 0, 51, 0], [60, 55, 51, 0]]), ENCODING).tokens
    assert (tokens[1:, 0] == HOLD).all() and tokens[0, 0] > HOLD
    assert (tokens[:2, 1] == REST).all() and tokens[2, 1] > REST
    assert tokens[1, 3] == tokens[2, 3] == REST and tokens[2, 2] == HOLD


def test_silence_is_read_from_what_is_no_number(tmp_path):
    pitches = chorale(8).astype(float)
    silent = np.where(pitches == 0, np.nan, pitches)
    arrays = np.empty(1, dtype=object)
    arrays[0] = silent
    np.savez(tmp_path / "made_up.npz", **{side: arrays for side in jsb.SIDES})
    for read in jsb.load(tmp_path / "made_up.npz").values():
        assert len(read) == 1 and read[0].dtype.kind == "i" and np.array_equal(read[0], pitches)


# --- the measure ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    """A small model whose weights are large enough that everything in it matters."""
    small = chorale_model(ENCODING, units=(6,), head=7, depth=2, embedding=8)
    rng = np.random.default_rng(1)
    for weight in small.trainable_variables:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    return small


def nats_by_hand(model, pitches: np.ndarray) -> np.ndarray:
    """-log p of each step and voice, a piece alone and without padding, END left out of the sum of all p's."""
    tokens = jsb.as_piece(pitches, ENCODING).tokens
    told = ENCODING.inputs(tokens, (4, 4))[None, :-1].astype("int32")
    logits = np.asarray(model({"past": told, "now": tokens[None]}))[0].astype(float)
    result = np.zeros(tokens.shape)
    for step, voice in np.ndindex(tokens.shape):
        others = [math.exp(x) for token, x in enumerate(logits[step, voice]) if token != END]
        result[step, voice] = math.log(sum(others)) - logits[step, voice, tokens[step, voice]]
    return result


def test_the_measure_is_the_mean_over_steps_by_voice(model):
    music = [chorale(length, length) for length in (5, 23, 16)]  # padded to 16 and 32 steps
    wanted = np.concatenate([nats_by_hand(model, pitches) for pitches in music]).mean(axis=0)
    pieces = [jsb.as_piece(pitches, ENCODING) for pitches in music]
    for size in (2, 3):  # the shorter ones are padded otherwise
        assert jsb.measure(model, pieces, ENCODING, batch_size=size) == pytest.approx(wanted, abs=1e-4)


def test_a_likely_end_does_not_change_the_measure(model):
    pieces = [jsb.as_piece(chorale(length), ENCODING) for length in (12, 9)]
    before = jsb.measure(model, pieces, ENCODING)
    bias = model.get_layer("opinions_0").bias
    kept = np.asarray(bias).copy()
    changed = kept.copy()
    changed[END] += 5  # the first opinion is on the token as such
    bias.assign(changed)
    try:
        assert jsb.measure(model, pieces, ENCODING) == pytest.approx(before, abs=1e-4)
    finally:
        bias.assign(kept)


# --- models that count ------------------------------------------------------------------------------------


def test_the_unigram_is_the_entropy_of_the_pitches():
    rng = np.random.default_rng(0)
    many = rng.choice([0, 60, 62, 65], size=(40_000, 4), p=[0.1, 0.5, 0.3, 0.1])
    entropy = -sum(p * math.log(p) for p in (0.1, 0.5, 0.3, 0.1))
    found = jsb.ngram({side: [many] for side in jsb.SIDES}, ())
    assert found == pytest.approx({"valid": entropy, "test": entropy}, abs=0.01)


def test_the_unigram_blends_with_all_pitches_by_witten_and_bell():
    made_up = corpus()
    size = ENCODING.highest - ENCODING.lowest + 2
    total = 0.0
    for voice in range(4):
        counts = Counter(np.concatenate([p[:, voice] for p in made_up["train"]]).tolist())
        n, d = sum(counts.values()), len(counts)
        tested = np.concatenate([p[:, voice] for p in made_up["test"]]).tolist()
        total += np.mean([-math.log((counts[pitch] + d / size) / (n + d)) for pitch in tested])
    assert jsb.ngram(made_up, ())["test"] == pytest.approx(total / 4)


def test_a_ladder_with_a_rung_for_each_older_token_is_the_markov_model():
    rng = np.random.default_rng(3)
    tokens = rng.integers(0, 5, 300)
    older = np.stack([np.concatenate([np.zeros(n, dtype=int), tokens[:-n]]) for n in (1, 2)], axis=1)
    markov = Markov(5, 2).fit([(older[:, :1], tokens)]).nats(older[:, :1], tokens)
    ladder = jsb.Ladder(5, (1, 1)).fit([(older, tokens)])
    assert ladder.nats(older, tokens) == pytest.approx(markov)
    every = [ladder.nats(older[:50], np.full(50, token)) for token in range(5)]
    assert np.exp(-np.stack(every)).sum(axis=0) == pytest.approx(1)


def test_what_is_seen_is_the_past_and_the_voices_above():
    pitches = np.array([[60, 50], [60, 51], [62, 51], [0, 51], [0, 52], [64, 52]])
    high, low = jsb.seen(pitches, 0), jsb.seen(pitches, 1)
    assert high["own last"].tolist() == [0, 60, 60, 62, 0, 0]
    assert high["held"].tolist() == [0, 1, 2, 1, 1, 2]
    assert high["beat"].tolist() == [0, 1, 2, 3, 0, 1]
    assert high["below 1"].tolist() == [0, 50, 51, 51, 51, 52] and "above 1" not in high
    assert low["above 1"].tolist() == [60, 60, 62, 0, 0, 64] and "below 1" not in low


@pytest.mark.parametrize("voice", range(4))
def test_nothing_that_is_still_to_come_is_seen(voice):
    pitches, step = chorale(40), 20
    other = pitches.copy()
    other[step, voice:] += 1  # the choice itself, and the voices below
    other[step + 1 :] += 1
    before, after = jsb.seen(pitches, voice), jsb.seen(other, voice)
    for name, values in before.items():
        assert np.array_equal(values[: step + 1], after[name][: step + 1]), name


def test_every_kind_of_counting_beats_the_uniform_model():
    for name, rungs in jsb.NGRAMS.items():
        found = jsb.ngram(corpus(), rungs)
        assert set(found) == {"valid", "test"} and all(0 < nats < math.log(53) for nats in found.values()), name


# --- the table ----------------------------------------------------------------------------------------------


def measured(valid: float, test: float) -> dict[str, object]:
    return {"weights": 1_470_000, "epochs": 60, "seconds": 900, "valid": valid, "test": test}


def test_the_table_names_what_is_missing():
    text = jsb.comparison({"seed 1": measured(0.34, 0.35)}, {"unigram": {"valid": 2.61, "test": 2.64}})
    assert text.endswith("not measured yet: seed 0; seed 2; class, seed 0.")
    assert "| **the course's model**, seed 1 | 0.340 | 0.350 | here | 1.47M weights, 60 epochs, 15 min |" in text
    assert "| here: unigram | 2.610 | 2.640 | here |" in text
    assert "median" not in text  # of one seed there is no spread


def test_without_a_file_of_results_all_seeds_are_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(jsb, "RESULTS", tmp_path / "nothing.json")
    assert jsb.kept() == {}
    assert "seed 0; seed 1; seed 2; class, seed 0." in jsb.comparison(jsb.kept(), {})
    jsb.keep("seed 2", {"valid": 1.0})
    jsb.keep("seed 0", {"valid": 2.0})
    assert jsb.kept() == {"seed 0": {"valid": 2.0}, "seed 2": {"valid": 1.0}}


@pytest.mark.parametrize(("test", "verdict"), [(0.5, "yes"), (0.66, "**no**, 20 % too much")])
def test_the_table_has_the_spread_and_the_bar_of_the_class(test, verdict):
    results = {f"seed {n}": measured(0.33 + n / 100, 0.34 + n / 50) for n in (2, 0, 10, 1)}
    text = jsb.comparison(results | {"class, seed 0": measured(0.5, test)}, {})
    assert "not measured" not in text
    assert "median of 4 seeds (least to most) | 0.345 (0.330 to 0.430) | 0.370 (0.340 to 0.540) |" in text
    assert f"wanted on test: at most 0.55 – {verdict} |" in text
    places = [text.index(f"seed {n} |") for n in (0, 1, 2, 10)]
    assert places == sorted(places)


def test_the_table_alone_trains_nothing_and_lands_between_the_markers(tmp_path, monkeypatch, capsys):
    page, results = tmp_path / "chorales.md", tmp_path / "results.json"
    page.write_text(jsb.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(jsb, "PAGE", page)
    monkeypatch.setattr(jsb, "RESULTS", results)
    monkeypatch.setattr(jsb, "load", lambda path: corpus())
    monkeypatch.setattr(jsb, "train_seed", lambda *_: pytest.fail("trained"))
    monkeypatch.setattr(sys, "argv", ["jsb_chorales.py", "made_up.npz", "--table"])
    jsb.main()
    inside = page.read_text(encoding="utf-8").partition("<!-- measured -->\n")[2].partition("\n<!-- /measured -->")[0]
    assert inside == capsys.readouterr().out.rstrip("\n")
    assert not results.exists() and all(f"here: {name}" in inside for name in jsb.NGRAMS)
