"""The logo: what its record may say, what the page tells of it, and when it is looked at."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from app.core import clock
from app.core.database import db, in_workspace
from app.deliverability.domains.check import kept_findings
from tests.deliverability.domains.logo import BOTH, RECORD, faults, look, marked, on_the_page
from tests.deliverability.domains.marks import DAY, Issuer, svg
from tests.deliverability.domains.nest import NAME, Nest
from tests.deliverability.domains.test_page import press
from tests.deliverability.domains.web import ADDRESS, CERTIFICATE, HOST, PICTURE, Web
from tests.sending.domains.test_page import text_of
from workers.deliverability import check_records


def test_a_logo_as_it_should_be(nest: Nest, web: Web) -> None:
    found = look(nest)
    assert found.state == "ok"
    assert [problem.code for problem in found.problems] == [
        *("bimi-svg-fine", "bimi-cert-vmc", "bimi-same", "bimi-cert-trust"),
    ]
    assert web.asked == [f"{HOST}/logo.svg", f"{HOST}/mark.pem"]
    assert web.dialled == [(ADDRESS, 443)] * 2
    assert nest.zone.asked.count((HOST, "A")) == 1, "the connection goes to the address that was judged"
    shown = on_the_page(nest)
    assert not shown.faults
    ends = (clock.now() + 200 * DAY).date().isoformat()
    assert f"VMC (Registered Mark) of Aviary Ltd, issued by Dovecote Marks, valid until {ends}" in shown.notes[1]
    assert "titled" not in shown.notes[0]
    assert "with the title “Aviary”. It was not drawn." in shown.notes[0]
    assert "Not checked: whether receivers trust the issuer" in shown.notes[3]


def test_thirty_days_before_its_end_a_certificate_is_warned_of(
    as_ada: FlaskClient, nest: Nest, web: Web, issuer: Issuer
) -> None:
    web.put("/mark.pem", marked(issuer, until=clock.now() + 31 * DAY))
    assert "ends soon" not in press(as_ada, nest)
    until = clock.now() + 29 * DAY + timedelta(hours=1)
    web.put("/mark.pem", marked(issuer, until=until))
    shown = press(as_ada, nest)
    assert f"The certificate ends on {until:%Y-%m-%d} (days left: 29)" in shown
    assert "ends soon" in shown
    assert "All fine" in shown


@pytest.mark.parametrize(
    ("record", "state", "code"),
    [
        ("v=BIMI1; l=; a=", "ok", "bimi-declined"),
        ("v=BIMI1;", "ok", "bimi-declined"),
        (f"v=BIMI1; l=; a={CERTIFICATE}", "wrong", "bimi-no-picture"),
        (f"v=BIMI1; l=https://user:secret@{HOST}/logo.svg", "wrong", "bimi-picture-unfetched"),
        (f"v=BIMI1; l=https://{HOST}:99999/logo.svg", "wrong", "bimi-picture-unfetched"),
        ("v=BIMI1; l=https://localhost/logo.svg", "wrong", "bimi-picture-unfetched"),
        ("v=BIMI1; l=https://127.0.0.1/logo.svg", "wrong", "bimi-picture-unfetched"),
        ("v=BIMI1; l=https://[::1]/logo.svg", "wrong", "bimi-picture-unfetched"),
        ("v=BIMI1; l=https://gone.internal/logo.svg", "wrong", "bimi-picture-unfetched"),
        (f"v=BIMI1; l={PICTURE}; a=https://gone.internal/a.pem", "wrong", "bimi-cert-unfetched"),
    ],
)
def test_what_a_record_may_say(nest: Nest, web: Web, record: str, state: str, code: str) -> None:
    nest.zone.publish(RECORD, "TXT", record)
    found = look(nest)
    assert found.state == state
    assert found.has(code)


@pytest.mark.parametrize("policy", ["p=none", "p=reject; sp=none", "p=quarantine; t=y"])
def test_a_logo_needs_a_strict_policy(nest: Nest, web: Web, policy: str) -> None:
    nest.zone.publish(f"_dmarc.{NAME}", "TXT", f"v=DMARC1; {policy}; rua=mailto:dmarc@bounces.{NAME}")
    assert faults(nest) == {"bimi-policy"}


def test_who_wants_no_logo_needs_no_strict_policy(nest: Nest) -> None:
    nest.zone.publish(RECORD, "TXT", "v=BIMI1; l=; a=;")
    assert look(nest).state == "ok"


def test_two_records_are_none(nest: Nest, web: Web) -> None:
    nest.zone.publish(RECORD, "TXT", BOTH, "v=BIMI1; l=; a=;")
    assert faults(nest) == {"bimi-several"}
    assert web.asked == []


def test_the_daily_look_fetches_and_pages_never_do(
    nest: Nest, web: Web, as_ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Those of other tests are due as well.
    db.session.execute(text("DELETE FROM sending_domains WHERE id <> :id"), {"id": nest.id})
    db.session.commit()
    nest.verdict()
    as_ada.get(f"/w/{nest.workspace.slug}/settings/domains")
    assert web.asked == []
    nest.check()
    assert len(web.asked) == 2
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + 190 * DAY)
    check_records()
    assert len(web.asked) == 4
    assert kept_findings(nest.row)["bimi"].has("bimi-cert-ends-soon")
    assert nest.blocks() == []


def test_findings_of_before_are_still_shown(as_ada: FlaskClient, nest: Nest, web: Web) -> None:
    nest.check()
    with in_workspace(nest.workspace.id):
        row = nest.row
        kept = {**row.findings["dns"]["checks"]["bimi"], "problems": [["bimi-not-fetched", {}, False]]}
        dns = {**row.findings["dns"], "checks": {**row.findings["dns"]["checks"], "bimi": kept}}
        row.findings = {**row.findings, "dns": dns}
        db.session.commit()
    assert "were not looked at then" in text_of(as_ada.get(f"/w/{nest.workspace.slug}/settings/domains"))


def test_what_strangers_write_is_text_on_the_page(as_ada: FlaskClient, nest: Nest, web: Web) -> None:
    web.put("/logo.svg", svg("<title>&lt;script&gt;alert(1)&#x202e;&lt;/script&gt;</title>"))
    press(as_ada, nest)
    page = as_ada.get(f"/w/{nest.workspace.slug}/settings/domains").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;U+202E&gt;" in page
