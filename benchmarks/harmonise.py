"""Three ways to write voices for a melody that is given, compared: ``python benchmarks/harmonise.py``.

*forced*: the model writes freely, and the melody's notes are put in place of its own. It answers to what the melody has done, and
knows nothing of what it will do.

*particles*: sixteen such pieces side by side. At each step those survive which had expected the melody's next note, and are
copied in place of those which had not (a particle filter; Gordon, Salmond and Smith, 1993). So a piece that led the
other voices away from where the melody goes dies out.

*told*: the model reads the melody from its end backwards beforehand (`models.chorale_model`, `ahead`).

Each harmonises the sopranos of chorales that the shipped bundle has never seen. What comes out is measured by how surprising
it is, all four voices, to the model that writes freely, and by parallel fifths and octaves; Bach's own settings stand beside it.
"""

from __future__ import annotations

import argparse
import copy

import numpy as np

from musiclab.bundle import load_bundle
from musiclab.encoding import END, HOLD, ChoraleEncoding
from musiclab.evaluation import grid_of, parallels
from musiclab.harmony import write_voices
from musiclab.sampling import distribution, draw
from musiclab.training import chorale_sides
from musiclab.voices import Voices

PARTICLES = 16


class Blind(Voices):
    """The same model, that is told nothing beforehand."""

    def look_ahead(self, given: np.ndarray) -> None:
        """Do not look."""


def nats(model: Blind, encoding: ChoraleEncoding, tokens: np.ndarray, metre: tuple[int, int]) -> float:
    """Return the mean surprise of a piece, per voice and step, to the model that writes freely."""
    model.reset(1)
    rows, total = encoding.inputs(tokens, metre), 0.0
    for row, step in zip(rows, tokens, strict=False):
        model.listen(row[None])
        for voice, token in enumerate(step):
            total -= model.log_probabilities(voice)[0, token]
            model.choose(voice, np.array([token]))
    return total / tokens.size


def particles(model: Blind, encoding: ChoraleEncoding, melody: np.ndarray, metre: tuple[int, int], seed: int) -> np.ndarray:
    """Harmonise a melody, int array (steps,), by a particle filter: int array (steps, voices)."""
    rng = np.random.default_rng(seed)
    model.reset(PARTICLES)
    pasts = [encoding.past() for _ in range(PARTICLES)]
    written = np.zeros((PARTICLES, len(melody), encoding.voices), dtype=np.int32)
    weights = np.zeros(PARTICLES)  # logarithms
    for t, token in enumerate(melody):
        place = encoding.place(t, t + 1, metre)[0]
        model.listen(np.array([[*place, *past.row()] for past in pasts]))
        weights += model.log_probabilities(0)[:, token]
        written[:, t, 0] = token
        model.choose(0, written[:, t, 0])
        for voice in range(1, encoding.voices):
            allowed = np.ones((PARTICLES, encoding.size), dtype=bool)
            allowed[:, END] = False
            allowed[:, HOLD] = [past.sounding[voice] > 0 for past in pasts]
            written[:, t, voice] = draw(distribution(model.log_probabilities(voice), allowed=allowed), rng.random(PARTICLES))
            model.choose(voice, written[:, t, voice])
        for past, step in zip(pasts, written[:, t].tolist(), strict=True):
            past.see(step)
        shares = np.exp(weights - weights.max())
        shares /= shares.sum()
        if 1 / (shares**2).sum() < PARTICLES / 2:  # too few of them carry the weight
            places = (rng.random() + np.arange(PARTICLES)) / PARTICLES
            parents = np.searchsorted(shares.cumsum(), places).clip(max=PARTICLES - 1)
            seen = np.isin(np.arange(PARTICLES), np.unique(parents, return_index=True)[1])
            pasts = [pasts[p] if first else copy.deepcopy(pasts[p]) for p, first in zip(parents, seen, strict=True)]
            written, weights = written[parents], np.zeros(PARTICLES)
            model.keep(parents)
    return written[int(weights.argmax())]


def main() -> None:
    """Harmonise and print the table."""
    parser = argparse.ArgumentParser(description="Compare ways to harmonise a given melody.")
    parser.add_argument("--count", type=int, default=12, help="how many of the held-out chorales")
    count = parser.parse_args().count
    bundle = load_bundle("chorale")
    encoding, blind = bundle.encoding, Blind(bundle.weights, bundle.encoding)
    told, held_out = bundle.voices(), chorale_sides(encoding)["test"][:count]
    found: dict[str, list[tuple[float, dict[str, int]]]] = {}
    for seed, score in enumerate(held_out):
        tokens, metre = encoding.encode(score), score.time_signature
        given = np.full_like(tokens, encoding.size)
        given[:, 0] = tokens[:, 0]
        settings = {"given": given, "time_signature": metre, "seed": seed}
        ways = {
            "Bach": tokens,
            "forced": write_voices(blind, encoding, len(tokens), **settings)[0],
            "particles": particles(blind, encoding, tokens[:, 0], metre, seed),
            "told": write_voices(told, encoding, len(tokens), **settings)[0],
        }
        for way, written in ways.items():
            row = (nats(blind, encoding, written, metre), parallels(grid_of(encoding.decode(written))))
            found.setdefault(way, []).append(row)
    print(f"{len(held_out)} held-out melodies\n")
    print("| way | nats per voice-step | parallel fifths / octaves per 100 changes |\n|---|---|---|")
    for way, rows in found.items():
        changes = sum(p["changes"] for _, p in rows)
        fifths, octaves = (100 * sum(p[name] for _, p in rows) / changes for name in ("fifths", "octaves"))
        print(f"| {way} | {np.mean([n for n, _ in rows]):.3f} | {fifths:.2f} / {octaves:.2f} |")


if __name__ == "__main__":
    main()
