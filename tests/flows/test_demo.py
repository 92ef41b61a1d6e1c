"""The main job as a person runs it, on an installation of its own; every number must agree with the world's."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.ports import installation

RUN = [sys.executable, "-m", "app.cli", "demo", "--once", "--json"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_demo_adds_up() -> None:
    with installation() as (home, environment):
        demo = subprocess.Popen(
            [*RUN, "--people", "1500", "--seconds", "10", "--home", str(home)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        said, told = ended(demo, 220)
    assert demo.returncode == 0, told[-4000:]
    result = json.loads(said.strip().splitlines()[-1])
    assert result["ok"]
    assert sum(row["count"] for row in result["ledger"]) == 1500
    counts = {check["what"]: check["believed"] for check in result["checks"]}
    assert counts["messages that servers took"] > 1200
    assert counts["people who clicked"] > 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_demo_adds_up_although_parts_of_it_are_killed() -> None:
    with installation() as (home, environment):
        demo = subprocess.Popen(
            [*RUN, "--people", "4000", "--seconds", "10", "--home", str(home)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            wait_until(lambda: any((home / "journals").glob("*")), demo)
            valkey = killed(int((home / "valkey" / "pid").read_text()))
            worker = killed(pid_of(home, "worker"))
            wait_until(lambda: int((home / "valkey" / "pid").read_text()) != valkey, demo, seconds=30)
            wait_until(lambda: pid_of(home, "worker") != worker, demo, seconds=30)
            said, told = ended(demo, 240)
        finally:
            demo.kill()
            demo.wait()
    assert demo.returncode == 0, told[-4000:]
    result = json.loads(said)
    assert result["ok"]
    assert sum(row["count"] for row in result["ledger"]) == 4000


def ended(demo: "subprocess.Popen[str]", seconds: float) -> tuple[str, str]:
    """What it printed and told; if it does not end, what it told until then says where it stands."""
    try:
        return demo.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        demo.terminate()
        pytest.fail(f"The demo did not end within {seconds:g} s: {demo.communicate()[1][-4000:]}")


def killed(pid: int) -> int:
    os.kill(pid, signal.SIGKILL)
    return pid


def pid_of(home: Path, command: str) -> int:
    """The first process of this name in the supervisor's own list."""
    children = json.loads((home / "up.json").read_text())["children"]
    return next(int(pid) for pid, argv in children if argv[-1] == command)


def wait_until(is_so: Callable[[], bool], demo: "subprocess.Popen[str]", seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert demo.poll() is None, demo.stderr.read()[-4000:] if demo.stderr else ""
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)
