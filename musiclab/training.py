"""Training: the loop, its progress, its checkpoints; and how the shipped bundles are made.

Run as a program it makes the course's bundles again, from the music and the settings at its end::

    python -m musiclab.training recipe      # the original recipe, on data/music.mid
    python -m musiclab.training melody      # the melody model, on some 11,000 tunes
    python -m musiclab.training chorale     # the chorale model, on some 200 chorales by Bach
    python -m musiclab.training scenes      # the scenes model, on these and on movements for string quartet

`train` can be stopped at any time. After each epoch it writes a checkpoint, if it was given a place for
one; called again with the same arguments it goes on from there, and ends with the same weights, to the
last bit on a CPU, as a run that was never stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from musiclab.backend import devices, keras
from musiclab.baselines import Markov
from musiclab.bundle import DATA, Bundle
from musiclab.corpus import MELODY_CORPORA, load_corpus
from musiclab.dataset import (
    Batches,
    Piece,
    VoiceBatches,
    encode_pieces,
    transposed,
    voice_ranges,
    windows,
)
from musiclab.encoding import END, LEVELS, CharacterEncoding, ChoraleEncoding, Encoding, GridEncoding, NoteNameEncoding
from musiclab.files import read_score, write_atomically
from musiclab.layers import FastLSTM
from musiclab.models import chorale_model, original_model, stream_model, weights_of
from musiclab.score import Score
from musiclab.splits import chorale_sides, melody_sides, scenes_sides, without_levels

__all__ = ["Progress", "chorale_optimizer", "device_report", "evaluate", "train", "use_all_devices"]


def use_deterministic_kernels() -> None:
    """Make TensorFlow repeat itself to the last bit on a CPU. The other backends do so by themselves."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if not tf.config.list_physical_devices("GPU"):  # on a GPU it would cost speed and rule out kernels
            tf.config.experimental.enable_op_determinism()


def device_report(model: keras.Model) -> str:
    """Say in a few lines on which device a model trains, and with which LSTM kernel, and why."""
    gpus = [device for device in devices() if not device.lower().startswith("cpu")]
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.LSTM)]
    lines = [f"backend: {keras.backend.backend()}", f"device: {gpus[0] if gpus else 'CPU'}"]
    for layer in layers:
        reasons = [
            reason
            for reason, holds in {
                "there is no GPU": not gpus,
                "activation is not tanh": layer.activation is not keras.activations.tanh,
                "recurrent_activation is not sigmoid": layer.recurrent_activation is not keras.activations.sigmoid,
                "recurrent_dropout is used": layer.recurrent_dropout > 0,
                "unroll is set": layer.unroll,
                "there is no bias": not layer.use_bias,
            }.items()
            if holds
        ]
        if isinstance(layer, FastLSTM) and not layer.why_not_fast():
            kernel = "the course's own loop in NumPy"
        else:
            kernel = f"the plain kernel, because {' and '.join(reasons)}" if reasons else "NVIDIA's fused cuDNN kernel"
        lines.append(f"{layer.name}: {layer.units} units, {kernel}")
    return "\n".join(lines)


def use_all_devices() -> str:
    """Let the models that are built from now on train on all GPUs at once, each on a part of every batch.

    It is Keras's own distribution API, which needs the JAX backend. Returns a sentence that says what was done.
    """
    found = [device for device in devices() if not device.lower().startswith("cpu")] or devices()
    if len(found) < 2:
        return f"training on {found[0]}"
    if keras.backend.backend() != "jax":
        return f"training on {found[0]}, one of {len(found)}: Keras spreads a model over several on JAX alone (KERAS_BACKEND=jax)"
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=found, auto_shard_dataset=False))
    return f"training on {len(found)} devices, each of which takes a part of every batch"


def _shared(batches: Iterator[tuple[Any, np.ndarray, np.ndarray]]) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
    """Fill up each batch, where several devices share it, so that each gets as many rows; those added weigh nothing."""
    distribution = keras.distribution.distribution()
    devices_ = distribution.device_mesh.devices.size if distribution is not None else 1
    for inputs, targets, weights in batches:
        missing = -len(targets) % devices_
        if missing:
            rows = np.arange(len(targets) + missing) % len(targets)
            inputs = {name: value[rows] for name, value in inputs.items()} if isinstance(inputs, dict) else inputs[rows]
            targets, weights = targets[rows], np.concatenate([weights, np.zeros_like(weights[rows[-missing:]])])
        yield inputs, targets, weights


