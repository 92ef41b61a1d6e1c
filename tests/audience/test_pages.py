"""The pages of the audience, as a browser sees them."""

import io
import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.audience.attributes import define_attribute
from app.audience.imports.run import run_import
from app.audience.models import ConsentEvent, Import, MailingList, Subscriber, Subscription, Suppression
from app.audience.subscribers import find_subscriber
from app.audience.suppressions import is_suppressed, suppress
from app.core.database import db, in_workspace
from tests.factories.audience import a_list, a_person, a_reader, csv_bytes


def at(workspace: Workspace, path: str) -> str:
    return f"/w/{workspace.slug}/{path}"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("lists", "There is no list yet"),
        ("lists?archived=1", "No list is archived"),
        ("people", "There is nobody here yet"),
        ("people?q=nobody", "Nobody matches"),
        ("imports", "Nothing was imported yet"),
        ("suppressions", "No address is suppressed"),
        ("suppressions?q=ann@example.com", "No suppression matches"),
    ],
)
def test_empty_pages_say_what_to_do(as_ada: FlaskClient, scope: Workspace, path: str, words: str) -> None:
    answer = as_ada.get(at(scope, path))
    assert answer.status_code == 200
    assert words in answer.text


def test_a_list_is_made_changed_and_archived(as_ada: FlaskClient, scope: Workspace) -> None:
    answer = as_ada.post(at(scope, "lists"), data={"name": "Weekly", "description": "Each week", "is_public": "1"})
    made = db.session.scalars(select(MailingList)).one()
    assert answer.headers["Location"].endswith(f"/lists/{made.id}")
    page = as_ada.get(at(scope, f"lists/{made.id}")).text
    assert f"/f/{made.public_id}" in page
    assert "Nobody is on this list yet" in page
    taken = as_ada.post(at(scope, "lists"), data={"name": " Weekly ", "description": "Kept text"})
    assert taken.status_code == 422
    assert "There is a list Weekly already" in taken.text
    assert "Kept text" in taken.text
    as_ada.post(at(scope, f"lists/{made.id}"), data={"name": "Fortnightly", "consent_text": "Yes please."})
    db.session.refresh(made)
    assert (made.name, made.is_public, made.consent_text, made.slug) == ("Fortnightly", False, "Yes please.", "weekly")
    as_ada.post(at(scope, f"lists/{made.id}/archive"))
    assert "Fortnightly" not in as_ada.get(at(scope, "lists")).text.partition("<tbody>")[2]
    assert "Fortnightly" in as_ada.get(at(scope, "lists?archived=1")).text
    as_ada.post(at(scope, f"lists/{made.id}/unarchive"))
    assert "Fortnightly" in as_ada.get(at(scope, "lists")).text


def test_people_are_searched_while_typing_and_turned_by_pages(as_ada: FlaskClient, scope: Workspace) -> None:
    weekly = a_list("Weekly")
    for number in range(60):
        a_reader(weekly, f"bulk{number}@example.com", first_name="Ann" if number == 7 else "")
    a_person("quiet@example.com", last_name="Zimmer")
    suppress("bulk9@example.com", "manual")
    db.session.commit()
    whole = as_ada.get(at(scope, "people")).text
    assert "61 people" in whole
    assert whole.count('data-label="Name"') == 50
    older = re.search(r'rel="next" href="([^"]+)"', whole)
    assert older
    rest = as_ada.get(older[1].replace("&amp;", "&")).text
    assert rest.count('data-label="Name"') == 11
    part = as_ada.get(at(scope, "people?q=zimm"), headers={"HX-Request": "true"}).text
    assert "quiet@example.com" in part
    assert "<html" not in part
    assert "1 person" in part
    assert "bulk7@" in as_ada.get(at(scope, "people?q=ann+bulk")).text
    assert "1 person" in as_ada.get(at(scope, "people?state=suppressed")).text
    assert "60 people" in as_ada.get(at(scope, f"people?list={weekly.id}&state=confirmed")).text
    assert "Nobody matches" in as_ada.get(at(scope, f"people?list={weekly.id}&q=100%25_")).text


