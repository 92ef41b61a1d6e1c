"""Calls as providers make them: signed as theirs, about a message of ours."""

import hmac
import json
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_hex
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db, in_workspace
from app.core.extensions import keyring
from app.tracking.models import Webhook
from app.tracking.webhooks.setup import add_webhook, enter
from app.tracking.webhooks.verify.generic import sign
from app.tracking.webhooks.verify.sns import SIGNED, signed_text

TOPIC = "arn:aws:sns:eu-central-1:123456789012:bounces"
CERTIFICATE = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
MAILGUN_KEY = "0123456789abcdef0123456789abcdef"
RESEND_KEY = b"a key of Resend, 24 byte"
SENDGRID = ec.generate_private_key(ec.SECP256R1())
AMAZON = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Signed:
    """A call, ready to be made."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hooked:
    """A webhook with what its provider knows."""

    hook: Webhook
    secret: str

    @property
    def path(self) -> str:
        return f"/hooks/{self.hook.public_id}"

    def now(self) -> Webhook:
        db.session.refresh(self.hook)
        return self.hook


def a_webhook(workspace: Workspace, kind: str) -> Hooked:
    """A webhook of that kind, complete; committed."""
    entered = {
        "ses": TOPIC,
        "mailgun": MAILGUN_KEY,
        "resend": "whsec_" + b64encode(RESEND_KEY).decode(),
        "sendgrid": sendgrid_key(),
    }
    with in_workspace(workspace.id):
        hook, secret = add_webhook(keyring(), kind)
        if kind in entered:
            enter(keyring(), hook, entered[kind])
        db.session.commit()
    return Hooked(hook, secret or entered[kind])


def sendgrid_key(key: ec.EllipticCurvePrivateKey = SENDGRID) -> str:
    return b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def signed_call(kind: str, secret: str, *events: Any, seconds: float = 0) -> Signed:
    """The events in a call of that provider, signed now or `seconds` ago."""
    at = clock.now() - timedelta(seconds=seconds)
    stamp = str(int(at.timestamp()))
    return {
        "ses": lambda: sns_call(events[0], at=at),
        "sendgrid": lambda: sendgrid_call(list(events), stamp),
        "mailgun": lambda: mailgun_call(events[0], stamp),
        "postmark": lambda: basic_call(events[0], secret),
        "sparkpost": lambda: basic_call([{"msys": {"message_event": event}} for event in events], secret),
        "brevo": lambda: Signed(dump(events[0]), {"Authorization": f"Bearer {secret}"}),
        "resend": lambda: svix_call(events[0], stamp),
        "generic": lambda: generic_call({"events": list(events)}, secret, stamp),
    }[kind]()


def sns_call(
    event: Any, *, at: datetime | None = None, version: str = "2", key: Any = AMAZON, **changes: Any
) -> Signed:
    """What SNS sends, with SES's event within."""
    envelope = {
        "Type": "Notification",
        "MessageId": token_hex(16),
        "TopicArn": TOPIC,
        "Message": event if isinstance(event, str) else json.dumps(event),
        "Timestamp": (at or clock.now()).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE,
        "UnsubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe",
        **changes,
    }
    hashed = SHA256() if version == "2" else SHA1()  # noqa: S303 - the older version of SNS
    signature = key.sign(signed_text(envelope, SIGNED[envelope["Type"]]), PKCS1v15(), hashed)
    return Signed(dump({**envelope, "Signature": b64encode(signature).decode()}))


def certificate(*, days: int = 30, since: int = 1, key: rsa.RSAPrivateKey = AMAZON) -> bytes:
    """The certificate of the test's Amazon."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=since))
        .not_valid_after(datetime.now(UTC) + timedelta(days=days))
        .sign(key, SHA256())
    )
    return built.public_bytes(Encoding.PEM)


def sendgrid_call(events: Any, stamp: str, key: ec.EllipticCurvePrivateKey = SENDGRID) -> Signed:
    body = dump(events)
    signature = key.sign(stamp.encode() + body, ec.ECDSA(SHA256()))
    return Signed(
        body,
        {
            "X-Twilio-Email-Event-Webhook-Signature": b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
        },
    )


def mailgun_call(event: Any, stamp: str, token: str | None = None, key: str = MAILGUN_KEY) -> Signed:
    token = token or token_hex(25)
    signature = hmac.new(key.encode(), f"{stamp}{token}".encode(), sha256).hexdigest()
    return Signed(
        dump({"signature": {"timestamp": stamp, "token": token, "signature": signature}, "event-data": event})
    )


def basic_call(body: Any, secret: str) -> Signed:
    return Signed(dump(body), {"Authorization": "Basic " + b64encode(f"merpati:{secret}".encode()).decode()})


def svix_call(event: Any, stamp: str, name: str | None = None, key: bytes = RESEND_KEY) -> Signed:
    name, body = name or f"msg_{token_hex(8)}", dump(event)
    signature = b64encode(hmac.new(key, f"{name}.{stamp}.".encode() + body, sha256).digest()).decode()
    return Signed(body, {"svix-id": name, "svix-timestamp": stamp, "svix-signature": f"v1,AAAA v1,{signature} v2,x"})


def generic_call(body: Any, secret: str, stamp: str) -> Signed:
    raw = dump(body)
    return Signed(raw, {"X-Merpati-Timestamp": stamp, "X-Merpati-Signature": sign(secret, stamp, raw)})


def dump(body: Any) -> bytes:
    return json.dumps(body).encode()
