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
# # 04 · The LSTM, gate by gate
#
# The network that wrote the tune of lesson 00 has one layer with a memory: an **LSTM** (long short-term memory).
# In this lesson you build that layer from nothing but NumPy, one gate at a time, and compare each gate with the
# one in Keras, on the weights of the trained network and on a real melody. Then you run it backwards, and look at
# what it keeps in mind while it reads a tune.
#
# You will be able to:
#
# - compute the input gate, the forget gate, the cell candidate, the output gate, the cell state and the hidden
#   state by hand, and say which question each of them answers,
# - show that every number agrees with Keras,
# - derive the gradient, and check it in three ways,
# - find a unit of a trained network that follows the bar, switch it off, and measure what that changes.
#
# Time: about 90 minutes, and 45 more for the exercises. The cells themselves need about half a minute. Lesson 03 comes first:
# it builds a plain recurrent network and measures how its gradient vanishes. This lesson is long: once section 10 is done, the
# LSTM is built and proved equal to Keras's, and that is a good place for a break.

# %% [markdown]
# ## 1 · A melody, step by step
#
# This is the tune that the layer will read: *Greensleeves*, in 6/8, two groups of three eighth notes in a bar.
# It begins with one note before the first full bar.

# %%
import numpy as np

from musiclab import check, generate, hint, load_bundle, load_corpus, read_score, show, solution

tune = read_score("../data/tunes/greensleeves.abc")
tune.slice(0, 9 * tune.bar_length)

# %% [markdown]
# The network reads it in steps of a sixteenth. At each step it is told four whole numbers: the token of the step
# before (a pitch where a note began, HOLD while it lasts, REST, or END before the first), the position in the
# bar, the metre, and the number of the bar, both counted from 0. For each of the four there is a table, the
# **embedding**, which turns the number into a row of decimal numbers that was learnt in training. The four rows
# side by side are the input of one step, `x_t`. How many numbers is that?

# %%
melody = load_bundle("melody")
encoding = melody.encoding
tables = [melody.weights[f"embedding_{column}/embeddings"] for column in range(4)]


def embed(rows):
    """Turn rows of four whole numbers, (steps, 4), into inputs, (steps, 112)."""
    return np.concatenate([table[rows[:, column]] for column, table in enumerate(tables)], axis=1)


rows = encoding.inputs(encoding.encode(tune), tune.time_signature)
xs = embed(rows).astype(np.float64)
for t in range(9, 15):
    token, position, _, bar = rows[t]
    just_read = encoding.vocabulary[token]
    print(f"step {t}: just read {just_read:>4}, position {position:>2} in bar {bar}: x_t = {xs[t, :3].round(2)} …")
print(f"{len(xs)} steps, and at each an x_t of {' + '.join(str(table.shape[1]) for table in tables)} = {xs.shape[1]} numbers")

# %% [markdown]
# ## 2 · Six lines
#
# The layer has 256 **units**. Each keeps two numbers from step to step: its **cell state** `c`, the memory, and its
# **hidden state** `h`, what it shows to the rest of the network. This is all that happens at step *t*:
#
#     i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)        input gate
#     f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)        forget gate
#     g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)     cell candidate
#     o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)        output gate
#     c_t = f_t * c_{t-1} + i_t * g_t                       cell state
#     h_t = o_t * tanh(c_t)                                 hidden state
#
# σ, the **logistic function**, squeezes any number into the range from 0 to 1; tanh squeezes it into −1 to 1. The
# `*` multiplies number by number. The plain product, as in `W_ii x_t`, is matrix times vector. A **gate** is a
# number between 0 and 1 by which something is multiplied: at 0 nothing passes, at 1 all of it.
#
# To compute it by hand you need small numbers: a layer with 2 inputs and 2 units. `W_i?` has the shape (units,
# inputs), `W_h?` (units, units), each bias `b` (units,). Say that the first input is 1 where a note begins, and the
# second says how high it is.

# %%
x = np.array([1.0, 0.5])  # a note begins, at a middle height
h = np.array([0.5, -0.5])  # the hidden states before this step
c = np.array([1.0, -2.0])  # the cell states before this step

small = {
    "W_ii": [[1, 2], [-1, 0]], "W_hi": [[2, 0], [0, 2]], "b_ii": [0.5, 0], "b_hi": [-0.5, 1],
    "W_if": [[0, 2], [-2, 0]], "W_hf": [[0, 2], [-2, 0]], "b_if": [1, 0], "b_hf": [0, 1],
    "W_ig": [[1, -2], [0, 2]], "W_hg": [[2, 0], [2, 0]], "b_ig": [0, -1], "b_hg": [0.5, -1.5],
    "W_io": [[0, -2], [2, 2]], "W_ho": [[2, 2], [0, 2]], "b_io": [0, 1], "b_ho": [-1, 0],
}  # fmt: skip
small = {name: np.array(values, dtype=np.float64) for name, values in small.items()}
print(f"{len(small)} arrays, {sum(w.size for w in small.values())} numbers")

# %% [markdown]
# And the weights of the trained layer, in the same sixteen arrays. Keras stores them in three: a **kernel** for
# x, a **recurrent kernel** for h, and one bias. The four gates lie side by side in the order i, f, c, o, where
# Keras's c is the candidate, our g. Keras multiplies from the other side, x times kernel, so each block is
# transposed.
#
# Why two biases, if Keras has one? Because other libraries have two (PyTorch does), and the equations above too.
# Only their sum matters, as section 10 shows. Here three quarters of Keras's bias go into one and a quarter into
# the other, so that a check notices if you forget either.

# %%
UNITS = 256
keras_weights = [melody.weights[f"lstm_0/{name}"].astype(np.float64) for name in ("kernel", "recurrent_kernel", "bias")]
kernel, recurrent_kernel, bias = keras_weights

W = {}
for place, gate in enumerate("ifgo"):
    block = slice(place * UNITS, (place + 1) * UNITS)
    W[f"W_i{gate}"], W[f"W_h{gate}"] = kernel[:, block].T.copy(), recurrent_kernel[:, block].T.copy()
    W[f"b_i{gate}"], W[f"b_h{gate}"] = 0.75 * bias[block], 0.25 * bias[block]
print("kernel", kernel.shape, " recurrent kernel", recurrent_kernel.shape, " bias", bias.shape)
for name in ("W_ii", "W_hi", "b_ii", "b_hi"):
    print(name, W[name].shape)

