"""The mailbox providers of the world: who runs which domain, how big they are, and what sets them apart.

Only reserved domains stand for them: `gmail.example.com` behaves as Gmail does. Every other domain is a company or
another small host, and a hash of its name says which kind of server it keeps.
"""

from bisect import bisect
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from random import Random

from app.core.errors import SettingsError

FIRMS = 20_000
ZIPF = 1.1


@dataclass(frozen=True, slots=True)
class Provider:
    """One mailbox provider. The shares are of its people or messages, from 0 to 1."""

    name: str
    domains: tuple[str, ...]
    placement: float = 0.872
    """Share of bulk mail that reaches the inbox rather than the spam folder."""
    apple: float = 0.35
    """Share of people who read with Apple Mail and so behind its proxy."""
    feedback: float = 0.0
    """Share of complaints that are passed on to the sender."""
    feedback_format: str = "arf"
    corporate: bool = False
    greylist: float = 0.0


def _consumer(name: str, *more: str, **features: float | str) -> Provider:
    domains = tuple(f"{label}.example.com" for label in (name, *more))
    return Provider(name, domains, **features)  # type: ignore[arg-type]


GMAIL = _consumer("gmail", placement=0.898, apple=0.40)
YAHOO = _consumer("yahoo", "aol", placement=0.873, apple=0.40, feedback=0.9)
OUTLOOK = _consumer("outlook", "hotmail", placement=0.774, apple=0.30, feedback=0.9, feedback_format="jmrp")
ICLOUD = _consumer("icloud", placement=0.82, apple=0.85)
HOSTED = Provider("hosted", (), placement=0.83, apple=0.175, corporate=True)
APPLIANCE = Provider("appliance", (), placement=0.79, apple=0.175, corporate=True, greylist=0.03)
PLAIN = Provider("plain", (), apple=0.175, corporate=True, greylist=0.05)

PROVIDERS = {
    provider.name: provider
    for provider in (
        GMAIL,
        YAHOO,
        OUTLOOK,
        ICLOUD,
        _consumer("comcast", feedback=0.9),
        _consumer("att", feedback=0.9),
        _consumer("orange", feedback=0.9),
        _consumer("laposte", "free", "sfr", greylist=0.02),
        _consumer("gmx", "webde", greylist=0.01),
        _consumer("tonline"),
        _consumer("wp"),
        HOSTED,
        APPLIANCE,
        PLAIN,
    )
}
"""All by name. The last three are what "other and corporate" is made of."""

FIRM_KINDS = {HOSTED: 0.5, APPLIANCE: 0.2, PLAIN: 0.3}
"""How the small hosts are spread over the kinds of server (assumed)."""

OTHER = "other"
MARKETS: dict[str, dict[str, float]] = {
    "us": {
        "gmail": 0.501,
        "yahoo": 0.226,
        "outlook": 0.124,
        "comcast": 0.020,
        "icloud": 0.016,
        "att": 0.011,
        OTHER: 0.102,
    },
    "us-mixed": {"gmail": 0.39, "outlook": 0.35, "yahoo": 0.18, OTHER: 0.08},
    "fr": {
        "gmail": 0.269,
        "outlook": 0.259,
        "orange": 0.178,
        "laposte": 0.12,
        "yahoo": 0.08,
        "icloud": 0.02,
        OTHER: 0.074,
    },
    "de": {
        "gmx": 0.399,
        "gmail": 0.153,
        "tonline": 0.119,
        "outlook": 0.12,
        "yahoo": 0.05,
        "icloud": 0.02,
        OTHER: 0.139,
    },
    "pl": {"wp": 0.264, "gmail": 0.254, OTHER: 0.482},
    "id": {"gmail": 0.85, "yahoo": 0.10, "outlook": 0.03, OTHER: 0.02},
}
"""Shares of a list per market: Mapp for most, D. Lange for `us-mixed`, assumed for `id` and for the rests."""

_BY_DOMAIN = {domain: provider for provider in PROVIDERS.values() for domain in provider.domains}


@lru_cache(65536)
def provider_of(domain: str) -> Provider:
    """Who receives mail for a domain or its subdomains."""
    name = domain.lower().rstrip(".")
    while name:
        if name in _BY_DOMAIN:
            return _BY_DOMAIN[name]
        name = name.partition(".")[2]
    return _firm(domain.lower())


def _firm(domain: str) -> Provider:
    place = int.from_bytes(blake2b(domain.encode("utf-8", "surrogateescape"), digest_size=4).digest()) / 2**32
    kinds = list(FIRM_KINDS)
    return kinds[bisect(list(accumulate(FIRM_KINDS.values()))[:-1], place)]


def draw_domain(rng: Random, market: str = "us") -> str:
    """A recipient's domain, as often as the market has it."""
    domains, ladder = _ladder(market)
    return domains[min(bisect(ladder, rng.random() * ladder[-1]), len(domains) - 1)]


@lru_cache
def recipient_domains(market: str = "us") -> dict[str, float]:
    """Every domain of a market with its share of the list; the small hosts follow Zipf's law."""
    shares = market_shares(market)
    found: dict[str, float] = {}
    for name, share in shares.items():
        if name != OTHER:
            domains = PROVIDERS[name].domains
            found.update(dict.fromkeys(domains, share / len(domains)))
    weights = [rank**-ZIPF for rank in range(1, FIRMS + 1)]
    scale = shares[OTHER] / sum(weights)
    for rank, weight in enumerate(weights, start=1):
        found[f"firm{rank}.{'example.net' if rank % 2 else 'test'}"] = weight * scale
    return found


def market_shares(market: str) -> dict[str, float]:
    """Provider name → share of a list in this market. Raises SettingsError for an unknown market."""
    try:
        return MARKETS[market]
    except KeyError:
        raise SettingsError(f"There is no market {market!r}; choose one of {', '.join(MARKETS)}.") from None


@lru_cache
def mean_placement(market: str) -> float:
    """The share of a market's mail that reaches the inbox."""
    shares = market_shares(market)
    others = sum(kind.placement * share for kind, share in FIRM_KINDS.items())
    placed = sum(share * (others if name == OTHER else PROVIDERS[name].placement) for name, share in shares.items())
    return placed / sum(shares.values())


@lru_cache
def _ladder(market: str) -> tuple[list[str], list[float]]:
    shares = recipient_domains(market)
    return list(shares), list(accumulate(shares.values()))
