"""What the watch says of each line: by which name, against its own past, and what it points out."""

import re

from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.accounts.models import Workspace
from app.core.database import db, every_workspace
from app.deliverability.watch.changes import watch_changes
from app.deliverability.watch.figures import By, lines_by, span_of, with_course
from app.deliverability.watch.findings import findings, wait
from app.messages.models import Run
from app.sending.models import Transport
from app.statistics.ranks import chance_of_above
from app.tracking.models import Incident
from tests.deliverability.test_pages import count_all, letters
from tests.factories.histories import Letter, a_campaign, write

PLACE = "mail.example.com:587"


def test_transports_are_called_by_name_and_told_apart(as_vic: FlaskClient, scope: Workspace) -> None:
    runs = [a_run("News relay"), a_run("Receipts")]
    write(a_campaign(), [Letter(transport=PLACE, run=run) for run in (*runs, runs[0], None)])
    count_all()
    page = said(as_vic, scope, "by=transport")
    for words in (f"News relay {PLACE}", f"Receipts {PLACE}", f"{PLACE} the installation's account"):
        assert words in page
    of_it = Transport.workspace_id == scope.id, Transport.name == "News relay"
    number = db.session.scalars(select(Transport.id).where(*of_it)).one()
    assert "Only transport: News relay" in said(as_vic, scope, f"by=campaign&transport={number}")
    db.session.delete(db.session.get_one(Transport, number))
    count_all()
    assert f"{PLACE} {PLACE} taken away since" not in said(as_vic, scope, "by=transport")
    assert f"{PLACE} taken away since" in said(as_vic, scope, "by=transport")


def test_a_transport_that_moved_is_one_line(scope: Workspace) -> None:
    run = a_run("News relay")
    write(a_campaign(), [Letter(transport=place, run=run) for place in (PLACE, "new.example.com:587")])
    count_all()
    (line,) = lines_by("transport", span_of(7))
    assert (line.name, line.now.sent) == ("News relay", 2)


def test_what_a_relay_says_to_everybody_is_told_of_the_relay_alone(as_vic: FlaskClient, scope: Workspace) -> None:
    run = a_run("News relay")
    well = [Letter(transport=PLACE, run=run, attempts=[(24 * 9, "sent", 250, "")]) for _ in range(200)]
    kept = [(47.0, "kept", 451, "systemerror"), (46.0, "sent", 250, "")]
    write(a_campaign(), [*well, *(Letter(transport=PLACE, run=run, attempts=kept) for _ in range(120))])
    count_all()
    page = said(as_vic, scope, "by=provider")
    assert "Nothing beyond chance" in page
    assert re.search(r"Deferred 0 (0\.00% )?of 120", page)
    assert "and 120 by the transports themselves, for everybody" in page
    assert "transport: 120" in page
    assert "transport: 120" in said(as_vic, scope, "by=campaign")
    page = said(as_vic, scope, "by=transport")
    assert "News relay: the transport itself puts off more mail" in page
    assert "No mailbox provider has a part in this" in page
    for by in ("provider", "domain", "campaign"):
        assert found(by) == []
    with every_workspace():
        watch_changes()
    assert db.session.scalars(select(Incident).where(Incident.workspace_id == scope.id)).all() == []


def test_complaints_beyond_the_guards_line_are_marked_whatever_they_were_before(
    as_vic: FlaskClient, scope: Workspace
) -> None:
    heard = [(47.0, "complained", "human", {"by": "mail"})]
    many = [Letter(attempts=[(48, "sent", 250, "")], events=heard) for _ in range(8)]
    write(a_campaign("finished"), [*letters(500, 48), *many])
    write(a_campaign("finished"), letters(500, 48, provider="outlook"))
    count_all()
    page = said(as_vic, scope, "by=provider")
    assert "Yahoo, AOL: complaints are over 0.30% 1.6% of 508." in page
    assert "Ask what was different" in page
    assert page.count("over 0.30%") == 3, "there, twice, and at the rate"


def test_mail_that_takes_longer_is_pointed_out_whoever_waits(as_vic: FlaskClient, scope: Workspace) -> None:
    for hour in range(10):
        write(a_campaign(), waiting(20, 24 * 9 - hour, minutes=1) + waiting(20, 24 * 3 - hour, minutes=20))
    count_all()
    assert found("provider") == ["time"]
    page = said(as_vic, scope, "by=provider")
    assert "Yahoo, AOL: mail takes longer until it is accepted" in page
    assert "20 min on average instead of 60 s" in page


def test_one_message_that_waits_for_long_is_no_change(scope: Workspace) -> None:
    for hour in range(10):
        write(a_campaign(), waiting(20, 24 * 9 - hour, minutes=1) + waiting(20, 24 * 3 - hour, minutes=1))
    write(a_campaign(), waiting(1, 24 * 2, minutes=24 * 60) + waiting(19, 24 * 2, minutes=1))
    count_all()
    (line,) = with_course(lines_by("provider", span_of(7)), "provider", span_of(7))
    took = wait(line)
    assert took.now > 2 * took.before
    assert took.is_judged
    assert not took.is_worse


