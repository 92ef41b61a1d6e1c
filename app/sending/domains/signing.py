"""Who signs a mail: the keys in use for its From domain, or for a domain that it lies under."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

from psycopg import AsyncConnection
from sqlalchemy import select

from app.core.database import db, in_workspace
from app.core.errors import Invalid, SettingsError, Unavailable
from app.core.extensions import keyring as our_keyring
from app.core.extensions import settings
from app.core.tokens import Keyring
from app.mail.addresses import a_label
from app.mail.canonical import relaxed_fields
from app.mail.dkim import Signer, sign
from app.mail.dkim_keys import Algorithm, read_key
from app.mail.wire import WireMail
from app.sending.domains.keys import ALGORITHMS
from app.sending.domains.names import lineage
from app.sending.domains.theirs import signs_alone
from app.sending.models import SendingDomain, SigningKey
from app.sending.seal import unseal
from app.sending.transports import installation_account, ways_of_workspace

_FOUND = """
SELECT d.domain, d.is_signing, d.with_ed25519, d.findings, k.selector, k.algorithm, k.private_sealed
FROM sending_domains d LEFT JOIN signing_keys k ON k.domain_id = d.id AND k.state = 'active'
WHERE d.workspace_id = %s AND d.domain = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class KeyInUse:
    """A domain and a key it signs with; without a key, `selector` is None."""

    domain: str
    is_signing: bool
    with_ed25519: bool
    findings: dict[str, Any]
    selector: str | None
    algorithm: str | None
    private_sealed: bytes | None


async def load_signers(
    connection: AsyncConnection[tuple[Any, ...]], workspace_id: int, from_email: str, keyring: Keyring
) -> list[Signer]:
    """The signers of mail from this address, RSA first; none when no domain is set up. Raises SettingsError."""
    domains = _domains(from_email)
    rows = await (await connection.execute(_FOUND, (workspace_id, domains))).fetchall()
    return _choose(keyring, domains, [KeyInUse(*row) for row in rows])


def sign_mail(workspace_id: int, mail: WireMail, *, relay_signs: bool | None = None) -> WireMail:
    """A single mail with the signatures of its From domain, unless the relay signs.

    Where `relay_signs` is not said, the workspace's first way for single mails decides.
    Raises Unavailable when a key cannot be read: the mail waits rather than going out unsigned.
    """
    if _relay_signs(workspace_id) if relay_signs is None else relay_signs:
        return mail
    domains = _domains(_from_field(mail.data))
    with in_workspace(workspace_id):
        found = [KeyInUse(*row) for row in db.session.execute(_statement(domains))]
    try:
        signers = _choose(our_keyring(), domains, found)
    except SettingsError as error:
        raise Unavailable(str(error)) from error
    return replace(mail, data=sign(mail.data, signers)) if signers else mail


def _domains(address: str) -> list[str]:
    try:
        return lineage(a_label(address.rpartition("@")[2]))
    except Invalid:
        return []


def _from_field(data: bytes) -> str:
    """The From field as far as its address's end; what we compose has one field with one address."""
    fields = relaxed_fields(data.partition(b"\r\n\r\n")[0])
    return b"".join(fields.get(b"from", ())).decode().rstrip(">")


def _statement(domains: list[str]) -> Any:
    used = (SigningKey.domain_id == SendingDomain.id) & (SigningKey.state == "active")
    domain = (SendingDomain.domain, SendingDomain.is_signing, SendingDomain.with_ed25519, SendingDomain.findings)
    return (
        select(*domain, SigningKey.selector, SigningKey.algorithm, SigningKey.private_sealed)
        .outerjoin_from(SendingDomain, SigningKey, used)
        .where(SendingDomain.domain.in_(domains))
    )


def _relay_signs(workspace_id: int) -> bool:
    """Whether the first of the ways that single mails go out by signs them itself."""
    try:
        ways = ways_of_workspace(workspace_id)
    except SettingsError:
        # All are switched off: whoever hands the mail over says so.
        return False
    return ways[0].signs if ways else signs_alone("smtp", installation_account(settings()).host)


def _choose(keyring: Keyring, domains: Sequence[str], found: list[KeyInUse]) -> list[Signer]:
    """The nearest domain with a key in use signs; one whose signing is off keeps those above it from signing."""
    for domain in domains:
        keys = [key for key in found if key.domain == domain]
        if any(not key.is_signing for key in keys):
            return []
        if signers := [_signer(keyring, key) for key in _in_order(keys)]:
            return signers
    return []


def _in_order(keys: list[KeyInUse]) -> list[KeyInUse]:
    usable = [key for key in keys if key.selector and (key.algorithm == ALGORITHMS[0] or _takes_ed25519(key))]
    if not any(key.algorithm == ALGORITHMS[0] for key in usable):
        # Ed25519 stands beside RSA, never alone: many verifiers do not know it (RFC 8463 §1).
        return []
    return sorted(usable, key=lambda key: key.algorithm != ALGORITHMS[0])


def _takes_ed25519(key: KeyInUse) -> bool:
    """Opted in, and its record in DNS at the last look: a second signature that fails may cost the first its worth."""
    records = key.findings.get("dkim", {}).get("records", {})
    return key.with_ed25519 and records.get(key.selector) == "published"


def _signer(keyring: Keyring, key: KeyInUse) -> Signer:
    return _read_signer(
        keyring, key.domain, cast(str, key.selector), cast(str, key.algorithm), bytes(key.private_sealed or b"")
    )


@lru_cache(maxsize=256)
def _read_signer(keyring: Keyring, domain: str, selector: str, algorithm: str, sealed: bytes) -> Signer:
    """Once per process: to read a key takes longer than to sign with it."""
    try:
        pem = unseal(keyring, sealed)
    except SettingsError:
        raise SettingsError(
            f"The DKIM key {selector} of {domain} was encrypted with another secret key, so its mail cannot be signed; "
            "it waits. Add the earlier key to MERPATI_SECRET_KEY_FALLBACKS, or remove the domain under Settings, "
            "Domains, and add it again."
        ) from None
    return Signer(domain, selector, read_key(pem), algorithm=cast(Algorithm, algorithm))
