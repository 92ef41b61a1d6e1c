"""Taking over a list of suppressed addresses from elsewhere."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import text

from app.audience.addresses import Address, address_hash, mask, normalise
from app.audience.suppressions import Reason, workspace_address_key
from app.core import clock
from app.core.database import current_workspace_id, db
from app.core.errors import Invalid

BATCH = 10_000

INSERT = text(
    """
    INSERT INTO suppressions (workspace_id, created_at, address_hash, hint, reason, evidence)
    SELECT :workspace_id, :now, given.digest, given.hint, :reason, :evidence
    FROM unnest(CAST(:digests AS bytea[]), CAST(:hints AS text[])) AS given (digest, hint)
    ON CONFLICT DO NOTHING
    RETURNING id
    """
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a list: added, suppressed before, and the lines that are no address."""

    added: int
    known: int
    invalid: list[tuple[int, str, str]]
    """Line number, line, reason; the first 1,000."""
    invalid_count: int


def import_suppressions(lines: Iterable[str], *, evidence: str = "") -> Taken:
    """Suppress every address of a list, one a line, in the whole workspace."""
    key = workspace_address_key()
    added = known = bad = 0
    faults: list[tuple[int, str, str]] = []
    numbered = enumerate(lines, 1)
    while batch := list(islice(numbered, BATCH)):
        good: dict[str, Address] = {}
        repeated = 0
        for number, line, result in _read(batch):
            if isinstance(result, Address):
                repeated += result.address in good
                good[result.address] = result
            else:
                bad += 1
                if len(faults) < 1000:
                    faults.append((number, line, result))
        new = _insert(key, list(good), evidence)
        added += new
        known += len(good) - new + repeated
    return Taken(added, known, faults, bad)


def _read(batch: list[tuple[int, str]]) -> Iterator[tuple[int, str, Address | str]]:
    for number, line in batch:
        bare = line.strip().strip('"')
        if not bare or (number == 1 and "@" not in bare):
            continue  # the first line may be a heading
        try:
            yield number, line, normalise(bare)
        except Invalid as error:
            yield number, line, str(error)


def _insert(key: bytes, addresses: list[str], evidence: str) -> int:
    values = {
        "workspace_id": current_workspace_id(),
        "now": clock.now(),
        "reason": Reason.IMPORTED,
        "evidence": evidence,
        "digests": [address_hash(key, address) for address in addresses],
        "hints": [mask(address) for address in addresses],
    }
    return len(db.session.execute(INSERT, values).all())
