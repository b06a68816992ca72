"""benchmarks/polyphonic.py: its figures are what they say, on made-up music of a few keys. Nothing is timed."""

import itertools
import math
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))  # at the end: nothing there can stand in the way
import polyphonic as poly

from musiclab.models import keras

SMALL = poly.Recipe(units=5, head=6)
BUILD = {"sigmoid": (poly.sigmoid_model, poly.KeyByKey()), "joint": (poly.joint_model, poly.NoteByNote())}


def rolls(*lengths: int, keys: int = 4, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [(rng.random((length, keys)) < 0.4).astype("uint8") for length in lengths]


def ready(kind: str, keys: int = 4) -> tuple[keras.Model, poly.KeyByKey | poly.NoteByNote]:
    """A model whose weights are large enough that everything in it matters, and what its targets are."""
    build, encoding = BUILD[kind]
    model = build(SMALL, keys)
    rng = np.random.default_rng(1)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(0, 0.7, weight.shape))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
    model.compile(optimizer="sgd", loss=loss)
    return model, encoding


def log_ps(kind: str, model: keras.Model, roll: np.ndarray) -> np.ndarray:
    """log p of each frame, choice by choice from the model's logits, without the batches, the loss and the mask."""
    past = np.concatenate([np.zeros((1, roll.shape[1])), roll[:-1]])[None].astype("float32")
    end, most = roll.shape[1], int(roll.sum(axis=1).max())
    result = np.zeros(len(roll))
    if kind == "sigmoid":
        logits = np.asarray(model(past))[0].astype(float)
        for frame, key in np.ndindex(roll.shape):
            p = 1 / (1 + math.exp(logits[frame, key, 0] - logits[frame, key, 1]))
            result[frame] += math.log(p if roll[frame, key] else 1 - p)
        return result
    notes = np.array([[*np.flatnonzero(keys), *[end] * (most + 1 - keys.sum())] for keys in roll], "int32")
    logits = np.asarray(model({"past": past, "now": notes[None]}))[0].astype(float)
    for frame, keys in enumerate(roll):
        for place, note in enumerate([*np.flatnonzero(keys), end]):
            result[frame] += logits[frame, place, note] - np.log(np.exp(logits[frame, place]).sum())
    return result


# --- the files --------------------------------------------------------------------------------------


def element(kind: int, body: bytes) -> bytes:
    return struct.pack("<II", kind, len(body)) + body + b"\0" * (-len(body) % 8)


def matrix(kind: int, shape: tuple[int, int], name: str, body: bytes) -> bytes:
    words = name.encode()
    named = struct.pack("<HH", 1, len(words)) + words.ljust(4, b"\0") if 0 < len(words) <= 4 else element(1, words)
    return element(14, element(6, struct.pack("<II", kind, 0)) + element(5, struct.pack("<ii", *shape)) + named + body)


def mat_file(cells: dict[str, list[np.ndarray]], *, packed: bool) -> bytes:
    """A MATLAB file with rows of cells, as MATLAB writes it."""
    data = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<HH", 0x0100, 0x4D49)
    for name, arrays in cells.items():
        inside = b"".join(matrix(9, array.shape, "", element(2, array.tobytes(order="F"))) for array in arrays)
        whole = matrix(1, (1, len(arrays)), name, inside)
        squeezed = zlib.compress(whole)
        data += struct.pack("<II", 15, len(squeezed)) + squeezed if packed else whole
    return data


@pytest.mark.parametrize("packed", [True, False])
def test_a_matlab_file_is_read(tmp_path: Path, packed: bool) -> None:
    sides = {f"{side}data": rolls(3, 7, 1, keys=88, seed=seed) for seed, side in enumerate(("train", "valid", "test"))}
    file = tmp_path / "made_up.mat"
    file.write_bytes(mat_file(sides | {"x": rolls(2)}, packed=packed))
    for read, written in zip(poly.load(file), sides.values(), strict=True):
        assert len(read) == len(written) and all(map(np.array_equal, read, written))
    assert np.array_equal(poly.read_mat(file)["x"][0], rolls(2)[0])


def test_other_files_and_other_arrays_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.mat"
    file.write_bytes(b"no MATLAB file" * 20)
    with pytest.raises(ValueError, match=r"other\.mat is no MATLAB file"):
        poly.load(file)
    file.write_bytes(mat_file({f"{side}data": rolls(3, keys=87) for side in ("train", "valid", "test")}, packed=True))
    with pytest.raises(ValueError, match="no roll of 88 keys"):
        poly.load(file)


# --- the figures ------------------------------------------------------------------------------------


