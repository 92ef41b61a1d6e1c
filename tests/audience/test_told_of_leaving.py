"""Who told that somebody left: the timeline, the consent record and the suppression say the same, and it is true."""

import importlib

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from app.accounts.models import Workspace
from app.audience.subscriptions import unsubscribe
from app.core.database import db, in_workspace
from app.tracking.leaving import Act, leave
from app.tracking.recipients import find_recipient
from app.tracking.webhooks.kinds import KINDS
from tests.factories.messages import Sent, sent_message
from tests.factories.provider_events import event_of
from tests.factories.webhooks import Hooked, a_webhook, signed_call
from tests.tracking.test_mail_intake import arrive, complaint
from tests.tracking.webhooks.conftest import post, take_in

BUTTON = "the mail program's button"


@pytest.fixture
def sent(workspace: Workspace) -> Sent:
    return sent_message(workspace)


def pages(as_ada: FlaskClient, sent: Sent) -> tuple[str, str]:
    """The person's page and the suppressions."""
    base = f"/w/{sent.workspace.slug}"
    return as_ada.get(f"{base}/people/{sent.person.id}").text, as_ada.get(f"{base}/suppressions").text


def tell(visitor: FlaskClient, hooked: Hooked, event: dict[str, object]) -> None:
    assert post(visitor, hooked, signed_call(hooked.hook.kind, hooked.secret, event)).status_code == 200
    take_in()


def test_a_report_of_the_mailbox_provider(as_ada: FlaskClient, sent: Sent) -> None:
    arrive(complaint(sent.mail_token).replace(b"abuse", b"opt-out"), sent.mail_token)
    person, suppressions = pages(as_ada, sent)
    assert person.count("by a report of the mailbox provider") == 2, "in the timeline and in the consent record"
    assert "a report of the mailbox provider" in suppressions
    assert "(a person)" not in person
    assert BUTTON not in person + suppressions
    assert "one-click" not in suppressions
    assert sent.consent()[-1] == ("withdrawn", "report")


@pytest.mark.parametrize("feedback", ["opt-out", ""])
def test_a_webhook_says_which(as_ada: FlaskClient, visitor: FlaskClient, sent: Sent, feedback: str) -> None:
    hooked = a_webhook(sent.workspace, "postmark" if not feedback else "generic")
    with in_workspace(sent.workspace.id):
        hooked.hook.name = "Relay in the attic"
        db.session.commit()
    if feedback:
        tell(visitor, hooked, event_of("generic", "complained", sent.mail_token) | {"feedback_type": feedback})
    else:
        tell(visitor, hooked, event_of("postmark", "unsubscribed", sent.mail_token))
    person, suppressions = pages(as_ada, sent)
    words = "a webhook in the generic format" if feedback else "the webhook of Postmark"
    assert person.count(f"by {words} (Relay in the attic)") == 2
    assert (words in suppressions) is bool(feedback), "one list is no suppression"
    assert "(a person)" not in person
    assert BUTTON not in person + suppressions


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_webhook_has_its_name(as_ada: FlaskClient, sent: Sent, kind: str) -> None:
    with in_workspace(sent.workspace.id):
        unsubscribe(sent.person, None, source=f"webhook:{kind}")
        db.session.commit()
    words = "a webhook in the generic format" if kind == "generic" else f"the webhook of {KINDS[kind].title}"
    person, suppressions = pages(as_ada, sent)
    assert f"by {words}" in person
    assert words in suppressions


@pytest.mark.parametrize(
    ("path", "form", "words"),
    [
        ("u", {"List-Unsubscribe": "One-Click"}, BUTTON),
        ("u", {"scope": "list"}, "unsubscribe page"),
        ("p", {"all": "1"}, "preference page"),
    ],
)
def test_what_the_person_did(
    as_ada: FlaskClient, visitor: FlaskClient, sent: Sent, path: str, form: dict[str, str], words: str
) -> None:
    assert visitor.post(f"/{path}/{sent.token}", data=form).status_code == 200
    person, _suppressions = pages(as_ada, sent)
    assert person.count(f"by {words}") == 2
    assert "(a person)" in person


def test_a_mail_to_the_unsubscribe_address(as_ada: FlaskClient, sent: Sent) -> None:
    arrive(b"From: ada@example.org\r\nTo: u\r\nSubject: unsubscribe\r\n\r\n", sent.mail_token, kind="u")
    person, _suppressions = pages(as_ada, sent)
    assert person.count("by a mail to the unsubscribe address") == 2


def test_what_was_written_down_before_is_read_by_its_evidence(as_ada: FlaskClient, sent: Sent) -> None:
    with in_workspace(sent.workspace.id):
        leave(find_recipient(sent.message.id), Act("one-click", by="webhook:brevo"), everything=True)
        db.session.commit()
    person, _suppressions = pages(as_ada, sent)
    assert person.count("by the webhook of Brevo") == 2
    assert "(a person)" not in person


def test_who_left_by_a_report_after_a_member_took_them_off_wished_it(sent: Sent) -> None:
    with in_workspace(sent.workspace.id):
        unsubscribe(sent.person, None, source="operator", evidence={"who": "Ada"})
        assert unsubscribe(sent.person, None, source="report"), "from here on it is their own wish"
        assert not unsubscribe(sent.person, None, source="webhook:ses")
    db.session.rollback()


def test_the_migration_corrects_suppressions_alone(sent: Sent) -> None:
    told = importlib.import_module("migrations.versions.0014_who_told_of_leaving").TOLD
    other = sent_message(sent.workspace, "grace@example.org")
    with in_workspace(sent.workspace.id):
        leave(find_recipient(sent.message.id), Act("one-click", by="webhook:brevo"), everything=True)
        leave(find_recipient(other.message.id), Act("one-click"), everything=True)
        db.session.execute(text(told))
        rows = db.session.execute(
            text("SELECT evidence, count(*) FROM suppressions WHERE workspace_id = :id GROUP BY 1 ORDER BY 1"),
            {"id": sent.workspace.id},
        )
        assert [tuple(row) for row in rows] == [("one-click", 1), ("webhook:brevo", 1)]
    db.session.rollback()
