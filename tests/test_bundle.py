"""Bundles: what is saved comes back bit for bit, and what is no bundle says so in a sentence."""

import json
import os
import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from strategies import weights_for

from musiclab import bundle as bundle_module
from musiclab.bundle import FORMAT, Bundle, BundleError, load_bundle
from musiclab.encoding import EventEncoding, GridEncoding, NoteNameEncoding
from musiclab.lstm import Stream

ENCODINGS = [GridEncoding(), EventEncoding(steps_per_quarter=4, velocities=3), NoteNameEncoding(["C4", "D4", "C4.E4"])]


def make(encoding=ENCODINGS[0], **changes):
    card = {"corpus": {"tunes": "abc"}, "metrics": {"nats": 0.5}, "metres": ["3/4", "4/4"], "licence": "CC0 – für alle"}
    bundle = Bundle(
        "mine", weights_for(encoding), encoding, {"kind": "stream", "units": [4], "embedding": 4, "dropout": 0.2}, card
    )
    return replace(bundle, **changes)


@pytest.fixture
def file(tmp_path):
    return make().save(tmp_path / "mine.bundle")


def rewrite(file, *, words=None, drop=(), **arrays):
    """Save the file anew with other words or other arrays."""
    with np.load(file) as old:
        kept = {name: old[name] for name in old.files}
    if words is not None:
        changed = json.loads(kept["bundle"].tobytes())
        answer = words(changed)
        words = changed if answer is None else answer
        kept["bundle"] = np.frombuffer(json.dumps(words).encode(), dtype=np.uint8)
    kept |= {name.replace("__", "/"): value for name, value in arrays.items()}
    with open(file, "wb") as out:
        np.savez(out, **{name: value for name, value in kept.items() if name not in drop})
    return file


# --- there and back -------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: e.name)
def test_saving_and_loading_gives_back_every_bit(encoding, tmp_path):
    bundle = make(encoding)
    bundle.weights["dense/bias"][:3] = [np.nan, -0.0, 1e-45]
    again = load_bundle(bundle.save(tmp_path / "x.bundle"))
    assert again.weights.keys() == bundle.weights.keys()
    for name, weight in bundle.weights.items():
        assert again.weights[name].dtype == weight.dtype and again.weights[name].tobytes() == weight.tobytes(), name
    assert again.encoding.settings() == encoding.settings() and again.encoding.vocabulary == encoding.vocabulary
    assert (again.name, again.model) == (bundle.name, bundle.model)
    assert {key: again.card[key] for key in bundle.card} == bundle.card
    assert again.card["made with"]["musiclab"]


def test_a_path_may_be_text_and_the_same_bundle_is_the_same_file(tmp_path):
    one, other = make().save(str(tmp_path / "a.bundle")), make().save(tmp_path / "b.bundle")
    assert load_bundle(str(one)).name == load_bundle(other).name
    assert one.read_bytes() == other.read_bytes()


def test_the_stream_of_a_loaded_bundle_is_that_of_the_saved_one(file):
    inputs = np.zeros((5, 4), dtype=np.int32)
    expected = Stream(make().weights).log_probabilities(inputs)
    assert np.array_equal(load_bundle(file).stream().log_probabilities(inputs), expected)


def test_describe_tells_a_person_what_it_is():
    text = make().describe()
    assert all(word in text for word in ("mine", "stream", "grid", "131 tokens", "licence: CC0 – für alle", "nats: 0.5"))
    assert f"{sum(w.size for w in make().weights.values()):,} weights" in text


def test_the_original_recipe_is_kept_but_is_no_stream(tmp_path):
    encoding = ENCODINGS[2]
    weights = {name: w for name, w in weights_for(encoding).items() if not name.startswith("embedding")}
    bundle = Bundle("recipe", weights, encoding, {"kind": "original", "window": 100})
    again = load_bundle(bundle.save(tmp_path / "recipe.bundle"))
    with pytest.raises(BundleError, match=r"'recipe' holds the original recipe.* 100 notes"):
        again.stream()


# --- files are safe -------------------------------------------------------------------------------------


def test_an_existing_file_is_not_overwritten_unasked(file):
    before = file.read_bytes()
    other = make(name="other")
    with pytest.raises(BundleError, match=r"exists.*overwrite=True"):
        other.save(file)
    assert file.read_bytes() == before
    other.save(file, overwrite=True)
    assert load_bundle(file).name == "other"
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("failure", [OSError("no space left"), KeyboardInterrupt()], ids=["full disk", "Ctrl-C"])
def test_a_save_that_fails_midway_leaves_the_old_file_and_no_other(file, failure, monkeypatch):
    before = file.read_bytes()

    def fail(*_):
        raise failure

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(KeyboardInterrupt if isinstance(failure, KeyboardInterrupt) else BundleError):
        make(name="other").save(file, overwrite=True)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_saving_into_a_folder_that_is_not_there_says_so(tmp_path):
    with pytest.raises(BundleError, match="no folder"):
        make().save(tmp_path / "nowhere" / "x.bundle")


# --- what is no bundle ----------------------------------------------------------------------------------


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path, monkeypatch):
    make().save(tmp_path / "melody.bundle")
    make().save(tmp_path / "chorale.bundle")
    monkeypatch.setattr(bundle_module, "DATA", tmp_path)
    for name in ("mozart", tmp_path / "mozart.bundle", tmp_path):
        with pytest.raises(BundleError, match=r"no bundle .*own: chorale, melody\. For one of yours give the path"):
            load_bundle(name)
    assert load_bundle("melody").name == "mine"


