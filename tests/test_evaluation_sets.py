"""Sets: known values, definitions, and what chance does."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musiclab.evaluation import bootstrap_means, classifier_accuracy, histograms, jensen_shannon, overlap
from musiclab.evaluation.sets import _logistic

shares = st.integers(2, 12).flatmap(lambda n: st.tuples(*[st.lists(st.integers(0, 9), min_size=n, max_size=n).filter(any)] * 2))


def entropy(p):
    return -sum(x * np.log2(x) for x in p if x > 0)


# --- distributions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "q", "divergence", "common"),
    [
        ([1, 0], [0, 1], 1, 0),
        ([1, 0, 3], [1, 0, 3], 0, 1),
        ([1, 1], [7, 7], 0, 1),  # counts are made shares
        ([0.5, 0.5], [1, 0], 0.75 * np.log2(4 / 3) + 0.25 * np.log2(4) - 0.5, 0.5),
        ([0.5, 0.5, 0, 0], [0, 0.5, 0.5, 0], 0.5, 0.5),
    ],
)
def test_known_distances(p, q, divergence, common):
    assert jensen_shannon(np.array(p), np.array(q)) == pytest.approx(divergence, abs=1e-12)
    assert overlap(np.array(p), np.array(q)) == pytest.approx(common)


@given(shares)
def test_distances_are_as_defined(pair):
    p, q = (np.array(row) / sum(row) for row in pair)
    found = jensen_shannon(p, q)
    assert found == pytest.approx(entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2, abs=1e-9)
    assert found == pytest.approx(jensen_shannon(q, p)) and 0 <= found <= 1
    assert overlap(p, q) == pytest.approx(1 - sum(abs(p - q)) / 2) and overlap(p, q) == overlap(q, p)


@pytest.mark.parametrize("wrong", [[0, 0], [1, -1], [np.nan, 1], [[1, 2]], []])
def test_what_is_no_distribution_is_refused(wrong):
    for measure in (overlap, jensen_shannon):
        with pytest.raises(ValueError, match="a distribution is"):
            measure(np.array(wrong, dtype=float), np.array([0.5, 0.5]))


def test_distributions_over_different_things_are_refused():
    for measure in (overlap, jensen_shannon):
        for other in ([1.0], [0.2, 0.3, 0.5]):
            with pytest.raises(ValueError, match=r"\.$"):
                measure(np.array(other), np.array([0.5, 0.5]))


def test_histograms_share_their_bins():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 300), rng.normal(4, 1, 200)
    p, q = histograms(a, b, bins=20)
    edges = np.linspace(min(a.min(), b.min()), max(a.max(), b.max()), 21)
    for shares_of, values in ((p, a), (q, b)):
        counted = [np.sum((values >= low) & (values < high)) for low, high in itertools.pairwise(edges)]
        counted[-1] += np.sum(values == edges[-1])  # the greatest of all belongs to the last bin
        assert np.allclose(shares_of, np.array(counted) / len(values))
    assert overlap(p, q) < 0.15 < 0.5 < overlap(*histograms(a, a + 0.5))
    assert np.allclose(histograms(3 * a + 2, 3 * b + 2, bins=20), (p, q))


def test_histograms_of_values_that_are_all_alike():
    p, q = histograms(np.full(3, 5.0), np.full(4, 5.0))
    assert np.array_equal(p, q) and p.sum() == 1


def test_histograms_leave_out_what_does_not_exist():
    """`Comparison.values` holds nan where a piece has no value."""
    with_gaps = histograms(np.array([1.0, np.nan, 2.0]), np.array([np.nan, 3.0]))
    assert np.array_equal(with_gaps, histograms(np.array([1.0, 2.0]), np.array([3.0])))
    for nothing in ([], [np.nan]):
        with pytest.raises(ValueError, match="both sets must have values"):
            histograms(np.array(nothing), np.array([1.0]))


# --- how sure is a mean? -----------------------------------------------------------------------------


def test_bootstrap_agrees_with_the_normal_approximation():
    values = np.random.default_rng(3).normal(7, 2, 60)
    means = bootstrap_means(values)
    assert means.shape == (2000,) and values.min() <= means.min() <= means.max() <= values.max()
    assert means.mean() == pytest.approx(values.mean(), abs=0.03)
    deviation = values.std() / np.sqrt(60)
    assert means.std() == pytest.approx(deviation, rel=0.06)
    low, high = np.percentile(means, [2.5, 97.5])
    assert (low, high) == pytest.approx(
        (values.mean() - 1.96 * deviation, values.mean() + 1.96 * deviation), abs=0.25 * deviation
    )
    assert np.array_equal(means, bootstrap_means(values)) and not np.array_equal(means, bootstrap_means(values, seed=1))


def test_the_interval_covers_the_mean_as_often_as_it_says():
    """95 of 100 times in theory, a little less for fifty pieces; 500 trials err by 1 % either way."""
    rng, inside = np.random.default_rng(0), 0
    for trial in range(500):
        low, high = np.percentile(bootstrap_means(rng.normal(3, 1, 50), draws=500, seed=trial), [2.5, 97.5])
        inside += low <= 3 <= high
    assert 0.91 < inside / 500 < 0.975


def test_with_few_values_it_covers_the_mean_less_often():
    """What is said of 24, 12 and 6 values: means over a normal and an exponential distribution, 1000 trials each."""
    rng = np.random.default_rng(0)
    for count, wanted in ((24, 0.92), (12, 0.88), (6, 0.83)):
        inside = []
        for draw, true_mean in ((rng.standard_normal, 0), (rng.standard_exponential, 1)):
            for trial in range(1000):
                low, high = np.percentile(bootstrap_means(draw(count), draws=400, seed=trial), [2.5, 97.5])
                inside.append(low <= true_mean <= high)
        assert np.mean(inside) == pytest.approx(wanted, abs=0.02)


def test_nothing_has_no_mean():
    with pytest.raises(ValueError, match="no value"):
        bootstrap_means(np.zeros(0))


# --- the classifier ----------------------------------------------------------------------------------


def mean_accuracy(sizes, shift, features=4, trials=60):
    rng = np.random.default_rng(0)
    samples = ((rng.normal(0, 1, (sizes[0], features)), rng.normal(shift, 1, (sizes[1], features))) for _ in range(trials))
    return np.mean([classifier_accuracy(a, b, seed=k) for k, (a, b) in enumerate(samples)])


@pytest.mark.parametrize("sizes", [(30, 30), (12, 90), (90, 12)])
def test_chance_is_a_half_and_different_sets_are_told_apart(sizes):
    assert mean_accuracy(sizes, 0) == pytest.approx(0.5, abs=0.04)  # 60 trials of 24 pieces or more err by about 0.015
    assert mean_accuracy(sizes, 5, trials=10) > 0.99


def test_accuracy_is_that_of_the_best_rule():
    """Two normal distributions whose means lie 2 deviations apart: the best rule is right in 84 % of the cases."""
    assert mean_accuracy((200, 200), [2, 0, 0, 0], trials=8) == pytest.approx(0.841, abs=0.02)


def test_units_do_not_matter():
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, (40, 3)), rng.normal(0.7, 1, (40, 3))
    scaled = [x * [1e-4, 1, 1e5] + [3, 100, -1e5] for x in (a, b)]
    assert classifier_accuracy(*scaled) == classifier_accuracy(a, b)
    assert classifier_accuracy(a[:, ::-1], b[:, ::-1]) == classifier_accuracy(a, b)


def test_both_sets_count_alike():
    """Were each piece counted, saying "b" to all would be right in 9 of 10 cases."""
    rng = np.random.default_rng(2)
    accuracies = [classifier_accuracy(rng.normal(0, 1, (10, 1)), rng.normal(0, 1, (90, 1)), seed=k) for k in range(40)]
    assert np.mean(accuracies) < 0.6


def test_what_does_not_exist_tells_nothing():
    rng = np.random.default_rng(4)
    a, b = rng.normal(0, 1, (30, 2)), rng.normal(1, 1, (30, 2))
    nowhere = [np.column_stack([x, np.full(30, np.nan)]) for x in (a, b)]
    constant = [np.column_stack([x, np.full(30, 7.0)]) for x in (a, b)]
    assert classifier_accuracy(*nowhere) == classifier_accuracy(*constant) == classifier_accuracy(a, b)
    gaps = [np.where(rng.random((30, 2)) < 0.3, np.nan, x + shift) for x, shift in ((a, 0), (b, 9))]
    assert classifier_accuracy(*gaps) > 0.85  # nine of a hundred pieces have no value at all


def test_features_that_are_alike_throughout_leave_chance():
    assert classifier_accuracy(np.ones((20, 2)), np.ones((20, 2))) == pytest.approx(0.5, abs=0.1)


def test_a_set_must_have_a_piece_for_each_fold():
    with pytest.raises(ValueError, match="5 pieces or more, and these have 4 and 9"):
        classifier_accuracy(np.zeros((4, 1)), np.zeros((9, 1)))
    assert classifier_accuracy(np.zeros((4, 1)), np.ones((9, 1)), folds=4) == 1


@pytest.mark.parametrize(("apart", "sizes"), [(0, (40, 40)), (1, (15, 80)), (50, (30, 30)), (3, (200, 6))])
def test_the_regression_stands_at_the_lowest_point_of_its_loss(apart, sizes):
    """No gradient, by central differences of the loss written out; and no other weights are better."""
    rng = np.random.default_rng(0)
    x = np.column_stack(
        [np.concatenate([rng.normal(0, 1, (sizes[0], 3)), rng.normal(apart, 1, (sizes[1], 3))]), np.ones(sum(sizes))]
    )
    y = np.repeat([0.0, 1.0], sizes)

    def loss(weights):
        nats = np.logaddexp(0, np.where(y == 1, -1, 1) * (x @ weights))
        balanced = (nats[y == 0].mean() + nats[y == 1].mean()) / 2 * len(y)
        return balanced + 0.5 * (weights[:-1] ** 2).sum()

    found = _logistic(x, y, 1.0)
    slopes = [(loss(found + step) - loss(found - step)) / 2e-4 for step in np.eye(4) * 1e-4]
    assert np.abs(slopes).max() < 1e-4
    assert all(loss(found + rng.normal(0, 0.1, 4)) > loss(found) for _ in range(20))
