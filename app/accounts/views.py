"""Signing in by a one-time link, creating the owner, and the settings of a workspace."""

from typing import Any
from uuid import uuid4

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user
from flask_security import login_user
from sqlalchemy import select

from app.accounts.access import member, public
from app.accounts.forms import KeyForm, MemberForm, OwnerForm, PasswordForm, WorkspaceForm, or_nothing
from app.accounts.keys import create_key, revoke_key
from app.accounts.models import ApiKey, Membership, Role, User
from app.accounts.setup import (
    add_member,
    checked_password,
    create_user,
    create_workspace,
    find_user,
    has_owner,
    is_member,
    make_link,
    peek_link,
    use_link,
)
from app.core.database import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.extensions import settings as installation
from app.core.wallclock import zone_names

bp = Blueprint("accounts", __name__)
settings = Blueprint("settings", __name__, url_prefix="/w/<ws>/settings")


@bp.get("/start/<secret>")
@public
def start(secret: str) -> Any:
    """The form that creates the owner. Looking at it uses nothing up."""
    peek_link(secret, "create-owner")
    return render_template("accounts/start.html", form=OwnerForm())


@bp.post("/start/<secret>")
@public
def create_owner(secret: str) -> Any:
    """Create the owner and the first workspace."""
    peek_link(secret, "create-owner")
    form = OwnerForm()
    if not form.validate_on_submit():
        return render_template("accounts/start.html", form=form), 422
    use_link(secret, "create-owner")  # first: of two at once, the second waits here until the first is done
    if has_owner():
        raise Conflict(_("There is an owner already. Sign in, or ask them for an invitation."))
    try:
        user = create_user(form.email.data, name=or_nothing(form.name.data), password=form.password.data)
    except Invalid as error:
        db.session.rollback()
        form.field(error.field or "email").errors = [str(error)]
        return render_template("accounts/start.html", form=form), 422
    workspace = create_workspace(form.workspace.data, timezone=form.timezone.data)
    workspace.from_email, workspace.from_name = user.email, workspace.name
    workspace.postal_address = or_nothing(form.postal_address.data)
    add_member(workspace, user, Role.OWNER)
    db.session.commit()
    login_user(user)
    db.session.commit()
    return redirect(url_for("home.index", ws=workspace.slug))


@bp.get("/enter/<secret>")
@public
def enter(secret: str) -> Any:
    """A page with one button: signing in happens by POST, because mail scanners open links."""
    peek_link(secret, "sign-in")
    return render_template("accounts/enter.html")


@bp.post("/enter/<secret>")
@public
def entered(secret: str) -> Any:
    """Sign in by a one-time link."""
    link = use_link(secret, "sign-in")
    user = db.session.get_one(User, link.user_id)
    login_user(user)
    db.session.commit()
    return redirect(url_for("home.landing"))


@settings.get("")
@member(Role.VIEWER)
def index() -> Any:
    """The workspace: name, zone, sender, postal address."""
    return render_template("accounts/settings.html", form=WorkspaceForm(obj=g.workspace), zones=_zones())


@settings.post("")
@member(Role.OWNER)
def save() -> Any:
    """Save the workspace."""
    form = WorkspaceForm(obj=g.workspace)
    if not form.validate_on_submit():
        return render_template("accounts/settings.html", form=form, zones=_zones()), 422
    form.populate_obj(g.workspace)
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("settings.index"))


@settings.get("/team")
@member(Role.VIEWER)
def team() -> Any:
    """Who belongs to the workspace."""
    return render_template("accounts/team.html", members=_members(), form=MemberForm(), link=None)


