"""Staff notation: a score as musicians read it.

`musiclab.show.mei` decides what is written; verovio engraves it, that is, it finds a place for every sign; this module
makes the result small enough for a notebook. Verovio names and groups every sign, so that programs can find it again. A
page that is only looked at needs none of that: here the signs of a kind are drawn by one path, and a picture of twenty
bars in four voices shrinks to a quarter.

The picture is black on white paper, for a dark theme too, and the same score gives the same bytes in every process.
"""

from __future__ import annotations

import html
import itertools
import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import verovio

from musiclab.score import Score
from musiclab.show.mei import Written, bars_of, write_mei
from musiclab.show.picture import BLACK, INK, PAPER, check_bars, check_labels, count, describe, headline

__all__ = ["Engraving", "Place", "notation"]

WIDTH = 2200  # verovio's page units; one is a tenth of the width that staff lines are one above the other
SCALE = 0.04  # pixels in one unit of the drawing; ten of these are one page unit
MOST_NOTES = 400  # in one picture, unless bars are asked for: more would make a notebook heavy
MOST_BARS, MOST_BARS_ASKED = 240, 1000  # times the number of voices; a page has an end
MARGIN = 400  # units of the drawing, at the left and the right
TITLE_HEIGHT = 900


class Place(NamedTuple):
    """Where a moment of the music stands in the picture: pixels from its left and upper edge."""

    onset: float  # quarter lengths
    x: float
    top: float
    bottom: float


class Engraving:
    """Staff notation that shows itself in a notebook, and says in words what is to be seen.

    Attributes
    ----------
    svg : str
        The drawing. The same score gives the same text in every process.
    text : str
        What is written there, in a sentence or two.
    places : list of Place
        Where each onset stands, in order of time; the last one is the end of the music.
    width, height : int
        Of the drawing, in pixels.
    """

    def __init__(self, svg: str, text: str, places: list[Place], width: int, height: int) -> None:
        self.svg, self.text, self.places, self.width, self.height = svg, text, places, width, height

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        # As part of the page, for JupyterLab would cut off what is wider than its window of an image/svg+xml. Signs of the
        # music font have the same names in every picture of a page, and look the same.
        words = f'<svg role="img" aria-label="{html.escape(self.text)}" style="max-width:100%;height:auto" '
        return {"text/html": self.svg.replace("<svg ", words, 1), "text/plain": self.text}


