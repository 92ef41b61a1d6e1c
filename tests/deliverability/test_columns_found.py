"""Files of providers whose columns do not fit are refused by naming what they hold; documented names are known."""

from datetime import date

import pytest

from app.core.errors import Invalid
from app.deliverability.outside.columns import Source
from app.deliverability.outside.reading import read_file
from app.deliverability.outside.values import read_day

REST = ",120,118,115,GREEN,< 0.1%,,,0,mail.example.com,news@example.com,"


def refused(text: str, source: Source = "postmaster", subject: str = "") -> str:
    with pytest.raises(Invalid) as fault:
        read_file(text.encode(), source, subject=subject)
    return str(fault.value)


def test_a_file_without_a_date_names_its_columns() -> None:
    words = refused("When,Spam  rate,,Mood\n2026-11-20,0.1%,,fine\n", subject="example.com")
    assert "called Date" in words
    assert words.endswith("Columns found: “When”, “Spam rate”, “Mood”.")


@pytest.mark.parametrize(
    ("text", "source", "columns"),
    [
        ("Date;Spam rate\n2026-11-20;0,1%\n", "postmaster", "“Date”, “Spam rate”"),
        ("Figures of November\nDate,RCPT commands\n11/20/2026,7\n", "snds", "“Date”, “RCPT commands”"),
    ],
)
def test_a_file_without_a_subject_names_its_columns(text: str, source: Source, columns: str) -> None:
    assert refused(text, source).endswith(f"Columns found: {columns}.")


def test_many_and_long_columns_are_named_in_part() -> None:
    words = refused(",".join("x" * 90 for _ in range(150)) + "\nend\n")
    assert words.count("x" * 40 + "…") == 16
    assert words.endswith(" and 134 more.")
    assert len(words) < 900


@pytest.mark.parametrize(
    "data",
    [
        "192.0.2.1,11/20/2026 1:00 AM,11/20/2026 11:59 PM" + REST + "\n",
        "192.0.2.1,11/20/2026 1:00 AM,11/20/2026 11:59 PM" + REST + "a sample\n",
        "IP Address,Activity start,Activity end,RCPT commands,DATA commands,Message recipients,Filter result,"
        "Complaint rate,Trap message start,Trap message end,Spam trap hits,Sample HELO,Sample MAIL FROM,"
        "Sample comments\n192.0.2.1,2026-11-20T01:00:00Z,2026-11-20T23:59:00Z" + REST + "\n",
    ],
)
def test_snds_with_its_heading_and_without_one(data: str) -> None:
    reading = read_file(data.encode(), "snds")
    assert reading.faults == ()
    assert reading.unknown == ()
    (figure,) = reading.figures
    assert (figure.subject, figure.day.isoformat()) == ("192.0.2.1", "2026-11-20")
    told = {"rcpt": 120, "data": 118, "recipients": 115, "traps": 0, "complaint_rate": {"below": 0.001}}
    assert {name: figure.figures[name] for name in told} == told
    assert figure.figures["result"] == "GREEN"


def test_the_standard_metrics_of_googles_second_version() -> None:
    """The rates that v1 had, too, stand under one name; the new ones keep their own."""
    rates = {"SPAM_RATE": "0.002", "TLS_ENCRYPTION_RATE": "1", "DELIVERY_ERROR_RATE": "0.01"}
    new = {"DELIVERY_ERROR_COUNT": "12", "FEEDBACK_LOOP_SPAM_RATE": "0.004"}
    lines = [f"domains/example.com,{metric},2026-11-20,{value}" for metric, value in {**rates, **new}.items()]
    reading = read_file("\n".join(["name,metric,date,value", *lines]).encode(), "postmaster")
    assert reading.faults == ()
    told = {name: value for figure in reading.figures for name, value in figure.figures.items()}
    assert told == {"spam_rate": 0.002, "encrypted": 1.0, "errors": 0.01, **new}


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("20. 11. 2026", 20),
        ("20. November 2026", 20),
        ("Freitag, 20. November 2026", 20),
        ("20 nov. 2026", 20),
        ("1er novembre 2026", 1),
        ("20 de nov. de 2026", 20),
        ("Nov 20, 2026", 20),
        ("Thu, Nov 20, 2026", 20),
        ("20-Nov-2026", 20),
        ("2026年11月20日", 20),
        ("2026년 11월 20일", 20),
    ],
)
def test_days_as_other_languages_write_them(text: str, day: int) -> None:
    assert read_day(text) == date(2026, 11, day)


@pytest.mark.parametrize("text", ["31 Feb 2026", "Foo 3, 2026", "11/20/26", "Nov 20", "lis 20 2026x", ""])
def test_what_is_no_day(text: str) -> None:
    assert read_day(text) is None
