"""nbgrader's own commands on a lesson: right answers get their points, wrong and missing ones none.

nbgrader is no part of the course's environment. It is looked for on the PATH and under the name that the environment
variable NBGRADER gives; without it the metadata is tested by nbgrader's rules alone, in tests/test_notebooks.py and here.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import notebooks as tool
from musiclab import exercises
from musiclab.corpus import cache_folder

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "tools" / "nbgrader_config.py"
NBGRADER = os.environ.get("NBGRADER") or shutil.which("nbgrader")
LESSON = "13"  # as quick as any

needs_nbgrader = pytest.mark.skipif(
    not NBGRADER, reason="nbgrader is not here: install it in an environment of its own and set NBGRADER to its command"
)


def source():
    [path] = tool.sources([LESSON])
    return path.stem, tool.read_source(path)


def answers():
    """Return the worked answers of the lesson, each with the imports that stand above them all."""
    [path] = exercises.SOLUTIONS.glob(f"{LESSON}_*.py")
    before, *rest = re.split(r"(?m)^# %% (?:\[markdown\] )?(?=\d+\.\d+ )", path.read_text(encoding="utf-8"))
    return {text.split()[0].replace(".", "-") + "-answer": f"{before}\n# {text}" for text in rest}


def fill(notebook, sources):
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = sources.get(name, cell.source)
    return notebook


# --- by nbgrader's rules ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", tool.sources([]), ids=lambda path: path.stem)
def test_the_metadata_keeps_nbgraders_rules(path):
    """Those of nbgrader.nbgraderformat.v3: known keys, ids of letters, digits, - and _, points where there is a grade."""
    seen = set()
    for cell in tool.read_source(path).cells:
        mark = cell.metadata.get("nbgrader")
        if mark is None:
            continue
        assert mark.schema_version == 3
        assert {"grade", "locked", "solution", "grade_id", "schema_version"} <= mark.keys()
        assert mark.keys() <= {"grade", "locked", "solution", "grade_id", "schema_version", "task", "points"}
        assert re.fullmatch(r"[\w-]+", mark.grade_id) and mark.grade_id not in seen
        assert mark.grade != mark.solution and cell.cell_type == "code"
        assert ("points" in mark) == mark.grade
        seen.add(mark.grade_id)
    assert seen


def settings():
    class Section(dict):
        def __getattr__(self, name):
            return self.setdefault(name, Section())

        def __setattr__(self, name, value):
            self[name] = value

    config = Section()
    exec(compile(CONFIG.read_text(encoding="utf-8"), str(CONFIG), "exec"), {"get_config": lambda: config})
    return config


def test_the_settings_keep_the_stubs():
    assert settings().ClearSolutions.enabled is False


def test_under_nbgrader_a_wrong_answer_raises(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(AssertionError, match=r"0\.1"):
        exercises.check("0.1", 1)
    monkeypatch.delenv("NBGRADER_EXECUTION")
    exercises.check("0.1", 1)


# --- with nbgrader itself ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """Return the folder of an nbgrader course with one assignment, released, and a function that calls nbgrader there."""
    folder = tmp_path_factory.mktemp("school")
    kernel = folder / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "Python 3", "language": "python"}))
    shutil.copy(CONFIG, folder)
    (folder / "source" / "lesson").mkdir(parents=True)
    name, notebook = source()
    nbformat.write(notebook, folder / "source" / "lesson" / f"{name}.ipynb")
    (folder / "home").mkdir()
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(NBGRADER).parent), os.environ["PATH"]]),
        "HOME": str(folder / "home"),
        "JUPYTER_PATH": str(folder / "jupyter"),
        "MUSICLAB_CACHE": str(cache_folder()),
    }
    environment.pop("MUSICLAB_GRADING", None)

    def nbgrader(*words):
        done = subprocess.run(
            [NBGRADER, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
        )
        return done.returncode, done.stdout + done.stderr

    code, said = nbgrader("generate_assignment", "lesson")
    assert code == 0, said
    return folder, name, nbgrader


@needs_nbgrader
def test_the_released_notebook_is_the_lesson_as_it_stands(school):
    folder, name, _ = school
    released = nbformat.read(folder / "release" / "lesson" / f"{name}.ipynb", 4)
    assert [(c.cell_type, c.source, c.id) for c in released.cells] == [(c.cell_type, c.source, c.id) for c in source()[1].cells]
    checks = [c for c in released.cells if c.metadata.get("nbgrader", {}).get("grade")]
    assert checks and all(c.metadata.editable is False and c.metadata.deletable is False for c in checks)


@needs_nbgrader
def test_right_answers_get_their_points_and_others_none(school):
    folder, name, nbgrader = school
    right = answers()
    number = int(LESSON)
    wrong = {
        f"{exercise.id.replace('.', '-')}-answer": f"def {exercise.name}(*given):\n    return 3"
        for exercise in exercises.exercises_of(number)
    }
    first = next(iter(right))
    students = {"right": right, "wrong": wrong, "untouched": {}, "one": {**wrong, first: right[first]}}
    for student, given in students.items():
        place = folder / "submitted" / student / "lesson"
        place.mkdir(parents=True)
        nbformat.write(fill(nbformat.read(folder / "release" / "lesson" / f"{name}.ipynb", 4), given), place / f"{name}.ipynb")
    code, said = nbgrader("autograde", "lesson")
    assert code == 0, said
    assert nbgrader("export")[0] == 0
    scores = {
        row["student_id"]: (float(row["score"]), float(row["max_score"]))
        for row in csv.DictReader((folder / "grades.csv").open())
    }
    most = float(len(right))
    assert scores == {"right": (most, most), "wrong": (0, most), "untouched": (0, most), "one": (1, most)}


@needs_nbgrader
def test_validate_agrees(school, tmp_path):
    folder, name, nbgrader = school
    path = folder / f"{name}.ipynb"
    for given, words in ((answers(), "Success"), ({}, "VALIDATION FAILED ON")):
        nbformat.write(fill(nbformat.read(folder / "release" / "lesson" / f"{name}.ipynb", 4), given), path)
        assert words in nbgrader("validate", path.name)[1]
