# %% [markdown]
# # 07 · Generation
#
# A trained model says how likely each next note is. In this lesson you turn that into music: note by note,
# first as the original recipe does it, then faster and with choices of your own, until a MIDI file lies on your
# disk that any music program opens.
#
# You will be able to:
#
# - run the last step of the original recipe, repair it, and measure why it ends in a loop;
# - say why one `predict` per note is slow, and generate with a state instead;
# - choose the next note with argmax, temperature, top-k and top-p, and say what each does to the probabilities;
# - continue a tune, save the result, and prove that another program reads every note of it;
# - test a program that writes music when nothing about it looks wrong.
#
# Time: about 65 minutes, and 70 more for the exercises. The cells themselves run in under a minute.

# %%
from pathlib import Path

import numpy as np
from IPython.display import display

from musiclab import Score, check, generate, hint, load_bundle, read_score, show, solution, write_midi
from musiclab.dataset import Piece, windows

prelude = read_score("../data/music.mid")
recipe = load_bundle("recipe")  # the original recipe, trained for 50 epochs as in lesson 06
int_to_note = recipe.encoding.vocabulary
music_int = recipe.encoding.encode(prelude)
music_input, _ = windows([Piece(music_int)], 100)
print(show.describe(prelude))
print(f"{len(music_int)} events, {len(music_input)} windows of {music_input.shape[1]}, {len(int_to_note) - 1} names and END")
print("It begins", " ".join(int_to_note[i] for i in music_int[:16]))

# %% [markdown]
# ## 1 · The last step of the original recipe
#
# In lessons 05 and 06 the prelude became windows of 100 numbers, and a model learned to name the event that
# follows a window. The recipe's fourth step writes music with it: take a random window; let the model predict;
# take the name with the highest probability (this choice is called **argmax**); append it to the window, drop
# the window's first number, and begin again, 100 times.
#
# One line of that loop stops the program. The cell builds the model from its bundle, makes one prediction and
# then appends as the recipe does. Guess before you run the cell: what will Python say?

# %%
from musiclab.models import keras, original_model, set_weights, stream_model

model = original_model(recipe.model["window"], recipe.encoding.size)
set_weights(model, recipe.weights)

start = int(np.random.default_rng(21).integers(len(music_input)))  # seeded: the same window in every run
pattern = np.reshape(music_input[start], (100, 1))
prediction = model.predict(np.reshape(pattern, (1, 100, 1)).astype("float32"), verbose=0)
index = int(np.argmax(prediction))
print(f"window {start}: {prediction.shape[1]} probabilities; the highest belongs to {int_to_note[index]}")
try:
    pattern.append(index)
except AttributeError as error:
    print("AttributeError:", error)

# %% [markdown]
# The window is a NumPy array, and an array has a fixed size: its numbers lie in one block of memory, and there
# is no room behind the last one. A Python list can grow. So there are two repairs: turn the window into a list
# once (`.tolist()`), or make a new array each time (`pattern = np.append(pattern, index)`; the result has to be
# given a name, for `np.append` does not change the old array). We take the list.
#
# This is the recipe's loop, whole, with that one repair. It calls `model.predict` 100 times; watch how long
# that takes. The last lines ask how much of the output is new: the model was trained on one piece, so how long
# is the longest run of notes that it copied from there? Guess first.

# %%
pattern = music_input[start].tolist()
output = []
for _ in show.progress(range(100), "Writing"):
    prediction_input = np.reshape(pattern, (1, 100, 1)).astype("float32")
    prediction = model.predict(prediction_input, verbose=0)
    index = int(np.argmax(prediction))
    output.append(int_to_note[index])
    pattern.append(index)
    pattern = pattern[1:]

for line in range(0, 100, 20):
    print(" ".join(output[line : line + 20]))
training = f" {' '.join(int_to_note[i] for i in music_int)} "
runs = [j - i for i in range(100) for j in range(i, 101) if f" {' '.join(output[i:j])} " in training]
print(f"The longest run that stands in the prelude, note for note: {max(runs)} of 100 notes")

# %% [markdown]
# One piece is little to learn from, and much of what comes out is that piece again. Lesson 09 comes back to
# copying.
#
# The recipe ends with two functions that it never defines: `int_to_music_data` and `save_music_data`. Here they
# are. The first turns each name into notes: "C4" is one pitch, "C4.E4" would be two at once. The names say
# nothing of how long a note lasts, so each gets the same length, and all rhythm is a choice made here. The
# second writes a MIDI file; `overwrite=True` says that an older `output.mid` may go.

# %%
from musiclab.score import pitch_name

pitch_of = {pitch_name(p): p for p in range(128)}  # "C4": 60, "C#4": 61, …


def int_to_music_data(names, step=0.5):
    """Give every event the same length, in quarter lengths, one after the other."""
    return Score([(i * step, step, pitch_of[n]) for i, name in enumerate(names) for n in name.split(".")])


def save_music_data(score, path):
    """Write a MIDI file."""
    return write_midi(score, path, overwrite=True)


