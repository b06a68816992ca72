"""Datasets: encoded pieces, split without leaking, moved through the keys, cut and stacked for training.

Three rules keep a measurement honest, and this module keeps all three. A piece is on one side of the split
with every window of it. Pieces that `duplicate_groups` finds to be the same melody, transposed or not, are on
the same side. And no window or batch row runs from one piece into the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from musiclab.encoding import END, FIRST_PITCH, FREE, METRES, ChoraleEncoding, Encoding, GridEncoding
from musiclab.melody import highest_line
from musiclab.score import Score

__all__ = [
    "Batches",
    "Piece",
    "Split",
    "VoiceBatches",
    "duplicate_groups",
    "encode_pieces",
    "parts_of",
    "split_pieces",
    "suits_a_melody_model",
    "transposed",
    "voice_ranges",
    "windows",
]


@dataclass(frozen=True)
class Piece:
    """One encoded piece: its tokens, without END, and its time signature."""

    tokens: np.ndarray
    time_signature: tuple[int, int] = (4, 4)


def encode_pieces(scores: Sequence[Score], encoding: Encoding) -> list[Piece]:
    """Encode each score."""
    return [Piece(encoding.encode(score), score.time_signature) for score in scores]


def suits_a_melody_model(score: Score, encoding: GridEncoding) -> bool:
    """Tell whether a tune is fit to learn from.

    It must lie on the grid without loss, be in one of the metres that the encoding tells apart, have 4 to 64
    bars and at most 768 steps, and three of four bars must begin with a note. The last rule leaves out songs
    in free or changing metre, whose bars are not where the time signature says.
    """
    losses = encoding.loss_report(score)
    on_grid = not (losses["lost"] or losses["onset moved"] or losses["duration changed"])
    if not on_grid or score.time_signature not in METRES:
        return False
    bar_lines = np.arange(0.0, score.duration, score.bar_length)
    in_bars = np.isin(bar_lines, score.notes["onset"]).mean() >= 0.75
    return bool(in_bars and 4 <= len(bar_lines) <= 64 and score.duration * encoding.steps_per_quarter <= 768)


# --- the split --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Split:
    """Which pieces are for training, validation and test: three sorted int arrays of piece numbers."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


def duplicate_groups(scores: Sequence[Score], *, length: int = 8, share: float = 0.4) -> np.ndarray:
    """Find pieces that are the same melody, transposed or not.

    The melody of a piece (its voice 0) is turned into intervals, which do not change under transposition,
    and every run of `length` intervals is taken as a fingerprint. Two pieces belong together if they share
    at least `share` of the fingerprints of the one that has fewer. Where there are chords or several voices,
    the skyline (the notes that lie highest when they begin, in whatever voice) is compared in the same way:
    it stays when the tracks are in another order or thrown together. A variant that repeats or adds notes in
    every phrase has other runs, and may be missed; so may one with a higher part above the melody, or with an
    accompaniment that is heard through its rests. Belonging together is passed on: if A goes with B and B with
    C, all three are one group.

    Returns
    -------
    int array (pieces,)
        Group number of each piece. A piece on its own is a group of one.

    Raises
    ------
    ValueError
        For a `length` below 1.
    """
    if length < 1:
        raise ValueError(f"length={length}: a fingerprint must have 1 interval or more.")
    if not len(scores):
        return np.zeros(0, dtype=int)
    groups = _Groups(len(scores))
    melodies = [score.notes["pitch"][score.notes["voice"] == 0] for score in scores]
    _join_alike(groups, melodies, length, share)
    lone = [_is_one_line(score) for score in scores]
    if not all(lone):
        skylines = [m if one else _skyline(score) for m, one, score in zip(melodies, lone, scores, strict=True)]
        _join_alike(groups, skylines, length, share)
    return groups.numbers()


