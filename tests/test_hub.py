"""The course on a shared server: a student's folder, and a real JupyterHub with three students at once.

The hub starts only where JupyterHub is installed beside the course (TEACHING.md says how). As root on Linux the
students are three users of their own, known to the hub alone: their accounts stand in a list of users that is laid
over the machine's own for the hub's processes. Elsewhere one user plays all three, and nothing is said of rights.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import nbformat
import psutil
import pytest

from musiclab.__main__ import OVERRIDES
from musiclab.progress import read

ROOT = Path(__file__).resolve().parent.parent
LESSON = "notebooks/00_start_here.ipynb"
PASSWORD = "for-the-test"
STUDENTS = {"ada": 61001, "bela": 61002, "clara": 61003}


def tool(name: str):
    spec = importlib.util.spec_from_file_location(f"hub_{name}", ROOT / "tools" / "hub" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


student, prepare = tool("student"), tool("prepare")


# --- a student's folder -----------------------------------------------------------------------------


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course with two lessons."""
    for name in ("notebooks", "data", "benchmarks"):
        (tmp_path / "course" / name).mkdir(parents=True)
    for name in ("00_start_here", "01_background"):
        (tmp_path / "course" / "notebooks" / f"{name}.ipynb").write_text(f"the course's {name}")
    (tmp_path / "course" / "notebooks" / "scratch.ipynb").write_text("no lesson")
    return tmp_path / "course"


def test_the_first_start_copies_the_lessons_and_links_the_rest(course: Path, tmp_path: Path) -> None:
    new = student.make_folder(course, tmp_path / "mine")
    assert [path.name for path in new] == ["00_start_here.ipynb", "01_background.ipynb"]
    assert new[0].read_text() == "the course's 00_start_here" and not new[0].is_symlink()
    assert sorted(path.name for path in (tmp_path / "mine" / "notebooks").iterdir()) == [*(path.name for path in new), "work"]
    for name in student.READ_ONLY:
        assert (tmp_path / "mine" / name).resolve() == course / name


def test_a_later_start_keeps_what_the_student_wrote_and_adds_what_is_missing(course: Path, tmp_path: Path) -> None:
    first, second = student.make_folder(course, tmp_path / "mine")
    first.write_text("my answers")
    second.unlink()
    (course / "notebooks" / "02_new.ipynb").write_text("a new lesson")
    assert [path.name for path in student.make_folder(course, tmp_path / "mine")] == ["01_background.ipynb", "02_new.ipynb"]
    assert first.read_text() == "my answers"


def test_a_course_that_moved_is_linked_again_and_a_students_own_folder_stays(course: Path, tmp_path: Path, capsys) -> None:
    student.make_folder(course, tmp_path / "mine")
    moved = course.rename(tmp_path / "moved")
    (tmp_path / "mine" / "benchmarks").unlink()
    (tmp_path / "mine" / "benchmarks").mkdir()
    (tmp_path / "mine" / "benchmarks" / "notes.txt").write_text("mine")
    student.make_folder(moved, tmp_path / "mine")
    assert (tmp_path / "mine" / "data").resolve() == moved / "data"
    assert (tmp_path / "mine" / "benchmarks" / "notes.txt").read_text() == "mine"
    assert "is no link" in capsys.readouterr().err


def test_every_folder_that_a_lesson_reads_is_linked() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "notebooks" / "source").glob("*.py"))
    assert set(re.findall(r"\"\.\./(\w+)/", text)) <= set(student.READ_ONLY)


def test_the_shared_cache_is_linked_and_an_own_file_is_kept(tmp_path: Path, capsys) -> None:
    shared, own = tmp_path / "shared", tmp_path / "own" / "musiclab"
    student.link_cache(shared, own)
    assert "is empty" in capsys.readouterr().err
    shared.mkdir()
    for name in ("a.npz", "b.npz"):
        (shared / name).write_text("shared")
    (own / "b.npz").write_text("own")
    student.link_cache(shared, own)
    assert (own / "a.npz").is_symlink() and (own / "a.npz").read_text() == "shared" and (own / "b.npz").read_text() == "own"
    (shared / "a.npz").rename(shared / "c.npz")
    student.link_cache(shared, own)
    assert sorted(path.name for path in own.iterdir()) == ["b.npz", "c.npz"]
    assert capsys.readouterr().err == ""


