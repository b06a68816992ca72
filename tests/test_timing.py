"""Bringing performances to a grid: performances are made of real tunes, so that the truth is known."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musiclab import timing
from musiclab.bundle import DATA
from musiclab.corpus import load_corpus
from musiclab.files import read_score
from musiclab.score import Score
from musiclab.timing import align, share_on_grid

TUNES = ["auld_lang_syne", "drunken_sailor", "ode_to_joy", "minuet_in_g", "irish_washerwoman"]


def tune(name):
    return read_score(DATA / "tunes" / f"{name}.abc")


def perform(score, *, bpm=90.0, drift=0.03, jitter=0.015, spread=0.0, seed=0):
    """Play a score as a person does, and record it with a clock of 120 ticking beside: what a recorded MIDI file holds.

    The tempo wanders (its logarithm is drawn back to the middle), each onset is early or late, chords are spread.
    """
    rng = np.random.default_rng(seed)
    count = int(score.duration) + 3
    wander = [0.0]
    for step in rng.normal(0, drift, count):
        wander.append(0.95 * wander[-1] + step)
    clock = np.append(0, np.cumsum(60 / bpm * np.exp(wander)))  # seconds at each quarter
    quarters = np.arange(len(clock))
    onsets, number = np.unique(score.notes["onset"], return_inverse=True)
    played = np.maximum.accumulate(np.interp(onsets, quarters, clock) + rng.normal(0, jitter, len(onsets)))
    starts = played[number] + rng.uniform(0, spread, len(number))
    ends = np.maximum(np.interp(score.notes["onset"] + score.notes["duration"], quarters, clock), starts + 0.05)
    notes = score.notes.copy()
    notes["onset"], notes["duration"] = 2 * (starts - starts.min()), 2 * (ends - starts)
    return Score(notes, tempo=120)


def right(truth, found):
    """The share of distances between onsets that are right, if a beat may be written as an eighth or as a half."""
    a, b = (np.diff(score.notes["onset"]) for score in (truth, found))
    return max(np.isclose(a * ratio, b).mean() for ratio in (1 / 2, 2 / 3, 1, 3 / 2, 2))


# --- what is on a grid already ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*sorted((DATA / "tunes").rglob("*.abc")), DATA / "music.mid"], ids=lambda path: path.stem)
def test_what_is_quantised_comes_out_unchanged(path):
    score = read_score(path)
    result = align(score)
    assert result.score is score and result.kind == "on the grid" and not result.moved.any()


@given(st.lists(st.sampled_from([k / 8 for k in range(80)] + [k / 6 for k in range(60)]), max_size=30), st.floats(40, 200))
def test_any_score_on_32nds_and_triplets_comes_out_unchanged(onsets, tempo):
    score = Score([(onset, 0.25, 60 + n) for n, onset in enumerate(onsets)], tempo=tempo)
    assert align(score).score is score


def test_an_exact_fine_grid_is_a_grid_and_a_played_one_is_not():
    fine = Score([(k / 16, 1 / 16, 60) for k in range(0, 64, 1)])
    assert align(fine).score is fine
    run = Score([(beat + k / (5 if beat % 2 else 9), 0.1, 60) for beat in range(16) for k in range(5 if beat % 2 else 9)])
    assert align(run).score is run
    rng = np.random.default_rng(0)
    assert align(Score([(t, 0.1, 60) for t in rng.uniform(0, 30, 60)])).kind != "on the grid"


def test_share_on_grid():
    score = Score([(0, 1, 60), (0.25, 1, 61), (1 / 3, 1, 62), (0.52, 1, 63), (0.775, 1, 64)])
    assert share_on_grid(score, 4) == pytest.approx(3 / 5)
    assert share_on_grid(score, 3) == pytest.approx(2 / 5)
    assert share_on_grid(score, 4, 3) == pytest.approx(4 / 5)
    assert math.isnan(share_on_grid(Score([]), 4))


# --- near the grid --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TUNES)
def test_what_was_played_to_a_click_is_rounded_to_the_truth(name):
    score = tune(name)
    rng = np.random.default_rng(1)
    notes = score.notes.copy()
    late = rng.normal(0, 0.04, len(notes))
    notes["onset"] = np.maximum(0, notes["onset"] + late)
    result = align(replace(score, notes=notes))
    assert result.kind == "near the grid" and "near" in result.words
    assert (result.score.notes["onset"] == score.notes["onset"]).mean() >= 0.97
    assert np.array_equal(result.score.notes["pitch"], score.notes["pitch"])
    assert (result.score.time_signature, result.score.tempo) == (score.time_signature, score.tempo)
    expected = (notes["onset"] - result.score.notes["onset"]) * 60 / score.tempo
    np.testing.assert_allclose(result.moved, expected, atol=1e-9)


# --- free performances ----------------------------------------------------------------------------------


def test_free_performances_find_their_beats():
    """Nearly all are accepted; of those, nearly every distance between notes is right."""
    shares = []
    for number, name in enumerate(TUNES):
        truth = tune(name)
        for bpm in (72.0, 108.0):
            bpm = bpm * 1.5 if truth.time_signature[1] == 8 else bpm
            played = perform(truth, bpm=bpm, jitter=0.012, seed=number)
            assert share_on_grid(played, 4) < 0.5, "or there is nothing to do"
            result = align(played)
            assert result.kind in ("free", "declined"), name
            assert np.array_equal(result.score.notes["pitch"], played.notes["pitch"])
            if result.kind == "free":
                assert share_on_grid(result.score, 12) == 1.0
                assert np.sqrt(np.mean(result.moved**2)) < timing.MOST_OFF
                shares.append(right(truth, result.score))
    assert len(shares) >= 8 and np.mean(shares) >= 0.97 and min(shares) >= 0.85, shares


def test_moved_says_where_notes_went():
    """A note's time, less what it was moved by, is where its place between the beats lies in time."""
    played = perform(tune("drunken_sailor"), bpm=96)
    result = align(played)
    seconds = played.notes["onset"] * 60 / played.tempo - result.moved
    places = np.interp(seconds, result.beats, np.arange(len(result.beats)))
    np.testing.assert_allclose(np.diff(places), np.diff(result.score.notes["onset"]), atol=1e-6)
    assert f"{1000 * np.abs(result.moved).max():.0f} ms at most" in result.words
    assert result.score.tempo == pytest.approx(60 / np.median(np.diff(result.beats)), abs=0.06)


