"""Controls: music that is known to be worse, to try a measure on before it is trusted.

A measure that cannot tell Bach from these cannot tell you anything about a model either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from musiclab.baselines import Markov
from musiclab.encoding import GridEncoding
from musiclab.evaluation.pitch import key_of
from musiclab.generation import sample_tokens
from musiclab.score import Score

__all__ = ["markov_pieces", "shuffled"]


def shuffled(score: Score, seed: int) -> Score:
    """Return a piece with the pitches of each voice in a random order. Rhythm, and how often each pitch comes, stay."""
    rng, notes = np.random.default_rng(seed), score.notes.copy()
    for voice in score.voices:
        mine = notes["voice"] == voice
        notes["pitch"][mine] = rng.permutation(notes["pitch"][mine])
    return replace(score, notes=notes)


def markov_pieces(training: Sequence[Score], count: int, *, order: int = 2, quarters: float = 48, seed: int = 0) -> list[Score]:
    """Write pieces with Markov models, one for each voice: none of them knows what the others sing.

    Parameters
    ----------
    training : sequence of Score
        What the models count. A Markov model knows no key, so each piece is moved to C major or A minor first.
    count : int
    order : int
        How many sixteenths they look back on, beside the place in the bar.
    quarters : float
        Length of each piece.
    seed : int

    Returns
    -------
    list of Score
        In the time signature that most of the training pieces have.

    Raises
    ------
    ValueError
        Without training pieces.
    """
    if not any(map(len, training)):
        raise ValueError("a Markov model needs pieces to count, with notes in them.")
    training = [_moved_to_c(score) for score in training if len(score)]
    encoding, metres = GridEncoding(), [score.time_signature for score in training]
    metre = max(sorted(set(metres)), key=metres.count)
    parts: list[list[np.ndarray]] = [[] for _ in range(count)]
    for voice in sorted({voice for score in training for voice in score.voices}):
        tokens = [(encoding.encode(_alone(score, voice)), score.time_signature) for score in training]
        # The END that stands before each piece is never among the targets, so none of these pieces stops early.
        rows = [(encoding.inputs(t, m)[:-1], t) for t, m in tokens if len(t)]
        model = Markov(encoding.size, order, columns=[1, 2]).fit(rows)
        for number, part in enumerate(parts):
            stream = sample_tokens(
                model, encoding, quarters, time_signature=metre, stop=False, seed=np.random.SeedSequence([seed, voice, number])
            )
            notes = encoding.decode(list(stream)).notes.copy()
            notes["voice"] = voice
            part.append(notes)
    return [Score(np.concatenate(part), title=f"Markov {number + 1}", time_signature=metre) for number, part in enumerate(parts)]


def _moved_to_c(score: Score) -> Score:
    """Transpose a piece to C major or A minor, by a tritone at most."""
    tonic, mode = key_of(score)
    up = ((0 if mode == "major" else 9) - tonic) % 12
    return score.transpose(up - 12 if up > 6 else up)


def _alone(score: Score, voice: int) -> Score:
    """Return one voice of a score as a melody, voice 0."""
    notes = score.notes[score.notes["voice"] == voice].copy()
    notes["voice"] = 0
    return replace(score, notes=notes)
