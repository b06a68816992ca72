"""Spelling: how pitches and keys are written. A score knows that key 61 sounds; written music says C sharp or D flat.

All of it stands on the *line of fifths*, … B♭ F C G D A E B F♯ …: each note is a fifth above the one before. A key
signature is a stretch of seven of them, one step further to the right for each sharp. Here places on the line are
numbered from C: F is -1, C 0, G 1, …, B 5, F♯ 6; seven steps on stands the same letter, a sharp higher.
"""

from __future__ import annotations

import numpy as np

from musiclab.score import Score

__all__ = ["is_minor", "key_signature", "signature_of", "spelled"]

_LETTERS = "CGDAEBF"
_TONICS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
# Sharps that a mode has more than the major key on the same tonic. A key without a mode counts as major.
_MODES = {"lydian": 1, "major": 0, "ionian": 0, "": 0, "mixolydian": -1, "dorian": -2, "minor": -3, "aeolian": -3}
_MODES |= {"phrygian": -4, "locrian": -5}


def key_signature(key: str | None) -> int | None:
    """Return the sharps (or, negative, flats) at the clef for a key such as "B- major" or "D dorian".

    None for no key, one that is not understood, or one that would need more than seven signs.
    """
    tonic, _, mode = (key or "").partition(" ")
    place = _TONICS.get(tonic[:1].upper())
    signs = tonic[1:]
    if place is None or mode not in _MODES or set(signs) - {"#", "-"}:
        return None
    sharps = place + 7 * (signs.count("#") - signs.count("-")) + _MODES[mode]
    return sharps if -7 <= sharps <= 7 else None


def is_minor(key: str | None) -> bool:
    """Tell whether a key has a small third: minor, and the old modes that are like it."""
    return (key or "").endswith(("minor", "aeolian", "dorian", "phrygian", "locrian"))


def signature_of(score: Score) -> int:
    """Return the key signature to write a score with: that of its key, or else the one that fits its notes best.

    That is the one with the fewest notes outside its scale; of several, the one with the fewest signs.
    """
    sharps = key_signature(score.key)
    if sharps is not None:
        return sharps
    present = np.bincount(score.notes["pitch"] % 12, minlength=12)  # (12,)
    inside = {k: sum(int(present[(7 * place) % 12]) for place in range(k - 1, k + 6)) for k in range(-6, 7)}
    return min(inside, key=lambda k: (-inside[k], abs(k), k))


def spelled(pitch: int, signature: int, *, minor: bool = False) -> tuple[str, int, int]:
    """Spell a MIDI pitch in a key: letter, sharps (negative: flats), octave.

    Of its spellings the one is taken that lies between three places below and eight above the tonic of the
    signature's major key: the seven notes of the key, two lowered ones and three raised. So in C major 61 is C sharp
    and 63 E flat. In minor it is one place further up, for there the fourth is raised and not the third lowered: 63 in A
    minor is D sharp. B sharp 3 sounds like C 4, and belongs to octave 3.
    """
    lowest = signature - 3 + int(minor)
    place = lowest + (7 * pitch - lowest) % 12
    sharps = (place + 1) // 7
    return _LETTERS[place % 7], sharps, (pitch - sharps) // 12 - 1
