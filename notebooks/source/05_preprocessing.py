# %% [markdown]
# # 05 · Preprocessing
#
# A network reads numbers. Between a music file and those numbers stand a handful of decisions, and no training repairs a bad
# one. In this lesson you make them one by one, first as the original recipe does, then better.
#
# You will be able to:
#
# - turn a MIDI file into the windows and targets of the original recipe, and name its slips;
# - say what an encoding loses on a piece, in numbers and in a picture;
# - read and write the grid, the encoding that the course's melody model uses;
# - split music into training and test pieces so that nothing leaks;
# - find what is wrong with a program that raises no error.
#
# Time: about 70 minutes, and 70 more for the exercises. The cells themselves run in under a minute; only the first time,
# reading two large collections takes a minute more.

# %%
import json
import os
import subprocess
import sys

import numpy as np
from IPython.display import display
from matplotlib.figure import Figure

from musiclab import EventEncoding, GridEncoding, NoteNameEncoding, Score, check, hint, load_corpus, read_score, show, solution
from musiclab.dataset import Batches, Piece, duplicate_groups, encode_pieces, split_pieces, windows
from musiclab.score import pitch_name

prelude = read_score("../data/music.mid")
print(show.describe(prelude))
display(show.sound(prelude.slice(0, 16)))
show.piano_roll(prelude, bars=(1, 4))

# %% [markdown]
# ## 1 · The original recipe, step 1
#
# Above you hear and see the first four **bars** of the Prelude in C by Johann Sebastian Bach. A bar is the unit in which
# musicians count; here it lasts four beats. The picture is a **piano roll**: time runs to the right, **pitch** (how high a
# note sounds) upwards, and each note is a block. A beat of this piece is one *quarter length* in our numbers. The letters name
# pitches, the figure behind them the octave, and `#` means one **semitone** higher, the next key on a piano. Twelve semitones
# make an octave.
#
# Lessons 05 to 07 begin with one short program, the *original recipe*. Its first step turns this file into numbers. It calls two
# functions, `load_music_data` and `get_notes`, that it never defines. Here they are. Notes that begin together are one
# **event**; a **chord**, several notes at once, becomes one name, such as "C4.E4.G4".
#
# Guess before you run the cell: how many events has the piece, and how many *different* names?


# %%
def load_music_data(path):
    """Read a music file."""
    return read_score(path)


def get_notes(score):
    """Name each event: the pitches that begin together, from low to high, joined by dots."""
    names = []
    for onset in np.unique(score.notes["onset"]):
        pitches = np.unique(score.notes["pitch"][score.notes["onset"] == onset])
        names.append(".".join(pitch_name(int(p)) for p in pitches))
    return names


notes = get_notes(load_music_data("../data/music.mid"))
print(len(prelude), "notes,", len(notes), "events,", len(set(notes)), "different names")
print("it begins:", " ".join(notes[:16]))
print("it ends:  ", " ".join(notes[-8:]))

# %% [markdown]
# The figures show how plain the piece is: nearly every event is a single note, and only the last one is a chord.
#
# ### Exercise 5.1 · Count the events
#
# Write `count_events(score)`: how many events has a score? Notes that begin together are one event. A note that is held counts
# once, where it begins. Example: a score with the notes (onset 0, C4), (onset 0, E4), (onset 1, G4) has 2 events.
# `score.notes["onset"]` is the array of all onsets (an onset is the time at which a note begins).
#
# If you are stuck, `hint("5.1")` gives a hint, and another one each time you ask; `solution("5.1")` shows a worked answer.


# %%
def count_events(score):
    """Count the events of a score: notes that begin together are one event."""
    ...


# %%
check("5.1", count_events)

# %% [markdown]
# Next the recipe collects the different names, `list(set(notes))`, and numbers them in that order. But a Python **set** has no
# order of its own. The order in which it is listed depends on a secret number, the hash seed, which Python draws anew each time
# it starts. The cell starts Python twice, with two different seeds (given by hand, so that you see what we see), and lets each
# list the same set. Then it does what happens when you train today and generate tomorrow: it numbers the notes by the first list
# and reads the numbers back by the second.
#
# How many of the events will be read back as the same name? Guess first.

# %%
program = "import json, sys; print(json.dumps(list(set(json.load(sys.stdin)))))"
orders = []
for seed in ("1", "2"):
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, input=json.dumps(notes), env=environment, stdout=subprocess.PIPE, text=True, check=True)
    orders.append(json.loads(run.stdout))
    print(f"Python with hash seed {seed} lists:", " ".join(orders[-1][:8]), "…")

today = {name: number for number, name in enumerate(orders[0])}
tomorrow = dict(enumerate(orders[1]))
read_back = [tomorrow[today[name]] for name in notes]
print("\nwritten: ", " ".join(notes[:8]))
print("read back:", " ".join(read_back[:8]))
print(sum(a == b for a, b in zip(notes, read_back, strict=True)), "of", len(notes), "events are the same")
assert sorted(orders[0]) == sorted(orders[1]) and orders[0] != orders[1]

# %% [markdown]
# A trained network knows numbers, not names. If number 5 means one name while it learns and another while it writes, its weights
# are worthless: they play a different piece. Nothing crashes and nothing warns you.
#
# The repair is one word: `sorted`. The sorted list of the same names is always the same list. (If you add a piece tomorrow, new
# names shift all numbers again. So the list belongs to the trained model and is saved with it; the course's bundles do that.)
# Now the two maps and the integers:

# %%
unique_notes = sorted(set(notes))
note_to_int = {name: number for number, name in enumerate(unique_notes)}
int_to_note = {number: name for number, name in enumerate(unique_notes)}
music_int = [note_to_int[name] for name in notes]

