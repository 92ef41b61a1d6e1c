"""Every minute: campaigns under way that people complain about are paused, and those near the line are pointed out.

Judged for each mailbox provider apart, since a provider acts on what its own people say, and for all together, since
many small ones may say what none of them says alone (guard/groups.py); over seven days of delivered mail (a campaign
has one sending domain). Mail whose provider is not known counts by its domain. The campaign's row is changed by
compare-and-set in SQL, since campaigns stand above this room: only from `sending`, in the words and columns that a
person's pause writes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import select, text

from app.core import clock
from app.core.database import db, in_workspace
from app.core.logging import log
from app.deliverability.guard.groups import Judged, Tally, describe, judge_groups, together
from app.deliverability.guard.rule import Lines
from app.messages.dead_addresses import provider_sql
from app.tracking.models import Incident

SPAN = timedelta(days=7)
KIND = "complaints"
PAUSED, WARNED = "paused", "warned"
"""What the guard did about complaints beyond the line: `WARNED` where it may not pause for them."""


@dataclass(frozen=True, slots=True)
class Complained:
    """A campaign that somebody complained about."""

    workspace_id: int
    campaign_id: int
    state: str
    domain: str
    lines: Lines
    tallies: tuple[Tally, ...]


def guard_complaints() -> int:
    """Look at every campaign under way; flushes. Returns how many were paused now."""
    paused = 0
    for campaign in _complained():
        with in_workspace(campaign.workspace_id):
            paused += _look(campaign)
    _close_ended()
    return paused


# Only campaigns that somebody complained about cost more than an index: few of them, and their mail is then counted
# as it stands at this moment. What the hourly counts say is minutes old, which at a thousand a second is too late.
TALLIES = f"""
SELECT c.workspace_id, c.id AS campaign_id, c.state, lower(split_part(c.from_email, '@', 2)) AS domain,
       {provider_sql("m")} AS provider, count(DISTINCT e.message_id) AS complaints,
       count(DISTINCT e.message_id) FILTER (WHERE e.data ->> 'by' LIKE 'webhook:%') AS proven, max(e.at) AS latest,
       w.complaint_warn, w.complaint_pause
FROM campaigns c
JOIN workspaces w ON w.id = c.workspace_id
JOIN events e ON e.campaign_id = c.id AND e.kind = 'complained' AND e.at >= :since
JOIN messages m ON m.id = e.message_id AND m.sent_at >= :since
WHERE c.state = 'sending' OR (c.state = 'paused' AND EXISTS (
    SELECT FROM incidents i WHERE i.campaign_id = c.id AND i.kind = 'complaints' AND i.ended_at IS NULL))
