"""The file doctor: what is in a music file, in plain words, and what of it a network could learn from.

`diagnose` looks at one file, `diagnose_folder` at all files of a folder. Neither raises an error for a bad file: what is wrong
with it is the diagnosis. The file itself is never changed.

Each *finding* is a sentence about one topic, and, where something stands in the way of learning from the file, a piece of
advice. How files are read is told in `musiclab.files`, how melodies are found in `musiclab.melody`, how performances are
brought to a grid in `musiclab.timing`.
"""

from __future__ import annotations

import html
import math
import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from musiclab.encoding import ChoraleEncoding, Encoding, EventEncoding, GridEncoding, NoteNameEncoding
from musiclab.evaluation.pitch import key_of
from musiclab.files import MusicFileError, inspect_file
from musiclab.melody import Melody, find_melody
from musiclab.score import Score, pitch_name
from musiclab.show.picture import count, key_name
from musiclab.spelling import key_signature
from musiclab.timing import CLOSE, Alignment, align

__all__ = ["ENCODINGS", "Diagnosis", "Finding", "FolderDiagnosis", "diagnose", "diagnose_folder", "usable_melodies"]

#: The encodings that `diagnose` knows by name: what each is made from, for one score.
ENCODINGS: dict[str, Callable[[Score], Encoding]] = {
    "melody": lambda score: GridEncoding(),
    "chorale": lambda score: ChoraleEncoding(),
    "events": lambda score: EventEncoding(),
    "note names": lambda score: NoteNameEncoding.of([score]),
}

FEW_NOTES = 32  # fewer teach a model next to nothing
LONG_SILENCE = 4  # bars without a note that are worth a word
MANY_MOVED = 0.02  # share of notes
FITS_BETTER = 0.05  # share of notes by which another scale must fit better than that of the stated key
PIANO = (21, 108)  # lowest and highest key; what lies outside is mostly an effect or a mistake

#: The instruments of General MIDI, by number.
INSTRUMENTS = tuple(
    """piano, bright piano, electric grand piano, honky-tonk piano, electric piano, electric piano 2, harpsichord, clavinet,
    celesta, glockenspiel, music box, vibraphone, marimba, xylophone, tubular bells, dulcimer,
    drawbar organ, percussive organ, rock organ, church organ, reed organ, accordion, harmonica, bandoneon,
    nylon guitar, steel guitar, jazz guitar, clean electric guitar, muted guitar, overdriven guitar, distorted guitar, guitar
    harmonics, acoustic bass, fingered bass, picked bass, fretless bass, slap bass, slap bass 2, synth bass, synth bass 2,
    violin, viola, cello, double bass, tremolo strings, pizzicato strings, harp, timpani,
    strings, slow strings, synth strings, synth strings 2, choir, voice oohs, synth voice, orchestra hit,
    trumpet, trombone, tuba, muted trumpet, French horn, brass section, synth brass, synth brass 2,
    soprano saxophone, alto saxophone, tenor saxophone, baritone saxophone, oboe, English horn, bassoon, clarinet,
    piccolo, flute, recorder, pan flute, blown bottle, shakuhachi, whistle, ocarina,
    square lead, sawtooth lead, calliope lead, chiff lead, charang lead, voice lead, fifths lead, bass lead,
    new age pad, warm pad, polysynth pad, choir pad, bowed pad, metallic pad, halo pad, sweep pad,
    rain, soundtrack, crystal, atmosphere, brightness, goblins, echoes, sci-fi,
    sitar, banjo, shamisen, koto, kalimba, bagpipe, fiddle, shanai,
    tinkle bell, agogo, steel drums, woodblock, taiko drum, melodic tom, synth drum, reverse cymbal,
    fret noise, breath noise, seashore, bird, telephone, helicopter, applause, gunshot""".replace("\n    ", " ").split(", ")
)


