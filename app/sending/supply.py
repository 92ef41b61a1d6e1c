"""What keeps the desk supplied: claims, permissions and the run's sign of life. SMTP never waits for it."""

from dataclasses import dataclass

from app.sending.allowance import Allowance
from app.sending.books import Books, wait_for
from app.sending.claims import Claims, Connection
from app.sending.desk import SendDesk
from app.sending.pacing.slow import Slow
from app.sending.pacing.turns import boottime
from app.sending.parcel import Parcel
from app.sending.smtp import At

AHEAD = 0.1
"""Seconds of work that are permitted at once."""
MOST_PERMITTED = 500
BEAT = 5.0
"""Seconds between signs of life."""
CHECK = 0.5
"""Seconds after which campaign and run are looked at even when no message needs it."""

_BEAT = "UPDATE runs SET seen_at = now() WHERE id = %s AND ended_at IS NULL"


@dataclass(slots=True)
class _Pace:
    """How fast messages leave, in messages per second."""

    rate: float = 0.0
    count: int = 0
    at: float = 0.0

    def look(self, now: float, count: int) -> float:
        if (span := now - self.at) > AHEAD / 2:
            self.rate, self.count, self.at = (count - self.count) / span, count, now
        return self.rate


async def permit_messages(
    desk: SendDesk, claims: Claims, connection: Connection, run_id: int, allowance: Allowance
) -> None:
    """Keep about `AHEAD` seconds of permitted messages before the lines, until cancelled. Raises OperationalError."""
    pace = _Pace(at=boottime())
    checked = beaten = 0.0
    while True:
        now = boottime()
        if now - beaten > BEAT:
            await connection.execute(_BEAT, (run_id,))
            beaten = now
        is_short = bool(desk.claimed) and len(desk.permitted) <= desk.low and not desk.stopped
        if is_short or desk.held or now - checked > CHECK:
            chunk = int(min(max(pace.look(now, desk.announced) * AHEAD, 2 * len(desk.lines), 8), MOST_PERMITTED))
            desk.low = chunk // 2
            await _permit(desk, claims, connection, await allowance.take(desk, chunk))
            checked = now
        desk.wanted.clear()
        if not desk.held and (desk.stopped or not desk.claimed or len(desk.permitted) > desk.low):
            await wait_for(desk.wanted, CHECK)


async def claim_messages(desk: SendDesk, claims: Claims, books: Books, batch: int) -> None:
    """Keep up to two batches of claimed messages behind the permitted ones; stop the desk when nothing is left.

    For slowed providers only what can soon go is claimed. When nothing else is left, the run stays with them for a
    while where they flow, and ends where they rest.
    """
    slow = Slow()
    while not desk.stopped:
        desk.consumed.clear()
        if len(desk.outcomes) < 4 * batch:
            slowed = list(desk.limits.by_provider)
            parcels: list[Parcel] = []
            async with books.lock:
                if len(desk.claimed) < batch:
                    parcels = await claims.claim(books.connection, batch, slowed)
                if slowed:
                    parcels += await slow.claim(desk, claims, books.connection)
            desk.receive(parcels)
            if parcels:
                slow.only_since = 0.0
                continue
            if not desk.has_work and not slowed:
                desk.is_exhausted = True
                desk.stop("finished")
                return
            if slowed and not desk.has_open_work:
                await slow.consider(desk, claims, books)
        await wait_for(desk.consumed, AHEAD)


async def _permit(desk: SendDesk, claims: Claims, connection: Connection, chunk: int) -> None:
    held = [line for line in desk.held if line.at is At.DESK and line.waiting]
    fresh = [desk.claimed.popleft() for _ in range(0 if desk.stopped else min(chunk, len(desk.claimed)))]
    desk.consumed.set()
    parcels = [parcel for line in held if (parcel := line.waiting)] + fresh
    # The permission counts from before the question: what happens while it is answered is not covered.
    asked_at = boottime()
    desk.asked = len(fresh)
    permission = await claims.permit(connection, parcels)
    desk.asked = 0
    if not permission.run_is_open:
        desk.stop("lost", at_once=True)
    elif permission.campaign_state != "sending":
        desk.stop("stopped", at_once=True)
    for index, parcel in enumerate(parcels):
        parcel.permitted_at = 0.0 if index in permission.forbidden else asked_at
    for index, line in enumerate(held):
        desk.decide(line, permission.forbidden.get(index, ""))
    for index, parcel in enumerate(fresh, len(held)):
        if reason := permission.forbidden.get(index):
            desk.forbid(parcel, reason)
        else:
            desk.permit(parcel)
    desk.wake_lines()
