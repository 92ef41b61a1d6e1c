"""Which transports rest for a provider that refuses us, and whose mail waits for that: for the pages of incidents.

Those stand in a room that knows no transports, so they ask by these names in their templates. Needs the workspace in
scope.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text

from app.core.database import current_workspace_id, db
from app.deliverability.watch.room import bp
from app.mail.reasons import OF_SENDER, REASONS
from app.messages.dead_addresses import provider_sql
from app.sending.models import Transport
from app.sending.pacing.state import provider_paces, transport_key
from app.tracking.models import Incident


@dataclass(frozen=True, slots=True)
class Lane:
    """A transport's mail to a provider, which rests. `name` empty: the installation's own way, the only one."""

    transport_id: int | None
    name: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A campaign whose mail to the provider can go by no transport but those that rest."""

    campaign_id: int
    name: str
    count: int


@bp.app_template_global("resting_lanes")
def resting_lanes(incident: Incident) -> list[Lane]:
    """The lanes that rest now for the provider of an incident that goes on; none for other kinds of incident."""
    scope = REASONS[incident.reason].scope if incident.reason in REASONS else None
    if incident.kind != "blocked" or incident.ended_at is not None or scope not in OF_SENDER:
        return []
    found = [_lane(number, name, incident.provider) for number, name in _transports() or [(None, "")]]
    return [lane for lane in found if lane is not None]


def all_resting() -> list[tuple[str, Lane]]:
    """Every lane of the workspace that rests now, with its provider."""
    return [
        (pace.provider, Lane(number, name, pace.held_until))
        for number, name in _transports() or [(None, "")]
        for pace in provider_paces(transport_key(number))
        if pace.held_until is not None
    ]


@bp.app_template_global("waiting_for_lanes")
def waiting_for(incident: Incident, lanes: Sequence[Lane]) -> list[Waiting]:
    """The campaigns under way whose mail to the provider waits for these lanes, the largest first."""
    if not lanes:
        return []
    binds = {
        "workspace": current_workspace_id(),
        "provider": incident.provider,
        "resting": [lane.transport_id for lane in lanes if lane.transport_id is not None],
        "own_rests": any(lane.transport_id is None for lane in lanes),
    }
    return [Waiting(*row) for row in db.session.execute(_WAITING, binds)]


@bp.app_template_global("held_transport")
def held_transport(incident: Incident) -> str:
    """The name of the transport by which mail was held in an incident; empty for the installation's own way."""
    query = select(Transport.name).where(Transport.id == incident.transport_id)
    return (db.session.scalar(query) or "") if incident.transport_id else ""


def _transports() -> list[tuple[int | None, str]]:
    return [(row.id, row.name) for row in db.session.execute(select(Transport.id, Transport.name).order_by("id"))]


def _lane(transport_id: int | None, name: str, provider: str) -> Lane | None:
    untils = [pace.held_until for pace in provider_paces(transport_key(transport_id)) if pace.provider == provider]
    return Lane(transport_id, name, untils[0]) if untils and untils[0] is not None else None


# As a run chooses its way (sending/ways.py): the campaign's own transport, or those of the lowest tier that is well.
# What has a time of its own that is still to come waits for that, not for the lane.
_WAITING = text(
    f"""
WITH way AS (
    SELECT c.id, c.name, bool_and(CASE WHEN t.id IS NULL THEN :own_rests
                                    ELSE t.id = ANY(CAST(:resting AS bigint[])) END) AS rests
    FROM campaigns c LEFT JOIN LATERAL (
        SELECT t.id, t.tier, min(t.tier) OVER () AS first FROM transports t
        WHERE t.workspace_id = c.workspace_id
              AND CASE WHEN c.transport_id IS NULL
                       THEN t.is_enabled AND t.stream IN ('', c.stream) AND coalesce(t.open_until < now(), true)
                       ELSE t.id = c.transport_id END
    ) t ON t.tier = t.first
    WHERE c.workspace_id = :workspace AND c.state = 'sending'
    GROUP BY c.id, c.name
)
SELECT way.id, way.name, count(*) AS number
FROM way JOIN messages m ON m.campaign_id = way.id
     AND (m.state = 'deferred'
          OR m.state = 'planned' AND (m.next_attempt_at IS NULL OR m.next_attempt_at <= now()))
WHERE way.rests AND m.workspace_id = :workspace AND {provider_sql("m")} = :provider
GROUP BY way.id, way.name ORDER BY number DESC, way.id LIMIT 10
"""  # noqa: S608 - only constants of the house are put together
)