@dataclass(frozen=True)
class Finding:
    """One thing about a file: its topic, what was found, and what to do about it, if anything should be done."""

    topic: str
    words: str
    advice: str = ""


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """What `diagnose` found in a file. In a notebook it shows itself as a table, elsewhere as text.

    Attributes
    ----------
    name : str
        The file, as it was given.
    problem : str
        Why it cannot be read and what to do; empty if it can be. Without a readable file all that follows is empty or None.
    findings : tuple of Finding
    score : Score or None
        What the file holds, without drums; the first piece, if it holds several.
    alignment : Alignment or None
        The same on a grid, or why not; see `timing.align`.
    melody : Melody or None
        Of ``alignment.score``.
    encoding : Encoding or None
    before, after : Score or None
        ``alignment.score``, and what is left of it after the encoding: of `GridEncoding` with one voice, the melody.
    facts : dict
        As `formats.scores_and_facts` lists them.
    """

    name: str
    problem: str = ""
    findings: tuple[Finding, ...] = ()
    score: Score | None = None
    alignment: Alignment | None = None
    melody: Melody | None = None
    encoding: Encoding | None = None
    before: Score | None = None
    after: Score | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def advice(self) -> tuple[str, ...]:
        """What to do, one sentence or two for each thing."""
        return tuple(finding.advice for finding in self.findings if finding.advice)

    @property
    def verdict(self) -> str:
        """The diagnosis in a word or three."""
        if self.problem:
            return "cannot be read"
        if not len(self.after) or (self.alignment.kind == "declined" and isinstance(self.encoding, GridEncoding)):
            return "not usable as it is"
        return "usable with care" if self.advice else "usable as it is"

    def __getitem__(self, topic: str) -> Finding:
        """Return the finding on a topic: ``diagnosis["key"].words``. Raises KeyError, with the topics there are."""
        for finding in self.findings:
            if finding.topic == topic:
                return finding
        raise KeyError(f"{topic!r}; there is {', '.join(finding.topic for finding in self.findings) or 'none'}.")

    def __str__(self) -> str:
        if self.problem:
            return self.problem
        lines = [f"{self.name}: {self.verdict}."]
        lines += [_folded(f"{finding.topic}: ", finding.words) for finding in self.findings]
        if self.advice:
            lines += ["What to do:", *(_folded(f"{n}. ", words) for n, words in enumerate(self.advice, 1))]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if self.problem:
            return f"<p>{html.escape(self.problem)}</p>"
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left;vertical-align:top">{html.escape(finding.topic)}</th>'
            f'<td style="text-align:left">{html.escape(finding.words)}</td></tr>'
            for finding in self.findings
        )
        steps = "".join(f"<li>{html.escape(words)}</li>" for words in self.advice)
        title = f'<caption style="text-align:left"><b>{html.escape(self.name)}: {self.verdict}</b></caption>'
        return f"<table>{title}{rows}</table>" + (f"<p>What to do:</p><ol>{steps}</ol>" if steps else "")


class FolderDiagnosis(Sequence[Diagnosis]):
    """What `diagnose_folder` found: a `Diagnosis` for each file, and a table of them all, a row a file."""

    _HEAD = ("file", "verdict", "notes", "voices", "melody", "timing", "metre", "key", "what to do")

    def __init__(self, diagnoses: Sequence[Diagnosis]) -> None:
        self._diagnoses = tuple(diagnoses)

    def __len__(self) -> int:
        return len(self._diagnoses)

    def __getitem__(self, index: Any) -> Any:
        return self._diagnoses[index]

    def cells(self) -> list[list[str]]:
        """Return the table as text, the head first."""
        return [list(self._HEAD), *(_row(diagnosis) for diagnosis in self)]

    @property
    def summary(self) -> str:
        """How many files got which verdict."""
        verdicts = ("usable as it is", "usable with care", "not usable as it is", "cannot be read")
        counts = {verdict: sum(diagnosis.verdict == verdict for diagnosis in self) for verdict in verdicts}
        return f"{count(len(self), 'file')}: {', '.join(f'{n} {verdict}' for verdict, n in counts.items() if n)}."

    def __str__(self) -> str:
        lines = self.cells()
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
        return "\n".join([*text, self.summary])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *body = ([html.escape(cell) for cell in line] for line in self.cells())
        left = 'style="text-align:left"'
        columns = "".join(f'<th scope="col" {left}>{cell}</th>' for cell in head)
        rows = "".join(
            f'<tr><th scope="row" {left}>{name}</th>{"".join(f"<td {left}>{cell}</td>" for cell in cells)}</tr>'
            for name, *cells in body
        )
        return f"<table><caption>{self.summary}</caption><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table>"