# %% [markdown]
# ## 3 · How to ask Keras for one gate
#
# Keras's cell takes x, h and c and returns the new h and c. It keeps its gates to itself. But you can make it
# show one: fix the others through their biases. A bias of 1000 opens a σ fully (σ(1000) is exactly 1 in the
# computer), −1000 shuts it, and tanh(1000) is 1.
#
# | to see | fix | and begin with | then |
# |---|---|---|---|
# | i | g at 1 | c = 0 | new c = f·0 + i·1 = i |
# | f | i at 0 | c = 1 | new c = f·1 + 0·g = f |
# | g | i at 1 | c = 0 | new c = f·0 + 1·g = g |
# | o | f at 1 | c = 1000 | new c is about 1000, so new h = o·tanh(1000) = o |
#
# The gate that you look at keeps its own weights. The next cell first lets Keras read the whole melody and writes
# down h and c before each step. All of it in float64, numbers with 16 digits: if two results differ by more than a
# millionth, that is no rounding.

# %%
from musiclab.models import keras

to_numpy = keras.ops.convert_to_numpy
cell = keras.layers.LSTMCell(UNITS, dtype="float64")
cell.build((None, xs.shape[1]))


def run_cell(x, h, c, fixed=None):
    """Run Keras's cell once for each row of x; `fixed` names gates and the bias that replaces theirs."""
    biases = bias.reshape(4, UNITS).copy()  # i, f, g, o
    for gate, value in (fixed or {}).items():
        biases["ifgo".index(gate)] = value
    cell.set_weights([kernel, recurrent_kernel, biases.ravel()])
    h, (_, c) = cell(x, [h, c])
    return to_numpy(h), to_numpy(c)


before = [(np.zeros((1, UNITS)), np.zeros((1, UNITS)))]
for x_t in xs:
    before.append(run_cell(x_t[None], *before[-1]))
h_before, c_before = (np.concatenate(states[:-1]) for states in zip(*before, strict=True))
print("h before each step:", h_before.shape, "  c before each step:", c_before.shape)

# %% [markdown]
# And the judge: it compares two arrays at every step and unit, and stops the lesson if they differ. It must not be
# content with anything, so try it on two things that differ a little.


# %%
def agree(what, mine, theirs):
    """Stop unless both have the same shape and differ by less than a millionth everywhere."""
    assert mine.shape == theirs.shape, f"{what}: the shapes are {mine.shape} and {theirs.shape}"
    difference = np.abs(mine - theirs).max()
    assert difference < 1e-6, f"{what}: they differ by {difference:.2g}"
    print(f"{what}: {mine.size:,} numbers, all equal to within 0.000001")


agree("the same thing", h_before, h_before + 1e-9)
try:
    agree("almost the same", h_before, h_before + 2e-6)
except AssertionError as error:
    print("stopped –", error)

# %% [markdown]
# ## 4 · The input gate: how much of the new is let in?
#
#     i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)
#
# Shapes: (units, inputs) times (inputs,) is (units,), and (units, units) times (units,) is (units,). Four rows of
# numbers, one for each unit, are added; σ squeezes each sum.
#
# Compute the sum of unit 1 by hand before you run the cell: 1·1 + 2·0.5 + 0.5 + 2·0.5 + 0·(−0.5) − 0.5.

# %%
from musiclab.show import gates  # pictures of gates


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sum_i(x, h, W):
    return x @ W["W_ii"].T + W["b_ii"] + h @ W["W_hi"].T + W["b_hi"]


def input_gate(x, h, W):
    return sigmoid(sum_i(x, h, W))


i = input_gate(x, h, small)
print("sums", sum_i(x, h, small), "  input gate", i.round(3))
gates.squash(sum_i(x, h, small), "σ", title="Input gate")

# %% [markdown]
# In the code the matrix stands behind: `x @ W.T` is the same as W times x, and it also works for many x at once,
# one in each row. So one call computes the gate at all steps of the melody. Is it Keras's?

# %%
agree("input gate", input_gate(xs, h_before, W), run_cell(xs, h_before, np.zeros_like(h_before), {"g": 1000})[1])

# %% [markdown]
# ## 5 · The forget gate: how much of the old is kept?
#
#     f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)
#
# The same shape as before, with weights of its own. At 1 the cell keeps its value, at 0 it forgets it. (So it might
# better be called a keep gate.) Write this one yourself before you read on.
#
# ### Exercise 4.1 · The forget gate
#
# Write a function that returns the forget gate for an input `x`, the hidden state before the step `h`, and a
# dictionary `W` of the sixteen arrays. As above, `x` may be one input, (inputs,), or a batch of them, (batch, inputs), and `h`
# likewise. So write each product as the code above does, `x @ W["W_if"].T`, and not `W["W_if"] @ x`.


# %%
def my_forget_gate(x, h, W):
    """Return the forget gate, (units,), or (batch, units) for a batch."""
    ...


# %%
check("4.1", my_forget_gate)

# %% [markdown]
# Here is the lesson's own. Which of the two units forgets what it holds?


# %%
def sum_f(x, h, W):
    return x @ W["W_if"].T + W["b_if"] + h @ W["W_hf"].T + W["b_hf"]


def forget_gate(x, h, W):
    return sigmoid(sum_f(x, h, W))


f = forget_gate(x, h, small)
print("sums", sum_f(x, h, small), "  forget gate", f.round(3))
gates.squash(sum_f(x, h, small), "σ", title="Forget gate")

# %% [markdown]
# Unit 2 keeps 12 % and forgets the rest. The check against Keras:

# %%
agree("forget gate", forget_gate(xs, h_before, W), run_cell(xs, h_before, np.ones_like(h_before), {"i": -1000})[1])

# %% [markdown]
# ## 6 · The cell candidate: what is the new?
#
#     g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
#
# This one is no gate. It is a proposal: the value that would be added to the memory. A value must be able to pull
# the memory up or down, so it gets the tanh, from −1 to 1.


# %%
def sum_g(x, h, W):
    return x @ W["W_ig"].T + W["b_ig"] + h @ W["W_hg"].T + W["b_hg"]


def candidate(x, h, W):
    return np.tanh(sum_g(x, h, W))


g = candidate(x, h, small)
print("sums", sum_g(x, h, small), "  cell candidate", g.round(3))
gates.squash(sum_g(x, h, small), "tanh", title="Cell candidate")

# %% [markdown]
# A slip that is easily made is a σ in place of the tanh. Nothing would crash. Would the judge notice?

# %%
keras_g = run_cell(xs, h_before, np.zeros_like(h_before), {"i": 1000})[1]
agree("cell candidate", candidate(xs, h_before, W), keras_g)
try:
    agree("candidate with σ", sigmoid(sum_g(xs, h_before, W)), keras_g)
