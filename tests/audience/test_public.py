"""Signing up by the hosted form, and confirming: what visitors, strangers and programs get to see."""

import re
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import select

from app.accounts.models import Workspace
from app.audience.lists import archive_list, create_list
from app.audience.models import ConsentEvent, MailingList, Subscriber, Subscription
from app.audience.public import QUICKEST
from app.audience.subscribers import save_subscriber
from app.audience.subscriptions import subscribe, unsubscribe
from app.audience.suppressions import is_suppressed, suppress
from app.core import clock
from app.core.database import db, in_workspace
from app.core.tokens import Keyring, Purpose
from app.sending.system_mails import compose_system_mail

A_WHILE = timedelta(seconds=5)


@pytest.fixture
def weekly(scope: Workspace) -> MailingList:
    made = create_list("Dovecote weekly", description="Once a week.")
    db.session.commit()
    return made


@pytest.fixture
def waiting(app: Flask) -> Iterator[Queue]:
    """The queue of system mails, empty."""
    queue = Queue("priority", connection=app.extensions["merpati.queue"], serializer=JSONSerializer)
    queue.empty()
    yield queue
    queue.empty()


@pytest.fixture(autouse=True)
def patient(app: Flask) -> Iterator[None]:
    """All visitors of a test come from one address: the limit has a test of its own."""
    limiter = app.extensions["merpati.limiter"]
    was, limiter.enabled = limiter.enabled, False
    yield
    limiter.enabled = was


def path_of(mailing_list: MailingList) -> str:
    return f"/f/{mailing_list.public_id}"


def seal_in(page: str) -> str:
    return re.findall(r'name="seal" value="([^"]+)"', page)[0]


def fill_in(visitor: FlaskClient, mailing_list: MailingList, email: str = "ada@example.org", **fields: Any) -> Any:
    """Open the form, take a while, send it."""
    seal = seal_in(visitor.get(path_of(mailing_list)).text)
    with clock.moved(A_WHILE):
        return visitor.post(path_of(mailing_list), data={"seal": seal, "email": email, "first_name": "", **fields})


def subscription_of(email: str) -> Subscription | None:
    found: Subscription | None = db.session.scalar(
        select(Subscription)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(Subscriber.address == email)
        .execution_options(populate_existing=True)
    )
    return found


def consent_of(email: str) -> list[tuple[str, str]]:
    rows = db.session.scalars(
        select(ConsentEvent)
        .join(Subscriber, Subscriber.id == ConsentEvent.subscriber_id)
        .where(Subscriber.address == email)
        .order_by(ConsentEvent.id)
    )
    return [(row.action, row.wording) for row in rows]


def test_signing_up_waits_for_the_mailbox(visitor: FlaskClient, weekly: MailingList, waiting: Queue) -> None:
    page = visitor.get(path_of(weekly))
    assert weekly.consent_text in page.text
    assert "<script" not in page.text

    answer = fill_in(visitor, weekly, first_name="Ada")

    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    subscription = subscription_of("ada@example.org")
    assert subscription is not None
    assert subscription.state == "pending"
    assert consent_of("ada@example.org") == [("requested", weekly.consent_text)]
    (job,) = waiting.jobs
    assert (job.func_name, job.args) == (
        "workers.priority.send_system_mail",
        ["confirm-subscription", subscription.id],
    )


def test_the_mail_holds_the_way_and_the_way_confirms(visitor: FlaskClient, weekly: MailingList, waiting: Queue) -> None:
    fill_in(visitor, weekly, first_name="Ada")
    subscription = subscription_of("ada@example.org")
    assert subscription is not None

    composed = compose_system_mail("confirm-subscription", subscription.id)

    assert composed is not None
    workspace_id, mail = composed
    letter = message_from_bytes(mail.data, policy=policy.default)
    body = letter.get_body(("plain",))
    assert body is not None
    assert (workspace_id, mail.envelope_to) == (weekly.workspace_id, "ada@example.org")
    assert letter["Auto-Submitted"] == "auto-generated"
    assert "news@aviary.example.com" in letter["From"]
    (path,) = re.findall(r"http://localhost(/confirm/\S+)", body.get_content())
    for method in ("GET", "HEAD", "OPTIONS"):
        assert visitor.open(path, method=method).status_code == 200
        assert subscription_of("ada@example.org").state == "pending"  # type: ignore[union-attr]

    answer = visitor.post(path)

    assert "will come to a…@example.org" in answer.text
    assert subscription_of("ada@example.org").state == "confirmed"  # type: ignore[union-attr]
    assert [action for action, _ in consent_of("ada@example.org")] == ["requested", "confirmed"]
    assert visitor.post(path).status_code == 200
    assert [action for action, _ in consent_of("ada@example.org")] == ["requested", "confirmed"]
    assert compose_system_mail("confirm-subscription", subscription.id) is None


