"""Seconds and sizes of notation, sound and player; and how far the piano's keys are from their pitch.

The music is made up for the purpose: four voices, twenty bars, half a minute. Times are those of the process, so that
what else a computer does counts little; each is the median of eleven, with the least and the most.
"""

import json
import statistics
import time
from base64 import b64encode

import numpy as np

from musiclab import show
from musiclab.score import Score
from musiclab.show.sound import BANK, RATE, render

# Twenty bars of quarters with some eighths, as in a chorale; at tempo 160 they last 30 seconds.
ROWS = [(i, 1 if (i + v) % 3 else 0.5, 74 - 7 * v - (i * (v + 2)) % 5, v) for v in range(4) for i in range(80)]
ROWS += [(i + 0.5, 0.5, 73 - 7 * v - i % 4, v) for v in range(4) for i in range(80) if (i + v) % 3 == 0]
MUSIC = Score(ROWS, title="Four voices", tempo=160, key="C major")


def seconds(call) -> str:
    call()
    taken = []
    for _ in range(11):
        started = time.process_time()
        call()
        taken.append(time.process_time() - started)
    return f"{statistics.median(taken):.3f} s ({min(taken):.3f} to {max(taken):.3f})"


def cents(pitch: int) -> float:
    """How far a key is from its pitch, by the strongest row of partials within half a semitone."""
    n, wanted = 1 << 20, 440 * 2 ** ((pitch - 69) / 12)
    samples = render(Score([(0, 6, pitch)]))[2400:, 0]
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), n))
    off = np.arange(-50, 50.5, 0.5)
    places = [wanted * 2 ** (off / 1200) * k * n / RATE for k in range(1, 7) if wanted * k < 0.45 * RATE]
    return float(off[np.argmax(sum(spectrum[np.rint(place).astype(int)] for place in places))])


def main() -> None:
    engraving, sound, player = show.notation(MUSIC), show.sound(MUSIC), show.player(MUSIC)
    print(f"{len(MUSIC)} notes, {len(MUSIC.voices)} voices, {MUSIC.duration / MUSIC.bar_length:.0f} bars, {sound.seconds:.0f} s")
    print("notation:", seconds(lambda: show.notation(MUSIC)))
    print("sound, rendered and encoded:", seconds(lambda: show.sound(MUSIC)))
    print("of that, rendered:", seconds(lambda: render(MUSIC)))
    stored = len(json.dumps(engraving.svg)) + len(json.dumps(sound.html()))
    print(f"notation and sound in the notebook file: {stored / 1024:.0f} KiB")
    state = json.dumps(player.get_state(), default=lambda data: b64encode(data).decode("ascii"))
    stored = len(state) + len(json.dumps(player.sound.html()))
    print(f"the player in the notebook file: {stored / 1024:.0f} KiB")
    print(f"piano bank: {BANK.stat().st_size / 2**20:.2f} MiB")
    off = {pitch: cents(pitch) for pitch in range(21, 109)}
    worst = max(off, key=lambda pitch: abs(off[pitch]))
    print(f"keys 21 to 108: at most {abs(off[worst]):.1f} cents from their pitch (key {worst})")


if __name__ == "__main__":
    main()
