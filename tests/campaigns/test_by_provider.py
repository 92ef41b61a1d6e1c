"""The lines of the live page: one for each provider that gets something."""

from sqlalchemy import text

from app.accounts.models import Workspace
from app.campaigns.by_provider import by_provider
from app.core.database import db, in_workspace
from tests.tracking.incidents.crowd import Crowd, crowd


def test_who_was_skipped_has_no_line_of_noughts(workspace: Workspace) -> None:
    made = crowd(workspace, 6)
    change(made, "sending", "UPDATE messages SET state = 'skipped', provider = '' WHERE id > :first + 2")
    assert lines(made) == [("google", 3)]


def test_not_looked_up_yet_is_said_while_it_sends_only(workspace: Workspace) -> None:
    made = crowd(workspace, 6, provider="")
    change(made, "sending", "UPDATE messages SET state = 'planned' WHERE id = :first")
    assert lines(made) == [("", 6)]
    change(made, "finished", "UPDATE messages SET state = 'sent' WHERE id = :first")
    assert lines(made) == []


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
