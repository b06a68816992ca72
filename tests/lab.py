"""A real JupyterLab in a real browser, for the tests that need one.

The server is the course's own, with the course's settings, on a folder of notebooks made for the test. The browser is the
Chromium (or Chrome) of the machine; nothing is downloaded. Every address that the page asks for is kept.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import nbformat

from musiclab.__main__ import lab_arguments, write_settings

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SWITCHES = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"
    " --disable-sync --autoplay-policy=no-user-gesture-required"
).split()
TOKEN = "for-the-test"


def find_browser() -> str | None:
    """Return the path of Chromium or Chrome, or None."""
    mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    return next((path for name in BROWSERS if (path := shutil.which(name))), mac if Path(mac).exists() else None)


def write_notebook(path: Path, *cells: str) -> Path:
    """Write a notebook with these code cells, not executed."""
    metadata = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
    code = [nbformat.v4.new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(cells)]
    nbformat.write(nbformat.v4.new_notebook(cells=code, metadata=metadata), path)
    return path


@contextmanager
def server(root: Path, home: Path) -> Iterator[str]:
    """Serve a folder as the course is served; yield the address. `home` is that of a user who never used Jupyter."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")
    environment = {**os.environ, "HOME": str(home), **{name: str(home / name.lower()) for name in names}}
    arguments = [
        *lab_arguments(root, write_settings(home / "settings"), port, browser=False),
        f"--IdentityProvider.token={TOKEN}",
    ]
    process = subprocess.Popen([sys.executable, "-m", "jupyterlab", *arguments], env=environment, cwd=root)
    try:
        _wait_for(f"http://127.0.0.1:{port}/api/status?token={TOKEN}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(address: str) -> None:
    opener = build_opener(ProxyHandler({}))
    for _ in range(240):
        try:
            opener.open(address, timeout=5).close()
            return
        except (URLError, OSError):
            time.sleep(0.25)
    raise TimeoutError(f"{address} does not answer")


class Page:
    """A notebook open in JupyterLab."""

    def __init__(self, browser, address: str, notebook: str, **settings) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.context = browser.new_context(viewport={"width": 1280, "height": 1000}, **settings)
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{address}/lab/tree/{notebook}?token={TOKEN}&reset")  # with no other notebook open
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        self.page.get_by_text("| Idle").wait_for(timeout=60_000)  # without a kernel, Run would ask for one

    def run_all(self, cells: int, timeout: float = 120) -> None:
        """Run all cells and wait until each of the code cells has a number."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_text("Run All Cells", exact=True).click()
        numbered = """n => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
                      .filter(e => /\\[\\d+\\]/.test(e.textContent)).length >= n"""
        self.page.wait_for_function(numbered, arg=cells, timeout=1000 * timeout)

    def strangers(self, address: str) -> list[str]:
        """Return the addresses that were asked for and are not on this machine."""
        return [url for url in self.requests if not url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))]


@contextmanager
def open_page(address: str, notebook: str, **settings) -> Iterator[Page]:
    """Open a notebook in the machine's browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=SWITCHES)
        try:
            yield Page(browser, address, notebook, **settings)
        finally:
            browser.close()