def _is_one_line(score: Score) -> bool:
    """Tell whether there is but voice 0, and in it one note at a time: then the skyline is all there is."""
    onset, end = score.notes["onset"], score.notes["onset"] + score.notes["duration"]
    return bool((score.notes["voice"] == 0).all() and (onset[1:] >= end[:-1] - 1e-6).all())


def _skyline(score: Score) -> np.ndarray:
    return np.array([row[2] for row in highest_line(score)], dtype=np.uint8)


def _join_alike(groups: _Groups, melodies: Sequence[np.ndarray], length: int, share: float) -> None:
    """Join the pieces whose melodies, each an array of pitches, are alike."""
    runs, owners = _fingerprints(melodies, length)
    sizes = np.bincount(owners)  # (pieces,): how many fingerprints each has
    by_piece = np.argsort(owners, kind="stable")  # the places of piece 0 in the two arrays, then those of piece 1, …
    first: dict[bytes, int] = {}
    for piece, places in enumerate(np.split(by_piece, np.cumsum(sizes)[:-1])):
        # The very same melody counts, in however many pieces it is found.
        groups.join(first.setdefault(runs[places].tobytes(), piece), piece)
    for a, b, shared in _in_common(runs, owners, by_piece):
        alike = shared >= share * np.minimum(sizes[a], sizes[b])
        for one, other in zip(a[alike].tolist(), b[alike].tolist(), strict=True):
            groups.join(one, other)


