"""From a Score to written music: staves, bars, note values, ties, beams, spelled pitches.

A `Score` says what sounds when. Written music says more: on which staff a note stands, how its length is put together
from note values and ties, whether a black key is a C sharp or a D flat. This module decides all that and writes it down
in MEI, the language that the engraver reads (`musiclab.show.notation`). Its rules are the usual ones:

* Three or four voices share two staves where their ranges allow it, stems up and down; others get a staff each.
* A note that crosses a bar line, or hides a beat that the eye needs, is written as several, tied.
* What does not lie on a grid of 64ths or triplets, or on both in one beat, is drawn at the nearest sixteenth, and
  counted; so is every note of a piece in which more than a tenth do not, for it must be a recorded performance.
* Pitches are spelled from the key (`musiclab.spelling`); without a key, from the signature that fits best.

Time is counted in ticks here, 48 to a quarter note: a sixteenth has 12, a note of a triplet 16.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

import numpy as np

from musiclab.score import Score
from musiclab.spelling import is_minor, signature_of, spelled

__all__ = ["Written", "bars_of", "beat_of", "write_mei"]

QUARTER = 48  # ticks
SIXTEENTH = QUARTER // 4
GRIDS = (3, 8)  # 64ths and the sixteenths of a triplet: what counts as written exactly
TOLERANCE = 1 / 240  # quarter lengths; MIDI files round to ticks
PERFORMED = 0.1  # share of notes off the grid from which on a piece is taken for a recorded performance
MOST_LAYERS = 2  # lines of notes into which one voice is taken apart, where its notes overlap

#: Ticks of the plain note values, longest first, as MEI names them.
VALUES = {4 * QUARTER: "1", 2 * QUARTER: "2", 48: "4", 24: "8", 12: "16", 6: "32", 3: "64"}
#: The same within a triplet, where three stand for two.
TRIPLET_VALUES = {ticks * 2 // 3: name for ticks, name in VALUES.items() if 6 <= ticks <= 2 * QUARTER}


@dataclass
class Mark:
    """One note, chord or rest of one layer, from `start` to `end` in ticks; a rest has no pitches."""

    start: int
    end: int
    pitches: tuple[int, ...] = ()
    tied_before: bool = False
    tied_after: bool = False


@dataclass
class Staff:
    """A staff: the clef, and the voices that stand on it, each as one or more layers of marks in order."""

    clef: str
    labels: list[str]  # the names of its voices, highest first
    voices: list[list[list[Mark]]] = field(default_factory=list)


@dataclass(frozen=True)
class Written:
    """A score written down.

    Attributes
    ----------
    mei : str
    onsets : dict of str to float
        For each note, chord or rest of the MEI, by its id, where it begins in quarter lengths.
    staves : int
    signature : int
        Sharps (positive) or flats (negative) of the key signature.
    moved, changed : int
        Notes drawn elsewhere than they sound, because they lie off the grid; notes drawn longer or shorter than they
        sound, because too many overlap.
    """

    mei: str
    onsets: dict[str, float]
    staves: int
    signature: int
    moved: int
    changed: int


def write_mei(score: Score, first: int, last: int, labels: Sequence[str]) -> Written:
    """Write the bars `first` to `last` (from 1) of a score as MEI.

    Parameters
    ----------
    score : Score
    first, last : int
    labels : sequence of str
        The name of each voice, highest first; empty names are left away.
    """
    ticks, moved = _on_the_grid(score)
    signature = signature_of(score)
    shown = (ticks[:, 0] < last * _bar(score)) & (ticks[:, 1] > (first - 1) * _bar(score))  # (notes,)
    staves, changed = _staves(score, ticks, shown, labels)
    writer = _Writer(score, signature)
    closing = _bars(ticks, score)
    measures = [writer.measure(staves, number, closes=number == closing) for number in range(first, last + 1)]
    mei = _document(score.time_signature, signature, staves, measures)
    return Written(mei, writer.onsets, len(staves), signature, int(moved[shown].sum()), changed)


# --- time -----------------------------------------------------------------------------------------------


def _on_the_grid(score: Score) -> tuple[np.ndarray, np.ndarray]:
    """Return onset and end of each note in ticks, int array (notes, 2), and whether it had to be moved, bool (notes,)."""
    notes = score.notes
    times = np.stack([notes["onset"], notes["onset"] + notes["duration"]], axis=1) * QUARTER  # (notes, 2)
    candidates = np.stack([np.rint(times / grid) * grid for grid in GRIDS])  # (grids, notes, 2)
    nearest = candidates[np.abs(candidates - times).argmin(axis=0), np.arange(len(notes))[:, None], [[0, 1]]]
    sixteenth = np.rint(times / SIXTEENTH) * SIXTEENTH
    exact = np.abs(nearest - times) <= TOLERANCE * QUARTER  # (notes, 2)
    exact &= ~_torn(nearest, exact, _bar(score))
    if len(notes) and (~exact).any(axis=1).mean() > PERFORMED:  # the others lie on the grid by chance
        exact = np.abs(sixteenth - times) <= TOLERANCE * QUARTER
    exact &= (nearest[:, 1] > nearest[:, 0])[:, None]  # too short to be written
    ticks = np.where(exact, nearest, sixteenth).astype(int)
    ticks[:, 1] = np.where(ticks[:, 1] > ticks[:, 0], ticks[:, 1], ticks[:, 0] + SIXTEENTH)
    return ticks, (~exact).any(axis=1)


def _torn(ticks: np.ndarray, exact: np.ndarray, bar: int) -> np.ndarray:
    """Find the times that no part of a triplet falls on, in beats that are divided in three: bool, like `ticks`."""
    beat = ticks // bar * (bar // QUARTER + 1) + ticks % bar // QUARTER
    thirds = beat[exact & (ticks % GRIDS[0] != 0)]
    return np.isin(beat, thirds) & (ticks % min(TRIPLET_VALUES) != 0)


def _bar(score: Score) -> int:
    return round(score.bar_length * QUARTER)


def bars_of(score: Score) -> int:
    """Count the bars that it takes to write a score, at least 1."""
    return _bars(_on_the_grid(score)[0], score)


def _bars(ticks: np.ndarray, score: Score) -> int:
    return max(1, math.ceil(int(ticks.max(initial=0)) / _bar(score)))


def beat_of(time_signature: tuple[int, int]) -> float:
    """Return the beat, in quarter lengths, that beams and ties keep visible: three eighths in 6/8, a quarter in 7/8."""
    beats, unit = time_signature
    if unit < 8:
        return 4 / unit
    return 3 * 4 / unit if beats % 3 == 0 else 1.0


# --- staves ---------------------------------------------------------------------------------------------

MIDDLE = 60


def _staves(score: Score, ticks: np.ndarray, shown: np.ndarray, labels: Sequence[str]) -> tuple[list[Staff], int]:
    """Divide the voices among staves; return these, with the notes that are shown, and how many got another length."""
    changed = 0
    staves = []
    for clef, groups in _layout(score):
        staff = Staff(clef, [_clean(labels[v]) for v, _ in groups if v < len(labels) and labels[v]])
        for _, chosen in groups:
            chosen = chosen[shown[chosen]]
            layers, cut = _layers(score.notes["pitch"][chosen], ticks[chosen])
            changed += cut
            staff.voices.append(layers)
        staves.append(staff)
    return staves, changed


def _clean(label: str) -> str:
    return "".join(c for c in label if c.isprintable())


def _layout(score: Score) -> Iterator[tuple[str, list[tuple[int, np.ndarray]]]]:
    """Yield for each staff its clef and its voices: the voice's place among the voices, and which notes it has."""
    pitch, voice = score.notes["pitch"].astype(int), score.notes["voice"]
    chosen = [np.flatnonzero(voice == v) for v in score.voices] or [np.zeros(0, dtype=int)]
    middles = [float(np.median(pitch[c])) if len(c) else MIDDLE for c in chosen]
    if len(chosen) == 1 and _is_for_two_hands(score):
        notes = chosen[0]
        yield "treble", [(0, notes[pitch[notes] >= MIDDLE])]
        yield "bass", [(1, notes[pitch[notes] < MIDDLE])]
        return
    if upper := _upper_voices(middles):
        yield "treble", [(v, chosen[v]) for v in range(upper)]
        yield "bass", [(v, chosen[v]) for v in range(upper, len(chosen))]
        return
    for v, notes in enumerate(chosen):
        yield _clef(middles[v]), [(v, notes)]


