"""Pages of imports: upload, say what the columns mean, watch, and fetch what was not taken."""

from typing import Any

from flask import (
    Blueprint,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask_babel import gettext as _
from flask_login import current_user

from app.accounts.access import member
from app.accounts.models import Role
from app.audience.attributes import attribute_types
from app.audience.forms import ImportForm, UploadForm, list_options
from app.audience.imports.columns import ATTRIBUTE, FIELDS, Column, mapped
from app.audience.imports.merge import Counts
from app.audience.imports.not_taken import not_taken_csv
from app.audience.imports.sniff import Sniffed
from app.audience.imports.uploads import OPEN, cancel, find_import, look_at, preview_import, queue_import, store_upload
from app.audience.lists import get_list
from app.audience.models import Import
from app.audience.queries import list_choices, recent_imports
from app.audience.values import TYPES
from app.core.database import db
from app.core.errors import Conflict, Invalid, NotFound, Unavailable

bp = Blueprint("imports", __name__, url_prefix="/w/<ws>/imports")


@bp.get("")
@member(Role.VIEWER)
def index() -> Any:
    """The latest imports."""
    return render_template("audience/imports/index.html", rows=recent_imports())


@bp.get("/new")
@member(Role.EDITOR)
def new() -> Any:
    """The form to upload a file."""
    return render_template("audience/imports/new.html", form=UploadForm(formdata=None))


@bp.post("")
@member(Role.EDITOR)
def create() -> Any:
    """Take a file; it is imported only after the columns are confirmed."""
    form = UploadForm()
    if form.validate_on_submit():
        upload = form.file.data
        try:
            row = store_upload(upload.stream, upload.filename or "", user_id=current_user.id)
        except Invalid as error:
            db.session.rollback()
            form.refuse(error)
        else:
            db.session.commit()
            return redirect(url_for("imports.columns", import_id=row.id, list=request.args.get("list", type=int)))
    return render_template("audience/imports/new.html", form=form), 422


@bp.get("/<int:import_id>/columns")
@member(Role.EDITOR)
def columns(import_id: int) -> Any:
    """What the columns seem to mean, with the first rows."""
    row = find_import(import_id)
    if row.state != "uploaded":
        return redirect(url_for("imports.show", import_id=row.id))
    form = ImportForm(formdata=None, list_id=request.args.get("list", type=int))
    sniffed = look_at(row)
    return _columns_page(row, form, sniffed, list(sniffed.columns))


@bp.post("/<int:import_id>/columns")
@member(Role.EDITOR)
def start(import_id: int) -> Any:
    """Start the import, or, with `try`, say what its first rows would do."""
    row = find_import(import_id)
    if row.state != "uploaded":
        raise Conflict(_("This import was started already."))
    form = _with_lists(ImportForm())
    sniffed = look_at(row)
    wishes = {column.index: _wish(column) for column in sniffed.columns}
    chosen = list(sniffed.columns)
    try:
        chosen = mapped(chosen, wishes)
        if "try" in request.form:
            preview = preview_import(row, chosen, list_id=form.list_id.data)
            return _columns_page(row, form, sniffed, chosen, preview)
        if form.validate_on_submit():
            get_list(form.list_id.data)
            queue_import(
                row, columns=chosen, consent=form.consent.data, list_id=form.list_id.data, state=form.state.data
            )
            return redirect(url_for("imports.show", import_id=import_id))
    except Invalid as error:
        db.session.rollback()
        form.refuse(error)
    except Unavailable as error:
        flash(str(error), "warning")
        return redirect(url_for("imports.show", import_id=import_id))
    return _columns_page(find_import(import_id), form, sniffed, chosen), 422


@bp.get("/<int:import_id>")
@member(Role.VIEWER)
def show(import_id: int) -> Any:
    """How far an import is; htmx asks for the progress alone."""
    row = find_import(import_id)
    if row.state == "uploaded":
        return redirect(url_for("imports.columns", import_id=row.id))
    is_part, is_over = "HX-Request" in request.headers, row.state not in OPEN
    part = "audience/imports/_progress.html" if is_part else "audience/imports/show.html"
    name = get_list(row.list_id).name if row.list_id else ""
    page = make_response(render_template(part, row=row, list_name=name, is_over=is_over))
    if is_part and is_over:
        page.headers["HX-Refresh"] = "true"  # the end changes what stands around the progress, too
    return page


@bp.post("/<int:import_id>/cancel")
@member(Role.EDITOR)
def stop(import_id: int) -> Any:
    """Stop an import; who came in stays."""
    try:
        row = cancel(import_id)
    except Conflict as error:
        flash(str(error), "info")
    else:
        db.session.commit()
        flash(_("The import is stopped. %(num)s rows were done; they stay.", num=f"{row.rows_done:,}"), "success")
    return redirect(url_for("imports.index"))


@bp.get("/<int:import_id>/faults")
@member(Role.EDITOR)
def faults(import_id: int) -> Any:
    """The rows that were not taken, or not wholly, as a file like the imported one."""
    row = find_import(import_id)
    if not row.invalid and not row.options.get("warned"):
        raise NotFound(_("Every row of this import was taken, so there is no file of errors."))
    headers = {"Content-Disposition": f"attachment; filename=import-{row.id}-errors.csv"}
    body = stream_with_context(not_taken_csv(row))
    return Response(body, content_type="text/csv; charset=utf-8", headers=headers)


def _wish(column: Column) -> str:
    """What the form says about a column; a new attribute is named after the heading."""
    field = request.form.get(f"field-{column.index}", column.field or "-")
    kind = request.form.get(f"type-{column.index}", "")
    if field == "new":
        field = request.form.get(f"name-{column.index}", "").strip() or column.key or column.header
    return f"{field}:{kind}" if kind in TYPES and field not in ("-", *FIELDS) else field


def _with_lists(form: ImportForm) -> ImportForm:
    form.list_id.choices = list_options(list_choices())
    return form


def _columns_page(
    row: Import, form: ImportForm, sniffed: Sniffed, chosen: list[Column], preview: Counts | None = None
) -> str:
    return render_template(
        "audience/imports/columns.html",
        row=row,
        form=_with_lists(form),
        sniffed=sniffed,
        columns=chosen,
        known=list(attribute_types()),
        attribute=ATTRIBUTE,
        types=TYPES,
        preview=preview,
    )
