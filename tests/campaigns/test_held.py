"""What the page of a campaign on hold says of the end of the hold, and the undo while it is being prepared."""

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.accounts.models import Workspace
from app.campaigns import control
from app.campaigns.freeze import freeze
from app.campaigns.held import after_hold
from app.campaigns.launch import launch
from app.campaigns.lifecycle import CampaignState
from app.campaigns.models import Campaign
from app.campaigns.timing import Timing
from app.core import clock
from app.core.database import db, enter_workspace
from app.core.wallclock import wall_at
from app.messages.models import Message

HOUR = timedelta(hours=1)
Page = Callable[[str], str]


@pytest.fixture
def held(as_eve: FlaskClient, digest: Campaign, scope: Workspace) -> Callable[[Timing], Campaign]:
    """Launches the digest to 12 people with a hold; it is on hold then, committed."""

    enter_workspace(scope.id)  # signing in has left it

    def begin(timing: Timing) -> Campaign:
        scope.hold_seconds = 30
        launch(digest.id, by=None, timing=timing)
        assert freeze(digest.id) == CampaignState.HOLDING
        db.session.commit()
        return digest

    return begin


def in_two_hours(scope: Workspace) -> datetime:
    return wall_at(clock.now(), ZoneInfo(scope.timezone)) + 2 * HOUR


def place(campaign: Campaign, *moments: datetime | None) -> None:
    """Give the people of a campaign, one after the other, their moments."""
    query = select(Message.id).where(Message.campaign_id == campaign.id).order_by(Message.id)
    for number, at in zip(db.session.scalars(query).all(), moments, strict=True):
        db.session.execute(update(Message).where(Message.id == number).values(next_attempt_at=at))
    db.session.commit()


def test_all_wait_for_a_time_of_their_own(
    held: Callable[[Timing], Campaign], as_eve: FlaskClient, page: Page, scope: Workspace
) -> None:
    campaign = held(Timing(in_two_hours(scope)))
    first = clock.now() + HOUR
    place(campaign, *[first] * 7, *[first + HOUR] * 5)
    found = after_hold(campaign, scope)
    assert (found.at_once, found.later, found.first) == (0, 12, first)
    shown = as_eve.get(page("")).text
    assert "Then 12 people wait for their time, as planned" in shown
    assert "Sending to 12 people begins in" not in shown
    assert "Send now" not in shown
    assert "End the hold" in shown
    assert "Who goes when" in shown


def test_some_are_written_to_when_the_hold_ends(
    held: Callable[[Timing], Campaign], as_eve: FlaskClient, page: Page, scope: Workspace
) -> None:
    campaign = held(Timing(in_two_hours(scope), passed="at-once"))
    now = clock.now()
    place(campaign, *[now] * 4, *[now + HOUR] * 8)
    found = after_hold(campaign, scope)
    assert (found.at_once, found.later) == (4, 8)
    shown = as_eve.get(page("")).text
    assert "Sending to 4 people of 12 begins in" in shown
    assert "The others wait for the time of their own zone" in shown


def test_all_at_once_is_said_as_ever(
    held: Callable[[Timing], Campaign], as_eve: FlaskClient, page: Page, scope: Workspace
) -> None:
    held(Timing())
    shown = as_eve.get(page("")).text
    assert "Sending to 12 people begins in" in shown
    assert "Send now" in shown


def test_a_spread_send_begins_and_says_its_plan(
    held: Callable[[Timing], Campaign], as_eve: FlaskClient, page: Page
) -> None:
    campaign, now = held(Timing(spread=60)), clock.now()
    place(campaign, *[now + number * HOUR / 12 for number in range(12)])
    shown = as_eve.get(page("")).text
    assert "Sending to 12 people begins in" in shown
    assert "As planned: spread over 1 hour" in shown


def test_quiet_hours_come_after_the_hold(
    held: Callable[[Timing], Campaign], as_eve: FlaskClient, page: Page, scope: Workspace
) -> None:
    wall = wall_at(clock.now(), ZoneInfo(scope.timezone))
    scope.quiet_from, scope.quiet_to = f"{wall - HOUR:%H:%M}", f"{wall + 2 * HOUR:%H:%M}"
    campaign = held(Timing())
    found = after_hold(campaign, scope)
    assert (found.at_once, found.later, found.is_quiet) == (0, 12, True)
    assert "Then it keeps the quiet hours" in as_eve.get(page("")).text


def test_what_is_being_prepared_can_be_undone(as_eve: FlaskClient, page: Page, digest: Campaign) -> None:
    launch(digest.id, by=None)
    db.session.commit()
    shown = as_eve.get(page("")).text
    assert "It is being prepared" in shown
    assert 'id="undo"' in shown
    control.undo(digest.id)
    assert digest.state == CampaignState.DRAFT
    # The job of the launch finds nothing to do.
    assert freeze(digest.id) == CampaignState.DRAFT
    assert db.session.scalar(select(Message.id).where(Message.campaign_id == digest.id)) is None


def test_mails_that_came_back_were_sent(
    held: Callable[[Timing], Campaign], as_eve: FlaskClient, page: Page, digest: Campaign
) -> None:
    """Home, report and campaign count as sent what servers took; refused at once is not sent."""
    held(Timing())
    control.send_now(digest.id)
    query = select(Message.id).where(Message.campaign_id == digest.id).order_by(Message.id)
    states = [("sent", True)] * 5 + [("bounced", True)] * 2 + [("bounced", False)] * 4 + [("failed", False)]
    for number, (state, taken) in zip(db.session.scalars(query).all(), states, strict=True):
        values = {"state": state, "sent_at": clock.now() if taken else None}
        db.session.execute(update(Message).where(Message.id == number).values(**values))
    db.session.commit()
    shown = " ".join(as_eve.get(page("")).text.split())
    assert "7 mails are sent" in shown
    assert "6 bounced (2 of them after they were sent)" in shown
    assert "1 failed" in shown


def test_a_launched_campaign_cannot_be_sent_as_its_review_would_say(
    held: Callable[[Timing], Campaign], as_eve: FlaskClient, page: Page
) -> None:
    held(Timing())
    after = as_eve.get(page("review")).text
    assert "It was launched already" in after
    assert "It can be sent" not in after
