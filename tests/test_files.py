"""Reading and writing: what comes back is what was written, and no file does harm."""

import os
import random
import struct
import subprocess
import sys
import threading
import time
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musiclab import files, formats, reader
from musiclab.corpus import load_folder
from musiclab.files import (
    MusicFileError,
    from_music21,
    inspect_file,
    read_score,
    read_scores,
    scores_from_abc,
    to_music21,
    write_midi,
    write_musicxml,
)
from musiclab.score import Score

# --- files made by hand, byte by byte ------------------------------------------------------------------


def vlq(number):
    """Write a number as MIDI does: seven bits a byte, all but the last marked."""
    parts = [number & 127]
    while number := number >> 7:
        parts.append(128 | number & 127)
    return bytes(reversed(parts))


def track(*events):
    """Make a track chunk of (ticks since the last event, bytes)."""
    data = b"".join(vlq(delta) + event for delta, event in events) + b"\0\xff\x2f\0"
    return b"MTrk" + struct.pack(">I", len(data)) + data


def midi(*tracks, kind=1, division=480):
    return b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), division) + b"".join(tracks)


def on(pitch, velocity=80, channel=0):
    return bytes([0x90 | channel, pitch, velocity])


def off(pitch, channel=0):
    return bytes([0x80 | channel, pitch, 0])


def note(pitch, ticks=480, channel=0):
    return (0, on(pitch, channel=channel)), (ticks, off(pitch, channel))


def meta(kind, *data):
    return bytes([0xFF, kind, len(data), *data])


def name(text):
    return meta(3, *text.encode())


XML_NOTE = "<note><pitch><step>C</step><octave>4</octave></pitch><duration>2</duration><voice>1</voice></note>"


def musicxml(notes, attributes="", before=""):
    """Make a one-part MusicXML text; `notes` is a bar, or a list of bars."""
    bars = [notes] if isinstance(notes, str) else notes
    head = f"<attributes><divisions>2</divisions><time><beats>4</beats><beat-type>4</beat-type></time>{attributes}</attributes>"
    body = "".join(f'<measure number="{n}">{head if n == 1 else ""}{bar}</measure>' for n, bar in enumerate(bars, 1))
    parts = '<part-list><score-part id="P1"><part-name>x</part-name></score-part></part-list>'
    start = f'<?xml version="1.0" encoding="UTF-8"?>{before}<score-partwise version="3.1">'
    return f'{start}<movement-title>Air</movement-title>{parts}<part id="P1">{body}</part></score-partwise>'


ABC = "X:1\nT:Air\nM:4/4\nL:1/4\nQ:1/4=90\nK:G\nD | GABc | d2 (3def |\n"
KERN = "**kern\t**kern\n*M4/4\t*M4/4\n*k[]\t*k[]\n4C\t4cc\n4D\t4dd\n2E\t2ee\n=2\t=2\n1C\t1cc\n*-\t*-\n"


@pytest.fixture
def put(tmp_path):
    """Write bytes or text to a file in a fresh folder; return its path."""

    def write(data, name="song.mid"):
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return write


def complaint(path, limit=20.0, **options):
    """Return what read_score says is wrong; check what holds for every such message."""
    start = time.monotonic()
    with pytest.raises(MusicFileError) as caught:
        read_score(path, **options)
    assert time.monotonic() - start < limit
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    words = message.removeprefix(f"{path}: ")
    assert words.endswith(".") and 1 <= words.count(". ") + 1 <= 3 and len(words) < 400
    return words


def rows(score):
    return score.notes[["onset", "duration", "pitch", "voice"]].tolist()


def sounding(score):
    """Every note without its voice, in a fixed order."""
    return sorted(score.notes[["onset", "duration", "pitch", "velocity"]].tolist())


# --- import ---------------------------------------------------------------------------------------------


def test_importing_loads_no_library():
    code = "import sys, musiclab.files; print([m for m in ('music21', 'symusic', 'tensorflow', 'keras') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_reading_midi_loads_music21_neither_here_nor_in_the_helper(put):
    code = (
        "import sys; from musiclab import files, reader; files.read_score(sys.argv[1])\n"
        "maps = open(f'/proc/{reader._helper.process.pid}/maps').read() if sys.platform == 'linux' else ''\n"
        "print('music21' in sys.modules, 'symusic' in sys.modules, 'matplotlib' in maps)"
    )
    path = put(midi(track(*note(60))))
    assert subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True).stdout.split() == ["False"] * 3


# --- MIDI, read ------------------------------------------------------------------------------------------


def test_midi_words_and_notes(put):
    signs = (0, meta(0x51, 9, 0x27, 0xC0)), (0, meta(0x58, 6, 3, 24, 8)), (0, meta(0x59, 0xFD, 1))
    head = track((0, name("A title")), *signs, (480, name("x")))
    path = put(midi(head, track((0, name("left")), *note(48, 960)), track((0, name("right")), (240, on(72, 99)), (240, off(72)))))
    before = path.read_bytes()
    score = read_score(path)
    assert (score.title, score.tempo, score.time_signature, score.key) == ("A title", 100.0, (6, 8), "C minor")
    assert score.notes.tolist() == [(0.0, 2.0, 48, 1, 80), (0.5, 0.5, 72, 0, 99)]  # the higher track is voice 0
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", [0, 1])
def test_midi_channels_that_sound_together_are_voices(put, kind):
    both = track((0, on(60)), (0, on(72, channel=1)), (480, off(60)), (0, off(72, 1)))
    assert rows(read_score(put(midi(both, kind=kind)))) == [(0.0, 1.0, 72, 0), (0.0, 1.0, 60, 1)]


