"""Files of people, through the importer, into the database."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.audience.addresses import normalise
from app.audience.erasure import erase
from app.audience.imports import plan as plans
from app.audience.imports.merge import Counts
from app.audience.imports.run import Progress, run_import
from app.audience.imports.start import FileOptions, import_file, try_file, unfinished_imports
from app.audience.imports.uploads import cancel, find_import, preview_import, queue_import, store_upload
from app.audience.models import Attribute, ConsentEvent, Import, ImportChunk, ImportFault, Subscriber, Subscription
from app.audience.subscribers import find_subscriber
from app.audience.subscriptions import subscribe, unsubscribe
from app.audience.suppressions import suppress
from app.core.database import db, every_workspace, in_workspace
from app.core.errors import Conflict, Invalid, NotFound
from app.core.settings import Settings
from tests.factories.audience import a_list, a_person, a_reader, csv_bytes


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of three rows, so that a few rows are many batches."""
    monkeypatch.setattr(plans, "BATCH", 3)


def take(tmp_path: Path, data: bytes, name: str = "Weekly", **options: object) -> Import:
    path = tmp_path / "people.csv"
    path.write_bytes(data)
    return import_file(path, name, FileOptions(**options))  # type: ignore[arg-type]


def counts(row: Import) -> Counts:
    return Counts(row.added, row.updated, row.invalid, row.duplicates, row.suppressed)


def faults(row: Import) -> list[tuple[int, str, str]]:
    query = select(ImportFault.row_number, ImportFault.reason, ImportFault.row)
    rows = db.session.execute(query.where(ImportFault.import_id == row.id).order_by(ImportFault.row_number))
    return [(number, reason, raw) for number, reason, raw in rows]


def person(email: str) -> Subscriber:
    found = find_subscriber(email)
    assert found is not None
    return found


def test_people_come_in_with_names_attributes_and_consent(scope: Workspace, tmp_path: Path) -> None:
    data = csv_bytes(
        [
            ["E-Mail", "Vorname", "Nachname", "Ort", "Alter", "Mitglied", "Seit"],
            ["Ann@Example.com", "Änne", "Lee", 'Köln "am" \\Rhein\\', "34", "ja", "2020-01-31"],
            ["bob@bücher.example", "", "", "one\ntwo\tthree", "", "nein", ""],
        ],
        separator=";",
    )
    row = take(tmp_path, data, statement="Signed up at the fair.")
    assert (row.state, row.rows_done, row.rows_total, row.bytes_done) == ("finished", 2, 2, len(data))
    assert counts(row) == Counts(added=2)
    ann, bob = person("ann@example.com"), person("bob@xn--bcher-kva.example")
    assert (ann.email, ann.name, ann.source) == ("Ann@Example.com", "Änne Lee", "import")
    assert ann.attributes == {"ort": 'Köln "am" \\Rhein\\', "alter": 34, "mitglied": True, "seit": "2020-01-31"}
    assert bob.attributes == {"ort": "one\ntwo\tthree", "mitglied": False}
    types = {
        key: (label, kind)
        for key, label, kind in db.session.execute(select(Attribute.key, Attribute.label, Attribute.type))
    }
    assert types == {
        "ort": ("Ort", "text"),
        "alter": ("Alter", "number"),
        "mitglied": ("Mitglied", "boolean"),
        "seit": ("Seit", "date"),
    }
    held = db.session.execute(select(Subscription.state, Subscription.list_id)).all()
    assert [tuple(one) for one in held] == [("confirmed", row.list_id)] * 2
    proof = db.session.scalars(select(ConsentEvent).where(ConsentEvent.address_hash == ann.address_hash)).one()
    assert (proof.action, proof.source, proof.wording) == ("imported", "import", "Signed up at the fair.")
    assert proof.evidence == {"import": row.id}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
def test_awkward_encodings(scope: Workspace, tmp_path: Path, encoding: str) -> None:
    take(tmp_path, csv_bytes([["email", "vorname"], ["ann@example.com", "Änne"]], encoding=encoding))
    assert person("ann@example.com").first_name == "Änne"


