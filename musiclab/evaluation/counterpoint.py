"""Counterpoint: what four voices do to each other, and what teachers of Bach's craft mark in red.

A rule is a habit with a name. Bach breaks each of them now and then, so his own figure stands beside a model's, not a zero.
All of it is counted on a grid (`grid.grid_of`), over all pairs of voices at once: some hundred times as fast as looking at one
pair of intervals after the other. A *change* is a step in which any voice moves to another pitch.

The rules are those of any schoolbook; Huron derives them from how we hear: "Tone and Voice" (2001). Figures per 100 changes count
pairs of voices, so there may be several in one change, six pairs at most of four voices; they are nan without a change, and the
percentages without a note.
"""

from __future__ import annotations

import itertools

import numpy as np

from musiclab.evaluation.grid import changes_of, grid_of
from musiclab.score import Score
from musiclab.spelling import is_minor, signature_of, spelled

__all__ = [
    "CHOIR",
    "crossing",
    "find_parallels",
    "hidden",
    "out_of_range",
    "overlaps",
    "parallel_fifths",
    "parallel_octaves",
    "parallels",
    "staff_places",
    "unresolved_leading_notes",
    "voice_leading",
    "wide_spacing",
]

#: What a choir sings, as schoolbooks have it, lowest and highest pitch of soprano, alto, tenor and bass:
#: C4 to A5, G3 to D5, C3 to G4, E2 to D4.
CHOIR = ((60, 81), (55, 74), (48, 67), (40, 62))


def voice_leading(grid: np.ndarray, places: np.ndarray | None = None) -> dict[str, int]:
    """Count what pairs of voices do from one step to the next.

    Parameters
    ----------
    grid : int array (steps, voices)
    places : int array (128,), optional
        Where each pitch stands on the staff, from `staff_places`.

    Returns
    -------
    dict
        Over all pairs of voices that both sound before and after:

        - ``parallel fifths``, ``parallel octaves``: both move in the same direction, from one fifth to another (from an octave
          to an octave, or a unison to a unison). Fifths and octaves that are wider by octaves count.
        - ``contrary fifths``, ``contrary octaves``: the same, but they move in opposite directions, and a unison may open to
          an octave.
        - ``hidden fifths``, ``hidden octaves``: both move in the same direction and arrive at one from another interval.
        - ``overlaps``: a voice moves beyond where its neighbour has just been. Neighbours alone.

        And ``changes``, the steps in which anything moves.

    Notes
    -----
    These are the pairs for which music21's `VoiceLeadingQuartet` says parallelMotion, antiParallelMotion, hiddenFifth,
    hiddenOctave and voiceOverlap. A perfect fifth is not hidden behind another kind of fifth, and which intervals are fifths
    is a matter of spelling: six semitones may be a diminished fifth or an augmented fourth, eight a sixth or an augmented
    fifth. Without `places` six are taken for a fifth, and eight for a sixth.
    """
    _, _, found = _changes(grid, places)
    return {**{name: int(which.sum()) for name, which in found.items()}, "changes": len(found["overlaps"])}


def staff_places(score: Score) -> np.ndarray:
    """Return where each MIDI pitch stands on the staff as the score is written: int array (128,), a step for each letter."""
    signature, minor = signature_of(score), is_minor(score.key)
    names = [spelled(pitch, signature, minor=minor) for pitch in range(128)]
    return np.array([7 * octave + "CDEFGAB".index(letter) for letter, _, octave in names])


