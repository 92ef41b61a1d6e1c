"""The addresses a message carries, made when it is sent and read when somebody follows them.

A click's address is `/c/<message>/<link>`. The second part vouches for the target itself, so a click finds its way
without any database; it is the same for all recipients, so per message only one MAC is computed.
"""

from dataclasses import dataclass

from app.core.errors import BadToken
from app.core.tokens import NUMBER_SIZE, Keyring, Purpose

SAMPLE = 0
"""The number of test mails and previews: their links lead to pages that explain themselves and change nothing."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a link leads: its row and its address. `link_id` is 0 for a link that was personal to one message."""

    link_id: int
    url: str


class MessageLinks:
    """Makes the addresses for messages of one installation."""

    def __init__(self, keyring: Keyring, base_url: str) -> None:
        self._keyring = keyring
        self._base = base_url.rstrip("/")

    def token(self, message_id: int) -> str:
        return self._keyring.sign(Purpose.MESSAGE, message_id)

    def click_prefix(self, token: str) -> str:
        return f"{self._base}/c/{token}/"

    def pixel(self, token: str) -> str:
        return f"{self._base}/o/{token}.gif"

    def unsubscribe(self, token: str) -> str:
        return f"{self._base}/u/{token}"

    def preferences(self, token: str) -> str:
        return f"{self._base}/p/{token}"

    def view(self, token: str) -> str:
        return f"{self._base}/v/{token}"

    def seal(self, link_id: int, url: str) -> str:
        """The second part of a click's address."""
        return self._keyring.seal(Purpose.LINK, link_id.to_bytes(NUMBER_SIZE) + url.encode())


def read_target(keyring: Keyring, text: str) -> Target:
    """The target of a click's second part. Raises BadToken for what we did not seal: no open redirect exists."""
    payload = keyring.unseal(Purpose.LINK, text)
    if len(payload) <= NUMBER_SIZE:
        raise BadToken("This link is not complete.")
    return Target(int.from_bytes(payload[:NUMBER_SIZE]), payload[NUMBER_SIZE:].decode())


def read_message(keyring: Keyring, token: str) -> int:
    """The message number in an address. Raises BadToken."""
    return keyring.read(Purpose.MESSAGE, token)
