"""Measures of a piece: known answers, other definitions, and changes that must not matter."""

import itertools
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import scores, tune

from musiclab import evaluation, files
from musiclab.corpus import load_corpus
from musiclab.evaluation import (
    DURATIONS,
    MEASURES,
    changes_of,
    duration_entropy,
    duration_histogram,
    grid_of,
    groove_consistency,
    interval_histogram,
    key_of,
    leaps,
    longest_repeat,
    notes_on_beats,
    onset_density,
    onset_positions,
    pitch_class_entropy,
    pitch_class_histogram,
    pitch_range,
    repeated_bars,
    scale_consistency,
    self_similarity,
    small_steps,
)
from musiclab.past import PROFILES
from musiclab.score import Score

SCALE = tune([60, 62, 64, 65, 67, 69, 71, 72])
SCALES = [[0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 10]]  # major and natural minor


@pytest.fixture(scope="module")
def chorales():
    return load_corpus("bach-chorales", progress=False)[::30]


def singable(score):
    """The same music between 36 and 95, so that there is room to transpose it."""
    notes = score.notes.copy()
    notes["pitch"] = 36 + notes["pitch"] % 60
    return replace(score, notes=notes)


music = scores(voices=4).map(singable)


def test_all_that_is_exported_is_there():
    assert sorted(evaluation.__all__) == sorted(set(evaluation.__all__))
    assert all(hasattr(evaluation, name) for name in evaluation.__all__)


# --- the grid ----------------------------------------------------------------------------------------


def test_the_grid_of_a_score_made_by_hand():
    score = Score([(0, 0.5, 72, 0), (0, 1, 60, 3), (0.75, 0.25, 71, 0), (0.75, 0.25, 74, 0), (1.4, 0.01, 65, 2), (0, 9, 50, 4)])
    wanted = [[72, 0, 0, 60], [72, 0, 0, 60], [0, 0, 0, 60], [74, 0, 0, 60], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 65, 0]]
    assert grid_of(score).tolist() == wanted
    assert changes_of(grid_of(score)).tolist() == [wanted[k] for k in (0, 2, 3, 4, 6)]
    assert grid_of(score, voices=1).tolist() == [[72], [72], [0], [74]]
    assert grid_of(Score([(0, 1, 60), (1.4, 1, 62)]), voices=1, steps_per_quarter=1).tolist() == [[60], [62]]
    assert grid_of(Score([])).shape == (0, 4) and changes_of(grid_of(Score([]))).shape == (0, 4)


@given(music)
def test_the_grid_is_what_sounds(score):
    """Looked up note by note: in a step sounds the highest of the notes that are rounded to cover it."""
    grid = grid_of(score)
    sounding = Counter()
    for onset, duration, pitch, voice, _ in score.notes.tolist():
        start, stop = math.floor(4 * onset + 0.5), math.floor(4 * (onset + duration) + 0.5)
        for step in range(start, max(stop, start + 1)):
            sounding[step, voice] = max(sounding[step, voice], pitch)
    assert grid.shape == (max((step + 1 for step, _ in sounding), default=0), 4)
    assert {(t, v): int(grid[t, v]) for t, v in np.argwhere(grid).tolist()} == dict(sounding)


@given(music)
def test_changes_are_the_grid_without_its_repetitions(score):
    assert changes_of(grid_of(score)).tolist() == [row for row, _ in itertools.groupby(grid_of(score).tolist())]


# --- what must not matter ----------------------------------------------------------------------------


@given(music, st.integers(-12, 12))
def test_transposition_does_not_matter(score, semitones):
    for measure in MEASURES:
        if measure.name != "out of a choir's range":
            assert measure.of(score.transpose(semitones)) == pytest.approx(measure.of(score), nan_ok=True), measure.name
    assert np.allclose(pitch_class_histogram(score.transpose(semitones)), np.roll(pitch_class_histogram(score), semitones))


@given(music)
def test_titles_tempo_and_loudness_do_not_matter(score):
    notes = score.notes.copy()
    notes["velocity"] = 127 - notes["velocity"]
    other = Score(notes, title="Another", tempo=33, time_signature=score.time_signature, key="E- minor")
    for measure in MEASURES:
        assert measure.of(other) == pytest.approx(measure.of(score), nan_ok=True), measure.name


