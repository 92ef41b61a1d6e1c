"""One event of each provider and kind, about a message: shapes as their documentation shows them."""

from datetime import datetime
from secrets import token_hex
from typing import Any

from app.core import clock

DEAD = "550 5.1.1 The email account that you tried to reach does not exist."
BLOCKED = "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"


def event_of(kind: str, what: str, token: str, *, to: str = "ada@example.org", text: str = DEAD) -> dict[str, Any]:
    """`what` is delivered, deferred, bounced, complained, unsubscribed, opened or novel."""
    made: dict[str, Any] = _MAKERS[kind](what, token, to, text, clock.now())
    return made


def _ses(what: str, token: str, to: str, text: str, at: datetime) -> dict[str, Any]:
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    mail = {"messageId": token_hex(20), "timestamp": stamp, "destination": [to], "tags": {"merpati-token": [token]}}
    person = {"emailAddress": to, "action": "failed", "status": "5.1.1", "diagnosticCode": f"smtp; {text}"}
    full = {**person, "status": "4.2.2", "diagnosticCode": "smtp; 452 4.2.2 mailbox full"}
    hard = {"bounceType": "Permanent", "bounceSubType": "General"}
    parts: dict[str, tuple[str, str, dict[str, Any]]] = {
        "delivered": ("Delivery", "delivery", {"recipients": [to], "smtpResponse": "250 ok"}),
        "deferred": ("DeliveryDelay", "deliveryDelay", {"delayType": "MailboxFull", "delayedRecipients": [full]}),
        "bounced": ("Bounce", "bounce", {**hard, "bouncedRecipients": [person]}),
        "complained": ("Complaint", "complaint", {"complainedRecipients": [{"emailAddress": to}]}),
        "unsubscribed": ("Subscription", "subscription", {"newTopicPreferences": {"unsubscribeAll": True}}),
        "opened": ("Open", "open", {"ipAddress": "192.0.2.1"}),
        "novel": ("Telepathy", "telepathy", {}),
    }
    name, place, said = parts[what]
    return {"eventType": name, "mail": mail, place: {**said, "timestamp": stamp}}


def _sendgrid(what: str, token: str, to: str, text: str, at: datetime) -> dict[str, Any]:
    parts: dict[str, dict[str, Any]] = {
        "delivered": {"event": "delivered", "response": "250 OK"},
        "deferred": {"event": "deferred", "response": "452 4.2.2 mailbox full", "attempt": "3"},
        "bounced": {"event": "bounce", "type": "bounce", "reason": text, "status": "5.1.1"},
        "complained": {"event": "spamreport"},
        "unsubscribed": {"event": "unsubscribe"},
        "opened": {"event": "open", "sg_machine_open": True},
        "novel": {"event": "telepathy"},
    }
    common = {"email": to, "timestamp": int(at.timestamp()), "sg_event_id": token_hex(11)}
    return {**common, "sg_message_id": f"{token_hex(11)}.recvd-5f7b.0", "merpati_token": token, **parts[what]}


def _mailgun(what: str, token: str, to: str, text: str, at: datetime) -> dict[str, Any]:
    failed = {"event": "failed", "severity": "permanent", "reason": "bounce"}
    full = {"code": 452, "message": "4.2.2 mailbox full"}
    parts: dict[str, dict[str, Any]] = {
        "delivered": {"event": "delivered", "delivery-status": {"code": 250, "message": "OK"}},
        "deferred": {**failed, "severity": "temporary", "reason": "generic", "delivery-status": full},
        "bounced": {**failed, "delivery-status": {"code": 550, "message": text, "description": ""}},
        "complained": {"event": "complained"},
        "unsubscribed": {"event": "unsubscribed"},
        "opened": {"event": "opened"},
        "novel": {"event": "telepathy"},
    }
    common = {"id": token_hex(11), "timestamp": at.timestamp(), "recipient": to}
    message = {"headers": {"message-id": f"{token_hex(8)}@mg.example.com"}}
    return {**common, "message": message, "user-variables": {"merpati-token": token}, **parts[what]}