def test_bad_rows_are_kept_with_their_reason(scope: Workspace, tmp_path: Path) -> None:
    data = (
        b"email,name,age\nann@example.com,Ann,30\nnobody,Bob,31\ncy@example.com,Cy\ndee@example.com,Dee,old\n"
        b'eve@example.com,"Eve,32\nfay@example.com,Fay,33\n' + b"gus@example.com," + b"G" * 300 + b",34\n"
    )
    row = take(tmp_path, data, mapping={"age": "age:number"})
    assert counts(row) == Counts(added=2, invalid=5)
    assert faults(row) == [
        (2, "The address has no @.", "nobody,Bob,31"),
        (3, "The row has 2 columns where 3 are expected.", "cy@example.com,Cy"),
        (4, "age: 'old' is not a number like 12 or 4.50.", "dee@example.com,Dee,old"),
        (5, "A quotation mark is opened and never closed.", 'eve@example.com,"Eve,32'),
        (7, "A name has 300 characters; 200 is the most.", "gus@example.com," + "G" * 300 + ",34"),
    ]


def test_twice_in_the_file_is_one_person_and_the_last_filled_value_wins(
    scope: Workspace, tmp_path: Path, small_batches: None
) -> None:
    rows = [["email", "first_name", "town"], ["ann@example.com", "Ann", "Köln"], ["ANN@example.com", "", "Bonn"]]
    rows += [["bob@example.com", "Bob", "Rome"], ["ann@example.com", "Anna", ""], ["cy@example.com", "", ""]]
    row = take(tmp_path, csv_bytes(rows))
    assert counts(row) == Counts(added=3, duplicates=2)
    assert (person("ann@example.com").first_name, person("ann@example.com").attributes) == ("Anna", {"town": "Bonn"})
    assert db.session.scalar(select(func.count()).select_from(ConsentEvent)) == 3


def test_people_who_are_here_change_only_where_the_file_says_something(scope: Workspace, tmp_path: Path) -> None:
    a_person(
        "ann@example.com",
        first_name="Ann",
        last_name="Lee",
        attributes={"town": "Köln", "age": 30},
        create_attributes=True,
    )
    db.session.commit()
    row = take(
        tmp_path,
        csv_bytes([["email", "first name", "last name", "town", "age"], ["ann@example.com", "Anna", "", "Bonn", ""]]),
    )
    assert counts(row) == Counts(updated=1)
    ann = person("ann@example.com")
    assert (ann.first_name, ann.last_name, ann.attributes) == ("Anna", "Lee", {"town": "Bonn", "age": 30})
    before = ann.updated_at
    again = take(tmp_path, csv_bytes([["email", "first name"], ["ann@example.com", "Anna"]]))
    db.session.refresh(ann)
    assert counts(again) == Counts(updated=1)
    assert ann.updated_at == before


def test_who_left_stays_away(scope: Workspace, tmp_path: Path) -> None:
    weekly, monthly = a_list("Weekly"), a_list("Monthly")
    left, left_all, bounced, erased, waiting = (
        a_reader(weekly, f"{name}@example.com") for name in ("a", "b", "c", "d", "e")
    )
    fine = a_reader(monthly, "f@example.com")
    unsubscribe(left, weekly.id, source="page")
    unsubscribe(left_all, None, source="page")
    suppress(bounced, "bounced")
    erase(erased)
    unsubscribe(fine, monthly.id, source="page")
    other = a_list("Third")
    subscribe(waiting, other, "pending", source="form")
    db.session.commit()
    data = csv_bytes([["email", "town"], *([f"{name}@example.com", "Rome"] for name in "abcdefg")])
    row = take(tmp_path, data, "Weekly")
    assert counts(row) == Counts(added=1, updated=2, suppressed=4)
    assert find_subscriber("d@example.com") is None
    states = dict(
        list(
            db.session.execute(
                select(Subscriber.address, Subscription.state)
                .join(Subscription, Subscription.subscriber_id == Subscriber.id)
                .where(Subscription.list_id == weekly.id)
            )
        )
    )
    assert states == {
        "a@example.com": "unsubscribed",
        "b@example.com": "unsubscribed",
        "c@example.com": "confirmed",
        "e@example.com": "confirmed",
        "f@example.com": "confirmed",
        "g@example.com": "confirmed",
    }
    assert person("a@example.com").attributes == {"town": "Rome"}
    third = take(tmp_path, data, "Third", state="pending")
    assert counts(third) == Counts(updated=4, suppressed=3)


