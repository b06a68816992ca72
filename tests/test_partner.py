"""The composing partner's engine: what stays, what is new, and that the figures beside it are true."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import scores, tune, weights_for

from musiclab import partner
from musiclab.bundle import DATA, Bundle, BundleError, load_bundle
from musiclab.encoding import END, HOLD, REST, GridEncoding
from musiclab.evaluation import hear, key_of, longest_copy
from musiclab.evaluation.copying import CopyIndex, _suffixes
from musiclab.files import MusicFileError, from_music21, read_score
from musiclab.partner import Draft, answer, as_phrase, continue_phrase, drawn, ending, harmonise, key_name, share_in_key, vary
from musiclab.score import Score

GRID, TUNES = GridEncoding(), DATA / "tunes"
PHRASE = Score(
    [(0, 1, 67), (1, 0.5, 69), (1.5, 0.5, 71), (2, 1, 72), (3, 1, 71), (4, 1, 69), (5, 1, 67), (6, 2, 66)],
    tempo=96,
    key="G major",
    title="Mine",
)
LONG = Score([*PHRASE.notes.tolist(), *[(o + 8, d, p, v, 60) for o, d, p, v, _ in PHRASE.notes.tolist()]], key="G major")


@pytest.fixture(scope="module")
def melody():
    return load_bundle("melody")


@pytest.fixture(scope="module")
def untrained():
    """Random weights: it writes nonsense, but by the same rules."""
    return Bundle("mine", weights_for(GRID, units=8, seed=0), GRID, {"kind": "stream"}, {"metres": ["4/4", "3/4"]})


@pytest.fixture(scope="module")
def unrestricted():
    return Bundle("mine", weights_for(GRID, units=8, seed=0), GRID, {"kind": "stream"}, {})


def rows(score):
    return [tuple(note) for note in score.notes.tolist()]


def nats_of(bundle, score, start):
    """The mean surprise from a moment on, by the evaluation's own way of listening: one step after the other."""
    (heard,) = hear(bundle, [score])
    return heard.nats[round(4 * start) :].mean()


# --- keys -----------------------------------------------------------------------------------------------


def test_the_key_is_the_one_stated_or_the_one_heard():
    assert key_name(replace(PHRASE, key="D dorian")) == "D dorian"
    for unclear in (None, "nonsense"):
        assert key_name(replace(PHRASE, key=unclear)) == "G major"
    flat = tune([70, 74, 77, 70, 72, 75, 69, 70])
    assert key_of(flat) == (10, "major") and key_name(flat) == "B- major"


def test_tonics_are_those_of_music21():
    from music21.key import Key

    for tonic, mode in itertools.product("CDEFGAB", ("major", "minor", "dorian", "mixolydian")):
        for sign in ("", "#", "-"):
            name = f"{tonic}{sign} {mode}"
            if partner.key_signature(name) is not None:
                assert partner.tonic_of(name) == Key(tonic + sign, mode).tonic.pitchClass, name
    with pytest.raises(ValueError, match="write tonic and mode"):
        partner.tonic_of("H major")


def test_the_scale_is_that_of_music21():
    from music21.key import Key

    everything = Score([(i, 1, 60 + i) for i in range(12)])
    for name in ("C major", "E- major", "F# minor", "C minor", "D dorian", "G mixolydian"):
        tonic, mode = name.split()
        key = Key(tonic, mode)
        inside = {p.pitchClass for p in key.pitches}
        if mode in ("minor", "dorian"):
            inside |= {(key.tonic.pitchClass + 9) % 12, (key.tonic.pitchClass + 11) % 12}
        for note in everything.notes.tolist():
            assert share_in_key(Score([note]), name) == (note[2] % 12 in inside), (name, note)
    assert np.isnan(share_in_key(Score([]), "C major"))


# --- drawing --------------------------------------------------------------------------------------------


def test_what_is_given_stays_and_the_figures_are_those_of_listening(melody):
    tokens = melody.encoding.encode(LONG)
    given = tokens.copy()
    given[20:32] = GRID.size
    found = drawn(melody, given, (4, 4), 5, start=20, seed=3)
    assert found.tokens.shape == found.nats.shape == (5, len(tokens) - 20) and found.end_nats.shape == (5, len(tokens) - 19)
    stream = melody.stream()
    for row in range(5):
        whole = np.concatenate([tokens[:20], found.tokens[row]])
        assert np.array_equal(whole[32:], tokens[32:])
        log_p = stream.log_probabilities(GRID.inputs(whole, (4, 4)))
        assert np.allclose(found.nats[row], -log_p[np.arange(20, len(whole)), whole[20:]], atol=1e-4)
        assert np.allclose(found.end_nats[row], -log_p[20:, END], atol=1e-4)
    assert len({row.tobytes() for row in found.tokens}) == 5


