"""What carries messages out, as the desk knows it: an SMTP connection, or a conversation with a provider's API."""

from typing import Protocol

from app.sending.parcel import Parcel


class Carrier(Protocol):
    """Takes messages from the desk while it can, and tells it what became of each. One thread, no waiting."""

    verdicts: int
    """Verdicts of any kind: a carrier without one was of no use."""
    deadline: float
    """The moment of the event loop after which it is hung up for having waited too long."""
    lost_step: bool
    """Whether what it heard could not be told apart any more."""

    @property
    def is_idle(self) -> bool:
        """Whether it would take a message at once."""

    @property
    def parcels(self) -> list[Parcel]:
        """What it has begun, and of which nothing is known yet."""

    @property
    def is_out_of_step(self) -> bool:
        """Whether a deadline that passes now means that it lost step."""

    def wake(self) -> None:
        """There may be a message now."""

    def finish(self) -> None:
        """Take no further message; end when those under way are answered."""

    def hang_up(self, why: str) -> None:
        """End at once. Messages handed over are in doubt after this."""
