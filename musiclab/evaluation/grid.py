"""The grid: what sounds, step by step and voice by voice. The measures of several voices work on it."""

from __future__ import annotations

import numpy as np

from musiclab.score import Score

__all__ = ["changes_of", "grid_of", "left_out"]


def grid_of(score: Score, *, voices: int = 4, steps_per_quarter: int = 4) -> np.ndarray:
    """Return what sounds in each step: int array (steps, voices) of MIDI pitches, 0 where a voice is silent.

    A note that begins or ends within a step counts for the step that is nearest; of notes that one voice sounds together
    the highest counts. Voices from the number `voices` on are left out.
    """
    notes = score.notes[score.notes["voice"] < voices]
    notes = notes[np.argsort(notes["pitch"], kind="stable")]  # later ones, which are higher, overwrite
    starts = np.floor(notes["onset"] * steps_per_quarter + 0.5).astype(int)
    stops = np.maximum(np.floor((notes["onset"] + notes["duration"]) * steps_per_quarter + 0.5).astype(int), starts + 1)
    lengths = stops - starts
    along = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)  # 0, 1, 2, … in each note
    grid = np.zeros((stops.max(initial=0), voices), dtype=np.int16)
    grid[np.repeat(starts, lengths) + along, np.repeat(notes["voice"], lengths)] = np.repeat(notes["pitch"], lengths)
    return grid


def left_out(score: Score) -> float:
    """Return how many notes do not begin in `grid_of`, in percent; nan without a note.

    They lie in a fifth voice or below, or a higher note of the same voice sounds in their place.
    """
    grid, notes = grid_of(score), score.notes
    here = notes[notes["voice"] < 4]
    starts = np.floor(here["onset"] * 4 + 0.5).astype(int)
    held = int((grid[starts, here["voice"]] == here["pitch"]).sum())
    return 100 * (1 - held / len(notes)) if len(notes) else np.nan


def changes_of(grid: np.ndarray) -> np.ndarray:
    """Return the steps of a grid in which something changes, the first included: int array (changes, voices)."""
    return grid[change_steps(grid)]


def change_steps(grid: np.ndarray) -> np.ndarray:
    """Return the numbers of those steps: int array (changes,)."""
    return np.flatnonzero(np.append(True, (grid[1:] != grid[:-1]).any(axis=1))) if len(grid) else np.zeros(0, dtype=int)
