"""Which domains a workspace signs for."""

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from app.core.database import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.tokens import Keyring
from app.sending.domains.keys import make_pair
from app.sending.domains.names import read_domain
from app.sending.models import SendingDomain


def add_domain(keyring: Keyring, text: str) -> SendingDomain:
    """Take a domain into the workspace in scope and make its first two keys; flushes. Raises Invalid."""
    domain = SendingDomain(domain=read_domain(text), findings={})
    try:
        with db.session.begin_nested():
            db.session.add(domain)
    except IntegrityError:
        raise Invalid(
            f"{domain.domain} is here already; its keys are as they were. Find its records below.", field="domain"
        ) from None
    make_pair(keyring, domain, "rsa-sha256")
    return domain


def all_domains() -> list[SendingDomain]:
    """The domains of the workspace in scope."""
    return list(db.session.scalars(select(SendingDomain).order_by(SendingDomain.domain)))


def lock_domain(domain_id: int) -> SendingDomain:
    """A domain whose keys nobody else changes before the end of this transaction. Raises NotFound."""
    statement = select(SendingDomain).where(SendingDomain.id == domain_id).with_for_update()
    domain = db.session.scalar(statement.execution_options(populate_existing=True))
    if domain is None:
        raise NotFound("This domain is not here any more.")
    return domain


def set_signing(domain_id: int, *, on: bool) -> SendingDomain:
    """Sign a domain's mail here, or leave that to the relay; the keys stay; flushes."""
    domain = lock_domain(domain_id)
    domain.is_signing = on
    db.session.flush()
    return domain


def set_ed25519(keyring: Keyring, domain_id: int, *, on: bool) -> SendingDomain:
    """Sign with Ed25519 beside RSA, or no more; its keys are made once and stay; flushes."""
    domain = lock_domain(domain_id)
    if on and not domain.is_signing:
        raise Conflict("Mail of this domain is not signed here. Switch signing on first, then add Ed25519.")
    domain.with_ed25519 = on
    db.session.flush()
    if on:
        make_pair(keyring, domain, "ed25519-sha256")
    return domain


def remove_domain(domain_id: int) -> str:
    """Forget a domain and its keys and return its name; flushes."""
    domain = lock_domain(domain_id)
    db.session.execute(delete(SendingDomain).where(SendingDomain.id == domain_id))
    return domain.domain
