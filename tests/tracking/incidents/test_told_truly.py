"""What the pages say of an incident is so: how many wait, whom it concerns, since when, and what was decided."""

import csv
import io
import re
import secrets
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.accounts.models import Role, Workspace
from app.accounts.setup import add_member, create_user, create_workspace
from app.core import clock
from app.core.database import db, in_workspace
from app.deliverability.open_matters import count_open
from app.messages.models import IncomingMail
from app.tracking.incidents import bursts
from tests.conftest import sign_in
from tests.tracking.acting.world import bounce
from tests.tracking.incidents.crowd import Crowd, crowd
from tests.tracking.incidents.owners import Owners

GONE = "550 5.1.1 user unknown"
NOTE = "bounced: userunknown; many fail alike, so the address is kept until somebody decides"


@pytest.fixture
def burst(workspace: Workspace) -> Crowd:
    """Seventy people, of whom 65 failed alike."""
    bursts._rest.clear()
    made = crowd(workspace, 70)
    made.tell(slice(65), lambda: bounce("userunknown", "permanent", words=GONE))
    made.watch()
    return made


@pytest.mark.parametrize("verbs", [("believe",), ("discard",), ("believe", "undo")])
def test_what_was_decided_is_counted_no_more(
    as_ada: FlaskClient, workspace: Workspace, burst: Crowd, verbs: tuple[str, ...]
) -> None:
    Owners(workspace, []).refusal()
    assert open_matters(workspace) == named(as_ada, workspace) == 2
    for verb in verbs:
        as_ada.post(f"{page_of(burst)}/{verb}")
    assert burst.incidents()[0].ended_at is None, "it is still counted"
    assert open_matters(workspace) == named(as_ada, workspace) == 1


def test_everybody_is_there_page_by_page(as_ada: FlaskClient, burst: Crowd) -> None:
    page = as_ada.get(page_of(burst)).text
    all_held = [address_of(burst, one.message_id) for one in burst.held()]
    assert len(all_held) == 65
    assert "The first 10 of 65." in plain(page)
    assert f"{page_of(burst)}/people.csv" in page
    first = as_ada.get(f"{page_of(burst)}/people").text
    [onward] = re.findall(r'rel="next" href="([^"]+)"', first)
    second = as_ada.get(onward.replace("&amp;", "&")).text
    assert 'rel="next"' not in second
    assert [*addresses(first), *addresses(second)] == all_held


def test_everybody_is_in_the_file_and_no_cell_is_a_formula(as_ada: FlaskClient, burst: Crowd) -> None:
    held = burst.held()
    statements = {
        "UPDATE held_suppressions SET evidence = '=HYPERLINK(\"https://example.test\")' WHERE id = :id": held[0].id,
        "UPDATE messages SET address = '+1@example.net' WHERE id = :id": held[1].message_id,
    }
    for statement, number in statements.items():
        db.session.execute(text(statement), {"id": number})
    db.session.commit()
    answer = as_ada.get(f"{page_of(burst)}/people.csv")
    assert answer.mimetype == "text/csv"
    heading, *rows = csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig")))
    assert heading == ["address", "their_words", "since", "suppressed"]
    assert len(rows) == 65
    assert rows[0][1] == '\'=HYPERLINK("https://example.test")'
    assert rows[1][0] == "'+1@example.net"
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@")]


def test_strangers_and_viewers_see_nobody(app: Flask, as_vic: FlaskClient, burst: Crowd) -> None:
    elsewhere = create_workspace("Elsewhere")
    mallory = create_user("mallory@example.test", name="Mallory")
    add_member(elsewhere, mallory, Role.OWNER)
    db.session.commit()
    stranger, own = sign_in(app, mallory), f"/w/{elsewhere.slug}/incidents/{burst.incidents()[0].id}"
    for end in ("people", "people.csv"):
        assert as_vic.get(f"{page_of(burst)}/{end}").status_code == 403
        assert stranger.get(f"{own}/{end}").status_code == 404
        assert stranger.get(f"{page_of(burst)}/{end}").status_code == 404


def test_what_fails_after_the_undoing_was_not_tried_again(as_ada: FlaskClient, burst: Crowd) -> None:
    for verb in ("believe", "undo"):
        as_ada.post(f"{page_of(burst)}/{verb}")
    burst.tell(slice(65, 68), lambda: bounce("userunknown", "permanent", words=GONE))
    said = plain(as_ada.get(page_of(burst)).text)
    assert "tried again:" not in said
    assert "failed again" not in said
    assert "These people got nothing yet" in said


