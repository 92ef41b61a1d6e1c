"""Owners are told by mail of incidents that hold something: each once, and at most one mail an hour for each kind.

So a lesser matter never keeps a graver one waiting: what comes up of a kind that had its mail waits until the hour is
over, or goes along with the next mail of another kind. What could not leave for long leaves as one mail, with what
still needs somebody then.

Nothing is remembered but rows: an incident that nobody was told of has no `told_at`, and a mail that is still to be
queued no `queued_at`. So a worker that dies anywhere in between leaves the rest to the next look.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, column, exists, or_, select, table, update

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
PAUSED = "paused"
PAUSE = timedelta(hours=1)
"""Between two mails about one kind to the owners of a workspace; what comes meanwhile stands in the next."""
RECENT = timedelta(days=7)
"""What was last seen longer ago is told by no mail any more: its page shows it."""
_AT_ONCE = 500
_outgoing = table("outgoing_mails", column("kind"), column("row_id"), column("reply"))
"""Kept by the room that sends, which this one does not know."""
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
    """Those that still need somebody: paused campaigns first, then what asks for a decision, then the largest.

    Needs a workspace in scope.
    """
    query = select(Incident).where(Incident.id.in_(incident_ids), *_still_needs_somebody())
    shown = as_shown(db.session.scalars(query.order_by(Incident.id)).all())
    return sorted(shown, key=lambda one: (one.incident.action != PAUSED, not one.asks, -one.count, one.incident.id))


def that_go_on(most: int) -> list[Shown]:
    """Incidents that need somebody without asking for a decision, as owners are told of them; so many at most."""
    waiting = select(Incident).where(*_still_needs_somebody(), Incident.kind != BURST)
    query = waiting.order_by(Incident.action != PAUSED, Incident.count.desc(), Incident.id).limit(_AT_ONCE)
    return [one for one in as_shown(db.session.scalars(query).all()) if not one.is_small][:most]


def gather(notice_id: int) -> IncidentNotice | None:
    """The notice, with what all others to the same owner tell that wait as well: those are gone then.

    None when it is gone itself. Locks it until the end of the transaction.
    """
    mine = db.session.get(IncidentNotice, notice_id)
    if mine is None:
        return None
    alike = IncidentNotice.workspace_id == mine.workspace_id, IncidentNotice.user_id == mine.user_id
    locked = select(IncidentNotice).where(*alike, or_(IncidentNotice.id == notice_id, _waits())).with_for_update()
    found = db.session.scalars(locked.order_by(IncidentNotice.id).execution_options(populate_existing=True)).all()
    # Asked again: one that somebody took up while this waited for the lock is theirs.
    waiting = set(db.session.scalars(select(IncidentNotice.id).where(*alike, _waits())))
    for other in found:
        if other.id != notice_id and other.id in waiting:
            mine.incidents = [*mine.incidents, *other.incidents]
            db.session.delete(other)
    return mine if mine in found else None


def owner_of(workspace_id: int, user_id: int) -> User | None:
    """The person, if they can sign in and own the workspace still."""
    return db.session.scalar(_owners(workspace_id).where(User.id == user_id))


def _write_notices() -> None:
    # One at a time for a workspace, or two looks at once would each find that the hour is over.
    locked = select(Workspace).where(Workspace.id == current_workspace_id()).with_for_update(key_share=True)
    workspace = db.session.scalars(locked.execution_options(populate_existing=True)).one()
    now = clock.now()
    untold = select(Incident.id).where(Incident.told_at.is_(None), *_still_needs_somebody())
    # What asks for a decision and what is large comes first: everyday refusals without number must not hide it.
    first = untold.order_by(Incident.kind == BLOCKED, Incident.count.desc(), Incident.id).limit(_AT_ONCE)
    found = news_of(db.session.scalars(first).all())
    shown = [one for one in found if not one.is_small]
    if {_kind_of(one.incident) for one in shown} <= _told_within(now - PAUSE):
        return
    news = [one.incident.id for one in shown]
    db.session.execute(update(Incident).where(Incident.id.in_(news)).values(told_at=now))
    if workspace.tells_owners:
        for owner in db.session.scalars(_owners(workspace.id).order_by(User.id)):
            db.session.add(IncidentNotice(user_id=owner.id, incidents=news, created_at=now))
    db.session.flush()


def _told_within(since: datetime) -> set[str]:
    """The kinds that had a mail since then; one that could not leave at once had it when it left."""
    had = IncidentNotice.created_at > since, IncidentNotice.queued_at > since
    told = [number for each in db.session.scalars(select(IncidentNotice.incidents).where(or_(*had))) for number in each]
    # Who was told of a warning before it became a pause was not told of that.
    query = select(Incident).where(Incident.id.in_(told), Incident.told_at.is_not(None))
    return {_kind_of(incident) for incident in db.session.scalars(query)}


def _kind_of(incident: Incident) -> str:
    return PAUSED if incident.action == PAUSED else incident.kind


def _still_needs_somebody() -> list[ColumnElement[bool]]:
    """A burst until somebody decides, though it may be over; a lane while it is refused; a campaign while it rests, or
    while it goes on against complaints beyond the line.

    Of what is not too old.
    """
    row, campaigns = Incident, table("campaigns", column("id"), column("workspace_id"), column("state"))
    is_its_own = campaigns.c.id == row.campaign_id, campaigns.c.workspace_id == row.workspace_id
    rests = exists().where(*is_its_own, campaigns.c.state == "paused")
    goes_on = exists().where(*is_its_own, campaigns.c.state == "sending")
    return [
        row.decision == "",
        row.seen_at >= clock.now() - RECENT,
        or_(
            and_(row.kind == BURST, row.action == "held"),
            and_(row.kind == BLOCKED, row.ended_at.is_(None), or_(row.action == "held", row.reason.in_(_LANES))),
            and_(
                row.kind == "complaints",
                row.ended_at.is_(None),
                or_(and_(row.action == PAUSED, rests), and_(row.action == "warned", goes_on)),
            ),
        ),
    ]


def _owners(workspace_id: int) -> Select[User]:
    query = select(User).join(Membership, Membership.user_id == User.id)
    return query.where(
        Membership.workspace_id == workspace_id, Membership.role == Role.OWNER.value, User.active.is_(True)
    )


def _waits() -> ColumnElement[bool]:
    """A notice whose mail nobody is at: its job has not come up, or it may not leave yet, or was put off."""
    begun = exists().where(_outgoing.c.kind == INCIDENT, _outgoing.c.row_id == IncidentNotice.id)
    return or_(and_(IncidentNotice.queued_at.is_(None), ~begun), begun.where(_outgoing.c.reply != ""))


def _waiting() -> Sequence[int]:
    with every_workspace():
        row = IncidentNotice
        # One that was composed and may not leave yet is seen to by its outgoing mail.
        is_seen_to = exists().where(_outgoing.c.kind == INCIDENT, _outgoing.c.row_id == row.id)
        waiting = select(row.id).where(row.queued_at.is_(None), ~is_seen_to).order_by(row.id).limit(_AT_ONCE)
        found = db.session.scalars(waiting).all()
        db.session.commit()
    return found
