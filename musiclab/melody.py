"""Melody: which voice of a piece is the tune, and the tune by itself.

A file does not say which voice one would sing. `find_melody` looks for the highest voice that has, nearly throughout, one
note at a time, and that sounds for a good part of the piece; a track that is called "melody" or "vocals" goes before. Where no
voice is like that, as in piano music, the melody is the *skyline* of the highest voice: the highest note of every moment.

Both are heuristics of Uitdenbogerd and Zobel ("Manipulation of music for melody matching", ACM Multimedia 1998; "Melodic
matching techniques for large music databases", 1999), "top channel" and "all mono", of which listeners preferred the second.
They fail where the melody lies in the middle, as in many a nocturne, and where a descant stands above it; so a reason is given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from musiclab.score import Score

__all__ = ["Melody", "extract_melody", "find_melody", "highest_line", "one_at_a_time"]

ONE_AT_A_TIME = 0.9  # of the time in which a voice sounds: then it is a line
ACTIVE = 0.3  # of the notes of the busiest voice, and of the time in which anything sounds: less is an ornament
LOWEST = 45.0  # mean pitch (A2): what lies below is a bass
STRUCK_TOGETHER = 1 / 16  # of a quarter: players do not strike the notes of a chord at exactly one moment
FAR_BELOW = 15  # semitones below the upper quartile of the notes around: no melody goes on there, the accompaniment does
AROUND = 8.0  # quarters to either side that count as around

# In whole words, which digits and underscores end too: "Closing" does not sing, and the "Unterstimme" is not on top.
_NAMES = re.compile(
    r"(?<![^\W\d_])(melod\w*|vocals?|vox|lead|sing|singer|voice|sopran[oe]?|tune|gesang|"
    r"(sing|gesangs?|ober|haupt|melodie)?stimme|chant|canto|voz)(?![^\W\d_])",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"back|choir|chorus|harm|\bpad\b|voice \d|string|bass|begleit|accomp|unter|neben|gegen|counter|second", re.IGNORECASE
)


@dataclass(frozen=True)
class Melody:
    """A melody, where it was found, and why it is thought to be one.

    Attributes
    ----------
    score : Score
        The melody in voice 0, one note at a time, with its rests.
    voice : int
        The voice of the piece that it was taken from.
    reason : str
        Half a sentence: "because …".
    """

    score: Score
    voice: int
    reason: str


def extract_melody(score: Score) -> Score:
    """Return the melody of a piece: voice 0, one note at a time, rests kept. `find_melody` also says why it is this one.

    Raises ValueError for a score without notes.
    """
    return find_melody(score).score


def find_melody(score: Score, names: Sequence[str] = ()) -> Melody:
    """Find the voice that has the melody, and take the melody out of it.

    Parameters
    ----------
    score : Score
        Without drums, whose pitches mean nothing.
    names : sequence of str, optional
        What the voices are called, voice 0 first.

    Raises
    ------
    ValueError
        For a score without notes.
    """
    if not len(score):
        raise ValueError("a score without notes has no melody.")
    voices = {voice: score.voice(voice) for voice in score.voices}
    if len(voices) == 1:
        ((voice, part),) = voices.items()
        if one_at_a_time(part) == 1:
            return Melody(_line(part), voice, "because it is all there is, one note at a time")
        return Melody(
            _skyline(part), voice, "because it is the only voice; it holds chords, and of each the highest note is taken"
        )
    single = {voice: one_at_a_time(part) for voice, part in voices.items()}
    busy = [voice for voice, part in voices.items() if _is_active(part, score) and part.notes["pitch"].mean() >= LOWEST]
    busy = sorted(busy or voices, key=lambda voice: -voices[voice].notes["pitch"].mean())
    lines = [voice for voice in busy if single[voice] >= ONE_AT_A_TIME]
    called = [v for v in busy if v < len(names) and _NAMES.search(names[v]) and not _NOT.search(names[v])]
    if called:
        best, reason = called[0], "because of what it is called"
    elif lines:
        best = lines[0]
        lies = "lies highest" if best == busy[0] else "lies highest of the voices that have"
        throughout = "throughout" if single[best] == 1 else "nearly throughout"
        reason = f"because it has one note at a time {throughout} and {lies}"
    else:
        best, reason = busy[0], "because it lies highest"
    if single[best] < ONE_AT_A_TIME:
        return Melody(_skyline(voices[best]), best, f"{reason}; it holds chords, and of each the highest note is taken")
    return Melody(_line(voices[best]), best, reason)


def one_at_a_time(score: Score) -> float:
    """Return the share of its sounding time in which a score has one note and not several: 1.0 for a tune. nan without notes."""
    if not len(score):
        return np.nan
    onset, end = score.notes["onset"], score.notes["onset"] + score.notes["duration"]
    moments = np.unique(np.concatenate([onset, end]))
    sounding = np.searchsorted(np.sort(onset), moments[:-1], side="right") - np.searchsorted(
        np.sort(end), moments[:-1], side="right"
    )
    spans = np.diff(moments)
    spans[spans < STRUCK_TOGETHER] = 0  # a legato, in which one key is let go a little after the next is pressed, is one line
    return float(spans[sounding == 1].sum() / max(spans[sounding > 0].sum(), 1e-9))


def _is_active(part: Score, score: Score) -> bool:
    most = np.bincount(score.notes["voice"]).max()
    time = min(part.notes["duration"].sum(), score.duration)
    return len(part) >= ACTIVE * most or time >= ACTIVE * score.duration


def _line(part: Score) -> Score:
    """Return a voice with one note at a time: of a chord the highest, and each note ends where the next begins."""
    return _with_rows(part, highest_line(part))


def _skyline(part: Score) -> Score:
    """Return the highest line of a voice that holds chords, without what lies far below it."""
    rows = highest_line(part)
    onset, pitch = np.array([(row[0], row[2]) for row in rows]).T
    places = np.searchsorted(onset, [onset - AROUND, onset + AROUND])  # (2, notes)
    high = [np.percentile(pitch[start:stop], 75) for start, stop in places.T]
    kept = [row for row, usual in zip(rows, high, strict=True) if row[2] > usual - FAR_BELOW]
    return _with_rows(part, kept or rows)


def highest_line(part: Score) -> list[list]:
    """List the notes that lie highest when they begin: rows as in a Score. Each ends where the next begins."""
    line: list[list] = []
    for onset, duration, pitch, _, velocity in part.notes.tolist():  # of a chord the highest first
        row = [onset, duration, pitch, 0, velocity]
        while line and pitch > line[-1][2] and onset - line[-1][0] < STRUCK_TOGETHER:
            line.pop()  # the rest of a chord, struck a little before its highest note
        if line:
            last = line[-1]
            under = min(last[0] + last[1], onset + duration) - onset  # time for which it sounds below the note before
            if pitch <= last[2] and (onset - last[0] < STRUCK_TOGETHER or under > duration / 2):
                continue
            last[1] = min(last[1], onset - last[0])
        line.append(row)
    return line


def _with_rows(part: Score, rows: list[list]) -> Score:
    return replace(part, notes=[tuple(row) for row in rows])
