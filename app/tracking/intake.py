"""From the stream into the database: hits become events, once each, judged by what they say together.

An entry leaves the stream after the commit. If a worker dies between the two, the entry is read again and its event's
id makes the second writing a no-op.
"""

import json
import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.core.database import db, in_workspace
from app.core.errors import NotFound
from app.core.extensions import queue
from app.core.logging import log
from app.tracking.hits import GROUP, STREAM, Hit, decode
from app.tracking.judge import (
    BURST_SECONDS,
    CROWD_SECONDS,
    HUMAN,
    MACHINE,
    SUSPECTED,
    Click,
    bursts,
    crowds,
    judge,
)
from app.tracking.leaving import EVERYTHING, UNSUBSCRIBED, Act, leave
from app.tracking.recipients import find_recipient

BATCH = 5_000
ABANDONED_MS = 60_000


def take_in_hits() -> int:
    """Take in everything that waits; commits batch by batch and returns the number of hits read."""
    redis = queue()
    _make_group(redis)
    consumer = f"{socket.gethostname()}-{os.getpid()}"
    taken = 0
    while entries := _next(redis, consumer):
        hits = {entry_id: decode(fields[b"h"]) for entry_id, fields in entries}
        write_events([hit for hit in hits.values() if hit is not None])
        left_over = {entry_id for entry_id, hit in hits.items() if hit and not _unsubscribe(hit)}
        db.session.commit()
        if done := [entry_id for entry_id in hits if entry_id not in left_over]:
            redis.xack(STREAM, GROUP, *done)
            redis.xdel(STREAM, *done)
        taken += len(done)
    return taken


def write_events(hits: Sequence[Hit]) -> None:
    """Write hits as events and judge the clicks they belong to. Repeats and unknown messages change nothing."""
    known = _about({hit.message_id for hit in hits})
    rows = []
    for hit in hits:
        about = known.get(hit.message_id)
        if about is None or not about.get(hit.kind):
            continue
        since = hit.at - about["sent_at"].timestamp() if about["sent_at"] else None
        verdict = judge(hit, since)
        rows.append(_row(hit, about, verdict.label, list(verdict.reasons)))
    if not rows:
        return
    db.session.execute(text(INSERT), {"rows": json.dumps(rows)})
    if clicks := [row for row in rows if row["kind"] == "clicked"]:
        _judge_together({row["message_id"] for row in clicks}, [row["at"] for row in clicks])
    human = {row["message_id"] for row in rows if row["label"] == HUMAN}
    # Somebody read it, so it arrived: this settles a doubt about the sending.
    db.session.execute(text(SETTLE), {"ids": list(human)})


def _unsubscribe(hit: Hit) -> bool:
    """Act on a wish that was written down while the database was away. False: it could not be done, and stays."""
    if hit.kind != UNSUBSCRIBED:
        return True
    at = datetime.fromtimestamp(hit.at, UTC)
    act = Act(hit.hints.get("source", "one-click"), ip=hit.network, agent=hit.agent, at=at)
    try:
        recipient = find_recipient(hit.message_id)
        with in_workspace(recipient.message.workspace_id), db.session.begin_nested():
            leave(recipient, act, everything=hit.hints.get("scope") == EVERYTHING)
    except NotFound:
        return True
    except OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 - one wish that upsets us must not stop the others, and is not lost
        log("tracking").error("an unsubscription could not be done; it is kept", message=hit.message_id, exc_info=error)
        return False
    return True


ABOUT = """
SELECT m.id, m.workspace_id, m.campaign_id, m.subscriber_id, m.sent_at,
       s.tracking AND c.track_opens AS opened, s.tracking AND c.track_clicks AS clicked
FROM messages m JOIN campaigns c ON c.id = m.campaign_id JOIN subscribers s ON s.id = m.subscriber_id
WHERE m.id = ANY(:ids)
"""
"""What the campaign records, and the person allows now. Of somebody who was erased, nothing is recorded any more."""

INSERT = """
INSERT INTO events (id, at, workspace_id, message_id, campaign_id, subscriber_id, kind, label, reasons, link_id, data)
SELECT id, at, workspace_id, message_id, campaign_id, subscriber_id, kind, label, reasons, link_id, data
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row(
    id uuid, at timestamptz, workspace_id bigint, message_id bigint, campaign_id bigint, subscriber_id bigint,
    kind text, label text, reasons jsonb, link_id bigint, data jsonb)
ON CONFLICT DO NOTHING
"""

SETTLE = """
UPDATE messages SET state = 'sent', reason = '', sent_at = coalesce(sent_at, changed_at), changed_at = now()
WHERE id = ANY(:ids) AND state = 'uncertain'
"""

