"""When people are written to: own zones, quiet hours, spread sends, and what is asked after a downtime."""
# ruff: noqa: DTZ001 - times on a wall have no zone

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from app.accounts.models import Workspace
from app.accounts.quiet import QUIET_SQL, QuietHours, quiet_until, quiet_words
from app.audience.models import Subscriber
from app.campaigns import control
from app.campaigns.freeze import freeze
from app.campaigns.launch import launch
from app.campaigns.lifecycle import CampaignState, find_campaign
from app.campaigns.models import Campaign
from app.campaigns.morning import put_off
from app.campaigns.release import release_due
from app.campaigns.timing import ELSEWHERE, LATE, Timing, read_timing, stretches
from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.core.errors import Invalid
from app.core.wallclock import moment_at, wall_at, zone_names
from app.messages.models import Message
from app.sending import lanes
from app.sending.connections import connect
from app.sending.runs import open_run
from tests.factories.campaigns import add_people, make_list, weekly_digest

SECOND = timedelta(seconds=1)
ZONES = sorted(zone_names())
zones = st.sampled_from(ZONES).map(ZoneInfo)
minutes = st.times().map(lambda at: at.replace(second=0, microsecond=0))
days = st.dates(date(2015, 1, 1), date(2037, 12, 31))
nights = st.builds(QuietHours, minutes, minutes).filter(lambda hours: hours.leave_enough)


def changes_of(zone: ZoneInfo, year: int) -> list[datetime]:
    """The hours of a year within which the clocks of a zone are changed."""
    days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(366)]
    changed = [day for day in days if len({(day + timedelta(days=n)).astimezone(zone).utcoffset() for n in (0, 1)}) > 1]
    hours = [day + timedelta(hours=n) for day in changed for n in range(24)]
    return [at for at in hours if len({(at + timedelta(hours=n)).astimezone(zone).utcoffset() for n in (0, 1)}) > 1]


def check_moment(wall: datetime, zone: ZoneInfo) -> None:
    first, last = moment_at(wall, zone), moment_at(wall, zone, last=True)
    meant = [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    real = [moment for moment in meant if wall_at(moment, zone) == wall]
    if real:
        assert (first, last) == (min(real), max(real))
    else:
        assert first == last
        assert wall_at(first, zone) > wall > wall_at(first - SECOND, zone)


@given(day=days, at=minutes, zone=zones)
@settings(max_examples=500)
def test_every_wall_time_has_its_moment(day: date, at: time, zone: ZoneInfo) -> None:
    check_moment(datetime.combine(day, at), zone)


def test_every_wall_time_around_every_change_of_clocks_has_its_moment() -> None:
    for zone in map(ZoneInfo, ZONES):
        for change in changes_of(zone, 2027):
            for quarter in range(-16, 17):
                check_moment(wall_at(change, zone) + timedelta(minutes=15 * quarter), zone)


def test_a_skipped_hour_is_the_moment_after_it_and_a_double_one_its_first() -> None:
    brussels = ZoneInfo("Europe/Brussels")
    assert moment_at(datetime(2027, 3, 28, 2, 30), brussels) == datetime(2027, 3, 28, 1, 0, tzinfo=UTC)
    assert moment_at(datetime(2027, 10, 31, 2, 30), brussels) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert moment_at(datetime(2027, 10, 31, 2, 30), brussels, last=True) == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)


def test_quiet_hours_cross_midnight() -> None:
    jakarta, hours = ZoneInfo("Asia/Jakarta"), QuietHours(time(21), time(8))
    evening, night = (datetime(2027, 3, 1, hour, 30, tzinfo=jakarta) for hour in (21, 23))
    morning = datetime(2027, 3, 2, 8, tzinfo=jakarta)
    assert hours.until(evening, jakarta) == hours.until(night, jakarta) == morning
    assert hours.until(morning - SECOND, jakarta) == morning
    assert hours.until(morning, jakarta) is None
    assert hours.until(evening - timedelta(minutes=31), jakarta) is None


