"""The pages: what they say to whom, and what they keep to themselves."""

import io
import re
from datetime import timedelta
from secrets import token_hex

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.accounts.models import User, Workspace
from app.accounts.setup import create_workspace
from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.deliverability.models import OutsideFigure, Placement
from app.deliverability.watch.changes import watch_changes
from app.deliverability.watch.rollup import recount
from app.messages.models import Message
from app.tracking.models import Incident
from tests.accounts.pages import text_of
from tests.conftest import sign_in
from tests.factories.audience import a_person
from tests.factories.histories import Letter, a_campaign, write

POSTMASTER = b"Date,Spam rate\n2026-11-20,0.08%\n2026-11-21,0.31%\n"


def letters(count: int, hours_ago: float, deferred: int = 0, clicked: int = 0, provider: str = "yahoo") -> list[Letter]:
    """So many messages of that age, the first of them put off before, the first of them clicked."""
    made = []
    for number in range(count):
        tries = [(hours_ago, "sent", 250, "")]
        if number < deferred:
            tries.insert(0, (hours_ago + 0.1, "deferred", 451, "speeding"))
        heard = [(hours_ago - 0.1, "clicked", "human", {})] if number < clicked else []
        made.append(Letter(provider, tries, heard))
    return made


def count_all() -> None:
    """As the schedule does, over all the time that tests write in."""
    db.session.flush()
    with every_workspace():
        recount(clock.now() - timedelta(days=70))
    db.session.commit()


def test_an_empty_house_says_so(as_ada: FlaskClient, workspace: Workspace) -> None:
    page = as_ada.get(f"/w/{workspace.slug}/deliverability")
    assert page.status_code == 200
    assert "begins with the first campaign" in text_of(page)
    assert "Nothing noted yet" in text_of(as_ada.get(f"/w/{workspace.slug}/deliverability/placements"))
    assert "No figures yet" in text_of(as_ada.get(f"/w/{workspace.slug}/deliverability/outside"))


def test_a_provider_that_puts_off_more_is_pointed_out_with_advice(as_vic: FlaskClient, scope: Workspace) -> None:
    write(a_campaign(), letters(400, 24 * 9, deferred=8))
    write(a_campaign(), letters(400, 24 * 2, deferred=120) + letters(400, 24 * 2, deferred=8, provider="orange"))
    count_all()
    page = text_of(as_vic.get(f"/w/{scope.slug}/deliverability?days=7"))
    assert "Yahoo, AOL: more mail is put off" in page
    assert "Merpati sends more slowly by itself" in page
    assert "Orange: more mail is put off" not in page
    assert "23.1% of 520" in page
    assert "was 2.0%" in page


def test_chance_is_not_pointed_out(as_vic: FlaskClient, scope: Workspace) -> None:
    write(a_campaign(), letters(400, 24 * 9, deferred=8))
    write(a_campaign(), letters(400, 24 * 2, deferred=12))
    count_all()
    assert "Nothing beyond chance" in text_of(as_vic.get(f"/w/{scope.slug}/deliverability"))


def test_clicks_that_collapse_speak_of_the_spam_folder_once_the_mail_is_a_day_old(
    as_vic: FlaskClient, scope: Workspace
) -> None:
    write(a_campaign(), letters(500, 24 * 9, clicked=60))
    write(a_campaign(), letters(500, 24 * 2, clicked=5))
    count_all()
    assert "clicks collapsed" in text_of(as_vic.get(f"/w/{scope.slug}/deliverability?days=7"))


def test_young_mail_is_not_judged_by_its_clicks(as_vic: FlaskClient, scope: Workspace) -> None:
    write(a_campaign(), letters(500, 24 * 9, clicked=60))
    write(a_campaign(), letters(500, 5, clicked=5))
    count_all()
    for days in (1, 7):
        assert "clicks collapsed" not in text_of(as_vic.get(f"/w/{scope.slug}/deliverability?days={days}"))


def test_gmail_is_not_said_to_have_no_complaints(as_vic: FlaskClient, scope: Workspace) -> None:
    write(a_campaign(), letters(200, 30, provider="google"))
    count_all()
    page = text_of(as_vic.get(f"/w/{scope.slug}/deliverability"))
    assert "not told" in page
    assert "0.00% of 200" in page  # what was deferred
    assert page.count("no provider that tells of them") == 1


@pytest.mark.parametrize("by", ["provider", "domain", "transport", "campaign", "nonsense"])
@pytest.mark.parametrize("days", ["1", "7", "28", "x"])
def test_every_view_opens(as_vic: FlaskClient, scope: Workspace, by: str, days: str) -> None:
    campaign = a_campaign(name="Letter to the doves")
    write(campaign, letters(3, 2, deferred=1, clicked=1))
    count_all()
    page = as_vic.get(f"/w/{scope.slug}/deliverability?by={by}&days={days}")
    assert page.status_code == 200
    shown = {"domain": "aviary.example.com", "transport": "Relay", "campaign": "Letter to the doves"}
    assert shown.get(by, "Yahoo, AOL") in text_of(page)