Path("work").mkdir(exist_ok=True)
recipe_piece = int_to_music_data(output)
assert np.array_equal(recipe_piece.notes, recipe.encoding.decode([int_to_note.index(n) for n in output]).notes)
print("wrote", save_music_data(recipe_piece, "work/output.mid").as_posix())
display(show.sound(recipe_piece.slice(0, 25)))
show.piano_roll(recipe_piece, title="Written by the original recipe")

# %% [markdown]
# You hear the first 50 of the 100 notes. A **piano roll** shows time from left to right and pitch from low to high.
#
# Where does the music go when it runs on? Argmax leaves nothing to chance: the same window always gives the same
# note. So as soon as a window has occurred before, everything after it must occur again, for ever. Guess: how
# many notes does that take, and how long is the loop? The cell lets five windows run for 450 notes and
# remembers every window it has seen. `predict_on_batch` gives the same probabilities as `predict`; one call
# finds the next note of all five.

# %%
starts = np.arange(0, len(music_input), 89)  # five places, spread over the prelude
patterns = music_input[starts].tolist()
assert np.allclose(model.predict_on_batch(prediction_input), prediction, atol=1e-5)  # the same as predict
written = [[] for _ in starts]
seen, loops = [{} for _ in starts], {}
for step in show.progress(range(450), "Writing"):
    for k, window in enumerate(patterns):
        first = seen[k].setdefault(tuple(window), step)  # the step at which this window came first
        if first < step and k not in loops:
            loops[k] = (max(0, first - 100), step - first)  # that window's own 100 notes are in the loop, too
    indices = model.predict_on_batch(np.array(patterns, dtype="float32")[..., None]).argmax(axis=1)
    for k, index in enumerate(indices.tolist()):
        written[k].append(int_to_note[index])
        patterns[k] = patterns[k][1:] + [index]

for k, (before, length) in sorted(loops.items()):
    names = written[k][before : before + min(length, 16)]
    assert written[k][before + length :] == written[k][before:-length]
    print(f"start {starts[k]:3d}: {before:3d} notes, then for ever these {length}: {' '.join(names)}{' …' * (length > 16)}")
print(f"{len(loops)} of {len(starts)} starts end in a loop")
assert len(loops) >= 3

# %% [markdown]
# Is the model to blame? A better one would take longer to get there, but not for ever: there are only so many
# different windows of 100 names, so one day a window must come back, and from there on argmax repeats itself.
# The choice of the next note has to change, and section 3 does that.
#
# ### Exercise 7.1 · Find the loop
#
# The cell above could look at windows. Often you have the notes alone. Write `period(notes)`: the smallest `p`
# (1 or more) such that every note in the list, from number `p` on, equals the note `p` places before it.
# `period(["C4", "E4", "G4", "C4", "E4"])` is 3, though the loop has not come twice. If nothing repeats, return the length of
# the list. Stuck? Run `hint("7.1")` in a cell of your own; `solution("7.1")` shows a worked answer.


# %%
def period(notes):
    """Return the smallest p such that every note equals the one p places before it."""
    ...


# %%
check("7.1", period)

# %% [markdown]
# ## 2 · Why one `predict` per note is slow
#
# For each note the recipe hands over the whole window. The LSTM begins with an empty memory, reads 100 numbers,
# gives one prediction, and throws its memory away. For the next note it reads 99 of the same numbers again. But
# an LSTM can keep its memory: its cell state and hidden state after 100 steps are all it needs to go on (lesson
# 04). Then a note costs one step, not 100. Generating like this is called **stateful**.
#
# The recipe's model has learned to begin each window with an empty memory, so it cannot be used that way. The
# course's second model can: the *melody model* was trained on folk tunes and dances, each read from beginning
# to end. Its token says what happens during a sixteenth note, a quarter of a quarter: a new note, HOLD (the
# note goes on), REST (silence) or END. `melody.stream()` runs it one step at a time in NumPy. First question:
# does it compute the same as Keras?

# %%
melody = load_bundle("melody")
encoding = melody.encoding
settings = {key: value for key, value in melody.model.items() if key != "kind"}
keras_melody = stream_model(encoding.input_sizes, encoding.size, **settings)
set_weights(keras_melody, melody.weights)

joy = read_score("../data/tunes/ode_to_joy.abc")
rows = encoding.inputs(encoding.encode(joy), joy.time_signature)[:100]  # (100, 4)

logits = keras_melody.predict(rows[None], verbose=0)[0, -1]  # Keras: all 100 rows for one prediction
by_keras = np.asarray(keras.ops.softmax(logits))

stream = melody.stream()  # NumPy: one row after the other; the state stays in the stream
for row in rows:
    log_p = stream.step(row)
print("the same to five decimals:", np.abs(np.exp(log_p) - by_keras).max() < 1e-5)

# %% [markdown]
# Each row has four numbers: the last token, the position in the bar, the metre (the kind of bar) and the number
# of the bar. They are known before the next token is.
#
# Now the cost. Guess how many times as long a `predict` of 100 rows takes as one `step`. And guess whether note
# 2,000 costs more than note 100.

# %% tags=["nbval-ignore-output"]
from time import perf_counter


