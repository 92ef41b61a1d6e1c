"""Addresses never to be mailed."""

from collections.abc import Sequence
from typing import Any

from apiflask import APIBlueprint
from sqlalchemy import select

from app.accounts.access import program
from app.accounts.models import Role
from app.api.intake import asks, takes
from app.api.lists import check_list
from app.api.paging import paged
from app.api.schemas.audience import SuppressionIn, SuppressionOut, SuppressionQuery
from app.audience.addresses import address_hash, normalise
from app.audience.masking import masked_evidence
from app.audience.models import Suppression
from app.audience.suppressions import Reason, lift, suppress, workspace_address_key
from app.core.database import db

bp = APIBlueprint("suppressions", __name__, url_prefix="/suppressions", tag="Suppressions")


@bp.get("")
@program(Role.VIEWER)
@asks(bp, SuppressionQuery)
@bp.output(SuppressionOut(many=True))
def index(query: dict[str, Any]) -> Any:
    """Addresses never to be mailed"""
    rows = select(Suppression).where(Suppression.id > query["after"], Suppression.lifted_at.is_(None))
    if query["email"]:
        digest = address_hash(workspace_address_key(), normalise(query["email"]).address)
        rows = rows.where(Suppression.address_hash == digest)
    found = list(db.session.scalars(rows.order_by(Suppression.id).limit(query["limit"])))
    return paged(_shown(found), query, found[-1].id if found else None)


@bp.post("")
@program(Role.EDITOR)
@takes(bp, SuppressionIn)
@bp.output(SuppressionOut, status_code=201)
def create(data: dict[str, Any]) -> Any:
    """Never mail an address again; twice is once"""
    list_id = check_list(data["list_id"], "list_id") if data["list_id"] else None
    made = suppress(data["email"], Reason.MANUAL, list_id=list_id, evidence=data["evidence"].strip() or "by API")
    db.session.commit()
    return _shown([made])[0]


@bp.delete("/<int:suppression_id>")
@program(Role.OWNER)
@bp.output(SuppressionOut)
def end(suppression_id: int) -> Any:
    """Allow mail again; subscriptions stay as they are"""
    found = lift(suppression_id, note="by API")
    db.session.commit()
    return _shown([found])[0]


def _shown(rows: Sequence[Suppression]) -> list[dict[str, Any]]:
    """As the API gives them: of the address only a hash is kept, so what a server said of it hides it as well."""
    key, names = workspace_address_key(), ("id", "hint", "list_id", "reason", "created_at", "lifted_at")
    return [
        {
            **{name: getattr(row, name) for name in names},
            "evidence": masked_evidence(row.evidence, row.hint, row.address_hash, key),
        }
        for row in rows
    ]
