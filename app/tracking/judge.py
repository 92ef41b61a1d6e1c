"""Human, machine or suspected: what one request says, and what several together say. Pure functions.

Nothing is ever thrown away: the label and its reasons stand beside the event, and can be given anew. Public lists of
robots call the image proxies of Gmail and Yahoo robots; here they are what they are: people whose provider fetches
for them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from app.tracking.hits import Hit

HUMAN, MACHINE, SUSPECTED = "human", "machine", "suspected"

APPLE_PROXY = "Mozilla/5.0"
"""Mail Privacy Protection fetches all images ahead with exactly this; it may or may not have been seen by a person."""
GMAIL_PREFETCH = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)
IMAGE_PROXIES = ("GoogleImageProxy", "YahooMailProxy")
SCANNERS = ("Barracuda Sentinel",)
PROGRAMS = ("curl/", "Wget/", "python-requests/", "python-httpx/", "Go-http-client/", "libwww-perl/", "Java/")
SOON = 300.0
"""Seconds after the hand-over within which gateways follow links: bursts were seen from 1 s to 5 min after sending."""
BURST_SECONDS = 2.0
BURST_LINKS = 3
FEW_LINKS = 6
CROWD_SECONDS = 60.0
CROWD = 3


@dataclass(frozen=True, slots=True)
class Judgement:
    """A label with the reasons for it, one word each."""

    label: str
    reasons: tuple[str, ...]


def judge(hit: Hit, seconds_since_sent: float | None) -> Judgement:
    """What a single request says."""
    agent = hit.agent.strip()
    if hit.method in ("HEAD", "OPTIONS"):
        return Judgement(MACHINE, ("method",))
    if any("prefetch" in hit.hints.get(name, "").lower() for name in ("purpose", "sec-purpose", "x-moz")):
        return Judgement(MACHINE, ("prefetch",))
    if any(word in agent for word in SCANNERS):
        return Judgement(MACHINE, ("scanner",))
    if not agent or agent.startswith(PROGRAMS):
        return Judgement(MACHINE, ("program",))
    if hit.kind == "opened":
        if any(word in agent for word in IMAGE_PROXIES):
            return Judgement(HUMAN, ("image-proxy",))
        if agent == APPLE_PROXY:
            return Judgement(MACHINE, ("apple-proxy",))
        if agent == GMAIL_PREFETCH:
            return Judgement(MACHINE, ("gmail-prefetch",))
    if hit.zone and (seconds_since_sent is None or seconds_since_sent <= SOON):
        return Judgement(SUSPECTED, ("data-centre",))
    return Judgement(HUMAN, ())


@dataclass(frozen=True, slots=True)
class Click:
    """What is needed of a click to see it among others. `at` in seconds."""

    at: float
    message_id: int
    link: str
    network: str
    agent: str


def bursts(clicks: Sequence[Click], links_in_message: int) -> set[int]:
    """Positions of clicks of *one* message that belong to a burst over its links.

    A burst: three distinct links, or half of them where a message has fewer than six (two at the least), within two
    seconds.
    """
    needed = BURST_LINKS if links_in_message >= FEW_LINKS else max(2, -(-links_in_message // 2))
    return _dense(clicks, range(len(clicks)), BURST_SECONDS, needed, lambda click: click.link)


def crowds(clicks: Sequence[Click]) -> set[int]:
    """Positions of clicks where one network and program acted for three recipients or more within a minute.

    An office behind one address does the same in good faith, so this makes a click suspected, not machine.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for position, click in enumerate(clicks):
        if click.network:
            groups.setdefault((click.network, click.agent), []).append(position)
    found: set[int] = set()
    for positions in groups.values():
        found |= _dense(clicks, positions, CROWD_SECONDS, CROWD, lambda click: str(click.message_id))
    return found


def _dense(
    clicks: Sequence[Click], positions: Iterable[int], seconds: float, needed: int, what: Callable[[Click], str]
) -> set[int]:
    """Positions within a window of time that holds enough different things. One walk, however many clicks."""
    order = sorted(positions, key=lambda position: clicks[position].at)
    seen: Counter[str] = Counter()
    found: set[int] = set()
    start = taken = 0
    for end, position in enumerate(order):
        seen[what(clicks[position])] += 1
        while clicks[position].at - clicks[order[start]].at > seconds:
            left = what(clicks[order[start]])
            seen[left] -= 1
            if not seen[left]:
                del seen[left]
            start += 1
        if len(seen) >= needed:
            found.update(order[max(start, taken) : end + 1])
            taken = end + 1
    return found
