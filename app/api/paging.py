"""Pages of long lists: by the last id, never by counting rows off."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from flask import request

from app.core.extensions import settings


def paged(rows: Sequence[Any], query: dict[str, Any], last: int | None) -> Any:
    """Rows with the address of the next page in the header Link (RFC 8288), while there may be one."""
    if last is None or len(rows) < query["limit"]:
        return rows
    names = {**request.args.to_dict(), "after": last}
    address = settings().url(f"{request.path}?{urlencode(names)}")
    return rows, 200, {"Link": f'<{address}>; rel="next"'}
