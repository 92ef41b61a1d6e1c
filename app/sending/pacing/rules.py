"""Who stands behind an MX host, and what that mailbox provider is known to want.

A provider is a group of mail servers with one mind: Gmail and Workspace share theirs, Microsoft's three services do
not. The figures are where pacing begins once a provider has complained; one that takes all we bring is not slowed by
them. They come from what providers and operators publish.
"""

from dataclasses import dataclass
from functools import lru_cache

NO_MAIL = "none"
"""The provider of domains that say they take no mail (RFC 7505)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for hosts under `suffixes` (with a leading dot: only names below it).

    `connections`: hand-overs at once, for all workers, once it is limited. `rate`: messages a second from the very
    first on; None: whatever it takes. `rests`: words in a refusal that ask for a rest of so many seconds.
    """

    group: str
    suffixes: tuple[str, ...]
    connections: int = 10
    per_connection: int = 100
    rate: float | None = None
    tls: bool = False
    rests: tuple[tuple[str, float], ...] = ()
    notes: str = ""


DEFAULT = Rule("", ())

RULES = (
    Rule("google", (".google.com", ".googlemail.com"), 5, 50, tls=True, notes="Gmail and Workspace share servers."),
    Rule("yahoo", (".yahoodns.net",), 10, 20, rests=(("[TS04]", 7200.0), ("[TSS04]", 7200.0)), notes="AOL as well."),
    Rule("outlook", (".olc.protection.outlook.com",), 5, 50, notes="The consumer service: Outlook.com, Hotmail, Live."),
    Rule("microsoft-365", (".mail.protection.outlook.com",), 5, 50, notes="Firms."),
    Rule("microsoft-dane", (".mx.microsoft",), 5, 50, notes="Firms with DANE; their servers are others."),
    Rule("icloud", (".icloud.com",), 10, 5),
    Rule("comcast", ("comcast.net",), 25, 1000, tls=True, rests=(("RL000010", 300.0),)),
    Rule("mimecast", (".mimecast.com", ".mimecast.co.za", ".mimecast-offshore.com"), 10, 100),
    Rule("orange", (".orange.fr",), 2, 100, tls=True),
    Rule("united-internet", (".gmx.net", ".web.de"), 4, 20, tls=True),
    Rule("barracuda", (".barracudanetworks.com",), 10, 15, tls=True),
    Rule("qq", (".qq.com",), 4, 8),
    Rule("netease", (".netease.com",), 4, 7),
    Rule("yahoo-japan", ("yahoo.co.jp",), 2, 20, rate=10.0),
    Rule("kpn", (".kpnmail.nl",), 10, 10),
    Rule("netvigator", (".netvigator.com",), 5, 10),
    Rule("proofpoint", (".pphosted.com", ".ppe-hosted.com")),
    Rule("messagelabs", (".messagelabs.com",)),
    Rule("cisco", (".iphmx.com",)),
    Rule("secureserver", (".secureserver.net",)),
    Rule("zoho", (".zoho.com",)),
    Rule("yandex", (".yandex.net",)),
    Rule("mail-ru", (".mail.ru",)),
    Rule("ovh", (".ovh.net",)),
    Rule("rackspace", (".emailsrvr.com",)),
)

_BY_SUFFIX = {suffix: rule for rule in RULES for suffix in rule.suffixes}
_BY_GROUP = {rule.group: rule for rule in RULES}
RATED = tuple(rule.group for rule in RULES if rule.rate is not None)
"""Providers with a rate from the first message on."""
_SECOND_LEVELS = frozenset({"ac", "co", "com", "edu", "gob", "gov", "gv", "ne", "net", "nom", "or", "org"})


def provider_of(mx: str) -> str:
    """The provider behind an MX host; an unlisted one is its own site. `.` is the null MX."""
    host = mx.lower()
    if host == ".":
        return NO_MAIL
    rule = match_rule(host)
    return rule.group if rule else site_of(host)


def rule_of(provider: str) -> Rule:
    """What holds for a provider."""
    return _BY_GROUP.get(provider, DEFAULT)


@lru_cache(maxsize=4096)
def match_rule(mx: str) -> Rule | None:
    """The rule with the longest suffix of this host."""
    host = mx.lower().rstrip(".")
    while host:
        rule = _BY_SUFFIX.get(host) or _BY_SUFFIX.get(f".{host.partition('.')[2]}")
        if rule is not None:
            return rule
        host = host.partition(".")[2]
    return None


@lru_cache(maxsize=1024)
def telling_host(provider: str) -> str:
    """A host name of the provider by which its replies are read, for a reply that came through a relay; or empty."""
    rule = _BY_GROUP.get(provider)
    return rule.suffixes[0].lstrip(".") if rule else ""


def site_of(host: str) -> str:
    """What looks like the registered part of a host name: two labels, three below the likes of co.uk."""
    labels = host.lower().rstrip(".").split(".")
    if labels[-1].isdigit():
        return ".".join(labels)
    most = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS else 2
    return ".".join(labels[-most:])
