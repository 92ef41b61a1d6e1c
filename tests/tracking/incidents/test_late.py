"""Failures that are told long after they happened, all at once: held like those of this minute."""

from datetime import datetime, timedelta

import pytest

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db, in_workspace
from app.messages.models import Message
from app.tracking.acting.act import act
from app.tracking.acting.facts import Told
from app.tracking.acting.together import act_together
from app.tracking.incidents.decisions import believe, discard
from tests.tracking.acting.world import bounce
from tests.tracking.incidents.crowd import Crowd, crowd

AGO = [timedelta(hours=3), timedelta(hours=40), timedelta(days=9)]
"""Workers that stood still for a morning, for a weekend; a provider that tells of an old week."""


def told_late(made: Crowd, ago: timedelta, *, apart: timedelta = timedelta(0), together: bool = True) -> None:
    """Each message came back that long ago, one after the other, soon after it was taken; it is told now."""
    at = clock.now() - ago
    ids = [message.id for message in made.messages]
    with in_workspace(made.workspace.id):
        for place, message in enumerate(made.messages):
            message.sent_at = at + place * apart - timedelta(minutes=1)
        db.session.commit()
        told = [
            Told(number, bounce("userunknown"), "webhook:ses", at + place * apart) for place, number in enumerate(ids)
        ]
        if together:
            act_together(told)
            db.session.commit()
        for one in [] if together else told:
            act(db.session.get_one(Message, one.message_id), one.fact, one.source, one.at)
            db.session.commit()


@pytest.mark.parametrize("ago", AGO, ids=str)
def test_what_is_told_late_and_at_once_is_held(workspace: Workspace, ago: timedelta) -> None:
    made = crowd(workspace, 30)
    told_late(made, ago, apart=timedelta(seconds=20))
    (incident,) = made.incidents()
    assert made.suppressed() == set()
    assert len(made.held()) == 30
    assert (incident.count, incident.of) == (30, 30)
    assert _soon(incident.began_at, clock.now() - ago)
    made.watch()
    (incident,) = made.incidents()
    assert incident.ended_at is None, "it is news of now, however old"
    with in_workspace(workspace.id):
        assert believe(incident.id, None) == 30
        db.session.commit()
    assert len(made.suppressed()) == 30


def test_told_one_by_one_it_can_be_taken_back(workspace: Workspace) -> None:
    made = crowd(workspace, 30)
    told_late(made, AGO[0], together=False)
    (incident,) = made.incidents()
    assert len(made.held()) == 30
    with in_workspace(workspace.id):
        discard(incident.id, None)
        db.session.commit()
    assert made.suppressed() == set()


def test_a_straggler_does_not_call_what_was_believed_long_ago_into_question(workspace: Workspace) -> None:
    made = crowd(workspace, 40)
    # Few of each hour, over a day and a half: nobody would have been held when it happened.
    for hour in range(36):
        told_late(
            Crowd(workspace, made.campaign, made.messages[hour : hour + 1]),
            timedelta(hours=40 - hour),
        )
    assert made.incidents() == []
    assert len(made.suppressed()) == 36


def test_late_news_of_a_large_list_with_few_dead_is_believed(workspace: Workspace) -> None:
    made = crowd(workspace, 600)
    at = clock.now() - AGO[0]
    with in_workspace(workspace.id):
        for message in made.messages:
            message.sent_at = at
        db.session.commit()
        act_together([Told(one.id, bounce("userunknown"), "mail", at) for one in made.messages[:25]])
        db.session.commit()
    assert made.incidents() == []
    assert len(made.suppressed()) == 25


def _soon(one: datetime, other: datetime) -> bool:
    return abs(one - other) < timedelta(minutes=1)
