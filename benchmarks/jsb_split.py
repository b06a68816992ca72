"""Which of music21's chorales are in the training, validation and test part of the usual split of Bach's chorales.

    python benchmarks/jsb_split.py PATH

PATH is Jsb16thSeparated.npz of czhuang/JSB-Chorales-dataset: 382 chorales on the grid of sixteenths, in the split of
Boulanger-Lewandowski et al. (2012), without names. The script finds them by their notes among the chorales of
`load_corpus("bach-chorales")`, prints what it found, and writes data/chorale_split.csv. It takes ten seconds on one core.

Two pieces are laid upon each other in every transposition and at every shift in time; the three best shifts stand for
repeats that one of them writes out. Their agreement is the share of the steps of all voices that sound alike, of one
piece or of the other, whichever is larger.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from musiclab.corpus import load_corpus
from musiclab.encoding import FIRST_PITCH, HOLD, GridEncoding

TABLE = Path(__file__).resolve().parent.parent / "data" / "chorale_split.csv"
SPLITS = ("train", "valid", "test")

# The histogram that the script prints has a gap, 0.80 to 0.85: below it lie other settings of a melody.
SAME = 0.85
NEAR = 0.6  # of the four voices of a piece that is not found, and one that is held out: a varied setting
NEAR_SOPRANO = 0.8  # of their sopranos alone: the same melody
PASSAGE = 32  # steps, two bars of 4/4: no piece to train on shares so many, in four voices, with one held out

SILENCE = -1
SHIFTS = 3  # how many shifts may share in one alignment
BLOCK = 16  # steps for which one shift is chosen
CYCLE = 2048  # longer than two pieces together
WHEEL = 2 * np.pi * 3 / 11.3  # see `spectra`
PROMISING = 0.4  # a first, quick agreement, from which on a pair is looked at more closely

Grid = np.ndarray  # int16 (steps, voices): the pitch that sounds in each step, or SILENCE


# --- grids ------------------------------------------------------------------------------------------


def trimmed(grid: Grid) -> Grid:
    """Cut off the silence before the first note and after the last."""
    sounding = np.flatnonzero((grid != SILENCE).any(axis=1))
    return grid[sounding[0] : sounding[-1] + 1]


def canonical_grids(path: Path) -> tuple[list[Grid], np.ndarray]:
    """Read the file: the pieces, and for each the number of its split in `SPLITS`."""
    with np.load(path, allow_pickle=True, encoding="latin1") as file:
        parts = [[trimmed(np.where(np.isnan(piece), SILENCE, piece).astype(np.int16)) for piece in file[s]] for s in SPLITS]
    return [piece for part in parts for piece in part], np.repeat(range(len(SPLITS)), [len(part) for part in parts])


def grid_of(tokens: np.ndarray) -> Grid:
    """Turn the tokens of a `GridEncoding` of four voices into the pitches that sound."""
    steps = np.arange(len(tokens))[:, None]
    struck = np.maximum.accumulate(np.where(tokens == HOLD, 0, steps), axis=0)  # the step in which what sounds began
    tokens = np.take_along_axis(tokens, struck, axis=0)
    return trimmed(np.where(tokens < FIRST_PITCH, SILENCE, tokens - FIRST_PITCH).astype(np.int16))


# --- agreement --------------------------------------------------------------------------------------


def spectra(grids: Sequence[Grid]) -> np.ndarray:
    """Turn pieces into spectra: complex64 array (pieces, voices, CYCLE).

    A pitch becomes a point on the unit circle. Transposing a piece turns all its points by one angle, so the absolute
    value of a correlation of two pieces does not depend on transposition, and one transform gives it for every shift.
    """
    points = np.zeros((len(grids), grids[0].shape[1], CYCLE), dtype=np.complex64)
    for row, grid in zip(points, grids, strict=True):
        row[:, : len(grid)] = np.where(grid != SILENCE, np.exp(1j * WHEEL * grid), 0).T
    return np.fft.fft(points).astype(np.complex64)


def correlations(one: np.ndarray, many: np.ndarray) -> np.ndarray:
    """Correlate one spectrum with many: float array (pieces, CYCLE), by shift."""
    return np.abs(np.fft.ifft(np.einsum("vn,bvn->bn", one, many.conj())))


def best_shifts(correlation: np.ndarray) -> list[int]:
    """Return the shifts of the `SHIFTS` highest peaks: the later the first piece lies in time, the higher."""
    left, shifts = correlation.copy(), []
    for _ in range(SHIFTS):
        peak = int(left.argmax())
        shifts.append(peak if peak < CYCLE // 2 else peak - CYCLE)
        left[np.arange(peak - 3, peak + 4) % CYCLE] = (
            0  # its neighbours, high because notes are held; a quarter away may be a rest more
        )
    return shifts


def covered(grid: Grid, other: Grid, shifts: Sequence[int]) -> float:
    """Return the share of a piece's sounding steps, in all voices, in which the other one sounds alike.

    For each block of steps the best of the shifts counts; the transposition is that of the first shift.
    """
    alike, transposition = [], None
    for shift in shifts:
        start, stop = max(0, shift), min(len(grid), len(other) + shift)
        if start >= stop:
            continue
        mine, theirs = grid[start:stop], other[start - shift : stop - shift]
        both = (mine != SILENCE) & (theirs != SILENCE)
        if transposition is None:
            differences, counts = np.unique((mine - theirs)[both], return_counts=True)
            transposition = differences[counts.argmax()] if len(counts) else 0
        row = np.zeros(-(-len(grid) // BLOCK) * BLOCK, dtype=int)
        row[start:stop] = (both & (mine - theirs == transposition)).sum(axis=1)
        alike.append(row.reshape(-1, BLOCK).sum(axis=1))
    return float(np.max(alike, axis=0).sum() / (grid != SILENCE).sum())


def promising(correlation: np.ndarray, grids: Sequence[Grid], others: Sequence[Grid]) -> np.ndarray:
    """Choose the pairs to be looked at closely: all that may agree well, and the best three of each piece."""
    sounding, theirs = ([(g != SILENCE).sum() for g in pieces] for pieces in (grids, others))
    share = correlation / np.minimum.outer(sounding, theirs)  # (grids, others)
    chosen = share >= PROMISING
    for axis in (0, 1):
        best = np.argsort(-share, axis=axis)
        np.put_along_axis(chosen, np.take(best, range(min(3, share.shape[axis])), axis=axis), True, axis=axis)
    return chosen


def agreements(grids: Sequence[Grid], others: Sequence[Grid]) -> np.ndarray:
    """Return how well each pair of pieces agrees: float array (grids, others), 0 for pairs that surely do not."""
    ours, theirs = spectra(grids), spectra(others)
    highest = np.array([correlations(one, theirs).max(axis=1) for one in ours])
    result = np.zeros(highest.shape)
    for i, chosen in enumerate(promising(highest, grids, others)):
        columns = np.flatnonzero(chosen)
        for j, correlation in zip(columns, correlations(ours[i], theirs[columns]), strict=True):
            shifts = best_shifts(correlation)
            back = [-shift for shift in shifts]
            result[i, j] = max(covered(grids[i], others[j], shifts), covered(others[j], grids[i], back))
    return result


def passages(grid: Grid) -> set[bytes]:
    """Return every passage of `PASSAGE` steps of a piece, whatever its transposition."""
    found = set()
    for start in range(len(grid) - PASSAGE + 1):
        window = grid[start : start + PASSAGE]
        pitches = window[window != SILENCE]
        if len(pitches):
            found.add(np.where(window == SILENCE, 127, window - pitches[0]).astype(np.int8).tobytes())
    return found


# --- classes ----------------------------------------------------------------------------------------


def classes(canonical: Sequence[Grid], split: np.ndarray, ours: Sequence[Grid], agreement: np.ndarray) -> list[str]:
    """Give each of our pieces its class: one of `SPLITS`, "near" or "unmatched".

    Parameters
    ----------
    canonical, ours : sequences of grids
    split : int array (canonical,)
        The number of each canonical piece's split.
    agreement : float array (canonical, ours)
    """
    same = agreement >= SAME
    # A piece that is found in several parts counts to the one that must not be trained on.
    number = np.where(same, split[:, None], -1).max(axis=0)  # (ours,)
    held = [g for g, s in zip(canonical, split, strict=True) if s > 0] + [g for g, n in zip(ours, number, strict=True) if n > 0]
    quoted = set().union(*(passages(grid) for grid in held))
    quoting = np.array([bool(passages(grid) & quoted) for grid in ours])
    lost = np.flatnonzero(number < 0)
    alike = (agreements(held, [ours[j] for j in lost]) >= NEAR).any(axis=0)
    alike |= (agreements([g[:, :1] for g in held], [ours[j][:, :1] for j in lost]) >= NEAR_SOPRANO).any(axis=0)
    near = quoting & (number <= 0)
    near[lost[alike]] = True
    return ["near" if n else SPLITS[k] if k >= 0 else "unmatched" for n, k in zip(near, number, strict=True)]


def best_agreements(agreement: np.ndarray, split: np.ndarray, names: Sequence[str]) -> list[float]:
    """Return each of our pieces' best agreement with a canonical one: of its own split, if it has one."""
    parts = np.array(SPLITS)[split]
    return [float(column[(parts == name) | (name not in SPLITS)].max()) for column, name in zip(agreement.T, names, strict=True)]


