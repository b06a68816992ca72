"""Lesson 06: training."""

from functools import cache

import numpy as np

from musiclab.baselines import Markov
from musiclab.corpus import load_corpus
from musiclab.dataset import Batches, encode_pieces
from musiclab.encoding import END, GridEncoding
from musiclab.exercises import Exercise, Mistake, Wrong, describe, expect, same
from musiclab.lstm import log_softmax


def _compare(got, wanted, typical, what=""):
    """Stop the test unless `got` is `wanted`; name the slip if `got` is what a typical one gives."""
    for wrong, slip in typical:
        if not np.isclose(wrong, wanted) and np.isscalar(got) and isinstance(got, int | float | np.number):
            expect(not np.isclose(got, wrong), f"you get {got:.6g}, it should be {wanted:.6g}: {slip}")
    same(got, wanted, what)


# --- 6.1 ----------------------------------------------------------------------------------------------


def _count(answer, rng):
    def compare(inputs, units, outputs):
        slips = (
            (_no_bias, "this is the count without biases. Each unit of each gate has one, and each output of the Dense layer."),
            (_one_gate, "you count one gate only. An LSTM layer has four, each with weights of its own."),
            (_same_inputs, "the second layer does not read the inputs of the first; it reads the units of the first."),
            *_FORGOTTEN,
        )
        case = f"for {inputs} inputs, units {units}, {outputs} outputs"
        typical = [(slip(inputs, units, outputs), f"{case} {text}") for slip, text in slips]
        _compare(answer(inputs, units, outputs), _weights(inputs, units, outputs), typical)

    for _ in range(3):
        inputs, units, outputs = (int(n) for n in rng.integers(2, 300, 3))
        compare(inputs, [units], outputs)
    yield "counts one LSTM layer and the Dense layer after it"
    compare(1, [256], 34)
    yield "agrees with the original recipe"
    for layers in (2, 3, 4):
        inputs, outputs = (int(n) for n in rng.integers(2, 100, 2))
        compare(inputs, [int(n) for n in rng.integers(2, 100, layers)], outputs)
    yield "counts stacks of LSTM layers"


def _weights(inputs, units, outputs):
    total = 0
    for u in units:
        total += 4 * u * (inputs + u + 1)
        inputs = u
    return total + outputs * (inputs + 1)


_FORGOTTEN = (
    (lambda i, u, o: _weights(i, u, o) - o, "the biases of the Dense layer are missing, one for each output."),
    (lambda i, u, o: _weights(i, u, o) - 4 * sum(u), "the biases of the LSTM layers are missing, four for each unit."),
    (lambda i, u, o: _weights(i, u, o) - o * (u[-1] + 1), "the Dense layer is missing."),
    (
        lambda i, u, o: _weights(i, u, o) - 4 * sum(n * n for n in u),
        "each unit reads also what all units of its layer said last.",
    ),
    (lambda i, u, o: _weights(i, u[:1], o), "you count the first LSTM layer only, and the Dense layer."),
    (lambda i, u, o: _weights(i, u, o) + o * sum(u[:-1]), "the Dense layer reads the last LSTM layer only."),
    (
        lambda i, u, o: _weights(i, u, o) + o * (i - u[-1]),
        "the Dense layer reads the units of the last LSTM layer, not the inputs.",
    ),
    (
        lambda i, u, o: _weights(i, u, o) + sum(o * (n + 1) for n in u[:-1]),
        "there is one Dense layer, at the end: add it after the loop.",
    ),
    (
        lambda i, u, o: _weights(i, [sum(u)], o),
        "layers one after the other are not one layer with all units: count each on its own.",
    ),
    (lambda i, u, o: _weights(i, u, o) + 4 * sum(u), "each unit of each gate has one bias, not two."),
)


def _same_inputs(inputs, units, outputs):
    """Let every layer read the inputs of the first."""
    return sum(4 * u * (inputs + u + 1) for u in units) + outputs * (units[-1] + 1)


def _no_bias(inputs, units, outputs):
    return _weights(inputs, units, outputs) - 4 * sum(units) - outputs


