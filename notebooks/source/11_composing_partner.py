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
# # 11 · Composing partner
#
# You play a phrase. What would you want from somebody at the other keyboard? That they answer in your key and your
# tempo; that they go on where you stopped, or change the two bars that you point at and nothing else; that they find an
# end. In this lesson the melody model does all that, and you measure whether it does.
#
# You will be able to:
#
# - ask a model for several suggestions, and read how likely and how original each one is;
# - turn a model that only reads from left to right into one that fits new bars between old ones;
# - measure, over forty phrases, whether suggestions stay in the key and whether an end is an end;
# - compose a piece with it, turn by turn, and take it away as a file that a notation program opens.
#
# Time: about 40 minutes, and 40 more for the exercises. The cells themselves run in about a minute. Here is a phrase of four
# bars. It stops on A, the second note of G major: it asks something. Sing an answer before you run the cell.

# %%
import tempfile
from pathlib import Path

import numpy as np
from IPython.display import display

from musiclab import Score, check, hint, load_bundle, read_score, show, solution
from musiclab.partner import Draft, answer, as_phrase, continue_phrase, drawn, ending, harmonise, share_in_key, tonic_of, vary

melody = load_bundle("melody")
notes = [(0, 1, 67), (1, 0.5, 69), (1.5, 0.5, 71), (2, 1, 74), (3, 1, 71), (4, 1, 72), (5, 0.5, 71), (5.5, 0.5, 69)]
notes += [(6, 2, 71), (8, 1, 67), (9, 0.5, 69), (9.5, 0.5, 71), (10, 1, 74), (11, 1, 76), (12, 1.5, 74), (13.5, 0.5, 71)]
phrase = Score([*notes, (14, 2, 69)], tempo=108, key="G major", title="A question")
answers = answer(melody, phrase, seed=11)
display(show.notation(phrase))
show.player(answers[0].piece)

# %% [markdown]
# ## 1 · What makes it an answer?
#
# Musicians call such a pair *antecedent and consequent*, or call and response. There are many ways to answer; this one is
# simple enough to check. The answer takes over your rhythm, note for note. Its pitches are new. And it closes on the
# tonic, where your phrase stayed open. The rhythm is imposed: where you have no onset, the model may not begin a note.
# The close is not imposed: many answers are drawn, and those that end elsewhere are set aside. Guess: how many of 96 close on G?

# %%
everything = answer(melody, phrase, count=96, candidates=96, seed=11)
best = everything[0]
assert all(np.array_equal(s.new.notes["onset"], phrase.notes["onset"]) for s in everything)
assert all(s.new.notes["pitch"][-1] % 12 == tonic_of("G major") for s in everything)
assert all(s.piece.slice(0, 16) == phrase.slice(0, 16) for s in everything)
print(f"{len(everything)} different answers of 96 close on G; the best of them at {best.nats:.2f} nats a step")
for number, s in enumerate(everything[:4], 1):
    print(f"{number}. {s.words}")

# %% [markdown]
# They are ranked: the likeliest comes first. Likely means what it meant in lesson 06: how little the model is surprised,
# in nats a step. All answers have the same rhythm, so the figures can be compared.
#
# ### Exercise 11.1 · Where the answer begins
#
# Each note of the answer has to fall on the same beat as the note that it answers. So the answer begins whole bars after
# the phrase began, as soon as the phrase is over. Write `answer_place(start, end, bar)`: from the beginning and the end
# of a phrase, and the length of a bar, all in quarter lengths, the beginning of its answer. A phrase of four beats with
# an upbeat, `answer_place(3, 11, 4)`, is answered at 11.


# %%
def answer_place(start, end, bar):
    """Return when the answer to a phrase begins: whole bars after the phrase began, as soon as it is over."""
    ...


# %%
check("11.1", answer_place)

# %% [markdown]
# ## 2 · Likely, or original?
#
# The last figure of each line is missing. How much of an answer stands in a tune that the model has read? Lesson 09 looked
# through all training tunes for each piece, which takes seconds. Here you wait after every phrase; so the tunes are
# brought into an order first, once, in which the longest match stands next to what is looked for, as in a dictionary. A run
# is counted as in lesson 09: in any key and any rhythm, and a repeated note counts once.

