"""JSON that holds half a character: an answer like any other."""

import json
from typing import Any

from app.accounts.models import Workspace
from tests.sending import world
from tests.sending.apis.conftest import Send
from tests.sending.apis.providers import FakeMailgun, FakePostmark, Reply
from tests.sending.servers import running


def test_in_one_result_of_a_batch_it_repeats_nothing(scope: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(scope, 40)

    def mood(fake: FakePostmark, call: Any, _number: int) -> Reply:
        results = json.loads(fake.accept(call).body)
        if len(results) > 3:
            for address in [each for each in fake.taken if each in call.json[2]["To"]]:
                fake.taken[address] -= 1
            results[2] = {"ErrorCode": 300, "Message": "Invalid 'Subject' \ud83d"}
        return Reply(200, json.dumps(results).encode())

    with running(FakePostmark(mood)) as fake:
        for _ in range(3):
            send(campaign, fake.account(), send_slice=4)
    assert not {address: count for address, count in fake.taken.items() if count > 1}
    assert world.states(campaign)["planned"] == 0


def test_in_a_refusal_it_ends_the_message_and_not_the_campaign(scope: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(scope, 5)

    def mood(_fake: FakeMailgun, call: Any, _number: int) -> Reply | None:
        return Reply(400, b'{"message": "parameter is bad \\ud83d"}') if b"person2@" in call.body else None

    with running(FakeMailgun(mood)) as fake:
        send(campaign, fake.account(), send_slice=4)
    assert world.states(campaign)["planned"] == 0
    assert world.states(campaign)["sent"] == 4
