"""Taste: what a listener likes, learned from choices between two pieces, and music that is made for them.

A piece is described by eight `FEATURES`, each with a plain name for both its ends, and measured in standard deviations of what a
model writes unsteered. A taste is a weight for each. By the model of Bradley and Terry ("Rank analysis of incomplete block
designs", 1952) a listener with the weights w takes piece a rather than b with the probability σ(w · (x_a - x_b)): logistic
regression on the difference of their features. Before any choice each weight is normal around 0; after some, the posterior is
approximated by the normal distribution at its maximum (Laplace; Bishop, "Pattern Recognition and Machine Learning", 4.5). So
everything that is believed here comes with how sure it is. (The maximum lies nearer to 0 than the mean, and the curvature there
is sharper than further out: after 15 choices weights are some 30 % too small, intervals meant for 95 % hold 91 %, and
probabilities are too near to a half, by 7 points on average.)

The listener's own word outweighs what was learned (`Taste.correct`), and everything that is known of them lies in one plain file
that they can read, change and delete.
"""

from __future__ import annotations

import functools
import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from musiclab.bundle import Bundle
from musiclab.evaluation import duration_entropy, onset_density, pitch_range, self_similarity, small_steps
from musiclab.files import write_atomically
from musiclab.generation import generate_many
from musiclab.past import PROFILES
from musiclab.score import NOTE, Score

__all__ = [
    "FEATURES",
    "WEIGHTS",
    "Evidence",
    "Feature",
    "ProfileError",
    "Taste",
    "delete_profile",
    "features",
    "made_for",
    "personal_bundle",
    "steer",
    "unsteered",
    "variety",
]

#: How much each kind of evidence counts, where a choice between two pieces counts 1. A skip says that a piece is liked less than
#: a usual one, a replay that it is liked more. Both may have other reasons (the phone rang; a passage was missed), so they count
#: for little; a quarter is a judgement, not a measurement.
WEIGHTS = {"choice": 1.0, "replay": 0.25, "skip": 0.25}

#: Before any choice: the standard deviation of a weight. With 1, a listener takes the piece that is one deviation further along
#: a feature with a probability of up to 88 % (a weight of 2).
PRIOR = 1.0

#: How sure a listener's own word is: as a standard deviation of the weight. Against it dozens of choices do little.
OWN_WORD = 0.05

#: A feature counts for at most so many standard deviations: one odd piece must not decide everything.
FURTHEST = 3.0

#: How far `made_for` steers if nothing is said.
STRENGTH = 3.0

#: Of two pieces made for somebody, at most this share of runs of four notes may be the same, in percent.
MOST_SHARED = 50.0

#: Version of the file. A profile of another version is refused, with a sentence.
FORMAT = 1
_MARK = "musiclab taste"
_BEGINNING = re.compile(rb'\s*\{\s*"format"\s*:\s*"' + _MARK.encode() + b'"')

#: A piece ends here at the latest, in quarter lengths: some features compare each bar with each other one.
LATEST = 4000.0

#: What reading a damaged profile may raise.
_DAMAGED = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)


class ProfileError(Exception):
    """A profile cannot be read, written or deleted. The message says why and what to do."""


# --- features -------------------------------------------------------------------------------------------


class Feature(NamedTuple):
    """Something that can be heard in a melody: its name, a word for each end, and how it is measured."""

    name: str
    low: str
    high: str
    measure: Callable[[Score], float]


def _height(score: Score) -> float:
    """Return the mean pitch, each note weighted by how long it sounds."""
    return float(np.average(score.notes["pitch"], weights=score.notes["duration"]))


_KEYS = np.stack([np.roll((profile - profile.mean()) / profile.std(), tonic) for profile in PROFILES for tonic in range(12)])


