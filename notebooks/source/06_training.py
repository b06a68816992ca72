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
# # 06 · Training
#
# In lesson 05 you turned music into windows of numbers. Now a network learns from them: first the one of the
# original recipe, an LSTM with 256 units, then a better one that hears rhythm. On the way you learn to tell
# whether a loss is good, and what a model knows from what it has only learnt by heart.
#
# You will be able to:
#
# - build the original LSTM(256) model, count its weights by hand and train it,
# - say what a loss of 1.9 means, and which simple models it has to beat,
# - train a successor on whole tunes, on the GPU if there is one, and read its curves,
# - stop a training in the middle and go on with nothing lost,
# - recognise a loss that is too good to be true.
#
# Time: about 70 minutes, and 65 more for the exercises; the cells themselves run in about a minute.

# %%
from pathlib import Path

import numpy as np
from IPython.display import display

from musiclab import (
    Bundle,
    GridEncoding,
    NoteNameEncoding,
    check,
    generate,
    hint,
    load_bundle,
    load_corpus,
    read_score,
    show,
    solution,
)
from musiclab.baselines import Markov
from musiclab.dataset import Batches, Piece, encode_pieces, split_pieces, transposed, windows
from musiclab.encoding import END
from musiclab.models import keras, model_of, stream_model, weights_of
from musiclab.training import Progress, device_report, train

PROFILE = "class"  # "full": all the tunes, and the recipe to its end; from some minutes to half an hour
FULL = PROFILE == "full"

prelude = read_score("../data/music.mid")
display(show.sound(prelude.slice(0, 16)))
show.piano_roll(prelude, bars=(1, 4))

# %% [markdown]
# ## 1 · The original recipe, steps 2 and 3
#
# This is the piece from lesson 05, the opening of Bach's Prelude in C. In the picture each block is a note,
# time runs to the right, pitch upwards. Every bar (the unit in which one counts) repeats one figure: five notes,
# from low to high, and the upper three once more; then all of it again.
#
# Step 1 of the recipe, in short: one **token** (a whole number) for each event, windows of 100 tokens, and after
# each window the token that follows as the **target**. The inputs get the shape (windows, 100, 1). The targets
# become *one-hot*: a row of zeros with a single 1 at the place of the token.
#
# Lesson 05 numbered the 33 names by the alphabet, from 0. The course's `NoteNameEncoding` does it a little
# differently: it sorts them by pitch and keeps number 0 for END, as all encodings of the course do. So there are
# 34 tokens here, though the recipe never uses END.
#
# The recipe imports `np_utils` for the last part. Do you expect today's Keras to have it?

# %%
names = NoteNameEncoding.of([prelude])
tokens = names.encode(prelude)
inputs, targets = windows([Piece(tokens)], 100)
x = inputs[..., None].astype("float32")
y = keras.utils.to_categorical(targets, names.size)

print("keras.utils.np_utils exists:", hasattr(keras.utils, "np_utils"))
print("x", x.shape, " y", y.shape, " first target:", targets[0], "=", names.vocabulary[targets[0]])
assert np.array_equal(y, np.eye(names.size)[targets])  # one-hot: rows of the identity matrix

# %% [markdown]
# `np_utils` was removed years ago; its function is now `keras.utils.to_categorical`. The last line shows that
# there is no secret in it.
#
# Step 2 builds the model, three layers one after the other:
#
# - **LSTM(256)** reads the 100 numbers of a window one by one. Its state, 256 numbers, is all that it remembers.
#   It gives its last state on.
# - **Dropout(0.2)** sets a fifth of these numbers to zero, others each time, while training only. The next layer
#   cannot rely on any single one.
# - **Dense(softmax)** turns them into one probability for each token; together they are 1.
#
# Guess before you run the cell: how many weights (numbers to be learnt) are there, and which layer has most?

# %%
keras.utils.set_random_seed(0)
recipe = keras.Sequential(
    [
        keras.Input((100, 1)),
        keras.layers.LSTM(256),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(names.size, activation="softmax"),
    ]
)
for layer, what in zip(recipe.layers, ("LSTM", "Dropout", "Dense"), strict=True):
    print(f"{what:8} gives {layer.output.shape!s:12} and has {layer.count_params():7,} weights")

lstm = 4 * 256 * (1 + 256 + 1)
dense = (256 + 1) * names.size
print(f"by hand: {lstm:,} + {dense:,} = {lstm + dense:,}")
assert recipe.count_params() == lstm + dense

# %% [markdown]
# `None` is the number of windows in a batch, which may be any. The count by hand follows the equations of lesson
# 04: there are 4 gates with 256 units each, and each unit has one weight for the 1 input, 256 for the hidden
# state, and 1 bias. So nearly all weights look at the model's own memory; of the 258 weights of a unit's gate one
# looks at the note.
#
# The piece has 545 events. A model with 500 times as many weights as there are events can learn a piece by heart.
# Keep that in mind for section 2.
#
# ### Exercise 6.1 · Count the weights
#
# Write `count_weights(inputs, units, outputs)` for a stack of LSTM layers with a Dense layer at
# the end. `units` is a list with the size of each LSTM layer. Example: `count_weights(1, [256], 34)` is 272930.
# If you are stuck, `hint("6.1")` gives a hint, again and again a clearer one, and `solution("6.1")` an answer.


