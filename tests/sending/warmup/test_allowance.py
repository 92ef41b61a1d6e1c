"""A day's allowance in the database: shared, spread, grown and halted."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Workspace
from app.core.database import db
from app.core.errors import Conflict, Invalid
from app.core.extensions import settings
from app.core.settings import libpq_url
from app.sending.connections import connect
from app.sending.models import Transport, WarmUp, WarmUpDay
from app.sending.warmup.allowance import Identity, find_identity, give_back, take
from app.sending.warmup.plans import begin, standings, switch
from app.sending.warmup.rounds import look_after_warm_ups
from tests.sending.world import change, plan_campaign


@pytest.fixture
def warming(workspace: Workspace, scope: Workspace) -> WarmUp:
    """A domain that warms up by a transport: 80 messages to a provider on the first day."""
    transport = Transport(name="New relay", kind="smtp", host="relay.example.com", port=25, security="none")
    db.session.add(transport)
    db.session.flush()
    warm_up = begin(transport.id, "aviary.example.com", first=80, full=1000)
    db.session.commit()
    return warm_up


def run(work: Any) -> Any:
    """Do something with a worker's connection."""

    async def with_connection() -> Any:
        connection = await connect(libpq_url(settings().database_url))
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(with_connection())


def identity(workspace: Workspace, warm_up: WarmUp) -> Identity | None:
    campaign_id = plan_campaign(workspace, 1)
    transport_id = warm_up.transport_id
    return run(lambda connection: find_identity(connection, campaign_id, transport_id))


def rewrite(what: str, workspace: Workspace) -> None:
    """Let the days have gone otherwise."""
    change(f"UPDATE warm_up_days SET {what} WHERE workspace_id = :w", w=workspace.id)  # noqa: S608 - words of this file


def day(provider: str = "google") -> WarmUpDay:
    db.session.rollback()
    return db.session.scalars(select(WarmUpDay).where(WarmUpDay.provider == provider)).one()


def test_the_first_hour_gives_an_eighth(workspace: Workspace, warming: WarmUp) -> None:
    found = identity(workspace, warming)
    assert run(lambda connection: take(connection, found, "google", 500)) == 10
    assert run(lambda connection: take(connection, found, "google", 500)) == 0
    assert run(lambda connection: take(connection, found, "yahoo", 3)) == 3
    assert (day().cap, day().sent) == (80, 10)


def test_what_was_not_claimed_is_given_back(workspace: Workspace, warming: WarmUp) -> None:
    found = identity(workspace, warming)

    async def work(connection: Any) -> int | None:
        await take(connection, found, "google", 10)
        await give_back(connection, found, "google", 4)
        return await take(connection, found, "google", 10)

    assert run(work) == 4


def test_twenty_workers_take_no_more_than_there_is(workspace: Workspace, warming: WarmUp) -> None:
    found = identity(workspace, warming)

    async def everybody() -> int:
        async def one() -> int:
            connection = await connect(libpq_url(settings().database_url))
            try:
                return sum([await take(connection, found, "google", 1) or 0 for _ in range(3)])
            finally:
                await connection.close()

        return sum(await asyncio.gather(*[one() for _ in range(20)]))

    assert asyncio.run(everybody()) == 10
    assert day().sent == 10


def test_the_next_day_grows_from_what_was_sent(workspace: Workspace, warming: WarmUp) -> None:
    found = identity(workspace, warming)
    run(lambda connection: take(connection, found, "google", 10))
    rewrite("day = day - 1, sent = 80", workspace)
    run(lambda connection: take(connection, found, "google", 1))
    db.session.rollback()
    caps = db.session.scalars(select(WarmUpDay.cap).order_by(WarmUpDay.day)).all()
    assert caps == [80, 112]


def test_after_yesterdays_complaints_it_stays(workspace: Workspace, warming: WarmUp) -> None:
    found = identity(workspace, warming)
    run(lambda connection: take(connection, found, "google", 10))
    rewrite("day = day - 1, sent = 80, complained = 1", workspace)
    run(lambda connection: take(connection, found, "google", 1))
    db.session.rollback()
    assert db.session.scalars(select(WarmUpDay.cap)).all() == [80, 80]


def test_a_warm_identity_has_no_allowance(workspace: Workspace, warming: WarmUp) -> None:
    found = identity(workspace, warming)
    run(lambda connection: take(connection, found, "google", 10))
    rewrite("day = day - 1, cap = 900, sent = 900", workspace)
    assert run(lambda connection: take(connection, found, "google", 5000)) is None


def test_another_transport_a_foreign_domain_or_a_pause_have_none(workspace: Workspace, warming: WarmUp) -> None:
    campaign_id, transport_id = plan_campaign(workspace, 1), warming.transport_id
    assert run(lambda connection: find_identity(connection, campaign_id, None)) is None
    assert run(lambda connection: find_identity(connection, campaign_id, transport_id + 1)) is None
    change("UPDATE campaigns SET from_email = 'news@notaviary.example.com' WHERE id = :c", c=campaign_id)
    assert run(lambda connection: find_identity(connection, campaign_id, transport_id)) is None
    change("UPDATE campaigns SET from_email = 'news@mail.aviary.example.com' WHERE id = :c", c=campaign_id)
    assert run(lambda connection: find_identity(connection, campaign_id, transport_id)) is not None
    switch(warming.id, paused=True)
    db.session.commit()
    assert run(lambda connection: find_identity(connection, campaign_id, transport_id)) is None


def test_complaints_of_today_halt_it_today(workspace: Workspace, warming: WarmUp) -> None:
    campaign_id = plan_campaign(workspace, 60)
    transport_id = warming.transport_id
    found = run(lambda connection: find_identity(connection, campaign_id, transport_id))
    run(lambda connection: take(connection, found, "google", 10))
    rewrite("sent = 60", workspace)
    change(
        "INSERT INTO runs (workspace_id, campaign_id, host, pid, journal, transport_id) "
        "VALUES (:w, :c, 'h', 1, 'j', :t)",
        w=workspace.id,
        c=campaign_id,
        t=transport_id,
    )
    change(
        "UPDATE messages SET state = 'sent', provider = 'google', run_id = (SELECT max(id) FROM runs) "
        "WHERE campaign_id = :c",
        c=campaign_id,
    )
    change("UPDATE campaigns SET launched_at = now() WHERE id = :c", c=campaign_id)
    change(
        "INSERT INTO events (id, at, workspace_id, message_id, campaign_id, kind) "
        "SELECT gen_random_uuid(), now(), workspace_id, id, campaign_id, 'complained' FROM messages "
        "WHERE campaign_id = :c ORDER BY id LIMIT 2",
        c=campaign_id,
    )
    assert look_after_warm_ups() == 1
    db.session.commit()
    assert (day().complained, day().cap) == (2, 60)
    assert "complained" in day().note
    assert run(lambda connection: take(connection, found, "google", 5)) == 0
    assert look_after_warm_ups() == 0


def test_beginning_one_twice_or_backwards_is_refused(workspace: Workspace, warming: WarmUp) -> None:
    with pytest.raises(Conflict, match="already"):
        begin(warming.transport_id, "AVIARY.example.com", first=80, full=1000)
    with pytest.raises(Invalid, match="more than"):
        begin(warming.transport_id, "other.example.com", first=80, full=80)
    assert [standing.transport for standing in standings()] == ["New relay"]