assert unique_notes == sorted(orders[0]) == sorted(orders[1])
assert [int_to_note[number] for number in music_int] == notes
for number in range(6):
    print(number, "=", int_to_note[number])
print("the piece begins:", music_int[:16])

# %% [markdown]
# ### Exercise 5.2 · Two maps that never change
#
# Write `make_maps(notes)`, which returns two dictionaries: `note_to_int` and `int_to_note`. The numbers go from 0 up, each used
# once, and they must depend on *which* names occur, never on the order in which the notes come. Example: for `["E4", "C4",
# "E4"]` and for `["C4", "E4"]` the answer is the same pair of maps.


# %%
def make_maps(notes):
    """Return note_to_int and int_to_note, whatever the order of the notes."""
    ...


# %%
check("5.2", make_maps)

# %% [markdown]
# ### Windows and targets
#
# The network is to guess the next event from the events before it. So the recipe cuts the row of numbers into **windows** of
# 100, each with its **target**, the number that comes next. The window then moves on by one. With 545 numbers and windows of
# 100, how many pairs are there?

# %%
seq_length = 100
music_input, music_target = [], []
for start in range(0, len(music_int) - seq_length, 1):
    music_input.append(music_int[start : start + seq_length])
    music_target.append(music_int[start + seq_length])

n_patterns = len(music_input)
print(n_patterns, "windows, each with one target")
print("window 0 ends  ", music_input[0][-4:], "and its target is", music_target[0], "=", int_to_note[music_target[0]])
print("window 1 ends  ", music_input[1][-4:], "and its target is", music_target[1], "=", int_to_note[music_target[1]])
assert music_input[1][:-1] == music_input[0][1:] and music_input[1][-1] == music_target[0]

# %% [markdown]
# The picture shows the same two windows on the piano roll. In this piece an event begins every quarter of a beat, so event
# number *k* lies at *k* / 4. Note how little changes from one window to the next. You will need that in section 5.

# %%
picture = show.piano_roll(prelude, bars=(1, 7), title="Two windows of 100 events, and their targets")
for number, height in ((0, 85.5), (1, 83.5)):
    first, last = number / 4, (number + 100) / 4
    picture.axes.plot([first, last], [height, height], color="black", lw=2.5, marker="|", ms=9, clip_on=False)
    picture.axes.text(last + 0.45, height, f"target {number}", fontsize=8, va="center")
picture.axes.axvspan(25, 25.25, color="0.75", zorder=0)
picture.axes.set_ylim(top=87)
picture.text += " A line marks window 0, events 0 to 99; a line below it window 1, events 1 to 100."
picture.text += " Event 100, the target of window 0, is shaded."
picture

# %% [markdown]
# Two last moves of the recipe. Keras wants the input of an LSTM as *(windows, steps, numbers per step)*, so the lists are
# reshaped to (n, 100, 1). And the targets become **one-hot** rows: as many places as there are names, 1 at the target, 0
# elsewhere. The recipe calls `np_utils.to_categorical`; `np_utils` was removed from Keras long ago, the function is now
# `keras.utils.to_categorical`.
#
# A trap: without `num_classes` that function makes only as many places as the largest target needs. Here that happens to be
# right; on other pieces it is not.

# %%
from musiclab.models import keras

x = np.reshape(music_input, (n_patterns, seq_length, 1))
y = keras.utils.to_categorical(music_target, num_classes=len(unique_notes))
print("input", x.shape, "  target", y.shape)
print("row 0 of the targets is 1 at", np.flatnonzero(y[0]).tolist(), "and 0 elsewhere")
print("without num_classes, targets 0, 1, 2 give", keras.utils.to_categorical([0, 1, 2]).shape)
never = [int_to_note[number] for number in np.flatnonzero(y.sum(axis=0) == 0).tolist()]
print("never a target:", " ".join(never))
assert (y.argmax(axis=1) == music_target).all() and (y.sum(axis=1) == 1).all()

# %% [markdown]
# That is the whole first step. The last line is a small warning: two names occur only within the first 100 events. The network
# has an output for each of them, but no target ever asks for it, so it learns never to write them.
#
# ## 2 · What did that lose?
#
# Turn the names back into music. A name says which pitches, and nothing else. So the way back has to make up a length, the same
# for all; half a quarter length is a common choice. The course's `NoteNameEncoding` does the same. Below, the original is drawn
# full, what comes back hollow. Guess first: where do they agree?

# %%
names = NoteNameEncoding.of([prelude], step=0.5)
decoded = names.decode(names.encode(prelude))
print("original:", prelude.duration, "quarter lengths; decoded:", decoded.duration)
assert names.encode(prelude).tolist() == [names.vocabulary.index(name) for name in notes]
show.piano_roll(prelude, decoded, labels=("original", "decoded"), bars=(1, 2), title="Through names and back")

# %% [markdown]
# Now listen: bars 1 and 2 as Bach has them, then the same 32 events as they come back, at the same tempo. What do you miss?

# %%
from dataclasses import replace

