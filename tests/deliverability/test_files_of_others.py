"""Files of Postmaster Tools and SNDS: whatever the order, the dates and the marks; and every row is kept or told."""

import csv
import io
import json
import time
import tracemalloc
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import clock
from app.core.errors import Invalid
from app.deliverability.outside.reading import Figure, read_file
from app.deliverability.outside.values import is_day_first, read_day, read_share, read_shares

DAYS = st.dates(date(2015, 1, 1), date(2026, 11, 1))
FORMS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%m/%d/%Y", "%d.%m.%Y", "%b %d, %Y", "%d %B %Y", "%Y-%m-%dT00:00:00Z")
HEADINGS = {
    "spam_rate": ["Spam rate", "User-reported spam rate", "userReportedSpamRatio", "USER REPORTED SPAM"],
    "spf": ["SPF success rate", "spfSuccessRatio", "SPF"],
    "dkim": ["DKIM Success Rate", "dkim"],
    "domain_reputation": ["Domain reputation", "domainReputation"],
}


@pytest.fixture(autouse=True)
def december(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files below are of November."""
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 12, 1, tzinfo=UTC))


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
    assert second.figures["trap_from"] == "11/20/2026 1:00 AM"


def test_a_bad_row_is_told_with_its_line_and_spoils_no_other() -> None:
    data = b'Date,Spam rate\n2026-11-20,0.1%\nyesterday,0.1%\n2026-11-21,many\n"2026-11-22,0.2%\n\n2026-11-23,0.3%\n'
    reading = read_file(data, "postmaster", subject="example.com")
    assert [figure.day.day for figure in reading.figures] == [20, 23]
    assert [fault.line for fault in reading.faults] == [3, 4, 5]
    assert "yesterday" in reading.faults[0].why
    assert "many" in reading.faults[1].why


def test_a_day_without_a_figure_is_not_kept_and_that_is_said() -> None:
    data = b"Date,Spam rate,DKIM\n2026-11-20,0.1%,\n2026-11-21,,\n2026-11-22,-,100%\n"
    reading = read_file(data, "postmaster", subject="example.com")
    assert [figure.day.day for figure in reading.figures] == [20, 22]
    assert [(fault.line, fault.is_kept) for fault in reading.faults] == [(3, False)]
    assert "no figure" in reading.faults[0].why


def test_percent_in_the_heading_counts() -> None:
    data = b"Date,Spam rate (%)\n2026-11-20,0.1\n"
    assert read_file(data, "postmaster", subject="example.com").figures == (
        Figure("example.com", date(2026, 11, 20), {"spam_rate": pytest.approx(0.001)}),
    )


SNDS_PAGE = (
    b"Smart Network Data Services\r\n"
    b"IP Address,Activity period,RCPT commands,DATA commands,Message recipients,Filter result,Complaint rate,"
    b"Trap message period,Trap hits,Sample HELO,Sample MAIL FROM,Comments\r\n"
    b"192.0.2.5,11/20/2026 12:00 AM - 11/20/2026 11:00 PM,2245,2241,2240,YELLOW,0.2% - 0.4%,,3,mx.example.com,,\r\n"
)


def test_the_page_of_snds_has_a_heading_below_a_title() -> None:
    reading = read_file(SNDS_PAGE, "snds")
    (figure,) = reading.figures
    assert (figure.subject, figure.day) == ("192.0.2.5", date(2026, 11, 20))
    assert figure.figures["complaint_rate"] == {"from": pytest.approx(0.002), "to": pytest.approx(0.004)}
    assert (figure.figures["traps"], figure.figures["result"]) == (3, "YELLOW")
    assert [(fault.line, fault.is_kept) for fault in reading.faults] == [(1, False)]
    assert reading.unknown == ()


def test_the_names_of_googles_api() -> None:
    names = (
        *("name", "userReportedSpamRatio", "userReportedSpamRatioLowerBound", "userReportedSpamRatioUpperBound"),
        *("domainReputation", "spfSuccessRatio", "inboundEncryptionRatio", "outboundEncryptionRatio"),
        *("deliveryErrors", "spammyFeedbackLoops", "date"),
    )
    errors = '[{"errorClass": "TEMPORARY_ERROR", "errorRatio": 0.01}]'
    row = ["domains/example.com/trafficStats/20261120", "0.001", "0.0005", "0.002", "HIGH", "1", "0.99", "0.9", errors]
    reading = read_file(table([list(names), [*row, "", "20261120"]], ","), "postmaster")
    (figure,) = reading.figures
    assert (figure.subject, figure.day) == ("example.com", date(2026, 11, 20))
    assert (figure.figures["spam_rate_low"], figure.figures["spam_rate_high"]) == (0.0005, 0.002)
    assert (figure.figures["encrypted"], figure.figures["encrypted_out"]) == (0.99, 0.9)
    assert "TEMPORARY_ERROR" in figure.figures["errors"]
    assert (reading.faults, reading.unknown) == ((), ("spammyFeedbackLoops",))


def test_one_metric_to_a_row() -> None:
    """As version 2 of Google's API answers: a metric has the name that was asked by, its date is in parts."""
    name = "domains/example.com/domainStats/opaque"
    at = '{"year": 2026, "month": 11, "day": 20}'
    rows = [
        ["name", "metric", "date", "value"],
        [name, "SPAM_RATE", at, "0.0021"],
        [name, "dkim_success_rate", at, "1"],
    ]
    reading = read_file(table([*rows, [name, "my own", at, "7"]], ","), "postmaster")
    assert reading.faults == ()
    assert [figure.figures for figure in reading.figures] == [{"spam_rate": 0.0021}, {"dkim": 1.0}, {"my own": "7"}]
    assert {(figure.subject, figure.day) for figure in reading.figures} == {("example.com", date(2026, 11, 20))}


def test_a_cell_that_makes_no_sense_costs_that_figure_only() -> None:
    data = b"Date,Spam rate,DKIM,Mood\n2026-11-20,many,100%,fine\n2026-11-21,N/A,-,\n"
    reading = read_file(data, "postmaster", subject="example.com")
    assert [figure.figures for figure in reading.figures] == [{"dkim": 1.0, "Mood": "fine"}]
    fault, _without = reading.faults
    assert (fault.line, fault.is_kept) == (2, True)
    assert "many" in fault.why
    assert reading.unknown == ("Mood",)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("< 0.1%", {"below": 0.001}),
        ("> 5%", {"above": 0.05}),
        ("0.1 - 0.3%", {"from": 0.001, "to": 0.003}),
        ("0,1 % – 0,3 %", {"from": 0.001, "to": 0.003}),
        ("0.3% - 0.1%", None),
        ("1" * 5000 + "-", None),
    ],
)
def test_shares_between_bounds(text: str, share: dict[str, float] | None) -> None:
    assert read_shares(text) == (None if share is None else pytest.approx(share))


