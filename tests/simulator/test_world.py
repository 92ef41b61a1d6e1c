"""The whole world: mail goes in by SMTP; visits come out by HTTP, letters by SMTP, and the truth is written down."""

import smtplib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.core.errors import SettingsError
from app.simulator.moods import ProviderMood
from app.simulator.rates import Rates
from app.simulator.truth import Summary, read_truth, summarise
from app.simulator.world import World
from tests.simulator.worlds import (
    NOTHING,
    Exchanger,
    Running,
    Tracker,
    config_for,
    exchanger,
    newsletter,
    running,
    send,
    tracker,
    wait_for,
)

FAST = 1e-7
"""An hour passes in a third of a millisecond."""
EAGER = replace(NOTHING, never_opens=0, opens_a=1e6, opens_b=1e-3, click_if_opened=1)
FIRM = "ada@gmail.example.com"


@contextmanager
def scene(
    tmp_path: Path, rates: Rates, *, time_scale: float = FAST, busy: int = 0, **changes: object
) -> Iterator[tuple[Running, Tracker, Exchanger]]:
    with tracker() as site, exchanger(busy) as mx:
        config = config_for(
            site=site.url,
            bounce_smtp=mx.address,
            truth_path=tmp_path / "truth.jsonl",
            time_scale=time_scale,
            rates=rates,
            scenario="low",
            horizon_hours=1e9,
            **changes,
        )
        with running(config) as world:
            yield world, site, mx


def truth(tmp_path: Path) -> Summary:
    return summarise(tmp_path / "truth.jsonl")


def test_a_reader_opens_and_clicks_a_real_link(tmp_path: Path) -> None:
    with scene(tmp_path, EAGER) as (world, site, _):
        for number in range(30):
            send(world, newsletter(site.url, f"p{number}@gmail.example.com", number))
        world.settle()
        opens, clicks = site.seen("/o/"), site.seen("/c/")
    assert {request.path for request in opens} == {f"/o/{number}.gif" for number in range(30)}
    assert all("GoogleImageProxy" in request.headers["User-Agent"] for request in opens)
    assert all("Sec-Fetch-Mode" in request.headers and "GoogleImage" not in str(request.headers) for request in clicks)
    assert not site.seen("/u/")
    found = truth(tmp_path)
    assert found.accepted == found.human_openers == 30
    assert found.human_clickers == len(clicks)
    assert found.human_clickers + found.skipped == 30
    assert found.machine_openers == found.failed == 0
    assert len({request.path.split("l=")[1] for request in clicks}) > 1


def test_apple_prefetches_under_its_bare_name(tmp_path: Path) -> None:
    with scene(tmp_path, replace(NOTHING, prefetch=1)) as (world, site, _):
        for number in range(20):
            send(world, newsletter(site.url, f"p{number}@icloud.example.com", number))
        world.settle()
    assert {request.headers["User-Agent"] for request in site.requests} == {"Mozilla/5.0"}
    found = truth(tmp_path)
    assert found.machine_openers == found.openers == len(site.requests) > 10
    assert found.human_openers == 0


def test_a_scanner_takes_every_link_and_unsubscribes_nobody(tmp_path: Path) -> None:
    rates = replace(NOTHING, scan_every_link=1, scan_unsubscribe=1)
    with scene(tmp_path, rates) as (world, site, _):
        for number in range(400):
            send(world, newsletter(site.url, f"p{number}@firm{number}.test", number))
        world.settle()
    found = truth(tmp_path)
    assert 0 < found.machine_clickers < 40
    assert found.human_clickers == found.unsubscribed == 0
    assert len(site.seen("/c/")) == 3 * found.machine_clickers
    assert len(site.seen("/u/")) == found.machine_clickers
    assert not [request for request in site.requests if request.method == "POST"]


def test_leavers_use_the_button_or_the_form(tmp_path: Path) -> None:
    with scene(tmp_path, replace(NOTHING, unsubscribe=1)) as (world, site, _):
        for number in range(40):
            send(world, newsletter(site.url, f"p{number}@gmail.example.com", number))
        world.settle()
    posts = Counter(
        "form" if b"leave=list" in request.body else request.headers["Content-Type"].partition(";")[0]
        for request in site.seen("/u/", "POST")
    )
    assert sum(posts.values()) == 40
    assert set(posts) == {"form", "multipart/form-data", "application/x-www-form-urlencoded"}
    for request in site.seen("/u/", "POST"):
        if b"leave=list" in request.body:
            assert request.body == b"csrf=ab%26c&leave=list"
            assert request.headers["Cookie"] == "session=42"
        else:
            assert b"List-Unsubscribe" in request.body
            assert b"One-Click" in request.body
            assert "Cookie" not in request.headers
    assert len(site.seen("/u/")) == posts["form"]
    assert truth(tmp_path).unsubscribed == 40