def test_a_load_takes_the_shared_cache_through_the_link_and_never_writes_into_it(tmp_path: Path, monkeypatch) -> None:
    from musiclab.corpus import load_folder

    music = ROOT / "data" / "tunes"
    shared, own = tmp_path / "shared", tmp_path / "own"
    monkeypatch.setenv("MUSICLAB_CACHE", str(shared))
    before = load_folder(music, progress=False)
    (file,) = shared.iterdir()
    content = file.read_bytes()
    student.link_cache(shared, own)
    monkeypatch.setenv("MUSICLAB_CACHE", str(own))
    monkeypatch.setattr("musiclab.corpus._in_parallel", lambda *_: pytest.fail("it was read anew"))
    (tmp_path / "data").symlink_to(music)  # as a student's lessons see it
    assert load_folder(tmp_path / "data", progress=False).fingerprint == before.fingerprint
    monkeypatch.undo()
    monkeypatch.setenv("MUSICLAB_CACHE", str(own))
    file.write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="damaged"):
        load_folder(music, progress=False)
    assert file.read_bytes() == b"damaged", "the student wrote into the shared cache"
    assert (own / file.name).read_bytes() == content and not (own / file.name).is_symlink()


def test_the_students_server_has_the_lab_settings_and_leaves_the_address_to_the_hub(tmp_path: Path) -> None:
    command = student.server_command(tmp_path, tmp_path / "settings", ["--debug"])
    assert command[:3] == [sys.executable, "-m", "jupyterhub.singleuser"] and command[-1] == "--debug"
    assert f"--LabApp.app_settings_dir={tmp_path / 'settings'}" in command
    assert any("cull_idle_timeout" in part for part in command)
    assert not [part for part in command if "ServerApp" in part or "allow-root" in part or "no-browser" in part]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_files_that_others_cannot_read_are_found(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    folder = tmp_path / "course"
    folder.mkdir(mode=0o755)
    (folder / "open.txt").touch(0o644)
    hidden = prepare.hidden_from_others([folder])
    assert folder not in hidden and folder / "open.txt" not in hidden
    (folder / "closed.txt").touch(0o600)
    (folder / "listed only").mkdir()
    (folder / "listed only").chmod(0o754)
    tmp_path.chmod(0o700)
    assert {tmp_path, folder / "closed.txt", folder / "listed only"} <= set(prepare.hidden_from_others([folder]))


# --- a real hub -------------------------------------------------------------------------------------


def proxy_command() -> str | None:
    return os.environ.get("CONFIGURABLE_HTTP_PROXY") or shutil.which("configurable-http-proxy")


def apart() -> bool:
    """Whether the students can be users of their own: as root on Linux, with a Python that others may run."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    laid_over = subprocess.run(["unshare", "--mount", "mount", "--bind", "/etc/passwd", "/etc/passwd"], capture_output=True)
    return laid_over.returncode == 0 and not prepare.hidden_from_others([Path(sys.executable).resolve(), ROOT / "musiclab"])


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def clean_environment() -> dict[str, str]:
    """Without the settings of whoever runs the tests."""
    own = ("JUPYTER", "IPYTHON", "XDG", "MUSICLAB")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


CONFIG = """
load_subconfig({config!r})
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allowed_users = set({students!r})
c.JupyterHub.bind_url = "http://127.0.0.1:{ports[0]}"
c.JupyterHub.hub_port = {ports[1]}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
"""
ONE_USER_PLAYS_ALL = """
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r} + "/{{username}}"
"""


@dataclass
class Hub:
    """A hub that runs."""

    address: str
    homes: Path
    apart: bool
    log: Path


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    if importlib.util.find_spec("jupyterhub") is None:
        pytest.skip("JupyterHub is not installed beside the course; TEACHING.md says how to set up a shared server")
    if proxy_command() is None:
        pytest.skip("there is no configurable-http-proxy on the PATH, without which JupyterHub does not start")
    if Path(sys.prefix) != ROOT / ".venv":
        pytest.skip("the hub starts the Python in .venv, and this is another one")
    folder = Path(tempfile.mkdtemp(prefix="musiclab-hub-"))
    folder.chmod(0o755)
    process = None
    try:
        separate, homes, (public, inner, api) = apart(), folder / "homes", free_ports(3)
        settings = CONFIG if separate else CONFIG + ONE_USER_PLAYS_ALL
        (folder / "hub").mkdir(mode=0o700)
        (folder / "hub" / "config.py").write_text(
            settings.format(
                config=str(ROOT / "tools/hub/jupyterhub_config.py"),
                password=PASSWORD,
                students=list(STUDENTS),
                ports=(public, inner, api),
                proxy=proxy_command(),
                homes=str(homes),
            )
        )
        command = [sys.executable, "-m", "jupyterhub", "-f", "config.py"]
        accounts = Path("/etc/passwd").read_text() if separate else ""
        for name, number in STUDENTS.items():
            (homes / name).mkdir(parents=True, mode=0o700)
            if separate:
                os.chown(homes / name, number, number)
                accounts += f"{name}:x:{number}:{number}::{homes / name}:/bin/sh\n"
        if separate:
            (folder / "hub" / "passwd").write_text(accounts)
            over = 'mount --bind passwd /etc/passwd && exec "$@"'
            command = ["unshare", "--mount", "sh", "-c", over, "sh", *command]
            (folder / "hub" / "passwd").chmod(0o644)
        with open(folder / "hub" / "log", "w") as log:
            process = subprocess.Popen(command, cwd=folder / "hub", stdout=log, stderr=log, env=clean_environment())
        running = Hub(f"http://127.0.0.1:{public}", homes, separate, folder / "hub" / "log")
        asyncio.run(wait_for_hub(running, process))
        yield running
    finally:
        if process is not None:
            process.terminate()
            process.wait(60)
        shutil.rmtree(folder)


async def ask(address: str, method: str = "GET", token: str = "", **body) -> tuple[int, object]:
    from tornado.httpclient import AsyncHTTPClient

    answer = await AsyncHTTPClient().fetch(
        address,
        method=method,
        headers={"Authorization": f"token {token}"} if token else {},
        body=json.dumps(body) if method in ("POST", "PUT") else None,
        request_timeout=150,
        raise_error=False,
    )
    text = (answer.body or b"").decode()
    return answer.code, json.loads(text) if text.startswith(("{", "[")) else text


async def wait_for_hub(hub: Hub, process: subprocess.Popen) -> None:
    for _ in range(240):
        assert process.poll() is None, hub.log.read_text()
        try:
            if (await ask(f"{hub.address}/hub/api/"))[0] == 200:
                return
        except OSError:
            pass  # the proxy does not listen yet
        await asyncio.sleep(0.25)
    raise AssertionError(hub.log.read_text())


class Student:
    """Somebody who logs in, starts a server and runs cells in it."""

    def __init__(self, hub: Hub, name: str) -> None:
        self.hub, self.name = hub, name
        self.home = hub.homes / name
        self.seconds: dict[str, float] = {}

    async def log_in(self) -> None:
        address = f"{self.hub.address}/hub/api/users/{self.name}/tokens"
        code, answer = await ask(address, "POST", auth={"username": self.name, "password": PASSWORD})
        assert code == 201, (answer, self.hub.log.read_text())
        self.token = answer["token"]

    async def start(self) -> None:
        began = time.monotonic()
        address = f"{self.hub.address}/hub/api/users/{self.name}"
        code, answer = await ask(f"{address}/server", "POST", self.token)
        assert code in (201, 202), answer
        for _ in range(600):
            _, user = await ask(address, token=self.token)
            if user["servers"].get("", {}).get("ready"):
                break
            await asyncio.sleep(0.2)
        else:
            raise AssertionError(self.hub.log.read_text())
        self.seconds["start"] = time.monotonic() - began

    async def stop(self) -> None:
        address = f"{self.hub.address}/hub/api/users/{self.name}"
        await ask(f"{address}/server", "DELETE", self.token)
        for _ in range(100):
            _, user = await ask(address, token=self.token)
            if not user["servers"]:
                return
            await asyncio.sleep(0.2)
        raise AssertionError("the server does not stop")

    async def get(self, path: str):
        code, answer = await ask(f"{self.hub.address}/user/{self.name}/{path}", token=self.token)
        assert code == 200, (path, code, answer)
        return answer

    async def open(self, notebook: str) -> None:
        """Open a notebook with a kernel, as JupyterLab does."""
        from tornado.httpclient import HTTPRequest
        from tornado.websocket import websocket_connect

        server = f"{self.hub.address}/user/{self.name}/api"
        names = {"path": notebook, "name": notebook, "type": "notebook", "kernel": {"name": "python3"}}
        code, session = await ask(f"{server}/sessions", "POST", self.token, **names)
        assert code == 201, session
        channels = f"{server.replace('http', 'ws', 1)}/kernels/{session['kernel']['id']}/channels"
        request = HTTPRequest(channels, headers={"Authorization": f"token {self.token}"}, connect_timeout=60)
        self.socket = await websocket_connect(request, max_message_size=100_000_000)

    async def run(self, source: str) -> str:
        """Run a cell and return what it printed and showed as text; an error fails the test."""
        from jupyter_server.services.kernels.connection.base import deserialize_binary_message

        key = uuid4().hex
        header = {"msg_id": key, "msg_type": "execute_request", "username": self.name, "session": "test", "version": "5.3"}
        content = {"code": source, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell", "buffers": []}
        await self.socket.write_message(json.dumps(message))
        said = []
        while True:
            text = await asyncio.wait_for(self.socket.read_message(), 180)
            assert text is not None, "the kernel went away"
            answer = json.loads(text) if isinstance(text, str) else deserialize_binary_message(text)
            if answer["parent_header"].get("msg_id") != key:
                continue
            content = answer["content"]
            assert answer["msg_type"] != "error", "\n".join(content["traceback"])
            if answer["msg_type"] == "stream":
                said.append(content["text"])
            elif answer["msg_type"] in ("display_data", "execute_result"):
                said.append(content["data"].get("text/plain", "") + "\n")
            elif answer["msg_type"] == "status" and content["execution_state"] == "idle":
                return "".join(said)

    def processes(self) -> list[psutil.Process]:
        mine = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("HOME") == str(self.home):
                    mine.append(process)
            except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
                pass
        return mine

    def memory(self) -> float:
        """Memory of all processes of the student in MB; what several share counts in parts."""
        full = [process.memory_full_info() for process in self.processes()]
        return sum(getattr(each, "pss", each.uss) for each in full) / 1e6


ANSWER = """
def seconds_long(score):
    return score.duration * 60 / score.tempo

