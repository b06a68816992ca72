"""A partner for composing: it goes on from your phrase, answers it, varies bars, harmonises, and finds an ending.

Each request is put to a trained model in the same way. Many candidates are drawn side by side (`drawn`); those that do not
do what was asked are set aside; of the others the likeliest come first. The `Suggestion`s say how likely each is to the
model, how much of it lies in the key, and how long a run of notes it shares with tunes that are known: the likeliest music is
often the least original, so both figures stand beside each other.

What is asked for shapes what is drawn:

- `continue_phrase` begins where you stopped.
- `answer` is a *consequent* in the manner of call and response: as long as your phrase, in its rhythm, on new pitches, and
  closed on the tonic.
- `vary` writes bars anew between two that stay. A model that reads from left to right does not look ahead; so many bars are
  drawn and weighed with how likely each makes what follows (sampling-importance resampling, Rubin, 1988).
- `ending` looks for a close: a bar line with the tonic just before it, where the model, too, expects the end.
- `harmonise` writes three voices under the melody, as in lesson 08.

Music alone is handled here, no widgets. `Draft` is the piece in work, with undo and redo; `as_phrase` brings what was played
on a keyboard to the grid.
"""

from __future__ import annotations

import functools
import math
import numbers
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from musiclab import cores
from musiclab.bundle import Bundle, BundleError
from musiclab.encoding import END, FIRST_PITCH, HOLD, REST, GridEncoding
from musiclab.evaluation import Copy, hear, key_of
from musiclab.evaluation.copying import CopyIndex
from musiclab.files import MusicFileError, write_midi, write_musicxml
from musiclab.generation import generate_many
from musiclab.melody import extract_melody
from musiclab.sampling import check_controls, check_count, distribution, draw
from musiclab.score import DEFAULT_VELOCITY, Score
from musiclab.spelling import is_minor, key_signature
from musiclab.timing import Alignment, align

__all__ = [
    "Draft",
    "Drawn",
    "Suggestion",
    "answer",
    "as_phrase",
    "continue_phrase",
    "drawn",
    "ending",
    "harmonise",
    "key_name",
    "share_in_key",
    "tonic_of",
    "vary",
]

#: Candidates that are drawn for a request. Where more is asked of them, as for an ending, it is twice as many.
CANDIDATES = 48

#: A little below 1: the model's own notes, with fewer of its slips.
TEMPERATURE = 0.9

# An end is believed that the model expects with this probability. At bar lines in the middle of a tune it is nearly 0.
_EXPECTED = 0.1

# How much the model hears of what comes before the new music, in quarters: sixteen bars of 4/4. In a duet that goes on and on
# no turn costs more than another. On held-out tunes of 28 bars, hearing all would lower the surprise by a hundredth of a nat.
_HEARD = 64

_WRITERS = {".mid": write_midi, ".midi": write_midi, ".musicxml": write_musicxml, ".xml": write_musicxml}

# Players let go of a key before they press the next one. So short a silence, in quarters, is no rest.
_DETACHED = 0.5


# --- keys -----------------------------------------------------------------------------------------------


def key_name(score: Score) -> str:
    """Return the key of a score: what it says itself, or else the one that its notes fit best (`evaluation.key_of`)."""
    if key_signature(score.key) is not None:
        return str(score.key)
    tonic, mode = key_of(score)
    return str(Score([], key=f"C {mode}").transpose(tonic).key)


def tonic_of(key: str) -> int:
    """Return the pitch class of a key's tonic: 7 for "G minor". Raises ValueError for what is no key."""
    sharps = key_signature(key)
    if sharps is None:
        raise ValueError(f"key {key!r}: write tonic and mode, such as 'G major', 'F# minor' or 'B- major' (B flat).")
    # On the line of fifths a tonic lies as far from C as its signature lies from that of C in the same mode.
    return 7 * (sharps - key_signature(f"C {key.partition(' ')[2]}")) % 12


def share_in_key(score: Score, key: str) -> float:
    """Return the share of a score's notes that lie in a key's scale, 0 to 1; nan without a note.

    In minor and its relatives the raised sixth and seventh count as well: melodies use them on their way up.
    """
    if not len(score):
        return np.nan
    tonic, sharps = tonic_of(key), key_signature(key)
    inside = {7 * place % 12 for place in range(sharps - 1, sharps + 6)}
    if is_minor(key):
        inside |= {(tonic + 9) % 12, (tonic + 11) % 12}
    return float(np.isin(score.notes["pitch"] % 12, list(inside)).mean())


