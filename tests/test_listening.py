"""The blind listening test: excerpts that nothing but the music tells apart, honest trials, votes that survive, exact figures."""

import functools
import itertools
import json
import math
import re
import warnings
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import scores

from musiclab.listening import (
    ListeningTest,
    Vote,
    add_votes,
    binomial_p,
    excerpt,
    interval,
    merge,
    paper_votes,
    read_votes,
    report,
)
from musiclab.score import Score

KINDS = ("pairs", "single")


def piece(seed, *, middle=62, quarters=40, upbeat=0.0, voices=2, **words):
    """A piece of random quarter notes."""
    rng = np.random.default_rng(seed)
    pitches = middle + rng.integers(-9, 10, (quarters, voices))
    velocities = rng.integers(1, 128, quarters)
    notes = [(upbeat + i, 1.0, int(p), v, int(velocities[i])) for i, row in enumerate(pitches) for v, p in enumerate(row)]
    return Score(notes, **words)


def some_sets(count=14):
    """Three sets that differ in every way that must not be heard."""
    return {
        "Bach": [piece(k, middle=60, upbeat=k % 4, title=f"BWV {k}", key="C major", tempo=70 + k) for k in range(count)],
        "model": [piece(100 + k, middle=71, quarters=64, title="made", tempo=140) for k in range(count)],
        "shuffled": [piece(200 + k, middle=50, key="G minor") for k in range(count)],
    }


SETS = some_sets()
SMALL = {name: [score.slice(0, 8) for score in pieces[:4]] for name, pieces in SETS.items()}  # for tests by the hundred


def make(kind="pairs", **more):
    return ListeningTest(SETS, real="Bach", kind=kind, **more)


@functools.cache
def make_many(count, kind="pairs"):
    return [ListeningTest(SMALL, real="Bach", kind=kind, seed=seed, quarters=5) for seed in range(count)]


def truth(test):
    """From which sets the excerpts of each trial are, found by comparing music, not by asking the test."""
    return [[NAMES[shape(e)[:6]] for e in test.excerpts(n)] for n in range(1, test.trials + 1)]


def shape(score):
    """A score whatever its height."""
    return tuple((score.notes["pitch"].astype(int) - int(score.notes["pitch"][0])).tolist())


NAMES = {shape(score)[:6]: name for name, pieces in SETS.items() for score in pieces}


def right_votes(test):
    return [("AB"[n.index("Bach")] if len(n) == 2 else ("real" if n == ["Bach"] else "not real")) for n in truth(test)]


def ballot(test, listener, choices):
    return [Vote(test.fingerprint, listener, n, choice) for n, choice in enumerate(choices, 1)]


def guess(test, listener, rng):
    return ballot(test, listener, [test.choices[k] for k in rng.integers(2, size=test.trials)])


# --- excerpts -------------------------------------------------------------------------------------------


def mean_pitch(score):
    sounding = [(d, p) for _, d, p, _, _ in score.notes.tolist()]
    return sum(d * p for d, p in sounding) / sum(d for d, _ in sounding)


@given(scores(min_size=1, top=30), st.integers(50, 75))
def test_excerpts_of_anything_are_alike(score, centre):
    score = score.slice(0, 30)
    try:
        cut = excerpt(score, quarters=8, tempo=90, centre=centre)
    except ValueError as error:
        assert re.search("short of 8|outside 0-127", str(error))
        return
    first = cut.notes["onset"][0]
    assert (cut.title, cut.key, cut.tempo, cut.time_signature) == ("", None, 90, score.time_signature)
    assert set(cut.notes["velocity"]) == {80}
    assert abs(mean_pitch(cut) - centre) <= 0.5 + 1e-9
    assert first < cut.bar_length and first + 8 - cut.bar_length < cut.duration <= first + 8 + 1e-9
    assert excerpt(cut, quarters=8, tempo=90, centre=centre) == cut


