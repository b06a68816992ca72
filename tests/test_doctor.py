"""The file doctor: each finding on a file made for it, and no bad file that stops it."""

import re
import time
from dataclasses import replace

import numpy as np
import pytest
from test_files import ABC, BAD, KERN, XML_NOTE, meta, midi, musicxml, name, note, off, on, put, track  # noqa: F401
from test_timing import perform

from musiclab import doctor
from musiclab.bundle import DATA
from musiclab.doctor import ENCODINGS, INSTRUMENTS, diagnose, diagnose_folder
from musiclab.encoding import EventEncoding, GridEncoding
from musiclab.files import MusicFileError, inspect_file, read_score, write_midi
from musiclab.score import Score

TEMPO = (0, meta(0x51, 7, 0xA1, 0x20))  # 120
METRE = (0, meta(0x58, 4, 2, 24, 8))  # 4/4
LINE = [event for n in range(40) for event in note(60 + n % 12)]  # 40 quarters


def program(number, channel=0):
    return (0, bytes([0xC0 | channel, number]))


@pytest.fixture
def write(tmp_path):
    """Write a score to a MIDI file; return its path."""

    def to_file(score, name="song.mid"):
        return write_midi(score, tmp_path / name, overwrite=True)

    return to_file


def line(count=64, length=0.5, **words):
    return Score([(n * length, length, 60 + (0, 2, 4, 5, 7, 9, 11, 12)[n % 8]) for n in range(count)], **words)


def topics(diagnosis):
    return [finding.topic for finding in diagnosis.findings]


# --- the facts ------------------------------------------------------------------------------------------


def test_facts_of_midi(put):  # noqa: F811
    head = track((0, name("Song")), TEMPO, METRE, (960, meta(0x51, 9, 0x27, 0xC0)), (0, meta(0x58, 3, 2, 24, 8)))
    drums = track((0, name("Kit")), *note(38, channel=9), *note(40, channel=9))
    scores, facts = inspect_file(
        put(midi(head, track((0, name("Low")), program(32), *note(40)), track((0, name("High")), *LINE), drums))
    )
    assert len(scores) == 1 and len(scores[0]) == 41
    assert facts["format"] == "MIDI" and facts["type"] == 1 and facts["ticks"] == 480 and not facts["frames"]
    assert [(row["name"], row["notes"], row["drums"]) for row in facts["tracks"]] == [
        *[("Song", 0, 0), ("Low", 1, 0)],
        *[("High", 40, 0), ("Kit", 0, 2)],
    ]
    assert facts["voices"] == [{"track": 2, "programs": [0]}, {"track": 1, "programs": [32]}]
    assert facts["tempos"] == [[0.0, 120.0], [2.0, 100.0]]
    assert facts["metres"] == [[0.0, [4, 4]], [2.0, [3, 4]]]


def test_the_short_bar_of_an_upbeat_is_no_change_of_metre(put):  # noqa: F811
    signs = track((0, meta(0x58, 1, 3, 24, 8)), (240, meta(0x58, 3, 3, 24, 8)))
    scores, facts = inspect_file(put(midi(signs, track(*note(76, 240), *note(75, 720)))))
    assert scores[0].notes["onset"].tolist() == [1.0, 1.5]
    assert facts["metres"] == [[1.5, [3, 8]]], "counted as the score counts"


def test_facts_of_notation(put):  # noqa: F811
    _, facts = inspect_file(put("X:1\nM:4/4\nL:1/4\nQ:1/4=90\nK:G\n|: GABc :|\nM:3/4\ndBG |\nK:D\nABc |\n", "air.abc"))
    assert (facts["format"], facts["ticks"], facts["repeats"]) == ("ABC", None, True)
    assert facts["metres"] == [[0.0, [4, 4]], [4.0, [3, 4]]] and facts["keys"] == [[0.0, "G major"], [7.0, "D major"]]
    assert facts["tempos"] == [[0.0, 90.0]]
    _, facts = inspect_file(put(ABC, "air.abc"))
    assert not facts["repeats"]
    _, facts = inspect_file(put(KERN, "air.krn"))
    assert facts["format"] == "kern" and [row["notes"] for row in facts["tracks"]] == [4, 4]
    repeated = musicxml([XML_NOTE * 4, XML_NOTE * 4 + '<barline location="right"><repeat direction="backward"/></barline>'])
    _, facts = inspect_file(put(repeated, "air.musicxml"))
    assert facts["format"] == "MusicXML" and facts["tracks"] == [{"name": "x", "notes": 8, "drums": 0}]
    assert facts["repeats"] and facts["metres"] == [[0.0, [4, 4]]]


