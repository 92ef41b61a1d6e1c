"""A campaign by a transport that warms up: no more than the allowance, the most engaged first, the rest by another."""

from collections.abc import Iterator

import pytest

from app.accounts.models import Workspace
from app.core.database import db
from app.core.extensions import queue
from app.sending.warmup.plans import begin
from tests.sending import world
from tests.sending.servers import Server, running
from tests.sending.transports import ways

NOWHERE = "smtp://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _unslowed(context: None) -> Iterator[None]:
    yield
    for pattern in ("merpati:pace:*", "merpati:rest:*"):
        for key in queue().scan_iter(pattern):
            queue().delete(key)


def plan(workspace: Workspace, people: int, *providers: str) -> int:
    """A campaign to people of these providers in turn; the last of them are the most engaged."""
    campaign = world.plan_campaign(workspace, people)
    for number, provider in enumerate(providers):
        world.change(
            "UPDATE messages SET provider = :p, rank = CASE WHEN id > (SELECT max(id) - 20 FROM messages "
            "WHERE campaign_id = :c) THEN 0 ELSE 5 END WHERE campaign_id = :c AND id % :n = :i",
            p=provider, c=campaign, n=len(providers), i=number,
        )  # fmt: skip
    return campaign


@pytest.mark.slow
def test_alone_it_sends_the_allowance_and_the_rest_waits(workspace: Workspace, scope: Workspace) -> None:
    campaign = plan(workspace, 100, "google")
    with running(Server()) as server:
        transport = ways.add(workspace, server)
        begin(transport, "aviary.example.com", first=160, full=10_000)
        db.session.commit()
        results = [world.send(campaign, NOWHERE) for _ in range(8)]
    # Two workers may be at it, so each takes its half of what is left at a time.
    assert len(server.messages) == 20
    assert world.states(campaign) == {"sent": 20, "planned": 80}
    assert {result.outcome for result in results} == {"paced"}
    assert "Gmail, Google Workspace" in results[0].waiting_for
    first = {
        row.rank for row in world.look("SELECT rank FROM messages WHERE campaign_id = :c AND state = 'sent'", campaign)
    }
    assert first == {0}, "the most engaged go first"


@pytest.mark.slow
def test_what_has_no_room_goes_by_the_warm_one(workspace: Workspace, scope: Workspace) -> None:
    campaign = plan(workspace, 200, "google", "yahoo")
    with running(Server()) as new, running(Server()) as warm:
        transport = ways.add(workspace, new, tier=1)
        ways.add(workspace, warm, tier=2)
        begin(transport, "aviary.example.com", first=160, full=10_000)
        db.session.commit()
        for _ in range(8):
            world.send(campaign, NOWHERE)
    assert world.states(campaign) == {"sent": 200}
    assert 20 <= len(new.messages) <= 40, "at most twenty for each provider"
    assert len(new.messages) + len(warm.messages) == 200