def diagnose(path: str | os.PathLike[str], encoding: str | Encoding = "melody", *, name: str | None = None) -> Diagnosis:
    """Look at a file.

    Parameters
    ----------
    path : str or path
        MIDI, MusicXML, ABC or kern. Drums are left out.
    encoding : str or Encoding
        What the file shall become: one of `ENCODINGS`, or an encoding of your own. The diagnosis says what it would keep.
    name : str, optional
        What the diagnosis calls the file, if not by its path.

    Returns
    -------
    Diagnosis
        Also of a file that cannot be read. Its ``problem`` is then the sentence of `read_score`.

    Raises
    ------
    ValueError
        For an unknown name of an encoding; the message lists the known ones.
    """
    if not isinstance(encoding, Encoding) and (not isinstance(encoding, str) or encoding not in ENCODINGS):
        raise ValueError(f"there is no encoding {encoding!r}; choose one of {', '.join(ENCODINGS)}, or give an Encoding.")
    name = os.fspath(path) if name is None else name
    try:
        scores, facts = inspect_file(path)
    except MusicFileError as error:
        return Diagnosis(name, problem=str(error).replace(os.fspath(path), name, 1))
    score = scores[0]
    alignment = align(score)
    before = alignment.score
    melody = find_melody(before, [_track_name(facts, voice) for voice in range(len(facts["voices"]))])
    encoding = ENCODINGS[encoding](before) if isinstance(encoding, str) else encoding
    given = melody.score if _wants_melody(encoding) else before
    words = {"title": score.title, "tempo": before.tempo, "time_signature": before.time_signature, "key": score.key}
    after = replace(encoding.quantise(given), **words)
    case = _Case(facts, score, alignment, melody, encoding, given, len(scores))
    return Diagnosis(name, "", tuple(_findings(case)), score, alignment, melody, encoding, before, after, facts)


