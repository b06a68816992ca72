"""Taste: learned from choices, sure in the right measure, corrected at a word, and gone when it is deleted."""

import json
import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from musiclab import load_bundle
from musiclab.evaluation import key_of, leaps
from musiclab.score import Score
from musiclab.taste import (
    FEATURES,
    PRIOR,
    WEIGHTS,
    Evidence,
    ProfileError,
    Taste,
    delete_profile,
    features,
    made_for,
    personal_bundle,
    steer,
    unsteered,
    variety,
)

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))  # at the end: it hides no other module
import taste as benchmark

NAMES = [feature.name for feature in FEATURES]


@pytest.fixture(scope="module")
def melody():
    return load_bundle("melody")


@pytest.fixture(scope="module")
def pieces(melody):
    return unsteered(melody, 400, seed=0)


@pytest.fixture
def taste(pieces):
    return Taste(pieces[:200])


def feature(score, name):
    return features(score)[NAMES.index(name)]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def choices(taste, pieces, weights, count, seed=0):
    """Let somebody with these weights choose between pieces at random."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        a, b = (pieces[k] for k in rng.permutation(len(pieces))[:2])
        first = rng.random() < sigmoid(weights @ (taste.standard(a) - taste.standard(b)))
        taste.choose(*((a, b) if first else (b, a)))
    return taste


# --- features -------------------------------------------------------------------------------------------

SCALE = Score([(k, 1, p) for k, p in enumerate([60, 62, 64, 65, 67, 69, 71, 72])])


def test_each_feature_hears_what_its_name_says():
    """A change that everybody can hear moves the feature, and towards the end that is named so."""
    notes = SCALE.notes.tolist()
    faster = Score([(o / 2, d / 2, p) for o, d, p, *_ in notes])
    assert feature(faster, "speed") == 2 * feature(SCALE, "speed")
    assert feature(SCALE.transpose(5), "height") == pytest.approx(feature(SCALE, "height") + 5)
    leaping = Score([(k, 1, p) for k, p in enumerate([60, 67, 62, 69, 64, 71, 65, 72])])
    assert feature(leaping, "motion") == 100 == leaps(leaping) and feature(SCALE, "motion") == 0
    dotted = Score([(k // 2 * 2 + 1.5 * (k % 2), 1.5 - k % 2, p) for k, (_, _, p, *_) in enumerate(notes)])
    assert feature(dotted, "rhythm") > feature(SCALE, "rhythm") == 0
    assert feature(SCALE, "range") == 12
    twice = Score([(k, 1, 60 + 2 * (k % 4)) for k in range(16)])
    assert feature(twice, "return") == 1 > feature(SCALE, "return")
    backwards = Score([(7 - o, d, p) for o, d, p, *_ in notes])
    assert feature(SCALE, "climb") == pytest.approx(7) and feature(backwards, "climb") == pytest.approx(-7)


def test_mode_agrees_with_the_key_and_does_not_change_with_transposition(pieces):
    for score in pieces[:60]:
        assert (feature(score, "mode") > 0) == (key_of(score)[1] == "major")
        for shift in (-5, 3):
            assert feature(score.transpose(shift), "mode") == pytest.approx(feature(score, "mode"), abs=1e-9)
    assert feature(Score([(k, 1, 57 + p) for k, p in enumerate([0, 2, 3, 5, 7, 8, 11, 12, 0])]), "mode") < 0


def test_features_look_at_the_notes_alone(pieces):
    renamed = replace(pieces[0], title="x", tempo=33.0, key="D minor")
    assert features(renamed) == features(pieces[0])


def test_usual_is_nought_and_one_deviation_is_one(taste, pieces):
    x = np.array([taste.standard(score) for score in pieces[:200]])
    assert np.abs(x.mean(axis=0)).max() < 0.1 and np.abs(x.std(axis=0) - 1).max() < 0.15  # but for what was cut at 3
    assert np.abs(x).max() <= 3
    assert taste.standard(Score([(0, 1, 60)])).shape == (8,), "what cannot be measured in a single note counts as usual"
    assert taste.standard(Score([(0, 1, 60)]))[NAMES.index("return")] == 0
    with pytest.raises(ValueError, match="without notes"):
        taste.standard(Score([]))
    with pytest.raises(ValueError, match="two pieces or more"):
        Taste(pieces[:1])
    with pytest.raises(ValueError, match="all alike in speed, height"):
        Taste([pieces[0], pieces[0]])


# --- learning -------------------------------------------------------------------------------------------


def log_posterior(taste, w):
    rows = np.array([taste.standard(e.liked) - taste.standard(e.other) for e in taste.evidence])
    counts = np.array([WEIGHTS[e.kind] for e in taste.evidence])
    return -counts @ np.log1p(np.exp(-rows @ w)) - w @ w / (2 * PRIOR**2)


def test_nothing_is_known_before_a_choice(taste, pieces):
    assert not taste.mean.any() and np.allclose(taste.covariance, PRIOR**2 * np.eye(8))
    assert taste.probability(pieces[0], pieces[1]) == 0.5
    assert all("cannot tell" in line for line in taste.words()[1:])


def test_the_mean_is_the_maximum_and_the_covariance_its_curvature(taste, pieces):
    """Against finite differences of the posterior, which know nothing of Newton."""
    choices(taste, pieces, np.array([2, 0, -1, 0, 0.5, 0, 0, 0]), 15)
    taste.skip(pieces[3]), taste.replay(pieces[4])
    h, unit = 1e-4, np.eye(8)
    slope = [(log_posterior(taste, taste.mean + h * e) - log_posterior(taste, taste.mean - h * e)) / (2 * h) for e in unit]
    assert np.abs(slope).max() < 1e-6
    curvature = np.zeros((8, 8))
    for i, j in np.ndindex(8, 8):
        signs = [(s, t, log_posterior(taste, taste.mean + h * (s * unit[i] + t * unit[j]))) for s in (1, -1) for t in (1, -1)]
        curvature[i, j] = -sum(s * t * value for s, t, value in signs) / (4 * h * h)
    assert np.allclose(np.linalg.inv(taste.covariance), curvature, atol=1e-4)


def test_laplace_is_near_the_exact_posterior_of_one_weight(pieces):
    """All but one weight are pinned by the listener's word, so that the other can be integrated on a grid."""
    taste = Taste(pieces[:200])
    for name in NAMES[1:]:
        taste.correct(name, 0)
    choices(taste, pieces, np.array([1.5, *[0] * 7]), 15)
    grid = np.linspace(-6, 6, 4001)
    logs = np.array([log_posterior(taste, np.array([w, *[0] * 7])) for w in grid])
    exact = np.exp(logs - logs.max()) / np.exp(logs - logs.max()).sum()
    mean = exact @ grid
    deviation = np.sqrt(exact @ (grid - mean) ** 2)
    assert taste.mean[0] == pytest.approx(mean, abs=0.25 * deviation)
    assert np.sqrt(taste.covariance[0, 0]) == pytest.approx(deviation, rel=0.15)


