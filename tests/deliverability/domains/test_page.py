"""The page of domains with what receivers look at, as its owner reads it."""

from flask.testing import FlaskClient
from lxml import html

from tests.deliverability.domains.nest import BOUNCES, NAME, Nest
from tests.sending.domains.test_page import text_of


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
