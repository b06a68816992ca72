"""Your own folder: how long reading a thousand files takes, what the worst files can do, and what memory grows with.

    python benchmarks/folders.py [--odd FOLDER]

A thousand ordinary MIDI files are written from the chorales and tunes of music21. The hostile files are made here, byte by
byte, and those of a folder of your own can be added. Memory is the resident memory of a process and all those that it has
started, added up every few milliseconds; pages that they share count twice. Only Linux tells it.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

from table import at_most, row, spread
from training import Process, answer

ROUNDS, FILES = 3, 1_000
GROWTH = (500, 1_500, 4_000)  # files
MB = 2**20

# Reads every score, so that nothing is left to be done later.
LOAD = """
import sys, time
from musiclab.corpus import load_folder
def load():
    started = time.perf_counter()
    notes = sum(len(score) for score in load_folder(sys.argv[1], jobs=2, progress=False))
    return time.perf_counter() - started, notes
first, second = load(), load()
assert first[1] == second[1]
print(first[0], second[0], first[1])
"""


# --- ordinary files ---------------------------------------------------------------------------------


def write_ordinary(folder: Path, count: int) -> None:
    """Write MIDI files of several hundred notes: by turns two chorales, one after the other, and three tunes at once."""
    from musiclab import Score, write_midi
    from musiclab.corpus import MELODY_CORPORA, load_corpus

    chorales = load_corpus("bach-chorales")
    tunes = [tune for name in MELODY_CORPORA for tune in load_corpus(name)]
    for number in range(count):
        if number % 2:
            three = [tunes[(3 * number + voice) % len(tunes)].notes.tolist() for voice in range(3)]
            notes = [(o, d, pitch - 12 * voice, voice, v) for voice, tune in enumerate(three) for o, d, pitch, _, v in tune]
        else:
            first, second = chorales[number % len(chorales)], chorales[(number + 1) % len(chorales)]
            notes = [*first.notes.tolist(), *[(onset + first.duration, *rest) for onset, *rest in second.notes.tolist()]]
        write_midi(Score(notes, title=f"Piece {number}"), folder / f"{number:05}.mid")


def ordinary() -> None:
    """Print how long a first and a second load of a thousand files take."""
    with tempfile.TemporaryDirectory() as folder:
        write_ordinary(Path(folder), FILES)
        loads = [run(LOAD, folder) for _ in range(ROUNDS)]
    first, second, notes = zip(*loads, strict=True)
    what = f"a folder of {FILES:,} MIDI files, {notes[0]:,.0f} notes"
    row(f"{what}: load_folder on two cores", f"{spread(first, '.1f')} s", **at_most(60, median(first), " s"))
    row(f"{what}: load_folder from the cache", f"{spread(second)} s", **at_most(2, median(second), " s"))


def run(program: str, *arguments: str) -> list[float]:
    """Run a program in a new process, with an empty cache, and return the numbers that it prints."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-c", program, *arguments]
        environment = os.environ | {"MUSICLAB_CACHE": cache}
        output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [float(word) for word in output.split()]


