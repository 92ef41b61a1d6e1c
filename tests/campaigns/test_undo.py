"""A launch is taken back as a whole while nothing of it has gone out, and never after."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, insert, select, update

from app.accounts.models import Workspace
from app.campaigns import control
from app.campaigns.freeze import freeze
from app.campaigns.launch import launch
from app.campaigns.lifecycle import CampaignState
from app.campaigns.models import Campaign, Cell, Link
from app.campaigns.timing import Timing
from app.core import clock
from app.core.database import db, in_workspace
from app.core.errors import Conflict
from app.messages.lifecycle import State
from app.messages.models import Attempt, Message


@pytest.fixture
def waiting(digest: Campaign) -> Campaign:
    """A campaign under way of which nobody's time has come, committed."""
    launch(digest.id, by=None, timing=Timing(spread=600))
    freeze(digest.id)
    soon = clock.now() + timedelta(hours=2)
    db.session.execute(update(Message).where(Message.campaign_id == digest.id).values(next_attempt_at=soon))
    db.session.commit()
    return digest


def people(campaign: Campaign) -> int:
    """How many are in its ledger."""
    return db.session.scalar(select(func.count()).where(Message.campaign_id == campaign.id)) or 0


def bring(campaign: Campaign, **values: object) -> int:
    """Change one message of it; its id."""
    first = select(func.min(Message.id)).where(Message.campaign_id == campaign.id).scalar_subquery()
    changed = update(Message).where(Message.id == first).values(**values).returning(Message.id)
    number = db.session.scalars(changed.execution_options(synchronize_session=False)).one()
    db.session.commit()
    return number


@pytest.mark.parametrize("paused", [False, True])
def test_what_waits_is_a_draft_again(waiting: Campaign, paused: bool) -> None:
    before = waiting.version
    if paused:
        control.pause(waiting.id, "Wait.")
    undone = control.undo(waiting.id)
    assert (undone.state, undone.version, undone.considered) == (CampaignState.DRAFT, before + 1, None)
    assert (undone.launched_at, undone.scheduled_at, undone.waiting_for) == (None, None, "")
    assert people(waiting) == 0
    for table in (Cell, Link):
        assert db.session.scalar(select(func.count()).where(table.campaign_id == waiting.id)) == 0


def test_it_can_be_launched_again(waiting: Campaign) -> None:
    control.undo(waiting.id)
    launch(waiting.id, by=None)
    assert freeze(waiting.id) == CampaignState.SENDING
    assert people(waiting) == 12


@pytest.mark.parametrize(
    "state", [State.SENDING, State.SENT, State.DEFERRED, State.UNCERTAIN, State.BOUNCED, State.FAILED]
)
def test_after_the_first_mail_it_stays(waiting: Campaign, state: State) -> None:
    bring(waiting, state=state)
    with pytest.raises(Conflict, match=r"something has gone out.*Nothing was changed"):
        control.undo(waiting.id)
    db.session.refresh(waiting)
    assert (waiting.state, people(waiting)) == (CampaignState.SENDING, 12)


def test_a_mail_that_was_tried_and_is_planned_anew_counts_as_tried(waiting: Campaign) -> None:
    number = bring(waiting, run_id=1)
    tried = {"at": clock.now(), "workspace_id": waiting.workspace_id, "message_id": number, "campaign_id": waiting.id}
    db.session.execute(insert(Attempt).values(**tried, transport="own", outcome="uncertain"))
    with pytest.raises(Conflict):
        control.undo(waiting.id)
    assert people(waiting) == 12


def test_what_was_claimed_and_given_back_untouched_does_not_count(waiting: Campaign) -> None:
    bring(waiting, run_id=1)
    assert control.undo(waiting.id).state == CampaignState.DRAFT


def test_a_claim_that_is_faster_wins(waiting: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the deletion a worker claims: the launch stays, and so does everybody in it."""
    tried = control._was_tried

    def claims_after_the_look(campaign_id: int) -> bool:
        found = tried(campaign_id)
        with db.engine.begin() as worker:
            first = select(func.min(Message.id)).where(Message.campaign_id == campaign_id).scalar_subquery()
            worker.execute(update(Message).where(Message.id == first).values(state="sending"))
        return found

    monkeypatch.setattr(control, "_was_tried", claims_after_the_look)
    with pytest.raises(Conflict):
        control.undo(waiting.id)
    db.session.commit()
    db.session.refresh(waiting)
    assert (waiting.state, people(waiting)) == (CampaignState.SENDING, 12)


def test_a_schedule_is_taken_back_too(digest: Campaign, scope: Workspace) -> None:
    launch(digest.id, by=None, at=clock.now() + timedelta(hours=3))
    assert control.take_back(digest.id).state == CampaignState.DRAFT


def test_the_page_offers_it_as_long_as_it_is_true(
    waiting: Campaign, as_eve: FlaskClient, page: Callable[[str], str]
) -> None:
    number, workspace = waiting.id, waiting.workspace_id
    shown = as_eve.get(page("")).text
    assert "make it a draft again" in shown
    assert "Nothing has gone out yet" in shown
    with in_workspace(workspace):
        bring(db.session.get_one(Campaign, number), state=State.SENT)
    assert "make it a draft again" not in as_eve.get(page("")).text
    assert as_eve.post(page("undo")).status_code == 409
    with in_workspace(workspace):
        bring(db.session.get_one(Campaign, number), state=State.PLANNED)
    assert as_eve.post(page("undo")).location.endswith("/review")
    with in_workspace(workspace):
        assert db.session.get_one(Campaign, number, populate_existing=True).state == CampaignState.DRAFT


def test_the_review_remembers_how_it_was_laid_out(
    as_eve: FlaskClient, digest: Campaign, page: Callable[[str], str]
) -> None:
    wall = datetime(2099, 5, 1, 9)  # noqa: DTZ001 - a time on everybody's own wall
    launch(digest.id, by=None, timing=Timing(wall, "at-once", 120))
    control.take_back(digest.id)
    db.session.commit()
    shown = as_eve.get(page("review")).text
    assert 'value="2099-05-01T09:00"' in shown
    assert '<option value="at-once" selected>' in shown
    assert '<option value="120" selected>' in shown
