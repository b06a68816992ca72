"""Controls, and the table that puts sets of pieces side by side."""

from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from strategies import scores, tune, weights_for

from musiclab.bundle import Bundle
from musiclab.corpus import load_corpus
from musiclab.encoding import GridEncoding
from musiclab.evaluation import (
    MEASURES,
    Measure,
    bootstrap_means,
    classifier_accuracy,
    compare,
    copied_runs,
    grid_of,
    hear,
    key_of,
    left_out,
    markov_pieces,
    pitch_class_histogram,
    pitch_range,
    seen_runs,
    shuffled,
)
from musiclab.score import Score


@pytest.fixture(scope="module")
def chorales():
    """The beginnings of twenty chorales."""
    return [score.slice(0, 20) for score in load_corpus("bach-chorales", progress=False)[::18]][:20]


@pytest.fixture(scope="module")
def found(chorales):
    sets = {"Bach": chorales[:12], "shuffled": [shuffled(score, k) for k, score in enumerate(chorales[:12])]}
    return compare(sets, real="Bach", controls=["shuffled"])


@pytest.fixture(scope="module")
def bundle():
    return Bundle("chance", weights_for(GridEncoding()), GridEncoding(), {"kind": "stream"})


# --- controls ----------------------------------------------------------------------------------------


@given(scores(max_size=20, voices=4))
def test_shuffled_notes_keep_rhythm_voices_and_pitches(score):
    other = shuffled(score, 3)
    for voice in range(4):
        mine, theirs = score.voice(voice).notes, other.voice(voice).notes
        assert sorted(mine["pitch"]) == sorted(theirs["pitch"])
        for field in ("onset", "duration"):
            assert sorted(mine[field]) == sorted(theirs[field])
    assert replace(other, notes=score.notes) == score  # title, tempo and the rest


def test_a_seed_is_an_order(chorales):
    for score in chorales[:5]:
        assert shuffled(score, 1) == shuffled(score, 1) != shuffled(score, 2) != score
        alone = score.notes[["onset", "duration", "voice"]]
        assert np.array_equal(shuffled(score, 1).notes[["onset", "duration", "voice"]], alone)  # note by note, without chords


def test_every_order_is_as_likely():
    """Three notes have six orders; 600 seeds err by some 9 for each."""
    orders = Counter(tuple(shuffled(tune([60, 62, 64]), seed).notes["pitch"].tolist()) for seed in range(600))
    assert len(orders) == 6 and all(abs(count - 100) < 40 for count in orders.values())


def test_markov_pieces_sing_as_the_training_pieces_do(chorales):
    pieces = markov_pieces(chorales, 3, quarters=24, seed=2)
    assert len(pieces) == 3 == len({piece.notes.tobytes() for piece in pieces})
    assert pieces == markov_pieces(chorales, 3, quarters=24, seed=2) != markov_pieces(chorales, 3, quarters=24, seed=3)
    for piece in pieces:
        assert piece.voices == (0, 1, 2, 3) and piece.time_signature == (4, 4) and 22 <= piece.duration <= 24
        for voice in piece.voices:  # at most a tritone beyond what was sung before the pieces were moved to C
            sung = np.concatenate([score.voice(voice).notes["pitch"] for score in chorales]).astype(int)
            mine = piece.voice(voice).notes["pitch"].astype(int)
            assert sung.min() - 6 <= mine.min() and mine.max() <= sung.max() + 6
    white = np.mean([pitch_class_histogram(piece)[[0, 2, 4, 5, 7, 9, 11]].sum() for piece in pieces])
    assert white > 0.8 > np.mean([pitch_class_histogram(score)[[0, 2, 4, 5, 7, 9, 11]].sum() for score in chorales])


def test_markov_models_know_no_key():
    song = Score([(i, 1, p, 0) for i, p in enumerate([60, 64, 67, 64, 62, 65, 67, 60] * 3)], time_signature=(2, 4))
    assert key_of(song) == (0, "major")
    wanted = markov_pieces([song], 2, quarters=16)
    assert markov_pieces([song.transpose(5)], 2, quarters=16) == markov_pieces([song.transpose(-4)], 2, quarters=16) == wanted
    assert wanted[0].time_signature == (2, 4)
    minor = Score([(i, 1, p, 0) for i, p in enumerate([62, 65, 69, 65, 64, 61, 69, 62] * 3)])
    assert key_of(minor) == (2, "minor")
    assert set(markov_pieces([minor], 1)[0].notes["pitch"] % 12) >= {9, 0, 4}  # A minor, a fourth lower


