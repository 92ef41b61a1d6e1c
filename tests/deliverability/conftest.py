"""Lanes that nobody slowed, and no incident of others."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from app.accounts.models import Workspace
from app.core.database import db
from app.core.extensions import queue


@pytest.fixture
def unslowed(workspace: Workspace) -> Iterator[None]:
    """What other tests left lies in the same database, and the look is at all workspaces."""
    _forget()
    db.session.execute(text("UPDATE incidents SET ended_at = now() WHERE ended_at IS NULL"))
    db.session.execute(text("DELETE FROM runs"))
    db.session.commit()
    yield
    _forget()


def _forget() -> None:
    for pattern in ("merpati:pace:*", "merpati:letters:*"):
        for name in queue().scan_iter(pattern):
            queue().delete(name)
