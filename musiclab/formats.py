"""Bytes to `Score` and `Score` to bytes, for each format, and music21's streams.

This module opens no file and starts no process. What it makes of a format is told in `musiclab.files`, what is
done about damaged files in `musiclab.reader`. The errors raised here name no file: who knows its name puts it before.
"""

from __future__ import annotations

import functools
import io
import itertools
import re
import struct
import textwrap
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from musiclab.score import NOTE, Score
from musiclab.spelling import is_minor, key_signature, signature_of, spelled

if TYPE_CHECKING:
    import music21
    import symusic

    _Tracks = list[tuple[str, symusic.core.ScoreTick]]  # of a MIDI file: each track's name and its events

MAX_BYTES = 32 * 2**20  # of a file, and of the MusicXML inside an .mxl; a symphony takes about 10 MB
MAX_LENGTH = 50_000.0  # quarter lengths: seven hours at tempo 120
TICKS = 480  # ticks per quarter note of the MIDI files that we write


class MusicFileError(Exception):
    """A file cannot be read or written. The message says which, why, and what to do about it."""


def scores_from_bytes(data: bytes, kind: str, *, max_notes: int, drums: bool) -> list[Score]:
    """Read what a file of this kind ("midi", "mxl", "musicxml", "abc" or "kern") holds: at least one Score with notes.

    Of an ABC book the tunes that can be read; `scores_and_facts` names the others.
    Raises MusicFileError for what was foreseen; damaged notation may raise anything, for music21 does.
    """
    return _scores(_parse(data, kind, max_notes), kind, max_notes, drums)


def scores_and_facts(data: bytes, kind: str, *, max_notes: int) -> tuple[list[Score], dict[str, Any]]:
    """Read as `scores_from_bytes` does, without drums, and tell beside it what a Score does not carry.

    The facts are of the first piece and can be written as JSON. Times are in quarter lengths, as the Score counts them. A
    name that the file does not give is empty.

    - ``format``: "MIDI", "MusicXML", "ABC" or "kern"; ``type``: of MIDI 0, 1 or 2, else None
    - ``ticks``: of MIDI how many make a quarter note, else None; ``frames``: whether time is counted in film frames
    - ``tracks``: of each track or part ``name``, ``notes`` and, of MIDI, ``drums``: how many notes are on channel 10
    - ``voices``: of each voice ``track``, its place among the tracks, and ``programs``, its instruments as General MIDI
      numbers them from 0
    - ``tempos``, ``metres``, ``keys``: lists of (time, value), without those that repeat the value before
    - ``unread_keys``: the keys of an ABC tune that were not understood, as written; the notes may lack its sharps and flats
    - ``bars``: of notation with a metre how many bars of the first part are longer or shorter than it says, and how many
      bars there are; otherwise 0 and 0. A short bar beside a repeat, a double bar line or an end may be that of an upbeat
    - ``repeats``: whether the notation asks for repeats, which a Score does not play out
    - ``problems``: of the whole file, a sentence for each ABC tune that cannot be read
    """
    parsed = _parse(data, kind, max_notes)
    scores = _scores(parsed, kind, max_notes, drums=False)
    facts = {"midi": _midi_facts, "abc": _abc_facts}.get(kind, _stream_facts)(parsed)
    facts["format"] = {"midi": "MIDI", "abc": "ABC", "kern": "kern"}.get(kind, "MusicXML")
    for name in ("tempos", "metres", "keys"):
        changes = [(time, value) for time, value in facts[name] if value]
        before = [None, *(value for _, value in changes)]
        facts[name] = [change for change, last in zip(changes, before, strict=False) if change[1] != last]
    return scores, facts


def _parse(data: bytes, kind: str, max_notes: int) -> Any:
    """Let the parser of this kind of file read it: a `_Midi`, the tunes of ABC, or a music21 stream."""
    if kind == "midi":
        data = data[data.find(b"MThd") :]
        return _Midi(*midi_header(data), bool(data[12] & 0x80), list(_tracks(data)))
    return list(_read_tunes(text_of(data), carry=True)) if kind == "abc" else _stream(data, kind, max_notes)


def _scores(parsed: Any, kind: str, max_notes: int, drums: bool) -> list[Score]:
    if kind == "midi":
        scores = _from_midi(parsed, drums)
    else:
        scores = _from_abc(parsed) if kind == "abc" else [from_music21(parsed)]
        scores = [replace(score, notes=repaired(score.notes)) for score in scores]
    scores = [score for score in scores if len(score)]
    if not scores:
        raise MusicFileError("holds no notes. Check that it is the right file, or export it again.")
    for score in scores:
        if len(score) > max_notes:
            raise MusicFileError(f"holds {len(score):,} notes, more than the limit. Split it, or pass max_notes={len(score)}.")
        check_length(score)
    return scores


def check_length(score: Score) -> None:
    """Refuse a piece that ends after MAX_LENGTH: in an encoding every beat takes space, silent ones too."""
    onset, end = score.notes["onset"], score.notes["onset"] + score.notes["duration"]
    if (end > MAX_LENGTH).any():
        worst = int(np.argmax(end > MAX_LENGTH))
        where = f"begins at beat {onset[worst]:,.0f}" if onset[worst] > MAX_LENGTH else f"lasts until beat {end[worst]:,.0f}"
        raise MusicFileError(f"has a note that {where}; the limit is {MAX_LENGTH:,.0f}. Correct or remove that note.")


