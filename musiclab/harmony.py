"""Several voices at once: free chorales, and voices for a melody that is given.

A step is written from the highest voice down, as the model was trained; see `musiclab.voices`. Two things are decided
here. The grammar is kept: nothing is held that does not sound, and only the highest voice may end a piece, for all. And
where something is given, what is written must answer to what the given notes *will* do, not only to what they have done.
So some pieces are written side by side, and at each step those survive which had expected the next given notes: a *particle
filter* (Gordon, Salmond and Smith, 1993). `benchmarks/harmonise.py` measures what that is worth.
"""

from __future__ import annotations

import copy
import functools
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from musiclab import cores
from musiclab.encoding import END, FIRST_PITCH, HOLD, REST, ChoraleEncoding
from musiclab.past import Past
from musiclab.sampling import check_controls, distribution, draw
from musiclab.score import Score
from musiclab.voices import Voices

__all__ = ["given_tokens", "write_voices"]

# Random numbers that are drawn at once, for so many steps of a piece.
_BLOCK = 256

# Pieces that a core writes side by side, at least.
_PART = 8

# Pieces of which one is chosen where something is given.
_PARTICLES = 16


def write_voices(
    model: Voices,
    encoding: ChoraleEncoding,
    steps: int,
    *,
    count: int = 1,
    prompt: np.ndarray | None = None,
    given: np.ndarray | None = None,
    time_signature: tuple[int, int] = (4, 4),
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: bool = True,
    shortest: int = 0,
    seed: int | np.random.SeedSequence | None = None,
) -> list[np.ndarray]:
    """Write pieces of several voices, side by side.

    Parameters
    ----------
    model : Voices
        Its states are begun anew.
    encoding : ChoraleEncoding
    steps : int
        How many to write at most, after the prompt.
    count : int
        How many pieces. Each has random numbers of its own: piece k depends on `seed` and k alone. A SeedSequence is the seed
        of a single piece.
    prompt : int array (steps, voices), optional
        Tokens that the pieces begin with.
    given : int array (steps, voices), optional
        Tokens that must stay, from `given_tokens`; `encoding.size` where the model is free. The pieces are then as long as
        this, and there is no prompt.
    time_signature, temperature, top_k, top_p, stop, seed
        As for `generation.generate`.
    shortest : int
        Steps, those of the prompt included, before which no piece ends: such as those of the shortest piece in training.

    Returns
    -------
    list of int32 arrays (steps, voices)
        Without the prompt, and without END.
    """
    check_controls(temperature, top_k, top_p)
    if isinstance(seed, np.random.SeedSequence):
        chances = [np.random.default_rng(seed)]
    else:
        chances = [np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k,))) for k in range(count)]
    controls = {"time_signature": time_signature, "temperature": temperature, "top_k": top_k, "top_p": top_p}
    if given is not None:
        return cores.in_parts(functools.partial(_write_given, model, encoding, given, **controls), chances)
    if prompt is None:
        prompt = np.zeros((0, encoding.voices), dtype=np.int32)
    write = functools.partial(_write_part, model, encoding, steps, prompt=prompt, shortest=shortest if stop else None, **controls)
    parts = max(1, min(cores.count(), count // _PART))
    written = cores.in_parts(write, [chances[n * count // parts : (n + 1) * count // parts] for n in range(parts)])
    return [piece for part in written for piece in part]


def _write_part(
    model: Voices,
    encoding: ChoraleEncoding,
    steps: int,
    chances: Sequence[np.random.Generator],
    *,
    prompt: np.ndarray,
    time_signature: tuple[int, int],
    shortest: int | None,
    **controls: Any,
) -> list[np.ndarray]:
    """Write as many pieces as there are random generators, step by step. No piece ends by itself if `shortest` is None."""
    voices, count = encoding.voices, len(chances)
    model = copy.copy(model)  # with the same weights, and soon with states of its own
    model.reset(count)
    pasts = [encoding.past() for _ in range(count)]
    going = np.arange(count)  # the pieces that have not ended; the arrays of a step have a row for each of these
    rows: list[np.ndarray] = []
    for t in range(len(prompt) + steps):
        place = encoding.place(t, t + 1, time_signature)[0]
        model.listen(np.array([[*place, *pasts[k].row()] for k in going], dtype=np.int32))
        tokens = np.zeros((len(going), voices), dtype=np.int32)
        if t % _BLOCK == 0:
            numbers = np.stack([chances[k].random((_BLOCK, voices)) for k in going])  # (pieces, _BLOCK, voices)
        for voice in range(voices):
            if t < len(prompt):
                tokens[:, voice] = prompt[t, voice]
            else:
                may_end = voice == 0 and shortest is not None and t >= max(shortest, len(prompt) + 1)
                allowed = _allowed(encoding, [pasts[k] for k in going], voice, may_end)
                allowed[:, HOLD] &= t != len(prompt)  # the prompt's last notes are as long as they are
                p = distribution(model.log_probabilities(voice), allowed=allowed, **controls)
                tokens[:, voice] = draw(p, numbers[:, t % _BLOCK, voice])
            model.choose(voice, tokens[:, voice])
        rows.append(np.full((count, voices), END, dtype=np.int32))
        rows[-1][going] = tokens
        goes_on = tokens[:, 0] != END
        if not goes_on.all():
            model.keep(goes_on)
            going, tokens, numbers = going[goes_on], tokens[goes_on], numbers[goes_on]
        if not len(going):
            break
        for k, step in zip(going.tolist(), tokens.tolist(), strict=True):
            pasts[k].see(step)
    written = np.stack(rows, axis=1)  # (pieces, steps, voices)
    return [piece[piece[:, 0] != END][len(prompt) :] for piece in written]


def _write_given(
    model: Voices,
    encoding: ChoraleEncoding,
    given: np.ndarray,
    chance: np.random.Generator,
    *,
    time_signature: tuple[int, int],
    **controls: Any,
) -> np.ndarray:
    """Write one piece around what is given, (steps, voices), by a particle filter: int32 array (steps, voices)."""
    model = copy.copy(model)
    model.reset(_PARTICLES)
    pasts = [encoding.past() for _ in range(_PARTICLES)]
    written = np.zeros((_PARTICLES, *given.shape), dtype=np.int32)
    weights = np.zeros(_PARTICLES)  # logarithm of how well each has expected what was given since they were last sifted
    for t, fixed in enumerate(given):
        place = encoding.place(t, t + 1, time_signature)[0]
        model.listen(np.array([[*place, *past.row()] for past in pasts], dtype=np.int32))
        for voice, token in enumerate(fixed):
            log_probabilities = model.log_probabilities(voice)
            if token < encoding.size:
                weights += log_probabilities[:, token]
                written[:, t, voice] = token
            else:
                p = distribution(log_probabilities, allowed=_allowed(encoding, pasts, voice, may_end=False), **controls)
                written[:, t, voice] = draw(p, chance.random(_PARTICLES))
            model.choose(voice, written[:, t, voice])
        for past, step in zip(pasts, written[:, t].tolist(), strict=True):
            past.see(step)
        shares = np.exp(weights - weights.max())
        shares /= shares.sum()
        if 1 / (shares**2).sum() < _PARTICLES / 2:  # few of them carry all the weight
            parents = _survivors(shares, chance)
            pasts = [pasts[p].copy() for p in parents]
            written, weights = written[parents], np.zeros(_PARTICLES)
            model.keep(parents)
    return written[int(weights.argmax())]


def _survivors(shares: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Draw who goes on, each as often as its share says, up to one: int array (particles,) (Kitagawa, 1996)."""
    places = (chance.random() + np.arange(len(shares))) / len(shares)
    return np.minimum(np.searchsorted(shares.cumsum(), places), len(shares) - 1)


def _allowed(encoding: ChoraleEncoding, pasts: Sequence[Past], voice: int, may_end: bool) -> np.ndarray:
    """Return what a voice may do: bool array (pieces, size).

    A piece ends on a chord that all voices have held for a quarter at least, as 99 of 100 of Bach's chorales do. And all are
    silent for three quarters at most, as before an upbeat: what has been silent for long makes a model expect more of it, and
    a cold one would never begin.
    """
    allowed = np.ones((len(pasts), encoding.size), dtype=bool)
    allowed[:, END] = [may_end and min(past.held) >= encoding.steps_per_quarter for past in pasts]
    allowed[:, HOLD] = [past.sounding[voice] > 0 for past in pasts]
    if voice == 0:
        silent = [min(past.held) >= 3 * encoding.steps_per_quarter and not any(past.sounding) for past in pasts]
        allowed[silent, REST] = False
    return allowed


def given_tokens(
    fixed: Mapping[int, Score], encoding: ChoraleEncoding, gaps: Mapping[int, tuple[float, float]] | None = None
) -> np.ndarray:
    """Turn voices that must stay into tokens.

    Parameters
    ----------
    fixed : dict of int to Score
        Voice -> a score whose only voice it shall be. Voice 0 is the highest.
    encoding : ChoraleEncoding
    gaps : dict of int to (float, float), optional
        Voice -> from where to where, in quarter lengths, it may be written anew.

    Returns
    -------
    int32 array (steps, voices)
        `encoding.size` where the model is free. As long as the longest of the voices.

    Raises
    ------
    ValueError
        For a voice that the encoding does not have, a melody of several voices or out of its range, or a gap that is none.
    TypeError
        If `fixed` does not say which voice a melody is.

    Warns
    -----
    UserWarning
        If a melody does not lie on the encoding's grid, so that notes of it are moved.
    """
    if not isinstance(fixed, Mapping):
        raise TypeError(f"fixed={fixed!r}: say which voice the melody shall be, fixed={{0: melody}} for the highest.")
    if not fixed:
        raise ValueError("fixed holds no voice; write fixed={0: melody} to harmonise a melody, or leave it out.")
    columns = {voice: _column(voice, melody, encoding) for voice, melody in fixed.items()}
    steps = max(len(column) for column in columns.values())
    given = np.full((steps, encoding.voices), encoding.size, dtype=np.int32)
    for voice, column in columns.items():
        given[:, voice] = REST  # if it ends before the others
        given[: len(column), voice] = column
    for voice, (start, end) in (gaps or {}).items():
        if voice not in fixed or not 0 <= start < min(end, steps / encoding.steps_per_quarter):
            raise ValueError(
                f"gaps={{{voice}: ({start}, {end})}}: give a voice of `fixed`, and a start before its end and before that of"
                f" the music, {steps / encoding.steps_per_quarter:g}."
            )
        first, last = round(start * encoding.steps_per_quarter), round(end * encoding.steps_per_quarter)
        after = given[last : last + 1, voice]
        if len(after) and after[0] == HOLD:  # its beginning lies in the gap: what is left of the note begins after it
            begun = given[:last, voice]
            after[0] = begun[begun >= FIRST_PITCH][-1]
        given[first:last, voice] = encoding.size
    return given


def _column(voice: int, melody: Score, encoding: ChoraleEncoding) -> np.ndarray:
    """Encode a melody as one voice: int32 array (steps,)."""
    if not isinstance(voice, int) or not 0 <= voice < encoding.voices:
        raise ValueError(f"fixed has a voice {voice!r}; the voices are 0 (the highest) to {encoding.voices - 1}.")
    if not len(melody):
        raise ValueError(f"the melody for voice {voice} has no notes.")
    if len(melody.voices) > 1:
        raise ValueError(
            f"the melody for voice {voice} has {len(melody.voices)} voices; give it one, for instance score.voice(0)."
        )
    notes = melody.notes.copy()
    notes["voice"] = voice
    moved = Score(notes)
    losses = encoding.loss_report(moved)
    if losses["lost"]:
        low, high = encoding.lowest, encoding.highest
        raise ValueError(
            f"{losses['lost']} of the {losses['notes']} notes of voice {voice} cannot be sung by it: they are chords, or lie"
            f" outside of MIDI pitch {low} to {high}. Transpose the melody, or take one line of it."
        )
    if losses["onset moved"] or losses["duration changed"]:
        warnings.warn(
            f"voice {voice} does not lie on the encoding's grid: {losses['onset moved']} of its {len(melody)} notes were moved"
            f" and {losses['duration changed']} changed their length.",
            stacklevel=6,
        )
    return encoding.encode(moved)[:, voice]
