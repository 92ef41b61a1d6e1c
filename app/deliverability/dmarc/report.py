"""What an aggregate report says, as values."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """Mail of one source with one outcome. `dkim` and `spf` are pass or fail, aligned."""

    source_ip: str
    count: int
    disposition: str
    dkim: str
    spf: str
    header_from: str
    details: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def key(self) -> tuple[str, ...]:
        return self.source_ip, self.disposition, self.dkim, self.spf, self.header_from


@dataclass(frozen=True, slots=True)
class Report:
    """`policy`: what the receiver found published. `unreadable`: records that made no sense and were passed over.

    `left_out`: messages in rows beyond those that are kept, and in records that were not read: one each, at least.
    """

    organisation: str
    report_id: str
    domain: str
    begins_at: datetime
    ends_at: datetime
    policy: dict[str, str]
    rows: tuple[Row, ...]
    unreadable: int = 0
    left_out: int = 0
