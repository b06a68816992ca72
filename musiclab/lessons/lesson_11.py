"""Lesson 11: composing partner."""

import tempfile
from pathlib import Path

import numpy as np

from musiclab.evaluation import longest_copy
from musiclab.exercises import Exercise, Mistake, expect, same
from musiclab.files import MusicFileError, read_score, write_musicxml
from musiclab.partner import key_name, share_in_key, tonic_of
from musiclab.score import Score

# --- 11.1 ---------------------------------------------------------------------------------------------


def _answer_place(answer, rng):
    same(answer(0.0, 8.0, 4.0), 8.0)
    yield "answers two full bars two bars later"
    same(answer(0.0, 7.5, 4.0), 8.0)
    same(answer(0.0, 3.0, 4.0), 4.0)
    yield "waits for the bar line"
    same(answer(3.0, 11.0, 4.0), 11.0)
    same(answer(2.0, 6.5, 3.0), 8.0)
    yield "begins an upbeat with an upbeat"
    for _ in range(20):
        bar = float(rng.choice([2.0, 3.0, 4.0]))
        start = float(rng.integers(0, 4 * bar)) / 4 + bar * int(rng.integers(3))
        end = start + float(rng.integers(1, 60)) / 4
        same(answer(start, end, bar), start + np.ceil((end - start) / bar) * bar)
    yield "finds the place for any phrase"


def _place(start, end, bar):
    return start + np.ceil((end - start) / bar) * bar


# --- 11.2 ---------------------------------------------------------------------------------------------


def _shared(answer, rng):
    same(answer([60, 62, 64, 65], [67, 69, 71, 72]), 4)
    yield "finds a melody in another key"
    same(answer([60, 62, 64], [60, 65, 70, 72, 74]), 3)
    same(answer([60, 61], [70, 75]), 1)
    yield "counts notes, and a single one is always shared"
    same(answer([60, 60, 65], [70, 72, 77]), 2)
    same(answer([60, 65, 65], [70, 75, 77]), 2)
    yield "finds a run at the beginning and at the end of both"
    same(answer([60, 62, 64, 61], [60, 62, 57, 59]), 2)
    yield "wants a run without a gap"
    same(answer([60, 62, 64], [60, 58, 56]), 1)
    yield "tells upwards from downwards"
    for _ in range(12):
        a, b = (np.cumsum(rng.integers(-3, 4, int(rng.integers(6, 25)))) + 60 for _ in range(2))
        if rng.random() < 0.5:
            b = np.concatenate([b[:4], a[2:9] + 5, b[4:]])
        same(answer(a.tolist(), b.tolist()), _longest(a, b))
    yield "finds the longest run of any two melodies"


def _longest(a, b):
    x, y = np.diff(a), np.diff(b)
    best, last = 0, np.zeros(len(y) + 1, dtype=int)
    for move in x:
        now = np.zeros(len(y) + 1, dtype=int)
        now[1:] = np.where(y == move, last[:-1] + 1, 0)
        best, last = max(best, int(now.max())), now
    return best + 1


def _rising(pitches):
    """Turn each move upwards."""
    return np.cumsum(np.abs(np.diff(pitches, prepend=0)))


def _with_gaps(a, b):
    """Make the mistake of looking for the longest common subsequence of intervals."""
    x, y = np.diff(a), np.diff(b)
    table = np.zeros((len(x) + 1, len(y) + 1), dtype=int)
    for i, j in np.ndindex(len(x), len(y)):
        table[i + 1, j + 1] = table[i, j] + 1 if x[i] == y[j] else max(table[i, j + 1], table[i + 1, j])
    return int(table.max()) + 1


def _from_the_same_place(a, b):
    """Make the mistake of comparing both from their beginnings on only."""
    agree = [x == y for x, y in zip(np.diff(a), np.diff(b), strict=False)]
    return 1 + (agree.index(False) if False in agree else len(agree))


def _same_pitches(a, b):
    """Make the mistake of comparing pitches."""
    best = 0
    for i in range(len(a)):
        for j in range(len(b)):
            n = 0
            while i + n < len(a) and j + n < len(b) and a[i + n] == b[j + n]:
                n += 1
            best = max(best, n)
    return best