@given(music)
def test_percentages_are_percentages(score):
    for measure in MEASURES:
        value = measure.of(score)
        assert np.isnan(value) or (0 <= value <= 100 if measure.unit == "%" else value >= 0), measure.name
        assert isinstance(value, float) and (len(score) or np.isnan(value)), measure.name


# --- pitch -------------------------------------------------------------------------------------------


def test_pitch_measures_of_a_scale():
    assert pitch_range(SCALE) == 12
    assert pitch_class_histogram(SCALE).tolist() == [0.25, 0, 0.125, 0, 0.125, 0.125, 0, 0.125, 0, 0.125, 0, 0.125]
    assert pitch_class_entropy(SCALE) == pytest.approx(0.25 * 2 + 6 * 0.125 * 3)
    assert scale_consistency(SCALE) == 100 and small_steps(SCALE) == 100 and leaps(SCALE) == 0
    assert interval_histogram(SCALE)[12:].tolist() == [0, 2, 5, *[0] * 10] and interval_histogram(SCALE).sum() == 7


def test_the_limits_of_pitch_class_entropy():
    assert pitch_class_entropy(tune([60, 72, 48])) == 0
    assert pitch_class_entropy(tune(range(60, 84))) == pytest.approx(np.log2(12))
    assert scale_consistency(tune(range(60, 72))) == pytest.approx(100 * 7 / 12)
    assert scale_consistency(tune([60, 62, 64, 66])) == 100  # G major
    assert scale_consistency(tune([60, 61, 62, 63])) == 75  # C, D and E flat


def test_intervals_lie_within_a_voice():
    two = Score([(0, 1, 72, 0), (0, 1, 48, 1), (1, 1, 74, 0), (1, 1, 41, 1), (3, 1, 74, 0), (3, 1, 58, 1)])
    counts = dict(zip(range(-12, 13), interval_histogram(two).tolist(), strict=True))
    assert {size: count for size, count in counts.items() if count} == {2: 1, 0: 1, -7: 1, 12: 1}  # 17 counts as 12; over a rest
    assert small_steps(two) == pytest.approx(100 / 3) and leaps(two) == pytest.approx(200 / 3)
    chord = Score([(0, 1, 72), (0, 1, 64), (0, 1, 60), (1, 1, 76), (1, 1, 67)])
    assert interval_histogram(chord)[12 + 4] == 1 == interval_histogram(chord).sum()  # from highest to highest
    assert np.isnan(small_steps(tune([60, 60]))) and np.isnan(leaps(tune([60])))
    assert leaps(tune([60, 64, 60])) == 0 and leaps(tune([60, 65, 60])) == 100  # a fourth is one, a third is none


@given(music)
def test_pitch_measures_are_muspys(score):
    """Its definitions, written out with loops over the notes (Dong et al., 2020)."""
    pitches = [int(p) for p in score.notes["pitch"]]
    if not pitches:
        return
    assert pitch_range(score) == max(pitches) - min(pitches)
    shares = [sum(p % 12 == c for p in pitches) / len(pitches) for c in range(12)]
    assert pitch_class_entropy(score) == pytest.approx(-sum(s * math.log2(s) for s in shares if s))
    fits = [sum((p - tonic) % 12 in scale for p in pitches) for scale in SCALES for tonic in range(12)]
    assert scale_consistency(score) == pytest.approx(100 * max(fits) / len(pitches))


def test_the_key_is_music21s(chorales):
    from music21.analysis.discrete import KrumhanslKessler

    for score in chorales:
        key = KrumhanslKessler().getSolution(files.to_music21(score))
        assert key_of(score) == (key.tonic.pitchClass, key.mode), score.title


@given(music.filter(len), st.integers(-12, 12))
def test_the_key_is_that_of_the_highest_correlation(score, semitones):
    sounding = np.zeros(12)
    for note in score.notes:
        sounding[note["pitch"] % 12] += note["duration"]
    fits = {
        (tonic, mode): np.corrcoef(sounding, [profile[(c - tonic) % 12] for c in range(12)])[0, 1]
        for mode, profile in zip(("major", "minor"), PROFILES, strict=True)
        for tonic in range(12)
    }
    assert fits[key_of(score)] == pytest.approx(max(fits.values()), nan_ok=True)
    tonic, mode = key_of(score)
    if sorted(fits.values())[-1] - sorted(fits.values())[-2] > 1e-9:
        assert key_of(score.transpose(semitones)) == ((tonic + semitones) % 12, mode)


