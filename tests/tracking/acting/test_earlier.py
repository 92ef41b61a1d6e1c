"""A message that came back and was tried again: what is told late of the first attempt says nothing of the second."""

from datetime import datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256

import pytest
from sqlalchemy import update

from app.audience.suppressions import lift
from app.campaigns.second_try import Pick, plan_anew
from app.core import clock
from app.core.database import db, in_workspace
from app.messages.lifecycle import State
from app.messages.models import Attempt, IncomingMail, Message
from app.tracking import mail_intake
from app.tracking.mail_intake import take_in_mail
from tests.factories.messages import Sent
from tests.tracking.acting.world import bounce, is_kept, plain, points, suppressions, tell
from tests.tracking.test_mail_intake import dsn

FULL = {"status": "5.2.2", "said": "552 5.2.2 <ada@example.org>: Mailbox is full"}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(params=["together", "one by one"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "one by one":
        monkeypatch.setattr(mail_intake, "take_in_together", list)


def report(sent: Sent, at: datetime, mark: str = "", **told: str) -> bytes:
    """The report of a server at that time by its own clock."""
    raw = dsn(sent.mail_token, **told)
    for stated in (b"Thu, 5 Mar 2026 09:30:12 +0000", b"Thu, 5 Mar 2026 09:30:10 +0000"):
        raw = raw.replace(stated, format_datetime(at).encode())
    return f"Delivered-To: {mark}@example.com\r\n".encode() + raw if mark else raw


def arrive(sent: Sent, raw: bytes, *, at: datetime | None = None) -> str:
    """Bring a mail, at that time; returns what was made of it."""
    to = f"b+{sent.mail_token}@bounces.example.com"
    mail = IncomingMail(digest=sha256(raw).digest(), envelope_from="", envelope_to=to, raw=raw)
    mail.received_at = at or clock.now()
    db.session.add(mail)
    db.session.commit()
    take_in_mail()
    db.session.expire_all()
    return mail.note


def hand_over(sent: Sent, at: datetime, outcome: str = "sent") -> None:
    """As the ledger of a run writes it."""
    taken = at if outcome == "sent" else None
    with in_workspace(sent.workspace.id):
        moved = update(Message).where(Message.id == sent.message.id)
        db.session.execute(moved.values(state=outcome, reason="", sent_at=taken, changed_at=at))
        values = {"message_id": sent.message.id, "campaign_id": sent.campaign.id, "transport": "smtp"}
        db.session.add(Attempt(at=at, outcome=outcome, reason="", **values))
        db.session.commit()
    db.session.expire_all()


def try_again(sent: Sent, at: datetime) -> None:
    """Nobody believes the bounce: what it wrote is lifted, and the message is planned anew."""
    with in_workspace(sent.workspace.id):
        for found in suppressions(sent):
            lift(found.id)
        plan_anew(
            sent.campaign.id, [Pick(State.BOUNCED, sent.now().reason)], words="To be tried again: decided by Eve."
        )
        moved = update(Attempt).where(Attempt.message_id == sent.message.id, Attempt.reason == "decided")
        db.session.execute(moved.values(at=at))
        db.session.commit()
    db.session.expire_all()


@pytest.fixture
def first(sent: Sent) -> datetime:
    """When the first attempt was, which came back, and whose bounce was not believed; the second is yet to come."""
    first = clock.now() - DAY - 2 * HOUR
    hand_over(sent, first)
    assert "is suppressed" in arrive(sent, report(sent, first), at=first + MINUTE)
    try_again(sent, clock.now() - 3 * HOUR)
    return first


def test_a_copy_of_the_first_report_changes_nothing(sent: Sent, first: datetime, way: None) -> None:
    hand_over(sent, clock.now() - 2 * HOUR)
    assert "nothing was changed" in arrive(sent, report(sent, first, "another-way"))
    assert sent.now().state == "sent"
    assert is_kept(sent)
    assert len(sent.events("bounced")) == 1


@pytest.mark.parametrize("told", [FULL, {"status": "5.7.1", "said": "550 5.7.1 Blocked: listed by a blocklist"}])
def test_other_news_of_it_is_noted_in_its_time_and_no_more(
    sent: Sent, first: datetime, way: None, told: dict[str, str]
) -> None:
    second = clock.now() - 2 * HOUR
    hand_over(sent, second)
    assert "an earlier attempt" in arrive(sent, report(sent, first + 5 * MINUTE, **told))
    assert sent.now().state == "sent"
    assert is_kept(sent)
    assert points(sent) == []
    early, late = sent.events("bounced")
    assert (late.data["earlier"], late.data["effect"]) == (True, "note")
    assert early.at < late.at < second - HOUR


def test_what_is_told_of_the_second_attempt_counts(sent: Sent, first: datetime, way: None) -> None:
    second = clock.now() - 2 * HOUR
    hand_over(sent, second)
    arrive(sent, report(sent, first + 5 * MINUTE, **FULL))
    assert "is suppressed" in arrive(sent, report(sent, second - 50 * MINUTE)), "a clock may be slow"
    assert (sent.now().state, sent.now().reason) == ("bounced", "userunknown")
    assert not is_kept(sent)


def test_after_the_second_came_back_the_first_still_adds_nothing(sent: Sent, first: datetime, way: None) -> None:
    second = clock.now() - 2 * HOUR
    hand_over(sent, second)
    arrive(sent, report(sent, second, **FULL))
    (point,) = points(sent)
    assert "nothing was changed" in arrive(sent, report(sent, first, "another-way"))
    assert (sent.now().reason, points(sent)) == ("mailboxfull", [point])
    assert is_kept(sent)


def test_a_doubt_about_the_second_is_not_settled_by_it(sent: Sent, first: datetime, way: None) -> None:
    """Not even by a report that was written after somebody decided to try again, and long before that was done."""
    hand_over(sent, clock.now() - MINUTE, outcome="uncertain")
    decided = clock.now() - 3 * HOUR
    arrive(sent, report(sent, decided + HOUR, **FULL))
    arrive(sent, report(sent, decided + HOUR, action="delivered", status="2.0.0", said="250 2.0.0 OK"))
    assert sent.now().state == "uncertain"
    assert is_kept(sent)


def test_while_the_second_waits_the_first_adds_nothing(sent: Sent, first: datetime, way: None) -> None:
    assert "an earlier attempt" in arrive(sent, report(sent, first, **FULL))
    assert sent.now().state == "planned"
    assert points(sent) == []


def test_one_that_bounced_and_counts_as_sent_was_tried_again(sent: Sent, way: None) -> None:
    """Also where nothing tells who decided so."""
    first = clock.now() - DAY
    hand_over(sent, first)
    arrive(sent, report(sent, first), at=first + MINUTE)
    with in_workspace(sent.workspace.id):
        lift(suppressions(sent)[0].id)
    hand_over(sent, clock.now() - 2 * HOUR)
    assert "an earlier attempt" in arrive(sent, report(sent, first, **FULL))
    assert (sent.now().state, points(sent)) == ("sent", [])


@pytest.mark.parametrize("year", [1970, 2001])
def test_a_clock_of_another_century_stays_among_the_attempts(sent: Sent, first: datetime, way: None, year: int) -> None:
    hand_over(sent, clock.now() - 2 * HOUR)
    assert "an earlier attempt" in arrive(sent, report(sent, first.replace(year=year), **FULL))
    assert all(event.at >= first for event in sent.events("bounced"))


@pytest.mark.parametrize("ago", [2 * HOUR, 400 * DAY])
def test_of_a_message_tried_once_dates_change_nothing(sent: Sent, way: None, ago: timedelta) -> None:
    hand_over(sent, clock.now() - MINUTE)
    assert "is suppressed" in arrive(sent, report(sent, clock.now() - ago))
    assert sent.now().state == "bounced"
    assert not is_kept(sent)


def test_nor_of_one_that_was_only_put_off_before(sent: Sent, way: None) -> None:
    hand_over(sent, clock.now() - 5 * HOUR, outcome="deferred")
    hand_over(sent, clock.now() - MINUTE)
    assert "is suppressed" in arrive(sent, report(sent, clock.now() - 5 * HOUR))


def test_a_provider_that_tells_late_of_the_first_is_heard_likewise(sent: Sent, first: datetime) -> None:
    hand_over(sent, clock.now() - 2 * HOUR)
    assert "an earlier attempt" in tell(sent, bounce("notaccept"), source="webhook:ses", at=first + MINUTE)
    assert sent.now().state == "sent"
    assert is_kept(sent)


def test_a_complaint_about_the_first_is_one(sent: Sent, first: datetime) -> None:
    hand_over(sent, clock.now() - 2 * HOUR)
    assert "is suppressed" in tell(sent, plain("complaint"), at=first + MINUTE)
    assert not is_kept(sent)