# What train_own does before it trains, with an epoch of its batches.
PREPARE = """
import resource, sys
from musiclab import own
from musiclab.corpus import load_folder
scores = load_folder(sys.argv[1], jobs=2, progress=False)
encoding = own.suggest_encoding(scores)[0]
pieces = own._sides(scores, encoding, seed=0)["train"]
steps = sum(weights.sum() for _, _, weights in own._batches(pieces, encoding, moved=True).epoch())
print(sum(map(len, scores)), steps, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def growing() -> None:
    """Print how many bytes more each note more takes on its way from its file into a batch, among few files and many."""
    measured = []
    for count in GROWTH:
        with tempfile.TemporaryDirectory() as folder:
            write_ordinary(Path(folder), count)
            notes, steps, kib = run(PREPARE, folder)
            measured.append((notes, kib * 1024))
            print(f"  {count:,} files: {notes:,.0f} notes, {steps:,.0f} steps, {kib / 1024:,.0f} MB", flush=True)
    early, late = ((more - less) / (many - few) for (few, less), (many, more) in pairwise(measured))
    what = "memory for a note more on its way from load_folder into train_own's batches"
    few, some, many = (f"{count:,}" for count in GROWTH)
    row(f"{what}: from {few} files to {some}, from there to {many}", f"{early:.0f} and {late:.0f} bytes")
    row(f"{what}: among many files / among few", f"{late / early:.2f}", **at_most(1.2, late / early))


# --- hostile files ----------------------------------------------------------------------------------


def midi(*tracks: bytes, kind: int = 1, division: int = 480) -> bytes:
    """Put tracks, each a string of events, into a MIDI file."""
    chunks = [b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks]
    return b"MThd" + struct.pack(">IHHH", 6, kind, min(len(tracks), 0xFFFF), division) + b"".join(chunks)


def number(value: int) -> bytes:
    """Write a number as MIDI does: seven bits a byte, all but the last marked."""
    digits = [value & 127]
    while value := value >> 7:
        digits.append(128 | value & 127)
    return bytes(reversed(digits))


NOTE = b"\0\x90\x3c\x40" + number(48) + b"\x3c\0"  # on, and off a little later
END = b"\0\xff\x2f\0"


def xml(body: str, before: str = "") -> bytes:
    """Put the content of a bar into a MusicXML file."""
    head = "<part-list><score-part id='P1'><part-name/></score-part></part-list>"
    start = "<attributes><divisions>2</divisions></attributes>"
    score = f"<score-partwise>{head}<part id='P1'><measure number='1'>{start}{body}</measure></part></score-partwise>"
    return f"<?xml version='1.0'?>{before}{score}".encode()


XML_NOTE = "<note><pitch><step>C</step><octave>4</octave></pitch><duration>2</duration></note>"


def packed(*members: tuple[str, bytes]) -> bytes:
    """Make a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def entities() -> bytes:
    """Define ten entities, each ten times the one before: a few hundred bytes that stand for ten thousand million."""
    lines = [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10)]
    return xml("&e9;", f'<!DOCTYPE x [<!ENTITY e0 "lolololo">{"".join(lines)}]>')


#: What it is, how its name ends, and how it is made. None may take much time or memory, whether it can be read or not.
HOSTILE: list[tuple[str, str, Callable[[], bytes]]] = [
    ("20 MB of system exclusive data", ".mid", lambda: midi(b"\0\xf0" + number(20 * MB) + bytes(20 * MB) + NOTE + END)),
    ("a note at beat ten million", ".mid", lambda: midi(number(10**7) + NOTE[1:] + END, division=1)),
    ("a note that lasts ten million beats", ".mid", lambda: midi(NOTE[:4] + number(10**7) + b"\x3c\0" + END, division=1)),
    ("four million notes in a track", ".mid", lambda: midi(NOTE * 4_000_000 + END)),
    ("four million notes in 45 pieces of one file", ".mid", lambda: midi(*[NOTE * 90_000 + END] * 45, kind=2)),
    (
        "four million notes that sound at once",
        ".mid",
        lambda: midi(b"\0\x90" + b"\x3c\x40\0" * 4_000_000 + b"\x3c\0\0" * 4_000_000 + END[1:]),
    ),
    ("ten million notes never switched off", ".mid", lambda: midi(b"\0\x90" + b"\x3c\x40\1" * 10_000_000 + END[1:])),
    ("two million tracks", ".mid", lambda: midi(*[END] * 2_000_000)),
    ("60,000 tracks of a note", ".mid", lambda: midi(*[NOTE + END] * 60_000)),
    ("four million changes of tempo", ".mid", lambda: midi(b"\1\xff\x51\3\7\xa1\x20" * 4_000_000 + NOTE + END)),
    (
        "three million changes of instrument",
        ".mid",
        lambda: midi(b"".join(b"\0\xc0" + bytes([n % 128]) + NOTE for n in range(3_000_000))),
    ),
    ("random bytes behind a header", ".mid", lambda: midi(random.Random(0).randbytes(20 * MB))),
    ("a zip bomb", ".mxl", lambda: packed(("score.xml", bytes(1000 * MB)))),
    ("a zip of 400,000 names", ".mxl", lambda: many_names(400_000)),
    ("an entity bomb", ".musicxml", entities),
    ("200,000 written notes", ".musicxml", lambda: xml(XML_NOTE * 200_000)),
    ("200,000 written notes, packed", ".mxl", lambda: packed(("score.xml", xml(XML_NOTE * 200_000)))),
    ("three million empty elements", ".musicxml", lambda: xml(XML_NOTE + "<a b=''/>" * 3_000_000)),
    ("elements 100,000 deep", ".musicxml", lambda: xml("<a>" * 100_000 + "</a>" * 100_000 + XML_NOTE)),
    ("30 MB of letters in a tune", ".abc", lambda: b"X:1\nL:1/4\nK:C\n" + b"CDEF|" * 6 * MB),
    ("a chord of a million notes", ".abc", lambda: b"X:1\nL:1/4\nK:C\n[" + b"C" * 1_000_000 + b"]|"),
    ("a million tunes", ".abc", lambda: b"X:1\nL:1/4\nK:C\nC|\n\n" * 1_000_000),
    ("20 MB of kern", ".krn", lambda: b"**kern\n*M4/4\n" + b"4c\n" * 7_000_000 + b"*-\n"),
    ("30 MB of nothing", ".abc", lambda: b"X:1\nK:C\n" + b" " * 30 * MB),
]