@pytest.mark.parametrize(
    ("verbs", "words"),
    [
        ((), "kept until somebody decides"),
        (("discard",), "many failed alike, an owner discarded it, and the address is kept"),
        (("believe",), "many failed alike, an owner believed it, and the address is suppressed"),
        (("believe", "undo"), "an owner has undone what was believed, and the address is kept"),
    ],
)
def test_incoming_mail_says_what_was_decided(
    as_ada: FlaskClient, workspace: Workspace, burst: Crowd, verbs: tuple[str, ...], words: str
) -> None:
    mail = IncomingMail(
        workspace_id=workspace.id, message_id=burst.messages[0].id, raw=b"Subject: Back\r\n\r\n", source="smtp",
        kind="bounce", note=NOTE, handled_at=clock.now(), envelope_from="", envelope_to="b@example.net", facts={},
        digest=secrets.token_bytes(32),
    )  # fmt: skip
    db.session.add(mail)
    db.session.commit()
    number = mail.id
    for verb in verbs:
        as_ada.post(f"{page_of(burst)}/{verb}")
    for path in ("incoming", f"incoming/{number}"):
        said = plain(as_ada.get(f"/w/{workspace.slug}/{path}").text)
        assert words in said
        assert verbs == () or "until somebody decides" not in said


def test_two_campaigns_half_an_hour_apart_are_not_minutes(as_ada: FlaskClient, workspace: Workspace) -> None:
    bursts._rest.clear()
    made = crowd(workspace, 40)
    made.tell(slice(35), lambda: bounce("userunknown", "permanent", words=GONE))
    made.watch()
    assert "35 of 40 messages failed for the same reason within minutes." in plain(as_ada.get(page_of(made)).text)
    with clock.moved(timedelta(minutes=29)):
        crowd(workspace, 40, prefix="q").tell(slice(30), lambda: bounce("userunknown", "permanent", words=GONE))
        made.watch()
        said = plain(as_ada.get(page_of(made)).text)
    assert "within minutes" not in said
    assert "failed for the same reason between" in said
    happened = said.partition("What happened")[2].partition("What was done")[0]
    assert "Dovecote weekly 35 messages" in happened
    assert "Dovecote weekly 30 messages" in happened


def test_mail_that_does_not_rest_is_not_said_to(as_ada: FlaskClient, workspace: Workspace) -> None:
    made = crowd(workspace, 30)
    made.tell(slice(25), lambda: bounce("blocked", words="550 5.7.1 blocked using lists.example.net"))
    [incident] = made.incidents("blocked")
    for decided in ("nothing", "held"):
        binds = {"action": decided, "id": incident.id}
        db.session.execute(text("UPDATE incidents SET action = :action WHERE id = :id"), binds)
        db.session.commit()
        said = plain(as_ada.get(f"/w/{workspace.slug}/incidents/{incident.id}").text)
        assert "not rest now" in said
        assert "it rests, is tried" not in said


def open_matters(workspace: Workspace) -> int:
    with in_workspace(workspace.id):
        return count_open()


def named(browser: FlaskClient, workspace: Workspace) -> int:
    """How many incidents the top of the watch and the home page lead to."""
    pages = [browser.get(f"/w/{workspace.slug}{path}", follow_redirects=True).text for path in ("", "/deliverability")]
    watched = pages[1].partition('id="open-now"')[2].partition("</section>")[0]
    waits = pages[0].partition('id="waits"')[2].partition("</section>")[0]
    found = [set(re.findall(r"/incidents/(\d+)", part)) for part in (waits, watched)]
    assert found[0] == found[1]
    return len(found[0])


def page_of(made: Crowd) -> str:
    return f"/w/{made.workspace.slug}/incidents/{made.incidents()[0].id}"


def address_of(made: Crowd, message_id: int) -> str:
    return next(message.address for message in made.messages if message.id == message_id)


def addresses(page: str) -> list[str]:
    cells = re.findall(r'<th scope="row"[^>]*>(.*?)</th>', page, re.DOTALL)
    return [re.sub(r"<[^>]+>|\s", "", cell) for cell in cells]


def plain(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())
