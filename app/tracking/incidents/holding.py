"""What an incident holds: suppressions that wait for a decision, and those it wrote and can take back.

A thousand messages at a time, each statement by the numbers and digests of those alone. Right after a burst the planner
knows nothing of its rows, and a join of all of them may compare everybody with everybody: an hour for 100,000.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import text

from app.core import clock
from app.core.database import db
from app.tracking.incidents.reach import of_provider
from app.tracking.models import Incident

DOUBTED = "onhold"
"""The reason of messages whose failure nobody believes: the cause is unclear."""
BATCH = 1_000
"""Messages to a statement."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Messages of an incident. `ids`: all of them; `failed`: those that failed as it tells; `hashes`: of these."""

    incident: Incident
    ids: list[int]
    failed: list[int]
    hashes: list[bytes]


def batches(ids: Iterable[int]) -> Iterator[list[int]]:
    """The same messages, a thousand at a time."""
    rest = iter(ids)
    while batch := list(islice(rest, BATCH)):
        yield batch


def hold_failures(incident: Incident, ids: Iterable[int]) -> None:
    """Lock its messages before the incident itself is locked: who tells of them goes about it in that order."""
    for batch in batches(ids):
        db.session.execute(_HOLD, {"ids": batch, "workspace": incident.workspace_id})


def take_in_written(incident: Incident, ids: Iterable[int]) -> int:
    """Count suppressions of this sort that were written without it among what it can undo; returns how many."""
    # As whoever writes one does: before the first row, or who decides waits for that row and this for the decision.
    db.session.execute(_SHARE, {"incident": incident.id, "workspace": incident.workspace_id})
    return sum(_take_in(_read(incident, batch)) for batch in batches(ids))


def write_held(incident: Incident, ids: Iterable[int]) -> int:
    """Write what was held of these messages, except where the person gave a sign of life since; returns how many are
    new. What was written without the incident is counted among what it can undo.
    """
    written = 0
    for number in batches(ids):
        batch = _read(incident, number)
        _take_in(batch)
        written += _write(batch)
    return written


def take_back(incident: Incident, ids: Iterable[int]) -> int:
    """Everybody stays, as if these failures had not come; returns how many suppressions are lifted, and no others."""
    lifted = 0
    for number in batches(ids):
        batch = _read(incident, number)
        _take_in(batch)
        # The days that its failures counted against addresses.
        _run(_DROP_POINTS, batch)
        # Nobody knows why its messages failed, so they can be tried again.
        _run(_DOUBT, batch)
        lifted += _run(_LIFT, batch, note=f"Lifted: undone with incident {incident.id}.")
    return lifted


def is_left(incident: Incident, ids: Iterable[int]) -> bool:
    """Whether something of these messages was passed over when it was taken back, since somebody else held it."""
    read = (_read(incident, batch) for batch in batches(ids))
    return any(db.session.execute(_LEFT, _binds(batch)).scalar_one() for batch in read)


def _read(incident: Incident, ids: list[int]) -> _Batch:
    binds = {"ids": ids, "workspace": incident.workspace_id, "provider": incident.provider}
    rows = db.session.execute(_READ, binds).all()
    return _Batch(incident, ids, [row.id for row in rows], [row.address_hash for row in rows])


def _take_in(batch: _Batch) -> int:
    return _run(_TAKE_IN, batch)


def _write(batch: _Batch) -> int:
    due = _due(batch)
    written = db.session.execute(_SUPPRESS, _binds(batch) | {"due": due}).all() if due else []
    if written:
        found = {"messages": [row.message_id for row in written], "numbers": [row.id for row in written]}
        db.session.execute(_MARK, _binds(batch) | found)
    return len(written)


def _due(batch: _Batch) -> list[int]:
    """What is held of them, without whoever gave a sign of life since."""
    held = db.session.execute(_HELD, _binds(batch)).all()
    people = [row.subscriber_id for row in held if row.subscriber_id is not None]
    seen = dict(_pairs(_SEEN, batch, people=people))
    confirmed = dict(_pairs(_CONFIRMED, batch, hashes=[row.address_hash for row in held]))
    signs = [(row, seen.get(row.subscriber_id), confirmed.get(row.address_hash)) for row in held]
    return [row.id for row, *told in signs if not any(at is not None and at > row.held_at for at in told)]


def _pairs(statement: Any, batch: _Batch, **binds: Any) -> Sequence[Any]:
    return db.session.execute(statement, _binds(batch) | binds).all()


def _run(statement: Any, batch: _Batch, **binds: Any) -> int:
    return int(db.session.execute(statement, _binds(batch) | binds).rowcount)  # type: ignore[attr-defined]


def _binds(batch: _Batch) -> dict[str, Any]:
    return {
        "incident": batch.incident.id,
        "workspace": batch.incident.workspace_id,
        "reason": batch.incident.reason,
        "ids": batch.ids,
        "failed": batch.failed,
        "hashes": batch.hashes,
        "now": clock.now(),
    }


# In the order of whoever hears of them: messages, and then the incident.
_HOLD = text("SELECT id FROM messages WHERE id = ANY(:ids) AND workspace_id = :workspace ORDER BY id FOR NO KEY UPDATE")