def diagnose_folder(
    path: str | os.PathLike[str], encoding: str | Encoding = "melody", *, jobs: int | None = None, progress: bool = True
) -> FolderDiagnosis:
    """Look at every file in a folder and the folders below it, hidden ones aside.

    Parameters
    ----------
    path : str or path
    encoding : str or Encoding
        As for `diagnose`.
    jobs : int, optional
        Processes that work at the same time. Default: one for each core.
    progress : bool
        Show a progress bar if it takes more than two seconds.

    Raises
    ------
    MusicFileError
        If there is no such folder, or no file in it.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise MusicFileError(f"{folder} is not a folder. Give the folder that holds your files; for one file use diagnose.")
    inside = (found for found in sorted(folder.rglob("*")) if not found.is_dir())
    paths = [found for found in inside if not any(part.startswith(".") for part in found.relative_to(folder).parts)]
    if not paths:
        raise MusicFileError(f"{folder} holds no file. Give the folder that holds your files.")
    from joblib import Parallel, delayed
    from tqdm.auto import tqdm

    # For a few files it would take longer to start the processes than to read them.
    jobs = jobs or min(1 + len(paths) // 50, os.cpu_count() or 1)
    work = (delayed(diagnose)(str(found), encoding, name=str(found.relative_to(folder))) for found in paths)
    results = Parallel(n_jobs=jobs, batch_size=min(8, 1 + len(paths) // 100), return_as="generator")(work)
    label = f"Examining {folder.name}"
    return FolderDiagnosis(list(tqdm(results, desc=label, total=len(paths), disable=not progress, delay=2, file=sys.stdout)))


def _row(diagnosis: Diagnosis) -> list[str]:
    if diagnosis.problem:
        return [diagnosis.name, diagnosis.verdict, *[""] * 6, diagnosis.problem.removeprefix(f"{diagnosis.name}: ")]
    score, melody, advice = diagnosis.score, diagnosis.melody, diagnosis.advice
    beats, unit = diagnosis.before.time_signature
    more = f" (and {len(advice) - 1} more)" if len(advice) > 1 else ""
    return [
        diagnosis.name,
        diagnosis.verdict,
        f"{len(score):,}",
        str(len(score.voices)),
        f"{_track_name(diagnosis.facts, melody.voice) or f'voice {melody.voice}'}, {count(len(melody.score), 'note')}",
        diagnosis.alignment.kind,
        f"{beats}/{unit}",
        key_name(_fitting_key(score)),
        advice[0] + more if advice else "",
    ]


def _folded(head: str, words: str) -> str:
    return textwrap.fill(words, 110, initial_indent=f"  {head}", subsequent_indent="    ", break_on_hyphens=False)


# --- the findings ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Case:
    """All that findings are made from. `given` is what the encoding is given: the melody, or all of it."""

    facts: dict[str, Any]
    score: Score
    alignment: Alignment
    melody: Melody
    encoding: Encoding
    given: Score
    pieces: int


def _findings(case: _Case) -> Iterator[Finding]:
    looks = (
        *(_pieces, _tracks, _drums, _length, _tempo, _metre, _repeats, _timing, _polyphony, _range, _key),
        *(_melody, _encoded),
    )
    for look in looks:
        if (finding := look(case)) is not None:
            yield finding


def _wants_melody(encoding: Encoding) -> bool:
    return isinstance(encoding, GridEncoding) and encoding.voices == 1


def _pieces(case: _Case) -> Finding | None:
    words, advice, problems = [], [], case.facts["problems"]
    if case.pieces > 1:
        words.append(f"The file holds {case.pieces} pieces; what follows is about the first.")
        advice.append("read_scores gives all pieces of this file, and load_folder those of its whole folder.")
    if problems:
        words.append(f"Of the file, {count(len(problems), 'tune')} cannot be read and {_is(len(problems))} left out.")
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        advice.append(" ".join(problem[0].upper() + problem[1:] for problem in problems[:3]) + more)
    return Finding("pieces", " ".join(words), " ".join(advice)) if words else None


def _tracks(case: _Case) -> Finding:
    rows = [row for row in case.facts["tracks"] if row["notes"]]
    noun = "track" if case.facts["type"] is not None else "part"
    voices = f", {count(len(case.score.voices), 'voice')}" if len(case.score.voices) != len(rows) else ""
    named = [_voice_name(case, voice) for voice in case.score.voices]
    listed = "; ".join(named[:8]) + (f"; and {len(named) - 8} more" if len(named) > 8 else "")
    form = case.facts["format"] + (f" of type {case.facts['type']}" if case.facts["type"] is not None else "")
    notes = f"{count(len(rows), noun)} with notes{voices}, {count(len(case.score), 'note')} in all"
    return Finding("tracks", f"{form}: {notes}. From the highest down: {listed}.")


def _track_name(facts: dict[str, Any], voice: int) -> str:
    """Return what the track or part that a voice comes from is called; empty if it has no name."""
    voices = facts["voices"]
    return facts["tracks"][voices[voice]["track"]]["name"] if voice < len(voices) else ""


def _voice_name(case: _Case, voice: int) -> str:
    """Name a voice by its track and its instruments: "track 3, 'Vocals' (choir)"."""
    voices = case.facts["voices"]
    if voice >= len(voices):
        return f"voice {voice}"
    number, programs = voices[voice]["track"], list(dict.fromkeys(voices[voice]["programs"]))
    name = case.facts["tracks"][number]["name"]
    noun = "track" if case.facts["type"] is not None else "part"
    played = ", ".join(INSTRUMENTS[program] for program in programs[:3]) + (", …" if len(programs) > 3 else "")
    return f"{noun} {number + 1}" + (f", '{name}'" if name else "") + (f" ({played})" if played else "")


def _drums(case: _Case) -> Finding | None:
    rows = [(n, row["drums"]) for n, row in enumerate(case.facts["tracks"], 1) if row["drums"]]
    if not rows:
        return None
    which = ", ".join(f"track {number}" for number, _ in rows)
    total = sum(drums for _, drums in rows)
    return Finding("drums", f"The drums ({which}, {count(total, 'note')}) are left out: their pitches name instruments.")


def _length(case: _Case) -> Finding:
    score, bar = case.alignment.score, case.alignment.score.bar_length
    bars = math.ceil(score.duration / bar - 1e-9)
    words = f"{count(bars, 'bar')}, {score.duration * 60 / score.tempo:,.0f} seconds."
    ends = np.maximum.accumulate(score.notes["onset"] + score.notes["duration"])
    gaps = score.notes["onset"] - np.append(0.0, ends[:-1])
    longest = int(gaps.argmax())
    advice = []
    if gaps[longest] >= LONG_SILENCE * bar:
        start, end = score.notes["onset"][longest] - gaps[longest], score.notes["onset"][longest]
        first = "Before the first note" if longest == 0 else f"From bar {int(start // bar) + 1} on"
        words += f" {first} there is silence for {gaps[longest] / bar:.0f} bars."
        cut = f"score.slice({math.floor(end / bar) * bar:g}, score.duration)"
        advice.append(f"Leave the silence out, or a model learns to be silent: {cut} is what comes after it.")
    if len(score) < FEW_NOTES:
        words += f" That is short: {count(len(score), 'note')}."
        advice.append("A model learns next to nothing from a piece so short. Use it beside many others.")
    return Finding("length", words, " ".join(advice))


def _tempo(case: _Case) -> Finding:
    tempos = [tempo for _, tempo in case.facts["tempos"]]
    if case.facts["frames"]:
        words = "Time is counted in film frames, so the file knows no beats; half a second is read as a quarter."
        return Finding("tempo", words)
    if not tempos:
        return Finding("tempo", "No tempo is given; 120 quarters a minute are assumed.")
    if len(tempos) == 1:
        return Finding("tempo", f"{tempos[0]:.4g} quarters a minute throughout.")
    changes = f"The tempo changes {_times(len(tempos) - 1)}, between {min(tempos):.4g} and {max(tempos):.4g} quarters a minute"
    return Finding("tempo", f"{changes}. Only the first, {tempos[0]:.4g}, is kept; the rhythm does not suffer.")


def _metre(case: _Case) -> Finding:
    metres = [(time, "{}/{}".format(*metre)) for time, metre in case.facts["metres"]]
    odd, bars = case.facts["bars"]
    uneven = f" {odd:,} of {count(bars, 'bar')} {_is(odd)} longer or shorter than the metre says." if odd else ""
    correct = (
        "Correct the metre or those bars: bar lines are counted by the metre, and stand elsewhere than written." if odd else ""
    )
    if not metres:
        return Finding(
            "metre", "No metre is given; 4/4 is assumed. dataclasses.replace(score, time_signature=(3, 4)) sets another."
        )
    if len(metres) == 1:
        return Finding("metre", f"{metres[0][1]} throughout.{uneven}", correct)
    listed = ", ".join(f"{metre} from quarter {time:g} on" for time, metre in metres[1:4]) + (", …" if len(metres) > 4 else "")
    words = f"The metre changes {_times(len(metres) - 1)}: {metres[0][1]} first, {listed}. Only the first is kept.{uneven}"
    cut = f"score.slice(0, {metres[1][0]:g})"  # not from the first metre's time: an upbeat stands before it
    advice = f"From the first change on the bar lines are wrong. {cut} is what stands before it. {correct}"
    return Finding("metre", words, advice.strip())


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _times(number: int) -> str:
    return "once" if number == 1 else "twice" if number == 2 else f"{number} times"


def _repeats(case: _Case) -> Finding | None:
    if not case.facts["repeats"]:
        return None
    words = "The notation asks for repeats, which are not played out: each part comes once."
    return Finding("repeats", words, "If the form matters, export the piece as MIDI from a notation program: that plays repeats.")


def _timing(case: _Case) -> Finding:
    kind, words = case.alignment.kind, case.alignment.words
    shares = _grid_shares(case.alignment.score)
    sixteenths, triplets, finer = shares["sixteenths"], shares["triplets"], shares["finer"]
    on = f"{100 * sixteenths:.0f} % of the notes begin within 1/{1 / CLOSE:.0f} quarter of a sixteenth"
    others = [
        *([f"{100 * triplets:.0f} % are triplets"] if triplets >= 0.005 else []),
        *([f"{100 * finer:.0f} % lie between, on 32nds or nowhere"] if finer >= 0.005 else []),
    ]
    steps = getattr(case.encoding, "steps_per_quarter", None)
    moves = f", which the grid of {_grid_name(steps)} moves" if steps and others and steps % 12 else ""
    grid = "; ".join([on, *others]) + f"{moves}."
    if kind == "declined":
        advice = (
            "Record it again to a click, or quantise it in a music program; on a grid it is no rhythm that a model could learn."
        )
        return Finding("timing", words, advice)
    advice = ""
    if kind == "free":
        advice = "The beats are a guess, if a checked one. Listen to the result before you train on it: the diagnosis's .before."
        return Finding("timing", f"{words} After that, {grid[0].lower()}{grid[1:]}", advice)
    if moves and triplets >= MANY_MOVED:
        grid12 = "train_own(…, encoding=GridEncoding(steps_per_quarter=12))"
        advice = f"A grid of 12 steps a quarter holds triplets and sixteenths, for a model trained from scratch: {grid12}."
    return Finding("timing", f"{words} After that, {grid}" if kind == "near the grid" else grid, advice)


def _grid_name(steps: int) -> str:
    return {2: "eighths", 4: "sixteenths", 8: "32nds"}.get(steps, f"{steps} steps a quarter")


def _grid_shares(score: Score) -> dict[str, float]:
    """Return which share of the notes begins on a sixteenth, on a triplet (of eighths or sixteenths), and elsewhere."""
    onset = score.notes["onset"]

    def near(steps: int) -> np.ndarray:
        return np.abs(onset - np.rint(onset * steps) / steps) <= CLOSE

    sixteenths, triplets = near(4), near(6)
    triplets &= ~sixteenths
    return {"sixteenths": sixteenths.mean(), "triplets": triplets.mean(), "finer": (~sixteenths & ~triplets).mean()}


def _polyphony(case: _Case) -> Finding:
    notes = case.score.notes
    # Rounded, or a triplet would sound on for 2e-16 of a quarter after the next one begins.
    starts, ends = np.sort(notes["onset"].round(6)), np.sort((notes["onset"] + notes["duration"]).round(6))
    moments = np.unique(np.concatenate([starts, ends]))
    sounding = np.searchsorted(starts, moments[:-1], side="right") - np.searchsorted(ends, moments[:-1], side="right")
    spans = np.diff(moments)
    if sounding.max() <= 1:
        return Finding("polyphony", "One note at a time.")
    mean = float((sounding * spans).sum() / spans[sounding > 0].sum())
    return Finding("polyphony", f"Up to {sounding.max()} notes sound at once, {mean:.1f} on average.")


def _range(case: _Case) -> Finding:
    pitches = case.score.notes["pitch"]
    words = f"From {pitch_name(int(pitches.min()))} to {pitch_name(int(pitches.max()))}."
    outside = int(((pitches < PIANO[0]) | (pitches > PIANO[1])).sum())
    if not outside:
        return Finding("range", words)
    words += f" {count(outside, 'note')} of them {'lies' if outside == 1 else 'lie'} beyond the ends of a piano."
    return Finding("range", words, "Notes that high or low are mostly effects or mistakes: listen to them, and leave them out.")


def _fitting_key(score: Score) -> str:
    tonic, mode = key_of(score)
    return Score([], key=f"C {mode}").transpose(tonic).key


def _in_scale(score: Score, key: str) -> float:
    """Return the share of the notes that lie in the scale of a key's signature."""
    sharps = key_signature(key)
    scale = [7 * fifths % 12 for fifths in range(sharps - 1, sharps + 6)]
    return float(np.isin(score.notes["pitch"] % 12, scale).mean())


