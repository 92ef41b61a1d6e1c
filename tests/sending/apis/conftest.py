"""The engine, pointed at a provider of the test's own."""

from collections.abc import Callable
from typing import Any

import pytest

from app.sending import engine
from app.sending.apis.account import ApiAccount
from app.sending.engine import SliceResult
from app.sending.ways import Way
from tests.sending import world

Send = Callable[..., SliceResult]


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch) -> Send:
    """Sends one slice of a campaign by an account."""

    def send(campaign: int, account: ApiAccount, **changes: Any) -> SliceResult:
        async def choose(*_args: Any, **_named: Any) -> Way:
            return Way(None, account)

        monkeypatch.setattr(engine, "choose_way", choose)
        return world.send(campaign, "smtp://127.0.0.1:9", **changes)

    return send
