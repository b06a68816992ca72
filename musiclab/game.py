"""Game music: an endless piece that follows what happens in the game.

A `Scene` says what is wanted: how energetic, tense, high and bright the music shall be, and how fast. A `Stream` writes it, bar
after bar, with a model that was trained to follow such wishes (``load_bundle("scenes")``). When the scene changes, the
next bar is of the new one. When a scene returns, so does its theme: the bars with which it first began.

Every bar begins anew: no note is held over a bar line. So any bar can follow any other without a gap, and without a note that
is cut.
"""

from __future__ import annotations

import copy
import os
import struct
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from musiclab import cores
from musiclab.bundle import Bundle, BundleError
from musiclab.character import NAMES
from musiclab.encoding import END, FREE, HOLD, LEVELS, REST, CharacterEncoding
from musiclab.files import MusicFileError, write_atomically, write_midi
from musiclab.sampling import distribution, draw
from musiclab.score import Score
from musiclab.show.sound import RATE, mix

__all__ = ["SCENES", "Bar", "Scene", "Stream", "Tape", "Writer", "followed", "loop", "rank_correlation", "save_loop"]

METRE = (4, 4)
BAR = 4.0  # quarter lengths

#: Bars after which a writer forgets all but the last `KEPT`. The model has learned from parts of 16 bars.
MEMORY, KEPT = 24, 8

#: How far the model is pushed from what it would write unasked towards what is asked for; 1 is as it was trained.
FIRMNESS = 1.5

#: How often a bar is written, to keep the one that is nearest to what is asked for.
TRIES = 4

#: All bars are made softer by this, so that four voices at once stay within what a sound file can hold.
SOFTER = 0.45


@dataclass(frozen=True)
class Scene:
    """What the music of a scene shall be like.

    Parameters
    ----------
    name : str
    energy, tension, register, mode : float
        From 0 to 1: the share of the bars that the model knows which have less of it. A mode of 0 is minor, one of 1 is major.
    tempo : float
        Quarter notes a minute.
    loudness : int
        MIDI velocity, 1 to 127.

    Raises
    ------
    ValueError
        For a value outside its range.
    """

    name: str
    energy: float = 0.5
    tension: float = 0.5
    register: float = 0.5
    mode: float = 0.5
    tempo: float = 110.0
    loudness: int = 70

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"a scene's name is a word, such as 'harbour', and not {self.name!r}.")
        ranges = {**dict.fromkeys(NAMES, (0, 1)), "tempo": (30, 300), "loudness": (1, 127)}
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not isinstance(value, int | float | np.number) or not low <= value <= high:
                raise ValueError(f"{name}={value!r} in the scene {self.name!r}: it must be a number from {low} to {high}.")
        object.__setattr__(self, "loudness", round(self.loudness))

    @property
    def levels(self) -> np.ndarray:
        """The four wishes as the model is told them: int array (4,) of 1 to `LEVELS`."""
        return np.array([1 + min(int(getattr(self, name) * LEVELS), LEVELS - 1) for name in NAMES])


#: Four scenes of a small adventure.
SCENES = {
    scene.name: scene
    for scene in (
        Scene("explore", energy=0.35, tension=0.2, register=0.6, mode=0.85, tempo=96, loudness=62),
        Scene("danger", energy=0.45, tension=0.95, register=0.25, mode=0.15, tempo=104, loudness=70),
        Scene("battle", energy=0.95, tension=0.75, register=0.45, mode=0.1, tempo=144, loudness=88),
        Scene("victory", energy=0.75, tension=0.05, register=0.85, mode=1.0, tempo=126, loudness=84),
    )
}


# --- writing ------------------------------------------------------------------------------------------------