def test_an_excerpt_is_the_piece_on_its_own_bar_lines():
    score = piece(3, quarters=60, upbeat=3, time_signature=(4, 4))
    cut = excerpt(score, quarters=10, bar=3, centre=mean_pitch(score.slice(8, 18)))
    original = score.slice(8, 18)
    for field in ("onset", "duration", "pitch", "voice"):
        assert np.array_equal(cut.notes[field], original.notes[field])
    upbeat = excerpt(score, quarters=10)
    assert upbeat.notes["onset"][0] == 3 and upbeat.duration == 13
    late = Score([(o + 12, d, p, v, w) for o, d, p, v, w in score.notes.tolist()])
    assert excerpt(late, quarters=10) == upbeat, "three empty bars are passed over"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"quarters": 44}, "lasts 40 quarter lengths, a bar or more short of 44"),
        ({"bar": 4}, r"from bar 4 on its music lasts 28"),
        ({"bar": 11}, "no note from bar 11"),
        ({"bar": 0}, "bars count from 1"),
        ({"quarters": 0}, "above 0"),
    ],
)
def test_too_little_music_is_refused(words, message):
    with pytest.raises(ValueError, match=message):
        excerpt(piece(0), **words)


def test_less_than_a_bar_short_is_enough():
    assert excerpt(piece(0), quarters=43.5).duration == 40
    with pytest.raises(ValueError, match="no note"):
        excerpt(Score([]))


# --- the trials -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_all_excerpts_of_a_test_have_the_same_length_loudness_tempo_and_height(kind):
    test = make(kind)
    heard = [e for n in range(1, test.trials + 1) for e in test.excerpts(n)]
    lengths = {e.duration - e.notes["onset"][0] for e in heard}
    assert lengths == {32} and {e.tempo for e in heard} == {100} and {v for e in heard for v in e.notes["velocity"]} == {80}
    means = [mean_pitch(e) for e in heard]
    assert max(means) - min(means) <= 1
    assert abs(np.mean(means) - np.mean([mean_pitch(s) for s in SETS["Bach"]])) <= 1, "where the real ones are"
    assert {(e.title, e.key) for e in heard} == {("", None)}
    assert test.seconds == pytest.approx(19.2)


@pytest.mark.parametrize("seed", range(8))
def test_pairs_are_one_real_and_one_other_in_equal_shares(seed):
    names = truth(make(seed=seed))
    assert all(pair.count("Bach") == 1 for pair in names)
    assert Counter(name for pair in names for name in pair) == {"Bach": 12, "model": 6, "shuffled": 6}


@pytest.mark.parametrize("seed", range(8))
def test_single_excerpts_are_half_real(seed):
    names = Counter(name for (name,) in truth(make("single", trials=20, seed=seed)))
    assert names == {"Bach": 10, "model": 5, "shuffled": 5}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_comes_twice_before_all_of_a_set_were_heard(kind):
    test = make(kind)
    heard = [e for n in range(1, test.trials + 1) for e in test.excerpts(n)]
    assert len(set(heard)) == len(heard) == 24
    few = ListeningTest(
        {name: pieces[:k] for (name, pieces), k in zip(SETS.items(), (5, 2, 3), strict=True)}, real="Bach", kind=kind
    )
    counts = Counter(e for n in range(1, few.trials + 1) for e in few.excerpts(n))
    assert sorted(counts.values()) == [2, 2, 2, 2, 2, 2, 3, 3, 3, 3], "twelve of five, six of two, six of three"


def test_the_order_is_random():
    """Which of a pair is real, and which set it meets, over 300 seeds: within four standard deviations in every trial."""
    names = [truth(test) for test in make_many(300)]
    off = 4 * math.sqrt(300) / 2
    for trial in range(12):
        assert abs(sum(test[trial][0] == "Bach" for test in names) - 150) < off
        assert abs(sum("model" in test[trial] for test in names) - 150) < off
    # How often A is real in a test is a binomial, too, and not always six.
    often = np.array([sum(pair[0] == "Bach" for pair in test) for test in names])
    assert abs(often.mean() - 6) < 4 * math.sqrt(3 / 300) and 2 < often.var() < 4.2
    # No trial foretells the next.
    same = sum((a[0] == "Bach") == (b[0] == "Bach") for test in names for a, b in itertools.pairwise(test))
    assert abs(same - 1650) < 4 * math.sqrt(3300) / 2


