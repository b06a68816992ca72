# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 · Networks with memory
#
# How long has this note been held? When does the rest end? Whoever plays has to count, and to count one has to remember. The
# network of lesson 01 cannot. In this lesson you give it a memory, train it by hand, and then measure how far back that memory
# can be taught anything.
#
# You will be able to:
#
# - say exactly how good a network without memory can get at a rhythm, and see one get there and stop;
# - build a recurrent network (**RNN**) in NumPy, unroll it, and compute its slopes through time;
# - measure how the gradient vanishes or explodes, and tame it when it explodes;
# - say why music asks for more memory than such a network learns, with numbers from two thousand tunes.
#
# Time: about 75 minutes, and 45 more for the exercises. The cells themselves run in about a minute; the first time, reading two
# collections takes a minute more.

# %%
from collections import Counter, defaultdict

import numpy as np
from IPython.display import display
from matplotlib.figure import Figure

from musiclab import GridEncoding, Score, check, hint, load_bundle, load_corpus, show, solution

notes = [(0.5, 0.5, 67), (1, 0.5, 67), (1.5, 0.5, 67), (2, 2, 63), (4.5, 0.5, 65), (5, 0.5, 65), (5.5, 0.5, 65), (6, 4, 62)]
fifth = Score(notes, title="Beethoven: Symphony No. 5, the beginning", tempo=190, time_signature=(2, 4), key="C minor")
print(show.describe(fifth))
fifth

# %% [markdown]
# ## 1 · The same sight, another answer
#
# The beginning of Beethoven's Fifth Symphony (1808), without its pauses. A short rest, three short notes, one long note. As a
# network reads it, the time is cut into equal **steps**, here of an eighth note, and each step has one token: a pitch where a
# note begins, HOLD while it is held, REST while nothing sounds. (Where the notation has an E flat, the token is called D#4: it
# is the same key on the piano.) What comes after a HOLD?

# %%
grid = GridEncoding(steps_per_quarter=2)
names = [grid.vocabulary[token] for token in grid.encode(fifth)]
for bar in range(5):
    print(f"bar {bar + 1}:", " ".join(f"{name:<5}" for name in names[4 * bar : 4 * bar + 4]))
after = Counter(after for name, after in zip(names, [*names[1:], "END"], strict=True) if name == "HOLD")
print("after HOLD:", dict(after))
assert len(after) == 3

# %% [markdown]
# Eight times another HOLD, once a REST, once the END. A player knows which, because a player counts.
#
# Now think of a network like that of lesson 01, but one that sees only the present token. It is a chain of calculations: the
# same numbers in, the same numbers out. It is called **feed-forward**, for nothing in it goes back. At each HOLD it has to
# give *the same* answer, though the right answers differ. So the best it can do is to name each answer as often as it is
# right: probability 0.8, 0.1, 0.1. More training cannot help, nor can more layers.
#
# How large is its loss then? Take a simpler rhythm, one that goes round and round. In Cuban music two short sticks of wood, the
# claves, beat it from the first bar of a piece to the last, and the rhythm is called **clave** after them. It has 16 steps of an
# eighth, and five strokes. (We let the piano play it.)

# %%
clave = np.array([1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0])


def to_score(strokes, title):
    """Turn 0 and 1, a step of an eighth each, into a score: each stroke is a short note."""
    return Score([(step / 2, 0.5, 72) for step in np.flatnonzero(strokes)], title=title, tempo=180)


print("".join("x" if stroke else "." for stroke in clave), " x is a stroke, a dot is a silent step")
display(show.notation(to_score(clave, "The clave")))
show.sound(to_score(np.tile(clave, 2), "The clave, twice"))

# %% [markdown]
# The network sees one number, 1 for a stroke and 0 for silence, and says how likely the next step is a stroke. Count the
# cases. Then the least loss is known before any training: it is the mean **surprise** (lesson 01), $-\ln p$ of what happens,
# if $p$ is the true share. One can do this also for a network that sees the last 2, 3, … steps at once, a **window**. Guess:
# how many steps must it see until nothing is unsure?


# %%
def least_loss(rhythm, window):
    """Return the least mean surprise, in nats, of a network that sees the last `window` steps of a rhythm that goes round."""
    around = [*rhythm, *rhythm]
    runs = [(tuple(around[i : i + window]), around[i + window]) for i in range(len(rhythm))]
    seen, pairs = Counter(run for run, _ in runs), Counter(runs)
    return sum(np.log(seen[pair[0]] / pairs[pair]) for pair in runs) / len(runs)


after_silence = Counter(np.roll(clave, -1)[clave == 0].tolist())
print(f"after silence: {after_silence[1]} strokes, {after_silence[0]} silent steps; after a stroke: always silence")
by_hand = -(5 * np.log(5 / 11) + 6 * np.log(6 / 11)) / 16
for window in range(1, 10):
    print(f"window of {window}: least loss {least_loss(clave, window):.3f} nats a step")
assert np.isclose(by_hand, least_loss(clave, 1))

# %% [markdown]
# Seeing one step, 0.474 nats is the floor. The longest silence has three steps, and yet a network has to see nine. For `x..x..`
# comes twice in a round: once a stroke follows, once silence, and to know which, one has to look back to before it began.
#
# So why not take a large window? Because the next rhythm may need a larger one: in a rest, every window that fits into the
# rest shows the same silence. And each further step in the window brings further weights, which have to learn anew, for their
# place in it, what a stroke is.
#
# ### Exercise 3.1 · How wide a window? (warm-up)
#
# Write `window_needed(rhythm)`: the least number of steps, 1 or more, that a network has to see at once so that nothing is
# unsure. The rhythm, a list of 0 and 1, goes round. For the clave it is 9, for `[1, 0]` it is 1, and for one stroke followed by
# seven silent steps it is 7. (`hint("3.1")` gives a hint, and another one each time; `solution("3.1")` shows a worked answer.)


# %%
def window_needed(rhythm):
    """Return the least window after which the next step is always the same."""
    ...


# %%
check("3.1", window_needed)

# %% [markdown]
# Does a real network get to the floor? Here is one with two layers as in lesson 01: 8 hidden units with $\tanh$, which squeezes
# any number into the range from -1 to 1, and at the end the function $\sigma(y) = 1/(1+e^{-y})$, which turns any number into a
# probability. It goes downhill 2,000 times. Will it end at 0.474, above, or below?


