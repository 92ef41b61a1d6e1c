"""The people behind a number: any state of a ledger as a list to look at or to take away."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import text

from app.audience.exports import safe_cell
from app.core.database import current_workspace_id, db, in_workspace
from app.messages.handed_over import is_handed_over

PAGE = 50
SLICE = 5_000
BROAD = ("", "planned", "sent", "skipped")
"""What may be most of a campaign: found along the primary key; the others by the ledger's index."""
COLUMNS = ("address", "state", "reason", "cell", "sent_at", "attempts", "code", "reply")

# Only the conditions that are asked for: the planner then knows which index leads to few rows.
QUERY = """
SELECT m.id, m.subscriber_id, m.address, m.state, m.reason, coalesce(v.name, 'held out') AS cell, m.sent_at,
       greatest(m.attempts, a.tries) AS attempts, CASE WHEN said.at IS NULL THEN a.code ELSE said.code END AS code,
       coalesce(said.reply, a.reply, '') AS reply, coalesce(said.at, a.at) AS said_at
FROM (
    SELECT * FROM messages
    WHERE campaign_id = :campaign AND workspace_id = :workspace AND id > :after WHICH
    ORDER BY id LIMIT :limit
) m
LEFT JOIN variants v ON v.id = m.variant_id
-- A second try counts from 0 again; what somebody decided stands among the attempts as well.
LEFT JOIN LATERAL (
    SELECT code, reply, at, count(*) FILTER (WHERE HANDED) OVER () AS tries
    FROM attempts t WHERE message_id = m.id ORDER BY at DESC, id DESC LIMIT 1
) a ON true
-- What came back later than that, where it has words of its own.
LEFT JOIN LATERAL (
    SELECT CASE WHEN data ->> 'code' ~ '^[1-9][0-9]{2}$' THEN (data ->> 'code')::int END AS code,
           data ->> 'diagnostic' AS reply, at
    FROM events
    WHERE m.state NOT IN ('planned', 'skipped') AND message_id = m.id AND kind IN ('bounced', 'deferred', 'complained')
      AND data ->> 'diagnostic' <> '' AND at >= coalesce(a.at, '-infinity')
    ORDER BY at DESC LIMIT 1
) said ON true
ORDER BY m.id
""".replace("HANDED", is_handed_over("t"))
CONDITIONS = {
    "state": "state = :state",
    "reason": "reason = :reason",
    "search": "position(lower(:search) IN lower(address)) > 0",
}


def people(
    campaign_id: int, *, state: str = "", reason: str = "", search: str = "", after: int = 0, limit: int = PAGE
) -> list[dict[str, Any]]:
    """A page of a campaign's ledger, in the order of message numbers; `after` is the last number of the page before.

    `search` is part of an address, in any case.
    """
    if after == 0 and not reason and state in BROAD:
        after = _before(campaign_id)
    asked = {"state": state, "reason": reason, "search": search.strip()}
    which = "".join(f" AND {CONDITIONS[name]}" for name, value in asked.items() if value)
    names = {"campaign": campaign_id, "workspace": current_workspace_id(), "after": after, "limit": limit}
    rows = db.session.execute(text(QUERY.replace("WHICH", which)), {**names, **asked})
    return [dict(row) for row in rows.mappings()]


def people_csv(
    campaign_id: int, workspace_id: int, *, state: str = "", reason: str = "", search: str = ""
) -> Iterator[bytes]:
    """The same as CSV, piece by piece, however long it is; no cell is taken for a formula."""
    yield _lines([COLUMNS], mark=True)
    after = 0
    while True:
        # Named anew for each piece: a stream is read after the request that began it.
        with in_workspace(workspace_id):
            page = people(campaign_id, state=state, reason=reason, search=search, after=after, limit=SLICE)
        if not page:
            return
        yield _lines([_shown(row[name]) for name in COLUMNS] for row in page)
        after = page[-1]["id"]


def _before(campaign_id: int) -> int:
    """A number below the campaign's first: from 0, the primary key would lead through all earlier campaigns."""
    # OFFSET 0 keeps the planner from looking for the least number along that very key.
    query = "SELECT min(id) - 1 FROM (SELECT id FROM messages WHERE campaign_id = :campaign OFFSET 0) of_it"
    return db.session.scalar(text(query), {"campaign": campaign_id}) or 0


def _shown(value: object) -> str:
    return "" if value is None else safe_cell(str(value))


def _lines(rows: Iterable[Iterable[str]], *, mark: bool = False) -> bytes:
    """CSV of RFC 4180; with the byte-order mark by which spreadsheets know UTF-8."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode("utf-8-sig" if mark else "utf-8")
