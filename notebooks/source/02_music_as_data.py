# %% [markdown]
# # 02 · Music as data
#
# A network reads numbers. How do numbers hold music? In this lesson you look at one tune in four ways, read a music file byte
# by byte, and then look at ten thousand tunes at once.
#
# You will be able to:
#
# - see pitch, duration, rest, chord, key, tempo and velocity as notation, piano roll, numbers and sound;
# - read a MIDI file by hand, and MIDI, MusicXML, ABC and kern files with music21 and with `read_score`;
# - say what MIDI does not know, and what notation does not know;
# - look through a collection of music before you trust it, and multiply it by transposition.
#
# Time: about 75 minutes, and 45 more for the exercises. The cells themselves run in under a minute; the first time, reading
# three collections takes up to a minute more.

# %%
from dataclasses import replace
from pathlib import Path

import numpy as np
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from musiclab import MusicFileError, Score, check, hint, load_corpus, read_score, show, solution, write_midi, write_musicxml
from musiclab.score import pitch_name

minuet = read_score("../data/tunes/minuet_in_g.abc")
eight = minuet.slice(0, 8 * minuet.bar_length)  # the first eight bars
print(show.describe(eight))
eight

# %% [markdown]
# ## 1 · Four views of eight bars
#
# Press play and follow the notes. This is the beginning of a **minuet**, a dance in three. It stands in the music book that
# Anna Magdalena Bach began in 1725. You have two views of it already.
#
# **Notation** is what musicians read. Time runs from left to right. The five lines are a **staff**; the higher a note head
# stands on it, the higher the note sounds. The shape tells how long it lasts: a full head with a stem is a **quarter note**;
# with a beam (or a flag) at the stem it is an **eighth**, half as long; a hollow head with a stem is a **half note**, twice
# as long as a quarter. With two beams it would be a **sixteenth**, half an eighth. A dot adds half of the length. The upright
# lines are **bar lines**, and from one to the next is a **bar**. The **time signature** 3/4 says that a bar has three beats,
# and that a beat is a quarter note. The sharp sign (♯) before it is the **key signature**: every F is to be played one key
# higher on the piano, as F sharp. The curled sign at the very left is the **clef**. It says which line stands for which note:
# this one winds around the line of a G. A mark such as ♩ = 120 gives the tempo: 120 quarter notes in a minute.
#
# **Sound** is what it is all for. Here a piano plays it.
#
# The third view is the **piano roll** of lesson 00. Each block is a note. Its left edge is the **onset**, its length the
# **duration**, its height the **pitch**.

# %%
roll = show.piano_roll(eight)
roll

# %% [markdown]
# The fourth view is the one that a network sees: a table with a row for each note. How many numbers do you think hold these
# eight bars? Guess, then run the cell. It prints the first two bars and counts the notes in each of the four views.

# %%
print("onset  duration  pitch  velocity")
for onset, duration, pitch, _, velocity in eight.notes[:8].tolist():
    print(f"{onset:5.2f}  {duration:8.2f}  {pitch:5d}  {velocity:8d}     {pitch_name(pitch)}")

in_notation = len(show.notation(eight).places) - 1  # where each onset stands, and the end
in_roll = max(len(drawn.get_paths()) for drawn in roll.axes.collections)  # the blocks
print(f"\nnotes: {in_notation} in the notation, {in_roll} in the roll, {len(eight)} in the table; numbers: {4 * len(eight)}")
seconds = eight.duration * 60 / eight.tempo
print(f"{eight.duration:g} quarters at {eight.tempo:g} quarters a minute are {seconds:g} seconds")
assert in_notation == in_roll == len(eight) and show.sound(eight).seconds >= seconds

# %% [markdown]
# Four numbers a note are enough. musiclab keeps them in a `Score`: this table, with a title, a tempo, a time signature and a
# key. Onset and duration are counted in **quarter lengths**, 1.00 for a quarter note. The **tempo** is the number of quarters
# in a minute; with it the quarters become seconds. **Velocity** says how hard the key is struck. Pitch is one number, and
# this is where we begin to look closer.
#
# ## 2 · Pitch
#
# The picture shows a part of a piano. The white keys have seven names, A to G, and then the names begin again, one **octave**
# higher. The figure behind the letter is the number of the octave: C4 is the C in the middle of a piano. The black keys are
# named after their neighbours: `#` (sharp) is one key higher. From each key to the very next, black or white, is a
# **semitone**. Count them: how many semitones make an octave?

# %%
figure = Figure(figsize=(8, 2.6), facecolor="white", layout="constrained")
axes = figure.subplots()
whites = [p for p in range(60, 77) if "#" not in pitch_name(p)]
for x, pitch in enumerate(whites):
    axes.add_patch(Rectangle((x, 0), 1, 4, facecolor="white", edgecolor="black"))
    axes.text(x + 0.5, 0.25, f"{pitch_name(pitch)}\n{pitch}", ha="center", fontsize=10)
for x, pitch in enumerate(whites[:-1], start=1):
    if "#" in pitch_name(pitch + 1):
        axes.add_patch(Rectangle((x - 0.3, 1.5), 0.6, 2.5, facecolor="black", zorder=2))
        axes.text(x, 1.7, f"{pitch_name(pitch + 1)}\n{pitch + 1}", ha="center", fontsize=9, color="white")
axes.set(xlim=(-0.1, len(whites) + 0.1), ylim=(0, 4.1), title="Keys, their names, and their MIDI numbers")
axes.axis("off")
print("semitones from C4 to C5:", whites[7] - whites[0])
names = ", ".join(f"{pitch_name(p)} {p}" for p in range(60, 77))
show.Picture(figure, axes, f"Piano keys from left to right with their MIDI numbers: {names}.")

