"""A test mail goes from a domain that no campaign may start from, and says so wherever it was asked for."""

import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from app.accounts.models import Role
from app.campaigns import testsend
from app.campaigns.launch import launch
from app.core.database import db, in_workspace
from app.core.errors import Invalid
from app.core.settings import EXAMPLE_BOUNCE_DOMAIN
from app.mail.wire import WireMail
from tests.api.conftest import Program, make_key
from tests.deliverability.domains.nest import Nest
from tests.factories.audience import a_list
from tests.factories.campaigns import add_people, weekly_digest


@pytest.fixture
def nameless(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> int:
    """A campaign from a sound domain of an installation whose mail leaves, without a bounce domain of its own."""
    nest.check()
    ours = current_app.extensions["merpati.settings"].model_copy(
        update={"bounce_domain": EXAMPLE_BOUNCE_DOMAIN, "catcher": False}
    )
    monkeypatch.setitem(current_app.extensions, "merpati.settings", ours)
    monkeypatch.setattr(testsend, "send_mail", lambda _workspace, mail, _until: _taken(mail))
    with in_workspace(nest.workspace.id):
        doves = a_list("Letters")
        add_people(doves, 2)
        campaign = weekly_digest(doves)
        db.session.commit()
        return campaign.id


def _taken(mail: WireMail) -> str:
    return f"250 2.0.0 Ok for {mail.envelope_to}"


def test_the_page_the_answer_and_the_log_say_it(app: Flask, as_ada: FlaskClient, nest: Nest, nameless: int) -> None:
    with in_workspace(nest.workspace.id), pytest.raises(Invalid, match="MERPATI_BOUNCE_DOMAIN is not set"):
        launch(nameless, by=None)
    api = Program(app, make_key(nest.workspace, Role.OWNER))
    with capture_logs() as told:
        answer = api.post(f"/campaigns/{nameless}/test", {"email": "ada@example.com"}).json
        path = f"/w/{nest.workspace.slug}/campaigns/{nameless}/test"
        page = as_ada.post(path, data={"to": "ada@example.com"}, follow_redirects=True).text
    assert answer["reply"] == "250 2.0.0 Ok for ada@example.com"
    assert any("MERPATI_BOUNCE_DOMAIN is not set" in words for words in answer["warnings"])
    assert "250 2.0.0 Ok for ada@example.com" in page
    assert "The test went out, but the campaign would not start. MERPATI_BOUNCE_DOMAIN is not set" in page
    codes = [line["codes"] for line in told if line.get("campaign_id") == nameless]
    assert len(codes) == 2
    assert all("names-not-set" in each for each in codes)
