"""What the complaints about one campaign mean, group by group and all together: arithmetic, without a database.

A group is a mailbox provider, or a domain of which none is known. Anybody can sign up at a domain of their own and
write reports about what they got: so a small part of a campaign never pauses the whole of it, and of few people the
reports that nobody vouched for count as one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.deliverability.guard.rule import ENOUGH, FEW_PEOPLE, SIZEABLE, Judgement, Lines, is_sizeable, judge
from app.deliverability.watch.loops import SILENT
from app.sending.pacing.rules import site_of
from app.sending.pacing.words import label_of

TOGETHER = ""
"""In place of a provider: all that tell of complaints."""
_GRAVITY: tuple[Judgement, ...] = ("fine", "warn", "pause")

Spared = Literal["", "small", "unproven"]


@dataclass(frozen=True, slots=True)
class Tally:
    """Complaints about one campaign by one group, or by all of them."""

    provider: str
    complaints: int
    proven: int
    """Those that a webhook told, whose secret only the sending service knows; a report by mail proves nothing."""
    latest: datetime
    """When the last of them was heard."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A tally, what it is of, and what follows."""

    tally: Tally
    delivered: int
    counted: int
    """The complaints that can pause."""
    verdict: Judgement
    spared: Spared = ""
    """Why it pauses nothing though its rate is beyond that line."""


def judge_groups(
    tallies: Sequence[Tally], delivered: Mapping[str, int], lines: Lines, *, known: Collection[str] = ()
) -> list[Judged]:
    """Every group, and all together where that says more than each of them, or is among the `known`."""
    heard = [count for provider, count in delivered.items() if provider not in SILENT]
    is_part, of_all = len(heard) > 1, sum(delivered.values())
    parts = [_of_group(one, delivered.get(one.provider, 0), of_all, lines, is_part=is_part) for one in tallies]
    all_told = together(tallies)
    if all_told is None or not is_part:
        return parts
    counted = _counted_together([one for one in parts if one.tally.provider not in SILENT])
    whole = Judged(all_told, sum(heard), counted, judge(counted, sum(heard), lines))
    is_more = _GRAVITY.index(whole.verdict) > max(_GRAVITY.index(one.verdict) for one in parts)
    return [*parts, whole] if is_more or TOGETHER in known else parts


def together(tallies: Sequence[Tally]) -> Tally | None:
    """Of the groups that tell of complaints."""
    heard = [one for one in tallies if one.provider not in SILENT]
    if not heard:
        return None
    latest = max(one.latest for one in heard)
    return Tally(TOGETHER, sum(one.complaints for one in heard), sum(one.proven for one in heard), latest)


def describe(judged: Judged, domain: str, lines: Lines) -> str:
    """The numbers in a sentence, and why they pause nothing where they might."""
    tally, delivered = judged.tally, judged.delivered
    line = lines.pause if judged.verdict == "pause" or judged.spared else lines.warn
    rate = tally.complaints / delivered if delivered else 0.0
    where = f" at {label_of(tally.provider)}" if tally.provider else ""
    said = (
        f"{tally.complaints:,} complaint{'' if tally.complaints == 1 else 's'} of {delivered:,} messages "
        f"delivered{where} in seven days from {domain}, {rate:.2%} (the line is {line:.2%})."
    )
    if judged.spared == "small":
        return f"{said} They pause nothing: under {SIZEABLE:.0%} of the delivered mail, and under {ENOUGH:,} messages."
    if judged.spared == "unproven":
        return f"{said} They pause nothing: reports by plain mail can be forged, and few people are there."
    if judged.counted < tally.complaints:
        return f"{said} {judged.counted:,} of them counted: of few people, reports by plain mail are taken for one."
    return said


def _of_group(tally: Tally, delivered: int, of_all: int, lines: Lines, *, is_part: bool) -> Judged:
    counted = _counted(tally, delivered)
    verdict = judge(tally.complaints, delivered, lines, is_part=is_part)
    spared: Spared = ""
    if verdict == "pause" and judge(counted, delivered, lines, is_part=is_part) != "pause":
        verdict, spared = "warn", "unproven"
    elif verdict == "pause" and is_part and not is_sizeable(delivered, of_all):
        verdict, spared = "warn", "small"
    return Judged(tally, delivered, counted, verdict, spared)


def _counted(tally: Tally, delivered: int) -> int:
    return (
        tally.complaints if _is_believed(tally, delivered) else tally.proven + min(1, tally.complaints - tally.proven)
    )


def _counted_together(parts: Sequence[Judged]) -> int:
    # One person may own many domains below one name.
    sites = {
        site_of(one.tally.provider)
        for one in parts
        if not _is_believed(one.tally, one.delivered) and one.tally.complaints > one.tally.proven
    }
    believed = sum(one.tally.complaints for one in parts if _is_believed(one.tally, one.delivered))
    proven = sum(one.tally.proven for one in parts if not _is_believed(one.tally, one.delivered))
    return believed + proven + len(sites)


def _is_believed(tally: Tally, delivered: int) -> bool:
    """Whether reports without proof count one by one. Who tells nobody of complaints has sent none."""
    return delivered >= FEW_PEOPLE and tally.provider not in SILENT
