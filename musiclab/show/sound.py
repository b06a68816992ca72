"""Sound: a score as a piano plays it, as an MP3 in an audio element.

`render` is a sampler. It holds twenty recorded notes of a piano (data/piano.npz); every other pitch is the nearest of
them, played a little faster or slower. A note sounds for as long as it is written, then a damper ends it. Where the bank is
missing, or the library that reads and writes sound files, a plainer sound is computed: a sum of sines that die away.

The arithmetic is additions and products of single numbers, which every processor rounds alike, so that the same score
gives the same samples everywhere; functions that processors compute differently only meet numbers that are rounded
afterwards. The MP3 of the same samples is the same in every process on one kind of computer.
"""

from __future__ import annotations

import functools
import html
import io
import math
import os
import zipfile
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from musiclab.files import write_atomically
from musiclab.score import Score
from musiclab.show.picture import describe

__all__ = ["RATE", "Sound", "SoundError", "mix", "render", "save_audio", "sound"]

RATE = 24_000  # frames a second
NOTEBOOK_RATE = 16_000  # of what a notebook stores: nearly all of a piano's sound lies below 8,000 hertz
BANK = Path(__file__).resolve().parents[2] / "data" / "piano.npz"

RELEASE = 0.12  # seconds until the damper has silenced a string
KEPT_SECONDS = 4  # tones up to this length are kept for the next note
FADE_IN = 24  # frames; a note that began at once would click
LOUDNESS = 1.6
PEAK = 0.89  # of what a file can hold; the MP3 may go a little over the samples
SPREAD = 0.2  # voices stand from this far left to this far right, where 1 is the edge

MOST_HOURS = 2  # of a sound file
# A notebook has to stay small: a piece shown there, with its notation, takes at most 200 KiB.
MOST_SECONDS = 48  # of a piece
MOST_STEREO_SECONDS = 20  # two channels take twice the time to encode, too
# How small the MP3 is made, by its number of channels: 0 is the largest file, 1 the smallest. At these the error, measured
# on chorales and tunes, is some 13 to 18 decibels below the music, at 18 and 30 kilobits a second. "AVERAGE" has the smaller
# error at such rates, but for two channels it takes too long; "CONSTANT" begins late, for its file does not say by how much.
MP3 = {
    1: {"compression_level": 0.94, "bitrate_mode": "AVERAGE"},
    2: {"compression_level": 0.999, "bitrate_mode": "VARIABLE"},
}


# What happens where soundfile is missing, where its own library is, and where that library cannot read or write a format.
_NO_SOUNDFILE = (ImportError, OSError, RuntimeError)


class SoundError(Exception):
    """A sound cannot be written. The message says why and what to do."""


# --- the sampler ----------------------------------------------------------------------------------------


def render(score: Score) -> np.ndarray:
    """Play a score.

    Parameters
    ----------
    score : Score
        Its velocities decide how loud each note is, its tempo how fast it goes.

    Returns
    -------
    float32 array (frames, channels)
        `RATE` frames a second, values within ±0.89: one channel for a single voice, two for several, which stand
        beside each other from the highest at the left to the lowest at the right.
    """
    mixed = mix(score)
    peak = float(np.abs(mixed).max(initial=0.0))
    return mixed * np.float32(PEAK / peak) if peak > PEAK else mixed


def mix(score: Score, voices: Sequence[int] | None = None) -> np.ndarray:
    """Play a score as `render` does, but leave it as loud as it comes out: values may lie outside of ±1.

    For music that is played in pieces, one after the other: all must be made softer by the same amount, and a voice must keep its
    place also where another one is silent for a while. So `voices` says which there are; by default those that sing.
    """
    spread = _places(score.voices if voices is None else voices)
    channels = 1 if len(spread) < 2 else 2
    seconds = 60.0 / score.tempo
    mixed = np.zeros((round((score.duration * seconds + RELEASE) * RATE) + 1, channels), dtype=np.float32)
    for onset, duration, pitch, voice, velocity in score.notes.tolist():
        start, length = round(onset * seconds * RATE), max(1, round(duration * seconds * RATE))
        note = _note(pitch, length) * np.float32(_gain(velocity))  # (frames,)
        note = note[: len(mixed) - start]
        for channel, share in enumerate(spread[voice]):
            mixed[start : start + len(note), channel] += note * np.float32(share)
    return mixed