def test_a_choice_narrows(as_vic: FlaskClient, scope: Workspace) -> None:
    write(a_campaign(name="One"), letters(3, 2))
    two = a_campaign(name="Two", domain="shop.example.com")
    write(two, letters(4, 2, provider="orange"))
    count_all()
    address = f"/w/{scope.slug}/deliverability?by=campaign"
    assert "One" not in text_of(as_vic.get(f"{address}&provider=orange")).partition("Mailbox")[2].partition("<table")[2]
    assert "Nothing was sent that fits" in text_of(as_vic.get(f"{address}&provider=orange&domain=aviary.example.com"))
    assert "Nothing was sent that fits" in text_of(as_vic.get(f"{address}&campaign=nobody'--"))
    assert "Two" in text_of(as_vic.get(f"{address}&campaign={two.id}&transport=Relay"))


def test_nobody_sees_anothers_figures(as_ada: FlaskClient, scope: Workspace) -> None:
    other = create_workspace(f"Ours {token_hex(4)}")
    with in_workspace(other.id):
        theirs = a_campaign(name="Secret letter", domain="secret.example.com")
        write(theirs, letters(300, 2, deferred=200, provider="orange"))
        db.session.add(Incident(kind="change", provider="orange", reason="deferrals", words="their trouble"))
        db.session.flush()
    count_all()
    for by in ("provider", "domain", "campaign"):
        page = text_of(as_ada.get(f"/w/{scope.slug}/deliverability?by={by}&campaign={theirs.id}"))
        assert "ecret" not in page
        assert "their trouble" not in page
    noted = as_ada.post(
        f"/w/{scope.slug}/deliverability/placements",
        data={"campaign": theirs.id, "address": "seed@example.net", "placed": "inbox"},
    )
    assert noted.status_code == 422
    assert as_ada.get(f"/w/{other.slug}/deliverability").status_code == 404


def test_a_file_is_brought_shown_and_brought_again(as_ada: FlaskClient, scope: Workspace) -> None:
    for data in (POSTMASTER, b"Date,DKIM success rate\n2026-11-20,99%\n"):
        assert bring(as_ada, scope, data).status_code == 302
    rows = db.session.scalars(select(OutsideFigure).order_by(OutsideFigure.day)).all()
    assert [row.figures for row in rows] == [{"spam_rate": 0.0008, "dkim": 0.99}, {"spam_rate": 0.0031}]
    page = text_of(as_ada.get(f"/w/{scope.slug}/deliverability/outside"))
    assert "aviary.example.com" in page
    assert "0.31%" in page
    gone = as_ada.post(
        f"/w/{scope.slug}/deliverability/outside/forget",
        data={"source": "postmaster", "subject": "aviary.example.com"},
    )
    assert gone.status_code == 302
    assert db.session.scalars(select(OutsideFigure)).all() == []


def test_bad_rows_are_shown_and_good_ones_kept(as_ada: FlaskClient, scope: Workspace) -> None:
    answer = bring(as_ada, scope, POSTMASTER + b"soon,0.1%\n")
    assert answer.status_code == 200
    assert "Kept: 2 days." in text_of(answer)
    assert "“soon” is no date" in text_of(answer)


@pytest.mark.parametrize(("data", "words"), [(b"PK\x03\x04", "Excel"), (b"\n\n", "empty"), (b"a,b\n1,2\n", "Date")])
def test_a_wrong_file_changes_nothing(as_ada: FlaskClient, scope: Workspace, data: bytes, words: str) -> None:
    answer = bring(as_ada, scope, data)
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert db.session.scalars(select(OutsideFigure)).all() == []


def test_a_seed_mailbox_is_noted_once_and_changed(as_ada: FlaskClient, scope: Workspace) -> None:
    campaign = a_campaign(name="Letter to the doves")
    db.session.commit()
    address = f"/w/{scope.slug}/deliverability/placements"
    for placed in ("inbox", "spam"):
        data = {"campaign": campaign.id, "address": "Seed@example.net", "placed": placed}
        assert as_ada.post(address, data=data).status_code == 302
    (noted,) = db.session.scalars(select(Placement)).all()
    assert (noted.address, noted.placed, noted.provider) == ("seed@example.net", "spam", "example.net")
    assert "Spam folder" in text_of(as_ada.get(address))
    assert as_ada.post(address, data={**data, "address": "nonsense"}).status_code == 422
    assert as_ada.post(f"{address}/{noted.id}/forget").status_code == 302
    assert db.session.scalars(select(Placement)).all() == []


def test_a_mailbox_that_the_campaign_did_not_reach_is_said(as_ada: FlaskClient, scope: Workspace) -> None:
    campaign = a_campaign()
    (number,) = write(campaign, [Letter()])
    person = a_person()
    db.session.execute(update(Message).where(Message.id == number).values(subscriber_id=person.id))
    db.session.commit()
    reached = person.email.upper()
    address = f"/w/{scope.slug}/deliverability/placements"
    data = {"campaign": campaign.id, "address": reached, "placed": "inbox"}
    assert "sent nothing to" not in text_of(as_ada.post(address, data=data, follow_redirects=True))
    other = as_ada.post(address, data={**data, "address": "seed@example.net"}, follow_redirects=True)
    assert "this campaign sent nothing to seed@example.net" in text_of(other)