slow = replace(decoded, tempo=prelude.tempo).slice(0, 16)
assert len(np.unique(slow.notes["onset"])) == len(np.unique(prelude.slice(0, 8).notes["onset"])) == 32
print("Bach's two bars:", 8 * 60 / prelude.tempo // 1, "seconds; decoded:", 16 * 60 / prelude.tempo // 1, "seconds")
display(show.sound(prelude.slice(0, 8)))
show.sound(slow)

# %% [markdown]
# The decoded piece crawls, nearly twice as long, and no long note is held: in Bach's bars the two lowest notes sound on beneath
# the others.
#
# A picture shows a place; a **loss report** counts the whole piece. Each encoding of the course has one. You may object: take a
# step of 0.25, and this piece comes out right. Try it, on Bach and on Greensleeves, an old English tune whose notes have
# different lengths and which begins with silence.

# %%
greensleeves = read_score("../data/tunes/greensleeves.abc")


def print_loss(label, encoding, score):
    """Print one line of the encoding's loss report."""
    report = encoding.loss_report(score)
    counts = [report[name] for name in ("notes", "lost", "onset moved", "duration changed", "velocity changed", "silence lost")]
    print(f"{label:26}" + "".join(f"{count:>10g}" for count in counts))


print(" " * 26 + "".join(f"{word:>10}" for word in ("notes", "lost", "moved", "length", "loudness", "silence")))
for score in (prelude, greensleeves):
    for step in (0.5, 0.25):
        print_loss(f"{score.title[:15]}, step {step}", NoteNameEncoding.of([score], step), score)
assert names.loss_report(prelude)["onset moved"] == 548

# %% [markdown]
# The columns: how many notes the piece has; how many are dropped; how many begin at another time; how many have another length;
# how many another loudness (*velocity*, how hard a key is struck); and by how many quarter lengths the silence shrinks.
#
# A step of 0.25 puts every onset of the Prelude right, by luck: there a note begins at every quarter of a beat. Its held notes
# are lost all the same. On Greensleeves no step helps: every onset moves, and the **rest** (silence) at the beginning is gone.
#
# ### What a whole number says to a network
#
# The recipe feeds the integers as they are. But a network multiplies: to it, 28 is twenty-eight times 1, and 7 is next to 8.
# What do these numbers mean? Find the two neighbours in number that are furthest apart in pitch, and the two neighbours in pitch
# that are furthest apart in number.

# %%
pitch_of = {pitch_name(p): p for p in range(128)}
single = [name for name in unique_notes if "." not in name]  # without the chord
pairs = [(a, b) for a in single for b in single if a != b]


def pitches_apart(pair):
    return abs(pitch_of[pair[0]] - pitch_of[pair[1]])


def numbers_apart(pair):
    return abs(note_to_int[pair[0]] - note_to_int[pair[1]])


far_in_pitch = max((p for p in pairs if numbers_apart(p) == 1), key=pitches_apart)
far_in_number = max((p for p in pairs if pitches_apart(p) == 1), key=numbers_apart)
for a, b in (far_in_pitch, far_in_number):
    apart = f"pitches {pitches_apart((a, b))} apart, numbers {numbers_apart((a, b))} apart"
    print(f"{a} is number {note_to_int[a]}, {b} is number {note_to_int[b]}: {apart}")
one_hot = np.eye(len(unique_notes))
gaps = {float(np.linalg.norm(one_hot[i] - one_hot[j]).round(3)) for i in range(33) for j in range(i)}
print("distances between one-hot rows:", gaps)
assert len(gaps) == 1

# %% [markdown]
# The alphabet decides what is near: the numbers say C#5 and C2 are neighbours, though more than three octaves lie between them,
# and that two keys side by side on the piano are worlds apart. The network has to unlearn that before it can learn anything.
#
# The cure is to make no claim. In a one-hot row every name is equally far from every other, as the last line shows. Lesson 06
# feeds the network an *embedding*, which is the same idea with less arithmetic: each token gets a row of numbers of its own, and
# training decides which tokens lie close together.
#
# ## 3 · A grid that keeps time
#
# How would you keep durations and rests? The course's melody model uses a **grid**: time is cut into steps of a sixteenth note
# (four steps a quarter length), and each step gets one **token**, a number from a fixed list, the **vocabulary**. A pitch means
# that a note begins here, HOLD that it sounds on, REST that nothing sounds.
#
# Below are the tokens of the first two bars of Greensleeves, and the same drawn under the roll. Guess first: how does a tune
# look that begins with an **upbeat**, a note or two before the first full bar?

# %%
grid = GridEncoding(voices=1, steps_per_quarter=4)
tokens = grid.encode(greensleeves)
bar = int(greensleeves.bar_length * grid.steps_per_quarter)  # steps in a bar
for number in (0, 1):
    print(f"bar {number + 1}:", " ".join(grid.vocabulary[token] for token in tokens[number * bar : (number + 1) * bar]))

picture = show.piano_roll(greensleeves, bars=(1, 2))
low, high = picture.axes.get_ylim()
letters = ["R" if token == 1 else "H" if token == 2 else "♪" for token in tokens[: 2 * bar]]
for step, letter in enumerate(letters):
    picture.axes.text((step + 0.5) / 4, low + 0.5, letter, ha="center", fontsize=9)
picture.text += f" Under it, one letter a step: R rest, H hold, ♪ a note begins: {''.join(letters)}."
picture

# %% [markdown]
# Bar 1 is silence up to its last two steps: on the grid a piece starts at a bar line, and an upbeat comes after the rests that
# fill its bar. HOLD matters: without it, one long note and a row of short ones would look alike.
#
# Does the tune come back whole? And what about a **triplet**, three notes in the time of two, which does not fit into four steps
# a quarter? Ask for both.

# %%
back = grid.decode(tokens)
assert np.array_equal(back.notes, greensleeves.notes)
print("Greensleeves comes back note for note:", np.array_equal(back.notes, greensleeves.notes))
display(replace(greensleeves, notes=back.notes).slice(0, 9 * greensleeves.bar_length))

third = 1 / 3
three = [(0, third, 67), (third, third, 69), (2 * third, third, 71)]
triplet = Score([*three, (1, 1, 72), (2, 2, 67)], title="A triplet on a grid of four steps a quarter")
fine = GridEncoding(steps_per_quarter=12)
for label, encoding in (("4 steps a quarter", grid), ("12 steps a quarter", fine)):
    report, length = encoding.loss_report(triplet), len(encoding.encode(triplet))
    print(f"{label}: {report['onset moved']} onsets moved, {report['duration changed']} durations changed, {length} tokens")
assert grid.decode(grid.encode(triplet)) == grid.quantise(triplet)  # what the encoding promises to keep
display(show.sound(triplet), show.sound(grid.quantise(triplet)))
show.piano_roll(triplet, grid.quantise(triplet), labels=("played", "on the grid"))

# %% [markdown]
# The triplet is moved to the nearest steps and sounds uneven: short, long, short. The report says so; nothing is hidden. Twelve
# steps a quarter would hold it, at three times as many tokens for every piece, and a network that must look back three times as
# far. Which is worth more? Do not argue, count. The next cell loads two printed collections of tunes, Ryan's *Mammoth
# Collection* (Boston 1883) and O'Neill's *Music of Ireland* (Chicago 1903).

# %% tags=["nbval-ignore-output"]
fiddle = load_corpus("fiddle-tunes")
irish = load_corpus("irish-tunes")
print(fiddle, irish, sep="\n")
assert len(fiddle) == 1059 and len(irish) > 2000


# %%
def fits(encoding, score):
    """Tell whether the encoding keeps every note of the score where and as long as it was."""
    report = encoding.loss_report(score)
    return not (report["lost"] or report["onset moved"] or report["duration changed"] or report["silence lost"])


for steps in (4, 12, 24):
    encoding = GridEncoding(steps_per_quarter=steps)
    whole = sum(fits(encoding, score) for score in fiddle)
    print(f"{steps:2} steps a quarter: {whole:4} of {len(fiddle)} tunes fit without loss")
notes_of = sum(len(score) for score in fiddle)
damaged = sum(grid.loss_report(score)["duration changed"] + grid.loss_report(score)["lost"] for score in fiddle)
print(f"4 steps a quarter: {100 * damaged / notes_of:.0f} % of all notes are lost or change their length")

# %% [markdown]
# On four steps a quarter more than half of the tunes fit. Most of the others have triplets, or very short notes here and there,
# as the finer grids show, and only a few in a hundred of all notes suffer. So the melody model keeps the coarse grid, and says
# so. It is a decision, and now you know its price.
#
# **What does the model see at each step?** More than the last token. `encoding.inputs` gives one row a step: the token before
# (END before the first), the position in the bar, the metre (a number for each kind of bar, such as 6/8), and the number of the
# bar, which starts again at 0 after sixteen bars. These are known before the note is. Training and generation both get their
# rows from here, so the model meets the same things in both.

# %%
rows = grid.inputs(tokens, greensleeves.time_signature)
print("step  token before  position  metre  bar     target")
for step in (0, 1, 10, 11, 12, 13, len(tokens) - 1, len(tokens)):
    before, position, metre, bar_number = rows[step].tolist()
    target = grid.vocabulary[tokens[step]] if step < len(tokens) else "END"
    print(f"{step:4}  {grid.vocabulary[before]:>12}  {position:>8}  {metre:>5}  {bar_number:>3}  {target:>9}")
print("shape:", rows.shape, " different values in each column:", grid.input_sizes)
assert rows.shape == (len(tokens) + 1, 4) and rows[1:, 0].tolist() == tokens.tolist()

# %% [markdown]
# The last row asks for END: a model on the grid learns when a tune is over. The original recipe has no such token, and its music
# never ends, it is cut off.
#
# ### Exercise 5.3 · Read the grid
#
# Write `read_grid(tokens)`: turn grid tokens back into a list of rows `(onset, duration, pitch)`, in quarter lengths, with 4
# steps a quarter. Token 1 is REST, 2 is HOLD, and a token of 3 or more begins a note of pitch `token - 3`. Example: `[63, 2, 1,
# 67]` is `[(0.0, 0.5, 60), (0.75, 0.25, 64)]`.


# %%
def read_grid(tokens):
    """Turn grid tokens into rows (onset, duration, pitch); 4 steps make a quarter."""
    ...


# %%
check("5.3", read_grid)

# %% [markdown]
# A grid holds as many notes at once as it has voices. For piano music with any number of notes there is a third way,
# `EventEncoding`: each note is written as its pitch, its duration and its loudness, and between notes stands a wait. Its time
# step is a twelfth of a quarter. Here is the first half of the Prelude's first bar; then all three encodings side by side.

# %%
events = EventEncoding()
spelt = [events.vocabulary[token] for token in events.encode(prelude)]
print(" ".join(spelt[:16]))
whole = events.decode(events.encode(prelude))
print(f"\n{'encoding':26}" + "".join(f"{word:>10}" for word in ("notes", "lost", "moved", "length", "loudness", "silence")))
encodings = {"names": names, "grid, 1 voice": grid, "grid, 3 voices": GridEncoding(voices=3), "events": events}
for label, encoding in encodings.items():
    print_loss(label, encoding, prelude)
same_keys = [(n["onset"], n["pitch"]) for n in np.sort(prelude.notes, order=["onset", "pitch"])]
assert same_keys == [(n["onset"], n["pitch"]) for n in np.sort(whole.notes, order=["onset", "pitch"])]
longer = sorted(set(prelude.notes["duration"].tolist()) - set(whole.notes["duration"].tolist()))
print("\ndurations that events do not spell exactly:", longer)
print("tokens: grid", len(grid.encode(prelude)), " events", len(spelt), " voices after events:", len(whole.voices))
show.sound(replace(whole, tempo=prelude.tempo).slice(0, 8))

# %% [markdown]
# The grid with three voices loses two notes: the last chord has three in its upper voice, and a voice holds one.
#
# With events every note of the Prelude comes back at its time and pitch, the held notes among them. Three things are rounded:
# loudness to one of 16 levels, one long duration (which occurs twice) to the nearest in the list, and the three voices become
# one. Whole, then, but for what it states. The price is nearly four times as many tokens as the grid has steps.
#
# There is no best encoding. A melody with a steady beat: grid. Piano playing: events. And always: read the loss report first.
#
# ## 4 · Windows do not cross pieces
#
# So far there was one piece. With many, the obvious thing is to put all tokens in one long row and cut that. Take one bar each
# of two songs, Frère Jacques and the Ode to Joy, and windows of 3. Guess first: how many of the windows below are music that
# nobody wrote?

# %%
songs = [read_score(f"../data/tunes/{name}.abc").slice(0, 4) for name in ("frere_jacques", "ode_to_joy")]
song_names = NoteNameEncoding.of(songs)
pieces = encode_pieces(songs, song_names)


def print_windows(inputs, targets):
    for window, target in zip(inputs, targets, strict=True):
        print("   ", " ".join(song_names.vocabulary[t] for t in window), "->", song_names.vocabulary[target])


for song, piece in zip(songs, pieces, strict=True):
    print(song.title + ":", " ".join(song_names.vocabulary[token] for token in piece.tokens))
joined = Piece(np.concatenate([piece.tokens for piece in pieces]))
print("one long row:")
print_windows(*windows([joined], 3))
print("piece by piece:")
print_windows(*windows(pieces, 3))
display(show.sound(song_names.decode(joined.tokens)))  # the long row, as it sounds
assert len(windows([joined], 3)[0]) == 5 and len(windows(pieces, 3)[0]) == 2

# %% [markdown]
# Three of the five windows of the long row begin in one song and end in the other. A network that trains on them learns that
# Frère Jacques leads into the Ode to Joy. `dataset.windows` cuts each piece on its own.
#
# ### Exercise 5.4 · Windows that stay inside their piece
#
# Write `piece_windows(pieces, length)`. `pieces` is a list of lists of tokens. Return two lists: all windows of `length` tokens,
# and the target of each, the token that follows it in the same piece. Keep the order of the pieces. A window that comes more
# than once is kept each time. A piece too short for a window and its target gives none. Example:
# `piece_windows([[1, 2, 3], [7, 8]], 2)` is `([[1, 2]], [3])`.


# %%
def piece_windows(pieces, length):
    """Cut every window of every piece, with its target."""
    ...


# %%
check("5.4", piece_windows)

# %% [markdown]
# ## 5 · A split that does not leak
#
# To know whether a network has learnt music or only these pieces, you test it on music that it has not seen. Many programs cut
# all windows, shuffle them, and put every tenth aside for the test. Remember the picture of window 0 and window 1. Which share
# of the test windows overlaps with a training window by all tokens but one?
#
# Guess before you run the cell. It takes all the fiddle tunes on the grid, and then splits by piece instead: first a tenth of
# the *pieces* is set aside, then windows are cut.


# %%
def leak(test, train):
    """Return the share of test windows (n, 100) that share 99 tokens in a row with a training window."""
    heads = {window[:-1].tobytes() for window in train}
    tails = {window[1:].tobytes() for window in train}
    return np.mean([w[1:].tobytes() in heads or w[:-1].tobytes() in tails for w in test])


def cut(numbers):
    """Cut the windows of these pieces; every token fits into one byte, which keeps them small."""
    return windows([tunes[i] for i in numbers], 100)[0].astype(np.uint8)


tunes = encode_pieces(fiddle, grid)
everything = cut(range(len(tunes)))
rng = np.random.default_rng(0)
order = rng.permutation(len(everything))
tenth = len(order) // 10
by_window = leak(everything[order[:tenth]], everything[order[tenth:]])
shuffled = rng.permutation(len(tunes))
by_piece = leak(cut(shuffled[:106]), cut(shuffled[106:]))
print(f"{len(everything)} windows. Share of test windows that overlap with training by 99 tokens:")
print(f"  random windows {100 * by_window:.1f} %   by piece {100 * by_piece:.1f} %")
assert by_window > 0.95 and 0 < by_piece < 0.1

# %% [markdown]
# Nearly every test window was in the training set but for one token. Such a test measures memory. A network that learns its
# tunes by heart and nothing else gets nearly full marks.
#
# By piece, the share is small, but not zero. How can a piece that is on one side have windows on the other? Because collectors
# print a tune twice, under two names, at times in another **key** (the whole tune moved up or down). What is moved is not even
# counted above, and a model that trains in all keys has seen it all the same. `duplicate_groups` compares the *intervals*, the
# steps from note to note, which stay the same when a tune is moved. Here is one find, a melody that stands in both books.

# %%
both = [*fiddle, *irish]
groups = duplicate_groups(both)
titles = [score.title for score in both]
a, b = titles.index("LIMERICK -- JIG"), titles.index("Biddy from Limerick.")
first, second = both[a], both[b]
for score in (first, second):
    print(show.describe(score))

assert groups[a] == groups[b]
assert np.array_equal(*(np.diff(score.notes["pitch"].astype(int)) for score in (first, second)))
same_rhythm = all(np.array_equal(first.notes[field], second.notes[field]) for field in ("onset", "duration"))
moved = int(first.notes["pitch"][0]) - int(second.notes["pitch"][0])
print(f"all intervals the same; rhythm the same: {same_rhythm}; {moved} semitones apart")
display(show.sound(first.slice(0, 12)), show.sound(second.slice(0, 12)))
show.piano_roll(first, second, labels=("Limerick", "Biddy from Limerick"), bars=(1, 4), title="One melody, two names, two keys")

# %% [markdown]
# The same contour twice, one above the other. Boston called it *Limerick*, Chicago *Biddy from Limerick*. How many such families
# are there among the tunes of the two books? Guess, then count. And then split so that a family stays together: `split_pieces`
# does that.

# %%
sizes = np.bincount(groups)
print(f"{len(both)} tunes, {(sizes > 1).sum()} families of two or more, with {sizes[sizes > 1].sum()} tunes in them")
print("largest family:", "; ".join(titles[i] for i in np.flatnonzero(groups == sizes.argmax())))

split = split_pieces(both, valid=0.1, test=0.1, seed=0)
sides = [set(groups[side].tolist()) for side in (split.train, split.valid, split.test)]
assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2]), "a family is on two sides"
print("train, validation, test:", len(split.train), len(split.valid), len(split.test), "tunes; no family on two sides")

