"""While confirmations are kept back: no page says that one is on its way, and the list says why."""

from collections.abc import Iterator

import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from app.accounts.models import Workspace
from app.audience.lists import archive_list, create_list
from app.audience.models import MailingList
from app.audience.subscribers import save_subscriber
from app.audience.subscriptions import CONFIRMED, subscribe
from app.core.database import db
from app.core.settings import EXAMPLE_MAIL_DOMAIN
from tests.audience.test_public import fill_in, path_of

LOOK, LATER = "Look into your mailbox", "comes as soon as"


@pytest.fixture
def weekly(scope: Workspace) -> MailingList:
    made = create_list("Dovecote weekly")
    db.session.commit()
    return made


@pytest.fixture
def held(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mail leaves this machine, under a name that is somebody else's."""
    workspace.from_email = ""
    db.session.commit()
    values = {"mail_domain": EXAMPLE_MAIL_DOMAIN, "catcher": False, "smtp_url": "smtp://relay.dove.internal:587"}
    ours = current_app.extensions["merpati.settings"].model_copy(update=values)
    monkeypatch.setitem(current_app.extensions, "merpati.settings", ours)


@pytest.fixture(autouse=True)
def _left_as_found(app: Flask) -> Iterator[None]:
    """Without the limit, which has a test of its own; the queue of system mails is empty afterwards."""
    connection: Redis = app.extensions["merpati.queue"]
    limiter = app.extensions["merpati.limiter"]
    was, limiter.enabled = limiter.enabled, False
    yield
    limiter.enabled = was
    Queue("priority", connection=connection, serializer=JSONSerializer).empty()


def test_the_visitor_is_not_sent_to_a_mailbox_where_nothing_comes(
    visitor: FlaskClient, weekly: MailingList, held: None
) -> None:
    assert "Just now our mails have to wait" in visitor.get(path_of(weekly)).text
    page = fill_in(visitor, weekly, "ada@example.org").text
    assert LATER in page
    assert LOOK not in page
    assert "on its way" not in page
    assert EXAMPLE_MAIL_DOMAIN not in page, "how the machine is set up is nobody else's business"


def test_the_answer_is_the_same_for_who_is_known(visitor: FlaskClient, weekly: MailingList, held: None) -> None:
    known = save_subscriber("known@example.org")[0]
    subscribe(known, weekly, CONFIRMED, source="operator")
    db.session.commit()
    pages = [fill_in(visitor, weekly, f"{name}@example.org").text for name in ("known", "other")]
    assert pages[0].replace("known@", "other@") == pages[1]


def test_the_list_tells_the_owner_why_and_where(as_ada: FlaskClient, weekly: MailingList, held: None) -> None:
    path = _path(weekly)
    page = as_ada.get(path).text
    assert "Mails to confirm are kept back" in page
    assert f"{EXAMPLE_MAIL_DOMAIN} is somebody else" in page
    assert page.count('/settings/sending"') == 1
    archive_list(weekly)
    db.session.commit()
    assert "kept back" not in as_ada.get(path).text


def test_others_are_told_whom_to_ask(as_vic: FlaskClient, weekly: MailingList, held: None) -> None:
    page = as_vic.get(_path(weekly)).text
    assert "Tell the owner of this workspace" in page
    assert "/settings/sending" not in page


def test_nothing_is_said_while_mail_goes(visitor: FlaskClient, as_ada: FlaskClient, weekly: MailingList) -> None:
    assert "have to wait" not in visitor.get(path_of(weekly)).text
    page = fill_in(visitor, weekly, "ada@example.org").text
    assert (LOOK in page, LATER in page) == (True, False)
    assert "kept back" not in as_ada.get(_path(weekly)).text


def _path(mailing_list: MailingList) -> str:
    return f"/w/{db.session.get_one(Workspace, mailing_list.workspace_id).slug}/lists/{mailing_list.id}"