@given(
    hours=nights, moment=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)), zone=zones
)
@settings(max_examples=300)
def test_quiet_hours_are_what_the_clock_on_the_wall_says(hours: QuietHours, moment: datetime, zone: ZoneInfo) -> None:
    until, wall = hours.until(moment, zone), wall_at(moment, zone).time()
    is_quiet = hours.begin <= wall < hours.end if hours.begin < hours.end else wall >= hours.begin or wall < hours.end
    if is_quiet:
        assert until is not None
    if until is not None:
        assert moment < until <= moment + timedelta(hours=26)
        assert hours.until(until, zone) is None


timings = st.builds(
    Timing,
    local_at=st.none() | st.builds(datetime.combine, days, minutes),
    passed=st.sampled_from(["next-day", "at-once"]),
    spread=st.just(0) | st.integers(5, 7 * 24 * 60),
)


@given(timing=timings, hours=st.none() | nights, late=st.timedeltas(-timedelta(days=3), timedelta(days=3)), own=zones)
@settings(max_examples=25, deadline=None)
@pytest.mark.long
def test_a_send_is_laid_out_whole_outside_of_quiet_hours_and_never_too_early(
    timing: Timing, hours: QuietHours | None, late: timedelta, own: ZoneInfo
) -> None:
    launched = (timing.starts_at or datetime(2027, 3, 27, 20, tzinfo=UTC)) + late
    base = launched + timedelta(seconds=30)
    laid = stretches(timing, own.key, hours, launched=launched, base=base)
    by_zone: dict[str, list[Any]] = {}
    for part in laid:
        by_zone.setdefault(part.zone, []).append(part)
    assert set(by_zone) == ({ELSEWHERE} if timing.local_at is None else {ELSEWHERE, *ZONES})
    for name, parts in by_zone.items():
        zone = ZoneInfo(name or own.key)
        assert (parts[0].low, parts[-1].high) == (0, pytest.approx(1))
        assert all(one.high == following.low for one, following in pairwise(parts))
        assert sum(part.seconds for part in parts) == pytest.approx(60 * timing.spread)
        assert parts[0].start >= base
        for part in parts if hours else ():
            assert hours is not None
            assert hours.until(part.start, zone) is None
            assert hours.until(max(part.end - SECOND, part.start), zone) is None
        if timing.local_at is not None and hours is None and moment_at(timing.local_at, zone) > base:
            assert parts[0].start == moment_at(timing.local_at, zone)
        if timing.passed == "next-day" and timing.local_at is not None:
            assert parts[0].start <= max(base, moment_at(timing.local_at, zone)) + timedelta(days=2, hours=2)


@given(timing=timings)
def test_a_timing_is_kept_as_it_is(timing: Timing) -> None:
    kept = read_timing(timing.stored())
    assert (kept.local_at, kept.spread) == (timing.local_at, timing.spread)
    assert timing.local_at is None or kept.passed == timing.passed


@pytest.mark.parametrize("wrong", [{"spread": 4}, {"spread": 10_081}, {"spread": -60}, {"passed": "never"}])
def test_a_timing_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="Nothing was scheduled"):
        Timing(**wrong)


@pytest.fixture
def doves(scope: Workspace) -> list[int]:
    """Four people: in Jakarta, in Los Angeles, in a zone that is none, and in none."""
    scope.timezone = "Europe/Brussels"
    mailing_list = make_list("Doves")
    ids = add_people(mailing_list, 4)
    for number, zone in zip(ids, ["Asia/Jakarta", "America/Los_Angeles", "Moon/Crater", ""], strict=True):
        db.session.execute(update(Subscriber).where(Subscriber.id == number).values(timezone=zone))
    digest = weekly_digest(mailing_list)
    db.session.commit()
    return [digest.id, *ids]


def times(campaign_id: int) -> dict[int | None, datetime | None]:
    rows = db.session.execute(
        select(Message.subscriber_id, Message.next_attempt_at).where(Message.campaign_id == campaign_id)
    )
    return dict(rows.all())


def nine_on(day: date) -> datetime:
    return datetime.combine(day, time(9))


