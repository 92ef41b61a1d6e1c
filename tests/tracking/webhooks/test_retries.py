"""How late a call may be: providers that could not reach us try again, some for a day, and may keep the signed time."""

import pytest
from flask.testing import FlaskClient

from app.accounts.models import Workspace
from tests.factories.messages import Sent
from tests.factories.provider_events import event_of
from tests.factories.webhooks import a_webhook, signed_call
from tests.tracking.webhooks.conftest import post, rows

MINUTE, HOUR = 60, 3600
LATEST = {"ses": HOUR, "sendgrid": 24 * HOUR, "mailgun": 8 * HOUR, "resend": 4 * MINUTE, "generic": 4 * MINUTE}
"""Seconds after which the providers themselves give up, or after which they sign anew."""
TOO_LATE = {"ses": 3 * HOUR, "sendgrid": 26 * HOUR, "mailgun": 10 * HOUR, "resend": 6 * MINUTE, "generic": 6 * MINUTE}


@pytest.mark.parametrize("kind", LATEST)
def test_the_last_try_of_a_provider_is_in_time(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str
) -> None:
    hooked = a_webhook(workspace, kind)
    event = event_of(kind, "delivered", sent.mail_token)
    call = signed_call(kind, hooked.secret, event, seconds=LATEST[kind])
    assert post(visitor, hooked, call).text == "Stored 1 of 1.\n"
    assert post(visitor, hooked, call).text == "Stored 0 of 1.\n"


@pytest.mark.parametrize("kind", TOO_LATE)
def test_what_comes_later_is_no_retry(workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str) -> None:
    hooked = a_webhook(workspace, kind)
    event = event_of(kind, "delivered", sent.mail_token)
    assert post(visitor, hooked, signed_call(kind, hooked.secret, event, seconds=TOO_LATE[kind])).status_code == 403
    assert rows(hooked) == []
    assert hooked.now().refused == 1


@pytest.mark.parametrize("kind", LATEST)
def test_nobody_signs_ahead_of_time(workspace: Workspace, visitor: FlaskClient, sent: Sent, kind: str) -> None:
    hooked = a_webhook(workspace, kind)
    event = event_of(kind, "delivered", sent.mail_token)
    assert post(visitor, hooked, signed_call(kind, hooked.secret, event, seconds=-6 * MINUTE)).status_code == 403
    assert rows(hooked) == []
