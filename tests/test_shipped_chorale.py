"""The chorale bundle in data/: its card is true, and what it writes is made as Bach's chorales are."""

import numpy as np
import pytest

from musiclab import generate, load_bundle
from musiclab.bundle import DATA
from musiclab.corpus import load_corpus
from musiclab.dataset import VoiceBatches, encode_pieces
from musiclab.encoding import FIRST_PITCH
from musiclab.evaluation import copied_runs, grid_of, parallels
from musiclab.generation import generate_many
from musiclab.splits import chorale_sides


@pytest.fixture(scope="module")
def bundle():
    return load_bundle("chorale")


@pytest.fixture(scope="module")
def sides(bundle):
    return chorale_sides(bundle.encoding)


@pytest.fixture(scope="module")
def samples(bundle):
    return generate_many(bundle, 48, 240, seed=1)


def measured(bundle, scores):
    """Nats per target in NumPy, all pieces side by side."""
    batches = VoiceBatches(encode_pieces(scores, bundle.encoding), bundle.encoding, batch_size=len(scores), shuffle=False)
    inputs, targets, weights = next(batches.epoch(0))
    model, total = bundle.voices(len(scores)), 0.0
    for t in range(targets.shape[1]):
        model.listen(inputs["past"][:, t])
        for voice in range(4):
            nats = -model.log_probabilities(voice)[np.arange(len(scores)), targets[:, t, voice]]
            total += (nats * weights[:, t, voice]).sum()
            model.choose(voice, targets[:, t, voice])
    return total / weights.sum()


def test_it_was_trained_on_what_the_card_says(bundle, sides):
    assert {side: len(scores) for side, scores in sides.items()} == {side: bundle.card["split"][side] for side in sides}
    assert bundle.card["corpus"] == {"bach-chorales": load_corpus("bach-chorales").fingerprint}


def test_the_held_out_figure_comes_out_again_in_numpy(bundle, sides):
    found = measured(bundle, sides["test"])
    assert found == pytest.approx(bundle.card["metrics"]["test nats/voice-step"], abs=2e-3)


def test_the_file_is_small():
    assert (DATA / "chorale.bundle").stat().st_size < 12e6


def test_parallels_are_rarer_than_in_published_sets(samples):
    """At most half of those in JS Fake Chorales, 2.26 per 100 changes."""
    found = [parallels(grid_of(score)) for score in samples]
    total = sum(f["fifths"] + f["octaves"] for f in found)
    assert 100 * total / sum(f["changes"] for f in found) < 1.13


def test_it_copies_no_more_than_bach_does(samples, sides):
    training = [grid_of(score) for score in sides["train"]]
    ours = copied_runs([grid_of(score) for score in samples], training)
    bachs = copied_runs([grid_of(score) for score in sides["test"]], training)
    assert np.percentile(ours, 95) <= np.percentile(bachs, 95)


def test_a_chorale_comes_to_an_end(samples):
    ended = [score for score in samples if score.duration < 240]
    assert len(ended) > 0.8 * len(samples)
    last = [min(score.notes["duration"][score.notes["voice"] == voice][-1] for voice in range(4)) for score in ended]
    assert min(last) >= 1  # on a chord that all have held for a quarter


def test_voices_stay_in_their_ranges_and_move_in_steps(samples, sides):
    def voice(scores, number):
        return np.concatenate([s.notes["pitch"][s.notes["voice"] == number].astype(int) for s in scores])

    for number in range(4):
        bach = voice(sides["train"], number)
        inside = (voice(samples, number) >= bach.min()) & (voice(samples, number) <= bach.max())
        assert inside.mean() > 0.99
    steps = np.concatenate([np.abs(np.diff(voice([s], n))) for s in samples for n in range(3)])
    assert np.mean(steps[steps > 0] <= 2) > 0.65


def test_a_given_melody_stays_note_for_note(bundle, sides):
    score = sides["test"][4]
    melody = score.voice(0)
    written = generate(bundle, fixed={0: melody}, seed=0)
    assert np.array_equal(written.notes["pitch"][written.notes["voice"] == 0], melody.notes["pitch"])
    tokens = bundle.encoding.encode(written)
    assert (tokens[-4:] >= 0).all() and (tokens >= FIRST_PITCH).any(axis=0).all()
