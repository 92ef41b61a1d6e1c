"""The page of domains with what receivers look at, as its owner reads it."""

import re
from pathlib import Path

import pytest
from flask import current_app
from flask.testing import FlaskClient
from lxml import html

from app.core.database import db, in_workspace
from app.core.extensions import keyring
from app.core.settings import EXAMPLE_BOUNCE_DOMAIN, EXAMPLE_MAIL_DOMAIN
from app.deliverability.domains import words
from app.deliverability.domains.causes import causes_of
from app.sending.domains.setup import add_domain, all_domains
from tests.deliverability.domains.nest import BOUNCES, NAME, Nest
from tests.sending.domains.test_page import text_of

CHECKS = Path(words.__file__).parent
FAULTS = {
    code
    for path in (*CHECKS.glob("checks/*.py"), *CHECKS.glob("records/*.py"), *CHECKS.glob("bimi/*.py"))
    for code in re.findall(r'fault\(\s*"([a-z-]+)"', path.read_text())
}
"""As the checks name them."""


def press(browser: FlaskClient, nest: Nest) -> str:
    answer = browser.post(f"/w/{nest.workspace.slug}/settings/domains/{nest.id}/check", follow_redirects=True)
    assert answer.status_code == 200
    return text_of(answer)


def test_before_and_after_the_first_look(as_ada: FlaskClient, nest: Nest) -> None:
    page = f"/w/{nest.workspace.slug}/settings/domains"
    shown = as_ada.get(page)
    assert "Nobody has looked yet" in text_of(shown)
    values = html.document_fromstring(shown.text).xpath("//input[@readonly]/@value")
    assert f"v=DMARC1; p=none; rua=mailto:dmarc@{BOUNCES}" in values
    assert f"10 mail.{NAME}" in values
    assert "every record is as it should be." in press(as_ada, nest)
    assert "All fine" in text_of(as_ada.get(page))


def test_a_fault_is_said_first_with_what_to_publish(as_ada: FlaskClient, nest: Nest) -> None:
    nest.zone.drop(f"_dmarc.{NAME}", "TXT")
    shown = press(as_ada, nest)
    assert "others need a look" in shown
    assert "One to mend" in shown
    assert f"There is no DMARC record for {NAME}" in shown
    assert "To publish, a record of type TXT" in shown


def test_silence_is_said_beside_what_was_found(as_ada: FlaskClient, nest: Nest) -> None:
    press(as_ada, nest)
    nest.zone.silent.add(f"_dmarc.{NAME}")
    shown = press(as_ada, nest)
    assert "This is what was found before" in shown


def test_what_stands_in_dns_is_text_on_the_page(as_ada: FlaskClient, nest: Nest) -> None:
    nest.zone.publish(f"_dmarc.{NAME}", "TXT", "v=DMARC1; p=none; <script>alert(1)</script>=1")
    press(as_ada, nest)
    assert "<script>alert" not in as_ada.get(f"/w/{nest.workspace.slug}/settings/domains").text


def test_what_keeps_campaigns_from_starting_is_said_above_all(as_ada: FlaskClient, nest: Nest) -> None:
    assert "No campaign" not in press(as_ada, nest)
    nest.zone.drop(f"_dmarc.{NAME}", "TXT")
    shown = press(as_ada, nest)
    assert "No campaign to more than 5,000 people starts until this is mended" in shown
    assert "No campaign starts" not in shown
    nest.zone.drop(nest.key, "TXT")
    nest.zone.drop(BOUNCES, "TXT")
    shown = press(as_ada, nest)
    assert "No campaign starts from this domain until this is mended" in shown
    assert "Neither SPF nor DKIM holds" in shown
    assert [reason for reason in nest.verdict() if reason.is_blocking]


def test_every_fault_says_what_to_do() -> None:
    """A word of doing stands in each sentence that blames."""
    doing = ["publish", "remove", "add", "leave", "end", "take", "correct", "replace", "put", "ask", "write"]
    known = {code: str(text).lower() for code, text in words._WORDS.items() if code in FAULTS}
    assert len(known) > 20
    assert [code for code, text in known.items() if not any(one in text for one in doing)] == []


def without_names(monkeypatch: pytest.MonkeyPatch, **given: object) -> None:
    """As an installation is whose names in mail were never set, with a relay that is really used."""
    unset = {"mail_domain": EXAMPLE_MAIL_DOMAIN, "bounce_domain": EXAMPLE_BOUNCE_DOMAIN, "catcher": False, **given}
    ours = current_app.extensions["merpati.settings"].model_copy(update=unset)
    monkeypatch.setitem(current_app.extensions, "merpati.settings", ours)


def published(browser: FlaskClient, nest: Nest) -> str:
    shown = browser.get(f"/w/{nest.workspace.slug}/settings/domains")
    return " ".join(html.document_fromstring(shown.text).xpath("//input[@readonly]/@value"))


