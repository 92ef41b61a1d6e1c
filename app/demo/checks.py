"""What Merpati believes against what the simulated world knows it did."""

from dataclasses import dataclass
from pathlib import Path

from app.messages.lifecycle import State
from app.reporting.report import Report
from app.simulator.truth import Entry, summarise


@dataclass(frozen=True)
class Check:
    """One number from both sides; `exact` ones must agree, but for a `slack` that is known."""

    what: str
    believed: int
    true: int
    exact: bool = True
    slack: int = 0

    @property
    def ok(self) -> bool:
        return not self.exact or abs(self.believed - self.true) <= self.slack


def compare(report: Report, people: int, truth_path: Path, domain_of_ids: str, *, doubt: int = 0) -> list[Check]:
    """All checks of one campaign, whose Message-IDs end in `domain_of_ids`.

    `doubt` is how many messages may be in doubt: none, unless a worker was killed while it waited for answers.
    """

    def ours(entry: Entry) -> bool:
        name = entry["message_id"] or entry.get("sender", "")
        return str(name).strip("<>").endswith(domain_of_ids) or not name or "sender" in entry

    truth = summarise(truth_path, ours)
    ledger, total = report.ledger, report.total
    return [
        Check("people in the ledger", ledger.audience, people),
        Check("messages that servers took", total.mailed, truth.accepted, slack=ledger.count(State.UNCERTAIN)),
        Check("sent twice", 0, truth.duplicates),
        Check(
            "bounced: refused for good, or sent back",
            ledger.count(State.BOUNCED),
            truth.hard_bounced + truth.refused + truth.returned,
        ),
        Check("in doubt", ledger.count(State.UNCERTAIN), 0, slack=doubt),
        Check("still open", ledger.open, 0),
        Check("people who clicked", total.clicked_human, truth.human_clickers),
        Check("people who unsubscribed", total.unsubscribed, truth.unsubscribed),
        Check("complaints that were reported", total.complained, truth.complaints_reported),
        Check("people who opened", total.opened_human, truth.human_openers, exact=False),
        Check("messages machines opened", report.machine_opens, truth.openers - truth.human_openers, exact=False),
        Check(
            "messages only machines clicked", report.machine_clicks, truth.clickers - truth.human_clickers, exact=False
        ),
        Check("visits without a good answer", truth.failed, 0),
    ]