# %%
def count_weights(inputs, units, outputs):
    """Count the weights of LSTM layers, one after the other, and a Dense layer at the end."""
    ...


# %%
check("6.1", count_weights)

# %% [markdown]
# Step 3 trains. The model sees 64 windows at a time, a **batch**, and says how likely it finds each token. The
# **loss**, here *categorical cross-entropy*, is −ln of the probability that it gave to the right one. *Adam*
# changes every weight a little so that the loss falls. One pass over all windows is an **epoch**; the recipe
# makes 50.
#
# The few lines of `Bar` show a progress bar. `fit` calls them back after each batch, hence the name *callback*.
# The class profile trains 8 epochs. What will the curve look like?


# %%
class Bar(keras.callbacks.Callback):
    """The course's progress bar for Keras's own training loop."""

    def on_train_begin(self, logs=None):
        self.bar = Progress(self.params["epochs"] * self.params["steps"], "Original recipe")

    def on_train_batch_end(self, batch, logs=None):
        self.bar.step(logs["loss"])

    def on_train_end(self, logs=None):
        self.bar.close()


recipe.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
fitted = recipe.fit(x, y, epochs=50 if FULL else 8, batch_size=64, verbose=0, callbacks=[Bar()])
history = [{"epoch": number, "loss": loss} for number, loss in enumerate(fitted.history["loss"], start=1)]
assert history[-1]["loss"] < history[0]["loss"]
show.curves(history, baselines={"all equally likely": np.log(names.size)}, title="The original recipe", unit="nats per event")

# %% [markdown]
# The loss falls, slowly. To see where 50 epochs lead you need not wait: the course brings the result of the full
# training along, as a **bundle**. A bundle is one file with the weights, the encoding, and a *card* that says how
# it was made.

# %%
shipped = load_bundle("recipe")
print("training:", ", ".join(f"{name} {value}" for name, value in shipped.card["training"].items()))
for name, value in shipped.card["metrics"].items():
    print(f"{name}: {value:.2f}")
assert shipped.card["metrics"]["training loss"] < history[0]["loss"]

# %% [markdown]
# ## 2 · Is 1.9 a good loss?
#
# Somewhere on its way down the recipe passes 1.9. Is that good? The number alone does not say.
#
# The unit of the loss is the **nat**: the surprise −ln p at something that had the probability p. And e to the
# power of the loss, the **perplexity**, turns it back into a picture: a model with perplexity 7 is as unsure as
# somebody who draws one of 7 equally likely tokens. 1.9 nats are a perplexity of e^1.9 = 6.7.
#
# The real question is: 6.7 against what? Four simple models answer it; they are from lesson 01 and do nothing
# but count. *Uniform* finds all tokens equally likely. *Unigram* knows how frequent each one is. *Markov 1* also
# looks at the last token, *Markov 4* at the last four. Guess: which of them stay behind the shipped LSTM?

# %%
rows, ends = names.inputs(tokens, (4, 4)), np.append(tokens, END)


def markov_loss(order):
    """Count the whole piece, then return the mean surprise at the targets of the recipe's windows."""
    return Markov(names.size, order).fit([(rows, ends)]).nats(rows, ends)[100 : len(tokens)].mean()


reference = model_of(shipped)
p = reference.predict_on_batch(x)  # (windows, size)
lstm_loss = -np.log(p[np.arange(len(x)), targets]).mean()
table = {"uniform": np.log(names.size), "unigram": markov_loss(0), "Markov 1": markov_loss(1), "the shipped LSTM": lstm_loss}
table["Markov 4"] = markov_loss(4)
for name, nats in table.items():
    print(f"{name:16} {nats:5.1f} nats   perplexity {np.exp(nats):5.1f}")
assert table["Markov 4"] < table["the shipped LSTM"] < table["unigram"] < table["uniform"]

# %% [markdown]
# A table of counts, made in no time, is far below the LSTM with its 50 epochs. So 1.9 is nothing to be proud of
# here: without the other rows the number could not tell you that. **A loss needs a baseline beside it.**
#
# ### Exercise 6.2 · Perplexity
#
# Write `perplexity(pieces)`. `pieces` is a list of arrays, one for each piece, with the surprise
# in nats at each of its steps. Every step counts the same, whichever piece it is in. Example: surprises of
# `[[0.0, 0.0], [3.0]]` have the mean 1.0 and the perplexity e = 2.718.


# %%
def perplexity(pieces):
    """Return e to the power of the mean surprise over all steps of all pieces."""
    ...


# %%
check("6.2", perplexity)

# %% [markdown]
# All figures so far have a flaw: they were measured on the notes that the models had learnt from. The recipe
# keeps no music back. What happens on music that the model has never seen?
#
# We need unseen music in the same vocabulary. Take the first 32 bars of the prelude and put them in another order.
# The figure in each bar stays as it is; whoever has understood the figure is not disturbed.
#
# For comparison, a rule in six words: *play what came eight notes ago.* It has no weights. Guess the four numbers.

