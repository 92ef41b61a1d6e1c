"""Reasons by what the text says. Words beat codes: servers put the same 550 before very different sentences.

Tried from top to bottom. What speaks of the sender, the connection or the content comes before what speaks of the
mailbox: such replies often name the user in passing, and taking them for a dead mailbox costs a subscriber. The wording
is that of the standards (RFC 5321 §4.2, RFC 3463 §3) and of what the common servers and mailbox providers document.
`app/mail/wording.py` explains the notation.
"""

from app.mail.phrases_of_languages import PHRASES_OF_LANGUAGES
from app.mail.phrases_of_recipient import PHRASES_OF_RECIPIENT
from app.mail.phrases_of_sender import PHRASES_OF_SENDER
from app.mail.wording import bare_words, compiled

_GROUPS = {
    "mailbox": "mailbox|mbox|inbox|account|maildrop|folder|mailfolder",
    "person": "user|users|recipient|recipients|addressee|mailbox|mbox|account|address|customer|subscriber|alias|person|"
    "local_part|username|login|email|emailaddress|destination|forwarder|member",
    "message": "message|messages|mail|mails|email|emails|content|msg|body|it|this",
    "host": "host|ip|server|client|network|address|connection|sender|ips|hostname|relay|mta",
    "refused": "rejected|refused|denied|blocked|declined|banned|bounced|prohibited|reject|refuse|deny",
    "full": "full|overquota|exceeded|exceeds|exceed|over|reached|exhausted",
    "unknown": "unknown|invalid|nonexistent|non_existent|undeliverable|unrouteable|unroutable|unrecognized|"
    "unrecognised|"
    "not_found|not_known|not_exist|not_existing|does_not_exist|doesnt_exist|dont_exist|didnt_exist|not_valid|"
    "not_a_valid|"
    "cannot_be_found|could_not_be_found|couldnt_be_found|was_not_found|wasnt_found|not_recognized|not_recognised|"
    "not_listed|not_here|not_local|not_present|no_longer_exists|no_longer_available|no_longer_valid|no_longer_active|"
    "no_longer_in_use|not_available_here|has_been_deleted|been_deleted|is_deleted|is_removed|been_removed|"
    "no_longer_on_server|not_our_customer|does_not_have|isnt_valid|is_not_active|terminated|not_in_directory",
    "inactive": "disabled|suspended|inactive|deactivated|locked|frozen|dormant|blocked|closed|discontinued|expired",
}

_COMPILED = tuple(
    (reason, compiled(phrases, _GROUPS))
    for reason, phrases in (*PHRASES_OF_SENDER, *PHRASES_OF_RECIPIENT, *PHRASES_OF_LANGUAGES)
)


def reason_by_text(text: str) -> tuple[str, str] | None:
    """The reason a reply or a diagnosis speaks of, and the words that say it; None if it says nothing that is known."""
    words = bare_words(text)
    return next(((reason, found[0].strip()) for reason, pattern in _COMPILED if (found := pattern.search(words))), None)
