"""Reading MIDI: our read_score against music21, pretty_midi, and symusic's bare loading.

    python benchmarks/readers.py [--peers PYTHON]

read_score looks at the file, has a process of its own parse it with symusic, under limits of time and memory, and
makes a checked Score of what comes back. So symusic alone is the limit: nothing that is built on it can be faster.
music21 and pretty_midi are what people otherwise read MIDI with. pretty_midi is no part of the course: it runs in a
process of its own, in the Python that --peers names. All take turns, and all have read a file before the first turn.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from table import at_least, row, spread
from training import Process, answer, quotients

ROUNDS, TURN = 7, 0.2  # a turn reads the file again and again for about as many seconds, but at least once
SIZES = (1_000, 10_000)  # notes
BACH = Path(__file__).resolve().parent.parent / "data" / "music.mid"
OURS, MUSIC21, PRETTY = "read_score", "music21's converter.parse", "pretty_midi.PrettyMIDI"
PARSER, SYMUSIC = "our parser without its process", "symusic.Score"


def duet(notes: int) -> Any:
    """Make up a piece of so many notes in two voices, on the grid of sixteenths, which music21 keeps exactly."""
    import numpy as np

    from musiclab import Score

    rng, rows = np.random.default_rng(0), []
    for voice in (0, 1):
        durations = rng.choice([0.25, 0.5, 1.0], size=notes // 2)
        onsets, pitches = np.cumsum(durations) - durations, 72 - 12 * voice + rng.integers(-7, 8, notes // 2)
        rows += [(onset, duration, pitch, voice) for onset, duration, pitch in zip(onsets, durations, pitches, strict=True)]
    return Score(rows, title="Duet", tempo=100)


def readers(path: str) -> dict[str, Callable[[], Any]]:
    """Return what reads the file in this process."""
    import music21
    import symusic

    from musiclab import formats, read_score

    def parse() -> Any:
        return formats.scores_from_bytes(Path(path).read_bytes(), "midi", max_notes=100_000, drums=False)

    return {
        OURS: lambda: read_score(path),
        PARSER: parse,
        SYMUSIC: lambda: symusic.Score(path),
        # music21 would keep what it has read in a file of its own, and take it from there the second time.
        MUSIC21: lambda: music21.converter.parse(path, forceSource=True),
    }


def seconds(read: Callable[[], Any], count: int) -> float:
    """Return the seconds that reading takes, on average over `count` times."""
    started = time.perf_counter()
    for _ in range(count):
        read()
    return (time.perf_counter() - started) / count


def serve_pretty_midi() -> None:
    """Be the process for pretty_midi: for each line, [path, count], answer with seconds; for count 0 with the notes."""
    import pretty_midi

    answer("ready")
    for line in sys.stdin:
        path, count = json.loads(line)
        if count:
            answer(seconds(lambda path=path: pretty_midi.PrettyMIDI(path), count))
        else:
            midi = pretty_midi.PrettyMIDI(path)
            quarters = lambda time: midi.time_to_tick(time) / midi.resolution  # noqa: B023, E731
            notes = [note for part in midi.instruments for note in part.notes]
            answer([(quarters(n.start), quarters(n.end) - quarters(n.start), n.pitch) for n in notes])


def same_notes(path: str, pretty: Process | None) -> bool:
    """Tell whether all find the same notes: onsets and durations in quarter lengths, and pitches."""
    import numpy as np

    from musiclab import files

    read = readers(path)
    found = [score.notes for score in (read[OURS](), read[PARSER]()[0], files.from_music21(read[MUSIC21]()))]
    notes = [np.array([score["onset"], score["duration"], score["pitch"]], dtype=float).T for score in found]  # (n, 3)
    if pretty:
        notes.append(np.array(pretty.ask(json.dumps([path, 0]))))
    notes = [array[np.lexsort(array.round(6).T)] for array in notes]
    return all(array.shape == notes[0].shape and np.allclose(array, notes[0], atol=1e-6) for array in notes)


def measure(path: str, pretty: Process | None) -> dict[str, list[float]]:
    """Return the seconds that each takes to read the file, in each round."""

    def other(count: int) -> float:
        return pretty.ask(json.dumps([path, count]))

    turns = {name: lambda count, read=read: seconds(read, count) for name, read in readers(path).items()}
    turns |= {PRETTY: other} if pretty else {}
    counts = {name: max(1, round(TURN / turn(1))) for name, turn in turns.items()}
    times: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(ROUNDS):
        for name, turn in turns.items():
            times[name].append(turn(counts[name]))
    return times


def report(times: list[dict[str, list[float]]], sizes: str) -> None:
    """Print the rows; each holds a figure for every file."""

    def ratios(of: str, by: str) -> list[list[float]]:
        return [quotients(by_name[of], by_name[by]) for by_name in times]

    def words(figures: list[list[float]], form: str) -> str:
        return "; ".join(spread(figure, form) for figure in figures)

    what = f"reading MIDI files of {sizes} notes: "
    row(f"{what}{OURS}", words([[1000 * time for time in by_name[OURS]] for by_name in times], ".1f") + " ms")
    for peer in (MUSIC21, PRETTY):
        if peer in times[0]:
            against = ratios(peer, OURS)
            row(f"{what}{peer} / {OURS}", words(against, ".1f"), **at_least(1, min(map(median, against))), front=True)
        else:
            note = "pretty_midi is not installed in the Python of --peers"
            row(f"{what}{peer} / {OURS}", "not measured", "at least 1", note=note, front=True)
    row(f"{what}{OURS} / {SYMUSIC}, the limit", words(ratios(OURS, SYMUSIC), ".1f"))
    row(f"{what}{PARSER} / {SYMUSIC}", words(ratios(PARSER, SYMUSIC), ".1f"))


def main(peers: str) -> None:
    """Write the files, read them, and print the rows."""
    from musiclab import read_score, write_midi

    has_pretty_midi = subprocess.run([peers, "-c", "import pretty_midi"], capture_output=True).returncode == 0
    pretty = Process(peers, __file__, "--serve") if has_pretty_midi else None
    if pretty:
        assert pretty.hear() == "ready"
    with tempfile.TemporaryDirectory() as folder:
        made = [write_midi(duet(size), Path(folder, f"{size}.mid")) for size in SIZES]
        first = seconds(lambda: read_score(BACH), 1)
        paths = [str(path) for path in (BACH, *made)]
        sizes = [len(read_score(path)) for path in paths]
        equal = [same_notes(path, pretty) for path in paths]
        report([measure(path, pretty) for path in paths], f"{', '.join(f'{size:,}' for size in sizes[:-1])} and {sizes[-1]:,}")
    row(f"the first {OURS}, which starts its process", f"{first:.2f} s")
    who = f"{OURS}, {MUSIC21}" + (f", {PRETTY}" if pretty else "")
    row(f"files in which the same notes are found by {who}", f"{sum(equal)} of {len(equal)}", "all", all(equal))
    if pretty:
        pretty.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--peers", metavar="PYTHON", default=sys.executable, help="a Python that has pretty_midi; by default this one"
    )
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    serve_pretty_midi() if given.serve else main(given.peers)
