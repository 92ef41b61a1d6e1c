"""Transports by the row, and slices that are told to the breaker as the engine does."""

import asyncio
import json
from typing import Any

from sqlalchemy import text

from app.accounts.models import Workspace
from app.core.database import db
from app.core.extensions import keyring, settings
from app.core.settings import libpq_url
from app.sending.connections import connect
from app.sending.ways import Way, choose_way
from tests.sending.servers import Server


def add(workspace: Workspace, server: Server | int, **values: Any) -> int:
    """A transport to a server or a port; returns its id."""
    row = {
        "workspace_id": workspace.id,
        "name": "A",
        "kind": "smtp",
        "host": "127.0.0.1",
        "port": server if isinstance(server, int) else server.port,
        "security": "none",
        **values,
        "limits": json.dumps(values.get("limits", {})),
    }
    names = ", ".join(row)
    binds = ", ".join(f":{name}" for name in row)
    number = db.session.execute(text(f"INSERT INTO transports ({names}) VALUES ({binds}) RETURNING id"), row)  # noqa: S608
    found = int(number.scalar_one())
    db.session.commit()
    return found


def change(transport_id: int, **values: Any) -> None:
    """Set columns."""
    pairs = ", ".join(f"{name} = :{name}" for name in values)
    db.session.execute(text(f"UPDATE transports SET {pairs} WHERE id = :id"), {"id": transport_id, **values})  # noqa: S608
    db.session.commit()


def row(transport_id: int) -> Any:
    """The row as it is now."""
    db.session.rollback()
    return db.session.execute(text("SELECT * FROM transports WHERE id = :id"), {"id": transport_id}).one()


def choose(campaign_id: int) -> Way:
    """The way that the next run would take."""
    db.session.commit()

    async def ask() -> Way:
        connection = await connect(libpq_url(settings().database_url))
        try:
            return await choose_way(connection, campaign_id, settings(), keyring())
        finally:
            await connection.close()

    return asyncio.run(ask())
