"""Bounces written for people: systems that send no RFC 3464 report. One decoder per form of prose, tried in turn."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice, zip_longest

from app.mail.incoming import RecipientReport
from app.mail.mime import Part
from app.mail.recipients import MAX_RECIPIENTS, first_address, report

_LONGEST = 32 * 1024
_LONGEST_SAID = 2000
_DAEMON = re.compile(
    r"mailer[-_.]?daemon|postmaster|mail\s*delivery|mail\s*administrator|mailsystem|bounce|mdaemon", re.IGNORECASE
)
_FAILURE = re.compile(
    r"undeliver|not\s+(?:be\s+)?deliver|deliver\w*\s+(?:\w+\s+)?(?:fail|problem|status|error|delay|notif)|returned\s+(?:mail|to)"
    r"|fail(?:ure|ed)\s+(?:notice|deliver|mail)|mail\s+(?:failure|delivery|error)|could\s?n.t\s+be|warning:",
    re.IGNORECASE,
)
_SUCCESS = re.compile(r"\b(?:success\w*|relayed|has been delivered)\b", re.IGNORECASE)
_DELAY = re.compile(r"\b(?:delay|warning|will (?:keep|continue)|still (?:trying|being))", re.IGNORECASE)

Decoder = Callable[[Part, str], Iterator[tuple[str, str]]]
"""From a mail and its text to pairs of an address and what is said of it."""


def read_prose(mail: Part) -> tuple[RecipientReport, ...]:
    """What a mail without readable report parts says of its recipients; empty when it is no bounce.

    A failure whose recipient cannot be made out is reported with an empty address: the tokens may tell whose it is.
    """
    if not ("X-Failed-Recipients" in mail.header or _speaks_of_failure(mail)):
        return ()
    text = _own_words(mail)
    action = "delayed" if _DELAY.search(mail.header.text("Subject")) else "failed"
    for decode in DECODERS:
        if pairs := dict(islice(decode(mail, text), MAX_RECIPIENTS)):
            return tuple(_told(address, action, said) for address, said in pairs.items())
    return (replace(_told("", action, text), suppress=False),)


def _told(address: str, action: str, said: str) -> RecipientReport:
    return report(address=address, action=action, diagnostic=" ".join(said[:_LONGEST_SAID].split()))


def _own_words(mail: Part) -> str:
    text = next((part.text for part in mail.walk() if part.content_type == "text/plain"), "")
    return _before_returned_mail(text[:_LONGEST])


_RETURNED = re.compile(
    r"^[ >]*-{2,}.{0,60}(?:copy of|original message|returned|unsent message|message header|body of).{0,60}$"
    r"|^(?:received|return-path): ",
    re.IGNORECASE | re.MULTILINE,
)


def _before_returned_mail(text: str) -> str:
    found = _RETURNED.search(text)
    return text[: found.start()] if found else text


def _speaks_of_failure(mail: Part) -> bool:
    """A daemon's name or the null sender, and a subject of failure: a person's mail has not both."""
    header = mail.header
    subject = header.text("Subject")
    from_daemon = _DAEMON.search(header.text("From")) or "<>" in (header.get("Return-Path"), header.get("From"))
    return bool(from_daemon and _FAILURE.search(subject) and not _SUCCESS.search(subject))


def _exim(mail: Part, text: str) -> Iterator[tuple[str, str]]:
    """Exim names the recipients in a header and explains each on indented lines below its address."""
    for address in ",".join(mail.header.all("X-Failed-Recipients")).split(",")[:MAX_RECIPIENTS]:
        if found := first_address(address):
            yield found, _paragraph_about(found, text)


def _paragraph_about(address: str, text: str) -> str:
    start = text.lower().find(address.lower())
    if start < 0:
        return text[:_LONGEST_SAID]
    return re.split(r"\n[ \t]*\n", text[start + len(address) :], maxsplit=1)[0]


_BRACKETED = re.compile(r"^[ \t]*<([^<>\s]{1,256}@[^<>\s]{1,255})>(?: \([^)\n]{0,300}\))?:(.*)", re.MULTILINE)


def _bracketed(_mail: Part, text: str) -> Iterator[tuple[str, str]]:
    """qmail and Postfix begin a paragraph with `<address>:`."""
    starts = list(_BRACKETED.finditer(text))
    for start, following in zip_longest(starts, starts[1:]):
        block = text[start.start(2) : following.start() if following else len(text)]
        yield start[1], re.split(r"\n[ \t]*\n", block, maxsplit=1)[0]


_LINE_ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"'@=]{1,64}@[^\s<>()\[\]:;,\"'@]{1,255}\.[a-z]{2,24}", re.IGNORECASE)


def _single(_mail: Part, text: str) -> Iterator[tuple[str, str]]:
    """Anything else: only if one address alone is named, so that no bystander is taken for the recipient."""
    addresses = {found.group().lower(): found.group() for found in _LINE_ADDRESS.finditer(text)}
    addresses = {key: value for key, value in addresses.items() if not _DAEMON.search(key)}
    if len(addresses) == 1:
        yield next(iter(addresses.values())), text[:_LONGEST_SAID]


DECODERS: tuple[Decoder, ...] = (_exim, _bracketed, _single)
