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
# # 14 · Where next
#
# You can train a model, steer it, measure it and play with it. What can it not do, whose music is in it, what did it cost, and
# what comes after it? A last lesson of measurements, and then a project of your own.
#
# You will be able to:
#
# - show with numbers what the models of this course cannot do;
# - say what a machine can measure about emotion, and what only listeners can tell;
# - compute self-attention by hand, and compare a small transformer with an LSTM of the same size in a fair race;
# - report copying, licences, energy and carbon with figures that somebody else can check;
# - plan, check and judge a project of your own.
#
# Time: about 60 minutes, and 45 more for the exercises; the cells themselves run in about a minute. Begin with your ears. One
# of these is an old tune that was held out, the other was written by the melody model. Both have sixteen bars. Which is which?
# Listen for one thing: does anything come back?

# %%
from pathlib import Path

import numpy as np
from IPython.display import HTML, display
from matplotlib.figure import Figure

from musiclab import Score, check, generate, generate_many, hint, load_bundle, show, solution
from musiclab.splits import melody_sides

PROFILE = "class"  # "full": four times the tunes and twice the epochs in section 4; some five minutes
FULL = PROFILE == "full"

melody = load_bundle("melody")
tunes = melody_sides(melody.encoding)  # "train", "valid" and "test", as in lesson 09
old = [score.slice(0, 64) for score in tunes["test"] if score.time_signature == (4, 4)]
old = [score for score in old if score.duration >= 63][:24]  # sixteen bars each
made = [score for score in generate_many(melody, 200, 64, seed=14) if score.duration >= 63][:24]
print(f"{len(old)} held-out tunes and {len(made)} by the model, of sixteen bars each")

coin = np.random.default_rng(14).permutation(2)
for letter, which in zip("AB", coin, strict=True):
    print(letter)
    display(show.sound(Score((old[5], made[5])[which].notes, tempo=140)))

# %% [markdown]
# ## 1 · What the models cannot do
#
# ### Long form
#
# A tune says something and comes back to it. Lesson 09 has measures for that: `repeated_bars`, the share of bars that stood
# there before, note for note, and `longest_repeat`, the longest passage that comes twice, in quarters. The control is the old
# tunes with their notes shuffled. Guess: how many percent of the model's bars are returns, and how many of an old tune's?

# %%
from musiclab.evaluation import bootstrap_means, longest_repeat, repeated_bars, self_similarity, shuffled

sets = {"old tunes": old, "model": made, "shuffled": [shuffled(score, seed) for seed, score in enumerate(old)]}
returns = {}
for name, scores in sets.items():
    returns[name] = np.array([repeated_bars(score) for score in scores])
    low, high = np.percentile(bootstrap_means(returns[name]), [2.5, 97.5])
    passage = np.median([longest_repeat(score) for score in scores])
    share = f"{returns[name].mean():4.1f} % ({low:.1f} to {high:.1f})"
    print(f"{name:10} bars that return: {share}; longest repeat: {passage:.1f} quarters")
assert returns["model"].mean() < 5 < 15 < returns["old tunes"].mean()
answer = " and ".join(f"{letter} is {('the old tune', 'the model')[which]}" for letter, which in zip("AB", coin, strict=True))
HTML(f"<details><summary>And A and B?</summary>{answer}.</details>")

# %% [markdown]
# About every fourth bar of an old tune is a return. Of the model's bars hardly one in a hundred is, as many as in shuffled
# notes. Bar by bar it sounds like a tune, and nobody told it that a tune is a thing with parts. Now see it: each bar against
# each other bar, in a typical tune of each kind. Dark spots beside the diagonal are returns.

# %%
for name, scores in (("An old tune", old), ("A tune by the model", made)):
    middle = np.argsort([repeated_bars(score) for score in scores], kind="stable")[12]
    score = scores[middle]  # a typical one: half of the others have fewer returns
    matrix = self_similarity(score)
    apart = matrix[~np.eye(len(matrix), dtype=bool)]
    print(f"{name}: of the 120 pairs of bars, {(apart > 0.99).sum() // 2} are the same and {(apart > 0.7).sum() // 2} much alike")
    display(show.similarity(matrix, title=name))

# %% [markdown]
# Perhaps it only needs a theme? Give it one: the first eight bars of each old tune, which the model has not learned from. Let
# it write the next eight, and count how many of them come from the first eight. The composer had the same eight bars.


# %%
def from_the_theme(score):
    """Return which share of bars 9 to 16 stands in bars 1 to 8, note for note."""
    bars = [[(o, d, p) for o, d, p, *_ in score.slice(k, k + 4).notes.tolist()] for k in range(0, 64, 4)]
    return np.mean([bar in bars[:8] for bar in bars[8:]])


continued = [generate(melody, 32, prompt=score.slice(0, 32), stop=False, seed=number) for number, score in enumerate(old)]
by_hand, by_model = (100 * np.mean([from_the_theme(score) for score in scores]) for scores in (old, continued))
print(f"bars 9 to 16 that come from bars 1 to 8: {by_hand:.0f} % in the old tunes, {by_model:.0f} % in the model's continuations")
assert by_model < by_hand / 3