# --- suggestions ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Suggestion:
    """Something new for a piece, with what speaks for and against it.

    Attributes
    ----------
    piece : Score
        The whole piece with the suggestion in it.
    start, end : float
        From where to where it is new, in quarter lengths.
    nats : float
        How surprised the model is, in the mean over the steps from `start` to the end of the piece; of several voices, over
        steps and voices. Low is likely.
    key : str
    in_key : float
        The share of the new notes in this key, 0 to 1.
    copy : Copy or None
        The longest run of the new notes that a known tune has as well; None if no tunes were given to compare with.
    source : str
        Title of that tune.
    """

    piece: Score
    start: float
    end: float
    nats: float
    key: str
    in_key: float
    copy: Copy | None = None
    source: str = ""

    @property
    def new(self) -> Score:
        """The new music alone; its first moment is 0."""
        return self.piece.slice(self.start, self.end)

    @property
    def words(self) -> str:
        """All of it in a line."""
        found = f"{self.nats:.2f} nats a step; {self.in_key:.0%} in {self.key.replace('-', ' flat')}"
        if self.copy is None:
            return f"{found}; not compared with known tunes"
        if self.copy.chords < 2:
            return f"{found}; one pitch alone, which says nothing"
        whose = f'"{self.source}"' if self.source else "a tune without a title"
        return f"{found}; {self.copy.chords} in a row as in {whose}"


def continue_phrase(
    bundle: Bundle,
    piece: Score,
    bars: int = 4,
    *,
    index: CopyIndex | None = None,
    count: int = 4,
    candidates: int = CANDIDATES,
    temperature: float = TEMPERATURE,
    seed: int | None = None,
) -> list[Suggestion]:
    """Go on from where the piece stops, for so many bars; if it stops within a bar, that bar is filled, too.

    Parameters
    ----------
    bundle : Bundle
        One that writes a melody, such as ``load_bundle("melody")``.
    piece : Score
        Its voice 0 is what the model hears: one note at a time. Nothing in the piece is changed, but a last note that ends
        between two sixteenths loses what reaches over the nearest.
    bars : int
    index : CopyIndex, optional
        The tunes to compare with.
    count : int
        The most suggestions to return.
    candidates : int
        How many are drawn.
    temperature : float
        See `sampling.distribution`.
    seed : int, optional
        Same seed, same suggestions.

    Returns
    -------
    list of Suggestion
        The likeliest first. No two are alike.

    Raises
    ------
    ValueError
        If the piece has no notes, chords in voice 0, or a metre that the model was not trained on; or for a number outside its
        range. The message says what to do.
    TypeError
        For what is no bundle, score or whole number.
    BundleError
        For a bundle that writes no melody.
    """
    _check_request(bundle, piece, bars=bars, count=count, candidates=candidates)
    tokens = _heard(bundle, piece)
    bar, grid = piece.bar_length, bundle.encoding.steps_per_quarter
    start = len(tokens) / grid
    end = (math.ceil(start / bar - 1e-9) + bars) * bar
    given = _padded(tokens, round(end * grid), bundle.encoding.size)
    found = drawn(bundle, given, piece.time_signature, candidates, start=len(tokens), temperature=temperature, seed=seed)
    return _ranked(bundle, piece, found, [(row, start, end) for row in range(candidates)], index, count)


