"""Which transport a run takes: the chosen one, or by stream, tier, health, limits and weight."""

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from app.accounts.models import Workspace
from app.core import clock
from app.core.errors import SettingsError
from app.core.extensions import keyring
from app.core.tokens import Keyring
from app.sending.quotas import grant
from app.sending.seal import seal
from tests.sending import world
from tests.sending.transports import ways


@pytest.fixture
def campaign(workspace: Workspace) -> int:
    return world.plan_campaign(workspace, 1)


def test_without_any_it_goes_by_the_installations(campaign: int) -> None:
    way = ways.choose(campaign)
    assert (way.transport_id, way.account.name, way.most) == (None, "127.0.0.1:8027", 0)


def test_the_lowest_tier_that_is_well_serves(workspace: Workspace, campaign: int) -> None:
    second, first = ways.add(workspace, 2502, tier=2), ways.add(workspace, 2501, tier=1)
    assert ways.choose(campaign).transport_id == first
    ways.change(first, failures=4, open_until=clock.now() + timedelta(minutes=1))
    assert ways.choose(campaign).transport_id == second
    ways.change(first, is_enabled=False, open_until=None)
    assert ways.choose(campaign).transport_id == second


def test_only_those_of_its_stream_serve(workspace: Workspace, campaign: int) -> None:
    shop = ways.add(workspace, 2501, stream="transactional")
    with pytest.raises(SettingsError, match="takes marketing mail"):
        ways.choose(campaign)
    letters = ways.add(workspace, 2502, stream="marketing", tier=2)
    assert ways.choose(campaign).transport_id == letters
    world.change("UPDATE campaigns SET stream = 'transactional' WHERE id = :c", c=campaign)
    assert ways.choose(campaign).transport_id == shop


def test_transports_of_others_are_out_of_reach(workspace: Workspace, campaign: int) -> None:
    from app.accounts.setup import create_workspace

    other = create_workspace("Other")
    ways.add(other, 2501)
    assert ways.choose(campaign).transport_id is None


def test_all_switched_off_sends_nothing(workspace: Workspace, campaign: int) -> None:
    ways.add(workspace, 2501, is_enabled=False)
    with pytest.raises(SettingsError, match="switched on"):
        ways.choose(campaign)


def test_chosen_means_chosen(workspace: Workspace, campaign: int) -> None:
    ways.add(workspace, 2501)
    chosen = ways.add(workspace, 2502, name="Relay two", tier=3, signs=True)
    world.change("UPDATE campaigns SET transport_id = :t WHERE id = :c", t=chosen, c=campaign)
    way = ways.choose(campaign)
    assert (way.transport_id, way.relay_signs) == (chosen, True)
    ways.change(chosen, failures=4, open_until=clock.now() + timedelta(minutes=1), last_words="554 Go away.")
    with pytest.raises(SettingsError, match=r"“Relay two” is tried again at .*: 554 Go away\."):
        ways.choose(campaign)
    ways.change(chosen, open_until=None, is_enabled=False)
    with pytest.raises(SettingsError, match="“Relay two”, chosen for this campaign, is switched off"):
        ways.choose(campaign)


def test_when_all_are_broken_it_says_what_each_said(workspace: Workspace, campaign: int) -> None:
    soon = clock.now() + timedelta(minutes=2)
    ways.add(workspace, 2501, name="One", failures=4, open_until=soon, last_words="421 Busy.")
    ways.add(workspace, 2502, name="Two", tier=2, failures=5, open_until=soon, last_words="No route.")
    with pytest.raises(SettingsError, match=r"“One” .*421 Busy\..*“Two” .*No route\."):
        ways.choose(campaign)


def test_half_open_lets_one_run_through(workspace: Workspace, campaign: int) -> None:
    past = clock.now() - timedelta(seconds=1)
    broken = ways.add(workspace, 2501, failures=4, open_until=past)
    standby = ways.add(workspace, 2502, tier=2, failures=4, open_until=past)
    well = ways.add(workspace, 2503, tier=2)
    first = ways.choose(campaign)
    assert (first.transport_id, first.is_probe, first.expected) == (broken, True, 0)
    second = ways.choose(campaign)
    assert (second.transport_id, second.is_probe) == (standby, True)
    assert ways.choose(campaign).transport_id == well
    ways.change(broken, failures=0, open_until=None)
    ways.change(standby, open_until=past)
    assert ways.choose(campaign).transport_id == broken, "who stands by is not tried while the first tier works"


def test_turns_follow_the_weights(workspace: Workspace, campaign: int) -> None:
    one, two, three = (ways.add(workspace, 2500 + n, weight=weight) for n, weight in ((1, 6), (2, 3), (3, 1)))
    carried: Counter[int | None] = Counter()
    for _ in range(60):
        way = ways.choose(campaign)
        carried[way.transport_id] += way.most
    total = carried.total()
    for transport, share in ((one, 0.6), (two, 0.3), (three, 0.1)):
        assert abs(carried[transport] / total - share) < 0.05
        assert abs(carried[transport] - share * total) <= 500


def test_one_at_its_limit_leaves_its_turn_to_the_others(workspace: Workspace, campaign: int) -> None:
    small = ways.add(workspace, 2501, name="Small", weight=9, limits={"per_day": 10})
    large = ways.add(workspace, 2502, name="Large", limits={"per_hour": 5})
    asyncio.run(grant(small, {"per_day": 10}, 10))
    assert {ways.choose(campaign).transport_id for _ in range(5)} == {large}
    asyncio.run(grant(large, {"per_hour": 5}, 5))
    with pytest.raises(SettingsError) as raised:
        ways.choose(campaign)
    found = re.search(
        r"limits allow.*“Small” at (\d\d:\d\d) UTC on (\d+ \w+), “Large” at (\d\d:\d\d) UTC", str(raised.value)
    )
    assert found
    now = datetime.now(UTC)
    days = [now + timedelta(hours=hours) for hours in (24, 25)]
    assert found[2] in [f"{day.day} {day:%B}" for day in days]
    assert found[3] in [f"{now + timedelta(minutes=minutes):%H:%M}" for minutes in (60, 61, 62)]


def test_a_password_that_cannot_be_read_is_a_fault_of_the_set_up(workspace: Workspace, campaign: int) -> None:
    lost = ways.add(workspace, 2501, username="ann", password_sealed=seal(Keyring("x" * 40), "secret"))
    fine = ways.add(workspace, 2502, tier=2, username="ann", password_sealed=seal(keyring(), "secret"))
    way = ways.choose(campaign)
    assert way.transport_id == fine
    assert "Enter it again" in ways.row(lost).last_words
    assert ways.row(lost).open_until > clock.now()
