"""The database handle and the one door through which every query gets its workspace.

`db` is a leaf: models import it, it imports nothing of the house. Rows that belong to a tenant inherit
`WorkspaceOwned`; while a workspace is in scope, every statement made of models is limited to it wherever it reads or
changes such rows, and without a scope it is refused. SQL in words and on bare tables names `workspace_id` itself.
`every_workspace()` is the deliberate way around, for the few jobs that serve all tenants.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, MetaData, Text, event, func, inspect
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    ORMExecuteState,
    Session,
    mapped_column,
    registry,
    with_loader_criteria,
)
from sqlalchemy.sql import visitors

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of all models: big integers, time with zone, JSONB and TEXT by default."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={
            int: BigInteger,
            str: Text,
            datetime: DateTime(timezone=True),
            dict[str, Any]: JSONB,
            list[Any]: JSONB,
        },
    )


db = SQLAlchemy(model_class=Base)

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


class HasId:
    """A row with a number of its own."""

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)


class WorkspaceOwned:
    """A row that belongs to exactly one workspace."""

    workspace_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("workspaces.id", ondelete="CASCADE"))


class Stamped:
    """A row that knows when it was made."""

    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class NoWorkspace(RuntimeError):
    """A query on a tenant's rows ran outside of any workspace: a bug, never a user's mistake."""


_ALL = 0
_scope: ContextVar[int | None] = ContextVar("workspace_scope", default=None)


@contextmanager
def in_workspace(workspace_id: int) -> Iterator[None]:
    """Within the block, queries see only this workspace."""
    token = _scope.set(workspace_id)
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def every_workspace() -> Iterator[None]:
    """Within the block, queries see all workspaces. For sign-in, public links, schedule and workers only."""
    token = _scope.set(_ALL)
    try:
        yield
    finally:
        _scope.reset(token)


def enter_workspace(workspace_id: int) -> None:
    """Set the workspace for the rest of this context (a request, a job)."""
    _scope.set(workspace_id)


def leave_workspace() -> None:
    """Forget the workspace of this context."""
    _scope.set(None)


def current_workspace_id() -> int:
    """The workspace in scope. Raises NoWorkspace when there is none."""
    scope = _scope.get()
    if not scope:
        raise NoWorkspace("this needs a workspace in scope: use in_workspace()")
    return scope


@event.listens_for(Session, "do_orm_execute")
def _limit_to_workspace(state: ORMExecuteState) -> None:
    if state.is_column_load or not (state.is_select or state.is_insert or state.is_update or state.is_delete):
        return
    scope = _scope.get()
    if scope is None:
        _refuse_tenants_rows(state)
    elif scope != _ALL:
        # On every statement, whatever it selects at its top: the option reaches into counts, EXISTS, subqueries,
        # unions and INSERT … SELECT, where the statement itself does not tell whose rows it reads.
        state.statement = state.statement.options(
            with_loader_criteria(WorkspaceOwned, lambda cls: cls.workspace_id == scope, include_aliases=True)
        )


def _refuse_tenants_rows(state: ORMExecuteState) -> None:
    # What an INSERT writes names its workspace itself; what it reads must not come from just any.
    statement = getattr(state.statement, "select", None) if state.is_insert else state.statement
    if statement is None:
        return
    owned = _owned_tables()
    if found := sorted({owned[part] for part in visitors.iterate(cast(Any, statement)) if part in owned}):
        raise NoWorkspace(f"query on {', '.join(found)} outside of any workspace")


def _owned_tables() -> dict[Any, str]:
    return {
        mapper.local_table: mapper.class_.__name__
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, WorkspaceOwned)
    }


@event.listens_for(Session, "before_flush")
def _stamp_workspace(session: Session, *_: object) -> None:
    scope = _scope.get()
    for row in session.new:
        if isinstance(row, WorkspaceOwned):
            if not row.workspace_id and scope:
                row.workspace_id = scope
            elif scope and row.workspace_id != scope:
                raise NoWorkspace(f"a {type(row).__name__} of another workspace was about to be written")
    for row in session.dirty:
        if isinstance(row, WorkspaceOwned) and inspect(row).attrs.workspace_id.history.deleted:
            raise NoWorkspace(f"a {type(row).__name__} was about to change its workspace")
