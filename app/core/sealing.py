"""Secrets in the database, encrypted with keys derived from the secret key (AES-256-GCM), one key for each purpose."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.errors import SettingsError
from app.core.tokens import Keyring

_NONCE = 12
_LEAST = 1 + _NONCE + 16


def seal_text(keyring: Keyring, purpose: bytes, text: str) -> bytes:
    """The text, encrypted: key id, nonce, ciphertext with its tag."""
    key = keyring.keys(purpose)[0]
    nonce = os.urandom(_NONCE)
    return key.id.to_bytes(1) + nonce + AESGCM(key.secret).encrypt(nonce, text.encode(), purpose)


def unseal_text(keyring: Keyring, purpose: bytes, sealed: bytes) -> str:
    """The text again, by the current key or a fallback. Raises SettingsError when none of them made it."""
    if len(sealed) >= _LEAST:
        for key in keyring.keys(purpose):
            if key.id == sealed[0]:
                try:
                    return AESGCM(key.secret).decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], purpose).decode()
                except InvalidTag:
                    continue
    raise SettingsError(
        "A secret was encrypted with another secret key. Enter it again, or add the earlier key to "
        "MERPATI_SECRET_KEY_FALLBACKS."
    )