fiddle_split = split_pieces(fiddle)
by_family = leak(cut(fiddle_split.test), cut([*fiddle_split.train, *fiddle_split.valid]))
for label, share in (("random windows", by_window), ("by piece", by_piece), ("by family", by_family)):
    print(f"  {label:15} {100 * share:5.1f} % of the test windows leak |" + "#" * round(40 * share))
assert by_family < by_piece < by_window

# %% [markdown]
# Three ways to split the fiddle tunes, three answers. Only the last one asks the question that you meant. There are three sides
# because there are three jobs: **training**; **validation**, on which you compare settings and decide when to stop; **test**, on
# which you look once, at the end.
#
# ### Batches
#
# A network trains on several pieces at once, a **batch**. Windows of 100 are one way to make pieces equally long. The course's
# melody model takes whole pieces instead, with shorter ones filled up (**padding**), and *weights* that say which steps count: 1
# for a target, 0 for padding. Each piece is also moved up or down by a random number of semitones, so that no key is special.
# What shapes do you expect for 32 tunes?

# %%
training_pieces = encode_pieces([both[i] for i in split.train], grid)
batches = Batches(training_pieces, grid, batch_size=32, semitones=(-6, 5), seed=0)
batch_input, batch_target, weights = next(batches.epoch(0))
print(len(batches), "batches an epoch; the first one has")
print("  inputs ", batch_input.shape, " (pieces, steps, columns)")
print("  targets", batch_target.shape, "  weights", weights.shape)
print(f"  {100 * (1 - weights.mean()):.0f} % of it is padding")
last = weights.sum(axis=1).astype(int) - 1  # the last step that counts, in each row
assert (batch_target[np.arange(len(last)), last] == 0).all(), "each piece ends with END"
assert (batch_input[:, 1:, 0] == batch_target[:, :-1])[weights[:, 1:] == 1].all(), "the input is the target before"
again = next(Batches(training_pieces, grid, batch_size=32, semitones=(-6, 5), seed=0).epoch(0))
assert np.array_equal(again[0], batch_input), "the same seed and epoch give the same batch"