def test_a_markov_model_follows_what_it_counted():
    """Up and down two notes for ever, in quarters: order 2 knows hardly anything else."""
    song = tune([60, 67] * 30, 1.0)
    written = markov_pieces([song], 1, order=4, quarters=40)[0]
    pitches = written.notes["pitch"].tolist()
    assert set(pitches) <= set(range(128)) and np.mean([p in (60, 67) for p in pitches]) > 0.8


def test_without_notes_there_is_nothing_to_count():
    for nothing in ([], [Score([])]):
        with pytest.raises(ValueError, match="a Markov model needs pieces to count"):
            markov_pieces(nothing, 1)


# --- the table ---------------------------------------------------------------------------------------


def test_values_are_what_the_measures_say(found, chorales):
    assert found.sets == ("Bach", "shuffled") and found.real == "Bach"
    assert list(found.values) == list(found.rows) == list(found.units) == [m.name for m in MEASURES]
    for measure in MEASURES:
        values = found.values[measure.name]["Bach"]
        assert np.array_equal(values, [measure.of(score) for score in chorales[:12]], equal_nan=True)
        known = values[~np.isnan(values)]
        mean, low, high = found.rows[measure.name]["Bach"]
        assert mean == pytest.approx(known.mean()) and found.units[measure.name] == measure.unit
        assert (low, high) == pytest.approx(tuple(np.percentile(bootstrap_means(known), [2.5, 97.5])))
        assert low <= mean <= high


def test_what_a_control_keeps_is_marked_and_what_it_breaks_is_not(found):
    kept = {"pitch range", "pitch-class entropy", "notes in one scale", "notes a quarter", "duration entropy", "notes on beats"}
    broken = {"steps among moves", "leaps among moves", "parallel fifths", "voice overlaps", "voices crossed"}
    assert kept <= found.blind.keys() and not broken & found.blind.keys()
    assert all(controls == ["shuffled"] for controls in found.blind.values())
    assert found.warnings == [f"(!) cannot tell Bach from shuffled: {', '.join(found.blind)}."]


def test_sets_of_the_same_kind_are_not_told_apart(chorales):
    """Of 19 measures one may differ by chance; two or three are a warning about the intervals."""
    halves = compare({"a": chorales[::2], "b": chorales[1::2]}, real="a", controls=["b"])
    assert len(halves.blind) >= len(MEASURES) - 3
    alone = compare({"a": chorales[::2], "b": chorales[1::2]}, real="a")
    assert alone.blind == alone.untried == {}  # no control, no mark
    assert alone.warnings[0] == "No set is a control: nothing shows which measures tell a from worse music."
    assert "No set" not in str(halves)


def test_what_could_not_be_tried_on_a_control_is_marked_too(chorales):
    """A measure of voices that has no value for a control of one voice has passed nothing."""
    some = [m for m in MEASURES if m.name in ("pitch range", "parallel fifths", "voices crossed")]
    sets = {"Bach": chorales, "tunes": [score.voice(0) for score in chorales], "same": chorales}
    table = compare(sets, real="Bach", controls=["tunes", "same"], measures=some)
    voices = ["parallel fifths", "voices crossed"]
    assert table.untried == {name: ["tunes"] for name in voices} and set(table.blind) == {m.name for m in some}
    words = "where too few pieces have a value: parallel fifths, voices crossed."
    assert f"(?) could not be tried on tunes, {words}" in table.warnings
    table = compare(sets, real="Bach", controls=["tunes"], measures=some)
    assert [line[0] for line in table.cells()[1:4]] == ["pitch range", "parallel fifths (?)", "voices crossed (?)"]


def test_notes_that_the_grid_does_not_hold_are_said(chorales):
    """Of a piano's chords in one voice it holds the highest; of six voices it holds four."""
    piano = [Score([(o, d, p, 0) for o, d, p, _, _ in score.notes.tolist()]) for score in chorales]
    choir = [Score([(0, 4, 80 - 5 * v, v) for v in range(6)])] * 12
    table = compare({"Bach": chorales, "piano": piano, "choir": choir}, real="Bach", controls=["piano"], measures=MEASURES[:1])
    assert table.left_out["Bach"] < 1 and table.left_out["choir"] == pytest.approx(100 / 3)
    assert [words.split(":")[0] for words in table.warnings if "a fifth voice" in words] == ["piano", "choir"]
    assert "choir: 33 % of the notes are in a fifth voice" in str(table)
    assert left_out(choir[0]) == pytest.approx(100 / 3) and np.isnan(left_out(Score([]))) and left_out(tune([60, 62])) == 0
    assert left_out(Score([(0, 1, 60), (0, 1, 64), (0.5, 1, 67), (1, 1, 62)])) == 50  # 60 below 64, and 62 below 67


