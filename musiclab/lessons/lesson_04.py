"""Lesson 04: the LSTM, gate by gate. What the answers are compared with is `musiclab.lstm`, which is tested against Keras."""

import math
from functools import cache

import numpy as np

from musiclab.bundle import load_bundle
from musiclab.corpus import load_corpus
from musiclab.encoding import FIRST_PITCH
from musiclab.exercises import Exercise, Mistake, Wrong, expect, same
from musiclab.lstm import LSTM, sigmoid

NAMES = ("i", "f", "g", "o", "c", "h")
KERAS_NAMES = ("kernel", "recurrent_kernel", "bias")


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


def _same(got, wanted, what, cases=(), **words):
    """Like `same`; if the answer is one of the cases, (value, what to say), the message goes on with what to say."""
    try:
        same(got, wanted, what, **words)
    except Wrong as wrong:
        raise Wrong(f"{wrong}{_because(got, cases)}") from None


def _because(got, cases):
    """Return what is to be said to this answer, with a space in front; "" if it is none of the cases."""
    try:
        array = np.asarray(got, dtype=float)
    except (TypeError, ValueError, OverflowError):
        return ""
    for value, words in cases:
        if array.shape == np.shape(value) and np.allclose(array, value, rtol=1e-6, atol=1e-9):
            return f" {words}"
    return ""


# --- 4.1 ----------------------------------------------------------------------------------------------


def _forget_gate(answer, rng):
    def right(weights, layer, x, h, what, part=""):
        try:
            got = answer(x, h, weights)
        except (ValueError, TypeError) as error:
            ways = 'Write x @ W["W_if"].T and h @ W["W_hf"].T, with the matrix behind and turned, as the lesson does.'
            if "only" in str(error) and "converted to Python scalar" in str(error):
                ways = "The function math.exp takes a single number; np.exp takes an array."
            elif not isinstance(error, ValueError):
                raise
            elif x.ndim > 1:
                ways = f"Each row of x is one input. {ways}"
            shapes = f"x of shape {x.shape}, h {h.shape}, W_if {weights['W_if'].shape}, W_hf {weights['W_hf'].shape}"
            raise Wrong(f"{what}, with {shapes}, it raised {type(error).__name__}: {error}.\n  {ways}") from None
        f = layer.step(x, h, np.zeros(h.shape)).f
        z = np.log(f / (1 - f))
        idle = f"{part} does not act on it. Compare the names: in each one the last letter is f, the gate."
        cases = (
            (np.zeros(f.shape), "σ(0) is 0.5. What squeezes the sum into the range from 0 to 1?"),
            (np.full(f.shape, 0.5), idle),
            (z, "That is the sum. σ is still missing."),
            (np.tanh(z), "That is tanh of the sum. A gate takes σ."),
            (1 - f, "That is 1 - f. In σ(z) stands np.exp(-z), with a minus."),
            (1 + np.exp(-z), "1 / 1 + np.exp(-z) is (1 / 1) + np.exp(-z): set brackets."),
            *((getattr(layer.step(x, h, np.zeros(h.shape)), gate), f"That is the gate {gate}.") for gate in "io"),
        )
        size = np.size(got) if isinstance(got, np.ndarray) else 0
        star = " Was * written for @?" if size > f.size and np.ndim(got) > x.ndim else ""
        try:
            _same(got, f, f"{what}: the gate", cases)
        except Wrong as wrong:
            raise Wrong(f"{wrong}{star}") from None

    weights, layer = _layer(rng, units=1)
    x, h, _ = _inputs(rng, layer)
    off = {name: np.zeros_like(w) for name, w in weights.items()}
    right(off, LSTM(**off), x, h, "with all weights zero")
    yield "with all weights zero it stands at 0.5"

    def alone(part):
        only = off | {part: weights[part]}
        right(only, LSTM(**only), x, h, f"with {part} alone not zero", part)

    alone("W_if")
    yield "takes in the input"
    alone("W_hf")
    yield "takes in the state before"
    alone("b_if")
    yield "takes in b_if"
    alone("b_hf")
    yield "takes in b_hf"
    for _ in range(5):
        weights, layer = _layer(rng)
        x, h, _ = _inputs(rng, layer)
        right(weights, layer, x, h, "for several units")
    yield "is right for any number of inputs and units"
    x, h, _ = _inputs(rng, layer, 3)
    right(weights, layer, x, h, "for three inputs at once")
    yield "takes a batch"


def _f_with(squash=sigmoid, bias_h=True, gate="f"):
    """Make a forget gate with something wrong."""

    def answer(x, h, W):
        z = x @ W[f"W_i{gate}"].T + W[f"b_i{gate}"] + h @ W[f"W_h{gate}"].T
        return squash(z + W[f"b_h{gate}"] if bias_h else z)

    return answer


