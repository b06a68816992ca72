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
# # 00 · Start here
#
# In a minute a neural network writes a tune for you. Then you look at what it wrote, check your computer,
# and find your way through the course.
#
# You will be able to:
#
# - let a trained network write music, hear it, and change what it writes,
# - read a piano roll,
# - save a piece as a MIDI file that any music program opens, and as a sound file,
# - use the exercises of this course and their hints.
#
# Time: about 30 minutes, and 40 more for the exercises. The cells themselves need a few seconds each.
#
# **How to run a cell:** click into it and press Shift and Enter together. Run the cells from top to bottom. What you see
# below a cell before that was stored when the course was made; a small broken chain on a button means that its cell has
# not been run yet.

# %% [markdown]
# ## 1 · The machine writes a tune
#
# The file `melody.bundle` holds a network that was trained on some ten thousand folk tunes. The next cell loads
# it and lets it write: at most 64 quarter notes of music, which are 16 bars of 4/4. Run it, and press **Play**.

# %%
from musiclab import generate, load_bundle, show

melody = load_bundle("melody")
tune = generate(melody, length=64, seed=22)
show.player(tune)

# %% [markdown]
# A red line runs along while the music sounds. A click on the notes, or on the picture below them, moves it. Drag over the
# lower picture, and that part is repeated. With the keyboard: Tab goes into the player, the space bar plays and pauses,
# the arrow keys go on and back by a beat.
#
# You see the tune twice. The upper picture is **staff notation**, as musicians read it; lesson 02 explains it. The lower
# one is a **piano roll**. Here it is once more, larger:

# %%
show.piano_roll(tune, title="A tune that did not exist before")

# %% [markdown]
# In a piano roll time runs from left to right. The grey vertical lines are **bar
# lines**; from one to the next is a **bar**, the measure in which one counts. Height is **pitch**: C4 is the C in
# the middle of a piano, and each row up is one key to the right, a **semitone**. Each block is a
# **note**: where it starts is its **onset**, how long it is is its **duration**. Where there is no block, there is
# a **rest**.
#
# The same music as numbers, which is how the machine sees it:

# %%
for note in tune.notes[:6]:
    print(f"onset {note['onset']:5.2f}   duration {note['duration']:.2f}   pitch {note['pitch']}")

# %% [markdown]
# Onset and duration are counted in **quarter lengths**: 1.00 is a quarter note. Pitch is counted in semitones,
# with 60 for the middle C. (The first note begins at 3.00: the tune starts with an upbeat, a note before the first full bar.)

# %% [markdown]
# ## 2 · The same, and not the same
#
# Nobody wrote this tune, but it was not random either. At each step the network says how likely each next note
# is, and a note is drawn. The **seed** decides the draws.
#
# Guess before you run the cell: what happens with the same seed again? And with another one?

# %%
again = generate(melody, length=64, seed=22)
other = generate(melody, length=64, seed=23)
print("seed 22 twice gives the same music:", again == tune)
print("seed 23 gives the same music:      ", other == tune)

# %% [markdown]
# The **time signature**, or **metre**, says how many beats a bar has. The network learnt tunes in several. In 6/8 a bar
# has six **eighths** (half as long as a quarter), in two groups of three: the metre of a jig, a lively dance.

# %%
jig = generate(melody, length=48, time_signature=(6, 8), seed=3)
show.player(jig)

# %% [markdown]
# The network counts along: it knows at each step where in the bar it is. If that works, most bars begin with a
# new note. Check it over 20 tunes, and compare with chance: in how many of all the *steps* does a note begin? (A step is
# a **sixteenth**, a quarter of a quarter.)

# %%
import numpy as np

tunes = [generate(melody, length=48, time_signature=(6, 8), seed=seed) for seed in range(20)]
on_bar_line = np.mean([np.isin(np.arange(0, t.duration, t.bar_length), t.notes["onset"]).mean() for t in tunes])
on_any_step = np.mean([len(t) / (4 * t.duration) for t in tunes])
print(f"a note begins in {on_bar_line:.0%} of the bar lines, and in {on_any_step:.0%} of all steps")
assert on_bar_line > 0.75 and on_any_step < 0.60

# %% [markdown]
# ## 3 · Take it with you
#
# A **MIDI file** holds notes, not sound. Music programs, notation programs and keyboards read it. An **MP3 file** holds
# the sound, and every computer and telephone plays it.
#
# The folder `work` beside this notebook is yours. The course never overwrites a file of yours unless you ask
# for it, which is what `overwrite=True` does here: you may want to run the cell twice.

# %%
from pathlib import Path

from musiclab import read_score, write_midi