def _one_gate(inputs, units, outputs):
    return (_weights(inputs, units, outputs) - outputs * (units[-1] + 1)) // 4 + outputs * (units[-1] + 1)


# --- 6.2 ----------------------------------------------------------------------------------------------


def _perplexity(answer, rng):
    def compare(pieces):
        typical = (
            (_mean(pieces), "that is the mean surprise itself. The perplexity is e to the power of it."),
            (_exp_of_sum(pieces), "you added up the surprises and did not divide by the number of all steps. Take the mean."),
            (np.exp(-_mean(pieces)), "that is e to the power of minus the mean: a probability. Leave out the minus."),
            (
                _perplexity_by_piece(pieces),
                f"you took the perplexity of each of {len(pieces)} pieces, and their mean. Put all steps in one row first.",
            ),
            (_two_to_the(pieces), "you took 2 to the power of the mean. These are nats: it is e to the power of it."),
            (_mean_of_exp(pieces), "you took the mean of e to the power of each surprise. The mean comes first, then np.exp."),
            (
                _mean_by_piece(pieces),
                f"the pieces have {' and '.join(str(len(p)) for p in pieces)} steps, and you gave each piece the same weight."
                " Every step counts the same.",
            ),
        )
        _compare(answer(pieces), float(np.exp(np.concatenate(pieces).mean())), typical)

    for size in rng.integers(2, 200, 3):
        compare([np.full(int(rng.integers(3, 9)), np.log(size))])
    yield "is the number of choices for a model that guesses evenly"
    for _ in range(3):
        compare([rng.gamma(2.0, 0.7, int(rng.integers(4, 20)))])
    yield "is e to the power of the mean"
    for _ in range(3):
        compare([rng.gamma(2.0, 0.3 * (k + 1), 4 + 15 * k) for k in range(3)])
    yield "gives every step the same weight, whichever piece it is in"


def _mean(pieces):
    return float(np.concatenate(pieces).mean())


def _exp_of_sum(pieces):
    """Divide by the number of pieces, not of steps: for one piece that is the sum."""
    return float(np.exp(sum(piece.sum() for piece in pieces) / len(pieces)))


def _perplexity_by_piece(pieces):
    return float(np.mean([np.exp(piece.mean()) for piece in pieces]))


def _two_to_the(pieces):
    return float(2.0 ** np.concatenate(pieces).mean())


def _mean_of_exp(pieces):
    return float(np.exp(np.concatenate(pieces)).mean())


def _mean_by_piece(pieces):
    return float(np.exp(np.mean([p.mean() for p in pieces])))


# --- 6.3 ----------------------------------------------------------------------------------------------


def _mean_loss(answer, rng):
    losses = rng.gamma(2.0, 1.0, (3, 6))
    typical = (
        (losses.sum(), "that is the sum. A mean is divided by the number of targets, here 18."),
        (losses.sum() / 3, "you divided by the number of pieces, 3. Divide by the number of targets, here 18."),
        (losses.sum() / 6, "you divided by the number of steps of a piece, 6. Divide by the number of targets, here 18."),
    )
    _compare(answer(losses, np.ones((3, 6))), float(losses.mean()), typical)
    yield "is the plain mean where nothing is padding"
    for _ in range(3):
        losses, weights = _padded(rng)
        typical = (
            (losses.mean(), "you counted the padding too, where the weight is 0."),
            (
                (losses * weights).mean(),
                "you left the padding out of the sum, but divided by the number of all places. Divide by the targets.",
            ),
            (
                _mean_of_pieces(losses, weights),
                "you took the mean of each piece first. A long piece has more targets, and each counts the same.",
            ),
            (
                losses.mean() / weights.mean(),
                "you divided by the right number, but the losses on padding are in the sum. Multiply by the weights first.",
            ),
        )
        _compare(answer(losses, weights), float(losses[weights > 0].mean()), typical)
    yield "leaves out the padding, and divides by what is left"
    losses, weights = _padded(rng)
    other = np.where(weights > 0, losses, 1000.0)
    expect(
        abs(float(answer(losses, weights)) - float(answer(other, weights))) < 1e-9,
        "what the model says on padding changes your result. It must not count at all.",
    )
    yield "does not depend on what the padding holds"
    losses[:, 0] = 0.0  # targets that the model was sure of
    told = "targets with a loss of 0 are targets: the model was sure of them. The weights say what padding is, not the losses."
    _compare(answer(losses, weights), float(losses[weights > 0].mean()), [(_without_zeros(losses, weights), told)])
    yield "counts a target that costs nothing"


