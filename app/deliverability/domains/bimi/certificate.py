"""Judging a mark certificate (draft-fetch-validation-vmc-wchuang), as far as can be done without anybody's roots."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from app.core.visible import visible_line
from app.deliverability.domains.bimi import logotype
from app.deliverability.domains.records.dns import Problem, fault, note

SOON = timedelta(days=30)
MARK_USAGE = "1.3.6.1.5.5.7.3.31"
_MARK_TYPE = x509.ObjectIdentifier("1.3.6.1.4.1.53087.1.13")
_LOGOTYPE = x509.ObjectIdentifier(logotype.OID)
_VERIFIED = frozenset({"registered mark", "government mark"})
_COMMON = frozenset({"prior use mark", "modified registered mark", "pending registration mark", "provisional mark"})
_MOST = 10
"""Certificates in a file: three is usual."""
_MOST_NAMES = 5
_BEGIN = b"-----BEGIN CERTIFICATE-----"
# What the library says of parts that it reads only when asked for them.
_BROKEN = (
    *(ValueError, TypeError, OverflowError, UnsupportedAlgorithm),
    *(x509.DuplicateExtension, x509.UnsupportedGeneralNameType, x509.InvalidVersion),
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found; whether it is one for marks; the pictures inside, None where it has no place for them."""

    problems: list[Problem]
    is_mark: bool = False
    pictures: list[bytes] | None = None


def judge_certificate(pem: bytes, names: Sequence[str], now: datetime) -> Judged:
    """What is wrong with it for a record of these names, and what it is."""
    problems = [fault("bimi-cert-key")] if b"PRIVATE KEY-----" in pem else []
    if not 0 < pem.count(_BEGIN) <= _MOST:
        return Judged([*problems, fault("bimi-cert-no-pem")])
    try:
        chain = x509.load_pem_x509_certificates(pem)
        own = next((each for each in chain if not _is_authority(each)), chain[0])
        problems += [*_of_chain(chain, own), *_of_time(chain, own, now), *_of_names(own, names), *_of_kind(own)]
        return Judged(problems, _is_mark(own), _pictures(own))
    except _BROKEN as error:
        return Judged([*problems, fault("bimi-cert-unreadable", why=visible_line(str(error)[:200]))])


def _of_chain(chain: list[x509.Certificate], own: x509.Certificate) -> Iterator[Problem]:
    if _is_by(own, own):
        yield fault("bimi-cert-self")
    elif len(chain) == 1:
        yield fault("bimi-cert-alone")
    elif own != chain[0] or not all(_is_by(each, by) for each, by in pairwise(chain)):
        yield fault("bimi-cert-order")


def _is_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (*_BROKEN, InvalidSignature):
        return False
    return True


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _of_time(chain: list[x509.Certificate], own: x509.Certificate, now: datetime) -> Iterator[Problem]:
    begins, ends = own.not_valid_before_utc, own.not_valid_after_utc
    if ends <= now:
        yield fault("bimi-cert-ended", date=f"{ends:%Y-%m-%d}")
    elif begins > now:
        yield fault("bimi-cert-not-yet", date=f"{begins:%Y-%m-%d}")
    elif ends - now <= SOON:
        yield note("bimi-cert-ends-soon", date=f"{ends:%Y-%m-%d}", days=(ends - now).days)
    for issuer in chain:
        if issuer != own and issuer.not_valid_after_utc <= now:
            date = f"{issuer.not_valid_after_utc:%Y-%m-%d}"
            yield fault("bimi-cert-issuer-ended", name=_of_whom(issuer.subject), date=date)


def _of_kind(own: x509.Certificate) -> Iterator[Problem]:
    """Whether it is one for marks at all, of which kind, whose, and until when."""
    if not _is_mark(own):
        yield fault("bimi-cert-usage", usage=MARK_USAGE)
        return
    if _extension(own) is None:
        yield fault("bimi-cert-logotype")
    mark = _attribute(own.subject, _MARK_TYPE)
    values = {
        "mark": mark or "–",
        "name": _of_whom(own.subject),
        "issuer": _of_whom(own.issuer),
        "date": f"{own.not_valid_after_utc:%Y-%m-%d}",
    }
    if mark.lower() in _VERIFIED:
        yield note("bimi-cert-vmc", **values)
    elif mark.lower() in _COMMON:
        yield note("bimi-cert-cmc", **values)
    else:
        yield note("bimi-cert-kind", **values)


def _of_names(own: x509.Certificate, names: Sequence[str]) -> Iterator[Problem]:
    try:
        extension = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        its = [name.lower().rstrip(".") for name in extension.get_values_for_type(x509.DNSName)]
    except x509.ExtensionNotFound:
        its = []
    if not set(its) & set(names):
        listed = ", ".join([*its[:_MOST_NAMES], *(["…"] if len(its) > _MOST_NAMES else [])])
        yield fault("bimi-cert-names", names=visible_line(listed) or "–", name=names[0])


def _is_mark(own: x509.Certificate) -> bool:
    try:
        usages = own.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return any(usage.dotted_string == MARK_USAGE for usage in usages)


def _pictures(own: x509.Certificate) -> list[bytes] | None:
    extension = _extension(own)
    return None if extension is None else logotype.pictures_in(extension)


def _extension(own: x509.Certificate) -> bytes | None:
    try:
        value = own.extensions.get_extension_for_oid(_LOGOTYPE).value
    except x509.ExtensionNotFound:
        return None
    return value.value if isinstance(value, x509.UnrecognizedExtension) else None


def _of_whom(name: x509.Name) -> str:
    return _attribute(name, NameOID.ORGANIZATION_NAME) or _attribute(name, NameOID.COMMON_NAME) or "–"


def _attribute(name: x509.Name, kind: x509.ObjectIdentifier) -> str:
    values = [each.value for each in name.get_attributes_for_oid(kind)]
    return visible_line(str(values[0]))[:100].strip() if values and isinstance(values[0], str) else ""