# %%
bars = tokens[:512].reshape(32, 16)  # a bar is 16 events
shuffled = np.random.default_rng(0).permutation(bars).reshape(-1)

print("                        loss   right   eight notes ago is right")
losses, shares = [], []
for name, piece in (("the prelude", tokens), ("bars in other order", shuffled)):
    windows_in, wanted = windows([Piece(piece)], 100)
    p = reference.predict_on_batch(windows_in[..., None].astype("float32"))
    losses.append(-np.log(p[np.arange(len(wanted)), wanted]).mean())
    shares.append((p.argmax(axis=1) == wanted).mean())
    rule = (windows_in[:, -8] == wanted).mean()
    print(f"{name:20} {losses[-1]:7.1f}  {shares[-1]:5.0%}   {rule:5.0%}")
display(show.sound(names.decode(shuffled[:64])))  # four bars in another order
assert losses[1] > losses[0] + 1 and losses[1] > table["unigram"] - 0.5
assert shares[1] < shares[0] / 1.5 and shares[1] < rule

# %% [markdown]
# (The card's loss and accuracy were means over the last epoch, with dropout at work; here it is off.)
#
# On the notes that it has seen, the LSTM is right about as often as the rule. On the same bars in another order
# it is lost: its loss goes back up to about that of the unigram model, while the rule is still right more than half
# of the time. The network did not learn the figure. It learnt the piece by heart, as far as it got.
#
# Music that was kept out of training, to measure on, is called **held-out**. The recipe has none, so its training
# accuracy could not show this. That is its first slip in this lesson.
#
# The second one is in the input. The recipe feeds the token as a *number*: 33 is 33 times as much as 1. Each unit
# multiplies it with a weight, so the token's number decides how hard the note pushes on the gates. What has the
# number of a note to do with music? In the recipe nothing: it numbers the names of an unordered `set`.

# %%
kernel = weights_of(recipe)[f"{recipe.layers[0].name}/kernel"]  # (1, 4 * 256): one weight for each unit of each gate
for token in (1, 11, 22, 33):
    push = np.abs(token * kernel).mean() / np.abs(1 * kernel).mean()
    print(f"token {token:2}, {names.vocabulary[token]}, pushes {push:2.0f} times as hard as token 1")

# %% [markdown]
# Number the same notes in another way and the network gets another task, though the music is the same. And each
# start of Python would number a `set` anew. Our encoding sorts the names by pitch, which helps; section 4 removes
# the problem.

# %% [markdown]
# ## 3 · Which device, which kernel, and why
#
# Training is mostly products of large matrices. A GPU does thousands of them side by side; Keras uses one by itself
# if the installation supports it. For LSTM layers there is a second question. NVIDIA's library cuDNN has a **fused
# kernel**: one program on the GPU that goes through all steps of a sequence. Without it the GPU gets many tiny tasks,
# one after the other, and may be no faster than a CPU.
#
# Keras takes the fused kernel only if the layer is one that cuDNN knows: activation tanh, recurrent activation
# sigmoid, a bias, no `recurrent_dropout`, no `unroll`. `device_report` tells you what holds on your machine.

# %% tags=["nbval-ignore-output"]
print(device_report(recipe))

slow = keras.Sequential([keras.Input((100, 1)), keras.layers.LSTM(256, recurrent_dropout=0.2, name="slow")])
print()
print(device_report(slow))
assert "recurrent_dropout" not in device_report(recipe)
assert "recurrent_dropout is used" in device_report(slow)

# %% [markdown]
# One argument, `recurrent_dropout=0.2`, is enough to lose the fused kernel on every machine, and nothing warns you.
# Dropout between the layers, as in all models of this course, does no harm.
#
# And without a GPU? There the plain kernel spends more time on handing numbers around than on computing with them.
# For this case the course has a layer of its own: `FastLSTM`, some two hundred lines in `musiclab/layers.py`. It is
# Keras's LSTM, with the same arguments and the same weights. But on a CPU it takes the equations of lesson 04 in
# another order: first everything that need not wait for the step before, for many steps at once, and only the rest step
# by step. That is about twice as fast, and close to what the machine can do at all (`benchmarks/README.md` has the
# measurements). On a GPU it steps aside for cuDNN.
#
# Does it compute the same? Below both layers get the same weights and read the same noise: 64 sequences of 100 steps.
# Guess how far their results, numbers between -1 and 1, lie apart: do you see it in the second decimal, in the fourth,
# or in none of these?

# %%
from musiclab.layers import FastLSTM

plain, fast = keras.layers.LSTM(128, return_sequences=True), FastLSTM(128, return_sequences=True)
noise = np.random.default_rng(0).normal(size=(64, 100, 56)).astype("float32")
for layer in (plain, fast):
    layer.build(noise.shape)
fast.set_weights(plain.get_weights())

difference = np.abs(np.array(plain(noise)) - np.array(fast(noise))).max()
for decimals in (2, 4, 5):
    print(f"equal to {decimals} decimals:", difference < 0.5 * 10**-decimals)