def _padded(rng):
    """Draw losses of four pieces of quite different lengths, padded to the longest."""
    lengths = rng.permutation([2, 5, 9, 14])
    weights = (np.arange(16) < lengths[:, None]).astype(np.float64)  # (pieces, steps)
    return rng.gamma(2.0, 0.3, weights.shape) * (1 + np.arange(4)[:, None]) + 0.05, weights


def _without_zeros(losses, weights):
    """Take every product of 0 for padding."""
    left = (losses * weights)[losses * weights > 0]
    return float(left.mean())


def _mean_of_pieces(losses, weights):
    return float(((losses * weights).sum(axis=1) / weights.sum(axis=1)).mean())


# --- 6.4 ----------------------------------------------------------------------------------------------


def _early_stop(answer, rng):
    def compare(valid, patience, slips=()):
        got, right = answer(valid, patience), _stop(valid, patience)
        slips = (*slips, *_ALWAYS)
        for slip, text in slips:
            wrong = slip(valid, patience)
            told = f"early_stop({valid}, {patience}) should be {right}, you give {wrong}: {text}"
            expect(wrong == right or not (isinstance(got, list | tuple) and tuple(got) == wrong), told)
        same(got, right)

    told = "the first epoch is the best so far, however large its loss. Begin with its loss, or with infinity."
    for scale in (1, 1, 500):
        falling = (scale * np.sort(rng.uniform(1, 3, int(rng.integers(4, 9))))[::-1]).round(3).tolist()
        compare(falling, 2, [(lambda _, patience: (patience, 0), told), (lambda _, patience: (patience, 1), told)])
    yield "runs to the end while the loss still falls"
    for patience in (1, 2, 3):
        good = np.sort(rng.uniform(1, 3, int(rng.integers(2, 6))))[::-1].round(3).tolist()
        rising = [round(good[-1] + 0.1 * (k + 1), 3) for k in range(patience + int(rng.integers(2, 5)))]
        compare(good + rising, patience)
    yield "stops after `patience` epochs without a new best"
    best = round(float(rng.uniform(1, 2)), 3)
    a, b, c, d, e, f = (round(best + step, 3) for step in (1, 0.5, 0.4, 0.3, 0.2, -0.5))
    compare([a, best, b, c, d, e], 3, [(_neighbours, "compare with the best epoch so far, not with the epoch before.")])
    yield "compares with the best so far, not with the epoch before"
    compare([a, d, c, best, e, d], 2, [(_never_anew, "after a new best the counting of bad epochs begins anew.")])
    yield "begins to count anew after each new best"
    compare([a, best, best, best, best, f], 3, [(_equal_is_better, "an equal loss is no new best.")])
    yield "does not take an equal loss for a better one"


def _stop(valid, patience):
    """Do it right: (epoch to stop at, best epoch), both from 1."""
    best = 0
    for epoch, loss in enumerate(valid):
        if loss < valid[best]:
            best = epoch
        if epoch - best == patience:
            break
    return epoch + 1, best + 1


def _from_zero(valid, patience):
    stop, best = _stop(valid, patience)
    return stop - 1, best - 1


def _bounded(valid, patience):
    """Take it that no loss is 100 or more."""
    stop, best = _stop([100, *valid], patience)
    return stop - 1, best - 1


def _one_too_many(valid, patience):
    """Wait for more than `patience` bad epochs."""
    return _stop(valid, patience + 1)[0], _stop(valid, patience)[1]