figure = Figure(figsize=(9, 2.6), layout="constrained")
axes = figure.subplots()
axes.imshow(weights, cmap="gray_r", vmin=-0.4, aspect="auto", interpolation="nearest")
axes.set(xlabel="step", ylabel="piece", title="Weights of one batch: dark counts, light is padding")
words = "The weights of one batch: 32 rows, one a piece. Dark from the left to the end of the piece, light where it is padded."
show.Picture(figure, axes, words)

# %% [markdown]
# Pieces of similar length share a batch, so there is little padding. The assertions say the rest: the last target of each piece
# is END, and at each step the input is the target of the step before.
#
# ### Exercise 5.5 · Your own measure of loss
#
# A loss report has six numbers. Sometimes you want one. Design `loss(before, after)`: it takes two scores and returns a number
# from 0 (nothing is lost) to 1 (nothing is left). There is no single right answer. The check asks for properties: each further
# missing note makes it larger, and it notices changed pitches, durations and onsets. Is a note that comes a little late as bad
# as one that is missing? You decide.
#
# Then try it: `loss(prelude, names.quantise(prelude))`, the same with `grid` and `events`, and a piece of your own, read with
# `read_score`. Does your number rank them as your ear would?


# %%
def loss(before, after):
    """Say between 0 (nothing lost) and 1 (nothing left) how much of a piece an encoding loses."""
    ...


