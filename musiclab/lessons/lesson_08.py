"""Lesson 08: the chorale machine."""

from itertools import combinations

import numpy as np

from musiclab.exercises import Exercise, Mistake, expect, same
from musiclab.score import Score, pitch_name

# --- 8.1 ----------------------------------------------------------------------------------------------


def _crossings(answer, rng):
    same(answer(np.array([[60, 64], [67, 60], [0, 62]])), 1)
    yield "counts as in the example"
    for _ in range(3):
        pitches = _choir(rng, 3)
        same(answer(pitches), 0, f"the count for {pitches.tolist()}, where each voice is below the one over it,")
    yield "finds none where the voices keep their order"
    for pair in rng.permutation(3).tolist():
        pitches = _choir(rng, 10)
        crossed = np.sort(rng.choice(10, 3, replace=False))
        pitches[crossed, pair], pitches[crossed, pair + 1] = pitches[crossed, pair + 1], pitches[crossed, pair].copy()
        what = (
            f"the count for ten steps, where the {_NAMES[pair + 1]} is above the {_NAMES[pair]} in the steps {crossed.tolist()},"
        )
        same(answer(pitches), 3, what)
    yield "finds a crossing between any two neighbours"
    pitches = _choir(rng, 6)
    pitches[2] = pitches[2, ::-1]  # all six pairs are crossed in this step
    same(answer(pitches), 1, f"the count for six steps, of which only one, {pitches[2].tolist()}, has crossings,")
    yield "counts a step once, however many voices cross in it"
    pitches = _choir(rng, 3)
    pitches[:, 2] = pitches[:, 1]
    same(answer(pitches), 0, f"the count for {pitches.tolist()}, where alto and tenor sing the same,")
    yield "lets two voices meet on one pitch"
    pitches = _choir(rng, 3)
    pitches[rng.choice(3, 2, replace=False), int(rng.integers(3))] = 0
    same(answer(pitches), 0, f"the count for {pitches.tolist()}, where 0 is silence,")
    yield "lets silence cross nobody"
    pitches = _choir(rng, 3)
    pitches[1] = [0, *pitches[1, [2, 1, 3]]]
    same(answer(pitches), 1, f"the count for {pitches.tolist()}, where the soprano is silent and the tenor above the alto,")
    yield "hears the others when a voice is silent"


def _choir(rng, steps):
    """Draw chords of four voices in their order: int array (steps, 4)."""
    return np.stack([rng.integers(low, low + 6, steps) for low in (70, 62, 54, 46)], axis=1)


def _crossed(pitches):
    return (pitches[:, 1:] > pitches[:, :-1]) & (pitches[:, :-1] > 0)


def _full_steps_only(pitches):
    """Make the mistake of leaving out a step in which anybody is silent."""
    pitches = pitches[(pitches > 0).all(axis=1)]
    return int((pitches[:, 1:] > pitches[:, :-1]).any(axis=1).sum())


# --- 8.2 ----------------------------------------------------------------------------------------------


def _chain(answer, rng):
    for _ in range(3):
        s, a, b = (int(n) for n in rng.permutation([2, 3, 4, 5])[:3])  # all different: no axis is taken for another
        tables = _tables(rng, s, a, b)
        try:
            got = np.asarray(answer(*tables))
        except ValueError as error:
            if "broadcast" not in str(error):
                raise
            expect(
                False,
                f"tables of the shapes {(s,)}, {(s, a)} and {(s, a, b)} do not fit each other as they are: {str(error).strip()}."
                ' Give p_s and p_a the axes that they lack; hint("8.2") shows how.',
            )
        expect(
            got.shape == tables[2].shape,
            f"for tables of the shapes {', '.join(str(t.shape) for t in tables)} you return shape {got.shape}; it should be"
            f" {tables[2].shape}, a number for each [s, a, b].",
        )
    yield "returns a number for each chord"
    for _ in range(3):
        tables = _tables(rng, *rng.integers(2, 6, 3))
        total = float(np.sum(answer(*tables)))
        expect(
            abs(total - 1) < 1e-6,
            f"your probabilities of all chords sum to {total:.4g}, and must sum to 1. Each chord is a product of three.",
        )
    yield "gives probabilities that sum to 1"
    for _ in range(4):
        p_s, p_a, p_b = _tables(rng, *rng.integers(2, 6, 3))
        got = np.asarray(answer(p_s, p_a, p_b), dtype=float)
        s, a, b = (int(rng.integers(n)) for n in p_b.shape)
        right = p_s[s] * p_a[s, a] * p_b[s, a, b]
        expect(
            abs(got[s, a, b] - right) < 1e-9,
            f"the chord [{s}, {a}, {b}] has p_s[{s}] = {p_s[s]:.3f}, p_a[{s}, {a}] = {p_a[s, a]:.3f} and"
            f" p_b[{s}, {a}, {b}] = {p_b[s, a, b]:.3f}; their product is {right:.4f}, and you have {got[s, a, b]:.4f}.",
        )
        same(got, p_s[:, None, None] * p_a[:, :, None] * p_b, "the whole table")
    yield "multiplies the right three numbers"