def test_probability_is_the_mean_over_what_the_weights_may_be(taste, pieces):
    choices(taste, pieces, np.array([2, 0, -1, 0, 0.5, 0, 0, 0]), 10)
    drawn = np.random.default_rng(0).multivariate_normal(taste.mean, taste.covariance, 20_000)
    plain = []
    for a, b in combinations(pieces[200:210], 2):
        difference = taste.standard(a) - taste.standard(b)
        assert taste.probability(a, b) == pytest.approx(sigmoid(drawn @ difference).mean(), abs=0.02)
        assert taste.probability(a, b) + taste.probability(b, a) == pytest.approx(1)
        plain.append(abs(sigmoid(taste.mean @ difference) - 0.5) - abs(taste.probability(a, b) - 0.5))
    assert min(plain) >= 0 and max(plain) > 0.02, "not being sure of the weights brings a probability nearer to a half"


def test_much_evidence_finds_the_weights_and_the_order_does_not_matter(taste, pieces):
    weights = np.array([1.5, -1, 0, 0.5, 0, 0, -0.5, 0])
    choices(taste, pieces, weights, 1500)
    assert np.abs(taste.mean - weights).max() < 0.35 and np.sqrt(np.diag(taste.covariance)).max() < 0.2
    other = Taste(pieces[:200])
    for e in taste.evidence[::-1]:
        other.choose(e.liked, e.other)
    assert np.allclose(other.mean, taste.mean, atol=1e-6) and np.allclose(other.covariance, taste.covariance, atol=1e-6)


