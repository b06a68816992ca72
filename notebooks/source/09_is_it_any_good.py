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
# # 09 · Is it any good?
#
# A model can write music all night. Is any of it good, and is it the model's own? Numbers help only if you know what they
# cannot see. So before a measure judges a model here, it has to pass a test itself.
#
# You will be able to:
#
# - try a measure on controls, and say when a number means nothing;
# - say how sure a mean is, and read a table of measures with its intervals and warnings;
# - find the temperature at which a model's statistics come closest to Bach's;
# - show what a piece has copied, beside the bars it was copied from;
# - run a blind listening test, alone or with a class, and report it honestly.
#
# Time: about 50 minutes, and 40 more for the exercises. The cells themselves run in about a minute, once music21's
# chorales have been read. Begin with your ears: one of these two is Bach's,
# the other is by the model of lesson 08. Both are moved to one height and played at one speed. Which is which?

# %%
import csv

import numpy as np
from IPython.display import HTML, display

from musiclab import Score, check, generate_many, hint, load_bundle, load_corpus, show, solution
from musiclab.evaluation import compare, grid_of, markov_pieces, pitch_class_entropy, shuffled
from musiclab.listening import excerpt

PROFILE = "class"  # "full": all held-out chorales in 4/4, and as many by the model; some three minutes
VOICES = ("soprano", "alto", "tenor", "bass")
COUNT = 24 if PROFILE == "class" else 63

corpus = load_corpus("bach-chorales")
with open("../data/chorale_split.csv", encoding="utf-8", newline="") as file:
    side_of = {row["source"]: row["split"] for row in csv.DictReader(file)}
sides = {side: [] for side in ("train", "valid", "test", "near", "unmatched")}
for score, source in zip(corpus, corpus.sources, strict=True):
    sides[side_of[source]].append(score)
training = sides["train"] + sides["unmatched"]
bach = [s for s in sides["valid"] if s.time_signature == (4, 4)][:COUNT]  # none of them was learned from
chorale = load_bundle("chorale")
model = generate_many(chorale, COUNT, 80, seed=1)  # temperature 1

first_two = [excerpt(bach[5], quarters=24), excerpt(model[2], quarters=24)]
coin = np.random.default_rng(909).permutation(2)
for letter, which in zip("AB", coin, strict=True):
    print(letter)
    display(show.sound(first_two[which]))

# %% [markdown]
# Decide, and keep your answer. You find out at the end of this section.
#
# ## 1 · A number that hears nothing
#
# Can a number decide it? One that is often reported is the *pitch-class entropy*: count how often each of the twelve
# pitch classes occurs (octaves left out), and take the entropy of the shares, $-\sum_k p_k \log_2 p_k$, in bits. One
# pitch class alone gives 0; all twelve equally often give 3.58. Music in a key lies between.
#
# A measure must first be tried on music that is certainly worse. `shuffled` takes a chorale and puts the pitches of each
# voice in a random order: the same notes, the same rhythm, no music. Guess the third line.

# %%
controls = {"shuffled": [shuffled(score, seed) for seed, score in enumerate(bach)]}
for name, scores in {"Bach": bach, "model": model, **controls}.items():
    print(f"{name:9} {np.mean([pitch_class_entropy(score) for score in scores]):.2f} bits")
assert all(np.isclose(pitch_class_entropy(a), pitch_class_entropy(b)) for a, b in zip(bach, controls["shuffled"], strict=True))
display(show.sound(controls["shuffled"][5].slice(0, 16)))
show.notation(controls["shuffled"][5], bars=(1, 4), labels=VOICES)

# %% [markdown]
# The shuffled chorale gets Bach's number to the last digit, because the measure does not look at order. Whatever the model
# scores, this measure can tell you that it uses the pitch classes as Bach does, and nothing about whether it is music.
#
# Such music is called a **control**. What cannot tell Bach from a control cannot judge a model.
#
# And your two pieces? The answer is folded up below. Decide first.