# --- the findings, one by one -----------------------------------------------------------------------------


def test_tracks_and_instruments(put):  # noqa: F811
    path = put(
        midi(
            track((0, name("Song"))), track((0, name("Vocals")), program(73), *LINE), track(program(33, 1), *note(40, channel=1))
        )
    )
    words = diagnose(path)["tracks"].words
    assert words.startswith("MIDI of type 1: 2 tracks with notes, 41 notes in all.")
    assert "track 2, 'Vocals' (flute); track 3 (fingered bass)." in words


def test_there_are_128_instruments_where_general_midi_has_them():
    assert len(INSTRUMENTS) == len(set(INSTRUMENTS)) == 128 and all(INSTRUMENTS)
    families = {24: "nylon guitar", 40: "violin", 48: "strings", 56: "trumpet", 73: "flute", 105: "banjo", 127: "gunshot"}
    assert {number: INSTRUMENTS[number] for number in families} == families


def test_channels_of_one_track_are_voices(put):  # noqa: F811
    both = track((0, on(60)), (0, on(72, channel=1)), (480, off(60)), (0, off(72, 1)))
    assert "1 track with notes, 2 voices, 2 notes" in diagnose(put(midi(both, kind=0)))["tracks"].words


def test_drums(put):  # noqa: F811
    path = put(midi(track(*LINE), track(*note(38, channel=9), *note(40, channel=9))))
    diagnosis = diagnose(path)
    assert "The drums (track 2, 2 notes) are left out" in diagnosis["drums"].words
    assert len(diagnosis.score) == 40
    assert "drums" not in topics(diagnose(put(midi(track(*LINE)))))


def test_tempo(put):  # noqa: F811
    def tempo(*events):
        return diagnose(put(midi(track(*events, *LINE))))["tempo"].words

    assert "No tempo" in tempo()
    assert tempo(TEMPO) == "120 quarters a minute throughout."
    slower, faster = (480, meta(0x51, 0x0F, 0x42, 0x40)), (480, meta(0x51, 0x06, 0x1A, 0x80))
    assert "changes twice, between 60 and 150" in tempo(TEMPO, slower, faster)
    frames = midi(track(*LINE), division=0x10000 - 25 * 256 + 40)
    assert "film frames" in diagnose(put(frames))["tempo"].words


def test_metre(put):  # noqa: F811
    def metre(*events):
        return diagnose(put(midi(track(*events, *LINE))))["metre"]

    assert "No metre" in metre().words and not metre().advice
    assert metre(METRE).words == "4/4 throughout."
    changed = metre(METRE, (480 * 16, meta(0x58, 3, 2, 24, 8)))
    assert "changes once: 4/4 first, 3/4 from quarter 16 on" in changed.words
    assert "score.slice(0, 16)" in changed.advice


def test_what_stands_before_a_change_of_metre_includes_the_upbeat(put):  # noqa: F811
    signs = [meta(0x58, 1, 3, 24, 8), meta(0x58, 3, 3, 24, 8), meta(0x58, 2, 2, 24, 8)]
    path = put(midi(track((0, signs[0]), (240, signs[1]), (480 * 6, signs[2])), track(*note(76, 240), *LINE)))
    diagnosis = diagnose(path)
    cut = re.search(r"score\.slice\(([\d.]+), ([\d.]+)\)", diagnosis["metre"].advice)
    assert diagnosis.score.slice(float(cut[1]), float(cut[2])).notes["pitch"][0] == 76, "the upbeat"


@pytest.mark.parametrize("suffix", [".abc", ".musicxml"])
def test_bars_that_do_not_keep_to_the_metre(put, suffix):  # noqa: F811
    def metre(beats):
        if suffix == ".abc":
            return diagnose(put(f"X:1\nM:{beats}/4\nL:1/4\nK:C\n" + "CDEF|" * 8 + "\n", "a.abc"))
        return diagnose(put(musicxml([XML_NOTE * 4] * 8).replace("<beats>4", f"<beats>{beats}"), "a.musicxml"))

    wrong, right = metre(3), metre(4)
    assert "8 of 8 bars are longer or shorter than the metre says." in wrong["metre"].words and wrong["metre"].advice
    assert right["metre"].words == "4/4 throughout." and not right["metre"].advice


