"""/api/v1: thin over the features' verbs. Errors are problems (RFC 9457); pages go by `after` and `limit`."""

from typing import Any

from apiflask import APIBlueprint
from flask import current_app, jsonify, render_template

from app.accounts.access import public
from app.api import audience, campaigns

bp = APIBlueprint("api", __name__, url_prefix="/api/v1", tag="Merpati")
csrf_exempt = True

bp.register_blueprint(audience.bp)
bp.register_blueprint(campaigns.bp)


@bp.get("/openapi.json")
@bp.doc(hide=True)
@public
def openapi() -> Any:
    """The description of this API for programs, in OpenAPI 3.1."""
    return jsonify(_spec())


@bp.get("/docs")
@bp.doc(hide=True)
@public
def docs() -> Any:
    """The same for people."""
    return render_template("api/docs.html", spec=_spec(), operations=list(_operations(_spec())))


def _spec() -> dict[str, Any]:
    spec: dict[str, Any] = current_app.spec  # type: ignore[attr-defined]
    return {**spec, "paths": {path: item for path, item in spec["paths"].items() if path.startswith("/api/v1")}}


def _operations(spec: dict[str, Any]) -> Any:
    for path, item in spec["paths"].items():
        for method in ("get", "post", "put", "patch", "delete"):
            if method in item:
                yield {"path": path, "method": method.upper(), **item[method]}