def test_a_dead_mailbox_is_refused_at_the_door_each_time(tmp_path: Path) -> None:
    with scene(tmp_path, replace(NOTHING, hard=1, hard_later=0)) as (world, site, mx):
        for number in (1, 2):
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                send(world, newsletter(site.url, FIRM, number))
            code, words = refused.value.recipients[FIRM]
            assert code == 550
            assert words.startswith(b"5.1.1 ")
        assert not mx.mails
    assert truth(tmp_path).hard_bounced == 2
    assert truth(tmp_path).accepted == 0


def test_some_mailboxes_bounce_after_acceptance(tmp_path: Path) -> None:
    with scene(tmp_path, replace(NOTHING, hard=1, hard_later=1)) as (world, site, mx):
        send(world, newsletter(site.url, FIRM, 7))
        world.settle()
        (report,) = mx.mails
    assert report.sender == "<>"
    assert report.to == "b+m7@bounces.example.com"
    assert b"Status: 5.1.1" in report.content
    found = truth(tmp_path)
    assert (found.accepted, found.returned, found.returned_hard, found.hard_bounced) == (1, 1, 1, 0)


def test_a_letter_is_tried_again_when_the_exchanger_is_busy(tmp_path: Path) -> None:
    with scene(tmp_path, replace(NOTHING, hard=1, hard_later=1), busy=1) as (world, site, mx):
        send(world, newsletter(site.url, FIRM, 7))
        world.settle()
        assert len(mx.mails) == 1
    assert truth(tmp_path).returned == 1


def test_complaints_and_answers_reach_the_sender(tmp_path: Path) -> None:
    rates = replace(NOTHING, complaint=1, vacation=1, answer=1)
    with scene(tmp_path, rates) as (world, site, mx):
        for number in range(20):
            mail = newsletter(site.url, f"p{number}@yahoo.example.com", number)
            if number % 2:
                mail["CFBL-Address"] = "cfbl@news.example.com; report=arf"
            send(world, mail)
        world.settle()
        reported = [mail for mail in mx.mails if b"feedback-report" in mail.content]
    assert {mail.to for mail in reported} == {"fbl@bounces.example.com", "cfbl@news.example.com"}
    found = truth(tmp_path)
    assert found.complained == found.autoreplies == found.replies == 20
    assert 10 < found.complaints_reported == len(reported) < 20
    vacations = [mail for mail in mx.mails if b"Auto-Submitted: auto-replied" in mail.content]
    assert {mail.to for mail in vacations} == {f"b+m{number}@bounces.example.com" for number in range(20)}


@pytest.mark.parametrize(("rates", "code"), [(replace(NOTHING, hiccup=1), 451), (replace(NOTHING, greylist=100), 450)])
def test_a_wary_host_takes_the_second_try_once_time_has_passed(tmp_path: Path, rates: Rates, code: int) -> None:
    address = "ada@laposte.example.com"
    with scene(tmp_path, rates, time_scale=1.0) as (world, site, _):
        mail = newsletter(site.url, address, 7)
        for _ in range(2):
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                send(world, mail)
            assert refused.value.recipients[address][0] == code
        world.world._born -= 601
        send(world, mail)
    found = truth(tmp_path)
    assert (found.deferred, found.accepted) == (1, 1)


def test_a_full_mailbox_stays_full_for_this_message(tmp_path: Path) -> None:
    rates = replace(NOTHING, soft=1, soft_full=1)
    with scene(tmp_path, rates) as (world, site, _):
        for _ in range(3):
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                send(world, newsletter(site.url, FIRM, 7))
            assert refused.value.recipients[FIRM][0] == 452
    assert truth(tmp_path).deferred == 1


def test_spam_is_refused_after_the_final_dot(tmp_path: Path) -> None:
    rates = replace(NOTHING, soft=1, soft_full=0, soft_trouble=0, soft_spam=1)
    with scene(tmp_path, rates) as (world, site, _), pytest.raises(smtplib.SMTPDataError) as refused:
        send(world, newsletter(site.url, FIRM, 7))
    assert refused.value.smtp_code == 550
    assert truth(tmp_path).refused == 1


def test_too_many_in_a_minute_are_slowed_down_and_disconnected(tmp_path: Path) -> None:
    moods = {"gmail": ProviderMood(per_minute=3)}
    with scene(tmp_path, NOTHING, time_scale=1.0, moods=moods) as (world, site, _):
        for number in range(3):
            send(world, newsletter(site.url, FIRM, number))
        with world.client() as talk:
            talk.mail("b+4@bounces.example.com")
            code, words = talk.rcpt(FIRM)
            assert (code, words[:6]) == (421, b"4.7.28")
        send(world, newsletter(site.url, "p@yahoo.example.com", 5))
        world.call(world.world.set_mood, "gmail", ProviderMood())
        wait_for(lambda: world.world.gate.moods["gmail"].per_minute > 3)
        send(world, newsletter(site.url, FIRM, 6))
    assert truth(tmp_path).accepted == 5