def repaired(notes: np.ndarray) -> np.ndarray:
    """Let no pitch sound twice at once in a voice, and give notes of no length a 32nd. Shape (n,) to (m,), m <= n."""
    notes = notes[::-1].copy()  # of notes that are alike the first shall stay, so it has to come last
    notes["duration"][notes["duration"] == 0] = 0.125
    notes = notes[np.lexsort((notes["duration"], notes["onset"], notes["pitch"], notes["voice"]))]
    again = (notes["pitch"][1:] == notes["pitch"][:-1]) & (notes["voice"][1:] == notes["voice"][:-1])
    until_next = np.full(len(notes), np.inf)  # from a note to the next of its pitch and voice
    until_next[:-1][again] = np.diff(notes["onset"])[again]
    notes["duration"] = np.minimum(notes["duration"], until_next)
    return notes[until_next > 0]


def text_of(data: bytes) -> str:
    """Decode: UTF-16 if marked as such, else UTF-8, else Latin-1, in which old ABC and kern files are written."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def brief(error: Exception) -> str:
    """Put a library's error in a few words, for those who want to look into it."""
    return textwrap.shorten(f"{type(error).__name__}: {error}", 120, placeholder=" …")


def _meter(beats: int, unit: int) -> tuple[int, int] | None:
    """Return the time signature if there is such a one."""
    return (beats, unit) if beats >= 1 and unit in (1, 2, 4, 8, 16, 32, 64) else None


# --- MIDI, read ------------------------------------------------------------------------------------------


def midi_header(header: bytes) -> tuple[int, float]:
    """Read a MIDI header (from MThd on): the file's type, 0-2, and its ticks in a quarter note."""
    if len(header) < 14:
        raise MusicFileError("ends within its first 14 bytes. Download or export it again.")
    length, kind, _, division = struct.unpack(">IHHH", header[4:14])
    frames, ticks = 256 - (division >> 8), division & 0xFF
    if length < 6 or kind > 2:
        raise MusicFileError(f"has a damaged MIDI header (type {kind}; there are 0, 1 and 2). Download or export it again.")
    if division & 0x8000 and frames in (24, 25, 29, 30) and ticks:
        return kind, (29.97 if frames == 29 else frames) * ticks / 2  # SMPTE: ticks of half a second
    if division & 0x8000 or not division:
        number = struct.unpack(">h", header[12:14])[0]
        raise MusicFileError(f"says that a quarter note has {number} ticks, which makes no sense. Export it again.")
    return kind, float(division)


class _Midi(NamedTuple):
    """A MIDI file: its type, ticks in a quarter note, whether those are film frames, and its tracks."""

    kind: int
    ticks: float
    frames: bool
    tracks: _Tracks

    @property
    def pieces(self) -> list[_Tracks]:
        """The tracks of each piece. In type 2 each track is one."""
        return [[track] for track in self.tracks] if self.kind == 2 else [self.tracks]


def _from_midi(midi: _Midi, drums: bool) -> list[Score]:
    scores = [_song(tracks, midi.ticks, drums) for tracks in midi.pieces]
    if not any(map(len, scores)) and any(part.is_drum and len(part.notes) for _, track in midi.tracks for part in track.tracks):
        raise MusicFileError(
            "holds drums only (MIDI channel 10). Use another file, or keep them with read_score(path, drums=True)."
        )
    return [replace(score, tempo=120.0) for score in scores] if midi.frames else scores  # tempo events mean nothing then


def _midi_facts(midi: _Midi) -> dict[str, Any]:
    tracks = next(tracks for tracks in midi.pieces if any(_voices(track, midi.ticks, False) for _, track in tracks))
    _, shift = _bars(tracks, midi.ticks)

    def changes(kind: str, read: Callable[[Any], Any]) -> list[tuple[float, Any]]:
        events = sorted((event for _, track in tracks for event in getattr(track, kind)), key=lambda event: event.time)
        return [(event.time / midi.ticks + shift * bool(event.time), read(event)) for event in events]

    metres = changes("time_signatures", lambda event: _meter(event.numerator, event.denominator))
    rows = []
    for name, track in tracks:
        drums = sum(len(part.notes) for part in track.tracks if part.is_drum)
        notes = sum(len(part.notes) for part in track.tracks) - drums
        rows.append({"name": name, "notes": notes, "drums": drums})
    return (
        _NOT_NOTATION
        | _NOT_ABC
        | {
            "type": midi.kind,
            "ticks": midi.ticks,
            "frames": midi.frames,
            "tracks": rows,
            "voices": [{"track": number, "programs": programs} for _, programs, number in _sorted_voices(tracks, midi.ticks)],
            "tempos": [] if midi.frames else changes("tempos", lambda event: _tempo(event.mspq)),
            "metres": [change for change in metres if change[0] or not shift],  # the short bar of an upbeat is no metre
            "keys": changes("key_signatures", lambda event: _KEYS.get((event.key, event.tonality))),
        }
    )


