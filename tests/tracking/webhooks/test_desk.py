"""What a web process remembers of a webhook never lets anybody in, and a database that was away is asked again."""

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from app.accounts.models import Workspace
from app.core.database import db
from app.core.extensions import keyring
from app.core.settings import Settings, libpq_url
from app.tracking.webhooks.desk import Desk
from app.tracking.webhooks.door import EXTENSION, answer
from app.tracking.webhooks.setup import rotate
from tests.factories.messages import Sent
from tests.factories.provider_events import event_of
from tests.factories.webhooks import Hooked, Signed, a_webhook, signed_call
from tests.tracking.webhooks.conftest import post, rows


@pytest.fixture
def hooked(workspace: Workspace, visitor: FlaskClient, sent: Sent) -> Hooked:
    """One that this process knows already."""
    made = a_webhook(workspace, "generic")
    assert post(visitor, made, call_of(made, sent, "delivered")).status_code == 200
    return made


def call_of(hooked: Hooked, sent: Sent, what: str, secret: str = "") -> Signed:
    return signed_call("generic", secret or hooked.secret, event_of("generic", what, sent.mail_token))


def test_a_new_secret_counts_at_once_and_the_old_one_ends(hooked: Hooked, visitor: FlaskClient, sent: Sent) -> None:
    secret = rotate(keyring(), hooked.hook)
    db.session.commit()
    assert post(visitor, hooked, call_of(hooked, sent, "bounced")).status_code == 403
    assert len(rows(hooked)) == 1
    assert post(visitor, hooked, call_of(hooked, sent, "bounced", secret)).text == "Stored 1 of 1.\n"


def test_the_new_secret_is_known_without_a_refusal_before(hooked: Hooked, visitor: FlaskClient, sent: Sent) -> None:
    secret = rotate(keyring(), hooked.hook)
    db.session.commit()
    assert post(visitor, hooked, call_of(hooked, sent, "bounced", secret)).text == "Stored 1 of 1.\n"
    assert hooked.now().refused == 0


@pytest.mark.parametrize("how", ["off", "gone"])
def test_off_is_off_at_once(hooked: Hooked, visitor: FlaskClient, sent: Sent, how: str) -> None:
    number = hooked.hook.id
    if how == "off":
        hooked.hook.is_enabled = False
    else:
        db.session.delete(hooked.hook)
    path = hooked.path
    db.session.commit()
    call = signed_call("generic", hooked.secret, event_of("generic", "bounced", sent.mail_token))
    assert visitor.post(path, data=call.body, headers=call.headers).status_code == 404
    query = "SELECT count(*) FROM webhook_events WHERE webhook_id = :number"
    assert db.session.scalar(db.text(query), {"number": number}) == (1 if how == "off" else 0)


def test_a_cut_connection_is_made_anew(
    hooked: Hooked, visitor: FlaskClient, sent: Sent, app: Flask, settings: Settings
) -> None:
    desk: Desk = app.extensions[EXTENSION]
    [[pid]] = desk.run("SELECT pg_backend_pid()", {})
    with psycopg.connect(libpq_url(settings.database_url), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    assert post(visitor, hooked, call_of(hooked, sent, "bounced")).text == "Stored 1 of 1.\n"


def test_a_database_that_is_away_does_not_fill_the_log(context: None) -> None:
    away = Desk("postgresql:///nowhere?host=/nowhere", keyring())
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/hooks/x", "CONTENT_LENGTH": "0"}
    with capture_logs() as told:
        for _ in range(50):
            assert answer("x", environ, away).status_code == 503
    assert [line["calls"] for line in told] == [1]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    run = Desk.run

    def listen(desk: Desk, statement: str, values: dict[str, object]) -> list[tuple[object, ...]]:
        said.append(statement)
        return run(desk, statement, values)

    monkeypatch.setattr(Desk, "run", listen)
    return said


def test_a_call_is_one_statement(hooked: Hooked, visitor: FlaskClient, sent: Sent, statements: list[str]) -> None:
    assert post(visitor, hooked, call_of(hooked, sent, "bounced")).status_code == 200
    assert len(statements) == 1