def test_the_tempo_that_the_file_claims_does_not_matter():
    played = perform(tune("drunken_sailor"), bpm=96)
    notes = played.notes.copy()
    notes["onset"] *= 0.71
    notes["duration"] *= 0.71
    one, other = align(played), align(replace(played, notes=notes, tempo=120 * 0.71))
    assert one.kind == other.kind == "free"
    np.testing.assert_allclose(one.score.notes["onset"], other.score.notes["onset"], atol=1e-6)


def test_triplets_among_sixteenths_are_kept():
    """Four sixteenths in one beat, three triplets in the next."""
    onsets = [b + k / (4 if b % 2 else 3) for b in range(24) for k in range(4 if b % 2 else 3)]
    truth = Score([(onset, 0.2, 60 + n % 12) for n, onset in enumerate(onsets)])
    result = align(perform(truth, bpm=66, drift=0.02, jitter=0.01))
    assert result.kind == "free"
    np.testing.assert_allclose(np.diff(result.score.notes["onset"]), np.diff(onsets), atol=1e-6)


def test_chords_stay_chords():
    chorale = load_corpus("bach-chorales", progress=False)[5]
    played = perform(chorale, bpm=80, spread=0.02, seed=3)
    assert len(np.unique(played.notes["onset"])) == len(chorale)
    result = align(played)
    assert result.kind == "free" and right(chorale, result.score) >= 0.95
    assert len(np.unique(result.score.notes["onset"])) == len(np.unique(chorale.notes["onset"]))
    assert (result.score.notes["duration"] > 0).all()