# %% [markdown]
# All this was at temperature 1. Lesson 07 showed that a colder model repeats itself more. Is that the form that was missing?
# Guess how many bars return at temperature 0.4, and how many of them when its notes are shuffled.

# %%
cold = [score for score in generate_many(melody, 200, 64, seed=14, temperature=0.4) if score.duration >= 63][:24]
thrown = [shuffled(score, seed) for seed, score in enumerate(cold)]
back, by_luck = (np.mean([repeated_bars(score) for score in scores]) for scores in (cold, thrown))
themes = [generate(melody, 32, prompt=s.slice(0, 32), stop=False, seed=k, temperature=0.4) for k, s in enumerate(old)]
kept = 100 * np.mean([from_the_theme(score) for score in themes])
few, many = (np.mean([len(score) for score in scores]) / 16 for scores in (cold, old))
print(f"temperature 0.4: {back:.0f} % of the bars return, of shuffled ones {by_luck:.0f} %; of a given theme {kept:.0f} %")
print(f"notes a bar: {few:.1f}, in old tunes {many:.1f}")
assert back > 15 and by_luck > back / 2 and kept < by_hand / 3 and few < 0.7 * many

# %% [markdown]
# As many returns as in old tunes, and most of them also when the notes are shuffled: bars of so few notes are alike by luck. A
# given theme still does not come back. A figure that looks right needs its control, here too.
#
# ### A wish in words, a plan
#
# "A sad waltz that gets louder, with the theme back at the end." Where would you put that? What a model can be told is what its
# input has columns for. Here is all of it, for the melody model and for the scenes model of lesson 12.

# %%
columns = dict(zip(("token", "place in the bar", "metre", "number of the bar"), melody.encoding.input_sizes, strict=True))
print("melody model, at each step:", ", ".join(f"{name} ({size} values)" for name, size in columns.items()))
print("scenes model, beside the past:", ", ".join(load_bundle("scenes").encoding.wishes))
assert len(melody.encoding.input_sizes) == 4 and not getattr(melody.encoding, "wishes", None)

# %% [markdown]
# No column for words, none for a form, none for how long the piece will be. The four numbers a bar of lesson 12 come nearest to
# a wish. Models that follow words have learned from music *with descriptions*; the description is one more input. And the
# melody model draws one token after the other: nowhere is it laid down what bar 16 shall be before bar 15 is written.
#
# ### Another style
#
# The melody model learned from old tunes of Europe and America. How surprised is it (lesson 09: nats a step) by old tunes that
# were held out, by the same tunes shuffled, by the blues of lesson 10, and by these shuffled? Guess the order. A blues was
# composed by somebody who meant it; a shuffled tune was not.

# %%
from musiclab import load_folder
from musiclab.evaluation import hear

blues = list(load_folder("../data/tunes/blues", progress=False))
held_out = [score for score in tunes["test"] if score.time_signature == (4, 4)][:48]
strange = {"old tunes": held_out, "shuffled": [shuffled(s, k) for k, s in enumerate(held_out)], "blues": blues}
strange["shuffled blues"] = [shuffled(s, k) for k, s in enumerate(blues)]
nats = {name: float(np.mean([h.nats.mean() for h in hear(melody, scores)])) for name, scores in strange.items()}
for name, value in nats.items():
    print(f"{name:14} {value:.2f} nats a step")
assert nats["old tunes"] < nats["shuffled"] < nats["blues"] < nats["shuffled blues"]
show.sound(blues[3].slice(0, 32))

# %% [markdown]
# To the model a blues is about as strange as old tunes with their notes thrown about. From that figure alone nobody can tell *a
# style that it does not know* from *no style at all*, so its surprise is no verdict on music that it has not learned. The
# control says that it is not deaf: the same blues shuffled surprise it more. But what it writes will not leave its home by
# itself. Lesson 10 moves it, with three dozen tunes.
#
# ### Sound
#
# All models here write *notes*. A singer's breath, a guitar's noise, a mix are not among the tokens. How much more would there
# be to predict? The cell counts for one bar.

# %%
from musiclab import read_score
from musiclab.show.sound import RATE, render

ode = read_score("../data/tunes/ode_to_joy.abc")
bar = Score(ode.slice(0, 4).notes, tempo=120)
tokens, samples = len(melody.encoding.encode(bar)), round(4 * 60 / bar.tempo * RATE)
print(f"one bar at {bar.tempo:.0f}: {tokens} tokens, or {samples:,} numbers of sound, {samples // tokens:,} times as many")
assert tokens == 16 and len(render(bar)) >= samples
show.sound(bar)

# %% [markdown]
# Models of sound exist. They first learn to squeeze sound into some hundreds or thousands of tokens a second, and then predict
# these, with networks like the one of section 4 (Jukebox, MusicLM, MusicGen: see the reading list). It takes data and computers
# of another size.
#
# ## 2 · Depth and emotion
#
# The original tutorial ended with a question: how can a machine make music of depth and emotion? Part of it can be measured.
# Here is *Ode to Joy* four times, in random order. Only two numbers change: the tempo, and one pitch class by one semitone. For
# each, write down from 0 (sad) to 10 (happy) before you go on.

