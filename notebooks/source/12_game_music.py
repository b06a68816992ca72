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
# # 12 · Game music
#
# A film knows what comes next. A game does not: the player may open the door now, or in an hour. So its music cannot be
# written to the end beforehand. In this lesson a model writes it while it sounds, bar by bar, and follows what happens.
#
# You will be able to:
#
# - measure the character of a bar: its energy, its tension, its height, its mode;
# - train a model so that it obeys such numbers, and measure how well it does;
# - build an endless stream that changes its scene at the next bar line, without a gap;
# - save loops that a game engine plays round and round.
#
# Time: about 45 minutes, and 45 more for the exercises. The cells themselves run in about a minute. First, hear eight bars.
# After four of them something happens. What did the composer change? Name three things.

# %%
from dataclasses import replace
from pathlib import Path

import numpy as np

from musiclab import Score, check, hint, load_bundle, load_corpus, show, solution
from musiclab.game import BAR, SCENES, Stream, Tape

scenes = load_bundle("scenes")
stream = Stream(scenes, SCENES["explore"], seed=2)
first = [stream.next_bar() for _ in range(4)]
stream.scene = SCENES["battle"]
then = [stream.next_bar() for _ in range(4)]
tape = Tape()
samples = np.concatenate([tape.play(bar.score) for bar in first + then])
show.Sound(samples, "Eight bars: four of exploring, then four of battle", [])


# %% [markdown]
# No composer: a model. It was told four numbers for each bar, and they changed after the fourth. So did the tempo and the
# loudness, of which it knows nothing. Here is what it wrote, one scene at a time. Look for what you named.


# %%
def joined(bars):
    """Put the bars of a scene one after the other into a score."""
    notes = [(o + BAR * n, *rest) for n, bar in enumerate(bars) for o, *rest in bar.score.notes.tolist()]
    return replace(bars[0].score, notes=Score(notes).notes)


assert len(joined(first)) < len(joined(then))
show.notation(joined(first), title="explore", bars=(1, 4))

# %%
show.notation(joined(then), title="battle", bars=(1, 4))

# %% [markdown]
# Many more notes, a quicker tempo and another mode, for instance.
#
# ## 1 · The character of a bar
#
# A model can only be told what can be measured: in training it reads the numbers off the very bar that it learns to write,
# and so finds out what they mean. Four numbers:
#
# | | what is measured | over |
# |---|---|---|
# | **energy** | notes begun per quarter, all voices together | a bar |
# | **tension** | dissonance between the voices, and share of notes foreign to the key | a bar (its key: three bars) |
# | **register** | mean pitch of what sounds | a bar |
# | **mode** | how much better a major key fits than a minor one | nine bars, this one in the middle |
#
# Dissonance is the mean roughness of all pairs of notes that sound together; how rough an interval is was taken from a
# study of listeners' judgements (Huron 1994). Try it. Which of the four chords is the tensest, and which two tie?

# %%
from musiclab.character import NAMES, character

chords = {
    "C major": (72, 67, 64, 48),
    "C minor": (72, 67, 63, 48),
    "diminished seventh": (69, 66, 63, 48),
    "four neighbours": (63, 62, 61, 60),
}
for name, pitches in chords.items():
    sounding = np.tile(np.array(pitches) + 1, (16, 1))  # (steps, voices): 1 + MIDI pitch
    begun = np.zeros((16, 4), dtype=bool)
    begun[0] = True
    ((energy, tension, register, mode),) = character(sounding, begun, bar=16)
    print(f"{name:20} energy {energy:.2f}   tension {tension:.2f}   register {register:.1f}   mode {mode:+.2f}")

# %% [markdown]
# A single chord has few clues to its key, but the sign is right for the two that have a mode. Now real music: a
# movement by Mozart that the model has not seen, though it knows others of the same quartet. To compare numbers of four
# kinds, each becomes a **level** from 1 to 8, such that an eighth of all training bars has each. Level 8 of energy:
# busier than seven of eight bars by Bach, Haydn, Mozart, Beethoven and Schumann. Where would you expect this movement
# to be tense?

# %%
quartets = load_corpus("string-quartets")
movement = next(score for score, source in zip(quartets, quartets.sources, strict=True) if "k156/movement2" in source)
encoding = scenes.encoding
tokens = encoding.encode(movement.slice(0, 32 * BAR))  # (steps, voices)
levels = encoding.levels(encoding.character(tokens, (4, 4)))  # (bars, 4)
show.course(dict(zip(NAMES, levels.T, strict=True)), title="Mozart, K. 156, second movement")