# %%
from musiclab.evaluation.copying import CopyIndex
from musiclab.splits import melody_sides

sides = melody_sides(melody.encoding)
index = CopyIndex(show.progress(sides["train"], "Sorting"))
print(f"{len(index.titles):,} tunes of the training split")
everything = answer(melody, phrase, count=96, candidates=96, index=index, seed=11)
for number in (0, 1, 2, len(everything) - 3, len(everything) - 2, len(everything) - 1):
    print(f"{number + 1}. {everything[number].words}")
assert all(s.copy is not None for s in everything)

# %% [markdown]
# The first three share 10 to 13 of 17 notes with a known tune. Is that a theft, or what tunes in one style share anyway?
# Look at both columns. Would you expect the likeliest answers to share longer runs with known tunes, shorter ones, or does
# it make no difference? One phrase proves nothing, so ask for forty. They are the first four bars of tunes that were held
# out, and the tunes' own next four bars are the yardstick.

# %%
from musiclab.evaluation import bootstrap_means

held_out = []
for tune in sides["test"]:
    bar = tune.bar_length
    begins, goes_on = tune.slice(0, 4 * bar), tune.slice(4 * bar, 8 * bar)
    if tune.duration >= 8 * bar and min(len(begins), len(goes_on)) >= 8:
        held_out.append((begins, goes_on))
held_out = held_out[:40]

