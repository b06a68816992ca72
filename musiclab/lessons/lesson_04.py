"""Lesson 04: the LSTM, gate by gate. What the answers are compared with is `musiclab.lstm`, which is tested against Keras."""

from functools import cache

import numpy as np

from musiclab.bundle import load_bundle
from musiclab.corpus import load_corpus
from musiclab.encoding import FIRST_PITCH
from musiclab.exercises import Exercise, Mistake, Wrong, expect, same
from musiclab.lstm import LSTM, sigmoid

NAMES = ("i", "f", "g", "o", "c", "h")


def _layer(rng, inputs=None, units=None):
    """Draw a layer with two biases that both matter. Returns its weights by name and the layer."""
    inputs = int(rng.integers(2, 6)) if inputs is None else inputs
    units = inputs + int(rng.integers(1, 4)) if units is None else units
    shapes = {"W_i": (units, inputs), "W_h": (units, units), "b_i": (units,), "b_h": (units,)}
    weights = {f"{kind}{gate}": rng.normal(size=shape) for kind, shape in shapes.items() for gate in "ifgo"}
    return weights, LSTM(**weights)


def _inputs(rng, layer, *batch):
    """Draw an input, a hidden and a cell state."""
    return (
        rng.normal(size=(*batch, layer.inputs)),
        rng.uniform(-1, 1, (*batch, layer.units)),
        rng.normal(size=(*batch, layer.units)) * 2,
    )


# --- 4.1 ----------------------------------------------------------------------------------------------


def _forget_gate(answer, rng):
    weights, layer = _layer(rng, units=1)
    x, h, _ = _inputs(rng, layer)
    off = {name: np.zeros_like(w) for name, w in weights.items()}
    same(answer(x, h, off), np.array([0.5]), "with all weights zero: the gate")
    yield "with all weights zero it stands at 0.5"
    for part, what in (("W_if", "the input"), ("W_hf", "the state before"), ("b_if", "b_if"), ("b_hf", "b_hf")):
        only = off | {part: weights[part]}
        same(answer(x, h, only), LSTM(**only).step(x, h, np.zeros(1)).f, f"with {part} alone not zero: the gate")
        yield f"takes in {what}"
    for _ in range(5):
        weights, layer = _layer(rng)
        x, h, c = _inputs(rng, layer)
        same(answer(x, h, weights), layer.step(x, h, c).f, "for several units: the gate")
    yield "is right for any number of inputs and units"
    x, h, c = _inputs(rng, layer, 3)
    try:
        got = answer(x, h, weights)
    except ValueError as error:
        raise Wrong(
            f"for three inputs at once, x of shape (3, {layer.inputs}), it raised {type(error).__name__}. Each row of x is one"
            ' input: write x @ W["W_if"].T and h @ W["W_hf"].T, with the matrix behind and turned, as the lesson does.'
        ) from None
    same(got, layer.step(x, h, c).f, "for three inputs at once, x of shape (3, inputs): the gate")
    yield "takes a batch"


def _f_with(squash=sigmoid, bias_h=True, gate="f"):
    """Make a forget gate with something wrong."""

    def answer(x, h, W):
        z = x @ W[f"W_i{gate}"].T + W[f"b_i{gate}"] + h @ W[f"W_h{gate}"].T
        return squash(z + W[f"b_h{gate}"] if bias_h else z)

    return answer


# --- 4.2 ----------------------------------------------------------------------------------------------


def _step(answer, rng):
    for trial in range(6):
        weights, layer = _layer(rng)
        x, h, c = _inputs(rng, layer)
        got = answer(x, h, c, weights)
        expect(
            isinstance(got, tuple | list | np.ndarray) and len(got) == 6,
            "it returned something other than six values; return i, f, g, o, c, h, in this order.",
        )
        wanted = layer.step(x, h, c)
        for name in NAMES:
            same(got[NAMES.index(name)], getattr(wanted, name), name)
            if not trial:
                yield f"{name} is right"
    yield "right for any number of inputs and units"


