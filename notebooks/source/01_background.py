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
# # 01 · Background
#
# How can a machine write music? There are three old answers: throw dice, count, and learn. In this lesson you run
# all three, hear what comes out, and measure what each is good for.
#
# You will be able to:
#
# - play the dice game of 1793, and say who really composed what you hear,
# - build a Markov chain from a thousand fiddle tunes, and show that it copies more the further it looks back,
# - say what deep learning is, and train a small network yourself,
# - compare a large network with a Markov chain fairly, and name what each does better.
#
# Time: about 65 minutes, and 35 more for the exercises. The cells themselves need about a minute; the first time, reading four
# collections of tunes takes a minute more.

# %%
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise
from textwrap import fill

import numpy as np
from IPython.display import display

from musiclab import GridEncoding, Score, check, generate, hint, load_bundle, load_corpus, read_score, show, solution
from musiclab.score import pitch_name

dice_bars = read_score("../data/dice_waltz.abc")
print("Two things that you will work with:")
print(show.describe(dice_bars))
print("(177: the 176 that the dice choose from, and a second form of bar 8, for the repeat)")
print(f"The network of lesson 00, with {sum(w.size for w in load_bundle('melody').weights.values()):,} weights.")

# %% [markdown]
# ## 1 · The story in one picture
#
# Music by recipe is much older than the computer. The next cell lists some of its steps, one a line: year, family,
# what happened. Before you run the two cells, guess: in which century was the first music printed that was to be
# put together with dice? And when did a neural network first write a melody?

# %%
steps = """\
1026 rules    Guido of Arezzo: each vowel of a text gives a pitch (about that year)
1725 rules    Fux: the rules of writing for several voices, as a course of lessons
1757 dice     Kirnberger: minuets and polonaises for people who cannot compose
1793 dice     The dice waltzes, printed under Mozart's name
1913 counting Markov: which letter follows which, in Pushkin's Onegin
1956 counting Pinkerton: a chain of notes, counted in 39 nursery tunes
1957 counting Hiller and Isaacson: Illiac Suite, for string quartet, by rules and chains
1958 counting Xenakis: Analogique A, whose clouds of sound follow Markov chains
1981 rules    Cope: Experiments in Musical Intelligence, which take works apart and rejoin them
1986 networks Rumelhart, Hinton, Williams: how layers learn, by back-propagation
1989 networks Todd: a recurrent network learns and writes melodies
1994 networks Mozer: CONCERT guesses the next note
1997 networks Hochreiter and Schmidhuber: the LSTM, which remembers for longer
2002 networks Eck and Schmidhuber: an LSTM that improvises the blues
2012 networks Deep networks win at recognising pictures, and go into everything
2016 networks BachBot and DeepBach: chorales that many listeners take for Bach's
2018 networks Music Transformer: piano music that returns to its themes""".splitlines()
events = [(line[:4], line[5:13].strip(), line[14:]) for line in steps]
print(len(events), "steps:", ", ".join(f"{n} of {family}" for family, n in Counter(e[1] for e in events).items()))

# %%
from matplotlib.figure import Figure

families = {"rules": ("s", "#0072b2"), "dice": ("D", "#d55e00"), "counting": ("^", "#009e73"), "networks": ("o", "#aa4499")}
figure = Figure(figsize=(9, 5.2), dpi=100, facecolor="white", layout="constrained")
ax = figure.subplots()
for lane, (family, (marker, colour)) in enumerate(families.items()):
    rows = [row for row, event in enumerate(events) if event[1] == family]
    ax.plot([2 * lane] * len(rows), rows, marker, color=colour, ms=9, ls="-", lw=1.5)
    ax.text(2 * lane, -1.1, family, color=colour, ha="center", va="center", fontsize=9, weight="bold")
for row, (year, _, what) in enumerate(events):
    ax.plot([-0.5, 6.6], [row, row], color="#e0e0e0", lw=0.6, zorder=0)
    ax.text(-0.7, row, year, ha="right", va="center", fontsize=9)
    ax.text(6.8, row, what, va="center", fontsize=9)
ax.set(xlim=(-1.6, 20), ylim=(len(events) - 0.4, -1.7))
ax.axis("off")
show.Picture(figure, ax, "Timeline in four columns. " + " ".join(f"{year}: {what}." for year, _, what in events))

# %% [markdown]
# The rows stand in order of time; the distances are not to scale. Each column is one way of making a machine write:
#
# - **Rules**: people write down what is allowed. The program knows what its author knows.
# - **Dice**: people compose the parts, and chance chooses among them.
# - **Counting**: nobody writes rules. The program counts what follows what in music that exists.
# - **Networks**: the program does not count, it adjusts many numbers until its guesses are good.
#
# None of the steps made the one before it useless. The Illiac Suite has movements made by rules and one made by
# counting. A network of today still ends with dice, as you saw in lesson 00: it gives probabilities, and a draw
# decides.

