"""Log files of the processes Merpati starts, under `<home>/logs`."""

import os
import shutil
from pathlib import Path
from typing import IO

LARGEST_LOG = 20 * 1024**2
"""Bytes; a longer log becomes `<name>.log.1`, which replaces the one before."""


def open_log(path: Path) -> IO[bytes]:
    """The log, opened so that several processes may append to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    turn_over(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    output = os.fdopen(descriptor, "ab", buffering=0)
    output.seek(0, os.SEEK_END)
    return output


def turn_over(path: Path) -> bool:
    """Set a long log aside. The file itself stays, as its writers hold it open; lines written meanwhile may be lost."""
    if not path.exists() or path.stat().st_size <= LARGEST_LOG:
        return False
    shutil.copyfile(path, path.with_name(f"{path.name}.1"))
    os.truncate(path, 0)
    return True


def last_lines(path: Path, *, since: int = 0, count: int = 12) -> list[str]:
    """The last lines written after the byte `since`."""
    try:
        with path.open("rb") as log:
            log.seek(max(since, path.stat().st_size - 64 * 1024))
            return log.read().decode(errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        return []