Path("work").mkdir(exist_ok=True)
write_midi(tune, "work/first_tune.mid", overwrite=True)
show.save_audio(tune, "work/first_tune.mp3", overwrite=True)
back = read_score("work/first_tune.mid")
print("notes written:", len(tune), "  notes read back:", len(back))
print("the same notes:", bool((back.notes == tune.notes).all()))

# %% [markdown]
# ## 4 · What is in the bundle?
#
# A **bundle** is a trained network in one file. Its card says what the network was trained on and how good it
# is. *Nats per step* is how surprised it is, on average, by each step of a tune that it has never seen: the
# lower, the better. *Unigram* and *Markov* are simple models that it has to beat; lessons 01 and 06 explain them.
# The letters behind the names of the collections are fingerprints: other notes would give others.

# %%
print(melody.describe())

# %% [markdown]
# How does it choose? Look at one step. The network has read the first bar of your tune and says what may come
# next. Then compare with what was drawn. (There are 17 rows: one for what comes first of all, and one after each of the 16
# steps of the first bar.)

# %%
encoding = melody.encoding
tokens = encoding.encode(tune)
network = melody.stream()
for row in encoding.inputs(tokens, tune.time_signature)[:17]:
    log_probabilities = network.step(row)
p = np.exp(log_probabilities)
print(f"drawn: {encoding.vocabulary[tokens[16]]}, one of {(p > 0.01).sum()} tokens that have more than 1 %")
show.probabilities(p, encoding.vocabulary, top=8, title="What may begin bar 2")

# %% [markdown]
# In lesson 04 you compute such a step by hand, in lesson 06 you train a network like this one, and in lesson 07
# you write the loop that draws the notes.

# %% [markdown]
# ## 5 · Your computer
#
# Any computer of the last ten years will do for this course. Every lesson runs without a graphics card (**GPU**). With
# one, long trainings take minutes in place of hours. The next cell looks at what you have; importing Keras, the
# library for networks, takes it some seconds.

# %% tags=["nbval-ignore-output"]
import os
import platform

from musiclab.models import devices, keras

print(f"Python {platform.python_version()}, Keras {keras.version()} on {keras.backend.backend()}, {os.cpu_count()} cores")
print("devices:", ", ".join(devices()))
assert devices() and (3, 11) <= tuple(map(int, platform.python_version_tuple()[:2])) <= (3, 13)

# %% [markdown]
# ## 6 · How exercises work
#
# Most ideas come with an exercise: a cell with something left out, marked `...`. Fill it in, run it, and run the cell below
# it (Shift and Enter, twice). There `check` tries your answer on music that it makes up on the spot, and says what holds and
# what does not, and why. As long as you have changed nothing it says so. Whenever you change your answer, run both again.
#
# If you are stuck, run `hint("0.1")` in a new cell. Each call gives the next hint. `solution("0.1")` shows a
# worked answer.
#
# ### Exercise 0.1 · A waltz
#
# A waltz has three beats in a bar. Let the network write a tune in 3/4 that is at least 8 bars long, and put it
# into `waltz`. If a tune ends too early, try another seed.

# %%
from musiclab import check, hint, solution

waltz = ...

# %%
check("0.1", waltz)

# %% [markdown]
# ### Exercise 0.2 · How long is it?
#
# A score counts time in quarter lengths. How many seconds that is depends on the **tempo**, the number of quarter
# notes a minute: at tempo 60 a quarter lasts one second, at 120 half a second. Write a function that returns the
# length of a score in seconds, from `score.duration` and `score.tempo`.


# %%
def seconds_long(score):
    """Return how long the score lasts, in seconds."""
    ...


# %%
check("0.2", seconds_long)

# %% [markdown]
# ### Exercise 0.3 · High and low
#
# Return the names of the lowest and of the highest note of a score, for instance `("D4", "B5")`. The pitches are
# in `score.notes["pitch"]`, and `pitch_name(60)` is `"C4"`.

# %%
from musiclab.score import pitch_name


def lowest_and_highest(score):
    """Return the names of the lowest and the highest note."""
    ...


# %%
check("0.3", lowest_and_highest)

# %% [markdown]
# ### Exercise 0.4 · Choose for yourself (open)
#
# A network writes a hundred tunes in a few seconds. Which one do you keep? Write a rule: a function that takes
# a list of scores and returns one of them. Perhaps the longest one, or the one that ends on the pitch it began
# on, or the one with the fewest leaps (large intervals). There is no right answer, but a rule has to be fair:
# it may not depend on the order of the list. So if two scores are equal by your rule, a second rule has to
# decide.


# %%
def choose(scores):
    """Return the one score of the list that you would keep."""
    ...


