"""Addresses never to be mailed. Kept as a keyed hash, so they outlive the person's row and every import."""

from collections.abc import Collection
from enum import StrEnum

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert

from app.accounts.models import Workspace
from app.audience.addresses import address_hash, mask, normalise
from app.audience.models import MailingList, Subscriber, Suppression
from app.core import clock
from app.core.database import current_workspace_id, db
from app.core.errors import Invalid, NotFound


class Reason(StrEnum):
    """Why an address is suppressed, the weakest first: a stronger reason takes the place of a weaker one."""

    BOUNCED = "bounced"
    IMPORTED = "imported"
    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"
    MANUAL = "manual"
    ERASED = "erased"


LIFTED_BY_CONFIRMING = frozenset(Reason) - {Reason.MANUAL}
"""Somebody who confirms from that very mailbox wants mail and gets it; what an operator decided stays."""
WITHDRAWN = frozenset({Reason.UNSUBSCRIBED, Reason.COMPLAINED, Reason.MANUAL, Reason.ERASED})
"""Reasons that are somebody's will; a bounce is only a fault of the mailbox."""


def suppress(
    who: Subscriber | str,
    reason: str,
    *,
    list_id: int | None = None,
    evidence: str = "",
    message_id: int | None = None,
) -> Suppression:
    """Never mail this address again, in the workspace or on one list. Twice is once; returns the active suppression."""
    reason = _reason(reason)
    if list_id is not None:
        _check_list(list_id)
    workspace_id, address, digest = _identify(who)
    active = _active(workspace_id, digest, list_id)
    if active is not None:
        if _strength(active.reason) >= _strength(reason):
            return active
        active.lifted_at = clock.now()
        db.session.flush()
    db.session.execute(
        insert(Suppression)
        .values(
            workspace_id=workspace_id,
            created_at=clock.now(),
            address_hash=digest,
            hint=mask(address),
            list_id=list_id,
            reason=reason,
            evidence=evidence,
            message_id=message_id,
        )
        .on_conflict_do_nothing()
    )
    made = _active(workspace_id, digest, list_id)
    if made is None or _strength(made.reason) < _strength(reason):
        # Somebody wrote a weaker one, or lifted one, at the same moment: theirs is seen now.
        return suppress(who, reason, list_id=list_id, evidence=evidence, message_id=message_id)
    return made


def lift(suppression_id: int, *, note: str = "") -> Suppression:
    """Allow mail again. Subscriptions stay as they are: who unsubscribed must come back by an act of their own."""
    suppression = db.session.scalar(select(Suppression).where(Suppression.id == suppression_id).with_for_update())
    if suppression is None:
        raise NotFound("There is no such suppression in this workspace.")
    if suppression.lifted_at is None:
        suppression.lifted_at = clock.now()
        if note.strip():
            suppression.evidence = f"{suppression.evidence}\nLifted: {note.strip()}".strip()
        db.session.flush()
    return suppression


def lift_for(subscriber: Subscriber, list_id: int | None, reasons: Collection[str]) -> list[Suppression]:
    """Lift what stands in the person's own way, for the workspace and that list, as far as the reasons go."""
    where = [
        Suppression.workspace_id == subscriber.workspace_id,
        Suppression.address_hash == subscriber.address_hash,
        Suppression.lifted_at.is_(None),
        Suppression.reason.in_(reasons),
        Suppression.list_id.is_(None)
        if list_id is None
        else or_(Suppression.list_id.is_(None), Suppression.list_id == list_id),
    ]
    found = list(db.session.scalars(select(Suppression).where(*where).with_for_update()))
    for suppression in found:
        suppression.lifted_at = clock.now()
    db.session.flush()
    return found


def is_suppressed(
    who: Subscriber | str, list_id: int | None = None, *, reasons: Collection[str] = frozenset(Reason)
) -> bool:
    """Whether the address must not be mailed for one of the reasons: at all, or, with `list_id`, through that list."""
    workspace_id, _address, digest = _identify(who)
    everywhere = Suppression.list_id.is_(None)
    found = select(Suppression.id).where(
        Suppression.workspace_id == workspace_id,
        Suppression.address_hash == digest,
        Suppression.lifted_at.is_(None),
        Suppression.reason.in_(reasons),
        everywhere if list_id is None else or_(everywhere, Suppression.list_id == list_id),
    )
    return db.session.scalar(found.limit(1)) is not None


def follow_address(old_hash: bytes, subscriber: Subscriber) -> None:
    """A person's address was corrected: what stood against the old one stands against the new one as well."""
    for suppression in db.session.scalars(
        select(Suppression).where(Suppression.address_hash == old_hash, Suppression.lifted_at.is_(None))
    ).all():
        if suppression.reason in (Reason.UNSUBSCRIBED, Reason.COMPLAINED, Reason.MANUAL):
            suppress(subscriber, suppression.reason, list_id=suppression.list_id, evidence=suppression.evidence)


def workspace_address_key() -> bytes:
    """The key of this workspace's address hashes."""
    key = db.session.scalar(select(Workspace.address_key).where(Workspace.id == current_workspace_id()))
    assert key is not None
    return key


def _identify(who: Subscriber | str) -> tuple[int, str, bytes]:
    if isinstance(who, Subscriber):
        return who.workspace_id, who.address, who.address_hash
    address = normalise(who).address
    return current_workspace_id(), address, address_hash(workspace_address_key(), address)


def _reason(text: str) -> Reason:
    try:
        return Reason(text)
    except ValueError:
        raise Invalid(f"{text!r} is not a reason. Choose one of {', '.join(Reason)}.", field="reason") from None


def _strength(reason: str) -> int:
    return list(Reason).index(Reason(reason))


def _active(workspace_id: int, digest: bytes, list_id: int | None) -> Suppression | None:
    return db.session.scalar(
        select(Suppression).where(
            Suppression.workspace_id == workspace_id,
            Suppression.address_hash == digest,
            Suppression.list_id.is_(None) if list_id is None else Suppression.list_id == list_id,
            Suppression.lifted_at.is_(None),
        )
    )


def _check_list(list_id: int) -> None:
    if db.session.scalar(select(MailingList.id).where(MailingList.id == list_id)) is None:
        raise NotFound("There is no such list in this workspace.")
