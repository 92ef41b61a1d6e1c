"""Whose servers take a domain's mail: the question to DNS, replaceable for tests and simulations."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver
from dns.rdtypes.ANY.MX import MX

from app.core.errors import SettingsError
from app.core.settings import Settings
from app.sending.pacing.rules import provider_of

PATIENCE = 3.0
"""Seconds for one domain, all servers and repeats included."""
AT_ONCE = 128
SHORTEST, LONGEST = 60.0, 3600.0
"""Seconds for which an answer is good, whatever its TTL says."""
FAULT_GOOD = 180.0
"""Seconds after which a domain is looked at again that DNS had no answer for."""
_RESERVED = ("test", "invalid", "example", "localhost", "example.com", "example.net", "example.org")


class Answer(NamedTuple):
    """The MX host of lowest preference (`.`: takes no mail), and for how many seconds that is good."""

    host: str
    ttl: float


class Fault(Exception):
    """DNS had no usable answer."""


class Resolver(Protocol):
    """Answers for domains."""

    async def mx(self, domain: str) -> Answer:
        """The domain's MX. Raises Fault."""


class Finding(NamedTuple):
    """What was found of a domain; `fault` says why `provider` is a guess."""

    domain: str
    provider: str
    mx: str
    fault: str
    good: float


class Dns:
    """The real one."""

    def __init__(self) -> None:
        try:
            self._resolver = dns.asyncresolver.Resolver()
        except dns.exception.DNSException as error:
            raise Fault("this machine names no DNS server") from error
        self._resolver.lifetime, self._resolver.timeout = PATIENCE, PATIENCE / 2

    async def mx(self, domain: str) -> Answer:
        try:
            answer = await self._resolver.resolve(dns.name.from_text(domain, idna_codec=dns.name.IDNA_2008), "MX")
        except dns.resolver.NoAnswer:
            # RFC 5321 §5.1: the domain itself is its mail server then.
            return Answer(domain, SHORTEST)
        except dns.resolver.NXDOMAIN:
            raise Fault("there is no such domain") from None
        except dns.exception.Timeout:
            raise Fault("DNS did not answer in time") from None
        except (dns.exception.DNSException, UnicodeError, OSError) as error:
            raise Fault(f"DNS failed: {type(error).__name__}") from None
        records = sorted((one for one in answer if isinstance(one, MX)), key=lambda one: one.preference)
        host = records[0].exchange.to_text(omit_final_dot=True).lower() or "."
        # The null MX stands alone (RFC 7505 §3); beside others it is a mistake.
        if host in (".", "@") and len(records) > 1:
            host = records[1].exchange.to_text(omit_final_dot=True).lower()
        return Answer("." if host == "@" else host, float(answer.rrset.ttl) if answer.rrset else SHORTEST)


class Table:
    """Answers from a table of domain → MX host; for reserved domains beyond it no question is asked."""

    def __init__(self, hosts: Mapping[str, str], beyond: Resolver | None = None) -> None:
        self._hosts, self._beyond = hosts, beyond

    async def mx(self, domain: str) -> Answer:
        if (host := self._hosts.get(domain)) is not None:
            return Answer(host, LONGEST)
        if is_reserved(domain):
            return Answer(domain, LONGEST)
        if self._beyond is None:
            raise Fault("the table does not know it")
        return await self._beyond.mx(domain)


def read_map(path: Path) -> dict[str, str]:
    """The table in a file: a domain and its MX host per line, `#` begins a comment. Raises SettingsError."""
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise SettingsError(f"MERPATI_MX_MAP names {path}, which cannot be read: {error.strerror}.") from error
    found = {}
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2:
            raise SettingsError(f"Line {number} of {path} is not a domain and its MX host: {line.strip()[:80]}")
        found[words[0].lower()] = words[1].lower() if words[1] == "." else words[1].lower().rstrip(".")
    return found


_replaced: Resolver | None = None


def use_resolver(resolver: Resolver | None) -> None:
    """Ask this one from now on; None: the usual one again."""
    global _replaced
    _replaced = resolver


def resolver_for(settings: Settings) -> Resolver:
    """The resolver that the settings call for. Raises SettingsError."""
    if _replaced is not None:
        return _replaced
    try:
        beyond: Resolver | None = Dns()
    except Fault:
        beyond = None
    return Table(read_map(settings.mx_map) if settings.mx_map else {}, beyond)


async def look_up(domains: Iterable[str], resolver: Resolver) -> list[Finding]:
    """What DNS says of many domains at once, each asked about once."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(domain: str) -> Finding:
        async with places:
            return await _look_up(domain, resolver)

    return list(await asyncio.gather(*(one(domain) for domain in domains)))


def is_reserved(domain: str) -> bool:
    """Whether nobody can have a mail server under this name (RFC 2606, 6761)."""
    return any(domain == name or domain.endswith(f".{name}") for name in _RESERVED)


async def _look_up(domain: str, resolver: Resolver) -> Finding:
    try:
        async with asyncio.timeout(PATIENCE + 1.0):
            host, ttl = await resolver.mx(domain)
    except Fault as fault:
        return Finding(domain, guess(domain), "", str(fault), FAULT_GOOD)
    except TimeoutError:
        return Finding(domain, guess(domain), "", "DNS did not answer in time", FAULT_GOOD)
    # A reserved name that nobody maps stands for itself: its neighbours under example.com have nothing to do with it.
    provider = domain if host == domain and is_reserved(domain) else provider_of(host)
    return Finding(domain, provider, host, "", min(max(ttl, SHORTEST), LONGEST))


def guess(domain: str) -> str:
    """The provider of a domain that DNS says nothing of: known for the great consumer services, else its own."""
    return _WELL_KNOWN.get(domain, domain)


_WELL_KNOWN = {
    domain: provider
    for provider, domains in {
        "google": "gmail.com googlemail.com",
        "yahoo": "yahoo.com ymail.com rocketmail.com aol.com yahoo.co.uk yahoo.fr yahoo.de yahoo.it yahoo.es yahoo.ca "
        "yahoo.co.in yahoo.co.id yahoo.com.br yahoo.com.mx yahoo.com.au",
        "outlook": "outlook.com hotmail.com live.com msn.com hotmail.co.uk hotmail.fr hotmail.de hotmail.it hotmail.es "
        "outlook.de outlook.fr live.co.uk live.fr live.nl",
        "icloud": "icloud.com me.com mac.com",
        "comcast": "comcast.net",
        "orange": "orange.fr wanadoo.fr",
        "united-internet": "gmx.net gmx.de gmx.at gmx.ch gmx.com web.de",
        "qq": "qq.com foxmail.com",
        "netease": "163.com 126.com yeah.net",
        "yahoo-japan": "yahoo.co.jp",
        "mail-ru": "mail.ru bk.ru inbox.ru list.ru",
        "yandex": "yandex.ru yandex.com ya.ru",
    }.items()
    for domain in domains.split()
}
