"""Of which time a report speaks."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.dates_of_reports import spoken_of
from app.mail.mime import read_parts

NINE = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
EIGHT = datetime(2026, 3, 5, 8, 0, tzinfo=UTC)


def report(arrival: str = "", last: str = "", date: str = "", other_last: str = "") -> bytes:
    fields = {
        "ARRIVAL": f"Arrival-Date: {arrival}\n" if arrival else "",
        "LAST": f"Last-Attempt-Date: {last}\n" if last else "",
        "OTHER": f"Last-Attempt-Date: {other_last}\n" if other_last else "",
        "WRITTEN": f"Date: {date}\n" if date else "",
    }
    text = """WRITTENContent-Type: multipart/report; report-type=delivery-status; boundary=x

--x
Content-Type: text/plain

Arrival-Date: Thu, 5 Mar 2020 01:00:00 +0000

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
ARRIVAL
Final-Recipient: rfc822; bea@example.org
Action: failed
OTHER
Final-Recipient: rfc822; Ada@Example.org
Action: failed
LAST
--x
Content-Type: message/rfc822

Date: Thu, 5 Mar 2020 01:00:00 +0000
Subject: Dovecote weekly

Hello
--x--
"""
    for name, value in fields.items():
        text = text.replace(name, value)
    return text.encode()


@pytest.mark.parametrize(
    ("dates", "spoken"),
    [
        ({"arrival": "Thu, 5 Mar 2026 08:00:00 +0000", "last": "Thu, 5 Mar 2026 09:00:00 +0000"}, EIGHT),
        ({"last": "Thu, 5 Mar 2026 09:00:00 +0000", "date": "Thu, 5 Mar 2026 10:00:00 +0000"}, NINE),
        ({"other_last": "Thu, 5 Mar 2026 07:00:00 +0000", "date": "Thu, 5 Mar 2026 09:00:00 +0000"}, NINE),
        ({"date": "Thu, 5 Mar 2026 16:00:00 +0700 (WIB)"}, NINE),
        ({"date": "Thu, 5 Mar 2026 09:00:00 GMT"}, NINE),
        ({"date": "Thu, 5 Mar 2026 09:00:00 -0000"}, NINE),
        ({"arrival": "yesterday", "date": "Thu, 5 Mar 2026 09:00:00 +0000"}, NINE),
        ({"arrival": "Thu, 5 Mar 2026 08:00:00", "date": "Thu, 5 Mar 2026 09:00:00 +0000"}, NINE),
        ({"date": "Thu, 5 Mar 2026 99:00:00 +0000"}, None),
        ({}, None),
    ],
)
def test_its_dates_in_their_order(dates: dict[str, str], spoken: datetime | None) -> None:
    assert spoken_of(read_parts(report(**dates)), "ada@example.org") == spoken


@given(value=st.text(max_size=120) | st.from_regex(r"[A-Z][a-z]{2}, \d{1,9} Mar \d{1,12} \d\d:\d\d:\d\d [+-]\d{1,9}"))
def test_no_date_upsets_it(value: str) -> None:
    raw = report(arrival=value.replace("\n", " "), date=value.replace("\n", " "))
    found = spoken_of(read_parts(raw), "ada@example.org")
    assert found is None or found.tzinfo is UTC