except AssertionError as error:
    print("stopped –", error)

# %% [markdown]
# ## 7 · The output gate: how much of the memory is shown?
#
#     o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)
#
# A cell may hold something that matters later and would only disturb now. The output gate decides at each step
# whether the rest of the network sees it.


# %%
def sum_o(x, h, W):
    return x @ W["W_io"].T + W["b_io"] + h @ W["W_ho"].T + W["b_ho"]


def output_gate(x, h, W):
    return sigmoid(sum_o(x, h, W))


o = output_gate(x, h, small)
print("sums", sum_o(x, h, small), "  output gate", o.round(3))
gates.squash(sum_o(x, h, small), "σ", title="Output gate")

# %% [markdown]
# Against Keras, with a cell so full that its tanh is 1:

# %%
agree("output gate", output_gate(xs, h_before, W), run_cell(xs, h_before, np.full_like(h_before, 1000.0), {"f": 1000})[0])

# %% [markdown]
# ## 8 · The cell state: what is remembered from now on?
#
#     c_t = f_t * c_{t-1} + i_t * g_t
#
# Here is the memory. Keep a share of the old, and add a share of the new. No matrix: each unit minds its own
# memory. (To hand something to another unit it has to go through h.) What becomes of the −2 in unit 2?


# %%
def cell_state(f, c, i, g):
    return f * c + i * g


new_c = cell_state(f, c, i, g)
print("old c", c, "  new c", new_c.round(3))
gates.parts({"old c": c, "f * old c": f * c, "i * g": i * g, "new c": new_c}, title="Cell state")

# %% [markdown]
# Unit 1 kept most and added nearly 1. Unit 2 dropped most of its −2. Now there is nothing to fix: Keras's cell
# with its own weights, and c before each step as the melody made it.

# %%
mine = [gate(xs, h_before, W) for gate in (forget_gate, input_gate, candidate)]
agree("cell state", cell_state(mine[0], c_before, mine[1], mine[2]), run_cell(xs, h_before, c_before)[1])

# %% [markdown]
# ## 9 · The hidden state: what is said?
#
#     h_t = o_t * tanh(c_t)
#
# The memory may have grown large; tanh brings it back between −1 and 1, and the output gate shows it or hides it.
# h is what the next layer sees, and what all four sums will see at the next step.


# %%
def hidden_state(o, c):
    return o * np.tanh(c)


new_h = hidden_state(o, new_c)
print("new h", new_h.round(3))
gates.parts({"new c": new_c, "tanh(new c)": np.tanh(new_c), "o": o, "new h": new_h}, title="Hidden state")

# %% [markdown]
# Unit 1 remembers much and shows little of it; unit 2 shows nearly all of the little that it has. And Keras:

# %%
keras_h, keras_c = run_cell(xs, h_before, c_before)
agree("hidden state", hidden_state(output_gate(xs, h_before, W), keras_c), keras_h)

# %% [markdown]
# All six by themselves agree. To get a feeling for them, here is one unit whose input, states and weights are
# sliders. (In its equations each gate has one bias b, which is the sum of the two.) Set the forget gate's bias to
# −4, and see what becomes of c. Then find settings in which c is above 1 and h is near 0. (The cell moves a slider
# by program, to show what happens: with the forget gate's bias at −4, c is i · g and nothing else.)

# %%
from IPython.display import display

from musiclab.widgets.gates import GateExplorer, MemoryExplorer

explorer = GateExplorer()
display(explorer)
explorer.gate.value, explorer.b.value = "f", -4.0
now = explorer.gates
print(f"forget bias -4: f = {now.f:.3f}, new c = {now.c:.3f}, i * g = {now.i * now.g:.3f}")
explorer.b.value = 1.0
print(f"forget bias  1: f = {explorer.gates.f:.3f}, new c = {explorer.gates.c:.3f}")

# %% [markdown]
# ### Exercise 4.2 · One whole step
#
# Put the six lines together: a function that takes `x`, `h`, `c` and `W`, and returns the six values i, f, g, o,
# and the new c and h, in this order.


# %%
def my_step(x, h, c, W):
    """Return i, f, g, o, new c, new h."""
    ...


# %%
check("4.2", my_step)

# %% [markdown]
# ## 10 · The sequence
#
# A melody is many steps, and each begins with the states that the one before left. That is all of the LSTM: a loop
# around six lines. It begins with zeros. The values of all steps are collected, so that you can look at them later.
#
# Now h and c come from your own code alone. If anything were off by a little, it would go from step to step and
# grow. Keras's whole layer is the judge, and `musiclab.lstm`, the same equations in the course's package.

# %%
from musiclab.lstm import LSTM


def step(x, h, c, W):
    i, f, g, o = input_gate(x, h, W), forget_gate(x, h, W), candidate(x, h, W), output_gate(x, h, W)
    c = cell_state(f, c, i, g)
    return i, f, g, o, c, hidden_state(o, c)


def lstm(xs, W):
    """Go through (..., steps, inputs); return i, f, g, o, c, h, each (..., steps, units)."""
    h = c = np.zeros((*xs.shape[:-2], len(W["b_ii"])), dtype=xs.dtype)
    steps = []
    for t in range(xs.shape[-2]):
        steps.append(step(xs[..., t, :], h, c, W))
        c, h = steps[-1][4:]
    return [np.stack(values, axis=-2) for values in zip(*steps, strict=True)]


layer = keras.layers.LSTM(UNITS, return_sequences=True, dtype="float64")
layer.build((None, None, xs.shape[1]))
layer.set_weights(keras_weights)
mine = lstm(xs, W)
agree("all h, Keras's layer", mine[5], to_numpy(layer(xs[None]))[0])
for name, values in LSTM(**W).forward(xs)._asdict().items():
    agree(f"all {name}, musiclab.lstm", mine["ifgoch".index(name)], values)

# %% [markdown]
# The bundle's weights are float32, numbers with 7 digits, and that is how networks are usually run. How far do the
# two float32 results drift apart over the whole tune? (Only the range is printed: how sums are rounded differs from
# processor to processor, and with it the exact number.)

# %%
W32 = {name: w.astype(np.float32) for name, w in W.items()}
layer32 = keras.layers.LSTM(UNITS, return_sequences=True)
layer32.build((None, None, xs.shape[1]))
layer32.set_weights([melody.weights[f"lstm_0/{name}"] for name in ("kernel", "recurrent_kernel", "bias")])
mine32 = lstm(xs.astype(np.float32), W32)[5]
difference = np.abs(mine32 - to_numpy(layer32(xs[None].astype(np.float32)))[0]).max()
print(f"float32, {len(xs)} steps: {mine32.dtype}, between 10^-7 and 10^-5: {1e-7 < difference < 1e-5}")
assert mine32.dtype == np.float32 and 1e-7 < difference < 1e-5

