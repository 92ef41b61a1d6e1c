"""Our own format (docs/webhooks.md): hex HMAC-SHA256 over the time, a dot, and the body."""

import hmac
from hashlib import sha256

from app.tracking.webhooks.calls import Call, Lock, Refused
from app.tracking.webhooks.verify.lateness import check_lateness
from app.tracking.webhooks.verify.unsigned import require_signature

SIGNATURE, TIMESTAMP = "x-merpati-signature", "x-merpati-timestamp"


def verify_generic(call: Call, lock: Lock) -> None:
    """Raise Refused unless the call is signed by our secret and fresh."""
    stamp, given = call.headers.get(TIMESTAMP, ""), call.headers.get(SIGNATURE, "")
    require_signature(given, "X-Merpati-Signature")
    if not stamp:
        raise Refused("The call tells no time: the header X-Merpati-Timestamp is missing. Nothing was stored.")
    if not hmac.compare_digest(sign(lock.secret, stamp, call.body).encode(), given.encode("utf-8", "replace")):
        raise Refused("The signature is not made with the secret of this webhook. Nothing was stored.")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 15):
        raise Refused("The signed time is not a Unix time in seconds. Nothing was stored.")
    check_lateness(call, int(stamp))


def sign(secret: str, stamp: str, body: bytes) -> str:
    """The signature of a body at a time."""
    return "v1=" + hmac.new(secret.encode(), stamp.encode("utf-8", "replace") + b"." + body, sha256).hexdigest()
