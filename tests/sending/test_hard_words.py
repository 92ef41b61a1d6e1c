"""Replies with characters that no file, database or page takes; and runs that fail before they begin."""

import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from psycopg import OperationalError

from app.accounts.models import Workspace
from app.core.errors import Unavailable
from app.sending import engine
from app.sending.account import Account
from app.sending.engine import await_answers
from app.sending.recovery import recover_runs
from tests.sending import world
from tests.sending.servers import Server, Wire, running
from tests.sending.transports import ways

NOWHERE = "smtp://127.0.0.1:9"


class NulAtTheDoor(Server):
    """Turns everybody away, with a NUL in its words."""

    greeting = b"554 5.7.1 go\x00away"


class NulAtMail(Server):
    """Refuses the sender, with a NUL in its words."""

    def mail(self, wire: Wire, _line: bytes) -> None:
        wire.say(b"550 5.7.1 blocked\x00 you")


class SlowAnswer(Server):
    """Takes long to answer one message."""

    seconds = 6.0

    def body(self, wire: Wire, raw: bytes) -> None:
        self.keep(raw)
        if b"person3@" in raw:
            time.sleep(self.seconds)
        wire.say(b"250 2.0.0 Ok")


@pytest.mark.parametrize("mood", [NulAtTheDoor, NulAtMail])
@pytest.mark.slow
def test_a_nul_in_a_refusal_is_told_and_the_next_transport_steps_in(workspace: Workspace, mood: type[Server]) -> None:
    campaign = world.plan_campaign(workspace, 100)
    with running(mood()) as bad, running(Server()) as good:
        broken = ways.add(workspace, bad, name="A", tier=1)
        ways.add(workspace, good, name="B", tier=2)
        for _ in range(8):
            world.send(campaign, NOWHERE, send_slice=3)
            world.change(
                "UPDATE messages SET next_attempt_at = now() WHERE campaign_id = :c AND state = 'deferred'", c=campaign
            )
        assert ways.row(broken).failures >= 4
        assert world.states(campaign) == {"sent": 100}
        assert len(good.messages) == 100


def test_a_run_that_fails_before_its_first_claim_blocks_nobody(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = world.plan_campaign(workspace, 5)
    real, asked = engine.connect, iter(range(100))

    async def connect(url: str) -> Any:
        if next(asked) == 1:
            raise OperationalError("too many connections for role")
        return await real(url)

    monkeypatch.setattr(engine, "connect", connect)
    with running(Server()) as server:
        with pytest.raises(Unavailable):
            world.send(campaign, server.url, workers=1)
        recover_runs()
        world.send(campaign, server.url, workers=1)
    assert world.states(campaign) == {"sent": 5}


@pytest.mark.slow
def test_a_server_that_thinks_about_one_message_does_not_hold_the_worker(workspace: Workspace) -> None:
    # Alone: other campaigns that send would change the length of its turn.
    world.change("UPDATE campaigns SET state = 'paused' WHERE state = 'sending'")
    campaign = world.plan_campaign(workspace, 40)
    await_answers()
    with running(SlowAnswer()) as server:
        begin = time.monotonic()
        world.send(campaign, server.url, waits=False, smtp_timeout=30.0, send_slice=1)
        held = time.monotonic() - begin
        assert world.states(campaign)["sending"] in (1, 2), "the one, and the next that is announced on its line"
        await_answers()
    assert held < 1 + engine.SOON + 2
    assert world.states(campaign) == {"sent": 40}
    assert len(server.message_ids) == len(server.messages) == 40


def test_a_name_that_begins_like_this_machines_is_another_machine() -> None:
    assert not Account("localhost.evil.example", 25).is_local
    assert not Account("127.0.0.1.nip.example", 25).is_local
    assert Account("localhost", 25).is_local
    assert Account("127.0.0.2", 25).is_local
    assert Account("::1", 25).is_local


def test_a_nul_in_a_form_is_refused_in_words(as_ada: FlaskClient, workspace: Workspace) -> None:
    form = {
        "name": "\x00",
        "host": "smtp.example.com",
        "port": "587",
        "security": "starttls",
        "tier": "1",
        "weight": "1",
    }
    answer = as_ada.post(f"/w/{workspace.slug}/settings/sending/new?kind=smtp", data=form)
    assert answer.status_code == 422
    assert "Nothing was changed" in answer.text