def _step_with(cell=lambda i, f, g, c: f * c + i * g, hidden=lambda o, c, old: o * np.tanh(c), order="ifgo"):
    """Make a step with something wrong."""

    def answer(x, h, c, W):
        names = dict(zip("ifgo", order, strict=True))
        z = {k: x @ W[f"W_i{n}"].T + W[f"b_i{n}"] + h @ W[f"W_h{n}"].T + W[f"b_h{n}"] for k, n in names.items()}
        i, f, g, o = sigmoid(z["i"]), sigmoid(z["f"]), np.tanh(z["g"]), sigmoid(z["o"])
        new = cell(i, f, g, c)
        return i, f, g, o, new, hidden(o, new, c)

    return answer


# --- 4.3 ----------------------------------------------------------------------------------------------


def _to_keras(answer, rng):
    for trial in range(4):
        weights, layer = _layer(rng)
        got = answer(weights)
        expect(
            isinstance(got, tuple | list) and len(got) == 3,
            "it returned something other than three arrays: kernel, recurrent_kernel, bias.",
        )
        units = layer.units
        for name, mine, wanted in zip(("kernel", "recurrent_kernel", "bias"), got, layer.to_keras(), strict=True):
            wanted_shape = wanted.shape
            shape = getattr(mine, "shape", None)
            expect(shape == wanted_shape, f"the {name} has the shape {shape}, it should be {wanted_shape}.")
            for place, gate in enumerate("ifgo"):
                part = (..., slice(place * units, (place + 1) * units))
                same(mine[part], wanted[part], f"the {name}, columns of place {place + 1} of 4, where Keras keeps {gate}: it")
            if not trial:
                yield f"the {name} has its shape and order"
    yield "right for any number of inputs and units"


def _keras_with(order="ifgo", turn=True, both=True):
    """Put the weights into three arrays with something wrong."""

    def answer(W):
        blocks = {k: [W[f"W_{k}{gate}"].T if turn else W[f"W_{k}{gate}"] for gate in order] for k in "ih"}
        bias = np.concatenate([W[f"b_i{gate}"] + W[f"b_h{gate}"] * both for gate in order])
        return *(np.concatenate(blocks[k], axis=int(turn)) for k in "ih"), bias

    return answer


# --- 4.4 ----------------------------------------------------------------------------------------------


def _forget_gradient(answer, rng):
    for trial in range(5):
        weights, layer = _layer(rng)
        x, h, c = _inputs(rng, layer)
        f = layer.step(x, h, c).f
        dc = rng.normal(size=layer.units)
        got = answer(dc, c, f, x, h)
        expect(
            isinstance(got, tuple | list) and len(got) == 3,
            "it returned something other than three gradients: of W_if, of W_hf, and of either bias.",
        )
        # By another road than the chain rule: nudge the sum inside the gate and look at the loss dc · c_t.
        for name, mine in zip(("W_if", "W_hf", "b_if"), got, strict=True):
            same(mine, _slope(weights, name, x, h, c, dc), f"the gradient of {name}", tolerance=1e-5)
            if not trial:
                yield f"the gradient of {name} is what finite differences give"
    yield "right for any number of inputs and units"


def _slope(weights, name, x, h, c, dc):
    """Return the gradient of dc · c_t with respect to one array of weights, by finite differences."""
    gradient, nudge = np.zeros_like(weights[name]), 1e-5
    for place in np.ndindex(gradient.shape):
        ends = []
        for sign in (1, -1):
            moved = weights[name].copy()
            moved[place] += sign * nudge
            ends.append(dc @ LSTM(**(weights | {name: moved})).step(x, h, c).c)
        gradient[place] = (ends[0] - ends[1]) / (2 * nudge)
    return gradient


