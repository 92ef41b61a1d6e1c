"""Whatever the house does with a message, in whatever order: it moves along an arrow, and nobody is lost.

PostgreSQL itself refuses other moves here, by a trigger made from the table of arrows. The steps are the house's own:
claims, outcomes, recoveries, cancels, second tries, decisions, signs and bounces.
"""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from app.accounts.models import Workspace
from app.audience.erasure import erase
from app.audience.models import Subscriber
from app.campaigns import control, settle
from app.campaigns.corrected import make_corrected
from app.campaigns.freeze import freeze
from app.campaigns.launch import launch
from app.campaigns.lifecycle import CampaignState
from app.campaigns.models import Campaign
from app.campaigns.second_try import picks_of, try_again
from app.core.database import db
from app.core.errors import MerpatiError
from app.core.extensions import settings as installation
from app.core.settings import libpq_url
from app.messages.evidence import settle_campaigns
from app.messages.lifecycle import ARROWS, OPEN, State, may_become, sources
from app.messages.models import Event, Message
from app.messages.queries import ledger
from app.sending.claims import Claims
from app.sending.connections import connect
from app.sending.outcomes import Ledger
from app.sending.runs import close_run, open_run
from app.sending.verdicts import Outcome
from tests.factories.campaigns import add_people, make_list, weekly_digest

ROOT = Path(__file__).parents[2]
PEOPLE = 12

WALKED = {
    "app/audience/erasure.py",
    "app/campaigns/corrected.py",
    "app/campaigns/second_try.py",
    "app/campaigns/settle.py",
    "app/messages/evidence.py",
    "app/sending/claims.py",
    "app/sending/outcomes.py",
    "app/sending/runs.py",
    "app/tracking/acting/recording.py",
    "app/tracking/acting/sets.py",
}
"""The files that change the state of messages; each has a step below, but the last two, which ask `sources`."""

TRIGGER = """
CREATE OR REPLACE FUNCTION only_arrows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state || '>' || NEW.state) <> ALL (ARRAY[{arrows}]) THEN
        RAISE EXCEPTION 'no arrow from % to %', OLD.state, NEW.state;
    END IF;
    RETURN NEW;
END $$
"""


@pytest.fixture
def only_arrows(context: None) -> Iterator[None]:
    """From here on, PostgreSQL refuses every move that is no arrow."""
    arrows = ", ".join(f"'{state}>{after}'" for state, targets in ARROWS.items() for after in targets)
    db.session.execute(text(TRIGGER.format(arrows=arrows)))
    db.session.execute(
        text(
            "CREATE OR REPLACE TRIGGER only_arrows BEFORE UPDATE OF state ON messages FOR EACH ROW "
            "WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION only_arrows()"
        )
    )
    db.session.commit()
    yield
    db.session.rollback()
    db.session.execute(text("DROP TRIGGER only_arrows ON messages"))
    db.session.execute(text("DROP FUNCTION only_arrows"))
    db.session.commit()


def test_the_trigger_bites(only_arrows: None, scope: Workspace) -> None:
    campaign = flying()
    with pytest.raises(Exception, match="no arrow from planned to bounced"):
        db.session.execute(text("UPDATE messages SET state = 'bounced' WHERE campaign_id = :c"), {"c": campaign.id})
    db.session.rollback()


def test_every_file_that_moves_messages_is_walked_here() -> None:
    moves = re.compile(r"UPDATE messages( m)?\s+SET state|update\(Message\)")
    files = [*(ROOT / "app").rglob("*.py"), *(ROOT / "workers").rglob("*.py")]
    assert {str(path.relative_to(ROOT)) for path in files if moves.search(path.read_text())} == WALKED


def test_the_table_itself() -> None:
    assert set(ARROWS) == set(State)
    assert all(may_become(state, after) == (state in sources(after)) for state in State for after in State)
    assert all(state not in targets for state, targets in ARROWS.items())
    assert State.SENT not in {state for state in State if may_become(state, State.PLANNED)}, "sent is sent"
    assert {State.PLANNED, State.SENDING, State.DEFERRED} == OPEN


