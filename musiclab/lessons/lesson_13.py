"""Lesson 13: music for you."""

import warnings

import numpy as np

from musiclab.exercises import Exercise, Mistake, expect, same
from musiclab.score import Score
from musiclab.taste import FEATURES, features

# --- 13.1 ---------------------------------------------------------------------------------------------


def _sigma(z):
    return 0.5 * (1 + np.tanh(np.asarray(z) / 2))


def _chance(answer, rng):
    same(answer(np.array([1.0, 0.0]), np.array([2.0, 5.0]), np.array([1.0, -5.0])), 0.7310585786)
    yield "is 73 % for a weight of 1 and one deviation, whatever else there is"
    same(answer(np.array([1.0, 0.0]), np.array([1.0, -5.0]), np.array([2.0, 5.0])), 0.2689414214)
    yield "is 27 % the other way round"
    for _ in range(5):
        w, a, b = rng.normal(size=(3, 8))
        same(answer(w, a, b), float(_sigma(w @ (a - b))))
        same(answer(w, b, a), float(_sigma(w @ (b - a))), "the chance of b rather than a")
        same(answer(w, a, a.copy()), 0.5, "the chance between two equal pieces")
    yield "is right for any weights, and a half for equal pieces"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(answer(np.array([1000.0]), np.array([1.0]), np.array([0.0])), 1.0)
        same(answer(np.array([1000.0]), np.array([0.0]), np.array([1.0])), 0.0)
    yield "does not overflow"


def _overflows(weights, a, b):
    """Make the mistake of exponentiating whatever comes."""
    return 1 / (1 + np.exp(-np.dot(weights, a - b)))


def _of_each(weights, a, b):
    """Make the mistake of exponentiating both utilities."""
    return float(np.exp(weights @ a) / (np.exp(weights @ a) + np.exp(weights @ b)))


# --- 13.2 ---------------------------------------------------------------------------------------------


def _belief(differences, grid):
    logs = -np.square(grid) / 2 - np.logaddexp(0, -np.outer(grid, differences)).sum(axis=1)
    p = np.exp(logs - logs.max())
    return p / p.sum()


def _posterior(answer, rng):
    grid = np.linspace(-4, 4, int(rng.integers(60, 120)))
    got = np.asarray(answer(np.zeros(0), grid))
    expect(
        got.shape == grid.shape, f"for {len(grid)} weights it returns an array of shape {got.shape}; it should be ({len(grid)},)."
    )
    expect(np.isclose(got.sum(), 1), f"it sums to {got.sum():.3g}; it should sum to 1.")
    before = _belief(np.zeros(0), grid)
    expect(
        not np.allclose(got, 1 / len(grid)), "before any choice all weights are equally likely to you: it begins with the prior."
    )
    expect(
        not np.allclose(got, before**2 / np.square(before).sum()),
        "before any choice your belief is narrower than the prior: its logarithm is -grid**2 / 2.",
    )
    same(got, before, "the belief before any choice")
    yield "is the prior before any choice, and sums to 1"
    d = np.array([1.5])
    got = np.asarray(answer(d, grid))
    for slip, words in (
        (before, "your belief is still the prior: the choice is not in it"),
        (
            _belief(-d, grid),
            "your belief has moved to the wrong side: a difference is winner minus loser, so it multiplies with σ(w d)",
        ),
        (_to_one(_belief(d, grid) * before), "the prior is in your belief twice: it comes in once, before the first choice"),
    ):
        expect(not np.allclose(got, slip, atol=1e-9), f"after one choice with the difference 1.5 {words}.")
    same(got, _belief(d, grid), "the belief after one choice with the difference 1.5")
    d = np.array([1.5, -0.5])
    got = np.asarray(answer(d, grid))
    for slip, words in (
        (_belief(d[:1], grid), "the second is not in your belief"),
        (_belief(d[1:], grid), "the first is not in your belief"),
        (_belief(d.sum(keepdims=True), grid), "you have added the differences; each choice is a factor of its own"),
        (_belief(d.mean(keepdims=True), grid), "you have taken the mean of the differences; each choice is a factor of its own"),
    ):
        expect(not np.allclose(got, slip, atol=1e-9), f"after two choices with the differences 1.5 and -0.5 {words}.")
    same(got, _belief(d, grid), "the belief after two choices with the differences 1.5 and -0.5")
    for count in (1, 2, 12):
        d = rng.normal(0, 1.4, count)
        same(answer(d, grid), _belief(d, grid), f"the belief after {count} choice{'' if count == 1 else 's'}")
    yield "takes each choice into account"
    d = rng.normal(1, 1.4, 2000)
    got = np.asarray(answer(d, grid))
    expect(np.isfinite(got).all() and got.sum() > 0.5, "after 2,000 choices nothing is left of it: add logarithms instead.")
    same(got, _belief(d, grid), "the belief after 2,000 choices")
    yield "survives 2,000 choices"


