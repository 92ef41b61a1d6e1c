"""The gallery of templates: starters that come with Merpati, and the workspace's own."""

from typing import Any

from flask import Blueprint, flash, g, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.accounts.access import may, member
from app.accounts.models import Role
from app.content import templates as library
from app.content.forms import TemplateForm
from app.content.models import Template
from app.content.preview import (
    POLICY,
    SAMPLE_PERSON,
    Place,
    check_source,
    forget_source,
    keep_source,
    kept_source,
    render_source,
)
from app.core.database import db
from app.core.errors import Invalid, MerpatiError
from app.core.http import replace_policy
from app.rendering.merge import PersonContext
from app.rendering.starters import list_starters, load_starter

bp = Blueprint("templates", __name__, url_prefix="/w/<ws>/templates")


@bp.context_processor
def _shared() -> dict[str, Any]:
    return {"may_edit": may(Role.EDITOR)}


@bp.get("/")
@member(Role.VIEWER)
def index() -> Any:
    """The gallery."""
    archived = request.args.get("tab") == "archived"
    return render_template(
        "content/index.html",
        archived=archived,
        templates=library.list_templates(archived=archived),
        starters=[] if archived else list_starters(),
    )


@bp.get("/new")
@member(Role.EDITOR)
def new() -> Any:
    """A name for a template from scratch."""
    return render_template("content/new.html", form=TemplateForm())


@bp.post("/new")
@member(Role.EDITOR)
def create() -> Any:
    """Make the template and open it."""
    form = TemplateForm()
    if not form.validate_on_submit():
        return render_template("content/new.html", form=form), 422
    template = library.create_template(form.name.data, description=form.description.data or "")
    db.session.commit()
    return _to(template)


@bp.post("/starters/<slug>/copy")
@member(Role.EDITOR)
def copy_starter(slug: str) -> Any:
    """Make a template of a starter."""
    template = library.create_from_starter(slug)
    db.session.commit()
    return _to(template)


@bp.get("/starters/<slug>/frame")
@member(Role.VIEWER)
def starter_frame(slug: str) -> Any:
    """What a starter looks like, for a frame."""
    return _frame(load_starter(slug).mjml)


@bp.get("/<int:template_id>")
@member(Role.VIEWER)
def edit(template_id: int) -> Any:
    """The source of a template, with its preview beside."""
    template = library.find_template(template_id)
    form = TemplateForm(formdata=None, name=template.name, description=template.description, source=template.mjml)
    return _edit_page(template, form)


@bp.post("/<int:template_id>")
@member(Role.EDITOR)
def save(template_id: int) -> Any:
    """Save a template."""
    template, form = library.find_template(template_id), TemplateForm()
    if not form.validate_on_submit():
        return _edit_page(template, form, 422)
    try:
        library.change_template(
            template_id,
            name=form.name.data,
            description=form.description.data or "",
            mjml=(form.source.data or "").replace("\r\n", "\n"),
        )
    except Invalid as error:
        form.name.errors = [str(error)]
        return _edit_page(template, form, 422)
    db.session.commit()
    forget_source(_place(template_id))
    flash(_("Saved. Campaigns made from it before stay as they are."), "success")
    return redirect(url_for("templates.edit", template_id=template_id))


@bp.post("/<int:template_id>/check")
@member(Role.EDITOR)
def check(template_id: int) -> Any:
    """What is wrong with the source being typed, and where to see it. Saves nothing."""
    library.find_template(template_id)
    source = request.form.get("source", "")
    keep_source(_place(template_id), source)
    errors = [{"line": item.line, "column": item.column, "message": item.message} for item in check_source(source)]
    frame = url_for("templates.frame", template_id=template_id, typed=1)
    return jsonify(ok=not errors, errors=errors, html_url=frame)


@bp.get("/<int:template_id>/frame")
@member(Role.VIEWER)
def frame(template_id: int) -> Any:
    """What a template looks like, for a frame. With `typed`, as it stands in the editor."""
    template = library.find_template(template_id)
    typed = kept_source(_place(template_id)) if request.args.get("typed") else None
    return _frame(template.mjml if typed is None else typed)


@bp.post("/<int:template_id>/duplicate")
@member(Role.EDITOR)
def duplicate(template_id: int) -> Any:
    """A second one like it."""
    template = library.duplicate_template(template_id)
    db.session.commit()
    return _to(template)


@bp.post("/<int:template_id>/archive")
@member(Role.EDITOR)
def archive(template_id: int) -> Any:
    """Out of the gallery."""
    template = library.archive_template(template_id)
    db.session.commit()
    flash(_("“%(name)s” is archived.", name=template.name), "success")
    return redirect(url_for("templates.index"))


@bp.post("/<int:template_id>/unarchive")
@member(Role.EDITOR)
def unarchive(template_id: int) -> Any:
    """Back into the gallery."""
    template = library.unarchive_template(template_id)
    db.session.commit()
    flash(_("“%(name)s” is back.", name=template.name), "success")
    return redirect(url_for("templates.index"))


def _edit_page(template: Template, form: TemplateForm, status: int = 200) -> Any:
    source = form.source.data or ""
    page = render_template("content/edit.html", template=template, form=form, problems=check_source(source))
    return page, status


def _frame(source: str) -> Any:
    replace_policy(POLICY)
    person = PersonContext(
        subscriber=SAMPLE_PERSON,
        unsubscribe_url="#",
        preferences_url="#",
        view_url="#",
        campaign={"name": _("Name of the campaign")},
        workspace={"name": g.workspace.name, "postal_address": g.workspace.postal_address},
        track_links=False,
    )
    try:
        return render_source(source, person).html
    except MerpatiError as error:
        return render_template("content/preview_problem.html", problem=str(error))


def _place(template_id: int) -> Place:
    return Place(g.workspace.id, int(current_user.id), f"template-{template_id}")


def _to(template: Template) -> Any:
    return redirect(url_for("templates.edit", template_id=template.id))