def test_a_key_that_is_not_understood(put):  # noqa: F811
    tune = "X:1\nM:4/4\nL:1/4\nK:{}\n" + "CDEF|" * 8 + "\n"
    wrong = diagnose(put(tune.format("H dur"), "a.abc"))["key"]
    assert "was not understood (K:H dur)" in wrong.words and "says" not in wrong.words and "K:Bm" in wrong.advice
    assert "The file says D major" in diagnose(put(tune.format("D clef=treble"), "a.abc"))["key"].words


def test_the_tunes_of_a_book_that_cannot_be_read_are_named(put):  # noqa: F811
    broken = "X:2\nT:Broken\nL:1/4\nK:C\nC/0 D|\n"
    finding = diagnose(put(f"{ABC}\n{broken}", "book.abc"))["pieces"]
    assert finding.words == "Of the file, 1 tune cannot be read and is left out."
    assert "Tune 2 (Broken) breaks the rules" in finding.advice
    finding = diagnose(put(f"{ABC}\n{ABC}\n{broken}", "book.abc"))["pieces"]
    assert "holds 2 pieces" in finding.words and "1 tune cannot" in finding.words


def test_timing_counts_what_lies_off_the_sixteenths(write):
    onsets = [n / 4 for n in range(94)] + [24 + k / 3 for k in range(9) if k % 3]
    score = Score([(onset, 0.2, 60 + n % 12) for n, onset in enumerate(onsets)])
    finding = diagnose(write(score))["timing"]
    assert finding.words.startswith("94 % of the notes begin within 1/50 quarter of a sixteenth; 6 % are triplets")
    assert "which the grid of sixteenths moves" in finding.words
    assert "train_own(…, encoding=GridEncoding(steps_per_quarter=12))" in finding.advice
    twelfths = diagnose(write(score), GridEncoding(steps_per_quarter=12))["timing"]
    assert "moves" not in twelfths.words and not twelfths.advice
    assert diagnose(write(line()))["timing"].words == "100 % of the notes begin within 1/50 quarter of a sixteenth."


def test_a_performance_is_aligned_or_declined(write):
    tune = read_score(DATA / "tunes" / "drunken_sailor.abc")
    aligned = diagnose(write(perform(tune, bpm=96)))
    assert aligned.alignment.kind == "free" and aligned.verdict == "usable with care"
    assert "beats were found" in aligned["timing"].words and "Listen" in aligned["timing"].advice
    assert aligned.before is aligned.alignment.score and aligned.before != aligned.score
    rng = np.random.default_rng(0)
    noise = write(Score([(t, 0.2, 60) for t in np.cumsum(rng.exponential(0.7, 80) + 0.08)]))
    declined = diagnose(noise)
    assert declined.verdict == "not usable as it is" and "none was made up" in declined["timing"].words
    assert "click" in declined["timing"].advice
    assert diagnose(noise, "events").verdict == "usable with care", "events need no beat"


def test_polyphony(write):
    assert diagnose(write(line()))["polyphony"].words == "One note at a time."
    words = diagnose(write(Score([(0, 2, 60), (0, 1, 64), (0, 1, 67)])))["polyphony"].words
    assert words == "Up to 3 notes sound at once, 2.0 on average."


def test_triplets_one_after_the_other_are_one_note_at_a_time(write):
    assert diagnose(write(line(99, 1 / 3)))["polyphony"].words == "One note at a time."


def test_range(write):
    assert diagnose(write(line()))["range"].words == "From C4 to C5."
    finding = diagnose(write(Score([*line().notes.tolist(), (40, 1, 12), (41, 1, 120)])))["range"]
    assert "From C0 to C9. 2 notes of them lie beyond the ends of a piano." in finding.words and finding.advice


def test_key(write):
    in_g = [(n / 2, 0.5, 67 + (0, 2, 4, 5, 7, 9, 11, 12)[n % 8]) for n in range(63)] + [(32, 4, 67)]
    assert "No key is given; the notes fit G major best (100 % lie in its scale)" in diagnose(write(Score(in_g)))["key"].words
    right = diagnose(write(Score(in_g, key="G major")))["key"]
    assert right.words == "The file says G major, and 100 % of the notes lie in its scale." and not right.advice
    wrong = diagnose(write(Score(in_g, key="E- major")))["key"]
    assert "The file says E flat major" in wrong.words and "G major fits better, with 100 %" in wrong.words
    assert "key='G major'" in wrong.advice
    relative = diagnose(write(Score(in_g, key="E minor")))["key"]
    assert "G major, which has the same scale, fits better" in relative.words and not relative.advice


