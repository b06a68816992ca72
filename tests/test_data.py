"""The music in data/: whole, in bars, and what its README says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from musiclab.dataset import duplicate_groups, suits_a_melody_model
from musiclab.encoding import GridEncoding
from musiclab.files import from_music21, read_score, scores_from_abc
from musiclab.score import Score, pitch_name

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
TUNES = sorted((DATA / "tunes").glob("*.abc"))
BLUES = sorted((DATA / "tunes" / "blues").glob("*.abc"))


# --- the prelude -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def prelude():
    return read_score(DATA / "music.mid")


def names_at(score, start, end):
    return [pitch_name(int(n["pitch"])) for n in score.notes if start <= n["onset"] < end]


def test_prelude_is_written_by_the_tool(tmp_path):
    command = [sys.executable, ROOT / "tools" / "make_music_mid.py", tmp_path / "music.mid"]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert (tmp_path / "music.mid").read_bytes() == (DATA / "music.mid").read_bytes()


def test_prelude_has_the_size_that_the_lessons_state(prelude):
    assert len(prelude) == 549
    assert len(np.unique(prelude.notes["onset"])) == 545
    assert prelude.duration == 35 * prelude.bar_length == 140
    assert (prelude.key, prelude.time_signature, prelude.voices) == ("C major", (4, 4), (0, 1, 2))
    assert prelude.tempo == pytest.approx(66, abs=1e-3)


def test_prelude_bar_by_bar(prelude):
    """Known bars, spelled in full; the tool builds them from chords."""
    assert names_at(prelude, 0, 2) == "C4 E4 G4 C5 E5 G4 C5 E5".split()
    assert names_at(prelude, 4, 6) == "C4 D4 A4 D5 F5 A4 D5 F5".split()
    assert names_at(prelude, 20, 22) == "C4 D4 F#4 A4 D5 F#4 A4 D5".split()
    assert names_at(prelude, 84, 86) == "F#2 C3 A3 C4 D#4 A3 C4 D#4".split()
    assert names_at(prelude, 128, 132) == "C2 C3 F3 A3 C4 F4 C4 A3 C4 A3 F3 A3 F3 D3 F3 D3".split()
    assert names_at(prelude, 132, 136) == "C2 B2 G4 B4 D5 F5 D5 B4 D5 B4 G4 B4 D4 F4 E4 D4".split()
    assert sorted(names_at(prelude, 136, 140)) == sorted("C5 G4 E4 C3 C2".split())


def test_prelude_keeps_its_pattern(prelude):
    notes, played = prelude.notes, []
    for half in range(64):
        inside = notes[(notes["onset"] >= 2 * half) & (notes["onset"] < 2 * half + 2)]
        assert np.array_equal(inside["onset"], 2 * half + np.arange(8) / 4)
        assert inside["voice"].tolist() == [2, 1, 0, 0, 0, 0, 0, 0]
        assert inside["duration"].tolist() == [2.0, 1.75, *[0.25] * 6]
        pitches = inside["pitch"].tolist()
        assert pitches[:5] == sorted(set(pitches[:5])), "a chord rises from low to high"
        assert pitches[5:] == pitches[2:5]
        played.append(pitches)
    assert played[::2] == played[1::2], "the second half of a bar repeats the first"


def test_prelude_stands_on_its_two_pedals(prelude):
    """Eight bars over the dominant, then four over the tonic: the plan by which the piece closes."""
    bass = prelude.voice(2).notes
    assert {pitch_name(int(p)) for p in bass["pitch"][(bass["onset"] >= 92) & (bass["onset"] < 124)]} == {"G2"}
    assert {pitch_name(int(p)) for p in bass["pitch"][bass["onset"] >= 124]} == {"C2"}


def test_prelude_lies_on_the_grid(prelude):
    lost = GridEncoding(voices=3).loss_report(prelude)
    assert lost["onset moved"] == lost["silence lost"] == 0
    assert lost["lost"] == 2, "only the chord at the end has several notes in one voice"


def test_prelude_opens_in_other_programs(prelude):
    import music21
    import symusic

    rows = sorted((n["onset"], n["duration"], n["pitch"]) for n in prelude.notes)
    song = symusic.Score(str(DATA / "music.mid"))
    ticks = song.ticks_per_quarter
    assert sorted((n.time / ticks, n.duration / ticks, n.pitch) for t in song.tracks for n in t.notes) == rows
    flat = music21.converter.parse(DATA / "music.mid", quantizePost=False, forceSource=True).flatten().notes
    pitches = sorted((float(e.offset), p.midi) for e in flat for p in e.pitches)
    assert pitches == [(onset, pitch) for onset, _, pitch in sorted(rows, key=lambda row: (row[0], row[2]))]


# --- the tunes -------------------------------------------------------------------------------------------


@pytest.fixture(params=TUNES, ids=lambda path: path.stem)
def text(request):
    return request.param.read_text(encoding="utf-8")


def read(text) -> Score:
    (score,) = scores_from_abc(text)
    return score


def split(text):
    """Return the header, and the music as one line."""
    lines = text.splitlines()
    key = next(i for i, line in enumerate(lines) if line.startswith("K:"))
    return "\n".join(lines[: key + 1]), " ".join(lines[key + 1 :])


def test_there_are_several_tunes_in_several_metres_and_keys():
    scores = [read(path.read_text(encoding="utf-8")) for path in TUNES]
    assert 8 <= len(scores) <= 12
    assert {score.time_signature for score in scores} >= {(2, 4), (3, 4), (4, 4), (6, 8)}
    assert len({score.key for score in scores}) >= 7
    assert len({score.title for score in scores}) == len(scores)
    numbers = [re.search(r"^X:(\d+)$", p.read_text(encoding="utf-8"), re.MULTILINE)[1] for p in TUNES]
    assert len(set(numbers)) == len(numbers)


def test_tune_has_its_fields_and_no_mark_that_a_reader_would_pass_over(text):
    header, body = split(text)
    for field in "XTMLQK":
        assert len(re.findall(rf"^{field}:", header, re.MULTILINE)) == 1
    assert re.search(r"^[CO]:", header, re.MULTILINE)
    assert set(body) <= set("abcdefgABCDEFG,'^=_/0123456789-| ]"), "notes, ties and bar lines alone"
    assert body.endswith("|]") and ":" not in body


def test_every_bar_of_a_tune_is_full(text):
    header, body = split(text)
    score = read(text)
    upbeat = (score.bar_length - score.notes["onset"][0]) % score.bar_length  # no tune begins with a rest
    bars = body.removesuffix("|]").split("|")
    ends = []  # of the tune at each bar line; the reader counts an upbeat as the end of a full bar
    for n in range(1, len(bars) + 1):
        beginning = "|".join(bars[:n]).rstrip(" -")
        ends.append(read(f"{header}\n{beginning} |").duration)
    assert ends[:-1] == [score.bar_length * n for n in range(1, len(bars))]
    assert ends[-1] == score.bar_length * len(bars) - upbeat, "an upbeat is taken from the last bar"


def test_tune_is_in_range_and_on_the_grid(text):
    score = read(text)
    assert 55 <= score.notes["pitch"].min() and score.notes["pitch"].max() <= 84
    assert np.ptp(score.notes["pitch"].astype(int)) <= 24
    assert score.voices == (0,)
    assert len(score) >= 30 and score.duration >= 8 * score.bar_length
    assert not any(value for name, value in GridEncoding().loss_report(score).items() if name != "notes")


def degrees(score):
    """Return how many semitones each note lies above the tonic, 0 to 11."""
    tonic = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[score.key[0]] - score.key.split()[0].count("-")
    return (score.notes["pitch"].astype(int) - tonic) % 12


def test_tune_closes_on_its_tonic(text):
    assert degrees(read(text))[-1] == 0


def test_tune_reads_the_same_in_other_programs(text, tmp_path):
    import music21
    import symusic

    score = read(text)
    other = from_music21(music21.converter.parse(text, format="abc", forceSource=True))
    assert np.array_equal(other.notes, score.notes)
    assert (other.time_signature, other.key) == (score.time_signature, score.key)
    (tmp_path / "tune.abc").write_text(text, encoding="utf-8")
    (track,) = symusic.Score.from_file(str(tmp_path / "tune.abc"), format="abc").to("quarter").tracks  # a reader of its own
    notes = score.notes
    assert [n.pitch for n in track.notes] == notes["pitch"].tolist()
    assert np.allclose([n.time for n in track.notes], notes["onset"] - notes["onset"][0], atol=0.01)
    assert np.allclose([n.duration for n in track.notes], notes["duration"], atol=0.01)


# --- the blues -------------------------------------------------------------------------------------------

FLAT_THIRD, THIRD, FLAT_FIFTH, FLAT_SEVENTH, MAJOR_SCALE = 3, 4, 6, 10, (0, 2, 4, 5, 7, 9, 11)


@pytest.fixture(scope="module")
def blues():
    return [read_score(path) for path in BLUES]


@pytest.mark.parametrize("path", BLUES, ids=lambda path: path.stem)
def test_blues_has_full_bars_and_no_mark_but_notes_rests_and_ties(path):
    header, body = split(path.read_text(encoding="utf-8"))
    assert re.findall(r"^([A-Z]):", header, re.MULTILINE) == list("XTOMLQK") and "L:1/8\n" in header
    assert set(body) <= set("abcdefgzABCDEFG'^=_/0123456789-| ]") and body.endswith("|]")
    bars = body.removesuffix("|]").split("|")
    for bar in bars:
        lengths = re.findall(r"[a-gzA-G]'?(\d*)(/2)?", bar)
        assert sum(int(number or 1) / (2 if half else 1) for number, half in lengths) == 8, bar
    score = read_score(path)
    assert -(-score.duration // score.bar_length) == len(bars), "the last bar has a note, too"


@pytest.mark.parametrize("path", BLUES, ids=lambda path: path.stem)
def test_blues_reads_the_same_where_a_sign_lasts_through_the_bar(path):
    import symusic  # its reader keeps a sign up to the bar line; musiclab's, at its note alone

    (track,) = symusic.Score.from_file(str(path), format="abc").to("quarter").tracks
    notes = read_score(path).notes
    assert [n.pitch for n in track.notes] == notes["pitch"].tolist()
    assert np.allclose([n.time for n in track.notes], notes["onset"], atol=0.01)
    assert np.allclose([n.duration for n in track.notes], notes["duration"], atol=0.01)


def test_blues_are_fit_to_learn_from(blues):
    for score in blues:
        assert (score.time_signature, score.voices) == ((4, 4), (0,))
        assert suits_a_melody_model(score, GridEncoding())
        assert not any(value for name, value in GridEncoding().loss_report(score).items() if name != "notes")
        assert 60 <= score.notes["pitch"].min() and score.notes["pitch"].max() <= 84
        assert 80 <= score.tempo <= 160


def test_blues_are_as_many_and_as_long_as_the_readme_says(blues):
    assert [path.name[:2] for path in BLUES] == [f"{n:02d}" for n in range(1, 49)]
    long = [n for n, score in enumerate(blues, 1) if score.duration > 12 * score.bar_length]
    assert long == [17, 22]
    assert all(score.duration > (23 if n in long else 11) * score.bar_length for n, score in enumerate(blues, 1))
    assert all(score.duration <= 24 * score.bar_length for score in blues)


def test_blues_are_each_a_tune_of_its_own(blues):
    assert len(set(duplicate_groups(blues))) == len({score.title for score in blues}) == len(blues)
    assert len({tuple(score.slice(0, 8).notes["onset"]) for score in blues}) == len(blues), "a rhythm of its own"
    assert len({score.key for score in blues}) >= 10
    assert 8 <= sum(score.key.endswith("minor") for score in blues) <= 16


def test_blues_have_blue_notes(blues):
    outside = ~np.isin(np.concatenate([degrees(score) for score in blues]), MAJOR_SCALE)
    assert 0.10 <= outside.mean() <= 0.35
    assert f"{100 * outside.mean():.0f} % of the notes lie outside" in (DATA / "README.md").read_text(encoding="utf-8")
    for score in blues:
        assert {FLAT_THIRD, FLAT_SEVENTH} <= set(degrees(score)), score.title
        assert (THIRD if score.key.endswith("major") else FLAT_FIFTH) in degrees(score), score.title


def test_readme_states_title_key_and_tempo_of_the_blues_as_the_files_do(blues):
    lines = (DATA / "README.md").read_text(encoding="utf-8").splitlines()
    for path, score in zip(BLUES, blues, strict=True):
        row = next(line for line in lines if line.startswith(f"| `tunes/blues/{path.name}` |"))
        assert f"| {score.title} |" in row
        assert row.endswith(f"| {score.key.replace('- ', ' flat ')}, {score.tempo:.0f} |")


# --- the README ------------------------------------------------------------------------------------------


def test_readme_names_every_file_and_no_other():
    text = (DATA / "README.md").read_text(encoding="utf-8")
    here = [
        p for p in DATA.rglob("*") if p.is_file() and p.name[0] != "." and ".checkpoint" not in p.name
    ]  # a training's leftovers
    files = {p.relative_to(DATA).as_posix() for p in here} - {"README.md"}
    named = set(re.findall(r"[`(]([\w/-]+\.(?:mid|abc|bundle|npz|txt|csv))[`)]", text))
    assert files <= named, f"without origin and licence: {files - named}"
    assert {name for name in named - files if not name.endswith(".bundle")} == set()


def test_readme_states_metre_and_key_as_the_files_do():
    text = (DATA / "README.md").read_text(encoding="utf-8")
    for path in TUNES:
        score = read(path.read_text(encoding="utf-8"))
        row = next(line for line in text.splitlines() if line.startswith(f"| `tunes/{path.name}`"))
        key = score.key.replace("- ", " flat ")
        assert f"{score.time_signature[0]}/{score.time_signature[1]}, {key}" in row and "CC0" in row
