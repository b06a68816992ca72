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
# # 13 · Music for you
#
# Can a machine learn what you like? You hear two short pieces and choose one; then two others. After fifteen choices
# it makes pieces for you. In this lesson you see what it learns, how sure it may be, and where it goes wrong, on listeners
# whose taste you know because you made it up. Then it is your turn. What it knows of you is one file, and you can delete it.
#
# You will be able to:
#
# - describe a piece by features, each with a plain name for both its ends;
# - learn a taste from choices by the model of Bradley and Terry, with its uncertainty;
# - steer a model towards a taste, and say what that does to its distribution;
# - measure whether it worked, and how much variety it cost;
# - read, correct and delete what is stored about you.
#
# Time: about 45 minutes, and 40 more for the exercises. The cells themselves run in less than a minute. Begin with your ears:
# which one do you like better? Remember your choice.

# %%
import json
import tempfile
from pathlib import Path

import numpy as np
from IPython.display import display
from matplotlib.figure import Figure

from musiclab import check, hint, load_bundle, read_score, show, solution
from musiclab.taste import FEATURES, Taste, delete_profile, made_for, steer, unsteered, variety

jig = read_score("../data/tunes/irish_washerwoman.abc").slice(0, 24)
song = read_score("../data/tunes/greensleeves.abc").slice(0, 24)
for score in (jig, song):
    print(show.describe(score))
    display(show.sound(score))

# %% [markdown]
# ## 1 · What can be heard
#
# You did not choose a file but something in it: it was lively, or sad, or it leapt. `FEATURES` has eight such things. Each
# is a measure, most of them from lesson 09, and has a word for its low and its high end. How much is "much"? That
# takes a yardstick: 256 pieces that the melody model writes by itself. A feature is counted from their mean, in their standard
# deviations: 0 is usual, 1 is more than five of six pieces have. Speed counts
# notes per quarter, whatever the tempo: a tempo is chosen by whoever plays. Guess in which three features the two tunes differ
# most.

# %%
melody = load_bundle("melody")
usual = unsteered(melody, 256, seed=1)  # 8 bars of 4/4 each
taste = Taste(usual)
print(f"{'':48}  jig  song")
for feature, x, y in zip(FEATURES, taste.standard(jig), taste.standard(song), strict=True):
    print(f"{feature.name:7} {feature.low:>16} … {feature.high:21} {round(x, 1) + 0:+.1f}  {round(y, 1) + 0:+.1f}")
x = np.array([taste.standard(score) for score in usual])
assert np.abs(x.mean(axis=0)).max() < 0.1 and np.abs(x.std(axis=0) - 1).max() < 0.15

# %% [markdown]
# What is not in this list, the machine cannot hear. It does not know words, memories, or who sang it to you. (A value is cut at
# 3 deviations, so that one odd piece does not decide everything.)
#
# ## 2 · A choice is a clue
#
# A taste is a **weight** for each feature: positive if you like its high end, negative for the low one, 0 if it does not
# matter. The sum of weights times features is the **utility** $u = w \cdot x$ of a piece. You do not always take
# the piece with more utility; the larger the difference, the more often you do. That is the model of Bradley and Terry (1952):
#
# $$P(a \text{ rather than } b) = \sigma(w \cdot (x_a - x_b)) \qquad \sigma(z) = \frac{1}{1 + e^{-z}}$$
#
# It is the logistic regression of a difference. Somebody has the weight 1 for liveliness and 0 for all else.
# How often do they take a piece that is 1, 2 or 4 deviations livelier? Guess.


# %%
def sigmoid(z):
    """Return the logistic function."""
    return 1 / (1 + np.exp(-z))


for difference in (0, 1, 2, 4):
    print(f"{difference} deviations livelier: taken in {sigmoid(1.0 * difference):.0%} of the cases")
assert sigmoid(0) == 0.5 and sigmoid(1) + sigmoid(-1) == 1

# %% [markdown]
# ### Exercise 13.1 · The chance of a choice
#
# Write `chance(weights, a, b)`: how probable it is that a listener with these weights takes piece `a` rather than `b`. All
# three are float arrays of the same length. A difference of a thousand logits must not bring a warning: there is a form of
# $\sigma$ with `np.tanh` that does not overflow, $\sigma(z) = (1 + \tanh(z / 2)) / 2$.
# `chance(np.array([1.0]), np.array([2.0]), np.array([1.0]))` is 0.731.


# %%
def chance(weights, a, b):
    """Return the probability of taking a rather than b, by the model of Bradley and Terry."""
    ...