# %%
def sigma(y):
    """Turn a number into a probability."""
    return 1 / (1 + np.exp(-y))


def surprise(p, targets):
    """Return the mean of -ln(probability of what happened), in nats."""
    return -np.log(np.where(targets == 1, p, 1 - p) + 1e-12).mean()  # a little more than 0, for ln 0 is infinite


rng = np.random.default_rng(0)
x, target = clave[:, None].astype(float), np.roll(clave, -1)[:, None]  # (16, 1): a step, and the step after it
W_1, b_1, W_2, b_2 = rng.normal(0, 0.5, (8, 1)), np.zeros(8), rng.normal(0, 0.5, (1, 8)), np.zeros(1)
floor, losses = least_loss(clave, 1), []
for _ in range(2001):
    h = np.tanh(x @ W_1.T + b_1)  # (16, 8)
    p = sigma(h @ W_2.T + b_2)  # (16, 1)
    losses.append(surprise(p, target))
    dy = (p - target) / len(x)  # slope of the loss at y, as in lesson 01
    dz = dy @ W_2 * (1 - h**2)
    for weight, slope in ((W_2, dy.T @ h), (b_2, dy.sum(axis=0)), (W_1, dz.T @ x), (b_1, dz.sum(axis=0))):
        weight -= 0.5 * slope
print("loss after 0, 20, 200, 2000 rounds:", *(f"{losses[n]:.3f}" for n in (0, 20, 200, 2000)), f" floor: {floor:.3f}")
print("its answers at the 11 silent steps:", *set(p[clave == 0].ravel().round(2).tolist()), f"  5/11 is {5 / 11:.2f}")
assert min(losses) > floor and losses[-1] < floor + 0.001

# %% [markdown]
# To the floor, and not below it. At all silent steps it says the same: 5 in 11, the true share.
#
# ## 2 · A memory in one line
#
# What would help? Let the network see, beside the present step, *what it thought a step ago*. Call its hidden layer at step
# $t$ the **hidden state** $h_t$, and feed it back:
#
# $$h_t = \tanh(W_{ih}\, x_t + W_{hh}\, h_{t-1} + b_h) \qquad\qquad y_t = W_{hy}\, h_t + b_y$$
#
# That is a **recurrent** network, RNN: recurrent means that it comes back. $x_t$ is the input, $y_t$ the output; $\sigma(y_t)$
# is the probability of a stroke. The small letters of a weight say from where to where: $W_{ih}$ from the input to the hidden
# state, $W_{hh}$ from the hidden state to the next one, $W_{hy}$ on to the output. (In lesson 04 there will be more of the kind:
# $W_{if}$, $W_{hf}$ and others.) The same weights serve at every step, so a rest may be as long as it likes.
#
# And $\tanh$ squeezes any number into the range from -1 to 1. Where is its curve steep, and where flat? (The slope will matter.)

# %%
z = np.linspace(-4, 4, 81)
figure = Figure(figsize=(4.2, 1.9), dpi=80, facecolor="white", layout="constrained")
axes = figure.subplots()
axes.plot(z, np.tanh(z), color="#0072b2", lw=2)
axes.set(xlabel="z", ylabel="tanh(z)", yticks=[-1, 0, 1])
axes.grid(color="#e0e0e0")
print("slope of tanh at 0, 1, 2, 3:", *(f"{1 - np.tanh(place) ** 2:.2f}" for place in (0, 1, 2, 3)))
show.Picture(figure, axes, "The curve of tanh: from -1 on the left it rises through 0 at 0, where it is steepest, to 1.")

# %% [markdown]
# Steepest at 0, with slope 1; flat far out. The slope is $1 - \tanh^2(z)$: so it can be had from the result alone.
#
# Now the network. The cell is all of it. A row of `x` or `h` is one sequence, so that several can be run side by side; `x @
# W.T` is $W x$ for each row.


# %%
def new_weights(units, rng, radius=1.0):
    """Return the weights of an RNN with one input and one output. What `radius` is, section 4 explains."""
    W_hh = rng.normal(size=(units, units))
    W_hh *= radius / np.abs(np.linalg.eigvals(W_hh)).max()
    W_ih, W_hy = rng.normal(size=(units, 1)), rng.normal(0, 0.3, (1, units))
    return {"W_ih": W_ih, "W_hh": W_hh, "b_h": np.zeros(units), "W_hy": W_hy, "b_y": np.zeros(1)}


def step(w, x, h):
    """Take one step: input x (batch, 1) and the state before h (batch, units) give the state after."""
    return np.tanh(x @ w["W_ih"].T + h @ w["W_hh"].T + w["b_h"])


def forward(w, xs):
    """Go through sequences xs (steps, batch, 1): states (steps + 1, batch, units), probabilities (steps, batch, 1)."""
    hs = [np.zeros((xs.shape[1], len(w["b_h"])))]
    for x in xs:
        hs.append(step(w, x, hs[-1]))
    hs = np.array(hs)
    return hs, sigma(hs[1:] @ w["W_hy"].T + w["b_y"])


small = new_weights(3, np.random.default_rng(4))
hs, _ = forward(small, np.array([1, 0, 0, 0, 0])[:, None, None])
for t, h in enumerate(hs[1:, 0]):
    print(f"step {t}: x = {int(t == 0)}, h = {np.round(h, 2)}")
assert len({tuple(h) for h in hs[2:, 0].round(6).tolist()}) == 4

# %% [markdown]
# One stroke, then four silent steps. The input of the silent steps is the same, the hidden state is another each time. So the
# output *can* differ: here is something to count with.
#
# To see it, draw each step beside the one before. This is called **unrolling**. It is one network, drawn once for each step;
# all arrows of a kind carry the same weights. The numbers are those of the cell above: the darker, the farther from 0.

# %%
figure = Figure(figsize=(8.6, 3.2), dpi=90, facecolor="white", layout="constrained")
axes = figure.subplots()
arrow = {"arrowstyle": "->", "color": "#333333", "lw": 1.2}
for t, h in enumerate(hs[:, 0]):
    for unit, value in enumerate(h):
        axes.text(t, 1.55 - 0.45 * unit, f"{value:+.2f}", ha="center", va="center", fontsize=10, bbox={
            "boxstyle": "square,pad=0.35", "fc": str(1 - 0.45 * abs(value)), "ec": "black"})
    axes.text(t, 2.1, f"$h_{{{t - 1}}}$" if t else "start", ha="center", fontsize=11)
    if t:
        axes.annotate("", (t - 0.3, 1.1), (t - 0.7, 1.1), arrowprops=arrow)
        axes.text(t - 0.5, 1.22, "$W_{hh}$", ha="center", fontsize=9)
        axes.annotate("", (t, 0.38), (t, -0.1), arrowprops=arrow)
        axes.text(t + 0.06, 0.08, "$W_{ih}$", fontsize=9)
        axes.text(t, -0.38, f"$x_{{{t - 1}}}$ = {int(t == 1)}", ha="center", fontsize=11)
