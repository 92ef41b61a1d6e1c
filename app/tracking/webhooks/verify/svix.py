"""Resend signs as Svix does: HMAC-SHA256 over id, time and body, by the key in base64 after `whsec_`.

After the documentation of Resend (Verify webhooks) and Svix (Verifying manually): the header holds signatures
separated by spaces, `v1,` before each of this kind; during a rotation there are several.
"""

import binascii
import hmac
import re
from base64 import b64decode
from hashlib import sha256

from app.core.errors import Invalid
from app.tracking.webhooks.calls import Call, Lock, Refused
from app.tracking.webhooks.verify.lateness import check_lateness
from app.tracking.webhooks.verify.unsigned import require_signature

PREFIX = "whsec_"
_MOST = 10
# Without dots: one in it could shift what is signed from the body to the time, under the same signature.
_ID = re.compile(r"[A-Za-z0-9_-]{1,200}").fullmatch


def verify_svix(call: Call, lock: Lock) -> None:
    """Raise Refused unless one of the signatures is right and the call fresh."""
    name, stamp = call.headers.get("svix-id", ""), call.headers.get("svix-timestamp", "")
    signed = f"{name}.{stamp}.".encode("utf-8", "replace") + call.body
    expected = hmac.new(read_key(lock.secret), signed, sha256).digest()
    given = call.headers.get("svix-signature", "").split()[:_MOST]
    require_signature(given, "svix-signature")
    if not _ID(name) or not any(hmac.compare_digest(expected, _bytes(text)) for text in given):
        raise Refused("The signature is not Resend's by the secret entered here. Nothing was stored.")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 15):
        raise Refused("The signed time is not one. Nothing was stored.")
    check_lateness(call, int(stamp))


def read_key(secret: str) -> bytes:
    """The key in a secret as Resend shows it. Raises Invalid."""
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or len(key) < 16:
        raise Invalid(
            "This is not the signing secret that Resend shows: it begins with whsec_. Nothing was saved.",
            field="secret",
        )
    return key


def _bytes(text: str) -> bytes:
    version, _, value = text.partition(",")
    if version != "v1":
        return b""
    try:
        return b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return b""
