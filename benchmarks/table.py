"""The rows of the tables: every benchmark prints its figures through `row`; `python benchmarks` makes tables of them.

With the environment variable MUSICLAB_BENCH_ROWS set to a file, each row is also appended to it, as a line of JSON;
that is how `python benchmarks` collects them. Standard library only: the Python of a peer need not have NumPy.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

BEGIN, END = "<!-- measured -->", "<!-- /measured -->"


# --- what scripts call ------------------------------------------------------------------------------


def row(
    what: str,
    measured: str,
    wanted: str = "",
    reached: bool | None = None,
    note: str = "",
    *,
    short: str = "",
    front: bool = False,
) -> None:
    """Print a figure beside its bar.

    Parameters
    ----------
    what : str
        What is measured. A ratio says what is divided by what.
    measured : str
        With its unit and, from several rounds, its spread: see `spread`.
    wanted : str
        The bar that the course has set itself; empty where there is none.
    reached : bool, optional
        Whether `measured` reaches it.
    note : str
        Why a bar is missed, or why a figure is missing.
    short : str
        By how much a bar is missed. `at_least` and `at_most` make `wanted`, `reached` and `short` from numbers.
    front : bool
        Whether the row also belongs on the front page, the README of the course.
    """
    reached = None if reached is None else bool(reached)  # NumPy's bool is none that JSON knows
    entry = {"what": what, "measured": measured, "wanted": wanted, "reached": reached, "short": short, "note": note}
    bar = f" (wanted: {wanted})" if wanted else ""
    print(f"{what}: {measured}{bar}{f' – {verdict(entry)}' if verdict(entry) else ''}", flush=True)
    if file := os.environ.get("MUSICLAB_BENCH_ROWS"):
        with open(file, "a", encoding="utf-8") as rows:
            rows.write(json.dumps(entry | {"front": front}, ensure_ascii=False) + "\n")


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Return "median (least to most)"."""
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def at_least(bar: float, value: float, unit: str = "") -> dict[str, Any]:
    """Return what `row` is told of a bar that `value` should not stay below: ``row(…, **at_least(1.6, ratio))``."""
    short = "" if value >= bar else f"{100 * (1 - value / bar):.2g} % short"
    return {"wanted": f"at least {bar:,g}{unit}", "reached": value >= bar, "short": short}


def at_most(bar: float, value: float, unit: str = "") -> dict[str, Any]:
    """Return what `row` is told of a bar that `value` should not exceed."""
    short = "" if value <= bar else f"{100 * (value / bar - 1):.2g} % too much"
    return {"wanted": f"at most {bar:,g}{unit}", "reached": value <= bar, "short": short}


# --- tables -----------------------------------------------------------------------------------------


def verdict(row: Mapping[str, Any]) -> str:
    """Say of a row whether the bar is reached, and if not, by how much and why."""
    word = {True: "yes", False: "**no**", None: ""}[row["reached"]]
    return ": ".join(filter(None, [", ".join(filter(None, [word, row.get("short", "")])), row["note"]]))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def between_markers(text: str, new: str) -> str:
    """Return `text` with what stands between its two markers replaced. Raises ValueError if there is not one pair."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"there must be one {BEGIN} and, after it, one {END}.")
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{new}\n{END}", text, flags=re.S)