def milliseconds(call, times):
    """Call a function again and again; return how long each call took."""
    ticks = [perf_counter()]
    for _ in range(times):
        call()
        ticks.append(perf_counter())
    return np.diff(ticks) * 1000


predict = np.median(milliseconds(lambda: keras_melody.predict(rows[None], verbose=0), 10))
keras_melody.predict_on_batch(rows[None])  # the first call prepares itself
batch = np.median(milliseconds(lambda: keras_melody.predict_on_batch(rows[None]), 20))
steps = milliseconds(lambda: stream.step(rows[-1]), 2100)
early, late = np.median(steps[50:150]), np.median(steps[1950:2050])
print(f"a note by predict             {predict:8.3f} ms")
print(f"a note by predict_on_batch    {batch:8.3f} ms")
print(f"a note by one step, note 100  {early:8.3f} ms, {predict / early:,.0f} times as fast as predict")
print(f"                    note 2000 {late:8.3f} ms")
assert predict / early >= 100 and predict - batch > batch > early
assert 1 / 3 < late / early < 3

# %% [markdown]
# Two costs are gone. `predict` is made for large batches: at each call it sets up a data pipeline and
# callbacks, and for one window that takes longer than the arithmetic. `predict_on_batch` leaves this out and
# still computes 100 steps. The stateful step computes one. And its cost is flat: the state has the same size
# however much music lies behind it, so note 2,000 costs what note 100 costs.
#
# ## 3 · From probabilities to a note
#
# The model has heard three bars of the Ode to Joy. What does it expect at the beginning of the fourth? Guess
# before you run the cell: the third bar goes D, E, F sharp upwards. Which names would you put at the top?

# %%
heard = encoding.encode(joy.slice(0, 12))  # three bars of four quarters
log_ps = melody.stream().log_probabilities(encoding.inputs(heard, (4, 4)))  # a row for each step, and one for the next
log_p = log_ps[-1]
p = np.exp(log_p)
print(f"{len(p)} probabilities, sum {p.sum():.3f}; argmax says {encoding.vocabulary[p.argmax()]}")
print("Beethoven wrote", encoding.vocabulary[encoding.encode(joy)[48]])
show.probabilities(p, encoding.vocabulary, top=10, title="The first token of bar 4")

# %% [markdown]
# Several notes would do, and the model says so. Argmax knows one answer. If you **draw** instead, each note
# comes as often as its probability says: you get variety, and every loop has a way out.
#
# **Temperature** $T$ sets how daring the drawing is. Each log-probability is divided by $T$, and the results
# are made to sum to 1 again:
#
# $$p_i' = \frac{e^{\log p_i / T}}{\sum_j e^{\log p_j / T}}$$
#
# Guess: which way does $T = 0.5$ bend the probabilities, and which way $T = 2$? The **entropy** measures how
# open a choice is, in nats: 0 if one token has all the probability, and the larger the more evenly it is
# spread. $e$ to the power of the entropy, the perplexity, says it as a number of equally likely choices.

# %%
from musiclab.generation import distribution

bent = {f"temperature {t}": distribution(log_p, temperature=t) for t in (0.5, 1.0, 2.0)}
rng = np.random.default_rng(1)
entropies = []
for name, q in bent.items():
    kept = q[q > 0]
    entropies.append(float(-(kept * np.log(kept)).sum()))
    draws = [encoding.vocabulary[i] for i in rng.choice(len(q), size=8, p=q)]
    print(f"{name}: entropy {entropies[-1]:.2f}, like {np.exp(entropies[-1]):4.1f} equal choices. Eight draws: {' '.join(draws)}")
assert entropies[0] < entropies[1] < entropies[2]
show.probabilities(bent, encoding.vocabulary, top=10, title="The first token of bar 4 at three temperatures")

# %% [markdown]
# Below 1 the likely becomes likelier, and towards 0 temperature becomes argmax. Above 1 the choice evens out,
# and the many unlikely tokens together get a large share: look at the hollow bar.
#
# ### Exercise 7.2 · Temperature
#
# Write the formula as a function: `with_temperature(log_p, temperature)` takes an array of log-probabilities
# and returns an array of probabilities. For example, `with_temperature(np.log([0.8, 0.2]), 0.5)` is about
# `[0.941, 0.059]`. The check compares it with the function that `generate` uses, and asks that close to 0 the
# likeliest token has all of the probability.


# %%
def with_temperature(log_p, temperature):
    """Return the probabilities at this temperature."""
    ...


# %%
check("7.2", with_temperature)

# %% [markdown]
# A daring draw sometimes takes a token that no musician would. So cut off the unlikely ones. **Top-k** keeps
# the *k* likeliest tokens and spreads the probability over them. **Top-p** keeps the likeliest tokens that
# together reach the probability *p*: few where the model is sure, many where the choice is open. The cell
# writes out top-k, and counts how many tokens `top_p=0.8` keeps at each step of the three bars. Guess the
# smallest and the largest count.


# %%
def keep_top_k(p, k):
    """Keep the k likeliest tokens."""
    best = np.argsort(-p)[:k]
    kept = np.zeros_like(p)
    kept[best] = p[best]
    return kept / kept.sum()