def _key(case: _Case) -> Finding:
    score, best = case.score, _fitting_key(case.score)
    stated = score.key if key_signature(score.key) is not None else None
    fits = 100 * _in_scale(score, best)
    if unread := case.facts["unread_keys"]:
        words = f"The key of the file was not understood (K:{unread[0]}), so its sharps and flats may be wrong."
        words += f" As they were read, the notes fit {key_name(best)} best ({fits:.0f} % lie in its scale)."
        return Finding("key", words, "Write the key as ABC does, K:Bm or K:Eb, and read the file again.")
    if stated is None:
        return Finding("key", f"No key is given; the notes fit {key_name(best)} best ({fits:.0f} % lie in its scale).")
    stated_fits = 100 * _in_scale(score, stated)
    words = f"The file says {key_name(stated)}, and {stated_fits:.0f} % of the notes lie in its scale."
    if key_signature(best) == key_signature(stated) and best != stated:
        words += f" {key_name(best)}, which has the same scale, fits better."
    if fits - stated_fits < 100 * FITS_BETTER:
        return Finding("key", words)
    words += f" {key_name(best)[0].upper()}{key_name(best)[1:]} fits better, with {fits:.0f} %."
    advice = (
        f"The stated key seems wrong; many programs write C major unasked. dataclasses.replace(score, key={best!r}) corrects it."
    )
    return Finding("key", words, advice)