axes.set(xlim=(-0.5, 5.5), ylim=(-0.5, 2.4))
axes.axis("off")
rows = "; ".join(f"after step {t}: {', '.join(f'{v:+.2f}' for v in h)}" for t, h in enumerate(hs[1:, 0]))
show.Picture(figure, axes, f"An RNN with three units, unrolled over five steps: a stroke, then silence. States {rows}.")

# %% [markdown]
# ### Exercise 3.2 · A memory made by hand
#
# Weights need not be learnt. Leave out tanh and the biases: $h_t = W_{ih} x_t + W_{hh} h_{t-1}$ and $y_t = W_{hy} h_t$. Write
# `delay(k)`, which returns `W_ih` (units, 1), `W_hh` (units, units) and `W_hy` (1, units) such that the network says, at each
# step, what came in `k` steps ago (and 0 before there was anything). You choose the number of units. Think of people in a row
# who pass buckets on.


# %%
def delay(k):
    """Return W_ih, W_hh, W_hy of a network that repeats its input k steps later."""
    ...


# %%
check("3.2", delay)

# %% [markdown]
# ## 3 · Learning through time
#
# Now train one. We need the slope of the loss for every weight. Go back through the unrolled picture, from the last step to
# the first. Write `dh` for the slope of the loss with respect to h, and so on for the others: how much the loss changes for a
# small change of h, divided by that change. Going back is done with the **chain rule**, and three cases are enough:
#
# - A product: in $y = a \cdot b$, a change of $b$ reaches $y$ times $a$. So $db = a \cdot dy$, and likewise $da = b \cdot dy$.
# - A squeezing function: its slope at that place is the factor. For $y = \tanh(z)$ that is $dz = (1 - y^2) \cdot dy$.
# - Something that acts in two places: its two slopes add up.
#
# For a matrix, $z = W h$, the first and the third case come together. Each number of $h$ acts on every number of $z$, and
# its slopes are added: $dh = W^T dz$. Here $W^T$ is the **transpose** of $W$, the same table with rows and columns exchanged.
#
# So, from the back:
#
# 1. The loss at step $t$ depends on $y_t$, with slope $p_t$ minus target, as before.
# 2. $h_t$ acts in two ways: on $y_t$, and on $h_{t+1}$. Both slopes add up: $dh_t = W_{hy}^T\, dy_t + (\text{from step } t+1)$.
# 3. Through tanh, whose slope is $1 - \tanh^2$: $dz_t = dh_t * (1 - h_t^2)$. ($z_t$ is what stands inside tanh.)
# 4. To the step before: $dh_{t-1}$ gets $W_{hh}^T\, dz_t$. This is the "from step $t+1$" of the next turn.
# 5. The same weights act at each step, so their slopes are summed over all steps.
#
# That is **backpropagation through time**. Is it right? Test it as in lesson 01, but every single weight: push it a little up
# and a little down, and see how the loss changes.


# %%
def backward(w, xs, hs, dys):
    """Go back: from the slopes dys at each output (steps, batch, 1) to the slopes of all weights."""
    slopes = {name: np.zeros_like(weight) for name, weight in w.items()}
    dh = np.zeros_like(hs[0])
    for t in reversed(range(len(xs))):
        dh = dh + dys[t] @ w["W_hy"]  # h_t acts on y_t, and on what comes later
        dz = dh * (1 - hs[t + 1] ** 2)  # hs[t + 1] is the state after step t
        slopes["W_hy"] += dys[t].T @ hs[t + 1]
        slopes["b_y"] += dys[t].sum(axis=0)
        slopes["W_ih"] += dz.T @ xs[t]
        slopes["W_hh"] += dz.T @ hs[t]
        slopes["b_h"] += dz.sum(axis=0)
        dh = dz @ w["W_hh"]  # on to the step before: W_hh^T dz, written as a row
    return slopes


xs = np.tile(clave, 2)[:, None, None].astype(float)  # (32, 1, 1): two rounds of the clave
targets = np.roll(xs, -1, axis=0)
w = new_weights(12, np.random.default_rng(10))
hs, p = forward(w, xs)
slopes = backward(w, xs, hs, (p - targets) / len(xs))
print("slope of the loss at b_y:", slopes["b_y"].round(4), " and at W_hh[0, 0]:", slopes["W_hh"][0, 0].round(4))

# %%
worst = 0
for name, weight in w.items():
    tried = np.zeros_like(weight)
    for place in np.ndindex(weight.shape):
        kept = weight[place]
        weight[place] = kept + 1e-5
        up = surprise(forward(w, xs)[1], targets)
        weight[place] = kept - 1e-5
        down = surprise(forward(w, xs)[1], targets)
        weight[place] = kept
        tried[place] = (up - down) / 2e-5
    error = np.abs(tried - slopes[name]).max() / np.abs(slopes[name]).max()
    worst = max(worst, error)
    print(f"{name:<4} {weight.size:3d} slopes, formula and trial agree to 1 in a million: {error < 1e-6}")
assert worst < 1e-6

# %% [markdown]
# They agree. Now downhill. `play` lets the network play by itself: it hears one stroke, and from then on only what it has just
# played (a stroke if it gives more than one half). First a network that has learnt nothing. Guess what it plays.


# %%
def train(w, xs, targets, steps, rate, limit=None):
    """Go downhill, in place; return the loss and the length of all slopes together, step by step."""
    losses, lengths = [], []
    for _ in range(steps):
        hs, p = forward(w, xs)
        slopes = backward(w, xs, hs, (p - targets) / p.size)
        losses.append(surprise(p, targets))
        lengths.append(np.sqrt(sum((slope**2).sum() for slope in slopes.values())))
        scale = 1 if limit is None else min(1, limit / lengths[-1])  # section 5 explains the limit
        for name in w:
            w[name] -= rate * scale * slopes[name]
    return np.array(losses), np.array(lengths)


