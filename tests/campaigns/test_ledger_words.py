"""The people of a ledger: what came back last, and how often each was tried."""

import csv
import io
from datetime import timedelta
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.models import Workspace
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import db
from app.messages.models import Attempt, Event, Message
from app.reporting.people import people
from tests.campaigns.test_second_try import ended

__all__ = ["ended"]
WORDS = "550 5.1.1 The account that you tried to reach does not exist"


@pytest.fixture
def bounced(ended: Campaign) -> Message:
    """A message that was taken, and came back an hour later."""
    found = select(Message).where(Message.campaign_id == ended.id, Message.state == "bounced").order_by(Message.id)
    message = db.session.scalars(found.limit(1)).one()
    tried(message, hours=3, outcome="sent", code=250, reply="2.0.0 queued as X")
    returned(message, hours=2, diagnostic=WORDS, code=550)
    returned(message, hours=1)
    db.session.commit()
    return message


def tried(message: Message, *, hours: int, transport: str = "Relay", **values: object) -> None:
    at = clock.now() - timedelta(hours=hours)
    same = {"workspace_id": message.workspace_id, "message_id": message.id, "campaign_id": message.campaign_id}
    db.session.add(Attempt(at=at, transport=transport, **same, **values))
    db.session.flush()


def returned(message: Message, *, hours: int, **data: object) -> None:
    same = {"workspace_id": message.workspace_id, "message_id": message.id, "campaign_id": message.campaign_id}
    at = clock.now() - timedelta(hours=hours)
    db.session.add(Event(id=uuid4(), at=at, kind="bounced", subscriber_id=message.subscriber_id, data=data, **same))
    db.session.flush()


def row_of(message: Message) -> dict[str, object]:
    [row] = [row for row in people(message.campaign_id, limit=100) if row["id"] == message.id]
    return row


def test_a_bounce_shows_its_own_words(as_eve: FlaskClient, scope: Workspace, ended: Campaign, bounced: Message) -> None:
    row = row_of(bounced)
    assert (row["code"], row["reply"]) == (550, WORDS)
    room = f"/w/{scope.slug}/reports/{ended.id}/people"
    page = as_eve.get(f"{room}?state=bounced").text
    assert WORDS in page
    assert "550 550" not in page
    assert "queued as X" not in page
    lines = list(csv.DictReader(io.StringIO(as_eve.get(f"{room}.csv?state=bounced").data.decode("utf-8-sig"))))
    assert WORDS in [line["reply"] for line in lines]


def test_what_was_said_after_a_bounce_counts(scope: Workspace, bounced: Message) -> None:
    tried(bounced, hours=0, outcome="sent", code=250, reply="2.0.0 queued as Y")
    assert row_of(bounced)["reply"] == "2.0.0 queued as Y"


def test_attempts_before_a_second_try_are_counted(as_eve: FlaskClient, scope: Workspace, bounced: Message) -> None:
    for hours in (9, 8, 7):
        tried(bounced, hours=hours, outcome="deferred", code=450, reply="later")
    tried(bounced, hours=5, transport="", outcome="failed", reason="decided", reply="Tried again by Ann")
    bounced.attempts = 1
    db.session.commit()
    assert row_of(bounced)["attempts"] == 4
    assert "4 tries" in as_eve.get(f"/w/{scope.slug}/reports/{bounced.campaign_id}/people?state=bounced").text
