"""Baselines: Witten and Bell's rule, against a model that counts in dictionaries, as slowly as it is written."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import tune

from musiclab.baselines import Markov, Uniform
from musiclab.encoding import END, GridEncoding

SIZE = 5


class SlowMarkov:
    """The rule of the docstring, word for word."""

    def __init__(self, order, columns=()):
        self.order, self.columns = order, columns
        self.after = defaultdict(Counter)

    def context(self, inputs, t, order):
        past = [int(inputs[t - k, 0]) if t - k >= 0 else END for k in range(order)]
        return (order, *past, *(int(inputs[t, c]) for c in self.columns if order))

    def fit(self, pieces):
        for inputs, targets in pieces:
            for t, token in enumerate(targets):
                for order in range(self.order + 1):
                    self.after[self.context(inputs, t, order)][int(token)] += 1
        return self

    def probability(self, inputs, t, token):
        p = 1 / SIZE
        for order in range(self.order + 1):
            counts = self.after.get(self.context(inputs, t, order))
            if counts:
                p = (counts[token] + len(counts) * p) / (counts.total() + len(counts))
        return p


def as_piece(tokens):
    """Return (inputs, targets) with two further columns, as a grid has them."""
    previous = [END, *tokens]
    steps = np.arange(len(previous))
    return np.stack([previous, steps % 3, steps % 2], axis=1).astype(np.int32), np.array([*tokens, END], dtype=np.int32)


pieces = st.lists(st.lists(st.integers(0, SIZE - 1), max_size=15).map(as_piece), min_size=1, max_size=5)


@given(pieces, pieces, st.integers(0, 5), st.sampled_from([(), (1,), (1, 2)]))
def test_markov_equals_the_slow_oracle_on_seen_and_unseen_pieces(train, test, order, columns):
    model, slow = Markov(SIZE, order, columns).fit(train), SlowMarkov(order, columns).fit(train)
    for inputs, targets in train + test:
        expected = [-np.log(slow.probability(inputs, t, token)) for t, token in enumerate(targets.tolist())]
        assert np.allclose(model.nats(inputs, targets), expected, rtol=1e-12, atol=1e-12)


@given(pieces, pieces, st.integers(0, 5), st.sampled_from([(), (1, 2)]))
@settings(max_examples=30)
def test_step_by_step_equals_all_at_once_and_every_step_sums_to_one(train, test, order, columns):
    model = Markov(SIZE, order, columns).fit(train)
    for inputs, targets in test:  # one after the other: reset has to forget
        model.reset()
        steps = np.stack([model.step(row) for row in inputs])
        assert np.allclose(np.exp(steps).sum(axis=1), 1, atol=1e-12)
        assert np.allclose(-steps[np.arange(len(targets)), targets], model.nats(inputs, targets), atol=1e-12)


def test_counting_again_forgets_the_first_count():
    a, b = as_piece([1, 2, 1, 2]), as_piece([3, 3, 4])
    assert np.array_equal(Markov(SIZE, 2).fit([a]).fit([b]).nats(*b), Markov(SIZE, 2).fit([b]).nats(*b))


def test_the_unigram_is_the_share_of_each_token():
    inputs, targets = as_piece([1] * 600 + [2] * 300 + [3] * 99)
    p = np.exp(Markov(SIZE, 0).fit([(inputs, targets)]).step(inputs[0]))
    assert np.allclose(p[:4], [0.001, 0.6, 0.3, 0.099], atol=0.002)
    assert 0 < p[4] < 0.005  # never seen, never impossible


def test_sampling_from_a_markov_model_gives_back_what_it_counted():
    """1 is followed by 2 in two thirds of all cases and by 3 in one third; so it is in what it writes."""
    rng = np.random.default_rng(0)
    tokens = [t for _ in range(3000) for t in (1, rng.choice([2, 2, 3]))]
    model = Markov(SIZE, 1).fit([as_piece(tokens)])
    model.reset()
    token, pairs = 1, Counter()
    for _ in range(3000):
        following = int(rng.choice(SIZE, p=np.exp(model.step(np.array([token, 0, 0])))))
        pairs[token, following] += 1
        token = following
    assert pairs[1, 2] / (pairs[1, 2] + pairs[1, 3]) == pytest.approx(2 / 3, abs=0.04)
    assert pairs[2, 1] > 30 * (pairs[2, 2] + pairs[2, 3] + 1)


def test_longer_memory_helps_where_there_is_something_to_remember():
    train, test = ([as_piece(([1, 1, 2] * 10 + [3])[k:]) for k in range(n)] for n in (3, 2))
    losses = [np.concatenate([Markov(SIZE, order).fit(train).nats(*piece) for piece in test]).mean() for order in (0, 1, 2)]
    assert losses[2] < losses[1] < losses[0] < np.log(SIZE)


def test_position_in_the_bar_is_a_context_like_any_other():
    encoding = GridEncoding()
    piece = tune([60, 62] * 16, length=0.25)
    tokens = encoding.encode(piece)
    example = encoding.inputs(tokens, (4, 4)), np.append(tokens, END)
    other = encoding.inputs(tokens, (3, 4)), np.append(tokens, END)
    model = Markov(encoding.size, 1, columns=[1, 2]).fit([example])
    assert model.nats(*example).mean() < model.nats(*other).mean()


def test_uniform_knows_nothing():
    inputs, targets = as_piece([1, 2, 3])
    model = Uniform(SIZE)
    model.reset()
    assert np.allclose(model.nats(inputs, targets), np.log(SIZE))
    assert np.allclose(np.exp(model.step(inputs[0])), 1 / SIZE)


def test_a_negative_order_is_refused():
    with pytest.raises(ValueError, match="order=-1"):
        Markov(SIZE, -1)


def test_a_model_that_has_counted_nothing_says_so():
    with pytest.raises(ValueError, match="call fit"):
        Markov(5, 1).nats(np.zeros((2, 1), dtype=int), np.zeros(2, dtype=int))
