"""How much a sending identity that is new may send to one mailbox provider on a day. Pure arithmetic.

Providers judge a new address or domain by its first days: volume must grow steadily, and stop growing when they or
their users object. A factor of 1.4 a day doubles in two days, which the large providers' own advice allows.
"""

from dataclasses import dataclass
from math import ceil

SPREAD_HOURS = 8
"""A day's allowance is laid out over at least so many hours."""
IDLE_DAYS = 30
"""After so many days without mail an identity is unknown again."""
FEWEST = 50
"""Below so many messages a share says nothing: one complaint in ten is no rate."""
MOST_COMPLAINED, MOST_DEFERRED, MOST_BOUNCED = 0.001, 0.05, 0.02


@dataclass(frozen=True, slots=True)
class Plan:
    """The curve of one warm-up: the first day's messages to a provider, the daily factor, and where it ends."""

    first: int
    growth: float
    full: int


@dataclass(frozen=True, slots=True)
class Day:
    """What one day came to at one provider."""

    cap: int
    sent: int = 0
    deferred: int = 0
    bounced: int = 0
    complained: int = 0


def hold_reason(day: Day) -> str:
    """Why the allowance must not grow after this day; empty when it may."""
    if day.sent < FEWEST:
        return ""
    if day.complained / day.sent > MOST_COMPLAINED:
        return f"{day.complained / day.sent:.2%} complained (more than {MOST_COMPLAINED:.1%})"
    if day.deferred / day.sent > MOST_DEFERRED:
        return f"{day.deferred / day.sent:.0%} were deferred (more than {MOST_DEFERRED:.0%})"
    if day.bounced / day.sent > MOST_BOUNCED:
        return f"{day.bounced / day.sent:.1%} bounced for good (more than {MOST_BOUNCED:.0%})"
    return ""


def next_cap(plan: Plan, last: Day | None, days_since: int = 1) -> int:
    """The allowance after `last`, the latest day with mail, which was `days_since` days ago.

    It grows from what was really sent, so an allowance that nobody used earns nothing; after a bad day it is held at
    what was sent, which is less than allowed when the day was halted; and it never falls below the first day's.
    """
    if last is None or days_since > IDLE_DAYS:
        return plan.first
    if hold_reason(last):
        return max(plan.first, min(last.sent, last.cap, plan.full))
    grown = ceil(min(last.sent, last.cap) * plan.growth)
    # An unused day keeps what was earned before it.
    return min(max(plan.first, grown, min(last.cap, plan.full)), plan.full)


def is_warm(plan: Plan, cap: int) -> bool:
    """Whether the identity needs no allowance at this provider any more."""
    return cap >= plan.full


def allowed_by(cap: int, seconds: float) -> int:
    """How much of a day's allowance may be gone so many seconds after its first message."""
    hours = max(seconds, 0.0) / 3600
    return min(cap, max(1, int(cap * min((hours + 1) / SPREAD_HOURS, 1.0))))


def seconds_until_next(cap: int, sent: int) -> float | None:
    """How long after the day's first message one more than `sent` may go; None: no more that day."""
    if sent >= cap:
        return None
    return max(0.0, ((sent + 1) * SPREAD_HOURS / cap - 1) * 3600)


def days_to_full(plan: Plan) -> int:
    """Days until the identity is warm when every allowance is used up and nothing goes badly."""
    cap, days = plan.first, 0
    while not is_warm(plan, cap) and days < 365:
        cap, days = next_cap(plan, Day(cap, cap)), days + 1
    return days
