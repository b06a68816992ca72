"""A cluster: load_folder hands its files to Dask's workers and brings back what one process would have read."""

from pathlib import Path

import joblib
import numpy as np
import pytest
from distributed import Client, LocalCluster, get_task_stream
from strategies import tune

from musiclab import files
from musiclab.corpus import load_folder
from musiclab.files import write_midi


@pytest.fixture(scope="module")
def client():
    """A cluster of two processes on this machine, which nobody can reach from outside."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty tunes and three files that cannot be read."""
    rng, music = np.random.default_rng(0), tmp_path / "music"
    (music / "deep").mkdir(parents=True)
    for number in range(40):
        score = tune(rng.integers(55, 80, 30).tolist(), title=f"Tune {number}")
        write_midi(score, music / ("deep" if number % 3 else "") / f"{number:02}.mid")
    (music / "deep" / "cut.mid").write_bytes((music / "00.mid").read_bytes()[:-9])
    (music / "empty.mid").write_bytes(b"")
    (music / "words.mid").write_bytes(b"these are words")
    return music


def load(folder: Path | str, cache: Path, monkeypatch):
    """Load with an empty cache."""
    monkeypatch.setenv("MUSICLAB_CACHE", str(cache))
    with pytest.warns(UserWarning, match=r"3 of 43 files"):
        return load_folder(folder, jobs=1, progress=False)


def not_here(*_, **__):
    raise AssertionError("a file is read in the process that called load_folder")


def test_two_workers_read_what_one_process_reads(client, folder, tmp_path, monkeypatch):
    alone = load(folder, tmp_path / "one", monkeypatch)
    assert len(alone) == 40
    assert [file for file, _ in alone.problems] == [str(Path("deep/cut.mid")), "empty.mid", "words.mid"]
    monkeypatch.setattr(files, "read_scores", not_here)  # in this process; the workers have their own
    with joblib.parallel_config(backend="dask"), get_task_stream(client) as stream:
        together = load(folder, tmp_path / "two", monkeypatch)
    assert list(together) == list(alone) and [piece.title for piece in together] == [piece.title for piece in alone]
    assert (together.sources, together.problems) == (alone.sources, alone.problems)
    done = [task["worker"] for task in stream.data if "_read_any" in task["key"] and task["status"] == "OK"]
    assert len(done) == 43  # of so few files each is a task
    assert set(done) == set(client.scheduler_info()["workers"])


def test_the_workers_find_the_files_of_a_folder_that_is_named_from_here(client, folder, tmp_path, monkeypatch):
    """They began in another place, so that a relative name would lead them nowhere."""
    monkeypatch.chdir(tmp_path)
    with joblib.parallel_config(backend="dask"):
        assert len(load(folder.name, tmp_path / "cache", monkeypatch)) == 40