def test_midi_change_of_instrument_keeps_the_voice(put):
    score = read_score(put(midi(track((0, b"\xc0\x00"), *note(60), (0, b"\xc0\x28"), *note(62), (0, b"\xc0\x01"), *note(64)))))
    assert score.voices == (0,) and len(score) == 3


def test_midi_drums_are_left_out_unless_asked_for(put):
    path = put(midi(track(*note(60)), track(*note(38, channel=9))))
    assert read_score(path).notes["pitch"].tolist() == [60]
    assert read_score(path, drums=True).notes["pitch"].tolist() == [60, 38]


def test_midi_repairs(put):
    overlapping = track((0, on(60)), (240, on(60)), (240, off(60)), (240, off(60)))
    no_length = track((0, on(70)), (0, off(70)), (480, on(72)), (480, off(72)))
    never_off = track((0, on(80)), *note(50))
    assert rows(read_score(put(midi(overlapping)))) == [(0.0, 0.5, 60, 0), (0.5, 1.0, 60, 0)]
    assert rows(read_score(put(midi(no_length)))) == [(0.0, 0.125, 70, 0), (1.0, 1.0, 72, 0)]
    assert rows(read_score(put(midi(never_off)))) == [(0.0, 1.0, 50, 0)]


def test_midi_impossible_words_are_passed_over(put):
    keys = (0, meta(0x59, 85, 7)), (0, meta(0x59, 9, 0))
    meters = (0, meta(0x58, 0, 2, 24, 8)), (0, meta(0x58, 4, 255, 24, 8))
    bad = *keys, *meters, (0, meta(0x51, 0, 0, 0))
    assert read_score(put(midi(track(*bad, *note(60))))) == Score([(0, 1, 60)])
    good = (0, meta(0x59, 2, 0)), (0, meta(0x58, 3, 2, 24, 8)), (0, meta(0x51, 15, 66, 64))
    expected = Score([(0, 1, 60)], tempo=60, time_signature=(3, 4), key="D major")
    assert read_score(put(midi(track(*bad, *good, *note(60))))) == expected


def test_midi_upbeat_written_as_a_short_bar(put):
    signs = track((0, meta(0x58, 1, 3, 24, 8)), (240, meta(0x58, 3, 3, 24, 8)))
    score = read_score(put(midi(signs, track(*note(76, 240), *note(75, 720)))))
    assert score.time_signature == (3, 8) and rows(score) == [(1.0, 0.5, 76, 0), (1.5, 1.5, 75, 0)]


def test_midi_type_2_holds_several_pieces(put):
    path = put(midi(track((0, name("one")), *note(60)), track((0, name("none"))), track((0, name("two")), *note(62)), kind=2))
    assert [(s.title, s.notes["pitch"].tolist()) for s in read_scores(path)] == [("one", [60]), ("two", [62])]
    assert "holds 2 pieces" in complaint(path) and "read_scores" in complaint(path)
    assert len(read_score(put(midi(track(*note(60)), kind=2)))) == 1


def test_midi_in_film_frames(put):
    """25 frames of 40 ticks are a second, which is two quarter notes."""
    path = put(midi(track((0, meta(0x51, 9, 0x27, 0xC0)), (1000, on(60)), (500, off(60))), division=0x10000 - 25 * 256 + 40))
    assert read_score(path) == Score([(2, 1, 60)])


def test_midi_in_a_wrapper_and_with_unknown_chunks(put):
    data = midi(track(*note(60)))
    odd = data[:14] + b"XFIH" + struct.pack(">I", 3) + b"abc" + data[14:] + b"\0"
    riff = b"RIFF" + struct.pack("<I", len(odd) + 12) + b"RMIDdata" + struct.pack("<I", len(odd)) + odd
    for content in (odd, riff, bytes(128) + odd):
        assert rows(read_score(put(content))) == [(0.0, 1.0, 60, 0)]


# --- notation, read ---------------------------------------------------------------------------------------


def test_content_decides_not_the_name(put):
    assert read_score(put(ABC, "tune.mid")).title == "Air"
    assert len(read_score(put(midi(track(*note(60))), "tune.txt"))) == 1
    assert len(read_score(put(musicxml(XML_NOTE), "tune.abc"))) == 1


def test_every_suffix_is_read(put):
    kinds = {".abc": ABC, ".krn": KERN, ".xml": musicxml(XML_NOTE), ".musicxml": musicxml(XML_NOTE)}
    for suffix in set(files.SUFFIXES) - {".mxl"}:
        assert suffix == suffix.lower()
        assert len(read_score(put(kinds.get(suffix, midi(track(*note(60)))), f"tune{suffix}")))


def test_musicxml(put):
    path = put(musicxml([XML_NOTE, XML_NOTE * 4]), "air.musicxml")
    score = read_score(path)
    assert score.title == "Air" and score.notes["onset"].tolist() == [3, 4, 5, 6, 7]  # an upbeat of one beat
    assert read_score(put(musicxml(XML_NOTE * 2), "short.xml")).notes["onset"].tolist() == [0, 1]  # an unfinished bar is none
    assert len(read_score(put(musicxml(XML_NOTE).replace("UTF-8", "UTF-16").encode("utf-16"), "wide.xml"))) == 1