def _upper_voices(middles: Sequence[float]) -> int:
    """Return how many of three or four voices go on the upper of two staves; 0 if they do not fit on two."""
    if len(middles) not in (3, 4):
        return 0
    fits = [
        upper
        for upper in (2, 1)
        if len(middles) - upper <= 2 and min(middles[:upper]) >= MIDDLE - 5 and max(middles[upper:]) <= MIDDLE + 4
    ]
    return fits[0] if fits else 0


def _is_for_two_hands(score: Score) -> bool:
    """Tell whether a single voice holds chords on both sides of middle C, as piano music does."""
    pitch, onset = score.notes["pitch"], score.notes["onset"]
    several = bool((onset[1:] < (onset + score.notes["duration"])[:-1] - TOLERANCE).any())
    return several and pitch.min() < MIDDLE - 7 and pitch.max() > MIDDLE + 7


def _clef(middle: float) -> str:
    """Choose the clef whose staff holds most notes."""
    clefs = ((88, "high treble"), (56, "treble"), (32, "bass"))
    return next((name for least, name in clefs if middle >= least), "low bass")


_CLEFS = {
    "high treble": 'clef.shape="G" clef.line="2" clef.dis="15" clef.dis.place="above"',
    "treble": 'clef.shape="G" clef.line="2"',
    "bass": 'clef.shape="F" clef.line="4"',
    "low bass": 'clef.shape="F" clef.line="4" clef.dis="15" clef.dis.place="below"',
}


