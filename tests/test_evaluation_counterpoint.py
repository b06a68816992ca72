"""Counterpoint: against music21's pairs of voices, against slow double loops, and on chords with known answers."""

import csv
import functools
import itertools
from collections import Counter

import numpy as np
import pytest

from musiclab import files
from musiclab.bundle import DATA
from musiclab.corpus import load_corpus
from musiclab.evaluation import (
    CHOIR,
    changes_of,
    crossing,
    find_parallels,
    grid_of,
    hidden,
    out_of_range,
    overlaps,
    parallel_fifths,
    parallel_octaves,
    parallels,
    staff_places,
    unresolved_leading_notes,
    voice_leading,
    wide_spacing,
)
from musiclab.score import Score

NOTHING = dict.fromkeys(voice_leading(np.zeros((0, 4), dtype=int)), 0)


@pytest.fixture(scope="module")
def chorales():
    """Twelve of the held-out chorales."""
    with (DATA / "chorale_split.csv").open(encoding="utf-8", newline="") as file:
        sides = {row["source"]: row["split"] for row in csv.DictReader(file)}
    corpus = load_corpus("bach-chorales", progress=False)
    return [score for score, source in zip(corpus, corpus.sources, strict=True) if sides[source] == "test"][1::6]


def chords(*rows, length=1.0):
    """A score of chords, each from the highest voice down; 0 is a rest."""
    return Score([(t * length, length, p, v) for t, row in enumerate(rows) for v, p in enumerate(row) if p])


# --- pairs of voices ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "fifths", "octaves"),
    [
        ([(67, 60), (69, 62)], 1, 0),  # a fifth to a fifth, upwards
        ([(79, 60), (81, 62)], 1, 0),  # an octave wider
        ([(79, 60), (69, 50)], 1, 0),  # downwards, a twelfth to a twelfth
        ([(79, 60), (81, 74)], 1, 0),  # a twelfth to a fifth
        ([(60, 67), (62, 69)], 1, 0),  # crossed
        ([(72, 60), (74, 62)], 0, 1),
        ([(84, 60), (86, 74)], 0, 1),  # two octaves to one
        ([(60, 60), (62, 62)], 0, 1),  # unisons
        ([(60, 60), (74, 62)], 0, 0),  # a unison to an octave
        ([(67, 60), (67, 60)], 0, 0),  # nobody moves
        ([(67, 60), (67, 62)], 0, 0),  # one moves
        ([(67, 60), (57, 62)], 0, 0),  # in opposite directions
        ([(64, 60), (69, 62)], 0, 0),  # a third to a fifth
        ([(66, 60), (69, 62)], 0, 0),  # a diminished fifth to a perfect one
        ([(67, 60), (0, 0), (69, 62)], 0, 0),  # a rest between
    ],
)
def test_parallels(rows, fifths, octaves):
    found = parallels(np.array(rows))
    assert (found["fifths"], found["octaves"]) == (fifths, octaves)
    assert parallels(np.repeat(rows, 3, axis=0)) == found  # however long a chord is held


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([(67, 60), (74, 55)], {"contrary fifths": 1}),  # a fifth opens to a twelfth
        ([(72, 60), (67, 67)], {"contrary octaves": 1}),  # an octave closes to a unison
        ([(72, 60), (74, 50)], {"contrary octaves": 1}),
        ([(64, 60), (69, 62)], {"hidden fifths": 1}),
        ([(76, 60), (79, 72)], {"hidden fifths": 1}),  # a tenth to a fifth
        ([(66, 60), (69, 62)], {}),  # a diminished fifth to a perfect one: allowed
        ([(64, 60), (74, 62)], {"hidden octaves": 1}),
        ([(66, 60), (74, 62)], {"hidden octaves": 1}),
        ([(60, 60), (74, 62)], {"hidden octaves": 1, "overlaps": 1}),  # a unison to an octave; beyond where the other was
        ([(64, 60), (64, 65)], {"overlaps": 1}),  # the lower voice goes above where the upper one is
        ([(64, 60), (59, 55)], {"overlaps": 1}),  # the upper voice goes below where the lower one was
        ([(64, 60), (60, 57)], {}),  # to that very note is not beyond it
        ([(64, 60), (62, 64)], {}),
    ],
)
def test_what_two_voices_do(rows, wanted):
    assert voice_leading(np.array(rows)) == NOTHING | wanted | {"changes": 1}