def test_the_answer_does_not_tell_who_is_known(visitor: FlaskClient, weekly: MailingList, waiting: Queue) -> None:
    grace, _ = save_subscriber("grace@example.org", first_name="Grace")
    subscribe(grace, weekly, source="import")
    left, _ = save_subscriber("left@example.org")
    unsubscribe(left, None, source="page")
    suppress("never@example.org", "manual")
    db.session.commit()
    emails = ("new@example.org", "grace@example.org", "left@example.org", "never@example.org")
    answers = {fill_in(visitor, weekly, email).text.replace(email, "WHO") for email in emails}
    assert len(answers) == 1
    assert len(waiting.jobs) == 4


def test_who_is_on_the_list_gets_no_mail_and_keeps_their_name(
    visitor: FlaskClient, weekly: MailingList, waiting: Queue
) -> None:
    grace, _ = save_subscriber("grace@example.org", first_name="Grace")
    held = subscribe(grace, weekly, source="import")
    db.session.commit()
    fill_in(visitor, weekly, "grace@example.org", first_name="Mallory")
    db.session.refresh(grace)
    assert grace.first_name == "Grace"
    assert held.state == "confirmed"
    assert compose_system_mail("confirm-subscription", held.id) is None


def test_whom_the_operator_stopped_gets_no_mail(visitor: FlaskClient, weekly: MailingList, waiting: Queue) -> None:
    suppress("never@example.org", "manual")
    db.session.commit()
    fill_in(visitor, weekly, "never@example.org")
    subscription = subscription_of("never@example.org")
    assert subscription is not None
    assert compose_system_mail("confirm-subscription", subscription.id) is None


def test_who_left_comes_back_by_confirming(
    visitor: FlaskClient, app: Flask, weekly: MailingList, waiting: Queue
) -> None:
    left, _ = save_subscriber("left@example.org")
    subscribe(left, weekly, source="import")
    unsubscribe(left, None, source="page")
    db.session.commit()
    fill_in(visitor, weekly, "left@example.org")
    subscription = subscription_of("left@example.org")
    assert subscription is not None
    assert is_suppressed(left)
    visitor.post(f"/confirm/{app.extensions['merpati.keyring'].sign(Purpose.SUBSCRIPTION, subscription.id)}")
    assert not is_suppressed(left)
    assert subscription_of("left@example.org").state == "confirmed"  # type: ignore[union-attr]


def test_a_confirmation_ends_after_a_week(
    visitor: FlaskClient, app: Flask, weekly: MailingList, waiting: Queue
) -> None:
    fill_in(visitor, weekly)
    subscription = subscription_of("ada@example.org")
    assert subscription is not None
    path = f"/confirm/{app.extensions['merpati.keyring'].sign(Purpose.SUBSCRIPTION, subscription.id)}"
    with clock.moved(timedelta(days=8)):
        assert visitor.get(path).status_code == 410
        answer = visitor.post(path)
    assert answer.status_code == 410
    assert path_of(weekly) in answer.text
    assert subscription_of("ada@example.org").state == "pending"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "token",
    [
        "nonsense",
        Keyring("the secret key of quite another installation").sign(Purpose.SUBSCRIPTION, 1),
        Keyring("a secret for tests only, long enough to be taken").sign(Purpose.MESSAGE, 1),
    ],
)
def test_a_forged_confirmation_gets_a_clear_no(visitor: FlaskClient, token: str) -> None:
    for method in ("GET", "POST"):
        assert visitor.open(f"/confirm/{token}", method=method).status_code == 404


def test_one_address_is_not_flooded(visitor: FlaskClient, weekly: MailingList, waiting: Queue) -> None:
    answers = {fill_in(visitor, weekly).text for _ in range(6)}
    assert len(answers) == 1
    assert len(waiting.jobs) == 3
    with clock.moved(timedelta(days=1, minutes=1)):
        fill_in(visitor, weekly)
    assert len(waiting.jobs) == 4


def test_a_program_that_fills_every_field_changes_nothing(
    visitor: FlaskClient, weekly: MailingList, waiting: Queue
) -> None:
    person = fill_in(visitor, weekly, "person@example.org").text.replace("person@", "")
    program = fill_in(visitor, weekly, "program@example.org", website="https://spam.example").text
    assert program.replace("program@", "") == person
    assert subscription_of("program@example.org") is None


