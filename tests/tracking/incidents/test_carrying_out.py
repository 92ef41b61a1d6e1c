"""Decisions about many: carried out behind the page, one wins, nobody waits long, and no statement compares all."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, text

from app.accounts.models import Workspace
from app.core.database import db, every_workspace, in_workspace
from app.tracking.incidents import bursts, carrying_out, decisions, holding, watch
from app.tracking.models import Incident
from tests.tracking.acting.world import bounce
from tests.tracking.incidents.crowd import Crowd, crowd


@pytest.fixture
def burst(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Crowd:
    """Forty who came back, of whom more than the person waits for."""
    monkeypatch.setattr(decisions, "AT_ONCE", 15)
    monkeypatch.setattr(holding, "BATCH", 16)
    bursts._rest.clear()
    made = crowd(workspace, 40)
    made.tell(slice(None), lambda: bounce("userunknown", "permanent"))
    made.watch()
    return made


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The incidents whose decision was queued to be carried out."""
    found: list[int] = []

    def note(_job: object, number: int, *, once_as: str) -> bool:
        found.append(number)
        return True

    monkeypatch.setattr(carrying_out, "enqueue_job", note)
    return found


def test_many_are_seen_to_behind_the_page(
    as_ada: FlaskClient, workspace: Workspace, burst: Crowd, queued: list[int]
) -> None:
    (incident,) = burst.incidents()
    path = f"/w/{workspace.slug}/incidents/{incident.id}"
    before = len(burst.suppressed())
    assert "carried out in the background" in as_ada.post(f"{path}/believe", follow_redirects=True).text
    assert queued == [incident.id]
    assert len(burst.suppressed()) == before
    page = as_ada.get(path).text
    assert f"Being believed, {before / 40:.0%}" in page
    assert f"{path}/undo" not in page
    for verb in ("believe", "discard", "undo"):
        assert as_ada.post(f"{path}/{verb}").status_code == 409
    carrying_out.carry_out(incident.id)
    assert len(burst.suppressed()) == 40
    part = as_ada.get(path, headers={"HX-Request": "true"})
    assert part.headers["HX-Refresh"] == "true"
    assert "40 addresses were suppressed" in as_ada.get(path).text
    as_ada.post(f"{path}/undo")
    assert "Being undone, 0%" in as_ada.get(path).text
    carrying_out.carry_out(incident.id)
    assert burst.suppressed() == set()
    assert "Being undone" not in as_ada.get(path).text


def test_what_a_worker_left_half_done_goes_on(burst: Crowd, workspace: Workspace, queued: list[int]) -> None:
    number = burst.incidents()[0].id
    with in_workspace(workspace.id):
        decisions.discard(number, None)
        db.session.commit()
    answers = iter([False, True])
    carrying_out.carry_out(number, lambda: next(answers))
    with in_workspace(workspace.id):
        done = carrying_out.progress_of(db.session.get_one(Incident, number))
    assert done is not None
    assert (done.done, done.of) == (16, 40)
    with every_workspace():
        watch.watch()
    assert number in queued
    carrying_out.carry_out(number)
    carrying_out.carry_out(number)
    with in_workspace(workspace.id):
        assert carrying_out.progress_of(db.session.get_one(Incident, number)) is None
    assert burst.suppressed() == set()


