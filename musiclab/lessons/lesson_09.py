"""Lesson 09: is it any good?"""

import csv
import functools
from dataclasses import replace
from itertools import pairwise

import numpy as np

from musiclab.bundle import DATA
from musiclab.corpus import load_corpus
from musiclab.evaluation import bootstrap_means, markov_pieces, pitch_class_entropy, shuffled
from musiclab.exercises import Exercise, Mistake, expect, same
from musiclab.score import Score

# --- 9.1 ----------------------------------------------------------------------------------------------


def _small_steps(answer, rng):
    same(answer([60, 62, 62, 69, 67]), 2 / 3)
    yield "counts as in the example"
    same(answer([60, 61, 63, 62, 60]), 1.0)
    same(answer([60, 63, 67, 60]), 0.0)
    same(answer([60, 73]), 0.0)
    yield "takes one and two semitones for steps, up and down, and nothing wider"
    same(answer([60, 60, 62, 62, 62, 69]), 0.5)
    yield "leaves repeated notes out"
    for pitches in ([64, 64, 64], [64], []):
        same(answer(pitches), 0.0)
    yield "gives 0 where nothing moves"
    for _ in range(4):
        pitches = [int(p) for p in 60 + np.cumsum(rng.integers(-4, 5, 12))]
        same(answer(pitches), _share(pitches))
        same(answer([p + 5 for p in pitches]), _share(pitches))
    yield "is the same in every key"


def _moves(pitches):
    return [abs(b - a) for a, b in pairwise(pitches)]


def _share(pitches):
    moves = [m for m in _moves(pitches) if m]
    return sum(m <= 2 for m in moves) / len(moves) if moves else 0.0


# --- 9.2 ----------------------------------------------------------------------------------------------


def _interval(answer, rng):
    drawn = [(rng.gamma(2.0, 3.0, count) + rng.normal(0, 20), int(rng.integers(2**32))) for count in (8, 20, 60)]
    ends = [_ends(answer(values.copy(), np.random.default_rng(seed))) for values, seed in drawn]
    yield "returns a low and a high end, for 8, 20 and 60 values"
    for (values, seed), (low, high) in zip(drawn, ends, strict=True):
        _as_wide_as_it_should_be(values, low, high, seed + 1)
    yield "is as wide as it should be, around the mean"


def _ends(got):
    """Return the ends of an interval, or say why it is none."""
    expect(
        isinstance(got, tuple | list | np.ndarray) and len(got) == 2,
        f"interval(values, rng) should return (low, high), and returns {got!r}.",
    )
    low, high = (float(end) for end in got)
    expect(low <= high, f"the interval goes from {low:.3f} to {high:.3f}: give the lower end first.")
    return low, high


def _as_wide_as_it_should_be(values, low, high, seed):
    """Compare an interval with that of 4000 drawn sets."""
    expect(high - low > 1e-9, "the interval has no width: each drawn set has the same mean. Draw with replacement.")
    right = np.percentile(bootstrap_means(values, draws=4000, seed=seed), [2.5, 97.5])
    ratio = (high - low) / (right[1] - right[0])
    expect(
        abs(ratio - 1) < 0.1,
        f"for {len(values)} values the interval is {ratio:.2f} times as wide as it should be. {_why(ratio)}",
    )
    slip = abs((low + high) / 2 - right.mean()) / (right[1] - right[0])
    expect(
        slip < 0.06,
        f"the interval goes from {low:.2f} to {high:.2f}, and should go from {right[0]:.2f} to {right[1]:.2f}: the values"
        " lean to one side, and so do the means of drawn sets. Take the percentiles of those.",
    )


def _why(ratio):
    """Guess what was done, from how wide the interval is."""
    if ratio > 2:
        return "Perhaps it holds 95 % of the values; take the mean of each drawn set, and then the percentiles of these means."
    if abs(ratio - 0.84) < 0.06:
        return "Perhaps it holds 90 %: the middle 95 % lie between the percentiles 2.5 and 97.5. Or too few sets were drawn."
    return "Draw 2000 sets of as many values as there are, with replacement; take the percentiles 2.5 and 97.5 of their means."


# --- 9.3 ----------------------------------------------------------------------------------------------


