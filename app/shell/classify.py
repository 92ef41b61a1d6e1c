"""`merpati bounces classify`: what messages mean, one JSON object or one line each."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from app.mail.incoming import IncomingMail
from app.mail.mime import MAX_SIZE
from app.mail.reading import read_mail

LONGEST = 160
"""Characters of what somebody else said that fit into a line."""
MEANS: dict[str, str] = {
    "bounce": "a mail that came back, for nobody it names",
    "delayed": "a mail that is still tried",
    "delivered": "a mail that arrived",
    "complaint": "somebody called a mail spam",
    "feedback": "a report of a mailbox provider that complains of nothing",
    "autoreply": "a machine answers, such as while its owner is away",
    "challenge": "a program asks the sender to prove to be a person",
    "list": "a mailing list distributed it",
    "reply": "a person answers",
    "none": "no bounce, no report and no answer to a mail; for a person to look at",
}

_TOLD = (
    *("address", "original_address", "action", "scope", "persistence", "reason", "status", "reply_code", "suppress"),
    *("diagnostic", "remote_host", "evidence"),
)


def classify_paths(paths: tuple[Path, ...], *, as_json: bool) -> None:
    """Read files, and all files in folders, by name; of each no more than the reader looks at."""
    for path in _files(paths):
        with path.open("rb") as file:
            read = _read(path, read_mail(file.read(MAX_SIZE)))
        click.echo(json.dumps(read, ensure_ascii=False) if as_json else _line(read))


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.is_file())
        else:
            yield path


def _read(path: Path, mail: IncomingMail) -> dict[str, Any]:
    return {
        "path": str(path),
        "kind": mail.kind,
        "recipients": [{name: getattr(one, name) for name in _TOLD} for one in mail.recipients],
        "feedback_type": mail.feedback_type,
        "tokens": list(mail.tokens),
        "evidence": mail.evidence,
    }


def _line(read: dict[str, Any]) -> str:
    people = "; ".join(
        f"{one['address'] or '?'}"
        + (f": {one['reason']} ({one['scope']}, {one['persistence']})" if one["reason"] else "")
        + (" → suppress" if one["suppress"] else "")
        for one in read["recipients"]
    )
    return f"{read['path']}: {read['kind']}: {people or MEANS[read['kind']]}{_why(read)}"


def _why(read: dict[str, Any]) -> str:
    found = [one["evidence"] or one["diagnostic"] for one in read["recipients"]] or [read["evidence"]]
    words = "; ".join(dict.fromkeys(" ".join(each.split())[:LONGEST] for each in found if each))
    return f" – {words}" if words else ""
