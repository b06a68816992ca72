"""Generation: a trained model writes music, token by token.

A step is always the same. The model is told the last token and says how likely each next one is; these
probabilities are bent by the *sampling controls* (`distribution`); one token is drawn; and it becomes the
last token of the next step. The model's memory is in its state, so a step costs the same whether ten
notes came before it or ten thousand.

`generate` writes one piece. `generate_many` takes each step for many pieces at once, and writes 64 in the time of five
or ten.
"""

from __future__ import annotations

import copy
import functools
import itertools
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from musiclab import cores
from musiclab.bundle import Bundle, BundleError
from musiclab.encoding import END, Encoding
from musiclab.harmony import given_tokens, write_voices
from musiclab.lstm import Streams
from musiclab.sampling import check_controls, check_count, distribution, draw
from musiclab.score import Score

__all__ = ["StepModel", "distribution", "generate", "generate_many", "sample_many", "sample_tokens"]

# An encoding whose tokens need not move on in time could write one endless chord. No music needs this many.
_MOST_TOKENS_A_QUARTER = 400

# Steps for which contexts and random numbers are made at once.
_BLOCK = 1024

# Pieces that are written side by side: at least and at most. With fewer a core is slow, with more its cache overflows.
_PART = (16, 64)

# Multiplications in a step that make another core worth while. Only products of matrices run on several cores at once; all
# else does not, for Python runs in one thread at a time. With fewer, two cores take as long as one.
_WORTH_A_CORE = 20_000_000


class StepModel(Protocol):
    """What generation asks of a model: the LSTM's `Stream` and the baselines have it."""

    def reset(self) -> None:
        """Begin a new piece."""

    def step(self, row: np.ndarray) -> np.ndarray:
        """Take a row of inputs; return the next token's log-probabilities, float array (size,)."""


def sample_tokens(
    model: StepModel,
    encoding: Encoding,
    length: float,
    *,
    prompt: np.ndarray | None = None,
    time_signature: tuple[int, int] = (4, 4),
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: bool = True,
    seed: int | None = None,
) -> Iterator[int]:
    """Yield the tokens of new music, one after the other, as the model writes them.

    The parameters are those of `generate`, except that `prompt` is already encoded. The prompt's own
    tokens are not yielded, nor is the END with which a piece closes itself.
    """
    check_controls(temperature, top_k, top_p)
    rng = np.random.default_rng(seed)
    context, grammar = _contexts(encoding, time_signature), _grammar(encoding, stop)
    model.reset()
    token, quarters, written = END, 0.0, 0
    for given in [] if prompt is None else prompt.tolist():
        model.step(np.array([token, *next(context)]))
        token = given
    while quarters < length and written < length * _MOST_TOKENS_A_QUARTER:
        log_probabilities = model.step(np.array([token, *next(context)]))
        allowed = grammar[token] if written else grammar[token] & grammar[END]
        p = distribution(log_probabilities, temperature=temperature, top_k=top_k, top_p=top_p, allowed=allowed)
        token = int(draw(p, rng.random()))
        if token == END:
            return
        quarters += encoding.quarters[token]
        written += 1
        yield token


