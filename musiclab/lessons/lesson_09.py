"""Lesson 09: is it any good?"""

import csv
import functools
from dataclasses import replace
from itertools import pairwise

import numpy as np

from musiclab.bundle import DATA
from musiclab.corpus import load_corpus
from musiclab.evaluation import bootstrap_means, grid_of, markov_pieces, pitch_class_entropy, shuffled
from musiclab.exercises import Exercise, Mistake, Wrong, describe, expect, same
from musiclab.score import Score

# --- 9.1 ----------------------------------------------------------------------------------------------


def _small_steps(answer, rng):
    _counted(answer, [60, 62, 62, 69, 67])
    yield "counts as in the example"
    _counted(answer, [60, 61, 63, 62, 60])
    _counted(answer, [60, 63, 67, 60])
    _counted(answer, [60, 73])
    yield "takes one and two semitones for steps, up and down, and nothing wider"
    _counted(answer, [60, 67, 62, 60])
    yield "follows the melody, also where it comes back to a note"
    _counted(answer, [60, 60, 62, 62, 62, 69])
    yield "leaves repeated notes out"
    for pitches in ([64, 64, 64], [64], []):
        _counted(answer, pitches)
    yield "gives 0 where nothing moves"
    for _ in range(4):
        pitches = [int(p) for p in 60 + np.cumsum(rng.integers(-4, 5, 12))]
        _counted(answer, pitches)
        _counted(answer, [p + 5 for p in pitches])
    yield "is the same in every key"


def _counted(answer, pitches):
    """Compare the share of steps in a melody; if it is wrong, list the moves."""
    try:
        same(answer(pitches), _share(pitches))
    except Wrong as wrong:
        moves = [b - a for a, b in pairwise(pitches) if a != b]
        steps = sum(abs(m) <= 2 for m in moves)
        listed = f"The moves are {', '.join(f'{m:+}' for m in moves)}: {steps} of {len(moves)} are steps."
        raise Wrong(f"{wrong} {listed if moves else 'There is no move.'}") from None


def _moves(pitches):
    return [abs(b - a) for a, b in pairwise(pitches)]


def _share(pitches):
    moves = [m for m in _moves(pitches) if m]
    return sum(m <= 2 for m in moves) / len(moves) if moves else 0.0


def _of_the_sorted(pitches):
    """Make the mistake of dropping repeated notes with a set, which loses the order."""
    return _share(sorted(set(pitches)))


# --- 9.2 ----------------------------------------------------------------------------------------------


_COUNTS = (8, 12, 20, 30, 45, 60)  # so many that too few drawn sets hardly ever pass


def _interval(answer, rng):
    # The values lie far from 0, so that an interval of places in the array is not taken for one of values.
    drawn = [(rng.gamma(2.0, 3.0, count) + rng.uniform(40, 80), int(rng.integers(2**32))) for count in _COUNTS]
    ends = [_ends(answer(values.copy(), np.random.default_rng(seed)), values) for values, seed in drawn]
    yield "returns a low and a high end around the mean, for 8 to 60 values"
    for place in (0, 4):
        low, high = (float(end) for end in answer(np.eye(5)[place] + 50, np.random.default_rng(int(rng.integers(2**32)))))
        expect(
            high - low > 1e-9,
            f"for {describe(np.eye(5)[place] + 50)} the interval has no width. Is values[{place}] never drawn? rng.integers(0, n)"
            " gives places from 0 to n - 1.",
        )
    yield "draws the first value and the last, too"
    for (values, seed), (low, high) in zip(drawn, ends, strict=True):
        _as_wide_as_it_should_be(values, low, high, seed + 1)
    yield "is as wide as it should be"
    _one_far_above(answer, rng)
    yield "leans to the side to which the values lean"
    (values, seed), *_ = drawn
    _from_rng_alone(answer, values, seed)
    yield "draws from rng, and from nothing else"


def _ends(got, values):
    """Return the ends of an interval, or say why it is none."""
    expect(
        isinstance(got, tuple | list | np.ndarray) and len(got) == 2,
        f"interval(values, rng) should return two numbers, (low, high), and returns {describe(got)}.",
    )
    low, high = (float(end) for end in got)
    expect(not np.isnan([low, high]).any(), f"the interval goes from {low:.3f} to {high:.3f}: NaN is not a number.")
    mean = values.mean()
    expect(not high < mean < low, f"the interval goes from {low:.3f} to {high:.3f}: give the lower end first.")
    expect(
        abs(high - low) > 1e-9,
        f"both ends are {low:.3f}, so the interval has no width. Keep a mean for each drawn set (axis=1), and draw with"
        " replacement: the same values in another order have the same mean.",
    )
    expect(
        low <= mean <= high,
        f"for {len(values)} values whose mean is {mean:.3f} you return ({low:.3f}, {high:.3f}), and the mean should lie between"
        f" the two. {_why_beside(low, high, values)}",
    )
    return low, high


