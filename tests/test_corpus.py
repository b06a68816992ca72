"""Corpora: the cache gives what reading gives, survives damage and company, and a folder may hold bad files."""

import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import scores, tune

from musiclab import corpus as corpus_module
from musiclab.corpus import CORPORA, MELODY_CORPORA, Corpus, cache_folder, load_corpus, load_folder
from musiclab.files import MusicFileError, scores_from_abc
from musiclab.score import Score

SMALL = {"fiddle-tunes": "ryansMammoth/A[bcd]*.abc", "bach-chorales": "bach/bwv269.mxl"}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, and corpora that are read in a moment."""
    for name, pattern in SMALL.items():
        monkeypatch.setitem(CORPORA, name, (pattern, ""))
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def load_small(name="fiddle-tunes"):
    return load_corpus(name, jobs=1, progress=False)


def same(a, b):
    return (
        list(a) == list(b)
        and (a.name, a.sources, a.problems, a.fingerprint, repr(a)) == (b.name, b.sources, b.problems, b.fingerprint, repr(b))
        and [s.title for s in a] == [s.title for s in b]
    )


def no_reading(*_):
    raise AssertionError("read anew, with a good cache at hand")


# --- a corpus is a list ---------------------------------------------------------------------------------


@given(st.lists(scores(), max_size=6))
@settings(max_examples=30)
def test_a_corpus_holds_the_very_scores_it_was_given(given_scores):
    corpus = Corpus("mine", given_scores, [str(i) for i in range(len(given_scores))])
    assert list(corpus) == given_scores == corpus[:]
    assert len(corpus) == len(given_scores)
    assert corpus[::-2] == given_scores[::-2]
    for i in range(-len(given_scores), len(given_scores)):
        assert corpus[i] == given_scores[i]
    for i in (len(given_scores), -len(given_scores) - 1):
        with pytest.raises(IndexError):
            corpus[i]


@given(st.lists(scores(), max_size=6))
@settings(max_examples=30)
def test_packing_and_unpacking_loses_nothing(given_scores):
    sources = [f"{i} é.mid" for i in range(len(given_scores))]
    corpus = Corpus("mine", given_scores, sources, [("bad.mid", "it is empty")])
    assert same(corpus_module._unpack(corpus_module._pack(corpus)), corpus)


def test_the_fingerprint_tells_notes_and_pieces_apart():
    a, b = tune([60, 62]), tune([64])
    prints = [
        Corpus("x", pieces, [""] * len(pieces)).fingerprint
        for pieces in (
            [a, b],
            [b, a],
            [a],
            [a.transpose(1), b],
            [a, b, Score([])],
            [Score([*a.notes.tolist(), *b.notes.tolist()])],
        )
    ]
    assert len(set(prints)) == len(prints)
    assert Corpus("y", [a, b], ["", ""]).fingerprint == prints[0]


# --- the names ------------------------------------------------------------------------------------------


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError) as error:
        load_corpus("beatles")
    assert "'beatles'" in str(error.value)
    assert all(name in str(error.value) for name in CORPORA)


def test_a_music21_without_its_corpus_is_named(cache, monkeypatch):
    monkeypatch.setitem(CORPORA, "fiddle-tunes", ("nothing/*.abc", ""))
    with pytest.raises(MusicFileError, match=r"lacks .*nothing"):
        load_small()


def test_the_whole_corpora_have_the_sizes_the_course_speaks_of(corpora):
    sizes = {name: len(pieces) for name, pieces in corpora.items()}
    assert sizes["bach-chorales"] > 340 and sum(sizes.values()) - sizes["bach-chorales"] > 12_000
    assert all(len(piece) for pieces in corpora.values() for piece in pieces)
    assert all(piece.voices == (0, 1, 2, 3) for piece in corpora["bach-chorales"])
    melodies = [piece for name in MELODY_CORPORA for piece in corpora[name]]
    assert np.mean([piece.voices == (0,) for piece in melodies]) > 0.999


def test_a_quartet_has_four_voices_and_one_metre_a_piece(corpora):
    quartets = corpora["string-quartets"]
    assert len(quartets) > 60
    assert all(set(piece.voices) <= {0, 1, 2, 3} for piece in quartets)
    # The first movement of Schumann's opus 41 number 1 begins in 2/4, and goes on in 6/8.
    first = [piece for piece in quartets if piece.title == "schumann_robert opus41no1 movement1"]
    assert [piece.time_signature for piece in first] == [(2, 4), (6, 8)]
    assert first[0].duration == 66 and (first[0].notes["onset"] + first[0].notes["duration"]).max() <= 66


def test_a_chorale_is_what_bach_wrote(cache):
    (chorale,) = load_small("bach-chorales")  # "Aus meines Herzens Grunde": upbeat, G major
    soprano = chorale.voice(0).notes
    assert (chorale.time_signature, chorale.key) == ((3, 4), "G major")
    assert soprano["pitch"][:12].tolist() == [67, 67, 74, 71, 69, 67, 67, 69, 71, 69, 71, 74]
    assert soprano["onset"][:6].tolist() == [2.0, 3.0, 5.0, 6.0, 7.5, 8.0]  # after the upbeat, the bar line lies at 3
    assert chorale.voice(3).notes["pitch"][:5].tolist() == [43, 55, 52, 54, 55]
    assert load_small("bach-chorales").sources == ("bach/bwv269.mxl",)


def test_an_abc_file_read_in_parts_is_the_file_read_whole(cache, monkeypatch):
    import music21

    monkeypatch.setitem(CORPORA, "folk-songs", ("essenFolksong/ballad80.abc", ""))
    parts = []
    real = corpus_module._read_abc
    monkeypatch.setattr(corpus_module, "_read_abc", lambda text, source: (parts.append(text), real(text, source))[1])
    corpus = load_small("folk-songs")
    text = (Path(music21.__file__).parent / "corpus/essenFolksong/ballad80.abc").read_text(encoding="utf-8", errors="replace")
    assert len(parts) > 1
    assert list(corpus) == scores_from_abc(text, carry=False)


# --- the cache ------------------------------------------------------------------------------------------


def test_the_second_load_comes_from_the_cache_and_is_the_same(cache, monkeypatch):
    first = load_small()
    assert len(first) > 1
    monkeypatch.setattr(corpus_module, "_in_parallel", no_reading)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert same(load_small(), first)


def test_two_processes_read_what_one_reads(cache):
    one = load_small()
    next(cache.iterdir()).unlink()
    assert same(load_corpus("fiddle-tunes", jobs=2, progress=False), one)


def flip(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 16]) + data[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: b"",
        lambda d: d[:20],
        lambda d: d[: len(d) // 2],
        lambda d: d[:-1],
        flip,
        lambda d: os.urandom(len(d)),
        lambda d: d + b"x",
    ],
    ids=["empty", "head", "half", "one-byte-short", "one-bit", "garbage", "too-long"],
)
def test_a_damaged_cache_warns_and_repairs_itself(cache, damage, monkeypatch):
    first = load_small()
    (file,) = cache.iterdir()
    good = file.read_bytes()
    file.write_bytes(damage(good))
    with pytest.warns(UserWarning, match="damaged .* is made again"):
        assert same(load_small(), first)
    assert corpus_module._unpack(file.read_bytes()).fingerprint == first.fingerprint
    assert list(cache.iterdir()) == [file]  # nothing is left lying about
    monkeypatch.setattr(corpus_module, "_in_parallel", no_reading)
    assert same(load_small(), first)


def test_a_newer_reader_or_music21_does_not_use_the_old_cache(cache, monkeypatch):
    load_small()
    monkeypatch.setattr(corpus_module, "version", lambda package: "99.0")
    load_small()
    monkeypatch.setattr(corpus_module, "_READER", 99)
    load_small()
    assert len(list(cache.iterdir())) == 3


@pytest.mark.parametrize("obstacle", ["a file where the folder should be", "a folder where the file should be"])
def test_a_cache_that_cannot_be_written_warns_and_does_no_harm(cache, obstacle, tmp_path):
    first = load_small()
    (file,) = cache.iterdir()
    file.unlink()
    if obstacle.startswith("a file"):
        cache.rmdir()
        cache.write_text("mine")
    else:
        file.mkdir()
        (file / "mine").write_text("mine")
    with pytest.warns(UserWarning) as warned:
        assert same(load_small(), first)
    assert any("could not be cached" in str(w.message) and "MUSICLAB_CACHE" in str(w.message) for w in warned)
    assert not list(tmp_path.rglob("*.part"))
    assert (cache if obstacle.startswith("a file") else file / "mine").read_text() == "mine"


def test_an_interrupted_write_leaves_nothing_behind(cache, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_small()
    assert list(cache.iterdir()) == []


PROCESS = """
import os, sys, time, warnings
from musiclab.corpus import CORPORA, load_corpus
import music21, joblib
warnings.simplefilter("error")
CORPORA["fiddle-tunes"] = ("ryansMammoth/A[bcd]*.abc", "")
open(sys.argv[1], "w").close()
while not os.path.exists(sys.argv[2]):
    time.sleep(0.002)