# %%
answer = " and ".join(f"{letter} is {('Bach', 'the model')[which]}" for letter, which in zip("AB", coin, strict=True))
HTML(f"<details><summary>Show</summary>{answer}.</details>")

# %% [markdown]
# One answer proves nothing: a coin is right half of the time. Section 8 does it properly.
#
# ### Exercise 9.1 · Steps
#
# A measure that does look at order: melodies move mostly by step. Write `small_steps(pitches)` for one melody, a list of
# MIDI pitches: which share of its *moves*, up or down, is one or two semitones wide? Give a number from 0 to 1, not rounded. A
# repeated note is no move. `small_steps([60, 62, 62, 69, 67])` is 2/3. A melody with no move at all has the share 0.


# %%
def small_steps(pitches):
    """Return the share of a melody's moves that are one or two semitones wide."""
    ...


# %%
check("9.1", small_steps)

# %% [markdown]
# ## 2 · Two controls and a first table
#
# Shuffling destroys everything at once. A better control is nearly music: **Markov** models as in lesson 01, one for
# each voice, counted in the training chorales. Each looks back two sixteenths and knows the place in the bar; no voice
# knows what the others sing. Listen to it, and then guess which measures see through it. Some of their names:
#
# - *notes in one scale*: of all notes, in the scale that fits best; *steps* and *leaps*: one or two semitones, a fourth
#   or more; *duration entropy*: like pitch-class entropy, of the lengths of notes
# - *groove consistency*: how alike neighbouring bars are in where notes begin; *repeated bars*, *longest repeat*: what comes
#   a second time, note for note
# - *parallel* and *hidden* fifths and octaves, *leading notes*: section 4; *voice overlaps*: a voice moves beyond where its
#   neighbour has just been; *voices crossed*: a voice sounds above its upper neighbour; *wide spacing*: more than an octave
#   between two neighbours of the upper three voices
# - *told from Bach*: how often a classifier that knows all of these numbers tells a piece from one of Bach's; section 5
#
# In brackets stands how sure the mean is; section 3 explains it. A measure cannot *tell* Bach from a control if the
# difference of their means might as well be 0, and is then marked with (!).

# %%
controls["Markov"] = markov_pieces(training, COUNT, quarters=64, seed=1)
display(show.sound(controls["Markov"][0].slice(0, 16)))
first = compare({"Bach": bach, **controls}, real="Bach", controls=list(controls))
print(len(first.blind), "of", len(first.rows), "measures are blind to a control")
assert "pitch-class entropy" in first.blind and "steps among moves" not in first.blind
first

# %% [markdown]
# The lines with (!) are crossed out for judging quality: shuffled or Markov music passes for Bach there. They may still
# *describe* how music differs ("it has fewer notes"), but closer is not better by them. Most look at which notes there
# are, how many, or where in the bar. Two look at longer stretches and are blind all the same: shuffling keeps the
# rhythm, so *groove consistency* cannot change, and *repeated bars* are rare in Bach, too. What is left sees the order
# of notes, or the voices against each other.
#
# Being blind to *these* controls with *these* pieces is a statement about this experiment. With more pieces an interval
# shrinks, and a small difference may show.
#
# ## 3 · How sure is a mean?
#
# Where do the intervals come from? You have 24 chorales, and wish to know the mean over all that could have been
# there. The **bootstrap** plays that game with what you have: draw 24 from the 24, *with replacement*, so that some
# come twice and some not at all; take the mean; do that two thousand times. The middle 95 % of these means are the interval.
# Guess: how much wider is it with 6 pieces in place of 24?

# %%
from musiclab.evaluation import bootstrap_means

steps = first.values["steps among moves"]["Bach"]
for count in (6, 12, 24):
    means = bootstrap_means(steps[:count])
    low, high = np.percentile(means, [2.5, 97.5])
    print(f"{count:2} pieces: mean {steps[:count].mean():.1f} %, interval {low:.1f} to {high:.1f}, width {high - low:.1f}")
widths = [np.ptp(np.percentile(bootstrap_means(steps[:count]), [2.5, 97.5])) for count in (6, 24)]
assert widths[0] > 1.3 * widths[1]

