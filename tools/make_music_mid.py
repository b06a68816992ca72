"""Write data/music.mid: J. S. Bach's Prelude in C, BWV 846, from its bar-by-bar harmony.

The prelude is one idea: five notes a bar, low to high, broken upwards in the same order in every bar. So the
piece fits into a table of chords. Only the last three bars leave the pattern; they are spelled out.

Run it from anywhere: ``python tools/make_music_mid.py [path]``. The same bytes come out every time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from musiclab.files import write_midi
from musiclab.score import Score

# Bars 1 to 32, five notes each: the bass, the second note, and the three that go round above them.
HARMONY = """
C4 E4 G4 C5 E5    C4 D4 A4 D5 F5    B3 D4 G4 D5 F5    C4 E4 G4 C5 E5
C4 E4 A4 E5 A5    C4 D4 F#4 A4 D5   B3 D4 G4 D5 G5    B3 C4 E4 G4 C5
A3 C4 E4 G4 C5    D3 A3 D4 F#4 C5   G3 B3 D4 G4 B4    G3 Bb3 E4 G4 C#5
F3 A3 D4 A4 D5    F3 Ab3 D4 F4 B4   E3 G3 C4 G4 C5    E3 F3 A3 C4 F4
D3 F3 A3 C4 F4    G2 D3 G3 B3 F4    C3 E3 G3 C4 E4    C3 G3 Bb3 C4 E4
F2 F3 A3 C4 E4    F#2 C3 A3 C4 Eb4  Ab2 F3 B3 C4 D4   G2 F3 G3 B3 D4
G2 E3 G3 C4 E4    G2 D3 G3 C4 F4    G2 D3 G3 B3 F4    G2 Eb3 A3 C4 F#4
G2 E3 G3 C4 G4    G2 D3 G3 C4 F4    G2 D3 G3 B3 F4    C2 C3 G3 Bb3 E4
"""
# Bars 33 and 34, sixteen sixteenths each: the bass and the second note stay, the others run.
RUNS = """
C2 C3 F3 A3 C4 F4 C4 A3 C4 A3 F3 A3 F3 D3 F3 D3
C2 B2 G4 B4 D5 F5 D5 B4 D5 B4 G4 B4 D4 F4 E4 D4
"""
LAST_CHORD = "C2 C3 E4 G4 C5"

BAR, HALF, SIXTEENTH = 4.0, 2.0, 0.25
UPPER, SECOND, BASS = 0, 1, 2  # voices
TOUCH = {UPPER: 72, SECOND: 66, BASS: 76}  # velocities: the bass carries, the second note only fills

Note = tuple[float, float, int, int, int]


def pitch(name: str) -> int:
    """Return the MIDI number of "C4", "F#4" or "Bb3"."""
    step = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[name[0]]
    return 12 * (int(name[-1]) + 1) + step + name.count("#") - name.count("b")


def note(onset: float, end: float, name: str, voice: int) -> Note:
    """Return one note as a Score takes it."""
    return (onset, end - onset, pitch(name), voice, TOUCH[voice])


def figure(onset: float, end: float, names: list[str]) -> list[Note]:
    """Begin a note every sixteenth; the first and the second sound on to the end."""
    bass = note(onset, end, names[0], BASS)
    second = note(onset + SIXTEENTH, end, names[1], SECOND)
    starts = [onset + i * SIXTEENTH for i in range(2, len(names))]
    return [bass, second, *(note(t, t + SIXTEENTH, n, UPPER) for t, n in zip(starts, names[2:], strict=True))]


def prelude() -> Score:
    """Return the whole piece: 35 bars, 549 notes at 545 onsets."""
    names, notes, bar = HARMONY.split(), [], 0.0
    for chord in (names[i : i + 5] for i in range(0, len(names), 5)):
        for onset in (bar, bar + HALF):
            notes += figure(onset, onset + HALF, chord + chord[2:])  # 1 2 3 4 5 3 4 5
        bar += BAR
    for run in RUNS.strip().splitlines():
        notes += figure(bar, bar + BAR, run.split())
        bar += BAR
    for name, voice in zip(LAST_CHORD.split(), (BASS, SECOND, UPPER, UPPER, UPPER), strict=True):
        notes.append(note(bar, bar + BAR, name, voice))
    return Score(notes, title="Prelude in C, BWV 846 (J. S. Bach)", tempo=66, time_signature=(4, 4), key="C major")


if __name__ == "__main__":
    default = Path(__file__).resolve().parent.parent / "data" / "music.mid"
    written = write_midi(prelude(), sys.argv[1] if len(sys.argv) > 1 else default, overwrite=True)
    print(f"wrote {written.name}: {len(prelude())} notes, {written.stat().st_size} bytes")
