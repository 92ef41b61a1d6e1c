"""What a person was sent and did with it. Messages and events belong to rooms above, so they are named here in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from app.audience.models import Subscriber
from app.core.database import db

SHOWN = 200

FACTS = text(
    """
    WITH theirs AS MATERIALIZED (
        SELECT id, campaign_id, state, reason, sent_at, changed_at FROM messages
        WHERE workspace_id = :workspace_id AND subscriber_id = :id
    ), tried AS MATERIALIZED (
        -- What was decided or settled later stands among the attempts as well, without a transport.
        SELECT a.* FROM theirs t JOIN attempts a ON a.message_id = t.id AND a.workspace_id = :workspace_id
        WHERE a.outcome IN ('sent', 'uncertain') OR a.reason IN ('decided', 'evidence')
    )
    SELECT fact.at, fact.kind, fact.label, fact.reason, fact.campaign_id, fact.message_id,
           coalesce(campaigns.name, '') AS campaign, coalesce(links.url, '') AS url, mail.id AS mail_id, fact.words,
           coalesce(fact.data ->> 'who', '') AS who, coalesce(fact.data ->> 'recipient', '') AS recipient,
           CASE WHEN fact.kind NOT IN ('unsubscribed', 'resubscribed') THEN ''
                WHEN fact.is_mistold THEN fact.data ->> 'by' ELSE coalesce(fact.data ->> 'source', '') END AS source
    FROM (
        SELECT sent_at AS at, 'sent' AS kind, '' AS label, '' AS reason, campaign_id, id AS message_id,
               NULL::bigint AS link_id, '' AS words, NULL::jsonb AS data, false AS is_mistold
        FROM theirs t WHERE sent_at IS NOT NULL
          AND NOT EXISTS (SELECT FROM tried a WHERE a.message_id = t.id AND a.at = t.sent_at)
        UNION ALL
        SELECT at, CASE WHEN reason IN ('decided', 'evidence') THEN 'settled' ELSE outcome END, '',
               CASE WHEN reason IN ('decided', 'evidence') THEN '' ELSE reason END, campaign_id, message_id, NULL,
               CASE WHEN reason IN ('decided', 'evidence') THEN reply ELSE '' END, NULL, false
        FROM tried
        UNION ALL
        SELECT changed_at, state, '', reason, campaign_id, id, NULL, '', NULL, false
        FROM theirs t WHERE state <> 'sent'
          AND NOT EXISTS (SELECT FROM events e WHERE e.message_id = t.id AND e.kind = t.state)
          AND NOT (state = 'uncertain'
                   AND EXISTS (SELECT FROM tried a WHERE a.message_id = t.id AND a.outcome = 'uncertain'))
        UNION ALL
        SELECT e.at, e.kind, CASE WHEN e.data ->> 'source' = 'operator' THEN 'member' WHEN is_mistold THEN ''
                                  ELSE e.label END,
               CASE WHEN e.kind IN ('bounced', 'deferred') THEN coalesce(e.data ->> 'reason', m.reason)
                    WHEN e.kind = m.state THEN m.reason ELSE '' END, e.campaign_id, e.message_id, e.link_id, '', e.data,
               is_mistold
        FROM events e JOIN messages m ON m.id = e.message_id
        -- What came by mail or by a webhook was once written down as the person's own click.
        CROSS JOIN LATERAL (SELECT e.data ->> 'source' = 'one-click' AND e.data ->> 'by' <> 'web' AS is_mistold) once
        WHERE e.workspace_id = :workspace_id AND e.subscriber_id = :id
    ) AS fact
    LEFT JOIN campaigns ON campaigns.id = fact.campaign_id
    LEFT JOIN links ON links.id = fact.link_id
    LEFT JOIN LATERAL (
        SELECT id FROM incoming_mails i
        WHERE i.message_id = fact.message_id AND i.workspace_id = :workspace_id
          AND (fact.data ->> 'by' = 'reply:' || i.id
               OR i.received_at = fact.at
                  AND (fact.kind IN ('replied', 'auto-replied') OR fact.data ->> 'by' = 'mail'))
        ORDER BY id LIMIT 1
    ) mail ON true
    ORDER BY fact.at DESC, fact.message_id DESC
    LIMIT :shown
    """
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened: that a message was sent, what became of it, or what the person did with it."""

    at: datetime
    kind: str
    label: str
    reason: str
    campaign_id: int
    message_id: int
    campaign: str
    url: str
    mail_id: int | None
    """The mail itself, while it is kept."""
    words: str
    """What settled a doubt, or who decided."""
    who: str
    """The member who acted for the person, or the webhook that told of it."""
    recipient: str
    """The address that failed, where mail was passed on to another one."""
    source: str
    """By which way the person left or came back: that of the consent record."""


def timeline(subscriber: Subscriber) -> Sequence[Fact]:
    """The latest facts about a person's messages, one row each."""
    values = {"workspace_id": subscriber.workspace_id, "id": subscriber.id, "shown": SHOWN}
    return [Fact(*row) for row in db.session.execute(FACTS, values)]
