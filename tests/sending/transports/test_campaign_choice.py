"""The settings of a campaign: what kind of mail it is, and which transport it goes by."""

from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.campaigns.edit import create_campaign
from app.campaigns.models import Campaign
from app.core.database import db, in_workspace
from tests.sending import world
from tests.sending.transports import ways


def a_campaign(workspace: Workspace) -> Campaign:
    with in_workspace(workspace.id):
        campaign = create_campaign("Digest")
        db.session.commit()
        return campaign


def test_stream_and_transport_are_chosen_on_its_page(as_ada: FlaskClient, workspace: Workspace) -> None:
    campaign = a_campaign(workspace)
    number, version = campaign.id, campaign.version
    path = f"/w/{workspace.slug}/campaigns/{number}/settings"
    assert "Goes out by" not in as_ada.get(path).text, "with no transport there is nothing to choose"
    transport = ways.add(workspace, 2501, name="Relay one")
    assert "Relay one" in as_ada.get(path).text
    sent = {"name": "Digest", "version": version, "stream": "transactional", "transport_id": transport}
    assert as_ada.post(path, data=sent).status_code == 302
    row = world.campaign(number)
    assert (row.stream, row.transport_id) == ("transactional", transport)
    back = {**sent, "version": row.version, "stream": "marketing", "transport_id": 0}
    assert as_ada.post(path, data=back).status_code == 302
    row = world.campaign(number)
    assert (row.stream, row.transport_id) == ("marketing", None)


def test_only_transports_of_the_workspace_can_be_chosen(as_ada: FlaskClient, workspace: Workspace) -> None:
    theirs = ways.add(create_workspace("Others"), 2501)
    campaign = a_campaign(workspace)
    sent = {"name": "Digest", "version": campaign.version, "stream": "marketing", "transport_id": theirs}
    answer = as_ada.post(f"/w/{workspace.slug}/campaigns/{campaign.id}/settings", data=sent)
    assert answer.status_code == 422
    assert world.campaign(campaign.id).transport_id is None
