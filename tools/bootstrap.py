"""Make the course's environment, or do nothing when it is there: ``python3 tools/bootstrap.py``.

It makes ``.venv``, installs the exact versions of ``requirements.lock`` with their hashes checked, and then this
project itself. A stamp in ``.venv`` says for what it was made, so that a second call ends at once and needs no
network. What stands in the way is said in a sentence, with exit code 1.

Standard library only. The syntax stays that of Python 3.6, so that an old ``python3`` can still look for a newer one
or say what is missing.
"""

import contextlib
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time

VERSIONS = ((3, 11), (3, 12), (3, 13))
VERSION_WORDS = "Python 3.11, 3.12 or 3.13"
# Measured: the download, a complete .venv, and the installer's cache (on the same disk they share their files).
DOWNLOAD_GB = 0.9
ENVIRONMENT_GB = 3.2
CACHE_GB = 3.0
STAMP = "musiclab-stamp"
UNFINISHED = "musiclab-unfinished"
LOG = "musiclab-install.log"
SIGN_OF_LIFE_SECONDS = 15

# Asks an interpreter for its version and for what making an environment needs; any Python can read it.
PROBE = """
import sys
try:
    import venv, ensurepip
    able = 1
except ImportError:
    able = 0
print("%d %d %d" % (sys.version_info[0], sys.version_info[1], able))
"""

# What the installers' words mean, in the order in which to look: a full disk also ends in "could not install".
NETWORK = (
    r"failed to fetch|error sending request|dns error|client error|connection ?error|connection refused|timed? ?out"
    r"|newconnectionerror|from versions: none|could not connect|certificate|max retries|proxyerror|network is unreachable"
    r"|was not found in the package registry|temporary failure in name resolution"
)
CAUSES = (
    (
        r"hash mismatch|do not match the hashes",
        "A downloaded package differs from the one that was tested (its hash is another), so it was not installed; "
        "call this again, and if it stays, your package mirror serves changed files",
    ),
    (
        r"no space left|errno 28|os error 28|quota exceeded|os error 122",
        "The disk filled up during the installation; free some space (%.1f GB are needed) and call this again" % ENVIRONMENT_GB,
    ),
    (
        r"permission denied|read-only file system|os error 13|os error 30|errno 13|errno 30",
        "A folder could not be written; give yourself the right to write to this folder and to the installer's cache",
    ),
    (
        r"no wheels? with a matching|has no usable wheels|not a supported wheel|wheels are only available",
        "A package has no build for this computer (%s %s); the course runs on Linux (x86-64, arm64), "
        "macOS (Apple silicon) and Windows" % (platform.system(), platform.machine()),
    ),
    (NETWORK, "The packages could not be downloaded: check the network connection (or the proxy) and call this again"),
)


class Trouble(Exception):
    """What stands in the way, as the sentence that the user reads."""


def say(text: str) -> None:
    """Print a line of progress at once, also where the output is not a terminal."""
    print(text, flush=True)


class Folder:
    """The places inside one checkout of the course."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)
        self.venv = os.path.join(self.root, ".venv")
        self.lock = os.path.join(self.root, "requirements.lock")
        self.log = os.path.join(self.venv, LOG)
        self.stamp = os.path.join(self.venv, STAMP)
        self.unfinished = os.path.join(self.venv, UNFINISHED)

    def program(self, name: str) -> str:
        """Where the environment keeps the program `name`."""
        if os.name == "nt":
            return os.path.join(self.venv, "Scripts", name + ".exe")
        return os.path.join(self.venv, "bin", name)


def output_of(*command: str) -> str:
    """What a command printed, stripped; empty when it does not start, fails or hangs."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True, timeout=60)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


# ---------------------------------------------------------------------------------------------- is there work to do?


