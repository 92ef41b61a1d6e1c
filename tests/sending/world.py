"""A campaign ready to be sent, its ledger to look at, and the engine pointed at a server of the test's own."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import current_app
from sqlalchemy import text

from app.accounts.models import Workspace
from app.core.database import db
from app.rendering.compiled import CompiledDesign, Link
from app.sending.engine import SliceResult, allow_start, await_answers, run_slice

HTML = (
    '<html><body><p>Dear {{ subscriber.first_name }},</p><p><a href="{{ link_0 }}">Read on</a> '
    '<a href="{{ unsubscribe_url }}">Unsubscribe</a></p>{{ pixel }}</body></html>'
)
PLAIN = "Dear {{ subscriber.first_name }}, read on: {{ link_0 }}\nUnsubscribe: {{ unsubscribe_url }}\n"


def design(html: str = HTML, plain: str = PLAIN) -> CompiledDesign:
    """A small compiled design with one link."""
    return CompiledDesign(html, plain, (Link(0, "https://www.example.com/story", "Read on"),), (), len(html))


def plan_campaign(
    workspace: Workspace, people: int, *, compiled: CompiledDesign | None = None, state: str = "sending"
) -> int:
    """A campaign to `people` confirmed subscribers named person0 and so on, everybody planned."""
    binds: dict[str, Any] = {
        "w": workspace.id,
        "n": people,
        "state": state,
        "compiled": json.dumps((compiled or design()).to_dict()),
    }
    one = {}
    for name, statement in _ONE_ROW.items():
        one[name] = binds[name] = db.session.execute(text(statement), binds).scalar_one()
    for statement in _MANY_ROWS:
        db.session.execute(text(statement), binds)
    db.session.commit()
    return int(one["campaign"])


_ONE_ROW = {
    "list": "INSERT INTO lists (workspace_id, name, slug, public_id) "
    "VALUES (:w, 'Letters', 'l' || gen_random_uuid(), gen_random_uuid()) RETURNING id",
    "campaign": "INSERT INTO campaigns (workspace_id, name, state, salt, from_name, from_email) "
    "VALUES (:w, 'Spring', :state, 'x', 'Aviary News', 'news@aviary.example.com') RETURNING id",
    "design": "INSERT INTO designs (workspace_id, digest, mjml, compiled) "
    "VALUES (:w, gen_random_uuid()::text::bytea, '', CAST(:compiled AS jsonb)) RETURNING id",
    "variant": "INSERT INTO variants (workspace_id, campaign_id, position, name, subject, share, design_id) "
    "VALUES (:w, :campaign, 0, 'A', 'News for {{ subscriber.first_name }}', 1, :design) RETURNING id",
}
_MANY_ROWS = (
    "INSERT INTO links (workspace_id, campaign_id, variant_id, position, url) "
    "VALUES (:w, :campaign, :variant, 0, 'https://www.example.com/story')",
    "INSERT INTO subscribers (workspace_id, email, address, address_hash, first_name) "
    "SELECT :w, a, a, sha256(k.address_key || convert_to(a, 'UTF8')), 'Ann' FROM workspaces k, "
    "(SELECT 'person' || n || '@example.com' AS a FROM generate_series(0, :n - 1) n) p WHERE k.id = :w "
    "ON CONFLICT DO NOTHING",
    "INSERT INTO subscriptions (workspace_id, list_id, subscriber_id, state) "
    "SELECT :w, :list, id, 'confirmed' FROM subscribers WHERE workspace_id = :w",
    "INSERT INTO messages (workspace_id, campaign_id, subscriber_id, list_id, variant_id, address, state) "
    "SELECT :w, :campaign, id, :list, :variant, email, 'planned' FROM subscribers WHERE workspace_id = :w "
    "ORDER BY id LIMIT :n",
)


@contextmanager
def sending_by(url: str, **changes: Any) -> Iterator[None]:
    """Within the block the engine sends by this server, with these settings changed."""
    before = current_app.extensions["merpati.settings"]
    usual = {"smtp_url": url, "smtp_timeout": 5.0, "smtp_connections": 4, "send_slice": 10}
    current_app.extensions["merpati.settings"] = before.model_copy(update={**usual, **changes})
    try:
        yield
    finally:
        allow_start()
        current_app.extensions["merpati.settings"] = before


def send(campaign_id: int, url: str, *, waits: bool = True, **changes: Any) -> SliceResult:
    """One slice; unless told not to, with the answers that it waits for beside the worker's next job."""
    db.session.commit()
    with sending_by(url, **changes):
        result = run_slice(campaign_id)
        if waits:
            await_answers()
        return result


def states(campaign_id: int) -> Counter[str]:
    """How many messages are in which state."""
    rows = look("SELECT state, count(*) FROM messages WHERE campaign_id = :c GROUP BY state", campaign_id)
    return Counter({row[0]: row[1] for row in rows})


def reasons(campaign_id: int) -> Counter[tuple[str, str]]:
    """How many messages are in which state for which reason."""
    rows = look("SELECT state, reason, count(*) FROM messages WHERE campaign_id = :c GROUP BY 1, 2", campaign_id)
    return Counter({(row[0], row[1]): row[2] for row in rows})


def attempts(campaign_id: int) -> list[Any]:
    """The attempts of a campaign, the oldest first."""
    return look("SELECT * FROM attempts WHERE campaign_id = :c ORDER BY at, id", campaign_id)


def runs(campaign_id: int) -> list[Any]:
    """Its runs, the oldest first."""
    return look("SELECT * FROM runs WHERE campaign_id = :c ORDER BY id", campaign_id)


def message(campaign_id: int, address: str) -> Any:
    """The row of one message."""
    [row] = look("SELECT * FROM messages WHERE campaign_id = :c AND address = :a", campaign_id, a=address)
    return row


def campaign(campaign_id: int) -> Any:
    """The row of a campaign."""
    [row] = look("SELECT * FROM campaigns WHERE id = :c", campaign_id)
    return row


def change(statement: str, **binds: Any) -> None:
    """Do something to the database, as another process would."""
    db.session.execute(text(statement), binds)
    db.session.commit()


def look(statement: str, campaign_id: int, **binds: Any) -> list[Any]:
    """Rows as they are now; `:c` stands for the campaign."""
    db.session.rollback()
    return list(db.session.execute(text(statement), {"c": campaign_id, **binds}).all())