# %% [markdown]
# Every key has a number, its **MIDI number**: 60 for C4, one more for each key to the right. An octave is 12. That makes
# arithmetic with pitches easy, and it is what a `Score` stores.
#
# A string or a column of air swings; the **frequency** says how often in a second, in hertz (Hz). A4 is 440 Hz, and with
# every octave the frequency doubles. So 12 equal steps make a factor of 2, and one semitone is a factor of $2^{1/12}$:
#
# $$f(p) = 440 \cdot 2^{(p - 69)/12}$$
#
# The cell compares the formula with **music21**, a library in which musicologists analyse music. It names things as musicians
# do.

# %%
from music21 import pitch as m21_pitch


def frequency(p):
    """Return the frequency of a MIDI number in hertz."""
    return 440 * 2 ** ((p - 69) / 12)


print("name   octave  MIDI number  frequency by the formula, by music21")
for name in ("C4", "C5", "A3", "A4", "F#3", "B-2"):
    p = m21_pitch.Pitch(name)
    print(f"{name:<5}  {p.octave:6}  {p.midi:11}  {frequency(p.midi):20.2f} Hz  {p.frequency:9.2f} Hz")
    assert np.isclose(frequency(p.midi), p.frequency)

# %% [markdown]
# `B-2` is music21's way to write B flat: a **flat** (♭) lowers a note by a semitone. A minus sign stands for it, for `b` is
# easily taken for the note B.
#
# Do frequencies double in the sound, too? Hear A3 and then A4, an octave higher. The cell then measures the sound: it splits
# each second of it into pure tones (a Fourier transform) and takes the strongest one. A **cent** is a hundredth of a
# semitone.

# %%
two = Score([(0, 1, 57), (1, 1, 69)], title="A3, then A4", tempo=60)  # at tempo 60 a quarter is a second
sound = show.sound(two)
display(sound)
for second, p in enumerate((57, 69)):
    part = sound.samples[int((second + 0.05) * sound.rate) : int((second + 0.95) * sound.rate)].mean(axis=1)
    strength = np.abs(np.fft.rfft(part * np.hanning(len(part)), n=2**18))
    measured = np.argmax(strength) * sound.rate / 2**18
    cents = 1200 * np.log2(measured / frequency(p))
    print(f"{pitch_name(p)}: {frequency(p):.0f} Hz expected, the strongest tone lies within 10 cents of it: {abs(cents) < 10}")
    assert abs(cents) < 10

# %% [markdown]
# ### Exercise 2.1 · From name to number
#
# Write `midi_number(name)`: the MIDI number of a name as music21 writes it. A name is a letter, then perhaps signs (`#` for
# sharp, `-` for flat, perhaps two of them), then the octave, a figure from 0 to 8. The octave begins at C: after B3 comes C4.
# Examples: `"C4"` is 60, `"F#3"` is 54, `"B-4"` is 70. Any letter can have any sign, so there are also names for white keys:
# `"E#4"` is the key of F4 (65), `"C-4"` that of B3, `"B#3"` that of C4. The figure goes with the letter, not with the key.
# (Do it without music21; you have seen all you need on the keyboard.)
#
# `hint("2.1")` gives a hint, and another one each time you ask; `solution("2.1")` shows a worked answer.


# %%
def midi_number(name):
    """Return the MIDI number of a pitch such as "C4", "F#3" or "B-4"."""
    ...


# %%
check("2.1", midi_number)

# %% [markdown]
# ## 3 · Duration, rest, chord
#
# In music21 a piece is a **stream** of objects. Here are all the kinds that matter, in two bars: notes, a **rest** (silence
# that is written down), and a **chord** (notes that sound together). Each has a `quarterLength`. In the notation, a hollow
# head without a stem is a **whole note**, four quarters long; and a rest has a sign for each length: that of an eighth looks
# like a 7 with a dot. Before you run the cell: the first bar has four beats, and in it are a half note, a quarter, a rest of
# an eighth and an eighth. Do they fill it?

# %%
from music21 import chord, key, meter, note, stream, tempo

from musiclab.files import from_music21

part = stream.Part([tempo.MetronomeMark(number=80), key.Key("C"), meter.TimeSignature("4/4")])
part.append([note.Note("C4", type="half"), note.Note("E4", type="quarter"), note.Rest(type="eighth")])
part.append([note.Note("G4", type="eighth"), chord.Chord(["C4", "E4", "G4"], type="whole")])
for element in part.notesAndRests:
    pitches = ", ".join(f"{p.nameWithOctave} {p.midi}" for p in element.pitches) or "-"
    print(f"at {element.offset:3.1f}  {element.fullName:<52}  length {element.quarterLength:3.1f}  {pitches}")

little = replace(from_music21(part), title="Notes, a rest, a chord")
name = part[chord.Chord].first().commonName
print(f"\nmusic21 has {len(part.notesAndRests)} objects, the Score {len(little)} notes; the chord is a {name}")
assert len(little) == 3 + 3 and len(little.slice(3, 3.5)) == 0
little

# %% [markdown]
# Yes: 2 + 1 + 0.5 + 0.5 = 4. And here is what became of the three kinds in the table of numbers:
#
# - a **note** is a row;
# - a **rest** is nothing at all. From 3.0 to 3.5 no row sounds, and that is the rest (the cell asserts it);
# - a **chord** is several rows with the same onset. Three notes at these distances (4 semitones, then 3) are a *major triad*.
#
# Two more words. A **scale** is the choice of pitches that a tune uses, and a **key** is a scale with a home note: G major is
# the seven pitches G A B C D E F♯ with G as home. **Major** and **minor** are the two common kinds of scale; minor often
# sounds darker. The key signature says which pitches, not which of them is home.
#
# Can a program hear the key? music21 adds up how long each pitch sounds and compares that with the typical profile of each of
# the 24 major and minor keys. The cell asks it about ten tunes that come with the course. In how many does it agree with what
# is written?

