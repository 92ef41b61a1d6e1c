"""Suppressing addresses that are dead for good, in SQL, for everyone who hears of one: while sending, and afterwards.

While an incident of many alike failures is open, what it speaks of is held with it instead (`tracking/incidents`).
"""

from app.mail.reasons import OF_US, REASONS

DEAD = frozenset({"userunknown", "hasmoved", "hostunknown", "notaccept"})
"""The reasons that may speak of an address gone for good; a permanent `hostunknown` only if our resolver agrees."""
SCORED = frozenset(word for word, reason in REASONS.items() if reason.effect in ("score", "suppress"))
"""The reasons that speak of the address or its domain: what is not dead counts as a point, one a day."""
SENDER_SIDE = frozenset(word for word, reason in REASONS.items() if reason.scope in OF_US and reason.effect == "alert")
"""The reasons that speak of us or of what we wrote, and so never touch a person."""


def provider_sql(message: str) -> str:
    """The mailbox provider of a message, or its domain while that is not known; `message` is its alias.

    The first thousands of a campaign may go before their domains were looked up; what was found since counts for them.
    """
    domain = f"lower(substring({message}.address from '[^@]*$'))"
    found = f"SELECT d.provider FROM mailbox_domains d WHERE d.domain = {domain} AND d.provider <> 'none'"  # noqa: S608
    return (
        f"CASE WHEN {message}.provider IN ('', 'none') THEN coalesce(({found}), {domain}) ELSE {message}.provider END"
    )


def quoted(words: frozenset[str]) -> str:
    """Words of the vocabulary as the inside of an SQL list."""
    return ", ".join(f"'{word}'" for word in sorted(words))


SUPPRESS_OR_HOLD = """
bursts AS MATERIALIZED (
    -- Whoever decides about the incident waits until this is written, and this waits for the decision.
    SELECT i.id, i.workspace_id, i.provider, i.reason, i.decision FROM incidents i
    WHERE i.kind = 'burst' AND i.ended_at IS NULL
          AND (i.workspace_id, i.provider, i.reason) IN (SELECT workspace_id, provider, reason FROM dead)
          AND i.seen_at >= (SELECT min(written_at) FROM dead) - interval '30 minutes'
          -- Held no longer than a day, so that nobody keeps it open by going on.
          AND i.opened_at >= (SELECT min(written_at) FROM dead) - interval '24 hours'
    FOR SHARE
), marked AS MATERIALIZED (
    SELECT d.*, sha256(w.address_key || convert_to(lower(d.address), 'UTF8')) AS address_hash,
           left(d.address, 1) || '…@' || substring(lower(d.address) from '[^@]*$') AS hint,
           b.id AS incident_id
    FROM dead d JOIN workspaces w ON w.id = d.workspace_id
    LEFT JOIN bursts b ON b.workspace_id = d.workspace_id AND b.provider = d.provider AND b.reason = d.reason
                          AND b.decision <> 'believed'
), held AS (
    INSERT INTO held_suppressions (workspace_id, incident_id, message_id, address_hash, hint, reason, evidence, held_at)
    SELECT workspace_id, incident_id, message_id, address_hash, hint, 'bounced', evidence, written_at
    FROM marked WHERE incident_id IS NOT NULL
    ON CONFLICT DO NOTHING RETURNING id
), written AS (
    INSERT INTO suppressions (workspace_id, created_at, address_hash, hint, reason, evidence, message_id)
    SELECT workspace_id, written_at, address_hash, hint, 'bounced', evidence, message_id
    FROM marked WHERE incident_id IS NULL
    ON CONFLICT DO NOTHING RETURNING id
)
SELECT (SELECT count(*) FROM written) AS written, (SELECT count(*) FROM held) AS held
"""
"""The end of a statement. Before it stands `dead (workspace_id, message_id, address, provider, reason, evidence,
written_at)`: the address as it is, the provider by `provider_sql`. Safe to repeat. A bounce is the weakest reason, so
an active suppression stays as it is."""

POINT = """
INSERT INTO bounce_points (workspace_id, address_hash, day, message_id, reason, evidence)
SELECT f.workspace_id, sha256(w.address_key || convert_to(lower(f.address), 'UTF8')),
       (f.at AT TIME ZONE 'UTC')::date, f.message_id, f.reason, left(f.evidence, 200)
FROM failed f JOIN workspaces w ON w.id = f.workspace_id
ON CONFLICT DO NOTHING
"""
"""One point a day. Before it stands `failed (workspace_id, message_id, address, reason, evidence, at)`."""
