"""`python -m musiclab`: the lab settings, trust, ports, and one real start."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from musiclab import __main__ as launcher

OPENER = build_opener(ProxyHandler({}))  # the server is on this machine, whatever proxy the machine has


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who never used Jupyter."""
    for variable in [name for name in os.environ if name.startswith(("JUPYTER", "IPYTHON"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("CONFIG", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"JUPYTER_{variable}_DIR", str(tmp_path / variable.lower()))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return tmp_path


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def notebook(path: Path, source: str = "1 + 1") -> Path:
    output = nbformat.v4.new_output("display_data", {"text/html": "<b>hello</b>"})
    cell = nbformat.v4.new_code_cell(source, outputs=[output], id="only", execution_count=1)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return path


def test_the_settings_files_hold_what_the_lessons_need(tmp_path: Path) -> None:
    folder = launcher.write_settings(tmp_path / "new" / "settings")
    overrides = json.loads((folder / "overrides.json").read_text())
    assert overrides["@jupyterlab/apputils-extension:notification"] == {"fetchNews": "false", "checkForUpdates": False}
    assert overrides["@jupyterlab/apputils-extension:kernels-settings"] == {"commsOverSubshells": "disabled"}
    assert overrides["@jupyterlab/extensionmanager-extension:plugin"] == {"enabled": False}
    assert json.loads((folder / "page_config.json").read_text())["buildCheck"] is False


def test_each_override_exists_in_the_installed_jupyterlab() -> None:
    shared = Path(sys.prefix) / "share/jupyter"
    for name, values in launcher.OVERRIDES.items():
        package, plugin = name.split(":")
        homes = [shared / "lab/schemas", shared / "labextensions" / package / "schemas"]  # its own, and those of extensions
        (schema,) = [path for home in homes if (path := home / package / f"{plugin}.json").exists()]
        assert set(values) <= set(json.loads(schema.read_text(encoding="utf-8"))["properties"]), name


def test_trust_signs_what_is_new_or_changed_and_nothing_else(homes: Path) -> None:
    paths = [notebook(homes / "00_a.ipynb"), notebook(homes / "01_b.ipynb", "2")]
    assert launcher.trust(paths) == paths
    assert launcher.trust(paths) == []
    notebook(paths[1], "3")
    assert launcher.trust(paths) == [paths[1]]
    notary = NotebookNotary()
    assert notary.check_signature(nbformat.read(paths[1], as_version=4))
    assert not notary.check_signature(nbformat.read(notebook(homes / "other.ipynb", "4"), as_version=4))
    notary.store.close()


def test_a_damaged_notebook_does_not_keep_the_others_from_being_trusted(homes: Path, capsys) -> None:
    (homes / "00_broken.ipynb").write_text("{")
    good = notebook(homes / "01_b.ipynb")
    assert launcher.trust([homes / "00_broken.ipynb", good]) == [good]
    assert "00_broken.ipynb cannot be read" in capsys.readouterr().out


def test_a_named_port_that_is_taken_gets_a_sentence(taken_port: int) -> None:
    with pytest.raises(launcher.LaunchError, match=f"Port {taken_port} is in use by another program: choose another"):
        launcher.choose_port(taken_port)


def test_a_named_port_that_is_free_is_used() -> None:
    port = free_port()
    assert launcher.choose_port(port) == port


def test_without_a_named_port_the_next_free_one_is_used_and_named(taken_port: int, monkeypatch, capsys) -> None:
    monkeypatch.setattr(launcher, "USUAL_PORT", taken_port)
    chosen = launcher.choose_port(None)
    assert taken_port < chosen < taken_port + launcher.PORTS_TO_TRY
    assert f"Port {taken_port} is in use; using {chosen} instead." in capsys.readouterr().out


def test_no_free_port_at_all_gets_a_sentence(taken_port: int, monkeypatch) -> None:
    monkeypatch.setattr(launcher, "USUAL_PORT", taken_port)
    monkeypatch.setattr(launcher, "PORTS_TO_TRY", 1)
    with pytest.raises(launcher.LaunchError, match="all in use"):
        launcher.choose_port(None)


@pytest.mark.parametrize("port", [0, -1, 70000])
def test_a_number_that_is_no_port_gets_a_sentence(port: int) -> None:
    with pytest.raises(launcher.LaunchError, match="is no port"):
        launcher.choose_port(port)


def test_missing_lessons_get_a_sentence(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(launcher.find_lesson, "__defaults__", (tmp_path,))
    assert launcher.main(["--no-browser"]) == 1
    assert "the lessons are not part of the installed package" in capsys.readouterr().err


def test_a_missing_jupyterlab_gets_a_sentence(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(launcher, "find_lesson", lambda: tmp_path)
    monkeypatch.setattr(launcher.importlib.util, "find_spec", lambda name: None)
    assert launcher.main(["--no-browser"]) == 1
    assert "JupyterLab is not installed" in capsys.readouterr().err


def test_folders_that_cannot_be_written_are_replaced_and_named(homes: Path, monkeypatch) -> None:
    blocked = homes / "a-file"
    blocked.touch()
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(blocked / "config"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(homes / "data"))
    replaced = launcher.replace_unwritable_homes(homes / "scratch")
    assert replaced == [str(blocked / "config")]
    assert os.environ["JUPYTER_CONFIG_DIR"].startswith(str(homes / "scratch"))
    assert os.environ["JUPYTER_DATA_DIR"] == str(homes / "data")


def fetch_text(port: int, path: str, token: str) -> str:
    request = Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"token {token}"})
    with OPENER.open(request, timeout=5) as answer:
        return answer.read().decode()


def fetch(port: int, path: str, token: str) -> dict:
    return json.loads(fetch_text(port, path, token))


def wait_for_server(port: int, token: str, process: subprocess.Popen) -> dict:
    for _ in range(150):
        assert process.poll() is None, process.communicate()[0]
        try:
            return fetch(port, "/api/status", token)
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError("the server did not answer within 15 s")


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A checkout of the course with one short lesson, so that this test needs no other part of it."""
    (tmp_path / "course" / "notebooks").mkdir(parents=True)
    (tmp_path / "course" / "musiclab").mkdir()
    for name in ("__init__.py", "__main__.py"):
        shutil.copy(Path(launcher.__file__).with_name(name), tmp_path / "course" / "musiclab")
    notebook(tmp_path / "course" / launcher.FIRST_LESSON)
    return tmp_path / "course"


@pytest.mark.skipif(os.name == "nt", reason="ends the server by a signal")
def test_a_real_start_serves_trusted_lessons_with_the_settings_and_ends_quietly(homes: Path, course: Path) -> None:
    port, token = free_port(), "a-token-for-this-test"
    environment = {**os.environ, "JUPYTER_TOKEN": token, "TMPDIR": str(homes)}
    process = subprocess.Popen(
        [sys.executable, "-m", "musiclab", "--no-browser", "--port", str(port)],
        cwd=course,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for_server(port, token, process)
        settings = {entry["id"]: entry["schema"] for entry in fetch(port, "/lab/api/settings", token)["settings"]}
        kernels = settings["@jupyterlab/apputils-extension:kernels-settings"]["properties"]
        assert kernels["commsOverSubshells"]["default"] == "disabled"
        news = settings["@jupyterlab/apputils-extension:notification"]["properties"]
        assert (news["fetchNews"]["default"], news["checkForUpdates"]["default"]) == ("false", False)
        lesson = fetch(port, f"/api/contents/{launcher.FIRST_LESSON}", token)["content"]
        assert lesson["cells"][0]["metadata"]["trusted"] is True
        page = fetch_text(port, f"/lab/tree/{launcher.FIRST_LESSON}", token)
        config = json.loads(re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
        assert (config["buildAvailable"], config["buildCheck"]) == (False, False)
        assert config["extensionManager"]["can_install"] is False
        assert config["news"]["disabled"] is True
    finally:
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=15)[0]
    assert process.returncode == 0
    assert "Lesson 00" in said and "Traceback" not in said
    assert not list(homes.glob("musiclab-*")), "the settings folder was left behind"
