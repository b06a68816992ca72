"""Encodings: each keeps exactly what it says it keeps, counts what it loses, and has a grammar that holds."""

import hashlib
import itertools
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import METRES, scores, tune

from musiclab.encoding import (
    BARS,
    END,
    POSITIONS,
    Encoding,
    EventEncoding,
    GridEncoding,
    NoteNameEncoding,
    encoding_from_settings,
    event_names,
)
from musiclab.encoding import METRES as KNOWN_METRES
from musiclab.score import Score

FIXED = [
    GridEncoding(),
    GridEncoding(voices=4),
    GridEncoding(voices=2, steps_per_quarter=3),
    GridEncoding(steps_per_quarter=1),
    EventEncoding(),
    EventEncoding(steps_per_quarter=4, velocities=1),
    EventEncoding(steps_per_quarter=1, velocities=127),
]
NAMES = "note-names"
ENCODINGS = [*FIXED, NAMES]


def label(encoding):
    return encoding if encoding is NAMES else "-".join(str(v) for k, v in encoding.settings().items() if k != "version")


def ready(encoding, *pieces):
    """The note names' vocabulary has to come from somewhere; the others are ready as they are."""
    return NoteNameEncoding.of(pieces) if encoding is NAMES else encoding


def each(encodings=ENCODINGS):
    return pytest.mark.parametrize("encoding", encodings, ids=label)


def rows(score):
    return [tuple(note) for note in score.notes.tolist()]


# --- slow oracles: note by note, as the documentation words it -------------------------------------------


def slow_fit(encoding, score):
    """Return, for each note of the score, what the encoding makes of it, or None where it is dropped."""
    notes = rows(score)
    if encoding.name == "grid":
        return _slow_grid(notes, encoding.voices, encoding.steps_per_quarter)
    if encoding.name == "events":
        return _slow_events(notes, encoding)
    return _slow_names(notes, encoding.step)


def _slow_grid(notes, voices, grid):
    kept = {}  # (voice, step) -> number of the note that has the place
    spans = []
    for number, (onset, duration, pitch, voice, _) in enumerate(notes):
        start = floor(onset * grid + 0.5)
        spans.append((start, max(floor((onset + duration) * grid + 0.5), start + 1)))
        if voice < voices and ((voice, start) not in kept or pitch > notes[kept[voice, start]][2]):
            kept[voice, start] = number
    result = [None] * len(notes)
    for (voice, start), number in kept.items():
        later = [s for v, s in kept if v == voice and s > start]
        stop = min([spans[number][1], *later])
        result[number] = (start / grid, (stop - start) / grid, notes[number][2], voice, 80)
    return result


def _slow_events(notes, encoding):
    grid, seen, result = encoding.steps_per_quarter, set(), []
    for onset, duration, pitch, _, velocity in notes:
        step = floor(onset * grid + 0.5)
        length = min(encoding.durations.tolist(), key=lambda d: (abs(d - duration * grid), d))
        loud = min(encoding.loudness.tolist(), key=lambda v: (abs(v - velocity), v))
        result.append(None if (step, pitch) in seen else (step / grid, length / grid, pitch, 0, loud))
        seen.add((step, pitch))
    return result


def _slow_names(notes, step):
    onsets, seen, result = sorted({note[0] for note in notes}), set(), []
    for onset, _, pitch, *_ in notes:
        result.append(None if (onset, pitch) in seen else (onsets.index(onset) * step, step, pitch, 0, 80))
        seen.add((onset, pitch))
    return result


def slow_silence(notes):
    """Length of the time, up to the last note's end, that no note covers."""
    edges = sorted({0.0, *(n[0] for n in notes), *(n[0] + n[1] for n in notes)})
    return sum(b - a for a, b in itertools.pairwise(edges) if not any(n[0] <= a and n[0] + n[1] >= b for n in notes))