# %%
major = ode.slice(0, 32).notes
minor = major.copy()
minor["pitch"][minor["pitch"] % 12 == 6] -= 1  # F sharp, the third of D major, becomes F
modes = {"major": major, "minor": minor}
versions = {(mode, tempo): Score(notes, tempo=tempo) for mode, notes in modes.items() for tempo in (60, 150)}
order = [list(versions)[k] for k in np.random.default_rng(3).permutation(4)]
for letter, which in zip("ABCD", order, strict=True):
    print(letter)
    display(show.sound(versions[which].slice(0, 16)))
print(f"notes that differ between major and minor: {(major['pitch'] != minor['pitch']).sum()} of {len(major)}")

# %% [markdown]
# Kate Hevner did this with many listeners: pieces in major and in minor (1935), and at two tempos and two heights (1937). They
# ticked adjectives, as *sad*, *dreamy*, *merry*. Mode and tempo both moved the ticks. Which of the two moves more depends on
# the adjective, the music and the listeners. Later work agrees that tempo and loudness matter, in speech as in music (Juslin
# and Laukka, 2003), and mode (Gabrielsson and Lindström, 2001); and happy, sad and fearful Western pieces were told apart
# better than by chance even by listeners who had never heard Western music (Fritz and others, 2009).
#
# Before the answer: which of the two numbers does the *model* hear? Guess its surprise at each of the four.

# %%
surprise = {which: float(hear(melody, [score])[0].nats.mean()) for which, score in versions.items()}
for letter, (mode, tempo) in zip("ABCD", order, strict=True):
    print(f"{letter}: {mode} at {tempo:3}, {surprise[mode, tempo]:.2f} nats a step")
assert surprise["major", 60] == surprise["major", 150] and surprise["minor", 60] == surprise["minor", 150]
assert surprise["minor", 60] > surprise["major", 60]

# %% [markdown]
# The tempo makes no difference at all: it is not in the tokens. One of the two numbers that move listeners most, the model
# cannot even represent. The minor version is a little stranger to it, and that is all that a change of mode means to it. "Sad"
# is in none of these numbers. It is in what listeners wrote down.
#
# What is measurable: what a group of listeners says, how much they agree, and which change in the notes moves it. What is not:
# what a composer meant, whether anything was felt, whether it was worth saying. *Depth* has no unit. Where somebody sells you a
# number for it, ask which listeners, which question, which control.
#
# ### Exercise 14.1 · Which number moved them? (warm-up)
#
# Ask others, too. Write `effects(ratings)` for a float array (listeners, 2, 2), the ratings of each listener: second axis
# minor, major; third axis slow, fast. Return two numbers: by how much major is rated above minor, and fast above slow, each
# averaged over the other and over all listeners. A listener who left out a rating (`nan`) is left out with all four.


# %%
def effects(ratings):
    """Return how much higher major is rated than minor, and fast than slow."""
    ...


# %%
check("14.1", effects)

# %% [markdown]
# ## 3 · Attention in one page
#
# An LSTM squeezes the past into one vector and goes on. **Attention** keeps the past and looks at it. For each note three
# vectors are made: a *query*, what it looks for; a *key*, what it can be found by; a *value*, what it has to tell. Note $t$
# looks at all notes $s \le t$, and takes the mean of their values, weighted by how well the keys fit its query:
#
# $$\text{output}_t = \sum_{s \le t} w_{ts}\, v_s, \qquad
# w_{ts} = \operatorname{softmax}_s\!\left(\frac{q_t \cdot k_s}{\sqrt{d}}\right)$$
#
# That notes after $t$ have no weight is the **causal mask**: who predicts must not see what comes. In a network, $q$, $k$ and
# $v$ are learned matrices times the note's vector. Here you make them by hand, so that the head does one thing. *Query*: the
# last three pitches. *Key* of a note: the three pitches *before* it. *Value*: its pitch. What will note $t$ find?

# %%
pitches = ode.slice(0, 32).notes["pitch"].astype(int)
names, places = np.unique(pitches, return_inverse=True)
one_hot = np.eye(len(names))[places]  # (notes, pitches)


def moved(x, steps):
    """Let each note have what stood `steps` notes earlier; zeros at the beginning."""
    return np.concatenate([np.zeros((steps, x.shape[1])), x[: len(x) - steps]])


queries = 12 * np.concatenate([one_hot, moved(one_hot, 1), moved(one_hot, 2)], axis=1)  # (notes, 3 pitches)
keys = np.concatenate([moved(one_hot, 1), moved(one_hot, 2), moved(one_hot, 3)], axis=1)  # (notes, 3 pitches)
values = one_hot  # (notes, pitches)

scores = queries @ keys.T / np.sqrt(keys.shape[1])  # (notes, notes): how well key s fits query t
scores[np.triu_indices(len(scores), 1)] = -np.inf  # the causal mask
weights = np.exp(scores - scores.max(axis=1, keepdims=True))
weights /= weights.sum(axis=1, keepdims=True)  # (notes, notes): each row sums to 1
outputs = weights @ values  # (notes, pitches): what the head expects to come next
print("queries", queries.shape, "scores", scores.shape, "outputs", outputs.shape)
assert np.allclose(weights.sum(axis=1), 1) and not np.triu(weights, 1).any()

