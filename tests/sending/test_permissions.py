"""What must stop the mail, stops it: pause, suppression, unsubscription, a run taken over, a database that is away."""

import threading
import time
from typing import Any

import psycopg
import pytest
from flask import current_app

from app.accounts.models import Workspace
from app.core.settings import libpq_url
from app.rendering.compiled import Link
from app.sending import engine
from tests.sending import moods, world
from tests.sending.servers import Server, running

pytestmark = pytest.mark.slow


def elsewhere(statement: str, *binds: Any) -> Any:
    """Something that another process does at a moment of the server's choosing."""
    url = libpq_url(current_app.extensions["merpati.settings"].database_url)

    def act() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement, binds)  # type: ignore[call-overload]

    return act


def test_pause_stops_within_a_second(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 3000)
    pause = elsewhere("UPDATE campaigns SET state = 'paused' WHERE id = %s", campaign)
    with running(moods.Pausing(50, pause, slow=0.01)) as server:
        result = world.send(campaign, server.url)
    states = world.states(campaign)
    assert set(states) == {"sent", "planned"}
    # Four connections at 10 ms a message: 400 a second, and permissions that last a second at most.
    assert 50 <= states["sent"] == len(server.messages) <= 500
    assert (result.outcome, result.has_more) == ("stopped", False)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (
            "INSERT INTO suppressions (workspace_id, address_hash, hint, reason) "
            "SELECT workspace_id, address_hash, '', 'complained' FROM subscribers "
            "WHERE workspace_id = %s AND id %% 2 = 0",
            "suppressed",
        ),
        (
            "UPDATE subscriptions SET state = 'unsubscribed' WHERE workspace_id = %s AND subscriber_id %% 2 = 0",
            "unsubscribed",
        ),
        ("DELETE FROM subscribers WHERE workspace_id = %s AND id %% 2 = 0", "unsubscribed"),
    ],
)
def test_who_leaves_during_the_send_gets_nothing_more(workspace: Workspace, statement: str, reason: str) -> None:
    campaign = world.plan_campaign(workspace, 1000)
    leave = elsewhere(statement, workspace.id)
    with running(moods.Pausing(20, leave, slow=0.01)) as server:
        world.send(campaign, server.url)
    found = world.reasons(campaign)
    assert found["skipped", reason] > 200
    assert found["sent", ""] == len(server.messages) == 1000 - found["skipped", reason]


def test_people_who_must_not_be_written_to_are_skipped_by_the_claim(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 10)
    world.change(
        "UPDATE subscriptions SET state = 'pending' WHERE workspace_id = :w AND subscriber_id = "
        "(SELECT min(id) FROM subscribers WHERE workspace_id = :w)",
        w=workspace.id,
    )
    world.change(
        "INSERT INTO suppressions (workspace_id, address_hash, hint, reason) "
        "SELECT workspace_id, address_hash, '', 'manual' "
        "FROM subscribers WHERE workspace_id = :w AND address = 'person4@example.com'",
        w=workspace.id,
    )
    with running(Server()) as server:
        world.send(campaign, server.url)
    assert world.reasons(campaign) == {("sent", ""): 8, ("skipped", "unconfirmed"): 1, ("skipped", "suppressed"): 1}
    assert "person4@example.com" not in server.recipients
    assert len(world.attempts(campaign)) == 8


def test_a_suppression_for_another_list_changes_nothing(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 2)
    world.change(
        "INSERT INTO lists (workspace_id, name, slug, public_id) VALUES (:w, 'Other', 'other', gen_random_uuid())",
        w=workspace.id,
    )
    world.change(
        "INSERT INTO suppressions (workspace_id, address_hash, hint, reason, list_id) "
        "SELECT s.workspace_id, address_hash, '', 'unsubscribed', l.id FROM subscribers s, lists l "
        "WHERE s.workspace_id = :w AND l.workspace_id = :w AND l.slug = 'other'",
        w=workspace.id,
    )
    with running(Server()) as server:
        world.send(campaign, server.url)
    assert world.states(campaign) == {"sent": 2}


def test_a_run_that_was_taken_over_hands_nothing_over_any_more(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 2000)
    take_over = elsewhere("UPDATE runs SET ended_at = now(), outcome = 'lost' WHERE campaign_id = %s", campaign)
    with running(moods.Pausing(30, take_over, slow=0.01)) as server:
        result = world.send(campaign, server.url)
    assert result.outcome == "lost"
    assert len(server.messages) < 500


def test_a_campaign_that_does_not_send_is_not_touched(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 3, state="paused")
    with running(Server()) as server:
        result = world.send(campaign, server.url)
    assert (result.outcome, server.connections) == ("idle", 0)
    assert world.states(campaign) == {"planned": 3}


def test_when_the_database_goes_away_nothing_is_lost_and_nothing_goes_twice(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 1500)
    cut = elsewhere(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'merpati sending' AND datname = current_database()"
    )
    with running(moods.Pausing(60, cut, slow=0.01)) as server:
        result = world.send(campaign, server.url)
        at_end = len(server.messages)
        assert result.outcome == "interrupted"
        states = world.states(campaign)
        assert set(states) == {"sent", "planned"}
        assert states["sent"] == at_end
        world.send(campaign, server.url, send_slice=60)
    assert world.states(campaign) == {"sent": 1500}
    assert max(server.recipients.values()) == 1


def test_a_stop_request_ends_the_slice(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 2000)
    timer = threading.Timer(0.5, engine.request_stop)
    with running(moods.Pausing(0, None, slow=0.01)) as server:
        timer.start()
        start = time.monotonic()
        result = world.send(campaign, server.url)
        assert time.monotonic() - start < 4
    assert (result.outcome, result.has_more) == ("stopped", True)
    assert set(world.states(campaign)) == {"sent", "planned"}


def test_a_message_that_cannot_be_composed_fails_alone(workspace: Workspace) -> None:
    loops = [f"{{% for {name} in subscriber.tags %}}" for name in "abc"]
    broken = "".join(loops) + "x" + "{% endfor %}" * 3
    compiled = world.design(html=world.HTML + broken)
    assert compiled.links == (Link(0, "https://www.example.com/story", "Read on"),)
    campaign = world.plan_campaign(workspace, 5, compiled=compiled)
    world.change(
        "UPDATE subscribers SET attributes = "
        "jsonb_build_object('tags', (SELECT jsonb_agg(n) FROM generate_series(1, 400) n)) "
        "WHERE workspace_id = :w AND address = 'person2@example.com'",
        w=workspace.id,
    )
    with running(Server()) as server:
        world.send(campaign, server.url)
    assert world.reasons(campaign) == {("sent", ""): 4, ("failed", "render"): 1}
    [attempt] = [row for row in world.attempts(campaign) if row.outcome == "failed"]
    assert "repeats too often" in attempt.reply


def test_a_full_disk_stops_the_run_and_says_so(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.sending.journal import Journal

    written = 0
    write = Journal.write

    def fill(self: Journal, entries: list[bytes]) -> None:
        nonlocal written
        written += 1
        if written > 5:
            raise OSError(28, "No space left on device")
        write(self, entries)

    monkeypatch.setattr(Journal, "write", fill)
    campaign = world.plan_campaign(workspace, 100)
    with running(Server()) as server:
        result = world.send(campaign, server.url)
    assert result.outcome == "waiting"
    assert "No space left on device" in world.campaign(campaign).waiting_for
    states = world.states(campaign)
    assert set(states) <= {"sent", "planned"}
    assert states["sent"] == len(server.messages)
