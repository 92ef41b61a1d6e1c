"""Notices of failure in prose, as values for tests."""

from dataclasses import dataclass

from tests.mail.letters import RETURN_ADDRESS, TOKEN

RETURNED = f"Received: from mail.example.com\nMessage-ID: <{TOKEN}@mail.example.com>\nTo: bystander@example.net\n"


@dataclass(frozen=True)
class Notice:
    """A notice and what it says: address, reason and suppression of each recipient."""

    raw: bytes
    told: tuple[tuple[str, str, bool], ...]
    kind: str = "bounce"


def notice(
    sender: str,
    subject: str,
    body: str,
    *told: tuple[str, str, bool],
    kind: str = "bounce",
    charset: str = "utf-8",
    markup: str = "plain",
    more: str = "",
) -> Notice:
    head = f"From: {sender}\nTo: {RETURN_ADDRESS}\nSubject: {subject}\n{more}MIME-Version: 1.0\n"
    head += f'Content-Type: text/{markup}; charset="{charset}"\nContent-Transfer-Encoding: 8bit\n\n'
    return Notice(
        head.replace("\n", "\r\n").encode() + body.lstrip("\n").replace("\n", "\r\n").encode(charset), told, kind
    )


ADA = "ada@example.org"
GRACE = "grace@example.org"
DEAD = (ADA, "userunknown", True)
