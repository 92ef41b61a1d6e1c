"""Times as people read them."""

from datetime import UTC, datetime

import pytest
from flask import Flask, g, render_template_string

from app.accounts.models import Workspace
from app.core.times import clock, when, zone

MOMENT = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "shown", "short"),
    [
        ("UTC", "29 Mar 2026, 00:30", "UTC"),
        ("Europe/Brussels", "29 Mar 2026, 01:30", "CET"),
        ("Asia/Jakarta", "29 Mar 2026, 07:30", "WIB"),
        ("America/New_York", "28 Mar 2026, 20:30", "EDT"),
    ],
)
def test_a_moment_is_shown_in_the_workspaces_zone_which_is_named(app: Flask, name: str, shown: str, short: str) -> None:
    with app.test_request_context():
        g.workspace = Workspace(name="Aviary", slug="aviary", timezone=name)
        text = str(when(MOMENT))
    assert shown in text
    assert f">{short}<" in text
    assert 'datetime="2026-03-29T00:30:00+00:00"' in text
    assert 'title="2026-03-29 00:30:00 UTC"' in text


def test_the_hour_of_summer_time_is_skipped(app: Flask) -> None:
    with app.test_request_context():
        g.workspace = Workspace(name="Aviary", slug="aviary", timezone="Europe/Brussels")
        assert clock(MOMENT) == "01:30"
        assert clock(MOMENT.replace(hour=1, minute=0)) == "03:00"


def test_outside_of_a_workspace_times_are_utc(app: Flask) -> None:
    with app.test_request_context():
        assert str(zone()) == "UTC"
        assert clock(MOMENT) == "00:30"


def test_no_moment_is_a_dash(app: Flask) -> None:
    with app.test_request_context():
        assert str(when(None)) == "–"


def test_templates_have_the_filters(app: Flask) -> None:
    with app.test_request_context():
        assert render_template_string("{{ moment | clock }} {{ none | when }}", moment=MOMENT, none=None) == "00:30 –"
        assert render_template_string("{{ moment | when }}", moment=MOMENT).startswith("<time ")
