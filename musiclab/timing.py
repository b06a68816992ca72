"""Timing: a free performance, brought to a grid.

Who plays without a metronome gives a recording in which no note lies on a beat, for the file's beats are those of a clock.
`align` looks for the player's own beats and writes every note where it lies between them. It works on the onsets alone, with
a model of what a player does:

- beats come one after the other, each nearly as long as the one before (a random walk of the logarithm of its length);
- a beat is divided in four or in three; notes begin at the divisions, more often at some than at others, a little early or
  late (normally distributed); there are so many notes in a beat on average (a Poisson process).

The most probable row of beats is found exactly, by dynamic programming: a state is a moment and the length of the beat that
ends there. Models of this kind, with the place in the beat and its length as hidden state, are those of Cemgil and Kappen
("Monte Carlo methods for tempo tracking and rhythm quantization", 2003) and of Whiteley, Cemgil and Godsill ("Bayesian
modelling of temporal structure in musical audio", ISMIR 2006).

What onsets cannot tell: whether a beat is written as a quarter or as an eighth, and where the bars begin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from musiclab.score import NOTE, Score

__all__ = ["Alignment", "align", "share_on_grid"]

CLOSE = 1 / 50  # of a quarter: so near to the grid counts as on it
EXACT = 1 / 480  # of a quarter, a tick of most files: so near to a fine grid, nobody plays
FEWEST = 16  # onsets, for beats to be found in them
MOST_SECONDS = 900.0
TOGETHER = 0.035  # seconds; a note that begins so soon after another is of the same chord

# What the search knows of players. Divisions of a beat: where notes begin, and how often. The end is the next beat.
DUPLE = (np.array([0, 1 / 4, 1 / 2, 3 / 4, 1]), np.array([0.5, 0.1, 0.3, 0.1, 0.5]))
TRIPLE = (np.array([0, 1 / 3, 2 / 3, 1]), np.array([0.5, 0.25, 0.25, 0.5]))
SHARES = np.log([0.85, 0.15])  # of the beats
NOTES = 1.7  # in a beat, on average
EARLY_OR_LATE = 0.028  # seconds, standard deviation
STRAY = 0.04  # share of notes that lie anywhere
CHANGE = 0.06  # standard deviation of the logarithm of a beat's length, from one beat to the next
USUAL = (0.6, 0.4)  # seconds of a beat, and standard deviation of the logarithm
FRAME = 0.01  # seconds; beats are searched among these moments
PERIODS = np.arange(30, 121)  # frames: the lengths that a beat may have, tempo 200 to 50

# When the answer is believed: it must come out again if each note is moved a little more.
TRIALS, NUDGE, AGREE = 3, 0.02, 0.9  # how often, by how many seconds (standard deviation), share of equal note distances
STRETCH = 150  # onsets that are tried again each time; of a longer piece, three stretches
MOST_OFF = 0.03  # seconds between notes and grid, root mean square


@dataclass(frozen=True)
class Alignment:
    """What `align` made of a score.

    Attributes
    ----------
    score : Score
        On the grid; the one that was given, if `kind` is "on the grid" or "declined".
    kind : str
        "on the grid": nothing had to be done. "near the grid": played to the file's own beat, and rounded. "free": the beats
        were found in the onsets. "declined": no honest grid was found.
    words : str
        What was done and by how much notes were moved, or why nothing was done.
    moved : float array (notes,)
        By how much the onset of each note was moved, in seconds at the score's tempo.
    beats : float array (beats,)
        Of a free performance, the moments of its beats in seconds; else empty.
    """

    score: Score
    kind: str
    words: str
    moved: np.ndarray
    beats: np.ndarray


def share_on_grid(score: Score, *steps_per_quarter: int, close: float = CLOSE) -> float:
    """Return the share of onsets, 0 to 1, that lie within `close` quarters of a grid, or of one of several; nan without notes."""
    onset = score.notes["onset"]
    off = [np.abs(onset * steps - np.rint(onset * steps)) / steps for steps in steps_per_quarter]
    return float((np.min(off, axis=0) <= close + 1e-9).mean()) if len(onset) else np.nan


def align(score: Score) -> Alignment:
    """Bring a performance to a grid of sixteenths and triplets, if that can be done honestly.

    A score of which nine notes in ten lie on 32nds or triplets, or exactly on a finer grid, comes back unchanged. Where notes
    lie *near* the grid, played to a click, they are rounded to it. Else the beats are looked for in the onsets. What is found is
    believed if notes lie within 30 ms of it (root mean square), and if it comes out again when each note is moved by some 20 ms:
    in nine of ten distances between notes, on average over three trials.

    The result of a free performance begins on a beat, which is called the beginning of a bar; where the bars really begin,
    onsets do not tell. A beat is written as a quarter; the composer may have written it as an eighth, a half or a dotted quarter.
    """
    if not len(score) or share_on_grid(score, 8, 6) >= 0.9 or share_on_grid(score, 16, 12, 20, 36, close=EXACT) >= 0.9:
        return _unchanged(score, "on the grid", "The notes lie on a grid; nothing was moved.")
    second = 60 / score.tempo  # seconds in a quarter
    chord = _chords(score.notes["onset"] * second)
    at = np.bincount(chord, score.notes["onset"] * second) / np.bincount(chord)  # (onsets,)
    if len(at) < FEWEST:
        return _declined(score, f"there are only {len(at)} onsets, too few to hear a beat in")
    angles = np.exp(2j * np.pi * score.notes["onset"][:, None] * [4, 6])
    if np.abs(angles.mean(axis=0)).max() >= 0.5:  # 1 if all lie on the grid, near 0 if they lie anywhere
        beats = np.arange(int(score.duration) + 2) * second
        return _written(score, chord, at, beats, "near the grid")
    if at[-1] - at[0] > MOST_SECONDS:
        return _declined(score, f"it lasts more than {MOST_SECONDS / 60:.0f} minutes; cut it with score.slice(start, end)")
    beats = _find_beats(at)
    places, _ = _settle(at, beats)
    off = float(np.sqrt(np.mean((at - np.interp(places, np.arange(len(beats)), beats)) ** 2)))
    if off > MOST_OFF:
        return _declined(score, f"the best beats found leave the notes {1000 * off:.0f} ms off, where 30 would be a player's")
    agreed = _agreement(at, places)
    if agreed < AGREE:
        words = "the beats found depend on hundredths of a second"
        return _declined(score, f"{words}: if each note is moved by some 20 ms, {100 * (1 - agreed):.0f} % come out otherwise")
    return _written(score, chord, at, beats, "free")


def _unchanged(score: Score, kind: str, words: str) -> Alignment:
    return Alignment(score, kind, words, np.zeros(len(score)), np.zeros(0))


def _declined(score: Score, reason: str) -> Alignment:
    return _unchanged(score, "declined", f"The notes lie on no grid, and none was made up: {reason}.")


def _chords(seconds: np.ndarray) -> np.ndarray:
    """Number the onsets; notes of a chord, which no player strikes at exactly one moment, share a number: int (notes,)."""
    return np.cumsum(np.diff(seconds, prepend=seconds[0]) > TOGETHER)


def _agreement(at: np.ndarray, places: np.ndarray) -> float:
    """Return in how many distances between notes the answer agrees with those for onsets moved a little."""
    rng = np.random.default_rng(0)
    shares = []
    for start in np.linspace(0, max(0, len(at) - STRETCH), TRIALS).astype(int):
        part = slice(start, start + STRETCH)
        nudged = np.sort(at[part] + rng.normal(0, NUDGE, len(at[part])))
        answer, other = np.diff(places[part]), np.diff(_settle(nudged, _find_beats(nudged))[0])
        # Whether a beat is called a quarter or an eighth does not matter here.
        shares.append(max(np.isclose(answer, other * ratio).mean() for ratio in (1, 2, 1 / 2, 3 / 2, 2 / 3, 3, 1 / 3)))
    return float(np.mean(shares))


def _written(score: Score, chord: np.ndarray, at: np.ndarray, beats: np.ndarray, kind: str) -> Alignment:
    """Write the notes where they lie between the beats."""
    places, triple = _settle(at, beats)
    second = 60 / score.tempo
    wanted = np.interp(places, np.arange(len(beats)), beats)  # (onsets,), seconds
    moved = score.notes["onset"] * second - wanted[chord]
    ends = (score.notes["onset"] + score.notes["duration"]) * second
    more = beats[-1] + np.diff(beats)[-1] * np.arange(1, 2 + int(np.ceil((ends.max() - beats[-1]) / np.diff(beats)[-1]).clip(0)))
    beat = np.interp(ends, np.append(beats, more), np.arange(len(beats) + len(more)))
    parts = np.where(np.append(triple, np.zeros(len(more) + 1, bool))[beat.astype(int)], 3, 4)  # divisions of the beat of the end
    lengths = np.maximum(np.rint(beat * parts) / parts - places[chord], 1 / parts)
    tempo = score.tempo
    if kind == "free":
        places = places - np.floor(places[0])
        tempo = round(60 / float(np.median(np.diff(beats))), 1)
    notes = np.zeros(len(score), NOTE)
    for name in ("pitch", "voice", "velocity"):
        notes[name] = score.notes[name]
    notes["onset"], notes["duration"] = np.round(places[chord], 9), np.round(lengths, 9)
    by = f"Notes were moved by {1000 * np.median(np.abs(moved)):.0f} ms (median), {1000 * np.abs(moved).max():.0f} ms at most."
    if kind == "free":
        slow, fast = np.percentile(60 / np.diff(beats), [5, 95])
        if round(slow) < round(fast):
            tempi = f"from {slow:.0f} to {fast:.0f} beats a minute"
        else:
            tempi = f"{fast:.0f} beats a minute"
        how = f"The notes lie on no grid. The beats were found in the onsets ({tempi})."
        by += " Where the bars begin is not known."
    else:
        how = "The notes lie near the file's own grid, as if played to a click, and were rounded to sixteenths and triplets."
    beats = beats if kind == "free" else np.zeros(0)
    return Alignment(replace(score, notes=notes, tempo=tempo), kind, f"{how} {by}", moved, beats)


# --- the model ------------------------------------------------------------------------------------------


def _density(phase: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Tell how likely notes begin at these places, 0 to 1, of beats of these lengths.

    Both arrays have the shape (n,). Returns the logarithms of densities a second, (2, n): for a duple and a triple beat.
    """
    rows = []
    for places, weights in (DUPLE, TRIPLE):
        off = (phase[:, None] - places) * np.reshape(seconds, (-1, 1)) / EARLY_OR_LATE
        peaks = np.exp(-0.5 * off**2) @ weights / (EARLY_OR_LATE * np.sqrt(2 * np.pi))
        rows.append(np.log(NOTES * ((1 - STRAY) * peaks + STRAY / seconds)))
    return np.stack(rows)


