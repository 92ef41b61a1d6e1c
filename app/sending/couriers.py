"""Who opens and keeps the carriers of a run, by the kind of its account."""

from app.sending.account import Account
from app.sending.apis.account import ApiAccount
from app.sending.desk import SendDesk
from app.sending.greeting import NoLine
from app.sending.lines import Lines


async def keep_carriers(account: Account | ApiAccount, desk: SendDesk) -> None:
    """Keep as many carriers open as there is work for, until the desk stops."""
    if isinstance(account, Account):
        await Lines(account, desk).keep()
        return
    # Not before they are needed: an HTTP client weighs as much as the whole send loop.
    from app.sending.apis.fleet import Fleet
    from app.sending.apis.registry import sender_for

    try:
        sender = sender_for(account)
    except NoLine as error:
        desk.is_setup_fault = error.is_setup
        desk.stop("waiting", str(error))
        return
    await Fleet(account, desk, sender).keep()
