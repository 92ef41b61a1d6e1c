"""/api/v1: thin over the features' verbs. Errors are problems (RFC 9457); pages go by `after` and `limit`."""

from typing import Any

from apiflask import APIBlueprint
from flask import jsonify, render_template

from app.accounts.access import public
from app.api import campaigns, flight, imports, lists, people, problems, suppressions, transports, workspace
from app.api.description import METHODS, describe
from app.api.gate import add_headers, check_rate

bp = APIBlueprint("api", __name__, url_prefix="/api/v1")
csrf_exempt = True

for room in (lists, people, imports, suppressions, campaigns, flight, workspace, transports):
    bp.register_blueprint(room.bp)
bp.before_request(check_rate)
bp.after_request(add_headers)


@bp.record
def _configure(state: Any) -> None:
    # Not by the decorator `error_processor`: that would take the errors of all pages as well.
    state.app.error_callback = problems.answer
    # The description says for itself what a call may answer; what would be added by rote is not a problem's shape.
    for name in ("VALIDATION_ERROR", "AUTH_ERROR", "404"):
        state.app.config[f"AUTO_{name}_RESPONSE"] = False


@bp.get("/openapi.json")
@bp.doc(hide=True)
@public
def openapi() -> Any:
    """The description of this API for programs, in OpenAPI 3.1."""
    return jsonify(describe())


@bp.get("/docs")
@bp.doc(hide=True)
@public
def docs() -> Any:
    """The same for people."""
    return render_template("api/docs.html", spec=describe(), methods=METHODS)
