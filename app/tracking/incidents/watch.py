"""The look at all workspaces once a minute: what began while sending, what goes on, and what is over.

Failures met while sending are written by statements of their own; here they become incidents. Safe beside itself.
"""

from datetime import timedelta

from sqlalchemy import select, text

from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.messages.dead_addresses import SENDER_SIDE
from app.tracking.acting.giving_up import weigh_points
from app.tracking.incidents.bursts import find_bursts
from app.tracking.incidents.carrying_out import start_carrying_out
from app.tracking.incidents.counting import count_failures
from app.tracking.incidents.decisions import BELIEVED, DISCARDED, UNDER_WAY, UNDONE
from app.tracking.incidents.holding import batches, take_back, take_in_written
from app.tracking.incidents.opening import (
    BLOCKED,
    BURST,
    LONGEST,
    LONGEST_HOLD,
    QUIET,
    end_followed,
    is_over,
    open_for,
)
from app.tracking.incidents.reach import binds_of, concerned, follow_held
from app.tracking.models import Incident

RECENT = timedelta(minutes=10)
DEFERRED = 5
"""Single refusals that are still tried again are everyday; from so many on they are news."""
_REFUSED = ("bounced", "deferred")

_BUSY = text(
    """
    SELECT DISTINCT c.workspace_id FROM campaigns c
    WHERE EXISTS (SELECT FROM events e WHERE e.campaign_id = c.id AND e.kind IN ('bounced', 'deferred')
                                             AND e.at >= :since)
    """
)


def watch() -> None:
    """Open, follow and end incidents, and see to it that decisions are carried out; commits after each incident."""
    with every_workspace():
        busy = set(db.session.scalars(_BUSY, {"since": clock.now() - RECENT}))
        busy |= set(db.session.scalars(select(Incident.workspace_id).where(Incident.ended_at.is_(None)).distinct()))
        db.session.commit()
    for workspace_id in sorted(busy):
        with in_workspace(workspace_id):
            watch_workspace()
    with every_workspace():
        start_carrying_out()
        db.session.commit()


def watch_workspace() -> None:
    """The same for the workspace in scope. Commits, so that no incident is held while another one is looked at."""
    find_bursts()
    weigh_points()
    _find_refusals()
    db.session.commit()
    heard = _heard_of()
    going_on = select(Incident.id).where(Incident.ended_at.is_(None), Incident.kind.in_((BLOCKED, BURST)))
    for number in db.session.scalars(going_on.order_by(Incident.id)).all():
        _look(number, heard)
        db.session.commit()
        _see_to(number)


def _find_refusals() -> None:
    since = clock.now() - RECENT
    for failures in count_failures(SENDER_SIDE, since, kinds=_REFUSED, least=1, least_of_any=DEFERRED):
        if not is_over(BLOCKED, failures.last):
            open_for(BLOCKED, failures, "nothing")


def _heard_of() -> set[tuple[str, str]]:
    """Providers and reasons of the refusals of late: only their incidents have to be counted anew."""
    found = count_failures(SENDER_SIDE, clock.now() - RECENT, kinds=_REFUSED, least_of_any=1)
    return {(failures.provider, failures.reason) for failures in found}


def _look(incident_id: int, heard: set[tuple[str, str]]) -> None:
    locked = select(Incident).where(Incident.id == incident_id, Incident.ended_at.is_(None))
    locked = locked.with_for_update(skip_locked=True, key_share=True).execution_options(populate_existing=True)
    incident = db.session.scalar(locked)
    if incident is None:
        return
    if incident.kind == BURST or (incident.provider, incident.reason) in heard:
        _follow(incident)
    if incident.decision == BELIEVED and incident.decided_at is not None:
        end_followed(incident, incident.decided_at)
    now = clock.now()
    too_long = incident.kind == BURST and incident.opened_at < now - LONGEST_HOLD
    if too_long or incident.seen_at < now - QUIET[incident.kind]:
        incident.ended_at = incident.ended_at or now


def _follow(incident: Incident) -> None:
    if incident.kind == BURST:
        follow_held(incident)
    found = count_failures(
        frozenset({incident.reason}),
        incident.began_at,
        incident.last_at,
        provider=incident.provider,
        kinds=_REFUSED if incident.kind == BLOCKED else ("bounced",),
        least_of_any=1,
    )
    for failures in found:
        if incident.decision != BELIEVED:
            # In the time of another of the same sort, without what is that one's.
            is_alone = incident.kind != BURST or not binds_of(incident)["others"]
            incident.count = failures.count if is_alone else len(concerned(incident))
        incident.of = failures.of
        incident.seen_at = max(incident.seen_at, failures.last)
        incident.words = failures.words[:LONGEST] or incident.words


def _see_to(incident_id: int) -> None:
    """What came to a burst since: among what can be undone with it, or taken back at once where it was discarded.

    A batch at a time, each committed, and without the incident: who hears of more waits for none of it.
    """
    found = select(Incident).where(Incident.id == incident_id, Incident.kind == BURST, Incident.action != UNDER_WAY)
    incident = db.session.scalar(found)
    if incident is None:
        return
    for batch in batches(concerned(incident)):
        if incident.decision in (DISCARDED, UNDONE):
            take_back(incident, batch)
        else:
            take_in_written(incident, batch)
        db.session.commit()