def _places(voices: Sequence[int]) -> dict[int, tuple[float, ...]]:
    """Return how loud each voice is in each channel; left and right have the same power together."""
    if len(voices) < 2:
        return {voice: (1.0,) for voice in voices}
    angles = [math.pi / 4 * (1 + SPREAD * (2 * k / (len(voices) - 1) - 1)) for k in range(len(voices))]
    return {voice: (round(math.cos(a), 6), round(math.sin(a), 6)) for voice, a in zip(voices, angles, strict=True)}


def _gain(velocity: int) -> float:
    """Return the loudness of a velocity: twice the velocity is about 10 decibels more, as on MIDI pianos."""
    return round(LOUDNESS * (velocity / 127) ** 1.6, 6)


def _note(pitch: int, length: int) -> np.ndarray:
    """Return a note that is held for `length` frames and then damped: float32 (length + release,)."""
    release = round(RELEASE * RATE)
    seconds = math.ceil((length + release) / RATE)  # whole ones, so that notes of about the same length share a tone
    tone = (_kept_tone if seconds <= KEPT_SECONDS else _tone)(pitch, seconds * RATE)[: length + release].copy()
    fade = np.linspace(0, 1, FADE_IN, dtype=np.float32)[: len(tone)]
    tone[: len(fade)] *= fade
    damper = np.linspace(1, 0, release, dtype=np.float32)
    tone[length:] *= damper * damper
    return tone


def _tone(pitch: int, frames: int) -> np.ndarray:
    """Return the sound of a key that is held, float32 (frames,)."""
    bank = _bank()
    return _sines(pitch, frames) if bank is None else _sampled(bank, pitch, frames)


_kept_tone = functools.lru_cache(maxsize=256)(_tone)  # at most 100 MB


@dataclass(frozen=True)
class _Bank:
    """Recorded notes: their sound, their measured pitches, where they can be repeated, and how much softer then."""

    notes: list[np.ndarray]
    pitches: np.ndarray
    loops: list[int]
    softer: list[float]


@functools.cache
def _bank() -> _Bank | None:
    """Read the piano, or return None if it or the library that reads it is missing."""
    try:
        import soundfile

        with np.load(BANK, allow_pickle=False) as data:
            frames, _ = soundfile.read(io.BytesIO(data["flac"].tobytes()), dtype="int16")
            sound = frames.astype(np.float32) * np.float32(data["step"])
            notes = np.split(sound, data["end"][:-1])
            return _Bank(notes, data["pitch"], data["loop"].tolist(), data["softer"].tolist())
    except (*_NO_SOUNDFILE, EOFError, ValueError, KeyError, zipfile.BadZipFile):  # the later ones: a damaged bank
        return None


def _sampled(bank: _Bank, pitch: int, frames: int) -> np.ndarray:
    """Play the nearest recorded note at the speed that gives it the wanted pitch."""
    nearest = int(np.abs(bank.pitches - pitch).argmin())
    speed = round(2 ** ((pitch - float(bank.pitches[nearest])) / 12), 7)
    source = _held(bank, nearest, math.ceil(frames * speed) + 4)
    at = np.arange(frames) * speed + 1
    whole = at.astype(np.int64)
    x = (at - whole).astype(np.float32)
    before, here, there, after = (source[whole + k] for k in (-1, 0, 1, 2))
    # Catmull and Rom's curve through four neighbours (1974): a straight line would dull the sound.
    slope, bend = there - before, before * 2 - here * 5 + there * 4 - after
    return here + (slope + (bend + ((here - there) * 3 + after - before) * x) * x) * x * np.float32(0.5)


