"""Generation: a trained model writes music, token by token.

A step is always the same. The model is told the last token and says how likely each next one is; these
probabilities are bent by the *sampling controls* (`distribution`); one token is drawn; and it becomes the
last token of the next step. The model's memory is in its state, so a step costs the same whether ten
notes came before it or ten thousand.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np

from musiclab.bundle import Bundle, BundleError
from musiclab.encoding import END, Encoding
from musiclab.score import Score

__all__ = ["StepModel", "distribution", "generate", "sample_tokens"]

# An encoding whose tokens need not move on in time could write one endless chord. No music needs this many.
_MOST_TOKENS_A_QUARTER = 400


class StepModel(Protocol):
    """What generation asks of a model: the LSTM's `Stream` and the baselines have it."""

    def reset(self) -> None:
        """Begin a new piece."""

    def step(self, row: np.ndarray) -> np.ndarray:
        """Take a row of inputs; return the next token's log-probabilities, float array (size,)."""


def distribution(
    log_probabilities: np.ndarray,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    allowed: np.ndarray | None = None,
) -> np.ndarray:
    """Bend a model's probabilities. The controls act in the order of the parameters.

    Parameters
    ----------
    log_probabilities : float array (size,)
    temperature : float
        Above 0. Each log-probability is divided by it: below 1 the likely becomes likelier, above 1 the
        choice evens out.
    top_k : int, optional
        Keep the k likeliest tokens alone; 1 is argmax.
    top_p : float, optional
        Keep the likeliest tokens that together reach this probability, in (0, 1]. At least one is kept.
    allowed : bool array (size,), optional
        Tokens that the grammar permits. Applied first, so that k tokens are k possible ones.

    Returns
    -------
    float array (size,)
        Probabilities that sum to 1.

    Raises
    ------
    ValueError
        For a value outside its range, or if nothing is allowed.
    """
    _check_controls(temperature, top_k, top_p)
    logits = np.asarray(log_probabilities, dtype=np.float64)
    if np.isnan(logits).any():
        raise ValueError("the model's log-probabilities are not numbers; its training must have gone wrong.")
    if allowed is not None:
        if not allowed.any():
            raise ValueError("the grammar allows no token here.")
        if logits[allowed].max() == -np.inf:  # what is possible is all equally unlikely to this model
            logits = np.zeros_like(logits)
        logits = np.where(allowed, logits, -np.inf)
    with np.errstate(over="ignore"):
        logits = (logits - logits.max()) / temperature  # the likeliest stays at 0, however small the temperature
    if top_k is not None and top_k < len(logits):
        order = np.argsort(-logits, kind="stable")
        logits[order[top_k:]] = -np.inf
    p = np.exp(logits)
    p /= p.sum()
    if top_p is not None and top_p < 1.0:
        order = np.argsort(-p, kind="stable")
        before = np.cumsum(p[order]) - p[order]  # what the likelier tokens reach without this one
        p[order[before >= top_p]] = 0.0
        p /= p.sum()
    return p


def _check_controls(temperature: float, top_k: int | None, top_p: float | None) -> None:
    if not (np.isfinite(temperature) and temperature > 0):
        raise ValueError(f"temperature={temperature}: it must be above 0. Usual values are 0.7 to 1.2; for argmax use top_k=1.")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k={top_k}: it must be 1 (argmax) or more; leave it out to keep every token.")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p={top_p}: it must be above 0 and at most 1; leave it out to keep every token.")


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
    _check_controls(temperature, top_k, top_p)
    rng = np.random.default_rng(seed)
    context = _contexts(encoding, time_signature)
    model.reset()
    token, quarters, written = END, 0.0, 0
    for given in [] if prompt is None else prompt.tolist():
        model.step(np.array([token, *next(context)]))
        token = given
    while quarters < length and written < length * _MOST_TOKENS_A_QUARTER:
        log_probabilities = model.step(np.array([token, *next(context)]))
        allowed = encoding.allowed[token]
        if not written:  # what may begin a piece may go on from a prompt: not END, nor holding the prompt's last note
            allowed = allowed & encoding.allowed[END]
        if not stop and allowed[END]:
            allowed = allowed & (np.arange(encoding.size) != END)
        p = distribution(log_probabilities, temperature=temperature, top_k=top_k, top_p=top_p, allowed=allowed)
        # Draw by inverting the running sum; its last entry is 1 up to rounding, hence the scaling.
        running = np.cumsum(p)
        token = int(np.searchsorted(running, rng.random() * running[-1], side="right"))
        if token == END:
            return
        quarters += encoding.quarters[token]
        written += 1
        yield token


def _contexts(encoding: Encoding, time_signature: tuple[int, int], block: int = 1024) -> Iterator[list[int]]:
    """Yield the context of step 0, 1, 2, …: the same rows that training saw, made a block at a time."""
    for start in itertools.count(0, block):
        yield from encoding.context(start, start + block, time_signature).tolist()


def generate(
    bundle: Bundle,
    length: float,
    *,
    prompt: Score | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    time_signature: tuple[int, int] | None = None,
    stop: bool = True,
    seed: int | None = None,
) -> Score:
    """Write a piece of music.

    Parameters
    ----------
    bundle : Bundle
        Of kind "stream", such as ``load_bundle("melody")``.
    length : float
        How much to write at most, in quarter lengths.
    prompt : Score, optional
        Music to continue. It stands at the start of the result, as the encoding keeps it, and `length`
        counts from its end.
    temperature, top_k, top_p
        See `distribution`.
    time_signature : (int, int), optional
        Metre to write in; by default the prompt's, else 4/4.
    stop : bool
        Let the model end the piece by itself before `length` is reached.
    seed : int, optional
        Same seed, same music.

    Returns
    -------
    Score

    Raises
    ------
    ValueError
        For a control outside its range, a metre the model was not trained on, or a prompt that the encoding
        cannot hold. The message names the valid choices.
    BundleError
        For a bundle that is not of kind "stream", or of several voices.

    Warns
    -----
    UserWarning
        If the prompt does not lie on the encoding's grid, so that notes of it are moved.
    """
    if not (np.isfinite(length) and length > 0):
        raise ValueError(f"length={length}: it must be above 0 quarter lengths; a bar of 4/4 has 4.")
    if not isinstance(bundle, Bundle):
        raise TypeError(f'generate wants a bundle and was given {bundle!r}; write generate(load_bundle("melody"), …).')
    model, encoding = bundle.stream(), bundle.encoding
    if getattr(encoding, "voices", 1) > 1:
        raise BundleError(f"the bundle {bundle.name!r} has {encoding.voices} voices, and generate() writes one voice so far.")
    metre = _metre(bundle, time_signature or (prompt.time_signature if prompt is not None else (4, 4)))
    before = _encoded_prompt(encoding, prompt)
    new = sample_tokens(
        model,
        encoding,
        length,
        prompt=before,
        time_signature=metre,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        stop=stop,
        seed=seed,
    )
    score = encoding.decode(np.concatenate([before, np.fromiter(new, dtype=np.int32)]))
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
            stacklevel=3,
        )
    return encoding.encode(prompt)
