"""One look at everything that DNS has about a domain, and at the logo that it points to."""

import math
import time
from collections.abc import Callable

from app.core.errors import TemporaryFailure
from app.deliverability.domains.checks.bimi import check_bimi
from app.deliverability.domains.checks.dkim import check_dkim
from app.deliverability.domains.checks.dmarc import check_alignment, check_dmarc, check_reports
from app.deliverability.domains.checks.hosts import check_ptr, check_tls
from app.deliverability.domains.checks.names import check_mx, check_soa
from app.deliverability.domains.checks.spf import check_spf
from app.deliverability.domains.facts import Facts
from app.deliverability.domains.findings import Finding, Kind
from app.deliverability.domains.questions import OUT_OF_TIME, Questions
from app.deliverability.domains.records.dns import Ask

CHECKS: dict[Kind, Callable[[Facts, Ask], Finding]] = {
    "spf": check_spf,
    "dkim": check_dkim,
    "dmarc": check_dmarc,
    "alignment": check_alignment,
    "reports": check_reports,
    "mx": lambda facts, ask: check_mx("mx", facts.domain, ask),
    "mx-bounce": lambda facts, ask: check_mx("mx-bounce", facts.bounce_domain, ask),
    "soa": lambda facts, ask: check_soa("soa", facts.domain, ask),
    "soa-bounce": lambda facts, ask: check_soa("soa-bounce", facts.bounce_domain, ask),
    "ptr": check_ptr,
    "tls": check_tls,
    "bimi": check_bimi,
}
"""In the order of the page."""


LOOK = 12.0
"""Seconds for a look that somebody waits for."""


def look_at(facts: Facts, kinds: tuple[Kind, ...] = tuple(CHECKS), until: float = math.inf) -> dict[str, Finding]:
    """What each check found; `unknown` where DNS was silent, or time was up (a moment of the monotonic clock).

    Takes two silences of 4 seconds at most, and 6 for the logo; answers that dawdle take longer.
    """
    ask, found = Questions(until), dict[str, Finding]()
    for kind in kinds:
        try:
            found[kind] = _check(kind, facts, ask, until)
        except TemporaryFailure as error:
            found[kind] = Finding(kind, "unknown", trouble=str(error))
    return found


def _check(kind: Kind, facts: Facts, ask: Ask, until: float) -> Finding:
    """The checks that ask other machines than DNS keep an eye on the time themselves."""
    if kind == "bimi":
        return check_bimi(facts, ask, until)
    if kind == "tls" and time.monotonic() >= until:
        raise TemporaryFailure(OUT_OF_TIME)
    return CHECKS[kind](facts, ask)
