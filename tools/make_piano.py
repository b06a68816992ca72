"""Write data/piano.npz: the piano of `show.sound`, twenty notes cut from the FluidR3 General MIDI soundfont.

FluidR3 is free to use and pass on under the MIT licence (data/PIANO-LICENSE.txt). The course does not need this script;
it is here so that the bank can be checked and made again::

    python tools/make_piano.py FluidR3_GM.sf2

On Debian the soundfont is in the package fluid-soundfont-gm, under /usr/share/sounds/sf2.

Of each note the left channel is taken, resampled to 24,000 frames a second, cut after at most 1.7 seconds and brought to
the same loudness. Its pitch is measured, not believed. A note that is held for longer is played on by repeating its last
part, softer each time: here that part is faded into what comes before it, so that the seam is not heard.
"""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path

import numpy as np
import soundfile

RATE = 24_000
TARGET = Path(__file__).resolve().parent.parent / "data" / "piano.npz"

SECONDS = 1.7  # kept of a note, unless it is shorter
LOOP_SECONDS = 0.45
SOFTER = 0.75, 0.85  # least and most that is left of a note's level from one loop to the next
LOUDNESS = 0.10  # root mean square of a note's first half second
# The soundfont's names count octaves in two ways; these are the keys that one hears, lowest first.
KEYS = (26, 30, 34, 38, 42, 46, 50, 54, 58, 62, 66, 70, 74, 78, 84, 90, 94, 99, 104, 108)
STEP = 2.0**-12  # amplitudes are rounded to multiples of this: finer than the sound file that is made of them


def samples_of(data: bytes, prefix: bytes) -> dict[str, tuple[np.ndarray, int]]:
    """Return the mono samples of a soundfont whose name begins so: name -> (frames, rate). The format is RIFF."""
    chunks: dict[bytes, tuple[int, int]] = {}
    at = 12
    while at < len(data):  # a list of lists: INFO, sdta (sound), pdta (descriptions)
        size = struct.unpack("<I", data[at + 4 : at + 8])[0]
        inner = at + 12
        while inner < at + 8 + size:
            name, length = data[inner : inner + 4], struct.unpack("<I", data[inner + 4 : inner + 8])[0]
            chunks[name] = inner + 8, length
            inner += 8 + length + length % 2
        at += 8 + size + size % 2
    sound, (headers, length) = chunks[b"smpl"][0], chunks[b"shdr"]
    found = {}
    for start in range(headers, headers + length, 46):
        name, first, last, _, _, rate = struct.unpack("<20s5I", data[start : start + 40])
        name = name.split(b"\0")[0]
        if name.startswith(prefix):
            frames = np.frombuffer(data, dtype="<i2", count=last - first, offset=sound + 2 * first)
            found[name.decode("ascii")] = frames / 32768, rate
    return found


def resampled(frames: np.ndarray, rate: int) -> np.ndarray:
    """Change the sampling rate, by cutting the spectrum."""
    length = len(frames) // 4 * 4
    spectrum = np.fft.rfft(frames[:length])
    wanted = length * RATE // rate
    return np.fft.irfft(spectrum[: wanted // 2 + 1], wanted) * wanted / length


def fundamental(frames: np.ndarray, near: float) -> float:
    """Measure a note's pitch in hertz: the frequency within 60 cents of `near` whose first six multiples are strongest.

    One partial would not do: of the lowest strings the first is hardly there.
    """
    n = 1 << 20
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(len(frames)), n))
    candidates = near * 2 ** (np.arange(-60, 60.5, 0.5) / 1200)
    strengths = sum(spectrum[np.rint(candidates * k * n / RATE).astype(int)] for k in range(1, 7) if near * k < 0.45 * RATE)
    return float(candidates[int(np.argmax(strengths))])


def looped(frames: np.ndarray, frequency: float) -> tuple[np.ndarray, int, float]:
    """Make a note's end ready to be repeated: return the note, the loop's first frame, and how much softer each time."""
    loop = round(round(min(LOOP_SECONDS, len(frames) / RATE / 3) * frequency) * RATE / frequency)  # whole periods
    start = len(frames) - loop
    rms = [np.sqrt(np.mean(frames[a : a + loop] ** 2)) for a in (start - loop, start)]
    measured = rms[1] / rms[0]
    # A piano's string loses its first sound quickly and keeps a rest for long. The recording ends too soon to show that.
    softer = float(np.clip(measured, *SOFTER))
    slower = (softer / measured) ** (np.arange(-len(frames), 0) / loop + 1)  # 1 where the loop begins
    fade = np.linspace(0, 1, loop // 2)
    before = frames[start - len(fade) : start] * slower[start - len(fade) : start]
    end = frames.copy()
    end[start:] *= slower[start:]
    # What follows the end is the loop's start, softer; what comes before the loop's start leads into it.
    end[-len(fade) :] = end[-len(fade) :] * (1 - fade) + softer * before * fade
    return end, start, softer


def main(soundfont: str) -> None:
    """Cut the notes and write the bank."""
    notes, pitches, loops, softer = [], [], [], []
    samples = samples_of(Path(soundfont).read_bytes(), b"P200 Piano")
    left = [sample for name, sample in samples.items() if name.endswith("(L)")]
    for key, (frames, rate) in zip(KEYS, left, strict=True):
        frames = resampled(frames, rate)
        begins = int(np.argmax(np.abs(frames) > 0.002))
        frames = frames[max(0, begins - 24) :][: int(SECONDS * RATE)]
        frames = frames / np.sqrt(np.mean(frames[: RATE // 2] ** 2)) * LOUDNESS
        frequency = fundamental(frames, 440 * 2 ** ((key - 69) / 12))
        frames, loop, factor = looped(frames, frequency)
        notes.append(np.rint(frames / STEP).astype(np.int16))
        pitches.append(round(69 + 12 * np.log2(frequency / 440), 4))
        loops.append(loop)
        softer.append(round(factor, 4))
        print(f"{key:3} {pitches[-1]:8.3f} {len(frames) / RATE:5.2f} s, repeated x {factor:.2f} every {loop / RATE:.2f} s")
    buffer = io.BytesIO()
    soundfile.write(buffer, np.concatenate(notes), RATE, format="FLAC", subtype="PCM_16", compression_level=1.0)
    np.savez(
        TARGET,
        flac=np.frombuffer(buffer.getvalue(), dtype=np.uint8),
        pitch=np.array(pitches),
        end=np.cumsum([len(note) for note in notes]),
        loop=np.array(loops),
        softer=np.array(softer),
        step=np.float64(STEP),
    )
    print(f"{TARGET.name}: {len(notes)} notes, {TARGET.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main(*sys.argv[1:])
