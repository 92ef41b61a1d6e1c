"""Who gets in: what is signed, fresh and new. Everything else is turned away, counted, and leaves nothing."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import Client

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.core.database import db
from app.core.errors import Unavailable
from app.tracking.webhooks import door
from tests.factories.messages import Sent
from tests.factories.provider_events import event_of
from tests.factories.webhooks import (
    RESEND_KEY,
    TOPIC,
    Hooked,
    Signed,
    a_webhook,
    basic_call,
    certificate,
    dump,
    generic_call,
    mailgun_call,
    sendgrid_call,
    signed_call,
    sns_call,
    svix_call,
)
from tests.tracking.webhooks.conftest import KINDS, Amazon, changed, post, rows

UNSIGNED = ("postmark", "sparkpost", "brevo")
SIGNS_BODY = ("ses", "sendgrid", "resend", "generic")


def delivered(kind: str, sent: Sent) -> dict[str, Any]:
    return event_of(kind, "delivered", sent.mail_token)


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_is_stored_and_its_repeat_is_the_same_row(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str
) -> None:
    hooked = a_webhook(workspace, kind)
    call = signed_call(kind, hooked.secret, delivered(kind, sent))
    first, again = post(visitor, hooked, call), post(visitor, hooked, call)
    assert (first.status_code, first.text) == (200, "Stored 1 of 1.\n")
    assert (again.status_code, again.text) == (200, "Stored 0 of 1.\n")
    assert "Set-Cookie" not in first.headers
    assert [row.workspace_id for row in rows(hooked)] == [workspace.id]
    assert hooked.now().heard_at is not None
    assert hooked.now().refused == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_with_another_secret_is_refused(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str
) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    hooked, event = a_webhook(workspace, kind), delivered(kind, sent)
    good = signed_call(kind, hooked.secret, event)
    stamp = good.headers.get("svix-timestamp") or good.headers.get("X-Merpati-Timestamp") or ""
    wrong: dict[str, Signed] = {
        "ses": sns_call(event, key=rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        "sendgrid": sendgrid_call(
            [event],
            good.headers.get("X-Twilio-Email-Event-Webhook-Timestamp", ""),
            ec.generate_private_key(ec.SECP256R1()),
        ),
        "mailgun": mailgun_call(event, _stamp_of(good), key="another key of sixteen"),
        "resend": svix_call(event, stamp or "0", key=RESEND_KEY[::-1]),
        "generic": generic_call({"events": [event]}, "another", stamp),
        **{name: basic_call(event, "another") for name in UNSIGNED},
    }
    _is_refused(visitor, hooked, wrong[kind])
    _is_refused(visitor, hooked, Signed(good.body) if kind not in ("ses", "mailgun") else Signed(b"{}"))


@pytest.mark.parametrize("kind", [*SIGNS_BODY, "mailgun"])
def test_a_call_without_any_signature_is_told_so(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str
) -> None:
    hooked = a_webhook(workspace, kind)
    signed = signed_call(kind, hooked.secret, delivered(kind, sent))
    body = json.loads(signed.body)
    if kind == "ses":
        del body["Signature"]
    elif kind == "mailgun":
        del body["signature"]
    answer = post(visitor, hooked, Signed(dump(body)))
    assert (answer.status_code, answer.text.partition(":")[0]) == (403, "The call is not signed")
    assert rows(hooked) == []


def test_a_call_that_tells_no_time_is_told_so(workspace: Workspace, visitor: FlaskClient) -> None:
    answer = post(visitor, a_webhook(workspace, "generic"), Signed(b"{}", {"X-Merpati-Signature": "v1=00"}))
    assert (answer.status_code, "X-Merpati-Timestamp is missing" in answer.text) == (403, True)


@pytest.mark.parametrize("kind", SIGNS_BODY)
def test_a_changed_body_is_refused(workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str) -> None:
    hooked = a_webhook(workspace, kind)
    call = signed_call(kind, hooked.secret, delivered(kind, sent))
    body = call.body.replace(b"ada@example.org", b"eve@example.org")
    assert body != call.body
    _is_refused(visitor, hooked, changed(call, body=body))


def test_a_token_of_mailgun_opens_nothing_but_what_it_came_with(
    workspace: Workspace, visitor: FlaskClient, sent: Sent
) -> None:
    hooked = a_webhook(workspace, "mailgun")
    call = signed_call("mailgun", hooked.secret, delivered("mailgun", sent))
    assert post(visitor, hooked, call).status_code == 200
    forged = {**json.loads(call.body), "event-data": event_of("mailgun", "complained", sent.mail_token)}
    _is_refused(visitor, hooked, Signed(dump(forged)), stored=1)
    assert post(visitor, hooked, call).text == "Stored 0 of 1.\n"


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_of_sns_are_read(workspace: Workspace, visitor: FlaskClient, sent: Sent, version: str) -> None:
    hooked = a_webhook(workspace, "ses")
    assert post(visitor, hooked, sns_call(delivered("ses", sent), version=version)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "asks"),
    [
        ({"TopicArn": TOPIC + "2"}, 0),
        ({"TopicArn": TOPIC.replace("123456789012", "210987654321")}, 0),
        ({"SignatureVersion": "3"}, 0),
        ({"SigningCertURL": "http://sns.eu-central-1.amazonaws.com/a.pem"}, 0),
        ({"SigningCertURL": "https://sns.eu-central-1.amazonaws.com.example.com/a.pem"}, 0),
        ({"SigningCertURL": "https://sns.eu-central-1.amazonaws.com@example.com/a.pem"}, 0),
        ({"SigningCertURL": "https://sns.us-east-1.amazonaws.com/a.pem"}, 0),
        ({"SigningCertURL": "https://sns.eu-central-1.amazonaws.com:8443/a.pem"}, 0),
        ({"SigningCertURL": "https://sns.eu-central-1.amazonaws.com/a.pem?b"}, 0),
        ({"SigningCertURL": "https://sns.eu-central-1.amazonaws.com/a/../b.pem"}, 0),
        ({"SigningCertURL": "https://bucket.s3.amazonaws.com/a.pem"}, 0),
        ({"SigningCertURL": "https://169.254.169.254/a.pem"}, 0),
        ({"SigningCertURL": ""}, 0),
        ({"Subject": ["no text"]}, None),
    ],
)
def test_sns_is_believed_only_at_its_own_address_and_for_the_topic(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, amazon: Amazon, changes: dict[str, Any], asks: int | None
) -> None:
    hooked = a_webhook(workspace, "ses")
    call = sns_call(delivered("ses", sent))
    _is_refused(visitor, hooked, Signed(dump({**json.loads(call.body), **changes})))
    assert asks is None or len(amazon.asked) == asks


def test_the_certificate_is_asked_for_once_and_must_be_of_today(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, amazon: Amazon
) -> None:
    hooked = a_webhook(workspace, "ses")
    for _ in range(3):
        assert post(visitor, hooked, sns_call(delivered("ses", sent))).status_code == 200
    assert len(amazon.asked) == 1
    old = "https://sns.eu-central-1.amazonaws.com/old.pem"
    amazon.pages["/old.pem"] = certificate(days=-1, since=9)
    _is_refused(visitor, hooked, sns_call(delivered("ses", sent), SigningCertURL=old), stored=3)


def test_without_the_certificate_sns_is_asked_to_try_again(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, amazon: Amazon
) -> None:
    hooked = a_webhook(workspace, "ses")
    amazon.pages.clear()
    for _ in range(2):
        assert post(visitor, hooked, sns_call(delivered("ses", sent))).status_code == 503
    assert len(amazon.asked) == 1  # not again at once
    assert hooked.now().refused == 0


@pytest.mark.parametrize(("kind", "later"), [("brevo", 429), ("postmark", 503)])
def test_without_the_database_each_is_told_later_in_its_words(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, monkeypatch: pytest.MonkeyPatch, kind: str, later: int
) -> None:
    hooked = a_webhook(workspace, kind)
    call = signed_call(kind, hooked.secret, delivered(kind, sent))

    def away(*_: object) -> None:
        raise Unavailable("The database does not answer. Nothing was stored; send it again.")

    with monkeypatch.context() as patched:
        patched.setattr(door, "take", away)
        assert post(visitor, hooked, call).status_code == later
    assert post(visitor, hooked, call).text == "Stored 1 of 1.\n"


def test_a_call_to_another_workspaces_address_needs_its_secret(
    workspace: Workspace, visitor: FlaskClient, sent: Sent
) -> None:
    ours, theirs = a_webhook(workspace, "postmark"), a_webhook(create_workspace("Theirs"), "postmark")
    _is_refused(visitor, theirs, signed_call("postmark", ours.secret, delivered("postmark", sent)))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b"\xff\xfe[\x00]\x00", 400),
        ('{"a": "é"}'.encode("latin-1"), 400),
        (b'{"a": NaN}', 400),
        (b"[" * 100_000, 400),
        (b'[{"event": ' + b"[" * 50_000 + b"]" * 50_000 + b"}]", 400),
        (b'["text"]', 400),
        (b"9" * 5000, 400),
        (b" " * (5 * 1024 * 1024 + 1), 413),
    ],
)
def test_garbage_is_refused_even_with_the_secret(
    workspace: Workspace, visitor: FlaskClient, body: bytes, status: int
) -> None:
    hooked = a_webhook(workspace, "postmark")
    answer = post(visitor, hooked, changed(basic_call(None, hooked.secret), body=body))
    assert answer.status_code == status
    assert answer.mimetype == "text/plain"
    assert rows(hooked) == []
    assert hooked.now().refused == 1
    assert "Nothing" in hooked.now().last_refusal


def test_what_no_database_keeps_is_kept_without_it(workspace: Workspace, visitor: FlaskClient) -> None:
    hooked = a_webhook(workspace, "postmark")
    body = b'{"RecordType": "Bou\\u0000nce", "Details": "half \\ud800 a pair, \\ud83d\\ude00 whole", "ID": 1e999}'
    assert post(visitor, hooked, changed(basic_call(None, hooked.secret), body=body)).status_code == 200
    [row] = rows(hooked)
    assert row.body["Details"] == "half \ufffd a pair, 😀 whole"
    assert "\0" not in row.type + row.body["RecordType"]


def test_a_hundred_megabytes_are_not_read(workspace: Workspace, visitor: FlaskClient) -> None:
    hooked = a_webhook(workspace, "postmark")
    environ = {"CONTENT_LENGTH": str(100 * 1024 * 1024), "wsgi.input": _Unreadable()}
    assert visitor.post(hooked.path, environ_overrides=environ).status_code == 413
    assert rows(hooked) == []


def test_an_unknown_or_switched_off_address_is_nothing(workspace: Workspace, visitor: FlaskClient, sent: Sent) -> None:
    hooked = a_webhook(workspace, "postmark")
    call = signed_call("postmark", hooked.secret, delivered("postmark", sent))
    assert visitor.post("/hooks/nowhere", data=call.body, headers=call.headers).status_code == 404
    hooked.now().is_enabled = False
    db.session.commit()
    assert post(visitor, hooked, call).status_code == 404
    assert visitor.get(hooked.path).status_code == 405
    assert rows(hooked) == []


@pytest.mark.parametrize("kind", ["sendgrid", "sparkpost", "generic"])
def test_a_batch_becomes_a_row_for_each_event(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str
) -> None:
    hooked = a_webhook(workspace, kind)
    events = [event_of(kind, "delivered", sent.mail_token) for _ in range(500)]
    answer = post(visitor, hooked, signed_call(kind, hooked.secret, *events, events[0]))
    assert answer.text == "Stored 500 of 501.\n"


def test_sparkposts_trial_call_is_taken(workspace: Workspace, visitor: FlaskClient) -> None:
    hooked = a_webhook(workspace, "sparkpost")
    assert post(visitor, hooked, basic_call([{"msys": {}}], hooked.secret)).text == "Stored 0 of 0.\n"


def test_a_webhook_without_its_secret_takes_nothing(workspace: Workspace, visitor: FlaskClient, sent: Sent) -> None:
    hooked = a_webhook(workspace, "mailgun")
    hooked.now().secret_sealed = None
    db.session.commit()
    stamp = _stamp_of(signed_call("mailgun", "", {}))
    _is_refused(visitor, hooked, mailgun_call(delivered("mailgun", sent), stamp, key=""))


class _Unreadable:
    def read(self, *_: object) -> bytes:
        raise AssertionError("was read")

    readline = readinto = read


def _stamp_of(call: Signed) -> str:
    body = json.loads(call.body)
    found = body.get("signature", {}) if isinstance(body, dict) else {}
    return str(found.get("timestamp", "0")) if isinstance(found, dict) else "0"


def _is_refused(visitor: FlaskClient, hooked: Hooked, call: Signed, *, stored: int = 0) -> None:
    before = hooked.now().refused
    answer = post(visitor, hooked, call)
    assert answer.status_code in (401, 403), answer.text
    assert len(answer.text) < 200
    assert len(rows(hooked)) == stored
    assert hooked.now().refused == before + 1
    assert answer.text.strip() in hooked.now().last_refusal


@pytest.mark.parametrize("kind", KINDS)
def test_a_web_server_calls_without_any_context(app: Flask, workspace: Workspace, sent: Sent, kind: str) -> None:
    """A thread has no context of its own; those of this test, and the client's, would hide that one is missing."""
    hooked = a_webhook(workspace, kind)
    path, call = hooked.path, signed_call(kind, hooked.secret, delivered(kind, sent))
    with ThreadPoolExecutor(1) as server:
        answer = server.submit(lambda: Client(app).post(path, data=call.body, headers=call.headers)).result()
    assert (answer.status_code, answer.text) == (200, "Stored 1 of 1.\n")
