"""Messages that came back in an incident and can be tried again: exactly its own, not the whole row of the ledger.

A provider refused us, or very many failed alike and nobody believes it. Only the latest bounce of a message counts:
what came back again after the incident is believed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from app.campaigns.lifecycle import find_campaign
from app.campaigns.second_try import Pick, SecondTry, count_second_try, may_send, plan_anew
from app.core import clock
from app.core.database import current_workspace_id, db
from app.core.errors import NotFound
from app.messages.lifecycle import State
from app.tracking.incidents.decisions import BELIEVED, DISCARDED, UNDONE
from app.tracking.incidents.holding import DOUBTED
from app.tracking.incidents.opening import BLOCKED, BURST
from app.tracking.incidents.queries import Concerned
from app.tracking.incidents.reach import of_provider
from app.tracking.models import Incident


@dataclass(frozen=True, slots=True)
class CameBack:
    """An incident, and how many messages of the campaign are still bounced by it."""

    incident_id: int
    provider: str
    reason: str
    """As the provider gave it, before anybody doubted it."""
    count: int
    decision: str
    """Empty: the provider refused us, and there is nothing to decide."""

    @property
    def picks(self) -> list[Pick]:
        """The rows of the ledger its messages stand in."""
        doubted = [Pick(State.BOUNCED, DOUBTED)] if self.decision else []
        return [*doubted, Pick(State.BOUNCED, self.reason)]


@dataclass(frozen=True, slots=True)
class Offer:
    """A campaign with messages of an incident. `count`: those that its page will name, whoever is left out apart."""

    campaign_id: int
    name: str
    count: int


def discarded_of(campaign_id: int) -> list[CameBack]:
    """The incidents nobody believes with messages of a campaign that came back in them, the oldest first."""
    counts: dict[int, int] = dict(db.session.execute(_COUNTS, _binds(campaign_id, None)).all())
    return [_came_back(db.session.get_one(Incident, number), counts[number]) for number in counts]


def came_back_in(campaign_id: int, incident_id: int) -> tuple[CameBack, list[int]]:
    """One incident, with its messages. Raises NotFound where none is left, or they are believed."""
    ids = list(db.session.scalars(_IDS, _binds(campaign_id, incident_id)))
    if not ids:
        raise NotFound("Of this campaign nobody is left who came back in that incident and can be tried again.")
    return _came_back(db.session.get_one(Incident, incident_id), len(ids)), ids


def offers_of(incident: Incident, concerned: Sequence[Concerned]) -> list[Offer]:
    """What can be tried again of an incident in these campaigns, counted as the page on which it is confirmed does."""
    offers = []
    for one in concerned:
        ids = list(db.session.scalars(_IDS, _binds(one.campaign_id, incident.id)))
        found = count_second_try(one.campaign_id, _came_back(incident, len(ids)).picks, ids)
        if found.tried and may_send(find_campaign(one.campaign_id)):
            offers.append(Offer(one.campaign_id, one.name, found.tried))
    return offers


def try_came_back(campaign_id: int, incident_id: int, *, by: str, asked: int | None = None) -> SecondTry:
    """Plan exactly its messages anew, as `second_try.try_again` does with whole rows. Raises NotFound, Conflict."""
    found, ids = came_back_in(campaign_id, incident_id)
    why = "To be tried again, since the bounce was discarded" if found.decision else "To be tried again"
    return plan_anew(campaign_id, found.picks, words=f"{why}: decided by {by}.", ids=ids, asked=asked)


def _came_back(incident: Incident, count: int) -> CameBack:
    return CameBack(incident.id, incident.provider, incident.reason, count, incident.decision)


def _binds(campaign_id: int, incident_id: int | None) -> dict[str, object]:
    return {
        "campaign": campaign_id,
        "workspace": current_workspace_id(),
        "incident": incident_id,
        "burst": BURST,
        "blocked": BLOCKED,
        "decisions": [DISCARDED, UNDONE],
        "doubted": DOUBTED,
        "believed": BELIEVED,
        "now": clock.now(),
    }


# As `incidents.reach`: an incident ends with its last failure where it was told late. LEAST leaves out what is NULL.
# DISTINCT ON: a message belongs to the incident in which it came back last; beside one that was believed there may be
# another of the same sort, as there.
_OF_PROVIDER = of_provider("m").replace(":provider", "i.provider")
_MESSAGES = f"""
WITH came_back AS (
    SELECT DISTINCT ON (m.id) m.id, i.id AS incident_id
    FROM incidents i
    JOIN messages m ON m.campaign_id = :campaign AND m.workspace_id = :workspace AND m.state = 'bounced'
        AND (m.reason = i.reason OR m.reason = :doubted AND i.kind = :burst) AND {_OF_PROVIDER}
    CROSS JOIN LATERAL (SELECT e.at, e.data ->> 'reason' AS reason FROM events e
                        WHERE e.message_id = m.id AND e.kind = 'bounced' ORDER BY e.at DESC LIMIT 1) last
    WHERE i.workspace_id = :workspace
          AND (i.kind = :burst AND i.decision = ANY(:decisions) OR i.kind = :blocked AND i.id = :incident)
          AND (CAST(:incident AS bigint) IS NULL OR i.id = :incident)
          AND last.reason = i.reason AND last.at >= i.began_at
          AND last.at <= least(i.ended_at, i.last_at, :now)
          AND NOT EXISTS (
              SELECT FROM incidents o JOIN held_suppressions h ON h.incident_id = o.id AND h.message_id = m.id
              WHERE i.kind = :burst AND o.workspace_id = :workspace AND o.kind = :burst AND o.id <> i.id
                    AND o.provider = i.provider AND o.reason = i.reason AND (o.decision = :believed OR o.id > i.id)
                    AND last.at BETWEEN o.began_at AND coalesce(least(o.ended_at, o.last_at), 'infinity'))
    ORDER BY m.id, i.id DESC
)
"""  # noqa: S608 - only constants of the house are put together
_COUNTS = text(f"{_MESSAGES} SELECT incident_id, count(*) FROM came_back GROUP BY 1 ORDER BY 1")  # noqa: S608
_IDS = text(f"{_MESSAGES} SELECT id FROM came_back ORDER BY id")  # noqa: S608
