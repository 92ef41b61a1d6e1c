"""Launching once, freezing safely, undoing, scheduling."""

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app.accounts.models import Workspace
from app.campaigns import control, edit
from app.campaigns.freeze import freeze
from app.campaigns.launch import launch, unschedule
from app.campaigns.lifecycle import ARROWS, CampaignState, change_state, find_campaign
from app.campaigns.models import Campaign, Cell, Link
from app.campaigns.release import release_due
from app.content.models import Design
from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.core.errors import Conflict, Invalid
from app.messages.models import Message
from app.messages.queries import ledger
from tests.factories.campaigns import add_people, make_list, weekly_digest


@pytest.fixture
def digest(scope: Workspace) -> Campaign:
    """A campaign to 12 people that passes its review."""
    doves = make_list()
    add_people(doves, 12)
    campaign = weekly_digest(doves)
    db.session.commit()
    return campaign


def messages(campaign_id: int) -> int:
    return db.session.scalar(select(func.count()).where(Message.campaign_id == campaign_id)) or 0


def test_two_launches_at_once_are_one(app: Flask, digest: Campaign) -> None:
    results: list[bool] = []
    ready = threading.Barrier(2)
    campaign_id, workspace_id, version = digest.id, digest.workspace_id, digest.version

    def press() -> None:
        with app.app_context(), in_workspace(workspace_id):
            ready.wait()
            results.append(launch(campaign_id, by=None, version=version).is_new)
            db.session.commit()

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False, True]
    assert find_campaign(campaign_id, fresh=True).state == CampaignState.LAUNCHING


def test_two_freezes_at_once_write_one_ledger(app: Flask, digest: Campaign) -> None:
    launch(digest.id, by=None)
    db.session.commit()
    campaign_id, workspace_id = digest.id, digest.workspace_id
    states: list[CampaignState] = []

    def work() -> None:
        with app.app_context(), in_workspace(workspace_id):
            states.append(freeze(campaign_id))
            db.session.commit()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == [CampaignState.SENDING, CampaignState.SENDING]
    assert messages(campaign_id) == 12


def test_the_freeze_settles_design_links_cells_and_sender(digest: Campaign, scope: Workspace) -> None:
    launch(digest.id, by=None)
    assert freeze(digest.id) == CampaignState.SENDING
    (variant,) = edit.variants_of(digest)
    design = db.session.get_one(Design, variant.design_id)
    assert design.mjml == digest.mjml
    links = db.session.scalars(select(Link).where(Link.variant_id == variant.id)).all()
    assert [(link.position, link.url) for link in links] == [(0, "https://aviary.example.com/doves")]
    (cell,) = db.session.scalars(select(Cell).where(Cell.campaign_id == digest.id))
    assert (cell.low, cell.high, cell.variant_id) == (0, 1_000_000, variant.id)
    row = db.session.scalars(select(Message).where(Message.campaign_id == digest.id)).first()
    assert row is not None
    assert (row.state, row.reason, row.cell_id, row.variant_id) == ("planned", "", cell.id, variant.id)
    assert (digest.from_name, digest.from_email) == (scope.from_name, scope.from_email)
    assert digest.considered == ledger(digest.id).audience == 12


def test_hold_and_undo_leave_a_draft_and_no_ledger(digest: Campaign, scope: Workspace) -> None:
    scope.hold_seconds = 30
    version = digest.version
    launch(digest.id, by=None, version=version)
    assert freeze(digest.id) == CampaignState.HOLDING
    assert digest.hold_until is not None
    assert messages(digest.id) == 12
    control.undo(digest.id)
    assert digest.state == CampaignState.DRAFT
    assert messages(digest.id) == 0
    assert not db.session.scalars(select(Cell).where(Cell.campaign_id == digest.id)).all()
    with pytest.raises(Conflict):
        launch(digest.id, by=None, version=version)
    assert launch(digest.id, by=None, version=digest.version).is_new
    assert freeze(digest.id) == CampaignState.HOLDING
    assert messages(digest.id) == 12


def test_undo_comes_too_late_once_sending_began(digest: Campaign) -> None:
    launch(digest.id, by=None)
    freeze(digest.id)
    first = select(func.min(Message.id)).scalar_subquery()
    db.session.execute(update(Message).where(Message.id == first).values(state="sending"))
    with pytest.raises(Conflict, match="going out"):
        control.undo(digest.id)
    assert messages(digest.id) == 12


