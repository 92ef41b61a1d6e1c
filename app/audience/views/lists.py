"""Pages of lists."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.accounts.access import member
from app.accounts.models import Role
from app.audience.forms import ListForm
from app.audience.lists import archive_list, change_list, create_list, get_list, unarchive_list
from app.audience.models import MailingList
from app.audience.queries import list_row, lists_overview
from app.core.database import db
from app.core.errors import Invalid
from app.core.extensions import settings

bp = Blueprint("lists", __name__, url_prefix="/w/<ws>/lists")


@bp.get("")
@member(Role.VIEWER)
def index() -> Any:
    """All lists with their counts."""
    archived = request.args.get("archived") == "1"
    return render_template("audience/lists/index.html", rows=lists_overview(archived=archived), archived=archived)


@bp.get("/new")
@member(Role.EDITOR)
def new() -> Any:
    """The form for a new list."""
    return render_template("audience/lists/form.html", form=ListForm(formdata=None), list=None)


@bp.post("")
@member(Role.EDITOR)
def create() -> Any:
    """Create a list."""
    form = ListForm()
    if form.validate_on_submit():
        try:
            made = create_list(**_values(form))
        except Invalid as error:
            form.refuse(error)
        else:
            db.session.commit()
            flash(_("The list %(name)s is ready.", name=made.name), "success")
            return redirect(url_for("lists.show", list_id=made.id))
    return render_template("audience/lists/form.html", form=form, list=None), 422


@bp.get("/<int:list_id>")
@member(Role.VIEWER)
def show(list_id: int) -> Any:
    """A list: who is on it, and its sign-up form."""
    found = get_list(list_id)
    return render_template("audience/lists/show.html", row=list_row(found), list=found, form_url=_form_url(found))


@bp.get("/<int:list_id>/edit")
@member(Role.EDITOR)
def edit(list_id: int) -> Any:
    """The form of a list."""
    found = get_list(list_id)
    return render_template("audience/lists/form.html", form=ListForm(formdata=None, obj=found), list=found)


@bp.post("/<int:list_id>")
@member(Role.EDITOR)
def update(list_id: int) -> Any:
    """Save a list."""
    found = get_list(list_id)
    form = ListForm()
    if form.validate_on_submit():
        try:
            change_list(found, **_values(form))
        except Invalid as error:
            form.refuse(error)
        else:
            db.session.commit()
            flash(_("Saved."), "success")
            return redirect(url_for("lists.show", list_id=found.id))
    return render_template("audience/lists/form.html", form=form, list=found), 422


@bp.post("/<int:list_id>/archive")
@member(Role.EDITOR)
def archive(list_id: int) -> Any:
    """Take a list out of use."""
    found = get_list(list_id)
    archive_list(found)
    db.session.commit()
    flash(_("%(name)s is archived. Nobody can sign up; everybody on it stays.", name=found.name), "success")
    return redirect(url_for("lists.show", list_id=found.id))


@bp.post("/<int:list_id>/unarchive")
@member(Role.EDITOR)
def unarchive(list_id: int) -> Any:
    """Take a list into use again."""
    found = get_list(list_id)
    try:
        unarchive_list(found)
    except Invalid as error:
        flash(str(error), "error")
    else:
        db.session.commit()
        flash(_("%(name)s is in use again.", name=found.name), "success")
    return redirect(url_for("lists.show", list_id=found.id))


def _values(form: ListForm) -> dict[str, Any]:
    return {
        "name": form.name.data,
        "description": form.description.data or "",
        "is_public": form.is_public.data,
        "consent_text": form.consent_text.data or "",
    }


def _form_url(found: MailingList) -> str:
    return settings().url(f"/f/{found.public_id}")
