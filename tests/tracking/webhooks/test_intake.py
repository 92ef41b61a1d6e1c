"""From stored events to consequences: by token or by name, in any order, once, and in one workspace only."""

from datetime import timedelta
from itertools import permutations
from secrets import token_hex
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.audience.suppressions import is_suppressed
from app.core import clock
from app.core.database import db, in_workspace
from app.messages.models import Attempt
from app.tracking.webhooks.intake import forget_old_events
from tests.factories.messages import Sent, sent_message
from tests.factories.provider_events import BLOCKED, event_of
from tests.factories.webhooks import TOPIC, Hooked, a_webhook, signed_call, sns_call
from tests.tracking.webhooks.conftest import KINDS, Amazon, post, rows, take_in

LEAVES = [kind for kind in KINDS if kind != "resend"]


def tell(visitor: FlaskClient, hooked: Hooked, *events: dict[str, Any]) -> None:
    """What the provider does, and then the worker."""
    for event in events:
        assert post(visitor, hooked, signed_call(hooked.hook.kind, hooked.secret, event)).status_code == 200
    take_in()


def suppressed(sent: Sent) -> bool:
    with in_workspace(sent.workspace.id):
        return is_suppressed(sent.message.address)


@pytest.mark.parametrize("what", ["bounced", "complained", "unsubscribed"])
@pytest.mark.parametrize("other", ["grace@example.org", "stranger@elsewhere.test"])
def test_what_names_another_recipient_than_its_message_changes_nothing(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, what: str, other: str
) -> None:
    hooked = a_webhook(workspace, "generic")
    tell(visitor, hooked, event_of("generic", what, sent.mail_token, to=other))
    assert not suppressed(sent)
    assert sent.events() == []
    (row,) = rows(hooked)
    assert row.note == "speaks of another recipient than its message; nothing was changed"


@pytest.mark.parametrize("named", ["ADA@Example.org", "ada+tag@example.org", "ada@mail.example.org", ""])
def test_another_spelling_of_the_recipient_is_the_recipient(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, named: str
) -> None:
    tell(visitor, a_webhook(workspace, "generic"), event_of("generic", "bounced", sent.mail_token, to=named))
    assert suppressed(sent)