def test_a_skip_and_a_replay_count_a_quarter(taste, pieces):
    a, b = pieces[0], pieces[1]
    for _ in range(4):
        taste.replay(a)
        taste.skip(b)
    whole = Taste(pieces[:200])
    whole.evidence = [Evidence("choice", a, None), Evidence("choice", None, b)]  # as if a usual piece had been the other one
    whole._fit()
    assert np.allclose(taste.mean, whole.mean, atol=1e-6) and np.allclose(taste.covariance, whole.covariance, atol=1e-6)
    assert taste.utility(a)[0] > 0 > taste.utility(b)[0]
    chosen = Taste(pieces[:200])
    chosen.choose(a, b)
    assert chosen.probability(a, b) > 0.5


def test_what_cannot_be_learned_from_is_refused_and_not_kept(taste, pieces):
    with pytest.raises(ValueError, match="without notes"):
        taste.choose(pieces[0], Score([]))
    for action, words in (
        (lambda: taste.skip(None), "a skip takes a score"),
        (lambda: taste.replay(None), "a replay takes a score"),
        (lambda: taste.choose(pieces[0], None), "a choice takes two scores"),
        (lambda: taste.choose(None, pieces[0]), "a choice takes two scores"),
        (lambda: taste.choose(pieces[0], Score([(1e308, 1, 60)])), "too long"),
    ):
        with pytest.raises(ValueError, match=words):
            action()
    assert taste.evidence == [] and not taste.mean.any()


# --- the listener's own word ----------------------------------------------------------------------------


def test_a_word_outweighs_what_was_learned(taste, pieces):
    choices(taste, pieces, np.array([3.0, *[0] * 7]), 60)
    assert taste.mean[0] > 1.5
    taste.correct("speed", -2)
    assert taste.mean[0] == pytest.approx(-2, abs=0.15), "sixty choices say the opposite"
    assert "speed: you said that you like it calm." in taste.words()
    taste.correct("speed", 0)
    assert "speed: you said that it does not matter to you." in taste.words() and abs(taste.mean[0]) < 0.15
    taste.correct("speed", None)
    assert taste.mean[0] > 1.5 and "surely like it lively" in " ".join(taste.words())


@pytest.mark.parametrize(
    ("name", "weight", "words"),
    [("tempo", 1, "there are speed, height"), ("speed", 4, "very much calm, to 3, very much lively"), ("speed", np.nan, "-3")],
)
def test_a_word_that_means_nothing_is_refused(taste, name, weight, words):
    with pytest.raises(ValueError, match=words):
        taste.correct(name, weight)
    assert taste.corrections == {}


def test_words_say_how_sure_and_what_from(taste, pieces):
    choices(taste, pieces, np.array([3.0, *[0] * 7]), 25)
    taste.skip(pieces[0])
    lines = taste.words()
    assert lines[0] == "This comes from 25 choices, 0 replays and 1 skip." and len(lines) == 9
    assert lines[1].startswith("speed: you surely like it lively rather than calm (")
    assert [line.split(":")[0] for line in lines[1:]] == NAMES


# --- the next pair --------------------------------------------------------------------------------------


