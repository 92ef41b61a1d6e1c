"""The truth file: what really happened, one JSON object per line, to compare with what Merpati believes.

Fields: `t` (ISO time), `kind`, `to`, `sender` (envelope), `message_id`, `machine`, `url`, `status` (HTTP or SMTP code),
`reason`, `first` (the first of its kind for this message). Kinds: accepted deferred rejected blocked (taken, but to be
sent back because of a blocklist) dsn open click visit scan unsubscribe complaint autoreply reply skipped.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TextIO

from app.core import clock

Entry = dict[str, Any]


class Truth:
    """Appends what happened and counts it. Lines wait in memory until `flush`; without a path they are only counted."""

    def __init__(self, path: Path | None) -> None:
        self.counts: Counter[str] = Counter()
        self._lines: list[str] = []
        self._seen: set[int] = set()
        self._file: TextIO | None = None
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8")

    def tell(self, kind: str, to: str, *, message_id: str = "", machine: bool = False, **more: object) -> bool:
        """Note one fact; the answer is whether it was the first of its kind for this message."""
        name = f"machine_{kind}" if machine else kind
        self.counts[name] += 1
        mark = hash((name, to, message_id or more.get("sender")))
        first = mark not in self._seen
        self._seen.add(mark)
        if self._file:
            entry = {
                "t": clock.now().isoformat(timespec="milliseconds"),
                "kind": kind,
                "to": to,
                "message_id": message_id,
                "machine": machine,
                "first": first,
                **more,
            }
            self._lines.append(json.dumps(entry, ensure_ascii=False))
        return first

    def flush(self) -> None:
        """Write what waits."""
        if self._file and self._lines:
            self._file.write("\n".join(self._lines) + "\n")
            self._file.flush()
            self._lines.clear()

    def close(self) -> None:
        self.flush()
        if self._file:
            self._file.close()
            self._file = None


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of unique messages, except `duplicates`, `skipped` and `failed`, which count every time."""

    accepted: int = 0
    duplicates: int = 0
    """Accepted again after an earlier acceptance: somebody got the same message twice."""
    deferred: int = 0
    hard_bounced: int = 0
    """Refused in the SMTP dialogue because the mailbox does not exist."""
    refused: int = 0
    """Refused for good for any other reason."""
    returned: int = 0
    """Accepted and later returned by a delivery report."""
    returned_hard: int = 0
    human_openers: int = 0
    machine_openers: int = 0
    openers: int = 0
    human_clickers: int = 0
    machine_clickers: int = 0
    clickers: int = 0
    unsubscribed: int = 0
    complained: int = 0
    complaints_reported: int = 0
    autoreplies: int = 0
    replies: int = 0
    skipped: int = 0
    failed: int = 0
    """Visits and letters that got no good answer."""


def summarise(path: Path, only: Callable[[Entry], bool] = lambda _: True) -> Summary:
    """Count a truth file, or those entries of it for which `only` says yes."""
    groups: dict[str, set[tuple[str, str]]] = {field.name: set() for field in fields(Summary)}
    again: Counter[str] = Counter()
    for entry in read_truth(path):
        if only(entry):
            key = (entry["to"], entry["message_id"] or entry.get("sender", ""))
            for name in _groups_of(entry):
                groups[name].add(key)
                again[name] += 1
    counts = {name: len(group) for name, group in groups.items()}
    counts["duplicates"] = again["accepted"] - counts["accepted"]
    counts["skipped"], counts["failed"] = again["skipped"], again["failed"]
    return Summary(**counts)


def read_truth(path: Path) -> Iterator[Entry]:
    """The entries of a truth file; a last line that is still being written is left out."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)


def worked(kind: str, status: int) -> bool:
    """Whether an answer means that the deed was done: a click must redirect."""
    return 300 <= status < 400 if kind == "click" else 200 <= status < 400


_SIMPLE = {"accepted": "accepted", "deferred": "deferred", "skipped": "skipped"}
_DEEDS = {
    "open": ("openers", "human_openers", "machine_openers"),
    "click": ("clickers", "human_clickers", "machine_clickers"),
}
_LETTERS = {"dsn": "returned", "autoreply": "autoreplies", "reply": "replies", "unsubscribe": "unsubscribed"}


def _groups_of(entry: Entry) -> Iterator[str]:
    kind = entry["kind"]
    status = entry.get("status", 0)
    if kind in _SIMPLE:
        yield _SIMPLE[kind]
    elif kind == "rejected":
        yield "hard_bounced" if entry.get("reason") == "unknown" else "refused"
    elif kind == "complaint":
        yield "complained"
        if entry.get("reported"):
            yield "complaints_reported" if worked(kind, status) else "failed"
    elif not worked(kind, status):
        yield "failed"
    elif kind in _DEEDS:
        everyone, human, machine = _DEEDS[kind]
        yield everyone
        yield machine if entry["machine"] else human
    elif kind in _LETTERS:
        yield _LETTERS[kind]
        if kind == "dsn" and entry.get("reason") == "unknown":
            yield "returned_hard"
