"""A day's allowance in the database: shared, spread, grown and halted."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db
from app.core.errors import Conflict, Invalid
from app.core.extensions import settings
from app.core.settings import libpq_url
from app.sending.connections import connect
from app.sending.models import Transport, WarmUp, WarmUpDay
from app.sending.warmup.allowance import GoesOn, find_identity, goes_on, note_used, remaining
from app.sending.warmup.plans import begin, standings, switch
from app.sending.warmup.rounds import look_after_warm_ups
from tests.sending.world import change, look, plan_campaign


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


def rewrite(what: str, workspace: Workspace) -> None:
    """Let the days have gone otherwise."""
    change(f"UPDATE warm_up_days SET {what} WHERE workspace_id = :w", w=workspace.id)  # noqa: S608 - words of this file


def day(provider: str = "google") -> WarmUpDay:
    db.session.rollback()
    return db.session.scalars(select(WarmUpDay).where(WarmUpDay.provider == provider)).one()


def left(campaign_id: int, warm_up: WarmUp) -> dict[str, int]:
    transport_id = warm_up.transport_id

    async def work(connection: Any) -> dict[str, int]:
        found = await find_identity(connection, campaign_id, transport_id)
        assert found is not None
        return dict(await remaining(connection, identity=found, campaign_id=campaign_id))

    return dict(run(work))


def use(campaign_id: int, warm_up: WarmUp, number: int) -> None:
    """So many messages to Google were handed over."""
    transport_id = warm_up.transport_id
    ids = [row[0] for row in look("SELECT id FROM messages WHERE campaign_id = :c", campaign_id)][:number]

    async def work(connection: Any) -> None:
        found = await find_identity(connection, campaign_id, transport_id)
        assert found is not None
        await note_used(connection, found, ids)

    run(work)


def planned(workspace: Workspace, people: int = 100, provider: str = "google") -> int:
    campaign_id = plan_campaign(workspace, people)
    change("UPDATE messages SET provider = :p WHERE campaign_id = :c", p=provider, c=campaign_id)
    return campaign_id


def test_the_first_hour_gives_an_eighth(workspace: Workspace, warming: WarmUp) -> None:
    campaign_id = planned(workspace)
    assert left(campaign_id, warming) == {"google": 10}
    use(campaign_id, warming, 7)
    assert left(campaign_id, warming) == {"google": 3}
    use(campaign_id, warming, 9)
    assert left(campaign_id, warming) == {"google": 0}
    assert (day().cap, day().sent) == (80, 16)


def test_every_provider_has_its_own(workspace: Workspace, warming: WarmUp) -> None:
    campaign_id = planned(workspace)
    change(
        "UPDATE messages SET provider = 'yahoo' WHERE id = (SELECT max(id) FROM messages WHERE campaign_id = :c)",
        c=campaign_id,
    )
    use(campaign_id, warming, 0)
    assert left(campaign_id, warming) == {"google": 10, "yahoo": 10}


def test_the_next_day_grows_from_what_was_sent(workspace: Workspace, warming: WarmUp) -> None:
    campaign_id = planned(workspace)
    left(campaign_id, warming)
    rewrite("day = day - 1, sent = 80", workspace)
    assert left(campaign_id, warming) == {"google": 14}
    db.session.rollback()
    assert db.session.scalars(select(WarmUpDay.cap).order_by(WarmUpDay.day)).all() == [80, 112]


def test_after_yesterdays_complaints_it_stays(workspace: Workspace, warming: WarmUp) -> None:
    campaign_id = planned(workspace)
    left(campaign_id, warming)
    rewrite("day = day - 1, sent = 80, complained = 1", workspace)
    assert left(campaign_id, warming) == {"google": 10}
    db.session.rollback()
    assert db.session.scalars(select(WarmUpDay.cap)).all() == [80, 80]


def test_a_warm_identity_has_no_allowance(workspace: Workspace, warming: WarmUp) -> None:
    campaign_id = planned(workspace)
    left(campaign_id, warming)
    rewrite("day = day - 1, cap = 900, sent = 900", workspace)
    assert left(campaign_id, warming) == {"google": 125}
    assert left(campaign_id, warming) == {}


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
    campaign_id = gone_out(workspace, warming)
    sent_by(campaign_id, warming.transport_id)
    complained(campaign_id)
    assert look_after_warm_ups() == 1
    db.session.commit()
    assert (day().complained, day().cap) == (2, 80), "what was allowed stays what it was"
    assert "Halted for the day after 60 messages" in day().note
    assert "complained" in day().note
    change("UPDATE messages SET state = 'planned' WHERE campaign_id = :c", c=campaign_id)
    assert left(campaign_id, warming) == {"google": 0}
    assert look_after_warm_ups() == 0


def test_it_is_known_when_more_may_go(workspace: Workspace, warming: WarmUp) -> None:
    campaign_id = planned(workspace)
    left(campaign_id, warming)
    use(campaign_id, warming, 10)
    assert left(campaign_id, warming) == {"google": 0}
    (later,) = asked(campaign_id, warming).values()
    began_at = day().began_at
    assert began_at is not None
    assert (later.at - began_at, later.is_halted) == (timedelta(minutes=6), False)
    with clock.moved(timedelta(minutes=6, seconds=1)):
        rewrite("began_at = began_at - interval '6 minutes 1 second'", workspace)
        assert left(campaign_id, warming) == {"google": 1}
    tomorrow = (clock.now() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    rewrite("sent = cap", workspace)
    assert asked(campaign_id, warming) == {"google": GoesOn(tomorrow, False)}
    rewrite("sent = 20, note = 'Halted'", workspace)
    assert asked(campaign_id, warming) == {"google": GoesOn(tomorrow, True)}


def asked(campaign_id: int, warm_up: WarmUp) -> dict[str, GoesOn]:
    transport_id = warm_up.transport_id

    async def work(connection: Any) -> dict[str, GoesOn]:
        found = await find_identity(connection, campaign_id, transport_id)
        assert found is not None
        return await goes_on(connection, found)

    return dict(run(work))


def test_the_page_says_that_it_is_halted(as_ada: FlaskClient, workspace: Workspace, warming: WarmUp) -> None:
    path = f"/w/{workspace.slug}/settings/warm-up"
    campaign_id = gone_out(workspace, warming)
    assert "Warming up" in as_ada.get(path).text
    sent_by(campaign_id, warming.transport_id)
    complained(campaign_id)
    look_after_warm_ups()
    db.session.commit()
    page = as_ada.get(path).text
    assert "Halted for today" in page
    assert "Warming up" not in page
    assert "Nothing more goes today to Gmail, Google Workspace:" in page


def test_after_a_halt_the_next_day_begins_with_what_was_sent(workspace: Workspace, warming: WarmUp) -> None:
    campaign_id = gone_out(workspace, warming)
    rewrite("day = day - 1, cap = 560, sent = 100, complained = 1, note = 'Halted'", workspace)
    change("UPDATE messages SET state = 'planned' WHERE campaign_id = :c", c=campaign_id)
    left(campaign_id, warming)
    db.session.rollback()
    assert db.session.scalars(select(WarmUpDay.cap).order_by(WarmUpDay.day)).all() == [560, 100]


@pytest.mark.parametrize(("is_told", "deferred"), [(True, 6), (False, 0)])
def test_what_the_relay_says_to_everybody_does_not_halt_it(
    workspace: Workspace, warming: WarmUp, is_told: bool, deferred: int
) -> None:
    campaign_id = gone_out(workspace, warming)
    sent_by(campaign_id, warming.transport_id)
    put_off(campaign_id, is_told=is_told)
    assert look_after_warm_ups() == int(is_told)
    db.session.commit()
    assert day().deferred == deferred


def test_complaints_about_mail_of_another_transport_do_not_halt_it(workspace: Workspace, warming: WarmUp) -> None:
    campaign_id = gone_out(workspace, warming)
    sent_by(campaign_id, None, minutes_ago=30)
    complained(campaign_id, minutes_ago=10)
    # Tried again by the one that warms up: of its mail nobody has said anything.
    sent_by(campaign_id, warming.transport_id)
    assert look_after_warm_ups() == 0
    db.session.commit()
    assert (day().complained, day().note) == (0, "")


def gone_out(workspace: Workspace, warming: WarmUp) -> int:
    campaign_id = plan_campaign(workspace, 60)
    change("UPDATE messages SET provider = 'google' WHERE campaign_id = :c", c=campaign_id)
    left(campaign_id, warming)
    rewrite("sent = 60", workspace)
    change("UPDATE campaigns SET launched_at = now() WHERE id = :c", c=campaign_id)
    return campaign_id


def sent_by(campaign_id: int, transport_id: int | None, *, minutes_ago: int = 0) -> None:
    change(
        "WITH run AS (INSERT INTO runs (workspace_id, campaign_id, host, pid, journal, transport_id) "
        "SELECT workspace_id, id, 'h', 1, 'j', :t FROM campaigns WHERE id = :c RETURNING id), "
        "moved AS (UPDATE messages SET state = 'sent', run_id = run.id FROM run WHERE campaign_id = :c "
        "RETURNING messages.id, workspace_id, run_id) "
        "INSERT INTO attempts (at, workspace_id, message_id, campaign_id, run_id, transport, outcome) "
        "SELECT now() - make_interval(mins => :m), workspace_id, id, :c, run_id, 'relay', 'sent' FROM moved",
        c=campaign_id,
        t=transport_id,
        m=minutes_ago,
    )


def put_off(campaign_id: int, *, is_told: bool) -> None:
    """Six deferrals; those by a server that refuses everybody are no news of their messages."""
    change(
        "WITH tried AS (INSERT INTO attempts (at, workspace_id, message_id, campaign_id, run_id, transport, outcome, "
        "code, reason) SELECT now(), workspace_id, id, campaign_id, run_id, 'relay', 'deferred', 451, 'systemerror' "
        "FROM messages WHERE campaign_id = :c ORDER BY id LIMIT 6 RETURNING at, workspace_id, message_id, campaign_id) "
        "INSERT INTO events (id, at, workspace_id, message_id, campaign_id, kind) "
        "SELECT gen_random_uuid(), at, workspace_id, message_id, campaign_id, 'deferred' FROM tried WHERE :told",
        c=campaign_id,
        told=is_told,
    )


def complained(campaign_id: int, *, minutes_ago: int = 0) -> None:
    change(
        "INSERT INTO events (id, at, workspace_id, message_id, campaign_id, kind) "
        "SELECT gen_random_uuid(), greatest(now() - make_interval(mins => :m), date_trunc('day', now(), 'UTC')), "
        "workspace_id, id, campaign_id, 'complained' FROM messages WHERE campaign_id = :c ORDER BY id LIMIT 2",
        c=campaign_id,
        m=minutes_ago,
    )


def test_beginning_one_twice_or_backwards_is_refused(workspace: Workspace, warming: WarmUp) -> None:
    with pytest.raises(Conflict, match="already"):
        begin(warming.transport_id, "AVIARY.example.com", first=80, full=1000)
    with pytest.raises(Invalid, match="more than"):
        begin(warming.transport_id, "other.example.com", first=80, full=80)
    assert [standing.transport for standing in standings()] == ["New relay"]