# %% [markdown]
# It finds the place where the same three notes stood before, and reads off what came *next* there. No line says "repeat"; it
# follows from what is compared with what. (The 12 makes the scores large, so that the best fit gets nearly all the weight.)
# The picture shows for each note (row) which notes it looks at (columns). Guess where the second phrase looks; it begins at
# note 15, counted from 0.

# %%
figure = Figure(figsize=(6.4, 5.6), dpi=90, facecolor="white", layout="constrained")
axes = figure.subplots()
axes.imshow(weights, cmap="Greys", vmin=0, vmax=1)
axes.set(xlabel="looks at note", ylabel="note", title="Which notes a note looks at")
axes.axhline(14.5, color="#0072b2", lw=1)
axes.text(29, 14.2, "the second phrase begins below", color="#0072b2", fontsize=9, va="bottom", ha="right")
expected, came = outputs[:-1].argmax(axis=1), places[1:]
for part, name in ((slice(0, 14), "first phrase"), (slice(14, None), "from there on")):
    print(f"{name}: the next pitch is foretold {np.mean(expected[part] == came[part]):.0%} of the time")
assert np.mean(expected[14:] == came[14:]) > np.mean(expected[:14] == came[:14]) + 0.2
show.Picture(figure, axes, "Attention of 30 notes: nothing above the diagonal; the second phrase looks at the first.")

# %% [markdown]
# The dark line parallel to the diagonal is the second phrase reading the first. A trained transformer has many such heads, side
# by side and layer upon layer; heads that copy like this one have been found in trained ones (Olsson and others, 2022). The
# cost: each note is compared with each earlier one, so a piece twice as long takes about four times the comparisons. An LSTM's
# step costs the same for ever.
#
# ### Exercise 14.2 · A short look
#
# To save that cost, a head may look at the last few notes alone. Write `short_look(q, k, v, reach)`, with float arrays q and k
# (notes, d) and v (notes, e): note t sees itself and the `reach - 1` notes before it. Return the outputs, (notes, e). Scores
# may be as large as 10,000, so subtract the largest before `np.exp`.


# %%
def short_look(q, k, v, reach):
    """Return what causal attention that sees `reach` notes puts out."""
    ...


# %%
check("14.2", short_look)

# %% [markdown]
# ## 4 · A transformer beside an LSTM
#
# Now a fair race. Both networks get the same tunes (their first eight bars, on a grid of eighths: 64 tokens, so that it is
# quick), the same four inputs, the same number of updates, about as many weights. They differ in how a step learns of the past,
# and in what is usually built around it: the LSTM is one layer, the transformer two pairs of layers. So whole networks race.
# A transformer has no order of its own: here the place in the bar and the number of the bar tell it where a note stands.

# %%
from musiclab import GridEncoding
from musiclab.layers import FastLSTM
from musiclab.models import keras
from musiclab.training import Progress, use_deterministic_kernels

use_deterministic_kernels()
layers = keras.layers
grid = GridEncoding(steps_per_quarter=2)


def network(kind, sizes, outputs, steps):
    """Build a network from ints (batch, steps, columns) to logits (batch, steps, outputs)."""
    inputs = keras.Input((steps, len(sizes)), dtype="int32")
    x = sum(layers.Embedding(size, 64)(inputs[:, :, column]) for column, size in enumerate(sizes))  # (batch, steps, 64)
    if kind == "LSTM":
        x = FastLSTM(104, return_sequences=True)(x)  # (batch, steps, 104)
    for _ in range(2 if kind == "transformer" else 0):
        seen = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(4, 16)(seen, seen, use_causal_mask=True)  # from (batch, 4, steps, steps) weights
        wide = layers.Dense(128, activation="relu")(layers.LayerNormalization()(x))  # (batch, steps, 128)
        x = x + layers.Dense(64)(wide)  # (batch, steps, 64)
    return keras.Model(inputs, layers.Dense(outputs)(layers.LayerNormalization()(x)))


for kind in ("LSTM", "transformer"):
    print(f"{kind}: {network(kind, grid.input_sizes, grid.size, 64).count_params():,} weights")

# %% [markdown]
# Each layer of the transformer *adds* to what was there, so that the first vector reaches the end; and normalising keeps
# numbers in range. Does a network look ahead? A test of a few lines: change the last tokens, and see whether what it says
# about earlier ones changes. The data come with it: tunes that lie on the grid of eighths without loss.