def _product(differences, grid):
    """Make the mistake of multiplying."""
    with np.errstate(all="ignore"):
        p = np.exp(-np.square(grid) / 2) * np.prod(_sigma(np.outer(grid, differences)), axis=1)
        return p / p.sum()


def _to_one(p):
    return p / p.sum()


def _prior_each_time(differences, grid):
    """Make the mistake of multiplying with the prior at each choice."""
    logs = -np.square(grid) / 2 * (1 + len(differences)) - np.logaddexp(0, -np.outer(grid, differences)).sum(axis=1)
    return _to_one(np.exp(logs - logs.max()))


def _no_prior(differences, grid):
    """Make the mistake of forgetting the prior."""
    logs = -np.logaddexp(0, -np.outer(grid, differences)).sum(axis=1)
    p = np.exp(logs - logs.max())
    return p / p.sum()


# --- 13.3 ---------------------------------------------------------------------------------------------


def _softmax(utilities, strength):
    z = strength * np.asarray(utilities, dtype=float)
    p = np.exp(z - z.max())
    return p / p.sum()


def _steered(answer, rng):
    u = rng.normal(0, 2, int(rng.integers(5, 12)))
    got = np.asarray(answer(u.copy(), 0))
    expect(
        got.shape == u.shape, f"for {len(u)} candidates you return the shape {got.shape}; it should be a probability for each."
    )
    expect(np.isclose(got.sum(), 1), f"at strength 0 your probabilities sum to {got.sum():.4g}; divide by their sum.")
    same(got, np.full(len(u), 1 / len(u)), "the probabilities at strength 0, where all are equally likely,")
    yield "does not steer at strength 0"
    two = np.array([0.0, 1.0])
    same(answer(two.copy(), 2), _softmax(two, 2), "the probabilities for the utilities 0 and 1 at strength 2")
    for strength in (0.5, 1, 3):
        same(answer(u.copy(), strength), _softmax(u, strength), f"the probabilities at strength {strength}")
    yield "is proportional to exp(strength * utility), and sums to 1"
    large = np.append(u + 1000, 1000.0)
    got = np.asarray(answer(large.copy(), 2))
    expect(np.isfinite(got).all(), "with utilities of 1,000 there are numbers that are not finite: subtract the largest first.")
    same(got, _softmax(large, 2), "the probabilities for utilities of about 1,000")
    got = np.asarray(answer(np.array([0.0, 1000.0, 999.5]), 2))
    expect(
        np.isfinite(got).all(),
        "with the utilities 0, 1000 and 999.5 there are numbers that are not finite: subtract the largest, and not the smallest.",
    )
    same(got, _softmax([0, 1000, 999.5], 2), "the probabilities for the utilities 0, 1000 and 999.5 at strength 2")
    yield "does not overflow"


def _plain(utilities, strength):
    """Make the mistake of not subtracting the largest."""
    with np.errstate(all="ignore"):
        p = np.exp(strength * utilities)
        return p / p.sum()


def _by_the_smallest(utilities, strength):
    """Make the mistake of subtracting the smallest."""
    with np.errstate(all="ignore"):
        p = np.exp(strength * (utilities - utilities.min()))
        return p / p.sum()


# --- 13.4 ---------------------------------------------------------------------------------------------