# %%
check("0.4", choose)

# %% [markdown]
# ## 7 · The way through the course
#
# | lesson | you will be able to |
# |---|---|
# | [00 Start here](00_start_here.ipynb) | hear what this is about, and find your way |
# | [01 Background](01_background.ipynb) | tell the story from dice games and Markov chains to neural nets |
# | [02 Music as data](02_music_as_data.ipynb) | see pitch, duration, rest, chord and key as numbers, notation, roll and sound |
# | [03 Networks with memory](03_networks_with_memory.ipynb) | build a recurrent network in NumPy and watch its gradient vanish |
# | [04 The LSTM, gate by gate](04_the_lstm_gate_by_gate.ipynb) | compute every gate by hand and prove it equal to Keras |
# | [05 Preprocessing](05_preprocessing.ipynb) | turn files into what a network can read, and split without leaking |
# | [06 Training](06_training.ipynb) | train the original LSTM and a better one, on CPU or GPU |
# | [07 Generation](07_generation.ipynb) | write music note by note, and save a MIDI file |
# | [08 The chorale machine](08_the_chorale_machine.ipynb) | four voices, measured against published results |
# | [09 Is it any good?](09_is_it_any_good.ipynb) | measure quality, test for copying, run a blind listening test |
# | [10 Your own music](10_your_own_music.ipynb) | train on your own files |
# | [11 Composing partner](11_composing_partner.ipynb) | duet, continue, harmonise, vary |
# | [12 Game music](12_game_music.ipynb) | music that follows the scene |
# | [13 Music for you](13_music_for_you.ipynb) | a model that learns your taste |
# | [14 Where next](14_where_next.ipynb) | limits, rights, transformers |
#
# Each has exercises, and ends with a quiz. What you have solved is kept in one file, `work/progress.json` beside the lessons;
# nothing of it leaves your computer. The panel below reads that file: a line for each lesson, and what to do next. You can
# open it in every notebook.

# %%
from musiclab.widgets.progress import Progress

Progress()

# %% [markdown]
# ## 8 · Questions that come up first
#
# **How much music theory do I need?** Little. Every musical word is explained where it first appears. If you can
# tell a high note from a low one, you can begin.
#
# **How much mathematics?** Multiplying a matrix with a vector, and the idea of a slope. Lessons 03 and 04 go
# through the rest step by step, with numbers.
#
# **What computer do I need?** Any. A GPU makes training faster, not better. The bundle you used was trained on two cores
# of an ordinary processor; its card says for how long.
#
# **Can I use my own music?** Yes. Lesson 10 is about that: your files, what is wrong with them, and a network that
# moves towards your style. `read_score("file.mid")` already reads yours.
#
# **Is it only copying?** A fair question, and one that can be measured. Lesson 09 does it. Here is a first look. An
# **interval** is the distance from one note to the next, in semitones; it stays the same if the whole tune is moved up or
# down. The cell below takes every run of eight intervals in the twenty jigs of section 2 and counts how many of
# them stand in the 1,059 tunes of one of the four collections behind the network. (The first time, reading them takes some
# seconds.)

# %%
from musiclab import load_corpus


def runs(score, length=8):
    """Return every run of `length` intervals of a melody."""
    steps = np.diff(score.notes["pitch"].astype(int))
    return {tuple(steps[i : i + length]) for i in range(len(steps) - length + 1)}


learnt = set().union(*(runs(score) for score in load_corpus("fiddle-tunes", progress=False)))
copied = np.mean([run in learnt for t in tunes for run in runs(t)])
print(f"{copied:.0%} of its runs stand in that collection")
assert copied < 0.5

# %% [markdown]
# ## Quiz
#
# What do you still know? Answer, then press Check: each answer is explained.

# %%
from musiclab.widgets.quiz import Quiz

Quiz(0)

# %% [markdown]
# ## In this lesson you saw
#
# - a trained network is a file; with a seed it writes a tune, with another seed another,
# - notation and piano roll show the same notes, and the machine has them as rows of numbers,
# - the network gives probabilities, and a draw makes the choice,
# - music leaves and enters as MIDI files, and leaves as sound,
# - `check`, `hint` and `solution` tell you where you stand.
#
# ## Where to read on
#
# - Ian Simon and Sageev Oore, *Performance RNN* (2017): an LSTM that plays the piano, with all its freedom of timing.
# - Jean-Pierre Briot, Gaëtan Hadjeres, François-David Pachet: *Deep Learning Techniques for Music Generation*
#   (Springer, 2020) is a survey of the whole field.
#
# **Next:** lesson 01, Background. It tells how people came to let machines write music, and begins with dice.