def play(w, steps):
    """Let the network play by itself, after one stroke: 0 and 1 for each step."""
    h, played = np.zeros((1, len(w["b_h"]))), [1]
    while len(played) < steps:
        h = step(w, np.array([[float(played[-1])]]), h)
        played.append(int((sigma(h @ w["W_hy"].T + w["b_y"]) > 0.5).item()))
    return np.array(played)


before = play(w, 32)
print("".join("x" if stroke else "." for stroke in before))
show.sound(to_score(before, "Before training"))

# %% [markdown]
# It plays a rhythm, but not this one. Now 600 rounds of training, on two rounds of the clave. (The picture calls a round of
# training an *epoch*.) The dotted line is the floor of section 1. Will the loss stop there?

# %%
losses, _ = train(w, xs, targets, steps=600, rate=0.2)
print("loss after 600 rounds is below 0.01:", losses[-1] < 0.01)
assert losses[-1] < 0.01
history = [{"epoch": n, "loss": losses[n]} for n in range(0, 600, 10)]
show.curves(history, baselines={"floor without memory": floor}, title="An RNN learns the clave", unit="nats a step")

# %%
after = play(w, 160)
print("".join("x" if stroke else "." for stroke in after[:32]))
print("ten rounds played by itself, all of them the clave:", np.array_equal(after, np.tile(clave, 10)))
assert np.array_equal(after, np.tile(clave, 10))
show.sound(to_score(after[:32], "After training"))

# %% [markdown]
# It was trained on two rounds and keeps on for ten. Where is the count? Look into its memory while it plays: the row at the top
# is what it hears, each row below is one of its 12 units, from -1 (white) to 1 (black).

# %%
hs, _ = forward(w, np.tile(clave, 4)[:, None, None].astype(float))
states = hs[33:, 0]  # (32, 12): rounds three and four
figure = Figure(figsize=(8.4, 3.4), dpi=90, facecolor="white", layout="constrained")
above, axes = figure.subplots(2, 1, sharex=True, height_ratios=[1, 12])
above.imshow(np.tile(clave, 2)[None], cmap="Greys", aspect="auto")
above.set(yticks=[0], yticklabels=["input"], title="The hidden state over two rounds of the clave")
axes.imshow(states.T, cmap="Greys", aspect="auto", vmin=-1, vmax=1)
axes.axvline(15.5, color="#d55e00")
axes.set(yticks=range(12), yticklabels=range(1, 13), ylabel="unit", xlabel="step", xticks=range(0, 32, 4))
silent = states[:16][clave == 0]  # the states at the 11 silent steps
nearest = min(np.linalg.norm(a - b) for i, a in enumerate(silent) for b in silent[:i])
print("rounds three and four look the same:", np.abs(states[:16] - states[16:]).max() < 0.01)
print("any two of the 11 silent steps of a round differ by more than 0.5:", nearest > 0.5)
assert np.abs(states[:16] - states[16:]).max() < 0.01 and nearest > 0.5
show.Picture(figure, [above, axes], "Heat map of 12 hidden units over two rounds of the clave: each step has its own pattern.")

# %% [markdown]
# Eleven silent steps, one and the same input, eleven different states. No unit is "the counter"; the pattern of all of them is.
#
# ## 4 · How far back does the gradient reach?
#
# You will read that an RNN "has trouble with long-term dependencies". Here is what that means, measured.
#
# The network learnt because a mistake at step $t$ sent a slope back to the steps before. (All slopes together are called the
# **gradient**.) How strong is that message when it arrives? In `backward`, each step back multiplies `dh` with
# the slope of tanh and with $W_{hh}$. So one step is a matrix, and $k$ steps are a product of $k$ matrices:
#
# $$\frac{\partial h_t}{\partial h_{t-1}} = \mathrm{diag}(1 - h_t^2)\; W_{hh} \qquad\qquad
# \frac{\partial h_T}{\partial h_{T-k}} = \prod_{t=T-k+1}^{T} \mathrm{diag}(1 - h_t^2)\; W_{hh}$$
#
# Read $\partial h_t / \partial h_{t-1}$ as: how much each number of $h_t$ changes for a small change of each number of $h_{t-1}$.
# That is a table with a row for each number of $h_t$ and a column for each of $h_{t-1}$: a matrix. The sign $\prod$ means the
# product of all of them, here of one matrix for each step; the later steps stand to the left. $\mathrm{diag}$ multiplies each
# row with a number, the slope of tanh there. Call the size of this
# matrix the **reach** over $k$ steps: by how much, on average over all directions, a small change of the state then changes the
# state now. The cell computes it, and tests it by changing the state at one step a little.



# %%
def reach(W_hh, hs, lags):
    """Return the reach from the last of the states hs (steps, units) back over 0 to `lags` steps."""
    product, sizes = np.eye(len(W_hh)), [1.0]
    for h in hs[::-1][:lags]:
        product = product @ ((1 - h**2)[:, None] * W_hh)
        sizes.append(np.sqrt((product**2).sum() / len(W_hh)))
    return np.array(sizes)


def run(w, xs, h):
    """Return the last state after the inputs xs, from state h."""
    for x in xs:
        h = step(w, x, h)
    return h


fresh = new_weights(12, np.random.default_rng(10))
hs, _ = forward(fresh, xs)
for lag in (1, 4, 16):
    then, rest = hs[-1 - lag], xs[len(xs) - lag :]
    pushes = [(run(fresh, rest, then + e) - run(fresh, rest, then - e)) / 2e-5 for e in 1e-5 * np.eye(12)]
    tried, formula = np.sqrt((np.array(pushes) ** 2).sum() / 12), reach(fresh["W_hh"], hs[1:, 0], lag)[lag]
    print(f"reach over {lag:2d} steps: {formula:.5f} by products, {tried:.5f} by pushing")
    assert np.isclose(tried, formula, rtol=1e-5)

# %% [markdown]
# First without tanh: its slope is then 1, and $k$ steps are $W_{hh}$ to the power of $k$. What does a matrix do if it is used
# again and again? In the long run it stretches by the same factor each time: its **spectral radius**, the size of its largest
# eigenvalue. (You need not know eigenvalues. It is the number that this cell measures, and `radius` in `new_weights` sets it.)
#
# Guess: with radius 0.9, what is left after 64 steps? And with 1.1?

