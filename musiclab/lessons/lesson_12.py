"""Lesson 12: game music."""

import itertools
from collections.abc import Mapping

import numpy as np

from musiclab.bundle import load_bundle
from musiclab.character import NAMES
from musiclab.exercises import Exercise, Mistake, expect, same
from musiclab.game import BAR, SCENES, Scene, Stream, rank_correlation
from musiclab.score import Score

# --- 12.1 ---------------------------------------------------------------------------------------------


def _energy(answer, rng):
    tune = Score([(0, 1, 60), (1, 1, 62), (2, 2, 64), (4, 4, 65)])
    same(answer(tune), np.array([0.75, 0.25]), tolerance=1e-9)
    yield "counts notes per quarter in each bar, as in the example"
    held = Score([(0, 8, 60), (6, 1, 64, 1)])
    same(
        answer(held),
        np.array([0.25, 0.25]),
        "the energy of a note that is held over two bars, with another in bar 2,",
        tolerance=1e-9,
    )
    yield "counts a note where it begins, and only there"
    chord = Score([(0, 4, 67), (0, 4, 64, 1), (0, 4, 48, 2)])
    same(answer(chord), np.array([0.75]), "the energy of a chord of three voices, one bar long,", tolerance=1e-9)
    yield "counts every note of a chord"
    same(answer(Score([(8, 1, 60)])), np.array([0.0, 0.0, 0.25]), "the energy of a single note in bar 3", tolerance=1e-9)
    yield "has a number for every bar, an empty one, too"
    same(answer(Score([(0, 8, 60)])), np.array([0.25, 0.0]), "the energy of one note that fills two bars", tolerance=1e-9)
    yield "has a number for a last bar in which a note is only held"
    jig = Score([(o / 2, 0.5, 60) for o in range(12)], time_signature=(6, 8))
    same(answer(jig), np.array([2.0, 2.0]), "the energy of two bars of 6/8 full of eighths", tolerance=1e-9)
    waltz = Score([(o / 2, 0.5, 60, o % 2) for o in range(12)], time_signature=(3, 4))
    same(answer(waltz), np.array([2.0, 2.0]), "the energy of two bars of 3/4 full of eighths", tolerance=1e-9)
    yield "knows how long a bar is in another metre"


def _energies(score):
    bars = int(np.ceil(score.duration / score.bar_length - 1e-9))
    return [
        float(((score.notes["onset"] >= b * score.bar_length) & (score.notes["onset"] < (b + 1) * score.bar_length)).sum())
        / score.bar_length
        for b in range(bars)
    ]


def _sounding_counts(score):
    """Make the mistake of counting notes that sound, also those held over from the bar before."""
    bars = int(np.ceil(score.duration / score.bar_length - 1e-9))
    return [len(score.slice(b * score.bar_length, (b + 1) * score.bar_length)) / score.bar_length for b in range(bars)]


def _to_the_bar_line(score):
    """Make the mistake of counting a note on a bar line in both bars."""
    bar, onsets = score.bar_length, score.notes["onset"]
    bars = int(np.ceil(score.duration / bar - 1e-9))
    return [float(((onsets >= b * bar) & (onsets <= (b + 1) * bar)).sum()) / bar for b in range(bars)]


def _events(score):
    """Make the mistake of counting a chord once."""
    bar, onsets = score.bar_length, np.unique(score.notes["onset"])
    bars = int(np.ceil(score.duration / bar - 1e-9))
    return [float(((onsets >= b * bar) & (onsets < (b + 1) * bar)).sum()) / bar for b in range(bars)]