def answer(
    bundle: Bundle,
    piece: Score,
    phrase_start: float = 0.0,
    *,
    index: CopyIndex | None = None,
    count: int = 4,
    candidates: int = CANDIDATES,
    temperature: float = TEMPERATURE,
    seed: int | None = None,
) -> list[Suggestion]:
    """Answer the phrase with which the piece ends: in its rhythm and its key, on new pitches, closed on the tonic.

    The answer stands whole bars later than the phrase, as soon as the phrase is over, so that each of its notes falls on the
    same beat. The model chooses the pitches alone. Answers that do not end on the tonic are set aside.

    Parameters
    ----------
    phrase_start : float
        Where the phrase begins, in quarter lengths; what comes before it is heard, too, but not answered.
    bundle, piece, index, count, candidates, temperature, seed
        As for `continue_phrase`.

    Returns
    -------
    list of Suggestion
        The likeliest first; empty if no candidate closed on the tonic.

    Raises
    ------
    ValueError, BundleError
        As `continue_phrase` does; and ValueError if no note begins at or after `phrase_start`.
    """
    _check_request(bundle, piece, count=count, candidates=candidates)
    tokens = _heard(bundle, piece)
    encoding, grid = bundle.encoding, bundle.encoding.steps_per_quarter
    onsets = np.flatnonzero(tokens >= FIRST_PITCH)
    onsets = onsets[onsets >= round(phrase_start * grid)]
    if not len(onsets):
        raise ValueError(f"no note begins at or after {phrase_start:g} quarter lengths, so there is no phrase to answer.")
    bar = round(piece.bar_length * grid)
    later = math.ceil((len(tokens) - onsets[0]) / bar) * bar  # steps from a note of the phrase to its answer
    start, length = onsets[0] + later, len(tokens) - onsets[0]
    given = _padded(tokens, start, REST)
    given = _padded(given, start + length, encoding.size)
    rhythm = tokens[onsets[0] :]
    pitches = np.arange(encoding.size) >= FIRST_PITCH
    allowed = np.where((rhythm >= FIRST_PITCH)[:, None], pitches, np.arange(encoding.size) == rhythm[:, None])  # (length, size)
    found = drawn(
        bundle, given, piece.time_signature, candidates, start=start, allowed=allowed, temperature=temperature, seed=seed
    )
    tonic = tonic_of(key_name(piece))
    closed = [row for row in range(candidates) if _last_pitch(found.tokens[row]) % 12 == tonic]
    return _ranked(bundle, piece, found, [(row, start / grid, (start + length) / grid) for row in closed], index, count)


def vary(
    bundle: Bundle,
    piece: Score,
    first_bar: int,
    last_bar: int,
    *,
    index: CopyIndex | None = None,
    count: int = 4,
    candidates: int = 2 * CANDIDATES,
    temperature: float = TEMPERATURE,
    seed: int | None = None,
) -> list[Suggestion]:
    """Write some bars anew; what sounds in all others stays as it is.

    Of a piece of one voice, candidates for the bars are drawn from the left, and `count` of them are drawn once more, without
    replacement, each as likely as it makes what follows. A piece of several voices is varied in all of them, by the particle
    filter of `harmony`, and needs a bundle that writes several.

    Parameters
    ----------
    first_bar, last_bar : int
        Counted from 1, both included.
    bundle, piece, index, count, candidates, temperature, seed
        As for `continue_phrase`; `candidates` only counts for one voice.

    Returns
    -------
    list of Suggestion
        The likeliest first. None of them is what stood there before.

    Raises
    ------
    ValueError, BundleError
        As `continue_phrase` does; and ValueError for bars that the piece does not have.
    """
    _check_request(bundle, piece, first_bar=first_bar, last_bar=last_bar, count=count, candidates=candidates)
    if not len(piece):
        raise ValueError("there is no note to vary. Play or write a phrase first.")
    bar = piece.bar_length
    total = math.ceil(piece.duration / bar - 1e-9)
    if not 1 <= first_bar <= last_bar <= total:
        raise ValueError(f"bars {first_bar} to {last_bar}: the piece has bars 1 to {total}; give the first and the last of some.")
    start, end = (first_bar - 1) * bar, min(last_bar * bar, piece.duration)
    if len(piece.voices) > 1:
        return _varied_voices(bundle, piece, (start, end), index, count, temperature, seed)
    tokens = _heard(bundle, piece)
    grid, free = bundle.encoding.steps_per_quarter, bundle.encoding.size
    first, last = round(start * grid), min(round(end * grid), len(tokens))
    given = tokens.copy()
    if last < len(given) and given[last] == HOLD:  # its beginning goes; what is left of it begins after the bars
        begun = given[:last]
        given[last] = begun[begun >= FIRST_PITCH][-1]
    given[first:last] = free
    found = drawn(bundle, given, piece.time_signature, candidates, start=first, temperature=temperature, seed=seed)
    music, rows, times = np.unique(found.tokens[:, : last - first], axis=0, return_index=True, return_counts=True)
    new = (music != tokens[first:last]).any(axis=1)
    weights = (np.log(times) - found.nats[rows, last - first :].sum(axis=1))[new]
    # To draw without replacement in proportion to weights, add Gumbel noise to their logarithms and take the largest.
    noise = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,))).gumbel(size=len(weights))
    chosen = rows[new][np.argsort(-(weights + noise), kind="stable")][:count]
    return _ranked(bundle, piece, found, [(row, start, end) for row in chosen.tolist()], index, count)


