"""Passwords of transports, encrypted with keys derived from the secret key (AES-256-GCM)."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.errors import SettingsError
from app.core.tokens import Keyring

PURPOSE = b"transport-password"
_NONCE = 12


def seal(keyring: Keyring, text: str) -> bytes:
    """The text, encrypted: key id, nonce, ciphertext with its tag."""
    key = keyring.keys(PURPOSE)[0]
    nonce = os.urandom(_NONCE)
    return key.id.to_bytes(1) + nonce + AESGCM(key.secret).encrypt(nonce, text.encode(), PURPOSE)


def unseal(keyring: Keyring, sealed: bytes) -> str:
    """The text again, by the current key or a fallback. Raises SettingsError when none of them made it."""
    for key in keyring.keys(PURPOSE):
        if key.id == sealed[0]:
            try:
                return AESGCM(key.secret).decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], PURPOSE).decode()
            except InvalidTag:
                continue
    raise SettingsError(
        "The password of the SMTP account was encrypted with another secret key. Enter it again under Settings, "
        "Sending, or add the earlier key to MERPATI_SECRET_KEY_FALLBACKS."
    )
