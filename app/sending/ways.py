"""Which way a run goes out: chosen when it begins, told how it went when it ends."""

from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from app.core.settings import Settings
from app.core.tokens import Keyring
from app.sending.account import Account
from app.sending.transports import account_for


@dataclass(frozen=True, slots=True)
class Way:
    """A way out for one run. `transport_id` None: the installation's own."""

    transport_id: int | None
    account: Account
    relay_signs: bool = False


async def choose_way(
    connection: AsyncConnection[tuple[Any, ...]], campaign_id: int, settings: Settings, keyring: Keyring
) -> Way:
    """The way by which a campaign goes out now. Raises SettingsError when none can be used."""
    return Way(None, await account_for(connection, campaign_id, settings, keyring))
