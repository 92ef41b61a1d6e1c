"""Reports that come by mail or as files: each once, and only for those whose domain it is."""

import io
from datetime import UTC, datetime, timedelta
from secrets import token_bytes, token_hex

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select, update

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.core.errors import Invalid
from app.deliverability.dmarc import intake
from app.deliverability.dmarc.intake import (
    MOST_MAIL,
    attached_report,
    read_incoming,
    take_in_file,
    take_in_report,
    take_in_waiting,
)
from app.deliverability.dmarc.keeping import KEPT, drop_old_reports
from app.deliverability.dmarc.likely import Likely, OurSigns, likely_of
from app.deliverability.dmarc.sources import reported
from app.deliverability.dmarc.unpack import MOST_PACKED
from app.deliverability.models import DmarcReport, DmarcRow
from app.mail.mime import MAX_SIZE, Part, read_parts
from app.messages.models import IncomingMail
from app.sending.models import SendingDomain, SigningKey
from app.tracking.post.unmatched import UNPROVED, count_unmatched
from tests.deliverability.dmarc.samples import END, gzipped, mailed, newer, older, record, zipped
from tests.sending.domains.test_page import text_of

NAME = "aviary.example.com"


@pytest.fixture(autouse=True)
def nobody_elses(context: None) -> None:
    """Domains that earlier tests left to their workspaces."""
    with every_workspace():
        db.session.execute(delete(SendingDomain))
    db.session.commit()


def own(workspace: Workspace, name: str = NAME, *, proved: bool = True, selector: str = "m202611abc") -> Workspace:
    """The workspace has the domain, and its key was seen in DNS."""
    with in_workspace(workspace.id):
        domain = SendingDomain(domain=name)
        db.session.add(domain)
        db.session.flush()
        key = SigningKey(
            domain_id=domain.id,
            selector=selector,
            algorithm="rsa-sha256",
            private_sealed=b"",
            public="v=DKIM1; p=",
            state="active",
            seen_at=clock.now() if proved else None,
        )
        db.session.add(key)
        db.session.commit()
    return workspace


def rows(workspace: Workspace) -> list[tuple[str, int]]:
    with in_workspace(workspace.id):
        found = db.session.execute(select(DmarcRow.header_from, DmarcRow.count).order_by(DmarcRow.id))
        return [tuple(row) for row in found]


def reports(workspace: Workspace) -> int:
    with in_workspace(workspace.id):
        return db.session.scalar(select(func.count()).select_from(DmarcReport)) or 0


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (gzipped(older()), "", "application/gzip"),
        (zipped(older()), "nest.example!aviary.example.com!1795132800!1795219199.zip", "application/zip"),
        (older(), "nest.example!aviary.example.com!1795132800!1795219199!7.xml", "text/xml"),
        (gzipped(newer()), "report.xml.gz", "application/octet-stream"),
        (gzipped(newer()), "", "text/plain"),
        (gzipped(newer()), "", "image/x-icon"),
    ],
)
def test_a_mail_with_a_report(workspace: Workspace, data: bytes, name: str, kind: str) -> None:
    own(workspace)
    report = take_in_report(mailed(data, name, kind))
    assert report is not None
    assert (report.workspace_id, report.domain) == (workspace.id, NAME)
    assert rows(workspace) == [(NAME, 3)]


