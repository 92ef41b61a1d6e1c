"""What providers document of their types and codes, and what each of them leads to."""

from typing import Any

import pytest

from app.tracking.acting.facts import Fact
from app.tracking.webhooks.kinds import KINDS
from app.tracking.webhooks.translate.heard import Heard
from app.tracking.webhooks.translate.judging import fact_of
from tests.factories.provider_events import event_of

UNKNOWN_USER = "550 5.1.1 no such user here"


def heard(kind: str, event: dict[str, Any], name: str) -> Heard:
    return KINDS[kind].hear(name, event)


def fact(kind: str, event: dict[str, Any], name: str) -> Fact:
    found = fact_of(heard(kind, event, name), "key")
    assert found is not None
    return found


def bounce_of_ses(kind: str, subtype: str, text: str = "") -> dict[str, Any]:
    event = event_of("ses", "bounced", "token", text=text)
    event["bounce"] |= {"bounceType": kind, "bounceSubType": subtype}
    return event


def failure_of_mailgun(reason: str, severity: str = "permanent", **status: Any) -> dict[str, Any]:
    event = event_of("mailgun", "bounced", "token")
    return event | {"reason": reason, "severity": severity, "delivery-status": status}


@pytest.mark.parametrize(
    "subtype",
    [
        *("Suppressed", "OnAccountSuppressionList", "OnTenantSuppressionList"),
        *("EmailValidationSuppressed", "UnsubscribedRecipient"),
    ],
)
def test_what_ses_keeps_back_itself_is_no_failure_of_the_address(subtype: str) -> None:
    found = fact("ses", bounce_of_ses("Permanent", subtype, UNKNOWN_USER), "Bounce")
    assert (found.reason, found.scope, found.persistence) == ("onhold", "unknown", "temporary")


@pytest.mark.parametrize("subtype", ["OnAccountSuppressionList", "OnTenantSuppressionList"])
def test_a_complaint_that_ses_foresees_is_no_complaint(subtype: str) -> None:
    event = event_of("ses", "complained", "token")
    event["complaint"]["complaintSubType"] = subtype
    assert heard("ses", event, "Complaint").meaning == "theirs"


def test_a_complaint_without_a_subtype_is_one() -> None:
    event = event_of("ses", "complained", "token")
    event["complaint"]["complaintSubType"] = None
    assert heard("ses", event, "Complaint").meaning == "complaint"


@pytest.mark.parametrize(
    ("delay", "reason", "scope"),
    [
        ("MailboxFull", "mailboxfull", "address"),
        ("IPFailure", "blocked", "sender-reputation"),
        ("BYOIPHostNameLookupUnavailable", "requireptr", "sender-auth"),
        ("SendingDeferral", "speeding", "sender-reputation"),
        ("TransientCommunicationFailure", "networkerror", "transient-infra"),
        ("General", "undefined", "unknown"),
        ("Undetermined", "undefined", "unknown"),
    ],
)
def test_every_delay_of_ses_has_its_reason(delay: str, reason: str, scope: str) -> None:
    event = event_of("ses", "deferred", "token")
    event["deliveryDelay"] |= {"delayType": delay, "delayedRecipients": [{"emailAddress": "ada@example.org"}]}
    found = fact("ses", event, "DeliveryDelay")
    assert (found.kind, found.reason, found.scope) == ("delayed", reason, scope)


def test_that_a_topic_works_now_is_no_unknown_type() -> None:
    assert heard("ses", {"message": "It works."}, "AmazonSnsSubscriptionSucceeded").meaning == "kept"


@pytest.mark.parametrize("code", [605, 606, 607])
def test_the_codes_of_mailguns_own_lists(code: int) -> None:
    assert heard("mailgun", failure_of_mailgun("generic", code=code), "failed permanent").meaning == "theirs"


@pytest.mark.parametrize("reason", ["old", "generic", "bounce"])
def test_mailgun_gives_up_by_time_with_a_code_of_its_own(reason: str) -> None:
    found = fact("mailgun", failure_of_mailgun(reason, code=602, message="Too old"), "failed permanent")
    assert (found.reason, found.scope, found.persistence) == ("expired", "transient-infra", "temporary")


def test_mailguns_last_words_before_it_gave_up_count() -> None:
    event = failure_of_mailgun("old", code=452, message="4.2.2 The mailbox is over quota")
    assert fact("mailgun", event, "failed permanent").reason == "mailboxfull"


def test_a_hardfail_of_mailgun_is_its_list_unless_a_server_spoke() -> None:
    listed = failure_of_mailgun("hardfail", message="Not delivering to previously bounced address")
    assert heard("mailgun", listed, "failed permanent").meaning == "theirs"
    spoken = failure_of_mailgun("hardfail", code=550, message="5.1.1 no such user here")
    assert fact("mailgun", spoken, "failed permanent").reason == "userunknown"


def test_a_blacklisting_that_mailgun_names_is_the_senders() -> None:
    found = fact("mailgun", failure_of_mailgun("blacklisted", code=554, message="Not today"), "failed permanent")
    assert (found.reason, found.scope) == ("blocked", "sender-reputation")


def test_what_mailgun_rejects_names_its_recipients_beside_the_message() -> None:
    event = event_of("mailgun", "bounced", "token") | {"event": "rejected", "reject": {"reason": "Not now"}}
    del event["recipient"], event["delivery-status"]
    event["message"]["recipients"] = ["ada@example.org"]
    assert heard("mailgun", event, "rejected").recipients == ("ada@example.org",)


@pytest.mark.parametrize("reason", ["Bounced Address", "Spam Reporting Address", "Unsubscribed Address", "Invalid"])
def test_the_lists_of_sendgrid(reason: str) -> None:
    event = event_of("sendgrid", "bounced", "token") | {"event": "dropped", "reason": reason, "status": "5.0.0"}
    assert heard("sendgrid", event, "dropped").meaning == "theirs"


def test_what_sendgrid_gave_up_by_time_speaks_of_nobody() -> None:
    event = event_of("sendgrid", "bounced", "token", text="") | {"type": "expired", "status": ""}
    found = fact("sendgrid", event, "bounce")
    assert (found.reason, found.persistence) == ("expired", "temporary")


@pytest.mark.parametrize(
    ("name", "meaning", "reason"),
    [
        ("Unconfirmed", "theirs", "onhold"),
        ("ManuallyDeactivated", "theirs", "onhold"),
        ("BadEmailAddress", "bounce", "userunknown"),
        ("SpamNotification", "bounce", "spamdetected"),
        ("DMARCPolicy", "bounce", "authfailure"),
        ("DnsError", "bounce", "networkerror"),
    ],
)
def test_types_of_postmark(name: str, meaning: str, reason: str) -> None:
    event = event_of("postmark", "bounced", "token", text="") | {"Type": name, "Details": "", "Description": ""}
    assert heard("postmark", event, "Bounce").meaning == meaning
    assert fact("postmark", event, "Bounce").reason == reason


@pytest.mark.parametrize("name", ["invalid_email", "blocked", "error"])
def test_what_brevo_may_mean_of_the_sender_gives_nobody_up(name: str) -> None:
    event = event_of("brevo", "bounced", "token", text="") | {"event": name}
    assert fact("brevo", event, name).scope in ("transient-infra", "unknown")