# %%
from music21 import converter

agree = 0
for path in sorted(Path("../data/tunes").glob("*.abc")):
    written = read_score(path).key
    heard = converter.parse(path, forceSource=True).analyze("key")
    heard = f"{heard.tonic.name} {heard.mode}"
    agree += written == heard
    print(f"{path.stem:<24} written {written:<9}  heard {heard:<9}  {'' if written == heard else '<- not the same'}")
print(f"{agree} of 10 agree")
assert agree == 8

# %% [markdown]
# Both misses are instructive. *Drunken Sailor* is in D **dorian**, an old scale that is neither major nor minor, and the
# method knows only those two. *Au clair de la lune* uses few pitches, and A major and F sharp minor have the same seven: to
# tell them apart you need to know which note is home. So a key is partly a matter of opinion. Remember that when a file
# states one.
#
# Last comes **velocity**, from 1 (as soft as it gets) to 127. Six times the same note: what changes in the sound, and is it
# the same amount each time? Loudness is measured in **decibels** (dB); 6 dB more is twice the swing.

# %%
velocities = [20, 40, 60, 80, 100, 120]
louder = Score([(i, 1, 67, 0, v) for i, v in enumerate(velocities)], title="Louder and louder", tempo=120, time_signature=(3, 4))
sound = show.sound(louder)
display(sound)
beat = sound.rate // 2  # frames in a quarter at tempo 120
levels = [20 * np.log10(np.sqrt((sound.samples[i * beat : (i + 1) * beat] ** 2).mean())) for i in range(6)]
for velocity, level in zip(velocities, levels, strict=True):
    print(f"velocity {velocity:3d}: {level - levels[-1]:5.0f} dB  {'#' * round(level - levels[-1] + 40)}")
gains = np.diff(levels)
assert (gains > 0).all() and (np.diff(gains) < 0).all()

# %% [markdown]
# With each step of 20 the sound gains fewer decibels: velocity is a number for the hand, not for the ear.
#
# ## 4 · MIDI, byte by byte
#
# **MIDI** (1983) is the language in which keyboards and computers speak of keys: *key 74 goes down, key 74 goes up*. A MIDI
# file is a list of such messages and of the time between them. It has no sound in it, and it is tiny. How many bytes do three
# notes take? Here is a whole file, written by hand. Each row is one thing that the file says. (A **byte** is eight **bits**,
# zeros and ones, and so a number from 0 to 255. Programmers write it with two figures to the base 16, from 00 to FF.)

# %%
rows = [
    ("4D 54 68 64", "letters", '"MThd": the header begins'),
    ("00 00 00 06", "number", "6 bytes of header follow"),
    ("00 00", "number", "type 0: everything is in one track"),
    ("00 01", "number", "1 track"),
    ("01 E0", "number", "480 ticks make a quarter note"),
    ("4D 54 72 6B", "letters", '"MTrk": a track begins'),
    ("00 00 00 26", "number", "38 bytes follow"),
    ("00", "wait", "0 ticks, then …"),
    ("FF 51 03 07 A1 20", "message", "tempo: a quarter lasts 500,000 microseconds"),
]
for p, ticks, wait in ((74, 480, "83 60"), (67, 240, "81 70"), (69, 240, "81 70")):
    rows += [("00", "wait", "0 ticks, then …")]
    rows += [(f"90 {p:02X} 50", "message", f"key {p} ({pitch_name(p)}) goes down, velocity 80")]
    rows += [(wait, "wait", f"{ticks} ticks, then …"), (f"80 {p:02X} 00", "message", f"key {p} goes up")]
rows += [("00", "wait", "0 ticks, then …"), ("FF 2F 00", "message", "end of the track")]

data = bytes.fromhex("".join(code for code, _, _ in rows))
Path("work").mkdir(exist_ok=True)
Path("work/three_notes.mid").write_bytes(data)
three = replace(read_score("work/three_notes.mid"), title="Three notes")
print(f"{len(data)} bytes hold {len(three)} notes; the first three of the minuet: {(three.notes == minuet.notes[:3]).all()}")
three

# %% [markdown]
# These 60 bytes are a piece of music, and any music program opens the file. The picture shows them in their order, with the
# meaning of each. Everything in the track comes in pairs: a time to wait, then a message.

# %%
looks = {"letters": ("#ffffff", ":"), "number": ("#e8e8e8", "-"), "wait": ("#ffe0b0", "--"), "message": ("#b8dcf4", "-")}
figure = Figure(figsize=(7.6, 5.9), facecolor="white", layout="constrained")
axes = figure.subplots()
for y, (code, kind, meaning) in enumerate(rows):
    for x, byte in enumerate(code.split()):
        face, edge = looks[kind]
        axes.add_patch(Rectangle((x, y + 0.08), 0.92, 0.84, facecolor=face, linestyle=edge, edgecolor="black", linewidth=0.9))
        axes.text(x + 0.46, y + 0.52, byte, ha="center", va="center", family="monospace", fontsize=8)
    axes.text(6.2, y + 0.52, kind, va="center", fontsize=8, style="italic")
    axes.text(8.1, y + 0.52, meaning, va="center", fontsize=8)
axes.set(xlim=(-0.1, 15.5), ylim=(len(rows), -0.1), title=f"three_notes.mid: {len(data)} bytes from top to bottom")
axes.axis("off")
words = "; ".join(f"{code}: {kind}, {meaning}" for code, kind, meaning in rows)
show.Picture(figure, axes, f"The bytes of three_notes.mid with their meaning. {words}.")

