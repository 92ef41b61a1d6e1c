"""What a person decides about a burst, each once: believe it, discard it, and undo what was believed.

Of two who decide at once, the first wins; the other is told. Needs the workspace in scope. Of many messages only the
decision is written here: `carrying_out` does the rest, after the commit.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.errors import LockNotAvailable
from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError

from app.core import clock
from app.core.database import db
from app.core.errors import Conflict, NotFound
from app.tracking.incidents.holding import hold_failures, is_left, take_back, write_held
from app.tracking.incidents.opening import BURST, end_followed
from app.tracking.incidents.reach import concerned
from app.tracking.models import Incident

BELIEVED, DISCARDED, UNDONE = "believed", "discarded", "undone"
UNDER_WAY, CARRIED_OUT = "deciding", "held"
"""The action of a burst while its decision is carried out, and otherwise."""
AT_ONCE = 2_000
"""Messages that are seen to while the person waits: less than a second."""
PATIENCE = "3s"
"""How long a decision waits for somebody who holds the incident, or one of its messages."""

_WORDS = {
    "": "Nobody has decided about this incident yet",
    BELIEVED: "The failures were believed already",
    DISCARDED: "The failures were discarded already",
    UNDONE: "The incident was undone already",
}
_BUSY = (
    "Somebody else is deciding about this incident, or more of it is coming in, at this moment. Nothing was changed. "
    "Look again in a minute."
)
_STILL = "What was decided is still being carried out. Nothing was changed. Wait until it is done, then decide anew."


def believe(incident_id: int, user_id: int | None) -> int:
    """The addresses are dead indeed: suppress those held. Returns how many are new. Raises NotFound, Conflict."""
    return _decide(incident_id, user_id, BELIEVED, instead_of="")


def discard(incident_id: int, user_id: int | None) -> int:
    """It was the provider's fault or ours: everybody stays. Returns how many were suppressed before and come back."""
    return _decide(incident_id, user_id, DISCARDED, instead_of="")


def undo(incident_id: int, user_id: int | None) -> int:
    """Lift everything that came from the incident; the people's other suppressions stay. Returns how many."""
    return _decide(incident_id, user_id, UNDONE, instead_of=BELIEVED)


def apply(incident: Incident, ids: list[int]) -> int:
    """Do for these messages what was decided; returns how many suppressions are written or lifted. Safe to repeat."""
    return write_held(incident, ids) if incident.decision == BELIEVED else take_back(incident, ids)


def _decide(incident_id: int, user_id: int | None, decision: str, *, instead_of: str) -> int:
    incident = db.session.scalar(
        select(Incident).where(Incident.id == incident_id).execution_options(populate_existing=True)
    )
    if incident is None:
        raise NotFound("There is no such incident in this workspace.")
    if incident.kind != BURST:
        raise Conflict("This incident suppressed nobody, so there is nothing to decide. Nothing was changed.")
    with _patience():
        ids = concerned(incident)
        is_large = len(ids) > AT_ONCE
        if decision != BELIEVED and not is_large:
            hold_failures(incident, ids)
        believed_at = incident.decided_at
        _write(incident, user_id, decision, instead_of, UNDER_WAY if is_large else CARRIED_OUT)
        if believed_at is not None:
            end_followed(incident, believed_at)
        # Once more: some may have come while it waited for the incident.
        ids = concerned(incident)
        if decision == BELIEVED:
            # What comes from now on is measured against it.
            incident.count = len(ids)
        return 0 if is_large else _apply_at_once(incident, ids)


def _apply_at_once(incident: Incident, ids: list[int]) -> int:
    done = apply(incident, ids)
    if incident.decision != BELIEVED and is_left(incident, ids):
        incident.action = UNDER_WAY
    return done


def _write(incident: Incident, user_id: int | None, decision: str, instead_of: str, action: str) -> None:
    decided = db.session.execute(
        update(Incident)
        .where(Incident.id == incident.id, Incident.decision == instead_of, Incident.action != UNDER_WAY)
        .values(decision=decision, decided_by=user_id, decided_at=clock.now(), action=action)
        .execution_options(synchronize_session=False)
    )
    db.session.refresh(incident)
    if not decided.rowcount:  # type: ignore[attr-defined]
        raise Conflict(
            _STILL if incident.decision == instead_of else f"{_WORDS[incident.decision]}. Nothing was changed."
        )


@contextmanager
def _patience() -> Iterator[None]:
    """Whoever waits too long for a lock is told so. Raises Conflict; the transaction is to be rolled back then."""
    db.session.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
    try:
        yield
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            raise Conflict(_BUSY) from error
        raise
    db.session.execute(text("SET LOCAL lock_timeout = DEFAULT"))
