"""Staff notation: what is written is what sounds, whoever reads it, and everywhere the same picture."""

import hashlib
import json
import re
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from base64 import b64decode
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import symusic
import verovio
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import METRES, scores, tune

from musiclab import read_score, show
from musiclab.score import Score
from musiclab.show.mei import bars_of, write_mei

DATA = Path(__file__).parent.parent / "data"
MEI = "{http://www.music-encoding.org/ns/mei}"
XML = "{http://www.w3.org/XML/1998/namespace}"
CHORALE = Score(
    [(i, 1, 74 - 7 * v - (i * (v + 2)) % 5, v) for v in range(4) for i in range(80)], title="Four voices", key="G major"
)


def performed(score: Score) -> set[tuple[int, int]]:
    """Let verovio play what is written: every (tick, pitch) that sounds, 48 ticks a quarter."""
    written = write_mei(score, 1, bars_of(score), [])
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit(False)
    toolkit.setResourcePath(str(Path(verovio.__file__).parent / "data"))
    toolkit.setOptions({"inputFrom": "mei"})
    assert toolkit.loadData(written.mei)
    midi = symusic.Score.from_midi(b64decode(toolkit.renderToMIDI()))
    ticks = 48 / midi.ticks_per_quarter
    # The engraver lets go of a note one or two of its 120 ticks early, so that it can be struck again.
    notes = [(n.time * ticks, (n.time + n.duration + 1.5) * ticks, n.pitch) for track in midi.tracks for n in track.notes]
    return {(tick, pitch) for a, b, pitch in notes for tick in range(round(a), round(b))}


def sounding(score: Score) -> set[tuple[int, int]]:
    notes = score.notes.tolist()
    return {(tick, p) for o, d, p, _, _ in notes for tick in range(round(48 * o), round(48 * (o + d)))}


# --- what is written is what sounds -----------------------------------------------------------------------

# Melodies in several voices on a grid of sixteenths or of triplets: what notation can write exactly.
melodies = st.lists(
    st.tuples(
        st.lists(
            st.tuples(st.integers(1, 12), st.integers(36, 96), st.booleans()),
            min_size=1,
            max_size=14,
        ),
        st.sampled_from([4, 3, 6]),
    ),
    min_size=1,
    max_size=5,
)


def from_melodies(voices, metre, key):
    rows = []
    for voice, (steps, grid) in enumerate(voices):
        at = Fraction(0)
        for length, pitch, rest in steps:
            if not rest:
                # No two voices on one key: a MIDI file, from which the test reads, cannot hold it twice.
                rows.append((float(at), length / grid, pitch - pitch % 5 + voice, voice))
            at += Fraction(length, grid)
    return Score(rows, time_signature=metre, key=key)


@settings(max_examples=60)
@given(melodies, st.sampled_from(METRES), st.sampled_from([None, "C major", "E- major", "F# minor", "D dorian", "C# major"]))
def test_an_engraver_plays_from_the_page_what_the_score_holds(voices, metre, key):
    score = from_melodies(voices, metre, key)
    assert performed(score) == sounding(score)


@pytest.mark.parametrize("path", sorted((DATA / "tunes").glob("*.abc")), ids=lambda path: path.stem)
def test_every_tune_of_the_course_is_written_exactly(path):
    score = read_score(path)
    written = write_mei(score, 1, bars_of(score), [])
    assert (written.moved, written.changed) == (0, 0)
    assert performed(score) == sounding(score)


def test_bach_is_written_exactly():
    prelude = read_score(DATA / "music.mid")
    assert performed(prelude) == sounding(prelude)
    assert write_mei(prelude, 1, 35, []).staves == 2


@settings(max_examples=40)
@given(scores(min_size=1, max_size=20))
def test_any_score_makes_whole_bars_and_says_what_it_changed(score):
    written = write_mei(score, 1, bars_of(score), [])
    bar = Fraction(*score.time_signature) * 4
    root = ET.fromstring(written.mei)
    assert len(root.findall(f".//{MEI}measure")) == bars_of(score)
    for layer in root.iter(f"{MEI}layer"):
        assert layer[0].tag in (f"{MEI}mRest", f"{MEI}mSpace") or sum(map(lengths, layer)) == bar
    if performed(score) != sounding(score):
        on_grid = all(min(abs(48 * t - g * round(48 * t / g)) for g in (3, 8)) < 1e-6 for n in score.notes for t in times(n))
        overlaps = len({(o, p, v) for o, _, p, v, _ in score.notes.tolist()}) < len(score) or written.changed
        assert written.moved or overlaps or not on_grid or polyphonic(score)