def _held(bank: _Bank, number: int, frames: int) -> np.ndarray:
    """Return a recorded note, with its last part repeated until it is long enough."""
    note, loop, softer = bank.notes[number], bank.loops[number], np.float32(bank.softer[number])
    parts, length, part = [note], len(note), note[loop:]
    while length < frames:
        part = part * softer
        parts.append(part)
        length += len(part)
    return np.concatenate(parts)


def _sines(pitch: int, frames: int) -> np.ndarray:
    """Compute a plain tone: eight partials, the higher ones softer and sooner gone."""
    frequency = 440.0 * 2 ** ((pitch - 69) / 12)
    t = np.arange(frames) / RATE
    tone = np.zeros(frames)
    for n in range(1, 9):
        if n * frequency < RATE / 2:
            tone += 0.2 / n**1.5 * np.exp(-t * (1.5 + 0.7 * n) * (frequency / 440) ** 0.5) * np.sin(2 * np.pi * n * frequency * t)
    return tone.astype(np.float32)


# --- the audio element ----------------------------------------------------------------------------------


class Sound:
    """Music that a notebook can play.

    Attributes
    ----------
    samples : float32 array (frames, channels)
        As `render` returns them.
    rate : int
        Frames a second of the samples.
    data, mime : bytes, str
        The sound file that the notebook stores, and its type: an MP3, or a WAV where no MP3 can be written.
    text : str
        What is to be heard, in words.
    """

    def __init__(self, samples: np.ndarray, text: str, remarks: list[str]) -> None:
        self.samples, self.rate = samples, RATE
        self.data, self.mime = _small_file(samples)
        if self.mime == "audio/wav":
            remarks = [*remarks, "Stored as WAV, for the package soundfile, which writes MP3, is missing or does not work."]
        self.remarks = remarks
        self.text = " ".join([text, *remarks])

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / RATE

    def html(self, **attributes: str) -> str:
        """Return the audio element, with its remarks below it."""
        more = "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items())
        remarks = f"<div>{html.escape(' '.join(self.remarks))}</div>" if self.remarks else ""
        source = f"data:{self.mime};base64,{b64encode(self.data).decode('ascii')}"
        return f'<audio controls preload="auto" aria-label="{html.escape(self.text)}"{more} src="{source}"></audio>{remarks}'

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": self.text}


def sound(score: Score) -> Sound:
    """Let a piano play a score.

    A notebook has to stay small. So a piece in several voices is in stereo if it lasts at most 20 seconds, and of one
    that lasts more than 48 only the beginning is played, and the audio element says so; `save_audio` writes all of it,
    in stereo.

    Returns
    -------
    Sound
        Shows itself as an audio element.
    """
    total = score.duration * 60 / score.tempo
    remarks = []
    if _bank() is None:
        remarks.append("Played by sines and not by the piano: data/piano.npz or the package soundfile cannot be read.")
    if total > MOST_SECONDS:
        remarks.append(f"The first {MOST_SECONDS} s of {total:.0f}; show.save_audio writes all of it to a file.")
    samples = render(score.slice(0, MOST_SECONDS * score.tempo / 60))
    if total > MOST_SECONDS:  # silence at the end of the cut is silence, too
        samples = np.pad(samples, ((0, max(0, MOST_SECONDS * RATE - len(samples))), (0, 0)))
    length = f"{min(total, MOST_SECONDS):.0f} s" if total >= 1 else f"{total:.1f} s"
    return Sound(samples, f"Sound, {length}. {describe(score)}", remarks)


def _small_file(samples: np.ndarray) -> tuple[bytes, str]:
    """Return a small sound file and its mime type: MP3, or WAV if MP3 cannot be written here."""
    if len(samples) > (MOST_STEREO_SECONDS + 1) * RATE:  # a second for the last note
        samples = samples.mean(axis=1, keepdims=True)
    small = _thinned(samples)
    try:
        return _encoded(small, NOTEBOOK_RATE, "MP3", **MP3[small.shape[1]]), "audio/mpeg"
    except _NO_SOUNDFILE:
        return _wav(small, NOTEBOOK_RATE), "audio/wav"


