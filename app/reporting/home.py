"""What the home page shows: next, now, lately, and the first steps until they are done."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, func, select, text

from app.accounts.models import Workspace
from app.audience.models import MailingList, Subscriber
from app.campaigns.models import Campaign
from app.core.database import current_workspace_id, db
from app.messages.lifecycle import State
from app.messages.models import Message

LATELY = 5


@dataclass(frozen=True)
class Overview:
    """Plain rows for the page."""

    steps: tuple[tuple[str, bool], ...]
    """The first steps by name, and whether each is done: sender, list, people, campaign, sent."""
    active: tuple[Campaign, ...]
    drafts: tuple[Campaign, ...]
    lately: tuple[dict[str, Any], ...]
    people: int
    new_people: int

    @property
    def is_settled(self) -> bool:
        return all(done for _name, done in self.steps)


def overview() -> Overview:
    """The overview of the workspace in scope."""
    workspace = db.session.get_one(Workspace, current_workspace_id())
    people = _count(Subscriber)
    finished = _campaigns("finished", "cancelled", order=Campaign.launched_at.desc())
    return Overview(
        steps=(
            ("sender", bool(workspace.from_email and workspace.postal_address)),
            ("list", _count(MailingList) > 0),
            ("people", people > 0),
            ("campaign", _count(Campaign) > 0),
            ("sent", bool(finished) or _anything_went_out()),
        ),
        active=tuple(_campaigns("launching", "holding", "sending", "paused", "scheduled", order=Campaign.id.desc())),
        drafts=tuple(_campaigns("draft", order=Campaign.id.desc())),
        lately=tuple(figures([campaign.id for campaign in finished])),
        people=people,
        new_people=db.session.scalar(
            select(func.count())
            .select_from(Subscriber)
            .where(Subscriber.created_at > func.now() - text("interval '30 days'"))
        )
        or 0,
    )


def _anything_went_out() -> bool:
    """Whether a mail of any campaign was sent: some of the rest may be tried again for days."""
    is_sent = exists().where(Message.campaign_id == Campaign.id, Message.state == State.SENT)
    query = select(Campaign.id).where(Campaign.launched_at.is_not(None), is_sent)
    return db.session.scalar(query.limit(1)) is not None


def _count(model: type[Any]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def _campaigns(*states: str, order: Any) -> list[Campaign]:
    query = select(Campaign).where(Campaign.state.in_(states), Campaign.archived_at.is_(None))
    return list(db.session.scalars(query.order_by(order).limit(LATELY)))


FIGURES = """
SELECT c.id, c.name, c.state, c.launched_at, m.failed, m.unrendered, m.mailed,
       m.mailed - m.came_back AS delivered, m.bounced, m.mailed - m.came_back + m.bounced AS tried,
       e.clicked, e.unsubscribed
FROM campaigns c
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state IN ('sent', 'bounced') AND sent_at IS NOT NULL) AS mailed,
           count(*) FILTER (WHERE state = 'failed') AS failed,
           count(*) FILTER (WHERE state = 'failed' AND reason = 'render') AS unrendered,
           count(*) FILTER (WHERE state = 'bounced') AS bounced,
           count(*) FILTER (WHERE state = 'bounced' AND sent_at IS NOT NULL) AS came_back
    FROM messages WHERE campaign_id = c.id) m
CROSS JOIN LATERAL (
    SELECT count(DISTINCT message_id) FILTER (WHERE kind = 'clicked' AND label = 'human') AS clicked,
           count(DISTINCT message_id) FILTER (WHERE kind = 'unsubscribed') AS unsubscribed
    FROM events WHERE campaign_id = c.id) e
WHERE c.id = ANY(:ids) AND c.workspace_id = :workspace ORDER BY c.launched_at DESC
"""


def figures(ids: list[int]) -> list[dict[str, Any]]:
    """Campaigns with what was sent and what came back, the latest launch first: for lists of them.

    As the report counts them: `mailed` is what servers took, `delivered` what has not come back since. `bounced` counts
    refusals for good as well, so it is of `tried`, what was taken or refused. `failed` got nothing by our own fault or
    because their time ran out; `unrendered` are those of them whose mail could not be made.
    """
    rows = db.session.execute(text(FIGURES), {"ids": ids, "workspace": current_workspace_id()})
    return [dict(row) for row in rows.mappings()]