def test_pending_people_are_confirmed_but_never_the_other_way(scope: Workspace, tmp_path: Path) -> None:
    weekly = a_list("Weekly")
    a_reader(weekly, "ann@example.com", "pending")
    a_reader(weekly, "bob@example.com", "confirmed")
    db.session.commit()
    data = csv_bytes([["email"], ["ann@example.com"], ["bob@example.com"], ["cy@example.com"]])
    take(tmp_path, data, state="pending")
    query = (
        select(Subscription.state)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .order_by(Subscriber.address)
    )
    assert list(db.session.scalars(query)) == ["pending", "confirmed", "pending"]
    take(tmp_path, data, state="confirmed")
    assert list(db.session.scalars(query)) == ["confirmed"] * 3


def test_addresses_can_be_made_up_only_where_nobody_lives(scope: Workspace, tmp_path: Path) -> None:
    data = csv_bytes(
        [["InvoiceNo", "Country", "Email"], ["536365", "France", "real@somewhere.com"], ["536366", "", ""]]
    )
    row = take(tmp_path, data, make_addresses="customer-{row}@shop.example.com")
    assert counts(row) == Counts(added=2)
    first = person("customer-1@shop.example.com")
    assert first.attributes == {"invoiceno": 536365, "country": "France", "email_2": "real@somewhere.com"}
    for pattern in ("c-{row}@gmail.com", "c@example.com", "{row}@notexample.com", "c-{row}{x}@example.com"):
        with pytest.raises(Invalid):
            take(tmp_path, data, make_addresses=pattern)


def test_a_dry_run_counts_and_writes_nothing(scope: Workspace, tmp_path: Path, small_batches: None) -> None:
    weekly = a_list("Weekly")
    a_reader(weekly, "ann@example.com")
    unsubscribe(a_reader(weekly, "bob@example.com"), weekly.id, source="page")
    suppress("cy@example.com", "manual")
    db.session.commit()
    rows = [["email", "town"], *([f"{name}@example.com", "x"] for name in ("ann", "bob", "cy", "dee", "dee", "ann"))]
    path = tmp_path / "people.csv"
    path.write_bytes(csv_bytes([*rows, ["bad", ""]]))
    before = _everything()
    foreseen = try_file(path, "Weekly")
    assert foreseen == Counts(added=1, updated=1, invalid=1, duplicates=2, suppressed=2)
    assert _everything() == before
    assert counts(import_file(path, "Weekly")) == foreseen


def _everything() -> dict[str, int]:
    tables = ("subscribers", "subscriptions", "consent_events", "imports", "import_faults", "attributes", "lists")
    return {name: db.session.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in tables}  # noqa: S608


def test_a_file_that_stops_being_a_table_keeps_what_came_before(
    scope: Workspace, tmp_path: Path, small_batches: None
) -> None:
    head = csv_bytes([["email"], *([f"p{number}@example.com"] for number in range(4))])
    row = take(tmp_path, head + b"x" * 5_000_000)
    assert (row.state, row.added, row.rows_done) == ("failed", 4, 4)
    assert "not a table of people from there on" in row.error


class Killed(Exception):
    """Stands for a worker that dies."""