# --- 11.3 ---------------------------------------------------------------------------------------------


def _resample(answer, rng):
    try:
        got = np.asarray(answer(np.zeros(5), 1000, np.random.default_rng(0)))
    except ValueError as error:
        expect("larger sample" not in str(error), "1000 of 5 candidates are asked for: draw with replacement.")
        expect(
            "sum to 1" not in str(error), "the chances do not sum to 1: divide e to the power of the log-weights by their sum."
        )
        raise
    expect(got.shape == (1000,), f"for count=1000 you return an array of shape {got.shape}; it should be (1000,).")
    expect(
        got.dtype.kind in "iu" and got.min() >= 0 and got.max() <= 4,
        "resample should return whole numbers: the places of the candidates, 0 to 4 for five of them.",
    )
    yield "returns as many places as were asked for"
    for _ in range(4):
        p = rng.dirichlet(np.full(6, 2.0))
        got = np.asarray(answer(np.log(p), 4000, np.random.default_rng(int(rng.integers(2**32)))))
        share = np.bincount(got, minlength=6) / len(got)
        worst = int(np.abs(share - p).argmax())
        expect(
            abs(share[worst] - p[worst]) < 0.04,  # five standard deviations or more
            f"candidate {worst} has the weight {p[worst]:.2f} of 1 and is drawn in {share[worst]:.0%} of the cases.",
        )
    yield "draws each as often as its weight says"
    low = np.log([0.25, 0.75]) - 2000  # exp of this is 0
    try:
        got = np.asarray(answer(low, 4000, np.random.default_rng(1)))
    except ValueError:  # "Probabilities contain NaN"
        got = np.array([])
    expect(
        len(got) == 4000 and abs(np.mean(got == 1) - 0.75) < 0.05,
        "weights whose logarithms are about -2000 are drawn wrongly: e to this power is 0 to a computer. Subtract the largest"
        " from all first.",
    )
    yield "knows what to do with very small weights"
    try:
        got = np.asarray(answer(np.array([-2000.0, 0.0, 0.0]), 400, np.random.default_rng(2)))
    except (ValueError, RuntimeWarning):
        got = np.array([0])
    expect(
        len(got) == 400 and not (got == 0).any() and 100 < (got == 1).sum() < 300,
        "of log-weights -2000, 0 and 0 the first is never drawn and the other two equally often; yours are not. Subtract the"
        " largest and not the smallest: e to the power of 2000 is more than a computer can hold.",
    )
    yield "knows what to do with weights that lie far apart"
    again = [np.asarray(answer(np.log([0.5, 0.5]), 50, np.random.default_rng(seed))).tolist() for seed in (1, 1, 2)]
    expect(again[0] == again[1], "with the same random numbers other candidates are drawn: use rng and nothing else.")
    expect(again[0] != again[2], "with other random numbers the same candidates are drawn: draw with rng.")
    yield "draws with rng"


def _drawn(log_weights, count, rng):
    p = np.exp(log_weights - np.max(log_weights))
    return rng.choice(len(p), count, p=p / p.sum())


def _careless(log_weights, count, rng):
    """Make the mistake of taking e to the power of what is far below 0."""
    p = np.exp(log_weights)
    with np.errstate(invalid="ignore"):
        p = p / p.sum()
    return rng.choice(len(p), count, p=p)


def _by_the_smallest(log_weights, count, rng):
    """Make the mistake of subtracting the smallest."""
    with np.errstate(over="ignore", invalid="ignore"):
        p = np.exp(log_weights - np.min(log_weights))
        return rng.choice(len(p), count, p=p / p.sum())


def _of_logs(log_weights, count, rng):
    """Make the mistake of taking logarithms for weights."""
    p = np.asarray(log_weights) - np.min(log_weights) + 1e-9
    return rng.choice(len(p), count, p=p / p.sum())


def _best(log_weights, count, rng):
    """Make the mistake of taking the best only."""
    return np.full(count, int(np.argmax(log_weights)))


# --- 11.4 ---------------------------------------------------------------------------------------------


