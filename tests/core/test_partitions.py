"""Months ahead: attempts and events find their partition, whenever they come."""

from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy import table as sql_table

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db
from app.messages.partitions import MONTHS_AHEAD, TABLES, ensure_partitions


def test_this_month_and_the_next_are_made_once(context: None) -> None:
    with _at(datetime(2031, 11, 15, tzinfo=UTC)):
        assert ensure_partitions() == [
            f"{table}_{month}" for table in TABLES for month in ("2031_11", "2031_12", "2032_01")
        ]
        assert ensure_partitions() == []
    with _at(datetime(2031, 12, 1, tzinfo=UTC)):
        assert ensure_partitions() == ["attempts_2032_02", "events_2032_02"]


@pytest.mark.parametrize("day", [datetime(2032, 1, 31, 23, 59, tzinfo=UTC), datetime(2032, 2, 29, tzinfo=UTC)])
def test_the_last_day_of_a_month_is_as_good_as_the_first(context: None, day: datetime) -> None:
    with _at(day):
        made = ensure_partitions()
    assert len(made) == len(TABLES) * (MONTHS_AHEAD + 1)
    assert f"events_{day:%Y_%m}" in made


def test_rows_find_their_month(workspace: Workspace) -> None:
    with _at(datetime(2033, 5, 10, tzinfo=UTC)):
        ensure_partitions()
    _event(workspace, datetime(2033, 5, 1, tzinfo=UTC))
    _event(workspace, datetime(2033, 5, 31, 23, 59, 59, tzinfo=UTC))
    _event(workspace, datetime(2033, 4, 30, 23, 59, 59, tzinfo=UTC))
    assert _count("events_2033_05", workspace) == 2
    assert _count("events_default", workspace) == 1


def test_a_month_that_has_rows_in_the_default_partition_stays_there(workspace: Workspace) -> None:
    _event(workspace, datetime(2034, 8, 20, tzinfo=UTC))
    with _at(datetime(2034, 8, 21, tzinfo=UTC)):
        made = ensure_partitions()
    assert "events_2034_08" not in made
    assert {"events_2034_09", "attempts_2034_08"} <= set(made)
    assert _count("events_default", workspace) == 1


def _at(moment: datetime) -> AbstractContextManager[None]:
    return clock.moved(moment - datetime.now(UTC) + timedelta(seconds=1))


def _event(workspace: Workspace, at: datetime) -> None:
    db.session.execute(
        text(
            "INSERT INTO events (id, at, workspace_id, message_id, campaign_id, kind) "
            "VALUES (gen_random_uuid(), :at, :workspace, 1, 1, 'opened')"
        ),
        {"at": at, "workspace": workspace.id},
    )


def _count(table: str, workspace: Workspace) -> int:
    rows = select(func.count()).select_from(sql_table(table)).where(text("workspace_id = :workspace"))
    return db.session.scalar(rows, {"workspace": workspace.id}) or 0
