"""`make student`: a copy that works, without the worked answers, and that never writes over what somebody made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import student as tool

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Return a copy of the files that are here, whether git knows them already or not."""
    target = tmp_path_factory.mktemp("copies") / "student"
    tool.write(tool.content(ROOT, [name for name in tool.found(ROOT) if tool.WANTED.fullmatch(name)]), target)
    return target


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def within(copy, code):
    """Run Python in the copy, with the copy's package."""
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    call = {"cwd": copy / "notebooks", "env": environment, "capture_output": True, "text": True, "timeout": 300}
    done = subprocess.run([sys.executable, "-c", code], **call, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_has_what_the_course_needs_and_nothing_that_tells_the_answers(copy):
    has = names(copy)
    lessons = {path.relative_to(ROOT).as_posix() for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")}
    assert lessons <= has
    assert {"Makefile", "README.md", "LICENSE", "requirements.lock", "pyproject.toml", "tools/bootstrap.py"} <= has
    assert {"data/melody.bundle", "musiclab/show/player.js", "musiclab/lessons/lesson_05.py", "musiclab/widgets/game.css"} <= has
    forbidden = (
        "notebooks/solutions",
        "notebooks/source",
        "notebooks/work",
        "musiclab/classroom",
        "tests/test_",
        ".git/",
        "build",
    )
    assert not [name for name in has if name.startswith(forbidden) or "__pycache__" in name]
    everything = b"\n".join((copy / name).read_bytes() for name in has if name.endswith((".py", ".ipynb", ".md")))
    assert b"The smallest and the largest MIDI number, by name." not in everything  # a line of a worked answer


def test_the_worked_answers_are_withheld_and_all_else_works(copy):
    code = (
        "import pathlib, musiclab\n"
        "from musiclab import check, generate, hint, load_bundle, solution\n"
        "from musiclab.exercises import exercises_of, lessons\n"
        "from musiclab.__main__ import find_lesson\n"
        "print(pathlib.Path(musiclab.__file__).parent.parent, find_lesson())\n"
        "print(sum(len(exercises_of(lesson)) for lesson in lessons()))\n"
        "print(generate(load_bundle('melody'), length=8, seed=1).duration)\n"
        "check('0.2', lambda score: score.duration * 60 / score.tempo)\n"
        "hint('5.1')\n"
        "solution('5.1')\n"
    )
    from musiclab.exercises import exercises_of, lessons

    where, count, length, *rest = within(copy, code).splitlines()
    assert where.split() == [str(copy), str(copy / "notebooks" / "00_start_here.ipynb")]
    assert int(count) == sum(len(exercises_of(lesson)) for lesson in lessons())
    assert float(length) > 0
    assert [line for line in rest if "properties hold" in line or "property holds" in line]
    assert rest[-1].startswith("The solution of 5.1 is not in this copy of the course.")


def test_its_own_test_is_green(copy):
    """What `make test` calls, on one lesson; the environment is this one instead of the copy's own."""
    environment = os.environ | {"PYTHONPATH": str(copy)}
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", "notebooks/00_start_here.ipynb"]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_its_makefile_has_the_targets_that_work_there(copy):
    text = (copy / "Makefile").read_text(encoding="utf-8")
    targets = [line.split(":")[0] for line in text.splitlines() if line[:1].isalpha() and "##" in line]
    assert targets == ["help", "environment", "lab", "test", "clean"]
    assert "run every lesson" in text and "run all tests" not in text
    if shutil.which("make"):
        listed = subprocess.run(["make", "-s", "help"], cwd=copy, capture_output=True, text=True, check=True).stdout
        assert [line.split()[0] for line in listed.splitlines()] == targets
        plan = subprocess.run(["make", "-n", "lab"], cwd=copy, capture_output=True, text=True, check=True).stdout
        assert "tools/bootstrap.py" in plan and "-m musiclab" in plan


def test_its_readme_names_every_lesson_and_nothing_that_is_missing(copy):
    text = (copy / "README.md").read_text(encoding="utf-8")
    for target in tool.re.findall(r"\]\(([^)]+)\)", text):
        assert (copy / target).exists(), target
    assert text.count("\n|---|---|\n") == 1
    for lesson in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"):
        assert f"| [{lesson.name[:2]} " in text or f"| {lesson.name[:2]} " in text


def test_the_environment_is_made_from_it(copy):
    import bootstrap

    place = bootstrap.Folder(str(copy))
    assert "uv==" in bootstrap.block_of("uv", bootstrap.read(place.lock))
    assert not bootstrap.is_ready(place)


# --- where the files come from ----------------------------------------------------------------------


EXPECTED = {*tool.NEEDED, "LICENSE", "data/a.mid", "musiclab/x.py", "notebooks/05_x.ipynb"}


@pytest.fixture
def download(tmp_path):
    """Return a small course as it comes from an archive, worked in."""
    root = tmp_path / "download"
    for name in (
        *tool.NEEDED,
        "LICENSE",
        "data/a.mid",
        "musiclab/x.py",
        "musiclab/classroom/__init__.py",
        "notebooks/05_x.ipynb",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    for name in ("Makefile", "README.md"):
        shutil.copy(ROOT / name, root)
    leftovers = (
        "musiclab/__pycache__/x.cpython-311.pyc",
        "notebooks/work/progress.json",
        "notebooks/.ipynb_checkpoints/05_x-checkpoint.ipynb",
        "notebooks/solutions/05_x.py",
        "data/m.checkpoint.npz",
        "musiclab/x.py~",
        ".venv/pyvenv.cfg",
        "build/student/LICENSE",
    )
    for name in leftovers:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("left")
    return root


def test_a_download_without_git_gives_the_same_copy(download):
    chosen, unknown = tool.wanted(download)
    assert set(chosen) == EXPECTED
    assert unknown == []


git = pytest.mark.skipif(not shutil.which("git"), reason="there is no git here")


def run_git(root, *words):
    subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True)


@git
def test_only_files_that_git_knows_are_taken_and_the_others_are_named(download):
    run_git(download, "init", "-q")
    run_git(download, "add", *EXPECTED - {"data/a.mid"})
    chosen, unknown = tool.wanted(download)
    assert set(chosen) == EXPECTED - {"data/a.mid"}
    assert unknown == ["data/a.mid"]


@git
def test_a_download_inside_another_checkout_has_nothing_to_do_with_it(download):
    run_git(download.parent, "init", "-q")
    assert tool.tracked(download.resolve()) is None
    assert set(tool.wanted(download)[0]) == EXPECTED


def test_half_a_course_is_refused(download):
    (download / "requirements.lock").unlink()
    with pytest.raises(tool.Trouble, match=r"requirements.lock is missing"):
        tool.content(download, tool.wanted(download)[0])


# --- what it may write over -------------------------------------------------------------------------

FILES = {"a.txt": b"a", "notebooks/05.ipynb": b"b"}


def test_a_copy_is_renewed_and_what_was_added_stays(tmp_path):
    target = tmp_path / "student"
    tool.write(FILES, target)
    (target / ".venv").mkdir()
    (target / "notebooks" / "work.txt").write_text("mine")
    tool.write({"a.txt": b"new"}, target)
    assert names(target) == {"a.txt", "notebooks/work.txt", tool.MANIFEST}
    assert (target / "a.txt").read_bytes() == b"new"
    assert (target / ".venv").is_dir()


@pytest.mark.parametrize("name", ["notebooks/05.ipynb", "new.txt"])
def test_what_somebody_wrote_is_never_written_over(tmp_path, name):
    target = tmp_path / "student"
    tool.write(FILES, target)
    (target / name).write_text("mine")
    with pytest.raises(tool.Trouble, match=f"was worked in .*{name}"):
        tool.write({**FILES, "a.txt": b"new", "new.txt": b"c"}, target)
    assert (target / name).read_text() == "mine"
    assert (target / "a.txt").read_bytes() == b"a"


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(tool.Trouble, match="is no student copy"):
        tool.write(FILES, tmp_path)
    assert names(tmp_path) == {"letter.txt"}
    with pytest.raises(tool.Trouble, match="is a file"):
        tool.write(FILES, tmp_path / "letter.txt")
    (tmp_path / "empty").mkdir()
    tool.write(FILES, tmp_path / "empty")
    (tmp_path / "empty" / tool.MANIFEST).write_text("[]")
    with pytest.raises(tool.Trouble, match="is damaged"):
        tool.write(FILES, tmp_path / "empty")


def test_an_interrupted_copy_is_finished_by_the_next_call(tmp_path, monkeypatch):
    target, put = tmp_path / "student", tool._put

    def interrupted(path, data):
        if path.name == "05.ipynb":
            raise KeyboardInterrupt
        put(path, data)

    monkeypatch.setattr(tool, "_put", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tool.write(FILES, target)
    monkeypatch.setattr(tool, "_put", put)
    tool.write(FILES, target)
    assert names(target) == {*FILES, tool.MANIFEST}


def test_the_command_says_what_stands_in_the_way(tmp_path, capsys):
    (tmp_path / "letter.txt").write_text("dear")
    assert tool.main([str(tmp_path)]) == 1
    assert "is no student copy" in capsys.readouterr().err
    assert tool.main(["two", "words"]) == 1
    assert "in quotes" in capsys.readouterr().err
    assert tool.main([str(tmp_path / "letter.txt" / "below")]) == 1
    assert "cannot be written" in capsys.readouterr().err
    assert names(tmp_path) == {"letter.txt"}