# %% [markdown]
# Compare the picture with what you hear: the first four bars, and then the four tensest together.

# %%
from IPython.display import display

sums = np.convolve(levels[:, NAMES.index("tension")], np.ones(4, int), "valid")
start = int(sums.argmax())
display(show.sound(movement.slice(0, 4 * BAR)))
display(show.sound(movement.slice(start * BAR, (start + 4) * BAR)))
print(f"The four tensest bars begin with bar {start + 1}. Their levels sum to {sums[start]}, the first four to {sums[0]}.")
assert sums[start] > sums[0]

# %% [markdown]
# ### Exercise 12.1 · Energy
#
# Write `energy(score)`: for each bar the number of notes that begin in it, divided by the length of a bar in quarters.
# `energy(Score([(0, 1, 60), (1, 1, 62), (2, 2, 64), (4, 4, 65)]))` is `[0.75, 0.25]`. A bar in which a note is only held has 0,
# and counts.


# %%
def energy(score):
    """Return the notes begun per quarter, in each bar."""
    ...


# %%
check("12.1", energy)

# %% [markdown]
# ## 2 · Told, and not told
#
# The model is that of lesson 08: an LSTM and a head for each voice. There are two differences. It learned from string
# quartets beside the chorales, for a game needs more energy than a chorale has. And at every step it is told four numbers
# more. In one of seven pieces, others each time, they are withheld (level 0), so that it can also write unasked.
#
# If it uses what it is told, a bar whose character it was told should surprise it less. Guess by how many percent, for the
# movement by Mozart.

# %%
from musiclab.game import Writer


def surprise(told):
    """Return the nats of each bar of the movement, if the model is told its character, or not."""
    writer, nats = Writer(scenes), []
    for bar, wanted in zip(tokens.reshape(-1, 16, 4), levels, strict=True):
        nats.append(writer.write(wanted if told else 0 * wanted, given=bar)[1][0])
    return np.array(nats)


told, untold = surprise(told=True), surprise(told=False)
print(f"told: {told.mean():.1f} nats a bar, not told: {untold.mean():.1f}; {1 - told.mean() / untold.mean():.0%} less")
print(f"being told helps in {np.sum(told < untold)} of {len(told)} bars")
assert told.mean() < 0.99 * untold.mean() and np.mean(told < untold) > 0.7

# %% [markdown]
# It helps nearly always, and it helps little. Four numbers say how a bar is, and hardly which notes it has. That is what we
# want: the rest is left to the model.
#
# ## 3 · Ask
#
# Three times the same wishes, but for the energy: 0.05, 0.5 and 0.95, in some order. Which is which? (In a `Scene` wishes go
# from 0 to 1; section 5 shows how they are made to come true.)

# %%
from musiclab.game import Scene

energies = np.random.default_rng(1).permutation([0.05, 0.5, 0.95])
pieces = []
for value in energies:
    stream = Stream(scenes, Scene("plain", energy=float(value), tension=0.3, mode=0.8), seed=5)
    pieces.append(joined([stream.next_bar() for _ in range(4)]))
    display(show.Sound(show.sound(pieces[-1]).samples, f"Piece {len(pieces)}", []))

# %%
for number, (value, piece) in enumerate(zip(energies, pieces, strict=True), 1):
    print(f"piece {number}: energy {value:g}, {len(piece)} notes in four bars")
assert np.all(np.diff([len(pieces[n]) for n in np.argsort(energies)]) > 0)

# %% [markdown]
# And the mode, with everything else the same: first 1, then 0. Compare the two key signatures with the notes: which key is it,
# and is it major or minor?

# %%
for value in (1.0, 0.0):
    stream = Stream(scenes, Scene("plain", energy=0.3, tension=0.1, mode=value), seed=4)
    piece = joined([stream.next_bar() for _ in range(4)])
    display(show.notation(piece, title=f"mode {value:g}", bars=(1, 4)))
    measured = encoding.levels(encoding.character(encoding.encode(piece), (4, 4)))[:, NAMES.index("mode")]
    print("levels of the mode:", *measured)
    assert (measured > 4).all() if value else (measured < 5).all()

