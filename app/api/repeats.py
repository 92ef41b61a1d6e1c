"""`Idempotency-Key`: a call that is sent again, because its answer was lost, is carried out once.

The key is claimed in the transaction that does the work, so both are there or neither is; of two calls at once, the
second waits for the first. Refused calls leave nothing, and their key can be used again.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import wraps
from hashlib import sha256
from typing import Any

from flask import Response, current_app, request
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app.api.models import KeptAnswer
from app.core import clock
from app.core.database import current_workspace_id, db
from app.core.errors import Conflict, Invalid

HEADER = "Idempotency-Key"
LIFE = timedelta(hours=24)
MOST = 255

View = Callable[..., Any]


def once(view: View) -> View:
    """With the header, a repeat within a day gets the first answer. Commits; the view only flushes."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        key = request.headers.get(HEADER)
        if key is not None and not _claim(key):
            return _earlier(key)
        response = current_app.make_response(view(*args, **kwargs))
        if key is not None:
            kept = _kept(key)
            kept.status, kept.body = response.status_code, response.get_data(as_text=True)
        db.session.commit()
        return response

    guarded.repeats = True  # type: ignore[attr-defined]
    return guarded


def _claim(key: str) -> bool:
    """Make the key ours; False when a call of the last day has it."""
    if not 0 < len(key) <= MOST or not key.isprintable() or not key.isascii():
        raise Invalid(f"{HEADER} takes 1 to {MOST} printable characters. Nothing was changed.", field=HEADER)
    db.session.execute(delete(KeptAnswer).where(KeptAnswer.created_at < clock.now() - LIFE))
    claimed = db.session.scalar(
        insert(KeptAnswer)
        .values(workspace_id=current_workspace_id(), key=key, digest=_digest(), created_at=clock.now())
        .on_conflict_do_nothing()
        .returning(KeptAnswer.key)
    )
    return claimed is not None


def _earlier(key: str) -> Response:
    kept = _kept(key)
    if kept.digest != _digest():
        raise Conflict(
            f"This {HEADER} came with another call or body in the last 24 hours. Nothing was changed. "
            "Give each call a key of its own, for example a UUID."
        )
    if kept.status is None or kept.body is None:
        raise Conflict(
            f"The call with this {HEADER} was begun, but its answer is not there. Nothing was done a second time. "
            "See with GET what it made; with a new key it would be made again."
        )
    answer = Response(kept.body, kept.status, mimetype="application/json")
    answer.headers["Idempotent-Replayed"] = "true"
    return answer


def _kept(key: str) -> KeptAnswer:
    return db.session.scalars(select(KeptAnswer).where(KeptAnswer.key == key)).one()


def _digest() -> bytes:
    digest = sha256(f"{request.method} {request.path}\n".encode())
    for piece in _pieces():
        digest.update(len(piece).to_bytes(8) + piece)
    return digest.digest()


def _pieces() -> Iterator[bytes]:
    """The body in pieces that a retry repeats: the boundary of a form with a file does not."""
    if not request.files:
        yield request.get_data()
        return
    for name, value in sorted(request.form.items(multi=True)):
        yield f"{name}={value}".encode(errors="replace")
    for name, file in sorted(request.files.items(multi=True)):
        yield f"{name}={file.filename}".encode(errors="replace")
        while piece := file.stream.read(1 << 20):
            yield piece
        file.stream.seek(0)
