"""Which message of ours a mail speaks of: token candidates, from the places hardest to lose to the easiest to forge."""

import re
from collections.abc import Iterator

from app.mail.fields import Fields
from app.mail.mime import Part
from app.mail.verp import read_return_address

MAX_TOKENS = 10
_LONGEST = 64 * 1024

_BARE = re.compile(r"(?<![a-z0-9])([a-z2-7]{26})(?![a-z0-9])", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<([a-z2-7]{26})@[^<>\s]{1,255}>", re.IGNORECASE)
_REPORTS = frozenset({"message/delivery-status", "message/global-delivery-status", "message/feedback-report"})
_SENDER = re.compile(r"^(?:Original-Mail-From|X-Postfix-Sender)[ \t]*:([^\n]{1,300})", re.IGNORECASE | re.MULTILINE)
_ENVELOPE_ID = re.compile(r"^Original-Envelope-Id[ \t]*:([^\n]{1,300})", re.IGNORECASE | re.MULTILINE)
# Where the returned mail is quoted as text.
_QUOTED = re.compile(r"(?:message-id\s*:\s*<|x-merpati-message\s*:\s*)([a-z2-7]{26})(?![a-z0-9])", re.IGNORECASE)


def find_tokens(mail: Part, *, envelope_to: str | None, original_envelope_id: str) -> tuple[str, ...]:
    """Token candidates in order of trust, lower case, each once. Their MACs are not checked."""
    found = dict.fromkeys(_candidates(mail, envelope_to or "", original_envelope_id))
    return tuple(found)[:MAX_TOKENS]


def _candidates(mail: Part, envelope_to: str, original_envelope_id: str) -> Iterator[str]:
    for address in (envelope_to, *_delivered_to(mail.header)):
        if ours := read_return_address(address):
            yield ours.token
    yield from _lower(_BARE, original_envelope_id)
    for returned in _returned_headers(mail):
        yield from _lower(_MESSAGE_ID, returned.get("Message-ID"))
        yield from _lower(_BARE, returned.get("X-Merpati-Message"))
        for path in returned.all("Return-Path")[:2]:
            if ours := read_return_address(path):
                yield ours.token
    yield from _reported(mail)
    for name in ("In-Reply-To", "References"):
        yield from reversed(list(_lower(_MESSAGE_ID, mail.header.get(name))))
    for part in mail.walk():
        if part.content_type.startswith("text/"):
            yield from _lower(_QUOTED, part.text[:_LONGEST])


def _reported(mail: Part) -> Iterator[str]:
    """From the fields of a report: Original-Mail-From and Original-Envelope-Id (RFC 5965 §3.2), X-Postfix-Sender, and
    the X-Original-Message-ID of Gmail.
    """
    for part in mail.walk():
        if part.content_type in _REPORTS:
            text = part.text[:_LONGEST]
            if ours := read_return_address("\n".join(_SENDER.findall(text)[:5])):
                yield ours.token
            yield from _lower(_QUOTED, text)
            for found in _ENVELOPE_ID.findall(text)[:5]:
                yield from _lower(_BARE, found)


def _delivered_to(header: Fields) -> Iterator[str]:
    for name in ("Delivered-To", "X-Original-To", "X-Envelope-To", "Envelope-To", "To", "Cc"):
        yield from header.all(name)[:5]


def _returned_headers(mail: Part) -> Iterator[Fields]:
    for part in mail.walk():
        if part.is_enclosed_mail and part.parts:
            yield part.parts[0].header


def _lower(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    return (found[1].lower() for found in pattern.finditer(text))
