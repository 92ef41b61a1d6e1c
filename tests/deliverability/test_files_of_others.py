"""Files of Postmaster Tools and SNDS: whatever the order, the dates and the marks; and every row is kept or told."""

import csv
import io
import json
from contextlib import suppress
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.deliverability.outside.reading import Figure, read_file
from app.deliverability.outside.values import is_day_first, read_day, read_share

DAYS = st.dates(date(2015, 1, 1), date(2035, 12, 31))
FORMS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%m/%d/%Y", "%d.%m.%Y", "%b %d, %Y", "%d %B %Y", "%Y-%m-%dT00:00:00Z")
HEADINGS = {
    "spam_rate": ["Spam rate", "User-reported spam rate", "userReportedSpamRatio", "USER REPORTED SPAM"],
    "spf": ["SPF success rate", "spfSuccessRatio", "SPF"],
    "dkim": ["DKIM Success Rate", "dkim"],
    "domain_reputation": ["Domain reputation", "domainReputation"],
}


@given(DAYS, st.sampled_from(FORMS), st.sampled_from(["", " 12:00 AM", "T03:04:05"]))
def test_a_date_in_any_form_is_that_day(day: date, form: str, clock: str) -> None:
    if clock and form not in ("%Y-%m-%d", "%m/%d/%Y"):
        clock = ""
    assert read_day(f" {day.strftime(form)}{clock} ") == day


@given(DAYS)
def test_days_first_is_told_from_the_whole_file(first: date) -> None:
    days = [first + timedelta(days=number) for number in range(32)]
    british = [day.strftime("%d/%m/%Y") for day in days]
    american = [day.strftime("%m/%d/%Y") for day in days]
    assert is_day_first(british)
    assert not is_day_first(american)
    assert [read_day(text, day_first=True) for text in british] == days


@given(st.text(max_size=30))
def test_any_text_is_a_date_and_a_share_or_is_not(text: str) -> None:
    read_day(text)
    share = read_share(text)
    assert share is None or 0 <= share <= 1


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("0.1%", 0.001),
        ("< 0.1%", 0.001),
        ("0,3 %", 0.003),
        ("0.001", 0.001),
        ("100%", 1),
        ("120%", None),
        ("-1%", None),
    ],
)
def test_shares(text: str, share: float | None) -> None:
    assert read_share(text) == pytest.approx(share) if share is not None else read_share(text) is None


@given(
    st.lists(st.tuples(DAYS, st.integers(0, 1000), st.sampled_from(["HIGH", "LOW"])), min_size=1, max_size=20),
    st.fixed_dictionaries({name: st.sampled_from(headings) for name, headings in HEADINGS.items()}),
    st.permutations(["day", "domain", "spam_rate", "spf", "dkim", "domain_reputation", "extra"]),
    st.sampled_from(FORMS),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_columns_stand_in_any_order(
    days: list[tuple[date, int, str]],
    headings: dict[str, str],
    order: list[str],
    form: str,
    separator: str,
    mark: bytes,
) -> None:
    named = {**headings, "day": "Date", "domain": "Domain", "extra": "Something new"}
    rows = [[named[name] for name in order]]
    for day, permille, reputation in days:
        values = {
            "day": day.strftime(form),
            "domain": "Example.COM",
            "spam_rate": f"{permille / 1000}",
            "spf": "99.5%",
            "dkim": "1",
            "domain_reputation": reputation,
            "extra": "kept",
        }
        rows.append([values[name] for name in order])
    reading = read_file(mark + table(rows, separator), "postmaster")
    assert reading.faults == ()
    assert [figure.day for figure in reading.figures] == [day for day, *_ in days]
    for figure, (_, permille, reputation) in zip(reading.figures, days, strict=True):
        assert figure.subject == "example.com"
        assert figure.figures == {
            "spam_rate": pytest.approx(permille / 1000),
            "spf": pytest.approx(0.995),
            "dkim": 1.0,
            "domain_reputation": reputation,
            "Something new": "kept",
        }


CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.lists(CELLS, max_size=16), max_size=12), st.sampled_from(["postmaster", "snds"]), st.booleans())
def test_every_row_is_kept_or_told(rows: list[list[str]], source: str, with_heading: bool) -> None:
    head = [["Date", "Domain", "IP address", "Spam rate", "RCPT commands"]] if with_heading else []
    data = table([*head, *rows], ",")
    try:
        reading = read_file(data, source, subject="example.com")  # type: ignore[arg-type]
    except Invalid:
        return
    lines = [line for line in io.StringIO(data.decode(), newline=None) if line.strip()]
    assert len(reading.figures) + len(reading.faults) >= sum(bool(line.strip(', "\n')) for line in lines) - 1
    json.dumps([figure.figures for figure in reading.figures]).encode()


@given(st.binary(max_size=300), st.sampled_from(["postmaster", "snds"]))
def test_any_bytes_are_read_or_refused_in_words(data: bytes, source: str) -> None:
    with suppress(Invalid):
        read_file(data, source, subject="example.com")  # type: ignore[arg-type]


SNDS = (
    "192.0.2.5,11/20/2026 12:00 AM,11/20/2026 11:59 PM,2245,2241,2240,GREEN,< 0.1%,,,0,mx.example.com,a@example.com,\n"
    '192.0.2.6,11/20/2026 1:00 AM,11/20/2026 11:59 PM,"1,245",1241,1240,RED,2.3%,11/20/2026 1:00 AM,,4,,,block\n'
)


def test_the_file_of_snds_has_no_heading() -> None:
    first, second = read_file(SNDS.encode(), "snds").figures
    assert (first.subject, first.day) == ("192.0.2.5", date(2026, 11, 20))
    assert first.figures["complaint_rate"] == {"below": 0.001}
    assert (first.figures["rcpt"], first.figures["result"], first.figures["traps"]) == (2245, "GREEN", 0)
    assert (second.figures["rcpt"], second.figures["complaint_rate"]) == (1245, pytest.approx(0.023))
    assert second.figures["trap period start"] == "11/20/2026 1:00 AM"


def test_a_bad_row_is_told_with_its_line_and_spoils_no_other() -> None:
    data = b'Date,Spam rate\n2026-11-20,0.1%\nyesterday,0.1%\n2026-11-21,many\n"2026-11-22,0.2%\n\n2026-11-23,0.3%\n'
    reading = read_file(data, "postmaster", subject="example.com")
    assert [figure.day.day for figure in reading.figures] == [20, 23]
    assert [fault.line for fault in reading.faults] == [3, 4, 5]
    assert "yesterday" in reading.faults[0].why
    assert "many" in reading.faults[1].why


def test_percent_in_the_heading_counts() -> None:
    data = b"Date,Spam rate (%)\n2026-11-20,0.1\n"
    assert read_file(data, "postmaster", subject="example.com").figures == (
        Figure("example.com", date(2026, 11, 20), {"spam_rate": pytest.approx(0.001)}),
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"Date,Spam rate\n2026-11-20,0.1%\n", "domain"),
        (b"When,Spam rate\n2026-11-20,0.1%\n", "Date"),
        (b"PK\x03\x04 a workbook", "Excel"),
    ],
)
def test_a_file_that_is_none_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        read_file(data, "postmaster")


def table(rows: list[list[str]], separator: str) -> bytes:
    """Rows as a CSV file."""
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=separator).writerows(rows)
    return written.getvalue().encode()
