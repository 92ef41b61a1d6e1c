"""A provider refuses us or what we wrote: nobody's address is to blame, so an incident tells the owner."""

import re
from datetime import datetime

from app.core import clock
from app.core.database import db
from app.messages.models import Message
from app.tracking.incidents.opening import BLOCKED, LONGEST, QUIET, find_open, open_once, provider_of
from app.tracking.models import Incident

_CODE = re.compile(r"[45]\d\d[ -]")


def still_news() -> datetime:
    """Since when refusals tell of what may still go on. Older ones open nothing, and silence no newer one."""
    return clock.now() - QUIET[BLOCKED]


def feed_refusal(message: Message, reason: str, words: str, at: datetime) -> None:
    """Open the incident for this provider and reason, or add to it. Needs the workspace in scope.

    It shows the latest words; a reply with its code rather than a letter that tells of one.
    """
    if at < still_news():
        return
    workspace_id, provider = message.workspace_id, provider_of(message)
    incident = find_open(workspace_id, BLOCKED, provider, reason, lock=True)
    if incident is None:
        incident = open_once(
            Incident(
                workspace_id=workspace_id,
                kind=BLOCKED,
                provider=provider,
                reason=reason,
                began_at=at,
                seen_at=at,
                count=0,
                action="nothing",
            )
        )
    incident.count += 1
    incident.began_at, incident.seen_at = min(incident.began_at, at), max(incident.seen_at, at)
    if not (_CODE.match(incident.words) and not _CODE.match(words)):
        incident.words = words[:LONGEST] or incident.words
    db.session.flush()
