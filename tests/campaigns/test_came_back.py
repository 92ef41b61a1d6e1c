"""From the page of an incident exactly its own messages are tried again, and every page says the same number."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text, update

from app.accounts.models import Workspace
from app.audience.suppressions import Reason, suppress
from app.campaigns.models import Campaign
from app.core.database import db, in_workspace
from app.messages.lifecycle import State
from app.messages.models import Message
from tests.tracking.acting.world import bounce
from tests.tracking.incidents.crowd import Crowd, crowd

LISTED = "550 5.7.1 Client host [192.0.2.25] blocked using lists.example.net"
_LONG_AGO = (
    "UPDATE events SET at = now() - interval '3 days' WHERE message_id = :id",
    "UPDATE incidents SET ended_at = now() - interval '2 days', began_at = now() - interval '3 days',"
    " seen_at = now() - interval '3 days' WHERE workspace_id = :workspace",
)


@pytest.fixture
def refused(workspace: Workspace) -> Crowd:
    """Of a campaign to two providers one refuses 25 now, and refused another days ago; the other refuses two."""
    made = crowd(workspace, 40)
    with in_workspace(workspace.id):
        elsewhere = [message.id for message in made.messages[30:]]
        db.session.execute(update(Message).where(Message.id.in_(elsewhere)).values(provider="yahoo"))
        db.session.execute(update(Campaign).where(Campaign.id == made.campaign.id).values(considered=40))
        db.session.commit()
    db.session.expire_all()
    made.tell(slice(25, 26), lambda: bounce("blocked", words=LISTED))
    for statement in _LONG_AGO:
        db.session.execute(text(statement), {"id": made.messages[25].id, "workspace": workspace.id})
    db.session.commit()
    made.tell(slice(25), lambda: bounce("blocked", words=LISTED))
    made.tell(slice(30, 32), lambda: bounce("blocked", words=LISTED))
    return made


def test_only_those_of_the_incident_are_sent_to_again(
    as_ada: FlaskClient, workspace: Workspace, refused: Crowd
) -> None:
    page, link = shown(as_ada, workspace, refused)
    assert "Try 25 messages of “Dovecote weekly” again" in page
    assert "Sent back, for you to try again 25" in page
    asked = plain(as_ada.get(link).text)
    assert "25 people will be tried again" in asked
    assert "Try 25 people again" in asked
    assert "Gmail, Google Workspace" in asked
    assert "discarded" not in asked
    answer = as_ada.post(link, data={"asked": "25"}, follow_redirects=True)
    assert "25 people are tried again" in answer.text
    assert planned(refused) == [message.id for message in refused.messages[:25]]


def test_who_is_left_out_is_counted_by_no_button(as_ada: FlaskClient, workspace: Workspace, refused: Crowd) -> None:
    with in_workspace(workspace.id):
        for message in refused.messages[:2]:
            suppress(message.address, Reason.MANUAL)
        db.session.commit()
    page, link = shown(as_ada, workspace, refused)
    assert "Try 23 messages of “Dovecote weekly” again" in page
    assert "Sent back, for you to try again 23" in page
    assert "Try 23 people again" in plain(as_ada.get(link).text)
    as_ada.post(link, data={"asked": "23"})
    assert planned(refused) == [message.id for message in refused.messages[2:25]]


def test_what_was_undone_is_not_said_to_be_discarded(as_ada: FlaskClient, workspace: Workspace) -> None:
    made = crowd(workspace, 30)
    made.tell(slice(25), lambda: bounce("userunknown", "permanent", words="550 5.1.1 user unknown"))
    made.watch()
    with in_workspace(workspace.id):
        db.session.execute(update(Campaign).where(Campaign.id == made.campaign.id).values(considered=30))
        db.session.commit()
    number = made.incidents()[0].id
    for verb in ("believe", "undo"):
        as_ada.post(f"/w/{workspace.slug}/incidents/{number}/{verb}")
    asked = plain(as_ada.get(f"/w/{workspace.slug}/campaigns/{made.campaign.id}/ledger/incidents/{number}").text)
    assert "Try 25 people again" in asked
    assert "an owner has undone it" in asked
    assert "discarded" not in asked


def shown(browser: FlaskClient, workspace: Workspace, made: Crowd) -> tuple[str, str]:
    """The page of the incident that goes on at the first provider, and where its button leads."""
    [incident] = [one for one in made.incidents("blocked") if one.provider == "google" and one.ended_at is None]
    page = browser.get(f"/w/{workspace.slug}/incidents/{incident.id}").text
    [link] = re.findall(r'href="([^"]+/ledger/[^"]+)"', page)
    return plain(page), link.replace("&amp;", "&")


def planned(made: Crowd) -> list[int]:
    query = select(Message.id).where(Message.campaign_id == made.campaign.id, Message.state == State.PLANNED)
    with in_workspace(made.workspace.id):
        return list(db.session.scalars(query.order_by(Message.id)))


def plain(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())
