"""Secrets of transports and signing keys, sealed under one purpose."""

from app.core.errors import SettingsError
from app.core.sealing import seal_text, unseal_text
from app.core.tokens import Keyring

PURPOSE = b"transport-password"


def seal(keyring: Keyring, text: str) -> bytes:
    """The text, encrypted."""
    return seal_text(keyring, PURPOSE, text)


def unseal(keyring: Keyring, sealed: bytes) -> str:
    """The text again. Raises SettingsError when it was sealed with a secret key that is not known any more."""
    try:
        return unseal_text(keyring, PURPOSE, sealed)
    except SettingsError as error:
        raise SettingsError(
            "The password of the SMTP account was encrypted with another secret key. Enter it again under Settings, "
            "Sending, or add the earlier key to MERPATI_SECRET_KEY_FALLBACKS."
        ) from error