# %% [markdown]
# The first byte of a message says what it is. `9` is a key that goes down (*note on*), `8` one that goes up (*note off*), and
# the second figure is the **channel**, 0 to F: sixteen instruments can share a track. Then come the key and the velocity.
# `FF` marks what is not for playing: the tempo, a title, a time signature, the end.
#
# The time to wait is packed in a special way, as a **variable-length number**. Small numbers are common, so they take one
# byte, and large ones take more. Each byte carries 7 bits of the number; its top bit says whether another byte follows. `83
# 60`: 83 is 128 + 3, so the 3 is not the end; then 60 to the base 16, which is 96. Together 3 · 128 + 96 = 480.

# %%
def read_number(data, place):
    """Read a variable-length number; return it, and the place behind it."""
    value = 0
    while True:
        value = 128 * value + data[place] % 128
        place += 1
        if data[place - 1] < 128:  # the top bit is 0: this was the last byte
            return value, place


for code in ("00", "60", "7F", "81 00", "81 70", "83 60", "FF 7F", "81 80 00"):
    value, length = read_number(bytes.fromhex(code), 0)
    bits = " ".join(f"{byte:08b}" for byte in bytes.fromhex(code))
    print(f"{code:<8}  {bits:<26}  {length} byte{'s' if length > 1 else ' '}  {value:6d}")
assert read_number(bytes.fromhex("83 60"), 0) == (480, 2)

# %% [markdown]
# ### Exercise 2.2 · The way back
#
# Write `write_number(value)`, which returns the `bytes` of a variable-length number: the shortest ones that `read_number`
# reads back as `value`. Examples: `write_number(96)` is `bytes([0x60])`, `write_number(480)` is `bytes([0x83, 0x60])`.


# %%
def write_number(value):
    """Return a number of 0 or more as variable-length bytes."""
    ...


# %%
check("2.2", write_number)

# %% [markdown]
# Now you know enough to read a MIDI file. Two habits of those who write them need care. A *note on* with velocity 0 is a
# *note off*. And when a message begins with the same byte as the one before, that byte may be left out (*running status*);
# you notice it because what comes is below 128.


# %%
def parse(data):
    """Read the notes of a MIDI file: rows of onset, duration (in quarter lengths), pitch, velocity."""
    ticks, place, notes = int.from_bytes(data[12:14]), 14, []
    while place < len(data):  # for each track
        end = place + 8 + int.from_bytes(data[place + 4 : place + 8])
        place, time, status, down = place + 8, 0, 0, {}
        while place < end:
            wait, place = read_number(data, place)
            time += wait
            if data[place] >= 128:
                status, place = data[place], place + 1
            if status >= 0xF0:  # not for playing: skip it (FF has one more byte, its kind)
                length, place = read_number(data, place + (status == 0xFF))
                place += length
                continue
            pitch, velocity = data[place : place + 2]
            if status // 16 == 9 and velocity > 0:
                down[status % 16, pitch] = time, velocity
            elif status // 16 in (8, 9) and (status % 16, pitch) in down:
                start, struck = down.pop((status % 16, pitch))
                notes.append((start / ticks, (time - start) / ticks, pitch, struck))
            place += 1 if status // 16 in (0xC, 0xD) else 2  # C and D have one byte, others two
    return sorted(notes)


print(parse(data))

# %% [markdown]
# Is it right? Three readers get the same files: this parser, `read_score` (which uses the library *symusic*), and music21.
# The three share no code. The second file has 549 notes. The last one is our three notes as many programs write them: without
# repeated bytes, and with velocity 0 for *off*. How many bytes shorter is it?

# %%
def by_music21(path):
    """Read a MIDI file with music21: the same rows as `parse`."""
    notes = converter.parse(path, forceSource=True).stripTies().flatten().notes
    return sorted((float(n.offset), float(n.quarterLength), p.midi, n.volume.velocity) for n in notes for p in n.pitches)


head = data[:18]
track = bytes.fromhex("00 FF510307A120  00 904A50 8360 4A00  00 4350 8170 4300  00 4550 8170 4500  00 FF2F00")
Path("work/three_short.mid").write_bytes(head + len(track).to_bytes(4) + track)
write_midi(minuet, "work/minuet.mid", overwrite=True)
for path in ("work/minuet.mid", "../data/music.mid", "work/three_notes.mid", "work/three_short.mid"):
    content = Path(path).read_bytes()
    ours = parse(content)
    score = sorted(read_score(path).notes[["onset", "duration", "pitch", "velocity"]].tolist())
    print(f"{Path(path).name:<16} {len(content):5d} bytes, {len(ours):3d} notes; "
          f"read_score agrees: {ours == score}, music21 agrees: {ours == by_music21(path)}")
    assert ours == score == by_music21(path)

# %% [markdown]
# ## 5 · What MIDI does not know
#
# MIDI knows keys, not names. Look at the keyboard again: the black key between F and G is F sharp, and it is G flat just as
# well. Which of the two a composer writes is called the **spelling**. It tells the reader where the music is going, and the
# two stand on different lines of the staff. The cell writes eight spelled notes with music21, once as MusicXML (a format for
# notation) and once as MIDI, and reads both back. Guess which names return.

# %%
spelled = stream.Part([meter.TimeSignature("4/4")])
spelled.append([note.Note(name) for name in ("A4", "G#4", "A4", "A-4", "G4", "F#4", "G-4", "F4")])
back = {}
for kind in ("musicxml", "midi"):
    path = spelled.write(kind, fp=f"work/spelled.{'musicxml' if kind == 'musicxml' else 'mid'}")
    notes = converter.parse(path, forceSource=True).recurse().notes
    back[kind] = [n.nameWithOctave for n in notes]
    print(f"{kind:<8}", "  ".join(f"{name:<4}" for name in back[kind]))