# --- 4.2 ----------------------------------------------------------------------------------------------


def _step(answer, rng):
    def one():
        """Let the answer take one step of a new layer; return what compares one of its six values."""
        weights, layer = _layer(rng)
        x, h, c = _inputs(rng, layer)
        got = answer(x, h, c, weights)
        expect(
            isinstance(got, tuple | list | np.ndarray) and len(got) == 6,
            "it returned something other than six values; return i, f, g, o, c, h, in this order.",
        )
        wanted = layer.step(x, h, c)
        slips = {name: _slips_of_a_step(name, wanted, c) for name in NAMES}
        late = "It was computed with the new h. All four gates see the h of the step before."
        slips["o"] += [(layer.step(x, new, c).o, late) for new in (wanted.h, np.tanh(wanted.c))]
        return lambda name: _same(got[NAMES.index(name)], getattr(wanted, name), name, slips[name])

    compare = one()
    compare("i")
    yield "i is right"
    compare("f")
    yield "f is right"
    compare("g")
    yield "g is right"
    compare("o")
    yield "o is right"
    compare("c")
    yield "c is right"
    compare("h")
    yield "h is right"
    for _ in range(5):
        compare = one()
        for name in NAMES:
            compare(name)
    yield "right for any number of inputs and units"


def _slips_of_a_step(name, right, old):
    """Return what typical slips would make of one of the six values, and what to say to each."""
    i, f, g, o, c, _ = right
    others = [(getattr(right, other), f"That is {other}. The order is i, f, g, o, c, h.") for other in NAMES if other != name]
    own = {
        "g": [(sigmoid(np.arctanh(np.clip(g, -1 + 1e-12, 1 - 1e-12))), "g is no gate: it takes tanh, not σ.")],
        "c": [
            ((1 - f) * old + i * g, "f is the share that is kept, not the one that is lost."),
            (i * old + f * g, "f belongs to the old c, and i to the candidate."),
            (f * old + g, "The input gate i has no part in it."),
            (i * g, "The old c has no part in it."),
            (old + i * g, "The forget gate f has no part in it."),
            (f * (old + i * g), "f acts on the old c alone."),
            (np.asarray(f @ old + i @ g), "* multiplies number by number; @ adds the products up."),
            (old, "That is the old c."),
        ],
        "h": [
            (o * np.tanh(old), "It needs the new c, not the old one."),
            (o * c, "The tanh around c is missing."),
            (o * sigmoid(c), "Around c stands tanh, not σ."),
            (np.tanh(o * c), "tanh stands around c alone, and o before it."),
            (np.tanh(c), "The output gate o has no part in it."),
        ],
    }
    return [*own.get(name, []), *others]


def _step_with(cell=lambda i, f, g, c: f * c + i * g, hidden=lambda o, c, old: o * np.tanh(c), order="ifgo", squash_g=np.tanh):
    """Make a step with something wrong."""

    def answer(x, h, c, W):
        names = dict(zip("ifgo", order, strict=True))
        z = {k: x @ W[f"W_i{n}"].T + W[f"b_i{n}"] + h @ W[f"W_h{n}"].T + W[f"b_h{n}"] for k, n in names.items()}
        i, f, g, o = sigmoid(z["i"]), sigmoid(z["f"]), squash_g(z["g"]), sigmoid(z["o"])
        new = cell(i, f, g, c)
        return i, f, g, o, new, hidden(o, new, c)

    return answer


def _output_gate_last(x, h, c, W):
    """Overwrite h before the output gate has seen it: a wrong answer."""
    i, f, g, _, c, _ = _step_with()(x, h, c, W)
    h = np.tanh(c)
    o = sigmoid(x @ W["W_io"].T + W["b_io"] + h @ W["W_ho"].T + W["b_ho"])
    return i, f, g, o, c, o * h


# --- 4.3 ----------------------------------------------------------------------------------------------


def _to_keras(answer, rng):
    def one():
        """Let the answer convert a new layer; return what compares one of its three arrays."""
        weights, layer = _layer(rng)
        got = answer(weights)
        expect(
            isinstance(got, tuple | list) and len(got) == 3,
            "it returned something other than three arrays: kernel, recurrent_kernel, bias.",
        )
        arrays = dict(zip(KERAS_NAMES, zip(got, layer.to_keras(), strict=True), strict=True))
        return lambda name: _same_blocks(name, *arrays[name], weights, layer.units)

    compare = one()
    compare("kernel")
    yield "the kernel has its shape and order"
    compare("recurrent_kernel")
    yield "the recurrent_kernel has its shape and order"
    compare("bias")
    yield "the bias has its shape and order"
    for _ in range(3):
        compare = one()
        for name in KERAS_NAMES:
            compare(name)
    yield "right for any number of inputs and units"


