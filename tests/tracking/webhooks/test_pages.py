"""The owner's page: add, secrets shown once, refusals, unknown types, recent events."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.core.shown_once import PATIENCE
from app.tracking.models import Webhook, WebhookEvent
from tests.factories.messages import Sent
from tests.factories.provider_events import event_of
from tests.factories.webhooks import TOPIC, Signed, a_webhook, basic_call, signed_call
from tests.tracking.webhooks.conftest import KINDS, post, take_in


def page(workspace: Workspace, *more: object) -> str:
    return "/".join(["", "w", workspace.slug, "settings", "webhooks", *map(str, more)])


def one(workspace: Workspace) -> Webhook:
    with in_workspace(workspace.id):
        return db.session.scalars(select(Webhook)).one()


def test_a_secret_of_ours_is_shown_once_and_ends_when_a_new_one_is_made(
    workspace: Workspace, as_ada: FlaskClient, visitor: FlaskClient, sent: Sent
) -> None:
    added = as_ada.post(page(workspace), data={"kind": "postmark", "name": "Main account"}, follow_redirects=True)
    secret = _secret(added.text)
    hook = one(workspace)
    assert f"/hooks/{hook.public_id}" in added.text
    assert secret not in as_ada.get(page(workspace, hook.id)).text
    call = basic_call(event_of("postmark", "delivered", sent.mail_token), secret)
    assert visitor.post(f"/hooks/{hook.public_id}", data=call.body, headers=call.headers).status_code == 200
    newer = _secret(as_ada.post(page(workspace, hook.id, "rotate"), follow_redirects=True).text)
    assert newer != secret
    assert visitor.post(f"/hooks/{hook.public_id}", data=call.body, headers=call.headers).status_code == 401
    assert secret.encode() not in (one(workspace).secret_sealed or b"")


@pytest.mark.parametrize("kind", ["postmark", "sparkpost", "brevo", "generic"])
def test_a_reload_makes_no_second_webhook_and_no_second_secret(
    workspace: Workspace, as_ada: FlaskClient, kind: str
) -> None:
    answer = as_ada.post(page(workspace), data={"kind": kind})
    there = page(workspace, one(workspace).id)
    assert (answer.status_code, answer.location) == (302, there)
    cookie = str(as_ada.get_cookie("merpati"))
    secret, sealed = _secret(as_ada.get(there).text), one(workspace).secret_sealed
    assert secret not in cookie
    again = as_ada.get(there).text
    assert secret not in again
    assert "secret-made" not in again
    answer = as_ada.post(f"{there}/rotate")
    assert (answer.status_code, answer.location) == (302, there)
    assert one(workspace).secret_sealed != sealed
    newer, sealed = _secret(as_ada.get(there).text), one(workspace).secret_sealed
    assert newer != secret
    for address in (f"{there}/rotate", f"{there}/secret"):
        assert (as_ada.get(address).status_code, as_ada.get(address).location) == (302, there)
    assert "secret-made" not in as_ada.get(there).text
    assert one(workspace).secret_sealed == sealed


def test_a_secret_is_shown_on_its_own_page_and_not_after_minutes(
    workspace: Workspace, as_ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = a_webhook(workspace, "brevo")
    there = as_ada.post(page(workspace), data={"kind": "postmark"}).location
    assert "secret-made" not in as_ada.get(page(workspace, other.hook.id)).text
    assert "secret-made" in as_ada.get(there).text
    as_ada.post(f"{there}/rotate")
    later = clock.now() + timedelta(seconds=PATIENCE + 1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert "secret-made" not in as_ada.get(there).text


def test_what_the_provider_shows_is_entered_and_checked(workspace: Workspace, as_ada: FlaskClient) -> None:
    as_ada.post(page(workspace), data={"kind": "ses"})
    hook = one(workspace)
    assert "Not complete" in as_ada.get(page(workspace)).text
    wrong = as_ada.post(page(workspace, hook.id, "secret"), data={"secret": "arn:aws:s3:::bucket"})
    assert (wrong.status_code, "not the ARN of a topic" in wrong.text) == (422, True)
    assert as_ada.post(page(workspace, hook.id, "secret"), data={"secret": f" {TOPIC}\n"}).status_code == 302
    assert one(workspace).options == {"topic": TOPIC}
    assert as_ada.post(page(workspace, hook.id, "rotate")).status_code == 409


def test_wrong_keys_are_refused_for_each_kind(workspace: Workspace, as_ada: FlaskClient) -> None:
    for kind in ("sendgrid", "mailgun", "resend"):
        hooked = a_webhook(workspace, kind)
        before = hooked.hook.secret_sealed
        for wrong in ("x", "whsec_", "MFkw", "a key with spaces in it", "é" * 30):
            answer = as_ada.post(page(workspace, hooked.hook.id, "secret"), data={"secret": wrong})
            assert answer.status_code == 422, (kind, wrong)
        assert hooked.now().secret_sealed == before


def test_every_kind_has_its_guide(workspace: Workspace, as_ada: FlaskClient) -> None:
    for kind in KINDS:
        text = as_ada.get(page(workspace, a_webhook(workspace, kind).hook.id)).text
        assert text.count("step-title") >= 2
        assert ("In your program" if kind == "generic" else "At the provider") in text
        assert ("Providers have a button" in text) == (kind != "generic")
    assert as_ada.get(page(workspace)).status_code == 200


def test_the_page_tells_of_refusals_unknown_types_and_events_without_trusting_them(
    workspace: Workspace, as_ada: FlaskClient, visitor: FlaskClient, sent: Sent
) -> None:
    hooked = a_webhook(workspace, "sendgrid")
    odd = event_of("sendgrid", "novel", sent.mail_token) | {"event": "<script>alert(1)</script>"}
    post(visitor, hooked, signed_call("sendgrid", "", odd))
    take_in()
    post(visitor, hooked, Signed(b"[]"))
    text = as_ada.get(page(workspace, hooked.hook.id)).text
    assert "One call was refused" in text
    assert "The call is not signed" in text
    assert "The last one on <time" in text, "in the workspace's zone, as everywhere"
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(1)") >= 2
    as_ada.post(page(workspace, hooked.hook.id, "forget"))
    assert "was refused" not in as_ada.get(page(workspace, hooked.hook.id)).text
    assert hooked.now().options == {}


def test_switched_off_and_removed(workspace: Workspace, as_ada: FlaskClient, visitor: FlaskClient, sent: Sent) -> None:
    hooked = a_webhook(workspace, "brevo")
    call = signed_call("brevo", hooked.secret, event_of("brevo", "bounced", sent.mail_token))
    as_ada.post(page(workspace, hooked.hook.id, "switch"), data={"on": ""})
    assert post(visitor, hooked, call).status_code == 404
    as_ada.post(page(workspace, hooked.hook.id, "switch"), data={"on": "1"})
    assert post(visitor, hooked, call).status_code == 200
    take_in()
    path, number = hooked.path, hooked.hook.id
    as_ada.post(page(workspace, number, "remove"))
    assert visitor.post(path, data=call.body, headers=call.headers).status_code == 404
    with every_workspace():
        assert db.session.query(WebhookEvent).filter_by(webhook_id=number).count() == 0
    assert len(sent.events("bounced")) == 1


def _secret(text: str) -> str:
    found = re.search(r'<pre id="secret-made"[^>]*>([\w-]{32})</pre>', text)
    assert found, text
    return found[1]