def _why_beside(low, high, values):
    """Guess what was done if an interval does not hold the mean of the values."""
    if low <= high < len(values):
        return "Perhaps you took the means of the places: values[places] are the drawn values."
    if low <= high < values.mean() - 1.5 * values.std() / len(values) ** 0.5:
        return "Perhaps the percentiles are 0.025 and 0.975: np.percentile counts to 100."
    if high < low:
        return "Return the two ends, the lower first."
    return "Is it the mean of its values that you keep for each drawn set (axis=1)?"


def _as_wide_as_it_should_be(values, low, high, seed):
    """Compare an interval with that of 20000 drawn sets."""
    right = np.percentile(bootstrap_means(values, draws=20_000, seed=seed), [2.5, 97.5])
    ratio = (high - low) / (right[1] - right[0])
    expect(
        abs(ratio - 1) < 0.11,
        f"for {len(values)} values the interval is {ratio:.2f} times as wide as it should be. {_why(ratio, len(values))}",
    )
    slip = abs((low + high) / 2 - right.mean()) / (right[1] - right[0])
    expect(
        slip < 0.07,
        f"for {len(values)} values the interval goes from {low:.2f} to {high:.2f}, and should go from {right[0]:.2f} to"
        f" {right[1]:.2f}. Is each of the values as likely to be drawn as any other, with replacement? And did you take"
        " percentiles of the means?",
    )


def _why(ratio, count):
    """Guess what was done, from how wide the interval is."""
    if ratio < 0.3:
        return (
            "Perhaps each mean goes over 2000 values: the mean of a drawn set is that of as many values as there are (axis=1)."
            " Or the percentiles are 0.025 and 0.975: np.percentile counts to 100."
        )
    if abs(ratio - 0.51) < 0.035:
        return "Perhaps it is one standard deviation to each side: that holds 68 %."
    if abs(ratio - (count / 24) ** 0.5) < 0.05:
        return f"Perhaps each set has 24 values, as in the lesson. Here are {count}: draw len(values) of them."
    if abs(ratio - 0.84) < 0.06:
        return "Perhaps it holds 90 %: the middle 95 % lie between the percentiles 2.5 and 97.5. Or too few sets were drawn."
    if 1.4 < ratio < 2:
        return "Perhaps it goes from the least mean to the greatest. The middle 95 % of them leave 2.5 % out at each side."
    if ratio >= 2:
        return "Perhaps it holds 95 % of the values; take the mean of each drawn set, and then the percentiles of these means."
    return "Draw 2000 sets of as many values as there are, with replacement; take the percentiles 2.5 and 97.5 of their means."


def _one_far_above(answer, rng):
    """Try four equal values and one far above: whatever is drawn, the ends are known."""
    # The far value comes 3 times or more in 5.8 % of the sets and 4 times or more in 0.7 %, so 2000 sets end at 3 of 5.
    least, far = (float(n) for n in rng.integers((10, 25), (20, 40)))
    values = rng.permutation([least] * 4 + [far])
    low, high = _ends(answer(values.copy(), np.random.default_rng(int(rng.integers(2**32)))), values)
    right = least + 0.6 * (far - least)
    why = "Take the percentiles of the means of sets drawn with replacement, each of five values."
    if low < least - 1e-9:
        why = "No drawn set has a mean below the least value. Take percentiles of the means, not so many deviations to each side."
    expect(
        abs(low - least) < 1e-6 and abs(high - right) < 1e-6,
        f"for {describe(values)} the interval goes from {low:.2f} to {high:.2f}, and should go from {least:.2f} to {right:.2f}."
        f" {why}",
    )


