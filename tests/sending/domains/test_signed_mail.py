"""What a receiver that checks DKIM makes of the mail that leaves."""

import asyncio
import re

import dkim
import pytest
from flask import current_app
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from app.accounts.models import Workspace
from app.audience.subscriptions import subscribe
from app.core import clock
from app.core.database import db, in_workspace
from app.core.errors import Unavailable
from app.core.extensions import keyring
from app.core.extensions import settings as installation
from app.core.settings import libpq_url
from app.core.tokens import Keyring
from app.mail.dkim import sign
from app.mail.simple import compose_simple
from app.mail.wire import Sender, WireMail
from app.rendering.quoted import quote, quote_value
from app.sending import outgoing
from app.sending.connections import connect
from app.sending.domains import signing
from app.sending.domains.composed import sign_composed
from app.sending.domains.setup import set_signing
from app.sending.domains.signing import sign_mail
from app.sending.letters import load_letters
from app.sending.models import Transport
from app.sending.parcel import Parcel
from tests.factories.audience import a_list, a_person
from tests.factories.campaigns import weekly_digest
from tests.mail.test_frame import frame, wire
from tests.mail.verifier import ed25519_signer, signer
from tests.mail.verifier import verifies as known_to_verifier
from tests.sending import world
from tests.sending.domains.nameserver import NameServer
from tests.sending.domains.own import Domain, own_domain
from tests.sending.servers import Server, running
from tests.sending.transports.ways import choose

