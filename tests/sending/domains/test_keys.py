"""Keys and their turns: DNS decides when one begins, two at once cannot rotate twice."""

import threading
from datetime import timedelta

import dns.rcode
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db, in_workspace
from app.core.errors import Conflict, Invalid
from app.core.extensions import keyring
from app.mail.dkim_keys import MAX_STRING
from app.sending.domains import check
from app.sending.domains.check import check_due
from app.sending.domains.names import lineage, read_domain
from app.sending.domains.records import judge, key_record
from app.sending.domains.rotation import KEPT, rotate, sign_anyway
from app.sending.domains.setup import add_domain
from app.sending.seal import unseal
from tests.sending.domains.nameserver import NameServer
from tests.sending.domains.own import Domain, own_domain
from workers.deliverability import check_domains


def record(domain: Domain, selector: str) -> str:
    return f"{selector}._domainkey.{domain.name}"


def test_a_new_domain_has_two_keys_and_neither_signs(domain: Domain) -> None:
    first, second = domain.keys("next")
    assert first.selector != second.selector
    assert first.public != second.public
    assert first.selector.startswith(f"m{clock.now():%Y%m}")
    assert domain.keys() == [first, second]
    for key in (first, second):
        assert unseal(keyring(), key.private_sealed).startswith("-----BEGIN PRIVATE KEY-----")
        assert b"PRIVATE" not in key.private_sealed


def test_a_key_begins_when_dns_shows_it(domain: Domain) -> None:
    first, second = domain.keys()
    assert set(domain.check().records.values()) == {"missing"}
    assert domain.keys("active") == []
    domain.publish(first)
    assert domain.check().records == {first.selector: "published", second.selector: "missing"}
    assert domain.active.id == first.id
    assert domain.active.activated_at is not None
    assert domain.active.seen_at is not None
    assert domain.row.checked_at is not None


def test_whichever_is_published_first_begins(domain: Domain) -> None:
    first, second = domain.keys()
    domain.publish(second)
    domain.check()
    assert domain.active.id == second.id
    assert [key.id for key in domain.keys("next")] == [first.id]


@pytest.mark.parametrize(
    ("values", "finding"),
    [
        (["v=DKIM1; k=rsa; p=MIIBIjANBg"], "wrong"),
        (["v=DKIM1; k=rsa; p="], "wrong"),
        (["v=spf1 -all"], "wrong"),
        (["{public}", "v=spf1 -all"], "several"),
        (["{public}; s=tlsrpt"], "wrong"),
        (["{public}; h=sha1"], "wrong"),
        (["{public}; t=s; n=ours"], "published"),
    ],
)
def test_a_record_that_does_not_let_verify_is_told_from_one_that_does(
    domain: Domain, values: list[str], finding: str
) -> None:
    first, _second = domain.keys()
    domain.dns.publish(record(domain, first.selector), *[value.format(public=first.public) for value in values])
    assert domain.check().records[first.selector] == finding
    assert bool(domain.keys("active")) == (finding == "published")


def test_an_old_key_under_the_new_name_is_wrong(domain: Domain) -> None:
    first, second = domain.keys()
    domain.dns.publish(record(domain, first.selector), second.public)
    assert domain.check().records[first.selector] == "wrong"
    assert domain.keys("active") == []


@pytest.mark.parametrize("failure", ["silent", "servfail"])
def test_when_dns_does_not_answer_everything_stays_and_the_page_says_so(domain: Domain, failure: str) -> None:
    domain.begin()
    active, seen, looked = domain.active.id, domain.active.seen_at, domain.row.checked_at
    before = domain.row.findings["dkim"]
    domain.dns.is_silent = failure == "silent"
    domain.dns.rcode = dns.rcode.SERVFAIL if failure == "servfail" else dns.rcode.NOERROR
    assert "DNS" in domain.check().trouble
    after = domain.row.findings["dkim"]
    assert domain.active.id == active
    assert (domain.active.seen_at, domain.row.checked_at) == (seen, looked)
    assert (after["records"], after["at"]) == (before["records"], before["at"])
    assert after["trouble"]
    domain.dns.is_silent, domain.dns.rcode = False, dns.rcode.NOERROR
    domain.check()
    assert domain.row.findings["dkim"]["trouble"] == ""


def test_what_other_checks_noted_stays(domain: Domain) -> None:
    with in_workspace(domain.workspace.id):
        domain.row.findings = {"spf": "fine"}
        db.session.commit()
    domain.check()
    assert domain.row.findings["spf"] == "fine"


def test_rotation_takes_the_next_key_and_makes_another(domain: Domain) -> None:
    domain.begin()
    first, second = domain.keys()
    domain.rotate()
    assert domain.active.id == second.id
    [retired], [coming] = domain.keys("retired"), domain.keys("next")
    assert retired.id == first.id
    assert retired.retired_at is not None
    assert retired.private_sealed == b"", "nobody can sign with it any more"
    assert coming.id not in (first.id, second.id)
    with pytest.raises(Conflict, match="Publish it"):
        domain.rotate()
    domain.begin()
    domain.rotate()
    assert domain.active.id == coming.id


def test_ed25519_turns_with_rsa_where_its_next_record_is_there(domain: Domain) -> None:
    domain.add_ed25519()
    domain.begin()
    [before] = domain.keys("active", "ed25519-sha256")
    domain.rotate()
    [after] = domain.keys("active", "ed25519-sha256")
    assert after.id != before.id
    domain.publish(*domain.keys())
    domain.check()
    domain.rotate()
    assert [key.id for key in domain.keys("active", "ed25519-sha256")] == [after.id], "its next is not in DNS"


