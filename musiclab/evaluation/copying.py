"""Copying: did the model write this, or remember it?

A *chord* here is what sounds from one change to the next, however long, and with however many repeated notes: a copy in
another rhythm is still a copy. Two runs of chords are the same if all voices move alike from chord to chord, in any key.
With a single voice the chords are the notes of a melody. How long a run is too long? Composers quote, too: see what held-out
pieces share with the training pieces before judging a model.
"""

from __future__ import annotations

import bisect
import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from musiclab.evaluation.grid import change_steps, changes_of, grid_of
from musiclab.score import Score

__all__ = ["Copy", "CopyIndex", "copied_runs", "longest_copy", "seen_runs"]


@dataclass(frozen=True)
class Copy:
    """The longest run of chords that a piece shares with the training pieces.

    Attributes
    ----------
    chords : int
        How many. One chord alone is always found somewhere: 1 means that nothing is copied.
    piece : int
        Number of the training piece.
    here, there : (float, float)
        Where it begins and ends, in quarter lengths, in the piece and in the training piece.
    semitones : int
        By how much to transpose the training piece to hear the same pitches.
    """

    chords: int
    piece: int
    here: tuple[float, float]
    there: tuple[float, float]
    semitones: int


def longest_copy(score: Score, training: Sequence[Score]) -> Copy:
    """Find the longest run of chords of a piece that stands in a training piece.

    It looks at four voices, and in each at the highest note. Raises ValueError if the piece or the training pieces hold no note.
    """
    grid, known = _sung(grid_of(score)), [_sung(grid_of(piece)) for piece in training]
    if not len(grid) or not any(map(len, known)):
        raise ValueError(
            "a piece without notes has nothing to compare, and there must be training pieces that have some. Voices from the"
            " fifth on do not count."
        )
    coded, everything, owners, places = _lined_up([changes_of(g) for g in known])
    best, here, there = 0, 0, 0
    for number, runs in enumerate(_runs(changes_of(grid), coded, everything)):
        if runs.max() > best:
            best, here, there = int(runs.max()), number + 1, int(runs.argmax())
    if not best:
        return Copy(1, 0, (0.0, 0.0), (0.0, 0.0), 0)
    piece, stop = int(owners[there]), int(places[there]) + 1  # chord numbers, the last of the run
    mine, theirs = _times(grid), _times(known[piece])
    heard, known_as = (changes_of(g)[end - best : end + 1].astype(int) for g, end in ((grid, here), (known[piece], stop)))
    shifts = (heard - known_as)[(heard > 0) & (known_as > 0)]  # all alike; a run may begin with silence
    shift = int(shifts[0]) if len(shifts) else 0
    return Copy(best + 1, piece, (mine[here - best], mine[here + 1]), (theirs[stop - best], theirs[stop + 1]), shift)


def copied_runs(grids: Sequence[np.ndarray], training: Sequence[np.ndarray]) -> np.ndarray:
    """Find how much of each piece is copied: the length of its longest run of chords that stands in a training piece.

    Parameters
    ----------
    grids, training : sequences of int arrays (steps, voices)

    Returns
    -------
    int array (pieces,)
        Chords in the longest such run.
    """
    coded, everything, _, _ = _lined_up([changes_of(_sung(grid)) for grid in training])
    longest = np.zeros(len(grids), dtype=int)
    for index, grid in enumerate(grids):
        found = [int(runs.max()) for runs in _runs(changes_of(_sung(grid)), coded, everything)]
        longest[index] = 1 + max(found, default=0)  # n moves are n + 1 chords
    return longest