# %%
radii = (0.5, 0.9, 1.0, 1.1, 1.5)
linear = {}
for radius in radii:
    W_hh = new_weights(64, np.random.default_rng(1), radius)["W_hh"]
    linear[radius] = reach(W_hh, np.zeros((128, 64)), 128)  # at h = 0 the slope of tanh is 1
    slope = np.polyfit(np.arange(32, 129), np.log(linear[radius][32:]), 1)[0]
    print(f"radius {radius}: over 64 steps {linear[radius][64]:7.0e}; factor for each step, from the slope: {np.exp(slope):.2f}")
    assert np.isclose(np.exp(slope), radius, rtol=0.01)

# %% [markdown]
# In the plot below, on a logarithmic scale, each is soon a straight line, and its slope is $\ln(\text{radius})$. Below 1 the
# gradient **vanishes**, above 1 it **explodes**. To be exactly 1 is like balancing a pencil on its tip.
#
# Now with tanh, with the clave as input, and beside them the network that you trained. Where tanh bends, its slope is
# smaller than 1. What does that do to the five lines? And what do you expect of the trained network, which remembers so
# well?

# %%
beats = np.tile(clave, 12)[:, None, None].astype(float)
bent = {}
for radius in radii:
    start = new_weights(64, np.random.default_rng(1), radius)
    bent[radius] = reach(start["W_hh"], forward(start, beats)[0][1:, 0], 128)
trained = reach(w["W_hh"], forward(w, beats)[0][1:, 0], 128)
figure = Figure(figsize=(9, 3.9), dpi=80, facecolor="white", layout="constrained")
both = figure.subplots(1, 2, sharey=True)
for radius, style in zip(radii, ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))), strict=True):
    for axes, sizes in zip(both, (linear, bent), strict=True):
        axes.plot(sizes[radius], ls=style, label=f"radius {radius}")
both[1].plot(trained, color="black", lw=2.5, label="the trained network")
for axes, title in zip(both, ("without tanh", "with tanh, on the clave"), strict=True):
    axes.axhline(0.01, color="#c0c0c0", lw=1)
    axes.set(yscale="log", ylim=(1e-12, 1e6), xlim=(0, 128), xlabel="steps back", title=title, xticks=range(0, 129, 16))
both[0].set_ylabel("reach (1 = all of it)")
both[1].legend(fontsize=8, loc="upper right")
below = {f"radius {radius}": int(np.argmax(bent[radius] < 0.01)) for radius in radii}
print("steps until less than 1 % is left, with tanh:", below)
assert list(below.values()) == sorted(below.values()) and trained[128] < 1e-3 and linear[1.1][128] > 100
show.Picture(figure, list(both), "Reach over 0 to 128 steps back, log scale, for five spectral radii, without and with tanh.")

# %% [markdown]
# Left is the plot of the textbooks, here computed. Right is what a network really has: tanh bends all lines down, and even at
# radius 1.5 the gradient vanishes. At radius 0.9 a mistake is heard a dozen steps back, and that is about all.
#
# The black line is the surprise. The trained network plays the clave for ever, so it does remember; and yet its gradient
# vanishes, too. There is no contradiction. It keeps its rhythm *because* small disturbances die out in it, and a disturbance
# that dies out is a gradient that vanishes. A memory of this kind is safe, but one cannot teach it anything new over a long
# distance.
#
# Now play with it. Each slider changes one thing, and both networks are computed anew: a plain network, and an **LSTM** (lesson
# 04), whose memory is called $c$ and has a *forget gate*: the share of the memory that is kept at each step. The bias of that
# gate moves it: at 0 the gate is about one half, at large values near 1. Before you run the cell: which of the settings
# will bring the LSTM's gradient through 64 steps? (The sliders also obey the arrow keys. This plain network hears the clave at
# half the strength of ours, so that tanh bends less, and at a radius of 2 you can see one explode.)

# %%
from musiclab.widgets.gradients import GradientExplorer, lstm_reach

explorer = GradientExplorer(steps=64)
for radius in (0.5, 1.5, 2.0, 1.0):
    explorer.radius.value = radius
    print(f"plain, radius {radius}:     reach over 64 steps {explorer.rnn[64]:.0e}")
kept = {}
for bias in (0.0, 1.0, 2.0, 4.0):
    explorer.forget_bias.value = bias
    kept[bias] = explorer.lstm[64]
    print(f"LSTM, forget bias {bias}: reach over 64 steps {explorer.lstm[64]:.0e}, forget gate {explorer.forget:.2f} on average")
assert kept[0.0] < 1e-10 and kept[4.0] > 0.5
explorer

# %% [markdown]
# A forget gate near 1 lets the gradient through; we come back to it in section 7.
#
# ## 5 · When it explodes
#
# Too small a gradient teaches nothing. Too large a one destroys: a single step leads far away from all that was learnt. The
# training of section 3 was careful (`rate=0.2`). What happens with steps five times as large? And what if we set a limit to the
# *length* of the gradient (the square root of the sum of the squares of all slopes), and shrink it to the limit where it is
# longer? That is called **clipping**. Five networks each way; guess how many learn the clave in 300 rounds.
# (Without the limit no number is printed, but only whether it is smaller: what explodes magnifies even the sixteenth digit, in
# which processors differ, and with it the number changes from computer to computer.)

# %%
runs, learnt = {}, {}
for limit in (None, 1.0):
    runs[limit] = [train(new_weights(12, np.random.default_rng(seed)), xs, targets, 300, 1.0, limit) for seed in range(5)]
    learnt[limit] = sum(losses[-1] < 0.02 for losses, _ in runs[limit])
jumping, lengths = runs[None][0]
print(f"with a limit {learnt[1.0]} of 5 learn;  without it fewer: {learnt[None] < learnt[1.0]}")
print("without it the first one went below 0.1 and then above 1:", jumping[np.argmax(jumping < 0.1) :].max() > 1 > jumping[0])
print("its longest gradient is more than 5 times as long as its median:", lengths.max() > 5 * np.median(lengths))
assert learnt[1.0] == 5 and learnt[None] < learnt[1.0]
figure = Figure(figsize=(8.4, 3), dpi=80, facecolor="white", layout="constrained")
axes = figure.subplots()
axes.plot(runs[None][0][0], color="#d55e00", lw=1, label="without clipping")
axes.plot(runs[1.0][0][0], color="#0072b2", lw=2, ls="--", label="clipped to length 1")
axes.axhline(floor, color="#707070", ls=":", label="floor without memory")
axes.set(xlabel="round", ylabel="loss, nats", ylim=(0, 2.2), title="The same start, the same rate, with and without clipping")
axes.legend(fontsize=8)
show.Picture(figure, axes, "Loss over 300 rounds: without clipping it jumps and does not settle; clipped it falls to 0.")