# %% [markdown]
# ### Two biases or one
#
# The equations have two biases in each gate and Keras has one. Guess: if you move a number from one to the other,
# what changes? Here the two are torn apart by random numbers. Only the number of weights differs, which is why
# the same layer has more parameters in PyTorch than in Keras.

# %%
rng = np.random.default_rng(0)
torn = dict(W)
for gate in "ifgo":
    shift = rng.normal(size=UNITS)
    torn[f"b_i{gate}"], torn[f"b_h{gate}"] = W[f"b_i{gate}"] + shift, W[f"b_h{gate}"] - shift
agree("all h with the biases torn apart", lstm(xs, torn)[5], mine[5])
one, two = layer.count_params(), sum(w.size for w in W.values())
print(f"weights in Keras's form: {one:,}, in the two-bias form: {two:,}, difference {two - one:,} = 4 · {UNITS}")
assert two - one == 4 * UNITS

# %% [markdown]
# ### Exercise 4.3 · Into Keras's order
#
# You unpacked Keras's three arrays in section 2. Now the way back: given the sixteen, return three arrays: `kernel`
# (inputs, 4 · units), `recurrent_kernel` (units, 4 · units) and `bias` (4 · units,). With this you can give Keras a
# layer that you trained yourself.


# %%
def my_to_keras(W):
    """Return kernel, recurrent_kernel, bias."""
    ...


# %%
check("4.3", my_to_keras)

# %% [markdown]
# ### A batch with padding
#
# Training takes many tunes at once, a **batch**. They differ in length, so the short ones are filled up with
# zeros at the end, the **padding**. But a step on zeros is a step: x = 0 does not leave the memory alone, since
# the biases and h still act. So a **mask** says which steps are real, and where a step is not, both states stay
# as they were. Keras does it that way. The cell reads three tunes, first without the mask: are the last states
# right?


# %%
def lstm(xs, W, mask=None):
    """As before; where the mask (..., steps) is False, both states stay as they were."""
    h = c = np.zeros((*xs.shape[:-2], len(W["b_ii"])), dtype=xs.dtype)
    steps = []
    for t in range(xs.shape[-2]):
        i, f, g, o, new_c, new_h = step(xs[..., t, :], h, c, W)
        real = True if mask is None else mask[..., t, None]
        c, h = np.where(real, new_c, c), np.where(real, new_h, h)
        steps.append((i, f, g, o, c, h))
    return [np.stack(values, axis=-2) for values in zip(*steps, strict=True)]


names = {"greensleeves": 60, "irish_washerwoman": 40, "frere_jacques": 25}  # and how many steps of each
batch, mask, alone = np.zeros((3, 60, xs.shape[1])), np.zeros((3, 60), dtype=bool), []
for row, (name, length) in enumerate(names.items()):
    score = read_score(f"../data/tunes/{name}.abc")
    batch[row, :length] = embed(encoding.inputs(encoding.encode(score), score.time_signature))[:length]
    mask[row, :length] = True
    alone.append(lstm(batch[row, :length], W)[5][-1])

without_mask, with_mask = lstm(batch, W)[5], lstm(batch, W, mask)[5]
print("last h, without mask, as if read alone:", [bool(np.allclose(without_mask[k, -1], alone[k])) for k in range(3)])
agree("last h, with mask, and each tune alone", with_mask[:, -1], np.stack(alone))
agree("all h, with mask, and Keras's", with_mask, to_numpy(layer(batch, mask=mask)))

# %% [markdown]
# Without the mask only the longest tune comes out right. With it, all three are as if each had been read alone.
#
# ### The forget bias of 1
#
# A layer that has learnt nothing yet has small random weights, so its sums are near 0, and its forget gates near
# σ(0) = 0.5. Half of the memory is lost at each step. A cure is to begin with a bias of 1 at the forget gate:
# σ(1) = 0.73. (F. Gers and others proposed a positive bias in 2000; Keras does it unless told otherwise.) How
# much is left of a value after one bar of 6/8, 12 steps? Guess first: a little more, or many times more?
#
# `LSTM.random` draws new weights in the way that Keras does. The layer reads the second bar of Greensleeves.

# %%
fresh_keras = keras.layers.LSTM(8)
fresh_keras.build((None, None, 4))
biases = to_numpy(fresh_keras.cell.bias).reshape(4, 8)
print("biases of a new Keras layer:", {gate: sorted(set(row.tolist())) for gate, row in zip("ifgo", biases, strict=True)})

fresh = vars(LSTM.random(xs.shape[1], UNITS, np.random.default_rng(0), dtype=np.float64))
left = {}
for forget_bias in (0.0, 1.0):
    fresh_f = lstm(xs[:24], fresh | {"b_if": np.full(UNITS, forget_bias)})[1]
    left[forget_bias] = fresh_f[12:].prod(axis=0).mean()  # what is left of a value: the product of twelve gates
    print(f"bias {forget_bias:g}: forget gates {fresh_f.mean():.2f} on average; left after a bar: {left[forget_bias]:.2%}")
assert 50 < left[1.0] / left[0.0] < 150

# %% [markdown]
# Some seventy times more. And what would it take to keep a value through a whole tune? The next widget shows how
# much is left if the forget gate stays at one value. Move the sliders: which f keeps half for a bar (12 steps),
# which for four bars?

# %%
memory = MemoryExplorer(bar=12)
for f_value, steps in ((0.73, 12), (0.945, 12), (0.985, 48)):
    memory.f.value, memory.steps.value = f_value, steps
    print(f"f = {f_value}: after {steps} steps {memory.left:.0%} is left, the half-life is {memory.half_life:.1f} steps")
print(f"exactly: {0.5 ** (1 / 12):.3f} for a bar, {0.5 ** (1 / 48):.3f} for four bars")
display(memory)

# %% [markdown]
# A new layer is far from that; it has to learn to open its forget gates. Section 13 looks at how far the trained
# one got.
#
# ### What it costs
#
# Count before you run the cell. Each of the four gates has a matrix of (units, inputs), one of (units, units),
# and in Keras's form a bias of (units,). Each weight of a matrix is used in exactly one multiplication a step;
# then come the three `*` of the last two lines.

