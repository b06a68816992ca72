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
# # 10 · Your own music
#
# "Can I use deep learning for my own style?" Yes: train on your own music. In this lesson you take a folder of files,
# find out what is usable in them, and move a trained model towards them. The folder here holds forty-eight blues tunes,
# written for this course. At the end it is yours.
#
# You will be able to:
#
# - say in plain words what is wrong with a music file, and what to do about it;
# - take the melody out of a piece, and bring a free performance to a grid, or decline;
# - fine-tune a trained model on a few dozen tunes, and hear the difference;
# - measure three things: what it learned, what it forgot, what it copied;
# - say what you may train on, and what you may share.
#
# Time: about 45 minutes, and 40 more for the exercises. The cells themselves run in about a minute. First, hear what the melody
# model of lesson 07 makes of a blues. It is given two bars, and goes on. Then comes the tune itself. Guess what it will do with
# the third bar.

# %%
import warnings

import numpy as np
from IPython.display import display

from musiclab import (
    Score,
    check,
    generate,
    generate_many,
    hint,
    load_bundle,
    load_corpus,
    load_folder,
    read_score,
    show,
    solution,
    write_midi,
)

melody = load_bundle("melody")
blues = load_folder("../data/tunes/blues", progress=False)
print(blues)
laundry = next(score for score in blues if score.title == "Laundry Day Shuffle")
before = generate(melody, 32, prompt=laundry.slice(0, 8), seed=4, temperature=0.8)
display(show.sound(before))
display(show.notation(before, title="Two bars given, the rest by the melody model", bars=(1, 8)))
show.player(laundry)

# %% [markdown]
# It has never heard a blues. What it knows are Irish dances and folk songs, and it goes home to them as soon as it can.
#
# ## 1 · What is in a file?
#
# Your files come from anywhere: exported by a notation program, played on a keyboard, downloaded, cut off. Before a
# model learns from them, look at each as a doctor would. `diagnose` reads a file in a process of its own, so that
# nothing in it can hang your notebook, and says what it found. Here is the piece from lessons 05 to 07. Guess which of
# its three voices is taken for the melody.

# %%
from musiclab.doctor import diagnose, diagnose_folder, usable_melodies

diagnosis = diagnose("../data/music.mid")
print(diagnosis)

# %% [markdown]
# Each line is a finding; where something should be done, "What to do" follows. Now some patients with something wrong. The
# cell makes them: a file that is cut off, one that holds nothing, one with swinging triplets, a chord study, and a text
# file that calls itself a MIDI file. Which of the five can be used at all?

# %%
from pathlib import Path

assert diagnosis["melody"].words.startswith("Track 2")  # the first of the three tracks with notes, and the highest
clinic = Path("work/clinic")
clinic.mkdir(parents=True, exist_ok=True)
whole = Path("../data/music.mid").read_bytes()
patients = {
    "cut_off.mid": whole[:300],
    "empty.mid": b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60MTrk\x00\x00\x00\x04\x00\xff\x2f\x00",
    "not_midi.mid": b"This is a letter to my aunt.",
}
for name, data in patients.items():
    (clinic / name).write_bytes(data)
swing = Score([(k + x, d, 60 + (3 * k) % 10) for k in range(32) for x, d in ((0, 2 / 3), (2 / 3, 1 / 3))], title="Swing")
study = Score([(k, 1, p + k % 5) for k in range(32) for p in (48, 55, 60, 64)], title="Chords")
write_midi(swing, clinic / "swing.mid", overwrite=True)
write_midi(study, clinic / "chords.mid", overwrite=True)
table = diagnose_folder(clinic, progress=False)
usable = [diagnosis for diagnosis in table if not diagnosis.problem]
print(len(usable), "of", len(table), "can be read")
assert len(usable) == 2
table

# %% [markdown]
# A file that cannot be read is a row with the reason, never an error that stops the others. Of the two that can be read one
# loses its swing on a grid of sixteenths, and the last column says what to do about it.
#
# The same with a button. Upload a file of yours, or type its path; choose an encoding; see and hear what would be kept.

# %%
from musiclab.widgets.doctor import FileDoctor

doctor = FileDoctor(clinic / "swing.mid", encoding="melody")
doctor

# %% [markdown]
# A widget is Python. Choose events in its menu: what is left to complain about?

# %%
doctor.encoding.value = "events"
print(doctor.diagnosis["encoding"].words)
print("what to do:", *(doctor.diagnosis.advice or ["nothing"]))
assert "another time" not in doctor.diagnosis["encoding"].words

