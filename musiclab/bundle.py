"""Bundles: a trained model in one file, with everything that is needed to use it and to judge it.

A model's weights alone are useless: without the encoding they were trained with, their numbers mean
nothing. A bundle holds the weights, the encoding, the settings of the model, and a *card* that says what
it was trained on, how the pieces were split, what was measured, and under which licence it may be used.

The file is a NumPy .npz archive: arrays, and one JSON text. It contains no code and nothing that is
executed when it is read.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from musiclab.encoding import ChoraleEncoding, Encoding, encoding_from_settings
from musiclab.files import write_atomically
from musiclab.lstm import Stream, Streams
from musiclab.voices import Voices

__all__ = ["DATA", "FORMAT", "Bundle", "BundleError", "load_bundle"]

#: Version of the file format. A bundle of another version is refused, with a sentence.
FORMAT = 1

#: Kinds of model that a bundle may hold.
KINDS = ("stream", "chorale", "original")

#: The folder of the course's music and bundles.
DATA = Path(__file__).resolve().parent.parent / "data"


class BundleError(Exception):
    """A bundle cannot be read, written or used. The message says what does not match and what to do."""


@dataclass(frozen=True)
class Bundle:
    """A trained model.

    Attributes
    ----------
    name : str
    weights : dict of str to array
        As `models.weights_of` names them.
    encoding : Encoding
        The one it was trained with.
    model : dict
        ``kind`` is "stream" (reads a melody step by step), "chorale" (writes several voices together) or "original" (the
        original recipe, which looks at a window; `generate` does not take it); the rest are the arguments with which
        `models` builds it.
    card : dict
        ``corpus``, ``split``, ``metrics``, ``training``, ``licence``; for people, and for `describe`.
    """

    name: str
    weights: dict[str, np.ndarray]
    encoding: Encoding
    model: dict[str, Any]
    card: dict[str, Any] = field(default_factory=dict)

    def stream(self) -> Stream:
        """Return the engine that runs this model step by step, in NumPy alone.

        Raises BundleError for a bundle of another kind.
        """
        return Stream(self._stream_weights())

    def streams(self, count: int) -> Streams:
        """Return the engine that runs `count` streams of this model at once. Raises as `stream` does."""
        return Streams(self._stream_weights(), count)

    def voices(self, count: int = 1) -> Voices:
        """Return the engine that runs `count` pieces of a chorale model side by side, in NumPy alone.

        Raises BundleError for a bundle of another kind.
        """
        if self.model["kind"] != "chorale" or not isinstance(self.encoding, ChoraleEncoding):
            raise BundleError(f"the bundle {self.name!r} writes one voice. One that writes four is 'chorale'.")
        return Voices(self.weights, self.encoding, count)

    def _stream_weights(self) -> dict[str, np.ndarray]:
        if self.model["kind"] == "chorale":
            raise BundleError(f"the bundle {self.name!r} writes {self.encoding.voices} voices together; use its .voices().")
        if self.model["kind"] != "stream":
            raise BundleError(
                f"the bundle {self.name!r} holds the original recipe, which looks at {self.model['window']} notes and keeps"
                " no state. Lesson 07 shows the loop it needs; generate() takes a bundle such as 'melody'."
            )
        return self.weights

    def describe(self) -> str:
        """Return the card as text: some lines for a person."""
        count = sum(w.size for w in self.weights.values())
        lines = [
            f"{self.name}: {self.model['kind']} model, {count:,} weights, {self.encoding.size} tokens ({self.encoding.name})"
        ]
        for title, facts in self.card.items():
            if isinstance(facts, Mapping):
                lines += [f"  {title}", *(f"    {name}: {value}" for name, value in facts.items())]
            else:
                lines.append(f"  {title}: {', '.join(map(str, facts)) if isinstance(facts, list) else facts}")
        return "\n".join(lines)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the bundle to one file. Raises BundleError if the file exists and `overwrite` is not set."""
        file = Path(path)
        words = {
            "format": FORMAT,
            "name": self.name,
            "encoding": self.encoding.settings(),
            "model": self.model,
            "card": {"made with": _versions(), **self.card},
        }
        arrays = {f"weights/{name}": value for name, value in self.weights.items()}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, bundle=np.frombuffer(json.dumps(words).encode(), dtype=np.uint8), **arrays)
        try:
            write_atomically(file, buffer.getvalue(), overwrite=overwrite)
        except FileExistsError:
            raise BundleError(f"{file} exists. Choose another name, or pass overwrite=True to replace it.") from None
        except (FileNotFoundError, NotADirectoryError):
            wrong = f"there is no folder {file.parent} to write {file.name} to."
            raise BundleError(f"{wrong} Create it, or choose another place.") from None
        except (OSError, ValueError) as error:
            raise BundleError(f"{file} cannot be written ({error}). Choose another name or folder.") from None
        return file