# %%
inputs = xs.shape[1]
weights = 4 * (UNITS * inputs + UNITS * UNITS + UNITS)
products = sum(W[name].size for name in W if name.startswith("W")) + 3 * UNITS
print(f"weights: 4 · ({UNITS} · {inputs} + {UNITS} · {UNITS} + {UNITS}) = {weights:,}; Keras counts {layer.count_params():,}")
print(f"multiplications a step: 4 · {UNITS} · ({inputs} + {UNITS}) + 3 · {UNITS} = {products:,}")
print(f"σ and tanh a step: (3 + 2) · {UNITS} = {5 * UNITS:,}")
assert weights == layer.count_params() and products == 4 * UNITS * (inputs + UNITS) + 3 * UNITS
print(f"for the whole of Greensleeves: {products * len(xs) / 1e6:.0f} million multiplications")

# %% [markdown]
# ## 11 · Backwards
#
# To learn, the network needs to know for each weight: if this weight grew a little, how would the **loss**
# change? (The loss is the number that training makes small.) That is the **gradient**. Write `dy` for "the change
# of the loss for a small change of y", divided by that change. All you need is the **chain rule**:
#
# - if y = a · b, then da = dy · b and db = dy · a,
# - if y = tanh(z), then dz = dy · (1 − y²); if y = σ(z), then dz = dy · y · (1 − y),
# - if something acts in two places, its two changes add up.
#
# Take the six lines from the last to the first. `dh` comes from outside.
#
# | from | follows |
# |---|---|
# | h = o · tanh(c) | do = dh · tanh(c), and dc = dh · o · (1 − tanh²(c)) |
# | c = f · c_before + i · g | df = dc · c_before, di = dc · g, dg = dc · i, and dc_before = dc · f |
# | i = σ(z_i), and likewise f, o | dz_i = di · i · (1 − i) |
# | g = tanh(z_g) | dz_g = dg · (1 − g²) |
# | z_i = W_ii x + b_ii + W_hi h_before + b_hi | dW_ii = dz_i xᵀ, dW_hi = dz_i h_beforeᵀ, db = dz_i, both biases |
# | h_before is in all four sums | dh_before = W_hiᵀ dz_i + W_hfᵀ dz_f + W_hgᵀ dz_g + W_hoᵀ dz_o |
#
# The first two lines can be checked by themselves on the small layer: nudge one number, see how the loss changes. Let
# the loss be the sum of both h, so that dh is 1 for both units. (The other lines are checked with the whole, in
# section 12.)

# %%
dh = np.ones(2)
tanh_c = np.tanh(new_c)
do, dc = dh * tanh_c, dh * o * (1 - tanh_c**2)
df, di, dg, dc_before = dc * c, dc * g, dc * i, dc * f
links = {"o": do, "f": df, "i": di, "g": dg, "c": dc_before}


def loss_of(f, c, i, g, o):
    return hidden_state(o, cell_state(f, c, i, g)).sum()


values = {"f": f, "c": c, "i": i, "g": g, "o": o}
for name, derived in links.items():
    nudged = []
    for nudge in 1e-5 * np.eye(2):  # the one unit, then the other
        up, down = (loss_of(**values | {name: values[name] + sign * nudge}) for sign in (1, -1))
        nudged.append((up - down) / 2e-5)
    print(f"d{name}: derived {derived.round(4)}, nudged {np.round(nudged, 4)}")
    assert np.allclose(derived, nudged, atol=1e-8)

# %% [markdown]
# Now along the sequence, from the last step to the first: **backpropagation through time**. Two things go from
# step to step, and both add to what the step itself receives: `dh_later`, through the four matrices, and
# `dc_later`, which is multiplied by f and by nothing else. That one line, `dc_later = dc * f[t]`, is the reason
# why the LSTM was invented: where f is near 1, the gradient goes back through many steps and hardly shrinks. In a
# plain recurrent network it has to pass a matrix and a tanh at every step, and lesson 03 measures what is left of
# it.
#
# The weights are the same at every step, so their gradients add up over the steps. `dz.T @ xs` does that: one
# product in place of a sum of `np.outer(dz[t], x[t])`.


# %%
def backward(xs, W, values, dh_of_loss):
    """From the gradient of each h, (steps, units), to the gradients of all sixteen arrays of weights."""
    i, f, g, o, c, h = values
    zero = np.zeros_like(h[:1])
    h_before, c_before = np.concatenate([zero, h[:-1]]), np.concatenate([zero, c[:-1]])
    dz = {gate: np.zeros_like(h) for gate in "ifgo"}  # of the sums, at all steps
    dh_later, dc_later = zero[0], zero[0]
    for t in reversed(range(len(xs))):
        dh = dh_of_loss[t] + dh_later
        tanh_c = np.tanh(c[t])
        dc = dh * o[t] * (1 - tanh_c**2) + dc_later
        dz["i"][t] = dc * g[t] * i[t] * (1 - i[t])
        dz["f"][t] = dc * c_before[t] * f[t] * (1 - f[t])
        dz["g"][t] = dc * i[t] * (1 - g[t] ** 2)
        dz["o"][t] = dh * tanh_c * o[t] * (1 - o[t])
        dc_later = dc * f[t]
        dh_later = sum(dz[gate][t] @ W[f"W_h{gate}"] for gate in "ifgo")
    dW = {f"W_i{gate}": dz[gate].T @ xs for gate in "ifgo"} | {f"W_h{gate}": dz[gate].T @ h_before for gate in "ifgo"}
    return dW | {f"b_{kind}{gate}": dz[gate].sum(axis=0) for kind in "ih" for gate in "ifgo"}


small_xs = rng.normal(size=(8, 2))  # eight steps for the small layer
wish = rng.normal(size=(8, 2))  # the loss is the sum of wish * h, so `wish` is the gradient of h
dW = backward(small_xs, small, lstm(small_xs, small), wish)
print("dW_if =", dW["W_if"].round(3).tolist(), "  db_if =", dW["b_if"].round(3).tolist())

# %% [markdown]
# ### Exercise 4.4 · Back through the forget gate
#
# One step, one gate. You get `dc`, the cell state before the step, the forget gate `f`, `x`, and the hidden state
# before the step `h`. Return the gradients of `W_if`, of `W_hf`, and of either bias. Try it from the table, without
# looking at the code above.


# %%
def my_forget_gradient(dc, c_before, f, x, h):
    """Return three arrays with the shapes of W_if, W_hf and b_if."""
    ...


# %%
check("4.4", my_forget_gradient)