# %% [markdown]
# Four times the pieces, and less than half the width. In the long run the width falls with the square root of the
# number. A table of a model's six best samples, without intervals, tells you about six samples.
#
# ### Exercise 9.2 · An interval of your own
#
# Write `interval(values, rng)`: the 95 % bootstrap interval of the mean, `(low, high)`, from 2000 drawn sets, each of as
# many values as there are. `values` is a float array (n,) of any length, `rng` a NumPy Generator: draw with it alone, so that the
# same `rng` gives the same interval.


# %%
def interval(values, rng):
    """Return the 95 % bootstrap interval of the mean of the values."""
    ...


# %%
check("9.2", interval)

# %% [markdown]
# ## 4 · What teachers mark in red
#
# Some measures come from a teacher's red pen. The best known: **parallel fifths**. Two voices a fifth apart that move
# on together to the next fifth sound like one thick voice, and the chorale is one voice poorer. Here are three chords;
# between which two is the fault? `voice_leading` counts such things between all pairs of voices at once.

# %%
from musiclab.evaluation import voice_leading

chords = [(72, 67, 64, 48), (74, 69, 65, 50), (71, 67, 62, 55)]
three = Score([(2 * i, 2, p, v) for i, chord in enumerate(chords) for v, p in enumerate(chord)], title="Three chords")
for step in (0, 1):
    found = voice_leading(grid_of(three)[8 * step : 8 * step + 16])
    print(f"chord {step + 1} to {step + 2}:", {name: n for name, n in found.items() if n and name != "changes"})
assert voice_leading(grid_of(three)[:16])["parallel fifths"] == 1 == voice_leading(grid_of(three)[:16])["parallel octaves"]
show.notation(three, labels=VOICES)

# %% [markdown]
# Alto and bass go from C–G to D–A: fifths; soprano and bass from C to D: octaves. Into the third chord the bass rises while
# the others fall, and no fifth or octave follows another.
#
# Does Bach ever do that? Guess first, then read how often it happens in 100 changes of a chord, and how often with
# three other rules. (*Leading note*: the major third of a chord whose bass then rises a fourth or falls a fifth, as at
# a close; it should rise a semitone. *Hidden*, in the tables: the outer voices move in the same direction into a fifth
# or octave, the upper one by a leap.)

# %%
craft = ["parallel fifths", "parallel octaves", "voices crossed", "wide spacing", "leading notes unresolved"]
judged = compare({"Bach": bach, "model": model, **controls}, real="Bach", controls=list(controls))
show.intervals(judged.rows, craft, real="Bach", units=judged.units, title="Four-voice craft")

# %% [markdown]
# A rule is a habit with a name. Bach leaves half of the leading notes "unresolved", mostly where an inner voice drops from
# it to fill the chord, and he lets voices cross. So the yardstick for a model is Bach's own figure (the grey band) and not
# zero. Where are the model's parallels? The cell finds the first piece that has one and shows the bar.

# %%
from musiclab.evaluation import find_parallels

