"""By which transports a campaign would go is told as the routing decides it, and asking changes nothing."""

import asyncio
from datetime import timedelta

import pytest

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import in_workspace
from app.core.errors import SettingsError
from app.core.extensions import keyring
from app.core.tokens import Keyring
from app.sending.prospects import Prospects, prospects
from app.sending.quotas import grant
from app.sending.seal import seal
from tests.sending import world
from tests.sending.transports import ways


@pytest.fixture
def campaign(workspace: Workspace) -> int:
    return world.plan_campaign(workspace, 1)


def ask(workspace: Workspace, campaign: int, sender: str = "") -> Prospects:
    with in_workspace(workspace.id):
        return prospects(campaign, sender)


def told(found: Prospects) -> list[tuple[str, str, float]]:
    return [(way.name, way.standing, round(way.share, 2)) for way in found.ways]


def test_without_any_the_installations_carries_all(workspace: Workspace, campaign: int) -> None:
    assert told(ask(workspace, campaign)) == [("127.0.0.1:8027", "carries", 1.0)]


def test_weights_share_the_lowest_tier_and_the_next_stands_by(workspace: Workspace, campaign: int) -> None:
    ways.add(workspace, 2501, name="One", weight=3)
    ways.add(workspace, 2502, name="Two", weight=1)
    ways.add(workspace, 2503, name="Three", tier=2)
    ways.add(workspace, 2504, name="Shop", stream="transactional")
    ways.add(workspace, 2505, name="Off", is_enabled=False)
    assert told(ask(workspace, campaign)) == [
        ("One", "carries", 0.75),
        ("Two", "carries", 0.25),
        ("Three", "stands-by", 0.0),
    ]


def test_one_set_aside_leaves_its_share_and_says_why(workspace: Workspace, campaign: int) -> None:
    later = clock.now() + timedelta(minutes=9)
    one = ways.add(workspace, 2501, name="One", failures=4, open_until=later, last_words="421 Busy.")
    two = ways.add(workspace, 2502, name="Two", tier=2)
    found = ask(workspace, campaign)
    assert told(found) == [("One", "set-aside", 0.0), ("Two", "carries", 1.0)]
    assert (found.ways[0].words, found.ways[0].next_try) == ("421 Busy.", later)
    assert ways.row(one).open_until == later, "asking is no probe"
    assert ways.choose(campaign).transport_id == two


def test_one_that_failed_a_trial_carries_and_is_named(workspace: Workspace, campaign: int) -> None:
    ways.add(workspace, 2501, name="One", failures=1, last_words="535 No.")
    [way] = ask(workspace, campaign).ways
    assert (way.standing, way.is_failing, way.words) == ("carries", True, "535 No.")


def test_one_at_its_limit_leaves_its_share(workspace: Workspace, campaign: int) -> None:
    one = ways.add(workspace, 2501, name="One", limits={"per_day": 10})
    ways.add(workspace, 2502, name="Two")
    asyncio.run(grant(one, {"per_day": 10}, 10))
    assert told(ask(workspace, campaign)) == [("One", "at-limit", 0.0), ("Two", "carries", 1.0)]


@pytest.mark.parametrize("case", ["switched off", "other stream", "chosen"])
def test_what_shuts_the_way_is_said_in_the_words_of_the_run(workspace: Workspace, campaign: int, case: str) -> None:
    stream = "transactional" if case == "other stream" else ""
    only = ways.add(workspace, 2501, is_enabled=case == "other stream", stream=stream)
    if case == "chosen":
        world.change("UPDATE campaigns SET transport_id = :t WHERE id = :c", t=only, c=campaign)
    found = ask(workspace, campaign)
    assert found.is_chosen == (case == "chosen")
    with pytest.raises(SettingsError) as raised:
        ways.choose(campaign)
    assert found.problem == str(raised.value)


def test_a_password_that_cannot_be_read_cannot_send(workspace: Workspace, campaign: int) -> None:
    ways.add(workspace, 2501, name="Lost", username="ann", password_sealed=seal(Keyring("x" * 40), "secret"))
    found = ask(workspace, campaign)
    assert told(found) == [("Lost", "unusable", 0.0)]
    assert "Enter it again" in found.problem
    ways.add(workspace, 2502, name="Fine", tier=2, username="ann", password_sealed=seal(keyring(), "secret"))
    found = ask(workspace, campaign)
    assert told(found) == [("Lost", "unusable", 0.0), ("Fine", "carries", 1.0)]
    assert found.problem == ""


def test_a_warming_identity_is_named(workspace: Workspace, campaign: int) -> None:
    one = ways.add(workspace, 2501, name="One")
    world.change(
        'INSERT INTO warm_ups (workspace_id, transport_id, domain, started_on, first_cap, "full") '
        "VALUES (:w, :t, 'dove.internal', CURRENT_DATE, 50, 5000)",
        w=workspace.id,
        t=one,
    )
    assert ask(workspace, campaign, "news@letters.dove.internal").ways[0].is_warming
    assert not ask(workspace, campaign, "news@hawk.internal").ways[0].is_warming
