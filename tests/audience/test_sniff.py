"""What a file is, told from its beginning."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audience.imports.dialect import Dialect
from app.audience.imports.lines import Lines
from app.audience.imports.records import Fault, read_rows
from app.audience.imports.sniff import HEAD, MAX_COLUMNS, Sniffed, sniff
from app.core.errors import Invalid
from tests.factories.audience import csv_bytes

ROWS = [["E-Mail", "Vorname", "Ort"], ["ann@example.com", "Änne", "Köln"], ["bob@example.com", "Bob", "Zürich; Höhe"]]


def fields(found: Sniffed) -> list[str]:
    return [column.field for column in found.columns]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "utf-32"])
def test_encoding_and_separator_are_found(separator: str, encoding: str) -> None:
    found = sniff(csv_bytes(ROWS, separator=separator, encoding=encoding), whole=True)
    assert found.headers == ("E-Mail", "Vorname", "Ort")
    assert found.rows == tuple(map(tuple, ROWS[1:]))
    assert fields(found) == ["email", "first_name", "attributes.ort"]
    assert found.dialect.separator == separator


def test_a_file_without_heading_begins_with_a_person() -> None:
    found = sniff(b"ann@example.com,Ann\nbob@example.com,Bob\n", whole=True)
    assert not found.dialect.has_header
    assert found.rows[0] == ("ann@example.com", "Ann")
    assert "taken as a person" in found.notices[0]


def test_a_plain_list_of_addresses_is_enough() -> None:
    assert fields(sniff(b"ann@example.com\nbob@example.com\n", whole=True)) == ["email"]


def test_of_two_columns_of_addresses_one_is_chosen_and_it_is_said() -> None:
    found = sniff(b"work,mail,name\na@example.com,b@example.com,Ann\n", whole=True)
    assert fields(found) == ["attributes.work", "email", "first_name"]
    assert "2 columns hold e-mail addresses: work, mail" in found.notices[0]
    assert "mail is used" in found.notices[0]


def test_the_column_is_found_by_its_cells_when_its_name_says_nothing() -> None:
    assert fields(sniff(b"who,born\nann@example.com,2001-02-03\n", whole=True)) == ["email", "attributes.born"]


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("Nama Depan,Nama Belakang,Surel", ["first_name", "last_name", "email"]),
        ("Prénom,Nom,Adresse e-mail", ["first_name", "last_name", "email"]),
        ("nama,alamat email,kota", ["first_name", "email", "attributes.kota"]),
        ("First Name,LAST_NAME,Email Address", ["first_name", "last_name", "email"]),
        ("email,email,Town,Town", ["email", "attributes.email_2", "attributes.town", "attributes.town_2"]),
        (",E-mail,♥", ["attributes.column_1", "email", "attributes.column_3"]),
    ],
)
def test_headings_of_several_languages_are_understood(heading: str, expected: list[str]) -> None:
    row = ",".join("x@example.com" if field == "email" else "x" for field in expected)
    assert fields(sniff(f"{heading}\n{row}\n".encode(), whole=True)) == expected


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n", "no rows"),
        (b" \n\n", "empty"),
        (b"email,name\n", "no rows below"),
        (b"PK\x03\x04....", "Excel workbook"),
        (b"%PDF-1.7 ...", "PDF"),
        (bytes(range(256)) * 20, "not a text file"),
    ],
)
def test_what_cannot_be_imported_is_refused_with_a_reason(head: bytes, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        sniff(head, whole=True)


def test_a_hundred_thousand_columns_are_refused_at_once() -> None:
    wide = b",".join(b"column %d" % number for number in range(100_000)) + b"\na@example.com\n"
    start = time.perf_counter()
    with pytest.raises(Invalid, match=rf"columns or more; {MAX_COLUMNS} is the most"):
        sniff(wide[:HEAD], whole=False)
    assert time.perf_counter() - start < 2


def test_what_spreadsheets_put_before_the_table_is_skipped() -> None:
    found = sniff(b"sep=;\r\nemail;town\r\nann@example.com;a,b\r\n", whole=True)
    assert found.rows == (("ann@example.com", "a,b"),)


def test_backslashes_may_escape_quotes() -> None:
    found = sniff(b'email,motto\nann@example.com,"say \\"hi\\", twice"\n', whole=True)
    assert found.rows == (("ann@example.com", 'say "hi", twice'),)


def read(data: bytes, width: int = 2) -> list[list[str] | Fault]:
    dialect = sniff(data, whole=True).dialect
    return [row if isinstance(row, Fault) else row.cells for row in read_rows(Lines([data], dialect), dialect, width)]


def test_a_bad_row_costs_only_itself() -> None:
    data = (
        b"email,name\nann@example.com,Ann\nbob@example.com,Bob,too,many\ncy@example.com\n\n,,\n"
        b'dee@example.com,"never closed\neve@example.com,Eve\nfay@example.com,"a" b\ngus@example.com,\xff\xfe Gus\n'
        b"hal@example.com,NUL \x00\nida@example.com,Ida,,\n"
        + "\n".join(f"x{number}@example.com,Übung" for number in range(20)).encode()
    )
    rows = read(data)
    faults = [row for row in rows if isinstance(row, Fault)]
    assert [row.reason.split(".")[0] for row in faults] == [
        "The row has 4 columns where 2 are expected",
        "The row has 1 columns where 2 are expected",
        "A quotation mark stands where none belongs",
        "A quotation mark stands where none belongs",
        "The row has bytes that are not text in the file's encoding",
        "The row has bytes that are not text in the file's encoding",
    ]
    assert faults[2].row == 'dee@example.com,"never closed'
    assert faults[4].row == "gus@example.com,\\xff\\xfe Gus"
    taken = [row[0][:3] for row in rows if not isinstance(row, Fault)][:3]
    assert taken == ["ann", "eve", "ida"]


def test_a_quotation_mark_that_never_closes_spoils_one_row() -> None:
    good = b"".join(b"p%d@example.com,Name\n" % number for number in range(9_000))
    rows = read(b"email,name\n" + good + b'bad@example.com,"open\n' + good)
    assert sum(isinstance(row, Fault) for row in rows) == 1
    assert len(rows) == 18_001


def test_quoted_line_breaks_belong_to_the_cell() -> None:
    assert read(b'email,note\r\nann@example.com,"one\r\ntwo\nthree"\r\n') == [["ann@example.com", "one\r\ntwo\nthree"]]


CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=12)
TABLES = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width).filter(any), min_size=1, max_size=8)
)


@settings(max_examples=150, deadline=None)
@given(
    TABLES,
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-16-le", "utf-32-be"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.integers(1, 40),
)
def test_whatever_was_written_is_read_back(
    table: list[list[str]], separator: str, encoding: str, end: str, piece: int
) -> None:
    data = csv_bytes(table, separator=separator, encoding=encoding, end=end)
    dialect = Dialect(encoding, separator=separator, has_header=False)
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
    lines = Lines(pieces, dialect)
    rows = [row if isinstance(row, Fault) else row.cells for row in read_rows(lines, dialect, len(table[0]))]
    assert rows == table
    assert lines.bytes_read == len(data)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_no_file_breaks_the_reader(data: bytes) -> None:
    try:
        found = sniff(data, whole=True)
    except Invalid:
        return
    rows = list(read_rows(Lines([data], found.dialect), found.dialect, len(found.headers)))
    assert len(rows) >= len(found.rows) - 1