@pytest.mark.parametrize("held", ["incidents", "messages"])
def test_a_second_tab_is_told_instead_of_waiting(
    as_ada: FlaskClient, workspace: Workspace, burst: Crowd, monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    monkeypatch.setattr(decisions, "PATIENCE", "20ms")
    monkeypatch.setattr(decisions, "AT_ONCE", 100)
    path = f"/w/{workspace.slug}/incidents/{burst.incidents()[0].id}"
    with db.engine.begin() as other:
        other.execute(text(f"SELECT 1 FROM {held} WHERE workspace_id = :w FOR UPDATE"), {"w": workspace.id})  # noqa: S608
        answer = as_ada.post(f"{path}/discard")
    assert answer.status_code == 409
    assert "Nothing was changed" in answer.text
    assert as_ada.post(f"{path}/discard").status_code == 302


def test_what_holds_a_lock_is_looked_at_alone(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [crowd(workspace, 3, provider=provider) for provider in ("google", "yahoo", "gmx")]
    for one in made:
        one.tell(slice(0, 2), lambda: bounce("blocked"))
    free: list[int] = []
    others = text("SELECT id FROM incidents WHERE workspace_id = :w AND id <> :i FOR UPDATE SKIP LOCKED")

    def look(incident: Incident) -> None:
        with db.engine.begin() as other:
            free.append(len(other.execute(others, {"w": workspace.id, "i": incident.id}).all()))

    monkeypatch.setattr(watch, "_follow", look)
    made[0].watch()
    assert free == [2, 2, 2]


@pytest.mark.parametrize("verb", ["believe", "discard"])
def test_no_statement_compares_everybody_with_everybody(workspace: Workspace, work: list[float], verb: str) -> None:
    db.session.execute(text("ANALYZE"))
    db.session.commit()
    incident_id = _held_at_once(crowd(workspace, 600))
    with in_workspace(workspace.id):
        work.clear()
        getattr(decisions, verb)(incident_id, None)
        db.session.commit()
    rows = sum(db.session.execute(text(f"SELECT count(*) FROM {one}")).scalar_one() for one in _TABLES)  # noqa: S608
    assert work
    assert max(work) < 3 * rows


_TABLES = ("messages", "events", "held_suppressions", "suppressions", "subscribers")


def _held_at_once(made: Crowd) -> int:
    """A burst of them all, of which the planner has heard nothing; the number of its incident."""
    binds = {"w": made.workspace.id, "c": made.campaign.id}
    for statement in _BURST:
        db.session.execute(text(statement), binds)
    db.session.commit()
    return made.incidents()[0].id


_BURST = (
    "UPDATE messages SET state = 'bounced', reason = 'userunknown' WHERE campaign_id = :c",
    "INSERT INTO events (id, at, workspace_id, message_id, campaign_id, subscriber_id, kind, data) "
    "SELECT gen_random_uuid(), now(), :w, id, :c, subscriber_id, 'bounced', '{\"reason\": \"userunknown\"}' "
    "FROM messages WHERE campaign_id = :c",
    "INSERT INTO incidents (workspace_id, kind, provider, reason, count, began_at, action, words, decision) "
    "VALUES (:w, 'burst', 'google', 'userunknown', 600, now() - interval '1 hour', 'held', '', '')",
    "INSERT INTO held_suppressions (workspace_id, incident_id, message_id, address_hash, hint, reason) "
    "SELECT :w, i.id, m.id, sha256(w.address_key || convert_to(lower(m.address), 'UTF8')), '', 'bounced' "
    "FROM messages m JOIN workspaces w ON w.id = :w JOIN incidents i ON i.workspace_id = :w WHERE m.campaign_id = :c",
)


@pytest.fixture
def work(context: None) -> Iterator[list[float]]:
    """The rows that the busiest step of each statement touched, by a rehearsal of it."""
    found: list[float] = []

    def rehearse(_c: Any, cursor: Any, statement: str, parameters: Any, _x: Any, many: bool) -> None:
        if many or ("held_suppressions" not in statement and "messages" not in statement):
            return
        with cursor.connection.cursor() as other:
            other.execute("SAVEPOINT rehearsal")
            other.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
            (plan,) = other.fetchone()
            other.execute("ROLLBACK TO SAVEPOINT rehearsal")
        plan = json.loads(plan) if isinstance(plan, str) else plan
        found.append(max(_touched(plan[0]["Plan"])))

    event.listen(db.engine, "before_cursor_execute", rehearse)
    yield found
    event.remove(db.engine, "before_cursor_execute", rehearse)


def _touched(node: dict[str, Any]) -> Iterator[float]:
    removed = sum(value for key, value in node.items() if key.startswith("Rows Removed by"))
    yield (node["Actual Rows"] + removed) * node["Actual Loops"]
    for below in node.get("Plans", []):
        yield from _touched(below)