def test_a_complaint_that_asks_to_leave_is_no_complaint(workspace: Workspace, visitor: FlaskClient, sent: Sent) -> None:
    event = event_of("generic", "complained", sent.mail_token) | {"feedback_type": "opt-out"}
    tell(visitor, a_webhook(workspace, "generic"), event)
    assert suppressed(sent)
    assert [event.kind for event in sent.events()] == ["unsubscribed"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_a_dead_address_is_suppressed(workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str) -> None:
    hooked = a_webhook(workspace, kind)
    tell(visitor, hooked, event_of(kind, "bounced", sent.mail_token))
    [event] = sent.events("bounced")
    assert (event.data["reason"], sent.now().state, sent.message.reason) == ("userunknown", "bounced", "userunknown")
    assert suppressed(sent)
    [row] = rows(hooked)
    assert (row.message_id, row.note) == (sent.message.id, "bounced: userunknown; the address is suppressed")


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_provider_calls_hard_is_ours_when_it_speaks_of_us(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str
) -> None:
    event = event_of(kind, "bounced", sent.mail_token, text=BLOCKED)
    if kind == "ses":
        event["bounce"]["bouncedRecipients"][0]["status"] = "5.7.1"
    if kind == "sendgrid":
        event |= {"status": "5.7.1", "type": "blocked"}
    tell(visitor, a_webhook(workspace, kind), event)
    [fact] = sent.events("bounced")
    assert fact.data["reason"] in ("blocked", "badreputation", "rejected")
    assert not suppressed(sent)


@pytest.mark.parametrize("kind", KINDS)
def test_a_complaint_suppresses(workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str) -> None:
    tell(visitor, a_webhook(workspace, kind), event_of(kind, "complained", sent.mail_token))
    assert len(sent.events("complained")) == 1
    assert suppressed(sent)


@pytest.mark.parametrize("kind", LEAVES)
def test_who_leaves_at_the_provider_leaves_here(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str
) -> None:
    tell(visitor, a_webhook(workspace, kind), event_of(kind, "unsubscribed", sent.mail_token))
    assert sent.state_on() == "unsubscribed"
    assert not suppressed(sent)


@pytest.mark.parametrize("kind", KINDS)
def test_a_delay_changes_no_address_and_opens_are_only_kept(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str
) -> None:
    hooked = a_webhook(workspace, kind)
    events = [event_of(kind, what, sent.mail_token) for what in ("deferred", "opened")]
    tell(visitor, hooked, *events)
    assert not suppressed(sent)
    assert sent.events("opened") == []
    assert [row.note for row in rows(hooked)][1] == "kept; of no consequence"
    assert len(sent.events("deferred")) == (0 if kind == "postmark" else 1)  # a soft bounce there is an end


@pytest.mark.parametrize("kind", KINDS)
def test_a_delivery_settles_a_doubt(workspace: Workspace, visitor: FlaskClient, kind: str) -> None:
    sent = sent_message(workspace, state="uncertain")
    with in_workspace(workspace.id):
        db.session.add(attempt(sent, "uncertain", ""))
        db.session.commit()
    tell(visitor, a_webhook(workspace, kind), event_of(kind, "delivered", sent.mail_token))
    assert sent.now().state == "sent"


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_type_is_kept_and_counted(workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str) -> None:
    hooked = a_webhook(workspace, kind)
    tell(visitor, hooked, event_of(kind, "novel", sent.mail_token), event_of(kind, "novel", sent.mail_token))
    tell(visitor, hooked, event_of(kind, "novel", sent.mail_token) | {"id": "3", "ID": 3, "ts_event": 3})
    [(name, count)] = hooked.now().options["unmapped"].items()
    assert "elepathy" in name
    assert count == len(rows(hooked)) >= 2
    assert {row.note for row in rows(hooked)} == {"unmapped"}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_reaches_another_workspace(workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str) -> None:
    theirs = a_webhook(create_workspace(f"Theirs {token_hex(4)}"), kind)
    tell(visitor, theirs, event_of(kind, "complained", sent.mail_token), event_of(kind, "bounced", sent.mail_token))
    assert sent.events() == []
    assert sent.now().state == "sent"
    assert not suppressed(sent)
    assert {row.note for row in rows(theirs)} == {"no message of this workspace; nothing was changed"}
    assert {row.message_id for row in rows(theirs)} == {None}


@pytest.mark.parametrize("order", list(permutations(("bounced", "delivered", "complained"))))
def test_the_order_does_not_matter(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, order: tuple[str, ...]
) -> None:
    events = {what: event_of("sendgrid", what, sent.mail_token) for what in order}
    tell(visitor, a_webhook(workspace, "sendgrid"), *(events[what] for what in order))
    assert sorted(event.kind for event in sent.events()) == ["bounced", "complained", "delivered"]
    assert (sent.now().state, sent.message.reason) == ("bounced", "userunknown")
    assert suppressed(sent)


def test_the_same_event_again_changes_nothing(workspace: Workspace, visitor: FlaskClient, sent: Sent) -> None:
    hooked, event = a_webhook(workspace, "mailgun"), event_of("mailgun", "bounced", sent.mail_token)
    tell(visitor, hooked, event)
    tell(visitor, hooked, event)
    assert len(rows(hooked)) == len(sent.events()) == 1


@pytest.mark.parametrize("reply", ["2.0.0 Ok id=<NAME>", "250 Ok NAME"])
def test_without_a_token_the_providers_name_finds_it(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, reply: str
) -> None:
    name = "0102018f3c0a1b2c-5d4e3f2a-000000"
    with in_workspace(workspace.id):
        db.session.add(attempt(sent, "sent", reply.replace("NAME", name)))
        db.session.commit()
    event = event_of("ses", "bounced", "x")
    event["mail"] |= {"messageId": name, "tags": {}}
    tell(visitor, a_webhook(workspace, "ses"), event)
    assert sent.now().state == "bounced"


def test_a_name_from_long_ago_or_of_somebody_else_finds_nothing(
    workspace: Workspace, visitor: FlaskClient, sent: Sent
) -> None:
    other, name = sent_message(workspace, "eve@example.org"), "0102018f3c0a1b2c-5d4e3f2a-000000"
    with in_workspace(workspace.id):
        db.session.add(attempt(sent, "sent", f"id=<{name}>", days=15))
        db.session.add(attempt(other, "sent", f"id=<{name}>"))
        db.session.commit()
    event = event_of("ses", "bounced", "x")
    event["mail"] |= {"messageId": name, "tags": {}}
    tell(visitor, a_webhook(workspace, "ses"), event)
    assert (sent.now().state, other.now().state) == ("sent", "sent")


def test_a_message_on_its_way_is_waited_for(workspace: Workspace, visitor: FlaskClient, sent: Sent) -> None:
    hooked = a_webhook(workspace, "sendgrid")
    sent.message.state = "sending"
    db.session.commit()
    tell(visitor, hooked, event_of("sendgrid", "bounced", sent.mail_token))
    assert rows(hooked)[0].handled_at is None
    sent.message.state = "sent"
    db.session.commit()
    assert take_in() >= 1
    assert sent.now().state == "bounced"


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("sendgrid", {"event": "dropped", "reason": "Bounced Address", "status": ""}),
        ("mailgun", {"reason": "suppress-bounce", "delivery-status": {"code": 605, "message": ""}}),
        ("ses", {"bounce": {"bounceType": "Permanent", "bounceSubType": "OnAccountSuppressionList"}}),
        ("brevo", {"event": "blocked"}),
        ("resend", {"type": "email.suppressed"}),
        ("postmark", {"Type": "ManuallyDeactivated", "Details": ""}),
        ("sparkpost", {"bounce_class": "25"}),
    ],
)
def test_the_providers_own_list_is_no_fresh_failure(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str, changes: dict[str, Any]
) -> None:
    tell(visitor, a_webhook(workspace, kind), event_of(kind, "bounced", sent.mail_token) | changes)
    [fact] = sent.events("bounced")
    assert (fact.data["reason"], fact.data["diagnostic"][:29]) == ("onhold", "The provider's own list keeps")
    assert not suppressed(sent)