CLICKS = """
SELECT e.id, e.at, e.message_id, e.label, e.reasons, e.link_id, e.data, l.links
FROM events e JOIN messages m ON m.id = e.message_id
CROSS JOIN LATERAL (SELECT count(*) AS links FROM links WHERE variant_id = m.variant_id) l
WHERE e.message_id = ANY(:ids) AND e.kind = 'clicked'
  AND e.at BETWEEN CAST(:start AS timestamptz) - make_interval(secs => :seconds)
               AND CAST(:end AS timestamptz) + make_interval(secs => :seconds)
"""

NEIGHBOURS = """
SELECT id, at, message_id, label, reasons, link_id, data, 0 AS links FROM events
WHERE kind = 'clicked' AND campaign_id = ANY(SELECT campaign_id FROM messages WHERE id = ANY(:ids))
  AND at BETWEEN CAST(:start AS timestamptz) - make_interval(secs => :seconds)
             AND CAST(:end AS timestamptz) + make_interval(secs => :seconds)
"""

RELABEL = """
UPDATE events SET label = new.label, reasons = new.reasons
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new(id uuid, at timestamptz, label text, reasons jsonb)
WHERE events.id = new.id AND events.at = new.at
"""


def _make_group(redis: Redis) -> None:
    try:
        redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


def _next(redis: Redis, consumer: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
    # First what a dead worker had taken and never finished, then what is new.
    claimed: Any = redis.xautoclaim(STREAM, GROUP, consumer, min_idle_time=ABANDONED_MS, count=BATCH)
    if claimed[1]:
        return [entry for entry in claimed[1] if entry[1]]
    fresh: Any = redis.xreadgroup(GROUP, consumer, {STREAM: ">"}, count=BATCH)
    if not fresh:
        return []
    pairs = fresh.items() if isinstance(fresh, dict) else fresh
    for _stream, entries in pairs:
        return _flat(entries)
    return []


def _flat(entries: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Protocol 3 nests the entries once more than protocol 2."""
    if entries and isinstance(entries[0], list) and entries[0] and isinstance(entries[0][0], tuple | list):
        return [entry for part in entries for entry in part]
    return list(entries)


def _about(message_ids: set[int]) -> dict[int, dict[str, Any]]:
    rows = db.session.execute(text(ABOUT), {"ids": list(message_ids)}).mappings()
    return {row["id"]: dict(row) for row in rows}


def _row(hit: Hit, about: dict[str, Any], label: str, reasons: list[str]) -> dict[str, Any]:
    said = {"agent": hit.agent, "network": hit.network, "zone": hit.zone, "url": hit.url, "method": hit.method}
    data = {**said, **hit.hints}
    return {
        "id": hit.id,
        "at": datetime.fromtimestamp(hit.at, UTC).isoformat(),
        "workspace_id": about["workspace_id"],
        "message_id": hit.message_id,
        "campaign_id": about["campaign_id"],
        "subscriber_id": about["subscriber_id"],
        "kind": hit.kind,
        "label": label,
        "reasons": reasons,
        "link_id": hit.link_id or None,
        # PostgreSQL's JSON takes no NUL; one in a header must not stop everybody's hits.
        "data": {name: value.replace("\0", "") for name, value in data.items() if value},
    }


def _judge_together(message_ids: set[int], times: list[str]) -> None:
    new = {"ids": list(message_ids), "start": min(times), "end": max(times)}
    own = _clicks(CLICKS, {**new, "seconds": BURST_SECONDS})
    around = _clicks(NEIGHBOURS, {**new, "seconds": CROWD_SECONDS})
    changes: dict[str, dict[str, Any]] = {}
    for message_id in message_ids:
        rows = [row for row in own if row["message_id"] == message_id]
        if rows:
            for position in bursts([_click(row) for row in rows], rows[0]["links"]):
                _change(changes, rows[position], MACHINE, "burst")
    for position in crowds([_click(row) for row in around]):
        row = changes.get(str(around[position]["id"]), around[position])
        if row["label"] != MACHINE:
            _change(changes, around[position], SUSPECTED, "crowd")
    if changes:
        db.session.execute(text(RELABEL), {"rows": json.dumps(list(changes.values()))})


def _clicks(query: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in db.session.execute(text(query), values).mappings()]


def _click(row: dict[str, Any]) -> Click:
    data = row["data"]
    link = str(row["link_id"] or data.get("url", ""))
    return Click(row["at"].timestamp(), row["message_id"], link, data.get("network", ""), data.get("agent", ""))


def _change(changes: dict[str, dict[str, Any]], row: dict[str, Any], label: str, reason: str) -> None:
    reasons = row["reasons"] if reason in row["reasons"] else [*row["reasons"], reason]
    if row["label"] == label and reasons == row["reasons"]:
        return
    changes[str(row["id"])] = {"id": str(row["id"]), "at": row["at"].isoformat(), "label": label, "reasons": reasons}