# %% [markdown]
# ## 2 · Dice
#
# In 1793, two years after Mozart's death, a publisher in Berlin printed a sheet with which anybody could "compose"
# waltzes. It bore Mozart's name. Whether the game is his was never proven. (You may know it as K. 516f. That number
# belongs to another game, on a sheet in Mozart's own hand.)
#
# The sheet has 176 short bars for piano, numbered in no visible order. This is bar 1 to 4 of it. In **staff
# notation** time runs from left to right, and the higher a note stands the higher it sounds. The upper **staff**
# (five lines) is for the right hand, the lower for the left. 3/8 means that each bar lasts three eighth notes.

# %%
hands = ["right hand", "left hand"]
show.notation(dice_bars, bars=(1, 4), labels=hands, title="Bars 1 to 4 of the print")

# %% [markdown]
# Each waltz has 16 bars. For each you throw two dice and look up the sum in a table: the row is the sum, the column
# is the bar. The next cell does it by hand.

# %%
from musiclab.widgets.dice import TABLE, DiceGame, printed_bars, waltz

rng = np.random.default_rng(1793)
dice = rng.integers(1, 7, size=(16, 2))  # a row for each bar: two dice that show 1 to 6
sums = dice.sum(axis=1)
numbers = [TABLE[total - 2][bar] for bar, total in enumerate(sums)]  # the first row is for the sum 2
for bar in range(4):
    print(f"bar {bar + 1}: {dice[bar][0]} + {dice[bar][1]} = {sums[bar]:2d}, so play number {numbers[bar]}")
print("...")
print("every number from 1 to 176 stands in the table once:", sorted(sum(TABLE, ())) == list(range(1, 177)))

# %% [markdown]
# `waltz` puts the bars one after the other. The print wants each half played twice, with two endings for bar 8; we
# leave the repeats out here. It may be that nobody has heard this waltz before.

# %%
piece = waltz(sums)
bars = [score.duration / score.bar_length for score in (piece, waltz(sums, repeats=True))]
print(f"{bars[0]:.0f} bars; {bars[1]:.0f} with the repeats")
display(show.notation(piece, labels=hands))
show.sound(piece)

# %% [markdown]
# It holds together. Why? Guess: how many different waltzes are in the game? And what do the eleven bars of one
# column have in common, so that any of them fits?
#
# The cell counts how many of the eleven differ, and looks at the lowest note with which each begins, the **bass**.

# %%
ways, plan, others = [], [], []
for bar in range(16):
    column = [printed_bars()[row[bar] - 1] for row in TABLE]
    ways.append(len({score.notes.tobytes() for score in column}))
    lowest = Counter(pitch_name(int(s.notes["pitch"][s.notes["onset"] == 0].min()))[:-1] for s in column)
    plan.append(lowest.most_common(1)[0])
    others += [f"bar {bar + 1} {name}" for name, _ in lowest.most_common()[1:]]
print("different bars in each column:", *ways)
print(f"that makes {int(np.prod(ways, dtype=np.int64)):,} waltzes")
print("commonest bass note:          ", *[name for name, _ in plan])
print("how many of the 11 have it:   ", *[count for _, count in plan])
print("the others have:              ", ", ".join(others))

# %% [markdown]
# More waltzes than anybody could play in a life, and yet hardly anything is left to chance. Most or all bars of a
# column rest on the same bass, and the others on a note of the same **chord** (notes that sound together): the E of
# bar 2 belongs to the chord C E G, the B of bar 3 to G B D, the C of bar 9 to D F♯ A C. So the plan is the same in
# every waltz: from C through G and back to C. Bar 8 is the same whatever you throw, and bar 16 has two forms. The
# dice choose the ornament; the composer, whoever it was, wrote the plan.
#
# ### Exercise 1.1 · Loaded by nature (warm-up)
#
# The waltzes are not equally likely, for the sums are not: there is one way to throw a 2 and there are several to
# throw a 7. Write `chance(total)`: how likely is it that two dice show `total` together? For a total that two dice
# cannot show it is 0. Stuck? Run `hint("1.1")` in a cell of your own; `solution("1.1")` shows a worked answer.


# %%
def chance(total):
    """Return the probability that two dice show `total` together."""
    ...


# %%
check("1.1", chance)

# %% [markdown]
# Now play. The first button throws for all bars, the others for one bar each; the player below has the waltz. The
# cell presses two of the buttons itself, so that you see what they do, and prints the game in words.

# %%
game = DiceGame(seed=5)
before = game.numbers
game.roll_button.click()  # all bars
after = game.numbers
game.bar_buttons[8].click()  # bar 9 alone
print("bars that changed with all dice:  ", sum(a != b for a, b in zip(before, after, strict=True)))
print("bars that changed with one button:", [n + 1 for n in range(16) if game.numbers[n] != after[n]])
print(fill(game.text, 95))
game