def _from_rng_alone(answer, values, seed):
    """Stop unless the interval depends on the generator that was given, and on no other."""
    rng = np.random.default_rng(seed)
    before = rng.bit_generator.state
    first = _ends(answer(values.copy(), rng), values)
    expect(
        rng.bit_generator.state != before,
        "interval(values, rng) draws nothing from rng. Use the rng that is given, as in rng.integers(0, n, n), and not np.random"
        " or a generator of your own.",
    )
    again = _ends(answer(values.copy(), np.random.default_rng(seed)), values)
    expect(
        first == again,
        f"with the same rng the interval goes from {first[0]:.4f} to {first[1]:.4f} once and from {again[0]:.4f} to"
        f" {again[1]:.4f} another time. Draw from rng alone.",
    )


def _drawn(values, rng):
    """Draw 2000 sets as they should be drawn: float array (2000, n)."""
    return values[rng.integers(0, len(values), (2000, len(values)))]


def _by_deviations(values, rng):
    """Make the mistake of taking the means to be normal."""
    means = _drawn(values, rng).mean(axis=1)
    return means.mean() - 1.96 * means.std(), means.mean() + 1.96 * means.std()


def _never_the_last(values, rng):
    """Make the mistake of leaving the last value out: the upper end of rng.integers is left out already."""
    n = len(values)
    return tuple(np.percentile(values[rng.integers(0, n - 1, (2000, n))].mean(axis=1), [2.5, 97.5]))