def _settle(at: np.ndarray, beats: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put onsets on divisions of given beats: places counted in beats, (onsets,), and which beats are triple, (beats - 1,)."""
    lengths = np.diff(beats)
    beat = np.clip(np.searchsorted(beats, at, side="right") - 1, 0, len(lengths) - 1)
    phase = (at - beats[beat]) / lengths[beat]
    density = _density(phase, lengths[beat])
    duple, triple = (np.bincount(beat, row, len(lengths)) for row in density)
    is_triple = triple + SHARES[1] > duple + SHARES[0]
    # In a piece where hardly another beat is triple, one that seems so is rather played unevenly; and the other way round.
    share = np.clip(is_triple[np.unique(beat)].mean(), 0.01, 0.99)
    is_triple = triple + np.log(share) > duple + np.log(1 - share)
    near = [places[np.abs(phase[:, None] - places).argmin(axis=1)] for places, _ in (DUPLE, TRIPLE)]
    return beat + np.where(is_triple[beat], near[1], near[0]), is_triple


def _find_beats(at: np.ndarray) -> np.ndarray:
    """Find the most probable beats for onsets (seconds): the moments of all beats from before the first to after the last."""
    longest, seconds = int(PERIODS[-1]), PERIODS * FRAME
    first = longest  # frame of the first onset: before it is room for a beat
    frame = (at - at[0]) / FRAME + first
    last = int(frame[-1])
    beat = _beat_scores(frame, last + 1)  # (frames, periods): of a beat that begins there
    beat -= np.log(seconds / USUAL[0]).astype(np.float32) ** 2 / (2 * USUAL[1] ** 2)
    step = np.log(seconds)[:, None] - np.log(seconds)
    step = (-0.5 * (step / CHANGE) ** 2 - 1).astype(np.float32)  # (from, to)
    best = np.full((last + 1 + longest, len(PERIODS)), -np.inf, np.float32)  # (moment, length of the beat that ends there)
    came = np.full(best.shape, -1, np.int16)  # from which length; -1: it is the first beat
    columns = np.arange(len(PERIODS))
    for now in range(last + 1):
        if now <= first:  # a piece may begin with any beat before the first onset
            best[now + PERIODS, columns] = beat[now]
            continue
        reached = best[now][:, None] + step
        source = reached.argmax(axis=0)
        best[now + PERIODS, columns] = reached[source, columns] + beat[now]
        came[now + PERIODS, columns] = source
    now, column = np.unravel_index(best[last + 1 :].argmax(), (longest, len(PERIODS)))
    now, moments = now + last + 1, []
    while column >= 0:
        moments.append(now)
        now, column = now - PERIODS[column], came[now, column]
    return at[0] + (np.array([now, *moments[::-1]]) - first) * FRAME


def _beat_scores(frame: np.ndarray, frames: int) -> np.ndarray:
    """Return how probable the onsets, counted in frames, make a beat from each frame on: log, float32 (frames, periods)."""
    scores = np.empty((frames, len(PERIODS)), np.float32)
    for column, period in enumerate(PERIODS):
        starts = np.floor(frame).astype(int)[:, None] - np.arange(period)  # (onsets, period): the beats that an onset lies in
        phase = ((frame[:, None] - starts) / period).ravel()
        density = _density(phase, np.full(phase.shape, period * FRAME))
        both = [np.bincount(starts.ravel().clip(0), row, frames)[:frames] for row in density]
        scores[:, column] = np.maximum(both[0] + SHARES[0], both[1] + SHARES[1]) - NOTES
    return scores