def _melody(case: _Case) -> Finding:
    melody, pitches = case.melody, case.melody.score.notes["pitch"]
    reach = f"{pitch_name(int(pitches.min()))} to {pitch_name(int(pitches.max()))}"
    found = f"{_voice_name(case, melody.voice)}, {melody.reason}"
    return Finding("melody", f"{found[0].upper()}{found[1:]}. {count(len(melody.score), 'note')}, {reach}.")


def _encoded(case: _Case) -> Finding:
    encoding, lost = case.encoding, case.encoding.loss_report(case.given)
    kept = lost["notes"] - lost["lost"]
    of = "the melody's " if _wants_melody(encoding) else ""
    words = [f"{_encoding_name(encoding)} keeps {kept:,} of {of}{count(lost['notes'], 'note')}."]
    changes = [(lost["onset moved"], "begin at another time"), (lost["duration changed"], "last longer or shorter")]
    told = [f"{number:,} {what}" for number, what in changes if number]
    if kept:
        words.append(f"Of those kept, {' and '.join(told)}." if told else "Rhythm and pitch come back as they were.")
    if lost["velocity changed"]:
        bins = isinstance(encoding, EventEncoding)
        words.append("Loudness is rounded to a few steps." if bins else "How loud each note is gets lost.")
    if lost["silence lost"]:
        words.append(f"{lost['silence lost']:.4g} quarters of silence are filled.")
    advice = ""
    if isinstance(encoding, NoteNameEncoding):
        advice = "This encoding loses every rhythm. Choose another one, unless you want to see that."
    elif lost["lost"] > MANY_MOVED * lost["notes"]:
        advice = "Notes are lost in this encoding; a finer grid, or the encoding of events, keeps more of them."
    return Finding("encoding", " ".join(words), advice)


