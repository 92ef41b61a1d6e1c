"""Writing down what was agreed and what was withdrawn. Nothing here is ever changed afterwards."""

from typing import Any

from app.audience.models import ConsentEvent, Subscriber
from app.core import clock
from app.core.database import db

OWN_ACTS = frozenset({"form", "one-click", "mailto", "preferences", "page"})
"""Sources in which the person acts; import, api and operator act for somebody else."""
REPORT, WEBHOOK = "report", "webhook:"
"""Sources that tell of the person's wish: their mailbox provider's report, and `webhook:<kind>` of a sending one."""


def is_their_wish(source: str) -> bool:
    """Whether the person wanted it, by an act of their own or as somebody tells us who heard it from them."""
    return source in OWN_ACTS or source == REPORT or source.startswith(WEBHOOK)


def record_consent(
    action: str,
    subscriber: Subscriber,
    *,
    list_id: int | None = None,
    source: str,
    wording: str = "",
    ip: str = "",
    user_agent: str = "",
    evidence: dict[str, Any] | None = None,
) -> ConsentEvent:
    """Add a fact to the person's consent record."""
    event = ConsentEvent(
        workspace_id=subscriber.workspace_id,
        at=clock.now(),
        address_hash=subscriber.address_hash,
        subscriber_id=subscriber.id,
        list_id=list_id,
        action=action,
        source=source,
        wording=wording,
        ip=ip,
        user_agent=user_agent[:500],
        evidence=evidence or {},
    )
    db.session.add(event)
    db.session.flush()
    return event
