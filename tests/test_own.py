"""Training on one's own pieces: what is chosen, what is held out, what is measured, and what is not forgotten."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import symusic

from musiclab import own
from musiclab.bundle import Bundle, BundleError, load_bundle
from musiclab.corpus import load_corpus
from musiclab.dataset import VoiceBatches, encode_pieces, suits_a_melody_model
from musiclab.doctor import usable_melodies
from musiclab.encoding import FIRST_PITCH, ChoraleEncoding, EventEncoding, GridEncoding
from musiclab.files import write_midi
from musiclab.generation import generate
from musiclab.models import model_of, set_weights, stream_model, weights_of
from musiclab.own import fine_tune, share_out, suggest_encoding, train_own
from musiclab.score import Score
from musiclab.splits import old_sides
from musiclab.training import evaluate, prepare

GRID = GridEncoding()
SMALL = {"embedding": 8, "units": (16,), "dropout": 0.0, "seed": 0}


def tunes(seed, count, steps=(2, -1, 2, -3, 1, -1), quarters=16):
    """Make tunes that are alike, and none of them the same: their intervals come from a few, in a random order."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        pitches = np.clip(64 + np.cumsum(rng.choice(steps, quarters)), 55, 80)
        made.append(Score([(k, 1, int(p)) for k, p in enumerate(pitches)], title=f"Tune {number}"))
    return made


def small_bundle(name="mine"):
    return Bundle(name, weights_of(stream_model(GRID.input_sizes, GRID.size, **SMALL)), GRID, {"kind": "stream", **SMALL})


# --- which encoding -------------------------------------------------------------------------------------


def test_melodies_go_on_a_grid():
    encoding, reason = suggest_encoding(tunes(0, 3))
    assert isinstance(encoding, GridEncoding) and not isinstance(encoding, ChoraleEncoding) and encoding.voices == 1
    assert "100%" in reason


def test_four_voices_go_to_the_choir():
    choir = [Score([(k, 1, p + (k + n) % 3, v) for k in range(8) for v, p in enumerate((70, 65, 60, 48))]) for n in range(3)]
    assert isinstance(suggest_encoding(choir)[0], ChoraleEncoding)


@pytest.mark.parametrize(
    "rows",
    [
        [(k, 1, p) for k in range(8) for p in (60, 64, 67)],  # chords in one voice
        [(k / 3, 1 / 3, 60 + k % 5) for k in range(24)],  # triplets
    ],
)
def test_what_the_grid_would_lose_goes_into_events(rows):
    encoding, reason = suggest_encoding([Score(rows)])
    assert isinstance(encoding, EventEncoding) and "would keep" in reason
    assert own._kept(encoding, [Score(rows)]) > own._kept(GRID, [Score(rows)])


@pytest.mark.parametrize("held", [0.98, 0.9, 0.8])
def test_notes_that_are_held_for_less_than_is_written_are_no_loss(held):
    rows = [(k / 2, held / 2, 60 + k % 5) for k in range(24)] + [(12 + k, held, 65 - k % 4) for k in range(8)]
    assert own._kept(GRID, [Score(rows)]) == 1
    encoding, reason = suggest_encoding([Score(rows)])
    assert isinstance(encoding, GridEncoding) and "100%" in reason


def test_a_length_that_changes_by_more_than_half_a_step_is_a_loss():
    """In one voice the second note cuts the first, by a quarter: one note of two."""
    assert own._kept(GRID, [Score([(0, 2, 60), (1, 1, 62)])]) == 0.5


def test_events_are_chosen_only_where_they_keep_clearly_more():
    rng = np.random.default_rng(0)
    loose = Score([(float(k + rng.uniform(0.05, 0.07)), 0.5, 60 + k % 5) for k in range(32)])  # between the steps of either
    encoding, reason = suggest_encoding([loose])
    assert encoding.name == "grid" and "hardly more" in reason


