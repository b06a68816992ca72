"""The exercises of lesson 00, Start here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np

from musiclab.exercises import Exercise, Mistake, Wrong, describe, expect, same
from musiclab.score import Score, pitch_name


def _tune(rng: np.random.Generator, **words: Any) -> Score:
    """Make up a melody of 5 to 30 notes that does not end on a whole quarter."""
    durations = rng.choice([0.25, 0.5, 1.0, 1.5], rng.integers(5, 30))
    onsets = np.cumsum(durations) - durations + rng.integers(0, 4)
    return Score(list(zip(onsets, durations, rng.integers(45, 90, len(durations)), strict=True)), **words)


def _waltz(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    if not isinstance(answer, Score):
        raise Wrong(f"`waltz` is {type(answer).__name__}, not a Score. generate(melody, …) returns one.")
    expect(len(answer) > 0, "`waltz` holds no note.")
    yield "it is a piece of music"
    beats, unit = answer.time_signature
    expect((beats, unit) == (3, 4), f"its time signature is {beats}/{unit}. generate takes time_signature=(3, 4).")
    yield "it is in 3/4"
    bars = answer.duration / answer.bar_length
    expect(bars >= 8, f"it is {bars:.1f} bars long, and should have at least 8. Try another seed, or a larger length.")
    yield "it has at least 8 bars"


def _is_close(got: Any, wanted: float) -> bool:
    """Tell whether an answer, of whatever kind, is this number."""
    return isinstance(got, Real) and not isinstance(got, bool) and abs(got) < 1e9 and math.isclose(got, wanted)


def _seconds_long(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def right(score: Score) -> None:
        wanted = score.duration * 60 / score.tempo
        what = f"for {score.duration:g} quarters at tempo {score.tempo:g} the answer"
        got = answer(score)
        slips = (
            (score.duration * score.tempo / 60, "the faster the tempo, the shorter the piece: which way round is the fraction?"),
            (score.duration / score.tempo, "those are minutes."),
            (float(score.notes["duration"].sum()) * 60 / score.tempo, "the rests last, too: score.duration has them in it."),
            (math.floor(wanted), "do not round it."),
            (math.ceil(wanted), "do not round it."),
        )
        found = {why for slip, why in slips if _is_close(got, slip) and not _is_close(wanted, slip)}
        if len(found) == 1:  # of two that chance to agree neither is sure
            raise Wrong(f"{what} is {describe(got)}, it should be {wanted:.6g}: {found.pop()}")
        same(got, wanted, what)

    right(_tune(rng, tempo=60.0))
    yield "at tempo 60 a quarter lasts one second"
    right(_tune(rng, tempo=120.0))
    yield "at tempo 120 it lasts half a second"
    for _ in range(10):
        right(_tune(rng, tempo=float(rng.integers(40, 220))))
    yield "right at any tempo"


def _lowest_and_highest(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def right(score: Score) -> None:
        pitches = [int(p) for p in score.notes["pitch"]]
        wanted = (pitch_name(min(pitches)), pitch_name(max(pitches)))
        got = tuple(answer(score))
        what = f"for pitches from {min(pitches)} to {max(pitches)} it returned {got!r}, and not {wanted!r}"
        expect(got == wanted or got != wanted[::-1], f"{what}: the lowest comes first.")
        places = (pitch_name(int(np.argmin(pitches))), pitch_name(int(np.argmax(pitches))))
        expect(got == wanted or got != places, f"{what}: argmin and argmax give the place of a note, not its pitch.")
        names = sorted(pitch_name(p) for p in pitches)
        expect(got == wanted or got != (names[0], names[-1]), f"{what}: compare the pitches, for names are sorted by letter.")
        expect(got == wanted, f"{what}.")

    for _ in range(10):
        got = answer(_tune(rng))
        two = isinstance(got, tuple | list) and len(got) == 2
        expect(two, f"it returned {describe(got)}; return two names, the lowest first.")
        named = all(isinstance(name, str) for name in got)
        expect(named, f"it returned {describe(got)}; turn each pitch into its name with pitch_name.")
    yield "returns two names"
    for _ in range(10):
        right(_tune(rng))
    yield "the lowest and the highest, wherever they stand"
    right(Score([(0, 1, p) for p in rng.choice(np.arange(40, 90), 4, replace=False)]))
    yield "in a chord, too"


def _choose(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def index_of(choice: Any, scores: list[Score]) -> int:
        found = [i for i, score in enumerate(scores) if choice is score or (isinstance(choice, Score) and choice == score)]
        ways = {
            "int": "A place in the list is not the score: return scores[place]",
            "list": "Return one score, not a list of them",
            "NoneType": "Does your function end with return? And if no score fits your rule, it has to return one all the same",
        }
        way = ways.get(type(choice).__name__.replace("int64", "int"), "Return one of those in the list")
        expect(found, f"it returned {describe(choice)}, which is not one of the {len(scores)} scores it was given. {way}.")
        return found[0]

    def choose(scores: list[Score]) -> int:
        try:
            return index_of(answer(list(scores)), scores)
        except TypeError as error:
            if "'Score' and 'Score'" not in str(error):
                raise
            words = "it asked which of two scores is larger, and scores have no order. max and min take key=, a function that"
            raise Wrong(f"{words} turns a score into a number.") from None

    def tunes() -> list[Score]:
        # Each tune and the same one semitone higher: equal in length, leaps and number of notes.
        four = [_tune(rng) for _ in range(4)]
        return [replace(t, title=f"tune {i}") for i, t in enumerate([*four, *(tune.transpose(1) for tune in four)])]

    lists = [tunes() for _ in range(6)]
    for scores in lists:
        choose(scores)
    yield "returns one of the scores"
    for scores in lists:
        expect(len({choose(scores) for _ in range(5)}) == 1, "of one and the same list it chose now this score, now that one.")
    yield "chooses the same again"
    for scores in lists:
        first = choose(scores)
        for _ in range(4):
            shuffled = [scores[i] for i in rng.permutation(len(scores))]
            again = scores.index(shuffled[choose(shuffled)])
            message = f"of the same scores in another order it chose {scores[again].title!r} and not {scores[first].title!r}"
            why = "Either your rule looks at the place in the list, or both are equal by it and the first one won"
            expect(first == again, f"{message}. {why}: then add a second rule that decides between equals.")
    yield "does not depend on the order of the list"


def _sorts_itself(scores: list[Score]) -> Score:
    scores.sort(key=len)
    return scores[0]


EXERCISES = [
    Exercise(
        id="0.1",
        title="A waltz",
        name="waltz",
        hints=(
            "Look at the cell that wrote the jig: it told `generate` its time signature.",
            "A bar of 3/4 lasts 3 quarter lengths, so 8 bars last 24: let `length` be more than that.",
            "waltz = generate(melody, length=48, time_signature=(3, 4), seed=1), and another seed if it is too short.",
        ),
        test=_waltz,
        mistakes=(
            Mistake("generate(melody, length=48)", "is str, not a Score"),
            Mistake(Score([(0, 40, 60)]), "its time signature is 4/4"),
            Mistake(Score([(0, 20, 60)], time_signature=(3, 4)), "should have at least 8"),
        ),
    ),
    Exercise(
        id="0.2",
        title="How long is it?",
        name="seconds_long",
        hints=(
            "How long does one quarter note last at tempo 60, at 120, at 30? Find the rule.",
            "A minute has 60 seconds, and `score.tempo` quarters fit into it.",
            "So a quarter lasts 60 / score.tempo seconds, and the score is score.duration quarters long.",
        ),
        test=_seconds_long,
        mistakes=(
            Mistake(lambda score: score.duration, "at tempo 120 the answer"),
            Mistake(lambda score: score.duration * score.tempo / 60, "which way round is the fraction"),
            Mistake(lambda score: len(score) * 60 / score.tempo, "should be"),
            Mistake(lambda score: score.duration / score.tempo, "those are minutes"),
            Mistake(lambda score: float(score.notes["duration"].sum()) * 60 / score.tempo, "the rests last, too"),
            Mistake(lambda score: score.duration * 60 // score.tempo, "do not round it"),
            Mistake(lambda score: f"{score.duration * 60 / score.tempo} s", "is a text, it should be a number"),
        ),
    ),
    Exercise(
        id="0.3",
        title="High and low",
        name="lowest_and_highest",
        hints=(
            "`score.notes['pitch']` is an array; arrays have the methods `min` and `max`.",
            "pitch_name(int(score.notes['pitch'].min())) is the name of the lowest note.",
        ),
        test=_lowest_and_highest,
        mistakes=(
            Mistake(lambda score: (score.notes["pitch"].min(), score.notes["pitch"].max()), "turn each pitch into its name"),
            Mistake(lambda score: pitch_name(int(score.notes["pitch"].min())), "return two names"),
            Mistake(
                lambda score: (pitch_name(int(score.notes["pitch"][0])), pitch_name(int(score.notes["pitch"][-1]))), "and not"
            ),
            Mistake(
                lambda score: tuple(pitch_name(int(f(score.notes["pitch"]))) for f in (np.max, np.min)), "the lowest comes first"
            ),
            Mistake(
                lambda score: tuple(f(map(pitch_name, score.notes["pitch"].tolist())) for f in (min, max)), "sorted by letter"
            ),
            Mistake(
                lambda score: tuple(pitch_name(int(f(score.notes["pitch"]))) for f in (np.argmin, np.argmax)),
                "the place of a note",
            ),
        ),
    ),
    Exercise(
        id="0.4",
        title="Choose for yourself",
        name="choose",
        hints=(
            "`max(scores, key=rule)` returns the score for which rule(score) is largest.",
            "Two scores may be equal by your rule; then `max` takes the first one. Add a second rule that decides between them.",
            "max(scores, key=lambda score: (len(score), score.notes.tolist())): the most notes, then by the notes themselves.",
        ),
        test=_choose,
        mistakes=(
            Mistake(lambda scores: scores[0], "looks at the place in the list"),
            Mistake(lambda scores: max(scores, key=lambda score: score.duration), "both are equal by it"),
            Mistake(
                lambda scores: min(scores, key=lambda s: abs(np.diff(s.notes["pitch"].astype(int))).sum()), "both are equal by it"
            ),
            Mistake(lambda scores: max(len(score) for score in scores), "which is not one of the 8 scores"),
            Mistake(lambda scores: sorted(scores, key=len), "not a list of them"),
            Mistake(lambda scores: max((len(score), score) for score in scores)[1], "scores have no order"),
            Mistake(lambda scores: scores[np.random.default_rng().integers(len(scores))], "now this score, now that one"),
            Mistake(lambda scores: next((s for s in scores if len(s) > 99), None), "it has to return one all the same"),
            Mistake(_sorts_itself, "changed its input"),
        ),
    ),
]
