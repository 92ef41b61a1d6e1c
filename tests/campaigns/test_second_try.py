"""Exactly the failed are tried again: counted before, once, and never those who must not be written to."""

import threading
from collections import Counter

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text, update

from app.accounts.models import Workspace
from app.audience.subscribers import get_subscriber
from app.audience.subscriptions import unsubscribe
from app.campaigns import control, lifecycle
from app.campaigns.freeze import freeze
from app.campaigns.launch import launch
from app.campaigns.lifecycle import CampaignState
from app.campaigns.models import Campaign
from app.campaigns.second_try import Pick, count_second_try, picks_of, try_again
from app.campaigns.sums import check_sums
from app.core.database import db, in_workspace
from app.core.errors import Conflict, Invalid
from app.messages.lifecycle import State
from app.messages.models import Attempt, Message
from app.messages.queries import ledger
from tests.factories.campaigns import add_people, make_list, suppress_people, weekly_digest

EXPIRED, FULL, DEAD = Pick(State.FAILED, "expired"), Pick(State.BOUNCED, "mailboxfull"), "userunknown"


@pytest.fixture
def ended(scope: Workspace) -> Campaign:
    """A finished campaign to 20: 8 sent, 5 expired, 3 with full mailboxes, 4 dead addresses; committed."""
    doves = make_list()
    add_people(doves, 20)
    campaign = weekly_digest(doves)
    launch(campaign.id, by=None)
    freeze(campaign.id)
    put(campaign, 8, State.SENT)
    put(campaign, 5, State.FAILED, "expired")
    put(campaign, 3, State.BOUNCED, "mailboxfull")
    put(campaign, 4, State.BOUNCED, DEAD)
    assert control.finish_if_done(campaign.id)
    db.session.commit()
    return campaign


def put(campaign: Campaign, count: int, state: State, reason: str = "") -> list[int]:
    """Bring so many planned messages into a state; their people."""
    some = select(Message.id).where(Message.campaign_id == campaign.id, Message.state == "planned").limit(count)
    return list(
        db.session.scalars(
            update(Message)
            .where(Message.id.in_(some))
            .values(state=state, reason=reason, attempts=8)
            .returning(Message.subscriber_id)
        )
    )


def counts(campaign: Campaign) -> Counter[tuple[str, str]]:
    return Counter({(str(row.state), row.reason): row.count for row in ledger(campaign.id).rows})


def people_in(campaign: Campaign, reason: str) -> list[int]:
    query = select(Message.subscriber_id).where(Message.campaign_id == campaign.id, Message.reason == reason)
    return [number for number in db.session.scalars(query.order_by(Message.id)) if number]


def test_the_chosen_are_planned_anew_and_the_campaign_sends_again(ended: Campaign) -> None:
    assert count_second_try(ended.id, [EXPIRED]).tried == 5
    done = try_again(ended.id, [EXPIRED], by="Eve", asked=5)
    assert (done.tried, done.left) == (5, 0)
    assert ended.state == CampaignState.SENDING
    assert ended.finished_at is None
    assert counts(ended) == {("planned", ""): 5, ("sent", ""): 8, ("bounced", "mailboxfull"): 3, ("bounced", DEAD): 4}
    planned = db.session.scalars(select(Message).where(Message.campaign_id == ended.id, Message.state == "planned"))
    assert {(row.attempts, row.next_attempt_at, row.sent_at) for row in planned} == {(0, None, None)}
    notes = db.session.scalars(select(Attempt.reply).where(Attempt.campaign_id == ended.id)).all()
    assert notes == ["To be tried again: decided by Eve."] * 5
    assert ledger(ended.id).audience == ended.considered


def test_who_left_or_is_suppressed_is_counted_and_left_out(ended: Campaign) -> None:
    gone, away, *_others = people_in(ended, "expired")
    suppress_people([gone])
    unsubscribe(get_subscriber(away), None, source="manual")
    found = count_second_try(ended.id, [EXPIRED, FULL])
    assert (found.tried, found.left) == (6, 2)
    done = try_again(ended.id, [EXPIRED, FULL], by="Eve")
    assert (done.tried, sum(done.left_out.values())) == (6, 2)
    assert counts(ended)["failed", "expired"] == 2


def test_dead_addresses_are_never_tried_again(ended: Campaign) -> None:
    assert set(picks_of(ended.id)) == {EXPIRED, FULL}
    assert picks_of(ended.id, ["bounced"]) == [FULL]
    for pick in (
        Pick(State.BOUNCED, DEAD),
        Pick(State.SENT, ""),
        Pick(State.SKIPPED, "suppressed"),
        Pick(State.FAILED),
    ):
        with pytest.raises(Invalid):
            try_again(ended.id, [EXPIRED, pick], by="Eve")
    assert counts(ended)["failed", "expired"] == 5


def test_more_than_were_confirmed_are_not_taken(ended: Campaign) -> None:
    with pytest.raises(Conflict, match="5 people now, not 4"):
        try_again(ended.id, [EXPIRED], by="Eve", asked=4)
    assert ended.state == CampaignState.FINISHED


def test_a_paused_campaign_stays_paused(ended: Campaign) -> None:
    control.reopen(ended.id)
    control.pause(ended.id, "Look first.")
    assert try_again(ended.id, [FULL], by="Eve").tried == 3
    db.session.refresh(ended)
    assert (ended.state, ended.waiting_for) == (CampaignState.PAUSED, "Look first.")