print("numbers ", "  ".join(f"{n.pitch.midi:<4}" for n in notes))
assert back["musicxml"] == [n.nameWithOctave for n in spelled.notes] and back["midi"] != back["musicxml"]

# %% [markdown]
# From MIDI come G sharp and F sharp, always: the reader had to guess. Our `Score` is on MIDI's side. It keeps the number
# alone, because a network does not need the name; when `show.notation` draws it, the key decides about the spelling.
#
# MIDI does not know **bar lines** either. It may state a time signature, so that one can count bars from the start; a file
# that leaves it out, or begins with an upbeat, gives the reader a riddle. And when a note lasts over a bar line, notation has
# to write two note heads and bind them with a curved line, a **tie**. It is one key press. *Ode to Joy* has such a place, at
# the end of bar 12. Find the tie in the notation.

# %%
ode = read_score("../data/tunes/ode_to_joy.abc")
write_midi(ode, "work/ode_to_joy.mid", overwrite=True)
heads = len(converter.parse("../data/tunes/ode_to_joy.abc", forceSource=True).recurse().notes)
presses = len(parse(Path("work/ode_to_joy.mid").read_bytes()))
print(f"note heads on paper: {heads}, key presses in the MIDI file: {presses}")
assert heads == presses + 1
show.notation(ode, bars=(11, 14), title="Ode to Joy, bars 11 to 14")

# %% [markdown]
# ## 6 · What notation does not know
#
# Nobody plays exactly what is written. Each note comes a little early or late, is let go a little sooner, is a little louder
# or softer. Notation has no signs for two hundredths of a second; MIDI records them without effort.
#
# The cell makes a played version of the eight bars: each onset moves by chance, typically by 20 thousandths of a second. (A
# real player does not move by chance, but chance shows the problem.) Listen to the first four. Do you hear the difference?

# %%
rng = np.random.default_rng(7)
spread = 0.04  # in quarters: 20 ms at tempo 120
played = eight.notes.copy()
played["onset"] = np.maximum(0, played["onset"] + rng.normal(0, spread, len(played)))
played["duration"] *= rng.uniform(0.7, 0.95, len(played))
played["velocity"] = rng.integers(60, 100, len(played))
human = replace(eight, notes=played, title="As somebody might play it")
display(show.sound(human.slice(0, 4 * human.bar_length)))
both = set(eight.notes["onset"].tolist()) & set(human.notes["onset"].tolist())
print(f"of {len(human)} onsets, {len(both)} lie exactly where they are written")
assert len(both) <= 1
show.piano_roll(human, eight, labels=["played", "written"], bars=(1, 4), title="Written and played")

# %% [markdown]
# To get from the performance back to what is written, one moves each onset to the nearest line of a grid. This is
# **quantisation**. But how fine a grid? The cell tries several, and counts the onsets that end up where they are written.
# Which grid is too coarse, which is too fine?

# %%
written, counts = eight.notes["onset"], {}
for steps in (1, 2, 4, 8, 16, 32):
    moved = np.round(human.notes["onset"] * steps) / steps
    right = int((moved == written).sum())
    counts[steps] = right
    print(f"{steps:2d} lines a quarter: {right:2d} of {len(written)} right  {'#' * right}")
assert counts[1] < counts[2] == counts[4] == len(written) > counts[8] > counts[16] > counts[32]

# %% [markdown]
# With one line a quarter the eighth notes have no place to go. With two or four all is well. With finer grids the player's
# errors are larger than half a step, and become notation that no one could read. So a grid has to be fine enough for the
# music, and coarse beside the errors. The melody model of this course uses four lines a quarter.
#
# ### Exercise 2.3 · Quantise
#
# Write `quantise(times, steps)`: move each of the `times` (an array, in quarter lengths) to the nearest of `steps` lines a
# quarter. With `steps=3`, which serves for **triplets** (three notes in the time of a quarter), 0.3 moves to 1/3. Return a
# new array.


# %%
def quantise(times, steps):
    """Return the times, each moved to the nearest of `steps` lines a quarter."""
    ...


# %%
check("2.3", quantise)

# %% [markdown]
# ## 7 · Four formats, one reader
#
# Music comes in four kinds of file in this course. **MIDI** and **MusicXML** are written by programs. **ABC** and **kern**
# are typed by hand. In ABC a letter is a note, capital from C4 and small from C5 on; a number behind it is its length (`F3/2`
# is one and a half); and the key is stated once: in `K:D` each F is an F sharp. In kern every note has a line, small letters
# begin at C4, 4 is a quarter, 8 an eighth, a dot adds half, and each sharp is written. Here is the same line of *Ode to Joy*
# four times. `read_score` reads them all, by what is in them. Is it the same music?

# %%
abc = """X:1
T:Ode to Joy
M:4/4
L:1/4
K:D
F F G A | A G F E | D D E F | F3/2 E/2 E2 |]"""
kern = "**kern *clefG2 *k[f#c#] *D: *M4/4 =1 4f# 4f# 4g 4a =2 4a 4g 4f# 4e =3 4d 4d 4e 4f# =4 4.f# 8e 2e == *-"
Path("work/ode.abc").write_text(abc)
Path("work/ode.krn").write_text("\n".join(kern.split()))  # a line for each
ode = read_score("work/ode.abc")
write_midi(ode, "work/ode.mid", overwrite=True)
write_musicxml(ode, "work/ode.musicxml", overwrite=True)

for ending in ("abc", "krn", "mid", "musicxml"):
    score = read_score(f"work/ode.{ending}")
    print(f"ode.{ending:<9} {len(score)} notes, all the same: {np.array_equal(score.notes, ode.notes)}, {score.key}")
    assert np.array_equal(score.notes, ode.notes)