def _postmark(what: str, token: str, to: str, text: str, at: datetime) -> dict[str, Any]:
    stamp = at.isoformat()
    bounce = {"RecordType": "Bounce", "ID": int(token_hex(4), 16), "Email": to, "BouncedAt": stamp}
    left = {"RecordType": "SubscriptionChange", "Recipient": to, "SuppressSending": True}
    parts: dict[str, dict[str, Any]] = {
        "delivered": {"RecordType": "Delivery", "Recipient": to, "DeliveredAt": stamp, "Details": "250 OK"},
        "deferred": {**bounce, "Type": "SoftBounce", "Details": "smtp;452 4.2.2 mailbox full"},
        "bounced": {**bounce, "Type": "HardBounce", "Details": f"smtp;{text}", "Description": "unable to deliver"},
        "complained": {**bounce, "RecordType": "SpamComplaint", "Type": "SpamComplaint"},
        "unsubscribed": {**left, "SuppressionReason": "ManualSuppression", "Origin": "Recipient", "ChangedAt": stamp},
        "opened": {"RecordType": "Open", "Recipient": to, "ReceivedAt": stamp},
        "novel": {"RecordType": "Telepathy", "Recipient": to},
    }
    return {"MessageID": token_hex(16), "Metadata": {"merpati-token": token}, **parts[what]}


def _sparkpost(what: str, token: str, to: str, text: str, at: datetime) -> dict[str, Any]:
    parts: dict[str, dict[str, Any]] = {
        "delivered": {"type": "delivery"},
        "deferred": {"type": "delay", "bounce_class": "22", "raw_reason": "452 4.2.2 mailbox full"},
        "bounced": {"type": "bounce", "bounce_class": "10", "raw_reason": text, "error_code": "550"},
        "complained": {"type": "spam_complaint", "fbtype": "abuse"},
        "unsubscribed": {"type": "list_unsubscribe"},
        "opened": {"type": "initial_open"},
        "novel": {"type": "telepathy"},
    }
    common = {"event_id": str(int(token_hex(7), 16)), "timestamp": str(int(at.timestamp())), "rcpt_to": to}
    return {**common, "message_id": token_hex(10), "rcpt_meta": {"merpati-token": token}, **parts[what]}


def _brevo(what: str, token: str, to: str, text: str, at: datetime) -> dict[str, Any]:
    parts: dict[str, dict[str, Any]] = {
        "delivered": {"event": "delivered"},
        "deferred": {"event": "deferred", "reason": "452 4.2.2 mailbox full"},
        "bounced": {"event": "hard_bounce", "reason": text},
        "complained": {"event": "spam"},
        "unsubscribed": {"event": "unsubscribed"},
        "opened": {"event": "unique_opened"},
        "novel": {"event": "telepathy"},
    }
    common = {"id": 26224, "email": to, "ts_event": int(at.timestamp()), "message-id": f"<{token}@mail.example.com>"}
    return {**common, **parts[what]}


def _resend(what: str, token: str, to: str, text: str, at: datetime) -> dict[str, Any]:
    parts: dict[str, tuple[str, dict[str, Any]]] = {
        "delivered": ("email.delivered", {}),
        "deferred": ("email.delivery_delayed", {}),
        "bounced": ("email.bounced", {"bounce": {"type": "Permanent", "subType": "General", "message": text}}),
        "complained": ("email.complained", {}),
        "opened": ("email.opened", {}),
        "novel": ("email.telepathy", {}),
    }
    name, said = parts[what]
    data = {"email_id": token_hex(16), "to": [to], "tags": {"merpati-token": token}, **said}
    return {"type": name, "created_at": at.isoformat().replace("+00:00", "Z"), "data": data}


def _generic(what: str, token: str, to: str, text: str, at: datetime) -> dict[str, Any]:
    parts: dict[str, dict[str, Any]] = {
        "deferred": {"text": "452 4.2.2 mailbox full", "code": 452},
        "bounced": {"text": text, "code": 550, "stage": "rcpt"},
        "novel": {"type": "telepathy"},
    }
    common = {"id": token_hex(8), "type": what, "time": at.isoformat(), "recipient": to}
    return {**common, "message": f"<{token}@mail.example.com>", **parts.get(what, {})}


_MAKERS = {
    "ses": _ses,
    "sendgrid": _sendgrid,
    "mailgun": _mailgun,
    "postmark": _postmark,
    "sparkpost": _sparkpost,
    "brevo": _brevo,
    "resend": _resend,
    "generic": _generic,
}