# %% [markdown]
# ## 4 · Does it follow?
#
# Single examples show little. So ask for forty-eight pieces with four random levels each, write six bars for each wish, and
# measure what came. Every dot is a piece. If the model obeys, the dots lie along the rising line. Which of the four
# wishes will be the hardest to fulfil? Think of how much a single note can do for it.

# %%
from musiclab.game import followed, rank_correlation


def picture(pairs, title):
    """Show what was wanted against what came, both as levels."""
    came = encoding.levels(np.stack([measured for _, measured in pairs.values()], axis=1))  # (pieces, 4)
    shown = {name: (wanted, came[:, n]) for n, (name, (wanted, _)) in enumerate(pairs.items())}
    return show.response(shown, title=title)


only_told = followed(scenes, count=48, bars=6, firmness=1, tries=1, seed=2)
picture(only_told, "Told what is wanted")

# %% [markdown]
# The number for it is Spearman's **rank correlation**: does a higher wish give a higher measure? 1 is perfect obedience, 0
# is none.
#
# ### Exercise 12.2 · Does it follow?
#
# Write `agreement(a, b)`: the rank correlation of two lists of numbers. Give each number its rank in its list (equal ones
# share the mean of their ranks), and return the ordinary correlation of the ranks.


# %%
def agreement(a, b):
    """Return the correlation of the ranks; equal numbers share their mean rank."""
    ...


# %%
check("12.2", agreement)

# %% [markdown]
# ## 5 · Push, and choose
#
# The energy follows; tension and register do so roughly; the mode does not: it is one of nine bars, and most of them are already
# written, or not yet, when a bar is. Two things help.
#
# **Push.** At each choice the model is asked twice: told what is wanted, and not told. Then the step from the second answer to
# the first is taken further than the model itself went (classifier-free guidance; image generators are steered by it, too):
#
# $$\log p \;=\; \log p_{\text{untold}} + f\,(\log p_{\text{told}} - \log p_{\text{untold}}) + \text{constant}$$
#
# With $f = 0$ nothing is asked for, with $f = 1$ the told model is left as it is, and with more it is pushed beyond.
#
# **Choose.** What can be measured can be chosen by. So write each bar four times, measure, and keep the one that is nearest
# to the wish. Guess which of the two helps the mode.

# %%
ways = {"not told": (0, 1), "told": (1, 1), "pushed": (1.5, 1), "chosen": (1, 4), "pushed and chosen": (1.5, 4)}
correlation = {}
for way, (firmness, tries) in show.progress(list(ways.items()), "Writing and measuring"):
    pairs = followed(scenes, count=48, bars=6, firmness=firmness, tries=tries, seed=2)
    correlation[way] = {name: rank_correlation(*pair) for name, pair in pairs.items()}
print(f"{'':18}" + "".join(f"{name:>10}" for name in NAMES))
for way, row in correlation.items():
    print(f"{way:18}" + "".join(f"{value:10.2f}" for value in row.values()))
assert min(correlation["pushed and chosen"].values()) > 0.75
assert max(correlation["not told"].values()) < 0.4

# %%
picture(pairs, "Pushed and chosen")

# %% [markdown]
# The first row is a control: who is not told cannot obey, and if it had said 0.8, the measurement would be wrong. Choosing is
# what helps the mode; pushing helps where there is something to push. Mind that a chosen bar is measured with the very numbers
# by which it was chosen. That it also *sounds* darker, only your ear can say. The price is work: each bar is written four times,
# by two runs of the model.
#
# ### Exercise 12.3 · Push
#
# Write `pushed(untold, told, firmness)`. Both are arrays of log-probabilities; return probabilities that sum to 1. Mind
# very small numbers: subtract the largest before `np.exp`. `pushed(np.log([0.5, 0.5]), np.log([0.8, 0.2]), 1)` is `[0.8, 0.2]`.


# %%
def pushed(untold, told, firmness):
    """Return probabilities, pushed from the untold model towards the told one and beyond."""
    ...


# %%
check("12.3", pushed)

# %% [markdown]
# ## 6 · Scenes, and themes that return
#
# A **scene** is four wishes, a tempo and a loudness. Four come with the course.