def sample_many(
    model: Streams,
    encoding: Encoding,
    count: int,
    length: float,
    *,
    prompt: np.ndarray | None = None,
    time_signature: tuple[int, int] = (4, 4),
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: bool = True,
    seed: int | None = None,
) -> list[np.ndarray]:
    """Return the tokens of new pieces, an int32 array for each: what `sample_tokens` yields, for many pieces at once.

    The parameters are those of `generate_many`, except that `prompt` is already encoded. Of the model only the weights
    are used, not its states.
    """
    check_count(count, seed)
    check_controls(temperature, top_k, top_p)
    chances = [np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k,))) for k in range(count)]
    gains = min(cores.count(), count // _PART[0], count * model.multiplications // _WORTH_A_CORE)
    parts = max(-(-count // _PART[1]), gains)
    write = functools.partial(
        _sample_part,
        model,
        encoding,
        length,
        prompt=np.zeros(0, dtype=np.int32) if prompt is None else prompt,
        time_signature=time_signature,
        stop=stop,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
    )
    written = cores.in_parts(write, [chances[n * count // parts : (n + 1) * count // parts] for n in range(parts)])
    return [tokens[tokens != END] for part in written for tokens in part.T]


def _sample_part(
    model: Streams,
    encoding: Encoding,
    length: float,
    chances: Sequence[np.random.Generator],
    *,
    prompt: np.ndarray,
    time_signature: tuple[int, int],
    stop: bool,
    **controls: Any,
) -> np.ndarray:
    """Write as many pieces as there are random generators, step by step, all in one step.

    Returns
    -------
    int32 array (steps, pieces)
        A piece that ends before the others is filled up with END.
    """
    model = copy.copy(model)  # with the same weights, and soon with states of its own
    model.reset(len(chances))
    context, grammar = _contexts(encoding, time_signature), _grammar(encoding, stop)
    going = np.arange(len(chances))  # the pieces that have not ended; the arrays of a step have a row for each of these
    last, quarters = np.full(len(chances), END), np.zeros(len(chances))
    for given in prompt.tolist():
        model.logits([last, *next(context)])
        last = np.full(len(chances), given)
    rows: list[np.ndarray] = []
    while len(going) and len(rows) < length * _MOST_TOKENS_A_QUARTER:
        if len(rows) % _BLOCK == 0:
            numbers = np.stack([chances[k].random(_BLOCK) for k in going], axis=1)  # (_BLOCK, pieces)
        logits = model.logits([last, *next(context)])
        allowed = grammar[last] if rows else grammar[last] & grammar[END]
        last = draw(distribution(logits, allowed=allowed, **controls), numbers[len(rows) % _BLOCK])
        rows.append(np.full(len(chances), END, dtype=np.int32))
        rows[-1][going] = last
        quarters += encoding.quarters[last]
        goes_on = (last != END) & (quarters < length)
        if not goes_on.all():
            model.keep(goes_on)
            going, last, quarters, numbers = going[goes_on], last[goes_on], quarters[goes_on], numbers[:, goes_on]
    return np.stack(rows) if rows else np.zeros((0, len(chances)), dtype=np.int32)


def _grammar(encoding: Encoding, stop: bool) -> np.ndarray:
    """Return which token may follow which, bool array (size, size).

    What may begin a piece, row END, is also what may go on from a prompt: not END, nor holding the prompt's last note.
    """
    grammar = encoding.allowed.copy()
    grammar[:, END] &= stop
    return grammar


def _contexts(encoding: Encoding, time_signature: tuple[int, int]) -> Iterator[list[int]]:
    """Yield the context of step 0, 1, 2, …: the same rows that training saw, made a block at a time."""
    for start in itertools.count(0, _BLOCK):
        yield from encoding.context(start, start + _BLOCK, time_signature).tolist()


def generate(
    bundle: Bundle,
    length: float | None = None,
    *,
    prompt: Score | None = None,
    fixed: Mapping[int, Score] | None = None,
    gaps: Mapping[int, tuple[float, float]] | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    time_signature: tuple[int, int] | None = None,
    stop: bool = True,
    seed: int | np.random.SeedSequence | None = None,
) -> Score:
    """Write a piece of music.

    Parameters
    ----------
    bundle : Bundle
        ``load_bundle("melody")`` writes one voice, ``load_bundle("chorale")`` four.
    length : float, optional
        How much to write at most, in quarter lengths. With `fixed` it is left out: the music is as long as that.
    prompt : Score, optional
        Music to continue. It stands at the start of the result, as the encoding keeps it, and `length`
        counts from its end.
    fixed : dict of int to Score, optional
        For a bundle of several voices: those that stay as they are, and for which the others are written. Voice 0 is
        the highest; ``fixed={0: melody}`` harmonises a melody.
    gaps : dict of int to (float, float), optional
        Voice of `fixed` -> from where to where, in quarter lengths, it may be written anew: ``fixed`` with all voices
        of a piece and a gap in some of them mends, or varies, just these bars.
    temperature, top_k, top_p
        See `distribution`.
    time_signature : (int, int), optional
        Metre to write in; by default that of the prompt or of the fixed voices, else 4/4.
    stop : bool
        Let the model end the piece by itself before `length` is reached.
    seed : int or numpy.random.SeedSequence, optional
        Same seed, same music.

    Returns
    -------
    Score

    Raises
    ------
    ValueError
        For a control outside its range, a metre the model was not trained on, a prompt that the encoding cannot hold, or
        fixed voices that it cannot. The message names the valid choices.
    BundleError
        For a bundle that cannot write step by step, or fixed voices where the bundle writes only one.

    Warns
    -----
    UserWarning
        If the prompt or a fixed voice does not lie on the encoding's grid, so that notes of it are moved.
    """
    if _checked(bundle).model["kind"] == "chorale":
        controls = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "stop": stop, "seed": seed}
        return _write_together(bundle, 1, length, prompt, fixed, gaps, time_signature, controls)[0]
    if fixed is not None or gaps is not None:
        raise BundleError(f"the bundle {bundle.name!r} writes one voice, so nothing can be fixed. Take load_bundle('chorale').")
    model = bundle.stream()
    metre, before = _asked_for(bundle, length, prompt, time_signature)
    new = sample_tokens(
        model,
        bundle.encoding,
        length,
        prompt=before,
        time_signature=metre,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        stop=stop,
        seed=seed,
    )
    return _score(bundle.encoding, before, np.fromiter(new, dtype=np.int32), metre, prompt)


def generate_many(
    bundle: Bundle,
    count: int,
    length: float | None = None,
    *,
    prompt: Score | None = None,
    fixed: Mapping[int, Score] | None = None,
    gaps: Mapping[int, tuple[float, float]] | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    time_signature: tuple[int, int] | None = None,
    stop: bool = True,
    seed: int | None = None,
) -> list[Score]:
    """Write many pieces at once, in a fraction of the time that they would take one after the other.

    Parameters
    ----------
    bundle : Bundle
        As for `generate`.
    count : int
        How many pieces, 1 or more.
    length, prompt, fixed, gaps, temperature, top_k, top_p, time_signature, stop
        As for `generate`, the same for all pieces.
    seed : int, optional
        Same seed, same music.

    Returns
    -------
    list of Score

    Notes
    -----
    Each piece is drawn with random numbers of its own. Piece k, counted from 0, depends on `seed` and k, not on `count`:
    it is what `generate` writes with ``seed=np.random.SeedSequence(seed, spawn_key=(k,))`` (and not what it writes with
    ``seed=seed``). That holds up to rounding: with more or fewer pieces side by side, the model's probabilities may
    differ in their seventh digit, which tips one draw in some millions.

    Raises
    ------
    ValueError, BundleError
        As `generate` does.
    TypeError
        If `count` or `seed` is no whole number.

    Warns
    -----
    UserWarning
        As `generate` does.
    """
    if _checked(bundle).model["kind"] == "chorale":
        check_count(count, seed)
        controls = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "stop": stop, "seed": seed}
        return _write_together(bundle, count, length, prompt, fixed, gaps, time_signature, controls)
    if fixed is not None or gaps is not None:
        raise BundleError(f"the bundle {bundle.name!r} writes one voice, so nothing can be fixed. Take load_bundle('chorale').")
    model = bundle.streams(1)
    metre, before = _asked_for(bundle, length, prompt, time_signature)
    new = sample_many(
        model,
        bundle.encoding,
        count,
        length,
        prompt=before,
        time_signature=metre,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        stop=stop,
        seed=seed,
    )
    return [_score(bundle.encoding, before, tokens, metre, prompt) for tokens in new]


def _checked(bundle: Bundle) -> Bundle:
    if not isinstance(bundle, Bundle):
        raise TypeError(f'generate wants a bundle and was given {bundle!r}; write generate(load_bundle("melody"), …).')
    return bundle


def _write_together(
    bundle: Bundle,
    count: int,
    length: float | None,
    prompt: Score | None,
    fixed: Mapping[int, Score] | None,
    gaps: Mapping[int, tuple[float, float]] | None,
    time_signature: tuple[int, int] | None,
    controls: Mapping[str, Any],
) -> list[Score]:
    """Write pieces of several voices."""
    encoding = bundle.encoding
    model = bundle.voices(count)
    if fixed is None:
        if gaps is not None:
            raise ValueError("gaps are gaps in fixed voices; give fixed, too.")
        given, like, steps = None, prompt, length
    elif length is not None or prompt is not None:
        raise ValueError("with fixed voices the music is as long as they are, and begins with them: leave out length and prompt.")
    else:
        given = given_tokens(fixed, encoding, gaps)
        like = next(iter(fixed.values()))
        steps = len(given) / encoding.steps_per_quarter
    metre, before = _asked_for(bundle, steps, prompt, time_signature or (like.time_signature if like is not None else None))
    written = write_voices(
        model,
        encoding,
        math.ceil(steps * encoding.steps_per_quarter),
        count=count,
        prompt=before if len(before) else None,
        given=given,
        time_signature=metre,
        # An end is likely at every cadence. A piece is not over before the shortest that the model has met.
        shortest=round(bundle.card.get("shortest", 0) * encoding.steps_per_quarter),
        **controls,
    )
    before = before.reshape(-1, encoding.voices)
    return [_score(encoding, before, tokens, metre, like) for tokens in written]


def _asked_for(
    bundle: Bundle, length: float | None, prompt: Score | None, time_signature: tuple[int, int] | None
) -> tuple[tuple[int, int], np.ndarray]:
    """Check what is asked for, and return the metre to write in and the tokens of the prompt."""
    if length is None:
        raise ValueError("say how much to write at most, in quarter lengths: generate(bundle, 16) is four bars of 4/4.")
    if not (np.isfinite(length) and length > 0):
        raise ValueError(f"length={length}: it must be above 0 quarter lengths; a bar of 4/4 has 4.")
    metre = _metre(bundle, time_signature or (prompt.time_signature if prompt is not None else (4, 4)))
    return metre, _encoded_prompt(bundle.encoding, prompt)


def _score(encoding: Encoding, before: np.ndarray, new: np.ndarray, metre: tuple[int, int], prompt: Score | None) -> Score:
    """Decode a prompt and what was written after it; title and tempo come from the prompt."""
    score = encoding.decode(np.concatenate([before, new]))
    tempo = prompt.tempo if prompt is not None else 120.0
    return replace(score, time_signature=metre, tempo=tempo, title=prompt.title if prompt is not None else "")


def _metre(bundle: Bundle, time_signature: tuple[int, int]) -> tuple[int, int]:
    if isinstance(time_signature, str) or len(time_signature) != 2:
        raise ValueError(f"time_signature={time_signature!r}: write two numbers, such as (3, 4).")
    known, wanted = bundle.card.get("metres", []), "{}/{}".format(*time_signature)
    if known and wanted not in known:
        raise ValueError(f"the bundle {bundle.name!r} was not trained on music in {wanted}; choose one of {', '.join(known)}.")
    return Score([], time_signature=time_signature).time_signature  # a metre that a score cannot have is refused here


def _encoded_prompt(encoding: Encoding, prompt: Score | None) -> np.ndarray:
    if prompt is None:
        return np.zeros(0, dtype=np.int32)
    losses = encoding.loss_report(prompt)
    lost = losses["lost"]
    if lost:
        raise ValueError(
            f"the prompt has {len(prompt)} notes, and the encoding {encoding.name!r} can hold {len(prompt) - lost} of them."
            " Give it fewer voices or no chords, for instance prompt.voice(0)."
        )
    if losses["onset moved"] or losses["duration changed"]:
        warnings.warn(
            f"the prompt does not lie on the encoding's grid: {losses['onset moved']} of its {len(prompt)} notes were moved and"
            f" {losses['duration changed']} changed their length.",
            stacklevel=4,
        )
    return encoding.encode(prompt)
