"""How near an address is to being given up, as the person's page says it."""

from datetime import timedelta
from secrets import token_hex

import pytest
from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.audience.failing import failing_days
from app.core import clock
from app.core.database import in_workspace
from tests.factories.messages import Sent, sent_message
from tests.tracking.acting.world import bounce, plain, tell


@pytest.fixture
def sent(workspace: Workspace) -> Sent:
    return sent_message(workspace)


def days(sent: Sent) -> int:
    with in_workspace(sent.workspace.id):
        found = failing_days(sent.person)
    return found.days if found else 0


def test_the_page_counts_the_days_and_says_how_long(as_ada: FlaskClient, sent: Sent) -> None:
    path = f"/w/{sent.workspace.slug}/people/{sent.person.id}"
    assert "Mail failed for a while" not in as_ada.get(path).text
    tell(sent, bounce("mailboxfull"))
    page = as_ada.get(path).text
    assert "Mail failed for a while on 1 day of 5" in page
    with in_workspace(sent.workspace.id):
        found = failing_days(sent.person)
    assert found is not None
    assert found.until == clock.now().date() + timedelta(days=sent.workspace.bounce_stale)


def test_a_sign_of_life_takes_them_back(sent: Sent) -> None:
    tell(sent, bounce("mailboxfull"), at=clock.now() - timedelta(days=2))
    assert days(sent) == 1
    tell(sent, plain("delivered"))
    assert days(sent) == 0


def test_old_days_count_no_more(sent: Sent) -> None:
    tell(sent, bounce("mailboxfull"), at=clock.now() - timedelta(days=sent.workspace.bounce_stale))
    assert days(sent) == 1
    tell(sent, bounce("filtered"), at=clock.now() - timedelta(days=sent.workspace.bounce_stale + 1))
    assert days(sent) == 1


def test_no_other_workspace_is_looked_at(sent: Sent) -> None:
    there = sent_message(create_workspace(f"Theirs {token_hex(4)}"))
    tell(sent, bounce("mailboxfull"))
    assert (days(sent), days(there)) == (1, 0)
