"""Messages that came back in an incident whose failures were discarded: nobody believes those bounces any more.

Only the latest bounce of a message counts: what came back again after the incident is believed.
"""

from dataclasses import dataclass

from sqlalchemy import text

from app.campaigns.second_try import Pick, SecondTry, plan_anew
from app.core.database import current_workspace_id, db
from app.core.errors import NotFound
from app.messages.dead_addresses import provider_sql
from app.messages.lifecycle import State
from app.tracking.incidents.decisions import DISCARDED, UNDONE
from app.tracking.incidents.holding import DOUBTED
from app.tracking.incidents.opening import BURST
from app.tracking.models import Incident


@dataclass(frozen=True, slots=True)
class Discarded:
    """An incident that was discarded, and how many messages of the campaign are still bounced by it."""

    incident_id: int
    provider: str
    reason: str
    """As the provider gave it, before anybody doubted it."""
    count: int

    @property
    def picks(self) -> list[Pick]:
        """The rows of the ledger its messages stand in."""
        return [Pick(State.BOUNCED, DOUBTED), Pick(State.BOUNCED, self.reason)]


def discarded_of(campaign_id: int) -> list[Discarded]:
    """The discarded incidents with messages of a campaign that came back in them, the oldest first."""
    counts: dict[int, int] = dict(db.session.execute(_COUNTS, _binds(campaign_id, None)).all())
    incidents = (db.session.get_one(Incident, number) for number in counts)
    return [Discarded(one.id, one.provider, one.reason, counts[one.id]) for one in incidents]


def discarded_in(campaign_id: int, incident_id: int) -> tuple[Discarded, list[int]]:
    """One of them, with its messages. Raises NotFound where none is left, or the incident is believed."""
    ids = list(db.session.scalars(_IDS, _binds(campaign_id, incident_id)))
    if not ids:
        raise NotFound("Of this campaign nobody is left whose bounce was discarded with that incident.")
    incident = db.session.get_one(Incident, incident_id)
    return Discarded(incident.id, incident.provider, incident.reason, len(ids)), ids


def try_discarded(campaign_id: int, incident_id: int, *, by: str, asked: int | None = None) -> SecondTry:
    """Plan exactly its messages anew, as `second_try.try_again` does with whole rows. Raises NotFound, Conflict."""
    found, ids = discarded_in(campaign_id, incident_id)
    words = f"To be tried again, since the bounce was discarded: decided by {by}."
    return plan_anew(campaign_id, found.picks, words=words, ids=ids, asked=asked)


def _binds(campaign_id: int, incident_id: int | None) -> dict[str, object]:
    return {
        "campaign": campaign_id,
        "workspace": current_workspace_id(),
        "incident": incident_id,
        "kind": BURST,
        "decisions": [DISCARDED, UNDONE],
        "doubted": DOUBTED,
    }


# As `incidents.reach`: an incident ends with its last failure where it was told late. LEAST leaves out what is NULL.
# DISTINCT ON: a message belongs to the incident in which it came back last.
_DOUBTED_MESSAGES = f"""
WITH doubted AS (
    SELECT DISTINCT ON (m.id) m.id, i.id AS incident_id
    FROM incidents i
    JOIN messages m ON m.campaign_id = :campaign AND m.workspace_id = :workspace AND m.state = 'bounced'
        AND m.reason IN (:doubted, i.reason) AND {provider_sql("m")} = i.provider
    CROSS JOIN LATERAL (SELECT e.at, e.data ->> 'reason' AS reason FROM events e
                        WHERE e.message_id = m.id AND e.kind = 'bounced' ORDER BY e.at DESC LIMIT 1) last
    WHERE i.workspace_id = :workspace AND i.kind = :kind AND i.decision = ANY(:decisions)
          AND (CAST(:incident AS bigint) IS NULL OR i.id = :incident)
          AND last.reason = i.reason AND last.at >= i.began_at
          AND last.at <= least(i.ended_at, i.last_at, now())
    ORDER BY m.id, i.id DESC
)
"""  # noqa: S608 - only constants of the house are put together
_COUNTS = text(f"{_DOUBTED_MESSAGES} SELECT incident_id, count(*) FROM doubted GROUP BY 1 ORDER BY 1")  # noqa: S608
_IDS = text(f"{_DOUBTED_MESSAGES} SELECT id FROM doubted ORDER BY id")  # noqa: S608