# %% [markdown]
# Within 50 rounds it had nearly learnt the rhythm, and then one step threw it out. (On your computer the orange line may go
# another way, for the same reason.) Clipping keeps the
# direction and shortens the step. It cures explosions. It does nothing against vanishing: 0 times any factor is 0.
#
# ### Exercise 3.3 · Clip by length
#
# Write `clip(slopes, limit)`. `slopes` is a dict of arrays, as `backward` returns it. Take the length of *all* of them
# together. If it is above the limit, return a new dict with everything shrunk by the same factor, so that the length is the
# limit; otherwise return the slopes as they are. (In Keras the same is called `global_clipnorm`.)


# %%
def clip(slopes, limit):
    """Return the slopes, together at most as long as the limit."""
    ...


# %%
check("3.3", clip)

# %% [markdown]
# ## 6 · What vanishing means for learning
#
# A task from music: most tunes end on their home note (lesson 02). To do so a network must still know at the end what it heard at
# the beginning. Make it as bare as can be: high and low notes by chance, +1 or -1, and at the end of the sequence the network
# has to say what the *first* one was. The task is the same for every length
# $k$; only the distance grows. The network has 16 units and trains for 300 rounds, clipped, each time on 32 fresh sequences. If
# it knows nothing, its loss is $\ln 2 = 0.69$. At which length do you expect learning to stop, for the radii 0.5, 0.9 and 1.2?
# (Look at the right-hand plot of section 4; think of 1.2 as between 1.1 and 1.5. The table takes about a quarter of a minute;
# three networks for each number.)


# %%
def recall(radius, k, seed, rounds=300):
    """Train a network to name the first of k notes; return its loss over the last 30 rounds."""
    rng = np.random.default_rng(seed)
    w, losses = new_weights(16, rng, radius), []
    for _ in range(rounds):
        xs = rng.choice([-1.0, 1.0], size=(k, 32, 1))
        hs, p = forward(w, xs)
        target = (xs[0] + 1) / 2  # (32, 1)
        dys = np.zeros_like(p)
        dys[-1] = (p[-1] - target) / 32  # only the last output counts
        slopes = backward(w, xs, hs, dys)
        length = np.sqrt(sum((slope**2).sum() for slope in slopes.values()))
        losses.append(surprise(p[-1], target))
        for name in w:
            w[name] -= slopes[name] * min(1, 1 / length)
    return np.mean(losses[-30:])


one = recall(0.9, 4, seed=0)
print(f"k = 4, radius 0.9: learnt, for the loss is below 0.05: {one < 0.05}")

# %% tags=["nbval-ignore-output"]
ks = (4, 8, 12, 16, 24, 32)
learnt = {0.5: [], 0.9: [], 1.2: []}
for radius, k in show.progress([(radius, k) for radius in learnt for k in ks], "Training"):
    learnt[radius].append(sum(recall(radius, k, seed) < 0.35 for seed in range(3)))
print("networks of 3 that learn, for k =  ", "".join(f"{k:4d}" for k in ks))
for radius, counts in learnt.items():
    print(f"radius {radius} to begin with            " + "".join(f"{count:4d}" for count in counts))
assert all(counts[0] == 3 and counts[-1] <= 2 for counts in learnt.values())  # short is easy for all, long is hard
assert sum(learnt[0.5]) < sum(learnt[1.2]) and learnt[0.5][-3:] == [0, 0, 0]

# %% [markdown]
# Nothing about the task got harder, and the network has room enough: it holds a single bit. It does not *learn* to. That fits
# section 4, where less and less of a slope arrived from far back, and the less the smaller the radius. (Those were other
# networks with another input; here we measured only the learning.)
#
# ### Exercise 3.4 · A matrix that forgets nothing
#
# So the start matters. Write `long_memory(units, rng)`, which returns a matrix `W_hh` of units by units such that 100 steps
# without tanh make no direction more than twice as long, and none less than half as long. There are several answers. (To divide
# a random matrix by its radius is not enough; the check shows why.) Then, if you like, see
# whether `recall` gets any further with it: in `recall`, after the line with `new_weights(16, rng, radius)`, write
# `w["W_hh"] = long_memory(16, rng)`.


# %%
def long_memory(units, rng):
    """Return a matrix whose hundredth power neither stretches nor shrinks any direction by more than a factor of 2."""
    ...


# %%
check("3.4", long_memory)

# %% [markdown]
# One more word from practice: **truncated** backpropagation. A tune of a thousand steps, unrolled, takes a lot of memory and
# time. So one cuts it into pieces: the *state* is carried over from piece to piece, the *slopes* stop at the cut. How wrong is
# the gradient then? The cell takes 64 steps of the clave and a fresh network. It compares the direction of the slopes of
# $W_{hh}$ with that of the whole: 1 is the same direction, 0 is at a right angle.

# %%
xs_64 = np.tile(clave, 4)[:, None, None].astype(float)
hs, p = forward(fresh, xs_64)
dys = (p - np.roll(xs_64, -1, axis=0)) / 64


def cut(k):
    """Return the slopes of W_hh, computed in pieces of k steps, as one long row of length 1."""
    pieces = [backward(fresh, xs_64[a : a + k], hs[a : a + k + 1], dys[a : a + k]) for a in range(0, 64, k)]
    slopes = sum(piece["W_hh"] for piece in pieces).ravel()
    return slopes / np.linalg.norm(slopes)


agreement = {k: cut(k) @ cut(64) for k in (1, 2, 4, 8, 16, 32, 64)}
for k, value in agreement.items():
    print(f"pieces of {k:2d} steps: {value:.2f}")
assert agreement[1] < 0.95 < agreement[16] <= agreement[32] <= agreement[64] + 1e-9

# %% [markdown]
# Pieces need not be much longer than the gradient reaches anyway. But what lies further back than a piece cannot be learnt
# at all.
#
# ## 7 · What helps: a gate
#
# In a plain network the memory goes through a matrix and a tanh at every step. What if there were a memory that just stays?
# Give it two *gates*, numbers between 0 and 1: $f$, how much of the old is kept, and $i$, how much of the new is written.
#
# $$c_t = f_t \cdot c_{t-1} + i_t \cdot g_t \qquad\qquad \frac{\partial c_t}{\partial c_{t-1}} = f_t$$
#
# No matrix and no tanh stand between $c_{t-1}$ and $c_t$. The derivative of one step is $f$, and that of $k$ steps the product
# of all the $f$. In the cell a single number $c$ gets the task of section 6, at a length of 128, with the gates set by hand:
# write at the first step, keep at all others. Then it measures what is left of a $c$ of 1 if $f$ is the same at all steps. Guess:
# how large must $f$ be, so that a quarter is left after 128 steps?


