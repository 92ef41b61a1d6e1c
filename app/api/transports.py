"""The ways out that a campaign can choose; they are set up in the pages, where their secrets are entered."""

from typing import Any

from apiflask import APIBlueprint

from app.accounts.access import program
from app.accounts.models import Role
from app.api.schemas.workspace import TransportOut
from app.sending.models import Transport
from app.sending.prospects import why_unusable
from app.sending.transports import find_transport, list_transports

bp = APIBlueprint("transports", __name__, url_prefix="/transports", tag="Workspace")
FIELDS = ("id", "name", "kind", "stream", "tier", "weight", "is_enabled")


@bp.get("")
@program(Role.VIEWER)
@bp.output(TransportOut(many=True))
def index() -> Any:
    """All transports, in the order in which they are used; none: the installation's own account is"""
    return [_shown(each) for each in list_transports()]


@bp.get("/<int:transport_id>")
@program(Role.VIEWER)
@bp.output(TransportOut)
def read(transport_id: int) -> Any:
    """One transport"""
    return _shown(find_transport(transport_id))


def _shown(transport: Transport) -> dict[str, Any]:
    fault = why_unusable(transport)
    ails = transport.failures or transport.open_until
    return {
        **{name: getattr(transport, name) for name in FIELDS},
        "can_send": not fault,
        "trouble": fault or (transport.last_words if ails else ""),
        "set_aside_until": transport.open_until,
    }
