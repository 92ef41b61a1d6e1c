"""Calls that are odd in form or in time: each is answered in words that say what to mend, and leaves nothing behind."""

import gzip
import hmac
import json
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.test import Client, TestResponse

from app.accounts.models import Workspace
from app.core import clock
from tests.factories.messages import Sent
from tests.factories.provider_events import event_of
from tests.factories.webhooks import (
    MAILGUN_KEY,
    RESEND_KEY,
    Hooked,
    Signed,
    a_webhook,
    basic_call,
    dump,
    generic_call,
    mailgun_call,
    signed_call,
)
from tests.tracking.webhooks.conftest import KINDS, changed, post, rows, take_in

MINUTE, HOUR = 60, 3600
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def now() -> str:
    return str(int(clock.now().timestamp()))


def refused(hooked: Hooked, answer: TestResponse, status: int, *words: str) -> None:
    assert (answer.status_code, rows(hooked)) == (status, [])
    for word in words:
        assert word in answer.text
    assert answer.text.strip() in hooked.now().last_refusal
    assert hooked.now().refused == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("media", ["text/plain; charset=UTF-8", "application/octet-stream", FORM["Content-Type"], ""])
def test_json_is_read_whatever_it_is_called(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str, media: str
) -> None:
    hooked = a_webhook(workspace, kind)
    call = signed_call(kind, hooked.secret, event_of(kind, "delivered", sent.mail_token))
    answer = post(visitor, hooked, changed(call, headers={**call.headers, "Content-Type": media}))
    assert answer.text == "Stored 1 of 1.\n"


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "gzip, identity"])
def test_what_is_compressed_is_not_unpacked(workspace: Workspace, visitor: FlaskClient, coding: str) -> None:
    hooked = a_webhook(workspace, "generic")
    call = generic_call({"type": "delivered"}, hooked.secret, now())
    packed = Signed(gzip.compress(call.body), {**call.headers, "Content-Encoding": coding})
    refused(hooked, post(visitor, hooked, packed), 415, "compressed")


def test_a_form_is_named_as_one(workspace: Workspace, visitor: FlaskClient) -> None:
    """Mailgun's older webhooks come as forms."""
    hooked = a_webhook(workspace, "mailgun")
    answer = post(visitor, hooked, Signed(b"event=bounced&token=1&signature=2", FORM))
    refused(hooked, answer, 400, "form")


def test_a_call_that_breaks_off_is_not_taken_for_a_forged_one(workspace: Workspace, visitor: FlaskClient) -> None:
    hooked = a_webhook(workspace, "generic")
    call = generic_call({"type": "delivered"}, hooked.secret, now())
    told = {"CONTENT_LENGTH": str(len(call.body)), "wsgi.input_terminated": True}
    answer = visitor.post(hooked.path, data=call.body[:-5], headers=call.headers, environ_overrides=told)
    refused(hooked, answer, 400, "broke off")


@pytest.mark.parametrize(
    ("kind", "seconds", "words"),
    [
        ("generic", 7 * MINUTE, ("7 minutes ago", "good for 5 minutes")),
        ("generic", -7 * MINUTE, ("7 minutes ahead", "UTC")),
        ("resend", 26 * HOUR, ("26 hours ago", "UTC")),
        ("mailgun", -3 * HOUR, ("3 hours ahead", "UTC")),
        ("sendgrid", 72 * HOUR, ("3 days ago", "good for 25 hours")),
        ("ses", 3 * HOUR, ("3 hours ago", "good for 2 hours")),
    ],
)
def test_a_clock_that_is_wrong_can_be_told_from_the_words(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str, seconds: int, words: tuple[str, ...]
) -> None:
    hooked = a_webhook(workspace, kind)
    call = signed_call(kind, hooked.secret, event_of(kind, "delivered", sent.mail_token), seconds=seconds)
    refused(hooked, post(visitor, hooked, call), 403, *words)


def test_raw_delivery_of_sns_is_told_from_another_topic(workspace: Workspace, visitor: FlaskClient, sent: Sent) -> None:
    hooked = a_webhook(workspace, "ses")
    raw = Signed(dump(event_of("ses", "delivered", sent.mail_token)))
    refused(hooked, post(visitor, hooked, raw), 403, "raw delivery")


