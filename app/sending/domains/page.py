"""What the page shows of a domain: its keys with their records, and what can be done now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.core import clock
from app.mail.dkim_keys import Algorithm
from app.sending.domains.keys import ALGORITHMS, needed_keys
from app.sending.domains.names import readable
from app.sending.domains.records import Record, key_record
from app.sending.domains.rotation import KEPT, is_published, pair_of
from app.sending.models import SendingDomain, SigningKey

Part = Literal["active", "first", "next", "retired"]


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key, its part and its record. `finding` is empty as long as nobody has looked."""

    selector: str
    algorithm: str
    part: Part
    finding: str
    record: Record
    since: datetime | None
    seen_at: datetime | None
    keep_until: datetime | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class ShownDomain:
    """A domain as its owner sees it."""

    id: int
    domain: str
    readable: str
    is_signing: bool
    with_ed25519: bool
    checked_at: datetime | None
    trouble: str
    keys: list[ShownKey]
    active: ShownKey | None
    active_id: int | None
    can_rotate: bool

    @property
    def is_sound(self) -> bool:
        """Whether receivers can verify what is signed now."""
        return self.active is not None and self.active.finding == "published"


def show(domain: SendingDomain) -> ShownDomain:
    """Everything the page says of one domain."""
    noted = domain.findings.get("dkim", {})
    records, rows = noted.get("records", {}), needed_keys(domain)
    active, following = pair_of(rows, "rsa-sha256")
    firsts = {_first(rows, algorithm) for algorithm in ALGORITHMS}
    keys = [
        _key(domain, key, "first" if key.id in firsts else key.state, records.get(key.selector, "")) for key in rows
    ]
    order = ("active", "first", "next", "retired")
    return ShownDomain(
        id=domain.id,
        domain=domain.domain,
        readable=readable(domain.domain),
        is_signing=domain.is_signing,
        with_ed25519=domain.with_ed25519,
        checked_at=domain.checked_at,
        trouble=noted.get("trouble", ""),
        keys=sorted(keys, key=lambda key: order.index(key.part)),
        active=next((key for key in keys if active and key.selector == active.selector), None),
        active_id=active.id if active else None,
        can_rotate=active is not None and following is not None and is_published(domain, following),
    )


def _first(keys: list[SigningKey], algorithm: Algorithm) -> int | None:
    """The key that begins as soon as its record is found, where none is at work yet."""
    active, following = pair_of(keys, algorithm)
    return following.id if following and not active else None


def _key(domain: SendingDomain, key: SigningKey, part: str, finding: str) -> ShownKey:
    keep_until = key.retired_at + KEPT if key.retired_at else None
    return ShownKey(
        selector=key.selector,
        algorithm=key.algorithm,
        part=part,  # type: ignore[arg-type]
        finding=finding,
        record=key_record(domain.domain, key.selector, key.public),
        since=key.activated_at,
        seen_at=key.seen_at,
        keep_until=keep_until,
        is_over=keep_until is not None and keep_until <= clock.now(),
    )
