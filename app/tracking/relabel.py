"""What several clicks together say of each: written over the label that each had by itself."""

import json
from typing import Any

from sqlalchemy import text

from app.core.database import db
from app.tracking.judge import BURST_SECONDS, CROWD_SECONDS, MACHINE, SUSPECTED, Click, bursts, crowds


def judge_together(message_ids: set[int], times: list[str]) -> None:
    """Label anew the clicks of these messages around these times (ISO 8601): those of bursts and of crowds."""
    new = {"ids": list(message_ids), "start": min(times), "end": max(times)}
    own = _clicks(CLICKS, {**new, "seconds": BURST_SECONDS})
    around = _clicks(NEIGHBOURS, {**new, "seconds": CROWD_SECONDS})
    changes: dict[str, dict[str, Any]] = {}
    by_message: dict[int, list[dict[str, Any]]] = {}
    for row in own:
        by_message.setdefault(row["message_id"], []).append(row)
    for rows in by_message.values():
        for position in bursts([_click(row) for row in rows], rows[0]["links"]):
            _change(changes, rows[position], MACHINE, "burst")
    for position in crowds([_click(row) for row in around]):
        row = changes.get(str(around[position]["id"]), around[position])
        if row["label"] != MACHINE:
            _change(changes, around[position], SUSPECTED, "crowd")
    if changes:
        db.session.execute(text(RELABEL), {"rows": json.dumps(list(changes.values()))})


CLICKS = """
SELECT e.id, e.at, e.message_id, e.label, e.reasons, coalesce(CAST(e.link_id AS text), e.data->>'url', '') AS link,
       coalesce(e.data->>'network', '') AS network, coalesce(e.data->>'agent', '') AS agent, l.links
FROM events e JOIN messages m ON m.id = e.message_id
CROSS JOIN LATERAL (SELECT count(*) AS links FROM links WHERE variant_id = m.variant_id) l
WHERE e.message_id = ANY(:ids) AND e.kind = 'clicked'
  AND e.at BETWEEN CAST(:start AS timestamptz) - make_interval(secs => :seconds)
               AND CAST(:end AS timestamptz) + make_interval(secs => :seconds)
"""

NEIGHBOURS = """
SELECT id, at, message_id, label, reasons, '' AS link,
       coalesce(data->>'network', '') AS network, coalesce(data->>'agent', '') AS agent
FROM events
WHERE kind = 'clicked' AND campaign_id = ANY(SELECT campaign_id FROM messages WHERE id = ANY(:ids))
  AND at BETWEEN CAST(:start AS timestamptz) - make_interval(secs => :seconds)
             AND CAST(:end AS timestamptz) + make_interval(secs => :seconds)
"""

RELABEL = """
UPDATE events SET label = new.label, reasons = new.reasons
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new(id uuid, at timestamptz, label text, reasons jsonb)
WHERE events.id = new.id AND events.at = new.at
"""


def _clicks(query: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in db.session.execute(text(query), values).mappings()]


def _click(row: dict[str, Any]) -> Click:
    return Click(row["at"].timestamp(), row["message_id"], row["link"], row["network"], row["agent"])


def _change(changes: dict[str, dict[str, Any]], row: dict[str, Any], label: str, reason: str) -> None:
    reasons = row["reasons"] if reason in row["reasons"] else [*row["reasons"], reason]
    if row["label"] == label and reasons == row["reasons"]:
        return
    changes[str(row["id"])] = {"id": str(row["id"]), "at": row["at"].isoformat(), "label": label, "reasons": reasons}
