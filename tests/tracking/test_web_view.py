"""The mail in the browser: as it was sent, with the same links, and locked in."""

import re

import pytest
from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.audience.erasure import erase
from app.core.database import db, in_workspace
from tests.factories.messages import Sent, sent_message


@pytest.fixture
def sent(workspace: Workspace) -> Sent:
    return sent_message(workspace)


def test_it_is_the_persons_own_mail(visitor: FlaskClient, sent: Sent) -> None:
    page = visitor.get(f"/v/{sent.token}")
    assert page.status_code == 200
    assert "Hello Ada" in page.text
    assert "1 Dovecote Lane" in page.text
    assert sent.click_path() in page.text
    assert f"/o/{sent.token}.gif" in page.text
    assert f"/u/{sent.token}" in page.text
    assert "ada@example.org" not in page.text


def test_its_links_lead_on(visitor: FlaskClient, sent: Sent) -> None:
    page = visitor.get(f"/v/{sent.token}").text
    followed = [visitor.get(path).location for path in re.findall(r'href="http://localhost(/c/[^"]+)"', page)]
    assert followed == [f"https://example.com/{number}" for number in range(6)]


def test_it_is_locked_in(visitor: FlaskClient, sent: Sent) -> None:
    headers = visitor.get(f"/v/{sent.token}").headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "noindex" in headers["X-Robots-Tag"]
    assert headers["Referrer-Policy"] == "no-referrer"


def test_it_stays_as_sent_when_the_campaign_is_written_anew(visitor: FlaskClient, sent: Sent) -> None:
    before = visitor.get(f"/v/{sent.token}").text
    with in_workspace(sent.workspace.id):
        sent.campaign.mjml = "<mjml><mj-body></mj-body></mjml>"
        db.session.commit()
    assert visitor.get(f"/v/{sent.token}").text == before


def test_without_recording_there_is_no_pixel_and_no_detour(visitor: FlaskClient, sent: Sent) -> None:
    with in_workspace(sent.workspace.id):
        sent.person.tracking = False
        db.session.commit()
    page = visitor.get(f"/v/{sent.token}").text
    assert "/o/" not in page
    assert "/c/" not in page
    assert "https://example.com/0" in page


def test_a_campaign_that_counts_no_opens_has_no_pixel(visitor: FlaskClient, workspace: Workspace) -> None:
    sent = sent_message(workspace, track_opens=False)
    page = visitor.get(f"/v/{sent.token}").text
    assert "/o/" not in page
    assert sent.click_path() in page


def test_after_erasure_it_names_nobody(visitor: FlaskClient, sent: Sent) -> None:
    token = sent.token
    with in_workspace(sent.workspace.id):
        erase(sent.person)
        db.session.commit()
    page = visitor.get(f"/v/{token}")
    assert page.status_code == 200
    assert "Hello reader" in page.text
    assert "/o/" not in page.text
    assert visitor.get(f"/p/{token}").status_code == 404
    assert visitor.post(f"/u/{token}").status_code == 200
