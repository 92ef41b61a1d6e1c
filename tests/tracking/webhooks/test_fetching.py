"""The one way out: only to public addresses, only so far."""

import socket
from typing import Any

import pytest

from app.core.errors import Unavailable
from app.tracking.webhooks import fetching
from app.tracking.webhooks.fetching import Place

REAL = fetching.fetch
PLACE = Place("sns.eu-central-1.amazonaws.com", "/a.pem")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "::1", "fe80::1%eth0", "fd00::1", "0.0.0.0"]
)
def test_a_name_that_leads_inside_is_not_called(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    _leads_to(monkeypatch, "192.0.2.1" if address == "" else address)
    called: list[Any] = []
    monkeypatch.setattr(fetching.httpx.HTTPTransport, "handle_request", lambda _, asked: called.append(asked))
    with pytest.raises(Unavailable, match="OSError"):
        REAL(PLACE)
    assert called == []


def test_one_inner_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    _leads_to(monkeypatch, "8.8.8.8", "10.0.0.1")
    with pytest.raises(Unavailable):
        REAL(PLACE)


def test_the_call_goes_to_the_address_that_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class Client:
        def __init__(self, **given: Any) -> None:
            assert given == {"trust_env": False, "follow_redirects": False, "timeout": fetching.SECONDS}

        def __enter__(self) -> "Client":
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def build_request(self, *args: Any, **given: Any) -> None:
            asked.append((args, given))
            raise OSError

    _leads_to(monkeypatch, "8.8.8.8")
    monkeypatch.setattr(fetching.httpx, "Client", Client)
    with pytest.raises(Unavailable):
        REAL(PLACE)
    host = PLACE.host
    assert asked == [
        (("GET", "https://8.8.8.8/a.pem"), {"headers": {"Host": host}, "extensions": {"sni_hostname": host}})
    ]


@pytest.mark.parametrize(("status", "size"), [(301, 10), (404, 10), (200, fetching.LIMIT + 1)])
def test_a_redirect_an_error_and_a_flood_are_no_answer(status: int, size: int) -> None:
    answer = fetching.httpx.Response(status, content=b"x" * size)
    with pytest.raises(ValueError):
        fetching._body(answer)


def _leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
