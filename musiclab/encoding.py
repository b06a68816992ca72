"""Encodings: a Score as a sequence of whole numbers, and back.

A network reads and writes *tokens*: whole numbers below `Encoding.size`. An encoding is the dictionary
between the two languages, and it decides what a network can know: what `encode` drops, no training brings
back. So each encoding states the piece that survives (`quantise`) and counts what does not
(`loss_report`): ``decode(encode(score))`` equals ``quantise(score)``, note for note.

====================  ==============================================  ==========================
encoding              one token is                                    lost
====================  ==============================================  ==========================
`NoteNameEncoding`    the name of a note or chord                     durations, rests, velocity
`GridEncoding`        what a voice does in one time step              what lies off the grid
`ChoraleEncoding`     the same, for voices written together           what lies off the grid
`CharacterEncoding`   the same, beside what character is wanted       what lies off the grid
`EventEncoding`       a note's pitch, duration or velocity; a wait    differences finer than bins
====================  ==============================================  ==========================

Token 0 is `END` in all of them. It closes a piece, and it also stands before the first token: a model
that has just seen END knows that a piece begins. The table ``allowed[a, b]`` is the grammar: whether
token b may follow token a. A sampler that obeys it cannot write an invalid piece.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from musiclab import character, past
from musiclab.past import SILENT, Past
from musiclab.score import DEFAULT_VELOCITY, Score, pitch_name

__all__ = [
    "END",
    "CharacterEncoding",
    "ChoraleEncoding",
    "Encoding",
    "EventEncoding",
    "GridEncoding",
    "NoteNameEncoding",
    "encoding_from_settings",
]

END = 0


class Encoding:
    """What the encodings share. Use one of the three below.

    Attributes
    ----------
    name, version : str, int
        Identify the encoding in a bundle. The version rises when the meaning of a token changes.
    vocabulary : tuple of str
        The name of each token. It depends on the settings alone, never on which pieces are at hand.
    allowed : bool array (size, size)
        ``allowed[a, b]``: token b may follow token a.
    quarters : float array (size,)
        How far each token moves on in time, in quarter lengths.
    """

    name: str
    version: int
    vocabulary: tuple[str, ...]
    allowed: np.ndarray
    quarters: np.ndarray

    @property
    def size(self) -> int:
        """Number of tokens in the vocabulary."""
        return len(self.vocabulary)

    @property
    def input_sizes(self) -> tuple[int, ...]:
        """Number of different values in each column of `inputs`."""
        return (self.size,)

    def settings(self) -> dict[str, Any]:
        """Return what `encoding_from_settings` needs to build this encoding again."""
        raise NotImplementedError

    def encode(self, score: Score) -> np.ndarray:
        """Return the tokens of a piece, without END: int32 array (steps,)."""
        raise NotImplementedError

    def decode(self, tokens: Iterable[int]) -> Score:
        """Return the piece that `tokens` spell, up to the first END."""
        raise NotImplementedError

    def transpose(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        """Transpose an encoded piece. Raises ValueError where a pitch would leave the vocabulary."""
        raise NotImplementedError

    def _fit(self, score: Score) -> tuple[np.ndarray, np.ndarray]:
        """Return every note as the encoding would keep it, NOTE array (n,), and whether it does, bool (n,)."""
        raise NotImplementedError

    def quantise(self, score: Score) -> Score:
        """Return the piece as this encoding keeps it: exactly what ``decode(encode(score))`` gives."""
        notes, kept = self._fit(score)
        return Score(notes[kept])

    def loss_report(self, score: Score) -> dict[str, float]:
        """Count what `encode` loses on this piece.

        Returns
        -------
        dict
            ``notes``: how many the piece has; ``lost``: how many of them are dropped; of those that are
            kept, how many have their ``onset moved``, ``duration changed``, ``velocity changed``; and
            ``silence lost``: by how many quarter lengths the time without any note shrinks.
        """
        after, kept = self._fit(score)
        before, after = score.notes[kept], after[kept]
        return {
            "notes": len(score),
            "lost": int((~kept).sum()),
            "onset moved": int((np.abs(before["onset"] - after["onset"]) > 1e-6).sum()),
            "duration changed": int((np.abs(before["duration"] - after["duration"]) > 1e-6).sum()),
            "velocity changed": int((before["velocity"] != after["velocity"]).sum()),
            "silence lost": round(max(0.0, _silence(score.notes) - _silence(after)), 6),
        }

    def context(self, start: int, stop: int, time_signature: tuple[int, int]) -> np.ndarray:
        """Return what is known of steps `start` to `stop` before their tokens are: int32 array (steps, columns).

        Here there is no column; `GridEncoding` has three.
        """
        return np.zeros((stop - start, 0), dtype=np.int32)

    def inputs(self, tokens: np.ndarray, time_signature: tuple[int, int]) -> np.ndarray:
        """Return what a model sees before each token of one piece, and before its end.

        Training and generation both build their inputs here, so that a model meets at generation what it
        met in training.

        Returns
        -------
        int32 array (steps + 1, columns)
            Row t is [token t-1 (END for t = 0), context of step t].
        """
        start = np.full((1, *tokens.shape[1:]), END, dtype=np.int32)
        previous = np.concatenate([start, tokens])  # (steps + 1,) or, with several voices, (steps + 1, voices)
        return np.column_stack([previous, self.context(0, len(previous), time_signature)]).astype(np.int32)

    def _until_end(self, tokens: Iterable[int]) -> np.ndarray:
        """Check that `tokens` are in the vocabulary; return those before the first END."""
        tokens = np.asarray(tokens if isinstance(tokens, np.ndarray) else list(tokens))
        if tokens.size and tokens.dtype.kind not in "iu":
            raise ValueError(f"tokens are whole numbers, and these are {tokens.dtype}.")
        tokens = tokens.astype(np.int64)
        outside = (tokens < 0) | (tokens >= self.size)
        if outside.any():
            raise ValueError(
                f"token {tokens[outside][0]} is not in the vocabulary of {self.name}, which has 0 to {self.size - 1}."
            )
        ends = np.flatnonzero((tokens == END).any(axis=tuple(range(1, tokens.ndim))))
        return tokens[: ends[0]] if len(ends) else tokens


def _silence(notes: np.ndarray) -> float:
    """Time up to the last note's end in which no note sounds, in quarter lengths."""
    ends = np.maximum.accumulate(notes["onset"] + notes["duration"]) if len(notes) else np.zeros(0)
    gaps = notes["onset"] - np.concatenate([[0.0], ends])[: len(notes)]
    return float(gaps[gaps > 0].sum())


