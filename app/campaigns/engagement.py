"""Who goes first while a sending identity warms up: people whose inbox providers see them read our mail."""

from sqlalchemy import text

from app.campaigns.models import Campaign
from app.core.database import db

_IS_WARMING = text(
    """
    SELECT EXISTS (
        SELECT FROM warm_ups u
        WHERE u.workspace_id = :workspace AND NOT u.is_paused
              AND (:domain = u.domain OR :domain LIKE '%' || '.' || u.domain)
    )
    """
)
_RANK = text(
    """
    WITH seen AS (
        SELECT subscriber_id, max(at) FILTER (WHERE kind = 'clicked') AS clicked,
               max(at) FILTER (WHERE kind = 'opened') AS opened
        FROM events
        WHERE workspace_id = :workspace AND at > now() - interval '180 days'
              AND kind IN ('clicked', 'opened') AND label = 'human' AND subscriber_id IS NOT NULL
        GROUP BY subscriber_id
    )
    UPDATE messages m
    SET rank = CASE
        WHEN seen.clicked > now() - interval '30 days' THEN 0
        WHEN seen.opened > now() - interval '30 days' THEN 1
        -- Somebody who has just signed up expects mail.
        WHEN p.created_at > now() - interval '30 days' THEN 2
        WHEN seen.clicked > now() - interval '90 days' THEN 3
        WHEN seen.subscriber_id IS NOT NULL THEN 4
        ELSE 5
    END
    FROM subscribers p LEFT JOIN seen ON seen.subscriber_id = p.id
    WHERE m.campaign_id = :campaign AND m.state = 'planned' AND p.id = m.subscriber_id
    """
)


def rank_by_engagement(campaign: Campaign) -> bool:
    """Rank a frozen campaign's people if its sender warms up, machines' opens and clicks left out; else do nothing."""
    binds = {"workspace": campaign.workspace_id, "campaign": campaign.id}
    domain = campaign.from_email.rpartition("@")[2].lower()
    if not db.session.scalar(_IS_WARMING, {**binds, "domain": domain}):
        return False
    db.session.execute(_RANK, binds)
    return True