# %%
def gated(gs, i, f, c=0.0):
    """Run one gated memory over the inputs gs; i and f are the gates at each step."""
    for t in range(len(gs)):
        c = f[t] * c + i[t] * gs[t]
    return c


gs = np.random.default_rng(5).choice([-1.0, 1.0], size=128)
write = np.arange(128) == 0  # i: 1 at the first step, then 0
print(f"the first note was {gs[0]:+.0f}; after 128 steps the memory holds {gated(gs, write * 1.0, 1.0 - write):+.2f}")
print("    f   after 16   after 64   after 128 steps")
for f in (0.5, 0.9, 0.99, 0.999):
    left = [gated(gs[:k], np.zeros(k), np.full(k, f), c=1.0) for k in (16, 64, 128)]  # nothing written: what is left of 1?
    print(f"{f:5}   {left[0]:8.2g}   {left[1]:8.2g}   {left[2]:9.2g}")
    assert np.isclose(left[2], f**128)
assert gated(gs, write * 1.0, 1.0 - write) == gs[0]

# %% [markdown]
# A gate of 0.99 keeps more than a quarter over 128 steps; 0.5 keeps nothing. And it is no balancing on a tip, for a gate is not
# one fixed number: the network computes it, at each step and for each unit, from what it sees. It *decides* what to keep and
# what to forget. How, is the subject of lesson 04.
#
# ## 8 · How much memory does music need?
#
# We have distances in steps. What distances are there in music? A bar of 4/4 has 16 sixteenths, and that is what a network for
# melodies steps through. But a tune is more than bars. Take the 2,009 tunes of O'Neill's *Music of Ireland* (1903) and the
# top voice of Bach's chorales, and ask how often a bar is the same as the one $k$ bars before: the same rhythm and the same
# intervals, in whatever key. For which $k$ would you expect the most? (The first time, reading the two
# collections takes a minute more.)

# %% tags=["nbval-ignore-output"]
corpora = {name: [tune.voice(0) for tune in load_corpus(name)] for name in ("irish-tunes", "bach-chorales")}
print({name: len(tunes) for name, tunes in corpora.items()})
assert len(corpora["irish-tunes"]) > 1500 and len(corpora["bach-chorales"]) > 300


# %%
def shapes(tune):
    """Return for each bar its rhythm and its intervals; None for a bar with fewer than three notes."""
    notes, found = tune.notes, []
    number = np.floor(notes["onset"] / tune.bar_length + 1e-9).astype(int)  # of the bar
    for n in range(number[-1] + 1):
        bar = notes[number == n]
        rhythm = np.round(bar["onset"] - n * tune.bar_length, 3).tolist()
        found.append((*rhythm, *np.diff(bar["pitch"].astype(int)).tolist()) if len(bar) >= 3 else None)
    return found


bars = {name: [shapes(tune) for tune in tunes] for name, tunes in corpora.items()}
alike = {name: [] for name in bars}
for name, tunes in bars.items():
    for k in range(1, 17):
        pairs = [(one, other) for tune in tunes for one, other in zip(tune, tune[k:], strict=False) if one and other]
        alike[name].append(100 * np.mean([one == other for one, other in pairs]))
print("  k  irish-tunes                    bach-chorales")
for k, (irish, bach) in enumerate(zip(*alike.values(), strict=True), start=1):
    print(f"{k:3d}  {irish:4.1f} % {'#' * round(irish):<22}  {bach:4.1f} % {'#' * round(bach)}".rstrip())
best = [int(np.argmax(shares)) + 1 for shares in alike.values()]
assert best[0] == 4 and alike["irish-tunes"][7] > 10 * alike["irish-tunes"][6]

# %% [markdown]
# The Irish tunes come back after 2, 4, 8, 12 and 16 bars, and hardly ever after 3, 5 or 7. That is their form: a **phrase** (a
# musical sentence) has four bars, two phrases make a part of eight, and two parts make the tune. The chorales follow the lines
# of their verses, which are not all alike, and their numbers lie closer together: 4 bars (6.8 %) and 8
# bars (6.3 %) come first, but 6 bars (5.5 %), 14 and 16 follow close behind.
#
# So for each bar that was there before, take the *nearest* earlier one that is the same. How many sixteenths back does it lie? A
# network that is to learn the repeat has to reach at least as far.

# %%
lags = {}
for name, tunes in corpora.items():
    found, total = [], 0
    for tune, tune_bars in zip(tunes, bars[name], strict=True):
        last = {}  # bar -> where it stood last
        for n, shape in enumerate(tune_bars):
            if shape is not None:
                found += [(n - last[shape]) * tune.bar_length * 4] if shape in last else []
                last[shape] = n
                total += 1
    lags[name] = np.array(found)
    print(f"{name:<14} {len(found) / total:.0%} of {total:,} bars were there before; the nearest lies")
    for far in (16, 32, 64, 128):
        print(f"{'':<14} {far:3d} sixteenths back or more: {np.mean(lags[name] >= far):.0%}")
    assert np.median(found) >= 64

# %% [markdown]
# (These tunes are printed with repeat signs, which are not played out here. With them the distances would be longer still.)
#
# Now put the two side by side: the distances that music has, and the distances that a gradient reaches. Beside the plain
# networks of section 4 stands an LSTM that was really trained on melodies: the network of lesson 00. It reads three Irish tunes,
# and we measure, in eight random directions, how its memory $c$ depends on what it was up to 128 steps before. Your guess:
# where does its line end?

# %%
from musiclab.lstm import LSTM

