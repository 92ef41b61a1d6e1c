"""A mail whose reading kills its worker: it is tried again, then set aside, and the others get through."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.core.database import db
from app.core.extensions import queue
from app.core.jobs import Job
from app.core.settings import Settings
from app.messages.models import IncomingMail
from app.runtime.services import embedded_urls
from app.shell import doctor
from app.tracking import mail_intake, mail_together
from app.tracking.mail_intake import take_in_mail
from app.tracking.post import views
from app.tracking.readings import Readings
from app.tracking.set_aside import NOTE
from tests.conftest import SECRET
from tests.factories.messages import Sent, sent_message
from tests.tracking.test_mail_intake import dsn

DEADLY = b"X-Deadly: yes\r\n"
WORKER = """
import os, signal, sys
from app.tracking import mail_intake, mail_together
from workers.runtime import work

read = mail_intake.read_mail

def dies(raw, **named):
    if b"X-Deadly" in raw:
        os.kill(os.getpid(), signal.SIGKILL)
    return read(raw, **named)

mail_intake.read_mail = mail_together.read_mail = dies
work(("tracking",), burst=True)
"""


@pytest.fixture(autouse=True)
def _nothing_waits(context: None) -> None:
    take_in_mail()


@pytest.fixture
def work(settings: Settings) -> Iterator[Callable[[], int]]:
    """Enqueue the intake and run a worker of its own process on it, with a queue of its own; how it ended."""
    url = _another_database(settings.redis_url)
    connection = Redis.from_url(url)
    known = {name: value for name, value in os.environ.items() if not name.startswith("MERPATI_")}
    told = {
        "MERPATI_HOME": str(settings.home),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": url,
        "MERPATI_SECRET_KEY": SECRET,
        "MERPATI_BOUNCE_DOMAIN": settings.bounce_domain,
        "MERPATI_MAIL_DOMAIN": settings.mail_domain,
    }

    def run() -> int:
        queue = Queue(Job.TAKE_IN_MAIL.queue, connection=connection, serializer=JSONSerializer)
        queue.enqueue_call(Job.TAKE_IN_MAIL.path, timeout=Job.TAKE_IN_MAIL.timeout)
        ended = subprocess.run(
            [sys.executable, "-c", WORKER], env={**known, **told}, capture_output=True, timeout=100, check=False
        )
        db.session.rollback()
        db.session.expire_all()
        return ended.returncode

    yield run
    connection.flushdb()
    connection.close()


def _another_database(url: str) -> str:
    """A database of the same Valkey that is not this run's own."""
    with Redis.from_url(url) as ours:
        own = int(ours.connection_pool.connection_kwargs.get("db") or 0)
        found = (own + 1) % int(ours.config_get("databases")["databases"])
    return f"{url.partition('?')[0]}?db={found}"


def put(raw: bytes, token: str = "", workspace: Workspace | None = None) -> IncomingMail:
    mail = IncomingMail(
        digest=secrets.token_bytes(32),
        envelope_from="",
        envelope_to=f"b+{token}@bounces.example.com" if token else "x@bounces.example.com",
        raw=raw,
        source="mailbox:1" if workspace else "smtp",
        workspace_id=workspace.id if workspace else None,
    )
    db.session.add(mail)
    db.session.commit()
    return mail


def die(mail: IncomingMail, times: int) -> None:
    """So many workers died while they read it."""
    for _death in range(times):
        with pytest.raises(JobTimeoutException), Readings(queue(), "incoming_mails").begun([mail.id]):
            raise JobTimeoutException


@pytest.mark.slow
def test_three_deaths_and_the_rest_gets_through(workspace: Workspace, work: Callable[[], int]) -> None:
    several = [sent_message(workspace, f"p{number}@example.org") for number in range(6)]
    mails = [
        put(dsn(one.mail_token, recipient=f"p{number}@example.org"), one.mail_token)
        for number, one in enumerate(several[:3])
    ]
    deadly = put(DEADLY + dsn(several[3].mail_token), several[3].mail_token)
    mails += [put(dsn(one.mail_token, recipient=one.person.email), one.mail_token) for one in several[4:]]

    assert work() == -signal.SIGKILL, "in the batch"
    assert [mail.handled_at is not None for mail in mails] == [False] * 5
    assert work() == -signal.SIGKILL, "alone, and what came before it is done"
    assert [mail.handled_at is not None for mail in mails] == [True, True, True, False, False]
    assert work() == -signal.SIGKILL, "alone once more: the first time it may have died beside it"
    assert deadly.note == ""
    assert work() == 0
    assert [mail.handled_at is not None for mail in mails] == [True] * 5
    assert [one.now().state for one in several] == ["bounced"] * 3 + ["sent"] + ["bounced"] * 2
    assert (deadly.note, deadly.workspace_id, deadly.message_id) == (NOTE, workspace.id, None)
    assert deadly.raw.startswith(DEADLY)


