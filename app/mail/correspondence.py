"""Mail that reports nothing: automatic answers, challenges, mailing lists, answers from people, and the rest."""

from app.mail.autoreply import autoreply_sign, opening_of_absence
from app.mail.challenge import challenge_sign
from app.mail.fields import Fields
from app.mail.incoming import Kind, RecipientReport
from app.mail.mime import Part
from app.mail.own_words import own_words
from app.mail.reasons import REASONS
from app.mail.recipients import first_address, unjudged

_OPENING = 1500


def read_correspondence(mail: Part, tokens: tuple[str, ...]) -> tuple[Kind, tuple[RecipientReport, ...], str]:
    """The kind of a mail that is no report, who is absent if it says so for somebody, and what shows it."""
    header = mail.header
    if "X-Merpati-Message" in header:
        return "none", (), "a mail of ours came back whole"
    opening = own_words(mail)[:_OPENING]
    if sign := challenge_sign(header, opening):
        return "challenge", (), sign
    if sign := _robot_of_list(header):
        return "list", (), sign
    if sign := autoreply_sign(header) or _absence(header, opening):
        absent = first_address(header.text("From"))
        return "autoreply", (unjudged(absent, REASONS["vacation"], sign),) if absent else (), sign
    if not first_address(header.text("From")):
        return "none", (), "names nobody who wrote it"
    if "<>" in header.all("Return-Path")[:1] and mail.content_type != "multipart/report":
        # People's programs name whom to tell of a failure; what names nobody is automatic (RFC 5321 §4.5.5).
        return "autoreply", (), "no return path"
    if tokens:
        return "reply", (), "answers a message of ours"
    if sign := _list_sign(header):
        return "list", (), sign
    return "none", (), ""


def _absence(header: Fields, opening: str) -> str:
    """Answers by programs that mark them in no way: only their first words tell. New mail by people is not asked."""
    return opening_of_absence(opening) if "In-Reply-To" in header or "References" in header else ""


def _robot_of_list(header: Fields) -> str:
    """A list's own word to whoever posts to it. It refers to our mail, and is no answer by a person."""
    return "X-List-Administrivia" if header.text("X-List-Administrivia").lower() == "yes" else ""


def _list_sign(header: Fields) -> str:
    """RFC 2919, RFC 2369, and the marks of older list managers."""
    for name in ("List-Id", "List-Post", "Mailing-List"):
        if name in header:
            return f"{name}: {header.text(name)[:100]}"
    return "Precedence: list" if header.text("Precedence").lower() == "list" else ""
