"""benchmarks/: the scripts load, their rows become tables, and `python benchmarks` collects them. Nothing is timed."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "benchmarks"
sys.path.append(str(BENCHMARKS))  # at the end: nothing there can stand in the way of another module
import table  # noqa: E402

PAGE = f"# Title\n\nBefore | it.\n\n{table.BEGIN}\nold\n{table.END}\n\nAfter it.\n"
MISSED = 'row("b / a", "0.5", **at_least(1, 0.5), note="too slow", front=True)'
REACHED = 'row("size", "1 KiB", **at_most(2, 1, " KiB"))'


def python(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=os.environ | variables, timeout=120)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A folder that looks like the course, with a benchmark that misses its bar, one that reaches it, and one that fails."""
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    for name in ("__main__.py", "table.py"):
        shutil.copy(BENCHMARKS / name, folder)
    for page in (folder / "README.md", tmp_path / "README.md"):
        page.write_text(PAGE)
    script(folder, "alpha", MISSED)
    script(folder, "beta", REACHED)
    script(folder, "broken", REACHED, "raise SystemExit(3)")
    script(folder, "growth", "raise SystemExit('this one is slow and runs only when it is named')")
    return tmp_path


def script(folder: Path, name: str, *lines: str) -> None:
    (folder / f"{name}.py").write_text("\n".join(["import sys", "from table import *", *lines]) + "\n")


