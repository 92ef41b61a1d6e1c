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
from app.tracking.incidents.counting import count_failures
from app.tracking.incidents.decisions import DISCARDED, UNDONE
from app.tracking.incidents.holding import doubt_failures, lift_written, take_in_written
from app.tracking.incidents.opening import BLOCKED, BURST, LONGEST, LONGEST_HOLD, QUIET, is_over, open_for
from app.tracking.models import Incident

RECENT = timedelta(minutes=10)
DEFERRED = 5
"""Single refusals that are still tried again are everyday; from so many on they are news."""

_BUSY = text(
    """
    SELECT DISTINCT c.workspace_id FROM campaigns c
    WHERE EXISTS (SELECT FROM events e WHERE e.campaign_id = c.id AND e.kind IN ('bounced', 'deferred')
                                             AND e.at >= :since)
    """
)


def watch() -> None:
    """Open, follow and end incidents, each workspace in a transaction of its own."""
    with every_workspace():
        busy = set(db.session.scalars(_BUSY, {"since": clock.now() - RECENT}))
        busy |= set(db.session.scalars(select(Incident.workspace_id).where(Incident.ended_at.is_(None)).distinct()))
    for workspace_id in sorted(busy):
        with in_workspace(workspace_id):
            watch_workspace()
            db.session.commit()


def watch_workspace() -> None:
    """The same for the workspace in scope, without a commit."""
    find_bursts()
    weigh_points()
    _find_refusals()
    for incident in db.session.scalars(
        select(Incident)
        .where(Incident.ended_at.is_(None), Incident.kind.in_((BLOCKED, BURST)))
        .order_by(Incident.id)
        .with_for_update(skip_locked=True, key_share=True)
    ).all():
        _follow(incident)
    db.session.flush()


def _find_refusals() -> None:
    for failures in count_failures(
        SENDER_SIDE,
        clock.now() - RECENT,
        kinds=("bounced", "deferred"),
        least=1,
        least_of_any=DEFERRED,
    ):
        if not is_over(BLOCKED, failures.last):
            open_for(BLOCKED, failures, "nothing")


def _follow(incident: Incident) -> None:
    kinds = ("bounced", "deferred") if incident.kind == BLOCKED else ("bounced",)
    found = count_failures(
        frozenset({incident.reason}), incident.began_at, provider=incident.provider, kinds=kinds, least_of_any=1
    )
    for failures in found:
        incident.count, incident.of = failures.count, failures.of
        incident.seen_at = max(incident.seen_at, failures.last)
        incident.words = failures.words[:LONGEST] or incident.words
    if incident.kind == BURST:
        take_in_written(incident)
        if incident.decision in (DISCARDED, UNDONE):
            lift_written(incident)
            doubt_failures(incident)
    now = clock.now()
    too_long = incident.kind == BURST and incident.began_at < now - LONGEST_HOLD
    if too_long or incident.seen_at < now - QUIET[incident.kind]:
        incident.ended_at = now