@pytest.mark.parametrize(
    ("rows", "included"),
    [
        ([(k, 1, p) for k in range(8) for p in (60, 64, 67)], ", chords included."),
        ([(k / 3, 1 / 3, 60 + k % 5) for k in range(24)], ", triplets included."),
        ([(k, 1.5, 60 + k % 5) for k in range(8)], "%."),  # each note sounds into the next: neither
    ],
)
def test_only_what_there_is_is_said_to_be_included(rows, included):
    encoding, reason = suggest_encoding([Score(rows)])
    assert encoding.name == "events" and reason.endswith(included)
    assert ("chords" in reason, "triplets" in reason) == ("chords" in included, "triplets" in included)


def test_nothing_to_choose_for():
    with pytest.raises(ValueError, match="no piece with a note"):
        suggest_encoding([Score([])])


# --- melodies out of files ------------------------------------------------------------------------------


def test_the_melodies_of_a_folder_are_those_that_the_doctor_found(tmp_path):
    tune, high = tunes(21, 2)
    band = Score([(n["onset"], 1, n["pitch"], 0) for n in high.notes] + [(n["onset"], 1, n["pitch"] - 12, 1) for n in tune.notes])
    named = symusic.Score(write_midi(band, tmp_path / "band.mid"))
    for track, name in zip(named.tracks, ("Flute", "Vocals"), strict=True):
        track.name = name
    named.dump_midi(tmp_path / "band.mid")
    notes = tune.notes.copy()
    notes["onset"] += 0.02 * (-1.0) ** np.arange(len(notes))
    notes["onset"] -= notes["onset"].min()
    write_midi(replace(tune, notes=notes), tmp_path / "played.mid")
    rain = np.sort(np.random.default_rng(3).uniform(0, 40, 80))
    write_midi(Score([(float(t), 0.2, 60) for t in rain]), tmp_path / "rain.mid")
    (tmp_path / "letter.mid").write_text("Dear aunt")
    (tmp_path / "two.abc").write_text("X:1\nT:One\nL:1/4\nK:C\nCDEF|GABc|\n\nX:2\nT:Two\nL:1/4\nK:C\ncBAG|FEDC|\n")
    melodies, left_out = usable_melodies(tmp_path, progress=False)
    assert [name for name, _ in left_out] == ["letter.mid", "rain.mid"]
    assert "does not begin like it" in left_out[0][1] and "on no grid" in left_out[1][1]
    *whole, one, two = melodies
    for melody in whole:  # the track that is called Vocals, though the other lies higher; and the played one, on the grid
        assert len(melody.voices) == 1 and not GRID.loss_report(melody)["onset moved"]
        assert np.array_equal(np.diff(melody.notes["pitch"].astype(int)), np.diff(tune.notes["pitch"].astype(int)))
    assert len(whole) == 2 and (one.title, two.title) == ("One", "Two")
    assert one.notes["pitch"].tolist() == two.notes["pitch"].tolist()[::-1] == [60, 62, 64, 65, 67, 69, 71, 72]


# --- from scratch ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", [GRID, EventEncoding()], ids=lambda encoding: encoding.name)
def test_a_model_from_scratch_writes_music(encoding):
    bundle = train_own(tunes(1, 6), "mine", encoding=encoding, units=(16,), epochs=2, progress=False)
    score = generate(bundle, 8, seed=0, time_signature=(4, 4))
    assert len(score) and bundle.encoding.decode(encoding.encode(score)) == encoding.quantise(score)
    split = bundle.card["split"]
    assert split["train"] + split["valid"] + split["test"] == 6 and min(split["valid"], split["test"]) >= 1
    assert bundle.card["metrics"]["test nats/step"] > 0 and bundle.card["metres"] == ["4/4"]


def test_a_bundle_of_ones_own_is_saved_and_loaded(tmp_path):
    bundle = train_own(tunes(2, 5), "mine", units=(8,), epochs=1, progress=False)
    again = load_bundle(bundle.save(tmp_path / "mine.bundle"))
    assert generate(again, 8, seed=3) == generate(bundle, 8, seed=3)