# %% [markdown]
# ## 2 · Which voice is the tune?
#
# The melody model takes one voice. `find_melody` looks for it: a track whose name says so; or else the highest voice
# that has one note at a time nearly throughout; or, where one voice holds chords, the **skyline**, the highest note of
# each moment. It says which rule decided. How often is that right? Test it where you know the answer: chorales with
# their voices in a random order. Guess in how many of twenty the soprano is found.

# %%
from dataclasses import replace

from musiclab.melody import find_melody

rng = np.random.default_rng(0)
chorales = load_corpus("bach-chorales", progress=False)[:20]
found = 0
for score in chorales:
    order, notes = rng.permutation(4), score.notes.copy()
    notes["voice"] = order[notes["voice"]]
    result = find_melody(replace(score, notes=notes))
    fields = ["onset", "duration", "pitch"]
    found += np.array_equal(result.score.notes[fields], score.voice(0).notes[fields])
print(f"the soprano was found in {found} of {len(chorales)}, {result.reason}")

# %% [markdown]
# And in the chord study, which has one voice with four notes at a time?

# %%
assert found >= 18
skyline = find_melody(study)
print("Chords:", skyline.reason)
show.piano_roll(study.slice(0, 16), skyline.score.slice(0, 16), labels=["all", "skyline"], title="The skyline of a chord study")

# %% [markdown]
# It fails where the tune lies in the middle, as in many a nocturne, or under a descant. So look at the reason, and decide.
#
# ### Exercise 10.1 · A skyline
#
# Write `skyline(notes)`: from a list of `(onset, duration, pitch)` keep, for each onset, only the highest note, and cut
# a note where the next one begins. Return a list of the same form, sorted by onset. `skyline([(0, 2, 60), (0, 2, 64),
# (1, 1, 67)])` is `[(0, 1, 64), (1, 1, 67)]`. This is simpler than what `find_melody` does: you look at each *onset*, so a
# lower note that begins later cuts a higher one that still sounds; `find_melody` looks at each moment, and keeps the higher.


# %%
def skyline(notes):
    """Return the highest note of each onset, cut where the next one begins."""
    ...


# %%
check("10.1", skyline)

# %% [markdown]
# ## 3 · Played freely
#
# A recording from a keyboard has no beats: it holds the seconds at which keys went down. `align` looks for the beats that
# make the most probable sense of these moments, and writes every note where it lies between them. The cell plays a tune as a
# person would, up to a fiftieth of a second early or late, with a tempo that drifts, and asks for it back. What should an
# honest method do with notes at random moments?

# %%
from musiclab.timing import align

tune = read_score("../data/tunes/ode_to_joy.abc")
rng = np.random.default_rng(3)
beats = np.cumsum(0.5 * np.exp(0.02 * np.cumsum(rng.normal(0, 1, 80))))  # seconds at which the beats fall
played = tune.notes.copy()
late = rng.normal(0, 0.01, len(tune))  # seconds
played["onset"] = 2 * np.interp(tune.notes["onset"], np.arange(80), beats) + late  # at tempo 120 a quarter is half a second
played["onset"] -= played["onset"].min()
free = Score(played, title="Ode to Joy, played freely")
result = align(free)
print(result.words)
written, wanted = np.diff(result.score.notes["onset"]), np.diff(tune.notes["onset"])
scale = np.median(wanted[written > 0] / written[written > 0])  # whether a beat is a quarter or an eighth cannot be heard
print(f"{np.mean(np.isclose(written * scale, wanted)):.0%} of the distances between notes are right")
assert np.mean(np.isclose(written * scale, wanted)) > 0.9
noise = Score([(float(t), 0.2, 60) for t in np.sort(rng.uniform(0, 40, 80))], title="Raindrops")
print(align(noise).words)
assert align(noise).kind == "declined"

# %% [markdown]
# "I cannot tell" is an answer. A method that always gives a grid gives you wrong bars without a word.
#
# ## 4 · Which encoding?
#
# You know three (lesson 05). `suggest_encoding` counts what each would keep of your pieces. Guess what it says for the
# blues, for the chord study with the swing, and for chorales.

# %%
from musiclab.own import suggest_encoding

for name, scores in {"blues": blues, "the clinic's two": [swing, study], "chorales": chorales}.items():
    encoding, reason = suggest_encoding(scores)
    print(f"{name}: {encoding.name}. {reason}")
assert suggest_encoding([swing, study])[0].name == "events"

