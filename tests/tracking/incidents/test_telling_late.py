"""Mails to owners that could not leave for long: one, with what still needs somebody."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.core import clock
from app.core.database import db, in_workspace
from app.core.settings import EXAMPLE_MAIL_DOMAIN
from app.sending import outgoing
from app.sending.models import OutgoingMail
from app.tracking.incidents import telling
from app.tracking.incidents.decisions import discard
from app.tracking.incidents.telling import INCIDENT, tell_owners
from app.tracking.models import Incident
from tests.tracking.incidents.owners import Owners, parsed
from workers import priority

assert priority, "its import makes news of incidents known as mails of the system"


@pytest.fixture
def nameless(app: Flask, owners: Owners, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installation has no name in mail of its own yet, and its way out leads into the open."""
    names = {"mail_domain": EXAMPLE_MAIL_DOMAIN, "catcher": False, "smtp_url": "smtp://relay.invalid:25"}
    known = app.extensions["merpati.settings"]
    monkeypatch.setitem(app.extensions, "merpati.settings", known.model_copy(update=names))


def test_what_was_held_for_long_is_one_mail(owners: Owners, app: Flask, nameless: None) -> None:
    for hour in range(5):
        with clock.moved(timedelta(hours=2 * hour)):
            owners.burst(f"provider{hour}.test")
            owners.look()
    assert owners.outbox == []
    assert len(owners.notices(queued_at=None)) == 5
    with in_workspace(owners.workspace.id):
        first = db.session.scalars(select(Incident).order_by(Incident.id)).first()
        assert first is not None
        discard(first.id, None)
        db.session.commit()
    _name(app)
    with clock.moved(timedelta(hours=9)):
        owners.look()
        (mail,) = owners.outbox
        subject, plain, _html = parsed(mail)
        assert subject.endswith("(and 3 more)")
        assert "provider0" not in plain
        assert all(f"provider{hour}" in subject + plain for hour in (1, 2, 3, 4))
        owners.look()
        owners.burst("yahoo")
        owners.look()
    assert len(owners.outbox) == 1, "an hour lies between the mails that leave"
    assert owners.notices(queued_at=None) == []
    with clock.moved(timedelta(hours=10, minutes=1)):
        owners.look()
    assert len(owners.outbox) == 2


def test_what_is_old_is_told_no_more(owners: Owners, app: Flask, nameless: None) -> None:
    owners.burst()
    owners.look()
    _name(app)
    with clock.moved(telling.RECENT + timedelta(hours=1)):
        owners.look()
        owners.look()
    assert owners.outbox == []
    assert owners.notices(queued_at=None) == []


def test_a_mail_that_somebody_is_at_is_left_to_them(owners: Owners, app: Flask, nameless: None) -> None:
    owners.burst()
    owners.look()
    (first,) = owners.notices()
    with in_workspace(owners.workspace.id):
        db.session.scalars(select(OutgoingMail).where(OutgoingMail.row_id == first.id)).one().reply = ""
        db.session.commit()
    _name(app)
    with clock.moved(timedelta(hours=2)):
        owners.burst("yahoo")
        tell_owners()
        second = owners.notices()[-1]
        outgoing.send_outgoing(INCIDENT, second.id)
    (mail,) = owners.outbox
    assert parsed(mail)[0].endswith("at Yahoo, AOL: No such mailbox")
    assert [notice.id for notice in owners.notices()] == [first.id, second.id]


def _name(app: Flask) -> None:
    """The owner gives the installation a name."""
    known = app.extensions["merpati.settings"]
    app.extensions["merpati.settings"] = known.model_copy(update={"mail_domain": "mail.aviary.test"})