# %%
def rows(side, count):
    """Return inputs (tunes, 64, columns) and targets (tunes, 64) of the first eight bars of tunes in 4/4."""
    parts = [s.slice(0, 32) for s in tunes[side] if s.time_signature == (4, 4) and s.duration >= 32]
    parts = [s for s in parts if not grid.loss_report(s)["onset moved"] and not grid.loss_report(s)["lost"]]
    coded = [(t, s) for s in parts if len(t := grid.encode(s)) == 64]
    coded = coded[:: max(1, len(coded) // count)][:count]  # of every book some: they stand one book after the other
    return np.stack([grid.inputs(t, s.time_signature)[:-1] for t, s in coded]), np.stack([t for t, _ in coded])


learn, judge = rows("train", 1024 if FULL else 256), rows("test", 100)
print(f"{len(learn[0])} tunes to learn from, {len(judge[0])} held out, {learn[1].size:,} tokens")
changed = judge[0][:4].copy()
changed[:, 40:, 0] = 1
for kind in ("LSTM", "transformer"):
    model = network(kind, grid.input_sizes, grid.size, 64)
    before, after = (keras.ops.convert_to_numpy(model(x)) for x in (judge[0][:4], changed))
    assert np.allclose(before[:, :40], after[:, :40], atol=1e-4) and not np.allclose(before[:, 40:], after[:, 40:], atol=1e-2)
print("both see the past alone")

# %% [markdown]
# And the race: three starts by chance for each, so that the winner is not luck. The learning rate of each is the best of three
# that were tried on validation tunes (one rate for both would favour one of them): 0.003, 0.01 and 0.02 for the LSTM, 0.0007,
# 0.0015 and 0.003 for the transformer. Beside them runs an LSTM at 0.01. Guess: who wins, is the gap larger than the
# spread of the seeds, and what does the wrong rate cost?

# %% tags=["nbval-ignore-output"]
import time

EPOCHS = 16 if FULL else 8
ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")


def trained(kind, sizes, outputs, x, y, *, rate, seed=0, epochs=1, counts=None):
    """Train a network with Adam at a rate; `counts` (batch, steps) says which targets count."""
    keras.utils.set_random_seed(seed)
    model, bar = network(kind, sizes, outputs, x.shape[1]), Progress(epochs, f"{kind}, seed {seed}")
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), ENTROPY, jit_compile=False)
    step = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: bar.step(logs["loss"]))
    model.fit(x, y, sample_weight=counts, batch_size=16, epochs=epochs, verbose=0, callbacks=[step])
    bar.close()
    return model


losses, seconds = {"LSTM": [], "transformer": []}, {}
for kind, rate in (("LSTM", 3e-3), ("transformer", 1.5e-3)):
    started = time.perf_counter()
    for seed in range(3):
        model = trained(kind, grid.input_sizes, grid.size, *learn, rate=rate, seed=seed, epochs=EPOCHS)
        losses[kind].append(model.evaluate(*judge, verbose=0))
    seconds[kind] = time.perf_counter() - started
    low, middle, high = sorted(losses[kind])
    print(f"{kind:11} held out: {np.mean(losses[kind]):.3f} nats a token; the three seeds: {low:.3f}, {middle:.3f}, {high:.3f}")
hasty = trained("LSTM", grid.input_sizes, grid.size, *learn, rate=1e-2, epochs=EPOCHS).evaluate(*judge, verbose=0)
print(f"LSTM at a rate of 0.01: {hasty:.3f}")
assert FULL or np.mean(losses["LSTM"]) < np.mean(losses["transformer"]) < hasty

# %% [markdown]
# With so few tunes and so little time the LSTM is ahead on average. Look at the seeds before you call that a victory. And had
# the LSTM been given the rate of 0.01, you would have read that transformers are better: who tunes one side more than the other
# decides the race. Nor does it say anything about other sizes, other data or more time: with `PROFILE = "full"` you can run
# another one. On the computer that made this page an update of the transformer took longer, too (section 6 has the times of
# yours). So why does everybody speak of transformers?
#
# ### A task that tells them apart
#
# A phrase of twelve notes, drawn by chance; then the same twelve again. Nothing of it can be learned by heart, for each example
# is new. What has to be learned is to look twelve notes back. Only the second half is scored, and guessing is right in one of
# twelve. Both get the same number of examples; then the LSTM gets four times as many. (The rates are again the better ones of
# those that were tried. It is one start each, so look at the wide gap, and not at single points.)

# %%
PHRASE = 12


def phrases(count, seed):
    """Return phrases by chance and their copies: inputs (count, 24, 2), targets (count, 24), weights (count, 24)."""
    phrase = np.random.default_rng(seed).integers(12, size=(count, PHRASE))
    both = np.concatenate([np.full((count, 1), 12), phrase, phrase], axis=1)  # 12 is the token for the start
    places = np.broadcast_to(np.arange(2 * PHRASE), (count, 2 * PHRASE))
    return np.stack([both[:, :-1], places], axis=-1), both[:, 1:], 1.0 * (places >= PHRASE)


asked, wanted, _ = phrases(300, seed=99)
right = {}
for kind, examples, rate in (("transformer", 2400, 1.5e-3), ("LSTM", 2400, 3e-3), ("LSTM", 9600, 3e-3)):
    x, y, counts = phrases(examples, seed=1)
    model = trained(kind, (13, 2 * PHRASE), 13, x, y, rate=rate, counts=counts)
    said = keras.ops.convert_to_numpy(model(asked)).argmax(axis=-1)
    right[kind, examples] = (said == wanted)[:, PHRASE:].mean(axis=0)  # (12,): share that is right, place by place
print("the transformer copies nearly every note:", right["transformer", 2400].mean() > 0.97)
print("the LSTM gets more than half of them right with four times the examples:", right["LSTM", 9600].mean() > 0.5)
assert right["LSTM", 2400].mean() < right["LSTM", 9600].mean() < right["transformer", 2400].mean()