assert np.allclose(keep_top_k(p, 3), distribution(log_p, top_k=3), atol=1e-6)
counts = [int((distribution(step, top_p=0.8) > 0).sum()) for step in log_ps]
print("tokens that top-p keeps, step by step, a bar a line:")
for bar in range(3):
    print(" ".join(f"{n:2d}" for n in counts[bar * 16 : bar * 16 + 16]))
assert min(counts) == 1 and max(counts) >= 4
cut = {"all": p, "top_k=3": keep_top_k(p, 3), "top_p=0.95": distribution(log_p, top_p=0.95)}
assert (cut["top_k=3"] > 0).sum() != (cut["top_p=0.95"] > 0).sum()
show.probabilities(cut, encoding.vocabulary, top=10, title="The first token of bar 4, cut in two ways")

# %% [markdown]
# Inside a note the model is sure (HOLD), and top-p keeps one token; where a new note may begin it keeps
# several. Top-k keeps three everywhere, wanted or not.
#
# ### Exercise 7.3 · Top-p
#
# Write `keep_top_p(p, limit)` in the manner of `keep_top_k`: go from the likeliest token downwards until the
# sum reaches `limit`. The token that crosses the limit is kept too; otherwise a token with 0.9 would be dropped
# at a limit of 0.8, and nothing would be left. `keep_top_p(np.array([0.5, 0.2, 0.3]), 0.7)` is `[0.625, 0,
# 0.375]`.


# %%
def keep_top_p(p, limit):
    """Keep the likeliest tokens that together reach the limit."""
    ...


# %%
check("7.3", keep_top_p)

# %% [markdown]
# ### Exercise 7.4 · Draw from probabilities
#
# How does a computer draw token 0 in 50 % of all cases, token 1 in 30 %, token 2 in 20 %? It takes one random
# number `u` between 0 and 1 and looks where it falls on a line that is divided in these proportions: below 0.5
# is token 0, from 0.5 to 0.8 token 1, above that token 2. Write `draw(p, u)`, which returns the number of the
# token. `draw(np.array([0.5, 0.3, 0.2]), 0.6)` is 1.


# %%
def draw(p, u):
    """Return the token in whose stretch of the line from 0 to 1 the number u lies."""
    ...


# %%
check("7.4", draw)

# %% [markdown]
# One thing must never be drawn: nonsense. After REST there is no note that HOLD could hold. The model has
# learned that this does not happen, but "learned" means a small probability, and 0 is never reached; at a high
# temperature small probabilities come true. So the encoding states its **grammar** as a table: `allowed[a, b]`
# says whether token `b` may follow token `a`. What is not allowed gets the probability 0 before anything is
# drawn.

# %%
from musiclab.generation import sample_tokens  # the tokens of generate, before they become notes

END, REST, HOLD = 0, 1, 2
opening = [END, *encoding.context(0, 1, (4, 4))[0]]  # END also stands before the first token
log_p = melody.stream().step(opening)
for temperature in (1.0, 2.0):
    free = distribution(log_p, temperature=temperature)
    masked = distribution(log_p, temperature=temperature, allowed=encoding.allowed[END])
    print(f"HOLD as a first token at temperature {temperature}: {free[HOLD]:.4f}, with the grammar {masked[HOLD]:.4f}")
    assert free[HOLD] > 0 and masked[HOLD] == 0

for a, b in np.argwhere(~encoding.allowed):
    print(f"{encoding.vocabulary[b]} may not follow {encoding.vocabulary[a]}")
broken = 0
for seed in range(10):
    tokens = [END, *sample_tokens(melody.stream(), encoding, 32, temperature=3.0, seed=seed)]
    broken += int((~encoding.allowed[tokens[:-1], tokens[1:]]).sum())
print(f"forbidden steps in ten wild tunes at temperature 3: {broken}")
assert broken == 0

# %% [markdown]
# With that, no sequence can come out that `decode` would not understand. No generated piece is invalid,
# whatever the temperature.
#
# ## 4 · The whole loop
#
# You have all the parts. Feed the last token; bend the probabilities; draw; and let the drawn token be the last
# token of the next step, until the model draws END. The first "last token" is END too: it tells the model that
# a piece begins. Does this loop write the same music as `generate`, given the same seed?
#
# There is a mistake that nobody sees: in training the model gets numbers prepared in one way, in generation in
# another. Nothing crashes; the music is worse, and nobody knows why. So the cell asks a second question.
# `encoding.inputs` makes the rows for training. Given the finished tune, does it make the rows that the loop fed?


# %%
def write_tune(bundle, bars, seed, temperature):
    """Write a tune in 4/4; return its tokens and every row that the model was fed."""
    stream, rng, rows, tokens, token = bundle.stream(), np.random.default_rng(seed), [], [], END
    for known in bundle.encoding.context(0, bars * 16, (4, 4)):  # position in the bar, metre, number of the bar
        rows.append([token, *known])
        log_p = stream.step(rows[-1])
        p = distribution(log_p, temperature=temperature, allowed=bundle.encoding.allowed[token])
        token = int(rng.choice(len(p), p=p))
        if token == END:
            break
        tokens.append(token)
    return tokens, rows