# %%
for scene in SCENES.values():
    wishes = "  ".join(f"{name} {getattr(scene, name):.2f}" for name in NAMES)
    print(f"{scene.name:8} {wishes}  tempo {scene.tempo:g}  loudness {scene.loudness}")

# %% [markdown]
# A **stream** plays them. You may set its scene at any moment, and the next bar is of the new one. And it remembers: the
# first four bars of a scene are its **theme**, and when the scene returns, they do. Here the player explores, is attacked,
# wins, and explores again. In which bars will you hear something for the second time?

# %%
stream = Stream(scenes, SCENES["explore"], seed=8)
plan = {1: "explore", 5: "battle", 9: "victory", 11: "explore"}
bars = []
for number in range(1, 15):
    stream.scene = SCENES[plan.get(number, stream.scene.name)]
    bars.append(stream.next_bar())
print(" ".join(f"{bar.number}:{bar.scene.name}{'*' if bar.returns else ''}" for bar in bars))
assert all(bars[n].scene.name == name for n, name in ((4, "battle"), (8, "victory"), (10, "explore")))
assert [bar.score for bar in bars[10:14]] == [bar.score for bar in bars[:4]]
tape = Tape()
samples = np.concatenate([tape.play(bar.score) for bar in bars])
show.Sound(samples, "Fourteen bars: explore, battle, victory, explore again", [])

# %% [markdown]
# The bars with a star are the theme, note for note; tempo and loudness are those of the scene. What comes after it the model
# writes by itself.
#
# ## 7 · Play
#
# Press Play, then the scenes; move the tension. The keys 1 to 4 choose the scene, too, when the picture has the focus (click it).
# Python writes each bar while the one before it sounds. Stop the game before you run the next cell: Python does one thing
# at a time.

# %%
from musiclab.widgets.game import Game

play = Game(seed=3)
play

# %% [markdown]
# How can the music change at the *next* bar line, if the next bar is already with the browser? The bar that nobody has
# heard is **taken back**, and written anew. (A change in the last seventh of a second comes a bar later: that is how long the
# browser allows for writing.) Watch it happen in code, with a second game that no browser plays: bar 1 has begun, bar 2 waits.

# %%
unheard = Game(seed=3)
unheard.advance()
unheard.stage._handle_custom_msg({"kind": "begun", "number": 1}, [])  # what a browser says when bar 1 begins to sound
waiting = unheard.advance()
unheard.scene.value = "danger"
unheard.stage._handle_custom_msg({"kind": "again", "number": 2}, [])  # and when a scene changes and a bar still waits
now = unheard.bars[-1]
print("before:", waiting.number, waiting.scene.name, "  after:", now.number, now.scene.name)
assert (waiting.number, waiting.scene.name) == (2, "explore")
assert (now.number, now.scene.name) == (2, "danger")

# %% [markdown]
# ## 8 · Without a gap
#
# A note rings on after its bar has ended. A bar that is played by itself cuts it off, and you hear a click. So what still
# rings is kept, and added to the next bar. Is the result the same as the whole played in one go? Compare the two waves.

# %%
from musiclab.game import SOFTER
from musiclab.show.sound import RATE, mix

tape, cut = Tape(), []
for bar in first:
    cut.append(tape.play(bar.score))
cut = np.concatenate(cut)
whole = SOFTER * mix(joined(first), voices=range(4))[: len(cut)]
difference = np.sqrt(np.mean((cut - whole) ** 2)) / np.sqrt(np.mean(whole**2))
print(f"bar by bar and at once differ by less than a ten-thousandth of their loudness: {difference < 1e-4}")
assert difference < 1e-4

# %% [markdown]
# At this tempo a sixteenth is exactly 3,750 frames, 24,000 of which are a second. At most tempos it is no whole number, and every
# note begins with the nearest frame. Here lies a trap.
#
# ### Exercise 12.4 · On time
#
# Write `bar_starts(tempos, rate)`: the frame with which each bar of four quarters begins, the first with 0. A bar at tempo 120
# lasts two seconds: `bar_starts([120, 120], 24000)` is `[0, 48000]`. If you round each bar by itself, the errors add up; after
# an hour the music is late.


# %%
def bar_starts(tempos, rate):
    """Return the frame with which each bar of four quarters begins."""
    ...


# %%
check("12.4", bar_starts)

# %% [markdown]
# Writing must be quicker than playing, or the music stops: that is called an **underrun**. So it is measured: write and play
# thirty bars of the busiest scene, and compare the seconds of the processor with how long they sound.

