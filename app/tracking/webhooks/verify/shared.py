"""Providers that sign nothing (Postmark, SparkPost, Brevo): a password that only they and we know.

It comes as the password of Basic authentication (RFC 7617), as a bearer token (RFC 6750), or in a header of our own,
whichever the provider's page has a field for. A repeat is known by its event, since there is no signed time.
"""

import binascii
import hmac
from base64 import b64decode

from app.tracking.webhooks.calls import Call, Lock, Refused

HEADER = "x-merpati-secret"


def verify_shared(call: Call, lock: Lock) -> None:
    """Raise Refused unless the call carries the secret."""
    given = _given(call)
    if not given:
        raise Refused("The call carries no secret. Nothing was stored; enter it at the provider.", 401)
    if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), lock.secret.encode()):
        raise Refused("The secret of the call is not ours. Nothing was stored; enter it again at the provider.", 401)


def _given(call: Call) -> str:
    if own := call.headers.get(HEADER, ""):
        return own
    scheme, _, value = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(value.strip(), validate=True).decode("utf-8", "surrogateescape").partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
