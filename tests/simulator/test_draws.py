"""The draws, without network: 200,000 messages against the figures that the rates must add up to."""

from dataclasses import dataclass
from math import sqrt
from random import Random

import pytest

from app.simulator.draws import Bounce, Climate, Reactions, draw_bounce, draw_reactions, variant_effect
from app.simulator.providers import GMAIL, PLAIN, draw_domain, provider_of
from app.simulator.rates import CLICK, HOUR, OPEN, UNSUBSCRIBE

N = 200_000


@dataclass(frozen=True)
class Campaign:
    bounces: list[Bounce | None]
    reactions: list[Reactions]


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    climate, rng = Climate(seed=2024), Random(2024)
    people = [(f"person{number}@{draw_domain(rng)}", f"<m{number}@x.test>") for number in range(N)]
    bounces = [draw_bounce(climate, address, f"b+{message}") for address, message in people]
    reactions = [
        draw_reactions(climate, provider_of(address.partition("@")[2]), address, message)
        for (address, message), bounce in zip(people, bounces, strict=True)
        if bounce is None
    ]
    return Campaign(bounces, reactions)


def near(expected: float, n: int = N) -> object:
    """Within four standard errors of a share, and half a unit of the last digit the figure is given in."""
    return pytest.approx(expected, abs=4 * sqrt(expected * (1 - expected) / n) + 5e-5)


def share(found: list[bool]) -> float:
    return sum(found) / len(found)


@pytest.mark.long
def test_a_campaign_adds_up_to_the_published_rates(campaign: Campaign) -> None:
    drawn = campaign.reactions
    assert len(drawn) / N == near(0.9898)
    assert share([one.open is not None for one in drawn]) == near(0.2271)
    assert share([one.open is not None or one.prefetch is not None for one in drawn]) == near(0.470)
    assert share([one.click is not None for one in drawn]) == near(0.0291)
    assert share([one.click is not None or one.scan is not None for one in drawn]) == near(0.0459)
    assert share([one.unsubscribe is not None for one in drawn]) == near(0.0025)
    assert share([one.complaint is not None for one in drawn]) == near(0.00012)


@pytest.mark.long
def test_machines_make_most_opens_and_a_third_of_the_clicks(campaign: Campaign) -> None:
    people = sum(one.open is not None for one in campaign.reactions)
    proxies = sum(one.prefetch is not None for one in campaign.reactions)
    clicks = sum(one.click is not None for one in campaign.reactions)
    scans = sum(one.scan is not None for one in campaign.reactions)
    assert proxies / (people + proxies) == pytest.approx(0.58, abs=0.01)
    assert scans / (clicks + scans) == pytest.approx(0.37, abs=0.02)


@pytest.mark.long
def test_bounces_come_at_the_door_and_later(campaign: Campaign) -> None:
    hard = [bounce for bounce in campaign.bounces if bounce in (Bounce.UNKNOWN, Bounce.UNKNOWN_LATER)]
    soft = [bounce for bounce in campaign.bounces if bounce and bounce not in hard]
    assert len(hard) / N == near(0.0040)
    assert len(soft) / N == near(0.0061)
    assert share([bounce is Bounce.UNKNOWN_LATER for bounce in hard]) == near(0.2, len(hard))
    assert {Bounce.FULL, Bounce.TROUBLE, Bounce.SPAM, Bounce.SOFT_LATER} == set(soft)


def test_a_fresh_list_has_more_dead_addresses_and_keeps_the_old_ones() -> None:
    known, fresh = Climate(5), Climate(5, fresh_list=True)
    people = [f"p{number}@gmail.example.com" for number in range(20_000)]
    dead = {one for one in people if draw_bounce(known, one, "s") in (Bounce.UNKNOWN, Bounce.UNKNOWN_LATER)}
    dead_fresh = {one for one in people if draw_bounce(fresh, one, "s") in (Bounce.UNKNOWN, Bounce.UNKNOWN_LATER)}
    assert len(dead_fresh) / 20_000 == near(0.03, 20_000)
    assert dead < dead_fresh