def rows_of(text: str) -> list[list[str]]:
    """The cells of each row of a Markdown table, head and rule left out."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def test_every_script_loads_without_measuring_anything() -> None:
    program = "import runpy, sys\nfor path in sys.argv[1:]:\n    runpy.run_path(path, run_name='loaded')"
    scripts = sorted(str(path) for path in BENCHMARKS.glob("*.py"))
    result = python("-c", program, *scripts, PYTHONPATH=str(BENCHMARKS))
    assert (result.returncode, result.stdout) == (0, ""), result.stderr


def test_the_pages_of_the_course_have_their_markers() -> None:
    for page in (ROOT / "README.md", BENCHMARKS / "README.md"):
        text = page.read_text(encoding="utf-8")
        assert "| x |" in table.between_markers(text, "| x |")


def test_a_table_goes_between_the_markers_and_nothing_else_changes() -> None:
    new = "| \\1 |\n\\g<0>"  # what a regular expression would take for its own
    once = table.between_markers(PAGE, new)
    assert once == PAGE.replace("\nold\n", f"\n{new}\n")
    assert table.between_markers(once, new) == once


@pytest.mark.parametrize("page", ["", PAGE + PAGE, table.BEGIN + PAGE, PAGE + table.END, f"{table.END}\n{table.BEGIN}"])
def test_a_page_without_one_pair_of_markers_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="there must be one"):
        table.between_markers(page, "new")


@pytest.mark.parametrize(
    ("bar", "verdict"),
    [
        (table.at_least(1, 1.0), "yes"),
        (table.at_least(1.6, 1.2), "**no**, 25 % short: why"),
        (table.at_most(10, 10), "yes"),
        (table.at_most(0.3, 0.45, " s"), "**no**, 50 % too much: why"),
        ({"reached": False}, "**no**: why"),
        ({"reached": None}, "why"),
    ],
)
def test_a_missed_bar_is_marked_with_how_much_is_missing_and_why(bar: dict, verdict: str) -> None:
    assert table.verdict({"note": "" if verdict == "yes" else "why"} | bar) == verdict


def test_a_row_is_printed_and_kept_with_what_it_was_told(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("MUSICLAB_BENCH_ROWS", str(tmp_path / "rows"))
    table.row("b / a", table.spread([3.0, 1.0, 2.0], ".1f"), **table.at_least(4, 2), note="too slow", front=True)
    assert capsys.readouterr().out == "b / a: 2.0 (1.0 to 3.0) (wanted: at least 4) – **no**, 50 % short: too slow\n"
    kept = json.loads((tmp_path / "rows").read_text(encoding="utf-8"))
    assert kept["reached"] is False and kept["front"] is True and kept["measured"] == "2.0 (1.0 to 3.0)"


def test_the_command_runs_the_scripts_and_writes_both_tables(course: Path) -> None:
    result = python(str(course / "benchmarks"), "alpha", "beta")
    assert result.returncode == 0, result.stderr  # a missed bar is no failure
    full, front = (course / "benchmarks/README.md").read_text(), (course / "README.md").read_text()
    missed = ["b / a", "0.5", "at least 1", "**no**, 50 % short: too slow"]
    assert rows_of(full) == [["`alpha.py`", *missed], ["`beta.py`", "size", "1 KiB", "at most 2 KiB", "yes"]]
    assert rows_of(front) == [missed]
    for page in (full, front):
        assert page.startswith(PAGE.partition("old")[0]) and page.endswith(PAGE.partition("old")[2])
    results = (course / "benchmarks/results.json").read_text()
    assert not any(place in results for place in (str(course), sys.prefix, str(Path.home())))


def test_the_slow_scripts_run_only_when_they_are_named_and_failures_are_told(course: Path) -> None:
    result = python(str(course / "benchmarks"))
    assert result.returncode == 1 and "Failed: broken." in result.stdout
    assert json.loads((course / "benchmarks/results.json").read_text()).keys() == {"alpha", "beta"}
    assert python(str(course / "benchmarks"), "growth").returncode == 1
    assert python(str(course / "benchmarks"), "nothing").returncode == 2


def test_a_script_that_runs_again_replaces_its_own_rows_only(course: Path) -> None:
    python(str(course / "benchmarks"), "alpha", "beta")
    script(course / "benchmarks", "alpha", 'row("new", "1")')
    script(course / "benchmarks", "beta", "raise SystemExit(1)")  # its last rows stay
    python(str(course / "benchmarks"), "alpha", "beta")
    rows = rows_of((course / "benchmarks/README.md").read_text())
    assert [row[:2] for row in rows] == [["`alpha.py`", "new"], ["`beta.py`", "size"]]
    (course / "benchmarks/alpha.py").unlink()
    assert python(str(course / "benchmarks"), "broken").returncode == 1
    script(course / "benchmarks", "beta", REACHED)
    python(str(course / "benchmarks"), "beta")
    assert [row[0] for row in rows_of((course / "benchmarks/README.md").read_text())] == ["`beta.py`"]


def test_scripts_that_other_programs_disturbed_are_named(monkeypatch) -> None:
    runner = runpy.run_path(str(BENCHMARKS / "__main__.py"), run_name="runner")
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    # In 10 s of the clock two processors worked for 15 s, of which 5 s for us: others had half of what there was.
    assert runner["others"]((100.0, 40.0, 3.0), (110.0, 55.0, 8.0)) == 0.5
    assert runner["others"]((100.0, 0.0, 3.0), (110.0, 0.0, 8.0)) == 0  # a system that does not tell
    result = {"when": "2030-01-01", "machine": "a machine", "rows": []}
    results = {"quiet": result | {"others": 0.01}, "busy": result | {"others": 0.5}}
    for page in (runner["full_table"](results), runner["front_table"](results)):
        last = page.splitlines()[-1]
        assert "`busy` 50 %" in last and "quiet" not in last
    assert "- `quiet`, `busy`: measured on 2030-01-01, a machine.\n" in runner["full_table"](results)


@pytest.mark.parametrize("option", ["--peers", "--torch"])
def test_the_python_of_the_peers_goes_to_the_scripts_that_take_one(course: Path, option: str) -> None:
    script(course / "benchmarks", "alpha", f'assert sys.argv[1] == "{option}"', 'row("peers", sys.argv[2])')
    assert python(str(course / "benchmarks"), "alpha", "beta", option, sys.executable).returncode == 0
    assert rows_of((course / "benchmarks/README.md").read_text())[0][2] == sys.executable
