"""The hourly counts equal what one counts by hand, whatever happened, and however often they are counted."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update

from app.accounts.models import Workspace
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import db, every_workspace
from app.deliverability.models import WatchHour
from app.deliverability.watch.rollup import recount, recount_all, recount_former, recount_lately
from app.messages.models import Run
from app.sending.models import Transport
from tests.factories.histories import Letter, a_campaign, write

COLUMNS = (
    *("sent", "deferred", "own", "bounced_address", "bounced_sender", "bounced_other"),
    *("late", "complained", "clicked", "unsubscribed"),
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
        st.sampled_from(["deferred", "kept"]),
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
    st.tuples(HOURS, st.sampled_from(["complained", "unsubscribed", "opened"]), st.just(""), st.just({})),
    st.tuples(HOURS, st.just("deferred"), st.just(""), st.just({"by": "mail"})),
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


def test_a_bounce_that_nobody_believes_is_of_no_dead_address(scope: Workspace) -> None:
    campaign = a_campaign()
    dead = Letter(attempts=[(1, "sent", 250, "")], events=[(0.5, "bounced", "", {"reason": "userunknown"})])
    first, _second = write(campaign, [dead, dead])
    with every_workspace():
        recount_all()
    assert total_of(scope, "bounced_address", "bounced_other") == (2, 0)
    db.session.execute(text("UPDATE messages SET state = 'bounced', reason = 'onhold' WHERE id = :id"), {"id": first})
    with every_workspace():
        recount_all()
    assert total_of(scope, "bounced_address", "bounced_other") == (1, 1)


def test_what_a_former_release_counted_is_counted_anew_by_itself(scope: Workspace) -> None:
    campaign = a_campaign()
    write(campaign, [Letter(attempts=[(hours, "sent", 250, "")]) for hours in (1, 24 * 20, 24 * 45)])
    db.session.commit()
    with every_workspace():
        recount_all()
        parts = counted(scope)
        former = {"own": None, "late": None, "transport": "Relay of old"}
        db.session.execute(update(WatchHour).where(WatchHour.workspace_id == scope.id).values(former))
        rounds = 0
        while recount_former() and rounds < 9:
            rounds += 1
        assert counted(scope) == parts
        assert 2 <= rounds < 9
        assert recount_former() == 0


def test_what_is_older_than_its_attempts_stays_as_it_was_counted(scope: Workspace) -> None:
    campaign = a_campaign()
    write(campaign, [Letter(attempts=[(1, "sent", 250, "")])])
    # Other tests, too, write what happened long ago.
    oldest = db.session.scalar(text("SELECT least((SELECT min(at) FROM attempts), (SELECT min(at) FROM events))"))
    old = oldest.replace(minute=0, second=0, microsecond=0) - timedelta(days=365)
    facts = {"workspace_id": scope.id, "campaign_id": campaign.id, "provider": "yahoo", "transport": "Relay"}
    db.session.execute(insert(WatchHour).values(hour=old, domain="aviary.example.com", sent=7, **facts))
    with every_workspace():
        recount_lately()
        for _ in range(3):
            recount_former()
        (kept,) = db.session.scalars(select(WatchHour).where(WatchHour.hour == old)).all()
    assert (kept.sent, kept.own, kept.late) == (7, 0, 0)


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
    assert [sum(getattr(row, name) for row in rows) for name in ("sent", "bounced_address", "late")] == [1, 1, 1]


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
        name: (sum(row.late or 0 for row in rows if row.transport == name),
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


def test_what_a_relay_says_to_everybody_is_no_deferral_of_a_provider(scope: Workspace) -> None:
    kept = [(1.2, "kept", 451, "systemerror"), (1.0, "sent", 250, "")]
    own = [(1.2, "deferred", 0, "networkerror"), (1.1, "deferred", 550, "norelaying"), (1.0, "kept", 554, "blocked")]
    theirs = [(1.2, "deferred", 451, "speeding")]
    write(a_campaign(), [Letter("yahoo", kept), Letter("google", kept), Letter("google", own), Letter("yahoo", theirs)])
    with every_workspace():
        recount_lately()
        rows = db.session.scalars(select(WatchHour).where(WatchHour.workspace_id == scope.id)).all()
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        found["deferred", row.provider] += row.deferred
        found["own", row.provider] += row.own or 0
        assert row.bounced_sender == 0
    assert +found == {("own", "yahoo"): 1, ("own", "google"): 4, ("deferred", "yahoo"): 1}


def test_what_an_api_puts_off_is_its_own(scope: Workspace) -> None:
    api, relay = a_run("Postmark", kind="postmark"), a_run("Relay")
    theirs = [(1.0, "deferred", 451, "speeding")]
    write(a_campaign(), [Letter("yahoo", theirs, run=api), Letter("google", theirs, run=relay)])
    with every_workspace():
        recount_lately()
        rows = db.session.scalars(select(WatchHour).where(WatchHour.workspace_id == scope.id)).all()
    assert {row.provider: (row.own, row.deferred) for row in rows} == {"yahoo": (1, 0), "google": (0, 1)}


def test_two_transports_at_one_place_are_told_apart(scope: Workspace) -> None:
    runs = [a_run("News"), a_run("Receipts"), None]
    letters = [Letter(transport="mail.example.com:587", run=run) for run in runs]
    write(a_campaign(), letters)
    with every_workspace():
        recount_lately()
        rows = db.session.scalars(select(WatchHour.transport).where(WatchHour.workspace_id == scope.id)).all()
    numbers = db.session.scalars(select(Transport.id).where(Transport.workspace_id == scope.id)).all()
    place = "mail.example.com:587"
    assert sorted(rows) == sorted([place, *(f"{number} {place}" for number in numbers)])


def a_run(name: str, kind: str = "smtp") -> int:
    """A run of a transport of its own at one and the same place; its number."""
    transport = Transport(name=name, kind=kind, host="mail.example.com", port=587)
    db.session.add(transport)
    db.session.flush()
    run = Run(campaign_id=a_campaign().id, host="h", pid=1, journal="j", transport_id=transport.id)
    db.session.add(run)
    db.session.flush()
    return run.id


def by_hand(letter: Letter, campaign: Campaign, now: datetime) -> Counter[tuple[object, ...]]:
    """What one message adds, one fact after the other."""
    found: Counter[tuple[object, ...]] = Counter()

    def add(hours: float, transport: str, column: str) -> None:
        at = (now - timedelta(hours=hours)).replace(minute=0, second=0, microsecond=0)
        found[(at, campaign.id, letter.provider or "example.com", transport, column)] += 1

    moments = {outcome: {one[0] for one in letter.attempts if one[1] == outcome} for outcome in ("deferred", "kept")}
    if moments["deferred"] & moments["kept"]:
        reject()  # Two attempts at one message at the same moment there are not.
    for hours, outcome, code, reason in letter.attempts:
        if outcome == "sent":
            add(hours, letter.transport, "sent")
        elif outcome == "kept":
            add(hours, letter.transport, "own")
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
            add(first[0], way, SCOPES.get(first[3].get("reason", ""), kind))
            if kind == "bounced" and nearest(letter, first[0]) == "sent":
                add(first[0], way, "late")
    return found


def nearest(letter: Letter, hours: float) -> str:
    """The outcome of the last attempt before, else of the first after: what a refusal that was met speaks of."""
    tried = list(enumerate(letter.attempts))
    best = min(tried, key=lambda one: (one[1][0] < hours, abs(one[1][0] - hours), -one[0]), default=None)
    return best[1][1] if best else ""


def total_of(scope: Workspace, *columns: str) -> tuple[int, ...]:
    """The sums of these columns."""
    parts = counted(scope)
    return tuple(sum(number for key, number in parts.items() if key[-1] == column) for column in columns)


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
