"""What a person decides about a burst, each once: believe it, discard it, and undo what was believed.

Of two who decide at once, the first wins; the other is told. Needs the workspace in scope.
"""

from sqlalchemy import select, update

from app.core import clock
from app.core.database import db
from app.core.errors import Conflict, NotFound
from app.tracking.incidents.holding import doubt_failures, drop_points, lift_written, take_in_written, write_held
from app.tracking.incidents.opening import BURST
from app.tracking.models import Incident

BELIEVED, DISCARDED, UNDONE = "believed", "discarded", "undone"

_WORDS = {
    "": "Nobody has decided about this incident yet",
    BELIEVED: "The failures were believed already",
    DISCARDED: "The failures were discarded already",
    UNDONE: "The incident was undone already",
}


def believe(incident_id: int, user_id: int | None) -> int:
    """The addresses are dead indeed: suppress those held. Returns how many are new. Raises NotFound, Conflict."""
    incident = _decide(incident_id, user_id, BELIEVED, instead_of="")
    take_in_written(incident)
    return write_held(incident)


def discard(incident_id: int, user_id: int | None) -> int:
    """It was the provider's fault or ours: everybody stays. Returns how many were suppressed before and come back."""
    incident = _decide(incident_id, user_id, DISCARDED, instead_of="")
    return _take_back(incident)


def undo(incident_id: int, user_id: int | None) -> int:
    """Lift everything that came from the incident; the people's other suppressions stay. Returns how many."""
    incident = _decide(incident_id, user_id, UNDONE, instead_of=BELIEVED)
    return _take_back(incident)


def _take_back(incident: Incident) -> int:
    take_in_written(incident)
    drop_points(incident)
    doubt_failures(incident)
    return lift_written(incident)


def _decide(incident_id: int, user_id: int | None, decision: str, *, instead_of: str) -> Incident:
    decided = db.session.execute(
        update(Incident)
        .where(Incident.id == incident_id, Incident.kind == BURST, Incident.decision == instead_of)
        .values(decision=decision, decided_by=user_id, decided_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    incident = db.session.scalar(
        select(Incident).where(Incident.id == incident_id).execution_options(populate_existing=True)
    )
    if incident is None:
        raise NotFound("There is no such incident in this workspace.")
    if incident.kind != BURST:
        raise Conflict("This incident suppressed nobody, so there is nothing to decide. Nothing was changed.")
    if not decided.rowcount:  # type: ignore[attr-defined]
        raise Conflict(f"{_WORDS[incident.decision]}. Nothing was changed.")
    return incident
