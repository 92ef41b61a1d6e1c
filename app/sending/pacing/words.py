"""What a campaign's page says when only slowed providers are left."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from app.core import clock
from app.sending.pacing.limits import Limit
from app.sending.verdicts import gist
from app.sending.warmup.allowance import GoesOn

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


def describe(
    waiting: Mapping[str, int],
    limits: Mapping[str, Limit],
    now: float,
    zone: ZoneInfo,
    later: Mapping[str, GoesOn] = MappingProxyType({}),
) -> str:
    """Such as “Gmail, Google Workspace: 120 a minute since 14:02 CET; 3,400 wait”, for those with most waiting.

    Times are in the workspace's `zone`; `later`: when a warm-up lets more go. What several of them said alike stands
    before, once.
    """
    first = sorted(waiting, key=lambda provider: -waiting[provider])
    common = _common_cause([limits[provider] for provider in first])
    parts = [f"{common[1]} of {len(first)} providers said: {_sentence(common[0])}"] if common else []
    said = gist(common[0]) if common else ""
    parts += [
        _of(limits[provider], waiting[provider], now, zone, said, later.get(provider)) for provider in first[:MOST]
    ]
    if len(first) > MOST:
        parts.append(f"{len(first) - MOST} more providers, {sum(waiting[one] for one in first[MOST:]):,} wait")
    return " ".join(part if part.endswith("…") else f"{part}." for part in parts)


def label_of(provider: str) -> str:
    """A provider's name for people; an unlisted one is the site of its mail servers."""
    return LABELS.get(provider, provider)


def moment_words(at: datetime, zone: ZoneInfo) -> str:
    """A time of day, with the day when it is another than today."""
    then = at.astimezone(zone)
    is_today = then.date() == clock.now().astimezone(zone).date()
    return f"{then:%H:%M %Z}" if is_today else f"{then:%H:%M %Z} on {then.day} {then:%B}"


def _common_cause(limits: Sequence[Limit]) -> tuple[str, int] | None:
    """What most of several providers said in the same words, and how many they are."""
    said = Counter(gist(limit.why) for limit in limits if limit.why and not _is_capped(limit))
    [(cause, count)] = said.most_common(1) or [("", 0)]
    if count < 2:
        return None
    return next(limit.why for limit in limits if gist(limit.why) == cause), count


def _is_capped(limit: Limit) -> bool:
    return limit.cap is not None and limit.cap <= 0


def _of(limit: Limit, count: int, now: float, zone: ZoneInfo, told: str, later: GoesOn | None) -> str:
    held = limit.held_until - now
    since = moment_words(datetime.fromtimestamp(limit.since, UTC), zone)
    if _is_capped(limit):
        pace = _warming(later, zone)
    elif held > 0:
        pace = f"rests until {moment_words(clock.now() + timedelta(seconds=held), zone)}"
    elif limit.rate is not None:
        pace = f"{_rate(limit.rate)} since {since}"
    else:
        pace = f"{limit.slots} at a time since {since}"
    said = f"; it said: {_sentence(limit.why)}" if limit.why and gist(limit.why) != told else ""
    return f"{label_of(limit.provider)}: {pace}; {count:,} wait{said}"


def _warming(later: GoesOn | None, zone: ZoneInfo) -> str:
    if later is None or later.at <= clock.now():
        return "the warm-up's allowance is used for now, and grows over the day"
    at = moment_words(later.at, zone)
    if later.is_halted:
        return f"the warm-up was halted for today, and goes on at {at}"
    return f"the warm-up's allowance is used for now, and more goes at {at}"


def _sentence(words: str) -> str:
    """What was said, to be followed by more."""
    return _shortened(words).rstrip(".")


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