TAPS = 31  # neighbours on each side


@functools.cache
def _filter() -> np.ndarray:
    """Return a low-pass filter for twice the rate: a sinc with its edge at 7,400 hertz, under a Hann window."""
    t = np.arange(-TAPS, TAPS + 1)
    cutoff = 2 * 7_400 / (2 * RATE)
    return np.round(2 * cutoff * np.sinc(cutoff * t) * np.hanning(len(t) + 2)[1:-1], 7).astype(np.float32)


def _thinned(samples: np.ndarray) -> np.ndarray:
    """Keep two frames of three: (frames, channels) to (2/3 frames, channels), without what would fold back as noise.

    Every new frame is a weighted sum of its neighbours. Seen at twice the old rate, where every other frame is
    missing, new frames lie three apart; so they have two sets of weights, in turn.
    """
    frames, channels = samples.shape
    padded = np.pad(samples.T, ((0, 0), (TAPS, 2 * TAPS + 3 + -frames % 3)))
    thirds = np.ascontiguousarray(padded[:, : padded.shape[1] // 3 * 3].reshape(channels, -1, 3).transpose(2, 0, 1))
    thin = np.zeros((frames * 2 // 3, channels), dtype=np.float32)
    for parity in (0, 1):
        out = np.zeros((channels, len(thin[parity::2])), dtype=np.float32)
        for tap, weight in zip(range(-TAPS, TAPS + 1), _filter(), strict=True):
            if (parity + tap) % 2 == 0:  # new frame m lies at 3 m of the doubled rate, old frame k at 2 k
                start, which = divmod((3 * parity + tap) // 2 + TAPS, 3)
                out += thirds[which, :, start : start + out.shape[1]] * weight  # every third frame, lying side by side
        thin[parity::2] = out.T
    return thin


def _encoded(samples: np.ndarray, rate: int, kind: str, **settings: Any) -> bytes:
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind, **settings)
    return buffer.getvalue()


def _wav(samples: np.ndarray, rate: int) -> bytes:
    """Write a WAV file of 16 bits with the standard library alone."""
    import wave

    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(samples * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def save_audio(score: Score, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write all of a score as a sound file: .mp3, .wav, .flac or .ogg.

    Returns its path.

    Raises
    ------
    SoundError
        If the file exists and `overwrite` is not set, if it cannot be written, or if there is nothing to hear.
    """
    path = Path(path)
    kinds = {".mp3": "MP3", ".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG"}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise SoundError(f"{path.name}: not written. The name must end in {', '.join(kinds)}.")
    if not len(score):
        raise SoundError(f"{path.name}: not written, for the score has no notes. Give one that has.")
    if (hours := score.duration / score.tempo / 60) > MOST_HOURS:
        raise SoundError(
            f"{path.name}: not written, for it would last {hours:,.1f} hours, more than {MOST_HOURS}. Cut the score."
        )
    samples = render(score)
    try:
        data = _wav(samples, RATE) if kind == "WAV" else _encoded(samples, RATE, kind)
        write_atomically(path, data, overwrite=overwrite)
    except (ImportError, RuntimeError) as error:
        why = f"the package soundfile is missing or cannot do it ({error})"
        raise SoundError(f"{path.name}: only .wav can be written, for {why}.") from None
    except FileExistsError:
        raise SoundError(f"{path} exists already. Pass overwrite=True to replace it, or choose another name.") from None
    except FileNotFoundError:
        raise SoundError(
            f"there is no folder {path.parent} to write {path.name} to. Create it, or choose another place."
        ) from None
    except (OSError, ValueError) as error:
        raise SoundError(f"{path} cannot be written ({error}). Check the name, the disk and that you may write there.") from None
    return path
