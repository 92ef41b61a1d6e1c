"""The hourly counts equal what one counts by hand, whatever happened, and however often they are counted."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text

from app.accounts.models import Workspace
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import db, every_workspace
from app.deliverability.models import WatchHour
from app.deliverability.watch.rollup import recount, recount_all, recount_lately
from tests.factories.histories import Letter, a_campaign, write

COLUMNS = (
    *("sent", "deferred", "bounced_address", "bounced_sender", "bounced_other"),
    *("complained", "clicked", "unsubscribed"),
)
SCOPES = {
    "userunknown": "bounced_address",
    "hostunknown": "bounced_address",
    "blocked": "bounced_sender",
    "authfailure": "bounced_sender",
    "speeding": "bounced_sender",
    "spamdetected": "bounced_sender",
    "policyviolation": "bounced_sender",
    "expired": "bounced_other",
    "nobody-knows": "bounced_other",
}
HOURS = st.integers(0, 60).map(lambda minutes: minutes / 6)

attempts = st.one_of(
    st.tuples(HOURS, st.just("sent"), st.just(250), st.just("")),
    st.tuples(
        HOURS,
        st.just("deferred"),
        st.sampled_from([421, 450, 550]),
        st.sampled_from(["speeding", "blocked", "systemerror"]),
    ),
    st.tuples(HOURS, st.sampled_from(["bounced", "failed", "uncertain"]), st.just(550), st.just("userunknown")),
)
events = st.one_of(
    st.tuples(
        HOURS, st.just("bounced"), st.just(""), st.sampled_from(sorted(SCOPES)).map(lambda word: {"reason": word})
    ),
    st.tuples(HOURS, st.just("clicked"), st.sampled_from(["human", "machine"]), st.just({})),
    st.tuples(HOURS, st.sampled_from(["complained", "unsubscribed", "opened", "deferred"]), st.just(""), st.just({})),
)
letters = st.builds(
    Letter,
    provider=st.sampled_from(["yahoo", "google", ""]),
    attempts=st.lists(attempts, max_size=4).map(lambda tries: sorted(tries, key=lambda one: -one[0])),
    events=st.lists(events, max_size=5),
    transport=st.sampled_from(["Relay", "Spare"]),
)


@given(st.lists(st.lists(letters, max_size=6), min_size=1, max_size=2))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.slow
def test_the_counts_are_those_one_counts_by_hand(scope: Workspace, histories: list[list[Letter]]) -> None:
    clear(scope)
    now = clock.now()
    expected: Counter[tuple[object, ...]] = Counter()
    for history in histories:
        campaign = a_campaign()
        write(campaign, history, now)
        for letter in history:
            expected.update(by_hand(letter, campaign, now))
    with every_workspace():
        recount(now - timedelta(hours=12))
        once = counted(scope)
        recount(now - timedelta(hours=12))
        recount_lately()
        assert counted(scope) == once
    assert once == {key: count for key, count in expected.items() if count}


def test_all_is_what_the_parts_are(scope: Workspace) -> None:
    campaign = a_campaign()
    write(campaign, [Letter(attempts=[(hours, "sent", 250, "")]) for hours in (1, 30, 24 * 20, 24 * 45)])
    db.session.commit()
    with every_workspace():
        recount_all()
        parts = counted(scope)
        recount(clock.now() - timedelta(days=60))
        assert counted(scope) == parts
    assert sum(parts.values()) == 4


def test_the_latest_hours_leave_the_earlier_alone(scope: Workspace) -> None:
    campaign = a_campaign()
    write(campaign, [Letter(attempts=[(30, "sent", 250, "")]), Letter(attempts=[(1, "sent", 250, "")])])
    with every_workspace():
        recount(clock.now() - timedelta(days=3))
        earlier = counted(scope)
        recount_lately()
        assert counted(scope) == earlier
    assert len(earlier) == 2


def test_the_wait_runs_from_the_first_attempt(scope: Workspace) -> None:
    write(a_campaign(), [Letter(attempts=[(1.5, "deferred", 451, "speeding"), (1.0, "sent", 250, "")])])
    with every_workspace():
        recount_lately()
        waits = db.session.scalars(select(WatchHour.wait_seconds).where(WatchHour.workspace_id == scope.id)).all()
    assert sum(waits) == pytest.approx(1800)


def test_a_late_bounce_counts_for_the_transport_that_took_the_mail(scope: Workspace) -> None:
    bounced = (0.5, "bounced", "", {"reason": "userunknown", "scope": "address"})
    write(a_campaign(), [Letter(transport="Spare", attempts=[(1.0, "sent", 250, "")], events=[bounced])])
    with every_workspace():
        recount_lately()
        rows = db.session.scalars(select(WatchHour).where(WatchHour.workspace_id == scope.id)).all()
    assert {row.transport for row in rows} == {"Spare"}
    assert {row.domain for row in rows} == {"aviary.example.com"}
    assert sum(row.bounced_address for row in rows) == 1


def test_what_came_back_counts_for_the_transport_it_had_gone_by_not_for_the_second_try(scope: Workspace) -> None:
    heard = [
        (1.2, "bounced", "", {"reason": "blocked", "by": "mail"}),
        (0.2, "complained", "", {"by": "mail"}),
    ]
    (number,) = write(a_campaign(), [Letter(transport="First", attempts=[(1.5, "sent", 250, "")], events=heard)])
    again = text(
        """
        INSERT INTO attempts (at, workspace_id, message_id, campaign_id, transport, outcome, reason)
        SELECT now() - interval '1 hour' * h, workspace_id, id, campaign_id, t, o, w
        FROM messages, (VALUES (1.1, '', 'planned', 'decided'), (1.0, 'Second', 'sent', '')) AS v (h, t, o, w)
        WHERE id = :id
        """
    )
    db.session.execute(again, {"id": number})
    with every_workspace():
        recount_lately()
        rows = db.session.scalars(select(WatchHour).where(WatchHour.workspace_id == scope.id)).all()
    found = {
        name: (sum(row.bounced_sender for row in rows if row.transport == name),
               sum(row.complained for row in rows if row.transport == name))
        for name in ("First", "Second", "")
    }  # fmt: skip
    assert found == {"First": (1, 0), "Second": (0, 1), "": (0, 0)}


def test_where_no_provider_is_known_it_counts_by_the_domain(scope: Workspace) -> None:
    write(a_campaign(), [Letter(provider=""), Letter(provider="none"), Letter(provider="yahoo")])
    with every_workspace():
        recount_lately()
        found = db.session.scalars(select(WatchHour.provider).where(WatchHour.workspace_id == scope.id)).all()
    assert sorted(found) == ["example.com", "none", "yahoo"]


def by_hand(letter: Letter, campaign: Campaign, now: datetime) -> Counter[tuple[object, ...]]:
    """What one message adds, one fact after the other."""
    found: Counter[tuple[object, ...]] = Counter()

    def add(hours: float, transport: str, column: str) -> None:
        at = (now - timedelta(hours=hours)).replace(minute=0, second=0, microsecond=0)
        found[(at, campaign.id, letter.provider or "example.com", transport, column)] += 1

    for hours, outcome, code, reason in letter.attempts:
        if outcome == "sent":
            add(hours, letter.transport, "sent")
        elif outcome == "deferred":
            refused = code >= 500 and SCOPES.get(reason) == "bounced_sender"
            add(hours, letter.transport, "bounced_sender" if refused else "deferred")
    way = letter.transport if letter.attempts else ""
    for kind in ("bounced", "complained", "clicked", "unsubscribed"):
        told = [one for one in letter.events if one[1] == kind and (kind != "clicked" or one[2] == "human")]
        if told:
            # The first: where two fell together, any of them; the hour is the same, the scope need not be.
            first = max(told, key=lambda one: one[0])
            alike = [one for one in told if one[0] == first[0]]
            if len({SCOPES.get(one[3].get("reason", "")) for one in alike}) > 1:
                reject()
            add(first[0], way, SCOPES[first[3]["reason"]] if kind == "bounced" else kind)
    return found


def counted(scope: Workspace) -> dict[tuple[object, ...], int]:
    """What the table holds of a workspace, without zeros."""
    rows = db.session.scalars(
        select(WatchHour).where(WatchHour.workspace_id == scope.id).execution_options(populate_existing=True)
    )
    return {
        (row.hour, row.campaign_id, row.provider, row.transport, column): getattr(row, column)
        for row in rows
        for column in COLUMNS
        if getattr(row, column)
    }


def clear(scope: Workspace) -> None:
    """Hypothesis keeps the workspace between its examples."""
    db.session.rollback()
    db.session.execute(delete(Campaign).where(Campaign.workspace_id == scope.id))
    db.session.execute(delete(WatchHour).where(WatchHour.workspace_id == scope.id))