def _tracks(data: bytes) -> Iterator[tuple[str, symusic.core.ScoreTick]]:
    """Yield each track's name and its events. Tracks are parsed one by one, so that we know which is which."""
    import symusic

    header = struct.pack(">4sIHHH", b"MThd", 6, 1, 1, TICKS)
    place, number = 8 + int.from_bytes(data[4:8]), 0
    while place + 8 <= len(data):
        name, length = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8])
        chunk = data[place : place + 8 + length]
        place += 8 + length
        if name != b"MTrk":  # the standard says to skip what one does not know
            continue
        number += 1
        if place > len(data):
            missing = place - len(data)
            lacks = "1 byte of track {} is" if missing == 1 else f"{missing:,} bytes of track {{}} are"
            raise MusicFileError(f"is cut short: {lacks.format(number)} missing. Download or export it again.")
        try:
            yield _track_name(chunk), symusic.Score.from_midi(header + chunk, sanitize_data=True)
        except (RuntimeError, ValueError) as error:
            words = str(error).removeprefix("MiniMidi: ").removesuffix(": iostream error")[:100]
            raise MusicFileError(f"is damaged in track {number} ({words}). Use another copy, or export it again.") from None


def _track_name(chunk: bytes) -> str:
    """Find the name event near a track's start; symusic forgets the name of a track without notes, the title's place."""
    found = re.search(rb"\0\xff\x03([\x81-\xff]?)([\0-\x7f])", chunk[:512], re.S)
    if not found:
        return ""
    length = (found[1][0] & 127 if found[1] else 0) * 128 + found[2][0]
    return "".join(filter(str.isprintable, text_of(chunk[found.end() : found.end() + length]))).strip()


def _song(tracks: _Tracks, ticks: float, drums: bool) -> Score:
    """Make one Score of the tracks that sound together."""
    voices = [notes for notes, _, _ in _sorted_voices(tracks, ticks, drums)]
    for number, voice in enumerate(voices):
        voice["voice"] = min(number, 255)
    notes = np.concatenate(voices) if voices else np.zeros(0, NOTE)
    if (notes["onset"] < 0).any() or (notes["duration"] < 0).any():
        raise MusicFileError(f"has a note beyond beat {2**31 / ticks:,.0f}, where readers stop counting. Correct or remove it.")
    meter, shift = _bars(tracks, ticks)
    notes["onset"] += shift
    return Score(
        repaired(notes),
        title=tracks[0][0] if tracks else "",
        tempo=_first(tracks, "tempos", lambda event: _tempo(event.mspq)) or 120.0,
        time_signature=meter,
        key=_first(tracks, "key_signatures", lambda event: _KEYS.get((event.key, event.tonality))),
    )


def _sorted_voices(tracks: _Tracks, ticks: float, drums: bool = False) -> list[tuple[np.ndarray, list[int], int]]:
    """List the voices of all tracks, the highest first: notes, instruments (as MIDI numbers them), number of the track."""
    voices = [(*voice, number) for number, (_, track) in enumerate(tracks) for voice in _voices(track, ticks, drums)]
    return sorted(voices, key=lambda voice: -voice[0]["pitch"].mean())  # stable: equals stay in the order of the file


def _voices(track: symusic.core.ScoreTick, ticks: float, drums: bool) -> list[tuple[np.ndarray, list[int]]]:
    """Arrange one track's notes in voices: notes and instruments. symusic cuts a track by channel and instrument; where
    the pieces only follow each other (a change of instrument), they are one voice.
    """
    parts = []
    for part in track.tracks:
        if len(part.notes) and (drums or not part.is_drum):
            events = part.notes.numpy()
            notes = np.zeros(len(part.notes), NOTE)
            notes["onset"], notes["duration"] = events["time"] / ticks, events["duration"] / ticks
            notes["pitch"], notes["velocity"] = events["pitch"], events["velocity"]
            parts.append((notes, [part.program]))
    voices: list[tuple[np.ndarray, list[int]]] = []
    for notes, program in sorted(parts, key=lambda part: part[0]["onset"].min()):
        for number, (voice, programs) in enumerate(voices):
            if (voice["onset"] + voice["duration"]).max() <= notes["onset"].min():
                voices[number] = np.concatenate([voice, notes]), programs + program
                break
        else:
            voices.append((notes, program))
    return voices


def _bars(tracks: _Tracks, ticks: float) -> tuple[tuple[int, int], float]:
    """Return the time signature, and how much of the first bar an upbeat leaves silent, in quarter lengths.

    Notation programs export an upbeat as one short bar with a time signature of its own: 1/8, a bar later 3/8.
    """
    events = sorted((e.time / ticks, e.numerator, e.denominator) for _, track in tracks for e in track.time_signatures)
    signs = [(time, meter) for time, *numbers in events if (meter := _meter(*numbers))] or [(0.0, (4, 4))]
    lengths = [4 * beats / unit for _, (beats, unit) in signs[:2]]
    if len(signs) > 1 and signs[0][0] == 0 and signs[1][0] == lengths[0] < lengths[1]:
        return signs[1][1], lengths[1] - lengths[0]
    return signs[0][1], 0.0


