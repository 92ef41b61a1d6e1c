"""Single facts of providers' documentation, from the event to its consequence."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.audience.suppressions import is_suppressed
from app.core.database import in_workspace
from app.tracking.webhooks.kinds import KINDS
from app.tracking.webhooks.translate.heard import Heard
from app.tracking.webhooks.translate.judging import fact_of
from tests.factories.messages import Sent
from tests.factories.provider_events import event_of
from tests.factories.webhooks import a_webhook, signed_call
from tests.tracking.webhooks.conftest import post, rows, take_in


def hear(kind: str, event: dict[str, Any], name: str) -> Heard:
    return KINDS[kind].hear(event.get(name, ""), event)


@pytest.mark.parametrize("feedback", ["not-spam", "auth-failure", "Auth-Failure"])
@pytest.mark.parametrize("kind", ["ses", "sparkpost", "generic"])
def test_feedback_that_complains_of_nothing_suppresses_nobody(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str, feedback: str
) -> None:
    event = event_of(kind, "complained", sent.mail_token)
    if kind == "ses":
        event["complaint"]["complaintFeedbackType"] = feedback
    else:
        event |= {"fbtype": feedback, "feedback_type": feedback}
    hooked = a_webhook(workspace, kind)
    post(visitor, hooked, signed_call(kind, hooked.secret, event))
    take_in()
    assert [row.handled_at is not None for row in rows(hooked)] == [True]
    assert sent.events("complained") == []
    with in_workspace(workspace.id):
        assert not is_suppressed(sent.message.address)


def test_a_technical_failure_of_sendgrid_is_the_mail_servers() -> None:
    event = event_of("sendgrid", "bounced", "x", text="") | {"status": "", "bounce_classification": "Technical Failure"}
    fact = fact_of(hear("sendgrid", event, "event"), "key")
    assert fact is not None
    assert fact.reason == "mailererror"


def test_an_id_of_mailgun_is_unique_for_a_day(workspace: Workspace, visitor: FlaskClient, sent: Sent) -> None:
    hooked, event = a_webhook(workspace, "mailgun"), event_of("mailgun", "opened", sent.mail_token)
    for one in (event, event, event | {"timestamp": event["timestamp"] + 86_400}):
        assert post(visitor, hooked, signed_call("mailgun", hooked.secret, one)).status_code == 200
    assert [row.key for row in rows(hooked)] == [
        f"{event['id']}:{event['timestamp']}",
        f"{event['id']}:{event['timestamp'] + 86_400}",
    ]


def test_what_sparkpost_did_not_send_to_spare_a_reputation_is_no_failure_of_a_person() -> None:
    event = event_of("sparkpost", "bounced", "x", text="") | {"bounce_class": "26"}
    assert hear("sparkpost", event, "type").meaning == "theirs"


def test_the_time_of_brevo_is_its_epoch() -> None:
    event = event_of("brevo", "delivered", "x") | {"ts": 1, "ts_event": 1_700_000_000, "ts_epoch": 1_700_003_600_000}
    heard = hear("brevo", event, "event")
    assert heard.at is not None
    assert heard.at.timestamp() == 1_700_003_600


def test_why_resend_suppressed_is_kept() -> None:
    event = event_of("resend", "opened", "x") | {"type": "email.suppressed"}
    event["data"]["suppressed"] = {"message": "This address bounced before", "type": "OnAccountSuppressionList"}
    fact = fact_of(hear("resend", event, "type"), "key")
    assert fact is not None
    assert fact.diagnostic.endswith("This address bounced before")


@pytest.mark.parametrize("name", ["suppression.added", "domain.updated", "contact.created", "contact.deleted"])
def test_what_resend_says_of_other_things_is_known(name: str) -> None:
    assert hear("resend", {"type": name, "data": {}}, "type").meaning == "kept"


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("The recipient's server sent a general bounce. You may be able to send to it later.", "bounce"),
        ("", "bounce"),
        ("Out of office: I am away until Monday", "autoreply"),
        ("This is an automatic reply to your message", "autoreply"),
        ("550 5.1.1 no auto-reply is sent to unknown users", "bounce"),
    ],
)
def test_transient_general_of_resend_is_an_auto_reply_only_in_words(words: str, meaning: str) -> None:
    event = event_of("resend", "bounced", "x", text=words)
    event["data"]["bounce"]["type"] = "Transient"
    assert hear("resend", event, "type").meaning == meaning