def _tables(rng, s, a, b):
    """Draw p(S), p(A | S) and p(B | S, A)."""
    return rng.dirichlet(np.ones(s)), rng.dirichlet(np.ones(a), s), rng.dirichlet(np.ones(b), (s, a))


def _to_one(table):
    """Make the mistake of dividing by the sum what is no joint probability."""
    return table / table.sum()


def _apart(p_s, p_a, p_b):
    """Forget the conditions: take each voice as if it knew nothing of the others."""
    return p_s[:, None, None] * p_a.mean(axis=0)[None, :, None] * p_b.mean(axis=(0, 1))[None, None, :]


# --- 8.3 ----------------------------------------------------------------------------------------------


def _mean_nats(answer, rng):
    log_p = np.log(rng.uniform(0.1, 0.9, (1, 6, 4)))
    got, right = answer(log_p, [6]), float(-log_p.mean())
    for slip, words in (
        (-right, "has the wrong sign: surprise is -log p"),
        (right * log_p.size, "is the sum; divide it by the number of steps times voices"),
        (right * 4, "is the sum over the voices, for a step; divide by the number of voices, too"),
        (right / np.log(2), "is in bits; leave the natural logarithm as it is"),
        (np.exp(right), "is the perplexity; the surprise is its logarithm"),
        (np.exp(log_p).mean(), "is the mean probability; take the mean of -log p"),
    ):
        expect(
            not _close(got, slip),
            f"for a piece of 6 steps and 4 voices you return {slip:.4g}, which {words}. It should be {right:.4g}.",
        )
    same(got, right, "the mean surprise of a piece of 6 steps and 4 voices")
    yield "measures a single piece without padding"
    for _ in range(4):
        log_p, lengths = _padded(rng)
        got = float(answer(log_p, lengths))
        real = np.concatenate([-piece[:length] for piece, length in zip(log_p, lengths, strict=True)])
        expect(
            abs(got - float(-log_p.mean())) > 1e-9,
            f"pieces of {lengths} steps, filled up to {log_p.shape[1]}: {got:.3f} is the mean with the padding in it, which looks"
            f" too good. Without it, it is {real.mean():.3f}.",
        )
        of_pieces = np.mean([-piece[:length].mean() for piece, length in zip(log_p, lengths, strict=True)])
        expect(
            abs(got - of_pieces) > 1e-9,
            f"pieces of {lengths} steps: {got:.3f} is the mean of the pieces' means, as if all were of one length. Every step"
            f" counts the same: {real.mean():.3f}.",
        )
        expect(
            not _close(got, -log_p[:, : min(lengths)].mean()),
            f"pieces of {lengths} steps: you cut all of them to {min(lengths)}, the length of the shortest.",
        )
        expect(
            not _close(got, -log_p.sum() / (4 * sum(lengths))) and not _close(got, -log_p[:, :, 0].sum() / sum(lengths)),
            f"pieces of {lengths} steps, filled up to {log_p.shape[1]}: you divide by the real steps, but the padding is still in"
            " your sum.",
        )
        same(got, float(real.mean()), f"the mean surprise of pieces of {lengths} steps, filled up to {log_p.shape[1]},")
    yield "leaves out the padding, and lets every real step count the same"
    log_p, lengths = _padded(rng)
    for piece, length in zip(log_p, lengths, strict=True):
        piece[length:] = -1.0
    real = np.concatenate([-piece[:length] for piece, length in zip(log_p, lengths, strict=True)])
    expect(
        _close(answer(log_p, lengths), real.mean()),
        "in one batch the padding held log-probabilities of -1, and not about 0, and your mean changed. Only the lengths say"
        " what is padding.",
    )
    for piece, length in zip(log_p, lengths, strict=True):
        piece[length:] = np.nan
    got = float(answer(log_p, lengths))
    expect(
        np.isfinite(got),
        "in one batch the padding held NaN (no number), and your mean became NaN, too. Cut the padding off; times 0 it is still"
        " NaN.",
    )
    same(got, float(-np.concatenate([p[:n] for p, n in zip(log_p, lengths, strict=True)]).mean()), "a batch padded with NaN")
    yield "never looks at the padding"