def _tune(rng):
    """Make up a melody: moves, lengths and rests by chance, each melody with habits of its own."""
    count = int(rng.integers(12, 40))
    still, rest, wide = rng.uniform(0, 0.5), rng.uniform(0, 0.4), rng.uniform(1, 4)
    moves = np.where(rng.random(count) < still, 0, np.rint(rng.normal(0, wide, count))).astype(int)
    moves[-1] += rng.integers(-12, 13)  # the last note may lie anywhere: it says little about the height of the whole
    pitches = np.clip(rng.integers(55, 75) + np.cumsum(moves), 40, 90)
    lengths = rng.choice([0.25, 0.5, 1.0, 1.5, 2.0], count, p=rng.dirichlet(np.ones(5)))
    onsets = np.cumsum(lengths) - lengths
    lengths = np.where(rng.random(count) < rest, lengths / 2, lengths)
    return Score([(float(o), float(d), int(p)) for o, d, p in zip(onsets, lengths, pitches, strict=True)])


def _rest_for_each_repeat(score):
    """Make the mistake of dividing by what may be 0."""
    rest = score.duration - score.notes["duration"].sum()
    with np.errstate(all="ignore"):
        return rest / (np.diff(score.notes["pitch"].astype(int)) == 0).sum()


def _my_feature(answer, rng):
    scale = Score([(k, 1, 60 + pitch) for k, pitch in enumerate([0, 2, 4, 5, 7, 9, 11, 12])])  # no rest, and no note repeated
    tunes = [scale, *(_tune(rng) for _ in range(60))]
    values = []
    for tune in tunes:
        value = answer(tune)
        returned = f"for a melody of {len(tune)} notes it returns {value!r:.40}"
        expect(not isinstance(value, bool | np.bool_), f"{returned}; write float(…) around it, so that it is a number.")
        expect(isinstance(value, int | float | np.number) and np.isfinite(value), f"{returned}; it should be a finite number.")
        values.append(float(value))
    again = [float(answer(tune)) for tune in tunes[:4]]
    same(again, values[:4], "the values of the same melodies, when they are asked for again,")
    yield "is a finite number for each melody"
    expect(np.std(values) > 1e-9 * (1 + abs(np.mean(values))), "it is the same for all melodies, so it tells nothing.")
    yield "tells melodies apart"
    named = [Score(tune.notes, title=f"Tune {k}", tempo=60.0 + k) for k, tune in enumerate(tunes)]
    same([float(answer(tune)) for tune in named], values, "the values with other titles and tempos")
    yield "looks at the notes alone"
    known = np.array([features(tune) for tune in tunes])
    for k, feature in enumerate(FEATURES):
        measured = np.isfinite(known[:, k])
        alike = abs(np.corrcoef(known[measured, k], np.array(values)[measured])[0, 1])
        expect(
            not alike >= 0.9,
            f"its correlation with {feature.name!r} ({feature.low} … {feature.high}) is {alike:.2f}: that one is there already.",
        )
    yield "is none of the eight in disguise"