def _varied_voices(
    bundle: Bundle,
    piece: Score,
    gap: tuple[float, float],
    index: CopyIndex | None,
    count: int,
    temperature: float,
    seed: int | None,
) -> list[Suggestion]:
    """Write the bars of a gap anew in all voices."""
    fixed = {voice: piece.voice(voice) for voice in piece.voices}
    gaps = {voice: (gap[0], min(gap[1], part.duration)) for voice, part in fixed.items() if part.duration > gap[0]}
    written = generate_many(bundle, count, fixed=fixed, gaps=gaps, temperature=temperature, seed=seed)
    pieces = [_spliced(piece, score, *gap) for score in written]
    return _weighed(bundle, [p for p in pieces if not _same_notes(p, piece)], gap, key_name(piece), index, count)


def ending(
    bundle: Bundle,
    piece: Score,
    bars: int = 8,
    *,
    index: CopyIndex | None = None,
    count: int = 4,
    candidates: int = 2 * CANDIDATES,
    temperature: float = TEMPERATURE,
    seed: int | None = None,
) -> list[Suggestion]:
    """Go on from where the piece stops and come to an end within so many bars.

    An end stands where a bar is full (or as full as an upbeat at the beginning leaves it), the last note is the tonic, and the
    model expects the piece to be over with a probability of at least 0.1. Of each candidate its likeliest end is taken, and
    what comes after it is left out. The surprise at the end counts as that of one more step.

    Parameters
    ----------
    bars : int
        Within how many bars to end, beside the one that the piece stops in.
    bundle, piece, index, count, candidates, temperature, seed
        As for `continue_phrase`.

    Returns
    -------
    list of Suggestion
        The likeliest first; empty if no candidate came to such an end.

    Raises
    ------
    ValueError, BundleError
        As `continue_phrase` does.
    """
    _check_request(bundle, piece, bars=bars, count=count, candidates=candidates)
    tokens = _heard(bundle, piece)
    grid = bundle.encoding.steps_per_quarter
    bar, first = round(piece.bar_length * grid), len(tokens)
    given = _padded(tokens, (math.ceil(first / bar) + bars) * bar, bundle.encoding.size)
    found = drawn(bundle, given, piece.time_signature, candidates, start=first, temperature=temperature, seed=seed)
    upbeat = int(np.argmax(tokens >= FIRST_PITCH)) % bar
    tonic = tonic_of(key_name(piece))
    places = [
        step for step in range(1, len(given) - first + 1) if (first + step - upbeat) % bar == 0 or (first + step) % bar == 0
    ]
    ends = []
    for row in range(candidates):
        closed = [step for step in places if _last_pitch(found.tokens[row, :step]) % 12 == tonic]
        step = max(closed, key=lambda step, row=row: -found.end_nats[row, step], default=None)
        if step is not None and found.end_nats[row, step] <= -math.log(_EXPECTED):
            ends.append((row, first / grid, (first + step) / grid))
    return _ranked(bundle, piece, found, ends, index, count, ends=True)


def harmonise(
    bundle: Bundle,
    piece: Score,
    *,
    index: CopyIndex | None = None,
    count: int = 3,
    temperature: float = 0.8,
    seed: int | None = None,
) -> list[Suggestion]:
    """Write three voices under the melody, which stays as it is.

    Parameters
    ----------
    bundle : Bundle
        One that writes several voices, such as ``load_bundle("chorale")``.
    piece : Score
        Its voice 0 is harmonised; if there are other voices, they are replaced.
    index : CopyIndex, optional
        Pieces of several voices to compare with.
    count, temperature, seed
        As for `continue_phrase`. As many as are returned are written.

    Raises
    ------
    ValueError
        For a melody that the model cannot harmonise: its metre, range or chords. The message says what to do.
    BundleError
        For a bundle that writes one voice.
    """
    _check_request(bundle, piece, count=count)
    melody = piece.voice(0)
    written = generate_many(bundle, count, fixed={0: melody}, temperature=temperature, seed=seed)
    velocity = _loudness(melody)
    pieces = []
    for score in written:
        lower = score.notes[score.notes["voice"] > 0].copy()
        lower["velocity"] = velocity
        pieces.append(replace(piece, notes=np.concatenate([melody.notes, lower])))
    return _weighed(bundle, pieces, (0.0, piece.duration), key_name(melody), index, count)


