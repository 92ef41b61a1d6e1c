"""Beginning, pausing and ending warm-ups, and how they stand: for the workspace in scope."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from app.accounts.models import Workspace
from app.core.database import current_workspace_id, db
from app.core.errors import Conflict, Invalid, NotFound
from app.sending.domains.names import read_domain
from app.sending.models import Transport, WarmUp, WarmUpDay
from app.sending.warmup.allowance import Identity
from app.sending.warmup.curve import Plan, days_to_full, is_warm

MOST_DAYS = 5
"""Days shown per provider."""


@dataclass(frozen=True, slots=True)
class ProviderDays:
    """The latest days at one mailbox provider, the newest first."""

    provider: str
    days: tuple[WarmUpDay, ...]
    is_warm: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """A warm-up as its page shows it. `days_to_full`: days at full use until it is warm, from the beginning."""

    warm_up: WarmUp
    transport: str
    providers: tuple[ProviderDays, ...]
    days_to_full: int
    today: date

    @property
    def halted(self) -> tuple[str, ...]:
        """The providers to which nothing more goes today."""
        return tuple(
            one.provider for one in self.providers if any(day.note and day.day == self.today for day in one.days)
        )

    @property
    def is_warm(self) -> bool:
        """Whether it needs no allowance anywhere that it was sent to."""
        return bool(self.providers) and all(one.is_warm for one in self.providers)


def begin(transport_id: int, domain: str, *, first: int, full: int, growth: float = 1.4) -> WarmUp:
    """Begin a warm-up; flushes. Raises Invalid, NotFound, Conflict when the pair has one already."""
    if full <= first:
        raise Invalid("The full volume must be more than the first day's.", field="full")
    transport = db.session.scalar(select(Transport).where(Transport.id == transport_id))
    if transport is None:
        raise NotFound("There is no such transport in this workspace.")
    workspace = db.session.get_one(Workspace, current_workspace_id())
    warm_up = WarmUp(
        transport_id=transport.id,
        domain=read_domain(domain),
        started_on=Identity(0, workspace.id, "", Plan(first, growth, full), workspace.timezone).today,
        first_cap=first,
        full=full,
        growth=growth,
    )
    try:
        with db.session.begin_nested():
            db.session.add(warm_up)
    except IntegrityError:
        raise Conflict(
            f"Mail from {warm_up.domain} by {transport.name} warms up already. Nothing was changed."
        ) from None
    return warm_up


def switch(warm_up_id: int, *, paused: bool) -> WarmUp:
    """Lift the allowance for a while, or put it back. Raises NotFound."""
    warm_up = _find(warm_up_id)
    warm_up.is_paused = paused
    db.session.flush()
    return warm_up


def end(warm_up_id: int) -> None:
    """Forget a warm-up and what it has learnt. Raises NotFound."""
    db.session.execute(delete(WarmUp).where(WarmUp.id == _find(warm_up_id).id))


def standings() -> list[Standing]:
    """All warm-ups with their latest days."""
    workspace = db.session.get_one(Workspace, current_workspace_id())
    rows = db.session.execute(
        select(WarmUp, Transport.name).join(Transport, Transport.id == WarmUp.transport_id).order_by(WarmUp.id)
    ).all()
    return [_standing(warm_up, name, workspace.timezone) for warm_up, name in rows]


def _standing(warm_up: WarmUp, transport: str, timezone: str) -> Standing:
    plan = Plan(warm_up.first_cap, warm_up.growth, warm_up.full)
    latest: dict[str, list[WarmUpDay]] = {}
    query = select(WarmUpDay).where(WarmUpDay.warm_up_id == warm_up.id).order_by(WarmUpDay.day.desc()).limit(1000)
    for day in db.session.scalars(query):
        latest.setdefault(day.provider, []).append(day)
    providers = tuple(
        ProviderDays(provider, tuple(days[:MOST_DAYS]), is_warm(plan, days[0].cap))
        for provider, days in sorted(latest.items())
    )
    today = Identity(warm_up.id, warm_up.workspace_id, warm_up.domain, plan, timezone).today
    return Standing(warm_up, transport, providers, days_to_full(plan), today)


def _find(warm_up_id: int) -> WarmUp:
    warm_up = db.session.scalar(select(WarmUp).where(WarmUp.id == warm_up_id))
    if warm_up is None:
        raise NotFound("There is no such warm-up in this workspace.")
    return warm_up