def _never_stops(valid, patience):
    return len(valid), int(np.argmin(valid)) + 1


def _best_of_all(valid, patience):
    return _stop(valid, patience)[0], int(np.argmin(valid)) + 1


def _last_but_patience(valid, patience):
    """Take it that training always ends `patience` epochs after the best."""
    stop = _stop(valid, patience)[0]
    return stop, stop - patience


_ALWAYS = (
    (_from_zero, "your epochs are counted from 0. The first epoch is epoch 1."),
    (lambda *given: _stop(*given)[::-1], "you give the best epoch first. Return the epoch at which it stops, then the best."),
    (_last_but_patience, "the best epoch is not always `patience` before the last: training may end before patience does."),
    (_one_too_many, "you wait for one epoch too many. `patience` epochs without a new best are enough."),
    (_never_stops, "you go through all epochs. Stop as soon as `patience` in a row have brought no new best."),
    (_best_of_all, "the best epoch is one after the stop, which training never reaches."),
    (lambda *given: (_stop(*given)[0], _stop(*given)[1] - 1), "the best epoch is counted from 0, the first epoch is epoch 1."),
    (lambda *given: (_stop(*given)[0] - 1, _stop(*given)[1]), "you stop one epoch early, or count the last from 0, not from 1."),
)


def _neighbours(valid, patience):
    """Count epochs that are worse than the one before."""
    worse = 0
    for epoch in range(1, len(valid)):
        worse = worse + 1 if valid[epoch] >= valid[epoch - 1] else 0
        if worse == patience:
            return epoch + 1, int(np.argmin(valid[: epoch + 1])) + 1
    return len(valid), int(np.argmin(valid)) + 1


def _equal_is_better(valid, patience):
    best = 0
    for epoch, loss in enumerate(valid):
        if loss <= valid[best]:
            best = epoch
        if epoch - best == patience:
            break
    return epoch + 1, best + 1


def _never_anew(valid, patience):
    """Count all epochs without a new best, in a row or not."""
    best, without = 0, 0
    for epoch in range(1, len(valid)):
        if valid[epoch] < valid[best]:
            best = epoch
        else:
            without += 1
        if without == patience:
            return epoch + 1, best + 1
    return len(valid), best + 1


# --- 6.5 ----------------------------------------------------------------------------------------------

LESSON_TUNES = 250  # the lesson trains on some of these; the check measures on the ones behind them
MOST_WEIGHTS = 60_000


def _small_model(answer, rng):
    is_model = all(hasattr(answer, name) for name in ("count_params", "predict_on_batch"))
    expect(is_model, "this is not a model. Build one, train it, and give the model itself; train() returns its history.")
    count = answer.count_params()
    expect(count <= MOST_WEIGHTS, f"your model has {count:,} weights; at most {MOST_WEIGHTS:,} are allowed. Take fewer units.")
    yield f"has at most {MOST_WEIGHTS:,} weights"
    encoding, unigram, markov, pool = _references()
    pieces = [pool[i] for i in rng.choice(len(pool), 24, replace=False)]
    inputs, targets, weights = next(Batches(pieces, encoding, batch_size=24, shuffle=False).epoch())
    logits = np.asarray(answer.predict_on_batch(inputs), dtype=np.float64)
    wanted = (*targets.shape, encoding.size)
    expect(
        logits.shape == wanted,
        f"for inputs of shape {inputs.shape} your model returns the shape {logits.shape}; it should be {wanted}: one score"
        " for each token at each step. Does the LSTM layer have return_sequences=True?",
    )
    told = "your model gives NaN, not a number: its weights have run away. Build it anew and train with a lower learning rate."
    expect(np.isfinite(logits).all(), told)
    if np.allclose(logits.sum(axis=-1), 1, atol=1e-3) and (logits >= 0).all():
        raise Wrong("your model returns probabilities. train() wants logits: leave the softmax out of the Dense layer.")
    yield "returns logits for each step"
    _reads_only_the_past(answer, inputs, logits, encoding.size, rng)
    yield "reads only the past"
    steps = weights > 0
    nats = -np.take_along_axis(log_softmax(logits), targets[..., None], axis=-1)[..., 0]
    mine, sides = float(nats[steps].mean()), _sides(encoding, pieces)

    def beats(name, model):
        theirs = float(np.concatenate([model.nats(*side) for side in sides]).mean())
        expect(
            mine < theirs,
            f"on 24 tunes that it has not seen your model needs {mine:.2f} nats a step, and {name} {theirs:.2f}."
            " Train longer, or with a higher learning rate.",
        )

    beats("the unigram model", unigram)
    yield "beats the unigram model"
    beats("the Markov model of order 1", markov)
    yield "beats the Markov model of order 1"


