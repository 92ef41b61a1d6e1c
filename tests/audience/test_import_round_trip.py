"""What an import did not take comes back as a file like the one that was imported; zones that do not exist are said."""

import csv
import io
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.audience.imports.not_taken import not_taken_csv
from app.audience.imports.start import FileOptions, import_file, try_file
from app.audience.models import Import
from app.audience.subscribers import find_subscriber
from app.core.database import db
from tests.factories.audience import a_person

NOT_TAKEN = (
    b"E-Mail;Vorname;Telefon\r\nann@example.com;Ann;+49 30 1\r\nnobody;Bob;+49 30 2\r\ncy@example.com;Cy\r\n"
    b'eve@example.com;"Eve;5\r\n"dee.example.com";"Dee; the ""one""";=1+1\r\n'
)


def take(tmp_path: Path, data: bytes, name: str = "Weekly", **options: object) -> Import:
    path = tmp_path / "people.csv"
    path.write_bytes(data)
    return import_file(path, name, FileOptions(**options))  # type: ignore[arg-type]


def faults_of(row: Import) -> str:
    return b"".join(not_taken_csv(row)).decode("utf-8-sig")


def test_the_rows_not_taken_look_like_the_file(scope: Workspace, tmp_path: Path) -> None:
    text = faults_of(take(tmp_path, NOT_TAKEN))
    rows = list(csv.reader(io.StringIO(text), delimiter=";"))
    assert rows[0] == ["E-Mail", "Vorname", "Telefon", "Merpati says"]
    assert rows[1] == ["nobody", "Bob", "'+49 30 2", "Row 2: The address has no @."]
    assert rows[2] == ["cy@example.com", "Cy", "Row 3: The row has 2 columns where 3 are expected."]
    assert rows[3] == ['eve@example.com;"Eve;5', "Row 4: A quotation mark stands where none belongs."]
    assert rows[4][:3] == ["dee.example.com", 'Dee; the "one"', "'=1+1"]


def test_mended_they_come_in_without_the_reason(scope: Workspace, tmp_path: Path) -> None:
    text = faults_of(take(tmp_path, NOT_TAKEN))
    mended = text.replace("nobody", "bob@example.com").replace("dee.example.com", "dee@example.com")
    again = take(tmp_path, mended.encode("utf-8-sig"))
    assert (again.added, again.invalid) == (2, 2)
    bob, dee = find_subscriber("bob@example.com"), find_subscriber("dee@example.com")
    assert bob is not None
    assert dee is not None
    assert bob.attributes == {"telefon": "+49 30 2"}
    assert dee.attributes == {"telefon": "=1+1"}
    assert dee.first_name == 'Dee; the "one"'
    third = list(csv.reader(io.StringIO(faults_of(again)), delimiter=";"))
    assert third[0] == ["E-Mail", "Vorname", "Telefon", "Merpati says"]
    assert third[1][:2] == ["cy@example.com", "Cy"]
    assert len(third[1]) == 3
    assert third[2][0] == 'eve@example.com;"Eve;5'


def test_a_file_without_heading_gets_one(scope: Workspace, tmp_path: Path) -> None:
    row = take(tmp_path, b"ann@example.com\tAnn\nbob@example.com\tBob\ncy@example.com\n")
    assert faults_of(row).splitlines()[0] == '"Column 1"\t"Column 2"\t"Merpati says"'


def test_an_unknown_zone_is_a_warning_and_the_person_comes_in(
    as_ada: FlaskClient, scope: Workspace, tmp_path: Path
) -> None:
    data = b"email,timezone\nann@example.com,Mars/Olympus\nbob@example.com,asia/jakarta\ncy@example.com,\n"
    row = take(tmp_path, data)
    assert (row.added, row.invalid, row.options["warned"]) == (3, 0, 1)
    zones = [getattr(find_subscriber(f"{name}@example.com"), "timezone", None) for name in ("ann", "bob", "cy")]
    assert zones == ["", "Asia/Jakarta", ""]
    page = as_ada.get(f"/w/{scope.slug}/imports/{row.id}").text
    assert "Taken with a warning" in page
    answer = as_ada.get(f"/w/{scope.slug}/imports/{row.id}/faults")
    assert answer.status_code == 200
    assert '"ann@example.com","Mars/Olympus"' in answer.text
    assert "Row 1: Taken, but without its time zone: “Mars/Olympus” is no zone" in answer.text


def test_a_try_counts_warnings(scope: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(b"email,timezone\nann@example.com,Mars/Olympus\n")
    assert try_file(path, "Weekly").warned == 1


@pytest.mark.parametrize("known", ["Europe/Berlin", ""])
def test_an_unknown_zone_leaves_the_known_one(scope: Workspace, tmp_path: Path, known: str) -> None:
    ann = a_person("ann@example.com")
    ann.timezone = known
    db.session.commit()
    take(tmp_path, b"email,tz\nann@example.com,Moon/Base\n")
    db.session.refresh(ann)
    assert ann.timezone == known


def test_an_export_has_zone_and_language(as_ada: FlaskClient, scope: Workspace) -> None:
    ann = a_person("ann@example.com")
    ann.timezone, ann.locale = "Asia/Jakarta", "id"
    db.session.commit()
    text = as_ada.get(f"/w/{scope.slug}/people/export").data.decode("utf-8-sig")
    [row] = csv.DictReader(io.StringIO(text))
    assert (row["timezone"], row["locale"]) == ("Asia/Jakarta", "id")