# %%
check("13.1", chance)

# %% [markdown]
# ## 3 · One weight, by hand
#
# Now backwards: from choices to the weight. Before any choice you believe that a weight is somewhere around 0: a normal
# distribution of width 1, the **prior**. Each choice multiplies what you believe of each weight with the probability that
# this weight gives to the choice. (Bayes' rule.) With one weight you can do it on a grid. The listener below has the weight 1.5.
# Guess how wide the belief is after 15 choices, if it was 1 before.

# %%
rng = np.random.default_rng(3)
grid = np.linspace(-4, 4, 801)
belief = np.exp(-(grid**2) / 2)
differences = rng.normal(0, 2**0.5, 15)  # of one feature, between two usual pieces
figure = Figure(figsize=(7, 3), dpi=90, facecolor="white", layout="constrained")
axes, widths = figure.subplots(), {}
for number in range(16):
    if number:
        d = differences[number - 1]
        d = d if rng.random() < sigmoid(1.5 * d) else -d  # winner minus loser
        belief = belief * sigmoid(grid * d)
    belief = belief / belief.sum()
    if number in (0, 3, 15):
        mean = belief @ grid
        widths[number] = (belief @ (grid - mean) ** 2) ** 0.5
        axes.plot(grid, belief * 100, ls={0: ":", 3: "--", 15: "-"}[number], color="black", label=f"after {number} choices")
        print(f"after {number:2} choices: {abs(mean):.1f} ± {widths[number]:.1f}")
axes.axvline(1.5, color="#d55e00", lw=1)
axes.set(xlabel="weight (the line: the truth)", ylabel="belief, % a step")
axes.legend(frameon=False)
assert widths[15] < widths[3] < widths[0]
show.Picture(figure, axes, "Belief about one weight after 0, 3 and 15 choices: it narrows and moves towards the truth, 1.5.")

# %% [markdown]
# It narrows slowly. A choice is one bit at most, and a choice that anyone would make tells next to nothing.
#
# ### Exercise 13.2 · Belief on a grid
#
# Write `posterior(differences, grid)`: `differences` are winner minus loser of one feature, a float array, `grid` are weights.
# Return the belief on the grid, starting from the prior $e^{-w^2/2}$, so that it sums to 1. It has to survive 2,000
# choices: a product of 2,000 probabilities is 0 in floating point. Add logarithms, and subtract the largest before `np.exp`.


# %%
def posterior(differences, grid):
    """Return the belief about one weight on a grid, after choices with these differences."""
    ...


# %%
check("13.2", posterior)

# %% [markdown]
# ## 4 · Eight weights, and which pair to ask
#
# A grid over eight weights would have more points than there are atoms in you. So `Taste` looks for the top of the belief by
# Newton's method, and takes the normal distribution that has the same curvature there: **Laplace's approximation**. What it
# believes is then a mean and a covariance.
#
# And it need not ask at random. `next_pair` takes the two pieces of a pool whose comparison is expected to reduce the
# uncertainty most. Here is a listener whom you can see through: they like lively music, in minor, moving by leap, and
# the rest means nothing to them. They choose by chance, as the formula says. Guess: will 15 choices do?

# %%
truth = np.array([2, 0, -2.5, 1, 0, 0, 0, 0])
rng = np.random.default_rng(5)


def prefers(weights, first, second):
    """Let a listener choose, by chance; return (winner, loser)."""
    takes = rng.random() < sigmoid(weights @ (taste.standard(first) - taste.standard(second)))
    return (first, second) if takes else (second, first)


learned, pool = Taste(usual), unsteered(melody, 64, seed=2)
for _ in range(15):
    pair = learned.next_pair(pool)
    pool = [score for score in pool if score not in pair]
    learned.choose(*prefers(truth, *pair))
print("\n".join(learned.words()))
assert learned.mean[0] > 0.3 and learned.mean[2] < -0.3
wrong = [f.name for f, w, line in zip(FEATURES, truth, learned.words()[1:], strict=True) if w == 0 and "probably" in line]
assert wrong == ["rhythm", "return"]

# %% [markdown]
# That is what it believes, in words. Two of the "probably" are wrong: rhythm and return mean nothing to this listener. 80 % sure
# is wrong in one case of five even if the direction matters; and "it does not seem to matter" is seldom found in 15 choices.
# "Cannot tell yet" is an answer, too. Now compare with the truth, which no real
# listener would show you. Dots are what is believed, with two standard deviations to either side; crosses are the truth.