def _gradient_with(slope=lambda f: f * (1 - f), state=lambda c: c, turned=False):
    """Compute the gradients with something wrong."""

    def answer(dc, c_before, f, x, h):
        dz = dc * state(c_before) * slope(f)
        return (np.outer(x, dz), np.outer(h, dz), dz) if turned else (np.outer(dz, x), np.outer(dz, h), dz)

    return answer


# --- 4.5 ----------------------------------------------------------------------------------------------

FOLLOWS = 0.65  # correlation from which on a unit is said to follow something
POOL = 24  # tunes that the layer reads: always the same, so that the verdict is, too


def _look_for(answer, rng):
    chosen = _pool()
    values = []
    for rows, _ in chosen:
        got, steps = np.asarray(answer(rows.copy())), len(rows)
        ok = got.shape == (steps,) and got.dtype.kind in "biuf" and np.isfinite(got.astype(float)).all()
        expect(ok, f"for a tune of {steps} steps it should return {steps} finite numbers, an array of shape ({steps},).")
        values.append(got.astype(float))
    yield "returns a number for each step"
    rows, half = chosen[0][0], len(chosen[0][0]) // 2
    expect(
        np.allclose(np.asarray(answer(rows[:half].copy()), dtype=float), values[0][:half]),
        f"for the first {half} rows of a tune alone it gives other numbers than for the same rows in the whole tune:"
        " it looks ahead. The network cannot know what comes.",
    )
    yield "looks back only, as the network does"
    # From the first note on: what a number is before there is any note says nothing.
    sounds = np.concatenate([np.maximum.accumulate(rows[:, 0] >= FIRST_PITCH) for rows, _ in chosen])
    feature, told, pitch, h = (
        np.concatenate(parts)[sounds]
        for parts in (values, *zip(*((rows, last_pitch(rows), h) for rows, h in chosen), strict=True))
    )
    expect(feature.std() > 0, "its number is the same at every step; there is nothing to follow.")
    for column, what in enumerate(("the token just read", "the position in the bar", "the metre", "the number of the bar")):
        known = _explained(feature, told[:, column])
        expect(known < 0.8, f"{known:.0%} of it is settled by {what}, and that the network is told. Choose something else.")
    yield "is not what the network is told anyway"
    likeness = abs(_correlation(feature[:, None], pitch)[0])
    expect(likeness < 0.9, f"it is nearly the lesson's own example, the last pitch (correlation {likeness:.2f}). Choose another.")
    yield "is not the lesson's own example"
    # Many units drift as a tune goes on, and so does all that counts up: without this, one would seem to follow the other.
    step = np.concatenate([np.arange(len(rows)) for rows, _ in chosen])[sounds]
    left = _without_drift(feature, step)
    drift = 1 - left.var() / feature.var()
    expect(
        drift < 0.8,
        f"{drift:.0%} of it is settled by how far the tune has gone, as with all that only counts up. Many units drift with the"
        " tune, so that says nothing about a memory. Choose something that goes another way in each tune.",
    )
    yield "is more than how far the tune has gone"
    found = _correlation(_without_drift(h, step), left)
    best = int(np.abs(found).argmax())
    expect(
        abs(found[best]) >= FOLLOWS,
        f"the best of the 256 units, {best}, follows it with a correlation of {found[best]:.2f}; the check asks for {FOLLOWS} or"
        " more. So no unit shows it by itself. Try another idea.",
    )
    yield f"a unit follows it: the best is {best}, with a correlation of {found[best]:.2f}"


def _explained(feature, group):
    """Return the share of the variance of `feature` that is between the groups, 0 to 1."""
    _, number = np.unique(group, return_inverse=True)
    means = np.bincount(number, feature) / np.bincount(number)
    return float(np.var(means[number]) / np.var(feature))


