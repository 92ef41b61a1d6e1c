"""What became of people whose mail came back, held against what must have become of them."""

from collections import Counter
from typing import Any

import psycopg

from benchmarks.incoming_mails import Fate, fate_of

MUST: dict[Fate, tuple[str, str, str]] = {
    "dead": ("bounced", "bounced", "bounced"),
    "full": ("bounced", "bounced", ""),
    "blocked": ("bounced", "bounced", ""),
    "complained": ("sent", "complained", "complained"),
    "away": ("sent", "auto-replied", ""),
}
"""State of the message, kind of its only event, and reason of the address's suppression."""


def compare(url: str, people: int) -> dict[str, Any]:
    """How many mails were lost or doubled, and how many people met another fate than their own."""
    with psycopg.connect(url) as connection:
        stored, unhandled = connection.execute(MAILS).fetchall()[0]
        rows = connection.execute(PEOPLE).fetchall()
        points = connection.execute("SELECT count(*) FROM bounce_points").fetchall()[0][0]
        notes = connection.execute(NOTES).fetchall()
    assert len(rows) == people
    lost, doubled, wrong, fates = people - stored + unhandled, max(stored - people, 0), 0, Counter[str]()
    for number, (state, events, kinds, suppressions, reason, held) in enumerate(rows):
        fate = fate_of(number)
        fates[fate] += 1
        lost += not events
        doubled += max(events - 1, 0) + max(suppressions - 1, 0)
        if fate == "held":
            is_right = (state, kinds) == ("bounced", "bounced") and bool(held) | bool(suppressions)
        else:
            is_right = (state, kinds, reason) == MUST[fate] and not held
        wrong += not is_right
    wrong += abs(points - fates["full"])
    return {
        "lost": lost,
        "doubled": doubled,
        "wrong": wrong,
        "suppressed": sum(bool(row[3]) for row in rows),
        "held": sum(bool(row[5]) and not row[3] for row in rows),
        "notes": dict(notes),
    }


MAILS = "SELECT count(*), count(*) FILTER (WHERE handled_at IS NULL) FROM incoming_mails"
NOTES = "SELECT note, count(*) FROM incoming_mails GROUP BY note ORDER BY 2 DESC LIMIT 12"
PEOPLE = """
SELECT m.state, (SELECT count(*) FROM events e WHERE e.message_id = m.id),
       coalesce((SELECT string_agg(DISTINCT e.kind, ' ') FROM events e WHERE e.message_id = m.id), ''),
       (SELECT count(*) FROM suppressions u WHERE u.workspace_id = s.workspace_id AND u.address_hash = s.address_hash),
       coalesce((SELECT max(u.reason) FROM suppressions u
                 WHERE u.workspace_id = s.workspace_id AND u.address_hash = s.address_hash), ''),
       (SELECT count(*) FROM held_suppressions h WHERE h.message_id = m.id)
FROM messages m JOIN subscribers s ON s.id = m.subscriber_id ORDER BY m.subscriber_id
"""
