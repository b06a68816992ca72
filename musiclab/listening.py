"""A blind listening test: can people tell a machine's music from the real thing?

A `ListeningTest` is made of sets of pieces, one of them real. In a trial you hear a pair, one excerpt of which is real, or a
single excerpt, which is real or not. Nothing but the music may give a set away: `excerpt` brings all pieces to one length,
tempo, loudness and height. Votes go into a plain file, a line each (`add_votes`, `read_votes`, `merge`); what is right does
not stand in it. `report` counts when all trials are answered.

Who cannot tell is right half of the time. The p-value is that of the exact binomial test against 1/2, on both sides; the
interval is Clopper and Pearson's ("The use of confidence or fiducial limits illustrated in the case of the binomial",
Biometrika 26, 1934), which holds the true share in at least 95 % of all tests.

Both take votes for independent, and those of a class are not: everybody heard the same trials, and one odd excerpt misleads
them all. So for several listeners there is a second p-value, by trials. It asks how often the votes would agree as well with
the truth if in each trial a coin said which excerpt is the real one (Fisher's randomisation test, "The Design of Experiments",
1935). Whatever the listeners have in common, a trial counts once. For one listener and pairs it is the binomial test.
"""

from __future__ import annotations

import hashlib
import html
import json
import math
import os
import unicodedata
import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np

from musiclab.files import write_atomically
from musiclab.score import DEFAULT_VELOCITY, Score

__all__ = [
    "ListeningTest",
    "Report",
    "Row",
    "Vote",
    "add_votes",
    "binomial_p",
    "excerpt",
    "interval",
    "merge",
    "paper_votes",
    "read_votes",
    "report",
]

#: What can be voted, by the kind of a test.
CHOICES = {"pairs": ("A", "B"), "single": ("real", "not real")}

TRIALS = {"pairs": 12, "single": 24}  # the same time of listening
LEVEL = 0.05  # a p-value up to this counts as evidence
ALL = "all"  # the name of the row that sums up the others

# --- the music ------------------------------------------------------------------------------------------


def excerpt(score: Score, *, quarters: float = 32, bar: int = 1, tempo: float = 100, centre: float = 66) -> Score:
    """Make a piece comparable with others: as long, as fast, as loud and as high as they are, and without a name.

    It is moved by whole semitones until its mean pitch, each note weighted by its duration, lies within half a semitone of
    `centre`. So neither the height nor the key that a source likes tells where a piece is from; and no key need be known.

    Parameters
    ----------
    score : Score
    quarters : float
        Length in quarter lengths, counted from the first note: an upbeat does not make it shorter.
    bar : int
        The bar to begin with, from 1. Empty bars are passed over.
    tempo : float
        Quarter notes a minute.
    centre : float
        MIDI pitch.

    Returns
    -------
    Score
        Its bar lines are those of the piece. The last note may end less than a bar early. An excerpt of an excerpt is the same.

    Raises
    ------
    ValueError
        If there is not so much music.
    """
    if bar < 1 or quarters <= 0:
        raise ValueError(f"bar={bar}, quarters={quarters}: bars count from 1, and the length must be above 0.")
    start = (bar - 1) * score.bar_length
    rest = score.slice(start, max(start, score.duration))
    if not len(rest):
        raise ValueError(f"there is no note from bar {bar} on.")
    empty, first = divmod(float(rest.notes["onset"][0]), score.bar_length)
    start += empty * score.bar_length
    part = score.slice(start, start + first + quarters)
    if part.duration - first <= quarters - score.bar_length:
        raise ValueError(
            f"from bar {bar} on its music lasts {part.duration - first:g} quarter lengths, a bar or more short of {quarters:g}."
            " Leave it out, or ask for less."
        )
    notes = part.notes.copy()
    notes["velocity"] = DEFAULT_VELOCITY
    shift = math.floor(centre - _mean_pitch(part) + 0.5)
    return replace(part, notes=notes, title="", tempo=tempo, key=None).transpose(shift)


