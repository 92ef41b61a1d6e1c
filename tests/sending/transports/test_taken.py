"""The last 24 hours of a transport, in the settings: mails it took and refused, and tries where limits count them."""

import asyncio

from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.sending.quotas import grant
from tests.sending import world
from tests.sending.transports import ways


def test_taken_refused_and_tries_are_told_apart(as_ada: FlaskClient, workspace: Workspace) -> None:
    number = ways.add(workspace, 2501, name="Relay")
    limited = ways.add(workspace, 2502, name="Limited", limits={"per_day": 20000})
    campaign = world.plan_campaign(workspace, 1)
    for transport in (number, limited):
        world.change(
            "INSERT INTO runs (workspace_id, campaign_id, host, pid, journal, transport_id, outcome, ended_at) "
            "VALUES (:w, :c, 'here', 1, '', :t, 'finished', now())",
            w=workspace.id,
            c=campaign,
            t=transport,
        )
    for outcome, count, hours in (("sent", 5, 1), ("deferred", 7, 1), ("bounced", 2, 1), ("sent", 9, 30)):
        world.change(
            "INSERT INTO attempts (at, workspace_id, message_id, campaign_id, run_id, transport, outcome) "
            "SELECT now() - make_interval(hours => :hours), :w, 1, :c, (SELECT id FROM runs WHERE transport_id = :t), "
            "'Relay', :outcome FROM generate_series(1, :count)",
            w=workspace.id,
            c=campaign,
            t=number,
            outcome=outcome,
            count=count,
            hours=hours,
        )
    asyncio.run(grant(number, {}, 15))
    asyncio.run(grant(limited, {}, 3))
    shown = as_ada.get(f"/w/{workspace.slug}/settings/sending").text
    assert "5 taken" in shown
    assert "9 refused" in shown
    assert "15 tries in all" in shown
    assert "0 taken" in shown
    assert "3 of 20,000 tries" in shown
    limits = as_ada.get(f"/w/{workspace.slug}/settings/sending/{limited}").text
    assert "3 of 20,000 tries in the last 24 hours" in limits