def report(agreement: np.ndarray, split: np.ndarray, names: Sequence[str]) -> None:
    """Print the shares that were found, the classes, and the histogram behind `SAME`."""
    best = agreement.max(axis=1)
    for number, name in enumerate(SPLITS):
        part = best[split == number]
        print(f"{name}: {(part >= SAME).sum()} of {len(part)} pieces found ({(part >= SAME).mean():.1%})")
    print("classes:", ", ".join(f"{name} {count}" for name, count in Counter(names).most_common()))
    edges = np.round(np.arange(0, 1.06, 0.05), 2)  # the last bin holds 1 alone
    counts, all_pairs = np.histogram(best, edges)[0], np.histogram(agreement[agreement > 0], edges)[0]
    print("best agreement from   canonical pieces   all pairs looked at")
    for edge, count, pairs in zip(edges, counts, all_pairs, strict=False):
        print(f"{edge:19.2f} {count:18d} {pairs:21d}")


def same_melody(canonical: Sequence[Grid], split: np.ndarray, ours: Sequence[Grid], names: Sequence[str]) -> int:
    """Count our training pieces whose soprano is that of a piece held out, whatever the harmony."""
    held = [grid[:, :1] for grid, number in zip(canonical, split, strict=True) if number > 0]
    trained = [grid[:, :1] for grid, name in zip(ours, names, strict=True) if name == "train"]
    return int((agreements(held, trained) >= NEAR_SOPRANO).any(axis=0).sum())


def main() -> None:
    """Match, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, metavar="PATH", help="Jsb16thSeparated.npz")
    canonical, split = canonical_grids(parser.parse_args().path)
    corpus = load_corpus("bach-chorales")
    ours = [grid_of(GridEncoding(voices=4).encode(score)) for score in corpus]
    agreement = agreements(canonical, ours)
    names = classes(canonical, split, ours, agreement)
    report(agreement, split, names)
    print(f"train, with the soprano of a piece held out: {same_melody(canonical, split, ours, names)}")
    rows = sorted(zip(corpus.sources, names, best_agreements(agreement, split, names), strict=True))
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("source", "split", "agreement"))
        writer.writerows((source, name, f"{value:.3f}") for source, name, value in rows)


if __name__ == "__main__":
    main()
