"""Measure every published figure, and write the tables that show them.

    python benchmarks                          # every script of this folder but the slow ones
    python benchmarks startup sampling         # some; the others' last figures stay in the tables
    python benchmarks growth lessons           # the slow ones, by name
    python benchmarks --peers PYTHON           # with the peers (torch, pretty_midi) of another Python

The peers are no part of the course: ``pip install -e ".[bench]"`` adds them, or --peers names the Python of an
environment that has them. What is not installed gets a row that says so.

Each script runs in a process of its own, because some set the number of threads. Its rows (see `table.py`) are kept
in results.json with the day and the kind of machine, and the tables of README.md, here and above, are written anew.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from table import between_markers, table, verdict

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
# What is not run from here: these need files that the course does not carry, and are given their path.
APART = ("fine_tuning", "harmonise", "jsb_chorales", "jsb_split", "polyphonic")
SCRIPTS = {path.stem: path for path in sorted(HERE.glob("*.py")) if path.stem not in ("__main__", "table", *APART)}
SLOW = ("folders", "growth", "lessons")  # they take many minutes, and run when they are named
DISTURBED = 0.1  # share of the processors that other programs may take
PACKAGES = ("tensorflow", "numpy", "torch", "pretty_midi", "music21", "symusic")

# For each script: "when", "machine", "others" (see there), and "rows", a list of what `row` was told.
Results = dict[str, dict[str, Any]]


# --- measuring --------------------------------------------------------------------------------------


def run(script: Path, peers: str) -> list[dict[str, Any]]:
    """Run a script, which prints what it measures; return its rows. Raises CalledProcessError if it fails."""
    takes = [option for option in ("--peers", "--torch") if f'"{option}"' in script.read_text(encoding="utf-8")]
    command = [sys.executable, str(script), *[word for option in takes for word in (option, peers)]]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "rows")
        file.touch()
        subprocess.run(command, env=os.environ | {"MUSICLAB_BENCH_ROWS": str(file)}, check=True)
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def used() -> tuple[float, float, float]:
    """Return seconds: of the clock, of all processors at work for anyone (0 but on Linux), and for our scripts."""
    ours = os.times()
    try:
        user, nice, system, _idle, _wait, *rest = map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9])
        everyone = (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        everyone = 0.0
    return time.monotonic(), everyone, ours.user + ours.system + ours.children_user + ours.children_system


def others(before: tuple[float, float, float], after: tuple[float, float, float]) -> float:
    """Return the share of all processors that other programs took meanwhile: they disturb what is measured."""
    clock, everyone, ours = (b - a for a, b in zip(before, after, strict=True))
    return round(max(0.0, everyone - ours) / (clock * (os.cpu_count() or 1)), 2)


def machine(peers: str) -> str:
    """Describe the kind of machine in a line: processor, cores, Python, and versions."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    ours, theirs = versions(sys.executable), versions(peers)
    packages = [f"{name} {(ours | theirs if name in ('torch', 'pretty_midi') else ours).get(name)}" for name in PACKAGES]
    words = [f"{processor()}, {cores} cores", f"{platform.system()}, Python {platform.python_version()}"]
    return ", ".join(words + [package for package in packages if not package.endswith(" None")])


def versions(python: str) -> dict[str, str]:
    """Ask a Python for the versions of the packages that it has."""
    program = (
        "import importlib.metadata as m, json\n"
        f"found = {{d.name.lower().replace('-', '_'): d.version for d in m.distributions() if d.name}}\n"
        f"print(json.dumps({{name: found[name] for name in {PACKAGES!r} if name in found}}))"
    )
    return json.loads(subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout)


def processor() -> str:
    """Name the processor's model, or at least its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):  # no Linux, or a processor without such a line
        return platform.processor() or platform.machine()


# --- tables -----------------------------------------------------------------------------------------


def full_table(results: Results) -> str:
    """Write every row, grouped by script, and below them where they were measured."""
    rows = [(f"`{name}.py`", *cells(row)) for name, result in results.items() for row in result["rows"]]
    return "\n\n".join([table(("script", "what", "measured", "wanted", "reached"), rows), places(results), *warning(results)])


def front_table(results: Results) -> str:
    """Write the rows that their scripts mark for the front page."""
    rows = [cells(row) for result in results.values() for row in result["rows"] if row["front"]]
    return "\n\n".join([table(("", "measured", "wanted", "reached"), rows), *warning(results)])


def cells(row: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return the cells of a row."""
    return row["what"], row["measured"], row["wanted"], verdict(row)


def places(results: Results) -> str:
    """Say on what kind of machine and when each script last ran."""
    scripts: dict[tuple[str, str], list[str]] = {}
    for name, result in results.items():
        scripts.setdefault((result["when"], result["machine"]), []).append(f"`{name}`")
    return "\n".join(f"- {', '.join(names)}: measured on {when}, {kind}." for (when, kind), names in scripts.items())


def warning(results: Results) -> list[str]:
    """Name the scripts that were disturbed; an empty list if none was."""
    shares = [f"`{name}` {100 * result['others']:.0f} %" for name, result in results.items() if result["others"] > DISTURBED]
    words = "**Not to be relied on**, because other programs took a share of the processors meanwhile:"
    return [f"{words} {', '.join(shares)}."] if shares else []


def write(results: Results) -> None:
    """Write results.json and both tables."""
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for page, text in ((HERE / "README.md", full_table(results)), (HERE.parent / "README.md", front_table(results))):
        page.write_text(between_markers(page.read_text(encoding="utf-8"), text), encoding="utf-8")


def main() -> int:
    """Run the scripts; return 1 if one fails. A bar that is missed is no failure: it stands in the table."""
    parser = argparse.ArgumentParser(
        prog="python benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SCRIPTS)}")
    parser.add_argument("--peers", "--torch", metavar="PYTHON", default=sys.executable, help="by default this one")
    given = parser.parse_args()
    if unknown := [name for name in given.names if name not in SCRIPTS]:
        parser.error(f"there is no {' or '.join(unknown)} here; there are {', '.join(SCRIPTS)}.")
    if not shutil.which(given.peers):
        parser.error(f"{given.peers} is no Python. Give the path of one.")
    results: Results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    kind, failed = machine(given.peers), []
    for name in given.names or [name for name in SCRIPTS if name not in SLOW]:
        print(f"== {name}", flush=True)
        before = used()
        try:
            rows = run(SCRIPTS[name], given.peers)
        except subprocess.CalledProcessError:
            failed.append(name)
            continue
        taken = others(before, used())
        results[name] = {"when": date.today().isoformat(), "machine": kind, "others": taken, "rows": rows}
        results = {name: results[name] for name in SCRIPTS if name in results}  # in order, without scripts that are gone
        write(results)  # now, so that an interruption loses no more than one script
    print(f"\n{full_table(results)}")
    if failed:
        print(f"\nFailed: {', '.join(failed)}. What they last measured stays in the tables.")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