tokens, rows = write_tune(melody, bars=16, seed=2, temperature=0.8)
mine = encoding.decode(tokens)
theirs = generate(melody, 64, seed=2, temperature=0.8)  # 16 bars of 4 quarter lengths
as_in_training = encoding.inputs(np.array(tokens, dtype=np.int32), (4, 4))[: len(rows)]
print(f"the same {len(mine)} notes as generate: {np.array_equal(mine.notes, theirs.notes)}")
print(f"{len(rows)} rows, all as in training: {np.array_equal(rows, as_in_training)}")
assert np.array_equal(mine.notes, theirs.notes) and np.array_equal(rows, as_in_training)
show.player(mine)

# %% [markdown]
# Twice yes. Training and generation build their rows with the same code, so they cannot drift apart.
#
# ## 5 · What the choices sound like
#
# Here are eight bars from the same seed at three temperatures (`stop=False` forbids END, so that all have the
# same length). Guess: in which one do you expect the most notes?

# %%
for temperature in (0.6, 1.0, 1.4):
    score = generate(melody, 32, temperature=temperature, seed=5, stop=False)
    display(show.piano_roll(score, title=f"Temperature {temperature}"))
    display(show.sound(score))

# %% [markdown]
# One tune proves nothing, so measure ten of each, in three ways. **Bars**: how many bars begin with a note;
# listeners find the beat there. **Key**: a tune mostly uses the seven pitches of one *scale*, out of the twelve
# in an octave; how many notes lie in the major scale that fits the tune best? (A minor scale has the same seven
# pitches as a major scale with another home note, so it counts as well.) **End**: how many tunes stop by
# themselves within 64 bars. As a comparison, the last line takes notes by dice.

# %%
MAJOR = [0, 2, 4, 5, 7, 9, 11]  # semitones above the home note


def measure(tunes):
    """Return notes per bar, share of bars that begin with a note, share of notes in the best scale."""
    pitches = [tune.notes["pitch"].astype(int) for tune in tunes]
    in_scale = [max(np.isin((q - home) % 12, MAJOR).sum() for home in range(12)) for q in pitches]
    begun = [np.isin(np.arange(0, t.duration, t.bar_length), t.notes["onset"]) for t in tunes]
    notes, bars = sum(map(len, tunes)), sum(map(len, begun))
    return notes / bars, np.concatenate(begun).mean(), sum(in_scale) / notes


rng = np.random.default_rng(0)
dice = [Score([(i / 2, 0.5, q) for i, q in enumerate(rng.integers(60, 80, 64).tolist())]) for _ in range(10)]
tunes = {t: [generate(melody, 256, temperature=t, seed=seed) for seed in range(10)] for t in (0.6, 1.0, 1.4)}
table = {name: measure(ten) for name, ten in (*tunes.items(), ("dice", dice))}
for name, (notes, begun, key) in table.items():
    ended = f"{sum(t.duration < 256 for t in tunes[name])} of 10" if name in tunes else "–"
    print(f"{name!s:>4}: {notes:4.1f} notes a bar, {begun:4.0%} of bars begun, {key:4.0%} in the scale, ended: {ended}")
tokens = np.concatenate([encoding.encode(tune) for tune in tunes[1.0]])
print(f"the most common token: {encoding.vocabulary[np.bincount(tokens).argmax()]}")
assert table[0.6][0] < table[1.4][0] and table["dice"][2] < table[1.4][2] <= table[0.6][2]
assert np.bincount(tokens).argmax() == HOLD and sum(t.duration < 256 for t in tunes[1.0]) >= 8

# %% [markdown]
# A low temperature writes fewer and longer notes: HOLD is the most common token, and "the likely becomes
# likelier" favours it. A high temperature writes more notes and leaves the scale more often. The dice keep
# every beat, but no key. And tunes come to an end of their own, because END is a token like any other.
#
# The model can also go on where you begin. The **prompt** is fed through the state first, without drawing; then
# the loop takes over. Here it hears the first bars of *The Irish Washerwoman*, a jig: a dance in 6/8, bars of
# six eighths. The tune begins with an upbeat, notes before the first full bar. `generate` takes over the metre
# of the prompt.

# %%
jig = read_score("../data/tunes/irish_washerwoman.abc")
prompt = jig.slice(0, 5 * jig.bar_length)  # the upbeat and four bars
continued = generate(melody, 12 * jig.bar_length, prompt=prompt, temperature=0.8, seed=3)

kept = continued.notes[: len(prompt)]
assert np.array_equal(kept[["onset", "pitch"]], prompt.notes[["onset", "pitch"]])
assert continued.time_signature == (6, 8) and len(continued) > len(prompt)
print(f"{len(prompt)} notes given, {len(continued) - len(prompt)} written")
display(show.piano_roll(continued, prompt, labels=["the result", "given"], title="A jig, continued"))
show.sound(continued)

# %% [markdown]
# ## 6 · The file
#
# The recipe's `output.mid` lies in the folder `work`. Now you want to save a tune of the melody model under the
# same name: here one of temperature 0.8, a usual choice. What should happen to the old file?

