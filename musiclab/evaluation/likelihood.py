"""Likelihood: how surprised a model is by a piece, token by token, and whether it knows how sure it may be.

The surprise at a token is -ln of the probability that the model gave to it, in nats. e to the power of its mean is the
perplexity: between how many equally likely tokens the model might as well have chosen. The END of a piece does not count.
Nats of different encodings must not be compared: a step of a sixteenth in which a note is held is easy to foresee.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from musiclab import cores
from musiclab.bundle import Bundle
from musiclab.dataset import Piece, encode_pieces
from musiclab.encoding import FIRST_PITCH, HOLD, REST, GridEncoding
from musiclab.score import Score

__all__ = ["Heard", "calibration", "calibration_error", "hear", "nats_by_kind", "nats_per_note", "nats_per_step", "perplexity"]

#: Pieces that one core hears side by side: few, so that they are about equally long, and little is padding.
_TOGETHER = 16


class Heard(NamedTuple):
    """What a model thought of a piece while it listened. All arrays have the shape (steps, voices).

    Attributes
    ----------
    tokens : int array
    nats : float array
        The surprise at each token.
    surest : float array
        The probability of the token that the model held for likeliest.
    right : bool array
        Whether that one came.
    """

    tokens: np.ndarray
    nats: np.ndarray
    surest: np.ndarray
    right: np.ndarray


def hear(bundle: Bundle, scores: Sequence[Score]) -> list[Heard]:
    """Let a model listen to pieces, as it would in training.

    What its encoding cannot hold it does not hear: see ``bundle.encoding.loss_report(score)``.

    Parameters
    ----------
    bundle : Bundle
        One that writes a melody, events, or several voices together.
    scores : sequence of Score

    Returns
    -------
    list of Heard

    Raises
    ------
    BundleError
        For a bundle that holds the original recipe.
    ValueError
        If a piece has nothing in it that the encoding can hold, or one voice where the bundle writes several. The message gives
        its number and title.

    Warns
    -----
    UserWarning
        If pieces are in a metre that the bundle has not learned.
    """
    pieces = encode_pieces(scores, bundle.encoding)
    _check(bundle, scores, pieces)
    if bundle.model["kind"] != "chorale":
        stream = bundle.stream()
        inputs = [bundle.encoding.inputs(piece.tokens, piece.time_signature)[:-1] for piece in pieces]
        return [_judged(p.tokens[:, None], stream.log_probabilities(x)[:, None]) for p, x in zip(pieces, inputs, strict=True)]
    order = sorted(range(len(pieces)), key=lambda number: -len(pieces[number].tokens))
    count = min(_TOGETHER, max(1, -(-len(pieces) // cores.count())))
    parts = [order[start : start + count] for start in range(0, len(order), count)]
    heard = cores.in_parts(lambda part: _hear_voices(bundle, [pieces[number] for number in part]), parts)
    by_number = {number: h for part, results in zip(parts, heard, strict=True) for number, h in zip(part, results, strict=True)}
    return [by_number[number] for number in range(len(pieces))]


def _check(bundle: Bundle, scores: Sequence[Score], pieces: Sequence[Piece]) -> None:
    """Refuse what a bundle cannot hear, and warn of what it hears badly."""
    several = bundle.model["kind"] == "chorale" and bundle.encoding.voices > 1
    for number, (piece, score) in enumerate(zip(pieces, scores, strict=True)):
        what = f"piece {number} ({score.title or 'no title'})"
        if not len(piece.tokens):
            raise ValueError(f"{what} has no note that {bundle.encoding.name} can hold.")
        if several and len(score.voices) == 1:
            raise ValueError(
                f"{what} has one voice, and the bundle {bundle.name!r} has learned to hear {bundle.encoding.voices}."
            )
    metres = bundle.card.get("metres", [])
    strange = sum("{}/{}".format(*score.time_signature) not in metres for score in scores)
    if metres and strange:
        warnings.warn(
            f"{strange} of {len(scores)} pieces are in a metre that the bundle {bundle.name!r} has not learned; it knows"
            f" {', '.join(metres)}. Their figures say little.",
            stacklevel=3,
        )


def _hear_voices(bundle: Bundle, pieces: Sequence[Piece]) -> list[Heard]:
    """Let a model of several voices listen to pieces of about the same length, all steps at once."""
    tokens = [piece.tokens.reshape(len(piece.tokens), -1) for piece in pieces]  # (steps, voices)
    rows = [bundle.encoding.inputs(piece.tokens, piece.time_signature)[:-1] for piece in pieces]  # (steps, columns)
    longest = max(map(len, tokens))
    voices = bundle.voices(len(pieces))
    voices.listen_through(np.stack([np.pad(row, ((0, longest - len(row)), (0, 0))) for row in rows]))
    chosen = np.stack([np.pad(t, ((0, longest - len(t)), (0, 0)), constant_values=REST) for t in tokens])
    judged = []
    for voice in range(chosen.shape[2]):
        log_p = voices.log_probabilities(voice)  # (pieces * steps, size)
        judged.append(_judged(chosen[:, :, voice], log_p.reshape(*chosen.shape[:2], -1)))
        voices.choose(voice, chosen[:, :, voice].reshape(-1))
    whole = Heard(*(np.stack(parts, axis=-1) for parts in zip(*judged, strict=True)))  # (pieces, steps, voices)
    return [Heard(*(array[k, : len(t)] for array in whole)) for k, t in enumerate(tokens)]


def _judged(tokens: np.ndarray, log_p: np.ndarray) -> Heard:
    """Compare log-probabilities (…, size) with the tokens that came (…)."""
    nats = -np.take_along_axis(log_p, tokens[..., None], axis=-1)[..., 0].astype(float)
    return Heard(tokens, nats, np.exp(log_p.max(axis=-1)).astype(float), log_p.argmax(axis=-1) == tokens)


def nats_per_step(heard: Heard) -> np.ndarray:
    """Return the mean surprise at a token of each voice: float array (voices,). Their mean is the figure for the piece."""
    return heard.nats.mean(axis=0)


def perplexity(heard: Sequence[Heard]) -> float:
    """Return e to the power of the mean surprise at a token: 1 for who foresees everything; the size of the vocabulary for dice.

    Raises ValueError if nothing was heard.
    """
    _something(heard)
    return float(np.exp(np.concatenate([h.nats.reshape(-1) for h in heard]).mean()))


def nats_per_note(bundle: Bundle, heard: Heard) -> float:
    """Return all of a piece's surprise divided by its notes. It hardly depends on how fine the grid is. nan without a note."""
    notes = len(bundle.encoding.decode(heard.tokens[:, 0] if heard.tokens.shape[1] == 1 else heard.tokens))
    return float(heard.nats.sum() / notes) if notes else np.nan


