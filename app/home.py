"""The landing page, a workspace's home, and the small addresses that machines ask for."""

from typing import Any

from flask import Blueprint, Response, redirect, render_template, url_for
from flask_login import current_user
from sqlalchemy import select, text

from app.accounts.access import may, member, public
from app.accounts.models import Membership, Role, Workspace
from app.core.database import db
from app.core.extensions import queue
from app.reporting.home import overview
from app.reporting.waiting import waiting_for_somebody

bp = Blueprint("home", __name__)


@bp.get("/")
@public
def landing() -> Any:
    """Into the workspace that was joined last, or to the sign-in page."""
    if not current_user.is_authenticated:
        return redirect(url_for("security.login"))
    slug = db.session.scalar(
        select(Workspace.slug)
        .join(Membership, Membership.workspace_id == Workspace.id)
        .where(Membership.user_id == current_user.id)
        .order_by(Membership.id.desc())
    )
    if slug is None:
        return render_template("home/no_workspace.html"), 403
    return redirect(url_for("home.index", ws=slug))


@bp.get("/w/<ws>/")
@member(Role.VIEWER)
def index() -> Any:
    """What waits for a decision, what goes on, next and lately, and the first steps until they are done."""
    waiting = waiting_for_somebody() if may(Role.EDITOR) else None
    return render_template("home/index.html", overview=overview(), waiting=waiting)


@bp.get("/healthz")
@public
def healthz() -> Any:
    """This process answers."""
    return {"status": "ok"}


@bp.get("/readyz")
@public
def readyz() -> Any:
    """Database, queue and migrations are there."""
    from app.core.migrations import missing_migrations  # here, because the tool behind it is slow to import

    db.session.execute(text("SELECT 1"))
    queue().ping()
    missing = missing_migrations(db.engine)
    return ({"status": "migrations missing", "missing": missing}, 503) if missing else {"status": "ok"}


@bp.get("/robots.txt")
@public
def robots() -> Response:
    """Nothing here is for search engines."""
    return Response("User-agent: *\nDisallow: /\n", mimetype="text/plain")
