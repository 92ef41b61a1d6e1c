"""Header fields that all mails of a campaign share."""

from collections.abc import Mapping
from types import MappingProxyType

from app.core.errors import Invalid
from app.mail.addresses import a_label, wire_address
from app.mail.headers import machine_field, mailbox_field
from app.mail.wire import Sender

NO_EXTRA: Mapping[str, str] = MappingProxyType({})

_MAX_LIST_ID = 255
_OWN = {
    *("auto-submitted", "bcc", "cc", "content-transfer-encoding", "content-type", "date", "feedback-id", "from"),
    *("list-id", "list-unsubscribe", "list-unsubscribe-post", "message-id", "mime-version", "precedence", "received"),
    *("reply-to", "return-path", "sender", "subject", "to", "x-auto-response-suppress", "x-merpati-message"),
}


def sender_fields(sender: Sender) -> tuple[list[str], bool]:
    """From and, where replies go elsewhere, Reply-To; and whether either needs SMTPUTF8."""
    address, needs_smtputf8 = wire_address(sender.email)
    fields = [mailbox_field("From", sender.name, address)]
    if sender.reply_to:
        reply_address, reply_needs_smtputf8 = wire_address(sender.reply_to)
        fields.append(f"Reply-To: {reply_address}")
        needs_smtputf8 = needs_smtputf8 or reply_needs_smtputf8
    return fields, needs_smtputf8


def list_id_field(name: str, list_id: str) -> str:
    """List-Id: phrase and identifier (RFC 2919)."""
    if len(list_id) > _MAX_LIST_ID:
        raise Invalid(f"The list id has {len(list_id)} characters; List-Id allows {_MAX_LIST_ID} (RFC 2919 §3).")
    label = a_label(list_id)
    return mailbox_field("List-Id", name, label) if name.strip() else f"List-Id: <{label}>"


def extra_fields(extra: Mapping[str, str]) -> list[str]:
    """Fields of the operator's own. Raises Invalid for a name that is taken or no name at all."""
    seen = set(_OWN)
    for name in extra:
        if name.lower() in seen:
            raise Invalid(f"The header field {name} is written by Merpati; a mail has it once. Remove it.")
        seen.add(name.lower())
    return [machine_field(name, value) for name, value in extra.items()]
