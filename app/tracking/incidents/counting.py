"""How many messages failed for which reason at which provider, and out of how many attempts."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from app.core import clock
from app.core.database import current_workspace_id, db
from app.messages.dead_addresses import provider_sql


@dataclass(frozen=True, slots=True)
class Failures:
    """Messages that failed for one reason at one provider; `of` those attempted there in the same time."""

    provider: str
    reason: str
    count: int
    of: int
    first: datetime
    last: datetime
    words: str

    @property
    def share(self) -> float:
        return self.count / max(self.of, self.count, 1)


AROUND = timedelta(minutes=5)
"""Messages attempted that long before and after the failed ones are compared with them."""

# A reply with its code says more than a letter that tells of one, so it is shown first.
# Reports may come long after the sending, so what failed is compared with what was attempted when that went out.
_FAILURES = text(
    f"""
WITH failed AS (
    SELECT {provider_sql("m")} AS provider, e.data ->> 'reason' AS reason, m.id, m.campaign_id, m.sent_at, e.at, e.kind,
           coalesce(e.data ->> 'diagnostic', '') AS words
    FROM campaigns c
    JOIN events e ON e.campaign_id = c.id AND e.kind = ANY(:kinds) AND e.at >= :since AND e.at <= :until
    JOIN messages m ON m.id = e.message_id
    WHERE c.workspace_id = :workspace AND e.workspace_id = :workspace AND e.data ->> 'reason' = ANY(:reasons)
), grouped AS (
    SELECT provider, reason, count(DISTINCT id) AS number,
           min(at) AS first, max(at) AS last,
           least(min(coalesce(sent_at, at)), :since) AS tried_from,
           greatest(max(coalesce(sent_at, at)), :until) AS tried_to,
           array_agg(DISTINCT campaign_id) AS campaigns,
           (array_agg(words ORDER BY words = '', words !~ '^[45][0-9][0-9][ -]', at DESC))[1] AS words,
           (array_agg(id ORDER BY at DESC))[1] AS latest
    FROM failed WHERE CAST(:provider AS text) IS NULL OR provider = :provider
    GROUP BY provider, reason
    HAVING count(DISTINCT id) FILTER (WHERE kind = 'bounced') >= :least OR count(DISTINCT id) >= :least_of_any
)
SELECT g.provider, g.reason, g.number, g.first, g.last,
       (SELECT count(*) FROM messages m
        WHERE m.campaign_id = ANY(g.campaigns) AND m.workspace_id = :workspace
              AND m.state IN ('sent', 'bounced', 'deferred', 'uncertain') AND {provider_sql("m")} = g.provider
              AND coalesce(m.sent_at, m.changed_at) BETWEEN g.tried_from - :around AND g.tried_to + :around) AS of,
       coalesce(nullif(g.words, ''), (SELECT a.reply FROM attempts a
                                      WHERE a.message_id = g.latest AND a.reply <> '' AND a.reason = g.reason
                                            AND a.outcome IN ('deferred', 'bounced', 'failed')
                                      ORDER BY a.at DESC LIMIT 1), '') AS words
FROM grouped g ORDER BY g.provider, g.reason
"""  # noqa: S608 - only constants of the house are put together
)


def count_failures(
    reasons: frozenset[str],
    since: datetime,
    until: datetime | None = None,
    *,
    provider: str | None = None,
    kinds: tuple[str, ...] = ("bounced",),
    least: int = 1,
    least_of_any: int | None = None,
) -> list[Failures]:
    """The failures of the workspace in scope from then until now or `until`, at least `least` of a sort that are final.

    `least_of_any`: or so many, if also those count that are still tried.
    """
    binds = {
        "workspace": current_workspace_id(),
        "reasons": list(reasons),
        "since": since,
        "until": until or clock.now(),
        "provider": provider,
        "kinds": list(kinds),
        "least": least,
        "least_of_any": least_of_any or least,
        "around": AROUND,
    }
    return [
        Failures(row.provider, row.reason, row.number, max(row.of, row.number), row.first, row.last, row.words)
        for row in db.session.execute(_FAILURES, binds)
    ]
