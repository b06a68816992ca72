"""The scenes bundle in data/: its card is true, and it does not copy."""

import numpy as np
import pytest

from musiclab.bundle import DATA, load_bundle
from musiclab.corpus import load_corpus
from musiclab.dataset import VoiceBatches, encode_pieces
from musiclab.evaluation import copied_runs, grid_of
from musiclab.game import SCENES, Writer
from musiclab.splits import QUARTETS, scenes_sides
from musiclab.training import character_edges


@pytest.fixture(scope="module")
def bundle():
    return load_bundle("scenes")


@pytest.fixture(scope="module")
def sides():
    return scenes_sides()


def measured(bundle, pieces, untold):
    """Nats per target in NumPy, all steps at once."""
    total = count = 0.0
    batches = VoiceBatches(pieces, bundle.encoding, batch_size=10, untold=untold, shuffle=False)
    model = bundle.voices()
    for inputs, targets, weights in batches.epoch(0):
        model.listen_through(inputs["past"])
        for voice in range(4):
            tokens = targets[:, :, voice].reshape(-1)
            nats = -model.log_probabilities(voice)[np.arange(len(tokens)), tokens]
            total += (nats * weights[:, :, voice].reshape(-1)).sum()
            model.choose(voice, tokens)
        count += weights.sum()
    return total / count


def test_it_was_trained_on_what_the_card_says(bundle, sides):
    assert {side: f"{len(parts)} parts" for side, parts in sides.items()} == {side: bundle.card["split"][side] for side in sides}
    fingerprints = {name: load_corpus(name).fingerprint for name in ("bach-chorales", "string-quartets")}
    assert bundle.card["corpus"] == fingerprints
    assert np.allclose(bundle.encoding.edges, character_edges(sides["train"]), atol=1e-3)


def test_no_movement_is_on_two_sides(sides):
    titles = {side: {part.title for part in parts} for side, parts in sides.items()}
    assert not titles["train"] & (titles["valid"] | titles["test"]) and not titles["valid"] & titles["test"]
    for side, sources in QUARTETS.items():
        assert {source.removesuffix(".mxl").replace("/", " ") for source in sources} <= titles[side]


@pytest.mark.parametrize(("told", "untold"), [("told", 0.0), ("not told", 1.0)])
def test_the_held_out_figures_come_out_again_in_numpy(bundle, sides, told, untold):
    pieces = encode_pieces(sides["test"], bundle.encoding)
    assert measured(bundle, pieces, untold) == pytest.approx(
        bundle.card["metrics"][f"test nats/voice-step, character {told}"], abs=2e-3
    )


def test_it_copies_no_more_than_the_held_out_pieces_do(bundle, sides):
    writer = Writer(bundle, 24, tries=1, seed=0)
    levels = np.stack([scene.levels for scene in SCENES.values()] * 6)
    music = np.concatenate([writer.write(levels)[0] for _ in range(16)], axis=1)
    training = [grid_of(part) for part in sides["train"]]
    ours = copied_runs([grid_of(bundle.encoding.decode(tokens)) for tokens in music], training)
    theirs = copied_runs([grid_of(part) for part in sides["test"]], training)
    assert np.percentile(ours, 95) <= np.percentile(theirs, 95)


def test_the_file_is_small():
    assert (DATA / "scenes.bundle").stat().st_size < 12e6