def _fingerprints(melodies: Sequence[np.ndarray], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Number every run of `length` melodic intervals; the whole melody where it is shorter than that.

    Returns
    -------
    runs, owners : int arrays (n,)
        A run and a piece that has it: each such pair once, sorted by run and then by piece.
    """
    nothing = np.full(length, -128, dtype=np.int8)  # is no interval; parts the pieces, and fills up what is too short
    intervals = [np.diff(melody.astype(np.int8)) for melody in melodies]
    row = np.concatenate([part for melody in intervals for part in (melody, nothing)])
    sizes = np.array([len(melody) for melody in intervals]) + length
    begun = np.lib.stride_tricks.sliding_window_view(row, length)  # (intervals, length): the run that begins at each
    kept = (begun[:, 0] != -128) & (begun[:, -1] != -128)
    kept[np.cumsum(sizes) - sizes] = True  # each piece has at least one
    owners = np.repeat(np.arange(len(melodies)), sizes)[: len(kept)][kept]
    # Eight intervals are one number, for numbers are quick to sort.
    padded = np.zeros((len(owners), -(-length // 8) * 8), dtype=np.int8)
    padded[:, :length] = begun[kept]
    numbers = padded.view(np.int64)
    order = np.lexsort(numbers.T)  # leaves equal runs in the order of their pieces
    numbers, owners = numbers[order], owners[order]
    another = np.append(True, (numbers[1:] != numbers[:-1]).any(axis=1))
    once = another | np.append(True, owners[1:] != owners[:-1])
    return np.cumsum(another)[once], owners[once]


def _in_common(runs: np.ndarray, owners: np.ndarray, by_piece: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Count what any two pieces share, from what `_fingerprints` returned and the order that sorts it by piece.

    Yields
    ------
    a, b, shared : int arrays (pairs,)
        Two pieces, a < b, that have at least one run in common, and how many they have in common. Every pair comes
        once. They come for a thousand a at a time, for in a large corpus there are far more pairs than pieces.
    """
    telling = np.bincount(runs)[runs] <= 100  # a turn of phrase found in more pieces than that tells nothing about any two
    pieces = int(owners.max()) + 1
    by_piece = by_piece[telling[by_piece]]
    for first in np.split(by_piece, np.searchsorted(owners[by_piece], range(1000, pieces, 1000))):
        # The owners of a run stand side by side: each is paired with the next one, then with the one after that, and so on.
        pairs = []
        for apart in range(1, 100):
            first = first[first < len(runs) - apart]
            first = first[runs[first] == runs[first + apart]]
            pairs.append(owners[first] * pieces + owners[first + apart])
        numbers, shared = np.unique(np.concatenate(pairs), return_counts=True)
        yield *np.divmod(numbers, pieces), shared


class _Groups:
    """Sets that can be joined (union-find)."""

    def __init__(self, count: int) -> None:
        self.parent = list(range(count))

    def root(self, item: int) -> int:
        while self.parent[item] != item:
            self.parent[item] = self.parent[self.parent[item]]  # halve the path on the way up
            item = self.parent[item]
        return item

    def join(self, a: int, b: int) -> None:
        self.parent[max(self.root(a), self.root(b))] = min(self.root(a), self.root(b))

    def numbers(self) -> np.ndarray:
        roots = [self.root(item) for item in range(len(self.parent))]
        return np.unique(roots, return_inverse=True)[1]


def split_pieces(scores: Sequence[Score], *, valid: float = 0.1, test: float = 0.1, seed: int = 0) -> Split:
    """Split by piece, with near-duplicates on the same side.

    Parameters
    ----------
    valid, test : float
        Share of the pieces wanted on each of the two held-out sides. With few pieces, each side that is
        wanted gets at least one group as long as one is left for training.
    seed : int
        The same scores and seed give the same split.

    Raises
    ------
    ValueError
        If the shares leave nothing to train on, or there are fewer groups than sides.
    """
    if min(valid, test) < 0 or valid + test >= 1:
        raise ValueError(f"valid={valid} and test={test} must be 0 or more and leave something to train on.")
    groups = duplicate_groups(scores)
    order = np.random.default_rng(seed).permutation(groups.max(initial=-1) + 1)
    sides = 1 + (valid > 0) + (test > 0)
    if len(order) < sides:
        raise ValueError(f"{len(scores)} pieces form {len(order)} groups of different melodies; a split needs at least {sides}.")
    sizes = np.bincount(groups)[order]  # pieces in each group, in drawing order
    drawn = np.cumsum(sizes) - sizes / 2  # where the middle of each group falls
    side = np.where(drawn < test * len(scores), 2, np.where(drawn < (test + valid) * len(scores), 1, 0))
    if test > 0:
        side[0] = 2
    if not (side == 0).any():
        side[-1] = 0
    if valid > 0 and not (side == 1).any():
        side[int(test > 0)] = 1
    by_piece = side[np.argsort(order)][groups]
    return Split(*(np.flatnonzero(by_piece == number) for number in (0, 1, 2)))


# --- windows: the original recipe -------------------------------------------------------------------


def windows(pieces: Sequence[Piece], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut every run of `length` tokens, with the token that follows it. No window crosses two pieces.

    Returns
    -------
    inputs : int32 array (windows, length)
    targets : int32 array (windows,)
    """
    inputs, targets = [np.zeros((0, length), dtype=np.int32)], [np.zeros(0, dtype=np.int32)]
    for piece in pieces:
        if len(piece.tokens) > length:
            runs = np.lib.stride_tricks.sliding_window_view(piece.tokens, length + 1)  # (windows, length + 1)
            inputs.append(runs[:, :-1])
            targets.append(runs[:, -1])
    return np.concatenate(inputs), np.concatenate(targets)


# --- batches: whole pieces --------------------------------------------------------------------------


def parts_of(score: Score, bars: int) -> list[Score]:
    """Cut a score at every so many bars. A remainder of less than a quarter of that is left out."""
    length = bars * score.bar_length
    starts = np.arange(0, score.duration, length)
    parts = [score.slice(start, min(start + length, score.duration)) for start in starts if score.duration - start >= length / 4]
    return [part for part in parts if len(part)]


def transposed(piece: Piece, encoding: Encoding, semitones: int) -> Piece:
    """Return the piece moved by `semitones`."""
    return Piece(encoding.transpose(piece.tokens, semitones), piece.time_signature) if semitones else piece


class Batches:
    """Whole pieces in batches, each row one piece from its first token to its END.

    Pieces of similar length share a batch, so that little of it is padding. The order, and how far each
    piece is transposed, depend on `seed` and the number of the epoch alone: epoch 7 is the same epoch 7
    after an interruption.

    Parameters
    ----------
    pieces : sequence of Piece
    encoding : Encoding
    batch_size : int
        Pieces in a batch.
    semitones : (int, int)
        Each epoch moves each piece by a random number of semitones between these two, both included.
    shuffle : bool
        False keeps the pieces sorted by length: for validation, where order does not matter.
    """

    def __init__(
        self,
        pieces: Sequence[Piece],
        encoding: Encoding,
        *,
        batch_size: int = 32,
        semitones: tuple[int, int] = (0, 0),
        shuffle: bool = True,
        seed: int = 0,
    ) -> None:
        if not pieces:
            raise ValueError("there is no piece to make batches of.")
        for number, piece in enumerate(pieces):  # said now, and not in the middle of an epoch
            for shift in semitones:
                try:
                    transposed(piece, encoding, shift)
                except ValueError as error:
                    raise ValueError(f"piece {number} cannot be moved by {shift} semitones: {error}") from None
        self.pieces, self.encoding, self.batch_size = list(pieces), encoding, batch_size
        self.semitones, self.shuffle, self.seed = semitones, shuffle, seed
        self.lengths = np.array([len(piece.tokens) for piece in pieces])

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return -(-len(self.pieces) // self.batch_size)

    @property
    def steps(self) -> int:
        """Number of targets in an epoch: every token, and an END for each piece."""
        return int(self.lengths.sum()) + len(self.pieces)

    def epoch(self, number: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield the batches of epoch `number`.

        Yields
        ------
        inputs : int32 array (pieces, steps, columns)
        targets : int32 array (pieces, steps)
        weights : float32 array (pieces, steps)
            1 where there is a target, 0 on padding.
        """
        rng = np.random.default_rng([self.seed, number])
        shifts = rng.integers(self.semitones[0], self.semitones[1] + 1, size=len(self.pieces))
        for members in self._order(rng):
            yield self._stack([transposed(self.pieces[i], self.encoding, int(shifts[i])) for i in members])

    def _order(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Group piece numbers into batches of similar length."""
        if not self.shuffle:
            order = np.argsort(self.lengths, kind="stable")
            return [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        # Sorting by a length that is blurred by a twentieth mixes the batches anew in each epoch.
        order = np.argsort(self.lengths * rng.uniform(0.95, 1.05, len(self.lengths)))
        batches = [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        return [batches[i] for i in rng.permutation(len(batches))]

    def _stack(self, pieces: list[Piece]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = [self.encoding.inputs(piece.tokens, piece.time_signature) for piece in pieces]
        # Lengths are rounded up to a multiple of 16, so that few shapes have to be compiled.
        steps = -(-max(len(row) for row in rows) // 16) * 16
        inputs = np.zeros((len(rows), steps, rows[0].shape[1]), dtype=np.int32)  # (pieces, steps, columns)
        targets = np.full((len(rows), steps, *pieces[0].tokens.shape[1:]), END, dtype=np.int32)
        weights = np.zeros((len(rows), steps), dtype=np.float32)
        for i, (row, piece) in enumerate(zip(rows, pieces, strict=True)):
            inputs[i, : len(row)] = row
            targets[i, : len(piece.tokens)] = piece.tokens  # the step after the last token keeps END
            weights[i, : len(row)] = 1.0
        return inputs, targets, weights


class VoiceBatches(Batches):
    """Batches for `models.chorale_model`: pieces of several voices.

    They differ from `Batches` in two ways. Each piece is moved only as far as all its voices stay within their
    `ranges`: a choir has a range, and outside of it music sounds and is written otherwise. And a model is told the
    tokens of the step itself, for each voice hears those above it.

    Parameters
    ----------
    pieces, encoding, batch_size, shuffle, seed
        As for `Batches`.
    ranges : int array (voices, 2), optional
        Lowest and highest pitch of each voice, from `voice_ranges`. Left out, no piece is moved.
    untold : float
        Share of the pieces, others in each epoch, of which a model is not told what character is wanted
        (`CharacterEncoding`), so that it can also write when nothing is asked for.
    """

    def __init__(
        self,
        pieces: Sequence[Piece],
        encoding: ChoraleEncoding,
        *,
        batch_size: int = 8,
        ranges: np.ndarray | None = None,
        untold: float = 0.0,
        shuffle: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__(pieces, encoding, batch_size=batch_size, shuffle=shuffle, seed=seed)
        self.untold = untold
        self.shifts = [[0] if ranges is None else _shifts_within(piece, encoding, ranges) for piece in self.pieces]
        self._rows: dict[tuple[int, int], np.ndarray] = {}  # what was told of a piece in a key: slow to find, and asked for again

    @property
    def steps(self) -> int:
        """Number of targets in an epoch: a token for each voice and step, and an END for each piece."""
        return int(self.lengths.sum()) * self.encoding.voices + len(self.pieces)

    def epoch(self, number: int = 0) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]]:
        """Yield the batches of epoch `number`.

        Yields
        ------
        inputs : dict of int32 arrays
            ``past`` (pieces, steps, columns) and ``now`` (pieces, steps, voices).
        targets : int32 array (pieces, steps, voices)
        weights : float32 array (pieces, steps, voices)
            1 where there is a target. The end of a piece is the highest voice's.
        """
        rng = np.random.default_rng([self.seed, number])
        shifts = [int(rng.choice(shifts)) for shifts in self.shifts]
        for members in self._order(rng):
            inputs, targets, weights = self._voices([(int(i), shifts[i]) for i in members])
            if self.untold:
                untold = rng.random(len(members)) < self.untold
                for wish in self.encoding.wishes:
                    inputs["past"][untold, :, self.encoding.places[f"wanted {wish}"]] = FREE
            yield inputs, targets, weights

    def _voices(self, members: list[tuple[int, int]]) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        voices = self.encoding.voices
        steps = -(-max(self.lengths[i] + 1 for i, _ in members) // 16) * 16
        past = np.zeros((len(members), steps, len(self.encoding.input_sizes)), dtype=np.int32)
        targets = np.full((len(members), steps, voices), END, dtype=np.int32)
        weights = np.zeros((len(members), steps, voices), dtype=np.float32)
        for row, (i, shift) in enumerate(members):
            length, tokens = int(self.lengths[i]), self.encoding.transpose(self.pieces[i].tokens, shift)
            if (i, shift) not in self._rows:
                self._rows[i, shift] = self.encoding.inputs(tokens, self.pieces[i].time_signature).astype(np.int16)
            past[row, : length + 1] = self._rows[i, shift]
            targets[row, :length] = tokens
            weights[row, :length] = 1.0
            weights[row, length, 0] = 1.0
        return {"past": past, "now": targets}, targets, weights


def voice_ranges(pieces: Sequence[Piece], encoding: ChoraleEncoding) -> np.ndarray:
    """Return the lowest and the highest pitch that each voice has in these pieces: int array (voices, 2)."""
    tokens = np.concatenate([piece.tokens for piece in pieces])  # (all steps, voices)
    pitches = np.where(tokens >= FIRST_PITCH, tokens - FIRST_PITCH + encoding.lowest, -1)
    return np.stack([np.where(pitches < 0, 128, pitches).min(axis=0), pitches.max(axis=0)], axis=1)


def _shifts_within(piece: Piece, encoding: ChoraleEncoding, ranges: np.ndarray) -> list[int]:
    """List by how many semitones, an octave at most, a piece can be moved while every voice stays in its range. 0 is one."""
    own = voice_ranges([piece], encoding)
    sings = own[:, 0] <= own[:, 1]
    down, up = (ranges[sings, 0] - own[sings, 0]).max(initial=-12), (ranges[sings, 1] - own[sings, 1]).min(initial=12)
    return sorted({0, *range(int(down), int(up) + 1)})