def test_the_next_pair_is_the_one_that_tells_most(taste, pieces):
    """Against brute force: the mean entropy of the weights after either answer, for each pair of a small pool."""
    choices(taste, pieces, np.array([2, 0, -1, 0, 0.5, 0, 0, 0]), 6)
    pool = pieces[300:312]
    asked = taste.next_pair(pool)

    def left(a, b):
        after = []
        for winner, loser in ((a, b), (b, a)):
            other = Taste(pieces[:200])
            other.evidence = [*taste.evidence, Evidence("choice", winner, loser)]
            other._fit()
            after.append(np.linalg.slogdet(other.covariance)[1] / 2)
        p = taste.probability(a, b)
        return p * after[0] + (1 - p) * after[1]

    remains = sorted((left(a, b), a is asked[0] and b is asked[1]) for a, b in combinations(pool, 2))
    assert [hit for _, hit in remains].index(True) < 3, "of 66 pairs; the two measures are approximations of one thing"


def test_a_pair_takes_two(taste, pieces):
    with pytest.raises(ValueError, match="there are 1"):
        taste.next_pair(pieces[:1])


# --- steering -------------------------------------------------------------------------------------------


def test_steering_draws_in_proportion_to_what_is_said(taste, pieces, monkeypatch):
    """The first that is drawn: how often each candidate comes, against exp(strength u)."""
    choices(taste, pieces, np.array([1.0, *[0] * 7]), 10)
    candidates = pieces[200:208]
    mean, deviation = np.transpose([taste.utility(score) for score in candidates])
    weights = np.exp(1.5 * mean / np.sqrt(1 + np.pi * deviation**2 / 8))
    wanted = weights / weights.sum()
    counts = np.zeros(8)
    for seed in range(3000):
        (drawn,) = steer(candidates, taste, 1, strength=1.5, seed=seed)
        counts[next(k for k, score in enumerate(candidates) if score is drawn)] += 1
    assert np.abs(counts / 3000 - wanted).max() < 0.03 and np.ptp(wanted) > 0.1


def test_steering_by_nothing_is_not_steering(taste, pieces):
    candidates = pieces[200:]
    assert steer(candidates, taste, 20, strength=3, seed=1) == steer(candidates, taste, 20, strength=0, seed=1)


def test_no_piece_twice_and_no_near_copy(taste, pieces):
    original = pieces[0]
    copies = [original.transpose(shift) for shift in range(-3, 4)]
    candidates = [*copies, *pieces[1:40]]
    for seed in range(10):
        drawn = steer(candidates, taste, 12, seed=seed)
        assert len(drawn) == 12 and sum(score in copies for score in drawn) <= 1
    with pytest.raises(ValueError, match="only 1 of 7 candidates differ enough"):
        steer(copies, taste, 2)
    with pytest.raises(ValueError, match="strength=-1"):
        steer(pieces, taste, 2, strength=-1)
    for settings in ({"count": -1}, {"count": 1, "seed": -1}):
        with pytest.raises(ValueError, match=f"{list(settings)[-1]}=-1: it must be 0 or more"):
            steer(pieces, taste, **settings)


def test_made_for_is_repeatable_and_follows_the_word(melody, taste):
    taste.correct("speed", 3)
    made = made_for(melody, taste, 4, length=16, candidates=64, seed=5)
    assert made == made_for(melody, taste, 4, length=16, candidates=64, seed=5)
    assert made != made_for(melody, taste, 4, length=16, candidates=64, seed=6)
    assert {score.duration for score in made} == {16}
    usual = np.mean([feature(score, "speed") for score in unsteered(melody, 64, length=16, seed=5)])
    assert min(feature(score, "speed") for score in made) > usual
    assert made[0].time_signature == (4, 4)
    with pytest.raises(ValueError, match=r"length=0\.25: that is too short"):
        made_for(melody, taste, 1, length=0.25, candidates=32, seed=5)