def _same_blocks(name, mine, wanted, weights, units):
    """Stop unless one of Keras's arrays is as it should be, in shape and block by block."""
    expect(isinstance(mine, np.ndarray), f"the {name} is no array (np.concatenate makes one of a list of blocks).")
    inputs = len(wanted) if wanted.ndim == 2 else 0
    ways = {
        (4 * inputs, units): " The blocks stand one below the other: axis=1 puts them side by side.",
        (4 * units, inputs): " Each block has to be transposed (.T), and then they stand side by side: axis=1.",
        (4, inputs, units): " np.stack makes a new axis. np.concatenate joins the blocks along one that is there.",
        (8 * units,): " Keras has one bias for each gate: the sum of the two.",
        (2, 4 * units): " Keras has one bias for each gate: the sum of the two.",
        (units, 4 * units): " Is it the recurrent_kernel? The kernel, for x, comes first.",
    }
    expect(
        mine.shape == wanted.shape,
        f"the {name} has the shape {mine.shape}, it should be {wanted.shape}.{ways.get(mine.shape, '')}",
    )
    for place, gate in enumerate("ifgo"):
        part = (..., slice(place * units, (place + 1) * units))
        cases = [(wanted[..., slice(k * units, (k + 1) * units)], f"There stands {other}.") for k, other in enumerate("ifgo")]
        if name == "bias":
            one, other = weights[f"b_i{gate}"], weights[f"b_h{gate}"]
            cases += [
                (one, f"b_h{gate} is missing."),
                (other, f"b_i{gate} is missing."),
                ((one + other) / 2, "Add the two; no mean."),
            ]
        elif mine[part].shape == wanted[part].T.shape:
            cases.append((wanted[part].T, "Each block has to be transposed (.T)."))
        what = f"the {name}, columns of place {place + 1} of 4, where Keras keeps {gate}: it"
        _same(mine[part], wanted[part], what, cases)


def _keras_with(order="ifgo", turn=True, both=True):
    """Put the weights into three arrays with something wrong."""

    def answer(W):
        blocks = {k: [W[f"W_{k}{gate}"].T if turn else W[f"W_{k}{gate}"] for gate in order] for k in "ih"}
        bias = np.concatenate([W[f"b_i{gate}"] + W[f"b_h{gate}"] * both for gate in order])
        return *(np.concatenate(blocks[k], axis=int(turn)) for k in "ih"), bias

    return answer


# --- 4.4 ----------------------------------------------------------------------------------------------


def _forget_gradient(answer, rng):
    def one():
        """Ask for the gradients of a new layer; return what compares one of them."""
        weights, layer = _layer(rng)
        x, h, c = _inputs(rng, layer)
        f = layer.step(x, h, c).f
        dc = rng.normal(size=layer.units)
        try:
            got = answer(dc, c, f, x, h)
        except ValueError as error:
            shapes = f"dc, c_before, f and h of shape ({layer.units},), x of shape ({layer.inputs},)"
            ways = "np.outer(dz, x) multiplies each number of dz with each of x: a table of (units, inputs)."
            raise Wrong(f"with {shapes} it raised ValueError: {error}.\n  {ways}") from None
        expect(
            isinstance(got, tuple | list) and len(got) == 3,
            "it returned something other than three gradients: of W_if, of W_hf, and of either bias.",
        )

        def compare(name):
            # By another road than the chain rule: nudge the sum inside the gate and look at the loss dc · c_t.
            wanted = _slope(weights, name, x, h, c, dc)
            cases = _slips_of_the_gradient(name, dc, c, f, x, h)
            _same(got[("W_if", "W_hf", "b_if").index(name)], wanted, f"the gradient of {name}", cases, tolerance=1e-5)

        return compare

    compare = one()
    compare("W_if")
    yield "the gradient of W_if is what finite differences give"
    compare("W_hf")
    yield "the gradient of W_hf is what finite differences give"
    compare("b_if")
    yield "the gradient of b_if is what finite differences give"
    for _ in range(4):
        compare = one()
        for name in ("W_if", "W_hf", "b_if"):
            compare(name)
    yield "right for any number of inputs and units"