def times(note):
    return float(note["onset"]), float(note["onset"] + note["duration"])


def polyphonic(score):
    """Whether a voice strikes a key again that it still holds: on a page that is one note."""
    rows = score.notes.tolist()
    return any(a is not b and a[2:4] == b[2:4] and a[0] <= b[0] < a[0] + a[1] for i, a in enumerate(rows) for b in rows[i + 1 :])


def lengths(element, factor=Fraction(1)):
    """The length of an element of a layer in quarter lengths, from the signs that are printed."""
    if element.tag == f"{MEI}tuplet":
        factor *= Fraction(int(element.get("numbase")), int(element.get("num")))
    if element.get("dur") is None:
        return sum((lengths(child, factor) for child in element), Fraction(0))
    plain = Fraction(4, int(element.get("dur")))
    return factor * (plain * Fraction(3, 2) if element.get("dots") == "1" else plain)


def test_a_recorded_performance_is_drawn_on_sixteenths_and_counted():
    rng = np.random.default_rng(3)
    straight = tune([60 + i % 12 for i in range(32)], 0.25)
    human = Score(
        [(o + d, 0.2, p) for (o, _, p, _, _), d in zip(straight.notes.tolist(), rng.uniform(0.01, 0.09, 32), strict=True)]
    )
    engraving = show.notation(human)
    assert "32 notes off the grid, drawn at the nearest sixteenth" in engraving.text
    assert performed(human) == sounding(straight)
    assert "off the grid" not in show.notation(straight).text


def test_more_overlapping_notes_than_a_voice_can_write_are_counted():
    cluster = Score([(i / 4, 4, 60 + 2 * i) for i in range(6)])
    written = write_mei(cluster, 1, 2, [])
    assert written.changed > 0
    assert f"{written.changed} notes drawn with another length" in show.notation(cluster).text
    heard = performed(cluster)
    onsets = {(tick, pitch) for tick, pitch in heard if (tick - 1, pitch) not in heard}
    assert onsets == {(12 * i, 60 + 2 * i) for i in range(6)}, "each note still begins where it begins"


