"""Mail in which many small things each give the reader a reason to look at many large ones, or at one long story."""

from tests.mail.patterns import BETWEEN, all_patterns, pieces

SIZE = 1_000_000

HEADS = {
    "person": b"From: ada@example.org\nSubject: hi\n",
    "daemon": b"From: MAILER-DAEMON@example.org\nSubject: failure notice\n",
    "office": b"From: postmaster@example.org\nReturn-Path: <>\nSubject: undeliverable mail\n",
    "answer": b"From: ada@example.org\nSubject: Re: hi\nIn-Reply-To: <x@example.com>\nAuto-Submitted: auto-replied\n",
    "wish": b"From: ada@example.org\nSubject: unsubscribe\nAuto-Submitted: auto-replied\n",
}
TYPES = {
    "mixed": b"multipart/mixed",
    "report": b"multipart/report",
    "complaint": b"multipart/report; report-type=feedback-report",
}
# What makes the reader ask what the whole mail is.
REASONS = {
    "recipient field": b"Content-Type: text/plain\n\nReceived: x\nFinal-Recipient: rfc822; ada@example.org",
    "glued fields": b"Content-Type: message/delivery-status\n\n" + b"Final-Recipient: rfc822; ada@example.org\n" * 20,
    "report within": b"Content-Type: message/rfc822\n\nContent-Type: multipart/report; boundary=c\n\n--c\n\nhi\n--c--",
    "header": b"Content-Type: text/rfc822-headers\n\nReceived: x\nTo: ada@example.org",
    "feedback": b"Content-Type: text/plain\n\nReceived: x\nFeedback-Type: abuse",
    "charset": b"Content-Type: text/plain; charset=x-unknown\n\nReceived: \xff",
}
# What is dear to look at.
LARGE = {
    "page": b"Content-Type: text/html\n\n",
    "returned": b"Content-Type: text/plain\n\nReceived: x\n",
    "words": b"Content-Type: text/plain\n\n",
    "status": b"Content-Type: message/delivery-status\n\n",
    "complaint": b"Content-Type: message/feedback-report\n\n",
    "mail": b"Content-Type: message/rfc822\n\n",
    "header": b"",
    "parts": b"Content-Type: multipart/mixed\n\n",
}
_MARKUP = ("&#32;", "<x>", "<style></style>", "<style>", "<br> <div>&nbsp;", "<p> ", "<pre>", "<a ", "&#0000000032;")
FILLERS = sorted(
    {piece + between for _, pattern in all_patterns() for piece in pieces(pattern) for between in BETWEEN}
    | {*_MARKUP, "x:\n", "\n", "ada@example.org ", "m-", "user message mail ", "a" * 64 + "@" + "b" * 253}
)


def amplified(head: bytes, kind: bytes, reasons: list[bytes], large: list[bytes], filler: str) -> bytes:
    """A mail of at least so many parts, the large ones filled up to a megabyte together."""
    room = SIZE // max(len(large), 1)
    whole = [*reasons, *(part + _filled(filler, room) for part in large)]
    return head + b"Content-Type: " + kind + b"; boundary=b\n\n" + b"".join(b"--b\n%s\n" % part for part in whole)


def _people(count: int) -> list[bytes]:
    return [b"ada%d@example.org" % number for number in range(count)]


def crowds(count: int, filler: str) -> dict[str, bytes]:
    """Notices that tell a long story of each of so many recipients, in the forms that the reader knows."""
    daemon, people = HEADS["daemon"], _people(count)
    line = _filled(filler, 30_000 // count).replace(b"\n", b" ")
    story = _filled(filler, 28_000)
    field = b"Final-Recipient: rfc822; %s\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 %s\n\n"
    fields = b"".join(field % (one, line) for one in people)
    named = daemon + b"X-Failed-Recipients: " + b", ".join(people) + b"\n\n"
    announced = b"The following recipients:\n"
    return {
        "fields": daemon + b"Content-Type: message/delivery-status\n\n" + fields,
        "fields and list": amplified(
            daemon, TYPES["report"], [b"\n" + announced + line, LARGE["status"] + fields], [], ""
        ),
        "header": named + b" ".join(people) + story,
        "header and words": named + b"".join(b" %s %s" % (one, line) for one in people),
        "brackets": daemon + b"\n" + b"".join(b"<%s>: %s\n\n" % (one, line) for one in people),
        "list": daemon + b"\n" + announced + b"".join(b"  %s\n    %s\n" % (one, line) for one in people),
        "list above": daemon + b"\n" + announced + b"".join(b"  %s\n" % one for one in people) + b"------\n" + story,
        "labels": daemon + b"\n" + b"".join(b"Recipient: <%s>\n" % one for one in people) + b"550 no\n" + story,
        "labels and words": daemon + b"\n" + b"".join(b"Recipient: <%s> 550 %s\n" % (one, line) for one in people),
        "dialogue": daemon + b"\n" + b"".join(b"RCPT TO:<%s>\n550 %s\n" % (one, line) for one in people),
        "dots": daemon + b"\n" + b"".join(b"<%s>... %s\n" % (one, line) for one in people),
    }


def _filled(filler: str, room: int) -> bytes:
    unit = filler.encode("utf-8", "replace")
    return (unit * (room // len(unit) + 1))[:room]