def test_what_is_not_allowed_is_not_drawn_and_nothing_ends_or_is_held_from_before(untrained):
    allowed = np.ones((30, GRID.size), dtype=bool)
    allowed[::2, REST] = False
    allowed[1::2] = np.isin(np.arange(GRID.size), [HOLD, 70])
    given = np.concatenate([GRID.encode(PHRASE), np.full(30, GRID.size)])
    found = drawn(untrained, given, (4, 4), 40, start=32, allowed=allowed, temperature=3.0, seed=1)
    assert not (found.tokens == END).any() and not (found.tokens[:, 0] == HOLD).any()
    assert not (found.tokens[:, ::2] == REST).any() and set(np.unique(found.tokens[:, 1::2])) <= {HOLD, 70}
    for row in found.tokens:
        assert GRID.allowed[row[:-1], row[1:]].all()


def test_tokens_are_drawn_as_often_as_the_model_says(untrained):
    """The first free step, 20,000 times, against the probabilities: a chi-square test with a fixed seed."""
    given = np.append(GRID.encode(PHRASE), GRID.size).astype(np.int32)
    found = drawn(untrained, given, (4, 4), 20_000, start=32, temperature=1.0, seed=0)
    log_p = untrained.stream().log_probabilities(GRID.inputs(given[:-1], (4, 4)))[-1]
    p = np.where(GRID.allowed[END] & (np.arange(GRID.size) != END), np.exp(log_p), 0)
    p /= p.sum()
    counts = np.bincount(found.tokens[:, 0], minlength=GRID.size)
    often = p * 20_000 > 5
    assert not counts[p == 0].any() and often.sum() > 20
    chi_square = ((counts - 20_000 * p) ** 2 / np.where(often, 20_000 * p, 1))[often].sum()
    assert chi_square < often.sum() + 4 * np.sqrt(2 * often.sum())


def test_of_a_long_piece_it_hears_the_last_64_quarters_at_their_place(untrained):
    """The same positions, metre and bar numbers as if it heard all; before the first it hears that a piece begins."""
    rng = np.random.default_rng(0)
    tokens = GRID.encode(Score([(i, 1, int(p)) for i, p in enumerate(rng.integers(60, 72, 108))]))  # 27 bars
    given = np.append(tokens, np.full(16, GRID.size)).astype(np.int32)
    found = drawn(untrained, given, (4, 4), 3, start=432, seed=0)
    inputs = GRID.inputs(np.concatenate([tokens, found.tokens[0]]), (4, 4))[432 - 256 : -1]
    inputs[0, 0] = END
    log_p = untrained.stream().log_probabilities(inputs)[256:]
    assert np.allclose(found.nats[0], -log_p[np.arange(16), found.tokens[0]], atol=1e-4)


# --- requests -------------------------------------------------------------------------------------------

REQUESTS = {
    "continue": lambda bundle, piece, **more: continue_phrase(bundle, piece, 2, **more),
    "answer": answer,
    "vary": lambda bundle, piece, **more: vary(bundle, piece, 2, 2, **more),
    "ending": ending,
}
ALL = pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)


@ALL
def test_suggestions_leave_the_rest_alone_and_say_what_is_true(melody, request_):
    index = CopyIndex([LONG.transpose(3), PHRASE])
    found = request_(melody, LONG, index=index, seed=2)
    assert 2 <= len(found) <= 4
    assert [s.nats for s in found] == sorted(s.nats for s in found)
    assert len({tuple(rows(s.new)) for s in found}) == len(found)
    for s in found:
        assert s.piece.slice(0, s.start).notes.tobytes() == LONG.slice(0, s.start).notes.tobytes()
        after = s.piece.slice(s.end, max(s.end, s.piece.duration)), LONG.slice(s.end, max(s.end, LONG.duration))
        assert np.array_equal(after[0].notes, after[1].notes)
        assert s.piece.tempo == LONG.tempo and s.piece.key == LONG.key and len(s.new)
        assert set(s.new.notes["velocity"]) == {70}, "as loud as the piece, whose notes have 80 and 60"
        assert s.in_key == share_in_key(s.new, "G major")
        if request_ is not ending:
            assert s.nats == pytest.approx(nats_of(melody, s.piece, s.start), abs=0.002)
        oracle = longest_copy(s.new, [LONG.transpose(3), PHRASE])
        assert s.copy.chords == oracle.chords
        assert f"{s.nats:.2f} nats" in s.words and (f"{s.copy.chords} in a row" in s.words or s.copy.chords < 2)