def test_a_report_comes_twice_and_counts_once(workspace: Workspace) -> None:
    own(workspace)
    first, second = (take_in_report(mailed(gzipped(older()))) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.id == second.id
    assert (reports(workspace), len(rows(workspace))) == (1, 1)
    take_in_report(mailed(gzipped(older(number="2"))))
    take_in_report(mailed(gzipped(newer(number="1"))))
    assert reports(workspace) == 3


def test_a_report_that_was_cut_off_makes_way_for_the_whole_one(workspace: Workspace) -> None:
    own(workspace)
    whole = older(record(count=3), record("192.0.2.8", 4))
    with pytest.raises(Invalid, match="cut off"):
        take_in_report(mailed(gzipped(whole[: whole.index(b"</record>") + 9])))
    assert take_in_report(mailed(gzipped(whole))) is not None
    assert rows(workspace) == [(NAME, 3), (NAME, 4)]


def test_one_number_for_two_domains_is_two_reports(workspace: Workspace) -> None:
    own(workspace)
    own(workspace, "rookery.example.com", selector="m202611xyz")
    for domain in (NAME, "rookery.example.com") * 2:
        assert take_in_report(mailed(gzipped(older(record(sender=domain), domain=domain)))) is not None
    assert (reports(workspace), len(rows(workspace))) == (2, 2)


@pytest.mark.parametrize(
    ("name", "subject"),
    [("photo.zip", "Hello"), ("invoice.xml", "Your invoice"), ("a!b!c!d.zip", "Hello"), ("a!b!1!2.exe", "Hello")],
)
def test_other_attachments_are_left_alone(name: str, subject: str) -> None:
    assert attached_report(mailed(b"x", name, "application/zip", subject)) is None
    assert attached_report(b"Subject: Report Domain: x\r\n\r\nplain text") is None


def test_who_has_not_shown_that_the_domain_is_theirs_gets_nothing(workspace: Workspace) -> None:
    own(workspace, proved=False)
    assert take_in_report(mailed(gzipped(older()))) is None
    assert reports(workspace) == 0


def test_each_owner_gets_the_report_and_nobody_else(workspace: Workspace) -> None:
    own(workspace)
    other, third = (create_workspace(f"Rookery {token_hex(4)}") for _ in range(2))
    db.session.commit()
    own(other)
    own(third, "rookery.example.net")
    take_in_report(mailed(gzipped(older())))
    assert (reports(workspace), reports(other), reports(third)) == (1, 1, 0)


def test_of_a_whole_organisation_only_the_rows_on_our_domain(workspace: Workspace) -> None:
    own(workspace, f"letters.{NAME}")
    xml = older(
        record(sender=f"letters.{NAME}", count=1),
        record(sender=f"de.letters.{NAME}", count=2),
        record(sender=f"notletters.{NAME}", count=4),
        record(sender=NAME, count=8),
    )
    assert take_in_report(mailed(gzipped(xml))) is not None
    assert rows(workspace) == [(f"letters.{NAME}", 1), (f"de.letters.{NAME}", 2)]
    assert take_in_report(mailed(gzipped(older(number="9")))) is None, "nothing in it is about our domain"


def test_a_report_that_cannot_be_read(workspace: Workspace) -> None:
    own(workspace)
    with pytest.raises(Invalid):
        take_in_report(mailed(b"\x1f\x8b broken"))
    assert reports(workspace) == 0


def test_what_the_mailbox_notes(workspace: Workspace) -> None:
    own(workspace)

    def note(raw: bytes) -> str:
        return read_incoming(IncomingMail(raw=raw, envelope_from="", envelope_to="dmarc@bounces.example.com"))

    assert note(mailed(gzipped(older()))) == "DMARC report of Nest Mail on aviary.example.com"
    assert "cannot be unpacked" in note(mailed(b"\x1f\x8b broken"))
    assert note(b"Subject: Hello\r\n\r\nHow are you?") == ""
    assert "nobody here" in note(mailed(gzipped(older(domain="rookery.example.net"))))


def test_a_report_that_came_too_early_is_kept_and_taken_in_when_the_domain_is_shown(
    as_ada: FlaskClient, workspace: Workspace
) -> None:
    own(workspace, proved=False)
    for number, name in (("1", NAME), ("2", "rookery.example.net")):
        raw = mailed(gzipped(older(number=number, domain=name)))
        mail = IncomingMail(digest=token_bytes(32), raw=raw, envelope_from="", envelope_to="dmarc@bounces.example.com")
        mail.note, mail.handled_at = read_incoming(mail), clock.now()
        db.session.add(mail)
    db.session.commit()
    waiting = [one for one in [count_unmatched(1)] if one]
    assert take_in_waiting(NAME) == 0
    with every_workspace():
        db.session.execute(update(SigningKey).values(seen_at=clock.now()))
    assert take_in_waiting(NAME) == 1
    db.session.commit()
    assert reports(workspace) == 1
    assert take_in_waiting(NAME) == 0
    for before in waiting:
        after = count_unmatched(1)
        assert after
        assert (after.reports, after.others) == (before.reports - 1, before.others)


def test_a_cut_off_report_that_came_too_early_is_not_taken_in_later(workspace: Workspace) -> None:
    raw = mailed(gzipped(older()[:-20]))
    mail = IncomingMail(digest=token_bytes(32), raw=raw, envelope_from="", envelope_to="dmarc@bounces.example.com")
    mail.note, mail.handled_at = read_incoming(mail), clock.now()
    assert mail.note == UNPROVED
    db.session.add(mail)
    own(workspace)
    assert take_in_waiting(NAME) == 0
    assert "cut off" in db.session.scalars(select(IncomingMail.note).where(IncomingMail.digest == mail.digest)).one()


def test_a_file_of_another_domain_is_refused(workspace: Workspace) -> None:
    own(workspace)
    with in_workspace(workspace.id), pytest.raises(Invalid, match="not a domain of this workspace"):
        take_in_file(older(record(sender="other.example"), domain="other.example"))


def test_the_page_from_the_first_report_on(
    as_ada: FlaskClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(workspace)
    at = datetime.fromtimestamp(END + 3600, UTC)
    monkeypatch.setattr(clock, "now", lambda: at)
    page = f"/w/{workspace.slug}/settings/domains/reports"
    assert "There are no reports of these days" in text_of(as_ada.get(page))
    xml = older(
        record(count=900),
        record("192.0.2.40", 60, spf="fail", envelope="list.example.net", reason="mailing_list"),
        record("198.51.100.9", 30, "pass", "fail", selector="x", envelope="u1.wl.sendgrid.net"),
        record("203.0.113.66", 10, "fail", "fail", selector="", envelope="evil.example", disposition="quarantine"),
    )
    for _ in range(2):
        answer = as_ada.post(page, data={"file": (io.BytesIO(gzipped(xml)), "report.xml.gz")}, follow_redirects=True)
    assert "was here already" in text_of(answer)
    with in_workspace(workspace.id):
        [domain] = reported(30)
    assert (domain.counts.messages, domain.counts.passed, domain.counts.dkim, domain.counts.spf) == (
        1000,
        990,
        990,
        900,
    )
    assert [source.likely.kind for source in domain.sources] == ["ours", "forwarded", "provider", "unknown"]
    shown = text_of(as_ada.get(page))
    for words in (
        "Mail of this installation",
        "Passed on by others",
        "SendGrid",
        "99.0% of 1,000",
        "somebody uses your name",
    ):
        assert words in shown
    assert "One was put" not in shown
    assert "10 were put into spam or refused" in shown


def test_spf_that_failed_is_told_from_spf_that_is_for_another_name(
    as_ada: FlaskClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(workspace)
    monkeypatch.setattr(clock, "now", lambda: datetime.fromtimestamp(END + 3600, UTC))
    failed = record("2001:db8::5", 4, spf="fail", envelope=f"bounces.{NAME}")
    other = record("192.0.2.40", 5, spf="fail", envelope="relay.example.net").replace(
        "<domain>relay.example.net</domain><result>fail", "<domain>relay.example.net</domain><result>pass"
    )
    assert take_in_report(mailed(gzipped(older(failed, other)))) is not None
    db.session.commit()
    shown = text_of(as_ada.get(f"/w/{workspace.slug}/settings/domains/reports"))
    assert f"SPF failed: this server is not in the record of bounces.{NAME}." in shown
    assert "SPF holds for relay.example.net, which is not your domain" in shown


def test_a_selector_of_another_domain_does_not_make_mail_ours(workspace: Workspace) -> None:
    signs = OurSigns(frozenset({(NAME, "m202611abc")}), frozenset({"bounces.example.com", "back.example.com"}))
    key = {"domain": NAME, "selector": "m202611abc", "result": "pass"}
    assert likely_of([{"dkim": [key]}], signs) == Likely("ours", by_key=True)
    assert likely_of([{"dkim": [{**key, "domain": "crook.example"}]}], signs).kind == "unknown"
    for bounces in ("bounces.example.com", "back.example.com"):
        passing = {"domain": bounces, "result": "pass"}
        assert likely_of([{"spf": [passing]}], signs) == Likely("ours", by_key=False)


def test_a_large_report_in_a_mail_is_read_whole(workspace: Workspace) -> None:
    """Packed it is larger than what is read of other mail."""
    own(workspace)
    noise = "".join(f"<!-- {token_hex(500)} -->" for _ in range(3000))
    data = gzipped(older().replace(b"</feedback>", noise.encode() + record(count=9).encode() + b"</feedback>"))
    assert MAX_SIZE < len(data) < MOST_PACKED
    raw = mailed(data)
    assert take_in_report(raw) is not None
    assert rows(workspace) == [(NAME, 12)]


def test_a_report_that_is_far_too_large_is_said_to_be(workspace: Workspace) -> None:
    own(workspace)
    with pytest.raises(Invalid, match="larger than 10 MB"):
        take_in_report(mailed(gzipped(token_bytes(MOST_MAIL))))
    with pytest.raises(Invalid, match="larger than 10 MB"):
        take_in_report(mailed(gzipped(older() + b" " * (60 * MAX_SIZE))))


def test_other_large_mail_is_not_read_further(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def reading(raw: bytes, *, most: int = MAX_SIZE) -> Part:
        asked.append(most)
        return read_parts(raw, most=most)

    monkeypatch.setattr(intake, "read_parts", reading)
    photo = mailed(token_bytes(3 * MAX_SIZE), "photo.zip", "application/zip", "Hello")
    assert attached_report(photo) is None
    assert attached_report(mailed(gzipped(older()))) is not None
    assert asked == [MAX_SIZE, MAX_SIZE]


def test_the_page_says_that_reports_are_hearsay_and_who_sent_each(
    as_ada: FlaskClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(workspace)
    monkeypatch.setattr(clock, "now", lambda: datetime.fromtimestamp(END + 3600, UTC))
    take_in_report(mailed(gzipped(older())))
    take_in_report(mailed(gzipped(newer())).replace(b"dmarc@nest.example", b"mallory@crook.example", 1))
    db.session.commit()
    page = f"/w/{workspace.slug}/settings/domains/reports"
    shown = text_of(as_ada.get(page))
    for words in ("Anybody can send a report", "may be forged", "dmarc@nest.example", "mallory@crook.example"):
        assert words in shown
    with in_workspace(workspace.id):
        forged = db.session.scalar(select(DmarcReport.id).where(DmarcReport.organisation == "Rookery"))
    assert as_ada.post(f"{page}/forget", data={"report": forged}).status_code == 302
    assert "mallory@crook.example" not in text_of(as_ada.get(page))
    assert (reports(workspace), len(rows(workspace))) == (1, 1)
    assert as_ada.post(f"{page}/forget", data={"report": forged}).status_code == 404
    assert as_ada.post(f"{page}/forget").status_code == 404


def test_nobody_removes_another_workspaces_report(as_ada: FlaskClient, workspace: Workspace) -> None:
    other = own(create_workspace(f"Rookery {token_hex(4)}"))
    take_in_report(mailed(gzipped(older())))
    db.session.commit()
    with in_workspace(other.id):
        number = db.session.scalar(select(DmarcReport.id))
    page = f"/w/{workspace.slug}/settings/domains/reports/forget"
    assert as_ada.post(page, data={"report": number}).status_code == 404
    assert reports(other) == 1


def test_a_file_that_is_none_is_said_at_its_field(as_ada: FlaskClient, workspace: Workspace) -> None:
    page = f"/w/{workspace.slug}/settings/domains/reports"
    answer = as_ada.post(page, data={"file": (io.BytesIO(b"hello"), "x.xml")})
    assert answer.status_code == 422
    assert "not a DMARC aggregate report" in answer.text
    assert as_ada.post(page).status_code == 422


def test_what_a_report_says_is_text_on_the_page(
    as_ada: FlaskClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(workspace)
    monkeypatch.setattr(clock, "now", lambda: datetime.fromtimestamp(END + 3600, UTC))
    xml = older(record(spf="fail", envelope="&lt;script&gt;alert(1)&lt;/script&gt;"), org="&lt;b&gt;Nest")
    page = f"/w/{workspace.slug}/settings/domains/reports"
    answer = as_ada.post(page, data={"file": (io.BytesIO(xml), "x.xml")}, follow_redirects=True)
    assert "<script>alert" not in answer.text
    assert "<b>Nest" not in answer.text


def test_only_an_owner_comes_here(as_vic: FlaskClient, workspace: Workspace) -> None:
    assert as_vic.get(f"/w/{workspace.slug}/settings/domains/reports").status_code == 403


def test_old_reports_are_forgotten(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    own(workspace)
    take_in_report(mailed(gzipped(older())))
    at = datetime.fromtimestamp(END, UTC)
    monkeypatch.setattr(clock, "now", lambda: at + KEPT - timedelta(hours=1))
    drop_old_reports()
    assert (reports(workspace), len(rows(workspace))) == (1, 1)
    monkeypatch.setattr(clock, "now", lambda: at + KEPT + timedelta(hours=1))
    drop_old_reports()
    assert (reports(workspace), len(rows(workspace))) == (0, 0)