def seen_runs(grids: Sequence[np.ndarray], training: Sequence[np.ndarray], length: int = 4) -> np.ndarray:
    """Find which share of each piece's runs of `length` chords stands in a training piece.

    Parameters
    ----------
    grids, training : sequences of int arrays (steps, voices)
    length : int
        2 or more.

    Returns
    -------
    float array (pieces,)
        In percent; nan for a piece with fewer chords than that.

    Raises
    ------
    ValueError
        For a `length` below 2: a single chord is always seen, for in some key it is.
    """
    if length < 2:
        raise ValueError(f"length={length}: a run must have 2 chords or more.")
    known = {run for grid in training for run in _as_bytes(_moves(changes_of(_sung(grid))), length - 1)}
    shares = np.full(len(grids), np.nan)
    for index, grid in enumerate(grids):
        runs = list(_as_bytes(_moves(changes_of(_sung(grid))), length - 1))
        if runs:
            shares[index] = 100 * sum(run in known for run in runs) / len(runs)
    return shares


class CopyIndex:
    """Training pieces, made ready once, so that the longest copied run of a short piece is found in a millisecond.

    It finds what `longest_copy` finds. All moves of the training pieces stand behind one another, and their places are sorted by
    what begins there (a suffix array; Manber and Myers, 1993): what agrees longest with a run of moves stands next to it.

    Parameters
    ----------
    training : iterable of Score
        Raises ValueError if none of them has a note.

    Attributes
    ----------
    titles : tuple of str
        Of the training pieces.
    """

    def __init__(self, training: Iterable[Score]) -> None:
        self._training, chords = [], []
        for score in training:  # once, so that it may come out of a progress bar
            self._training.append(score)
            chords.append(changes_of(_sung(grid_of(score))))
        if not any(map(len, chords)):
            raise ValueError("there must be training pieces that have notes.")
        self.titles = tuple(score.title for score in self._training)
        self._numbers, everything, self._owners, self._places = _lined_up(chords)
        everything = everything + 2  # the gap between two pieces is 0 and a move 2 or more, so all are below any unknown one
        self._order = _suffixes(everything)
        self._bytes = everything.astype(">u4").tobytes()  # whose order is that of the numbers

    def longest(self, score: Score) -> Copy:
        """Find the longest run of chords of a piece that stands in a training piece. Raises ValueError for one without notes."""
        grid = _sung(grid_of(score))
        if not len(grid):
            raise ValueError("a piece without notes has nothing to compare.")
        unknown = len(self._numbers) + 2
        moves = [self._numbers.get(move, unknown - 2) + 2 for move in _as_bytes(_moves(changes_of(grid)), 1)]
        run = np.array(moves, dtype=">u4").tobytes()
        best, here, there = 0, 0, 0
        for start in range(len(moves)):
            wanted = run[4 * start :]
            near = bisect.bisect_left(self._order, wanted, key=functools.partial(self._at, size=len(wanted)))
            for place in self._order[max(0, near - 1) : near + 1].tolist():
                length = self._agreement(wanted, place)
                if length > best:
                    best, here, there = length, start, place
        if not best:
            return Copy(1, 0, (0.0, 0.0), (0.0, 0.0), 0)
        piece, first = int(self._owners[there]), int(self._places[there])
        known = _sung(grid_of(self._training[piece]))
        mine, theirs = _times(grid), _times(known)
        heard, known_as = (changes_of(g)[start : start + best + 1].astype(int) for g, start in ((grid, here), (known, first)))
        shifts = (heard - known_as)[(heard > 0) & (known_as > 0)]  # all alike; a run may begin with silence
        ends = (mine[here], mine[here + best + 1]), (theirs[first], theirs[first + best + 1])
        return Copy(best + 1, piece, *ends, int(shifts[0]) if len(shifts) else 0)

    def _at(self, place: int, size: int) -> bytes:
        return self._bytes[4 * place : 4 * place + size]

    def _agreement(self, wanted: bytes, place: int) -> int:
        """Count the moves from the beginning of some on that stand at a place, too."""
        known = self._at(place, len(wanted))
        length = 0
        while 4 * length < len(known) and wanted[4 * length : 4 * length + 4] == known[4 * length : 4 * length + 4]:
            length += 1
        return length


