"""The exercises of lesson 00, Start here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from musiclab.exercises import Exercise, Mistake, Wrong, expect, same
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


def _seconds_long(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    score = _tune(rng, tempo=60.0)
    same(answer(score), score.duration)
    yield "at tempo 60 a quarter lasts one second"
    score = _tune(rng, tempo=120.0)
    same(answer(score), score.duration / 2)
    yield "at tempo 120 it lasts half a second"
    for _ in range(10):
        score = _tune(rng, tempo=float(rng.integers(40, 220)))
        same(answer(score), score.duration * 60 / score.tempo)
    yield "right at any tempo"


def _lowest_and_highest(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    for _ in range(10):
        score = _tune(rng)
        got = answer(score)
        expect(isinstance(got, tuple | list) and len(got) == 2, f"it returned {got!r}; return two names, the lowest first.")
        expect(all(isinstance(name, str) for name in got), f"it returned {got!r}; turn each pitch into its name with pitch_name.")
    yield "returns two names"
    for _ in range(10):
        score = _tune(rng)
        pitches = [int(p) for p in score.notes["pitch"]]
        same(tuple(answer(score)), (pitch_name(min(pitches)), pitch_name(max(pitches))))
    yield "the lowest and the highest, wherever they stand"
    chord = Score([(0, 1, p) for p in rng.choice(np.arange(40, 90), 4, replace=False)])
    same(tuple(answer(chord)), (pitch_name(int(chord.notes["pitch"].min())), pitch_name(int(chord.notes["pitch"].max()))))
    yield "in a chord, too"


def _choose(answer: Callable, rng: np.random.Generator) -> Iterator[str]:
    def index_of(choice: Any, scores: list[Score]) -> int:
        found = [i for i, score in enumerate(scores) if choice is score or choice == score]
        expect(found, f"it returned {choice!r}, which is not one of the {len(scores)} scores it was given.")
        return found[0]

    def tunes() -> list[Score]:
        # Each tune and the same one semitone higher: equal in length, leaps and number of notes.
        four = [_tune(rng) for _ in range(4)]
        return [replace(t, title=f"tune {i}") for i, t in enumerate([*four, *(tune.transpose(1) for tune in four)])]

    lists = [tunes() for _ in range(6)]
    for scores in lists:
        index_of(answer(list(scores)), scores)
    yield "returns one of the scores"
    for scores in lists:
        first = index_of(answer(list(scores)), scores)
        for _ in range(4):
            shuffled = [scores[i] for i in rng.permutation(len(scores))]
            again = index_of(answer(list(shuffled)), scores)
            message = f"of the same scores in another order it chose {scores[again].title!r} and not {scores[first].title!r}"
            why = "Either your rule looks at the place in the list, or both are equal by it and the first one won"
            expect(first == again, f"{message}. {why}: then add a second rule that decides between equals.")
    yield "does not depend on the order of the list"


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
        ),
        test=_seconds_long,
        mistakes=(
            Mistake(lambda score: score.duration, "tempo 120"),
            Mistake(lambda score: score.duration * score.tempo / 60, "tempo 120"),
            Mistake(lambda score: len(score) * 60 / score.tempo, "should be"),
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
                lambda score: (pitch_name(int(score.notes["pitch"][0])), pitch_name(int(score.notes["pitch"][-1]))), "should"
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
        ),
    ),
]
