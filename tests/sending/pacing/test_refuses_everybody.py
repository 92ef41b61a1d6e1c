"""A server that refuses whoever it is asked about: the next transport takes over, and nobody suffers for it."""

from collections import Counter
from datetime import timedelta
from random import Random

import pytest

from app.accounts.models import Workspace
from app.core import clock
from app.core.extensions import queue
from app.sending.pacing.state import resting
from tests.sending import world
from tests.sending.pacing.moods import Providers, Until
from tests.sending.pacing.people import by_provider, plan
from tests.sending.servers import Server, running
from tests.sending.transports import ways

pytestmark = pytest.mark.long

NOWHERE = "smtp://127.0.0.1:9"
RELAYING = b"550 5.7.1 Relaying denied"
WORDS = [
    RELAYING,
    b"554 5.7.1 <person@a.test>: Relay access denied",
    b"530 5.7.0 Authentication required",
    b"550 not permitted to relay",
    b"451 4.3.0 disk trouble",
    b"452 4.3.1 Insufficient system storage",
    b"450 Try again later",
    b"550 5.7.1 Denied by policy",
    b"550 denied",
    b"554 5.7.1 Your IP is on the blocklist of Spamhaus",
]


class ToAll(Server):
    """Says one thing to every RCPT."""

    def __init__(self, reply: bytes | None) -> None:
        super().__init__()
        self.reply = reply
        self.refused = 0

    def rcpt(self, wire: object, line: bytes) -> None:
        if self.reply is None:
            super().rcpt(wire, line)  # type: ignore[arg-type]
            return
        with self.lock:
            self.refused += 1
        wire.say(self.reply)  # type: ignore[attr-defined]


def due(campaign: int) -> None:
    """Let time pass for whoever waits less than a minute."""
    world.change(
        "UPDATE messages SET next_attempt_at = now() WHERE campaign_id = :c "
        "AND next_attempt_at < now() + interval '1 minute'",
        c=campaign,
    )


@pytest.mark.parametrize("reply", WORDS)
def test_the_next_transport_takes_over(workspace: Workspace, reply: bytes) -> None:
    campaign = plan(workspace, a_test=40, b_test=30, c_test=30)
    with running(ToAll(reply)) as one, running(Server()) as two:
        first, second = ways.add(workspace, one, name="One"), ways.add(workspace, two, tier=2)
        result = world.send(campaign, NOWHERE)
        assert result.outcome == "waiting"
        assert set(world.states(campaign)) == {"deferred", "planned"}
        row = ways.row(first)
        assert row.failures >= 4
        assert row.open_until > clock.now()
        assert reply.decode() in row.last_words
        assert "to everybody" in row.last_words
        due(campaign)
        world.send(campaign, NOWHERE)
    assert world.states(campaign) == {"sent": 100}
    assert one.refused <= 30
    assert (len(one.messages), len(two.messages)) == (0, 100)
    assert max(two.message_ids.values()) == 1
    assert [(run.transport_id, run.outcome) for run in world.runs(campaign)] == [
        (first, "switched"),
        (second, "finished"),
    ]
    tried = Counter(row.outcome for row in world.attempts(campaign))
    assert tried == {"sent": 100, "deferred": one.refused}
    assert {row.attempts for row in world.look("SELECT attempts FROM messages WHERE campaign_id = :c", campaign)} == {1}
    assert not world.look("SELECT 1 FROM suppressions WHERE workspace_id = :c", workspace.id)
    assert not world.look("SELECT 1 FROM bounce_points WHERE workspace_id = :c", workspace.id)
    assert campaign not in resting([campaign])


@pytest.mark.parametrize("reply", [RELAYING, b"451 4.3.0 disk trouble"])
def test_without_another_the_campaign_waits_and_nobody_expires(workspace: Workspace, reply: bytes) -> None:
    campaign = plan(workspace, a_test=60, b_test=60)
    with running(ToAll(reply)) as server:
        for _ in range(4):
            result = world.send(campaign, server.url, retry_minutes=(0.0,))
            due(campaign)
        assert server.refused <= 4 * 30
        assert set(world.states(campaign)) == {"deferred", "planned"}
        assert result.outcome == "waiting"
        assert f"refuses our mail to everybody: {reply.decode()}" in world.campaign(campaign).waiting_for
        server.reply = None
        world.change("UPDATE messages SET next_attempt_at = NULL, state = 'planned' WHERE campaign_id = :c", c=campaign)
        world.send(campaign, server.url)
    assert world.states(campaign) == {"sent": 120}
    assert max(server.message_ids.values()) == 1


class Breaks(ToAll):
    """Takes so many, and then refuses everybody."""

    def __init__(self, reply: bytes, lasts: int) -> None:
        super().__init__(None)
        self.breaks_with, self.lasts = reply, lasts

    def body(self, wire: object, raw: bytes) -> None:
        super().body(wire, raw)  # type: ignore[arg-type]
        if len(self.messages) >= self.lasts:
            self.reply = self.breaks_with


