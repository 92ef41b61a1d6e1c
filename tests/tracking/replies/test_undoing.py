"""A member takes back a click that unsubscribed somebody: not against what the person said, nor to a dead address."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta
from html import unescape
from threading import Event as Signal
from time import monotonic, sleep

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.audience import mistakes
from app.audience.suppressions import Reason, lift, suppress
from app.core import clock
from app.core.database import db, in_workspace
from app.tracking.acting.act import act
from app.tracking.leaving import Act, leave
from app.tracking.models import HeldSuppression, Incident
from app.tracking.preferences import save, wishes_of
from app.tracking.recipients import find_recipient
from tests.factories.messages import Sent
from tests.tracking.acting.world import bounce, is_kept, plain, suppressions, tell
from tests.tracking.incidents.test_races import at_once
from tests.tracking.post.test_pages import asks_to_leave, put, reply
from tests.tracking.test_mail_intake import arrive, complaint

AS_BEFORE = "gets your mail as before"


@pytest.fixture
def clicked(as_ada: FlaskClient, sent: Sent) -> str:
    """Where Ada takes back that she unsubscribed who had written."""
    path = f"/w/{sent.workspace.slug}/incoming/{asks_to_leave(sent)}"
    assert as_ada.post(f"{path}/unsubscribe").status_code == 302
    return f"{path}/undo"


def undo(client: FlaskClient, path: str) -> str:
    """What Ada is told."""
    return unescape(client.post(path, follow_redirects=True).text)


def says(sent: Sent, words: str) -> None:
    put(reply(sent.mail_token, words), to=f"b+{sent.mail_token}@bounces.example.com")


def by_themselves(source: str, *, everything: bool = True) -> Callable[[Sent], None]:
    def go(sent: Sent) -> None:
        with in_workspace(sent.workspace.id):
            leave(find_recipient(sent.message.id), Act(source), everything=everything)
            db.session.commit()

    return go


def ticks_a_box(sent: Sent) -> None:
    with in_workspace(sent.workspace.id):
        recipient = find_recipient(sent.message.id)
        assert recipient.person is not None
        wishes = wishes_of(recipient.person)
        save(recipient, recipient.person, type(wishes)(wishes.shown, wishes.shown, "", "", True), Act("preferences"))
        db.session.commit()


SAID: dict[str, tuple[Callable[[Sent], object], str]] = {
    "complaint": (lambda sent: arrive(complaint(sent.mail_token), sent.mail_token), "they complained about your mail"),
    "complaint by a provider": (
        lambda sent: tell(sent, plain("complaint"), source="webhook:ses"),
        "they complained about your mail",
    ),
    "stop": (lambda sent: says(sent, "STOP"), "they wrote once more that they want to leave"),
    "wish": (lambda sent: says(sent, "I repeat: unsubscribe me now!"), "they wrote once more that they want to leave"),
    "one click": (by_themselves("one-click"), "they have left by themselves"),
    "off the list": (by_themselves("page", everything=False), "they have left by themselves"),
    "a webhook": (by_themselves("webhook:sendgrid"), "they have left by themselves"),
    "preferences": (ticks_a_box, "they have said themselves what they want since"),
}


@pytest.mark.parametrize("what", SAID)
def test_what_the_person_said_since_stands(as_ada: FlaskClient, sent: Sent, clicked: str, what: str) -> None:
    say, words = SAID[what]
    say(sent)
    state, kept = sent.state_on(), is_kept(sent)
    record = sent.consent()
    told = undo(as_ada, clicked)
    assert words in told
    assert "Nothing was changed" in told
    assert AS_BEFORE not in told
    assert (sent.state_on(), is_kept(sent), sent.consent()) == (state, kept, record)
    assert kept == (what == "preferences")


def test_a_complaint_counts_though_it_was_lifted(as_ada: FlaskClient, sent: Sent, clicked: str) -> None:
    tell(sent, plain("complaint"))
    with in_workspace(sent.workspace.id):
        lift(suppressions(sent)[0].id)
        db.session.commit()
    assert "they complained" in undo(as_ada, clicked)
    assert sent.state_on() == "unsubscribed"


@pytest.mark.parametrize(
    ("words", "sender"),
    [
        ("I did not mean that: I love your letter.", "From: Ada <ada@example.org>\r\n"),
        ("STOP", "From: b@other.test\r\n"),
    ],
)
def test_other_words_do_not_stop_it(as_ada: FlaskClient, sent: Sent, clicked: str, words: str, sender: str) -> None:
    """Nor those of somebody else."""
    put(reply(sent.mail_token, words, sender), to=f"b+{sent.mail_token}@bounces.example.com")
    assert AS_BEFORE in undo(as_ada, clicked)
    assert sent.state_on() == "confirmed"
    assert is_kept(sent)


def test_the_reasons_of_who_may_not(
    as_ada: FlaskClient, sent: Sent, clicked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(sent, "What a lovely letter.")
    other = clicked.replace(clicked.split("/")[-2], str(int(clicked.split("/")[-2]) + 1))
    assert "another reply" in undo(as_ada, other)
    with monkeypatch.context() as patch:
        patch.setattr(mistakes, "AT_ONCE", timedelta(0))
        assert "more than ten minutes ago" in undo(as_ada, clicked)
    assert AS_BEFORE in undo(as_ada, clicked)
    assert "undone already" in undo(as_ada, clicked)


def test_an_address_found_dead_meanwhile_is_not_written_to_again(as_ada: FlaskClient, sent: Sent, clicked: str) -> None:
    tell(sent, bounce("userunknown", "permanent", words="550 5.1.1 nobody here"))
    told = undo(as_ada, clicked)
    assert "still gets no mail: mail to it came back for good" in told
    assert AS_BEFORE not in told
    (found,) = suppressions(sent)
    assert (found.reason, found.evidence, found.message_id) == ("bounced", "550 5.1.1 nobody here", sent.message.id)
    assert sent.state_on() == "confirmed"


@pytest.mark.parametrize(("decision", "is_written"), [("", False), ("discarded", False), ("believed", True)])
def test_what_an_incident_holds_waits_for_it(
    as_ada: FlaskClient, sent: Sent, clicked: str, decision: str, is_written: bool
) -> None:
    tell(sent, bounce("userunknown", "permanent"))
    with in_workspace(sent.workspace.id):
        about = {
            "provider": "example.org",
            "reason": "userunknown",
            "words": "",
            "action": "held",
            "count": 20,
            "of": 20,
        }
        incident = Incident(kind="burst", decision=decision, **about)
        db.session.add(incident)
        db.session.flush()
        held = {
            "message_id": sent.message.id,
            "address_hash": sent.person.address_hash,
            "hint": "a",
            "reason": "bounced",
        }
        db.session.add(HeldSuppression(incident_id=incident.id, **held))
        db.session.commit()
    assert (AS_BEFORE in undo(as_ada, clicked)) is not is_written
    assert [found.reason for found in suppressions(sent)] == (["bounced"] if is_written else [])


def test_a_bounce_that_was_lifted_before_stays_lifted(as_ada: FlaskClient, sent: Sent) -> None:
    tell(sent, bounce("userunknown", "permanent"))
    with in_workspace(sent.workspace.id):
        lift(suppressions(sent)[0].id)
        db.session.commit()
    path = f"/w/{sent.workspace.slug}/incoming/{asks_to_leave(sent)}"
    as_ada.post(f"{path}/unsubscribe")
    assert AS_BEFORE in undo(as_ada, f"{path}/undo")
    assert is_kept(sent)


@pytest.mark.parametrize(
    ("reason", "words"), [("bounced", "came back for good"), ("imported", "a list of suppressed addresses")]
)
def test_what_was_in_force_before_is_again(as_ada: FlaskClient, sent: Sent, reason: str, words: str) -> None:
    with in_workspace(sent.workspace.id):
        before = suppress(sent.person, reason, evidence="550 5.1.1 nobody here")
        before.created_at -= timedelta(days=3)
        db.session.commit()
    path = f"/w/{sent.workspace.slug}/incoming/{asks_to_leave(sent)}"
    as_ada.post(f"{path}/unsubscribe")
    assert [found.reason for found in suppressions(sent)] == ["unsubscribed"]
    told = undo(as_ada, f"{path}/undo")
    assert words in told
    assert AS_BEFORE not in told
    assert [(found.reason, found.evidence) for found in suppressions(sent)] == [(reason, "550 5.1.1 nobody here")]


def test_who_was_suppressed_by_hand_meanwhile_stays_so(as_ada: FlaskClient, sent: Sent, clicked: str) -> None:
    with in_workspace(sent.workspace.id):
        suppress(sent.person, Reason.MANUAL)
        db.session.commit()
    told = undo(as_ada, clicked)
    assert "still gets no mail: a member suppressed it by hand" in told
    assert [found.reason for found in suppressions(sent)] == ["manual"]


def test_of_two_tabs_one_undoes_it(app: Flask, as_ada: FlaskClient, sent: Sent, clicked: str) -> None:
    done = at_once(app, *[lambda: as_ada.post(clicked).status_code] * 3)
    assert sorted(done, key=str) == [302, 409, 409]
    assert sent.consent()[-2:] == [("withdrawn", "operator"), ("restored", "operator")]
    assert len(sent.events("resubscribed")) == 1


@pytest.mark.parametrize("what", ["one click", "complaint"])
def test_what_is_said_at_that_moment_is_heard_first(
    app: Flask, as_ada: FlaskClient, sent: Sent, clicked: str, what: str
) -> None:
    """The person's word is written but not committed yet when the member undoes the click."""
    written, workspace_id, message_id = Signal(), sent.workspace.id, sent.message.id

    def say() -> None:
        with app.app_context(), in_workspace(workspace_id):
            recipient = find_recipient(message_id)
            if what == "one click":
                leave(recipient, Act("one-click"), everything=True)
            else:
                act(recipient.message, plain("complaint"), "mail", clock.now())
            written.set()
            _until_somebody_waits()
            db.session.commit()

    with ThreadPoolExecutor(1) as pool:
        said = pool.submit(copy_context().run, say)
        assert written.wait(10)
        status = as_ada.post(clicked).status_code
        said.result(20)
    assert status == 409
    assert sent.state_on() == "unsubscribed"
    assert not is_kept(sent)


def _until_somebody_waits() -> None:
    """For a lock; for a few seconds at most."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    until = monotonic() + 4
    with db.engine.connect() as other:
        other = other.execution_options(isolation_level="AUTOCOMMIT")
        while monotonic() < until and not other.scalar(waiting):
            sleep(0.02)
