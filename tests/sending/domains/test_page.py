"""The page of domains, as its owner uses it."""

import re

import pytest
from flask.testing import FlaskClient
from lxml import html
from sqlalchemy import select

from app.accounts.models import Workspace
from app.core.database import db, in_workspace
from app.core.extensions import keyring
from app.sending.models import SigningKey
from app.sending.seal import unseal
from tests.sending.domains.nameserver import NameServer
from tests.sending.domains.own import Domain


def page(workspace: Workspace, end: str = "") -> str:
    return f"/w/{workspace.slug}/settings/domains{end}"


def text_of(answer: object) -> str:
    return re.sub(r"\s+", " ", html.document_fromstring(answer.text).text_content())  # type: ignore[attr-defined]


def press(browser: FlaskClient, domain: Domain, what: str, **data: object) -> str:
    answer = browser.post(page(domain.workspace, f"/{domain.id}/{what}"), data=data, follow_redirects=True)
    assert answer.status_code == 200
    return text_of(answer)


def test_the_senders_domain_is_offered_and_added(
    as_ada: FlaskClient, workspace: Workspace, nameserver: NameServer
) -> None:
    form = html.document_fromstring(as_ada.get(page(workspace)).text)
    [offered] = form.xpath("//input[@name='domain']/@value")
    assert offered == "aviary.example.com"
    answer = as_ada.post(page(workspace), data={"domain": offered}, follow_redirects=True)
    shown = html.document_fromstring(answer.text)
    names = shown.xpath("//input[@readonly]/@value")
    assert sum(name.endswith("._domainkey.aviary.example.com") for name in names) == 2
    assert sum(name.startswith("v=DKIM1; k=rsa; p=") for name in names) == 2
    assert "Not looked yet" in text_of(answer)
    assert shown.xpath("//input[@name='domain']/@value") in ([], [""])


def test_a_wrong_domain_is_said_at_its_field(as_ada: FlaskClient, workspace: Workspace) -> None:
    answer = as_ada.post(page(workspace), data={"domain": "localhost"})
    assert answer.status_code == 422
    assert "is not a domain that mail can be signed for" in text_of(answer)


def test_from_publishing_to_rotation(as_ada: FlaskClient, domain: Domain) -> None:
    assert "some records are not as they should be" in press(as_ada, domain, "check")
    domain.publish()
    shown = press(as_ada, domain, "check")
    assert "every record is as it should be" in shown
    assert "Signing since" in shown
    active = domain.active.id
    assert "Keep its record until" in press(as_ada, domain, "rotate", active=active)
    assert domain.active.id != active
    now = domain.active.id
    assert "somebody rotated meanwhile" in press(as_ada, domain, "rotate", active=active)
    assert domain.active.id == now
    assert "was not in DNS at the last look" in press(as_ada, domain, "rotate", active=now)
    assert domain.active.id == now


def test_a_wrong_key_is_said_in_plain_words(as_ada: FlaskClient, domain: Domain) -> None:
    domain.begin()
    domain.dns.publish(f"{domain.active.selector}._domainkey.{domain.name}", "v=DKIM1; p=AAAA")
    shown = press(as_ada, domain, "check")
    assert "Wrong key" in shown
    assert "Receivers cannot verify these signatures now" in shown


def test_silence_of_dns_is_said(as_ada: FlaskClient, domain: Domain) -> None:
    domain.begin()
    domain.dns.is_silent = True
    shown = press(as_ada, domain, "check")
    assert "DNS did not answer" in shown
    assert "Signing since" in shown


def test_signing_anyway_the_relay_and_a_second_signature(as_ada: FlaskClient, domain: Domain) -> None:
    assert "Mail is signed from now on" in press(as_ada, domain, "sign-anyway")
    assert "is signed already" in press(as_ada, domain, "sign-anyway")
    press(as_ada, domain, "ed25519", on="1")
    assert len(domain.keys(algorithm="ed25519-sha256")) == 2
    press(as_ada, domain, "ed25519")
    press(as_ada, domain, "ed25519", on="1")
    assert len(domain.keys(algorithm="ed25519-sha256")) == 2, "its keys are made once"
    domain.publish(*domain.keys())
    press(as_ada, domain, "ed25519")
    assert "every record is as it should be" in press(as_ada, domain, "check"), "what is off need not be published"
    assert "Signed by the relay" in press(as_ada, domain, "signing")
    assert not domain.row.is_signing
    press(as_ada, domain, "signing", on="1")
    assert domain.row.is_signing


def test_a_domain_is_removed_with_its_keys(as_ada: FlaskClient, domain: Domain) -> None:
    answer = as_ada.post(page(domain.workspace, f"/{domain.id}/remove"), follow_redirects=True)
    assert "Leave the records of aviary.example.com in DNS" in text_of(answer)
    with in_workspace(domain.workspace.id):
        assert list(db.session.scalars(select(SigningKey.id))) == []
    assert as_ada.post(page(domain.workspace, f"/{domain.id}/check")).status_code == 404


def test_only_an_owner_comes_here(as_vic: FlaskClient, domain: Domain) -> None:
    assert as_vic.get(page(domain.workspace)).status_code == 403


def test_private_keys_are_nowhere_to_be_seen(
    as_ada: FlaskClient, domain: Domain, capfd: pytest.CaptureFixture[str]
) -> None:
    keys = domain.keys()
    secrets = [key.private_sealed for key in keys]
    pems = [unseal(keyring(), sealed).splitlines()[1] for sealed in secrets]
    seen = as_ada.get(page(domain.workspace)).text
    for what in ("check", "sign-anyway", "rotate", "ed25519", "signing"):
        seen += as_ada.post(
            page(domain.workspace, f"/{domain.id}/{what}"), data={"on": "1"}, follow_redirects=True
        ).text
    output = capfd.readouterr()
    seen += output.out + output.err + repr(domain.keys()) + str(domain.row.findings)
    assert len(seen) > 5_000
    for sealed, pem in zip(secrets, pems, strict=True):
        assert pem not in seen
        assert sealed.hex() not in seen
        assert repr(sealed)[2:-1] not in seen
    assert "PRIVATE KEY" not in seen