# %%
deviation = np.sqrt(np.diag(learned.covariance))
figure = Figure(figsize=(7, 3.2), dpi=90, facecolor="white", layout="constrained")
axes = figure.subplots()
axes.errorbar(learned.mean, range(8), xerr=2 * deviation, fmt="o", color="#0072b2", capsize=3, label="believed")
axes.plot(truth, range(8), "x", color="#d55e00", ms=9, mew=2, label="truth")
axes.axvline(0, color="#707070", ls=":")
axes.set_yticks(range(8), [f"{f.low} … {f.high}" for f in FEATURES])
axes.set(xlabel="weight", ylim=(7.5, -0.5))
axes.legend(frameon=False)
inside = np.abs(truth - learned.mean) < 2 * deviation
print(f"{inside.sum()} of 8 true weights lie within two deviations")
assert inside.sum() >= 6 and (np.abs(learned.mean) < np.abs(truth))[truth != 0].all()
show.Picture(figure, axes, "Eight weights, believed with error bars, and the truth: most of the truth lies within the bars.")

# %% [markdown]
# The three weights that are not 0 are believed to be smaller than they are: 15 choices cannot pull them further from the
# prior. The bars are a little too short (of those meant for 95 %, 91 % hold the truth: `benchmarks/taste.py`). For choosing
# between pieces the direction matters most.
#
# ## 5 · Steering
#
# How does a taste get into music? The model writes many pieces, and from these some are drawn, with a chance
# proportional to $e^{s\,u}$, where $u$ is the utility that is expected and $s$ the strength. If the model writes a piece with
# probability $p(x)$, what you hear comes from $p(x)\,e^{s\,u(x)}$. So the model still decides what is music, and the taste only
# makes some of it likelier. `made_for` writes 512 and draws with strength 3. Here are one that was made for our listener and
# one that was not, in an order by chance. Which is which? The cell after this one tells.

# %%
made = made_for(melody, learned, 24, seed=3)
fresh = unsteered(melody, 24, seed=4)
order = np.random.default_rng(13).permutation(2)
for k in order:
    display(show.sound((fresh[0], made[0])[k]))

# %% [markdown]
# The judge here is the listener, not the machine: the true weights, on pieces that are new. How often do they take a piece that
# was made for them rather than one that was not? Before any choice it would have been half.

# %%
print("made for our listener: the", ("first one", "second one")[list(order).index(1)])
utility = {name: np.array([truth @ taste.standard(s) for s in part]) for name, part in (("made", made), ("fresh", fresh))}
apart = utility["made"][:, None] - utility["fresh"]  # of each made piece from each fresh one
print(f"more utility than an unsteered piece: {np.mean(apart > 0):.0%} of the made ones")
print(f"the listener would choose them, by chance as always: {sigmoid(apart).mean():.0%}")
assert sigmoid(apart).mean() > 0.75

# %% [markdown]
# With 48 listeners of different tastes, it is 88 % of the choices after 15 choices, and 49 % after none
# (`benchmarks/taste.py`).
#
# ### Exercise 13.3 · Steer
#
# Write `steered(utilities, strength)`: the probability with which each candidate should be drawn, from a float array of
# utilities. With strength 0 all are equally likely. Utilities may be as large as 1,000.


# %%
def steered(utilities, strength):
    """Return the probability of drawing each candidate: proportional to exp(strength * utility)."""
    ...


# %%
check("13.3", steered)

# %% [markdown]
# ## 6 · The bubble
#
# Steer harder, and the listener gets more of what they like. And of what else? The table measures four strengths on the same
# candidates: how often the listener chooses what was drawn; how far apart two of the pieces are, in deviations; and how
# many of 24 are calmer than usual, which this listener likes less, but not never. (24 pieces are few: without steering the first
# figure is a half only on average.) Guess the last column.

# %%
candidates = unsteered(melody, 512, seed=3)
rows = []
for strength in (0, 1, 3, 30):
    drawn = steer(candidates, learned, 24, strength=strength, seed=3)
    u = np.array([truth @ taste.standard(score) for score in drawn])
    calm = sum(taste.standard(score)[0] < 0 for score in drawn)
    rows.append((strength, sigmoid(u[:, None] - utility["fresh"]).mean(), variety(drawn, learned), calm, drawn))
    _, chosen, various, _, _ = rows[-1]
    print(f"strength {strength:2}: chosen {chosen:.0%}, distance {various['distance']:.2f}, {calm} of 24 calmer than usual")
assert rows[3][1] > rows[0][1] and rows[3][2]["distance"] < rows[0][2]["distance"] and rows[3][3] < rows[0][3]

