"""The ledger from the shell, and what the doctor says of it: the real command, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from app.accounts.models import Workspace
from app.campaigns.models import Campaign
from app.core.database import db
from app.core.settings import Settings
from tests.campaigns.test_second_try import ended
from tests.conftest import SECRET

__all__ = ["ended"]

Shell = Callable[..., Any]


@pytest.fixture
def merpati(settings: Settings, scope: Workspace) -> Shell:
    """Runs a command with --json; gives what it printed, or with `fails` what it complained of."""
    slug = scope.slug
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "MERPATI_SECRET_KEY": SECRET,
        "MERPATI_HOME": str(settings.home),
    }

    def run(*words: object, fails: bool = False, scoped: bool = True) -> Any:
        command = [sys.executable, "-m", "app.cli", *map(str, words), "--json"]
        if scoped:
            command += ["--workspace", slug]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        db.session.expire_all()
        if fails:
            assert done.returncode == 1, done.stdout
            return done.stderr
        assert done.returncode == 0 or not scoped, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.long
def test_the_failed_are_counted_and_tried_again(merpati: Shell, ended: Campaign) -> None:
    rows = merpati("campaign", "ledger", ended.id, "--state", "failed")
    assert {(row["state"], row["reason"]) for row in rows} == {("failed", "expired")}
    counted = merpati("campaign", "retry", ended.id, "--reason", "failed", "--dry-run")
    assert counted == {"tried": 5, "left_out": {}}
    assert merpati("campaign", "retry", ended.id, "--reason", "failed") == counted
    assert ended.state == "sending"
    assert "Nobody is left" in merpati("campaign", "retry", ended.id, "--reason", "failed:expired", fails=True)


@pytest.mark.long
def test_doubts_are_settled_knowingly(merpati: Shell, ended: Campaign) -> None:
    db.session.execute(
        text("UPDATE messages SET state = 'uncertain' WHERE campaign_id = :c AND state = 'failed'"), {"c": ended.id}
    )
    db.session.commit()
    assert "--knowing" in merpati("campaign", "settle", ended.id, "--as", "again", fails=True)
    one = merpati("campaign", "ledger", ended.id, "--state", "uncertain")[0]["id"]
    assert merpati("campaign", "settle", ended.id, "--as", "sent", "--message", one)["tried"] == 1
    assert merpati("campaign", "settle", ended.id, "--as", "again", "--knowing")["tried"] == 4
    assert "id" in merpati("campaign", "correct", ended.id)


@pytest.mark.long
def test_the_doctor_looks_at_the_sums(merpati: Shell, ended: Campaign) -> None:
    def ledgers() -> dict[str, Any]:
        found: list[dict[str, Any]] = merpati("doctor", scoped=False)
        return next(one for one in found if one["part"] == "ledgers" and f"campaign {number}:" in one["text"])

    number = ended.id
    with pytest.raises(StopIteration):
        ledgers()
    db.session.execute(
        text("DELETE FROM messages WHERE id = (SELECT max(id) FROM messages WHERE campaign_id = :c)"), {"c": number}
    )
    db.session.commit()
    assert "19 of 20" in ledgers()["text"]
