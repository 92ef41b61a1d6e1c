"""Keys for DKIM and the DNS records that publish them (RFC 6376 §3.6.1, RFC 8301, RFC 8463)."""

import base64
import binascii
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key

from app.core.errors import Invalid

Algorithm = Literal["rsa-sha256", "ed25519-sha256"]
PrivateKey = RSAPrivateKey | Ed25519PrivateKey

NEW_BITS = 2048
FEWEST_BITS = 1024
MOST_BITS = 4096
"""Verifiers must take 1024 to 4096 bits; fewer than 1024 count as no signature (RFC 8301 §3.2)."""

MAX_STRING = 255


def make_key(algorithm: Algorithm = "rsa-sha256") -> str:
    """A new private key as PEM (PKCS #8, not encrypted)."""
    key: PrivateKey
    if algorithm == "ed25519-sha256":
        key = Ed25519PrivateKey.generate()
    else:
        key = generate_private_key(public_exponent=65537, key_size=NEW_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def read_key(pem: str) -> PrivateKey:
    """The private key in a PEM text. Raises Invalid for anything that cannot sign for DKIM; never quotes the text."""
    try:
        key = serialization.load_pem_private_key(pem.encode("utf-8", "replace"), password=None)
    except TypeError:
        raise Invalid("The DKIM key is protected by a password; nothing was changed. Give it without.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise Invalid(
            "The DKIM key cannot be read; nothing was changed. "
            "It must be a private key in PEM, from BEGIN to END, not a public key or a certificate."
        ) from None
    return checked_key(key)


def checked_key(key: object) -> PrivateKey:
    """The key, if verifiers take its kind and size. Raises Invalid."""
    if not isinstance(key, PrivateKey):
        raise Invalid("The DKIM key is neither RSA nor Ed25519; nothing was changed. Verifiers know only these two.")
    if isinstance(key, RSAPrivateKey) and not FEWEST_BITS <= key.key_size <= MOST_BITS:
        raise Invalid(
            f"The DKIM key has {key.key_size} bits; nothing was changed. Verifiers take {FEWEST_BITS} to {MOST_BITS} "
            f"(RFC 8301): make one of {NEW_BITS}."
        )
    return key


def algorithm_of(key: PrivateKey) -> Algorithm:
    """The one signature algorithm that a key is for."""
    return "rsa-sha256" if isinstance(key, RSAPrivateKey) else "ed25519-sha256"


def public_record(key: PrivateKey) -> str:
    """The value of the TXT record that publishes the key, in one piece; `txt_strings` cuts it for the zone."""
    if isinstance(key, RSAPrivateKey):
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
    return f"v=DKIM1; k=ed25519; p={base64.b64encode(key.public_key().public_bytes_raw()).decode()}"


def txt_strings(record: str) -> list[str]:
    """The record as strings of at most 255 characters, which receivers join without a gap (RFC 6376 §3.6.2.2)."""
    return [record[start : start + MAX_STRING] for start in range(0, len(record), MAX_STRING)]


def key_matches(record: str, key: PrivateKey) -> bool:
    """Whether a TXT record as found in DNS, its strings joined, lets verifiers accept the key's signatures on mail."""
    tags = _tags(record)
    kind = "rsa" if isinstance(key, RSAPrivateKey) else "ed25519"
    if tags.get("v", "DKIM1") != "DKIM1" or tags.get("k", "rsa") != kind:
        return False
    if "sha256" not in _listed(tags.get("h", "sha256")) or not {"*", "email"} & _listed(tags.get("s", "*")):
        return False
    try:
        public = base64.b64decode("".join(tags.get("p", "").split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    if isinstance(key, Ed25519PrivateKey):
        return public == key.public_key().public_bytes_raw()
    return _is_public_part(public, key)


def _is_public_part(der: bytes, key: RSAPrivateKey) -> bool:
    # Records hold a SubjectPublicKeyInfo or, as RFC 6376 words it, a bare RSAPublicKey; both load.
    try:
        public = serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return isinstance(public, RSAPublicKey) and public.public_numbers() == key.public_key().public_numbers()


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _listed(value: str) -> set[str]:
    return {word.strip() for word in value.split(":")}
