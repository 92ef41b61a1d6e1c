"""Who is on a list, and who never comes back but by themselves."""

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.audience.models import ConsentEvent, MailingList, Subscriber, Subscription
from app.audience.subscriptions import confirm, restore, subscribe, unsubscribe
from app.audience.suppressions import is_suppressed, lift, suppress
from app.core.database import db, in_workspace
from app.core.errors import Conflict, NotFound
from tests.factories.audience import a_list, a_person, a_reader


def state(person: Subscriber, of: MailingList) -> str | None:
    return db.session.scalar(
        select(Subscription.state).where(Subscription.subscriber_id == person.id, Subscription.list_id == of.id)
    )


def actions(person: Subscriber) -> list[str]:
    query = (
        select(ConsentEvent.action).where(ConsentEvent.address_hash == person.address_hash).order_by(ConsentEvent.id)
    )
    return list(db.session.scalars(query))


def test_double_opt_in(scope: Workspace) -> None:
    weekly, ada = a_list(consent_text="Yes, the weekly."), a_person()
    row = subscribe(ada, weekly, "pending", source="form", ip="192.0.2.7", user_agent="Browser")
    assert state(ada, weekly) == "pending"
    assert confirm(row, ip="192.0.2.7")
    assert not confirm(row.id)
    assert state(ada, weekly) == "confirmed"
    first = db.session.scalars(select(ConsentEvent).order_by(ConsentEvent.id)).first()
    assert first is not None
    assert (first.action, first.wording, first.ip, first.source) == (
        "requested",
        "Yes, the weekly.",
        "192.0.2.7",
        "form",
    )
    assert actions(ada) == ["requested", "confirmed"]


def test_signing_up_again_does_not_undo_a_confirmation(scope: Workspace) -> None:
    weekly = a_list()
    ada = a_reader(weekly)
    subscribe(ada, weekly, "pending", source="form")
    assert state(ada, weekly) == "confirmed"


def test_leaving_one_list_and_coming_back(scope: Workspace) -> None:
    weekly, monthly = a_list(), a_list()
    ada = a_reader(weekly)
    subscribe(ada, monthly, "pending", source="form")
    assert unsubscribe(ada.id, weekly.id, source="one-click")
    assert not unsubscribe(ada.id, weekly.id, source="one-click")
    assert (state(ada, weekly), state(ada, monthly)) == ("unsubscribed", "pending")
    assert not is_suppressed(ada)
    assert restore(ada.id, weekly.id, source="page")
    assert state(ada, weekly) == "confirmed"
    assert actions(ada)[-2:] == ["withdrawn", "restored"]


def test_leaving_everything_and_undoing_it(scope: Workspace) -> None:
    weekly, monthly, never = a_list(), a_list(), a_list()
    ada = a_reader(weekly)
    subscribe(ada, monthly, "pending", source="form")
    unsubscribe(ada, never.id, source="page")
    assert unsubscribe(ada, None, source="preferences")
    assert not unsubscribe(ada, None, source="preferences")
    assert is_suppressed(ada)
    assert {state(ada, one) for one in (weekly, monthly, never)} == {"unsubscribed"}
    assert restore(ada, None, source="preferences")
    assert not is_suppressed(ada)
    assert [state(ada, one) for one in (weekly, monthly, never)] == ["confirmed", "pending", "unsubscribed"]
    assert not restore(ada, None, source="preferences")


@pytest.mark.parametrize("source", ["api", "import", "operator"])
def test_nobody_else_can_bring_a_person_back(scope: Workspace, source: str) -> None:
    weekly, other = a_list(), a_list()
    ada = a_reader(weekly)
    unsubscribe(ada, weekly.id, source="page")
    with pytest.raises(Conflict, match="Only they themselves"):
        subscribe(ada, weekly, source=source)
    with pytest.raises(Conflict):
        restore(ada, weekly.id, source=source)
    suppress(ada, "complained")
    with pytest.raises(Conflict):
        subscribe(ada, other, source=source)
    assert state(ada, other) is None
    subscribe(ada, weekly, "pending", source="form")
    assert state(ada, weekly) == "pending"


def test_confirming_from_the_mailbox_lifts_all_but_the_operators_decision(scope: Workspace) -> None:
    weekly, ada, bob = a_list(), a_person(), a_person()
    suppress(ada, "bounced")
    suppress(bob, "manual")
    for person in (ada, bob):
        confirm(subscribe(person, weekly, "pending", source="form"))
    assert not is_suppressed(ada)
    assert is_suppressed(bob)


