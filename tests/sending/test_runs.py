"""What the end of a run gives back."""

import asyncio

from app.accounts.models import Workspace
from app.core.extensions import settings
from app.core.settings import libpq_url
from app.sending.connections import connect
from app.sending.runs import close_run
from tests.sending import world


def close(run_id: int) -> None:
    """End a run as a worker does."""

    async def work() -> None:
        connection = await connect(libpq_url(settings().database_url))
        try:
            await close_run(connection, run_id, "finished")
        finally:
            await connection.close()

    asyncio.run(work())


def test_who_is_given_back_keeps_the_reason_of_the_last_refusal(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 2)
    world.change(
        "INSERT INTO runs (workspace_id, campaign_id, host, pid, journal) VALUES (:w, :c, 'nest', 1, '/nowhere')",
        w=workspace.id,
        c=campaign,
    )
    [run] = world.look("SELECT id FROM runs WHERE campaign_id = :c", campaign)
    first, second = world.look("SELECT id FROM messages WHERE campaign_id = :c ORDER BY id", campaign)
    world.change("UPDATE messages SET state = 'sending', run_id = :r, attempts = 1 WHERE id = :m", r=run.id, m=first.id)
    world.change(
        "UPDATE messages SET state = 'sending', run_id = :r, attempts = 3 WHERE id = :m", r=run.id, m=second.id
    )
    for hours, reason in ((2, "mailbox-full"), (1, "blocked")):
        world.change(
            "INSERT INTO attempts (at, workspace_id, message_id, campaign_id, transport, outcome, reply, reason) "
            "VALUES (now() - make_interval(hours => :h), :w, :m, :c, '', 'deferred', '', :reason)",
            h=hours,
            w=workspace.id,
            m=second.id,
            c=campaign,
            reason=reason,
        )
    close(run.id)
    rows = world.look("SELECT state, reason, attempts FROM messages WHERE campaign_id = :c ORDER BY id", campaign)
    assert [tuple(row) for row in rows] == [("planned", "", 0), ("deferred", "blocked", 2)]