def test_a_personal_bundle_has_learned_from_the_chosen_and_the_made(melody, taste, pieces):
    choices(taste, pieces, np.array([3.0, *[0] * 7]), 15)
    mine = personal_bundle(melody, taste, "mine", count=300, epochs=2, progress=False)
    assert mine.name == "mine" and sum(mine.card["split"][side] for side in ("train", "valid", "test")) > 300
    before, after = (float(word) for word in mine.card["metrics"]["test nats/step, yours"].split() if word[0].isdigit())
    assert after < before
    speeds = [np.mean([feature(score, "speed") for score in unsteered(bundle, 100, seed=8)]) for bundle in (melody, mine)]
    assert speeds[1] > speeds[0], "what it writes unsteered has moved, too"


def test_variety_knows_copies_from_different_pieces(taste, pieces):
    same, different = variety([pieces[0]] * 4, taste), variety(pieces[:40], taste)
    assert same["distance"] == 0 and same["shared runs"] == 100
    assert 1 < different["distance"] < 1.6 and different["shared runs"] < 90
    x = np.random.default_rng(0).normal(size=(400, 8))  # what the docstring says of independent pieces
    pairs = np.triu_indices(400, 1)
    assert np.sqrt(np.square(x[pairs[0]] - x[pairs[1]]).mean(axis=1)).mean() == pytest.approx(2**0.5, abs=0.05)
    with pytest.raises(ValueError, match="there are 1"):
        variety(pieces[:1], taste)
    bars = [score.slice(0, 4) for score in pieces[:4]]
    assert np.isnan(variety(bars, taste)["self-similarity"]), "and no warning: pytest makes errors of them"


# --- simulated listeners --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world():
    return benchmark.World(1500, seed=11)


@pytest.fixture(scope="module")
def known(world):
    return [benchmark.session(world, kind, seed) for kind in benchmark.EXPRESSIBLE for seed in range(50, 66)]


def test_after_15_choices_what_is_made_is_chosen_in_four_cases_of_five(known):
    assert len(known) >= 40
    assert np.mean([s["chosen"] for s in known]) >= 80 and np.mean([s["better"] for s in known]) >= 80


def test_after_0_choices_it_is_a_coin(world):
    blank = [benchmark.session(world, kind, seed, choices=0) for kind in benchmark.EXPRESSIBLE for seed in range(50, 66)]
    chosen = np.array([s["chosen"] for s in blank])
    assert abs(chosen.mean() - 50) < 3 * chosen.std() / len(chosen) ** 0.5


def test_variety_does_not_collapse(known):
    made, fresh = (np.mean([s[side]["distance"] for s in known]) for side in ("made", "fresh"))
    assert made > 0.8 * fresh
    made, fresh = (np.mean([s[side]["shared runs"] for s in known]) for side in ("made", "fresh"))
    assert made < fresh + 10


def test_sureness_is_about_right_for_listeners_as_assumed(world):
    """With true weights drawn from the prior (Talts et al., 2018). Laplace is a little too sure: 91 % for 95 %."""
    sessions = [benchmark.session(world, "as assumed", seed) for seed in range(40)]
    assert 0.85 < np.mean([s["inside"] for s in sessions]) < 0.97
    assert benchmark.miscalibration(sessions) < 10
    said, chance = (np.concatenate([s[which] for s in sessions]) for which in ("said", "chance"))
    assert np.abs(said - 0.5).mean() < np.abs(chance - 0.5).mean(), "too modest, and not too sure"


def test_chance_and_indifference_are_not_taken_for_taste(world):
    """Who answers by a coin is described with less sureness than who has a taste, and nothing pleases them more."""
    coins = [benchmark.session(world, "indifferent", seed) for seed in range(8)]
    assert {round(s["chosen"]) for s in coins} == {50}


# --- the file -------------------------------------------------------------------------------------------


@pytest.fixture
def profile(taste, pieces, tmp_path):
    choices(taste, pieces, np.array([2, 0, -1, 0, 0.5, 0, 0, 0]), 5)
    taste.skip(pieces[0]), taste.replay(pieces[1])
    taste.correct("range", -1)
    return taste.save(tmp_path / "mine.json")