runs = {"the tunes": [], "likeliest": [], "least likely": []}
for begins, goes_on in show.progress(held_out, "Answering"):
    found = answer(melody, begins, index=index, count=96, candidates=96, seed=2)
    part = max(1, len(found) // 4)  # the quarter at each end
    runs["the tunes"].append(index.longest(goes_on).chords)
    if found:
        runs["likeliest"].append(np.mean([s.copy.chords for s in found[:part]]))
        runs["least likely"].append(np.mean([s.copy.chords for s in found[-part:]]))
longest = {name: (np.mean(v), *np.percentile(bootstrap_means(np.array(v)), [2.5, 97.5])) for name, v in runs.items()}
assert longest["likeliest"][1] > longest["least likely"][2]
name = "longest run shared with a known tune"
show.intervals({name: longest}, [name], real="the tunes", units={name: "notes"}, title="Likely and original")

# %% [markdown]
# The intervals of the two quarters do not touch. The likelier an answer, the longer the run that it shares with a known
# tune: what is likely is what has been written often. That is why both figures stand beside each suggestion, and why you
# get several. The first is the likeliest, which is neither the best nor the most your own.
#
# ### Exercise 11.2 · What two melodies share
#
# Write `shared_notes(a, b)`: from two lists of pitches, how many notes the longest run has that stands in both, in any
# key. `shared_notes([60, 62, 64, 65], [67, 69, 71, 72])` is 4, and a single note is always shared.


# %%
def shared_notes(a, b):
    """Return how many notes the longest run has that stands in both melodies, in any key."""
    ...


# %%
check("11.2", shared_notes)

# %% [markdown]
# ## 3 · Vary a bar, and leave the rest
#
# Take the first answer. Its second bar shall become something else. The bars before it can be the prompt. But what about
# the bars after it? The model reads from left to right; it does not know what comes, and may lead anywhere. The way out:
# draw 96 candidates, let the model read on through the bars that stay, and see how likely each candidate makes *them*. Then
# draw four of the candidates, each with a chance in proportion to that. This is **importance resampling**.

# %%
draft = Draft().add(phrase).put(everything[0].piece)
variations = vary(melody, draft.score, 6, 6, index=index, seed=3)
for s in variations:
    for start, end in ((0, 20), (24, 32)):  # the rest is the same, to the last bit
        assert s.piece.slice(start, end) == draft.score.slice(start, end)
    assert s.new != draft.score.slice(20, 24)
    print(s.words)
show.piano_roll(draft.score, variations[0].piece, labels=["before", "bar 6 varied"], bars=(5, 8), title="One bar is new")

# %% [markdown]
# Does the weighing matter? The cell writes bar 3 of some held-out tunes anew, once without looking at what follows and
# once with. How surprised is the model by the bars that follow, per tune? And by the original? Guess the order of the three.

# %%
follow = {"drawn from the left alone": [], "weighed by what follows": [], "the original": []}
grid = melody.encoding
for tune in show.progress(sides["test"][:24], "Varying"):
    bar, metre = round(4 * tune.bar_length), tune.time_signature
    tokens = grid.encode(tune)[: 5 * bar]
    if len(tokens) < 5 * bar:
        continue
    given = tokens.copy()
    given[2 * bar : 3 * bar] = grid.size  # this value says: free
    free = drawn(melody, given, metre, 96, start=2 * bar, seed=5)
    cost = free.nats[:, bar:].sum(axis=1)  # of the two bars that follow, for each candidate
    weights = np.exp(cost.min() - cost)
    follow["drawn from the left alone"].append(cost.mean())
    follow["weighed by what follows"].append(weights @ cost / weights.sum())
    follow["the original"].append(drawn(melody, tokens, metre, 1, start=2 * bar).nats[:, bar:].sum())
for name, values in follow.items():
    print(f"{name}: {np.mean(values):.0f} nats for the two bars that follow")
left, weighed, original = (np.mean(v) for v in follow.values())
assert left - weighed > 0.5 * (left - original) > 0

# %% [markdown]
# The second figure has to be below the first: that is what the weights are for. What they do not guarantee is how far it
# comes towards the original: most of the way.

# %% [markdown]
# ### Exercise 11.3 · Weighed candidates
#
# Write `resample(log_weights, count, rng)`: draw `count` candidates, each with a chance in proportion to its weight, and
# return their places, an int array. Draw *with* replacement, so that a candidate may come twice; `vary` above draws without,
# because nobody wants the same suggestion twice. You are given the logarithms of the weights, as they come out of a model,
# which may be as low as -2000. Draw with `rng`.


# %%
def resample(log_weights, count, rng):
    """Draw candidates, each as often as its weight says; return their places."""
    ...


# %%
check("11.3", resample)

# %% [markdown]
# ## 4 · Come to an end
#
# A model can go on for ever. Where should it stop? At a bar line; with the tonic just sounding; and where the model itself
# expects the piece to be over. The last condition can be read off: END is a token like the others, and its probability is
# known at each step. So 96 continuations are drawn without an end, and each is cut at the bar line on the tonic at which END
# is likeliest. If no place has at least one chance in ten, there is no ending, and the list is empty.

# %%
ends = ending(melody, draft.score, index=index, seed=4)
for s in ends:
    print(f"ends after {s.end / 4:g} bars: {s.words}")
    assert s.end % 4 == 0 and s.new.notes["pitch"][-1] % 12 == tonic_of("G major")
draft = draft.put(ends[0].piece)
display(show.sound(draft.score))
show.notation(draft.score, title="A question, an answer, an end")

# %% [markdown]
# ## 5 · Does it do what was asked?
#
# Now the forty phrases again. Three questions. Do suggestions stay in the key of the phrase, as much as the tunes
# themselves? Do they begin where you stopped: how far is it from your last note to their first, in semitones? And how many
# are on the tonic, when an end was asked for and when not? Guess the last column before you run the cell.

# %%
found = {name: {"in key": [], "first step": [], "on the tonic": []} for name in ("the tunes", "continue", "ending")}
without_end = 0
for begins, goes_on in show.progress(held_out, "Asking"):
    several = {"continue": continue_phrase(melody, begins, 4, seed=6), "ending": ending(melody, begins, seed=6)}
    key = several["continue"][0].key
    without_end += not several["ending"]
    scores = {"the tunes": [goes_on]} | {name: [s.new for s in kept] for name, kept in several.items()}
    for name, new in scores.items():
        last = int(begins.notes["pitch"][-1])
        found[name]["in key"] += [100 * share_in_key(score, key) for score in new]
        found[name]["first step"] += [abs(int(score.notes["pitch"][0]) - last) for score in new]
        found[name]["on the tonic"] += [100 * (score.notes["pitch"][-1] % 12 == tonic_of(key)) for score in new]
print(f"{'':12}{'in key, %':>12}{'first step':>12}{'on tonic, %':>13}")
for name, columns in found.items():
    inside, step, tonic = (np.mean(values) for values in columns.values())
    print(f"{name:12}{inside:12.0f}{step:12.1f}{tonic:13.0f}")
print("phrases without an ending:", without_end, "of", len(held_out))
assert np.mean(found["ending"]["on the tonic"]) == 100 > 2 * np.mean(found["continue"]["on the tonic"])
assert np.mean(found["continue"]["in key"]) > np.mean(found["the tunes"]["in key"]) - 3
assert np.mean(found["continue"]["first step"]) < np.mean(found["the tunes"]["first step"])
assert without_end == 1

# %% [markdown]
# The 100 in the last row is no achievement: it is what was asked for. What counts is the row above it, which is how
# often a continuation is on the tonic by chance, and the line below: after one phrase none of 96 candidates came to the tonic
# at a bar line at which the model expected an end, and an empty list says so. The model's first step is smaller than a real
# tune's: it is more careful.
#
# ## 6 · Four voices
#
# The chorale model of lesson 08 writes alto, tenor and bass under your melody. It knows hymns, not dances, so expect a
# church. Three are written, and ranked as before.

# %%
chorale = load_bundle("chorale")
short = Draft().put(everything[0].piece)
settings = harmonise(chorale, short.score, seed=7)
fields = ["onset", "duration", "pitch"]
for s in settings:
    assert np.array_equal(s.piece.voice(0).notes[fields], short.score.notes[fields])  # your melody stays
    print(s.words)
show.player(settings[0].piece, labels=["soprano", "alto", "tenor", "bass"])

# %% [markdown]
# ## 7 · A piano
#
# So far you typed your notes. Here are keys. Click them, touch them, or click once and play with the letters on your own
# keyboard: `a s d f g h j k` are white keys, `w e t y u` black ones, `z` and `x` change the octave, `Enter` ends your
# turn. (What counts is the place of a key on an English keyboard.) With a MIDI keyboard, press its button: browsers ask
# you first. Turn on the metronome before you play.

# %%
from musiclab.widgets.keyboard import Keyboard

piano = Keyboard(tempo=108)
piano

# %% [markdown]
# What arrives in Python is a list of notes: seconds down, seconds up, pitch, velocity. Nobody plays on the hundredth of a
# second, and fingers leave a key before the next one is pressed. `as_phrase` makes notes of it. The cell plays the
# phrase from above as a person would, through the piano. Will it come back as it was written?

# %%
rng = np.random.default_rng(1)
second = 60 / 108
played = []
for onset, duration, pitch, *_ in phrase.notes.tolist():
    down = max(0, onset * second + rng.normal(0, 0.015))
    played.append((down, down + 0.8 * duration * second, pitch, int(rng.integers(60, 100))))
piano.play(played)
result = as_phrase(piano.phrase, piano.tempo)
print(result.words)
assert np.array_equal(result.score.notes["onset"], phrase.notes["onset"])
assert np.array_equal(result.score.notes["pitch"], phrase.notes["pitch"])
assert np.array_equal(result.score.notes["duration"], phrase.notes["duration"])  # a lifted finger is no rest

# %% [markdown]
# ## 8 · The partner
#
# All of it together. Tick *Duet* and each of your phrases is answered at once, by the likeliest answer. Or play, ask, hear,
# and choose. The notation grows below; nothing is lost: every step can be undone.

# %%
from musiclab.widgets.partner import ComposingPartner

partner = ComposingPartner(index=index, tempo=108, seed=20)
partner.keyboard.metronome = True
partner

# %% [markdown]
# A widget is Python, so you may also press its buttons from a cell. The cell plays the phrase, says in which key it is (from
# so few notes that is easily mistaken), asks for answers, takes the *second*, varies a bar, takes it back, and asks for an
# end. Scroll up afterwards: the widget shows it.

# %%
partner.keyboard.play(played)
print("found in the notes:", partner.key.value)
partner.key.value = "G major"
partner.answer.click()
partner.take(1)
partner.first_bar.value = partner.last_bar.value = 6
before = partner.draft.score
partner.vary.click()
partner.take(0)
assert partner.draft.score != before
partner.undo.click()
assert partner.draft.score == before
partner.ending.click()
print(partner.text)
assert len(partner.suggestions) > 0 and "endings, the likeliest first" in partner.text

# %% [markdown]
# ## 9 · How long do you wait?
#
# In a conversation a pause of a third of a second is short. From the end of a phrase to its ranked answers, originality
# included: guess the seconds, on one core of your computer.

# %% tags=["nbval-ignore-output"]
import time

waits = []
for seed in range(5):
    started = time.process_time()
    turn = Draft().add(as_phrase(played, 108).score)
    ranked = answer(melody, turn.score, index=index, seed=seed)
    waits.append(time.process_time() - started)
print(f"{len(ranked)} answers in {np.median(waits):.2f} s of the processor")
assert np.median(waits) < 1

# %% [markdown]
# All candidates (48, if you do not ask for more) take each step together, as in lesson 07: a weight that was fetched from
# memory once serves them all.
#
# ## 10 · Take it away
#
# A MusicXML file opens in any notation program, with bars, key and ties; a MIDI file in any sequencer. An existing file
# is never overwritten, unless you say so. The cell saves the piece of section 4, tries it once more, reads it with music21, and
# compares.

# %%
import music21

from musiclab.files import MusicFileError

with tempfile.TemporaryDirectory() as folder:
    path = draft.save(Path(folder, "question_and_answer.musicxml"))
    try:
        draft.undo().save(path)
    except MusicFileError as error:
        print(str(error).replace(str(path), path.name))
    stream = music21.converter.parse(path)
    again = read_score(path)
struck = [note for note in stream.recurse().notes if note.tie is None or note.tie.type == "start"]
heard = [(float(note.getOffsetInHierarchy(stream)), note.pitch.midi) for note in struck]
assert heard == [(onset, pitch) for onset, _, pitch, *_ in draft.score.notes.tolist()]
assert np.array_equal(again.notes[fields], draft.score.notes[fields])
signature = stream.recurse().getElementsByClass("KeySignature")[0]
print(f"{len(heard)} notes, the same in the file; {signature.sharps} sharp at the clef")

# %% [markdown]
# In your own work write `draft.save("my_piece.musicxml")`, or use the field and the button of the widget.
#
# ### Exercise 11.4 · A piece of your own
#
# Compose `my_piece` with the partner: with the widget (`my_piece = partner.draft.score`), or with `Draft` and the functions
# of this lesson. It has at least eight bars, more than half of them different from each other; 80 % of its melody or more
# lies in one key, and it ends on that key's tonic. Then save it, open it in a notation program, and change what you do not like.

# %%
my_piece = ...

# %%
check("11.4", my_piece)

# %% [markdown]
# ## Quiz
#
# What do you still know? Answer, then press Check: each answer is explained.

# %%
from musiclab.widgets.quiz import Quiz

Quiz(11)

# %% [markdown]
# ## In this lesson you saw
#
# - Asking a model for something means drawing many candidates, setting aside what does not fit, and ranking the rest.
# - A rhythm can be imposed step by step; a close or an end is found by looking.
# - The likelier a suggestion, the more of it stands in a known tune. Both figures belong beside it.
# - A model that reads from left to right fits bars between others, if candidates are weighed with what follows.
# - Whether it does what was asked is measured against real tunes, and against not asking.
#
# ## Where to read on
#
# - D. B. Rubin: "Using the SIR algorithm to simulate posterior distributions" (1988). Importance resampling.
# - F. Pachet: "The Continuator: musical interaction with style" (2003). Call and response with a Markov model.
# - C. A. Huang et al.: "The Bach Doodle: approachable music composition with machine learning at scale" (2019).
# - U. Manber, G. Myers: "Suffix arrays: a new method for on-line string searches" (1993). How section 2 finds matches.
#
# ## Next
#
# Lesson 12 lets music follow a scene: it changes while it plays.
