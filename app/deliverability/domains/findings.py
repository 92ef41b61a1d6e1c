"""What a check found, as it is kept from one look to the next."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from app.deliverability.domains.records.dns import Problem

Kind = Literal[
    "spf", "dkim", "dmarc", "alignment", "reports", "mx", "mx-bounce", "soa", "soa-bounce", "ptr", "tls", "bimi"
]
State = Literal["ok", "missing", "wrong", "unknown", "skipped"]

MOST_FOUND = 5
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """`found`: what DNS has, in its words. `trouble`: why the last look brought nothing; the rest is from before it."""

    kind: Kind
    state: State
    found: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    at: int = 0
    trouble: str = ""

    @property
    def is_bad(self) -> bool:
        return self.state in ("missing", "wrong")

    def has(self, *codes: str) -> bool:
        """Whether one of these problems is among its own."""
        return any(problem.code in codes for problem in self.problems)

    def to_json(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "found": [text[:LONGEST] for text in self.found[:MOST_FOUND]],
            "problems": [[each.code, dict(each.values), each.is_fault] for each in self.problems[:20]],
            "at": self.at,
            "trouble": self.trouble,
        }


def read_finding(kind: str, stored: dict[str, Any]) -> Finding:
    """A finding as `to_json` wrote it."""
    problems = (Problem(code, tuple(values.items()), is_fault) for code, values, is_fault in stored["problems"])
    return Finding(
        cast(Kind, kind),
        cast(State, stored["state"]),
        tuple(stored["found"]),
        tuple(problems),
        int(stored["at"]),
        str(stored["trouble"]),
    )


def concluded(kind: Kind, found: tuple[str, ...], problems: list[Problem], *, missing: bool = False) -> Finding:
    """The finding that follows from problems: wrong with a fault among them, else fine."""
    if missing:
        return Finding(kind, "missing", found, tuple(problems))
    state: State = "wrong" if any(problem.is_fault for problem in problems) else "ok"
    return Finding(kind, state, found, tuple(problems))


def merged(before: Finding | None, now: Finding, at: int) -> Finding:
    """Where DNS was silent, or what a record points to was not to be had, the last finding stays, and says so.

    Not the last finding of another record: then what is known of this one is told.
    """
    if now.state != "unknown":
        return replace(now, at=at)
    is_same = before is not None and before.to_json()["found"] == now.to_json()["found"]
    if before and (not now.found or (is_same and before.state != "unknown")):
        return replace(before, trouble=now.trouble)
    return replace(now, at=at, trouble="") if now.found else now


def has_answers(findings: Iterable[Finding]) -> bool:
    """Whether DNS said anything at this look. That no key signs is known without it."""
    return any(each.kind != "dkim" and each.state in ("ok", "missing", "wrong") for each in findings)