def slow_losses(score, fitted):
    pairs = [(before, after) for before, after in zip(rows(score), fitted, strict=True) if after is not None]
    return {
        "notes": len(score),
        "lost": fitted.count(None),
        "onset moved": sum(abs(b[0] - a[0]) > 1e-6 for b, a in pairs),
        "duration changed": sum(abs(b[1] - a[1]) > 1e-6 for b, a in pairs),
        "velocity changed": sum(b[4] != a[4] for b, a in pairs),
        "silence lost": pytest.approx(max(0.0, slow_silence(rows(score)) - slow_silence([a for _, a in pairs])), abs=1e-5),
    }


# --- the round trip -------------------------------------------------------------------------------------


@each()
@given(score=scores())
def test_decoding_an_encoded_piece_gives_exactly_what_quantise_promises(encoding, score):
    encoding = ready(encoding, score)
    tokens = encoding.encode(score)
    assert tokens.dtype == np.int32
    assert np.array_equal(encoding.decode(tokens).notes, encoding.quantise(score).notes)


@each()
@given(score=scores())
def test_quantise_equals_the_slow_oracle(encoding, score):
    encoding = ready(encoding, score)
    expected = Score([note for note in slow_fit(encoding, score) if note is not None])
    assert rows(encoding.quantise(score)) == rows(expected)


@each()
@given(score=scores())
def test_the_loss_report_equals_the_slow_oracle(encoding, score):
    encoding = ready(encoding, score)
    assert encoding.loss_report(score) == slow_losses(score, slow_fit(encoding, score))


@each()
@given(score=scores())
def test_what_is_quantised_loses_nothing_more(encoding, score):
    encoding = ready(encoding, score)
    once = encoding.quantise(score)
    assert encoding.quantise(once) == once
    report = encoding.loss_report(once)
    assert report.pop("notes") == len(once)
    assert not any(report.values())
    assert np.array_equal(encoding.encode(once), encoding.encode(score))


@each()
@given(score=scores(min_size=1, voices=1))
def test_transposing_tokens_is_transposing_the_piece(encoding, score):
    pitches = score.notes["pitch"].astype(int)
    for semitones in (-pitches.min(), -1, 0, 1, 7, 127 - pitches.max()):
        if not 0 <= pitches.min() + semitones <= pitches.max() + semitones <= 127:
            continue
        moved = score.transpose(int(semitones))
        encoding_of_both = ready(encoding, score, moved)
        tokens = encoding_of_both.encode(score)
        before = tokens.copy()
        assert np.array_equal(encoding_of_both.transpose(tokens, int(semitones)), encoding_of_both.encode(moved))
        assert np.array_equal(tokens, before)


@each()
def test_transposing_out_of_the_vocabulary_is_refused(encoding):
    for pitch, semitones in ((127, 1), (0, -1), (60, 300), (60, -300)):
        score = tune([pitch, pitch])
        own = ready(encoding, score)
        with pytest.raises(ValueError, match=str(semitones) if own.name != NAMES or abs(semitones) > 1 else "0-127"):
            own.transpose(own.encode(score), semitones)


@pytest.mark.parametrize(
    ("corpus", "encoding"),
    [
        *((c, GridEncoding()) for c in ("fiddle-tunes", "irish-tunes", "scottish-tunes", "folk-songs")),
        ("bach-chorales", GridEncoding(voices=4)),
        *((c, EventEncoding()) for c in ("bach-chorales", "fiddle-tunes", "irish-tunes", "scottish-tunes", "folk-songs")),
        *((c, NAMES) for c in ("bach-chorales", "fiddle-tunes", "irish-tunes", "scottish-tunes", "folk-songs")),
    ],
    ids=lambda value: value if isinstance(value, str) else label(value),
)
def test_every_piece_of_every_corpus_survives_the_round_trip(corpora, corpus, encoding):
    pieces = corpora[corpus]
    assert len(pieces) > 300
    encoding = ready(encoding, *pieces)
    for number, piece in enumerate(pieces):
        quantised = encoding.quantise(piece)
        assert np.array_equal(encoding.decode(encoding.encode(piece)).notes, quantised.notes), piece.title
        if number % 40 == 0:
            fitted = slow_fit(encoding, piece)
            assert rows(quantised) == rows(Score([note for note in fitted if note is not None])), piece.title
            report = encoding.loss_report(piece)
            report.pop("silence lost")
            assert report == {k: v for k, v in slow_losses(piece, fitted).items() if k != "silence lost"}


