"""Writing down what was agreed and what was withdrawn. Nothing here is ever changed afterwards."""

from typing import Any

from app.audience.models import ConsentEvent, Subscriber
from app.core import clock
from app.core.database import db

OWN_ACTS = frozenset({"form", "one-click", "preferences", "page"})
"""Sources in which the person acts; import, api and operator act for somebody else."""


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
