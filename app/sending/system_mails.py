"""The mails that Merpati itself writes: from the number of a row to the bytes."""

from collections.abc import Callable

from app.audience.sign_up import VALID_DAYS, find_confirmation
from app.core import clock
from app.core.database import in_workspace
from app.core.errors import NotFound
from app.core.extensions import keyring, settings
from app.core.tokens import Purpose
from app.mail.simple import compose_simple
from app.mail.wire import Sender, WireMail
from app.rendering.system import render_system

CONFIRM = "confirm-subscription"

Composer = Callable[[int], tuple[int, WireMail] | None]
"""From a row to its workspace and mail; None when it is not needed any more."""


def compose_system_mail(kind: str, row_id: int) -> tuple[int, WireMail] | None:
    """The workspace and the mail for a row; None when it is not needed any more. Raises NotFound for the kind."""
    compose = _composers.get(kind)
    if compose is None:
        raise NotFound(f"There is no system mail {kind!r}. There are: {', '.join(sorted(_composers))}.")
    return compose(row_id)


def register_composer(kind: str, compose: Composer) -> None:
    """Let a room that this one does not know write mails of its own; the factory introduces them."""
    _composers[kind] = compose


def _confirmation(subscription_id: int) -> tuple[int, WireMail] | None:
    try:
        found = find_confirmation(subscription_id)
    except NotFound:
        return None
    workspace, person = found.workspace, found.person
    with in_workspace(workspace.id):
        if not found.may_be_asked:
            return None
    token = keyring().sign(Purpose.SUBSCRIPTION, subscription_id)
    context = {
        "subscriber": {"email": person.email, "first_name": person.first_name},
        "workspace": {"name": workspace.name, "postal_address": workspace.postal_address},
        "title": "Please confirm",
        "list_name": found.mailing_list.name,
        "confirm_url": settings().url(f"/confirm/{token}"),
        "valid_days": VALID_DAYS,
    }
    email = render_system(CONFIRM, context)
    domain = settings().mail_domain
    mail = compose_simple(
        sender=Sender(
            workspace.from_name or workspace.name,
            workspace.from_email or f"no-reply@{domain}",
            workspace.reply_to or None,
        ),
        to_name=person.first_name,
        to_email=person.email,
        subject=email.subject,
        text=email.text,
        html=email.html,
        date=clock.now(),
        mail_domain=domain,
    )
    return workspace.id, mail


_composers: dict[str, Composer] = {CONFIRM: _confirmation}