ode

# %% [markdown]
# Files from the internet are often broken. A reader that returns half a piece without a word is worse than none. Here are
# three files that cannot be right: one is cut off, one is a recording, one holds no note. What would you want to be told?

# %%
Path("work/cut_off.mid").write_bytes(data[:40])
Path("work/song.mid").write_bytes(b"ID3" + bytes(500))
Path("work/silent.mid").write_bytes(data[:18] + (4).to_bytes(4) + bytes.fromhex("00 FF2F00"))
for name in ("cut_off.mid", "song.mid", "silent.mid"):
    try:
        read_score(f"work/{name}")
    except MusicFileError as error:
        print(error)

# %% [markdown]
# Each message names the file, says what is wrong, and what to do. Lesson 10 does this for a whole folder of your own files.
#
# ## 8 · Ten thousand tunes
#
# A network learns what is common in its data. So look at the data before you train. music21 brings five collections; we take
# three: American fiddle tunes (dances), folk songs (mostly German and Chinese), and Bach's **chorales** (church songs in four
# voices, of which we take the top one).
#
# An **interval** is the distance between two notes, in semitones: here from each note to the next, positive if it goes up.
# Guess three things. Which interval is the most common? Does a melody climb in the same way as it falls? Which collection has
# the shortest notes?

# %% tags=["nbval-ignore-output"]
corpora = {name: load_corpus(name) for name in ("fiddle-tunes", "folk-songs", "bach-chorales")}
print(*corpora.values(), sep="\n")
assert len(corpora["fiddle-tunes"]) > 1000 and len(corpora["folk-songs"]) > 8000 and len(corpora["bach-chorales"]) > 300

# %%
def facts(corpus):
    """Gather facts about the melodies of a corpus: one entry a note, an interval, or a piece."""
    tops = [score.notes[score.notes["voice"] == 0] for score in corpus]
    # Pitches are stored in bytes, and there 60 - 62 is 254: hence astype(int).
    pitches = [top["pitch"].astype(int) for top in tops]
    return {
        "pitch": np.concatenate(pitches),
        "interval": np.concatenate([np.diff(p) for p in pitches]),
        "duration": np.concatenate([top["duration"] for top in tops]).round(3),
        "bars": np.array([int(np.ceil(score.duration / score.bar_length - 1e-9)) for score in corpus]),
        "key": np.array([score.key or "none" for score in corpus]),
        "last": np.array([p[-1] % 12 for p in pitches]),
        "upbeat": np.array([top["onset"][0] > 0 for top in tops]),
    }


def most_common(values):
    """Return the value that occurs most often."""
    values, counts = np.unique(values, return_counts=True)
    return values[counts.argmax()]


table = {name: facts(corpus) for name, corpus in corpora.items()}
for name, fact in table.items():
    print(f"{name:<14} {len(fact['key']):5,} pieces, {len(fact['pitch']):7,} notes in the melody")

# %%
for name, fact in table.items():
    step = fact["interval"]
    up, down = step[step > 0], step[step < 0]
    print(f"{name:<14} commonest interval {most_common(step)}, duration {most_common(fact['duration'])}; ", end="")
    print(f"same note again {np.mean(step == 0):.0%}, over 2 semitones {np.mean(np.abs(step) > 2):.0%}")
    print(f"{'':<14} {len(up):7,} times up, by {up.mean():.1f} semitones; {len(down):7,} times down, by {-down.mean():.1f}")
    assert most_common(step) == -2 and len(up) < len(down) and up.mean() > -down.mean()

home = {k: m21_pitch.Pitch(k.split()[0]).pitchClass for fact in table.values() for k in set(fact["key"]) if k != "none"}
for fact in table.values():
    fact["above home"] = np.array([(last - home.get(k, last)) % 12 for last, k in zip(fact["last"], fact["key"], strict=True)])

# %% [markdown]
# In all three the most common move is two semitones *down*. And in all three the melody goes up less often than down, but in
# larger intervals. The fiddle tunes have the shortest notes. Such habits are what a network can learn.
#
# Averages hide a lot, so draw what there is. Before you look at the last of the six pictures, think what it should show: how
# many semitones the last note of a tune lies above the home note of its key. Where should nearly all tunes be?

# %%
keys = ["C major", "D major", "F major", "G major", "A major", "B- major", "E minor", "G minor", "A minor"]
key_names = ["C", "D", "F", "G", "A", "B♭", "E\nmin", "G\nmin", "A\nmin"]
panels = {
    "pitch": (range(55, 87), [pitch_name(p) if p % 12 in (0, 7) else "" for p in range(55, 87)], "pitch of the notes"),
    "interval": (range(-12, 13), [str(i) if i % 4 == 0 else "" for i in range(-12, 13)], "interval to the next note, semitones"),
    "duration": ((0.25, 0.333, 0.5, 0.75, 1, 1.5, 2, 3, 4), ["¼", "⅓", "½", "¾", "1", "1½", "2", "3", "4"], "duration, quarters"),
    "bars": (range(5, 38), [str(b) if b % 4 == 1 else "" for b in range(5, 38)], "length of the piece, bars"),
    "key": (keys, key_names, "key (of nine)"),
    "above home": (range(12), [str(i) for i in range(12)], "last note, semitones above home"),
}
figure = Figure(figsize=(9.2, 5.6), facecolor="white", layout="constrained")
for axes, (fact, (places, names, label)) in zip(figure.subplots(2, 3).flat, panels.items(), strict=True):
    for (name, values), style in zip(table.items(), ("o-", "s--", "^:"), strict=True):
        shares = [100 * np.mean(values[fact] == p) for p in places]
        axes.plot(range(len(places)), shares, style[0] if fact == "key" else style, ms=3.5, lw=1.1, label=name)
    axes.set_xticks([i for i, n in enumerate(names) if n], [n for n in names if n], fontsize=7.5)
    axes.set(xlabel=label, ylabel="%")
