"""Connecting: EHLO, HELO, TLS, passwords; and one mail by itself."""

import base64
import datetime
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.accounts.models import Workspace
from app.core.errors import SettingsError, TemporaryFailure
from app.mail.wire import WireMail
from app.sending.account import read_smtp_url
from app.sending.simple import Refused, send_mail
from tests.sending import moods, world
from tests.sending.servers import HangUp, Server, Wire, running

MAIL = WireMail("news@aviary.example.com", "ann@example.com", False, b"Subject: Hello\r\n\r\nText\r\n")


def try_mail(workspace: Workspace, url: str, mail: WireMail = MAIL) -> str:
    with world.sending_by(url, smtp_timeout=1.0):
        return send_mail(workspace.id, mail)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nest.example.com")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "nest.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


class Tls(Server):
    """Offers STARTTLS; `injected` is what somebody in the middle adds to the reply."""

    extensions = ("PIPELINING", "STARTTLS", "AUTH PLAIN LOGIN")
    injected = b""

    def __init__(self, certificate: Path) -> None:
        super().__init__()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.said: list[bytes] = []
        self.encrypted = 0

    def other(self, wire: Wire, verb: bytes, line: bytes) -> None:
        if verb == b"STAR":
            wire.peer.sendall(b"220 Go on\r\n" + self.injected)
            wire.start_tls(self.context)
            self.encrypted += 1
        elif verb == b"AUTH":
            self.authenticate(wire, line)
        else:
            super().other(wire, verb, line)

    def authenticate(self, wire: Wire, line: bytes) -> None:
        self.said.append(line)
        wire.say(b"235 2.7.0 Welcome")


class TlsFromTheStart(Tls):
    extensions = ("PIPELINING",)

    def greet(self, wire: Wire) -> None:
        wire.start_tls(self.context)
        self.encrypted += 1
        super().greet(wire)


def test_one_mail_gets_the_servers_words(workspace: Workspace) -> None:
    with running(Server()) as server:
        assert try_mail(workspace, server.url) == "250 2.0.0 Ok: queued as 4B2A"
    assert server.messages == [MAIL.data]
    assert server.commands[-1] == b"QUIT"


def test_a_server_from_before_ehlo(workspace: Workspace) -> None:
    class Old(Server):
        def _obey(self, wire: Wire, line: bytes) -> None:
            if line[:4] == b"EHLO":
                wire.say(b"500 What?")
            else:
                super()._obey(wire, line)

    with running(Old()) as server:
        assert try_mail(workspace, server.url).startswith("250")
    assert any(line.startswith(b"HELO") for line in server.commands)


def test_offered_encryption_is_taken_without_asking_who_it_is(workspace: Workspace, certificate: Path) -> None:
    with running(Tls(certificate)) as server:
        assert try_mail(workspace, server.url).startswith("250")
    assert server.encrypted == 1


def test_demanded_encryption_asks_for_a_valid_certificate(workspace: Workspace, certificate: Path) -> None:
    with (
        running(Tls(certificate)) as server,
        pytest.raises(TemporaryFailure, match=r"did not agree on encryption: its certificate does not hold"),
    ):
        try_mail(workspace, server.url.replace("smtp:", "smtp+starttls:"))
    assert not server.messages


def test_demanded_encryption_that_is_not_offered(workspace: Workspace) -> None:
    with running(Server()) as server, pytest.raises(TemporaryFailure, match="offers no STARTTLS"):
        try_mail(workspace, server.url.replace("smtp:", "smtp+starttls:"))
    assert not server.messages


def test_tls_from_the_start_asks_for_a_valid_certificate(workspace: Workspace, certificate: Path) -> None:
    with running(TlsFromTheStart(certificate)) as server, pytest.raises(TemporaryFailure, match="its certificate"):
        try_mail(workspace, server.url.replace("smtp:", "smtps:"))


def trusting(monkeypatch: pytest.MonkeyPatch, certificate: Path) -> None:
    def context() -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.load_verify_locations(certificate)
        made.check_hostname = False
        return made

    monkeypatch.setattr(ssl, "create_default_context", context)


@pytest.mark.parametrize(("kind", "scheme"), [(Tls, "smtp+starttls"), (TlsFromTheStart, "smtps")])
def test_a_campaign_over_tls(
    workspace: Workspace, certificate: Path, monkeypatch: pytest.MonkeyPatch, kind: Any, scheme: str
) -> None:
    trusting(monkeypatch, certificate)
    campaign = world.plan_campaign(workspace, 30)
    with running(kind(certificate)) as server:
        world.send(campaign, server.url.replace("smtp:", f"{scheme}:"))
    assert world.states(campaign) == {"sent": 30}
    assert server.encrypted == server.connections