@ALL
def test_same_seed_same_suggestions(untrained, request_):
    one, same, other = (request_(untrained, LONG, seed=seed, count=3) for seed in (5, 5, 6))
    assert one == same and (one != other or not one)


@ALL
def test_what_cannot_be_heard_is_refused_with_what_to_do(melody, request_):
    with pytest.raises(ValueError, match=r"extract_melody\(piece\)"):
        request_(melody, Score([*LONG.notes.tolist(), (3.0, 1.0, 60)]))
    with pytest.raises(ValueError, match="not trained on music in 5/4"):
        request_(melody, replace(LONG, time_signature=(5, 4)))
    with pytest.raises(BundleError, match="writes no melody"):
        request_(load_bundle("chorale"), LONG)
    with pytest.raises(ValueError, match=r"no note (in voice 0|to vary)"):
        request_(melody, Score([]))


@ALL
def test_what_is_no_piece_no_model_or_no_number_is_refused_with_what_to_give(untrained, request_):
    suggestion = partner.Suggestion(LONG, 0.0, 4.0, 1.0, "G major", 1.0)
    for wrong, said in ((suggestion, "suggestion.piece"), (Draft(LONG), "draft.score"), ("melody", "this is a str")):
        with pytest.raises(TypeError, match=said):
            request_(untrained, wrong)
    with pytest.raises(TypeError, match=r"load_bundle\('melody'\)"):
        request_("melody", LONG)
    for name in ("count", "candidates"):
        with pytest.raises(ValueError, match=f"{name}=-1: it must be 1 or more"):
            request_(untrained, LONG, **{name: -1})
        with pytest.raises(TypeError, match=f"{name}=1.5: it must be a whole number"):
            request_(untrained, LONG, **{name: 1.5})


def test_bars_are_whole_numbers(untrained):
    for ask in (continue_phrase, ending):
        with pytest.raises(TypeError, match=r"bars=1\.5: it must be a whole number"):
            ask(untrained, LONG, 1.5)
    with pytest.raises(TypeError, match=r"first_bar=1\.5"):
        vary(untrained, LONG, 1.5, 2)


def test_what_is_too_fast_for_the_grid_is_told_from_chords_by_what_to_do(untrained):
    fast = Score([*LONG.notes.tolist()[:-1], *[(15 + k / 16, 1 / 16, 60 + k) for k in range(16)]])
    assert len(partner.extract_melody(fast)) == len(fast), "no chords"
    lost = len(fast) - len(GRID.quantise(fast))
    assert lost > 10
    with pytest.raises(ValueError, match=rf"^{lost} of its notes .*GridEncoding\(\).quantise\(piece\)"):
        continue_phrase(untrained, fast)
    assert continue_phrase(untrained, GRID.quantise(fast), 1, seed=0)


def test_a_run_counts_a_repeated_note_once_and_of_one_pitch_it_says_nothing():
    """So the words must not speak of notes: five notes on one pitch are a run of 1."""
    piece = tune([60, 60, 60, 60, 60])
    found = CopyIndex([tune([60, 60, 60, 60, 60, 62])]).longest(piece)
    words = partner.Suggestion(piece, 0.0, 5.0, 1.0, "C major", 1.0, found, "That one").words
    assert found.chords == 1 and words.endswith("one pitch alone, which says nothing")


@given(piece=scores(min_size=2, max_size=12, voices=1), seed=st.integers(0, 99))
@settings(max_examples=25)
def test_whatever_is_there_stays(unrestricted, piece, seed):
    piece = replace(partner.extract_melody(piece), time_signature=(4, 4))
    if GRID.loss_report(piece)["lost"]:
        return
    for suggestion in (*continue_phrase(unrestricted, piece, 1, seed=seed, count=2), *vary(unrestricted, piece, 1, 1, seed=seed)):
        for start, end in ((0, suggestion.start), (suggestion.end, max(suggestion.end, piece.duration))):
            kept, was = suggestion.piece.slice(start, end), piece.slice(start, end)
            assert np.array_equal(kept.notes["pitch"], was.notes["pitch"])
            assert np.allclose(kept.notes["onset"], was.notes["onset"], atol=1e-9)
            assert np.array_equal(kept.notes["velocity"], was.notes["velocity"])


