"""The workspace scope: whatever a query looks like, it sees one tenant's rows, and none without a tenant."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import (
    CursorResult,
    Executable,
    ForeignKey,
    delete,
    exists,
    func,
    insert,
    inspect,
    literal,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, mapped_column, relationship, selectinload

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.content.models import Template
from app.core.database import (
    HasId,
    NoWorkspace,
    WorkspaceOwned,
    current_workspace_id,
    db,
    enter_workspace,
    every_workspace,
    in_workspace,
    leave_workspace,
)

ROWS_OURS, ROWS_THEIRS = 2, 3

READINGS: dict[str, Callable[[], Executable]] = {
    "rows": lambda: select(Template),
    "columns": lambda: select(Template.id),
    "an alias": lambda: select(aliased(Template).id),
    "joined from a table of everybody": lambda: select(Workspace.id).join(
        Template, Template.workspace_id == Workspace.id
    ),
    "a constant for each row": lambda: select(literal(1)).where(Template.id > 0),
    "a union": lambda: union_all(select(Template.id), select(Template.id).where(Template.id < 0)),
    "a common table expression": lambda: _all_of(select(Template.id).cte()),
    "a subquery": lambda: _all_of(select(Template.id).subquery()),
}
COUNTS: dict[str, Callable[[], Executable]] = {
    "count of a column": lambda: select(func.count(Template.id)),
    "count from a model": lambda: select(func.count()).select_from(Template),
    "count from an alias": lambda: select(func.count()).select_from(aliased(Template)),
    "count of a subquery": lambda: select(func.count()).select_from(select(Template.id).subquery()),
    "a scalar subquery": lambda: select(select(func.count(Template.id)).scalar_subquery()),
}


def _all_of(part: Any) -> Executable:
    return select(part.c.id)


@pytest.fixture
def stranger(workspace: Workspace) -> Workspace:
    """Another tenant, who has more rows than we."""
    stranger = create_workspace(f"Stranger {secrets.token_hex(4)}")
    for owner, count in ((workspace, ROWS_OURS), (stranger, ROWS_THEIRS)):
        for number in range(count):
            db.session.add(Template(workspace_id=owner.id, name=f"{owner.name} {number}", mjml=""))
    db.session.commit()
    return stranger


@pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS.keys())
def test_only_our_rows_are_read(workspace: Workspace, stranger: Workspace, reading: Callable[[], Executable]) -> None:
    with in_workspace(workspace.id):
        assert len(db.session.execute(reading()).all()) == ROWS_OURS
    with in_workspace(stranger.id):
        assert len(db.session.execute(reading()).all()) == ROWS_THEIRS
    with every_workspace():
        assert len(db.session.execute(reading()).all()) >= ROWS_OURS + ROWS_THEIRS


@pytest.mark.parametrize("count", COUNTS.values(), ids=COUNTS.keys())
def test_only_our_rows_are_counted(workspace: Workspace, stranger: Workspace, count: Callable[[], Executable]) -> None:
    with in_workspace(workspace.id):
        assert db.session.scalar(count()) == ROWS_OURS
    with in_workspace(stranger.id):
        assert db.session.scalar(count()) == ROWS_THEIRS


def test_their_rows_do_not_exist_for_us(workspace: Workspace, stranger: Workspace) -> None:
    theirs = _first_of(stranger)
    with in_workspace(workspace.id):
        assert db.session.scalar(select(exists().where(Template.id == theirs))) is False
        assert db.session.scalar(select(select(Template.id).where(Template.id == theirs).exists())) is False
        assert db.session.get(Template, theirs) is None
        hit = select(Workspace.id).where(Workspace.id.in_(select(Template.workspace_id)))
        assert db.session.scalars(hit).all() == [workspace.id]


@pytest.mark.parametrize("reading", [*READINGS.values(), *COUNTS.values()], ids=[*READINGS, *COUNTS])
def test_without_a_workspace_nothing_is_read(context: None, reading: Callable[[], Executable]) -> None:
    with pytest.raises(NoWorkspace, match="query on Template outside of any workspace"):
        db.session.execute(reading())


@pytest.mark.parametrize(
    "statement",
    [
        select(exists().where(Template.id == 1)),
        select(Workspace).where(Workspace.id.in_(select(Template.workspace_id))),
        update(Template).values(name="x"),
        update(Workspace).values(name="x").where(Workspace.id.in_(select(Template.workspace_id))),
        delete(Template),
        insert(Workspace).from_select(["name", "slug"], select(Template.name, Template.mjml)),
    ],
    ids=["exists", "in", "update", "update by subquery", "delete", "insert from select"],
)
def test_without_a_workspace_nothing_is_changed(context: None, statement: Executable) -> None:
    with pytest.raises(NoWorkspace):
        db.session.execute(statement)


def test_tables_of_everybody_need_no_workspace(workspace: Workspace) -> None:
    assert db.session.scalar(select(Workspace.name).where(Workspace.id == workspace.id)) == workspace.name


def test_update_and_delete_leave_their_rows_alone(workspace: Workspace, stranger: Workspace) -> None:
    with in_workspace(workspace.id):
        assert _changed(update(Template).values(description="ours")) == ROWS_OURS
        assert _changed(delete(Template)) == ROWS_OURS
    with in_workspace(stranger.id):
        assert set(db.session.scalars(select(Template.description))) == {""}
        assert db.session.scalar(select(func.count(Template.id))) == ROWS_THEIRS


def test_insert_from_select_reads_only_our_rows(workspace: Workspace, stranger: Workspace) -> None:
    copy = select(literal(workspace.id), Template.name, Template.mjml)
    with in_workspace(workspace.id):
        db.session.execute(insert(Template).from_select(["workspace_id", "name", "mjml"], copy))
        assert db.session.scalar(select(func.count(Template.id))) == 2 * ROWS_OURS


def test_inserts_of_many_rows_and_upserts_work_within_a_workspace(workspace: Workspace, stranger: Workspace) -> None:
    with in_workspace(workspace.id):
        rows = [{"workspace_id": workspace.id, "name": f"bulk {number}", "mjml": ""} for number in range(3)]
        assert len(db.session.scalars(insert(Template).returning(Template.id), rows).all()) == 3
        first = _first_of(workspace)
        row = {"id": first, "workspace_id": workspace.id, "name": "taken over", "mjml": ""}
        db.session.execute(
            upsert(Template).values(row).on_conflict_do_update(index_elements=["id"], set_={"name": "taken over"})
        )
        assert db.session.scalar(select(Template.name).where(Template.id == first)) == "taken over"


def test_a_new_row_is_stamped_with_the_workspace(workspace: Workspace) -> None:
    with in_workspace(workspace.id):
        template = Template(name="new", mjml="")
        db.session.add(template)
        db.session.flush()
    assert template.workspace_id == workspace.id


def test_a_row_of_another_workspace_is_not_written(workspace: Workspace, stranger: Workspace) -> None:
    with in_workspace(workspace.id):
        db.session.add(Template(workspace_id=stranger.id, name="smuggled", mjml=""))
        with pytest.raises(NoWorkspace, match="a Template of another workspace"):
            db.session.flush()
    db.session.rollback()


def test_a_row_does_not_change_its_workspace(workspace: Workspace, stranger: Workspace) -> None:
    with in_workspace(workspace.id):
        template = db.session.scalars(select(Template)).first()
        assert template is not None
        template.workspace_id = stranger.id
        with pytest.raises(NoWorkspace, match="about to change its workspace"):
            db.session.flush()
    db.session.rollback()


def test_a_row_that_was_committed_can_be_read_again_outside(workspace: Workspace, stranger: Workspace) -> None:
    with in_workspace(workspace.id):
        template = db.session.scalars(select(Template).order_by(Template.id)).first()
    assert template is not None
    db.session.commit()
    assert inspect(template).expired
    assert template.name == f"{workspace.name} 0"


def test_scopes_nest_and_end_with_an_error_too(workspace: Workspace, stranger: Workspace) -> None:
    with in_workspace(workspace.id):
        with pytest.raises(ValueError, match="inside"), in_workspace(stranger.id), every_workspace():
            raise ValueError("inside")
        assert current_workspace_id() == workspace.id
    with pytest.raises(NoWorkspace, match="needs a workspace in scope"):
        current_workspace_id()
    with every_workspace(), pytest.raises(NoWorkspace):
        current_workspace_id()


def test_entering_lasts_until_leaving(workspace: Workspace) -> None:
    enter_workspace(workspace.id)
    try:
        assert current_workspace_id() == workspace.id
    finally:
        leave_workspace()
    with pytest.raises(NoWorkspace):
        current_workspace_id()


class _Base(DeclarativeBase):
    """Models of this file only: the house has no relationship between tenants' rows, so one is made up."""