@pytest.mark.parametrize("keeps", [True, False])
def test_a_sick_provider_hangs_up_instead_of_answering(tmp_path: Path, keeps: bool) -> None:
    moods = {"gmail": ProviderMood(drop_every=2, drop_keeps=keeps)}
    with scene(tmp_path, NOTHING, moods=moods) as (world, site, _):
        send(world, newsletter(site.url, FIRM, 1))
        with pytest.raises(smtplib.SMTPServerDisconnected):
            send(world, newsletter(site.url, FIRM, 2))
        send(world, newsletter(site.url, FIRM, 2))
    found = truth(tmp_path)
    assert found.accepted == 2
    assert found.duplicates == (1 if keeps else 0)


def test_a_moody_provider_turns_each_third_recipient_away(tmp_path: Path) -> None:
    moods = {"gmail": ProviderMood(defer_every=3)}
    answers = []
    with scene(tmp_path, NOTHING, moods=moods) as (world, _, __):
        for number in range(9):
            with world.client() as talk:
                talk.mail(f"b{number}@bounces.example.com")
                answers.append(talk.rcpt(FIRM)[0])
    assert answers == [250, 250, 421] * 3


def test_a_slow_provider_answers_late_but_rightly(tmp_path: Path) -> None:
    moods = {"gmail": ProviderMood(accept_delay=0.2), "yahoo": ProviderMood(refuse="trouble")}
    with scene(tmp_path, NOTHING, moods=moods) as (world, site, _), world.client() as talk:
        for number in range(2):
            talk.send_message(newsletter(site.url, FIRM, number), "b@bounces.example.com", [FIRM])
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            talk.sendmail("b@bounces.example.com", ["p@yahoo.example.com"], b"Subject: x\r\n\r\n")
    assert truth(tmp_path).accepted == 2


def test_the_same_message_twice_is_told_and_acted_on_once(tmp_path: Path) -> None:
    with scene(tmp_path, EAGER) as (world, site, _):
        for _ in range(2):
            send(world, newsletter(site.url, FIRM, 7))
        world.settle()
    found = truth(tmp_path)
    assert (found.accepted, found.duplicates, found.human_openers) == (1, 1, 1)
    assert len(site.seen("/o/")) == 1


def test_other_sites_are_never_visited(tmp_path: Path) -> None:
    with tracker() as stranger, scene(tmp_path, EAGER) as (world, _, __):
        send(world, newsletter(stranger.url, FIRM, 7))
        world.settle()
        assert not stranger.requests
    assert truth(tmp_path).skipped == 2


def test_a_dead_site_is_noted_as_failure(tmp_path: Path) -> None:
    config = config_for(site="http://127.0.0.1:9", truth_path=tmp_path / "truth.jsonl", rates=EAGER, time_scale=FAST)
    with running(replace(config, horizon_hours=1e9)) as world:
        send(world, newsletter("http://127.0.0.1:9", FIRM, 7))
        world.settle()
    found = truth(tmp_path)
    assert found.human_openers == 0
    assert found.failed >= 1


def test_addresses_of_visitors_are_told_only_where_wanted(tmp_path: Path) -> None:
    with scene(tmp_path, EAGER, forwarded=True) as (world, site, _):
        send(world, newsletter(site.url, FIRM, 7))
        world.settle()
        proxy, person = (request.headers["X-Forwarded-For"] for request in (site.seen("/o/") + site.seen("/c/"))[:2])
    assert proxy.startswith("192.0.2.")
    assert person.startswith("2001:db8:")


def test_the_truth_is_complete_when_the_world_stops(tmp_path: Path) -> None:
    with scene(tmp_path, NOTHING) as (world, site, _):
        for number in range(5):
            send(world, newsletter(site.url, FIRM, number))
    entries = list(read_truth(tmp_path / "truth.jsonl"))
    assert [entry["message_id"] for entry in entries] == [f"<m{number}@mail.example.com>" for number in range(5)]
    assert all(entry["first"] and entry["to"] == FIRM for entry in entries)


def test_what_lies_beyond_the_horizon_never_happens(tmp_path: Path) -> None:
    config = config_for(site="http://127.0.0.1:9", rates=EAGER, horizon_hours=0.0, time_scale=1.0)
    with running(config) as world:
        send(world, newsletter("http://127.0.0.1:9", FIRM, 7))
        assert world.world.status()["done"]


def test_unknown_choices_are_named() -> None:
    with pytest.raises(SettingsError, match="scenario"):
        World(config_for(scenario="wild"))
    with pytest.raises(SettingsError, match="market"):
        World(config_for(market="atlantis"))
    with pytest.raises(SettingsError, match="http"):
        World(config_for(site="ftp://x.test"))