def test_mxl(put, tmp_path):
    path = tmp_path / "air.mxl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/container.xml", "<container/>")
        archive.writestr("score.xml", musicxml(XML_NOTE))
    assert len(read_score(path)) == 1


def test_musicxml_two_voices_on_a_staff(put):
    long = "<backup><duration>8</duration></backup>" + XML_NOTE.replace("<duration>2", "<duration>8").replace(">1<", ">2<")
    low = long.replace("<octave>4", "<octave>3")
    assert rows(read_score(put(musicxml(XML_NOTE * 4 + low), "a.xml"))) == [
        *[(0.0, 1.0, 60, 0), (0.0, 4.0, 48, 0)],
        *[(float(beat), 1.0, 60, 0) for beat in (1, 2, 3)],
    ]
    unison = read_score(put(musicxml(XML_NOTE * 4 + long), "b.xml"))  # the same pitch in both: no pitch sounds twice
    assert rows(unison) == [(float(beat), 1.0, 60, 0) for beat in range(4)]


def test_musicxml_sounding_pitch_and_unpitched_notes(put):
    transposed = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    assert read_score(put(musicxml(XML_NOTE, transposed), "clarinet.xml")).notes["pitch"].tolist() == [58]
    drum = "<unpitched><display-step>C</display-step><display-octave>4</display-octave></unpitched><duration>2</duration></note>"
    assert len(read_score(put(musicxml(XML_NOTE + f"<note>{drum}<note><chord/>{drum}"), "drum.xml"))) == 1


def test_abc(put):
    score = read_score(put(ABC, "air.abc"))
    assert (score.title, score.tempo, score.time_signature, score.key) == ("Air", 90.0, (4, 4), "G major")
    third = 2 / 3
    assert score.notes["onset"].tolist() == [3, 4, 5, 6, 7, 8, 10, 10 + third, 11 + 1 / 3]  # upbeat and triplet
    assert score.notes["duration"].tolist() == [1, 1, 1, 1, 1, 2, third, third, third]


def test_abc_collection(put):
    both = put("M:4/4\nL:1/4\nsome words\n\nX:1\nT:One\nK:C\nCDEF|\n\nX:1\nT:Two\nK:C\nGABc|\n", "both.abc")
    assert [score.title for score in read_scores(both)] == ["One", "Two"]  # although they share a number
    assert [len(score) for score in read_scores(both)] == [4, 4]
    assert "holds 2 pieces" in complaint(both) and "load_folder" in complaint(both)


def test_abc_voices_sound_together():
    (tune,) = scores_from_abc("X:1\nM:4/4\nL:1/4\nV:1\nV:2\nK:C\nV:1\nc2 d2|\nV:2\nCDEF|\nV:1\ne4|\nV:2\nC4|\n")
    assert rows(tune.voice(0)) == [(0.0, 2.0, 72, 0), (2.0, 2.0, 74, 0), (4.0, 4.0, 76, 0)]
    assert tune.voice(1).notes["onset"].tolist() == [0, 1, 2, 3, 4]


def test_abc_keys_with_the_same_signature_keep_their_names():
    one_sharp = {
        "G": "G major",
        "Em": "E minor",
        "Ador": "A dorian",
        "Dmix": "D mixolydian",
        "BPhr": "B phrygian",
        "CLyd": "C lydian",
    }
    tunes = scores_from_abc("\n".join(f"X:1\nM:4/4\nL:1/4\nK:{key}\nFGAB|\n" for key in one_sharp))
    assert [tune.key for tune in tunes] == list(one_sharp.values())
    assert all(tune.notes["pitch"].tolist() == [66, 67, 69, 71] for tune in tunes)
    (pipes,) = scores_from_abc("X:1\nM:4/4\nL:1/4\nK:HP\nFGAB|\n")  # bagpipes: sharps, but no mode
    assert pipes.key is None


BROKEN = "\nX:2\nT:Broken\nL:1/4\nK:C\nC/0 D|\n\n"


def test_abc_names_the_broken_tune(put):
    with pytest.raises(ValueError, match=r"tune 2 \(Broken\)"):
        scores_from_abc(ABC + BROKEN)
    assert "tune 1 (Broken) breaks the rules of ABC" in complaint(put(BROKEN.strip(), "one.abc"))


def test_a_broken_tune_does_not_take_the_book_with_it(put):
    path = put(ABC + BROKEN + ABC.replace("Air", "Song"), "book.abc")
    with pytest.warns(UserWarning, match=r"book\.abc: tune 2 \(Broken\) breaks the rules") as told:
        scores = read_scores(path)
    assert [score.title for score in scores] == ["Air", "Song"] and len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read_scores(put(ABC, "air.abc"))) == 1


def test_a_folder_keeps_the_tunes_of_a_book_that_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tunes").mkdir()
    (tmp_path / "tunes" / "book.abc").write_text(ABC + BROKEN + ABC.replace("Air", "Song"))
    with pytest.warns(UserWarning, match="Broken"):
        corpus = load_folder(tmp_path / "tunes", jobs=1, progress=False)
    assert [score.title for score in corpus] == ["Air", "Song"]


