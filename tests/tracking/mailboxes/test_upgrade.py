"""The migration that forgets private mail of mailboxes, and nothing else."""

import secrets
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from sqlalchemy import select, text

from app.core import clock
from app.core.database import db
from app.messages.models import IncomingMail
from tests.factories.messages import Sent

MIGRATION = Path(__file__).parents[3] / "migrations/versions/0012_private_mail_forgotten.py"
UNKNOWN = "no token of ours; nothing was changed"


def test_only_private_mail_of_mailboxes_goes(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {
        "a letter": row(sent),
        "a reply to nobody": row(sent, kind="reply"),
        "a bounce of an unknown message": row(sent, kind="bounce"),
        "a reply to us": row(sent, kind="reply", message_id=sent.message.id, note="replied"),
        "came to our own server": row(sent, source="smtp"),
        "not read yet": row(sent, kind="", note="", handled_at=None),
        "cannot be read": row(sent, facts={"evidence": "could not be read: ValueError"}),
        "a report that a reader took": row(sent, note="DMARC report of x on y"),
    }
    spec = spec_from_file_location("migration", MIGRATION)
    assert spec
    assert spec.loader
    migration = module_from_spec(spec)
    spec.loader.exec_module(migration)
    monkeypatch.setattr(migration.op, "execute", lambda words: db.session.execute(text(words)))
    migration.upgrade()
    left = set(db.session.scalars(select(IncomingMail.id)))
    gone = {name for name, number in rows.items() if number not in left}
    db.session.rollback()
    assert gone == {"a letter", "a reply to nobody"}


def row(sent: Sent, **values: object) -> int:
    mail = IncomingMail(
        **{
            "digest": secrets.token_bytes(32),
            "envelope_from": "",
            "envelope_to": "",
            "raw": b"Subject: x\r\n\r\n",
            "workspace_id": sent.workspace.id,
            "source": "mailbox:1",
            "kind": "none",
            "note": UNKNOWN,
            "handled_at": clock.now(),
            **values,
        }
    )
    db.session.add(mail)
    db.session.flush()
    return mail.id
