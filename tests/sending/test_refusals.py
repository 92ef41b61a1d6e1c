"""What a refusal means for the message, the address and the campaign."""

from datetime import timedelta
from typing import Any

import pytest

from app.accounts.models import Workspace
from app.core import clock
from app.messages.lifecycle import State
from app.sending.replies import Reply
from app.sending.verdicts import judge
from tests.sending import moods, world
from tests.sending.servers import running

ADA = "person1@example.com"


def suppressed(workspace: Workspace) -> list[Any]:
    return world.look("SELECT * FROM suppressions WHERE workspace_id = :c", workspace.id)


def earned(workspace: Workspace) -> list[Any]:
    return world.look("SELECT * FROM bounce_points WHERE workspace_id = :c", workspace.id)


def events(campaign: int) -> list[tuple[str, str]]:
    rows = world.look("SELECT kind, data ->> 'reason' FROM events WHERE campaign_id = :c", campaign)
    return [(row[0], row[1]) for row in rows]


@pytest.mark.parametrize("pipelining", [True, False])
def test_an_unknown_user_bounces_and_is_suppressed(workspace: Workspace, pipelining: bool) -> None:
    campaign = world.plan_campaign(workspace, 5)
    server = moods.Says({ADA: b"550 5.1.1 <person1@example.com>: User unknown"})
    server.extensions = ("PIPELINING",) if pipelining else ()
    with running(server):
        world.send(campaign, server.url)
    assert world.states(campaign) == {"sent": 4, "bounced": 1}
    row = world.message(campaign, ADA)
    assert (row.state, row.reason) == ("bounced", "userunknown")
    [suppression] = suppressed(workspace)
    [person] = world.look("SELECT * FROM subscribers WHERE workspace_id = :c AND address = :a", workspace.id, a=ADA)
    assert suppression.address_hash == person.address_hash
    assert (suppression.reason, suppression.hint, suppression.message_id) == ("bounced", "p…@example.com", row.id)
    assert events(campaign) == [("bounced", "userunknown")]
    [attempt] = [row for row in world.attempts(campaign) if row.outcome == "bounced"]
    assert (attempt.code, attempt.status, attempt.reason) == (550, "5.1.1", "userunknown")


def test_a_full_mailbox_at_5xx_bounces_but_is_not_suppressed(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 3)
    with running(moods.Says({ADA: b"552 5.2.2 Mailbox full"})) as server:
        world.send(campaign, server.url)
    assert world.reasons(campaign)["bounced", "mailboxfull"] == 1
    assert not suppressed(workspace)


def test_greylisting_defers_by_the_schedule(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 3)
    with running(moods.Says({ADA: b"451 4.7.1 Greylisted, come back later"})) as server:
        world.send(campaign, server.url)
    row = world.message(campaign, ADA)
    assert row.state == "deferred"
    wait = row.next_attempt_at - clock.now()
    assert timedelta(minutes=4.3) < wait < timedelta(minutes=5.6)
    assert [kind for kind, _reason in events(campaign)] == ["deferred"]


def test_a_deferred_message_is_tried_again_when_its_time_has_come(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 3)
    with running(moods.Says({ADA: b"450 4.2.0 Later"})) as server:
        world.send(campaign, server.url)
        world.send(campaign, server.url)
        assert world.message(campaign, ADA).attempts == 1
        server.at_rcpt.clear()
        world.change("UPDATE messages SET next_attempt_at = now() WHERE campaign_id = :c", c=campaign)
        world.send(campaign, server.url)
    assert world.states(campaign) == {"sent": 3}
    assert world.message(campaign, ADA).attempts == 2
    assert [row.outcome for row in world.attempts(campaign)].count("deferred") == 1