# %%
figure = Figure(figsize=(8, 3), dpi=90, facecolor="white", layout="constrained")
axes = figure.subplots()
for (kind, examples), style in zip(right, ("o-", "s:", "^--"), strict=True):
    axes.plot(range(1, PHRASE + 1), 100 * right[kind, examples], style, label=f"{kind}, {examples:,} examples")
axes.axhline(100 / 12, color="#707070", lw=1)
axes.text(12.2, 100 / 12 + 2, "guessing", color="#505050", ha="right", fontsize=9)
axes.set(xlabel="note of the copy", ylabel="right, %", ylim=(0, 104), title="Say it again")
axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
print("places in the copy:", PHRASE)
show.Picture(figure, axes, "Copying a phrase of twelve notes: the transformer at the top all along, the LSTM below it.")

# %% [markdown]
# For attention the copy is one look at a fixed distance. The LSTM has to store twelve notes in one vector and give them out in
# order, which is what the gates of lesson 04 must be trained to do; it gets better with examples, and needs more of them.
# Section 1 found that the melody model does not return to its theme. This may be a reason, and points a way on. (The chorale
# and scenes models get around it: what came before is handed to them as an input, the *echo* of lesson 08.)

# %% [markdown]
# ## 5 · Rights, and right
#
# Whose music is in what the model writes? Lesson 09 measured it for chorales. Here is the report for the melody model: the
# longest run of notes, in any key and rhythm, that a tune shares with any of the 9,584 training tunes. The yardstick is the
# held-out tunes. Guess who shares more.

# %%
from musiclab.evaluation.copying import CopyIndex

index = CopyIndex(show.progress(tunes["train"], "Reading tunes"))
report = {name: [index.longest(score) for score in sets[name]] for name in ("old tunes", "model")}
for name, copies in report.items():
    half, most = np.percentile([copy.chords for copy in copies], [50, 100])
    print(f"{name:10} longest run of notes: median {half:.0f}, longest {most:.0f}")
number = int(np.argmax([copy.chords for copy in report["model"]]))
copy = report["model"][number]
print(f"{copy.chords} notes, repeated ones counted once, of the model's tune {number} stand in {index.titles[copy.piece]!r}.")
print("First the model, then the tune:")
for score, (start, stop), up in ((made[number], copy.here, 0), (tunes["train"][copy.piece], copy.there, copy.semitones)):
    display(show.sound(Score(score.slice(start, stop).notes).transpose(up)))
assert max(c.chords for c in report["model"]) < max(c.chords for c in report["old tunes"])

# %% [markdown]
# A run of that length is how tunes of one tradition share their turns. With this report in hand you can answer "is it just
# copying?" for *these* tunes, by *this* measure. It would not see a borrowed idea, and another temperature or a smaller corpus
# needs its own report.
#
# **What is protected?** This is no legal advice, laws differ by country, and some of them are changing. In most countries a
# melody or an arrangement that somebody made is protected until long after their death, a recording separately and often for
# less long; a style, a scale, a rhythm, a chord progression taken by itself mostly is not. Whether you may *train* on protected
# music without asking is answered differently from place to place, and so is whether a piece that a machine wrote has an owner
# at all. What you can do anywhere is write down where everything came from. The bundles carry such a line, and `data/README.md`
# says it for each file.

# %%
for name in ("recipe", "melody", "chorale", "scenes"):
    print(f"{name:8} {load_bundle(name).card['licence']}")
readme = Path("../data/README.md").read_text(encoding="utf-8")
for words in ("CC0 1.0", "MIT licence", "public domain", "ask not to be sold"):
    assert words in readme
print("data/README.md names for each file: the composer or origin, the date, who typed it in, the licence.")

# %% [markdown]
# Look at what is *behind* these lines. Where composers are known, they are long dead; those who sang or played to the
# collectors are often not named; those who typed the tunes in did it in our time, and some ask that their work is not sold.
# Whether weights learned from it may be given away as CC0 is one of the questions that the law answers differently; we name
# the sources, so that you can decide yourself. "Public domain" answers one question of four:
#
# - **May I?** The licence, and the law where you are.
# - **Did they agree?** Consent is more than the absence of a ban. For music of living people, ask; for music of a community,
#   ask how the community sees it.
# - **Who is named?** Say what the model learned from, and who played, sang and typed it.
# - **Who is told?** Label music that a model wrote, also where nobody could tell. The blind test of lesson 09 is fair because
#   the listeners know that they take part in one.
#
# And two questions that no licence answers. *Whose work does it replace?* Music for a small film is somebody's living. *What
# does everybody hear afterwards?* A model writes what is usual in its data: here old tunes of Europe and America, in twelve
# semitones and bars of equal length. Whoever uses nothing else narrows the ear, and lesson 13 showed how a loop of taste
# narrows it further.
#
# ## 6 · Energy and cost
#
# Energy is power times time. The time you have measured; the power of your computer you must look up or measure at the plug, so
# the first two numbers are assumptions. Change them. Guess: how many tunes cost as much as training the melody model did (46
# minutes)?

# %% tags=["nbval-ignore-output"]
WATTS = 30  # a laptop at work, by assumption; a desktop computer with a GPU may take 300
GRAMS = 400  # of CO2 for a kilowatt-hour, by assumption; your country's figure may lie between 20 and 800

