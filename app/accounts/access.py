"""Who may call a route. Every route states it with one of these decorators; a house rule checks that none forgets.

Pages of a workspace live under `/w/<ws>/`. `member(role)` signs in, finds the workspace and the role, and puts the
workspace in scope.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import g, redirect, request, url_for
from flask_login import current_user
from sqlalchemy import select

from app.accounts.keys import workspace_of_key
from app.accounts.models import Membership, Role, Workspace
from app.core.database import db, enter_workspace
from app.core.errors import NotAllowed, NotFound

View = TypeVar("View", bound=Callable[..., Any])


def public(view: View) -> View:
    """Anyone may call it."""
    view.access = "public"  # type: ignore[attr-defined]
    return view


def signed_in(view: View) -> View:
    """Anyone who is signed in may call it; no workspace is in scope."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not current_user.is_authenticated:
            return _to_sign_in()
        return view(*args, **kwargs)

    guarded.access = "signed-in"  # type: ignore[attr-defined]
    return guarded  # type: ignore[return-value]


def member(role: Role) -> Callable[[View], View]:
    """Members of the workspace in the address with at least this role may call it."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, ws: str, **kwargs: Any) -> Any:
            if not current_user.is_authenticated:
                return _to_sign_in()
            _enter(ws, role)
            return view(*args, **kwargs)

        guarded.access = f"member:{role}"  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate


def program(role: Role) -> Callable[[View], View]:
    """Programs with a bearer key of at least this role may call it; the key names the workspace."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            workspace, held = workspace_of_key(request.headers.get("Authorization", ""))
            if not held.includes(role):
                raise NotAllowed(f"This key has the role {held}; this call needs {role}.")
            _open(workspace, held)
            return view(*args, **kwargs)

        guarded.access = f"program:{role}"  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate


def may(role: Role) -> bool:
    """Whether the caller's role in this workspace includes `role`; for showing an action as disabled."""
    held: Role | None = g.get("role")
    return held is not None and held.includes(role)


def _enter(slug: str, role: Role) -> None:
    row = db.session.execute(
        select(Workspace, Membership.role)
        .join(Membership, Membership.workspace_id == Workspace.id)
        .where(Workspace.slug == slug, Membership.user_id == current_user.id)
    ).one_or_none()
    if row is None:
        raise NotFound("There is nothing at this address, or you are not a member of this workspace.")
    workspace, held = row[0], Role(row[1])
    _open(workspace, held)
    if not held.includes(role):
        raise NotAllowed(f"Your role here is {held}; this needs {role}. Ask an owner of {workspace.name}.")


def _open(workspace: Workspace, held: Role) -> None:
    g.workspace, g.role = workspace, held
    g.workspace_id = workspace.id
    enter_workspace(workspace.id)


def _to_sign_in() -> Any:
    target = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("security.login", next=target))