def _reads_only_the_past(model, inputs, logits, size, rng):
    """Change the inputs from some step on: what the model said before that step must not change."""
    at = int(rng.integers(8, 24))
    changed = inputs.copy()
    changed[:, at:, 0] = rng.integers(0, size, changed[:, at:, 0].shape)
    expect(
        np.abs(np.asarray(model.predict_on_batch(changed))[:, :at] - logits[:, :at]).max() < 1e-3,
        f"a change of the notes from step {at} on changes what your model says before step {at}: it looks ahead."
        " It would be told the answer in training, and have nothing to look at when it writes. Use no Bidirectional layer.",
    )


def _sides(encoding, pieces):
    """Return (inputs, targets) of each piece."""
    return [(encoding.inputs(p.tokens, p.time_signature), np.append(p.tokens, END)) for p in pieces]


@cache
def _references():
    """Fit the baselines on the lesson's tunes; encode the tunes behind them."""
    encoding = GridEncoding()
    tunes = load_corpus("fiddle-tunes", progress=False)
    known = _sides(encoding, encode_pieces(tunes[:LESSON_TUNES], encoding))
    pool = encode_pieces(tunes[LESSON_TUNES : LESSON_TUNES + 80], encoding)
    return encoding, Markov(encoding.size, 0).fit(known), Markov(encoding.size, 1).fit(known), pool


class _Pretender:
    """Stands for a model in the tests of the messages."""

    def __init__(self, count=1000, ahead=False, softmax=False, last=False, score=0.0):
        self.count, self.ahead, self.softmax, self.last, self.score = count, ahead, softmax, last, score

    def count_params(self):
        return self.count

    def predict_on_batch(self, inputs):
        logits = np.full((*inputs.shape[:2], GridEncoding().size), self.score, dtype=np.float32)
        if self.ahead:  # the next input is the answer
            np.put_along_axis(logits[:, :-1], inputs[:, 1:, :1], 9.0, axis=-1)
        if self.softmax:
            logits += 1 / logits.shape[-1]
        return logits[:, -1] if self.last else logits


# --- 6.6 ----------------------------------------------------------------------------------------------