REQUIRED = {
    *("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "List-Id"),
    *("List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID", "Precedence"),
}


def verifies(domain: Domain, raw: bytes, index: int = 0) -> bool:
    """Whether the signature at this place is good by what DNS has."""
    try:
        return bool(dkim.DKIM(raw).verify(index, dnsfunc=domain.dns.txt))
    except dkim.DKIMException:
        return False


def tags(raw: bytes, index: int = 0) -> dict[str, str]:
    """A signature's tags."""
    found = [part for part in re.split(rb"\r\n(?![ \t])", raw.partition(b"\r\n\r\n")[0]) if part.startswith(b"DKIM")]
    value = found[index].decode().partition(":")[2].replace("\r\n", "")
    return {name.strip(): text.replace(" ", "") for name, _, text in (tag.partition("=") for tag in value.split(";"))}


def changed(raw: bytes, what: bytes, into: bytes) -> bytes:
    assert what in raw
    return raw.replace(what, into)


def signatures(raw: bytes) -> int:
    return len(re.findall(rb"^DKIM-Signature:", raw.partition(b"\r\n\r\n")[0], re.MULTILINE))


def sent_by(workspace: Workspace, people: int = 1, server: Server | None = None) -> list[bytes]:
    """What arrives of a campaign."""
    campaign = world.plan_campaign(workspace, people)
    with running(server or Server()) as running_server:
        world.send(campaign, running_server.url)
        return list(running_server.messages)


def simple_mail(sender: str = "news@aviary.example.com") -> WireMail:
    return compose_simple(
        sender=Sender("Aviary @ Nest <News>", sender),
        to_name="",
        to_email="ann@example.org",
        subject="Please confirm",
        text="..\n.\nYes?\n",
        html="<p>.</p>\n",
        date=clock.now(),
        mail_domain="mail.example.com",
    )


def test_every_mail_of_a_campaign_verifies_by_the_published_record(workspace: Workspace, domain: Domain) -> None:
    domain.begin()
    arrived = sent_by(workspace, 20)
    assert len(arrived) == 20
    for raw in arrived:
        said = tags(raw)
        assert verifies(domain, raw)
        assert (said["d"], said["s"], said["c"]) == (domain.name, domain.active.selector, "relaxed/relaxed")
        named = said["h"].split(":")
        assert set(named) >= REQUIRED
        assert [named.count(name) for name in ("From", "To", "Subject", "Date")] == [2, 2, 2, 2]


def test_nothing_that_leaves_begins_a_line_with_a_dot(workspace: Workspace, domain: Domain) -> None:
    domain.begin()
    domain.add_ed25519()
    domain.begin()
    compiled = world.design(plain=".\n..\n.a {{ subscriber.first_name }}\n{{ link_0 }} {{ unsubscribe_url }}\n")
    campaign = world.plan_campaign(workspace, 3, compiled=compiled)
    world.change("UPDATE subscribers SET first_name = '.Ann' WHERE workspace_id = :w", w=workspace.id)
    with running(Server()) as server:
        world.send(campaign, server.url)
    for raw in [*server.messages, sign_mail(workspace.id, simple_mail()).data]:
        assert signatures(raw) == 2
        assert not raw.startswith(b".")
        assert b"\r\n." not in raw
        assert verifies(domain, raw, 0)
        assert verifies(domain, raw, 1)


def test_a_body_or_header_that_was_changed_fails(workspace: Workspace, domain: Domain) -> None:
    domain.begin()
    [raw] = sent_by(workspace)
    assert verifies(domain, raw)
    assert not verifies(domain, changed(raw, b"Dear", b"Deer"))
    assert not verifies(domain, changed(raw, b"Subject: News", b"Subject: Views"))
    assert not verifies(domain, changed(raw, b"List-Unsubscribe=One-Click", b"List-Unsubscribe=None"))
    for added in (
        b"From: eve@example.org",
        b"To: b@example.org",
        b"Subject: Win",
        b"Date: Mon, 1 Jan 2024 00:00:00 +0000",
    ):
        assert not verifies(domain, added + b"\r\n" + raw)
    assert verifies(domain, b"Received: by mx.example.org\r\n" + raw)


def test_without_a_key_in_use_mail_goes_out_unsigned(workspace: Workspace, domain: Domain) -> None:
    [raw] = sent_by(workspace)
    assert signatures(raw) == 0
    mail = simple_mail()
    assert sign_mail(workspace.id, mail) is mail


def test_rotation_in_the_middle_of_a_campaign_leaves_every_mail_verifiable(
    workspace: Workspace, domain: Domain
) -> None:
    domain.begin()
    first = domain.active.selector

    campaign = world.plan_campaign(workspace, 40)
    with running(Server()) as server:
        world.change(
            "UPDATE messages SET next_attempt_at = now() + interval '1 hour' WHERE campaign_id = :c AND id % 2 = 0",
            c=campaign,
        )
        world.send(campaign, server.url)
        domain.rotate()
        second = domain.active.selector
        world.change("UPDATE messages SET next_attempt_at = NULL WHERE campaign_id = :c", c=campaign)
        world.send(campaign, server.url)
    assert world.states(campaign) == {"sent": 40}
    by = [tags(raw)["s"] for raw in server.messages]
    assert {first, second} == set(by)
    assert first != second
    assert all(verifies(domain, raw) for raw in server.messages)


def test_both_signatures_verify_and_rsa_stands_first(workspace: Workspace, domain: Domain) -> None:
    domain.begin()
    domain.add_ed25519()
    [raw] = sent_by(workspace)
    assert signatures(raw) == 1, "its record is not in DNS yet"
    domain.begin()
    [raw] = sent_by(workspace)
    assert [tags(raw, index)["a"] for index in range(2)] == ["rsa-sha256", "ed25519-sha256"]
    assert verifies(domain, raw, 0)
    assert verifies(domain, raw, 1)
    assert not verifies(domain, changed(raw, b"Dear", b"Deer"), 1)


def test_ed25519_pauses_when_its_record_is_gone(workspace: Workspace, domain: Domain) -> None:
    domain.add_ed25519()
    domain.begin()
    assert signatures(sign_mail(workspace.id, simple_mail()).data) == 2
    [key] = domain.keys("active", "ed25519-sha256")
    domain.dns.records.pop(f"{key.selector}._domainkey.{domain.name}")
    domain.check()
    assert signatures(sign_mail(workspace.id, simple_mail()).data) == 1


def test_an_address_under_the_domain_is_signed_by_it(workspace: Workspace, nameserver: NameServer) -> None:
    parent = own_domain(workspace, "example.com", nameserver).begin()
    [raw] = sent_by(workspace)
    assert tags(raw)["d"] == "example.com"
    assert verifies(parent, raw)
    exact = own_domain(workspace, "aviary.example.com", nameserver)
    assert tags(sign_mail(workspace.id, simple_mail()).data)["d"] == "example.com", "its own key is not in use yet"
    exact.begin()
    assert tags(sign_mail(workspace.id, simple_mail()).data)["d"] == "aviary.example.com"
    with in_workspace(workspace.id):
        set_signing(exact.id, on=False)
        db.session.commit()
    assert signatures(sign_mail(workspace.id, simple_mail()).data) == 0
    assert signatures(sign_mail(workspace.id, simple_mail("news@notexample.com")).data) == 0


def test_a_domain_with_letters_of_its_own_signs_in_a_labels(workspace: Workspace, nameserver: NameServer) -> None:
    domain = own_domain(workspace, "Bücher.Example", nameserver).begin()
    signed = sign_mail(workspace.id, simple_mail("news@bücher.example"))
    assert tags(signed.data)["d"] == "xn--bcher-kva.example"
    assert verifies(domain, signed.data)


def test_another_workspaces_key_signs_nothing(workspace: Workspace, domain: Domain, other_workspace: Workspace) -> None:
    domain.begin()
    assert signatures(sign_mail(other_workspace.id, simple_mail()).data) == 0
    [raw] = sent_by(other_workspace)
    assert signatures(raw) == 0


def test_a_test_mail_is_signed(as_ada: FlaskClient, workspace: Workspace, domain: Domain) -> None:
    domain.begin()
    with in_workspace(workspace.id):
        campaign = weekly_digest(a_list("Letters"))
        db.session.commit()
        campaign_id = campaign.id
    with running(Server()) as server, world.sending_by(server.url):
        answer = as_ada.post(f"/w/{workspace.slug}/campaigns/{campaign_id}/test", data={"to": "ada@example.org"})
    assert answer.status_code == 302, answer.text
    [raw] = server.messages
    assert verifies(domain, raw)


def test_a_confirmation_is_signed(workspace: Workspace, domain: Domain) -> None:

    domain.begin()
    with in_workspace(workspace.id):
        waiting = subscribe(a_person("ann@example.org"), a_list("Letters"), "pending", source="form")
        db.session.commit()
        waiting_id = waiting.id
    with running(Server()) as server, world.sending_by(server.url):
        outgoing.send_outgoing("confirm-subscription", waiting_id)
    [raw] = server.messages
    assert verifies(domain, raw)


def test_where_the_relay_signs_we_do_not(workspace: Workspace, domain: Domain) -> None:
    domain.begin()
    with in_workspace(workspace.id):
        db.session.add(Transport(name="relay", kind="smtp", host="127.0.0.1", port=25, security="none", signs=True))
        db.session.commit()
    assert signatures(sign_mail(workspace.id, simple_mail()).data) == 0
    assert signatures(sign_mail(workspace.id, simple_mail(), relay_signs=False).data) == 1


def test_amazon_signs_what_goes_by_its_smtp_without_being_asked(
    workspace: Workspace, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain.begin()
    campaign = world.plan_campaign(workspace, 1)
    assert not choose(campaign).relay_signs
    assert signatures(sign_mail(workspace.id, simple_mail()).data) == 1
    by_amazon = installation().model_copy(update={"smtp_url": "smtp://u:p@email-smtp.eu-west-1.amazonaws.com:587"})
    monkeypatch.setitem(current_app.extensions, "merpati.settings", by_amazon)
    assert choose(campaign).relay_signs
    assert signatures(sign_mail(workspace.id, simple_mail()).data) == 0


@pytest.mark.parametrize("relay_signs", [False, True])
def test_a_campaign_is_signed_here_unless_its_relay_signs(
    workspace: Workspace, domain: Domain, relay_signs: bool
) -> None:
    domain.begin()
    campaign = world.plan_campaign(workspace, 1)
    [variant] = world.look("SELECT id FROM variants WHERE campaign_id = :c", campaign)
    parcel = Parcel(1, None, None, variant.id, "ann@example.org", ("ann@example.org", "Ann", "", "en", True, None))

    async def compose() -> None:
        connection = await connect(libpq_url(installation().database_url))
        letters = await load_letters(connection, campaign, installation(), keyring(), relay_signs=relay_signs)
        await connection.close()
        letters.compose(parcel, clock.now())

    asyncio.run(compose())
    assert signatures(parcel.data) == (0 if relay_signs else 1)


def test_a_key_that_cannot_be_read_holds_mail_back_and_says_why(
    workspace: Workspace, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain.begin()
    other = Keyring("another secret that is long enough to be one")
    monkeypatch.setattr(signing, "our_keyring", lambda: other)
    with pytest.raises(Unavailable, match="MERPATI_SECRET_KEY_FALLBACKS"):
        sign_mail(workspace.id, simple_mail())
    monkeypatch.setitem(current_app.extensions, "merpati.keyring", other)
    campaign = world.plan_campaign(workspace, 2)
    with running(Server()) as server:
        result = world.send(campaign, server.url)
    assert result.outcome == "waiting"
    assert "MERPATI_SECRET_KEY_FALLBACKS" in result.waiting_for
    assert server.messages == []
    assert world.states(campaign) == {"planned": 2}


@settings(max_examples=60)
@given(*[st.text(max_size=200) | st.text(st.sampled_from("a. \t\n\r=-ü李"), max_size=400)] * 3)
def test_any_text_of_a_campaign_verifies(text: str, html: str, value: str) -> None:
    bodies = [b"".join([quote(body), quote_value(value)[0], quote(body)]) for body in (text, html)]
    data = wire(frame(), text_qp=bodies[0], html_qp=bodies[1]).data
    signed = sign_composed(data, [signer(), ed25519_signer()])
    assert known_to_verifier(signed, 0)
    assert known_to_verifier(signed, 1)
    assert tags(signed)["bh"] == tags(sign(data, [signer()]))["bh"]