faults = [find_parallels(score) for score in model]
print(f"{np.mean([not found for found in faults]):.0%} of the model's pieces have none.")
first_one = next(number for number, found in enumerate(faults) if found)
guilty, (place, kind, upper, lower) = model[first_one], faults[first_one][0]
bar, beat = int(place // 4) + 1, place % 4 + 1
print(f"Here are {kind} between {VOICES[upper]} and {VOICES[lower]}; the second arrives in bar {bar}, beat {beat:g}.")
display(show.sound(guilty.slice(max(0, 4 * bar - 8), 4 * bar)))
show.notation(guilty, bars=(max(1, bar - 1), bar), labels=VOICES)

# %% [markdown]
# ## 5 · One model, four temperatures
#
# Lesson 07 left open which temperature is right. Now you can ask. The cell writes chorales at four temperatures and
# measures all of them against Bach. Guess what changes most when the temperature falls.

# %%
temperatures = (0.6, 0.8, 1.0, 1.2)
made = {"Bach": bach}
for t in show.progress(temperatures, "Writing chorales"):
    made[f"T = {t}"] = model if t == 1.0 else generate_many(chorale, COUNT, 80, seed=1, temperature=t)
table = compare({**made, **controls}, real="Bach", controls=list(controls), training=training)
table

# %%
some = ["notes in one scale", "notes a quarter", "steps among moves", "parallel fifths", "repeated bars"]
means = {m: {name: table.rows[m][name] for name in made} for m in some}
for measure in ("notes in one scale", "notes a quarter", "repeated bars"):
    print(measure, *(f"  {name}: {means[measure][name][0]:.1f}" for name in made))
assert means["notes in one scale"]["T = 0.6"][1] > means["notes in one scale"]["T = 1.2"][2]
assert means["repeated bars"]["T = 0.6"][1] > means["repeated bars"]["T = 1.2"][2]
show.intervals(means, some, real="Bach", units=table.units, title="By temperature")

# %% [markdown]
# A cold model keeps to the scale, writes fewer notes and repeats itself: at 0.6 about every sixth bar has stood there
# before, in Bach one in fifty. A warm one leaves the scale and leaps more. Parallel fifths tell you little here: there are
# a few in hundreds of changes at any temperature. (An interval of 0.00 to 0.00 only says that none was found: a bootstrap
# cannot draw what never came.) Some of these measures are crossed out above, and may only describe. So there is no best
# direction to turn the knob. The right question is: at which temperature do the statistics come *closest* to Bach's?
#
# Take the mean, over all measures that passed the controls, of how many of Bach's standard deviations the means lie
# apart. And ask a judge who sees all measures at once: the last line of the table. A small classifier learns to tell a
# temperature's pieces from Bach's, and is tested on pieces that it has not seen. A coin would be right in 50 %.

# %% tags=["nbval-ignore-output"]
kept = [m for m in table.rows if m not in table.blind and m not in ("longest copy", "runs of 4 seen before")]
away = {}
for name in made:
    if name != "Bach":
        b, mine = (np.array([np.nanmean(table.values[m][which]) for m in kept]) for which in ("Bach", name))
        spread = np.array([np.nanstd(table.values[m]["Bach"]) for m in kept])
        away[name] = float(np.mean(np.abs(mine - b) / np.where(spread > 0, spread, 1)))
        print(f"{name}: {away[name]:.2f} deviations from Bach; told from Bach in {table.told_apart[name]:.0%} of the cases")
closest = min(away, key=away.get)
print("closest:", closest)
assert closest == "T = 0.8" and table.told_apart["T = 1.2"] > 0.8 > table.told_apart[closest]

# %% [markdown]
# There the model comes closest to Bach's habits, and the judge has the hardest time: it is right in about two of three
# cases, and a coin in half. Give it 63 pieces a side (the full profile), and it is right in three of four. So a figure
# near 50 % would not mean "the same". It means: not told apart, with so many pieces and by these measures.
#
# ## 6 · Likely is not good
#
# There is a judge who has heard more Bach than any of us: the model. Let it listen, and note how *surprised* it is, in
# nats a token (lesson 08). Guess: is the model more surprised by Bach's held-out chorales or by its own at temperature
# 0.6?

# %%
from musiclab.evaluation import calibration, calibration_error, hear

sets = {**made, **controls}
heard = {name: hear(chorale, sets[name][:12]) for name in show.progress(list(sets), "Listening")}
nats = {name: float(np.mean([h.nats.mean() for h in pieces])) for name, pieces in heard.items()}
for name, value in nats.items():
    print(f"{name:9} {value:.2f} nats a token, perplexity {np.exp(value):.2f}")
assert nats["T = 0.6"] < nats["Bach"] < nats["Markov"]

# %% [markdown]
# The controls surprise it greatly, as they should. But at 0.6 its own pieces surprise it *less* than Bach does. If
# likelihood meant quality, they would be better than Bach. What they are is predictable. A set of pieces should
# surprise a good listener about as much as real pieces do. At temperature 1 the model's own pieces surprise it *more*
# than Bach does: a single unlikely choice leads it where it has never been, and from there on everything is less
# certain.
#
# A second use of the same numbers: does the model know how sure it may be? Sort all tokens of Bach's by how likely the
# model held its favourite, and see how often the favourite came. A calibrated model lies on the diagonal. (The
# small numbers say how many tokens a point stands for.)

# %%
said, came, counts = calibration(heard["Bach"])
print(f"calibration error {calibration_error(heard['Bach']):.2f}")
assert calibration_error(heard["Bach"]) < 0.05
show.calibration(said, came, counts)

# %% [markdown]
# ## 7 · Did it copy?
#
# The question that everybody asks first. To answer it, write each piece as a row of chords: what sounds from one change
# to the next, whatever the rhythm. Two runs of chords are the same if all voices move alike, in any key. `longest_copy`
# finds the longest run that a piece shares with any of the training chorales.
#
# How long is too long? Composers quote, too. So measure Bach himself: held-out chorales against the training chorales.
# Guess who copies more, the model or Bach.

# %%
from musiclab.evaluation import longest_copy


def runs_of_twelve(score):
    """Return every run of twelve notes of the soprano as the intervals between them: int array (runs, 11)."""
    steps = np.diff(score.voice(0).notes["pitch"].astype(int))
    return np.lib.stride_tricks.sliding_window_view(steps, 11) if len(steps) >= 11 else np.zeros((0, 11), dtype=int)


copied = {name: table.values["longest copy"][name] for name in ("Bach", closest, "Markov")}
for name, lengths in copied.items():
    middle, high, most = np.percentile(lengths, [50, 95, 100])
    print(f"{name:8} longest run of copied chords: median {middle:.0f}, 95 % at most {high:.0f}, longest {most:.0f}")
sung = {tuple(row) for s in training for row in runs_of_twelve(s)}
shared = sum(any(tuple(row) in sung for row in runs_of_twelve(score)) for score in bach)
print(f"{shared} of the {len(bach)} chorales by Bach share twelve notes of the soprano with a training chorale")
assert np.percentile(copied[closest], 95) <= 8 and np.median(copied["Bach"]) >= np.median(copied[closest])

# %% [markdown]
# Bach shares more with Bach than the model does. Closes and openings are common property; and he set many tunes more
# than once, so that a setting of the same tune may stand among the training chorales: the last line counts how many of
# the held-out ones share twelve notes of their soprano with one. So his figure is a generous yardstick. Now see it: the
# longest run of the piece that copies most, and where it stands in a training chorale, moved to the same key. The
# rhythm may differ; the chords do not.

# %%
pieces = made[closest]
suspect = pieces[int(np.argmax(copied[closest]))]
copy = longest_copy(suspect, training)
source = training[copy.piece].transpose(copy.semitones)
print(f"{copy.chords} chords, from quarter {copy.here[0]:g} on; in {source.title} from quarter {copy.there[0]:g} on")


def passage(score, start, stop, title):
    """Cut out the copied chords alone."""
    return Score(score.slice(start, stop).notes, title=title, key=source.key)


theirs = f"{source.title}, moved by {copy.semitones} semitones"
display(show.notation(passage(suspect, *copy.here, "The model"), labels=VOICES))
display(show.sound(passage(suspect, *copy.here, "The model")))
display(show.notation(passage(source, *copy.there, theirs), labels=VOICES))
show.sound(passage(source, *copy.there, theirs))

# %% [markdown]
# A test that has never caught anybody proves little. So try it on a thief: a "model" that takes eight bars from the
# training pieces, moves them to another key and doubles the note values.

# %%
victim = training[40]
loot = victim.slice(0, 32).notes.copy()
loot["onset"], loot["duration"] = 2 * loot["onset"], 2 * loot["duration"]
thief = Score(loot, title="By the thief").transpose(-2)
caught = longest_copy(thief, training)
print(f"{caught.chords} chords copied from {training[caught.piece].title}, {caught.semitones} semitones moved")
assert training[caught.piece] == victim and caught.chords > 30 and caught.semitones == -2

# %% [markdown]
# What this test cannot see: a copy with one note changed in every bar, a borrowed melody under new chords, a form.
# Absence of long copies is evidence against memorising, and no proof.
#
# ### Exercise 9.3 · The longest copy
#
# For melodies. Write `longest_run(melody, other)`: the number of notes in the longest run of `melody` that also stands
# in `other`, in any key. Both are lists of MIDI pitches. `longest_run([60, 62, 64, 65], [55, 57, 59, 50])` is 3: up
# two, up two. A run has no gaps, and two notes are the same run if their interval, up or down, is the same. One note alone is
# always found, so the least is 1 (0 if either is empty).


# %%
def longest_run(melody, other):
    """Return the length in notes of the longest run that both melodies share, in any key."""
    ...


# %%
check("9.3", longest_run)

# %% [markdown]
# ## 8 · Ask people
#
# In the end music is for listeners. But "listen to this, it's by a computer" is no test: people hear what they are
# told. A **blind test** hides which is which, plays everything on the same instrument, at the same speed and height, in
# random order, and counts.
#
# How often must you be right before it means something? Suppose that you cannot tell, and guess twelve times. Then the
# number of right answers is binomial with $p = 1/2$. Guess the probability of 9 or more by luck alone.

# %%
from math import comb

by_luck = {right: sum(comb(12, k) for k in range(right, 13)) / 2**12 for right in (6, 8, 9, 10, 11, 12)}
for right, p in by_luck.items():
    print(f"{right:2} or more of 12 right by luck: {p:.2%}")
assert by_luck[9] > 0.05 > by_luck[10]

# %% [markdown]
# So 9 of 12 is no evidence by the usual standard of 5 %, and the test below, which asks on both sides, wants 10.
#
# Here is your test: in each of twelve trials a pair, one of them Bach's, the other the model's or (as a check of your
# ears) shuffled. Type a name, listen to both, choose. All of it works with the keyboard. Your votes go into the file
# `work/votes.jsonl` beside this notebook, a line each; if you stop, run the cell again and it goes on where you were. It
# says nothing of right and wrong until you are done.

# %%
from musiclab.listening import ListeningTest
from musiclab.widgets.listening import ListeningRoom

test = ListeningTest({"Bach": bach, "model": made[closest], "shuffled": controls["shuffled"]}, real="Bach", seed=9, quarters=24)
room = ListeningRoom(test, "work/votes.jsonl")
room

# %% [markdown]
# Before you trust a test, try it on listeners whom you know. One simulated listener guesses. One takes the excerpt with
# the larger share of small steps for Bach's. And one is the model of lesson 08: it takes the excerpt that surprises it
# less. Which of the three tells the model from Bach?

# %%
from musiclab.evaluation import small_steps as share_of_steps
from musiclab.listening import Vote, report

rng = np.random.default_rng(0)


def votes_of(listener, choose):
    """Let a listener vote on all trials: `choose` takes the two excerpts and returns 0 or 1."""
    return [
        Vote(test.fingerprint, listener, trial, "AB"[choose(test.excerpts(trial))], time=f"{trial:02}")
        for trial in range(1, test.trials + 1)
    ]


listeners = {
    "guesser": lambda pair: int(rng.integers(2)),
    "counts steps": lambda pair: int(share_of_steps(pair[1]) > share_of_steps(pair[0])),
    "reads surprise": lambda pair: int(np.argmin([h.nats.mean() for h in hear(chorale, pair)])),
}
for name, choose in listeners.items():
    print(name)
    display(report(test, votes_of(name, choose)))

# %% [markdown]
# None of them tells the model from Bach: 3 of 6 each, as a coin would. (In each line a guesser gets "evidence" at most once
# in twenty tests; in one or other of the three lines about once in twelve.) The other two are real strategies, and find the
# shuffled ones at once. The report says how many right
# answers *would have* counted: with six trials against the model, all six. Twelve trials are few; a class has more
# ears. Each student votes with a file of their own, or in one room with the button *Next listener*. Or play the trials
# to the whole class, let everybody write twelve letters on paper, and type them in; ten minutes are enough:
#
# ```python
# from musiclab.listening import add_votes, merge, paper_votes, read_votes
#
# add_votes("work/paper.jsonl", paper_votes(test, "Ada", "ABBA ABAB BABA"))
# votes = merge(["work/votes.jsonl", "work/paper.jsonl"], to="work/class.jsonl")
# report(test, votes)
# ```
#
# All hear the same trials, so thirty students are not thirty independent tests; the report has a second figure, *by
# trials*, that takes this into account.
#
# ## 9 · A measure of your own
#
# ### Exercise 9.4 · Your measure
#
# Invent a measure of a chorale: `my_measure(score)` takes a `Score` and returns a number. The check tries it as this
# lesson tried the others: on held-out chorales against shuffled ones and Markov ones. It must tell Bach from both (the
# bootstrap interval of the difference leaves out 0), stay the same when a piece is transposed or gets another title, also where
# a voice rests, and return a finite number for each piece. Ideas: How large is the mean move of a voice? How often do two voices
# clash? Be warned: "how often do all voices move at once" and "how often does the bass leap a fifth" sound good, and fail.
# `grid_of(score)` gives what sounds in each sixteenth and voice, 0 for silence; `score.notes` the notes. Pitches of notes are
# stored as uint8, where 60 - 62 is 254: write `score.voice(0).notes["pitch"].astype(int)` before you subtract.


# %%
def my_measure(score):
    """Return a number that tells a chorale from a control."""
    ...


# %%
check("9.4", my_measure)

# %% [markdown]
# `compare` takes measures of your own: `compare(sets, real="Bach", controls=["shuffled"], measures=[Measure("mine", "unit",
# my_measure)])`, with `Measure` from `musiclab.evaluation`. Any bundle and any pieces can be judged like this: give your model's
# pieces as a set, what it learned from as `training`, and held-out music as the real set. For the melody bundle:
#
# ```python
# from musiclab.splits import melody_sides
#
# melody = load_bundle("melody")
# tunes = melody_sides(melody.encoding)  # "train", "valid" and "test"; it takes some seconds
# made = generate_many(melody, 40, 64, seed=1)
# real = tunes["test"][:: len(tunes["test"]) // 40][:40]  # from all collections
# sets = {"real": real, "model": made, "shuffled": [shuffled(score, k) for k, score in enumerate(real)]}
# compare(sets, real="real", controls=["shuffled"], training=tunes["train"], bundle=melody)
# ```

# %% [markdown]
# ## Quiz
#
# What do you still know? Answer, then press Check: each answer is explained.

# %%
from musiclab.widgets.quiz import Quiz

Quiz(9)

# %% [markdown]
# ## In this lesson you saw
#
# - A measure is tried on controls before it judges. Pitch-class entropy cannot tell Bach from his own notes shuffled.
# - A mean without an interval hides how few pieces it is from. The interval shrinks with the square root of their number.
# - Rules are habits: the yardstick is Bach's own figure, not zero.
# - Temperature trades faults against sameness. Statistics tell where a model comes closest; a judge that sees all
#   measures still tells it from Bach.
# - Likely is not good: cold samples surprise the model less than Bach does.
# - A copy is found in any key and rhythm, with held-out Bach as the yardstick; absence of copies is evidence, not proof.
# - A blind test says how often people are right, and how often they would have had to be.
#
# ## Where to read on
#
# - L.-C. Yang, A. Lerch: "On the evaluation of generative models in music" (2020). Distances between sets of pieces.
# - L. Theis, A. van den Oord, M. Bethge: "A note on the evaluation of generative models" (2016). Why likelihood and quality
#   are different things.
# - D. Lopez-Paz, M. Oquab: "Revisiting Classifier Two-Sample Tests" (2017).
# - C. Ariza: "The Interrogator as Critic: The Turing Test and the Evaluation of Generative Music Systems" (2009). What a
#   listening test shows, and what not.
#
# ## Next
#
# Lesson 10 brings your own files: read them, understand what is wrong with them, and move a model towards them.