# %% [markdown]
# A computer rounds after each operation, to about seven digits. The same sum in another order is rounded elsewhere,
# so the last digit or two differ. For music that is nothing; for a comparison "to the last bit" it is everything. This
# is why such comparisons hold on one machine with one program only, and why this course prints losses with two or three
# decimals.

# %% [markdown]
# ## 4 · A better successor
#
# | the recipe | its successor |
# |---|---|
# | the token as a number | an embedding: a row of a table for each token |
# | no durations, no rests | a grid: what happens in each sixteenth |
# | windows of 100, one target each | whole tunes, a target at every step |
# | one piece, nothing held out | many tunes, split by piece |
# | one key | each epoch moves each tune to another pitch |
# | training loss only | a validation curve and baselines |
#
# **Embedding.** Instead of feeding the number 33 we look up row 33 of a table. The rows are weights: training
# finds out which notes should be alike. Is that a new kind of layer? Compare it with one-hot times matrix.

# %%
table = np.random.default_rng(0).normal(size=(names.size, 8))  # 34 tokens, a row of 8 numbers for each
one_hot = np.eye(names.size)[tokens]  # (545, 34)

print("one-hot × table:", (one_hot @ table).shape, "  table[tokens]:", table[tokens].shape)
assert np.array_equal(one_hot @ table, table[tokens])

# %% [markdown]
# The same numbers, exactly; looking a row up is the quick way to multiply with a one-hot row. No token is larger
# than another any more, and renumbering the notes only renumbers the rows.
#
# **The tunes.** We train on dance tunes from a fiddler's collection of 1883. `GridEncoding` (lesson 05) writes one
# token for each sixteenth: a pitch where a note begins, HOLD while it sounds, REST. Beside the last token the model
# is told three things that are known beforehand: the place in the bar, the metre (how a bar is counted, such as
# 2/4), and the number of the bar.

# %%
tunes = load_corpus("fiddle-tunes", progress=False)[: None if FULL else 250]
grid = GridEncoding(voices=1, steps_per_quarter=4)
pieces = encode_pieces(tunes, grid)

print(f"{len(tunes)} tunes, {sum(len(piece.tokens) for piece in pieces):,} tokens, {grid.size} different")
print("columns of the input:", grid.input_sizes, "= last token, place in the bar, metre, bar number")
print([grid.vocabulary[token] for token in pieces[8].tokens[:16]])
display(show.sound(tunes[8].slice(0, 8 * tunes[8].bar_length)))
show.piano_roll(tunes[8], bars=(1, 8))

# %% [markdown]
# **Split and batches.** A fifth of the tunes is held out, tune by tune, with variants of one tune on the same side
# (lesson 05). `Batches` hands out whole tunes, each moved by -6 to 5 semitones (a semitone is the step to the next
# key of the piano), anew in every epoch. So it is of little use to learn a tune's pitches by heart.
#
# Tunes have different lengths. In a batch the short ones are filled up: **padding**. In training, tunes of similar
# length share a batch; the held-out ones go up to 64 at a time. What share of each, do you think, is padding?

# %%
split = split_pieces(tunes, valid=0.2, test=0.0, seed=0)
train_set, valid_set = [pieces[i] for i in split.train], [pieces[i] for i in split.valid]
train_batches = Batches(train_set, grid, batch_size=8, semitones=(-6, 5), seed=0)
valid_batches = Batches(valid_set, grid, batch_size=64, shuffle=False)

print(f"{len(train_set)} tunes to train on, {len(valid_set)} held out; {len(train_batches)} batches an epoch")
batch_inputs, batch_targets, batch_weights = next(train_batches.epoch(0))
print("inputs", batch_inputs.shape, " targets", batch_targets.shape, " weights", batch_weights.shape)
for name, batches in (("training", train_batches), ("held-out", valid_batches)):
    sizes = [weights.size for _, _, weights in batches.epoch(0)]
    print(f"{name}: {batches.steps:,} targets, {1 - batches.steps / sum(sizes):.0%} of the places are padding")

# %% [markdown]
# The target on padding is always END, and a model learns that at once. Counted in, the padding would make every loss
# look better than it is. So each batch brings weights: 1 where there is a target, 0 on padding.
#
# ### Exercise 6.3 · A mean without padding
#
# Write `mean_loss(losses, weights)`: the mean over all targets of a batch. Both arguments are
# arrays of shape (pieces, steps). A weight is 1 for a target and 0 for padding; a target may have the loss 0. Example: losses
# `[[1.0, 2.0], [6.0, 0.1]]` with weights `[[1, 1], [1, 0]]` give 3.0.


# %%
def mean_loss(losses, weights):
    """Return the mean loss over all targets; padding has the weight 0."""
    ...


# %%
check("6.3", mean_loss)

# %% [markdown]
# **Baselines first.** Before you train anything, measure what the counting models reach on the held-out tunes. For
# Markov we try several orders, with and without place in the bar and metre, and keep the best. On the prelude a higher
# order was better. Guess: is it here, on tunes that the model has not seen?