# --- drawing --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """Candidates, and what the model thought at each step from the first free one on.

    Attributes
    ----------
    tokens : int32 array (candidates, steps)
    nats : float array (candidates, steps)
        The surprise at each token, whether it was drawn or given.
    end_nats : float array (candidates, steps + 1)
        The surprise that an END would have been in place of each token, and after the last.
    """

    tokens: np.ndarray
    nats: np.ndarray
    end_nats: np.ndarray


def drawn(
    bundle: Bundle,
    given: np.ndarray,
    time_signature: tuple[int, int],
    count: int,
    *,
    start: int,
    allowed: np.ndarray | None = None,
    temperature: float = TEMPERATURE,
    seed: int | None = None,
) -> Drawn:
    """Draw many melodies side by side around what is given, from left to right.

    Unlike `generation.sample_many`, it lets tokens stand after those that are drawn, may be told what is allowed at each
    step, and keeps what the model thought. A melody does not end by itself.

    Parameters
    ----------
    bundle : Bundle
        One that writes a melody.
    given : int32 array (steps,)
        Tokens; `encoding.size` where the model is free.
    time_signature : (int, int)
    count : int
        How many melodies.
    start : int
        The first step that is returned. Of what comes before it the model hears the last 64 quarters, in full bars.
    allowed : bool array (steps - start, size), optional
        What may stand at each step, beside what the grammar forbids.
    temperature, seed
        As for `generation.generate`.

    Returns
    -------
    Drawn
        From `start` on.
    """
    check_count(count, seed)
    check_controls(temperature, None, None)
    draw_all = functools.partial(_draw_all, bundle, given, time_signature, count, start, allowed, temperature)
    return cores.in_parts(draw_all, [seed])[0]  # on one core: for such small products cores would wait for one another


def _draw_all(
    bundle: Bundle,
    given: np.ndarray,
    time_signature: tuple[int, int],
    count: int,
    start: int,
    allowed: np.ndarray | None,
    temperature: float,
    seed: int | None,
) -> Drawn:
    encoding = bundle.encoding
    bar = round(Score([], time_signature=time_signature).bar_length * encoding.steps_per_quarter)
    skipped = max(0, math.ceil((start - _HEARD * encoding.steps_per_quarter) / bar)) * bar
    model, context = bundle.streams(count), encoding.context(skipped, len(given) + 1, time_signature).tolist()
    given, start = given[skipped:], start - skipped
    numbers = np.random.default_rng(seed).random((len(given), count))
    grammar = encoding.allowed.copy()
    grammar[:, END] = False
    rows = np.arange(count)
    last = np.full(count, END)
    tokens = np.zeros((len(given) - start, count), dtype=np.int32)
    nats, end_nats = np.zeros(tokens.shape), np.zeros((len(tokens) + 1, count))
    for step, token in enumerate([*given.tolist(), END]):  # END only asks for what the model thinks after the last token
        log_p = model.step([last, *context[step]])
        now = step - start
        if now >= 0:
            end_nats[now] = -log_p[:, END]
        if step == len(given):
            break
        if token == encoding.size:
            # Where something new begins, the last given note is over.
            may = grammar[last] if step and given[step - 1] == encoding.size else grammar[last] & grammar[END]
            if allowed is not None:
                may = may & allowed[now]
            last = draw(distribution(log_p, temperature=temperature, allowed=may), numbers[step])
        else:
            last = np.full(count, token)
        if now >= 0:
            tokens[now], nats[now] = last, -log_p[rows, last]
    return Drawn(tokens.T, nats.T, end_nats.T)


def _check_request(bundle: Any, piece: Any, **whole: Any) -> None:
    """Raise TypeError unless there is a bundle and a score, TypeError or ValueError unless all others are 1, 2, 3 …"""
    if not isinstance(bundle, Bundle):
        raise TypeError(f"bundle={bundle!r}: the model must be a Bundle, such as load_bundle('melody').")
    _check_score(piece, "the piece must be")
    for name, value in whole.items():
        if not isinstance(value, numbers.Integral) or isinstance(value, bool):
            raise TypeError(f"{name}={value!r}: it must be a whole number, 1 or more.")
        if value < 1:
            raise ValueError(f"{name}={value}: it must be 1 or more.")


def _check_score(value: Any, what: str) -> None:
    """Raise TypeError for what is no Score, with where to find one."""
    if not isinstance(value, Score):
        inside = {Suggestion: ": suggestion.piece", Draft: ": draft.score"}.get(type(value), "")
        raise TypeError(f"{what} a Score, and this is a {type(value).__name__}{inside}.")


def _heard(bundle: Bundle, piece: Score) -> np.ndarray:
    """Return the tokens of a piece's melody, after a check that the model can hear it: int32 array (steps,)."""
    encoding = bundle.encoding
    if bundle.model["kind"] != "stream" or not isinstance(encoding, GridEncoding) or encoding.voices != 1:
        raise BundleError(f"the bundle {bundle.name!r} writes no melody step by step. Take load_bundle('melody').")
    melody = piece.voice(0)
    if not len(melody):
        raise ValueError("there is no note in voice 0 to go on from. Play or write a phrase first.")
    if lost := encoding.loss_report(melody)["lost"]:
        raise ValueError(
            f"{lost} of its notes cannot be heard: they lie in chords (take extract_melody(piece)) or follow each other faster"
            " than sixteenths (take GridEncoding().quantise(piece))."
        )
    known, metre = bundle.card.get("metres", []), "{}/{}".format(*piece.time_signature)
    if known and metre not in known:
        raise ValueError(f"the bundle {bundle.name!r} was not trained on music in {metre}; choose one of {', '.join(known)}.")
    return encoding.encode(melody)