# --- pitches ----------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.lists(st.integers(48, 84), min_size=1, max_size=40), st.integers(-7, 7), st.booleans())
def test_who_reads_only_the_printed_signs_plays_the_right_notes(pitches, signature, long):
    key = ("C-", "G-", "D-", "A-", "E-", "B-", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")[signature + 7] + " major"
    # The long notes are tied from bar to bar.
    score = tune(pitches, 1.25 if long else 0.5, key=key, time_signature=(3, 4))
    written = write_mei(score, 1, bars_of(score), [])
    assert written.signature == signature
    order = "FCGDAEB"
    read = []
    for measure in ET.fromstring(written.mei).iter(f"{MEI}measure"):
        in_force = {}
        for note in measure.iter(f"{MEI}note"):
            letter, octave = note.get("pname").upper(), int(note.get("oct"))
            accid = note.find(f"{MEI}accid")
            printed = None if accid is None else accid.get("accid")
            if note.get("tie") in ("m", "t"):
                read[-1] = (read[-1][0], True)
                continue
            if printed:
                in_force[letter, octave] = {"ff": -2, "f": -1, "n": 0, "s": 1, "x": 2}[printed]
            place = order.index(letter)
            from_signature = int(place < signature) - int(6 - place < -signature)
            alter = in_force.get((letter, octave), from_signature)
            read.append(({"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[letter] + alter + 12 * (octave + 1), False))
    assert [pitch for pitch, _ in read] == pitches


def test_an_accidental_holds_for_all_voices_of_a_staff_and_until_the_bar_line():
    two = Score([(0, 1, 66, 0), (1, 1, 66, 1), (2, 2, 65, 0), (4, 1, 65, 1)] + [(v, 1, 48, 2) for v in range(8)], key="C major")
    measures = list(ET.fromstring(write_mei(two, 1, 2, []).mei).iter(f"{MEI}measure"))
    printed = [
        [(n.get("pname"), accid.get("accid")) for n in measure.iter(f"{MEI}note") for accid in n if accid.get("accid")]
        for measure in measures
    ]
    assert sorted(printed[0]) == [("f", "n"), ("f", "s")], "the second F sharp needs no sign, the F after it does"
    assert printed[1] == [], "and in the next bar all is as at the clef"


def test_the_raised_fourth_of_minor_is_a_sharp():
    minor = tune([69, 71, 72, 74, 75, 76, 80, 81], key="A minor")
    names = {n.get("pname") for n in ET.fromstring(write_mei(minor, 1, 1, []).mei).iter(f"{MEI}note")}
    assert names == set("abcdeg"), "D sharp and G sharp, and neither E flat nor A flat"


# --- layout -----------------------------------------------------------------------------------------------


def staves(score):
    root = ET.fromstring(write_mei(score, 1, bars_of(score), []).mei)
    return [(d.get("clef.shape"), d.get("clef.dis")) for d in root.iter(f"{MEI}staffDef")]


def test_voices_share_staves_as_choirs_do():
    assert staves(CHORALE) == [("G", None), ("F", None)]
    assert staves(tune([72, 74, 76])) == [("G", None)]
    assert staves(tune([40, 43, 45])) == [("F", None)]
    assert staves(tune([96, 98, 103])) == [("G", "15")]
    assert staves(tune([22, 25])) == [("F", "15")]
    assert len(staves(Score([(0, 1, 60 + v, v) for v in range(16)]))) == 16
    assert len(staves(Score([(0, 1, 70, 0), (0, 1, 72, 1), (0, 1, 74, 2)]))) == 3  # three trebles do not fit on two staves
    piano = Score([(0, 2, p) for p in (36, 43, 64, 67, 72)] + [(2, 2, p) for p in (41, 45, 65, 69)])
    assert staves(piano) == [("G", None), ("F", None)]


def test_short_notes_of_a_beat_are_beamed():
    def beams(score):
        root = ET.fromstring(write_mei(score, 1, bars_of(score), []).mei)
        return [len(beam.findall(f"{MEI}note")) for beam in root.iter(f"{MEI}beam")]

    assert beams(tune([60] * 8, 0.5)) == [2, 2, 2, 2]
    assert beams(tune([60] * 8, 0.25)) == [4, 4]
    assert beams(tune([60] * 6, 0.5, time_signature=(6, 8))) == [3, 3]
    assert beams(tune([60] * 3, 1 / 3)) == [3]
    assert beams(tune([60] * 7, 0.5, time_signature=(7, 8))) == [2, 2, 2]
    assert beams(tune([60] * 9, 0.25, time_signature=(9, 16))) == [3, 3, 3]
    assert beams(tune([60] * 4, 1.0)) == []


def test_long_notes_are_tied_over_bar_lines_and_plain_within():
    def values(score):
        notes = ET.fromstring(write_mei(score, 1, bars_of(score), []).mei).iter(f"{MEI}note")
        return [(n.get("dur"), n.get("dots"), n.get("tie")) for n in notes]

    assert values(Score([(0, 4, 60)])) == [("1", None, None)]
    assert values(Score([(0, 3, 60)])) == [("2", "1", None)]
    assert values(Score([(3, 2, 60)])) == [("4", None, "i"), ("4", None, "t")]
    assert values(Score([(0.5, 1, 60)])) == [("4", None, None)]  # the plain syncopation
    assert values(Score([(1.5, 1, 60)])) == [("8", None, "i"), ("8", None, "t")]  # the middle of the bar stays visible
    assert values(Score([(0, 3, 60)], time_signature=(6, 8))) == [("2", "1", None)]
    assert values(Score([(0, 2, 60)], time_signature=(6, 8))) == [("4", "1", "i"), ("8", None, "t")]


def test_rests_keep_the_beats_visible():
    def rests(score):
        root = ET.fromstring(write_mei(score, 1, 1, []).mei)
        return [(r.get("dur"), r.get("dots")) for r in root.iter(f"{MEI}rest")]

    assert rests(Score([(3, 1, 60)])) == [("2", None), ("4", None)]
    assert rests(Score([(0, 1, 60)])) == [("4", None), ("2", None)]
    assert rests(Score([(2, 1, 60)], time_signature=(3, 4))) == [("4", None), ("4", None)]
    assert rests(Score([(0, 0.5, 60), (1.5, 0.5, 60)], time_signature=(2, 4))) == [("8", None), ("8", None)]
    assert rests(Score([(1.5, 1.5, 60)], time_signature=(6, 8))) == [("4", "1")]


def test_only_the_end_of_the_piece_has_a_final_bar_line():
    assert 'right="end"' not in write_mei(CHORALE, 1, 5, []).mei
    assert write_mei(CHORALE, 18, 20, []).mei.count('right="end"') == 1


def test_the_upper_of_two_lines_in_one_voice_stands_first():
    held = Score([(0, 4, 64), (0, 1, 72), (1, 1, 74), (2, 1, 76), (3, 1, 77)])
    layers = list(ET.fromstring(write_mei(held, 1, 1, []).mei).iter(f"{MEI}layer"))
    assert [len(layer.findall(f".//{MEI}note")) for layer in layers] == [4, 1], "so that its stems go up"
    later = Score([*held.notes.tolist(), (4, 1, 72), (5, 3, 71)])
    second = list(ET.fromstring(write_mei(later, 1, 2, []).mei).iter(f"{MEI}measure"))[1]
    assert len(list(second.iter(f"{MEI}layer"))) == 1 and not list(second.iter(f"{MEI}mRest")), "and the bar after has one line"


@pytest.mark.parametrize(
    "rows",
    [
        [(0, 1 / 16, 60), (1 / 6, 1 / 6, 62), (0.5, 0.5, 64)],  # a 64th and a triplet in one beat
        [(0, 1 / 16, 60), (1 / 16, 1 / 3 - 1 / 16, 62), (1 / 3, 2 / 3, 64)],
        [(0, 1, 60), (1, 1, 62), (2, 1, 64), (3.93, 0.06, 72)],  # one that is moved over the last bar line
    ],
)
def test_what_cannot_be_written_exactly_is_moved_counted_and_never_lost(rows):
    score = Score(rows)
    written = write_mei(score, 1, bars_of(score), [])
    root = ET.fromstring(written.mei)
    assert written.moved >= 1 and len(root.findall(f".//{MEI}note")) >= len(rows)
    for layer in root.iter(f"{MEI}layer"):
        assert layer[0].tag == f"{MEI}mRest" or sum(map(lengths, layer)) == 4


def test_long_emptiness_and_many_bars_make_no_endless_page():
    assert "Shown: bars 1 to" in show.notation(Score([(0, 1, 60), (30000, 1, 62)])).text
    many = Score([(4 * b, 4, 80 - 3 * (b % 16), b % 16) for b in range(300)])
    assert len(show.notation(many).svg) < 100_000
    with pytest.raises(ValueError, match="at most 62 bars"):
        show.notation(many, bars=(1, 300))
    for bars in (3, "ab", (1.5, 2), (1, 2, 3)):
        with pytest.raises(ValueError, match="two whole numbers"):
            show.notation(CHORALE, bars=bars)


# --- the picture ------------------------------------------------------------------------------------------


def test_the_picture_holds_title_key_metre_voices_and_words():
    engraving = show.notation(CHORALE, labels=["soprano", "alto", "tenor", "bass"])
    texts = [element.text for element in ET.fromstring(engraving.svg).iter("{http://www.w3.org/2000/svg}text")]
    assert {"Four voices", "G major · 4/4 · ♩ = 120", "soprano", "alto", "tenor", "bass"} <= set(texts)
    assert engraving.text.startswith("Staff notation on 2 staves, with 1 sharp at the clef. Four voices: 320 notes in 20 bars")
    bundle = engraving._repr_mimebundle_()
    assert bundle["text/plain"] == engraving.text == repr(engraving)
    assert 'role="img" aria-label="Staff notation' in bundle["text/html"]
    assert ET.fromstring(engraving.svg).find("{http://www.w3.org/2000/svg}rect").get("fill") == "#ffffff", "white paper"


def test_every_notehead_of_the_score_is_drawn():
    engraving = show.notation(tune([60, 62, 64, 65], 1.0))
    uses = Counter(u.get("href")[1:] for u in ET.fromstring(engraving.svg).iter("{http://www.w3.org/2000/svg}use"))
    assert uses["E0A4"] == 4  # SMuFL's name of a black notehead


@pytest.mark.parametrize("path", ["tunes/greensleeves.abc", "music.mid"])
def test_places_run_through_the_piece_from_left_to_right_and_line_to_line(path):
    score = read_score(DATA / path)
    engraving = show.notation(score, bars=(1, 16))
    onsets = [place.onset for place in engraving.places]
    assert onsets == sorted(set(onsets)) and onsets[0] == 0 and onsets[-1] == 16 * score.bar_length
    played = score.notes["onset"][score.notes["onset"] < 16 * score.bar_length]
    assert set(np.round(played, 6)) <= set(np.round(onsets, 6)), "each note has a place"
    for before, after in zip(engraving.places, engraving.places[1:], strict=False):
        assert after.x > before.x if after.top == before.top else after.top > before.bottom
    assert all(0 < p.x <= engraving.width and 0 < p.top < p.bottom <= engraving.height for p in engraving.places)


def test_a_long_piece_is_shown_in_part_and_says_so():
    long = tune([60 + i % 20 for i in range(2400)], 0.25, title="Five minutes")
    started = time.perf_counter()
    engraving = show.notation(long)
    assert time.perf_counter() - started < 5
    assert re.search(r"Shown: bars 1 to \d+ of 150\.", engraving.text) and re.search(r"bars 1 to \d+ of 150", engraving.svg)
    assert len(engraving.svg) < 60_000
    assert "Shown: bars 149 to 150 of 150." in show.notation(long, bars=(149, 150)).text


@pytest.mark.parametrize("bars", [(0, 1), (2, 1), (1, 99)])
def test_bars_that_are_not_there_are_refused(bars):
    with pytest.raises(ValueError, match=r"from 1 to 20"):
        show.notation(CHORALE, bars=bars)


def test_labels_must_match():
    with pytest.raises(ValueError, match="list of 4 names"):
        show.notation(CHORALE, labels=["one"])


def test_silence_one_note_sixteen_voices_and_extreme_pitches():
    assert "no notes" in show.notation(Score([])).text
    assert "1 note" in show.notation(Score([(0, 1, 60)])).text
    assert "on 16 staves" in show.notation(Score([(0, 1, 30 + 5 * v, v) for v in range(16)])).text
    assert "from C-1 to G9" in show.notation(Score([(0, 1, 0), (1, 1, 127)])).text


def test_titles_from_files_do_no_harm():
    title = "<script>&\"'</script>\x00\x1b"
    svg = show.notation(Score([(0, 1, 60)], title=title)).svg
    texts = [element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert "<script>&\"'</script>" in texts


PROGRAM = """
import hashlib, json, sys
from musiclab import read_score, show
digest = lambda path: hashlib.sha256(show.notation(read_score(path)).svg.encode()).hexdigest()
print(json.dumps([digest(path) for path in sys.argv[1:]]))
"""
FILES = [str(DATA / "music.mid"), str(DATA / "tunes/greensleeves.abc")]


def test_notation_is_the_same_in_every_process():
    run = subprocess.run([sys.executable, "-c", PROGRAM, *FILES], capture_output=True, text=True, check=True, timeout=120)
    here = [hashlib.sha256(show.notation(read_score(path)).svg.encode()).hexdigest() for path in FILES]
    assert json.loads(run.stdout) == here
    assert [hashlib.sha256(show.notation(read_score(path)).svg.encode()).hexdigest() for path in FILES] == here


def test_notation_in_the_thread_of_a_callback():
    found = {}
    threads = [threading.Thread(target=lambda k=k: found.update({k: show.notation(CHORALE).svg})) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found.values()) == {show.notation(CHORALE).svg} and len(found) == 3


def test_twenty_bars_of_four_voices_are_quick_and_small():
    show.notation(CHORALE)
    seconds = []
    for _ in range(3):
        started = time.process_time()
        engraving = show.notation(CHORALE)
        seconds.append(time.process_time() - started)
    assert min(seconds) < 0.4
    assert len(engraving.svg) < 50_000