def test_training_learns_the_style():
    """Held-out tunes of the style become less surprising than to a model that has learned for one epoch."""
    one, more = (train_own(tunes(3, 24), "mine", units=(24,), epochs=n, progress=False) for n in (1, 25))
    assert more.card["metrics"]["test nats/step"] < 0.8 * one.card["metrics"]["test nats/step"]


def test_one_piece_is_enough_and_a_warning_says_what_it_means():
    with pytest.warns(UserWarning, match="by heart") as said:
        bundle = train_own(tunes(4, 1), "mine", units=(8,), epochs=1, progress=False)
    assert said[0].filename == __file__, "the warning points at who called"
    assert bundle.card["split"]["train"] == 1 and not bundle.card["metrics"]


def test_the_same_tune_in_many_keys_is_one_tune():
    copies = [tunes(5, 1)[0].transpose(k) for k in range(6)]
    with pytest.warns(UserWarning, match="6 pieces, 1 of them different"):
        train_own(copies, "mine", units=(8,), epochs=1, progress=False)


# --- fine-tuning ----------------------------------------------------------------------------------------


def test_the_bundle_moves_to_the_new_style_and_remembers_the_old():
    old_style, new_style = tunes(6, 60), tunes(7, 24, steps=(7, -5, -4, 3))
    old = {"train": old_style[:40], "valid": old_style[40:50], "test": old_style[50:]}
    first = train_own(old_style[:50], "old", encoding=GRID, units=(32,), epochs=25, progress=False)
    before = {name: array.copy() for name, array in first.weights.items()}
    moved = fine_tune(first, new_style, "new", old=old, epochs=15, progress=False)
    assert all(np.array_equal(before[name], first.weights[name]) for name in before), "the old bundle stays as it is"
    figures = {which: moved.card["metrics"][f"test nats/step, {which}"].split() for which in ("yours", "old")}
    was, now = ({which: float(words[k]) for which, words in figures.items()} for k in (0, 2))
    assert now["yours"] < 0.85 * was["yours"] and now["old"] < 1.15 * was["old"]
    # The card's figures are those of the two models: measured again, in NumPy.
    pieces = encode_pieces([s for s in old["test"]], GRID)
    nats = [
        np.concatenate([b.stream().nats(GRID.inputs(p.tokens, p.time_signature), np.append(p.tokens, 0)) for p in pieces]).mean()
        for b in (first, moved)
    ]
    assert nats == pytest.approx([was["old"], now["old"]], abs=2e-3)


def test_without_the_old_pieces_it_forgets():
    """That mixing helps is the claim; so without it the old kind must fare worse."""
    old_style, new_style = tunes(8, 60), tunes(9, 24, steps=(7, -5, -4, 3))
    old = {"train": old_style[:40], "valid": [], "test": old_style[50:]}
    first = train_own(old_style[:50], "old", encoding=GRID, units=(32,), epochs=25, progress=False)
    lost = {}
    for mix in (0.0, 2.0):
        card = fine_tune(first, new_style, "new", old=old, mix=mix, epochs=25, progress=False).card
        lost[mix] = float(card["metrics"]["test nats/step, old"].split()[2])
        assert (card["training"]["old pieces in an epoch"] > 0) == (mix > 0)
    assert lost[2.0] < 0.97 * lost[0.0]


def test_training_that_only_does_harm_leaves_the_weights_as_they_were():
    old = tunes(12, 24)
    first = train_own(old, "old", encoding=GRID, units=(16,), epochs=20, progress=False)
    with pytest.warns(UserWarning, match="lower learning_rate"):
        moved = fine_tune(first, tunes(13, 8), "new", old={"valid": old}, epochs=1, learning_rate=5.0, progress=False)
    assert all(np.array_equal(first.weights[name], moved.weights[name]) for name in first.weights)
    before, after = moved.card["metrics"]["test nats/step, yours"].split()[::2]
    assert before == after


