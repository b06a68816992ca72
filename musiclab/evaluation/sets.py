"""Sets: how sure is a mean over some pieces, and how far apart are two sets of pieces?"""

from __future__ import annotations

import numpy as np

__all__ = ["bootstrap_means", "classifier_accuracy", "histograms", "jensen_shannon", "overlap"]

# How often `classifier_accuracy` divides the pieces anew.
_DIVISIONS = 5


def bootstrap_means(values: np.ndarray, *, draws: int = 2000, seed: int = 0) -> np.ndarray:
    """Return the means of new sets, each drawn from the values with replacement: float array (draws,).

    Between the 2.5th and the 97.5th percentile of them lies the mean, with 95 % confidence, if the pieces are a fair sample and
    many. With few it is less: about 92 % with 24, 88 % with 12, 83 % with 6. What never came is not drawn either.
    Efron, "Bootstrap Methods: Another Look at the Jackknife" (1979). Raises ValueError without values.
    """
    values = np.asarray(values, dtype=float)
    if not values.size:
        raise ValueError("there is no value to draw from.")
    return values[np.random.default_rng(seed).integers(0, len(values), (draws, len(values)))].mean(axis=1)


def histograms(a: np.ndarray, b: np.ndarray, bins: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Sort two sets of values into the same bins, from the least of all to the greatest: shares, float arrays (bins,).

    One grid for both: with bins of its own each set would look the same. Raises ValueError for a set without values.
    """
    a, b = (values[np.isfinite(values)] for values in (np.asarray(a, dtype=float), np.asarray(b, dtype=float)))
    if not len(a) or not len(b):
        raise ValueError("both sets must have values.")
    low, high = min(np.min(a), np.min(b)), max(np.max(a), np.max(b))
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)
    counts = (np.histogram(values, edges)[0] for values in (a, b))
    p, q = (c / c.sum() for c in counts)
    return p, q


def overlap(p: np.ndarray, q: np.ndarray) -> float:
    """Return which share two distributions have in common, from 0 to 1: the area under both.

    After Yang & Lerch, "On the evaluation of generative models in music" (2020), with histograms in place of smoothed curves.
    """
    return float(np.minimum(*_shares(p, q)).sum())


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """Return the Jensen-Shannon divergence of two distributions in bits: 0 for the same, 1 if they have nothing in common.

    Lin, "Divergence Measures Based on the Shannon Entropy" (1991). How much a value tells, in the mean, about which of the two
    it was drawn from.
    """
    p, q = _shares(p, q)
    middle = (p + q) / 2
    parts = [np.sum(x[x > 0] * np.log2(x[x > 0] / middle[x > 0])) for x in (p, q)]
    return float(np.clip(sum(parts) / 2, 0, 1))


def classifier_accuracy(a: np.ndarray, b: np.ndarray, *, folds: int = 5, strength: float = 1.0, seed: int = 0) -> float:
    """Train a classifier to tell two sets apart, and return how often it is right about pieces that it has not seen.

    A classifier two-sample test: 0.5 is chance, so the sets cannot be told apart by these features; 1 means that they
    always can. Lopez-Paz & Oquab, "Revisiting Classifier Two-Sample Tests" (2017). The classifier is a logistic regression; it
    asks each feature once and adds up. Both sets count alike, however many pieces they have.

    Parameters
    ----------
    a, b : float arrays (pieces, features)
        nan where a feature does not exist; it is filled in with the mean of the feature.
    folds : int
        The pieces are divided into so many parts; each is judged by a classifier that learned from the others. Pieces of the
        same number in both sets are in the same part. How they are divided is luck, so it is done five times.
    strength : float
        Of the ridge that keeps the weights small.
    seed : int
        For the division into parts.

    Returns
    -------
    float
        Mean of the shares that are right in `a` and in `b`.

    Raises
    ------
    ValueError
        If a set has fewer pieces than there are folds.
    """
    if min(len(a), len(b)) < folds:
        raise ValueError(f"each set must have {folds} pieces or more, and these have {len(a)} and {len(b)}.")
    rng = np.random.default_rng(seed)
    x, y = np.concatenate([a, b]).astype(float), np.repeat([0.0, 1.0], [len(a), len(b)])
    right = np.zeros(len(y))
    for _ in range(_DIVISIONS):
        # Two pieces of the same number may be of one kin, such as a chorale and its notes shuffled. They are judged together,
        # or a classifier that has learned from the one would be misled about the other.
        order = rng.permutation(max(len(a), len(b))) % folds
        part = np.concatenate([order[: len(a)], order[: len(b)]])
        for fold in range(folds):
            learn = part != fold
            ready = _standardised(x, learn)
            weights = _logistic(ready[learn], y[learn], strength)
            right[~learn] += (ready[~learn] @ weights > 0) == (y[~learn] == 1)
    return float((right[y == 0].mean() + right[y == 1].mean()) / 2 / _DIVISIONS)


def _standardised(x: np.ndarray, learn: np.ndarray) -> np.ndarray:
    """Give each feature mean 0 and deviation 1 over the rows to learn from; add a column of ones: (pieces, features + 1)."""
    known = np.isfinite(x)
    counts = np.maximum((known & learn[:, None]).sum(axis=0), 1)
    mean = np.where(known & learn[:, None], x, 0).sum(axis=0) / counts
    x = np.where(known, x, mean) - mean
    deviation = np.sqrt((x[learn] ** 2).mean(axis=0))
    return np.column_stack([x / np.where(deviation > 1e-12, deviation, 1), np.ones(len(x))])


def _logistic(x: np.ndarray, y: np.ndarray, strength: float, steps: int = 25) -> np.ndarray:
    """Fit a logistic regression by Newton's method: weights (features,). Both classes weigh alike; the last is not shrunk."""
    weigh = np.where(y == 1, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    ridge = strength * np.append(np.ones(x.shape[1] - 1), 1e-6)
    weights = np.zeros(x.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        gradient = x.T @ (weigh * (p - y)) + ridge * weights
        curvature = (x * (weigh * p * (1 - p))[:, None]).T @ x + np.diag(ridge)
        change = np.linalg.solve(curvature, gradient)
        weights -= change
        if np.abs(change).max() < 1e-8:
            break
    return weights


def _shares(*rows: np.ndarray) -> list[np.ndarray]:
    rows = [np.asarray(row, dtype=float) for row in rows]
    if any(r.ndim != 1 or (r < 0).any() or not np.isfinite(r).all() or r.sum() <= 0 for r in rows):
        raise ValueError("a distribution is a row of numbers, none negative, not all zero.")
    if len({len(row) for row in rows}) > 1:
        raise ValueError(f"two distributions must be over the same things; these have {' and '.join(str(len(r)) for r in rows)}.")
    return [row / row.sum() for row in rows]