def _split(answer, rng):
    def split(families, seed):
        got = answer(families.copy(), seed)
        pair = isinstance(got, tuple | list) and len(got) == 2 and all(np.ndim(side) == 1 for side in got)
        expect(pair, f"split_tunes gives {describe(got)}; it should give two lists of tune numbers, for training and for test.")
        masks = any(isinstance(i, bool | np.bool_) for side in got for i in side)
        expect(not masks, "split_tunes gives truth values; np.flatnonzero makes numbers of tunes of them.")
        train, test = ([int(i) for i in side] for side in got)
        strange = [i for i in (*train, *test) if not 0 <= i < len(families)]
        told = f"there is no tune {(strange or [0])[0]}: the tunes have the numbers 0 to {len(families) - 1}"
        told += " (a tune's number is its place in the array, and not that of its family)."
        expect(not strange, told)
        return train, test

    families = np.arange(200)  # no tune has a variant
    seed = int(rng.integers(1000))
    train, test = split(families, seed)
    both = sorted(set(train) & set(test))
    expect(not both, f"{len(both)} tunes are on both sides, tune {(both or [0])[0]} among them. Shuffle once, then cut.")
    yield "puts no tune on both sides"
    expect(len(set(train)) == len(train) and len(set(test)) == len(test), "a tune comes twice on one side.")
    missing = sorted(set(range(200)) - set(train) - set(test))
    expect(not missing, f"{len(missing)} of 200 tunes are on no side, tune {(missing or [0])[0]} among them.")
    expect(20 <= len(test) <= 60, f"{len(test)} of 200 tunes are for the test; it should be about a fifth of them.")
    yield "puts a fifth aside and loses none"
    again, other = split(families, seed), split(families, seed + 1)
    expect((train, test) == again, "the same seed gives another split the second time. Draw from default_rng(seed).")
    expect(set(test) != set(other[1]), "another seed gives the same split. Shuffle, with default_rng(seed).")
    yield "depends on the seed and on nothing else"
    for _ in range(3):
        names = 7 * np.arange(150) + 400  # not 0, 1, 2, ...: they are names
        families = rng.permutation(np.repeat(names, rng.integers(1, 4, 150)))
        train, test = split(families, int(rng.integers(1000)))
        apart = sorted(set(families[train].tolist()) & set(families[test].tolist()))
        told = f"families with tunes on both sides: {len(apart)}, family {(apart or [0])[0]} among them. Shuffle the families."
        expect(not apart, told)
        missing = len(families) - len({*train, *test})
        expect(not missing, f"{missing} of {len(families)} tunes are on no side. A variant goes where its family goes.")
        share = len(test) / len(families)
        expect(0.1 <= share <= 0.3, f"{share:.0%} of the tunes are for the test; it should be about a fifth of them.")
    yield "keeps each family on one side, with all its tunes"


