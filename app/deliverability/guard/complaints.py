"""Every minute: campaigns under way that people complain about are paused, and those near the line are pointed out.

Judged apart for each campaign and mailbox provider (a campaign has one sending domain), over seven days of delivered
mail: a provider acts on what its own people say. The campaign's row is changed by compare-and-set in SQL, since
campaigns stand above this room: only from `sending`, in the words and columns that a person's pause writes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text

from app.core import clock
from app.core.database import db, in_workspace
from app.core.logging import log
from app.deliverability.guard.rule import Lines, judge
from app.tracking.models import Incident

SPAN = timedelta(days=7)
KIND = "complaints"
PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Tally:
    """Complaints about one campaign at one provider."""

    workspace_id: int
    campaign_id: int
    state: str
    provider: str
    domain: str
    complaints: int
    latest: datetime
    """When the last of them was heard."""
    lines: Lines


def guard_complaints() -> int:
    """Look at every campaign under way; flushes. Returns how many were paused now."""
    halted: set[int] = set()
    for tally in _tallies():
        with in_workspace(tally.workspace_id):
            _look(tally, halted)
    _close_ended()
    return len(halted)


# Only campaigns that somebody complained about cost more than an index: few of them, and their mail is then counted
# as it stands at this moment. What the hourly counts say is minutes old, which at a thousand a second is too late.
TALLIES = """
SELECT c.workspace_id, c.id AS campaign_id, c.state, m.provider, lower(split_part(c.from_email, '@', 2)) AS domain,
       count(DISTINCT e.message_id) AS complaints, max(e.at) AS latest, w.complaint_warn, w.complaint_pause
FROM campaigns c
JOIN workspaces w ON w.id = c.workspace_id
JOIN events e ON e.campaign_id = c.id AND e.kind = 'complained' AND e.at >= :since
JOIN messages m ON m.id = e.message_id AND m.sent_at >= :since
WHERE c.state = 'sending' OR (c.state = 'paused' AND EXISTS (
    SELECT FROM incidents i WHERE i.campaign_id = c.id AND i.kind = 'complaints' AND i.ended_at IS NULL))
GROUP BY c.id, m.provider, w.id
ORDER BY c.id, m.provider
"""

DELIVERED = """
SELECT count(*) FROM messages
WHERE campaign_id = :campaign AND workspace_id = :workspace AND state = 'sent' AND provider = :provider
  AND sent_at >= :since
"""

PAUSE = """
UPDATE campaigns SET state = 'paused', waiting_for = :words, waiting_since = :now
WHERE id = :campaign AND workspace_id = :workspace AND state = 'sending'
RETURNING id
"""

CLOSE = """
UPDATE incidents i SET ended_at = :now, seen_at = :now FROM campaigns c
WHERE c.id = i.campaign_id AND i.kind = 'complaints' AND i.ended_at IS NULL AND c.state IN ('finished', 'cancelled')
"""


def _tallies() -> list[Tally]:
    rows = db.session.execute(text(TALLIES), {"since": clock.now() - SPAN})
    return [
        Tally(
            row.workspace_id,
            row.campaign_id,
            row.state,
            row.provider,
            row.domain,
            row.complaints,
            row.latest,
            Lines(row.complaint_warn, row.complaint_pause),
        )
        for row in rows
    ]


def _look(tally: Tally, halted: set[int]) -> None:
    """Judge one tally and act; a campaign paused now is added to `halted`."""
    last = db.session.scalar(
        select(Incident)
        .where(Incident.kind == KIND, Incident.campaign_id == tally.campaign_id, Incident.provider == tally.provider)
        .order_by(Incident.id.desc())
        .limit(1)
    )
    stands_still = tally.state == "paused" or tally.campaign_id in halted
    if last is not None and not _says_more(tally, last) and (last.ended_at is not None or stands_still):
        return
    if last is not None and last.ended_at is None and last.action == PAUSED and not stands_still:
        # It sends again, so a person has decided. What was known then does not pause it anew; new complaints do.
        last.ended_at, last.decision = clock.now(), last.decision or "discarded"
        if not _says_more(tally, last):
            return
    _act(tally, last if last is not None and last.ended_at is None else None, stands_still, halted)


def _says_more(tally: Tally, last: Incident) -> bool:
    return tally.complaints > last.count or tally.latest > last.seen_at


def _act(tally: Tally, incident: Incident | None, stands_still: bool, halted: set[int]) -> None:
    delivered, now = _delivered(tally), clock.now()
    verdict = judge(tally.complaints, delivered, tally.lines)
    if verdict == "fine":
        if incident is not None and not stands_still:
            incident.ended_at = incident.seen_at = now
        return
    incident = incident or _begin(tally, now)
    incident.count, incident.of, incident.seen_at = tally.complaints, delivered, now
    incident.words = describe(tally, delivered, tally.lines.pause if verdict == "pause" else tally.lines.warn)
    if verdict == "pause" and not stands_still and _pause(tally, incident.words, now):
        halted.add(tally.campaign_id)
        log("guard").warning("campaign paused", campaign_id=tally.campaign_id, provider=tally.provider)
    if verdict == "pause" and (stands_still or tally.campaign_id in halted):
        # Also when another provider's numbers had paused it: whoever resumes it has these before them.
        incident.action = PAUSED
    db.session.flush()


def _delivered(tally: Tally) -> int:
    names = {
        "campaign": tally.campaign_id,
        "workspace": tally.workspace_id,
        "provider": tally.provider,
        "since": clock.now() - SPAN,
    }
    return int(db.session.execute(text(DELIVERED), names).scalar_one())


def _pause(tally: Tally, numbers: str, now: datetime) -> bool:
    words = (
        f"Paused by the complaint guard: {numbers} Find out why before you resume it; "
        "these numbers will not pause it again, new complaints will."
    )
    names = {"words": words, "now": now, "campaign": tally.campaign_id, "workspace": tally.workspace_id}
    return db.session.execute(text(PAUSE), names).scalar() is not None


def _begin(tally: Tally, now: datetime) -> Incident:
    incident = Incident(
        kind=KIND,
        provider=tally.provider,
        domain=tally.domain,
        campaign_id=tally.campaign_id,
        began_at=now,
        reason="complained",
    )
    db.session.add(incident)
    return incident


def describe(tally: Tally, delivered: int, line: float) -> str:
    """The numbers in a sentence."""
    rate = tally.complaints / delivered if delivered else 0.0
    where = f" at {tally.provider}" if tally.provider else ""
    return (
        f"{tally.complaints:,} complaints of {delivered:,} messages delivered{where} in seven days "
        f"from {tally.domain}, {rate:.2%} (the line is {line:.2%})."
    )


def _close_ended() -> None:
    db.session.execute(text(CLOSE), {"now": clock.now()})
