"""Who is considered, what the verdict is, and that the count and the ledger never differ."""

from itertools import product

from sqlalchemy import func, select

from app.accounts.models import Workspace
from app.campaigns.audience import count_audience, sample_people
from app.campaigns.cells import draw
from app.campaigns.freeze import freeze
from app.campaigns.launch import launch
from app.core.database import db
from app.messages.models import Message
from tests.factories.campaigns import add_people, make_list, subscribe, suppress_people, weekly_digest


def verdicts(campaign_id: int) -> dict[int | None, str]:
    """Person → reason, empty for planned, after a freeze."""
    launch(campaign_id, by=None)
    freeze(campaign_id)
    rows = db.session.execute(
        select(Message.subscriber_id, Message.reason).where(Message.campaign_id == campaign_id)
    ).all()
    return dict(rows)  # type: ignore[arg-type]


def test_every_combination_gets_the_first_verdict_that_fits(scope: Workspace) -> None:
    doves, crows = make_list(), make_list()
    expected: dict[int, str] = {}
    for excluded, suppressed, state in product((True, False), (True, False), ("confirmed", "unsubscribed", "pending")):
        (person,) = add_people(doves, 1, state=state)
        if excluded:
            subscribe(crows, [person])
        if suppressed:
            suppress_people([person])
        expected[person] = (
            "excluded"
            if excluded
            else "suppressed"
            if suppressed
            else {"confirmed": "", "unsubscribed": "unsubscribed", "pending": "unconfirmed"}[state]
        )
    campaign = weekly_digest(doves, exclude=[crows])
    counted = count_audience(campaign)
    assert verdicts(campaign.id) == expected
    reasons = list(expected.values())
    assert counted.planned == reasons.count("")
    assert dict(counted.skipped) == {reason: reasons.count(reason) for reason in set(reasons) - {""}}
    assert counted.considered == len(expected) == campaign.considered


def test_somebody_on_several_lists_is_one_row_through_the_lowest_confirmed_list(scope: Workspace) -> None:
    first, second, third = make_list(), make_list(), make_list()
    (ann,) = add_people(first, 1, state="unsubscribed")
    subscribe(second, [ann])
    subscribe(third, [ann])
    (bob,) = add_people(first, 1, state="pending")
    subscribe(second, [bob], state="unsubscribed")
    campaign = weekly_digest(first, second, third)
    assert verdicts(campaign.id) == {ann: "", bob: "unsubscribed"}
    through = dict(
        db.session.execute(
            select(Message.subscriber_id, Message.list_id).where(Message.campaign_id == campaign.id)
        ).all()  # type: ignore[arg-type]
    )
    assert through == {ann: second.id, bob: first.id}


def test_a_suppression_counts_for_its_list_only_and_not_after_it_was_lifted(scope: Workspace) -> None:
    doves, crows = make_list(), make_list()
    ann, bob, eve = add_people(doves, 3)
    suppress_people([ann], list_id=doves.id)
    suppress_people([bob], list_id=crows.id)
    suppress_people([eve])
    db.session.execute(
        Message.metadata.tables["suppressions"]
        .update()
        .where(
            Message.metadata.tables["suppressions"].c.address_hash
            == select(Message.metadata.tables["subscribers"].c.address_hash)
            .where(Message.metadata.tables["subscribers"].c.id == eve)
            .scalar_subquery()
        )
        .values(lifted_at=func.now())
    )
    assert verdicts(weekly_digest(doves).id) == {ann: "suppressed", bob: "", eve: ""}


def test_leaving_an_excluded_list_ends_the_exclusion(scope: Workspace) -> None:
    doves, crows = make_list(), make_list()
    ann, bob = add_people(doves, 2)
    subscribe(crows, [ann], state="unsubscribed")
    subscribe(crows, [bob], state="pending")
    assert verdicts(weekly_digest(doves, exclude=[crows]).id) == {ann: "", bob: "excluded"}


def test_held_out_people_are_those_the_draw_says(scope: Workspace) -> None:
    doves = make_list()
    people = add_people(doves, 400)
    campaign = weekly_digest(doves, held_out=0.25)
    counted = count_audience(campaign)
    drawn = {person for person in people if draw(campaign.salt, person) >= 750_000}
    found = verdicts(campaign.id)
    assert {person for person, reason in found.items() if reason == "held-out"} == drawn
    assert counted.skipped["held-out"] == counted.cells[2] == len(drawn)
    assert counted.planned == counted.cells[1] == 400 - len(drawn)


def test_the_sample_is_made_of_people_who_get_it_and_stays_the_same(scope: Workspace) -> None:
    doves = make_list()
    people = add_people(doves, 30)
    add_people(doves, 5, state="pending")
    campaign = weekly_digest(doves)
    sample = sample_people(campaign)
    assert len(sample) == 20
    assert {person.id for person in sample} <= set(people)
    assert sample == sample_people(campaign)


def test_no_list_means_nobody(scope: Workspace) -> None:
    add_people(make_list(), 3)
    counted = count_audience(weekly_digest())
    assert (counted.considered, counted.planned) == (0, 0)
