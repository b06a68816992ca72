"""The dice waltz: the data are whole, the table is that of the print, and every throw makes a waltz."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musiclab import EventEncoding, read_score, write_midi
from musiclab.bundle import DATA
from musiclab.files import from_music21
from musiclab.score import pitch_name
from musiclab.widgets.dice import BARS, TABLE, printed_bars, waltz

TEXT = (DATA / "dice_waltz.abc").read_text(encoding="utf-8")
RIGHT, LEFT = 0, 1
throws = st.lists(st.integers(2, 12), min_size=BARS, max_size=BARS)


def written_bars(hand):
    """The bars of one hand (1 or 2) as they stand in the file, without help of the reader."""
    body = re.sub(r"^%.*\n", "", TEXT[TEXT.index("V:1") :], flags=re.MULTILINE)
    voice = re.split(r"^V:\d\n", body, flags=re.MULTILINE)[hand]
    return [bar.strip() for bar in re.split(r"\|\]?", voice) if bar.strip()]


def spelled(number, hand):
    """A bar in words: "E5 C5 G4", chords as "C3+E3", each with its length in sixteenths if it is not 2."""
    notes = printed_bars()[number - 1].voice(hand).notes
    words = []
    for onset in np.unique(notes["onset"]):
        chord = notes[notes["onset"] == onset]
        sixteenths = round(4 * chord["duration"][0])
        name = "+".join(pitch_name(int(p)) for p in sorted(chord["pitch"]))
        words.append(name if sixteenths == 2 else f"{name}/{sixteenths}")
    return " ".join(words)


# --- the file ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hand", [1, 2])
def test_each_of_the_176_bars_and_the_second_ending_lasts_three_eighths(hand):
    bars = written_bars(hand)
    assert len(bars) == 177
    for number, bar in enumerate(bars, 1):
        events = re.findall(r"(?:\[[^\]]+\]|[\^=]?[A-Ga-gz][,']*)(\d?)", bar)
        assert sum(int(length or 1) for length in events) == 6, f"bar {number}: {bar}"


def test_the_file_has_nothing_that_a_reader_would_pass_over():
    for hand in (1, 2):
        assert set("".join(written_bars(hand))) <= set("abcdefgABCDEFGz',^=[]0123456789 ")
    for f_or_c_sharp in re.finditer(r"\^(.)", TEXT[TEXT.index("K:C") :]):
        assert f_or_c_sharp[1] in "fFcC", "no other note is raised in this music"


def test_no_note_reaches_over_a_bar_line():
    whole = read_score(DATA / "dice_waltz.abc")
    assert whole.duration == 177 * 1.5 and whole.voices == (RIGHT, LEFT)
    first, last = whole.notes["onset"], whole.notes["onset"] + whole.notes["duration"]
    assert np.array_equal(first // 1.5, (last - 1e-6) // 1.5)
    assert len(whole) == sum(len(bar) for bar in printed_bars())


def test_pitches_are_those_of_two_hands_on_a_piano_of_the_time():
    for number, bar in enumerate(printed_bars(), 1):
        right, left = bar.voice(RIGHT).notes["pitch"], bar.voice(LEFT).notes["pitch"]
        assert 60 <= right.min() and right.max() <= 86, number
        assert 36 <= left.min() and left.max() <= 62, number
        assert left.min() < right.min(), f"bar {number}: the left hand lies below"
        assert set((bar.notes["pitch"] % 12).tolist()) <= {0, 1, 2, 4, 5, 6, 7, 9, 11}, f"bar {number}: C major, F sharp, C sharp"


def test_music21_builds_the_same_notes():
    import music21

    whole = read_score(DATA / "dice_waltz.abc")
    other = from_music21(music21.converter.parse(TEXT, format="abc", forceSource=True))
    assert np.array_equal(other.notes, whole.notes)
    assert (other.time_signature, other.key) == (whole.time_signature, whole.key) == ((3, 8), "C major")


def test_bars_as_they_are_printed():
    """Some bars, spelled in full."""
    assert (spelled(1, RIGHT), spelled(1, LEFT)) == ("F5 D5 G5", "F3 D3 G3")
    assert (spelled(96, RIGHT), spelled(96, LEFT)) == ("E5 C5 G4", "C3/4")
    assert (spelled(2, RIGHT), spelled(2, LEFT)) == ("A4 F#4/1 G4/1 B4/1 G5/1", "B2+G3/4")
    assert (spelled(52, RIGHT), spelled(52, LEFT)) == ("D5/1 C#5/1 D5/1 F5/1 G4/1 B4/1", "F3/4 G3")
    assert (spelled(138, RIGHT), spelled(138, LEFT)) == ("A4+D5+F#5 F#5/4", "D2/1 D3/1 C#3/1 D3/1 C3/1 D3/1")
    assert (spelled(78, RIGHT), spelled(78, LEFT)) == ("C5 C4", "C3/4 C2")
    assert (spelled(30, RIGHT), spelled(30, LEFT)) == ("G4+B4+D5+G5/4", "G2 G3/1 F3/1 E3/1 D3/1")
    assert (spelled(177, RIGHT), spelled(177, LEFT)) == ("G4+B4+D5+G5/4", "G2 B3/1 G3/1 F#3/1 E3/1")


# --- the table --------------------------------------------------------------------------------------------


def test_the_table_names_every_printed_bar_once():
    assert len(TABLE) == 11 and all(len(row) == BARS for row in TABLE)
    assert sorted(sum(TABLE, ())) == list(range(1, 177))


def column(bar):
    return [printed_bars()[row[bar] - 1] for row in TABLE]


def test_the_game_has_the_number_of_waltzes_that_is_told_of_it():
    """Eleven different bars in 14 columns, one first ending, two last bars: 2 times 11 to the 14th power."""
    different = [len({bar.notes.tobytes() for bar in column(k)}) for k in range(BARS)]
    assert different == [11] * 7 + [1] + [11] * 7 + [2]
    assert int(np.prod(different, dtype=np.int64)) == 759_499_667_166_482


@pytest.mark.parametrize(
    ("bar", "chord"),
    [(1, "C E G"), (2, "C E G"), (4, "C E G"), (6, "G B D"), (9, "D F# A C"), (10, "G B D"), (13, "C E G"), (14, "C E G")],
)
def test_all_bars_of_a_column_are_made_of_one_chord(bar, chord):
    """That is why any of them fits. Only passing sixteenths and eighths lie outside; a wrong row of the table would not."""
    wanted = {pitch_name(p)[:-1]: p % 12 for p in range(60, 72)}
    inside = {wanted[name] for name in chord.split()}
    for number, score in zip([row[bar - 1] for row in TABLE], column(bar - 1), strict=True):
        notes = score.notes
        share = notes["duration"][np.isin(notes["pitch"] % 12, list(inside))].sum() / notes["duration"].sum()
        assert share >= 0.75, f"number {number} has {share:.0%} of {chord}"
        assert notes["pitch"][notes["onset"] == 0].min() % 12 in inside


def test_the_last_bar_closes_in_c_and_the_endings_lead_on():
    for bar in column(15):
        assert {pitch_name(int(p))[:-1] for p in bar.notes["pitch"][bar.notes["onset"] == 0]} == {"C"}
        assert bar.voice(LEFT).notes["pitch"][-1] % 12 == 0
    first, second = column(7)[0], printed_bars()[176]
    assert pitch_name(int(first.voice(LEFT).notes["pitch"][-1])) == "D3"  # back to the C of bar 1, with an F natural
    assert "F#3" in {pitch_name(int(p)) for p in second.voice(LEFT).notes["pitch"]}  # on to the D of bar 9


# --- the waltzes ------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(throws)
def test_any_throw_is_a_waltz_of_16_bars_and_of_32_with_repeats(sums):
    short, long = waltz(sums), waltz(sums, repeats=True)
    assert short.duration == 16 * 1.5 and long.duration == 32 * 1.5
    assert short.time_signature == long.time_signature == (3, 8) and short.key == "C major"
    numbers = [TABLE[total - 2][bar] for bar, total in enumerate(sums)]

    def played(score, place):
        return score.slice(place * 1.5, place * 1.5 + 1.5).notes

    once = [*numbers[:7], 177, *numbers[8:]]
    for place, number in enumerate(once):
        assert np.array_equal(played(short, place), printed_bars()[number - 1].notes)
    twice = [*numbers[:8], *numbers[:7], 177, *numbers[8:], *numbers[8:]]
    for place, number in enumerate(twice):
        assert np.array_equal(played(long, place), printed_bars()[number - 1].notes)


@settings(max_examples=25, deadline=None)
@given(throws)
def test_a_waltz_goes_through_an_encoding_and_comes_back(sums):
    score, encoding = waltz(sums), EventEncoding()
    back = encoding.decode(encoding.encode(score))
    keep = ["onset", "duration", "pitch"]
    assert sorted(back.notes[keep].tolist()) == sorted(score.notes[keep].tolist())


def test_a_waltz_goes_through_a_midi_file_and_comes_back(tmp_path):
    score = waltz([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 2, 3, 4, 5, 6])
    back = read_score(write_midi(score, tmp_path / "waltz.mid"))
    assert np.array_equal(back.notes, score.notes)


@pytest.mark.parametrize("sums", [[7] * 15, [7] * 17, [1] + [7] * 15, [7] * 15 + [13], []])
def test_what_dice_cannot_show_is_refused(sums):
    with pytest.raises(ValueError, match=r"16 sums of two dice, each from 2 to 12"):
        waltz(sums)