def test_melody_is_named_by_its_track(put):  # noqa: F811
    low = [(event[0], event[1]) for n in range(40) for event in note(40 + n % 5)]
    path = put(midi(track((0, name("Bass")), *low), track((0, name("Vocals")), *LINE)))
    diagnosis = diagnose(path)
    assert diagnosis["melody"].words.startswith("Track 2, 'Vocals' (piano), because of what it is called. 40 notes, C4 to B4.")
    path = put(midi(track((0, name("Bass")), *low), track((0, name("Oboe")), *LINE)))
    assert "'Oboe' (piano), because it has one note at a time throughout and lies highest" in diagnose(path)["melody"].words


def test_length_and_silence(write):
    short = diagnose(write(line(8)))["length"]
    assert "1 bar, 2 seconds. That is short: 8 notes." in short.words and "next to nothing" in short.advice
    assert diagnose(write(line(64)))["length"].advice == ""
    notes = line(64).notes.copy()
    notes["onset"] += 40
    late = diagnose(write(Score(notes)))["length"]
    assert "Before the first note there is silence for 10 bars" in late.words and "score.slice(40," in late.advice
    notes = line(64).notes.copy()
    notes["onset"][32:] += 32
    assert "From bar 5 on there is silence for 8 bars" in diagnose(write(Score(notes)))["length"].words


def test_repeats_and_pieces(put):  # noqa: F811
    tune = "X:{}\nM:4/4\nL:1/4\nK:C\n|: CDEF | GABc :|\n"
    one = diagnose(put(tune.format(1), "one.abc"))
    assert "not played out" in one["repeats"].words and "MIDI" in one["repeats"].advice and "pieces" not in topics(one)
    both = diagnose(put(tune.format(1) + "\n" + tune.format(2), "both.abc"))
    assert "holds 2 pieces" in both["pieces"].words and "read_scores" in both["pieces"].advice
    assert "repeats" not in topics(diagnose(put(ABC, "air.abc")))


@pytest.mark.parametrize("choice", ENCODINGS)
def test_what_an_encoding_keeps_is_what_it_gives_back(write, choice):
    chorale = Score([(n, 1.0, 72 - 7 * voice + n % 5, voice) for n in range(40) for voice in range(4)], title="Four", tempo=90)
    diagnosis = diagnose(write(chorale), choice)
    encoding = diagnosis.encoding
    given = diagnosis.melody.score if choice == "melody" else diagnosis.before
    back = encoding.decode(encoding.encode(given))
    assert np.array_equal(diagnosis.after.notes, back.notes)
    assert (diagnosis.after.title, diagnosis.after.tempo) == ("Four", 90.0)
    kept = int(re.search(r"keeps ([\d,]+) of", diagnosis["encoding"].words)[1].replace(",", ""))
    assert kept == len(back) == (40 if choice == "melody" else 160)


def test_what_an_encoding_loses_is_said(write):
    wide = Score([(n, 1.0, 20 if n % 4 else 60) for n in range(40)])
    lost = diagnose(write(wide), "chorale")["encoding"]
    assert "keeps 10 of 40 notes" in lost.words and "Notes are lost" in lost.advice
    thirds = Score([(n / 3, 1 / 3, 60 + n % 7) for n in range(48)])
    words = diagnose(write(thirds), "melody")["encoding"].words
    assert ("32 begin at another time" in words and "48 last longer or shorter" in words) or "32 begin at another time" in words
    assert "every rhythm" in diagnose(write(thirds), "note names")["encoding"].advice
    quiet = replace(line(), notes=[(*row[:4], 60) for row in line().notes.tolist()])
    assert "How loud" in diagnose(write(quiet))["encoding"].words
    assert "few steps" in diagnose(write(quiet), EventEncoding(velocities=2))["encoding"].words


def test_an_unknown_encoding_is_refused(write):
    with pytest.raises(ValueError, match="melody, chorale, events, note names"):
        diagnose(write(line()), "sonata")
    with pytest.raises(ValueError, match="melody, chorale, events, note names"):
        diagnose(write(line()), None)