def test_a_killed_import_goes_on_with_the_very_next_row(scope: Workspace, app: Flask, small_batches: None) -> None:
    rows = [["email", "town"], *([f"p{number % 9}@example.com", f"t{number}"] for number in range(20)), ["bad", "x"]]
    row = _queued(csv_bytes(rows))

    def die_at(number: int) -> None:
        def report(progress: Progress) -> None:
            if progress.rows_done >= number:
                raise Killed

        with pytest.raises(Killed):
            run_import(row.id, report=report)

    die_at(6)
    db.session.expire_all()
    assert (row.state, row.rows_done) == ("running", 6)
    with every_workspace():
        assert row.id in unfinished_imports()
    die_at(15)
    assert run_import(row.id)
    db.session.expire_all()
    assert (row.state, row.rows_done) == ("finished", 21)
    assert counts(row) == Counts(added=9, duplicates=11, invalid=1)
    assert person("p1@example.com").attributes == {"town": "t19"}
    assert [number for number, *_ in faults(row)] == [21]
    assert db.session.scalar(select(func.count()).select_from(ConsentEvent)) == 9
    assert db.session.scalar(select(func.count()).select_from(ImportChunk).where(ImportChunk.import_id == row.id)) == 0
    assert not run_import(row.id)


RUNNER = """
import sys
from app.audience.imports import run
from app.core.settings import Settings
from app.factory import create_app
app = create_app(Settings(database_url=sys.argv[1], redis_url="redis://127.0.0.1", secret_key="s" * 40), web=False)
with app.app_context():
    run.run_import(int(sys.argv[2]), report=lambda progress: print(progress.rows_done, flush=True))
"""


@pytest.mark.slow
def test_a_worker_killed_for_good_loses_and_doubles_nothing(
    scope: Workspace, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "BATCH", 500)
    number = 20_000
    row = _queued(csv_bytes([["email", "n"], *([f"p{at}@example.com", str(at)] for at in range(number))]))
    command = [sys.executable, "-c", RUNNER, settings.database_url, str(row.id)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as worker:
        assert worker.stdout is not None
        for _ in range(5):
            worker.stdout.readline()
        assert not run_import(row.id), "another worker is at it"
        os.kill(worker.pid, signal.SIGKILL)
    db.session.expire_all()
    assert 0 < row.rows_done < number
    _wait_for_the_end_of_its_connection(row.id)
    assert run_import(row.id)
    db.session.expire_all()
    assert counts(row) == Counts(added=number)
    assert db.session.scalar(select(func.count()).select_from(Subscriber)) == number
    assert db.session.scalar(select(func.count()).select_from(Subscription)) == number
    assert db.session.scalar(select(func.count()).select_from(ConsentEvent)) == number


def _wait_for_the_end_of_its_connection(import_id: int) -> None:
    """The server takes a moment to notice that its client is gone; its lock tells when."""
    lock = text("SELECT pg_advisory_lock(7382190, :id), pg_advisory_unlock(7382190, :id)")
    db.session.execute(lock, {"id": import_id})
    db.session.commit()


def test_a_cancelled_import_stops_and_keeps_who_came_in(scope: Workspace, app: Flask, small_batches: None) -> None:
    row = _queued(csv_bytes([["email"], *([f"p{number}@example.com"] for number in range(10))]))

    def report(progress: Progress) -> None:
        if progress.rows_done == 6:
            cancel(row.id)
            db.session.commit()

    run_import(row.id, report=report)
    db.session.expire_all()
    assert (row.state, row.rows_done, row.added) == ("cancelled", 6, 6)
    assert db.session.scalar(select(func.count()).select_from(ImportChunk).where(ImportChunk.import_id == row.id)) == 0
    with pytest.raises(Conflict):
        cancel(row.id)


def test_an_upload_is_previewed_before_anything_is_stored(scope: Workspace) -> None:
    a_person("ann@example.com")
    db.session.commit()
    data = csv_bytes([["email", "name"], ["ann@example.com", "Ann"], ["bob@example.com", "Bob"], ["x", ""]])
    row = store_upload(io.BytesIO(data), "people.csv")
    columns = _columns(row)
    assert preview_import(row, columns, list_id=None) == Counts(added=1, updated=1, invalid=1)
    assert find_subscriber("bob@example.com") is None


def _columns(row: Import) -> list[plans.Column]:
    from app.audience.imports.uploads import look_at

    return list(look_at(row).columns)


def test_an_import_needs_consent_and_a_column_of_addresses(scope: Workspace) -> None:
    weekly = a_list()
    row = store_upload(io.BytesIO(b"email,name\nann@example.com,Ann\n"), "people.csv", list_id=weekly.id)
    with pytest.raises(Invalid, match="how these people agreed"):
        queue_import(row, consent=" ")
    with pytest.raises(Invalid, match="column that holds the e-mail"):
        queue_import(row, consent="at the fair", mapping={"email": "-"})
    with pytest.raises(Invalid, match="no column 'mail'"):
        queue_import(row, consent="at the fair", mapping={"mail": "email"})
    with pytest.raises(Invalid, match="Two columns"):
        queue_import(row, consent="at the fair", mapping={"name": "email"})
    queue_import(row, consent="at the fair", mapping={"name": "attribute:nickname"})
    with pytest.raises(Conflict):
        queue_import(row, consent="at the fair")


def test_another_workspaces_import_does_not_exist(scope: Workspace, tmp_path: Path) -> None:
    row = take(tmp_path, b"email\nann@example.com\n")
    other = create_workspace("Elsewhere")
    db.session.commit()
    with in_workspace(other.id):
        with pytest.raises(NotFound):
            find_import(row.id)
        twin = take(tmp_path, b"email\nann@example.com\n")
        assert counts(twin) == Counts(added=1)
        assert db.session.scalar(select(func.count()).select_from(Subscriber)) == 1


EMAILS = st.sampled_from(["ann@example.com", "BOB@example.com", "bob@example.com", "cy@test.example", "no address", ""])
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=10) | st.sampled_from(
    ["a,b", 'a"b', "a\nb", "\\N"]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(EMAILS, TEXTS, TEXTS), min_size=1, max_size=12).filter(
        lambda rows: "@" in "".join(map(str, rows))
    ),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_every_row_is_counted_once_and_the_last_filled_value_stays(
    scope: Workspace,
    tmp_path: Path,
    small_batches: None,
    rows: list[tuple[str, str, str]],
    separator: str,
    encoding: str,
) -> None:
    home = create_workspace("Property")
    db.session.commit()
    with in_workspace(home.id):
        data = csv_bytes([("email", "first name", "note"), *rows], separator=separator, encoding=encoding)
        row = take(tmp_path, data, mapping={"note": "note:text"})
        filled = [one for one in rows if any(one)]
        assert row.state == "finished"
        assert counts(row).rows == row.rows_done == len(filled)
        for address, wanted in _expected(filled).items():
            found = person(address)
            assert (found.first_name, found.attributes.get("note", "")) == wanted