def test_where_too_much_is_forgotten_the_weights_go_back():
    """Without old pieces in training the shipped bundle forgets; the less of that is allowed, the nearer the weights stay."""
    melody = load_bundle("melody")
    old = [score for score in load_corpus("fiddle-tunes", progress=False)[:80] if suits_a_melody_model(score, GRID)][:20]
    new = tunes(16, 16, quarters=64)
    old = {"valid": old, "test": old}  # the limit is kept on what is measured, so that it is seen whether it was kept
    ways, risen = [], []
    for forget in (1e9, 0.01):
        moved = fine_tune(melody, new, "new", old=old, mix=0, forget=forget, epochs=1, learning_rate=1e-3, progress=False)
        before, after = (float(word) for word in moved.card["metrics"]["test nats/step, old"].split()[::2])
        ways.append(moved.card["training"]["way gone"])
        risen.append(after / before - 1)
    assert ways[0] == 1 > ways[1] > 0
    assert risen[0] > 0.015 and 0 < risen[1] < 0.012  # the card has three digits


def test_going_back_ends_on_the_straight_line():
    pieces = encode_pieces(tunes(17, 6), GRID)
    model = model_of(small_bundle())
    prepare(model, own._optimizer())
    start = weights_of(model)
    rng = np.random.default_rng(0)
    end = {name: array + rng.normal(0, 0.5, array.shape).astype(array.dtype) for name, array in start.items()}
    limits = {}
    for tenths in range(11):
        set_weights(model, {name: start[name] + np.float32(tenths / 10) * (end[name] - start[name]) for name in start})
        limits[tenths] = own._nats(model, pieces, GRID)
    assert limits[10] > limits[5] > limits[0], "chance weights are worse"
    for tenths, limit in ((10, limits[10]), (5, limits[5]), (0, limits[0] / 2)):  # half of the loss is not to be had on the way
        set_weights(model, end)
        allowed = (limit + 1e-3) / limits[0] - 1
        assert own._go_back(model, start, pieces, GRID, allowed) == tenths / 10
        for name, array in weights_of(model).items():
            assert array == pytest.approx(start[name] + tenths / 10 * (end[name] - start[name]), abs=1e-6)


