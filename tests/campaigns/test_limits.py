"""How often people are written to: the cap, the least gap, and two launches that must not both pass."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, update

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.audience.models import MailingList
from app.campaigns.audience import count_audience
from app.campaigns.freeze import freeze
from app.campaigns.launch import launch
from app.campaigns.models import Campaign
from app.campaigns.release import release_due
from app.campaigns.review import review
from app.campaigns.timing import Timing
from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.core.errors import Invalid
from app.messages.models import Message
from tests.factories.campaigns import add_people, make_list, weekly_digest

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def doves(scope: Workspace) -> MailingList:
    """A list of five people."""
    mailing_list = make_list("Doves")
    add_people(mailing_list, 5)
    db.session.commit()
    return mailing_list


def digest(doves: MailingList, *, stream: str = "marketing") -> Campaign:
    campaign = weekly_digest(doves)
    campaign.stream = stream
    db.session.flush()
    return campaign


def send(doves: MailingList, ago: timedelta, *, stream: str = "marketing", state: str = "sent") -> Campaign:
    """A campaign whose messages went, or are planned, that long ago."""
    campaign, at = digest(doves, stream=stream), clock.now() - ago
    launch(campaign.id, by=None)
    freeze(campaign.id)
    when = {"next_attempt_at": at} if state in ("planned", "deferred") else {"sent_at": at, "changed_at": at}
    db.session.execute(Message.__table__.update().where(Message.campaign_id == campaign.id).values(state=state, **when))
    return campaign


def skipped(campaign: Campaign) -> dict[str, int]:
    rows = db.session.execute(
        select(Message.reason, func.count()).where(Message.campaign_id == campaign.id).group_by(Message.reason)
    )
    return dict(rows.all())


def freeze_now(campaign: Campaign, timing: Timing | None = None) -> dict[str, int]:
    launch(campaign.id, by=None, timing=timing or Timing())
    freeze(campaign.id)
    return skipped(campaign)


def test_the_third_mail_of_a_week_is_not_sent_when_two_are_the_most(scope: Workspace, doves: MailingList) -> None:
    send(doves, 3 * DAY)
    send(doves, 2 * DAY)
    scope.most_messages, scope.most_days = 2, 7
    campaign = digest(doves)
    counted = count_audience(campaign)
    assert (counted.planned, counted.skipped) == (0, {"frequency": 5})
    scope.most_messages = 3
    assert freeze_now(campaign) == {"": 5}


def test_what_is_older_than_the_span_does_not_count(scope: Workspace, doves: MailingList) -> None:
    scope.most_messages, scope.most_days = 1, 7
    send(doves, 7 * DAY + HOUR)
    assert freeze_now(digest(doves)) == {"": 5}


def test_the_least_gap_counts_back_and_ahead(scope: Workspace, doves: MailingList) -> None:
    send(doves, -5 * HOUR, state="planned")
    scope.least_hours = 6
    assert count_audience(digest(doves)).skipped == {"too-soon": 5}
    scope.least_hours = 4
    assert count_audience(digest(doves)).planned == 5


@pytest.mark.parametrize("state", ["sent", "sending", "planned", "deferred", "uncertain"])
def test_what_went_or_may_still_go_counts(scope: Workspace, doves: MailingList, state: str) -> None:
    send(doves, HOUR, state=state)
    scope.most_messages = 1
    assert count_audience(digest(doves)).skipped == {"frequency": 5}


@pytest.mark.parametrize("state", ["skipped", "failed", "bounced"])
def test_what_never_arrived_does_not_count(scope: Workspace, doves: MailingList, state: str) -> None:
    send(doves, HOUR, state=state)
    scope.most_messages, scope.least_hours = 1, 24
    assert count_audience(digest(doves)).planned == 5


def test_transactional_mail_is_neither_counted_nor_capped(scope: Workspace, doves: MailingList) -> None:
    send(doves, HOUR, stream="transactional")
    scope.most_messages, scope.least_hours = 1, 24
    assert count_audience(digest(doves)).planned == 5
    send(doves, HOUR)
    assert count_audience(digest(doves)).planned == 0
    assert freeze_now(digest(doves, stream="transactional")) == {"": 5}


def test_a_planned_send_is_judged_at_the_time_it_goes(scope: Workspace, doves: MailingList) -> None:
    send(doves, HOUR)
    scope.least_hours = 24
    wall = (clock.now() + 2 * DAY).replace(tzinfo=None, second=0, microsecond=0)
    campaign = digest(doves)
    assert count_audience(campaign).planned == 0
    began = launch(campaign.id, by=None, timing=Timing(wall)).campaign.scheduled_at
    assert began is not None
    db.session.commit()
    with clock.moved(began - clock.now()):
        with every_workspace():
            release_due()
        db.session.commit()
        freeze(campaign.id)
    assert skipped(campaign) == {"": 5}


def test_a_review_says_that_nobody_would_get_it_now(scope: Workspace, doves: MailingList) -> None:
    send(doves, HOUR)
    scope.most_messages = 1
    campaign = digest(doves)
    assert [finding.code for finding in review(campaign).findings] == ["nobody-now"]
    with pytest.raises(Invalid, match="left out"):
        launch(campaign.id, by=None)


def test_the_capped_are_left_out_before_the_draw(scope: Workspace, doves: MailingList) -> None:
    send(doves, HOUR)
    scope.most_messages = 1
    campaign = weekly_digest(doves, held_out=0.5)
    assert count_audience(campaign).skipped == {"frequency": 5}


def test_another_workspace_counts_for_nothing(scope: Workspace, doves: MailingList) -> None:
    scope.most_messages = 1
    db.session.commit()
    assert freeze_now(digest(doves)) == {"": 5}
    assert count_audience(digest(doves)).skipped == {"frequency": 5}
    other = create_workspace("Other")
    db.session.execute(update(Message).where(Message.workspace_id == scope.id).values(workspace_id=other.id))
    assert count_audience(digest(doves)).planned == 5


def test_of_two_launches_at_once_one_writes_to_a_person(app: Flask, scope: Workspace, doves: MailingList) -> None:
    scope.most_messages = 1
    campaigns = [digest(doves).id for _ in range(2)]
    for number in campaigns:
        launch(number, by=None)
    db.session.commit()
    ready, workspace_id = threading.Barrier(2), scope.id
    broken: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with app.app_context(), in_workspace(workspace_id):
                ready.wait()
                freeze(number)
                db.session.commit()
        except BaseException as error:
            broken.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in campaigns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not broken
    db.session.expire_all()
    rows = db.session.scalars(
        select(func.count()).where(Message.campaign_id.in_(campaigns), Message.state == "planned")
    ).all()
    assert rows == [5]


hours = st.lists(st.integers(-240, 240), max_size=7)


@given(went=hours, most=st.integers(1, 4), span=st.integers(1, 6), gap=st.none() | st.integers(1, 48))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_verdict_is_that_of_counting_by_hand(
    scope: Workspace, doves: MailingList, went: list[int], most: int, span: int, gap: int | None
) -> None:
    """One of the five, with messages at these hours before (or after) now."""
    db.session.execute(delete(Message).where(Message.workspace_id == scope.id))
    db.session.execute(delete(Campaign).where(Campaign.workspace_id == scope.id))
    campaign, now = digest(doves), clock.now()
    person = db.session.scalar(select(func.min(Message.subscriber_id))) or _anybody(doves)
    for hour in went:
        at = now + timedelta(hours=hour, minutes=30)
        other = digest(doves)
        other.launched_at = min(now, at)
        db.session.flush()
        values = {"sent_at": at, "state": "sent"} if hour < 0 else {"next_attempt_at": at, "state": "planned"}
        row = {"workspace_id": scope.id, "campaign_id": other.id, "subscriber_id": person, "address": "a@example.com"}
        db.session.execute(insert(Message).values({**row, **values}))
    scope.most_messages, scope.most_days, scope.least_hours = most, span, gap
    db.session.flush()
    found = count_audience(campaign).skipped
    moments = [timedelta(hours=hour, minutes=30) for hour in went] + [timedelta()]
    windows = [[at for at in moments if begin <= at < begin + span * DAY] for begin in moments]
    if any(timedelta() in window and len(window) > most for window in windows):
        assert found == {"frequency": 1}
    elif gap is not None and any(abs(at) < gap * HOUR for at in moments[:-1]):
        assert found == {"too-soon": 1}
    else:
        assert found == {}


def _anybody(doves: MailingList) -> int:
    from app.audience.models import Subscription

    return db.session.scalar(select(func.min(Subscription.subscriber_id)).where(Subscription.list_id == doves.id)) or 0


WALL = datetime(2027, 1, 1, 9)  # noqa: DTZ001 - it has no zone
LIMITS = {
    "name": "Aviary",
    "timezone": "Asia/Jakarta",
    "hold_seconds": "0",
    "confirm_above": "100",
    "from_name": "",
    "from_email": "",
    "reply_to": "",
    "postal_address": "",
    "quiet_from": "21:00",
    "quiet_to": "08:00",
    "most_messages": "3",
    "most_days": "7",
    "least_hours": "24",
}


def test_limits_are_set_in_the_settings(scope: Workspace, as_ada: FlaskClient) -> None:
    assert as_ada.post(f"/w/{scope.slug}/settings", data=LIMITS).status_code == 302
    db.session.refresh(scope)
    assert (scope.quiet_from, scope.quiet_to) == ("21:00", "08:00")
    assert (scope.most_messages, scope.most_days, scope.least_hours) == (3, 7, 24)
    empty = dict.fromkeys(("quiet_from", "quiet_to", "most_messages", "most_days", "least_hours"), "")
    assert as_ada.post(f"/w/{scope.slug}/settings", data={**LIMITS, **empty}).status_code == 302
    db.session.refresh(scope)
    assert (scope.quiet_from, scope.most_messages, scope.most_days, scope.least_hours) == ("", None, 7, None)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"quiet_from": "25:00"}, "Write a time"),
        ({"quiet_from": "21"}, "Write a time"),
        ({"quiet_to": ""}, "both ends"),
        ({"quiet_from": "08:00"}, "four hours"),
        ({"quiet_from": "08:30"}, "four hours"),
        ({"most_messages": "0"}, "between 1 and"),
        ({"least_hours": "-1"}, "between 1 and"),
    ],
)
def test_limits_that_cannot_be_are_refused(
    scope: Workspace, as_ada: FlaskClient, wrong: dict[str, str], words: str
) -> None:
    answer = as_ada.post(f"/w/{scope.slug}/settings", data={**LIMITS, **wrong})
    assert answer.status_code == 422
    assert words in answer.text
    db.session.refresh(scope)
    assert scope.quiet_from == ""


def test_the_year_of_a_time_is_looked_at() -> None:
    with pytest.raises(Invalid, match="cannot be meant"):
        Timing(datetime(1, 1, 1, 9))  # noqa: DTZ001
    assert Timing(WALL).starts_at == datetime(2026, 12, 31, 18, 50, tzinfo=UTC)
