"""Sharing the workers: how long one slice may be by the weights of campaigns and workspaces, and when it ends early.

The queue of slices goes round: each campaign has its turn. So shares follow from the lengths of the turns: a
workspace's share is its weight among those that send, and within it each campaign's weight among its campaigns. Only
those count that could send just now: one that waits for its hour, its quiet hours or its provider takes nobody's share.
"""

from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from app.accounts.quiet import QUIET_SQL

SHORTEST = 2.0
"""Seconds: below this, opening connections would be most of the work."""
LONGEST_BY_USUAL = 3.0
"""A turn is at most so many times the usual one, whatever the weights."""

PATIENCE = 1.0
"""Seconds that something in a hurry waits for a free worker before a slice makes room for it."""

TURN = "The workers are busy with other campaigns; its turn comes by itself."
"""What the page of a campaign says that could send, were there a worker."""

_SENDING = f"""
SELECT c.id, c.workspace_id, c.weight, w.weight, c.stream
FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id
WHERE c.state = 'sending' AND (c.id = %(campaign)s OR c.waiting_for IN ('', %(turn)s) AND NOT {QUIET_SQL} AND (
    EXISTS (SELECT FROM runs r WHERE r.campaign_id = c.id AND r.ended_at IS NULL)
    OR EXISTS (SELECT FROM messages m WHERE m.campaign_id = c.id AND m.state = 'planned' AND m.next_attempt_at IS NULL)
    OR EXISTS (SELECT FROM messages m WHERE m.campaign_id = c.id AND m.state IN ('planned', 'deferred')
                                            AND m.next_attempt_at <= now())))
"""  # noqa: S608 - only a constant of the house is put in


@dataclass(frozen=True, slots=True)
class Turn:
    """One slice: its length, and whether it makes room for what is in a hurry."""

    seconds: float
    yields: bool


async def next_turn(connection: AsyncConnection[tuple[Any, ...]], campaign_id: int, usual: float) -> Turn:
    """This campaign's next slice; `usual` seconds when it sends alone or all weigh the same."""
    rows = await (await connection.execute(_SENDING, {"campaign": campaign_id, "turn": TURN})).fetchall()
    seconds = turn(campaign_id, [(row[0], row[1], row[2], row[3]) for row in rows], usual)
    return Turn(seconds, all(row[4] != "transactional" for row in rows if row[0] == campaign_id))


class Hurry:
    """Whether something in a hurry has waited too long, from looks now and then."""

    def __init__(self) -> None:
        self._since = 0.0

    def look(self, now: float, *, waits: bool) -> bool:
        """True once it has waited for `PATIENCE` seconds."""
        self._since = (self._since or now) if waits else 0.0
        return waits and now - self._since >= PATIENCE


def turn(campaign_id: int, sending: list[tuple[int, int, int, int]], usual: float) -> float:
    """The same from (campaign, workspace, its weight, the workspace's weight) of all that send now."""
    within: dict[int, int] = {}
    weights: dict[int, int] = {}
    for _campaign, workspace, weight, of_workspace in sending:
        within[workspace] = within.get(workspace, 0) + max(weight, 1)
        weights[workspace] = max(of_workspace, 1)
    shares = {
        campaign: weights[workspace] / sum(weights.values()) * max(weight, 1) / within[workspace]
        for campaign, workspace, weight, _of_workspace in sending
    }
    if campaign_id not in shares:
        return usual
    # With equal shares every turn is the usual one.
    return min(max(usual * shares[campaign_id] * len(shares), min(SHORTEST, usual)), usual * LONGEST_BY_USUAL)
