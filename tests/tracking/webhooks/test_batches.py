"""Many events in one batch: as one by one, once, undone as a whole, and each in its own workspace."""

import os
import signal
import subprocess
import sys
from secrets import token_hex
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.audience.suppressions import is_suppressed
from app.core.database import in_workspace
from app.core.settings import Settings
from app.tracking.webhooks import together
from tests.conftest import SECRET
from tests.factories.messages import Sent, sent_message
from tests.factories.provider_events import event_of
from tests.factories.webhooks import Hooked, a_webhook, signed_call
from tests.tracking.webhooks.conftest import post, rows, take_in

pytestmark = pytest.mark.slow

WHAT = ("delivered", "bounced", "complained", "deferred", "opened", "unsubscribed", "novel")


def store(visitor: FlaskClient, hooked: Hooked, *events: dict[str, Any]) -> None:
    for event in events:
        assert post(visitor, hooked, signed_call(hooked.hook.kind, hooked.secret, event)).status_code == 200


def fates(sents: list[Sent], hooked: Hooked) -> object:
    with in_workspace(sents[0].workspace.id):
        stopped = [is_suppressed(sent.message.address) for sent in sents]
    notes = [(row.note, row.message_id is not None, row.handled_at is not None) for row in rows(hooked)]
    return stopped, [_kinds(sent) for sent in sents], [sent.state_on() for sent in sents], notes


def _kinds(sent: Sent) -> object:
    return sent.now().state, sorted((event.kind, str(sorted(event.data.items()))) for event in sent.events())


def test_a_batch_is_as_one_by_one(workspace: Workspace, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that a provider says, of a person each, and each of it twice."""
    found = []
    for owner in (workspace, create_workspace(f"One by one {token_hex(4)}")):
        hooked = a_webhook(owner, "sendgrid")
        sents = [sent_message(owner, f"{what}@example.org") for what in WHAT]
        for what, sent in zip(WHAT, sents, strict=True):
            event = event_of("sendgrid", what, sent.mail_token) | {"email": sent.person.email}
            store(visitor, hooked, event, event | {"sg_event_id": f"again-{what}"})
        take_in()
        found.append(fates(sents, hooked))
        monkeypatch.setattr(together, "act_together", lambda _told: {})
    assert found[0] == found[1]


def test_a_fault_in_a_batch_undoes_it_and_costs_no_event(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked, act = a_webhook(workspace, "sendgrid"), together.act_together

    def act_and_fail(told: Any) -> Any:
        act(told)
        raise ValueError

    monkeypatch.setattr(together, "act_together", act_and_fail)
    store(
        visitor, hooked, *(event_of("sendgrid", what, sent.mail_token) for what in ("opened", "delivered", "bounced"))
    )
    assert take_in() == 3
    assert [event.kind for event in sent.events()].count("bounced") == 1
    assert len(sent.events()) == 2
    assert all(row.handled_at for row in rows(hooked))


def test_a_batch_of_several_workspaces_keeps_them_apart(workspace: Workspace, visitor: FlaskClient, sent: Sent) -> None:
    other = create_workspace(f"Theirs {token_hex(4)}")
    ours, theirs, there = a_webhook(workspace, "sendgrid"), a_webhook(other, "sendgrid"), sent_message(other)
    bounced = event_of("sendgrid", "bounced", sent.mail_token)
    store(visitor, theirs, bounced, event_of("sendgrid", "delivered", there.mail_token) | {"sg_event_id": "x"})
    store(visitor, ours, event_of("sendgrid", "delivered", sent.mail_token))
    take_in()
    assert [event.kind for event in sent.events()] == ["delivered"]
    assert [event.kind for event in there.events()] == ["delivered"]
    assert rows(theirs)[0].note == "no message of this workspace; nothing was changed"


def test_a_worker_killed_in_mid_batch_loses_and_doubles_nothing(
    workspace: Workspace, visitor: FlaskClient, settings: Settings
) -> None:
    hooked = a_webhook(workspace, "sendgrid")
    sents = [sent_message(workspace, f"p{number}@d{number}.example.org") for number in range(12)]
    for number, sent in enumerate(sents):
        what = ("delivered", "bounced", "complained")[number % 3]
        event = event_of("sendgrid", what, sent.mail_token, to=sent.message.address)
        store(visitor, hooked, event | {"sg_event_id": f"e{number}"})
    process = _killed_before_its_commit(settings)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert all(row.handled_at is None for row in rows(hooked))
    assert [sent.events() for sent in sents] == [[]] * 12
    assert take_in() >= 12
    assert take_in() == 0
    assert [len(sent.events()) for sent in sents] == [1] * 12
    with in_workspace(workspace.id):
        assert [is_suppressed(sent.message.address) for sent in sents] == [False, True, True] * 4


def _killed_before_its_commit(settings: Settings) -> "subprocess.CompletedProcess[str]":
    """A worker that acts on a batch and is killed where it would commit."""
    own = {
        "MERPATI_HOME": str(settings.home),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "MERPATI_SECRET_KEY": SECRET,
    }
    return subprocess.run(
        [sys.executable, "-c", KILLED], env={**os.environ, **own}, capture_output=True, text=True, check=False
    )


KILLED = """
import os, signal
from app.tracking.webhooks import intake, together
from workers.runtime import job_context
with job_context():
    close = together.close_events
    def close_and_die(done):
        close(done)
        if done:
            os.kill(os.getpid(), signal.SIGKILL)
    together.close_events = close_and_die
    intake.take_in_events()
"""