def test_the_corpora_lose_next_to_nothing_on_their_own_grids(corpora):
    """The figures behind the choice of grid: who coarsens it, or breaks the reading, sees them move."""
    for name in ("fiddle-tunes", "irish-tunes", "scottish-tunes", "folk-songs"):
        reports = [GridEncoding().loss_report(piece) for piece in corpora[name][::5]]
        exact = [r for r in reports if not (r["lost"] or r["onset moved"] or r["duration changed"])]
        assert len(exact) > 0.55 * len(reports), name
    reports = [GridEncoding(voices=4).loss_report(piece) for piece in corpora["bach-chorales"]]
    assert sum(r["lost"] for r in reports) < 0.002 * sum(r["notes"] for r in reports)


# --- examples that can be checked by eye ----------------------------------------------------------------


def names_of(encoding, tokens):
    return [encoding.vocabulary[t] for t in tokens.ravel()]


def test_a_grid_writes_pitch_hold_and_rest():
    score = Score([(0.25, 0.5, 60), (1.0, 0.25, 62), (1.25, 0.5, 62)])
    tokens = GridEncoding().encode(score)
    assert names_of(GridEncoding(), tokens) == ["REST", "C4", "HOLD", "REST", "D4", "D4", "HOLD"]


def test_a_grid_of_two_voices_has_a_column_for_each():
    score = Score([(0, 1, 72, 0), (0, 0.5, 48, 1), (0.5, 0.5, 50, 1), (0, 1, 30, 2)])
    tokens = GridEncoding(voices=2, steps_per_quarter=2).encode(score)
    assert tokens.shape == (2, 2)
    assert names_of(GridEncoding(), tokens) == ["C5", "C3", "HOLD", "D3"]


def test_a_triplet_off_the_grid_is_reported():
    report = GridEncoding().loss_report(tune([60, 62, 64], length=1 / 3))
    assert report == {"notes": 3, "lost": 0, "onset moved": 2, "duration changed": 3, "velocity changed": 0, "silence lost": 0.0}
    assert not GridEncoding(steps_per_quarter=3).loss_report(tune([60, 62, 64], length=1 / 3))["onset moved"]


def test_events_write_wait_pitch_duration_velocity():
    encoding = EventEncoding(steps_per_quarter=4, velocities=2)
    score = Score([(0, 1, 64, 0, 30), (0, 1, 60, 0, 90), (5.25, 0.5, 62, 0, 90)])
    assert names_of(encoding, encoding.encode(score)) == [
        "C4", "DURATION4", "VELOCITY96", "E4", "DURATION4", "VELOCITY32", "WAIT16", "WAIT5", "D4", "DURATION2", "VELOCITY96",
    ]  # fmt: skip


def test_names_join_a_chord_and_forget_time():
    score = Score([(0, 1, 64), (0, 2, 60, 1), (0, 1, 60), (7, 0.25, 61)])
    assert event_names(score) == ["C4.E4", "C#4"]
    encoding = NoteNameEncoding.of([score], step=0.25)
    assert rows(encoding.decode(encoding.encode(score))) == [(0, 0.25, 64, 0, 80), (0, 0.25, 60, 0, 80), (0.25, 0.25, 61, 0, 80)]
    assert encoding.loss_report(score)["silence lost"] == 5.0


def test_every_velocity_is_exact_with_127_bins():
    score = Score([(i, 1, 60, 0, v) for i, v in enumerate(range(1, 128))])
    assert EventEncoding(velocities=127).loss_report(score)["velocity changed"] == 0


# --- decode ---------------------------------------------------------------------------------------------


@each()
def test_an_empty_piece_goes_there_and_back(encoding):
    encoding = ready(encoding, tune([60]))
    empty = Score([])
    assert len(encoding.encode(empty)) == 0
    assert len(encoding.decode(encoding.encode(empty))) == len(encoding.decode([])) == len(encoding.decode([END])) == 0
    assert not any(encoding.loss_report(empty).values())
    assert len(encoding.inputs(encoding.encode(empty), (4, 4))) == 1


