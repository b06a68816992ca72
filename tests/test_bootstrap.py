"""tools/bootstrap.py: what it makes, what it leaves alone, and its sentences. No network is used."""

import ast
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import bootstrap
import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "tools" / "bootstrap.py"
UV_BLOCK = "uv==9.9 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc"
LOCK = f"absl-py==1.0 \\\n    --hash=sha256:aa\n{UV_BLOCK}\nwheel==1 \\\n    --hash=sha256:dd\n"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def fake_python(path: Path, answer: str) -> str:
    """A python that answers the probe and can do nothing else."""
    return str(executable(path, f'echo "{answer}"\n'))


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like the course, with a cache of its own."""
    root = tmp_path / "course"
    (root / "tools").mkdir(parents=True)
    shutil.copy(SCRIPT, root / "tools")
    (root / "requirements.lock").write_text(LOCK)
    (root / "pyproject.toml").write_text("[project]\n")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    return root


@pytest.fixture
def installer(course: Path, tmp_path: Path) -> tuple[str, Callable[[], list[str]]]:
    """A python whose venvs hold a pip and a uv that only note how they were called.

    The file `say` holds what the next uv call complains about (and that it fails).
    """
    calls, complaint = tmp_path / "calls", tmp_path / "say"
    uv = f"""[ "$1" = --version ] && {{ echo "uv 9.9"; exit; }}
echo "uv $*" >> {calls}
[ -f {complaint} ] || exit 0
cat {complaint}
exit 2
"""
    executable(tmp_path / "uv", uv)
    inside = f"""case "$*" in
  *"import venv"*) echo "3 12 1";;
  *sys.version*) echo "3.12.0 (a stand-in)";;
  *"pip --version"*) echo pip;;
  *"pip config"*) exit 1;;
  *) echo "python $*" >> {calls}; while [ "$1" ]; do [ "$1" = -r ] && cat "$2" >> {calls}; shift; done
     [ -f {complaint} ] && {{ cat {complaint}; exit 2; }}
     cp {tmp_path}/uv "$(dirname "$0")/uv";;
esac
"""
    executable(tmp_path / "inside", inside)
    outside = f"""[ "$1" = -m ] || {{ echo "3 12 1"; exit; }}
