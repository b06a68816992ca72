"""Files in, files out: what you call to read and write music. The formats themselves stand in `formats`.

What the formats know
---------------------
MIDI is a list of key presses: which key, how hard, from which tick to which tick, and how many ticks make a
quarter note. It knows tempo, time signature and key (when the writer cared), but neither upbeats nor ties nor the
spelling of a pitch (C sharp or D flat), and a recorded performance need not lie near any beat. MusicXML, ABC and
kern are written notation: bars, upbeats, ties, spelled pitches; how loudly a note is played they rarely say, and
a MusicXML file may ask for a repeat that a `Score` does not play out.

What the reader makes of them
-----------------------------
* Time becomes quarter lengths, to the tick. An upbeat keeps its place before the second bar line. MIDI has no
  upbeats: bars are counted from tick 0, unless the file begins with one short bar that has its own time signature.
* Voices of MIDI: a track is a voice. Where one track holds several channels or instruments, those that sound
  together become a voice each, those that follow each other share one. Voice 0 is the voice with the highest mean
  pitch, and so on down. Voices of notation: the parts as printed, from the top.
* Drums (MIDI channel 10) are left out unless asked for: their "pitches" name instruments.
* Within a voice no pitch sounds twice at once: a note ends where its own pitch begins again, and of two that begin
  together the longer stays. A MIDI note of no length gets a 32nd; one that is never switched off is left out.
* The first tempo, time signature and key count for the whole piece; impossible ones are passed over. A file
  timed in film frames (SMPTE) has no beats: half a second of it counts as a quarter note.

A file is first looked at from outside, here; then a helper process (`musiclab.reader`) parses it
(`musiclab.formats`), under a limit on time and memory.
"""

from __future__ import annotations

import os
import re
import secrets
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from musiclab import formats, reader
from musiclab.formats import MAX_BYTES, MusicFileError, from_music21, metres_of, scores_from_abc, to_music21
from musiclab.score import Score

__all__ = [
    "SUFFIXES",
    "MusicFileError",
    "from_music21",
    "inspect_file",
    "metres_of",
    "read_score",
    "read_scores",
    "scores_from_abc",
    "to_music21",
    "write_atomically",
    "write_midi",
    "write_musicxml",
]

#: What the names of files that can be read usually end in.
SUFFIXES = (".mid", ".midi", ".rmi", ".kar", ".musicxml", ".xml", ".mxl", ".abc", ".krn")


@contextmanager
def _about(path: str | os.PathLike[str]) -> Iterator[None]:
    """Name the file (also one whose name is no valid text) in front of what a MusicFileError says."""
    try:
        yield
    except MusicFileError as error:
        raise MusicFileError(f"{os.fsencode(path).decode(errors='replace')}: {error}") from error.__cause__


# --- reading ---------------------------------------------------------------------------------------------


def read_score(path: str | os.PathLike[str], *, timeout: float = 20, max_notes: int = 100_000, drums: bool = False) -> Score:
    """Read a MIDI, MusicXML (.musicxml, .xml, .mxl), ABC or kern file.

    Parameters
    ----------
    path : str or path
        What the file holds decides how it is read, not what it is called. It is never changed.
    timeout : float
        Seconds that reading may take.
    max_notes : int
        The most notes that a piece may have.
    drums : bool
        Whether to keep MIDI channel 10, where pitches name percussion instruments.

    Returns
    -------
    Score
        With at least one note.

    Raises
    ------
    MusicFileError
        Whatever is wrong with the file. The message names it, says what is wrong and what to do.
    """
    scores = read_scores(path, timeout=timeout, max_notes=max_notes, drums=drums)
    if len(scores) > 1:
        with _about(path):
            advice = "Use read_scores to get them all, or load_folder for its whole folder."
            raise MusicFileError(f"holds {len(scores)} pieces. {advice}")
    return scores[0]


def read_scores(
    path: str | os.PathLike[str], *, timeout: float = 20, max_notes: int = 100_000, drums: bool = False
) -> list[Score]:
    """Read a file that may hold several pieces: an ABC collection, or a type 2 MIDI file, where each track is one.

    Parameters and errors are those of `read_score`; `max_notes` counts per piece. Pieces without a note are
    passed over; the list has at least one Score. A tune of an ABC collection that cannot be read is left out, with a
    warning that names it.
    """
    if not 0 < timeout < float("inf"):
        raise ValueError(f"timeout={timeout}: it must be a number of seconds above 0.")
    with _about(path):
        kind = _kind(_screen(path), Path(path).suffix.lower())
        if kind != "abc":
            return reader.read(os.path.abspath(path), kind, timeout=timeout, max_notes=max_notes, drums=drums)
        scores, facts = reader.inspect(os.path.abspath(path), kind, timeout=timeout, max_notes=max_notes)
    for problem in facts["problems"]:
        warnings.warn(f"{path}: {problem} The others were read.", stacklevel=2)
    return scores


def inspect_file(
    path: str | os.PathLike[str], *, timeout: float = 20, max_notes: int = 100_000
) -> tuple[list[Score], dict[str, Any]]:
    """Read a file as `read_scores` does, and what it says beside its notes: tracks, instruments, every change of tempo.

    Returns
    -------
    scores : list of Score
        Without drums.
    facts : dict
        Of the first piece, as `formats.scores_and_facts` lists them.
    """
    with _about(path):
        kind = _kind(_screen(path), Path(path).suffix.lower())
        return reader.inspect(os.path.abspath(path), kind, timeout=timeout, max_notes=max_notes)


