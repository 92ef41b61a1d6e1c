"""Which way a run goes out: the transport chosen for its campaign, or the workspace's by tier, health and weight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from app.core.errors import SettingsError
from app.core.settings import Settings
from app.core.tokens import Keyring
from app.sending.allowance import WORTH_WAITING
from app.sending.domains.theirs import signs_alone
from app.sending.health import RunReport, note_run
from app.sending.quotas import seconds_until
from app.sending.shares import take_turn
from app.sending.transports import AnyAccount, TransportRow, account_of, installation_account
from app.sending.warmup.allowance import has_room

PROBE = 120
"""Seconds after which another run may try a half-open transport, if the first is never heard of again."""
PROBE_MESSAGES = 100

CANDIDATES = """
SELECT t.id, t.name, t.kind, t.host, t.port, t.security, t.username, t.password_sealed, t.options, t.limits,
       t.signs, t.tier, t.weight, t.is_enabled, t.open_until, t.last_words, t.failures, c.transport_id,
       now(), w.timezone
FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id JOIN transports t ON t.workspace_id = c.workspace_id
WHERE c.id = %s AND CASE WHEN c.transport_id IS NULL THEN t.is_enabled AND t.stream IN ('', c.stream)
                         ELSE t.id = c.transport_id END
ORDER BY t.tier, t.id
"""
ANY = """
SELECT c.stream FROM campaigns c WHERE c.id = %s
AND EXISTS (SELECT FROM transports t WHERE t.workspace_id = c.workspace_id)
"""
_PROBE = """
UPDATE transports SET open_until = now() + make_interval(secs => %s) WHERE id = %s AND open_until = %s
"""
_NOTE = "UPDATE runs SET transport_id = %s WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Way:
    """A way out for one run. `transport_id` None: the installation's own."""

    transport_id: int | None
    account: AnyAccount
    relay_signs: bool = False
    """Whether the relay signs with DKIM itself, so that we do not."""
    most: int = 0
    """Messages after which the slice ends, so that others get their share; 0: no end but time."""
    limits: Mapping[str, Any] = field(default_factory=dict)
    """What it may carry in a second, an hour, a day: for `quotas.grant`."""
    is_probe: bool = False
    """Whether it is tried after a failure, and nobody else tries it just now."""
    has_others: bool = False
    """Whether the campaign could go by another one as well."""
    campaign_id: int = 0
    run_id: int | None = None

    @property
    def expected(self) -> int:
        """What the slice was counted as beforehand, in the campaign's shares."""
        return 0 if self.is_probe else self.most


@dataclass(frozen=True, slots=True)
class Candidate:
    """A transport that a campaign may go by, and how it stands."""

    row: TransportRow
    signs: bool
    tier: int
    weight: int
    is_enabled: bool
    open_until: datetime | None
    last_words: str
    failures: int


async def choose_way(
    connection: AsyncConnection[tuple[Any, ...]],
    campaign_id: int,
    settings: Settings,
    keyring: Keyring,
    run_id: int | None = None,
) -> Way:
    """The way by which a campaign goes out now, noted in its run. Raises SettingsError when none can be used."""
    rows = await (await connection.execute(CANDIDATES, (campaign_id,))).fetchall()
    stream = None if rows else await (await connection.execute(ANY, (campaign_id,))).fetchone()
    candidates = candidates_of(rows, stream[0] if stream else "")
    if not candidates:
        own = installation_account(settings)
        return Way(None, own, relay_signs=signs_alone("smtp", own.host))
    has_others = len(candidates) > 1
    if has_others:
        candidates = await _with_room(connection, campaign_id, candidates)
    now, zone = rows[0][18], ZoneInfo(rows[0][19])
    chosen, most, is_probe = await _choose(connection, campaign_id, candidates, now, zone)
    try:
        account = account_of(settings, keyring, chosen.row)
    except SettingsError as error:
        # Set aside like any other fault of its set-up; in the end there is another one, or the sum of what is wrong.
        await note_run(connection, chosen.row.id, RunReport("setup", words=str(error), is_probe=is_probe))
        return await choose_way(connection, campaign_id, settings, keyring, run_id)
    if run_id is not None:
        await connection.execute(_NOTE, (chosen.row.id, run_id))
    return Way(
        chosen.row.id,
        account,
        chosen.signs,
        most,
        chosen.row.limits,
        is_probe,
        has_others=has_others,
        campaign_id=campaign_id,
        run_id=run_id,
    )