def _padded(tokens: np.ndarray, length: int, value: int) -> np.ndarray:
    return np.concatenate([tokens, np.full(length - len(tokens), value, dtype=np.int32)])


def _last_pitch(tokens: np.ndarray) -> int:
    """Return the pitch of the last note among tokens, or -1 if none begins there."""
    begun = tokens[tokens >= FIRST_PITCH]
    return int(begun[-1]) - FIRST_PITCH if len(begun) else -1


# --- ranking --------------------------------------------------------------------------------------------


def _ranked(
    bundle: Bundle,
    piece: Score,
    found: Drawn,
    places: Sequence[tuple[int, float, float]],
    index: CopyIndex | None,
    count: int,
    *,
    ends: bool = False,
) -> list[Suggestion]:
    """Make suggestions of candidates, (row, from, to), the likeliest first, no two alike."""
    key, grid, suggestions, seen = key_name(piece), bundle.encoding.steps_per_quarter, [], set()
    first = round(places[0][1] * grid) if places else 0
    weighed = []
    for row, start, end in places:
        steps = round(end * grid) - first
        if ends:
            weighed.append(((found.nats[row, :steps].sum() + found.end_nats[row, steps]) / (steps + 1), row, start, end))
        else:
            weighed.append((found.nats[row].mean(), row, start, end))
    for nats, row, start, end in sorted(weighed):
        tokens = found.tokens[row, : round(end * grid) - first]
        if len(suggestions) == count or tokens.tobytes() in seen or not (tokens >= FIRST_PITCH).any():
            continue
        seen.add(tokens.tobytes())
        new = bundle.encoding.decode(tokens)
        whole = _spliced(piece, Score([(n[0] + start, n[1], *n.tolist()[2:]) for n in new.notes]), start, end)
        suggestions.append(_suggestion(whole, start, end, float(nats), key, index))
    return suggestions


def _weighed(
    bundle: Bundle, pieces: Sequence[Score], gap: tuple[float, float], key: str, index: CopyIndex | None, count: int
) -> list[Suggestion]:
    """Make suggestions of pieces in several voices, the likeliest first, no two alike."""
    step = round(gap[0] * bundle.encoding.steps_per_quarter)
    found = [float(heard.nats[step:].mean()) for heard in hear(bundle, pieces)]
    order = sorted(range(len(pieces)), key=lambda number: found[number])
    kept = [k for place, k in enumerate(order) if all(not _same_notes(pieces[k], pieces[j]) for j in order[:place])]
    return [_suggestion(pieces[k], *gap, found[k], key, index) for k in kept[:count]]