def test_transient_general_of_ses_is_an_auto_reply(workspace: Workspace, visitor: FlaskClient, sent: Sent) -> None:
    event = event_of("ses", "bounced", sent.mail_token)
    event["bounce"] |= {"bounceType": "Transient", "bouncedRecipients": [{"emailAddress": "ada@example.org"}]}
    tell(visitor, a_webhook(workspace, "ses"), event)
    assert [fact.kind for fact in sent.events()] == ["auto-replied"]
    assert sent.now().state == "sent"


def test_a_subscription_is_confirmed_at_amazon_and_for_the_topic_only(
    workspace: Workspace, visitor: FlaskClient, amazon: Amazon
) -> None:
    hooked = a_webhook(workspace, "ses")
    url = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=x&Token=1234"
    asks = {"Type": "SubscriptionConfirmation", "Token": "1234", "Message": "You have chosen to subscribe"}
    assert post(visitor, hooked, sns_call("", **{**asks, "SubscribeURL": url})).status_code == 200
    take_in()
    assert amazon.asked[-1] == ("sns.eu-central-1.amazonaws.com", url.partition("amazonaws.com")[2])
    assert rows(hooked)[0].note == "the subscription was confirmed"
    before = len(amazon.asked)
    for wrong in (
        url.replace("sns.eu", "sqs.eu"),
        url.replace("https", "http"),
        url.replace("Confirm", "Delete"),
        url.replace(".com/", ".com.evil.example/"),
    ):
        assert post(visitor, hooked, sns_call("", **{**asks, "SubscribeURL": wrong})).status_code == 200
    take_in()
    assert len(amazon.asked) == before
    assert all(row.note.startswith("not confirmed") for row in rows(hooked)[1:])
    assert (
        post(visitor, hooked, sns_call("", **{**asks, "SubscribeURL": url, "TopicArn": TOPIC + "2"})).status_code == 403
    )


def test_an_event_that_cannot_be_worked_through_stops_no_other(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked = a_webhook(workspace, "sendgrid")
    odd = event_of("sendgrid", "bounced", sent.mail_token) | {"timestamp": 1e300, "status": {"a": 1}, "reason": ["x"]}
    tell(visitor, hooked, odd, event_of("sendgrid", "complained", sent.mail_token))
    assert all(row.handled_at for row in rows(hooked))
    assert suppressed(sent)


def test_old_events_are_forgotten(workspace: Workspace, visitor: FlaskClient, sent: Sent) -> None:
    hooked = a_webhook(workspace, "sendgrid")
    tell(visitor, hooked, event_of("sendgrid", "opened", sent.mail_token))
    with in_workspace(workspace.id):
        assert forget_old_events(1) == 0
        with clock.moved(timedelta(days=2)):
            assert forget_old_events(1) == 1
        db.session.commit()
    assert rows(hooked) == []


def attempt(sent: Sent, outcome: str, reply: str, *, days: float = 0.1) -> Attempt:
    return Attempt(
        at=clock.now() - timedelta(days=days),
        message_id=sent.message.id,
        campaign_id=sent.campaign.id,
        transport="",
        outcome=outcome,
        reply=reply,
    )
