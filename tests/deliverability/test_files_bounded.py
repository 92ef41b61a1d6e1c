"""Files of others that name impossible days, or that never end: told in words, and soon."""

import io
import time
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db
from app.core.errors import Invalid
from app.deliverability.models import OutsideFigure
from app.deliverability.outside.reading import HOPELESS, read_file, source_of
from tests.accounts.pages import text_of

HEADING = "Date,Domain,Spam rate\n"
MEGABYTES = 4_900_000


def day(ahead: int) -> date:
    return clock.now().date() + timedelta(days=ahead)


def rows(*days: object) -> bytes:
    return (HEADING + "".join(f"{each},example.com,0.1%\n" for each in days)).encode()


def bring(browser: FlaskClient, scope: Workspace, data: bytes) -> tuple[int, str]:
    answer = browser.post(
        f"/w/{scope.slug}/deliverability/outside",
        data={"source": "", "file": (io.BytesIO(data), "data.csv")},
        follow_redirects=True,
    )
    return answer.status_code, text_of(answer)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("9999-12-31", "“9999-12-31” is a day that has not come yet."),
        (day(400), "is a day that has not come yet."),
        (day(3), "is a day that has not come yet."),
        ("0026-11-20", "“0026-11-20” is before 2004"),
        ("2003-12-31", "“2003-12-31” is before 2004"),
        ("1/31/0026", "is before 2004"),
    ],
)
def test_a_day_that_cannot_be_costs_its_row_only(
    as_ada: FlaskClient, scope: Workspace, given: object, words: str
) -> None:
    status, page = bring(as_ada, scope, rows(day(-1), given))
    assert status == 200
    assert "Kept: one day." in page
    assert "One row could not be taken." in page
    assert words in page
    assert db.session.scalars(select(OutsideFigure.day)).all() == [day(-1)]


def test_the_first_and_the_last_day_that_can_be() -> None:
    assert [figure.day for figure in read_file(rows("2004-01-01", day(2)), "postmaster").figures] == [
        date(2004, 1, 1),
        day(2),
    ]


def test_reading_stops_where_nothing_can_be_taken(as_ada: FlaskClient, scope: Workspace) -> None:
    status, page = bring(as_ada, scope, HEADING.encode() + b"x,y,z\n" * 5000)
    assert status == 422
    assert "No row could be taken." in page
    assert f"None of the first {HOPELESS} rows could be taken" in page
    assert f"from line {HOPELESS + 2} on, was not read" in page
    assert f"{HOPELESS} rows could not be taken." in page


def test_one_good_row_among_the_first_and_all_is_read() -> None:
    data = HEADING.encode() + b"x,y,z\n" * (HOPELESS - 1) + b"2026-01-31,example.com,0.1%\n" + b"x,y,z\n" * 5000
    reading = read_file(data, "postmaster")
    assert (len(reading.figures), len(reading.faults), reading.unread_from) == (1, HOPELESS + 4999, 0)


@pytest.mark.parametrize(
    ("line", "limit"),
    [
        (b"x,y,z\n", "20,000 rows"),
        (b'"\n', "20,000 rows"),
        (b"x\n", "20,000 rows"),
        (b",\n", "100,000 lines"),
        (b"\n", "100,000 lines"),
        (b"2026-01-31,example.com,0.1%\n", "20,000 rows"),
    ],
)
def test_what_never_ends_is_refused_at_once(line: bytes, limit: str) -> None:
    data = HEADING.encode() + line * (MEGABYTES // len(line))
    begun = time.process_time()
    with pytest.raises(Invalid, match=f"more than {limit}"):
        read_file(data, source_of(data))
    assert time.process_time() - begun < 1


def test_as_many_rows_as_a_file_may_have_are_kept(as_ada: FlaskClient, scope: Workspace) -> None:
    names = "".join(f"{day(-1)},{number}.test,1%\n" for number in range(19_999))
    assert bring(as_ada, scope, (HEADING + names).encode())[0] == 200
    assert db.session.scalar(select(func.count()).select_from(OutsideFigure)) == 19_999
