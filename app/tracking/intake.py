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
from app.messages.evidence import settle_messages
from app.tracking.hits import GROUP, STREAM, Hit, decode
from app.tracking.judge import HUMAN, judge
from app.tracking.leaving import EVERYTHING, UNSUBSCRIBED, Act, leave
from app.tracking.recipients import find_recipient
from app.tracking.relabel import judge_together

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
        judge_together({row["message_id"] for row in clicks}, [row["at"] for row in clicks])
    # Somebody read it, so it arrived: this settles a doubt about the sending.
    settle_messages({row["message_id"] for row in rows if row["label"] == HUMAN})


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
            settle_messages([hit.message_id])
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
