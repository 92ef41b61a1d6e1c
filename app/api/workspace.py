"""The workspace of the key: what it lends its campaigns, and the times and limits it keeps."""

from datetime import UTC, datetime, time
from typing import Any

from apiflask import APIBlueprint
from flask import g

from app.accounts.access import program
from app.accounts.models import Role, Workspace
from app.accounts.quiet import QuietHours
from app.accounts.zones import is_zone
from app.api.intake import takes
from app.api.schemas.workspace import WorkspaceOut, WorkspacePatch
from app.core.database import db
from app.core.errors import Invalid

bp = APIBlueprint("workspace", __name__, url_prefix="/workspace", tag="Workspace")


@bp.get("")
@program(Role.VIEWER)
@bp.output(WorkspaceOut)
def read() -> Any:
    """The workspace, with its quiet hours and how often people are written to"""
    return g.workspace


@bp.patch("")
@program(Role.OWNER)
@takes(bp, WorkspacePatch)
@bp.output(WorkspaceOut)
def change(data: dict[str, Any]) -> Any:
    """Change time zone, hold, quiet hours and limits

    What is left out stays. Campaigns on their way keep to the new quiet hours; limits are judged at each launch.
    """
    # Locked before it is checked: of two changes at once, each would find the other's end as it was.
    workspace = db.session.get_one(Workspace, g.workspace.id, with_for_update=True, populate_existing=True)
    _check(workspace, data)
    for name, value in data.items():
        setattr(workspace, name, value)
    db.session.commit()
    return workspace


def _check(workspace: Workspace, data: dict[str, Any]) -> None:
    if "timezone" in data and not is_zone(data["timezone"]):
        raise Invalid("There is no such time zone. Nothing was changed. Write one like Asia/Jakarta.", field="timezone")
    if not {"quiet_from", "quiet_to"} & data.keys():
        return
    ends = {name: data.get(name, getattr(workspace, name)) for name in ("quiet_from", "quiet_to")}
    times = {name: _read_time(text, name) for name, text in ends.items() if text}
    if len(times) == 1:
        lacking = "quiet_to" if ends["quiet_from"] else "quiet_from"
        raise Invalid(
            "Quiet hours need both ends. Nothing was changed. Give both, or leave both empty for none.", field=lacking
        )
    if times and not QuietHours(times["quiet_from"], times["quiet_to"]).leave_enough:
        raise Invalid(
            "Quiet hours begin and end at different times and leave at least four hours of the day to send in. "
            "Nothing was changed. Choose a shorter time.",
            field="quiet_to" if "quiet_to" in data else "quiet_from",
        )


def _read_time(text: str, field: str) -> time:
    try:
        found = datetime.strptime(text, "%H:%M").replace(tzinfo=UTC).time()
        if f"{found:%H:%M}" != text:
            raise ValueError
        return found
    except ValueError:
        raise Invalid("This is no time of the day. Nothing was changed. Write one like 21:00.", field=field) from None
