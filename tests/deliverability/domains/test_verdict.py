"""What stops a send, with the receivers' words, and what never does."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.campaigns.review import blocking_findings, review
from app.core import clock
from app.core.database import db, in_workspace
from app.core.extensions import keyring
from app.deliverability.domains.free_mail import is_free_mail, is_reserved
from app.deliverability.domains.reasons import BULK
from app.deliverability.domains.verdict import verdict
from app.deliverability.models import WatchHour
from app.sending.transports import TransportFields, save_transport
from tests.deliverability.domains.nest import BOUNCES, NAME, Nest
from tests.deliverability.domains.zone import SOA, Zone
from tests.factories.audience import a_list
from tests.factories.campaigns import weekly_digest


def test_a_sound_domain_is_not_spoken_of(nest: Nest) -> None:
    nest.check()
    assert nest.verdict(people=100_000) == []


def test_neither_spf_nor_dkim(nest: Nest) -> None:
    nest.check()
    nest.zone.drop(BOUNCES, "TXT")
    nest.check()
    assert [(reason.code, reason.is_blocking) for reason in nest.verdict()] == [("spf-fails", False)]
    nest.zone.drop(nest.key, "TXT")
    nest.check()
    [reason] = nest.verdict()
    assert reason.is_blocking
    assert "550 5.7.26" in reason.message
    assert "550 5.7.515" in reason.message


def test_no_dmarc_stops_many_and_warns_few(nest: Nest) -> None:
    nest.zone.drop(f"_dmarc.{NAME}", "TXT")
    nest.check()
    assert nest.blocks(people=BULK) == []
    assert nest.blocks(people=BULK + 1) == ["no-dmarc"]
    [reason] = nest.verdict(people=BULK + 1)
    assert f"_dmarc.{NAME}: v=DMARC1; p=none; rua=mailto:dmarc@{BOUNCES}" in reason.message


def test_spf_that_does_not_count_and_no_signature(nest: Nest) -> None:
    nest.zone.publish(f"_dmarc.{NAME}", "TXT", "v=DMARC1; p=none; aspf=s")
    nest.check()
    assert nest.blocks() == []
    nest.zone.drop(nest.key, "TXT")
    nest.check()
    assert nest.blocks() == ["not-aligned"]


def test_a_domain_that_takes_no_mail_or_is_not_there(nest: Nest) -> None:
    nest.zone.publish(NAME, "MX", "0 .")
    nest.check()
    assert nest.blocks() == ["no-answers"]
    for name, kind in list(nest.zone.records):
        nest.zone.drop(name, kind)
    nest.check()
    assert {"no-such-domain", "no-bounce-domain", "unauthenticated"} == set(nest.blocks())


def test_old_findings_are_looked_at_again(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    nest.zone.publish(NAME, "MX", "0 .")
    nest.check()
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=49))
    nest.zone.publish(NAME, "MX", f"10 mx.{NAME}.")
    assert nest.verdict() == []


@pytest.mark.slow
def test_old_findings_and_a_silent_dns_warn_only(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    nest.zone.publish(NAME, "MX", "0 .")
    nest.check()
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=49))
    nest.zone.is_silent = True
    assert [(reason.code, reason.is_blocking) for reason in nest.verdict()] == [
        ("domain-not-looked", False),
        ("no-answers", False),
    ]


def test_what_dns_does_not_renew_for_two_days_blocks_no_more(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    nest.zone.publish(NAME, "MX", "0 .")
    nest.check()
    assert nest.blocks() == ["no-answers"]
    now = clock.now()
    # The zone's other records are found each day, its MX is not: a server that cannot tell says nothing of today.
    nest.zone.failing_kinds.add((NAME, "MX"))
    for hours in (25, 50):
        monkeypatch.setattr(clock, "now", lambda hours=hours: now + timedelta(hours=hours))
        found = nest.check()
        assert (found["mx"].has("mx-null"), bool(found["mx"].trouble)) == (True, True)
        assert nest.blocks() == (["no-answers"] if hours == 25 else [])


@pytest.mark.parametrize("name", [f"_dmarc.{NAME}", BOUNCES, NAME])
def test_a_server_that_cannot_tell_never_means_that_nothing_is_there(nest: Nest, name: str) -> None:
    nest.zone.failing |= {name, f"default._bimi.{NAME}", f"mail.{NAME}"}
    found = nest.check()
    assert [each.state for kind, each in found.items() if kind == "soa-bounce" and name != BOUNCES] in ([], ["ok"])
    assert [kind for kind, each in found.items() if each.is_bad] == []
    assert [reason.code for reason in nest.verdict(100_000) if reason.is_blocking] == []


def test_an_spf_that_fails_vouches_for_nothing(nest: Nest) -> None:
    nest.zone.publish(f"_dmarc.{NAME}", "TXT", "v=DMARC1; p=none; adkim=s")
    nest.zone.publish(BOUNCES, "TXT", "v=spf1 ipv4:192.0.2.1 -all")
    nest.check()
    under = f"letters.{NAME}"
    nest.zone.publish(under, "MX", f"10 mx.{NAME}.")
    assert nest.blocks(domain=under) == ["not-aligned"]
    [reason] = [each for each in nest.verdict(domain=under) if each.is_blocking]
    assert f"SPF does not hold for {BOUNCES}" in reason.message


def test_a_policy_that_is_void_is_none(nest: Nest) -> None:
    nest.zone.publish(f"_dmarc.{NAME}", "TXT", "v=DMARC1; p=maybe")
    nest.check()
    assert nest.blocks(people=5001) == ["no-dmarc"]
    assert nest.blocks(people=5000) == []


def test_what_went_out_today_counts_as_well(nest: Nest, other_workspace: Workspace) -> None:
    nest.zone.drop(f"_dmarc.{NAME}", "TXT")
    nest.check()
    for workspace, hours, sent in ((other_workspace, 1, 9000), (nest.workspace, 30, 9000), (nest.workspace, 2, 4000)):
        with in_workspace(workspace.id):
            campaign = weekly_digest(a_list(f"Letters {hours}"))
            hour = clock.now() - timedelta(hours=hours)
            db.session.add(
                WatchHour(
                    hour=hour, campaign_id=campaign.id, provider="x", transport="y", domain=f"letters.{NAME}", sent=sent
                )
            )
            db.session.commit()
    assert nest.blocks(people=1000) == []
    assert nest.blocks(people=1001) == ["no-dmarc"]
    [reason] = [each for each in nest.verdict(people=1001) if each.is_blocking]
    assert "To 5,001 people in a day" in reason.message


def test_a_relay_without_a_reverse_name_is_warned_of(nest: Nest) -> None:
    with in_workspace(nest.workspace.id):
        save_transport(keyring(), TransportFields(name="Own", host=f"mail.{NAME}", port=25, security="none"))
        db.session.commit()
    nest.check()
    assert [(reason.code, reason.is_blocking) for reason in nest.verdict()] == [("no-reverse-name", False)]


def test_a_look_for_a_page_is_remembered(nest: Nest) -> None:
    nest.verdict()
    asked = len(nest.zone.asked)
    assert asked > 0
    nest.verdict()
    assert len(nest.zone.asked) == asked
    assert nest.row.findings == {}, "a page that shows writes nothing"


def test_an_address_under_the_domain(nest: Nest) -> None:
    nest.check()
    under = f"letters.{NAME}"
    assert nest.blocks(domain=under) == ["no-such-domain"]
    nest.zone.publish(under, "MX", f"10 mx.{NAME}.")
    nest.zone.publish(f"_dmarc.{NAME}", "TXT", "v=DMARC1; p=none; adkim=s; aspf=s")
    assert nest.blocks(domain=under) == ["no-such-domain"], "as it was a moment ago"


def test_strict_alignment_of_an_address_under_the_domain(nest: Nest) -> None:
    nest.check()
    under = f"letters.{NAME}"
    nest.zone.publish(under, "MX", f"10 mx.{NAME}.")
    nest.zone.publish(f"_dmarc.{NAME}", "TXT", "v=DMARC1; p=none; adkim=s; aspf=s")
    assert nest.blocks(domain=under) == ["not-aligned"]


def test_a_domain_that_is_not_set_up(workspace: Workspace, zone: Zone) -> None:
    zone.publish("rookery.internal", "SOA", SOA)
    zone.publish("rookery.internal", "MX", "10 mx.rookery.internal.")
    zone.publish("mx.rookery.internal", "AAAA", "2001:db8::25")
    zone.publish("_dmarc.rookery.internal", "TXT", "v=DMARC1; p=none")
    with in_workspace(workspace.id):
        assert [reason.code for reason in verdict("rookery.internal") if reason.is_blocking] == []
        assert [reason.code for reason in verdict("rookery.internal")] == ["domain-not-set-up"]
        blocked = {reason.code: reason.is_blocking for reason in verdict("nowhere.internal", 6000)}
    assert blocked == {"no-such-domain": True, "no-dmarc": True, "domain-not-set-up": False}


def test_a_silent_dns_blocks_nobody(workspace: Workspace, zone: Zone) -> None:
    zone.is_silent = True
    with in_workspace(workspace.id):
        assert not any(reason.is_blocking for reason in verdict("rookery.internal", 100_000))


@pytest.mark.parametrize(
    "domain", ["aviary.example.com", "example.org", "a.test", "x.invalid", "localhost", "b.example"]
)
def test_reserved_names_are_never_judged(workspace: Workspace, zone: Zone, domain: str) -> None:
    assert is_reserved(domain)
    with in_workspace(workspace.id):
        assert verdict(domain, 1_000_000) == []
    assert zone.asked == []


def test_what_is_not_reserved() -> None:
    assert not any(map(is_reserved, ("notexample.com", "example.com.invalid.net", "test.de", NAME)))


def test_free_mail_is_nobodys_newsletter(workspace: Workspace, zone: Zone) -> None:
    assert is_free_mail("gmail.com")
    with in_workspace(workspace.id):
        [reason] = verdict("yahoo.com")
    assert reason.is_blocking
    assert zone.asked == []


def test_the_review_names_it_and_the_launch_is_stopped(as_ada: FlaskClient, nest: Nest) -> None:
    nest.zone.publish(NAME, "MX", "0 .")
    nest.check()
    with in_workspace(nest.workspace.id):
        campaign = weekly_digest(a_list("Letters"))
        db.session.commit()
        assert "no-answers" in [finding.code for finding in review(campaign).errors]
        assert "no-answers" in [finding.code for finding in blocking_findings(campaign)]
        number = campaign.id
    page = as_ada.get(f"/w/{nest.workspace.slug}/campaigns/{number}/review")
    assert page.status_code == 200
    assert "takes no mail, so nobody could answer" in page.text
    assert f"/w/{nest.workspace.slug}/settings/domains" in page.text
