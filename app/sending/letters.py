"""The mails of one campaign: what all recipients share is made ready once, then bytes per person."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from app.core.settings import Settings
from app.core.tokens import Keyring, Purpose
from app.mail.dkim import Signer
from app.mail.frame import MailFrame
from app.mail.wire import Sender
from app.messages.links import MessageLinks
from app.rendering.compiled import CompiledDesign
from app.rendering.merge import Personaliser, PersonContext
from app.sending.domains.composed import sign_composed
from app.sending.domains.signing import load_signers
from app.sending.parcel import Parcel

_CAMPAIGN = """
SELECT c.id, c.name, c.from_name, c.from_email, c.reply_to, c.track_opens, c.track_clicks,
       w.id, w.name, w.postal_address, w.feedback_id
FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id WHERE c.id = %s
"""
_VARIANTS = """
SELECT v.id, v.subject, v.preheader, d.compiled,
       coalesce((SELECT array_agg(array[l.position, l.id]) FROM links l WHERE l.variant_id = v.id), '{}')
FROM variants v JOIN designs d ON d.id = v.design_id WHERE v.campaign_id = %s
"""
_LISTS = "SELECT l.id, l.name FROM lists l JOIN campaigns c ON c.workspace_id = l.workspace_id WHERE c.id = %s"
BUILT_IN = frozenset({"email", "first_name", "last_name", "name", "locale"})
_SUBSCRIBER_FIELD = re.compile(r"\bsubscriber\b(?:\s*\.\s*(\w+))?")


@dataclass(frozen=True, slots=True)
class Shared:
    """What the mails of a campaign have in common."""

    campaign_id: int
    campaign_name: str
    sender: Sender
    track_opens: bool
    track_clicks: bool
    workspace_id: int
    workspace_name: str
    postal_address: str
    feedback_id: str


class Letters:
    """Composes the messages of one campaign."""

    def __init__(
        self,
        shared: Shared,
        personalisers: Mapping[int, Personaliser],
        lists: Mapping[int, str],
        keyring: Keyring,
        settings: Settings,
        *,
        need_attributes: bool,
        signers: Sequence[Signer] = (),
    ) -> None:
        self.need_attributes = need_attributes
        """Whether some mail names a field that only some people have."""
        self._shared = shared
        self._personalisers = personalisers
        self._lists = lists
        self._keyring = keyring
        self._settings = settings
        self._signers = signers
        self._links = MessageLinks(keyring, settings.base_url)
        self._frames: dict[int | None, MailFrame] = {}
        self._campaign = {"id": shared.campaign_id, "name": shared.campaign_name}
        self._workspace = {"name": shared.workspace_name, "postal_address": shared.postal_address}

    def compose(self, parcel: Parcel, date: datetime) -> None:
        """Give the parcel its bytes and envelope. Raises RenderError, Invalid: this message cannot be made."""
        email, first_name, last_name, locale, tracking, attributes = parcel.person
        links, token = self._links, self._links.token(parcel.message_id)
        shared = self._shared
        prefix, unsubscribe = links.click_prefix(token), links.unsubscribe(token)
        tracked = tracking and shared.track_clicks
        person = PersonContext(
            subscriber=merge_fields(email, first_name, last_name, locale, attributes),
            links_prefix=prefix,
            pixel_url=links.pixel(token) if tracking and shared.track_opens else None,
            unsubscribe_url=unsubscribe,
            preferences_url=links.preferences(token),
            view_url=links.view(token),
            campaign=self._campaign,
            workspace=self._workspace,
            sign_link=(lambda _index, url: prefix + links.seal(0, url)) if tracked else None,
            track_links=tracked,
        )
        parts = self._personalisers[parcel.variant_id].render_wire(person)
        parcel.token = self._keyring.sign_for_mail(Purpose.RETURN_PATH, parcel.message_id)
        mail = self._frame(parcel.list_id).wire(
            to_name=f"{first_name} {last_name}".strip(),
            to_email=parcel.address,
            subject=parts.subject,
            token=parcel.token,
            unsubscribe_url=unsubscribe,
            date=date,
            text_qp=parts.text_qp,
            html_qp=parts.html_qp,
        )
        parcel.return_path, parcel.recipient = mail.envelope_from, mail.envelope_to
        parcel.needs_smtputf8 = mail.needs_smtputf8
        parcel.data = sign_composed(mail.data, self._signers) if self._signers else mail.data
        parcel.person = ()

    def _frame(self, list_id: int | None) -> MailFrame:
        frame = self._frames.get(list_id)
        if frame is None:
            shared, domain = self._shared, self._settings.mail_domain
            frame = self._frames[list_id] = MailFrame(
                sender=shared.sender,
                list_name=self._lists.get(list_id or 0, shared.workspace_name),
                list_id=f"list-{list_id}.{domain}" if list_id else f"workspace-{shared.workspace_id}.{domain}",
                feedback_id=f"c{shared.campaign_id}:l{list_id or 0}:w{shared.workspace_id}:{shared.feedback_id}",
                mail_domain=domain,
                bounce_domain=self._settings.bounce_domain,
            )
        return frame


def merge_fields(
    email: str, first_name: str, last_name: str, locale: str, attributes: Mapping[str, Any] | None
) -> dict[str, object]:
    """What `{{ subscriber.… }}` can name: a person's own attributes, and the fields that everybody has."""
    return {
        **(attributes or {}),
        "email": email,
        "first_name": first_name,
        "last_name": last_name,
        "name": f"{first_name} {last_name}".strip(),
        "locale": locale,
    }


def names_attributes(text: str) -> bool:
    """Whether merge tags may name a field of `subscriber` beyond those that everybody has."""
    return any(name not in BUILT_IN for name in _SUBSCRIBER_FIELD.findall(text))


async def load_letters(
    connection: AsyncConnection[tuple[Any, ...]],
    campaign_id: int,
    settings: Settings,
    keyring: Keyring,
    *,
    relay_signs: bool = False,
) -> Letters:
    """Make a campaign's mails ready, to be signed here unless the relay signs.

    Raises DesignError, Invalid when its content cannot be used, SettingsError when a signing key cannot be read.
    """
    row = await (await connection.execute(_CAMPAIGN, (campaign_id,))).fetchone()
    assert row is not None
    shared = Shared(row[0], row[1], Sender(row[2], row[3], row[4] or None), row[5], row[6], *row[7:])
    links = MessageLinks(keyring, settings.base_url)
    personalisers, need_attributes = {}, False
    for variant_id, subject, preheader, compiled, numbered in await (
        await connection.execute(_VARIANTS, (campaign_id,))
    ).fetchall():
        design = CompiledDesign.from_dict(compiled)
        texts = [subject, preheader, design.preheader, design.html, design.text, *(link.url for link in design.links)]
        ids = dict(numbered)
        targets = [links.seal(ids[link.index], link.url) for link in design.links]
        need_attributes |= any(names_attributes(text) for text in texts)
        personalisers[variant_id] = Personaliser(design, subject=subject, preheader=preheader, link_targets=targets)
    lists = dict(await (await connection.execute(_LISTS, (campaign_id,))).fetchall())
    signers = [] if relay_signs else await load_signers(connection, shared.workspace_id, shared.sender.email, keyring)
    return Letters(shared, personalisers, lists, keyring, settings, need_attributes=need_attributes, signers=signers)
