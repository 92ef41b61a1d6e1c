"""How much of deliverability waits for somebody, for the number beside its name in the navigation."""

from sqlalchemy import and_, func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from app.core.database import NoWorkspace, db
from app.tracking.incidents.bursts import LEAST, SHARE
from app.tracking.incidents.opening import BLOCKED, BURST
from app.tracking.incidents.queries import HANDFUL
from app.tracking.models import Incident


def count_open() -> int:
    """Incidents of the workspace in scope that ask for a decision, or go on undecided, everyday refusals apart.

    As `incidents.queries.Shown.needs_attention` judges them for the lists that it leads to.
    """
    asks = and_(Incident.kind == BURST, Incident.decision == "")
    few = and_(Incident.count < LEAST, Incident.of > 0, Incident.count <= SHARE * Incident.of)
    is_small = and_(Incident.kind == BLOCKED, or_(Incident.count < HANDFUL, few))
    goes_on = and_(Incident.ended_at.is_(None), Incident.decision == "", ~is_small)
    try:
        return db.session.scalar(select(func.count()).select_from(Incident).where(or_(asks, goes_on))) or 0
    except (SQLAlchemyError, NoWorkspace):
        # It stands in the frame around every page, also around one that says that the database refused something.
        return 0
