# Worked answers of lesson 05.
from collections import Counter

import numpy as np


# %% 5.1 Count the events
def count_events(score):
    """Count the events of a score: notes that begin together are one event."""
    return len(np.unique(score.notes["onset"]))


# %% 5.2 Two maps that never change
def make_maps(notes):
    """Return note_to_int and int_to_note, whatever the order of the notes."""
    names = sorted(set(notes))  # sorting gives the set the order that it lacks
    note_to_int = {name: number for number, name in enumerate(names)}
    int_to_note = {number: name for number, name in enumerate(names)}
    return note_to_int, int_to_note


# %% 5.3 Read the grid
def read_grid(tokens):
    """Turn grid tokens into rows (onset, duration, pitch); 4 steps make a quarter."""
    rows = []
    for step, token in enumerate(tokens):
        if token >= 3:  # a pitch: a note of one step begins
            rows.append((step / 4, 0.25, token - 3))
        elif token == 2:  # HOLD: the last note is one step longer
            onset, duration, pitch = rows[-1]
            rows[-1] = (onset, duration + 0.25, pitch)
    return rows  # REST adds nothing: the next row simply begins later


# %% 5.4 Windows that stay inside their piece
def piece_windows(pieces, length):
    """Cut every window of every piece, with its target."""
    inputs, targets = [], []
    for piece in pieces:
        for start in range(len(piece) - length):  # empty if the piece is too short
            inputs.append(piece[start : start + length])
            targets.append(piece[start + length])
    return inputs, targets


# %% 5.5 Your own measure of loss
def loss(before, after):
    """Say between 0 (nothing lost) and 1 (nothing left) how much of a piece an encoding loses.

    Each pitch in turn: its notes before and after are drawn on a line of time, and where only one of the
    two sounds, that time counts as damage. An onset costs as much as half a quarter length, so that a
    note cut in two is noticed.
    """
    damage, everything = 0.0, 0.0
    for pitch in np.union1d(before.notes["pitch"], after.notes["pitch"]):
        mine, other = (score.notes[score.notes["pitch"] == pitch] for score in (before, after))
        alone, either = times(mine, other)
        onsets = [set(notes["onset"].tolist()) for notes in (mine, other)]
        damage += alone + 0.5 * len(onsets[0] ^ onsets[1])
        everything += either + 0.5 * len(onsets[0] | onsets[1])
    return damage / everything if everything else 0.0


def times(mine, other):
    """Return for how long only one of the two sounds, and for how long at least one does."""
    starts = [notes["onset"] for notes in (mine, other)]
    stops = [notes["onset"] + notes["duration"] for notes in (mine, other)]
    edges = np.unique(np.concatenate(starts + stops))
    middles, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    a, b = (((s <= middles[:, None]) & (middles[:, None] < e)).any(axis=1) for s, e in zip(starts, stops, strict=True))
    return widths[a ^ b].sum(), widths[a | b].sum()


# %% 5.6 The most similar place
def most_similar(window, others):
    """Return the number of the window among `others` that has the same name in the most places."""
    agree = (others == window).sum(axis=1)  # equal or not: that does not depend on how the names are numbered
    return int(agree.argmax())


# %% 5.7 Chords that keep their octave
def name_chord(pitches):
    """Name a chord so that no other chord has the same name."""
    return ".".join(str(pitch) for pitch in sorted(set(pitches)))


# %% 5.8 Figures that stay inside their tune
def count_figures(tunes, length):
    """Count every run of `length` notes that stands inside a tune."""
    counter = Counter()
    for tune in tunes:
        for start in range(len(tune) - length + 1):  # empty if the tune is too short
            counter[tuple(tune[start : start + length])] += 1
    return counter