def test_the_key_signature_is_not_looked_at_and_a_key_needs_notes():
    assert key_of(replace(SCALE, key="F# minor")) == key_of(SCALE) == (0, "major")
    assert key_of(tune([57, 60, 64, 57, 69, 68, 69])) == (9, "minor")
    with pytest.raises(ValueError, match="in no key"):
        key_of(Score([]))


# --- rhythm ------------------------------------------------------------------------------------------


def test_rhythm_of_a_score_made_by_hand():
    score = Score([(0, 1, 60), (0, 2, 48, 1), (1, 0.5, 62), (1.5, 0.5, 64), (2, 1 / 3, 65), (2 + 1 / 3, 2 / 3, 67), (3, 5, 60)])
    assert onset_density(score) == 7 / 8
    wanted = {1 / 3: 1, 0.5: 2, 2 / 3: 1, 1.0: 1, 2.0: 1, 4.0: 1}  # five quarters are nearest to four
    assert duration_histogram(score) == pytest.approx([wanted.get(d, 0) / 7 for d in DURATIONS])
    assert duration_entropy(score) == pytest.approx(5 / 7 * np.log2(7) + 2 / 7 * np.log2(3.5))
    assert notes_on_beats(score) == pytest.approx(100 * 5 / 7)
    positions = {0: 2, 4: 1, 6: 1, 8: 1, 9: 1, 12: 1}
    assert onset_positions(score) == pytest.approx([positions.get(k, 0) / 7 for k in range(16)])
    assert onset_positions(score, slots=4) == pytest.approx([2 / 7, 2 / 7, 2 / 7, 1 / 7])


def test_beats_are_what_the_time_signature_says():
    eighths = tune([60] * 12)
    assert [notes_on_beats(replace(eighths, time_signature=ts)) for ts in ((4, 4), (6, 8), (2, 2), (3, 4))] == [50, 100, 25, 50]
    assert onset_positions(replace(eighths, time_signature=(3, 4)), slots=3) == pytest.approx([1 / 3] * 3)
    thirds = tune([60] * 13, 1 / 3)
    assert notes_on_beats(thirds) == pytest.approx(500 / 13)
    assert onset_positions(thirds, slots=4)[0] == pytest.approx(4 / 13)  # the thirteenth stands on the next bar line
    assert onset_positions(Score([(0, 1, 60), (1 - 1e-9, 1, 60)]), slots=4).tolist() == [0.5, 0.5, 0, 0]  # a sum of thirds
    assert duration_entropy(thirds) == 0


@given(music)
def test_a_duration_counts_for_the_nearest_by_ratio(score):
    counts = Counter(min(DURATIONS, key=lambda d: max(d / x, x / d)) for x in score.notes["duration"].tolist())
    if len(score):
        assert duration_histogram(score) == pytest.approx([counts[d] / len(score) for d in DURATIONS])
        assert onset_density(score) * score.duration == pytest.approx(len(score))


def test_groove():
    bar, late = [(0, 1, 60), (1, 1, 60), (2.5, 1, 60)], [(0.25, 1, 60), (1.25, 1, 60), (2.75, 1, 60)]

    def bars(*patterns):
        return Score([(4 * k + o, d, p) for k, pattern in enumerate(patterns) for o, d, p in pattern])

    assert groove_consistency(bars(bar, bar, bar)) == 100
    assert groove_consistency(bars(bar, late)) == pytest.approx(100 * (1 - 6 / 48))
    assert groove_consistency(bars(bar, bar, late)) == pytest.approx(100 * (1 - 3 / 48))
    assert groove_consistency(bars(bar, [], bar)) == pytest.approx(100 * (1 - 3 / 48))
    assert np.isnan(groove_consistency(bars(bar)))
    chords = Score([(o, 1, p) for o in (0, 1, 4, 5) for p in (60, 64)] + [(6, 1, 60)])
    assert groove_consistency(chords) == pytest.approx(100 * (1 - 1 / 48))  # how many notes begin does not matter