# %%
check("5.5", loss)

# %% [markdown]
# ## 6 · The museum of mistakes
#
# The worst mistakes raise no error. A program runs, its result looks sound, and it is wrong. This museum shows such programs,
# made short: three here, two in lesson 06, three in lesson 07. At each exhibit do the same. Read the label, run the program, and
# **guess before you go on**: what is wrong, and which tool of the course would show it? The cell after it makes the diagnosis.
# The repair is yours.
#
# ### Exhibit 1 · The most similar place
#
# *The label:* "Guesses the next event of the Prelude. Takes the eight events before it, finds the eight in the first half of the
# piece that are nearest to them, and says what followed there. Prints how much of the second half it guesses right."
#
# What is wrong? Which tool would show it?


# %%
def nearest(window, others):
    """Return the number of the window among `others` that is nearest to this one."""
    return int(np.abs(others - window).sum(axis=1).argmin())


def share_right(similar, numbers):
    """Guess the second half of the piece by what followed the most similar eight events of the first."""
    eights, nexts = windows([Piece(np.array(numbers))], 8)
    half = 17 * 16 - 8  # the windows of the first 17 bars
    guesses = [nexts[similar(window, eights[:half])] for window in eights[half:]]
    return np.mean(guesses == nexts[half:])


print(f"guessed right: {share_right(nearest, music_int):.1%}")
print(f"one of {len(unique_notes)} names, drawn at random: {1 / len(unique_notes):.1%}")