@pytest.mark.parametrize(
    ("inline", "lines"),
    [
        ("FG[K:D]FG|[K:C]FGAB|", "FG\nK:D\nFG|\nK:C\nFGAB|"),
        ("FGAB|[L:1/8]FGABcdef|", "FGAB|\nL:1/8\nFGABcdef|"),
        ("FGAB|[M:3/4]FGA|", "FGAB|\nM:3/4\nFGA|"),
        ("[V:1]FGAB|\n[V:2]C2D2|\n[V: 1 ]c4|", "V:1\nFGAB|\nV:2\nC2D2|\nV:1\nc4|"),
        ("FG[r:a breve]AB|[P:B]FGAB|", "FGAB|FGAB|"),
    ],
)
def test_an_abc_field_within_a_line_is_one_of_its_own(put, inline, lines):
    head = "X:1\nT:A [K:E] title\nM:4/4\nL:1/4\nK:C\n"
    (found, facts), (expected, other) = (inspect_file(put(head + body + "\n", "a.abc")) for body in (inline, lines))
    assert found == expected and facts == other and found[0].title == "A [K:E] title"


def test_the_corpora_pass_over_fields_within_a_line():
    (tune,) = scores_from_abc("X:1\nM:4/4\nL:1/4\nK:C\nFG[K:D]FG|\n", carry=False)
    assert tune.notes["pitch"].tolist() == [65, 67, 65, 67]


def test_abc_overlays_are_refused_and_ampersands_in_words_are_not(put):
    head = "X:1\nT:Salt & Pepper\nM:4/4\nL:1/4\nK:C\n"
    said = complaint(put(head + "CDEF & G4|\n", "overlay.abc"))
    assert "tune 1 (Salt & Pepper) has bar overlays (&)" in said and "V:" in said
    words = '"A&B"CDEF|!x&y!C4| % and & again\nw: you & me\n'
    assert len(read_score(put(head + words, "words.abc"))) == 5


def test_abc_without_a_key_line(put):
    said = complaint(put("X:1\nT:Plain\nCDEF|\n", "plain.abc"))
    assert "tune 1 (Plain) has no K: line" in said and "Exception" not in said and "Error" not in said


@pytest.mark.parametrize(
    ("written", "key", "unread"),
    [
        ("D", "D major", []),
        ("Bb", "B- major", []),
        ("F#m % sad", "F# minor", []),
        ("D clef=treble", "D major", []),
        ("Am bass", "A minor", []),
        ("clef=bass", None, []),
        ("none", None, []),
        ("HP", None, []),
        ("H dur", None, ["H dur"]),
        ("Es dur", None, ["Es dur"]),
        ("D exp ^f", None, ["D exp ^f"]),
        ("Blocrian", None, ["Blocrian"]),
    ],
)
def test_abc_keys_are_understood_or_said_not_to_be(put, written, key, unread):
    (score,), facts = inspect_file(put(f"X:1\nM:4/4\nL:1/4\nK:{written}\nFGAB|\nK:clef=alto\nFGAB|\n", "a.abc"))
    assert score.key == key and facts["unread_keys"] == unread
    assert score.notes["pitch"][:4].tolist() == score.notes["pitch"][4:].tolist(), "another clef is no other key"


@pytest.mark.parametrize(
    ("body", "bars"),
    [
        ("C D E | F G A | B c d |", (0, 3)),
        ("C | D E F | G A |", (0, 3)),  # an upbeat and what is left of the last bar
        ("C D E F | G A B c |", (2, 2)),
        ("C D E | F G | A B c | d e f |", (1, 4)),
        ("C |: D E F | G A :|: B | c d e | f g :|", (0, 6)),  # upbeats within
        ("C D E |[M:4/4] F G A B | c d e f |", (0, 3)),
        ("V:1\nC D E | F G A |\nV:2\nC3 D | C3 |", (0, 2)),
    ],
)
def test_bars_of_another_length_than_the_metre_are_counted(put, body, bars):
    _, facts = inspect_file(put(f"X:1\nM:3/4\nL:1/4\nK:C\n{body}\n", "a.abc"))
    assert facts["bars"] == list(bars)


@pytest.mark.parametrize(("notes", "odd"), [((4, 4, 4), 0), ((2, 4, 2), 0), ((4, 3, 4), 1), ((5, 4, 5), 2)])
def test_bars_of_musicxml_are_counted_too(put, notes, odd):
    _, facts = inspect_file(put(musicxml([XML_NOTE * number for number in notes]), "a.musicxml"))
    assert facts["bars"] == [odd, 3]


def test_what_is_cut_short_counts_its_bytes(put):
    whole = midi(track(*note(60)))
    assert "1 byte of track 1 is missing" in complaint(put(whole[:-1]))
    assert "2 bytes of track 1 are missing" in complaint(put(whole[:-2]))


def test_drums_alone_say_how_to_keep_them(put):
    assert "read_score(path, drums=True)" in complaint(put(midi(track(*note(38, channel=9)))))


def test_abc_agrees_with_music21s_own_streams():
    from music21 import abcFormat, corpus
    from music21.abcFormat.translate import abcToStreamScore

    paths = [path for path in corpus.getCorePaths() if path.suffix == ".abc" and "ryans" in str(path)]
    for path in random.Random(4).sample(sorted(paths), 12):
        handler = abcFormat.ABCHandler(abcVersion=(2, 1, 0))
        handler.abcDirectives["propagate-accidentals"] = "octave"
        handler.process(path.read_text(encoding="utf-8"))
        (mine,), oracle = scores_from_abc(path.read_text(encoding="utf-8")), from_music21(abcToStreamScore(handler))
        assert mine.notes["pitch"].tolist() == oracle.notes["pitch"].tolist(), path
        np.testing.assert_allclose(mine.notes["onset"], oracle.notes["onset"], atol=1e-9, err_msg=str(path))
        np.testing.assert_allclose(mine.notes["duration"], oracle.notes["duration"], atol=1e-9, err_msg=str(path))