# %% tags=["nbval-ignore-output"]
import time

stream, tape, took, seconds = Stream(scenes, SCENES["battle"], seed=1), Tape(), [], 0.0
for _ in show.progress(range(30), "Writing and playing"):
    start = time.process_time()  # what else the computer does counts little
    seconds += len(tape.play(stream.next_bar().score)) / RATE
    took.append(time.process_time() - start)
lasts = BAR * 60 / SCENES["battle"].tempo
print(f"{seconds:.0f} s of music in {sum(took):.1f} s: {seconds / sum(took):.0f} times as fast as it sounds")
print(f"the slowest bar took {max(took):.2f} s and lasts {lasts:.2f}")
assert sum(took) < seconds and max(took) < lasts

# %% [markdown]
# ## 9 · Round and round
#
# Game engines play loops: a file whose end leads to its beginning. A loop has two seams. The *sound* must meet, so what rings
# on at the end is put into the beginning. And the *music* must meet: `loop` writes the last two bars sixteen times and keeps
# those after which the model is least surprised by the first bar. Listen: where is the seam? It plays twice.

# %%
from musiclab.game import loop, save_loop

round_ = loop(scenes, SCENES["victory"], bars=4, seed=3)
twice = [(o + 4 * BAR * n, *rest) for n in (0, 1) for o, *rest in round_.notes.tolist()]
display(show.notation(round_, title="A loop", bars=(1, 4)))
show.sound(replace(round_, notes=Score(twice).notes))

# %% [markdown]
# Save it, into your folder `work`. The WAV file says by itself where it loops, in a part called "smpl" that samplers
# and game engines read; the MIDI file beside it is for an engine with instruments of its own.

# %%
Path("work").mkdir(exist_ok=True)
wav, midi = save_loop(round_, Path("work") / "victory.wav", overwrite=True)
data = wav.read_bytes()
place = data.index(b"smpl") + 8
first_frame, last_frame = np.frombuffer(data[place + 44 : place + 52], "<u4")
frames = round(4 * BAR * 60 / round_.tempo * RATE)
print(f"{wav.name}: loops from frame {first_frame} to {last_frame}, {frames / RATE:.2f} s; and {midi.name}")
assert (first_frame, last_frame) == (0, frames - 1)

# %% [markdown]
# ### Exercise 12.5 · Scenes of your own
#
# Make a dict `my_scenes` with two scenes or more for a game that you would like to play: name -> `Scene`, each under its own
# name. The check writes four bars of each (of the first six), measures them, and asks that any two differ by 1.5
# levels or more, as you wished, in one of the four for which their wishes differ. Then hear them: `Game(my_scenes)`.

# %%
my_scenes = ...

# %%
check("12.5", my_scenes)

# %% [markdown]
# ## What it cannot do
#
# - It plays the piano in four voices, with one grid and one metre. Drums, basses and pads would need other data.
# - The quartets are from 1760 to 1842. What it knows of battle is what Beethoven knew.
# - It follows numbers. That a battle is *lost* is no number yet; you would have to find one that can be measured.
# - Energy is followed best, for a single note changes it. A key takes many bars to be one.

# %% [markdown]
# ## Quiz
#
# What do you still know? Answer, then press Check: each answer is explained.

# %%
from musiclab.widgets.quiz import Quiz

Quiz(12)

# %% [markdown]
# ## In this lesson you saw
#
# - A model can be told what to write, if that can be measured in what was written.
# - Obedience is measured: ask at random, measure the answer, correlate the ranks.
# - Two answers, told and not told, and the step between them, taken further. And what can be measured can be chosen by.
# - A stream writes bar by bar, changes at the next bar line, takes back what nobody has heard, and lets themes return.
# - No gap in the sound, no drift in time, and a seam where the model hears none.
#
# ## Where to read on
#
# - D. Huron: "Interval-class content in equally tempered pitch-class sets" (1994). How rough an interval is.
# - J. Ho, T. Salimans: "Classifier-free diffusion guidance" (2022).
# - N. Keskar and others: "CTRL: A conditional transformer language model for controllable generation" (2019).
# - K. Collins: *Game Sound* (2008). The history of music in games.
#
# ## Next
#
# Lesson 13 lets the model find out what you like.
