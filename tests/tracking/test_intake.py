"""From the stream into events: once each, judged together, and only where the person allows it."""

import time
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from app.accounts.models import Workspace
from app.audience.erasure import erase
from app.audience.subscriptions import subscribe
from app.core import clock
from app.core.database import db, in_workspace
from app.messages.models import Event
from app.tracking.hits import GROUP, STREAM, Hit
from app.tracking.recording import tools_of
from tests.factories.messages import Sent, sent_campaign, sent_message
from tests.tracking.conftest import Stream

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def click(sent: Sent, link: int = 0, *, at: float | None = None, **more: str) -> Hit:
    moment = time.time() if at is None else at
    return Hit("clicked", sent.message.id, link_id=sent.links[link].id, agent=FIREFOX, at=moment, **more)  # type: ignore[arg-type]


def opened(sent: Sent, agent: str = FIREFOX) -> Hit:
    return Hit("opened", sent.message.id, agent=agent)


def test_hits_become_events(visitor: FlaskClient, sent: Sent, stream: Stream) -> None:
    visitor.get(f"/o/{sent.token}.gif", headers={"User-Agent": FIREFOX})
    visitor.get(sent.click_path(1), headers={"User-Agent": FIREFOX})

    assert stream.take_in() == 2

    first, second = sent.events()
    assert (first.kind, first.label, first.reasons) == ("opened", "human", [])
    assert (second.kind, second.label, second.link_id) == ("clicked", "human", sent.links[1].id)
    assert second.data["network"] == "127.0.0.0/24"
    assert second.subscriber_id == sent.person.id
    assert stream.redis.xlen(STREAM) == 0


def test_the_same_hit_twice_is_one_event(sent: Sent, stream: Stream) -> None:
    hit = click(sent)
    stream.put(hit, hit)
    stream.take_in()
    stream.put(hit)
    stream.take_in()
    assert len(sent.events()) == 1