class Writer:
    """Writes pieces bar by bar, side by side, each bar with the character that is wanted of it.

    Three things make it follow. The model is told what is wanted. It is pushed: it runs twice for each piece, told and not told,
    and what the wish changed is taken `firmness` times (classifier-free guidance; Ho and Salimans, 2022). And of several tries
    the one is kept whose measured character is nearest to the wish.

    Parameters
    ----------
    bundle : Bundle
        One that was trained with a `CharacterEncoding`.
    count : int
        Pieces side by side.
    temperature : float
    firmness : float
        1: the model as it is when told; more: pushed beyond.
    tries : int
        How often each bar is written.
    seed : int, optional

    Raises
    ------
    BundleError
        For a bundle that follows no wishes.
    """

    def __init__(
        self,
        bundle: Bundle,
        count: int = 1,
        *,
        temperature: float = 0.9,
        firmness: float = FIRMNESS,
        tries: int = TRIES,
        seed: int | None = None,
    ) -> None:
        if not isinstance(bundle.encoding, CharacterEncoding):
            raise BundleError(f"the bundle {bundle.name!r} follows no scene. Take load_bundle('scenes').")
        _check_whole(count=count, tries=tries)
        self.encoding, self.count = bundle.encoding, count
        self.temperature, self.firmness, self.tries = temperature, firmness, tries
        self._chance = np.random.default_rng(seed)
        self._model = bundle.voices(2 * count)  # first those that are told, then those that are not
        self._pasts = [self.encoding.past() for _ in range(count)]
        self._step = 0
        wanted = [self.encoding.places[f"wanted {name}"] for name in NAMES]
        self._wishes = slice(wanted[0].start, wanted[-1].stop)  # the columns in which a model is told
        # The last bars, each (pieces, steps, voices), and what was wanted of them, (pieces, 4).
        self._written: deque[np.ndarray] = deque(maxlen=KEPT)
        self._wanted: deque[np.ndarray] = deque(maxlen=KEPT)

    @property
    def steps(self) -> int:
        """Steps in a bar."""
        return round(BAR * self.encoding.steps_per_quarter)

    def copy(self) -> Writer:
        """Return a writer that goes its own way from here."""
        twin = copy.copy(self)
        twin._chance, twin._model = copy.deepcopy(self._chance), self._model.copy()
        twin._pasts = [past.copy() for past in self._pasts]
        twin._written, twin._wanted = self._written.copy(), self._wanted.copy()
        return twin

    def keep(self, which: Sequence[int]) -> None:
        """Go on with the pieces of these numbers, in this order. A number may come more than once."""
        rows = np.array(which)
        self._model.keep(np.concatenate([rows, rows + self.count]))
        self._pasts = [self._pasts[n].copy() for n in rows]
        self._written = deque((bar[rows] for bar in self._written), maxlen=KEPT)
        self._wanted = deque((levels[rows] for levels in self._wanted), maxlen=KEPT)
        self.count = len(rows)

    def write(self, levels: np.ndarray, given: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Write a bar, or listen to one that is given.

        Parameters
        ----------
        levels : int array (4,) or (pieces, 4)
            What is wanted, 0 to `LEVELS`; 0 asks for nothing.
        given : int array (steps, voices), optional
            The tokens of a bar that stands.

        Returns
        -------
        tokens : int32 array (pieces, steps, voices)
        nats : float array (pieces,)
            How surprised the model was by the bar, the sum over all its tokens, at temperature 1 and not pushed.

        Raises
        ------
        ValueError
            For a level outside of 0 to `LEVELS`, or a given bar of another shape.
        """
        levels = np.broadcast_to(levels, (self.count, len(NAMES)))
        if levels.dtype.kind not in "iu" or levels.min() < FREE or levels.max() > LEVELS:
            raise ValueError(f"levels are whole numbers from {FREE} to {LEVELS}, one for each of {', '.join(NAMES)}.")
        if given is not None and np.shape(given) != (self.steps, self.encoding.voices):
            raise ValueError(
                f"the bar that is given has the shape {np.shape(given)}; it must be {self.steps, self.encoding.voices}."
            )
        # On one core: for such small products cores would wait for one another.
        return cores.in_parts(self._bar, [levels], [given])[0]

    def _bar(self, levels: np.ndarray, given: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Write a bar as often as is to be tried, and keep the nearest; or listen to one that is given."""
        if self._step >= MEMORY * self.steps:
            self._begin_again()
        if given is not None or self.tries == 1:
            return self._write(levels, given)
        count, levels = self.count, np.repeat(levels, self.tries, axis=0)
        self.keep(np.repeat(np.arange(count), self.tries))
        tokens, nats = self._write(levels, None)
        chosen = self._distances(levels).reshape(count, self.tries).argmin(axis=1) + np.arange(count) * self.tries
        self.keep(chosen)
        return tokens[chosen], nats[chosen]

    def _write(self, levels: np.ndarray, given: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Write a bar of each piece once, or listen to one that is given."""
        tokens = np.zeros((self.count, self.steps, self.encoding.voices), dtype=np.int32)
        nats = np.zeros(self.count)
        for step, place in enumerate(self._places()):
            self._listen(place, levels)
            for voice in range(self.encoding.voices):
                told, untold = np.split(self._model.log_probabilities(voice), 2)  # (pieces, size) each
                if given is not None:
                    tokens[:, step, voice] = given[step, voice]
                else:
                    pushed = untold + self.firmness * (told - untold)
                    p = distribution(pushed, temperature=self.temperature, allowed=self._allowed(voice, step))
                    tokens[:, step, voice] = draw(p, self._chance.random(self.count))
                nats -= told[np.arange(self.count), tokens[:, step, voice]]
                self._model.choose(voice, np.tile(tokens[:, step, voice], 2))
            self._see(tokens[:, step])
        self._written.append(tokens)
        self._wanted.append(levels)
        return tokens, nats

    def _distances(self, levels: np.ndarray) -> np.ndarray:
        """Return how far the last bar of each piece is from what was wanted, in levels, squared: float array (pieces,)."""
        music = np.concatenate(list(self._written)[-5:], axis=1)  # the mode is one of several bars
        measured = np.array([self.encoding.character(piece, METRE)[-1] for piece in music])  # (pieces, 4)
        apart = np.where(levels == FREE, 0, self.encoding.places_between(measured) - levels)
        return (apart**2).sum(axis=1)

    def _places(self) -> list[list[int]]:
        """Return what is known of the steps of the next bar beforehand."""
        return self.encoding.place(self._step, self._step + self.steps, METRE).tolist()

    def _listen(self, place: list[int], levels: np.ndarray) -> None:
        untold = np.array([[*place, *past.row()] for past in self._pasts], dtype=np.int32)
        told = untold.copy()
        told[:, self._wishes] = levels
        self._model.listen(np.concatenate([told, untold]))

    def _see(self, tokens: np.ndarray) -> None:
        """Take note of a step, (pieces, voices)."""
        for past, row in zip(self._pasts, tokens.tolist(), strict=True):
            past.see(row)
        self._step += 1

    def _allowed(self, voice: int, step: int) -> np.ndarray:
        """Return what a voice may do, bool array (pieces, size): no end, and no note that is held over a bar line.

        All four are silent for half a bar at most: what has been silent for long makes a model expect more of it.
        """
        allowed = np.ones((self.count, self.encoding.size), dtype=bool)
        allowed[:, END] = False
        allowed[:, HOLD] = [step > 0 and past.sounding[voice] > 0 for past in self._pasts]
        if voice == 0:
            silent = [min(past.held) >= self.steps // 2 and not any(past.sounding) for past in self._pasts]
            allowed[silent, REST] = False
        return allowed

    def _begin_again(self) -> None:
        """Forget all but the last bars: begin a piece, and listen to them."""
        self._model.reset()
        self._pasts = [self.encoding.past() for _ in range(self.count)]
        self._step = 0
        for bar, levels in zip(self._written, self._wanted, strict=True):
            for step, place in enumerate(self._places()):
                self._listen(place, levels)
                self._see(bar[:, step])


@dataclass(frozen=True)
class Bar:
    """One bar of a stream.

    Attributes
    ----------
    number : int
        Counted from 1.
    scene : Scene
    score : Score
        Four voices, one bar long, with the scene's tempo and loudness.
    returns : bool
        Whether it belongs to a theme that has returned.
    """

    number: int
    scene: Scene
    score: Score
    returns: bool


class Stream:
    """An endless piece that follows a scene.

    Parameters
    ----------
    bundle : Bundle
    scene : Scene
        What it begins with.
    theme : int
        Bars of a scene's beginning that are kept, and played again when the scene returns. 0: none.
    temperature : float
    seed : int, optional
        Same seed and same changes at the same bars, same music.

    Attributes
    ----------
    scene : Scene
        Set it, and the next bar is of this scene. Of a theme that returns the notes are what they were; tempo and loudness
        are those of the scene.

    Raises
    ------
    TypeError
        If it is given anything else for a scene.
    """

    def __init__(
        self, bundle: Bundle, scene: Scene, *, theme: int = 4, temperature: float = 0.9, seed: int | None = None
    ) -> None:
        if theme:
            _check_whole(theme=theme)
        self.scene, self.theme = scene, theme
        self._writer = Writer(bundle, temperature=temperature, seed=seed)
        self._number = 0
        self._playing: str | None = None  # the scene of the last bar
        self._themes: dict[str, list[np.ndarray]] = {}
        self._recall: list[np.ndarray] = []  # what is left to play of a theme that has returned
        self._before: dict | None = None

    @property
    def scene(self) -> Scene:
        """The scene of the next bar."""
        return self._scene

    @scene.setter
    def scene(self, scene: Scene) -> None:
        if not isinstance(scene, Scene):
            raise TypeError(f"a stream wants a Scene, for instance SCENES['battle'], and was given {scene!r}.")
        self._scene = scene

    def next_bar(self) -> Bar:
        """Write the next bar."""
        self._before = self._state()
        name = self.scene.name
        if name != self._playing:
            self._playing, self._recall = name, list(self._themes.get(name, []))
        returns = bool(self._recall)
        given = self._recall.pop(0) if returns else None
        tokens, _ = self._writer.write(self.scene.levels, given)
        kept = self._themes.setdefault(name, [])
        if not returns and len(kept) < self.theme:
            kept.append(tokens[0])
        self._number += 1
        return Bar(self._number, self.scene, _score(self._writer.encoding, tokens[0], self.scene), returns)

    def take_back(self) -> None:
        """Unwrite the last bar, which nobody has heard yet, so that the next one takes its place.

        Raises ValueError if there is none: only one bar can be taken back.
        """
        if self._before is None:
            raise ValueError("no bar can be taken back: write one first, and take back only the last.")
        self.__dict__.update(self._before, _scene=self._scene)

    def _state(self) -> dict:
        kept = dict(self.__dict__, _writer=self._writer.copy(), _recall=list(self._recall), _before=None)
        return {**kept, "_themes": {name: list(bars) for name, bars in self._themes.items()}}


def _check_whole(**numbers: int) -> None:
    """Raise ValueError unless each is a whole number of 1 or more."""
    for name, value in numbers.items():
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name}={value!r}: it must be a whole number, 1 or more.")


def _score(encoding: CharacterEncoding, tokens: np.ndarray, scene: Scene) -> Score:
    """Decode bars, with the tempo and the loudness of a scene; what begins with a bar is a little louder."""
    score = encoding.decode(tokens)
    notes = score.notes.copy()
    notes["velocity"] = np.clip(scene.loudness + np.where(notes["onset"] % BAR == 0, 8, 0), 1, 127)
    return Score(notes, title=scene.name, tempo=scene.tempo, time_signature=METRE)


# --- sound ----------------------------------------------------------------------------------------------------


class Tape:
    """Plays bars one after the other, without a gap.

    What still rings when a bar ends is added to the next one. The bar lines lie where the tempo puts them, to the frame, however
    many bars there have been.
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self._ringing = np.zeros((0, 2), dtype=np.float32)

    def play(self, score: Score) -> np.ndarray:
        """Play a bar: float32 array (frames, 2) within ±1, `RATE` frames a second."""
        start, self._seconds = round(self._seconds * RATE), self._seconds + BAR * 60 / score.tempo
        length = round(self._seconds * RATE) - start
        sound = _stereo(score)
        whole = np.zeros((max(length, len(sound), len(self._ringing)), 2), dtype=np.float32)
        whole[: len(sound)] += sound
        whole[: len(self._ringing)] += self._ringing
        self._ringing = whole[length:]
        return np.clip(whole[:length], -1, 1)


def _stereo(score: Score) -> np.ndarray:
    """Play a bar, each voice in its place however many sing."""
    return mix(score, voices=sorted({*range(4), *score.voices})) * np.float32(SOFTER)


# --- loops ----------------------------------------------------------------------------------------------------


def loop(bundle: Bundle, scene: Scene, bars: int = 8, *, temperature: float = 0.9, seed: int | None = None) -> Score:
    """Write a piece that can be played round and round.

    The last two bars are written sixteen times, and of these the model is asked after which it would least be surprised by the
    first bar. So the seam is no seam to its ear.

    Parameters
    ----------
    bundle : Bundle
    scene : Scene
    bars : int
        4 or more.
    temperature : float
    seed : int, optional

    Returns
    -------
    Score
        Of just so many bars.

    Raises
    ------
    ValueError
        For fewer than 4 bars.
    """
    _check_whole(bars=bars)
    if bars < 4:
        raise ValueError(f"bars={bars}: a loop has 4 or more.")
    writer = Writer(bundle, temperature=temperature, seed=seed)
    begun = [writer.write(scene.levels)[0][0] for _ in range(bars - 2)]
    writer.keep([0] * 16)
    writer.tries = 1
    ends = np.concatenate([writer.write(scene.levels)[0] for _ in range(2)], axis=1)  # (16, steps of two bars, voices)
    _, surprise = writer.write(scene.levels, begun[0])
    return _score(writer.encoding, np.concatenate([*begun, ends[surprise.argmin()]]), scene)


def save_loop(score: Score, path: str | os.PathLike[str], *, overwrite: bool = False) -> tuple[Path, Path]:
    """Write a loop for a game engine: a WAV file that says where it loops, and a MIDI file beside it.

    The sound is that of the second round, so what still rings at the end of a round is already in its beginning, and the end
    meets the beginning without a click. The loop points, the first and the last frame, stand in the file's "smpl" chunk.

    Parameters
    ----------
    score : Score
        Of whole bars, as `loop` writes it.
    path : path
        Its name ends in .wav. The MIDI file has the same name, and ends in .mid.
    overwrite : bool

    Returns
    -------
    wav, midi : Path

    Raises
    ------
    MusicFileError
        If the score has no notes, a file exists and `overwrite` is not set, or cannot be written.
    """
    wav = Path(path)
    midi = wav.with_suffix(".mid")
    if wav.suffix.lower() != ".wav":
        raise MusicFileError(f"{wav.name}: not written. The name must end in .wav.")
    for file in (wav, midi):
        if file.exists() and not overwrite:
            raise MusicFileError(f"{file} exists already. Pass overwrite=True to replace it, or choose another name.")
    if not len(score):
        raise MusicFileError(f"{wav.name}: not written, for the score has no notes. Give one that has.")
    bars = max(1, int(np.ceil(score.duration / score.bar_length - 1e-9)))
    frames = round(bars * score.bar_length * 60 / score.tempo * RATE)
    sound = _stereo(score)
    around = np.zeros((frames, 2), dtype=np.float32)
    for start in range(0, len(sound), frames):  # what rings on after the end rings in the beginning
        part = sound[start : start + frames]
        around[: len(part)] += part
    try:
        write_atomically(wav, _looped_wav(np.clip(around, -1, 1)), overwrite=overwrite)
    except FileNotFoundError:
        raise MusicFileError(
            f"there is no folder {wav.parent} to write {wav.name} to. Create it, or choose another place."
        ) from None
    except OSError as error:
        raise MusicFileError(f"{wav} cannot be written ({error}). Check the name, and that you may write there.") from None
    return wav, write_midi(score, midi, overwrite=overwrite)


def _looped_wav(samples: np.ndarray) -> bytes:
    """Pack samples, (frames, 2), into a WAV file whose "smpl" chunk has one loop, over all of it."""
    frames, channels = samples.shape
    data = np.rint(samples * 32767).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, channels, RATE, RATE * channels * 2, channels * 2, 16)
    # Nothing of a manufacturer, the length of a frame in nanoseconds, middle C, no pitch correction, no SMPTE time, one loop.
    sampler = struct.pack("<9I", 0, 0, round(1e9 / RATE), 60, 0, 0, 0, 1, 0)
    sampler += struct.pack("<6I", 0, 0, 0, frames - 1, 0, 0)  # loop 0, forwards, from the first to the last frame, for ever
    chunks = b"".join(
        name + struct.pack("<I", len(body)) + body for name, body in ((b"fmt ", form), (b"smpl", sampler), (b"data", data))
    )
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


# --- does it follow? --------------------------------------------------------------------------------------------


def followed(
    bundle: Bundle, *, count: int = 96, bars: int = 8, firmness: float = FIRMNESS, tries: int = TRIES, seed: int = 0
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Ask for characters at random, and measure those that come out.

    Parameters
    ----------
    bundle : Bundle
    count : int
        Pieces, each with four wishes of its own that stay the same throughout.
    bars : int
        Bars of each piece.
    firmness, tries
        As for `Writer`.
    seed : int

    Returns
    -------
    dict of str to (int array (count,), float array (count,))
        For each of `character.NAMES` the levels that were wanted, and the mean of what was measured over the bars.
    """
    _check_whole(count=count, bars=bars)
    wanted = np.random.default_rng(seed).integers(1, LEVELS + 1, size=(count, len(NAMES)))
    writer = Writer(bundle, count, firmness=firmness, tries=tries, seed=seed)
    music = np.concatenate([writer.write(wanted)[0] for _ in range(bars)], axis=1)  # (count, steps, voices)
    measured = np.array([writer.encoding.character(tokens, METRE).mean(axis=0) for tokens in music])
    return {name: (wanted[:, n], measured[:, n]) for n, name in enumerate(NAMES)}


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return how well two rows of numbers agree in their order: from -1, turned round, over 0 to 1, the same (Spearman, 1904).

    Parameters
    ----------
    a, b : arrays (n,)
        Equal numbers share the mean of their ranks.

    Returns
    -------
    float
        nan if one of them is always the same.

    Raises
    ------
    ValueError
        If they are not equally long, or empty, or hold what is no number.
    """
    if np.shape(a) != np.shape(b) or np.ndim(a) != 1 or not len(a) or np.isnan([*a, *b]).any():
        raise ValueError(
            f"two rows of numbers, equally long, are compared; these have the shapes {np.shape(a)} and {np.shape(b)}."
        )
    ranks = []
    for values in (a, b):
        _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(counts) - (counts - 1) / 2)[place])
    if min(np.ptp(rank) for rank in ranks) == 0:
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])