def test_the_order_of_single_excerpts_is_random():
    names = [truth(test) for test in make_many(300, "single")]
    for trial in range(24):
        assert abs(sum(test[trial] == ["Bach"] for test in names) - 150) < 4 * math.sqrt(300) / 2
    beside = sum((a == ["Bach"]) != (b == ["Bach"]) for test in names for a, b in itertools.pairwise(test))
    assert abs(beside - 300 * 23 * 12 / 23) < 4 * math.sqrt(300 * 23) / 2, "a real one is not followed by its partner"


def test_which_pieces_are_drawn_is_random():
    test = [make(trials=2, seed=seed) for seed in range(60)]
    assert len({shape(t.excerpts(n)[0]) for t in test for n in (1, 2)}) > 30


def test_same_seed_same_test_and_everything_else_another():
    one = make(seed=3)
    assert one.fingerprint == make(seed=3).fingerprint
    assert [one.excerpts(n) for n in range(1, 13)] == [make(seed=3).excerpts(n) for n in range(1, 13)]
    changed = some_sets()
    changed["Bach"] = [s.transpose(1) if k else s.slice(0, 39) for k, s in enumerate(changed["Bach"])]  # sounds the same
    assert ListeningTest(changed, real="Bach", seed=3, centre=62).fingerprint == make(seed=3, centre=62).fingerprint
    note = changed["Bach"][0].notes.copy()
    note["pitch"][5] += 1
    changed["Bach"] = [Score(note)] * 14
    others = [
        make(seed=4),
        make("single", seed=3),
        make(seed=3, trials=10),
        make(seed=3, tempo=101),
        make(seed=3, quarters=31),
        make(seed=3, centre=50),
        ListeningTest(SETS, real="model", seed=3),
        ListeningTest(changed, real="Bach", seed=3),
    ]
    assert len({one.fingerprint, *(test.fingerprint for test in others)}) == 9
    assert all(re.fullmatch("[0-9a-f]{12}", test.fingerprint) for test in others)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"kind": "triplets"}, "'pairs' or 'single'"),
        ({"real": "Haydn"}, "real='Haydn'"),
        ({"trials": 11}, "multiple of 2"),
        ({"trials": 0}, "multiple of 2"),
        ({"trials": 10, "kind": "single"}, "multiple of 4"),
        ({"quarters": 44}, r"piece 0 of Bach: .* short of 44"),
    ],
)
def test_a_test_that_cannot_be_made_says_why(more, message):
    with pytest.raises(ValueError, match=message):
        ListeningTest(SETS, **{"real": "Bach", **more})


def test_a_copy_of_a_real_piece_cannot_be_told_and_is_refused():
    sets = some_sets()
    sets["model"][3] = sets["Bach"][5].transpose(2)
    with pytest.raises(ValueError, match="piece 3 of model is, note for note, piece 5 of Bach"):
        ListeningTest(sets, real="Bach")
    with pytest.raises(ValueError, match="model has no pieces"):
        ListeningTest({"Bach": sets["Bach"], "model": []}, real="Bach")


def test_the_answer_is_under_no_name_that_one_comes_across():
    test = make()
    public = {name: getattr(test, name) for name in dir(test) if not name.startswith("_")}
    assert set(public) == {
        *("kind", "real", "others", "choices", "trials", "quarters", "tempo", "fingerprint", "seconds", "excerpts")
    }
    flipped = ListeningTest(SETS, real="Bach", seed=1)
    words = [re.sub(t.fingerprint, "", repr(t)) for t in (test, flipped)]
    assert words[0] == words[1], "it does not depend on the order of the trials"
    for number in (0, 13):
        with pytest.raises(ValueError, match="trials 1 to 12"):
            test.excerpts(number)
    assert "Bach" not in repr([test.excerpts(n) for n in range(1, 13)])


