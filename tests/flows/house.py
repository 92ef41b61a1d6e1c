"""A real installation under `merpati up`, with its mail catcher, as a person starts it."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.request import urlopen

from tests.flows.ports import installation

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds after which something that should have happened has not."""


@dataclass(frozen=True)
class House:
    """Where everything is."""

    base: str
    catcher: str
    smtp: tuple[str, int]
    owner_link: str

    def caught(self) -> int:
        """How many mails the catcher has taken."""
        with urlopen(f"{self.catcher}/status", timeout=10) as answer:  # noqa: S310 - our own, on loopback
            status: dict[str, Any] = json.load(answer)
        return int(status["received"])


@contextmanager
def open_house() -> Iterator[House]:
    """Start everything, and end it afterwards."""
    with installation() as (_home, environment):
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "up"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout
        try:
            link = _owner_link(process.stdout)
            host, _, port = environment["MERPATI_CATCHER_LISTEN"].partition(":")
            yield House(
                environment["MERPATI_BASE_URL"],
                f"http://{environment['MERPATI_CATCHER_PAGE']}",
                (host, int(port)),
                link,
            )
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=PATIENCE)


def until(happened: Callable[[], bool], what: str) -> None:
    """Look again and again until it has happened."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, f"{what}: not within {PATIENCE:.0f} seconds"
        time.sleep(0.05)


def _owner_link(output: IO[str]) -> str:
    said = []
    for line in output:
        said.append(line)
        if found := re.search(r"http://\S+/start/\S+", line):
            return found.group()
    raise AssertionError(f"merpati up ended without a link for the owner:\n{''.join(said)}")