_SHARE = text("SELECT id FROM incidents WHERE id = :incident AND workspace_id = :workspace FOR SHARE")

_READ = text(
    f"""
SELECT m.id, sha256(w.address_key || convert_to(lower(m.address), 'UTF8')) AS address_hash
FROM messages m JOIN workspaces w ON w.id = m.workspace_id
WHERE m.id = ANY(:ids) AND m.workspace_id = :workspace AND {of_provider("m")}
"""  # noqa: S608 - only constants of the house are put together
)

_TAKE_IN = text(
    """
INSERT INTO held_suppressions
    (workspace_id, incident_id, message_id, address_hash, hint, reason, evidence, held_at, suppression_id)
SELECT workspace_id, :incident, message_id, address_hash, hint, reason, evidence, created_at, id
FROM suppressions
WHERE workspace_id = :workspace AND address_hash = ANY(:hashes) AND coalesce(list_id, 0) = 0 AND lifted_at IS NULL
      AND message_id = ANY(:failed) AND reason = 'bounced'
ORDER BY message_id
ON CONFLICT (incident_id, message_id) DO UPDATE SET suppression_id = excluded.suppression_id
"""
)

_HELD = text(
    """
SELECT id, message_id, address_hash, held_at,
       (SELECT m.subscriber_id FROM messages m WHERE m.id = h.message_id) AS subscriber_id
FROM held_suppressions h
WHERE incident_id = :incident AND workspace_id = :workspace AND message_id = ANY(:ids) AND suppression_id IS NULL
"""
)

_SEEN = text(
    """
SELECT subscriber_id, max(at) FROM events
WHERE subscriber_id = ANY(:people) AND workspace_id = :workspace
      AND (label = 'human' OR kind IN ('delivered', 'replied'))
GROUP BY subscriber_id
"""
)

_CONFIRMED = text(
    """
SELECT address_hash, max(at) FROM consent_events
WHERE workspace_id = :workspace AND address_hash = ANY(:hashes) AND action = 'confirmed'
GROUP BY address_hash
"""
)

_SUPPRESS = text(
    """
INSERT INTO suppressions (workspace_id, created_at, address_hash, hint, reason, evidence, message_id)
SELECT DISTINCT ON (address_hash) workspace_id, :now, address_hash, hint, reason, evidence, message_id
FROM held_suppressions WHERE id = ANY(:due) AND workspace_id = :workspace
ORDER BY address_hash, id
ON CONFLICT DO NOTHING RETURNING id, message_id
"""
)

_MARK = text(
    """
UPDATE held_suppressions h SET suppression_id = written.number
FROM unnest(CAST(:messages AS bigint[]), CAST(:numbers AS bigint[])) AS written (message, number)
WHERE h.incident_id = :incident AND h.message_id = ANY(:messages) AND h.message_id = written.message
"""
)

_DROP_POINTS = text(
    """
DELETE FROM bounce_points
WHERE workspace_id = :workspace AND address_hash = ANY(:hashes) AND message_id = ANY(:failed) AND reason = :reason
"""
)

# Those that were not held beforehand are left, if somebody holds them who waits for the incident: to the next look.
# What is compared is changed in form, not in value, so that no index of it is taken in which few rows are believed
# to be: the numbers alone lead to the rows.
_DOUBT = text(
    f"""
UPDATE messages SET reason = '{DOUBTED}'
WHERE id = ANY(ARRAY(SELECT id FROM messages
                     WHERE id = ANY(:failed) AND workspace_id + 0 = :workspace
                           AND state || '' = 'bounced' AND reason || '' = :reason
                     FOR NO KEY UPDATE SKIP LOCKED))
"""  # noqa: S608
)

# What somebody else changes at this moment is about to be lifted, or to give way to a complaint. Not waited for: who
# holds it may be waiting for the incident. Again by the numbers alone, not by the index of all that is in force.
_LIFT = text(
    r"""
UPDATE suppressions SET lifted_at = :now, evidence = btrim(evidence || E'\n' || :note, E'\n')
WHERE id = ANY(ARRAY(SELECT id FROM suppressions
                     WHERE id = ANY(ARRAY(SELECT suppression_id FROM held_suppressions
                                          WHERE incident_id = :incident AND workspace_id = :workspace
                                                AND message_id = ANY(:ids) AND suppression_id IS NOT NULL))
                           AND workspace_id + 0 = :workspace
                           AND coalesce(lifted_at, 'infinity') = 'infinity'
                     FOR NO KEY UPDATE SKIP LOCKED))
"""
)

# By the numbers alone, as above.
_LEFT = text(
    """
SELECT EXISTS (SELECT FROM suppressions
               WHERE id = ANY(ARRAY(SELECT suppression_id FROM held_suppressions
                                    WHERE incident_id = :incident AND workspace_id = :workspace
                                          AND message_id = ANY(:ids) AND suppression_id IS NOT NULL))
                     AND workspace_id + 0 = :workspace AND coalesce(lifted_at, 'infinity') = 'infinity')
       OR EXISTS (SELECT FROM messages
                  WHERE id = ANY(:failed) AND workspace_id + 0 = :workspace
                        AND state || '' = 'bounced' AND reason || '' = :reason)
"""
)
