"""The kinds of webhooks there are: how each proves itself, is taken apart and is understood."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from app.core.errors import Invalid
from app.tracking.webhooks import split
from app.tracking.webhooks.calls import Call, Item, Lock, Once
from app.tracking.webhooks.fetching import TOPIC
from app.tracking.webhooks.translate.brevo import hear_brevo
from app.tracking.webhooks.translate.generic import hear_generic
from app.tracking.webhooks.translate.heard import Heard
from app.tracking.webhooks.translate.mailgun import hear_mailgun
from app.tracking.webhooks.translate.postmark import hear_postmark
from app.tracking.webhooks.translate.resend import hear_resend
from app.tracking.webhooks.translate.sendgrid import hear_sendgrid
from app.tracking.webhooks.translate.ses import hear_ses
from app.tracking.webhooks.translate.sparkpost import hear_sparkpost
from app.tracking.webhooks.verify.generic import verify_generic
from app.tracking.webhooks.verify.mailgun import once_of_mailgun, verify_mailgun
from app.tracking.webhooks.verify.sendgrid import read_public_key, verify_sendgrid
from app.tracking.webhooks.verify.shared import verify_shared
from app.tracking.webhooks.verify.sns import verify_sns
from app.tracking.webhooks.verify.svix import read_key, verify_svix

_SIGNING_KEY = re.compile(r"[!-~]{16,200}").fullmatch


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `verify_bytes` judges the bytes before they are read as JSON, `verify_body` after; one of them is set.

    `once` tells by what a verified call opens the door for its own body alone, where the signature does not cover that.
    `check` looks at what the owner enters and raises Invalid; without it the secret is made by us. A topic is no
    secret and stands in the options.
    """

    title: str
    split: Callable[[Call, Any], Iterator[Item]]
    hear: Callable[[str, dict[str, Any]], Heard]
    verify_bytes: Callable[[Call, Lock], None] | None = None
    verify_body: Callable[[Call, Lock, Any], None] | None = None
    once: Callable[[Call, Lock, Any], Once] | None = None
    check: Callable[[str], object] | None = None
    has_topic: bool = False

    @property
    def makes_secret(self) -> bool:
        """Whether we make the secret, rather than the provider."""
        return self.check is None


def _check_topic(text: str) -> None:
    if not TOPIC(text):
        raise Invalid(
            "This is not the ARN of a topic, such as arn:aws:sns:eu-central-1:123456789012:bounces. Nothing was saved.",
            field="secret",
        )


def _check_signing_key(text: str) -> None:
    if not _SIGNING_KEY(text):
        raise Invalid("This is not the HTTP webhook signing key that Mailgun shows. Nothing was saved.", field="secret")


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "ses": Kind(
            "Amazon SES", split.split_sns, hear_ses, verify_body=verify_sns, check=_check_topic, has_topic=True
        ),
        "sendgrid": Kind(
            "SendGrid", split.split_sendgrid, hear_sendgrid, verify_bytes=verify_sendgrid, check=read_public_key
        ),
        "mailgun": Kind(
            "Mailgun",
            split.split_mailgun,
            hear_mailgun,
            verify_body=verify_mailgun,
            once=once_of_mailgun,
            check=_check_signing_key,
        ),
        "postmark": Kind("Postmark", split.split_postmark, hear_postmark, verify_bytes=verify_shared),
        "sparkpost": Kind("SparkPost", split.split_sparkpost, hear_sparkpost, verify_bytes=verify_shared),
        "brevo": Kind("Brevo", split.split_brevo, hear_brevo, verify_bytes=verify_shared),
        "resend": Kind("Resend", split.split_resend, hear_resend, verify_bytes=verify_svix, check=read_key),
        "generic": Kind("Any other sender", split.split_generic, hear_generic, verify_bytes=verify_generic),
    }
)