def _suggestion(piece: Score, start: float, end: float, nats: float, key: str, index: CopyIndex | None) -> Suggestion:
    new = piece.slice(start, end)
    copy = index.longest(new) if index is not None and len(new) else None
    source = index.titles[copy.piece].strip(' "') if copy is not None else ""
    return Suggestion(piece, start, end, nats, key, share_in_key(new, key), copy, source)


def _spliced(piece: Score, new: Score, start: float, end: float) -> Score:
    """Put what `new` has between two moments in the place of what the piece has there, in voice 0 and all voices of `new`.

    What is outside stays to the last bit, but a note that reaches over an edge is cut there.
    """
    notes = piece.notes
    concerned = np.isin(notes["voice"], [0, *new.voices])
    others, ends = notes[~concerned], notes["onset"] + notes["duration"]
    before = notes[concerned & (notes["onset"] < start)].copy()
    before["duration"] = np.minimum(before["duration"], start - before["onset"])
    late = concerned & (ends > end)
    after, over = notes[late].copy(), notes["onset"][late] < end
    after["duration"][over] = ends[late][over] - end
    after["onset"][over] = end
    inside = new.slice(start, end).notes.copy()
    inside["onset"] += start
    inside["velocity"] = _loudness(piece)
    return replace(piece, notes=np.concatenate([others, before, inside, after]))


def _loudness(score: Score) -> int:
    return round(float(score.notes["velocity"].mean())) if len(score) else DEFAULT_VELOCITY


def _same_notes(one: Score, other: Score) -> bool:
    fields = ["onset", "duration", "pitch", "voice"]
    return np.array_equal(one.notes[fields], other.notes[fields])


