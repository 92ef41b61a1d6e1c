"""The people behind a number: any state of a ledger as a list to look at or to take away."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from sqlalchemy import text

from app.core.database import current_workspace_id, db

PAGE = 50
COLUMNS = ("address", "state", "reason", "cell", "sent_at", "attempts", "code", "reply")

QUERY = """
SELECT m.id, m.subscriber_id, m.address, m.state, m.reason, coalesce(v.name, 'held out') AS cell, m.sent_at, m.attempts,
       a.code, coalesce(a.reply, '') AS reply
FROM messages m
LEFT JOIN variants v ON v.id = m.variant_id
LEFT JOIN LATERAL (
    SELECT code, reply FROM attempts WHERE message_id = m.id ORDER BY at DESC, id DESC LIMIT 1
) a ON true
WHERE m.campaign_id = :campaign AND m.workspace_id = :workspace AND m.id > :after
  AND (:state = '' OR m.state = :state) AND (:reason = '' OR m.reason = :reason)
ORDER BY m.id LIMIT :limit
"""


def people(
    campaign_id: int, *, state: str = "", reason: str = "", after: int = 0, limit: int = PAGE
) -> list[dict[str, Any]]:
    """A page of a campaign's ledger, in the order of message numbers; `after` is the last number of the page before."""
    rows = db.session.execute(
        text(QUERY),
        {
            "campaign": campaign_id,
            "workspace": current_workspace_id(),
            "state": state,
            "reason": reason,
            "after": after,
            "limit": limit,
        },
    )
    return [dict(row) for row in rows.mappings()]


def people_csv(campaign_id: int, *, state: str = "", reason: str = "") -> Iterator[str]:
    """The same as CSV, piece by piece, however long it is."""
    yield _line(COLUMNS)
    after = 0
    while page := people(campaign_id, state=state, reason=reason, after=after, limit=5_000):
        yield "".join(_line([_safe(row[name]) for name in COLUMNS]) for row in page)
        after = page[-1]["id"]


def _line(values: Any) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(values)
    return out.getvalue()


def _safe(value: object) -> object:
    # A spreadsheet runs what begins like a formula; a quote in front makes it text.
    if value is None:
        return ""
    if isinstance(value, str) and value[:1] in "=+-@\t\r":
        return "'" + value
    return value