def _encoding_name(encoding: Encoding) -> str:
    if isinstance(encoding, GridEncoding):
        voices = "one voice" if encoding.voices == 1 else f"{encoding.voices} voices"
        return f"A grid of {_grid_name(encoding.steps_per_quarter)} for {voices}"
    return {"events": "The encoding of events", "note-names": "The encoding by note names"}.get(encoding.name, encoding.name)


def usable_melodies(path: str | os.PathLike[str], *, progress: bool = True) -> tuple[list[Score], list[tuple[str, str]]]:
    """Take the melodies out of all files in a folder, as `diagnose_folder` finds them, and say what was left out and why.

    Parameters
    ----------
    path : str or path
    progress : bool
        As for `diagnose_folder`.

    Returns
    -------
    melodies : list of Score
        One voice each, on a grid where `timing.align` found one. Of a file that holds several pieces, the melodies of all.
    left_out : list of (str, str)
        The file, or the piece in it, and the reason: it cannot be read, or it was played too freely for a grid.

    Raises
    ------
    MusicFileError
        If there is no such folder, or no file in it.
    """
    melodies: list[Score] = []
    left_out: list[tuple[str, str]] = []
    for diagnosis in diagnose_folder(path, progress=progress):
        if diagnosis.problem:
            left_out.append((diagnosis.name, diagnosis.problem.removeprefix(f"{diagnosis.name}: ")))
            continue
        left_out += [(diagnosis.name, words) for words in diagnosis.facts.get("problems", ())]  # tunes of a book, say
        first = (diagnosis.name, diagnosis.alignment, diagnosis.melody)
        rest = []
        if any(finding.topic == "pieces" for finding in diagnosis.findings):  # of which `diagnose` looks at the first alone
            for number, score in enumerate(inspect_file(Path(path).expanduser() / diagnosis.name)[0][1:], start=2):
                alignment = align(score)
                rest.append((f"{diagnosis.name}, piece {number}", alignment, find_melody(alignment.score)))
        for name, alignment, melody in [first, *rest]:
            if alignment.kind == "declined":
                left_out.append((name, alignment.words))
            elif not len(GridEncoding().quantise(melody.score)):
                left_out.append((name, "no note of its melody is left on a grid of sixteenths."))
            else:
                melodies.append(melody.score)
    return melodies, left_out