def fingerprint(folder: Folder) -> str:
    """What the environment must have been made for; empty when it has no Python that starts."""
    version = output_of(folder.program("python"), "-I", "-S", "-c", "import sys; print(sys.version)")
    if not version:
        return ""
    digest = hashlib.sha256()
    # The place counts too: the programs in a moved or copied .venv still point to the old one.
    for part in (read(folder.lock), read(os.path.join(folder.root, "pyproject.toml")), folder.root, version):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


def read(path: str) -> str:
    """Read a text file of the course."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        raise Trouble("%s cannot be read; is this a complete copy of the course?" % path) from None


def is_ready(folder: Folder) -> bool:
    """Whether the environment is finished and was made for the present lock."""
    if not os.path.exists(folder.stamp) or os.path.exists(folder.unfinished):
        return False
    return read(folder.stamp) == fingerprint(folder)


# ------------------------------------------------------------------------------------------------- which Python to use


def candidates() -> list:
    """Interpreters to try, the running one first. A name may stand on the PATH several times (pyenv shims that do not start)."""
    found = [sys.executable]
    for name in ("python3.13", "python3.12", "python3.11", "python3", "python"):
        for place in os.environ.get("PATH", "").split(os.pathsep):
            path = shutil.which(name, path=place) if place else None
            if path and path not in found:
                found.append(path)
    return found


def choose_python(choices: list) -> str:
    """Return the first interpreter that is of a tested version and can make environments."""
    refused = []
    without_venv = ""
    for path in choices:
        try:
            major, minor, able = [int(word) for word in output_of(path, "-c", PROBE).split()]
        except ValueError:
            continue  # it does not start
        if (major, minor) not in VERSIONS:
            refused.append("%d.%d" % (major, minor))
        elif able:
            return path
        else:
            without_venv = without_venv or path
    if without_venv:
        raise Trouble(
            "%s lacks the venv module; install it (Debian and Ubuntu: sudo apt install python3-venv) and call this again."
            % without_venv
        )
    here = "only %s is" % ", ".join(sorted(set(refused), key=refused.index)) if refused else "none is"
    raise Trouble("The course needs %s, but %s on this machine's PATH; install one and call this again." % (VERSION_WORDS, here))


# ------------------------------------------------------------------------------------------------------- the installation


@contextlib.contextmanager
def only_one(folder: Folder):
    """Let one call at a time work in this folder; a second one waits. The system drops the lock of a killed process."""
    try:
        os.makedirs(os.path.join(folder.root, "build"), exist_ok=True)
        file = open(os.path.join(folder.root, "build", "bootstrap.lock"), "a")
    except OSError as error:
        raise Trouble(
            "The folder %s cannot be written (%s); move the course to one that can." % (folder.root, error.strerror)
        ) from None
    with file:
        told = False
        while not try_lock(file):
            if not told:
                say("Another call is making the environment; waiting for it ...")
                told = True
            time.sleep(0.3)
        yield


def try_lock(file) -> bool:
    """Take the lock on an open file, or return False when another process has it."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True  # a file system without locks: better unguarded than not at all
    return True


def cache_folder() -> str:
    """Where uv will keep its cache."""
    if os.environ.get("UV_CACHE_DIR"):
        return os.environ["UV_CACHE_DIR"]
    if os.name == "nt":
        return os.path.join(os.environ.get("LOCALAPPDATA", os.path.expanduser("~")), "uv", "cache")
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "uv")