def _close(got, value):
    """Tell whether two numbers are the same, but for rounding."""
    got = np.asarray(got)
    return got.ndim == 0 and got.dtype.kind in "iuf" and bool(np.isclose(got, value, rtol=1e-7, atol=1e-9))


def _padded(rng):
    """Draw a batch: log-probabilities (pieces, steps, 4), about 0 in the padding, and how long each piece is."""
    lengths = [int(n) for n in rng.permutation([4, 7, 12])]
    log_p = np.log(rng.uniform(0.05, 0.9, (3, 12, 4)))
    for piece, length in zip(log_p, lengths, strict=True):
        piece *= length / 6  # so that the means of the pieces differ
        piece[length:] = -1e-4
    return log_p, lengths


def _masked(log_p, lengths):
    mask = np.arange(log_p.shape[1])[None] < np.array(lengths)[:, None]
    return float(-(log_p * mask[..., None]).sum() / (mask.sum() * log_p.shape[2]))


def _right_mean(log_p, lengths):
    return float(-np.concatenate([piece[:length] for piece, length in zip(log_p, lengths, strict=True)]).mean())


def _by_step(log_p, lengths):
    """Add up the voices, and divide by the steps alone."""
    real = np.concatenate([piece[:length] for piece, length in zip(log_p, lengths, strict=True)])
    return float(-real.sum(axis=1).mean())


# --- 8.4 ----------------------------------------------------------------------------------------------

_NAMES = ("soprano", "alto", "tenor", "bass")
_RANGES = ((57, 81), (53, 74), (48, 69), (36, 64))  # those of the training chorales


def _keep(answer, rng):
    expect(
        isinstance(answer, Score),
        f"my_chorale is of type {type(answer).__name__}; give the Score that generate() returns, not its tokens or the name of"
        " its file.",
    )
    expect(len(answer) > 0, "my_chorale has no note.")
    yield "is a Score"
    expect(
        answer.voices == (0, 1, 2, 3),
        f"my_chorale has the voices {list(answer.voices)}; it should have four, numbered 0 (the highest) to 3.",
    )
    yield "has four voices"
    bars = answer.duration / answer.bar_length
    expect(
        8 <= bars <= 64,
        f"my_chorale is {bars:.4g} bars long; it should have 8 to 64. Length is counted in quarters: 8 bars of 4/4 are 32.",
    )
    yield "is 8 to 64 bars long"
    for voice, (name, (low, high)) in enumerate(zip(_NAMES, _RANGES, strict=True)):
        pitches = answer.voice(voice).notes["pitch"]
        lowest, highest = int(pitches.min()), int(pitches.max())
        expect(
            low <= lowest and highest <= high,
            f"the {name} goes from {pitch_name(lowest)} to {pitch_name(highest)}; it sings {pitch_name(low)} to"
            f" {pitch_name(high)}.",
        )
    yield "lies in the ranges of a choir"
    pitches = _steps(answer)
    crossed = float(_crossed(pitches).any(axis=1).mean())
    expect(
        crossed <= 0.05,
        f"in my_chorale voices cross in {crossed:.0%} of the steps; at most 5% should. Exercise 8.1 finds where.",
    )
    yield "keeps its voices in order"
    moves = np.concatenate([np.abs(np.diff(answer.voice(v).notes["pitch"].astype(int))) for v in range(4)])
    small = float((moves <= 2).mean()) if len(moves) else 0.0
    expect(small >= 0.6, f"{small:.0%} of the melodic moves are small (two semitones at most); at least 60% should be.")
    yield "moves mostly in steps"
    found = _parallels(pitches)
    expect(
        len(found) <= 3,
        f"my_chorale has {len(found)} parallel fifths and octaves, at most 3 are asked for. The first: {(*found, '')[0]}.",
    )
    yield "has few parallel fifths and octaves"
    last = pitches[-1]
    expect((last > 0).all(), "in the last sixteenth of my_chorale not all four voices sing.")
    chord = {int(p) for p in (last - last[3]) % 12}
    expect(
        chord in ({0, 4, 7}, {0, 3, 7}, {0, 4}, {0, 3}),
        f"the last chord is {' '.join(pitch_name(int(p)) for p in last)}: no major or minor triad with its root in the bass.",
    )
    yield "ends on a triad with its root in the bass"