# %%
from musiclab import MusicFileError

tune = max((generate(melody, 256, temperature=0.8, seed=seed) for seed in range(10)), key=len)  # the longest of ten
try:
    write_midi(tune, "work/output.mid")
except MusicFileError as error:
    print("MusicFileError:", error)

write_midi(recipe_piece, "work/recipe.mid", overwrite=True)
write_midi(tune, "work/output.mid", overwrite=True)
print("wrote", sorted(path.name for path in Path("work").glob("*.mid") if path.name in ("output.mid", "recipe.mid")))
display(show.sound(tune.slice(0, 4 * tune.bar_length)))  # its first four bars
show.piano_roll(tune, title="output.mid")

# %% [markdown]
# No file of yours is replaced unless you ask for it. This is worth a habit: a good tune from a seed that you
# forgot does not come back.
#
# Is the file sound? Our own reader could make the same mistake as our own writer, and then both would agree. So
# read it with another library: music21, which shares no code with the writer. Does it find every note, at the
# same place, with the same length?

# %%
from music21 import converter


def notes_by_music21(path):
    """Read a MIDI file with music21: a sorted list of (onset, duration, pitch)."""
    part = converter.parse(path, forceSource=True).stripTies().flatten()
    found = [(n.offset, n.quarterLength, q.midi) for n in part.notes for q in n.pitches]
    return sorted((float(onset), float(length), pitch) for onset, length, pitch in found)


for name, score in (("output.mid", tune), ("recipe.mid", recipe_piece)):
    ours = sorted(score.notes[["onset", "duration", "pitch"]].tolist())
    other = notes_by_music21(f"work/{name}")
    print(f"{name}: {len(ours)} notes written, {len(other)} read, all equal: {other == ours}")
    assert other == ours

# %% [markdown]
# You find the files in the folder `notebooks/work`. A double click plays them on many computers. A *notation
# program* (MuseScore is a free one) shows them as a score that you can edit and print. A *digital audio
# workstation* (DAW), the program in which music is recorded and arranged, takes them as a track, to be played
# by any of its instruments.
#
# ### Exercise 7.5 · A tune to keep
#
# Write a tune that you would keep: a `Score` under the name `my_tune`. Try seeds, temperatures, prompts, your
# own ideas. The check asks for a melody of 8 to 32 bars between G3 and E6 (a violin can play that); three of
# four bars begin with a note; at least four bars differ; and at least 90 % of the notes lie in the major or
# (natural) minor scale of its last note, so that it ends at home. When you like it, save it under a name of its own.

# %%
my_tune = ...

# %%
check("7.5", my_tune)

# %% [markdown]
# ## 7 · The museum of mistakes
#
# The last three exhibits of the museum that lesson 05 opened: programs that raise no error, and are wrong. Read
# the label, run the program, listen, and guess before you go on: what is wrong, and which tool of the course
# would show it?
#
# ### Exhibit 6 · A network that is trained in one step
#
# *The label:* "A layer of 400 units with random weights reads 16 events of the Prelude, as numbers between 0 and
# 1. The weights behind it are found in one step, by least squares. Writes 64 notes from the first 16 events on,
# with argmax. Prints how often the network is right in training."


# %%
rng = np.random.default_rng(0)
random_weights, bias = rng.normal(size=(16, 400)), rng.normal(size=400)


def units(x):
    return np.tanh(x @ random_weights + bias)


def write_small(window, count):
    """Write with the small network; the window moves on by one with each note."""
    written = []
    for _ in range(count):
        written.append(int((units(window) @ found).argmax()))
        window = np.append(window[1:], written[-1])
    return written


inputs_16, targets_16 = windows([Piece(music_int)], 16)
size = len(int_to_note)
h = units(inputs_16 / size)
found = np.linalg.solve(h.T @ h + 0.01 * np.eye(400), h.T @ np.eye(size)[targets_16])
small_notes = write_small(inputs_16[0] / size, 64)
print(f"right in training: {((h @ found).argmax(axis=1) == targets_16).mean():.0%}")
print(" ".join(int_to_note[i] for i in small_notes[:32]))
show.sound(recipe.encoding.decode(small_notes).slice(0, 8))

# %% [markdown]
# Nine of ten right in training, and every note is one that the Prelude has. But the Prelude goes up in broken
# chords, and this does not. Overfitting? An overfitted network would play the Prelude itself.
#
# Ask the question of section 4: are the rows that the loop fed the rows that training would have made of the
# finished piece? The cell rebuilds both from the notes. How many of the 64 rows will be equal?

# %%
fed = np.lib.stride_tricks.sliding_window_view([*(inputs_16[0] / size), *small_notes[:-1]], 16)
as_in_training = np.lib.stride_tricks.sliding_window_view([*inputs_16[0], *small_notes[:-1]], 16) / size
print(f"{np.isclose(fed, as_in_training).all(axis=1).sum()} of {len(fed)} rows are as in training")
print(f"in training the numbers go up to {(inputs_16 / size).max():.2f}, in the loop to {fed.max():.0f}")
for row in (0, 63):
    at_limit = (np.abs(units(fed[row])) > 0.999).mean()
    print(f"row {row}:", np.round(fed[row, :6], 2).tolist(), f"… {at_limit:.0%} of the units at their limits, -1 or 1")