def test_everybody_gets_it_at_that_time_of_their_own(doves: list[int]) -> None:
    number, jakarta, angeles, moon, nowhere = doves
    wall = nine_on(clock.now().date() + timedelta(days=5))
    started = launch(number, by=None, timing=Timing(wall))
    assert started.campaign.state == CampaignState.SCHEDULED
    assert started.campaign.scheduled_at is not None
    assert not launch(number, by=None, timing=Timing(wall)).is_new
    with clock.moved(started.campaign.scheduled_at + SECOND - clock.now()):
        with every_workspace():
            assert number in release_due().launching
        db.session.commit()
        assert freeze(number) == CampaignState.SENDING
    found = times(number)
    assert found[jakarta] == moment_at(wall, ZoneInfo("Asia/Jakarta"))
    assert found[angeles] == moment_at(wall, ZoneInfo("America/Los_Angeles"))
    assert found[moon] == found[nowhere] == moment_at(wall, ZoneInfo("Europe/Brussels"))


@pytest.mark.parametrize("passed", ["next-day", "at-once"])
def test_whose_time_has_passed_get_it_the_next_day_or_at_once(doves: list[int], passed: str) -> None:
    number, jakarta, angeles, *_ = doves
    wall = wall_at(clock.now(), ZoneInfo("America/Los_Angeles")).replace(second=0, microsecond=0) + timedelta(hours=2)
    assert launch(number, by=None, timing=Timing(wall, passed)).campaign.state == CampaignState.LAUNCHING
    freeze(number)
    found = times(number)
    assert found[angeles] == moment_at(wall, ZoneInfo("America/Los_Angeles"))
    if passed == "next-day":
        assert found[jakarta] == moment_at(wall + timedelta(days=1), ZoneInfo("Asia/Jakarta"))
    else:
        at = found[jakarta]
        assert at is not None
        assert abs(at - clock.now()) < timedelta(minutes=1)


def test_a_time_that_has_passed_everywhere_is_refused(doves: list[int]) -> None:
    with pytest.raises(Invalid, match="passed in every zone"):
        launch(doves[0], by=None, timing=Timing(clock.now().replace(tzinfo=None) - timedelta(hours=13)))
    with pytest.raises(Invalid, match="one time"):
        launch(doves[0], by=None, at=clock.now() + timedelta(days=1), timing=Timing(nine_on(date(2100, 1, 1))))


@pytest.fixture
def flock(scope: Workspace) -> Campaign:
    """A draft to 3,000 people."""
    mailing_list = make_list("Flock")
    add_people(mailing_list, 3000)
    campaign = weekly_digest(mailing_list)
    db.session.commit()
    return campaign


@pytest.mark.long
def test_a_send_is_spread_evenly(flock: Campaign) -> None:
    launch(flock.id, by=None, timing=Timing(spread=120))
    freeze(flock.id)
    found = sorted(at for at in times(flock.id).values() if at is not None)
    assert len(found) == 3000
    began = found[0]
    buckets = [0] * 24
    for at in found:
        buckets[int((at - began) / timedelta(minutes=5, milliseconds=1))] += 1
    # An even draw by chance would exceed 23 in half of all cases; this one is laid out, not drawn.
    assert sum((count - 125) ** 2 / 125 for count in buckets) < 5
    assert timedelta(minutes=119) < found[-1] - began <= timedelta(minutes=120)


@pytest.mark.long
def test_a_spread_send_goes_round_the_night(flock: Campaign, scope: Workspace) -> None:
    zone, now = ZoneInfo("Asia/Jakarta"), clock.now()
    evening = wall_at(now, zone).replace(second=0, microsecond=0) + timedelta(hours=2)
    scope.timezone, scope.quiet_from = "Asia/Jakarta", f"{evening:%H:%M}"
    scope.quiet_to = f"{evening + timedelta(hours=9):%H:%M}"
    launch(flock.id, by=None, timing=Timing(spread=240))
    freeze(flock.id)
    found = [at for at in times(flock.id).values() if at is not None]
    dusk, dawn = (moment_at(evening + timedelta(hours=hours), zone) for hours in (0, 9))
    assert not [at for at in found if dusk <= at < dawn]
    assert 0.4 < sum(at < dusk for at in found) / 3000 < 0.6
    assert max(found) < dawn + timedelta(hours=2, minutes=2)


