"""What each check makes of DNS, by a real resolver on the loopback interface."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import current_app
from sqlalchemy import text

from app.core import clock
from app.core.database import db, in_workspace
from app.core.extensions import keyring
from app.core.jobs import Job
from app.deliverability.domains import check, words
from app.deliverability.domains.check import kept_at, kept_findings
from app.deliverability.domains.page import show_shared
from app.sending.domains.setup import set_signing
from app.sending.transports import TransportFields, save_transport
from tests.deliverability.domains.nest import BOUNCES, NAME, Nest
from tests.sending.servers import Server, running
from workers.deliverability import check_records

SHORT = (
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANNJxWmF56gjyq0aMFX/X0J5JvfKeSph9nEdv8D1+g07NDJOayI4UybAAbKPDTCj2+0NleySpm8K9sAi"
    "/E2VDhUCAwEAAQ=="
)
"""The public half of a key of 512 bits."""


def states(nest: Nest) -> dict[str, str]:
    return {kind: finding.state for kind, finding in nest.check().items()}


def codes(nest: Nest, kind: str) -> set[str]:
    return {problem.code for problem in nest.check()[kind].problems if problem.is_fault}


def relay(nest: Nest, host: str, **fields: object) -> None:
    with in_workspace(nest.workspace.id):
        save_transport(keyring(), TransportFields(name="Relay", host=host, port=25, security="none", **fields))  # type: ignore[arg-type]
        db.session.commit()


def test_everything_as_it_should_be(nest: Nest) -> None:
    assert states(nest) == {
        **dict.fromkeys(("spf", "dkim", "dmarc", "alignment", "reports", "mx", "mx-bounce", "soa", "soa-bounce"), "ok"),
        **dict.fromkeys(("ptr", "tls", "bimi"), "skipped"),
    }
    assert nest.verdict() == []
    assert len(nest.zone.asked) < 40


@pytest.mark.parametrize(
    ("name", "kind", "values", "finding", "code"),
    [
        (BOUNCES, "TXT", (), "spf", "spf-missing"),
        (BOUNCES, "TXT", ("v=spf1 a -all", "v=spf1 mx -all"), "spf", "spf-several"),
        (BOUNCES, "TXT", ("v=spf1 ipv4:192.0.2.1 -all",), "spf", "spf-syntax"),
        (BOUNCES, "TXT", (f"v=spf1 a:mail.{NAME} +all",), "spf", "spf-everybody"),
        (f"_dmarc.{NAME}", "TXT", (), "dmarc", "dmarc-missing"),
        (f"_dmarc.{NAME}", "TXT", ("v=DMARC1; p=none", "v=DMARC1; p=reject"), "dmarc", "dmarc-several"),
        (f"_dmarc.{NAME}", "TXT", ("v=DMARC1; p=maybe; rua=mailto:d@x.test",), "dmarc", "dmarc-value"),
        (f"_dmarc.{NAME}", "TXT", ("v=DMARC1; p=none; np=x; rua=https://x.test",), "dmarc", "dmarc-value"),
        (NAME, "MX", ("10 gone.aviary.internal.", "20 192.0.2.9."), "mx", "mx-dead"),
        (NAME, "MX", ("0 .", f"10 mx.{NAME}."), "mx", "mx-null-beside"),
        (f"_dmarc.{NAME}", "TXT", ("v=DMARC1; p=none; rua=mailto:d@elsewhere.invalid",), "reports", "rua-not-agreed"),
        (NAME, "MX", ("0 .",), "mx", "mx-null"),
        (NAME, "MX", (), "mx", "mx-none"),
        (BOUNCES, "MX", ("0 .",), "mx-bounce", "mx-null"),
        (f"default._bimi.{NAME}", "TXT", ("v=BIMI1; l=http://aviary.internal/l.svg",), "bimi", "bimi-syntax"),
    ],
)
def test_each_fault_is_named(
    nest: Nest, name: str, kind: str, values: tuple[str, ...], finding: str, code: str
) -> None:
    nest.zone.publish(name, kind, *values)
    assert codes(nest, finding) == {code}


def test_a_relay_that_is_not_in_spf(nest: Nest) -> None:
    relay(nest, "smtp.office365.com")
    assert codes(nest, "spf") == {"spf-relay"}
    with in_workspace(nest.workspace.id):
        [shown] = [each for each in show_shared([nest.row]).checks if each.kind == "spf"]
    assert shown.publish is not None
    assert shown.publish.value == f"v=spf1 a:mail.{NAME} include:spf.protection.outlook.com ~all"
    nest.zone.publish(BOUNCES, "TXT", shown.publish.value)
    nest.zone.publish("spf.protection.outlook.com", "TXT", "v=spf1 ip4:192.0.2.0/24 -all")
    assert codes(nest, "spf") == set()


def test_the_record_to_publish_mends_what_is_there(nest: Nest) -> None:
    nest.zone.publish(BOUNCES, "TXT", "v=spf1 mx include:gone.internal ip4:192.0.2.9 +all")
    nest.check()
    with in_workspace(nest.workspace.id):
        [shown] = [each for each in show_shared([nest.row]).checks if each.kind == "spf"]
    assert len(shown.faults) == 2
    assert shown.publish is not None
    assert shown.publish.value == f"v=spf1 mx ip4:192.0.2.9 a:mail.{NAME} ~all"
    nest.zone.publish(BOUNCES, "TXT", shown.publish.value)
    assert codes(nest, "spf") == set()


def test_the_reverse_name_of_our_own_relay(nest: Nest) -> None:
    relay(nest, f"mail.{NAME}")
    assert codes(nest, "ptr") == {"ptr-none"}
    nest.zone.publish("26.2.0.192.in-addr.arpa", "PTR", f"other.{NAME}.")
    assert codes(nest, "ptr") == {"ptr-not-confirmed"}
    nest.zone.publish("26.2.0.192.in-addr.arpa", "PTR", f"mail.{NAME}.")
    assert states(nest)["ptr"] == "ok"


def test_the_reverse_name_of_this_machine_where_the_relay_is_on_it(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert nest.check()["ptr"].has("ptr-local"), "mail is caught"
    ours = current_app.extensions["merpati.settings"].model_copy(update={"catcher": False})
    monkeypatch.setitem(current_app.extensions, "merpati.settings", ours)
    assert codes(nest, "ptr") == {"ptr-none"}
    nest.zone.publish("26.2.0.192.in-addr.arpa", "PTR", f"mail.{NAME}.")
    assert states(nest)["ptr"] == "ok"


def test_a_providers_relay_is_its_own_business(nest: Nest) -> None:
    with in_workspace(nest.workspace.id):
        fields = TransportFields(
            name="SES", kind="ses", username="A" * 20, password="x", options={"region": "eu-west-1"}
        )
        save_transport(keyring(), fields)
        db.session.commit()
    found = nest.check()
    assert (found["spf"].state, found["ptr"].state) == ("skipped", "skipped")
    assert found["alignment"].state == "ok"


def test_tls_of_our_own_listener_and_of_no_other(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert nest.check()["tls"].has("tls-no-listener")
    with running(Server()) as server:
        place = server.url.removeprefix("smtp://")
        ours = current_app.extensions["merpati.settings"].model_copy(update={"bounce_listen": place})
        monkeypatch.setitem(current_app.extensions, "merpati.settings", ours)
        found = nest.check()["tls"]
        assert (found.state, found.has("tls-none")) == ("ok", True)
        nest.zone.publish(BOUNCES, "MX", "10 mx.elsewhere.invalid.")
        assert nest.check()["tls"].has("tls-not-checked")


def test_alignment_strict_and_relaxed(nest: Nest) -> None:
    assert nest.check()["alignment"].has("align-spf", "align-dkim")
    nest.zone.publish(f"_dmarc.{NAME}", "TXT", "v=DMARC1; p=none; aspf=s; adkim=s")
    found = nest.check()["alignment"]
    assert found.state == "ok"
    assert found.has("align-spf-strict")
    assert found.has("align-dkim")
    nest.zone.publish(f"_dmarc.{BOUNCES}", "TXT", "v=DMARC1; psd=n; p=none")
    nest.zone.publish(f"_dmarc.{NAME}", "TXT", "v=DMARC1; p=none")
    assert nest.check()["alignment"].has("align-spf-foreign")


def test_a_short_key(nest: Nest) -> None:
    nest.check()
    nest.zone.publish(nest.key, "TXT", f"v=DKIM1; k=rsa; p={SHORT}")
    assert codes(nest, "dkim") == {"dkim-small", "dkim-wrong"}
    assert "dkim-small" in nest.blocks()


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ("v=DKIM1; k=rsa; p=", "dkim-revoked"),
        ("v=spf1 -all", "dkim-no-key"),
        ("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "dkim-wrong"),
        ("v=DKIM1; k=rsa; h=sha1; p={own}", "dkim-wrong"),
    ],
)
def test_what_is_wrong_with_a_keys_record(nest: Nest, record: str, code: str) -> None:
    nest.check()
    [own] = nest.zone.records[nest.key, "TXT"]
    nest.zone.publish(nest.key, "TXT", record.format(own=own.partition("p=")[2]))
    assert codes(nest, "dkim") == {code}


def test_a_key_on_trial_and_one_by_another_name(nest: Nest) -> None:
    nest.check()
    key = nest.key
    [own] = nest.zone.records[key, "TXT"]
    nest.zone.publish(key, "TXT", own.replace("k=rsa;", "k=rsa; t=y:s;"))
    found = nest.check()["dkim"]
    assert (found.state, found.has("dkim-test")) == ("ok", True)
    nest.zone.drop(key, "TXT")
    nest.zone.publish("key.relay.internal", "TXT", own)
    nest.zone.publish(key, "CNAME", "key.relay.internal.")
    assert nest.check()["dkim"].state == "ok"


@pytest.mark.long
def test_silence_keeps_what_was_found_and_says_so(nest: Nest) -> None:
    nest.check()
    before = kept_at(nest.row)
    nest.zone.silent.add(f"_dmarc.{NAME}")
    found = nest.check()
    assert found["dmarc"].state == "ok"
    assert "did not answer" in found["dmarc"].trouble
    nest.zone.is_silent = True
    nest.check()
    kept = kept_findings(nest.row)
    assert {kind: finding.state for kind, finding in kept.items()}["mx"] == "ok"
    assert all(finding.trouble for kind, finding in kept.items() if finding.state == "ok")
    assert kept_at(nest.row) >= before
    assert nest.blocks() == []


@pytest.mark.long
def test_silence_at_the_first_look_is_unknown(nest: Nest) -> None:
    nest.zone.is_silent = True
    assert set(states(nest).values()) <= {"unknown", "skipped", "missing"}
    assert kept_at(nest.row) == 0
    assert nest.blocks() == []


def test_dkim_and_the_other_checks_keep_each_others_findings(nest: Nest) -> None:
    nest.check()
    assert set(nest.row.findings) == {"dkim", "dns"}


def test_the_daily_look_is_due_once(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    # Those of other tests are due as well.
    db.session.execute(text("DELETE FROM sending_domains WHERE id <> :id"), {"id": nest.id})
    db.session.commit()
    nest.check()
    asked = len(nest.zone.asked)
    check_records()
    assert len(nest.zone.asked) == asked
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=25))
    check_records()
    assert len(nest.zone.asked) > asked
    assert kept_at(nest.row) >= (now + timedelta(hours=24)).timestamp()
    assert Job.CHECK_RECORDS.queue == "default"


def test_what_stands_in_dns_may_be_anything(nest: Nest) -> None:
    nest.zone.publish(f"_dmarc.{NAME}", "TXT", "v=DMARC1; p=none; x=a\\000b; <b>; rua=mailto:d@bounces.aviary.internal")
    found = nest.check()
    assert "\x00" not in "".join(found["dmarc"].found)


def test_signed_by_the_relay(nest: Nest) -> None:
    with in_workspace(nest.workspace.id):
        set_signing(nest.id, on=False)
        db.session.commit()
    assert states(nest)["dkim"] == "skipped"
    assert nest.blocks() == []


def test_every_problem_has_its_words() -> None:
    sources = "".join(path.read_text() for path in Path(check.__file__).parent.rglob("*.py"))
    named = set(re.findall(r'(?:fault|note)\(\s*"([a-z-]+)"', sources))
    named |= set(re.findall(r'"(bimi-[a-z-]+)"', sources))
    named |= set(re.findall(r'"((?:spf|dkim|dmarc|align|rua|mx|soa|ptr|tls|bimi)-[a-z-]+)" if ', sources))
    assert len(named) > 40
    assert named - set(words._WORDS) - {"mx-bounce", "soa-bounce"} == set()