def test_what_a_dead_worker_had_taken_is_taken_in(sent: Sent, stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    stream.put(click(sent))
    stream.redis.xgroup_create(STREAM, GROUP, id="0")
    stream.redis.xreadgroup(GROUP, "dead", {STREAM: ">"})
    assert stream.take_in() == 0, "it may be alive"
    monkeypatch.setattr("app.tracking.intake.ABANDONED_MS", 0)
    assert stream.take_in() == 1
    assert len(sent.events()) == 1


@pytest.mark.parametrize("protocol", [2, 3])
def test_both_protocols_of_the_queue(app: Flask, sent: Sent, stream: Stream, protocol: int) -> None:
    url = app.extensions["merpati.settings"].redis_url
    with Redis.from_url(url, protocol=protocol) as redis:
        app.extensions["merpati.queue"] = redis
        try:
            stream.put(click(sent), opened(sent))
            assert stream.take_in() == 2
            assert stream.take_in() == 0
        finally:
            app.extensions["merpati.queue"] = stream.redis
    assert len(sent.events()) == 2


def test_unknown_messages_and_torn_lines_change_nothing(sent: Sent, stream: Stream) -> None:
    stream.put(Hit("clicked", 2**47, agent=FIREFOX), Hit("opened", sent.message.id, agent="\0nul"))
    stream.redis.xadd(STREAM, {b"h": b'{"kind":"op'})
    stream.take_in()
    assert [event.kind for event in sent.events()] == ["opened"]
    assert stream.redis.xlen(STREAM) == 0


def test_no_consent_no_event_also_for_mail_sent_before(visitor: FlaskClient, sent: Sent, stream: Stream) -> None:
    visitor.get(sent.click_path())
    visitor.post(f"/p/{sent.token}", data={"shown": [], "no_tracking": "1", "first_name": "Ada"})
    visitor.get(f"/o/{sent.token}.gif")
    assert stream.take_in() == 2
    assert sent.events() == []


def test_nothing_is_recorded_of_who_was_erased(visitor: FlaskClient, sent: Sent, stream: Stream) -> None:
    path = sent.click_path()
    with in_workspace(sent.workspace.id):
        erase(sent.person)
        db.session.commit()
    assert visitor.get(path).status_code == 302
    stream.take_in()
    assert sent.events() == []


@pytest.mark.parametrize(("opens", "clicks", "kinds"), [(False, True, ["clicked"]), (True, False, ["opened"])])
def test_a_campaign_says_what_it_counts(
    workspace: Workspace, stream: Stream, opens: bool, clicks: bool, kinds: list[str]
) -> None:
    sent = sent_message(workspace, track_opens=opens, track_clicks=clicks)
    stream.put(click(sent), opened(sent))
    stream.take_in()
    assert [event.kind for event in sent.events()] == kinds


@pytest.mark.parametrize("together", [True, False])
def test_a_gateways_burst_at_43_seconds_is_no_person(workspace: Workspace, stream: Stream, together: bool) -> None:
    sent = sent_message(workspace, seconds_ago=60)
    start = sent.message.sent_at.timestamp() + 43  # type: ignore[union-attr]
    for number in range(6):
        stream.put(click(sent, number, at=start + number * 0.2))
        if not together:
            stream.take_in()
    stream.put(click(sent, 3, at=start + 15))
    stream.take_in()

    events = sent.events("clicked")
    assert [event.label for event in events] == ["machine"] * 6 + ["human"]
    assert all(event.reasons == ["burst"] for event in events[:6])


@pytest.mark.parametrize("together", [True, False])
def test_one_place_for_three_people_is_suspected(workspace: Workspace, stream: Stream, together: bool) -> None:
    with in_workspace(workspace.id):
        campaign = sent_campaign(workspace)
    people = [sent_message(workspace, f"{name}@example.org", in_campaign=campaign) for name in ("ada", "grace", "joan")]
    start = time.time() - 100
    for number, sent in enumerate(people):
        stream.put(click(sent, at=start + number * 25, network="192.0.2.0/24"))
        if not together:
            stream.take_in()
    stream.put(click(people[0], 1, at=start + 90, network="203.0.113.0/24"))
    stream.take_in()

    labels = [[event.label for event in sent.events("clicked")] for sent in people]
    assert labels == [["suspected", "human"], ["suspected"], ["suspected"]]


def test_a_machines_click_stays_a_machines_in_a_crowd(workspace: Workspace, stream: Stream) -> None:
    with in_workspace(workspace.id):
        campaign = sent_campaign(workspace)
    people = [sent_message(workspace, f"{name}@example.org", in_campaign=campaign) for name in ("ada", "grace", "joan")]
    start = time.time() - 100
    for sent in people:
        stream.put(*(click(sent, number, at=start + number * 0.1, network="192.0.2.0/24") for number in range(6)))
    stream.take_in()
    assert {event.label for sent in people for event in sent.events("clicked")} == {"machine"}


@pytest.mark.parametrize(
    ("agent", "settled"),
    [(FIREFOX, True), ("Mozilla/5.0 (via ggpht.com GoogleImageProxy)", True), ("Mozilla/5.0", False)],
)
def test_a_person_who_opens_settles_a_doubt(workspace: Workspace, stream: Stream, agent: str, settled: bool) -> None:
    sent = sent_message(workspace, state="uncertain")
    stream.put(opened(sent, agent))
    stream.take_in()
    message = sent.now()
    assert message.state == ("sent" if settled else "uncertain")
    assert (message.sent_at is not None) == settled


def test_a_click_changes_no_other_state(workspace: Workspace, stream: Stream) -> None:
    sent = sent_message(workspace, state="bounced")
    stream.put(click(sent))
    stream.take_in()
    assert sent.now().state == "bounced"


ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.mark.parametrize("scope", [None, "everything"])
def test_without_the_database_a_wish_to_leave_is_kept_and_done(
    app_without_database: Flask, sent: Sent, stream: Stream, scope: str | None
) -> None:
    inbox = app_without_database.test_client()
    assert "Unsubscribe" in inbox.get(f"/u/{sent.token}").text
    for _ in range(2):
        answer = inbox.post(f"/u/{sent.token}", data={"scope": scope} if scope else ONE_CLICK)
        assert answer.status_code == 200
        assert "within minutes" in answer.text
        assert "Set-Cookie" not in answer.headers
    assert sent.state_on() == "confirmed"

    stream.take_in()

    assert sent.state_on() == "unsubscribed"
    assert len(sent.events("unsubscribed")) == 1
    assert sent.consent()[-1] == ("withdrawn", "page" if scope else "one-click")
    assert stream.redis.xlen(STREAM) == 0
    assert sent.events("unsubscribed")[0].data["scope"] == (scope or "list")


def test_without_any_server_a_wish_to_leave_is_on_disk(
    app_without_database: Flask, app: Flask, sent: Sent, without_queue: object, stream: Stream, spool_folder: object
) -> None:
    from app.tracking.spool import Spool

    tools_of(app_without_database).recorder = without_queue
    assert app_without_database.test_client().post(f"/u/{sent.token}", data=ONE_CLICK).status_code == 200
    without_queue._spool._close()  # type: ignore[attr-defined] - its process ends
    assert Spool(spool_folder, STREAM).drain(stream.redis) == 1  # type: ignore[arg-type]
    stream.take_in()
    assert sent.state_on() == "unsubscribed"


def test_a_wish_that_nothing_can_keep_is_not_answered_with_yes(
    app_without_database: Flask, app: Flask, sent: Sent, without_queue: object, spool_folder: object
) -> None:
    spool_folder.write_text("where a directory should be")  # type: ignore[attr-defined]
    tools_of(app_without_database).recorder = without_queue
    answer = app_without_database.test_client().post(f"/u/{sent.token}", data=ONE_CLICK)
    assert answer.status_code == 503


def test_a_late_wish_does_not_undo_a_later_one(sent: Sent, stream: Stream, visitor: FlaskClient) -> None:
    late = Hit("unsubscribed", sent.message.id, hints={"source": "one-click", "scope": "list"}, at=time.time())
    with clock.moved(timedelta(minutes=1)):
        visitor.post(f"/u/{sent.token}", data={"scope": "list"})
        visitor.post(f"/u/{sent.token}/undo", data={"scope": "list"})
    stream.put(late)
    stream.take_in()
    assert sent.state_on() == "confirmed"
    assert [event.kind for event in sent.events()] == ["unsubscribed", "resubscribed"]


def test_a_wish_is_done_even_without_consent_to_recording(sent: Sent, stream: Stream) -> None:
    with in_workspace(sent.workspace.id):
        sent.person.tracking = False
        db.session.commit()
    stream.put(Hit("unsubscribed", sent.message.id))
    stream.take_in()
    assert sent.state_on() == "unsubscribed"


def test_a_wish_does_not_reach_another_workspace(sent: Sent, stream: Stream, workspace: Workspace) -> None:
    from app.accounts.setup import create_workspace

    other = create_workspace("Other aviary")
    db.session.commit()
    twin = sent_message(other, "ada@example.org")
    stream.put(Hit("unsubscribed", sent.message.id, hints={"scope": "everything"}))
    stream.take_in()
    assert sent.state_on() == "unsubscribed"
    assert twin.state_on() == "confirmed"


def test_coming_back_by_form_counts_more_than_a_late_wish(sent: Sent, stream: Stream) -> None:
    with in_workspace(sent.workspace.id), clock.moved(timedelta(minutes=5)):
        from app.audience.subscriptions import unsubscribe

        unsubscribe(sent.person, sent.mailing_list.id, source="page")
        subscribe(sent.person, sent.mailing_list, source="form")
        db.session.commit()
    stream.put(Hit("unsubscribed", sent.message.id))
    stream.take_in()
    assert sent.state_on() == "confirmed"


def test_events_have_the_id_of_their_hit(sent: Sent, stream: Stream) -> None:
    number = str(uuid4())
    stream.put(Hit("opened", sent.message.id, agent=FIREFOX, id=number))
    stream.take_in()
    (event,) = sent.events()
    assert isinstance(event, Event)
    assert str(event.id) == number
