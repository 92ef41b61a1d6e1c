"""A blocklist incident in the middle of a campaign, on an installation of its own: nobody is lost."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.flows.house import ROOT
from tests.flows.ports import installation

RUN = [sys.executable, "-m", "app.demo.blocked", "--once", "--json"]
SMALL = ["--people", "2000", "--slowness", "0.03", "--seconds", "6", "--pace", "0.001", "--retries", "8", "--hold", "5"]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_blocklist_in_mid_campaign_costs_nobody() -> None:
    played = play()
    assert played["suppressed_but_alive"] == 0
    assert played["refused_at_its_door"] > 3
    assert played["sent_back_by_it"] > 50
    assert played["first_digit_alive_for_the_block"] > 50
    assert played["twice"] == 0
    assert [check["what"] for check in played["checks"] if not check["ok"]] == []


def play() -> dict[str, Any]:
    with installation() as (home, environment):
        done = subprocess.run(
            [*RUN, *SMALL, "--home", str(home)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
    assert done.stdout.strip(), done.stderr[-4000:]
    played: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    assert done.returncode == 0, (played["checks"], done.stderr[-4000:])
    return played