def _changes(grid: np.ndarray, places: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Look at all changes and all pairs of voices at once.

    Returns
    -------
    steps : int array (changes,)
        In which step each change arrives.
    pairs : int array (pairs, 2)
        The upper and the lower voice.
    found : dict of str to bool array (changes, pairs)
    """
    before, after = grid[:-1].astype(int), grid[1:].astype(int)
    steps = np.flatnonzero((before != after).any(axis=1))
    before, after = before[steps], after[steps]  # (changes, voices): most steps hold what was there
    pairs = np.array(list(itertools.combinations(range(grid.shape[1]), 2)), dtype=int).reshape(-1, 2)
    upper, lower = pairs.T
    sounds = (before > 0) & (after > 0)
    sounds = sounds[:, upper] & sounds[:, lower]  # (changes, pairs)
    direction = np.sign(after - before)
    similar = sounds & (direction[:, upper] == direction[:, lower]) & (direction[:, upper] != 0)
    contrary = sounds & (direction[:, upper] == -direction[:, lower]) & (direction[:, upper] != 0)
    first, second = np.abs(before[:, upper] - before[:, lower]), np.abs(after[:, upper] - after[:, lower])
    fifth = first % 12 == 6 if places is None else np.abs(places[before[:, upper]] - places[before[:, lower]]) % 7 == 4
    found = {}
    for name, size in (("fifths", 7), ("octaves", 0)):
        stays = (first % 12 == size) & (second % 12 == size)
        # An octave that narrows to a unison, or a unison that opens, is another interval.
        same = stays & ((first == 0) == (second == 0))
        # From a diminished fifth to a perfect one is not hidden: the fifths are unequal, and allowed.
        arrives = (second % 12 == size) & ~(fifth & (size == 7))
        found[f"parallel {name}"] = similar & same
        found[f"contrary {name}"] = contrary & stays
        found[f"hidden {name}"] = similar & arrives & ~same
    # Neighbours: the upper one goes below where the lower one was, or the lower one above where the upper one was.
    moves = (direction[:, upper] != 0) | (direction[:, lower] != 0)  # two that only stay crossed do nothing
    beyond = moves & ((after[:, upper] < before[:, lower]) | (after[:, lower] > before[:, upper]))
    found["overlaps"] = sounds & beyond & (lower == upper + 1)
    return steps + 1, pairs, found


def find_parallels(score: Score) -> list[tuple[float, str, int, int]]:
    """List the parallel fifths and octaves of a piece.

    Returns
    -------
    list of (float, str, int, int)
        When the second of the two arrives, in quarter lengths; "fifths" or "octaves"; the upper and the lower voice.
    """
    steps, pairs, found = _changes(grid_of(score))
    places = [
        (float(steps[change]) / 4, kind, *pairs[pair].tolist())
        for kind in ("fifths", "octaves")
        for change, pair in zip(*np.nonzero(found[f"parallel {kind}"]), strict=True)
    ]
    return sorted(places)


def parallels(grid: np.ndarray) -> dict[str, int]:
    """Return ``fifths``, ``octaves`` and ``changes`` of `voice_leading`: parallel ones, unisons among the octaves."""
    counts = voice_leading(grid)
    return {"fifths": counts["parallel fifths"], "octaves": counts["parallel octaves"], "changes": counts["changes"]}


def parallel_fifths(score: Score) -> float:
    """Return parallel fifths per 100 changes; see `voice_leading`. Two voices that move so sound as one."""
    return _per_hundred(score, "parallel fifths")


def parallel_octaves(score: Score) -> float:
    """Return parallel octaves and unisons per 100 changes; see `voice_leading`."""
    return _per_hundred(score, "parallel octaves")


def hidden(score: Score) -> float:
    """Return hidden fifths and octaves of the two outer voices into which the upper one leaps, per 100 changes.

    That is the rule as it is taught: where the upper voice goes by step, nobody minds. See `voice_leading`.
    """
    grid = grid_of(score)
    if not grid.any():
        return np.nan
    outer = np.flatnonzero((grid > 0).any(axis=0))[[0, -1]]
    steps, pairs, found = _changes(grid, staff_places(score))
    if not len(steps):
        return np.nan
    here = (pairs == outer).all(axis=1)  # (pairs,): none, if only one voice sings
    leaps = np.abs(grid[steps, outer[0]].astype(int) - grid[steps - 1, outer[0]]) > 2
    both = found["hidden fifths"][:, here] | found["hidden octaves"][:, here]
    return 100 * float((both & leaps[:, None]).sum()) / len(steps)


def overlaps(score: Score) -> float:
    """Return overlaps of neighbouring voices per 100 changes; see `voice_leading`."""
    return _per_hundred(score, "overlaps")


def crossing(score: Score) -> float:
    """Return in which share of the steps some voice sounds above its upper neighbour, in percent."""
    grid = grid_of(score)
    above, below = grid[:, :-1], grid[:, 1:]
    return 100 * float(((below > above) & (above > 0)).any(axis=1).mean()) if len(grid) else np.nan


def wide_spacing(score: Score) -> float:
    """Return in which share of the steps two neighbours of the upper three voices are more than an octave apart, in percent."""
    grid = grid_of(score)
    above, below = grid[:, :2], grid[:, 1:3]
    return 100 * float(((above - below > 12) & (above > 0) & (below > 0)).any(axis=1).mean()) if len(grid) else np.nan


def out_of_range(score: Score) -> float:
    """Return how much of the singing lies outside of what a choir sings (`CHOIR`), in percent of the sounding steps."""
    grid = grid_of(score)
    low, high = np.array(CHOIR).T
    return 100 * float((((grid < low) | (grid > high)) & (grid > 0)).sum() / (grid > 0).sum()) if grid.any() else np.nan


def unresolved_leading_notes(score: Score) -> float:
    """Return how many leading notes do not rise to their tonic, in percent; nan if there is none.

    A leading note is looked for where the bass goes from a root up a fourth or down a fifth, as at a close: it is the major
    third over the first bass note, in any other voice. Resolved means that this voice goes up a semitone. No key is needed, and
    closes in neighbouring keys count as well, and so does a step from a major chord to its fourth that closes nothing. An alto
    or tenor that drops from it instead is a habit of Bach's.
    """
    chords = changes_of(grid_of(score)).astype(int)
    before, after = chords[:-1], chords[1:]
    bass, target = before[:, -1:], after[:, -1:]
    closes = (bass > 0) & (target > 0) & ((target - bass) % 12 == 5)
    leading = closes & (before[:, :-1] > 0) & ((before[:, :-1] - bass) % 12 == 4)
    resolved = leading & (after[:, :-1] == before[:, :-1] + 1)
    return 100 * float(1 - resolved.sum() / leading.sum()) if leading.any() else np.nan


def _per_hundred(score: Score, name: str) -> float:
    counts = voice_leading(grid_of(score))
    return 100 * counts[name] / counts["changes"] if counts["changes"] else np.nan