# %% [markdown]
# ## 12 · Is the gradient right? Three judges
#
# **First: finite differences.** Nudge each of the 48 weights up and down by a hundred-thousandth, run the whole
# sequence, and see how the loss changes. It knows nothing of the chain rule. It is slow, two runs for each
# weight, but it is the judge that a mistake in the derivation cannot deceive. The difference is compared with the
# largest gradient of the same array.


# %%
def loss(W):
    return (wish * lstm(small_xs, W)[5]).sum()


worst = 0.0
for name, w in small.items():
    slopes = np.zeros_like(w)
    for place in np.ndindex(w.shape):
        up, down = w.copy(), w.copy()
        up[place] += 1e-5
        down[place] -= 1e-5
        slopes[place] = (loss(small | {name: up}) - loss(small | {name: down})) / 2e-5
    worst = max(worst, np.abs(dW[name] - slopes).max() / np.abs(slopes).max())
print(f"{sum(w.size for w in small.values())} weights, relative difference below 0.000001 for all: {worst < 1e-6}")
assert worst < 1e-6

# %% [markdown]
# **Second: TensorFlow's tape.** It writes down each operation while the loss is computed and then applies the chain
# rule by itself. Here are the six lines once more, written with TensorFlow's functions and its variables.

# %%
import tensorflow as tf

V = {name: tf.Variable(w) for name, w in small.items()}
with tf.GradientTape() as tape:
    h_t, c_t, tape_loss = tf.zeros(2, tf.float64), tf.zeros(2, tf.float64), 0.0
    for x_t, wish_t in zip(small_xs, wish, strict=True):
        z = {k: tf.linalg.matvec(V[f"W_i{k}"], x_t) + V[f"b_i{k}"] + V[f"b_h{k}"] for k in "ifgo"}
        z = {k: z[k] + tf.linalg.matvec(V[f"W_h{k}"], h_t) for k in "ifgo"}
        c_t = tf.sigmoid(z["f"]) * c_t + tf.sigmoid(z["i"]) * tf.tanh(z["g"])
        h_t = tf.sigmoid(z["o"]) * tf.tanh(c_t)
        tape_loss += tf.reduce_sum(wish_t * h_t)
by_tape = tape.gradient(tape_loss, V)
for kind in ("W_i", "W_h", "b_i", "b_h"):
    names = [kind + gate for gate in "ifgo"]
    agree(f"gradients of {', '.join(names)}", np.stack([dW[n] for n in names]), np.stack([by_tape[n].numpy() for n in names]))

# %% [markdown]
# **Third: the Keras layer itself**, with the trained weights, on the whole of Greensleeves, and with the loss
# that the network was trained on: how surprised it is by each next token. (The last layer turns h into 131
# scores, one for each token; a softmax turns scores into probabilities; the surprise is minus the logarithm of
# the probability of what came, in **nats**. The gradient of the scores is a well-known result: the probabilities,
# minus 1 at the token that came.) The gradient comes in Keras's three arrays, so ours is put into that order.

# %%
dense, dense_bias = melody.weights["dense/kernel"].astype(np.float64), melody.weights["dense/bias"].astype(np.float64)
targets = np.append(encoding.encode(tune), 0)  # after the last token comes END, token 0
with tf.GradientTape() as tape:
    scores = layer(xs[None])[0] @ dense + dense_bias
    nats = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, scores))
keras_gradients = [to_numpy(gradient) for gradient in tape.gradient(nats, layer.trainable_weights)]

scores = mine[5] @ dense + dense_bias
p = np.exp(scores - scores.max(axis=1, keepdims=True))
p /= p.sum(axis=1, keepdims=True)
dscores = (p - np.eye(len(dense_bias))[targets]) / len(targets)
dW = backward(xs, W, mine, dscores @ dense.T)
our_nats = -np.log(p[np.arange(len(targets)), targets]).mean()
print(f"surprise at Greensleeves: {our_nats:.2f} nats a step by our LSTM, {float(nats):.2f} by Keras")
for name, part, theirs in zip(("kernel", "recurrent kernel", "bias"), ("W_i", "W_h", "b_i"), keras_gradients, strict=True):
    ours = np.concatenate([dW[part + gate].T for gate in "ifgo"], axis=-1)
    relative = np.abs(ours - theirs).max() / np.abs(theirs).max()
    print(f"{name}: {ours.size:,} gradients, relative difference below 0.000001: {relative < 1e-6}")
    assert relative < 1e-6

# %% [markdown]
# Three judges, one answer. `LSTM.backward` of the package is the same code for batches and masks, and it also
# returns the gradient of the states at the beginning. With it, measure what section 10 promised: how large is the
# gradient at a cell state 12 or 48 steps back, compared with one step back? The layer is new, the loss is the sum
# of the last h.

# %%
print("forget bias   12 steps back   48 steps back")
kept = {}
for forget_bias in (0.0, 1.0, 3.0):
    new = LSTM(**fresh | {"b_if": np.full(UNITS, forget_bias)})
    sizes = []
    for steps in (1, 12, 48):
        values, wanted = new.forward(xs[60 - steps : 60]), np.zeros((steps, UNITS))
        wanted[-1] = 1.0
        sizes.append(np.linalg.norm(new.backward(xs[60 - steps : 60], values, wanted).c))
    kept[forget_bias] = [size / sizes[0] for size in sizes[1:]]
    print(f"{forget_bias:11g}   {kept[forget_bias][0]:13.1e}   {kept[forget_bias][1]:13.1e}")
assert kept[0.0][1] < 1e-8 and kept[1.0][1] > 1e-5 and kept[3.0][1] > 0.1

# %% [markdown]
# With open forget gates (a bias of 3 makes them 0.95) the gradient is still there after four bars. With gates at
# one half it has vanished.
#
# Now you have a working LSTM with a gradient that is verified. The rest of the lesson uses your own code to look
# inside the trained one.
#
# ## 13 · Where the memory goes
#
# First, how long does it remember? Your LSTM reads forty jigs (dances in 6/8) from a collection of fiddle tunes.
# Most of them the network has met in training; that is no matter here, since you look at how it works and do not
# grade it. The average forget gate of a cell gives its half-life: after how many steps is half of a value gone?

# %% tags=["nbval-ignore-output"]
collection = load_corpus("fiddle-tunes")
print(collection)
assert len(collection) > 1000

# %%
def whole(score):
    """Tell whether the grid keeps this tune as it is."""
    report = encoding.loss_report(score)
    return not (report["lost"] or report["onset moved"] or report["duration changed"])


