"""What is known of recipients' domains, kept for as long as DNS says it is good, and put into the ledgers."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import text

from app.core.database import db
from app.core.extensions import settings
from app.core.logging import log
from app.sending.pacing.mx import Finding, look_up, resolver_for

FIRST, THEN = 64, 512
"""Domains looked up at once: the greatest first, so that most messages soon know their provider."""

_DOMAIN = "lower(substring(m.address from '[^@]*$'))"
_OPEN = "m.campaign_id = :campaign AND m.state IN ('planned', 'deferred')"
_FILL = text(
    f"""
    UPDATE messages m SET provider = d.provider FROM mailbox_domains d
    WHERE {_OPEN} AND m.provider = '' AND d.domain = {_DOMAIN}
    """  # noqa: S608 - only constants of this file are put together
)
_MOVE = text(
    f"""
    UPDATE messages m SET provider = d.provider FROM mailbox_domains d
    WHERE {_OPEN} AND d.domain = {_DOMAIN} AND d.domain = ANY(:domains) AND m.provider <> d.provider
    """  # noqa: S608 - only constants of this file are put together
)
_WANTED = text(
    f"""
    SELECT {_DOMAIN} AS domain FROM messages m LEFT JOIN mailbox_domains d ON d.domain = {_DOMAIN}
    WHERE {_OPEN} AND (d.domain IS NULL OR d.good_until < now())
    GROUP BY 1 ORDER BY count(*) DESC
    """  # noqa: S608 - only constants of this file are put together
)
_KEEP = text(
    """
    INSERT INTO mailbox_domains (domain, provider, mx, fault, looked_at, good_until)
    SELECT domain, provider, mx, fault, now(), now() + make_interval(secs => good)
    FROM unnest(CAST(:domains AS text[]), CAST(:providers AS text[]), CAST(:hosts AS text[]), CAST(:faults AS text[]),
                CAST(:goods AS float8[])) AS f (domain, provider, mx, fault, good)
    ORDER BY domain
    ON CONFLICT (domain) DO UPDATE
    -- What was once known is better than a guess.
    SET provider = CASE WHEN excluded.fault <> '' AND mailbox_domains.mx <> '' THEN mailbox_domains.provider
                        ELSE excluded.provider END,
        mx = CASE WHEN excluded.fault <> '' THEN mailbox_domains.mx ELSE excluded.mx END,
        fault = excluded.fault, looked_at = excluded.looked_at, good_until = excluded.good_until
    """
)
_UNKNOWN = text(
    """
    SELECT c.id FROM campaigns c WHERE c.state IN ('holding', 'sending')
    AND (EXISTS (SELECT FROM messages m WHERE m.campaign_id = c.id AND m.provider = '' AND m.state = 'planned'
                                              AND m.next_attempt_at IS NULL)
         OR (c.launched_at > now() - interval '1 minute' AND EXISTS (
             SELECT FROM messages m WHERE m.campaign_id = c.id AND m.provider = '' AND m.state = 'planned'
                                          AND m.next_attempt_at IS NOT NULL))
         -- Claimed by workers before anybody had looked. Only for a while: else each look would read all deferred ones.
         OR (c.launched_at > now() - interval '10 minutes' AND EXISTS (
             SELECT FROM messages m WHERE m.campaign_id = c.id AND m.provider = '' AND m.state = 'deferred')))
    """
)
_FAULTY = text(
    """
    SELECT c.id FROM campaigns c WHERE c.state IN ('holding', 'sending')
    AND EXISTS (SELECT FROM mailbox_domains d WHERE d.fault <> '' AND d.good_until < now()
                                                    AND d.looked_at > now() - interval '1 day')
    """
)


def learn_domains(campaign_id: int, *, most: int | None = None) -> int:
    """Look up the domains of a campaign that are not known, or no longer, and note their providers. Commits.

    Returns how many were looked up; at most `most`, the greatest first. `FIRST` of them take no longer than one domain
    may take. Sending goes on meanwhile. Safe to run beside itself.
    """
    _fill(campaign_id)
    wanted = [str(row.domain) for row in db.session.execute(_WANTED, {"campaign": campaign_id})]
    wanted = wanted[:most]
    db.session.commit()
    if not wanted:
        return 0
    resolver = resolver_for(settings())
    start, faults = 0, 0
    while start < len(wanted):
        part = wanted[start : start + (THEN if start else FIRST)]
        found = asyncio.run(look_up(part, resolver))
        _keep(found)
        db.session.execute(_MOVE, {"campaign": campaign_id, "domains": part})
        db.session.commit()
        start, faults = start + len(part), faults + sum(bool(one.fault) for one in found)
    log("sending").info("domains learnt", campaign=campaign_id, domains=len(wanted), faults=faults)
    return len(wanted)


def campaigns_to_learn() -> list[int]:
    """Campaigns with messages whose provider is not known."""
    return [row.id for row in db.session.execute(_UNKNOWN)]


def campaigns_to_look_again() -> list[int]:
    """Campaigns under way while some domain waits for another look, because DNS had no answer."""
    return [row.id for row in db.session.execute(_FAULTY)]


def _fill(campaign_id: int) -> None:
    db.session.execute(_FILL, {"campaign": campaign_id})
    db.session.commit()


def _keep(found: Sequence[Finding]) -> None:
    binds = {
        "domains": [one.domain for one in found],
        "providers": [one.provider for one in found],
        "hosts": [one.mx for one in found],
        "faults": [one.fault for one in found],
        "goods": [one.good for one in found],
    }
    db.session.execute(_KEEP, binds)