# --- the votes ------------------------------------------------------------------------------------------


@pytest.fixture
def test():
    return make()


def test_a_vote_is_a_line_and_says_nothing_of_the_truth(tmp_path, test):
    path = tmp_path / "class" / "votes.jsonl"
    votes = ballot(test, "Zoë  Ruß ", ["A"] * 12)
    for vote in votes:
        add_votes(path, [vote])
    text = path.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert read_votes(path) == votes and len(lines) == 12 and text.endswith("\n")
    assert all(set(line) == {"test", "listener", "trial", "vote", "time"} for line in lines)
    assert lines[2] == {
        **{"test": test.fingerprint, "listener": "Zoë Ruß", "trial": 3, "vote": "A", "time": votes[2].time},
    }
    assert not re.search("Bach|model|shuffled|right", text)


def test_after_a_crash_at_any_byte_only_the_last_vote_is_lost(tmp_path, test):
    votes = ballot(test, "Zoë", "ABA")
    add_votes(whole := tmp_path / "whole", votes)
    data = whole.read_bytes()
    begin = data[:-1].rfind(b"\n") + 1
    for end in range(begin, len(data) + 1):
        path = tmp_path / f"{end}"
        path.write_bytes(data[:end])
        complete = end >= len(data) - 1
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert read_votes(path) == votes[: 3 if complete else 2]
        assert len(caught) == (not complete and end > begin)
        if caught:
            assert f"{end}, line 3 is half a vote" in str(caught[0].message)
        assert path.read_bytes() == data[:end], "who reads changes nothing"
        later = Vote(test.fingerprint, "Zoë", 4, "B")
        add_votes(path, [later])
        assert read_votes(path) == [*votes[: 3 if complete else 2], later]  # and no warning: pytest would not fail, so:
        assert path.read_bytes().count(b"\n") == len(read_votes(path))


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        "[1]",
        '{"test": "x"}',
        '{"test": "x", "listener": "y", "trial": 0, "vote": "A", "time": "t"}',
        '{"test": "x", "listener": "y", "trial": "1", "vote": "A", "time": "t"}',
        '{"test": "x", "listener": "y", "trial": true, "vote": "A", "time": "t"}',
        '{"test": "x", "listener": " ", "trial": 1, "vote": "A", "time": "t"}',
        '{"test": "x", "listener": "y", "trial": 1, "vote": 1, "time": "t"}',
        '{"test": "x", "listener": "y", "trial": 1, "vote": "A", "time": "t", "more": 1}',
        '{"test": "x", "listener": "y", "trial": 1, "vote": "A", "ti',
        "\xff",
    ],
)
def test_another_broken_line_is_an_error_with_its_place(tmp_path, test, line):
    path = tmp_path / "votes.jsonl"
    add_votes(path, ballot(test, "x", "AB"))
    with open(path, "ab") as file:
        file.write(line.encode("latin-1") + b"\n")
    with pytest.raises(ValueError, match=r"votes\.jsonl, line 3 is no vote: .*[Cc]orrect the line"):
        read_votes(path)


def test_a_file_in_place_of_votes_or_of_files_is_explained(tmp_path, test):
    add_votes(path := tmp_path / "votes.jsonl", ballot(test, "x", "AB"))
    for name in (path, str(path)):
        with pytest.raises(ValueError, match=r"votes\.jsonl'?: give a list of files"):
            merge(name, tmp_path / "all.jsonl")
        with pytest.raises(ValueError, match=r"votes\.jsonl'?: give votes, as read_votes\(\) returns"):
            report(test, name)
    with pytest.raises(FileNotFoundError, match=r"there is no file .*vote\.jsonl"):
        merge([path, tmp_path / "vote.jsonl"], tmp_path / "all.jsonl")
    assert not (tmp_path / "all.jsonl").exists()