@given(st.text("0123456789.,-–%<> to", max_size=80))
def test_any_bounds_are_read_or_not(text: str) -> None:
    read_shares(text)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"192.0.2.0,192.0.2.255,Yes,Blocked due to user complaints\n", "IP status"),
        (b"Hello,there\n", "called Date"),
    ],
)
def test_another_file_of_snds_is_named(data: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        read_file(data, "snds")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"2026-11-20,0.1%\n2026-11-21,0.2%\n", "begins with a date"),
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


@pytest.mark.parametrize(
    "data",
    [
        b"date,domain" + b"," * 5_000_000 + b"\n2026-01-01,a.bb\n",
        b"date,domain," + b"a," * 2_500_000 + b"\n2026-01-01,a.bb\n",
        b"date,domain" + b",x" * 200 + b"\n2026-01-01,a.bb\n",
    ],
)
def test_a_heading_of_millions_of_columns_is_refused_at_once(data: bytes) -> None:
    begun = time.process_time()
    tracemalloc.start()
    with pytest.raises(Invalid, match="more than 200 columns"):
        read_file(data[: 5 * 1024 * 1024], "postmaster")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 1024 * 1024
    assert time.process_time() - begun < 3


def test_a_row_of_too_many_columns_costs_that_row_only() -> None:
    wide = b"2026-01-01,wide.example.com" + b"," * 5000 + b"\n"
    reading = read_file(b"date,domain,spam rate\n" + wide + b"2026-01-02,example.com,0.1%\n", "postmaster")
    assert [figure.day.day for figure in reading.figures] == [2]
    assert [(fault.line, fault.is_kept) for fault in reading.faults] == [(2, False)]
    assert "200 columns" in reading.faults[0].why