def _steps(score):
    """Return what sounds in each sixteenth: int array (steps, 4), 0 for silence."""
    pitches = np.zeros((max(1, round(score.duration * 4)), 4), dtype=int)
    for onset, duration, pitch, voice, _ in score.notes.tolist():
        pitches[round(onset * 4) : max(round((onset + duration) * 4), round(onset * 4) + 1), voice] = pitch
    return pitches


def _parallels(pitches):
    """List parallel fifths and octaves in words."""
    found, before, after = [], pitches[:-1], pitches[1:]
    for a, b in combinations(range(4), 2):
        sung = (before[:, [a, b]] > 0).all(axis=1) & (after[:, [a, b]] > 0).all(axis=1)
        together = (after[:, a] - before[:, a]) * (after[:, b] - before[:, b]) > 0
        size, then = (before[:, a] - before[:, b]) % 12, (after[:, a] - after[:, b]) % 12
        for step in np.flatnonzero(sung & together & (size == then) & np.isin(size, (0, 7))):
            interval = "fifths" if size[step] == 7 else "octaves"
            found.append(f"{interval} between {_NAMES[a]} and {_NAMES[b]} at quarter {(step + 1) / 4:g}")
    return found


def _hymn(chords, beats=1.0):
    """Build a score of chords, each as long as `beats`."""
    return Score([(i * beats, beats, p, v) for i, chord in enumerate(chords) for v, p in enumerate(chord)])


_I, _IV, _V = (72, 67, 64, 48), (72, 69, 65, 53), (71, 67, 62, 55)
_CADENCE = (_I, _I, _IV, _I, _V, _V, _I, _I)


