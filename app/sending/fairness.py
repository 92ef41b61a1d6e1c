"""How long one slice may be, so that campaigns and workspaces share the workers by their weights.

The queue of slices goes round: each campaign has its turn. So shares follow from the lengths of the turns: a
workspace's share is its weight among those that send, and within it each campaign's weight among its campaigns.
"""

from typing import Any

from psycopg import AsyncConnection

SHORTEST = 2.0
"""Seconds: below this, opening connections would be most of the work."""
LONGEST_BY_USUAL = 3.0
"""A turn is at most so many times the usual one, whatever the weights."""

_SENDING = """
SELECT c.id, c.workspace_id, c.weight, w.weight
FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id WHERE c.state = 'sending'
"""


async def slice_seconds(connection: AsyncConnection[tuple[Any, ...]], campaign_id: int, usual: float) -> float:
    """The length of this campaign's next slice; `usual` seconds when it sends alone or all weigh the same."""
    rows = await (await connection.execute(_SENDING)).fetchall()
    return turn(campaign_id, [(row[0], row[1], row[2], row[3]) for row in rows], usual)


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
    return min(max(usual * shares[campaign_id] * len(shares), SHORTEST), usual * LONGEST_BY_USUAL)