# --- the piece in work ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Draft:
    """A piece in work. It cannot be changed: each method returns another draft, and what was before can be had again.

    Attributes
    ----------
    score : Score or None
        The piece as it is now; None at the beginning.
    past, future : tuple of (Score or None)
        What `undo` and `redo` go back to; the nearest is the last.
    """

    score: Score | None = None
    past: tuple[Score | None, ...] = ()
    future: tuple[Score | None, ...] = ()

    def put(self, score: Score) -> Draft:
        """Return a draft with another score in it, such as the `piece` of a `Suggestion`. Raises TypeError for what is none."""
        _check_score(score, "a draft holds")
        return Draft(score, (*self.past, self.score))

    def add(self, phrase: Score) -> Draft:
        """Return a draft with a phrase after its end, at the first bar line at which no note of it falls on what is there.

        The key of the first phrase becomes that of the piece, so that it does not change from turn to turn. Raises ValueError if
        the phrase has no notes, or another metre than the piece, and TypeError for what is no score.
        """
        _check_score(phrase, "a draft holds")
        if not len(phrase):
            raise ValueError("the phrase has no notes.")
        if self.score is None:
            return self.put(replace(phrase, key=key_name(phrase)))
        if phrase.time_signature != self.score.time_signature:
            theirs, ours = ("{}/{}".format(*score.time_signature) for score in (phrase, self.score))
            raise ValueError(f"the phrase is in {theirs} and the piece in {ours}; play it in {ours}, or begin a new draft.")
        bar = self.score.bar_length
        bars = max(0, math.ceil((self.score.duration - float(phrase.notes["onset"][0])) / bar - 1e-9))
        notes = phrase.notes.copy()
        notes["onset"] += bars * bar
        return self.put(replace(self.score, notes=np.concatenate([self.score.notes, notes])))

    def undo(self) -> Draft:
        """Return the draft as it was before the last change. Raises ValueError if there was none."""
        if not self.past:
            raise ValueError("there is nothing to undo.")
        return Draft(self.past[-1], self.past[:-1], (*self.future, self.score))

    def redo(self) -> Draft:
        """Return the draft as it was before the last `undo`. Raises ValueError if there is nothing to bring back."""
        if not self.future:
            raise ValueError("there is nothing to redo.")
        return Draft(self.future[-1], (*self.past, self.score), self.future[:-1])

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the piece to a MIDI or MusicXML file, as the end of its name says: .mid, .midi, .musicxml or .xml.

        A MusicXML file also says the key, so that a notation program spells the notes as a musician would.

        Raises MusicFileError if there is no piece yet, for another end of the name, and for what `files.write_midi` and
        `files.write_musicxml` refuse, such as a file that exists, if `overwrite` is not set.
        """
        if self.score is None:
            raise MusicFileError(f"{Path(path).name}: not written, for there is no note yet. Play a phrase first.")
        write = _WRITERS.get(Path(path).suffix.lower())
        if write is None:
            raise MusicFileError(f"{Path(path).name or Path(path)}: not written. Give a name that ends in .musicxml or .mid.")
        score = replace(self.score, key=key_name(self.score))
        return write(score, path, overwrite=overwrite)


def as_phrase(
    played: Sequence[tuple[float, float, int, int]],
    tempo: float,
    *,
    time_signature: tuple[int, int] = (4, 4),
    metronome: bool = True,
) -> Alignment:
    """Bring what was played on a keyboard to a grid of sixteenths, one note at a time.

    Parameters
    ----------
    played : sequence of (float, float, int, int)
        For each note the seconds at which its key went down and up again, its pitch and its velocity. 0 is a bar line.
    tempo : float
        In quarters a minute.
    time_signature : (int, int)
    metronome : bool
        Whether the player heard the tempo. If not, the beats are looked for in the notes (`timing.align`), which takes 16 of
        them or more, unless they happen to lie near those of the tempo.

    Returns
    -------
    Alignment
        Its `words` say what was done and by how much notes were moved. A silence of up to an eighth after a note, before the
        next one or the next beat, is taken for the way in which it was played, and the note is held.

    Raises
    ------
    ValueError
        If nothing was played, a note ends before it begins, or no beats were found.
    """
    if not played:
        raise ValueError("nothing was played.")
    if bad := [note for note in played if not note[1] > note[0]]:
        raise ValueError(f"a note ends before it begins: {bad[0]}.")
    speed = tempo / 60  # quarters a second
    notes = [(on * speed, (off - on) * speed, pitch, 0, velocity) for on, off, pitch, velocity in played]
    melody = extract_melody(Score(notes, tempo=tempo, time_signature=time_signature))
    lower = len(notes) - len(melody)
    found = None if metronome else align(melody)
    if found is not None and found.kind == "declined":
        raise ValueError(f"{found.words} Play with the metronome, or a longer phrase.")
    rough = _held(found.score if found is not None else melody)
    grid = GridEncoding()
    notes = _held(grid.quantise(rough)).notes.copy()
    origin = np.abs(notes["onset"][:, None] - rough.notes["onset"]).argmin(axis=1)  # (notes,): which of the rough ones each was
    notes["velocity"] = rough.notes["velocity"][origin]
    score = Score(notes, tempo=rough.tempo, time_signature=time_signature)
    lost = grid.loss_report(rough)["lost"]
    left_out = f" {lower} that sounded together with a higher one {'was' if lower == 1 else 'were'} left out." if lower else ""
    left_out += f" {lost} that were too fast for sixteenths were left out." if lost else ""
    if found is not None:
        return replace(found, score=score, words=found.words + left_out)
    moved = (rough.notes["onset"][origin] - notes["onset"]) / speed
    words = (
        f"Brought to sixteenths at {tempo:g} quarters a minute: {len(score)} {'note' if len(score) == 1 else 'notes'}, moved by"
        f" {1000 * np.median(np.abs(moved)):.0f} ms (median), {1000 * np.abs(moved).max():.0f} ms at most."
    )
    return Alignment(score, "near the grid", words + left_out, moved, np.zeros(0))


def _held(score: Score) -> Score:
    """Hold each note of a melody until the next one, and the last until the next beat, where the silence after it is short."""
    notes = score.notes.copy()
    ends = notes["onset"] + notes["duration"]
    gaps = np.append(notes["onset"][1:], np.ceil(ends[-1] - 1e-9)) - ends
    short = (gaps > 0) & (gaps <= _DETACHED)
    notes["duration"][short] += gaps[short]
    return replace(score, notes=notes)