# %% [markdown]
# ## 5 · Hold some out
#
# Before anything learns, set tunes aside, or you will never know what was learned. `share_out` holds out a fifth for the
# test and some for deciding when to stop; tunes that are nearly the same melody stay together. How surprised is the melody
# model by your held-out tunes, in nats a step? On tunes of its own kind it is 0.81 (lesson 06). Guess before you run it.

# %%
from musiclab.evaluation import hear
from musiclab.own import share_out

sides = share_out(blues)
print({side: len(scores) for side, scores in sides.items()})
assert laundry in sides["test"]  # what you heard at the beginning is held out, too
print("held out:", ", ".join(score.title for score in sides["test"][:5]), "…")


def nats(bundle, scores):
    """Return the mean surprise at a step, over all steps of some tunes."""
    return float(np.concatenate([h.nats for h in hear(bundle, scores)]).mean())


first = nats(melody, sides["test"])
print(f"the melody model, on held-out blues: {first:.2f} nats a step")
assert first > 1

# %% [markdown]
# ### Exercise 10.2 · No leak
#
# Write `share(groups, part, rng)`. `groups` is an int array: the group of each piece, and pieces of one group are
# nearly the same tune. Return a bool array, True for pieces that are held out: at least the share `part` of all pieces,
# whole groups only, and not one group more than needed. Groups are drawn at random with `rng`.


# %%
def share(groups, part, rng):
    """Return which pieces are held out: whole groups, at least this share of the pieces."""
    ...


# %%
check("10.2", share)

# %% [markdown]
# ## 6 · Fine-tune
#
# To train from scratch on thirty tunes would be hopeless: they hold some six thousand steps, and the melody model has
# read nearly two million. But it knows already what a bar and a cadence are. **Fine-tuning** goes on training where it
# stopped, gently, on your tunes. Two dangers:
#
# - It *forgets* what it knew. So `fine_tune` mixes in old tunes, three steps for two of yours, others in each epoch: the
#   same few each time would be learned by heart, and the rest forgotten all the same.
# - It *learns by heart*. So the figures below are from held-out tunes, and section 8 looks for copies.
#
# Guess: by how many percent will the surprise at held-out blues fall? The training takes well under a minute; the first
# call also reads the old tunes, some ten thousand, which are kept for the next time.

# %% tags=["nbval-ignore-output"]
from musiclab.own import fine_tune

mine = fine_tune(melody, blues, "my blues")
for name, words in mine.card["metrics"].items():
    print(f"{name}: {words}")
after = nats(mine, sides["test"])
old = [float(word) for word in mine.card["metrics"]["test nats/step, old"].split() if word[0].isdigit()]
print(f"held-out blues: {after / first - 1:+.0%}; held-out tunes of the old kind: {old[1] / old[0] - 1:+.1%}")
assert after < first

# %% [markdown]
# The blues became much less surprising, and the old kind a little more. What would have happened without the old tunes?
# Set `mix=0` and see. (The rate, the mix and the stopping are defaults that were found by trying; `help(fine_tune)`
# says what they do.)
#
# What if it still had forgotten too much? The weights before and the weights after are two points, and between them is a
# straight line. Any point of it is a model, too. Guess: half-way, is half of it learned and half of it forgotten?

# %%
from matplotlib.figure import Figure

from musiclab.bundle import Bundle
from musiclab.splits import old_sides

assert after < 0.9 * first and old[1] < 1.05 * old[0]
old_tunes = old_sides(melody)["test"][:100]
ways, yours_at, old_at = np.linspace(0, 1, 5), [], []
for way in show.progress(ways, "Listening"):
    weights = {name: array + float(way) * (mine.weights[name] - array) for name, array in melody.weights.items()}
    between = Bundle("between", weights, melody.encoding, melody.model, melody.card)
    yours_at.append(100 * (nats(between, sides["test"]) / first - 1))
    old_at.append(nats(between, old_tunes))
old_at = [100 * (value / old_at[0] - 1) for value in old_at]
assert yours_at[2] < 0.5 * yours_at[4] and old_at[2] < 0.5 * old_at[4]
print("half-way: more than half is learned, and less than half is forgotten")
figure = Figure(figsize=(6, 3.2), layout="constrained")
axes = figure.subplots()
axes.plot(old_at, yours_at, "o-")
for way, x, y in zip(ways, old_at, yours_at, strict=True):
    axes.annotate(f"{way:.2f}", (x, y), xytext=(6, 4), textcoords="offset points")
axes.set(xlabel="surprise at old tunes, change in %", ylabel="at held-out blues, in %", title="From the old weights to the new")
words = "Five points of the line from the old weights (0) to the new (1): the blues fall fast at first, the old tunes rise late."
show.Picture(figure, axes, words)