# %% [markdown]
# More than four times as good as chance, on music that the program has not seen. It looks sound.
#
# Which number a name has is a choice that somebody made. The music does not change if we choose otherwise, so no result may hang
# on it. That is a test: number the names anew, at random, and run the program again on the same music. Tests that change what
# must not matter are called *invariance tests*. We run this one twenty times, and once more with numbers that rise with the
# pitch. What will the figures be?

# %%
shares = [share_right(nearest, np.random.default_rng(k).permutation(33)[music_int]) for k in range(20)]
by_pitch = share_right(nearest, names.encode(prelude))  # the course's encoding sorts its names by pitch
print(f"numbered by the alphabet {share_right(nearest, music_int):.1%}, by pitch {by_pitch:.1%}")
print(f"numbered at random from {min(shares):.1%} to {max(shares):.1%}")

figure = Figure(figsize=(8, 2), layout="constrained")
axes = figure.subplots()
axes.hist(np.multiply(shares, 100), bins=np.arange(5, 35), color="0.7")
for share, label, style in ((share_right(nearest, music_int), "alphabet", "-"), (by_pitch, "pitch", "--")):
    axes.axvline(100 * share, color="black", ls=style)
    axes.text(100 * share + 0.2, axes.get_ylim()[1] * 0.9, label)
axes.set(xlabel="guessed right, in percent", ylabel="numberings")
words = "A histogram of 20 random numberings, spread wide. A line for the alphabet lies among them, one for pitch near the best."
assert max(shares) - min(shares) > 0.15 and by_pitch > sorted(shares)[-3]
show.Picture(figure, axes, words)

# %% [markdown]
# The same music, the same program, and anything from a ninth to three tenths. The alphabet is one arbitrary numbering among
# others. The program takes *differences* of the numbers, and section 2 told you what these are worth. Numbers that rise with the
# pitch do better than nearly all, because there a small difference means something.
#
# ### Exercise 5.6 · The most similar place
#
# Repair the program for every numbering. Write `most_similar(window, others)`: `window` is an array of numbers, `others` an array
# with such a window in each row. Return the number of the row that has the same name in the most places, of equals the first.
# Example: for the window `[3, 7, 1]` and the rows `[4, 8, 2]` and `[3, 30, 1]` it is 1. Then try `share_right(most_similar,
# music_int)`, and the same with another numbering.


# %%
def most_similar(window, others):
    """Return the number of the window among `others` that has the same name in the most places."""
    ...


# %%
check("5.6", most_similar)

# %% [markdown]
# ### Exhibit 2 · Chords with short names
#
# *The label:* "The Prelude plays its chords note by note; struck at once they are one chord a bar. Names each chord by the
# letters of its notes, which keeps the vocabulary small, and reads the names back. Checks that no chord has lost a letter. You
# hear the first eight, read back."
#
# What is wrong? Which tool would show it?

# %%
LETTERS = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]


def letters_of(pitches):
    return ".".join(sorted({LETTERS[pitch % 12] for pitch in pitches}))


def struck(chords):
    """Let each chord sound for two quarter lengths."""
    return Score([(2 * number, 2, pitch) for number, chord in enumerate(chords) for pitch in chord], title="Chords")


chords = [np.unique(prelude.slice(4 * bar, 4 * bar + 4).notes["pitch"]).tolist() for bar in range(32)]
short_names = [letters_of(chord) for chord in chords]
chords_back = [[60 + LETTERS.index(letter) for letter in name.split(".")] for name in short_names]
kept = sum(letters_of(a) == letters_of(b) for a, b in zip(chords, chords_back, strict=True))
print(f"{len(chords)} chords, {len(set(short_names))} names: {' '.join(short_names[:6])} …")
print(f"all letters come back in {kept} of {len(chords)} chords")
show.sound(struck(chords_back[:8]))

# %% [markdown]
# All letters come back, and it sounds like chords. Now put both side by side: the piano roll, with what came back drawn hollow,
# and some figures. How many of the pitches return? How many different chords share the name C.E.G?

# %%
pairs = list(zip(chords, chords_back, strict=True))
returned = sum(len(set(a) & set(b)) for a, b in pairs)
print(f"{returned} of {sum(map(len, chords))} pitches come back")
print("lowest note:", *(pitch_name(min(map(min, side))) for side in (chords, chords_back)))
print("widest chord, in semitones:", *(max(max(chord) - min(chord) for chord in side) for side in (chords, chords_back)))
distinct = {tuple(chord) for chord in chords}
print(f"{len(distinct)} different chords share {len(set(short_names))} names; C.E.G means these:")
for chord in sorted(chord for chord in distinct if letters_of(chord) == "C.E.G"):
    print("   ", ".".join(pitch_name(pitch) for pitch in chord))
print("names with octaves:", NoteNameEncoding.of([struck(chords)]).loss_report(struck(chords))["lost"], "notes lost")
assert len(set(short_names)) < len(distinct) and returned < sum(map(len, chords)) / 2
display(show.sound(struck(chords[:8])))
show.piano_roll(struck(chords), struck(chords_back), labels=("the chords", "read back"), title="A name for each chord")

