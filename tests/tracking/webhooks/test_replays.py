"""The same bytes again: nothing is stored twice and nothing follows twice, whatever was lost in between."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import exists, select
from werkzeug.test import Client, TestResponse

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.audience.models import Suppression
from app.core import clock
from app.core.database import db, every_workspace
from app.core.extensions import queue
from app.messages.models import Event
from app.tracking.models import WebhookToken
from app.tracking.webhooks.calls import Call, Lock
from app.tracking.webhooks.intake import forget_old_events
from app.tracking.webhooks.verify.mailgun import LATEST, once_of_mailgun
from tests.factories.messages import Sent
from tests.factories.provider_events import event_of
from tests.factories.webhooks import MAILGUN_KEY, Hooked, Signed, a_webhook, dump, signed_call
from tests.tracking.webhooks.conftest import KINDS, post, rows, take_in

HOUR = 3600
TELLING = [
    (kind, what)
    for kind in KINDS
    for what in ("bounced", "complained", "unsubscribed")
    if (kind, what) != ("resend", "unsubscribed")  # it tells of none
]


def call_of(hooked: Hooked, sent: Sent, what: str, seconds: float = 0) -> Signed:
    kind = hooked.hook.kind
    return signed_call(kind, hooked.secret, event_of(kind, what, sent.mail_token), seconds=seconds)


def forged_from(call: Signed, sent: Sent) -> Signed:
    """Another event under the signature that a call of Mailgun came with."""
    event = event_of("mailgun", "complained", sent.mail_token)
    return Signed(dump({**json.loads(call.body), "event-data": event}))


@pytest.mark.parametrize(("kind", "what"), TELLING)
def test_a_replay_changes_nothing_even_after_the_queue_was_lost(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str, what: str
) -> None:
    hooked = a_webhook(workspace, kind)
    call = call_of(hooked, sent, what)
    assert post(visitor, hooked, call).text == "Stored 1 of 1.\n"
    take_in()
    before = _all_that_follows(sent)
    for _ in range(2):
        assert post(visitor, hooked, call).text == "Stored 0 of 1.\n"
    queue().flushdb()
    assert post(visitor, hooked, call).text == "Stored 0 of 1.\n"
    take_in()
    assert _all_that_follows(sent) == before
    assert len(rows(hooked)) == 1


@pytest.mark.parametrize(("kind", "what"), TELLING)
def test_a_replay_to_a_webhook_that_was_added_anew_changes_nothing(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str, what: str
) -> None:
    first = a_webhook(workspace, kind)
    call = call_of(first, sent, what)
    post(visitor, first, call)
    take_in()
    before = _all_that_follows(sent)
    db.session.delete(first.hook)
    again = a_webhook(workspace, kind)
    again.hook.secret_sealed = first.hook.secret_sealed
    db.session.commit()
    assert post(visitor, again, call).status_code == 200
    take_in()
    assert _all_that_follows(sent) == before


def test_a_token_opens_nothing_else_after_the_queue_was_lost(
    workspace: Workspace, visitor: FlaskClient, sent: Sent
) -> None:
    hooked = a_webhook(workspace, "mailgun")
    call = call_of(hooked, sent, "delivered")
    assert post(visitor, hooked, call).status_code == 200
    queue().flushdb()
    answer = post(visitor, hooked, forged_from(call, sent))
    assert (answer.status_code, len(rows(hooked))) == (403, 1)
    assert "token" in answer.text
    assert "token" in hooked.now().last_refusal


@pytest.mark.parametrize("where", ["the same", "added anew", "another workspace's"])
def test_a_token_opens_one_door_wherever_the_signing_key_was_entered(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, where: str
) -> None:
    hooked = a_webhook(workspace, "mailgun")
    call = call_of(hooked, sent, "delivered")
    assert post(visitor, hooked, call).status_code == 200
    other = hooked
    if where != "the same":
        db.session.delete(hooked.hook)
        other = a_webhook(workspace if where == "added anew" else create_workspace("Theirs"), "mailgun")
    assert post(visitor, other, forged_from(call, sent)).status_code == 403
    assert len(rows(other)) == (1 if where == "the same" else 0)


def test_a_token_that_was_refused_is_not_spent(workspace: Workspace, visitor: FlaskClient, sent: Sent) -> None:
    """Seen and stored are one statement: what was not stored may come again in other words."""
    hooked = a_webhook(workspace, "mailgun")
    call = call_of(hooked, sent, "delivered")
    odd = Signed(dump({**json.loads(call.body), "event-data": "none"}))
    assert post(visitor, hooked, odd).status_code == 400
    hooked.now().is_enabled = False
    db.session.commit()
    assert post(visitor, hooked, call).status_code == 404
    assert not _is_known(call)
    hooked.now().is_enabled = True
    db.session.commit()
    assert post(visitor, hooked, call).text == "Stored 1 of 1.\n"


def test_of_two_calls_at_once_with_one_token_one_gets_in(app: Flask, workspace: Workspace, sent: Sent) -> None:
    hooked = a_webhook(workspace, "mailgun")
    path, start = hooked.path, Barrier(2)
    for _ in range(5):
        call = call_of(hooked, sent, "delivered")

        def knock(one: Signed) -> TestResponse:
            start.wait()
            return Client(app).post(path, data=one.body)

        with ThreadPoolExecutor(2) as callers:
            answers = list(callers.map(knock, [call, forged_from(call, sent)]))
        assert sorted(answer.status_code for answer in answers) == [200, 403]
    assert len(rows(hooked)) == 5


def test_a_token_is_remembered_for_as_long_as_it_opens(workspace: Workspace, visitor: FlaskClient, sent: Sent) -> None:
    hooked = a_webhook(workspace, "mailgun")
    late, ahead = call_of(hooked, sent, "delivered", 8 * HOUR), call_of(hooked, sent, "delivered", -240)
    for call in (late, ahead):
        assert post(visitor, hooked, call).status_code == 200
    with clock.moved(timedelta(minutes=59)):
        _keep_house()
        assert post(visitor, hooked, forged_from(late, sent)).status_code == 403
        assert _is_known(late)
    with clock.moved(timedelta(seconds=LATEST + 200)):
        _keep_house()
        assert post(visitor, hooked, forged_from(ahead, sent)).status_code == 403
        assert (_is_known(late), _is_known(ahead)) == (False, True)
    with clock.moved(timedelta(seconds=LATEST + 2 * HOUR)):
        _keep_house()
        assert not _is_known(ahead)
    assert len(rows(hooked)) == 2


def test_tokens_are_kept_as_digests(workspace: Workspace, visitor: FlaskClient, sent: Sent) -> None:
    hooked = a_webhook(workspace, "mailgun")
    call = call_of(hooked, sent, "delivered")
    assert post(visitor, hooked, call).status_code == 200
    token = json.loads(call.body)["signature"]["token"]
    kept = db.session.execute(select(WebhookToken.digest, WebhookToken.call)).all()
    assert kept
    assert all(token.encode() not in value for row in kept for value in row)
    assert token not in str([row.body for row in rows(hooked)])


def test_events_are_kept_for_as_long_as_they_can_be_replayed(
    workspace: Workspace, visitor: FlaskClient, sent: Sent
) -> None:
    """SendGrid's calls are good for 25 hours, and an operator may keep raw events for a day."""
    hooked = a_webhook(workspace, "sendgrid")
    call = call_of(hooked, sent, "complained")
    assert post(visitor, hooked, call).text == "Stored 1 of 1.\n"
    take_in()
    with clock.moved(timedelta(hours=24, minutes=30)):
        _keep_house(1)
        assert post(visitor, hooked, call).text == "Stored 0 of 1.\n"


def _all_that_follows(sent: Sent) -> list[object]:
    with every_workspace():
        db.session.expire_all()
        events = db.session.execute(
            select(Event.id, Event.kind).where(Event.message_id == sent.message.id).order_by(Event.id)
        ).all()
        suppressed = db.session.scalars(
            select(Suppression.id).where(Suppression.workspace_id == sent.message.workspace_id)
        ).all()
        return [*map(tuple, events), *suppressed]


def _keep_house(days: int = 60) -> None:
    with every_workspace():
        forget_old_events(days)
        db.session.commit()


def _is_known(call: Signed) -> bool:
    made = Call(call.body, {}, clock.now())
    digest = once_of_mailgun(made, Lock(0, MAILGUN_KEY, {}), json.loads(call.body)).digest
    return db.session.scalar(select(exists().where(WebhookToken.digest == digest))) is True
