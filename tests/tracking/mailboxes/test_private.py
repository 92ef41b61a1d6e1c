"""Mail in a mailbox that has nothing to do with us: left there, and kept nowhere else."""

import pytest
from flask.testing import FlaskClient

from app.core.database import db
from app.messages.models import IncomingMail
from app.tracking.mail_intake import take_in_mail
from app.tracking.mailboxes.storing import store_mail
from tests.factories.messages import Sent
from tests.tracking.mailboxes.conftest import MakeMailbox, mail
from tests.tracking.mailboxes.imap_server import ImapWorld, serving
from tests.tracking.mailboxes.pop3_server import PopWorld, serving_pop3
from tests.tracking.test_mail_intake import dsn

pytestmark = pytest.mark.long

SALARY = mail("Your-salary", body="Between us: you get a rise.\n")
ABSENT = mail("Away", body="I am on holiday.\n").replace(b"Message-ID", b"Auto-Submitted: auto-replied\r\nMessage-ID")
CLUB = mail("Club-news", body="We meet on Friday.\n").replace(
    b"Message-ID", b"List-Id: <club.example.org>\r\nMessage-ID"
)
A_STRANGER = "a" * 26


@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_private_mail_stays_where_it_is_and_nothing_of_it_here(
    a_mailbox: MakeMailbox, sent: Sent, as_ada: FlaskClient, kind: str
) -> None:
    private, bounce = [SALARY, ABSENT, CLUB], dsn(sent.mail_token)
    world = ImapWorld() if kind == "imap" else PopWorld()
    world.put(*private, bounce)
    with serving(world) if isinstance(world, ImapWorld) else serving_pop3(world) as port:
        box = a_mailbox(port, world.password, kind=kind)
        box.visit()
        incoming = f"/w/{sent.workspace.slug}/incoming"
        assert "salary" not in as_ada.get(incoming).text, "nor before it was read"
        assert [as_ada.get(f"{incoming}/{each.id}/download").status_code for each in box.stored] == [404] * 4
        row = box.visit_after_intake()
        assert (row.last_words, [each.raw for each in box.stored]) == ("", [bounce])
        left = world.inbox if isinstance(world, ImapWorld) else world.mails
        assert list(left.values()) == private
        row = box.visit()
        assert row.progress.get("waiting") is None
        assert len(world.fetched) == 4, "what was left is not fetched again"
    listed = as_ada.get(incoming).text
    assert ("Undelivered Mail" in listed, "salary" in listed) == (True, False)


def test_it_is_forgotten_as_often_as_the_server_shows_it_anew(a_mailbox: MakeMailbox) -> None:
    world = ImapWorld()
    world.put(SALARY)
    with serving(world) as port:
        box = a_mailbox(port, world.password)
        for world.era in (7, 8):
            box.visit()
            row = box.visit_after_intake()
            assert (row.last_words, box.stored, len(world.inbox)) == ("", [], 1)


def test_a_bounce_of_an_unknown_message_is_kept_to_be_seen(
    a_mailbox: MakeMailbox, sent: Sent, as_ada: FlaskClient
) -> None:
    box = a_mailbox(1, "secret")
    store_mail(sent.workspace.id, box.id, dsn(A_STRANGER))
    db.session.commit()
    take_in_mail()
    [kept] = box.stored
    assert (kept.kind, kept.message_id, kept.note) == ("bounce", None, "no token of ours; nothing was changed")
    assert "Undelivered Mail" in as_ada.get(f"/w/{sent.workspace.slug}/incoming").text


def test_what_came_to_our_own_server_is_kept(sent: Sent) -> None:
    row = IncomingMail(
        digest=b"ours".ljust(32), envelope_from="x@example.net", envelope_to="y@bounces.example.com", raw=SALARY
    )
    db.session.add(row)
    db.session.commit()
    take_in_mail()
    assert (row.kind, row.raw) == ("none", SALARY)
    db.session.delete(row)
    db.session.commit()


def test_a_mail_that_two_visits_bring_has_one_row(a_mailbox: MakeMailbox, sent: Sent) -> None:
    box = a_mailbox(1, "secret")
    numbers = [store_mail(sent.workspace.id, box.id, SALARY) for _visit in range(2)]
    db.session.commit()
    assert (len(set(numbers)), len(box.stored)) == (1, 1)
