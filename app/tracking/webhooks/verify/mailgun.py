"""Mailgun signs a time and a token of one use, but not the event: so a token that came once opens nothing else.

After the documentation of Mailgun (Securing Webhooks): hex HMAC-SHA256 over timestamp and token.
"""

import hmac
from hashlib import sha256
from typing import Any

from redis.exceptions import RedisError

from app.core.errors import Unavailable
from app.core.extensions import queue
from app.tracking.webhooks.calls import PATIENCE, Call, Lock, Refused, check_age
from app.tracking.webhooks.reading import text_at

MEMORY = 2 * PATIENCE + 60
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
    check_age(call, int(stamp))
    if not _is_first(lock.webhook_id, token, sha256(call.body).hexdigest()):
        raise Refused("This token came before, with another event. Nothing was stored.")


def _is_first(webhook_id: int, token: str, digest: str) -> bool:
    name = f"webhook-token:{webhook_id}:{sha256(token.encode('utf-8', 'replace')).hexdigest()}"
    try:
        before = queue().set(name, digest, nx=True, ex=MEMORY, get=True)
    except RedisError as error:
        raise Unavailable("Tokens cannot be remembered just now. Nothing was stored; try again in a moment.") from error
    return before is None or before == digest.encode()
