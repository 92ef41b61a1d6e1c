"""A campaign's ledger by mailbox provider, and the pace each of them is sent to, for its live page."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from app.core.database import db
from app.messages.lifecycle import State
from app.messages.models import Message, Run
from app.sending.pacing.state import ProviderPace, end_rests, provider_paces, transport_key

MOST = 8
"""Providers with a line of their own; the smaller ones share the last line."""


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

    @property
    def people(self) -> int:
        return self.sent + self.waiting + self.deferred + self.failed + self.uncertain


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
    lines = [ProviderLine(name, **counts[name], pace=paces.get(name)) for name in own]
    lines.sort(key=lambda line: -line.people)
    if rest:
        lines.append(_together(rest, counts))
    if "" in counts:
        lines.append(_together([""], counts))
    return lines


def try_again_now(campaign_id: int, provider: str) -> bool:
    """End a provider's rest on the transports that the campaign in scope uses; whether it did rest."""
    return end_rests([transport_key(one) for one in _transports(campaign_id)], provider, campaign_id)


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
