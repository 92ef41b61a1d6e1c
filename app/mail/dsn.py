"""Delivery status notifications (RFC 3464, 6533)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from app.mail.failure_signs import is_failure_notice
from app.mail.fields import Fields, read_fields
from app.mail.incoming import Kind, RecipientReport
from app.mail.mime import Part
from app.mail.own_words import own_words
from app.mail.prose import recipients_in_prose
from app.mail.recipients import MAX_RECIPIENTS, embedded_characters, enhanced_status, first_address, report, room_for

_REPORTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_LONGEST = 256 * 1024
_MOST_GROUPS = 2 * MAX_RECIPIENTS
_GROUPS = re.compile(rb"\n[ \t]*\n")
_RECIPIENT_FIELD = re.compile(rb"^(?:Final|Original)-Recipient[ \t]*:", re.IGNORECASE | re.MULTILINE)
_IS_ADDRESS = re.compile(r"(?:\"[^\"]{1,64}\"|[^\s<>()\[\]:;,\"@|/]{1,256})@[^\s<>()\[\]:;,\"'@|/]{1,255}")
_FINAL = re.compile(rb"^Final-Recipient[ \t]*:", re.IGNORECASE | re.MULTILINE)
_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")


@dataclass(frozen=True, slots=True)
class StatusReport:
    """A delivery status notification: what it says per recipient, and the id that our own request gave the envelope."""

    recipients: tuple[RecipientReport, ...]
    original_envelope_id: str

    @property
    def kind(self) -> Kind:
        """The gravest of what is reported."""
        actions = {recipient.action for recipient in self.recipients}
        return "bounce" if "failed" in actions else "delayed" if "delayed" in actions else "delivered"


def read_dsn(mail: Part) -> StatusReport | None:
    """The delivery status notification in a mail, or None."""
    body = next((part for part in mail.walk() if _holds_status(part, mail)), None)
    if body is None:
        return _forwarded(mail)
    groups = [read_fields(group) for group in islice(_groups(body.content[:_LONGEST]), _MOST_GROUPS)]
    told = [group for group in groups if "Final-Recipient" in group or "Original-Recipient" in group]
    told = told[:MAX_RECIPIENTS]
    prose = _prose(mail, body)
    # Reports do not always spell an address twice in the same case.
    named = {address.lower(): (address, said) for address, said in recipients_in_prose(mail, prose).items()}
    reporter = next((_without_type(group.text("Reporting-MTA")) for group in groups if "Reporting-MTA" in group), "")
    recipients = tuple(_recipient(group, prose, named, reporter, len(told)) for group in told)
    envelope_id = next((group.text("Original-Envelope-Id") for group in groups if "Original-Envelope-Id" in group), "")
    return StatusReport(recipients, envelope_id) if recipients else None


def _forwarded(mail: Part) -> StatusReport | None:
    """The report inside a report: gateways that pack a notification once more, and name nobody themselves."""
    inner = next((part.parts[0] for part in mail.walk() if part.is_enclosed_mail and part.parts), None)
    if inner is None or inner.content_type != "multipart/report" or not is_failure_notice(mail):
        return None
    return None if recipients_in_prose(mail, own_words(mail)) else read_dsn(inner)


def _groups(content: bytes) -> Iterator[bytes]:
    """The groups of fields: between blank lines; where those were lost, each begins as the first does."""
    for group in _GROUPS.split(content, _MOST_GROUPS):
        first = _RECIPIENT_FIELD.search(group)
        if first and len(_FINAL.findall(group)) > 1:
            beginning = re.compile(rb"\n(?=%s)" % re.escape(first[0]), re.IGNORECASE)
            yield from beginning.split(group, _MOST_GROUPS)
        elif group.strip():
            yield group


def _holds_status(part: Part, mail: Part) -> bool:
    """By its type; or by its fields, since some systems send the status part as plain text. People quote reports so."""
    if part.content_type in _REPORTS:
        return True
    is_text = part.content_type == "text/plain" and _RECIPIENT_FIELD.search(part.content) is not None
    return is_text and (mail.content_type == "multipart/report" or is_failure_notice(mail))


def _prose(mail: Part, body: Part) -> str:
    """What the report says to people, for reports whose fields give no diagnosis."""
    if body.content_type in _REPORTS:
        return own_words(replace(mail, parts=tuple(part for part in mail.parts if part is not body)))[:4000]
    return own_words(mail)[:4000]


def _recipient(
    group: Fields, prose: str, named: dict[str, tuple[str, str]], reporter: str, count: int
) -> RecipientReport:
    diagnostic = group.text("Diagnostic-Code")[: room_for(count)]
    alone = count == 1
    status = enhanced_status(group.text("Status"))
    original = _address(group, "Original-Recipient")
    address = _address(group, "Final-Recipient")
    if not _IS_ADDRESS.fullmatch(address):
        # A file, a program or a route: Exim and Sendmail put there what failed. Its person is named elsewhere.
        elsewhere = original or (next(iter(named.values()))[0] if alone and len(named) == 1 else "")
        address = elsewhere or first_address(address) or address
    notes = prose if alone else named.get(address.lower(), ("", ""))[1][: room_for(count)]
    return report(
        address=address,
        original=original,
        action=_action(group.text("Action").lower(), status),
        status=status,
        diagnostic=_without_type(diagnostic),
        notes=notes,
        host=_without_type(group.text("Remote-MTA")).partition(" ")[0],
        reporter=reporter.partition(" ")[0],
        by_program=diagnostic.lower().startswith("x-unix"),
    )


def _address(group: Fields, name: str) -> str:
    """The address as it stands: in it, what looks like an encoded-word is none (RFC 2047 §5)."""
    value = _without_type(" ".join(group.get(name).split()))[:320].strip("<> ")
    return embedded_characters(value)


def _without_type(value: str) -> str:
    """`smtp; 550 …` without its type (RFC 3464 §2.1.2). Not every semicolon follows a type."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and kind.strip().replace("-", "").isalnum() and len(kind) < 20 else value


def _action(stated: str, status: str) -> str:
    """The action's first word; by the status where it is missing or unheard of."""
    known = next((action for action in _ACTIONS if stated.startswith(action)), None)
    return known or ("delivered" if status.startswith("2") else "failed")
