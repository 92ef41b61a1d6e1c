"""Whether a mail without report parts is a notice of failure, by its sender, its subject and its opening."""

import re

from app.mail.autoreply import is_vacation
from app.mail.failure_words import ANSWER_SUBJECT, FAILURE_OPENING, FAILURE_SUBJECT, SUCCESS_SUBJECT
from app.mail.mime import Part
from app.mail.own_words import own_words
from app.mail.recipients import ADDRESS

_OPENING = 3000

# The mailer daemon, in the spellings of mail systems: it sends nothing but reports.
_DAEMON = re.compile(r"mailer[-_. ]?daemon|\bmdaemon@|\bmail\s+deliver\w*\s+(?:sub)?system\b", re.IGNORECASE)
_OFFICE = re.compile(
    r"\bpost[-_ ]?master|mail\s*deliver|mail\s*administrator|mail\s*system|system\s*administrator|mailgateway"
    r"|\bmail\s*router|inter(?:net)?\s*mail\s*service|(?<![a-z])smtp(?![a-z])",
    re.IGNORECASE,
)
_REFUSED_BY_LIST = re.compile(r"\byou are not (?:a )?member of|\bduplicated message-id\b", re.IGNORECASE)
# Machines that send much besides: shops and parcel services "could not deliver" either.
_MACHINE = re.compile(r"no-?reply@|[-.]admin@|bounce|majordomo|listserv", re.IGNORECASE)
_ADDRESS = re.compile(ADDRESS)
_CODE = re.compile(r"(?<![\d.-])[45]\d\d[ -](?=\S)[^\n]*[a-z]{3}|(?<![\d.])[45]\.\d\.\d{1,3}(?![\d.])", re.IGNORECASE)


def is_failure_notice(mail: Part) -> bool:
    """Whether a mail system sent it, and its subject or its opening speaks of failure. People write of failures, too.

    Two names suffice alone: the header that Exim and Gmail add, and the mailer daemon. Whoever else calls itself a mail
    system must show something of the failed mail, as fraud and shops do not. Other machines must say it in subject and
    opening besides.
    """
    subject = mail.header.text("Subject")
    if SUCCESS_SUBJECT.search(subject):
        return False
    if "X-Failed-Recipients" in mail.header:
        return True
    if is_vacation(mail.header):
        return False
    sender = mail.header.text("From")
    if _DAEMON.search(sender):
        return True
    by_subject = FAILURE_SUBJECT.search(subject) and not _is_answer(mail, subject)
    by_system = _OFFICE.search(sender) or "<>" in (mail.header.get("Return-Path"), mail.header.get("From"))
    opening = own_words(mail)[:_OPENING]
    if by_system and by_subject:
        return _returns_a_mail(mail, opening) or _names_another(mail, opening)
    if not (by_system or (by_subject and _MACHINE.search(sender))):
        return False
    if not FAILURE_OPENING.search(opening):
        return False
    return _names_another(mail, opening) and (bool(by_system) or _returns_a_mail(mail, opening))


def _returns_a_mail(mail: Part, opening: str) -> bool:
    """Whether there is something that only reports hold: no return path, a mail enclosed, a code, a list's refusal."""
    return (
        "<>" in (mail.header.get("Return-Path"), mail.header.get("From"))
        or mail.content_type == "multipart/report"
        or any(part.is_enclosed_mail for part in mail.walk())
        or _CODE.search(opening) is not None
        or _REFUSED_BY_LIST.search(opening) is not None
    )


def _names_another(mail: Part, text: str) -> bool:
    ours = mail.header.text("To").lower()
    return any(found.group().lower() not in ours for found in _ADDRESS.finditer(text))


def is_success_notice(mail: Part) -> bool:
    """A mail system's word, in prose, that a mail arrived."""
    by_system = _DAEMON.search(mail.header.text("From")) or _OFFICE.search(mail.header.text("From"))
    return bool(by_system and SUCCESS_SUBJECT.search(mail.header.text("Subject")) and not is_vacation(mail.header))


def _is_answer(mail: Part, subject: str) -> bool:
    """People answer and forward reports: their subject keeps the words."""
    by_hand = "In-Reply-To" in mail.header and "Auto-Submitted" not in mail.header
    return by_hand or ANSWER_SUBJECT.match(subject) is not None