# --- bad files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filename", BAD)
def test_a_bad_file_gets_the_sentence_of_read_score(put, filename):  # noqa: F811
    path = put(BAD[filename][0], filename)
    diagnosis = diagnose(path)
    with pytest.raises(MusicFileError) as caught:
        read_score(path)
    assert diagnosis.problem == str(caught.value) == str(diagnosis)
    assert diagnosis.verdict == "cannot be read" and not diagnosis.findings and diagnosis.score is None
    assert diagnose(path, name="mine").problem.startswith("mine: ")


def test_a_file_that_is_not_there():
    assert "does not exist" in diagnose("nowhere.mid").problem


# --- how it is shown ------------------------------------------------------------------------------------


def test_the_text_has_every_finding_and_every_advice(put):  # noqa: F811
    diagnosis = diagnose(put(midi(track((0, name("<b>&")), METRE, (1920, meta(0x58, 3, 2, 24, 8)), *LINE[:8])), "a&b.mid"))
    text = " ".join(str(diagnosis).split())
    for finding in diagnosis.findings:
        assert f"{finding.topic}: {finding.words}" in text and finding.advice in text
    assert diagnosis.verdict in text and "What to do:" in text and repr(diagnosis) == str(diagnosis)
    page = diagnosis._repr_html_()
    assert "<b>&" not in page and "&lt;b&gt;&amp;" in page and page.count("<li>") == len(diagnosis.advice)
    with pytest.raises(KeyError, match="tracks"):
        diagnosis["colour"]


def test_diagnosing_changes_nothing(write):
    path = write(line())
    before = path.read_bytes()
    assert str(diagnose(path)) == str(diagnose(path)) and path.read_bytes() == before


# --- folders --------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / ".hidden").mkdir()
    write_midi(line(), tmp_path / "good.mid")
    write_midi(line(8), tmp_path / "below" / "short.mid")
    (tmp_path / "bad.mid").write_bytes(b"no music")
    (tmp_path / "song.mp3").write_bytes(b"ID3\3" + bytes(100))
    (tmp_path / "air.abc").write_text(ABC)
    (tmp_path / ".hidden" / "x.mid").write_bytes(b"no music")
    return tmp_path


def test_a_folder_gives_a_row_for_each_file(folder):
    found = diagnose_folder(folder)
    assert [diagnosis.name for diagnosis in found] == ["air.abc", "bad.mid", "below/short.mid", "good.mid", "song.mp3"]
    head, *rows = found.cells()
    assert all(len(row) == len(head) for row in rows)
    by_name = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    assert by_name["bad.mid"]["verdict"] == "cannot be read"
    assert by_name["bad.mid"]["what to do"].startswith("is called MIDI but")
    assert "MP3" in by_name["song.mp3"]["what to do"]
    assert by_name["good.mid"]["verdict"] == "usable as it is" and by_name["good.mid"]["notes"] == "64"
    assert by_name["good.mid"]["key"] == "C major" and by_name["good.mid"]["what to do"] == ""
    assert "next to nothing" in by_name["below/short.mid"]["what to do"]
    assert found.summary == "5 files: 1 usable as it is, 2 usable with care, 2 cannot be read."
    assert found[3].score == diagnose(folder / "good.mid").score
    text, page = str(found), found._repr_html_()
    assert all(row[0] in text and row[0] in page for row in rows) and found.summary in text and found.summary in page
    assert str(folder) not in text


def test_processes_find_the_same(folder):
    assert str(diagnose_folder(folder, jobs=2)) == str(diagnose_folder(folder, jobs=1))


def test_a_quick_folder_shows_no_bar_and_a_slow_one_does(folder, monkeypatch, capsys):
    diagnose_folder(folder, jobs=1)
    assert capsys.readouterr().out == ""
    real = doctor.diagnose
    monkeypatch.setattr(doctor, "diagnose", lambda *args, **more: (time.sleep(0.6), real(*args, **more))[1])
    diagnose_folder(folder, jobs=1)
    assert "Examining" in capsys.readouterr().out
    diagnose_folder(folder, jobs=1, progress=False)
    assert capsys.readouterr().out == ""


def test_no_folder_and_no_file(tmp_path):
    with pytest.raises(MusicFileError, match="is not a folder"):
        diagnose_folder(tmp_path / "none")
    with pytest.raises(MusicFileError, match="holds no file"):
        diagnose_folder(tmp_path)
