"""Bounces written for people: systems that send no RFC 3464 report. One decoder per form of prose, tried in turn."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice, zip_longest

from app.mail.failure_signs import is_failure_notice, is_success_notice
from app.mail.incoming import RecipientReport
from app.mail.mime import Part
from app.mail.own_words import own_words
from app.mail.prose_lines import in_dialogue, labelled
from app.mail.prose_lists import listed
from app.mail.recipients import ADDRESS, MAX_RECIPIENTS, first_address, report, room_for
from app.mail.returned import returned_recipient

_LONGEST_SAID = 2000
_OPENING = 2000
_DELAY = re.compile(
    r"\b(?:delay(?:ed)?\b|warning|will (?:keep|continue)|still (?:trying|being)|not yet been delivered)"
    # German, French, Spanish, Italian, Portuguese, Dutch, Polish, Russian, Swedish, Danish, Czech, Turkish
    r"|verz[öo]e?ger|retard[ée]|diff[ée]r[ée]e?\b|retrasad|demorad|ritardat|atrasad|vertraagd|op[óo][źz]nion|задерж|отложен"
    r"|f[öo]rsenad|forsinket|zpožděn|gecik|遅延|延迟|延遲|지연",
    re.IGNORECASE,
)
_DELAY_IN_TEXT = re.compile(
    r"warning message only|do not need to re-?send|will be re-?tried (?:for|until)"
    r"|will (?:keep|continue) (?:trying|to try)|has been delayed|not yet been delivered|still (?:trying|being retried)",
    re.IGNORECASE,
)

# Openwave's sentence above a list, and its heirs': what stands below each name was said in reply to it.
_REFUSED_EACH = re.compile(r"following\s+recipients\s+was\s+rejected\s+by\s+a\s+remote\s+mail\s+server", re.IGNORECASE)
# Exim says where words come from that are not its own: from a server, a program, or an alias.
_BY_EXIM = re.compile(r"created automatically by mail delivery software", re.IGNORECASE)
_HANDED_ON = re.compile(
    r"\b(?:[SL]MTP error|remote|hosts?|command|pipe|transport|retry|generated from)\b|\b[45]\d\d[ -]", re.IGNORECASE
)
_HAS_CODE = re.compile(r"\b[45](?:\d\d\b|\.\d{1,3}\.\d)")

Decoder = Callable[[Part, str], Iterator[tuple[str, str]]]
"""From a mail and its text to pairs of an address and what is said of it."""


def read_prose(mail: Part) -> tuple[RecipientReport, ...]:
    """What a mail without readable report parts says of its recipients; empty when it is no report.

    A failure whose recipient cannot be made out is reported with the one to whom the returned mail was written, or with
    an empty address; neither is suppressed: the tokens may tell whose it is.
    """
    if is_success_notice(mail):
        arrived = recipients_in_prose(mail, own_words(mail))
        return tuple(report(address=address, action="delivered", diagnostic="") for address in arrived)
    if not is_failure_notice(mail):
        return ()
    text = own_words(mail)
    delayed = _DELAY.search(mail.header.text("Subject")) or _DELAY_IN_TEXT.search(text[:_OPENING])
    action = "delayed" if delayed else "failed"
    if pairs := recipients_in_prose(mail, text):
        room = room_for(len(pairs))
        return tuple(_told(address, action, said[:room], text, room) for address, said in pairs.items())
    subject = mail.header.text("Subject")
    return (
        replace(_told(returned_recipient(mail), action, f"{text[:_LONGEST_SAID]}\n{subject}", text), suppress=False),
    )


def recipients_in_prose(mail: Part, text: str) -> dict[str, str]:
    """Who is named as not reached, each with what is said of it; empty when nobody is."""
    for decode in DECODERS:
        pairs: dict[str, str] = {}
        for address, said in islice(decode(mail, text), MAX_RECIPIENTS):
            known = pairs.setdefault(address.rstrip("."), said)
            if known is not said and len(known) < _LONGEST_SAID and not _HAS_CODE.search(known):
                # Exchange explains in its reader's language first, and gives the reply further down.
                pairs[address.rstrip(".")] = f"{known}\n{said}"
        if pairs:
            return pairs
    return {}


def _told(address: str, action: str, said: str, text: str, room: int = _LONGEST_SAID) -> RecipientReport:
    diagnostic = " ".join(said[:_LONGEST_SAID].split())
    if _REFUSED_EACH.search(text[:_OPENING]):
        diagnostic += " (in reply to RCPT TO)"
    if _BY_EXIM.search(text[:_OPENING]) and not _HANDED_ON.search(diagnostic):
        diagnostic += " (said by its own router)"
    heard = text[:room] if room < _LONGEST_SAID else text
    return report(address=address, action=action, diagnostic=diagnostic, notes=heard if len(diagnostic) < 20 else "")


def _failed_header(mail: Part, text: str) -> Iterator[tuple[str, str]]:
    """Exim and Gmail name the recipients in a header and explain each below its address."""
    values = ",".join(mail.header.all("X-Failed-Recipients")).split(",")[:MAX_RECIPIENTS]
    named = [found for value in values if (found := first_address(value))]
    explained = {address.lower(): said for address, said in listed(text)} if named else {}
    if explained and not any(address.lower() in text.lower() for address in named):
        # Both come from one list; gateways rewrite addresses in headers, and leave the text alone.
        return
    for address in named:
        yield address, explained.get(address.lower()) or _after_mention(address, text)


def _after_mention(address: str, text: str) -> str:
    start = text.lower().find(address.lower())
    return text[max(start, 0) :][:_LONGEST_SAID]


_BRACKETED = re.compile(rf"^[ \t]*<({ADDRESS})>(?: ?\([^)\n]{{0,300}}\n?[^)\n]{{0,300}}\))?:(.*)", re.MULTILINE)


def _bracketed(_mail: Part, text: str) -> Iterator[tuple[str, str]]:
    """qmail and Postfix begin a paragraph with `<address>:`."""
    starts = list(islice(_BRACKETED.finditer(text), MAX_RECIPIENTS))
    for start, following in zip_longest(starts, starts[1:]):
        block = text[start.start(2) : following.start() if following else len(text)]
        yield start[1], re.split(r"\n[ \t]*\n", block, maxsplit=1)[0]


_RETURN_ADDRESS = re.compile(rf"\b(?:return address|sender|mail from)\b[^\n@]{{0,20}}?({ADDRESS})", re.IGNORECASE)
_ANY_ADDRESS = re.compile(ADDRESS)


def _single(mail: Part, text: str) -> Iterator[tuple[str, str]]:
    """Anything else: only if one address alone is named, so that no bystander is taken for the recipient."""
    known = {first_address(mail.header.text(name)).lower() for name in ("From", "To", "Reply-To", "Sender")}
    known |= {found[1].lower() for found in _RETURN_ADDRESS.finditer(text)}
    addresses = {found.group().lower(): found.group() for found in _ANY_ADDRESS.finditer(text)}
    named = [shown for key, shown in addresses.items() if key not in known and not _SYSTEM.match(key)]
    if len(named) == 1:
        yield named[0], text[:_LONGEST_SAID]


_SYSTEM = re.compile(r"(?:mailer-?daemon|post-?master|abuse|support|help(?:desk)?|admin|webmaster|noc)@")


def _by_list(_mail: Part, text: str) -> Iterator[tuple[str, str]]:
    return listed(text)


def _by_label(_mail: Part, text: str) -> Iterator[tuple[str, str]]:
    return labelled(text)


def _by_dialogue(_mail: Part, text: str) -> Iterator[tuple[str, str]]:
    return in_dialogue(text)


DECODERS: tuple[Decoder, ...] = (_failed_header, _bracketed, _by_list, _by_dialogue, _by_label, _single)
