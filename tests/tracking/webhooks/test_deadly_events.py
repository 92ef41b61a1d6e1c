"""A stored event whose reading kills its worker, or takes for ever: tried again, then set aside; the others go on."""

import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from flask.testing import FlaskClient
from rq.timeouts import JobTimeoutException

from app.accounts.models import Workspace
from app.core.database import db
from app.core.extensions import queue
from app.core.settings import Settings
from app.tracking.readings import Readings
from app.tracking.webhooks import intake, one_by_one, together
from app.tracking.webhooks.intake import UNREAD
from tests.conftest import SECRET
from tests.factories.messages import Sent, sent_message
from tests.factories.provider_events import event_of
from tests.factories.webhooks import Hooked, a_webhook, signed_call
from tests.tracking.webhooks.conftest import post, rows, take_in

DEADLY = "deadly"
WORKER = """
import os, signal
from app.tracking.webhooks.translate import sendgrid

hear = sendgrid.hear_sendgrid

def dies(event_type, body):
    if body.get("sg_event_id") == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    return hear(event_type, body)

sendgrid.hear_sendgrid = dies
from app.tracking.webhooks import intake
from workers.runtime import job_context

with job_context():
    intake.take_in_events()
"""


@pytest.fixture(autouse=True)
def _nothing_waits(context: None) -> None:
    take_in()


def store(visitor: FlaskClient, hooked: Hooked, *sents: Sent) -> None:
    """A bounce of each; that of the second one is deadly."""
    for place, sent in enumerate(sents):
        event = event_of("sendgrid", "bounced", sent.mail_token) | {"email": sent.person.email}
        event["sg_event_id"] = DEADLY if place == 1 else f"event-{place}"
        assert post(visitor, hooked, signed_call("sendgrid", hooked.secret, event)).status_code == 200


def people(workspace: Workspace) -> list[Sent]:
    return [sent_message(workspace, f"p{number}@example.org") for number in range(3)]


@pytest.mark.slow
def test_three_deaths_and_the_rest_gets_through(workspace: Workspace, visitor: FlaskClient, settings: Settings) -> None:
    hooked, sents = a_webhook(workspace, "sendgrid"), people(workspace)
    store(visitor, hooked, *sents)
    assert _work(settings) == -signal.SIGKILL, "in the batch"
    assert [row.handled_at is not None for row in rows(hooked)] == [False, False, False]
    assert _work(settings) == -signal.SIGKILL, "alone, and what came before it is done"
    assert _work(settings) == -signal.SIGKILL, "alone once more"
    assert _work(settings) == 0
    assert [sent.now().state for sent in sents] == ["bounced", "sent", "bounced"]
    assert rows(hooked)[1].note == UNREAD
    assert rows(hooked)[1].body["sg_event_id"] == DEADLY
    assert Readings(queue(), "webhook_events").deaths([row.id for row in rows(hooked)]) == {}


@pytest.mark.parametrize("place", ["sorting", "together", "alone"])
def test_what_takes_for_ever_ends_the_round_and_is_set_aside_in_time(
    workspace: Workspace, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    hooked, sents = a_webhook(workspace, "sendgrid"), people(workspace)
    store(visitor, hooked, *sents)
    if place == "alone":
        monkeypatch.setattr(together, "act_together", lambda _told: {})

    else:
        _upset(monkeypatch, *{"sorting": (intake, "_meaning"), "together": (together, "_told")}[place])
    _upset(monkeypatch, one_by_one, "_act")
    for _round in range(3):
        with pytest.raises(JobTimeoutException):
            take_in()
        db.session.rollback()
    take_in()
    assert [sent.now().state for sent in sents] == ["bounced", "sent", "bounced"]
    assert [row.note == UNREAD for row in rows(hooked)] == [False, True, False]


def test_one_that_waits_is_not_taken_for_deadly(workspace: Workspace, visitor: FlaskClient) -> None:
    early, hooked = sent_message(workspace, state="sending"), a_webhook(workspace, "sendgrid")
    store(visitor, hooked, early)
    for _second in range(5):
        take_in()
    (row,) = rows(hooked)
    assert row.handled_at is None
    assert Readings(queue(), "webhook_events").deaths([row.id]) == {}
    early.message.state = "sent"
    db.session.commit()
    assert take_in() == 1


def _upset(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    before = getattr(module, name)

    def takes_for_ever(event: Any, *given: Any) -> Any:
        if event.key == DEADLY:
            raise JobTimeoutException
        return before(event, *given)

    monkeypatch.setattr(module, name, takes_for_ever)


def _work(settings: Settings) -> int:
    """A round in a process of its own; how it ended."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("MERPATI_")}
    told = {
        "MERPATI_HOME": str(settings.home),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "MERPATI_SECRET_KEY": SECRET,
    }
    done = subprocess.run(
        [sys.executable, "-c", WORKER], env={**known, **told}, capture_output=True, timeout=100, check=False
    )
    db.session.rollback()
    return done.returncode