def as_eight_ago(tokens):
    """Return the share of notes that are the same as eight notes before: the figure of half a bar."""
    return np.mean(np.array(tokens[8:]) == np.array(tokens[:-8]))


print(f"as eight notes ago: the Prelude {as_eight_ago(music_int):.0%}, the program {as_eight_ago(small_notes):.0%}")
assert fed.max() > 10 and (inputs_16 / size).max() < 1
assert as_eight_ago(small_notes) < 0.3 < as_eight_ago(music_int)

# %% [markdown]
# One row, the first. The loop starts with the window divided, and then appends the bare index. Step by step the
# window fills with numbers above any in training, the largest some thirty times as large. The units are driven to
# their limits, and still each row gets an answer. **Compare what you feed with what training fed: the range alone
# gives it away.**
#
# ### Exercise 7.6 · Feed what training fed
#
# Write `write_on(predict, window, count, size)`. `window` is a list of tokens, `predict` takes an array of the
# same length, the last tokens divided by `size`, and returns a score for each token. Take the token with the
# highest, and return a list of `count` new tokens. Then hear what the repaired program writes:
# `write_on(lambda x: units(x) @ found, inputs_16[0].tolist(), 64, size)`. Does it play the figure?


# %%
def write_on(predict, window, count, size):
    """Return `count` tokens that go on after the window; the network reads tokens divided by `size`."""
    ...


# %%
check("7.6", write_on)

# %% [markdown]
# ### Exhibit 7 · A folder of music
#
# *The label:* "Loads the trained recipe. Collects the names of all events in the folder, which holds the Prelude
# and ten tunes, sorts them and numbers them, as was done for training. Takes 100 events from bar 9 of the Prelude
# on, and goes on from there with 48 notes."

# %%
from musiclab import NoteNameEncoding

folder = [prelude, *(read_score(path) for path in sorted(Path("../data/tunes").glob("*.abc")))]
today = NoteNameEncoding.of(folder)
window = today.encode(prelude)[128:228].tolist()  # 100 events from bar 9 on
folder_notes = []
for _ in range(48):
    p = model.predict_on_batch(np.array(window, dtype="float32")[None, :, None])[0]
    folder_notes.append(int(p.argmax()))
    window = [*window[1:], folder_notes[-1]]

print(f"{len(folder)} files, {len(today.names)} names")
print(" ".join(today.vocabulary[i] for i in folder_notes[:24]))
show.sound(today.decode(folder_notes).slice(0, 12))

# %% [markdown]
# Here the figure is, and the harmony is a little strange. Is this how the model is? There is a test that any
# trained model has to stand: measure it again **on the music that it was trained on**. It must reach the loss
# that it had then. Guess: what will it be with the numbers of this program?

# %%
print(f"{len(recipe.encoding.names)} names in the bundle, {len(today.names)} in the folder")
print("new ones:", " ".join(sorted(set(today.names) - set(recipe.encoding.names))))
equal = sum(a == b for a, b in zip(recipe.encoding.vocabulary, today.vocabulary, strict=False))
print(f"{equal} of {len(recipe.encoding.vocabulary)} numbers still mean the same")

losses = []
for label, names in (("the bundle", recipe.encoding), ("the folder", today)):
    inputs, targets = windows([Piece(names.encode(prelude))], 100)
    p = model.predict_on_batch(inputs[..., None].astype("float32"))
    there = np.flatnonzero(targets < p.shape[1])  # the network has 34 outputs
    losses.append(float(-np.log(p[there, targets[there]]).mean()))
    right = (p.argmax(axis=1) == targets).mean()
    print(f"Prelude, numbered as in {label}: {losses[-1]:.2f} nats a note, {right:.0%} right;", end=" ")
    print(len(targets) - len(there), "notes have no output at all")
assert losses[1] > losses[0] + 0.2 and equal < len(recipe.encoding.vocabulary)

# %% [markdown]
# The ten tunes bring in five new names. Sorting is not enough: each new name pushes up the number of every name
# above it, and the model's 27 now means another note than it did in training. Only the lower part still fits.
# (Lesson 05 warned of this.) **The vocabulary belongs to the weights. Save it with them, and look it up.**
#
# ### Exercise 7.7 · The vocabulary of the training
#
# Write `numbers_of(names, vocabulary)`. `vocabulary` is the list that was saved with the model, in the order of
# the numbers. Return the list of the numbers of the names. What should happen to a name that is not in it? The
# network has no weights for it, so say so: raise a `ValueError` whose message contains the name. Example:
# `numbers_of(["E4", "C4"], ["END", "C4", "D4", "E4"])` is `[3, 1]`. Then put `recipe.encoding` in the place of
# `today` in the exhibit, and listen again.


# %%
def numbers_of(names, vocabulary):
    """Return the number that each name had in training."""
    ...


# %%
check("7.7", numbers_of)

