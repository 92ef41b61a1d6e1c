"""A receiver of the tests: dkimpy, with the DNS of a few names."""

from base64 import b64decode
from types import SimpleNamespace

import dkim
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.mail.dkim import Signer
from app.mail.dkim_keys import PrivateKey, make_key, public_record, read_key

RSA = read_key(make_key("rsa-sha256"))
ED25519 = read_key(make_key("ed25519-sha256"))
RECORDS: dict[str, str] = {}


def signer(domain: str = "example.com", selector: str = "m1", key: PrivateKey = RSA, **options) -> Signer:
    """A signer whose record the verifier finds."""
    made = Signer(domain, selector, key, **options)
    RECORDS[made.record_name] = public_record(key)
    return made


def ed25519_signer(domain: str = "example.com", selector: str = "e1", **options) -> Signer:
    return signer(domain, selector, ED25519, algorithm="ed25519-sha256", **options)


def verifies(data: bytes, index: int = 0) -> bool:
    """Whether the signature at this place, from the top, is good."""
    try:
        return dkim.DKIM(data).verify(index, dnsfunc=_txt)
    except dkim.DKIMException:
        return False


def _txt(name: bytes, timeout: float) -> bytes:
    return RECORDS[name.decode().rstrip(".")].encode()


@pytest.fixture(autouse=True, scope="session")
def dkimpy_knows_ed25519():
    """dkimpy asks PyNaCl for the curve alone; here the curve is that of `cryptography`, the rest dkimpy's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dkim, "nacl", _NACL, raising=False)
        yield


class _VerifyKey:
    def __init__(self, text: bytes, **_encoder: object) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(b64decode(text, validate=True))

    def verify(self, message: bytes, signature: bytes) -> None:
        self._key.verify(signature, message)


_NACL = SimpleNamespace(
    signing=SimpleNamespace(VerifyKey=_VerifyKey),
    encoding=SimpleNamespace(Base64Encoder=None),
    exceptions=SimpleNamespace(ValueError=ValueError, BadSignatureError=InvalidSignature),
)
