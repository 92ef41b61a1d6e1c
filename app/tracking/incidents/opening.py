"""Opening an incident: one at a time for each workspace, kind, provider and reason."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, text, update

from app.core import clock
from app.core.database import current_workspace_id, db
from app.messages.models import Message
from app.tracking.incidents.counting import Failures
from app.tracking.models import Incident

BLOCKED, BURST = "blocked", "burst"
QUIET = {BLOCKED: timedelta(days=1), BURST: timedelta(minutes=30)}
"""An incident of which nothing was heard for so long is over."""
LONGEST_HOLD = timedelta(days=1)
"""A burst holds no longer, so that nobody keeps it open by going on: what is held still waits for a decision, and what
fails after that is judged anew."""
LONGEST = 500


def find_open(workspace_id: int, kind: str, provider: str, reason: str, *, lock: bool = False) -> Incident | None:
    """The incident that goes on, if any; one that has fallen silent is over."""
    now = clock.now()
    query = select(Incident).where(
        *_of_sort(workspace_id, kind, provider, reason), Incident.seen_at >= now - QUIET[kind]
    )
    if kind == BURST:
        query = query.where(Incident.opened_at >= now - LONGEST_HOLD)
    if lock:
        query = query.with_for_update(key_share=True)
    # The latest: beside one that was believed, another may have been opened.
    return db.session.scalar(query.order_by(Incident.id.desc()).limit(1).execution_options(populate_existing=True))


def open_once(incident: Incident) -> Incident:
    """The incident that goes on, locked; the given one if there is none. Of two workers at once, one opens it."""
    _one_at_a_time(incident)
    found = find_open(incident.workspace_id, incident.kind, incident.provider, incident.reason, lock=True)
    if found is not None:
        return found
    db.session.execute(
        update(Incident)
        .where(*_of_sort(incident.workspace_id, incident.kind, incident.provider, incident.reason))
        .values(ended_at=clock.now())
    )
    db.session.add(incident)
    db.session.flush()
    return incident


def open_for(kind: str, failures: Failures, action: str, *, told_late: bool = False) -> Incident:
    """The same, for failures counted in the workspace in scope; `told_late`: they are over, and heard of now."""
    return open_once(_made_of(kind, failures, action, told_late))


def open_beside(believed: Incident, failures: Failures, action: str, *, told_late: bool) -> Incident:
    """Another of the same sort, since these failures are not what was believed; the one that somebody opened first.

    Nothing of the believed one is written, which many hold who write what came of it: each would wait for the others.
    It ends with the next look. If it was undone at this moment, it goes on and sees to them itself.
    """
    _one_at_a_time(believed)
    found = find_open(believed.workspace_id, believed.kind, believed.provider, believed.reason)
    if found is None:
        return open_for(believed.kind, failures, action, told_late=told_late)
    # Waits for who undoes it, and lets him wait.
    still = select(Incident.id).where(Incident.id == found.id, Incident.decision == "believed")
    if found.id != believed.id or db.session.scalar(still.with_for_update(read=True)) is None:
        db.session.refresh(found)
        return found
    made = _made_of(believed.kind, failures, action, told_late)
    db.session.add(made)
    db.session.flush()
    return made


def end_followed(incident: Incident, believed_at: datetime) -> None:
    """End a burst beside which another was opened after it was believed: from then on that one is asked about."""
    sort = _of_sort(incident.workspace_id, incident.kind, incident.provider, incident.reason)
    began = db.session.scalar(select(func.min(Incident.began_at)).where(*sort, Incident.id > incident.id))
    if began is not None and incident.ended_at is None:
        incident.ended_at = max(believed_at, began)


def _one_at_a_time(incident: Incident) -> None:
    key = f"incident:{incident.workspace_id}:{incident.kind}:{incident.provider}:{incident.reason}"
    db.session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def _made_of(kind: str, failures: Failures, action: str, told_late: bool) -> Incident:
    now = clock.now()
    return Incident(
        workspace_id=current_workspace_id(),
        kind=kind,
        provider=failures.provider,
        reason=failures.reason,
        began_at=failures.first,
        opened_at=now,
        last_at=failures.last if told_late else None,
        seen_at=now if told_late else failures.last,
        count=failures.count,
        of=failures.of,
        words=failures.words[:LONGEST],
        action=action,
    )


def _of_sort(workspace_id: int, kind: str, provider: str, reason: str) -> tuple[ColumnElement[bool], ...]:
    return (
        Incident.workspace_id == workspace_id,
        Incident.kind == kind,
        Incident.provider == provider,
        Incident.reason == reason,
        Incident.ended_at.is_(None),
    )


def is_over(kind: str, at: datetime) -> bool:
    """Whether a fact of that time is too old to tell of anything that goes on."""
    return at < clock.now() - QUIET[kind]


def provider_of(message: Message) -> str:
    """As `messages.dead_addresses.provider_sql`: the provider, or the domain while it is not known."""
    if message.provider and message.provider != "none":
        return message.provider
    domain = message.address.rpartition("@")[2].lower()
    return db.session.scalar(_PROVIDER, {"domain": domain}) or domain


_PROVIDER = text("SELECT provider FROM mailbox_domains WHERE domain = :domain AND provider <> 'none'")
