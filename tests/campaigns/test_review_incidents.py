"""A review names the people who wait for somebody's decision, and says that they are written to meanwhile."""

from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.audience.lists import create_list
from app.audience.models import Subscriber
from app.audience.subscriptions import confirm, subscribe
from app.campaigns.models import Campaign
from app.campaigns.review import review
from app.core.database import db, in_workspace
from app.tracking.incidents import bursts, decisions
from tests.factories.campaigns import weekly_digest
from tests.tracking.acting.world import bounce
from tests.tracking.incidents.crowd import Crowd, crowd


def digest_to(made: Crowd) -> Campaign:
    """A new campaign to all of them."""
    with in_workspace(made.workspace.id):
        nest = create_list("Nest")
        for message in made.messages:
            confirm(
                subscribe(db.session.get_one(Subscriber, message.subscriber_id), nest, source="form"), source="link"
            )
        db.session.commit()
        campaign = weekly_digest(nest)
        db.session.commit()
    return campaign


def waiting(campaign: Campaign) -> list[str]:
    return [finding.message for finding in review(campaign).findings if finding.code == "undecided"]


def test_who_waits_for_a_decision_is_named_and_written_to(as_ada: FlaskClient, workspace: Workspace) -> None:
    bursts._rest.clear()
    made = crowd(workspace, 30)
    campaign = digest_to(made)
    with in_workspace(workspace.id):
        assert waiting(campaign) == []
    made.tell(slice(0, 25), lambda: bounce("userunknown", "permanent"))
    (incident,) = made.incidents()
    held = sum(one.suppression_id is None for one in made.held())
    assert held
    with in_workspace(workspace.id):
        (said,) = waiting(campaign)
        planned = review(campaign).audience.planned
    assert said.startswith(f"{held} of {planned} people wait for a decision on an incident")
    assert "this is sent to them, too" in said
    page = as_ada.get(f"/w/{workspace.slug}/campaigns/{campaign.id}/review").text
    assert f'href="/w/{workspace.slug}/incidents/{incident.id}"' in page
    with in_workspace(workspace.id):
        decisions.discard(incident.id, None)
        db.session.commit()
        assert waiting(campaign) == []
