"""Corpora: many pieces at once, from the installed music21 or from a folder, read once and then cached.

music21 brings four collections of single melodies and Bach's chorales. Their licences differ from file to
file, so the course does not carry copies: it reads them where they are installed. Reading takes seconds to
minutes; the notes are then kept in one file in your cache folder (`cache_folder`), and from then on a load
takes a fraction of a second.

A file in the cache is written under another name and then moved into place, so that a reader never meets
half a file and two processes may fill it at once. It carries a checksum; a file that does not match it is
made again.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import sys
import warnings
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, overload

import numpy as np

from musiclab import files
from musiclab.files import MusicFileError
from musiclab.score import NOTE, Score

__all__ = ["CORPORA", "MELODY_CORPORA", "Corpus", "cache_folder", "load_corpus", "load_folder"]

#: Name -> where in music21's corpus it lies, and what it is.
CORPORA = {
    "bach-chorales": ("bach/*.mxl", "four-part chorales by J. S. Bach"),
    "fiddle-tunes": ("ryansMammoth/*.abc", "Ryan's Mammoth Collection, Boston 1883"),
    "irish-tunes": ("oneills1850/*.abc", "O'Neill's Music of Ireland, Chicago 1903"),
    "scottish-tunes": ("airdsAirs/*.abc", "Aird's Selection of Scotch, English, Irish and Foreign Airs, Glasgow 1782"),
    "string-quartets": (
        "haydn/*/*.mxl mozart/*/*.mxl beethoven/**/*.mxl schumann_robert/opus41no1/*.mxl",
        "movements for string quartet by Haydn, Mozart, Beethoven and Schumann, taken apart where the metre changes",
    ),
    "folk-songs": ("essenFolksong/*.abc", "the Essen collection: songs from Germany, China and elsewhere"),
}

#: Those of single melodies: what the melody bundle was trained on.
MELODY_CORPORA = ("fiddle-tunes", "irish-tunes", "scottish-tunes", "folk-songs")

# Files that people take for music to learn from. They are tried, so that `problems` says what they are.
_MISTAKEN = (".mp3", ".ogg", ".flac", ".wav", ".pdf")

# Part of every cache file's name. It rises when the same source would be read differently than before.
_READER = 2


class Corpus(Sequence[Score]):
    """Scores with their origins, read-only. Indexing, slicing, `len` and loops work as on a list.

    Attributes
    ----------
    name : str
    sources : tuple of str
        For each piece, the file it comes from, below the corpus's folder.
    problems : tuple of (str, str)
        Files that could not be read, each with the reason.
    """

    def __init__(
        self, name: str, scores: Sequence[Score], sources: Sequence[str], problems: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.name = name
        self.sources = tuple(sources)
        self.problems = tuple((file, reason) for file, reason in problems)
        self._words = [{"title": s.title, "tempo": s.tempo, "time_signature": s.time_signature, "key": s.key} for s in scores]
        self._notes = np.concatenate([np.zeros(0, NOTE), *(s.notes for s in scores)])  # (all notes,)
        self._notes.setflags(write=False)
        self._ends = np.cumsum([len(s) for s in scores], dtype=np.int64)  # (pieces,): where each piece's notes end

    def __len__(self) -> int:
        return len(self.sources)

    @overload
    def __getitem__(self, index: int) -> Score: ...
    @overload
    def __getitem__(self, index: slice) -> list[Score]: ...
    def __getitem__(self, index: int | slice) -> Score | list[Score]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]  # turns -1 into the last, and refuses what is outside
        start = self._ends[index - 1] if index else 0
        return Score.unchecked(self._notes[start : self._ends[index]], **self._words[index])

    def __repr__(self) -> str:
        unread = f", {len(self.problems)} files not read" if self.problems else ""
        return f"Corpus({self.name!r}, {len(self)} pieces, {len(self._notes)} notes{unread})"

    @property
    def fingerprint(self) -> str:
        """A short code of every note of the corpus: the same notes, the same code."""
        return hashlib.sha256(self._notes.tobytes() + self._ends.tobytes()).hexdigest()[:16]


# --- loading ----------------------------------------------------------------------------------------


def load_corpus(name: str, *, jobs: int | None = None, progress: bool = True) -> Corpus:
    """Load one of the corpora that come with music21.

    Parameters
    ----------
    name : str
        One of `CORPORA`: "bach-chorales", "fiddle-tunes", "irish-tunes", "scottish-tunes", "folk-songs",
        "string-quartets".
    jobs : int, optional
        Processes that read at the same time, if the cache has to be filled. Default: one for each core.
    progress : bool
        Show a progress bar while reading.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.
    """
    if name not in CORPORA:
        raise ValueError(
            f"there is no corpus {name!r}; choose one of {', '.join(CORPORA)}, or load_folder(path) for your own files."
        )
    pattern, _ = CORPORA[name]
    spec = find_spec("music21")
    if spec is None or not spec.submodule_search_locations:
        raise MusicFileError("music21 is not installed, and the corpora come with it. Install the course as its README says.")
    folder = Path(spec.submodule_search_locations[0]) / "corpus"
    read = {"bach-chorales": _read_chorales, "string-quartets": _read_quartets}.get(name, _read_abc)

    def fill() -> Corpus:
        found = sorted(path for part in pattern.split() for path in folder.glob(part))
        work = _work(found, folder, split=read is _read_abc)
        if not work:
            raise MusicFileError(f"the music21 that is installed lacks {folder / pattern}. Install it again, with pip.")
        return _gather(name, _in_parallel(read, work, jobs, f"Reading {name}" if progress else None))

    return _cached(f"{name}-{_key(name, version('music21'))}", fill)


def load_folder(path: str | os.PathLike[str], *, jobs: int | None = None, progress: bool = True) -> Corpus:
    """Load every music file in a folder and the folders below it.

    Files that cannot be read do not stop the others: they are listed, with the reason, in the result's
    `problems`, and a warning says how many there are. A later call reads the folder anew if a file was
    added, removed or changed, and from the cache if not.

    Parameters
    ----------
    path : str or path
    jobs : int, optional
        Processes that read at the same time, if the files have to be read. Default: one for each core.
    progress : bool
        Show a progress bar while reading.

    Raises
    ------
    MusicFileError
        If the folder does not exist or no file in it can be read.

    Notes
    -----
    joblib hands the files to the processes, and can hand them to those of a cluster, whose size then counts in place
    of `jobs`. With Dask: ``pip install distributed``, and ::

        import joblib
        from distributed import Client

        with Client("address of the scheduler"), joblib.parallel_config(backend="dask"):
            corpus = load_folder("music")

    Every machine must have musiclab, and the folder under the same name. Give each worker one thread, and start more
    workers to use more cores: a process reads one file at a time.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise MusicFileError(
            f"{folder} is not a folder. Give the folder that holds your music files; for one file use read_score."
        )
    wanted = (*files.SUFFIXES, *_MISTAKEN)
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in wanted and p.is_file())
    if not found:
        raise MusicFileError(f"{folder} holds no music file. What can be read: {', '.join(sorted(files.SUFFIXES))}.")
    states = [(str(p.relative_to(folder)), p.stat().st_size, p.stat().st_mtime_ns) for p in found]

    def fill() -> Corpus:
        # In full: what reads may be a process on another machine, which began in another folder.
        work = [(os.path.abspath(p), str(p.relative_to(folder))) for p in found]
        return _gather(folder.name, _in_parallel(_read_any, work, jobs, f"Reading {folder.name}" if progress else None))

    corpus = _cached(f"folder-{_key(str(folder.resolve()), states, version('music21'), version('symusic'))}", fill)
    if not len(corpus):
        file, reason = corpus.problems[0]
        raise MusicFileError(f"no music file in {folder} could be read, of {len(found)}. The first, {file}: {reason}")
    if corpus.problems:
        warnings.warn(
            f"{len(corpus.problems)} of {len(found)} files in {folder} could not be read;"
            " the corpus's .problems lists them with the reasons.",
            stacklevel=2,
        )
    return corpus


