"""Reasons by code, for replies whose text says nothing that is known (RFC 3463, 5248, 5321, 7372, 7504, 7505)."""

from typing import Literal

Stage = Literal["connect", "ehlo", "mail", "rcpt", "data", "final"]
"""How far the SMTP dialogue was: greeting, EHLO or STARTTLS, MAIL, RCPT, DATA, the dot that ends the message."""

# Subject and detail of an enhanced status code. x.7.1 and x.x.0 say nothing by themselves.
_BY_DETAIL = {
    (1, 1): "userunknown",
    (1, 2): "hostunknown",
    (1, 6): "hasmoved",
    (1, 7): "rejected",
    (1, 8): "rejected",
    (1, 10): "notaccept",
    (2, 0): "filtered",
    (2, 1): "filtered",
    (2, 2): "mailboxfull",
    (2, 3): "exceedlimit",
    (2, 4): "filtered",
    (3, 1): "systemfull",
    (3, 4): "mesgtoobig",
    (4, 1): "networkerror",
    (4, 2): "networkerror",
    (4, 3): "networkerror",
    (4, 4): "networkerror",
    (4, 5): "systemerror",
    (4, 6): "networkerror",
    (4, 7): "expired",
    (7, 2): "filtered",
    (7, 4): "securityerror",
    (7, 5): "securityerror",
    (7, 8): "securityerror",
    (7, 9): "securityerror",
    (7, 10): "failedstarttls",
    (7, 11): "securityerror",
    # RFC 7293: the address has another owner since, or its domain has.
    (7, 17): "hasmoved",
    (7, 18): "hasmoved",
    (7, 25): "requireptr",
    (7, 27): "rejected",
    (7, 28): "speeding",
}
_BY_SUBJECT = {3: "systemerror", 4: "networkerror", 5: "syntaxerror", 6: "contenterror"}
_AUTHENTICATION = range(20, 27)

# 550, 553 and 554 are missing on purpose: without words they may mean anything, and a guess costs good subscribers.
_BY_REPLY = {
    421: "systemerror",
    451: "systemerror",
    452: "systemfull",
    454: "securityerror",
    500: "syntaxerror",
    501: "syntaxerror",
    502: "syntaxerror",
    503: "syntaxerror",
    504: "syntaxerror",
    521: "notaccept",
    530: "securityerror",
    534: "securityerror",
    535: "securityerror",
    538: "securityerror",
    552: "mailboxfull",
    555: "syntaxerror",
    556: "notaccept",
}
_BY_REPLY_TO_CONTENT = {452: "systemfull", 552: "mesgtoobig"}


def reason_by_code(status: str, reply_code: int | None, stage: Stage | None) -> str | None:
    """The reason for an enhanced status code (`5.1.1`, may be empty), else for a reply code, else None."""
    parts = status.split(".")
    if len(parts) == 3:
        subject, detail = int(parts[1]), int(parts[2])
        if found := _BY_DETAIL.get((subject, detail)):
            return found
        if subject == 7 and detail in _AUTHENTICATION:
            return "authfailure"
        if subject in _BY_SUBJECT and (subject, detail) != (5, 0):
            return _BY_SUBJECT[subject]
    if stage in ("data", "final") and reply_code in _BY_REPLY_TO_CONTENT:
        return _BY_REPLY_TO_CONTENT[reply_code]
    return _BY_REPLY.get(reply_code or 0)
