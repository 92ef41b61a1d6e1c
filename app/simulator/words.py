"""What each provider says: replies with the codes and in the manner of the real ones, in words of our own.

A text is `code status words`; further lines repeat code and status, as SMTP wants it. `{address}` and `{id}` are filled
in.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The replies of one provider."""

    accept: str = "250 2.0.0 Ok: queued as {id}"
    unknown: str = "550 5.1.1 <{address}>: Recipient address rejected: User unknown in virtual mailbox table"
    full: str = "452 4.2.2 <{address}>: mailbox full, the quota of this user is used up"
    trouble: str = "451 4.3.0 <{address}>: Temporary lookup failure, please try again later"
    greylist: str = "450 4.2.0 <{address}>: Recipient address rejected: Greylisted, come back in a few minutes"
    limit: str = "421 4.7.0 Too many messages from your address in a short time, slow down"
    spam: str = "550 5.7.1 Message content rejected, it looks like unsolicited bulk mail"
    blocked: str = "550 5.7.1 Service unavailable; client host [192.0.2.25] blocked using bl.blocklist.test"


_PLAIN = Words()
_EXCHANGE = Words(
    accept="250 2.6.0 <{id}@outlook.test> [InternalId={id}] Queued mail for delivery",
    unknown="550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {address} not found by SMTP address lookup",
    full="452 4.2.2 STOREDRV.Deliver; mailbox full, the recipient's quota is exceeded",
    trouble="451 4.7.500 Server busy. Please try again later from the same address. (S77719)",
    greylist="451 4.7.500 Server busy. Please try again later from an address we know. (S77714)",
    limit="451 4.7.652 The mail server has exceeded the number of messages we take from it just now. (S3115)",
    spam="550 5.7.350 Remote server returned message detected as spam",
    blocked="550 5.7.606 Access denied, banned sending IP [192.0.2.25]. Ask for its removal on our delisting page.",
)

WORDS: dict[str, Words] = {
    "gmail": Words(
        accept="250 2.0.0 OK {id} - gsmtp",
        unknown="550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking\n"
        "the recipient's address for typing mistakes or needless spaces. {id} - gsmtp",
        full="452 4.2.2 The recipient's inbox is out of storage space. Please ask the recipient\n"
        "to make room and try again later. {id} - gsmtp",
        trouble="451 4.3.0 Mail server temporarily rejected message. {id} - gsmtp",
        greylist="450 4.2.1 The user you are trying to contact is receiving mail too quickly.\n"
        "Please resend your message later. {id} - gsmtp",
        limit="421 4.7.28 Gmail has detected an unusual rate of mail originating from your IP address.\n"
        "To protect our users, mail from it has been temporarily rate limited. {id} - gsmtp",
        spam="550 5.7.1 Gmail has detected that this message is likely unsolicited mail.\n"
        "To keep spam out of inboxes, this message has been blocked. {id} - gsmtp",
    ),
    "yahoo": Words(
        accept="250 2.0.0 OK dirdel {id}",
        unknown="554 5.1.1 delivery error: dd This user doesn't have a yahoo account ({address}) [0] - mta.yahoo.test",
        full="452 4.2.2 delivery error: dd Requested mail action aborted: mailbox full, user is over quota",
        trouble="451 4.3.2 Internal error reading data, please try again later - mta.yahoo.test",
        limit="421 4.7.0 [TSS04] Messages from your server temporarily deferred due to unexpected volume\n"
        "or user complaints - 4.16.55.1; see the postmaster pages of this site",
        spam="554 5.7.9 Message not accepted for policy reasons: it resembles mail our users report as spam",
        blocked="550 5.7.1 [BL21] Mail from 192.0.2.25 is not taken: blocked using bl.blocklist.test - mta.yahoo.test",
    ),
    "outlook": Words(
        accept=_EXCHANGE.accept,
        unknown="550 5.5.0 Requested action not taken: mailbox unavailable, no such user here ({address})",
        full="452 4.2.2 Requested action not taken: mailbox full, {address} is over its quota",
        trouble="451 4.3.2 Temporary server error. Please try again later ATTR17",
        limit="451 4.7.650 The mail server has been temporarily rate limited due to its reputation.\n"
        "Please look at the postmaster pages for delivery problems. (RP-001)",
        spam="550 5.7.1 Unfortunately, messages like this one are considered spam and weren't delivered (CO-001)",
        blocked="550 5.7.1 Messages from [192.0.2.25] weren't sent: part of that network is on our block list (S3140).",
    ),
    "icloud": Words(
        unknown="550 5.1.1 <{address}>: user does not exist",
        full="452 4.2.2 <{address}>: user is over quota",
        limit="421 4.7.0 [CS01] Too many messages at once from this source, try again later",
        spam="550 5.7.1 [CS01] Message rejected due to local policy on bulk mail",
    ),
    "comcast": Words(
        unknown="550 5.1.1 <{address}> Not our Customer: no such user",
        limit="421 4.7.0 RL000003 Sender is rate limited, deliver more slowly",
        spam="550 5.7.1 BL000010 Message refused as spam",
    ),
    "hosted": _EXCHANGE,
    "appliance": Words(
        accept="250 2.0.0 {id} Message accepted for delivery",
        unknown="550 5.1.1 <{address}>... User unknown",
        trouble="451 4.7.1 Recipient verification is not possible just now, retry later",
        greylist="450 4.7.1 <{address}>... Greylisting in effect, please come back later",
        limit="421 4.7.1 Connection rate limit exceeded for this sender",
        spam="554 5.7.1 The content of this message scored as bulk mail and was refused by policy",
    ),
}


@dataclass(frozen=True, slots=True)
class Saying:
    """One reply, ready for the wire and for a delivery report."""

    code: int
    status: str
    text: str
    wire: bytes

    @property
    def is_temporary(self) -> bool:
        return self.code < 500


def say(provider: str, what: str, *, address: str = "", queue_id: str = "") -> Saying:
    """The provider's words for one of the fields of `Words`."""
    template: str = getattr(WORDS.get(provider, _PLAIN), what)
    code, status, words = template.format(address=address, id=queue_id).split(" ", 2)
    lines = words.split("\n")
    head = [f"{code}-{status} {line}" for line in lines[:-1]]
    wire = "\r\n".join([*head, f"{code} {status} {lines[-1]}", ""])
    return Saying(int(code), status, " ".join(lines), wire.encode("utf-8", "replace"))
