"""Temporary failures of an address: one point a day, which go stale, and which any sign of life takes back.

Needs the workspace in scope. A day on which something got through is no day of failure, in whichever order both are
heard of.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import delete, func, or_, select, text

from app.accounts.models import Workspace
from app.audience.addresses import address_hash, normalise
from app.audience.models import ConsentEvent
from app.core import clock
from app.core.database import db
from app.messages.dead_addresses import POINT
from app.messages.models import Event, Message
from app.tracking.models import BouncePoint

SILENCE = timedelta(days=3)
"""A message that was taken and of which nothing came back for so long got through."""
_SIGNS = ("delivered", "replied", "unsubscribed", "complained")

_ADD = text(
    f"""
WITH failed AS (
    SELECT m.workspace_id, m.id AS message_id, m.address, CAST(:reason AS text) AS reason,
           CAST(:evidence AS text) AS evidence, CAST(:at AS timestamptz) AS at
    FROM messages m WHERE m.id = :message AND m.workspace_id = :workspace
)
{POINT}
"""  # noqa: S608 - only constants of the house are put together
)


def add_point(message: Message, reason: str, evidence: str, at: datetime) -> None:
    """Count the day against the address, once."""
    binds = {"message": message.id, "workspace": message.workspace_id, "reason": reason, "evidence": evidence, "at": at}
    db.session.execute(_ADD, binds)


def forget_points(message: Message, until: datetime) -> None:
    """The address lives: the days up to that one count no more."""
    day = until.astimezone(UTC).date()
    db.session.execute(
        delete(BouncePoint).where(
            BouncePoint.workspace_id == message.workspace_id,
            BouncePoint.address_hash == _hash(message),
            BouncePoint.day <= day,
        )
    )


def enough_points(message: Message) -> str:
    """The evidence for giving the address up by the workspace's policy; empty while there is not enough.

    The points are used up by that: somebody who lifts the suppression begins anew.
    """
    policy = db.session.get_one(Workspace, message.workspace_id)
    digest = _hash(message)
    points = _fresh(digest, clock.now().date() - timedelta(days=policy.bounce_stale))
    if not _suffice(points, policy):
        return ""
    lived = _last_sign(message)
    points = [point for point in points if lived is None or point.day > lived]
    if not _suffice(points, policy):
        return ""
    db.session.execute(delete(BouncePoint).where(BouncePoint.address_hash == digest))
    return _evidence(points)


def _hash(message: Message) -> bytes:
    workspace = db.session.get_one(Workspace, message.workspace_id)
    return address_hash(workspace.address_key, normalise(message.address).address)


def _fresh(digest: bytes, since: date) -> list[BouncePoint]:
    query = select(BouncePoint).where(BouncePoint.address_hash == digest, BouncePoint.day >= since)
    return list(db.session.scalars(query.order_by(BouncePoint.day)))


def _suffice(points: Sequence[BouncePoint], policy: Workspace) -> bool:
    if len(points) < max(policy.bounce_days, 1):
        return False
    return points[-1].day - points[0].day >= timedelta(days=policy.bounce_span)


def _last_sign(message: Message) -> date | None:
    """The day of the last sign of life: delivered mail, an act of the person's, or mail that did not come back.

    One that was asked for from that mailbox, by confirming a subscription, is such an act.
    """
    heard = db.session.scalar(
        select(func.max(Event.at)).where(
            Event.subscriber_id == message.subscriber_id, or_(Event.label == "human", Event.kind.in_(_SIGNS))
        )
    )
    taken = db.session.scalar(
        select(func.max(Message.sent_at)).where(
            Message.subscriber_id == message.subscriber_id,
            Message.state == "sent",
            Message.sent_at < clock.now() - SILENCE,
        )
    )
    confirmed = db.session.scalar(
        select(func.max(ConsentEvent.at)).where(
            ConsentEvent.address_hash == _hash(message), ConsentEvent.action == "confirmed"
        )
    )
    signs = [at for at in (heard, taken, confirmed) if at is not None]
    return max(signs).astimezone(UTC).date() if signs else None


def _evidence(points: Sequence[BouncePoint]) -> str:
    first, last = points[0].day, points[-1].day
    days = "; ".join(f"{point.day} {point.reason}" for point in points)
    words = next((point.evidence for point in reversed(points) if point.evidence), "")
    return f"Mail failed for a while on {len(points)} days from {first} to {last}: {days}. Last words: {words}"[:2000]