def test_empty_lines_and_other_line_ends_do_not_matter(tmp_path, test):
    path = tmp_path / "votes.jsonl"
    add_votes(path, votes := ballot(test, "x", "AB"))
    path.write_bytes(b"\n" + path.read_bytes().replace(b"\n", b"\r\n") + b"\n")
    assert read_votes(path) == votes


def test_votes_on_paper(test):
    votes = paper_votes(test, " Ada", "abba ABBA abab")
    assert [v.vote for v in votes] == list("ABBAABBAABAB") and {v.listener for v in votes} == {"Ada"}
    assert report(test, votes).listeners[0].votes == 12
    single = paper_votes(make("single"), "Ada", "rn" * 12)
    assert [v.vote for v in single[:2]] == ["real", "not real"]
    for letters in ("ABBA", "ABBAABBAABAC"):
        with pytest.raises(ValueError, match="Ada: 12 letters are needed, each A or B"):
            paper_votes(test, "Ada", letters)


def test_merging_in_any_order_and_again_gives_the_same(tmp_path, test):
    rng = np.random.default_rng(0)
    files = []
    for name in ("Ada", "Bert", "Çem"):
        files.append(tmp_path / f"{name}.jsonl")
        add_votes(files[-1], guess(test, name, rng))
    everything = {vote for file in files for vote in read_votes(file)}
    results = set()
    for order in itertools.permutations(files):
        to = tmp_path / f"{''.join(f.stem[0] for f in order)}.jsonl"
        assert set(merge(order, to)) == everything and len(read_votes(to)) == 36
        first = to.read_bytes()
        assert merge([*files, *files, to], to) == read_votes(to) and to.read_bytes() == first
        results.add(first)
    assert len(results) == 1
    step = tmp_path / "step.jsonl"
    for file in files:
        merge([file], step)
    assert step.read_bytes() == first, "one after the other: what the file held is kept"
    assert not list(tmp_path.glob(".musiclab*"))


def test_two_people_of_one_name_are_noticed(tmp_path, test):
    here, there, to = (tmp_path / f"{name}.jsonl" for name in ("here", "there", "all"))
    add_votes(here, ballot(test, "Anna", "A" * 12))
    add_votes(there, ballot(test, "Anna", "B" * 12))
    with pytest.warns(UserWarning, match=r"Anna voted on the same trials in here\.jsonl, there\.jsonl"):
        merge([here, there], to)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        merge([here, there], to)  # all that they hold is in the merged file


def test_the_latest_vote_counts_wherever_it_stands(test):
    right = right_votes(test)
    wrong = ["B" if vote == "A" else "A" for vote in right]
    early = [Vote(test.fingerprint, "x", n, v, f"2026-01-01T10:{n:02}") for n, v in enumerate(wrong, 1)]
    late = [Vote(test.fingerprint, "x", n, v, f"2026-01-01T11:{n:02}") for n, v in enumerate(right, 1)]
    for votes in (early + late, late + early, late + early + late):
        (row,) = report(test, votes).listeners
        assert (row.right, row.votes) == (12, 12)


# --- the figures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("votes", range(1, 11))
def test_p_is_that_of_all_sequences_of_votes(votes):
    totals = [sum(flips) for flips in itertools.product((0, 1), repeat=votes)]
    for right in range(votes + 1):
        as_far = sum(abs(2 * total - votes) >= abs(2 * right - votes) for total in totals)
        assert binomial_p(right, votes) == as_far / 2**votes


def tail(at_least, votes, share):
    """P(X >= at_least), term by term."""
    return sum(math.comb(votes, k) * share**k * (1 - share) ** (votes - k) for k in range(at_least, votes + 1))


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_at_the_ends_of_the_interval_the_tails_are_a_fortieth(case):
    right, votes = case
    low, high = interval(right, votes)
    assert 0 <= low <= right / votes <= high <= 1
    assert low == 0 if right == 0 else tail(right, votes, low) == pytest.approx(0.025, abs=1e-9)
    assert high == 1 if right == votes else 1 - tail(right + 1, votes, high) == pytest.approx(0.025, abs=1e-9)
    assert (low < 0.5 < high) == (binomial_p(right, votes) > 0.05)


