"""The complaint guard: at the lines, once, and again only for what is new."""

from datetime import timedelta
from secrets import token_hex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.campaigns import control
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.deliverability.guard.complaints import guard_complaints
from app.deliverability.guard.rule import Lines, judge
from app.messages.models import Message
from app.statistics.intervals import wilson
from app.tracking.models import Incident
from tests.factories.histories import a_campaign, complain, deliver

pytestmark = pytest.mark.long

LINES = Lines(0.001, 0.003)


@pytest.mark.parametrize(
    ("complaints", "delivered", "verdict"),
    [
        (0, 10_000, "fine"),
        (9, 10_000, "fine"),
        (10, 10_000, "warn"),
        (29, 10_000, "warn"),
        (30, 10_000, "pause"),
        (3, 1_000, "pause"),  # 0.003 in binary is a little more than 3 in 1,000
        (2, 1_001, "warn"),  # beyond the line, but two people are no crowd
        (4, 1_000, "pause"),
        (21, 7_000, "pause"),
        (1, 1_000, "warn"),
        (1, 999, "warn"),
        (3, 999, "warn"),  # a small list: one to three complaints are said, and pause nothing
        (3, 200, "warn"),
        (4, 200, "warn"),
        (5, 900, "warn"),  # the interval's lower end: 0.24 %
        (5, 600, "pause"),
        (5, 200, "pause"),
        (3, 0, "fine"),
    ],
)
def test_the_lines_are_where_they_are_said_to_be(complaints: int, delivered: int, verdict: str) -> None:
    assert judge(complaints, delivered, LINES) == verdict


@given(st.integers(0, 400), st.integers(0, 200_000), st.integers(1, 50), st.integers(1, 50))
def test_more_complaints_never_make_it_milder(complaints: int, delivered: int, first: int, second: int) -> None:
    lines, order = Lines(min(first, second) / 1000, max(first, second) / 1000), ["fine", "warn", "pause"]
    here, more = judge(complaints, delivered, lines), judge(complaints + 1, delivered, lines)
    assert order.index(more) >= order.index(here)
    if here == "pause":
        assert complaints >= 3
    if delivered < 1000 and here == "pause":
        assert complaints >= 5
        assert wilson(min(complaints, delivered), delivered).low > lines.pause


@pytest.mark.parametrize(
    ("complaints", "delivered", "verdict"),
    [(1, 3, "fine"), (2, 400, "fine"), (3, 200, "warn"), (5, 600, "pause"), (3, 1_000, "pause"), (1, 1_000, "warn")],
)
def test_of_one_provider_among_several_little_is_no_news(complaints: int, delivered: int, verdict: str) -> None:
    assert judge(complaints, delivered, LINES, is_part=True) == verdict


def test_it_pauses_a_campaign_and_says_the_numbers(scope: Workspace) -> None:
    campaign = a_campaign()
    complain(deliver(campaign, 1000)[:3], campaign)
    assert guard() >= 1
    campaign = fresh(campaign)
    assert campaign.state == "paused"
    assert campaign.waiting_since is not None
    for word in ("3 complaints", "1,000", "at Yahoo, AOL in", "0.30%", "aviary.example.com"):
        assert word in campaign.waiting_for
    (incident,) = incidents(campaign)
    assert (incident.kind, incident.action, incident.provider, incident.count, incident.of) == (
        "complaints",
        "paused",
        "yahoo",
        3,
        1000,
    )


def test_it_warns_before(scope: Workspace) -> None:
    campaign = a_campaign()
    ids = deliver(campaign, 1000)
    complain(ids[:1], campaign)
    guard()
    (incident,) = incidents(campaign)
    assert (fresh(campaign).state, incident.action, incident.count) == ("sending", "", 1)
    complain(ids[1:3], campaign)
    guard()
    (incident,) = incidents(campaign)
    assert (fresh(campaign).state, incident.action, incident.count) == ("paused", "paused", 3)


def test_providers_are_judged_apart(scope: Workspace) -> None:
    campaign = a_campaign()
    deliver(campaign, 5000, "united-internet")
    complain(deliver(campaign, 1000)[:3], campaign)
    guard()
    assert fresh(campaign).state == "paused"
    assert [one.provider for one in incidents(campaign)] == ["yahoo"]


def test_three_complaints_in_a_small_list_warn_and_pause_nothing(scope: Workspace) -> None:
    campaign = a_campaign()
    complain(deliver(campaign, 200)[:3], campaign)
    guard()
    (incident,) = incidents(campaign)
    assert (fresh(campaign).state, incident.action, incident.count, incident.of) == ("sending", "", 3, 200)