# %% [markdown]
# What dice cannot do: the table has no row for music that its author did not write. To write a march, you need a
# new table. The next idea gets its table from music that exists.

# %% [markdown]
# ## 3 · Counting: the Markov chain
#
# In 1913 the mathematician Andrey Markov took 20,000 letters of Pushkin's *Eugene Onegin* and counted how often a
# vowel follows a vowel. He wanted to show that a law of chance also holds where each event depends on the one
# before. Such a row of events is a **Markov chain**.
#
# Counting needs music to count in. It comes with music21, a library for music: four collections, of fiddle tunes,
# Irish and Scottish tunes, and folk songs. The first time, reading them takes a minute; then they are kept.

# %% tags=["nbval-ignore-output"]
from musiclab.corpus import MELODY_CORPORA

collections = {name: load_corpus(name) for name in MELODY_CORPORA}
print(*collections.values(), sep="\n")
assert len(collections) == 4 and all(len(collection) > 1000 for collection in collections.values())

# %% [markdown]
# We begin with one of them, Ryan's *Mammoth Collection* (Boston 1883), which has over a thousand fiddle tunes. We keep
# those without chords, and put a tenth aside, which the chain never sees: the **held-out** tunes. `split_pieces` keeps
# tunes that are nearly the same on one side.

# %%
from musiclab.dataset import split_pieces

corpus = collections["fiddle-tunes"]
tunes = [tune for tune in corpus if (np.diff(tune.notes["onset"]) > 0).all()]
split = split_pieces(tunes, valid=0, test=0.1)


def notes_of(tune):
    """Return a tune as a list of (pitch, time until the next note)."""
    times = np.append(np.diff(tune.notes["onset"]), tune.notes["duration"][-1])
    return list(zip(tune.notes["pitch"].tolist(), times.tolist(), strict=True))


train = [notes_of(tunes[i]) for i in split.train]
held_out = [notes_of(tunes[i]) for i in split.test]
print(f"{len(corpus)} tunes, {len(train)} to count in ({sum(map(len, train)):,} notes), {len(held_out)} held out")
print("one begins:", train[0][:5])

# %% [markdown]
# A note is now a pair: pitch 67 is a G, and 0.5 is an eighth, half a quarter. A chain of **order 1** knows one
# thing: what followed each note. That is a dictionary with a list for each note. What do you expect after a G that
# lasts an eighth?

# %%
START, END = "start", "end"  # a tune begins and ends, and that is worth counting, too

followers = defaultdict(list)
for tune in train:
    for note, following in pairwise([START, *tune, END]):
        followers[note].append(following)

seen = followers[67, 0.5]
print(f"{len(followers):,} entries. The G4 of an eighth came {len(seen):,} times. What followed it most often:")
for (pitch, time), count in Counter(seen).most_common(4):
    print(f"  {pitch_name(pitch):3} for {time} quarters: {count / len(seen):.0%}")

# %% [markdown]
# To write, begin at START and draw from the list: what stands in it twice as often is drawn twice as often. Then go
# on from there. A chain of **order** $k$ does the same with the last $k$ notes in place of the last one. The two
# functions below are all there is to it, for any order.


# %%
def chain(tunes, order):
    """Return, for each run of `order` notes, the list of what followed it."""
    followers = defaultdict(list)
    for tune in tunes:
        line = [START] * order + tune + [END]
        for i in range(order, len(line)):
            followers[tuple(line[i - order : i])].append(line[i])
    return followers


def draw(followers, order, seed, most=120):
    """Write a tune of at most `most` notes."""
    rng = np.random.default_rng(seed)
    line = [START] * order
    while line[-1] != END and len(line) < order + most:
        choices = followers[tuple(line[-order:])]
        line.append(choices[rng.integers(len(choices))])
    return [note for note in line if note not in (START, END)]


assert chain(train, 1)[((67, 0.5),)] == seen  # order 1 is the dictionary from above
chains = {order: chain(train, order) for order in (1, 2, 3, 4, 6)}
print("entries:", ", ".join(f"order {order}: {len(followers):,}" for order, followers in chains.items()))

# %% [markdown]
# Listen to one tune of each order, 1 to 4. Which sounds most like a tune? What changes from one to the next? (The
# chain knows nothing of bars; the 4/4 in the descriptions is only how they are counted.)


# %%
def to_score(notes, title=""):
    """Turn a list of (pitch, time) back into a score, at a fiddler's tempo."""
    times = [time for _, time in notes]
    return Score([(end - t, t, p) for (p, t), end in zip(notes, np.cumsum(times), strict=True)], title=title, tempo=150)


for order in (1, 2, 3, 4):
    written = to_score(draw(chains[order], order, seed=4), f"Order {order}").slice(0, 24)
    print(show.describe(written))
    display(show.sound(written))

