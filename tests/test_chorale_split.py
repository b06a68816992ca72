"""data/chorale_split.csv: every chorale once, the counts that are stated, and no passage on both sides of the split."""

import csv
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from musiclab.corpus import load_corpus

DATA = Path(__file__).resolve().parent.parent / "data"
CLASSES = {"train", "valid", "test", "near", "unmatched"}
HELD = ("valid", "test")


@pytest.fixture(scope="module")
def chorales():
    return load_corpus("bach-chorales", progress=False)


@pytest.fixture(scope="module")
def rows():
    with (DATA / "chorale_split.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_chorale_is_named_once_in_order(rows, chorales):
    assert list(rows[0]) == ["source", "split", "agreement"]
    assert [row["source"] for row in rows] == sorted(chorales.sources)
    assert len(rows) == len(set(chorales.sources)) == 364


def test_classes_and_agreements_are_what_the_words_say(rows):
    assert {row["split"] for row in rows} == CLASSES
    for row in rows:
        assert re.fullmatch(r"[01]\.\d{3}", row["agreement"])
        agreement = float(row["agreement"])
        assert 0 < agreement <= 1
        if row["split"] in ("train", *HELD):
            assert agreement >= 0.85
        if row["split"] == "unmatched":
            assert agreement < 0.85


def test_the_counts_are_those_of_the_readme(rows):
    text = (DATA / "README.md").read_text(encoding="utf-8")
    section = text.partition("`chorale_split.csv`")[2].partition("\n## ")[0]
    stated = {name: int(count) for name, count in re.findall(r"^\| `(\w+)` \| (\d+) \|", section, flags=re.MULTILINE)}
    assert stated == Counter(row["split"] for row in rows)


# --- passages, found as in a suffix array: windows get numbers, twice as long ones from pairs of numbers ----------------


def voices_of(score):
    """The pitch of each voice in each sixteenth, held through rests: int array (steps, 4), from where all have begun."""
    notes = [score.notes[score.notes["voice"] == voice] for voice in range(4)]
    begun = max(part["onset"][0] for part in notes)
    times = np.arange(np.ceil(begun * 4), np.ceil(score.duration * 4)) / 4 + 1e-3
    return np.stack([part["pitch"][np.searchsorted(part["onset"], times) - 1].astype(int) for part in notes], axis=1)


def numbered(*columns):
    """Number the different rows of some columns of numbers."""
    return np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)[1].ravel()


def passages(pieces, length):
    """Number the passages of `length` steps, whatever the transposition: for each piece the set of its numbers."""
    grid = np.concatenate(pieces)  # (all steps, 4)
    piece = np.repeat(np.arange(len(pieces)), [len(p) for p in pieces])
    chord = numbered(*(grid[:, :3] - grid[:, 3:]).T)
    number = numbered(chord[:-1], np.diff(grid[:, 3]))  # a chord, and the step of the bass to the next: two chords
    covers = 2
    while covers < length:
        step = min(covers - 1, length - covers)  # windows that share a chord join without a gap
        number = numbered(number[:-step], number[step:])
        covers += step
    inside = piece[: len(number)] == piece[length - 1 : length - 1 + len(number)]
    return [set(number[inside & (piece[: len(number)] == i)].tolist()) for i in range(len(pieces))]


def shared(pieces, classes, length):
    """Which pieces share a passage with one that is held out."""
    found = passages(pieces, length)
    held = set().union(*(found[i] for i, name in enumerate(classes) if name in HELD))
    return [i for i, numbers in enumerate(found) if numbers & held]


@pytest.mark.parametrize("length", [2, 3, 5, 32, 64])
def test_the_search_finds_a_transposed_passage_of_the_length_and_no_shorter_one(length):
    random = np.random.default_rng(0)
    for copied in (length - 1, length, length + 3):
        one, other = random.integers(40, 80, (2, 150, 4))
        other[20 : 20 + copied] = one[70 : 70 + copied] + 3
        assert shared([one, other], ["test", "train"], length) == ([0, 1] if copied >= length else [0])


@pytest.mark.parametrize("length", [32, 64])
def test_no_passage_of_a_held_out_chorale_is_in_one_to_train_on(length, rows, chorales):
    split = {row["source"]: row["split"] for row in rows}
    classes = [split[source] for source in chorales.sources]
    found = shared([voices_of(score) for score in chorales], classes, length)
    assert {chorales.sources[i]: classes[i] for i in found if classes[i] in ("train", "unmatched")} == {}
    assert {classes[i] for i in found} == {*HELD, "near"}  # and what is set aside is set aside for a reason
