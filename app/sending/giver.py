"""Who gives messages to SMTP lines, as a line knows it."""

from typing import TYPE_CHECKING, Protocol

from app.mail.status_codes import Stage
from app.sending.parcel import Parcel
from app.sending.replies import Reply

if TYPE_CHECKING:
    from app.sending.smtp import Line


class Desk(Protocol):
    """Who gives messages to lines and hears what became of them. Calls come from the event loop, one at a time."""

    def joined(self, line: "Line", /) -> None:
        """The line is open and will ask for messages at once."""

    def take(self, line: "Line", /) -> Parcel | None:
        """The next message with its bytes, or None when there is none just now: the line is then idle."""

    def ready(self, line: "Line", /) -> None:
        """The server waits for the body of `line.waiting`: answer soon with `send_body` or `hang_up`."""

    def answered(self, parcel: Parcel, stage: Stage, reply: Reply, /) -> None:
        """The server's verdict: on the message at stage `final`, else a refusal of this recipient at that stage."""

    def unsendable(self, parcel: Parcel, status: str, reason: str, words: str, /) -> None:
        """This server cannot take this message; nothing was said to it."""

    def cut(self, parcel: Parcel, /, *, handed_over: bool, why: str) -> None:
        """The connection ended before a verdict."""

    def idle(self, line: "Line", /) -> None:
        """The line waits for `wake`."""

    def gone(self, line: "Line", why: str, /) -> None:
        """The connection is closed."""
