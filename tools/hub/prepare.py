"""Make a shared course ready, once, by whoever owns its folder: ``.venv/bin/python tools/hub/prepare.py``.

It reads the corpora into ``build/cache``, from where each student's server takes them; compiles the packages, since
students cannot write into the course and each would compile them at every import; and checks that others can read
what they need. Run it again after each update of the course.
"""

from __future__ import annotations

import compileall
import os
import stat
import sys
import sysconfig
from pathlib import Path

from musiclab.__main__ import ROOT

CACHE = ROOT / "build" / "cache"


def fill_cache(cache: Path) -> None:
    """Read every corpus, and the folder that a lesson reads, into the shared cache."""
    os.environ["MUSICLAB_CACHE"] = str(cache)
    from musiclab.corpus import CORPORA, load_corpus, load_folder

    for name in CORPORA:
        print(load_corpus(name))
    print(load_folder(ROOT / "data" / "tunes" / "blues"))


def hidden_from_others(places: list[Path]) -> list[Path]:
    """Return the files and folders that other users of this machine cannot read, and the folders above that they cannot enter."""
    above = {parent for place in places for parent in place.parents if not parent.stat().st_mode & stat.S_IXOTH}
    below = [path for place in places for path in [place, *place.rglob("*")] if not path.is_symlink()]
    return sorted(above) + [path for path in below if _is_closed(path.stat().st_mode)]


def _is_closed(mode: int) -> bool:
    needed = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(mode) else 0)
    return mode & needed != needed


def main() -> int:
    """Prepare; return 1 if others cannot read the course."""
    os.umask(0o022)
    fill_cache(CACHE)
    print("Compiling the packages ...", flush=True)
    libraries = sysconfig.get_paths()["purelib"]
    compileall.compile_dir(libraries, quiet=2, workers=0)
    compileall.compile_dir(ROOT / "musiclab", quiet=2, workers=0)
    needed = [ROOT / name for name in ("musiclab", "data", "benchmarks", "tools", "build/cache", ".venv")]
    needed += (ROOT / "notebooks").glob("*.ipynb")  # not the solutions: a school may close that folder
    # The Python below the environment must be one for everybody, too: not one in somebody's home.
    hidden = hidden_from_others([*needed, Path(sys.executable).resolve()])
    for path in hidden[:5]:
        print(f"Other users cannot read {path}.")
    if hidden:
        print(f"{len(hidden)} in all. Try: chmod -R o+rX {ROOT}")
        print("If the Python itself is among them, make .venv anew with one that is installed for everybody.")
    else:
        print("The course is ready for everybody on this machine.")
    return bool(hidden)


if __name__ == "__main__":
    sys.exit(main())
