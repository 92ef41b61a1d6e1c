"""The uncertain: settled by evidence, or by somebody who says so; never silently."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text

from app.accounts.models import Workspace
from app.campaigns import settle
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import db, every_workspace
from app.core.errors import Conflict
from app.messages.evidence import settle_campaigns, settle_messages
from app.messages.lifecycle import State
from app.messages.models import Attempt, Event, Message
from app.messages.queries import ledger
from tests.campaigns.test_second_try import ended

__all__ = ["ended"]


@pytest.fixture
def doubtful(ended: Campaign) -> list[Message]:
    """Four messages in doubt for ten minutes, of a finished campaign; committed."""
    at = clock.now() - timedelta(minutes=10)
    rows = list(
        db.session.scalars(
            select(Message)
            .where(Message.campaign_id == ended.id, Message.state == "sent")
            .order_by(Message.id)
            .limit(4)
        )
    )
    for row in rows:
        row.state, row.reason, row.sent_at = "uncertain", "unanswered", None
        db.session.add(
            Attempt(
                at=at,
                workspace_id=ended.workspace_id,
                message_id=row.id,
                campaign_id=ended.id,
                transport="mail.example.com:25",
                outcome="uncertain",
                reply="The connection was closed after the final dot.",
                reason="unanswered",
            )
        )
    db.session.commit()
    return rows


def tell(message: Message, kind: str, label: str = "", *, minutes_ago: float = 5, **data: str) -> None:
    """Write an event about a message."""
    db.session.add(
        Event(
            id=uuid4(),
            at=clock.now() - timedelta(minutes=minutes_ago),
            workspace_id=message.workspace_id,
            message_id=message.id,
            campaign_id=message.campaign_id,
            subscriber_id=message.subscriber_id,
            kind=kind,
            label=label,
            data=data,
        )
    )
    db.session.flush()


@pytest.mark.parametrize(
    ("kind", "label", "becomes"),
    [
        ("opened", "human", "sent"),
        ("clicked", "human", "sent"),
        ("unsubscribed", "human", "sent"),
        ("complained", "human", "sent"),
        ("delivered", "", "sent"),
        ("replied", "", "sent"),
        ("auto-replied", "", "sent"),
        ("bounced", "", "bounced"),
        ("opened", "machine", "uncertain"),
        ("clicked", "suspected", "uncertain"),
        ("deferred", "", "uncertain"),
    ],
)
def test_a_sign_settles_it(doubtful: list[Message], kind: str, label: str, becomes: str) -> None:
    one, other = doubtful[:2]
    tell(one, kind, label, reason="userunknown")
    changes = int(becomes != "uncertain")
    assert settle_messages([one.id, other.id]) == changes
    assert settle_messages([one.id, other.id]) == 0
    db.session.refresh(one)
    db.session.refresh(other)
    assert (one.state, other.state) == (becomes, "uncertain")
    if becomes == "bounced":
        assert one.reason == "userunknown"
    if changes:
        assert one.sent_at is not None
        notes = select(Attempt).where(Attempt.message_id == one.id, Attempt.reason == "evidence")
        assert [row.outcome for row in db.session.scalars(notes)] == [becomes]


def test_what_came_before_the_last_certain_answer_is_no_sign(doubtful: list[Message]) -> None:
    one = doubtful[0]
    tell(one, "bounced", minutes_ago=30)
    db.session.execute(
        text(
            "INSERT INTO attempts (at, workspace_id, message_id, campaign_id, transport, outcome) "
            "VALUES (now() - interval '20 minutes', :w, :m, :c, '', 'planned')"
        ),
        {"w": one.workspace_id, "m": one.id, "c": one.campaign_id},
    )
    assert settle_campaigns([one.campaign_id]) == 0
    tell(one, "opened", "human")
    with every_workspace():
        assert settle.settle_by_signs() == 1
        assert settle.settle_by_signs() == 0


def test_what_is_known_of_each(ended: Campaign, doubtful: list[Message]) -> None:
    tell(doubtful[0], "opened", "machine")
    rows = settle.doubts(ended.id)
    assert [row.id for row in rows] == [row.id for row in doubtful]
    assert rows[0].signs == ("opened by machine",)
    assert (rows[1].said, rows[1].transport) == (
        "The connection was closed after the final dot.",
        "mail.example.com:25",
    )
    assert [row.id for row in settle.doubts(ended.id, after=rows[1].id)] == [row.id for row in doubtful[2:]]


def test_taken_as_sent_with_a_note(ended: Campaign, doubtful: list[Message]) -> None:
    assert settle.take_as_sent(ended.id, by="Eve", ids=[doubtful[0].id]) == 1
    db.session.refresh(doubtful[0])
    assert doubtful[0].state == "sent"
    assert doubtful[0].sent_at is not None
    assert doubtful[0].sent_at < clock.now() - timedelta(minutes=9)
    last = select(Attempt.reply).where(Attempt.message_id == doubtful[0].id).order_by(Attempt.id.desc())
    assert db.session.scalars(last).first() == "Taken as sent: decided by Eve."
    assert settle.take_as_sent(ended.id, by="Eve") == 3
    with pytest.raises(Conflict):
        settle.take_as_sent(ended.id, by="Eve")
    assert ended.state == "finished"


def test_sent_again_by_choice(ended: Campaign, doubtful: list[Message]) -> None:
    ids = [row.id for row in doubtful[:2]]
    assert settle.count_send_again(ended.id, ids).tried == 2
    assert settle.send_again(ended.id, by="Eve", ids=ids).tried == 2
    assert ended.state == "sending"
    counts = ledger(ended.id)
    assert (counts.count(State.PLANNED), counts.count(State.UNCERTAIN)) == (2, 2)
    assert counts.audience == ended.considered


def test_numbers_of_another_campaign_settle_nothing(ended: Campaign, doubtful: list[Message]) -> None:
    sent = select(Message.id).where(Message.campaign_id == ended.id, Message.state == "sent").limit(1)
    with pytest.raises(Conflict):
        settle.take_as_sent(ended.id, by="Eve", ids=[db.session.scalar(sent) or 0])
    with pytest.raises(Conflict):
        settle.send_again(ended.id, by="Eve", ids=[db.session.scalar(sent) or 0])


def test_through_the_pages(as_eve: FlaskClient, ended: Campaign, doubtful: list[Message], scope: Workspace) -> None:
    room = f"/w/{scope.slug}/campaigns/{ended.id}/ledger/uncertain"
    one, two, *_others = [row.id for row in doubtful]
    page = as_eve.get(room).text
    assert "The connection was closed after the final dot." in page
    assert as_eve.get(f"{room}/decide?as=sent").location.endswith("/uncertain")
    assert "1 message will count as sent" in as_eve.get(f"{room}/decide?as=sent&message={one}").text
    settled = as_eve.post(f"{room}/decide", data={"as": "sent", "message": one}, follow_redirects=True).text
    assert "1 message counts as sent now." in settled
    again = {"as": "again", "message": two, "asked": 1}
    refused = as_eve.post(f"{room}/decide", data=again)
    assert refused.status_code == 409
    assert "Tick that you know" in refused.text
    assert as_eve.post(f"{room}/decide", data={**again, "knowing": "1"}).status_code == 302
    assert as_eve.post(f"{room}/decide", data={**again, "knowing": "1"}).status_code == 409
    counts = ledger(ended.id)
    assert (counts.count(State.PLANNED), counts.count(State.UNCERTAIN)) == (1, 2)


def test_the_ledger_says_what_was_heard_and_nothing_else(
    as_eve: FlaskClient, page: Callable[[str], str], ended: Campaign, doubtful: list[Message]
) -> None:
    answered = "Mailgun answered in a way that leaves open whether it took the mail: 502 Bad gateway."
    for row in doubtful[:3]:
        db.session.execute(
            text("UPDATE attempts SET reply = :words WHERE message_id = :id AND outcome = 'uncertain'"),
            {"words": answered, "id": row.id},
        )
    db.session.commit()
    room = page(f"/{ended.id}/ledger")
    shown = as_eve.get(room).text
    assert "before the server answered" not in shown
    assert answered in shown
    assert "3 messages" in shown
    assert "The connection was closed after the final dot." in shown
    assert shown.index(answered) < shown.index("The connection was closed")
    one_by_one = as_eve.get(f"{room}/uncertain").text
    assert "never came" not in one_by_one
    assert "How the connection ended" not in one_by_one
    assert [(cause.said, cause.count) for cause in settle.causes(ended.id, limit=1)] == [(answered, 3)]