GROUP BY c.id, 5, w.id
ORDER BY c.id, 5
"""  # noqa: S608 - only constants of the house are put together

DELIVERED = f"""
SELECT {provider_sql("m")} AS provider, count(*) AS delivered FROM messages m
WHERE m.campaign_id = :campaign AND m.workspace_id = :workspace AND m.state = 'sent' AND m.sent_at >= :since
GROUP BY 1
"""  # noqa: S608

PAUSE = """
UPDATE campaigns SET state = 'paused', waiting_for = :words, waiting_since = :now
WHERE id = :campaign AND workspace_id = :workspace AND state = 'sending'
RETURNING id
"""

CLOSE = """
UPDATE incidents i SET ended_at = :now, seen_at = :now FROM campaigns c
WHERE c.id = i.campaign_id AND i.kind = 'complaints' AND i.ended_at IS NULL AND c.state IN ('finished', 'cancelled')
"""


def _complained() -> list[Complained]:
    rows = db.session.execute(text(TALLIES), {"since": clock.now() - SPAN}).all()
    found = []
    for campaign_id, group in groupby(rows, key=lambda row: row.campaign_id):
        listed = list(group)
        first = listed[0]
        tallies = tuple(Tally(row.provider, row.complaints, row.proven, row.latest) for row in listed)
        lines = Lines(first.complaint_warn, first.complaint_pause)
        found.append(Complained(first.workspace_id, campaign_id, first.state, first.domain, lines, tallies))
    return found


def _look(campaign: Complained) -> bool:
    """Judge one campaign and act; whether it was paused now."""
    last = _last_incidents(campaign)
    if campaign.state == "sending":
        _heed_resumption(last)
    decided_at = max((one.ended_at for one in last.values() if one.ended_at and one.action == PAUSED), default=None)
    stands_still = campaign.state == "paused"
    asked = [one for one in (*campaign.tallies, together(campaign.tallies)) if one]
    if not any(_is_news(one, last.get(one.provider), decided_at, stands_still=stands_still) for one in asked):
        return False
    for one in judge_groups(campaign.tallies, _delivered(campaign), campaign.lines, known=last.keys()):
        incident = last.get(one.tally.provider)
        if _is_news(one.tally, incident, decided_at, stands_still=stands_still):
            is_open = incident is not None and incident.ended_at is None
            stands_still = _act(campaign, one, incident if is_open else None, stands_still=stands_still)
    return stands_still and campaign.state == "sending"


def _last_incidents(campaign: Complained) -> dict[str, Incident]:
    query = select(Incident).where(Incident.kind == KIND, Incident.campaign_id == campaign.campaign_id)
    return {one.provider: one for one in db.session.scalars(query.order_by(Incident.id))}


def _heed_resumption(last: dict[str, Incident]) -> None:
    """It sends again, so a person has decided. What was known then does not pause it anew; new complaints do."""
    still_open = [one for one in last.values() if one.ended_at is None]
    if any(one.action == PAUSED for one in still_open):
        for incident in still_open:
            incident.ended_at, incident.decision = clock.now(), incident.decision or "discarded"


def _is_news(tally: Tally, last: Incident | None, decided_at: datetime | None, *, stands_still: bool) -> bool:
    if last is None:
        return decided_at is None or tally.latest > decided_at
    return tally.complaints > last.count or tally.latest > last.seen_at or (last.ended_at is None and not stands_still)


def _delivered(campaign: Complained) -> dict[str, int]:
    names = {
        "campaign": campaign.campaign_id,
        "workspace": campaign.workspace_id,
        "since": clock.now() - SPAN,
    }
    return {row.provider: row.delivered for row in db.session.execute(text(DELIVERED), names)}


def _act(campaign: Complained, judged: Judged, incident: Incident | None, *, stands_still: bool) -> bool:
    """Write down what a tally means, and pause if it must be; whether the campaign stands still then."""
    now, verdict = clock.now(), judged.verdict
    if verdict == "fine":
        if incident is not None and not stands_still:
            incident.ended_at = incident.seen_at = now
        return stands_still
    incident = incident or _begin(campaign, judged.tally, now)
    incident.count, incident.of, incident.seen_at = judged.tally.complaints, judged.delivered, now
    incident.words = describe(judged, campaign.domain, campaign.lines)
    if verdict == "pause" and not stands_still and _pause(campaign, incident.words, now):
        stands_still = True
        log("guard").warning("campaign paused", campaign_id=campaign.campaign_id, provider=judged.tally.provider)
    if verdict == "pause" and stands_still and incident.action != PAUSED:
        # Also when another provider's numbers had paused it: whoever resumes it has these before them. An owner may
        # have been told of a warning, but not of this.
        incident.action, incident.told_at = PAUSED, None
    elif judged.spared and not incident.action:
        incident.action = WARNED
    db.session.flush()
    return stands_still


def _begin(campaign: Complained, tally: Tally, now: datetime) -> Incident:
    incident = Incident(
        kind=KIND,
        provider=tally.provider,
        domain=campaign.domain,
        campaign_id=campaign.campaign_id,
        began_at=now,
        reason="complained",
    )
    db.session.add(incident)
    return incident


def _pause(campaign: Complained, numbers: str, now: datetime) -> bool:
    words = (
        f"Paused by the complaint guard: {numbers} Find out why before you resume it; "
        "these numbers will not pause it again, new complaints will."
    )
    names = {"words": words, "now": now, "campaign": campaign.campaign_id, "workspace": campaign.workspace_id}
    return db.session.execute(text(PAUSE), names).scalar() is not None


def _close_ended() -> None:
    db.session.execute(text(CLOSE), {"now": clock.now()})
