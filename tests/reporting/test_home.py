"""The home page says what waits for a person, each with a way there, and ticks the first steps truly."""

from hashlib import sha256
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.accounts.models import User, Workspace
from app.accounts.setup import create_workspace
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import db, in_workspace
from app.messages.models import IncomingMail
from app.reporting.home import overview
from app.reporting.waiting import waiting_for_somebody
from app.sending.models import Transport
from app.tracking.incidents import bursts, decisions
from app.tracking.mail_intake import take_in_mail
from app.tracking.models import Mailbox
from app.tracking.replies.forwarding import queue_replies
from tests.conftest import sign_in
from tests.factories.messages import sent_message
from tests.tracking.acting.world import bounce
from tests.tracking.incidents.crowd import Crowd, crowd
from tests.tracking.incidents.owners import Owners

HEADING = "Waits for you"


@pytest.fixture
def burst(workspace: Workspace) -> Crowd:
    bursts._rest.clear()
    made = crowd(workspace, 40)
    made.tell(slice(25), lambda: bounce("userunknown", "permanent", words="550 5.1.1 user unknown"))
    made.watch()
    return made


def write_back(workspace: Workspace, words: str, email: str = "ada@example.org") -> tuple[int, str]:
    """A reply to a mail of the workspace, taken in; its number, and the way to it."""
    sent = sent_message(workspace, email)
    to = f"b+{sent.mail_token}@bounces.example.com"
    raw = f"From: {email}\r\nTo: {to}\r\nSubject: Re: Dovecote weekly\r\n\r\n{words}\r\n".encode()
    mail = IncomingMail(digest=sha256(raw).digest(), envelope_from=email, envelope_to=to, raw=raw)
    db.session.add(mail)
    db.session.commit()
    take_in_mail()
    return mail.id, f"/w/{workspace.slug}/incoming/{mail.id}"


def test_nothing_waits(as_ada: FlaskClient, workspace: Workspace) -> None:
    assert HEADING not in as_ada.get(f"/w/{workspace.slug}/").text


def test_an_undecided_incident_waits_until_it_is_decided(
    app: Flask, as_ada: FlaskClient, eve: User, burst: Crowd
) -> None:
    home, [incident] = f"/w/{burst.workspace.slug}/", burst.incidents()
    page = as_ada.get(home).text
    assert HEADING in page
    assert "No such mailbox" in page
    assert "Are 25 addresses dead, or was it a fault?" in page
    assert f"/incidents/{incident.id}" in page
    assert "Only an owner decides" not in page
    assert "Only an owner decides" in sign_in(app, eve).get(home).text
    with in_workspace(burst.workspace.id):
        decisions.discard(incident.id, None)
        db.session.commit()
    assert HEADING not in as_ada.get(home).text


def test_a_reply_with_a_wish_to_leave_waits_until_the_person_has_left(
    as_ada: FlaskClient, workspace: Workspace
) -> None:
    home = f"/w/{workspace.slug}/"
    write_back(workspace, "What a nice letter, thank you!", "bob@example.org")
    assert HEADING not in as_ada.get(home).text
    _number, there = write_back(workspace, "Please unsubscribe me from this list.")
    page = as_ada.get(home).text
    assert "1 reply looks like a wish to leave" in page
    assert there in page
    assert as_ada.post(f"{there}/unsubscribe").status_code == 302
    assert HEADING not in as_ada.get(home).text


def test_replies_that_nobody_gets_wait_until_an_address_is_set(
    app: Flask, as_ada: FlaskClient, eve: User, workspace: Workspace
) -> None:
    home = f"/w/{workspace.slug}/"
    workspace.forward_replies_to = workspace.reply_to = ""
    db.session.commit()
    for words in ("What a nice letter!", "Where is your shop?"):
        write_back(workspace, words, f"{words[:4]}@example.org".lower())
    queue_replies()
    page = as_ada.get(home).text
    assert "2 replies reached nobody" in page
    assert f"/w/{workspace.slug}/settings/incoming" in page
    assert "Only an owner sets one." in sign_in(app, eve).get(home).text
    workspace.reply_to = "letters@aviary.example.com"
    db.session.commit()
    assert HEADING not in as_ada.get(home).text


def test_a_missed_schedule_and_doubtful_messages_wait(as_ada: FlaskClient, workspace: Workspace) -> None:
    sent = sent_message(workspace, state="uncertain")
    with in_workspace(workspace.id):
        missed = Campaign(name="Late letter", state="paused", waiting_for="Its time passed.", waiting_since=clock.now())
        by_hand = Campaign(name="By hand", state="paused", launched_at=clock.now(), waiting_for="Paused by Ada.")
        db.session.add_all([missed, by_hand])
        db.session.commit()
    page = as_ada.get(f"/w/{workspace.slug}/").text.split("</section>")[0]
    assert "“Late letter” was not sent at its time" in page
    assert f"/campaigns/{missed.id}" in page
    assert "By hand" not in page
    assert "1 message of “Dovecote weekly” is in doubt" in page
    assert f"/campaigns/{sent.campaign.id}/ledger/uncertain" in page