@each()
@given(score=scores(min_size=1))
def test_decode_stops_at_the_first_end(encoding, score):
    encoding = ready(encoding, score)
    tokens = encoding.encode(score)
    end = np.full((1, *tokens.shape[1:]), END)
    assert encoding.decode(np.concatenate([tokens, end, tokens])) == encoding.decode(tokens)


@each()
def test_decode_takes_lists_and_iterators(encoding):
    score = tune([60, 64, 67])
    encoding = ready(encoding, score)
    tokens = encoding.encode(score)
    assert encoding.decode(tokens.tolist()) == encoding.decode(iter(tokens.tolist())) == encoding.decode(tokens)


@each()
def test_a_number_outside_the_vocabulary_is_named(encoding):
    encoding = ready(encoding, tune([60]))
    for token in (-1, encoding.size):
        with pytest.raises(ValueError, match=f"token {token} is not in the vocabulary of {encoding.name}"):
            encoding.decode(np.full((1, 4) if label(encoding).startswith("grid-4") else 4, token))


# --- the grammar ----------------------------------------------------------------------------------------


def walk(encoding, seed, steps):
    """Write a random piece that only obeys `allowed`."""
    rng = np.random.default_rng(seed)
    tokens, token = [], END
    for _ in range(steps):
        token = int(rng.choice(np.flatnonzero(encoding.allowed[token])))
        if token == END:
            break
        tokens.append(token)
    return np.array(tokens, dtype=np.int32)


@each([e for e in FIXED if getattr(e, "voices", 1) == 1] + [NAMES])
@given(seed=st.integers(0, 2**32), steps=st.integers(0, 120))
def test_whatever_obeys_the_grammar_is_a_piece(encoding, seed, steps):
    encoding = ready(encoding, tune([60, 61, 62]), Score([(0, 1, 60), (0, 1, 64)]))
    tokens = walk(encoding, seed, steps)
    score = encoding.decode(tokens)
    if encoding.name == "events":
        # A chord may be written in any order, a wait in parts: another spelling, the same piece (less doubled notes).
        assert len(score) == np.isin(tokens, np.arange(encoding.size)[-len(encoding.loudness) :]).sum()
        kept = encoding.quantise(score)
        assert encoding.decode(encoding.encode(score)) == kept
        assert {n[0::2] for n in rows(kept)} <= {n[0::2] for n in rows(score)}
        assert score.duration <= encoding.quarters[tokens].sum() + 16
        return
    last = len(tokens)
    while encoding.name == "grid" and last and encoding.vocabulary[tokens[last - 1]] == "REST":
        last -= 1  # silence after the last note is no part of a piece
    assert np.array_equal(encoding.encode(score), tokens[:last])
    assert np.isclose(score.duration, encoding.quarters[tokens[:last]].sum())


@each()
@given(score=scores(min_size=1, voices=1))
def test_every_encoded_piece_obeys_the_grammar(encoding, score):
    encoding = ready(encoding, score)
    for column in encoding.encode(score).reshape(-1, getattr(encoding, "voices", 1)).T:
        sequence = [END, *column.tolist(), END]
        assert all(encoding.allowed[a, b] for a, b in itertools.pairwise(sequence))


@each()
def test_no_token_is_a_dead_end_and_each_can_be_reached(encoding):
    encoding = ready(encoding, tune([60, 61]))
    assert encoding.allowed.shape == (encoding.size, encoding.size)
    reached = {END}
    while new := set(np.flatnonzero(encoding.allowed[sorted(reached)].any(axis=0)).tolist()) - reached:
        reached |= new
    assert reached == set(range(encoding.size))
    assert encoding.allowed.any(axis=1).all()
    assert (encoding.quarters >= 0).all() and encoding.quarters[END] == 0 and (encoding.quarters > 0).any()


