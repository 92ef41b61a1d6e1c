"""`merpati bench crash`: a short run of it, and that its judge sees what it must see."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.crash import judge

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = {"ada", "bo", "cy", "di"}
WELL = {"ada": "sent", "bo": "sent", "cy": "uncertain", "di": "uncertain"}
"""Of two in doubt one was taken, the other not: both are named."""


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_ten_kills_of_everything_lose_and_repeat_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "bench", "crash", "--kills", "10", "--messages", "3000", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["kills"], result["messages"]) == (10, 3000)
    assert result["lost"] == result["duplicated"] == result["unnamed"] == 0
    assert result["uncertain_per_kill_max"] <= result["open_connections"]


def test_books_that_agree() -> None:
    found = verdict(WELL, ["ada", "bo", "cy"])
    assert found == {"lost": 0, "left_over": 0, "duplicated": 0, "uncertain": 2, "unnamed": 0}


@pytest.mark.parametrize(
    ("ledger", "taken", "lost", "duplicated", "unnamed"),
    [
        (WELL, ["ada", "cy"], 1, 0, 1),
        (WELL, ["ada", "ada", "bo", "cy"], 0, 1, 0),
        ({**WELL, "di": "planned"}, ["ada", "bo"], 1, 0, 0),
        ({**WELL, "di": "failed"}, ["ada", "bo", "di"], 0, 0, 1),
        ({"ada": "sent", "bo": "sent", "cy": "skipped"}, ["ada", "bo"], 1, 0, 0),
    ],
    ids=["sent, never taken", "taken twice", "left over", "taken, called failed", "not in the ledger"],
)
def test_books_that_do_not(ledger: dict[str, str], taken: list[str], lost: int, duplicated: int, unnamed: int) -> None:
    found = verdict(ledger, taken)
    assert (found["lost"], found["duplicated"], found["unnamed"]) == (lost, duplicated, unnamed)


def verdict(ledger: dict[str, str], taken: list[str]) -> dict[str, int]:
    return judge(PEOPLE, ledger, Counter(f"{person}@id" for person in taken), Counter(taken))
