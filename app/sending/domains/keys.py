"""Signing keys: made in pairs, so that the next one is in DNS long before it signs."""

import secrets

from sqlalchemy import select

from app.core import clock
from app.core.database import db
from app.core.tokens import Keyring
from app.mail.dkim_keys import Algorithm, make_key, public_record, read_key
from app.sending.models import SendingDomain, SigningKey
from app.sending.seal import seal

ALGORITHMS: tuple[Algorithm, ...] = ("rsa-sha256", "ed25519-sha256")
_FIRST_LETTERS = {"rsa-sha256": "m", "ed25519-sha256": "e"}
_LETTERS = "bcdfghjkmnpqrstvwxz"


def add_key(keyring: Keyring, domain: SendingDomain, algorithm: Algorithm) -> SigningKey:
    """Make a next key for a domain; flushes. Its private half is stored encrypted and never shown."""
    pem = make_key(algorithm)
    key = SigningKey(
        domain_id=domain.id,
        workspace_id=domain.workspace_id,
        selector=_new_selector(algorithm),
        algorithm=algorithm,
        private_sealed=seal(keyring, pem),
        public=public_record(read_key(pem)),
        state="next",
    )
    db.session.add(key)
    db.session.flush()
    return key


def make_pair(keyring: Keyring, domain: SendingDomain, algorithm: Algorithm) -> None:
    """Make keys until there are two that sign or will: the one in use and the one after it; flushes."""
    waiting = [key for key in keys_of(domain) if key.algorithm == algorithm and key.state != "retired"]
    for _missing in range(2 - len(waiting)):
        add_key(keyring, domain, algorithm)


def keys_of(domain: SendingDomain) -> list[SigningKey]:
    """The keys of a domain as the database has them now, the oldest first."""
    statement = select(SigningKey).where(SigningKey.domain_id == domain.id).order_by(SigningKey.id)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def needed_keys(domain: SendingDomain) -> list[SigningKey]:
    """Those whose records belong into DNS: of what it signs with, and those retired of late."""
    chosen = algorithms_of(domain)
    return [key for key in keys_of(domain) if key.algorithm in chosen or key.state == "retired"]


def algorithms_of(domain: SendingDomain) -> tuple[Algorithm, ...]:
    """What a domain signs with."""
    return ALGORITHMS if domain.with_ed25519 else ALGORITHMS[:1]


def _new_selector(algorithm: Algorithm) -> str:
    """A kind, a month and six letters by chance: a name is never used again, not by another workspace either.

    Resolvers keep a record for its time to live, so a name that came back with another key would fail for a while.
    """
    letters = "".join(secrets.choice(_LETTERS) for _ in range(6))
    return f"{_FIRST_LETTERS[algorithm]}{clock.now():%Y%m}{letters}"
