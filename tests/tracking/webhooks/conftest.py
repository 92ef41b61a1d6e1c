"""A message that went out, a stand-in for Amazon's servers, and the way from a call to its rows."""

from collections.abc import Iterator
from copy import copy

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select
from werkzeug.test import TestResponse

from app.accounts.models import Workspace
from app.core.database import db, every_workspace
from app.core.errors import Unavailable
from app.tracking.models import WebhookEvent
from app.tracking.webhooks import fetching
from app.tracking.webhooks.fetching import Place
from app.tracking.webhooks.intake import take_in_events
from app.tracking.webhooks.verify.sns import certificates
from tests.factories.messages import Sent, sent_message
from tests.factories.webhooks import CERTIFICATE, Hooked, Signed, certificate

KINDS = ("ses", "sendgrid", "mailgun", "postmark", "sparkpost", "brevo", "resend", "generic")


class Amazon:
    """Answers instead of Amazon SNS, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Place] = []
        self.pages = {CERTIFICATE.partition("amazonaws.com")[2]: certificate()}

    def fetch(self, place: Place) -> bytes:
        self.asked.append(place)
        if place.path.startswith("/?Action=ConfirmSubscription"):
            return b"<ConfirmSubscriptionResponse/>"
        if place.path not in self.pages:
            raise Unavailable("Amazon SNS could not be asked (404). Nothing was stored.")
        return self.pages[place.path]


@pytest.fixture(autouse=True)
def amazon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Amazon]:
    certificates.forget()
    stand_in = Amazon()
    monkeypatch.setattr(fetching, "fetch", stand_in.fetch)
    yield stand_in
    certificates.forget()


@pytest.fixture(autouse=True)
def _nothing_waits(app: Flask) -> None:
    """What other tests left for the worker would be counted with this test's own."""
    with app.app_context(), every_workspace():
        db.session.execute(delete(WebhookEvent).where(WebhookEvent.handled_at.is_(None)))
        db.session.commit()


@pytest.fixture
def sent(workspace: Workspace) -> Sent:
    return sent_message(workspace)


def post(visitor: FlaskClient, hooked: Hooked, call: Signed) -> TestResponse:
    headers = {"Content-Type": "application/json", **call.headers}
    return visitor.post(hooked.path, data=call.body, headers=headers)


def rows(hooked: Hooked) -> list[WebhookEvent]:
    query = select(WebhookEvent).where(WebhookEvent.webhook_id == hooked.hook.id).order_by(WebhookEvent.id)
    with every_workspace():
        return list(db.session.scalars(query.execution_options(populate_existing=True)))


def take_in() -> int:
    taken = take_in_events()
    db.session.expire_all()
    return taken


def changed(call: Signed, **changes: object) -> Signed:
    made = copy(call)
    for name, value in changes.items():
        setattr(made, name, value)
    return made