def test_a_bounce_does_not_hide_a_withdrawal(scope: Workspace) -> None:
    ada = a_person()
    bounce = suppress(ada, "bounced", evidence="550 no such user")
    assert unsubscribe(ada, None, source="page")
    assert bounce.lifted_at is not None
    assert is_suppressed(ada)
    assert suppress(ada, "bounced").reason == "unsubscribed"


def test_a_suppression_can_be_for_one_list(scope: Workspace) -> None:
    weekly, monthly, ada = a_list(), a_list(), a_person()
    made = suppress(ada.email.upper(), "manual", list_id=weekly.id)
    assert suppress(ada, "manual", list_id=weekly.id).id == made.id
    assert is_suppressed(ada, weekly.id)
    assert not is_suppressed(ada, monthly.id)
    assert not is_suppressed(ada)
    assert "asked" in lift(made.id, note="asked us on the phone").evidence
    assert not is_suppressed(ada, weekly.id)


def test_another_workspaces_list_does_not_exist(scope: Workspace) -> None:
    ada = a_person()
    other = create_workspace("Elsewhere")
    with in_workspace(other.id):
        theirs = a_list()
    for act in (
        lambda: subscribe(ada, theirs.id, source="form"),
        lambda: unsubscribe(ada, theirs.id, source="page"),
        lambda: suppress(ada, "manual", list_id=theirs.id),
    ):
        with pytest.raises(NotFound):
            act()


def test_an_archived_list_takes_nobody(scope: Workspace) -> None:
    from app.audience.lists import archive_list

    old = a_list()
    archive_list(old)
    with pytest.raises(Conflict, match="archived"):
        subscribe(a_person(), old, source="form")


def test_consent_cannot_be_rewritten(scope: Workspace) -> None:
    ada = a_reader(a_list())
    with pytest.raises(DBAPIError, match="append-only") as raised, db.session.begin_nested():
        db.session.execute(text("UPDATE consent_events SET wording = 'x' WHERE subscriber_id = :id"), {"id": ada.id})
    assert isinstance(raised.value.orig, psycopg.Error)


ACTS = st.lists(
    st.sampled_from(["sign up", "confirm", "leave", "leave all", "undo", "undo all", "api", "import"]), max_size=12
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTS)
def test_after_any_history_the_last_own_word_counts(scope: Workspace, acts: list[str]) -> None:
    weekly, ada = a_list(), a_person()
    for act in acts:
        has_left = own_words(ada)[-1:] == ["withdrawn"]
        if act == "sign up":
            subscribe(ada, weekly, "pending", source="form")
        elif act == "confirm" and (row := _row(ada, weekly)):
            confirm(row)
        elif act in ("leave", "leave all"):
            unsubscribe(ada, weekly.id if act == "leave" else None, source="page")
            assert state(ada, weekly) in (None, "unsubscribed")
        elif act in ("undo", "undo all"):
            restore(ada, weekly.id if act == "undo" else None, source="page")
        elif act in ("api", "import"):
            came_on = _came_on(ada, weekly, act)
            assert not (came_on and has_left)
        if own_words(ada)[-1:] == ["withdrawn"]:
            assert state(ada, weekly) in (None, "unsubscribed")


def own_words(person: Subscriber) -> list[str]:
    query = select(ConsentEvent.action).where(
        ConsentEvent.subscriber_id == person.id, ConsentEvent.source.in_(("form", "page"))
    )
    return list(db.session.scalars(query.order_by(ConsentEvent.id)))


def _came_on(person: Subscriber, of: MailingList, source: str) -> bool:
    try:
        subscribe(person, of, source=source)
    except Conflict:
        return False
    return True


def _row(person: Subscriber, of: MailingList) -> Subscription | None:
    return db.session.scalar(
        select(Subscription).where(Subscription.subscriber_id == person.id, Subscription.list_id == of.id)
    )


def test_a_strangers_sign_up_does_not_open_the_way_for_others(scope: Workspace) -> None:
    weekly = a_list()
    ada = a_reader(weekly)
    unsubscribe(ada, weekly.id, source="one-click")
    subscribe(ada, weekly, "pending", source="form")
    with pytest.raises(Conflict):
        subscribe(ada, weekly, "confirmed", source="api")
    assert state(ada, weekly) == "pending"
    row = db.session.scalars(select(Subscription).where(Subscription.subscriber_id == ada.id)).one()
    assert confirm(row)
    subscribe(ada, weekly, "confirmed", source="api")
    assert state(ada, weekly) == "confirmed"