class _Workspaces(_Base):
    __tablename__ = "workspaces"
    id: Mapped[int] = mapped_column(primary_key=True)


class _Nest(_Base):
    __tablename__ = "test_nests"
    id: Mapped[int] = mapped_column(primary_key=True)
    eggs: Mapped[list["_Egg"]] = relationship(order_by="_Egg.id")


class _Egg(HasId, WorkspaceOwned, _Base):
    __tablename__ = "test_eggs"
    nest_id: Mapped[int] = mapped_column(ForeignKey("test_nests.id"))


@pytest.fixture
def nest(workspace: Workspace, stranger: Workspace) -> int:
    """A nest with an egg of each tenant, in tables that end with the test's transaction."""
    db.session.execute(text("CREATE TEMPORARY TABLE test_nests (id bigint PRIMARY KEY) ON COMMIT DROP"))
    db.session.execute(
        text("CREATE TEMPORARY TABLE test_eggs (id bigint, workspace_id bigint, nest_id bigint) ON COMMIT DROP")
    )
    db.session.execute(text("INSERT INTO test_nests VALUES (1)"))
    rows = [{"id": 1, "workspace_id": workspace.id}, {"id": 2, "workspace_id": stranger.id}]
    db.session.execute(text("INSERT INTO test_eggs VALUES (:id, :workspace_id, 1)"), rows)
    return 1


@pytest.mark.parametrize("options", [[], [selectinload(_Nest.eggs)]], ids=["lazily", "eagerly"])
def test_relationships_load_only_our_rows(workspace: Workspace, nest: int, options: list[Any]) -> None:
    with in_workspace(workspace.id):
        found = db.session.scalars(select(_Nest).options(*options)).one()
        assert [egg.id for egg in found.eggs] == [1]


def test_a_relationship_of_a_row_found_elsewhere_loads_only_our_rows(workspace: Workspace, nest: int) -> None:
    with every_workspace():
        found = db.session.scalars(select(_Nest)).one()
    with in_workspace(workspace.id):
        assert [egg.id for egg in found.eggs] == [1]
    db.session.expire(found, ["eggs"])
    with every_workspace():
        assert [egg.id for egg in found.eggs] == [1, 2]


def _first_of(owner: Workspace) -> int:
    with in_workspace(owner.id):
        return db.session.scalars(select(Template.id).order_by(Template.id)).first() or 0


def _changed(statement: Executable) -> int:
    result = db.session.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)
    return result.rowcount