def _whole_bars(score):
    """Make the mistake of leaving out a last bar that is not full."""
    return _energies(score)[: int(score.duration // score.bar_length)]


def _without_the_last(score):
    """Make the mistake of bars up to the last that a note begins in."""
    return (np.bincount((score.notes["onset"] // score.bar_length).astype(int)) / score.bar_length).tolist()


def _always_four(score):
    """Make the mistake of a bar of four quarters."""
    bars = int(np.ceil(score.duration / 4 - 1e-9))
    return [float(((score.notes["onset"] >= b * 4) & (score.notes["onset"] < b * 4 + 4)).sum()) / 4 for b in range(bars)]


# --- 12.2 ---------------------------------------------------------------------------------------------


def _agreement(answer, rng):
    same(answer([1, 2, 3], [10, 20, 1000]), 1.0, tolerance=1e-9)
    same(answer([1, 2, 3], [5, 4, -100]), -1.0, tolerance=1e-9)
    yield "sees the order alone"
    got = answer([1, 2, 2, 3], [1, 2, 3, 4])
    is_number = isinstance(got, float | int | np.number)
    expect(
        not (is_number and abs(got - 0.9233805) < 1e-6),
        f"agreement([1, 2, 2, 3], [1, 2, 3, 4]) is {got:.4f}: you give both twos the lower or the higher of their ranks."
        " They share the mean, 2.5.",
    )
    expect(
        not (is_number and abs(got - 0.95) < 1e-9),
        "agreement([1, 2, 2, 3], [1, 2, 3, 4]) is 0.95: the short formula with the squares of the differences holds only where"
        " no two numbers are equal. Correlate the ranks.",
    )
    same(got, 0.9486833, "agreement([1, 2, 2, 3], [1, 2, 3, 4])", tolerance=1e-6)
    yield "lets equal numbers share their mean rank"
    for _ in range(4):
        a, b = rng.integers(1, 9, 40), rng.normal(size=40)
        same(answer(list(a), list(b)), rank_correlation(a, b), tolerance=1e-9)
    yield "agrees with the course's own on random numbers"


def _pearson(a, b):
    """Make the mistake of correlating the numbers themselves."""
    return float(np.corrcoef(a, b)[0, 1])


def _no_ties(a, b):
    """Make the mistake of giving equal numbers different ranks."""
    return float(np.corrcoef(np.argsort(np.argsort(a, kind="stable")), np.argsort(np.argsort(b, kind="stable")))[0, 1])


def _lowest_rank(a, b):
    """Make the mistake of giving equal numbers the lowest of their ranks."""
    return float(np.corrcoef(*((np.array(v)[:, None] > np.array(v)).sum(axis=1) for v in (a, b)))[0, 1])


def _short_formula(a, b):
    """Make the mistake of using the formula for ranks without ties."""
    x, y = (np.array([sum(v < u for v in w) + (w.count(u) + 1) / 2 for u in w]) for w in (list(a), list(b)))
    return 1 - 6 * float(np.square(x - y).sum()) / (len(x) * (len(x) ** 2 - 1))


def _order_not_rank(a, b):
    """Make the mistake of taking the order for the ranks."""
    return float(np.corrcoef(np.argsort(a, kind="stable"), np.argsort(b, kind="stable"))[0, 1])


# --- 12.3 ---------------------------------------------------------------------------------------------


def _pushed(answer, rng):
    untold, told = np.log([0.5, 0.25, 0.25]), np.log([0.25, 0.5, 0.25])
    got = np.asarray(answer(untold, told, 1.0), dtype=float)
    expect(
        not (got < 0).any(),
        f"pushed returns {got.round(3).tolist()}, and no probability is below 0. If these are logarithms, take np.exp of them.",
    )
    same(got, np.array([0.25, 0.5, 0.25]), "pushed(untold, told, 1), where told is log([0.25, 0.5, 0.25]),", tolerance=1e-6)
    same(
        answer(untold, told, 0.0),
        np.array([0.5, 0.25, 0.25]),
        "pushed(untold, told, 0), where untold is log([0.5, 0.25, 0.25]),",
        tolerance=1e-6,
    )
    yield "gives what the told model says at 1, and what the other says at 0"
    got = np.asarray(answer(untold, told, 2.0), dtype=float)
    expect(
        not np.allclose(got, [0, 0.75, 0.25]),
        f"pushed(untold, told, 2) is {got.round(3).tolist()}: you push the probabilities. Push their logarithms, and take np.exp"
        " then.",
    )
    wanted = np.array([0.125, 1.0, 0.25]) / 1.375
    same(got, wanted, "pushed(log([0.5, 0.25, 0.25]), log([0.25, 0.5, 0.25]), 2)", tolerance=1e-6)
    yield "goes beyond at 2"
    for _ in range(3):
        a, b = (np.log(rng.dirichlet(np.ones(6))) for _ in range(2))
        push = float(rng.uniform(0, 4))
        wanted = np.exp(a + push * (b - a))
        got = np.asarray(answer(a.copy(), b.copy(), push), dtype=float)
        expect(abs(got.sum() - 1) < 1e-6, f"your probabilities sum to {got.sum():.3f}; divide by their sum.")
        same(got, wanted / wanted.sum(), tolerance=1e-6)
    yield "returns probabilities, whatever the two say"
    far = np.array([-2000.0, -2001.0])
    same(answer(far, far, 1.0), np.array([0.731059, 0.268941]), tolerance=1e-5)
    far = np.array([-1000.0, -3000.0])
    same(answer(far, far, 1.0), np.array([1.0, 0.0]), tolerance=1e-5)
    yield "does not break on very small numbers"


def _softmax(logits):
    p = np.exp(logits - np.max(logits))
    return p / p.sum()


def _overflowing(untold, told, firmness):
    """Make the mistake of not subtracting the largest."""
    with np.errstate(invalid="ignore"):
        return np.exp(untold + firmness * (told - untold)) / np.exp(untold + firmness * (told - untold)).sum()


def _by_the_smallest(untold, told, firmness):
    """Make the mistake of subtracting the smallest."""
    logits = untold + firmness * (told - untold)
    with np.errstate(over="ignore", invalid="ignore"):
        p = np.exp(logits - logits.min())
        return p / p.sum()


def _pushed_probabilities(untold, told, firmness):
    """Make the mistake of pushing probabilities and not their logarithms."""
    p = np.exp(untold) + firmness * (np.exp(told) - np.exp(untold))
    return p / p.sum()


# --- 12.4 ---------------------------------------------------------------------------------------------


def _starts(answer, rng):
    same(answer([120.0, 120.0], 24000), [0, 48000])
    yield "sets two bars at tempo 120 two seconds apart"
    same(answer([120.0, 60.0, 120.0], 1000), [0, 2000, 6000])
    yield "gives each bar its own tempo"
    for _ in range(3):
        tempos = rng.uniform(60, 180, 400).round(1).tolist()
        got = list(answer(list(tempos), 24000))
        expect(len(got) == 400, f"you return {len(got)} numbers for 400 bars; it should be one for each.")
        exact = np.concatenate([[0], np.cumsum(240 / np.array(tempos))[:-1]]) * 24000
        off = int(np.abs(np.array(got, dtype=float) - exact).max().round())
        expect(off <= 1, f"after 400 bars you are {off} frames off: round the sum, and not each bar.")
    yield "does not drift in 400 bars"
    expect(all(isinstance(n, int | np.integer) for n in answer([97.0] * 9, 24000)), "frames are whole numbers; round them.")
    yield "returns whole frames"


def _bar_starts(tempos, rate):
    seconds, found = 0.0, []
    for tempo in tempos:
        found.append(round(seconds * rate))
        seconds += 240 / tempo
    return found


def _rounded_bars(tempos, rate):
    """Make the mistake of rounding each bar down, and then adding up."""
    frames, found = 0, []
    for tempo in tempos:
        found.append(frames)
        frames += int(240 / tempo * rate)
    return found


def _whole_seconds(tempos, rate):
    """Make the mistake of rounding seconds."""
    seconds = np.cumsum([0, *(240 / tempo for tempo in tempos[:-1])])
    return [round(s) * rate for s in seconds.tolist()]


def _one_beat(tempos, rate):
    """Make the mistake of taking a beat for a bar."""
    return [n // 4 for n in _bar_starts(tempos, rate)]


# --- 12.5 ---------------------------------------------------------------------------------------------

_BARS = 4


def _my_scenes(answer, rng):
    expect(isinstance(answer, Mapping), f"my_scenes is of type {type(answer).__name__}; give a dict, name -> Scene.")
    wrong = [scene for scene in answer.values() if not isinstance(scene, Scene)]
    expect(not wrong, f"my_scenes holds a {type(wrong[0]).__name__ if wrong else ''}; give Scenes.")
    expect(len(answer) >= 2, f"my_scenes holds {len(answer)}; a game has two scenes or more.")
    names = [name for name, scene in answer.items() if scene.name != name]
    expect(not names, f"the scene under {names[0] if names else ''!r} has another name of its own; themes are kept by it.")
    yield "holds two scenes or more, under their own names"
    wishes = [(*scene.levels.tolist(), scene.tempo) for scene in answer.values()]
    shipped = {(*scene.levels.tolist(), scene.tempo) for scene in SCENES.values()}
    expect(not set(wishes) <= shipped, "my_scenes are the four of the lesson; change what they wish for.")
    yield "are scenes of your own"
    for a, b in itertools.combinations(answer.values(), 2):
        expect(
            (a.levels != b.levels).any(),
            f"{a.name!r} and {b.name!r} wish for the same energy, tension, register and mode. Of tempo and loudness the model"
            " knows nothing: let one of the four wishes differ.",
        )
    yield "wish for different things"
    bundle = load_bundle("scenes")
    heard = {name: _measured(bundle, scene) for name, scene in list(answer.items())[:6]}
    for a, b in itertools.combinations(heard, 2):
        wanted = np.sign(answer[a].levels - answer[b].levels)  # 0 where nothing different was asked for
        apart = wanted * (heard[a] - heard[b])
        most = int(apart.argmax())
        expect(
            apart[most] >= 1.5,
            f"in {_BARS} bars of each, {a!r} and {b!r} differ as you wished by {max(0, apart[most]):.1f} levels at most, in"
            f" {NAMES[most]}; it should be 1.5. Ask for things further apart.",
        )
    yield "can be told apart by what they sound like"


def _measured(bundle, scene):
    """Return the mean level of each measure over some bars of a scene."""
    stream = Stream(bundle, scene, seed=3)
    notes = [
        (onset + BAR * n, *rest)
        for n, bar in enumerate(stream.next_bar() for _ in range(_BARS))
        for onset, *rest in bar.score.notes.tolist()
    ]
    encoding = bundle.encoding
    return encoding.levels(encoding.character(encoding.encode(Score(notes)), (4, 4))).mean(axis=0)


_ALIKE = {name: Scene(name, energy=energy, tempo=111) for name, energy in (("storm", 0.8), ("gale", 0.9))}
_FASTER = {name: Scene(name, energy=0.5, tempo=tempo) for name, tempo in (("walk", 70), ("run", 160))}

EXERCISES = [
    Exercise(
        id="12.1",
        title="Energy",
        name="energy",
        hints=(
            "score.bar_length is the length of a bar in quarters, score.notes['onset'] are the beginnings.",
            "There are ceil(score.duration / score.bar_length) bars. Of bar b you want the onsets from b * bar_length up to (b"
            " + 1) * bar_length, without the latter.",
            "Divide the number of them by the length of a bar.",
        ),
        test=_energy,
        mistakes=(
            Mistake(_sounding_counts, "it should be 0.25"),
            Mistake(_always_four, "it should"),
            Mistake(_without_the_last, "it should"),
            Mistake(lambda score: [4 * e for e in _energies(score)], "it should be 0.75"),
            Mistake(lambda score: [e for e in _energies(score) if e], "it should be (3,)"),
            Mistake(_to_the_bar_line, "is 1, it should be 0.75"),
            Mistake(_events, "a chord of three voices"),
            Mistake(lambda score: _energies(score.voice(0)), "in bar 2, at [1] is 0"),
            Mistake(_whole_bars, "single note in bar 3"),
            Mistake(lambda score: [e * score.bar_length / score.time_signature[0] for e in _energies(score)], "bars of 6/8"),
            Mistake(lambda score: float(np.mean(_energies(score))), "it should be an array"),
        ),
    ),
    Exercise(
        id="12.2",
        title="Does it follow?",
        name="agreement",
        hints=(
            "First turn each list into ranks, then correlate the ranks: np.corrcoef(ranks_a, ranks_b)[0, 1].",
            "The rank of x is the number of values below x, plus half of those that equal it (itself among them), plus one half.",
        ),
        test=_agreement,
        mistakes=(
            Mistake(_pearson, "it should be 1"),
            Mistake(_no_ties, "it should be 0.94"),
            Mistake(_order_not_rank, "it should be"),
            Mistake(lambda a, b: abs(rank_correlation(np.array(a), np.array(b))), "it should be -1"),
            Mistake(_lowest_rank, "They share the mean"),
            Mistake(_short_formula, "Correlate the ranks"),
            Mistake(lambda a, b: np.corrcoef(a, b), "it should be a number"),
            Mistake(lambda a, b: float(np.mean(np.argsort(a) == np.argsort(b))), "it should be -1"),
        ),
    ),
    Exercise(
        id="12.3",
        title="Push",
        name="pushed",
        hints=(
            "From the untold model in the direction of the told one: untold + firmness * (told - untold), with the logarithms.",
            "Turn logarithms into probabilities with exp, and divide by the sum.",
            "exp(-2000) is 0, and 0 / 0 is no number: first subtract the largest logarithm.",
        ),
        test=_pushed,
        mistakes=(
            Mistake(_pushed_probabilities, "you push the probabilities"),
            Mistake(_by_the_smallest, "not a number"),
            Mistake(lambda u, t, f: np.exp(u + f * (t - u)), "it should be"),
            Mistake(lambda u, t, f: _softmax(t + f * (t - u)), "it should be"),
            Mistake(_overflowing, "not a number"),
            Mistake(lambda u, t, f: u + f * (t - u), "If these are logarithms"),
            Mistake(lambda u, t, f: _softmax(t + f * (u - t)), "where told is log"),
            Mistake(lambda u, t, f: _softmax(f * t), "where untold is log"),
            Mistake(lambda u, t, f: (1 - f) * np.exp(u) + f * np.exp(t), "you push the probabilities"),
        ),
    ),
    Exercise(
        id="12.4",
        title="On time",
        name="bar_starts",
        hints=(
            "A bar of four quarters lasts 240 / tempo seconds.",
            "Add up seconds, not frames, and round each sum once: round(seconds * rate).",
        ),
        test=_starts,
        mistakes=(
            Mistake(_rounded_bars, "frames off"),
            Mistake(_one_beat, "it should be 48000"),
            Mistake(lambda tempos, rate: _bar_starts([*tempos, 120], rate)[1:], "it should be 0"),
            Mistake(lambda tempos, rate: [n / 1 for n in _bar_starts(tempos, rate)], "whole numbers"),
            Mistake(lambda tempos, rate: _bar_starts([*tempos, 120], rate), "it should have 2"),
            Mistake(lambda tempos, rate: [round(k * 240 / t * rate) for k, t in enumerate(tempos)], "it should be 2000"),
            Mistake(_whole_seconds, "frames off"),
            Mistake(lambda tempos, rate: _bar_starts([1000 / t for t in tempos], rate), "it should be 48000"),
        ),
    ),
    Exercise(
        id="12.5",
        title="Scenes of your own",
        name="my_scenes",
        hints=(
            "my_scenes = {scene.name: scene for scene in (Scene('harbour', energy=0.2, …), Scene('chase', energy=0.9, …))}",
            "Let two scenes differ in energy or in register first: those are followed best.",
        ),
        test=_my_scenes,
        seconds=30,
        mistakes=(
            Mistake([Scene("a"), Scene("b")], "give a dict"),
            Mistake({"harbour": Scene("harbour")}, "two scenes or more"),
            Mistake({"a": Scene("a"), "b": "calm"}, "give Scenes"),
            Mistake({"a": Scene("harbour"), "b": Scene("chase")}, "another name"),
            Mistake(dict(SCENES), "the four of the lesson"),
            Mistake(_ALIKE, "further apart"),
            Mistake(_FASTER, "Of tempo and loudness"),
            Mistake(Scene("harbour"), "give a dict"),
            Mistake({"a": (0.1, 0.2, 0.3, 0.4), "b": (0.9, 0.2, 0.3, 0.4)}, "give Scenes"),
        ),
    ),
]