def test_a_folder_of_the_same_name_does_not_hide_a_shipped_bundle(tmp_path, monkeypatch):
    make().save(tmp_path / "melody.bundle")
    monkeypatch.setattr(bundle_module, "DATA", tmp_path)
    (tmp_path / "here" / "melody").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    assert load_bundle("melody").name == "mine"


class Trap:
    """Unpickling it leaves a trace."""

    def __reduce__(self):
        return (open, (os.environ["MUSICLAB_TEST_TRAP"], "w"))


def test_a_file_of_pickles_is_refused_and_nothing_in_it_runs(tmp_path, monkeypatch, file):
    monkeypatch.setenv("MUSICLAB_TEST_TRAP", str(tmp_path / "sprung"))
    plain = tmp_path / "plain.bundle"
    plain.write_bytes(pickle.dumps(Trap()))
    as_weight = rewrite(file, weights__trap=np.array([Trap()], dtype=object))
    in_npy = tmp_path / "array.bundle"
    with open(in_npy, "wb") as out:
        np.save(out, np.array([Trap()], dtype=object), allow_pickle=True)
    for path in (plain, as_weight, in_npy):
        with pytest.raises(BundleError, match="is not a bundle, or is damaged"):
            load_bundle(path)
    assert not (tmp_path / "sprung").exists()


def others(tmp_path):
    yield b""
    yield b"garbage" * 100
    yield b"PK\x03\x04"
    path = tmp_path / "x"
    for save in (
        lambda f: np.save(f, np.zeros(3)),
        lambda f: np.savez(f, a=np.zeros(3)),
        lambda f: np.savez(f, bundle=np.zeros(3)),
    ):
        with open(path, "wb") as out:
            save(out)
        yield path.read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bundle", "{}")
        archive.writestr("bundle.npy", "not an array")
    yield path.read_bytes()


def test_no_other_file_gets_further_than_a_sentence(tmp_path):
    for number, data in enumerate(others(tmp_path)):
        path = tmp_path / f"{number}.bundle"
        path.write_bytes(data)
        with pytest.raises(BundleError, match=rf"{number}\.bundle is not a bundle, or is damaged .*Copy it again"):
            load_bundle(path)


def test_a_truncated_bundle_is_refused_wherever_it_ends(file):
    data = file.read_bytes()
    for length in range(0, len(data), 97):
        file.write_bytes(data[:length])
        with pytest.raises(BundleError, match="damaged"):
            load_bundle(file)


def test_a_flipped_bit_is_found_or_changes_nothing(file):
    data, expected = file.read_bytes(), make().weights
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, len(data), 250):
        damaged = bytearray(data)
        damaged[place] ^= 1 << rng.integers(8)
        file.write_bytes(damaged)
        try:
            weights = load_bundle(file).weights
        except BundleError as error:
            refused += 1
            assert "mine.bundle" in str(error)
        else:  # a bit that nobody reads, such as a time stamp
            assert all(np.array_equal(weights[name], expected[name]) for name in expected)
    assert refused > 150


@pytest.mark.parametrize(
    "words",
    [
        lambda w: [],
        lambda w: "text",
        lambda w: {"format": FORMAT},
        *(lambda w, key=key: {k: v for k, v in w.items() if k != key} for key in ("name", "encoding", "model", "card")),
    ],
)
def test_a_bundle_without_its_words_is_damaged(file, words):
    rewrite(file, words=words)
    with pytest.raises(BundleError, match="is not a bundle, or is damaged"):
        load_bundle(file)


def test_encoding_settings_that_make_no_sense_are_refused(file):
    for change in ({"voices": 0}, {"colour": "blue"}, {"voices": "many"}):
        with pytest.raises(BundleError):
            load_bundle(rewrite(file, words=lambda w, change=change: w["encoding"].update(change)))


# --- what does not match --------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 2, None])
def test_another_format_is_named(file, number):
    rewrite(file, words=lambda w: w.update(format=number))
    with pytest.raises(
        BundleError, match=rf"mine\.bundle has bundle format {number}, and this musiclab reads format {FORMAT}\. .*train it again"
    ):
        load_bundle(file)


def test_another_version_of_the_encoding_is_named(file):
    rewrite(file, words=lambda w: w["encoding"].update(version=9))
    with pytest.raises(BundleError, match=r"mine\.bundle cannot be used: encoding 'grid' has version 9 here, .* reads 1"):
        load_bundle(file)


def test_an_unknown_encoding_is_answered_with_the_known_ones(file):
    rewrite(file, words=lambda w: w["encoding"].update(name="braille"))
    with pytest.raises(BundleError, match=r"'braille'.*note-names, grid, chorale, character, events"):
        load_bundle(file)


def test_weights_for_another_vocabulary_are_refused_with_both_sizes(tmp_path, file):
    other = make(NoteNameEncoding(["C4", "D4"]), weights=weights_for(ENCODINGS[0])).save(tmp_path / "other.bundle")
    with pytest.raises(
        BundleError, match=r"chooses among 131 tokens, its encoding has 3\. Weights and encoding must come from the same"
    ):
        load_bundle(other)
    rewrite(file, weights__embedding_1__embeddings=np.zeros((7, 1), dtype=np.float32))
    with pytest.raises(BundleError, match="input column 1 has 48 values, its embedding 7"):
        load_bundle(file)
    rewrite(file, drop=["weights/dense/bias"])
    with pytest.raises(BundleError, match="chooses among 0 tokens"):
        load_bundle(file)


def test_a_name_list_that_was_tampered_with_does_not_match_the_weights(tmp_path):
    path = make(ENCODINGS[2]).save(tmp_path / "names.bundle")
    rewrite(path, words=lambda w: w["encoding"]["names"].append("G4"))
    with pytest.raises(BundleError, match="4 tokens, its encoding has 5"):
        load_bundle(path)