def test_known_values():
    assert interval(0, 10)[1] == pytest.approx(1 - 0.025 ** (1 / 10))  # in closed form
    assert interval(10, 10)[0] == pytest.approx(0.025 ** (1 / 10))
    assert interval(8, 10) == pytest.approx((0.4439, 0.9748), abs=5e-5)  # in the tables of textbooks
    assert binomial_p(9, 10) == pytest.approx(22 / 1024)
    low, high = interval(2600, 5000)  # no overflow, and near the normal distribution's
    assert (low, high) == pytest.approx((0.52 - 0.0139, 0.52 + 0.0139), abs=2e-4)
    for right, votes in ((3, 2), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match="right"):
            interval(right, votes)


@pytest.mark.parametrize("kind", KINDS)
def test_who_knows_is_right_and_the_report_says_so(kind):
    test = make(kind)
    result = report(test, ballot(test, "Ada", right_votes(test)))
    assert [row.name for row in result.rows] == ["model", "shuffled", "all"]
    assert all(row.right == row.votes == row.trials for row in result.rows) and all(row.evidence for row in result.rows)
    assert result.rows[2].p == 2 / 2**test.trials
    assert "In all" in str(result) and "Ada told model from Bach" in str(result)
    if kind == "single":
        assert result.called_real == {"Bach": (12, 12), "model": (0, 6), "shuffled": (0, 6)}


def test_who_is_always_wrong_heard_a_difference(test):
    wrong = ["B" if vote == "A" else "A" for vote in right_votes(test)]
    assert "Ada heard a difference, but took model for Bach (p = 0.031)" in str(report(test, ballot(test, "Ada", wrong)))


def test_each_set_is_counted_by_itself():
    """Right about the shuffled ones, wrong about the model's, in both kinds, counted by hand."""
    for kind in KINDS:
        test = make(kind)
        votes = [
            right if "shuffled" in names else test.choices[1 - test.choices.index(right)] if "model" in names else "real"
            for right, names in zip(right_votes(test), truth(test), strict=True)
        ]
        rows = {row.name: (row.right, row.votes) for row in report(test, ballot(test, "x", votes)).rows}
        if kind == "pairs":
            assert rows == {"model": (0, 6), "shuffled": (6, 6), "all": (6, 12)}
        else:  # all real ones called real, half of which stand beside the model's
            assert rows == {"model": (6, 12), "shuffled": (12, 12), "all": (18, 24)}


def test_who_calls_everything_real_is_right_in_half_of_each_set():
    test = make("single")
    result = report(test, ballot(test, "x", ["real"] * 24))
    assert {row.share for row in result.rows} == {0.5} and result.called_real["model"] == (6, 6)


@pytest.mark.parametrize("kind", KINDS)
def test_guessing_listeners_are_right_in_half_and_seldom_found_to_know(kind):
    """400 guessers: an exact test errs in at most 5 % of them, and 12 or 24 votes in 3.9 or 4.3 % (10 or 18 right)."""
    test, rng = make(kind), np.random.default_rng(1)
    rows = [report(test, guess(test, "x", rng)).rows[2] for _ in range(400)]
    share = np.mean([row.share for row in rows])
    assert abs(share - 0.5) < 4 * 0.5 / math.sqrt(400 * test.trials)
    for level in (0.05, 0.2, 0.5):
        wanted = sum(binomial_p(k, test.trials) <= level and math.comb(test.trials, k) for k in range(test.trials + 1))
        wanted /= 2**test.trials
        found = np.mean([row.p <= level for row in rows])
        assert wanted <= level and abs(found - wanted) < 4 * math.sqrt(wanted * (1 - wanted) / 400)