def load_bundle(name: str | os.PathLike[str]) -> Bundle:
    """Load a bundle: one of the course's own by name, or any by the path of its file.

    Raises
    ------
    BundleError
        If there is no such bundle, or the file is not a bundle, is damaged, or was made for another version
        of musiclab. The message says which.
    """
    file = Path(name)
    if not file.is_file() and file.suffix == "" and len(file.parts) == 1:
        file = DATA / f"{name}.bundle"
    if not file.is_file():
        shipped = ", ".join(sorted(p.stem for p in DATA.glob("*.bundle"))) or "none"
        raise BundleError(
            f"there is no bundle {str(name)!r}. The course's own: {shipped}. For one of yours give the path of its file."
        )
    try:
        with zipfile.ZipFile(file) as archive, np.load(file, allow_pickle=False) as arrays:
            if broken := archive.testzip():
                raise ValueError(f"the checksum of {broken} does not match")
            words = json.loads(arrays["bundle"].tobytes())
            weights = {key.removeprefix("weights/"): arrays[key] for key in arrays.files if key.startswith("weights/")}
            if not isinstance(words, dict):
                raise ValueError("its description is missing")
    except Exception as error:  # a file of chance bytes finds a dozen ways to fail in zipfile and NumPy
        raise BundleError(f"{file.name} is not a bundle, or is damaged ({error}). Copy it again, or train it again.") from None
    if words.get("format") != FORMAT:
        raise BundleError(
            f"{file.name} has bundle format {words.get('format')}, and this musiclab reads format {FORMAT}."
            " Use the musiclab that made it, or train it again with this one."
        )
    try:
        encoding = encoding_from_settings(words["encoding"])
        bundle = Bundle(words["name"], weights, encoding, words["model"], words["card"])
    except ValueError as error:
        raise BundleError(f"{file.name} cannot be used: {error}") from None
    except (KeyError, TypeError) as error:
        raise BundleError(f"{file.name} is not a bundle, or is damaged ({error}). Copy it again, or train it again.") from None
    if not (isinstance(bundle.model, dict) and isinstance(bundle.card, dict)) or bundle.model.get("kind") not in KINDS:
        raise BundleError(f"{file.name} holds no model of a known kind ({', '.join(KINDS)}). Train it again with this musiclab.")
    _check_sizes(file.name, weights, encoding)
    try:
        _try(bundle)
    except (KeyError, IndexError, ValueError) as error:
        raise BundleError(f"{file.name} lacks weights, or they do not fit together ({error}). Copy it again.") from None
    return bundle


def _try(bundle: Bundle) -> None:
    """Take one step with the model, so that weights that do not fit are noticed now."""
    row = np.zeros(len(bundle.encoding.input_sizes), dtype=np.int32)
    if bundle.model["kind"] == "stream":
        bundle.stream().step(row)
    elif bundle.model["kind"] == "chorale":
        voices = bundle.voices()
        voices.listen(row[None])
        for voice in range(bundle.encoding.voices):
            voices.log_probabilities(voice)
            voices.choose(voice, np.zeros(1, dtype=np.int32))


def _check_sizes(file: str, weights: Mapping[str, np.ndarray], encoding: Encoding) -> None:
    """Refuse weights that were trained with another vocabulary."""
    if isinstance(encoding, ChoraleEncoding):  # its sizes are part of many weights, and `Voices` looks at them all
        return
    outputs = weights["dense/bias"].shape[0] if "dense/bias" in weights else 0
    if outputs != encoding.size:
        raise BundleError(
            f"{file} does not fit together: its model chooses among {outputs} tokens, its encoding has {encoding.size}."
            " Weights and encoding must come from the same training."
        )
    for column, size in enumerate(encoding.input_sizes):
        table = weights.get(f"embedding_{column}/embeddings")
        if table is not None and len(table) != size:
            raise BundleError(
                f"{file} does not fit together: input column {column} has {size} values, its embedding {len(table)}."
            )


def _versions() -> dict[str, str]:
    """List the versions that matter to a model, as far as they are installed."""
    found = {}
    for package in ("musiclab", "keras", "tensorflow", "music21"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
