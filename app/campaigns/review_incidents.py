"""The review against open questions: people whose mail came back in an incident that nobody decided about."""

from sqlalchemy import select, text

from app.campaigns.audience import AudienceCount, judge
from app.campaigns.findings import Finding
from app.campaigns.layout import layout_of
from app.campaigns.models import Campaign
from app.core.database import db
from app.tracking.incidents.opening import BURST
from app.tracking.models import Incident

PAGE, LIST = "incidents.show", "incidents.index"


def incident_findings(campaign: Campaign, audience: AudienceCount) -> list[Finding]:
    """How many of the audience wait for a decision: until then nobody is suppressed for it, so they are written to."""
    if not audience.planned:
        return []
    undecided = select(Incident.id).where(Incident.kind == BURST, Incident.decision == "").order_by(Incident.id)
    incidents = db.session.scalars(undecided).all()
    if not incidents:
        return []
    # What is held was written a moment ago, and the planner takes it for a row or two: by a nested loop, the audience
    # would be counted once for each person.
    db.session.execute(text("SET LOCAL enable_nestloop = off"))
    waiting = judge(_WAITING, campaign, layout_of(campaign), undecided=list(incidents)).one()
    db.session.execute(text("SET LOCAL enable_nestloop = on"))
    if not waiting.people:
        return []
    told = (
        f"{waiting.people:,} of {audience.planned:,} people wait for a decision on an incident: their mail came back "
        "there, among many alike. Until an owner decides they are not suppressed, so this is sent to them, too."
    )
    if len(waiting.incidents) == 1:
        return [Finding("warning", "undecided", told, PAGE, "", {"incident_id": waiting.incidents[0]})]
    return [Finding("warning", "undecided", told, LIST)]


_WAITING = """
SELECT count(DISTINCT considered.subscriber_id) AS people, array_agg(DISTINCT h.incident_id) AS incidents
FROM considered JOIN subscribers s ON s.id = considered.subscriber_id
JOIN held_suppressions h ON h.address_hash = s.address_hash AND h.workspace_id = :workspace
                            AND h.incident_id = ANY(:undecided) AND h.suppression_id IS NULL
WHERE considered.reason = ''
"""
