"""Amazon SNS signs fixed fields of its envelope with a key whose certificate it publishes itself.

After the documentation of Amazon SNS (Verifying the signatures of Amazon SNS messages; Message delivery retries): the
signed text is name and value on lines of their own, in alphabetical order; SignatureVersion 1 is SHA-1, 2 is SHA-256,
both RSA with PKCS #1 v1.5. The time is that of publishing, and SNS tries again for an hour at most: so two are allowed,
and a repeat is known by its MessageId.
"""

import binascii
from base64 import b64decode
from collections import OrderedDict
from datetime import datetime
from threading import Lock as Mutex
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import Certificate, load_pem_x509_certificate

from app.core.errors import Unavailable
from app.tracking.webhooks import fetching
from app.tracking.webhooks.calls import Call, Lock, Refused
from app.tracking.webhooks.fetching import Place, certificate_place
from app.tracking.webhooks.reading import text_at
from app.tracking.webhooks.verify.lateness import check_lateness
from app.tracking.webhooks.verify.unsigned import require_signature

LATEST = 2 * 3600
NOTIFICATION, SUBSCRIPTION, END = "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"
_OF_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_OF_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
SIGNED = {NOTIFICATION: _OF_NOTIFICATION, SUBSCRIPTION: _OF_CONFIRMATION, END: _OF_CONFIRMATION}
_HASHES = {"1": SHA1, "2": SHA256}


class Certificates:
    """The certificates seen, the latest few; one that could not be had is not asked for again at once."""

    most = 16
    rest = 60

    def __init__(self) -> None:
        self._known: OrderedDict[Place, Certificate] = OrderedDict()
        self._failed: OrderedDict[Place, float] = OrderedDict()
        self._mutex = Mutex()

    def get(self, place: Place, now: datetime) -> Certificate:
        """The certificate at a place. Raises Unavailable when it cannot be had, Refused when it is none of today."""
        with self._mutex:
            found = self._known.get(place)
            failed = self._failed.get(place)
        if found is None:
            if failed is not None and now.timestamp() - failed < self.rest:
                raise Unavailable("The certificate of Amazon SNS could not be had. Nothing was stored; try again.")
            found = self._ask(place, now)
        if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
            raise Refused("The certificate in the call is out of date. Nothing was stored.")
        return found

    def forget(self) -> None:
        """Forget all of them."""
        with self._mutex:
            self._known.clear()
            self._failed.clear()

    def _ask(self, place: Place, now: datetime) -> Certificate:
        try:
            found = load_pem_x509_certificate(fetching.fetch(place))
        except (Unavailable, ValueError):
            self._keep(self._failed, place, now.timestamp())
            raise Unavailable(
                "The certificate of Amazon SNS could not be had. Nothing was stored; try again."
            ) from None
        self._keep(self._known, place, found)
        return found

    def _keep(self, among: "OrderedDict[Place, Any]", place: Place, what: Any) -> None:
        with self._mutex:
            among[place] = what
            while len(among) > self.most:
                among.popitem(last=False)


certificates = Certificates()


def verify_sns(call: Call, lock: Lock, body: Any) -> None:
    """Raise Refused unless the envelope is of an allowed topic, signed by Amazon and of this hour."""
    topic, names = text_at(body, "TopicArn"), SIGNED.get(text_at(body, "Type"))
    hashed = _HASHES.get(text_at(body, "SignatureVersion"))
    if not topic or names is None or hashed is None:
        raise Refused("The call is not an envelope of Amazon SNS; raw delivery must be off. Nothing was stored.")
    if topic != lock.options.get("topic"):
        raise Refused("The call is of another topic than the one entered here. Nothing was stored.")
    require_signature(text_at(body, "Signature"), "Signature")
    place = certificate_place(text_at(body, "SigningCertURL"), topic)
    key = certificates.get(place, call.at).public_key()
    try:
        signature = b64decode(text_at(body, "Signature"), validate=True)
        if not isinstance(key, RSAPublicKey):
            raise ValueError("not RSA")
        key.verify(signature, signed_text(body, names), PKCS1v15(), hashed())
        sent_at = datetime.fromisoformat(text_at(body, "Timestamp")).timestamp()
    except (InvalidSignature, binascii.Error, ValueError, OverflowError):
        raise Refused("The signature is not that of Amazon SNS. Nothing was stored.") from None
    check_lateness(call, sent_at, LATEST)


def signed_text(body: Any, names: tuple[str, ...]) -> bytes:
    """The bytes that SNS signs. A field that is not there is left out; one that is not text never verifies."""
    present = [name for name in names if body.get(name) is not None]
    if not all(isinstance(body[name], str) for name in present):
        raise ValueError("a signed field is not text")
    return "".join(f"{name}\n{body[name]}\n" for name in present).encode()