def _without_drift(values, step):
    """Take out of the values, (n,) or (n, units), what a smooth curve over the step numbers explains, one for all tunes."""
    # By the square root, for most happens early: a layer fills its memory in the first bars.
    curve = np.polynomial.legendre.legvander(2 * np.sqrt(step / step.max()) - 1, 6)
    return values - curve @ np.linalg.lstsq(curve, values, rcond=None)[0]


def _correlation(columns, feature):
    """Return the correlation of each column with the feature; 0 for a column that does not move."""
    columns, feature = columns - columns.mean(axis=0), feature - feature.mean()
    sizes = np.sqrt((columns**2).sum(axis=0) * (feature**2).sum())
    return (columns * feature[:, None]).sum(axis=0) / np.where(sizes > 0, sizes, np.inf)


def last_pitch(rows):
    """Return the pitch of the last note begun, 0 before the first: the lesson's own example of a thing to remember."""
    pitch, now = np.zeros(len(rows)), 0
    for t, token in enumerate(rows[:, 0]):
        now = token - FIRST_PITCH if token >= FIRST_PITCH else now
        pitch[t] = now
    return pitch


def _before_last(rows):
    """Return the pitch of the note before the last: a good idea that no unit shows by itself."""
    pitch, before, now = np.zeros(len(rows)), 0, 0
    for t, token in enumerate(rows[:, 0]):
        before, now = (now, token - FIRST_PITCH) if token >= FIRST_PITCH else (before, now)
        pitch[t] = before
    return pitch


@cache
def _pool():
    """Let the trained layer read two dozen jigs: for each, what it was told at each step, and its hidden states."""
    melody = load_bundle("melody")
    encoding, weights = melody.encoding, melody.weights
    layer = LSTM.from_keras(*(weights[f"lstm_0/{name}"] for name in ("kernel", "recurrent_kernel", "bias")))
    tables = [weights[f"embedding_{column}/embeddings"] for column in range(4)]
    jigs = (tune for tune in load_corpus("fiddle-tunes", progress=False) if tune.time_signature == (6, 8))
    pool = []
    for tune in jigs:
        if 12 <= tune.duration / tune.bar_length <= 20 and not any(list(encoding.loss_report(tune).values())[1:4]):
            rows = encoding.inputs(encoding.encode(tune), tune.time_signature)
            xs = np.concatenate([table[rows[:, column]] for column, table in enumerate(tables)], axis=1)
            pool.append((rows, layer.forward(xs).h))
        if len(pool) == POOL:
            break
    return pool


# --- the list -----------------------------------------------------------------------------------------

