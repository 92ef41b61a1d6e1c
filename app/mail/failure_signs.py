"""Whether a mail without report parts is a notice of failure, by its sender, its subject and its opening."""

import re

from app.mail.autoreply import is_vacation
from app.mail.failure_words import ANSWER_SUBJECT, FAILURE_OPENING, FAILURE_SUBJECT, SUCCESS_SUBJECT, untagged
from app.mail.mime import Part, once
from app.mail.own_words import own_words
from app.mail.recipients import ADDRESS, first_address

_OPENING = 3000

# The mailer daemon, in the spellings of mail systems: it sends nothing but reports.
# Exchange writes from an address that has the same number everywhere.
_DAEMON = re.compile(
    r"mailer[-_. ]?daemon|\bmdaemon@|\bmail\s+deliver\w*\s+(?:sub)?system\b|\bmicrosoftexchange[0-9a-f]{32}@",
    re.IGNORECASE,
)
_OFFICE = re.compile(
    r"\bpost[-_ ]?master|mail\s*deliver|mail\s*administrator|mail\s*system|system\s*administrator|mailgateway"
    r"|\bmail\s*router|inter(?:net)?\s*mail\s*service|(?<![a-z])smtp(?![a-z])",
    re.IGNORECASE,
)
_REFUSED_BY_LIST = re.compile(r"\byou are not (?:a )?member of|\bduplicated message-id\b", re.IGNORECASE)
# Machines that send much besides: shops and parcel services "could not deliver" either.
_MACHINE = re.compile(r"no-?reply@|[-.]admin@|bounce|majordomo|listserv", re.IGNORECASE)
_ADDRESS = re.compile(ADDRESS)
_CODE = re.compile(
    r"(?<![\d.-])[45]\d\d[ -](?=\S)(?!\d+[ ,;])[^\n]*[a-z]{3}|(?<![\d.])[45]\.\d\.\d{1,3}(?![\d.])", re.IGNORECASE
)
# A reply with its enhanced code: 550 5.1.1, #550-5.1.1, 550 #5.1.0. Nothing else looks so in any language.
_FULL_CODE = re.compile(r"(?<![\d.-])[45]\d\d[ -]{1,2}#?[45]\.\d{1,3}\.\d{1,3}(?![\d.])")
# What programs quote for people. Sendmail's transcripts have three signs.
_QUOTED = re.compile(r"^>(?!>>)[^\n]*", re.MULTILINE)


@once
def is_failure_notice(mail: Part) -> bool:
    """Whether a mail system sent it, and its subject or its opening speaks of failure. People write of failures, too.

    Two names suffice alone: the header that Exim and Gmail add, and the mailer daemon. Whoever else calls itself a mail
    system must show something of the failed mail, as fraud and shops do not; so must mail that merely has no return
    path, for automatic answers have none either. Other machines must say it in subject and opening besides.
    """
    subject = untagged(mail.header.text("Subject"))
    if SUCCESS_SUBJECT.search(subject):
        return False
    if "X-Failed-Recipients" in mail.header:
        return True
    if is_vacation(mail.header):
        return False
    letter = _could_be_a_letter(mail)
    sender = mail.header.text("From")
    if letter:
        # Fraud takes a mail system's name, and so do newsletters about mail; the mailbox is their own.
        sender = f"{first_address(sender).partition('@')[0]}@"
    if _DAEMON.search(sender):
        return True
    by_office = _OFFICE.search(sender) is not None
    by_system = by_office or _has_no_path(mail)
    opening = _QUOTED.sub("", own_words(mail)[:_OPENING])
    if _is_by_hand(mail) and _has_a_path(mail) and not (_encloses(mail) or _says_code(opening)):
        return False
    by_subject = FAILURE_SUBJECT.search(subject) is not None and not _is_answer(mail, subject)
    says_so = FAILURE_OPENING.search(opening) is not None
    if by_system and by_subject and (says_so or not letter):
        return (
            _encloses(mail) or _names_another(mail, opening) or (_says_code(opening) and not _names_us(mail, opening))
        )
    if by_system and _FULL_CODE.search(opening) and _names_another(mail, opening) and not letter:
        return True
    if not says_so or not _names_another(mail, opening):
        return False
    if by_office and not letter:
        return True
    by_machine = _MACHINE.search(sender) is not None
    shows = _encloses(mail) or _says_code(opening)
    return (by_machine or shows) if by_system else (by_subject and by_machine and shows)


def _has_no_path(mail: Part) -> bool:
    """Reports are sent from nobody, so that none is sent about them (RFC 5321 §4.5.5)."""
    return "<>" in (mail.header.get("Return-Path"), mail.header.get("From"))


def _has_a_path(mail: Part) -> bool:
    return "Return-Path" in mail.header and not _has_no_path(mail)


def _could_be_a_letter(mail: Part) -> bool:
    """Whoever runs a mail system writes letters, too: with a return path, and about trouble with deliveries."""
    marked = "Auto-Submitted" in mail.header or "Precedence" in mail.header
    return _has_a_path(mail) and not marked and not _encloses(mail)


def _encloses(mail: Part) -> bool:
    return mail.content_type == "multipart/report" or any(part.is_enclosed_mail for part in mail.walk())


def _says_code(opening: str) -> bool:
    """Whether it has what only reports have: a reply's code, or a list's refusal."""
    return _CODE.search(opening) is not None or _REFUSED_BY_LIST.search(opening) is not None


def _names_us(mail: Part, text: str) -> bool:
    """Whether it speaks to whoever reads it: fraud tells them that their own mailbox has a fault."""
    ours = mail.header.text("To").lower()
    return any(found.group().lower() in ours for found in _ADDRESS.finditer(text))


def _names_another(mail: Part, text: str) -> bool:
    ours = mail.header.text("To").lower()
    return any(found.group().lower() not in ours for found in _ADDRESS.finditer(text))


def is_success_notice(mail: Part) -> bool:
    """A mail system's word, in prose, that a mail arrived."""
    by_system = _DAEMON.search(mail.header.text("From")) or _OFFICE.search(mail.header.text("From"))
    return bool(
        by_system and SUCCESS_SUBJECT.search(untagged(mail.header.text("Subject"))) and not is_vacation(mail.header)
    )


def _is_answer(mail: Part, subject: str) -> bool:
    """People answer and forward reports: their subject keeps the words."""
    return _is_by_hand(mail) or ANSWER_SUBJECT.match(subject) is not None


def _is_by_hand(mail: Part) -> bool:
    return "In-Reply-To" in mail.header and "Auto-Submitted" not in mail.header