def test_words_put_in_before_tls_are_not_believed(workspace: Workspace, certificate: Path) -> None:
    class Injected(Tls):
        injected = b"250 AUTH PLAIN\r\n"

    with running(Injected(certificate)) as server, pytest.raises(TemporaryFailure, match="somebody may be in between"):
        try_mail(workspace, server.url)


def test_encryption_that_breaks_is_done_without_when_it_was_a_gift(workspace: Workspace, certificate: Path) -> None:
    class Broken(Tls):
        def other(self, wire: Wire, _verb: bytes, _line: bytes) -> None:
            wire.say(b"220 Go on")
            raise HangUp

    with running(Broken(certificate)) as server:
        assert try_mail(workspace, server.url).startswith("250")
    assert server.connections == 2


def test_signing_in(workspace: Workspace, certificate: Path) -> None:
    with running(Tls(certificate)) as server:
        try_mail(workspace, server.url.replace("//", "//ann:p%40ss@"))
    assert server.said == [b"AUTH PLAIN " + base64.b64encode(b"\0ann\0p@ss")]


def test_signing_in_by_login(workspace: Workspace, certificate: Path) -> None:
    class Login(Tls):
        extensions = ("STARTTLS", "AUTH LOGIN")

        def authenticate(self, wire: Wire, _line: bytes) -> None:
            wire.say(b"334 VXNlcm5hbWU6")
            user = wire.read_line()
            wire.say(b"334 UGFzc3dvcmQ6")
            self.said += [user, wire.read_line()]
            wire.say(b"235 Welcome")

    with running(Login(certificate)) as server:
        try_mail(workspace, server.url.replace("//", "//ann:secret@"))
    assert [base64.b64decode(word) for word in server.said] == [b"ann", b"secret"]


def test_a_wrong_password_is_told_as_the_server_told_it(workspace: Workspace, certificate: Path) -> None:
    class Strict(Tls):
        def authenticate(self, wire: Wire, _line: bytes) -> None:
            wire.say(b"535 5.7.8 Authentication credentials invalid")

    campaign = world.plan_campaign(workspace, 2)
    with running(Strict(certificate)) as server:
        world.send(campaign, server.url.replace("//", "//ann:wrong@"))
    assert "535 5.7.8 Authentication credentials invalid" in world.campaign(campaign).waiting_for
    assert world.states(campaign) == {"planned": 2}


@pytest.mark.slow
def test_refusals_are_told_apart_from_delays(workspace: Workspace) -> None:
    with running(moods.Says({"*": b"550 5.1.1 No such user"})) as server, pytest.raises(Refused, match=r"550 5\.1\.1"):
        try_mail(workspace, server.url)
    with (
        running(moods.Says({"*": b"451 4.3.0 Later"})) as server,
        pytest.raises(TemporaryFailure, match=r"451 4\.3\.0"),
    ):
        try_mail(workspace, server.url)
    with running(moods.SilentAfterBody()) as server, pytest.raises(TemporaryFailure, match="not known whether"):
        try_mail(workspace, server.url)


def test_smtputf8_is_used_when_offered_and_missed_when_not(workspace: Workspace) -> None:
    mail = WireMail("news@aviary.example.com", "änn@example.com", True, MAIL.data)
    with running(Server()) as server, pytest.raises(Refused, match="beyond ASCII"):
        try_mail(workspace, server.url, mail)

    class Modern(Server):
        extensions = ("8BITMIME", "SMTPUTF8", "SIZE 1000", "DSN")

    with running(Modern()) as server:
        try_mail(workspace, server.url, mail)
    assert (
        f"MAIL FROM:<news@aviary.example.com> SIZE={len(MAIL.data)} SMTPUTF8 BODY=8BITMIME".encode() in server.commands
    )
    assert "RCPT TO:<änn@example.com> NOTIFY=FAILURE,DELAY".encode() in server.commands


def test_a_mail_too_big_for_the_server_is_not_tried(workspace: Workspace) -> None:
    class Small(Server):
        extensions = ("SIZE 20",)

    with running(Small()) as server, pytest.raises(Refused, match="takes 20"):
        try_mail(workspace, server.url)
    assert not any(line.startswith(b"MAIL") for line in server.commands)


@pytest.mark.parametrize("url", ["http://x", "smtp://", "smtp://host:none", "mail.example.com", ""])
def test_a_bad_url_says_how_to_write_it(url: str) -> None:
    with pytest.raises(SettingsError, match="Write smtp://"):
        read_smtp_url(url)


def test_urls() -> None:
    account = read_smtp_url("smtps://ann%40example.com:s%2Fx@mail.example.com")
    assert (account.host, account.port, account.security) == ("mail.example.com", 465, "tls")
    assert (account.username, account.password) == ("ann@example.com", "s/x")
    assert "s/x" not in repr(account)
