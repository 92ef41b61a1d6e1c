"""Many failures for one reason at one provider, all of a sudden: more likely a fault there, or with us, than deaths.

From then on nobody is suppressed for that reason there; what was written in the minutes before can be taken back.
"""

from datetime import timedelta
from time import monotonic

from app.core import clock
from app.core.database import current_workspace_id, db
from app.messages.dead_addresses import SCORED
from app.messages.models import Message
from app.tracking.incidents.counting import Failures, count_failures
from app.tracking.incidents.holding import take_in_written
from app.tracking.incidents.opening import BURST, find_open, open_for, provider_of
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

_rest: dict[tuple[int, str, str], float] = {}
"""When this process may count again, by workspace, provider and reason: counting costs more than what it counts."""


def look_for_burst(message: Message, reason: str) -> None:
    """After a failure: open an incident if it is one of many. What slips through is found by the next look."""
    key = (message.workspace_id, provider_of(message), reason)
    began = monotonic()
    if _rest.get(key, 0.0) > began:
        return
    find_bursts(key[1], frozenset({reason}))
    if len(_rest) > 10_000:
        _rest.clear()
    done = monotonic()
    _rest[key] = done + 5 * (done - began)


def find_bursts(provider: str | None = None, reasons: frozenset[str] = SCORED) -> list[Incident]:
    """The bursts of the last ten minutes in the workspace in scope; opens those that are new."""
    since = clock.now() - WINDOW
    found = count_failures(reasons, since, provider=provider, least=FEWEST)
    return [_incident(failures) for failures in found if is_burst(failures.count, failures.share)]


def is_burst(count: int, share: float) -> bool:
    """Whether so many failures for one reason at one provider within the window are too many to be believed at once."""
    return (count >= LEAST and share > SHARE) or (count >= FEWEST and share > LARGE_SHARE)


def _incident(failures: Failures) -> Incident:
    known = find_open(current_workspace_id(), BURST, failures.provider, failures.reason)
    incident = known or open_for(BURST, failures, "held")
    db.session.flush()
    take_in_written(incident)
    return incident