@settings.post("/team")
@member(Role.OWNER)
def invite() -> Any:
    """Add somebody; the page shows a one-time link to hand over."""
    form = MemberForm()
    if not form.validate_on_submit():
        return render_template("accounts/team.html", members=_members(), form=form, link=None), 422
    known = find_user(form.email.data)
    if known and is_member(g.workspace, known):
        form.email.errors = [_("This person is a member already. To change a role, remove them and add them again.")]
        return render_template("accounts/team.html", members=_members(), form=form, link=None), 422
    user = known or create_user(form.email.data, name=or_nothing(form.name.data))
    add_member(g.workspace, user, Role(form.role.data))
    if known:
        # No link: it would sign whoever holds it in to the other workspaces of this person, too.
        db.session.commit()
        flash(_("Added. This person signs in as before."), "success")
        return redirect(url_for("settings.team"))
    link = installation().url(url_for("accounts.enter", secret=make_link("sign-in", user)))
    db.session.commit()
    return render_template("accounts/team.html", members=_members(), form=MemberForm(formdata=None), link=link)


@settings.post("/team/<int:user_id>/remove")
@member(Role.OWNER)
def remove(user_id: int) -> Any:
    """Take somebody out of the workspace; the last owner stays."""
    # Locked, in one order: two owners who remove each other at once must not leave the workspace without any.
    rows = db.session.scalars(
        select(Membership)
        .where(Membership.workspace_id == g.workspace.id)
        .order_by(Membership.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    row = next((row for row in rows if row.user_id == user_id), None)
    if row is None:
        raise NotFound(_("This person is not a member here."))
    if [one for one in rows if one.role == Role.OWNER] == [row]:
        raise Conflict(_("This is the last owner. Make somebody else owner first."))
    db.session.delete(row)
    db.session.commit()
    flash(_("Removed from the workspace."), "success")
    return redirect(url_for("settings.team"))


@settings.get("/keys")
@member(Role.OWNER)
def keys() -> Any:
    """The keys of programs."""
    return render_template("accounts/keys.html", keys=_keys(), form=KeyForm(), secret=None)


@settings.post("/keys")
@member(Role.OWNER)
def add_key() -> Any:
    """Make a key and show it, once."""
    form = KeyForm()
    if not form.validate_on_submit():
        return render_template("accounts/keys.html", keys=_keys(), form=form, secret=None), 422
    secret = create_key(form.name.data.strip(), Role(form.role.data))
    db.session.commit()
    return render_template("accounts/keys.html", keys=_keys(), form=KeyForm(formdata=None), secret=secret)


@settings.post("/keys/<int:key_id>/revoke")
@member(Role.OWNER)
def end_key(key_id: int) -> Any:
    """End a key at once."""
    revoke_key(key_id)
    db.session.commit()
    flash(_("Revoked. Programs that use this key are refused from now on."), "success")
    return redirect(url_for("settings.keys"))


@settings.get("/password")
@member(Role.VIEWER)
def password() -> Any:
    """Set or change one's own password."""
    return render_template("accounts/password.html", form=PasswordForm())


@settings.post("/password")
@member(Role.VIEWER)
def set_password() -> Any:
    """Save one's own password; other browsers are signed out."""
    form = PasswordForm()
    if not form.validate_on_submit():
        return render_template("accounts/password.html", form=form), 422
    user = db.session.get_one(User, current_user.id)
    user.password = checked_password(form.password.data)
    user.fs_uniquifier = uuid4().hex
    db.session.commit()
    login_user(user)
    db.session.commit()
    flash(_("Your password is set."), "success")
    return redirect(url_for("settings.index"))


def _members() -> list[tuple[Membership, User]]:
    rows = db.session.execute(
        select(Membership, User)
        .join(User, User.id == Membership.user_id)
        .where(Membership.workspace_id == g.workspace.id)
        .order_by(User.email)
    )
    return [(membership, user) for membership, user in rows]


def _keys() -> list[ApiKey]:
    return list(db.session.scalars(select(ApiKey).order_by(ApiKey.revoked_at.nulls_first(), ApiKey.id.desc())))


def _zones() -> list[str]:
    return sorted(zone_names())


# Beside `accounts`, not within it: endpoints are `settings.index`, not `accounts.settings.index`.
bp.record_once(lambda state: state.app.register_blueprint(settings))