def test_a_person_is_added_with_attributes_list_and_consent(as_ada: FlaskClient, scope: Workspace) -> None:
    weekly = a_list("Weekly")
    define_attribute("Born", "date")
    db.session.commit()
    data = {"email": "Bob@example.com", "first_name": "Bob", "attributes.born": "soon", "list_id": weekly.id}
    wrong = as_ada.post(at(scope, "people"), data=data)
    assert wrong.status_code == 422
    assert "born" in wrong.text
    assert 'value="soon"' in wrong.text
    assert find_subscriber("bob@example.com") is None
    data["attributes.born"] = "1990-05-01"
    unproved = as_ada.post(at(scope, "people"), data=data)
    assert unproved.status_code == 422
    assert "Say how this person agreed" in unproved.text
    assert find_subscriber("bob@example.com") is None
    as_ada.post(at(scope, "people"), data={**data, "consent": "On the phone"})
    bob = find_subscriber("bob@example.com")
    assert bob is not None
    assert bob.attributes == {"born": "1990-05-01"}
    page = as_ada.get(at(scope, f"people/{bob.id}")).text
    for words in ("Bob", "Weekly", "On the phone", "1990-05-01", "Nothing was sent"):
        assert words in page
    changed = {"email": "robert@example.com", "first_name": "Robert", "last_name": "", "attributes.born": ""}
    as_ada.post(at(scope, f"people/{bob.id}"), data=changed)
    db.session.expire_all()
    assert (bob.email, bob.first_name, bob.attributes) == ("robert@example.com", "Robert", {})


def test_an_operator_takes_people_off_lists_but_cannot_bring_them_back(as_ada: FlaskClient, scope: Workspace) -> None:
    weekly = a_list("Weekly")
    bob = a_reader(weekly, "bob@example.com")
    db.session.commit()
    as_ada.post(at(scope, f"people/{bob.id}/subscriptions/end"), data={"list_id": weekly.id})
    assert db.session.scalar(select(Subscription.state)) == "unsubscribed"
    back = as_ada.post(
        at(scope, f"people/{bob.id}/subscriptions"), data={"list_id": weekly.id, "consent": "He said so"}
    )
    assert back.status_code == 422
    assert "Only they themselves" in back.text
    assert "He said so" in back.text
    as_ada.post(at(scope, f"people/{bob.id}/subscriptions/end"))
    assert is_suppressed("bob@example.com")
    assert "This address gets no mail" in as_ada.get(at(scope, f"people/{bob.id}")).text


def test_erasing_asks_first(as_ada: FlaskClient, scope: Workspace) -> None:
    bob = a_person("bob@example.com")
    db.session.commit()
    assert "cannot be undone" in as_ada.get(at(scope, f"people/{bob.id}/erase")).text
    assert find_subscriber("bob@example.com") is not None
    as_ada.post(at(scope, f"people/{bob.id}/erase"))
    assert find_subscriber("bob@example.com") is None
    assert is_suppressed("bob@example.com")


def test_an_export_is_no_way_to_run_formulas(as_ada: FlaskClient, scope: Workspace) -> None:
    weekly = a_list("Weekly")
    attributes = {"note": "=HYPERLINK(1)", "balance": -5}
    a_reader(weekly, "bob@example.com", first_name="@SUM(A1)", attributes=attributes, create_attributes=True)
    a_person("cy@example.com")
    db.session.commit()
    answer = as_ada.get(at(scope, f"people/export?list={weekly.id}"))
    assert answer.headers["Content-Disposition"] == "attachment; filename=people.csv"
    lines = answer.data.decode("utf-8-sig").splitlines()
    assert lines[0] == "email,first_name,last_name,locale,timezone,note,balance,added,state"
    assert lines[1].startswith("bob@example.com,'@SUM(A1),,,,'=HYPERLINK(1),-5,")
    assert lines[1].endswith(",confirmed")
    assert len(lines) == 2
    assert len(as_ada.get(at(scope, "people/export")).data.splitlines()) == 3