def test_when_the_schedule_is_over_it_fails_as_expired(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 2)
    with running(moods.Says({ADA: b"450 4.2.0 Later"})) as server:
        for _ in range(3):
            world.send(campaign, server.url, retry_minutes=(0.0, 0.0))
    row = world.message(campaign, ADA)
    assert (row.state, row.reason, row.attempts) == ("failed", "expired", 3)
    assert [row.outcome for row in world.attempts(campaign) if row.code == 450] == ["deferred", "deferred", "failed"]


@pytest.mark.parametrize(
    ("reply", "points"),
    [
        (b"452 4.2.2 Mailbox full", ["mailboxfull"]),
        (b"450 4.2.1 The mailbox is disabled", ["suspend"]),
        (b"450 Later", []),
        (b"451 4.3.0 Temporary lookup failure", []),
        (b"451 4.7.1 Greylisted, come back later", []),
    ],
)
def test_an_address_that_puts_us_off_until_the_end_earns_a_point(
    workspace: Workspace, reply: bytes, points: list[str]
) -> None:
    campaign = world.plan_campaign(workspace, 2)
    with running(moods.Says({ADA: reply})) as server:
        for _ in range(2):
            world.send(campaign, server.url, retry_minutes=(0.0, 0.0))
        assert earned(workspace) == []
        world.send(campaign, server.url, retry_minutes=(0.0, 0.0))
    row = world.message(campaign, ADA)
    assert (row.state, row.reason) == ("failed", "expired")
    assert [one.reason for one in earned(workspace)] == points
    assert all(one.message_id == row.id and one.evidence == reply.decode() for one in earned(workspace))
    assert not suppressed(workspace)


def test_a_refusal_of_us_keeps_the_people_and_stops_the_run(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 300)
    with running(moods.Says(at_end={"*": b"554 5.7.1 Your IP is on the blocklist of Spamhaus"})) as server:
        result = world.send(campaign, server.url)
    states = world.states(campaign)
    assert set(states) == {"deferred", "planned"}
    assert states["deferred"] < 60
    assert result.outcome == "waiting"
    assert "Spamhaus" in world.campaign(campaign).waiting_for
    assert not suppressed(workspace)


@pytest.mark.parametrize("lax", [False, True])
def test_a_refused_sender_keeps_the_people(workspace: Workspace, lax: bool) -> None:
    campaign = world.plan_campaign(workspace, 100)
    with running(moods.RefusesSender(lax=lax)) as server:
        world.send(campaign, server.url)
    assert set(world.states(campaign)) == {"deferred", "planned"}
    assert "Sender address rejected" in world.campaign(campaign).waiting_for


def test_spam_bounces_without_suppression(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 4)
    with running(moods.Says(at_end={ADA: b"554 5.7.1 Message rejected as spam"})) as server:
        world.send(campaign, server.url)
    row = world.message(campaign, ADA)
    assert (row.state, row.reason) == ("bounced", "spamdetected")
    assert not suppressed(workspace)


@pytest.mark.parametrize(
    ("stage", "reply", "state", "dead"),
    [
        ("rcpt", Reply(550, "5.1.1 User unknown"), State.BOUNCED, True),
        ("rcpt", Reply(450, "5.1.1 User unknown"), State.DEFERRED, False),
        ("final", Reply(550, "5.1.1 User unknown"), State.BOUNCED, False),
        ("rcpt", Reply(554, "5.7.1 Relay access denied"), State.DEFERRED, False),
        ("rcpt", Reply(550, "5.7.26 Unauthenticated mail, see DMARC"), State.DEFERRED, False),
        ("rcpt", Reply(550, "5.1.2 Host unknown"), State.BOUNCED, False),
        ("mail", Reply(550, "5.1.1 User unknown"), State.DEFERRED, False),
        ("rcpt", Reply(556, "5.1.10 Domain does not accept mail (nullMX)"), State.BOUNCED, True),
    ],
)
def test_verdicts(stage: Any, reply: Reply, state: State, dead: bool) -> None:
    outcome = judge(1, 0.0, stage, reply).outcome
    assert (outcome.state, outcome.suppress) == (state, dead)
