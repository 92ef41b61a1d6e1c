"""`merpati bounces classify`: what messages mean, one JSON object or one line each."""

import json
import mailbox
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from app.mail.incoming import IncomingMail
from app.mail.mime import MAX_SIZE
from app.mail.reading import read_mail

STDIN = Path("-")
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


def classify_paths(paths: tuple[Path, ...], *, as_json: bool, mbox: bool = False) -> None:
    """Read files, and all files in folders, by name; of each no more than the reader looks at. `-` is standard input.

    A file called `.mbox`, or with `mbox` every one, is read as the mails in it. What cannot be read, and where no
    mail is, is said on standard error, the rest goes on, and the command ends with 1.
    """
    unread: list[str] = []
    empty = 0

    def miss(path: Path, reason: str) -> None:
        unread.append(str(path))
        click.echo(f"{path}: not read: {reason}", err=True)

    for given in paths:
        mails, missed = 0, len(unread)
        for path in _files(given, miss):
            try:
                for raw in _mails(path, mbox=mbox):
                    read = _read(path, read_mail(raw))
                    click.echo(json.dumps(read, ensure_ascii=False) if as_json else _line(read))
                    mails += 1
            except OSError as error:
                miss(path, error.strerror or str(error))
        if not mails and len(unread) == missed:
            empty += 1
            click.echo(f"{given}: there is no mail in it", err=True)
    if unread:
        click.echo(f"{len(unread)} of what was named could not be read; all the rest was.", err=True)
    if unread or empty:
        raise SystemExit(1)


def _files(path: Path, miss: Callable[[Path, str], None]) -> Iterator[Path]:
    if path.is_dir():
        yield from _in_folder(path, miss)
    elif path == STDIN or path.exists():
        yield path
    else:
        miss(path, "there is no such file or folder")


def _in_folder(folder: Path, miss: Callable[[Path, str], None]) -> Iterator[Path]:
    def say(error: OSError) -> None:
        miss(Path(error.filename), error.strerror or str(error))

    found = (Path(parent) / name for parent, _, names in os.walk(folder, onerror=say) for name in names)
    # A pipe or a device in a folder is nobody's mail, and would be waited for.
    yield from sorted(path for path in found if path.is_file())


def _mails(path: Path, *, mbox: bool) -> Iterator[bytes]:
    if mbox or path.suffix == ".mbox":
        with closing(mailbox.mbox(path, create=False)) as box:
            yield from (box.get_bytes(key)[:MAX_SIZE] for key in box.iterkeys())
        return
    with click.open_file(str(path), "rb") as file:
        raw = file.read(MAX_SIZE)
        if file.read(1):
            click.echo(f"{path}: longer than {MAX_SIZE // 1024} KB, of which the beginning is read", err=True)
    yield raw


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
