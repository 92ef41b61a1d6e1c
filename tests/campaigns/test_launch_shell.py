"""Launching from the shell: at a time, in each person's own zone, spread; and taking it back."""

import os
import pty
import subprocess
import sys

import pytest

from app.accounts.models import Workspace
from app.campaigns.edit import save_content
from app.campaigns.models import Campaign
from app.core.database import db
from app.core.settings import Settings
from tests.campaigns.test_ledger_shell import Shell, merpati
from tests.conftest import SECRET
from tests.factories.campaigns import WEEKLY

__all__ = ["merpati"]


def of(digest: Campaign) -> Campaign:
    return db.session.get_one(Campaign, digest.id, populate_existing=True)


@pytest.mark.long
def test_in_each_persons_own_zone_and_spread(merpati: Shell, digest: Campaign, scope: Workspace) -> None:
    words = ("--own-zone", "2099-05-01T09:00", "--passed", "at-once", "--spread", 120)
    planned = merpati("campaign", "launch", digest.id, *words)
    assert (planned["state"], planned["scheduled_at"][:16]) == ("scheduled", "2099-04-30 18:50")
    assert of(digest).timing == {"local_at": "2099-05-01T09:00", "passed": "at-once", "spread": 120}
    assert merpati("campaign", "undo", digest.id)["state"] == "draft"


@pytest.mark.long
def test_spread_from_now(merpati: Shell, digest: Campaign) -> None:
    assert merpati("campaign", "launch", digest.id, "--spread", 60)["state"] == "launching"
    assert of(digest).timing == {"spread": 60}
    assert merpati("campaign", "undo", digest.id)["state"] == "draft"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--own-zone", "2099-05-01T09:00", "--at", "2099-05-01T09:00Z"), "one time"),
        (("--own-zone", "2099-05-01T09:00+02:00"), "no zone"),
        (("--own-zone", ""), "Write the date and time"),
        (("--own-zone", "2001-05-01T09:00"), "passed in every zone"),
        (("--passed", "at-once"), "--own-zone"),
        (("--spread", "4"), "5 minutes to 7 days"),
    ],
)
@pytest.mark.long
def test_a_time_that_cannot_be(merpati: Shell, digest: Campaign, words: tuple[str, ...], said: str) -> None:
    assert said in merpati("campaign", "launch", digest.id, *words, fails=True)
    assert of(digest).state == "draft"


@pytest.mark.long
def test_grave_warnings_are_shown_and_have_to_be_confirmed(merpati: Shell, digest: Campaign) -> None:
    mjml = WEEKLY.replace("https://aviary.example.com/doves", "https://www.example.com/story")
    save_content(digest.id, digest.version, subject="Ten things", preheader="", mjml=mjml)
    db.session.commit()
    said = merpati("campaign", "launch", digest.id, fails=True)
    assert "GRAVE warning: https://www.example.com/story is the starter's example" in said
    assert "Note: DNS records of aviary.example.com: not checked, reserved domain" in said
    assert "Nothing was sent" in said
    assert "--yes" in said
    assert of(digest).state == "draft"
    assert merpati("campaign", "launch", digest.id, "--yes")["state"] == "launching"


@pytest.mark.long
def test_so_many_that_the_page_asks_have_to_be_confirmed(merpati: Shell, digest: Campaign, scope: Workspace) -> None:
    scope.confirm_above = 10
    db.session.commit()
    assert "asks above 10 people" in merpati("campaign", "launch", digest.id, fails=True)
    assert of(digest).state == "draft"
    assert merpati("campaign", "launch", digest.id, "--yes")["state"] == "launching"


@pytest.mark.parametrize(("answer", "state"), [(b"n\n", "draft"), (b"y\n", "launching")])
@pytest.mark.long
def test_on_a_terminal_it_asks(
    settings: Settings, digest: Campaign, scope: Workspace, answer: bytes, state: str
) -> None:
    scope.confirm_above = 10
    db.session.commit()
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "MERPATI_SECRET_KEY": SECRET,
        "MERPATI_HOME": str(settings.home),
    }
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer)
        command = [sys.executable, "-m", "app.cli", "campaign", "launch", str(digest.id), "--workspace", scope.slug]
        done = subprocess.run(
            command, env=environment, stdin=theirs, capture_output=True, text=True, check=False, timeout=60
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert "Send “Weekly digest” to 12 people?" in done.stderr
    assert of(digest).state == state
