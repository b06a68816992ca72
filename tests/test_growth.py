"""Growth: four times the music takes four times the steps and the memory, and benchmarks/growth.py measures well.

Nothing is timed. A Python loop inside a loop shows in the lines that are executed, an array of everything against
everything in the memory.
"""

import sys
import tracemalloc
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from strategies import tune, weights_for

from musiclab.baselines import Markov
from musiclab.corpus import load_folder
from musiclab.dataset import Batches, duplicate_groups, encode_pieces, split_pieces, windows
from musiclab.encoding import END, EventEncoding, GridEncoding, NoteNameEncoding
from musiclab.files import write_midi
from musiclab.generation import sample_tokens
from musiclab.lstm import LSTM, Stream

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))  # at the end: it hides no other module
growth = pytest.importorskip("growth", reason="the benchmark asks the system for its peak of memory, as on Linux and macOS")

GRID = GridEncoding()


def melodies(count, notes=30):
    """Melodies with nothing but chance in common, save that every tenth is the one before, transposed."""
    rng = np.random.default_rng(0)
    scores = [tune(rng.integers(55, 80, notes).tolist()) for _ in range(count)]
    return [scores[n - 1].transpose(3) if n % 10 == 9 else score for n, score in enumerate(scores)]


def melody(notes):
    return melodies(1, notes)[0]


def rows(count):
    return [(GRID.inputs(p.tokens, p.time_signature), np.append(p.tokens, END)) for p in encode_pieces(melodies(count), GRID)]


# --- what is called: a size gives a call ---------------------------------------------------------------


def encoding(kind):
    def of_size(size):
        score = melody(size)
        return lambda: kind.encode(score)

    return of_size


def decoding(kind):
    def of_size(size):
        tokens = kind.encode(melody(size))
        return lambda: kind.decode(tokens)

    return of_size