def test_a_continuation_begins_where_the_piece_stops_and_fills_the_bar(untrained):
    short = PHRASE.slice(0, 6)  # a bar and a half
    for s in continue_phrase(untrained, short, 2, seed=0):
        assert (s.start, s.end) == (6, 16) and s.piece.duration <= 16
    for s in continue_phrase(untrained, PHRASE, 2, seed=0):
        assert (s.start, s.end) == (8, 16)
    with pytest.raises(ValueError, match="bars=0"):
        continue_phrase(untrained, PHRASE, 0)


@pytest.mark.parametrize("piece", [PHRASE, PHRASE.slice(0, 7), Score([(1, 2, 62), *PHRASE.notes.tolist()[4:]])])
def test_an_answer_has_the_rhythm_of_the_phrase_and_closes_on_the_tonic(melody, piece):
    found = answer(melody, replace(piece, key="G major"), seed=1)
    assert found
    for s in found:
        later = s.new.notes["onset"] + s.start - piece.notes["onset"]
        assert len(set(later.tolist())) == 1 and later[0] % 4 == 0 and later[0] < piece.duration + 4
        assert np.allclose(s.new.notes["duration"], piece.notes["duration"])
        assert s.new.notes["pitch"][-1] % 12 == 7


def test_an_answer_with_an_upbeat_begins_with_an_upbeat(melody):
    upbeat = Score([(3, 1, 62), (4, 1, 67), (5, 1, 69), (6, 1, 71), (7, 1, 67), (8, 3, 69)], key="G major")
    for s in answer(melody, upbeat, seed=1):
        assert s.start == 11 and s.end == 19


def test_a_phrase_is_answered_by_itself(melody):
    piece = Draft(LONG).add(Score([(0, 2, 71), (2, 1, 69), (3, 1, 71)])).score
    for s in answer(melody, piece, 16.0, seed=0):
        assert (s.start, s.end) == (20, 24) and s.new.notes["duration"].tolist() == [2, 1, 1]
    with pytest.raises(ValueError, match="no phrase to answer"):
        answer(melody, piece, 40.0)


@pytest.mark.parametrize("name", ["irish_washerwoman", "minuet_in_g", "greensleeves"])
def test_variations_are_weighed_by_what_follows(melody, name):
    """Drawn from the left alone, bars lead less well into what comes after them."""
    piece = read_score(TUNES / f"{name}.abc")
    piece = piece.slice(0, 8 * piece.bar_length)
    tokens, bar = GRID.encode(piece), round(4 * piece.bar_length)
    given = tokens.copy()
    given[2 * bar : 3 * bar] = GRID.size
    plain = drawn(melody, given, piece.time_signature, 96, start=2 * bar, seed=4).nats[:, bar:].sum(axis=1).mean()
    found = vary(melody, piece, 3, 3, seed=4)
    weighed = [hear(melody, [s.piece])[0].nats[3 * bar :].sum() for s in found]
    assert np.mean(weighed) < plain - 1
    assert all(rows(s.new) != rows(piece.slice(s.start, s.end)) for s in found)


def test_a_single_step_is_varied_as_often_as_past_and_future_make_it_likely(unrestricted):
    """Where all that may stand there can be gone through: Bayes' rule against 300 variations, by a chi-square test."""
    piece = Score([(i / 4, 0.25, 60 + 3 * i) for i in range(4)], time_signature=(1, 16))
    tokens, stream = GRID.encode(piece), unrestricted.stream()
    log_p = np.full(GRID.size, -np.inf)
    for x in range(GRID.size):
        if x not in (END, HOLD, tokens[1]):
            whole = np.array([tokens[0], x, *tokens[2:]])
            log_p[x] = -stream.nats(GRID.inputs(whole, (1, 16))[:-1], whole)[1:].sum()
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    counts = np.zeros(GRID.size)
    for seed in range(300):
        found = vary(unrestricted, piece, 2, 2, count=1, candidates=600, temperature=1.0, seed=seed)
        counts[GRID.encode(found[0].new)[0] if found else REST] += 1
    often = p > 0.02
    expected, came = np.append(p[often], p[~often].sum()) * 300, np.append(counts[often], counts[~often].sum())
    assert often.sum() >= 5
    chi_square = ((came - expected) ** 2 / expected).sum()
    assert chi_square < often.sum() + 4 * np.sqrt(2 * often.sum())