started = time.perf_counter()
generate(melody, 64, stop=False, seed=1)
spent = {
    "one tune of 16 bars": time.perf_counter() - started,
    "three LSTMs of section 4": seconds["LSTM"],
    "three transformers of section 4": seconds["transformer"],
    "the melody bundle": 60 * load_bundle("melody").card["training"]["minutes"],
}
energy = {name: WATTS * s / 3600 for name, s in spent.items()}  # in watt-hours
for name, watt_hours in energy.items():
    print(f"{name:32} {spent[name]:8.2f} s  {watt_hours:9.5f} Wh  {watt_hours / 1000 * GRAMS:8.5f} g CO2")
print(f"training the melody bundle cost as much as {energy['the melody bundle'] / energy['one tune of 16 bars']:,.0f} tunes")
assert energy["one tune of 16 bars"] < energy["three LSTMs of section 4"] and energy["the melody bundle"] == WATTS * 46 / 60

# %% [markdown]
# To heat a litre of water from 20 to 100 °C takes 93 Wh. At 30 watts, training the shipped melody model took a quarter of that,
# and a tune next to nothing. But this is the *last* training: those that failed before it are not on the card. Count yours.
#
# Now a large one. Patterson and others (2021) put the training of GPT-3, a language model, at 1,287 MWh and 552 tonnes of CO2.
# That is 56 million times the 23 Wh that the melody bundle took at 30 watts. One answer of it costs far less than its training,
# and millions are asked for. So say of each figure: of training or of use, measured or assumed, with which grid, with how many
# attempts.

# %%
kettle, large = 4186 * 80 / 3600, 1287e6  # Wh: a litre of water by 80 degrees at 4,186 joules each; GPT-3 as published
print(f"kettle {kettle:.0f} Wh; GPT-3 {large / 23 / 1e6:.0f} million trainings of the melody bundle")
print(f"the grid behind the published figure: {552e6 / 1287e3:.0f} g CO2 a kWh")

# %% [markdown]
# ### Exercise 14.3 · Energy and carbon
#
# Write `footprint(seconds, watts, grams_per_kwh)`: the energy in watt-hours and the carbon dioxide in grams, as two numbers.


# %%
def footprint(seconds, watts, grams_per_kwh):
    """Return the energy in Wh and the carbon dioxide in grams."""
    ...


# %%
check("14.3", footprint)

# %% [markdown]
# ## 7 · Common questions
#
# | question | short answer | where |
# |---|---|---|
# | What do I need to know of music? | Little; each word is explained where it first comes. | 00, 02 |
# | Can I have a model of my own style? | Yes, with some dozen pieces and a model to start from. | 10 |
# | What computer do I need? A GPU? | Any laptop for this course; a GPU trains faster, not better. | 00, 06 |
# | Why is my training slow? | Often a setting that rules out the fast kernel, or `predict` in a loop. | 06, 07 |
# | How much data do I need? | Thousands of tunes to start from nothing, dozens to fine-tune. | 06, 10 |
# | Why LSTM and not a plain recurrent network? | Its gradient reaches further back; measured. | 03, 04 |
# | Why does mine repeat one note for ever? | Argmax, or a temperature near 0. | 07 |
# | Why does mine sound random? | Too warm, too little training, or rhythm lost in the encoding. | 05, 06, 07 |
# | Why does it never come back to its theme? | It learned no long copies; see sections 1 and 4. | 14, 12 |
# | How do I know whether it is good? | Measures with controls, then blind ears. | 09 |
# | Is it just copying? | Measure the longest copy, beside that of held-out pieces. | 09, 10, 14 |
# | Can it be new, and varied? | Likely and original pull apart; you choose the temperature. | 09, 11, 13 |
# | Can it be deep, or sad? | "Sad" is what listeners say, and can be moved; depth has no unit. | 12, 14 |
# | Does it understand music? | It foretells it. What it cannot foretell, you have seen above. | 08, 14 |
# | Can I sell what it writes? | Look for copies and licences, label it, ask where the law is unclear. | 10, 14 |
# | My file does not load. | Ask `diagnose`; it says what and where. | 10 |
# | Can I use it in a game, or with others? | Yes: streams that follow the scene; a partner that answers. | 11, 12 |
# | Pop, jazz, drums, several instruments? | Events instead of a grid, and other data. | 05, 10 |
# | Singing, sound, text prompts? | Other models, trained on recordings with descriptions. | 14 |
# | Which model next? | A transformer on the same tokens, as in section 4, then relative positions. | 14 |
#
# ## 8 · The final project
#
# Two weeks, alone or in pairs: *ask a question about a music model that can turn out either way, and answer it with music,
# numbers and ears.* For instance: does a transformer return to its themes more often than an LSTM? Do listeners take my
# fine-tuned blues for blues more often than the untouched model's? Does the mode that is asked for change what the class calls
# sad?
#
# | days | milestone | what is there in the end |
# |---|---|---|
# | 1–2 | question, data | the question in one sentence; the licence of each source; the split, checked for leaks |
# | 3–4 | baseline | a Markov model or an untouched bundle, measured on held-out pieces |
# | 5–8 | model | the change you ask about, and nothing else; three seeds |
# | 9–10 | measures | a table with intervals and controls; the copying report |
# | 11–12 | ears | a blind test with ten listeners or more |
# | 13–14 | report | three pages, two minutes of music, the bundle, the footprint |
#
# | | 4: excellent | 3: good | 2: enough | 1: not yet |
# |---|---|---|---|---|
# | **Question, method** | either answer possible; baseline, control | baseline, no control | several changes | "it works" |
# | **Data and rights** | licence, consent, origin; leaks checked | licences; split by piece | split by window | unknown |
# | **Evidence** | intervals, seeds, copying, blind test | intervals, copying | one figure, one seed | chosen samples |
# | **Music and telling** | fair samples, limits, footprint; runs again | limits; runs again | parts run again | cannot be run |
#
# ### Exercise 14.4 · A checklist that counts
#
# A report stands on figures that others can compute again. Write `project_report(bundle, samples, training, held_out)`, the
# last three lists of melodies (`Score`). Return a dict:
#
# - `"nats"`: the mean over the held-out pieces of their nats a step (`hear`);
# - `"leaks"`: how many held-out pieces stand among the training pieces, in any key, with the same rhythm;
# - `"twins"`: how many samples are the same, note for note, as one before them, whatever their titles;
# - `"copied"` and `"usual"`: the longest copy, in chords, of all samples and of all held-out pieces (`longest_copy`).