def test_a_mail_that_died_once_is_read_alone_and_forgotten(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    once, other = put(dsn(sent.mail_token), sent.mail_token), put(b"Subject: hello\r\n\r\nhello\r\n")
    die(once, 1)
    together: list[list[int]] = []

    def note(numbers: list[int]) -> list[int]:
        together.append(list(numbers))
        return mail_together.take_in_together(numbers)

    monkeypatch.setattr(mail_intake, "take_in_together", note)
    assert take_in_mail() == 2
    assert together == [[other.id]]
    assert sent.now().state == "bounced"
    assert Readings(queue(), "incoming_mails").deaths([once.id, other.id]) == {}


def test_one_that_waits_is_not_taken_for_deadly(workspace: Workspace) -> None:
    early = sent_message(workspace, state="sending")
    mail = put(dsn(early.mail_token), early.mail_token)
    for _second in range(5):
        take_in_mail()
    early.message.state = "sent"
    db.session.commit()
    take_in_mail()
    db.session.expire_all()
    assert (mail.note, early.now().state) == ("bounced: userunknown; the address is suppressed", "bounced")


@pytest.mark.parametrize("alone", [False, True])
def test_what_takes_for_ever_is_no_better(sent: Sent, monkeypatch: pytest.MonkeyPatch, alone: bool) -> None:
    mail = put(dsn(sent.mail_token), sent.mail_token)
    if alone:
        die(mail, 2)

    def takes_for_ever(*_given: Any, **_named: Any) -> None:
        raise JobTimeoutException

    with monkeypatch.context() as patched:
        patched.setattr(mail_together, "read_mail", takes_for_ever)
        patched.setattr(mail_intake, "read_mail", takes_for_ever)
        with pytest.raises(JobTimeoutException):
            take_in_mail()
    db.session.rollback()
    assert Readings(queue(), "incoming_mails").deaths([mail.id]) == {mail.id: 3 if alone else 1}
    take_in_mail()
    db.session.expire_all()
    assert (mail.note == NOTE) == alone


def test_whoever_it_concerns_sees_it_and_no_page_reads_it(
    as_ada: FlaskClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = put(DEADLY + b"Subject: never seen\r\n\r\n", workspace=workspace)
    stranger = create_workspace("Other aviary")
    foreign = put(DEADLY, workspace=stranger)
    unmatched = put(DEADLY, "a" * 26)
    for one in (mail, foreign, unmatched):
        die(one, 3)
    assert take_in_mail() == 3
    db.session.expire_all()
    assert unmatched.workspace_id is None
    assert Readings(queue(), "incoming_mails").deaths([mail.id, foreign.id, unmatched.id]) == {}

    def dies(_raw: bytes) -> None:
        raise AssertionError("read")

    monkeypatch.setattr(views, "read_parts", dies)
    path = f"/w/{workspace.slug}/incoming"
    assert "Set aside unread" in as_ada.get(f"{path}?kind=unread").text
    assert f"{path}/{foreign.id}" not in as_ada.get(path).text
    page = as_ada.get(f"{path}/{mail.id}").text
    assert "Reading this mail ended the program that read it" in page
    assert "Set aside unread; its reading ended the worker three times, and it is kept whole" in page
    assert "never seen" in as_ada.get(f"{path}/{mail.id}/raw").text
    assert as_ada.get(f"{path}/{mail.id}/download").data == mail.raw
    assert as_ada.get(f"{path}/{foreign.id}").status_code == 404


def test_the_doctor_tells_it(settings: Settings, workspace: Workspace) -> None:
    mail = put(DEADLY, workspace=workspace)
    die(mail, 3)
    take_in_mail()
    (finding,) = doctor._incoming(embedded_urls(settings))
    assert not finding.ok
    assert str(mail.id) in finding.text


class Deaf:
    """Valkey does what it is told, and its answers are lost."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @contextmanager
    def pipeline(self, *, transaction: bool) -> Iterator[Any]:
        with self._connection.pipeline(transaction=transaction) as pipe:
            execute = pipe.execute

            def deaf() -> None:
                for _retry in range(3):
                    execute(raise_on_error=True)
                raise RedisError("the answer was lost")

            pipe.execute = deaf
            yield pipe


def test_answers_that_are_lost_are_nobody_s_death() -> None:
    readings = Readings(Deaf(queue()), "incoming_mails")  # type: ignore[arg-type]
    for _round in range(4):
        with pytest.raises(RedisError), readings.begun([71, 72]):
            pytest.fail("it was read without being counted")
    assert Readings(queue(), "incoming_mails").deaths([71, 72]) == {}
