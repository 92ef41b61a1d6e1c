"""The mail that tells an owner of incidents: in the words of the pages, with a link to them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flask import g, get_template_attribute
from markupsafe import Markup
from sqlalchemy import text

from app.accounts.models import User, Workspace
from app.core import clock
from app.core.database import db, in_workspace
from app.core.extensions import settings
from app.mail.simple import compose_simple
from app.mail.wire import Sender, WireMail
from app.rendering.system import SystemEmail, render_system
from app.tracking.incidents.queries import Shown, kept_of
from app.tracking.incidents.quoting import quote_foreign
from app.tracking.incidents.telling import PAUSED, gather, news_of, owner_of
from app.tracking.models import Incident, IncidentNotice

TEMPLATE = "incident"
LISTED = 5
"""Incidents named beside the first one; of the rest only the number is told."""
_WORDS = "tracking/incidents/_words.html"
_OF_MAIL = "tracking/incidents/_notice.html"
_UNSENT = text(
    """
    SELECT count(*) FROM messages
    WHERE campaign_id = :campaign AND workspace_id = :workspace AND state IN ('planned', 'deferred')
    """
)


def compose_notice(notice_id: int) -> tuple[int, WireMail] | None:
    """The workspace and the mail; None when nothing in it needs anybody any more, or nobody is to be told.

    One mail for all that waits to be told to that owner.
    """
    notice = gather(notice_id)
    if notice is None:
        return None
    # From here on the row of the outgoing mail sees to it, which is written in the same transaction.
    notice.queued_at = notice.queued_at or clock.now()
    workspace = db.session.get_one(Workspace, notice.workspace_id, populate_existing=True)
    with in_workspace(workspace.id):
        news, owner = news_of(notice.incidents), owner_of(workspace.id, notice.user_id)
        if owner is None or not news or not workspace.tells_owners:
            return None
        with _zone_of(workspace):
            return workspace.id, _compose(notice, owner, _email(workspace, owner, news))


@contextmanager
def _zone_of(workspace: Workspace) -> Iterator[None]:
    """Times are written in the zone of the workspace, as on its pages."""
    before = g.get("workspace")
    g.workspace = workspace
    try:
        yield
    finally:
        g.workspace = before


def _email(workspace: Workspace, owner: User, news: Sequence[Shown]) -> SystemEmail:
    first, others = news[0], news[1:]
    url = settings().url(f"/w/{workspace.slug}")
    context = {
        "workspace": {"name": workspace.name, "postal_address": ""},
        "name": owner.name,
        "title": _say("title", first.incident),
        "count": len(others),
        "happened": _say("happened", first),
        "words": quote_foreign(first.incident.words) if first.incident.kind in ("blocked", "burst") else "",
        "people": _say("people", first, of=_OF_MAIL),
        "done": _say("done", first),
        "kept": _say("kept", first, kept_of(first.incident), _unsent(first.incident), of=_OF_MAIL),
        "advice": _say("advice", first),
        "button": _say("button", first, of=_OF_MAIL),
        "others": _say("others", len(others), of=_OF_MAIL),
        "other_titles": "; ".join(_say("title", one.incident) for one in others[:LISTED]),
        "incident_url": f"{url}/incidents/{first.incident.id}",
        "incidents_url": f"{url}/incidents",
        "settings_url": f"{url}/settings",
    }
    return render_system(TEMPLATE, context)


def _say(name: str, *about: object, of: str = _WORDS) -> str:
    """A sentence of the pages as plain text."""
    said: Markup = get_template_attribute(of, name)(*about)
    return " ".join(said.striptags().split())


def _unsent(incident: Incident) -> int:
    """Messages of a campaign that was paused, which have not gone out."""
    if incident.action != PAUSED or not incident.campaign_id:
        return 0
    binds = {"campaign": incident.campaign_id, "workspace": incident.workspace_id}
    return int(db.session.execute(_UNSENT, binds).scalar_one())


def _compose(notice: IncidentNotice, owner: User, email: SystemEmail) -> WireMail:
    domain = settings().mail_domain
    return compose_simple(
        sender=Sender("Merpati", f"no-reply@{domain}", None),
        to_name=owner.name,
        to_email=owner.email,
        subject=email.subject,
        text=email.text,
        html=email.html,
        date=clock.now(),
        mail_domain=domain,
        # The same at each attempt: should it come twice, mail programs know the second one.
        message_id=f"incident-{notice.id}-{notice.created_at:%Y%m%d%H%M%S}",
    )