def encoding_from_settings(settings: dict[str, Any]) -> Encoding:
    """Build the encoding that `settings` (from `Encoding.settings`) describe.

    Raises ValueError, naming the valid choices, for an unknown encoding or another version of a known one.
    """
    kinds = {k.name: k for k in (NoteNameEncoding, GridEncoding, ChoraleEncoding, CharacterEncoding, EventEncoding)}
    rest = dict(settings)
    name, version = rest.pop("name"), rest.pop("version")
    if name not in kinds:
        raise ValueError(f"unknown encoding {name!r}; this version of musiclab knows {', '.join(kinds)}.")
    if version != kinds[name].version:
        raise ValueError(
            f"encoding {name!r} has version {version} here, but this version of musiclab reads {kinds[name].version}."
        )
    return kinds[name](**rest)


# --- names: where the course starts -----------------------------------------------------------------


class NoteNameEncoding(Encoding):
    """One name for each event: "C4" for a note, "C4.E4.G4" for a chord.

    The encoding of the original recipe. It keeps which notes are struck, in which order, and nothing else:
    every event comes back `step` quarter lengths long, one after the other.

    Parameters
    ----------
    names : iterable of str
        The vocabulary without END. It is sorted by pitch, so that the same names always give the same
        tokens, and it travels with a trained model: it is not collected again at generation.
    step : float
        Length given to every event, in quarter lengths.
    """

    name, version = "note-names", 1

    def __init__(self, names: Iterable[str], step: float = 0.5) -> None:
        # B#3 is C4, and E4.C4 is C4.E4: each event has one name, whatever the order and the spelling given.
        events = {tuple(sorted(set(_pitches_of(name)))) for name in names}
        self.names = tuple(".".join(pitch_name(p) for p in event) for event in sorted(events))
        self.step = float(step)
        if not (np.isfinite(self.step) and self.step > 0):
            raise ValueError(f"step={step}: it must be above 0 quarter lengths.")
        self.vocabulary = ("END", *self.names)
        self.allowed = np.ones((self.size, self.size), dtype=bool)
        self.allowed[END, END] = False  # a piece has at least one event
        self.quarters = np.where(np.arange(self.size) == END, 0.0, self.step)
        self._token_of = {name: token for token, name in enumerate(self.vocabulary)}

    @classmethod
    def of(cls, scores: Iterable[Score], step: float = 0.5) -> NoteNameEncoding:
        """Collect the vocabulary of `scores`. Do it once, on the training pieces, and keep the result."""
        return cls((name for score in scores for name in event_names(score)), step)

    def settings(self) -> dict[str, Any]:
        return {"name": self.name, "version": self.version, "names": list(self.names), "step": self.step}

    def encode(self, score: Score) -> np.ndarray:
        """Return one token for each onset. Raises ValueError, naming it, if an event is not in the vocabulary."""
        names = event_names(score)
        unknown = sorted(set(names) - self._token_of.keys())
        if unknown:
            raise ValueError(
                f"{unknown[0]!r} is not among the {len(self.names)} names of this encoding ({len(unknown)} such names in"
                " this piece). Leave the piece out, or build the encoding on pieces that contain them."
            )
        return np.array([self._token_of[name] for name in names], dtype=np.int32)  # (events,)

    def decode(self, tokens: Iterable[int]) -> Score:
        events = enumerate(self._until_end(tokens))
        return Score([(i * self.step, self.step, pitch) for i, token in events for pitch in _pitches_of(self.vocabulary[token])])

    def transpose(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        return self.encode(self.decode(tokens).transpose(semitones))

    def _fit(self, score: Score) -> tuple[np.ndarray, np.ndarray]:
        notes = score.notes.copy()
        _, event = np.unique(notes["onset"], return_inverse=True)  # (n,): the number of each note's event
        notes["onset"], notes["duration"] = event * self.step, self.step
        notes["voice"], notes["velocity"] = 0, DEFAULT_VELOCITY
        # A pitch that two voices strike together has one name, so it comes back once.
        _, first = np.unique(np.stack([event, notes["pitch"]], axis=1), axis=0, return_index=True)
        return notes, np.isin(np.arange(len(notes)), first)


def event_names(score: Score) -> list[str]:
    """Name each event of a score: the pitches that are struck together, from low to high, joined by dots."""
    onsets, event = np.unique(score.notes["onset"], return_inverse=True)
    pitches: list[set[int]] = [set() for _ in onsets]
    for index, pitch in zip(event, score.notes["pitch"], strict=True):
        pitches[index].add(int(pitch))
    return [".".join(pitch_name(p) for p in sorted(chord)) for chord in pitches]


def _pitches_of(name: str) -> list[int]:
    """Turn "C4.E4" into [60, 64]."""
    steps = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    try:
        pitches = [steps[p[0]] + p.count("#") + 12 * (int(p[1:].lstrip("#")) + 1) for p in name.split(".")]
        if not all(0 <= p <= 127 for p in pitches):
            raise ValueError
        return pitches
    except (KeyError, IndexError, ValueError):
        raise ValueError(f"{name!r} is not the name of an event; write a note as 'C#4' and a chord as 'C4.E4.G4'.") from None


# --- a grid: what a voice does in each step ---------------------------------------------------------

REST, HOLD, FIRST_PITCH = 1, 2, 3  # after END; pitch p is token FIRST_PITCH + p

# Metres that a model tells apart; the last entry stands for every other one.
METRES = ((2, 4), (3, 4), (4, 4), (2, 2), (3, 2), (4, 2), (3, 8), (6, 8), (9, 8), (12, 8), (6, 4), None)
POSITIONS = 48  # steps of the longest bar that is counted to its end: 12 quarters in 16ths
LONGEST_PIECE = 63  # bars of a chorale that are counted
BARS = 16  # bars are counted in sixteens: the length of most tunes, and twice that of most phrases


class GridEncoding(Encoding):
    """One token for each voice and time step: a pitch where a note begins, HOLD while it sounds, REST.

    Parameters
    ----------
    voices : int
        1 for a melody (voice 0; of a chord, the highest note), 4 for a chorale. Further voices are lost.
    steps_per_quarter : int
        4 is a grid of sixteenth notes. A note off the grid is moved to the nearest step; a note shorter
        than a step gets a whole one; a note that still sounds when the next one of its voice begins is cut.

    Notes
    -----
    Tokens have the shape (steps,) with one voice, (steps, voices) with more. Beside the previous tokens a
    model sees three things that are known of each step beforehand: the position in the bar, the metre,
    and the number of the bar, counted in sixteens.
    """

    name, version = "grid", 1
    lowest, highest = 0, 127

    def __init__(self, voices: int = 1, steps_per_quarter: int = 4) -> None:
        if voices < 1 or steps_per_quarter < 1:
            raise ValueError(f"voices={voices}, steps_per_quarter={steps_per_quarter}: both must be 1 or more.")
        self.voices = int(voices)
        self.steps_per_quarter = int(steps_per_quarter)
        self.vocabulary = ("END", "REST", "HOLD", *(pitch_name(p) for p in range(self.lowest, self.highest + 1)))
        self.allowed = np.ones((self.size, self.size), dtype=bool)
        self.allowed[END, END] = False  # a piece has at least one step
        self.allowed[[END, REST], HOLD] = False  # nothing sounds that could be held
        self.quarters = np.where(np.arange(self.size) == END, 0.0, 1 / self.steps_per_quarter)

    @property
    def input_sizes(self) -> tuple[int, ...]:
        return (*[self.size] * self.voices, POSITIONS, len(METRES), BARS)

    def settings(self) -> dict[str, Any]:
        return {"name": self.name, "version": self.version, "voices": self.voices, "steps_per_quarter": self.steps_per_quarter}

    def encode(self, score: Score) -> np.ndarray:
        notes = self.quantise(score).notes
        starts = np.rint(notes["onset"] * self.steps_per_quarter).astype(int)  # (n,)
        lengths = np.rint(notes["duration"] * self.steps_per_quarter).astype(int)
        grid = np.full(((starts + lengths).max(initial=0), self.voices), REST, dtype=np.int32)  # (steps, voices)
        along = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)  # 0, 1, 2, … in each note
        grid[np.repeat(starts, lengths) + along, np.repeat(notes["voice"], lengths)] = HOLD
        grid[starts, notes["voice"]] = FIRST_PITCH + notes["pitch"].astype(int) - self.lowest
        return grid[:, 0] if self.voices == 1 else grid

    def decode(self, tokens: Iterable[int]) -> Score:
        """Return the piece that `tokens` spell. A HOLD with nothing to hold is read as a rest."""
        grid = self._until_end(tokens).reshape(-1, self.voices)  # (steps, voices)
        rows = []
        for voice, column in enumerate(grid.T):
            changes = np.append(np.flatnonzero(column != HOLD), len(column))  # where a note or a rest begins
            for start, stop in itertools.pairwise(changes):
                if column[start] >= FIRST_PITCH:
                    length = (stop - start) / self.steps_per_quarter
                    pitch = int(column[start]) - FIRST_PITCH + self.lowest
                    rows.append((start / self.steps_per_quarter, length, pitch, voice))
        return Score(rows)

    def transpose(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        moved = np.where(tokens >= FIRST_PITCH, tokens + semitones, tokens)
        if ((moved < FIRST_PITCH) != (tokens < FIRST_PITCH)).any() or moved.max(initial=0) >= self.size:
            raise ValueError(f"transposing by {semitones} moves a pitch outside {self.lowest}-{self.highest}.")
        return moved.astype(np.int32)

    def context(self, start: int, stop: int, time_signature: tuple[int, int]) -> np.ndarray:
        """Return position in the bar, metre and bar number (modulo 16) of each step: int32 array (steps, 3)."""
        beats, unit = time_signature
        bar = 4 * self.steps_per_quarter * beats / unit  # steps in a bar
        step = np.arange(start, stop)
        position = np.minimum(np.floor(step % bar), POSITIONS - 1)
        metre = METRES.index((beats, unit)) if (beats, unit) in METRES else len(METRES) - 1
        return np.stack([position, np.full(stop - start, metre), np.floor(step / bar) % BARS], axis=1).astype(np.int32)

    def _fit(self, score: Score) -> tuple[np.ndarray, np.ndarray]:
        notes, grid = score.notes.copy(), self.steps_per_quarter
        starts = np.floor(notes["onset"] * grid + 0.5)  # halves go up, so that a run of notes stays a run
        stops = np.maximum(np.floor((notes["onset"] + notes["duration"]) * grid + 0.5), starts + 1)
        kept = np.zeros(len(notes), dtype=bool)
        for voice in range(self.voices):
            # The notes of the voice by step, the highest of a step first; then one for each step.
            mine = np.flatnonzero((notes["voice"] == voice) & (notes["pitch"] >= self.lowest) & (notes["pitch"] <= self.highest))
            mine = mine[np.lexsort((-notes["pitch"][mine].astype(int), starts[mine]))]
            mine = mine[np.unique(starts[mine], return_index=True)[1]]
            stops[mine[:-1]] = np.minimum(stops[mine[:-1]], starts[mine[1:]])
            kept[mine] = True
        notes["onset"], notes["duration"] = starts / grid, (stops - starts) / grid
        notes["velocity"] = DEFAULT_VELOCITY
        return notes, kept


class ChoraleEncoding(GridEncoding):
    """The grid for several voices that are written together, with all that a musician knows of the past.

    The tokens are those of `GridEncoding`, for the range of a choir alone: from the A below a bass's low staff to the C
    above a soprano's high one. What differs is `inputs`: beside position and metre a model is told what `musiclab.past`
    finds in the steps so far.
    """

    name, version = "chorale", 1
    lowest, highest = 33, 84

    #: Names of columns that say what is wanted of a step, with the length of the vector that a model has for each.
    wishes: Mapping[str, int] = {}

    def __init__(self, voices: int = 4, steps_per_quarter: int = 4) -> None:
        super().__init__(voices, steps_per_quarter)

    @property
    def layout(self) -> dict[str, tuple[int, int]]:
        """Name -> (how many columns of `inputs` stand side by side, how many different values each has), in order."""
        place = {"position": (1, POSITIONS), "metre": (1, len(METRES)), "bar": (1, LONGEST_PIECE + 1)}
        return {**place, **past.columns(self.voices, self.size)}

    @property
    def places(self) -> dict[str, slice]:
        """Name -> where its columns of `inputs` stand."""
        ends = itertools.accumulate(count for count, _ in self.layout.values())
        return {name: slice(end - count, end) for (name, (count, _)), end in zip(self.layout.items(), ends, strict=True)}

    @property
    def input_sizes(self) -> tuple[int, ...]:
        return tuple(size for count, size in self.layout.values() for _ in range(count))

    def place(self, start: int, stop: int, time_signature: tuple[int, int]) -> np.ndarray:
        """Return position in the bar, metre and number of the bar (not modulo anything): int32 array (steps, 3)."""
        beats, unit = time_signature
        bars = np.arange(start, stop) * unit // (4 * self.steps_per_quarter * beats)
        place = self.context(start, stop, time_signature)
        return np.column_stack([place[:, :2], np.minimum(bars, LONGEST_PIECE)]).astype(np.int32)

    def past(self) -> Past:
        """Begin a piece: an empty past."""
        return Past(self.voices, self.lowest, FIRST_PITCH, HOLD)

    def inputs(self, tokens: np.ndarray, time_signature: tuple[int, int]) -> np.ndarray:
        """Return what a model sees before each step of one piece, (steps, voices), and before its end: (steps + 1, columns)."""
        so_far = self.past()
        rows = [so_far.row()]
        for step in tokens.reshape(-1, self.voices).tolist():
            so_far.see(step)
            rows.append(so_far.row())
        return np.concatenate([self.place(0, len(rows), time_signature), np.array(rows, dtype=np.int32)], axis=1)


# --- the same, with a character that is wanted --------------------------------------------------------

LEVELS = 8  # of a character: with eight a step is as wide as a listener hears, and there are enough bars of each
FREE = 0  # nothing is wanted; the levels are 1 to LEVELS


class CharacterEncoding(ChoraleEncoding):
    """The grid for several voices, beside the character that each bar shall have.

    A model is told, at every step, how energetic, tense, high and bright the bar is to be (`musiclab.character`). In training
    this is read off the bar itself. In generation it is what you ask for.

    Each number is told as one of eight levels, 1 to 8, such that an eighth of the training bars has each: at level 8 a bar is
    busier, or tenser, than seven of eight bars in the music that the model knows. Level 0 asks for nothing.

    Parameters
    ----------
    edges : sequence of four sequences of seven floats
        For each of `character.NAMES` the values that part the levels, rising.
    voices, steps_per_quarter : int
        The range is that of a string quartet, from the C of a cello to three octaves above the middle of the piano.
    """

    name, version = "character", 1
    lowest, highest = 36, 96
    wishes = dict.fromkeys(character.NAMES, 16)

    def __init__(self, edges: Sequence[Sequence[float]], voices: int = 4, steps_per_quarter: int = 4) -> None:
        super().__init__(voices, steps_per_quarter)
        self.edges = np.array(edges, dtype=float)  # (characters, LEVELS - 1)
        if self.edges.shape != (len(character.NAMES), LEVELS - 1) or (np.diff(self.edges) < 0).any():
            raise ValueError(f"edges must be {len(character.NAMES)} rows of {LEVELS - 1} rising values, for {character.NAMES}.")

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "edges": self.edges.tolist()}

    @property
    def layout(self) -> dict[str, tuple[int, int]]:
        layout = super().layout
        wanted = {f"wanted {name}": (1, LEVELS + 1) for name in self.wishes}
        return {**{name: layout[name] for name in ("position", "metre", "bar")}, **wanted, **layout}

    def place(self, start: int, stop: int, time_signature: tuple[int, int]) -> np.ndarray:
        """Return position, metre, number of the bar, and four columns that ask for nothing: int32 array (steps, 7)."""
        return np.pad(super().place(start, stop, time_signature), ((0, 0), (0, len(self.wishes))), constant_values=FREE)

    def character(self, tokens: np.ndarray, time_signature: tuple[int, int]) -> np.ndarray:
        """Measure the character of each bar of a piece, tokens (steps, voices): float array (bars, 4)."""
        begun = tokens >= FIRST_PITCH
        # The last token of each voice that is no HOLD says what sounds.
        steps = np.arange(len(tokens))[:, None]
        origin = np.maximum.accumulate(np.where(tokens == HOLD, 0, steps), axis=0)  # (steps, voices)
        sounds = np.take_along_axis(tokens, origin, axis=0)
        sounding = np.where(sounds >= FIRST_PITCH, sounds - FIRST_PITCH + self.lowest + 1, SILENT)
        return character.character(sounding, begun, self._bar(time_signature), self.steps_per_quarter)

    def levels(self, values: np.ndarray) -> np.ndarray:
        """Turn what `character` returns, (bars, 4), into levels: int array (bars, 4) of 1 to `LEVELS`."""
        return np.stack([np.searchsorted(e, v) + 1 for e, v in zip(self.edges, values.T, strict=True)], axis=1)

    def places_between(self, values: np.ndarray) -> np.ndarray:
        """Return where between the levels values lie, (bars, 4), float array (bars, 4): 3 is the middle of level 3.

        Beyond the outermost edges it goes on as if those levels were as wide as the others are on average.
        """
        places = []
        for edges, column in zip(self.edges, values.T, strict=True):
            width = max((edges[-1] - edges[0]) / (LEVELS - 2), 1e-9)
            marks = [edges[0] - width, *edges, edges[-1] + width]
            places.append(np.interp(column, marks, np.arange(LEVELS + 1) + 0.5))
        return np.stack(places, axis=1)

    def inputs(self, tokens: np.ndarray, time_signature: tuple[int, int]) -> np.ndarray:
        rows = super().inputs(tokens, time_signature)
        levels = np.repeat(self.levels(self.character(tokens, time_signature)), self._bar(time_signature), axis=0)
        rows[: len(tokens), 3 : 3 + len(self.wishes)] = levels[: len(tokens)]
        return rows

    def _bar(self, time_signature: tuple[int, int]) -> int:
        """Steps in a bar."""
        beats, unit = time_signature
        return max(1, 4 * self.steps_per_quarter * beats // unit)


# --- events: free polyphony -------------------------------------------------------------------------


class EventEncoding(Encoding):
    """Notes as they come: a wait, then for each note its pitch, its duration and its velocity.

    For piano music with any number of notes at once. Waits are counted in steps, durations and velocities
    fall into bins. All notes come back in voice 0.

    Parameters
    ----------
    steps_per_quarter : int
        12 keeps sixteenths and triplets exact.
    velocities : int
        Number of velocity bins, evenly spread over 1-127.
    """

    name, version = "events", 1

    def __init__(self, steps_per_quarter: int = 12, velocities: int = 16) -> None:
        if steps_per_quarter < 1 or not 1 <= velocities <= 127:
            raise ValueError(f"steps_per_quarter={steps_per_quarter} must be 1 or more, velocities={velocities} 1 to 127.")
        self.steps_per_quarter, self.velocities = int(steps_per_quarter), int(velocities)
        grid = self.steps_per_quarter
        self.longest_wait = 4 * grid
        # Durations: every step up to two quarters, then ever wider up to sixteen.
        fine = np.arange(1, 2 * grid + 1)
        self.durations = np.unique(np.concatenate([fine, np.rint(2 * grid * 2 ** (np.arange(1, 13) / 4)).astype(int)]))
        self.loudness = np.rint((np.arange(velocities) + 0.5) * 127 / velocities + 0.5).astype(int)  # the middles of the bins
        groups = (1, self.longest_wait, 128, len(self.durations), len(self.loudness))
        self._wait, self._pitch, self._duration, self._velocity, size = (int(n) for n in np.cumsum(groups))
        self.vocabulary = (
            "END",
            *(f"WAIT{n}" for n in range(1, self.longest_wait + 1)),
            *(pitch_name(p) for p in range(128)),
            *(f"DURATION{n}" for n in self.durations),
            *(f"VELOCITY{n}" for n in self.loudness),
        )
        kind = np.repeat(np.arange(5), groups)  # 0 END, 1 wait, 2 pitch, 3 duration, 4 velocity
        may_follow = np.zeros((5, 5), dtype=bool)
        may_follow[[0, 1, 4], 1] = may_follow[[0, 1, 4], 2] = True  # a wait or a note: at the start, after a wait, after a note
        may_follow[2, 3] = may_follow[3, 4] = may_follow[4, 0] = True  # pitch, then duration, then velocity, then perhaps END
        self.allowed = may_follow[kind[:, None], kind[None, :]]
        self.quarters = np.zeros(size)
        self.quarters[self._wait : self._pitch] = np.arange(1, self.longest_wait + 1) / grid

    def settings(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "steps_per_quarter": self.steps_per_quarter,
            "velocities": self.velocities,
        }

    def encode(self, score: Score) -> np.ndarray:
        notes = self.quantise(score).notes
        notes = notes[np.lexsort((notes["pitch"], notes["onset"]))]  # chords from low to high
        starts = np.rint(notes["onset"] * self.steps_per_quarter).astype(int)
        pitches = self._pitch + notes["pitch"].astype(int)
        durations = self._duration + np.searchsorted(self.durations, np.rint(notes["duration"] * self.steps_per_quarter))
        velocities = self._velocity + np.searchsorted(self.loudness, notes["velocity"])
        tokens: list[int] = []
        now = 0
        for start, *note in np.stack([starts, pitches, durations, velocities], axis=1).tolist():
            waits, rest = divmod(start - now, self.longest_wait)
            tokens += [self._wait + self.longest_wait - 1] * waits + [self._wait + rest - 1] * (rest > 0)
            tokens += note
            now = start
        return np.array(tokens, dtype=np.int32)

    def decode(self, tokens: Iterable[int]) -> Score:
        """Return the piece that `tokens` spell. A note whose duration or velocity is missing is left out."""
        rows, now, pitch, duration = [], 0, None, None
        for token in self._until_end(tokens).tolist():
            if token < self._pitch:
                now += token - self._wait + 1
            elif token < self._duration:
                pitch, duration = token - self._pitch, None
            elif token < self._velocity:
                duration = int(self.durations[token - self._duration])
            elif pitch is not None and duration is not None:
                loud = int(self.loudness[token - self._velocity])
                rows.append((now / self.steps_per_quarter, duration / self.steps_per_quarter, pitch, 0, loud))
                pitch = duration = None
        return Score(rows)

    def transpose(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        is_pitch = (tokens >= self._pitch) & (tokens < self._duration)
        moved = np.where(is_pitch, tokens + semitones, tokens)
        if ((moved[is_pitch] < self._pitch) | (moved[is_pitch] >= self._duration)).any():
            raise ValueError(f"transposing by {semitones} moves a pitch outside 0-127.")
        return moved.astype(np.int32)

    def _fit(self, score: Score) -> tuple[np.ndarray, np.ndarray]:
        notes, grid = score.notes.copy(), self.steps_per_quarter
        notes["onset"] = np.floor(notes["onset"] * grid + 0.5) / grid
        notes["duration"] = _nearest(self.durations, notes["duration"] * grid) / grid
        notes["velocity"] = _nearest(self.loudness, notes["velocity"])
        notes["voice"] = 0
        # Two notes of one pitch at one onset cannot be told apart on a piano: the first is kept.
        _, first = np.unique(np.stack([notes["onset"], notes["pitch"]], axis=1), axis=0, return_index=True)
        return notes, np.isin(np.arange(len(notes)), first)


def _nearest(bins: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return for each value the nearest of the sorted `bins`."""
    middles = (bins[1:] + bins[:-1]) / 2
    return bins[np.searchsorted(middles, values)]
