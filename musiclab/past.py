"""What a model of several voices is told before each step: the past, put into words that music uses.

An LSTM could find all of this in the tokens alone, given enough music. There are some hundred chorales, so it is
told what a musician would notice:

- what *sounds* in each voice, for how long it has been *held*, and the *intervals* between the voices;
- where *home* is: the pitch class of the first bass note, which in four of five chorales is also that of the last;
  and the *key* that the notes so far fit best, found with the profiles of Krumhansl and Kessler (1982). A pitch
  seen from home or from the key is a degree of the scale, and means the same in every transposition;
- the *echo*: what came next, when the last 1, 2, 4, …, 32 steps were heard before. Chorales repeat whole phrases, and a
  network of a few hundred numbers cannot hold a phrase note by note. An index of the past can.

All of it is known before the step is written, and the same code tells it in training and in generation.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence

import numpy as np

__all__ = ["KEYS", "Past", "columns"]

#: Steps that a note is counted on being held; a longer one counts as this long.
LONGEST_HELD = 31

#: Semitones between two voices that are told apart: from the lower voice this far above the upper one, to this far below it.
INTERVALS = (-24, 48)

#: Semitones of a melodic step that are told apart, up and down.
LEAP = 24

#: Lengths of an echo: how many steps before now were heard before in just that order. Number 0 is "none".
ECHOES = (1, 2, 4, 8, 16, 32)

#: Steps in which an echo must agree with now: what was heard on a beat is an echo on a beat only.
BEAT = 4

#: Krumhansl and Kessler's profiles (1982): how well each degree fits a major and a minor key, from the tonic up.
PROFILES = np.array(
    [
        [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
        [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17],
    ]
)

#: The 24 keys, C major to B major and C minor to B minor, as profiles over the pitch classes: float array (24, 12), of mean 0 and
#: standard deviation 1, so that the largest product with how often each pitch class sounds is the largest correlation.
KEYS = np.stack([np.roll(profile - profile.mean(), tonic) / profile.std() for profile in PROFILES for tonic in range(12)])

SILENT = 0  # of what sounds in a voice; pitch p is 1 + p
NOBODY = 12  # where a pitch class is asked for and there is none yet


def columns(voices: int, size: int) -> dict[str, tuple[int, int]]:
    """Name the columns of a row of `Past`.

    Parameters
    ----------
    voices : int
    size : int
        Of the vocabulary.

    Returns
    -------
    dict of str to (int, int)
        Name -> how many columns stand side by side under this name, and how many different values each has.
    """
    pairs = voices * (voices - 1) // 2
    steps = 2 * LEAP + 5
    return {
        "sounding": (voices, 129),
        "held": (voices, LONGEST_HELD + 1),
        "interval": (pairs, INTERVALS[1] - INTERVALS[0] + 2),
        "home": (1, NOBODY + 1),
        "tonic": (1, NOBODY + 1),
        "mode": (1, 3),
        "echo length": (1, len(ECHOES) + 1),
        "echo step": (voices, steps),
        "echo token": (voices, size),
        "own length": (voices, len(ECHOES) + 1),
        "own step": (voices, steps),
        "own token": (voices, size),
    }


class Past:
    """The past of one piece, as it is written.

    Parameters
    ----------
    voices : int
    lowest : int
        Pitch of the first token that is a pitch.
    first_pitch, hold : int
        That token, and the token for a note that goes on.
    """

    def __init__(self, voices: int, lowest: int, first_pitch: int, hold: int) -> None:
        self.voices, self.hold, self.shift = voices, hold, first_pitch - lowest - 1
        self.first_pitch = first_pitch
        self.sounding = [SILENT] * voices
        self.held = [0] * voices
        self.home, self.tonic, self.mode = NOBODY, NOBODY, 2
        self.counts = np.zeros(12)
        self.tokens: list[tuple[int, ...]] = []
        self.together = _Echo()
        self.alone = [_Echo() for _ in range(voices)]

    def row(self) -> list[int]:
        """Return what is known of the coming step: one number for each of `columns`."""
        pairs = itertools.combinations(self.sounding, 2)
        low, high = INTERVALS
        intervals = [min(max(a - b, low), high) - low if a and b else high - low + 1 for a, b in pairs]
        length, source = self.together.heard()
        echo = self.tokens[source] if length else (0,) * self.voices
        heard = [mine.heard() for mine in self.alone]
        own = [self.tokens[place][voice] if n else 0 for voice, (n, place) in enumerate(heard)]
        return [
            *self.sounding,
            *self.held,
            *intervals,
            self.home,
            self.tonic,
            self.mode,
            length,
            *self._steps(echo),
            *echo,
            *(n for n, _ in heard),
            *self._steps(own),
            *own,
        ]

    def see(self, tokens: Sequence[int]) -> None:
        """Take note of a step that has been written: a token for each voice."""
        marks = []
        for voice, token in enumerate(tokens):
            if token == self.hold:
                self.held[voice] = min(self.held[voice] + 1, LONGEST_HELD)
                marks.append(2 * self.sounding[voice])
                continue
            sounds = token - self.shift if token >= self.first_pitch else SILENT
            going_on = sounds == self.sounding[voice] == SILENT
            self.held[voice] = min(self.held[voice] + 1, LONGEST_HELD) if going_on else 1
            self.sounding[voice] = sounds
            marks.append(2 * sounds + 1)
        self.tokens.append(tuple(tokens))
        self.together.see(tuple(marks))
        for echo, mark in zip(self.alone, marks, strict=True):
            echo.see(mark)
        self._find_key()

    def copy(self) -> Past:
        """Return a past that goes its own way from here."""
        twin = copy.copy(self)
        twin.sounding, twin.held, twin.tokens = self.sounding.copy(), self.held.copy(), self.tokens.copy()
        twin.counts = self.counts.copy()
        twin.together, twin.alone = self.together.copy(), [echo.copy() for echo in self.alone]
        return twin

    def _find_key(self) -> None:
        classes = [(sounds - 1) % 12 for sounds in self.sounding if sounds]
        if not classes:
            return
        if self.home == NOBODY and self.sounding[-1]:
            self.home = (self.sounding[-1] - 1) % 12
        for pitch_class in classes:
            self.counts[pitch_class] += 1
        # Correlation with each of the 24 profiles; those are centred and of one length already, so a product does.
        self.mode, self.tonic = divmod(int((KEYS @ self.counts).argmax()), 12)

    def _steps(self, tokens: Sequence[int]) -> list[int]:
        """Turn tokens into what they would do now: 0 unknown, 1 rest, 2 hold, 3 begin after silence, then steps."""
        found = []
        for token, sounds in zip(tokens, self.sounding, strict=True):
            if token < self.first_pitch:
                found.append(token)
            elif not sounds:
                found.append(3)
            else:
                found.append(4 + LEAP + min(max(token - self.shift - sounds, -LEAP), LEAP))
        return found


class _Echo:
    """An index of all that was heard: when did the last 1, 2, 4, … steps sound in just this order before?

    A run of 2n steps is two runs of n, one after the other. So each run gets a number, found by the numbers of its two
    halves, and equal runs have equal numbers (Karp, Miller and Rosenberg, 1972): a step costs one look into a table
    for each length, however long the piece.
    """

    def __init__(self) -> None:
        self.time = 0
        self.numbers: list[dict[object, int]] = [{} for _ in ECHOES]
        self.runs: list[list[int]] = [[] for _ in ECHOES]  # for each length the number of the run that ends at each step
        self.places: dict[tuple[int, int, int], int] = {}  # length, run, place in the beat -> the step after it
        self.longest = (0, 0)

    def copy(self) -> _Echo:
        """Return an index that goes its own way from here."""
        twin = copy.copy(self)
        twin.numbers = [numbers.copy() for numbers in self.numbers]
        twin.runs = [runs.copy() for runs in self.runs]
        twin.places = self.places.copy()
        return twin

    def heard(self) -> tuple[int, int]:
        """Return the length of the echo (its place in `ECHOES` + 1, or 0) and the step that followed when it was heard."""
        return self.longest

    def see(self, mark: object) -> None:
        """Take note of a step."""
        self.longest = (0, 0)
        part: object = mark
        for level, length in enumerate(ECHOES):
            if level:
                before = self.time - length // 2
                if before < length // 2 - 1:
                    break
                part = (self.runs[level - 1][before], self.runs[level - 1][self.time])
            run = self.numbers[level].setdefault(part, len(self.numbers[level]))
            runs = self.runs[level]
            runs += [-1] * (self.time - len(runs)) + [run]
            key = (level, run, (self.time + 1) % BEAT)
            if key in self.places:
                self.longest = (level + 1, self.places[key])
            self.places[key] = self.time + 1
        self.time += 1