echo "python $*" >> {calls}
mkdir -p "$3/bin"
cp {tmp_path}/inside "$3/bin/python"
"""
    python = executable(tmp_path / "python3.12", outside)
    return str(python), lambda: calls.read_text().splitlines() if calls.exists() else []


def test_an_old_python_can_read_the_script() -> None:
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize("version", ["3 9 1", "3 14 1", "2 7 0"])
def test_a_python_too_old_or_too_new_gets_a_sentence(tmp_path: Path, version: str) -> None:
    python = fake_python(tmp_path / "python3", version)
    with pytest.raises(bootstrap.Trouble, match=r"needs Python 3\.11, 3\.12 or 3\.13, but only " + ".".join(version.split()[:2])):
        bootstrap.choose_python([python])


def test_no_python_at_all_gets_a_sentence(tmp_path: Path) -> None:
    broken = str(executable(tmp_path / "python3.12", 'echo "command not found" >&2\nexit 127\n'))
    with pytest.raises(bootstrap.Trouble, match="none is on this machine"):
        bootstrap.choose_python([broken, str(tmp_path / "missing")])


def test_a_missing_venv_module_gets_a_sentence_with_the_package(tmp_path: Path) -> None:
    python = fake_python(tmp_path / "python3", "3 11 0")
    with pytest.raises(bootstrap.Trouble, match=r"lacks the venv module; install it .*python3-venv"):
        bootstrap.choose_python([python])


def test_a_python_that_cannot_is_passed_over_for_one_that_can(tmp_path: Path) -> None:
    choices = [fake_python(tmp_path / name, answer) for name, answer in (("a", "3 10 1"), ("b", "3 13 0"), ("c", "3 12 1"))]
    broken = str(executable(tmp_path / "shim", "exit 127\n"))
    assert bootstrap.choose_python([broken, *choices]) == choices[2]


def test_a_broken_shim_does_not_hide_the_python_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(tmp_path / "shims" / "python3.12", "exit 127\n")
    real = fake_python(tmp_path / "real" / "python3.12", "3 12 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'shims'}{os.pathsep}{tmp_path / 'real'}{os.pathsep}/bin")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    assert bootstrap.choose_python(bootstrap.candidates()) == real


def test_a_full_installation_checks_hashes_and_stamps_last(course: Path, installer, capsys) -> None:
    python, calls = installer
    assert bootstrap.main(str(course), [python]) == 0
    venv, pip, *lock, packages, project = calls()
    assert venv == f"python -m venv {course}/.venv"
    assert "--require-hashes" in pip
    assert "\n".join(lock) == UV_BLOCK, "only uv, with its hashes"
    assert "--require-hashes --compile-bytecode -r" in packages and "--reinstall" not in packages
    assert project.endswith(f"--no-deps --no-build-isolation --editable {course}")
    assert (course / ".venv" / bootstrap.STAMP).exists()
    assert not (course / ".venv" / bootstrap.UNFINISHED).exists()
    said = capsys.readouterr().out
    assert "Making .venv" in said and "Installing about 3 packages" in said


def test_a_second_call_does_nothing_and_is_quick(course: Path, installer) -> None:
    python, calls = installer
    assert bootstrap.main(str(course), [python]) == 0
    before = calls()
    began = time.perf_counter()
    done = subprocess.run([sys.executable, course / "tools/bootstrap.py"], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.perf_counter() - began < 1.5
    assert calls() == before


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_a_changed_lock_or_project_is_installed_into_the_same_environment(course, installer, changed) -> None:
    python, calls = installer
    assert bootstrap.main(str(course), [python]) == 0
    before = len(calls())
    with (course / changed).open("a") as file:
        file.write("\n# changed\n")
    assert bootstrap.main(str(course), [python]) == 0
    later = calls()[before:]
    assert len(later) == 2 and all(call.startswith("uv pip install") for call in later)


def test_a_moved_course_is_installed_again(course: Path, installer) -> None:
    python, calls = installer
    assert bootstrap.main(str(course), [python]) == 0
    before = len(calls())
    moved = course.rename(course.parent / "moved")
    assert bootstrap.main(str(moved), [python]) == 0
    assert len(calls()) > before


def test_an_interrupted_installation_is_done_again_in_full(course: Path, installer, monkeypatch, capsys) -> None:
    python, calls = installer

    def interrupt(*arguments) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "install_packages", interrupt)
        assert bootstrap.main(str(course), [python]) == 130
    assert "call this again" in capsys.readouterr().err
    assert bootstrap.main(str(course), [python]) == 0
    assert any("--reinstall" in call for call in calls()), "half-copied packages would count as installed"


def test_a_damaged_environment_is_made_anew(course: Path, installer) -> None:
    python, calls = installer
    (course / ".venv" / "bin").mkdir(parents=True)
    (course / ".venv" / "pyvenv.cfg").touch()
    (course / ".venv" / "leftover").touch()
    executable(course / ".venv" / "bin" / "python", "exit 1\n")
    assert bootstrap.main(str(course), [python]) == 0
    assert calls()[0].startswith("python -m venv")
    assert not (course / ".venv" / "leftover").exists()


def test_a_venv_that_is_something_else_is_not_removed(course: Path, installer, capsys) -> None:
    (course / ".venv").mkdir()
    (course / ".venv" / "thesis.txt").touch()
    assert bootstrap.main(str(course), [installer[0]]) == 1
    assert "is no Python environment" in capsys.readouterr().err
    assert (course / ".venv" / "thesis.txt").exists()


def test_too_little_space_is_said_before_anything_is_made(course: Path, installer, monkeypatch, capsys) -> None:
    usage = shutil.disk_usage(course)
    monkeypatch.setattr(bootstrap.shutil, "disk_usage", lambda place: usage._replace(free=1_200_000_000))
    assert bootstrap.main(str(course), [installer[0]]) == 1
    assert f"needs {bootstrap.ENVIRONMENT_GB:.1f} GB of disk space and 1.2 GB are free" in capsys.readouterr().err
    assert not (course / ".venv").exists()


@pytest.mark.parametrize(
    ("complaint", "sentence"),
    [
        ("error: Failed to fetch: x\n  Caused by: dns error", "could not be downloaded"),
        ("ERROR: No matching distribution found for uv==9.9 (from versions: none)", "could not be downloaded"),
        ("error: Hash mismatch for `numpy==1`", "its hash is another"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "its hash is another"),
        ("error: failed to copy\n  Caused by: No space left on device (os error 28)", "disk filled up"),
        ("error: Permission denied (os error 13)", "could not be written"),
        ("because x has no wheels with a matching platform tag", "no build for this computer"),
        ("error: a thing nobody foresaw", "last words were: error: a thing nobody foresaw"),
    ],
)
def test_an_installers_complaint_becomes_one_sentence(course, installer, tmp_path, capsys, complaint, sentence) -> None:
    python, _ = installer
    (tmp_path / "say").write_text(complaint + "\n")
    assert bootstrap.main(str(course), [python]) == 1
    error = capsys.readouterr().err
    assert sentence in error and "full log: .venv/" in error
    assert len(error.splitlines()) == 1
    assert complaint.splitlines()[0] in (course / ".venv" / bootstrap.LOG).read_text()
    assert not (course / ".venv" / bootstrap.STAMP).exists()


def test_a_folder_that_cannot_be_written_gets_a_sentence(course: Path, installer, capsys) -> None:
    (course / "build").write_text("a file in the way: as good as a folder without rights, also for root")
    assert bootstrap.main(str(course), [installer[0]]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_cache_that_cannot_be_written_is_replaced(course: Path, installer, monkeypatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(course / "pyproject.toml" / "cache"))
    assert bootstrap.main(str(course), [installer[0]]) == 0
    assert not (course / "build" / "uv-cache").exists()


def test_an_incomplete_course_gets_a_sentence(course: Path, capsys) -> None:
    (course / "requirements.lock").unlink()
    assert bootstrap.main(str(course), []) == 1
    assert "complete copy of the course" in capsys.readouterr().err


def test_two_calls_at_once_make_one_environment(course: Path, installer) -> None:
    python, calls = installer
    code = f"import sys; sys.path.insert(0, {str(course / 'tools')!r}); import bootstrap; "
    code += f"sys.exit(bootstrap.main({str(course)!r}, [{python!r}]))"
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60) and process.returncode for process in both] == [0, 0]
    assert sum("-m venv" in call for call in calls()) == 1
    assert sum("--require-hashes --compile" in call for call in calls()) == 1


def test_the_users_package_mirror_reaches_uv(course: Path, monkeypatch) -> None:
    folder = bootstrap.Folder(str(course))
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_TARGET", "elsewhere")
    executable(Path(folder.program("python")), "echo \"global.index-url='mirror-of-the-school'\"\n")
    env = bootstrap.environment(folder, "cache")
    assert env["UV_DEFAULT_INDEX"] == "mirror-of-the-school"
    assert "SSL_CERT_FILE" not in env and "PIP_TARGET" not in env
