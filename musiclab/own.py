"""Your own music: from scores to a bundle of your own, from scratch or by moving a trained bundle towards them.

To *fine-tune* is to go on training where somebody else has stopped. A model that has read ten thousand tunes knows bars, keys and
cadences; it needs few of yours to learn what is different about them. Two things can go wrong, and both are measured here. It
may *forget*: so tunes of the old kind are mixed in, others in each epoch, and where that is not enough the weights go back a part
of the way. And it may *learn by heart*: so some of your pieces are held out, and near-duplicates never lie on both sides.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from musiclab.bundle import Bundle, BundleError
from musiclab.dataset import Batches, Piece, VoiceBatches, duplicate_groups, encode_pieces, split_pieces, voice_ranges
from musiclab.encoding import FIRST_PITCH, ChoraleEncoding, Encoding, EventEncoding, GridEncoding
from musiclab.models import keras, model_of, set_weights, stream_model, weights_of
from musiclab.score import Score
from musiclab.splits import old_sides
from musiclab.timing import CLOSE
from musiclab.training import evaluate, prepare, train

__all__ = ["fine_tune", "share_out", "suggest_encoding", "train_own"]

#: Fewer groups of different melodies than this, and no piece is held out: there would be nothing left to learn from.
FEWEST = 4

#: The sides of a split.
SIDES = ("train", "valid", "test")

#: How far pieces are moved in training, in semitones, as far as their range allows.
SHIFTS = (-5, 6)

#: Steps of the old kind's validation pieces on which is measured how much was forgotten: some 130 tunes.
REMEMBERED = 25_000

#: By what share of the notes events must keep more than one voice on a grid does, to be worth their longer sequences.
CLEARLY = 0.05


def suggest_encoding(scores: Sequence[Score]) -> tuple[Encoding, str]:
    """Choose an encoding for pieces, and say why.

    Parameters
    ----------
    scores : sequence of Score

    Returns
    -------
    encoding : Encoding
        Four voices on a grid if nearly all pieces are such and a choir could sing them; events if one voice on a grid would lose
        more than a tenth of the notes and events clearly fewer; one voice on a grid otherwise.
    reason : str
        A sentence with the figures that decided.

    Raises
    ------
    TypeError
        For anything but a list of scores.
    ValueError
        If there is no piece with a note.

    Notes
    -----
    A note counts as kept if it begins at its time and its length changes by half a step of the grid at most: players and
    programs hold notes for less than is written, and that is no loss.
    """
    scores = [score for score in _listed(scores) if len(score)]
    if not scores:
        raise ValueError("there is no piece with a note in it.")
    choir, melody, events = ChoraleEncoding(), GridEncoding(), EventEncoding()
    kept = {encoding.name: _kept(encoding, scores) for encoding in (choir, melody, events)}
    if np.mean([len(score.voices) == choir.voices for score in scores]) >= 0.9 and kept["chorale"] >= 0.95:
        return (
            choir,
            f"Most pieces have four voices, and a grid of sixteenths keeps {kept['chorale']:.0%} of the notes as they are.",
        )
    on_grid = f"One voice on a grid of sixteenths keeps {kept['grid']:.0%} of the notes as they are"
    if kept["grid"] >= 0.9:
        return melody, f"{on_grid}."
    if kept["events"] - kept["grid"] < CLEARLY:
        return melody, f"{on_grid}; events would keep {kept['events']:.0%}, which is hardly more."
    found = [what for what, some in (("chords", _any_chord(scores)), ("triplets", _any_triplet(scores))) if some]
    included = f", {' and '.join(found)} included" if found else ""
    return events, (
        f"One voice on a grid of sixteenths would keep {kept['grid']:.0%} of the notes as they are; events keep"
        f" {kept['events']:.0%}{included}."
    )


def _kept(encoding: Encoding, scores: Sequence[Score]) -> float:
    """Return the share of the notes that an encoding keeps, at their time and, within half a step, with their length."""
    reports = [encoding.loss_report(_on_steps(score, encoding.steps_per_quarter)) for score in scores]
    changed = sum(r["lost"] + max(r["onset moved"], r["duration changed"]) for r in reports)
    return 1 - min(1.0, changed / sum(r["notes"] for r in reports))


def _on_steps(score: Score, grid: int) -> Score:
    """Round all lengths to steps, one at least, so that no encoding is blamed for that much."""
    notes = score.notes.copy()
    notes["duration"] = np.maximum(np.rint(notes["duration"] * grid), 1) / grid
    return replace(score, notes=notes)


def _any_chord(scores: Sequence[Score]) -> bool:
    return any(len(np.unique(score.notes["onset"])) < len(score) for score in scores)


def _any_triplet(scores: Sequence[Score]) -> bool:
    onset = np.concatenate([score.notes["onset"] for score in scores])
    sixteenths, triplets = (np.abs(onset - np.rint(onset * steps) / steps) <= CLOSE for steps in (4, 6))
    return bool((triplets & ~sixteenths).any())


def train_own(
    scores: Sequence[Score],
    name: str,
    *,
    encoding: Encoding | None = None,
    units: tuple[int, ...] = (128,),
    epochs: int = 40,
    seed: int = 0,
    watch: Callable[[list[dict[str, float]]], None] | None = None,
    progress: bool = True,
) -> Bundle:
    """Train a model on your pieces alone, from scratch.

    Parameters
    ----------
    scores : sequence of Score
    name : str
        Of the bundle.
    encoding : GridEncoding of one voice or EventEncoding, optional
        That of `suggest_encoding` if left out; events where it suggests four voices on a grid. These need a model of their own,
        and far more pieces than a folder usually holds.
    units : tuple of int
        Units of each LSTM layer.
    epochs : int
        1 or more. At most so many: training stops when the held-out loss has not fallen for ten epochs.
    seed : int
    watch, progress
        As for `training.train`.

    Returns
    -------
    Bundle
        Its card tells what was held out and what was measured on it.

    Raises
    ------
    TypeError
        For anything but a list of scores, an encoding and a tuple of units.
    ValueError
        If there are no pieces, one has no notes, or most of its notes are lost in the encoding (the message says which); for an
        encoding of several voices; for a number outside its range.

    Warns
    -----
    UserWarning
        If there are too few pieces to hold any out.
    """
    scores = _listed(scores)
    _check_numbers(epochs=(epochs, 1))
    _check_units(units)
    if encoding is None:
        encoding = suggest_encoding(scores)[0] if scores else GridEncoding()
        encoding = EventEncoding() if isinstance(encoding, ChoraleEncoding) else encoding
    elif not isinstance(encoding, Encoding):
        raise TypeError(f"encoding={encoding!r}: give an encoding, such as GridEncoding() or EventEncoding().")
    elif not isinstance(encoding, EventEncoding) and (not isinstance(encoding, GridEncoding) or encoding.voices > 1):
        raise ValueError(
            f"train_own has no model for the encoding {encoding.name!r} of {getattr(encoding, 'voices', 1)} voices. Take"
            " GridEncoding() or EventEncoding(); to write several voices together, fine_tune(load_bundle('chorale'), ...)."
        )
    sides = _sides(scores, encoding, seed)
    settings = {"embedding": 64, "units": units, "dropout": 0.3, "seed": seed}
    model = stream_model(encoding.input_sizes, encoding.size, **settings)
    valid = _batches(sides["valid"], encoding, shuffle=False) if sides["valid"] else None
    history = train(
        model,
        _batches(sides["train"], encoding, moved=True, seed=seed),
        valid,
        epochs=epochs,
        optimizer=_optimizer(),
        patience=10,
        watch=watch,
        progress=progress,
    )
    metrics = {"test nats/step": _nats(model, sides["test"], encoding)} if sides["test"] else {}
    card = _card(sides, scores, {"from": "scratch", "epochs": len(history), "seed": seed}, metrics)
    return Bundle(name, weights_of(model), encoding, {"kind": "stream", **settings}, card)


def fine_tune(
    bundle: Bundle,
    scores: Sequence[Score],
    name: str,
    *,
    old: Mapping[str, Sequence[Score]] | None = None,
    mix: float = 1.5,
    forget: float = 0.04,
    epochs: int = 30,
    learning_rate: float = 3e-3,
    seed: int = 0,
    watch: Callable[[list[dict[str, float]]], None] | None = None,
    progress: bool = True,
) -> Bundle:
    """Move a trained bundle towards your pieces.

    Parameters
    ----------
    bundle : Bundle
        One that writes a melody, events, or several voices together. It stays as it is.
    scores : sequence of Score
        Your pieces. With four different ones or more some are held out.
    name : str
        Of the new bundle.
    old : mapping, optional
        "train", "valid" and "test" -> pieces of the kind that the bundle has learned from, which it shall not forget. For the
        course's own bundles, and for those that were fine-tuned from them, they are found by themselves; for others nothing is
        mixed in if they are left out. {} for none.
    mix : float
        How much of the old kind is mixed in: steps for each step of yours; 0 or more.
    forget : float
        0 or more. By what share the loss on the old kind's validation pieces may rise. If it rose by more, the weights go back,
        straight towards the old ones, until it is no more.
    epochs : int
        1 or more. At most so many: training stops when the loss on held-out pieces, half yours and half old, has not fallen for
        ten epochs.
    learning_rate : float
        Of the first epoch; above 0.
    seed : int
    watch, progress
        As for `training.train`.

    Returns
    -------
    Bundle
        Its card has the nats on held-out pieces of yours and of the old kind, before and after.

    Raises
    ------
    BundleError
        For a bundle that holds the original recipe.
    TypeError
        For anything but a bundle and a list of scores.
    ValueError
        If there are no pieces, or one has no notes, has fewer voices than the bundle writes, or loses most of its notes in the
        bundle's encoding (the message says which); for an `old` of another form; for a number outside its range.

    Warns
    -----
    UserWarning
        If there are too few pieces to hold any out; if nothing is known of the old kind; or if training only made things worse,
        and the bundle's weights were kept.

    Notes
    -----
    Old pieces among the new ones are called *rehearsal* (Robins, "Catastrophic forgetting, rehearsal and pseudorehearsal", 1995).
    To go but a part of the way from the old weights to the new is an idea of Wortsman et al. ("Robust fine-tuning of zero-shot
    models", 2022). ``benchmarks/fine_tuning.md`` has what was tried here, and what it brought.
    """
    if not isinstance(bundle, Bundle):
        raise TypeError(f'fine_tune wants a bundle and was given {bundle!r}; write fine_tune(load_bundle("melody"), …).')
    _check_numbers(mix=(mix, 0), forget=(forget, 0), epochs=(epochs, 1), learning_rate=(learning_rate, None))
    if bundle.model["kind"] == "original":
        raise BundleError(f"the bundle {bundle.name!r} holds the original recipe; take 'melody' or 'chorale', or train_own().")
    encoding, scores = bundle.encoding, _listed(scores)
    _check_voices(scores, bundle)
    given = None if old is None else _old_kind(old)  # whatever is wrong is said before anything is read
    sides = _sides(scores, encoding, seed)
    old = old_sides(bundle) if given is None else given
    if given is None and not old:
        warnings.warn(
            f"the card of {bundle.name!r} names no music of the course that it comes from, so nothing of the old kind is mixed"
            " in, and it may be forgotten. Give it as old={'train': ..., 'valid': ..., 'test': ...}; old={} is for none.",
            stacklevel=2,
        )
    known = {side: encode_pieces(old.get(side, ()), encoding) for side in SIDES}
    model = model_of(bundle)
    _introduce(model, encoding, sides["train"], known["train"])
    prepare(model, _optimizer())
    rng = np.random.default_rng(seed)
    judged = sides["valid"] + _sample(known["valid"], _steps(sides["valid"]), rng)
    remembered = _sample(known["valid"], REMEMBERED, rng)
    measured = {"yours": sides["test"], "old": _sample(known["test"], 20 * _steps(sides["test"]), rng)}
    before = {which: _nats(model, pieces, encoding) for which, pieces in measured.items() if pieces}
    untouched = _nats(model, judged, encoding) if sides["valid"] else np.inf
    start = weights_of(model)
    batches = _rehearsal(sides["train"], known["train"], mix, encoding, seed)
    history = train(
        model,
        batches,
        _batches(judged, encoding, shuffle=False) if sides["valid"] else None,
        epochs=epochs,
        learning_rate=learning_rate,
        optimizer=_optimizer(),
        patience=10,
        watch=watch,
        progress=progress,
    )
    way = _go_back(model, start, remembered, encoding, forget) if remembered else 1.0
    no_better = sides["valid"] and _nats(model, judged, encoding) >= untouched  # `train` knows of no epoch before the first
    if no_better or not way:
        reason = (
            "no epoch made the held-out pieces, yours and old, less surprising than they were to the untouched bundle"
            if way
            else f"a tenth of the way to the new weights makes the old kind more than {forget:.0%} more surprising"
        )
        warnings.warn(f"{reason}, so its weights are kept. Try a lower learning_rate, or more pieces.", stacklevel=2)
        set_weights(model, bundle.weights)
        way = 0.0
    after = {which: _nats(model, measured[which], encoding) for which in before}
    metrics = {f"test nats/step, {which}": f"{before[which]:.3f} before, {after[which]:.3f} after" for which in before}
    first = bundle.card.get("training", {}).get("from corpus", bundle.card.get("corpus"))  # by which `old_sides` knows it
    told = {"from": bundle.name, **({"from corpus": first} if first else {}), "old pieces in an epoch": batches.count}
    told |= {"epochs": len(history), "way gone": way, "seed": seed}
    card = _card(sides, scores, told, metrics)
    card["metres"] = sorted({*card["metres"], *bundle.card.get("metres", [])})  # the old ones are not forgotten either
    card |= {"shortest": bundle.card["shortest"]} if "shortest" in bundle.card else {}
    return Bundle(name, weights_of(model), encoding, bundle.model, card)


def share_out(scores: Sequence[Score], seed: int = 0) -> dict[str, list[Score]]:
    """Share pieces out into "train", "valid" and "test", near-duplicates together, as `train_own` and `fine_tune` do.

    With fewer than four different pieces all are for training, and a warning says what that means.
    """
    return _shared(_with_notes(_listed(scores)), seed, stacklevel=3)


def _shared(scores: list[Score], seed: int, stacklevel: int) -> dict[str, list[Score]]:
    groups = len(set(duplicate_groups(scores).tolist()))
    if groups < FEWEST:
        warnings.warn(
            f"{len(scores)} pieces, {groups} of them different, are too few to hold any out. Nobody can say then whether the"
            " model learns your style or the pieces by heart; expect the latter.",
            stacklevel=stacklevel,
        )
        return {"train": scores, "valid": [], "test": []}
    split = split_pieces(scores, valid=0.15, test=0.2, seed=seed)
    return {side: [scores[i] for i in getattr(split, side)] for side in SIDES}


def _sides(scores: list[Score], encoding: Encoding, seed: int) -> dict[str, list[Piece]]:
    """Share pieces out and encode them; refuse what the encoding cannot hold. To be called by public functions only."""
    for number, score in enumerate(_with_notes(scores)):
        report = encoding.loss_report(score)
        if report["lost"] * 2 >= report["notes"]:
            raise ValueError(
                f"{_named(number, score)} would lose {report['lost']} of its {report['notes']} notes in the"
                f" encoding {encoding.name!r}. Leave it out, take its melody with extract_melody(), or choose another encoding."
            )
    shared = _shared(scores, seed, stacklevel=4)  # the warning points at who called train_own or fine_tune
    return {side: encode_pieces(part, encoding) for side, part in shared.items()}


# --- what is refused ------------------------------------------------------------------------------------


def _named(number: int, score: Score) -> str:
    return f"piece {number} ({score.title or 'no title'})"


def _listed(scores: Iterable[Score], what: str = "scores") -> list[Score]:
    """Return the pieces as a list, or raise TypeError."""
    if isinstance(scores, str | bytes | Score) or not isinstance(scores, Iterable):
        raise TypeError(
            f"{what} is {scores!r}, and should be a list of Score: load_folder(path) makes one of the files in a folder, and"
            " [score] one of a single piece."
        )
    scores = list(scores)
    for number, score in enumerate(scores):
        if not isinstance(score, Score):
            raise TypeError(f"{what} should hold Score alone, and number {number} is {score!r}. read_score makes one of a file.")
    return scores


def _with_notes(scores: list[Score]) -> list[Score]:
    if not scores:
        raise ValueError("there are no pieces to learn from.")
    for number, score in enumerate(scores):
        if not len(score):
            raise ValueError(f"{_named(number, score)} has no notes. Leave it out.")
    return scores


def _check_voices(scores: Sequence[Score], bundle: Bundle) -> None:
    voices = getattr(bundle.encoding, "voices", 1)
    for number, score in enumerate(scores):
        if 0 < len(score.voices) < voices:
            has = "one voice" if len(score.voices) == 1 else f"{len(score.voices)} voices"
            raise ValueError(
                f"{_named(number, score)} has {has}, and the bundle {bundle.name!r} writes {voices} together: it would learn to"
                " be silent in the others. Leave the piece out, or fine-tune load_bundle('melody') on melodies."
            )


def _old_kind(old: Any) -> dict[str, list[Score]]:
    """Check what was given as `old`."""
    if not isinstance(old, Mapping) or not set(old) <= set(SIDES):
        what = f"has the keys {sorted(map(str, old))}" if isinstance(old, Mapping) else f"is of type {type(old).__name__}"
        raise ValueError(f"old {what}; it should be a dict of lists of Score with the keys 'train', 'valid' and 'test'.")
    return {side: _listed(pieces, f"old[{side!r}]") for side, pieces in old.items()}


def _check_numbers(**given: tuple[float, int | None]) -> None:
    """Raise ValueError for a number that is not finite or lies below its least value; None stands for "above 0"."""
    for name, (value, least) in given.items():
        if not (np.isfinite(value) and (value > 0 if least is None else value >= least)):
            raise ValueError(f"{name}={value}: it must be {'above 0' if least is None else f'{least} or more'}.")


def _check_units(units: Any) -> None:
    if not isinstance(units, tuple | list):
        raise TypeError(f"units={units!r}: give the units of each LSTM layer as a tuple, such as (128,).")
    if not units or min(units) < 1:
        raise ValueError(f"units={units!r}: there must be one LSTM layer at least, and each must have 1 unit or more.")


# --- batches --------------------------------------------------------------------------------------------


def _batches(pieces: Sequence[Piece], encoding: Encoding, *, moved: bool = False, shuffle: bool = True, seed: int = 0) -> Batches:
    """Put pieces into batches, moved through the keys as far as their range allows."""
    if isinstance(encoding, ChoraleEncoding):
        ranges = voice_ranges(pieces, encoding) if moved else None
        return VoiceBatches(pieces, encoding, ranges=ranges, shuffle=shuffle, seed=seed)
    shifts = _shifts(pieces, encoding) if moved else (0, 0)
    size = _batch_size(len(pieces)) if moved else 32
    return Batches(pieces, encoding, batch_size=size, semitones=shifts, shuffle=shuffle, seed=seed)


class _Rehearsal(Batches):
    """All of your pieces in each epoch, and among them some of the old, others each time.

    The same few old pieces in each epoch would be learned by heart, and the rest of the old kind forgotten all the same.
    """

    def __init__(self, pieces: Sequence[Piece], old: Sequence[Piece], count: int, encoding: Encoding, **settings: Any) -> None:
        super().__init__([*pieces, *old], encoding, **settings)
        self.yours, self.count = len(pieces), count

    def __len__(self) -> int:
        return -(-(self.yours + self.count) // self.batch_size)

    def _order(self, rng: np.random.Generator) -> list[np.ndarray]:
        drawn = self.yours + rng.permutation(len(self.pieces) - self.yours)[: self.count]
        chosen = np.concatenate([np.arange(self.yours), drawn])
        chosen = chosen[np.argsort(self.lengths[chosen] * rng.uniform(0.95, 1.05, len(chosen)))]  # as in `Batches`
        return [chosen[i * self.batch_size : (i + 1) * self.batch_size] for i in rng.permutation(len(self))]


class _VoiceRehearsal(_Rehearsal, VoiceBatches):
    """The same for pieces of several voices."""


def _rehearsal(pieces: Sequence[Piece], old: Sequence[Piece], mix: float, encoding: Encoding, seed: int) -> _Rehearsal:
    """Put pieces into batches, with `mix` steps of the old kind for each of theirs, moved through the keys as `_batches` does."""
    count = min(len(old), round(mix * _steps(pieces) * len(old) / _steps(old))) if old else 0
    both = [*pieces, *old]
    if isinstance(encoding, ChoraleEncoding):
        return _VoiceRehearsal(pieces, old, count, encoding, ranges=voice_ranges(both, encoding), seed=seed)
    size, shifts = _batch_size(len(pieces) + count), _shifts(both, encoding)
    return _Rehearsal(pieces, old, count, encoding, batch_size=size, semitones=shifts, seed=seed)


def _batch_size(pieces: int) -> int:
    return min(16, max(2, pieces // 10))  # few pieces: small batches, or an epoch is but a step or two


def _go_back(
    model: keras.Model, start: dict[str, np.ndarray], pieces: Sequence[Piece], encoding: Encoding, forget: float
) -> float:
    """Move the weights towards `start`, in a straight line, until the loss on `pieces` is higher than there by `forget` at most.

    Returns the part of the way from `start` to where they were that is left: 1.0, 0.9, … or 0.0.
    """
    end = weights_of(model)
    set_weights(model, start)
    limit = (1 + forget) * _nats(model, pieces, encoding)
    for way in np.arange(10, 0, -1) / 10:
        set_weights(model, {name: start[name] + np.float32(way) * (end[name] - start[name]) for name in start})
        if _nats(model, pieces, encoding) <= limit:
            return float(way)
    set_weights(model, start)
    return 0.0


def _shifts(pieces: Sequence[Piece], encoding: Encoding) -> tuple[int, int]:
    """Return how far down and up all pieces can be moved, within `SHIFTS`."""

    def fits(shift: int) -> bool:
        try:
            for piece in pieces:
                encoding.transpose(piece.tokens, shift)
        except ValueError:
            return False
        return True

    down, up = SHIFTS
    return next((s for s in range(down, 0) if fits(s)), 0), next((s for s in range(up, 0, -1) if fits(s)), 0)


def _optimizer() -> keras.optimizers.Optimizer:
    # One length for the whole gradient, and so the same training on every backend.
    return keras.optimizers.Adam(global_clipnorm=1.0)


def _steps(pieces: Sequence[Piece]) -> int:
    return sum(len(piece.tokens) for piece in pieces)


def _sample(pieces: Sequence[Piece], steps: float, rng: np.random.Generator) -> list[Piece]:
    """Draw pieces until they have so many steps together, or there are no more."""
    drawn: list[Piece] = []
    for number in rng.permutation(len(pieces)):
        if _steps(drawn) >= steps:
            break
        drawn.append(pieces[number])
    return drawn


def _nats(model: keras.Model, pieces: Sequence[Piece], encoding: Encoding) -> float:
    return round(float(evaluate(model, _batches(pieces, encoding, shuffle=False))), 4)


def _introduce(model: keras.Model, encoding: Encoding, new: Sequence[Piece], old: Sequence[Piece]) -> None:
    """Give symbols that the model has never met the vectors of those that are nearest to them.

    Such a vector is still the chance one of the beginning, or has been pushed away from. A pitch takes over from the nearest one
    that was met, an octave counting as a whole tone; anything else from the mean of what was met.
    """
    if not old or isinstance(encoding, ChoraleEncoding):  # the chorale model sees degrees and intervals, which all were met
        return
    met, asked = (_columns(pieces, encoding) for pieces in (old, new))
    for column, values in asked.items():
        if strangers := sorted(values - met[column]):
            layer = model.get_layer(f"embedding_{column}")
            (table,) = layer.get_weights()
            for value in strangers:
                table[value] = table[_nearest(value, met[column], encoding if column == 0 else None)].mean(axis=0)
            layer.set_weights([table])


def _columns(pieces: Sequence[Piece], encoding: Encoding) -> dict[int, set[int]]:
    """Return which values occur in each column of the inputs."""
    found: dict[int, set[int]] = {column: set() for column in range(len(encoding.input_sizes))}
    for piece in pieces:
        for column, values in enumerate(encoding.inputs(piece.tokens, piece.time_signature).T):
            found[column] |= set(values.tolist())
    return found


def _nearest(value: int, met: set[int], encoding: Encoding | None) -> list[int]:
    """Return the values that stand in for one that was never met."""
    pitches = sorted(v for v in met if v >= FIRST_PITCH)
    if not isinstance(encoding, GridEncoding) or value < FIRST_PITCH or not pitches:
        return sorted(met)
    return [min(pitches, key=lambda p: min(abs(p - value), 1 + abs(p - value) // 12 if (p - value) % 12 == 0 else 128))]


def _card(
    sides: Mapping[str, Sequence[Piece]], scores: Sequence[Score], training: dict[str, Any], metrics: dict[str, Any]
) -> dict[str, Any]:
    metres = sorted({score.time_signature for score in scores})
    return {
        "corpus": f"{len(scores)} pieces of your own",
        "split": {"by": "piece, near-duplicates together", **{side: len(pieces) for side, pieces in sides.items()}},
        "training": training,
        "metrics": metrics,
        "metres": [f"{beats}/{unit}" for beats, unit in metres],
        "licence": "yours, as far as the rights in the pieces allow",
    }