check("0.2", seconds_long)
"""
MEET = """
Path("work/note.txt").write_text("mine")
print(Path.cwd(), load_corpus("fiddle-tunes", progress=False).fingerprint)
"""
# Everything that a student might try to change, and what comes of it.
INTRUDE = """
import os
from musiclab.corpus import cache_folder

def attempt(what, where):
    try:
        what(where)
        print("DONE", where)
    except OSError as error:
        print(type(error).__name__)

course = Path({course!r})
for folder in ("", "musiclab", "notebooks", "notebooks/solutions", "data", "build/cache", ".venv", "tools/hub"):
    attempt(lambda place: open(place, "w").close(), course / folder / "intruder")
for file in [course / "musiclab/score.py", *sorted((course / "build/cache").glob("*.npz")), *cache_folder().glob("fiddle*.npz")]:
    attempt(lambda place: open(place, "r+b").close(), file)
attempt(lambda place: open(place, "w").close(), Path("../data/intruder"))
for other in {others!r}:
    attempt(os.listdir, other)
    attempt(lambda place: open(place).close(), other + "/musiclab/notebooks/work/note.txt")
"""


def first_cells() -> list[str]:
    notebook = nbformat.read(ROOT / LESSON, as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    until = next(number for number, cell in enumerate(cells) if "import check" in cell)
    return cells[: until + 1]


async def one_student(hub: Hub, name: str) -> Student:
    person = Student(hub, name)
    await person.log_in()
    await person.start()
    began = time.monotonic()
    await person.open(LESSON)
    said = [await person.run(cell) for cell in first_cells()]
    assert "seed 22 twice gives the same music: True" in "".join(said)
    assert re.search("0.2 .* propert.* hold", await person.run(ANSWER))
    person.met = await person.run("from musiclab import load_corpus\n" + MEET)
    person.seconds["lesson"] = time.monotonic() - began
    return person


async def everybody(hub: Hub) -> list[Student]:
    return await asyncio.gather(*(one_student(hub, name) for name in STUDENTS))


@pytest.mark.skipif(os.name == "nt", reason="JupyterHub does not run on Windows")
def test_three_students_at_once(hub: Hub) -> None:
    asyncio.run(work_together(hub))


async def work_together(hub: Hub) -> None:
    people = await everybody(hub)
    assert all(person.processes() for person in people), "nobody's processes were found, so nothing was measured"
    used = [person.memory() for person in people]
    disk = [sum(path.lstat().st_size for path in person.home.rglob("*")) / 1e6 for person in people]
    print("start:", *(f"{person.seconds['start']:.1f} s" for person in people))
    print("lesson 00:", *(f"{person.seconds['lesson']:.1f} s" for person in people))
    print("memory:", *(f"{each:.0f} MB" for each in used))
    print("home folder:", *(f"{each:.0f} MB" for each in disk))
    assert max(used) < 2000
    prints = set()
    for person in people:
        folder, fingerprint = person.met.split()
        prints.add(fingerprint)
        assert folder == str(person.home / "musiclab" / "notebooks")
        work = person.home / "musiclab" / "notebooks" / "work"
        assert (work / "first_tune.mid").exists() and (work / "note.txt").read_text() == "mine"
        assert read(work / "progress.json").exercises["0.2"].solved
        await the_page_is_the_courses(person)
        if hub.apart:
            nothing_of_others_changes(person, await person.run(intrusion(hub, person)))
    assert len(prints) == 1
    await an_answer_survives(people[0])


def intrusion(hub: Hub, person: Student) -> str:
    others = [str(hub.homes / name) for name in STUDENTS if name != person.name]
    return INTRUDE.format(course=str(ROOT), others=others)


def nothing_of_others_changes(person: Student, said: str) -> None:
    lines = said.split()
    assert len(lines) > 12 and set(lines) == {"PermissionError"}, said
    assert {process.uids().effective for process in person.processes()} == {STUDENTS[person.name]}
    notebook = person.home / "musiclab" / LESSON
    assert stat.S_IMODE(notebook.stat().st_mode) == 0o600 and notebook.stat().st_uid == STUDENTS[person.name]


async def the_page_is_the_courses(person: Student) -> None:
    """The lab settings are those of the course, and the lesson is trusted."""
    settings = {entry["id"]: entry["schema"] for entry in (await person.get("lab/api/settings"))["settings"]}
    kernels = "@jupyterlab/apputils-extension:kernels-settings"
    assert settings[kernels]["properties"]["commsOverSubshells"]["default"] == OVERRIDES[kernels]["commsOverSubshells"]
    lesson = (await person.get(f"api/contents/{LESSON}"))["content"]
    assert all(cell["metadata"]["trusted"] for cell in lesson["cells"] if cell["cell_type"] == "code")
    page = await person.get("lab/tree/" + LESSON)
    config = json.loads(re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
    assert (config["buildCheck"], config["extensionManager"]["can_install"]) == (False, False)


async def an_answer_survives(person: Student) -> None:
    """What a student saved is there after the next start, and a lesson that was deleted is new."""
    mine, gone = person.home / "musiclab" / LESSON, person.home / "musiclab" / "notebooks" / "01_background.ipynb"
    edited = mine.read_text(encoding="utf-8").replace("waltz = ...", "waltz = jig")
    mine.write_text(edited, encoding="utf-8")
    gone.unlink()
    await person.stop()
    await person.start()
    assert mine.read_text(encoding="utf-8") == edited
    assert gone.read_bytes() == (ROOT / "notebooks" / gone.name).read_bytes()
