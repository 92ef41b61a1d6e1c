"""Reading incidents for people: what happened, what waits, what was written. Needs the workspace in scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, select, text

from app.accounts.models import User
from app.core.database import current_workspace_id, db
from app.core.errors import NotFound
from app.messages.dead_addresses import provider_sql
from app.tracking.incidents.opening import BLOCKED, BURST
from app.tracking.models import HeldSuppression, Incident

PAGE = 50
FEW = 20
"""Addresses shown of an incident: enough to see what sort they are."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An incident with the number of suppressions it holds back, and of those that came from it and are in force."""

    incident: Incident
    waiting: int
    written: int
    decided_by: str

    @property
    def is_open(self) -> bool:
        return self.incident.ended_at is None

    @property
    def asks(self) -> bool:
        """Whether an owner has to decide."""
        return self.incident.kind == BURST and not self.incident.decision

    @property
    def needs_attention(self) -> bool:
        return self.asks or self.is_open

    @property
    def share(self) -> float | None:
        return self.incident.count / self.incident.of if self.incident.of >= self.incident.count > 0 else None


@dataclass(frozen=True, slots=True)
class Concerned:
    """A campaign with messages that came back in an incident and can be tried again."""

    campaign_id: int
    name: str
    count: int


def incidents_by_need() -> list[Shown]:
    """The latest incidents: those that ask first, then those that go on, then the rest; the newest first in each."""
    asks = and_(Incident.kind == BURST, Incident.decision == "")
    query = select(Incident).order_by(asks.desc(), Incident.ended_at.is_(None).desc(), Incident.id.desc())
    return _shown(list(db.session.scalars(query.limit(PAGE))))


def find_shown(incident_id: int) -> Shown:
    """One incident. Raises NotFound."""
    incident = db.session.scalar(select(Incident).where(Incident.id == incident_id))
    if incident is None:
        raise NotFound("There is no such incident in this workspace.")
    return _shown([incident])[0]


def held_of(incident_id: int) -> list[HeldSuppression]:
    """The first suppressions of an incident, for looking at."""
    query = select(HeldSuppression).where(HeldSuppression.incident_id == incident_id)
    return list(db.session.scalars(query.order_by(HeldSuppression.id).limit(FEW)))


def count_asking() -> int:
    """How many incidents wait for a decision."""
    query = select(func.count()).select_from(Incident).where(Incident.kind == BURST, Incident.decision == "")
    return db.session.scalar(query) or 0


def incident_of(message_id: int | None, suppression_id: int) -> int | None:
    """The incident that a suppression came from, if any."""
    if message_id is None:
        return None
    bursts = select(Incident.id).where(Incident.kind == BURST)
    return db.session.scalar(
        select(HeldSuppression.incident_id).where(
            HeldSuppression.incident_id.in_(bursts),
            HeldSuppression.message_id == message_id,
            HeldSuppression.suppression_id == suppression_id,
        )
    )


def campaigns_of(incident: Incident) -> list[Concerned]:
    """Where the messages are that a refusal sent back; they can be tried again from the campaign's ledger."""
    if incident.kind != BLOCKED:
        return []
    binds = {
        "workspace": current_workspace_id(),
        "provider": incident.provider,
        "reason": incident.reason,
        "began": incident.began_at,
        "ended": incident.ended_at,
    }
    return [Concerned(row.id, row.name, row.number) for row in db.session.execute(_CAMPAIGNS, binds)]


_CAMPAIGNS = text(
    f"""
SELECT c.id, c.name, count(*) AS number
FROM campaigns c JOIN messages m ON m.campaign_id = c.id AND m.state = 'bounced' AND m.reason = :reason
WHERE c.workspace_id = :workspace AND m.workspace_id = :workspace AND {provider_sql("m")} = :provider
      AND EXISTS (SELECT FROM events e WHERE e.campaign_id = c.id AND e.kind = 'bounced' AND e.at >= :began
                                             AND (CAST(:ended AS timestamptz) IS NULL OR e.at <= :ended))
GROUP BY c.id, c.name ORDER BY number DESC, c.id DESC LIMIT 10
"""  # noqa: S608 - only constants of the house are put together
)


def _shown(incidents: Sequence[Incident]) -> list[Shown]:
    ids = [incident.id for incident in incidents]
    counts = {row.incident_id: row for row in _counts(ids)}
    wanted = {incident.decided_by for incident in incidents if incident.decided_by}
    names = {user.id: user.name or user.email for user in db.session.scalars(select(User).where(User.id.in_(wanted)))}
    return [
        Shown(
            incident,
            counts[incident.id].waiting if incident.id in counts else 0,
            counts[incident.id].written if incident.id in counts else 0,
            names.get(incident.decided_by or 0, ""),
        )
        for incident in incidents
    ]


def _counts(ids: Sequence[int]) -> Sequence[Any]:
    written = func.count().filter(HeldSuppression.suppression_id.is_not(None)).label("written")
    waiting = func.count().filter(HeldSuppression.suppression_id.is_(None)).label("waiting")
    query = select(HeldSuppression.incident_id, waiting, written).where(HeldSuppression.incident_id.in_(ids))
    return db.session.execute(query.group_by(HeldSuppression.incident_id)).all()
