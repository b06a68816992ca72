"""Train and measure the chorale model on the file that the literature uses.

    python benchmarks/jsb_chorales.py PATH                             # three seeds, and the table in chorales.md
    python benchmarks/jsb_chorales.py PATH --class-profile --seeds 0   # two minutes of training
    python benchmarks/jsb_chorales.py PATH --table                     # the table alone: seconds, and no training

PATH is ``Jsb16thSeparated.npz`` from github.com/czhuang/JSB-Chorales-dataset: 382 chorales on a grid of sixteenths, split into
229 to train on, 76 for validation and 77 to test, the split of Boulanger-Lewandowski et al. (2012). It states no licence, so the
course does not carry it.

The unit is nats per voice and step: the mean, over all steps of all pieces and over four voices, of -log p(what the voice does |
all steps before, and the voices above it in this step). Steps in which a note is held count. The end of a piece does not: the
published figures leave it out, so the model's probability of an end is taken away before p is read.

Each seed takes some twelve minutes on two cores. It can be stopped at any time, and goes on from where it was. What was
measured is kept in ``jsb_chorales.json`` beside this file, and the table is made from there. Only the models that count, such
as n-grams, are measured anew for each table: they take seconds, and show that file, split and unit are the right ones.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from table import at_most, between_markers, spread, table, verdict

from musiclab.baselines import Markov, _mix
from musiclab.dataset import Piece, VoiceBatches, voice_ranges
from musiclab.encoding import END, FIRST_PITCH, HOLD, REST, ChoraleEncoding
from musiclab.lstm import log_softmax
from musiclab.models import chorale_model, keras
from musiclab.training import CHORALE_TRAINING, chorale_optimizer, train

RESULTS = Path(__file__).with_suffix(".json")
PAGE = Path(__file__).with_name("chorales.md")
SIDES = ("train", "valid", "test")
SEEDS = (0, 1, 2)
MODEL = {"units": (192,), "head": 256, "depth": 2, "dropout": 0.5}
EPOCHS, PATIENCE = 85, 10

#: What the class profile asks: two minutes on a CPU, and on the test pieces no more nats than these.
CLASS_SECONDS, CLASS_BAR = 120, 0.55

#: What others reached: model, validation, test, mark, remark. C: confirmed in a stored copy of the source. M: measured on two
#: CPU cores, with other code than this. mem: from memory, unconfirmed.
PUBLISHED = (
    ("unigram per voice", "2.61", "2.64", "M", ""),
    ("Markov-1 in its own voice", "0.934", "0.983", "M", ""),
    ("best n-gram (own past + beat + voices already set)", "0.626", "0.659", "M", ""),
    ("LSTM 200, no transposition", "0.493", "0.513", "M", "487k weights, 203 s"),
    (
        "LSTM 200, how long each note has been held as input, transposed copies",
        "0.461",
        "0.477",
        "M",
        "590k weights, 335 s, still falling",
    ),
    (
        "sketch: one LSTM step a frame, 2×320 units, heads for S, A, T, B in turn",
        "0.348",
        "0.352",
        "M",
        "2.25M weights, 309 epochs, 40 min in torch",
    ),
    ("BachBot LSTM", "0.477", "", "C", "own split and encoding"),
    ("CoCoNet, chronological", "0.436", "", "mem", ""),
    ("Transformer, as the baseline of Music Transformer", "0.417", "", "mem", ""),
    ("TonicNet GRU 1.26M, as a joint likelihood", "~0.396", "", "derived", "from its checkpoint's loss; not its quoted 0.220"),
    ("Music Transformer", "0.335", "", "mem", ""),
)

#: The models that count: what they look at, see `seen`. From rung to rung the context grows.
NGRAMS = {
    "unigram per voice": (),
    "Markov of order 1 in its own voice": (("own last",),),
    "n-gram: own past, then beat, then voices already set": (
        ("own last",),
        ("beat",),
        ("held",),
        ("above 1",),
        ("above 2",),
        ("above 3",),
    ),
    "n-gram, contexts chosen on the validation pieces": (
        ("own last", "beat"),
        ("above 1", "above 2", "above 3"),
        ("below 1", "below 2", "below 3"),
    ),
}


# --- the file -----------------------------------------------------------------------------------------


def load(path: Path) -> dict[str, list[np.ndarray]]:
    """Return the chorales of each side: int arrays (steps, 4) of MIDI pitches, 0 where a voice is silent."""
    with np.load(path, allow_pickle=True, encoding="latin1") as file:
        return {side: [np.nan_to_num(np.asarray(p, dtype=float)).astype(int) for p in file[side]] for side in SIDES}


def as_piece(pitches: np.ndarray, encoding: ChoraleEncoding) -> Piece:
    """Encode a chorale. The file does not tell a repeated note from a held one: equal pitches are one note."""
    before = np.concatenate([np.zeros_like(pitches[:1]), pitches[:-1]])
    tokens = np.where(pitches == before, HOLD, pitches - encoding.lowest + FIRST_PITCH)
    return Piece(np.where(pitches == 0, REST, tokens).astype(np.int32))


# --- models that count: is everything read and measured as others do it? -------------------------------


class Ladder(Markov):
    """Count what came after contexts of any kind, not only after the last tokens.

    The first context is empty; each rung adds columns of the inputs to it. All are blended as `Markov` does it.

    Parameters
    ----------
    size : int
        Size of the vocabulary.
    rungs : sequence of int
        How many columns each rung adds, from the left.
    """

    def __init__(self, size: int, rungs: Sequence[int]) -> None:
        self.rungs = tuple(rungs)
        super().__init__(size, len(self.rungs))

    def _keys(self, inputs: np.ndarray) -> np.ndarray:
        keys, used = np.zeros((len(inputs), self.order + 1), dtype=np.uint64), 0
        for rung, count in enumerate(self.rungs, start=1):
            keys[:, rung] = keys[:, rung - 1]
            for column in range(used, used + count):
                keys[:, rung] = _mix(keys[:, rung], inputs[:, column])
            used += count
        return keys


def seen(pitches: np.ndarray, voice: int) -> dict[str, np.ndarray]:
    """Return all that a voice may look at before it chooses, each an int array (steps,); 0 is silence, and before the start.

    ``own last`` is its last pitch, ``held`` for how many steps it has sounded (16 at most), ``beat`` the place in the quarter.
    ``above 1`` is what the next voice above has already chosen, ``below 1`` the last pitch of the next voice below.
    """
    last = np.concatenate([np.zeros_like(pitches[:1]), pitches[:-1]])  # (steps, voices)
    steps, own = np.arange(len(pitches)), last[:, voice]
    begun = np.maximum.accumulate(np.where(own != np.concatenate([[-1], own[:-1]]), steps, 0))
    return {
        "own last": own,
        "held": np.where(steps > 0, np.minimum(steps - begun + 1, 16), 0),
        "beat": steps % 4,
        **{f"above {n}": pitches[:, voice - n] for n in range(1, voice + 1)},
        **{f"below {n}": last[:, voice + n] for n in range(1, pitches.shape[1] - voice)},
    }


def ngram(chorales: Mapping[str, Sequence[np.ndarray]], rungs: Sequence[Sequence[str]]) -> dict[str, float]:
    """Count in the training pieces, each voice for itself; return the nats per voice and step of the two other sides."""
    encoding = ChoraleEncoding()
    by_voice: dict[str, list[float]] = {"valid": [], "test": []}
    for voice in range(chorales["train"][0].shape[1]):
        there = seen(chorales["train"][0], voice)
        # A rung with nothing new would blend the same counts in twice.
        own = [names for rung in rungs if (names := [name for name in rung if name in there])]

        def known(pitches: np.ndarray, voice: int = voice, own: list[list[str]] = own) -> tuple[np.ndarray, np.ndarray]:
            look = seen(pitches, voice)
            inputs = np.array([look[name] for names in own for name in names], dtype=int).reshape(-1, len(pitches)).T
            return inputs, np.where(pitches[:, voice] == 0, 0, pitches[:, voice] - encoding.lowest + 1)

        model = Ladder(encoding.highest - encoding.lowest + 2, [len(names) for names in own])
        model.fit([known(pitches) for pitches in chorales["train"]])
        for side, nats in by_voice.items():
            nats.append(float(np.concatenate([model.nats(*known(pitches)) for pitches in chorales[side]]).mean()))
    return {side: float(np.mean(nats)) for side, nats in by_voice.items()}


# --- the course's model ---------------------------------------------------------------------------------


def measure(model: keras.Model, pieces: list[Piece], encoding: ChoraleEncoding, batch_size: int = 26) -> np.ndarray:
    """Return the mean nats per step of each voice: float array (voices,)."""
    total, steps = np.zeros(encoding.voices), 0
    for inputs, targets, weights in VoiceBatches(pieces, encoding, batch_size=batch_size, shuffle=False).epoch(0):
        logits = keras.ops.convert_to_numpy(model.predict_on_batch(inputs)).astype(np.float64)
        logits[..., END] = -np.inf
        real = (weights > 0) & (targets != END)  # (pieces, steps, voices)
        chosen = np.where(real, targets, HOLD)[..., None]
        total += -(np.take_along_axis(log_softmax(logits), chosen, axis=-1)[..., 0] * real).sum(axis=(0, 1))
        steps += int(real[..., 0].sum())
    return total / steps


def checkpoint_of(seed: int) -> Path:
    """Return the file in which the training of a seed is kept until it is measured."""
    return RESULTS.with_name(f"jsb_chorales-{seed}.checkpoint.npz")


def train_seed(chorales: dict[str, list[np.ndarray]], seed: int, seconds: float | None = None) -> dict[str, Any]:
    """Train a model and measure it; with `seconds`, for as long as that."""
    encoding, started = ChoraleEncoding(), time.monotonic()
    pieces = {side: [as_piece(p, encoding) for p in chorales[side]] for side in SIDES}
    model = chorale_model(encoding, **MODEL, seed=seed)

    def watch(history: list[dict[str, float]]) -> None:
        if seconds is not None and time.monotonic() - started > seconds - history[-1]["seconds"]:
            raise KeyboardInterrupt

    history = train(
        model,
        VoiceBatches(pieces["train"], encoding, ranges=voice_ranges(pieces["train"], encoding), seed=seed),
        VoiceBatches(pieces["valid"], encoding, batch_size=26, shuffle=False),
        epochs=EPOCHS,
        optimizer=chorale_optimizer(),
        patience=PATIENCE,
        checkpoint=None if seconds else checkpoint_of(seed),
        watch=watch,
        progress=False,
        **CHORALE_TRAINING,
    )
    by_voice = {side: measure(model, pieces[side], encoding) for side in ("valid", "test")}
    return {
        "weights": model.count_params(),
        "epochs": len(history),
        "seconds": round(sum(row["seconds"] for row in history)),
        **{side: round(float(nats.mean()), 4) for side, nats in by_voice.items()},
        **{f"{side} by voice": [round(float(n), 3) for n in nats] for side, nats in by_voice.items()},
        "curve": [[int(row["epoch"]), round(row["loss"], 3), round(row["valid"], 4)] for row in history],
    }


# --- what was measured, and the table -------------------------------------------------------------------


def kept() -> dict[str, Any]:
    """Return what was measured so far; nothing, if there is no file."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def keep(name: str, row: dict[str, Any]) -> None:
    """Add what was measured to the file of results."""
    RESULTS.write_text(json.dumps(kept() | {name: row}, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def comparison(results: Mapping[str, Any], ngrams: Mapping[str, Mapping[str, float]]) -> str:
    """Write the table: what others reached, what counting reaches, what the course's model reaches, and what is missing.

    Parameters
    ----------
    results : mapping
        What `kept` returns.
    ngrams : mapping
        What `ngram` returns, by name.
    """
    rows = [*PUBLISHED]
    rows += [(f"here: {name}", f"{row['valid']:.3f}", f"{row['test']:.3f}", "here", "") for name, row in ngrams.items()]
    seeds = [name for name in results if re.fullmatch(r"seed \d+", name)]
    rows += [_row(f"**the course's model**, {name}", results[name]) for name in sorted(seeds, key=lambda name: int(name[5:]))]
    if len(seeds) > 1:
        both = (spread([results[name][side] for name in seeds], ".3f") for side in ("valid", "test"))
        rows.append((f"**the course's model**, median of {len(seeds)} seeds (least to most)", *both, "here", ""))
    quick = "class, seed 0"
    if quick in results:
        bar = at_most(CLASS_BAR, results[quick]["test"])
        remark = f"wanted on test: {bar['wanted']} – {verdict(bar | {'note': ''})}"
        rows.append(_row(f"the course's model, {quick}: two minutes on a CPU", results[quick], remark))
    missing = [name for name in (*(f"seed {seed}" for seed in SEEDS), quick) if name not in results]
    lines = [table(("model", "valid", "test", "mark", "remark"), rows)]
    if missing:
        lines += ["", f"Of the course's model these are not measured yet: {'; '.join(missing)}."]
    return "\n".join(lines)


def _row(name: str, row: Mapping[str, Any], remark: str = "") -> tuple[str, ...]:
    """Return a measurement of the course's model as a row of the table."""
    cost = f"{row['weights'] / 1e6:.2f}M weights, {row['epochs']} epochs, {row['seconds'] / 60:.0f} min"
    return name, f"{row['valid']:.3f}", f"{row['test']:.3f}", "here", "; ".join(filter(None, [cost, remark]))


def main() -> None:
    """Train the seeds that are asked for, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="Jsb16thSeparated.npz")
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS)
    parser.add_argument("--class-profile", action="store_true", help="train for two minutes alone")
    parser.add_argument("--table", action="store_true", help="train nothing; write the table from what was measured before")
    options = parser.parse_args()
    chorales = load(options.path)
    for seed in () if options.table else options.seeds:
        name = f"class, seed {seed}" if options.class_profile else f"seed {seed}"
        keep(name, train_seed(chorales, seed, CLASS_SECONDS if options.class_profile else None))
        if not options.class_profile:
            checkpoint_of(seed).unlink(missing_ok=True)
        print(name, kept()[name], flush=True)
    lines = comparison(kept(), {name: ngram(chorales, rungs) for name, rungs in NGRAMS.items()})
    PAGE.write_text(between_markers(PAGE.read_text(encoding="utf-8"), lines), encoding="utf-8")
    print(lines)


if __name__ == "__main__":
    main()