def test_only_the_controls_that_a_measure_cannot_tell_are_named(chorales):
    high = [score.transpose(3) for score in chorales]
    wide = [Score([(o, d, p + 6 * (v == 0), v) for o, d, p, v, _ in score.notes.tolist()]) for score in chorales]
    names = ["high", "wide"]
    table = compare({"real": chorales, "high": high, "wide": wide}, real="real", controls=names, measures=MEASURES[:1])
    assert table.blind == {"pitch range": ["high"]}
    table = compare({"real": chorales, "high": high, "low": high}, real="real", controls=["high", "low"], measures=MEASURES[:1])
    assert table.warnings == ["(!) cannot tell real from high or low: pitch range."]


def test_a_control_made_from_the_real_pieces_is_drawn_by_itself(chorales):
    """Else the least shift between a piece and its copy would pass for a difference, however far the pieces lie apart."""
    shifted = Measure("shifted", "", lambda score: pitch_range(score) + 0.01 * (score.title == "copy"))
    copies = [replace(score, title="copy") for score in chorales]
    table = compare({"real": chorales, "copies": copies}, real="real", controls=["copies"], measures=[shifted])
    assert table.blind == {"shifted": ["copies"]}


def test_a_classifier_tells_sets_of_ten_pieces_or_more(found, chorales):
    features = [np.column_stack([row[which] for row in found.values.values()]) for which in found.sets]
    assert found.told_apart == {"shuffled": classifier_accuracy(*features)} and found.told_apart["shuffled"] > 0.9
    assert compare({"a": chorales[:9], "b": chorales[9:]}, real="a", measures=MEASURES[:3]).told_apart == {}
    assert "told from" not in str(compare({"a": chorales[:9], "b": chorales[9:]}, real="a", measures=MEASURES[:3]))


def test_titles_tempo_and_keys_do_not_matter(found, chorales):
    others = [replace(score, title=f"No. {k}", tempo=20.0 + k, key="C major") for k, score in enumerate(chorales[:12])]
    sets = {"Bach": others, "shuffled": [shuffled(score, k) for k, score in enumerate(others)]}
    assert str(compare(sets, real="Bach", controls=["shuffled"])) == str(found)


def test_copying_and_surprise_are_measured_where_asked(chorales, bundle):
    sets = {"new": chorales[:2], "known": chorales[10:12]}
    table = compare(sets, real="new", training=chorales[10:], bundle=bundle, measures=MEASURES[:1])
    assert list(table.values) == ["pitch range", "longest copy", "runs of 4 seen before", "surprise"] == list(table.units)
    known = [grid_of(score) for score in chorales[10:]]
    for name, pieces in sets.items():
        grids = [grid_of(score) for score in pieces]
        assert np.array_equal(table.values["longest copy"][name], copied_runs(grids, known))
        assert np.array_equal(table.values["runs of 4 seen before"][name], seen_runs(grids, known))
        assert table.values["surprise"][name] == pytest.approx([heard.nats.mean() for heard in hear(bundle, pieces)])
    assert table.rows["runs of 4 seen before"]["known"][0] == 100 > table.rows["runs of 4 seen before"]["new"][0]


def test_melodies_have_no_counterpoint(chorales):
    melodies = [score.voice(0) for score in chorales[:3]]
    table = compare({"tunes": melodies, "others": melodies[:2]}, real="tunes")
    assert list(table.rows) == [m.name for m in MEASURES if m.voices == 1] and "parallel fifths" not in str(table)


def test_melodies_beside_chorales_have_no_figure_for_counterpoint(chorales):
    table = compare({"Bach": chorales[:3], "tunes": [score.voice(0) for score in chorales[:3]]}, real="Bach")
    for measure in MEASURES:
        assert np.isnan(table.values[measure.name]["tunes"]).all() == (measure.voices > 1), measure.name
        assert not np.isnan(table.values[measure.name]["Bach"]).all()


def test_what_does_not_exist_is_a_dash(chorales):
    nowhere = Measure("nowhere", "", lambda score: np.nan)
    some = Measure("some", "", lambda score: 4.0 if score == chorales[0] else np.nan)
    sets = {"a": chorales[:2], "b": chorales[2:4]}
    table = compare(sets, real="a", controls=["b"], measures=[nowhere, some])
    assert np.isnan(table.rows["nowhere"]["a"]).all() and np.isnan(table.rows["some"]["b"]).all()
    assert table.rows["some"]["a"][0] == 4
    assert table.cells()[1][2:] == ["–", "–"] and table.cells()[2][3] == "–"


