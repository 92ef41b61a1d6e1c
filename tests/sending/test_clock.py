"""The machine's clock is set while mail goes out."""

import time
from types import SimpleNamespace

import pytest

from app.accounts.models import Workspace
from app.sending import moments
from tests.sending.servers import Server, running
from tests.sending.world import plan_campaign, reasons, send, states

DAY = 86_400.0


@pytest.mark.parametrize("jump", [-30 * DAY, -1.0, 1.0, 30 * DAY])
def test_a_jump_of_the_clock_neither_stops_nor_repeats_mail(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    campaign_id = plan_campaign(workspace, 300)
    asked = iter(range(10**9))

    def jumping() -> float:
        # Read for each answer: from the hundredth on the clock is another.
        return time.time() + (jump if next(asked) > 100 else 0.0)

    monkeypatch.setattr(moments, "time", SimpleNamespace(time=jumping))
    with running(Server()) as server:
        send(campaign_id, server.url)
    assert states(campaign_id) == {"sent": 300}, reasons(campaign_id)
    assert len(server.message_ids) == len(server.messages) == 300