def _shuffled_twice(families, seed):
    rng, n = np.random.default_rng(seed), len(families)
    return rng.permutation(n)[n // 5 :].tolist(), rng.permutation(n)[: n // 5].tolist()


def _by_tune(families, seed):
    order, n = np.random.default_rng(seed).permutation(len(families)).tolist(), len(families)
    return order[n // 5 :], order[: n // 5]


def _one_of_each_family(families, seed):
    """Keep apart what is alike by throwing variants away."""
    return tuple(np.unique(families, return_index=True)[1][side].tolist() for side in _by_tune(np.unique(families), seed))


def _numbers_of_families(families, seed):
    order = np.random.default_rng(seed).permutation(np.unique(families)).tolist()
    return order[len(order) // 5 :], order[: len(order) // 5]


def _families_from_0(families, seed):
    """Take it that k families have the numbers 0 to k - 1."""
    order = np.random.default_rng(seed).permutation(len(np.unique(families)))
    aside = np.isin(families, order[: len(order) // 5])
    return np.flatnonzero(~aside).tolist(), np.flatnonzero(aside).tolist()


def _first_families(families, seed):
    """Take the first fifth of the families: no chance in it."""
    aside = np.isin(families, np.unique(families)[: len(np.unique(families)) // 5])
    return np.flatnonzero(~aside).tolist(), np.flatnonzero(aside).tolist()


# --- 6.7 ----------------------------------------------------------------------------------------------


def _pooled(answer, rng):
    def compare(batches):
        typical = (
            (_all_places(batches), "you counted the padding too."),
            (_no_end_at_all(batches), "you left out every END. The first END of a piece is a target."),
            (_by_places(batches), "you left the padding out of the sum, but divided by the number of all places."),
            (_mean_of_batches(batches), "you took the mean of each batch first. Every target counts the same."),
        )
        _compare(answer([(a.copy(), b.copy()) for a, b in batches]), _right_pool(batches), typical)

    compare([_unweighted(rng, [6, 6, 6])])
    yield "is the plain mean where nothing is padding"
    for _ in range(3):
        compare([_unweighted(rng, [2, 5, 9, 14])])
    yield "leaves out the padding, and keeps the END of each piece"
    for _ in range(3):
        compare([_unweighted(rng, [2, 3]), _unweighted(rng, [8, 11, 12]), _unweighted(rng, [20])])
    yield "counts every target the same, in whatever batch it is"
    rows = [_unweighted(rng, [length]) for length in (3, 7, 16)]
    wide = tuple(np.concatenate([np.pad(row[k], ((0, 0), (0, 16 - row[k].shape[1]))) for row in rows]) for k in (0, 1))
    apart, together = (float(answer(batches)) for batches in (rows, [wide]))
    told = f"three pieces give {apart:.4g} in three batches and {together:.4g} in one. How they are packed must not matter."
    expect(abs(apart - together) < 1e-9, told)
    yield "does not depend on how the pieces are packed"


def _unweighted(rng, lengths):
    """Draw losses and targets of pieces with so many targets each, END included; long pieces are easier."""
    steps = np.arange(max(lengths))
    targets = np.where(steps < np.array(lengths)[:, None] - 1, rng.integers(1, 80, (len(lengths), len(steps))), END)
    losses = rng.gamma(2.0, 0.3, targets.shape) * (1 + 10 / np.array(lengths)[:, None]) + 0.05
    return np.where(targets == END, 3 * losses + 1, losses), targets


def _true_targets(targets):
    """Tell for each place whether no END stands before it."""
    return (targets == END).cumsum(axis=1) - (targets == END) == 0


def _right_pool(batches):
    return float(np.concatenate([losses[_true_targets(targets)] for losses, targets in batches]).mean())


def _all_places(batches):
    return float(np.concatenate([losses.ravel() for losses, _ in batches]).mean())


def _no_end_at_all(batches):
    return float(np.concatenate([losses[targets != END] for losses, targets in batches]).mean())


def _by_places(batches):
    return float(sum(losses[_true_targets(targets)].sum() for losses, targets in batches) / sum(t.size for _, t in batches))


def _mean_of_batches(batches):
    return float(np.mean([losses[_true_targets(targets)].mean() for losses, targets in batches]))


# --- the list -----------------------------------------------------------------------------------------

EXERCISES = [
    Exercise(
        id="6.1",
        title="Count the weights",
        name="count_weights",
        hints=(
            "One LSTM layer has 4 · units · (inputs + units + 1) weights, the Dense layer outputs · (inputs + 1).",
            "What is the number of inputs of the second layer? It reads what the first one writes.",
            "Go through `units` in a loop; after each layer set `inputs` to the number of its units.",
        ),
        test=_count,
        mistakes=(
            Mistake(_same_inputs, "it reads the units of the first"),
            Mistake(_no_bias, "without biases"),
            Mistake(_one_gate, "has four"),
            *(Mistake(slip, text) for slip, text in _FORGOTTEN),
        ),
    ),
    Exercise(
        id="6.2",
        title="Perplexity",
        name="perplexity",
        hints=(
            "A nat belongs to the natural logarithm, so the way back is np.exp.",
            "First the mean over all steps, then np.exp. np.concatenate(pieces) puts all steps in one row.",
        ),
        test=_perplexity,
        mistakes=(
            Mistake(_two_to_the, "it is e to the power of it"),
            Mistake(_mean_of_exp, "The mean comes first"),
            Mistake(_mean_by_piece, "Every step counts the same"),
            Mistake(_mean, "that is the mean surprise itself"),
            Mistake(_exp_of_sum, "Take the mean"),
            Mistake(lambda pieces: float(np.exp(-_mean(pieces))), "Leave out the minus"),
            Mistake(_perplexity_by_piece, "Put all steps in one row first"),
        ),
    ),
    Exercise(
        id="6.3",
        title="A mean without padding",
        name="mean_loss",
        hints=(
            "Multiplying by the weights makes the losses on padding zero. But by what do you divide?",
            "There are weights.sum() targets.",
        ),
        test=_mean_loss,
        mistakes=(
            Mistake(lambda losses, weights: float(losses.mean()), "you counted the padding too"),
            Mistake(lambda losses, weights: float((losses * weights).mean()), "Divide by the targets"),
            Mistake(_mean_of_pieces, "mean of each piece first"),
            Mistake(_without_zeros, "the model was sure of them"),
            Mistake(lambda losses, weights: float((losses * weights).sum()), "that is the sum"),
            Mistake(lambda losses, weights: float((losses * weights).sum() / len(losses)), "the number of pieces"),
            Mistake(lambda losses, weights: float(losses.mean() / weights.mean()), "Multiply by the weights first"),
        ),
    ),
    Exercise(
        id="6.4",
        title="Stop early",
        name="early_stop",
        hints=(
            "Keep the number of the best epoch so far while you go through the losses.",
            "An epoch is a new best if its loss is below the best so far; equal is not below.",
            "Stop as soon as epoch − best epoch equals `patience`. If that never happens, the last epoch is where it stops.",
        ),
        test=_early_stop,
        mistakes=(
            Mistake(_from_zero, "counted from 0"),
            Mistake(_bounded, "however large its loss"),
            Mistake(_one_too_many, "one epoch too many"),
            Mistake(_never_stops, "you go through all epochs"),
            Mistake(_best_of_all, "one after the stop"),
            Mistake(_last_but_patience, "before the last"),
            Mistake(lambda *given: _stop(*given)[::-1], "you give the best epoch first"),
            Mistake(_neighbours, "not with the epoch before"),
            Mistake(_never_anew, "begins anew"),
            Mistake(_equal_is_better, "no new best"),
        ),
    ),
    Exercise(
        id="6.5",
        title="A model of your own",
        name="my_model",
        hints=(
            "An LSTM layer of 64 units has about a quarter of the weights of one with 128: stream_model(..., units=(64,)).",
            "A high learning rate learns faster in few epochs: try learning_rate=1e-2, and a batch_size of 8.",
            "Still above the Markov model? More epochs, or less dropout: with so few epochs there is little to overfit.",
        ),
        test=_small_model,
        mistakes=(
            Mistake([{"epoch": 1, "loss": 2.3}], "not a model"),
            Mistake(_Pretender(count=116_000), "at most 60,000"),
            Mistake(_Pretender(last=True), "return_sequences"),
            Mistake(_Pretender(score=np.nan), "with a lower learning rate"),
            Mistake(_Pretender(softmax=True), "returns probabilities"),
            Mistake(_Pretender(ahead=True), "looks ahead"),
            Mistake(_Pretender(), "the unigram model"),
        ),
    ),
    Exercise(
        id="6.6",
        title="Shuffle once",
        name="split_tunes",
        hints=(
            "Two calls of permutation() are two orders. Whatever you cut off one of them is not cut off the other.",
            "Shuffle the families, not the tunes: order = np.random.default_rng(seed).permutation(np.unique(families)).",
            "np.isin(families, order[:a_fifth]) tells which tunes are for the test; np.flatnonzero gives their numbers.",
        ),
        test=_split,
        mistakes=(
            Mistake(_shuffled_twice, "tunes are on both sides"),
            Mistake(_by_tune, "Shuffle the families"),
            Mistake(_one_of_each_family, "A variant goes where its family goes"),
            Mistake(_first_families, "another seed gives the same split"),
            Mistake(_numbers_of_families, "there is no tune"),
            Mistake(_families_from_0, "about a fifth"),
            Mistake(lambda families, seed: (families >= 40, families < 40), "truth values"),
            Mistake(lambda families, seed: _by_tune(families, None), "the same seed gives another split"),
            Mistake(lambda families, seed: _by_tune(families, seed)[::-1], "about a fifth"),
        ),
    ),
    Exercise(
        id="6.7",
        title="The first END counts",
        name="pooled_loss",
        hints=(
            "A place is padding if an END stands before it in its row. How many ENDs stand before each place?",
            "ends = targets == 0 marks them, ends.cumsum(axis=1) counts them up to and with each place.",
            "Add up the losses and the number of targets over all batches, and divide at the very end.",
        ),
        test=_pooled,
        mistakes=(
            Mistake(_all_places, "you counted the padding too"),
            Mistake(_no_end_at_all, "you left out every END"),
            Mistake(_by_places, "divided by the number of all places"),
            Mistake(_mean_of_batches, "mean of each batch first"),
        ),
    ),
]
