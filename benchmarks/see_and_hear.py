"""Seconds and sizes of notation, sound and player; and how far the piano's keys are from their pitch.

The music is made up for the purpose: four voices, twenty bars, half a minute. Times are those of the process, so that
what else a computer does counts little; each is the median of eleven, with the least and the most.
"""

import json
import statistics
import time
from base64 import b64encode

import numpy as np
from table import at_most, row, spread

from musiclab import show
from musiclab.score import Score
from musiclab.show.sound import BANK, RATE, render

# Twenty bars of quarters with some eighths, as in a chorale; at tempo 160 they last 30 seconds.
ROWS = [(i, 1 if (i + v) % 3 else 0.5, 74 - 7 * v - (i * (v + 2)) % 5, v) for v in range(4) for i in range(80)]
ROWS += [(i + 0.5, 0.5, 73 - 7 * v - i % 4, v) for v in range(4) for i in range(80) if (i + v) % 3 == 0]
MUSIC = Score(ROWS, title="Four voices", tempo=160, key="C major")


def seconds(call) -> list[float]:
    call()
    taken = []
    for _ in range(11):
        started = time.process_time()
        call()
        taken.append(time.process_time() - started)
    return taken


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
    bars = MUSIC.duration / MUSIC.bar_length
    what = f"{len(MUSIC.voices)} voices, {bars:.0f} bars, {len(MUSIC)} notes, {sound.seconds:.0f} s"
    times = seconds(lambda: show.notation(MUSIC))
    row(f"notation: {what}", f"{spread(times)} s", **at_most(0.4, statistics.median(times), " s"), front=True)
    times = seconds(lambda: show.sound(MUSIC))
    bar = at_most(0.5, statistics.median(times), " s")
    row("sound of the same music, rendered and encoded", f"{spread(times)} s", **bar, front=True)
    row("of that, rendered", f"{spread(seconds(lambda: render(MUSIC)), '.3f')} s")
    kept = (len(json.dumps(engraving.svg)) + len(json.dumps(sound.html()))) / 1024
    row("room that notation and sound take in the notebook file", f"{kept:.0f} KiB", **at_most(200, kept, " KiB"))
    state = json.dumps(player.get_state(), default=lambda data: b64encode(data).decode("ascii"))
    kept = (len(state) + len(json.dumps(player.sound.html()))) / 1024
    row("room that the player takes", f"{kept:.0f} KiB", **at_most(200, kept, " KiB"))
    size = BANK.stat().st_size / 2**20
    row("piano bank", f"{size:.2f} MiB", **at_most(0.6, size, " MiB"))
    off = {pitch: cents(pitch) for pitch in range(21, 109)}
    worst = max(off, key=lambda pitch: abs(off[pitch]))
    error = abs(off[worst])
    row(f"largest error of a key's pitch, keys 21 to 108 (here {worst})", f"{error:.1f} cents", **at_most(10, error, " cents"))


if __name__ == "__main__":
    main()
