"""Owners and sign-in links from the shell."""

from sqlalchemy import func, select

from app.accounts.models import Role, User, Workspace
from app.accounts.setup import add_member, create_user, create_workspace, make_link
from app.core.database import db
from app.core.errors import Invalid, NotFound
from app.core.extensions import settings


def make_owner(email: str, name: str, password: str, postal_address: str = "") -> str:
    """Create an owner with a workspace; returns its slug."""
    user = create_user(email, password=password)
    workspace = create_workspace(name)
    workspace.from_email, workspace.from_name = user.email, workspace.name
    workspace.postal_address = postal_address.strip()
    add_member(workspace, user, Role.OWNER)
    db.session.commit()
    return workspace.slug


def make_sign_in_link(email: str) -> str:
    """A one-time link for a person who exists."""
    user = db.session.scalar(select(User).where(func.lower(User.email) == email.strip().lower()))
    if user is None:
        raise NotFound(f"Nobody here signs in as {email}. `merpati create-owner` makes an owner.")
    secret = make_link("sign-in", user)
    db.session.commit()
    return settings().url(f"/enter/{secret}")


def make_owner_link() -> str:
    """A one-time link to create the first owner."""
    secret = make_link("create-owner")
    db.session.commit()
    return settings().url(f"/start/{secret}")


def find_workspace(slug: str) -> Workspace:
    """The workspace of that slug, or the only one there is."""
    query = select(Workspace).order_by(Workspace.id)
    found = list(db.session.scalars(query.where(Workspace.slug == slug) if slug else query))
    if len(found) == 1:
        return found[0]
    if not found:
        what = f"There is no workspace {slug!r}." if slug else "There is no workspace yet."
        raise NotFound(f"{what} `merpati create-owner` makes one.")
    slugs = ", ".join(workspace.slug for workspace in found)
    raise Invalid(f"There are several workspaces; say which with --workspace: {slugs}")