def of_corpus(work):
    def of_size(size):
        scores = melodies(size // 10)
        return lambda: work(scores)

    return of_size


def of_pieces(work):
    def of_size(size):
        pieces = encode_pieces(melodies(size // 10), GRID)
        return lambda: work(pieces)

    return of_size


def counting(size):
    counted = rows(size // 10)
    return lambda: Markov(GRID.size, 3, (1, 2)).fit(counted)


def scoring(size):
    stream, inputs = Stream(weights_for(GRID)), GRID.inputs(GRID.encode(melody(size // 8)), (4, 4))
    return lambda: stream.log_probabilities(inputs)


def sampling(size):
    stream = Stream(weights_for(GRID))
    return lambda: sum(1 for _ in sample_tokens(stream, GRID, size / 16, stop=False, seed=0))


def gradients(size):
    rng = np.random.default_rng(0)
    layer, xs = LSTM.random(3, 4, rng), rng.normal(size=(size // 4, 3))

    def call():
        gates = layer.forward(xs)
        layer.backward(xs, gates, np.ones_like(gates.h))

    return call


NAMES = NoteNameEncoding.of([melody(500)])
CALLS = {
    "encode, grid": encoding(GRID),
    "encode, events": encoding(EventEncoding()),
    "encode, names": encoding(NAMES),
    "decode, grid": decoding(GRID),
    "decode, events": decoding(EventEncoding()),
    "decode, names": decoding(NAMES),
    "encode_pieces": of_corpus(lambda scores: encode_pieces(scores, GRID)),
    "split_pieces": of_corpus(split_pieces),
    "Batches": of_pieces(lambda pieces: Batches(pieces, GRID, semitones=(-6, 5))),
    "an epoch": of_pieces(lambda pieces: sum(1 for _ in Batches(pieces, GRID, semitones=(-6, 5)).epoch())),
    "windows": of_pieces(lambda pieces: windows(pieces, 16)),
    "Markov.fit": counting,
    "log_probabilities": scoring,
    "sample_tokens": sampling,
    "LSTM, forwards and backwards": gradients,
}

# --- how it is counted -----------------------------------------------------------------------------------


def lines(call):
    """Count the lines of Python that a call executes."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def peak(call):
    """Measure the most bytes that a call holds at once."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# The memory of more music: Python keeps some thousand small objects at hand, and hands them out unseen.
@pytest.mark.parametrize(("count", "size"), [(lines, 1000), (peak, 4000)])
@pytest.mark.parametrize("name", CALLS)
def test_four_times_the_music_takes_about_four_times_as_much_and_not_sixteen(name, count, size):
    CALLS[name](1000)()  # what happens only the first time
    small, large = (count(CALLS[name](n)) for n in (size, 4 * size))
    assert large <= (4.2 if count is lines else 6) * small, f"{large / small:.1f} times as much"


def test_the_counters_tell_a_square():
    def square(size):
        return lambda: [np.zeros((size, size)).sum() for _ in range(size) for _ in range(size)]

    assert all(count(square(80)) > 12 * count(square(20)) for count in (lines, peak))


def test_sampling_holds_no_more_at_the_end_than_at_the_beginning():
    sampling(1000)()
    assert peak(sampling(6000)) <= 1.1 * peak(sampling(1500))


def test_a_corpus_of_four_times_the_files_takes_four_times_as_much_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path / "cache"))

    def load(count):
        folder = tmp_path / str(count)
        folder.mkdir()
        for number, score in enumerate(melodies(count)):
            write_midi(score, folder / f"{number}.mid")
        load_folder(folder, jobs=1, progress=False)  # fills the cache
        return lambda: list(load_folder(folder, progress=False))

    small, large = load(40), load(160)
    assert len(large()) == 160
    assert lines(large) <= 4.2 * lines(small)
    assert peak(large) <= 4.2 * peak(small)


# --- near-duplicates, found without comparing each piece with each ---------------------------------------


def runs(score, length):
    intervals = np.diff(score.notes["pitch"].astype(int)).tolist()
    return {tuple(intervals[i : i + length]) for i in range(max(1, len(intervals) - length + 1))}


def groups_pair_by_pair(scores, length, share):
    """Group as the documentation words it: compare each piece with each, then pass belonging together on."""
    sets = [runs(score, length) for score in scores]
    owners = Counter(run for mine in sets for run in mine)
    telling = [{run for run in mine if owners[run] <= 100} for mine in sets]
    number = list(range(len(scores)))
    for a, b in combinations(range(len(scores)), 2):
        common, least = telling[a] & telling[b], min(len(sets[a]), len(sets[b]))
        if sets[a] == sets[b] or (common and len(common) >= share * least):
            number = [number[a] if n == number[b] else n for n in number]
    return [[n == m for m in number] for n in number]


@pytest.mark.parametrize("length", [1, 2, 3, 8, 9])
@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
def test_groups_are_those_of_a_comparison_pair_by_pair(length, share):
    """The melodies are put together from a few phrases, so that some have much in common and some have little."""
    rng = np.random.default_rng(length)
    for kinds in (2, 3, 5, 9, 20, 40):  # of pitches
        phrases = [rng.integers(0, kinds, size) for size in rng.integers(0, length + 6, 8)]
        scores = [tune(60 + np.concatenate([phrases[k] for k in rng.integers(8, size=n)])) for n in rng.integers(1, 5, 15)]
        groups = duplicate_groups(scores, length=length, share=share)
        assert (groups[:, None] == groups).tolist() == groups_pair_by_pair(scores, length, share)


@pytest.mark.parametrize("length", [1, 7, 8, 9, 16, 17])
def test_runs_that_differ_in_their_last_interval_alone_are_two(length):
    scores = [tune([60] * length + [last]) for last in (60, 61, 60)]
    assert duplicate_groups(scores, length=length).tolist() == [0, 1, 0]


def test_variants_are_found_however_far_apart_they_stand():
    """In a corpus so large that its pairs are counted in several portions."""
    scores = [tune(p) for p in np.random.default_rng(0).integers(50, 90, (2100, 20))]
    for one, other in ((0, 2099), (500, 600), (999, 1000), (1500, 1999), (2050, 2070)):
        pitches = scores[one].notes["pitch"].copy()
        pitches[0] += 1
        scores[other] = tune(pitches)
    groups = duplicate_groups(scores)
    assert groups[[2099, 600, 1000, 1999, 2070]].tolist() == groups[[0, 500, 999, 1500, 2050]].tolist()
    assert len(set(groups.tolist())) == 2100 - 5


@pytest.mark.parametrize("owners", [100, 101])
def test_a_run_of_more_than_a_hundred_pieces_tells_nothing(owners):
    """The pieces share three of their seven runs, and nothing else."""
    rng = np.random.default_rng(0)
    scores = [tune([60, 64, 61, 67, 60, *rng.permutation(np.arange(20, 120))[:4]]) for _ in range(owners)]
    assert len(set(duplicate_groups(scores, length=2, share=0.4).tolist())) == (1 if owners == 100 else owners)


# --- the benchmark ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [0, 1, 2])
def test_exponents_are_those_of_the_two_largest_sizes(power):
    first, small, large = (growth.Point(n, 7.0, 10.0**power, 5.0 * n**power) for n in (3, 100, 1000))
    expected = {"time": power, "memory": power}
    if power == 0:
        del expected["memory"]  # 5 MiB are too little to tell
    assert growth.exponents([first, small, large]) == pytest.approx(expected)


def test_the_benchmark_reports_a_square_as_missed(capsys):
    case = growth.Case("squaring", None, (10, 100), 0)
    growth.report(case, [growth.Point(10, 0.01, 1, 20), growth.Point(100, 1, 100, 200)])
    assert "time 2.00, memory 1.00" in (told := capsys.readouterr().out) and "**no**" in told


def test_a_case_is_measured_against_its_next_smaller_size(tmp_path, monkeypatch):
    """The clock is one that the calls move on, by as much as their work."""
    now = 0.0

    def prepare(size, folder):
        def call():
            nonlocal now
            now += size**2

        return size, call

    case = growth.Case("squaring", prepare, (2, 3, 30), 0, clock=lambda: now)
    monkeypatch.setattr(growth, "CASES", (case,))
    assert [growth.measure(0, size, tmp_path)[:3] for size in case.sizes] == [(2, 4, 1), (3, 9, 2.25), (30, 900, 100)]


@pytest.mark.parametrize("steps", [1, 2, 63, 64, 1000])
def test_made_up_pieces_have_the_length_asked_for_and_made_up_corpora_hold_variants(steps):
    score = growth.piece(steps)
    assert len(GRID.encode(score)) == 4 * score.duration == steps
    assert not GRID.loss_report(score)["lost"]


def test_a_tenth_of_a_made_up_corpus_are_variants():
    scores = growth.corpus(50)
    assert all(8 <= score.duration / 4 <= 32 for score in scores)
    assert len(set(duplicate_groups(scores).tolist())) == 45