EXERCISES = [
    Exercise(
        id="13.1",
        title="The chance of a choice",
        name="chance",
        hints=(
            "The utility of a piece is weights @ features. What counts is the difference of the two utilities.",
            "z = weights @ (a - b), and then (1 + np.tanh(z / 2)) / 2.",
        ),
        test=_chance,
        mistakes=(
            Mistake(_overflows, "overflow"),
            Mistake(lambda weights, a, b: float(_sigma(weights @ (b - a))), "it should be 0.731"),
            Mistake(lambda weights, a, b: float(weights @ (a - b)), "it should be 0.731"),
            Mistake(lambda weights, a, b: float(weights @ a > weights @ b), "it should be 0.731"),
            Mistake(lambda weights, a, b: float(_sigma(weights @ np.abs(a - b))), "it should be 0.2689"),
            Mistake(lambda weights, a, b: _sigma(weights * (a - b)), "an array of shape (2,), it should be a number"),
            Mistake(lambda weights, a, b: float(1 + np.tanh(weights @ (a - b))) / 2, "is 0.880797, it should be 0.731"),
            Mistake(lambda weights, a, b: float(_sigma((a - b).sum())), "it should be 0.731"),
            Mistake(_of_each, "overflow"),
        ),
    ),
    Exercise(
        id="13.2",
        title="Belief on a grid",
        name="posterior",
        hints=(
            "The logarithm of the prior is -grid**2 / 2. Each choice adds the logarithm of σ(grid * d), which is"
            " -np.logaddexp(0, -grid * d).",
            "At the end: p = np.exp(logs - logs.max()), and then p / p.sum().",
        ),
        test=_posterior,
        mistakes=(
            Mistake(_product, "add logarithms"),
            Mistake(_no_prior, "it begins with the prior"),
            Mistake(lambda differences, grid: _belief(-differences, grid), "to the wrong side"),
            Mistake(_prior_each_time, "twice"),
            Mistake(lambda differences, grid: _belief(differences[:1], grid), "the second is not in your belief"),
            Mistake(lambda differences, grid: _belief(differences[:-1], grid), "the choice is not in it"),
            Mistake(lambda differences, grid: _belief(differences.sum(keepdims=True), grid), "added the differences"),
            Mistake(lambda differences, grid: _belief(differences, grid) / (grid[1] - grid[0]), "should sum to 1"),
            Mistake(lambda differences, grid: float(_belief(differences, grid) @ grid), "of shape ()"),
            Mistake(lambda differences, grid: _belief(differences, grid) * 2, "should sum to 1"),
        ),
    ),
    Exercise(
        id="13.3",
        title="Steer",
        name="steered",
        hints=(
            "This is a softmax: exponentiate, then divide by the sum.",
            "Only differences of utilities matter: subtract the largest before np.exp, and nothing overflows.",
        ),
        test=_steered,
        mistakes=(
            Mistake(_plain, "subtract the largest"),
            Mistake(lambda utilities, strength: np.exp(strength * (utilities - utilities.max())), "divide by their sum"),
            Mistake(lambda utilities, strength: _softmax(utilities, 1), "strength 0"),
            Mistake(lambda utilities, strength: _softmax(utilities, -strength), "utilities 0 and 1 at strength 2"),
            Mistake(lambda utilities, strength: strength * _softmax(utilities, 1), "divide by their sum"),
            Mistake(lambda utilities, strength: _softmax(utilities / max(strength, 1e-9), strength > 0), "at strength 2"),
            Mistake(_by_the_smallest, "not the smallest"),
            Mistake(lambda utilities, strength: np.eye(len(utilities))[utilities.argmax()], "strength 0"),
        ),
    ),
    Exercise(
        id="13.4",
        title="A feature of your own",
        name="my_feature",
        hints=(
            "Begin with the pitches as numbers: pitches = score.notes['pitch'].astype(int), and np.diff(pitches) are the moves.",
            "Repeated notes: the share of moves that are 0. Rests: score.duration minus the sum of all durations.",
            "Be careful with a division: a melody may have no move and no rest.",
        ),
        test=_my_feature,
        mistakes=(
            Mistake(lambda score: len(score) / score.duration, "that one is there already"),
            Mistake(lambda score: float(score.notes["pitch"].mean()), "that one is there already"),
            Mistake(lambda score: 1.0, "the same for all"),
            Mistake(lambda score: score.tempo + float(score.notes["pitch"][-1] % 12), "other titles and tempos"),
            Mistake(lambda score: score.notes["pitch"], "a finite number"),
            Mistake(lambda score: -len(score) / score.duration, "'speed'"),
            Mistake(lambda score: float(np.ptp(score.notes["pitch"])), "'range'"),
            Mistake(lambda score: len(score.title), "the same for all"),
            Mistake(lambda score: float(np.random.default_rng().random()), "asked for again"),
            Mistake(lambda score: print(len(score)), "a finite number"),
            Mistake(lambda score: bool(score.notes["pitch"][-1] % 12 == 0), "write float("),
            Mistake(_rest_for_each_repeat, "a melody of 8 notes it returns"),
        ),
    ),
]
