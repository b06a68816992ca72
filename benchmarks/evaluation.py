"""How long judging takes: the full table of `musiclab.evaluation` on five sets of 77 chorales; and voice leading against music21.

music21's count is its `VoiceLeadingQuartet`, asked about all pairs of voices at every change, with notes that are made once for
each pitch. Both count the same things on the same pieces, spelled alike; how far they agree is a row of its own.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections import Counter

import numpy as np
from music21.note import Note
from music21.voiceLeading import VoiceLeadingQuartet
from table import at_least, at_most, row, spread

from musiclab.bundle import load_bundle
from musiclab.encoding import ChoraleEncoding
from musiclab.evaluation import compare, grid_of, markov_pieces, shuffled, staff_places, voice_leading
from musiclab.files import to_music21
from musiclab.generation import generate_many
from musiclab.score import Score
from musiclab.splits import chorale_sides

PIECES = 77


def spelled(score: Score) -> dict[int, Note]:
    """Return a note of music21's for each pitch of a piece, spelled as music21's export spells it."""
    names = {p.midi: p.nameWithOctave for note in to_music21(score).flatten().notes for p in note.pitches}
    return {midi: Note(name) for midi, name in names.items()}


def by_music21(grid: np.ndarray, notes: dict[int, Note]) -> Counter:
    """Count voice leading with music21."""
    found = Counter()
    for before, after in itertools.pairwise(grid.tolist()):
        if before == after:
            continue
        found["changes"] += 1
        for a, b in itertools.combinations(range(4), 2):
            if not (before[a] and before[b] and after[a] and after[b]):
                continue
            pair = VoiceLeadingQuartet(notes[before[a]], notes[after[a]], notes[before[b]], notes[after[b]])
            found["parallel fifths"] += pair.parallelMotion("P5", allowOctaveDisplacement=True)
            found["parallel octaves"] += pair.parallelMotion("P8", allowOctaveDisplacement=True) or pair.parallelMotion(
                "P1", allowOctaveDisplacement=True
            )
            found["contrary fifths"] += pair.antiParallelMotion("P5")
            found["contrary octaves"] += pair.antiParallelMotion("P1")
            found["hidden fifths"] += pair.hiddenFifth()
            found["hidden octaves"] += pair.hiddenOctave()
            moves = (before[a], before[b]) != (after[a], after[b])
            found["overlaps"] += b == a + 1 and moves and pair.voiceOverlap()
    return found


def main() -> None:
    sides = chorale_sides(ChoraleEncoding())
    held_out = (sides["valid"] + sides["test"])[-PIECES:]
    grids, notes = [grid_of(score) for score in held_out], [spelled(score) for score in held_out]
    places = [staff_places(score) for score in held_out]

    started = time.perf_counter()
    theirs = sum((by_music21(grid, names) for grid, names in zip(grids, notes, strict=True)), Counter())
    slow = time.perf_counter() - started
    quick = []
    for _ in range(7):
        started = time.perf_counter()
        ours = sum((Counter(voice_leading(*both)) for both in zip(grids, places, strict=True)), Counter())
        quick.append(time.perf_counter() - started)
    ratios = [slow / seconds for seconds in quick]
    row(
        f"voice leading of {PIECES} chorales: music21 / ours",
        spread(ratios, ".0f"),
        **at_least(50, statistics.median(ratios)),
        front=True,
    )
    differ = {name: f"{ours[name]} here, {theirs[name]} there" for name in ours if ours[name] != theirs[name]}
    row(
        "kinds of voice leading of which both count the same",
        f"{len(ours) - len(differ)} of {len(ours)}",
        "all",
        not differ,
        "; ".join(
            f"{name} {words}, where six or eight semitones come before and spelling decides" for name, words in differ.items()
        ),
    )

    bundle = load_bundle("chorale")
    training = sides["train"]
    sets = {
        "Bach": held_out,
        "trained on": training[:PIECES],
        "model": generate_many(bundle, PIECES, 64, seed=0),
        "shuffled": [shuffled(score, seed) for seed, score in enumerate(held_out)],
        "Markov": markov_pieces(training, PIECES, quarters=64),
    }
    times = []
    for _ in range(3):
        started = time.perf_counter()
        table = compare(sets, real="Bach", controls=["shuffled", "Markov"], training=training, bundle=bundle)
        times.append(time.perf_counter() - started)
    what = f"the full table: {len(table.rows)} measures, 5 sets of {PIECES} chorales"
    row(what, f"{spread(times, '.1f')} s", **at_most(20, statistics.median(times), " s"), front=True)
    print(table)


if __name__ == "__main__":
    main()