def test_a_guesser_is_found_to_know_in_one_or_other_of_three_rows_once_in_twelve():
    """No more: 1 of 32 for each set by itself, and 10 or more, or 2 or fewer, of 12. Counted over all ways to guess."""
    found = 0
    for model, other in itertools.product(range(7), repeat=2):
        known = model in (0, 6) or other in (0, 6) or binomial_p(model + other, 12) <= 0.05
        found += known * math.comb(6, model) * math.comb(6, other)
    assert found / 2**12 == pytest.approx(1 / 12, abs=0.01)
    test, rng = make(), np.random.default_rng(4)
    seen = np.mean([any(row.evidence for row in report(test, guess(test, "x", rng)).rows) for _ in range(400)])
    assert abs(seen - found / 2**12) < 4 * math.sqrt(0.083 * 0.917 / 400)


@pytest.mark.parametrize("habit", ["A" * 12, "AB" * 6, "AABBAABBAABB"])
def test_a_habit_of_voting_is_no_knowledge(habit):
    """Over many tests: the coin that says which is A makes any habit a fair guess."""
    rows = [report(t, ballot(t, "x", habit)).rows[2] for t in make_many(300)]
    assert abs(np.mean([row.share for row in rows]) - 0.5) < 4 * 0.5 / math.sqrt(300 * 12)
    assert np.mean([row.evidence for row in rows]) < 0.039 + 4 * math.sqrt(0.039 * 0.961 / 300)


def test_listeners_who_all_vote_alike_are_one_listener():
    """A class that copies from one guesser is often found to know by single votes, and not by trials."""
    rng, single, by_trials = np.random.default_rng(2), 0, 0
    test = make()
    for _ in range(100):
        votes = [test.choices[k] for k in rng.integers(2, size=12)]
        alone = report(test, ballot(test, "a", votes)).rows[2]
        row = report(test, [v for name in "abcdefgh" for v in ballot(test, name, votes)]).rows[2]
        assert row.p_by_trials == alone.p, "for pairs it is the binomial test of the one"
        single, by_trials = single + (row.p <= 0.05), by_trials + row.evidence
    assert single / 100 > 0.4 and by_trials / 100 < 0.039 + 4 * math.sqrt(0.039 * 0.961 / 100)


@pytest.mark.parametrize("kind", KINDS)
def test_p_by_trials_is_that_of_all_orders(kind):
    """Against every way in which the coins could have fallen: a swap of the real and the other in each of the trials."""
    test, rng = make(kind), np.random.default_rng(5)
    votes = [v for name in "abc" for v in guess(test, name, rng)]
    right = right_votes(test)
    row = report(test, votes).rows[0]
    chosen = [n for n, trial in enumerate(test._trials, 1) if trial.other == "model"]
    couples = [[n for n in chosen if test._trials[n - 1].couple == c] for c in {test._trials[n - 1].couple for n in chosen}]
    totals = []
    for swaps in itertools.product((False, True), repeat=len(couples)):
        swapped = {n for couple, swap in zip(couples, swaps, strict=True) if swap for n in couple}
        totals.append(sum((v.vote == right[v.trial - 1]) != (v.trial in swapped) for v in votes if v.trial in chosen))
    as_far = sum(abs(2 * total - row.votes) >= abs(2 * row.right - row.votes) for total in totals)
    assert len(couples) == 6 and totals[0] == row.right and row.p_by_trials == as_far / len(totals)


# --- the report -----------------------------------------------------------------------------------------


def test_unfinished_listeners_do_not_count_and_learn_nothing(test):
    right = right_votes(test)
    some = ballot(test, "Ada", right)[:11]
    nobody = report(test, some)
    assert nobody.rows == nobody.listeners == () and nobody.unfinished == {"Ada": 11}
    assert (
        str(nobody)
        == "Nobody has answered all trials, so there is no result yet.\nNot finished, and not counted: Ada (11 of 12)."
    )
    other = report(test, [Vote(v.test, v.listener, v.trial, "B" if v.vote == "A" else "A") for v in some])
    assert other == nobody, "it does not depend on the votes"
    both = report(test, some + ballot(test, "Bert", right))
    assert [row.name for row in both.listeners] == ["Bert"] and both.rows[2].votes == 12 and "Ada (11 of 12)" in str(both)


