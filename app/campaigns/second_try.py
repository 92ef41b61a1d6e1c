"""A second try: exactly the people whom somebody chose go back to planned, in one UPDATE.

Never those whose address is dead for good, nor those who left, are suppressed, or are in a corrected version by now.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from app.campaigns.control import reopen
from app.campaigns.lifecycle import CampaignState, may_become
from app.campaigns.locking import hold
from app.campaigns.models import Campaign
from app.core.database import current_workspace_id, db
from app.core.errors import Conflict, Invalid
from app.mail.reasons import REASONS
from app.messages.lifecycle import Skip, State
from app.messages.queries import ledger

DEAD = frozenset(word for word, reason in REASONS.items() if reason.effect == "suppress") - {"hostunknown"}
"""Bounces that speak of an address dead for good. A host is left out: only that server's resolver may not know it."""

OPEN_TO_IT = (CampaignState.SENDING, CampaignState.PAUSED, CampaignState.FINISHED, CampaignState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Pick:
    """A row of the ledger; without a reason, the whole state."""

    state: State
    reason: str | None = None

    @classmethod
    def read(cls, written: str) -> "Pick":
        """From `state:reason`, or the state alone. Raises Invalid."""
        state, colon, reason = written.partition(":")
        if state not in set(State):
            raise Invalid(f"{written!r} is no row of the ledger. Write it like failed:expired.", field="reasons")
        return cls(State(state), reason if colon else None)


@dataclass(frozen=True, slots=True)
class SecondTry:
    """How many people are tried again, and how many of those chosen are left out, by the reason."""

    tried: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def left(self) -> int:
        return sum(self.left_out.values())


def may_try_again(state: str, reason: str) -> bool:
    """Whether people in this row of a ledger may be chosen."""
    if state == State.SKIPPED:
        return reason == Skip.CANCELLED
    return state == State.FAILED or (state == State.BOUNCED and reason not in DEAD)


def may_send(campaign: Campaign) -> bool:
    """Whether the campaign is sending, or can be brought to it."""
    underway = campaign.state == CampaignState.SENDING or campaign.launched_at is not None
    can = campaign.state == CampaignState.SENDING or may_become(CampaignState(campaign.state), CampaignState.SENDING)
    return underway and can and campaign.state in OPEN_TO_IT


def picks_of(campaign_id: int, written: Iterable[str] = ()) -> list[Pick]:
    """The rows that are named, `failed:expired` or `failed` for all of a state; without names, all that may be tried.

    Raises Invalid for what is no row of a ledger.
    """
    possible = [Pick(row.state, row.reason) for row in ledger(campaign_id).rows if may_try_again(row.state, row.reason)]
    named = [Pick.read(one) for one in written]
    if not named:
        return possible
    whole = {pick.state for pick in named if pick.reason is None}
    exact = [pick for pick in named if pick.reason is not None and pick.state not in whole]
    return [pick for pick in possible if pick.state in whole] + list(dict.fromkeys(exact))


def count_second_try(campaign_id: int, picks: Sequence[Pick], ids: Iterable[int] | None = None) -> SecondTry:
    """What `try_again` would do at this moment."""
    rows = db.session.execute(text(_COUNT), _binds(campaign_id, picks, ids))
    counts: dict[str, int] = dict(rows.all())
    return SecondTry(counts.pop("", 0), counts)


def try_again(campaign_id: int, picks: Sequence[Pick], *, by: str, asked: int | None = None) -> SecondTry:
    """Plan the picked people anew and let the campaign send. After the commit, call `start_lanes`.

    `asked`: how many were confirmed; more than that are not taken. Of two callers at once, one wins. Raises Conflict,
    and Invalid for rows that may not be tried again.
    """
    wrong = [pick for pick in picks if pick.reason is None or not may_try_again(pick.state, pick.reason)]
    if wrong:
        named = ", ".join(f"{pick.state} {pick.reason or ''}".strip() for pick in wrong)
        raise Invalid(f"These cannot be tried again: {named}. Nothing was changed.", field="reasons")
    return plan_anew(campaign_id, picks, words=f"To be tried again: decided by {by}.", asked=asked)


def plan_anew(
    campaign_id: int, picks: Sequence[Pick], *, words: str, ids: Iterable[int] | None = None, asked: int | None = None
) -> SecondTry:
    """Move picked messages to planned, note it with each, and let the campaign send. Raises Conflict."""
    campaign = hold(campaign_id)
    if not may_send(campaign):
        raise Conflict(_closed(campaign))
    binds = _binds(campaign_id, picks, ids)
    found = count_second_try(campaign_id, picks, binds["ids"])
    if not found.tried:
        raise Conflict("Nobody is left here to try again; somebody else may have been faster. Nothing was changed.")
    if asked is not None and found.tried > asked:
        raise Conflict(f"They are {found.tried:,} people now, not {asked:,}. Nothing was changed. Confirm anew.")
    moved = db.session.execute(text(_PLAN), {**binds, "words": words})
    if campaign.state not in (CampaignState.SENDING, CampaignState.PAUSED):
        reopen(campaign_id)
    return SecondTry(int(moved.rowcount), found.left_out)  # type: ignore[attr-defined]


def _closed(campaign: Campaign) -> str:
    if campaign.state == CampaignState.CANCELLED:
        return (
            f"“{campaign.name}” is cancelled and sends no more. Nothing was changed. "
            "A corrected version reaches those who got nothing."
        )
    return f"“{campaign.name}” is {campaign.state}, so nobody can be tried again now. Nothing was changed."


def _binds(campaign_id: int, picks: Sequence[Pick], ids: Iterable[int] | None) -> dict[str, Any]:
    return {
        "campaign": campaign_id,
        "workspace": current_workspace_id(),
        "states": [pick.state.value for pick in picks],
        "reasons": [pick.reason for pick in picks],
        "ids": None if ids is None else list(ids),
    }


# The rules of the claim (sending/claims.py), asked before: who would be skipped there is not planned here.
_CHOSEN = """
WITH chosen AS MATERIALIZED (
    SELECT m.id, m.state, m.reason,
           CASE WHEN s.id IS NULL THEN 'unsubscribed'
                WHEN EXISTS (SELECT FROM suppressions x
                             WHERE x.workspace_id = s.workspace_id AND x.address_hash = s.address_hash
                                   AND x.lifted_at IS NULL AND (x.list_id IS NULL OR x.list_id = m.list_id))
                THEN 'suppressed'
                WHEN EXISTS (SELECT FROM campaigns k WHERE k.corrects_id = :campaign AND (k.state = 'launching'
                             OR EXISTS (SELECT FROM messages n
                                        WHERE n.campaign_id = k.id AND n.subscriber_id = m.subscriber_id)))
                THEN 'corrected'
                WHEN m.list_id IS NULL OR u.state = 'confirmed' THEN ''
                WHEN u.state = 'pending' THEN 'unconfirmed'
                ELSE 'unsubscribed' END AS left_out
    FROM unnest(CAST(:states AS text[]), CAST(:reasons AS text[])) AS pick (state, reason)
    JOIN messages m ON m.campaign_id = :campaign AND m.workspace_id = :workspace
        AND m.state = pick.state AND (pick.reason IS NULL OR m.reason = pick.reason)
        AND (CAST(:ids AS bigint[]) IS NULL OR m.id = ANY(CAST(:ids AS bigint[])))
    LEFT JOIN subscribers s ON s.id = m.subscriber_id
    LEFT JOIN subscriptions u ON u.list_id = m.list_id AND u.subscriber_id = m.subscriber_id
)
"""
_COUNT = "".join([_CHOSEN, "SELECT left_out, count(*) FROM chosen GROUP BY left_out"])
# A run never tries a message twice. One that is still open leaves to the next what comes with a time.
_PLAN = "".join(
    [
        _CHOSEN,
        """, moved AS (
    UPDATE messages m
    SET state = 'planned', reason = '', attempts = 0, sent_at = NULL, changed_at = now(),
        next_attempt_at = CASE WHEN EXISTS (SELECT FROM runs r WHERE r.id = m.run_id AND r.ended_at IS NULL)
                          THEN now() END
    FROM chosen c WHERE m.id = c.id AND c.left_out = '' AND m.state = c.state AND m.reason = c.reason
    RETURNING m.id, m.workspace_id, m.campaign_id
)
INSERT INTO attempts (at, workspace_id, message_id, campaign_id, transport, outcome, reply, reason)
SELECT now(), workspace_id, id, campaign_id, '', 'planned', :words, 'decided' FROM moved
""",
    ]
)