# What a reader returns for one piece of work: the source's name, and its scores or the reason why there are none.
_Result = tuple[str, list[Score] | str]


def _gather(name: str, results: Sequence[_Result]) -> Corpus:
    scores, sources, problems = [], [], []
    for source, outcome in results:
        if isinstance(outcome, str):
            problems.append((source, outcome))
        else:
            scores += outcome
            sources += [source] * len(outcome)
    return Corpus(name, scores, sources, problems)


def _work(paths: Sequence[Path], folder: Path, split: bool) -> list[tuple[str, str]]:
    """List what there is to read as (path or ABC text, source); big ABC files are split between their tunes."""
    if not split:
        return [(str(path), path.relative_to(folder).as_posix()) for path in paths]
    work = []
    for path in paths:
        head, *tunes = re.split(r"^(?=X:)", path.read_text(encoding="utf-8", errors="replace"), flags=re.MULTILINE)
        for start in range(0, len(tunes), 25):
            work.append((head + "".join(tunes[start : start + 25]), path.relative_to(folder).as_posix()))
    return work


def _read_abc(text: str, source: str) -> _Result:
    try:
        # As the melody bundle was trained: one tune in nine has a note, on average three, that print would read otherwise.
        return source, files.scores_from_abc(text, carry=False)
    except ValueError as error:
        return source, str(error)