@pytest.mark.parametrize(
    ("notes", "pitches"),
    [
        ("^F F | F", [66, 66, 65]),  # to the end of the bar
        ("^F =F F", [66, 65, 65]),  # until it is taken back
        ("^F f F", [66, 77, 66]),  # in its octave
        ("^F G F G", [66, 67, 66, 67]),
    ],
)
def test_abc_carries_an_accidental_through_its_bar(notes, pitches):
    (tune,) = scores_from_abc(f"X:1\nM:4/4\nL:1/4\nK:C\n{notes} |\n")
    assert tune.notes["pitch"].tolist() == pitches


def test_abc_read_to_the_letter_carries_none():
    (tune,) = scores_from_abc("X:1\nM:4/4\nL:1/4\nK:C\n^F F |\n", carry=False)
    assert tune.notes["pitch"].tolist() == [66, 65]


def test_an_abc_files_own_directive_wins():
    (tune,) = scores_from_abc("%%propagate-accidentals not\nX:1\nM:4/4\nL:1/4\nK:C\n^F F |\n")
    assert tune.notes["pitch"].tolist() == [66, 65]


def test_kern_is_read_from_the_top(put):
    score = read_score(put(KERN, "air.krn"))
    assert score.voice(0).notes["pitch"].tolist() == [72, 74, 76, 72]
    assert score.voice(1).notes["pitch"].tolist() == [48, 50, 52, 48]


# --- bad input --------------------------------------------------------------------------------------------


def sysex(size):
    return b"\xf0" + vlq(size) + bytes(size)


BAD = {
    "empty.mid": (b"", "is empty"),
    "cut.mid": (midi(track(*note(60)))[:-6], "is cut short"),
    "header.mid": (b"MThd\0\0\0\6\0\1", "ends within"),
    "words.mid": (b"this is not music", "does not begin like it"),
    "words.txt": (b"this is not music", "is no MIDI, MusicXML, ABC or kern"),
    "zeros.bin": (bytes(1000), "is no MIDI"),
    "song.mp3": (b"ID3\3" + bytes(100), "is an MP3 recording"),
    "song.pdf": (b"%PDF-1.7", "is a PDF"),
    "silent.mid": (midi(track((0, name("nothing")))), "holds no notes"),
    "trackless.mid": (midi(), "holds no notes"),
    "drums.mid": (midi(track(*note(38, channel=9))), "holds drums only"),
    "type3.mid": (midi(track(*note(60)), kind=3), "damaged MIDI header"),
    "zero-ticks.mid": (midi(track(*note(60)), division=0), "quarter note has 0 ticks"),
    "negative-ticks.mid": (midi(track(*note(60)), division=0xFFFF), "quarter note has -1 ticks"),
    "status.mid": (midi(track((0, b"\xf4"), *note(60))), "is damaged in track 1"),
    "late.mid": (midi(track((10**7, on(60)), (1, off(60))), division=1), "begins at beat 10,000,000"),
    "endless.mid": (midi(track((0, on(60)), (10**7, off(60))), division=1), "lasts until beat 10,000,000"),
    "overflow.mid": (midi(track(*[(2**28 - 1, on(60)), (1, off(60))] * 9)), "note"),
    "sysex.mid": (midi(track((0, sysex(20_000_000)))), "holds no notes"),
    "entities.musicxml": (
        musicxml("&lol9;", before='<!DOCTYPE x [<!ENTITY lol "lol"><!ENTITY lol9 "&lol;&lol;">]>').encode(),
        "defines XML entities",
    ),
    "page.xml": (b"<html><body>not found</body></html>", "no MusicXML score (it is <html>)"),
    "timewise.xml": (musicxml(XML_NOTE).replace("partwise", "timewise").encode(), "partwise"),
    "cut.musicxml": (musicxml(XML_NOTE)[:-40].encode(), "damaged or cut short as XML"),
    "rest.musicxml": (musicxml("<note><rest/><duration>8</duration></note>").encode(), "holds no notes"),
    "divisions.musicxml": (musicxml(XML_NOTE).replace("<divisions>2", "<divisions>0").encode(), "rules of its format"),
    "forever.musicxml": (musicxml(XML_NOTE.replace("<duration>2", "<duration>1e99")).encode(), "lasts until beat"),
    "broken.mxl": (b"PK\3\4 not a zip", "damaged zip"),
    "nothing.abc": (b"X:1\nT:Nothing\nK:C\n", "holds no notes"),
    "zero.abc": (b"X:1\nL:1/0\nK:C\nCDE|", "breaks the rules of ABC"),
    "forever.abc": (b"X:1\nL:1/4\nK:C\nC99999999|", "lasts until beat"),
    "nothing.krn": (b"**kern\n*-\n", ""),
    "nonsense.krn": (b"\x01\x02 no kern at all\n", ""),
}


@pytest.mark.parametrize("filename", BAD)
def test_bad_file(put, filename):
    data, words = BAD[filename]
    path = put(data, filename)
    assert words in complaint(path, limit=5)
    assert path.read_bytes() == data


def test_20_mb_of_sysex_before_a_note(put):
    start = time.monotonic()
    assert len(read_score(put(midi(track((0, sysex(20_000_000)), *note(60)))))) == 1
    assert time.monotonic() - start < 5