figure.axes[5].legend(fontsize=8)
text = f"Six plots of shares in percent, each for {', '.join(table)}: {'; '.join(label for _, _, label in panels.values())}."
show.Picture(figure, figure.axes, text)

# %% [markdown]
# Read them one by one.
#
# - **Pitch**: no smooth hill, but peaks and valleys. A is the most common letter in all three, D sharp and G sharp are the
#   rarest (the next cell prints them): a tune uses the notes of its key, and the common keys share most of theirs.
# - **Interval**: 2 down and 2 up are more common than 1 and 3. Fiddles leap more than voices, and the folk songs often repeat
#   a note.
# - **Duration**: each collection has its favourite. This is a habit of writing, not of playing: a dance in 2/4 can be written
#   in 2/2 with notes of twice the length.
# - **Length**: peaks at 9, 13 and 17 bars: 8, 12 and 16, and an **upbeat**, notes before the first full bar. (In our scores
#   an upbeat stands at the end of a bar of its own.) All three are multiples of four: this music is built from phrases of
#   four bars.
# - **Key**: the strings of a fiddle are G, D, A and E, and G, D and A major are its favourite keys.
# - **Last note**: 0 should have nearly all, and has most. And the picture before it holds a riddle: minor keys seem to be
#   missing from the folk songs.
#
# Is that so? Major and minor differ in one note above all, the **third**: it lies 4 semitones above home in major, 3 in
# minor. Take the pieces that are labelled major and end at home. How many of them have the third of minor, and never that of
# major? And where do the songs from China end? (Their files are called *han*.)

# %%
for name, corpus in corpora.items():
    fact = table[name]
    order = np.bincount(fact["pitch"] % 12, minlength=12).argsort()  # the rarest first
    upbeats = fact["upbeat"][np.isin(fact["bars"], (9, 13, 17))].mean()
    assert set(order[:2].tolist()) == {3, 8} and order[-1] == 9 and upbeats > 0.75
    minor, count, wrong = np.mean([k.endswith("minor") for k in fact["key"]]), 0, 0
    for score in corpus:
        if (score.key or "").endswith("major"):
            above = (score.notes["pitch"][score.notes["voice"] == 0].astype(int) - home[score.key]) % 12
            count += above[-1] == 0
            wrong += above[-1] == 0 and 3 in above and 4 not in above
    letter, *rare = (pitch_name(60 + int(n))[:-1] for n in (order[-1], *sorted(order[:2])))
    print(f"{name:<14} most common letter {letter}, rarest {' and '.join(rare)}")
    print(f"{'':<14} {minor:5.1%} minor; {count:5,} major and end at home, {wrong:3} of them with the third of minor alone")
    assert wrong >= 200 if name == "folk-songs" else wrong <= 1

# %%
five = (0, 2, 4, 7, 9)
songs = corpora["folk-songs"]
china = np.array(["han" in source for source in songs.sources])
last = table["folk-songs"]["above home"]
for place, where in ((china, "songs from China"), (~china, "the other songs ")):
    chosen = [songs[i] for i in np.flatnonzero(place).tolist() if songs[i].key]
    above = np.concatenate([(song.notes["pitch"].astype(int) - home[song.key]) % 12 for song in chosen])
    print(f"{where}  {np.isin(above, five).mean():.0%} of all notes are 0, 2, 4, 7 or 9 above home;")
    print("       the last note: ", ", ".join(f"{n} {np.mean(last[place] == n):.0%}" for n in five))
assert np.mean(last[china] == 0) < 0.2 and np.isin(last[china], five).mean() > 0.98

# %% [markdown]
# So some of the minor is there, mislabelled: 264 songs have the notes of minor and the label of major. (In ABC, G minor is
# `K:Gm` and G major `K:G`. One lost letter is enough.) And the songs from China have a scale of five notes, any of which can
# be home: they end on all five. To call such a song "G major" says which notes it uses, and no more.
#
# No program on the way complained. So count before you trust a label, and let no network learn from a label that you have not
# looked at.
#
# ## 9 · Transposition, or twelve tunes for one
#
# **To transpose** is to move all notes by the same number of semitones. Here are the first bars of the minuet and the same
# seven semitones lower. Is it another tune?

# %%
low = eight.transpose(-7)
display(show.sound(eight.slice(0, 6)))
display(show.sound(low.slice(0, 6)))
print("numbers: ", eight.notes["pitch"][:9].tolist(), "and", low.notes["pitch"][:9].tolist())
distances = [np.diff(score.notes["pitch"].astype(int)) for score in (eight, low)]
print("intervals:", distances[0][:8].tolist(), "and", distances[1][:8].tolist())
print(f"{eight.key} became {low.key}; all {len(distances[0])} intervals are the same: {np.array_equal(*distances)}")
assert np.array_equal(*distances) and np.array_equal(eight.notes["duration"], low.notes["duration"])
show.piano_roll(eight, low, labels=["the minuet", "7 lower"], title="A tune is its intervals")

# %% [markdown]
# To your ear it is the same tune, because a tune lives in its intervals. To a network that reads pitch numbers it is another
# row of numbers altogether. It would have to learn each phrase twelve times, once in every key.
#
# So one gives it every piece in twelve keys. This is **augmentation**: more data from the data you have. Does it help? Here
# is a test without any network. Take 500 folk songs to learn from and 500 others. Cut the others into runs of six notes: how
# many of these runs stand somewhere in the first 500? And how many if those come in twelve keys? Guess both. Then the same
# with runs of six *durations*.