def test_votes_of_another_test_do_not_count_and_are_named(test):
    other = make(seed=9)
    result = report(test, ballot(other, "Ada", right_votes(other)) + ballot(test, "Bert", right_votes(test)))
    assert result.foreign == 12 and result.rows[2].votes == 12 and "Of another test, and not counted: 12 votes" in str(result)
    assert report(test, []).foreign == 0


@pytest.mark.parametrize(("trial", "vote"), [(13, "A"), (3, "C"), (3, "real")])
def test_a_vote_that_cannot_be_is_an_error(test, trial, vote):
    with pytest.raises(ValueError, match=f"Ada voted '{vote}' on trial {trial}"):
        report(test, [Vote(test.fingerprint, "Ada", trial, vote)])


def test_no_evidence_says_what_would_have_counted():
    sets = {name: pieces for name, pieces in SETS.items() if name != "shuffled"}
    for trials, right, words in (
        (12, 7, "with 12 votes 10 or more right would have counted"),
        (6, 3, "all 6 would have had to be right"),
        (5, 5, "5 votes are too few, even if all were right"),
    ):
        test = ListeningTest(sets, real="Bach", trials=trials)
        votes = [vote if n < right else "B" if vote == "A" else "A" for n, vote in enumerate(right_votes(test))]
        text = str(report(test, ballot(test, "Ada", votes)))
        assert f"{right} of {trials} right" in text and "no evidence that Ada can tell model from Bach" in text and words in text
        assert "In all" not in text, "with one other set there is one row"


def test_several_listeners_are_not_taken_for_independent(test):
    rng = np.random.default_rng(3)
    votes = [v for name in ("Ada", "Bert", "Cleo") for v in ballot(test, name, right_votes(test))]
    result = report(test, votes + guess(test, "Dan", rng)[:3])
    assert "3 of 3 listeners had more than half right. All heard the same 12 trials" in str(result)
    assert [row.name for row in result.listeners] == ["Ada", "Bert", "Cleo"]
    assert all(row.p_by_trials is None for row in result.listeners)
    assert result.rows[0].votes == 18 and result.rows[0].p == 2 / 2**18 and result.rows[0].p_by_trials == 2 / 2**6
    eve = ballot(test, "Eve", ["AB"[vote == "A"] for vote in right_votes(test)])
    assert "3 of 4 listeners had more than half right" in str(report(test, votes + eve))
    few = ListeningTest(SETS, real="Bach", trials=4)
    text = str(report(few, [v for name in "abcdef" for v in ballot(few, name, right_votes(few))]))
    assert "with several listeners that takes at least 6 trials; these are 2" in text and "told" not in text


def test_the_table_is_one(test):
    from xml.etree import ElementTree

    votes = [v for name in ("<b>Ada", "Bert & Co") for v in ballot(test, name, right_votes(test))]
    page = ElementTree.fromstring(f"<div>{report(test, votes)._repr_html_()}</div>")
    tables = page.findall("table")
    assert [table.find("caption").text for table in tables] == [
        "How well listeners told the sets from the real one",
        "Each listener",
    ]
    for table in tables:
        heads = table.findall("thead/tr/th")
        assert {th.get("scope") for th in heads} == {"col"}
        assert all(len(row) == len(heads) and row[0].get("scope") == "row" for row in table.findall("tbody/tr"))
    assert tables[1].find("tbody/tr/th").text == "<b>Ada"
    first = [cell.text for cell in tables[0].find("tbody/tr")]
    assert first == ["model", "12", "12", "100 %", "74–100 %", "< 0.001", "0.031"]
