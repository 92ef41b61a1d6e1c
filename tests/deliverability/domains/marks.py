"""Pictures and mark certificates as their makers hand them out, and as they should not."""

import base64
import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from app.core import clock
from app.deliverability.domains.bimi.certificate import MARK_USAGE
from app.deliverability.domains.bimi.logotype import OID
from tests.deliverability.domains.nest import NAME

ROOT = (
    'xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 96 96" width="96" height="96"'
)
INNER = '<title>Aviary</title><circle cx="48" cy="48" r="40" fill="#1d4ed8"/>'
DAY = timedelta(days=1)


def svg(inner: str = INNER, root: str = ROOT, before: str = "") -> bytes:
    return f"{before}<svg {root}>{inner}</svg>".encode()


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else b"\x83" + len(body).to_bytes(3, "big")
    return bytes([tag]) + size + body


def logotype(picture: bytes) -> bytes:
    """The picture as the subject's logo (RFC 9399 §4.1): direct, one image, one address that is the picture itself."""
    address = b"data:image/svg+xml;base64," + base64.b64encode(gzip.compress(picture))
    algorithm = der(0x30, bytes.fromhex("0609608648016503040201"))
    hashed = der(0x30, der(0x30, algorithm, der(0x04, b"\0" * 32)))
    details = der(0x30, der(0x16, b"image/svg+xml"), hashed, der(0x30, der(0x16, address)))
    return der(0x30, der(0xA2, der(0xA0, der(0x30, der(0x30, details)))))


@dataclass(frozen=True)
class _Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def _named(name: str, mark: str = "") -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)]
    if mark:
        attributes.append(x509.NameAttribute(x509.ObjectIdentifier("1.3.6.1.4.1.53087.1.13"), mark))
    return x509.Name(attributes)


def _built(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    by: x509.Name,
    signer: ec.EllipticCurvePrivateKey,
    until: datetime,
    since: datetime | None = None,
    extensions: Iterable[x509.ExtensionType] = (),
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since or until - 400 * DAY)
        .not_valid_after(until)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signer, hashes.SHA256())


class Issuer:
    """A root, and the authority below it that issues mark certificates."""

    def __init__(self, issuing_until: datetime | None = None) -> None:
        until = clock.now() + 3000 * DAY
        self.root = self._authority("Dovecote Root", None, until)
        self.issuing = self._authority("Dovecote Marks", self.root, issuing_until or until)

    def _authority(self, name: str, by: _Authority | None, until: datetime) -> _Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = by.certificate.subject if by else _named(name)
        signer = by.key if by else key
        is_authority = x509.BasicConstraints(ca=True, path_length=None)
        return _Authority(key, _built(_named(name), key, issuer, signer, until, until - 3100 * DAY, [is_authority]))

    def mark(
        self,
        *names: str,
        mark: str = "Registered Mark",
        until: datetime | None = None,
        since: datetime | None = None,
        picture: bytes | None = svg(),
        usage: str = MARK_USAGE,
        inside: bytes | None = None,
    ) -> x509.Certificate:
        inside = inside if inside is not None else logotype(picture) if picture is not None else None
        extensions: list[x509.ExtensionType] = [x509.ExtendedKeyUsage([x509.ObjectIdentifier(usage)])]
        if names != ("",):
            extensions.append(x509.SubjectAlternativeName([x509.DNSName(name) for name in names or (NAME,)]))
        if inside is not None:
            extensions.append(x509.UnrecognizedExtension(x509.ObjectIdentifier(OID), inside))
        key = ec.generate_private_key(ec.SECP256R1())
        by = self.issuing
        until = until or clock.now() + 200 * DAY
        return _built(_named("Aviary Ltd", mark), key, by.certificate.subject, by.key, until, since, extensions)

    def chain(self, own: x509.Certificate) -> bytes:
        return pem(own, self.issuing.certificate)


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)