def quiet_now(workspace: Workspace, *, zone: str = "Asia/Jakarta") -> datetime:
    """Make it quiet in the workspace now; when it ends."""
    wall = wall_at(clock.now(), ZoneInfo(zone)).replace(second=0, microsecond=0)
    workspace.timezone, workspace.quiet_from = zone, f"{wall - timedelta(hours=1):%H:%M}"
    workspace.quiet_to = f"{wall + timedelta(hours=5):%H:%M}"
    db.session.flush()
    return moment_at(wall + timedelta(hours=5), ZoneInfo(zone))


@pytest.mark.parametrize(
    ("stream", "timing", "is_held"),
    [("marketing", {}, True), ("transactional", {}, False), ("marketing", {"local_at": "2030-01-01T09:00"}, False)],
)
def test_quiet_hours_hold_a_campaign_and_say_until_when(
    flock: Campaign, scope: Workspace, stream: str, timing: dict[str, Any], is_held: bool
) -> None:
    end = quiet_now(scope)
    flock.stream, flock.timing = stream, timing
    db.session.flush()
    until = quiet_until(scope, stream, timing, clock.now())
    assert until == (end if is_held else None)
    query = text(f"SELECT {QUIET_SQL} FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id WHERE c.id = :id")  # noqa: S608
    assert db.session.scalar(query, {"id": flock.id}) is is_held
    assert quiet_words(scope, end) == f"Quiet hours until {scope.quiet_to} (Asia/Jakarta)"
    scope.quiet_from = scope.quiet_to = ""
    db.session.flush()
    assert quiet_until(scope, stream, timing, clock.now()) is None
    assert db.session.scalar(query, {"id": flock.id}) is False


@pytest.mark.long
def test_no_run_opens_in_quiet_hours_and_the_page_says_so(flock: Campaign, scope: Workspace, database_url: str) -> None:
    async def run_opens() -> bool:
        connection = await connect(database_url)
        try:
            return await open_run(connection, flock.id, "/nowhere", 1) is not None
        finally:
            await connection.close()

    quiet_now(scope)
    launch(flock.id, by=None)
    freeze(flock.id)
    db.session.commit()
    with every_workspace():
        lanes.tend()
    assert find_campaign(flock.id, fresh=True).waiting_for == f"Quiet hours until {scope.quiet_to} (Asia/Jakarta)"
    assert not asyncio.run(run_opens())
    scope.quiet_from = scope.quiet_to = ""
    db.session.commit()
    assert asyncio.run(run_opens())


def test_what_comes_late_waits_for_the_morning_of_the_person(doves: list[int], scope: Workspace) -> None:
    number, jakarta, angeles, moon, _ = doves
    end = quiet_now(scope)
    scope.timezone = "Europe/Brussels"
    wall = wall_at(clock.now(), ZoneInfo("America/Los_Angeles")).replace(second=0, microsecond=0) + timedelta(hours=1)
    launch(number, by=None, timing=Timing(wall))
    freeze(number)
    db.session.execute(update(Message).where(Message.campaign_id == number).values(next_attempt_at=clock.now()))
    db.session.commit()
    with every_workspace():
        assert put_off(clock.now()) >= 1
        assert put_off(clock.now()) == 0
    found = times(number)
    assert found[jakarta] == end
    for person in (angeles, moon):
        at = found[person]
        assert at is not None
        assert at < clock.now()


@pytest.mark.long
def test_a_plain_send_has_no_times_of_its_own(flock: Campaign) -> None:
    launch(flock.id, by=None)
    freeze(flock.id)
    assert set(times(flock.id).values()) == {None}


def test_times_that_were_slept_through_are_asked_about(flock: Campaign) -> None:
    launch(flock.id, by=None, timing=Timing(spread=120))
    freeze(flock.id)
    db.session.commit()
    with every_workspace():
        assert flock.id not in release_due().missed
        with clock.moved(timedelta(minutes=50)):
            assert flock.id in release_due().missed
    paused = find_campaign(flock.id, fresh=True)
    assert paused.state == CampaignState.PAUSED
    assert "Merpati was not running" in paused.waiting_for
    assert "people passed" in paused.waiting_for
    with clock.moved(timedelta(minutes=51)), every_workspace():
        control.resume(flock.id)
        assert flock.id not in release_due().missed
    assert find_campaign(flock.id, fresh=True).state == CampaignState.SENDING


