"""Who opens and keeps the carriers of a run, by the kind of its account."""

from app.sending.account import Account
from app.sending.desk import SendDesk
from app.sending.lines import Lines


async def keep_carriers(account: Account, desk: SendDesk) -> None:
    """Keep as many carriers open as there is work for, until the desk stops."""
    await Lines(account, desk).keep()
