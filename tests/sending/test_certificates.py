"""Certificates that a trusted authority has signed and that still must not be taken."""

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.accounts.models import Workspace
from app.core.errors import TemporaryFailure
from app.mail.wire import WireMail
from app.sending.simple import send_mail
from tests.sending import world
from tests.sending.servers import running
from tests.sending.test_greeting import Tls

MAIL = WireMail("news@aviary.example.com", "ann@example.com", False, b"Subject: Hello\r\n\r\nText\r\n")
YEAR = datetime.timedelta(days=365)


def issue(folder: Path, names: list[str], *, since: datetime.datetime, until: datetime.datetime) -> Path:
    """An authority in `ca.pem`, and a server's key and certificate by it in `nest.pem`."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Dovecote Authority")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)

    def build(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root)
            .public_key(public)
            .serial_number(x509.random_serial_number())
        )

    authority = (
        build(root, root_key.public_key())
        .not_valid_before(start)
        .not_valid_after(start + 100 * YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    server = (
        build(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nest.example.com")]), key.public_key())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    (folder / "nest.pem").write_bytes(secret + server.public_bytes(serialization.Encoding.PEM))
    return folder / "nest.pem"


def trust(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the system's trusted authorities be the one in this folder; names and times are checked as ever."""
    usual = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda: usual(cafile=folder / "ca.pem"))


def try_mail(workspace: Workspace, certificate: Path) -> str:
    with running(Tls(certificate)) as server:
        url = server.url.replace("smtp:", "smtp+starttls:").replace("127.0.0.1", "localhost")
        with world.sending_by(url, smtp_timeout=2.0):
            return send_mail(workspace.id, MAIL)


NOW = datetime.datetime.now(datetime.UTC)


def test_a_good_certificate_is_taken(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = issue(tmp_path, ["localhost"], since=NOW - YEAR, until=NOW + YEAR)
    trust(monkeypatch, tmp_path)
    assert try_mail(workspace, certificate).startswith("250")


def test_one_that_has_expired_is_not(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = issue(tmp_path, ["localhost"], since=NOW - 2 * YEAR, until=NOW - YEAR)
    trust(monkeypatch, tmp_path)
    with pytest.raises(TemporaryFailure, match=r"its certificate does not hold .*expired"):
        try_mail(workspace, certificate)


def test_nor_one_for_another_name(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = issue(tmp_path, ["nest.example.com"], since=NOW - YEAR, until=NOW + YEAR)
    trust(monkeypatch, tmp_path)
    with pytest.raises(TemporaryFailure, match=r"its certificate does not hold .*localhost"):
        try_mail(workspace, certificate)
