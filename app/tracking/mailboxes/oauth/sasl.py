"""Signing in with an access token: SASL XOAUTH2, as Google and Microsoft describe it, and OAUTHBEARER (RFC 7628)."""

from collections.abc import Collection

from app.tracking.mailboxes.account import MailboxAccount, MailboxTrouble

_KNOWN = ("XOAUTH2", "OAUTHBEARER")
"""In the order of preference: the first is what both large providers offer."""


class Bearer:
    """One exchange: first the token; whatever is said after it is a complaint, which is acknowledged.

    Raises MailboxTrouble when the server offers neither mechanism.
    """

    def __init__(self, account: MailboxAccount, offered: Collection[str]) -> None:
        names = {name.upper() for name in offered}
        self._account, self._began = account, False
        self.mechanism = next((name for name in _KNOWN if name in names), "")
        if not self.mechanism:
            raise MailboxTrouble(
                f"{account.host} offers no login by OAuth 2.0 (XOAUTH2 or OAUTHBEARER). The token was not sent. "
                "Correct the server, or choose a login by password."
            )

    def answer(self, _challenge: bytes) -> bytes:
        """What to say to a challenge, before it is encoded."""
        if not self._began:
            self._began = True
            return self._first().encode()
        # The server now tells its final no (RFC 7628 §3.2.3).
        return b"" if self.mechanism == "XOAUTH2" else b"\x01"

    def _first(self) -> str:
        account = self._account
        if self.mechanism == "XOAUTH2":
            return f"user={account.username}\x01auth=Bearer {account.token}\x01\x01"
        # A name in a GS2 header (RFC 5801 §4).
        name = account.username.replace("=", "=3D").replace(",", "=2C")
        return f"n,a={name},\x01host={account.host}\x01port={account.port}\x01auth=Bearer {account.token}\x01\x01"
