"""Which servers may be asked at all, and what a password is sent to."""

import socket
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tracking.mailboxes.account import MailboxAccount, MailboxTrouble
from app.tracking.mailboxes.guard import connect, is_public

PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.20.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fd00::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "fec0::1",
    "feff::1",
    "64:ff9b:1::7f00:1",
    "192.88.99.1",
    "168.63.129.16",
    "100.100.100.200",
]


def account(security: str = "tls", *, internal: bool = False) -> MailboxAccount:
    return MailboxAccount("imap", "imap.example.com", 993, security, "user", "secret", internal=internal)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What DNS says; whoever connects to something else fails."""
    found: list[str] = []

    def lookup(_host: str, port: int, **_: object) -> list[object]:
        return [(0, 0, 0, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return found


@pytest.mark.parametrize("address", PRIVATE)
def test_no_machine_of_our_own_network_is_asked(answers: list[str], address: str) -> None:
    answers.append(address)
    with pytest.raises(MailboxTrouble, match=r"private network|never asked"):
        connect(account(), timeout=1)


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "224.0.0.1", "::", "fe80::1", "fd00:ec2::254", "fd20:ce::254", "168.63.129.16"),
        *("100.100.100.200", "192.0.0.192", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"),
    ],
)
def test_some_are_never_asked(answers: list[str], address: str) -> None:
    answers.append(address)
    for internal in (True, False):
        with pytest.raises(MailboxTrouble, match="never asked from here, whatever is set") as raised:
            connect(account(internal=internal), timeout=1)
        assert "MERPATI_INTERNAL_HOSTS" not in str(raised.value)


def test_of_several_addresses_only_public_ones_are_asked(answers: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answers += ["127.0.0.1", "192.0.2.1", "93.184.215.14"]
    asked = []

    def dial(place: tuple[str, int], _timeout: float) -> socket.socket:
        asked.append(place)
        raise OSError("refused")

    monkeypatch.setattr(socket, "create_connection", dial)
    with pytest.raises(MailboxTrouble, match="could not be connected to"):
        connect(account(), timeout=1)
    assert asked == [("93.184.215.14", 993)]


def test_no_password_in_the_clear_over_the_public_network(answers: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answers.append("93.184.215.14")
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(socket, "create_connection", lambda *_: ours)
    with pytest.raises(MailboxTrouble, match="in the clear"):
        connect(account("none", internal=True), timeout=1)
    assert theirs.recv(10) == b""
    theirs.close()


def test_internal_hosts_are_off_unless_set() -> None:
    from app.core.settings import Settings

    assert Settings.model_fields["internal_hosts"].default is False


@given(st.ip_addresses(v=4))
def test_an_address_is_not_more_public_inside_another(address: object) -> None:
    number = int(ip_address(str(address)))
    inner = is_public(ip_address(str(address)))
    assert is_public(ip_address(f"::ffff:{address}")) == inner
    assert is_public(ip_address((0x64FF9B << 96) | number)) == inner
