"""Calls of a provider over kept-alive connections on loopback, one at a time on each; what to do comes as JSON.

The calls are made and signed before the clock starts. Prints `{"seconds": …, "ok": …, "p50_ms": …, "p99_ms": …}`.
"""

import asyncio
import hmac
import json
import sys
import time
from base64 import b64encode
from hashlib import sha256
from secrets import token_hex
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.tracking.webhooks.verify.generic import sign
from benchmarks.load import load

SIGNING_KEY = "0123456789abcdef0123456789abcdef"
KEY = ec.derive_private_key(1_234_567_890_123_456_789, ec.SECP256R1())
DEAD = "550 5.1.1 The email account that you tried to reach does not exist."


ONE_BY_ONE = ("postmark", "mailgun")


def public_key() -> str:
    """The benchmark's SendGrid, as its page would show it."""
    return b64encode(KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def calls(asked: dict[str, Any]) -> list[bytes]:
    """Every call, whole. Nine events in ten are deliveries, the tenth is a bounce."""
    made, size, tokens = [], asked["size"], asked["tokens"]
    for number in range(asked["calls"]):
        first = asked["begin"] + number * size
        events = [_event(asked["kind"], f"{size}-{first + one}", tokens) for one in range(size)]
        body = json.dumps(events if asked["kind"] not in ONE_BY_ONE else events[0]).encode()
        headers = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(body))}
        headers |= _proof(asked["kind"], asked["secret"], body)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        made.append(f"POST {asked['path']} HTTP/1.1\r\n{head}\r\n".encode() + body)
    return made


def _event(kind: str, name: str, tokens: list[str]) -> dict[str, Any]:
    number = int(name.partition("-")[2])
    token, to, now = tokens[number % len(tokens)], f"person{number % len(tokens) + 1}@example.com", int(time.time())
    is_bounce = number % 10 == 0
    if kind == "sendgrid":
        fields = {"event": "bounce", "reason": DEAD, "status": "5.1.1"} if is_bounce else {"event": "delivered"}
        return {
            "email": to,
            "timestamp": now,
            "sg_event_id": name,
            "sg_message_id": name,
            "merpati_token": token,
            **fields,
        }
    if kind == "postmark":
        fields = {"RecordType": "Bounce", "Type": "HardBounce", "Details": DEAD} if is_bounce else {}
        common = {"MessageID": name, "Recipient": to, "Metadata": {"merpati-token": token}, "DeliveredAt": str(now)}
        return {"RecordType": "Delivery", **common, **fields}
    if kind == "mailgun":
        status = {"code": 550, "message": DEAD} if is_bounce else {"code": 250, "message": "OK"}
        fields = {"event": "failed", "severity": "permanent"} if is_bounce else {"event": "delivered"}
        about = {"id": name, "timestamp": now, "recipient": to, "user-variables": {"merpati-token": token}}
        return {"signature": _mailgun(str(now)), "event-data": {**about, "delivery-status": status, **fields}}
    fields = {"type": "bounced", "text": DEAD} if is_bounce else {"type": "delivered"}
    return {"id": name, "time": now, "recipient": to, "message": f"<{token}@mail.example.com>", **fields}


def _mailgun(stamp: str) -> dict[str, str]:
    token = token_hex(25)
    signature = hmac.new(SIGNING_KEY.encode(), f"{stamp}{token}".encode(), sha256).hexdigest()
    return {"timestamp": stamp, "token": token, "signature": signature}


def _proof(kind: str, secret: str, body: bytes) -> dict[str, str]:
    stamp = str(int(time.time()))
    if kind == "mailgun":
        return {}
    if kind == "postmark":
        return {"Authorization": "Basic " + b64encode(f"merpati:{secret}".encode()).decode()}
    if kind == "generic":
        return {"X-Merpati-Timestamp": stamp, "X-Merpati-Signature": sign(secret, stamp, body)}
    name = "X-Twilio-Email-Event-Webhook-"
    signature = b64encode(KEY.sign(stamp.encode() + body, ec.ECDSA(SHA256()))).decode()
    return {f"{name}Signature": signature, f"{name}Timestamp": stamp}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    print(json.dumps(asyncio.run(load(asked["port"], asked["connections"], calls(asked)))))
