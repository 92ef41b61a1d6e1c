"""The look once a minute: what was met while sending, what goes on, and what is over."""

from datetime import timedelta

from sqlalchemy import text

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.messages.dead_addresses import POINT
from app.tracking.acting.act import act
from app.tracking.incidents.watch import watch
from tests.tracking.acting.world import bounce
from tests.tracking.incidents.crowd import Crowd, crowd

_REFUSED = text(
    """
    WITH moved AS (
        UPDATE messages SET state = 'deferred', reason = :reason, next_attempt_at = now() + interval '10 minutes'
        WHERE id = ANY(:ids)
        RETURNING id, workspace_id, campaign_id
    ), tried AS (
        INSERT INTO attempts (at, workspace_id, message_id, campaign_id, transport, outcome, code, reply, reason)
        SELECT now(), workspace_id, id, campaign_id, '', 'deferred', 421, '421 on our list', :reason FROM moved
    )
    INSERT INTO events (id, at, workspace_id, message_id, campaign_id, kind, data)
    SELECT gen_random_uuid(), now(), workspace_id, id, campaign_id, 'deferred', jsonb_build_object('reason', :reason)
    FROM moved
    """
)


def refuse(made: Crowd, number: int, reason: str = "blocked") -> None:
    """The provider defers so many messages while they are being sent."""
    db.session.execute(_REFUSED, {"ids": [message.id for message in made.messages[:number]], "reason": reason})
    db.session.commit()


def test_refusals_met_while_sending_become_an_incident(workspace: Workspace) -> None:
    made = crowd(workspace, 50)
    refuse(made, 4)
    made.watch()
    assert made.incidents("blocked") == []
    refuse(made, 12)
    made.watch()
    made.watch()
    (incident,) = made.incidents("blocked")
    assert (incident.count, incident.of, incident.words) == (12, 50, "421 on our list")


def test_the_pace_is_no_incident(workspace: Workspace) -> None:
    made = crowd(workspace, 50)
    for reason in ("speeding", "toomanyconn", "systemerror", "mailboxfull"):
        refuse(made, 40, reason)
    made.watch()
    assert made.incidents("blocked") == made.incidents() == []


def test_a_refusal_is_over_after_a_quiet_day_and_the_next_is_another(workspace: Workspace) -> None:
    made = crowd(workspace, 3)
    made.tell(slice(0, 2), lambda: bounce("blocked"))
    with clock.moved(timedelta(hours=23)):
        made.watch()
        assert made.incidents("blocked")[0].ended_at is None
    with clock.moved(timedelta(hours=25)):
        made.watch()
        assert made.incidents("blocked")[0].ended_at is not None
        made.tell(slice(2, 3), lambda: bounce("blocked"))
    assert [incident.count for incident in made.incidents("blocked")] == [2, 1]


def test_an_old_report_opens_nothing(workspace: Workspace) -> None:
    made = crowd(workspace, 1)
    with in_workspace(workspace.id):
        act(made.messages[0], bounce("blocked"), "mail", clock.now() - timedelta(days=3))
        db.session.commit()
    assert made.incidents("blocked") == []


def test_every_workspace_is_looked_at_and_kept_apart(workspace: Workspace) -> None:
    other = create_workspace("Other aviary")
    db.session.commit()
    made, quiet = crowd(workspace, 30), crowd(other, 30)
    refuse(made, 20)
    with every_workspace():
        watch()
    assert len(made.incidents("blocked")) == 1
    assert quiet.incidents("blocked") == []


def test_points_written_while_sending_are_weighed(workspace: Workspace) -> None:
    workspace.bounce_days, workspace.bounce_span = 3, 4
    db.session.commit()
    made = crowd(workspace, 4)
    for number, message in enumerate(made.messages[:3]):
        for days in (0, 1, 6) if number == 0 else (0, 1, 2) if number == 1 else (8, 10, 14):
            binds = {"message": message.id, "days": days}
            db.session.execute(_POINT, binds)
    db.session.commit()
    made.watch()
    assert made.suppressed() == {made.hash_of(0)}


_POINT = text(
    f"""
    WITH failed AS (
        SELECT workspace_id, id AS message_id, address, 'mailboxfull' AS reason, '452 full' AS evidence,
               now() - make_interval(days => :days) AS at
        FROM messages WHERE id = :message
    )
    {POINT}
    """  # noqa: S608 - only constants of the house are put together
)