def test_small_domains_of_no_known_provider_are_not_one_provider(scope: Workspace) -> None:
    campaign = a_campaign()
    deliver(campaign, 5000, "united-internet")
    for number in range(5):
        ids = deliver(campaign, 40, "")
        move(ids, f"shop{number}.example")
        complain(ids[:1], campaign)
    guard()
    assert (fresh(campaign).state, incidents(campaign)) == ("sending", [])


def test_what_many_small_ones_say_together_counts(scope: Workspace) -> None:
    campaign = a_campaign()
    deliver(campaign, 5000, "google")  # which tells of no complaints
    for number in range(10):
        ids = deliver(campaign, 100, "")
        move(ids, f"shop{number}.example")
        complain(ids[:1], campaign)
    guard()
    (incident,) = incidents(campaign)
    assert (fresh(campaign).state, incident.provider, incident.action) == ("paused", "", "paused")
    assert (incident.count, incident.of) == (10, 1000)
    assert "10 complaints of 1,000 messages delivered in seven days" in fresh(campaign).waiting_for


@pytest.mark.parametrize("forged", [3, 5, 20, 99])
def test_reports_that_somebody_wrote_about_their_own_domain_pause_nothing(scope: Workspace, forged: int) -> None:
    campaign = a_campaign()
    deliver(campaign, 900, "yahoo")
    ids = deliver(campaign, forged, "")
    move(ids, "attacker.example")
    complain(ids, campaign)
    guard()
    assert fresh(campaign).state == "sending"
    (incident,) = incidents(campaign)
    assert (incident.provider, incident.count) == ("attacker.example", forged)
    if forged >= 5:
        assert incident.action == "warned"
        assert "reports by plain mail can be forged" in incident.words


def test_many_domains_below_one_name_are_one_voice(scope: Workspace) -> None:
    campaign = a_campaign()
    deliver(campaign, 900, "yahoo")
    for number in range(20):
        ids = deliver(campaign, 2, "")
        move(ids, f"n{number}.attacker.example")
        complain(ids, campaign)
    guard()
    assert fresh(campaign).state == "sending"


def test_the_only_ones_that_tell_are_few_people_as_well(scope: Workspace) -> None:
    campaign = a_campaign()
    deliver(campaign, 2000, "google")
    ids = deliver(campaign, 9, "")
    move(ids, "attacker.example")
    complain(ids, campaign)
    guard()
    assert (fresh(campaign).state, [one.action for one in incidents(campaign)]) == ("sending", ["warned"])


def test_who_tells_nobody_of_complaints_did_not_write_a_report(scope: Workspace) -> None:
    campaign = a_campaign()
    complain(deliver(campaign, 1000, "google")[:9], campaign)
    guard()
    assert fresh(campaign).state == "sending"


def test_what_a_sending_service_tells_by_its_webhook_is_believed_of_few_people(scope: Workspace) -> None:
    campaign = a_campaign()
    complain(deliver(campaign, 60)[:6], campaign, by="webhook:ses")
    guard()
    assert fresh(campaign).state == "paused"


def test_a_small_part_does_not_pause_the_whole(scope: Workspace) -> None:
    campaign = a_campaign()
    deliver(campaign, 9000, "google")
    deliver(campaign, 3000, "united-internet")
    ids = deliver(campaign, 600, "outlook")
    complain(ids[:5], campaign)
    guard()
    (incident,) = incidents(campaign)
    assert (fresh(campaign).state, incident.action) == ("sending", "warned")
    assert "at Outlook.com, Hotmail in seven days" in incident.words
    assert "They pause nothing: under 5% of the delivered mail, and under 1,000 messages." in incident.words
    assert "the line is 0.30%" in incident.words
    incident.told_at = clock.now()
    complain(ids[5:20], campaign)  # now all that tell are beyond the line together
    guard()
    assert fresh(campaign).state == "paused"
    assert {one.provider: one.action for one in incidents(campaign)} == {"outlook": "warned", "": "paused"}


def test_a_warning_that_was_told_is_told_again_when_it_pauses(scope: Workspace) -> None:
    campaign = a_campaign()
    deliver(campaign, 12_000, "google")
    deliver(campaign, 8000, "united-internet")
    ids = deliver(campaign, 900, "outlook")
    complain(ids[:6], campaign)
    guard()
    (incident,) = incidents(campaign)
    assert incident.action == "warned"
    incident.told_at = clock.now()
    db.session.flush()
    deliver(campaign, 500, "outlook")
    guard()
    (incident,) = incidents(campaign)
    assert (fresh(campaign).state, incident.action, incident.told_at) == ("paused", "paused", None)