def _longest_run(answer, rng):
    same(answer([60, 62, 64, 65], [55, 57, 59, 50]), 3)
    yield "finds the run of the example, in another key"
    for _ in range(3):
        melody = _melody(rng, 14)
        same(answer(melody, [p + 7 for p in melody]), 14)
    yield "finds a whole melody that was transposed"
    for _ in range(6):
        melody, other = _melody(rng, 12), _melody(rng, 15)
        other[4:9] = [p + 2 for p in melody[3:8]]
        same(answer(list(melody), list(other)), _run(melody, other))
    yield "finds a run in the middle of another melody"
    same(answer([60, 64, 67], [60, 61, 64, 61, 67]), _run([60, 64, 67], [60, 61, 64, 61, 67]))
    yield "takes only notes that follow one another"
    same(answer([60, 62, 64], [70, 68, 66]), 1)
    same(answer([60, 72], [60, 60]), 1)
    yield "tells up from down, and an octave from a repeated note"
    same(answer([60, 60, 60, 62], [71, 71, 71, 71]), 3)
    yield "counts repeated notes"
    same(answer([60], [72, 74]), 1)
    same(answer([60, 61], [60, 65]), 1)
    same(answer([], [60]), 0)
    same(answer([60], []), 0)
    yield "gives 1 for a note that is always found, and 0 for an empty melody"


def _melody(rng, count):
    return [int(p) for p in 60 + np.cumsum(rng.integers(-4, 5, count))]


def _run(melody, other):
    """Return the right answer, by trying all places."""
    best = 0
    for i in range(len(melody)):
        for j in range(len(other)):
            n = 0
            while i + n < len(melody) and j + n < len(other) and melody[i + n] - melody[i] == other[j + n] - other[j]:
                n += 1
            best = max(best, n)
    return best


def _in_one_key(melody, other):
    """Make the mistake of comparing pitches and not intervals."""
    best = 0
    for i in range(len(melody)):
        for j in range(len(other)):
            n = 0
            while i + n < len(melody) and j + n < len(other) and melody[i + n] == other[j + n]:
                n += 1
            best = max(best, n)
    return best


def _intervals_alone(melody, other):
    """Make the mistake of counting intervals and not notes."""
    return max(_run(melody, other) - 1, 0)


def _subsequence(melody, other):
    """Make the mistake of letting notes be left out between."""
    a, b = np.diff(melody), np.diff(other)
    best = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            best[i + 1, j + 1] = best[i, j] + 1 if x == y else max(best[i, j + 1], best[i + 1, j])
    return int(best[-1, -1]) + 1 if len(melody) and len(other) else 0


# --- 9.4 ----------------------------------------------------------------------------------------------

_PIECES = 14


@functools.cache
def _material():
    """Return held-out chorales and the two controls: name -> list of scores."""
    corpus = load_corpus("bach-chorales", progress=False)
    with (DATA / "chorale_split.csv").open(encoding="utf-8", newline="") as file:
        side = {row["source"]: row["split"] for row in csv.DictReader(file)}
    sides = [side[source] for source in corpus.sources]
    held_out = [s for s, where in zip(corpus, sides, strict=True) if where == "valid" and s.time_signature == (4, 4)][-_PIECES:]
    training = [s for s, where in zip(corpus, sides, strict=True) if where == "train"][:60]
    return {
        "Bach": held_out,
        "shuffled": [shuffled(score, seed) for seed, score in enumerate(held_out)],
        "Markov": markov_pieces(training, _PIECES, quarters=24, seed=2),
    }


def _my_measure(answer, rng):
    sets = _material()
    values = {}
    for name, scores in sets.items():
        values[name] = np.array([_number(answer(score), name, k) for k, score in enumerate(scores)])
    yield "gives a finite number for each piece"
    for score in sets["Bach"][:4]:
        before = float(answer(score))
        for other, what in (
            (score.transpose(2), "is transposed by two semitones"),
            (score.transpose(-3), "is transposed down by three semitones"),
            (replace(score, title="Another title"), "gets another title"),
        ):
            after = float(answer(other))
            expect(
                np.isclose(before, after, rtol=1e-9, atol=1e-9),
                f"my_measure changes from {before:.4g} to {after:.4g} when a piece {what}. Look at intervals between notes or at"
                " rhythm, not at the pitches themselves.",
            )
    yield "does not mind transposition or title"
    means = {name: bootstrap_means(v, seed=k) for k, (name, v) in enumerate(values.items())}
    _tells(means, values, "shuffled", "Shuffling keeps rhythm and the number of each pitch; look at what follows what.")
    yield "tells Bach from shuffled"
    alone = "There each voice sings by itself; look at the voices against each other, or at longer stretches of time."
    _tells(means, values, "Markov", alone)
    yield "tells Bach from Markov"


def _tells(means, values, control, advice):
    """Stop unless the means of Bach and of a control differ by more than chance."""
    low, high = np.percentile(means["Bach"] - means[control], [2.5, 97.5])
    expect(
        low > 0 or high < 0,
        f"my_measure cannot tell Bach ({values['Bach'].mean():.3g} in the mean) from {control}"
        f" ({values[control].mean():.3g}): the difference may be anything from {low:.3g} to {high:.3g}. {advice}",
    )


