"""What providers do on bad days. After each, every message has exactly one fate, and nobody got anything twice."""

import json
import threading
import time
from typing import Any

import pytest

from app.accounts.models import Workspace
from app.sending.engine import SliceResult
from tests.sending import world
from tests.sending.apis.conftest import Send
from tests.sending.apis.providers import (
    ALL,
    KEY,
    Call,
    FakePostmark,
    FakeProvider,
    FakeSendGrid,
    FakeSes,
    Mood,
    Reply,
)
from tests.sending.servers import running

pytestmark = pytest.mark.slow

PEOPLE = 40


def always(*replies: Reply) -> Mood:
    """A mood that says the same thing every time."""
    return lambda _fake, _call, _number: replies[0]


def on(number: int, reply: Reply) -> Mood:
    """A mood that shows once."""
    return lambda _fake, _call, now: reply if now == number else None


def check_sums(campaign: int, fake: FakeProvider, people: int = PEOPLE) -> dict[str, int]:
    """Everybody is somewhere, sent means taken, and nobody was written to twice."""
    states = world.states(campaign)
    assert sum(states.values()) == people
    assert states["sending"] == 0
    assert max(fake.taken.values(), default=1) == 1
    sent = {
        row.address
        for row in world.look("SELECT address FROM messages WHERE campaign_id = :c AND state = 'sent'", campaign)
    }
    assert sent <= fake.taken.keys()
    doubtful = world.look("SELECT address FROM messages WHERE campaign_id = :c AND state = 'uncertain'", campaign)
    assert fake.taken.keys() - sent <= {row.address for row in doubtful}
    return dict(states)


@pytest.mark.parametrize("provider", ALL)
@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_makes_the_run_wait(
    workspace: Workspace, send: Send, provider: type[FakeProvider], status: int
) -> None:
    campaign = world.plan_campaign(workspace, PEOPLE)
    body = json.dumps({"message": f"Bad key {KEY}", "Message": f"Bad key {KEY}"}).encode()
    with running(provider(always(Reply(status, body)))) as fake:
        result = send(campaign, fake.account())
    assert check_sums(campaign, fake) == {"planned": PEOPLE}
    assert (result.outcome, result.has_more) == ("waiting", False)
    assert "refuses our calls" in world.campaign(campaign).waiting_for
    assert KEY not in world.campaign(campaign).waiting_for
    assert len(fake.calls) == 1
    assert world.attempts(campaign) == []


@pytest.mark.parametrize("provider", ALL)
def test_an_account_that_is_not_complete_makes_the_run_wait(
    workspace: Workspace, send: Send, provider: type[FakeProvider]
) -> None:
    campaign = world.plan_campaign(workspace, 3)
    with running(provider()) as fake:
        result = send(campaign, fake.account(password=""))
    assert (result.outcome, fake.knocks) == ("waiting", 0)
    assert world.states(campaign) == {"planned": 3}


@pytest.mark.parametrize("provider", ALL)
def test_who_is_throttled_waits_as_long_as_was_asked(
    workspace: Workspace, send: Send, provider: type[FakeProvider]
) -> None:
    campaign = world.plan_campaign(workspace, PEOPLE)
    times: list[float] = []

    def mood(_fake: FakeProvider, _call: Call, number: int) -> Reply | None:
        times.append(time.monotonic())
        return Reply(429, b'{"message": "Too many requests"}', {"Retry-After": "2"}) if number == 1 else None

    with running(provider(mood)) as fake:
        result = send(campaign, fake.account())
    states = check_sums(campaign, fake)
    assert result.outcome == "finished"
    assert set(states) == {"sent", "deferred"}
    assert states["deferred"] <= 8
    assert {
        row.reason
        for row in world.look("SELECT * FROM messages WHERE campaign_id = :c AND state = 'deferred'", campaign)
    } == {"speeding"}
    assert times[1] - times[0] >= 1.9


