"""Which SMTP command a failure answered, as the reporting systems word it."""

import re

from app.mail.status_codes import Stage

_LONGEST = 4000

# Postfix "(in reply to RCPT TO command)", Exim "after RCPT TO:<…>", Sendmail ">>> RCPT To:<…>", others "while sending
# DATA".
_BEFORE_COMMAND = r"(?:in reply to|after|>>>|response to|while sending|during|at) (?:pipelined |the |smtp )?"
_COMMANDS: tuple[tuple[Stage, str], ...] = (
    ("final", r"(?:end of (?:data|message)|\.\s|data termination|message body|sending (?:data|mail) block)"),
    ("data", r"data\b"),
    ("rcpt", r"rcpt\b"),
    ("mail", r"mail (?:from\b|command)"),
    ("ehlo", r"(?:ehlo|helo|lhlo|starttls)\b"),
    ("connect", r"(?:initial connection|connection|connect|banner|greeting)\b"),
)
_STAGES = tuple((stage, re.compile(_BEFORE_COMMAND + command, re.IGNORECASE)) for stage, command in _COMMANDS)


def stage_in(text: str) -> Stage | None:
    """The stage the text names first, or None. Transcripts go on after a refusal: what comes later follows from it."""
    text = " ".join(text[:_LONGEST].split())
    found = [(match.start(), stage) for stage, pattern in _STAGES if (match := pattern.search(text))]
    return min(found, default=(0, None), key=lambda place: place[0])[1]