def candidates_of(rows: Sequence[Sequence[Any]], stream: str) -> list[Candidate]:
    """The rows of `CANDIDATES`; none: the installation's own way. `stream`: what `ANY` says where there are no rows.

    Raises SettingsError when the way out is shut until somebody changes the settings.
    """
    if not rows and stream:
        raise SettingsError(_nobody(stream))
    candidates = [Candidate(TransportRow(*row[:10]), *row[10:17]) for row in rows]
    if rows and rows[0][17] is not None and not candidates[0].is_enabled:
        raise SettingsError(_switched_off(candidates[0]))
    return candidates


def in_turn(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that carry the mail, each by its weight: the lowest tier that is well. None while all are set aside."""
    closed = [each for each in candidates if each.open_until is None]
    return [each for each in closed if each.tier == closed[0].tier]


async def _with_room(
    connection: AsyncConnection[tuple[Any, ...]], campaign_id: int, candidates: list[Candidate]
) -> list[Candidate]:
    """Those that do not warm up, or whose allowance of today has room: what it has no room for goes by the others."""
    roomy = [each for each in candidates if await has_room(connection, campaign_id, each.row.id)]
    return roomy or candidates


async def _choose(
    connection: AsyncConnection[tuple[Any, ...]],
    campaign_id: int,
    candidates: Sequence[Candidate],
    now: datetime,
    zone: ZoneInfo,
) -> tuple[Candidate, int, bool]:
    tier = in_turn(candidates)
    # Tried as soon as its pause is over, before the ones that stepped in for it: else nobody would learn that it is
    # well again. One that only stands by is left alone while the tier before it does its work.
    for each in candidates:
        is_due = each.open_until is not None and each.open_until <= now
        if is_due and (not tier or each.tier <= tier[0].tier) and await _may_probe(connection, each):
            return each, PROBE_MESSAGES, True
    if not tier:
        raise SettingsError(_all_broken(candidates, now, zone))
    free, waits = [], []
    for each in tier:
        wait = await seconds_until(each.row.id, each.row.limits)
        waits.append(wait)
        if wait <= WORTH_WAITING:
            free.append(each)
    if not free:
        raise SettingsError(_at_their_limits(tier, waits, now, zone))
    if len(free) == 1:
        return free[0], 0, False
    at, most = await take_turn(campaign_id, [(each.row.id, each.weight) for each in free])
    return free[at], most, False


async def _may_probe(connection: AsyncConnection[tuple[Any, ...]], each: Candidate) -> bool:
    return bool((await connection.execute(_PROBE, (PROBE, each.row.id, each.open_until))).rowcount)


def _nobody(stream: str) -> str:
    return (
        f"No transport that is switched on takes {stream} mail. Nothing was lost; add one under Settings, Sending, or "
        "let one there serve both streams."
    )


def _switched_off(chosen: Candidate) -> str:
    return (
        f"“{chosen.row.name}”, chosen for this campaign, is switched off. Nothing was lost; switch it on under "
        "Settings, Sending."
    )


def _all_broken(candidates: Sequence[Candidate], now: datetime, zone: ZoneInfo) -> str:
    told = [
        f"“{each.row.name}” is tried again at {max(each.open_until or now, now).astimezone(zone):%H:%M:%S %Z}: "
        f"{each.last_words or 'it failed.'}"
        for each in candidates
    ]
    return " ".join(told)


def _at_their_limits(tier: Sequence[Candidate], waits: Sequence[float], now: datetime, zone: ZoneInfo) -> str:
    told = [f"“{each.row.name}” at {_moment(now, wait, zone)}" for each, wait in zip(tier, waits, strict=True)]
    who = "The transport has carried what its" if len(told) == 1 else "The transports have carried what their"
    return (
        f"{who} limits allow. Nothing was lost; the next messages go by {', '.join(told)}, or sooner when you raise "
        "the limits under Settings, Sending."
    )


def _moment(now: datetime, wait: float, zone: ZoneInfo) -> str:
    """A time of day, rounded up, since a span would be old by the time it is read; with the day when it is another."""
    here, then = now.astimezone(zone), (now + timedelta(seconds=wait + 59)).astimezone(zone)
    return f"{then:%H:%M %Z}" if then.date() == here.date() else f"{then:%H:%M %Z} on {then.day} {then:%B}"