def _suffixes(numbers: np.ndarray) -> np.ndarray:
    """Sort all places of a text by what begins there: int array (moves,).

    By doubling: once the places are ranked by their first n numbers, the ranks of a place and of the one n further on rank it by
    its first 2 n.
    """
    ranks, length = np.unique(numbers, return_inverse=True)[1].astype(np.int64), 1
    while True:
        after = np.zeros(len(ranks), dtype=np.int64)  # what is over comes before everything
        after[:-length] = ranks[length:] + 1
        keys = ranks * (len(ranks) + 1) + after
        order = np.argsort(keys, kind="stable")
        sorted_keys = keys[order]
        ranks = np.empty_like(ranks)
        ranks[order] = np.cumsum(np.append(False, sorted_keys[1:] != sorted_keys[:-1]))
        length *= 2
        if ranks[order[-1]] == len(ranks) - 1 or length >= len(ranks):
            return order


def _lined_up(chords: Sequence[np.ndarray]) -> tuple[dict[bytes, int], np.ndarray, np.ndarray, np.ndarray]:
    """Number the moves of all training pieces, and write them behind one another.

    Returns
    -------
    numbers : dict
        Move -> its number.
    everything, owners, places : int arrays (moves,)
        The number of each move, its piece, and its place in it. Between two pieces stands -2, which equals nothing.
    """
    numbers: dict[bytes, int] = {}
    coded = [np.array([numbers.setdefault(move, len(numbers)) for move in _as_bytes(_moves(c), 1)] + [-2]) for c in chords]
    if not coded:
        return numbers, np.full(1, -2), np.zeros(1, dtype=int), np.zeros(1, dtype=int)
    owners = np.repeat(np.arange(len(coded)), [len(c) for c in coded])
    return numbers, np.concatenate(coded), owners, np.concatenate([np.arange(len(c)) for c in coded])


def _runs(chords: np.ndarray, numbers: dict[bytes, int], everything: np.ndarray) -> Iterator[np.ndarray]:
    """Go through the moves of a piece; yield for each how many moves up to it stand before each place: int array (moves,)."""
    runs = np.zeros(len(everything) + 1, dtype=np.int32)
    for move in _as_bytes(_moves(chords), 1):
        runs[1:] = np.where(everything == numbers.get(move, -1), runs[:-1] + 1, 0)
        yield runs[1:]


def _as_bytes(moves: np.ndarray, length: int) -> Iterator[bytes]:
    """Yield every run of so many moves as something that a dict can look up."""
    for start in range(len(moves) - length + 1):
        yield moves[start : start + length].tobytes()


def _sung(grid: np.ndarray) -> np.ndarray:
    """Let each chord last until the next one: a rest in all voices is rhythm, and rhythm does not count here."""
    sounds = grid.any(axis=1)
    first = int(sounds.argmax()) if len(grid) else 0
    return grid[np.maximum.accumulate(np.where(sounds, np.arange(len(grid)), first))]


def _moves(chords: np.ndarray) -> np.ndarray:
    """Describe each two neighbouring chords, so that a transposed copy reads the same.

    Returns
    -------
    int16 array (chords - 1, 2 voices)
        How far each voice of both lies from the highest that sings in the first one. Where a voice is silent a number stands
        that no interval has.
    """
    chords = chords.astype(np.int16)
    before, after = chords[:-1], chords[1:]
    top = np.take_along_axis(before, (before > 0).argmax(axis=1)[:, None], axis=1)  # (chords - 1, 1)
    return np.concatenate([np.where(both > 0, both - top, 200) for both in (before, after)], axis=1)


def _times(grid: np.ndarray) -> list[float]:
    """Return when each chord begins, and when the last one ends, in quarter lengths of a grid of sixteenths."""
    return [step / 4 for step in (*change_steps(grid).tolist(), len(grid))]
