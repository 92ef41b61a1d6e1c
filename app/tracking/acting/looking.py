"""Looking whether many fail alike, once for a batch instead of once for each failure in it."""

from collections.abc import Sequence
from datetime import datetime
from time import monotonic

from app.core.database import current_workspace_id
from app.tracking.incidents.bursts import find_bursts, spans_of

QUICK = 0.1
"""Seconds that a look may take without a rest after it: in a small campaign every batch is looked at."""
_rest: dict[int, float] = {}
"""When this process may look again, by workspace: counting costs more than what it counts."""


def look_for_bursts(failed: Sequence[tuple[str, datetime]]) -> None:
    """Open the incidents of these reasons and moments in the workspace in scope. What slips through is found by the
    next look, except what is told late: that is always looked at.
    """
    workspace_id, began = current_workspace_id(), monotonic()
    if not failed:
        return
    reasons = frozenset(reason for reason, _at in failed)
    rests = _rest.get(workspace_id, 0.0) > began
    spans = [span for span in spans_of([at for _reason, at in failed]) if span.is_late or not rests]
    if not spans:
        return
    for span in spans:
        find_bursts(reasons=reasons, span=span)
    if len(_rest) > 10_000:
        _rest.clear()
    done = monotonic()
    _rest[workspace_id] = done + 5 * max(done - began - QUICK, 0.0)