for _ in range(3):
    print(load_corpus("fiddle-tunes", jobs=1, progress=False).fingerprint)
    for file in os.listdir(os.environ["MUSICLAB_CACHE"]):
        os.remove(os.path.join(os.environ["MUSICLAB_CACHE"], file)) if file.endswith(".npz") and sys.argv[3] == "0" else None
"""


def test_two_processes_may_fill_the_cache_at_once(cache, tmp_path):
    """Both start to read at the same moment, three times; one deletes the file now and then."""
    go = tmp_path / "go"
    ready = [tmp_path / f"ready{i}" for i in range(2)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, file, go, str(i)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for i, file in enumerate(ready)
    ]
    deadline = time.monotonic() + 60
    while not all(file.exists() for file in ready) and time.monotonic() < deadline:
        time.sleep(0.01)
    go.touch()
    answers = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    first = load_small()
    assert {line for out, _ in answers for line in out.split()} == {first.fingerprint}
    assert [file.suffix for file in cache.iterdir()] == [".npz"]


def test_the_cache_lies_where_the_system_keeps_such_things(monkeypatch, tmp_path):
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("MUSICLAB_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "musiclab"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "musiclab"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == Path.home() / "Library" / "Caches" / "musiclab"


# --- your own folder ------------------------------------------------------------------------------------

ABC = "X:1\nT:{title}\nM:4/4\nL:1/4\nK:C\nCDEF|{last}|\n"


@pytest.fixture
def folder(tmp_path):
    music = tmp_path / "music"
    (music / "deep" / "er").mkdir(parents=True)
    (music / "a.abc").write_text(ABC.format(title="A", last="GABc"))
    (music / "deep" / "er" / "b.ABC").write_text(ABC.format(title="B", last="cBAG"))
    (music / "notes.txt").write_text("not music")
    return music


def test_a_folder_is_read_with_the_folders_below_it(cache, folder):
    corpus = load_folder(folder, jobs=1, progress=False)
    assert corpus.sources == ("a.abc", str(Path("deep/er/b.ABC")))
    assert [piece.title for piece in corpus] == ["A", "B"]
    assert (corpus.name, corpus.problems) == ("music", ())


def test_the_good_files_load_and_the_bad_ones_are_listed_with_reasons(cache, folder):
    (folder / "empty.mid").write_bytes(b"")
    (folder / "garbage.mid").write_bytes(b"garbage" * 50)
    (folder / "silent.abc").write_text("X:1\nT:Nothing\nM:4/4\nL:1/4\nK:C\nz4|z4|\n")
    for _ in range(2):  # from the files, and from the cache
        with pytest.warns(UserWarning, match=r"3 of 5 files .* could not be read;.*\.problems"):
            corpus = load_folder(folder, jobs=1, progress=False)
        assert [piece.title for piece in corpus] == ["A", "B"]
        assert [file for file, _ in corpus.problems] == ["empty.mid", "garbage.mid", "silent.abc"]
        assert all(len(reason) > 20 for _, reason in corpus.problems)


def test_a_changed_added_or_removed_file_is_noticed(cache, folder, monkeypatch):
    def titles():
        return sorted(piece.title for piece in load_folder(folder, jobs=1, progress=False))

    assert titles() == ["A", "B"]
    (folder / "a.abc").write_text(ABC.format(title="Another", last="GABc"))
    assert titles() == ["Another", "B"]
    (folder / "a.abc").write_text(ABC.format(title="Ahotner", last="GABc"))  # as long as before
    os.utime(folder / "a.abc", ns=(0, 10**18))
    assert titles() == ["Ahotner", "B"]
    (folder / "a.abc").write_text(ABC.format(title="Another", last="GABc"))
    (folder / "c.abc").write_text(ABC.format(title="C", last="GABc"))
    assert titles() == ["Another", "B", "C"]
    (folder / "a.abc").unlink()
    assert titles() == ["B", "C"]
    monkeypatch.setattr(corpus_module, "_in_parallel", no_reading)
    assert titles() == ["B", "C"]


def test_two_folders_with_the_same_files_do_not_share_a_cache(cache, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.abc").write_text(ABC.format(title="Z", last="GABc"))
    stat = (other / "a.abc").stat()
    os.utime(folder / "a.abc", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert load_folder(other, jobs=1, progress=False)[0].title == "Z"
    assert load_folder(folder, jobs=1, progress=False)[0].title == "A"


def test_a_folder_with_nothing_to_read_says_why(cache, tmp_path):
    with pytest.raises(MusicFileError, match="is not a folder"):
        load_folder(tmp_path / "nowhere")
    (tmp_path / "music").mkdir()
    with pytest.raises(MusicFileError, match=r"holds no music file.*\.mid"):
        load_folder(tmp_path / "music")
    (tmp_path / "music" / "x.mid").write_bytes(b"garbage")
    for _ in range(2):
        with pytest.raises(MusicFileError, match=r"no music file in .* of 1\. The first, x\.mid"):
            load_folder(tmp_path / "music", jobs=1, progress=False)


def test_a_folder_of_which_nothing_could_be_read_is_tried_again(cache, folder, monkeypatch):
    """A disk that was not there, a machine too busy: no file has changed when the reason is gone."""
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(corpus_module, "_read_any", lambda path, source: (source, "is out of reach"))
        with pytest.raises(MusicFileError, match=r"no music file in .* is out of reach"):
            load_folder(folder, jobs=1, progress=False)
    assert len(load_folder(folder, jobs=1, progress=False)) == 2


def test_a_recording_in_a_folder_is_named_as_what_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "music"
    folder.mkdir()
    (folder / "a.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nCDEF\n")
    (folder / "song.mp3").write_bytes(b"ID3" + bytes(100))
    with pytest.warns(UserWarning, match="1 of 2 files"):
        corpus = load_folder(folder, progress=False)
    assert len(corpus) == 1 and "MP3" in dict(corpus.problems)["song.mp3"]