@pytest.mark.parametrize("age", [0.2, 25 * 3600])
def test_too_quick_or_too_old_asks_again_and_keeps_what_was_typed(
    visitor: FlaskClient, weekly: MailingList, waiting: Queue, age: float
) -> None:
    seal = seal_in(visitor.get(path_of(weekly)).text)
    with clock.moved(timedelta(seconds=age)):
        answer = visitor.post(path_of(weekly), data={"seal": seal, "email": "ada@example.org", "first_name": "Ada"})
    assert answer.status_code == 422
    assert ("That was very quick" in answer.text) is (age < QUICKEST)
    assert 'value="ada@example.org"' in answer.text
    assert 'value="Ada"' in answer.text
    assert subscription_of("ada@example.org") is None
    with clock.moved(timedelta(seconds=age) + A_WHILE):
        again = visitor.post(path_of(weekly), data={"seal": seal_in(answer.text), "email": "ada@example.org"})
    assert again.status_code == 200
    assert subscription_of("ada@example.org") is not None


def test_a_seal_is_for_one_list_and_one_wording(visitor: FlaskClient, weekly: MailingList, waiting: Queue) -> None:
    other = create_list("Offers")
    db.session.commit()
    seal = seal_in(visitor.get(path_of(other)).text)
    assert fill_in(visitor, weekly, seal=seal).status_code == 422
    seal = seal_in(visitor.get(path_of(weekly)).text)
    weekly.consent_text = "I want to receive everything, for ever."
    db.session.commit()
    answer = fill_in(visitor, weekly, seal=seal)
    assert answer.status_code == 422
    assert "everything, for ever" in answer.text
    assert fill_in(visitor, weekly, seal="").status_code == 422


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "ada@example", "a b@example.org", "ada@example.org, b@example.org"]
)
def test_an_address_that_cannot_be_is_said(visitor: FlaskClient, weekly: MailingList, email: str) -> None:
    answer = fill_in(visitor, weekly, email)
    assert answer.status_code == 422
    assert "The address" in answer.text


@pytest.mark.parametrize("name", ["Win at https://evil.example", "www.evil", "see evil.example now", "a@b", "<b>"])
def test_a_name_carries_no_advertisement(visitor: FlaskClient, weekly: MailingList, name: str) -> None:
    answer = fill_in(visitor, weekly, first_name=name)
    assert answer.status_code == 422
    assert subscription_of("ada@example.org") is None


def test_no_form_for_private_archived_and_unknown_lists(visitor: FlaskClient, scope: Workspace) -> None:
    private, archived = create_list("Inner circle", is_public=False), create_list("Old times")
    archive_list(archived)
    db.session.commit()
    for path in (path_of(private), path_of(archived), "/f/unknown"):
        for method in ("GET", "POST"):
            answer = visitor.open(path, method=method, data={"email": "ada@example.org"})
            assert answer.status_code == 404
            assert "Inner circle" not in answer.text


def test_the_limit_holds_and_keeps_what_was_typed(
    app: Flask, visitor: FlaskClient, weekly: MailingList, waiting: Queue
) -> None:
    limiter = app.extensions["merpati.limiter"]
    limiter.enabled = True
    try:
        answers = [fill_in(visitor, weekly, f"bird{number}@example.org") for number in range(11)]
    finally:
        limiter.reset()
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert "bird10@example.org" in answers[-1].text
    assert subscription_of("bird10@example.org") is None


def test_it_needs_no_form_token(app: Flask, visitor: FlaskClient, weekly: MailingList, waiting: Queue) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    try:
        assert fill_in(visitor, weekly).status_code == 200
    finally:
        app.config["WTF_CSRF_ENABLED"] = False


def test_lists_of_two_workspaces_stay_apart(visitor: FlaskClient, weekly: MailingList, waiting: Queue) -> None:
    from app.accounts.setup import create_workspace

    other = create_workspace("Other aviary")
    db.session.commit()
    fill_in(visitor, weekly)
    with in_workspace(other.id):
        assert subscription_of("ada@example.org") is None


def test_without_the_queue_nobody_is_told_to_wait_for_a_mail(
    app: Flask, visitor: FlaskClient, weekly: MailingList, tmp_path: Path
) -> None:
    queue = app.extensions["merpati.queue"]
    app.extensions["merpati.queue"] = Redis.from_url(f"unix://{tmp_path}/nobody.sock")
    try:
        answer = fill_in(visitor, weekly)
    finally:
        app.extensions["merpati.queue"] = queue
    assert answer.status_code == 503
    assert "ada@example.org" in answer.text
    assert "press the button again" in answer.text
