"""The pages of incidents: who sees them, who decides, and what they say."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.models import User, Workspace
from app.core.database import db
from app.tracking.incidents import bursts
from tests.conftest import sign_in
from tests.tracking.acting.world import bounce
from tests.tracking.incidents.crowd import Crowd, crowd


@pytest.fixture
def burst(workspace: Workspace) -> Crowd:
    bursts._rest.clear()
    made = crowd(workspace, 40)
    made.tell(slice(None), lambda: bounce("userunknown", "permanent", words="550 5.1.1 <p@example.net>: user unknown"))
    made.watch()
    return made


def test_an_owner_discards(as_ada: FlaskClient, workspace: Workspace, burst: Crowd) -> None:
    base = f"/w/{workspace.slug}/incidents"
    page = as_ada.get(base).text
    assert "Many addresses fail alike at Gmail, Google Workspace: No such mailbox" in page
    assert "Waits for a decision" in page
    number = burst.incidents()[0].id
    page = as_ada.get(f"{base}/{number}").text
    assert "40 of 40 messages failed" in page
    assert "550 5.1.1" in page
    first = burst.held()[0].message_id
    assert next(one.address for one in burst.messages if one.id == first) in page.replace("<wbr>", "")
    answer = as_ada.post(f"{base}/{number}/discard", follow_redirects=True)
    assert "Discarded" in answer.text
    assert burst.suppressed() == set()
    assert as_ada.post(f"{base}/{number}/believe").status_code == 409


def test_an_owner_believes_and_undoes(as_ada: FlaskClient, ada: User, workspace: Workspace, burst: Crowd) -> None:
    path = f"/w/{workspace.slug}/incidents/{burst.incidents()[0].id}"
    assert as_ada.post(f"{path}/believe").status_code == 302
    assert len(burst.suppressed()) == 40
    page = as_ada.get(path).text
    assert "Undo: lift these suppressions" in page
    assert ada.name in page
    assert as_ada.post(f"{path}/undo").status_code == 302
    assert burst.suppressed() == set()
    assert "Undo: lift" not in as_ada.get(path).text


def test_an_editor_looks_and_a_viewer_does_not(
    app: Flask, eve: User, as_vic: FlaskClient, workspace: Workspace, burst: Crowd
) -> None:
    path = f"/w/{workspace.slug}/incidents/{burst.incidents()[0].id}"
    as_eve = sign_in(app, eve)
    page = as_eve.get(path).text
    assert "Only an owner decides." in page
    assert "/discard" not in page
    for verb in ("believe", "discard", "undo"):
        assert as_eve.post(f"{path}/{verb}").status_code == 403
    assert as_vic.get(path).status_code == 403
    assert as_vic.get(f"/w/{workspace.slug}/suppressions").status_code == 200


def test_a_refusal_leads_to_the_ledger(as_ada: FlaskClient, workspace: Workspace) -> None:
    made = crowd(workspace, 3)
    made.tell(slice(None), lambda: bounce("blocked", words="550 see https://blocklist.test/why"))
    page = as_ada.get(f"/w/{workspace.slug}/incidents/{made.incidents('blocked')[0].id}").text
    assert "Mail refused by Gmail, Google Workspace: Our server was refused" in page
    assert f"/campaigns/{made.campaign.id}/ledger/incidents/{made.incidents('blocked')[0].id}" in page
    assert "Nobody was suppressed" in page


def test_the_suppressions_name_their_incident(as_ada: FlaskClient, workspace: Workspace, burst: Crowd) -> None:
    listed = f"/w/{workspace.slug}/suppressions"
    assert "An incident holds suppressions back" in as_ada.get(listed).text
    number = burst.incidents()[0].id
    as_ada.post(f"/w/{workspace.slug}/incidents/{number}/believe")
    page = as_ada.get(listed).text
    assert "An incident holds" not in page
    lift = re.search(r"/suppressions/\d+/lift", page)
    assert lift is not None
    assert f"/incidents/{number}" in as_ada.get(f"/w/{workspace.slug}{lift[0]}").text


def test_no_incidents_say_so(as_ada: FlaskClient, workspace: Workspace) -> None:
    assert "No incidents" in as_ada.get(f"/w/{workspace.slug}/incidents").text
    assert as_ada.get(f"/w/{workspace.slug}/incidents/999999").status_code == 404


def test_the_owner_sets_when_an_address_is_given_up(as_ada: FlaskClient, workspace: Workspace) -> None:
    path = f"/w/{workspace.slug}/settings"
    form = {"name": workspace.name, "timezone": "UTC", "hold_seconds": "0", "confirm_above": "1000"}
    form |= {"from_name": "Aviary", "from_email": "news@aviary.example.com", "reply_to": "", "postal_address": "1 Lane"}
    assert 'name="bounce_days"' in as_ada.get(path).text
    assert (
        as_ada.post(path, data={**form, "bounce_days": "3", "bounce_span": "7", "bounce_stale": "60"}).status_code
        == 302
    )
    db.session.refresh(workspace)
    assert (workspace.bounce_days, workspace.bounce_span, workspace.bounce_stale) == (3, 7, 60)
    for wrong in (
        {"bounce_span": "40", "bounce_stale": "30"},
        {"bounce_days": "1"},
        {"bounce_days": "20", "bounce_stale": "14"},
    ):
        given = {"bounce_days": "3", "bounce_span": "7", "bounce_stale": "60", **wrong}
        assert as_ada.post(path, data={**form, **given}).status_code == 422
