"""Start-up: what `import musiclab` costs, and what it does not load.

python benchmarks/startup.py
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np

ROUNDS = 7
HEAVY = ("tensorflow", "keras", "music21", "matplotlib")

PROGRAM = """
import sys, time
started = time.perf_counter()
import {module}
print(time.perf_counter() - started, *[m for m in {heavy} if m in sys.modules])
"""


def measure(module: str) -> tuple[float, list[str]]:
    """Import a module in a new process; return the seconds, and which heavy modules came with it."""
    program = PROGRAM.format(module=module, heavy=HEAVY)
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seconds, *loaded = result.stdout.split()
    return float(seconds), loaded


def main() -> None:
    """Print the figures."""
    for module in ("musiclab", "musiclab.generation", "musiclab.models"):
        runs = [measure(module) for _ in range(ROUNDS if module != "musiclab.models" else 2)]
        times = [seconds for seconds, _ in runs]
        bar = " (bar: 0.3)" if module == "musiclab" else ""
        print(f"import {module}: {np.median(times):.3f} s{bar}, loads {', '.join(runs[0][1]) or 'none of ' + ', '.join(HEAVY)}")


if __name__ == "__main__":
    main()
