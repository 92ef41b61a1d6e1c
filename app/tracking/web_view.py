"""A message once more, as it was sent to one person, for a browser. Needs the message's workspace in scope."""

from typing import Any

from sqlalchemy import select, text

from app.content.designs import load_compiled
from app.content.models import Design
from app.core.database import db
from app.core.errors import NotFound
from app.core.extensions import keyring, settings
from app.messages.links import MessageLinks
from app.rendering.merge import Personaliser, PersonContext
from app.tracking.recipients import Recipient

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https: data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox allow-popups allow-popups-to-escape-sandbox "
    "allow-top-navigation-by-user-activation"
)
"""The page holds somebody's own HTML: it may show itself and be left by its links, and nothing else."""

SENT = """
SELECT c.id, c.name, c.track_opens, c.track_clicks, v.subject, v.preheader, v.design_id,
       (SELECT coalesce(jsonb_object_agg(position, id), '{}') FROM links WHERE variant_id = v.id) AS links
FROM variants v JOIN campaigns c ON c.id = v.campaign_id
WHERE v.id = :variant AND v.workspace_id = :workspace
"""


def as_sent(recipient: Recipient) -> str:
    """The HTML of the mail. Raises NotFound when its content is gone, RenderError when it cannot be filled in."""
    message = recipient.message
    binds = {"variant": message.variant_id, "workspace": message.workspace_id}
    sent = db.session.execute(text(SENT), binds).mappings().one_or_none()
    design = db.session.scalar(select(Design).where(Design.id == sent["design_id"])) if sent else None
    if sent is None or design is None:
        raise NotFound("What this mail said is not kept here any more.")
    compiled, links = load_compiled(design), MessageLinks(keyring(), settings().base_url)
    personaliser = Personaliser(
        compiled,
        subject=sent["subject"],
        preheader=sent["preheader"],
        link_targets=[links.seal(sent["links"][str(link.index)], link.url) for link in compiled.links],
    )
    return personaliser.render(_context(recipient, dict(sent), links)).html


def _context(recipient: Recipient, sent: dict[str, Any], links: MessageLinks) -> PersonContext:
    token = links.token(recipient.message.id)
    prefix = links.click_prefix(token)
    may_track = recipient.person is not None and recipient.person.tracking
    tracked = may_track and sent["track_clicks"]
    return PersonContext(
        subscriber=_fields(recipient),
        links_prefix=prefix,
        pixel_url=links.pixel(token) if may_track and sent["track_opens"] else None,
        unsubscribe_url=links.unsubscribe(token),
        preferences_url=links.preferences(token),
        view_url=links.view(token),
        campaign={"id": sent["id"], "name": sent["name"]},
        workspace={"name": recipient.workspace.name, "postal_address": recipient.workspace.postal_address},
        sign_link=(lambda _index, url: prefix + links.seal(0, url)) if tracked else None,
        track_links=tracked,
    )


def _fields(recipient: Recipient) -> dict[str, object]:
    person = recipient.person
    if person is None:
        return {"email": recipient.message.address}
    return {
        **person.attributes,
        "email": person.email,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "name": person.name,
        "locale": person.locale,
    }