def _mean_pitch(score: Score) -> float:
    """Return the mean of the pitches, each weighted by how long it sounds."""
    return float(np.average(score.notes["pitch"], weights=score.notes["duration"]))


# --- the test -------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class _Trial:
    """What is heard, from which sets, and what is right. Of single excerpts, one real and one other belong together."""

    excerpts: tuple[Score, ...]
    sets: tuple[str, ...]
    other: str
    couple: int
    right: str


class ListeningTest:
    """Trials in random order. Same music and same seed, same test, on every computer.

    In a pair, one excerpt is real; a coin decides whether it is A. Single excerpts are real in half of the trials. All other
    sets have equally many trials. No excerpt comes twice before all of its set have been heard.

    Parameters
    ----------
    sets : mapping of str to sequence of Score
        The pieces, by the name of their set. They become excerpts here (see `excerpt`).
    real : str
        The name of the real set.
    kind : str
        "pairs" or "single".
    trials : int, optional
        12 pairs or 24 single excerpts if left out: eight minutes of music. Fewer than six pairs, or twelve single excerpts, for
        each of the other sets can give no evidence by trials.
    seed : int
    quarters, tempo : float
        Length in quarter lengths, and quarter notes a minute, of all excerpts.
    centre : float, optional
        Mean pitch of all excerpts; that of the real set if left out.

    Attributes
    ----------
    kind, real : str
    others : tuple of str
        The names of the other sets.
    trials : int
    choices : (str, str)
        What can be voted: "A" and "B", or "real" and "not real".
    quarters, tempo : float
    fingerprint : str
        Twelve characters that only this test has. They stand beside every vote.

    Raises
    ------
    ValueError
        If the trials cannot be shared out equally, a piece is too short, or one of the others is a real one.
    """

    def __init__(
        self,
        sets: Mapping[str, Sequence[Score]],
        *,
        real: str,
        kind: str = "pairs",
        trials: int | None = None,
        seed: int = 0,
        quarters: float = 32,
        tempo: float = 100,
        centre: float | None = None,
    ) -> None:
        if kind not in CHOICES:
            raise ValueError(f"kind={kind!r}: it is 'pairs' or 'single'.")
        if real not in sets or len(sets) < 2:
            raise ValueError(f"real={real!r}, and the sets are {', '.join(map(repr, sets))}: it must be one of at least two.")
        self.kind, self.real, self.choices = kind, real, CHOICES[kind]
        self.others = tuple(name for name in sets if name != real)
        self.trials = TRIALS[kind] if trials is None else trials
        share = len(self.others) * (1 if kind == "pairs" else 2)
        if self.trials < 1 or self.trials % share:
            raise ValueError(f"trials={self.trials}: equal shares need a multiple of {share}.")
        self.quarters, self.tempo = quarters, tempo
        pools = _excerpts(sets, real, {"quarters": quarters, "tempo": tempo}, centre)
        self._trials = _draw(pools, self, np.random.default_rng(seed))
        heard = [(trial.sets, [(e.notes.tolist(), e.tempo) for e in trial.excerpts]) for trial in self._trials]
        self.fingerprint = hashlib.sha256(repr((kind, seed, heard)).encode()).hexdigest()[:12]

    def excerpts(self, trial: int) -> tuple[Score, ...]:
        """Return what is heard in a trial, counted from 1: A and B, or one excerpt."""
        if not 1 <= trial <= self.trials:
            raise ValueError(f"trial {trial}: there are trials 1 to {self.trials}.")
        return self._trials[trial - 1].excerpts

    @property
    def seconds(self) -> float:
        """How long an excerpt lasts."""
        return self.quarters * 60 / self.tempo

    def __repr__(self) -> str:
        what = "pairs" if self.kind == "pairs" else "single excerpts"
        others = " and ".join(self.others)
        return f"Listening test {self.fingerprint}: {self.trials} {what} of {self.seconds:.0f} s, {self.real} against {others}."