# %%
from musiclab.evaluation import longest_copy


def project_report(bundle, samples, training, held_out):
    """Return the figures that a project stands on."""
    ...


# %%
check("14.4", project_report)

# %% [markdown]
# Try it on the melody bundle: `project_report(melody, made, tunes["train"][:300], old)`.
#
# ### Exercise 14.5 · Your project (open)
#
# Plan it. Fill in the dict: the question; `music`, a dict from each source to its licence or whose leave you have; how many
# pieces are held out; the measure, a name from `musiclab.evaluation`; the control that it is tried on; `milestones`, a dict
# from days (1 to 14) to what is done then, with a baseline in the first five days and a day for listeners; and what you report
# if the answer is no. The check reads it as a friend would who has seen projects fail.

# %%
my_plan = {
    "question": ...,
    "music": ...,
    "held_out": ...,
    "measure": ...,
    "control": ...,
    "milestones": ...,
    "if_it_fails": ...,
}

# %%
check("14.5", my_plan)

# %% [markdown]
# ## Quiz
#
# What do you still know? Answer, then press Check: each answer is explained.

# %%
from musiclab.widgets.quiz import Quiz

Quiz(14)

# %% [markdown]
# ## In this lesson you saw
#
# - At temperature 1 the melody model hardly returns to anything: under 5 % of its bars, and a quarter of an old tune's. Colder
#   it repeats more, and mostly by luck.
# - What is not in the tokens cannot be heard: tempo, words, sound. A style that was not learned is about as strange as none.
# - What listeners call sad moves with mode and tempo; depth has no unit.
# - Attention looks for what fits its query and takes its value. It copies at a distance that an LSTM finds hard, and pays for
#   it with the square of the length.
# - A race needs the same data, weights and updates, a rate for each, and the spread of the seeds.
# - Rights are more than licences; copying, energy and carbon are figures, with their assumptions.
#
# ## Where to read on
#
# - A. Vaswani et al.: "Attention Is All You Need" (2017). C.-Z. A. Huang et al.: "Music Transformer" (2018): relative
#   positions.
# - C. Olsson et al.: "In-context Learning and Induction Heads" (2022). The head of section 3, found in trained networks.
# - S.-L. Wu, Y.-H. Yang: "The Jazz Transformer on the Front Line" (2020). What such a model lacks, measured.
# - J.-P. Briot, G. Hadjeres, F.-D. Pachet: "Deep Learning Techniques for Music Generation" (2020). A survey, as a book.
# - P. Dhariwal et al.: "Jukebox" (2020); A. Agostinelli et al.: "MusicLM: Generating Music From Text" (2023); J. Copet et al.:
#   "Simple and Controllable Music Generation" (2023, MusicGen). Models of sound.
# - K. Hevner: "The affective character of the major and minor modes in music" (1935) and "The affective value of pitch and
#   tempo in music" (1937).
# - A. Gabrielsson, E. Lindström: "The influence of musical structure on emotional expression" (2001). P. N. Juslin, P. Laukka:
#   "Communication of emotions in vocal expression and music performance" (2003). T. Fritz et al.: "Universal recognition of
#   three basic emotions in music" (2009).
# - D. Huron: "Sweet Anticipation" (2006). Why what comes next moves us.
# - B. L. Sturm et al.: "Artificial Intelligence and Music: Open Questions of Copyright Law and Engineering Praxis" (2019).
# - T. Gebru et al.: "Datasheets for Datasets" (2018). M. Mitchell et al.: "Model Cards for Model Reporting" (2019).
# - E. Strubell, A. Ganesh, A. McCallum: "Energy and Policy Considerations for Deep Learning in NLP" (2019). D. Patterson et
#   al.: "Carbon Emissions and Large Neural Network Training" (2021).
#
# The course ends here. Whatever you make next: hold something out, and listen.
