"""Make a copy of the course for students, without the worked answers: ``python tools/student.py [FOLDER]``.

The copy has what ``make lab`` needs: the package, the data, the lessons as notebooks, and the exact versions. Its
``make test`` runs every lesson and compares what it shows. It has no ``notebooks/solutions``, so that ``solution("5.1")``
says that the worked answer is withheld; and nothing that only a teacher or an author needs.

What is withheld are the worked answers, not the tests. A test knows what is right, and ``musiclab/lessons`` is
Python that anyone can read: who reads ``lesson_05.py`` finds typical wrong answers, and often a reference to compare
with; who reads ``quiz_05.py`` finds what is right in the quiz. Where that matters, ask for a word of explanation.

Only files that git knows are copied; without git (a plain download), those that belong to the course by their place.
A folder that is not empty is left alone unless this script made it. In one that it made it replaces its own files, and
none that was changed since: then it says which.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = ".musiclab-student-copy"

# What the copy consists of.
WANTED = re.compile(
    r"LICENSE|\.gitignore|environment\.yml|pyproject\.toml|requirements\.lock|tools/bootstrap\.py|tests/nbval\.cfg"
    r"|data/.+|benchmarks/jsb_chorales\.json|notebooks/[0-9]{2}_[^/]+\.ipynb|musiclab/(?!classroom/).+"
)
# Without these it is no course.
NEEDED = ("pyproject.toml", "requirements.lock", "tools/bootstrap.py", "musiclab/__main__.py", "notebooks/00_start_here.ipynb")
# What lies among it in a folder that was worked in, if there is no git to tell.
LEFTOVERS = re.compile(r"(.*/)?(__pycache__|\.[^/]+)/.*|.*\.checkpoint\.npz|.*\.py[co]|.*~")

README = """# musiclab

A course on making music with deep learning, by doing it: Jupyter notebooks on a small helper package.

    make lab      # opens the course in your browser
    make test     # runs every lesson and compares what it shows

Each command is complete: it needs make and Python 3.11, 3.12 or 3.13, makes its own environment in `.venv` (about 3 GB on
disk), and from then on works without a network. Windows has no `make`: there, and in any environment of your own,
`pip install -e ".[test]"`, then `python -m musiclab` opens the course.

{table}

Every lesson has exercises that check your answer and tell you what is wrong with it, with hints in steps. The worked
answers are not in this copy. To begin a lesson afresh, take it from another copy.

The code and the lessons are under the [MIT licence](LICENSE). The music in `data/` has its own notes on
[origin and licence](data/README.md).
"""


class Trouble(Exception):
    """What stands in the way, as the sentence that the teacher reads."""


def tracked(root: Path) -> list[str] | None:
    """Return the files that git knows; None where there is no git, or where this is no checkout."""
    try:
        top = _git(root, "rev-parse", "--show-toplevel").strip()
        # A download that was unpacked inside some other checkout has nothing to do with that one.
        return [name for name in _git(root, "ls-files", "-z").split("\0") if name] if Path(top).resolve() == root else None
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(root: Path, *words: str) -> str:
    command = ["git", "-c", f"safe.directory={root}", "-C", str(root), *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def found(root: Path) -> list[str]:
    """Return the files that are there, without what working in the folder leaves behind."""
    names = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in (".git", ".venv", "build", "__pycache__")]
        names += [Path(folder, name).relative_to(root).as_posix() for name in files]
    return [name for name in names if not LEFTOVERS.fullmatch(name)]


def wanted(root: Path) -> tuple[list[str], list[str]]:
    """Return the files that belong into the copy, and those that would but are unknown to git."""
    there = [name for name in found(root) if WANTED.fullmatch(name)]
    known = tracked(root)
    if known is None:
        return there, []
    return [name for name in known if WANTED.fullmatch(name)], sorted(set(there) - set(known))


def content(root: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Return the files of the copy: the chosen ones as they are, and a Makefile and a README of its own."""
    files = {name: _read(root / name) for name in sorted(names)}
    for name in NEEDED:
        if name not in files:
            raise Trouble(f"{name} is missing in {root}: this is not the whole course. Get it again.")
    files["Makefile"] = makefile(_read(root / "Makefile").decode()).encode()
    files["README.md"] = README.format(table=lesson_table(_read(root / "README.md").decode())).encode()
    return files