# %% [markdown]
# At the highest strength the pieces still differ from each other: `steer` refuses near copies, and 512 candidates are many.
# But what lies on the other side is all but gone. A listener who never hears calm music again cannot find out
# that today they would like it. That is a **filter bubble**, and it is in the numbers before anyone notices.
#
# What else can go wrong? Somebody may have a taste that no weighted sum can express. This one likes the middle: neither calm nor
# lively, neither low nor high. Guess what 15 choices make of that.


# %%
def likes_the_middle(score):
    """Return the utility of a piece for somebody who likes what is usual."""
    return -np.square(taste.standard(score)).sum() / 2


fooled, pool = Taste(usual), unsteered(melody, 64, seed=6)
for _ in range(15):
    first, second = pair = fooled.next_pair(pool)
    pool = [score for score in pool if score not in pair]
    takes = rng.random() < sigmoid(likes_the_middle(first) - likes_the_middle(second))
    fooled.choose(*(pair if takes else pair[::-1]))
theirs = np.array([likes_the_middle(score) for score in made_for(melody, fooled, 24, seed=7)])
others = np.array([likes_the_middle(score) for score in fresh])
middle = sigmoid(theirs[:, None] - others).mean()
width = np.sqrt([np.diag(part.covariance).mean() for part in (learned, fooled)])
print(f"chosen: {middle:.0%}; it believes of {sum('like it' in line for line in fooled.words())} features that they matter")
print(f"how sure it thinks it is, as the width of its belief: {width[1]:.1f}; with the first listener {width[0]:.1f}")
assert middle < 0.6 and width[1] < 1.2 * width[0]

# %% [markdown]
# What it makes is no better than what the model writes by itself, and it does not know: its belief is hardly wider than before.
# Uncertainty is about the weights, *given* the model. That the model does not fit, only the listener's judgement shows. So
# ask them.
#
# ### Exercise 13.4 · A feature of your own
#
# What should it listen for? Write `my_feature(score)`, a number for a melody, that hears something new. The check asks
# that it is finite for each of its melodies, is not the same for all, does not look at the title or the tempo, and is not
# one of the eight in disguise: its correlation with each of them stays below 0.9. Ideas: rests, repeated notes, the last
# note, how many notes fall on a beat. `score.notes` has the fields `onset`, `duration` and `pitch`. Pitches are small
# unsigned numbers: write `.astype(int)` before you subtract.


# %%
def my_feature(score):
    """Return a number that says something about a melody which the eight features do not."""
    ...


# %%
check("13.4", my_feature)

# %% [markdown]
# ## 7 · Your profile is a file
#
# Everything that is known about a listener lies in one text file: the pieces of each choice, the corrections, what is
# usual. No name, no time. Here is the beginning of our listener's.

# %%
folder = Path(tempfile.mkdtemp())
profile = learned.save(folder / "profile.json")
lines = profile.read_text().splitlines()
print("\n".join(line[:68] for line in lines[:6]))
print(f"… {len(lines)} lines in all, one for each of {len(learned.evidence)} choices")
assert sum(line.startswith('  {"kind": "choice"') for line in lines) == len(learned.evidence) == 15
assert Taste.load(profile).evidence == learned.evidence

# %% [markdown]
# You may change it, in an editor or with `correct`. Your own word outweighs whatever was learned: the prior of that weight
# becomes narrow, around what you said. Our listener now says that speed does not matter to them. What happens to the others?

# %%
corrected = Taste.load(profile)
corrected.correct("speed", 0)
for name, k in (("speed", 0), ("mode", 2), ("motion", 3)):
    print(f"{name:7} before {learned.mean[k]:+.1f}, after {round(corrected.mean[k], 1) + 0:+.1f}")
print(corrected.words()[1])
corrected.save(profile)
assert json.loads(profile.read_text())["corrections"] == {"speed": 0.0}
assert abs(corrected.mean[0]) < 0.1 and (np.abs(corrected.mean[[2, 3]]) < np.abs(learned.mean[[2, 3]])).all()

# %% [markdown]
# The choices stay. Some of them were about speed, and without it they look like contradictions; so the weights of mode
# and motion become smaller. And delete is delete:

# %%
print(delete_profile(profile))
print("left in the folder:", list(folder.iterdir()))
assert not profile.exists() and not list(folder.iterdir())