# %% [markdown]
# The bass is gone, all chords lie in one octave, and doubled notes have become one. The program's own check could not see it: it
# compares letters with letters, what it kept with what it kept. **Compare with the original, not with what your encoding kept of
# it.**
#
# ### Exercise 5.7 · Chords that keep their octave
#
# Write `name_chord(pitches)`: a text for a list of MIDI numbers. Choose the form yourself. Two things must hold. One chord has
# one name, in whatever order its notes stand, and a pitch that two voices play is one note. And two chords never share a name.
# Example: `[60, 64, 67]`, `[67, 60, 64]` and `[60, 60, 64, 67]` get the same name, `[48, 64, 67]` gets another.


# %%
def name_chord(pitches):
    """Name a chord so that no other chord has the same name."""
    ...


# %%
check("5.7", name_chord)

# %% [markdown]
# ### Exhibit 3 · The figures of a whole book
#
# *The label:* "Lists every *figure*, six notes in a row, in the 1059 tunes of the Mammoth Collection, with how often it comes.
# Prints how many there are and the two that come most often."
#
# What you will see holds no surprise: the most frequent figure is a piece of a scale, going down. What is wrong, and which tool
# would show it?

# %%
from collections import Counter

melodies = [score.notes["pitch"].tolist() for score in fiddle]


def figures_of(melodies, length=6):
    """Count every run of `length` notes in the book."""
    row = [pitch for melody in melodies for pitch in melody]
    return Counter(tuple(row[i : i + length]) for i in range(len(row) - length + 1))


figures = figures_of(melodies)
print(f"{sum(figures.values())} figures, {len(figures)} of them different")
for figure_notes, count in figures.most_common(2):
    print(f"{count} times", " ".join(pitch_name(pitch) for pitch in figure_notes))

# %% [markdown]
# Another test that asks what a result may hang on. A figure lies in a tune. So it cannot matter in which order the tunes stand in
# the book. Read the book from back to front, each tune as it is. What should the program print?

# %%
backwards = figures_of(melodies[::-1])
print("different figures, front to back:", len(figures), "  back to front:", len(backwards))
assert sum(figures.values()) == sum(backwards.values()) and figures != backwards

true = set().union(*(figures_of([melody]) for melody in melodies))
false = [figure_notes for figure_notes in figures if figure_notes not in true]
print(f"figures that stand in no tune: {len(false)}, or {len(false) / len(figures):.1%}; none comes more than", end=" ")
print(max(figures[figure_notes] for figure_notes in false), "times")
seam = melodies[0][-3:] + melodies[1][:3]
print("one of them:", " ".join(pitch_name(pitch) for pitch in seam))
print(f"the end of {fiddle[0].title!r} and the beginning of {fiddle[1].title!r}")
assert tuple(seam) in false and true < set(figures)

# %% [markdown]
# It is the fault of section 4, in a place where you do not look for it: nothing is trained here. The figures at the head of the
# list are none of the false ones, so it looks sound. The damage is among the rare ones. Of all the different figures, one in
# thirteen is music that nobody wrote. **A result about a collection must not depend on the order of its files.** This test costs
# one line.
#
# ### Exercise 5.8 · Figures that stay inside their tune
#
# Write `count_figures(tunes, length)`: `tunes` is a list of lists of pitches. Return a dictionary (or a `Counter`) that says for
# each run of `length` notes, a tuple, how often it stands inside a tune. Example: `count_figures([[60, 62, 60, 62], [64, 60]],
# 2)` is `{(60, 62): 2, (62, 60): 1, (64, 60): 1}`. Two other repairs come to mind: join the tunes with a mark between them, or
# leave out every figure with a wide leap. What would each of them still count, or lose?


# %%
def count_figures(tunes, length):
    """Count every run of `length` notes that stands inside a tune."""
    ...


# %%
check("5.8", count_figures)

# %% [markdown]
# ## Quiz
#
# What do you still know? Answer, then press Check: each answer is explained.

# %%
from musiclab.widgets.quiz import Quiz

Quiz(5)

# %% [markdown]
# ## In this lesson you saw
#
# - The first step of the original recipe: names, sorted names, integers, windows of 100, one-hot targets.
# - A set has no order; weights are worth nothing without the list of names that they were trained with.
# - An encoding decides what a network can know. Names lose time; the grid loses triplets; events round a little. A loss report
#   says how much.
# - Whole numbers claim that near numbers are alike. One-hot rows and embeddings do not.
# - Windows stay inside their piece, pieces inside their family, families on one side of the split.
# - Whole pieces go into batches with padding, and weights that leave the padding out.
# - The museum: a program without an error can be wrong. Renumber the names, compare with the original, change the order of the
#   files; what must not matter must not change the result.
#
# ## Where to read on
#
# - Jean-Pierre Briot, Gaëtan Hadjeres, François-David Pachet, *Deep Learning Techniques for Music Generation*, Springer, 2020: a
#   chapter on how music is represented.
# - Sageev Oore, Ian Simon, Sander Dieleman, Douglas Eck, Karen Simonyan, "This Time with Feeling: Learning Expressive Musical
#   Performance", *Neural Computing and Applications*, 2020: events for piano playing.
# - Shachar Kaufman, Saharon Rosset, Claudia Perlich, Ori Stitelman, "Leakage in Data Mining: Formulation, Detection, and
#   Avoidance", *ACM Transactions on Knowledge Discovery from Data*, 2012.
#
# **Next:** lesson 06, Training. The windows of this lesson meet the LSTM of the original recipe, and then a better one.