def _brightness(score: Score) -> float:
    """Return how much better the notes fit the best major key than the best minor one: a difference of correlations.

    As `evaluation.key_of`, which only says which of the two is ahead. nan if all pitch classes sound for equally long.
    """
    sounding = np.bincount(score.notes["pitch"] % 12, weights=score.notes["duration"], minlength=12)
    spread = sounding.std()
    fit = _KEYS @ (sounding - sounding.mean()) / (12 * spread) if spread > 0 else np.full(24, np.nan)
    return float(fit[:12].max() - fit[12:].max())


def _returns(score: Score) -> float:
    """Return how alike a bar is to the other bar that is most like it, on average: 0 to 1. nan for a piece of one bar."""
    alike = self_similarity(score)
    np.fill_diagonal(alike, 0)
    return float(alike.max(axis=1).mean()) if len(alike) > 1 else np.nan


def _climb(score: Score) -> float:
    """Return how much higher the second half lies than the first, in semitones; nan if one of them is silent."""
    middle = score.duration / 2
    halves = [score.slice(0, middle), score.slice(middle, score.duration)]
    return _height(halves[1]) - _height(halves[0]) if all(map(len, halves)) else np.nan


#: What is listened for, each from its low to its high end.
FEATURES = (
    Feature("speed", "calm", "lively", onset_density),
    Feature("height", "low", "high", _height),
    Feature("mode", "minor", "major", _brightness),
    Feature("motion", "moving by step", "moving by leap", lambda score: 100 - small_steps(score)),
    Feature("rhythm", "even in rhythm", "varied in rhythm", duration_entropy),
    Feature("range", "narrow", "wide", pitch_range),
    Feature("return", "always new", "coming back to itself", _returns),
    Feature("climb", "sinking", "climbing", _climb),
)

_NAMES = tuple(feature.name for feature in FEATURES)


@functools.lru_cache(maxsize=4096)
def features(score: Score) -> tuple[float, ...]:
    """Measure a piece by all `FEATURES`, each in its own unit.

    Returns
    -------
    tuple of float
        nan for what cannot be measured, as in a piece of one bar or one note.

    Raises
    ------
    ValueError
        For a score without notes, or one that ends after `LATEST`.
    """
    if not len(score):
        raise ValueError("a score without notes has no features. Give one with notes.")
    if score.duration > LATEST:
        raise ValueError(
            f"a score of {score.duration:.4g} quarter lengths is too long; the limit is {LATEST:.0f}. Give a part of it."
        )
    return tuple(float(feature.measure(score)) for feature in FEATURES)


# --- a taste --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evidence:
    """Something that a listener did.

    Attributes
    ----------
    kind : str
        One of `WEIGHTS`: "choice", "skip" or "replay".
    liked, other : Score or None
        The piece that speaks for it, and the one that it was preferred to. None is a usual piece: all features 0.
    """

    kind: str
    liked: Score | None
    other: Score | None


