"""Signed compact tokens for links, pixels, return addresses and forms.

A token is `key id (1 byte) · number (6 bytes) · MAC (9 bytes)`: 16 bytes, 22 characters in base64url, 26 in base32.
The MAC is BLAKE2b keyed with a key derived per purpose from the secret key, so a token for one purpose is worthless for
another; 72 bits cannot be guessed over a network. The key id is derived from the key itself: after a rotation, tokens
made with a fallback key are still read, for as long as that key is configured. Tokens do not expire: links live for
years.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha512

from app.core.errors import BadToken, SettingsError

MAC_SIZE = 9
NUMBER_SIZE = 6
MINIMUM_SECRET = 32
_SIZE = 1 + NUMBER_SIZE + MAC_SIZE


class Purpose:
    """What a token is for. The words are part of the key derivation: never reuse or rename one."""

    MESSAGE = b"message"
    """Names one message in links, pixel and unsubscribe addresses."""
    RETURN_PATH = b"return-path"
    """Names one message in the envelope sender and Message-ID."""
    LINK = b"link"
    """Vouches for the target of a link."""
    SUBSCRIPTION = b"subscription"
    """Names one subscription that waits for confirmation."""
    SUBSCRIBER = b"subscriber"
    """Names a person on the preference page, outside of any message."""
    FORM = b"form"
    """Vouches for the moment a public form was shown."""


@dataclass(frozen=True, slots=True)
class _Key:
    id: int
    secret: bytes


class Keyring:
    """The current secret key and its predecessors."""

    def __init__(self, current: str, fallbacks: Sequence[str] = ()) -> None:
        if len(current) < MINIMUM_SECRET:
            raise SettingsError(
                f"MERPATI_SECRET_KEY has {len(current)} characters; it needs {MINIMUM_SECRET} or more. "
                "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
            )
        self._secrets = [current.encode(), *(text.encode() for text in fallbacks)]
        self._keys: dict[bytes, list[_Key]] = {}

    def keys(self, purpose: bytes) -> list[_Key]:
        """The keys for a purpose, the current one first."""
        found = self._keys.get(purpose)
        if found is None:
            found = self._keys[purpose] = [_derive(secret, purpose) for secret in self._secrets]
        return found

    def sign_bytes(self, purpose: bytes, number: int) -> bytes:
        """The 16 bytes of a token for a number below 2**48."""
        key = self.keys(purpose)[0]
        head = key.id.to_bytes(1) + number.to_bytes(NUMBER_SIZE)
        return head + blake2b(head, digest_size=MAC_SIZE, key=key.secret).digest()

    def sign(self, purpose: bytes, number: int) -> str:
        """A token for addresses of pages: 22 characters of base64url."""
        return _base64(self.sign_bytes(purpose, number))

    def sign_for_mail(self, purpose: bytes, number: int) -> str:
        """A token for mail addresses, which may be folded to one case on the way: 26 characters of base32."""
        return _base32(self.sign_bytes(purpose, number))

    def read(self, purpose: bytes, token: str) -> int:
        """The number in a token made by `sign`. Raises BadToken for anything else."""
        return self._open(purpose, _decode(token))

    def read_from_mail(self, purpose: bytes, token: str) -> int:
        """The number in a token made by `sign_for_mail`, in any case. Raises BadToken for anything else."""
        refused = BadToken("This return address is not one of ours.")
        try:
            raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        except (binascii.Error, ValueError):
            raise refused from None
        if _base32(raw) != token.lower():
            raise refused
        return self._open(purpose, raw)

    def seal(self, purpose: bytes, payload: bytes) -> str:
        """A payload that travels in the open with its MAC, in base64url."""
        key = self.keys(purpose)[0]
        head = key.id.to_bytes(1) + payload
        mac = blake2b(head, digest_size=MAC_SIZE, key=key.secret).digest()
        return _base64(head[:1] + mac + payload)

    def unseal(self, purpose: bytes, text: str) -> bytes:
        """The payload of `seal`. Raises BadToken when it was changed or made elsewhere."""
        raw = _decode(text)
        if len(raw) < 1 + MAC_SIZE:
            raise BadToken("This link is not complete.")
        head, mac, payload = raw[:1], raw[1 : 1 + MAC_SIZE], raw[1 + MAC_SIZE :]
        self._check(purpose, head + payload, mac)
        return payload

    def _open(self, purpose: bytes, raw: bytes) -> int:
        if len(raw) != _SIZE:
            raise BadToken("This link is not complete.")
        head, mac = raw[:-MAC_SIZE], raw[-MAC_SIZE:]
        self._check(purpose, head, mac)
        return int.from_bytes(head[1:])

    def _check(self, purpose: bytes, head: bytes, mac: bytes) -> None:
        for key in self.keys(purpose):
            if key.id == head[0] and hmac.compare_digest(
                blake2b(head, digest_size=MAC_SIZE, key=key.secret).digest(), mac
            ):
                return
        raise BadToken("This link was not made by us, or it was damaged on the way.")


def _derive(secret: bytes, purpose: bytes) -> _Key:
    derived = blake2b(purpose, digest_size=32, key=sha512(secret).digest(), person=b"merpati.keys").digest()
    identity = blake2b(derived, digest_size=1, person=b"merpati.key-id").digest()[0]
    return _Key(identity, derived)


def _decode(token: str) -> bytes:
    refused = BadToken("This link was not made by us, or it was damaged on the way.")
    try:
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise refused from None
    # Base64 has several spellings for the same bytes (padding, spare bits of the last character); ours is the only one.
    if _base64(raw) != token:
        raise refused
    return raw


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _base32(raw: bytes) -> str:
    """RFC 4648 §6, lower case, without padding. The library's takes three times as long, once per mail."""
    spare = -len(raw) * 8 % 10
    bits = int.from_bytes(raw) << spare
    text = "".join([_PAIRS[bits >> shift & 1023] for shift in range(len(raw) * 8 + spare - 10, -1, -10)])
    return text[:-1] if spare >= 5 else text


_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]