jigs = [s for s in collection if s.time_signature == (6, 8)]
jigs = [s for s in jigs if 12 <= s.duration / s.bar_length <= 24 and whole(s)][:40]
told = [encoding.inputs(encoding.encode(s), s.time_signature) for s in jigs]  # for each tune (steps, 4)
read = [lstm(embed(rows), W32) for rows in told]  # for each tune i, f, g, o, c, h
mean_f = np.concatenate([values[1] for values in read]).mean(axis=0)
half_life = np.log(0.5) / np.log(mean_f)
print(f"{len(jigs)} jigs, {sum(map(len, told))} steps")
for bars in (0.25, 1, 4):
    print(f"half-life above {bars:g} bars: {(half_life > 12 * bars).sum():3d} of {UNITS} cells")
assert (half_life < 3).sum() > 50 and (half_life > 48).sum() > 5

# %% [markdown]
# Most cells forget within a bar, and some hold on for many. Gates can be opened and shut at every step, so
# this is only an average.
#
# Is there a unit that follows the **bar**? Take a number that is 1 at the first step of each bar and 0 elsewhere,
# and compute for each of the 256 units the **correlation** of its h with that number: 1 or −1 if one follows the
# other exactly, 0 if they have nothing to do with each other. With 256 to choose from, one will look good by
# chance. So choose on 20 tunes, and check on the 20 others.


# %%
def correlation(columns, feature):
    """Correlation of each column, (steps, units), with a feature, (steps,)."""
    columns, feature = columns - columns.mean(axis=0), feature - feature.mean()
    return (columns * feature[:, None]).sum(axis=0) / np.sqrt((columns**2).sum(axis=0) * (feature**2).sum())


def follow(feature_of, part, which="h"):
    """Correlate all units with a feature over some of the tunes."""
    values = np.concatenate([read[k]["ifgoch".index(which)] for k in part])
    return correlation(values, np.concatenate([feature_of(told[k]) for k in part]).astype(float))


def first_of_bar(rows):
    return rows[:, 1] == 0


chosen_on, checked_on = follow(first_of_bar, range(20)), follow(first_of_bar, range(20, 40))
order = np.argsort(-np.abs(chosen_on))  # the best first
for unit in order[:4]:
    print(f"unit {unit:3d}: {chosen_on[unit]:+.2f} on 20 tunes, {checked_on[unit]:+.2f} on 20 others")
bar_unit = int(order[0])
assert abs(checked_on[bar_unit]) > 0.8

# %% [markdown]
# A clear winner, on both halves. Now look at it: its gates and states under the notes of *Greensleeves*. (Each step
# shows what the layer has in mind when the network chooses what happens there.) Which of the curves knows the bar?

# %%
lines = {name: mine["ifgoch".index(name)][:, bar_unit] for name in "fioch"}
gates.under_notation(tune, lines, bars=(2, 8), title=f"Greensleeves, and unit {bar_unit}")

# %% [markdown]
# In numbers, over the whole tune:

# %%
at_bar = first_of_bar(rows)
table = {name: mine["ifgoch".index(name)][:, bar_unit] for name in "foch"}
for name, values in table.items():
    print(f"{name}: on average {values[at_bar].mean():+6.2f} at the first step of a bar, {values[~at_bar].mean():+6.2f} else")
assert table["o"][at_bar].mean() > 0.8 and table["o"][~at_bar].mean() < 0.2 and (table["c"][24:] < -2).all()

# %% [markdown]
# Not the memory! The cell state sinks in the first bars and then stays far below zero, so its tanh is always
# about −1. It is the **output gate** that opens at the bar line and shuts again. (In the last eighth of some bars it
# opens part of the way.) So this unit may not count at all: the position in the bar is one of the four things that the
# network is told at each step.
#
# Test it: tell a lie. The network reads the same notes, and each position is moved on by 5 steps. If the unit
# counts by itself, its gate opens at the true bar lines; if it passes on what it is told, at the false ones.

# %%
false_rows = rows.copy()
false_rows[:, 1] = (rows[:, 1] + 5) % 12
gate = lstm(embed(false_rows), W32)[3][:, bar_unit]
true_lines, false_lines = first_of_bar(rows), first_of_bar(false_rows)
print(f"output gate at the false bar lines: {gate[false_lines].mean():.2f}, at the true ones: {gate[true_lines].mean():.2f}")
assert gate[false_lines].mean() > 0.8 and gate[true_lines].mean() < 0.2

# %% [markdown]
# It believes the lie. Without a look at each gate, and without this test, you would have called it a memory of
# the bar.
#
# What does the network have to remember, because nobody tells it? While a note lasts, the input says HOLD and no
# more. Which pitch is being held is in the memory or nowhere. So look at the steps with HOLD, and at the pitch of
# the last note begun.


# %%
def last_pitch(rows):
    """Pitch of the last note begun, at each step; 0 before the first."""
    pitch, now = np.zeros(len(rows)), 0
    for t, token in enumerate(rows[:, 0]):
        now = token - 3 if token >= 3 else now  # tokens from 3 on are pitches
        pitch[t] = now
    return pitch


found = []
for part in (range(20), range(20, 40)):
    pitch = np.concatenate([last_pitch(told[k]) for k in part])
    held = np.concatenate([told[k][:, 0] == 2 for k in part]) & (pitch > 0)  # token 2 is HOLD
    found.append(correlation(np.concatenate([read[k][5] for k in part])[held], pitch[held]))
pitch_unit = int(np.abs(found[0]).argmax())
print(f"while the input says HOLD, unit {pitch_unit} follows the pitch:")
print(f"{found[0][pitch_unit]:+.2f} on 20 tunes, {found[1][pitch_unit]:+.2f} on 20 others")
along = np.abs(found).min(axis=0) > 0.4
print(f"more than 40 of the {UNITS} units go along with it by more than 0.4, up or down, on both halves: {along.sum() > 40}")
assert abs(found[1][pitch_unit]) > 0.6 and along.sum() > 40
lines = {name: mine["ifgoch".index(name)][:, pitch_unit] for name in "fch"}
gates.under_notation(tune, lines, bars=(2, 8), title=f"Greensleeves, and unit {pitch_unit}")

# %% [markdown]
# When the tune goes up, this unit's h goes down. And it is one of many that go along with
# the pitch, each more loosely.
#
# ## 14 · Switched off
#
# A correlation says that a unit goes along with the bar. Does the network need it? **Switch it off**: set to 0
# all weights that read its h, in the recurrent kernel and in the last layer. Then nobody hears it. Two measures:
# how many bars begin with a note, in 20 tunes that the network writes (the same seeds each time), and the
# surprise at six of the jigs.
#
# Guess before you run it: without its best unit for the bar, will the network lose the bar?