def _first(tracks: _Tracks, kind: str, read: Callable[[Any], Any]) -> Any:
    """Return what `read` makes of the earliest event that means something to it."""
    events = sorted((event for _, track in tracks for event in getattr(track, kind)), key=lambda event: event.time)
    return next((value for value in map(read, events) if value), None)


def _tempo(microseconds: int) -> float | None:
    """Return the roundest tempo that MIDI's whole microseconds a quarter note can stand for: 97, not 96.99995."""
    if not 0 < microseconds < 2**24:
        return None
    exact = 60e6 / microseconds
    rounded = (round(exact, digits) for digits in range(4))
    return next((tempo for tempo in rounded if tempo and round(60e6 / tempo) == microseconds), exact)


# Keys by (sharps, or below 0 flats; 0 for major and 1 for minor), which is what MIDI writes. It knows no other modes.
_FIFTHS = "F- C- G- D- A- E- B- F C G D A E B F# C# G# D# A# E# B#".split()
_KEYS = {(sharps, 0): f"{_FIFTHS[8 + sharps]} major" for sharps in range(-7, 8)}
_KEYS |= {(sharps, 1): f"{_FIFTHS[11 + sharps]} minor" for sharps in range(-7, 8)}


# --- MIDI, written ---------------------------------------------------------------------------------------


def to_midi(score: Score) -> bytes:
    """Write a type 1 file with a track for each voice, as `files.write_midi` describes it."""
    import symusic

    if not 4 <= score.tempo <= 10_000 or score.time_signature[0] > 255:
        has = f"tempo {score.tempo:g} and {score.time_signature[0]} beats a bar"
        raise MusicFileError(f"MIDI holds tempos of 4 to 10,000 and up to 255 beats a bar. This score has {has}; change that.")
    song = symusic.Score(TICKS)
    song.tempos.append(symusic.Tempo(0, score.tempo))
    song.time_signatures.append(symusic.TimeSignature(0, *score.time_signature))
    if (sharps := key_signature(score.key)) is not None:
        song.key_signatures.append(symusic.KeySignature(0, sharps, int(is_minor(score.key))))
    song.tracks.append(symusic.Track(name=score.title))  # the first track's name is the title
    notes = score.notes.copy()
    notes["onset"] = np.round(score.notes["onset"] * TICKS)
    ends = np.round((score.notes["onset"] + score.notes["duration"]) * TICKS)
    notes["duration"] = np.maximum(ends - notes["onset"], 1)
    notes = repaired(notes)
    for voice in np.unique(notes["voice"]):
        part = notes[notes["voice"] == voice]
        track = symusic.Track(name=f"voice {voice}")
        times = part["onset"].astype(np.int32), part["duration"].astype(np.int32)
        touch = part["pitch"].astype(np.int8), np.maximum(part["velocity"], 1).astype(np.int8)
        track.notes = symusic.Note.from_numpy(*times, *touch, "tick")
        song.tracks.append(track)
    return song.dumps_midi()


# --- notation --------------------------------------------------------------------------------------------


def _from_abc(tunes: list[_Tune]) -> list[Score]:
    scores = [found for _, found in tunes if isinstance(found, Score) and len(found)]
    problems = _problems(tunes)
    if problems and not scores:
        raise MusicFileError(problems[0])
    return scores


def _problems(tunes: list[_Tune]) -> list[str]:
    return [f"{found} Correct or remove it." for _, found in tunes if isinstance(found, ValueError)]


def _stream(data: bytes, kind: str, max_notes: int) -> music21.stream.Stream:
    """Read kern or MusicXML, plain or packed."""
    if kind == "kern":
        from music21.humdrum.spineParser import HumdrumDataCollection

        kern = HumdrumDataCollection(text_of(data))
        kern.parse()
        return kern.stream
    if kind == "mxl":
        data = _unzip(data)
    _screen_xml(data, max_notes)
    from music21.musicxml.xmlToM21 import MusicXMLImporter

    importer = MusicXMLImporter()
    importer.xmlText = text_of(data)
    importer.parseXMLText()
    return importer.stream


_NOT_MIDI = {"type": None, "ticks": None, "frames": False}
_NOT_NOTATION = {"bars": (0, 0), "repeats": False}
_NOT_ABC = {"unread_keys": [], "problems": []}


def _odd_bars(bars: list[tuple[float, float, bool]]) -> tuple[int, int]:
    """Count the bars that are not as long as their metre says, and all bars.

    Each is (quarter lengths, what the metre says, whether it may be shorter).
    """
    odd = sum(length > usual + 1e-3 or (length < usual - 1e-3 and not may) for length, usual, may in bars)
    return int(odd), len(bars)  # not NumPy's, which JSON does not know