def prepare(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
    """Compile a model that predicts tokens. `train` does so itself; `evaluate` needs it."""
    use_deterministic_kernels()
    model.compile(
        optimizer=optimizer,
        # The mean over targets, not over the whole batch: padding would make the figure too good.
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight"),
    )


def evaluate(model: keras.Model, batches: Batches) -> float:
    """Return the mean loss over all targets of an epoch, in nats per target. Padding does not count."""
    total = count = 0.0
    for inputs, targets, weights in _shared(batches.epoch(0)):
        model.reset_metrics()
        total += float(model.test_on_batch(inputs, targets, sample_weight=weights)) * float(weights.sum())
        count += float(weights.sum())
    return total / count


def train(
    model: keras.Model,
    batches: Batches,
    valid: Batches | None = None,
    *,
    epochs: int,
    learning_rate: float = 2e-3,
    last_rate: float = 0.02,
    warm_up: int = 0,
    optimizer: keras.optimizers.Optimizer | None = None,
    average: float = 0.0,
    patience: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    watch: Callable[[list[dict[str, float]]], None] | None = None,
    progress: bool = True,
) -> list[dict[str, float]]:
    """Train a model that predicts tokens, the learning rate falling along half a cosine.

    Parameters
    ----------
    model : keras.Model
        From what `batches` yields to logits (batch, steps, …, vocabulary). It ends with the weights of the epoch with
        the lowest validation loss; without `valid`, of the last epoch.
    batches, valid : Batches
    epochs : int
        In all, those before an interruption included.
    learning_rate : float
        Of the first epoch.
    last_rate : float
        Share of it that is left at the end.
    warm_up : int
        Batches over which the rate rises to its full height at the very beginning.
    optimizer : keras.optimizers.Optimizer, optional
        Adam that clips the gradient of each weight to length 1, if left out. Its rate is set from here.
    average : float
        If above 0, what is measured and kept are not the weights as they are but their running average: after each
        batch it keeps this share of what it was. Training at a high rate jumps about; the average lies in the
        middle (Polyak and Juditsky, 1992).
    patience : int, optional
        Stop when the validation loss has not fallen for as many epochs.
    checkpoint : path, optional
        File for the state after each epoch. If it exists, training goes on from it.
    watch : callable, optional
        Called after each epoch with the history so far, for instance `show.live_curves()`.
    progress : bool
        Show a progress bar: a widget in a notebook, a line in a terminal.

    Returns
    -------
    list of dict
        For each epoch: ``epoch`` (from 1), ``loss`` and ``valid`` in nats per target, ``seconds``. The loss is
        measured while training, with dropout at work, so it may lie above ``valid``.

    Notes
    -----
    Interrupting (Ctrl-C, or the notebook's stop button) is no error: the model keeps the best weights so
    far, and what has been measured is returned.

    Raises
    ------
    ValueError
        If the checkpoint was written with another model, other settings or other data; the message says which.
    FloatingPointError
        If the loss is no longer a number.
    """
    prepare(model, optimizer or keras.optimizers.Adam(learning_rate, clipnorm=1.0))
    model.optimizer.build(model.trainable_variables)
    settings = {"epochs": epochs, "learning_rate": learning_rate, "last_rate": last_rate, "warm_up": warm_up, "average": average}
    settings |= {"optimizer": _optimizer(model), "model": _layers(model)}
    state = _State(model, settings | {"data": _fingerprint(batches), "valid": _fingerprint(valid)}, average)
    file = Path(checkpoint) if checkpoint is not None else None
    if file is not None and file.exists():
        state.load(file)
    bar = Progress((epochs - len(state.history)) * len(batches), "Training", enabled=progress)
    try:
        for epoch in range(len(state.history), epochs):
            if patience is not None and valid is not None and len(state.history) - state.best_epoch >= patience:
                break
            rate = learning_rate * (last_rate + (1 - last_rate) * 0.5 * (1 + math.cos(math.pi * epoch / epochs)))
            row = _train_epoch(model, batches, epoch, bar, state, rate, warm_up)
            if valid is not None:
                with state.averaged():
                    row["valid"] = evaluate(model, valid)
            state.end_epoch(row)
            bar.note(state.history)
            if file is not None:
                state.save(file)
            if watch is not None:  # after the checkpoint: whatever it does, the epoch is kept
                watch(state.history)
    except KeyboardInterrupt:
        again = f"; the same call goes on from {file.name}" if file is not None and file.exists() else ""
        print(f"Stopped after {len(state.history)} of {epochs} epochs. The model keeps its best weights so far{again}.")
    finally:
        bar.close()
    state.restore_best()
    return state.history


def _train_epoch(
    model: keras.Model, batches: Batches, epoch: int, bar: Progress, state: _State, rate: float, warm_up: int
) -> dict[str, float]:
    started, total, count = time.perf_counter(), 0.0, 0.0
    model.optimizer.learning_rate = rate
    for inputs, targets, weights in _shared(batches.epoch(epoch)):
        state.batches += 1
        if state.batches <= warm_up + 1:
            model.optimizer.learning_rate = rate * min(1.0, state.batches / max(1, warm_up))
        model.reset_metrics()  # or Keras would return the mean over all batches so far
        loss = float(model.train_on_batch(inputs, targets, sample_weight=weights))
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss became {loss} in epoch {epoch + 1}; lower the learning rate and train again.")
        state.note_weights()
        total += loss * float(weights.sum())
        count += float(weights.sum())
        bar.step(loss)
    return {"epoch": epoch + 1, "loss": total / count, "seconds": time.perf_counter() - started}


def _fingerprint(batches: Batches | None) -> str:
    """Sum up in a short code everything that decides what the batches hold."""
    if batches is None:
        return "none"
    digest = hashlib.sha256()
    for piece in batches.pieces:
        digest.update(piece.tokens.tobytes() + bytes(piece.time_signature))
    settings = [batches.encoding.settings(), batches.batch_size, batches.semitones, batches.shuffle, batches.seed]
    if isinstance(batches, VoiceBatches):
        settings += [batches.shifts, batches.untold]
    return hashlib.sha256(digest.digest() + json.dumps(settings).encode()).hexdigest()[:16]


def _layers(model: keras.Model) -> str:
    """Sum up in a short code the layers of a model and their settings, whatever their names."""
    kept = (int, float, str, bool)
    layers = [
        [type(layer).__name__, {k: v for k, v in layer.get_config().items() if isinstance(v, kept) and k != "name"}]
        for layer in model.layers
    ]
    return hashlib.sha256(json.dumps(layers, sort_keys=True).encode()).hexdigest()[:16]


def _optimizer(model: keras.Model) -> str:
    """Sum up an optimizer's settings, without the rate, which changes as training goes."""
    settings = {k: v for k, v in model.optimizer.get_config().items() if k not in ("learning_rate", "name")}
    return f"{type(model.optimizer).__name__} {json.dumps(settings, sort_keys=True, default=str)}"


class _State:
    """What training needs to go on after an interruption, in memory and in a file."""

    def __init__(self, model: keras.Model, settings: dict[str, Any], average: float) -> None:
        self.model, self.settings, self.decay = model, settings, average
        self.history: list[dict[str, float]] = []
        self.best: list[np.ndarray] = []
        self.batches = 0
        self.average = [weight.copy() for weight in self.weights()] if average else []

    def weights(self) -> list[np.ndarray]:
        """What the model has learned, as it is now."""
        return [keras.ops.convert_to_numpy(weight) for weight in self.model.trainable_variables]

    def note_weights(self) -> None:
        """Take the weights into their average. To begin with it forgets faster, so that the chance it began with is soon gone."""
        share = 1 - min(self.decay, (1 + self.batches) / (10 + self.batches))
        for mean, weight in zip(self.average, self.weights() if self.average else (), strict=True):
            mean += share * (weight - mean)

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Let the model have the averaged weights for a while, if there are any."""
        own = [weight.copy() for weight in self.weights()] if self.average else []
        self._assign(self.average)
        try:
            yield
        finally:
            self._assign(own)

    @property
    def best_epoch(self) -> int:
        """The epoch with the lowest validation loss so far, the last of equals; without validation, the last one; 0 at first."""
        if not self.history:
            return 0
        losses = [row.get("valid", 0.0) for row in self.history]
        return len(losses) - int(np.argmin(losses[::-1]))

    def variables(self) -> list[Any]:
        """Everything that changes: weights, the dropout's random state, Adam's moments, the step count."""
        return [*self.model.variables, *self.model.optimizer.variables]

    def end_epoch(self, row: dict[str, float]) -> None:
        self.history.append(row)
        if row.get("valid", 0.0) <= min(r.get("valid", 0.0) for r in self.history):
            self.best = [weight.copy() for weight in self.average or self.weights()]

    def restore_best(self) -> None:
        self._assign(self.best)

    def _assign(self, values: list[np.ndarray]) -> None:
        for variable, value in zip(self.model.trainable_variables, values, strict=False):
            variable.assign(value)

    def save(self, file: Path) -> None:
        arrays = {f"variable_{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(self.variables())}
        arrays |= {f"best_{i}": value for i, value in enumerate(self.best)}
        arrays |= {f"average_{i}": value for i, value in enumerate(self.average)}
        words = json.dumps({"settings": self.settings, "history": self.history, "batches": self.batches})
        buffer = io.BytesIO()
        np.savez(buffer, words=np.frombuffer(words.encode(), dtype=np.uint8), **arrays)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, buffer.getvalue(), overwrite=True)

    def load(self, file: Path) -> None:
        with self._open(file) as arrays:
            words = json.loads(arrays["words"].tobytes())
            variables = self.variables()
            shapes = [arrays[name].shape for name in arrays if name.startswith("variable_")]
            if shapes != [tuple(v.shape) for v in variables]:
                raise ValueError(f"the checkpoint {file} belongs to a model of another shape. Name another file, or delete it.")
            for name, value in self.settings.items():
                before = words["settings"].get(name)
                if before != value:
                    raise ValueError(
                        f"the checkpoint {file} belongs to another training: {name} was {before} and is now {value}."
                        " Name another file, or delete this one to begin anew."
                    )
            for i, variable in enumerate(variables):
                variable.assign(arrays[f"variable_{i}"])
            self.best = [arrays[f"best_{i}"] for i in range(len(self.model.trainable_variables))]
            self.average = [arrays[f"average_{i}"] for i in range(len(self.average))]
            self.history, self.batches = words["history"], words["batches"]

    @staticmethod
    def _open(file: Path) -> Any:
        try:
            arrays = np.load(file, allow_pickle=False)
            arrays["words"].tobytes()
            return arrays
        except Exception as error:  # chance bytes find a dozen ways to fail in zipfile and NumPy
            raise ValueError(f"{file} is not a checkpoint, or is damaged ({error}). Name another file, or delete it.") from None


class Progress:
    """A progress bar: a widget in a notebook, a line in a terminal. It also reports the loss."""

    def __init__(self, total: int, label: str, *, enabled: bool = True) -> None:
        from tqdm.auto import tqdm

        # The text ends the same in every run, so that a stored notebook does not change with the computer's speed.
        form = "{l_bar}{bar}| {n_fmt}/{total_fmt} · {remaining} left{postfix}"
        self.bar = tqdm(total=total, desc=label, bar_format=form, disable=not enabled, file=sys.stdout)
        self.text = ""

    def step(self, loss: float) -> None:
        """Count one batch."""
        self.bar.set_postfix_str(f"loss {loss:.2f}{self.text}", refresh=False)
        self.bar.update(1)

    def note(self, history: Sequence[dict[str, float]]) -> None:
        """Show the last epoch's figures."""
        last = history[-1]
        self.text = f", epoch {last['epoch']}: " + (
            f"valid {last['valid']:.3f}" if "valid" in last else f"loss {last['loss']:.3f}"
        )
        if self.bar.disable:  # a log file gets a line an epoch
            print(f"epoch {last['epoch']:3d}  " + "  ".join(f"{k} {v:.4f}" for k, v in last.items() if k != "epoch"), flush=True)

    def close(self) -> None:
        """Leave the bar as it is; the next output goes below it."""
        self.bar.close()


# --- the shipped bundles ----------------------------------------------------------------------------

KEYS = range(-6, 6)  # semitones by which a tune is moved in training: once around the twelve
RECIPE_WINDOW = 100


def make_melody(epochs: int, checkpoint: Path | None) -> Bundle:
    """Train the melody bundle: an LSTM of 256 units on the single-voice corpora."""
    encoding = GridEncoding(voices=1, steps_per_quarter=4)
    corpora = [load_corpus(name) for name in MELODY_CORPORA]
    sides = melody_sides(encoding)
    train_set, valid_set, test_set = (encode_pieces(sides[side], encoding) for side in ("train", "valid", "test"))
    print(
        f"{sum(map(len, sides.values()))} tunes: {len(train_set)} to train on, {len(valid_set)} for validation,"
        f" {len(test_set)} held out.",
        flush=True,
    )

    settings = {"embedding": 64, "units": (256,), "dropout": 0.2, "seed": 0}
    model = stream_model(encoding.input_sizes, encoding.size, **settings)
    history = train(
        model,
        Batches(train_set, encoding, batch_size=32, semitones=(KEYS[0], KEYS[-1]), seed=0),
        Batches(valid_set, encoding, batch_size=64, shuffle=False),
        epochs=epochs,
        checkpoint=checkpoint,
        progress=sys.stdout.isatty(),
    )
    best = min(history, key=lambda row: row["valid"])
    test_batches = Batches(test_set, encoding, batch_size=64, shuffle=False)
    metrics = {
        "valid nats/step": round(best["valid"], 4),
        "test nats/step": round(evaluate(model, test_batches), 4),
        **baseline_nats(encoding, train_set, valid_set, test_set),
    }
    card = {
        "corpus": {corpus.name: corpus.fingerprint for corpus in corpora},
        "split": {
            "by": "piece, near-duplicates together",
            "seed": 0,
            "train": len(train_set),
            "valid": len(valid_set),
            "test": len(test_set),
        },
        "training": {
            "epochs": len(history),
            "best epoch": best["epoch"],
            "minutes": round(sum(r["seconds"] for r in history) / 60),
        },
        "metrics": metrics,
        "metres": [f"{beats}/{unit}" for beats, unit in sorted({s.time_signature for side in sides.values() for s in side})],
        "licence": "CC0 for the weights; the tunes themselves are traditional and are not contained",
    }
    return Bundle("melody", weights_of(model), encoding, {"kind": "stream", **settings}, card)


#: Arguments of the shipped `models.chorale_model`.
CHORALE_MODEL = {"units": (192,), "head": 256, "depth": 2, "dropout": 0.5, "seed": 0}

#: How the chorale models are trained; `benchmarks/chorales.md` has the attempts that led to it.
CHORALE_TRAINING = {"learning_rate": 8e-3, "last_rate": 1.0, "warm_up": 200, "average": 0.999}


def chorale_optimizer() -> keras.optimizers.Optimizer:
    """Return AdamW with strong decay: 229 pieces are few, and what a weight need not be, it should not be."""
    optimizer = keras.optimizers.AdamW(weight_decay=1.0, beta_2=0.99, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def make_chorale(epochs: int, checkpoint: Path | None, settings: dict[str, Any]) -> Bundle:
    """Train the chorale bundle: four voices, on music21's chorales without those that the literature tests on."""
    encoding, corpus = ChoraleEncoding(), load_corpus("bach-chorales")
    scores = chorale_sides(encoding)
    train_set, valid_set, test_set = (encode_pieces(scores[side], encoding) for side in ("train", "valid", "test"))
    print(
        f"{len(train_set)} chorales to train on, {len(valid_set)} for validation, {len(test_set)} held out.",
        flush=True,
    )
    model = chorale_model(encoding, **settings)
    history = train(
        model,
        VoiceBatches(train_set, encoding, ranges=voice_ranges(train_set, encoding), seed=0),
        VoiceBatches(valid_set, encoding, batch_size=16, shuffle=False),
        epochs=epochs,
        optimizer=chorale_optimizer(),
        patience=15,
        checkpoint=checkpoint,
        progress=sys.stdout.isatty(),
        **CHORALE_TRAINING,
    )
    best = min(history, key=lambda row: row["valid"])
    metrics = {
        "valid nats/voice-step": round(best["valid"], 4),
        "test nats/voice-step": round(evaluate(model, VoiceBatches(test_set, encoding, batch_size=16, shuffle=False)), 4),
    }
    card = {
        "corpus": {corpus.name: corpus.fingerprint},
        "split": {
            "by": "piece, as in the literature (data/chorale_split.csv)",
            "train": len(train_set),
            "valid": len(valid_set),
            "test": len(test_set),
        },
        "training": _training_row(history),
        "metrics": metrics,
        "metres": ["3/4", "4/4"],
        "shortest": min(score.duration for score in scores["train"]),  # in quarter lengths
        "licence": "CC0 for the weights; the chorales are in the public domain and are not contained",
    }
    return Bundle("chorale", weights_of(model), encoding, {"kind": "chorale", **settings}, card)


SCENES_MODEL = {"units": (256,), "head": 256, "depth": 2, "dropout": 0.3, "seed": 0}
SCENES_TRAINING = {"learning_rate": 8e-3, "last_rate": 1.0, "warm_up": 200, "average": 0.999}


def character_edges(scores: Sequence[Score]) -> np.ndarray:
    """Return the values that part the bars of these pieces into as many levels of equal size: float array (4, LEVELS - 1)."""
    encoding = without_levels()
    bars = [encoding.character(piece.tokens, piece.time_signature) for piece in encode_pieces(scores, encoding)]
    return np.quantile(np.concatenate(bars), np.arange(1, LEVELS) / LEVELS, axis=0).T.round(4)


def make_scenes(epochs: int, checkpoint: Path | None) -> Bundle:
    """Train the scenes bundle: four voices that follow a wanted character, on string quartets and chorales."""
    scores = scenes_sides()
    encoding = CharacterEncoding(character_edges(scores["train"]))
    train_set, valid_set, test_set = (encode_pieces(scores[side], encoding) for side in ("train", "valid", "test"))
    print(f"{len(train_set)} parts to train on, {len(valid_set)} for validation, {len(test_set)} held out.", flush=True)
    model = chorale_model(encoding, **SCENES_MODEL)
    history = train(
        model,
        VoiceBatches(train_set, encoding, ranges=voice_ranges(train_set, encoding), untold=0.15, seed=0),
        VoiceBatches(valid_set, encoding, batch_size=16, shuffle=False),
        epochs=epochs,
        optimizer=chorale_optimizer(),
        patience=8,
        checkpoint=checkpoint,
        progress=sys.stdout.isatty(),
        **SCENES_TRAINING,
    )
    card = {
        "corpus": {name: load_corpus(name).fingerprint for name in ("bach-chorales", "string-quartets")},
        "split": {"by": "chorale and movement", **{side: f"{len(parts)} parts" for side, parts in scores.items()}},
        "training": _training_row(history),
        "metrics": {
            "valid nats/voice-step": round(min(row["valid"] for row in history), 4),
            **{
                f"test nats/voice-step, character {told}": round(evaluate(model, batches), 4)
                for told, batches in {
                    "told": VoiceBatches(test_set, encoding, batch_size=16, shuffle=False),
                    "not told": VoiceBatches(test_set, encoding, batch_size=16, untold=1.0, shuffle=False),
                }.items()
            },
        },
        "metres": sorted({"{}/{}".format(*score.time_signature) for score in scores["train"]}),
        "licence": "CC0 for the weights; the music is in the public domain and is not contained",
    }
    return Bundle("scenes", weights_of(model), encoding, {"kind": "chorale", **SCENES_MODEL}, card)


def _training_row(history: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Say on a card how a model was trained."""
    return {
        "backend": keras.backend.backend(),
        "device": devices()[-1],
        "epochs": len(history),
        "best epoch": min(history, key=lambda row: row["valid"])["epoch"],
        "minutes": round(sum(row["seconds"] for row in history) / 60),
    }


def baseline_nats(
    encoding: Encoding, train_set: Sequence[Piece], valid_set: Sequence[Piece], test_set: Sequence[Piece]
) -> dict[str, float]:
    """Measure what the counting models reach on the same test pieces, in nats per step.

    The race is fair: they count every training piece in the same twelve keys that the network meets. Of the
    Markov models, of order 1 to 6, with and without position and metre in their contexts, the one with the
    best validation loss is the one whose test loss counts.
    """

    def rows(pieces: Sequence[Piece]) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(encoding.inputs(p.tokens, p.time_signature), np.append(p.tokens, END)) for p in pieces]

    def mean_nats(model: Markov, pieces: Sequence[Piece]) -> float:
        return float(np.concatenate([model.nats(*row) for row in rows(pieces)]).mean())

    copies = rows([transposed(piece, encoding, semitones) for piece in train_set for semitones in KEYS])
    candidates = {}
    for columns, name in (((), ""), ((1, 2), " with position and metre")):
        longest = Markov(encoding.size, 6, columns).fit(copies)
        candidates |= {f"Markov of order {order}{name}": longest.shortened(order) for order in range(1, 7)}
    best = min(candidates, key=lambda name: mean_nats(candidates[name], valid_set))
    unigram = candidates["Markov of order 1"].shortened(0)
    return {
        f"{name}, test nats/step": round(mean_nats(model, test_set), 4)
        for name, model in {"unigram": unigram, best: candidates[best]}.items()
    }


def make_recipe(epochs: int) -> Bundle:
    """Train the original recipe, as it stands, on data/music.mid: 50 epochs of batch 64."""
    score = read_score(DATA / "music.mid")
    encoding = NoteNameEncoding.of([score])
    tokens = encoding.encode(score)
    inputs, targets = windows([Piece(tokens)], RECIPE_WINDOW)
    keras.utils.set_random_seed(0)
    use_deterministic_kernels()
    model = original_model(RECIPE_WINDOW, encoding.size)
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        inputs[..., None].astype("float32"),  # (windows, 100, 1): the token itself as a number, unscaled, as the recipe has it
        keras.utils.to_categorical(targets, encoding.size),  # (windows, size)
        epochs=epochs,
        batch_size=64,
        verbose=2,
    ).history
    card = {
        "corpus": {"data/music.mid": f"{len(tokens)} events, {len(encoding.names)} different"},
        "split": "none: the recipe trains on all there is",
        "training": {"epochs": epochs, "batch": 64, "seed": 0},
        "metrics": {"training loss": round(history["loss"][-1], 3), "training accuracy": round(history["accuracy"][-1], 3)},
        "licence": "CC0",
    }
    return Bundle("recipe", weights_of(model), encoding, {"kind": "original", "window": RECIPE_WINDOW}, card)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make a shipped bundle again."""
    parser = argparse.ArgumentParser(prog="python -m musiclab.training", description="Train one of the course's bundles.")
    parser.add_argument("bundle", choices=("recipe", "melody", "chorale", "scenes"))
    parser.add_argument(
        "--profile",
        choices=("class", "full"),
        default="full",
        help="class: a short training, to see that it works; of the chorale model some two minutes",
    )
    parser.add_argument("--output", type=Path, help="where to write the bundle (default: data/NAME.bundle; class: here)")
    options = parser.parse_args(arguments)
    full = options.profile == "full"
    output = options.output or (DATA / f"{options.bundle}.bundle" if full else Path(f"{options.bundle}-class.bundle"))
    checkpoint = output.with_suffix(".checkpoint.npz")
    print(use_all_devices(), flush=True)
    if options.bundle == "recipe":
        bundle = make_recipe(50 if full else 2)
    elif options.bundle == "chorale":
        bundle = make_chorale(85 if full else 10, checkpoint, CHORALE_MODEL)
    elif options.bundle == "scenes":
        bundle = make_scenes(60 if full else 2, checkpoint)
    else:
        bundle = make_melody(24 if full else 2, checkpoint)
    bundle.save(output, overwrite=True)
    checkpoint.unlink(missing_ok=True)  # it was kept for the case that this run is stopped
    print(bundle.describe())


if __name__ == "__main__":
    main()
