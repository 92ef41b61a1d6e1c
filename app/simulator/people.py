"""Turns what was drawn for a message into deeds with a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from app.simulator.dice import Dice
from app.simulator.draws import Bounce, Climate, Reactions, Scan
from app.simulator.letters import Letter, read_letter
from app.simulator.mime import header
from app.simulator.returns import (
    REPORTER,
    Original,
    answer,
    complaint,
    delivery_report,
    free_text_report,
    vacation,
)
from app.simulator.words import Saying, say

SOFT_LATER = (
    ("full", Saying(552, "5.2.2", "mailbox full, the message waited and was given up", b"")),
    ("expired", Saying(451, "4.4.7", "delivery time expired, the host did not answer", b"")),
    ("policy", Saying(550, "5.7.1", "message refused by the content policy of the recipient's organization", b"")),
)
"""Why a message is returned after it was accepted, although the mailbox exists (assumed, all alike)."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one person."""

    original: Original
    message_id: str


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody or something loads addresses from a message, one after the other."""

    to: str
    message_id: str
    who: Literal["reader", "apple", "scanner"]
    kind: Literal["open", "click"]
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leave:
    """A person unsubscribes: by the mailbox's button (RFC 8058) or on the page behind the link."""

    to: str
    message_id: str
    url: str
    by_button: bool


@dataclass(frozen=True, slots=True)
class Send:
    """A letter goes to the sender; an empty one only happened, and nobody is told."""

    to: str
    message_id: str
    kind: Literal["dsn", "complaint", "autoreply", "reply"]
    reason: str = ""
    sender: str = ""
    destination: str = ""
    letter: bytes = b""
    tries: int = 0


Deed = Visit | Leave | Send
Planned = tuple[float, Deed]
"""Seconds of the world's time after delivery, and what happens then."""


def plan_return(climate: Climate, delivery: Delivery, bounce: Bounce) -> Iterator[Planned]:
    """The delivery report of a message that was accepted too early."""
    original = delivery.original
    if not original.sender:
        return
    dice = Dice(climate.seed, "return", original.to, original.sender)
    if bounce is Bounce.UNKNOWN_LATER:
        reason, saying = "unknown", say(original.provider.name, "unknown", address=original.to)
    else:
        reason, saying = SOFT_LATER[dice.pick("reason", len(SOFT_LATER))]
    letter = delivery_report(original, saying)
    after = dice.lognormal("after", *climate.rates.return_minutes) * 60
    yield after, Send(original.to, delivery.message_id, "dsn", reason, "", original.sender, letter)


def plan_blocked(climate: Climate, delivery: Delivery) -> Iterator[Planned]:
    """What comes back of a message that was taken, and then held against a blocklist."""
    original = delivery.original
    if not original.sender:
        return
    dice = Dice(climate.seed, "blocklist", original.to, original.sender)
    write = delivery_report if dice.chance("as a report", 0.5) else free_text_report
    letter = write(original, say(original.provider.name, "blocked", address=original.to))
    after = dice.lognormal("after", *climate.rates.blocklist_minutes) * 60
    yield after, Send(original.to, delivery.message_id, "dsn", "blocked", "", original.sender, letter)


APART = 5.0
"""Real seconds that a person's click keeps from a scanner's. In fast motion hours become seconds, and what nobody would
take for one visit would fall into one."""


def in_real_time(planned: Iterable[Planned], scale: float) -> list[Planned]:
    """The plan of one message in real seconds; in fast motion people's clicks are kept apart from scanners'."""
    real = [(after * scale, deed) for after, deed in planned]
    scans = [after for after, deed in real if isinstance(deed, Visit) and deed.who == "scanner"]
    if scale >= 1 or not scans:
        return real
    return [(_aside(after, scans) if _is_persons_click(deed) else after, deed) for after, deed in real]


def _is_persons_click(deed: Deed) -> bool:
    return isinstance(deed, Visit) and deed.who == "reader" and deed.kind == "click"


def _aside(after: float, scans: list[float]) -> float:
    near = [scan for scan in scans if abs(after - scan) < APART]
    return max(near) + APART if near else after


def plan_reactions(climate: Climate, delivery: Delivery, drawn: Reactions) -> Iterator[Planned]:
    """What people and machines will do with a delivered message."""
    if drawn.open is not None or drawn.prefetch is not None or drawn.scan or drawn.unsubscribe is not None:
        yield from _plan_visits(climate, delivery, drawn, read_letter(delivery.original.raw))
    yield from _plan_letters(delivery, drawn)


def _plan_visits(climate: Climate, delivery: Delivery, drawn: Reactions, letter: Letter) -> Iterator[Planned]:
    to, message_id = delivery.original.to, delivery.message_id
    dice = Dice(climate.seed, "choices", to, message_id)
    pixel = (letter.pixel,)
    if drawn.open is not None and letter.pixel:
        yield drawn.open, Visit(to, message_id, "reader", "open", pixel)
    if drawn.click is not None and letter.content:
        yield drawn.click, Visit(to, message_id, "reader", "click", (_liked(dice, letter.content),))
    if drawn.prefetch is not None and letter.pixel:
        yield drawn.prefetch, Visit(to, message_id, "apple", "open", pixel)
    if drawn.scan and (urls := _scanned(dice, letter, drawn.scan)):
        yield drawn.scan.after, Visit(to, message_id, "scanner", "click", urls)
    if drawn.unsubscribe is not None and (letter.one_click or letter.leave_page):
        by_button = bool(letter.one_click) and (drawn.one_click or not letter.leave_page)
        url = letter.one_click if by_button else letter.leave_page
        yield drawn.unsubscribe, Leave(to, message_id, url, by_button)


def _plan_letters(delivery: Delivery, drawn: Reactions) -> Iterator[Planned]:
    original, to, message_id = delivery.original, delivery.original.to, delivery.message_id
    if drawn.complaint is not None:
        address = _feedback_address(original)
        told = drawn.complaint_reported and address
        letter = complaint(original, address) if told else b""
        yield drawn.complaint, Send(to, message_id, "complaint", "", REPORTER, address, letter)
    if original.sender and drawn.vacation is not None:
        yield drawn.vacation, Send(to, message_id, "autoreply", "", "", original.sender, vacation(original))
    if original.sender and drawn.answer is not None:
        yield drawn.answer, Send(to, message_id, "reply", "", to, original.sender, answer(original))


def _feedback_address(original: Original) -> str:
    asked = header(original.head, "CFBL-Address").partition(";")[0].strip().strip("<>")
    if "@" in asked:
        return asked
    domain = original.sender.rpartition("@")[2]
    return f"fbl@{domain}" if domain else ""


def _liked(dice: Dice, links: tuple[str, ...]) -> str:
    # The further down a link stands, the fewer people reach it: 1, 1/2, 1/3 … (assumed).
    place = dice.uniform("link") * sum(1 / rank for rank in range(1, len(links) + 1))
    for rank, link in enumerate(links, start=1):
        place -= 1 / rank
        if place < 0:
            return link
    return links[-1]


def _scanned(dice: Dice, letter: Letter, scan: Scan) -> tuple[str, ...]:
    links = tuple(link for link in letter.links if link != letter.leave_page)
    if links and not scan.every_link:
        links = (links[dice.pick("scanned link", len(links))],)
    return (*links, letter.leave_page) if scan.unsubscribe_too and letter.leave_page else links
