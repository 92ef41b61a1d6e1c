"""Several servers and one campaign: shares, the death of one, its return, and the ledger through all of it."""

from collections import Counter
from datetime import timedelta

import pytest

from app.accounts.models import Workspace
from app.core import clock
from app.core.errors import TemporaryFailure
from app.mail.wire import WireMail
from app.sending.quotas import used_now
from app.sending.simple import send_mail
from tests.sending import world
from tests.sending.servers import HangUp, Server, Wire, running
from tests.sending.transports import ways

NOWHERE = "smtp://127.0.0.1:9"


class Dies(Server):
    """Takes so many messages and then no connection says anything any more."""

    lasts = 120

    def greet(self, wire: Wire) -> None:
        if len(self.messages) >= self.lasts:
            raise HangUp
        super().greet(wire)

    def mail(self, wire: Wire, line: bytes) -> None:
        if len(self.messages) >= self.lasts:
            raise HangUp
        super().mail(wire, line)


class Locked(Server):
    """Lets nobody in."""

    extensions = ("PIPELINING", "AUTH PLAIN")

    def other(self, wire: Wire, _verb: bytes, _line: bytes) -> None:
        wire.say(b"535 5.7.8 Wrong password")


def release(campaign: int, count: int) -> None:
    """Let the next `count` messages go; the rest wait for a time of their own."""
    world.change(
        "UPDATE messages SET next_attempt_at = NULL WHERE id IN (SELECT id FROM messages WHERE campaign_id = :c "
        "AND state = 'planned' AND next_attempt_at IS NOT NULL ORDER BY id LIMIT :n)",
        c=campaign,
        n=count,
    )


def hold_all(campaign: int) -> None:
    world.change("UPDATE messages SET next_attempt_at = now() + interval '1 day' WHERE campaign_id = :c", c=campaign)


@pytest.mark.slow
def test_weights_hold_within_five_percent(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 4000)
    hold_all(campaign)
    with running(Server()) as one, running(Server()) as two:
        first, second = ways.add(workspace, one, weight=3), ways.add(workspace, two, weight=1)
        while world.states(campaign)["planned"]:
            release(campaign, 100)
            world.send(campaign, NOWHERE)
    assert world.states(campaign) == {"sent": 4000}
    assert abs(len(one.messages) / 4000 - 0.75) < 0.05
    assert len(one.messages) + len(two.messages) == 4000
    assert max((one.message_ids + two.message_ids).values()) == 1
    assert {run.transport_id for run in world.runs(campaign)} == {first, second}


@pytest.mark.slow
def test_when_the_first_dies_the_second_takes_over(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 400)
    with running(Dies()) as one, running(Server()) as two:
        first, second = ways.add(workspace, one, name="One"), ways.add(workspace, two, tier=2)
        for _ in range(12):
            if not world.send(campaign, NOWHERE, retry_minutes=(0.0, 0.0, 0.0)).has_more and not left(campaign):
                break
    assert world.states(campaign) == {"sent": 400}
    taken = one.message_ids + two.message_ids
    assert (taken.total(), max(taken.values())) == (400, 1)
    assert 270 < len(two.messages) <= 280
    row = ways.row(first)
    assert row.failures >= 4
    assert row.open_until > clock.now()
    assert row.score < 0.7
    runs = world.runs(campaign)
    assert "switched" in {run.outcome for run in runs}
    assert (runs[0].transport_id, runs[-1].transport_id) == (first, second)
    assert ways.row(second).score == pytest.approx(1.0)
    assert Counter(each.outcome for each in world.attempts(campaign))["sent"] == 400


def left(campaign: int) -> int:
    states = world.states(campaign)
    return states["planned"] + states["deferred"] + states["sending"]


def test_one_that_is_well_again_is_used_again(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 60)
    hold_all(campaign)
    with running(Server()) as one, running(Server()) as two:
        past = clock.now() - timedelta(seconds=1)
        first = ways.add(workspace, one, failures=6, open_until=past, score=0.3)
        ways.add(workspace, two, tier=2)
        for _ in range(2):
            release(campaign, 30)
            world.send(campaign, NOWHERE)
    assert (len(one.messages), len(two.messages)) == (60, 0)
    row = ways.row(first)
    assert (row.failures, row.open_until) == (0, None)
    assert row.score > 0.5


def test_a_wrong_password_is_set_aside_at_once(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 20)
    with running(Locked()) as one, running(Server()) as two:
        first = ways.add(workspace, one, username="ann")
        ways.add(workspace, two, tier=2)
        world.send(campaign, NOWHERE)
        assert ways.row(first).open_until is not None
        world.send(campaign, NOWHERE)
    assert world.states(campaign) == {"sent": 20}
    assert len(two.messages) == 20


@pytest.mark.slow
def test_a_chosen_one_that_is_broken_is_waited_for(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 5)
    with running(Server()) as two:
        chosen = ways.add(workspace, 9, name="Chosen")
        ways.add(workspace, two, tier=2)
        world.change("UPDATE campaigns SET transport_id = :t WHERE id = :c", t=chosen, c=campaign)
        for _ in range(5):
            result = world.send(campaign, NOWHERE)
    assert two.messages == []
    assert world.states(campaign) == {"planned": 5}
    assert "“Chosen” is tried again at" in result.waiting_for
    assert "refuses connections" in result.waiting_for
    assert {run.outcome for run in world.runs(campaign)} == {"waiting"}


def test_a_mail_of_the_system_takes_the_next_way(workspace: Workspace) -> None:
    mail = WireMail("news@aviary.example.com", "ann@example.com", False, b"To: ann@example.com\r\n\r\nPlease\r\n")
    with running(Server()) as marketing, running(Server()) as serving:
        ways.add(workspace, marketing, stream="marketing")
        ways.add(workspace, 9, stream="transactional")
        taken = ways.add(workspace, serving, tier=2)
        assert "queued as" in send_mail(workspace.id, mail)
    assert used_now([taken])[taken]["per_day"] == 1
    assert (len(marketing.messages), len(serving.messages)) == (0, 1)
    with pytest.raises(TemporaryFailure, match="refuses connections"):
        send_mail(workspace.id, mail)
