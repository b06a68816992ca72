"""Evaluation: is it any good? Measures of music, each with its unit and its source.

They work on a *grid*, int array (steps, voices): the MIDI pitch that sounds in each voice in each step, 0 for silence
(`grid_of`). On whole corpora that is some hundred times as fast as looking at one chord after the other.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from musiclab.score import Score

__all__ = ["changes_of", "copied_runs", "grid_of", "parallels"]


def grid_of(score: Score, *, voices: int = 4, steps_per_quarter: int = 4) -> np.ndarray:
    """Return what sounds in each step: int array (steps, voices) of MIDI pitches, 0 where a voice is silent.

    A note that begins or ends within a step counts for the step that is nearest; of notes that one voice sounds together
    the highest counts.
    """
    notes = score.notes[np.lexsort((score.notes["pitch"],))]  # later ones, which are higher, overwrite
    starts = np.floor(notes["onset"] * steps_per_quarter + 0.5).astype(int)
    stops = np.maximum(np.floor((notes["onset"] + notes["duration"]) * steps_per_quarter + 0.5).astype(int), starts + 1)
    grid = np.zeros((stops.max(initial=0), voices), dtype=np.int16)
    for start, stop, pitch, voice in zip(starts, stops, notes["pitch"], notes["voice"], strict=True):
        if voice < voices:
            grid[start:stop, voice] = pitch
    return grid


def parallels(grid: np.ndarray) -> dict[str, int]:
    """Count parallel fifths and octaves: two voices that move in the same direction from one to the next.

    Composers of Bach's time avoided them: two voices that move so sound like one. Fifths and octaves wider by whole octaves
    count, and unisons count as octaves. Whichever voice lies on top, a fifth is a fifth.

    Parameters
    ----------
    grid : int array (steps, voices)

    Returns
    -------
    dict
        ``fifths`` and ``octaves``, over all pairs of voices; and ``changes``: in how many steps any voice moves to another
        pitch. Usual is to give the first two per 100 of these.
    """
    before, after = grid[:-1].astype(int), grid[1:].astype(int)
    moved = (before != after) & (before > 0) & (after > 0)  # (steps - 1, voices)
    found = {"fifths": 0, "octaves": 0}
    for a, b in itertools.combinations(range(grid.shape[1]), 2):
        step_a, step_b = after[:, a] - before[:, a], after[:, b] - before[:, b]
        together = moved[:, a] & moved[:, b] & (np.sign(step_a) == np.sign(step_b))
        first, second = abs(before[:, a] - before[:, b]) % 12, abs(after[:, a] - after[:, b]) % 12
        for name, size in (("fifths", 7), ("octaves", 0)):
            found[name] += int((together & (first == size) & (second == size)).sum())
    return {**found, "changes": int((before != after).any(axis=1).sum())}


def changes_of(grid: np.ndarray) -> np.ndarray:
    """Return the steps of a grid in which something changes, the first included: int array (changes, voices)."""
    return grid[np.append(True, (grid[1:] != grid[:-1]).any(axis=1))] if len(grid) else grid


def copied_runs(grids: Sequence[np.ndarray], training: Sequence[np.ndarray]) -> np.ndarray:
    """Find how much of each piece is copied: its longest run of chords that stands in a training piece, in any key.

    A chord is what sounds from one change to the next, however long. All voices must agree, chord for chord.

    Parameters
    ----------
    grids, training : sequences of int arrays (steps, voices)

    Returns
    -------
    int array (pieces,)
        Chords in the longest such run.
    """
    numbers: dict[bytes, int] = {}
    apart = np.full(1, -2)  # stands between two training pieces and equals nothing
    moves = [_moves(changes_of(grid)) for grid in training]
    coded = [np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in rows], dtype=int) for rows in moves]
    everything = np.concatenate([part for piece in coded for part in (piece, apart)]) if coded else apart
    longest = np.zeros(len(grids), dtype=int)
    for index, grid in enumerate(grids):
        runs = np.zeros(len(everything) + 1, dtype=np.int32)
        for row in _moves(changes_of(grid)):
            runs[1:] = np.where(everything == numbers.get(row.tobytes(), -1), runs[:-1] + 1, 0)
            longest[index] = max(longest[index], 1 + int(runs.max()))  # n moves are n + 1 chords
    return longest


def _moves(chords: np.ndarray) -> np.ndarray:
    """Describe how each chord follows the one before it, so that a transposed copy reads the same.

    Returns
    -------
    int16 array (chords - 1, 2 voices - 1)
        The intervals between the voices before, and how far each voice moves. Where a voice is silent a number stands that
        no interval has.
    """
    chords = chords.astype(np.int16)
    high, low, before, after = chords[:-1, :-1], chords[:-1, 1:], chords[:-1], chords[1:]
    intervals = np.where((high > 0) & (low > 0), high - low, 200 + 2 * (high > 0) + (low > 0))
    moves = np.where((before > 0) & (after > 0), after - before, 200 + 2 * (before > 0) + (after > 0))
    return np.ascontiguousarray(np.concatenate([intervals, moves], axis=1))