def _read_chorales(path: str, source: str) -> _Result:
    # Bach's chorales have four voices. A few have obbligato instruments on top, and are left out; and as they are the
    # longest, they are not even parsed.
    if _parts(path) != 4:
        return source, []
    from music21 import converter

    score = files.from_music21(converter.parse(path, forceSource=True))
    score = replace(score, title=f"BWV {Path(path).stem.removeprefix('bwv')}")
    return source, [score] if len(score.voices) == 4 else []


def _read_quartets(path: str, source: str) -> _Result:
    if _parts(path) != 4:  # a piano sonata stands among Mozart's
        return source, []
    from music21 import converter

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a bar by Beethoven that is overfull; music21 says so, and reads it all the same
        stream = converter.parse(path, forceSource=True)
    score = replace(files.from_music21(stream), title=source.removesuffix(".mxl").replace("/", " "))
    metres = [(onset, metre) for onset, metre in files.metres_of(stream) if metre is not None]
    ends = [*(onset for onset, _ in metres[1:]), score.duration]
    parts = [
        replace(score.slice(onset, end), time_signature=metre)
        for (onset, metre), end in zip(metres, ends, strict=True)
        if onset < end
    ]
    return source, [part for part in parts if len(part)]


def _parts(path: str) -> int:
    """Count the parts of a packed MusicXML file, without parsing it."""
    with zipfile.ZipFile(path) as archive:
        texts = (archive.read(name).replace(b"\0", b"") for name in archive.namelist())  # some are in UTF-16
        return sum(text.count(b"<score-part ") for text in texts)


def _read_any(path: str, source: str) -> _Result:
    try:
        return source, files.read_scores(path)
    except MusicFileError as error:
        return source, str(error)


def _in_parallel(
    read: Callable[[str, str], _Result], work: Sequence[tuple[str, str]], jobs: int | None, label: str | None
) -> list[_Result]:
    """Call `read` on every piece of work, in several processes, in order, with a progress bar."""
    from joblib import Parallel, delayed
    from tqdm.auto import tqdm

    jobs = jobs or min(len(work), os.cpu_count() or 1)
    batch = max(1, min(16, len(work) // (32 * jobs)))  # small enough that all processes end at about the same time
    results = Parallel(n_jobs=jobs, batch_size=batch, return_as="generator")(delayed(read)(*item) for item in work)
    return list(tqdm(results, desc=label, total=len(work), disable=label is None, file=sys.stdout))


# --- the cache --------------------------------------------------------------------------------------


def cache_folder() -> Path:
    """Where read corpora are kept: $MUSICLAB_CACHE if set, else the system's usual cache folder."""
    if own := os.environ.get("MUSICLAB_CACHE"):
        return Path(own).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "musiclab"


def _key(*facts: Any) -> str:
    """Number whatever the content of a cache file depends on."""
    return hashlib.sha256(json.dumps([_READER, *facts]).encode()).hexdigest()[:16]


def _cached(name: str, fill: Callable[[], Corpus]) -> Corpus:
    """Load the corpus from the cache, or make it and keep it there."""
    path = cache_folder() / f"{name}.npz"
    try:
        return _unpack(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        warnings.warn(f"the cache file {path.name} is damaged ({error}) and is made again.", stacklevel=3)
    corpus = fill()
    if not len(corpus):  # what is in the way, a disk that a cluster does not see, say, may be gone next time
        return corpus
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_atomically(path, _pack(corpus), overwrite=True)
    except OSError as error:
        warnings.warn(
            f"the corpus could not be cached ({error}); set MUSICLAB_CACHE to a folder that can be written.", stacklevel=3
        )
    return corpus


def _pack(corpus: Corpus) -> bytes:
    words = {"name": corpus.name, "words": corpus._words, "sources": corpus.sources, "problems": corpus.problems}
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(words).encode(), dtype=np.uint8)
    np.savez_compressed(buffer, notes=corpus._notes, ends=corpus._ends, words=text)
    body = buffer.getvalue()
    return hashlib.sha256(body).digest() + body


def _unpack(data: bytes) -> Corpus:
    if hashlib.sha256(data[32:]).digest() != data[:32]:
        raise ValueError("its checksum does not match")
    with np.load(io.BytesIO(data[32:]), allow_pickle=False) as arrays:
        words = json.loads(arrays["words"].tobytes())
        corpus = Corpus(words["name"], [], words["sources"], words["problems"])
        corpus._words = [{**w, "time_signature": tuple(w["time_signature"])} for w in words["words"]]
        corpus._notes, corpus._ends = arrays["notes"], arrays["ends"]
        corpus._notes.setflags(write=False)
    return corpus
