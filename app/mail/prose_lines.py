"""Single recipients in prose: a label or a sentence that holds the address, or the dialogue with the other server."""

import re
from collections.abc import Iterator
from itertools import islice

from app.mail.recipients import ADDRESS, MAX_RECIPIENTS

_SHOWN = rf"""["'<(\[]{{0,3}}(?:mailto:|smtp:|rfc822;\s?)?({ADDRESS})"""

_LABELLED = re.compile(
    rf"""^[ \t>*-]*+(?:(?:final|failed|intended|original|invalid|bad|destination|envelope|e-?mail)\s+)?
        (?:recipient|address|rcpt(?:\s+to)?|user|mailbox|受信者|宛先|收件人|받는\s*사람|получатель)
        (?:'s)?(?:\s+(?:address|name|e-?mail))?[ \t]*[:=：][ \t]*{_SHOWN}
    | ^[ \t]*+(?:delivery\s+failed\s+\d+\s+attempts?|invalid\s+final\s+delivery\s+userid|unknown\s+(?:user|host)
        |user\s+mailbox\s+exceeds\s+allowed\s+size|mailbox\s+full|failed\s+mail\s+to|undeliverable\s+to)
        [ \t]*:[ \t]*{_SHOWN}
    | (?:not|n['’]t|unable\s+to|failed\s+to)\s+(?:be\s+)?(?:deliver(?:ed)?|sen[dt]|forward(?:ed)?)
        (?:\s+(?:your|the|this|a)?\s*(?:following\s+)?(?:e-?mail|message|mail)s?)?\s+to\s*:?\s*{_SHOWN}
    | (?:delivery|message|e-?mail|mail)\s+to\s*:?\s*{_SHOWN}[>"')\]]{{0,3}}[ \t\n]*
        (?:has\b|was\b|were\b|could|can|couldn|fail|is\b|delay|did\b|bounced|konnte|n['’]a\b|no\b|non\b|не\b)
    | (?:delivering|delivery\s+of)\s+(?:your|the|a)\s+(?:e-?mail|message|mail)\s+to\s*:?\s*{_SHOWN}
    | message\s+was\s+addressed(?:\s+to)?[ ,]+{_SHOWN}
    | not\s+a\s+member\s+of\s+(?:this|the)\s+(?:mailing\s+)?list\s*:?\s*{_SHOWN}
    | duplicated\s+message-id\s+in\s+{_SHOWN}""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
# `554 <ada@example.org>... words` is Sendmail's, since its first versions; `ada@example.org ... unknown host` others'.
_DOTTED = re.compile(
    rf"^[ \t]*+(?:[45]\d\d[ -](?:[45]\.\d+\.\d+ )?)?<?({ADDRESS})>?[ ]?\.\.\.[ \t]*(\S.{{0,500}})", re.M
)
_COMMAND = re.compile(
    rf"^.{{0,40}}\bRCPT TO:[ \t]*<?({ADDRESS})>?.{{0,200}}\n.{{0,40}}?\b([45]\d\d[ -].{{0,500}})", re.M | re.I
)
# A reply, or a few words in a row.
_REASON = re.compile(r"\b[45]\d\d[ -]|(?:[a-z']{2,20} ){4}", re.IGNORECASE)


def labelled(text: str) -> Iterator[tuple[str, str]]:
    """Recipients that a label or a sentence of failure names."""
    for found in islice(_LABELLED.finditer(text), MAX_RECIPIENTS):
        line_start = text.rfind("\n", 0, found.start() + 1) + 1
        after = text[line_start : found.start() + 2000]
        # A gateway may give the reason first, and whom it concerns among the details.
        yield next(filter(None, found.groups())), after if _REASON.search(after) else text[:2000]


def in_dialogue(text: str) -> Iterator[tuple[str, str]]:
    """Recipients whom the other server refused in the dialogue that is shown."""
    for found in islice(_COMMAND.finditer(text), MAX_RECIPIENTS):
        yield found[1], f"{found[2]} (in reply to RCPT TO)"
    for found in islice(_DOTTED.finditer(text), MAX_RECIPIENTS):
        yield found[1], found[0]