@pytest.mark.parametrize("kind", ["melody", "chorale"])
def test_each_epoch_has_all_of_yours_and_other_old_pieces(kind):
    if kind == "melody":
        encoding, count = GRID, 60
        scores = [Score([(k, 1, 60 + (k * n) % 7) for k in range(8)], title=str(n)) for n in range(count)]
    else:
        encoding, count = ChoraleEncoding(), 12
        scores = [
            Score([(k, 1, p + (k * n) % 3, v) for k in range(8) for v, p in enumerate((70, 65, 60, 48))]) for n in range(count)
        ]
    pieces = encode_pieces(scores, encoding)
    yours, old = pieces[: count // 4], pieces[count // 4 :]
    batches = own._rehearsal(yours, old, 1.5, encoding, seed=0)
    assert isinstance(batches, VoiceBatches) == (kind == "chorale")
    assert batches.count == round(1.5 * len(yours)), "all pieces are equally long here"
    seen = [np.concatenate(batches._order(np.random.default_rng(epoch))) for epoch in range(8)]
    for members in seen:
        assert len(members) == len(set(members.tolist())) == len(yours) + batches.count, "none comes twice"
        assert set(range(len(yours))) <= set(members.tolist())
    assert len(set(np.concatenate(seen).tolist())) > len(pieces) * 0.9, "in time nearly all old pieces come"
    for epoch in (0, 1):
        rows = [targets for _, targets, _ in batches.epoch(epoch)]
        assert len(rows) == len(batches) and sum(map(len, rows)) == len(yours) + batches.count
        again = [targets for _, targets, _ in batches.epoch(epoch)]
        assert all(np.array_equal(a, b) for a, b in zip(rows, again, strict=True)), "epoch 1 is always the same epoch 1"


def test_there_are_no_more_old_pieces_than_there_are():
    pieces = encode_pieces(tunes(18, 9), GRID)
    assert own._rehearsal(pieces[:6], pieces[6:], 5.0, GRID, seed=0).count == 3
    assert own._rehearsal(pieces, [], 5.0, GRID, seed=0).count == 0


def test_metres_and_shortest_piece_are_handed_on():
    first = small_bundle()
    first.card.update({"metres": ["6/8"], "shortest": 27.0})
    card = fine_tune(first, tunes(14, 6), "new", old={}, epochs=1, progress=False).card
    assert card["metres"] == ["4/4", "6/8"] and card["shortest"] == 27.0


def test_a_stranger_takes_over_from_its_nearest_relative():
    model = model_of(small_bundle())
    old = encode_pieces([Score([(0, 1, 60), (1, 1, 62), (2, 1, 71)])], GRID)
    new = encode_pieces([Score([(0, 1, 74), (1, 1, 70), (2, 1, 60)], time_signature=(3, 4))], GRID)
    (before,), (metres,) = (model.get_layer(f"embedding_{c}").get_weights() for c in (0, 2))
    own._introduce(model, GRID, new, old)
    (after,), (metres_after,) = (model.get_layer(f"embedding_{c}").get_weights() for c in (0, 2))
    assert np.array_equal(after[FIRST_PITCH + 74], before[FIRST_PITCH + 62]), "an octave above one that was met"
    assert np.array_equal(after[FIRST_PITCH + 70], before[FIRST_PITCH + 71]), "no octave: a semitone"
    untouched = [k for k in range(GRID.size) if k not in (FIRST_PITCH + 74, FIRST_PITCH + 70)]
    assert np.array_equal(after[untouched], before[untouched])
    assert np.array_equal(metres_after[1], metres[2]), "3/4 was never met, 4/4 was"


def test_a_model_that_is_not_told_the_old_kind_still_learns():
    with pytest.warns(UserWarning, match="nothing of the old kind is mixed in") as said:
        bundle = fine_tune(small_bundle("melody"), tunes(10, 6), "new", epochs=1, progress=False)  # the name says nothing
    assert __file__ in [warning.filename for warning in said if "old kind" in str(warning.message)]
    assert set(bundle.card["metrics"]) == {"test nats/step, yours"} and bundle.card["training"]["from"] == "melody"


def test_the_old_kind_is_known_by_the_card_and_not_by_the_name():
    chorale = load_bundle("chorale")
    wanted = old_sides(chorale)
    assert {side: len(scores) for side, scores in wanted.items()} == {s: chorale.card["split"][s] for s in wanted}
    cards = {
        "itself": chorale.card,
        "its child": {"corpus": "9 pieces of your own", "training": {"from corpus": chorale.card["corpus"]}},
        "of another corpus": {"corpus": {"bach-chorales": "0" * 16}},
        "of a stranger": {"corpus": "9 pieces of your own"},
        "without words": {},
    }
    found = {who: old_sides(replace(chorale, name="mine", card=card)) for who, card in cards.items()}
    assert found["itself"] == found["its child"] == wanted
    assert found["of another corpus"] == found["of a stranger"] == found["without words"] == {}


def test_the_card_says_from_which_corpus_a_grandchild_comes():
    first = small_bundle()
    first.card["corpus"] = {"folk-songs": "0123456789abcdef"}
    for seed in (19, 20):
        first = fine_tune(first, tunes(seed, 6), "next", old={}, epochs=1, progress=False)
        assert first.card["training"]["from corpus"] == {"folk-songs": "0123456789abcdef"}


def test_how_far_pieces_can_be_moved():
    pieces = encode_pieces([Score([(0, 1, 3), (1, 1, 124)])], GRID)
    assert own._shifts(pieces, GRID) == (-3, 3)
    assert own._shifts(encode_pieces([Score([(0, 1, 0), (1, 1, 127)])], GRID), GRID) == (0, 0)
    assert own._shifts(encode_pieces([Score([(0, 1, 60)])], GRID), GRID) == own.SHIFTS


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([], "no pieces"),
        ([Score([(k, 1, p) for k in range(4) for p in (60, 64, 67)], title="Chords")], r"\(Chords\) would lose 8 of its 12"),
        ([*tunes(0, 2), Score([], title="Silence")], r"piece 2 \(Silence\) has no notes"),
    ],
)
def test_what_cannot_be_learned_from_is_said(scores, message):
    for learn in (lambda: fine_tune(small_bundle(), scores, "new"), lambda: train_own(scores, "new", encoding=GRID)):
        with pytest.raises(ValueError, match=message):
            learn()