# %% [markdown]
# ## 8 · Your turn
#
# Play both, then choose; the keys 1, 2, l, r and n do it, too, when the two sounds have the focus. "Neither" counts as a
# skip of both, and a piece that you play twice as a replay. Both count a quarter of a choice, for there may be
# other reasons (the phone rang); a quarter is a judgement, not a measurement. Change a menu to correct what it believes.
#
# Nothing is written before you press Save. Then each answer is stored, and whoever runs the cell again goes on from there. The
# first line decides where: as it stands, in a folder that your computer clears some day. Change it, and your profile stays.
# To begin with, the cell chooses three times for you; take that part out for your own profile.

# %%
from musiclab.widgets.taste import MusicForYou

KEEP = folder  # to keep your profile, write Path("work") here; that folder lies beside this notebook
KEEP.mkdir(exist_ok=True)

mine = MusicForYou(melody, KEEP / "my_taste.json", seed=8, least=0)
if not mine.taste.evidence:  # for show; delete these lines to begin with an empty profile
    for _ in range(3):
        livelier = taste.standard(mine.pieces[0])[0] > taste.standard(mine.pieces[1])[0]
        (mine.left if livelier else mine.right).click()
    mine.neither.click()
mine.least = 1.0  # from now on, seconds that a pair must have been there: a double click is no choice
assert len(mine.taste.evidence) >= 5
mine

# %% [markdown]
# A widget is Python. The cell says for you that you like it very lively, and has a piece made; then very calm, and another one.
# Hear both.

# %%
speeds = []
for word in (2.5, -2.5):
    mine.menus["speed"].value = word
    mine.make.click()
    speeds.append(taste.standard(mine.made)[0])
    print(f"{mine.menus['speed'].label}: {speeds[-1]:+.1f} deviations from the usual speed")
    display(show.sound(mine.made))
mine.menus["speed"].value = "learn"
assert speeds[0] > 0 > speeds[1]

# %% [markdown]
# ## 9 · A bundle to take away
#
# Steering leaves the model as it is and throws most of its pieces away. You can also move the model itself: fine-tune it
# (lesson 10) on the pieces that you chose and on 600 that were made for you. What it then writes without steering is more to
# your taste, though less so than what is steered. It takes about a minute, so it is switched off here. Set the first line to
# True when your profile is worth it. There is a danger: the bubble is now in the weights, and whoever fine-tunes again on what
# that model writes narrows it further.

# %%
FINE_TUNE = False

if FINE_TUNE:
    from musiclab.taste import personal_bundle

    bundle = personal_bundle(melody, mine.taste, "music for me")
    bundle.save(KEEP / "music_for_me.bundle")
    print(bundle.describe())
else:
    print("not fine-tuned; your profile alone steers the model:", len(made_for(melody, mine.taste, 2, seed=9)), "pieces")

# %% [markdown]
# ## 10 · Whose data is this?
#
# - **It is yours.** The file lies on your computer, and nothing in this course sends it anywhere.
# - **It is personal, even without a name.** What somebody likes says more than it seems to. Do not collect the
#   profiles of a class without asking, and do not publish them.
# - **Deleting has edges.** What a notebook printed stays in its outputs; a copy stays a copy; a model that was fine-tuned on your
#   choices keeps something of them. Deleting the profile does not change the bundle: delete that, too.
# - **Services do the same with less to see.** Ask of each: what does it believe about me, can I read it, correct it,
#   delete it? In many places you have a right to that.
# - **Who is served?** A taste learned from skips serves whoever wants you not to skip. That is not always you.

# %% [markdown]
# ## Quiz
#
# What do you still know? Answer, then press Check: each answer is explained.

# %%
from musiclab.widgets.quiz import Quiz

Quiz(13)

# %% [markdown]
# ## In this lesson you saw
#
# - A taste is a weight for each feature, and a choice is a clue about their weighted difference (Bradley and Terry).
# - Belief narrows with each choice, and the pair that tells most is worth asking about.
# - Steering draws from $p(x)\,e^{s\,u(x)}$; the listener's own choice on new pieces judges it.
# - The harder you steer, the less is left of the other side. Measure it.
# - A model that does not fit is as sure as one that does.
# - A profile is a file: readable, correctable, deletable.
#
# ## Where to read on
#
# - R. A. Bradley, M. E. Terry: "Rank analysis of incomplete block designs" (1952).
# - N. Houlsby et al.: "Bayesian active learning for classification and preference learning" (2011). Which pair to ask.
# - P. Christiano et al.: "Deep reinforcement learning from human preferences" (2017). The same model, with a network for the
#   features.
# - E. Pariser: "The Filter Bubble" (2011).
#
# ## Next
#
# Lesson 14 looks ahead: the limits, the rights, and what comes after the LSTM.