# %% [markdown]
# To most ears order 1 wanders about, and order 4 has whole phrases, like a fiddler's. Has it learnt more, or does
# it quote?
#
# That can be measured. The same melody may stand in another key, so compare **intervals**: by how many semitones
# each note goes up or down. Take each run of eight intervals in a new tune and ask whether it stands anywhere in
# the training tunes. Also find the longest run that does.
#
# What share is too much? Real tunes quote each other as well. So the yardstick is the held-out tunes: how much of
# *them* stands in the training tunes? Guess that, and then at which order the chain goes beyond it.


# %%
def letters(notes):
    """Write a melody's intervals as a text, one letter an interval, so that Python's `in` can search it."""
    return "".join(chr(100 + after - before) for (before, _), (after, _) in pairwise(notes))


def copying(new, library):
    """Return the share of runs of 8 intervals that the library has, and the longest run (median over the tunes)."""
    texts = [letters(notes) for notes in new]
    runs = [text[i : i + 8] in library for text in texts for i in range(len(text) - 7)]
    longest = []
    for text in texts:
        n = 0
        for i in range(len(text)):
            while i + n < len(text) and text[i : i + n + 1] in library:
                n += 1
        longest.append(n)
    return np.mean(runs), int(np.median(longest))


library = "\n".join(map(letters, train))
share, longest = copying(held_out[:30], library)
print(f"real tunes, held out: {share:4.0%} of runs of 8, longest run {longest} intervals")
shares = {}
for order, followers in chains.items():
    shares[order], longest = copying([draw(followers, order, seed) for seed in range(30)], library)
    print(f"chain of order {order}:     {shares[order]:4.0%} of runs of 8, longest run {longest} intervals")
assert sorted(shares.values()) == list(shares.values())

# %% [markdown]
# The further the chain looks back, the more it copies. The reason stands in the dictionary. How many of its entries
# leave no choice, because only one thing ever followed?

# %%
for order, followers in chains.items():
    forced = np.mean([len(set(choices)) == 1 for choices in followers.values()])
    print(f"order {order}: {forced:4.0%} of the entries have a single continuation")

# %% [markdown]
# Four notes in a row are rare. Most such rows came once in all the tunes, and after them the chain can only do what
# that one tune did. To look further back without copying it would need far more music, and it never has enough:
# each further note multiplies the number of possible rows.
#
# ### Exercise 1.2 · How surprised?
#
# A chain can also listen. It is told one note after the other, and each time it had its own idea of how likely that
# note was: $p$ = how often it stands in the list, divided by the length of the list. Its **surprise** is $-\ln p$:
# nothing if it was sure, and the more the less likely. The unit is called **nat**.
#
# Write `surprise(line, followers)` for order 1: the mean of $-\ln p$ over all steps of `line` from one item to the
# next (a line of two items has one step). If a step never occurred, the surprise is `float("inf")`, infinite.


# %%
def surprise(line, followers):
    """Return the mean surprise in nats, over the steps of the line."""
    ...


# %%
check("1.2", surprise)

# %% [markdown]
# One step that was never seen, and the surprise is infinite: a chain that is made of lists alone is of no use for
# judging. The `Markov` model of this course counts the same things, but keeps a little probability for what it has
# not seen, and asks the shorter chains where the longer one knows nothing. With it you can ask how well each order
# guesses the next note, in tunes it was trained on and in held-out ones. What will you see as the order grows?

# %%
from musiclab.baselines import Markov

number_of = {note: n for n, note in enumerate(sorted({note for tune in train for note in tune}), 2)}


def as_rows(tune):
    """Return inputs (steps, 1), the note before each step, and targets (steps,). 0 is start and end, 1 an unknown note."""
    ids = [number_of.get(note, 1) for note in tune]
    return np.array([0, *ids])[:, None], np.array([*ids, 0])


counted = Markov(len(number_of) + 2, order=6).fit([as_rows(tune) for tune in train])
losses = {}
for order in (0, 1, 2, 3, 4, 6):
    model = counted.shortened(order)
    seen, new = (np.concatenate([model.nats(*as_rows(t)) for t in side]).mean() for side in (train[::5], held_out))
    losses[order] = new
    print(f"order {order}: surprise at training tunes {seen:.2f}, at held-out tunes {new:.2f} nats a note")

