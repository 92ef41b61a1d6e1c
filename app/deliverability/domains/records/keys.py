"""Published DKIM keys: their size, and what the record says of them (RFC 6376 §3.6.1)."""

import base64
import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key


def key_bits(record: str) -> int | None:
    """The bits of the RSA key in a TXT record; None when it holds no such key, 0 when the key was revoked."""
    tags = _tags(record)
    if tags.get("p") == "":
        return 0
    if tags.get("k", "rsa") != "rsa":
        return None
    try:
        key = load_der_public_key(base64.b64decode("".join(tags.get("p", "").split()), validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return None
    return key.key_size if isinstance(key, RSAPublicKey) else None


def is_key(record: str) -> bool:
    """Whether a TXT record is one of DKIM at all, a revoked key's included."""
    return "p" in _tags(record)


def is_test(record: str) -> bool:
    """Whether it asks receivers to take the domain as one that tries DKIM out (t=y)."""
    return "y" in {flag.strip() for flag in _tags(record).get("t", "").split(":")}


def _tags(record: str) -> dict[str, str]:
    return {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in record.split(";"))}