# %%
from dataclasses import replace


def without(units):
    """The melody network with some units switched off."""
    weights = {name: w.copy() for name, w in melody.weights.items()}
    weights["lstm_0/recurrent_kernel"][units] = 0  # row u is what h of unit u does
    weights["dense/kernel"][units] = 0
    return replace(melody, weights=weights)


def measure(bundle):
    """Share of bars begun with a note in 20 tunes of at most 16 bars; surprise at six jigs, nats a step."""
    tunes = [generate(bundle, 48, time_signature=(6, 8), seed=seed) for seed in range(20)]
    begun = np.concatenate([np.isin(np.arange(0, t.duration, t.bar_length), t.notes["onset"]) for t in tunes]).mean()
    stream = bundle.stream()
    nats = [stream.nats(r, np.append(encoding.encode(s), 0)) for r, s in zip(told[:6], jigs[:6], strict=True)]
    return float(begun), float(np.concatenate(nats).mean())


for name, bundle in (("the whole network", melody), (f"without unit {bar_unit}", without([bar_unit]))):
    begun, nats = measure(bundle)
    print(f"{name:>20}: {begun:.0%} of bars begun, {nats:.2f} nats a step")

# %% [markdown]
# Nothing to speak of. What many units know, no single one is needed for. So switch off more: the 8 and the 32
# that follow the bar most closely. But any 32 units are an eighth of the network, and to lose them must hurt in
# some way. So there is a **control**: 32 units drawn by chance, three times.

# %%
results = {}
for k in (8, 32):
    results[f"the {k} best"] = measure(without(order[:k]))
for draw in range(3):
    by_chance = np.random.default_rng(draw).choice(UNITS, 32, replace=False)
    results[f"32 by chance, {draw + 1}"] = measure(without(by_chance))
for name, (begun, nats) in results.items():
    print(f"without {name:>15}: {begun:.0%} of bars begun, {nats:.2f} nats a step")
controls = [results[f"32 by chance, {draw + 1}"] for draw in range(3)]
assert results["the 32 best"][0] < 0.85 < min(begun for begun, _ in controls)
assert results["the 32 best"][1] < max(nats for _, nats in controls) + 0.05

# %% [markdown]
# Now it shows. Without these 32 units fewer than 17 bars in 20 begin with a note; without 32 drawn by chance, more
# than 17 in 20 still do, three times of three. And the surprise does not grow more than with the controls. So what
# was lost is the bar rather than everything a little.
#
# Hear it: eight bars from the same seed, with all units, and without the 32. Twenty seeds were tried, and this is
# the one with the largest difference among those whose tunes go on to the last bar; in many of them there is
# little or none.

# %%
bundles = {"All 256 units": melody, "Without the 32 units that follow the bar": without(order[:32])}


def eight_bars(bundle, seed):
    """Write eight bars; return them, and how many begin with a note."""
    score = generate(bundle, 24, time_signature=(6, 8), seed=seed, stop=False)
    return score, int(np.isin(np.arange(8) * 3.0, score.notes["onset"]).sum())


lost = {}
for seed in range(20):
    (one, begun), (other, fewer) = (eight_bars(bundle, seed) for bundle in bundles.values())
    if min(one.duration, other.duration) > 21:  # both go on to the last bar
        lost[seed] = begun - fewer
print(f"bars lost, seed by seed: {sorted(lost.values())}")
for title, bundle in bundles.items():
    score, begun = eight_bars(bundle, max(lost, key=lost.get))
    print(f"{title}: {begun} of 8 bars begin with a note")
    display(replace(score, title=title))

# %% [markdown]
# ### Exercise 4.5 · What else does it remember?
#
# An open one. Think of something about the music so far that the network is not told and might want to know. Write
# a function that computes it from `rows`, the four numbers of each step: the token just read (2 is HOLD, from 3 on
# it is a pitch + 3), the position in the bar, the metre, the number of the bar. Return one number for each step.
# `last_pitch` above is an example. The check lets the trained layer read 24 jigs, and looks whether one of its
# units follows your number with a correlation of at least 0.65, up or down. Steps before the first note do not count.
# Nor does what only tells how far the tune has gone, such as the number of notes so far: many units drift slowly as a tune
# goes on, and each would seem to follow it. So a smooth curve over the steps, the same for all tunes, is first taken out of
# your number and of the units. Many ideas fail. Which ones, and what might be the reason?


# %%
def look_for(rows):
    """Return a number for each row, (steps,)."""
    ...


# %%
check("4.5", look_for)

# %% [markdown]
# ## Quiz
#
# What do you still know? Answer, then press Check: each answer is explained.

# %%
from musiclab.widgets.quiz import Quiz

Quiz(4)

# %% [markdown]
# ## In this lesson you saw
#
# - An LSTM is six lines. Three gates from 0 to 1, a candidate from −1 to 1, a memory, and what is shown of it.
# - Each of the six agrees with Keras to a millionth by itself, and so does the sequence, with padding and mask, with
#   one bias or two.
# - The gradient follows line by line from the chain rule. Finite differences, TensorFlow's tape and the Keras layer
#   agree with it. Back through the cell state it is multiplied by f alone.
# - A forget bias of 1 lets a new layer keep some seventy times as much over a bar, and the gradient with it.
# - In the trained network one unit marks the bar line, by its output gate, because it is told; others hold the
#   pitch, which nobody tells them. Without that one unit the network writes as before. Without the 32 that follow the
#   bar it misses more bar lines than without 32 drawn by chance.
#
# ## Where to read on
#
# - S. Hochreiter, J. Schmidhuber: "Long Short-Term Memory" (1997). The idea: a cell through which the gradient
#   flows unchanged. There was no forget gate yet.
# - F. Gers, J. Schmidhuber, F. Cummins: "Learning to Forget: Continual Prediction with LSTM" (2000). The forget
#   gate, and its bias.
# - R. Jozefowicz, W. Zaremba, I. Sutskever: "An Empirical Exploration of Recurrent Network Architectures" (2015).
#   Ten thousand variants, and the forget bias of 1 again.
# - K. Greff and others: "LSTM: A Search Space Odyssey" (2017). What happens if one leaves a gate out.
# - A. Karpathy, J. Johnson, L. Fei-Fei: "Visualizing and Understanding Recurrent Networks" (2016). Units that follow
#   quotes and brackets in text.
#
# ## Next
#
# Lesson 05 goes back to the music: how files become the windows and targets that a network learns from.
