"""Reading SPF, DMARC, BIMI and keys as receivers do; the count of lookups against a walk written anew."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.deliverability.domains.records.bimi import read_bimi
from app.deliverability.domains.records.dmarc import read_dmarc
from app.deliverability.domains.records.keys import key_bits
from app.deliverability.domains.records.spf import is_spf, read_spf
from app.deliverability.domains.records.spf_walk import FURTHEST, MOST_LOOKUPS, SpfCount, count_lookups, spelled_out
from app.deliverability.domains.records.tree import MOST_QUERIES, names_to_ask, walk_tree
from tests.deliverability.domains.zone import Zone

_TERMS = """
a mx -all ~all +all ?all ptr a:x.test mx/24 a//64 a:x.test/24//64 ip4:192.0.2.0/24 ip6:2001:db8::/32 include:a.test
include:b.test exists:%{i}.x.test redirect=c.test exp=e.test v=spf1 x=y %{x} ip4:1 ALL
"""
TERMS = st.sampled_from(_TERMS.split())
_TAGS = """
p=none p=reject P=NONE sp=bad np=quarantine t=y psd=n psd=x adkim=s pct=50 rua=mailto:a@b.test rua=a@b.test
rua=mailto:a@b.test!10m,https://x.test = == p x;y
"""
TAGS = st.sampled_from(_TAGS.split())
NAMES = ["a.test", "b.test", "c.test", "d.test"]


def codes(problems: object) -> set[str]:
    return {each.code for each in problems}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1",
        "v=spf1 -all",
        "V=SPF1 A MX/24 INCLUDE:Relay.Test ~ALL",
        "v=spf1 a:mail.example.com/28//64 ip4:192.0.2.1 ip6:2001:db8::1/128 exists:%{ir}.list.test ?all",
        "v=spf1 redirect=_spf.example.com exp=why.%{d2} other=thing",
        "v=spf1  mx   -all ",
        "v=spf1 exists:%{ir}.%{l1r+-}._spf.%{d2} include:%{h}._ehlo.%{d}._spf.test",
        "v=spf1 moo.cow-far_out=man:dog/cat ip4:1.2.3.4/0 ip6:::/0 -all",
        "v=spf1 exists:%{i}%%_.x.test exp=%{i}.why.test",
    ],
)
def test_records_that_receivers_read(record: str) -> None:
    assert is_spf(record)
    read_spf(record)


@pytest.mark.parametrize(
    "record",
    [
        "v=spf10 -all",
        "v=spf1 include",
        "v=spf1 include:",
        "v=spf1 all:example.com",
        "v=spf1 ip4:192.0.2.256",
        "v=spf1 ip4:2001:db8::",
        "v=spf1 a/33",
        "v=spf1 a//129",
        "v=spf1 a:localhost",
        "v=spf1 include:192.0.2.1",
        "v=spf1 exists:%{q}.test",
        "v=spf1 exists:%x.test",
        "v=spf1 redirect=a.test redirect=b.test",
        "v=spf1, a",
        "v=spf1 ipv4:192.0.2.1",
        "v=spf1 a\tmx",
        "v=spf1 exists:%{c}.x.test",
        "v=spf1 exists:%{i0}.x.test",
        "v=spf1 exists:%{i}x",
        "v=spf1 exists:%{i}.7",
        "v=spf1 ip4:192.0.2.0/024",
        "v=spf1 ip4:192.0.2.0/",
        "v=spf1 ip4:192.0.2.0:25",
        "v=spf1 ip6:::/129",
        "v=spf1 a:museum.",
        "v=spf1 ptr/0",
        "v=spf1 moo.cow/far_out=man",
        "v=spf1 redirect=",
        "v=spf1 exp=",
    ],
)
def test_records_that_they_do_not(record: str) -> None:
    with pytest.raises(Invalid):
        read_spf(record)


@given(st.one_of(st.text(max_size=300), st.lists(TERMS, max_size=12).map(lambda terms: " ".join(["v=spf1", *terms]))))
def test_any_text_is_a_record_or_invalid(text: str) -> None:
    for read in (read_spf, read_dmarc, read_bimi):
        with suppress(Invalid):
            read(text)  # type: ignore[operator]
    key_bits(text)


@given(st.lists(TAGS, max_size=8))
def test_any_dmarc_record_has_a_policy(tags: list[str]) -> None:
    record = read_dmarc("; ".join(["v=DMARC1", *tags]))
    assert record.p in ("none", "quarantine", "reject")
    assert record.sp in ("", "none", "quarantine", "reject")
    assert (record.adkim, record.aspf) in {("r", "r"), ("s", "r")}
    assert record.psd in "ynu"
    assert set(record.rua) <= {"a@b.test"}


@pytest.mark.parametrize("text", ["v=dmarc1; p=none", "p=none; v=DMARC1", "v=DMARC10; p=none", "", "v=DMARC1 p=none"])
def test_what_is_no_dmarc_record(text: str) -> None:
    with pytest.raises(Invalid):
        read_dmarc(text)


def test_missing_policy_is_none_and_old_tags_are_noted() -> None:
    record = read_dmarc("v=DMARC1; pct=20; rf=afrf; ri=3600; rua=mailto:dmarc@example.com!5m")
    assert record.p == "none"
    assert codes(record.problems) == {"dmarc-no-p", "dmarc-gone"}
    assert not any(problem.is_fault for problem in record.problems)
    assert record.rua == ("dmarc@example.com",)
    assert codes(read_dmarc("v=DMARC1; p=block").problems) == {"dmarc-value", "dmarc-void"}


@pytest.mark.parametrize(
    ("text", "policy", "is_void"),
    [
        ("v=DMARC1; p=reject; sp=bad; rua=mailto:d@b.test", "none", False),
        ("v=DMARC1; p=reject; np=bad; rua=https://b.test/x", "none", False),
        ("v=DMARC1; p=bad; rua=d@b.test", "none", True),
        ("v=DMARC1; p=reject; sp=", "none", True),
        ("v=DMARC1", "none", False),
        ("v=DMARC1; p=Reject; x=y", "reject", False),
    ],
)
def test_one_policy_that_is_none_spoils_the_record(text: str, policy: str, is_void: bool) -> None:
    record = read_dmarc(text)
    assert (record.p, record.policy_for(at_own_name=False), record.is_void) == (policy, policy, is_void)


def test_the_policy_for_names_below() -> None:
    record = read_dmarc("v=DMARC1; p=reject; sp=quarantine; np=none")
    assert record.policy_for(at_own_name=True) == "reject"
    assert record.policy_for(at_own_name=False) == "quarantine"
    assert record.policy_for(at_own_name=False, exists=False) == "none"
    assert read_dmarc("v=DMARC1; p=reject").policy_for(at_own_name=False, exists=False) == "reject"


def count(zone: Zone, name: str = "a.test") -> SpfCount:
    [text] = [text for text in zone.records[name, "TXT"] if is_spf(text)]
    return count_lookups(name, read_spf(text), zone.ask)


def test_lookups_are_counted_through_includes() -> None:
    zone = Zone()
    zone.publish("a.test", "TXT", "v=spf1 include:b.test include:c.test a ip4:192.0.2.1 -all mx")
    zone.publish("b.test", "TXT", "some other text", "v=spf1 include:d.test ptr ~all")
    zone.publish("c.test", "TXT", "v=spf1 redirect=d.test")
    zone.publish("d.test", "TXT", "v=spf1 ip4:192.0.2.9 -all")
    zone.publish("a.test", "A", "192.0.2.1")
    found = count(zone)
    assert (found.lookups, found.voids) == (6, 0)
    assert set(found.domains) == {"a.test", "b.test", "c.test", "d.test"}
    assert codes(found.problems) == {"spf-ptr"}


def test_eleven_lookups_are_too_many() -> None:
    zone = Zone()
    for number in range(11):
        zone.publish(f"n{number}.test", "TXT", "v=spf1 -all")
    zone.publish("a.test", "TXT", " ".join(["v=spf1", *(f"include:n{number}.test" for number in range(10))]))
    assert not codes(count(zone).problems)
    zone.publish("a.test", "TXT", " ".join(["v=spf1", *(f"include:n{number}.test" for number in range(11))]))
    assert codes(count(zone).problems) == {"spf-lookups"}


def test_a_record_that_includes_itself_ends() -> None:
    zone = Zone()
    zone.publish("a.test", "TXT", "v=spf1 include:a.test include:a.test -all")
    found = count(zone)
    assert found.lookups == FURTHEST
    assert "spf-lookups" in codes(found.problems)


def test_void_lookups_and_dead_includes() -> None:
    zone = Zone()
    zone.publish("a.test", "TXT", "v=spf1 a:x.test mx:y.test a:z.test -all")
    assert codes(count(zone).problems) == {"spf-voids"}
    zone.publish("a.test", "TXT", "v=spf1 include:gone.test -all")
    assert codes(count(zone).problems) == {"spf-include-missing"}
    zone.publish("gone.test", "TXT", "v=spf1 a", "v=spf1 mx")
    assert codes(count(zone).problems) == {"spf-include-several"}
    zone.publish("gone.test", "TXT", "v=spf1 nonsense")
    assert codes(count(zone).problems) == {"spf-include-syntax"}


def test_what_includes_and_mail_servers_may_not() -> None:
    zone = Zone()
    zone.publish("a.test", "TXT", "v=spf1 include:b.test mx -all")
    zone.publish("b.test", "TXT", "v=spf1 +all")
    zone.publish("a.test", "MX", *(f"10 mx{number}.test." for number in range(10)))
    assert codes(count(zone).problems) == {"spf-include-everybody"}
    zone.publish("b.test", "TXT", "v=spf1 ?all")
    assert codes(count(zone).problems) == set()
    zone.publish("a.test", "MX", *(f"10 mx{number}.test." for number in range(11)))
    assert codes(count(zone).problems) == {"spf-mx-many"}


def test_macros_that_are_the_same_for_every_mail_are_followed() -> None:
    zone = Zone()
    zone.publish("a.test", "TXT", "v=spf1 include:%{d}._spf.test exists:%{i}.%{d}.list.test -all")
    zone.publish("a.a.test._spf.test", "TXT", "v=spf1 a:mail.test -all")
    zone.publish("a.test._spf.test", "TXT", "v=spf1 redirect=%{o1r}.%{d}")
    zone.publish("mail.test", "A", "192.0.2.1")
    found = count(zone)
    assert (found.lookups, found.hosts, codes(found.problems)) == (4, ("mail.test",), {"spf-macro"})


@pytest.mark.parametrize(
    ("macro", "name"),
    [
        ("%{o}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{D1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{i}.%{d1}", "%{i}.com"),
    ],
)
def test_macros_as_the_standard_expands_them(macro: str, name: str) -> None:
    assert spelled_out(macro, "email.example.com", "email.example.com") == name


RECORDS = st.lists(
    st.sampled_from(["a", "mx", "ptr", "ip4:192.0.2.1", "-all", *(f"include:{name}" for name in NAMES),
                     *(f"redirect={name}" for name in NAMES)]),
    max_size=6,
    unique_by=lambda term: "redirect" if term.startswith("redirect") else term,
)  # fmt: skip


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, RECORDS)))
def test_the_count_agrees_with_a_walk_that_keeps_a_stack(records: dict[str, list[str]]) -> None:
    zone = Zone()
    for name, terms in records.items():
        zone.publish(name, "TXT", " ".join(["v=spf1", *terms]))
        zone.publish(name, "A", "192.0.2.1")
        zone.publish(name, "MX", "10 mx.test.")
    found = count(zone)
    expected = reference(records, "a.test")
    assert found.lookups == min(expected, FURTHEST)
    assert ("spf-lookups" in codes(found.problems)) == (expected > MOST_LOOKUPS)


def reference(records: dict[str, list[str]], start: str) -> int:
    """Expand the records one by one, without recursion; past the furthest it does not matter."""
    stack, looked = [start], 0
    while stack and looked < FURTHEST:
        terms = records[stack.pop()]
        before = terms[: terms.index("-all")] if "-all" in terms else terms
        looking = [term for term in before if term in ("a", "mx", "ptr") or term.startswith("include:")]
        if "-all" not in terms:
            looking += [term for term in terms if term.startswith("redirect=")]
        looked += len(looking)
        stack += [re.split("[:=]", term)[1] for term in looking if term not in ("a", "mx", "ptr")]
    return looked


def test_the_walk_asks_eight_names_at_most() -> None:
    long = ".".join("abcdefghijkl") + ".example.com"
    names = list(names_to_ask(long))
    assert len(names) == MOST_QUERIES
    assert names[0] == long
    assert names[1] == "h.i.j.k.l.example.com"
    assert names[-1] == "com"
    assert list(names_to_ask("a.example.com")) == ["a.example.com", "example.com", "com"]


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=15).map(".".join))
def test_the_organisation_is_the_domain_or_above_it(domain: str) -> None:
    zone = Zone()
    zone.publish(f"_dmarc.{domain.rpartition('.')[2]}", "TXT", "v=DMARC1; psd=y; p=reject")
    tree = walk_tree(domain, zone.ask)
    assert domain == tree.organisation or domain.endswith("." + tree.organisation)
    assert len(zone.asked) <= MOST_QUERIES


def test_the_organisational_domain_by_the_tree() -> None:
    zone = Zone()
    assert walk_tree("mail.example.com", zone.ask).organisation == "mail.example.com"
    zone.publish("_dmarc.example.com", "TXT", "v=DMARC1; p=reject; sp=none", "unrelated")
    tree = walk_tree("mail.example.com", zone.ask)
    assert (tree.organisation, tree.policy_at) == ("example.com", "example.com")
    zone.publish("_dmarc.mail.example.com", "TXT", "v=DMARC1; p=none")
    tree = walk_tree("mail.example.com", zone.ask)
    assert (tree.organisation, tree.policy_at) == ("example.com", "mail.example.com")
    zone.publish("_dmarc.mail.example.com", "TXT", "v=DMARC1; p=none; psd=n")
    assert walk_tree("mail.example.com", zone.ask).organisation == "mail.example.com"
    zone.publish("_dmarc.mail.example.com", "TXT", "v=DMARC1; p=none", "v=DMARC1; p=reject")
    tree = walk_tree("mail.example.com", zone.ask)
    assert (tree.several_at, tree.policy_at) == (("mail.example.com",), "example.com")


def test_below_a_public_suffix() -> None:
    zone = Zone()
    zone.publish("_dmarc.bank", "TXT", "v=DMARC1; p=reject; psd=y")
    tree = walk_tree("news.nest.bank", zone.ask)
    assert (tree.organisation, tree.policy_at) == ("nest.bank", "bank")
    assert tree.record is not None
    assert tree.record.policy_for(at_own_name=False) == "reject"