def test_the_marginal_is_what_one_computes_by_hand() -> None:
    train = [np.array([[1, 0], [1, 0]], "uint8"), np.array([[0, 0]], "uint8")]
    test = [np.array([[1, 0]], "uint8"), np.array([[0, 1], [0, 0]], "uint8")]
    p, q = 2.5 / 4, 0.5 / 4  # two and no frames of three, and half a frame of one more
    by_hand = -(math.log(p * (1 - q)) + math.log((1 - p) * q) + math.log((1 - p) * (1 - q))) / 3
    assert poly.marginal(train, test) == pytest.approx(by_hand, abs=1e-12)


def test_the_marginal_knows_which_key_is_which() -> None:
    train, test = rolls(50, 30, seed=1), rolls(20, seed=2)
    train, test = ([roll * np.array([1, 1, 0, 1], "uint8") for roll in side] for side in (train, test))
    mixed = [2, 0, 3, 1]
    both = poly.marginal([roll[:, mixed] for roll in train], [roll[:, mixed] for roll in test])
    assert both == pytest.approx(poly.marginal(train, test), abs=1e-12)
    assert poly.marginal(train, [roll[:, mixed] for roll in test]) > poly.marginal(train, test) + 0.5


@pytest.mark.parametrize("kind", BUILD)
def test_the_figure_is_the_log_probability_of_the_pieces(kind: str) -> None:
    model, encoding = ready(kind)
    pieces = rolls(3, 9, 1, 6)
    wanted = -np.concatenate([log_ps(kind, model, roll) for roll in pieces]).mean()
    assert poly.nats_per_frame(model, poly.Frames(pieces, encoding)) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("kind", BUILD)
def test_padding_does_not_change_the_figure(kind: str) -> None:
    model, encoding = ready(kind)
    pieces = [*rolls(3, 40, 1, 6), np.zeros((2, 4), "uint8"), np.ones((2, 4), "uint8")]
    figures = [poly.nats_per_frame(model, poly.Frames(pieces, encoding, batch_size=size)) for size in (1, 2, 6)]
    assert figures[1:] == pytest.approx([figures[0]] * 2, rel=1e-5)


@pytest.mark.parametrize("keys", [3, 4])
@pytest.mark.parametrize("kind", BUILD)
def test_the_probabilities_of_all_frames_sum_to_one(kind: str, keys: int) -> None:
    model, _ = ready(kind, keys)
    before = rolls(5, keys=keys, seed=3)[0]
    frames = [np.array(frame, "uint8") for frame in itertools.product((0, 1), repeat=keys)]
    chances = [math.exp(log_ps(kind, model, np.concatenate([before, frame[None]]))[-1]) for frame in frames]
    assert sum(chances) == pytest.approx(1, abs=1e-4)
    assert max(chances) < 1 and len(set(np.round(chances, 6))) > 2  # so it is not the sum of a single 1


def test_only_the_joint_head_can_tell_which_notes_go_together() -> None:
    model, _ = ready("joint")
    frames = list(itertools.product((0, 1), repeat=4))
    chances = {frame: math.exp(log_ps("joint", model, np.array([frame], "uint8"))[0]) for frame in frames}
    of_1, of_2 = (sum(p for frame, p in chances.items() if frame[key]) for key in (0, 1))
    of_both = sum(p for frame, p in chances.items() if frame[0] and frame[1])
    assert abs(of_both - of_1 * of_2) > 1e-3


@pytest.mark.parametrize("kind", BUILD)
def test_no_frame_is_seen_before_it_is_predicted(kind: str) -> None:
    model, _ = ready(kind)
    one, other = rolls(8, 8)
    known = log_ps(kind, model, one)
    for frame in range(8):
        changed = log_ps(kind, model, np.concatenate([one[:frame], other[frame:]]))
        assert changed[:frame] == pytest.approx(known[:frame], rel=1e-5)
        assert frame == 7 or abs(changed - known)[frame + 1 :].max() > 1e-3  # what differs is noticed, but later
    batches = poly.Frames([one], BUILD[kind][1])
    ((inputs, _, _),) = batches.epoch()
    past = inputs["past"] if kind == "joint" else inputs
    assert not past[0, 0].any() and np.array_equal(past[0, 1:], one[:-1])


