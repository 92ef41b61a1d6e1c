"""What to do at each provider, in the words of its own pages."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from flask_babel import lazy_gettext as _


class Guide(NamedTuple):
    """`steps` in their order; `label` and `help` are those of what the owner enters here, if anything."""

    steps: tuple[Any, ...]
    label: Any = ""
    help: Any = ""


_BY_PASSWORD = _("Where it asks for credentials, choose Basic authentication: user “merpati”, password the secret.")

GUIDES: Mapping[str, Guide] = MappingProxyType(
    {
        "ses": Guide(
            (
                _("In Amazon SNS, create a standard topic and set its signature version to 2. Enter its ARN below."),
                _("Add a subscription to it: protocol HTTPS, endpoint the address above, raw message delivery off."),
                _("We confirm the subscription by ourselves. Until then it is pending there."),
                _(
                    "In Amazon SES, open your configuration set and add an event destination to the topic: bounces, "
                    "complaints, deliveries, delivery delays, rejects and rendering failures."
                ),
            ),
            _("ARN of the topic"),
            _("Such as arn:aws:sns:eu-central-1:123456789012:bounces. Calls of other topics are refused."),
        ),
        "sendgrid": Guide(
            (
                _("In SendGrid, open Settings, Mail Settings, Event Webhooks, and create one with the address above."),
                _("Choose all events under deliverability, and spam reports and unsubscribes under engagement."),
                _("Switch on Signed Event Webhook, save, and enter the verification key below."),
            ),
            _("Verification key"),
            _("It begins with MFkw. It is a public key."),
        ),
        "mailgun": Guide(
            (
                _("In Mailgun, open Sending, Webhooks, and choose the domain."),
                _(
                    "Add the address above for delivered messages, permanent failure, temporary failure, spam "
                    "complaints and unsubscribes."
                ),
                _("Enter the HTTP webhook signing key below; Mailgun shows it on the same page."),
            ),
            _("HTTP webhook signing key"),
            _("It is not your API key. For a subaccount, its own key or that of the primary account."),
        ),
        "postmark": Guide(
            (
                _("In Postmark, open the server, the message stream, Webhooks, and add one with the address above."),
                _("Choose Delivery, Bounce, Spam complaint and Subscription change. Opens and clicks are not needed."),
                _BY_PASSWORD,
            ),
        ),
        "sparkpost": Guide(
            (
                _("In SparkPost, open Configuration, Webhooks, and create one with the address above."),
                _("Choose the events bounce, delivery, delay, spam complaint, out of band, policy and unsubscribes."),
                _BY_PASSWORD,
            ),
        ),
        "brevo": Guide(
            (
                _("In Brevo, open Transactional, Settings, Webhook, and add one with the address above."),
                _("Choose delivered, deferred, soft and hard bounced, spam, invalid, blocked, error, unsubscribed."),
                _("As authentication choose Token and enter the secret."),
            ),
        ),
        "resend": Guide(
            (
                _("In Resend, open Webhooks and add one with the address above."),
                _("Choose delivered, delayed, bounced, complained, failed and suppressed."),
                _("Resend then shows a signing secret: enter it below."),
            ),
            _("Signing secret"),
            _("It begins with whsec_."),
        ),
        "generic": Guide(
            (
                _("Let your relay or script send what happened to the address above, by POST and as JSON."),
                _(
                    "Sign each call with the secret. X-Merpati-Timestamp is the Unix time in seconds; "
                    "X-Merpati-Signature is “v1=” and the HMAC-SHA256 of that time, a dot and the body, in hexadecimal."
                ),
            ),
        ),
    }
)
