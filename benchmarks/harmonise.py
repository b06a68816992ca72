"""Two ways to write voices for a melody that is given, compared: ``python benchmarks/harmonise.py``.

*forced*: the model writes freely, and the melody's notes are put in place of its own. It answers to what the melody has done, and
knows nothing of what it will do.

*particles*: sixteen pieces side by side; at each step those survive which had expected the melody's next note
(`musiclab.harmony`). A piece that leads the other voices away from where the melody goes dies out.

Each harmonises the sopranos of chorales that the shipped bundle has never seen. What comes out is measured by how surprising
it is, all four voices, to the model that writes freely, and by parallel fifths and octaves; Bach's own settings stand beside it.
"""

from __future__ import annotations

import argparse

import numpy as np

from musiclab.bundle import load_bundle
from musiclab.encoding import END, HOLD, ChoraleEncoding
from musiclab.evaluation import grid_of, parallels
from musiclab.harmony import write_voices
from musiclab.sampling import distribution, draw
from musiclab.splits import chorale_sides
from musiclab.voices import Voices


def alone(model: Voices, encoding: ChoraleEncoding, given: np.ndarray, metre: tuple[int, int], seed: int) -> np.ndarray:
    """Write one piece around what is given, from left to right: int array (steps, voices)."""
    rng, past = np.random.default_rng(seed), encoding.past()
    model.reset(1)
    written = given.copy()
    for t, step in enumerate(given):
        model.listen(np.array([[*encoding.place(t, t + 1, metre)[0], *past.row()]]))
        for voice, token in enumerate(step):
            if token == encoding.size:
                allowed = np.ones(encoding.size, dtype=bool)
                allowed[[END, HOLD]] = False, past.sounding[voice] > 0
                written[t, voice] = draw(distribution(model.log_probabilities(voice)[0], allowed=allowed), rng.random())
            model.choose(voice, written[t, voice : voice + 1])
        past.see(written[t].tolist())
    return written


def nats(model: Voices, encoding: ChoraleEncoding, tokens: np.ndarray, metre: tuple[int, int]) -> float:
    """Return the mean surprise of a piece, per voice and step, to the model that writes freely."""
    model.reset(1)
    rows, total = encoding.inputs(tokens, metre), 0.0
    for row, step in zip(rows, tokens, strict=False):
        model.listen(row[None])
        for voice, token in enumerate(step):
            total -= model.log_probabilities(voice)[0, token]
            model.choose(voice, np.array([token]))
    return total / tokens.size


def main() -> None:
    """Harmonise and print the table."""
    parser = argparse.ArgumentParser(description="Compare ways to harmonise a given melody.")
    parser.add_argument("--count", type=int, default=12, help="how many of the held-out chorales")
    count = parser.parse_args().count
    bundle = load_bundle("chorale")
    encoding, model = bundle.encoding, bundle.voices()
    held_out = chorale_sides(encoding)["test"][:count]
    found: dict[str, list[tuple[float, dict[str, int]]]] = {}
    for seed, score in enumerate(held_out):
        tokens, metre = encoding.encode(score), score.time_signature
        given = np.full_like(tokens, encoding.size)
        given[:, 0] = tokens[:, 0]
        ways = {
            "Bach": tokens,
            "forced": alone(model, encoding, given, metre, seed),
            "particles": write_voices(model, encoding, 0, given=given, time_signature=metre, seed=seed)[0],
        }
        for way, written in ways.items():
            row = (nats(model, encoding, written, metre), parallels(grid_of(encoding.decode(written))))
            found.setdefault(way, []).append(row)
    print(f"{len(held_out)} held-out melodies\n")
    print("| way | nats per voice-step | parallel fifths / octaves per 100 changes |\n|---|---|---|")
    for way, rows in found.items():
        changes = sum(p["changes"] for _, p in rows)
        fifths, octaves = (100 * sum(p[name] for _, p in rows) / changes for name in ("fifths", "octaves"))
        print(f"| {way} | {np.mean([n for n, _ in rows]):.3f} | {fifths:.2f} / {octaves:.2f} |")


if __name__ == "__main__":
    main()
