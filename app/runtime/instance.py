"""One `merpati up` per home, also after one that was killed."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core.errors import Conflict
from app.runtime.children import is_alive
from app.runtime.locks import is_locked, try_lock
from app.runtime.places import make_home

_PATIENCE = 10
_TICK = 0.05


@dataclass
class Instance:
    """The claim on a home. `children` is a descriptor for every child to inherit: while one lives, its lock is held."""

    home: Path
    claim: int
    children: int

    def record(self, children: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Write down process ids and command lines, for the start after one that was killed."""
        fresh = self.home / "up.json.new"
        fresh.write_text(json.dumps({"pid": os.getpid(), "children": children}))
        fresh.replace(self.home / "up.json")

    def release(self) -> None:
        (self.home / "up.json").unlink(missing_ok=True)
        os.close(self.children)
        os.close(self.claim)


def claim_instance(home: Path) -> Instance:
    """Claim the home for this process, ending what a killed predecessor left. Raises Conflict when another one runs."""
    make_home(home)
    claim = try_lock(home / "up.lock")
    if claim is None:
        pid = _recorded(home).get("pid", "unknown")
        raise Conflict(
            f"Merpati already runs on {home} (process {pid}). Nothing was started. "
            "Stop that one with Ctrl-C first, or choose another MERPATI_HOME."
        )
    _end_leftovers(home)
    children = try_lock(home / "children.lock")
    if children is None:
        os.close(claim)
        raise Conflict(
            f"Processes of an earlier Merpati on {home} are still running and could not be ended. Nothing was started. "
            f"Their numbers are in {home / 'up.json'}: end them, then start again."
        )
    instance = Instance(home, claim, children)
    instance.record([])
    return instance


def _end_leftovers(home: Path) -> None:
    lock = home / "children.lock"
    for stop_signal in (signal.SIGTERM, signal.SIGKILL):
        if not is_locked(lock):
            return
        for pid, argv in _recorded(home).get("children", []):
            if not is_alive(pid) or _runs(pid, argv):  # a number is not given out again while its group has members
                with suppress(ProcessLookupError):
                    os.killpg(pid, stop_signal)
        end = time.monotonic() + _PATIENCE
        while is_locked(lock) and time.monotonic() < end:
            time.sleep(_TICK)


def _recorded(home: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((home / "up.json").read_text())
    except (OSError, ValueError):
        return {}
    return found


def _runs(pid: int, argv: Sequence[str]) -> bool:
    """Whether the process with this number is still that one; numbers are reused."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
        return words in ([], list(argv))  # none: it has ended, but nobody has buried it, so the number is still its own
    except OSError:
        asked = subprocess.run(
            ["ps", "-ww", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False
        )
        return asked.stdout.strip() == " ".join(argv)
