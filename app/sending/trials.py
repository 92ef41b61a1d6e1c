"""By what a transport has been tried so far, so that nobody takes an untouched one for a good one."""

from collections.abc import Mapping, Sequence
from typing import Literal

from sqlalchemy import select

from app.core.database import db
from app.messages.models import Run
from app.sending.models import Transport

Tried = Literal["never", "mail", "run"]
"""By nothing; by single mails, such as a trial; by runs of campaigns."""
_MAY_BE_EMPTY = ("", "ending", "waiting", "switched", "lost")
"""Outcomes of runs under way, and of those that ended at a fault or a limit: they need not have sent anything."""


def tried_by(transports: Sequence[Transport], used: Mapping[int, Mapping[str, int]]) -> dict[int, Tried]:
    """What each of the workspace's transports has carried. `used`: as `quotas.used_now` counts it."""
    is_sure = Run.outcome.not_in(_MAY_BE_EMPTY)
    query = select(Run.transport_id, is_sure).where(Run.transport_id.in_([each.id for each in transports])).distinct()
    runs = {(number, sure) for number, sure in db.session.execute(query) if number is not None}
    return {each.id: _tried(each, runs, used.get(each.id, {}).get("per_day", 0)) for each in transports}


def _tried(transport: Transport, runs: set[tuple[int, bool]], carried: int) -> Tried:
    if (transport.id, True) in runs or (carried and (transport.id, False) in runs):
        return "run"
    # What a server says of a trial is kept with the transport, until somebody changes it.
    return "mail" if carried or transport.last_words else "never"