def test_a_cancelled_campaign_sends_again_only_where_that_is_an_arrow(
    ended: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.session.execute(update(Campaign).where(Campaign.id == ended.id).values(state="cancelled"))
    put_back = update(Message).where(Message.campaign_id == ended.id, Message.state == "failed")
    db.session.execute(put_back.values(state="skipped", reason="cancelled"))
    db.session.commit()
    pick = Pick(State.SKIPPED, "cancelled")
    monkeypatch.setitem(lifecycle.ARROWS, CampaignState.CANCELLED, frozenset())
    with pytest.raises(Conflict, match="corrected version"):
        try_again(ended.id, [pick], by="Eve")
    monkeypatch.setitem(lifecycle.ARROWS, CampaignState.CANCELLED, frozenset({CampaignState.SENDING}))
    assert try_again(ended.id, [pick], by="Eve").tried == 5
    db.session.refresh(ended)
    assert ended.state == CampaignState.SENDING
    assert control.settle_ledgers() == []
    assert ledger(ended.id).count(State.PLANNED) == 5


def test_a_message_of_a_run_still_open_is_left_to_the_next_one(ended: Campaign) -> None:
    run = db.session.scalar(
        text(
            "INSERT INTO runs (workspace_id, campaign_id, host, pid, journal) VALUES (:w, :c, 'h', 1, '') RETURNING id"
        ),
        {"w": ended.workspace_id, "c": ended.id},
    )
    db.session.execute(update(Message).where(Message.campaign_id == ended.id).values(run_id=run))
    try_again(ended.id, [EXPIRED], by="Eve")
    times = db.session.scalars(select(Message.next_attempt_at).where(Message.state == "planned")).all()
    assert all(times)


def test_of_two_at_once_one_wins(app: Flask, ended: Campaign) -> None:
    number, workspace = ended.id, ended.workspace_id
    outcomes: list[object] = []
    start = threading.Barrier(4)

    def press() -> None:
        with app.app_context(), in_workspace(workspace):
            start.wait()
            try:
                outcomes.append(try_again(number, [EXPIRED], by="Eve", asked=5).tried)
                db.session.commit()
            except Conflict:
                db.session.rollback()
                outcomes.append("lost")

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(str, outcomes)) == ["5", "lost", "lost", "lost"]
    db.session.expire_all()
    assert len(db.session.scalars(select(Attempt.id).where(Attempt.campaign_id == number)).all()) == 5


def test_it_is_not_finished_while_somebody_plans_anew(app: Flask, ended: Campaign) -> None:
    """A finish that began before the retry was committed waits, looks again, and leaves the campaign open."""
    number, workspace = ended.id, ended.workspace_id
    control.reopen(number)
    db.session.commit()
    try_again(number, [EXPIRED], by="Eve")
    finished: list[bool] = []

    def finish() -> None:
        with app.app_context(), in_workspace(workspace):
            finished.append(control.finish_if_done(number))
            db.session.commit()

    thread = threading.Thread(target=finish)
    thread.start()
    thread.join(0.5)
    assert thread.is_alive(), "it should wait for the campaign's row"
    db.session.commit()
    thread.join(30)
    assert finished == [False]
    db.session.expire_all()
    assert ended.state == CampaignState.SENDING


def test_the_pages_say_the_number_before_and_after(as_eve: FlaskClient, ended: Campaign, scope: Workspace) -> None:
    room = f"/w/{scope.slug}/campaigns/{ended.id}/ledger"
    suppress_people(people_in(ended, "expired")[:1])
    db.session.commit()
    shown = as_eve.get(room).text
    assert "20 of 20" in shown
    assert "It adds up" in shown
    assert DEAD not in shown.split("Try again")[1]
    asked = as_eve.get(f"{room}/retry?pick=failed:expired").text
    assert "4 people will be tried again" in asked
    assert "1 person is left out" in asked
    body = {"pick": ["failed:expired"], "asked": "4"}
    first = as_eve.post(f"{room}/retry", data=body, follow_redirects=True)
    assert "4 people are tried again. 1 was left out." in first.text
    second = as_eve.post(f"{room}/retry", data=body)
    assert second.status_code == 409
    assert "Nobody is left here" in second.text
    db.session.expire_all()
    assert ledger(ended.id).count(State.PLANNED) == 4


def test_a_ledger_that_lost_somebody_says_so(as_eve: FlaskClient, ended: Campaign, scope: Workspace) -> None:
    assert [one.adds_up for one in check_sums() if one.campaign_id == ended.id] == [True]
    one = select(Message.id).where(Message.campaign_id == ended.id).limit(1).scalar_subquery()
    db.session.execute(text("DELETE FROM messages WHERE id = :id"), {"id": db.session.scalar(select(one))})
    db.session.commit()
    shown = as_eve.get(f"/w/{scope.slug}/campaigns/{ended.id}/ledger").text
    assert "19 of 20" in shown
    assert "It does not add up" in shown
    [wrong] = [one for one in check_sums() if one.campaign_id == ended.id]
    assert str(wrong) == "19 of 20 people of “Weekly digest” are in its ledger: does not add up"
