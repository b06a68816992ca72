"""Start-up: what `import musiclab` costs, and what it does not load.

python benchmarks/startup.py
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median

from table import at_most, row, spread

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
        runs = [measure(module) for _ in range(ROUNDS if module != "musiclab.models" else 3)]
        times = [seconds for seconds, _ in runs]
        loaded = runs[0][1]
        words = f"loads {' and '.join(loaded)}" if loaded else "loads neither TensorFlow nor music21"
        bar = at_most(0.3, median(times), " s") if module == "musiclab" else {}
        if bar and loaded:
            bar["reached"] = False
        row(f"`import {module}`, which {words}", f"{spread(times, '.3f')} s", **bar, front=module == "musiclab")


if __name__ == "__main__":
    main()
