"""Generation: the controls do what they say, the grammar holds, and the model is fed just what training fed it."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import scores, tune, weights_for

from musiclab.baselines import Markov, Uniform
from musiclab.bundle import Bundle, BundleError, load_bundle
from musiclab.dataset import Batches, Piece
from musiclab.encoding import END, HOLD, EventEncoding, GridEncoding, NoteNameEncoding
from musiclab.generation import distribution, generate, sample_tokens
from musiclab.lstm import Stream
from musiclab.score import Score

GRID, EVENTS, NAMES = GridEncoding(), EventEncoding(), NoteNameEncoding(["C4", "D4", "E4", "C4.E4"])
ENCODINGS = pytest.mark.parametrize("encoding", [GRID, EVENTS, NAMES], ids=lambda e: e.name)


def bundle_of(encoding=GRID, seed=0, **card):
    return Bundle("mine", weights_for(encoding, units=8, seed=seed), encoding, {"kind": "stream"}, card)


class Recorder:
    """A model that notes down what it is told, and answers what it is asked to."""

    def __init__(self, answer):
        self.answer = answer if callable(answer) else lambda row: answer
        self.rows, self.resets = [], 0

    def reset(self):
        self.resets += 1
        self.rows = []

    def step(self, row):
        self.rows.append(row.tolist())
        return self.answer(row)


def even(encoding):
    return np.full(encoding.size, -np.log(encoding.size))


def endless(encoding):
    """Even, but the end is all but impossible."""
    answer = even(encoding)
    answer[END] = -1e9
    return answer


# --- distribution ---------------------------------------------------------------------------------------

logs = st.lists(st.floats(-30, 0), min_size=1, max_size=12).map(np.array)


@given(logs, st.floats(0.05, 20), st.one_of(st.none(), st.integers(1, 15)), st.one_of(st.none(), st.floats(0.01, 1)), st.data())
def test_it_sums_to_one_and_gives_nothing_to_what_is_not_allowed(log_p, temperature, top_k, top_p, data):
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=len(log_p), max_size=len(log_p))))
    assume(allowed.any())
    before = log_p.copy()
    p = distribution(log_p, temperature=temperature, top_k=top_k, top_p=top_p, allowed=allowed)
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert (p >= 0).all() and not p[~allowed].any()
    assert np.array_equal(log_p, before)
    kept = np.flatnonzero(p)
    assert len(kept) <= (top_k or 99)
    if len(kept) < allowed.sum():  # nothing likelier was thrown away
        assert log_p[kept].min() >= log_p[allowed & (p == 0)].max() - 1e-9


@given(logs, st.floats(0.05, 20))
def test_temperature_is_the_power_of_the_probabilities(log_p, temperature):
    expected = np.exp(log_p) ** (1 / temperature) if temperature > 0.5 else np.exp((log_p - log_p.max()) / temperature)
    assert np.allclose(distribution(log_p, temperature=temperature), expected / expected.sum(), atol=1e-12)


def test_the_limits_of_temperature_are_argmax_and_an_even_choice():
    log_p = np.log([0.1, 0.5, 0.3, 0.1])
    with np.errstate(all="raise", under="ignore"):
        for cold in (1e-3, 1e-200, 5e-324):
            assert np.allclose(distribution(log_p, temperature=cold), [0, 1, 0, 0], atol=1e-100)
        assert np.allclose(distribution(log_p, temperature=1e9), 0.25)
    assert np.allclose(distribution(log_p), [0.1, 0.5, 0.3, 0.1])


@given(logs, st.integers(1, 15))
def test_top_k_keeps_the_k_likeliest_in_their_proportions(log_p, k):
    best = sorted(range(len(log_p)), key=lambda i: -log_p[i])[:k]
    expected = np.zeros(len(log_p))
    expected[best] = np.exp(log_p[best] - log_p[best].max())
    assert np.allclose(distribution(log_p, top_k=k), expected / expected.sum(), atol=1e-12)


@given(logs, st.floats(0.01, 0.99))
def test_top_p_keeps_the_fewest_that_reach_it(log_p, top_p):
    p = distribution(log_p)
    chosen, reached = [], 0.0
    for i in sorted(range(len(p)), key=lambda i: -log_p[i]):
        assume(abs(reached - top_p) > 1e-9)
        if reached >= top_p:
            break
        chosen.append(i)
        reached += p[i]
    assert np.flatnonzero(distribution(log_p, top_p=top_p)).tolist() == [i for i in sorted(chosen) if p[i] > 0]


def test_the_controls_act_in_their_order():
    log_p = np.log([0.4, 0.3, 0.2, 0.1])
    grammar = np.array([False, True, True, True])
    assert np.flatnonzero(distribution(log_p, top_k=2, allowed=grammar)).tolist() == [1, 2]  # k of what is possible
    assert np.allclose(distribution(log_p, top_k=2, top_p=0.5), [1, 0, 0, 0])  # 0.4 of the 0.7 left is enough
    assert np.allclose(distribution(log_p, top_k=2, top_p=0.6), [4 / 7, 3 / 7, 0, 0])
    assert np.flatnonzero(distribution(log_p, top_p=0.5)).tolist() == [0, 1]
    assert np.flatnonzero(distribution(log_p, top_p=0.5, temperature=0.5)).tolist() == [0]  # 0.53 after bending
    assert distribution(log_p, top_k=4, top_p=1.0) == pytest.approx(np.exp(log_p))


@pytest.mark.parametrize("impossible", [-1e9, -np.inf])
def test_a_model_that_believes_in_nothing_allowed_still_gets_an_answer(impossible):
    p = distribution(np.array([0.0, impossible, impossible]), allowed=np.array([False, True, True]))
    assert p.tolist() == [0, 0.5, 0.5]


@pytest.mark.parametrize(
    ("controls", "message"),
    [
        *(({"temperature": t}, f"temperature={t}: it must be above 0.*use top_k=1") for t in (0, -1, float("nan"), float("inf"))),
        *(({"top_k": k}, f"top_k={k}: it must be 1") for k in (0, -3)),
        *(({"top_p": p}, f"top_p={p}: it must be above 0 and at most 1") for p in (0, -0.1, 1.01, float("nan"))),
    ],
    ids=str,
)
def test_a_control_out_of_range_is_named_with_what_is_valid(controls, message):
    with pytest.raises(ValueError, match=message):
        distribution(even(GRID), **controls)
    with pytest.raises(ValueError, match=message):
        generate(bundle_of(), 4, **controls)


def test_nothing_allowed_and_no_numbers_are_errors():
    with pytest.raises(ValueError, match="allows no token"):
        distribution(np.zeros(2), allowed=np.array([False, False]))
    with pytest.raises(ValueError, match="not numbers"):
        distribution(np.array([np.nan, 0.0]))


# --- drawing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "controls", [{}, {"temperature": 0.6}, {"top_k": 3}, {"top_p": 0.8}, {"temperature": 2.0, "top_k": 4, "top_p": 0.9}], ids=str
)
def test_tokens_are_drawn_as_often_as_the_distribution_says(controls):
    """A chi-square test: 4,000 draws against the probabilities, 4 degrees of freedom, a fixed seed."""
    log_p = np.log([1e-12, 0.45, 0.3, 0.2, 0.05])
    model = Recorder(log_p)
    drawn = Counter(sample_tokens(model, NAMES, 2000, seed=7, stop=False, **controls))
    allowed = np.arange(5) != END
    p = distribution(log_p, allowed=allowed, **controls)
    count = sum(drawn.values())
    assert count == 4000
    assert {token for token in drawn} <= set(np.flatnonzero(p))
    chi_square = sum((drawn[token] - count * p[token]) ** 2 / (count * p[token]) for token in np.flatnonzero(p))
    assert chi_square < 18.5  # one run in a thousand is above it


def test_draws_are_independent_of_each_other():
    tokens = list(sample_tokens(Recorder(np.log([1e-12, 0.25, 0.25, 0.25, 0.25])), NAMES, 2000, seed=3, stop=False))
    pairs = Counter(itertools.pairwise(tokens))
    assert len(pairs) == 16 and min(pairs.values()) > 180 and max(pairs.values()) < 330


def test_the_same_seed_is_the_same_music_and_no_seed_is_not():
    bundle = bundle_of()
    assert generate(bundle, 8, seed=1) == generate(bundle, 8, seed=1)
    assert len({generate(bundle, 8, seed=seed) for seed in (1, 2, 3, None, None)}) == 5


def test_argmax_needs_no_luck():
    bundle = bundle_of()
    assert len({generate(bundle, 8, top_k=1, seed=seed) for seed in range(3)}) == 1


# --- what the model is told -----------------------------------------------------------------------------


@ENCODINGS
@pytest.mark.parametrize("metre", [(4, 4), (3, 4), (6, 8)], ids=str)
def test_the_model_is_fed_exactly_what_training_feeds_it(encoding, metre):
    """Generate; then take the piece for a training piece: the same rows, to the last number."""
    model = Recorder(endless(encoding))
    tokens = np.array(list(sample_tokens(model, encoding, 24, time_signature=metre, seed=5)), dtype=np.int32)
    ((inputs, targets, _),) = Batches([Piece(tokens, metre)], encoding).epoch()
    steps = len(tokens)
    assert steps > 40
    assert model.rows == inputs[0, :steps].tolist() == encoding.inputs(tokens, metre)[:steps].tolist()
    assert targets[0, :steps].tolist() == tokens.tolist()


@ENCODINGS
def test_after_a_prompt_it_is_fed_as_in_the_middle_of_a_piece(encoding):
    prompt = encoding.encode(Score([(i * 0.5, 0.5, 60 + 2 * (i % 3)) for i in range(7)]))
    model = Recorder(endless(encoding))
    tokens = list(sample_tokens(model, encoding, 9, prompt=prompt, time_signature=(3, 4), seed=5))
    whole = np.concatenate([prompt, np.array(tokens, dtype=np.int32)])
    assert model.rows == encoding.inputs(whole, (3, 4))[: len(whole)].tolist()


def test_contexts_go_on_past_every_internal_block():
    model = Recorder(endless(GRID))
    tokens = np.array(list(sample_tokens(model, GRID, 700, time_signature=(3, 4), seed=0)), dtype=np.int32)
    assert len(tokens) == 2800
    assert model.rows == GRID.inputs(tokens, (3, 4))[:2800].tolist()


@ENCODINGS
def test_each_token_costs_one_step_however_many_came_before(encoding):
    model = Recorder(endless(encoding))
    stream = sample_tokens(model, encoding, 200, seed=0)
    for count, _ in enumerate(stream, start=1):
        assert len(model.rows) == count
    assert count > 300 and len(model.rows) == count and model.resets == 1


def test_continuing_a_prompt_is_going_on_with_one_piece():
    """What the model knew after writing a piece, it knows after being given that piece."""
    bundle = bundle_of()
    first = list(sample_tokens(bundle.stream(), GRID, 8, top_k=1))
    prompt = np.array(first[:20], dtype=np.int32)
    assert list(sample_tokens(bundle.stream(), GRID, 3, prompt=prompt, top_k=1)) == first[20:32]


def test_an_old_state_does_not_leak_into_a_new_piece():
    stream = bundle_of().stream()
    first = list(sample_tokens(stream, GRID, 8, seed=1))
    list(sample_tokens(stream, GRID, 3, seed=2))
    assert list(sample_tokens(stream, GRID, 8, seed=1)) == first


@ENCODINGS
def test_baselines_write_music_too(encoding):
    for model in (
        Uniform(encoding.size),
        Markov(encoding.size, 2).fit([(encoding.inputs(np.array([1, 2]), (4, 4)), np.array([1, 2, END]))]),
    ):
        tokens = list(sample_tokens(model, encoding, 8, seed=0, stop=False))
        assert len(encoding.decode(tokens)) > 0


# --- the grammar ----------------------------------------------------------------------------------------


def hostile(encoding):
    """All its belief lies in what the grammar forbids."""

    def answer(row):
        return np.where(encoding.allowed[row[0]], -np.inf, 0.0)

    return answer


@ENCODINGS
@given(seed=st.integers(0, 1000), temperature=st.sampled_from([0.1, 1.0, 30.0]))
@settings(max_examples=20)
def test_not_even_a_hostile_model_breaks_the_grammar(encoding, seed, temperature):
    tokens = list(sample_tokens(Recorder(hostile(encoding)), encoding, 12, temperature=temperature, seed=seed, stop=False))
    assert END not in tokens and tokens
    assert all(encoding.allowed[a, b] for a, b in zip([END, *tokens], tokens, strict=False))
    score = encoding.decode(tokens)
    assert score == encoding.decode([*tokens, END])


@ENCODINGS
def test_the_end_ends_the_piece_and_is_no_part_of_it(encoding):
    ending = even(encoding)
    ending[END] = 50.0
    tokens = list(sample_tokens(Recorder(ending), encoding, 8, seed=0))
    # A piece has at least one token, and in events a note that was begun has to be finished.
    if encoding is EVENTS:
        assert len(tokens) >= 3 and len(encoding.decode(tokens)) == 1
    else:
        assert len(tokens) == 1
    assert END not in tokens


def test_a_continuation_does_not_hold_the_last_note_of_its_prompt():
    grid = GridEncoding()
    holding = np.full(grid.size, -50.0)
    holding[HOLD] = 0.0
    prompt = grid.encode(tune([60, 62]))
    first = next(sample_tokens(Recorder(holding), grid, 4, prompt=prompt, seed=0))
    assert first not in (HOLD, END)


@ENCODINGS
def test_a_model_that_ends_at_once_makes_no_crash(encoding):
    ending = even(encoding)
    ending[END] = 50.0

    class EndsAtOnce(Bundle):
        def stream(self):
            return Recorder(ending)

    bundle = EndsAtOnce("short", {}, encoding, {"kind": "stream"})
    assert len(generate(bundle, 8, seed=0)) <= 1
    prompt = encoding.quantise(tune([60, 62]))
    continued = generate(bundle, 8, seed=0, prompt=prompt).notes
    assert set(prompt.notes.tolist()) <= set(continued.tolist()) and len(continued) <= 3


def test_stop_false_goes_on_to_the_length_asked_for():
    ending = even(GRID)
    ending[END] = 50.0
    tokens = list(sample_tokens(Recorder(ending), GRID, 10.25, seed=0, stop=False))
    assert len(tokens) == 41


@pytest.mark.parametrize("length", [0.25, 1, 7.5, 16])
def test_the_length_is_kept_to_the_step(length):
    assert GRID.quarters[list(sample_tokens(Recorder(endless(GRID)), GRID, length, seed=0))].sum() == length
    assert NAMES.quarters[list(sample_tokens(Recorder(endless(NAMES)), NAMES, length, seed=0))].sum() == np.ceil(length * 2) / 2
    events = list(sample_tokens(Recorder(endless(EVENTS)), EVENTS, length, seed=0))
    assert length <= EVENTS.quarters[events].sum() < length + 4
    assert EVENTS.decode(events).notes["onset"].max(initial=0) < length


def test_an_endless_chord_comes_to_an_end():
    never_wait = np.where(EVENTS.quarters > 0, -1e9, 0.0)
    tokens = list(sample_tokens(Recorder(never_wait), EVENTS, 2, seed=0, stop=False))
    assert len(tokens) == 800
    assert EVENTS.decode(tokens).notes["onset"].max() == 0


# --- generate -------------------------------------------------------------------------------------------


@given(prompt=scores(max_size=8, voices=1, top=4.0), seed=st.integers(0, 50))
@settings(max_examples=25)
def test_the_prompt_stands_at_the_start_as_the_encoding_keeps_it(prompt, seed):
    prompt = GRID.quantise(prompt)
    result = generate(bundle_of(), 4, prompt=prompt, seed=seed)
    tokens = GRID.encode(result)
    assert np.array_equal(tokens[: len(GRID.encode(prompt))], GRID.encode(prompt)[: len(tokens)])
    assert result.duration <= prompt.duration + 4


def test_metre_tempo_and_title_come_from_the_prompt_unless_given():
    prompt = Score([(0, 1, 60)], title="Air", tempo=90, time_signature=(6, 8), key="C major")
    result = generate(bundle_of(), 4, prompt=prompt, seed=0)
    assert (result.title, result.tempo, result.time_signature) == ("Air", 90.0, (6, 8))
    assert generate(bundle_of(), 4, prompt=prompt, time_signature=(3, 4), seed=0).time_signature == (3, 4)
    plain = generate(bundle_of(), 4, seed=0)
    assert (plain.title, plain.tempo, plain.time_signature) == ("", 120.0, (4, 4))


def test_the_metre_asked_for_reaches_the_model():
    seen = []

    class Spy(Bundle):
        def stream(self):
            seen.append(Recorder(endless(GRID)))
            return seen[-1]

    spy = Spy("spy", {}, GRID, {"kind": "stream"})
    score = generate(spy, 4, time_signature=(6, 8), seed=0)
    assert [row[1:] for row in seen[0].rows] == GRID.context(0, 16, (6, 8)).tolist()
    generate(spy, 1, prompt=score, seed=0)
    assert seen[1].rows[0][1:] == GRID.context(0, 1, (6, 8))[0].tolist()


def test_a_metre_the_model_never_met_is_answered_with_those_it_knows():
    bundle = bundle_of(metres=["3/4", "4/4"])
    with pytest.raises(ValueError, match=r"not trained on music in 7/8; choose one of 3/4, 4/4"):
        generate(bundle, 4, time_signature=(7, 8))
    with pytest.raises(ValueError, match="7/8"):
        generate(bundle, 4, prompt=Score([(0, 1, 60)], time_signature=(7, 8)))
    assert generate(bundle, 4, time_signature=(3, 4), seed=0).time_signature == (3, 4)


@pytest.mark.parametrize("metre", [(0, 4), (4, 0), (4, 5)])
def test_a_metre_that_is_none_is_refused(metre):
    with pytest.raises(ValueError, match=f"time signature {metre[0]}/{metre[1]}"):
        generate(bundle_of(), 4, time_signature=metre)


@pytest.mark.parametrize("length", [0, -1, float("nan"), float("inf")])
def test_a_length_that_is_none_is_refused(length):
    with pytest.raises(ValueError, match=f"length={length}: it must be above 0"):
        generate(bundle_of(), length)


def test_a_prompt_the_encoding_cannot_hold_says_so():
    chorale = Score([(0, 1, 72, 0), (0, 1, 60, 1), (0, 1, 48, 2)])
    with pytest.raises(ValueError, match=r"prompt has 3 notes, .*'grid' can hold 1 of them.*prompt\.voice\(0\)"):
        generate(bundle_of(), 4, prompt=chorale)
    with pytest.raises(ValueError, match="'G4' is not among the 4 names"):
        generate(bundle_of(NAMES), 4, prompt=tune([67]))


def test_a_bundle_of_the_original_recipe_is_refused():
    bundle = Bundle("recipe", {}, NAMES, {"kind": "original", "window": 100})
    with pytest.raises(BundleError, match="original recipe"):
        generate(bundle, 4)


def test_the_engine_is_the_stream_of_the_bundle():
    bundle = bundle_of()
    tokens = list(sample_tokens(Stream(bundle.weights), GRID, 8, seed=4, temperature=0.8, top_k=20, top_p=0.9))
    assert generate(bundle, 8, seed=4, temperature=0.8, top_k=20, top_p=0.9) == GRID.decode(tokens)


def test_top_p_stops_at_the_token_that_reaches_it_exactly():
    assert (distribution(np.log([0.5, 0.25, 0.25]), top_p=0.5) > 0).tolist() == [True, False, False]


def test_what_is_no_bundle_or_no_metre_gets_a_sentence():
    with pytest.raises(TypeError, match="load_bundle"):
        generate("melody", 16)
    with pytest.raises(ValueError, match=r"two numbers, such as \(3, 4\)"):
        generate(load_bundle("melody"), 16, time_signature="3/4")


def test_a_prompt_that_is_moved_to_the_grid_is_reported():
    triplet = Score([(0, 1 / 3, 60), (1 / 3, 1 / 3, 62), (2 / 3, 1 / 3, 64)])
    with pytest.warns(UserWarning, match="moved"):
        generate(load_bundle("melody"), 4, prompt=triplet, seed=0)