def _my_piece(answer, rng):
    expect(
        isinstance(answer, Score),
        f"my_piece is of type {type(answer).__name__}; give the Score in your draft, draft.score or partner.draft.score; of a"
        " suggestion, suggestion.piece.",
    )
    expect(len(answer), "my_piece has no notes.")
    yield "is a score with notes"
    bars = int(np.ceil(answer.duration / answer.bar_length - 1e-9))
    expect(
        bars >= 8,
        f"my_piece has {bars} {'bar' if bars == 1 else 'bars'}; it should have 8 or more. Ask for an answer, or continue.",
    )
    yield "has eight bars or more"
    melody = answer.voice(0)
    voices = ", ".join(map(str, answer.voices))
    expect(len(melody), f"my_piece has no notes in voice 0, where a melody stands, but in voice {voices}. Count voices from 0.")
    key = key_name(answer)
    otherwise = "" if answer.key == key else f" If {key} is the wrong key, set it: dataclasses.replace(my_piece, key='G major')."
    inside = share_in_key(melody, key)
    expect(
        inside >= 0.8,
        f"only {inside:.0%} of its melody lie in one key, {key}; it should be 80 % or more. Vary the bars that do not."
        + otherwise,
    )
    expect(
        melody.notes["pitch"][-1] % 12 == tonic_of(key),
        f"its melody does not end on the tonic of {key}. Ask for an ending." + otherwise,
    )
    yield "keeps to a key and ends on its tonic"
    bar = answer.bar_length
    parts = [melody.slice(k * bar, (k + 1) * bar) for k in range(bars)]
    different = {tuple(part.notes[["onset", "pitch"]].tolist()) for part in parts}
    expect(len(different) > bars / 2, f"only {len(different)} of its {bars} bars differ from each other; more than half should.")
    yield "does not say the same thing all the time"
    with tempfile.TemporaryDirectory() as folder:
        try:
            again = read_score(write_musicxml(answer, Path(folder, "my_piece.musicxml")))
        except MusicFileError:
            again = None
    expect(again is not None, "Its notes do not lie on a grid, so no notation program can show them. Play with as_phrase.")
    expect(
        longest_copy(again, [answer]).chords > 1 and len(again) >= len(answer),
        f"written as MusicXML and read again it has {len(again)} notes and not {len(answer)}: do all its notes lie on the grid?",
    )
    yield "can be opened by a notation program"


def _tune(pitches, length=1.0, **words):
    return Score([(k * length, length, p) for k, p in enumerate(pitches)], key="C major", **words)


def _off_the_grid():
    """Make the mistake of taking seconds for quarter lengths."""
    rng = np.random.default_rng(0)
    beats = np.arange(33) + rng.uniform(0, 0.3, 33)
    return Score([(float(beat), 0.613, p) for beat, p in zip(beats, _SCALE * 4 + [60], strict=True)], key="C major")


_SCALE = [60, 62, 64, 65, 67, 69, 71, 72]

