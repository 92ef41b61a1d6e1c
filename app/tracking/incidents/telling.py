"""Owners are told by mail of incidents that hold something: each once, and at most one mail an hour.

Nothing is remembered but rows: an incident that nobody was told of has no `told_at`, and a mail that is still to be
queued no `queued_at`. So a worker that dies anywhere in between leaves the rest to the next look.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, Select, and_, column, exists, func, or_, select, table, update

from app.accounts.models import Membership, Role, User, Workspace
from app.core import clock
from app.core.database import current_workspace_id, db, every_workspace, in_workspace
from app.core.extensions import enqueue_job
from app.core.jobs import Job
from app.mail.reasons import OF_SENDER, REASONS
from app.tracking.incidents.opening import BLOCKED, BURST
from app.tracking.incidents.queries import Shown, as_shown
from app.tracking.models import Incident, IncidentNotice

INCIDENT = "incident"
"""Its name among the system's own mails; their row is the notice."""
PAUSE = timedelta(hours=1)
"""Between two mails to the owners of a workspace; what comes meanwhile stands in the next."""
_AT_ONCE = 500
_LANES = sorted(word for word, reason in REASONS.items() if reason.scope in OF_SENDER)
"""Reasons for which mail to a provider rests: they refuse who sends it."""


def tell_owners() -> int:
    """Write down whom to tell of what, and queue the mails; commits. Returns how many were queued."""
    with every_workspace():
        untold = select(Incident.workspace_id).where(Incident.told_at.is_(None), *_still_needs_somebody())
        workspaces = db.session.scalars(untold.distinct()).all()
        db.session.commit()
    for workspace_id in sorted(workspaces):
        with in_workspace(workspace_id):
            _write_notices()
            db.session.commit()
    waiting = _waiting()
    for number in waiting:
        enqueue_job(Job.SEND_SYSTEM_MAIL, INCIDENT, number, once_as=f"mail-{INCIDENT}-{number}")
    return len(waiting)


def news_of(incident_ids: Sequence[int]) -> list[Shown]:
    """Those that still need somebody: what asks for a decision first, then the largest. Needs a workspace in scope."""
    query = select(Incident).where(Incident.id.in_(incident_ids), *_still_needs_somebody())
    shown = as_shown(db.session.scalars(query.order_by(Incident.id)).all())
    return sorted(shown, key=lambda one: (not one.asks, -one.count, one.incident.id))


def owner_of(workspace_id: int, user_id: int) -> User | None:
    """The person, if they can sign in and own the workspace still."""
    return db.session.scalar(_owners(workspace_id).where(User.id == user_id))


def _write_notices() -> None:
    # One at a time for a workspace, or two looks at once would each find that the hour is over.
    locked = select(Workspace).where(Workspace.id == current_workspace_id()).with_for_update(key_share=True)
    workspace = db.session.scalars(locked.execution_options(populate_existing=True)).one()
    now = clock.now()
    last = db.session.scalar(select(func.max(IncidentNotice.created_at)))
    if last is not None and last > now - PAUSE:
        return
    untold = select(Incident.id).where(Incident.told_at.is_(None), *_still_needs_somebody())
    # What asks for a decision and what is large comes first: everyday refusals without number must not hide it.
    first = untold.order_by(Incident.kind == BLOCKED, Incident.count.desc(), Incident.id).limit(_AT_ONCE)
    found = news_of(db.session.scalars(first).all())
    news = [shown.incident.id for shown in found if not shown.is_small]
    if not news:
        return
    db.session.execute(update(Incident).where(Incident.id.in_(news)).values(told_at=now))
    if workspace.tells_owners:
        for owner in db.session.scalars(_owners(workspace.id).order_by(User.id)):
            db.session.add(IncidentNotice(user_id=owner.id, incidents=news, created_at=now))
    db.session.flush()


def _still_needs_somebody() -> list[ColumnElement[bool]]:
    """A burst until somebody decides, though it may be over; a lane while it is refused; a campaign while it rests."""
    row, campaigns = Incident, table("campaigns", column("id"), column("workspace_id"), column("state"))
    rests = exists().where(
        campaigns.c.id == row.campaign_id,
        campaigns.c.workspace_id == row.workspace_id,
        campaigns.c.state == "paused",
    )
    return [
        row.decision == "",
        or_(
            and_(row.kind == BURST, row.action == "held"),
            and_(row.kind == BLOCKED, row.ended_at.is_(None), or_(row.action == "held", row.reason.in_(_LANES))),
            and_(row.kind == "complaints", row.ended_at.is_(None), row.action == "paused", rests),
        ),
    ]


def _owners(workspace_id: int) -> Select[User]:
    query = select(User).join(Membership, Membership.user_id == User.id)
    return query.where(
        Membership.workspace_id == workspace_id, Membership.role == Role.OWNER.value, User.active.is_(True)
    )


def _waiting() -> Sequence[int]:
    with every_workspace():
        row, outgoing = IncidentNotice, table("outgoing_mails", column("kind"), column("row_id"))
        # One that was composed and may not leave yet is seen to by its outgoing mail.
        is_seen_to = exists().where(outgoing.c.kind == INCIDENT, outgoing.c.row_id == row.id)
        waiting = select(row.id).where(row.queued_at.is_(None), ~is_seen_to).order_by(row.id).limit(_AT_ONCE)
        found = db.session.scalars(waiting).all()
        db.session.commit()
    return found
