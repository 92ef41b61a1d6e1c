"""A look into DNS for a page that waits, remembered for a few minutes; nothing is written."""

import time

from flask import current_app

from app.core.outside import waiting_outside
from app.deliverability.domains.facts import Facts
from app.deliverability.domains.findings import Finding
from app.deliverability.domains.look import CHECKS, LOOK, look_at

MINUTES = 10
SILENT_MINUTES = 1
MOST = 200

CONNECTING = ("tls", "bimi")
"""Checks that ask other machines than DNS. What receivers take depends on neither."""

_EXTENSION = "merpati.domain_glances"
_Key = tuple[Facts, tuple[str, ...]]


def glance(facts: Facts, kinds: tuple[str, ...] = ()) -> dict[str, Finding]:
    """What DNS has now, or had a few minutes ago; of all checks unless some are named. Connects to no machine.

    Raises Busy when too much is being looked at just now.
    """
    chosen = tuple(kind for kind in CHECKS if kind not in CONNECTING and (not kinds or kind in kinds))
    known: dict[_Key, tuple[float, dict[str, Finding]]] = current_app.extensions.setdefault(_EXTENSION, {})
    key, now = (facts, chosen), time.monotonic()
    until, found = known.get(key, (0.0, {}))
    if now < until:
        return found
    with waiting_outside(LOOK) as until:
        found = look_at(facts, chosen, until)
    is_silent = any(finding.state == "unknown" for finding in found.values())
    if len(known) >= MOST:
        known.clear()
    known[key] = now + 60 * (SILENT_MINUTES if is_silent else MINUTES), found
    return found