def test_all_pairs_of_voices_count():
    assert parallels(np.array([(72, 67, 60), (74, 69, 62)])) == {"fifths": 1, "octaves": 1, "changes": 1}
    four = voice_leading(np.array([(79, 72, 67, 60), (81, 74, 69, 62)]))
    assert (four["parallel fifths"], four["parallel octaves"]) == (3, 2)  # S-A is a fifth, too; S-T and A-B are octaves
    assert voice_leading(np.array([(76, 64, 62, 50), (61, 64, 62, 50)]))["overlaps"] == 1  # neighbours only: alto, not tenor


def test_voices_that_are_crossed_and_stay_do_not_overlap_anew():
    """Another voice moves while two neighbours hold, crossed: neither of the two has moved beyond anything."""
    assert voice_leading(np.array([(60, 64, 50, 40), (60, 64, 52, 40)]))["overlaps"] == 0


@functools.cache
def music21_finds(a, b, c, d):
    """Ask music21 what two voices do, from its own names of the pitches: a to b above, c to d below."""
    from music21.note import Note
    from music21.voiceLeading import VoiceLeadingQuartet

    q = VoiceLeadingQuartet(Note(a), Note(b), Note(c), Note(d))
    return {
        "parallel fifths": q.parallelMotion("P5", allowOctaveDisplacement=True),
        "parallel octaves": any(q.parallelMotion(name, allowOctaveDisplacement=True) for name in ("P1", "P8")),
        "contrary fifths": q.antiParallelMotion("P5"),
        "contrary octaves": q.antiParallelMotion("P1"),
        "hidden fifths": q.hiddenFifth(),
        "hidden octaves": q.hiddenOctave(),
        "overlaps": q.voiceOverlap(),
    }


def moving_pairs(grid):
    """Yield (whether neighbours, upper before, upper after, lower before, lower after) for all pairs in which one moves."""
    for before, after in itertools.pairwise(grid.tolist()):
        for upper, lower in itertools.combinations(range(len(before)), 2):
            four = (before[upper], after[upper], before[lower], after[lower])
            if all(four) and (four[0] != four[1] or four[2] != four[3]):
                yield lower == upper + 1, four


def counted_by_music21(grid, names):
    total = Counter()
    for neighbours, four in moving_pairs(grid):
        found = music21_finds(*(names[p] for p in four))
        total.update({name: bool(count) for name, count in found.items() if neighbours or name != "overlaps"})
    return total


def test_voice_leading_is_music21s_on_bach(chorales):
    wanted = Counter()
    for score in chorales:
        names = {p.midi: p.nameWithOctave for n in files.to_music21(score).flatten().notes for p in n.pitches}
        mine, theirs = voice_leading(grid_of(score), staff_places(score)), counted_by_music21(grid_of(score), names)
        for name in theirs:
            assert mine[name] == theirs[name], (score.title, name)
        wanted.update(theirs)
    assert min(wanted[name] for name in ("hidden fifths", "hidden octaves", "overlaps")) > 20


def test_spelling_decides_what_a_fifth_is():
    """C and F sharp are a fourth, C and G flat a fifth; from a fifth to a fifth nothing is hidden."""
    places = {key: staff_places(Score([(0, 1, 60)], key=key)) for key in ("G major", "D- major")}
    assert places["G major"][66] - places["G major"][60] == 3 and places["D- major"][66] - places["D- major"][60] == 4
    grid = np.array([[66, 60], [68, 61]])  # up to a fifth, both
    assert [voice_leading(grid, places[key])["hidden fifths"] for key in places] == [1, 0]