def _layers(pitch: np.ndarray, ticks: np.ndarray) -> tuple[list[list[Mark]], int]:
    """Take a voice apart into layers in which one mark follows the other; return how many notes got another length."""
    chords: dict[tuple[int, int], list[int]] = {}
    for p, (start, end) in zip(pitch.tolist(), ticks.tolist(), strict=True):
        chords.setdefault((start, end), []).append(p)
    layers: list[list[Mark]] = [[]]
    cut = 0
    for (start, end), pitches in sorted(chords.items(), key=lambda item: (item[0][0], -item[0][1])):
        mark = Mark(start, end, tuple(sorted(set(pitches))))
        free = next((layer for layer in layers if not layer or layer[-1].end <= start), None)
        if free is None and len(layers) < MOST_LAYERS:
            layers.append(free := [])
        if free is None:  # no room: what began earlier ends here, or joins the chord that begins here
            free = min(layers, key=lambda layer: layer[-1].end)
            before = free[-1]
            if before.start == start:
                before.pitches = tuple(sorted({*before.pitches, *mark.pitches}))
                cut += len(mark.pitches)
                continue
            before.end = start
            cut += len(before.pitches)
        free.append(mark)
    return layers, cut


def _height(layer: Sequence[Mark]) -> float:
    return float(np.mean([pitch for mark in layer for pitch in mark.pitches] or [0]))


# --- bars -----------------------------------------------------------------------------------------------


