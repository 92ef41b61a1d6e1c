"""What providers' figures mean, and how the page says it: with a state, a course and advice."""

import io
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from lxml import html

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db
from app.deliverability.models import OutsideFigure
from app.deliverability.open_matters import count_open
from app.deliverability.outside.judged import figures_of, judge, standings
from app.tracking.models import Incident
from tests.accounts.pages import text_of

SNDS = "198.51.100.7,{day} 1:00 AM,{day} 11:59 PM,120,118,115,RED,0.4%,,,3,mail.example.com,news@example.com,\n"


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("spam_rate", 0.0005, "good"),
        ("spam_rate", 0.001, "warn"),
        ("spam_rate", 0.0041, "bad"),
        ("complaint_rate", {"below": 0.001}, "good"),
        ("complaint_rate", {"above": 0.05}, "bad"),
        ("domain_reputation", "LOW", "bad"),
        ("ip_reputation", "medium", "warn"),
        ("result", "GREEN", "good"),
        ("result", "RED", "bad"),
        ("traps", 3, "bad"),
        ("traps", 0, "good"),
        ("dkim", 0.5, "bad"),
        ("encrypted", 1.0, "good"),
        ("recipients", 7, ""),
        ("comments", "RED", ""),
    ],
)
def test_figures_are_judged_by_the_providers_lines(name: str, value: Any, state: str) -> None:
    assert judge(name, value) == state


def row(days_ago: int, **figures: Any) -> OutsideFigure:
    day = (clock.now() - timedelta(days=days_ago)).date()
    return OutsideFigure(source="postmaster", subject="example.com", day=day, figures=figures)


def test_a_standing_is_as_bad_as_its_worst_figure_and_knows_the_course() -> None:
    [one] = standings([row(1, spam_rate=0.004, spf=1.0), row(2, spf=0.99), row(3, spam_rate=0.001)])
    assert one.state == "bad"
    assert [each.name for each in one.to_mend] == ["spam_rate"]
    rate = next(each for each in one.figures if each.name == "spam_rate")
    assert rate.course == (0.001, None, 0.004)
    assert rate.limit == 0.003
    assert rate.peak > 0.004


def test_a_figure_kept_under_its_own_name_is_known_now() -> None:
    assert figures_of(row(1, **{"Encryption rate": "1", "Mood": "fine"})) == {"encrypted": 1.0, "Mood": "fine"}


def bring(browser: FlaskClient, scope: Workspace, text: str, source: str = "") -> Any:
    file = (io.BytesIO(text.encode()), "data.csv")
    data = {"source": source, "file": file}
    return browser.post(f"/w/{scope.slug}/deliverability/outside", data=data, follow_redirects=True)


def test_a_file_without_a_heading_is_recognised_and_shown_with_what_to_do(
    as_ada: FlaskClient, scope: Workspace
) -> None:
    days = [(clock.now() - timedelta(days=number)).strftime("%m/%d/%Y") for number in (4, 3, 2, 1)]
    answer = bring(as_ada, scope, "".join(SNDS.format(day=day) for day in days))
    assert answer.status_code == 200
    shown = text_of(answer)
    assert "Kept: 4 days." in shown
    assert "Your list holds spam traps" in shown
    assert "Nobody ever signed up with these addresses" in shown
    assert "RCPT commands" not in shown
    page = html.document_fromstring(answer.text)
    assert len(page.xpath("//section[contains(@aria-label, '198.51.100.7')]//svg[contains(@class, 'sparkline')]")) == 3


def test_a_wrong_source_is_said_at_the_source(as_ada: FlaskClient, scope: Workspace) -> None:
    answer = bring(as_ada, scope, SNDS.format(day="11/20/2026"), "postmaster")
    assert answer.status_code == 422
    assert "as those of Microsoft SNDS do" in text_of(answer)
    assert html.document_fromstring(answer.text).xpath("//select[@name='source'][@aria-invalid='true']")


def test_a_file_of_nobody_is_refused(as_ada: FlaskClient, scope: Workspace) -> None:
    answer = bring(as_ada, scope, "When,Mood\nnow,fine\n")
    assert answer.status_code == 422
    assert "Nothing in the file says whether" in text_of(answer)


def test_a_heading_with_rates_is_in_one_format(as_ada: FlaskClient, scope: Workspace) -> None:
    day = (clock.now() - timedelta(days=1)).date()
    heading = "Date,Domain,Encryption rate,DKIM success rate"
    shown = text_of(bring(as_ada, scope, f"{heading}\n{day},example.com,1,100%\n"))
    assert "Kept: one day." in shown
    assert shown.count("100.0%") >= 2


def test_what_is_open_is_counted_beside_the_name(as_vic: FlaskClient, scope: Workspace) -> None:
    assert count_open() == 0
    rows = [
        {"kind": "blocked", "count": 60, "of": 100},
        {"kind": "blocked", "count": 2, "of": 100},
        {"kind": "burst", "count": 30, "ended_at": clock.now()},
        {"kind": "burst", "count": 30, "ended_at": clock.now(), "decision": "believed"},
        {"kind": "change", "count": 9, "ended_at": clock.now()},
    ]
    db.session.add_all(Incident(workspace_id=scope.id, **row) for row in rows)
    db.session.commit()
    assert count_open() == 2
    page = html.document_fromstring(as_vic.get(f"/w/{scope.slug}/deliverability").text)
    for name in ("rail", "bottom-bar"):
        [badge] = page.xpath(f"//nav[contains(@class, '{name}')]//*[@class='badge']/span[@aria-hidden]/text()")
        assert badge == "2"


def test_open_matters_are_not_counted_outside_of_a_workspace(context: None) -> None:
    assert count_open() == 0
