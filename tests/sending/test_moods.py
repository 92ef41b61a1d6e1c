"""Whatever a server does, every message ends in a state that is true."""

from collections import Counter
from typing import Any

import pytest

from app.accounts.models import Workspace
from tests.sending import moods, world
from tests.sending.servers import Server, running

pytestmark = pytest.mark.slow

PEOPLE = 40


def people(count: int = PEOPLE) -> Counter[str]:
    return Counter(f"person{n}@example.com" for n in range(count))


def send_until_done(campaign: int, url: str, **changes: Any) -> None:
    """Slices until nothing is left to send, or nothing helps."""
    for _ in range(8):
        world.send(campaign, url, **changes)
        if not world.states(campaign).keys() & {"planned", "deferred"}:
            return


@pytest.mark.parametrize("mood", [moods.ByteByByte, moods.GoodbyeEachTenth, moods.ClosesBefore354])
def test_nothing_is_lost_or_sent_twice_by_servers_with_moods(workspace: Workspace, mood: type[Server]) -> None:
    campaign = world.plan_campaign(workspace, PEOPLE)
    with running(mood()) as server:
        send_until_done(campaign, server.url, retry_minutes=(0.0,) * 9)
    assert world.states(campaign) == {"sent": PEOPLE}
    assert server.recipients == people()


def test_a_connection_that_ends_between_messages_defers_nobody(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, PEOPLE)
    with running(moods.GoodbyeEachTenth()) as server:
        world.send(campaign, server.url)
    assert {row.outcome for row in world.attempts(campaign)} == {"sent"}


def test_what_was_handed_over_without_an_answer_is_in_doubt_and_never_sent_again(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, PEOPLE)
    with running(moods.ClosesAfterBody()) as server:
        send_until_done(campaign, server.url, retry_minutes=(0.0,) * 9)
    assert world.states(campaign) == {"sent": PEOPLE * 4 // 5, "uncertain": PEOPLE // 5}
    assert max(server.recipients.values()) == 1
    assert world.states(campaign)["sent"] == len(server.messages)
    doubtful = [row for row in world.attempts(campaign) if row.outcome == "uncertain"]
    assert {row.reason for row in doubtful} == {"unanswered"}
    assert "closed the connection" in doubtful[0].reply


def test_nonsense_after_the_body_leaves_doubt(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 3)
    with running(moods.GarbageAfterBody()) as server:
        send_until_done(campaign, server.url)
    assert world.states(campaign) == {"uncertain": 3}
    assert len(server.messages) == 3


def test_silence_after_the_body_leaves_doubt(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 2)
    with running(moods.SilentAfterBody()) as server:
        world.send(campaign, server.url, smtp_timeout=0.3, smtp_connections=1)
    assert world.states(campaign)["uncertain"] >= 1
    assert world.states(campaign)["uncertain"] == len(server.messages)


@pytest.mark.parametrize("mood", [moods.Garbage, moods.Endless, moods.Silent354])
def test_trouble_before_the_body_gives_messages_back(workspace: Workspace, mood: type[Server]) -> None:
    campaign = world.plan_campaign(workspace, 3)
    with running(mood()) as server:
        result = world.send(campaign, server.url, smtp_timeout=0.3, send_slice=6)
    assert set(world.states(campaign)) <= {"planned", "deferred"}
    assert not server.messages
    assert result.counts["uncertain"] == 0


@pytest.mark.parametrize("mood", [moods.DropsPipelined, moods.ShiftsReplies])
def test_a_server_that_offers_pipelining_and_breaks_it_is_treated_step_by_step(
    workspace: Workspace, mood: type[Server]
) -> None:
    campaign = world.plan_campaign(workspace, 20)
    with running(mood()) as server:
        send_until_done(campaign, server.url, smtp_timeout=0.4, smtp_connections=2, retry_minutes=(0.0,) * 9)
    assert world.states(campaign) == {"sent": 20}
    assert server.recipients == people(20)


def test_421_at_the_recipient_defers(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 12)
    with running(moods.GoodbyeAtRcpt()) as server:
        world.send(campaign, server.url, smtp_connections=1)
    states = world.states(campaign)
    assert states["deferred"] + states["sent"] == 12
    assert states["sent"] == len(server.messages)
    assert [row.code for row in world.attempts(campaign) if row.outcome == "deferred"] == [421] * states["deferred"]


def test_552_in_the_middle_of_the_body_is_an_answer(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 4)
    with running(moods.TooBigMidBody()) as server:
        send_until_done(campaign, server.url)
    assert world.reasons(campaign) == {("bounced", "mesgtoobig"): 4}
    assert not server.messages


def test_refused_connections_keep_everything_planned_and_say_so(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 5)
    result = world.send(campaign, "smtp://127.0.0.1:9")
    assert result.outcome == "waiting"
    assert world.states(campaign) == {"planned": 5}
    row = world.campaign(campaign)
    assert row.waiting_for == "The mail server at 127.0.0.1:9 refuses connections."
    assert row.waiting_since is not None
    assert not world.attempts(campaign)


def test_waiting_is_over_when_mail_flows(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 5)
    world.send(campaign, "smtp://127.0.0.1:9")
    with running(Server()) as server:
        world.send(campaign, server.url)
    row = world.campaign(campaign)
    assert (row.waiting_for, row.waiting_since) == ("", None)


def test_a_door_that_stays_shut(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 5)
    with running(moods.Refusing()) as server:
        world.send(campaign, server.url)
    assert world.states(campaign) == {"planned": 5}
    assert "554 5.7.1 No mail from you" in world.campaign(campaign).waiting_for


def test_a_server_that_takes_few_connections_gets_few(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, PEOPLE)
    with running(moods.Only(2)) as server:
        result = world.send(campaign, server.url, smtp_connections=8)
    assert world.states(campaign) == {"sent": PEOPLE}
    assert result.outcome == "finished"


def test_354_for_a_refused_recipient_gets_an_empty_message(workspace: Workspace) -> None:
    refused = {"person1@example.com": b"550 5.1.1 No such user"}
    campaign = world.plan_campaign(workspace, 5)
    with running(moods.AsksForBodyAnyway(refused)) as server:
        world.send(campaign, server.url, smtp_connections=1)
    assert world.states(campaign) == {"sent": 4, "bounced": 1}
    assert server.recipients == people(5) - Counter(["person1@example.com"])