def _stream_facts(stream: music21.stream.Stream) -> dict[str, Any]:
    parts = _parts_of(stream)
    flat = parts[0].flatten()  # signatures stand in every part alike
    shift = _upbeat_of(parts[0])

    def changes(kind: str, read: Callable[[Any], Any], within: Any = flat) -> list[tuple[float, Any]]:
        found = ((float(sign.offset), read(sign)) for sign in within.getElementsByClass(kind))
        return [(offset + shift * bool(offset), value) for offset, value in found]

    rows = [{"name": part.partName or "", "notes": sum(1 for _ in _part_rows(part, 0)), "drums": 0} for part in parts]
    metres = metres_of(stream)
    return (
        _NOT_MIDI
        | _NOT_ABC
        | {
            "tracks": rows,
            "voices": [{"track": number, "programs": []} for number in range(len(parts))],
            "tempos": changes("MetronomeMark", lambda mark: mark.getQuarterBPM(), stream.flatten()),
            "metres": metres,
            "keys": changes("Key", lambda key: key.name),
            "bars": _odd_bars(_bars_of(parts[0]) if metres else []),
            "repeats": any(part.recurse().getElementsByClass("RepeatMark") for part in parts),
        }
    )


def _unzip(data: bytes) -> bytes:
    """Take the MusicXML out of an .mxl, which is a zip archive; trust none of the sizes that it claims."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name for name in archive.namelist()[:1000] if not name.startswith(("META-INF", "__MACOSX"))]
            name = next((name for name in names if name.lower().endswith((".musicxml", ".xml"))), None)
            if name is None:
                raise MusicFileError("is a zip archive without MusicXML in it. Export the piece as MusicXML.")
            with archive.open(name) as file:
                text = file.read(MAX_BYTES + 1)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError, zlib.error):
        raise MusicFileError("is a damaged zip archive. Download or export it again.") from None
    if len(text) > MAX_BYTES:
        raise MusicFileError(f"unpacks to more than {MAX_BYTES // 2**20} MB, as no piece of music does. Do not use it.")
    return text


def _screen_xml(data: bytes, max_notes: int) -> None:
    """Run through the XML once, building nothing: is it whole, is it a score, how many notes, does it define entities?"""
    from xml.parsers import expat

    names: list[str] = []

    def refuse(*_: Any) -> None:  # MusicXML has no use for entities; a few lines of them can unfold to gigabytes
        raise MusicFileError("defines XML entities, as no music program does. Do not use it.")

    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, _: names.append(name)
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise MusicFileError(f"is damaged or cut short as XML ({error}). Download or export it again.") from None
    if names[0] != "score-partwise":
        raise MusicFileError(f"is XML but no MusicXML score (it is <{names[0][:40]}>). Export it as MusicXML, partwise.")
    if (count := names.count("note")) > 2 * max_notes:  # rests and tied notes count here too, so be generous
        raise MusicFileError(f"holds {count:,} notes and rests, too many. Split it, or pass max_notes={count}.")


def to_musicxml(score: Score) -> bytes:
    """Write MusicXML, by way of music21."""
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    try:
        return GeneralObjectExporter(to_music21(score)).parse()
    except Exception as error:
        reason = f"music21 finds no notation for this score ({brief(error)})."
        raise MusicFileError(f"{reason} Round its times to a grid, or write MIDI.") from error


# Notes of notation, on their way to a Score, are rows: (onset, duration, pitch, voice, velocity, tied to the next).


def _notation_score(rows: list[tuple], shift: float, words: dict[str, Any]) -> Score:
    """Build the Score: ties joined, every onset moved by `shift`, so that onset 0 is a bar line."""
    joined: list[list] = []
    open_ties: dict[tuple, list] = {}  # (voice, pitch) -> the note that waits for its continuation
    for onset, duration, pitch, voice, velocity, goes_on in sorted(rows, key=lambda row: row[0]):
        note = open_ties.pop((voice, pitch), None)
        if note is not None and abs(note[0] + note[1] - onset) < 1e-6:
            note[1] += duration
        else:
            note = [onset, duration, pitch, voice, velocity]
            joined.append(note)
        if goes_on:
            open_ties[voice, pitch] = note
    moved = Fraction(shift)
    notes = [(float(onset + moved), float(duration), *others) for onset, duration, *others in joined if duration > 0]
    return Score(np.array(notes, dtype=NOTE), **words)


# --- music21 ---------------------------------------------------------------------------------------------


def from_music21(stream: music21.stream.Stream) -> Score:
    """Make a Score of a music21 stream.

    Each part becomes a voice, in order of the score; a chord becomes notes that share an onset. Pitches are
    those that sound, also of transposing instruments. Tied notes are joined. Repeats are not played out;
    grace notes, chord symbols and unpitched percussion are left out; and the first time signature, key and
    tempo count for the whole piece.
    """
    parts = _parts_of(stream)
    if any(part.atSoundingPitch is False for part in parts):  # a clarinet in B flat is written a tone too high
        return from_music21(stream.toSoundingPitch())
    rows = [row for voice, part in enumerate(parts) for row in _part_rows(part, min(voice, 255))]
    return _notation_score(rows, _upbeat_of(parts[0]), _words_of(stream))


def metres_of(stream: music21.stream.Stream) -> list[tuple[float, tuple[int, int]]]:
    """List the time signatures of a stream, each with its onset in the Score that `from_music21` makes."""
    part = _parts_of(stream)[0]  # signatures stand in every part alike
    shift = _upbeat_of(part)
    found = ((float(sign.offset), _meter(sign.numerator, sign.denominator)) for sign in part.flatten()["TimeSignature"])
    return [(offset + shift * bool(offset), metre) for offset, metre in found]


def _parts_of(stream: music21.stream.Stream) -> list[music21.stream.Stream]:
    from music21 import stream as m21stream

    return list(stream.parts) if isinstance(stream, m21stream.Score) and stream.parts else [stream]


def _part_rows(part: music21.stream.Stream, voice: int) -> Iterator[tuple]:
    for element in part.flatten().notes:
        if element.duration.isGrace or "ChordSymbol" in element.classes:
            continue
        velocity = int(element.volume.velocity or 80)
        onset, duration = Fraction(element.offset), Fraction(element.quarterLength)  # three triplets are a whole
        for single in element.notes if "ChordBase" in element.classes else [element]:
            if "Unpitched" not in single.classes:
                goes_on = single.tie is not None and single.tie.type in ("start", "continue")
                yield onset, duration, int(single.pitch.midi), voice, velocity, goes_on


def _bars_of(part: music21.stream.Stream) -> list[tuple[float, float, bool]]:
    """List the bars that hold anything, as `_odd_bars` takes them."""
    measures = list(part.getElementsByClass("Measure"))
    edges = {0, len(measures) - 1}
    for number, measure in enumerate(measures):
        for barline, beside in ((measure.leftBarline, number - 1), (measure.rightBarline, number + 1)):
            if barline is not None and barline.type != "regular":
                edges |= {number, beside}
    lengths = [(float(measure.highestTime), float(measure.barDuration.quarterLength)) for measure in measures]
    return [(length, usual, number in edges) for number, (length, usual) in enumerate(lengths) if length]


def _upbeat_of(part: music21.stream.Stream) -> float:
    """Length of the silence that the first bar lacks, in quarter lengths: 3.0 for a one-beat upbeat in 4/4."""
    measures = part.getElementsByClass("Measure")
    if len(measures) < 2:  # a lone short bar is unfinished, not an upbeat
        return 0.0
    signature = measures[0].timeSignature or measures[0].getContextByClass("TimeSignature")
    if signature is None:
        return 0.0
    bar = float(signature.barDuration.quarterLength)
    missing = bar - float(measures[0].duration.quarterLength)
    return missing if 0 < missing < bar else 0.0


def _words_of(stream: music21.stream.Stream) -> dict[str, Any]:
    """Read title, tempo, time signature and key, where the stream has them."""
    flat = stream.flatten()
    meters = (_meter(sign.numerator, sign.denominator) for sign in flat.getElementsByClass("TimeSignature"))
    key = flat.getElementsByClass("Key").first()
    mark = flat.getElementsByClass("MetronomeMark").first()
    about = stream.metadata
    tempo = mark.getQuarterBPM() if mark is not None else None
    return {
        "title": (about.title or about.movementName or "") if about is not None else "",
        "tempo": float(tempo or 120.0),
        "time_signature": next(filter(None, meters), (4, 4)),
        "key": key.name if key is not None else None,
    }


def to_music21(score: Score) -> music21.stream.Score:
    """Make a music21 score: a part for each voice, with bars, chords, rests and ties, pitches spelled as its key has them."""
    from music21 import chord, key, metadata, meter, note, pitch, stream, tempo

    def written(midi: int) -> pitch.Pitch:
        letter, sharps, octave = spelled(midi, signature, minor=is_minor(score.key))
        return pitch.Pitch(step=letter, octave=octave, accidental=sharps or None)

    signature = signature_of(score)
    result = stream.Score()
    result.metadata = metadata.Metadata(title=score.title or "musiclab")
    for voice in score.voices or (0,):
        part = stream.Part(id=f"voice {voice}")
        part.insert(0, tempo.MetronomeMark(number=score.tempo))
        part.insert(0, meter.TimeSignature("{}/{}".format(*score.time_signature)))
        if score.key:
            tonic, _, mode = score.key.partition(" ")
            part.insert(0, key.Key(tonic, mode or None))
        notes = score.voice(voice).notes
        # One element for all notes with the same onset and duration, so that chords stay chords.
        for onset, duration in sorted(set(zip(notes["onset"].tolist(), notes["duration"].tolist(), strict=True))):
            same = notes[(notes["onset"] == onset) & (notes["duration"] == duration)]
            pitches = [written(p) for p in same["pitch"].tolist()]
            element = note.Note(pitches[0]) if len(pitches) == 1 else chord.Chord(pitches)
            element.quarterLength = duration
            element.volume.velocity = int(same["velocity"][0])
            part.insert(onset, element)
        result.insert(0, part)
    return result


# --- ABC -------------------------------------------------------------------------------------------------


def scores_from_abc(text: str, *, carry: bool = True) -> list[Score]:
    """Read every tune of an ABC text, in the order of the text; a tune's voices (V:) in order of appearance.

    Where `carry` is False, an accidental holds for its own note alone and fields inside a line, [K:D], are passed over: so the
    corpora of tunes are read. Otherwise accidentals hold to the end of their bar, in their octave, as in print, and fields count.

    music21 splits a tune into tokens and works out pitch and duration of each; its next step, building a
    stream, takes fifteen times as long and adds nothing that a Score keeps, so it is left out.

    Raises
    ------
    ValueError
        If a tune breaks the rules of ABC or has bar overlays (&); the message names the tune.
    """
    scores = []
    for _, found in _read_tunes(text, carry=carry):
        if isinstance(found, ValueError):
            raise found
        scores.append(found)
    return [score for score in scores if len(score)]


_Tune = tuple[str, Score | ValueError]  # an ABC tune: its text, and what was read or why not


class _Unreadable(ValueError):
    """What is wrong with an ABC tune, as the end of a sentence that begins with its name."""


def _read_tunes(text: str, *, carry: bool) -> Iterator[_Tune]:
    for number, tune in enumerate(_abc_tunes(text), 1):
        title = next(iter(re.findall(r"^T:\s*(.*?)\s*$", tune, re.MULTILINE)), "no title")
        try:
            yield tune, _abc_tune(tune, carry=carry)
        except MemoryError:
            raise
        except _Unreadable as error:
            yield tune, ValueError(f"tune {number} ({title}) {error}")
        except Exception as error:  # music21's parser has a dozen ways to fail
            yield tune, ValueError(f"tune {number} ({title}) breaks the rules of ABC ({brief(error)}).")


def _abc_tunes(text: str) -> list[str]:
    """Cut a text into its tunes. music21's dictionary of tunes would lose those that share a number."""
    preamble, *tunes = re.split(r"^(?=X:)", text, flags=re.MULTILINE)
    if not tunes:
        return [text]
    # Fields above the first tune hold for all; other text there would be taken for notes.
    return ["\n".join([*re.findall(r"^(?:[A-Z]:|%%propagate-).*", preamble, re.MULTILINE), tune]) for tune in tunes]