def test_a_send_that_was_only_slow_or_paused_goes_on_without_asking(flock: Campaign) -> None:
    launch(flock.id, by=None, timing=Timing(spread=30))
    freeze(flock.id)
    for minute in range(0, 180, 5):
        with clock.moved(timedelta(minutes=minute)), every_workspace():
            assert flock.id not in release_due().missed
            if minute == 60:
                control.pause(flock.id, "Paused by Ada.")
            if minute == 120:
                control.resume(flock.id)


def test_a_missed_own_zone_schedule_asks_and_says_what_resume_does(doves: list[int]) -> None:
    number, jakarta, *_ = doves
    wall = nine_on(clock.now().date() + timedelta(days=3))
    begins = launch(number, by=None, timing=Timing(wall)).campaign.scheduled_at
    assert begins is not None
    at_eleven = moment_at(wall, ZoneInfo("Asia/Jakarta")) + timedelta(hours=2)
    with clock.moved(at_eleven - clock.now()):
        with every_workspace():
            assert number in release_due().missed
        assert "in whose zone" in find_campaign(number, fresh=True).waiting_for
        control.resume(number)
        freeze(number)
    assert times(number)[jakarta] == moment_at(wall + timedelta(days=1), ZoneInfo("Asia/Jakarta"))


def test_a_freeze_that_waited_asks_the_clock_anew(doves: list[int]) -> None:
    number, jakarta, *_ = doves
    wall = wall_at(clock.now(), ZoneInfo("Asia/Jakarta")).replace(second=0, microsecond=0) + timedelta(minutes=30)
    launch(number, by=None, timing=Timing(wall))
    with clock.moved(timedelta(minutes=30) + 3 * LATE):
        freeze(number)
    assert times(number)[jakarta] == moment_at(wall + timedelta(days=1), ZoneInfo("Asia/Jakarta"))


def test_the_pages_carry_the_plan_from_choice_to_launch(
    doves: list[int], scope: Workspace, as_ada: FlaskClient
) -> None:
    number, wall = doves[0], nine_on(clock.now().date() + timedelta(days=5))
    address = f"/w/{scope.slug}/campaigns/{number}"
    chosen = {"when": "own-zone", "at": wall.isoformat(), "spread": "120", "passed": "at-once"}
    asked = as_ada.get(f"{address}/confirm", query_string=chosen)
    assert asked.status_code == 200
    assert "in each person&#39;s own zone, spread over 2 hours, until" in asked.text
    assert "2 people have no time zone that we know: Europe/Brussels is used." in asked.text
    sent = {"count": 4, **chosen}
    assert as_ada.post(f"{address}/launch", data=sent).status_code == 302
    with in_workspace(scope.id):
        campaign = find_campaign(number, fresh=True)
    assert campaign.state == CampaignState.SCHEDULED
    assert campaign.timing == Timing(wall, "at-once", 120).stored()
    assert "in each person&#39;s own zone, spread over 2 hours" in as_ada.get(address).text


def test_the_confirmation_says_for_how_many_the_time_has_passed(
    doves: list[int], scope: Workspace, as_ada: FlaskClient
) -> None:
    wall = wall_at(clock.now(), ZoneInfo("America/Los_Angeles")) + timedelta(hours=2)
    asked = as_ada.get(
        f"/w/{scope.slug}/campaigns/{doves[0]}/confirm",
        query_string={"when": "own-zone", "at": f"{wall:%Y-%m-%dT%H:%M}", "spread": "0"},
    )
    assert "For 3 people this time has passed already: they get it at that time of the next day." in asked.text


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"when": "own-zone"}, "Choose a date and a time"),
        ({"when": "own-zone", "at": "2020-01-01T09:00"}, "passed in every zone"),
        ({"when": "own-zone", "at": "nine"}, "Write the date and time"),
        ({"when": "now", "spread": "4"}, "5 minutes to 7 days"),
    ],
)
def test_a_plan_that_cannot_be_leads_back_to_the_review(
    doves: list[int], scope: Workspace, as_ada: FlaskClient, chosen: dict[str, str], words: str
) -> None:
    answer = as_ada.get(f"/w/{scope.slug}/campaigns/{doves[0]}/confirm", query_string=chosen)
    assert answer.status_code == 422
    assert words in answer.text