@given(music)
def test_groove_is_that_of_wu_and_yang(score):
    """Mean over neighbouring bars of 1 - the share of steps in which one of them has an onset, with loops."""
    if not len(score):
        return
    width = round(12 * score.bar_length)
    onsets = {math.floor(12 * onset + 0.5) for onset in score.notes["onset"].tolist()}
    last = max(onsets) // width
    pairs = []
    for bar in range(last):
        differ = sum((bar * width + step in onsets) != ((bar + 1) * width + step in onsets) for step in range(width))
        pairs.append(1 - differ / width)
    wanted = 100 * sum(pairs) / len(pairs) if pairs else np.nan
    assert groove_consistency(score) == pytest.approx(wanted, nan_ok=True)


# --- form --------------------------------------------------------------------------------------------

A, B = [60, 62, 64, 65], [67, 65, 64, 62]


def test_bars_that_come_again():
    assert repeated_bars(tune(A + B + A + A, 1.0)) == 50
    assert repeated_bars(tune(A + B, 1.0)) == 0
    assert repeated_bars(Score([(0, 4, 60), (8, 4, 60)])) == 50  # silent bars do not count
    assert repeated_bars(replace(tune(A + A[:2], 1.0), time_signature=(2, 4))) == pytest.approx(100 / 3)
    assert repeated_bars(tune(A + [p + 12 for p in A], 1.0)) == 0  # not transposed
    assert np.isnan(repeated_bars(Score([])))


def test_how_alike_bars_are():
    piece = Score([(i, 1, p) for i, p in enumerate([*A, 60, 62, 64, 70, *B])] + [(4, 2, 48, 1)])
    alike = self_similarity(piece)
    assert alike.shape == (3, 3) and np.array_equal(alike, alike.T) and np.diag(alike).tolist() == [1, 1, 1]
    assert alike[0, 1] == 12 / 24  # three of four quarters above; and two quarters that one of them sings below
    assert alike[0, 2] == 4 / 16
    gap = Score([(0, 4, 60), (12, 2, 60)])
    assert self_similarity(gap)[0].tolist() == [1, 0, 0, 0.5] and self_similarity(gap)[1, 2] == 1  # both silent


@given(music)
def test_self_similarity_is_a_share(score):
    alike = self_similarity(score)
    assert np.array_equal(alike, alike.T) and (np.diag(alike) == 1).all() and ((alike >= 0) & (alike <= 1)).all()


@pytest.mark.parametrize(
    ("pitches", "wanted"),
    [
        ([*A, *B, *A, *B], 8),
        ([*A, 70, *A, 71, *A], 4),
        ([*A, *A], 4),
        ([*A, *A, *A], 4),  # twelve notes are no passage of eight that comes twice: the two would overlap
        ([60, 61] * 5, 4),
        ([*A, *B], 1),
        ([60, 61, 62, 63], 0),
        ([*A, *(p + 1 for p in A)], 1),  # not transposed: F alone comes again
    ],
)
def test_the_longest_passage_that_comes_twice(pitches, wanted):
    assert longest_repeat(tune(pitches, 1.0)) == wanted
    assert longest_repeat(tune(pitches, 0.25)) == wanted / 4
    low = [(i, 1, 40 + i, 3) for i in range(len(pitches))]
    assert longest_repeat(Score([(i, 1, p, 0) for i, p in enumerate(pitches)] + low)) == 0  # all voices


@pytest.mark.parametrize("notes", [[(0, 8, 60)], [(0, 1, 60), (1, 8, 62)], [(12, 1, 60)], [(0, 1, 60), (12, 1, 62)]])
def test_a_held_note_or_a_long_rest_is_no_repeat(notes):
    assert longest_repeat(Score(notes)) == 0


def test_the_longest_repeat_is_what_a_plain_search_finds():
    """A passage begins where something changes, at both places, and lasts as long as the same sounds for as long."""
    rng = np.random.default_rng(1)
    for _ in range(15):
        score = Score(
            [(i / 2, rng.integers(1, 4) / 4, int(p), v) for v in (0, 1) for i, p in enumerate(rng.integers(60, 62, 14))]
        )
        grid = grid_of(score).tolist()
        begins = [t for t in range(len(grid)) if t == 0 or grid[t] != grid[t - 1]]
        best = 0
        for a, b in itertools.combinations(begins, 2):
            n = 0
            while (
                b + n < len(grid)
                and a + n < b
                and grid[a + n] == grid[b + n]
                and (n == 0 or (a + n in begins) == (b + n in begins))
            ):
                n += 1
            best = max(best, n)
        assert longest_repeat(score) == best / 4
