"""Many failures for one reason at one provider, all of a sudden: more likely a fault there, or with us, than deaths.

From then on nobody is suppressed for that reason there; what was written in the minutes before can be taken back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic

from app.core import clock
from app.core.database import current_workspace_id, db
from app.messages.dead_addresses import SCORED
from app.messages.models import Message
from app.tracking.incidents.counting import Failures, count_failures
from app.tracking.incidents.decisions import BELIEVED
from app.tracking.incidents.holding import take_in_written
from app.tracking.incidents.opening import BURST, find_open, open_beside, open_for, provider_of
from app.tracking.incidents.reach import concerned, count_undecided
from app.tracking.models import Incident

WINDOW = timedelta(minutes=10)
LEAST = 20
"""So many failures of a sort are needed …"""
SHARE = 0.05
"""… and more than this share of what was attempted …"""
FEWEST = 10
"""… or so many, where the share is such …"""
LARGE_SHARE = 0.2
"""… as no list loses at one provider from one day to the next."""

LATE = WINDOW / 2
"""A failure that happened longer ago than this is told late: workers stood still, or a provider was slow to tell."""

_rest: dict[tuple[int, str, str], float] = {}
"""When this process may count again, by workspace, provider and reason: counting costs more than what it counts."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time to look at: of late, or of failures that are only told now."""

    since: datetime
    until: datetime
    is_late: bool


def look_for_burst(message: Message, reason: str, at: datetime) -> None:
    """After a failure: open an incident if it is one of many. What slips through is found by the next look.

    No other look finds what is told late, so that is never let through.
    """
    key = (message.workspace_id, provider_of(message), reason)
    began = monotonic()
    (span,) = spans_of([at])
    if not span.is_late and _rest.get(key, 0.0) > began:
        return
    find_bursts(key[1], frozenset({reason}), span)
    if len(_rest) > 10_000:
        _rest.clear()
    done = monotonic()
    _rest[key] = done + 5 * (done - began)


def find_bursts(
    provider: str | None = None, reasons: frozenset[str] = SCORED, span: Span | None = None
) -> list[Incident]:
    """The bursts of the last ten minutes, or of that span, in the workspace in scope; opens those that are new."""
    span = span or _lately(clock.now())
    found = count_failures(reasons, span.since, span.until, provider=provider, least=FEWEST)
    return [_incident(failures, span) for failures in found if is_burst(failures.count, failures.share)]


def spans_of(moments: Sequence[datetime]) -> list[Span]:
    """The times to look at for failures of those moments. Late ones with no long gap between them are one: told at
    once, they are judged at once.
    """
    now = clock.now()
    spans = [_lately(now)] if any(at >= now - LATE for at in moments) else []
    late = sorted(at for at in moments if at < now - LATE)
    for place, at in enumerate(late):
        since = spans.pop().since if place and at - late[place - 1] <= WINDOW else at - WINDOW
        spans.append(Span(since, min(at + WINDOW, now), is_late=True))
    return spans


def is_burst(count: int, share: float) -> bool:
    """Whether so many failures for one reason at one provider within the window are too many to be believed at once."""
    return (count >= LEAST and share > SHARE) or (count >= FEWEST and share > LARGE_SHARE)


def _lately(now: datetime) -> Span:
    return Span(now - WINDOW, now, is_late=False)


def _incident(failures: Failures, span: Span) -> Incident:
    incident = find_open(current_workspace_id(), BURST, failures.provider, failures.reason)
    if incident is None:
        incident = open_for(BURST, failures, "held", told_late=span.is_late)
    elif incident.decision == BELIEVED and (fresh := _fresh(incident, failures, span)):
        incident = open_beside(incident, fresh, "held", told_late=span.is_late)
    db.session.flush()
    take_in_written(incident, concerned(incident))
    return incident


def _fresh(believed: Incident, failures: Failures, span: Span) -> Failures | None:
    """What has to be asked about anew: a burst before or after the time of what was believed, or as many again in it.

    What comes beside these within its time is that one's own.
    """
    for since, until in _outside(believed, span):
        number = count_undecided(believed, since, until) if since < until else 0
        found = _counted(failures, since, until) if number >= FEWEST else None
        if found and is_burst(number, number / max(found.of, number)):
            return replace(found, count=number)
    since_then = len(concerned(believed)) - believed.count
    if believed.decided_at is None or since_then < max(believed.count, FEWEST):
        return None
    # Where they are told late they lie in the same time: there only what is held tells them apart.
    found = _counted(failures, max(span.since, believed.decided_at), span.until) or failures
    return replace(found, count=since_then)


def _outside(believed: Incident, span: Span) -> list[tuple[datetime, datetime]]:
    moment = timedelta(microseconds=1)
    before = span.since, min(span.until, believed.began_at - moment)
    if believed.last_at is None:
        return [before]
    return [before, (max(span.since, believed.last_at + moment), span.until)]


def _counted(failures: Failures, since: datetime, until: datetime) -> Failures | None:
    found = count_failures(frozenset({failures.reason}), since, until, provider=failures.provider, least=FEWEST)
    return next((one for one in found if is_burst(one.count, one.share)), None)