def test_who_asks_for_too_long_a_pause_ends_the_run(workspace: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(workspace, PEOPLE)
    with running(FakeSes(always(Reply(429, b'{"message": "Daily quota"}', {"Retry-After": "3600"})))) as fake:
        result = send(campaign, fake.account())
    assert (result.outcome, len(fake.calls)) == ("waiting", 1)
    assert check_sums(campaign, fake) == {"deferred": 1, "planned": PEOPLE - 1}
    assert "asks us to slow down" in world.campaign(campaign).waiting_for


def test_carriers_get_fewer_where_the_provider_is_in_haste(workspace: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(workspace, 60)

    def mood(fake: FakeProvider, _call: Call, _number: int) -> Reply | None:
        return Reply(429, b"{}", {"Retry-After": "1"}) if fake.busy > 1 else None

    with running(FakeSendGrid(mood, slow=0.02)) as fake:
        send(campaign, fake.account())
    states = check_sums(campaign, fake, 60)
    assert states["sent"] >= 50


@pytest.mark.parametrize("provider", ALL)
def test_who_is_unavailable_and_names_a_time_is_asked_again(
    workspace: Workspace, send: Send, provider: type[FakeProvider]
) -> None:
    campaign = world.plan_campaign(workspace, PEOPLE)
    with running(provider(on(2, Reply(503, b"Oops", {"Retry-After": "1"})))) as fake:
        send(campaign, fake.account())
    states = check_sums(campaign, fake)
    assert set(states) == {"sent", "deferred"}


@pytest.mark.parametrize("provider", ALL)
def test_an_answer_byte_by_byte_is_an_answer(workspace: Workspace, send: Send, provider: type[FakeProvider]) -> None:
    campaign = world.plan_campaign(workspace, 6)

    def mood(fake: FakeProvider, call: Call, _number: int) -> Reply:
        reply = fake.accept(call)
        reply.pause = 0.0005
        return reply

    with running(provider(mood)) as fake:
        send(campaign, fake.account())
    assert check_sums(campaign, fake, 6) == {"sent": 6}


@pytest.mark.parametrize("provider", ALL)
def test_an_answer_that_takes_forever_is_none(workspace: Workspace, send: Send, provider: type[FakeProvider]) -> None:
    campaign = world.plan_campaign(workspace, PEOPLE)

    def mood(fake: FakeProvider, call: Call, number: int) -> Reply | None:
        if number != 2:
            return None
        reply = fake.accept(call)
        reply.pause = 0.1
        return reply

    with running(provider(mood)) as fake:
        began = time.monotonic()
        send(campaign, fake.account(timeout=1.0))
        assert time.monotonic() - began < 6
    states = check_sums(campaign, fake)
    assert set(states) == {"sent", "uncertain"}


@pytest.mark.parametrize("provider", ALL)
@pytest.mark.parametrize("status", [200, 400, 429])
def test_a_huge_answer_is_read_no_further_than_makes_sense(
    workspace: Workspace, send: Send, provider: type[FakeProvider], status: int
) -> None:
    campaign = world.plan_campaign(workspace, 12)
    with running(provider(on(2, Reply(status, b'{"message": "', endless=True)))) as fake:
        result: SliceResult = send(campaign, fake.account(timeout=3.0))
    states = check_sums(campaign, fake, 12)
    expected = {200: "uncertain", 400: "bounced", 429: "deferred"}[status]
    if provider is FakePostmark and status == 400:
        assert result.outcome == "waiting"
    else:
        assert set(states) == {"sent", expected}
    assert all(len(row.reply) <= 500 for row in world.attempts(campaign))


@pytest.mark.parametrize("provider", ALL)
def test_redirects_are_not_followed(workspace: Workspace, send: Send, provider: type[FakeProvider]) -> None:
    campaign = world.plan_campaign(workspace, 5)
    with running(FakePostmark()) as elsewhere:
        away = Reply(307, b"", {"Location": f"http://127.0.0.1:{elsewhere.port}/email/batch"})
        with running(provider(always(away))) as fake:
            result = send(campaign, fake.account())
        assert (result.outcome, elsewhere.calls, elsewhere.knocks) == ("waiting", [], 0)
    assert world.states(campaign) == {"planned": 5}


def test_nobody_there_makes_the_run_wait(workspace: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(workspace, 5)
    with running(FakeSes()) as fake:
        account = fake.account()
    result = send(campaign, account)
    assert result.outcome == "waiting"
    assert "cannot be reached" in world.campaign(campaign).waiting_for
    assert world.states(campaign) == {"planned": 5}


def test_proxies_of_the_environment_are_not_asked(
    workspace: Workspace, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    campaign = world.plan_campaign(workspace, 2)
    with running(FakeSes()) as fake:
        send(campaign, fake.account())
    assert world.states(campaign) == {"sent": 2}


def test_in_a_batch_each_recipient_has_a_fate_of_its_own(workspace: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(workspace, 200)
    inactive = frozenset(f"person{n}@example.com" for n in range(0, 200, 4))
    with running(FakePostmark(inactive=inactive, slow=0.02)) as fake:
        result = send(campaign, fake.account())
    assert result.outcome == "finished"
    assert check_sums(campaign, fake, 200) == {"sent": 150, "bounced": 50}
    assert world.reasons(campaign)["bounced", "filtered"] == 50
    assert not world.look(
        "SELECT FROM suppressions s JOIN campaigns c USING (workspace_id) WHERE c.id = :c", campaign
    ), "the provider's list is no fresh failure"


def test_a_whole_list_that_is_inactive_does_not_stop_the_run(workspace: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(workspace, 100)
    inactive = frozenset(f"person{n}@example.com" for n in range(90))
    with running(FakePostmark(inactive=inactive)) as fake:
        send(campaign, fake.account())
    assert check_sums(campaign, fake, 100) == {"sent": 10, "bounced": 90}


def test_credit_that_ends_in_mid_batch_loses_nothing(workspace: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(workspace, 100)
    one_at_a_time = threading.Lock()

    def mood(fake: Any, call: Call, _number: int) -> Reply:
        results = []
        with one_at_a_time:
            for message in call.json:
                if len(fake.taken) < 30:
                    results.append(fake._result(message))
                else:
                    results.append({"ErrorCode": 405, "Message": "Not allowed to send: you ran out of credits."})
        return Reply(200, json.dumps(results).encode())

    with running(FakePostmark(mood)) as fake:
        result = send(campaign, fake.account())
    states = check_sums(campaign, fake, 100)
    assert result.outcome == "waiting"
    assert states["sent"] == 30
    assert set(states) <= {"sent", "planned", "deferred"}
    assert "ran out of credits" in world.campaign(campaign).waiting_for


def test_content_that_is_refused_again_and_again_stops_the_run(workspace: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(workspace, 200)
    refusal = Reply(400, b'{"errors": [{"field": "content", "message": "The content is spam."}]}')
    with running(FakeSendGrid(always(refusal))) as fake:
        result = send(campaign, fake.account())
    states = check_sums(campaign, fake, 200)
    assert result.outcome == "waiting"
    assert states["bounced"] <= 25 + 4


def test_an_address_no_api_takes_fails_untried(workspace: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(workspace, 3)
    world.change(
        "UPDATE messages SET address = 'zoë@example.com' WHERE campaign_id = :c AND address = 'person1@example.com'",
        c=campaign,
    )
    world.change(
        "UPDATE subscribers SET email = 'zoë@example.com', address = 'zoë@example.com' "
        "WHERE workspace_id = :w AND address = 'person1@example.com'",
        w=workspace.id,
    )
    with running(FakeSes()) as fake:
        send(campaign, fake.account())
    assert world.reasons(campaign) == {("sent", ""): 2, ("failed", "contenterror"): 1}


def test_no_key_is_logged(workspace: Workspace, send: Send, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    campaign = world.plan_campaign(workspace, 5)
    echo = Reply(400, json.dumps({"message": f"Your key is {KEY}", "Message": KEY}).encode())
    for provider in ALL:
        with running(provider(on(1, echo))) as fake:
            send(campaign, fake.account())
    assert caplog.text
    assert KEY not in caplog.text
    assert all(KEY not in row.reply for row in world.attempts(campaign))
