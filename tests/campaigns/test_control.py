"""Pause, resume, cancel, finish: nothing lost, nothing counted twice."""

import pytest
from sqlalchemy import select, update

from app.accounts.models import Workspace
from app.campaigns import control
from app.campaigns.freeze import freeze
from app.campaigns.launch import launch
from app.campaigns.lifecycle import CampaignState
from app.campaigns.models import Campaign
from app.core.database import db
from app.core.errors import Conflict
from app.messages.lifecycle import State
from app.messages.models import Message
from app.messages.queries import ledger
from tests.factories.campaigns import add_people, make_list, weekly_digest


@pytest.fixture
def sending(scope: Workspace) -> Campaign:
    """A campaign to 10 people that is being sent."""
    doves = make_list()
    add_people(doves, 10)
    campaign = weekly_digest(doves)
    launch(campaign.id, by=None)
    freeze(campaign.id)
    return campaign


def put(campaign: Campaign, count: int, state: State) -> None:
    """Bring so many planned messages into a state."""
    some = select(Message.id).where(Message.campaign_id == campaign.id, Message.state == "planned").limit(count)
    db.session.execute(update(Message).where(Message.id.in_(some)).values(state=state))


def test_pause_says_why_and_resume_clears_it(sending: Campaign) -> None:
    paused = control.pause(sending.id, "Too many bounces at one provider.")
    assert (paused.state, paused.waiting_for) == (CampaignState.PAUSED, "Too many bounces at one provider.")
    assert paused.waiting_since is not None
    with pytest.raises(Conflict):
        control.pause(sending.id, "again")
    resumed = control.resume(sending.id)
    assert (resumed.state, resumed.waiting_for, resumed.waiting_since) == (CampaignState.SENDING, "", None)


def test_cancel_skips_what_waits_and_leaves_what_is_under_way(sending: Campaign) -> None:
    put(sending, 3, State.SENT)
    put(sending, 2, State.SENDING)
    put(sending, 1, State.DEFERRED)
    assert control.cancel_rest(sending.id) == 5
    counts = ledger(sending.id)
    assert sending.state == CampaignState.CANCELLED
    assert (counts.count(State.SENT), counts.count(State.SENDING), counts.count(State.SKIPPED)) == (3, 2, 5)
    assert [row.reason for row in counts.rows if row.state == State.SKIPPED] == ["cancelled"]
    assert counts.audience == sending.considered == 10


def test_what_a_dead_worker_gave_back_after_a_cancel_is_skipped(sending: Campaign) -> None:
    put(sending, 2, State.SENDING)
    control.cancel_rest(sending.id)
    db.session.execute(update(Message).where(Message.state == "sending").values(state="planned"))
    assert control.settle_ledgers() == [sending.id]
    assert ledger(sending.id).count(State.SKIPPED) == 10
    assert control.settle_ledgers() == []


@pytest.mark.parametrize("left", [State.PLANNED, State.SENDING, State.DEFERRED])
def test_it_is_not_finished_while_something_is_open(sending: Campaign, left: State) -> None:
    put(sending, 9, State.SENT)
    put(sending, 1, left)
    assert not control.finish_if_done(sending.id)


def test_it_is_finished_once_when_nothing_is_open(sending: Campaign) -> None:
    put(sending, 9, State.SENT)
    put(sending, 1, State.UNCERTAIN)
    assert control.finish_if_done(sending.id)
    assert not control.finish_if_done(sending.id)
    db.session.refresh(sending)
    assert sending.state == CampaignState.FINISHED
    assert sending.finished_at is not None


def test_a_finished_campaign_sends_again_when_somebody_chose_to_try_again(sending: Campaign) -> None:
    put(sending, 10, State.SENT)
    control.finish_if_done(sending.id)
    reopened = control.reopen(sending.id)
    assert (reopened.state, reopened.finished_at) == (CampaignState.SENDING, None)