def _number(value, name, index):
    try:
        number = float(value)
    except (TypeError, ValueError):
        expect(False, f"my_measure should return a number; for piece {index} of {name} it returns {type(value).__name__}.")
        raise
    expect(np.isfinite(number), f"for piece {index} of {name} my_measure returns {number}; is something divided by 0?")
    return number


def _clashes(score):
    """Measure the share of sixteenths in which two voices sound a second, a seventh or a tritone."""
    pitches = np.zeros((max(round(score.duration * 4), 1), 4), dtype=int)
    for onset, duration, pitch, voice, _ in score.notes.tolist():
        pitches[round(onset * 4) : round((onset + duration) * 4), voice] = pitch
    apart = np.stack([(pitches[:, a] - pitches[:, b]) % 12 for a in range(4) for b in range(a + 1, 4)], axis=1)
    return float(np.isin(apart, [1, 2, 6, 10, 11]).any(axis=1).mean())


def _mean_pitch(score: Score) -> float:
    return float(score.notes["pitch"].mean())


EXERCISES = [
    Exercise(
        id="9.1",
        title="Steps",
        name="small_steps",
        hints=(
            "The moves are the differences between neighbours: b - a for a, b in zip(pitches, pitches[1:]).",
            "Keep those that are not 0, by their size: abs(b - a). If none is left, return 0.",
            "The answer is the number of moves of size 1 or 2, divided by the number of moves that were kept.",
        ),
        test=_small_steps,
        mistakes=(
            Mistake(lambda p: sum(0 < m <= 2 for m in _moves(p)) / max(len(p) - 1, 1), "it should be 0.666667"),
            Mistake(lambda p: sum(m <= 2 for m in _moves(p)) / max(len(p) - 1, 1), "it should be 0.666667"),
            Mistake(
                lambda p: sum(m == 1 for m in _moves(p)) / max(len([m for m in _moves(p) if m]), 1),
                "it should be 0.666667",
            ),
            Mistake(
                lambda p: sum(m <= 2 for m in _moves(p) if m) / len([m for m in _moves(p) if m]),
                "division by zero",
            ),
        ),
    ),
    Exercise(
        id="9.2",
        title="An interval of your own",
        name="interval",
        hints=(
            "rng.integers(0, n, n) draws n places from n, with replacement; values[places] is one new set.",
            "Do it 2000 times and keep the means: rng.integers(0, n, (2000, n)) draws all at once.",
            "np.percentile(means, [2.5, 97.5]) gives the two ends.",
        ),
        test=_interval,
        mistakes=(
            Mistake(
                lambda v, rng: tuple(np.percentile([rng.permutation(v).mean() for _ in range(2000)], [2.5, 97.5])), "no width"
            ),
            Mistake(lambda v, rng: tuple(np.percentile(v, [2.5, 97.5])), "as wide as it should be"),
            Mistake(lambda v, rng: tuple(np.percentile(bootstrap_means(v), [5, 95])), "Perhaps it holds 90 %"),
            Mistake(lambda v, rng: float(v.mean()), "should return (low, high)"),
            Mistake(lambda v, rng: tuple(np.percentile(bootstrap_means(v), [97.5, 2.5])), "lower end first"),
        ),
    ),
    Exercise(
        id="9.3",
        title="The longest copy",
        name="longest_run",
        hints=(
            "In any key: compare how far each note is from the first note of the run, not the pitches.",
            "Try all places: for each i in melody and j in other, count how long melody[i + n] - melody[i] equals"
            " other[j + n] - other[j].",
            "n starts at 0 and grows while both lists go on. The greatest n over all i and j is the answer; 0 if a list is"
            " empty.",
        ),
        test=_longest_run,
        mistakes=(
            Mistake(_in_one_key, "it should be 3"),
            Mistake(_intervals_alone, "it should be 3"),
            Mistake(_subsequence, "it should be"),
            Mistake(lambda melody, other: max(_run(melody, other), 1), "it should be 0"),
        ),
    ),
    Exercise(
        id="9.4",
        title="Your measure",
        name="my_measure",
        hints=(
            "Start with sound, not with order: grid = grid_of(score).astype(int) gives pitches (steps, 4), 0 for silence.",
            "Markov voices do not hear one another, so they clash: in how many steps are two voices 1, 2, 6, 10 or 11 semitones"
            " apart, octaves left out ((a - b) % 12)?",
            "Shuffled pieces clash as well. Return the share of steps with a clash, and you have a measure that passes.",
        ),
        test=_my_measure,
        seconds=60,
        mistakes=(
            Mistake(pitch_class_entropy, "cannot tell Bach"),
            Mistake(lambda score: len(score) / score.duration, "cannot tell Bach"),
            Mistake(_mean_pitch, "transposed"),
            Mistake(lambda score: len(score.title), "another title"),
            Mistake(lambda score: np.nan, "divided by 0"),
            Mistake(lambda score: score.notes["pitch"], "should return a number"),
        ),
    ),
]
