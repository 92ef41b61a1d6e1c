"""Imports: a file now, its people in the background."""

import json
from typing import Any

from apiflask import APIBlueprint
from sqlalchemy import select

from app.accounts.access import program
from app.accounts.models import Role
from app.api.intake import asks
from app.api.lists import check_list
from app.api.paging import paged
from app.api.repeats import once
from app.api.schemas.audience import FaultOut, ImportIn, ImportOut
from app.api.schemas.common import Page
from app.audience.imports.uploads import cancel, find_import, queue_import, store_upload
from app.audience.models import Import, ImportFault
from app.core.database import db
from app.core.errors import Invalid

bp = APIBlueprint("imports", __name__, url_prefix="/imports", tag="Imports")


@bp.get("")
@program(Role.VIEWER)
@asks(bp, Page)
@bp.output(ImportOut(many=True))
def index(query: dict[str, Any]) -> Any:
    """All imports"""
    rows = select(Import).where(Import.id > query["after"]).order_by(Import.id).limit(query["limit"])
    found = list(db.session.scalars(rows))
    return paged(found, query, found[-1].id if found else None)


@bp.post("")
@program(Role.EDITOR)
@once
@bp.input(ImportIn, location="form_and_files", arg_name="data")
@bp.output(ImportOut, status_code=202)
def create(data: dict[str, Any]) -> Any:
    """Upload a CSV file and import it in the background

    Columns that `mapping` does not name are recognised by their headings and values; `-` leaves one out.
    """
    mapping = _mapping(data["mapping"])
    list_id = check_list(data["list_id"], "list_id")
    row = store_upload(data["file"].stream, data["file"].filename or "upload.csv", list_id=list_id)
    queue_import(row, consent=data["consent"], mapping=mapping, state=data["state"])
    return row


@bp.get("/<int:import_id>")
@program(Role.VIEWER)
@bp.output(ImportOut)
def read(import_id: int) -> Any:
    """How far an import is"""
    return find_import(import_id)


@bp.get("/<int:import_id>/faults")
@program(Role.VIEWER)
@asks(bp, Page)
@bp.output(FaultOut(many=True))
def faults(import_id: int, query: dict[str, Any]) -> Any:
    """Rows that were not taken, and why; `after` is a row number"""
    find_import(import_id)
    rows = select(ImportFault).where(ImportFault.import_id == import_id, ImportFault.row_number > query["after"])
    found = list(db.session.scalars(rows.order_by(ImportFault.row_number).limit(query["limit"])))
    return paged(found, query, found[-1].row_number if found else None)


@bp.post("/<int:import_id>/cancel")
@program(Role.EDITOR)
@bp.output(ImportOut)
def stop(import_id: int) -> Any:
    """Stop an import; people who came in stay"""
    row = cancel(import_id)
    db.session.commit()
    return row


def _mapping(text: str) -> dict[str, str]:
    try:
        mapping = json.loads(text or "{}")
    except (ValueError, RecursionError):
        mapping = None
    if not isinstance(mapping, dict) or not all(isinstance(field, str) for field in mapping.values()):
        raise Invalid(
            '`mapping` must be a JSON object of column to field, like {"Mail": "email"}. Nothing was stored.',
            field="mapping",
        )
    return mapping