@pytest.mark.parametrize("reply", [RELAYING, b"451 4.3.0 disk trouble"])
def test_one_that_breaks_in_the_middle_costs_few(workspace: Workspace, reply: bytes) -> None:
    campaign = plan(workspace, a_test=200, b_test=200)
    with running(Breaks(reply, 150)) as one, running(Server()) as two:
        first = ways.add(workspace, one)
        ways.add(workspace, two, tier=2)
        world.send(campaign, NOWHERE)
        assert ways.row(first).open_until is not None or ways.row(first).failures
        assert one.refused <= 80
        ways.change(first, open_until=clock.now() + timedelta(minutes=1))
        # Whoever was refused between two that were taken waits by the schedule, and nobody bounces.
        assert set(world.states(campaign)) <= {"sent", "deferred", "planned"}
        for _round in range(3):
            world.change("UPDATE messages SET next_attempt_at = now() WHERE campaign_id = :c", c=campaign)
            world.send(campaign, NOWHERE)
    assert world.states(campaign) == {"sent": 400}
    taken = one.message_ids + two.message_ids
    assert (taken.total(), max(taken.values())) == (400, 1)


def test_a_server_with_people_of_one_provider_only_is_believed(workspace: Workspace) -> None:
    campaign = plan(workspace, a_test=200)
    with running(ToAll(b"451 4.3.0 disk trouble")) as server:
        result = world.send(campaign, server.url)
    assert result.outcome == "waiting"
    assert server.refused <= 30


def test_a_small_campaign_is_not_lost_to_a_server_that_does_not_relay(workspace: Workspace) -> None:
    campaign = plan(workspace, a_test=4, b_test=2)
    with running(ToAll(RELAYING)) as one, running(Server()) as two:
        first = ways.add(workspace, one)
        ways.add(workspace, two, tier=2)
        world.send(campaign, NOWHERE)
        assert ways.row(first).open_until is not None
        due(campaign)
        world.send(campaign, NOWHERE)
    assert world.states(campaign) == {"sent": 6}


def test_one_provider_that_refuses_keeps_its_lane_and_the_transport_its_health(workspace: Workspace) -> None:
    campaign = plan(workspace, angry_test=60, other_test=60)
    with running(Providers(angry_test=Until(b"550 5.7.1 Denied by policy of this provider"))) as server:
        transport = ways.add(workspace, server)
        world.send(campaign, NOWHERE)
    assert by_provider(campaign)["other.test", "sent"] == 60
    assert (ways.row(transport).failures, ways.row(transport).open_until) == (0, None)


def test_a_provider_that_was_blocked_before_does_not_cost_the_transport_its_health(workspace: Workspace) -> None:
    campaign = plan(workspace, angry_test=120)
    with running(Providers(angry_test=Until(b"550 5.7.1 Denied by policy of this provider", 1))) as server:
        transport = ways.add(workspace, server)
        for _ in range(3):
            world.send(campaign, NOWHERE)
            for key in queue().scan_iter("merpati:pace:*:angry.test"):
                queue().hset(key, "until", "0")
    assert (ways.row(transport).failures, ways.row(transport).open_until) == (0, None)


def test_what_was_said_before_the_first_is_taken_counts_as_it_was_said(workspace: Workspace) -> None:
    campaign = plan(workspace, a_test=3, b_test=60)
    with running(Providers(a_test=Until(b"550 5.7.1 Denied by policy"), b_test=Until(b"451 later", 60))) as server:
        world.send(campaign, server.url)
    assert by_provider(campaign) == {("a.test", "bounced"): 3, ("b.test", "sent"): 60}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_whoever_refuses_when_nobody_is_lost_and_nobody_gets_it_twice(workspace: Workspace, seed: int) -> None:
    chance = Random(seed)
    campaign = plan(workspace, a_test=50, b_test=25, c_test=5)
    with running(ToAll(None)) as one, running(ToAll(None)) as two:
        numbers = ways.add(workspace, one, name="One"), ways.add(workspace, two, tier=2)
        for turn in range(12):
            for server in (one, two):
                server.reply = chance.choice(WORDS) if turn < 11 and chance.random() < 0.8 else None
            world.send(campaign, NOWHERE, retry_minutes=(0.0,))
            assert world.states(campaign).keys() <= {"planned", "deferred", "sent"}
            for number in numbers:
                ways.change(number, failures=0, open_until=None)
            world.change("UPDATE messages SET next_attempt_at = now() WHERE campaign_id = :c", c=campaign)
            forget_paces()
    taken = one.message_ids + two.message_ids
    assert (taken.total(), max(taken.values())) == (80, 1)
    assert world.states(campaign) == {"sent": 80}


def forget_paces() -> None:
    """As if the providers' rests were over."""
    for key in (*queue().scan_iter("merpati:pace:*"), *queue().scan_iter("merpati:rest:*")):
        queue().delete(key)


def test_a_probe_asks_for_few(workspace: Workspace) -> None:
    campaign = plan(workspace, a_test=60, b_test=60)
    with running(ToAll(b"451 4.3.0 disk trouble")) as one, running(Server()) as two:
        first = ways.add(workspace, one, failures=5, open_until=clock.now())
        ways.add(workspace, two, tier=2)
        world.send(campaign, NOWHERE)
    assert one.refused <= 16
    assert ways.row(first).failures == 6
