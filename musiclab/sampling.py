"""Sampling: how a token is drawn from a model's probabilities, and the controls that bend these first."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

__all__ = ["check_controls", "check_count", "distribution", "draw"]


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
    log_probabilities : float array (..., size)
        Of one next token, or of many: each row is bent by itself.
    temperature : float
        Above 0. Each log-probability is divided by it: below 1 the likely becomes likelier, above 1 the
        choice evens out.
    top_k : int, optional
        Keep the k likeliest tokens alone; 1 is argmax.
    top_p : float, optional
        Keep the likeliest tokens that together reach this probability, in (0, 1]. At least one is kept.
    allowed : bool array (..., size), optional
        Tokens that the grammar permits. Applied first, so that k tokens are k possible ones.

    Returns
    -------
    float array (..., size)
        Probabilities that sum to 1.

    Raises
    ------
    ValueError
        For a value outside its range, or if nothing is allowed.
    """
    check_controls(temperature, top_k, top_p)
    logits = np.asarray(log_probabilities, dtype=np.float64)
    if np.isnan(logits.max()):
        raise ValueError("the model's log-probabilities are not numbers; its training must have gone wrong.")
    if allowed is not None:
        logits = np.where(allowed, logits, -np.inf)
    top = logits.max(axis=-1, keepdims=True)
    if allowed is not None and top.min() == -np.inf:
        if not allowed.any(axis=-1).all():
            raise ValueError("the grammar allows no token here.")
        # What is possible is all equally unlikely to this model.
        logits = np.where((top == -np.inf) & allowed, 0.0, logits)
        top = logits.max(axis=-1, keepdims=True)
    with np.errstate(over="ignore"):
        logits = (logits - top) / temperature  # the likeliest stays at 0, however small the temperature
    if top_k is not None or top_p is not None:
        logits = np.where(_kept(logits, top_k, top_p), logits, -np.inf)
    p = np.exp(logits)
    p /= p.sum(axis=-1, keepdims=True)
    return p


def _kept(logits: np.ndarray, top_k: int | None, top_p: float | None) -> np.ndarray:
    """Mark what top_k and then top_p keep of the logits, array (..., size). Of equal ones the first count as likelier."""
    falling = np.sort(logits, axis=-1)[..., ::-1]
    if top_k is not None:
        falling[..., top_k:] = -np.inf
    if top_p is not None and top_p < 1.0:
        p = np.exp(falling)
        reached = p.cumsum(axis=-1)
        falling[reached - p >= top_p * reached[..., -1:]] = -np.inf  # the likelier ones reach it without these
    rest = falling > -np.inf
    least = falling.min(axis=-1, keepdims=True, where=rest, initial=0.0)
    kept = logits >= least
    surplus = kept.sum(axis=-1, keepdims=True) - rest.sum(axis=-1, keepdims=True)
    if surplus.any():  # more are as likely as the least likely that is kept: the last of them go
        equal = logits == least
        kept &= ~equal | (equal[..., ::-1].cumsum(axis=-1)[..., ::-1] > surplus)
    return kept


def check_controls(temperature: float, top_k: int | None, top_p: float | None) -> None:
    """Raise ValueError for a control of `distribution` that is outside its range."""
    if not (np.isfinite(temperature) and temperature > 0):
        raise ValueError(f"temperature={temperature}: it must be above 0. Usual values are 0.7 to 1.2; for argmax use top_k=1.")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k={top_k}: it must be 1 (argmax) or more; leave it out to keep every token.")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p={top_p}: it must be above 0 and at most 1; leave it out to keep every token.")


def check_count(count: Any, seed: Any) -> None:
    """Raise TypeError or ValueError unless `count` is 1 or more, and `seed` 0 or more, or None."""
    if seed is not None:
        _check_number("seed", seed, 0, "0 or more, a whole number; or None, for chance")
    _check_number("count", count, 1, "1 piece or more, a whole number")


def _check_number(name: str, value: Any, least: int, wanted: str) -> None:
    """Raise TypeError for what is no whole number, such as True, 2.0 or "2", and ValueError for one that is too small."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise TypeError(f"{name}={value!r}: it must be {wanted}.")
    if value < least:
        raise ValueError(f"{name}={value}: it must be {wanted}.")


def draw(p: np.ndarray, chance: np.ndarray | float) -> np.ndarray:
    """Draw a token for each row of probabilities (..., size), by numbers from [0, 1), one a row."""
    running = p.cumsum(axis=-1)  # its last entry is 1 up to rounding, hence the scaling
    return (running > np.asarray(chance)[..., None] * running[..., -1:]).argmax(axis=-1)