@pytest.mark.parametrize("name", ["signature", "parent-signature"])
def test_mailguns_subaccounts_sign_by_either_key(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, name: str
) -> None:
    """Whichever of the two the owner has entered, the subaccount's or that of its primary account."""
    hooked = a_webhook(workspace, "mailgun")
    call = json.loads(mailgun_call(event_of("mailgun", "delivered", sent.mail_token), now()).body)
    true = call["signature"]["signature"]
    call["signature"] |= {"signature": "0" * 64, "parent-signature": "0" * 64, name: true}
    assert post(visitor, hooked, Signed(dump(call))).text == "Stored 1 of 1.\n"


def test_what_is_signed_cannot_wander_from_the_body_to_the_time(workspace: Workspace, visitor: FlaskClient) -> None:
    """`id.time.body`: whoever writes into a subject what looks like a time must not choose where the body begins."""
    hooked, stamp = a_webhook(workspace, "resend"), now()
    signed = f'msg_1.{stamp}.{{"subject": ".{stamp}.17'
    signature = b64encode(hmac.new(RESEND_KEY, signed.encode(), sha256).digest()).decode()
    head = {"svix-timestamp": stamp, "svix-signature": f"v1,{signature}"}
    shifted = Signed(b"17", {**head, "svix-id": f'msg_1.{stamp}.{{"subject": "'})
    refused(hooked, post(visitor, hooked, shifted), 403, "signature")


def test_of_a_name_that_comes_twice_the_last_counts_everywhere(
    workspace: Workspace, visitor: FlaskClient, sent: Sent
) -> None:
    """What was verified is what is stored: no second reader sees another value."""
    hooked = a_webhook(workspace, "mailgun")
    body = mailgun_call(event_of("mailgun", "complained", sent.mail_token), now()).body
    forged = json.dumps(event_of("mailgun", "delivered", sent.mail_token)).encode()
    assert post(visitor, hooked, Signed(b'{"event-data": ' + forged + b", " + body[1:])).status_code == 200
    [row] = rows(hooked)
    assert (row.type, row.body["event"]) == ("complained", "complained")


TEXTS: list[Callable[[str], Any]] = [
    lambda text: {"type": text, "id": text},
    lambda text: {"type": "bounced", "message": text, "recipient": text, "text": text, "time": text},
    lambda text: {text: text, "type": "delivered", "return_path": text, "status": text, "code": text, "stage": text},
]


@pytest.mark.parametrize("shape", TEXTS)
@pytest.mark.parametrize("text", ["nu\0l", "\ud800half", "half\udfff", "'; DROP TABLE webhooks; --", "\x1f" * 300])
def test_what_no_database_takes_is_stored_and_worked_through(
    workspace: Workspace, visitor: FlaskClient, text: str, shape: Callable[[str], Any]
) -> None:
    hooked = a_webhook(workspace, "generic")
    assert post(visitor, hooked, generic_call(shape(text), hooked.secret, now())).text == "Stored 1 of 1.\n"
    take_in()
    [row] = rows(hooked)
    assert row.handled_at is not None
    assert "could not" not in row.note


def test_no_answer_and_no_log_holds_a_secret(app: Flask, workspace: Workspace, sent: Sent) -> None:
    with capture_logs() as told:
        for kind in KINDS:
            hooked = a_webhook(workspace, kind)
            path, secret = hooked.path, hooked.secret
            good = signed_call(kind, secret, event_of(kind, "bounced", sent.mail_token))
            cut = changed(good, body=good.body[:-3])
            for call in (good, cut, basic_call({}, secret), basic_call({}, secret[::-1])):
                answer = Client(app).post(path, data=call.body, headers=call.headers)
                assert secret not in answer.text + str(answer.headers) + str(told)
            if kind != "ses":
                assert secret not in hooked.now().last_refusal
        take_in()
    assert "Basic " not in str(told)
    assert MAILGUN_KEY not in str(told)