# %%
def sides(some_pieces):
    """Return (inputs, targets) of each piece, as the baselines take them."""
    return [(grid.inputs(p.tokens, p.time_signature), np.append(p.tokens, END)) for p in some_pieces]


def held_out_loss(order, columns, known):
    """Count the known pieces; return the mean surprise at every step of the held-out ones."""
    model = Markov(grid.size, order, columns).fit(known)
    return np.concatenate([model.nats(*side) for side in sides(valid_set)]).mean()


known = sides(train_set)
for columns, name in (((), "last tokens alone"), ((1, 2), "with place and metre")):
    print(f"{name:21}", "   ".join(f"order {order}: {held_out_loss(order, columns, known):.2f}" for order in range(1, 6)))
choices = {(order, columns): held_out_loss(order, columns, known) for order in range(1, 6) for columns in ((), (1, 2))}
best_order, best_columns = min(choices, key=choices.get)
baselines = {"uniform": np.log(grid.size), "unigram": held_out_loss(0, (), known), "best Markov": min(choices.values())}
print("  ".join(f"{name}: {nats:.2f}" for name, nats in baselines.items()))

# %% [markdown]
# On unseen tunes a longer memory helps only up to a point: most long contexts were never met before. That is the
# difference between knowing a piece and knowing a style.
#
# **The model.** Four embeddings side by side, a `FastLSTM` that answers at *every* step (`return_sequences=True`), a Dense
# layer. It returns *logits*, scores before the softmax; the loss takes care of the rest. A tune of 128 steps gives 129
# targets (the last is END) where a window gave one.

# %%
UNITS, EPOCHS = (256, 30) if FULL else (128, 12)
settings = {"embedding": 32, "units": (UNITS,), "dropout": 0.1, "seed": 0}

keras.utils.set_random_seed(0)
rows_in = keras.Input((None, 4), dtype="int32")  # (tunes, steps, columns)
vectors = [
    keras.layers.Embedding(size, 32 if column == 0 else 8, name=f"embedding_{column}")(rows_in[:, :, column])
    for column, size in enumerate(grid.input_sizes)
]
h = keras.layers.Concatenate()(vectors)  # (tunes, steps, 32 + 3 * 8)
h = keras.layers.Dropout(0.1)(h)
h = FastLSTM(UNITS, return_sequences=True, name="lstm_0")(h)  # (tunes, steps, units)
h = keras.layers.Dropout(0.1)(h)
model = keras.Model(rows_in, keras.layers.Dense(grid.size, name="dense")(h))  # (tunes, steps, tokens)

ready_made = weights_of(stream_model(grid.input_sizes, grid.size, **settings))
assert all(np.array_equal(weight, ready_made[name]) for name, weight in weights_of(model).items())
print(f"{model.count_params():,} weights; musiclab.models.stream_model builds the same, to the last weight")

# %% [markdown]
# The same seed gave both models the same weights to begin with. Now train. `train` is a loop over epochs and batches
# like `fit`, with a learning rate that falls from epoch to epoch, the loss without padding, and a measurement on the
# held-out tunes after each epoch. It keeps the weights of the best one.
#
# This is the longest cell of the lesson, some 15 to 30 seconds. Guess before you run it: which of the three lines will
# the held-out curve end below?

# %%
tune_history = train(model, train_batches, valid_batches, epochs=EPOCHS, learning_rate=8e-3)
best_valid = min(row["valid"] for row in tune_history)
assert best_valid < baselines["best Markov"] < baselines["unigram"] < baselines["uniform"]
assert tune_history[0]["valid"] < tune_history[0]["loss"]
show.curves(tune_history, baselines=baselines, title="Dance tunes", unit="nats per step")

# %% [markdown]
# It ends below all three, below the best Markov model by a little. How to read such a picture:
#
# - **Both curves fall**: it learns. If both are flat from the start, the learning rate is too low or something is wrong.
# - **Training falls, held-out rises**: it begins to learn its tunes by heart, which is called *overfitting*. The best
#   weights are those at the lowest point of the held-out curve, marked with a ring.
# - **The gap** between the two is what was learnt by heart. Here it is small; the tunes change their pitch in every
#   epoch, and there was little time. In the first epoch the held-out loss is even the lower one: the training loss is
#   a mean over the whole epoch, its bad beginning included, and with dropout at work.
# - **Both curves still fall at the end**: more epochs would help.
#
# Do not compare these nats with those of section 2. A step here is a sixteenth, there it was a note; other tokens,
# other surprise.
#
# ### Exercise 6.4 · Stop early
#
# *Early stopping* ends a training that no longer improves. Write `early_stop(valid, patience)`. It
# gets the held-out losses of the epochs and stops as soon as `patience` epochs in a row have brought no new best (or at
# the end). The first epoch is a best, an equal loss is not. Return the epoch at which it stops and the best epoch, both counted
# from 1. Example: `early_stop([2.0, 1.5, 1.6, 1.7, 1.4], 2)` is `(4, 2)`.


# %%
def early_stop(valid, patience):
    """Return the epoch at which training stops and the epoch whose weights are kept, both counted from 1."""
    ...


