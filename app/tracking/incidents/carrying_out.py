"""Carrying out a decision about many messages: a thousand at a time, each committed, while the page tells how far.

What is left to do stands in the database: a worker that died is followed by another, and two at once do no harm.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select, text, update

from app.core.database import db, every_workspace, in_workspace
from app.core.extensions import enqueue_job
from app.core.jobs import Job
from app.tracking.incidents.decisions import BELIEVED, CARRIED_OUT, UNDER_WAY, apply
from app.tracking.incidents.holding import batches, hold_failures, is_left
from app.tracking.incidents.reach import FAILED, binds_of, concerned
from app.tracking.models import Incident


@dataclass(frozen=True, slots=True)
class Progress:
    """Messages for which a decision was carried out, of all that it concerns."""

    done: int
    of: int

    @property
    def share(self) -> float:
        return min(self.done / self.of, 1.0) if self.of else 0.0


def start_carrying_out() -> int:
    """Queue what was decided and not carried out yet in the workspaces in scope; returns how many. After the commit."""
    waiting = db.session.scalars(select(Incident.id).where(Incident.action == UNDER_WAY).order_by(Incident.id)).all()
    for number in waiting:
        enqueue_job(Job.CARRY_OUT_DECISION, number, once_as=f"carry-out-{number}")
    return len(waiting)


def carry_out(incident_id: int, is_told_to_stop: Callable[[], bool] = lambda: False) -> None:
    """Do for all its messages what was decided; commits."""
    with every_workspace():
        workspace_id = db.session.scalar(select(Incident.workspace_id).where(Incident.id == incident_id))
        db.session.commit()
    if workspace_id is None:
        return
    with in_workspace(workspace_id):
        done: set[int] = set()
        # Again and again, until nothing was added meanwhile: of a burst that goes on, more come in.
        while left := [number for number in _concerned(incident_id) if number not in done]:
            for batch in batches(left):
                if is_told_to_stop():
                    return
                incident = db.session.get_one(Incident, incident_id)
                # Waits for whoever is at one of them, so that none is passed over.
                hold_failures(incident, batch)
                apply(incident, batch)
                db.session.commit()
            done.update(left)
        incident = db.session.get_one(Incident, incident_id)
        if incident.decision != BELIEVED and is_left(incident, sorted(done)):
            # Somebody held one of them all the while: the look once a minute queues it again.
            db.session.commit()
            return
        over = update(Incident).where(Incident.id == incident_id, Incident.action == UNDER_WAY)
        db.session.execute(over.values(action=CARRIED_OUT))
        db.session.commit()


def progress_of(incident: Incident) -> Progress | None:
    """How far its decision is carried out; None where nothing is under way. Needs the workspace in scope."""
    if incident.action != UNDER_WAY:
        return None
    statement = _WRITTEN if incident.decision == BELIEVED else _TAKEN_BACK
    row = db.session.execute(statement, binds_of(incident)).one()
    return Progress(row.done, row.number)


def _concerned(incident_id: int) -> list[int]:
    found = select(Incident).where(Incident.id == incident_id, Incident.action == UNDER_WAY)
    incident = db.session.scalar(found.execution_options(populate_existing=True))
    ids = [] if incident is None else concerned(incident)
    db.session.commit()
    return ids


_WRITTEN = text(
    """
    SELECT count(suppression_id) AS done, count(*) AS number FROM held_suppressions
    WHERE incident_id = :incident AND workspace_id = :workspace
    """
)
# Until it is seen to, a message is bounced, and for the reason of the incident.
_TAKEN_BACK = text(
    f"""
    WITH {FAILED}
    SELECT count(*) FILTER (WHERE state <> 'bounced' OR reason <> :reason) AS done, count(*) AS number FROM failed
    """  # noqa: S608 - only constants of the house are put together
)
