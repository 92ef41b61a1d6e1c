"""Owners who are told of incidents."""

import pytest
from sqlalchemy import text

from app.accounts.models import User, Workspace
from app.core.database import db
from app.mail.wire import WireMail
from tests.tracking.incidents.owners import Owners


@pytest.fixture
def owners(workspace: Workspace, ada: User, outbox: list[WireMail]) -> Owners:
    # What other tests left lies in the same database, and the look is at all workspaces.
    db.session.execute(text("UPDATE incidents SET told_at = now() WHERE told_at IS NULL"))
    db.session.commit()
    return Owners(workspace, outbox)
