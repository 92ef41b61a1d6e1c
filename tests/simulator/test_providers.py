"""Who runs which domain, and how a list spreads over them."""

from collections import Counter
from random import Random

import pytest

from app.core.errors import SettingsError
from app.simulator.providers import FIRM_KINDS, MARKETS, draw_domain, mean_placement, provider_of, recipient_domains
from app.simulator.words import WORDS, say

RESERVED = (".example.com", ".example.net", ".test")


@pytest.mark.parametrize("market", MARKETS)
def test_a_market_spreads_over_reserved_domains_by_its_shares(market: str) -> None:
    domains = recipient_domains(market)
    assert sum(domains.values()) == pytest.approx(1)
    assert all(domain.endswith(RESERVED) for domain in domains)
    assert 0.75 < mean_placement(market) < 0.9


def test_drawn_domains_come_as_often_as_the_market_has_them() -> None:
    rng = Random(6)
    found = Counter(provider_of(draw_domain(rng, "us")).name for _ in range(40_000))
    assert found["gmail"] / 40_000 == pytest.approx(0.501, abs=0.01)
    assert found["yahoo"] / 40_000 == pytest.approx(0.226, abs=0.01)
    corporate = sum(found[kind.name] for kind in FIRM_KINDS)
    assert corporate / 40_000 == pytest.approx(0.102, abs=0.006)


def test_the_small_hosts_follow_zipf() -> None:
    domains = recipient_domains("us")
    assert domains["firm1.example.net"] / domains["firm1000.test"] == pytest.approx(1000**1.1)
    assert sum(name.startswith("firm") for name in domains) == 20_000


def test_domains_belong_to_their_provider_and_strangers_are_companies() -> None:
    assert provider_of("gmail.example.com").name == "gmail"
    assert provider_of("Mail.Yahoo.Example.Com").name == "yahoo"
    assert provider_of("aol.example.com").name == "yahoo"
    assert provider_of("notgmail.example.com").name != "gmail"
    kinds = Counter(provider_of(f"company{number}.test") for number in range(4000))
    assert all(kind.corporate for kind in kinds)
    for kind, expected in FIRM_KINDS.items():
        assert kinds[kind] / 4000 == pytest.approx(expected, abs=0.03)


def test_an_unknown_market_is_named_with_the_choices() -> None:
    with pytest.raises(SettingsError, match="choose one of us"):
        draw_domain(Random(1), "atlantis")


@pytest.mark.parametrize("provider", [*WORDS, "tonline"])
def test_every_provider_answers_with_the_right_class_of_code(provider: str) -> None:
    first = {"accept": "2", "unknown": "5", "full": "4", "trouble": "4", "greylist": "4", "limit": "4", "spam": "5"}
    for what, digit in first.items():
        saying = say(provider, what, address="ada@x.test", queue_id="17")
        assert saying.wire.endswith(b"\r\n")
        lines = saying.wire.decode().splitlines()
        assert all(line[3] == "-" for line in lines[:-1])
        assert lines[-1][3] == " "
        for line in lines:
            assert line.startswith((f"{saying.code}-{saying.status} ", f"{saying.code} {saying.status} "))
            assert len(line) < 510
        assert saying.status[0] == str(saying.code)[0] == digit
