"""The main job as a person runs it, on an installation of its own; every number must agree with the world's."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.ports import installation

RUN = [sys.executable, "-m", "app.cli", "demo", "--once", "--json"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_demo_adds_up() -> None:
    with installation() as (home, environment):
        done = subprocess.run(
            [*RUN, "--people", "1500", "--seconds", "10", "--home", str(home)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=220,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-4000:]
    result = json.loads(done.stdout.strip().splitlines()[-1])
    assert result["ok"]
    assert sum(row["count"] for row in result["ledger"]) == 1500
    counts = {check["what"]: check["believed"] for check in result["checks"]}
    assert counts["messages that servers took"] > 1200
    assert counts["people who clicked"] > 0
