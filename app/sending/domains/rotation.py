"""The turns of keys: next → active → retired. Who turns them holds the domain's row (`lock_domain`).

Nothing in flight is lost: what is signed stays signed, and the old record stays in DNS for `KEPT`.
"""

from datetime import timedelta

from app.core import clock
from app.core.database import db
from app.core.errors import Conflict
from app.core.tokens import Keyring
from app.mail.dkim_keys import Algorithm
from app.sending.domains.keys import algorithms_of, keys_of, make_pair
from app.sending.domains.setup import lock_domain
from app.sending.models import SendingDomain, SigningKey

KEPT = timedelta(days=7)
"""How long the record of a retired key stays in DNS: relays try for five days, and readers' programs verify late."""


def rotate(keyring: Keyring, domain_id: int, active_id: int) -> SendingDomain:
    """Sign with the next key from now on, and make the one after it; flushes.

    `active_id` is the key that the caller saw at work: of two who rotate at once, the second is told (Conflict).
    Ed25519 turns as well where its next record is in DNS.
    """
    domain = lock_domain(domain_id)
    active, following = pair_of(keys_of(domain), "rsa-sha256")
    if active is None or active.id != active_id:
        raise Conflict(
            "The key that you saw is not in use any more: somebody rotated meanwhile. Nothing was changed; look again."
        )
    if following is None or not is_published(domain, following):
        name = following.selector if following else "the next key"
        raise Conflict(
            f"The record of {name} was not in DNS at the last look, so nothing was changed. "
            "Publish it, check, then rotate."
        )
    for algorithm in algorithms_of(domain):
        _turn(keyring, domain, algorithm)
    return domain


def sign_anyway(domain_id: int) -> SendingDomain:
    """Use the first RSA key although DNS did not show its record; flushes. Raises Conflict when one is in use."""
    domain = lock_domain(domain_id)
    active, following = pair_of(keys_of(domain), "rsa-sha256")
    if active is not None or following is None:
        raise Conflict("This domain's mail is signed already. Nothing was changed.")
    _activate(following)
    return domain


def activate_published(domain: SendingDomain) -> list[SigningKey]:
    """Put keys to work that DNS shows, where none is; flushes. The domain is locked."""
    begun = []
    for algorithm in algorithms_of(domain):
        keys = [key for key in keys_of(domain) if key.algorithm == algorithm]
        ready = [key for key in keys if key.state == "next" and is_published(domain, key)]
        if ready and not any(key.state == "active" for key in keys):
            _activate(ready[0])
            begun.append(ready[0])
    return begun


def pair_of(keys: list[SigningKey], algorithm: Algorithm) -> tuple[SigningKey | None, SigningKey | None]:
    """The key in use and the first of those that wait."""
    keys = [key for key in keys if key.algorithm == algorithm]
    active = next((key for key in keys if key.state == "active"), None)
    return active, next((key for key in keys if key.state == "next"), None)


def is_published(domain: SendingDomain, key: SigningKey) -> bool:
    """Whether the last look into DNS found the key's record as it should be."""
    records = domain.findings.get("dkim", {}).get("records", {})
    return bool(records.get(key.selector) == "published")


def _turn(keyring: Keyring, domain: SendingDomain, algorithm: Algorithm) -> None:
    active, following = pair_of(keys_of(domain), algorithm)
    if active is None or following is None or not is_published(domain, following):
        return
    active.state, active.retired_at = "retired", clock.now()
    # Only its public half is of use from here on.
    active.private_sealed = b""
    # Before the next line, since there is one active key at most.
    db.session.flush()
    _activate(following)
    make_pair(keyring, domain, algorithm)


def _activate(key: SigningKey) -> None:
    key.state, key.activated_at = "active", clock.now()
    db.session.flush()