def many_names(count: int) -> bytes:
    """Make a zip archive whose list of contents is all there is to it."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 0, 20, 0, 0, 0, 0, 0x21, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0)
    names = b"".join(entry + f"{n:04x}"[-4:].encode() for n in range(count))
    local = struct.pack("<4sHHHHHLLLHH", b"PK\3\4", 20, 0, 0, 0, 0x21, 0, 0, 0, 4, 0) + b"0000"
    shown = min(count, 0xFFFF)
    return local + names + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, shown, shown, len(names), len(local), 0)


class Memory(threading.Thread):
    """Watches the memory of a process and of all that it starts; `peak` is the most, in bytes, since it was set to 0."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak, self.ended = pid, 0, threading.Event()
        self.start()

    def run(self) -> None:
        """Look every few milliseconds."""
        while not self.ended.wait(0.004):
            self.peak = max(self.peak, sum(map(resident, family(self.pid))))


def family(pid: int) -> Iterator[int]:
    """Yield a process and all that it has started, directly or not."""
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from family(int(child))
    except OSError:  # it has just ended
        return


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has in use; 0 if it has just ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def serve() -> None:
    """Be the process that reads: for each line, a path, answer with seconds and what came of it."""
    from musiclab.files import MusicFileError, read_scores

    answer("ready")
    for line in sys.stdin:
        started = time.perf_counter()
        try:
            outcome = f"{sum(map(len, read_scores(json.loads(line)))):,} notes"
        except MusicFileError as error:
            outcome = str(error).partition(": ")[2]
        answer([time.perf_counter() - started, outcome])


def attack(path: Path) -> tuple[float, int, str]:
    """Have a new process read a file; return seconds, bytes of memory at most, and what came of it."""
    process = Process(sys.executable, os.path.abspath(__file__), "--serve")
    assert process.hear() == "ready"
    memory = Memory(process.process.pid)
    seconds, outcome = process.ask(json.dumps(str(path)))
    memory.ended.set()
    process.close()
    return seconds, memory.peak, outcome


def hostile(odd: Path | None) -> None:
    """Print the longest time and the most memory that a hostile file takes."""
    found: dict[str, tuple[float, int, str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for what, suffix, make in HOSTILE:
            path = Path(folder, f"hostile{suffix}")
            path.write_bytes(make())
            found[what] = attack(path)
            path.unlink()
            seconds, peak, outcome = found[what]
            print(f"  {what}: {seconds:.2f} s, {peak / MB:.0f} MB: {outcome}", flush=True)
    report(f"{len(HOSTILE)} hostile files", found)
    if odd:
        paths = sorted(
            path for path in odd.rglob("*") if path.is_file() and path.suffix.lower() in (".mid", ".midi", ".kar", ".xml")
        )
        report(f"{len(paths)} odd files of others", {path.name: attack(path) for path in paths})


def report(what: str, found: dict[str, tuple[float, int, str]]) -> None:
    """Print the rows of some files."""
    slowest, largest = max(found, key=lambda name: found[name][0]), max(found, key=lambda name: found[name][1])
    seconds, peak = found[slowest][0], found[largest][1] / MB
    row(f"{what}: longest time to read or refuse one", f"{seconds:.1f} s ({slowest})", **at_most(20, seconds, " s"))
    row(f"{what}: most memory, the reader's process included", f"{peak:,.0f} MB ({largest})", **at_most(1024, peak, " MB"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--odd", type=Path, metavar="FOLDER", help="MIDI files to try beside the hostile ones")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve()
    else:
        hostile(given.odd)
        ordinary()
        growing()
