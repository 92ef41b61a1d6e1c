"""A provider that asks for less gets less, at once and from all; the others do not notice."""

import threading
import time
from datetime import timedelta

import pytest
from flask import current_app

from app.accounts.models import Workspace
from app.core import clock
from app.core.extensions import queue
from app.sending import lanes
from app.sending.pacing.buckets import index_key
from app.sending.pacing.state import provider_paces, resting, transport_key
from tests.sending import world
from tests.sending.pacing.moods import Providers, Rate, Until
from tests.sending.pacing.people import by_provider, plan
from tests.sending.servers import Wire, running

SCALE = 1 / 60
FLOOD = b"421 4.7.28 Our system has detected an unusual rate of unsolicited mail. - gsmtp"


@pytest.mark.slow
def test_who_throttles_is_slowed_and_the_others_are_not(workspace: Workspace) -> None:
    campaign = plan(workspace, slow_test=400, fast_test=400)
    with running(Providers(slow_test=Rate(40.0))) as server:
        world.send(campaign, server.url, pace_scale=SCALE, send_slice=7)
    [pace] = provider_paces("default")
    assert pace.provider == "slow.test"
    assert pace.rate is not None
    assert 10 < pace.rate < 70
    assert "rate limited" in pace.why
    assert len(server.taken("fast.test")) == 400
    assert server.taken("fast.test")[-1] - server.taken("fast.test")[0] < 2.0
    assert len(server.taken("slow.test")) > 90
    assert len(server.refused("slow.test")) < 25
    assert by_provider(campaign).get(("slow.test", "planned"), 0) > 0


@pytest.mark.slow
def test_deferred_for_pace_they_wait_for_the_hold_and_not_for_the_schedule(workspace: Workspace) -> None:
    campaign = plan(workspace, slow_test=30)
    with running(Providers(slow_test=Rate(5.0))) as server:
        world.send(campaign, server.url, pace_scale=SCALE, send_slice=1)
    rows = world.look("SELECT * FROM messages WHERE campaign_id = :c AND state = 'deferred'", campaign)
    assert rows
    assert max(row.next_attempt_at for row in rows) < clock.now() + timedelta(seconds=5)


def test_greylisting_slows_nobody(workspace: Workspace) -> None:
    campaign = plan(workspace, grey_test=100)
    seen: set[str] = set()

    def grey(address: str) -> bytes | None:
        is_new = address not in seen
        seen.add(address)
        return b"450 4.2.0 Greylisted, come back later" if is_new else None

    with running(Providers(grey_test=grey)) as server:
        world.send(campaign, server.url)
    assert by_provider(campaign) == {("grey.test", "deferred"): 100}
    assert provider_paces("default") == []


@pytest.mark.slow
def test_after_a_flood_it_rests_and_goes_on_with_one_at_a_time(workspace: Workspace) -> None:
    campaign = plan(workspace, google=300, other_test=20)
    mood = Until(FLOOD, after=5)
    with running(Providers(google=mood)) as server:
        result = world.send(campaign, server.url, pace_scale=SCALE)
        [pace] = provider_paces("default")
        assert pace.held_until is not None
        rest = pace.held_until - clock.now()
        assert timedelta(seconds=7) < rest < timedelta(seconds=11), "ten minutes, scaled"
        assert pace.slots == 1
        assert result.outcome == "paced"
        assert not result.has_more
        assert len(server.taken("other.test")) == 20
        assert "Gmail, Google Workspace: rests until" in world.campaign(campaign).waiting_for
        tried = len(server.tries)
        lanes.tend()
        assert world.send(campaign, server.url, pace_scale=SCALE).outcome == "paced"
        assert len(server.tries) == tried, "nothing goes while it rests"
        mood.reply = None
        time.sleep(max(0.0, (pace.held_until - clock.now()).total_seconds()) + 0.2)
        gauge = Gauge(server)
        world.send(campaign, server.url, pace_scale=SCALE, send_slice=3)
    assert len(server.taken("google")) > 20
    assert gauge.most_at_first <= 1, "one connection"
    [pace] = provider_paces("default")
    assert pace.slots is not None
    assert 1 < pace.slots < 8, "and one more at a time"


class Gauge:
    """How many messages to one provider were under way at once, while the first ten came."""

    def __init__(self, server: Providers) -> None:
        self.most_at_first = self._now = self._seen = 0
        usual_rcpt, usual_body = server.rcpt, server.body
        lock = threading.Lock()

        def rcpt(wire, line):  # type: ignore[no-untyped-def]
            with lock:
                self._now += 1
                self._seen += 1
                if self._seen <= 10:
                    self.most_at_first = max(self.most_at_first, self._now)
            time.sleep(0.01)
            usual_rcpt(wire, line)

        def body(wire, raw):  # type: ignore[no-untyped-def]
            with lock:
                self._now -= 1
            usual_body(wire, raw)

        server.rcpt, server.body = rcpt, body  # type: ignore[method-assign]


