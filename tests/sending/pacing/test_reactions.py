"""Which refusals ask for another pace."""

import pytest

from app.sending.pacing.reactions import Ask, read_signal
from app.sending.pacing.rules import telling_host
from app.sending.replies import Reply
from app.sending.verdicts import judge


@pytest.mark.parametrize(
    ("provider", "stage", "code", "words", "ask"),
    [
        ("google", "final", 421, "4.7.28 unusual rate of unsolicited mail - gsmtp", Ask.REST),
        ("google", "rcpt", 450, "4.2.1 The user is receiving mail at a rate too quickly - gsmtp", None),
        ("google", "rcpt", 452, "4.2.2 The recipient's inbox is out of storage space - gsmtp", None),
        ("outlook", "rcpt", 421, "RP-001 The mail server IP has exceeded the rate limit", Ask.SLOWER),
        ("yahoo", "final", 421, "4.7.0 [TSS04] Messages temporarily deferred", Ask.REST),
        ("yahoo", "rcpt", 421, "4.7.0 [TSS05] Messages temporarily deferred", Ask.SLOWER),
        ("firm.test", "rcpt", 451, "4.7.1 Greylisted, come back in five minutes", None),
        ("firm.test", "rcpt", 450, "4.2.0 Mailbox busy", None),
        ("firm.test", "rcpt", 421, "4.7.0 Too many concurrent connections", Ask.FEWER),
        ("firm.test", "rcpt", 554, "5.7.1 Your IP is on the blocklist of Spamhaus", Ask.BLOCK),
        ("google", "final", 550, "5.7.26 Unauthenticated mail, DMARC - gsmtp", Ask.BLOCK),
        ("firm.test", "rcpt", 550, "5.1.1 User unknown", None),
        ("firm.test", "final", 554, "5.7.1 Message rejected as spam", None),
        ("firm.test", "final", 550, "5.7.1 Message rejected due to local policy", None),
        ("firm.test", "mail", 421, "4.7.0 Too many concurrent connections", None),
        ("firm.test", "final", 451, "4.3.0 Local error in processing", Ask.MAYBE),
        ("firm.test", "rcpt", 451, "4.3.0 Local error in processing", None),
    ],
)
def test_what_replies_ask_for(provider: str, stage: object, code: int, words: str, ask: Ask | None) -> None:
    verdict = judge(1, 0.0, stage, Reply(code, words), telling_host(provider))  # type: ignore[arg-type]
    signal = read_signal(provider, stage, verdict)  # type: ignore[arg-type]
    assert (signal.ask if signal else None) is ask
