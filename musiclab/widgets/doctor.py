"""The file doctor of lesson 10: bring a file, read what is in it, see and hear what an encoding would leave of it."""

from __future__ import annotations

import html
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ipywidgets import HTML, Button, Dropdown, FileUpload, HBox, Layout, Text

from musiclab import show
from musiclab.doctor import ENCODINGS, Diagnosis, diagnose
from musiclab.files import SUFFIXES
from musiclab.widgets.described import Described

__all__ = ["FileDoctor"]

BARS = 8  # that are shown and played, from the first note on
LABELS = ("the file", "what is kept")


class FileDoctor(Described):
    """Examine a music file: upload it, or write where it is.

    A menu chooses the encoding. Below stand the findings, and what to do; a piano roll shows the file's notes full and those
    that the encoding keeps hollow, and both can be heard. The file itself stays as it is.

    Parameters
    ----------
    path : str or path, optional
        A file to begin with.
    encoding : str
        One of `doctor.ENCODINGS`.

    Attributes
    ----------
    upload : FileUpload
        Takes one file of your computer.
    path : Text
        Where a file lies, for those that the computer can already see.
    button : Button
        ``doctor.button.click()`` examines the file at `path`.
    encoding : Dropdown
    message : HTML
        What was done, or why it was not. Screen readers say it when it changes.
    findings, roll, sounds : HTML
    diagnosis : Diagnosis or None
        Of the last file.
    text : str
        All of it in words.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, encoding: str = "melody") -> None:
        self.diagnosis: Diagnosis | None = None
        self._uploaded: tuple[str, bytes] | None = None  # name and content, if the last file was uploaded
        self._pictured = ""
        wide = Layout(width="max-content")
        self.upload = FileUpload(accept=",".join(SUFFIXES), multiple=False, description="Upload a file", layout=wide)
        self.upload.tooltip = "Choose a MIDI, MusicXML, ABC or kern file of your computer"
        self.path = Text(value="" if path is None else os.fspath(path), description="or its path", placeholder="my_song.mid")
        self.button = Button(description="Examine", tooltip="Examine the file at this path", layout=wide)
        self.encoding = Dropdown(options=list(ENCODINGS), value=encoding, description="encoding")
        self.message, self.findings, self.roll, self.sounds = HTML(), HTML(), HTML(), HTML()
        row = HBox([self.upload, self.path, self.button, self.encoding], layout=Layout(flex_flow="row wrap"))
        super().__init__([row, self.message, self.findings, self.roll, self.sounds])
        self._say("Upload a file, or write its path and press Examine.")
        if path is not None:
            self._safely(self._examine_path)()
        self.button.on_click(self._safely(self._examine_path))
        self.upload.observe(self._safely(self._examine_upload), "value")
        self.encoding.observe(self._safely(self._examine_again), "value")

    @property
    def text(self) -> str:
        """The doctor in words."""
        controls = "a button to upload a file, a field for its path, a menu for the encoding; piano roll and sound"
        found = "" if self.diagnosis is None else str(self.diagnosis)
        return "\n".join(filter(None, [f"File doctor ({controls}). {self._message}", found, self._pictured]))

    def _safely(self, action: Callable[[], None]) -> Callable[..., None]:
        """Let the widget say what went wrong: nobody sees an error in a callback."""

        def act(*_: Any) -> None:
            try:
                action()
            except Exception as error:
                self._clear()
                self._say(f"That did not work: {error} ({type(error).__name__})")

        return act

    def _examine_path(self) -> None:
        if not self.path.value.strip():
            self._say("Write the path of a file first, or upload one.")
            return
        self._uploaded = None
        self._examine()

    def _examine_upload(self) -> None:
        if not self.upload.value:  # it was emptied
            return
        file = self.upload.value[0]
        self._uploaded = file["name"], bytes(file["content"])
        self._examine()

    def _examine_again(self) -> None:
        if self.diagnosis is not None:
            self._examine()

    def _examine(self) -> None:
        self._say("Examining …")
        if self._uploaded is None:
            self._show(diagnose(os.path.expanduser(self.path.value.strip()), self.encoding.value))
            return
        name, content = self._uploaded
        with tempfile.TemporaryDirectory(prefix="musiclab-") as folder:
            suffix = Path(name).suffix
            copy = Path(folder) / f"uploaded{suffix if suffix[1:].isalnum() else ''}"  # of a name from outside no more than that
            copy.write_bytes(content)
            self._show(diagnose(copy, self.encoding.value, name=name))

    def _show(self, diagnosis: Diagnosis) -> None:
        self._clear()
        self.diagnosis = diagnosis
        self.findings.value = diagnosis._repr_html_()
        if diagnosis.problem:
            self._say(f"{diagnosis.name} cannot be read.")
            return
        before, after = diagnosis.before, diagnosis.after
        first = int(before.notes["onset"][0] // before.bar_length) + 1
        last = min(first + BARS - 1, max(first, math.ceil(before.duration / before.bar_length - 1e-9)))
        picture = show.piano_roll(before, after, labels=LABELS, bars=(first, last), title=diagnosis.name)
        self.roll.value, self._pictured = picture.html(), picture.text
        window = (first - 1) * before.bar_length, last * before.bar_length
        heard = [(label, score.slice(*window)) for label, score in zip(LABELS, (before, after), strict=True)]
        self.sounds.value = "".join(
            f"<div><b>{label}</b><br>{show.sound(score).html() if len(score) else 'nothing to hear'}</div>"
            for label, score in heard
        )
        self._say(f"{diagnosis.name}: {diagnosis.verdict}.")

    def _clear(self) -> None:
        """Take the last file's findings away, so that nobody takes them for those of another one."""
        self.diagnosis = None
        self.findings.value = self.roll.value = self.sounds.value = self._pictured = ""

    def _say(self, words: str) -> None:
        self._message = words
        self.message.value = f'<span role="status" aria-live="polite">{html.escape(words)}</span>'
