"""The top of the watch says what is the matter now, with the way to it, whatever its counts show."""

import re

import pytest
from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import db, in_workspace
from tests.deliverability.test_lanes_shown import held_by, transports
from tests.tracking.incidents.owners import Owners

pytestmark = pytest.mark.usefixtures("unslowed")


def test_nothing_is_open(as_ada: FlaskClient, workspace: Workspace) -> None:
    Owners(workspace, []).refusal(count=2)
    assert "Open now" not in watch(as_ada, workspace)


def test_a_block_and_failures_that_wait_are_there_with_what_to_do(as_ada: FlaskClient, workspace: Workspace) -> None:
    owners = Owners(workspace, [])
    refused, burst = owners.refusal(), owners.burst()
    page = watch(as_ada, workspace)
    assert page.index("Open now") < page.index("Rows")
    said = plain(page)
    assert "Mail refused by Yahoo, AOL: Our server was refused" in said
    assert "mostly they name a blocklist" in said
    assert "Many addresses fail alike at Gmail, Google Workspace: No such mailbox" in said
    assert "If in doubt, discard" in said
    for incident in (refused, burst):
        assert f'/incidents/{incident.id}"' in page


def test_a_lane_that_is_held_is_there_until_when(as_ada: FlaskClient, workspace: Workspace) -> None:
    first, _second = transports(workspace, "First relay", "Second relay")
    made = held_by(workspace, first)
    said = plain(watch(as_ada, workspace))
    assert "by “First relay” rests until" in said
    with in_workspace(workspace.id):
        for incident in made.incidents("blocked"):
            incident.ended_at = clock.now()
        db.session.commit()
    said = plain(watch(as_ada, workspace))
    assert "Mail to it by “First relay” goes on by itself after" in said, "also without an incident"


def test_campaigns_that_stand_still_are_there_each_once(as_ada: FlaskClient, workspace: Workspace) -> None:
    guarded = Owners(workspace, []).complaints()
    with in_workspace(workspace.id):
        by_hand = Campaign(name="By <hand>", state="paused", launched_at=clock.now(), waiting_for="Paused by Ada.")
        db.session.add(by_hand)
        db.session.commit()
    page = watch(as_ada, workspace)
    assert "“By &lt;hand&gt;” is paused" in page
    assert page.count(f"/campaigns/{by_hand.id}") == 1
    assert page.count(f"/campaigns/{guarded.campaign_id}") == 1
    assert "Complaint guard: campaign paused, Yahoo, AOL" in page


def test_a_viewer_is_led_nowhere_they_may_not_go(as_vic: FlaskClient, workspace: Workspace) -> None:
    Owners(workspace, []).refusal()
    page = watch(as_vic, workspace)
    assert "Mail refused by Yahoo, AOL" in page
    assert "/incidents" not in page


def watch(browser: FlaskClient, workspace: Workspace) -> str:
    page = browser.get(f"/w/{workspace.slug}/deliverability")
    assert page.status_code == 200
    main: str = page.text[page.text.index("<main") :]
    return main


def plain(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())