# How the K: field is written whose key music21 understands; of anything else it makes C major, or D of "Dlocrian".
_ABC_KEY = re.compile(r"(hp|([acdefg]#|[abcdeg]b|[a-g])\s*((maj|min|mix|dor|phr|lyd|aeo|ion)[a-z]*|m|moll)?)?", re.IGNORECASE)
_NO_KEY = ("", "none")
_CLEF = re.compile(
    r"\s*(\b(clef|middle|octave|transpose|stafflines|staffscale|m)\s*=\s*\S+|\b(treble|alto|tenor|bass|perc)\d?([+-]8)?(?=\s|$))"
)


def _abc_plain(tune: str) -> str:
    """Bring [K:D] and its like, which music21 passes over, to lines of their own; leave out remarks and clefs.

    Raises _Unreadable for what would be read as something else.
    """
    lines = []
    for line in tune.splitlines():
        if line.startswith("K:"):
            line, clefs = _CLEF.subn("", line.partition("%")[0])
            if clefs and not line[2:].strip():  # another clef leaves the key as it is
                line = "" if any(before.startswith("K:") for before in lines) else "K:none"
        elif not re.match(r"[A-Za-z+]:|%", line):
            if "&" in re.sub(r'".*?"|!.*?!|\[[A-Za-z]:.*?\]|%.*', "", line):
                raise _Unreadable("has bar overlays (&), which are not read. Write each line of them as a voice (V:).")
            line = re.sub(r"\[([KLMQV]):([^\]]*)\]", r"\n\1:\2\n", line)
            line = re.sub(r"\[[A-Za-z]:[^\]]*\]", "", line)
        lines.append(line)
    return "\n".join(lines) + "\n"


