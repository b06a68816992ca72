"""Splits: on which pieces the shipped models were trained, by which they were chosen, and which were held out.

What a model has learned from, it may know by heart. Whoever measures it, compares something with it, or asks whether it
copies, needs these sides. Nothing here needs Keras.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from musiclab import character
from musiclab.bundle import DATA, Bundle
from musiclab.corpus import MELODY_CORPORA, load_corpus
from musiclab.dataset import parts_of, split_pieces, suits_a_melody_model
from musiclab.encoding import LEVELS, CharacterEncoding, ChoraleEncoding, GridEncoding
from musiclab.score import Score

__all__ = ["QUARTETS", "chorale_sides", "melody_sides", "old_sides", "scenes_sides", "without_levels"]

#: Movements of string quartets that the scenes model is chosen by, and those that it is measured on.
QUARTETS = {
    "valid": ("mozart/k155/movement1.mxl", "beethoven/opus59no1/movement4.mxl"),
    "test": ("haydn/opus74no1/movement3.mxl", "mozart/k156/movement2.mxl", "beethoven/opus18no1/movement1.mxl"),
}


def melody_sides(encoding: GridEncoding) -> dict[str, list[Score]]:
    """Return the tunes of the melody corpora by the side of the split on which they are: "train", "valid", "test"."""
    scores = [score for name in MELODY_CORPORA for score in load_corpus(name) if suits_a_melody_model(score, encoding)]
    split = split_pieces(scores, valid=0.05, test=0.05, seed=0)
    return {side: [scores[i] for i in getattr(split, side)] for side in ("train", "valid", "test")}


def read_split(path: Path = DATA / "chorale_split.csv") -> dict[str, str]:
    """Return for each of music21's chorales, by its file, on which side of the split it is."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["source"]: row["split"] for row in csv.DictReader(file)}


def chorale_sides(encoding: ChoraleEncoding) -> dict[str, list[Score]]:
    """Return music21's chorales by the side of the split on which they are: "train", "valid", "test".

    Those that the literature does not have are on the training side; those that come near to a held-out piece, and those with a
    note that a choir does not sing, are left out.
    """
    corpus, sides = load_corpus("bach-chorales"), read_split()
    scores: dict[str, list[Score]] = {"train": [], "valid": [], "test": []}
    for score, source in zip(corpus, corpus.sources, strict=True):
        side = {"unmatched": "train"}.get(sides[source], sides[source])
        if side in scores and not encoding.loss_report(score)["lost"]:
            scores[side].append(score)
    return scores


def scenes_sides() -> dict[str, list[Score]]:
    """Return what the scenes model learns from, by the side of the split: quartets in parts of 16 bars, and chorales.

    Parts of which a sixteenth-note grid with one note a voice keeps too little are left out: those of many triplets or chords.
    """
    encoding, corpus = without_levels(), load_corpus("string-quartets")
    sides = chorale_sides(ChoraleEncoding())
    for movement, source in zip(corpus, corpus.sources, strict=True):
        side = next((side for side, sources in QUARTETS.items() if source in sources), "train")
        for part in parts_of(movement, 16):
            report = encoding.loss_report(part)
            if report["lost"] <= 0.12 * len(part) and report["onset moved"] <= 0.05 * len(part):
                sides[side].append(part)
    return sides


def old_sides(bundle: Bundle) -> dict[str, list[Score]]:
    """Return what one of the course's own bundles was trained on, and what was held out; for any other bundle, nothing.

    A bundle is known by the fingerprints on its card, of its corpora or of those of the bundle from which it was fine-tuned; its
    name says nothing. Where a corpus is another one today, the split is, too, and nothing is returned.
    """
    corpus = bundle.card.get("training", {}).get("from corpus", bundle.card.get("corpus"))
    shipped = {
        frozenset(MELODY_CORPORA): lambda: melody_sides(bundle.encoding),
        frozenset({"bach-chorales"}): lambda: chorale_sides(bundle.encoding),
        frozenset({"bach-chorales", "string-quartets"}): scenes_sides,
    }
    sides = shipped.get(frozenset(corpus)) if isinstance(corpus, dict) else None
    if sides is None or any(load_corpus(name).fingerprint != seen for name, seen in corpus.items()):
        return {}
    return sides()


def without_levels() -> CharacterEncoding:
    """Return an encoding that measures; where one level ends and the next begins is not known yet."""
    return CharacterEncoding(np.zeros((len(character.NAMES), LEVELS - 1)))
