"""The size of a published DKIM key."""

import base64
import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key


def key_bits(record: str) -> int | None:
    """The bits of the RSA key in a TXT record; None when it holds no such key, 0 when the key was revoked."""
    tags = {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in record.split(";"))}
    if tags.get("p") == "":
        return 0
    if tags.get("k", "rsa") != "rsa":
        return None
    try:
        key = load_der_public_key(base64.b64decode("".join(tags.get("p", "").split()), validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return None
    return key.key_size if isinstance(key, RSAPublicKey) else None
