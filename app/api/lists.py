"""Lists."""

from typing import Any

from apiflask import APIBlueprint
from sqlalchemy import select

from app.accounts.access import program
from app.accounts.models import Role
from app.api.intake import asks, takes
from app.api.paging import paged
from app.api.repeats import once
from app.api.schemas.audience import ListIn, ListOut
from app.api.schemas.common import Page
from app.audience.lists import change_list, create_list, get_list, usable_list
from app.audience.models import MailingList
from app.core.database import db
from app.core.errors import Invalid, NotFound
from app.core.extensions import settings

bp = APIBlueprint("lists", __name__, url_prefix="/lists", tag="Lists")
FIELDS = ("name", "description", "is_public", "consent_text")


@bp.get("")
@program(Role.VIEWER)
@asks(bp, Page)
@bp.output(ListOut(many=True))
def index(query: dict[str, Any]) -> Any:
    """All lists in use"""
    rows = select(MailingList).where(MailingList.archived_at.is_(None), MailingList.id > query["after"])
    found = list(db.session.scalars(rows.order_by(MailingList.id).limit(query["limit"])))
    return paged([_list(row) for row in found], query, found[-1].id if found else None)


@bp.post("")
@program(Role.EDITOR)
@once
@takes(bp, ListIn)
@bp.output(ListOut, status_code=201)
def create(data: dict[str, Any]) -> Any:
    """Create a list"""
    return _list(create_list(**data))


@bp.get("/<int:list_id>")
@program(Role.VIEWER)
@bp.output(ListOut)
def read(list_id: int) -> Any:
    """One list"""
    return _list(get_list(list_id))


@bp.patch("/<int:list_id>")
@program(Role.EDITOR)
@takes(bp, ListIn(partial=True))
@bp.output(ListOut)
def change(list_id: int, data: dict[str, Any]) -> Any:
    """Change a list"""
    found = get_list(list_id)
    change_list(found, **{**{name: getattr(found, name) for name in FIELDS}, **data})
    db.session.commit()
    return _list(found)


def check_list(list_id: int, field: str) -> int:
    """The number of a list people can be put on. Raises Invalid when the body names one that is not there."""
    try:
        return usable_list(list_id).id
    except NotFound:
        raise Invalid(
            f"There is no list {list_id} in this workspace. Nothing was changed. GET /api/v1/lists has them.",
            field=field,
        ) from None


def _list(row: MailingList) -> dict[str, Any]:
    names = ("id", "slug", "created_at", "archived_at", *FIELDS)
    return {**{name: getattr(row, name) for name in names}, "form_url": settings().url(f"/f/{row.public_id}")}
