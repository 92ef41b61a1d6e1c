"""Human, machine or suspected: single requests, bursts, crowds; with replays of what inboxes and gateways do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tracking.hits import Hit
from app.tracking.judge import GMAIL_PREFETCH, HUMAN, MACHINE, SUSPECTED, Click, Judgement, bursts, crowds, judge

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
GMAIL_PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO_PROXY = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"


def opened(agent: str, **more: object) -> Hit:
    return Hit("opened", 1, agent=agent, **more)  # type: ignore[arg-type]


def clicked(agent: str = FIREFOX, **more: object) -> Hit:
    return Hit("clicked", 1, agent=agent, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("hit", "since", "label", "reason"),
    [
        (opened(GMAIL_PROXY, zone="google"), 5.0, HUMAN, "image-proxy"),
        (opened(YAHOO_PROXY), 5.0, HUMAN, "image-proxy"),
        (opened(GMAIL_PREFETCH, zone="google"), 3600.0, MACHINE, "gmail-prefetch"),
        (opened("Mozilla/5.0"), 9.0, MACHINE, "apple-proxy"),
        (opened(FIREFOX), 3600.0, HUMAN, ""),
        (opened("Microsoft Office/16.0 (ms-office; MSOffice 16)"), 600.0, HUMAN, ""),
        (clicked(), 3600.0, HUMAN, ""),
        (clicked("Mozilla/5.0"), 3600.0, HUMAN, ""),
        (clicked(method="HEAD"), 3600.0, MACHINE, "method"),
        (clicked(method="OPTIONS"), 3600.0, MACHINE, "method"),
        (clicked(hints={"purpose": "prefetch"}), 3600.0, MACHINE, "prefetch"),
        (clicked(hints={"sec-purpose": "prefetch;prerender"}), 3600.0, MACHINE, "prefetch"),
        (clicked(hints={"x-moz": "prefetch"}), 3600.0, MACHINE, "prefetch"),
        (clicked("Mozilla/5.0 (compatible; Barracuda Sentinel (EE))"), 40.0, MACHINE, "scanner"),
        (clicked("curl/8.9.1"), 3600.0, MACHINE, "program"),
        (clicked(""), 3600.0, MACHINE, "program"),
        (clicked(zone="cloud"), 43.0, SUSPECTED, "data-centre"),
        (clicked(zone="cloud"), None, SUSPECTED, "data-centre"),
        (clicked(zone="cloud"), 3600.0, HUMAN, ""),
    ],
)
def test_single_requests(hit: Hit, since: float | None, label: str, reason: str) -> None:
    assert judge(hit, since) == Judgement(label, (reason,) if reason else ())


def click(
    at: float, link: str = "1", message_id: int = 1, network: str = "192.0.2.0/24", agent: str = FIREFOX
) -> Click:
    return Click(at, message_id, link, network, agent)


def test_a_gateway_walks_all_links_at_43_seconds() -> None:
    gateway = [click(43 + number * 0.1, str(number)) for number in range(6)]
    person = [click(600, "3")]
    assert bursts(gateway + person, 6) == set(range(6))


@pytest.mark.parametrize(("links", "needed"), [(1, None), (2, 2), (3, 2), (4, 2), (5, 3), (6, 3), (40, 3)])
def test_how_many_links_make_a_burst(links: int, needed: int | None) -> None:
    for number in range(1, links + 1):
        found = bursts([click(1 + step * 0.01, str(step)) for step in range(number)], links)
        assert bool(found) == (needed is not None and number >= needed)


def test_pressing_one_link_thrice_is_a_person() -> None:
    assert bursts([click(1), click(1.2), click(1.4)], 6) == set()


def test_three_recipients_from_one_place_within_a_minute_are_a_crowd() -> None:
    clicks = [click(0, message_id=1), click(30, message_id=2), click(59, message_id=3), click(300, message_id=4)]
    assert crowds(clicks) == {0, 1, 2}


def test_a_crowd_needs_one_network_and_one_program() -> None:
    clicks = [click(number, message_id=number, network=f"192.0.{number}.0/24") for number in range(5)]
    assert crowds(clicks) == set()
    clicks = [click(number, message_id=number, agent=f"{FIREFOX} {number}") for number in range(5)]
    assert crowds(clicks) == set()
    assert crowds([click(number, message_id=number, network="") for number in range(5)]) == set()


TIMES = st.integers(0, 200).map(lambda tenth: tenth / 10)
CLICKS = st.lists(
    st.builds(
        click,
        at=TIMES,
        link=st.sampled_from("abcd"),
        message_id=st.integers(1, 4),
        network=st.sampled_from(["", "192.0.2.0/24", "198.51.100.0/24"]),
    ),
    max_size=25,
)


@given(clicks=CLICKS, links=st.integers(1, 12))
def test_bursts_are_what_looking_at_every_window_finds(clicks: list[Click], links: int) -> None:
    needed = 3 if links >= 6 else max(2, (links + 1) // 2)
    expected = set()
    for first in clicks:
        window = [place for place, one in enumerate(clicks) if 0 <= one.at - first.at <= 2]
        if len({clicks[place].link for place in window}) >= needed:
            expected.update(window)
    assert bursts(clicks, links) == expected


@given(clicks=CLICKS.map(lambda some: [click(one.at * 10, one.link, one.message_id, one.network) for one in some]))
def test_crowds_are_what_looking_at_every_window_finds(clicks: list[Click]) -> None:
    expected = set()
    for first in clicks:
        window = [
            place
            for place, one in enumerate(clicks)
            if one.network and one.network == first.network and 0 <= one.at - first.at <= 60
        ]
        if len({clicks[place].message_id for place in window}) >= 3:
            expected.update(window)
    assert crowds(clicks) == expected


@given(clicks=CLICKS, order=st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(clicks: list[Click], order: object) -> None:
    places = list(range(len(clicks)))
    order.shuffle(places)  # type: ignore[attr-defined]
    shuffled = [clicks[place] for place in places]
    assert {places[place] for place in bursts(shuffled, 6)} == bursts(clicks, 6)
    assert {places[place] for place in crowds(shuffled)} == crowds(clicks)


@given(agent=st.text(max_size=60), zone=st.sampled_from(["", "cloud"]), since=st.none() | st.floats(0, 10_000))
def test_there_is_always_a_label(agent: str, zone: str, since: float | None) -> None:
    for kind in ("opened", "clicked"):
        verdict = judge(Hit(kind, 1, agent=agent, zone=zone), since)
        assert verdict.label in (HUMAN, MACHINE, SUSPECTED)
        assert verdict.reasons or verdict.label == HUMAN
