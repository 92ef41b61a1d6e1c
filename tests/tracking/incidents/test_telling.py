"""Owners are told by mail of what holds something: once, not every minute, and only while it needs somebody."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import delete, select

from app.accounts.models import Membership, Role, User, Workspace
from app.accounts.setup import add_member, create_user
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import db, in_workspace
from app.core.jobs import Job
from app.core.settings import Settings
from app.factory import create_app
from app.messages.models import Message
from app.sending import outgoing
from app.sending.models import OutgoingMail
from app.tracking.incidents import telling
from app.tracking.incidents.decisions import discard
from app.tracking.incidents.telling import INCIDENT, tell_owners
from app.tracking.models import Incident
from tests.accounts.test_torn_settings import WHOLE
from tests.tracking.acting.world import bounce
from tests.tracking.incidents.crowd import crowd
from tests.tracking.incidents.owners import Owners, parsed
from tests.tracking.incidents.test_races import at_once
from workers import priority
from workers import watch as workers_watch


def test_a_burst_is_told_with_its_numbers_and_its_page(owners: Owners, workspace: Workspace, ada: User) -> None:
    made = crowd(workspace, 60)
    made.tell(slice(0, 30), lambda: bounce("userunknown"))
    (incident,) = made.incidents()
    made.watch()
    owners.look()
    (mail,) = owners.outbox
    assert (mail.envelope_to, mail.envelope_from) == (ada.email, "no-reply@mail.example.com")
    subject, plain, html = parsed(mail)
    assert subject == f"{workspace.name}: Many addresses fail alike at Gmail, Google Workspace: No such mailbox"
    for words in (
        "30 of 60 messages failed",
        "It concerns 30 people",
        "What is kept:",
        "in doubt, discard",
        "Look at it and decide: http",
    ):
        assert words in plain
    page = f"http://localhost/w/{workspace.slug}/incidents/{incident.id}"
    assert page in plain
    assert f'href="{page}"' in html
    assert "<time" not in plain


def test_a_refusal_and_a_pause_are_told(owners: Owners, workspace: Workspace) -> None:
    owners.complaints()
    owners.refusal()
    owners.look()
    (mail,) = owners.outbox
    subject, plain, _html = parsed(mail)
    assert subject.endswith("Campaign paused after complaints from Yahoo, AOL (and 1 more)")
    assert "1 more incident came up as well: Mail refused by Yahoo, AOL: Our server was refused" in plain
    assert "Look at it: http" in plain


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("refusal", {"count": 3}),
        ("refusal", {"reason": "spamdetected"}),
        ("complaints", {"state": "sending"}),
    ],
    ids=["a handful", "about what it says", "resumed"],
)
def test_what_holds_nothing_is_not_told(owners: Owners, kind: str, facts: dict[str, Any]) -> None:
    getattr(owners, kind)(**facts)
    owners.look()
    assert owners.outbox == []
    assert owners.notices() == []


def test_each_is_told_once_and_an_hour_lies_between(owners: Owners) -> None:
    owners.burst()
    owners.look()
    owners.burst("yahoo")
    for _minute in range(3):
        owners.look()
    with clock.moved(timedelta(minutes=59)):
        owners.burst("outlook")
        owners.look()
    assert len(owners.outbox) == 1
    with clock.moved(timedelta(minutes=61)):
        owners.look()
        owners.look()
    with clock.moved(timedelta(hours=5)):
        owners.look()
    assert len(owners.outbox) == 2
    subject, plain, _html = parsed(owners.outbox[1])
    assert "fail alike at Yahoo, AOL" in subject
    assert subject.endswith("(and 1 more)")
    assert "1 more incident came up as well: Many addresses fail alike at Outlook.com" in plain


def test_a_lesser_matter_keeps_no_graver_one_waiting(owners: Owners) -> None:
    owners.burst()
    owners.look()
    with clock.moved(timedelta(minutes=5)):
        owners.burst("outlook")
        owners.look()
        assert len(owners.outbox) == 1
        owners.refusal()
        owners.look()
    with clock.moved(timedelta(minutes=10)):
        warned = owners.complaints("sending", "warned")
        owners.look()
        owners.look()
    with clock.moved(timedelta(minutes=15)):
        owners.complaints()
        owners.look()
        owners.look()
    subjects = [parsed(mail)[0].partition(": ")[2] for mail in owners.outbox]
    assert subjects == [
        "Many addresses fail alike at Gmail, Google Workspace: No such mailbox",
        "Many addresses fail alike at Outlook.com, Hotmail: No such mailbox (and 1 more)",
        "Complaints from Yahoo, AOL",
        "Campaign paused after complaints from Yahoo, AOL",
    ]
    assert "The campaign goes on" in parsed(owners.outbox[2])[1]
    with clock.moved(timedelta(minutes=20)):  # the warning becomes a pause: another kind, which had its mail
        with in_workspace(owners.workspace.id):
            row = db.session.get_one(Incident, warned.id)
            row.action, row.told_at = "paused", None
            db.session.get_one(Campaign, row.campaign_id).state = "paused"
            db.session.commit()
        owners.look()
        assert len(owners.outbox) == 4
    with clock.moved(timedelta(minutes=76)):
        owners.look()
        owners.look()
    assert len(owners.outbox) == 5, "what waited is never lost"


def test_a_strangers_words_stand_as_theirs_and_lead_nowhere(owners: Owners, as_ada: FlaskClient) -> None:
    evil = (
        "550 5.7.1 ATTENTION ” Merpati asks you: sign in at https://evil.example/login or www.evil.example, <b>now</b> "
    )
    incident = owners.refusal(words=evil + "and again " * 60)
    owners.look()
    _subject, plain, html = parsed(owners.outbox[0])
    said = "550 5.7.1 ATTENTION ' Merpati asks you: sign in at hxxps://evil[.]example/login or www[.]evil[.]example,"
    assert f'Words of the other server, not of Merpati; do nothing only because they ask for it: > "{said}' in plain
    assert "hxxps://evil[.]example/login" in html
    for part in (plain, html):
        assert "evil.example" not in part
        assert part.count("again") < 20
    assert "<b>now" not in html
    page = as_ada.get(f"/w/{owners.workspace.slug}/incidents/{incident.id}").text
    assert "Words of the other server, not of Merpati" in page
    assert 'href="https://evil.example' not in page


def test_what_is_decided_or_over_before_the_mail_goes_is_left_out(owners: Owners, workspace: Workspace) -> None:
    burst, refusal = owners.burst(), owners.refusal()
    tell_owners()
    with in_workspace(workspace.id):
        discard(burst.id, None)
        db.session.commit()
    (notice,) = owners.notices()
    outgoing.send_outgoing(INCIDENT, notice.id)
    subject, plain, _html = parsed(owners.outbox.pop())
    assert subject.endswith("Mail refused by Yahoo, AOL: Our server was refused")
    assert "Gmail" not in plain

    with clock.moved(timedelta(hours=2)):
        refusal = owners.refusal()
        tell_owners()
        with in_workspace(workspace.id):
            db.session.get_one(Incident, refusal.id).ended_at = clock.now()
            db.session.commit()
        owners.look()
    assert owners.outbox == []
    assert owners.notices(queued_at=None) == [], "nothing is tried again and again"


def test_a_burst_that_fell_silent_still_asks(owners: Owners, workspace: Workspace) -> None:
    burst = owners.burst()
    with in_workspace(workspace.id):
        db.session.get_one(Incident, burst.id).ended_at = clock.now()
        db.session.commit()
    owners.look()
    assert len(owners.outbox) == 1


def test_only_owners_who_can_sign_in_are_told(owners: Owners, workspace: Workspace, eve: User, vic: User) -> None:
    second = create_user(f"second-{workspace.id}@example.com")
    gone = create_user(f"gone-{workspace.id}@example.com")
    gone.active = False
    for user in (second, gone):
        add_member(workspace, user, Role.OWNER)
    db.session.commit()
    owners.burst()
    tell_owners()
    # Who is no owner any more when the mail goes does not get it.
    db.session.execute(
        delete(Membership).where(Membership.workspace_id == workspace.id, Membership.user_id == second.id)
    )
    db.session.commit()
    assert len(owners.notices()) == 2
    owners.look()
    assert len(owners.outbox) == 1
    assert owners.outbox[0].envelope_to.startswith("ada")


def test_an_owner_switches_them_off(owners: Owners, workspace: Workspace, as_ada: FlaskClient) -> None:
    page = as_ada.get(f"/w/{workspace.slug}/settings")
    assert "Mail about incidents" in page.text
    path = f"/w/{workspace.slug}/settings"
    assert as_ada.post(path, data=WHOLE | {"tells_owners": "no"}).status_code == 302
    owners.burst()
    owners.look()
    assert as_ada.post(path, data=WHOLE | {"tells_owners": "perhaps"}).status_code == 422
    assert as_ada.post(path, data=WHOLE).status_code == 302
    assert not db.session.get_one(Workspace, workspace.id).tells_owners, "what did not arrive stays"
    assert as_ada.post(path, data=WHOLE | {"tells_owners": "yes"}).status_code == 302
    owners.look()
    assert owners.outbox == [], "what began while they were off is no news"
    owners.burst("yahoo")
    owners.look()
    assert len(owners.outbox) == 1


def test_the_minutes_look_tells_even_when_it_stumbles(
    owners: Owners, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbles() -> None:
        raise ArithmeticError

    owners.complaints()
    with monkeypatch.context() as patched:
        patched.setattr(workers_watch, "watch", stumbles)
        with pytest.raises(ArithmeticError):
            workers_watch.watch_incidents()
    assert len(owners.notices()) == 1
    owners.look()
    workers_watch.watch_incidents()
    assert len(owners.outbox) == 1


def test_of_two_looks_at_once_one_writes(owners: Owners, app: Flask) -> None:
    owners.burst()
    at_once(app, *[tell_owners] * 4)
    owners.burst("yahoo")
    at_once(app, *[tell_owners] * 4)
    assert len(owners.notices()) == 1


def test_a_message_of_a_paused_campaign_is_said_to_be_kept(owners: Owners, workspace: Workspace) -> None:
    incident = owners.complaints()
    with in_workspace(workspace.id):
        for state in ("planned", "deferred", "sent"):
            db.session.add(Message(campaign_id=incident.campaign_id, address="ada@example.org", state=state))
        db.session.commit()
    owners.look()
    assert "2 messages that have not gone out are kept" in parsed(owners.outbox[0])[1]


def test_what_a_dead_worker_left_is_queued_by_the_next_look(
    owners: Owners, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners.burst()
    with monkeypatch.context() as patched:
        patched.setattr(telling, "enqueue_job", _dies)
        with pytest.raises(SystemExit):
            tell_owners()
    db.session.rollback()
    (notice,) = owners.notices(queued_at=None)
    tell_owners()
    queue = Queue(Job.SEND_SYSTEM_MAIL.queue, connection=app.extensions["merpati.queue"], serializer=JSONSerializer)
    assert any(job.startswith(f"mail-{INCIDENT}-{notice.id}--") for job in queue.job_ids)


@pytest.mark.parametrize(
    ("kind", "facts", "words"),
    [
        ("burst", {}, "fail alike at Gmail, Google Workspace: No such mailbox"),
        ("refusal", {}, "Mail refused by Yahoo, AOL: Our server was refused"),
        ("refusal", {"action": "held"}, "Mail refused by Yahoo, AOL: Our server was refused"),
        ("complaints", {}, "Campaign paused after complaints from Yahoo, AOL"),
    ],
    ids=["burst", "refused at the door", "refused by letter", "complaints"],
)
def test_a_worker_without_pages_finds_the_words(
    owners: Owners, settings: Settings, kind: str, facts: dict[str, Any], words: str
) -> None:
    getattr(owners, kind)(**facts)
    tell_owners()
    (notice,) = owners.notices()
    worker = create_app(settings, web=False)
    with worker.app_context():
        priority.send_system_mail(INCIDENT, notice.id)
        db.session.remove()
        db.engine.dispose()
    (mail,) = owners.outbox
    assert parsed(mail)[0].endswith(words)


def test_a_mail_that_no_server_takes_yet_stays(owners: Owners, monkeypatch: pytest.MonkeyPatch) -> None:
    owners.burst()
    tell_owners()
    (notice,) = owners.notices()
    with monkeypatch.context() as patched:
        patched.setattr(outgoing, "send_mail", _dies)
        with pytest.raises(SystemExit):
            outgoing.send_outgoing(INCIDENT, notice.id)
    db.session.rollback()
    with in_workspace(owners.workspace.id):
        waiting = db.session.scalars(select(OutgoingMail).where(OutgoingMail.kind == INCIDENT)).all()
    assert [row.row_id for row in waiting] == [notice.id]
    assert owners.notices(queued_at=None) == []


def _dies(*_arguments: object, **_named: object) -> None:
    raise SystemExit


def test_everyday_refusals_without_number_do_not_hide_what_asks(owners: Owners) -> None:
    with in_workspace(owners.workspace.id):
        now = clock.now()
        for number in range(telling._AT_ONCE + 5):
            facts = {"kind": "blocked", "reason": "blocked", "count": 1, "of": 9, "action": "nothing"}
            db.session.add(Incident(began_at=now, seen_at=now, provider=f"small{number}.test", **facts))
        db.session.commit()
    great, held = owners.refusal(count=250_000), owners.burst()
    owners.look()
    [notice] = owners.notices()
    assert set(notice.incidents) == {great.id, held.id}


def test_what_is_held_is_not_queued_each_minute(owners: Owners) -> None:
    owners.burst()
    owners.look()
    [notice] = owners.notices()
    notice.queued_at = None
    row = OutgoingMail(kind=INCIDENT, row_id=notice.id, attempts=0, next_attempt_at=clock.now(), reply="It is kept.")
    with in_workspace(owners.workspace.id):
        db.session.add(row)
        db.session.commit()
    assert notice.id not in telling._waiting()