def test_nobody_is_told_to_publish_a_host_of_somebody_else(
    as_ada: FlaskClient, nest: Nest, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_names(monkeypatch)
    shown = press(as_ada, nest)
    assert "example.com" not in published(as_ada, nest)
    assert f"MERPATI_BOUNCE_DOMAIN is not set: {EXAMPLE_BOUNCE_DOMAIN} stands in for it" in shown
    assert f"such as bounces.{NAME}" in shown


def test_a_machine_without_a_name_is_told_which_to_set(
    as_ada: FlaskClient, nest: Nest, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_names(monkeypatch, bounce_domain=BOUNCES)
    nest.zone.drop(f"_dmarc.{NAME}", "TXT")
    shown = press(as_ada, nest)
    values = published(as_ada, nest)
    assert EXAMPLE_MAIL_DOMAIN not in values
    assert f"rua=mailto:dmarc@{BOUNCES}" in values
    assert "MERPATI_MAIL_DOMAIN is not set" in shown
    assert f"such as mail.{NAME}" in shown


def test_the_name_in_a_record_says_where_it_is_from(as_ada: FlaskClient, nest: Nest) -> None:
    shown = text_of(as_ada.get(f"/w/{nest.workspace.slug}/settings/domains"))
    assert f"mail.{NAME} must lead to this machine. It is MERPATI_MAIL_DOMAIN" in shown


def test_no_campaign_leaves_with_a_name_of_somebody_else(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    nest.check()
    without_names(monkeypatch)
    assert "names-not-set" in nest.blocks()
    without_names(monkeypatch, bounce_domain=BOUNCES)
    assert "names-not-set" in nest.blocks()
    without_names(monkeypatch, catcher=True)
    assert "names-not-set" not in nest.blocks(), "nothing leaves while all mail is caught"


@pytest.mark.parametrize(
    "typed", ["gmail.com", "news@Yahoo.de", "web.de", "letters.gmx.net", "outlook.com", "posteo.de"]
)
def test_a_mailbox_providers_domain_is_refused_with_the_reason(as_ada: FlaskClient, nest: Nest, typed: str) -> None:
    answer = as_ada.post(f"/w/{nest.workspace.slug}/settings/domains", data={"domain": typed})
    assert answer.status_code == 422
    shown = text_of(answer)
    assert "Nothing was added" in shown
    assert "only the provider can publish records there" in shown
    assert shown.index("Nothing was added") < shown.index("What to do next"), "said where one looks first"
    with in_workspace(nest.workspace.id):
        assert [each.domain for each in all_domains()] == [NAME]


def test_a_mailbox_providers_domain_is_not_offered_either(as_ada: FlaskClient, nest: Nest) -> None:
    nest.workspace.from_email = "dovecote@gmail.com"
    db.session.commit()
    shown = as_ada.get(f"/w/{nest.workspace.slug}/settings/domains")
    assert html.document_fromstring(shown.text).xpath("//input[@name='domain']/@value") in ([], [""])


def test_what_domains_share_stands_there_once_with_a_row_for_each_domain_on_top(
    as_ada: FlaskClient, nest: Nest
) -> None:
    with in_workspace(nest.workspace.id):
        other = add_domain(keyring(), "heron.internal").id
        db.session.commit()
    nest.zone.drop(BOUNCES, "TXT")
    press(as_ada, nest)
    page = html.document_fromstring(as_ada.get(f"/w/{nest.workspace.slug}/settings/domains?open={other}").text)
    assert len(page.xpath("//details[contains(@id, '-spf')]")) == 1
    rows = [" ".join(row.text_content().split()) for row in page.xpath("//main//table//tbody/tr")]
    assert len(rows) == 3
    assert rows[0].startswith(NAME)
    assert "Publish its records, then check." in rows[1]
    assert "Mend: SPF of the return address" in rows[2]
    assert page.xpath(f"//details[@id='domain-{other}']/@open")
    assert not page.xpath(f"//details[@id='domain-{nest.id}']/@open")


def test_one_cause_counts_once_and_names_what_follows_from_it(as_ada: FlaskClient, nest: Nest) -> None:
    for kind in ("SOA", "MX"):
        nest.zone.drop(NAME, kind)
    nest.zone.drop(f"_dmarc.{NAME}", "TXT")
    shown = press(as_ada, nest)
    assert "One to mend" in shown
    assert "Wrong only because of this: DMARC policy; Answers to the sender (MX)" in shown


def test_causes() -> None:
    assert causes_of({"soa": True, "mx": True, "dkim": True, "bimi": False}) == {
        "soa": "soa",
        "mx": "soa",
        "dkim": "soa",
    }
    assert causes_of({"soa": False, "mx": True, "alignment": True}) == {"mx": "mx", "alignment": "alignment"}
    assert causes_of({"soa-bounce": True, "spf": True}) == {"soa-bounce": "soa-bounce", "spf": "soa-bounce"}
