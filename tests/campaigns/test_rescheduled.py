"""Another time for a campaign that is scheduled: of several callers at once, one wins and the others hear of it."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.campaigns.launch import launch, unschedule
from app.campaigns.lifecycle import find_campaign
from app.campaigns.models import Campaign
from app.campaigns.timing import Timing
from app.core import clock
from app.core.database import db, in_workspace
from app.core.errors import Conflict, Invalid

SPREAD = Timing(spread=600)


def _meanwhile(app: Flask, monkeypatch: pytest.MonkeyPatch, digest: Campaign, act: Any) -> None:
    """Somebody else acts between the look at the campaign and the change."""
    from app.campaigns import launch as module

    workspace, number, change = digest.workspace_id, digest.id, module.change_state

    def later(*given: Any, **named: Any) -> Campaign:
        monkeypatch.setattr(module, "change_state", change)
        with app.app_context(), in_workspace(workspace):
            act(number)
            db.session.commit()
        return change(*given, **named)

    monkeypatch.setattr(module, "change_state", later)


def _scheduled(digest: Campaign) -> None:
    launch(digest.id, by=None, at=clock.now() + timedelta(hours=1))
    db.session.commit()


def test_a_time_can_be_changed(digest: Campaign) -> None:
    _scheduled(digest)
    later = clock.now() + timedelta(hours=3)
    launch(digest.id, by=None, at=later, timing=SPREAD)
    db.session.commit()
    found = find_campaign(digest.id, fresh=True)
    assert (found.state, found.scheduled_at, found.timing) == ("scheduled", later, SPREAD.stored())


def test_taken_back_meanwhile_it_stays_a_draft(app: Flask, monkeypatch: pytest.MonkeyPatch, digest: Campaign) -> None:
    _scheduled(digest)
    _meanwhile(app, monkeypatch, digest, unschedule)
    with pytest.raises(Conflict):
        launch(digest.id, by=None, at=clock.now() + timedelta(hours=3))
    db.session.rollback()
    found = find_campaign(digest.id, fresh=True)
    assert (found.state, found.scheduled_at) == ("draft", None)


def test_launched_meanwhile_it_goes_as_the_launch_said(
    app: Flask, monkeypatch: pytest.MonkeyPatch, digest: Campaign
) -> None:
    _scheduled(digest)
    _meanwhile(app, monkeypatch, digest, lambda number: launch(number, by=None))
    with pytest.raises(Conflict):
        launch(digest.id, by=None, at=clock.now() + timedelta(hours=3), timing=SPREAD)
    db.session.rollback()
    found = find_campaign(digest.id, fresh=True)
    assert (found.state, Timing().stored()) == ("launching", found.timing)


def test_a_launch_taken_back_cannot_be_confirmed_by_an_older_page(digest: Campaign) -> None:
    seen = digest.version
    _scheduled(digest)
    unschedule(digest.id)
    db.session.commit()
    with pytest.raises(Conflict, match="changed after you reviewed it"):
        launch(digest.id, by=None, version=seen)


def test_a_time_that_nobody_means(digest: Campaign) -> None:
    with pytest.raises(Invalid, match="cannot be meant"):
        launch(digest.id, by=None, at=clock.now().replace(year=9999))
