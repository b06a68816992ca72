"""Train and measure the chorale model on the file that the literature uses: ``python benchmarks/jsb_chorales.py PATH``.

PATH is ``Jsb16thSeparated.npz`` from github.com/czhuang/JSB-Chorales-dataset: 382 chorales on a grid of sixteenths, split into
229 to train on, 76 for validation and 77 to test, the split of Boulanger-Lewandowski et al. (2012). It states no licence, so the
course does not carry it.

The unit is nats per voice and step: the mean, over all steps of all pieces and over four voices, of -log p(what the voice does |
all steps before, and the voices above it in this step). Steps in which a note is held count. The end of a piece does not: the
published figures leave it out, so the model's probability of an end is taken away before p is read.

Each seed takes about a quarter of an hour on two cores. It can be stopped at any time, and goes on from where it was. What was
measured is kept in ``jsb_chorales.json`` beside this file, and the table is printed from there.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from musiclab.dataset import Piece, VoiceBatches, voice_ranges
from musiclab.encoding import END, FIRST_PITCH, HOLD, REST, ChoraleEncoding
from musiclab.lstm import log_softmax
from musiclab.models import chorale_model, keras
from musiclab.training import CHORALE_TRAINING, chorale_optimizer, train

RESULTS = Path(__file__).with_suffix(".json")
SIDES = ("train", "valid", "test")
MODEL = {"units": (192,), "head": 256, "depth": 2, "dropout": 0.5}
EPOCHS, PATIENCE = 100, 12

#: What the class profile asks: two minutes on a CPU.
CLASS_SECONDS = 120


def load(path: Path) -> dict[str, list[np.ndarray]]:
    """Return the chorales of each side: int arrays (steps, 4) of MIDI pitches, 0 where a voice is silent."""
    with np.load(path, allow_pickle=True, encoding="latin1") as file:
        return {side: [np.nan_to_num(np.asarray(p, dtype=float)).astype(int) for p in file[side]] for side in SIDES}


def as_piece(pitches: np.ndarray, encoding: ChoraleEncoding) -> Piece:
    """Encode a chorale. The file does not tell a repeated note from a held one: equal pitches are one note."""
    before = np.concatenate([np.zeros_like(pitches[:1]), pitches[:-1]])
    tokens = np.where(pitches == before, HOLD, pitches - encoding.lowest + FIRST_PITCH)
    return Piece(np.where(pitches == 0, REST, tokens).astype(np.int32))


def measure(model: keras.Model, pieces: list[Piece], encoding: ChoraleEncoding) -> np.ndarray:
    """Return the mean nats per step of each voice: float array (voices,)."""
    total, steps = np.zeros(encoding.voices), 0
    for inputs, targets, weights in VoiceBatches(pieces, encoding, batch_size=26, shuffle=False).epoch(0):
        logits = keras.ops.convert_to_numpy(model.predict_on_batch(inputs)).astype(np.float64)
        logits[..., END] = -np.inf
        real = (weights > 0) & (targets != END)  # (pieces, steps, voices)
        chosen = np.where(real, targets, HOLD)[..., None]
        total += -(np.take_along_axis(log_softmax(logits), chosen, axis=-1)[..., 0] * real).sum(axis=(0, 1))
        steps += int(real[..., 0].sum())
    return total / steps


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
        checkpoint=None if seconds else RESULTS.with_name(f"jsb_chorales-{seed}.checkpoint.npz"),
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


def keep(name: str, row: dict[str, Any]) -> None:
    """Add what was measured to the file of results."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    rows[name] = row
    RESULTS.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def main() -> None:
    """Train the seeds that are asked for, and print the table."""
    parser = argparse.ArgumentParser(description="Measure the chorale model on the canonical file.")
    parser.add_argument("path", type=Path, help="Jsb16thSeparated.npz")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--class-profile", action="store_true", help="train for two minutes alone")
    options = parser.parse_args()
    chorales = load(options.path)
    for seed in options.seeds:
        name = f"class, seed {seed}" if options.class_profile else f"seed {seed}"
        keep(name, train_seed(chorales, seed, CLASS_SECONDS if options.class_profile else None))
        print(name, json.loads(RESULTS.read_text(encoding="utf-8"))[name], flush=True)


if __name__ == "__main__":
    main()
