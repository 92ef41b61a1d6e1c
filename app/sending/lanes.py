"""Lanes: how many workers send a campaign at once, and who looks that none of them is missing.

A lane is one send job at a time; its slice ends after `settings.send_slice` seconds and puts the next one on the
queue, behind the jobs of other campaigns. `tend`, called by the schedule every second, looks into the database for
what is left to do, so a lost job, worker or queue only costs time.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text

from app.accounts.quiet import quiet_until, quiet_words
from app.core import clock
from app.core.database import db
from app.core.extensions import enqueue_job, settings
from app.core.jobs import Job
from app.sending.fairness import TURN
from app.sending.pacing.state import Rest, resting
from app.sending.pacing.words import moment_words

_WORK = text(
    """
    SELECT c.id, c.workspace_id,
           (SELECT count(*) FROM (SELECT FROM messages m WHERE m.campaign_id = c.id AND m.state = 'planned'
                                  AND m.next_attempt_at IS NULL LIMIT :enough) p)
           + (SELECT count(*) FROM (SELECT FROM messages m WHERE m.campaign_id = c.id
                                    AND m.state IN ('planned', 'deferred')
                                    AND m.next_attempt_at <= now() LIMIT :enough) d) AS claimable,
           (SELECT count(*) FROM runs r WHERE r.campaign_id = c.id AND r.ended_at IS NULL) AS running,
           c.stream, c.timing, w.timezone, w.quiet_from, w.quiet_to,
           greatest(tries.ended_at, c.hold_until, c.launched_at, c.created_at) AS idle_since,
           tries.failures,
           tries.ended_at < now() - make_interval(secs => least(2 ^ tries.failures, :longest)) AS may_try
    FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE NOT was_of_use) AS failures, max(ended_at) AS ended_at
        FROM (
            SELECT ended_at, bool_or(outcome NOT IN ('waiting', 'failed')) OVER (ORDER BY id DESC) AS was_of_use FROM (
                SELECT r.id, r.ended_at, r.outcome FROM runs r
                WHERE r.campaign_id = c.id AND r.ended_at IS NOT NULL ORDER BY r.id DESC LIMIT 10
            ) latest
        ) judged
    ) tries ON true
    WHERE c.state = 'sending'
    """
)
_STREAM = text("SELECT stream FROM campaigns WHERE id = :campaign")
_DEFERRED = text(
    """
    SELECT count(*) AS number, count(*) FILTER (WHERE m.state = 'planned') AS timed,
           min(m.next_attempt_at) AS next_try, w.timezone
    FROM messages m JOIN workspaces w ON w.id = m.workspace_id
    WHERE m.campaign_id = :campaign AND m.state IN ('planned', 'deferred') AND m.next_attempt_at IS NOT NULL
    GROUP BY w.timezone
    """
)
_SAY = text(
    """
    UPDATE campaigns SET waiting_for = :words,
           waiting_since = CASE WHEN waiting_for = '' THEN now() ELSE waiting_since END
    WHERE id = :campaign AND state = 'sending' AND waiting_for <> :words
    """
)
_SAY_TURN = text(
    """
    UPDATE campaigns SET waiting_for = :words, waiting_since = :since
    WHERE id = :campaign AND state = 'sending' AND waiting_for = ''
    """
)
# Provider by provider: those that rest may have a million messages.
_OTHER_WORK = text(
    """
    WITH RECURSIVE one (provider) AS (
        (SELECT provider FROM messages WHERE campaign_id = :campaign AND state = 'planned' AND next_attempt_at IS NULL
         ORDER BY provider LIMIT 1)
        UNION ALL
        SELECT following.provider FROM one, LATERAL (
            SELECT provider FROM messages
            WHERE campaign_id = :campaign AND state = 'planned' AND next_attempt_at IS NULL
                  AND provider > one.provider ORDER BY provider LIMIT 1) following
    )
    SELECT EXISTS (SELECT FROM one WHERE provider <> ALL(CAST(:resting AS text[])))
        OR EXISTS (SELECT FROM messages WHERE campaign_id = :campaign AND state IN ('planned', 'deferred')
                                              AND next_attempt_at <= now()
                                              AND provider <> ALL(CAST(:resting AS text[])))
    """
)
UNSEEN = timedelta(seconds=5)
"""So long a campaign waits for its turn before its page says so."""
LONGEST_PAUSE = 60
"""Seconds between tries while the transport cannot be used: 2, 4, 8 … up to this."""


def start_lanes(campaign_id: int, lanes: int | None = None) -> None:
    """Queue up to `settings.workers` send jobs; a lane whose job still waits gets no second one. After the commit."""
    for lane in range(settings().workers if lanes is None else lanes):
        queue_lane(campaign_id, lane)


def queue_lane(campaign_id: int, lane: int) -> None:
    """Queue the next slice of one lane."""
    stream = db.session.scalar(_STREAM, {"campaign": campaign_id})
    job = Job.SEND_AT_ONCE if stream == "transactional" else Job.SEND_CAMPAIGN
    enqueue_job(job, campaign_id, lane, once_as=f"send-{campaign_id}-{lane}")


def tend() -> None:
    """See that every campaign in `sending` has its lanes, and that its page says what it waits for. Commits."""
    batch, workers = settings().send_batch, settings().workers
    wanted: dict[int, int] = {}
    rows = db.session.execute(_WORK, {"enough": batch * workers, "longest": LONGEST_PAUSE}).all()
    rests = resting(row.id for row in rows if row.claimable)
    is_busy = any(row.running for row in rows)
    for row in rows:
        if row.claimable and (until := quiet_until(row, row.stream, row.timing, clock.now())) is not None:
            if not row.running:
                db.session.execute(_SAY, {"campaign": row.id, "words": quiet_words(row, until)})
        elif row.claimable:
            if row.id in rests and not _has_other_work(row.id, rests[row.id]):
                continue
            lanes = min(workers, -(-row.claimable // batch)) - row.running
            # After failures a single knock, and not too often.
            wanted[row.id] = lanes if not row.failures else int(row.may_try and lanes > 0)
            if not row.running and not row.failures and is_busy and row.idle_since < clock.now() - UNSEEN:
                db.session.execute(_SAY_TURN, {"campaign": row.id, "words": TURN, "since": row.idle_since})
        elif not row.running:
            _say_deferred(row.id)
    db.session.commit()
    for campaign_id, lanes in wanted.items():
        start_lanes(campaign_id, lanes)


def _has_other_work(campaign_id: int, rest: Rest) -> bool:
    binds = {"campaign": campaign_id, "resting": list(rest.providers)}
    return bool(db.session.execute(_OTHER_WORK, binds).scalar_one())


def _say_deferred(campaign_id: int) -> None:
    row = db.session.execute(_DEFERRED, {"campaign": campaign_id}).one_or_none()
    if row is None:
        return
    moment = moment_words(row.next_try, ZoneInfo(row.timezone))
    if row.timed:
        words = f"The {row.number:,} left go at a time of their own; the next at {moment}."
    else:
        words = f"All {row.number:,} left are deferred; next try {moment}."
    db.session.execute(_SAY, {"campaign": campaign_id, "words": words})
