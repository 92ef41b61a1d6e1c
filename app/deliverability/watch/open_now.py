"""What is the matter at this moment, for the top of the watch: its counts may show nothing of it yet."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from app.core.database import current_workspace_id, db
from app.deliverability.guard.resting import Lane, all_resting
from app.tracking.incidents.opening import BLOCKED, BURST
from app.tracking.incidents.queries import Shown, incidents_by_need


@dataclass(frozen=True, slots=True)
class Paused:
    """A campaign that stands still, and why."""

    campaign_id: int
    name: str
    why: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class OpenNow:
    """What the incidents of the watch itself do not say."""

    incidents: tuple[Shown, ...]
    """Failures in masses that wait for a decision, and providers that refuse us."""
    lanes: tuple[tuple[str, Lane], ...]
    """Providers whose mail rests without such an incident."""
    paused: tuple[Paused, ...]

    def __bool__(self) -> bool:
        return bool(self.incidents or self.lanes or self.paused)


def find_open_now() -> OpenNow:
    """All of it, in the workspace in scope."""
    shown = [
        one
        for one in incidents_by_need()
        if one.incident.kind in (BLOCKED, BURST) and one.needs_attention and not one.is_small
    ]
    told = {one.incident.provider for one in shown if one.incident.kind == BLOCKED}
    lanes = [(provider, lane) for provider, lane in all_resting() if provider not in told]
    paused = [Paused(*row) for row in db.session.execute(_PAUSED, {"workspace": current_workspace_id()})]
    return OpenNow(tuple(shown), tuple(lanes), tuple(paused))


# What the guard paused is told by its incident.
_PAUSED = text(
    """
    SELECT c.id, c.name, c.waiting_for, c.waiting_since FROM campaigns c
    WHERE c.workspace_id = :workspace AND c.state = 'paused' AND c.archived_at IS NULL
          AND NOT EXISTS (SELECT FROM incidents i
                          WHERE i.campaign_id = c.id AND i.workspace_id = c.workspace_id AND i.kind = 'complaints'
                                AND i.action = 'paused' AND i.ended_at IS NULL)
    ORDER BY c.waiting_since DESC NULLS LAST, c.id DESC LIMIT 20
    """
)
