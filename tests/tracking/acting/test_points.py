"""Temporary failures count by days; enough of them over enough time, and the address is given up."""

from datetime import UTC, datetime, timedelta

import pytest

from app.accounts.models import Workspace
from app.audience.suppressions import lift
from app.core import clock
from app.core.database import db, in_workspace
from app.messages.models import Event
from tests.factories.messages import Sent, sent_message
from tests.tracking.acting.world import bounce, is_kept, plain, points, suppressions, tell

WHILE = "mailboxfull"


def fail_on(workspace: Workspace, *days: int) -> Sent:
    """A newsletter on each of these days, counted from today, each of which comes back."""
    sent = None
    for day in days:
        with clock.moved(timedelta(days=day)):
            sent = sent_message(workspace)
            tell(sent, bounce(WHILE))
    assert sent is not None
    return sent


def test_five_days_over_two_weeks_are_enough(workspace: Workspace) -> None:
    sent = fail_on(workspace, 0, 3, 7, 10)
    assert is_kept(sent)
    sent = fail_on(workspace, 14)
    (found,) = suppressions(sent)
    assert found.evidence.startswith("Mail failed for a while on 5 days from ")
    assert found.evidence.count(WHILE) >= 5
    assert points(sent) == []


@pytest.mark.parametrize(
    "days",
    [
        (0, 1, 2, 3, 4, 5, 6, 7, 13),  # many, but within two weeks
        (0, 7, 14, 21),  # long, but too few
        (0, 0, 0, 0, 14),  # many on one day are one
        (0, 8, 16, 24, 31),  # the first is stale by then
    ],
)
def test_less_is_not(workspace: Workspace, days: tuple[int, ...]) -> None:
    assert is_kept(fail_on(workspace, *days))


def test_the_workspace_sets_the_policy(workspace: Workspace) -> None:
    workspace.bounce_days, workspace.bounce_span = 2, 3
    db.session.commit()
    assert is_kept(fail_on(workspace, 0, 2))
    assert not is_kept(fail_on(workspace, 3))


@pytest.mark.parametrize("sign", ["delivered", "reply"])
@pytest.mark.parametrize("late", [False, True])
def test_a_sign_of_life_begins_anew(workspace: Workspace, sign: str, late: bool) -> None:
    fail_on(workspace, 0, 3, 7, 10)
    with clock.moved(timedelta(days=12)):
        lively, at = sent_message(workspace), clock.now()
        if not late:
            tell(lively, plain(sign), at=at)
    sent = fail_on(workspace, 14) if not late else None
    if late:
        with clock.moved(timedelta(days=13)):
            tell(lively, plain(sign), at=at)
        sent = fail_on(workspace, 14)
    assert sent is not None
    assert is_kept(sent)
    assert len(points(sent)) == 1


def test_a_human_click_counts_as_life(workspace: Workspace) -> None:
    sent = fail_on(workspace, 0, 3, 7, 10)
    with in_workspace(workspace.id), clock.moved(timedelta(days=11)):
        from uuid import uuid4

        db.session.add(
            Event(
                id=uuid4(),
                at=clock.now(),
                message_id=sent.message.id,
                campaign_id=sent.campaign.id,
                subscriber_id=sent.person.id,
                kind="clicked",
                label="human",
            )
        )
        db.session.commit()
    assert is_kept(fail_on(workspace, 14))


def test_a_message_that_did_not_come_back_counts_as_life(workspace: Workspace) -> None:
    fail_on(workspace, 0, 3, 7)
    with clock.moved(timedelta(days=8)):
        sent_message(workspace)
    assert is_kept(fail_on(workspace, 10, 14))


def test_a_bounce_of_before_does_not_count_after_life(workspace: Workspace) -> None:
    fail_on(workspace, 0, 3, 7)
    old = sent_message(workspace)
    noon = datetime.now(UTC).replace(hour=12)
    tell(sent_message(workspace), plain("delivered"), at=noon)
    tell(old, bounce(WHILE), at=noon - timedelta(days=2))
    assert is_kept(fail_on(workspace, 14))


def test_who_is_lifted_begins_anew(workspace: Workspace) -> None:
    sent = fail_on(workspace, 0, 3, 7, 10, 14)
    with in_workspace(workspace.id):
        lift(suppressions(sent)[0].id)
        db.session.commit()
    assert is_kept(fail_on(workspace, 15))