def test_voice_leading_is_music21s_on_chance_chords():
    """Parallels, too, of which Bach writes few. C, D, E, F, G and A can be spelled in one way only."""
    rng = np.random.default_rng(0)
    keys = np.array([p for p in range(48, 80) if p % 12 in (0, 2, 4, 5, 7, 9)])
    grid = rng.choice(keys, (500, 4))
    grid[1::2, 1] = grid[1::2, 0] - rng.choice([12, 0, 24], 250)  # more octaves than chance would bring
    grid[rng.random(grid.shape) < 0.1] = 0
    names = {int(p): "CxDxEFxGxAxx"[p % 12] + str(p // 12 - 1) for p in np.unique(grid)}
    mine, theirs = voice_leading(grid), counted_by_music21(grid, names)
    assert {name: mine[name] for name in theirs} == dict(theirs) and len(theirs) == 7 and min(theirs.values()) > 3
    assert mine["changes"] == sum(a != b for a, b in itertools.pairwise(grid.tolist()))


# --- a score as a whole ------------------------------------------------------------------------------


def test_figures_are_per_hundred_changes():
    score = chords((67, 60), (69, 62), (69, 60), (67, 60), (67, 60))  # a fifth moves up; two more changes; nothing
    assert parallel_fifths(score) == pytest.approx(100 / 3)
    assert parallel_octaves(score) == 0
    assert overlaps(chords((64, 60), (64, 65), (64, 60))) == 100  # there, and back again


def test_hidden_ones_are_counted_between_the_outer_voices():
    four = chords((76, 65, 62, 60), (79, 65, 62, 72))  # a tenth to a fifth
    assert hidden(four) == 100
    assert hidden(chords((76, 72, 64, 60), (77, 79, 72, 59))) == 0  # between the inner ones
    assert hidden(chords((76, 65, 62, 60), (86, 65, 62, 62))) == 100  # an octave
    assert hidden(chords((79, 65, 62, 60), (81, 65, 62, 62))) == 0  # a parallel is not hidden
    assert hidden(chords((76, 65, 62, 60), (71, 65, 62, 64))) == 0  # from both sides


def test_the_outer_voices_of_two_are_these_two():
    assert hidden(chords((76, 60), (79, 72))) == 100
    assert hidden(chords((76, 65, 60), (79, 65, 72))) == 100


def test_hidden_ones_are_per_hundred_changes_of_any_voice():
    assert hidden(chords((76, 65, 62, 60), (79, 65, 62, 72), (79, 67, 62, 72))) == 50


def test_crossing():
    assert crossing(chords((72, 67, 64, 60), (72, 74, 64, 60), (72, 67, 60, 64), (72, 67, 64, 64))) == 50
    assert crossing(chords((72, 67, 64, 60), (62, 67, 0, 60), (0, 67, 0, 60))) == pytest.approx(100 / 3)
    assert crossing(chords((72, 67, 60, 64), length=3)) == 100


def test_wide_spacing():
    rows = ((79, 67, 60, 40), (80, 67, 60, 40), (79, 72, 59, 40), (79, 0, 60, 40))
    assert wide_spacing(chords(*rows)) == 50  # an octave is not too wide, and the bass may be where it likes


def test_out_of_range():
    assert out_of_range(chords(*zip(*CHOIR, strict=True))) == 0  # the outermost notes belong to the range
    assert out_of_range(chords([low - 1 for low, _ in CHOIR], [high + 1 for _, high in CHOIR])) == 100
    assert out_of_range(chords((82, 60, 55, 45), (70, 60, 55, 0))) == pytest.approx(100 / 7)
    assert out_of_range(Score([(0, 3, 70, 0), (3, 1, 82, 0)])) == 25  # counted in time


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([(71, 65, 62, 55), (72, 64, 60, 60)], 0),  # B rises to C while the bass goes from G up to C
        ([(71, 65, 62, 55), (72, 64, 60, 48)], 0),  # or down
        ([(74, 71, 67, 55), (72, 67, 64, 60)], 100),  # B drops to G
        ([(74, 71, 67, 55), (72, 0, 64, 60)], 100),  # or falls silent
        ([(71, 65, 62, 55), (71, 64, 60, 60)], 100),  # or stays
        ([(71, 65, 59, 55), (72, 64, 55, 60)], 50),  # two of them
        ([(70, 65, 62, 55), (72, 64, 60, 60)], None),  # a minor chord has no leading note
        ([(71, 65, 62, 55), (72, 64, 60, 57)], None),  # the bass deceives
        ([(71, 65, 62, 0), (72, 64, 60, 60)], None),  # no bass
        ([(71, 65, 62, 55), (71, 65, 62, 55), (72, 64, 60, 60)], 0),  # however long
    ],
)
def test_leading_notes(rows, wanted):
    found = unresolved_leading_notes(chords(*rows))
    assert np.isnan(found) if wanted is None else found == wanted