def upload(browser: FlaskClient, workspace: Workspace, data: bytes, name: str = "people.csv") -> object:
    return browser.post(at(workspace, "imports"), data={"file": (io.BytesIO(data), name)})


def test_an_import_from_file_to_result(as_ada: FlaskClient, scope: Workspace) -> None:
    weekly = a_list("Weekly")
    db.session.commit()
    data = csv_bytes([["mail", "other mail", "Ort"], ["ann@example.com", "x@example.com", "Köln"], ["bad", "", "Rom"]])
    answer = upload(as_ada, scope, data)
    row = db.session.scalars(select(Import)).one()
    assert answer.headers["Location"].endswith(f"/imports/{row.id}/columns")  # type: ignore[attr-defined]
    page = as_ada.get(at(scope, f"imports/{row.id}/columns")).text
    assert "2 columns hold e-mail addresses" in page
    assert "ann@example.com" in page
    form = {
        "field-0": "email",
        "type-0": "text",
        "field-1": "-",
        "type-1": "text",
        "field-2": "new",
        "name-2": "Town",
        "type-2": "text",
        "list_id": weekly.id,
        "state": "confirmed",
        "consent": "At the fair",
    }
    tried = as_ada.post(at(scope, f"imports/{row.id}/columns"), data={**form, "try": "1"})
    assert tried.status_code == 200
    assert "nothing is stored yet" in tried.text
    assert db.session.scalar(select(func.count()).select_from(Subscriber)) == 0
    unproved = as_ada.post(at(scope, f"imports/{row.id}/columns"), data=form)
    assert unproved.status_code == 422
    assert "Nothing is imported without this" in unproved.text
    assert 'value="Town"' in unproved.text or 'value="town"' in unproved.text
    assert "At the fair" in unproved.text
    started = as_ada.post(at(scope, f"imports/{row.id}/columns"), data={**form, "agreed": "1"})
    assert started.status_code == 302
    waiting = as_ada.get(at(scope, f"imports/{row.id}"), headers={"HX-Request": "true"}).text
    assert "Waiting for a worker" in waiting
    assert 'hx-trigger="every 1s"' in waiting
    run_import(row.id)
    done = as_ada.get(at(scope, f"imports/{row.id}")).text
    assert "All 2 rows of the file are done" in done
    assert "data-final" in done
    assert "Download rows not taken" in done
    errors = as_ada.get(at(scope, f"imports/{row.id}/faults")).data.decode("utf-8-sig")
    assert errors.splitlines() == [
        '"mail","other mail","Ort","Merpati says"',
        '"bad","","Rom","Row 2: The address has no @."',
    ]
    ann = find_subscriber("ann@example.com")
    assert ann is not None
    assert ann.attributes == {"town": "Köln"}
    consent = db.session.scalars(select(ConsentEvent)).one()
    assert consent.wording == "At the fair"
    assert "people.csv" in as_ada.get(at(scope, "imports")).text


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty"), (b"PK\x03\x04rest", "Excel workbook"), (b"email,name\n", "no rows below"), (b"x,y\n" * 3, "")],
)
def test_a_file_that_is_none_is_refused_with_its_reason(
    as_ada: FlaskClient, scope: Workspace, data: bytes, reason: str
) -> None:
    answer = upload(as_ada, scope, data)
    if reason:
        assert answer.status_code == 422  # type: ignore[attr-defined]
        assert reason in answer.text  # type: ignore[attr-defined]
        assert db.session.scalar(select(func.count()).select_from(Import)) == 0
    else:
        assert answer.status_code == 302  # type: ignore[attr-defined]


def test_columns_without_addresses_keep_the_form(as_ada: FlaskClient, scope: Workspace) -> None:
    weekly = a_list("Weekly")
    db.session.commit()
    upload(as_ada, scope, b"x,y\n1,2\n")
    row = db.session.scalars(select(Import)).one()
    form = {
        "field-0": "-",
        "field-1": "-",
        "list_id": weekly.id,
        "state": "confirmed",
        "consent": "At the fair",
        "agreed": "1",
    }
    answer = as_ada.post(at(scope, f"imports/{row.id}/columns"), data=form)
    assert answer.status_code == 422
    assert "Choose the column that holds the e-mail addresses" in answer.text
    as_ada.post(at(scope, f"imports/{row.id}/cancel"))
    db.session.expire_all()
    assert row.state == "cancelled"