def lesson_table(text: str) -> str:
    """Cut the table of the lessons out of the README."""
    section = text.partition("\n## The course\n")[2].partition("\n## ")[0]
    return "\n".join(line for line in section.splitlines() if line.startswith("|"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Trouble(f"{path} cannot be read ({error.strerror}); get the course again.") from None


def makefile(text: str) -> str:
    """Keep the targets that work in the copy."""
    head, *blocks = re.split(r"(?m)^(?=[a-z-]+:)", text)
    kept = {block.split(":")[0]: block for block in blocks}
    words = "## run every lesson and compare what it shows (ARGS=notebooks/05* picks one)"
    kept["test"] = re.sub("## .*", words, kept["test"], count=1)
    names = ("help", "environment", "lab", "test", "clean")
    head = re.sub(r"(?m)^\.PHONY:.*", ".PHONY: " + " ".join(names), head)
    return head + "".join(kept[name].rstrip() + "\n\n" for name in names).rstrip() + "\n"


# --- writing it -------------------------------------------------------------------------------------


def write(files: dict[str, bytes], target: Path) -> None:
    """Write the copy, or renew one that this script made and nobody changed."""
    before = manifest(target)
    changed = [name for name, was in before.items() if (target / name).is_file() and digest((target / name).read_bytes()) != was]
    foreign = [name for name in files if name not in before and (target / name).exists()]
    if changed or foreign:
        listed = _listed([*changed, *foreign])
        raise Trouble(f"{target} was worked in ({listed}), and nothing was written. Move it away, or name another folder.")
    target.mkdir(parents=True, exist_ok=True)
    for name in before.keys() - files.keys():
        (target / name).unlink(missing_ok=True)
    # First what is going to be there: should this be interrupted, the next call knows its own files.
    new = {name: digest(data) for name, data in files.items()}
    _put(target / MANIFEST, json.dumps(new, indent=1).encode())
    for name, data in files.items():
        _put(target / name, data)


def manifest(target: Path) -> dict[str, str]:
    """Return what this script wrote into a folder; refuse a folder that holds anything else."""
    if target.exists() and not target.is_dir():
        raise Trouble(f"{target} is a file. Name a folder.")
    if not target.is_dir() or not any(target.iterdir()):
        return {}
    try:
        before = json.loads((target / MANIFEST).read_text(encoding="utf-8"))
        return {str(name): str(was) for name, was in before.items()}
    except FileNotFoundError:
        raise Trouble(f"{target} is not empty, and is no student copy. Name another folder.") from None
    except (OSError, ValueError, AttributeError):
        raise Trouble(f"{target / MANIFEST} is damaged. Move {target} away, or name another folder.") from None


def digest(data: bytes) -> str:
    """Return what tells one content from another."""
    return hashlib.sha256(data).hexdigest()


def _put(path: Path, data: bytes) -> None:
    """Write a file so that it is there in full or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def main(arguments: list[str]) -> int:
    """Make the copy; return 0, or 1 after a sentence about what stands in the way."""
    target = Path(arguments[0]).expanduser().absolute() if arguments else ROOT / "build" / "student"
    try:
        if len(arguments) > 1:
            raise Trouble("Name one folder for the copy (write its name without spaces, or in quotes).")
        names, unknown = wanted(ROOT)
        files = content(ROOT, names)
        write(files, target)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename or target} cannot be written ({error.strerror}). Name another folder.", file=sys.stderr)
        return 1
    if unknown:
        print(f"Left out, for git does not know them (git add makes it): {_listed(unknown)}.")
    size = sum(map(len, files.values())) / 1e6
    print(f"{target}: {len(files)} files, {size:.0f} MB, without the worked answers. Give your students this folder, packed.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
