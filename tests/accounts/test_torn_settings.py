"""Settings and the first page, when parts of a form got lost on the way."""

import pytest
from flask.testing import FlaskClient

from app.accounts import views
from app.accounts.models import Workspace
from app.accounts.setup import find_user, make_link
from app.core.database import db

WHOLE = {
    "name": "Aviary",
    "timezone": "UTC",
    "from_name": "Aviary News",
    "from_email": "news@aviary.example.com",
    "reply_to": "",
    "postal_address": "2 Dovecote Lane",
    "hold_seconds": "30",
    "confirm_above": "100",
}


@pytest.mark.parametrize("lost", ["name", "timezone", "from_name", "from_email", "reply_to", "postal_address"])
def test_a_text_that_did_not_arrive_empties_nothing(as_ada: FlaskClient, workspace: Workspace, lost: str) -> None:
    before = (workspace.name, workspace.from_email, workspace.postal_address, workspace.hold_seconds)
    answer = as_ada.post(f"/w/{workspace.slug}/settings", data={k: v for k, v in WHOLE.items() if k != lost})
    assert answer.status_code == 422
    assert "This did not arrive with the form. Nothing was saved" in answer.text
    # The page shows what was saved, so that saving it again changes nothing by itself.
    if lost == "postal_address":
        assert "1 Dovecote Lane" in answer.text
    db.session.refresh(workspace)
    assert (workspace.name, workspace.from_email, workspace.postal_address, workspace.hold_seconds) == before


def test_numbers_that_did_not_arrive_stay_and_emptied_ones_begin_anew(
    as_ada: FlaskClient, workspace: Workspace
) -> None:
    workspace.most_messages, workspace.quiet_from, workspace.quiet_to = 3, "21:00", "07:00"
    workspace.complaint_warn = 0.0005
    db.session.commit()
    path = f"/w/{workspace.slug}/settings"
    assert as_ada.post(path, data=WHOLE).status_code == 302
    db.session.refresh(workspace)
    assert (workspace.most_messages, workspace.quiet_from, workspace.complaint_warn) == (3, "21:00", 0.0005)
    empty = {"most_messages": "", "quiet_from": "", "quiet_to": "", "complaint_warn": ""}
    assert as_ada.post(path, data={**WHOLE, **empty}).status_code == 302
    db.session.refresh(workspace)
    assert (workspace.most_messages, workspace.quiet_from, workspace.complaint_warn) == (None, "", 0.001)


def test_the_first_owner_needs_no_name_and_no_postal_address(
    visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "has_owner", lambda: False)
    secret = make_link("create-owner")
    db.session.commit()
    sent = {"workspace": "Nest", "email": "first@nest.example.com", "password": "a long enough sentence"}
    answer = visitor.post(f"/start/{secret}", data={**sent, "timezone": "UTC"})
    assert answer.status_code == 302
    assert find_user("first@nest.example.com") is not None
