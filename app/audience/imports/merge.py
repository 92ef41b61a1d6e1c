"""One batch into the database: staged by COPY, merged by a few statements over the whole batch, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from app.audience.imports.batches import Batch

STAGE = """
    CREATE TEMPORARY TABLE staged (
        address text, email text, digest bytea, first_name text, last_name text, locale text, timezone text,
        attributes jsonb, met_before boolean
    ) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE landed (
        subscriber_id bigint, digest bytea, is_new boolean, met_before boolean, blocked boolean DEFAULT false
    ) ON COMMIT DELETE ROWS;
"""

# Who was erased stays erased: such a row never becomes a person again.
ADD = """
    WITH fresh AS (
        INSERT INTO subscribers (workspace_id, email, address, address_hash, first_name, last_name, locale, timezone,
                                 attributes, source)
        SELECT %(workspace_id)s, email, address, digest, first_name, last_name, locale, timezone, attributes, 'import'
        FROM staged
        WHERE NOT EXISTS (
            SELECT FROM suppressions
            WHERE workspace_id = %(workspace_id)s AND address_hash = digest AND list_id IS NULL AND lifted_at IS NULL
              AND reason = 'erased'
        )
        ON CONFLICT (workspace_id, address) DO NOTHING
        RETURNING id, address_hash
    )
    INSERT INTO landed (subscriber_id, digest, is_new, met_before) SELECT id, address_hash, true, false FROM fresh
"""
FIND = """
    INSERT INTO landed (subscriber_id, digest, is_new, met_before)
    SELECT known.id, staged.digest, false, staged.met_before
    FROM staged JOIN subscribers known ON known.workspace_id = %(workspace_id)s AND known.address = staged.address
    WHERE NOT EXISTS (SELECT FROM landed WHERE landed.digest = staged.digest)
"""
CHANGE = """
    UPDATE subscribers known SET
        first_name = coalesce(nullif(staged.first_name, ''), known.first_name),
        last_name = coalesce(nullif(staged.last_name, ''), known.last_name),
        locale = coalesce(nullif(staged.locale, ''), known.locale),
        timezone = coalesce(nullif(staged.timezone, ''), known.timezone),
        attributes = known.attributes || staged.attributes,
        updated_at = now()
    FROM staged JOIN landed USING (digest)
    WHERE known.id = landed.subscriber_id AND NOT landed.is_new AND (
        staged.first_name NOT IN ('', known.first_name) OR staged.last_name NOT IN ('', known.last_name)
        OR staged.locale NOT IN ('', known.locale) OR staged.timezone NOT IN ('', known.timezone)
        OR NOT known.attributes @> staged.attributes
    )
"""
# Somebody who left and then, perhaps by a stranger's hand, asked to come back still has to confirm it themselves.
BLOCK = """
    UPDATE landed SET blocked = true
    WHERE EXISTS (
        SELECT FROM suppressions
        WHERE workspace_id = %(workspace_id)s AND address_hash = landed.digest AND lifted_at IS NULL
          AND (list_id IS NULL OR list_id = %(list_id)s)
    ) OR NOT is_new AND EXISTS (
        SELECT FROM subscriptions held
        WHERE held.list_id = %(list_id)s AND held.subscriber_id = landed.subscriber_id
          AND (held.state = 'unsubscribed' OR held.state = 'pending' AND 'withdrawn' = (
              SELECT action FROM consent_events
              WHERE workspace_id = %(workspace_id)s AND address_hash = landed.digest AND action <> 'requested'
                AND (list_id = %(list_id)s OR list_id IS NULL) ORDER BY id DESC LIMIT 1))
    )
"""
SUBSCRIBE = """
    WITH changed AS (
        INSERT INTO subscriptions AS held (workspace_id, list_id, subscriber_id, state)
        SELECT %(workspace_id)s, %(list_id)s, subscriber_id, %(state)s FROM landed WHERE NOT blocked
        ON CONFLICT (list_id, subscriber_id) DO UPDATE SET state = excluded.state, changed_at = now()
            WHERE held.state = 'pending' AND excluded.state = 'confirmed'
        RETURNING subscriber_id
    )
    INSERT INTO consent_events (workspace_id, address_hash, subscriber_id, list_id, action, wording, source, evidence)
    SELECT %(workspace_id)s, digest, subscriber_id, %(list_id)s, 'imported', %(statement)s, 'import', %(evidence)s
    FROM changed JOIN landed USING (subscriber_id)
