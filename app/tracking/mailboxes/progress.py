"""How far a mailbox was read: what `Mailbox.progress` holds."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from app.tracking.mailboxes.door import Letter

TRIES = 3
"""Visits that may end at one mail before it is passed over."""
_LEFT = 100


@dataclass(frozen=True)
class Progress:
    """What is known of a mailbox. Every change is a new value; it is saved together with the mail it speaks of."""

    era: int = 0
    uid: int = 0
    """The last mail read, by IMAP."""
    uidls: frozenset[str] = frozenset()
    """The mails read, by POP3."""
    waiting: dict[str, int] = field(default_factory=dict)
    """Mails that were stored and not put away yet: key to row of `incoming_mails`."""
    left: dict[str, str] = field(default_factory=dict)
    """Mails passed over, and why: large or unreadable."""
    stuck: tuple[str, int] = ("", 0)
    """The mail being fetched just now, and how many visits have begun to."""
    refused: bool = False
    """The server does not know the password: do not ask again."""
    more: bool = False
    """The last visit ended before everything was read."""

    def begun_in(self, era: int) -> "Progress":
        """Start over when keys have got another meaning; mails that come again are known by their digest."""
        return self if era == self.era else Progress(era=era)

    def limited_to(self, present: frozenset[str] | None) -> "Progress":
        """Without the mails that are gone from the server."""
        if present is None:
            return self
        return replace(
            self,
            uidls=self.uidls & present,
            waiting={key: row for key, row in self.waiting.items() if key in present},
            left={key: why for key, why in self.left.items() if key in present},
        )

    def trying(self, letter: Letter) -> "Progress":
        key, times = self.stuck
        return replace(self, stuck=(letter.key, times + 1 if key == letter.key else 1))

    def is_hopeless(self, letter: Letter) -> bool:
        return self.stuck[0] == letter.key and self.stuck[1] >= TRIES

    def took(self, letter: Letter, row: int) -> "Progress":
        return replace(self._past(letter), waiting={**self.waiting, letter.key: row})

    def passed(self, letter: Letter, why: str) -> "Progress":
        left = {**self.left, letter.key: why} if len(self.left) < _LEFT else self.left
        return replace(self._past(letter), left=left)

    def without(self, keys: Iterable[str]) -> "Progress":
        gone = set(keys)
        return replace(self, waiting={key: row for key, row in self.waiting.items() if key not in gone})

    def _past(self, letter: Letter) -> "Progress":
        if letter.key.isdigit() and self.era:
            return replace(self, uid=int(letter.key), stuck=("", 0))
        return replace(self, uidls=self.uidls | {letter.key}, stuck=("", 0))


def read_progress(kept: dict[str, Any]) -> Progress:
    """The progress in a row."""
    stuck = kept.get("stuck") or ["", 0]
    return Progress(
        era=int(kept.get("uidvalidity", 0)),
        uid=int(kept.get("uid", 0)),
        uidls=frozenset(kept.get("uidls", ())),
        waiting={str(key): int(row) for key, row in kept.get("waiting", {}).items()},
        left={str(key): str(why) for key, why in kept.get("left", {}).items()},
        stuck=(str(stuck[0]), int(stuck[1])),
        refused=bool(kept.get("refused")),
        more=bool(kept.get("more")),
    )


def written(progress: Progress) -> dict[str, Any]:
    """The progress as it is kept; empty parts are left out."""
    parts = {
        "uidvalidity": progress.era,
        "uid": progress.uid,
        "uidls": sorted(progress.uidls),
        "waiting": progress.waiting,
        "left": progress.left,
        "stuck": list(progress.stuck) if progress.stuck[1] else None,
        "refused": progress.refused,
        "more": progress.more,
    }
    return {name: value for name, value in parts.items() if value}