def _screen(path: str | os.PathLike[str]) -> bytes:
    """Look at a file from outside; return its first bytes."""
    try:
        if os.path.isdir(path):
            raise MusicFileError("is a folder. Give the name of one file in it, or use load_folder.")
        if not os.path.exists(path):
            raise MusicFileError(f"does not exist. Check the name; relative names start at {os.getcwd()}.")
        if not os.path.isfile(path):  # a pipe or a device could make us wait for ever
            raise MusicFileError("is not an ordinary file. Copy the music into one and read that.")
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            head = file.read(4096)
    except (OSError, ValueError) as error:
        raise MusicFileError(f"cannot be opened ({error}). Check the name and that you may read it.") from None
    if not size:
        raise MusicFileError("is empty (0 bytes). Download or export it again.")
    if size > MAX_BYTES:
        too_much = f"has {size / 2**20:,.0f} MB; the limit is {MAX_BYTES // 2**20}"
        raise MusicFileError(f"{too_much}. Check that it holds notes, not sound, or split it.")
    return head


# First bytes of files that people take for music files.
_NOT_NOTES = {
    b"ID3": "an MP3 recording",
    b"\xff\xfb": "an MP3 recording",
    b"OggS": "an Ogg recording",
    b"fLaC": "a FLAC recording",
    b"RIFF": "a recording or a video",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}


def _kind(head: bytes, suffix: str) -> str:
    """Tell the kind of a file from its first bytes; only texts that could be anything need the suffix."""
    start = head.find(b"MThd", 0, 256)
    if start == 0 or (start > 0 and (head.startswith(b"RIFF") or suffix in (".mid", ".midi", ".rmi", ".kar"))):
        formats.midi_header(head[start:])  # refuses a header that makes no sense
        return "midi"
    if head.startswith(b"PK\x03\x04"):
        return "mxl"
    for magic, what in _NOT_NOTES.items():
        if head.startswith(magic):
            raise MusicFileError(f"is {what}, which holds no notes. Give a MIDI, MusicXML, ABC or kern file.")
    text = formats.text_of(head).lstrip()
    if text.startswith("<"):
        return "musicxml"
    if re.search(r"^\*\*", text, re.M) or (suffix == ".krn" and "\0" not in text):
        return "kern"
    if re.search(r"^(X:\s*\d|K:)", text, re.M) or (suffix == ".abc" and "\0" not in text):
        return "abc"
    if suffix in (".mid", ".midi"):
        raise MusicFileError("is called MIDI but does not begin like it (MThd). Download or export it again.")
    raise MusicFileError("is no MIDI, MusicXML, ABC or kern. Export it from your music program as one of these.")


# --- writing ---------------------------------------------------------------------------------------------


def write_midi(score: Score, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a MIDI file that any music program opens: type 1, 480 ticks a quarter, a track per voice.

    Onsets and ends are rounded to the tick. Within a voice a note ends where its own pitch begins again, and
    velocity 0 becomes 1, because MIDI takes it for the end of a note. Modes other than major and minor are
    written as the major or minor key with the same sharps.

    The name ends in .mid or .midi. A file of that name is replaced only if `overwrite` is set; either way the new
    one appears all at once or not at all. Returns its path. Raises MusicFileError if the file exists, cannot be
    written, or cannot hold this score, as when it has no notes.
    """
    return _write(score, path, (".mid", ".midi"), formats.to_midi, overwrite)


def write_musicxml(score: Score, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a MusicXML file, for notation programs. Its name ends in .musicxml or .xml.

    Music that lies on no beat (a recorded performance) makes unreadable notation, or none. Otherwise as
    `write_midi`.
    """
    return _write(score, path, (".musicxml", ".xml"), formats.to_musicxml, overwrite)


def _write(
    score: Score, path: str | os.PathLike[str], suffixes: tuple[str, ...], to_bytes: Callable[[Score], bytes], overwrite: bool
) -> Path:
    with _about(path):
        path = Path(path)
        if not len(score):
            raise MusicFileError("not written, for the score has no notes. Give one that has.")
        if path.suffix.lower() not in suffixes:
            names = " or ".join(suffixes)
            raise MusicFileError(f"not written. The name must end in {names}, so that other programs know what it is.")
        formats.check_length(score)
        data = to_bytes(score)
        try:
            write_atomically(path, data, overwrite=overwrite)
        except FileExistsError:
            raise MusicFileError("exists already. Pass overwrite=True to replace it, or choose another name.") from None
        except FileNotFoundError:
            raise MusicFileError(f"there is no folder {path.parent} to write to. Create it, or choose another place.") from None
        except (OSError, ValueError) as error:
            raise MusicFileError(f"cannot be written ({error}). Check the name, the disk and that you may write there.") from None
    return path


def write_atomically(path: Path, data: bytes, *, overwrite: bool) -> None:
    """Write a file beside its place and move it there: nobody ever sees, or is left with, half a file.

    Raises what the system raises; FileExistsError if there is such a file and `overwrite` is not set.
    """
    temporary = path.with_name(f".musiclab-{secrets.token_hex(8)}.tmp")
    unfinished = [temporary]
    try:
        with open(temporary, "xb") as file:  # unlike tempfile's, with the permissions that the user's files have
            file.write(data)
        if not overwrite:
            try:
                os.link(temporary, path)  # in one step: a link is made only where there is nothing
                return
            except FileExistsError:
                raise
            except OSError:  # a disk without links, a USB stick for one: claim the name, then replace what we claimed
                open(path, "xb").close()
                unfinished.append(path)
        os.replace(temporary, path)
        unfinished.clear()
    finally:
        for remains in unfinished:
            with suppress(OSError, ValueError):  # an error that brought us here says more
                remains.unlink(missing_ok=True)