# %% [markdown]
# The curve hangs through: the first steps towards your music cost next to nothing. So when the old kind's loss on validation
# tunes has risen by more than four percent, `fine_tune` goes back along this line until it has not. "way gone" in the
# training part of `mine.card` says where it ended.
#
# ### Exercise 10.3 · Mix
#
# Write `mixture(new, old, ratio, rng)`: a list with all of `new`, and pieces drawn at random from `old`, none twice,
# until the old ones have at least `ratio` times as many steps as the new ones, or there are no more. A piece is a list,
# its steps are its length. Stop as soon as there are enough.


# %%
def mixture(new, old, ratio, rng):
    """Return all new pieces, and enough old ones: ratio times as many steps."""
    ...


# %%
check("10.3", mixture)

# %% [markdown]
# ## 7 · Hear it move
#
# The same two bars, the same seed, the same temperature as at the beginning. Listen to the first again, then to this.

# %% tags=["nbval-ignore-output"]
answer = generate(mine, 32, prompt=laundry.slice(0, 8), seed=4, temperature=0.8)
given = laundry.slice(0, 8).notes["pitch"]
assert answer != before and np.array_equal(answer.notes["pitch"][: len(given)], given)
display(show.sound(answer))
show.notation(answer, title="Two bars given, the rest by your model", bars=(1, 8))

# %% [markdown]
# One sample can please or not. So give both models the first two bars of each held-out blues, let each go on four times, and
# compare what they write with how the tunes go on, as in lesson 09. Which of the measures should move, if the model
# learned the style and not only some notes?

# %%
from musiclab.evaluation import compare

made = {"before": [], "after": []}
for tune in show.progress(sides["test"], "Writing"):
    for name, bundle in zip(made, (melody, mine), strict=True):
        for score in generate_many(bundle, 4, 38, prompt=tune.slice(0, 8), seed=2):
            rest = score.slice(8, max(score.duration, 8))
            made[name] += [rest] if len(rest) > 8 else []
style = compare({"blues": [tune.slice(8, tune.duration) for tune in blues], **made}, real="blues")
moved = ["notes in one scale", "steps among moves", "duration entropy", "notes on beats", "pitch range"]
for measure in ("notes in one scale", "steps among moves", "pitch range"):
    was, now, wanted = (style.rows[measure][which][0] for which in ("before", "after", "blues"))
    print(f"{measure}: nearer to the blues than before: {abs(now - wanted) < abs(was - wanted)}")
assert style.rows["notes in one scale"]["after"][2] < style.rows["notes in one scale"]["before"][1]
show.intervals(style.rows, moved, real="blues", units=style.units, title="The way towards the blues")

# %% [markdown]
# The blue notes came: fewer notes fit one scale. Where "after" still lies far from the grey band, the model has more to
# learn than three dozen tunes can tell it. (And more than half of its training was old music, to keep it from
# forgetting. Without a prompt it still plays mostly that; your two bars tell it which of the two you mean.)
#
# ## 8 · Did it copy yours?
#
# With few tunes this is the first danger. As in lesson 09: how long a run of notes does each sample share with the
# tunes that it learned from, and how long with those it never saw? Guess which is longer, and by how much, if nothing
# was learned by heart.

# %%
from musiclab.evaluation import bootstrap_means, copied_runs, grid_of

samples = [grid_of(score) for score in made["after"]]  # without the two bars that were given
known, unknown = ([grid_of(score) for score in sides[side]] for side in ("train", "test"))
rng = np.random.default_rng(0)
fair = [known[i] for i in rng.permutation(len(known))[: len(unknown)]]  # as many as the held-out ones, or more would be found
runs = {
    "held-out in learned": copied_runs(unknown, fair),
    "samples in learned": copied_runs(samples, fair),
    "samples in held-out": copied_runs(samples, unknown),
}
longest = {name: (v.mean(), *np.percentile(bootstrap_means(v), [2.5, 97.5])) for name, v in runs.items()}
assert longest["samples in learned"][0] < longest["held-out in learned"][0] + 1
name = "longest run that is shared"
show.intervals({name: longest}, [name], real="held-out in learned", units={name: "notes"}, title="Copies")

# %% [markdown]
# If the samples shared much longer runs with the tunes that were learned from than with those that were not, the model
# would be quoting. The grey band is the yardstick: how much two blues of this folder have in common anyway.
#
# ## 9 · Polyphony by events
#
# Pieces with chords and free rhythm go into `EventEncoding`, and `train_own` learns them from scratch. On a folder of
# a dozen pieces it learns little; the cell shows that it works, and that every sample is a piece: the grammar of lesson 05
# lets nothing else through.