def test_what_the_guard_paused_and_a_provider_that_refuses_us_wait(as_ada: FlaskClient, workspace: Workspace) -> None:
    owners = Owners(workspace, [])
    paused, refused = owners.complaints(), owners.refusal()
    owners.refusal(count=2, reason="badreputation")
    page = as_ada.get(f"/w/{workspace.slug}/").text.split("</section>")[0]
    assert "Campaign paused after complaints from Yahoo, AOL" in page
    assert f"/campaigns/{paused.campaign_id}" in page
    assert "Mail refused by Yahoo, AOL: Our server was refused" in page
    assert f"/incidents/{refused.id}" in page
    assert page.count('class="check-row') == 2, "a handful of refusals is everyday"
    with in_workspace(workspace.id):
        db.session.execute(text("UPDATE campaigns SET state = 'sending'"))
        db.session.execute(text("UPDATE incidents SET ended_at = now() WHERE kind = 'blocked'"))
        db.session.commit()
    assert HEADING not in as_ada.get(f"/w/{workspace.slug}/").text


def test_mailboxes_and_transports_that_fail_wait_until_they_work(
    app: Flask, as_ada: FlaskClient, eve: User, workspace: Workspace
) -> None:
    def mailbox(username: str, **values: Any) -> Mailbox:
        return Mailbox(
            kind="imap",
            host="imap.test",
            port=993,
            security="tls",
            password_sealed=b"-",
            username=username,
            **values,
        )

    with in_workspace(workspace.id):
        refused = mailbox(
            "bounces@aviary.example.com", progress={"refused": True}, failures=1, last_words="NO [AUTH] wrong password"
        )
        failing = mailbox("replies@aviary.example.com", failures=2, last_words="The server did not answer.")
        works, off = mailbox("fine@aviary.example.com"), mailbox("off@aviary.example.com", is_enabled=False, failures=3)
        aside = Transport(name="Attic relay", kind="smtp", open_until=clock.now(), last_words="535 no")
        idle = Transport(name="Idle relay", kind="smtp", open_until=clock.now(), is_enabled=False)
        db.session.add_all([refused, failing, works, off, aside, idle])
        db.session.commit()
    home = f"/w/{workspace.slug}/"
    page = as_ada.get(home).text.split("</section>")[0]
    for words in (
        "The mailbox bounces@aviary.example.com is not asked any more",
        "NO [AUTH] wrong password",
        f"/settings/incoming/{refused.id}",
        "The mailbox replies@aviary.example.com could not be read",
        f"/settings/incoming/{failing.id}",
        "The transport “Attic relay” is set aside",
        "535 no",
        f"/settings/sending/{aside.id}",
    ):
        assert words in page
    assert page.count('class="check-row') == 3
    assert "Only an owner" not in page
    of_eve = sign_in(app, eve).get(home).text.split("</section>")[0]
    assert of_eve.count("Only an owner can mend it.") == 3
    assert "/settings/" not in of_eve
    with in_workspace(workspace.id):
        failing.failures, aside.open_until = 0, None
        refused.failures, refused.progress = 0, {}
        db.session.commit()
    assert HEADING not in as_ada.get(home).text


def test_a_viewer_is_asked_nothing_and_others_see_only_their_own(as_vic: FlaskClient, burst: Crowd) -> None:
    write_back(burst.workspace, "Please unsubscribe me.")
    assert HEADING not in as_vic.get(f"/w/{burst.workspace.slug}/").text
    with in_workspace(burst.workspace.id):
        assert waiting_for_somebody()
    other = create_workspace("Elsewhere")
    db.session.commit()
    with in_workspace(other.id):
        assert not waiting_for_somebody()


def test_mail_that_failed_is_said_of_what_was_lately_sent(as_ada: FlaskClient, workspace: Workspace) -> None:
    sent = sent_message(workspace)
    campaign, home = sent.campaign.id, f"/w/{workspace.slug}/"
    fail = text("UPDATE messages SET state = 'failed', sent_at = NULL, reason = :reason WHERE campaign_id = :id")
    with in_workspace(workspace.id):
        db.session.execute(text("UPDATE campaigns SET state = 'finished' WHERE id = :id"), {"id": campaign})
        db.session.commit()
    people = f"/reports/{campaign}/people?state=failed"
    assert people not in as_ada.get(home).text
    for reason, words in (("render", "1 could not be rendered"), ("expired", "1 failed")):
        with in_workspace(workspace.id):
            db.session.execute(fail, {"id": campaign, "reason": reason})
            db.session.commit()
        page = as_ada.get(home).text
        assert words in page
        assert people in page


def test_sending_is_ticked_once_anything_went_out(workspace: Workspace) -> None:
    """Some may be tried again for days, and the campaign is not finished as long."""
    sent = sent_message(workspace)
    with in_workspace(workspace.id):
        db.session.execute(text("UPDATE campaigns SET state = 'sending'"))
        assert dict(overview().steps)["sent"] is True
        db.session.execute(text("UPDATE messages SET state = 'deferred' WHERE id = :id"), {"id": sent.message.id})
        assert dict(overview().steps)["sent"] is False
