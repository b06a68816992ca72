"""What several test files share: one profile for hypothesis, and the corpora, read once."""

import os

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, and no time limit for one: the machine may be busy.
settings.register_profile(
    "course", max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("course")

# Nobody's progress file is touched by a test, and none decides what a test finds. Kernels inherit it.
os.environ["MUSICLAB_PROGRESS"] = "off"
os.environ.pop("MUSICLAB_GRADING", None)


@pytest.fixture(scope="session")
def corpora():
    """Return every corpus by name, as lists of scores."""
    from musiclab.corpus import CORPORA, load_corpus

    return {name: list(load_corpus(name, progress=False)) for name in CORPORA}