def _expected(rows: list[tuple[str, str, str]]) -> dict[str, tuple[str, str]]:
    people: dict[str, tuple[str, str]] = {}
    for email, name, note in rows:
        if "@" in email:
            key = normalise(email).address
            old = people.get(key, ("", ""))
            people[key] = (name.strip() or old[0], note.strip() or old[1])
    return people


def _queued(data: bytes) -> Import:
    row = store_upload(io.BytesIO(data), "people.csv", list_id=a_list().id)
    queue_import(row, consent="They asked for it.")
    return row


@pytest.fixture(autouse=True)
def _leave_no_import_waiting(context: None) -> Iterator[None]:
    """Later tests ask for unfinished imports of all workspaces."""
    yield
    db.session.rollback()
    with every_workspace():
        for row in db.session.scalars(select(Import).where(Import.state.in_(("queued", "running")))):
            row.state = "cancelled"
        db.session.commit()


def test_a_strangers_sign_up_is_not_confirmed_by_an_import(scope: Workspace, tmp_path: Path) -> None:
    weekly = a_list("Weekly")
    ada = a_reader(weekly, "ada@example.com")
    unsubscribe(ada, weekly.id, source="one-click")
    subscribe(ada, weekly, "pending", source="form")
    db.session.commit()
    row = take(tmp_path, b"email\nada@example.com\n")
    assert counts(row) == Counts(suppressed=1)
    assert db.session.scalar(select(Subscription.state).where(Subscription.subscriber_id == ada.id)) == "pending"