# A tune repeats a few pitches, lengths and keys, and music21 and Fraction take long for each; so they are remembered.
_remembered = functools.lru_cache(maxsize=1024)
_length = _remembered(Fraction)


@_remembered
def _abc_pitch(name: str) -> int:
    from music21 import pitch

    return pitch.Pitch(name).midi


@_remembered
def _abc_key(sharps: int, mode: str | None) -> str | None:
    from music21 import key

    return key.KeySignature(sharps).asKey(mode).name if mode else None


def _abc_facts(tunes: list[_Tune]) -> dict[str, Any]:
    """Tell the facts of the first tune that has notes."""
    told: list[tuple[float, dict[str, Any]]] = []
    tune = next(tune for tune, found in tunes if isinstance(found, Score) and len(found))
    voices = _abc_tune(tune, told).notes["voice"]
    names = list(dict.fromkeys(words["voice"] for _, words in told if "voice" in words))
    rows = [
        {"name": names[number] if number < len(names) else "", "notes": int((voices == number).sum()), "drums": 0}
        for number in range(int(voices.max()) + 1)
    ]

    def changes(kind: str) -> list[tuple[float, Any]]:
        return sorted(((time, words[kind]) for time, words in told if kind in words), key=lambda change: change[0])

    return _NOT_MIDI | {
        "tracks": rows,
        "voices": [{"track": number, "programs": []} for number in range(len(rows))],
        "tempos": changes("tempo"),
        "metres": changes("time_signature"),
        "keys": changes("key"),
        "unread_keys": [words["unread key"] for _, words in told if "unread key" in words],
        "problems": _problems(tunes),
        "bars": _odd_bars(_abc_bars(told)),
        "repeats": bool(re.search(r"\|:|:\||::", re.sub(r"^[A-Za-z]:.*", "", tune, flags=re.MULTILINE))),
    }