def test_bad_places(tmp_path):
    assert "does not exist" in complaint(tmp_path / "none.mid", limit=1)
    assert "is a folder" in complaint(tmp_path, limit=1)
    assert "does not exist" in complaint("nul\0l.mid", limit=1)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.mid")
        assert "not an ordinary file" in complaint(tmp_path / "pipe.mid", limit=1)
        assert "not an ordinary file" in complaint("/dev/zero", limit=1)
    (tmp_path / "loop.mid").symlink_to("loop.mid")
    assert "does not exist" in complaint(tmp_path / "loop.mid", limit=1)


def test_too_large_is_said_before_reading(tmp_path):
    with open(tmp_path / "vast.mid", "wb") as file:
        file.write(b"MThd")
        file.truncate(10 * 2**30)  # takes no space
    assert "10,240 MB" in complaint(tmp_path / "vast.mid", limit=1)


def test_too_many_notes(put):
    path = put(midi(track(*[event for _ in range(40) for event in note(60)])))
    assert "max_notes=40" in complaint(path, max_notes=39)
    assert len(read_score(path, max_notes=40)) == 40
    assert "too many" in complaint(put(musicxml(XML_NOTE * 100), "many.xml"), max_notes=39)


def test_four_million_key_strokes(put):
    """A 14 MB file of nothing but notes is counted within the limits, not crashed over."""
    data = (b"\0\x90\x3c\x40" + b"\1\x3c\0") * 2_000_000
    complaint(put(midi(b"MTrk" + struct.pack(">I", len(data)) + data)))


def test_zip_bomb(tmp_path):
    path = tmp_path / "bomb.mxl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open("score.xml", "w") as file:
        for _ in range(200):
            file.write(bytes(2**20))
    assert path.stat().st_size < 2**20
    assert "unpacks to more than" in complaint(path, limit=5)


def test_memory_is_bounded_and_the_next_file_is_read(put, monkeypatch):
    path = put(musicxml(XML_NOTE + '<a b=""/>' * 500_000), "tree.musicxml")
    monkeypatch.setattr(reader, "MEMORY", 100 * 2**20)  # a smaller limit is sooner reached
    reader._drop_helper()
    assert "needs more than 100 MB of memory" in complaint(path)
    assert read_score(put(ABC, "air.abc")).title == "Air"
    reader._drop_helper()


def test_time_is_bounded_and_the_next_file_is_read(put):
    path = put(musicxml(XML_NOTE * 20_000), "slow.musicxml")
    read_score(put(musicxml(XML_NOTE), "quick.musicxml"))
    words = complaint(path, timeout=1, limit=3)
    assert "within 1 seconds" in words and "timeout=" in words
    assert len(read_score(put(musicxml(XML_NOTE), "quick.musicxml"))) == 1


def test_a_part_of_the_time_is_left_for_ending_the_process(put, monkeypatch):
    """It may hold hundreds of megabytes, and whoever waits shall not wait longer than was said."""
    given, ask = [], reader._Helper.ask
    monkeypatch.setattr(reader._Helper, "ask", lambda *words: (given.append(words[-1]), ask(*words))[1])
    assert len(read_score(put(ABC, "air.abc"), timeout=60))
    assert len(given) == 1 and 40 < given[0] <= 55


def test_crash_is_told_and_the_next_file_is_read(put, monkeypatch):
    path, crashes, ask = put(midi(track(*note(60)))), [], reader._Helper.ask

    def crash(helper, *request):
        helper.process.kill()
        helper.process.wait()
        crashes.append(request)
        return ask(helper, *request)

    read_score(path)
    reader._helper.process.kill()  # between two files: nobody notices
    reader._helper.process.wait()
    assert len(read_score(path)) == 1
    monkeypatch.setattr(reader._Helper, "ask", crash)
    assert "crashed" in complaint(path, limit=5)
    assert len(crashes) == 2  # after the first, the blame might have been with what the helper had read before
    monkeypatch.undo()
    assert len(read_score(path)) == 1


# --- the helper process ------------------------------------------------------------------------------------


