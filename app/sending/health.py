"""How well a transport does: a score, and a breaker that leaves a broken one alone for a while.

closed: used. Open: not used before `open_until`. Half open, once that has passed: one run tries it. A run that sends
closes the breaker; one that fails opens it for twice as long as before, up to half an hour.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from psycopg import AsyncConnection

from app.core.logging import log
from app.messages.lifecycle import State
from app.sending.shares import settle_turn

FAILURES = 4
"""Failed runs in a row that open the breaker; a fault in the set-up does at once, and so does a run of nothing but
doubt."""
LONGEST = 30
"""Minutes for which the breaker is open at most: 1, 2, 4, 8, 16, 30."""
NOT_ITS_FAULT = ("The database ", "The journal ", "The transport has carried ")
"""How waits begin that are nobody's fault but ours, whatever a transport is called."""
RECENT = 0.2
"""Weight of the latest run in the score."""
LONGEST_WORDS = 500

_READ = "SELECT score, failures, open_until, last_words, now() FROM transports WHERE id = %s"
_SWAP = """
UPDATE transports SET score = %(score)s, failures = %(failures)s, open_until = %(open_until)s,
       last_words = %(last_words)s
WHERE id = %(id)s AND score = %(was_score)s AND failures = %(was_failures)s
      AND open_until IS NOT DISTINCT FROM %(was_open_until)s
"""
_SWITCHED = "UPDATE runs SET outcome = 'switched' WHERE id = %s AND outcome = 'waiting'"
_OTHERS = """
SELECT EXISTS (
    SELECT FROM transports t JOIN campaigns c ON c.workspace_id = t.workspace_id
    WHERE c.id = %(campaign)s AND c.transport_id IS NULL AND t.id <> %(transport)s AND t.is_enabled
          AND t.stream IN ('', c.stream) AND t.open_until IS NULL
)
"""

Kind = Literal["well", "failed", "setup", "idle"]


@dataclass(frozen=True, slots=True)
class Health:
    """What a transport's row says of it."""

    score: float = 1.0
    failures: int = 0
    open_until: datetime | None = None
    last_words: str = ""

    def state(self, now: datetime) -> Literal["closed", "open", "half-open"]:
        """Of the breaker."""
        if self.open_until is None:
            return "closed"
        return "open" if self.open_until > now else "half-open"


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a run went for its transport. `is_probe`: it was the one that a half-open breaker let through."""

    kind: Kind
    success: float = 1.0
    """Share of the messages tried that the transport did what was asked with."""
    words: str = ""
    is_probe: bool = False


class EndedDesk(Protocol):
    """What is asked of a desk after its run; `is_setup_fault` says that waiting will not help."""

    stopped: str
    waiting_for: str
    trouble: str
    is_setup_fault: bool
    server: str
    counts: Counter[State]


class UsedWay(Protocol):
    """What is asked of a way (`ways.Way`) after its run."""

    @property
    def campaign_id(self) -> int: ...

    @property
    def run_id(self) -> int | None: ...

    @property
    def transport_id(self) -> int | None: ...

    @property
    def expected(self) -> int: ...

    @property
    def is_probe(self) -> bool: ...


def after_run(health: Health, run: RunReport, now: datetime) -> Health:
    """The health after one more run. Pure."""
    if run.kind == "idle":
        return health
    score = (1 - RECENT) * health.score + RECENT * (run.success if run.kind == "well" else 0.0)
    if run.kind == "well":
        return Health(score, 0, None, health.last_words)
    if health.open_until is not None and not run.is_probe:
        # Begun before the breaker opened: it tells nothing new.
        return replace(health, last_words=run.words)
    failures = max(health.failures + 1, FAILURES) if run.kind == "setup" else health.failures + 1
    until = now + pause_after(failures) if failures >= FAILURES else None
    return Health(score, failures, until, run.words)


def pause_after(failures: int) -> timedelta:
    """For how long the breaker opens after so many failures in a row."""
    return timedelta(minutes=min(2 ** min(failures - FAILURES, 10), LONGEST))


async def note_health(connection: AsyncConnection[tuple[Any, ...]], way: UsedWay, desk: EndedDesk) -> None:
    """Tell the transport how its run went; after `Books.close`. The installation's own has no row, so no breaker.

    When the breaker opens and another transport stands ready, the run ends as `switched`, which lets the next one
    begin without the pause that follows a failure.
    """
    if way.transport_id is None:
        return
    await settle_turn(way.campaign_id, way.transport_id, way.expected, desk.counts[State.SENT])
    run = report_of(desk, is_probe=way.is_probe)
    health = await note_run(connection, way.transport_id, run)
    if health is None or health.open_until is None or run.kind not in ("failed", "setup"):
        return
    log("sending").warning("transport set aside", transport=way.transport_id, failures=health.failures)
    binds = {"campaign": way.campaign_id, "transport": way.transport_id}
    row = await (await connection.execute(_OTHERS, binds)).fetchone()
    if row and row[0]:
        await connection.execute(_SWITCHED, (way.run_id,))


def report_of(desk: EndedDesk, *, is_probe: bool = False) -> RunReport:
    """What a desk that has stopped says of its transport.

    A wait that is the transport's fault names it; the database's, the disk's and a limit's waits do not.
    """
    counts, words = desk.counts, desk.waiting_for
    names_it = words == desk.trouble or (desk.server in words and not words.startswith(NOT_ITS_FAULT))
    if desk.stopped == "waiting" and names_it:
        # Where all that came of a run is doubt, another try costs the next people their certainty: it is set aside at
        # once.
        has_only_doubt = counts[State.UNCERTAIN] > 0 and not counts[State.SENT]
        kind: Kind = "setup" if desk.is_setup_fault or has_only_doubt else "failed"
        return RunReport(kind, 0.0, desk.waiting_for[:LONGEST_WORDS], is_probe)
    done = counts[State.SENT] + counts[State.BOUNCED]
    tried = done + counts[State.DEFERRED] + counts[State.UNCERTAIN]
    if not done:
        return RunReport("idle", is_probe=is_probe)
    return RunReport("well", done / tried, is_probe=is_probe)


async def note_run(connection: AsyncConnection[tuple[Any, ...]], transport_id: int, run: RunReport) -> Health | None:
    """Compare and set until nobody else was faster. None when the transport is gone."""
    while row := await (await connection.execute(_READ, (transport_id,))).fetchone():
        before, now = Health(*row[:4]), row[4]
        after = after_run(before, run, now)
        if after == before:
            return after
        binds = {
            "id": transport_id,
            "score": after.score,
            "failures": after.failures,
            "open_until": after.open_until,
            "last_words": after.last_words.encode("utf-8", "replace").decode().replace("\0", " "),
            "was_score": before.score,
            "was_failures": before.failures,
            "was_open_until": before.open_until,
        }
        if (await connection.execute(_SWAP, binds)).rowcount:
            return after
    return None