@pytest.mark.parametrize("kind", BUILD)
def test_keys_in_another_order_cost_more(kind: str) -> None:
    """A trained model notices if the keys of the test pieces are mixed up, as a wrong loader would do."""
    scale = [np.eye(6, dtype="uint8")[np.arange(start, start + 24) % 6] for start in range(6)]  # upwards, for ever
    recipe = poly.Recipe(joint=kind == "joint", units=12, head=12, epochs=60, patience=60, learning_rate=0.03, batch_size=3)
    model, epochs, valid = poly.fit(recipe, scale[:5], scale[5:], keys=6)
    right = poly.nats_per_frame(model, valid)
    mixed = poly.Frames([scale[5][:, [3, 0, 5, 1, 4, 2]]], valid.encoding)
    assert epochs == 60 and right < 0.6 < poly.marginal(scale[:5], scale[5:])
    assert poly.nats_per_frame(model, mixed) > right + 1


# --- batches ----------------------------------------------------------------------------------------


def test_a_piece_is_moved_but_not_beyond_the_keyboard() -> None:
    roll = np.array([[0, 1, 0, 0, 0], [0, 0, 1, 0, 0]], "uint8")
    assert np.array_equal(poly.moved(roll, 1), [[0, 0, 1, 0, 0], [0, 0, 0, 1, 0]])
    assert np.array_equal(poly.moved(roll, 3), [[0, 0, 0, 1, 0], [0, 0, 0, 0, 1]])
    assert np.array_equal(poly.moved(roll, -3), [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0]])
    assert not poly.moved(np.zeros((2, 5), "uint8"), 4).any()


def test_notes_and_end_are_the_targets_of_the_joint_head() -> None:
    targets, weights = poly.NoteByNote().targets(np.array([[0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]], "uint8"))
    assert targets.tolist() == [[1, 3, 4], [4, 4, 4], [0, 4, 4]]
    assert weights.tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    assert poly.Frames(rolls(5), poly.KeyByKey()).targets_per_frame == 4


def test_an_epoch_holds_each_piece_once_and_is_the_same_again() -> None:
    pieces = rolls(5, 9, 2, 7, 3)
    batches = poly.Frames(pieces, poly.KeyByKey(), batch_size=2, seed=4)
    found = [
        roll[: int(mask[:, 0].sum())] for _, targets, masks in batches.epoch(3) for roll, mask in zip(targets, masks, strict=True)
    ]
    assert sorted(roll.tolist() for roll in found) == sorted(roll.tolist() for roll in pieces)
    for one, other in zip(batches.epoch(3), batches.epoch(3), strict=True):
        assert all(map(np.array_equal, one, other))


# --- the table --------------------------------------------------------------------------------------


def test_a_new_row_takes_its_place_and_the_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text("Before.\n<!-- measured -->\n<!-- /measured -->\nAfter.\n")
    monkeypatch.setattr(poly, "PAGE", page)
    wide = ("",) * (len(poly.HEAD) - 3)
    for corpus, name, figure in (("nottingham", "large: a", "3"), ("jsb", "plain: b", "8"), ("nottingham", "large: c", "2")):
        poly.write((corpus, name, *wide, figure))
    rows = poly.rows_of(page.read_text())
    assert list(rows) == [("jsb", "plain"), ("nottingham", "large")]
    assert rows["nottingham", "large"] == ("nottingham", "large: c", *wide, "2")
    assert page.read_text().startswith("Before.") and page.read_text().endswith("After.\n")


def test_settings_and_words_choose_what_is_fitted() -> None:
    recipe = poly.changed(poly.PLAIN, ["units=7", "dropout=0.25"])
    assert (recipe.units, recipe.dropout, recipe.epochs) == (7, 0.25, poly.PLAIN.epochs)
    assert poly.wanted([], "jsb", "plain") and poly.wanted(["jsb"], "jsb", "plain") and poly.wanted(["plain"], "jsb", "plain")
    assert not poly.wanted(["nottingham"], "jsb", "plain") and not poly.wanted(["jsb", "joint"], "jsb", "plain")


def test_parts_of_pieces_hold_each_frame_once_and_see_the_frame_before():
    rng = np.random.default_rng(0)
    pieces = [(rng.random((length, 6)) < 0.5).astype("uint8") for length in (5, 23, 40)]
    for number in range(3):
        batches = poly.Frames(pieces, poly.KeyByKey(), batch_size=4, window=8, seed=1)
        found = []
        for past, targets, weights in batches.epoch(number):
            assert past.shape[1] <= 8
            for row in range(len(past)):
                length = int(weights[row, :, 0].sum())
                found += [(past[row, t].tobytes(), targets[row, t].astype("uint8").tobytes()) for t in range(length)]
        wanted = []
        for piece in pieces:
            before = np.concatenate([np.zeros_like(piece[:1]), piece[:-1]])
            wanted += [(b.astype("float32").tobytes(), f.tobytes()) for b, f in zip(before, piece, strict=True)]
        assert sorted(found) == sorted(wanted)
