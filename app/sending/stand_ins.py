"""Names that stand in until ours are set: they are somebody else's, so no mail that leaves should bear them."""

from ipaddress import ip_address

from app.core.database import in_workspace
from app.core.errors import SettingsError
from app.core.extensions import settings
from app.sending.account import read_smtp_url
from app.sending.domains.names import is_reserved
from app.sending.transports import list_transports


def bounces_words(stands_in: str, domain: str) -> str:
    """What to do when the bounce domain is not ours."""
    return (
        f"MERPATI_BOUNCE_DOMAIN is not set: {stands_in} stands in for it, which is somebody else's, so "
        f"bounces and reports cannot come back to you. Set it to a name of yours, such as bounces.{domain}, and "
        "start Merpati anew; the records to publish are shown then."
    )


def name_words(stands_in: str, domain: str) -> str:
    """What to do when this machine has no name in mail."""
    return (
        f"MERPATI_MAIL_DOMAIN is not set: {stands_in} stands in for it, which is somebody else's. Set it to "
        f"the name that this machine has in DNS, such as mail.{domain}, with its address there, and start "
        "Merpati anew; the records to publish are shown then."
    )


def unset_names(domain: str) -> list[str]:
    """What must be set before mail from a domain of the workspace in scope should leave; empty while it is caught.

    Of reserved domains nothing is said: their mail reaches nobody in the open.
    """
    ours = settings()
    if is_caught() or is_reserved(domain):
        return []
    words = [] if ours.has_bounce_domain else [bounces_words(ours.bounce_domain.lower(), domain)]
    return words if ours.has_mail_domain else [*words, name_words(ours.mail_domain.lower(), domain)]


def why_held(workspace_id: int, sender: str) -> str:
    """Why a mail of the system must wait: its From is a name that stands in, so every receiver would refuse it.

    Empty when it may go: the sender is the workspace's own, or the mail stays on this machine.
    """
    ours = settings()
    if ours.has_mail_domain or sender.rpartition("@")[2].lower() != ours.mail_domain.lower():
        return ""
    with in_workspace(workspace_id):
        if is_caught() or not _leaves():
            return ""
    return (
        f"It would be from {sender}, and {ours.mail_domain} is somebody else's: everybody would refuse it. It is kept. "
        "Set the sender's address under Settings, and MERPATI_MAIL_DOMAIN to the name of this machine; then it goes."
    )


def is_caught() -> bool:
    """Whether the mail of the workspace in scope goes to the mail catcher."""
    return settings().catches_mail and not any(each.is_enabled for each in list_transports())


def _leaves() -> bool:
    """Whether any way out leads off this machine; what goes to a server beside us may be for a trial."""
    ways = [each for each in list_transports() if each.is_enabled]
    if ways:
        return any(each.kind != "smtp" or not _is_here(each.host) for each in ways)
    try:
        return not _is_here(read_smtp_url(settings().smtp_url, connections=1, timeout=1.0, hello="").host)
    except SettingsError:
        return False


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