def test_two_hours_of_mail_are_too_few_to_judge_times_by(scope: Workspace) -> None:
    write(a_campaign(), waiting(150, 24 * 9, minutes=1) + waiting(150, 24 * 3, minutes=60))
    count_all()
    (line,) = with_course(lines_by("provider", span_of(7)), "provider", span_of(7))
    assert not wait(line).is_judged


def test_its_own_past_is_drawn_beside_each_line(scope: Workspace) -> None:
    write(a_campaign(), letters(50, 24 * 9, deferred=10) + letters(40, 24 * 2, deferred=20))
    count_all()
    (line,) = with_course(lines_by("provider", span_of(7)), "provider", span_of(7))
    assert len(line.trouble) == len(line.trouble_before) == 28
    assert (total(line.trouble), total(line.trouble_before)) == ((20, 60), (10, 60))


def test_every_scope_of_bounces_is_there_and_comes_off_what_was_delivered(
    as_vic: FlaskClient, scope: Workspace
) -> None:
    reasons = ("userunknown", "blocked", "mesgtoobig")
    back = [
        Letter(attempts=[(48, "sent", 250, "")], events=[(47, "bounced", "", {"reason": one, "by": "mail"})])
        for one in reasons
    ]
    write(a_campaign(), [*letters(97, 48), *back])
    count_all()
    page = said(as_vic, scope, "by=provider")
    for words in ("Sent 100", "Delivered 97", "Refused because of us 1", "Dead addresses 1", "Bounced otherwise 1"):
        assert words in page
    assert "97 delivered" in page
    (line,) = lines_by("provider", span_of(7))
    assert line.now.tried == 100, "what came back later is no attempt of its own"


@given(
    st.lists(st.floats(0, 1000), min_size=8, max_size=30),
    st.lists(st.floats(0, 1000), min_size=8, max_size=30),
)
def test_the_chance_is_one_and_falls_with_distance(now: list[float], before: list[float]) -> None:
    chance = chance_of_above(now, before)
    assert 0 <= chance <= 1
    assert chance_of_above([value + 2000 for value in now], before) <= chance + 1e-9
    assert chance_of_above([value + 2000 for value in now], before) < 0.001


def test_the_chance_of_ranks_as_reckoned_by_hand() -> None:
    # Ranks 9 to 16 above 1 to 8: U = 64, mean 32, variance 8·8·17/12.
    assert abs(chance_of_above(range(8, 16), range(8)) - 0.00047) < 0.0001
    assert chance_of_above([1.0] * 20, [1.0] * 20) == 1.0
    assert chance_of_above(range(100, 107), range(7)) == 1.0, "too few"


def test_those_too_small_to_judge_stand_together(as_vic: FlaskClient, scope: Workspace) -> None:
    small = [letter for number in range(10) for letter in letters(3, 2, provider=f"small-{number}.example.com")]
    write(a_campaign(), letters(40, 2) + small)
    count_all()
    page = said(as_vic, scope, "")
    assert "small-9" in page, "one alone is named"
    assert "together" not in page
    one_more = letters(1, 2, provider="small-9.example.com")
    write(a_campaign(), letters(24, 2, provider="bird.example.com") + one_more)
    count_all()
    page = said(as_vic, scope, "")
    assert "2 smaller ones together 6 sent, 6 delivered" in page
    assert [number for number in range(10) if f"small-{number}." in page] == [0, 1, 2, 3, 4, 5, 6, 9]
    write(a_campaign(), letters(25, 2, provider="small-8.example.com"))
    count_all()
    assert "small-8." in said(as_vic, scope, ""), "so many are judged for themselves"


def found(by: By) -> list[str]:
    """The symptoms that are pointed out."""
    return [one.symptom for one in findings(with_course(lines_by(by, span_of(7)), by, span_of(7)), by, days=7)]


def waiting(count: int, hours_ago: float, *, minutes: float) -> list[Letter]:
    """So many messages that were put off once, in words that say nothing, and taken so many minutes later."""
    put_off = (hours_ago + minutes / 60, "deferred", 451, "systemerror")
    return [Letter(attempts=[put_off, (hours_ago, "sent", 250, "")]) for _ in range(count)]


def total(buckets: tuple[tuple[int, int], ...]) -> tuple[int, int]:
    """All of it."""
    return sum(trouble for trouble, _ in buckets), sum(tried for _, tried in buckets)


def a_run(name: str) -> int:
    """A run of a transport of that name; its number."""
    transport = Transport(name=name, kind="smtp", host="mail.example.com", port=587)
    db.session.add(transport)
    db.session.flush()
    run = Run(campaign_id=a_campaign().id, host="h", pid=1, journal="j", transport_id=transport.id)
    db.session.add(run)
    db.session.flush()
    return run.id


def said(browser: FlaskClient, scope: Workspace, query: str) -> str:
    """What the watch says, in one line."""
    page = browser.get(f"/w/{scope.slug}/deliverability?days=7&{query}")
    assert page.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())