@pytest.mark.parametrize("scores", ["folder", Score([(0, 1, 60)]), None, ["a.mid"]], ids=["path", "one", "none", "paths"])
@pytest.mark.parametrize(
    "learn",
    [suggest_encoding, share_out, lambda scores: train_own(scores, "x"), lambda scores: fine_tune(small_bundle(), scores, "x")],
    ids=["suggest_encoding", "share_out", "train_own", "fine_tune"],
)
def test_what_is_no_list_of_scores_is_refused(learn, scores):
    with pytest.raises(TypeError, match=r"scores (is|should hold) .*Score"):
        learn(scores)


def test_tunes_of_one_voice_are_nothing_for_a_bundle_of_four():
    with pytest.raises(ValueError, match=r"piece 0 \(Tune 0\) has one voice, and the bundle 'chorale' writes 4"):
        fine_tune(load_bundle("chorale"), tunes(0, 6), "new")


@pytest.mark.parametrize("old", [tunes(0, 4), {"tr": tunes(0, 4)}, "melody"], ids=["list", "key", "name"])
def test_an_old_kind_of_another_form_is_refused(old):
    with pytest.raises(ValueError, match=r"it should be a dict .* 'train', 'valid' and 'test'"):
        fine_tune(small_bundle(), tunes(0, 6), "new", old=old)


@pytest.mark.parametrize(
    "wrong",
    [{"mix": -1}, {"mix": np.nan}, {"forget": -0.1}, {"epochs": 0}, {"learning_rate": 0}, {"learning_rate": -1.0}],
    ids=str,
)
def test_numbers_out_of_range_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name}=.*: it must be"):
        fine_tune(small_bundle(), tunes(0, 6), "new", **wrong)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"units": 16}, TypeError, "as a tuple"),
        ({"units": ()}, ValueError, "one LSTM layer at least"),
        ({"units": (16, 0)}, ValueError, "1 unit or more"),
        ({"epochs": 0}, ValueError, "epochs=0: it must be 1 or more"),
        ({"encoding": "events"}, TypeError, "give an encoding"),
        ({"encoding": ChoraleEncoding()}, ValueError, "no model for the encoding 'chorale' of 4 voices"),
        ({"encoding": GridEncoding(voices=2)}, ValueError, "no model for the encoding 'grid' of 2 voices"),
    ],
)
def test_what_cannot_be_trained_from_scratch_is_refused(wrong, error, message):
    with pytest.raises(error, match=message):
        train_own(tunes(0, 6), "new", **wrong)


def test_a_name_is_no_bundle():
    with pytest.raises(TypeError, match="load_bundle"):
        fine_tune("melody", tunes(0, 6), "new")


def test_the_original_recipe_cannot_be_moved():
    with pytest.raises(BundleError, match="original recipe"):
        fine_tune(load_bundle("recipe"), tunes(0, 4), "new")


def test_measuring_is_keras_own_loss():
    bundle, pieces = small_bundle(), encode_pieces(tunes(11, 3), GRID)
    model = model_of(bundle)
    prepare(model, own._optimizer())
    stream = bundle.stream()
    nats = [stream.nats(GRID.inputs(p.tokens, p.time_signature), np.append(p.tokens, 0)) for p in pieces]
    wanted = float(np.mean(list(itertools.chain(*nats))))
    assert evaluate(model, own._batches(pieces, GRID, shuffle=False)) == pytest.approx(wanted, rel=1e-4)