def test_a_hold_ends_when_its_time_is_over(digest: Campaign, scope: Workspace) -> None:
    scope.hold_seconds = 30
    launch(digest.id, by=None)
    freeze(digest.id)
    assert release_due().sending == ()
    with clock.moved(timedelta(seconds=31)), every_workspace():
        assert digest.id in release_due().sending
    assert find_campaign(digest.id, fresh=True).state == CampaignState.SENDING


def test_a_campaign_that_fails_to_freeze_is_a_draft_that_says_why(digest: Campaign, scope: Workspace) -> None:
    launch(digest.id, by=None)
    scope.postal_address = ""
    db.session.flush()
    assert freeze(digest.id) == CampaignState.DRAFT
    assert "postal address" in digest.waiting_for
    assert digest.launched_at is None
    assert messages(digest.id) == 0


def test_what_the_review_stops_is_not_launched(digest: Campaign) -> None:
    edit.save_content(digest.id, digest.version, subject="", preheader="", mjml="<mjml>")
    with pytest.raises(Invalid, match="no subject"):
        launch(digest.id, by=None)
    assert find_campaign(digest.id).state == CampaignState.DRAFT


def test_an_edit_between_review_and_launch_stops_it(digest: Campaign) -> None:
    seen = digest.version
    edit.save_settings(digest.id, seen, name="Another name")
    with pytest.raises(Conflict, match="changed after you reviewed it"):
        launch(digest.id, by=None, version=seen)


def test_a_schedule_in_the_past_is_refused(digest: Campaign) -> None:
    with pytest.raises(Invalid, match="passed"):
        launch(digest.id, by=None, at=clock.now() - timedelta(seconds=1))


def test_a_scheduled_campaign_is_launched_when_its_time_comes(digest: Campaign) -> None:
    at = clock.now() + timedelta(hours=1)
    assert launch(digest.id, by=None, at=at).is_new
    assert not launch(digest.id, by=None, at=at).is_new
    db.session.commit()
    with every_workspace():
        assert digest.id not in release_due().launching
        with clock.moved(timedelta(hours=1, minutes=2)):
            assert digest.id in release_due().launching
            assert digest.id not in release_due().launching


def test_a_missed_schedule_asks_and_resume_launches_it(digest: Campaign) -> None:
    launch(digest.id, by=None, at=clock.now() + timedelta(hours=1))
    db.session.commit()
    with clock.moved(timedelta(hours=1, minutes=16)), every_workspace():
        released = release_due()
        assert digest.id in released.missed
        assert digest.id not in released.launching
    paused = find_campaign(digest.id, fresh=True)
    assert paused.state == CampaignState.PAUSED
    assert "while Merpati was not running" in paused.waiting_for
    assert paused.waiting_since is not None
    assert control.resume(digest.id).state == CampaignState.LAUNCHING
    assert freeze(digest.id) == CampaignState.SENDING


def test_a_missed_schedule_can_become_a_draft_again(digest: Campaign) -> None:
    launch(digest.id, by=None, at=clock.now() + timedelta(hours=1))
    with clock.moved(timedelta(hours=2)), every_workspace():
        release_due()
    assert unschedule(digest.id).state == CampaignState.DRAFT
    assert digest.scheduled_at is None


def test_a_launch_the_queue_lost_is_found_again(digest: Campaign) -> None:
    launch(digest.id, by=None)
    db.session.commit()
    with every_workspace():
        assert digest.id not in release_due().forgotten
        with clock.moved(timedelta(minutes=2)):
            assert digest.id in release_due().forgotten


@pytest.mark.parametrize("before", list(CampaignState))
@pytest.mark.parametrize("after", list(CampaignState))
def test_only_the_arrows_are_walked(scope: Workspace, before: CampaignState, after: CampaignState) -> None:
    campaign = edit.create_campaign("Arrows")
    campaign.state = before
    db.session.flush()
    if after in ARROWS[before]:
        assert change_state(campaign.id, after, expected=list(CampaignState)).state == after
    else:
        with pytest.raises(Conflict):
            change_state(campaign.id, after, expected=list(CampaignState))
        assert find_campaign(campaign.id, fresh=True).state == before
