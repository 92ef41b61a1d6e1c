"""What somebody else held while a decision was carried out is not left behind, also when the incident is over."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db, every_workspace
from app.tracking.incidents import bursts, carrying_out, watch
from tests.tracking.acting.world import bounce
from tests.tracking.incidents.crowd import Crowd, crowd

_HOLD = text("SELECT id FROM suppressions WHERE workspace_id = :w ORDER BY id LIMIT 1 FOR UPDATE")


@pytest.fixture
def believed(as_ada: FlaskClient, workspace: Workspace) -> Crowd:
    """Thirty who were given up by an incident that is over."""
    bursts._rest.clear()
    made = crowd(workspace, 30)
    made.tell(slice(None), lambda: bounce("userunknown", "permanent"))
    made.watch()
    as_ada.post(_path(made, "/believe"))
    with clock.moved(timedelta(hours=1)):
        made.watch()
    assert made.incidents()[0].ended_at is not None
    assert len(made.suppressed()) == 30
    return made


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The incidents whose decision was queued to be carried out."""
    found: list[int] = []
    monkeypatch.setattr(carrying_out, "enqueue_job", lambda _job, number, **_options: found.append(number))
    return found


def _path(made: Crowd, verb: str = "") -> str:
    return f"/w/{made.workspace.slug}/incidents/{made.incidents()[0].id}{verb}"


def test_a_suppression_that_was_locked_is_lifted_in_the_end(
    as_ada: FlaskClient, believed: Crowd, queued: list[int]
) -> None:
    number = believed.incidents()[0].id
    with db.engine.connect() as other:
        held = other.begin()
        other.execute(_HOLD, {"w": believed.workspace.id})
        page = as_ada.post(_path(believed, "/undo"), follow_redirects=True).text
        assert "What is not done yet is carried out in the background" in page
        assert len(believed.suppressed()) == 1
        assert queued == [number]
        carrying_out.carry_out(number)
        assert len(believed.suppressed()) == 1
        assert believed.incidents()[0].action == "deciding", "nobody calls it done"
        held.rollback()
    queued.clear()
    with every_workspace():
        watch.watch()
    assert number in queued, "the look once a minute goes on with it, though the incident is over"
    carrying_out.carry_out(number)
    assert believed.suppressed() == set()
    assert believed.incidents()[0].action == "held"
    assert "Being undone" not in as_ada.get(_path(believed)).text


def test_nothing_is_queued_where_nothing_is_left(as_ada: FlaskClient, believed: Crowd, queued: list[int]) -> None:
    page = as_ada.post(_path(believed, "/undo"), follow_redirects=True).text
    assert "30 suppressions are lifted" in page
    assert queued == []
    assert believed.suppressed() == set()