def test_no_suggestion_comes_twice_and_none_is_what_stands_there(melody):
    """So cold that all candidates are the same: then there is one suggestion, and no variation of it."""
    cold = {"temperature": 1e-3, "candidates": 8, "seed": 0}
    (only,) = continue_phrase(melody, PHRASE, 2, **cold)
    assert vary(melody, only.piece, 3, 4, **cold) == []


def test_a_note_that_was_held_out_of_the_varied_bars_is_struck_after_them(untrained):
    tied = Score([(0, 4, 60), (4, 6, 62), (10, 2, 64)])
    for s in vary(untrained, tied, 2, 2, seed=0):
        assert rows(s.piece.slice(8, 12)) == rows(tied.slice(8, 12))
        assert s.nats == pytest.approx(nats_of(untrained, s.piece, 4), abs=1e-3), "the model is told of the new beginning, too"
    for s in vary(untrained, tied, 1, 1, seed=0):
        assert rows(s.piece.slice(4, 12)) == rows(tied.slice(4, 12))


def test_notes_that_reach_into_the_varied_bars_are_cut_at_their_edges(untrained):
    long = Score([(0, 6, 60), (6, 6, 62)])
    for s in vary(untrained, long, 2, 2, seed=0):
        assert rows(s.piece)[0][:3] == (0, 4, 60) and rows(s.piece)[-1][:3] == (8, 4, 62)


@pytest.mark.parametrize("bars", [(0, 1), (3, 2), (1, 5), (5, 5)])
def test_bars_that_are_not_there_cannot_be_varied(untrained, bars):
    with pytest.raises(ValueError, match=r"the piece has bars 1 to 4|first_bar=0: it must be 1 or more"):
        vary(untrained, LONG, *bars)


def test_an_ending_stands_at_a_bar_line_on_the_tonic_and_is_expected(melody):
    found = ending(melody, PHRASE, seed=0)
    assert found
    for s in found:
        assert s.end % 4 == 0 and 8 < s.end <= 8 + 32 and s.new.notes["pitch"][-1] % 12 == 7
        assert s.piece.duration <= s.end
        tokens = GRID.encode(s.piece)
        tokens = np.append(tokens, np.full(round(4 * s.end) - len(tokens), REST)).astype(np.int32)
        log_p = melody.stream().log_probabilities(GRID.inputs(tokens, (4, 4)))
        assert np.exp(log_p[-1, END]) >= 0.1
        surprise = -log_p[np.arange(32, len(tokens)), tokens[32:]].sum() - log_p[-1, END]
        assert s.nats == pytest.approx(surprise / (len(tokens) - 32 + 1), abs=0.002)


def test_where_the_model_expects_no_end_there_is_none(untrained):
    weights = dict(untrained.weights)
    weights["dense/bias"] = weights["dense/bias"].copy()
    weights["dense/bias"][END] = -50
    never = Bundle("never", weights, GRID, untrained.model, untrained.card)
    assert ending(never, PHRASE, seed=0) == []


# --- several voices -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def choir():
    return load_bundle("chorale")


def test_the_harmonised_melody_stays(choir):
    found = harmonise(choir, PHRASE, count=2, seed=0)
    assert [s.nats for s in found] == sorted(s.nats for s in found) and len(found) == 2
    for s in found:
        assert rows(s.piece.voice(0)) == rows(PHRASE) and set(s.piece.voices) <= {0, 1, 2, 3}
        assert s.nats == pytest.approx(hear(choir, [s.piece])[0].nats.mean()) and s.piece.title == "Mine"
    with pytest.raises(BundleError):
        harmonise(Bundle("one", weights_for(GRID), GRID, {"kind": "stream"}), PHRASE)
    with pytest.raises(ValueError, match="not trained on music in 6/8"):
        harmonise(choir, replace(PHRASE, time_signature=(6, 8)))


