"""Whether words about a mailbox may be believed: "user unknown" is also what filters hide behind."""

import re

from app.mail.phrases import reason_by_text
from app.mail.status_codes import Stage

_LONGEST = 2000

# Words of systems about mailboxes of their own: Exchange, IMail, the local agents of Unix, Notes, Gmail, VText, Exim,
# CommuniGate, GroupWise.
_OWN_DIRECTORY = re.compile(
    r"recipient name is not recognized|final delivery userid|mail\.local|000C05A6"
    r"|address (?:you entered )?couldn.t be found|\bwasn.t found at \S{1,255}\.\S"
    r"|domino[ -](?:verzeichnis|katalogu)|(?:annuaire|directorio|rubrica|diretório|adresboek|elenco) [^\n]{0,10}domino"
    r"|not (?:listed|found) in (?:the |this )?(?:public )?(?:name|domino|address)|invalid user address"
    r"|not a (?:local|valid) user (?:on|of) this|no such local (?:user|mailbox)|unknown local-part \""
    r"|e-mail account does not exist at the organization|LOCAL module\(account"
    r"|\(user not found\)|^unknown user: <?[^\s<>@]{1,64}@|\(said by its own router\)",
    re.IGNORECASE | re.MULTILINE,
)
# What Postfix answers for any entry of a recipient table (access(5), access_map_reject_code): a code of security by
# default, so it contradicts nothing; what the site wrote stands behind it.
_TABLE_DEFAULT = re.compile(r"\b5\.7\.1 \S{0,320} ?recipient address rejected: (.{1,500})", re.IGNORECASE | re.DOTALL)
# Codes of addresses that are the sender's (RFC 3463 §3.2).
_OF_SENDER = ("1.7", "1.8")
# The same words beside a change of owner (RFC 7293): the only codes of security that are about the recipient.
_OF_OWNER = ("7.17", "7.18")
# A refusal of the mail or of the machine under the code of a bad address: what was refused was hardly the address.
_MAIL_REFUSED = re.compile(
    r"\b(?:message|mail|e-?mail|content|connection|access|service|session|sender|host|ip(?: address)?)\b"
    r"(?:\s+(?:is|was|has been|are|from|by|to|this|your|the|\S+)){0,3}?\s+(?:blocked|rejected|refused|denied|declined"
    r"|prohibited|banned|not (?:accepted|allowed|permitted))\b|\bspam",
    re.IGNORECASE,
)
# Replies to RCPT have the address before the colon. Without it, the reply was to the whole message: so au by KDDI
# answers after DATA for subscribers who refuse the sender, and at RCPT, with the address, for those it does not have.
_NAMELESS = re.compile(r"^[\s\d.#-]{3,16}:\s", re.ASCII)
# Exim could not route an address itself: no mail host was found for the domain. The second is the sentence that cPanel
# configures for domains without one, as its router's `:fail:` text; over SMTP it may speak of a sender's domain.
_UNROUTED = re.compile(r"\bunrouteable address", re.IGNORECASE)
_NO_HOST = re.compile(r"account or domain may not exist, they may be blacklisted, or missing the proper dns", re.I)
# The refusal by table: in Exchange Online the directory, in Postfix `check_recipient_access`. Tables of senders and of
# machines have other words there ("Sender address rejected", "Client host rejected"), so it is the recipient's name.
_BY_TABLE = re.compile(r"\brecipient address rejected: access denied", re.IGNORECASE)
# RFC 5321 §4.2.3 gives this sentence to 450 (busy) and to 550 (not found, no access, or policy). Who adds nothing to it
# at RCPT means the first: so say Outlook.com, GMX, IONOS and Yandex on their help pages.
_UNAVAILABLE = re.compile(r"\bmailbox unavailable\b(?! or\b|\S* (?:due|because|policy))", re.IGNORECASE)
# "Other address status" (RFC 3463 §3.2) with nothing but the refusal: Cisco's gateways, for whom the directory lacks.
_ADDRESS_REJECTED = re.compile(
    r"\b(?:address|recipient)\s+rejected\b[.\s]*(?:<?[^\s<>@]{1,64}@[^\s<>]{1,255}>?[.\s]*)?\Z", re.I
)


def is_borne_out(whole: str, reply: str, status: str, reply_code: int | None, stage: Stage | None) -> bool:
    """Whether something besides the words "user unknown" says so: filters hide behind them, mostly after DATA.

    That is a code of its own (x.1.x); or that RCPT was refused, unless a security code (x.7.x) contradicts; or words
    that can only be about the system's own mailboxes. What may exist is scored, not suppressed. `whole` is all that
    was told, `reply` the other server's part of it.
    """
    if _NAMELESS.match(reply):
        return False
    if status[2:] in _OF_SENDER:
        return False
    if status[2:4] == "1." or status[2:] in _OF_OWNER:
        return True
    # The standard's sentence for a mailbox that RCPT names, and what is wrong with it: two statements that agree.
    twice = reply_code == 550 and stage is None and _UNAVAILABLE.search(reply) is not None
    if stage == "rcpt" and reply_code == 554 and (by_table := _TABLE_DEFAULT.search(reply)):
        said = reason_by_text(by_table[1])
        return said is not None and said[0] == "userunknown"
    silent = reply_code is None and (not status or status.endswith((".0.0", ".5.0")))
    own = _OWN_DIRECTORY.search(whole[:_LONGEST]) is not None
    return status[2:4] != "7." and (stage == "rcpt" or twice or (own and (silent or stage is None)))


def says_unroutable(text: str, reason: str, reply_code: int | None) -> bool:
    """Whether the reporting system itself found no host for the domain."""
    if reply_code is not None:
        return False
    return (reason == "userunknown" and _UNROUTED.search(text) is not None) or _NO_HOST.search(text) is not None


def refuses_mailbox(text: str, reason: str, reply_code: int | None, stage: Stage | None) -> bool:
    """Whether the standard's own sentence refuses the mailbox for good, without saying why: no fault of a machine."""
    return reason == "systemerror" and reply_code == 550 and stage in ("rcpt", None) and bool(_UNAVAILABLE.search(text))


def refuses_address(text: str, status: str, stage: Stage | None) -> bool:
    """Whether RCPT was refused for the address as such: nothing else is said, and the code is that of addresses."""
    return stage == "rcpt" and status[2:] == "1.0" and _ADDRESS_REJECTED.search(text[:_LONGEST]) is not None


def refuses_mail(text: str) -> bool:
    """Whether the words, unknown for the rest, refuse the mail, its content or the machine rather than an address."""
    return _MAIL_REFUSED.search(text[:_LONGEST]) is not None


def refuses_by_name(text: str, reason: str, stage: Stage | None) -> bool:
    """Whether RCPT was refused because the site lists this very address as one that gets no mail."""
    return stage == "rcpt" and reason == "filtered" and _BY_TABLE.search(text) is not None