# %%
check("6.4", early_stop)

# %% [markdown]
# **Was it a fair race?** The network met every tune in up to twelve keys (at twelve heights). The Markov model counted
# each tune once, as it stands. Give it the same twelve copies. Who is ahead now?

# %%
copies = [transposed(piece, grid, semitones) for piece in train_set for semitones in range(-6, 6)]
fair = min(held_out_loss(order, columns, sides(copies)) for order in (3, 4) for columns in ((), (1, 2)))

print(f"best Markov, tunes as they stand: {baselines['best Markov']:.2f}")
print(f"best Markov, in twelve keys:      {fair:.2f}")
print("the network is", "below both" if best_valid < fair else "below the first, above the second")
assert fair < baselines["best Markov"]

# %% [markdown]
# In the class profile the counting model wins this one. A few seconds and 200 tunes are not enough for a network: it
# has to *find out* that music moved up is the same music, from examples. What it gains with more
# tunes and more time shows the course's melody bundle: the same kind of model with 256 units, trained
# much longer on thousands of tunes. The full profile stands in between: run it, and look at this cell again.

# %%
melody = load_bundle("melody")
metrics = melody.card["metrics"]
print(f"trained on {melody.card['split']['train']:,} tunes, {melody.card['training']['epochs']} epochs")
for name, value in metrics.items():
    print(f"{name}: {value:.2f}")
markov = min(value for name, value in metrics.items() if name.startswith("Markov"))
assert metrics["test nats/step"] < markov
print("below the best Markov model:", metrics["test nats/step"] < markov)

# %% [markdown]
# These figures are from tunes that neither model had seen. `print(melody.describe())` shows the whole card.

# %% [markdown]
# ## 5 · Stop and go on
#
# Full trainings take hours, and things happen: the lid closes, the stop button is pressed. With `checkpoint=` a file
# keeps everything that training needs after each epoch: weights, the optimiser's memory, the random state of dropout,
# the number of the epoch. Called again, `train` goes on from there.
#
# Is the result the same as without the interruption? Equal to two decimals, or exactly? To find out, this cell trains
# a tiny model without a break, and builds batches that press the stop button for us in the middle of epoch 3.


# %%
class StopInTheMiddle(Batches):
    """Batches that press the stop button: at the second batch of epoch 3."""

    def epoch(self, number=0):
        for k, batch in enumerate(super().epoch(number)):
            if (number, k) == (2, 1):
                raise KeyboardInterrupt
            yield batch


few = [piece for piece in train_set if len(piece.tokens) == 128][:12]
same_settings = {"batch_size": 4, "semitones": (-6, 5), "seed": 1}


def tiny():
    return stream_model(grid.input_sizes, grid.size, embedding=8, units=(16,), seed=1)


straight = tiny()
unbroken = train(straight, Batches(few, grid, **same_settings), epochs=5)
print(f"{len(few)} tunes, {len(Batches(few, grid, **same_settings))} batches an epoch, {len(unbroken)} epochs without a break")

# %% [markdown]
# Now with the interruption, and then with a *new* model, as after a restart of the computer.

# %%
Path("work").mkdir(exist_ok=True)
checkpoint = Path("work/06_checkpoint.npz")
checkpoint.unlink(missing_ok=True)  # from an earlier run of this notebook

train(tiny(), StopInTheMiddle(few, grid, **same_settings), epochs=5, checkpoint=checkpoint)

resumed = tiny()
rest = train(resumed, Batches(few, grid, **same_settings), epochs=5, checkpoint=checkpoint)
print("epochs in the history:", [row["epoch"] for row in rest])
a, b = weights_of(straight), weights_of(resumed)
print("weights equal to the last bit:", all(np.array_equal(a[name], b[name]) for name in a))
on_cpu = device_report(resumed).count("device: CPU")
assert all(np.allclose(a[name], b[name], atol=0 if on_cpu else 1e-3) for name in a)

# %% [markdown]
# The broken epoch was begun anew, with the same shuffling, the same transpositions, the same dropout, because all
# of them follow from the seed and the number of the epoch. The same seed and the same data give the same model, to
# the last bit on a CPU. On a GPU sums may be taken in another order, and the last bits differ.
#
# What if you come back with another setting and the old file? Guess, then run.

# %%
try:
    train(tiny(), Batches(few, grid, **same_settings), epochs=5, learning_rate=1e-2, checkpoint=checkpoint)
except ValueError as error:
    print(error)

# %% [markdown]
# Mixing two trainings would give a model that no settings describe. So it is refused, with the setting that differs.

# %% [markdown]
# ## 6 · A bundle of your own
#
# Weights alone are of no use: without the encoding nobody knows what token 63 was, without the card nobody knows what
# the model has seen. Save all of it in one file. Then load it as a stranger would, and let it write a tune. Lesson 07
# explains how; here you see what a model of a few seconds' training has to say.