def can_write(path: str) -> bool:
    """Whether a file can be made in this folder, which is made if it is missing."""
    try:
        os.makedirs(path, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return True
    except OSError:
        return False


def check_space(place: str, needed_gb: float, what: str) -> None:
    """Refuse before the download rather than in the middle of it."""
    free_gb = shutil.disk_usage(place).free / 1e9
    if free_gb < needed_gb:
        raise Trouble(
            "%s needs %.1f GB of disk space and %.1f GB are free at %s; free some and call this again."
            % (what, needed_gb, free_gb, place)
        )


def check_room(folder: Folder, cache: str) -> None:
    """Check the space for the environment, and for the cache where that lies on another disk."""
    check_space(folder.root, ENVIRONMENT_GB, "The course's environment")
    if os.stat(cache).st_dev != os.stat(folder.root).st_dev:
        check_space(cache, CACHE_GB, "The installer's cache")


def environment(folder: Folder, cache: str) -> dict:
    """Variables for pip and uv: the user's own mirrors and proxies, without what would lead them out of .venv."""
    misleading = ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "UV_SYSTEM_PYTHON", "UV_TARGET")
    env = {name: value for name, value in os.environ.items() if name not in misleading}
    env.update(PIP_DISABLE_PIP_VERSION_CHECK="1", UV_CACHE_DIR=cache, VIRTUAL_ENV=folder.venv)
    # uv does not read pip's settings, where schools and companies name their mirror and certificate.
    settings = output_of(folder.program("python"), "-m", "pip", "config", "list")
    for pip_name, uv_name in (("index-url", "UV_DEFAULT_INDEX"), ("cert", "SSL_CERT_FILE")):
        found = re.search(r"(?m)^(?:global|install|:env:)\.%s='(.+)'$" % pip_name, settings)
        if found and not env.get(uv_name) and not env.get("UV_INDEX_URL"):
            env[uv_name] = found.group(1)
    return env


def run(command: list, folder: Folder, env: dict) -> str:
    """Run an installer with its words in the log; return what it said if it failed, nothing if all went well."""
    with open(folder.log, "a+", encoding="utf-8", errors="replace") as log:
        log.write("\n$ %s\n" % " ".join(command))
        log.flush()
        start = log.tell()
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env, cwd=folder.root)
        try:
            while True:
                try:
                    failed = process.wait(SIGN_OF_LIFE_SECONDS) != 0
                    break
                except subprocess.TimeoutExpired:
                    say("  ... %.0f s" % (time.monotonic() - began))
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        log.seek(start)
        return (log.read() or "It said nothing.") if failed else ""


def explain(said: str, folder: Folder) -> Trouble:
    """Turn an installer's complaint into one sentence."""
    known = [sentence for pattern, sentence in CAUSES if re.search(pattern, said, re.IGNORECASE)]
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    unknown = "The installation failed, and the installer's last words were: %s" % (lines[-1] if lines else "none")
    sentence = (known or [unknown])[0]
    return Trouble("%s (full log: %s)." % (sentence.rstrip("."), os.path.relpath(folder.log, folder.root)))


def block_of(package: str, lock: str) -> str:
    """Cut one package with its version and hashes out of the lock."""
    found = re.search(r"(?m)^%s==.*(?:\n[ \t]+.*)*" % re.escape(package), lock)
    if not found:
        raise Trouble("requirements.lock does not name %s; make it anew with `make lock`." % package)
    return found.group(0) + "\n"


def make_venv(folder: Folder, choices: list) -> None:
    """Make `.venv`, or keep the one that is there and works."""
    python = folder.program("python")
    works = output_of(python, "-c", PROBE).split()[:2] in [[str(part) for part in version] for version in VERSIONS]
    if works and output_of(python, "-m", "pip", "--version"):
        return
    chosen = choose_python(choices)
    if os.path.lexists(folder.venv):
        check_is_environment(folder)
        say("The environment in .venv is damaged or of another Python; making it anew.")
        shutil.rmtree(folder.venv)
    say("Making .venv with %s ..." % chosen)
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        [chosen, "-m", "venv", folder.venv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, universal_newlines=True
    )
    if done.returncode != 0 or not output_of(python, "-m", "pip", "--version"):
        os.makedirs(folder.venv, exist_ok=True)
        with open(folder.log, "a", encoding="utf-8") as log:
            log.write(done.stdout)
        raise explain(done.stdout, folder)