# %%
def runs(score, field, shift=0, length=6):
    """Return every run of pitches, or of durations, of a melody."""
    row = (score.notes[field] + float(shift)).round(3).tolist()
    return [tuple(row[i : i + length]) for i in range(len(row) - length + 1)]


songs = [corpora["folk-songs"][i] for i in np.random.default_rng(0).permutation(8_000)[:1_000].tolist()]
learn, others = songs[:500], songs[500:]
share = {}
for what, field, shifts in (
    ("pitches as they are", "pitch", [0]),
    ("pitches in twelve keys", "pitch", range(-5, 7)),
    ("durations", "duration", [0]),
):
    known = {run for score in learn for shift in shifts for run in runs(score, field, shift)}
    share[what] = np.mean([run in known for score in others for run in runs(score, field)])
    print(f"{what:<22}  {len(known):7,} runs learnt, {share[what]:4.0%} of those in the other songs found")
assert share["pitches in twelve keys"] > 1.8 * share["pitches as they are"]

# %% [markdown]
# Twelve keys nearly double what is known of new songs, and it costs nothing: no new song had to be found. That is why
# transposition is called free data. What it does not bring is new rhythm: the durations of a piece are the same in every key.
# And twelve times one song is still one song. (So a song and its transpositions must never be split between training and
# test; lesson 05 comes back to it.)
#
# There is a price for instruments and voices, too. The lowest string of a fiddle is G3. What becomes of the fiddle tunes if
# they are moved?

# %%
lowest = np.array([int(score.notes["pitch"].min()) for score in corpora["fiddle-tunes"]])
G3 = 55
for shift in range(-6, 6):
    playable = np.mean(lowest + shift >= G3)
    print(f"{shift:+d} semitones: {playable:4.0%} of the tunes can still be played  {'#' * round(40 * playable)}")
assert np.all(lowest >= G3) and np.mean(lowest - 6 >= G3) < 0.9

# %% [markdown]
# Every tune as printed can be played; six semitones lower, more than a fifth cannot. So choose the twelve shifts with the
# instrument in mind (voices have an upper end as well), or let the network learn the absolute pitch along with the rest and
# leave the data as it is.
#
# ### Exercise 2.4 · The same tune
#
# Write `same_tune(a, b)`: is score `b` the score `a` in another key (or in the same)? The rhythm has to be the same, and all
# pitches have to be moved by the same number of semitones. Title, tempo and velocity do not matter. Return True or False.


# %%
def same_tune(a, b):
    """Tell whether b is a, transposed."""
    ...


# %%
check("2.4", same_tune)

# %% [markdown]
# ### Exercise 2.5 · What makes a melody? (open)
#
# Take a tune and shuffle its pitches, and keep the rhythm. It has the same notes, the same durations, the same range, and it
# is no melody any more. So where is the melody? Write `measure(score)`, which returns a number that is *higher* for a tune
# than for its shuffled self. The check lets the network of lesson 00 write 12 tunes (half of them end lower than they begin)
# and shuffles each of them ten times; in two thirds of the cases your number has to be higher for the tune. And it has to be
# the same in every key.
#
# Take care with differences: pitches are stored in bytes, from 0 to 255, and in bytes 60 - 62 is 254. So write
# `score.notes["pitch"].astype(int)` before you subtract.
#
# There are several answers. Then ask your measure about the collections above: which of them is the most melodious, and do
# you agree?


# %%
def measure(score):
    """Return a number that is higher for a melody than for the same notes in another order."""
    ...


# %%
check("2.5", measure)

# %% [markdown]
# ## 10 · The tools
#
# You have now met the tools that the rest of the course stands on.
#
# | tool | what it is | where you use it |
# |---|---|---|
# | MIDI file | key presses and the time between them | `read_score`, `write_midi`: what comes in and what goes out |
# | MusicXML, ABC, kern | written notation: bars, spelling, ties | `read_score`, `write_musicxml` |
# | music21 | a library to analyse music, with thousands of pieces | keys and chords; `load_corpus` reads its collections |
# | Score | our table of notes, in NumPy | everywhere |
# | Keras | a library to build and train networks | from lesson 04 on |

# %% [markdown]
# ## Quiz
#
# What do you still know? Answer, then press Check: each answer is explained.

# %%
from musiclab.widgets.quiz import Quiz

Quiz(2)

# %% [markdown]
# ## In this lesson you saw
#
# - Notation, roll, table and sound show the same notes; in the table a note is onset, duration, pitch and velocity, a chord
#   is rows that begin together, a rest is nothing.
# - A semitone is 1, an octave is 12, and 12 semitones double the frequency.
# - A MIDI file is pairs of a time and a message; a parser fits into 25 lines, and two libraries agree with it.
# - MIDI knows neither spelling nor bars; notation knows no timing. Quantisation leads from one to the other, if the grid is
#   right.
# - Melodies rise in larger intervals than they fall. Labels in data may be wrong: count before you trust them.
# - A tune is its intervals, so every tune gives twelve.
#
# ## Where to read on
#
# - M. S. Cuthbert, C. Ariza: "music21: A Toolkit for Computer-Aided Musicology and Symbolic Music Data" (2010).
# - The MIDI Association publishes the MIDI 1.0 specification and that of Standard MIDI Files; both are free to read.
# - D. Huron: *Sweet Anticipation* (2006). What listeners expect of a melody, with statistics such as those of section 8.
# - C. L. Krumhansl: *Cognitive Foundations of Musical Pitch* (1990). Where the key profiles come from.
#
# ## Next
#
# Lesson 03 builds a network that reads such a row of numbers and remembers what it read.