def test_a_grid_cannot_hold_what_does_not_sound():
    encoding = GridEncoding()
    hold = encoding.vocabulary.index("HOLD")
    assert not encoding.allowed[encoding.vocabulary.index("REST"), hold]
    assert not encoding.allowed[END, hold]
    assert encoding.allowed[hold, hold] and encoding.allowed[encoding.vocabulary.index("C4"), hold]


def test_an_event_is_a_wait_or_a_note_written_to_its_end():
    encoding = EventEncoding(steps_per_quarter=2, velocities=3)
    kinds = ["END" if n == "END" else n[:4] if n[:4] in ("WAIT", "DURA", "VELO") else "PITCH" for n in encoding.vocabulary]
    may_follow = {
        "END": {"WAIT", "PITCH"},
        "WAIT": {"WAIT", "PITCH"},
        "PITCH": {"DURA"},
        "DURA": {"VELO"},
        "VELO": {"WAIT", "PITCH", "END"},
    }
    for a, kind in enumerate(kinds):
        assert encoding.allowed[a].tolist() == [other in may_follow[kind] for other in kinds]


# --- what a model sees ----------------------------------------------------------------------------------


@each()
@given(score=scores(), metre=st.sampled_from(METRES))
def test_a_row_is_the_token_before_and_the_context_of_the_step(encoding, score, metre):
    encoding = ready(encoding, score)
    tokens = encoding.encode(score)
    inputs = encoding.inputs(tokens, metre)
    assert inputs.dtype == np.int32
    assert inputs.shape == (len(tokens) + 1, len(encoding.input_sizes))
    columns = 1 if tokens.ndim == 1 else tokens.shape[1]
    assert (inputs[0, :columns] == END).all()
    assert np.array_equal(inputs[1:, :columns], tokens.reshape(len(tokens), columns))
    assert np.array_equal(inputs[:, columns:], encoding.context(0, len(tokens) + 1, metre))
    assert (inputs >= 0).all() and (inputs < np.array(encoding.input_sizes)).all()


@each(FIXED)
@given(metre=st.sampled_from(METRES), start=st.integers(0, 3000), length=st.integers(0, 200))
def test_the_context_of_a_step_does_not_depend_on_where_the_block_begins(encoding, metre, start, length):
    whole = encoding.context(0, start + length, metre)
    assert np.array_equal(encoding.context(start, start + length, metre), whole[start:])