def test_a_key_that_dns_does_not_show_is_not_rotated_to(domain: Domain) -> None:
    domain.publish(domain.keys()[0])
    domain.check()
    with pytest.raises(Conflict, match="not in DNS"):
        domain.rotate()
    assert len(domain.keys()) == 2


def test_of_two_who_rotate_at_once_one_wins(app: Flask, domain: Domain) -> None:
    domain.begin()
    active, second = domain.active.id, domain.keys("next")[0].id
    gate, results = threading.Barrier(2), []

    def press() -> None:
        with app.app_context(), in_workspace(domain.workspace.id):
            gate.wait(5)
            try:
                rotate(keyring(), domain.id, active)
                db.session.commit()
                results.append("won")
            except Conflict:
                db.session.rollback()
                results.append("lost")

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(results) == ["lost", "won"]
    assert domain.active.id == second
    assert len(domain.keys()) == 3


def test_the_owner_may_sign_before_dns_shows_the_record(domain: Domain) -> None:
    first, _second = domain.keys()
    with in_workspace(domain.workspace.id):
        sign_anyway(domain.id)
        db.session.commit()
        assert domain.active.id == first.id
        with pytest.raises(Conflict):
            sign_anyway(domain.id)
    assert domain.active.seen_at is None


def test_a_retired_key_leaves_when_its_time_is_over_and_its_record_gone(domain: Domain) -> None:
    domain.begin()
    old = domain.active
    selector = old.selector
    domain.rotate()
    domain.dns.records.pop(record(domain, selector))
    domain.check()
    assert [key.selector for key in domain.keys("retired")] == [selector], "its time is not over"
    domain.dns.publish(record(domain, selector), old.public)
    with clock.moved(KEPT + timedelta(minutes=1)):
        domain.check()
        assert domain.keys("retired"), "its record is still there"
        domain.dns.records.pop(record(domain, selector))
        domain.check()
        assert domain.keys("retired") == []


def test_the_job_looks_daily_and_more_often_while_a_domain_waits(
    workspace: Workspace, domain: Domain, nameserver: NameServer
) -> None:
    other = own_domain(workspace, "rookery.example.net", nameserver).begin()
    check_domains()
    assert record(domain, domain.keys()[0].selector) in nameserver.asked
    nameserver.asked.clear()
    check_domains()
    assert nameserver.asked == []
    domain.publish()
    with clock.moved(timedelta(minutes=61)):
        check_domains()
    assert domain.active
    assert not any(name.endswith(other.name) for name in nameserver.asked)
    nameserver.asked.clear()
    with clock.moved(timedelta(days=1, minutes=61)):
        check_domains()
    assert {name.partition("._domainkey.")[2] for name in nameserver.asked} >= {domain.name, other.name}


@pytest.mark.slow
def test_the_job_ends_early_when_dns_is_dead(
    workspace: Workspace, nameserver: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "SILENT", 2)
    for number in range(4):
        own_domain(workspace, f"n{number}.example.org", nameserver)
    nameserver.is_silent = True
    check_due()
    assert len({name.partition("._domainkey.")[2] for name in nameserver.asked}) == 2


@pytest.mark.parametrize(
    ("typed", "domain"),
    [
        (" News@Example.COM ", "example.com"),
        ("bücher.example.", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("a.b-c.example.org", "a.b-c.example.org"),
    ],
)
def test_a_domain_is_read_as_dns_has_it(typed: str, domain: str) -> None:
    assert read_domain(typed) == domain


@pytest.mark.parametrize(
    "typed",
    [
        *("", "com", "example", "127.0.0.1", "https://example.com/", "a b.example", "-a.example", "a..example"),
        *("_a.example", "xn--a.example", "ex\r\nample.com", f"{'a' * 64}.example", ".".join(["a" * 60] * 4)),
    ],
)
def test_what_is_no_domain_is_refused(scope: Workspace, typed: str) -> None:
    with pytest.raises(Invalid) as caught:
        add_domain(keyring(), typed)
    assert caught.value.field == "domain"


@given(st.text(max_size=80) | st.from_regex(r"[a-zA-Z0-9.@-]{1,60}", fullmatch=True))
def test_whatever_is_typed_gives_a_domain_or_a_reason(typed: str) -> None:
    try:
        domain = read_domain(typed)
    except Invalid:
        return
    assert read_domain(domain) == domain
    assert domain.isascii()
    assert domain == domain.lower()
    assert lineage(domain)[0] == domain
    assert all("." in each and domain.endswith(each) for each in lineage(domain))


def test_a_domain_is_there_once(domain: Domain) -> None:
    with in_workspace(domain.workspace.id), pytest.raises(Invalid, match="already"):
        add_domain(keyring(), domain.name.upper())
    assert len(domain.keys()) == 2


def test_the_zone_line_has_strings_that_fit_and_join_to_the_value(domain: Domain) -> None:
    key = domain.keys()[0]
    shown = key_record(domain.name, key.selector, key.public)
    strings = [line.strip().strip('"') for line in shown.zone_line.removesuffix(" )").splitlines()[1:]]
    assert len(strings) == 2
    assert all(len(piece) <= MAX_STRING for piece in strings)
    assert "".join(strings) == key.public
    assert judge(["".join(strings)], key.public) == "published"
