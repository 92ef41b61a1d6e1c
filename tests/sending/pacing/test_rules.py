"""Which provider stands behind a host name."""

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app.sending.pacing.rules import NO_MAIL, RULES, match_rule, provider_of, rule_of, site_of
from app.sending.pacing.words import label_of

SUFFIXES = [(suffix, rule) for rule in RULES for suffix in rule.suffixes]
label = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?\Z")


@pytest.mark.parametrize(("suffix", "rule"), SUFFIXES)
def test_every_rule_matches_a_host(suffix: str, rule: object) -> None:
    host = f"mx1.in{suffix}" if suffix.startswith(".") else f"mx1.{suffix}"
    assert match_rule(host) is rule
    assert match_rule(host.upper() + ".") is rule


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("gmail-smtp-in.l.google.com", "google"),
        ("aspmx2.googlemail.com", "google"),
        ("mta5.am0.yahoodns.net", "yahoo"),
        ("outlook-com.olc.protection.outlook.com", "outlook"),
        ("firm-com.mail.protection.outlook.com", "microsoft-365"),
        ("firm-com.a-v1.mx.microsoft", "microsoft-dane"),
        ("mx1.comcast.net", "comcast"),
        ("comcast.net", "comcast"),
        ("notcomcast.net", "notcomcast.net"),
        ("google.com", "google.com"),
        ("mx.google.com.example.org", "example.org"),
        ("mail.firm.co.uk", "firm.co.uk"),
        ("mail.firm.de", "firm.de"),
        ("192.0.2.1", "192.0.2.1"),
        (".", NO_MAIL),
    ],
)
def test_hosts_have_their_provider(host: str, provider: str) -> None:
    assert provider_of(host) == provider


@given(st.lists(label, min_size=1, max_size=4), st.sampled_from(SUFFIXES))
def test_anything_below_a_suffix_is_that_group_or_a_longer_one(labels: list[str], found: tuple[str, object]) -> None:
    suffix, _rule = found
    host = ".".join(labels) + "." + suffix.lstrip(".")
    matched = match_rule(host)
    assert matched is not None
    longest = max((one for one, _ in SUFFIXES if f".{host}".endswith(f".{one.lstrip('.')}")), key=len)
    assert longest in matched.suffixes


@given(st.lists(label, min_size=1, max_size=5))
def test_a_site_is_the_end_of_its_host_and_its_own_site(labels: list[str]) -> None:
    host = ".".join(labels)
    site = site_of(host)
    assert host == site or host.endswith(f".{site}")
    assert site_of(site) == site


def test_a_provider_without_rule_has_the_default() -> None:
    assert rule_of("firm.de").connections == 10
    assert rule_of("firm.de").rate is None


def test_every_provider_has_the_name_that_the_pages_give_it(app: Flask) -> None:
    with app.test_request_context():
        provider_name = app.jinja_env.get_template("macros/providers.html").module.provider_name
        for rule in RULES:
            assert label_of(rule.group) == str(provider_name(rule.group)).strip() != rule.group
    assert label_of("firm.test") == "firm.test"
