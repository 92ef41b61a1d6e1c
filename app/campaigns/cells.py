"""The draw: which cell a person falls into. The same in Python and in PostgreSQL, and the same tomorrow.

A person's number is made from the first 32 bits of SHA-256 over `salt:id`, scaled to 0 … 999,999. It depends on nothing
else, so a freeze that is repeated draws the same, and two campaigns with different salts draw independently.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate, pairwise

from app.core.errors import Invalid

NUMBERS = 1_000_000
MOST_HELD_OUT = 0.5
SMALLEST_SHARE = 0.01

NUMBER_SQL = """((('x' || encode(substr(sha256(convert_to(:salt || ':' || {id}, 'UTF8')), 1, 4), 'hex'))
    ::bit(32)::bigint * 1000000) >> 32)"""
"""`draw` in PostgreSQL; `{id}` stands for the column of the person's id, `:salt` is bound."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The drawn numbers [low, high) of one cell. `variant` is its index among the shares; None is held out."""

    position: int
    variant: int | None
    low: int
    high: int

    @property
    def share(self) -> float:
        return (self.high - self.low) / NUMBERS


def draw(salt: str, subscriber_id: int) -> int:
    """The person's number in the campaign with this salt, 0 to 999,999."""
    return int.from_bytes(sha256(f"{salt}:{subscriber_id}".encode()).digest()[:4]) * NUMBERS >> 32


def slices(shares: Sequence[float], held_out: float = 0) -> tuple[Slice, ...]:
    """Cells that cover every number exactly once: the variants in order, then those held out. Raises Invalid."""
    check_shares(shares, held_out)
    sendable = NUMBERS - round(held_out * NUMBERS)
    edges = [0, *(round(part * sendable) for part in accumulate(shares))]
    edges[-1] = sendable
    found = [Slice(i + 1, i, low, high) for i, (low, high) in enumerate(pairwise(edges))]
    if sendable < NUMBERS:
        found.append(Slice(len(found) + 1, None, sendable, NUMBERS))
    return tuple(found)


def check_shares(shares: Sequence[float], held_out: float) -> None:
    """Raise Invalid unless the shares add up to 1, none is tiny, and at most half is held out."""
    if not shares:
        raise Invalid("A campaign needs at least one variant.", field="shares")
    if any(not SMALLEST_SHARE <= share <= 1 for share in shares):
        raise Invalid("Give every variant a share between 1% and 100%.", field="shares")
    if abs(sum(shares) - 1) > 0.00005:
        raise Invalid(
            f"The shares add up to {100 * sum(shares):g}%. Change one so that together they make 100%.", field="shares"
        )
    if not 0 <= held_out <= MOST_HELD_OUT:
        raise Invalid("Hold out between 0% and 50% of the audience.", field="held_out")