# %% tags=["nbval-ignore-output"]
card = {
    "corpus": {"fiddle-tunes": f"the first {len(tunes)}, from Ryan's Mammoth Collection, Boston 1883"},
    "split": {"train": len(train_set), "valid": len(valid_set), "by": "piece"},
    "training": {"epochs": EPOCHS, "profile": PROFILE},
    "metrics": {"valid nats/step": round(best_valid, 2), "best Markov nats/step": round(float(baselines["best Markov"]), 2)},
    "metres": sorted({"{}/{}".format(*tune.time_signature) for tune in tunes}),
    "licence": "CC0",
}
mine = Bundle("mine", weights_of(model), grid, {"kind": "stream", **settings}, card)
mine.save("work/mine.bundle", overwrite=True)

again = load_bundle("work/mine.bundle")
print(again.describe())
assert all(np.array_equal(again.weights[name], weight) for name, weight in mine.weights.items())
tune = generate(again, 32, time_signature=(2, 4), temperature=0.8, seed=1)
assert tune == generate(mine, 32, time_signature=(2, 4), temperature=0.8, seed=1)  # same seed, same music
display(show.sound(tune))
show.piano_roll(tune, title="Written by your own model")

# %% [markdown]
# Without `overwrite=True` an existing file is never replaced. Compare the roll with the fiddle tune of section 4: what has
# the model caught, and what has it missed?
#
# ### Exercise 6.5 · A model of your own
#
# Train a model of your own that is small: at most 60,000 weights, half of what you just trained, and
# still better than the unigram model and the Markov model of order 1. Change what you like: units, embedding, dropout, epochs,
# learning rate, batch size, the layers. Give the trained model to `check`; it measures on 24 tunes from behind the first 250
# of the collection. A start: `my_model = stream_model(grid.input_sizes, grid.size, ...)`, then `train(my_model, ...)`.

# %%
my_model = ...

# %%
check("6.5", my_model)

# %% [markdown]
# ## 7 · The museum of mistakes
#
# Lesson 05 opened a museum of programs that raise no error, print something pleasing, and are wrong. Here are two
# more. Read the label, run the program, and guess before you go on: what is wrong, and which tool of the course would
# show it?
#
# ### Exhibit 4 · A table that beats the network
#
# *The label:* "Shuffles the tunes, puts a fifth of them aside for the test, and counts the others. Prints the loss on the
# test tunes, for Markov models that look back on more and more tokens. No network of section 4 comes near it."


# %%
rng = np.random.default_rng(0)
fifth = len(pieces) // 5
test_tunes = [pieces[i] for i in rng.permutation(len(pieces))[:fifth]]
counted_tunes = [pieces[i] for i in rng.permutation(len(pieces))[fifth:]]


def test_losses(order):
    """Count some tunes; return the surprises of each test tune."""
    counts = Markov(grid.size, order).fit(sides(counted_tunes))
    return [counts.nats(*side) for side in sides(test_tunes)]


print(f"{len(counted_tunes)} tunes to count, {len(test_tunes)} for the test")
for order in (1, 2, 4, 8):
    print(f"order {order}: {np.concatenate(test_losses(order)).mean():.2f} nats a step")

# %% [markdown]
# There is a clue in the row of figures: in section 4 a longer memory did not help from some order on; here it helps and
# helps. But a mean hides much. Look at each test tune by itself: draw a histogram of their losses. A sound test gives one
# heap, with easy and difficult tunes. What do you expect here?

# %%
from matplotlib.figure import Figure

per_tune = np.array([nats.mean() for nats in test_losses(8)])
on_both_sides = np.array([any(tune is other for other in counted_tunes) for tune in test_tunes])

figure = Figure(figsize=(8, 2.2), layout="constrained")
axes = figure.subplots()
axes.hist(per_tune, bins=np.arange(0, 5, 0.25), color="0.6", edgecolor="white")
axes.set(xlabel="nats a step, order 8", ylabel="test tunes")

print(f"{on_both_sides.sum()} of {len(test_tunes)} test tunes are among those that were counted")
for name, some in (("these", per_tune[on_both_sides]), ("the others", per_tune[~on_both_sides])):
    print(f"{name}: {some.mean():.2f} nats a step")
print(f"order 8 on the held-out tunes of section 4: {held_out_loss(8, (), known):.2f}")
assert np.concatenate(test_losses(8)).mean() < best_valid - 0.3  # as the label says
assert on_both_sides.mean() > 0.5 and per_tune[on_both_sides].mean() < per_tune[~on_both_sides].mean() - 1
words = "Histogram of the loss of each test tune: a high heap below half a nat, and a few tunes far to the right of it."
show.Picture(figure, axes, words)

# %% [markdown]
# Two heaps: what was learnt by heart, and what was not. The program shuffles *twice*. The first shuffle says which tunes
# are for the test, the second, another order, which are counted; four of five test tunes are among these. Only the small
# heap is a test. **Ask of every good loss how it is spread, and whether the two sides share a tune.**
#
# ### Exercise 6.6 · Shuffle once
#
# Write `split_tunes(families, seed)`. `families` is an array with a number for each tune; tunes with the same number are variants
# of one melody (lesson 05). Tunes are numbered by their place in it, from 0. Return two lists of tune numbers, for training and
# for test. About a fifth of the tunes are for the test, every tune is on one side, no family on two, and the split follows from
# the seed. Example: `split_tunes(np.array([4, 7, 7, 5, 8]), seed=0)` may be `([0, 1, 2, 4], [3])`.


