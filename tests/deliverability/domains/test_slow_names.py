"""A name server that dawdles keeps whoever asked for a while, and nobody else."""

import time
from typing import Any

import dns.message
import pytest
from flask.testing import FlaskClient

from app.core.database import db, in_workspace
from app.core.outside import waiting_outside
from app.deliverability.domains import glance, views
from app.deliverability.domains.facts import facts_of
from app.deliverability.domains.look import look_at
from app.deliverability.domains.questions import OUT_OF_TIME
from tests.deliverability.domains import zone as zones
from tests.deliverability.domains.nest import Nest
from tests.deliverability.domains.test_page import press
from tests.sending.domains.test_page import text_of

EACH = 0.15
"""Seconds for each answer: half of what a question has here, so that none fails by itself."""


@pytest.fixture
def dawdling(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> Nest:
    """It was looked at once; from now on each answer takes a while."""
    nest.check()
    answer = zones.Server._answer

    def late(self: zones.Server, query: dns.message.Message) -> Any:
        time.sleep(EACH)
        return answer(self, query)

    monkeypatch.setattr(zones.Server, "_answer", late)
    return nest


@pytest.mark.parametrize("what", ["check", "rotate"])
def test_a_look_ends_in_time(as_ada: FlaskClient, dawdling: Nest, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(views, "LOOK", 0.7)
    began = time.monotonic()
    answer = as_ada.post(f"/w/{dawdling.workspace.slug}/settings/domains/{dawdling.id}/{what}", data={"active": 0})
    assert (answer.status_code, time.monotonic() - began < 1.7) == (302, True)


def test_what_was_not_asked_any_more_stays_as_it_was_found(
    as_ada: FlaskClient, dawdling: Nest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "LOOK", 0.7)
    before = dawdling.row.findings["dns"]["checks"]
    shown = press(as_ada, dawdling)
    assert "not everything was answered in time: see below, and check again later" in shown
    assert "The whole look took too long, so this was not asked any more." in shown
    after = dawdling.row.findings["dns"]["checks"]
    assert {kind: each["state"] for kind, each in after.items()} == {k: each["state"] for k, each in before.items()}
    assert after["mx"]["at"] == before["mx"]["at"]
    assert after["bimi"]["trouble"]


def test_the_daily_look_takes_its_time(dawdling: Nest) -> None:
    assert not any(each.trouble for each in dawdling.check().values())


def test_who_comes_while_another_looks_is_told_at_once(as_ada: FlaskClient, nest: Nest) -> None:
    place = f"/w/{nest.workspace.slug}/settings/domains/{nest.id}"
    for what in ("check", "rotate"):
        asked = len(nest.zone.asked)
        with in_workspace(nest.workspace.id), waiting_outside(10):
            answer = as_ada.post(f"{place}/{what}", data={"active": 0}, follow_redirects=True)
        assert "Another check is under way. Nothing was changed by this one" in text_of(answer)
        assert len(nest.zone.asked) == asked
    assert nest.row.checked_at is None


def test_a_campaign_is_not_started_unlooked_at(nest: Nest) -> None:
    """Unlike silence of DNS, this is over in a moment."""
    with in_workspace(nest.workspace.id), waiting_outside(10):
        assert nest.blocks() == ["domain-check-busy"]
        assert nest.blocks(domain="stranger.internal") == ["domain-check-busy"]
    assert nest.blocks() == []


def test_the_look_of_a_page_ends_in_time(dawdling: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glance, "LOOK", 0.4)
    began = time.monotonic()
    with in_workspace(dawdling.workspace.id):
        found = glance.glance(facts_of(dawdling.row))
        db.session.rollback()
    assert time.monotonic() - began < 1.2
    assert found["mx"].state == "unknown"


def test_nobody_is_asked_after_the_end(nest: Nest) -> None:
    with in_workspace(nest.workspace.id):
        found = look_at(facts_of(nest.row), until=time.monotonic() - 1)
    assert nest.zone.asked == []
    assert {found[kind].trouble for kind in ("mx", "tls", "bimi")} == {OUT_OF_TIME}