EXERCISES = [
    Exercise(
        id="4.1",
        title="The forget gate",
        name="my_forget_gate",
        hints=(
            "It is the input gate with other weights: put f in the place of the second i in each name.",
            "Four terms go into the sum: x @ W['W_if'].T, W['b_if'], h @ W['W_hf'].T, W['b_hf'].",
            "return 1 / (1 + np.exp(-z)), where z is the sum of the four.",
        ),
        test=_forget_gate,
        mistakes=(
            Mistake(_f_with(squash=np.tanh), "with all weights zero"),
            Mistake(_f_with(bias_h=False), "with b_hf alone not zero"),
            Mistake(_f_with(gate="i"), "with W_if alone not zero"),
            Mistake(lambda x, h, W: x @ W["W_if"] + h, "raised ValueError"),
            Mistake(lambda x, h, W: sigmoid(W["W_if"] @ x + W["b_if"] + W["W_hf"] @ h + W["b_hf"]), "Each row of x is one input"),
            Mistake(lambda x, h, W: sigmoid(x @ W["W_if"].T + W["b_if"] + h @ W["W_hf"] + W["b_hf"]), "for several units"),
        ),
    ),
    Exercise(
        id="4.2",
        title="One whole step",
        name="my_step",
        hints=(
            "The first four lines are the four gates; only g has a tanh around its sum.",
            "The new c is f * c + i * g. The new h needs the new c, not the old one.",
            "return i, f, g, o, c, h at the end, with the new c and the new h.",
        ),
        test=_step,
        mistakes=(
            Mistake(_step_with(order="ifog"), "g at"),
            Mistake(_step_with(cell=lambda i, f, g, c: i * c + f * g), "c at"),
            Mistake(_step_with(cell=lambda i, f, g, c: f * c + g), "c at"),
            Mistake(_step_with(hidden=lambda o, c, old: o * np.tanh(old)), "h at"),
            Mistake(_step_with(hidden=lambda o, c, old: o * c), "h at"),
            Mistake(lambda x, h, c, W: (h, c), "return i, f, g, o, c, h"),
        ),
    ),
    Exercise(
        id="4.3",
        title="Into Keras's order",
        name="my_to_keras",
        hints=(
            "Keras multiplies from the other side, x @ kernel: so each matrix is transposed.",
            "kernel = np.concatenate([W[f'W_i{gate}'].T for gate in 'ifgo'], axis=1): four blocks side by side.",
            "The recurrent kernel goes the same way. Each quarter of the bias is the sum of two.",
        ),
        test=_to_keras,
        mistakes=(
            Mistake(_keras_with(order="ifog"), "where Keras keeps g"),
            Mistake(_keras_with(order="figo"), "where Keras keeps i"),
            Mistake(_keras_with(turn=False), "the kernel has the shape"),
            Mistake(_keras_with(both=False), "the bias, columns of place 1 of 4"),
        ),
    ),
    Exercise(
        id="4.4",
        title="Back through the forget gate",
        name="my_forget_gradient",
        hints=(
            "c_t = f * c_{t-1} + i * g. If f grows a little, c_t grows c_{t-1} times as much: df = dc * c_before.",
            "f = σ(z), and the slope of σ is f * (1 - f): dz = df * f * (1 - f).",
            "z = W_if x + …: the gradient of W_if is np.outer(dz, x). Of W_hf: np.outer(dz, h). Of a bias: dz itself.",
        ),
        test=_forget_gradient,
        mistakes=(
            Mistake(_gradient_with(slope=lambda f: 1.0), "the gradient of W_if"),
            Mistake(_gradient_with(slope=lambda f: 1 - f**2), "the gradient of W_if"),
            Mistake(_gradient_with(state=lambda c: 1.0), "the gradient of W_if"),
            Mistake(_gradient_with(turned=True), "has the shape"),
        ),
    ),
    Exercise(
        id="4.5",
        title="What else does it remember?",
        name="look_for",
        hints=(
            "Go through the rows in a loop, as `last_pitch` in the lesson does, and keep what you need of the rows before.",
            "What helps to choose a next note? How high the tune has been so far; where it lies on average.",
            "The highest pitch so far: np.maximum.accumulate(last_pitch(rows)).",
        ),
        test=_look_for,
        mistakes=(
            Mistake(lambda rows: rows[:, 1] == 0, "is settled by the position in the bar"),
            Mistake(lambda rows: rows[:, 0] == 2, "is settled by the token"),
            Mistake(lambda rows: np.ones(len(rows)), "the same at every step"),
            Mistake(last_pitch, "the lesson's own example"),
            Mistake(lambda rows: np.full(len(rows), len(rows)) + np.arange(len(rows)) % 7, "it looks ahead"),
            Mistake(lambda rows: np.arange(len(rows)) * 7919 % 31, "no unit shows it by itself"),
            Mistake(_before_last, "no unit shows it by itself"),
            Mistake(lambda rows: np.cumsum(rows[:, 0] == 1), "no unit shows it by itself"),  # rests so far
            Mistake(lambda rows: np.sqrt(np.arange(len(rows))), "settled by how far the tune has gone"),
            Mistake(lambda rows: np.cumsum(rows[:, 0] >= FIRST_PITCH), "settled by how far the tune has gone"),  # notes so far
            Mistake(lambda rows: rows[1:, 0], "it should return"),
        ),
    ),
]