def sounds(score, voice, time):
    """Return what a voice sings at a time, looked up note by note; 0 is silence."""
    return max((int(p) for o, d, p, v, _ in score.notes.tolist() if v == voice and o <= time < o + d), default=0)


def test_a_slow_double_loop_finds_the_same_in_a_chorale(chorales):
    on_grid = [s for s in chorales if not ((4 * s.notes["onset"]) % 1).any() and not ((4 * s.notes["duration"]) % 1).any()]
    for score in on_grid[:2]:
        steps = [[sounds(score, v, t / 4) for v in range(4)] for t in range(round(4 * score.duration))]
        crossed = wide = outside = sung = closes = left = changes = covered = 0
        for step in steps:
            crossed += any(step[v] and step[v + 1] > step[v] for v in range(3))
            wide += any(step[v] and step[v + 1] and step[v] - step[v + 1] > 12 for v in range(2))
            for (low, high), pitch in zip(CHOIR, step, strict=True):
                sung += pitch > 0
                outside += pitch > 0 and not low <= pitch <= high
        for before, after in itertools.pairwise(steps):
            if before == after:
                continue
            changes += 1
            for voice in range(3):
                if all((before[3], after[3], before[voice])) and after[3] - before[3] in (5, -7, 17, -19):
                    if before[voice] - before[3] in (4, 16, 28, 40):
                        closes += 1
                        left += after[voice] - before[voice] != 1
            soprano, bass = after[0] - before[0], after[3] - before[3]
            if soprano * bass > 0 and abs(soprano) > 2 and all((before[0], before[3], after[0], after[3])):
                was, now = before[0] - before[3], after[0] - after[3]
                covered += now % 12 == 0 and was % 12 != 0
                covered += now % 12 == 7 and was % 12 not in (6, 7)
        assert crossing(score) == pytest.approx(100 * crossed / len(steps))
        assert wide_spacing(score) == pytest.approx(100 * wide / len(steps))
        assert out_of_range(score) == pytest.approx(100 * outside / sung)
        assert unresolved_leading_notes(score) == pytest.approx(100 * left / closes)
        assert hidden(score) == pytest.approx(100 * covered / changes)
        assert len(changes_of(grid_of(score))) == changes + 1


def test_bach_is_told_from_his_own_shuffled_notes_by_what_teachers_mark(chorales):
    from musiclab.evaluation import shuffled

    others = [shuffled(score, 0) for score in chorales]
    for measure in (parallel_octaves, overlaps, crossing):
        assert np.mean([measure(s) for s in chorales]) < np.mean([measure(s) for s in others])


def test_without_a_note_or_a_change_there_is_no_figure():
    for measure in (parallel_fifths, parallel_octaves, overlaps, hidden, unresolved_leading_notes):
        assert np.isnan(measure(chords((72, 67, 64, 60)))) and np.isnan(measure(Score([])))
    for measure in (crossing, wide_spacing, out_of_range):
        assert np.isnan(measure(Score([])))


def test_parallels_are_found_where_they_are():
    rows = [(72, 67, 64, 48), (74, 69, 65, 50), (71, 67, 62, 55)]
    score = Score([(2 * i, 2, p, v) for i, chord in enumerate(rows) for v, p in enumerate(chord)])
    assert find_parallels(score) == [(2.0, "fifths", 1, 3), (2.0, "octaves", 0, 3)]
    assert find_parallels(Score([])) == []


def test_every_parallel_that_is_counted_is_found(chorales):
    from musiclab.evaluation import shuffled

    for seed, score in enumerate(chorales):
        noisy = shuffled(score, seed)
        counts = voice_leading(grid_of(noisy))
        kinds = [kind for _, kind, _, _ in find_parallels(noisy)]
        assert [kinds.count("fifths"), kinds.count("octaves")] == [counts["parallel fifths"], counts["parallel octaves"]]


def test_a_step_into_a_hidden_fifth_is_allowed():
    assert hidden(chords((76, 65, 62, 60), (79, 65, 62, 72))) == 100  # the soprano leaps
    assert hidden(chords((77, 65, 62, 60), (79, 65, 62, 72))) == 0  # it steps
