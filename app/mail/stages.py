"""Which SMTP command a failure answered, as the reporting systems word it."""

import re

from app.mail.status_codes import Stage

_LONGEST = 4000

# Postfix "(in reply to RCPT TO command)", Exim "after RCPT TO:<…>", Sendmail ">>> RCPT To:<…>", IONOS "SMTP error from
# remote server for RCPT TO command", others "while sending DATA", NetEase "SMTP error, RCPT TO: 550", the DragonFly
# agent "did not like our RCPT TO", Postfix "refused to talk to me" at the greeting.
_BEFORE_COMMAND = (
    r"(?:in reply to|after|smtp error,|>>>|response to|while sending|during|at|did not like our|smtp command"
    r"|error from remote server (?:for|in))"
    r" (?:pipelined |the |smtp )?"
)
_COMMANDS: tuple[tuple[Stage, str], ...] = (
    (
        "final",
        r"(?:end of (?:data|message)|\.\s|data termination|message body|sending (?:data|mail) block|text command)",
    ),
    ("data", r"data\b"),
    ("rcpt", r"rcpt\b"),
    ("mail", r"mail (?:from\b|command)"),
    ("ehlo", r"(?:ehlo|helo|lhlo|starttls)\b"),
    ("connect", r"(?:initial connection|connection|connect|banner|greeting)\b"),
)
# Sendmail writes RCPT and DATA in one go (RFC 2920) and shows the answer below ">>> DATA". What it goes on to say
# tells which of the two was refused.
_NO_RECIPIENT = re.compile(r"5\d\d[ -].{0,40}(?:need rcpt|rcpt first|no valid (?:rcpt|recip))", re.IGNORECASE)
_WORDS: tuple[tuple[Stage, str], ...] = (
    *((stage, _BEFORE_COMMAND + command) for stage, command in _COMMANDS),
    # Yahoo's mark, and that of some gateways.
    ("rcpt", r"\[RCPT_TO\]|\bSMTP:RCPT\b"),
    # Gmail's notices until 2013, as "Gmail's 9 state values" (bounceHammer) lists them.
    ("mail", r"\(state 13\)"),
    ("rcpt", r"\(state 14\)"),
    ("final", r"\(state 1[5-8]\)"),
    # hMailServer shows what it sent and what was replied; some servers repeat the command that they refuse.
    ("rcpt", r"\bsent: RCPT TO\b|\b5\d\d[ -](?:5\.\d\.\d{1,3} )?\"?(?:command )?RCPT\b"),
    # Postfix's and qmail's words for each step of the dialogue.
    ("connect", r"refused to talk to me|connected to \S{1,260} but greeting failed"),
    ("ehlo", r"\bmy name was rejected"),
    ("mail", r"\bbut sender was rejected"),
    ("rcpt", r"\bdoes not like recipient"),
    ("data", r"\bfailed on DATA command"),
    ("final", r"\bfailed after I sent the message"),
    # PMDF's and its heirs' (Sun, Oracle): an address is refused at RCPT, later it is the transmission that fails.
    ("rcpt", r"Remote SMTP server has rejected address"),
    ("final", r"SMTP transmission failure has occurred"),
)
_STAGES = tuple((stage, re.compile(words, re.IGNORECASE)) for stage, words in _WORDS)


def stage_in(text: str) -> Stage | None:
    """The stage the text names first, or None. Transcripts go on after a refusal: what comes later follows from it."""
    text = " ".join(text[:_LONGEST].split())
    if _NO_RECIPIENT.search(text):
        return "rcpt"
    found = [(match.start(), stage) for stage, pattern in _STAGES if (match := pattern.search(text))]
    return min(found, default=(0, None), key=lambda place: place[0])[1]