def test_who_refuses_the_sender_has_its_lane_held_and_the_people_are_kept(workspace: Workspace) -> None:
    campaign = plan(workspace, angry_test=80, other_test=80)
    words = b"554 5.7.1 Service unavailable; your IP is on the blocklist of Spamhaus"
    with running(Providers(angry_test=Until(words))) as server:
        result = world.send(campaign, server.url)
    states = by_provider(campaign)
    assert states["other.test", "sent"] == 80
    assert states.get(("angry.test", "deferred"), 0) + states.get(("angry.test", "planned"), 0) == 80
    assert len(server.refused("angry.test")) < 20
    assert result.outcome == "paced"
    assert "angry.test" in world.campaign(campaign).waiting_for
    assert "Spamhaus" in world.campaign(campaign).waiting_for
    assert campaign in resting([campaign])


def test_when_several_providers_refuse_alike_it_is_the_transport(workspace: Workspace) -> None:
    campaign = plan(workspace, a_test=60, b_test=60, c_test=60)
    words = Until(b"554 5.7.0 We do not serve your kind of content")
    with running(Providers(a_test=words, b_test=words, c_test=words)) as server:
        result = world.send(campaign, server.url)
    assert result.outcome == "waiting"
    assert "refuses our mail" in world.campaign(campaign).waiting_for


def test_a_domain_without_mail_bounces_untried(workspace: Workspace) -> None:
    campaign = plan(workspace, none=3, fast_test=5)
    with running(Providers()) as server:
        world.send(campaign, server.url)
    assert by_provider(campaign) == {("none", "bounced"): 3, ("fast.test", "sent"): 5}
    assert len(server.tries) == 5
    rows = [row for row in world.attempts(campaign) if row.outcome == "bounced"]
    assert {(row.code, row.status, row.reason) for row in rows} == {(556, "5.1.10", "notaccept")}


@pytest.mark.slow
def test_too_many_connections_means_fewer_at_once(workspace: Workspace) -> None:
    campaign = plan(workspace, few_test=150)

    class Few(Providers):
        under_way = 0
        most = 0

        def rcpt(self, wire, _line):  # type: ignore[no-untyped-def]
            with self.lock:
                full = self.under_way >= 3
                self.under_way += not full
                self.most = max(self.most, self.under_way)
                self.tries.append((time.monotonic(), "few.test", not full))
            if full:
                wire.say(b"452 4.7.0 Too many concurrent connections from your host")
                return
            wire.recipients += 1
            wire.say(b"250 2.1.5 Ok")

        def body(self, wire, raw):  # type: ignore[no-untyped-def]
            time.sleep(0.02)
            with self.lock:
                self.under_way -= 1
            super().body(wire, raw)

    with running(Few()) as server:
        world.send(campaign, server.url, smtp_connections=10, pace_scale=SCALE, send_slice=5)
    [pace] = provider_paces("default")
    assert pace.slots is not None
    assert pace.slots <= 5
    assert len(server.refused("few.test")) < 60, "at full speed there would be over a thousand"
    assert by_provider(campaign)["few.test", "sent"] > 100


@pytest.mark.slow
def test_two_workers_share_a_limit(workspace: Workspace) -> None:
    campaign = plan(workspace, slow_test=1500)
    app, answers = current_app._get_current_object(), []  # type: ignore[attr-defined]

    def work() -> None:
        from app.sending.engine import run_slice

        with app.app_context():
            answers.append(run_slice(campaign))

    with (
        running(Providers(slow_test=Rate(30.0))) as server,
        world.sending_by(server.url, pace_scale=SCALE, send_slice=8, send_batch=50, workers=2),
    ):
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    runs = world.look("SELECT run_id, count(*) FROM attempts WHERE campaign_id = :c GROUP BY 1", campaign)
    assert len(runs) == 2
    # Who comes first has the burst before the limit is felt for itself; after it both take turns.
    assert min(row[1] for row in runs) > 10, "each has its share"
    end = server.tries[-1][0]
    late = [is_taken for at, _domain, is_taken in server.tries if at > end - 3]
    assert late.count(False) <= 6, "together they keep to it"
    assert late.count(True) > 25, "and leave little of it unused"


@pytest.mark.parametrize("provider", ["yahoo-japan"])
@pytest.mark.slow
def test_a_known_rate_holds_from_the_first_message_on(workspace: Workspace, provider: str) -> None:
    campaign = plan(workspace, known=100)
    world.change("UPDATE messages SET provider = :p WHERE campaign_id = :c", p=provider, c=campaign)
    with running(Providers()) as server:
        world.send(campaign, server.url, send_slice=3)
    assert 15 < len(server.messages) < 50


class Hesitant(Providers):
    """Takes its time before it greets."""

    def greet(self, wire: Wire) -> None:
        time.sleep(0.7)
        super().greet(wire)


@pytest.mark.parametrize("kind", [Providers, Hesitant])
def test_a_provider_that_gets_less_than_one_a_second_still_gets_it(workspace: Workspace, kind: type[Providers]) -> None:
    campaign = plan(workspace, drip_test=3)
    key = f"{index_key(transport_key(None))}:drip.test"
    now = time.time()
    bucket = {"rate": 0.25, "ceiling": 0.25, "round": 1, "tokens": 0, "stamp": now - 6, "since": now, "why": "busy"}
    queue().hset(key, mapping={name: str(value) for name, value in bucket.items()})
    queue().sadd(index_key(transport_key(None)), "drip.test")
    with running(kind()) as server:
        result = world.send(campaign, server.url, send_slice=10)
    assert len(server.messages) == 1, "what six seconds have filled the bucket with"
    assert result.outcome == "paced"
