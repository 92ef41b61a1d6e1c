"""Mail to our own listener that belongs to nobody's workspace: only counted, and only for who runs the installation."""

from sqlalchemy import func, select

from app.accounts.models import Workspace
from app.core.database import db
from app.messages.models import IncomingMail


def count_unmatched(workspace_id: int) -> int | None:
    """How many there are, for the first workspace of the installation; None for every other."""
    if db.session.scalar(select(func.min(Workspace.id))) != workspace_id:
        return None
    query = select(func.count()).select_from(IncomingMail)
    return (
        db.session.scalar(query.where(IncomingMail.workspace_id.is_(None), IncomingMail.handled_at.is_not(None))) or 0
    )
