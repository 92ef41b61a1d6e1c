"""How long the counts of the watch are kept, and how its shares are written."""

from datetime import timedelta

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db
from app.deliverability.models import WatchHour
from app.deliverability.watch.keeping import drop_old_hours
from app.deliverability.watch.rollup import recount_all, recount_lately
from tests.accounts.pages import text_of
from tests.factories.histories import Letter, a_campaign, complain, write
from workers.housekeeping import keep_house


def an_hour(campaign_id: int, age: timedelta) -> None:
    at = (clock.now() - age).replace(minute=0, second=0, microsecond=0)
    row = WatchHour(hour=at, campaign_id=campaign_id, provider="yahoo", transport="", domain="example.com", sent=5)
    db.session.add(row)
    db.session.commit()


def ages() -> list[int]:
    """Days, of the rows that are there."""
    hours = db.session.scalars(select(WatchHour.hour).order_by(WatchHour.hour.desc()))
    return [round((clock.now() - hour) / timedelta(days=1)) for hour in hours]


def test_the_counts_are_kept_for_a_year_and_a_month(app: Flask, scope: Workspace) -> None:
    campaign = a_campaign()
    for days in (1, 399, 402, 3000):
        an_hour(campaign.id, timedelta(days=days))
    with app.app_context():
        keep_house()
    db.session.expire_all()
    assert ages() == [1, 399]


def test_what_the_page_looks_back_on_is_always_kept(scope: Workspace) -> None:
    campaign = a_campaign()
    for days in (62, 64):
        an_hour(campaign.id, timedelta(days=days))
    drop_old_hours(1)
    assert ages() == [62]


def test_how_long_is_a_setting(app: Flask, scope: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = a_campaign()
    for days in (99, 102):
        an_hour(campaign.id, timedelta(days=days))
    ours = app.extensions["merpati.settings"].model_copy(update={"watch_days": 100})
    monkeypatch.setitem(app.extensions, "merpati.settings", ours)
    with app.app_context():
        keep_house()
    db.session.expire_all()
    assert ages() == [99]


def test_counting_all_anew_does_not_bring_back_what_was_dropped(scope: Workspace) -> None:
    letters = [Letter(attempts=[(24.0 * days, "sent", 250, "")]) for days in (2, 500)]
    write(a_campaign(), letters)
    db.session.commit()
    recount_all()
    assert ages() == [2]


def test_complaints_are_said_to_be_the_least_there_are(as_vic: FlaskClient, scope: Workspace) -> None:
    campaign = a_campaign()
    complain(write(campaign, [Letter() for _ in range(200)])[:1], campaign)
    db.session.commit()
    recount_lately()
    db.session.commit()
    page = text_of(as_vic.get(f"/w/{scope.slug}/deliverability"))
    assert "at least: not every complaint is told to us" in page
    assert "Yahoo and AOL tell only of mail signed with DKIM for a domain that is enrolled" in page
    assert "the true rate is higher than the one shown" in page


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (1.0, "100.0%"),
        (0.99999, "99.99%"),
        (0.9996, "99.96%"),
        (0.9995, "99.95%"),
        (0.9994, "99.9%"),
        (0.5, "50.0%"),
        (0.003, "0.30%"),
        (0.00001, "below 0.01%"),
        (0.0, "0.00%"),
    ],
)
def test_nothing_is_rounded_to_all_or_to_nothing(app: Flask, rate: float, words: str) -> None:
    source = '{% import "macros/status.html" as status %}{{ status.rate_text(rate) }}|{{ status.rate_text(rate, 7) }}'
    with app.test_request_context():
        alone, of = render_template_string(source, rate=rate).split("|")
    assert (alone.strip(), of.strip()) == (words, f"{words} of 7")


def test_the_upper_end_of_an_interval_is_not_rounded_up_either(app: Flask) -> None:
    source = '{% import "macros/status.html" as status %}{{ status.range_text(0.995, 0.9998) }}'
    with app.test_request_context():
        assert "99.5%–99.98%" in render_template_string(source)
