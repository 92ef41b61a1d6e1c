"""Relays that sign by themselves, and relays that put in an envelope of their own: what follows for the verdict."""

import pytest
from flask import current_app
from flask.testing import FlaskClient

from app.core import clock
from app.core.database import db, in_workspace
from app.core.extensions import keyring
from app.deliverability.dmarc.intake import take_in_file
from app.deliverability.domains.facts import facts_of
from app.sending.domains.theirs import replaces_envelope, signs_alone
from app.sending.transports import TransportFields, save_transport
from tests.deliverability.dmarc.samples import BEGIN, END, older, record
from tests.deliverability.domains.nest import BOUNCES, NAME, Nest

SES = TransportFields(name="SES", kind="ses", username="A" * 20, password="x", options={"region": "eu-west-1"})


def add(nest: Nest, fields: TransportFields) -> None:
    with in_workspace(nest.workspace.id):
        save_transport(keyring(), fields)
        db.session.commit()


def codes(nest: Nest) -> dict[str, bool]:
    return {reason.code: reason.is_blocking for reason in nest.verdict()}


@pytest.mark.parametrize(
    ("kind", "host", "alone", "envelope"),
    [
        ("ses", "", True, True),
        ("sendgrid", "", True, True),
        ("postmark", "", True, True),
        ("mailgun", "", False, True),
        ("smtp", "email-smtp.eu-west-1.amazonaws.com", True, True),
        ("smtp", "vpce-1.email-smtp.us-east-1.vpce.amazonaws.com", True, True),
        ("smtp", "smtp.sendgrid.net", False, True),
        ("smtp", "ec2-192-0-2-1.eu-west-1.compute.internal", False, False),
        ("smtp", "mail.example.com", False, False),
        ("smtp", "smtp.office365.com", False, False),
    ],
)
def test_what_relays_do_by_themselves(kind: str, host: str, alone: bool, envelope: bool) -> None:
    assert (signs_alone(kind, host), replaces_envelope(kind, host)) == (alone, envelope)


@pytest.mark.parametrize("host", ["", "email-smtp.eu-west-1.amazonaws.com"])
def test_who_sends_by_ses_need_not_publish_our_key(nest: Nest, host: str) -> None:
    add(nest, TransportFields(name="SES", host=host, port=587, security="none") if host else SES)
    nest.zone.drop(nest.key, "TXT")
    nest.zone.drop(BOUNCES, "TXT")
    found = nest.check()
    assert (found["dkim"].state, found["spf"].state) == ("skipped", "skipped")
    assert found["alignment"].has("align-unknown")
    assert codes(nest) == {"relay-signs": False}


def test_the_page_says_that_our_keys_sign_nothing(as_ada: FlaskClient, nest: Nest) -> None:
    address, words = f"/w/{nest.workspace.slug}/settings/domains", "so the keys above sign nothing now"
    assert words not in as_ada.get(address).text
    add(nest, SES)
    assert words in as_ada.get(address).text


def test_our_key_in_dns_does_not_vouch_for_what_ses_signs(nest: Nest) -> None:
    add(nest, SES)
    found = nest.check()
    assert not found["alignment"].has("align-dkim", "align-spf")
    assert codes(nest) == {"relay-signs": False}


@pytest.mark.parametrize(("dkim", "said"), [("pass", {}), ("fail", {"relay-signs": False})])
def test_receivers_reports_tell_whether_the_relay_signs_as_the_domain(
    nest: Nest, dkim: str, said: dict[str, bool]
) -> None:
    add(nest, SES)
    nest.check()
    with in_workspace(nest.workspace.id):
        take_in_file(report_of(dkim))
        db.session.commit()
    assert codes(nest) == said
    if said:
        [reason] = nest.verdict()
        assert "Receivers reported 7 messages, none of them signed as it" in reason.message


def test_the_installations_own_account_may_be_ses(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "smtp+starttls://ann:secret@email-smtp.eu-west-1.amazonaws.com:587"
    ours = current_app.extensions["merpati.settings"].model_copy(update={"smtp_url": url})
    monkeypatch.setitem(current_app.extensions, "merpati.settings", ours)
    with in_workspace(nest.workspace.id):
        facts = facts_of(nest.row)
    assert (facts.only_relay_signs, facts.own_envelope, facts.takes_bounces) == (True, False, True)


def report_of(dkim: str) -> bytes:
    """Of yesterday; SES signs as itself in any case."""
    now = int(clock.now().timestamp())
    row = record(count=7, dkim=dkim, spf="fail", sender=NAME, envelope="eu.amazonses.com")
    row = row.replace(
        "<auth_results>", "<auth_results><dkim><domain>amazonses.com</domain><result>pass</result></dkim>"
    )
    xml = older(row, domain=NAME).replace(str(BEGIN).encode(), str(now - 90_000).encode())
    return xml.replace(str(END).encode(), str(now - 3600).encode())
