"""Reading incidents for people: what happened, what waits, what was written. Needs the workspace in scope."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, select, text

from app.accounts.models import User
from app.core import clock
from app.core.database import db
from app.core.errors import NotFound
from app.messages.models import Message
from app.tracking.incidents.bursts import LEAST, SHARE, WINDOW
from app.tracking.incidents.decisions import BELIEVED, DISCARDED, UNDER_WAY, UNDONE
from app.tracking.incidents.holding import DOUBTED
from app.tracking.incidents.opening import BLOCKED, BURST, LONGEST_HOLD
from app.tracking.incidents.reach import FAILED, binds_of, of_provider
from app.tracking.models import HeldSuppression, Incident

PAGE = 50
QUIET_AFTER = timedelta(minutes=10)
"""An incident of which nothing was heard for so long is not said to go on, though it is not over yet."""
HANDFUL = 5
"""Fewer refusals than this are listed in one line, whatever their share."""
FEW = 10
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
    def is_quiet(self) -> bool:
        """Whether it is open, and nothing was heard of it lately."""
        return self.is_open and self.incident.seen_at < clock.now() - QUIET_AFTER

    @property
    def held_until(self) -> datetime | None:
        """When a burst stops holding at the latest; None where it holds nothing now."""
        holds = self.is_open and self.incident.kind == BURST and self.incident.decision != BELIEVED
        return self.incident.opened_at + LONGEST_HOLD if holds else None

    @property
    def was_cut_short(self) -> bool:
        """Whether a burst stopped holding because a day was over, not because it fell silent."""
        ended = self.incident.ended_at
        return self.incident.kind == BURST and ended is not None and ended >= self.incident.opened_at + LONGEST_HOLD

    @property
    def count(self) -> int:
        """Messages that failed; what is held was counted after the last look."""
        return max(self.incident.count, self.waiting + self.written)

    @property
    def of(self) -> int:
        return max(self.incident.of, self.count) if self.incident.of else 0

    @property
    def until(self) -> datetime:
        """The last failure: of what was told late, when it happened."""
        incident = self.incident
        return incident.last_at or incident.seen_at

    @property
    def took_minutes(self) -> bool:
        """Whether its failures came as a burst does, and not one burst after the other."""
        return self.until - self.incident.began_at <= WINDOW

    @property
    def asks(self) -> bool:
        """Whether an owner has to decide."""
        return self.incident.kind == BURST and not self.incident.decision

    @property
    def is_under_way(self) -> bool:
        """Whether what was decided is still being carried out."""
        return self.incident.action == UNDER_WAY

    @property
    def needs_attention(self) -> bool:
        return self.asks or (self.is_open and not self.incident.decision)

    @property
    def is_small(self) -> bool:
        """Whether it is everyday: a handful of messages, and few of those that went there."""
        if self.incident.kind != BLOCKED:
            return False
        few = self.share is not None and self.share <= SHARE
        return self.count < HANDFUL or (few and self.count < LEAST)

    @property
    def share(self) -> float | None:
        return self.count / self.of if self.of >= self.count > 0 else None


@dataclass(frozen=True, slots=True)
class Held:
    """One suppression of an incident. `person` None: they were erased since, and the address is masked."""

    suppression: HeldSuppression
    person: int | None
    address: str | None


@dataclass(frozen=True, slots=True)
class Concerned:
    """A campaign with messages that came back in an incident and can be tried again."""

    campaign_id: int
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Kept:
    """Messages that a provider refused: those tried again by themselves, and those of the incident that came back."""

    waiting: int
    came_back: int
    where: tuple["Delayed", ...]
    """The campaigns under way that those tried again belong to."""


@dataclass(frozen=True, slots=True)
class Delayed:
    """A campaign with messages that a provider put off. `next_at`: when the first of them is due."""

    campaign_id: int
    name: str
    count: int
    next_at: datetime | None
    is_sending: bool


def incidents_by_need() -> list[Shown]:
    """The latest incidents: those that ask first, then those that go on by their size, then the rest, newest first."""
    asks = and_(Incident.kind == BURST, Incident.decision == "")
    goes_on = Incident.ended_at.is_(None)
    size = case((goes_on, Incident.count), else_=0)
    query = select(Incident).order_by(asks.desc(), goes_on.desc(), size.desc(), Incident.id.desc())
    return as_shown(list(db.session.scalars(query.limit(PAGE))))


def find_shown(incident_id: int) -> Shown:
    """One incident. Raises NotFound."""
    incident = db.session.scalar(select(Incident).where(Incident.id == incident_id))
    if incident is None:
        raise NotFound("There is no such incident in this workspace.")
    return as_shown([incident])[0]


def as_shown(incidents: Sequence[Incident]) -> list[Shown]:
    """These incidents with what they hold, in their order."""
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


def held_of(incident_id: int, *, after: int = 0, limit: int = FEW) -> list[Held]:
    """The suppressions of an incident with their people, in their order; `after` is the last number before."""
    query = select(HeldSuppression, Message.subscriber_id, Message.address)
    query = query.outerjoin(Message, Message.id == HeldSuppression.message_id)
    query = query.where(HeldSuppression.incident_id == incident_id, HeldSuppression.id > after)
    return [Held(*row) for row in db.session.execute(query.order_by(HeldSuppression.id).limit(limit))]


def failed_in(incident: Incident) -> list[Concerned]:
    """The campaigns whose messages failed in a burst, the largest first."""
    rows = db.session.execute(_FAILED_IN, binds_of(incident)) if incident.kind == BURST else ()
    return [Concerned(row.id, row.name, row.number) for row in rows]


def decisions_about(message_ids: Collection[int]) -> dict[int, str]:
    """What was decided, and carried out, about those of these messages whose failures were held.

    `believed` only of who was suppressed by it: whoever gave a sign of life since is `kept`.
    """
    query = (
        select(HeldSuppression.message_id, Incident.decision, Incident.action, HeldSuppression.suppression_id)
        .join(Incident, Incident.id == HeldSuppression.incident_id)
        .where(HeldSuppression.message_id.in_(message_ids), Incident.kind == BURST)
        .order_by(HeldSuppression.id)
    )
    return {
        number: "kept" if decision == BELIEVED and suppression is None else decision
        for number, decision, action, suppression in db.session.execute(query)
        if decision and action != UNDER_WAY
    }


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


def kept_of(incident: Incident) -> Kept | None:
    """Whose mail is kept although the provider refuses us now; None where an incident keeps nothing."""
    if incident.kind != BLOCKED:
        return None
    rows = db.session.execute(_KEPT, binds_of(incident)).all()
    where = [Delayed(row.id, row.name, row.waiting, row.next_at, row.state == "sending") for row in rows if row.waiting]
    return Kept(sum(row.waiting for row in rows), sum(row.came_back for row in rows), tuple(where))


def retry_reason(incident: Incident) -> str:
    """The reason by which a ledger knows the messages that may be tried again; empty for none."""
    if incident.kind == BLOCKED:
        return incident.reason
    return DOUBTED if incident.kind == BURST and incident.decision in (DISCARDED, UNDONE) else ""


def campaigns_of(incident: Incident) -> list[Concerned]:
    """Where the messages are that came back for nobody's fault; they can be tried again from the campaign's ledger."""
    reason = retry_reason(incident)
    if not reason:
        return []
    binds = {**binds_of(incident), "reason": reason}
    return [Concerned(row.id, row.name, row.number) for row in db.session.execute(_CAMPAIGNS, binds)]


# What has not been refused is not of it, though it goes to the same provider: it may wait for its hour, or its turn.
# What came back before it began, or after its end, is another incident's.
_KEPT = text(
    f"""