# %% [markdown]
# On its training tunes the chain gets better and better. On new tunes it gets better up to order 2, and then worse.
# With too low an order it knows too little (it **underfits**), with too high an order it knows its tunes by heart,
# and that does not help with others (it **overfits**). You will meet these two in every lesson on training.
#
# ## 4 · Learning: what deep learning is
#
# A chain cannot see that two notes are alike. It has an entry for "E after D after C" and another for "F after E
# after D", and what it learns about one tells it nothing about the other. A network is another way to go from the
# past to probabilities: a chain of simple calculations with adjustable numbers, the **weights**.
#
# 1. A **layer** multiplies its inputs with weights, adds them up, and bends the result a little. Layers follow one
#    another. Those between input and output are called hidden, and a network with several of them is called
#    **deep**.
# 2. A **loss** says how wrong the output is. Ours is the surprise.
# 3. For each weight one can compute the **slope**: which way, and how strongly, the loss changes if the weight
#    grows a bit. Move every weight a small step downhill. Repeat. That is **training**.
#
# ### Exercise 1.3 · Downhill
#
# The whole idea in one function: start at a place, and go `steps` times against the slope. `slope(x)` gives the
# slope at `x`; each step subtracts `rate` times the slope. Return where you end.


# %%
def descend(slope, start, rate, steps):
    """Follow the slope downhill and return the place that is reached."""
    ...


# %%
check("1.3", descend)

# %% [markdown]
# Now a real one, with nothing but NumPy. It sees the last intervals of a fiddle tune and guesses the next. An
# interval is one of 25: from 12 semitones down to 12 up. As a network can only calculate, an interval becomes a row
# of 25 numbers, all 0 but a single 1 (this is called **one-hot**). `predict` is the network, with one hidden layer.
# It is not deep yet, but more layers would be more of the same.

# %%
ONE_HOT = np.eye(25)


def examples(tunes, context):
    """Return every run of `context` intervals (n, context), and the interval that follows each (n,)."""
    steps = [np.clip(np.diff([pitch for pitch, _ in tune]), -12, 12) + 12 for tune in tunes if len(tune) > context + 1]
    runs = np.concatenate([np.lib.stride_tricks.sliding_window_view(s, context + 1) for s in steps])
    return runs[:, :-1], runs[:, -1]


def predict(weights, x):
    """Return the hidden layer (n, 48), and the probability of each interval (n, 25)."""
    # Layer 1: multiply, add, bend. Layer 2: multiply, add; then make probabilities of it.
    hidden = np.tanh(ONE_HOT[x].reshape(len(x), -1) @ weights[0] + weights[1])
    scores = np.exp(hidden @ weights[2] + weights[3])
    return hidden, scores / scores.sum(axis=1, keepdims=True)


def new_weights(context, rng):
    """Return the weights of both layers: small random numbers, and zeros."""
    return [rng.normal(0, 0.1, (25 * context, 48)), np.zeros(48), rng.normal(0, 0.1, (48, 25)), np.zeros(25)]


x, y = examples(train, 2)
_, p = predict(new_weights(2, np.random.default_rng(0)), x[:1])
print(f"{len(x):,} examples. The first: after {x[0] - 12} semitones comes {y[0] - 12}.")
print(f"Before training the network gives it a probability of {p[0, y[0]]:.2f}; 1 in 25 is 0.04.")

# %% [markdown]
# It knows nothing yet. The next cell has the loss and its slopes. You need not follow the formulas (lesson 04
# derives such formulas step by step), but you can test them: push one weight a tiny bit and see how the loss
# changes.


# %%
def loss(weights, x, y):
    """Return the mean surprise at the true intervals, in nats."""
    return -np.log(predict(weights, x)[1][np.arange(len(y)), y]).mean()


def slopes(weights, x, y):
    """Return the slope of the loss for every weight, in the same shapes: back through the layers."""
    hidden, p = predict(weights, x)
    at_output = (p - ONE_HOT[y]) / len(y)  # (n, 25)
    at_hidden = at_output @ weights[2].T * (1 - hidden**2)  # (n, 48)
    inputs = ONE_HOT[x].reshape(len(x), -1)
    return [inputs.T @ at_hidden, at_hidden.sum(axis=0), hidden.T @ at_output, at_output.sum(axis=0)]


weights = new_weights(2, np.random.default_rng(0))
formula = slopes(weights, x[:500], y[:500])[2][0, 14]
start = loss(weights, x[:500], y[:500])
weights[2][0, 14] += 1e-5
tried = (loss(weights, x[:500], y[:500]) - start) / 1e-5
print(f"slope by formula {formula:.4f}, by trying {tried:.4f}")

# %% [markdown]
# They agree. Now go downhill: each step takes 256 random examples, computes the slopes, and moves all weights.
# Guess: does it get better than counting, which also knows the last two intervals? (In the picture an epoch is 150
# steps.)


# %%
from threadpoolctl import threadpool_limits

threadpool_limits(1)  # NumPy on one core: in products as small as ours, a second one costs more time than it saves