def notation(
    score: Score,
    *,
    bars: tuple[int, int] | None = None,
    labels: Sequence[str] | None = None,
    title: str | None = None,
) -> Engraving:
    """Engrave a score as staff notation.

    Parameters
    ----------
    score : Score
    bars : (int, int), optional
        The first and the last bar to show, counted from 1. Otherwise the whole piece; of a long one as many bars as
        make a picture that a notebook can carry, and the picture says how many.
    labels : sequence of str, optional
        Names of the voices, highest first, to stand at the left. Otherwise those of a piece in several voices are
        numbered as in the score: voice 0 is the highest.
    title : str, optional
        Instead of the score's own.

    Returns
    -------
    Engraving

    Raises
    ------
    ValueError
        If `bars` are not bars of this piece, or `labels` do not match its voices.
    """
    several = len(score.voices) > 1
    names = check_labels(labels, [f"voice {v}" if several else "" for v in score.voices], "voices")
    total = bars_of(score)
    first, last = check_bars(bars, total) if bars is not None else (1, _last_bar(score, total))
    if (last - first + 1) * max(1, len(names)) > MOST_BARS_ASKED:
        most = max(1, MOST_BARS_ASKED // max(1, len(names)))
        raise ValueError(f"bars=({first}, {last}): at most {most} bars of this piece fit into one picture.")
    written = write_mei(score, first, last, names)
    drawing = _Drawing(_engrave(written.mei), written.onsets)
    shown = score if title is None else replaced(score, title=title)
    return _on_paper(drawing, shown, written, first, last, total)


def _last_bar(score: Score, total: int) -> int:
    """Return the last of the bars, from 1, that together hold no more than `MOST_NOTES` notes."""
    most = min(total, max(1, MOST_BARS // max(1, len(score.voices))))
    ends = np.searchsorted(score.notes["onset"], np.arange(1, most + 1) * score.bar_length)  # (bars,): notes up to each
    return max(1, int((ends <= MOST_NOTES).sum()))


# --- engraving ------------------------------------------------------------------------------------------


def _engrave(mei: str) -> str:
    """Let verovio draw a document on one page, as high as needed."""
    verovio.enableLog(verovio.LOG_OFF)
    # A toolkit of its own for each picture, told where its fonts are: in the thread of a widget's callback it would
    # not find them and draw nothing. A used one would also number its signs differently.
    toolkit = verovio.toolkit(False)
    toolkit.setResourcePath(str(Path(verovio.__file__).parent / "data"))
    toolkit.setOptions(
        {
            "inputFrom": "mei",
            "xmlIdSeed": 1,
            "breaks": "auto",
            "pageWidth": WIDTH,
            "pageHeight": 60000,
            "adjustPageHeight": True,
            "pageMarginLeft": MARGIN // 10,
            "pageMarginRight": MARGIN // 10,
            "pageMarginTop": 0,
            "pageMarginBottom": 0,
            "header": "none",
            "footer": "none",
            "svgFormatRaw": True,
            "staffLineWidth": 0.22,  # on a screen, verovio's own lines are too thin to be black
            "stemWidth": 0.25,
        }
    )
    if not toolkit.loadData(mei):
        raise RuntimeError("verovio could not read the notation that musiclab wrote; please report the score that caused it.")
    return toolkit.renderToSVG(1)


_NAMESPACE = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"


@dataclass
class _System:
    """One line of music on the page: how far it reaches, and where its notes stand."""

    top: int
    bottom: int
    right: int
    notes: dict[str, int]


class _Drawing:
    """What verovio drew, taken apart into a few kinds of signs."""

    def __init__(self, svg: str, onsets: dict[str, float]) -> None:
        self.onsets = onsets
        self.symbols: dict[str, str] = {}  # name of a sign in the music font -> its outline
        self.uses: dict[str, list[tuple[str, int, int]]] = defaultdict(list)  # scale -> sign and place
        self.lines: dict[str, list[tuple[int, int, int, int]]] = defaultdict(list)  # width of the pen -> lines
        self.shapes: list[str] = []  # beams, dots, ties: the data of filled paths
        self.words: list[str] = []
        self.systems: list[_System] = []
        root = ET.fromstring(svg)
        for symbol in root.iterfind(f"{_NAMESPACE}defs/{_NAMESPACE}g"):
            outline = symbol.find(f"{_NAMESPACE}path")
            self.symbols[symbol.get("id", "").split("-")[0]] = outline.get("d", "") if outline is not None else ""
        self.height = int(float(root.find(f"{_NAMESPACE}svg").get("viewBox").split()[3]))  # type: ignore[union-attr]
        self._take(root.find(f"{_NAMESPACE}svg"), None)
        missing = set(onsets) - {name for system in self.systems for name in system.notes}
        if missing:
            raise RuntimeError("verovio left notes out of the notation; please report the score that caused it.")

    def _take(self, element: ET.Element | None, name: str | None) -> None:
        """Take an element and what is in it; `name` is the note or rest that it belongs to."""
        for child in element if element is not None else ():
            tag = child.tag.removeprefix(_NAMESPACE)
            kind = child.get("class", "")
            if "placeholder" in kind:
                continue
            if "system" in kind.split():
                self.systems.append(_System(1 << 30, 0, 0, {}))
            own = child.get("id", "")
            inner = own if own in self.onsets else name
            if tag == "g":
                self._take(child, inner)
            else:
                getattr(self, f"_take_{tag}")(child, inner)

    def _take_use(self, use: ET.Element, name: str | None) -> None:
        x, y, scale = re.match(r"translate\((\S+), (\S+)\) scale\((\S+),", use.get("transform", "")).groups()  # type: ignore[union-attr]
        self.uses[scale].append((use.get(_HREF, "")[1:].split("-")[0], int(x), int(y)))
        if name is not None:
            self.systems[-1].notes.setdefault(name, int(x))

    def _take_path(self, path: ET.Element, name: str | None) -> None:
        line = re.fullmatch(r"M(-?\d+) (-?\d+) L(-?\d+) (-?\d+)", path.get("d", ""))
        if not line:
            self.shapes.append(path.get("d", "").replace(",", " "))
            return
        x, y, to_x, to_y = map(int, line.groups())
        self.lines[path.get("stroke-width", "1")].append((x, y, to_x, to_y))
        system = self.systems[-1]
        system.top, system.bottom = min(system.top, y), max(system.bottom, to_y)
        system.right = max(system.right, to_x)

    def _take_polygon(self, polygon: ET.Element, name: str | None) -> None:
        first, *others = [point.replace(",", " ") for point in polygon.get("points", "").split()]
        self.shapes.append(f"M{first}L{' '.join(others)}Z")

    def _take_polyline(self, polyline: ET.Element, name: str | None) -> None:
        points = [tuple(map(int, point.split(","))) for point in polyline.get("points", "").split()]
        width = polyline.get("stroke-width", "1")
        self.lines[width] += [(*a, *b) for a, b in itertools.pairwise(points)]

    def _take_ellipse(self, ellipse: ET.Element, name: str | None) -> None:
        x, y, rx, ry = (int(ellipse.get(key, "0")) for key in ("cx", "cy", "rx", "ry"))
        self.shapes.append(f"M{x - rx} {y}a{rx} {ry} 0 1 0 {2 * rx} 0a{rx} {ry} 0 1 0 {-2 * rx} 0Z")

    def _take_rect(self, rect: ET.Element, name: str | None) -> None:
        x, y, width, height = (int(float(rect.get(key, "0"))) for key in ("x", "y", "width", "height"))
        self.shapes.append(f"M{x} {y}h{width}v{height}h{-width}Z")

    def _take_text(self, text: ET.Element, name: str | None) -> None:
        """Take words; each piece of them that has a place of its own begins a new line."""
        lines: list[dict[str, str]] = [{}]
        for part in text.iter():
            if part.get("y"):
                lines.append({"x": part.get("x", "0"), "y": part.get("y", "0"), "words": "", "size": "0"})
            size = part.get("font-size", "0px").removesuffix("px")
            if part.text and part.text.strip():
                lines[-1] = lines[-1] | {"words": lines[-1]["words"] + part.text.strip(), "size": size}
        anchor = text.get("text-anchor", "start")
        self.words += [
            # Smaller than verovio has it: not every computer has the narrow font for which it left room.
            f'<text x="{line["x"]}" y="{line["y"]}" font-size="{0.8 * float(line["size"]):.0f}" text-anchor="{anchor}">'
            f"{html.escape(line['words'])}</text>"
            for line in lines
            if line.get("words")
        ]

    def markup(self) -> str:
        """Return everything as SVG, the signs of a kind together."""
        used = sorted({sign for uses in self.uses.values() for sign, _, _ in uses})
        parts = ["<defs>", *(f'<path id="{sign}" transform="scale(1-1)" d="{self.symbols[sign]}"/>' for sign in used), "</defs>"]
        for scale, uses in self.uses.items():
            parts.append(f'<g transform="scale({scale})">')
            parts += [f'<use href="#{s}" x="{x / float(scale):.0f}" y="{y / float(scale):.0f}"/>' for s, x, y in uses]
            parts.append("</g>")
        parts.append('<g stroke="#000" fill="none">')
        parts += [f'<path stroke-width="{width}" d="{_path(lines)}"/>' for width, lines in self.lines.items()]
        parts.append(f'</g><path d="{"".join(self.shapes)}"/>')
        return "".join(parts + self.words)

    def places(self, dx: int, dy: int, end: float) -> list[Place]:
        """Return where each onset stands, in pixels; the drawing lies `dx`, `dy` units inside the picture."""
        found: dict[float, Place] = {}
        for system in self.systems:
            for name, x in sorted(system.notes.items(), key=lambda item: item[1]):
                place = Place(self.onsets[name], *_pixels(x + dx, system.top + dy, system.bottom + dy))
                found.setdefault(place.onset, place)
        last = self.systems[-1]
        places = sorted(found.values())
        return [*places, Place(end, *_pixels(last.right + dx, last.top + dy, last.bottom + dy))]


def _pixels(*units: int) -> tuple[float, ...]:
    return tuple(round(unit * SCALE, 1) for unit in units)


def _path(lines: Sequence[tuple[int, int, int, int]]) -> str:
    """Write lines as one path; staff lines that go on in the next bar become one."""
    joined: list[list[int]] = []
    ends: dict[tuple[int, int], list[int]] = {}
    for x, y, to_x, to_y in lines:
        before = ends.pop((x, y), None) if y == to_y else None
        if before is None:
            before = [x, y, to_x, to_y]
            joined.append(before)
        before[2] = to_x
        if y == to_y:
            ends[to_x, to_y] = before
    return "".join(
        f"M{x} {y}" + (f"H{to_x}" if y == to_y else f"V{to_y}" if x == to_x else f"L{to_x} {to_y}") for x, y, to_x, to_y in joined
    )


# --- the page -------------------------------------------------------------------------------------------


def _on_paper(drawing: _Drawing, score: Score, written: Written, first: int, last: int, total: int) -> Engraving:
    """Put the drawing on white paper under its title, and say in words what it is."""
    height = drawing.height + TITLE_HEIGHT + 200
    part = f"bars {first} to {last} of {total}" if (first, last) != (1, total) else ""
    aside = " · ".join(filter(None, [headline(score), part]))
    width, right = WIDTH * 10, WIDTH * 10 - 200
    pixels = round(width * SCALE), round(height * SCALE)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{pixels[0]}" height="{pixels[1]}" viewBox="0 0 {width} {height}"'
        f' font-family="Times, serif" fill="{BLACK}"><rect width="{width}" height="{height}" fill="{PAPER}"/>'
        f'<text x="200" y="550" font-size="420" font-weight="bold">{_clean(score.title)}</text>'
        f'<text x="{right}" y="550" font-size="330" fill="{INK}" text-anchor="end">{_clean(aside)}</text>'
        f'<g transform="translate({MARGIN} {TITLE_HEIGHT})">{drawing.markup()}</g></svg>'
    )
    places = drawing.places(MARGIN, TITLE_HEIGHT, last * score.bar_length)
    return Engraving(svg, _words(score, written, first, last, total), places, *pixels)


def _clean(text: str) -> str:
    return html.escape("".join(c for c in text if c.isprintable()))


def _words(score: Score, written: Written, first: int, last: int, total: int) -> str:
    """Say what is to be seen."""
    staves = "one staff" if written.staves == 1 else f"{written.staves} staves"
    kind = "sharp" if written.signature > 0 else "flat"
    signs = f", with {count(abs(written.signature), kind)} at the clef" if written.signature else ""
    words = f"Staff notation on {staves}{signs}. {describe(score)}"
    if (first, last) != (1, total):
        words += f" Shown: bars {first} to {last} of {total}."
    if written.moved:
        words += f" {count(written.moved, 'note')} off the grid, drawn at the nearest sixteenth."
    if written.changed:
        words += f" {count(written.changed, 'note')} drawn with another length, where too many overlap."
    return words
