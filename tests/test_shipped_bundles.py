"""The trained bundles in data/: what their cards say is true, and what the melody model writes is a tune."""

import numpy as np
import pytest

from musiclab import generate, load_bundle, read_score
from musiclab.baselines import Markov
from musiclab.bundle import DATA
from musiclab.corpus import MELODY_CORPORA, load_corpus
from musiclab.dataset import Piece, encode_pieces, split_pieces, suits_a_melody_model, windows
from musiclab.encoding import END
from musiclab.models import model_of

MAJOR = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1])  # the pitch classes of C major


@pytest.fixture(scope="module")
def melody():
    return load_bundle("melody")


@pytest.fixture(scope="module")
def sides(melody):
    """The split that the card names: the pieces of each side."""
    scores = [score for name in MELODY_CORPORA for score in load_corpus(name) if suits_a_melody_model(score, melody.encoding)]
    split = split_pieces(scores, valid=0.05, test=0.05, seed=melody.card["split"]["seed"])
    return {
        side: encode_pieces([scores[i] for i in getattr(split, side)], melody.encoding) for side in ("train", "valid", "test")
    }


def mean_nats(model, encoding, pieces):
    rows = [(encoding.inputs(p.tokens, p.time_signature), np.append(p.tokens, END)) for p in pieces]
    return float(np.concatenate([model.nats(*row) for row in rows]).mean())


def test_the_card_names_the_corpora_and_the_split_that_are_here(melody, sides):
    assert melody.card["corpus"] == {name: load_corpus(name).fingerprint for name in MELODY_CORPORA}
    assert {side: len(pieces) for side, pieces in sides.items()} == {side: melody.card["split"][side] for side in sides}


def test_the_held_out_figure_of_the_card_comes_out_again_in_numpy(melody, sides):
    assert mean_nats(melody.stream(), melody.encoding, sides["test"]) == pytest.approx(
        melody.card["metrics"]["test nats/step"], abs=5e-4
    )


def test_the_network_is_clearly_ahead_of_counting_on_held_out_tunes(melody, sides):
    counting = Markov(melody.encoding.size, 4, (1, 2)).fit(
        [(melody.encoding.inputs(p.tokens, p.time_signature), np.append(p.tokens, END)) for p in sides["train"]]
    )
    ours = melody.card["metrics"]["test nats/step"]
    assert ours < 0.85 * mean_nats(counting, melody.encoding, sides["test"])
    assert ours < 0.85 * min(value for name, value in melody.card["metrics"].items() if name.startswith("Markov"))


@pytest.mark.parametrize("metre", [(4, 4), (3, 4), (6, 8), (2, 4)])
def test_what_it_writes_is_in_a_key_in_bars_and_comes_to_an_end(melody, metre):
    tunes = [generate(melody, 400, time_signature=metre, seed=seed) for seed in range(15)]
    assert all(tune.duration < 400 for tune in tunes)
    bars = np.array([tune.duration / tune.bar_length for tune in tunes])
    assert 6 <= np.median(bars) <= 24
    in_key, downbeats = [], []
    for tune in tunes:
        weight = np.bincount(tune.notes["pitch"] % 12, weights=tune.notes["duration"], minlength=12)
        in_key.append(max(weight @ np.roll(MAJOR, tonic) for tonic in range(12)) / weight.sum())
        downbeats.append(np.isin(np.arange(0, tune.duration, tune.bar_length), tune.notes["onset"]).mean())
    assert np.mean(in_key) > 0.93  # a run of random pitches has about 0.7
    assert np.mean(downbeats) > 0.8


def test_the_last_note_of_a_tune_is_longer_than_the_others(melody):
    tunes = [generate(melody, 400, time_signature=(4, 4), seed=seed) for seed in range(30)]
    assert np.mean([tune.notes["duration"][-1] / tune.notes["duration"].mean() for tune in tunes]) > 1.3


def test_the_recipe_gives_the_accuracy_of_its_card():
    recipe = load_bundle("recipe")
    tokens = recipe.encoding.encode(read_score(DATA / "music.mid"))
    inputs, targets = windows([Piece(tokens)], recipe.model["window"])
    p = model_of(recipe).predict_on_batch(inputs[..., None].astype("float32"))
    # The card's figure was measured with dropout at work and the weights still moving.
    assert (p.argmax(axis=1) == targets).mean() >= recipe.card["metrics"]["training accuracy"] - 0.02