def check_is_environment(folder: Folder) -> None:
    """Refuse to remove a `.venv` that is something else."""
    names = set(os.listdir(folder.venv)) if os.path.isdir(folder.venv) and not os.path.islink(folder.venv) else {"a file or link"}
    if names and not names & {"pyvenv.cfg", "bin", "Scripts", LOG}:
        raise Trouble("%s is there but is no Python environment; move it away and call this again." % folder.venv)


def install_uv(folder: Folder, lock: str, env: dict) -> None:
    """Install the locked uv by pip, unless it is there and starts."""
    block = block_of("uv", lock)
    wanted = block.split()[0].split("==")[1]
    if output_of(folder.program("uv"), "--version").split()[1:2] == [wanted]:
        return
    say("Installing the installer (uv %s) ..." % wanted)
    with tempfile.TemporaryDirectory() as scratch:
        file = os.path.join(scratch, "uv.txt")
        with open(file, "w", encoding="utf-8") as out:
            out.write(block)
        pip = [folder.program("python"), "-m", "pip", "install", "--require-hashes", "--force-reinstall", "--retries", "2"]
        said = run([*pip, "-r", file], folder, env)
    if said:
        raise explain(said, folder)


def install_packages(folder: Folder, lock: str, env: dict, again: bool) -> None:
    """Install everything in the lock, and the project itself."""
    python = folder.program("python")
    uv = [folder.program("uv"), "pip", "install", "--python", python]
    count = len(set(re.findall(r"(?m)^([\w.-]+)==", lock)))
    if os.path.exists(folder.stamp):
        say("Bringing the packages up to date ...")
    else:
        say("Installing about %d packages (%.1f GB to download, %.1f GB on disk) ..." % (count, DOWNLOAD_GB, ENVIRONMENT_GB))
    # After an interruption a package may be half there and still count as installed.
    repair = ["--reinstall"] if again else []
    said = run([*uv, *repair, "--require-hashes", "--compile-bytecode", "-r", folder.lock], folder, env)
    if said and re.search(NETWORK, said, re.IGNORECASE) and not re.search(CAUSES[0][0], said, re.IGNORECASE):
        say("uv could not fetch the packages; trying pip, which takes some minutes ...")
        said = run([python, "-m", "pip", "install", "--require-hashes", "--retries", "2", "-r", folder.lock], folder, env)
    if not said:
        said = run([*uv, "--no-deps", "--no-build-isolation", "--editable", folder.root], folder, env)
    if said:
        raise explain(said, folder)


def make_environment(folder: Folder, choices: list) -> None:
    """Make or repair the environment; the stamp comes last, so that an interruption leaves it unfinished."""
    lock = read(folder.lock)
    cache = cache_folder()
    own_cache = not can_write(cache)
    if own_cache:
        cache = os.path.join(folder.root, "build", "uv-cache")
        os.makedirs(cache, exist_ok=True)
    if not os.path.exists(folder.stamp):
        check_room(folder, cache)
    again = os.path.exists(folder.unfinished)
    make_venv(folder, choices)
    with open(folder.unfinished, "w"):
        pass
    env = environment(folder, cache)
    install_uv(folder, lock, env)
    install_packages(folder, lock, env, again)
    if own_cache:
        shutil.rmtree(cache, ignore_errors=True)
    with open(folder.stamp, "w", encoding="utf-8") as stamp:
        stamp.write(fingerprint(folder))
    os.remove(folder.unfinished)


def main(root: str, choices: list) -> int:
    """Make sure that the environment is there; return the exit code."""
    folder = Folder(root)
    try:
        if is_ready(folder):
            return 0
        began = time.monotonic()
        with only_one(folder):
            if not is_ready(folder):
                make_environment(folder, choices)
                say("The environment is ready (%.0f s)." % (time.monotonic() - began))
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except OSError as error:
        print("The environment could not be made: %s." % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; call this again to go on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), candidates()))