"""
COUNT = """
    SELECT count(*) FILTER (WHERE is_new AND NOT blocked), count(*) FILTER (WHERE NOT is_new AND NOT blocked)
    FROM landed WHERE NOT met_before
"""
FORESEE = """
    SELECT count(*) FILTER (WHERE NOT blocked AND NOT is_known), count(*) FILTER (WHERE NOT blocked AND is_known)
    FROM (
        SELECT known.id IS NOT NULL AS is_known, EXISTS (
            SELECT FROM suppressions
            WHERE workspace_id = %(workspace_id)s AND address_hash = staged.digest AND lifted_at IS NULL
              AND (list_id IS NULL OR list_id = %(list_id)s)
        ) OR EXISTS (
            SELECT FROM subscriptions held
            WHERE held.list_id = %(list_id)s AND held.subscriber_id = known.id AND held.state = 'unsubscribed'
        ) AS blocked
        FROM staged LEFT JOIN subscribers known
          ON known.workspace_id = %(workspace_id)s AND known.address = staged.address
        WHERE NOT staged.met_before
    ) AS person
"""


@dataclass(frozen=True, slots=True)
class Target:
    """Where people come: the workspace, the list, and what is written into their consent record."""

    workspace_id: int
    list_id: int | None
    state: str
    statement: str
    import_id: int

    def values(self) -> dict[str, Any]:
        return {
            "workspace_id": self.workspace_id,
            "list_id": self.list_id,
            "state": self.state,
            "statement": self.statement,
            "evidence": psycopg.types.json.Jsonb({"import": self.import_id}),
        }


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of rows: each row is one of the first five. `warned`: those of them that were not taken wholly."""

    added: int = 0
    updated: int = 0
    invalid: int = 0
    duplicates: int = 0
    suppressed: int = 0
    warned: int = 0

    @property
    def rows(self) -> int:
        return self.added + self.updated + self.invalid + self.duplicates + self.suppressed

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.added + other.added,
            self.updated + other.updated,
            self.invalid + other.invalid,
            self.duplicates + other.duplicates,
            self.suppressed + other.suppressed,
            self.warned + other.warned,
        )


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Set the connection up for `merge` and `foresee`: staging tables that end with it."""
    connection.execute("SET jit = off")
    connection.execute(STAGE)
    connection.commit()


def merge(connection: psycopg.Connection[Any], batch: Batch, target: Target) -> Counts:
    """Store a batch. The caller commits, together with the cursor."""
    values = target.values()
    # Two imports of one workspace would lock the same people in different orders; so their batches take turns.
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('audience.imports'), %s)", [target.workspace_id % 2**31])
    _stage(connection, batch)
    new = connection.execute(ADD, values).rowcount
    if new < batch.people:
        connection.execute(FIND, values)
        connection.execute(CHANGE, values)
    if batch.met_before and new:
        connection.execute(
            "UPDATE landed SET met_before = true FROM staged s WHERE s.digest = landed.digest AND s.met_before"
        )
    connection.execute(BLOCK, values)
    if target.list_id is not None:
        connection.execute(SUBSCRIBE, values)
    _store_faults(connection, target.import_id, sorted(batch.faults + batch.warnings))
    return _counts(batch, connection.execute(COUNT).fetchone())


def foresee(connection: psycopg.Connection[Any], batch: Batch, target: Target) -> Counts:
    """What `merge` would count. The caller rolls back."""
    _stage(connection, batch)
    return _counts(batch, connection.execute(FORESEE, target.values()).fetchone())


def _stage(connection: psycopg.Connection[Any], batch: Batch) -> None:
    with connection.cursor() as cursor, cursor.copy("COPY staged FROM STDIN") as copy:
        copy.write(batch.copy)


def _store_faults(connection: psycopg.Connection[Any], import_id: int, faults: Sequence[tuple[int, str, str]]) -> None:
    if not faults:
        return
    copied = "COPY import_faults (import_id, row_number, reason, row) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(copied) as copy:
        for number, reason, row in faults:
            copy.write_row((import_id, number, reason, row))


def _counts(batch: Batch, found: tuple[Any, ...] | None) -> Counts:
    added, updated = found or (0, 0)
    return Counts(
        added=added,
        updated=updated,
        invalid=len(batch.faults),
        duplicates=batch.repeated + batch.met_before,
        suppressed=batch.people - batch.met_before - added - updated,
        warned=len(batch.warnings),
    )