EXERCISES = [
    Exercise(
        id="11.1",
        title="Where the answer begins",
        name="answer_place",
        hints=(
            "The answer begins whole bars after the phrase began: start + n * bar. Which n is the smallest that will do?",
            "The phrase lasts end - start, which is (end - start) / bar bars. Round up: np.ceil.",
        ),
        test=_answer_place,
        mistakes=(
            Mistake(lambda start, end, bar: end, "it should be"),
            Mistake(lambda start, end, bar: float(np.ceil(end / bar) * bar), "it should be"),
            Mistake(lambda start, end, bar: start + (end - start) // bar * bar, "it should be"),
            Mistake(lambda start, end, bar: float(np.ceil((end - start) / bar)), "is 2, it should be 8"),
            Mistake(lambda start, end, bar: float(np.ceil((end - start) / bar) * bar), "is 8, it should be 11"),
            Mistake(lambda start, end, bar: start + ((end - start) // bar + 1) * bar, "is 12, it should be 8"),
            Mistake(lambda start, end, bar: start + np.ceil((end - start) / 4) * 4, "is 10, it should be 8"),
        ),
    ),
    Exercise(
        id="11.2",
        title="What two melodies share",
        name="shared_notes",
        hints=(
            "In another key the pitches differ and the intervals do not: np.diff(a).",
            "Go through all pairs of places, i in the one and j in the other, and count how many intervals agree from there on.",
            "A run of n intervals is a run of n + 1 notes.",
        ),
        test=_shared,
        mistakes=(
            Mistake(_same_pitches, "it should be"),
            Mistake(lambda a, b: _longest(a, b) - 1, "it should be"),
            Mistake(lambda a, b: len(set(np.diff(a).tolist()) & set(np.diff(b).tolist())) + 1, "it should be"),
            Mistake(_with_gaps, "[60, 62, 64, 61], [60, 62, 57, 59]) is 3, it should be 2"),
            Mistake(lambda a, b: _longest(_rising(a), _rising(b)), "[60, 58, 56]) is 3, it should be 1"),
            Mistake(lambda a, b: _longest(a[:-1], b[:-1]), "is 3, it should be 4"),
            Mistake(_from_the_same_place, "is 1, it should be 3"),
        ),
    ),
    Exercise(
        id="11.3",
        title="Weighed candidates",
        name="resample",
        hints=(
            "rng.choice(n, count, p=p) draws numbers below n with the probabilities p, which must sum to 1.",
            "p is e to the power of the log-weights, divided by the sum of all.",
            "Before you take e to their power, subtract the largest log-weight from all: that changes no share, and keeps the"
            " computer from rounding all of them to 0.",
        ),
        test=_resample,
        mistakes=(
            Mistake(_careless, "Subtract the largest from all"),
            Mistake(_of_logs, "of the cases"),
            Mistake(_best, "of the cases"),
            Mistake(lambda w, count, rng: _drawn(w, count, np.random.default_rng(0)), "draw with rng"),
            Mistake(lambda w, count, rng: np.exp(w), "of shape (5,)"),
            Mistake(lambda w, count, rng: rng.choice(len(w), count, replace=False), "with replacement"),
            Mistake(lambda w, count, rng: rng.choice(len(w), count, p=np.exp(w)), "do not sum to 1"),
            Mistake(lambda w, count, rng: rng.choice(w, count), "the places of the candidates"),
            Mistake(lambda w, count, rng: rng.integers(len(w), size=count), "of the cases"),
            Mistake(_by_the_smallest, "not the smallest"),
            Mistake(lambda w, count, rng: _drawn(w, count, np.random.default_rng()), "use rng and nothing else"),
        ),
    ),
    Exercise(
        id="11.4",
        title="A piece of your own",
        name="my_piece",
        hints=(
            "Begin with a phrase of your own: draft = Draft().add(phrase). Then take suggestions into it: draft ="
            " draft.put(suggestion.piece).",
            "Four bars of yours, four of an answer, and ending(melody, draft.score): that is enough.",
            "What does not please you can be taken back, draft.undo(), or written anew, vary(melody, draft.score, 3, 4).",
        ),
        test=_my_piece,
        seconds=30,
        mistakes=(
            Mistake("my_piece.musicxml", "give the Score"),
            Mistake(_tune(_SCALE).notes.tolist(), "give the Score"),
            Mistake(_tune(_SCALE * 4, 0.25), "it should have 8 or more"),
            Mistake(_tune(_SCALE * 4 + [64]), "does not end on the tonic"),
            Mistake(Score([]), "has no notes"),
            Mistake(_tune(_SCALE[:4]), "it should have 8 or more"),
            Mistake(_tune(_SCALE * 4 + [62]), "Ask for an ending"),
            Mistake(_tune([60, 61, 66, 63, 69, 70, 68, 67] * 5), "in one key"),
            Mistake(_tune([60, 64, 67, 60] * 10), "differ from each other"),
            Mistake(Score([(k, 1, p, 1) for k, p in enumerate(_SCALE * 4)]), "no notes in voice 0"),
            Mistake(Score(_tune(_SCALE * 4 + [62]).notes), "If C major is the wrong key"),
            Mistake(_off_the_grid(), "do not lie on a grid"),
        ),
    ),
]
