"""What goes into and comes out of composing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a mail is from: display name, address, and where replies go if not there."""

    name: str
    email: str
    reply_to: str | None = None


@dataclass(slots=True)
class WireMail:
    """One mail for one recipient, ready for a transport.

    `data` has CRLF line ends and no line that begins with a dot: it follows DATA as it is, then comes the final dot.
    `needs_smtputf8`: an address has a non-ASCII local part; only a server that offers SMTPUTF8 takes it (RFC 6531).
    """

    envelope_from: str
    envelope_to: str
    needs_smtputf8: bool
    data: bytes