def train_network(tunes, context, steps=1500, rate=1.0, seed=0):
    """Train a new network; return the loss along the way, on training and held-out examples."""
    rng = np.random.default_rng(seed)
    (x, y), valid = examples(tunes, context), examples(held_out, context)
    weights, history = new_weights(context, rng), []
    for step in show.progress(range(steps + 1), f"Training, {context} back"):
        if step % 150 == 0:
            history.append({"epoch": step // 150, "loss": loss(weights, x[:5000], y[:5000]), "valid": loss(weights, *valid)})
        chosen = rng.integers(len(y), size=256)
        for weight, slope in zip(weights, slopes(weights, x[chosen], y[chosen]), strict=True):
            weight -= rate * slope
    return history


def count(tunes, context):
    """Return the held-out loss of a Markov chain over intervals, on the same examples."""
    sides = [[examples([tune], 1) for tune in side if len(tune) > context + 2] for side in (tunes, held_out)]
    model = Markov(25, context).fit(sides[0])
    return np.concatenate([model.nats(x, y)[context - 1 :] for x, y in sides[1]]).mean()


history = train_network(train, 2)
show.curves(history, baselines={"counting": count(train, 2)}, title="Guessing the next interval from two", unit="nats")

# %% [markdown]
# The loss falls, from $\ln 25 = 3.22$ (no idea) to near where counting is, and then hardly further. If two
# intervals are all one knows, the best guess is what came most often, and counting finds it in one pass. So why
# bother?
#
# Look further back, as we did with the chain. The network has no entries for rows of intervals; it has a few more
# weights. Guess what happens to each of the two with four and with eight intervals.

# %%
table = {}
for context in (2, 4, 8):
    by_network = history[-1] if context == 2 else train_network(train, context)[-1]
    table[context] = (by_network["valid"], count(train, context))
    size = sum(w.size for w in new_weights(context, np.random.default_rng(0)))
    print(f"{context} back: network {table[context][0]:.2f} ({size:6,} weights)", end="   ")
    print(f"counting {table[context][1]:.2f} ({25**context:,} rows possible)")
assert table[8][0] < table[4][0] < table[2][0] and table[4][0] < table[4][1] and table[8][0] < table[8][1] - 0.2

few = train[::40]
by_network = train_network(few, 8)[-1]
assert by_network["valid"] > np.log(25)
print(f"8 back, but only {len(few)} tunes: network {by_network['valid']:.2f}, counting {count(few, 8):.2f}")
print(f"the same network on those tunes themselves, {len(examples(few, 8)[1]):,} examples: {by_network['loss']:.2f}")

# %% [markdown]
# This is what learning adds. With more context the network keeps getting better, while counting drowns in rows that
# it never saw. The network has to make do with few weights, so it cannot keep every row; it has to find what the
# rows have in common.
#
# The last two lines show the other side. Now there are more weights than examples, and the network learns its few
# tunes by heart. On new ones it does worse than if it held all 25 intervals for equally likely (3.22), for it is
# sure and wrong. A network needs **data**, and somebody who watches the held-out loss (lesson 06).
#
# That is also the short history of its rise. The idea of layers that learn by slopes was known in 1986. What came
# later was data (millions of pictures, texts, recordings) and graphics cards that multiply large tables of numbers
# fast. In 2012 a deep network won a contest in recognising pictures by a wide margin, and speech, language,
# prediction in business and science, and music followed.
#
# You will read that deep learning imitates the brain. The first networks were inspired by nerve cells, and the
# words stayed. What the cells above do is arithmetic: multiply, add, bend, and follow the slope. Whether a brain
# does anything of the kind is an open question.

# %% [markdown]
# ## 5 · Why Python?
#
# The network above is 20 lines, and most of the work is in one sign: `@`, the product of two tables of numbers
# (matrices). Python itself would be slow at this. Its strength is that its sentences are easy to read, and that
# they can call libraries that are written in faster languages, or that run on a graphics card. How much faster is
# NumPy than a loop in Python for the same product? Guess: 2, 10, 100 times?

# %% tags=["nbval-ignore-output"]
from time import perf_counter


def seconds(call, times):
    """Return the time of the fastest of some calls."""
    best = np.inf
    for _ in range(times):
        start = perf_counter()
        call()
        best = min(best, perf_counter() - start)
    return best


a, b = np.random.default_rng(0).random((2, 200, 200))
rows, columns = a.tolist(), b.T.tolist()


def product():
    return [[sum(p * q for p, q in zip(row, column, strict=True)) for column in columns] for row in rows]


assert np.allclose(product(), a @ b)  # the same numbers
ratio = seconds(product, 1) / seconds(lambda: a @ b, 50)
print(f"NumPy is {ratio:,.0f} times as fast")
assert ratio >= 10

# %% [markdown]
# The exact number is different on each computer, but it is large on all of them. The course uses three layers of
# such help:
#
# - **NumPy** for arithmetic with arrays. Lessons 03 and 04 build whole networks with it.
# - **Keras** (on TensorFlow; PyTorch and JAX are others of the kind) for training. You state the layers; it finds
#   the slopes by itself, and uses the graphics card if there is one. `slopes` above is what it spares you.
# - **music21** and others for music: reading files, notation, sound. Lesson 02 is about those.
#
# ## 6 · The large network in the same table
#
# The network of lesson 00 is an **LSTM**, with a memory that it carries from note to note (lessons 03 and 04). How
# does it compare with a Markov chain? A fair comparison has two conditions: both learn from the same tunes, and
# both are asked about tunes that neither has seen.
#
# The network was trained on four collections, and Ryan's is one of them. How many of *our* held-out tunes has it
# seen? To ask it about those would be an exam with questions from the exercise sheet. So we repeat its own split,
# and let a Markov chain count in the 9,584 tunes that the network learnt from.

# %%
from musiclab.dataset import encode_pieces, suits_a_melody_model

melody, grid = load_bundle("melody"), GridEncoding()
fingerprints = {name: collection.fingerprint for name, collection in collections.items()}
assert fingerprints == melody.card["corpus"]  # the very tunes it learnt from
suited = [tune for collection in collections.values() for tune in collection if suits_a_melody_model(tune, grid)]
sides = split_pieces(suited, valid=0.05, test=0.05, seed=melody.card["split"]["seed"])
assert [len(sides.train), len(sides.test)] == [melody.card["split"][side] for side in ("train", "test")]


def steps_of(numbers):
    """Encode tunes in sixteenths, as the network reads them: inputs and targets of each."""
    pieces = encode_pieces([suited[i] for i in numbers], grid)
    return [(grid.inputs(p.tokens, p.time_signature), np.append(p.tokens, 0)) for p in pieces]


asked = steps_of(sides.test[::5])
learnt = {suited[i] for i in sides.train}
seen_by_it = sum(tunes[i] in learnt for i in split.test)
print(f"our {len(split.test)} held-out fiddle tunes: the network saw {seen_by_it} of them in training")
print(f"{len(suited):,} tunes, {len(sides.train):,} to learn from; we ask about {len(asked)} of {len(sides.test)} held out")

# %% [markdown]
# The network reads a tune in steps of a sixteenth, and knows the place in the bar and the metre. So does this
# chain, and it gets the same two facts (columns 1 and 2 of the inputs).
#
# Take care: this is another chain than that of section 3. There the order counted **notes**, here it counts
# **sixteenths**. Four sixteenths hold only one or two notes (the cell prints the average), so a chain of four
# sixteenths knows far less than a chain of four notes. To keep them apart, the rows below say "sixteenths".

# %%
start = perf_counter()
longest_chain = Markov(grid.size, 6, columns=(1, 2)).fit(steps_of(sides.train))
counting = perf_counter() - start  # seconds; we come back to it
in_four = sum(len(suited[i]) for i in sides.train) / sum(suited[i].duration for i in sides.train)
print(f"four sixteenths (a quarter) hold {in_four:.1f} notes on average\n")
models = {f"chain, {n} sixteenth{'s' * (n > 1)}": longest_chain.shortened(n) for n in (1, 2, 4, 6)}
models["LSTM"] = melody.stream()
nats = {name: np.concatenate([m.nats(*rows) for rows in asked]).mean() for name, m in models.items()}
for name, value in nats.items():
    print(f"{name:19} {value:.2f} nats a step")
assert nats["LSTM"] < min(value for name, value in nats.items() if name != "LSTM") - 0.2

# %% [markdown]
# The network is clearly less surprised by tunes it has never seen than any of the chains. Does it pay for that with
# copying? And how about form: real tunes come back to a bar that was there before. Let the best chain and the
# network write 12 tunes of 16 bars each, in 4/4, and compare with the held-out tunes of that kind.

# %%
from musiclab.generation import sample_tokens


def repeated(tune):
    """Return the share of a tune's 16 bars that equal an earlier one, note for note."""
    bars = [tune.slice(4 * n, 4 * n + 4).notes.tobytes() for n in range(16)]
    return np.mean([bar in bars[:n] for n, bar in enumerate(bars)])


def sixteen_bars(model, seed):
    """Let a model write 16 bars of 4/4."""
    return grid.decode(np.fromiter(sample_tokens(model, grid, 64, stop=False, seed=seed), dtype=np.int32))


library = "\n".join(letters(notes_of(suited[i])) for i in sides.train)
real = [suited[i].slice(0, 64) for i in sides.test if suited[i].time_signature == (4, 4) and suited[i].duration >= 64]
written = {"real, held out": real}
written |= {name: [sixteen_bars(models[name], seed) for seed in range(12)] for name in ("chain, 4 sixteenths", "LSTM")}
table = {}
print("                     nats   runs of 8 in training   longest   bars repeated")
for name, pieces in written.items():
    share, longest = copying([notes_of(piece) for piece in pieces], library)
    table[name] = (share, np.mean([repeated(piece) for piece in pieces]))
    value = f"{nats[name]:.2f}" if name in nats else "    "
    print(f"{name:19}  {value} {share:16.0%} {longest:16d} {table[name][1]:15.0%}")
assert table["LSTM"][0] < table["real, held out"][0] and table["LSTM"][1] < 0.05 < table["real, held out"][1]

# %% [markdown]
# Read the table line by line.
#
# - **Better:** the network guesses best by far. And it does not do so by quoting: about one in nine of its runs
#   stand in the training tunes. That is more than the chain of four sixteenths quotes, which guesses worse, but much
#   less than real tunes have in common. (The chain of order 4 in section 3 quoted far more, for it looked back four
#   whole notes.)
# - **Not better:** real tunes come back to their bars, one bar in five is an old one. Neither the chain nor the
#   network does that. They write one plausible bar after the other and have no plan. The composer of the dice game
#   had one.
#
# You may have read that networks write more inventive music than rules do. The table says something smaller and
# firmer: they know better what is likely to come next.
#
# Hear the chain of four sixteenths and the network, six bars each.

# %%
for name in ("chain, 4 sixteenths", "LSTM"):
    tune = replace(written[name][4].slice(0, 24), title=name)
    print(show.describe(tune))
    display(show.sound(tune))

# %% [markdown]
# What does it cost? Guess how much longer the network took to train than the chain to count. And can you ask them
# why? The cell looks up what the chain of four notes (order 4 of section 3) has after the opening of one of its own
# training tunes, and then a few of the weights of the network.

# %%
minutes = melody.card["training"]["minutes"]
print(f"the LSTM: {minutes} minutes of training on two cores, and {sum(w.size for w in melody.weights.values()):,} weights")
print("at least 20 times as long as counting took here:", 60 * minutes > 20 * counting)
past = tuple(train[0][:4])
print("a training tune opens with", *(pitch_name(p) for p, _ in past), end="; ")
print("the chain of four notes has", *(f"{pitch_name(p)} (seen {n} x)" for (p, _), n in Counter(chains[4][past]).items()))
some = next(iter(melody.weights.values())).ravel()[:6]
print("the answer of the LSTM is spread over weights such as", *(f"{weight:.2f}" for weight in some), "...")

# %% [markdown]
# - **Worse:** it takes long to train and much data. And you can ask a chain why: its entry says what followed those
#   notes, and how often. A network's answer is spread over all its weights, none of which has a name.
#
# So there is no winner for every purpose. To get new waltzes that are always right, take the dice. To try an idea
# on a few tunes, count. To get a model that knows what is likely in music that it never saw, train a network: that
# is the rest of this course.
#
# ### Exercise 1.4 · Your own dice game (open)
#
# The print of 1793 has eleven bars for each place. A collection of tunes has as many as it has tunes! Write
# `my_game(tunes, rng)`. It gets a list of scores, all in the same metre and at least 8 bars long, and a random
# generator `rng`. It returns a score of 8 bars in which bar 1 is bar 1 of one of the tunes, bar 2 is bar 2 of one
# of them, and so on. How you choose is up to you: throw dice (`rng.integers(len(tunes))`), or prefer bars that join
# well to the one before. `tune.slice(start, end)` cuts out a bar, and `tune.bar_length` is how long a bar is.


# %%
def my_game(tunes, rng):
    """Return a score of 8 bars, each taken from the same place of one of the tunes."""
    ...


# %%
check("1.4", my_game)

# %% [markdown]
# To hear it, try `show.sound(my_game([t for t in tunes if t.time_signature == (6, 8) and t.duration >= 24],
# np.random.default_rng(1)))` in a cell of your own.

# %% [markdown]
# ## Quiz
#
# What do you still know? Answer, then press Check: each answer is explained.

# %%
from musiclab.widgets.quiz import Quiz

Quiz(1)

# %% [markdown]
# ## In this lesson you saw
#
# - music by recipe is old: rules, dice, counting, networks; each step gave more of the work to the machine,
# - the dice game: the eleven bars of a column rest on the same chord; the composer made the plan, and chance the
#   ornament,
# - a Markov chain counts what follows what; a chain of notes sounds better with a higher order, copies more, and
#   from order 3 (three notes) on guesses new tunes worse,
# - deep learning: layers of simple arithmetic, weights that follow the slope of a loss; with long contexts it beats
#   counting, with few tunes it does not,
# - the LSTM guesses best and copies less than real tunes do, but it is slow to train, cannot say why, and has no
#   plan.
#
# ## Where to read on
#
# - Lejaren Hiller and Leonard Isaacson, *Experimental Music* (1959): how the Illiac Suite was made.
# - Peter Todd, "A Connectionist Approach to Algorithmic Composition", *Computer Music Journal* 13 (1989).
# - David Cope, *Virtual Music* (2001), begins with the dice game and ends with a program that writes in anybody's
#   style.
# - Jean-Pierre Briot, Gaëtan Hadjeres, François-David Pachet, *Deep Learning Techniques for Music Generation*
#   (2020).
#
# **Next:** lesson 02, Music as data.