@pytest.mark.parametrize("steps_per_quarter", [1, 3, 4])
@pytest.mark.parametrize("metre", [*METRES, (4, 16), (5, 32), (13, 4)], ids=str)
def test_context_is_position_metre_and_bar_number(steps_per_quarter, metre):
    columns = GridEncoding(steps_per_quarter=steps_per_quarter).context(0, 700, metre)
    bar = Fraction(4 * steps_per_quarter * metre[0], metre[1])
    kind = KNOWN_METRES.index(metre) if metre in KNOWN_METRES else len(KNOWN_METRES) - 1
    assert columns.tolist() == [[min(floor(t % bar), POSITIONS - 1), kind, t // bar % BARS] for t in range(700)]


def test_a_metre_given_as_a_list_is_the_same_metre():
    assert np.array_equal(GridEncoding().context(0, 40, [3, 4]), GridEncoding().context(0, 40, (3, 4)))


# --- vocabularies and settings --------------------------------------------------------------------------


def test_a_fixed_vocabulary_does_not_depend_on_the_pieces_met():
    for build in (GridEncoding, EventEncoding):
        encoding = build()
        before = encoding.vocabulary
        encoding.encode(tune([1, 2, 126]))
        assert encoding.vocabulary == before == build().vocabulary


@pytest.mark.parametrize(
    ("encoding", "version", "digest"),
    [(GridEncoding(), 1, "6d0c0488"), (EventEncoding(), 1, "153e5d1e")],
    ids=["grid", "events"],
)
def test_the_meaning_of_a_token_changes_only_with_the_version(encoding, version, digest):
    """A trained bundle reads its numbers by this table. Whoever changes it raises `version`, then this digest."""
    text = "\n".join(encoding.vocabulary).encode()
    assert (encoding.version, hashlib.sha256(text).hexdigest()[:8]) == (version, digest)


@each([*FIXED, *(EventEncoding(velocities=v) for v in (2, 3, 63, 64, 100))])
def test_every_token_has_a_name_of_its_own_and_end_is_the_first(encoding):
    assert len(set(encoding.vocabulary)) == encoding.size == len(encoding.quarters)
    assert encoding.vocabulary[END] == "END"


@given(score=scores(min_size=1), seed=st.randoms(use_true_random=False))
def test_the_order_of_names_does_not_matter(score, seed):
    names = event_names(score)
    shuffled = list(names)
    seed.shuffle(shuffled)
    assert NoteNameEncoding(shuffled + names).vocabulary == NoteNameEncoding(names).vocabulary
    assert NoteNameEncoding.of([score, score]).vocabulary == NoteNameEncoding(names).vocabulary


def test_an_event_has_one_name_however_it_is_spelt():
    assert NoteNameEncoding(["E4.C4", "B#3", "C4", "C4.C4"]).vocabulary == ("END", "C4", "C4.E4")
    assert NoteNameEncoding(["C-1", "G9"]).decode([1, 2]).notes["pitch"].tolist() == [0, 127]


@pytest.mark.parametrize("name", ["", "H4", "C", "C4.", "4", "C4#", "C10", "c4", "END"])
def test_a_name_that_names_nothing_is_refused(name):
    with pytest.raises(ValueError, match="write a note as 'C#4'"):
        NoteNameEncoding([name])


def test_an_event_outside_the_vocabulary_is_named():
    encoding = NoteNameEncoding(["C4", "E4"])
    with pytest.raises(ValueError) as error:
        encoding.encode(Score([(0, 1, 60), (1, 1, 61), (1, 1, 60), (2, 1, 70)]))
    assert "'A#4' is not among the 2 names" in str(error.value)
    assert "2 such names" in str(error.value)


@each()
def test_settings_build_the_same_encoding_again(encoding):
    import json

    encoding = ready(encoding, tune([60, 61]), Score([(0, 1, 60), (0, 1, 64)]))
    again = encoding_from_settings(json.loads(json.dumps(encoding.settings())))
    assert type(again) is type(encoding)
    assert again.settings() == encoding.settings()
    assert again.vocabulary == encoding.vocabulary
    assert np.array_equal(again.allowed, encoding.allowed)
    assert np.array_equal(again.quarters, encoding.quarters)


@given(score=scores())
@settings(max_examples=20)
def test_the_step_of_note_names_is_a_setting(score):
    encoding = encoding_from_settings(NoteNameEncoding.of([score], step=0.125).settings())
    assert set(encoding.decode(encoding.encode(score)).notes["duration"].tolist()) <= {0.125}


def test_an_unknown_encoding_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown encoding 'braille'; .* note-names, grid, chorale, character, events"):
        encoding_from_settings({"name": "braille", "version": 1})


@each()
def test_another_version_of_an_encoding_is_refused(encoding):
    words = ready(encoding, tune([60])).settings()
    with pytest.raises(ValueError, match=f"'{words['name']}' has version 99 here, but this version of musiclab reads 1"):
        encoding_from_settings({**words, "version": 99})


@pytest.mark.parametrize(
    "build",
    [
        lambda: GridEncoding(voices=0),
        lambda: GridEncoding(steps_per_quarter=0),
        lambda: EventEncoding(steps_per_quarter=0),
        lambda: EventEncoding(velocities=0),
        lambda: EventEncoding(velocities=128),
        lambda: NoteNameEncoding(["C4"], step=0),
        lambda: NoteNameEncoding(["C4"], step=float("nan")),
    ],
)
def test_settings_out_of_range_are_refused(build):
    with pytest.raises(ValueError, match="must be"):
        build()


def test_the_base_class_promises_and_does_not_deliver():
    for call in (lambda e: e.settings(), lambda e: e.encode(None), lambda e: e.decode([]), lambda e: e.transpose(None, 1)):
        with pytest.raises(NotImplementedError):
            call(Encoding())