class Taste:
    """What is believed about a listener, and how sure it is.

    Parameters
    ----------
    usual : sequence of Score
        What is usual: pieces that the model writes unsteered, as `unsteered` returns them; a few hundred are enough. Features
        are counted from their mean, in their standard deviations.

    Attributes
    ----------
    evidence : list of Evidence
        What the listener did, in order. Add to it with `choose`, `skip` and `replay`.
    corrections : dict of str to float
        Name of a feature -> the weight that the listener gave it. Set it with `correct`.
    mean : float array (8,)
        The weights that are believed, in the order of `FEATURES`: positive for the high end. Unit: logits for one standard
        deviation.
    covariance : float array (8, 8)
        How sure that is.

    Raises
    ------
    ValueError
        If there are fewer than two pieces, or they are all alike in a feature.
    """

    def __init__(self, usual: Sequence[Score]) -> None:
        measured = np.array([features(score) for score in usual])
        if len(measured) < 2:
            raise ValueError("what is usual takes two pieces or more; a few hundred are better: unsteered(bundle, 256).")
        self._centre, self._spread = np.nanmean(measured, axis=0), np.nanstd(measured, axis=0)
        if not (self._spread > 0).all():
            alike = ", ".join(name for name, spread in zip(_NAMES, self._spread, strict=True) if not spread > 0)
            raise ValueError(f"the usual pieces are all alike in {alike}, so nothing can be measured by it. Give other pieces.")
        self._empty()

    def _empty(self) -> None:
        self.evidence: list[Evidence] = []
        self.corrections: dict[str, float] = {}
        self._fit()

    def standard(self, score: Score | None) -> np.ndarray:
        """Measure a piece in standard deviations from what is usual: float array (8,), from -3 to 3.

        What cannot be measured in it counts as usual, 0; and so does everything of None.
        """
        if score is None:
            return np.zeros(len(FEATURES))
        return np.nan_to_num(np.clip((features(score) - self._centre) / self._spread, -FURTHEST, FURTHEST))

    # --- learning ---

    def choose(self, winner: Score, loser: Score) -> None:
        """Learn that the listener took one piece rather than another."""
        self._learn(Evidence("choice", winner, loser))

    def skip(self, score: Score) -> None:
        """Learn that the listener did not want to hear a piece to its end, or took neither of two: a quarter of a choice."""
        self._learn(Evidence("skip", None, score))

    def replay(self, score: Score) -> None:
        """Learn that the listener wanted to hear a piece again: a quarter of a choice. Count it once, however often."""
        self._learn(Evidence("replay", score, None))

    def correct(self, name: str, weight: float | None) -> None:
        """Take the listener's own word for a feature: it outweighs everything that was learned about it.

        Parameters
        ----------
        name : str
            Of a feature: "speed", "height", …
        weight : float or None
            From -3, very much the low end, over 0, it does not matter, to 3. None takes the word back.

        Raises
        ------
        ValueError
            For another name, or a weight outside.
        """
        if name not in _NAMES:
            raise ValueError(f"there is no feature {name!r}; there are {', '.join(_NAMES)}.")
        if weight is None:
            self.corrections.pop(name, None)
        elif not -3 <= weight <= 3:
            low, high = _feature(name).low, _feature(name).high
            raise ValueError(f"weight={weight}: it must be from -3, very much {low}, to 3, very much {high}.")
        else:
            self.corrections[name] = float(weight)
        self._fit()

    def _learn(self, evidence: Evidence) -> None:
        if not _is_whole(evidence):
            raise ValueError(f"a {evidence.kind} takes {'two scores' if evidence.kind == 'choice' else 'a score'}; None is none.")
        difference = self.standard(evidence.liked) - self.standard(evidence.other)  # refuses what has no notes, before it is kept
        self.evidence.append(evidence)
        self._rows = np.vstack([self._rows, difference])
        self._counts = np.append(self._counts, WEIGHTS[evidence.kind])
        self._newton()

    def _fit(self) -> None:
        """Learn everything anew."""
        rows = [self.standard(e.liked) - self.standard(e.other) for e in self.evidence]
        self._rows = np.reshape(rows, (-1, len(FEATURES)))
        self._counts = np.array([WEIGHTS[e.kind] for e in self.evidence])
        self._newton()

    def _newton(self) -> None:
        """Find the most probable weights by Newton's method, and the curvature there."""
        prior = np.array([self.corrections.get(name, 0.0) for name in _NAMES])
        precision = np.array([(OWN_WORD if name in self.corrections else PRIOR) ** -2 for name in _NAMES])

        def loss(w: np.ndarray) -> float:
            return float(self._counts @ np.logaddexp(0, -self._rows @ w) + precision @ (w - prior) ** 2 / 2)

        w = prior.copy()
        for _ in range(100):
            p = _sigmoid(self._rows @ w)
            slope = precision * (w - prior) - self._rows.T @ (self._counts * (1 - p))
            curvature = np.diag(precision) + (self._rows.T * (self._counts * p * (1 - p))) @ self._rows
            step = np.linalg.solve(curvature, slope)
            if np.abs(step).max() < 1e-9:
                break
            size = 1.0
            while loss(w - size * step) > loss(w) and size > 1e-9:  # far from the minimum a whole step may lead too far
                size /= 2
            w = w - size * step
        self.mean, self.covariance = w, np.linalg.inv(curvature)

    # --- predicting ---

    def utility(self, score: Score) -> tuple[float, float]:
        """Return how much a piece is liked more than a usual one, in logits: what is expected, and its standard deviation."""
        mean, variance = self._believed(self.standard(score))
        return float(mean), float(np.sqrt(variance))

    def probability(self, a: Score, b: Score) -> float:
        """Return how probable it is that the listener takes `a` rather than `b`.

        Averaged over all that the weights may be, with MacKay's approximation ("The evidence framework applied to
        classification networks", 1992): σ(μ / √(1 + π s² / 8)). Who is not sure of the weights should be less sure of the choice.
        """
        return float(_sigmoid(_moderated(*self._believed(self.standard(a) - self.standard(b)))))

    def _believed(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and variance of w · x for arrays (…, 8)."""
        return x @ self.mean, np.einsum("...i,ij,...j->...", x, self.covariance, x)

    def next_pair(self, pool: Sequence[Score]) -> tuple[Score, Score]:
        """Return the two pieces of a pool whose comparison tells most.

        That is the pair with the greatest expected reduction of uncertainty about the weights, measured as entropy: how
        uncertain the answer is, less how uncertain it would be if the weights were known (Houlsby et al., "Bayesian active
        learning for classification and preference learning", 2011). Raises ValueError for fewer than two pieces.
        """
        if len(pool) < 2:
            raise ValueError(f"a pair takes two pieces, and there are {len(pool)}. Draw more.")
        x = np.array([self.standard(score) for score in pool])
        first, second = np.triu_indices(len(pool), 1)
        best = int(_information(*self._believed(x[first] - x[second])).argmax())
        return pool[first[best]], pool[second[best]]

    # --- words ---

    def words(self) -> list[str]:
        """Say what is believed: a sentence on what it comes from, then one for each feature."""
        return [f"This comes from {self.counted()}.", *(self._sentence(k) for k in range(len(FEATURES)))]

    def counted(self) -> str:
        """Say how much evidence there is of each kind: "3 choices, 1 replay and 0 skips"."""
        kinds = [e.kind for e in self.evidence]
        counted = [f"{kinds.count(kind)} {kind}{'' if kinds.count(kind) == 1 else 's'}" for kind in WEIGHTS]
        return f"{', '.join(counted[:-1])} and {counted[-1]}"

    def _sentence(self, k: int) -> str:
        name, low, high, _ = FEATURES[k]
        weight, deviation = float(self.mean[k]), float(np.sqrt(self.covariance[k, k]))
        liked, other = (high, low) if weight > 0 else (low, high)
        if name in self.corrections:
            given = self.corrections[name]
            return f"{name}: you said that you like it {liked}." if given else f"{name}: you said that it does not matter to you."
        sure = 0.5 * (1 + math.erf(abs(weight) / deviation / math.sqrt(2)))
        if sure >= 0.8:
            how = "surely" if sure >= 0.975 else "probably"
            return f"{name}: you {how} like it {liked} rather than {other} ({sure:.0%} sure)."
        if deviation < 0.4:
            return f"{name}: {low} or {high}, it does not seem to matter much to you."
        return f"{name}: {low} or {high}, I cannot tell yet."

    # --- the file ---

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything into a text file, in JSON; a profile that lies there is replaced, all at once or not at all.

        The file holds the pieces of each choice, the corrections, and what is usual. No name and no time is in it.

        Raises
        ------
        ProfileError
            If it cannot be written, or something lies there that is no profile, a damaged one or one of another version. It
            stays as it is.
        """
        path = Path(path)
        if path.exists():
            self._refuse_to_lose(path)
        usual = [
            {"name": f.name, "low": f.low, "high": f.high, "usual": float(c), "spread": float(s)}
            for f, c, s in zip(FEATURES, self._centre, self._spread, strict=True)
        ]
        evidence = [{"kind": e.kind, "liked": _to_plain(e.liked), "other": _to_plain(e.other)} for e in self.evidence]
        lines = [
            f'"format": {json.dumps(_MARK)}',
            f'"version": {FORMAT}',
            f'"corrections": {json.dumps(self.corrections)}',
            f'"features": [\n  {_lines(usual)}\n]',
            f'"evidence": [\n  {_lines(evidence)}\n]',
        ]
        try:
            # resolved: of a symbolic link the file that it leads to is replaced, not the link
            write_atomically(path.resolve(), ("{\n" + ",\n".join(lines) + "\n}\n").encode(), overwrite=True)
        except FileNotFoundError:
            where = f"there is no folder {path.parent} to write to"
            raise ProfileError(f"{_called(path)}: {where}. Create it, or choose another place.") from None
        except (OSError, ValueError) as error:
            why = f"cannot be written ({error})"
            raise ProfileError(f"{_called(path)} {why}. Check the name, the disk and that you may write there.") from None
        return path

    @classmethod
    def _refuse_to_lose(cls, path: Path) -> None:
        """Keep what cannot be read now but may be worth something: a damaged profile, and one of another version."""
        plain = _read_profile(path, "replaced")
        version = FORMAT if plain is None else plain.get("version")
        if version != FORMAT:
            what = f"is a profile of version {version!r}, so it was not replaced"
            raise ProfileError(f"{path.name} {what}. Choose another name.")
        try:
            cls._from_plain(plain or {})
        except _DAMAGED:
            advice = "mend it, delete it, or choose another name"
            raise ProfileError(f"{path.name} is damaged, so it was not replaced: {advice}.") from None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Taste:
        """Read a profile.

        Raises
        ------
        ProfileError
            If there is none, or it is damaged or of another version. The file is never changed.
        """
        path = Path(path)
        try:
            plain = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise ProfileError(f"there is no profile {path.name}. Check the name, or begin a new one.") from None
        except OSError as error:
            raise ProfileError(f"{_called(path)} cannot be read ({error}). Check that you may read it.") from None
        except (ValueError, RecursionError) as error:
            raise ProfileError(f"{path.name} is damaged: it is no JSON ({error}). Mend it in an editor, or delete it.") from None
        if not isinstance(plain, dict) or plain.get("format") != _MARK:
            raise ProfileError(f"{path.name} is no profile of musiclab. Check the name.")
        if plain.get("version") != FORMAT:
            what = f"has version {plain.get('version')!r}, and this musiclab reads {FORMAT}"
            advice = "It was written by another musiclab: use that one, or begin with another file name."
            raise ProfileError(f"{path.name} {what}. {advice}")
        try:
            return cls._from_plain(plain)
        except _DAMAGED as error:
            raise ProfileError(f"{path.name} is damaged ({error}). Mend it in an editor, or delete it.") from None

    @classmethod
    def _from_plain(cls, plain: Mapping[str, Any]) -> Taste:
        taste = cls.__new__(cls)
        if [feature["name"] for feature in plain["features"]] != list(_NAMES):
            raise ValueError(f"its features are not {', '.join(_NAMES)}")
        taste._centre = np.array([float(feature["usual"]) for feature in plain["features"]])
        taste._spread = np.array([float(feature["spread"]) for feature in plain["features"]])
        if not (np.isfinite(taste._centre).all() and np.isfinite(taste._spread).all() and (taste._spread > 0).all()):
            raise ValueError("what is usual must be numbers, and each spread above 0")
        taste._empty()
        for e in plain["evidence"]:
            evidence = Evidence(e["kind"], _from_plain(e["liked"]), _from_plain(e["other"]))
            if not _is_whole(evidence):
                raise ValueError(f"there is no evidence of the kind {evidence.kind!r} with these pieces")
            taste.evidence.append(evidence)
        taste._fit()
        if not isinstance(plain["corrections"], dict):
            raise ValueError('its corrections must look like {"speed": 1}, or {} if there are none')
        for name, weight in plain["corrections"].items():
            taste.correct(name, float(weight))
        return taste


def delete_profile(path: str | os.PathLike[str]) -> str:
    """Delete a profile, and say what that means.

    Raises
    ------
    ProfileError
        If there is none, something else lies there (which stays), or it cannot be deleted.
    """
    path = Path(path)
    if not path.exists():
        raise ProfileError(f"there is no profile {path.name}, so nothing was deleted. Check the name.")
    _read_profile(path, "deleted")
    try:
        path.resolve().unlink()  # of a symbolic link the file that it leads to, and then the link
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ProfileError(f"{path.name} could not be deleted ({error}). Close what has it open, or delete it by hand.") from None
    return (
        f"{path.name} is deleted. Nothing else was stored of it. What a notebook has printed stays in the notebook until you"
        " clear its outputs, and copies that you made are yours to delete."
    )


def _read_profile(path: Path, done: str) -> dict[str, Any] | None:
    """Read what lies there, and keep it if it is no profile. None for a damaged one, which is known by how it begins."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ProfileError(f"{_called(path)} cannot be read ({error}), so it was not {done}. Check the name.") from None
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError):
        if _BEGINNING.match(data):
            return None
    else:
        if isinstance(plain, dict) and plain.get("format") == _MARK:
            return plain
    raise ProfileError(f"{path.name} is no profile of musiclab, so it was not {done}. Check the name.")


def _called(path: Path) -> str:
    """Return the name of a file; the whole path where it has none, as for "."."""
    return path.name or str(path)


def _is_whole(evidence: Evidence) -> bool:
    """Tell whether there are scores where the kind needs them, and only there."""
    needed = {"choice": (True, True), "replay": (True, False), "skip": (False, True)}
    return needed.get(evidence.kind) == (evidence.liked is not None, evidence.other is not None)


def _lines(items: Sequence[dict[str, Any]]) -> str:
    """Write each item on a line of its own."""
    return ",\n  ".join(json.dumps(item) for item in items)


def _to_plain(score: Score | None) -> dict[str, Any] | None:
    if score is None:
        return None
    words = {"title": score.title, "tempo": score.tempo, "time_signature": list(score.time_signature), "key": score.key}
    return words | {"notes": score.notes.tolist()}


def _from_plain(plain: Mapping[str, Any] | None) -> Score | None:
    if plain is None:
        return None
    words = {name: plain[name] for name in ("title", "tempo", "key")}
    notes = [tuple(note) for note in plain["notes"]]
    if any(len(note) != len(NOTE) for note in notes):
        raise ValueError(f"a note must have {len(NOTE)} numbers")
    return Score(notes, time_signature=tuple(plain["time_signature"]), **words)


# --- steering -------------------------------------------------------------------------------------------


def unsteered(bundle: Bundle, count: int, *, length: float = 32, seed: int | None = None) -> list[Score]:
    """Let a model write pieces as it likes, all of one length, so that they can be compared.

    Parameters
    ----------
    bundle : Bundle
    count : int
    length : float
        In quarter lengths. The model does not end a piece by itself.
    seed : int, optional

    Returns
    -------
    list of Score
    """
    return generate_many(bundle, count, length, stop=False, seed=seed)


def steer(
    candidates: Sequence[Score], taste: Taste, count: int, *, strength: float = STRENGTH, seed: int | None = None
) -> list[Score]:
    """Draw from candidates those that a listener will probably like.

    A candidate with the utility u is drawn with a probability proportional to exp(strength · u). If the candidates come from a
    model's distribution p(x), what is drawn comes from p(x) exp(strength · u(x)), as nearly as so many candidates allow: the
    model still decides what is music, the taste only what is likelier (importance resampling; Rubin, 1988). The utility is the
    one that `Taste.probability` uses against a usual piece, so a taste that knows nothing steers nowhere. No piece is drawn
    twice, and none that has more than half its runs of four notes in common with another one.

    Parameters
    ----------
    candidates : sequence of Score
    taste : Taste
    count : int
        How many to draw.
    strength : float
        0 does not steer; much above the default, what is drawn are always the few that are best.
    seed : int, optional

    Returns
    -------
    list of Score
        In the order in which they were drawn.

    Raises
    ------
    ValueError
        If so many cannot be drawn, or the strength, the count or the seed is below 0.
    """
    for name, value in (("count", count), ("seed", seed)):
        if value is not None and value < 0:
            raise ValueError(f"{name}={value}: it must be 0 or more.")
    if not (np.isfinite(strength) and strength >= 0):
        raise ValueError(f"strength={strength}: it must be 0 or more.")
    x = np.reshape([taste.standard(score) for score in candidates], (-1, len(FEATURES)))
    utility = _moderated(*taste._believed(x))
    # The largest of log-weights plus Gumbel noise is a draw by the weights, the next one a draw from the rest, and so on.
    order = np.argsort(-(strength * utility + np.random.default_rng(seed).gumbel(size=len(candidates))))
    drawn: list[Score] = []
    for number in order:
        if len(drawn) == count:
            break
        if all(_shared(candidates[number], [other]) <= MOST_SHARED for other in drawn):
            drawn.append(candidates[number])
    if len(drawn) < count:
        raise ValueError(
            f"only {len(drawn)} of {len(candidates)} candidates differ enough from each other, and {count} are wanted. Give more"
            " candidates, or ask for fewer pieces."
        )
    return drawn


def made_for(
    bundle: Bundle,
    taste: Taste,
    count: int,
    *,
    length: float = 32,
    strength: float = STRENGTH,
    candidates: int = 512,
    seed: int | None = None,
) -> list[Score]:
    """Make pieces for a listener: write many, and `steer`.

    Parameters
    ----------
    bundle : Bundle
        The one whose unsteered pieces the taste calls usual.
    taste : Taste
    count : int
    length : float
        In quarter lengths.
    strength : float
        As for `steer`.
    candidates : int
        How many are written: at least 8 for each that is wanted, and 100, or there is little to choose from.
    seed : int, optional
        Same seed, same music.

    Returns
    -------
    list of Score

    Raises
    ------
    ValueError
        If so short a piece has no notes, and as `steer` does.
    """
    written = unsteered(bundle, candidates, length=length, seed=seed)
    if not all(map(len, written)):
        raise ValueError(f"length={length}: that is too short, for pieces without notes are among them. 4 or more is better.")
    return steer(written, taste, count, strength=strength, seed=seed)


def personal_bundle(bundle: Bundle, taste: Taste, name: str, *, count: int = 600, seed: int = 0, **settings: Any) -> Bundle:
    """Move a model towards a listener: fine-tune it on the pieces that they chose, and on pieces made for them.

    A taste that is worth a nat or two for a piece is worth a hundredth of a nat for a step of it, so this takes hundreds of
    pieces: with a hundred, a model learns them by heart before it learns what they have in common. About a minute.

    Parameters
    ----------
    bundle : Bundle
        It stays as it is.
    taste : Taste
    name : str
        Of the new bundle.
    count : int
        How many pieces are made, in addition to those that were chosen.
    seed : int
    **settings
        Of `own.fine_tune`. By default 6 epochs at half its learning rate, with nothing old mixed in: the pieces are the model's
        own, so they remind it of all that it knew.

    Returns
    -------
    Bundle

    Warns
    -----
    UserWarning
        As `own.fine_tune` does, if training only made things worse.
    """
    from musiclab.own import fine_tune  # loads Keras, which nothing else here needs

    chosen = [e.liked for e in taste.evidence if e.kind == "choice" and e.liked is not None]
    made = made_for(bundle, taste, count, candidates=max(512, 8 * count), seed=seed)
    settings = {"old": {}, "epochs": 6, "learning_rate": 5e-4, **settings}
    return fine_tune(bundle, list(dict.fromkeys([*chosen, *made])), name, seed=seed, **settings)


def variety(scores: Sequence[Score], taste: Taste) -> dict[str, float]:
    """Measure how different pieces are from each other, and each from itself.

    Parameters
    ----------
    scores : sequence of Score
        Two or more.
    taste : Taste
        Gives the unit of the features.

    Returns
    -------
    dict of str to float
        "distance": between two pieces, the root mean square over the features, in standard deviations, on average over all
        pairs; about √2 for independent pieces. "shared runs": of each piece's runs of four notes (of its highest voice, in any
        key and rhythm), how many stand in another piece, too, in percent. "self-similarity": `evaluation.self_similarity` of
        two different bars of a piece, on average; nan if no piece has two bars.

    Raises
    ------
    ValueError
        For fewer than two pieces.
    """
    if len(scores) < 2:
        raise ValueError(f"variety takes two pieces or more, and there are {len(scores)}.")
    x = np.array([taste.standard(score) for score in scores])
    pairs = np.triu_indices(len(x), 1)
    apart = np.sqrt(np.square(x[pairs[0]] - x[pairs[1]]).mean(axis=1)).mean()
    shared = np.mean([_shared(score, [*scores[:k], *scores[k + 1 :]]) for k, score in enumerate(scores)])
    bars = [self_similarity(score) for score in scores]
    alike = [(m.sum() - len(m)) / (len(m) * (len(m) - 1)) for m in bars if len(m) > 1]
    alike = np.mean(alike) if alike else np.nan
    return {"distance": float(apart), "shared runs": float(shared), "self-similarity": float(alike)}


def _shared(score: Score, others: Sequence[Score]) -> float:
    """Return how many of a piece's runs of four notes stand in one of the others, in any key and rhythm, in percent."""
    runs, known = _runs(score), set().union(*map(_runs, others))
    return 100 * sum(run in known for run in runs) / max(len(runs), 1)


@functools.lru_cache(maxsize=4096)
def _runs(score: Score) -> tuple[tuple[int, ...], ...]:
    """Return each four notes of the highest voice, as the three intervals between them."""
    moves = np.diff(score.voice(score.voices[0]).notes["pitch"].astype(int)).tolist()
    return tuple(zip(moves, moves[1:], moves[2:], strict=False))


# --- formulas -------------------------------------------------------------------------------------------

_NODES, _SHARES = np.polynomial.hermite_e.hermegauss(15)  # where to look at a normal distribution, and what each place counts


def _sigmoid(x: np.ndarray | float) -> np.ndarray:
    return 0.5 * (1 + np.tanh(np.multiply(x, 0.5)))  # does not overflow


def _moderated(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return the logit of the mean of σ over a normal distribution, approximately."""
    return mean / np.sqrt(1 + np.pi * variance / 8)


def _entropy(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return -p * np.log(p) - (1 - p) * np.log(1 - p)


def _information(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return what an answer with normal logits is expected to tell, in nats: entropy of the mean less mean of the entropy."""
    p = _sigmoid(mean[..., None] + np.sqrt(variance)[..., None] * _NODES)  # (pairs, nodes)
    shares = _SHARES / _SHARES.sum()
    return _entropy(p @ shares) - _entropy(p) @ shares


def _feature(name: str) -> Feature:
    return FEATURES[_NAMES.index(name)]