SELECT c.id, c.name, c.state, min(m.next_attempt_at) FILTER (WHERE m.state <> 'bounced') AS next_at,
       count(*) FILTER (WHERE m.state <> 'bounced') AS waiting,
       count(*) FILTER (WHERE m.state = 'bounced'
                              AND (SELECT max(e.at) FROM events e WHERE e.message_id = m.id AND e.kind = 'bounced')
                                  BETWEEN :began AND :until) AS came_back
FROM campaigns c JOIN messages m ON m.campaign_id = c.id
     AND (m.state = 'bounced' AND m.reason = :reason
          OR m.state = 'deferred' AND m.reason = :reason AND c.state IN ('sending', 'paused'))
WHERE c.workspace_id = :workspace AND m.workspace_id = :workspace AND {of_provider("m")}
      AND c.launched_at > now() - interval '60 days'
GROUP BY c.id ORDER BY waiting DESC, c.id DESC
"""  # noqa: S608 - only constants of the house are put together
)

_FAILED_IN = text(
    f"""
WITH {FAILED}
SELECT c.id, c.name, count(*) AS number
FROM failed f CROSS JOIN LATERAL (SELECT campaign_id FROM messages WHERE id = f.id OFFSET 0) m
JOIN campaigns c ON c.id = m.campaign_id
GROUP BY c.id ORDER BY number DESC, c.id DESC LIMIT 10
"""  # noqa: S608 - only constants of the house are put together
)

_CAMPAIGNS = text(
    f"""
SELECT c.id, c.name, count(*) AS number
FROM campaigns c JOIN messages m ON m.campaign_id = c.id AND m.state = 'bounced' AND m.reason = :reason
WHERE c.workspace_id = :workspace AND m.workspace_id = :workspace AND {of_provider("m")}
      AND EXISTS (SELECT FROM events e WHERE e.campaign_id = c.id AND e.kind = 'bounced' AND e.at >= :began
                                             AND e.at <= :until)
GROUP BY c.id, c.name ORDER BY number DESC, c.id DESC LIMIT 10
"""  # noqa: S608 - only constants of the house are put together
)


def _counts(ids: Sequence[int]) -> Sequence[Any]:
    written = func.count().filter(HeldSuppression.suppression_id.is_not(None)).label("written")
    waiting = func.count().filter(HeldSuppression.suppression_id.is_(None)).label("waiting")
    query = select(HeldSuppression.incident_id, waiting, written).where(HeldSuppression.incident_id.in_(ids))
    return db.session.execute(query.group_by(HeldSuppression.incident_id)).all()