# %%
def split_tunes(families, seed):
    """Return the numbers of the tunes for training and of those for the test."""
    ...


# %%
check("6.6", split_tunes)

# %% [markdown]
# ### Exhibit 5 · A loss below one nat
#
# *The label:* "A Markov model of order 4 on the tunes of section 4, with its split. Takes the tunes in batches, as the network
# does: eight at a time for counting, up to 64 for the measurement. Prints the loss on the held-out tunes."
#
# Section 4 counted with the same order, and needed more than twice as much. This time no tune is on both sides. What is wrong?


# %%
def rows_of(batches):
    """Return the inputs and targets of each row of each batch."""
    return [row for inputs, targets, _ in batches.epoch() for row in zip(inputs, targets, strict=True)]


counts = Markov(grid.size, 4).fit(rows_of(Batches(train_set, grid, batch_size=8)))


def measured(batch_size):
    """Return the mean surprise on the held-out tunes."""
    held_out = Batches(valid_set, grid, batch_size=batch_size, shuffle=False)
    return np.concatenate([counts.nats(*row) for row in rows_of(held_out)]).mean()


print(f"{measured(64):.2f} nats a step")

# %% [markdown]
# The loss belongs to a model and to music. It cannot matter how many tunes lie in a batch. So measure again, the same model
# on the same tunes, packed in other ways. What do you expect?


# %%
def measured_with_weights(batch_size):
    """Return the loss without the padding, the loss on the padding, and the share of padding."""
    held_out = Batches(valid_set, grid, batch_size=batch_size, shuffle=False)
    weights = np.concatenate([weights.ravel() for _, _, weights in held_out.epoch()])
    losses = np.concatenate([counts.nats(*row) for row in rows_of(held_out)])
    return (losses * weights).sum() / weights.sum(), losses[weights == 0].mean(), (weights == 0).mean()


print("in a batch   padding   loss   on padding   without it")
for size in (1, 4, 16, 64):
    honest, on_padding, share = measured_with_weights(size)
    print(f"{size:10} {share:9.0%} {measured(size):6.2f} {on_padding:12.2f} {honest:12.2f}")
    assert abs(honest - measured_with_weights(1)[0]) < 1e-9
assert measured(64) < measured(16) < honest - 0.1

# %% [markdown]
# The formula is that of exercise 6.3; here is what it is worth. After END comes END: the model has learnt this from the padding
# of its own training rows, and is hardly ever surprised by it. The more padding, the better the figure. (A batch of one has some,
# too: `Batches` rounds each length up to a multiple of 16. And section 4 counted rows without padding, so its figure is not quite
# that of the last column.) **Repack the batches; a sound measure does not move.**
#
# ### Exercise 6.7 · The first END counts
#
# Somebody hands you losses and targets, and the weights are lost. Write `pooled_loss(batches)`, the mean over all targets of all
# batches. `batches` is a list of pairs `(losses, targets)`, two arrays of the same shape (pieces, steps). Token 0 is END, and
# every row has one. The first is a target like any other, for a model must find the end; what comes after it is padding. Example:
# the losses `[[1.0, 3.0, 0.5, 0.5]]` with the targets `[[63, 0, 0, 0]]` give 2.0.


# %%
def pooled_loss(batches):
    """Return the mean loss over all targets of all batches; what follows the first END of a row is padding."""
    ...


# %%
check("6.7", pooled_loss)

# %% [markdown]
# ## Quiz
#
# What do you still know? Answer, then press Check: each answer is explained.

# %%
from musiclab.widgets.quiz import Quiz

Quiz(6)

# %% [markdown]
# ## In this lesson you saw
#
# - The original model has some 270,000 weights, nearly all of them in the LSTM's four gates.
# - A loss in nats says something only beside baselines, and only on music that was held out. The recipe has learnt its
#   one piece by heart; a rule without weights carries further.
# - `recurrent_dropout` and unusual activations cost you the fast cuDNN kernel on a GPU; without a GPU, `FastLSTM` computes
#   the same as Keras's LSTM in about half the time.
# - An embedding replaces the number of a note by a row of a table that is learnt; padding must not count in the loss.
# - A fair baseline gets the same help as the model. With few tunes counting wins, with many the network.
# - A training that is stopped in the middle goes on from its checkpoint and ends with the same weights.
# - The museum: a loss that is too good has a reason. Look at how it is spread over the pieces, ask whether both sides share
#   one, and pack the batches in another way.
#
# ## Where to read on
#
# - S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9 (1997).
# - N. Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", Journal of Machine Learning
#   Research 15 (2014).
# - D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR (2015).
# - I. Goodfellow, Y. Bengio and A. Courville, *Deep Learning*, MIT Press (2016), chapters 7, 8 and 10.
#
# **Next:** lesson 07 lets the models write: note by note, with argmax, temperature and other ways to choose.