def test_durations_follow_the_beats_too():
    truth = tune("ode_to_joy")
    result = align(perform(truth, bpm=100, drift=0.02, jitter=0.008))
    assert result.kind == "free"
    scale = np.median(np.diff(truth.notes["onset"]) / np.diff(result.score.notes["onset"]))
    assert np.isclose(result.score.notes["duration"] * scale, truth.notes["duration"]).mean() >= 0.9


# --- declined -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_noise_is_declined(seed):
    rng = np.random.default_rng(seed)
    score = Score([(t, 0.2, 60) for t in np.cumsum(rng.exponential(0.7, 80) + 0.08)])
    result = align(score)
    assert result.kind == "declined" and result.score is score and not result.moved.any()
    assert "none was made up" in result.words


def test_too_few_and_too_long_are_declined():
    rng = np.random.default_rng(0)
    few = Score([(t, 0.2, 60) for t in np.cumsum(rng.exponential(0.7, timing.FEWEST - 1) + 0.1)])
    assert "only 15 onsets" in align(few).words
    long = Score([(t, 0.2, 60) for t in np.cumsum(rng.exponential(0.7, 200) + 10)])
    assert "minutes" in align(long).words and align(long).kind == "declined"


def test_what_does_not_come_out_again_is_declined(monkeypatch):
    played = perform(tune("drunken_sailor"), bpm=96)
    assert align(played).kind == "free"
    monkeypatch.setattr(timing, "AGREE", 1.01)
    assert "come out otherwise" in align(played).words
    monkeypatch.setattr(timing, "AGREE", 0.0)
    monkeypatch.setattr(timing, "MOST_OFF", 0.001)
    assert "ms off" in align(played).words


# --- the search -----------------------------------------------------------------------------------------


def log_density(onset, beat, length, divisions):
    """The logarithm of the density of onsets a second, written out."""
    places, weights = divisions
    peaks = 0.0
    for place, weight in zip(places, weights, strict=True):
        off = onset - beat - place * length
        spread = timing.EARLY_OR_LATE
        peaks += weight * math.exp(-(off**2) / (2 * spread**2)) / (spread * math.sqrt(2 * math.pi))
    return math.log(timing.NOTES * ((1 - timing.STRAY) * peaks + timing.STRAY / length))


def log_probability(moments, at):
    """The logarithm of the probability of a row of beats, term by term."""
    total, lengths = 0.0, np.diff(moments)
    for number, (beat, length) in enumerate(zip(moments, lengths, strict=False)):
        inside = [onset for onset in at if beat - 1e-9 <= onset < beat + length - 1e-9]
        modes = [
            sum(log_density(onset, beat, length, divisions) for onset in inside) + share
            for divisions, share in zip((timing.DUPLE, timing.TRIPLE), timing.SHARES, strict=True)
        ]
        total += max(modes) - timing.NOTES - math.log(length / timing.USUAL[0]) ** 2 / (2 * timing.USUAL[1] ** 2)
        if number:
            total += -0.5 * (math.log(length / lengths[number - 1]) / timing.CHANGE) ** 2 - 1
    return total


@pytest.mark.parametrize("seed", range(5))
def test_the_beats_found_are_the_most_probable_of_all(monkeypatch, seed):
    """Against every row of beats there is, on a coarse clock."""
    periods = np.array([4, 5, 6, 7])
    monkeypatch.setattr(timing, "PERIODS", periods)
    monkeypatch.setattr(timing, "FRAME", 0.1)
    rng = np.random.default_rng(seed)
    at = np.sort(rng.uniform(0, 1.9, 6)) + 0.013
    found = timing._find_beats(at)
    best = -math.inf
    for start in range(-7, 1):
        for length in range(1, 8):
            for row in itertools.product(periods, repeat=length):
                ends = start + np.cumsum(row)
                frames = int((at[-1] - at[0]) / 0.1 + 1e-9)
                if ends[-1] > frames and (length == 1 or ends[-2] <= frames):
                    best = max(best, log_probability(at[0] + 0.1 * np.append(start, ends), at))
    assert log_probability(found, at) == pytest.approx(best, abs=1e-3)
    assert found[0] <= at[0] + 1e-9 and found[-1] > at[-1]
