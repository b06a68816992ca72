"""Score: the one type for music.

Everything in musiclab either makes a `Score`, changes one into another, or shows one. A score is a
list of notes and a few words about them (title, tempo, time signature, key). It knows nothing of
files, tokens or models.

Conventions
-----------
Time is counted in *quarter lengths*: 1.0 is a quarter note, 0.5 an eighth, whatever the tempo. Onset
0.0 is a bar line, so that every bar line lies at a multiple of `Score.bar_length`; a piece that begins
with an upbeat begins with silence. Pitch is the MIDI number: 60 is middle C, one step is a semitone.
Voice 0 is the highest. Notes that share an onset form a chord. A rest is not stored: it is where no
note sounds.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

__all__ = ["NOTE", "Score", "pitch_name"]

#: One note. Onset and duration in quarter lengths, pitch and velocity 0-127.
NOTE = np.dtype(
    [
        ("onset", np.float64),
        ("duration", np.float64),
        ("pitch", np.uint8),
        ("voice", np.uint8),
        ("velocity", np.uint8),
    ]
)

DEFAULT_VELOCITY = 80

_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def pitch_name(pitch: int) -> str:
    """Name a MIDI pitch: 60 is "C4", 61 is "C#4"."""
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


@dataclass(frozen=True, eq=False, repr=False)
class Score:
    """A piece of music. It cannot be changed: every method returns a new score.

    Parameters
    ----------
    notes : structured array of dtype `NOTE`, or iterable of tuples
        A tuple is ``(onset, duration, pitch)``, optionally followed by voice (default 0) and velocity
        (default 80). Notes may come in any order; they are kept sorted by onset, then voice, then
        falling pitch.
    title : str
    tempo : float
        Quarter notes a minute.
    time_signature : (int, int)
        Beats in a bar and the note value of a beat: ``(6, 8)`` is six eighths.
    key : str, optional
        Tonic and mode as music21 names them: "G major", "F# minor", "B- major" (B flat).

    Raises
    ------
    ValueError
        If a note lies outside what the fields can hold. The message names the first such note.
    """

    notes: np.ndarray
    title: str = ""
    tempo: float = 120.0
    time_signature: tuple[int, int] = (4, 4)
    key: str | None = None

    def __post_init__(self) -> None:
        beats, unit = self.time_signature
        if int(beats) != beats or beats < 1 or unit not in (1, 2, 4, 8, 16, 32, 64):
            raise ValueError(f"time signature {beats}/{unit}: beats must be 1 or more and the unit a power of two up to 64.")
        if not (np.isfinite(self.tempo) and self.tempo > 0):
            raise ValueError(f"tempo {self.tempo}: it must be a positive number of quarter notes a minute.")
        notes = _as_notes(self.notes)
        # Within an onset the highest voice, and in it the highest pitch, first; of equal pitches the longest,
        # then the loudest, so that the order in which notes were given never shows.
        order = np.lexsort(
            (-notes["velocity"].astype(int), -notes["duration"], -notes["pitch"].astype(int), notes["voice"], notes["onset"])
        )
        notes = notes[order]
        notes["onset"] += 0.0  # -0.0 becomes 0.0: what is equal must have equal bytes, for the hash
        notes.setflags(write=False)
        object.__setattr__(self, "notes", notes)
        object.__setattr__(self, "time_signature", (int(beats), int(unit)))
        object.__setattr__(self, "tempo", float(self.tempo))

    def __reduce__(self) -> tuple:
        """Copies and pickles are made by the constructor: what comes back cannot be changed either."""
        return type(self), (self.notes, *self._words())

    @classmethod
    def unchecked(cls, notes: np.ndarray, **words: Any) -> Score:
        """Build a score of notes that a Score has held before, without checking, sorting or copying them.

        For loading thousands of pieces at once. `notes` must be read-only and all the words given.
        """
        score = object.__new__(cls)
        score.__dict__.update(words, notes=notes)
        return score

    def __len__(self) -> int:
        """Count the notes."""
        return len(self.notes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Score):
            return NotImplemented
        return self._words() == other._words() and np.array_equal(self.notes, other.notes)

    def __hash__(self) -> int:
        return hash((self._words(), self.notes.tobytes()))

    def __repr__(self) -> str:
        beats, unit = self.time_signature
        title = f"{self.title!r}, " if self.title else ""
        music = f"{len(self)} notes, {self.duration:g} quarter lengths"
        return f"Score({title}{music}, {beats}/{unit}, tempo {self.tempo:g}, {self.key or 'no key'})"

    def _words(self) -> tuple:
        return (self.title, self.tempo, self.time_signature, self.key)

    @property
    def duration(self) -> float:
        """Time from 0 to the end of the last note, in quarter lengths."""
        if not len(self):
            return 0.0
        return float((self.notes["onset"] + self.notes["duration"]).max())

    @property
    def bar_length(self) -> float:
        """Length of one bar in quarter lengths: 4.0 in 4/4, 3.0 in 6/8."""
        beats, unit = self.time_signature
        return 4.0 * beats / unit

    @property
    def voices(self) -> tuple[int, ...]:
        """The voice numbers that hold at least one note, highest voice first."""
        return tuple(int(v) for v in np.unique(self.notes["voice"]))

    def voice(self, n: int) -> Score:
        """Return the notes of voice `n` alone."""
        return replace(self, notes=self.notes[self.notes["voice"] == n])

    def transpose(self, semitones: int) -> Score:
        """Return the score moved up (or, if negative, down) by `semitones`.

        The key is moved along. Raises ValueError if a pitch would leave 0-127.
        """
        semitones = operator.index(semitones)  # 1.5 is no number of semitones
        pitches = self.notes["pitch"].astype(int) + semitones
        if len(pitches) and (pitches.min() < 0 or pitches.max() > 127):
            raise ValueError(f"transposing by {semitones} would move pitches to {pitches.min()}-{pitches.max()}, outside 0-127.")
        notes = self.notes.copy()
        notes["pitch"] = pitches
        return replace(self, notes=notes, key=_transpose_key(self.key, semitones))

    def slice(self, start: float, end: float) -> Score:
        """Return what sounds from `start` up to `end`, both in quarter lengths; `start` becomes 0.

        Notes that reach over an edge are cut there. Raises ValueError if `end` lies before `start`.
        """
        if not start <= end:
            raise ValueError(f"slice({start}, {end}): the end must not lie before the start.")
        onset = self.notes["onset"]
        inside = (onset < end) & (onset + self.notes["duration"] > start)
        notes = self.notes[inside].copy()
        stop = np.minimum(notes["onset"] + notes["duration"], end)
        cut = (notes["onset"] < start) | (notes["onset"] + notes["duration"] > end)  # the others stay as they are, to the bit
        notes["onset"] = np.maximum(notes["onset"], start)
        notes["duration"][cut] = (stop - notes["onset"])[cut]
        notes["onset"] -= start
        return replace(self, notes=notes)


def _as_notes(notes: np.ndarray | Iterable[tuple]) -> np.ndarray:
    """Copy `notes` into a NOTE array; refuse what does not fit, naming the first note that does not."""
    if not (isinstance(notes, np.ndarray) and notes.dtype == NOTE and notes.ndim == 1):
        notes = _from_tuples(notes)
    bad = ~(np.isfinite(notes["onset"]) & (notes["onset"] >= 0) & np.isfinite(notes["duration"]) & (notes["duration"] > 0))
    bad |= (notes["pitch"] > 127) | (notes["velocity"] > 127)
    if bad.any():
        _refuse(int(np.argmax(bad)), tuple(notes[np.argmax(bad)].tolist()))
    return notes.copy()


def _from_tuples(notes: Iterable[tuple]) -> np.ndarray:
    """Build a NOTE array from tuples; numbers that would wrap around in a uint8 are refused."""
    rows = []
    for index, note in enumerate(notes):
        row = (*note, *(0, DEFAULT_VELOCITY)[len(note) - 3 :]) if 3 <= len(note) < 5 else tuple(note)
        if len(row) != 5:
            raise ValueError(f"note {index} has {len(row)} fields; give (onset, duration, pitch[, voice[, velocity]]).")
        if not all(0 <= value <= top and value == int(value) for value, top in zip(row[2:], (127, 255, 127), strict=True)):
            _refuse(index, row)
        rows.append(row)
    return np.array(rows, dtype=NOTE)


def _refuse(index: int, note: tuple) -> None:
    onset, duration, pitch, voice, velocity = note
    raise ValueError(
        f"note {index} (onset {onset}, duration {duration}, pitch {pitch}, voice {voice}, velocity {velocity}): "
        "onset must be 0 or more, duration above 0, pitch and velocity 0-127, voice 0-255, the last three whole numbers."
    )


# Flats where a key signature has them: as music21 spells the tonics of the twelve major and minor keys.
_MAJOR = ("C", "D-", "D", "E-", "E", "F", "F#", "G", "A-", "A", "B-", "B")
_MINOR = ("C", "C#", "D", "E-", "E", "F", "F#", "G", "G#", "A", "B-", "B")


def _transpose_key(key: str | None, semitones: int) -> str | None:
    if key is None:
        return None
    tonic, _, mode = key.partition(" ")
    steps = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    if tonic[:1].upper() not in steps or not mode:
        raise ValueError(f"key {key!r}: write tonic and mode, such as 'G major', 'F# minor' or 'B- major' (B flat).")
    step = steps[tonic[0].upper()] + tonic.count("#") - tonic.count("-")
    names = _MINOR if mode == "minor" else _MAJOR
    return f"{names[(step + semitones) % 12]} {mode}" if semitones % 12 else key
