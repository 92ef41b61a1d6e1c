"""`merpati bench incoming`, a short run of it: bounces all at once, workers killed, PostgreSQL started anew."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.mail.reading import read_mail
from benchmarks.incoming_mails import FATES, make

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "abcdefghijklmnopqrstuvwx23"
READ = {
    "dead": ("bounce", "userunknown", "permanent"),
    "held": ("bounce", "userunknown", "permanent"),
    "full": ("bounce", "mailboxfull", "temporary"),
    "blocked": ("bounce", "blocked", "permanent"),
    "complained": ("complaint", "", ""),
    "away": ("autoreply", "", ""),
}


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_two_hundred_bounces_at_once_are_taken_in_once_each() -> None:
    program = "import json; from benchmarks.incoming import run; print(json.dumps(run(200, kills=2, in_peace=20)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=220, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["mails"], result["lost"], result["doubled"], result["wrong"]) == (220, 0, 0, 0)
    assert result["workers_killed"] >= 1
    assert result["postgres_restarts"] == 1


@pytest.mark.parametrize("number", range(len(FATES)))
def test_the_mails_say_what_they_are_counted_as(number: int) -> None:
    back = make(number, TOKEN, "bounces.example.com")
    read = read_mail(back.raw, envelope_to=back.envelope_to)
    kind, reason, persistence = READ[back.fate]
    assert (read.kind, read.tokens[0]) == (kind, TOKEN)
    assert kind != "bounce" or (read.recipients[0].reason, read.recipients[0].persistence) == (reason, persistence)
