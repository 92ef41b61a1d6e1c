"""Servers that take their time: they say so on the campaign, and hold up nobody but the messages they have."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import current_app

from app.accounts.models import Workspace
from app.core.database import db
from app.sending import journal
from app.sending.engine import SliceResult, run_slice
from app.sending.journal import Journal
from tests.sending import moods, world
from tests.sending.servers import running


@pytest.mark.slow
def test_a_server_that_never_greets_is_named(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 20)
    with running(moods.SilentAtTheDoor()) as server:
        result = world.send(campaign, server.url, send_slice=1, smtp_timeout=300)
    assert result.outcome == "waiting"
    assert world.states(campaign) == {"planned": 20}
    assert "does not answer" in world.campaign(campaign).waiting_for


@pytest.mark.slow
def test_messages_not_begun_do_not_wait_for_those_that_were(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 20)
    db.session.commit()
    app: Any = current_app._get_current_object()  # type: ignore[attr-defined]

    def slice_() -> SliceResult:
        with app.app_context():
            return run_slice(campaign)

    with running(moods.Thoughtful()) as server, ThreadPoolExecutor(1) as pool:
        with world.sending_by(server.url, send_slice=1, smtp_timeout=300, smtp_connections=2):
            sending = pool.submit(slice_)
            under_way = _settled(campaign)
            assert under_way["planned"] == 20 - under_way["sending"]
            assert under_way["sending"] <= 4, "one handed over and one announced on each of two connections"
            assert "so slow" in world.campaign(campaign).waiting_for
            assert not sending.done()
            server.answer.set()
            sending.result(timeout=20)
        assert world.states(campaign)["sent"] >= 1
        assert not world.states(campaign)["sending"]
        world.send(campaign, server.url)
        assert world.states(campaign) == {"sent": 20}
        assert set(server.message_ids.values()) == {1}


def _settled(campaign: int) -> Any:
    """The states once the run has given back what it did not begin."""
    end = time.monotonic() + 15
    while time.monotonic() < end:
        said = world.campaign(campaign).waiting_for
        found = world.states(campaign)
        db.session.rollback()
        if said:
            return found
        time.sleep(0.05)
    pytest.fail(f"nothing was given back: {found}")


def test_a_journal_that_cannot_begin_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int] = []
    close = journal.os.close
    monkeypatch.setattr(journal.os, "write", lambda *_: 3)
    monkeypatch.setattr(journal.os, "close", lambda file: (closed.append(file), close(file)))
    with pytest.raises(OSError, match="No space left"):
        Journal(tmp_path / "1-a", "smtp.example.com")
    assert not list(tmp_path.iterdir())
    assert len(closed) == 1