def test_what_a_person_has_decided_is_not_asked_again_for_all_together(scope: Workspace) -> None:
    campaign = a_campaign()
    ids = deliver(campaign, 600)
    complain(ids[:5], campaign)
    deliver(campaign, 300, "outlook")
    guard()
    assert fresh(campaign).state == "paused"
    control.resume(campaign.id)
    deliver(campaign, 300)  # now the whole has messages enough for the plain rate
    guard()
    guard()
    assert fresh(campaign).state == "sending"
    complain(ids[5:6], campaign)
    guard()
    assert fresh(campaign).state == "paused"


def test_resuming_is_a_persons_choice_and_holds_until_somebody_else_complains(scope: Workspace) -> None:
    campaign = a_campaign()
    ids = deliver(campaign, 1000)
    complain(ids[:4], campaign)
    guard()
    complain(ids[4:6], campaign)  # while it stands still: known to whoever resumes it
    guard()
    control.resume(campaign.id)
    for _ in range(3):
        guard()
    assert fresh(campaign).state == "sending"
    (incident,) = incidents(campaign)
    assert incident.ended_at is not None
    assert incident.count == 6
    complain(ids[6:7], campaign)
    guard()
    assert fresh(campaign).state == "paused"
    assert [one.count for one in incidents(campaign)] == [6, 7]


def test_a_second_provider_beyond_the_line_is_known_as_well(scope: Workspace) -> None:
    campaign = a_campaign()
    complain(deliver(campaign, 1000)[:4], campaign)
    complain(deliver(campaign, 1000, "outlook")[:5], campaign)
    guard()
    assert {one.provider: one.action for one in incidents(campaign)} == {"yahoo": "paused", "outlook": "paused"}
    control.resume(campaign.id)
    guard()
    assert fresh(campaign).state == "sending"


def test_what_is_over_a_week_old_counts_no_more(scope: Workspace) -> None:
    campaign = a_campaign()
    deliver(campaign, 1000)
    old = deliver(campaign, 1000, hours_ago=24 * 8)
    complain(old[:10], campaign)
    guard()
    assert fresh(campaign).state == "sending"
    assert incidents(campaign) == []


def test_old_complaints_that_fell_out_do_not_hide_new_ones(scope: Workspace) -> None:
    campaign = a_campaign()
    complain(deliver(campaign, 1000)[:9], campaign)
    guard()
    control.resume(campaign.id)
    guard()
    with clock.moved(timedelta(days=8)):
        complain(deliver(campaign, 1000)[:5], campaign, at=clock.now())
        guard()
    assert fresh(campaign).state == "paused"


def test_each_workspace_has_its_own_lines(scope: Workspace) -> None:
    scope.complaint_warn, scope.complaint_pause = 0.01, 0.02
    db.session.flush()
    mild = a_campaign()
    complain(deliver(mild, 1000)[:5], mild)
    with in_workspace(create_workspace(f"Ours {token_hex(4)}").id):
        strict = a_campaign()
        complain(deliver(strict, 1000)[:5], strict)
    guard()
    assert (fresh(mild).state, fresh(strict).state) == ("sending", "paused")


@pytest.mark.parametrize("state", ["paused", "finished", "cancelled", "holding"])
def test_it_touches_only_what_is_under_way(scope: Workspace, state: str) -> None:
    campaign = a_campaign(state)
    complain(deliver(campaign, 1000)[:9], campaign)
    guard()
    assert (fresh(campaign).state, incidents(campaign)) == (state, [])


def test_a_warning_ends_with_the_campaign(scope: Workspace) -> None:
    campaign = a_campaign()
    complain(deliver(campaign, 1000)[:1], campaign)
    guard()
    fresh(campaign).state = "finished"
    db.session.flush()
    guard()
    assert incidents(campaign)[0].ended_at is not None


def test_the_same_complaint_twice_is_one(scope: Workspace) -> None:
    campaign = a_campaign()
    ids = deliver(campaign, 1000)
    for _ in range(3):
        complain(ids[:1], campaign)
    guard()
    assert (fresh(campaign).state, incidents(campaign)[0].count) == ("sending", 1)


def move(ids: list[int], domain: str) -> None:
    """Let these messages have gone to a domain of which no provider is known."""
    db.session.execute(update(Message).where(Message.id.in_(ids)).values(address=f"somebody@{domain}"))


def guard() -> int:
    """As the schedule's job does it."""
    db.session.flush()
    with every_workspace():
        return guard_complaints()


def fresh(campaign: Campaign) -> Campaign:
    """The campaign as the database has it."""
    db.session.flush()
    with in_workspace(campaign.workspace_id):
        db.session.refresh(campaign)
    return campaign


def incidents(campaign: Campaign) -> list[Incident]:
    """Its incidents, oldest first."""
    with in_workspace(campaign.workspace_id):
        return list(
            db.session.scalars(select(Incident).where(Incident.campaign_id == campaign.id).order_by(Incident.id))
        )