EXERCISES = [
    Exercise(
        id="8.1",
        title="Who is on top?",
        name="crossings",
        hints=(
            "Neighbours stand in neighbouring columns: pitches[:, :-1] are the upper ones, pitches[:, 1:] those below them.",
            "A crossing is lower > upper. Where upper is 0, the voice above is silent and does not count.",
            "A step counts once: take .any(axis=1) of the crossings, then sum.",
        ),
        test=_crossings,
        mistakes=(
            Mistake(lambda pitches: int((pitches[:, 1:] > pitches[:, :-1]).any(axis=1).sum()), "it should be"),
            Mistake(lambda pitches: int(_crossed(pitches).sum()), "it should be 1"),
            Mistake(
                lambda pitches: int(((pitches[:, 1:] >= pitches[:, :-1]) & (pitches[:, :-1] > 0)).any(axis=1).sum()),
                "it should be 0",
            ),
            Mistake(lambda pitches: int(((pitches[:, 1] > pitches[:, 0]) & (pitches[:, 0] > 0)).sum()), "it should be 3"),
            Mistake(
                lambda pitches: int(((pitches[:, 1:] < pitches[:, :-1]) & (pitches[:, 1:] > 0)).any(axis=1).sum()), "is below"
            ),
            Mistake(lambda pitches: int(_crossed(pitches).any(axis=0).sum()), "in the steps ["),
            Mistake(_full_steps_only, "where the soprano is silent"),
            Mistake(lambda pitches: float(_crossed(pitches).any(axis=1).mean()), "it should be 1"),
        ),
    ),
    Exercise(
        id="8.2",
        title="The chain",
        name="chain",
        hints=(
            "The probability of one chord is p_s[s] * p_a[s, a] * p_b[s, a, b]. Three loops would do.",
            "NumPy multiplies whole tables if their shapes fit: p_s[:, None, None] has the shape (s, 1, 1).",
            "p_a lacks one axis, the last: p_a[:, :, None]. p_b has all three. The answer is the product of the three.",
        ),
        test=_chain,
        mistakes=(
            Mistake(_apart, "their product is"),
            Mistake(lambda p_s, p_a, p_b: p_a[:, :, None] * p_b, "must sum to 1"),
            Mistake(lambda p_s, p_a, p_b: p_s[:, None, None] + p_a[:, :, None] + p_b, "must sum to 1"),
            Mistake(lambda p_s, p_a, p_b: (p_s[:, None, None] * p_a[:, :, None] * p_b).sum(axis=2), "for each [s, a, b]"),
            Mistake(lambda p_s, p_a, p_b: (p_s[:, None, None] * p_a[:, :, None] * p_b).T, "for each [s, a, b]"),
            Mistake(lambda p_s, p_a, p_b: p_s * p_a * p_b, "hint("),
            Mistake(lambda p_s, p_a, p_b: _to_one(p_a[:, :, None] * p_b), "their product is"),
        ),
    ),
    Exercise(
        id="8.3",
        title="A figure without padding",
        name="mean_nats",
        hints=(
            "Surprise is -log p. Of piece i only log_p[i, :lengths[i]] is music.",
            "Collect these parts in a list and join them: np.concatenate gives one array (all real steps, voices).",
            "The mean of that array, with a minus, is the answer.",
        ),
        test=_mean_nats,
        mistakes=(
            Mistake(lambda log_p, lengths: float(-log_p.mean()), "mean with the padding in it"),
            Mistake(
                lambda log_p, lengths: float(np.mean([-p[:n].mean() for p, n in zip(log_p, lengths, strict=True)])),
                "mean of the pieces' means",
            ),
            Mistake(_by_step, "sum over the voices"),
            Mistake(_masked, "Cut the padding off"),
            Mistake(lambda log_p, lengths: -_right_mean(log_p, lengths), "wrong sign"),
            Mistake(lambda log_p, lengths: float(np.exp(_right_mean(log_p, lengths))), "perplexity"),
            Mistake(lambda log_p, lengths: float(-log_p[:, : min(lengths)].mean()), "length of the shortest"),
            Mistake(lambda log_p, lengths: float(-log_p.sum() / (log_p.shape[2] * sum(lengths))), "still in your sum"),
            Mistake(lambda log_p, lengths: float(-log_p[log_p < -1e-3].mean()), "Only the lengths say"),
        ),
    ),
    Exercise(
        id="8.4",
        title="A chorale to keep",
        name="my_chorale",
        hints=(
            "Write many and keep few: a for loop over seeds, with generate(chorale, fixed={0: tune}, temperature=0.6,"
            " seed=seed).",
            "A tune that ends on its home note, as all of hymns() do, makes the last chord easier.",
            "Where one bar is at fault, mend it: give all voices as fixed= and write that bar anew with gaps= and another seed.",
        ),
        test=_keep,
        mistakes=(
            Mistake([60, 64, 67], "give the Score"),
            Mistake(_hymn(_CADENCE), "8 to 64"),
            Mistake(Score([(i, 1.0, 60 + i % 8) for i in range(32)]), "it should have four"),
            Mistake(_hymn(_CADENCE * 4).transpose(12), "it sings"),
            Mistake(_hymn([(67, 72, 64, 48)] * 32), "voices cross"),
            Mistake(_hymn([_I, (79, 72, 60, 41)] * 16), "small"),
            Mistake(_hymn([_I, tuple(p + 2 for p in _I)] * 16), "parallel fifths and octaves"),
            Mistake(_hymn(_CADENCE * 3 + (_I,) * 7 + ((72, 67, 64, 52),)), "root in the bass"),
            Mistake(_hymn(_CADENCE * 3 + (_I,) * 7 + ((71, 67, 65, 55),)), "root in the bass"),
            Mistake(Score([*_hymn(_CADENCE * 4).notes.tolist(), (32, 4, 60, 0)]), "not all four voices sing"),
            Mistake(_hymn(_CADENCE * 4).notes.tolist(), "give the Score"),
        ),
    ),
]
