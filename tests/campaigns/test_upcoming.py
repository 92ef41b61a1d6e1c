"""What the live page says of those whose time is still to come."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.accounts.models import Workspace
from app.campaigns.freeze import freeze
from app.campaigns.launch import launch
from app.campaigns.models import Campaign
from app.campaigns.timing import Timing
from app.campaigns.upcoming import MOST, Group, upcoming
from app.core import clock
from app.core.database import db
from app.core.wallclock import wall_at
from app.messages.models import Message

HOUR = timedelta(hours=1)


@pytest.fixture
def zoned(digest: Campaign, scope: Workspace) -> Campaign:
    """A campaign by people's own zones that is being sent to 12 people, committed."""
    wall = wall_at(clock.now(), ZoneInfo(scope.timezone)) + 2 * HOUR
    launch(digest.id, by=None, timing=Timing(wall))
    freeze(digest.id)
    db.session.commit()
    return digest


def place(campaign: Campaign, *hours: float, **values: Any) -> None:
    """Give the people of a campaign, one after the other, a time so many hours from now."""
    query = select(Message.id).where(Message.campaign_id == campaign.id).order_by(Message.id)
    now = clock.now().replace(microsecond=0)
    for number, hour in zip(db.session.scalars(query).all(), hours, strict=True):
        values_then = {"next_attempt_at": now + hour * HOUR, **values}
        db.session.execute(update(Message).where(Message.id == number).values(values_then))
    db.session.commit()


def test_groups_in_their_order_and_the_rest_together(zoned: Campaign) -> None:
    place(zoned, 8, 1, 1, 1, 2, 2, 3, 4, 5, 6, 7, 9)
    found = upcoming(zoned)
    assert found is not None
    assert [group.people for group in found.groups] == [3, 2, 1, 1, 1, 1]
    assert (len(found.groups), found.later, found.only_waits) == (MOST, 3, True)
    assert found.groups[0].at < found.groups[-1].at < found.last


def test_a_single_last_group_is_told_like_the_others(zoned: Campaign) -> None:
    place(zoned, 1, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7)
    found = upcoming(zoned)
    assert found is not None
    assert ([group.people for group in found.groups], found.later) == ([6, 1, 1, 1, 1, 1, 1], 0)


def test_what_is_due_is_not_waiting_as_planned(zoned: Campaign) -> None:
    place(zoned, *[1.0] * 11, -0.1)
    found = upcoming(zoned)
    assert found is not None
    assert (found.only_waits, found.groups) == (False, (Group(found.last, 11),))


def test_nothing_is_to_come_when_all_times_are_past(zoned: Campaign) -> None:
    place(zoned, *[-1.0] * 12)
    assert upcoming(zoned) is None


def test_a_spread_send_tells_only_its_end(digest: Campaign) -> None:
    launch(digest.id, by=None, timing=Timing(spread=600))
    freeze(digest.id)
    found = upcoming(digest)
    assert found is not None
    assert found.groups == ()
    assert timedelta(hours=8) < found.last - clock.now() <= timedelta(hours=10)


def test_a_send_all_at_once_has_no_times(digest: Campaign) -> None:
    launch(digest.id, by=None)
    freeze(digest.id)
    assert upcoming(digest) is None


def test_the_live_page_does_not_guess_from_the_rate(
    as_eve: FlaskClient, zoned: Campaign, page: Callable[[str], str]
) -> None:
    """Ten minutes of the last half minute's rate would be a lie where people wait until tomorrow."""
    place(zoned, *[30.0] * 12)
    shown = as_eve.get(page("progress") + "?since=1&before=-500").text
    assert "Who goes when" in shown
    assert "the last at" in shown
    assert "left</" not in shown.replace("minutes left", "left</")