def _abc_bars(told: list[tuple[float, dict[str, Any]]]) -> list[tuple[float, float, bool]]:
    """List the bars of the first voice between bar lines, as `_odd_bars` takes them; those before any metre are left out."""
    lines: dict[float, bool] = {0.0: True}  # time, and whether a part of the tune begins or ends there
    voice = next((words["of"] for _, words in told if "bar line" in words), "")
    for time, words in told:
        if words.get("of") == voice:
            lines[time] = lines.get(time, False) or words["bar line"] != "regular"
    if len(lines) > 1:
        lines[max(lines)] = True
    metres = sorted(((time, words["time_signature"]) for time, words in told if "time_signature" in words), key=lambda m: m[0])
    times, bars = sorted(lines), []
    for start, end in itertools.pairwise(times):
        if metre := next((metre for time, metre in reversed(metres) if time <= start), None):
            bars.append((end - start, 4.0 * metre[0] / metre[1], lines[start] or lines[end]))
    return bars


def _abc_tune(text: str, told: list[tuple[float, dict[str, Any]]] | None = None, *, carry: bool = True) -> Score:
    """Read one tune. `told` is filled with every field that says something of the music, and when."""
    from music21 import abcFormat

    if not re.search(r"^[LM]:", text, re.MULTILINE):  # then a note is an eighth; music21 wants it said
        if carry and not re.search(r"^K:", text, re.MULTILINE):
            raise _Unreadable("has no K: line, after which its notes would begin.")
        text = re.sub(r"^K:", "L:1/8\nK:", text, count=1, flags=re.MULTILINE)
    if carry:
        text = _abc_plain(text)
    # Before version 2.1 music21 carries no accidental, whatever people meant who wrote tunes down. A file's own directive wins.
    tune = abcFormat.ABCHandler(abcVersion=(2, 1, 0)) if carry else abcFormat.ABCHandler()
    tune.abcDirectives["propagate-accidentals"] = "octave" if carry else "not"
    tune.process(text)
    words: dict[str, Any] = {"title": tune.getTitle() or ""}
    rows, first_bar_line, voice = [], None, ""
    clocks = {"": Fraction(0)}  # each voice's time
    for token in tune.tokens:
        if isinstance(token, abcFormat.ABCMetadata):
            found = _abc_words(token)
            if carry and "key" in found and (written := token.data.strip()).lower() in _NO_KEY:
                found = {"key": None}
            elif carry and "key" in found and not _ABC_KEY.fullmatch(written):
                found = {"key": None}
                if told is not None:
                    told.append((float(clocks[voice]), {"unread key": written}))
            if token.tag == "V":
                voice = token.data.split()[0]
                clocks.setdefault(voice, Fraction(0))
                found = {"voice": voice}
            else:
                words = found | words  # the first one counts for the whole tune
            if told is not None:
                told.append((float(clocks[voice]), found))
        elif isinstance(token, abcFormat.ABCBar):
            if clocks[voice] > 0 and first_bar_line is None:
                first_bar_line = float(clocks[voice])
            if told is not None:
                told.append((float(clocks[voice]), {"bar line": token.barStyle, "of": voice}))
        elif isinstance(token, abcFormat.ABCNote) and not token.inGrace:
            duration = _length(token.quarterLength)
            if token.activeTuplet:  # music21 keeps the factor apart
                duration *= token.activeTuplet.tupletMultiplier()
            for single in token.subTokens if isinstance(token, abcFormat.ABCChord) else [token]:
                if getattr(single, "pitchName", None) and not single.isRest:
                    goes_on = token.tie in ("start", "continue")
                    rows.append((clocks[voice], duration, _abc_pitch(single.pitchName), voice, 80, goes_on))
            clocks[voice] += duration
    names = {row[3] for row in rows}
    numbers = {name: min(number, 255) for number, name in enumerate(name for name in clocks if name in names)}
    rows = [(*row[:3], numbers[row[3]], *row[4:]) for row in rows]
    bar = 4.0 * np.divide(*words.get("time_signature", (4, 4)))
    shift = bar - first_bar_line if first_bar_line and first_bar_line < bar else 0.0
    if told is not None:
        told[:] = [(time + shift * bool(time), found) for time, found in told]
    return _notation_score(rows, shift, words)


def _abc_words(token: music21.abcFormat.ABCMetadata) -> dict[str, Any]:
    if token.isMeter() and (signature := token.getTimeSignatureParameters()) and (meter := _meter(*signature[:2])):
        return {"time_signature": meter}
    if token.isKey():
        return {"key": _abc_key(*token.getKeySignatureParameters())}
    if token.isTempo() and (mark := token.getMetronomeMarkObject()) is not None:
        return {"tempo": mark.getQuarterBPM() or 120.0}
    return {}