def test_the_same_message_meets_the_same_fate_and_another_one_another() -> None:
    climate = Climate(9)
    people = [f"p{number}@gmail.example.com" for number in range(2000)]
    first = [draw_reactions(climate, GMAIL, one, "<a@x>") for one in people]
    assert first == [draw_reactions(climate, GMAIL, one, "<a@x>") for one in people]
    assert first != [draw_reactions(climate, GMAIL, one, "<b@x>") for one in people]
    assert first != [draw_reactions(Climate(10), GMAIL, one, "<a@x>") for one in people]


@pytest.mark.parametrize(("scenario", "consumer", "corporate"), [("low", 0.003, 0.02), ("high", 0.03, 0.25)])
def test_scanners_are_as_busy_as_the_scenario_says(scenario: str, consumer: float, corporate: float) -> None:
    climate, n = Climate(3, scenario=scenario), 20_000
    for provider, expected in ((GMAIL, consumer), (PLAIN, corporate)):
        drawn = [draw_reactions(climate, provider, f"p{number}@x.test", "m") for number in range(n)]
        assert share([one.scan is not None for one in drawn]) == near(expected, n)
    scans = [one.scan for one in drawn if one.scan]
    assert share([scan.every_link for scan in scans]) == near(0.7, len(scans))
    assert share([scan.unsubscribe_too for scan in scans]) == near(0.5, len(scans))


def test_the_click_curve_is_the_fitted_one() -> None:
    found = [CLICK.share_by(hours) for hours in (1, 2, 4, 12, 24)]
    assert found == pytest.approx([0.23, 0.38, 0.55, 0.79, 0.88], abs=0.006)


@pytest.mark.parametrize("curve", [OPEN, CLICK, UNSUBSCRIBE])
def test_drawn_delays_follow_their_curve(curve: object) -> None:
    assert curve in (OPEN, CLICK, UNSUBSCRIBE)
    rng, n = Random(4), 50_000
    delays = [curve.seconds(rng.random()) for _ in range(n)]  # type: ignore[attr-defined]
    for hours in (0.25, 1, 4, 9.5, 33.5, 177.5):
        by_then = sum(delay <= hours * HOUR for delay in delays) / n
        assert by_then == near(curve.share_by(hours), n)  # type: ignore[attr-defined]


def test_published_end_of_day_figures_are_met() -> None:
    # Sends at 9 and at 20 o'clock: on average 9.5 hours are left of day 0.
    published = {
        OPEN: (0.08, (0.614, 0.863, 0.908, 0.932, 0.962)),
        CLICK: (0.02, (0.742, 0.917, 0.943, 0.959, 0.981)),
        UNSUBSCRIBE: (0.02, (0.786, 0.929, 0.952, 0.964, 0.983)),
    }
    for curve, (tolerance, shares) in published.items():
        for day, expected in zip((0, 1, 2, 3, 7), shares, strict=True):
            assert curve.share_by(9.5 + 24 * day) == pytest.approx(expected, abs=tolerance)


@pytest.mark.long
def test_a_click_never_comes_before_its_open(campaign: Campaign) -> None:
    clicks = [one for one in campaign.reactions if one.click is not None]
    assert all(one.open is not None and one.click is not None and one.click > one.open for one in clicks)


def test_a_variant_shifts_everybody_the_same_way() -> None:
    climate = Climate(1)
    effects = [variant_effect(climate, f"subject {number}", "open") for number in range(4000)]
    assert sqrt(sum(effect**2 for effect in effects) / len(effects)) == pytest.approx(0.10, rel=0.05)
    best = max(range(4000), key=lambda number: effects[number])
    people = [f"p{number}@gmail.example.com" for number in range(20_000)]
    plain = {one for one in people if draw_reactions(climate, GMAIL, one, "m").open is not None}
    loved = {one for one in people if draw_reactions(climate, GMAIL, one, "m", f"subject {best}").open is not None}
    assert plain < loved


@pytest.mark.long
def test_complaints_reach_the_sender_only_where_the_provider_tells() -> None:
    climate = Climate(8)
    for domain, expected in (("gmail.example.com", 0.0), ("yahoo.example.com", 0.9)):
        provider = provider_of(domain)
        drawn = [draw_reactions(climate, provider, f"p{number}@{domain}", "m") for number in range(60_000)]
        complaints = [one for one in drawn if one.complaint is not None]
        assert 0 < len(complaints) < 40
        told = share([one.complaint_reported for one in complaints])
        assert (told == 0.0) if expected == 0 else told > 0.5
