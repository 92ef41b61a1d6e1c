"""The simulated world of a demo: how it is started, and when it is done."""

import json
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from app.core.settings import Settings, host_port
from app.runtime.process import Process
from app.shell.up import answers, command

HOURS = 48.0
"""Of simulated time; by then nearly all that a mailing causes has happened."""


def time_scale(seconds: float) -> float:
    """Real seconds per simulated second, when all is to happen within so many."""
    return seconds / (HOURS * 3600)


def world_process(settings: Settings, *, seed: int, seconds: float, truth: Path) -> Process:
    """The simulator, as a process of its own, met by SMTP and HTTP only."""
    argv = command(
        *("simulator", "--seed", str(seed), "--time-scale", str(time_scale(seconds)), "--hours", str(HOURS)),
        *("--truth", str(truth), "--fresh-list", "--forwarded"),
    )
    return Process("world", argv, ready=answers(*host_port(settings.catcher_page), "/status"))


def changeable_world_process(settings: Settings, *, seed: int, seconds: float, truth: Path, moods: Path) -> Process:
    """The same, with a file by which providers change their minds (`simulator/weather.py`)."""
    argv = [
        *(sys.executable, "-m", "app.simulator", "--moods", str(moods), "--seed", str(seed)),
        *("--time-scale", str(time_scale(seconds)), "--hours", str(HOURS)),
        *("--truth", str(truth), "--fresh-list", "--forwarded"),
    ]
    return Process("world", argv, ready=answers(*host_port(settings.catcher_page), "/status"))


class World:
    """The running world, asked by its status page."""

    def __init__(self, settings: Settings) -> None:
        self._where = host_port(settings.catcher_page)

    def status(self) -> dict[str, Any]:
        """What it counts; empty when it does not answer."""
        connection = HTTPConnection(*self._where, timeout=5)
        try:
            connection.request("GET", "/status")
            found: dict[str, Any] = json.loads(connection.getresponse().read())
        except (OSError, HTTPException, ValueError):
            return {}
        finally:
            connection.close()
        return found

    def is_done(self) -> bool:
        return bool(self.status().get("done"))


def wait_until(condition: Callable[[], bool], *, seconds: float, every: float = 0.25) -> bool:
    """Poll a condition; False when it did not come true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True
