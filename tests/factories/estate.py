"""One of everything that an address can name, in one workspace."""

import io
from dataclasses import dataclass
from secrets import token_bytes, token_hex

from app.accounts.keys import create_key
from app.accounts.models import ApiKey, Role, User, Workspace
from app.accounts.setup import add_member, create_user, make_link
from app.audience.imports.uploads import store_upload
from app.audience.subscriptions import subscribe
from app.audience.suppressions import suppress
from app.content.templates import create_template
from app.core import clock
from app.core.database import db, in_workspace
from app.core.extensions import keyring
from app.core.tokens import Purpose
from app.deliverability.outside.placements import note_placement
from app.messages.models import IncomingMail
from app.sending.models import SendingDomain
from app.sending.transports import TransportFields, save_transport
from app.sending.warmup.plans import begin
from app.tracking.mailboxes.edit import MailboxFields, save_mailbox
from app.tracking.models import Incident
from app.tracking.replies.forwarding import LEAVE
from app.tracking.webhooks.setup import add_webhook
from tests.factories.audience import a_list, a_person, csv_bytes
from tests.factories.campaigns import weekly_digest
from tests.factories.messages import Sent, sent_message


@dataclass(frozen=True)
class Estate:
    """A workspace with its people, and what stands in its addresses by the names that routes use."""

    workspace: Workspace
    owner: User
    sent: Sent
    ids: dict[str, int | str]
    tokens: dict[str, dict[str, str]]
    """By endpoint: the secrets in addresses for the public."""


def furnish(workspace: Workspace) -> Estate:
    """Fill a workspace; committed."""
    owner, member = _member(workspace, Role.OWNER), _member(workspace, Role.VIEWER)
    sent = sent_message(workspace, f"reader-{token_hex(4)}@example.org")
    with in_workspace(workspace.id):
        mailing_list = a_list(f"Letters {token_hex(4)}")
        person = a_person(f"wren-{token_hex(4)}@example.com")
        waiting = subscribe(person, mailing_list, "pending", source="form")
        campaign = weekly_digest(mailing_list)
        upload = store_upload(io.BytesIO(csv_bytes([["email"], ["robin@example.com"]])), "people.csv")
        suppressed = suppress(f"gone-{token_hex(4)}@example.com", "manual")
        template = create_template(f"Letterhead {token_hex(4)}")
        create_key("Shop", Role.VIEWER)
        key = db.session.query(ApiKey).one()
        domain = SendingDomain(domain=f"{token_hex(4)}.example.org")
        db.session.add(domain)
        transport = save_transport(keyring(), TransportFields(name="Relay", host="smtp.example.com", port=587))
        warm_up = begin(transport.id, "aviary.example.com", first=100, full=1000)
        hook, _secret = add_webhook(keyring(), "postmark", "Bounces")
        placement = note_placement(sent.campaign.id, f"seed-{token_hex(4)}@example.net", "inbox")
        mailbox = save_mailbox(
            keyring(),
            MailboxFields("imap", "imap.example.com", 993, "tls", "bounces@example.com", password="never used"),
        )
        reply = IncomingMail(
            digest=token_bytes(32),
            envelope_from="",
            envelope_to="",
            raw=b"From: Wren <wren@example.com>\r\nSubject: Re: Digest\r\n\r\nPlease remove me.\r\n",
            kind="reply",
            message_id=sent.message.id,
            workspace_id=workspace.id,
            handled_at=clock.now(),
        )
        db.session.add(reply)
        db.session.flush()
        incident = Incident(kind="burst", provider="google", reason="userunknown", count=40, of=40, action="held")
        db.session.add(incident)
        enter, start = make_link("sign-in", member), make_link("create-owner")
        db.session.commit()
        token, confirmation = sent.token, keyring().sign(Purpose.SUBSCRIPTION, waiting.id)
        return Estate(
            workspace,
            owner,
            sent,
            ids={
                "ws": workspace.slug,
                "campaign_id": campaign.id,
                "list_id": mailing_list.id,
                "subscriber_id": person.id,
                "import_id": upload.id,
                "suppression_id": suppressed.id,
                "template_id": template.id,
                "key_id": key.id,
                "transport_id": transport.id,
                "domain_id": domain.id,
                "warm_up_id": warm_up.id,
                "incident_id": incident.id,
                "mailbox_id": mailbox.id,
                "mail_id": reply.id,
                "placement_id": placement.id,
                "webhook_id": hook.id,
                "user_id": member.id,
                "slug": "plain-letter",
            },
            tokens={
                "tracking.pixel": {"token": token},
                "tracking.click": dict(zip(("token", "target"), sent.click_path().split("/")[2:], strict=True)),
                "pages": {"token": token},
                "hooks": {"public_id": hook.public_id},
                "sign_up.ask": {"public_id": mailing_list.public_id},
                "sign_up.sign_up": {"public_id": mailing_list.public_id},
                "sign_up": {"token": confirmation},
                "replies": {"token": keyring().sign(LEAVE, reply.id)},
                "accounts.start": {"secret": start},
                "accounts.create_owner": {"secret": start},
                "accounts": {"secret": enter},
                "static": {"filename": "logo.svg"},
            },
        )


def _member(workspace: Workspace, role: Role) -> User:
    user = create_user(f"{role}-{token_hex(4)}@example.com")
    add_member(workspace, user, role)
    db.session.flush()
    return user
