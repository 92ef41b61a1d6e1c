"""A campaign's ledger by mailbox provider, and the pace each of them is sent to, for its live page."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text

from app.core.database import current_workspace_id, db
from app.mail.reasons import OF_SENDER, REASONS
from app.messages.dead_addresses import provider_sql
from app.messages.lifecycle import State
from app.messages.models import Message, Run
from app.sending.pacing.state import ProviderPace, end_rests, provider_paces, transport_key

MOST = 8
"""Providers with a line of their own; the smaller ones share the last line."""
OF_PROVIDER = sorted(word for word, reason in REASONS.items() if reason.scope in OF_SENDER | {"transient-infra"})
"""Deferrals that speak of the provider and of us, not of one mailbox: once that is mended, these need not wait."""


@dataclass(frozen=True, slots=True)
class ProviderLine:
    """People of one provider by where they stand. `provider` empty: not known, or the smaller `providers` together."""

    provider: str
    sent: int = 0
    waiting: int = 0
    deferred: int = 0
    failed: int = 0
    uncertain: int = 0
    providers: int = 1
    pace: ProviderPace | None = None
    next_at: datetime | None = None
    """When the first of those to try again is due."""
    later: int = 0
    """Of those, how many somebody may let go at once, and whose time is still to come."""

    @property
    def people(self) -> int:
        return self.sent + self.waiting + self.deferred + self.failed + self.uncertain


@dataclass(frozen=True, slots=True)
class TriedNow:
    """Whether the provider did rest, and how many deferred messages are due at once."""

    has_rested: bool
    due: int

    def __bool__(self) -> bool:
        return self.has_rested or self.due > 0


_COLUMNS = {
    State.SENT: "sent",
    State.PLANNED: "waiting",
    State.SENDING: "waiting",
    State.DEFERRED: "deferred",
    State.BOUNCED: "failed",
    State.FAILED: "failed",
    State.UNCERTAIN: "uncertain",
}


def by_provider(campaign_id: int) -> list[ProviderLine]:
    """The largest providers of the campaign in scope, slowed ones among them whatever their size.

    With those who were skipped, who have no line, they add up to the ledger: also who is of no known provider is there.
    """
    rows = db.session.execute(
        select(Message.provider, Message.state, func.count())
        .where(Message.campaign_id == campaign_id, Message.state != State.SKIPPED)
        .group_by(Message.provider, Message.state)
    ).all()
    counts: dict[str, Counter[str]] = {}
    for provider, state, count in rows:
        counts.setdefault(provider, Counter())[_COLUMNS[State(state)]] += count
    paces = _paces(campaign_id)
    order = sorted(counts.keys() - {""}, key=lambda name: (name not in paces, -counts[name].total(), name))
    own, rest = order[:MOST], order[MOST:]
    due = {row.provider: row for row in db.session.execute(_DUE, _binds(campaign_id))} if _has_deferred(counts) else {}
    lines = [_line(name, counts[name], paces.get(name), due.get(name)) for name in own]
    lines.sort(key=lambda line: -line.people)
    if rest:
        lines.append(_together(rest, counts))
    if "" in counts:
        lines.append(_together([""], counts))
    return lines


def try_again_now(campaign_id: int, provider: str) -> TriedNow:
    """End a provider's rest on the transports that the campaign in scope uses, and with it the wait of what it
    deferred: those would else go on hours later, by their own schedule. Flushes.
    """
    has_rested = end_rests([transport_key(one) for one in _transports(campaign_id)], provider, campaign_id)
    hastened = db.session.execute(_HASTEN, _binds(campaign_id) | {"provider": provider})
    return TriedNow(has_rested, int(hastened.rowcount))  # type: ignore[attr-defined]


_HASTEN = text(
    f"""
UPDATE messages m SET next_attempt_at = now()
WHERE m.campaign_id = :campaign AND m.workspace_id = :workspace AND m.state = 'deferred' AND m.reason = ANY(:reasons)
      AND m.next_attempt_at > now() AND {provider_sql("m")} = :provider
"""  # noqa: S608 - only constants of the house are put together
)
_DUE = text(
    """
SELECT m.provider, min(m.next_attempt_at) AS next_at,
       count(*) FILTER (WHERE m.next_attempt_at > now() AND m.reason = ANY(:reasons)) AS later
FROM messages m
WHERE m.campaign_id = :campaign AND m.workspace_id = :workspace AND m.state = 'deferred'
GROUP BY m.provider
"""
)


def _binds(campaign_id: int) -> dict[str, Any]:
    return {"campaign": campaign_id, "workspace": current_workspace_id(), "reasons": OF_PROVIDER}


def _has_deferred(counts: dict[str, Counter[str]]) -> bool:
    return any(each["deferred"] for each in counts.values())


def _line(provider: str, counts: Counter[str], pace: ProviderPace | None, due: Any) -> ProviderLine:
    line = ProviderLine(provider, **counts, pace=pace)  # type: ignore[arg-type]
    return line if due is None else replace(line, next_at=due.next_at, later=due.later)


def _together(names: Sequence[str], counts: dict[str, Counter[str]]) -> ProviderLine:
    total: Counter[str] = Counter()
    for name in names:
        total += counts[name]
    return ProviderLine("", **total, providers=len(names))  # type: ignore[arg-type]


def _paces(campaign_id: int) -> dict[str, ProviderPace]:
    """The slowed providers on the transports that this campaign used of late."""
    found: dict[str, ProviderPace] = {}
    for transport_id in _transports(campaign_id):
        for pace in provider_paces(transport_key(transport_id)):
            found.setdefault(pace.provider, pace)
    return found


def _transports(campaign_id: int) -> Sequence[int | None]:
    latest = select(Run.transport_id).where(Run.campaign_id == campaign_id).order_by(Run.id.desc()).limit(10).subquery()
    return db.session.scalars(select(latest.c.transport_id).distinct()).all()
