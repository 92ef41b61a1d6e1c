"""SendGrid signs time and body with ECDSA on P-256; its public key is the owner's to enter.

After the documentation of Twilio SendGrid (Event Webhook Security Features; Troubleshooting): the signature is DER in
base64 over the timestamp header and the raw bytes, SHA-256; the key is a SubjectPublicKeyInfo in base64; what is not
answered by a 2xx comes again for 24 hours, known by its `sg_event_id`.
"""

import binascii
from base64 import b64decode
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from app.core.errors import Invalid
from app.tracking.webhooks.calls import Call, Lock, Refused
from app.tracking.webhooks.verify.lateness import check_lateness
from app.tracking.webhooks.verify.unsigned import require_signature

SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
LATEST = 25 * 3600


def verify_sendgrid(call: Call, lock: Lock) -> None:
    """Raise Refused unless the call is signed by the key and fresh."""
    stamp, given = call.headers.get(TIMESTAMP, ""), call.headers.get(SIGNATURE, "")
    require_signature(given, "X-Twilio-Email-Event-Webhook-Signature")
    try:
        signature = b64decode(given, validate=True)
        read_public_key(lock.secret).verify(signature, stamp.encode() + call.body, ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error, ValueError):
        raise Refused("The signature is not SendGrid's by the key entered here. Nothing was stored.") from None
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 15):
        raise Refused("The signed time is not one. Nothing was stored.")
    check_lateness(call, int(stamp), LATEST)


@lru_cache(maxsize=64)
def read_public_key(text: str) -> EllipticCurvePublicKey:
    """The key that SendGrid shows, with or without the lines of PEM around it. Raises Invalid."""
    bare = "".join(line.strip() for line in text.splitlines() if "-----" not in line)
    try:
        key = load_der_public_key(b64decode(bare, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise Invalid(
            "This is not the verification key that SendGrid shows: it begins with MFkw. Nothing was saved.",
            field="secret",
        )
    return key