def test_what_is_saved_comes_back(taste, profile, pieces):
    back = Taste.load(profile)
    assert back.evidence == taste.evidence and back.corrections == {"range": -1}
    assert np.allclose(back.mean, taste.mean) and np.allclose(back.covariance, taste.covariance)
    assert back.words() == taste.words() and back.probability(*pieces[5:7]) == taste.probability(*pieces[5:7])
    again = profile.read_bytes()
    back.save(profile)
    assert profile.read_bytes() == again and [path.name for path in profile.parent.iterdir()] == ["mine.json"]


def test_the_file_is_plain_and_can_be_changed_by_hand(profile):
    plain = json.loads(profile.read_text())
    assert plain.keys() == {"format", "version", "corrections", "features", "evidence"}
    assert [e["kind"] for e in plain["evidence"]] == ["choice"] * 5 + ["skip", "replay"]
    assert max(map(len, profile.read_text().splitlines())) < 10_000
    plain["corrections"] = {"speed": 2}
    plain["evidence"].pop()
    profile.write_text(json.dumps(plain))
    assert Taste.load(profile).corrections == {"speed": 2} and len(Taste.load(profile).evidence) == 6


def _without(name):
    def change(plain):
        del plain[name]

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_without("evidence"), "damaged"),
        (lambda p: p.update(format="x"), "no profile of musiclab"),
        (lambda p: p.update(version=2), "has version 2, and this musiclab reads 1"),
        (lambda p: p["features"].pop(), "damaged"),
        (lambda p: p["features"][0].update(spread=0), "damaged"),
        (lambda p: p["features"][0].update(usual="x"), "damaged"),
        (lambda p: p["evidence"].append(5), "damaged"),
        (lambda p: p["evidence"][0].update(kind="like"), "no evidence of the kind 'like'"),
        (lambda p: p["evidence"][0].update(liked=None, other=None), "no evidence"),
        (lambda p: p["evidence"][0]["liked"].update(notes=[[0, 1]]), "a note must have 5 numbers"),
        (lambda p: p["evidence"][0]["liked"].update(notes=[[0, 1, 300, 0, 80]]), "note 0"),
        (lambda p: p["evidence"][0]["liked"].update(notes=[]), "without notes"),
        (lambda p: p.update(corrections={"tempo": 1}), "there is no feature 'tempo'"),
        (lambda p: p.update(corrections=[1]), "its corrections must look like"),
        (lambda p: p.update(corrections=[]), "its corrections must look like"),
        (lambda p: p["evidence"][0].update(other=None), "no evidence of the kind 'choice' with these pieces"),
        (lambda p: p["evidence"][0]["liked"].update(notes=[[1e308, 1, 60, 0, 80]]), "too long"),
    ],
)
def test_a_damaged_file_gets_a_sentence_and_stays(profile, change, words):
    plain = json.loads(profile.read_text())
    change(plain)
    profile.write_text(json.dumps(plain))
    before = profile.read_bytes()
    with pytest.raises(ProfileError, match=words) as error:
        Taste.load(profile)
    assert str(error.value).startswith("mine.json") and str(error.value).endswith(".") and profile.read_bytes() == before


def test_every_cut_of_a_file_is_noticed(profile, tmp_path):
    whole = profile.read_bytes()
    for end in range(0, len(whole) - 3, len(whole) // 40):
        (tmp_path / "cut.json").write_bytes(whole[:end])
        with pytest.raises(ProfileError, match=r"damaged|no profile"):
            Taste.load(tmp_path / "cut.json")
    (tmp_path / "cut.json").write_bytes(b"\xff\xfe\x00" + whole)
    with pytest.raises(ProfileError):
        Taste.load(tmp_path / "cut.json")


def test_deep_json_is_noticed_and_not_taken_for_a_profile(tmp_path, taste):
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 100_000)
    with pytest.raises(ProfileError, match="is damaged: it is no JSON"):
        Taste.load(deep)
    with pytest.raises(ProfileError, match="is no profile"):
        taste.save(deep)