def test_libraries_of_the_user_do_not_disturb_the_helper(tmp_path):
    """A student's folder may hold random.py or struct.py."""
    for module in ("random", "struct", "json", "symusic"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('wrong module')")
    (tmp_path / "song.mid").write_bytes(midi(track(*note(60))))
    home = str(Path(files.__file__).parent.parent)
    code = f"import sys; sys.path.insert(0, {home!r}); from musiclab import read_score; print(len(read_score('song.mid')))"
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "1", done.stderr


def test_threads_share_one_helper(put):
    paths = [put(midi(track(*note(pitch))), f"{pitch}.mid") for pitch in range(40, 60)]
    found = {}
    threads = [threading.Thread(target=lambda p=p: found.update({p.stem: int(read_score(p).notes["pitch"][0])})) for p in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {str(pitch): pitch for pitch in range(40, 60)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_after_a_fork_each_process_has_its_own_helper(put):
    path = put(midi(track(*note(60))))
    read_score(path)
    mine = reader._helper.process.pid
    child = os.fork()
    if not child:
        try:
            ok = len(read_score(path)) == 1 and reader._helper.process.pid != mine
            reader._drop_helper()
            os._exit(0 if ok else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(read_score(path)) == 1 and reader._helper.process.pid == mine


def test_joblib_workers_read(put):
    from joblib import Parallel, delayed

    paths = [put(midi(track(*note(pitch))), f"{pitch}.mid") for pitch in range(40, 46)]
    assert [len(score) for score in Parallel(n_jobs=2)(delayed(read_score)(path) for path in paths)] == [1] * 6


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"  # Z: ended, and its parent has not asked how
    except OSError:
        return False


def test_the_helper_ends_with_its_program(put):
    code = (
        "import sys; from musiclab import files, reader; files.read_score(sys.argv[1])\n"
        "print(reader._helper.process.pid, flush=True); {}"
    )
    for ending in ("", "import os; os._exit(1)", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"):
        path = put(midi(track(*note(60))))
        done = subprocess.run([sys.executable, "-c", code.format(ending), path], capture_output=True, text=True)
        assert not done.stderr
        deadline = time.monotonic() + 5
        while is_running(int(done.stdout)):
            assert time.monotonic() < deadline
            time.sleep(0.02)


# --- writing --------------------------------------------------------------------------------------------------

onsets = st.integers(0, 4000).map(lambda n: n / 480)
durations = st.integers(1, 2000).map(lambda n: n / 480)
notes = st.tuples(onsets, durations, st.integers(0, 127), st.integers(0, 19), st.integers(1, 127))
keys = st.sampled_from([None, "C major", "B- major", "F# minor", "C- major", "A# minor"])
meters = st.tuples(st.integers(1, 255), st.sampled_from([1, 2, 4, 8, 16, 32, 64]))
titles = st.text(st.characters(categories=["L", "N"]), max_size=90)
scores = st.builds(Score, st.lists(notes, min_size=1, max_size=40), titles, st.integers(4, 1000).map(float), meters, keys).map(
    lambda score: replace(score, notes=formats.repaired(score.notes))
)
in_a_folder = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@in_a_folder
@given(scores)
def test_midi_comes_back_to_the_tick(tmp_path, score):
    back = read_score(write_midi(score, tmp_path / "song.mid", overwrite=True))
    assert sounding(back) == sounding(score)
    assert back._words() == score._words()
    means = [back.voice(voice).notes["pitch"].mean() for voice in back.voices]
    assert means == sorted(means, reverse=True) and back.voices == tuple(range(len(score.voices)))
    assert read_score(write_midi(back, tmp_path / "song.mid", overwrite=True)) == back  # and then stays as it is


@settings(in_a_folder, max_examples=25)
@given(scores)
def test_music21_reads_the_same_midi(tmp_path, score):
    from music21 import midi as m21midi

    file = m21midi.MidiFile()
    file.readstr(write_midi(score, tmp_path / "song.mid", overwrite=True).read_bytes())
    heard = []
    for voice in file.tracks:
        now, open_notes = 0, {}
        for event in voice.events:
            if event.type == "DeltaTime":
                now += event.time
            elif event.isNoteOn():
                open_notes[event.pitch] = now, event.velocity
            elif event.isNoteOff():
                start, velocity = open_notes.pop(event.pitch)
                heard.append((start / 480, (now - start) / 480, event.pitch, velocity))
    assert file.ticksPerQuarterNote == 480
    assert [(t, round(d, 9), p, v) for t, d, p, v in sorted(heard)] == [(t, round(d, 9), p, v) for t, d, p, v in sounding(score)]


grid = st.integers(0, 64).map(lambda n: n / 4)
lengths = st.sampled_from([0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
grid_notes = st.tuples(grid, lengths, st.integers(30, 90), st.integers(0, 3))
common = st.sampled_from([(4, 4), (3, 4), (6, 8), (2, 2), (5, 8)])
grid_keys = st.sampled_from([None, "G major", "C minor"])
melodies = st.lists(grid_notes, min_size=1, max_size=14)
grid_scores = st.builds(Score, melodies, st.just("Air"), st.just(90.0), common, grid_keys).map(
    lambda score: replace(score, notes=formats.repaired(score.notes))
)


@settings(in_a_folder, max_examples=25)
@given(grid_scores)
def test_musicxml_comes_back(tmp_path, score):
    back = read_score(write_musicxml(score, tmp_path / "song.musicxml", overwrite=True))
    assert sorted(rows(back)) == sorted((*row[:3], score.voices.index(row[3])) for row in rows(score))
    assert back._words() == score._words()


def test_music21_and_back():
    score = Score([(0, 1, 60), (0, 1, 64), (1, 3.5, 67), (4.5, 1 / 3, 48, 1)], "Air", 90, (3, 4), "B- major")
    assert rows(from_music21(to_music21(score))) == rows(score)


@pytest.mark.parametrize("write, suffix", [(write_midi, ".mid"), (write_musicxml, ".musicxml")])
def test_writing_never_replaces_unasked(tmp_path, write, suffix):
    score, path = Score([(0, 1, 60)]), tmp_path / f"song{suffix}"
    path.write_text("mine")
    with pytest.raises(MusicFileError, match=r"song\.\w+: exists already. Pass overwrite=True"):
        write(score, path)
    assert path.read_text() == "mine"
    assert write(score, str(path), overwrite=True) == path
    assert len(read_score(path)) == 1
    for wrong, why in (("no/song" + suffix, "no folder"), ("song.mp3", "must end in"), ("song", "must end in")):
        with pytest.raises(MusicFileError, match=why):
            write(score, tmp_path / wrong)
    with pytest.raises(MusicFileError, match="no notes"):
        write(Score([]), tmp_path / f"empty{suffix}")
    (tmp_path / f"folder{suffix}").mkdir()
    for overwrite in (False, True):
        with pytest.raises(MusicFileError):
            write(score, tmp_path / f"folder{suffix}", overwrite=overwrite)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([f"song{suffix}", f"folder{suffix}"])  # nothing left behind


def test_writing_without_links(tmp_path, monkeypatch):
    """A USB stick knows no hard links."""

    def refuse(*_):
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    path = write_midi(Score([(0, 1, 60)]), tmp_path / "song.mid")
    with pytest.raises(MusicFileError, match="exists already"):
        write_midi(Score([(0, 1, 61)]), path)
    assert read_score(path).notes["pitch"].tolist() == [60] and len(list(tmp_path.iterdir())) == 1


def test_only_one_of_many_writers_wins(tmp_path):
    results = []

    def write(pitch):
        try:
            write_midi(Score([(0, 1, pitch)]), tmp_path / "song.mid")
            results.append(pitch)
        except MusicFileError:
            pass

    threads = [threading.Thread(target=write, args=(pitch,)) for pitch in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_score(tmp_path / "song.mid").notes["pitch"].tolist() == results


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_new_file_has_the_users_permissions(tmp_path, overwrite):
    before = os.umask(0o027)
    try:
        files.write_atomically(tmp_path / "new", b"data", overwrite=overwrite)
    finally:
        os.umask(before)
    assert (tmp_path / "new").read_bytes() == b"data"
    if os.name == "posix":
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("broken", [["link"], ["replace"], ["link", "replace"]])
def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch, overwrite, broken):
    def fail(*_):
        raise OSError("no such thing here")

    for step in broken:
        monkeypatch.setattr(os, step, fail)
    fails = "replace" in broken and (overwrite or "link" in broken)
    if fails:
        with pytest.raises(OSError, match="no such thing"):
            files.write_atomically(tmp_path / "new", b"data", overwrite=overwrite)
    else:
        files.write_atomically(tmp_path / "new", b"data", overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ([] if fails else ["new"])


def test_what_midi_cannot_hold(tmp_path):
    for score in (Score([(0, 1, 60)], tempo=2), Score([(0, 1, 60)], time_signature=(300, 4)), Score([(1e7, 1, 60)])):
        with pytest.raises(MusicFileError):
            write_midi(score, tmp_path / "song.mid")
    write_midi(Score([(0, 1, 60, 0, 0)], key="D dorian"), tmp_path / "song.mid")
    assert read_score(tmp_path / "song.mid").notes.tolist() == [(0.0, 1.0, 60, 0, 1)]
    assert read_score(tmp_path / "song.mid").key == "A minor"  # the same sharps: none


# --- fuzz -------------------------------------------------------------------------------------------------------


def mutated(data, chance):
    """Damage a file as bad disks, bad downloads and bad programs do."""
    data = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 5])):
        place = chance.randrange(len(data))
        how = chance.randrange(6)
        if how == 0:
            data[place] = chance.randrange(256)
        elif how == 1:
            data[place] ^= 1 << chance.randrange(8)
        elif how == 2:
            del data[place : place + chance.choice([1, 2, 8, len(data)])]
        elif how == 3:
            data[place:place] = bytes(chance.randrange(256) for _ in range(chance.choice([1, 2, 9])))
        elif how == 4:  # a length or a delta time beyond all bounds
            data[place : place + 4] = chance.choice([b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\0\0\0\0", b"9999"])
        else:
            data[place:place] = data[place : place + 40]
        if not data:
            break
    return bytes(data)


def test_mutants_give_a_score_or_a_sentence(put, tmp_path):
    chance = random.Random(20_24)
    tune = Score([(n / 2, 0.5, 60 + n % 12, n % 3) for n in range(40)], "Tune", 100, (3, 4), "G major")
    written = write_midi(tune, tmp_path / "seed.mid").read_bytes()
    running = midi(track((0, name("x")), (0, sysex(9)), *note(60), (0, on(62)), (99, b"\x40\x50"), (99, b"\x40\0")), kind=2)
    seeds = [(written, ".mid")] * 6 + [(running, ".mid")] * 3
    seeds += [(musicxml([XML_NOTE * 4, XML_NOTE]).encode(), ".musicxml"), (ABC.encode(), ".abc"), (KERN.encode(), ".krn")]
    counts, stop = {"score": 0, "error": 0}, time.monotonic() + 12
    for number in range(600):
        data, suffix = seeds[number % len(seeds)]
        path = put(mutated(data, chance), f"mutant{suffix}")
        start = time.monotonic()
        try:
            found = read_scores(path, timeout=2)  # music21 loops for ever over one of the ABC mutants
            assert found and all(len(score) and score.duration <= formats.MAX_LENGTH for score in found)
            counts["score"] += 1
        except MusicFileError as error:
            assert str(error).startswith(f"{path}: ") and str(error).endswith(".")
            counts["error"] += 1
        assert time.monotonic() - start < 4
        if time.monotonic() > stop:
            break
    assert sum(counts.values()) >= 200 and min(counts.values()) > 50, counts


def test_an_abc_tune_without_length_and_metre_is_in_eighths(tmp_path):
    file = tmp_path / "plain.abc"
    file.write_text("X:1\nK:C\nCDEF\n")
    assert read_score(file).notes["duration"].tolist() == [0.5] * 4
