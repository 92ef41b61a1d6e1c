"""Looking whether many fail alike, once for a batch instead of once for each failure in it."""

from time import monotonic

from app.core.database import current_workspace_id
from app.tracking.incidents.bursts import find_bursts

QUICK = 0.1
"""Seconds that a look may take without a rest after it: in a small campaign every batch is looked at."""
_rest: dict[int, float] = {}
"""When this process may look again, by workspace: counting costs more than what it counts."""


def look_for_bursts(reasons: frozenset[str]) -> None:
    """Open the incidents of these reasons in the workspace in scope. What slips through is found by the next look."""
    workspace_id, began = current_workspace_id(), monotonic()
    if not reasons or _rest.get(workspace_id, 0.0) > began:
        return
    find_bursts(reasons=reasons)
    if len(_rest) > 10_000:
        _rest.clear()
    done = monotonic()
    _rest[workspace_id] = done + 5 * max(done - began - QUICK, 0.0)
