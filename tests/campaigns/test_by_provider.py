"""The lines of the live page: one for each provider that gets something."""

import re

from flask.testing import FlaskClient
from sqlalchemy import text

from app.accounts.models import Workspace
from app.campaigns.by_provider import by_provider
from app.core.database import db, in_workspace
from tests.tracking.incidents.crowd import Crowd, crowd
from tests.tracking.incidents.test_watch import refuse


def test_who_was_skipped_has_no_line_of_noughts(workspace: Workspace) -> None:
    made = crowd(workspace, 6)
    change(made, "sending", "UPDATE messages SET state = 'skipped', provider = '' WHERE id > :first + 2")
    assert lines(made) == [("google", 3)]


def test_not_looked_up_has_a_line_while_it_sends_and_after(workspace: Workspace) -> None:
    made = crowd(workspace, 6, provider="")
    change(made, "sending", "UPDATE messages SET state = 'planned' WHERE id = :first")
    assert lines(made) == [("", 6)]
    change(made, "finished", "UPDATE messages SET state = 'sent' WHERE id = :first")
    assert lines(made) == [("", 6)]


def test_they_add_up_to_the_whole(workspace: Workspace) -> None:
    made = crowd(workspace, 30)
    change(made, "finished", "UPDATE messages SET provider = 'shop' || id WHERE id > :first + 3")
    change(made, "finished", "UPDATE messages SET provider = '' WHERE id > :first + 25")
    found = lines(made)
    assert sum(people for _provider, people in found) == 30
    assert found[0] == ("google", 4)
    assert [people for provider, people in found if not provider] == [15, 4], "the smaller ones, and those unknown"


def test_after_the_end_the_page_says_who_is_of_no_known_provider(as_ada: FlaskClient, workspace: Workspace) -> None:
    made = crowd(workspace, 9)
    change(made, "finished", "UPDATE messages SET provider = '' WHERE id > :first + 5")
    change(made, "finished", "UPDATE messages SET state = 'skipped' WHERE id = :first")
    page = as_ada.get(f"/w/{workspace.slug}/campaigns/{made.campaign.id}").text
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "Mailbox provider not known 3 0 0 0 0" in words
    assert "All together 8 0 0 0 0" in words
    assert "One more was skipped and gets nothing." in words


def test_what_a_provider_deferred_goes_on_at_once_when_somebody_says_so(
    as_ada: FlaskClient, workspace: Workspace
) -> None:
    """Its rest is over already, and nothing else waits: their own times are hours away."""
    made = crowd(workspace, 30)
    refuse(made, 9)
    hours = "UPDATE messages SET next_attempt_at = now() + interval '3 hours' WHERE id < :first + 9"
    change(made, "sending", hours)
    change(made, "sending", "UPDATE messages SET reason = 'mailboxfull' WHERE id = :first + 8")
    path = f"/w/{workspace.slug}/campaigns/{made.campaign.id}"
    page = words_of(as_ada.get(path).text)
    assert "the first to try again is due" in page
    assert "Try again now" in page
    made.watch()
    incident = words_of(as_ada.get(f"/w/{workspace.slug}/incidents/{made.incidents('blocked')[0].id}").text)
    assert "8 messages are kept, and are tried again each at its own time: Dovecote weekly 8 messages" in incident
    assert "Try again now" in incident
    answer = as_ada.post(f"{path}/try-now", data={"provider": "google"}, follow_redirects=True).text
    assert "8 messages are tried again now." in words_of(answer)
    due = text(
        "SELECT id FROM messages WHERE campaign_id = :c AND state = 'deferred' AND next_attempt_at <= clock_timestamp()"
    )
    found = set(db.session.scalars(due, {"c": made.campaign.id}))
    assert found == {message.id for message in made.messages[:8]}, "a full mailbox is no matter of the provider"
    assert "Try again now" not in words_of(as_ada.get(path).text)
    assert as_ada.post(f"{path}/try-now", data={"provider": "yahoo"}).status_code == 302


def words_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def change(made: Crowd, state: str, what: str) -> None:
    with in_workspace(made.workspace.id):
        made.campaign.state = state
        db.session.execute(
            text(f"{what} AND campaign_id = :campaign"), {"first": made.messages[0].id, "campaign": made.campaign.id}
        )
        db.session.commit()


def lines(made: Crowd) -> list[tuple[str, int]]:
    with in_workspace(made.workspace.id):
        return [(line.provider, line.people) for line in by_provider(made.campaign.id)]
