"""Labelled mail for measuring how well it is read: a folder with its table of labels, or the letters of the tests."""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_UNSURE = "weak"


@dataclass(frozen=True)
class Labelled:
    """A mail and what it is known to say. `people`: addresses, and whether each is dead; None is not known.

    `names_people`: whoever labelled the mail was sure of its recipients. `half` parts mails evenly, whatever their
    origin: rules are written while looking at one half, and the other tells whether they hold.
    """

    path: str
    raw: bytes
    kind: str
    people: tuple[tuple[str, bool | None], ...]
    names_people: bool = True

    @property
    def half(self) -> int:
        return hashlib.sha256(self.path.encode()).digest()[0] & 1

    @property
    def folder(self) -> str:
        return str(Path(self.path).parent)


def folder_of_labels(folder: Path) -> list[Labelled]:
    """All mails that the folder's labels.csv names."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as table:
        return [_labelled(folder, row) for row in csv.DictReader(table)]


def _labelled(folder: Path, row: dict[str, str]) -> Labelled:
    addresses = [one.strip().lower() for one in row["recipients"].split(";") if one.strip()]
    marks = row["address_permanent"].split(";")
    dead = [{"1": True, "0": False}.get(mark.strip()) for mark in marks] + [None] * len(addresses)
    return Labelled(
        path=row["path"],
        raw=(folder / row["path"]).read_bytes(),
        kind=row["kind"],
        people=tuple(zip(addresses, dead, strict=False)),
        names_people=bool(addresses) and _UNSURE not in row["trust"].split("/")[1],
    )


def own_letters() -> list[Labelled]:
    """The notices and letters that the tests are written with."""
    return list(_own_letters())


def _own_letters() -> Iterator[Labelled]:
    from tests.mail import letters
    from tests.mail.notices_of_gateways import GATEWAYS
    from tests.mail.notices_of_others import OTHERS
    from tests.mail.notices_of_servers import SERVERS

    for folder, notices in (("servers", SERVERS), ("others", OTHERS), ("gateways", GATEWAYS)):
        for name, one in notices.items():
            people = tuple((address, suppress) for address, _, suppress in one.told if address)
            yield Labelled(f"{folder}/{name}", one.raw, "bounce", people, bool(people))
    for name, kind, dead in letters.LABELLED:
        yield Labelled(f"letters/{name}", getattr(letters, name), kind, dead, bool(dead))