ANSWERS = ["sent", "deferred", "bounced", "failed", "skipped", "uncertain", ""]
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("work"),
            st.lists(
                st.sampled_from(["sent", "deferred", "bounced", "failed", "skipped", "uncertain", ""]), max_size=6
            ),
        ),
        st.tuples(st.sampled_from(["retry", "as sent", "again", "pause", "resume", "cancel", "finish", "erase"])),
        st.tuples(st.just("sign"), st.sampled_from(["opened", "bounced", "delivered"])),
        st.tuples(st.just("correct")),
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
@pytest.mark.long
def test_whatever_happens(only_arrows: None, scope: Workspace, steps: list[tuple[Any, ...]]) -> None:
    campaign = flying()
    for name, *arguments in steps:
        try:
            DO[name](campaign, *arguments)
            db.session.commit()
        except MerpatiError:
            db.session.rollback()  # refused, as it may be; then nothing has changed
        db.session.expire_all()
        counts = ledger(campaign.id)
        assert counts.audience == campaign.considered == PEOPLE
        if campaign.state == CampaignState.FINISHED:
            assert counts.open == 0
    db.session.execute(text("UPDATE campaigns SET state = 'cancelled' WHERE workspace_id = :w"), {"w": scope.id})
    db.session.commit()


def flying() -> Campaign:
    doves = make_list()
    add_people(doves, PEOPLE)
    campaign = weekly_digest(doves)
    launch(campaign.id, by=None)
    freeze(campaign.id)
    db.session.commit()
    return campaign


def work(campaign: Campaign, outcomes: list[str]) -> None:
    """A run that claims, gets these answers, and ends; the rest it gives back."""
    db.session.execute(
        text("UPDATE messages SET next_attempt_at = now() WHERE campaign_id = :c AND state = 'deferred'"),
        {"c": campaign.id},
    )
    db.session.commit()

    async def run() -> None:
        connection = await connect(libpq_url(installation().database_url))
        try:
            number = await open_run(connection, campaign.id, "", 8)
            if number is None:
                return
            parcels = await Claims(campaign.id, number, attributes=False).claim(connection, PEOPLE)
            answers = [
                Outcome(parcel.message_id, 1.7e9, State(state), reason="x")
                for parcel, state in zip(parcels, outcomes, strict=False)
                if state
            ]
            book = Ledger(number, "test", [60.0, 60.0])
            await book.write(connection, answers)
            await book.write(connection, answers)  # a repeat after a lost connection
            await close_run(connection, number, "finished")
        finally:
            await connection.close()

    asyncio.run(run())


def sign(campaign: Campaign, kind: str) -> None:
    query = select(Message).where(Message.campaign_id == campaign.id, Message.state == "uncertain").limit(1)
    if (row := db.session.scalar(query)) is None:
        return
    where = {"workspace_id": row.workspace_id, "message_id": row.id, "campaign_id": campaign.id}
    now = db.session.scalar(text("SELECT clock_timestamp()"))
    db.session.add(Event(id=uuid4(), at=now, kind=kind, label="human" * (kind == "opened"), **where))
    db.session.flush()
    settle_campaigns([campaign.id])


def cancel(campaign: Campaign) -> None:
    control.cancel(campaign.id)
    control.skip_rest(campaign.id)


def correct(campaign: Campaign) -> None:
    draft = make_corrected(campaign.id)
    launch(draft.id, by=None)
    freeze(draft.id)
    theirs = {
        one.id: set(
            db.session.scalars(
                select(Message.subscriber_id).where(
                    Message.campaign_id == one.id,
                    Message.state.in_(["planned", "sending", "deferred", "sent"]),
                    Message.subscriber_id.is_not(None),
                )
            )
        )
        for one in (campaign, draft)
    }
    assert not theirs[campaign.id] & theirs[draft.id], "nobody gets both"


def forget(campaign: Campaign) -> None:
    on_it = select(Message.subscriber_id).where(Message.campaign_id == campaign.id)
    if (person := db.session.scalar(select(Subscriber).where(Subscriber.id.in_(on_it)).limit(1))) is not None:
        erase(person)


DO: dict[str, Any] = {
    "work": work,
    "retry": lambda campaign: try_again(campaign.id, picks_of(campaign.id), by="Eve"),
    "as sent": lambda campaign: settle.take_as_sent(campaign.id, by="Eve"),
    "again": lambda campaign: settle.send_again(campaign.id, by="Eve"),
    "pause": lambda campaign: control.pause(campaign.id, "Look."),
    "resume": lambda campaign: control.resume(campaign.id),
    "cancel": cancel,
    "finish": lambda _campaign: control.settle_ledgers(),
    "erase": forget,
    "sign": sign,
    "correct": correct,
}