def _by_halves(values, rng):
    """Make the mistake of drawing half of the values without replacement, which is as wide."""
    means = [rng.choice(values, len(values) // 2, replace=False).mean() for _ in range(2000)]
    return tuple(np.percentile(means, [2.5, 97.5]))


# --- 9.3 ----------------------------------------------------------------------------------------------


def _longest_run(answer, rng):
    _found(answer, [60, 62, 64, 65], [55, 57, 59, 50])
    yield "finds the run of the example, in another key"
    for _ in range(3):
        melody = _melody(rng, 14)
        _found(answer, melody, [p + 7 for p in melody])
    yield "finds a whole melody that was transposed"
    _found(answer, [60, 62, 64], [70, 68, 66])
    _found(answer, [60, 72], [60, 60])
    yield "tells up from down, and an octave from a repeated note"
    for _ in range(6):
        melody, other = _melody(rng, 12), _melody(rng, 15)
        other[4:9] = [p + 2 for p in melody[3:8]]
        _found(answer, melody, other)
    yield "finds a run in the middle of another melody"
    _found(answer, [60, 64, 67], [60, 61, 64, 61, 67])
    yield "takes only notes that follow one another"
    _found(answer, [60, 60, 60, 62], [71, 71, 71, 71])
    yield "counts repeated notes"
    _found(answer, [60], [72, 74])
    _found(answer, [60, 61], [60, 65])
    _found(answer, [], [60])
    _found(answer, [60], [])
    yield "gives 1 for a note that is always found, and 0 for an empty melody"


def _found(answer, melody, other):
    """Compare the length of the longest run; if it is wrong, say where that run stands."""
    length, i, j = _longest(melody, other)
    try:
        same(answer(list(melody), list(other)), length)
    except Wrong as wrong:
        where = "One of them is empty."
        if length == 1:
            where = "No interval of the one, with its direction, is in the other; one note alone is always found."
        if length > 1:
            moves = ", ".join(f"{b - a:+}" for a, b in pairwise(melody[i : i + length]))
            where = f"The notes melody[{i}:{i + length}] and other[{j}:{j + length}] both move {moves}; no longer run does so."
        raise Wrong(f"{wrong} {where}") from None


def _melody(rng, count):
    """Draw a melody without repeated notes."""
    return [int(p) for p in 60 + np.cumsum(rng.choice([-4, -3, -2, -1, 1, 2, 3, 4], count))]


def _longest(melody, other):
    """Return the length of the longest run and where it begins in each, by trying all places."""
    best = (0, 0, 0)
    for i in range(len(melody)):
        for j in range(len(other)):
            n = 0
            while i + n < len(melody) and j + n < len(other) and melody[i + n] - melody[i] == other[j + n] - other[j]:
                n += 1
            best = max(best, (n, i, j), key=lambda found: found[0])
    return best


def _run(melody, other):
    return _longest(melody, other)[0]


def _at_the_same_place(melody, other):
    """Make the mistake of comparing only what stands at the same place in both."""
    best = n = 0
    for a, b in zip(np.diff(melody), np.diff(other), strict=False):
        n = n + 1 if a == b else 0
        best = max(best, n)
    return best + 1


def _without_direction(melody, other):
    """Make the mistake of comparing how wide the intervals are, and not which way they go."""
    climbs = [np.cumsum([0, *np.abs(np.diff(m))]).tolist() for m in (melody, other)]
    return _run(*climbs) if len(melody) and len(other) else 0


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
    again = _number(answer(sets["Bach"][0]), "Bach", 0)
    expect(
        np.isclose(values["Bach"][0], again),
        f"my_measure gives {values['Bach'][0]:.4g} and then {again:.4g} for the same piece. Draw nothing by chance, or give the"
        " Generator a seed.",
    )
    yield "gives a finite number for each piece"
    for score in sets["Bach"][:4]:
        _stays(answer, _all_sound(score), "Look at intervals between notes or at rhythm, not at the pitches themselves.")
    yield "does not mind transposition or title"
    for score in sets["Bach"][:4]:
        silence = "It stays the same where all voices sound. In grid_of a silent voice is 0 in every key: leave such steps out."
        _stays(answer, _with_rests(score), silence, ", in which two voices rest a while,")
    yield "does not take silence for a pitch"
    means = {name: bootstrap_means(v, seed=k) for k, (name, v) in enumerate(values.items())}
    _tells(means, values, "shuffled", "Shuffling keeps rhythm and the number of each pitch; look at what follows what.")
    yield "tells Bach from shuffled"
    alone = "There each voice sings by itself; look at the voices against each other, or at longer stretches of time."
    _tells(means, values, "Markov", alone)
    yield "tells Bach from Markov"


def _stays(answer, score, advice, which=""):
    """Stop unless the measure of a score is that of its transposed copies, and of the same with another title."""
    before = float(answer(score))
    for other, what in (
        (score.transpose(2), "is transposed by two semitones"),
        (score.transpose(-3), "is transposed down by three semitones"),
        (replace(score, title="Another title"), "gets another title"),
    ):
        after = float(answer(other))
        expect(
            np.isclose(before, after, rtol=1e-9, atol=1e-9, equal_nan=True),
            f"my_measure changes from {before:.4g} to {after:.4g} when a piece{which} {what}. {advice}",
        )


def _all_sound(score):
    """Cut out the middle of a piece, where nobody rests."""
    sounding = (grid_of(score) > 0).all(axis=1)
    silent = [-1, *np.flatnonzero(~sounding).tolist(), len(sounding)]
    start, stop = max(pairwise(silent), key=lambda ends: ends[1] - ends[0])
    return score.slice((start + 1) / 4, stop / 4)


def _with_rests(score):
    """Take a note out of the alto and three out of the bass."""
    notes = score.notes
    alto, bass = (np.flatnonzero(notes["voice"] == voice) for voice in (1, 3))
    return replace(score, notes=np.delete(notes, [alto[len(alto) // 2], *bass[3:6]]))


def _tells(means, values, control, advice):
    """Stop unless the means of Bach and of a control differ by more than chance."""
    low, high = np.percentile(means["Bach"] - means[control], [2.5, 97.5])
    expect(np.ptp(np.concatenate(list(values.values()))) > 0, f"my_measure is {values['Bach'][0]:.3g} for every piece.")
    if values["Bach"].mean() > 60:  # about what a mean move is if every fall by n semitones counts as 256 - n
        advice += ' If you subtract values of notes["pitch"], write .astype(int) first: they are uint8, where 60 - 62 is 254.'
    expect(
        low > 0 or high < 0,
        f"my_measure cannot tell Bach ({values['Bach'].mean():.3g} in the mean) from {control}"
        f" ({values[control].mean():.3g}): the difference may be anything from {low:.3g} to {high:.3g}. {advice}",
    )


def _number(value, name, index):
    """Return a measure as a float, or say why it is none."""
    where = f"for piece {index} of {name} it returns"
    expect(value is not None, f"my_measure should return a number; {where} None: does your function end with return?")
    expect(not isinstance(value, str), f"my_measure should return a number, unformatted; {where} the text {describe(value)}.")
    try:
        number = float(value)
    except (TypeError, ValueError):
        expect(False, f"my_measure should return a number; {where} {type(value).__name__}.")
        raise
    expect(np.isfinite(number), f"for piece {index} of {name} my_measure returns {number}; is something divided by 0?")
    return number


def _clashes(score):
    """Make the mistake of taking silence, which is 0 in a grid, for a pitch."""
    pitches = grid_of(score).astype(int)
    apart = np.stack([(pitches[:, a] - pitches[:, b]) % 12 for a in range(4) for b in range(a + 1, 4)], axis=1)
    return float(np.isin(apart, [1, 2, 6, 10, 11]).any(axis=1).mean())


def _falls_wrapped(score):
    """Make the mistake of subtracting pitches as they are stored, as uint8."""
    return np.mean([np.diff(score.voice(v).notes["pitch"]).mean() for v in range(4)])


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
            Mistake(lambda p: 100 * _share(p), "The moves are +2, +7, -2: 2 of 3 are steps."),
            Mistake(lambda p: sum(b - a <= 2 for a, b in pairwise(p) if a != b) / max(sum(m > 0 for m in _moves(p)), 1), "-7"),
            Mistake(_of_the_sorted, "The moves are +7, -5, -2: 1 of 3 are steps."),
            Mistake(lambda p: _share(p) if any(_moves(p)) else np.nan, "There is no move."),
        ),
    ),
    Exercise(
        id="9.2",
        title="An interval of your own",
        name="interval",
        hints=(
            "rng.integers(0, n, n) draws n places from n, with replacement; values[places] is one new set.",
            "Do it 2000 times and keep the mean of each: rng.integers(0, n, (2000, n)) draws all at once, a set in each row.",
            "means = values[places].mean(axis=1) has 2000 numbers; np.percentile(means, [2.5, 97.5]) gives the two ends.",
        ),
        test=_interval,
        seconds=30,  # 2000 draws with a loop, eleven times
        mistakes=(
            Mistake(
                lambda v, rng: tuple(np.percentile([rng.permutation(v).mean() for _ in range(2000)], [2.5, 97.5])),
                "so the interval has no width",
            ),
            Mistake(lambda v, rng: tuple(np.percentile(v, [2.5, 97.5])), "as wide as it should be"),
            Mistake(lambda v, rng: tuple(np.percentile(_drawn(v, rng).mean(axis=1), [5, 95])), "Perhaps it holds 90 %"),
            Mistake(lambda v, rng: float(v.mean()), "should return two numbers, (low, high)"),
            Mistake(lambda v, rng: tuple(np.percentile(_drawn(v, rng).mean(axis=1), [97.5, 2.5])), "lower end first"),
            Mistake(lambda v, rng: tuple(np.percentile(_drawn(v, rng).mean(axis=0), [2.5, 97.5])), "axis=1"),
            Mistake(lambda v, rng: tuple(np.percentile(_drawn(v, rng).mean(), [2.5, 97.5])), "for each drawn set (axis=1)"),
            Mistake(
                lambda v, rng: tuple(np.percentile(_drawn(np.arange(len(v)), rng).mean(axis=1), [2.5, 97.5])),
                "means of the places",
            ),
            Mistake(lambda v, rng: tuple(np.percentile(_drawn(v, rng).mean(axis=1), [0.025, 0.975])), "counts to 100"),
            Mistake(lambda v, rng: (_drawn(v, rng).mean(axis=1).min(), _drawn(v, rng).mean(axis=1).max()), "leave 2.5 % out"),
            Mistake(_by_deviations, "percentiles of the means"),
            Mistake(_by_halves, "with replacement"),
            Mistake(_never_the_last, "Is values[4] never drawn?"),
            Mistake(lambda v, rng: tuple(np.percentile(bootstrap_means(v), [2.5, 97.5])), "draws nothing from rng"),
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
            Mistake(_in_one_key, "melody[0:3] and other[0:3] both move +2, +2"),
            Mistake(_intervals_alone, "it should be 3"),
            Mistake(_subsequence, "it should be"),
            Mistake(lambda melody, other: max(_run(melody, other), 1), "One of them is empty."),
            Mistake(_without_direction, "with its direction"),
            Mistake(_at_the_same_place, "no longer run does so"),
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
            "Shuffled pieces clash as well. Return the share of steps with a clash. A voice that is silent clashes with nobody:"
            " count a pair only where both pitches are above 0.",
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
            Mistake(lambda score: f"{len(score) / score.duration:.2f}", "a number, unformatted"),
            Mistake(lambda score: np.random.default_rng().random(), "for the same piece"),
            Mistake(lambda score: 1.0, "is 1 for every piece"),
            Mistake(_clashes, "a silent voice is 0"),
            Mistake(lambda score: np.abs(np.diff(grid_of(score).astype(int), axis=0)).mean(), "a silent voice is 0"),
            Mistake(_falls_wrapped, "they are uint8"),
        ),
    ),
]