def _slips_of_the_gradient(name, dc, c, f, x, h):
    """Return what typical slips would make of a gradient, and what to say to each."""
    right = dc * c * f * (1 - f)
    other = {"W_if": x, "W_hf": h}.get(name)
    slips = (
        (dc * c, "That is df. The slope of σ, f · (1 - f), is missing."),
        (dc * c * (1 - f**2), "1 - f² is the slope of tanh. A gate is a σ."),
        (dc * c * (1 - f), "The slope of σ is f · (1 - f), two factors."),
        (dc * f * (1 - f), "c_before has no part in it: in c = f · c_before + i · g it is the factor of f."),
        (dc * f * f * (1 - f), "The factor of f in c = f · c_before + i · g is c_before."),
        (c * f * (1 - f), "dc has no part in it: how much the loss changes with c."),
        (-right, "The sign is the wrong way round."),
        (2 * right, "It is twice as large: return the gradient of one of the two biases."),
    )
    cases = [(dz if other is None else np.outer(dz, other), words) for dz, words in slips]
    if other is None:
        return [*cases, (np.asarray(right.sum()), "There is one for each unit: do not add them up.")]
    return [*cases, (np.outer(other, right), "Rows are units and columns inputs: np.outer(dz, x), not np.outer(x, dz).")]


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
        steps, got = len(rows), answer(rows.copy())
        try:
            got = np.asarray(got)
        except ValueError:  # rows of different lengths
            raise Wrong(f"for a tune of {steps} steps it should return {steps} numbers, one for each row.") from None
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
            Mistake(_f_with(squash=np.tanh), "σ(0) is 0.5"),
            Mistake(_f_with(squash=lambda z: z), "What squeezes the sum"),
            Mistake(_f_with(squash=lambda z: 1 / (1 + np.exp(z))), "with a minus"),
            Mistake(_f_with(squash=lambda z: 1 / 1 + np.exp(-z)), "set brackets"),
            Mistake(_f_with(squash=lambda z: 1 / (1 + math.exp(-z))), "np.exp takes an array"),
            Mistake(_f_with(bias_h=False), "b_hf does not act on it"),
            Mistake(_f_with(gate="i"), "W_if does not act on it. Compare the names"),
            Mistake(lambda x, h, W: sigmoid(x * W["W_if"].T + W["b_if"] + h * W["W_hf"].T + W["b_hf"]), "Was * written for @?"),
            Mistake(lambda x, h, W: x @ W["W_if"] + h, "raised ValueError"),
            Mistake(
                lambda x, h, W: sigmoid(W["W_if"] @ x + W["b_if"] + W["W_hf"] @ h + W["b_hf"]),
                "Each row of x is one input. Write x",
            ),
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
            Mistake(_step_with(squash_g=sigmoid), "it takes tanh, not σ"),
            Mistake(_step_with(cell=lambda i, f, g, c: i * c + f * g), "f belongs to the old c"),
            Mistake(_step_with(cell=lambda i, f, g, c: f * c + g), "The input gate i has no part in it"),
            Mistake(_step_with(cell=lambda i, f, g, c: (1 - f) * c + i * g), "f is the share that is kept"),
            Mistake(_step_with(cell=lambda i, f, g, c: f @ c + i @ g), "@ adds the products up"),
            Mistake(_step_with(hidden=lambda o, c, old: o * np.tanh(old)), "It needs the new c"),
            Mistake(_step_with(hidden=lambda o, c, old: o * c), "The tanh around c is missing"),
            Mistake(_output_gate_last, "It was computed with the new h"),
            Mistake(lambda x, h, c, W: tuple(_step_with()(x, h, c, W)[k] for k in (0, 1, 2, 3, 5, 4)), "That is h. The order is"),
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
            Mistake(_keras_with(order="ifog"), "There stands o"),
            Mistake(_keras_with(order="figo"), "where Keras keeps i"),
            Mistake(_keras_with(turn=False), "Each block has to be transposed"),
            Mistake(_keras_with(both=False), "b_hi is missing"),
            Mistake(lambda W: [*_keras_with()(W)[:2], _keras_with()(W)[2] / 2], "no mean"),
            Mistake(lambda W: np.split(np.concatenate(_keras_with()(W)[:2]), [len(W["W_ii"])]), "other than three arrays"),
            Mistake(lambda W: (_keras_with()(W)[1], _keras_with()(W)[0], _keras_with()(W)[2]), "The kernel, for x, comes first"),
            Mistake(lambda W: tuple(array.tolist() for array in _keras_with()(W)), "is no array"),
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
            Mistake(_gradient_with(slope=lambda f: 1.0), "The slope of σ"),
            Mistake(_gradient_with(slope=lambda f: 1 - f**2), "the slope of tanh"),
            Mistake(_gradient_with(state=lambda c: 1.0), "c_before has no part in it"),
            Mistake(_gradient_with(turned=True), "Rows are units"),
            Mistake(_gradient_with(slope=lambda f: f * (f - 1)), "The sign is the wrong way round"),
            Mistake(lambda dc, c, f, x, h: (dc * x, dc * h, dc), "np.outer(dz, x) multiplies each number"),
            Mistake(
                lambda dc, c, f, x, h: (*_gradient_with()(dc, c, f, x, h)[:2], (dc * c * f * (1 - f)).sum()), "for each unit"
            ),
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
            Mistake(lambda rows: [[0], [1, 2]], "one for each row"),
            Mistake(lambda rows: rows[::-1, 0], "it looks ahead"),
        ),
    ),
]
