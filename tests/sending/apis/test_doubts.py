"""What leaves open whether a provider took the mail: few are left in doubt, each by name, and nobody gets two."""

import pytest

from app.accounts.models import Workspace
from tests.sending import world
from tests.sending.apis.conftest import Send
from tests.sending.apis.providers import ALL, Call, FakeMailgun, FakePostmark, FakeProvider, FakeSes, Reply
from tests.sending.apis.test_moods import PEOPLE, always, check_sums
from tests.sending.servers import running

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("status", [500, 502, 503, 504, 524])
@pytest.mark.parametrize("provider", ALL)
def test_a_fault_after_the_whole_call_leaves_a_doubt(
    workspace: Workspace, send: Send, provider: type[FakeProvider], status: int
) -> None:
    campaign = world.plan_campaign(workspace, PEOPLE)

    def mood(fake: FakeProvider, call: Call, number: int) -> Reply | None:
        if number != 2:
            return None
        fake.accept(call)
        return Reply(status, b"<html>Bad gateway</html>")

    with running(provider(mood)) as fake:
        send(campaign, fake.account())
    states = check_sums(campaign, fake)
    assert set(states) == {"sent", "uncertain"}
    assert len(fake.taken) == PEOPLE


@pytest.mark.parametrize("body", [b"", b"<html>hello</html>", b'{"MessageId": 7, "id": []}', b"[[[[", b"\xff\xfe\x00"])
@pytest.mark.parametrize("provider", [FakeSes, FakeMailgun, FakePostmark])
def test_garbage_leaves_a_doubt_and_no_second_try(
    workspace: Workspace, send: Send, provider: type[FakeProvider], body: bytes
) -> None:
    campaign = world.plan_campaign(workspace, PEOPLE)

    def mood(fake: FakeProvider, call: Call, number: int) -> Reply | None:
        return Reply(200, body) if number == 2 and fake.accept(call) else None

    with running(provider(mood)) as fake:
        send(campaign, fake.account())
    states = check_sums(campaign, fake)
    assert set(states) == {"sent", "uncertain"}
    assert len(fake.taken) == PEOPLE


@pytest.mark.parametrize("provider", ALL)
def test_who_hangs_up_after_the_call_leaves_a_doubt(
    workspace: Workspace, send: Send, provider: type[FakeProvider]
) -> None:
    campaign = world.plan_campaign(workspace, PEOPLE)

    def mood(fake: FakeProvider, call: Call, number: int) -> Reply | None:
        if number != 3:
            return None
        fake.accept(call)
        return Reply(hang_up=True)

    with running(provider(mood)) as fake:
        send(campaign, fake.account())
    states = check_sums(campaign, fake)
    assert set(states) == {"sent", "uncertain"}
    assert len(fake.taken) == PEOPLE


@pytest.mark.parametrize("provider", ALL)
def test_who_always_hangs_up_gets_few_of_them(workspace: Workspace, send: Send, provider: type[FakeProvider]) -> None:
    campaign = world.plan_campaign(workspace, PEOPLE * 10)
    with running(provider(always(Reply(hang_up=True)))) as fake:
        result = send(campaign, fake.account())
    states = check_sums(campaign, fake, PEOPLE * 10)
    assert result.outcome == "waiting"
    assert "ends every conversation" in world.campaign(campaign).waiting_for
    assert len(fake.calls) == 4
    assert states["uncertain"] == 4


@pytest.mark.parametrize("provider", ALL)
def test_a_provider_that_fails_on_everything_gets_few_of_them(
    workspace: Workspace, send: Send, provider: type[FakeProvider]
) -> None:
    campaign = world.plan_campaign(workspace, PEOPLE * 10)

    def mood(fake: FakeProvider, call: Call, _number: int) -> Reply:
        fake.accept(call)
        return Reply(500, b"Oops")

    with running(provider(mood)) as fake:
        result = send(campaign, fake.account())
    assert result.outcome == "waiting"
    assert check_sums(campaign, fake, PEOPLE * 10) == {"uncertain": 4, "planned": PEOPLE * 10 - 4}


@pytest.mark.parametrize("provider", ALL)
def test_who_redirects_after_a_deed_is_asked_once(
    workspace: Workspace, send: Send, provider: type[FakeProvider]
) -> None:
    campaign = world.plan_campaign(workspace, PEOPLE)

    def mood(fake: FakeProvider, call: Call, _number: int) -> Reply:
        fake.accept(call)
        return Reply(302, b"", {"Location": "https://login.example.com/"})

    with running(provider(mood)) as fake:
        result = send(campaign, fake.account())
    assert (result.outcome, len(fake.calls)) == ("waiting", 1)
    assert check_sums(campaign, fake) == {"uncertain": 1, "planned": PEOPLE - 1}
    assert "login.example.com" in world.campaign(campaign).waiting_for


def test_after_a_doubt_a_batch_has_one_message(workspace: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(workspace, 100)
    sizes: list[int] = []

    def mood(_fake: FakeProvider, call: Call, number: int) -> Reply | None:
        sizes.append(len(call.json))
        return Reply(500, b"Oops") if number == 2 else None

    with running(FakePostmark(mood)) as fake:
        send(campaign, fake.account(connections=1, per_call=20))
    assert sizes[0] == sizes[2] == 1
    assert min(sizes[1], sizes[3]) > 1
    assert check_sums(campaign, fake, 100)["uncertain"] == sizes[1]
