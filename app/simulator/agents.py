"""Who knocks: the user agents and addresses by which people and machines reach the tracked site.

Addresses are from ranges reserved for documentation (RFC 5737, RFC 3849). They travel in X-Forwarded-For, and only
where the world is told that the site trusts it.
"""

from app.simulator.dice import Dice
from app.simulator.providers import Provider

Headers = dict[str, str]

APPLE = "Mozilla/5.0"
GOOGLE = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
OFFICE = "Mozilla/4.0 (compatible; ms-office; MSOffice 16)"
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
)
LANGUAGES = {
    "us": "en-US,en;q=0.9",
    "fr": "fr-FR,fr;q=0.9",
    "de": "de-DE,de;q=0.9",
    "pl": "pl-PL,pl;q=0.9",
    "id": "id-ID,id;q=0.9",
}
_IMAGE_PROXIES = {"gmail": (GOOGLE, 1), "yahoo": (YAHOO, 64), "att": (YAHOO, 64)}


class Callers:
    """The headers of each kind of visitor in one world."""

    def __init__(self, seed: int, market: str, *, forwarded: bool) -> None:
        self._seed, self._forwarded = seed, forwarded
        self._language = LANGUAGES.get(market, LANGUAGES["us"])

    def opening(self, address: str, provider: Provider) -> Headers:
        """A person's mail program that loads the images, directly or through the provider's proxy."""
        person = Dice(self._seed, "device", address)
        if provider.name in _IMAGE_PROXIES:
            agent, first = _IMAGE_PROXIES[provider.name]
            return self._from(f"192.0.2.{first + person.pick('proxy', 32)}", {"User-Agent": agent})
        if provider.name in ("outlook", "hosted") and person.chance("office", 0.3):
            return self._from(_home(person), {"User-Agent": OFFICE})
        return self._from(_home(person), {"User-Agent": _browser(person), "Accept-Language": self._language})

    def reading(self, address: str) -> Headers:
        """A person's browser, after a click in a mail."""
        person = Dice(self._seed, "device", address)
        headers = {
            "User-Agent": _browser(person),
            "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "Accept-Language": self._language,
            "Sec-Fetch-Dest": "document",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Site": "none",
            "Sec-Fetch-User": "?1",
            "Upgrade-Insecure-Requests": "1",
        }
        return self._from(_home(person), headers)

    def prefetching(self, address: str) -> Headers:
        """Apple Mail's privacy proxy."""
        person = Dice(self._seed, "device", address)
        return self._from(f"203.0.113.{1 + person.pick('egress', 250)}", {"User-Agent": APPLE})

    def scanning(self, domain: str) -> Headers:
        """The link scanner in front of a domain: an ordinary browser's name, from a data centre."""
        gateway = Dice(self._seed, "scanner", domain)
        headers = {"User-Agent": BROWSERS[gateway.pick("browser", 2) * 4], "Accept": "*/*"}
        return self._from(f"198.51.100.{1 + gateway.pick('address', 40)}", headers)

    def mailbox_button(self, provider: Provider) -> Headers:
        """A provider that posts one-click unsubscribes for its users."""
        return self._from("192.0.2.200", {"User-Agent": f"{provider.name}-one-click"})

    def _from(self, ip: str, headers: Headers) -> Headers:
        return {**headers, "X-Forwarded-For": ip} if self._forwarded else headers


def _browser(person: Dice) -> str:
    return BROWSERS[person.pick("browser", len(BROWSERS))]


def _home(person: Dice) -> str:
    place = person.number("home")
    return f"2001:db8:{place >> 48:x}:{place >> 32 & 0xFFFF:x}::{place & 0xFFFF or 1:x}"
