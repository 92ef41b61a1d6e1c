"""What `merpati up` and the demo do when the database or the queue does not come back at once."""

import io
from unittest.mock import Mock

import pytest

from app.core.errors import Unavailable
from app.core.settings import Settings
from app.shell.up import House


def test_a_server_that_does_not_come_back_is_told_and_tried_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    house = House(settings, out=out)
    servers = Mock()
    servers.revive.side_effect = [Unavailable("Valkey ended right after its start."), None]
    monkeypatch.setattr(house, "_services", servers)
    house.supervisor.poll()
    house.supervisor.poll()
    assert servers.revive.call_count == 1, "not at once again"
    assert "Valkey ended right after its start. Trying again in 5 s." in out.getvalue()
    monkeypatch.setattr(house, "_look_at", 0.0)
    house.supervisor.poll()
    assert servers.revive.call_count == 2
