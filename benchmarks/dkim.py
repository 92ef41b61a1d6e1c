"""DKIM signatures a second for mail as campaigns send it, against the bare RSA signature of `cryptography`.

Times are the processor's, so that neighbours on the machine count little; of several rounds, each of all kinds in turn,
the fastest counts.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from app.mail.dkim import Signer, sign
from app.mail.dkim_keys import make_key, read_key
from app.mail.frame import MailFrame
from app.mail.wire import Sender
from app.rendering.design import compile_design
from app.rendering.quoted import quote
from app.rendering.starters import load_starter

MESSAGES = 2_000
ROUNDS = 10


def run(messages: int = MESSAGES) -> dict[str, Any]:
    """Sign a newsletter of about 20 KB `messages` times in each way."""
    mail = _newsletter()
    rsa_key, ed25519_key = read_key(make_key("rsa-sha256")), read_key(make_key("ed25519-sha256"))
    assert isinstance(rsa_key, RSAPrivateKey)
    rsa = Signer("example.com", "m1", rsa_key)
    plain_body = Signer("example.com", "m1", rsa_key, canonicalization="relaxed/simple")
    ed25519 = Signer("example.com", "m2", ed25519_key, algorithm="ed25519-sha256")
    padding, digest, header = PKCS1v15(), SHA256(), mail[:1200]
    bare, signed, simple, small, both = _rates(
        messages,
        lambda: rsa_key.sign(header, padding, digest),
        lambda: rsa.sign(mail),
        lambda: plain_body.sign(mail),
        lambda: ed25519.sign(mail),
        lambda: sign(mail, [rsa, ed25519]),
    )
    return {
        "size_bytes": len(mail),
        "bare_per_second": round(bare),
        "signed_per_second": round(signed),
        "ratio": round(signed / bare, 2),
        "simple_body_per_second": round(simple),
        "ed25519_per_second": round(small),
        "both_per_second": round(both),
    }


def _newsletter() -> bytes:
    design = compile_design(load_starter("announcement").mjml)
    frame = MailFrame(
        sender=Sender("Weekly Digest", "news@example.com", "hello@example.com"),
        list_name="Weekly Digest",
        list_id="weekly.lists.example.com",
        feedback_id="c12:l3:w1:merpati",
        mail_domain="mail.example.com",
        bounce_domain="bounce.example.com",
    )
    mail = frame.wire(
        to_name="Ada Lovelace",
        to_email="ada@example.org",
        subject="What the dove brought this week",
        token="abcdefghijklmnopqrstuvwx23",
        unsubscribe_url="https://track.example.com/u/AbCdEfGhIjKlMnOpQrStUv",
        date=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        text_qp=quote(design.text),
        html_qp=quote(design.html),
    )
    return mail.data


def _rates(times: int, *ways: Callable[[], object]) -> list[float]:
    each = max(times // ROUNDS, 1)
    rounds = [[_seconds(each, way) for way in ways] for _ in range(ROUNDS)]
    return [each / min(seconds) for seconds in zip(*rounds, strict=True)]


def _seconds(times: int, way: Callable[[], object]) -> float:
    start = time.process_time()
    for _ in range(times):
        way()
    return time.process_time() - start