def test_suppressions_are_added_found_imported_and_lifted(as_ada: FlaskClient, scope: Workspace) -> None:
    wrong = as_ada.post(at(scope, "suppressions"), data={"email": "nobody", "evidence": "asked"})
    assert wrong.status_code == 422
    assert "has no @" in wrong.text
    as_ada.post(at(scope, "suppressions"), data={"email": "Bob@example.com", "evidence": "asked by letter"})
    assert "b…@example.com" in as_ada.get(at(scope, "suppressions?q=bob@example.com")).text
    assert "bob@example.com" not in as_ada.get(at(scope, "suppressions")).text
    pasted = {"addresses": "email\nann@example.com\nbob@example.com\nnobody\n", "evidence": "old tool"}
    taken = as_ada.post(at(scope, "suppressions/import"), data=pasted).text
    assert "1 addresses are suppressed now, 1 were before" in taken
    assert "has no @" in taken
    file = {"file": (io.BytesIO(b"cy@example.com\r\ndee@example.com\r\n"), "list.txt"), "evidence": "old tool"}
    as_ada.post(at(scope, "suppressions/import"), data=file)
    assert is_suppressed("dee@example.com")
    row = db.session.scalars(select(Suppression).where(Suppression.reason == "manual")).one()
    assert as_ada.post(at(scope, f"suppressions/{row.id}/lift"), data={"note": ""}).status_code == 422
    as_ada.post(at(scope, f"suppressions/{row.id}/lift"), data={"note": "asked again"})
    assert not is_suppressed("bob@example.com")
    assert b"c\xe2\x80\xa6@example.com,imported" in as_ada.get(at(scope, "suppressions/export")).data


VIEWING = ["people", "lists", "imports", "suppressions"]
CHANGING = ["people/new", "people/export", "lists/new", "imports/new", "suppressions/import", "suppressions/export"]


def test_viewers_look_and_do_not_touch(as_vic: FlaskClient, scope: Workspace) -> None:
    for path in VIEWING:
        assert as_vic.get(at(scope, path)).status_code == 200
    for path in CHANGING:
        assert as_vic.get(at(scope, path)).status_code == 403
    assert as_vic.post(at(scope, "lists"), data={"name": "Mine"}).status_code == 403


def test_nobody_reaches_another_workspaces_rows(as_ada: FlaskClient, scope: Workspace) -> None:
    other = create_workspace("Elsewhere")
    with in_workspace(other.id):
        theirs = a_list("Secret")
        bob = a_reader(theirs, "bob@example.com")
        shut = suppress(a_person("cy@example.com"), "manual")
        row = Import(filename="x.csv", size_bytes=1, state="queued", list_id=theirs.id)
        db.session.add(row)
        db.session.commit()
    paths = [f"lists/{theirs.id}", f"lists/{theirs.id}/edit", f"people/{bob.id}", f"people/{bob.id}/edit"]
    paths += [f"people/{bob.id}/erase", f"imports/{row.id}", f"imports/{row.id}/columns", f"imports/{row.id}/faults"]
    paths += [f"suppressions/{shut.id}/lift"]
    for path in paths:
        assert as_ada.get(at(scope, path)).status_code == 404, path
    acts = [f"lists/{theirs.id}", f"lists/{theirs.id}/archive", f"people/{bob.id}", f"people/{bob.id}/erase"]
    acts += [f"people/{bob.id}/subscriptions/end", f"imports/{row.id}/cancel", f"suppressions/{shut.id}/lift"]
    for path in acts:
        assert as_ada.post(at(scope, path), data={"note": "x"}).status_code == 404, path
    with in_workspace(other.id):
        row.state = "cancelled"
        db.session.commit()
    assert "bob@" not in as_ada.get(at(scope, f"people?list={theirs.id}")).text
    assert b"bob@" not in as_ada.get(at(scope, f"people/export?list={theirs.id}")).data