def nats_by_kind(bundle: Bundle, heard: Heard) -> dict[str, float]:
    """Return the mean surprise where a note begins, where one is held and where a voice rests, as far as they occur.

    Raises ValueError for an encoding that is no grid: its tokens are of other kinds.
    """
    if not isinstance(bundle.encoding, GridEncoding):
        raise ValueError(f"the tokens of {bundle.encoding.name} are not of these kinds; those of a grid are.")
    kinds = {"note": heard.tokens >= FIRST_PITCH, "held": heard.tokens == HOLD, "rest": heard.tokens == REST}
    return {kind: float(heard.nats[which].mean()) for kind, which in kinds.items() if which.any()}


def calibration(heard: Sequence[Heard], bins: int = 10) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ask how often the model is right where it is so and so sure.

    Tokens are sorted into bins by how likely the model held its likeliest token. Guo et al., "On Calibration of Modern Neural
    Networks" (2017).

    Returns
    -------
    said, came : float arrays (bins,)
        Mean probability of the likeliest token, and in which share of the cases it came. nan for an empty bin.
    counts : int array (bins,)
        Tokens in each bin.

    Raises
    ------
    ValueError
        If nothing was heard.
    """
    _something(heard)
    surest, right = (np.concatenate([getattr(h, name).reshape(-1) for h in heard]) for name in ("surest", "right"))
    place = np.minimum((surest * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    filled = np.where(counts > 0, counts, np.nan)
    said, came = (np.bincount(place, weights=values, minlength=bins) / filled for values in (surest, right))
    return said, came, counts


def calibration_error(heard: Sequence[Heard], bins: int = 10) -> float:
    """Return how far sureness and success lie apart in the mean over all tokens, 0 to 1; 0 is best. See `calibration`."""
    said, came, counts = calibration(heard, bins)
    return float(np.nansum(np.abs(said - came) * counts) / counts.sum())


def _something(heard: Sequence[Heard]) -> None:
    if not heard:
        raise ValueError("nothing was heard: give what hear() returns for one piece or more.")