class _Writer:
    """Writes measures; remembers the ids that it gave and the accidentals in force."""

    def __init__(self, score: Score, signature: int) -> None:
        self.bar, self.beat = _bar(score), round(beat_of(score.time_signature) * QUARTER)
        self.quarters = score.time_signature == (4, 4)
        self.signature, self.minor = signature, is_minor(score.key)
        self.onsets: dict[str, float] = {}
        self.accidentals: dict[tuple[str, int], int] = {}

    def measure(self, staves: Sequence[Staff], number: int, *, closes: bool) -> str:
        """Write bar `number`, from 1."""
        start = (number - 1) * self.bar
        parts = []
        for n, staff in enumerate(staves, start=1):
            self.accidentals = {}
            layers, rests_of = [], []
            for voice in staff.voices:
                here = self._of_voice(voice, start)
                layers += here
                rests_of += [True] + [False] * (len(here) - 1)  # the silences of one layer are rests, those of others empty
            # Accidentals hold for the whole staff, so they are decided in the order in which its notes come.
            shown = self._accidentals(layers)
            texts = []
            for k, (marks, rests) in enumerate(zip(layers, rests_of, strict=True), start=1):
                texts.append(f'<layer n="{k}">{self._layer(marks, start, rests, shown)}</layer>')
            parts.append(f'<staff n="{n}">{"".join(texts)}</staff>')
        right = ' right="end"' if closes else ""
        return f'<measure n="{number}"{right}>{"".join(parts)}</measure>'

    def _of_voice(self, voice: Sequence[Sequence[Mark]], start: int) -> list[list[Mark]]:
        """Return what a voice's layers have in one bar: those that sound, the highest first; if none does, one rest."""
        layers = [self._in_bar(layer, start) for layer in voice]
        sounding = [layer for layer in layers if any(mark.pitches for mark in layer)]
        return sorted(sounding, key=_height, reverse=True) or layers[:1]

    def _in_bar(self, layer: Sequence[Mark], start: int) -> list[Mark]:
        """Cut a layer's marks to one bar and fill the silences between them."""
        end, marks, at = start + self.bar, [], start
        for mark in layer:
            if mark.end <= start or mark.start >= end:
                continue
            left, right = max(mark.start, start), min(mark.end, end)
            if left > at:
                marks.append(Mark(at, left))
            marks.append(Mark(left, right, mark.pitches, mark.start < start, mark.end > end))
            at = right
        if at < end and marks:
            marks.append(Mark(at, end))
        return marks or [Mark(start, end)]

    def _accidentals(self, layers: Sequence[Sequence[Mark]]) -> dict[tuple[int, int], int | None]:
        """Return for each (id of a mark, pitch) the accidental to print: sharps, or None for none."""
        shown: dict[tuple[int, int], int | None] = {}
        for mark in sorted((mark for layer in layers for mark in layer), key=lambda mark: mark.start):
            for pitch in mark.pitches:
                letter, sharps, octave = spelled(pitch, self.signature, minor=self.minor)
                in_force = self.accidentals.get((letter, octave), _in_signature(letter, self.signature))
                needed = sharps != in_force and not mark.tied_before
                shown[id(mark), pitch] = sharps if needed else None
                if not mark.tied_before:
                    self.accidentals[letter, octave] = sharps
        return shown

    def _layer(self, marks: Sequence[Mark], start: int, rests: bool, shown: dict) -> str:
        """Write the marks of one layer in one bar."""
        if len(marks) == 1 and not marks[0].pitches:
            return f'<mRest xml:id="{self._name(start)}"/>' if rests else "<mSpace/>"
        texts, at = [], start
        for region_end, triplet in self._regions(marks, start):
            pieces = [(mark, a, b) for mark in marks for a, b in _overlap(mark, at, region_end)]
            if triplet:
                texts.append(self._triplet(pieces, rests, shown))
            else:
                texts.append(self._plain(pieces, start, rests, shown))
            at = region_end
        return "".join(texts)

    def _regions(self, marks: Sequence[Mark], start: int) -> Iterator[tuple[int, bool]]:
        """Divide the bar into stretches: (end, whether it is a triplet). Everything between triplets is one stretch."""
        edges = {mark.start - start for mark in marks} | {mark.end - start for mark in marks}
        plain_until = at = 0
        while at < self.bar:
            spans, at = _triplets_from(edges, at, self.bar)
            for left, right in spans:
                if plain_until < left:
                    yield start + left, False
                yield start + right, True
                plain_until = right
        if plain_until < self.bar:
            yield start + self.bar, False

    def _plain(self, pieces: Sequence[tuple[Mark, int, int]], start: int, rests: bool, shown: dict) -> str:
        written = [
            (mark, a, b, name, dots)
            for mark, left, right in pieces
            for a, b, name, dots in self._values(left, right, start, rest=not mark.pitches)
        ]
        return self._beamed(written, start, rests, shown)

    def _triplet(self, pieces: Sequence[tuple[Mark, int, int]], rests: bool, shown: dict) -> str:
        written = []
        for mark, left, right in pieces:
            at = left
            while at < right:
                ticks, name, dots = _largest(right - at, TRIPLET_VALUES)
                written.append((mark, at, at + ticks, name, dots))
                at += ticks
        notes = self._beamed(written, pieces[0][1], rests, shown, one_group=True)
        return f'<tuplet num="3" numbase="2">{notes}</tuplet>'

    def _values(self, left: int, right: int, start: int, *, rest: bool) -> Iterator[tuple[int, int, str, int]]:
        """Put a stretch of time together from note values: yield (start, end, value, dots)."""
        at = left
        while at < right:
            end = (self._rest_end if rest else self._next_end)(at - start, right - start) + start
            ticks, name, dots = _largest(end - at, VALUES)
            yield at, at + ticks, name, dots
            at += ticks

    def _rest_end(self, left: int, right: int) -> int:
        """Return where a rest has to be cut: at every beat, but for the halves of a bar of 4/4."""
        if self.quarters and left % (2 * self.beat) == 0 and right - left >= 2 * self.beat:
            return left + 2 * self.beat
        return min(right, (left // self.beat + 1) * self.beat)

    def _next_end(self, left: int, right: int) -> int:
        """Return where a note from `left` to `right` (ticks in the bar) has to be cut so that the beats stay visible."""
        length, half = right - left, self.bar // 2 if self.quarters else self.bar
        if left % self.beat == 0:
            whole_beats = length // self.beat * self.beat
            if length > self.beat and self.beat % 36 == 0:  # in 6/8, a note longer than a beat is as many whole beats
                return left + whole_beats
            is_value = length in VALUES or (length * 2 % 3 == 0 and length * 2 // 3 in VALUES)
            if is_value and not (left % half and left < half < right):
                return right
            return left + whole_beats if whole_beats else right
        next_beat = (left // self.beat + 1) * self.beat
        # The plain syncopation: from the middle of a beat to the middle of another, within half a bar.
        syncopated = left % (self.beat // 2) == 0 and length == self.beat and left // half == (right - 1) // half
        return right if right <= next_beat or (syncopated and self.beat % 36) else next_beat

    def _beamed(
        self,
        written: Sequence[tuple[Mark, int, int, str, int]],
        start: int,
        rests: bool,
        shown: dict,
        *,
        one_group: bool = False,
    ) -> str:
        """Write notes and rests, with a beam around each run of short notes in one beat."""
        texts: list[str] = []
        group: list[str] = []
        group_beat = -1

        def close() -> None:
            texts.append(f"<beam>{''.join(group)}</beam>" if len(group) > 1 else "".join(group))
            group.clear()

        for mark, a, b, name, dots in written:
            beat = 0 if one_group else (a - start) // self.beat
            if not mark.pitches or int(name) < 8 or (group and beat != group_beat):
                close()
            text = self._mark(mark, a, b, name, dots, rests, shown)
            if mark.pitches and int(name) >= 8:
                group.append(text)
                group_beat = beat
            else:
                texts.append(text)
        close()
        return "".join(texts)

    def _mark(self, mark: Mark, a: int, b: int, name: str, dots: int, rests: bool, shown: dict) -> str:
        """Write one note, chord or rest from tick `a` to `b`, a piece of `mark`."""
        duration = f'dur="{name}"' + (f' dots="{dots}"' if dots else "")
        if not mark.pitches:
            return f'<rest xml:id="{self._name(a)}" {duration}/>' if rests else f"<space {duration}/>"
        tied_before, tied_after = a > mark.start or mark.tied_before, b < mark.end or mark.tied_after
        tie = {(True, True): ' tie="m"', (True, False): ' tie="t"', (False, True): ' tie="i"'}.get((tied_before, tied_after), "")
        notes = []
        for pitch in mark.pitches:
            letter, sharps, octave = spelled(pitch, self.signature, minor=self.minor)
            sign = shown[id(mark), pitch] if a == mark.start else None
            notes.append((f'pname="{letter.lower()}" oct="{octave}"', _accid(sharps, sign)))
        if len(notes) == 1:
            place, accid = notes[0]
            return f'<note xml:id="{self._name(a)}" {place} {duration}{tie}>{accid}</note>'
        inner = "".join(f"<note {place}{tie}>{accid}</note>" for place, accid in notes)
        return f'<chord xml:id="{self._name(a)}" {duration}>{inner}</chord>'

    def _name(self, at: int) -> str:
        name = f"m{len(self.onsets)}"
        self.onsets[name] = at / QUARTER
        return name


def _overlap(mark: Mark, left: int, right: int) -> list[tuple[int, int]]:
    """Return the part of a mark that lies in a stretch of time: one, or none."""
    a, b = max(mark.start, left), min(mark.end, right)
    return [(a, b)] if a < b else []


def _triplets_from(edges: set[int], at: int, bar: int) -> tuple[list[tuple[int, int]], int]:
    """Find the triplets in the quarter, or the two quarters, that begin at `at`; return them and where to go on."""
    two = at + 2 * QUARTER
    inside = [edge - at for edge in edges if at < edge < two]
    if two <= bar and inside and not any(edge % (2 * QUARTER // 3) for edge in inside):
        return [(at, two)], two  # three notes in the time of two quarters
    end = min(at + QUARTER, bar)
    return _triplet_spans(edges, at, end), end


def _triplet_spans(edges: set[int], left: int, right: int) -> list[tuple[int, int]]:
    """Find the stretches of a beat that are divided in three: its halves if they stand alone, else the whole."""
    if not any(left < edge < right and edge % GRIDS[0] for edge in edges):
        return []
    middle = (left + right) // 2
    if middle in edges and (right - left) > QUARTER // 4:
        return _triplet_spans(edges, left, middle) + _triplet_spans(edges, middle, right)
    return [(left, right)]


def _largest(length: int, values: dict[int, str]) -> tuple[int, str, int]:
    """Return the longest note value, plain or dotted, that fits: its ticks, its name, its dots."""
    for ticks, name in values.items():
        for dots, full in ((1, ticks * 3 / 2), (0, ticks)):
            if full <= length and full == int(full) and not (dots and name == "64"):
                return int(full), name, dots
    raise RuntimeError(f"no note value fits {length} ticks; please report the score that caused it.")


def _in_signature(letter: str, signature: int) -> int:
    """Return how a key signature alters a letter: 1 for a sharp, -1 for a flat."""
    place = "FCGDAEB".index(letter)  # the order in which sharps are added; flats come from the other end
    return int(place < signature) - int(6 - place < -signature)


def _accid(sharps: int, sign: int | None) -> str:
    """Write how a note is altered: printed (`accid`), or only known (`accid.ges`)."""
    names = {-2: "ff", -1: "f", 0: "n", 1: "s", 2: "x"}
    if sign is not None:
        return f'<accid accid="{names[sign]}"/>'
    return f'<accid accid.ges="{names[sharps]}"/>' if sharps else ""


def _document(time_signature: tuple[int, int], signature: int, staves: Sequence[Staff], measures: Sequence[str]) -> str:
    """Put the measures into a whole MEI document."""
    definitions = "".join(
        f'<staffDef n="{n}" lines="5" {_CLEFS[staff.clef]}>'
        + (f"<label>{'<lb/>'.join(map(escape, staff.labels))}</label>" if staff.labels else "")
        + "</staffDef>"
        for n, staff in enumerate(staves, start=1)
    )
    beats, unit = time_signature
    keysig = f"{abs(signature)}{'s' if signature > 0 else 'f'}" if signature else "0"
    symbol = ' symbol="brace"' if len(staves) == 2 else ' symbol="bracket"' if len(staves) > 2 else ""
    return (
        '<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0"><meiHead/><music><body><mdiv><score>'
        f'<scoreDef meter.count="{beats}" meter.unit="{unit}" keysig="{keysig}">'
        f'<staffGrp{symbol} bar.thru="true">{definitions}</staffGrp></scoreDef>'
        f"<section>{''.join(measures)}</section></score></mdiv></body></music></mei>"
    )