def test_a_profile_that_cannot_be_read_is_not_replaced(profile, taste):
    whole, plain = profile.read_bytes(), json.loads(profile.read_bytes())
    without = {name: value for name, value in plain.items() if name != "evidence"}
    for data, words in (
        (whole[: len(whole) // 2], "is damaged, so it was not replaced: mend it, delete it, or choose another name"),
        (json.dumps(without).encode(), "is damaged, so it was not replaced"),
        (json.dumps(plain | {"version": 2}).encode(), "is a profile of version 2, so it was not replaced. Choose another name"),
    ):
        profile.write_bytes(data)
        with pytest.raises(ProfileError, match=words):
            taste.save(profile)
        assert profile.read_bytes() == data
    with pytest.raises(ProfileError, match="another musiclab: use that one, or begin with another file name"):
        Taste.load(profile)
    delete_profile(profile)


def test_a_profile_is_known_by_what_it_is_not_by_a_word_in_it(profile, taste, tmp_path):
    plain = json.loads(profile.read_bytes())
    for data in (json.dumps(plain, sort_keys=True), json.dumps(plain, indent=8), "\ufeff" + json.dumps(plain)):
        profile.write_text(data, encoding="utf-8")
        taste.save(profile)
        profile.write_text(data, encoding="utf-8")
        delete_profile(profile)
    for text in (
        'Dear diary, today I read of "format": "musiclab taste".',
        '{"diary": "musiclab taste"}',
        'My profile begins with {"format": "musiclab taste", I think.',
        '["format", "musiclab taste"]',
        '{"diary": {"format": "musiclab taste"}}',
    ):
        diary = tmp_path / "diary.json"
        diary.write_text(text)
        for action in (lambda: delete_profile(diary), lambda: taste.save(diary)):  # noqa: B023
            with pytest.raises(ProfileError, match="is no profile of musiclab"):
                action()
        assert diary.read_text() == text


def test_a_link_stays_a_link_and_is_deleted_with_what_it_leads_to(profile, taste, pieces, tmp_path):
    link = tmp_path / "link.json"
    try:
        link.symlink_to(profile)
    except OSError:
        pytest.skip("no symbolic links can be made here")
    taste.choose(pieces[5], pieces[6])
    taste.save(link)
    assert link.is_symlink() and Taste.load(profile).evidence == taste.evidence
    delete_profile(link)
    assert list(tmp_path.iterdir()) == []


def test_delete_is_delete(profile, tmp_path):
    words = delete_profile(profile)
    assert "mine.json is deleted" in words and list(tmp_path.iterdir()) == []
    with pytest.raises(ProfileError, match="there is no profile mine"):
        delete_profile(profile)
    with pytest.raises(ProfileError, match="there is no profile mine"):
        Taste.load(profile)


def test_a_damaged_profile_can_be_deleted_and_another_file_cannot(profile, taste, tmp_path):
    profile.write_bytes(profile.read_bytes()[:100])
    delete_profile(profile)
    letter = tmp_path / "letter.json"
    letter.write_text('{"dear": "aunt"}')
    for action in (lambda: delete_profile(letter), lambda: taste.save(letter)):
        with pytest.raises(ProfileError, match="is no profile of musiclab, so it was not"):
            action()
    assert letter.read_text() == '{"dear": "aunt"}'
    with pytest.raises(ProfileError, match=r"cannot be read|is no profile"):
        delete_profile(tmp_path)
    with pytest.raises(ProfileError, match=r"^mine\.json: there is no folder .*no folder to write to\. Create it"):
        taste.save(tmp_path / "no folder" / "mine.json")
    for action in (taste.save, Taste.load, delete_profile):
        with pytest.raises(ProfileError, match=r"^\. cannot be read"):
            action("")