def test_bars_of_several_voices_are_varied_in_all_of_them(choir):
    chorale = harmonise(choir, PHRASE, count=1, seed=0)[0].piece
    for s in vary(choir, chorale, 2, 2, count=2, seed=1):
        assert rows(s.piece.slice(0, 4)) == rows(chorale.slice(0, 4)) and rows(s.new) != rows(chorale.slice(4, 8))
        assert s.new.duration <= 4


def test_with_a_melody_model_the_lower_voices_stay(melody):
    duet = Score([*PHRASE.notes.tolist(), (0, 12, 43, 1), (12, 1, 50, 1)], key="G major")
    for s in continue_phrase(melody, duet, 1, seed=0):
        assert rows(s.piece.voice(1)) == rows(duet.voice(1))


# --- the index ------------------------------------------------------------------------------------------


@given(st.lists(scores(min_size=0, max_size=20, voices=2), min_size=1, max_size=5), scores(min_size=1, max_size=12, voices=2))
def test_the_index_finds_what_a_search_through_all_pieces_finds(training, score):
    if not any(map(len, training)):
        with pytest.raises(ValueError, match="must be training pieces"):
            CopyIndex(training)
        return
    index = CopyIndex(training)
    for piece in (score, score.transpose(1) if score.notes["pitch"].max() < 127 else score, *filter(len, training)):
        quick, slow = index.longest(piece), longest_copy(piece, training)
        assert quick.chords == slow.chords
        if quick.chords > 1:
            a, b = piece.slice(*quick.here), training[quick.piece].slice(*quick.there)
            assert longest_copy(a, [b]).chords == quick.chords


@given(st.lists(st.integers(0, 2), max_size=40), st.integers(1, 4))
def test_suffixes_are_in_order(numbers, times):
    text = [*(numbers * times), 1]
    assert _suffixes(np.array(text)).tolist() == sorted(range(len(text)), key=lambda place: text[place:])


def test_the_index_says_where_and_by_how_much():
    tunes = [tune([60, 60, 60, 61]), tune([70, 72, 74, 70, 69, 67, 70], title="That one")]
    copied = Score([(0, 1, 50), *[(1 + i, 1, p) for i, p in enumerate((69, 69, 71, 67, 66))], (6, 1, 80)])
    found = CopyIndex(tunes).longest(copied)
    assert (found.chords, found.piece, found.here, found.there, found.semitones) == (4, 1, (1.0, 6.0), (0.5, 2.5), -3)
    assert CopyIndex(tunes).titles == ("", "That one")
    assert found == longest_copy(copied, tunes)
    with pytest.raises(ValueError, match="without notes"):
        CopyIndex(tunes).longest(Score([]))


# --- the draft ------------------------------------------------------------------------------------------


def test_undo_and_redo_bring_every_state_back():
    first, second, third = PHRASE, LONG, PHRASE.transpose(2)
    draft = Draft().put(first).put(second)
    assert draft.score == second and draft.undo().score == first and draft.undo().undo().score is None
    assert draft.undo().redo() == draft and draft.undo().undo().redo().redo() == draft
    assert draft.undo().put(third).score == third
    with pytest.raises(ValueError, match="nothing to redo"):
        draft.undo().put(third).redo()
    with pytest.raises(ValueError, match="nothing to undo"):
        Draft().undo()
    with pytest.raises(AttributeError):
        draft.score = first
    for method in (draft.put, draft.add):
        with pytest.raises(TypeError, match=r"a draft holds a Score, and this is a Suggestion: suggestion\.piece"):
            method(partner.Suggestion(LONG, 0.0, 4.0, 1.0, "G major", 1.0))


def test_a_phrase_is_added_at_the_first_bar_line_that_is_free():
    draft = Draft().add(PHRASE).add(PHRASE.slice(0, 6)).add(PHRASE)
    assert draft.score.notes["onset"][[8, 15]].tolist() == [8, 16] and draft.score.title == "Mine"
    upbeat = Score([(3, 1, 62), (4, 3, 67)])
    added = Draft().add(upbeat).add(upbeat).score
    assert added.notes["onset"].tolist() == [3, 4, 7, 8]
    assert len(draft.past) == 3 and draft.undo().undo().score == PHRASE
    with pytest.raises(ValueError, match="play it in 4/4"):
        draft.add(replace(PHRASE, time_signature=(3, 4)))
    with pytest.raises(ValueError, match="no notes"):
        draft.add(Score([]))


