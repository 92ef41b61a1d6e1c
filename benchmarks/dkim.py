"""DKIM signatures a second for mail as campaigns send it, against the bare RSA signature of `cryptography`.

Two things are measured: signing a newsletter that is composed already, and what the engine does for each message,
compose and sign. Times are the processor's, so that neighbours on the machine count little; of several rounds, each of
all kinds in turn, the fastest counts.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from app.core.settings import Settings
from app.core.tokens import Keyring
from app.mail.dkim import Signer, sign
from app.mail.dkim_keys import make_key, read_key
from app.mail.wire import Sender
from app.messages.links import MessageLinks
from app.rendering.design import compile_design
from app.rendering.merge import Personaliser
from app.rendering.starters import load_starter
from app.sending.letters import Letters, Shared
from app.sending.parcel import Parcel

MESSAGES = 2_000
ROUNDS = 10
DATE = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def run(messages: int = MESSAGES) -> dict[str, Any]:
    """Sign a newsletter of about 20 KB `messages` times in each way."""
    rsa_key, ed25519_key = read_key(make_key("rsa-sha256")), read_key(make_key("ed25519-sha256"))
    assert isinstance(rsa_key, RSAPrivateKey)
    rsa = Signer("example.com", "m1", rsa_key)
    plain_body = Signer("example.com", "m1", rsa_key, canonicalization="relaxed/simple")
    ed25519 = Signer("example.com", "m2", ed25519_key, algorithm="ed25519-sha256")
    unsigned, engine = _letters([]), _letters([rsa])
    mail = _composed(unsigned)
    padding, digest, header = PKCS1v15(), SHA256(), mail[:1200]
    bare, signed, simple, small, both, composed, sent = _rates(
        messages,
        lambda: rsa_key.sign(header, padding, digest),
        lambda: rsa.sign(mail),
        lambda: plain_body.sign(mail),
        lambda: ed25519.sign(mail),
        lambda: sign(mail, [rsa, ed25519]),
        lambda: _composed(unsigned),
        lambda: _composed(engine),
    )
    return {
        "size_bytes": len(mail),
        "bare_per_second": round(bare),
        "signed_per_second": round(signed),
        "ratio": round(signed / bare, 2),
        "simple_body_per_second": round(simple),
        "ed25519_per_second": round(small),
        "both_per_second": round(both),
        "composed_per_second": round(composed),
        "composed_and_signed_per_second": round(sent),
        "engine_ratio": round(sent / bare, 2),
    }


def _letters(signers: Sequence[Signer]) -> Letters:
    """A campaign with the announcement that Merpati starts new users with, as the engine holds it."""
    settings, keyring = Settings(home=Path("/nonexistent")), Keyring("a key for measuring, long enough to be taken")
    design = compile_design(load_starter("announcement").mjml)
    links = MessageLinks(keyring, settings.base_url)
    merge = Personaliser(
        design,
        subject="What the dove brought this week, {{ subscriber.first_name }}",
        preheader="",
        link_targets=[links.seal(link.index + 1, link.url) for link in design.links],
    )
    shared = Shared(
        campaign_id=12,
        campaign_name="Weekly",
        sender=Sender("Weekly Digest", "news@example.com", "hello@example.com"),
        track_opens=True,
        track_clicks=True,
        workspace_id=1,
        workspace_name="Aviary",
        postal_address="1 Dovecote Lane, 12345 Nest",
        feedback_id="merpati",
    )
    return Letters(shared, {1: merge}, {3: "Weekly Digest"}, keyring, settings, need_attributes=False, signers=signers)


def _composed(letters: Letters) -> bytes:
    parcel = Parcel(7, 8, 3, 1, "ada@example.org", ("ada@example.org", "Ada", "Lovelace", "en", True, None))
    letters.compose(parcel, DATE)
    return parcel.data


def _rates(times: int, *ways: Callable[[], object]) -> list[float]:
    each = max(times // ROUNDS, 1)
    rounds = [[_seconds(each, way) for way in ways] for _ in range(ROUNDS)]
    return [each / min(seconds) for seconds in zip(*rounds, strict=True)]


def _seconds(times: int, way: Callable[[], object]) -> float:
    start = time.process_time()
    for _ in range(times):
        way()
    return time.process_time() - start