def _excerpts(
    sets: Mapping[str, Sequence[Score]], real: str, shape: dict[str, float], centre: float | None
) -> dict[str, list[Score]]:
    """Cut all pieces, each music once, and see that no other piece is a real one."""
    if centre is None:
        centre = round(float(np.mean([_mean_pitch(score) for score in sets[real] if len(score)] or [66])))
    cut: dict[str, list[Score]] = {name: [] for name in sets}
    for name, scores in sets.items():
        for index, score in enumerate(scores):
            try:
                cut[name].append(excerpt(score, **shape, centre=centre))
            except ValueError as error:
                raise ValueError(f"piece {index} of {name}: {error}") from None
        if not cut[name]:
            raise ValueError(f"{name} has no pieces.")
    for name in set(sets) - {real}:
        for index, score in enumerate(cut[name]):
            if score in cut[real]:
                same = cut[real].index(score)
                raise ValueError(f"piece {index} of {name} is, note for note, piece {same} of {real}. Leave it out.")
    return {name: list(dict.fromkeys(scores)) for name, scores in cut.items()}


def _draw(pools: dict[str, list[Score]], test: ListeningTest, rng: np.random.Generator) -> tuple[_Trial, ...]:
    """Draw who meets whom, and in which order."""
    couples = test.trials if test.kind == "pairs" else test.trials // 2
    meetings = rng.permutation(np.repeat(np.arange(len(test.others)), couples // len(test.others)))
    streams = {name: _endless(scores, rng) for name, scores in pools.items()}
    drawn = []
    for couple, other in enumerate(test.others[k] for k in meetings):
        both = [(next(streams[name]), name) for name in (test.real, other)]
        if test.kind == "pairs":
            # A coin for each trial, not as many A as B: then guessing is a binomial, whatever a guesser's habits are.
            real_is = int(rng.integers(2))
            scores, names = zip(*both[:: 1 - 2 * real_is], strict=True)
            drawn.append(_Trial(scores, names, other, couple, "AB"[real_is]))
        else:
            drawn += [_Trial((s,), (n,), other, couple, test.choices[n != test.real]) for s, n in both]
    return tuple(drawn if test.kind == "pairs" else (drawn[k] for k in rng.permutation(len(drawn))))


def _endless(scores: Sequence[Score], rng: np.random.Generator) -> Iterator[Score]:
    while True:
        yield from [scores[k] for k in rng.permutation(len(scores))]


# --- the votes ------------------------------------------------------------------------------------------


@dataclass(frozen=True, order=True)
class Vote:
    """One vote of one listener.

    Parameters
    ----------
    test : str
        The fingerprint of the test.
    listener : str
        A name. Spaces at its ends do not count.
    trial : int
        From 1.
    vote : str
        "A" or "B", "real" or "not real".
    time : str
        When, in ISO 8601 and universal time; now, if left out. Of two votes on one trial the later one counts.

    Raises
    ------
    ValueError
        If a field is of the wrong type, or empty.
    """

    test: str
    listener: str
    trial: int
    vote: str
    time: str = ""

    def __post_init__(self) -> None:
        if not all(isinstance(value, str) for value in (self.test, self.listener, self.vote, self.time)):
            raise ValueError("test, listener, vote and time must be text.")
        if type(self.trial) is not int or self.trial < 1:
            raise ValueError(f"trial {self.trial!r}: trials are counted from 1.")
        object.__setattr__(self, "listener", unicodedata.normalize("NFC", " ".join(self.listener.split())))
        object.__setattr__(self, "time", self.time or datetime.now(UTC).isoformat(timespec="microseconds"))
        if not (self.test and self.listener and self.vote):
            raise ValueError("test, listener and vote must not be empty.")


def paper_votes(test: ListeningTest, listener: str, letters: str) -> list[Vote]:
    """Turn the votes of one listener on paper into votes: a class that hears the trials together writes them down.

    Parameters
    ----------
    test : ListeningTest
    listener : str
    letters : str
        A letter for each trial: A or B, or R (real) or N (not real). Spaces and case do not matter.

    Raises
    ------
    ValueError
        If there is another number of letters, or another letter.
    """
    meaning = {choice[0].upper(): choice for choice in test.choices}
    letters = "".join(letters.split()).upper()
    if len(letters) != test.trials or not set(letters) <= set(meaning):
        raise ValueError(f"{listener}: {test.trials} letters are needed, each {' or '.join(meaning)}; these are {letters!r}.")
    return [Vote(test.fingerprint, listener, trial, meaning[letter]) for trial, letter in enumerate(letters, 1)]


def add_votes(path: str | os.PathLike[str], votes: Iterable[Vote]) -> None:
    """Add votes to a file, a line of JSON each. When it returns they are on the disk.

    The file and its folder are made if they are not there. What a crash left of a last line is cut off first.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+b") as file:
        _mend(file)
        file.write(_lines(votes))
        file.flush()
        os.fsync(file.fileno())


def read_votes(path: str | os.PathLike[str]) -> list[Vote]:
    """Read the votes in a file, in its order. Half a last line, which a crash leaves, is passed over with a warning.

    Raises
    ------
    ValueError
        For another line that is no vote. The message names file and line.
    FileNotFoundError
        If there is no such file.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}. Votes are where the listening room or add_votes() put them.")
    votes = []
    *lines, last = path.read_bytes().split(b"\n")
    for number, line in enumerate([*lines, last], 1):
        if not line.strip():
            continue
        try:
            votes.append(_vote(line))
        except ValueError as error:
            if number <= len(lines):
                raise ValueError(f"{path}, line {number} is no vote: {error} Correct the line, or delete it.") from None
            warnings.warn(f"{path}, line {number} is half a vote, as a crash leaves it. It does not count.", stacklevel=2)
    return votes


def merge(paths: Iterable[str | os.PathLike[str]], to: str | os.PathLike[str]) -> list[Vote]:
    """Merge files of votes into one, and return its votes.

    Every vote is kept, once, in sorted order; so are those that are in `to` already. In which order the files come does not
    matter, nor that they are merged again. The new file appears all at once.

    Warns
    -----
    UserWarning
        If votes of one name on one trial come from two files: perhaps two people bear the name. The later vote counts.
    """
    if isinstance(paths, str | os.PathLike):
        raise ValueError(f"paths={os.fspath(paths)!r}: give a list of files, if need be of one.")
    to = Path(to)
    files = sorted({Path(path).resolve() for path in paths} | ({to.resolve()} if to.exists() else set()))
    contents = {path: set(read_votes(path)) for path in files}
    _warn_of_namesakes(contents)
    votes = sorted(set().union(*contents.values()))
    write_atomically(to, _lines(votes), overwrite=True)
    return votes


def _warn_of_namesakes(contents: Mapping[Path, set[Vote]]) -> None:
    """Warn of a name whose votes on a trial differ between files, unless the one file holds all of the other."""
    ballots: dict[tuple, dict[Path, set[Vote]]] = {}
    for path, votes in contents.items():
        for vote in votes:
            ballots.setdefault((vote.test, vote.listener, vote.trial), {}).setdefault(path, set()).add(vote)
    found: dict[str, set[str]] = {}
    for (_, listener, _), by_file in ballots.items():
        biggest = max(by_file.values(), key=len)
        if not all(votes <= biggest for votes in by_file.values()):
            found.setdefault(listener, set()).update(path.name for path in by_file)
    for listener, names in sorted(found.items()):
        warnings.warn(
            f"{listener} voted on the same trials in {', '.join(sorted(names))}; the later votes count. If these are two people,"
            " give one another name in the file.",
            stacklevel=3,
        )


def _lines(votes: Iterable[Vote]) -> bytes:
    return "".join(json.dumps(asdict(vote), ensure_ascii=False) + "\n" for vote in votes).encode()


def _vote(line: bytes) -> Vote:
    """Read a line, or raise ValueError."""
    data = json.loads(line)
    if not isinstance(data, dict) or set(data) != set(Vote.__dataclass_fields__):
        raise ValueError(f"it must hold {', '.join(Vote.__dataclass_fields__)}.")
    return Vote(**data)


def _mend(file: IO[bytes]) -> None:
    """Let a file end with a whole line: close the last one if it is a vote, cut it off if it is half a vote."""
    file.seek(0)
    whole, _, last = file.read().rpartition(b"\n")
    if not last:
        return
    try:
        _vote(last)
        file.write(b"\n")
    except ValueError:
        file.truncate(len(whole) + bool(whole))


# --- the result -----------------------------------------------------------------------------------------


def binomial_p(right: int, votes: int) -> float:
    """Return how likely guessing is so far from half right, or further: the exact binomial test against 1/2, two-sided."""
    far = max(right, votes - right)
    return min(1.0, 2 * sum(math.comb(votes, k) for k in range(far, votes + 1)) / 2**votes)


def interval(right: int, votes: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Clopper and Pearson's interval of the share of right votes.

    At its lower end so many right votes or more have the probability (1 - confidence) / 2, and at its upper end so many or
    fewer. It holds 1/2 just if `binomial_p` is above 1 - confidence.
    """
    if not 0 <= right <= votes or votes < 1:
        raise ValueError(f"{right} of {votes} right: there must be a vote, and no more right than there are.")
    return _lower_end(right, votes, confidence), 1 - _lower_end(votes - right, votes, confidence)


def _lower_end(right: int, votes: int, confidence: float) -> float:
    """Find the share at which `right` or more of `votes` are as unlikely as they may be, by halving."""
    if right == 0:
        return 0.0
    k = np.arange(right, votes + 1)
    ways = np.array([math.log(math.comb(votes, int(n))) for n in k])
    low, high = 0.0, 1.0
    for _ in range(60):
        share = (low + high) / 2
        tail = np.exp(ways + k * math.log(share) + (votes - k) * math.log1p(-share)).sum()
        low, high = (share, high) if tail < (1 - confidence) / 2 else (low, share)
    return (low + high) / 2


def _p_by_trials(margins: Iterable[int]) -> float:
    """Return how likely the sum of the margins is so far from 0, or further, if a coin gives each its sign. Exact."""
    margins = list(margins)
    ways = Counter({0: 1})
    for margin in margins:
        ways = sum((Counter({total + sign * margin: n for total, n in ways.items()}) for sign in (-1, 1)), Counter())
    return sum(n for total, n in ways.items() if abs(total) >= abs(sum(margins))) / 2 ** len(margins)


@dataclass(frozen=True)
class Row:
    """A line of a report.

    Attributes
    ----------
    name : str
        Of a set that was to be told from the real one, of a listener, or "all".
    votes, right, trials : int
        Votes, those among them that are right, and the trials that they are on.
    interval : (float, float)
        Of the share, 95 %, for independent votes.
    p : float
        Of the binomial test, for independent votes.
    p_by_trials : float or None
        Where the votes are of several listeners: the p-value for which a trial counts once. It is the one to believe.
    """

    name: str
    votes: int
    right: int
    trials: int
    interval: tuple[float, float]
    p: float
    p_by_trials: float | None = None

    @property
    def share(self) -> float:
        """The share of right votes."""
        return self.right / self.votes

    @property
    def evidence(self) -> bool:
        """Whether the votes are further from half right than guessing is in 95 % of all tests."""
        return max(self.p, self.p_by_trials or 0.0) <= LEVEL


@dataclass(frozen=True, repr=False)
class Report:
    """What a listening test has shown.

    Attributes
    ----------
    rows : tuple of Row
        One for each of the other sets and, if these are several, one for all. With single excerpts, the votes of a row are
        those on a set and on as many real excerpts; so who calls everything real is right in half of them.
    listeners : tuple of Row
        One for each who has finished.
    called_real : dict of str to (int, int)
        For single excerpts: how many of the votes on each set were "real", and how many there were.
    unfinished : dict of str to int
        How many trials those have answered who do not count yet.
    foreign : int
        Votes that belong to another test.
    sentences : tuple of str
        The result in words.
    """

    rows: tuple[Row, ...]
    listeners: tuple[Row, ...]
    called_real: dict[str, tuple[int, int]]
    unfinished: dict[str, int]
    foreign: int
    sentences: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        tables = ""
        if self.rows:
            tables += _table("How well listeners told the sets from the real one", "set", self.rows)
        if len(self.listeners) > 1:
            tables += _table("Each listener", "listener", self.listeners)
        return tables + "".join(f"<p>{html.escape(sentence)}</p>" for sentence in self.sentences)


def report(test: ListeningTest, votes: Iterable[Vote]) -> Report:
    """Count the votes of those who have answered all trials.

    Of several votes of a listener on a trial the latest counts. The votes of several listeners are not independent; see the
    top of this module for what that does to the figures. Each row is a test of its own: who guesses is found to know in a given
    row at most once in twenty times, but in one or other of three rows about once in twelve. Say before which row is to count.

    Raises
    ------
    ValueError
        For a vote on a trial that the test does not have, or one that cannot be given in it; or for a file in place of votes.
    """
    if isinstance(votes, str | os.PathLike):
        raise ValueError(f"votes={os.fspath(votes)!r}: give votes, as read_votes() returns them for a file.")
    ballots, foreign = _ballots(test, votes)
    done = {name: ballot for name, ballot in sorted(ballots.items()) if len(ballot) == test.trials}
    unfinished = {name: len(ballot) for name, ballot in sorted(ballots.items()) if len(ballot) < test.trials}
    rows, listeners, called = (), (), {}
    if done:
        rows = tuple(_row(test, name, done, {name}) for name in test.others)
        if len(rows) > 1:
            rows += (_row(test, ALL, done, test.others),)
        listeners = tuple(_row(test, name, {name: ballot}, test.others) for name, ballot in done.items())
        called = _called_real(test, done)
    sentences = tuple(_sentences(test, rows, listeners, called, unfinished, foreign))
    return Report(rows, listeners, called, unfinished, foreign, sentences)


def _ballots(test: ListeningTest, votes: Iterable[Vote]) -> tuple[dict[str, dict[int, str]], int]:
    """Return listener -> trial -> the vote that counts, and how many votes are of another test."""
    votes = set(votes)
    ballots: dict[str, dict[int, str]] = {}
    for vote in sorted((v for v in votes if v.test == test.fingerprint), key=lambda v: (v.time, v)):
        if vote.trial > test.trials or vote.vote not in test.choices:
            raise ValueError(
                f"{vote.listener} voted {vote.vote!r} on trial {vote.trial}; this test has trials 1 to {test.trials}, and the"
                f" votes {' and '.join(test.choices)}."
            )
        ballots.setdefault(vote.listener, {})[vote.trial] = vote.vote
    return ballots, sum(vote.test != test.fingerprint for vote in votes)


def _row(test: ListeningTest, name: str, ballots: Mapping[str, Mapping[int, str]], others: Collection[str]) -> Row:
    """Count the votes of some listeners on the trials of some of the other sets."""
    margins: Counter[int] = Counter()  # couple -> right votes less wrong ones
    trials = [(number, trial) for number, trial in enumerate(test._trials, 1) if trial.other in others]
    for number, trial in trials:
        margins[trial.couple] += sum(1 if ballot[number] == trial.right else -1 for ballot in ballots.values())
    total = len(trials) * len(ballots)
    right = (total + sum(margins.values())) // 2
    by_trials = _p_by_trials(margins.values()) if len(ballots) > 1 else None
    return Row(name, total, right, len(trials), interval(right, total), binomial_p(right, total), by_trials)


def _called_real(test: ListeningTest, ballots: Mapping[str, Mapping[int, str]]) -> dict[str, tuple[int, int]]:
    if test.kind == "pairs":
        return {}
    called = {name: [0, 0] for name in (test.real, *test.others)}
    for number, trial in enumerate(test._trials, 1):
        called[trial.sets[0]][0] += sum(ballot[number] == "real" for ballot in ballots.values())
        called[trial.sets[0]][1] += len(ballots)
    return {name: (real, total) for name, (real, total) in called.items()}


# --- the result in words --------------------------------------------------------------------------------


def _sentences(
    test: ListeningTest,
    rows: Sequence[Row],
    listeners: Sequence[Row],
    called: Mapping[str, tuple[int, int]],
    unfinished: Mapping[str, int],
    foreign: int,
) -> Iterator[str]:
    who = listeners[0].name if len(listeners) == 1 else "listeners"
    for row in rows:
        yield _verdict(row, who, test)
    if called:
        parts = ", ".join(f"{name} {real} of {total} ({_percent(real / total)})" for name, (real, total) in called.items())
        yield f"Called real: {parts}."
    if len(listeners) > 1:
        above = sum(row.right * 2 > row.votes for row in listeners)
        yield (
            f"{above} of {len(listeners)} listeners had more than half right. All heard the same {test.trials} trials, so their"
            " votes are not independent: the intervals and p are surer than they should be; p by trials is not."
        )
    if not rows:
        yield "Nobody has answered all trials, so there is no result yet."
    if unfinished:
        yield "Not finished, and not counted: " + ", ".join(f"{n} ({k} of {test.trials})" for n, k in unfinished.items()) + "."
    if foreign:
        yield f"Of another test, and not counted: {foreign} vote{'s' if foreign > 1 else ''}."


def _verdict(row: Row, who: str, test: ListeningTest) -> str:
    """Say what a row shows, and if it shows nothing, what would have."""
    other = "the others" if row.name == ALL else row.name
    p = _p(row.p if row.p_by_trials is None else row.p_by_trials) + ("" if row.p_by_trials is None else " by trials")
    figures = f"{row.right} of {row.votes} right ({_percent(row.share)}, {_percent(*row.interval)})"
    if row.name == ALL:
        figures = f"In all {figures}"
    if row.evidence and row.right * 2 > row.votes:
        return f"{figures}: {who} told {other} from {test.real} ({p})."
    if row.evidence:
        return f"{figures}: {who} heard a difference, but took {other} for {test.real} ({p})."
    return f"{figures}: no evidence that {who} can tell {other} from {test.real} ({p}); {_would_count(row, test)}."


def _would_count(row: Row, test: ListeningTest) -> str:
    """Say which result would have been evidence."""
    enough = 6 if test.kind == "pairs" else 12  # 2 / 2**6 is below LEVEL, 2 / 2**5 is not
    if row.p_by_trials is not None and row.trials < enough:
        return f"with several listeners that takes at least {enough} trials; these are {row.trials}"
    if row.p <= LEVEL:
        return f"{_p(row.p)} if all votes were independent, but not enough of the trials agree"
    needed = [right for right in range(row.votes // 2 + 1, row.votes + 1) if binomial_p(right, row.votes) <= LEVEL]
    if not needed:
        return f"{row.votes} votes are too few, even if all were right"
    if needed[0] == row.votes:
        return f"all {row.votes} would have had to be right"
    would = "would" if row.p_by_trials is None else "could"
    return f"with {row.votes} votes {needed[0]} or more right {would} have counted"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def _percent(*shares: float) -> str:
    return "–".join(f"{100 * share:.0f}" for share in shares) + " %"


def _table(caption: str, first: str, rows: Sequence[Row]) -> str:
    """Write rows as an HTML table."""
    cell = 'style="padding:1px 8px;text-align:right"'
    left = 'style="padding:1px 8px;text-align:left"'
    by_trials = any(row.p_by_trials is not None for row in rows)
    heads = ["votes", "right", "share", "95 % interval", "p", *(["p by trials"] if by_trials else [])]
    head = f'<th scope="col" {left}>{first}</th>' + "".join(f'<th scope="col" {cell}>{name}</th>' for name in heads)
    body = ""
    for row in rows:
        values: list[Any] = [row.votes, row.right, _percent(row.share), _percent(*row.interval), _bare(row.p)]
        values += [_bare(row.p_by_trials)] if row.p_by_trials is not None else []
        cells = "".join(f"<td {cell}>{value}</td>" for value in values)
        body += f'<tr><th scope="row" {left}>{html.escape(row.name)}</th>{cells}</tr>'
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _bare(p: float) -> str:
    return html.escape(_p(p).removeprefix("p ").removeprefix("= "))
