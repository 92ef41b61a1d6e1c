"""By which transports a campaign will go out, said before it goes: the routing of `ways.py`, asked without sending."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select

from app.core import clock
from app.core.database import db
from app.core.errors import SettingsError
from app.core.extensions import keyring, settings
from app.messages.models import Run
from app.sending.domains.names import lineage
from app.sending.models import Transport, WarmUp
from app.sending.quotas import used_now
from app.sending.transports import account_of, installation_account, row_of
from app.sending.ways import ANY, CANDIDATES, Candidate, candidates_of, in_turn

Standing = Literal["carries", "stands-by", "set-aside", "at-limit", "unusable"]
"""Takes mail now; steps in when those before it fail; rests after failures; has carried what it may; cannot send."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """A transport as it stands for a campaign. `share` is of what goes out now, 0 to 1.

    `transport_id` None: the installation's own account.
    """

    transport_id: int | None
    name: str
    standing: Standing = "carries"
    share: float = 0.0
    words: str = ""
    """What it said when it last failed, or why it cannot send."""
    is_failing: bool = False
    """Its last try failed, but it is not set aside yet."""
    is_warming: bool = False
    """It carries no more than the allowance of the day; the rest goes by the others."""
    next_try: datetime | None = None


@dataclass(frozen=True, slots=True)
class Prospects:
    """The transports in the order in which they are used. `problem`: nothing goes until the settings are changed."""

    ways: tuple[Prospect, ...] = ()
    problem: str = ""
    is_chosen: bool = False
    """One was chosen for the campaign, so no other steps in."""

    @property
    def carriers(self) -> tuple[Prospect, ...]:
        return tuple(way for way in self.ways if way.standing == "carries")


def prospects(campaign_id: int, sender: str = "") -> Prospects:
    """How a campaign of the workspace in scope would go out if it went now. `sender`: the address in From."""
    connection = db.session.connection()
    rows = connection.exec_driver_sql(CANDIDATES, (campaign_id,)).all()
    stream = None if rows else connection.exec_driver_sql(ANY, (campaign_id,)).first()
    is_chosen = bool(rows) and rows[0][17] is not None
    try:
        candidates = candidates_of(rows, stream[0] if stream else "")
        if not candidates:
            return Prospects((Prospect(None, installation_account(settings()).name, share=1.0),))
    except SettingsError as error:
        return Prospects(problem=str(error), is_chosen=is_chosen)
    ways = _judged(candidates, sender)
    if all(way.standing == "unusable" for way in ways):
        return Prospects(ways, " ".join(way.words for way in ways), is_chosen)
    return Prospects(ways, is_chosen=is_chosen)


def why_unusable(transport: Transport | Candidate) -> str:
    """Why a transport cannot send before somebody changes it; empty when it can."""
    row = transport.row if isinstance(transport, Candidate) else row_of(transport)
    if not transport.is_enabled:
        return f"“{row.name}” is switched off. Switch it on under Settings, Sending, or choose another."
    try:
        account_of(settings(), keyring(), row)
    except SettingsError as error:
        return f"“{row.name}” cannot send: {error}"
    return ""


def went_by(campaign_id: int) -> list[str]:
    """The transports by which a campaign's runs went; of those that were taken away only the others are named."""
    runs = select(Run.transport_id).where(Run.campaign_id == campaign_id).distinct()
    numbers = set(db.session.scalars(runs))
    names = list(db.session.scalars(select(Transport.name).where(Transport.id.in_(numbers)).order_by(Transport.name)))
    return names + ([installation_account(settings()).name] if None in numbers else [])


def _judged(candidates: list[Candidate], sender: str) -> tuple[Prospect, ...]:
    faults = {each.row.id: why_unusable(each) for each in candidates}
    full = _at_their_limits(candidates)
    turn = in_turn([each for each in candidates if not faults[each.row.id]])
    free = [each for each in turn if each.row.id not in full]
    weights = sum(each.weight for each in free)
    warming = _warming(candidates, sender)
    found = []
    for each in candidates:
        number, fault = each.row.id, faults[each.row.id]
        shares = each in free
        found.append(
            Prospect(
                number,
                each.row.name,
                _standing(each, fault, shares=shares, is_full=each in turn and number in full),
                each.weight / weights if shares else 0.0,
                fault or (each.last_words if each.open_until or each.failures else ""),
                is_failing=shares and each.failures > 0,
                is_warming=shares and number in warming,
                next_try=max(each.open_until, clock.now()) if each.open_until else None,
            )
        )
    return tuple(found)


def _standing(each: Candidate, fault: str, *, shares: bool, is_full: bool) -> Standing:
    if fault:
        return "unusable"
    if each.open_until is not None:
        return "set-aside"
    if is_full:
        return "at-limit"
    return "carries" if shares else "stands-by"


def _at_their_limits(candidates: list[Candidate]) -> set[int]:
    """Those that have carried what an hour or a day allows; a second passes while a page is read."""
    used = used_now([each.row.id for each in candidates if each.row.limits])
    return {
        each.row.id
        for each in candidates
        for window in ("per_hour", "per_day")
        if (most := each.row.limits.get(window)) and used.get(each.row.id, {}).get(window, 0) >= most
    }


def _warming(candidates: list[Candidate], sender: str) -> set[int]:
    domain = sender.rpartition("@")[2]
    query = select(WarmUp.transport_id).where(
        WarmUp.transport_id.in_([each.row.id for each in candidates]),
        WarmUp.domain.in_(lineage(domain)),
        WarmUp.is_paused.is_(False),
    )
    return set(db.session.scalars(query)) if domain else set()
