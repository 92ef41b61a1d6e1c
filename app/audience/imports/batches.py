"""Rows → batches of people ready for the database."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import islice

from app.audience.addresses import address_hash, normalise
from app.audience.exports import NAMES, plain_cell
from app.audience.imports.columns import is_remark
from app.audience.imports.lines import Lines
from app.audience.imports.plan import Plan
from app.audience.imports.records import Fault, Row, read_rows
from app.audience.imports.seen import Seen
from app.audience.subscribers import MAX_NAME
from app.audience.values import ENCODERS
from app.core.errors import Invalid
from app.core.wallclock import zone_names

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_ZONE = 2 + NAMES.index("timezone")
"""Where the zone stands among a row's values."""


@dataclass(slots=True)
class Batch:
    """Some rows of the file; people are unique by address, faults are (row number, reason, row).

    People are kept as COPY takes them: address, email, hash, first name, last name, locale, time zone, attributes as
    JSON, and whether an earlier batch met them.
    """

    rows_before: int
    rows_done: int = 0
    bytes_done: int = 0
    people: int = 0
    copy: bytes = b""
    faults: list[tuple[int, str, str]] = field(default_factory=list)
    warnings: list[tuple[int, str, str]] = field(default_factory=list)
    """The same for rows that were taken, but not wholly."""
    repeated: int = 0
    """Rows of this batch that were merged into another one of it."""
    met_before: int = 0
    """People whom an earlier batch of the same file held already."""


def read_batches(pieces: Iterable[bytes], plan: Plan, key: bytes) -> Iterator[Batch]:
    """The batches of a file. `key` is the workspace's, for the hashes. Equal file and plan give equal batches."""
    lines = Lines(pieces, plan.dialect)
    rows = read_rows(lines, plan.dialect, plan.width)
    read, seen = _reader(plan), Seen()
    done, ended = 0, False
    stop: Invalid | None = None
    while not ended:
        batch = Batch(rows_before=done)
        found: dict[str, list[str]] = {}
        try:
            for row in islice(rows, plan.batch):
                done += 1
                if isinstance(row, Fault):
                    batch.faults.append((done, row.reason, row.row))
                    continue
                try:
                    values = read(done, row)
                except Invalid as error:
                    batch.faults.append((done, str(error), row.raw.rstrip("\r\n")))
                else:
                    if zone := values[_ZONE]:
                        values[_ZONE] = _known_zone(zone)
                        if not values[_ZONE]:
                            batch.warnings.append((done, _no_zone(zone), row.raw.rstrip("\r\n")))
                    _take(values, found, batch)
        except Invalid as error:
            stop = error  # nothing can be read from here on; what was read is kept
        ended = stop is not None or done - batch.rows_before < plan.batch
        batch.rows_done, batch.bytes_done = done, lines.bytes_read
        _pack(batch, found, plan, key, seen)
        yield batch
    if stop is not None:
        raise stop


def _take(values: list[str], found: dict[str, list[str]], batch: Batch) -> None:
    address = values[0]
    earlier = found.get(address)
    if earlier is None:
        found[address] = values
    else:
        found[address] = [new or old for new, old in zip(values, earlier, strict=True)]
        batch.repeated += 1


@cache
def _zones() -> dict[str, str]:
    return {name.casefold(): name for name in zone_names()}


def _known_zone(text: str) -> str:
    """The zone's name as it is written, from any case and with blanks for underscores; empty when there is none."""
    return _zones().get(text.casefold().replace(" ", "_"), "")


def _no_zone(text: str) -> str:
    return f"Taken, but without its time zone: “{text}” is no zone such as Asia/Jakarta."


def _reader(plan: Plan) -> Callable[[int, Row], list[str]]:
    """A function from a row to its values: address, email, names in the order of NAMES, then each attribute as JSON."""
    places = {column.field: column.index for column in plan.columns if column.field}
    email = places.get("email", -1)
    names = [(place, places.get(name, -1)) for place, name in enumerate(NAMES, 2)]
    names = [(place, index) for place, index in names if index >= 0]
    attributes = [(column.index, ENCODERS[column.type], column) for column in plan.columns if column.key]
    guarded = any(is_remark(column.header) for column in plan.columns)
    pattern, blank = plan.addresses, [""] * len(NAMES)

    def read(number: int, row: Row) -> list[str]:
        cells = [plain_cell(cell) for cell in row.cells] if guarded else row.cells
        given = normalise(pattern.replace("{row}", str(number)) if pattern else cells[email])
        values = [given.address, given.email, *blank]
        for place, index in names:
            values[place] = _name(cells[index])
        for index, encode, column in attributes:
            text = cells[index].strip()
            try:
                values.append(encode(text) if text else "")
            except Invalid as error:
                raise Invalid(f"{column.header}: {error}.") from None
        return values

    return read


def _name(cell: str) -> str:
    text = cell.strip()
    if len(text) > MAX_NAME:
        raise Invalid(f"A name has {len(text)} characters; {MAX_NAME} is the most.")
    return text


def _pack(batch: Batch, found: dict[str, list[str]], plan: Plan, key: bytes, seen: Seen) -> None:
    heads = [f'"{column.key}":' for column in plan.columns if column.key]
    lines = []
    for address, (_, email, first, last, locale, timezone, *values) in found.items():
        digest = address_hash(key, address)
        pairs = [head + value for head, value in zip(heads, values, strict=True) if value]
        texts = (first, last, locale, timezone, "{" + ",".join(pairs) + "}")
        packed = "\t".join(texts)
        if packed.count("\t") != len(texts) - 1 or "\\" in packed or "\n" in packed or "\r" in packed:
            packed = "\t".join(text.translate(_ESCAPES) for text in texts)
        again = not seen.add(int.from_bytes(digest[:8]) | 1)
        batch.met_before += again
        # A quoted local part may hold a backslash; nothing else in an address can need escaping.
        addresses = f"{address}\t{email}".replace("\\", "\\\\")
        lines.append(f"{addresses}\t\\\\x{digest.hex()}\t{packed}\t{'t' if again else 'f'}\n")
    batch.people = len(lines)
    batch.copy = "".join(lines).encode()
