"""What a campaign's page says when only slowed providers are left."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from app.core import clock
from app.sending.pacing.limits import Limit

MOST = 3
"""Providers that are named."""
MOST_WORDS = 120
"""Characters of what a provider said."""
LABELS = {
    "google": "Gmail, Google Workspace", "yahoo": "Yahoo, AOL", "outlook": "Outlook.com, Hotmail",
    "microsoft-365": "Microsoft 365", "microsoft-dane": "Microsoft 365 (DANE)", "icloud": "iCloud",
    "comcast": "Comcast", "mimecast": "Mimecast", "orange": "Orange", "united-internet": "GMX, WEB.DE",
    "barracuda": "Barracuda", "qq": "QQ", "netease": "NetEase", "yahoo-japan": "Yahoo Japan", "kpn": "KPN",
    "netvigator": "Netvigator", "proofpoint": "Proofpoint", "messagelabs": "Symantec.cloud",
    "cisco": "Cisco Secure Email", "secureserver": "GoDaddy", "zoho": "Zoho", "yandex": "Yandex",
    "mail-ru": "Mail.ru", "ovh": "OVH", "rackspace": "Rackspace",
}  # fmt: skip
"""The providers as people know them, as in templates/macros/providers.html; names, so in every language the same."""


def describe(waiting: Mapping[str, int], limits: Mapping[str, Limit], now: float) -> str:
    """Such as “Gmail, Google Workspace: 120 a minute since 14:02 UTC; 3,400 wait”, for those with most waiting."""
    first = sorted(waiting, key=lambda provider: -waiting[provider])
    parts = [_of(limits[provider], waiting[provider], now) for provider in first[:MOST]]
    if len(first) > MOST:
        parts.append(f"{len(first) - MOST} more providers, {sum(waiting[one] for one in first[MOST:]):,} wait")
    return " ".join(part if part.endswith("…") else f"{part}." for part in parts)


def label_of(provider: str) -> str:
    """A provider's name for people; an unlisted one is the site of its mail servers."""
    return LABELS.get(provider, provider)


def _of(limit: Limit, count: int, now: float) -> str:
    held = limit.held_until - now
    if limit.cap is not None and limit.cap <= 0:
        pace = "the warm-up's allowance is used for now; it grows over the day, and more goes within the hour"
    elif held > 0:
        pace = f"rests until {clock.now() + timedelta(seconds=held):%H:%M} UTC"
    elif limit.rate is not None:
        pace = f"{_rate(limit.rate)} since {datetime.fromtimestamp(limit.since, UTC):%H:%M} UTC"
    else:
        pace = f"{limit.slots} at a time since {datetime.fromtimestamp(limit.since, UTC):%H:%M} UTC"
    said = f"; it said: {_shortened(limit.why).rstrip('.')}" if limit.why else ""
    return f"{label_of(limit.provider)}: {pace}; {count:,} wait{said}"


def _shortened(words: str) -> str:
    """The beginning of a long reply, up to the end of a word."""
    if len(words) <= MOST_WORDS:
        return words
    whole, _space, _part = words[: MOST_WORDS + 1].rpartition(" ")
    return f"{whole} …" if whole else f"{words[:MOST_WORDS]}…"


def _rate(rate: float) -> str:
    if rate >= 5:
        return f"{rate:,.0f} a second"
    return f"{rate * 60:,.0f} a minute" if rate * 60 >= 1.5 else f"{rate * 3600:,.0f} an hour"