melody = load_bundle("melody")
layer = LSTM.from_keras(*(melody.weights[f"lstm_0/{name}"] for name in ("kernel", "recurrent_kernel", "bias")))
tables = [melody.weights[f"embedding_{n}/embeddings"] for n in range(4)]  # a row of numbers for each token, position, …
directions = np.random.default_rng(0).normal(size=(8, layer.units))
directions /= np.linalg.norm(directions, axis=1, keepdims=True)
long_tunes = [tune for tune in corpora["irish-tunes"] if tune.duration >= 40 and tune.time_signature == (4, 4)][:3]
measured = []
for tune in long_tunes:
    rows = melody.encoding.inputs(melody.encoding.encode(tune), tune.time_signature)[:160]
    inputs = np.concatenate([table[rows[:, n]] for n, table in enumerate(tables)], axis=1)
    measured.append(lstm_reach(layer, inputs, 128, directions))
of_melody = np.exp(np.log(measured).mean(axis=0))
print(f"trained LSTM, {len(measured)} tunes: above 10 % over all of the 128 steps: {(of_melody > 0.1).all()}")
print(f"plain networks: below 1 % after {below['radius 0.9']} steps (radius 0.9), after {np.argmax(trained < 0.01)} (trained)")
assert len(measured) == 3 and (of_melody > 0.1).all()

# %%
figure = Figure(figsize=(8.6, 5), dpi=80, facecolor="white", layout="constrained")
above, axes = figure.subplots(2, 1, sharex=True)
above.plot(of_melody, color="#0072b2", lw=2, label="LSTM of lesson 00, trained on melodies")
above.plot(trained, color="black", lw=2, ls=":", label="plain network, trained on the clave")
above.plot(bent[0.9], color="#d55e00", lw=2, ls="--", label="plain network, fresh, radius 0.9")
above.axhline(0.01, color="#c0c0c0", lw=1)
above.set(yscale="log", ylim=(1e-8, 1e2), ylabel="reach", title="How far the gradient reaches …")
above.legend(fontsize=8, loc="center right")
for (name, values), hatch, shift in zip(lags.items(), ("", "////"), (0, 2), strict=True):
    share = [100 * np.mean(values == lag) for lag in range(4, 193, 4)]
    axes.bar(np.arange(4, 193, 4) + shift - 1, share, 2, hatch=hatch, edgecolor="black", lw=0.4, label=name)
axes.set(xlim=(0, 194), xticks=range(0, 193, 16), ylabel="% of repeats", title="… and how far back the same bar lies")
axes.set_xlabel("steps back (in the music: sixteenths)")
axes.legend(fontsize=8)
beyond = {name: np.mean(values > np.argmax(trained < 0.01)) for name, values in lags.items()}
print("repeats that lie beyond the reach of both plain networks:", *(f"{name} {share:.0%}" for name, share in beyond.items()))
assert min(beyond.values()) > 0.9
show.Picture(figure, [above, axes], "Above: reach of an LSTM and two plain networks over 128 steps; the LSTM's stays high. "
             "Below: distances of repeated bars in sixteenths, with peaks at 32, 48, 64, 96 and 128.")

# %% [markdown]
# Nearly all repeats lie where next to nothing is left of the gradient of the plain networks. The trained LSTM still has more
# than a tenth after 128 steps. Nobody set its gates by hand: they were learnt.
#
# But this is no race on equal terms. The LSTM has 256 units and was trained on melodies; of the plain networks one has 12
# units and was trained on a rhythm of 16 steps, the other has 64 and was not trained at all. A plain network of 256 units that
# was trained on melodies might reach farther than these. What the plot shows is that an LSTM *can* reach this far.
#
# (Whether a network makes *use* of what it could reach is another question. In lesson 01 you saw that this very network seldom
# repeats its bars. A gradient that arrives is what learning needs, but it is not all that learning needs.)
#
# ### Exercise 3.5 · A rhythm that needs memory (open)
#
# Invent a rhythm that cannot be played without looking far back. `my_rhythm` is a list of 0 and 1: 8 to 32 steps, at least 4
# strokes, and it goes round. The check asks that a network which sees the last *8* steps at once could not get below 0.1 nats a
# step (`least_loss(my_rhythm, 8)`); the clave would be too easy. Then train an RNN on two rounds of it, as in section 3: begin
# with `xs = np.tile(my_rhythm, 2)[:, None, None].astype(float)`, `targets = np.roll(xs, -1, axis=0)` and new weights,
# `w = new_weights(12, np.random.default_rng(0))`, then `train(w, xs, targets, 600, 0.2, limit=1)`; let it `play`, and listen.
# It is likely to fail in 600 rounds, and that is the point: such a rhythm is hard to learn for a plain network. (The course's
# own answer was learnt from one start of three.) What changes with more rounds, or from another start?

# %%
my_rhythm = ...

# %%
check("3.5", my_rhythm)

# %% [markdown]
# ## Quiz
#
# What do you still know? Answer, then press Check: each answer is explained.

# %%
from musiclab.widgets.quiz import Quiz

Quiz(3)

# %% [markdown]
# ## In this lesson you saw
#
# - Without memory, the same input gives the same answer. The least loss is then known beforehand (0.474 nats for the clave),
#   and a trained network gets there and no further.
# - An RNN feeds its hidden state back: ten lines. Unrolled, it is a deep network with the same weights at each step.
# - Backpropagation through time is the chain rule, from the last step to the first; pushing every weight confirms it.
# - One step back multiplies the gradient with $\mathrm{diag}(1 - h^2)\,W_{hh}$. Without tanh it falls or grows like the radius to
#   the power of the steps; with tanh it mostly vanishes.
# - Clipping cures explosions. Against vanishing helps a memory that stays, with gates: the derivative of a step is $f$.
# - In music a bar comes back after 4, 8 or 16 bars, and most often that is 48 sixteenths or more. The gradients
#   of the two small plain networks here (one untrained, one trained on a rhythm of 16 steps) are gone by then; that of a
#   large LSTM, trained on melodies, is not.
#
# ## Where to read on
#
# - J. L. Elman: "Finding Structure in Time" (1990). The network of this lesson.
# - P. J. Werbos: "Backpropagation Through Time: What It Does and How to Do It" (1990).
# - Y. Bengio, P. Simard, P. Frasconi: "Learning Long-Term Dependencies with Gradient Descent is Difficult" (1994). Why a memory
#   that is safe has a gradient that vanishes.
# - R. Pascanu, T. Mikolov, Y. Bengio: "On the Difficulty of Training Recurrent Neural Networks" (2013). Clipping by length.
# - M. C. Mozer: "Neural Network Music Composition by Prediction" (1994). An RNN that writes melodies, and misses their form.
#
# ## Next
#
# Lesson 04 adds gates to the RNN, one after the other, until it is an LSTM, and proves each equal to Keras's.
