"""What is on record of many messages, read at once: as `recording` answers for one. Needs the workspace in scope."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select

from app.core.database import db
from app.messages.models import Event, Message
from app.tracking.acting.facts import Told
from app.tracking.acting.recording import EVENTS, event_id, is_of_attempt


class _Noted(NamedTuple):
    id: UUID
    kind: str
    at: datetime
    reason: str | None
    persistence: str | None
    effect: str | None
    taken: datetime | None


class Record:
    """The events of some messages as they stood when this was made."""

    def __init__(self, message_ids: Iterable[int]) -> None:
        query = select(
            Event.message_id,
            Event.id,
            Event.kind,
            Event.at,
            Event.data["reason"].astext,
            Event.data["persistence"].astext,
            Event.data["effect"].astext,
            Message.sent_at,
        )
        query = query.join(Message, Message.id == Event.message_id).where(
            Event.message_id.in_(list(message_ids)), Event.kind.in_(set(EVENTS.values()))
        )
        self._noted: dict[int, list[_Noted]] = defaultdict(list)
        for row in db.session.execute(query):
            self._noted[row[0]].append(_Noted(*row[1:]))

    def is_known(self, one: Told) -> bool:
        """As `recording.is_known`."""
        kind = EVENTS[one.fact.kind]
        noted = [event for event in self._noted.get(one.message_id, ()) if event.kind == kind]
        if not noted:
            return False
        number = event_id(one.message_id, one.fact, one.source)
        return any(event.id == number for event in noted) or _is_told_otherwise(one, noted)

    def has_bounced_for(self, message_id: int, reason: str, since: datetime) -> bool:
        """As `recording.has_bounced_for`."""
        return any(event.reason == reason and event.at >= since for event in self._bounces(message_id))

    def was_found_dead(self, message_id: int, at: datetime) -> bool:
        """As `recording.was_found_dead`."""
        return any(
            event.effect == "suppress" and is_of_attempt(at, event.at, event.taken)
            for event in self._bounces(message_id)
        )

    def _bounces(self, message_id: int) -> list[_Noted]:
        return [event for event in self._noted.get(message_id, ()) if event.kind == "bounced"]


def _is_told_otherwise(one: Told, noted: list[_Noted]) -> bool:
    if one.fact.kind == "complaint":
        return True
    if one.fact.kind != "bounce":
        return False
    begin = one.at.replace(hour=0, minute=0, second=0, microsecond=0)
    alike = (one.fact.reason, one.fact.persistence)
    return any(
        (event.reason, event.persistence) == alike
        and begin <= event.at < begin + timedelta(days=1)
        and is_of_attempt(one.at, event.at, event.taken)
        for event in noted
    )