# %% [markdown]
# ### Exhibit 8 · A tune by chance
#
# *The label:* "Writes a tune with the melody model. Bends the probabilities with the temperature, keeps to the
# grammar, and lets a random generator choose among the best tokens. Temperature 1, seed 1. You hear four bars."


# %%
def among_the_best(p, rng):
    return int(rng.choice(np.flatnonzero(p == p.max())))


def write_with(choose_one, temperature, seed):
    """Write up to 16 bars; return the tokens, and the probabilities that each was chosen from."""
    stream, rng, token, tokens, chances = melody.stream(), np.random.default_rng(seed), END, [], []
    for known in encoding.context(0, 256, (4, 4)):
        log_p = stream.step([token, *known])
        chances.append(distribution(log_p, temperature=temperature, allowed=encoding.allowed[token]))
        token = choose_one(chances[-1], rng)
        tokens.append(token)
        if token == END:
            break
    return tokens, chances


tune_tokens, _ = write_with(among_the_best, temperature=1.0, seed=1)
by_chance = encoding.decode(tune_tokens)
print(show.describe(by_chance))
show.sound(by_chance.slice(0, 16))

# %% [markdown]
# An upbeat, twenty long notes on C and D, an end. Dull, but there are dull tunes. Two tests. First: another seed
# should give another tune, and another temperature, too. How many different tunes do three seeds at two
# temperatures give?
#
# Second, a test that needs no second run. The entropy of section 3 is what a draw surprises you by, on average:
# the mean of −ln p over many *drawn* tokens comes close to the mean entropy of what they were drawn from. Which
# of the two is smaller here?

# %%
six = {tuple(write_with(among_the_best, temperature, seed)[0]) for temperature in (0.7, 1.4) for seed in (1, 2, 3)}
print(f"different tunes: {len(six)} of 6")


def surprise_and_entropy(choose_one):
    """Return the mean surprise at the chosen tokens of ten tunes, and the mean entropy of what they were chosen from."""
    surprises, entropies = [], []
    for seed in range(10):
        for token, p in zip(*write_with(choose_one, 1.0, seed), strict=True):
            surprises.append(-np.log(p[token]))
            entropies.append(-(p[p > 0] * np.log(p[p > 0])).sum())
            assert (p == p.max()).sum() == 1  # no two tokens are equally good
    return np.mean(surprises), np.mean(entropies)


surprise, entropy = surprise_and_entropy(among_the_best)
print(f"mean surprise {surprise:.2f} nats, mean entropy {entropy:.2f}")
assert len(six) == 1 and surprise < 0.7 * entropy

# %% [markdown]
# One tune, whatever you ask for. There is a temperature, and a generator, and neither does anything: the
# temperature does not change which token is the likeliest, and among the best there is never more than one. It is
# the argmax of section 1 in disguise. The surprise is half of the entropy; after your repair both should be about
# equal. **A knob is there only if turning it changes something.**
#
# ### Exercise 7.8 · A choice that is a draw
#
# Write `choose(p, rng)`: a token, each as often as its probability says, with all chance from `rng`, a NumPy
# generator. Then try `surprise_and_entropy(choose)`, and listen to
# `encoding.decode(write_with(choose, 1.0, 1)[0])`.


# %%
def choose(p, rng):
    """Return a token, each as often as its probability says."""
    ...


# %%
check("7.8", choose)

# %% [markdown]
# ## Quiz
#
# What do you still know? Answer, then press Check: each answer is explained.

# %%
from musiclab.widgets.quiz import Quiz

Quiz(7)

# %% [markdown]
# ## In this lesson you saw
#
# - The recipe's last step works once the window is a list. Its argmax copies long runs and ends in a loop,
#   because the same window always gives the same note.
# - A stateful step costs the same at note 2,000 as at note 100, and is more than a hundred times as fast as a
#   `predict` per note.
# - Temperature bends all probabilities; top-k and top-p cut off the unlikely ones; drawing makes the choice.
#   Each is a few lines of NumPy.
# - The grammar gives impossible tokens the probability 0, so every piece is valid.
# - Generation feeds the model the very rows that training would have made of the finished piece.
# - The MIDI file holds every note, and another library agrees.
# - The museum: compare what you feed with what training fed, measure a model on its own training music, keep the
#   vocabulary with the weights, and turn every knob to see whether it does anything.
#
# ## Where to read on
#
# - A. Holtzman, J. Buys, L. Du, M. Forbes, Y. Choi: "The Curious Case of Neural Text Degeneration" (2020). Why
#   the likeliest text is dull and loops, and the idea of top-p.
# - A. Fan, M. Lewis, Y. Dauphin: "Hierarchical Neural Story Generation" (2018). Top-k in use.
# - A. Graves: "Generating Sequences With Recurrent Neural Networks" (2013). The loop of this lesson, for text
#   and handwriting.
# - D. Eck, J. Schmidhuber: "Finding temporal structure in music: Blues improvisation with LSTM recurrent
#   networks" (2002). An early LSTM that wrote music.
#
# ## Next
#
# Lesson 08 gives the model four voices, and measures its chorales against published figures.
