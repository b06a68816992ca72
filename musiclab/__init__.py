"""musiclab: the helper package of a course on making music with deep learning.

Music flows one way through it, and the modules are named after the steps::

    files -> Score -> encoding -> dataset -> models/training -> bundle -> generation -> Score -> show / evaluation / files

The names below are loaded on first use, so that ``import musiclab`` costs nothing: neither TensorFlow nor
music21 is imported before something needs it.
"""

import sys
from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Public name -> the module that holds it.
_HOMES = {
    "Score": "score",
    "read_score": "files",
    "write_midi": "files",
    "write_musicxml": "files",
    "MusicFileError": "files",
    "load_corpus": "corpus",
    "load_folder": "corpus",
    "NoteNameEncoding": "encoding",
    "GridEncoding": "encoding",
    "EventEncoding": "encoding",
    "ChoraleEncoding": "encoding",
    "Bundle": "bundle",
    "load_bundle": "bundle",
    "generate": "generation",
    "generate_many": "generation",
    "extract_melody": "melody",
    "diagnose": "doctor",
    "diagnose_folder": "doctor",
    "check": "exercises",
    "hint": "exercises",
    "solution": "exercises",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"musiclab has no {name!r}; it has {', '.join(__all__)}.")
    return getattr(import_module(f"musiclab.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def _show_scores_in_notebooks() -> None:
    """Let a notebook show a score as music. The score itself knows nothing of notation or sound."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if hasattr(shell, "kernel"):  # in a terminal there is nothing to show it on
        formatter = shell.display_formatter.ipython_display_formatter
        formatter.for_type_by_name("musiclab.score", "Score", lambda score: import_module("musiclab.show").display(score))


_show_scores_in_notebooks()
