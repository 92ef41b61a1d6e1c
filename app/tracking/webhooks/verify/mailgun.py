"""Mailgun signs a time and a token of one use, but not the event: so a token that came once opens nothing else.

After the documentation of Mailgun (Securing Webhooks; Automatic Retries): hex HMAC-SHA256 over timestamp and token; a
call that was not answered by 200 or 406 comes again for eight hours, and users saw it come with the same signature.
"""

import hmac
from hashlib import sha256
from typing import Any

from redis.exceptions import RedisError

from app.core.errors import Unavailable
from app.core.extensions import queue
from app.tracking.webhooks.calls import PATIENCE, Call, Lock, Refused
from app.tracking.webhooks.reading import text_at
from app.tracking.webhooks.verify.lateness import check_lateness

LATEST = 9 * 3600
MEMORY = LATEST + PATIENCE + 60
"""Seconds a token is remembered. After them its time is out of date."""


def verify_mailgun(call: Call, lock: Lock, body: Any) -> None:
    """Raise Refused unless the call is signed, fresh, and its token is new or came with the very same body."""
    stamp, token = text_at(body, "signature", "timestamp"), text_at(body, "signature", "token")
    signature = text_at(body, "signature", "signature")
    expected = hmac.new(lock.secret.encode(), f"{stamp}{token}".encode("utf-8", "replace"), sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        raise Refused("The signature is not Mailgun's by the key entered here. Nothing was stored.")
    # Without a length for each, digits could wander from the time to the token under the same signature.
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) == 10 and len(token) >= 16):
        raise Refused("The signed time or the token is not one. Nothing was stored.")
    check_lateness(call, int(stamp), LATEST)
    if not _is_first(lock.webhook_id, token, call.body):
        raise Refused("This token came before, with another event. Nothing was stored.")


def token_name(webhook_id: int, token: str) -> bytes:
    """What a token is remembered by. As short as is safe: there is one for each event of the last hours."""
    return b"webhook-token:" + sha256(f"{webhook_id}:{token}".encode("utf-8", "replace")).digest()[:16]


def _is_first(webhook_id: int, token: str, body: bytes) -> bool:
    name, digest = token_name(webhook_id, token), sha256(body).digest()[:16]
    try:
        before = queue().set(name, digest, nx=True, ex=MEMORY, get=True)
    except RedisError as error:
        raise Unavailable("Tokens cannot be remembered just now. Nothing was stored; try again in a moment.") from error
    return before is None or before == digest