def test_one_piece_says_nothing_of_others(chorales):
    """No interval can be drawn from a single piece, and no difference be found."""
    table = compare({"a": chorales[:1], "b": chorales[1:2]}, real="a", controls=["b"], measures=[MEASURES[0]])
    mean, low, high = table.rows["pitch range"]["a"]
    assert mean == pitch_range(chorales[0]) and np.isnan([low, high]).all()
    assert not table.blind and not table.untried and table.warnings == ["Few pieces say little: a has 1, b has 1."]
    many = {"a": chorales[:12], "b": chorales[:11]}
    assert compare(many, real="a", controls=["b"], measures=MEASURES[:1]).warnings[1:] == ["Few pieces say little: b has 11."]
    assert table.cells()[1][2] == f"{mean:.2f}"


def test_the_text_is_a_table(found):
    head, *lines = str(found).splitlines()
    assert head.split() == ["measure", "unit", "Bach", "(12)", "shuffled", "(12)"]
    assert len(lines) == len(MEASURES) + 1 + len(found.warnings) and repr(found) == str(found)
    column = head.index("shuffled")
    assert all(line[column - 1] == " " and line[column] != " " for line in lines[: len(MEASURES)])
    marked = {line.split(" (!)")[0] for line in lines[: len(MEASURES)] if " (!)" in line}
    assert marked == set(found.blind)
    assert lines[len(MEASURES)].startswith("told from Bach") and lines[-1].startswith("(!) ")


class Table(HTMLParser):
    """Reads a table, and notes every tag that is not closed in its turn."""

    def __init__(self, text):
        super().__init__()
        self.open, self.rows, self.wrong, self.tags = [], [], [], Counter()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags[tag] += 1
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th", "small"):
            self.rows[-1][-1] += data


def test_the_page_says_what_the_text_says(found):
    table = Table(found._repr_html_())
    assert table.rows == found.cells() and not table.open and not table.wrong
    assert table.tags["li"] == len(found.warnings) and table.tags["caption"] == 1


def test_names_are_text_and_no_tags(chorales):
    sets = {"<b>": chorales[:2], 'a & "b"': chorales[:2]}
    measure = Measure("<i>range", "&lt;", pitch_range)
    table = compare(sets, real="<b>", controls=['a & "b"'], measures=[measure])
    page = table._repr_html_()
    read = Table(page)
    assert (
        read.rows == table.cells() and read.rows[0][2:] == [f"{name} (2)" for name in sets] and not read.wrong and not read.open
    )
    assert not {"b", "i"} & read.tags.keys() and "&lt;b&gt; from a &amp;" in page


@pytest.mark.parametrize(
    ("sets", "words", "message"),
    [
        ({"a": 1}, {"real": "b"}, r"there is no set 'b'; the sets are a\."),
        ({"a": 1, "c": 1}, {"real": "a", "controls": ["d"]}, r"there is no set 'd'; the sets are a, c\."),
        ({"a": 1, "b": 0}, {"real": "a"}, r"the set 'b' is empty\."),
        ({"a": 1, "b": None}, {"real": "a"}, r"piece 1 of the set 'b' has no notes\."),
    ],
)
def test_what_cannot_be_compared_is_said(sets, words, message):
    piece = tune([60, 62])
    sets = {name: [piece, Score([])] if count is None else [piece] * count for name, count in sets.items()}
    with pytest.raises(ValueError, match=message):
        compare(sets, **words)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sets": "one score"}, "give a list of scores"),
        ({"sets": "a file"}, r"read by read_score\(\)"),
        ({"measures": [pitch_range]}, r"goes in as Measure\('name', 'unit', function\)"),
        ({"measures": [Measure("mine", "", lambda score: 1 / 0)]}, "the measure 'mine' failed for BWV .*division by zero"),
        ({"measures": [Measure("mine", "", lambda score: None)]}, "the measure 'mine' failed for BWV"),
    ],
)
def test_typical_slips_are_explained(chorales, change, message):
    sets = {"a": chorales[:2], "b": chorales[2:4]}
    sets |= {"one score": {"b": chorales[0]}, "a file": {"b": ["tune.mid"]}}.get(change.pop("sets", ""), {})
    with pytest.raises(ValueError, match=message):
        compare(sets, real="a", **change)