def test_it_saves_what_notation_programs_open_and_overwrites_nothing(tmp_path):
    import music21

    draft = Draft().put(replace(LONG, key=None))
    for name in ("duet.musicxml", "duet.mid"):
        path = draft.save(tmp_path / name)
        again = read_score(path)
        assert [(o, d, p) for o, d, p, *_ in rows(again)] == [(o, d, p) for o, d, p, *_ in rows(LONG)]
        before = path.read_bytes()
        with pytest.raises(MusicFileError, match="exists already"):
            draft.undo().put(PHRASE).save(path)
        assert path.read_bytes() == before
        assert draft.put(PHRASE).save(path, overwrite=True) == path and path.read_bytes() != before
    stream = music21.converter.parse(tmp_path / "duet.musicxml")
    assert from_music21(stream).notes["pitch"].tolist() == PHRASE.notes["pitch"].tolist()
    assert stream.recurse().getElementsByClass("KeySignature")[0].sharps == 1
    with pytest.raises(MusicFileError, match="Play a phrase first"):
        Draft().save(tmp_path / "nothing.mid")
    for name, said in (("duet.txt", "duet.txt"), ("duet", "duet"), ("", ".")):
        with pytest.raises(
            MusicFileError, match=rf"^{re.escape(said)}: not written. Give a name that ends in .musicxml or .mid.$"
        ):
            draft.save(tmp_path / name if name else "")


# --- what was played ------------------------------------------------------------------------------------


def played(score, tempo, rng, *, late=0.0, hold=0.85):
    """Play a melody a little unevenly: seconds down, seconds up, pitch, velocity."""
    second = 60 / tempo
    shifts = rng.normal(0, late, len(score))
    return [
        (max(0.0, o * second + s), max(0.0, o * second + s) + d * second * hold, p, 70)
        for (o, d, p, *_), s in zip(score.notes.tolist(), shifts, strict=True)
    ]


@pytest.mark.parametrize("tempo", [60, 96, 144])
def test_played_with_the_metronome_a_phrase_comes_back_as_written(tempo):
    rng = np.random.default_rng(1)
    found = as_phrase(played(PHRASE, tempo, rng, late=0.01), tempo)
    assert found.score.notes[["onset", "pitch"]].tolist() == PHRASE.notes[["onset", "pitch"]].tolist()
    assert found.score.notes["duration"].tolist() == PHRASE.notes["duration"].tolist(), "detached is no rest"
    assert found.score.tempo == tempo and set(found.score.notes["velocity"]) == {70}
    assert 0 < np.abs(found.moved).max() < 0.05 and "8 notes" in found.words


def test_rests_stay_and_what_is_too_fast_is_counted():
    rest = Score([(0, 1, 60), (2, 1, 62)])
    assert as_phrase(played(rest, 120, np.random.default_rng(0), hold=1), 120).score.notes["duration"].tolist() == [1, 1]
    found = as_phrase([(0, 0.04, 60, 80), (0.05, 0.5, 62, 80), (0.5, 1, 64, 80)], 120)
    assert len(found.score) == 2 and "1 that were too fast" in found.words


def test_chords_are_played_as_their_highest_line():
    found = as_phrase([(0, 0.5, 60, 80), (0, 0.5, 64, 80), (0.5, 1, 65, 80)], 120)
    assert found.score.notes["pitch"].tolist() == [64, 65]
    assert "1 that sounded together with a higher one was left out" in found.words


def test_without_a_metronome_the_beats_are_found_or_it_says_what_to_do():
    piece = read_score(TUNES / "ode_to_joy.abc").slice(0, 32)
    found = as_phrase(played(piece, 100, np.random.default_rng(0), late=0.008), 120, metronome=False)
    written, wanted = np.diff(found.score.notes["onset"]), np.diff(piece.notes["onset"])
    assert np.isclose(written * np.median(wanted / written), wanted).mean() > 0.9
    with pytest.raises(ValueError, match="Play with the metronome, or a longer phrase"):
        as_phrase(played(PHRASE, 97, np.random.default_rng(0), late=0.01), 120, metronome=False)
    with pytest.raises(ValueError, match="nothing was played"):
        as_phrase([], 120)
    with pytest.raises(ValueError, match="ends before it begins"):
        as_phrase([(1, 1, 60, 80)], 120)


def test_importing_it_loads_no_tensorflow_and_no_music21():
    import subprocess
    import sys

    code = "import sys, musiclab.partner; print([m for m in ('tensorflow', 'keras', 'music21') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert out.strip() == "[]"