# %%
from musiclab.encoding import EventEncoding
from musiclab.own import train_own

piano = train_own(load_corpus("bach-chorales", progress=False)[:24], "piano", encoding=EventEncoding(), units=(64,), epochs=8)
print("split:", piano.card["split"])
several = generate_many(piano, 5, 16, seed=2, temperature=0.9)
at_once = max(len(np.unique(score.notes["onset"])) < len(score) for score in several)
print("five samples, all with notes:", all(map(len, several)), "  with chords:", at_once)
assert all(map(len, several)) and at_once

# %% [markdown]
# ## 10 · Now your files
#
# Put your files into a folder, and change the first line. `usable_melodies` does for all of them what you saw above for one:
# it reads the file, brings it to a grid, finds the melody by the names of the tracks and by the notes, and says what it left
# out and why. What it returns goes into `share_out` and `fine_tune`. For the doctor's table of the same folder call
# `diagnose_folder(MY_FOLDER)`.

# %%
MY_FOLDER = "../data/tunes/blues"  # change this to the path of your own folder

my_scores, left_out = usable_melodies(MY_FOLDER, progress=False)
print(f"{len(my_scores)} melodies, {len(left_out)} left out")
for name, reason in left_out:
    print(f"- {name}: {reason}")
assert my_scores, "nothing here can be used: the lines above say why"

# %% [markdown]
# And with a single tune? Guess what `share_out` says.

# %%
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    alone = share_out(my_scores[:1])
print(said[0].message)
assert not alone["test"]

# %% [markdown]
# A bundle of your own is a file: `mine.save("my_blues.bundle")`, and `load_bundle("my_blues.bundle")` brings it back.
#
# ### Exercise 10.4 · A model of your own
#
# Make a bundle `my_model` with `fine_tune` or `train_own`, from tunes of your choice: your files, a folder of the
# course's, a few that you write. The check asks that it is a `Bundle` that is none of the shipped ones; that pieces
# were held out; that its card has a figure for them; that fine-tuning found something better than the weights it began with;
# and that it writes a piece of at least four bars.

# %%
my_model = ...

# %%
check("10.4", my_model)

# %% [markdown]
# ## 11 · What may you train on, and share?
#
# This is no legal advice, and laws differ. What to ask:
#
# - **Whose music is it?** A tune is protected for long after its author's death, in many countries for seventy years;
#   an edition or a recording can be protected by itself. Your own music is yours.
# - **Training.** Some countries allow copying for text and data mining, some under conditions, such as that the owner
#   has not objected; some allow private use; some are still deciding. The licence of the source may say more than the
#   law.
# - **Sharing the model.** If it can be made to repeat a piece, sharing it may be sharing the piece. The figures of section 8
#   belong into its card.
# - **Sharing what it writes.** Look for copies before you publish, and say how it was made.
# - **People.** A style is not protected, and still is somebody's. Ask, if you can.

# %% [markdown]
# ## Quiz
#
# What do you still know? Answer, then press Check: each answer is explained.

# %%
from musiclab.widgets.quiz import Quiz

Quiz(10)

# %% [markdown]
# ## In this lesson you saw
#
# - A file is examined before it is used; what cannot be read gets a reason, and what is lost is counted.
# - The tune is the highest line with one note at a time, or the skyline. The reason is given, because the rule can be wrong.
# - Beats of a free performance are found when there are any, and declined when there are none.
# - Fine-tuning on three dozen tunes makes held-out tunes of the style less surprising, and with old tunes mixed in little is
#   forgotten. Going a part of the way back forgets less still.
# - Learned, forgotten, copied: three measurements, on tunes that were held out.
#
# ## Where to read on
#
# - A. Uitdenbogerd, J. Zobel: "Melodic matching techniques for large music databases" (1999). The skyline.
# - A. T. Cemgil, B. Kappen: "Monte Carlo methods for tempo tracking and rhythm quantization" (2003).
# - M. McCloskey, N. Cohen: "Catastrophic interference in connectionist networks" (1989). Forgetting.
# - A. Robins: "Catastrophic forgetting, rehearsal and pseudorehearsal" (1995). Mixing in the old.
# - M. Wortsman et al.: "Robust fine-tuning of zero-shot models" (2022). The line from the old weights to the new.
#
# ## Next
#
# Lesson 11 makes the model a partner: it answers what you play.
