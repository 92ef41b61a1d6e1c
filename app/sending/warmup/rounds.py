"""Several times an hour: what came of a warming identity's mail, and a halt for the day where it is badly received."""

from sqlalchemy import text

from app.core.database import db
from app.core.logging import log
from app.messages.handed_over import nearest_first
from app.messages.of_transport import is_of_transport
from app.sending.warmup.curve import Day, hold_reason

# What was heard is of the transport by which that attempt went, not of the one that tried again since.
_COUNT = text(
    f"""
    WITH day AS (
        SELECT d.id, d.warm_up_id, d.provider, d.workspace_id, u.transport_id, u.domain,
               (d.day::timestamp AT TIME ZONE w.timezone) AS start,
               ((d.day + 1)::timestamp AT TIME ZONE w.timezone) AS stop
        FROM warm_up_days d JOIN warm_ups u ON u.id = d.warm_up_id JOIN workspaces w ON w.id = d.workspace_id
        WHERE d.day >= (now() AT TIME ZONE w.timezone)::date - 2
    ), campaign AS (
        SELECT DISTINCT day.id AS day_id, c.id
        FROM day JOIN campaigns c ON c.workspace_id = day.workspace_id AND c.launched_at IS NOT NULL
             AND (lower(split_part(c.from_email, '@', 2)) = day.domain
                  OR lower(split_part(c.from_email, '@', 2)) LIKE '%' || '.' || day.domain)
        WHERE c.finished_at IS NULL OR c.finished_at > day.start - interval '7 days'
    ), tried AS (
        SELECT day.id,
               count(*) FILTER (WHERE a.outcome = 'deferred' AND NOT {is_of_transport("a")}) AS deferred,
               count(*) FILTER (WHERE a.outcome = 'bounced') AS bounced
        FROM day JOIN campaign ON campaign.day_id = day.id
        JOIN attempts a ON a.campaign_id = campaign.id AND a.at >= day.start AND a.at < day.stop
        JOIN runs r ON r.id = a.run_id AND r.transport_id = day.transport_id
        JOIN messages m ON m.id = a.message_id AND m.provider = day.provider
        GROUP BY day.id
    ), heard AS (
        SELECT day.id, count(*) FILTER (WHERE e.kind = 'complained') AS complained,
               count(*) FILTER (WHERE e.kind = 'bounced') AS bounced
        FROM day JOIN campaign ON campaign.day_id = day.id
        JOIN events e ON e.campaign_id = campaign.id AND e.kind IN ('bounced', 'complained')
             AND e.at >= day.start AND e.at < day.stop
        JOIN messages m ON m.id = e.message_id AND m.provider = day.provider
        JOIN LATERAL (SELECT a.run_id FROM attempts a WHERE a.message_id = e.message_id AND a.run_id IS NOT NULL
                      ORDER BY {nearest_first("e", "a")} LIMIT 1) a ON true
        JOIN runs r ON r.id = a.run_id AND r.transport_id = day.transport_id
        GROUP BY day.id
    )
    UPDATE warm_up_days d
    SET deferred = coalesce(tried.deferred, 0), complained = coalesce(heard.complained, 0),
        -- A refusal at once is an attempt and an event; a bounce that came later is an event alone.
        bounced = greatest(coalesce(tried.bounced, 0), coalesce(heard.bounced, 0))
    FROM day LEFT JOIN tried ON tried.id = day.id LEFT JOIN heard ON heard.id = day.id
    WHERE d.id = day.id
    RETURNING d.id, d.provider, d.cap, d.sent, d.deferred, d.bounced, d.complained, d.note, now() < day.stop AS is_today
    """  # noqa: S608 - only constants of the house are put together
)
_HALT = text("UPDATE warm_up_days SET note = :note WHERE id = :id AND note = ''")


def look_after_warm_ups() -> int:
    """Count the latest days anew and halt those that went badly; flushes. Returns how many were halted now."""
    halted = 0
    for row in db.session.execute(_COUNT).all():
        reason = hold_reason(Day(row.cap, row.sent, row.deferred, row.bounced, row.complained))
        if reason and row.is_today and not row.note:
            note = f"Halted for the day after {row.sent:,} messages: {reason}."
            db.session.execute(_HALT, {"id": row.id, "note": note})
            log("sending").warning("warm-up halted", provider=row.provider, reason=reason)
            halted += 1
    return halted