def test_a_viewer_only_reads(as_vic: FlaskClient, scope: Workspace) -> None:
    assert "Only an editor or owner" in text_of(as_vic.get(f"/w/{scope.slug}/deliverability/outside"))
    assert bring(as_vic, scope, POSTMASTER).status_code == 403
    data = {"campaign": 1, "address": "seed@example.net", "placed": "inbox"}
    assert as_vic.post(f"/w/{scope.slug}/deliverability/placements", data=data).status_code == 403


def test_an_editor_brings_and_notes(app: object, eve: User, scope: Workspace) -> None:
    assert bring(sign_in(app, eve), scope, POSTMASTER).status_code == 302  # type: ignore[arg-type]


def test_what_was_not_understood_of_a_file_is_said(as_ada: FlaskClient, scope: Workspace) -> None:
    data = b"Date,Spam rate,Mood\n2026-11-20,many,fine\n2026-11-21,0.1% - 0.3%,\nsoon,0.1%,\n"
    answer = bring(as_ada, scope, data)
    assert answer.status_code == 200
    page = text_of(answer)
    assert "Kept: 2 days." in page
    assert "One row could not be taken." in page
    assert "One row was kept without what could not be read in it." in page
    assert "kept under its own name: <bdi>Mood</bdi>." in page
    assert "0.1%–0.3%" in page


def test_the_lines_of_the_guard_are_settings(as_ada: FlaskClient, workspace: Workspace) -> None:
    address = f"/w/{workspace.slug}/settings"
    page = text_of(as_ada.get(address))
    assert 'value="0.1"' in page
    assert 'value="0.3"' in page
    empty = dict.fromkeys(("from_name", "from_email", "reply_to", "postal_address"), "")
    given = {"name": "Aviary", "timezone": "UTC", "hold_seconds": "0", "confirm_above": "10000", "bounce_days": "5"}
    given |= {"bounce_span": "14", "bounce_stale": "30", **empty}
    answer = as_ada.post(address, data={**given, "complaint_warn": "0,05", "complaint_pause": "0.2"})
    assert answer.status_code == 302
    db.session.refresh(workspace)
    assert (workspace.complaint_warn, workspace.complaint_pause) == (0.0005, 0.002)
    for warn, pause in (("0.3", "0.2"), ("x", "0.3"), ("nan", "0.3"), ("0.1", "50")):
        refused = as_ada.post(address, data={**given, "complaint_warn": warn, "complaint_pause": pause})
        assert refused.status_code == 422, (warn, pause)


def test_a_rate_far_from_its_past_is_an_incident_once_until_it_ends(scope: Workspace) -> None:
    write(a_campaign(), letters(600, 24 * 5, deferred=12))
    write(a_campaign(), letters(200, 2, deferred=80))
    count_all()
    for _ in range(2):
        changes()
    (incident,) = incidents_of(scope)
    assert (incident.kind, incident.provider, incident.reason, incident.count) == ("change", "yahoo", "deferrals", 80)
    assert "80 of 280" in incident.words
    with clock.moved(timedelta(hours=9)):
        changes()
    (incident,) = incidents_of(scope)
    assert incident.ended_at is not None


def test_what_was_always_so_is_no_incident(scope: Workspace) -> None:
    write(a_campaign(), letters(400, 24 * 5, deferred=120))
    write(a_campaign(), letters(200, 2, deferred=80))
    count_all()
    changes()
    assert incidents_of(scope) == []


def changes() -> None:
    """As the schedule's job does it."""
    with every_workspace():
        watch_changes()
    db.session.commit()


def incidents_of(scope: Workspace) -> list[Incident]:
    return list(db.session.scalars(select(Incident).where(Incident.workspace_id == scope.id)))


def bring(browser: FlaskClient, scope: Workspace, data: bytes):  # type: ignore[no-untyped-def]
    """Upload a file of Postmaster Tools."""
    return browser.post(
        f"/w/{scope.slug}/deliverability/outside",
        data={"source": "postmaster", "subject": "aviary.example.com", "file": (io.BytesIO(data), "figures.csv")},
    )


def test_mail_whose_provider_is_unknown_is_named_by_its_domain(as_vic: FlaskClient, scope: Workspace) -> None:
    write(a_campaign(), letters(60, 24 * 2, provider=""))
    count_all()
    page = text_of(as_vic.get(f"/w/{scope.slug}/deliverability?by=provider&days=7"))
    assert ">example.com</a>" in page
    assert "not known yet" not in page


def test_clicks_of_mail_that_is_too_young_are_no_zero(as_vic: FlaskClient, scope: Workspace) -> None:
    write(a_campaign(), letters(200, 5))
    count_all()
    path = f"/w/{scope.slug}/deliverability?days="
    assert "Human clicks – all of this mail is younger than a day: too early to judge" in said(as_vic.get(f"{path}7"))
    write(a_campaign(), letters(200, 48))
    count_all()
    assert "Human clicks 0 0.00% of 200" in said(as_vic.get(f"{path}7"))


def said(answer: TestResponse) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())
