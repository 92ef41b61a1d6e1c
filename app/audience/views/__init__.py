"""Pages of the audience: people, lists, imports, suppressions."""

from flask import Blueprint

from app.audience.views import imports, lists, people, subscriptions, suppressions

bp = Blueprint("audience", __name__)
# Beside this blueprint, not within it: endpoints are `people.index`, not `audience.people.index`.
for room in (people, subscriptions, lists, imports, suppressions):
    bp.record_once(lambda state, bp=room.bp: state.app.register_blueprint(bp))  # type: ignore[misc]
