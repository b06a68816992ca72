"""environment.yml, pyproject.toml, the lock and the commands of CI agree with each other."""

import os
import re
import stat
import tomllib
from pathlib import Path

import bootstrap
import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKED_EXTRAS = ("test", "dev")


def locked() -> dict[str, list[Requirement]]:
    """Package -> its lines in the lock (several where the version depends on the Python)."""
    entries: dict[str, list[Requirement]] = {}
    for line in LOCK.splitlines():
        if line and line[0] not in "# \t":
            requirement = Requirement(line.removesuffix("\\").strip())
            entries.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return entries


def wanted() -> list[Requirement]:
    """What pyproject asks for and the lock must hold."""
    lines = PROJECT["dependencies"] + [line for extra in LOCKED_EXTRAS for line in PROJECT["optional-dependencies"][extra]]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("requirement", wanted(), ids=lambda requirement: requirement.name)
def test_the_lock_holds_each_dependency_at_a_version_its_range_admits(requirement: Requirement) -> None:
    entries = locked().get(canonicalize_name(requirement.name))
    assert entries, f"{requirement.name} is not in requirements.lock: run `make lock`"
    for entry in entries:
        version = Version(str(entry.specifier).removeprefix("=="))
        assert requirement.specifier.contains(version), f"locked {entry}, but pyproject asks for {requirement}: run `make lock`"


@pytest.mark.parametrize("python", ["3.11.0", "3.11.9", "3.12.4", "3.13.1"])
@pytest.mark.parametrize("system", [("linux", "Linux", "posix"), ("darwin", "Darwin", "posix"), ("win32", "Windows", "nt")])
def test_each_dependency_has_exactly_one_version_on_every_supported_python(python: str, system: tuple[str, str, str]) -> None:
    sys_platform, platform_system, os_name = system
    here = {**default_environment(), "python_version": python.rpartition(".")[0], "python_full_version": python}
    here.update(sys_platform=sys_platform, platform_system=platform_system, os_name=os_name)
    entries = locked()
    for requirement in wanted():
        lines = entries[canonicalize_name(requirement.name)]
        assert sum(line.marker is None or line.marker.evaluate(here) for line in lines) == 1, requirement.name


def test_every_entry_of_the_lock_is_exact_and_hashed() -> None:
    blocks = re.findall(r"(?m)^[^#\s].*(?:\n[ \t]+.*)*", LOCK)
    assert len(blocks) > 100
    for block in blocks:
        first = block.splitlines()[0]
        assert re.match(r"[\w.-]+==[\w.+]+( ;.*)? \\$", first), first
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", block), f"no hash for {first}"


def test_the_lock_names_no_address_and_its_header_only_its_command() -> None:
    assert "://" not in LOCK
    assert not re.search(r"(?m)^\s*-(?!-hash=)", LOCK), "an option line (an index, say) stands in the lock"
    comments = [line.strip("# ") for line in LOCK.splitlines() if line.startswith("#")]
    assert comments[-1] == "make lock"
    assert len(comments) == 2


def test_conda_gets_pip_and_leaves_the_packages_to_pyproject() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["name"] == "musiclab"
    python, pip, packages = environment["dependencies"]
    assert pip == "pip"
    assert packages == {"pip": ["-e .[test]"]}
    assert Requirement(python).specifier == Requirement("python" + PROJECT["requires-python"]).specifier


def test_bootstrap_workflow_and_pyproject_name_the_same_pythons() -> None:
    admitted = Requirement("python" + PROJECT["requires-python"]).specifier
    minors = [(3, minor) for minor in range(8, 20) if admitted.contains(f"3.{minor}.0")]
    assert list(bootstrap.VERSIONS) == minors
    workflow = (ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8")
    used = re.findall(r'python(?:-version)?: "(3\.\d+)"', workflow)
    assert used and all(tuple(map(int, version.split("."))) in minors for version in used)


def test_ci_runs_the_same_command_as_everyone() -> None:
    run = ROOT / ".ci/run"
    text = run.read_text(encoding="utf-8")
    assert "set -euo pipefail" in text
    assert re.search(r"(?m)^make test$", text)
    if os.name == "posix":
        assert run.stat().st_mode & stat.S_IXUSR, ".ci/run is not executable"


def test_the_workflow_runs_ci_on_linux_and_macos_and_weekly_with_the_newest_versions() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))
    triggers = workflow[True]  # YAML reads the bare word `on` as a truth value
    assert {"push", "pull_request"} <= set(triggers)
    assert triggers["schedule"][0]["cron"].split()[2:4] == ["*", "*"]
    assert triggers["schedule"][0]["cron"].split()[4] != "*"
    locked_job, newest_job = workflow["jobs"]["locked"], workflow["jobs"]["newest"]
    systems = {entry["os"].partition("-")[0] for entry in locked_job["strategy"]["matrix"]["include"]}
    assert systems == {"ubuntu", "macos"}
    assert [step["run"] for step in locked_job["steps"] if "run" in step] == [".ci/run"]
    newest = [step["run"] for step in newest_job["steps"] if "run" in step]
    assert newest == ['pip install -U -e ".[test]"', "python -m pytest --nbval"]


def test_make_has_every_target_and_says_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("lab", "test", "notebooks", "models", "bench", "lint", "lock", "clean"):
        assert re.search(rf"(?m)^{target}:.*## \S", makefile), target
    assert re.search(r"(?m)^test: environment.*\n\t.*pytest --nbval", makefile)
